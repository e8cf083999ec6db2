"""The compile of an interpreter: by the role, and by stock pyenv from the same tarball with the same flags."""

from __future__ import annotations

import argparse
import re
import sys
import time

from tests.bench.machine import HOME, bootstrap, container, inside, mirror
from tests.lab.description import describe


def arguments(given: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench build", description=__doc__)
    parser.add_argument("--suite", default="bookworm", help="Debian's name of the release")
    parser.add_argument("--version", default="3.13.5", help="one that stock pyenv builds there")
    parser.add_argument("--rounds", default=2, type=int, help="compiles of each kind; the fastest counts")
    return parser.parse_args(given)


def by_role(lab: dict, version: str, number: int) -> float:
    """Compile by the role into a root of its own; return the seconds that it says, its proof included."""
    jobs = int(inside(lab, "nproc"))
    settings = {"pyenv_versions": [version], "pyenv_root": f"{HOME}/role-{number}", "pyenv_build_jobs": jobs}
    said = bootstrap(lab, "build_deps,pyenv", **settings)
    found = re.search(rf"Python {re.escape(version)}: (\d+) s", said)
    if not found:
        sys.exit(f"the role did not say how long it took:\n{said[-3000:]}")
    return float(found[1])


def by_stock_pyenv(lab: dict, version: str, number: int) -> float:
    """Compile by pyenv alone, from the same tarball and with as many jobs; return the seconds."""
    root = f"{HOME}/stock-{number}"
    inside(lab, f"cp -R role-1 {root} && rm -rf {root}/versions/*")
    begin = time.monotonic()
    inside(
        lab,
        f"PYENV_ROOT={root} PYTHON_BUILD_CACHE_PATH=$PWD/.cache/devrig/devrig-sources MAKE_OPTS=-j$(nproc) "
        f"{root}/bin/pyenv install {version}",
    )
    return time.monotonic() - begin


def main(given: list[str]) -> int:
    """Print the ratio; the exit status says whether it is at most 1."""
    asked = arguments(given)
    lab = describe(asked.suite)
    role, stock = [], []
    with mirror(lab), container(lab, asked.suite):
        for number in range(1, asked.rounds + 1):
            role.append(by_role(lab, asked.version, number))
            stock.append(by_stock_pyenv(lab, asked.version, number))
            print(f"round {number}: role {role[-1]:.0f} s, stock pyenv {stock[-1]:.0f} s", flush=True)
    ratio = min(role) / min(stock)
    print(f"Python {asked.version} on {asked.suite}: role / stock pyenv = {ratio:.2f} (at most 1.00 is wanted)")
    return int(ratio > 1)
