"""The callback devrig: what to do about a host that failed."""

import pytest

from tests.conftest import load

TROUBLE = load("callback_plugins/devrig.py")


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("/bin/sh: 1: /usr/bin/python3.11: not found", True),
        ("bash: line 1: python3: command not found", True),
        ("/usr/bin/env: 'python3': No such file or directory", True),
        ("/bin/sh: 1: sudo: not found", False),
        ("python3: can't open file '/x': No such file or directory", False),
    ],
)
def test_tells_a_missing_python_from_other_missing_programs(said, missing):
    trouble = TROUBLE.python_trouble
    assert bool(trouble({"module_stderr": said})) == missing
    assert bool(trouble({"module_stderr": "Shared connection closed.", "module_stdout": f"{said}\r\n"})) == missing


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ({"msg": "Missing sudo password"}, True),
        ({"msg": "Task failed: Missing sudo password"}, True),
        ({"msg": "MODULE FAILURE", "module_stderr": "sudo: a password is required\n"}, True),
        ({"msg": "Incorrect sudo password"}, False),
    ],
)
def test_says_what_to_do_where_sudo_asks_for_a_password(said, asks):
    assert ("--ask-become-pass" in TROUBLE.sudo_trouble(said)) == asks


def test_says_what_to_do_where_ansible_cannot_become_another_plain_user():
    trouble = TROUBLE.stranger_trouble
    said = "Failed to set permissions on the temporary files Ansible needs to create when becoming an unprivileged user"
    assert "connect as root" in trouble({"msg": f"{said} (rc: 1, err: chmod: invalid mode: 'A+user:...')"})
    assert trouble({"msg": "Missing sudo password"}) == ""


def test_advice_names_the_hosts_that_failed():
    advice = load("callback_plugins/devrig.py").advice
    assert advice({"b": "no room\nat all", "a": ""}) == [
        "a: see above",
        "b: no room",
        "When that is mended, for these alone: --limit a,b",
    ]
