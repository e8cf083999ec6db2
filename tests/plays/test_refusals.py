"""Bad settings end in one clear error, by the real playbook, before anything is changed (here: in check mode)."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import load

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"devrig_release": "bookworm", "dev_user": "root", "pyenv_versions": ["3.13.5"]}


@pytest.fixture
def plan(tmp_path):
    """Return a function that runs preflight and the plan with settings: (exit status, output)."""

    def run(*options, **settings):
        asked = {"pyenv_root": str(tmp_path / "pyenv"), **GOOD, **settings}
        done = subprocess.run(
            ["ansible-playbook", "playbook.yml", "--check", *(options or ("--tags", "plan")), "-e", json.dumps(asked)],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "1000"},
            capture_output=True,
            text=True,
            check=False,
        )
        # What Ansible shows as YAML has its quotes doubled.
        return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr).replace("''", "'")

    return run


@pytest.fixture
def refusals(tmp_path):
    """Return a function that runs preflight on hosts, each with its own settings: host -> what it says, its recap."""

    def run(hosts, *options):
        local = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
        settings = [
            {"pyenv_root": str(tmp_path / f"pyenv-{name}"), **GOOD, **local, **own} for name, own in hosts.items()
        ]
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": dict(zip(hosts, settings))}}))
        done = subprocess.run(
            ["ansible-playbook", "-i", str(tmp_path / "hosts.json"), "playbook.yml", "--check", "--forks=4", *options],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "1000"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = dict(re.findall(r"^fatal: \[(\w+)\]: (.*?)(?=^fatal: |\n\n)", done.stdout, re.MULTILINE | re.DOTALL))
        recaps = dict(re.findall(r"^(\w+) +: (ok=.*)$", done.stdout, re.MULTILINE))
        whole = {name: f"{said.get(name)} {recaps.get(name)}".replace("''", "'") for name in hosts}  # YAML's quotes
        return {name: re.sub(r"\s+", " ", text) for name, text in whole.items()}

    return run


def wrong(said, messages):
    """Return what hosts said where it is not what they should say: nothing was changed, and the message."""
    return {
        name: said[name]
        for name, message in messages.items()
        if message not in said[name] or " changed=0 " not in said[name] or " failed=1 " not in said[name]
    }


def test_good_settings_are_planned(plan):
    status, output = plan()
    assert status == 0, output
    assert "failed=0" in output


@pytest.fixture
def source(tmp_path):
    """Return settings that lead to a pyenv which needs no network."""
    folder = tmp_path / "source"
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@localhost"]
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run([*git, "tag", "v1"], check=True)
    return {"pyenv_git_url": str(folder), "pyenv_version": "v1", "pyenv_virtualenv_git_url": ""}


@pytest.mark.parametrize("skipped", ["pipenv", "plan,pipenv"])
def test_the_plan_is_made_whatever_is_skipped(plan, source, skipped):
    status, output = plan("--skip-tags", f"build_deps,zsh,vim,tmux,git_hooks,summary,{skipped}", **source)
    assert status == 0, output
    assert re.search(r"Compile what is missing\] \*+ changed", output)


def test_pipenv_alone_says_what_it_needs(plan):
    status, output = plan("--tags", "pipenv")
    assert status != 0
    assert "Python 3.13.5 is not there: run with --tags build_deps,pyenv,pipenv" in output


def starter(plan, path, **settings):
    """Ask for a starter in a folder."""
    return plan("--tags", "starter", starter_path=str(path), **settings)


#: Where no starter can be -> why.
PLACES = {
    "": "starter_path is empty: name the folder to be made, for example -e starter_path=~/src/hello",
    "/srv/50%": '/srv/50%: none of % : " $ ` \\ can be in it',
    "/srv/a:b/c": "/srv/a:b/c: none of % :",
    '/srv/a"b': '/srv/a"b: none of % :',
    "/srv/a\nb": "no tab or other control in it",
    "/srv/a ": "no blank may stand at its ends",
    "/srv/..": "write the folder's name",
    "~": "write the folder's name",
    "src/hello": "starter_path is src/hello: write the whole path, or ~/ for the user's own home",
    "~nobody/hello": "write the whole path, or ~/ for the user's own home",
    "/etc": "/etc is not empty (",
    "/etc/passwd": "/etc/passwd is no folder",
    "/etc/passwd/hello": "/etc/passwd is no folder in which you may write",
}


def test_bad_places_of_a_starter_are_refused(refusals):
    hosts = {f"h{number}": path for number, path in enumerate(PLACES)}
    said = refusals({name: {"starter_path": path} for name, path in hosts.items()}, "--tags", "starter")
    assert not wrong(said, {name: PLACES[path] for name, path in hosts.items()})


def test_the_place_of_a_starter_is_refused_before_other_roles_begin(plan):
    status, output = plan("--tags", "all,starter", starter_path="/etc")
    assert status != 0
    assert "/etc is not empty" in output
    assert "TASK [build_deps : install" not in output


def test_a_starter_needs_a_python_of_today(plan, tmp_path):
    status, output = starter(plan, tmp_path / "hello", pyenv_versions=["2.7.18", "3.13.5"])
    assert status != 0
    assert "The starter needs Python 3.6 or newer, and python would be 2.7" in output
    status, output = starter(
        plan, tmp_path / "hello", pyenv_versions=["2.7.18", "3.13.5"], pyenv_global=["system", "3.13.5"]
    )
    assert status == 0, output


def test_a_starter_is_announced_and_made_only_on_request(plan, tmp_path):
    status, output = starter(plan, tmp_path / "Jörg's hello")
    assert status == 0, output
    assert f"{tmp_path}/Jörg's hello would be made" in output
    status, output = plan(starter_path="/etc")
    assert status == 0, output
    assert not (tmp_path / "Jörg's hello").exists()


def test_values_of_the_command_line_are_text(plan):
    """-e NAME=VALUE gives text: what it means is what counts."""
    status, output = plan(zsh_login_shell="false", pyenv_build_jobs="2", summary_show="no", zsh_history_size="5000")
    assert status == 0, output


def test_a_list_may_be_given_as_text(plan):
    status, output = plan(pyenv_versions="3.13.5, 3.9.2", pyenv_global="3.9.2")
    assert status == 0, output


#: Settings, and what is said of them.
BAD = [
    ({"dev_user": ""}, "name the user whose environment it is"),
    ({"devrig_release": "warty"}, "(warty) is not supported; supported are bullseye, bookworm, trixie"),
    ({"pyenv_versions": ["3.13"]}, "3.13 is not a full Python version"),
    ({"pyenv_versions": ["3.6.99"]}, "Python 3.6.99 is not known: the last of its series is 3.6.15"),
    (
        {"pyenv_versions": ["3.5.2"], "pyenv_openssl": "system"},
        "pyenv_openssl is system, and Python 3.5.2 does not take OpenSSL",
    ),
    ({"pyenv_openssl": "libssl1.0-dev"}, "Python 3.13.5 needs OpenSSL 1.1.1 or newer (PEP 644)"),
    ({"pyenv_openssl": "libre"}, "value of pyenv_openssl must be one of: auto, system, private, libssl1.0-dev"),
    (
        {"pyenv_versions": ["3.5.2"], "pyenv_optimize": True},
        "pyenv_optimize is true, and Python 3.5.2 does not know it",
    ),
    ({"pyenv_prune": "perhaps"}, "argument 'pyenv_prune' is of type"),
    ({"pyenv_global": ["3.9.2"]}, "pyenv_global names 3.9.2, which pyenv_versions (3.13.5) does not install"),
    ({"pyenv_versions": {"a": 1}}, "argument 'pyenv_versions' is of type"),
    ({"pyenv_build_jobs": "many"}, "argument 'pyenv_build_jobs' is of type"),
    ({"zsh_login_shell": "perhaps"}, "argument 'zsh_login_shell' is of type"),
    ({"build_deps_cache_valid_time": "soon"}, "argument 'build_deps_cache_valid_time' is of type"),
    ({"build_deps_extra": "htop,jq"}, "build_deps_extra is a list, and is given as text: htop,jq."),
    ({"pyenv_root": "~/py"}, "write the whole path"),
    ({"pyenv_versions": []}, "pyenv_versions is empty"),
    ({"vim_plugins": [{"name": "a", "repo": "/a", "version": "v1.0"}]}, "all 40 digits of it"),
    ({"vim_plugins": [{"name": "../a", "repo": "/a", "version": "a" * 40}]}, "Not so: ../a"),
    ({"vim_plugins": [{"name": "a", "repo": "/a", "version": "a" * 40}] * 2}, "A name is there twice"),
    ({"zsh_framework": "ohmyzsh", "zsh_ohmyzsh_version": "master"}, "zsh_ohmyzsh_version is master: name a commit"),
    ({"tmux_restore_programs": ["vim", 'a"b']}, "tmux_restore_programs are names of programs"),
    ({"pyenv_prebuilt_sha256": "abc=def"}, "each archive is pinned in pyenv_prebuilt_sha256"),
    ({"tmux_prefix": "C-a; kill-server"}, "tmux_prefix is a key as tmux writes it"),
    ({"tmux_shell": "zsh -x"}, "tmux_shell a whole path without blanks"),
    ({"vim_plugins": [{"name": "a", "version": "a" * 40}]}, "missing required arguments: repo"),
    ({"vim_plugins": [{"name": "a", "repo": "/a", "version": "a" * 40, "opt": "perhaps"}]}, "'opt' is of type"),
    ({"pipenv_verify_install": "perhaps"}, "argument 'pipenv_verify_install' is of type"),
    ({"preflight_user": "perhaps"}, "argument 'preflight_user' is of type"),
]


def test_bad_settings_are_refused(refusals):
    hosts = {f"h{number}": case for number, case in enumerate(BAD)}
    said = refusals({name: settings for name, (settings, _) in hosts.items()}, "--tags", "plan")
    assert not wrong(said, {name: message for name, (_, message) in hosts.items()})


def test_a_bundle_sets_up_no_other_machine(refusals, tmp_path):
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')  # the other machine is this one
    ssh.chmod(0o755)
    other = {
        "ansible_connection": "ssh",
        "ansible_user": "root",
        "ansible_ssh_executable": str(ssh),
        "ansible_ssh_transfer_method": "piped",
        "ansible_remote_tmp": str(tmp_path / "tmp"),
    }
    bundle = {"preflight_bundle": True}
    said = refusals({"h0": {**other, **bundle}, "h1": other, "h2": bundle}, "--tags", "plan")
    assert not wrong(said, {"h0": "A bundle sets up the machine that it lies on, and h0 is another one"})
    assert all(" failed=0 " in said[name] for name in ("h1", "h2")), said


def test_a_folder_that_is_no_pyenv_is_refused(plan, tmp_path):
    (tmp_path / "pyenv/things").mkdir(parents=True)
    status, output = plan()
    assert status != 0
    assert "is no git checkout: move it away" in output


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        # As 3.6 and 3.8 answer to 2.21.
        ("SyntaxError: future feature annotations is not defined", "its Python is too old for ansible-core"),
        ('{"failed": true, "msg": "Ansible requires Python 3.9 or newer on the target."}', "its Python is too old"),
        (None, "it has no Python, or not where ansible_python_interpreter says: apt-get install python3"),
    ],
)
def test_a_python_that_ansible_cannot_use_ends_with_what_to_do(plan, tmp_path, said, advice):
    python = tmp_path / "python"
    if said:
        (tmp_path / "said").write_text(said)
        python.write_text(f"#!/bin/sh\ncat {tmp_path}/said; cat {tmp_path}/said >&2; exit 1\n")
        python.chmod(0o755)
    status, output = plan(ansible_python_interpreter=str(python))
    assert status != 0
    assert f"localhost: {advice}" in output.partition("WHAT TO DO")[2]


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
def test_a_program_that_is_missing_is_not_taken_for_python(said, missing):
    trouble = load("callback_plugins/devrig.py").python_trouble
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
def test_a_sudo_that_asks_for_a_password_ends_with_what_to_do(said, asks):
    assert ("--ask-become-pass" in load("callback_plugins/devrig.py").sudo_trouble(said)) == asks


def test_what_ansible_cannot_give_to_another_plain_user_ends_with_what_to_do():
    trouble = load("callback_plugins/devrig.py").stranger_trouble
    said = "Failed to set permissions on the temporary files Ansible needs to create when becoming an unprivileged user"
    assert "connect as root" in trouble({"msg": f"{said} (rc: 1, err: chmod: invalid mode: 'A+user:...')"})
    assert trouble({"msg": "Missing sudo password"}) == ""
