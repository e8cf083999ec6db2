"""The command line of ./test mutations."""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.mutations.copies import OutOfDate, copy, mutate
from tests.mutations.result import Result, judge, read
from tests.mutations.table import MUTATIONS, Mutation
from tests.run.parts import PARTS
from tests.run.report import minutes

ROOT = Path(__file__).resolve().parents[2]

#: Parts without containers. Two mutations run at a time, and the unmutated tests must pass first.
CHEAP = ("unit", "plays")
SLOTS = 2

LIMIT = 1800
"""Seconds for the tests of one mutation."""

LINES = 30
"""Lines of the output of a run that are shown where it says nothing of the mutation."""


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; a wrong one ends with usage and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="./test mutations",
        description="Break copies of the product, one fault at a time, and run the tests that must catch it.",
    )
    parser.add_argument("mutations", nargs="*", metavar="MUTATION", help="a number, or words of a name (default: all)")
    parser.add_argument("--list", action="store_true", help="list the mutations and end")
    parser.add_argument("--no-baseline", action="store_true", help="do not run the tests without a mutation first")
    asked = parser.parse_args(argv)
    try:
        asked.chosen = chosen(asked.mutations)
    except LookupError as error:
        parser.error(str(error.args[0]))
    return asked


def chosen(wanted: Sequence[str]) -> list[tuple[int, Mutation]]:
    """Return the mutations that are asked for, each with its number.

    :raises LookupError: where there is none of that number or name.
    """
    every = list(enumerate(MUTATIONS, 1))
    found = {}
    for text in wanted:
        fit = [row for row in every if text == str(row[0]) or (not text.isdigit() and text in row[1].name)]
        if not fit:
            raise LookupError(f"no mutation is '{text}'; --list shows them all")
        found.update(fit)
    return sorted(found.items()) if wanted else every


def marks_of(part: str) -> list[str]:
    """Return pytest's option for the tests of a part that ./test runs, empty where it runs all of them."""
    for command in next(each for each in PARTS if each.name == part).commands["default"]:
        if "-m" in command and "pytest" in command:
            return ["-m", command[command.index("-m", command.index("pytest")) + 1]]
    return []


def selection(mutation: Mutation) -> list[str]:
    """Return pytest's arguments for the tests of a mutation."""
    only = ["-k", mutation.only] if mutation.only else []
    return [*mutation.tests, *mutation.options, *only, *marks_of(mutation.part)]


def union(mutations: Sequence[Mutation]) -> list[str]:
    """Return pytest's arguments for the tests of several mutations of one part.

    An expression of -k finds the name of a file too.
    """
    files, terms = set(), set()
    for mutation in mutations:
        for path in mutation.tests:
            files.add(path)
            terms.add(f"({Path(path).name} and ({mutation.only}))" if mutation.only else Path(path).name)
    return [*sorted(files), "-k", " or ".join(sorted(terms)), *marks_of(mutations[0].part)]


@contextmanager
def temporary_copy():
    """Yield a copy of the repository in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="m"))
    try:
        (folder / "devrig").mkdir()
        copy(ROOT, folder / "devrig")
        yield folder / "devrig"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_pytest(root: Path, options: Sequence[str], seconds: int = LIMIT) -> tuple[int | None, str]:
    """Run pytest in a copy; return (exit status, None where it did not end in time; what it printed).

    Its report and its folders are beside the copy.
    """
    log = root.parent / "log"
    own = ["-q", "-p", "no:cacheprovider", f"--junit-xml={report_of(root)}", "-o", "junit_family=xunit1"]
    command = [sys.executable, "-m", "pytest", *options, *own, f"--basetemp={root.parent / 't'}"]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
            process.send_signal(signal.SIGINT)  # lets it remove its containers
        finally:
            end(process)
    return status, log.read_text(errors="replace")


def end(process: subprocess.Popen) -> None:
    """Wait until a process that was told to end has ended; kill one that takes too long."""
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def report_of(root: Path) -> Path:
    """Return the path of pytest's report on a copy."""
    return root.parent / "report.xml"


def last_lines(text: str) -> str:
    """Return the last lines of an output, for a person."""
    return "".join(f"    {line}\n" for line in text.splitlines()[-LINES:])


def passes_unmutated(mutations: Sequence[Mutation]) -> bool:
    """Whether the tests of a part's mutations pass without a mutation; if not, say which fail."""
    with temporary_copy() as root:
        status, said = run_pytest(root, [*union(mutations), f"--numprocesses={SLOTS}", "--dist=worksteal"])
        tests = read(report_of(root))
    if status == 0:
        return True
    print(last_lines(said), end="")
    print(f"The tests fail without a mutation: {' '.join([*tests.failed, *tests.errors]) or 'see above'}")
    return False


def run(mutation: Mutation) -> tuple[Result, str]:
    """Run the tests of a mutation; return the result and what they printed."""
    start = time.monotonic()
    try:
        with temporary_copy() as root:
            mutate(root, mutation)
            status, said = run_pytest(root, [*selection(mutation), "-x"])
            result = judge(status, read(report_of(root)))
    except (OutOfDate, OSError) as error:
        result, said = Result("BROKEN", str(error)), ""
    return replace(result, seconds=time.monotonic() - start), said


def table(rows: Sequence[tuple[int, Mutation, Result]]) -> list[str]:
    """Return the lines of the table."""
    cells = [("", "mutation", "part", "s", "result", "by")]
    for number, mutation, result in rows:
        named = (str(number), mutation.name, mutation.part)
        cells.append((*named, f"{result.seconds:.0f}", result.verdict, result.why))
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    return ["  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths)), row[5]]) for row in cells]


def run_all(wanted: Sequence[tuple[int, Mutation]]) -> list[tuple[int, Mutation, Result]]:
    """Run mutations, those without containers two at a time, and print each result as it comes."""
    start = time.monotonic()
    results = {}

    def show(number: int, mutation: Mutation, result: Result, said: str) -> None:
        results[number] = result
        print(f"[{minutes(time.monotonic() - start):>5}] {result.verdict}: {mutation.name}: {result.why}", flush=True)
        if result.verdict == "BROKEN":
            print(last_lines(said), end="", flush=True)

    pool = futures.ThreadPoolExecutor(SLOTS)
    try:
        begun = {pool.submit(run, row[1]): row for row in wanted if row[1].part in CHEAP}
        for future in futures.as_completed(begun):
            show(*begun[future], *future.result())
    finally:
        pool.shutdown(cancel_futures=True)
    for row in wanted:
        if row[1].part not in CHEAP:
            show(*row, *run(row[1]))
    return [(number, mutation, results[number]) for number, mutation in wanted]


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    asked = arguments(argv)
    if asked.list:
        for number, mutation in asked.chosen:
            print(f"{number:>3}  {mutation.part:8} {mutation.name} ({mutation.file})")
        return 0
    for part in () if asked.no_baseline else CHEAP:
        mutations = [mutation for _, mutation in asked.chosen if mutation.part == part]
        if mutations:
            print(f"running the tests of part {part} without a mutation", flush=True)
            if not passes_unmutated(mutations):
                return 1
    rows = run_all(asked.chosen)
    print("\n" + "\n".join(table(rows)) + "\n")
    count = {verdict: sum(row[2].verdict == verdict for row in rows) for verdict in ("caught", "SURVIVED", "BROKEN")}
    print(f"{count['caught']} caught, {count['SURVIVED']} survived, {count['BROKEN']} broken")
    return 0 if count["caught"] == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
