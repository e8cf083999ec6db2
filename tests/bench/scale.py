"""Many hosts at once: containers on this machine, set up over ssh by one play, beside one of them alone."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench.again import finished
from tests.bench.machine import ROOT, as_root, mirror, podman, start, stop
from tests.lab import entrance
from tests.lab.description import describe

#: Run as root in a bare machine, with a public key as standard input. The lists of packages go: a new machine has none.
SERVER = """
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends openssh-server
rm -rf /var/lib/apt/lists/*
mkdir -p /run/sshd
install -d -o dev -g dev -m 700 /home/dev/.ssh
install -o dev -g dev -m 600 /dev/stdin /home/dev/.ssh/authorized_keys
"""

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


@contextlib.contextmanager
def with_ssh(lab: dict, suites: list[str], key: Path) -> Iterator[dict]:
    """Have machines with a server of ssh's that lets in who has a key; the value describes a laboratory that has these.

    :param key: the private key; the public one is beside it.
    """
    images = {suite: f"localhost/devrig-scale/{suite}:ssh" for suite in suites}
    name = "devrig-scale-ssh"
    try:
        for suite, image in images.items():
            start(lab, suite, name)
            as_root(name, SERVER, stdin=key.with_suffix(".pub").read_bytes())
            podman("commit", "--quiet", name, image)
            stop(name)
        yield {**lab, "images": images}
    finally:
        stop(name)
        podman("image", "rm", "--force", "--ignore", *images.values())


def over_ssh(names: Iterable[str], key: Path) -> dict[str, dict]:
    """Return name -> the variables of an inventory by which Ansible reaches a machine over ssh."""
    reached = {}
    for name in names:
        # The server speaks through the client's pipe, and not through a port.
        server = shlex.join([*entrance.command(name), "/usr/sbin/sshd", "-i"])
        options = ("IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        reached[name] = {
            "ansible_user": "dev",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": shlex.join(
                ["-F/dev/null", f"-oProxyCommand={server}", *(f"-o{option}" for option in options)]
            ),
        }
    return reached


def inventory(lab: dict, names: dict[str, str], reached: dict[str, dict], folder: Path) -> Path:
    """Write an inventory for machines, beside the settings that all have; return its path."""
    found = {
        name: {
            **reached[name],
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


class Played(NamedTuple):
    """What a play over hosts took: seconds, the controller's seconds of processor, interpreters by how they came."""

    took: float
    processor: float
    compiled: int
    finished: int


def processor() -> float:
    """Return the seconds of processor time that ended children of this process had, with theirs (getrusage(2))."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def play(path: Path, count: int) -> Played:
    """Set up all hosts of an inventory.

    The controller's time has the clients of ssh in it, and nothing of what runs on the hosts; nor has it that of the
    process which keeps a connection, which is nobody's child.
    """
    begin, used = time.monotonic(), processor()
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
    return Played(took, processor() - used, len(came) - len(kept), len(kept))


def main(given: list[str]) -> int:
    """Print the figures; the exit status says whether the ratio is as it is wanted."""
    asked = arguments(given)
    suites = asked.suites.split(",")
    lab = describe(*suites)
    times = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(mirror(lab))
        work = stack.enter_context(tempfile.TemporaryDirectory())
        key = Path(work) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        lab = stack.enter_context(with_ssh(lab, suites, key))
        # The first brings packages, one host of each release.
        for count, alone in ((len(suites), False), (1, True), (asked.hosts, True)):
            with hosts(lab, suites, count, alone=alone) as names:
                path = inventory(lab, names, over_ssh(names, key), Path(tempfile.mkdtemp(dir=work)))
                times[count, alone] = play(path, count), play(path, count)
            first, again = times[count, alone]
            print(
                f"{count} hosts: {first.took:.0f} s, again {again.took:.0f} s; processor of the controller "
                f"{first.processor:.0f} s, again {again.processor:.0f} s; "
                f"compiled {first.compiled}, finished {first.finished}",
                flush=True,
            )
    (one, one_again), (many, many_again) = times[1, True], times[asked.hosts, True]
    more = max(1, asked.hosts - 1)
    for what, alone, together in (("first", one, many), ("again", one_again, many_again)):
        each, used = (together.took - alone.took) / more, (together.processor - alone.processor) / more
        print(f"each further host, {what}: {each:.1f} s, processor of the controller {used:.1f} s")
    ratio = many.took / one.took
    print(f"{asked.hosts} hosts / 1 host = {ratio:.2f} ({TEN:g} at most is wanted)")
    kinds = len(set(suites[: asked.hosts]))
    compiled = one.compiled + many.compiled + one_again.compiled + many_again.compiled
    if compiled:
        print(f"{compiled} interpreters were compiled though the store had all {kinds} kinds")
    return int(ratio > TEN or compiled > 0)
