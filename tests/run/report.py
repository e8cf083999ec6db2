"""The report of a run: a row for each part, what was skipped, and what ./test full adds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.run.parts import Part, Size
from tests.run.schedule import Outcome

_CLOSING = re.compile(r"^=+ ((?:\d+ \w+, )*\d+ \w+) in [\d.]+s.*=+$", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: Molecule draws a frame before each line of Ansible's.
_RECAP = re.compile(r"^[ │]*\S+ +: ok=(\d+) +changed=\d+ +unreachable=\d+ +failed=\d+", re.MULTILINE)
_SKIPPED = re.compile(r"^[ │\"'-]*(SKIPPED(?: \[\d+\])?:? .*?)[\"']?$", re.MULTILINE)
#: What pytest puts before a reason, and what our own reasons begin with.
_PREFIX = re.compile(r"^SKIPPED(?: \[\d+\] \S+)?:? (?:NOT TESTED: )?")
_LINTER = re.compile(r"^\$ ", re.MULTILINE)


@dataclass(frozen=True)
class Tests:
    """What a part's log says that it tested.

    :param count: tests of pytest, tasks of a scenario, or linters.
    :param closing: pytest's own closing lines.
    :param skipped: the reasons for what was not tested.
    """

    count: str
    closing: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def plain(log: str) -> str:
    """Return a log without colours."""
    return _COLOUR.sub("", log)


def read(log: str) -> Tests:
    """Read a part's log, which has no colours."""
    skipped = tuple(dict.fromkeys(_PREFIX.sub("", reason) for reason in _SKIPPED.findall(log)))
    closing = tuple(match[0] for match in _CLOSING.finditer(log))
    if closing:
        words = [word for match in _CLOSING.finditer(log) for word in match[1].split(", ") if "warning" not in word]
        return Tests(", ".join(words), closing, skipped)
    tasks = sum(map(int, _RECAP.findall(log)))
    if tasks:
        return Tests(f"{tasks} tasks", (), skipped)
    return Tests(f"{len(_LINTER.findall(log))} commands", (), skipped)


def minutes(seconds: float) -> str:
    """Write a time as minutes and seconds: 125 -> 2:05."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def left_out(parts: Sequence[Part], size: Size) -> dict[str, str]:
    """Return part -> the command for what this size leaves out of it, and what that is."""
    left = {}
    for part in parts:
        if size not in part.commands:
            larger = "full " if "default" not in part.commands else ""
            if larger or size == "quick":
                left[part.name] = f"./test {larger}--part {part.name}"
        elif part.in_full and size != "full":
            left[part.name] = f"./test full --part {part.name}: {part.in_full}"
    return left


def table(outcomes: Sequence[Outcome], tests: dict[str, Tests], left: dict[str, str]) -> list[str]:
    """Return the lines of the table; a part that did not run at all has a row for what is left out."""
    rows = [("part", "tests", "min:s", "result", "left out")]
    for outcome in outcomes:
        result = "passed" if outcome.is_passed else f"needs {outcome.blocked_by}" if outcome.blocked_by else "FAILED"
        found = tests[outcome.part.name].count if outcome.part.name in tests else "-"
        rows.append((outcome.part.name, found, minutes(outcome.seconds), result, left.get(outcome.part.name, "")))
    ran = {outcome.part.name for outcome in outcomes}
    rows += [(name, "-", "-", "not run", text) for name, text in left.items() if name not in ran]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths)), row[4]]).rstrip() for row in rows]
