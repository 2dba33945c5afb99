"""Whether a text is what Prometheus reads (text format 0.0.4), more strictly than it does: what `promtool check metrics` says, without
its 96 MB package."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (\S+)(?: -?\d+)?")
COMMENT = re.compile(rf"# (HELP|TYPE) ({NAME}) (\S.*)")
TYPES = ("counter", "gauge")  # of ours


def problems(text):
    """A list of words, empty where all is well."""
    found, told, samples, current = [], {}, set(), None
    if not text.endswith("\n"):
        found.append("the last line has no end")
    for line in text.splitlines():
        if comment := COMMENT.fullmatch(line):
            kind, name, words = comment.groups()
            current = name
            if (name, kind) in told or name in samples:
                found.append(f"{name}: {kind} again, or behind a sample")
            told[name, kind] = words
        elif sample := SAMPLE.fullmatch(line):
            found += sample_problems(sample, told, samples, current)
        else:
            found.append(f"neither a sample nor a comment: {line}")
    return found


def sample_problems(sample, told, samples, current):
    name, labels, value = sample.groups()
    kind = told.get((name, "TYPE"))
    wrong = {
        "does not stand with its family": name != current,
        "has no help": (name, "HELP") not in told,
        f"has the type {kind}": kind not in TYPES,
        "is a counter without _total, or no counter with it": (kind == "counter") != name.endswith("_total"),
        "comes twice": (name, labels) in samples,
        f"has no number: {value}": not is_number(value),
        "has no base unit": re.search(r"_(ms|us|milliseconds|kb|minutes|hours|days)(_|$)", name) is not None,
    }
    samples.update((name, (name, labels)))
    return [f"{name} {words}" for words, holds in wrong.items() if holds]


def is_number(value):
    try:
        float(value)
    except ValueError:
        return False
    return True
