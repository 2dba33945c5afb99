"""The senders' ledgers (tests/load/ledger.h): each line into the table of its kind, with its place over all of them."""
import contextlib
import itertools

KINDS = ("mark", "mark_correction", "mark_withdrawal", "register", "register_replacement", "register_withdrawal", "absence_change",
         "accepted", "rejected")


def is_whole(line):
    """Else its sender died in the middle of it."""
    return line.endswith("\n") and not line.endswith(" torn\n")


def load(books, paths):
    with contextlib.ExitStack() as stack:
        tables = {kind: stack.enter_context(books.copy_in(f"ledger.{kind}", "(delimiter ' ', null '-')")) for kind in KINDS}
        files = [stack.enter_context(open(path, encoding="ascii")) for path in paths]
        for place, line in enumerate(filter(is_whole, itertools.chain.from_iterable(files))):
            kind, rest = line.split(" ", 1)
            tables[kind].write(f"{place} {rest}")
