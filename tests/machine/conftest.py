"""Which containers are broken and mended: --host NAME, several times or with commas."""


def pytest_addoption(parser):
    group = parser.getgroup("machine tests")
    group.addoption(
        "--host", action="append", default=[], help="container that is set up; several: again, or with commas"
    )


def pytest_generate_tests(metafunc):
    if "host" in metafunc.fixturenames:
        hosts = [name for given in metafunc.config.getoption("host") for name in given.split(",") if name]
        metafunc.parametrize("host", hosts, scope="session")
