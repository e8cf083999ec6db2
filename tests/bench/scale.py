"""Many hosts at once: containers on this machine, set up by one play, beside one of them alone."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.again import finished
from tests.bench.machine import ROOT, describe, mirror, start, stop

#: Wanted at most: time of ten hosts by that of one, whose interpreter comes finished.
TEN = 2.0


def arguments(given: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench scale", description=__doc__)
    parser.add_argument("--suites", default="bookworm,trixie", help="releases of the hosts, which take turns")
    parser.add_argument("--hosts", default=10, type=int, help="how many at once")
    return parser.parse_args(given)


@contextlib.contextmanager
def hosts(lab: dict, suites: list[str], count: int, *, alone: bool = True) -> Iterator[dict[str, str]]:
    """Have bare machines; the value is name -> suite.

    :param alone: each has its own copy of the folder of downloaded packages: apt locks it, and machines that share one
        would wait for each other.
    """
    names = {f"devrig-scale-{number}": suites[number % len(suites)] for number in range(count)}
    with tempfile.TemporaryDirectory(dir=Path(lab["apt_archives"][suites[0]]).parent) as work:
        try:
            for name, suite in names.items():
                kept = lab["apt_archives"][suite]
                archives = Path(work) / name if alone else kept
                if alone:
                    ignored = shutil.ignore_patterns("lock", "partial")
                    shutil.copytree(kept, archives, copy_function=os.link, ignore=ignored)
                start(lab, suite, name, archives)
            yield names
        finally:
            for name in names:
                stop(name)


def inventory(lab: dict, names: dict[str, str], folder: Path) -> Path:
    """Write an inventory for machines, beside the settings that all have; return its path."""
    found = {
        name: {
            "ansible_host": name,
            "ansible_connection": "containers.podman.podman",
            "ansible_user": "dev",
            "devrig_environment": lab["environment"],
            "pyenv_versions": [finished(lab, suite)[0]],
            "pyenv_prebuilt_dir": lab["finished"],
            **lab["settings"],
        }
        for name, suite in names.items()
    }
    (folder / "group_vars").symlink_to(ROOT / "inventory/group_vars")
    path = folder / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": found}}), encoding="utf-8")
    return path


def play(path: Path, count: int) -> tuple[float, int, int]:
    """Set up all hosts of an inventory; return (seconds, interpreters that were compiled, that came finished)."""
    begin = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", "-i", str(path), "--forks", str(count), "playbook.yml"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - begin
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    came = re.findall(r"Python [\d.]+: \d+ s, from ([^\s\"']+)", done.stdout)
    kept = [origin for origin in came if re.fullmatch(r"[\d.]+-[a-z]+-\w+-[0-9a-f]{16}", origin)]
    return took, len(came) - len(kept), len(kept)


def main(given: list[str]) -> int:
    """Print the figures; the exit status says whether the ratio is as it is wanted."""
    asked = arguments(given)
    suites = asked.suites.split(",")
    lab = describe(*suites)
    times = {}
    with mirror(lab), tempfile.TemporaryDirectory() as work:
        # The first brings packages, one host of each release.
        for count, alone in ((len(suites), False), (1, True), (asked.hosts, True)):
            with hosts(lab, suites, count, alone=alone) as names:
                path = inventory(lab, names, Path(tempfile.mkdtemp(dir=work)))
                times[count], compiled, came = play(path, count)
                again, _, _ = play(path, count)
            took = f"{times[count]:.0f} s, again {again:.0f} s"
            print(f"{count} hosts: {took}; compiled {compiled}, finished {came}", flush=True)
    ratio = times[asked.hosts] / times[1]
    each = (times[asked.hosts] - times[1]) / max(1, asked.hosts - 1)
    print(f"{asked.hosts} hosts / 1 host = {ratio:.2f} ({TEN:g} at most is wanted); each further host {each:.1f} s")
    return int(ratio > TEN)
