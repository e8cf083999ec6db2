"""What a machine has, read from dpkg's and apt's answers."""

import os
from types import SimpleNamespace

import pytest

POLICY = """\
gcc:
  Installed: (none)
  Candidate: 4:7.4.0-1ubuntu2.3
  Version table:
     4:7.4.0-1ubuntu2.3 500
        500 http://archive.example/ubuntu bionic/main amd64 Packages
libc6:
  Installed: 2.27-3ubuntu1
  Candidate: 2.27-3ubuntu1.6
  Version table:
 *** 2.27-3ubuntu1 100
        100 /var/lib/dpkg/status
libssl-dev:
  Installed: (none)
  Candidate: 1.1.1-1ubuntu2.1~18.04.23
  Version table:
     1.1.1-1ubuntu2.1~18.04.23 500
libssl1.0-dev:
  Installed: (none)
  Candidate: 1.0.2n-1ubuntu5.13
  Version table:
     1.0.2n-1ubuntu5.13 500
"""
SIMULATION = """\
NOTE: This is only a simulation!
Remv npm [3.5.2-0ubuntu4]
Remv libssl-dev [1.1.1-1ubuntu2.1~18.04.23]
Inst libssl1.0-dev (1.0.2n-1ubuntu5.13 Ubuntu:18.04/bionic [amd64])
"""


@pytest.fixture
def machine(pyenv_host):
    """Return a function that reads a machine whose programs answer as given, and says which were asked."""

    def run(legacy, **answers):
        asked = []

        def ask(argv):
            asked.append(argv[0])
            return answers.get(argv[0].replace("-", "_"), "")

        return pyenv_host.read_host(legacy, ask), asked

    return run


@pytest.mark.parametrize(
    ("triplet", "word"),
    [
        ("x86_64-linux-gnu", "x86_64"),
        ("i386-linux-gnu", "i386"),
        ("arm-linux-gnueabihf", "armeabihf"),
        ("x86_64-linux-musl", "x86_64musl"),
        ("", os.uname().machine),
    ],
)
def test_the_architecture_is_that_of_programs(pyenv_host, monkeypatch, triplet, word):
    monkeypatch.setattr(pyenv_host.sys, "implementation", SimpleNamespace(_multiarch=triplet))
    assert pyenv_host.architecture() == word


def test_what_is_installed_counts_and_apt_is_not_asked(machine):
    there = "gcc installed 4:12.2.0-3\nlibc6 installed 2.36-9+deb12u14\nlibssl-dev installed 3.0.20-1~deb12u2\n"
    found, asked = machine(False, dpkg_query=there)
    assert (found.gcc, found.glibc, found.openssl) == (12, (2, 36), (3, 0, 20))
    assert (found.legacy, found.asked, found.installed) == (None, False, ["libssl-dev"])
    assert asked == ["dpkg-query"]


def test_on_a_bare_machine_it_is_what_apt_would_install(machine):
    there = "libc6 installed 2.27-3ubuntu1\ngcc deinstall 4:5.0-1\n"
    found, _ = machine(False, dpkg_query=there, apt_cache=POLICY)
    assert (found.gcc, found.glibc, found.openssl) == (7, (2, 27), (1, 1, 1))
    assert (found.asked, found.installed) == (True, [])


def test_what_libssl1_0_dev_would_cost(machine):
    there = "gcc installed 4:7.4.0-1\nlibc6 installed 2.27-3\nlibssl-dev installed 1.1.1-1\n"
    assert machine(True, dpkg_query=there, apt_cache=POLICY)[0].legacy == ()
    assert machine(True, dpkg_query=there, apt_cache=POLICY, apt_get=SIMULATION)[0].legacy == ("npm",)
    found, _ = machine(True, dpkg_query=there, apt_cache=POLICY.replace("1.0.2n-1ubuntu5.13", "(none)"))
    assert (found.legacy, found.asked) == (None, True)


def test_libssl1_0_dev_that_is_there_costs_nothing(machine):
    found, _ = machine(True, dpkg_query="gcc installed 4:7.4.0-1\nlibssl1.0-dev installed 1.0.2n-1\n", apt_cache=POLICY)
    assert (found.legacy, found.openssl, found.installed) == ((), (1, 1, 1), ["libssl1.0-dev"])


def test_a_machine_that_cannot_be_asked_is_unknown(machine):
    found, _ = machine(True)
    assert found == (None, None, None, None, False, [])


def test_a_program_that_is_missing_says_nothing(pyenv_host):
    assert pyenv_host.output(["devrig-no-such-program"]) == ""


@pytest.mark.parametrize(
    ("text", "count", "result"),
    [("4:12.2.0-3", 1, (12,)), ("1.1.1-1ubuntu2", 3, (1, 1, 1)), ("2.41-12+deb13u5", 2, (2, 41)), ("", 1, None)],
)
def test_numbers_of_a_debian_version(pyenv_host, text, count, result):
    assert pyenv_host.numbers(text, count) == result
