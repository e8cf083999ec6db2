"""The module that changes the login shell: only to one that was seen to start."""

import contextlib
import json
import os
import pwd
import subprocess
import time

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
        ("/usr/bin/zsh", "", "absent", ""),
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


def test_one_that_ends_a_line_without_a_newline_comes_up(login_shell, me, tmp_path, can_change_user):
    (tmp_path / ".zshrc").write_text("print -n '\\e]0;title\\ahello '\n")
    up, output = login_shell.start_as(me, "/usr/bin/zsh", 20)
    assert (up, output.endswith("hello")) == (True, True)


@pytest.fixture
def reached(login_shell, tmp_path, monkeypatch):
    """Return the line for a start file after which a trial's time is up in a moment, and not before."""
    mark = tmp_path / "reached"

    class Clock:
        def monotonic(self):
            with contextlib.suppress(FileNotFoundError):
                if time.time() > mark.stat().st_mtime + 0.4:
                    return time.monotonic() + 1000
            return time.monotonic()

    def begin(*arguments):
        mark.unlink(missing_ok=True)
        return begin_as(*arguments)

    begin_as = login_shell.begin_as
    monkeypatch.setattr(login_shell, "begin_as", begin)
    monkeypatch.setattr(login_shell, "time", Clock())
    return f": >{mark}\n"


