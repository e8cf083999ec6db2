"""Machines and the Ansible that sets them up: one of this machine's, or the one of a release's own packages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.machine import mirror
from tests.lab import entrance
from tests.lab.description import describe
from tests.lab.finished import pins
from tests.machine.container import CHECKOUT, SETTINGS, Container, Done

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("bullseye", "bookworm", "trixie")
CALM = {"ANSIBLE_NOCOLOR": "1", "COLUMNS": "1000", "LC_ALL": "C.UTF-8"}


def pytest_addoption(parser):
    group = parser.getgroup("matrix")
    here = str(Path(sys.executable).parent)
    group.addoption(
        "--ansible", metavar="FOLDER", default=here, help="of the ansible-playbook that sets up all releases"
    )
    group.addoption("--own", metavar="SUITE", help="a release that sets up itself with its own package of ansible-core")


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("what was tried")
    for line in getattr(config, "tried", []):
        terminalreporter.write_line(line)


class FromHere:
    """Sets up containers of all releases, from this machine."""

    def __init__(self, lab, folder, programs):
        self.programs = programs
        self.machines = {suite: Container(image, lab, archives(lab, suite)) for suite, image in lab["images"].items()}
        hosts = {
            suite: {
                # One is entered as root, who sets up the user.
                **entrance.host_vars(machine.name, "root" if suite == "trixie" else "dev"),
                "dev_user": "dev" if suite == "trixie" else "",
                "pyenv_versions": lab["interpreters"][suite],
                "pyenv_prebuilt_dir": lab["finished"],
                "devrig_environment": lab["environment"],
                **lab["settings"],
            }
            for suite, machine in self.machines.items()
        }
        self.inventory = folder / "inventory.json"
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        (folder / "group_vars").symlink_to(ROOT / "inventory/group_vars")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            **CALM,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CONNECTION_PLUGINS": str(entrance.PLUGINS),
            "ANSIBLE_HOME": str(folder / "ansible"),
        }

    def run(self, program, *arguments):
        """Run a program of Ansible's and return what it did."""
        done = subprocess.run(
            [str(Path(self.programs, program)), *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def play(self, playbook, *arguments):
        """Run a playbook and return what it did."""
        return self.run("ansible-playbook", "-i", str(self.inventory), playbook, *arguments)


class ByItself:
    """A container that sets up itself, with the ansible-core of its own packages."""

    def __init__(self, lab, suite):
        self.machine = Container(lab["images"][suite], lab, archives(lab, suite))
        self.machines = {suite: self.machine}
        self.machine.root("apt-get -qq update; apt-get -qqy install --no-install-recommends ansible-core")
        self.machine.check_out()
        self.machine.settle({"pyenv_versions": lab["interpreters"][suite], **lab["settings"], **finished(lab)})

    def run(self, program, *arguments):
        """Run a program of Ansible's and return what it did."""
        return self.machine.run(program, *arguments, folder=CHECKOUT, env=CALM, check=False, timeout=3600)

    def play(self, playbook, *arguments):
        """Run a playbook and return what it did."""
        return self.run("ansible-playbook", playbook, "-e", f"@{SETTINGS}", *arguments)


def archives(lab, suite):
    """Return podman's option for the folder of downloaded packages."""
    return f"--volume={lab['apt_archives'][suite]}:/var/cache/apt/archives"


def finished(lab):
    """Return the settings that let a machine take finished interpreters from the mirror, if there are any."""
    place = Path(lab["finished"])
    kept = pins(place)
    if not kept or not lab["mirror"]:
        return {}
    address = f"{lab['mirror']['url']}/interpreters/{place.name}"
    return {"pyenv_prebuilt_url": address, "pyenv_prebuilt_sha256": kept}


@pytest.fixture(scope="session")
def control(pytestconfig, tmp_path_factory):
    """Return what plays: FromHere or ByItself."""
    own = pytestconfig.getoption("--own")
    lab = describe(*([own] if own else SUITES))
    with mirror(lab):
        if own:
            control = ByItself(lab, own)
        else:
            control = FromHere(lab, tmp_path_factory.mktemp("matrix"), pytestconfig.getoption("--ansible"))
        try:
            said = control.run("ansible-playbook", "--version").said
            core, python = (re.search(pattern, said)[1] for pattern in (r"core ([\w.]+)", r"python version = ([\d.]+)"))
            pytestconfig.tried = [f"ansible-core {core} on Python {python}", *filter_skipped(lab)]
            for suite, machine in control.machines.items():
                pytestconfig.tried.append(f"{suite}: {machine.sh('/usr/bin/python3 -V').strip()}")
            yield control
        finally:
            for machine in control.machines.values():
                machine.remove()


def filter_skipped(lab):
    """Return the laboratory's lines about what cannot be tested."""
    return [line for line in lab["report"] if line.startswith("SKIPPED")]
