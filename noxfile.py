"""The versions of ansible-core that devrig is written for, each with the oldest and the newest Python that it runs on.

./test matrix --list; ./test matrix -s machines; ./test matrix -t 2.14; what follows "--" goes to pytest.

- plays: syntax, and the tests that let Ansible itself run on folders of this machine.
- machines: it sets up a bare machine of each release from here, twice, asks the doctor, and gives all back.
- packages: the same by the ansible-core of Debian's own packages, on the machine itself.
- refused: what is too old says so at the start.

Interpreters are those of this machine and pyenv's. A session whose Python is not there fails. The newest ansible-core
on Debian 13's own Python is also what tests/machine runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

# ansible-core -> the oldest and the newest Python 3 that it runs on.
CORES = {
    "2.14.18": (9, 11),  # Debian 12's own package is this one
    "2.15.13": (9, 11),
    "2.16.14": (10, 12),
    "2.17.14": (10, 12),
    "2.18.19": (11, 13),
    "2.19.14": (11, 13),
    "2.20.10": (12, 14),
    "2.21.5": (12, 14),
}
TOO_OLD = ("ansible-core==2.13.13", "ansible-core==2.12.10", "ansible-base==2.10.17")  # the last is Debian 11's
PACKAGED = ("bookworm", "trixie")
PLAYBOOKS = ("playbook.yml", "verify.yml", "remove.yml", "bundle.yml")
PYTEST = "pytest==8.4.2"  # the last one that Python 3.9 runs

OWN = sys.version_info.minor
CACHE = Path(os.environ.get("DEVRIG_TEST_CACHE") or "~/.cache/devrig-test").expanduser()
PYENV = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
# Not the shims, which ask which version is meant.
FOLDERS = [folder for folder in os.get_exec_path() if Path(folder) != PYENV / "shims"]
os.environ["PATH"] = os.pathsep.join([*FOLDERS, *map(str, sorted(PYENV.glob("versions/3.*/bin")))])

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
nox.options.envdir = str(CACHE / "nox")
nox.options.reuse_venv = "yes"


def row(core: str, number: int) -> nox.param:
    """Return the parameters of a session: ansible-core 2.14.18, with the tag 2.14, on Python 3.NUMBER."""
    return nox.param(f"3.{number}", core, id=f"{core}-3.{number}", tags=[core.rpartition(".")[0]])


def one_life(session: nox.Session, *options: str) -> None:
    """Let machines be set up and given back; pytest and the laboratory run on the Python that nox runs on."""
    command = [sys.executable, "-m", "pytest", "tests/matrix", "--exitfirst", *options]
    session.run(*command, *session.posargs, external=True)


@nox.session
@nox.parametrize("python, core", [row(core, number) for core, ends in CORES.items() for number in ends])
def plays(session: nox.Session, core: str) -> None:
    """Check the syntax, and run what needs no other machine."""
    session.install(f"ansible-core=={core}", PYTEST)
    for playbook in PLAYBOOKS:
        session.run("ansible-playbook", "--syntax-check", playbook)
    session.run("pytest", "tests/plays", *session.posargs)


@nox.session
@nox.parametrize(
    "python, core", [row(core, OWN if first <= OWN <= last else first) for core, (first, last) in CORES.items()]
)
def machines(session: nox.Session, core: str) -> None:
    """Set up a machine of each release from here, and give it back."""
    session.install(f"ansible-core=={core}")
    one_life(session, f"--ansible={session.bin}")


@nox.session(venv_backend="none")
@nox.parametrize("suite", PACKAGED, ids=PACKAGED)
def packages(session: nox.Session, suite: str) -> None:
    """Let a machine set up itself with the ansible-core of its own packages."""
    one_life(session, f"--own={suite}")


@nox.session(python="3.9")
@nox.parametrize("core", TOO_OLD, ids=TOO_OLD)
def refused(session: nox.Session, core: str) -> None:
    """Have each playbook say at once that this Ansible does not do."""
    session.install(core)
    for playbook in PLAYBOOKS:
        said = session.run("ansible-playbook", "--check", playbook, silent=True, success_codes=[1, 2])
        if "devrig needs ansible-core from 2.14" not in " ".join(said.split()):
            session.error(said)