@pytest.mark.usefixtures("can_change_user")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sleep 4321", 2),
        ("read answer", 2),
        ("while true; do :; done", 2),
        ("exec sleep 4321", 2),
        ("exec true", 2),
        ("print leaving; exit 3", 2),
        ("yes", 2),
        ("trap '' HUP TERM INT; (trap '' HUP; sleep 4321) & wait", 2),
        ("f() {\n  sleep 4321\n}\nf", 3),
    ],
)
def test_names_file_and_line_where_a_start_file_hangs(login_shell, me, tmp_path, reached, text, line):  # noqa: PLR0917
    """And nothing of the trial goes on."""
    (tmp_path / ".zshrc").write_text(f"{reached}source ~/.zshrc.local\n")
    (tmp_path / ".zshrc.local").write_text(f"print before\n{text}\n")
    started = time.monotonic()
    said = login_shell.refusal(me, "/usr/bin/zsh", 20)
    assert f"and was not set: it was at line {line} of {tmp_path}/.zshrc.local. It printed:" in said
    assert len(said) < 1500
    assert time.monotonic() - started < 15
    left = subprocess.run(["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "sleep 4321" not in left.splitlines()


def test_stops_a_shell_that_hangs(login_shell, me, tmp_path, reached, can_change_user):
    (tmp_path / ".zshrc").write_text(f"{reached}print before; sleep 4321\n")
    up, output = login_shell.start_as(me, "/usr/bin/zsh", 20)
    assert not up
    assert "before" in output


def test_keeps_only_the_end_of_endless_output(login_shell, me, tmp_path, reached, can_change_user):
    (tmp_path / ".zshrc").write_text(f"{reached}yes a long line of output\n")
    up, output = login_shell.start_as(me, "/usr/bin/zsh", 20)
    assert not up
    assert len(output) <= login_shell.TAIL


def test_a_job_that_goes_on_does_not_hold_it_up(login_shell, me, tmp_path, can_change_user):
    (tmp_path / ".zshrc").write_text("sleep 4322 &\n")
    started = time.monotonic()
    assert login_shell.start_as(me, "/usr/bin/zsh", 20)[0]
    assert time.monotonic() - started < 10
    left = subprocess.run(["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "sleep 4322" not in left.splitlines()


def test_a_program_that_is_no_shell_is_seen(login_shell, me, can_change_user):
    assert login_shell.start_as(me, "/bin/false", 20)[0] is False


def test_names_the_start_files_of_other_shells(login_shell, me, tmp_path, reached, can_change_user):
    (tmp_path / ".profile").write_text(f"{reached}sleep 4321\n")
    assert f"look into {tmp_path}/.profile." in login_shell.refusal(me, "/bin/bash", 20)


def test_a_shell_that_is_not_registered_is_refused(login_shell, me):
    assert "/etc/shells" in login_shell.refusal(me, "/bin/true", 1)


# --- the module, with a passwd of its own


class Answered(Exception):
    """The end of a module, with its answer."""


@pytest.fixture
def machine(login_shell, me, tmp_path, monkeypatch):
    """Return a machine with one user, whose entry only usermod changes."""

    class Machine:
        ledger = tmp_path / "lib/devrig/ledger.json"
        user = None
        users = "ann:x:1:1::/:/bin/sh\n"
        shells = "/bin/sh\n/bin/bash\n/usr/bin/zsh\n"
        starts = {"/bin/sh", "/bin/bash", "/usr/bin/zsh"}
        usermod = True

        def call(self, dry=False, **params):
            class Module:
                def __init__(self, argument_spec, supports_check_mode):
                    found = {name: spec.get("default") for name, spec in argument_spec.items()}
                    self.params = {
                        **found,
                        "user": "ann",
                        "shell": "/usr/bin/zsh",
                        "ledger": str(machine.ledger),
                        **params,
                    }
                    self.check_mode = dry
                    self.warnings = []

                def warn(self, text):
                    self.warnings.append(text)

                def get_bin_path(self, name, required):
                    return "/usr/sbin/" + name

                def run_command(self, command, check_rc):
                    assert command[:2] == ["/usr/sbin/usermod", "--shell"]
                    assert machine.known() or params.get("state") == "absent"  # written down before
                    if machine.usermod:
                        machine.choose(command[2])

                def exit_json(self, **answer):
                    raise Answered({**answer, "warnings": self.warnings})

                def fail_json(self, **answer):
                    raise Answered({**answer, "failed": True})

            monkeypatch.setattr(login_shell, "AnsibleModule", Module)
            with pytest.raises(Answered) as end:
                login_shell.main()
            return end.value.args[0]

        def choose(self, shell):
            self.user = pwd.struct_passwd(("ann", *me[1:6], shell))

        def known(self):
            if not self.ledger.exists():
                return {}
            return json.loads(self.ledger.read_text())["sections"].get("login_shells", {})

    machine = Machine()
    machine.choose("/bin/bash")
    texts = {"/etc/passwd": lambda: machine.users, "/etc/shells": lambda: machine.shells}
    monkeypatch.setattr(login_shell.pwd, "getpwnam", lambda _: machine.user)
    monkeypatch.setattr(login_shell, "text_of", lambda path: texts[path]())
    monkeypatch.setattr(login_shell, "start_as", lambda user, shell, *_, **__: (shell in machine.starts, "it said so"))
    return machine


def test_it_is_set_remembered_and_given_back(machine):
    assert machine.call(dry=True)["changed"] is True
    assert (machine.user.pw_shell, machine.known()) == ("/bin/bash", {})
    answer = machine.call()
    assert (answer["changed"], answer["before"], answer["shell"]) == (True, "/bin/bash", "/usr/bin/zsh")
    assert (machine.user.pw_shell, machine.known()) == ("/usr/bin/zsh", {"ann": "/bin/bash"})
    assert machine.call()["changed"] is False
    assert machine.call(dry=True, state="absent")["changed"] is True
    back = machine.call(state="absent")
    assert (back["changed"], back["warnings"], machine.user.pw_shell) == (True, [], "/bin/bash")
    assert machine.call(state="absent")["changed"] is False
    assert not machine.ledger.parents[1].exists()


@pytest.mark.parametrize("old", ["", "/usr/sbin/nologin", "/bin/sh"])
def test_what_it_was_is_what_it_is_again(machine, old):
    machine.choose(old)
    machine.call()
    back = machine.call(state="absent")
    assert (machine.user.pw_shell, back["warnings"]) == (old, [])


def test_a_shell_that_does_not_start_is_not_set(machine):
    machine.starts = {"/bin/bash"}
    answer = machine.call()
    assert answer["failed"]
    assert "did not start for ann within 20 s and was not set" in answer["msg"]
    assert (machine.user.pw_shell, machine.known()) == ("/bin/bash", {})


@pytest.mark.parametrize(("why", "text"), [("gone", "is not there any more"), ("broken", "does not start for them")])
def test_an_old_shell_that_is_gone_locks_nobody_out(machine, tmp_path, why, text):
    old = tmp_path / "fish"
    old.write_text("")
    old.chmod(0o755)
    machine.shells += f"{old}\n"
    machine.choose(str(old))
    machine.call()
    if why == "gone":
        old.unlink()
    machine.starts.remove("/bin/bash")
    back = machine.call(state="absent")
    assert (machine.user.pw_shell, back["shell"]) == ("/bin/sh", "/bin/sh")
    assert text in back["warnings"][0]
    assert machine.known() == {}


def test_where_no_shell_starts_the_entry_is_what_it_was(machine):
    machine.call()
    machine.starts = set()
    back = machine.call(state="absent")
    assert machine.user.pw_shell == "/bin/bash"
    assert "does not start for ann" in back["warnings"][0]


def test_a_choice_of_the_user_s_own_is_left_and_the_last_one_is_what_comes_back(machine):
    machine.call()
    machine.choose("/bin/sh")
    assert machine.call(state="absent")["changed"] is False
    machine.call()
    machine.choose("/bin/sh")
    machine.call()
    machine.call(state="absent")
    assert machine.user.pw_shell == "/bin/sh"


@pytest.mark.parametrize("dry", [False, True])
def test_a_user_from_elsewhere_is_left_out_and_said(machine, dry):
    machine.users = "root:x:0:0::/root:/bin/sh\n"
    answer = machine.call(dry=dry)
    assert (answer["changed"], "failed" in answer) == (False, False)
    assert "LDAP" in answer["skipped_why"]
    assert answer["warnings"] == [answer["skipped_why"]]
    back = machine.call(state="absent")
    assert (back["changed"], back["warnings"]) == (False, [])


def test_without_root_a_shell_that_devrig_set_is_left_to_an_administrator(machine, devrig_ledger, monkeypatch):
    rootless = {"state": "absent", "change": False}
    assert machine.call(**rootless)["skipped_why"] == ""
    machine.choose("/usr/bin/zsh")  # a person's own choice
    assert machine.call(**rootless)["skipped_why"] == ""
    machine.choose("/bin/sh")
    machine.call()
    known = machine.ledger.read_text()
    for dry in (True, False):
        answer = machine.call(dry, **rootless)
        assert (answer["changed"], answer["warnings"]) == (False, [answer["skipped_why"]])
        assert "run `chsh -s /bin/sh ann`, then run again" in answer["skipped_why"]
    assert (machine.user.pw_shell, machine.ledger.read_text()) == ("/usr/bin/zsh", known)
    # Where the ledger is for root's eyes, nobody knows, and nobody is locked out.
    monkeypatch.setattr(devrig_ledger, "MACHINE", str(machine.ledger))
    monkeypatch.setattr(devrig_ledger.os, "geteuid", lambda: 1000)

    def closed(path, *_, **__):
        raise PermissionError(13, "closed", path)

    with monkeypatch.context() as patch:
        patch.setattr(devrig_ledger, "open", closed, raising=False)
        assert "`chsh -s /bin/bash ann`" in machine.call(**rootless)["skipped_why"]
    machine.choose("/bin/sh")  # as it was said
    assert machine.call(**rootless)["skipped_why"] == ""


def test_usermod_that_does_nothing_is_an_error(machine):
    machine.usermod = False
    assert "is still /bin/bash" in machine.call()["msg"]
    machine.usermod = True
    assert machine.call()["changed"] is True
    machine.call(state="absent")
    assert machine.user.pw_shell == "/bin/bash"


def test_the_record_of_an_older_devrig_is_taken_over(machine):
    machine.ledger.parent.mkdir(parents=True)
    (machine.ledger.parent / "login_shells.json").write_text('{"ann": "/bin/sh", "bob": "/bin/bash"}')
    machine.choose("/usr/bin/zsh")
    assert machine.call()["changed"] is False
    machine.call(state="absent")
    assert (machine.user.pw_shell, machine.known()) == ("/bin/sh", {"bob": "/bin/bash"})
    assert [path.name for path in machine.ledger.parent.iterdir() if path.suffix != ".lock"] == ["ledger.json"]


def test_an_unknown_user_is_refused(run_module):
    answer = run_module("login_shell", {"user": "nobody-of-this-name", "shell": "/bin/sh"})
    assert answer["msg"] == "there is no user nobody-of-this-name on this machine"
