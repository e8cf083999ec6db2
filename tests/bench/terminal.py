"""The shell, the editor and the multiplexer: devrig's beside bare ones, and beside the usual lines for pyenv."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.bench.machine import NAME, ROOT, bootstrap, container, inside, mirror
from tests.lab.description import describe

#: figure -> (what is wanted of devrig's, told to a person; a test of it, from medians in milliseconds)
GOALS = {
    "zsh -i -c exit": ("<= 15 ms", lambda ms: ms["devrig"] <= 15),
    "first prompt": ("<= 20 ms", lambda ms: ms["devrig"] <= 20),
    "command lag": ("<= 1 ms", lambda ms: ms["devrig"] <= 1),
    "command lag, 10,000 files": ("<= 1 ms", lambda ms: ms["devrig"] <= 1),
    "vim file.py": ("<= bare + 10 ms", lambda ms: ms["devrig"] <= ms["bare"] + 10),
    "new tmux session": ("<= bare + 3 ms", lambda ms: ms["devrig"] <= ms["bare"] + 3),
    "shell after provisioning": ("first as fast as tenth", lambda ms: ms["first"] <= ms["tenth"] * 1.2),
}


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench terminal", description=__doc__)
    parser.add_argument("--host", help="a container that was set up; else one is made")
    parser.add_argument("--user", default="dev", help="whose environment it is there")
    parser.add_argument("--suite", default="bookworm", help="Debian's name of the release of the one that is made")
    parser.add_argument("--rounds", default=30, type=int, help="times of each kind; the median counts")
    return parser.parse_args(given)


def measure(host: str, user: str, rounds: int) -> dict:
    """Measure on a machine; the result is that of measure.py. rounds: 0 takes no times, only counts."""
    tools = "command -v strace valgrind >/dev/null || { apt-get -q update && apt-get install -qy strace valgrind; }"
    subprocess.run(
        ["podman", "exec", host, "sh", "-ec", tools], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    asked = {
        "usual": (ROOT / "tests/bench/usual.zshrc").read_text(encoding="utf-8"),
        "ready": (ROOT / "roles/zsh/files/ready.zsh").read_text(encoding="utf-8"),
        "rounds": rounds,
    }
    command = ["podman", "exec", "--interactive", f"--user={user}", f"--workdir=/home/{user}", host]
    done = subprocess.run(
        [*command, "python3", "-", json.dumps(asked)],
        input=(ROOT / "tests/bench/measure.py").read_bytes(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr.decode()[-3000:])
    return json.loads(done.stdout)


def table(found: Mapping[str, Mapping[str, Mapping]]) -> list[str]:
    """Return the lines that a person reads: medians in milliseconds, counts, and what is wanted."""
    rows = []
    for figure, kinds in found["times"].items():
        medians = {kind: statistics.median(times) * 1000 for kind, times in kinds.items()}
        wanted, met = GOALS[figure]
        shown = ", ".join(f"{kind} {median:.2f} ms" for kind, median in medians.items())
        rows.append((figure, shown, f"{wanted}: {'yes' if met(medians) else 'NO'}"))
    for figure, kinds in found["costs"].items():
        rows.append((figure, ", ".join(f"{kind} {count:,}" for kind, count in kinds.items()), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() for row in rows]


def main(given: list[str]) -> int:
    """Print the table."""
    asked = arguments(given)
    if asked.host:
        found = measure(asked.host, asked.user, asked.rounds)
    else:
        lab = describe(asked.suite)
        with mirror(lab), container(lab, asked.suite):
            bootstrap(lab, "zsh,vim,tmux", pyenv_versions=["3.13.5"])
            plugin = lab["settings"].get("pyenv_virtualenv_git_url")
            clone = "git clone -q {} .pyenv/plugins/pyenv-virtualenv" if plugin else ":"
            inside(lab, f"git clone -q {lab['settings']['pyenv_git_url']} .pyenv && {clone.format(plugin)}")
            found = measure(NAME, "dev", asked.rounds)
    print("\n".join(table(found)))
    return 0
