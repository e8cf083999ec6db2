"""The parts of ./test: what each runs, which sizes include it, and which parts it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Size = Literal["quick", "default", "full"]
SIZES: tuple[Size, ...] = ("quick", "default", "full")
Command = Sequence[str]

#: Releases that ./test sets up.
SUITES = ("bullseye", "bookworm", "trixie")
SHELL_SCRIPTS = (
    "bootstrap",
    "test",
    ".ci/platform",
    ".ci/run",
    "molecule/bundle/look.sh",
    "roles/bundle/files/closed.sh",
    "roles/git_hooks/files/dispatcher.sh",
    "roles/linters/files/program.sh",
    "roles/pipenv/files/install.sh",
    "roles/vim/files/probe.sh",
)


@dataclass(frozen=True)
class Part:
    """One row of the report.

    :param name: what `--part` takes.
    :param commands: size -> the commands that run one after the other; a size without an entry leaves the part out.
    :param after: parts that must end first, if the size includes them.
    :param needs: like `after`; if one fails, this part does not run.
    :param in_full: what `./test full` adds to this part, in a few words.
    """

    name: str
    commands: dict[Size, tuple[Command, ...]]
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    in_full: str = ""


def _pytest(*arguments: str) -> Command:
    return ("pytest", "--dist=worksteal", *arguments)


def _molecule(scenario: str) -> tuple[Command, ...]:
    return (("molecule", "test", "--scenario-name", scenario),)


_LINT: tuple[Command, ...] = (
    ("yamllint", "--strict", "."),
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("shellcheck", *SHELL_SCRIPTS),
    ("ansible-lint",),
)
_UNIT = _pytest("tests/unit", "--numprocesses=3")
_PLAYS = _pytest("tests/plays", "tests/faults", "--numprocesses=2")
#: Leave out the tests marked full.
_NOT_FULL = ("-m", "not full")
_LAB: tuple[Command, ...] = (("python", "-m", "tests.lab", "prepare", "--suites", *SUITES),)
_LIFE = ("pytest", "tests/machine/test_life.py", "--numprocesses=3", *map("--suite={}".format, SUITES))
_MACHINE = ("tests/machine", "--ignore=tests/machine/test_life.py")
_TERMINAL = (
    "python",
    "-m",
    "tests.machine",
    "with",
    *SUITES,
    "--",
    "pytest",
    "tests/terminal",
    "--once",
    "--numprocesses=5",
)

#: In the order in which they start, as far as `after` lets them.
PARTS = (
    Part("laboratory", {"default": _LAB, "full": _LAB}),
    Part(
        "fleet",
        {"default": _molecule("fleet"), "full": _molecule("fleet")},
        needs=("laboratory",),
        in_full="seven hosts of two kinds",
    ),
    Part("lint", {"quick": _LINT, "default": _LINT, "full": _LINT}),
    Part(
        "unit",
        {"quick": ((*_UNIT, *_NOT_FULL),), "default": ((*_UNIT, *_NOT_FULL),), "full": (_UNIT,)},
        in_full="tests with the mark full",
    ),
    Part(
        "life",
        {"default": ((*_LIFE, *_NOT_FULL),), "full": (_LIFE,)},
        needs=("laboratory",),
        in_full="check mode and the undo on Debian 11 and 12",
    ),
    Part(
        "plays",
        {"default": ((*_PLAYS, *_NOT_FULL),), "full": (_PLAYS,)},
        after=("unit",),
        needs=("laboratory",),
        in_full="tests with the mark full",
    ),
    Part(
        "terminal",
        {"default": (_TERMINAL,)},
        needs=("life",),
    ),
    Part(
        "bundle",
        {"default": _molecule("bundle"), "full": _molecule("bundle")},
        after=("fleet",),
        needs=("laboratory",),
        in_full="Debian 12 in place of 13",
    ),
    Part(
        "machine",
        {
            "default": (("pytest", *_MACHINE, *_NOT_FULL, "--suite=trixie", "--numprocesses=2"),),
            "full": (("pytest", *_MACHINE, "--numprocesses=4"),),
        },
        needs=("life",),
        in_full="every fault of docs/reliability.md, on Debian 12 too",
    ),
    Part("bootstrap", {"full": _molecule("bootstrap")}, after=("fleet",), needs=("laboratory",)),
    Part("controller", {"full": _molecule("default")}, after=("bootstrap",), needs=("laboratory",)),
    Part("legacy_ssl", {"full": _molecule("legacy_ssl")}, needs=("laboratory",)),
)
