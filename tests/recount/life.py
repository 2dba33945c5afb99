"""The life of one item, place by place, from the installation itself: what an operator looks at first."""
import re
import subprocess

import checks
import topics

NODES = """with recursive above (tree, node) as (
        select tree, node from place where organisation = '{organisation}'
        union select n.tree, n.parent from above a join node n on n.tree = a.tree and n.node = a.node where n.parent is not null)
    select * from above"""


def say(place, lines):
    for number, line in enumerate(lines or ["nothing"]):
        print(f"    {place if number == 0 else '':<28} {line}")


def ledger_lines(ledgers, item):
    said = subprocess.run(["grep", "-H", "-n", "-F", item, *ledgers], stdout=subprocess.PIPE, text=True, check=False).stdout
    return [":".join(line.split(":", 2)[:2]) + " " + line.split(":", 2)[2] for line in said.splitlines()]


def rows(installation, service, select):
    """Each row in words: what is neither NULL nor 0."""
    return [said for said, in installation.rows(service, f"""
        select string_agg(key || ' ' || said, ', ' order by place)
        from (select row_number() over () as number, r.* from ({select}) r) r,
             jsonb_each_text(jsonb_strip_nulls(to_jsonb(r))) with ordinality as e (key, said, place)
        where key not in ('number', 'fingerprint', 'month') and said <> '0' group by number order by number""")]


def events(installation, topic, item):
    """Of the whole topic, those of this id."""
    command = installation.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %k %h\n")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if f"ce_id={item}" in line:
                partition, offset, key, headers = line.rstrip("\n").split(" ", 3)
                found = dict(re.findall(r"(ce_type|ce_time|eiso_position)=([^,]*)", headers))
                yield (f"{topic}[{partition}]@{offset}: {found['ce_type']} of {found['ce_time']}, "
                       f"position and the one before it {found['eiso_position']}, key {key}")


def cells(installation, service_rows):
    """Those that the item's rows should have moved, (organisation, date, slot) each, and the days of the nodes above."""
    for organisation, date, slot in sorted(service_rows):
        yield from rows(installation, "reports", f"""select * from cell
            where organisation = '{organisation}' and date = '{date}' and slot = {slot}""")
        above = NODES.format(organisation=organisation)
        for tree, node in installation.rows("reports", above):
            yield from rows(installation, "reports", f"""select tree, node, date, {checks.COUNTED} from node_day
                where (tree, node) = ({tree}, '{node}') and date = '{date}'""")


def show(installation, ledgers, item):
    print(f"  the life of {item}:")
    say("ledger", ledger_lines(ledgers, item))
    moved = set()
    for service, table, of, slot in (("grades", "mark", "'{0}' in (id, replaces, withdraws)", "coalesce(lesson, 0)"),
                                     ("attendance", "register", "'{0}' in (id, replaces, withdraws)", "slot")):
        where = of.format(item)
        say(service, rows(installation, service, f"select * from {table} where {where}"))
        moved |= {tuple(row) for row in installation.rows(service, f"select organisation, date, {slot} from {table} where {where}")}
    say("attendance's absences", rows(installation, "attendance", f"select * from absence where register = '{item}'"))
    say("attendance's changes", rows(installation, "attendance", f"select * from absence_change where '{item}' in (id, register)"))
    for topic in topics.TOPICS:
        say(topic, list(events(installation, topic, item)))
    say("notify's feed", rows(installation, "notify", f"select * from feed where event = '{item}' or corrects = '{item}'"))
    say("reports' cells", list(cells(installation, moved)))
