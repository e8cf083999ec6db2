"""One machine, step by step: check mode, first run, second run, doctor, remove.yml.

The steps share a machine and run in order. After the second run it becomes the image that other tests start from.
"""

import json

import pytest

from tests.machine.container import CHECKOUT, Container
from tests.machine.images import archives
from tests.machine.life import changed_tasks, differences, live_in, lost

#: What the doctor examines.
ROLES = {"build_deps", "doctor", "git_hooks", "linters", "pipenv", "pyenv", "tmux", "vim", "zsh"}
SET_UP = 'python -V; pipenv --version; vim --version | head -n 1; tmux -V; printf "%s\\n" "$SHELL" "${commands[git]}"'


@pytest.fixture(scope="module")
def life(images, lab):
    """Return a new machine with a lived-in home; its attribute `before` records its state."""
    machine = Container(images.ensure("bare"), lab, archives(lab, images.suite))
    try:
        machine.settle(images.settings)
        machine.before = live_in(machine), machine.system()
        machine.previewed = None
        yield machine
    finally:
        machine.remove()


@pytest.mark.newest
@pytest.mark.survives(
    "check mode on a new machine",
    "it changes nothing, and lists the same tasks as the real run",
)
def test_check_mode_changes_nothing(life):
    assert "zsh" in life.bootstrap("--list-tags", check=True).said
    home, system = life.home(), life.system()
    done = life.bootstrap("--check", "--diff")
    assert done.code == 0, done.said[-6000:]
    # The checkout's own Ansible was installed before and is in use.
    assert [line for line in differences(home, life.home()) if "share/devrig" not in line] == []
    assert differences(system, life.system()) == []
    life.previewed = changed_tasks(done)
    assert life.previewed


def test_first_run_sets_everything_up(life):
    done = life.bootstrap()
    assert done.code == 0, done.said[-6000:]
    assert life.previewed in (None, changed_tasks(done))
    assert lost(life) == []
    lines = life.run("zsh", "-lic", SET_UP).said.splitlines()
    assert lines[0] == f"Python {life.settings['pyenv_versions'][0]}"
    assert [line.split()[0] for line in lines[1:4]] == ["pipenv,", "VIM", "tmux"]
    assert len(lines) == 6
    assert life.sh("getent passwd dev | cut -d: -f7") == "/usr/bin/zsh\n"
    assert life.sh("find ~ ! -user dev") == ""


def test_second_run_changes_nothing(life, images):
    """As its user runs it: in the new shell, with pyenv's shims first on PATH."""
    line = " ".join(life.bootstrap_line())
    done = life.run("zsh", "-lic", f"cd {CHECKOUT} && {line}", check=False)
    assert done.code == 0, done.said[-6000:]
    assert done.recap["changed"] == 0, changed_tasks(done)
    assert "bringing Ansible" not in done.said
    images.keep(life, "ready")


def test_doctor_finds_nothing_broken(life):
    done = life.bootstrap("verify.yml", "-e", "verify_format=json")
    report = json.loads(done.said)
    assert [check for check in report["checks"] if check["state"] == "broken"] == []
    assert {check["role"] for check in report["checks"]} == ROLES
    assert done.code == 0


@pytest.mark.newest
@pytest.mark.survives("remove.yml", "home, packages, accounts and /etc are as before, byte for byte")
def test_undo_restores_the_machine_byte_for_byte(life):
    done = life.bootstrap("remove.yml", "-e", "pyenv_remove=always")
    assert done.code == 0, done.said[-6000:]
    home, system = life.before
    assert differences(home, life.home()) == []
    assert differences(system, life.system()) == []
