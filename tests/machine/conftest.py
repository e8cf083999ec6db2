"""Machines to break: containers of several releases, bare or set up; and the table of what they survived."""

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.lab.description import describe
from tests.machine import machines, stand_in, table
from tests.machine.images import Images, archives

#: Releases on which machines are broken, newest last. test_life.py runs on the older ones too.
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
OLDER = {"bullseye": "Debian 11"}


def pytest_addoption(parser):
    group = parser.getgroup("machine tests")
    group.addoption(
        "--suite", action="append", default=[], help="code name of a release; again for several (default: all)"
    )
    group.addoption(
        "--table",
        metavar="FILE",
        help="write the table of survived faults to FILE; a partial run updates only its own lines",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "survives(fault, holds): a line of docs/reliability.md")
    config.addinivalue_line("markers", "newest: ./test runs it only on the newest release")


class ByLife(LoadScopeScheduling):
    """With pytest-xdist, one process runs all steps of a machine's life; other tests are distributed one by one."""

    def _split_scope(self, nodeid):
        name, _, parameters = nodeid.partition("[")
        return parameters if "/test_life.py::" in name else nodeid


def pytest_xdist_make_scheduler(config, log):
    return ByLife(config, log)


def pytest_collection_modifyitems(items):
    for place, item in enumerate(items):
        suite = item.callspec.params.get("suite") if hasattr(item, "callspec") else None
        for mark in item.iter_markers("survives"):
            item.user_properties.append(("survives", [place, *mark.args, (RELEASES | OLDER)[suite]]))


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
        is_newest = metafunc.definition.get_closest_marker("newest")
        left = [[pytest.mark.full] if is_newest and suite != list(RELEASES)[-1] else [] for suite in suites]
        values = [pytest.param(suite, marks=marks) for suite, marks in zip(suites, left, strict=True)]
        metafunc.parametrize("suite", values, ids=suites, scope="session")


@pytest.fixture(scope="session")
def lab(pytestconfig):
    """Prepare the laboratory; return its description."""
    return describe(*(pytestconfig.getoption("suite") or RELEASES))


@pytest.fixture(scope="session")
def mirror(lab, tmp_path_factory):
    """Serve a mirror of stand-ins; return (its server, the product's settings that lead to it)."""
    with machines.serving(lab, tmp_path_factory.mktemp("mirror")) as served:
        yield served


@pytest.fixture
def server(mirror):
    """Return the mirror's server; its faults are reset after the test."""
    yield mirror[0]
    mirror[0].heal()


@pytest.fixture(scope="session")
def images(suite, lab, mirror):
    """Return the images of a release."""
    if suite not in lab["images"]:
        pytest.skip(f"NOT TESTED: {suite}, because no image of it can be made")
    return Images(suite, lab, stand_in.of_release(mirror[1], suite))


@pytest.fixture
def machine(images):
    """Return a function that starts a machine in a state, "bare" or "ready"; options are those of podman run."""
    started = []

    def start(state, *options, with_archives=True):
        packages = [archives(images.lab, images.suite, ":O")] if with_archives else []
        started.append(machines.start(images, state, *packages, *options))
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
