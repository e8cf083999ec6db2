"""Machines to break: containers of two releases, bare or set up; and the table of what they survived."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import stand_in, table
from tests.machine.container import READY, Container
from tests.machine.server import Server

ROOT = Path(__file__).resolve().parents[2]
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}


def pytest_addoption(parser):
    group = parser.getgroup("machine tests")
    group.addoption(
        "--suite", action="append", default=[], help="code name of a release; again for several (default: all)"
    )
    group.addoption("--keep-images", action="store_true", help="use the images of an earlier run, if they are there")
    group.addoption(
        "--table", metavar="FILE", help="write the table of what was survived into a file, or its lines of what is run"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "survives(fault, holds): a line of docs/reliability.md")
    config.addinivalue_line("markers", "long: takes too long for CI")


def pytest_collection_modifyitems(session, items):
    for place, item in enumerate(items):
        mark = item.get_closest_marker("survives")
        if mark:
            item.user_properties.append(("survives", [place, *mark.args, RELEASES[item.callspec.params["suite"]]]))


def pytest_terminal_summary(terminalreporter, config):
    target = config.getoption("--table")
    if target:
        reports = [report for kind in ("passed", "failed", "error") for report in terminalreporter.stats.get(kind, [])]
        whole = not any(map(config.getoption, ("keyword", "markexpr", "suite")))
        table.write(target, table.outcomes_of(reports), whole)
        terminalreporter.write_line(f"the table of what was survived: {target}")


def pytest_generate_tests(metafunc):
    if "suite" in metafunc.fixturenames:
        suites = metafunc.config.getoption("suite") or list(RELEASES)
        metafunc.parametrize("suite", suites, scope="session")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Have the laboratory prepared; return its description."""
    output = tmp_path_factory.mktemp("lab") / "lab.json"
    command = [sys.executable, "-m", "tests.lab", "prepare", "--suites", *RELEASES, "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return json.loads(output.read_text())


@pytest.fixture(scope="session")
def mirror(lab, tmp_path_factory):
    """Serve a mirror of stand-ins; return (its server, the product's settings that lead to it)."""
    folder = tmp_path_factory.mktemp("mirror") / "files"
    settings = stand_in.make_mirror(folder, lab)
    server = Server(folder)
    yield server, stand_in.with_urls(settings, server.url)
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(mirror):
    """Return the mirror's server, which serves well again after the test."""
    yield mirror[0]
    mirror[0].heal()


@pytest.fixture(scope="session")
def images(suite, lab, mirror, pytestconfig, tmp_path_factory):
    """Have the images of a release, made once a run; return their names by state.

    bare: a new machine with a checkout; ready: the same after ./bootstrap, everything set up.
    """
    names = {state: f"localhost/devrig-machine/{suite}:{state}" for state in ("bare", "ready")}
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all processes of this run
    with (folder / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / f"{suite}.made"
        kept = pytestconfig.getoption("--keep-images") and all(map(_exists, names.values()))
        if not made.exists() and not kept:
            settings = stand_in.of_release(mirror[1], suite)
            _make_images(Container(lab["images"][suite], lab, _archives(lab, suite)), names, settings)
        made.touch()
    return names


def _archives(lab, suite, how=""):
    """Return podman's option for the folder of downloaded packages."""
    return f"--volume={lab['apt_archives'][suite]}:/var/cache/apt/archives{how}"


def _exists(image):
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def _make_images(container, names, settings):
    """Make the images out of a new container, which goes."""
    try:
        container.settle(settings)
        container.check_out()
        container.root("apt-get -qq update")
        container.keep(names["bare"])
        container.bootstrap(check=True)
        container.keep(names["ready"])
    finally:
        container.remove()


@pytest.fixture
def machine(suite, images, lab, mirror):
    """Return a function that starts a machine in a state, "bare" or "ready"; options are those of podman run."""
    started = []

    def start(state, *options, archives=True):
        # Each with a layer of its own above the folder of packages: apt locks it.
        packages = [_archives(lab, suite, ":O")] if archives else []
        started.append(Container(images[state], lab, *packages, *options))
        started[-1].suite = suite
        started[-1].settings = stand_in.of_release(mirror[1], suite)
        started[-1].settle(started[-1].settings)
        if state == "ready":
            started[-1].sh(READY)
        return started[-1]

    yield start
    for container in started:
        container.remove()


@pytest.fixture
def ready(machine):
    """Return a machine that is set up."""
    return machine("ready")


@pytest.fixture
def bare(machine):
    """Return a new machine."""
    return machine("bare")
