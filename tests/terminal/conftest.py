"""The hosts of a run, and for each test a home folder of its own with terminals."""

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.terminal.machine import Home, Machine
from tests.terminal.screen import Terminal


def pytest_addoption(parser):
    group = parser.getgroup("terminal tests")
    group.addoption(
        "--host",
        action="append",
        default=[],
        help="container; repeat or separate with commas; without it, this machine",
    )
    group.addoption("--once", action="store_true", help="run tests without the mark release only on the last host")
    group.addoption("--user", default="dev", help="whose environment is tried (default: dev)")


def pytest_configure(config):
    config.addinivalue_line("markers", "release: depends on the versions of the release's programs")


def _hosts(config):
    return [name for given in config.getoption("host") for name in given.split(",") if name]


def pytest_generate_tests(metafunc):
    if "host" in metafunc.fixturenames:
        hosts = _hosts(metafunc.config)
        metafunc.parametrize("host", hosts or [""], ids=hosts or ["here"], scope="session")


class ByMeasurement(LoadScopeScheduling):
    """With pytest-xdist, tests are distributed one by one, except those that share a host's measurement."""

    def _split_scope(self, nodeid):
        if "/test_costs.py::" not in nodeid:
            return nodeid
        return next((host for host in _hosts(self.config) if host in nodeid), "here")


def pytest_xdist_make_scheduler(config, log):
    return ByMeasurement(config, log)


def _host_of(item):
    return item.callspec.params.get("host") if hasattr(item, "callspec") else None


def pytest_collection_modifyitems(config, items):
    """With --once, leave unmarked tests to the last host. Rerun once what a busy machine did not show in time."""
    if config.getoption("once"):
        others = set(_hosts(config)[:-1])
        left = {item for item in items if _host_of(item) in others and not item.get_closest_marker("release")}
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1, only_rerun="NotSeenError"))


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"TRIED ONCE MORE: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(scope="session")
def machine(host, request):
    return Machine(host, request.config.getoption("user"))


@pytest.fixture
def home(machine):
    """A copy of the user's home folder, removed at the end with all that runs in it."""
    home = Home(machine)
    yield home
    home.leave()


@pytest.fixture
def open_terminal(home):
    """Return a function that starts a program in a terminal; arguments as Home.command has them."""
    terminals = []

    def start(*command, columns=80, lines=24, **options):
        line = home.command(*command, columns=columns, lines=lines, **options)
        terminals.append(Terminal(line, columns=columns, lines=lines))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def zsh(open_terminal):
    """Return a function that starts a login shell and waits for its prompt."""

    def start(**options):
        terminal = open_terminal("zsh", "-il", **options)
        terminal.wait_prompt()
        return terminal

    return start


@pytest.fixture
def idle_zsh(zsh):
    """Return a function that starts a login shell and leaves it alone until its plugins are read."""

    def start(**options):
        terminal = zsh(**options)
        terminal.wait_quiet(0.5)
        return terminal

    return start


@pytest.fixture
def tmux(home, open_terminal):
    """Return a function that starts tmux with the user's configuration and waits until a shell is in it."""

    def start(*arguments, **options):
        terminal = open_terminal("tmux", *arguments, **{"columns": 100, "lines": 30, **options})
        terminal.wait_prompt()
        # On a busy machine keys arrive together, and tmux would take them for pasted text.
        home.sh("tmux set-option -g assume-paste-time 0")
        return terminal

    return start
