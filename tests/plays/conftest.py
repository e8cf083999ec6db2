"""Runs of Ansible on local folders. Tests share a run, also between the processes of pytest-xdist."""

import fcntl
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.pyenv_stand_in import write_pyenv


@pytest.fixture(scope="session")
def record_once(tmp_path_factory):
    """Return a function that makes a JSON record once, and returns it to every process."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def once(name, make):
        """Call make with an empty folder, unless there is a record of this name."""
        record = base / f"{name}.json"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not record.exists():
                record.write_text(json.dumps(make(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base)))))
        return json.loads(record.read_text())

    return once


@pytest.fixture(scope="session")
def make_pyenv():
    """Return a function that makes the repository of a pyenv in a folder, and returns its path and its commit."""

    def make(folder):
        repository = folder / "pyenv"
        write_pyenv(repository, folder)
        (repository / ".gitignore").write_text("/versions\n/shims\n/version\n")
        git = ["git", "-C", str(repository), "-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
            subprocess.run(git + command, check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        return repository, done.stdout.strip()

    return make


@pytest.fixture(scope="session")
def read_recap():
    """Return a function that reads the recap of a run: host -> {ok, changed, failed, ...}."""

    def read(output):
        lines = re.findall(r"^(\S+) +: (ok=.*)$", output, re.MULTILINE)
        return {host: {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)} for host, line in lines}

    return read
