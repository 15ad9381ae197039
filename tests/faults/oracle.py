"""What must hold after a fault: the log as it is read after a restart without faults, against what
the clients were told. Pure functions; oracle_test.py shows that each can say no.
"""


def numbers_in(entries):
    """{n: [offsets]} of the creations in a log of {offset: entry}."""
    found = {}
    for offset, entry in entries.items():
        if entry["type"] == "create_instance":
            found.setdefault(int(entry["instance_id"][1:]), []).append(offset)
    return found


def wrong_in(entries, history, shows=lambda number: False):
    """Sentences about everything in the log that breaks a promise; empty when nothing does.

    A log that was shortened begins later; what lies before it has to be in the state:
    `shows(number)` says whether the instance of a write is there as it was written.
    """
    wrong = []
    oldest = min(entries, default=1)
    if sorted(entries) != list(range(oldest, oldest + len(entries))):
        wrong.append(f"the offsets are not dense: {sorted(entries)[:10]}")
    found = numbers_in(entries)
    for number, offset in history.acknowledged.items():
        if offset < oldest:
            if not shows(number):
                wrong.append(f"write {number}, acknowledged at {offset}, is not in the state")
        elif found.get(number) != [offset]:
            wrong.append(f"write {number}, acknowledged at {offset}, is at {found.get(number)}")
        elif entries[offset]["initial_ctx"]["n"] != number:
            wrong.append(f"write {number} has another context")
    for number in history.refused:
        if number in found:
            wrong.append(f"write {number} was refused and is there")
    for number, offsets in found.items():
        if number > history.count:
            wrong.append(f"write {number} was never sent")
        if len(offsets) > 1:
            wrong.append(f"write {number} is there {len(offsets)} times")
    return wrong


def died_by_signal(code, expected_kill=False):
    return code is not None and code < 0 and not expected_kill
