"""The table of what machines survived: one line a fault, made by the run of the tests."""

from pathlib import Path
from typing import NamedTuple

HEAD = """\
# What devrig survives

Each line is a test that breaks a machine, a container of that release, and looks at what is left: a clear message,
nothing lost, a next run that does what was left undone, and one after it that changes nothing.
`./test machine --table docs/reliability.md` writes this table; with `-k ...` only the lines of what ran.

"""


class Outcome(NamedTuple):
    """What became of a test: its place among the tests, the fault, what must hold, the release, whether it passed."""

    place: int
    fault: str
    holds: str
    release: str
    passed: bool


def table(outcomes, before=""):
    """Return the table as Markdown.

    :param outcomes: of all tests, in any order; of several for a fault and a release all must have passed.
    :param before: an older table, of whose lines those stay that these outcomes say nothing of.
    """
    rows = {}
    for each in sorted(outcomes):
        marks = rows.setdefault((each.fault, each.holds), {})
        marks[each.release] = marks.get(each.release, True) and each.passed
    words = {True: "survived", False: "**FAILED**"}
    new = {row: {release: words[passed] for release, passed in marks.items()} for row, marks in rows.items()}
    old = rows_of(before)
    merged = {row: {**old.get(row, {}), **new.get(row, {})} for row in [*old, *new]}
    releases = sorted({release for marks in merged.values() for release in marks})
    lines = [["fault", "what holds", *releases], ["---"] * (2 + len(releases))]
    lines += [[*row, *(marks.get(release, "not run") for release in releases)] for row, marks in merged.items()]
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rows_of(text):
    """Return what a table says: (fault, what holds) -> release -> its word."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {tuple(line[:2]): dict(zip(lines[0][2:], line[2:], strict=True)) for line in lines[2:]}


def outcomes_of(reports):
    """Return the outcomes of pytest's reports, which carry them as a property."""
    found = []
    for report in reports:
        for name, value in getattr(report, "user_properties", []):
            if name == "survives" and (report.when == "call" or report.failed):
                found.append(Outcome(*value, report.passed))
    return found


def write(path, outcomes, whole):
    """Write the table into a file; of a run that was not whole the other lines stay."""
    path = Path(path)
    before = path.read_text(encoding="utf-8") if path.exists() and not whole else ""
    path.write_text(table(outcomes, before), encoding="utf-8")
