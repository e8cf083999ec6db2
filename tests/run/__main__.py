"""The command line of ./test."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.cache import cache_root
from tests.run import report, schedule
from tests.run.parts import PARTS, Part, Size

ROOT = Path(__file__).resolve().parents[2]
SLOTS = 2
"""Parts that run at the same time. Each uses about one core and often waits."""

TAIL = 250
"""Lines of a failed part's log that are printed."""

MEMORY = Path("/dev/shm")  # noqa: S108 - the name of the file system
MEMORY_NEEDED = 4 << 30
"""Bytes that must be free in the file system and in memory."""

DESCRIPTION = """\
Test devrig. Without an argument: what CI runs.

  ./test quick              lint and every test without a container or a whole Ansible, in 2 minutes
  ./test                    the life of one machine, two more releases, a fleet, faults
  ./test full               everything but the matrix; one part: ./test full --part fleet
  ./test mutations          faults put into a copy of the product: every one has to be caught
"""
TOOLS = {
    "bench": (("python", "-m", "tests.bench"), "figures: bench terminal|again|scale|build"),
    "docs": (("python", "-m", "docs.cheatsheet"), "write docs/cheatsheet.md again"),
    "machine": (("pytest", "tests/machine", "--numprocesses=4"), "break machines: machine --suite trixie -k killed"),
    "matrix": (("nox",), "every ansible-core with its oldest and newest Python"),
    "molecule": (("molecule", "test"), "one scenario: molecule -s fleet"),
    "mutations": (("python", "-m", "tests.mutations"), "break the product on purpose"),
    "pytest": (("pytest",), "some tests: pytest tests/unit -k zshrc"),
    "screenshot": (("python", "-m", "docs.screenshot"), "write docs/screenshot.svg again: screenshot --host CONTAINER"),
}


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; a wrong one ends with usage and exit status 2."""
    tools = "".join(f"  ./test {name + ' ...':18} {what}\n" for name, (_, what) in TOOLS.items() if name != "mutations")
    parser = argparse.ArgumentParser(
        prog="./test",
        description=f"{DESCRIPTION}\nSingle tools, with all that they need:\n{tools}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="./test [quick | full] [--part PART] | ./test TOOL [ARGUMENT ...]",
    )
    parser.add_argument(
        "size", nargs="?", default="default", choices=["quick", "default", "full"], help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--part", action="append", choices=[part.name for part in PARTS], help="only this part; again for several"
    )
    return parser.parse_args(argv)


def is_usable_memory(folder: Path = MEMORY) -> bool:
    """Return whether tests may use a folder for temporary files: in memory, executable, with room."""
    if not folder.is_dir() or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    kind = subprocess.run(["stat", "--file-system", "--format=%T", folder], capture_output=True, text=True, check=False)
    available = [line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line]
    room = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    return kind.stdout == "tmpfs\n" and room >= MEMORY_NEEDED and int(available[0]) << 10 >= MEMORY_NEEDED


def environment(size: Size) -> dict[str, str]:
    """Return the environment of the parts."""
    own = {"DEVRIG_TEST_SIZE": size, "PYTHONUNBUFFERED": "1"}
    # Keep it short: a socket's path has at most 107 bytes.
    return {**os.environ, **own, **({"TMPDIR": str(MEMORY)} if is_usable_memory() else {})}


def run(size: Size, names: Sequence[str], logs: Path) -> int:
    """Run the parts of a size, print the report, and return the exit status."""
    absent = [part for part in PARTS if part.name in names and size not in part.commands]
    for part in absent:
        sizes = " or ".join(f"./test {found}" for found in part.commands)
        print(f"test: ./test {size} has no part {part.name}: run {sizes} --part {part.name}", file=sys.stderr)
    if absent:
        return 2
    parts = [part for part in PARTS if size in part.commands and (not names or part.name in names)]
    env = environment(size)
    start = time.monotonic()

    def log_line(text: str) -> None:
        # In one write, because parts run in threads.
        print(f"[{report.minutes(time.monotonic() - start):>5}] {text}\n", end="", flush=True)

    def log_of(name: str) -> str:
        return report.plain((logs / f"{name}.log").read_text(errors="replace"))

    def run_one(part: Part) -> schedule.Outcome:
        log_line(f"{part.name}: started")
        log = logs / f"{part.name}.log"
        return schedule.run_commands(part, part.commands[size], log, lambda line, log: schedule.execute(line, log, env))

    def report_outcome(outcome: schedule.Outcome) -> None:
        name = outcome.part.name
        if outcome.blocked_by:
            log_line(f"{name}: not run, because {outcome.blocked_by} failed")
        elif outcome.failed:
            print("\n".join(f"{name}| {line}" for line in log_of(name).splitlines()[-TAIL:]), flush=True)
            log_line(f"{name}: FAILED: {' '.join(outcome.failed)}. The whole log: {logs / name}.log")
        else:
            log_line(f"{name}: passed in {report.minutes(outcome.seconds)}")

    outcomes = schedule.run_parts(parts, run_one, SLOTS, report_outcome)
    tests = {
        outcome.part.name: report.read(log_of(outcome.part.name)) for outcome in outcomes if not outcome.blocked_by
    }
    print()
    for reason in dict.fromkeys(reason for found in tests.values() for reason in found.skipped):
        print(f"NOT TESTED: {reason}")
    print("\n" + "\n".join(report.table(outcomes, tests, {} if names else report.left_out(PARTS, size))))
    print(f"\n{report.minutes(time.monotonic() - start)} min:s in all; logs: {logs}\n")
    for found in tests.values():
        print("\n".join(found.closing), end="\n" if found.closing else "")
    is_passed = all(outcome.is_passed for outcome in outcomes)
    print(f"test: {size} {'passed' if is_passed else 'FAILED'}", flush=True)
    return 0 if is_passed else 1


def main(argv: Sequence[str]) -> int:
    """Do what the command line says; return the exit status."""
    os.chdir(ROOT)
    if argv and argv[0] in TOOLS:
        command = [*TOOLS[argv[0]][0], *argv[1:]]
        return subprocess.run(command, env=environment("full"), check=False).returncode
    asked = arguments(argv)
    return run(asked.size, asked.part or [], cache_root(os.environ) / "logs")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
