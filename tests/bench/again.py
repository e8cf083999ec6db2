"""What the playbook costs: again on a finished machine, and the first time beside the same packages put in by hand."""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.machine import NAME, bootstrap, container, inside, mirror, serve
from tests.lab.description import describe
from tests.lab.finished import pins

#: Wanted at most: modules that a run executes which changes nothing, such a run's time by an empty play's, the first
#: run's by that of the same packages, put in by hand, of the same versions of Ansible and of pyenv.
CALLS, AGAIN, FIRST = 2, 5.0, 1.5

#: Run in the checkout by its user. $1: how often; the rest: what ansible-playbook gets. Prints when each run began and
#: ended, and what the last one said.
_SCRIPT = """
ansible=$HOME/.local/share/devrig/ansible/bin/ansible-playbook rounds=$1
shift
export ANSIBLE_HOME=$HOME/.local/share/devrig/home ANSIBLE_CONFIG=$PWD/ansible.cfg PYTHONUNBUFFERED=1 LC_ALL=C.UTF-8
export ANSIBLE_CALLBACK_PLUGINS=$PWD/callback_plugins:$PWD/tests/bench/callback_plugins
export ANSIBLE_CALLBACKS_ENABLED=one_run,module_calls
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf -- '- hosts: all\\n  gather_facts: false\\n' >"$work/empty.yml"
took() {
  name=$1 begin=$(date +%s.%N)
  shift
  "$@" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
  echo "$name $begin $(date +%s.%N)"
}
for _ in $(seq "$rounds"); do
  took empty "$ansible" "$work/empty.yml"
  took again "$ansible" playbook.yml "$@"
done
cat "$work/said"
"""


def arguments(given: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench again", description=__doc__)
    parser.add_argument("--host", help="a container that ./bootstrap has set up from ~/devrig; else one is made")
    parser.add_argument("--user", default="dev", help="whose it is there")
    parser.add_argument("--settings", default="settings.json", help="file with the settings, in the user's home")
    parser.add_argument("--suite", default="bookworm", help="Debian's name of the release of the one that is made")
    parser.add_argument("--rounds", default=5, type=int, help="runs of each kind, in turn; the median counts")
    return parser.parse_args(given)


def read(said: str) -> dict:
    """Return what the script printed: seconds of empty plays and of runs again, calls with their tasks, and the recap.

    :raises ValueError: where the last run changed something, or said no number of calls.
    """
    times = {"empty": [], "again": []}
    for kind, begin, end in re.findall(r"^(empty|again) ([\d.]+) ([\d.]+)$", said, re.MULTILINE):
        times[kind].append(float(end) - float(begin))
    changed = [int(number) for number in re.findall(r"^\S+ +: ok=.* changed=(\d+) ", said, re.MULTILINE)]
    calls = re.search(r"^MODULE CALLS (\d+)\n((?:  .*\n)*)", said, re.MULTILINE)
    if not calls or not changed or any(changed):
        raise ValueError(said)
    return {**times, "calls": int(calls[1]), "tasks": [line.strip() for line in calls[2].splitlines()]}


def again(host: str, user: str, settings: str, rounds: int) -> dict:
    """Measure on a machine that is set up; see read()."""
    home = f"/home/{user}"
    command = ["podman", "exec", f"--user={user}", f"--workdir={home}/devrig", host, "sh", "-euc", _SCRIPT, "sh"]
    done = subprocess.run(
        [*command, str(rounds), "-e", f"@{home}/{settings}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    return read(done.stdout)


def judged(found: dict) -> list[tuple[str, bool]]:
    """Return the lines that a person reads, and whether each is as it is wanted."""
    empty, full = statistics.median(found["empty"]), statistics.median(found["again"])
    ratio = full / empty
    both = f"{full:.1f} s, an empty play {empty:.1f} s"
    return [
        (f"again on a finished machine: {both}: {ratio:.1f} times ({AGAIN:g} at most)", ratio <= AGAIN),
        (f"modules executed: {found['calls']} ({CALLS} at most): {', '.join(found['tasks'])}", found["calls"] <= CALLS),
    ]


def timed(work) -> float:
    """Return how many seconds some work takes."""
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def finished(lab: dict, suite: str) -> tuple[str, dict[str, str]]:
    """Return a version of which the tests have kept a finished interpreter for a suite, and key -> sha256 of all.

    :raises SystemExit: where there is none.
    """
    kept = pins(Path(lab["finished"]))
    versions = [key.split("-")[0] for key in kept if key.split("-")[1] == suite]
    if not versions:
        sys.exit(f"no finished interpreter for {suite} is in {lab['finished']}: ./test molecule -s fleet leaves some")
    return versions[0], kept


def first(lab: dict, suite: str, rounds: int) -> tuple[float, float, dict]:
    """Return seconds of a first run whose interpreter comes finished, of the same put in by hand, and again()'s answer.

    By hand: the packages that came, Ansible in a venv, pyenv, and pip and pipenv with all that they bring (named one by
    one, for the venv is of the machine's own Python, which asks for other versions).
    """
    version, sums = finished(lab, suite)
    listed = "dpkg-query --show --showformat '${Package}\\n'"
    with serve(lab["finished"]) as address, container(lab, suite):
        before = set(inside(lab, listed).split())
        settings = {"pyenv_versions": [version], "pyenv_prebuilt_url": address, "pyenv_prebuilt_sha256": sums}
        took = timed(lambda: bootstrap(lab, "all", **settings))
        names = sorted(set(inside(lab, listed).split()) - before)
        frozen = inside(lab, f".pyenv/versions/{version}/bin/python -m pip freeze --all").split()
        figures = again(NAME, "dev", "settings.json", rounds)
    by_hand = f"""
      sudo apt-get -q update
      sudo env DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install {" ".join(names)}
      python3 -m venv ansible
      ansible/bin/pip install --quiet --no-cache-dir --requirement devrig/requirements.txt
      git clone -q {lab["settings"]["pyenv_git_url"]} .pyenv
      python3 -m venv pipenv
      pipenv/bin/pip install --quiet --no-deps {" ".join(line for line in frozen if "==" in line)}
    """
    with container(lab, suite):
        return took, timed(lambda: inside(lab, by_hand)), figures


def main(given: list[str]) -> int:
    """Print the figures; the exit status says whether all are as they are wanted."""
    asked = arguments(given)
    if asked.host:
        lines = judged(again(asked.host, asked.user, asked.settings, asked.rounds))
    else:
        lab = describe(asked.suite)
        with mirror(lab):
            first(lab, asked.suite, asked.rounds)  # packages are downloaded once
            took, by_hand, figures = first(lab, asked.suite, asked.rounds)
        ratio = took / by_hand
        line = (
            f"first run, less the compile: {took:.0f} s, by hand {by_hand:.0f} s: {ratio:.2f} times ({FIRST:g} at most)"
        )
        lines = [(line, ratio <= FIRST), *judged(figures)]
    for line, met in lines:
        print(f"{line}: {'yes' if met else 'NO'}")
    return int(not all(met for _, met in lines))
