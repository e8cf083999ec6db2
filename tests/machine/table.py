"""The table of what machines survived: one line a fault, made by the run of the tests."""

from pathlib import Path
from typing import NamedTuple

HEAD = """\
# What devrig survives

Each line is a test that breaks a machine, a container of that release, and looks at what is left: a clear message,
nothing lost, a next run that does what was left undone, and one after it that changes nothing.
`./test machine` makes this table.

"""


class Outcome(NamedTuple):
    """What became of a test: its place among the tests, the fault, what must hold, the release, whether it passed."""

    place: int
    fault: str
    holds: str
    release: str
    passed: bool


def table(outcomes):
    """Return the table as Markdown.

    :param outcomes: of all tests, in any order; of several for a fault and a release all must have passed.
    """
    releases = sorted({each.release for each in outcomes})
    rows = {}
    for each in sorted(outcomes):
        marks = rows.setdefault((each.fault, each.holds), {})
        marks[each.release] = marks.get(each.release, True) and each.passed
    lines = [["fault", "what holds", *releases], ["---"] * (2 + len(releases))]
    words = {True: "survived", False: "**FAILED**", None: "not run"}
    lines += [[*row, *(words[marks.get(release)] for release in releases)] for row, marks in rows.items()]
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def outcomes_of(reports):
    """Return the outcomes of pytest's reports, which carry them as a property."""
    found = []
    for report in reports:
        for name, value in getattr(report, "user_properties", []):
            if name == "survives" and (report.when == "call" or report.failed):
                found.append(Outcome(*value, report.passed))
    return found


def write(path, outcomes):
    """Write the table into a file."""
    Path(path).write_text(table(outcomes), encoding="utf-8")
