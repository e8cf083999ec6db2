"""The module that changes the login shell: only to one that was seen to start."""

import os
import pwd

import pytest

SHELLS = "# /etc/shells: valid login shells\n/bin/sh\n/usr/bin/zsh # added by zsh\n\n#/bin/ksh\n"


@pytest.mark.parametrize(
    ("shell", "result"), [("/bin/sh", True), ("/usr/bin/zsh", True), ("/bin/ksh", False), ("", False), ("/bin", False)]
)
def test_listed(login_shell, shell, result):
    assert login_shell.listed(shell, SHELLS) is result


def test_local(login_shell):
    users = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n"
    assert login_shell.local("ann", users)
    assert not login_shell.local("an", users)
    assert not login_shell.local("1000", users)


@pytest.mark.parametrize(
    ("before", "remembered", "state", "result"),
    [
        ("/bin/bash", None, "present", "/usr/bin/zsh"),
        ("/usr/bin/zsh", "/bin/bash", "present", "/usr/bin/zsh"),
        ("/usr/bin/zsh", "/bin/bash", "absent", "/bin/bash"),
        ("/usr/bin/zsh", None, "absent", "/usr/bin/zsh"),
        ("/usr/bin/fish", "/bin/bash", "absent", "/usr/bin/fish"),
    ],
)
def test_decide(login_shell, before, remembered, state, result):
    assert login_shell.decide(before, "/usr/bin/zsh", remembered, state) == result


@pytest.fixture
def me(tmp_path):
    """Return the user who runs the tests, with a home folder of the test's own."""
    entry = pwd.getpwuid(os.getuid())
    return pwd.struct_passwd((*entry[:5], str(tmp_path), entry[6]))


@pytest.fixture
def can_change_user():
    if os.getuid() != 0:
        pytest.fail("run as root: the module starts the shell as another user, and only root may")


def test_a_shell_that_works_comes_up(login_shell, me, can_change_user):
    assert login_shell.start_as(me, "/bin/bash", 20)[0] is True


def test_a_configuration_that_hangs_is_cut_off(login_shell, me, tmp_path, can_change_user):
    (tmp_path / ".zshrc").write_text("print before; sleep 60\n")
    up, output = login_shell.start_as(me, "/usr/bin/zsh", 1)
    assert not up
    assert "before" in output


def test_a_configuration_that_ends_the_shell_is_seen(login_shell, me, tmp_path, can_change_user):
    (tmp_path / ".zshrc").write_text("print leaving; exit 3\n")
    up, output = login_shell.start_as(me, "/usr/bin/zsh", 20)
    assert not up
    assert "leaving" in output


def test_a_program_that_is_no_shell_is_seen(login_shell, me, can_change_user):
    assert login_shell.start_as(me, "/bin/false", 20)[0] is False


def test_a_shell_that_is_not_registered_is_refused(login_shell, me):
    assert "/etc/shells" in login_shell.refusal(me, "/bin/true", 1)


def test_the_record_survives(login_shell, tmp_path):
    path = str(tmp_path / "lib/devrig/login_shells.json")
    assert login_shell.load(path) == {}
    login_shell.remember(path, "ann", "/bin/bash")
    login_shell.remember(path, "bob", "/bin/sh")
    login_shell.remember(path, "ann", "/usr/bin/zsh")
    assert login_shell.load(path) == {"ann": "/bin/bash", "bob": "/bin/sh"}
    login_shell.remember(path, "ann", None)
    assert login_shell.load(path) == {"bob": "/bin/sh"}


def test_an_unknown_user_is_refused(run_module):
    answer = run_module("login_shell", {"user": "nobody-of-this-name", "shell": "/bin/sh"})
    assert answer["msg"] == "there is no user nobody-of-this-name on this machine"
