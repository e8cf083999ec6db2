"""The result of a mutation, read from pytest's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from xml.etree import ElementTree

Verdict = Literal["caught", "SURVIVED", "BROKEN"]


class Found(NamedTuple):
    """The tests of a run, by their ids; errors: those whose preparation failed, or that could not be collected."""

    passed: Sequence[str] = ()
    failed: Sequence[str] = ()
    errors: Sequence[str] = ()


@dataclass(frozen=True)
class Result:
    """The result of a mutation.

    :param why: by which tests it was caught, or why its run says nothing.
    """

    verdict: Verdict
    why: str
    seconds: float = 0.0


def read(report: Path) -> Found:
    """Read pytest's report in JUnit's format, family xunit1; none is a run without tests."""
    tests: dict[str, list[str]] = {"passed": [], "failure": [], "error": [], "skipped": []}
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - written by pytest
            kind = next((kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None), "passed")
            tests[kind].append("::".join(filter(None, (case.get("file"), case.get("name")))))
    return Found(*(tuple(tests[kind]) for kind in ("passed", "failure", "error")))


def judge(status: int | None, tests: Found) -> Result:
    """Return what a run says of the mutation.

    Only a failed test catches it. An error in a fixture proves nothing.

    :param status: exit status of pytest; None where it did not end in time.
    """
    if status is None:
        return Result("BROKEN", "the tests did not end in time")
    if status == 1 and tests.failed:
        return Result("caught", " ".join(tests.failed))
    if status == 1:
        return Result("BROKEN", f"failed before the test began: {' '.join(tests.errors)}")
    if status == 0 and tests.passed:
        return Result("SURVIVED", f"{len(tests.passed)} passed")
    if status == 0:
        return Result("BROKEN", "every test was skipped")
    return Result("BROKEN", f"pytest ended with exit status {status}")
