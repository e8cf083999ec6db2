"""``python -m tests.lab``: prepare the laboratory, or show again what was prepared."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path

from tests.lab.cache import Cache, cache_root, write_atomically
from tests.lab.prepare import Report, prepare
from tests.lab.shell import LabError, run
from tests.lab.tools import Tools


def show(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def suite_name(text: str) -> str:
    """Take a suite's name. Raises ValueError if it cannot be one."""
    if not re.fullmatch(r"[a-z]+", text):
        raise ValueError(text)
    return text


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("prepare", help="make what is missing and describe it")
    making.add_argument("--suites", nargs="+", required=True, type=suite_name, metavar="SUITE")
    making.add_argument("--output", type=Path, metavar="FILE.json", help="where the description goes")
    showing = commands.add_parser("report", help="print the report of an earlier run")
    showing.add_argument("file", type=Path, metavar="FILE.json")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says. Result: the exit status."""
    asked = arguments(argv)
    try:
        if asked.command == "report":
            for line in json.loads(asked.file.read_text(encoding="utf-8"))["report"]:
                show(line)
        else:
            report = Report(show)
            tools = Tools(run, Cache(cache_root(os.environ)), report)
            description = prepare(tools, asked.suites, os.environ)
            text = json.dumps({**description, "report": report.lines}, indent=2)
            if asked.output:
                write_atomically(asked.output, f"{text}\n")
    except (LabError, OSError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
