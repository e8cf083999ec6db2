"""One life of machines: looked at, set up, again, proved, given back. Each test goes on where the last one ended."""

import re

import pytest

from tests.machine.life import changed_tasks, differences, live_in


def recaps(done):
    """Return host -> {ok, changed, failed, ...} of a run."""
    lines = re.findall(r"^(\S+) +: (ok=.*)$", done.said, re.MULTILINE)
    return {host: {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)} for host, line in lines}


def went_well(done, control):
    """Assert that a run ended well on every machine."""
    assert done.code == 0, done.said[-8000:]
    assert len(recaps(done)) == len(control.machines)


@pytest.fixture(scope="session")
def before(control):
    """Return suite -> (home, system) as they were before anything was done."""
    return {suite: (live_in(machine), machine.system()) for suite, machine in control.machines.items()}


def changes(control, before):
    """Return what is different on the machines now. ~/.ansible is Ansible's own."""
    found = {}
    for suite, machine in control.machines.items():
        home, system = before[suite]
        lines = [*differences(home, machine.home()), *differences(system, machine.system())]
        found[suite] = [line for line in lines if not re.search(r" \./\.ansible(/|$)", line)]
    return {suite: lines for suite, lines in found.items() if lines}


@pytest.fixture(scope="session")
def checked(control, before):
    """Return what a run in check mode did, on bare machines."""
    return control.play("playbook.yml", "--check")


def test_check_mode_runs_to_the_end_and_changes_nothing(control, before, checked):
    went_well(checked, control)
    assert changes(control, before) == {}


def test_everything_is_set_up_as_check_mode_said(control, checked, pytestconfig):
    done = control.play("playbook.yml")
    went_well(done, control)
    assert changed_tasks(done) == changed_tasks(checked)
    pytestconfig.tried += sorted(set(re.findall(r"Python [\d.]+: \d+ s, from [^\s\"']+", done.said)))


def test_the_second_run_changes_nothing(control):
    done = control.play("playbook.yml")
    went_well(done, control)
    assert {host["changed"] for host in recaps(done).values()} == {0}, changed_tasks(done)


def test_the_doctor_finds_nothing_broken(control, pytestconfig):
    done = control.play("verify.yml")
    assert done.code == 0, done.said[-8000:]
    counts = re.findall(r"^\d+ ok, \d+ broken, \d+ skipped$", done.said, re.MULTILINE)
    assert len(counts) == 1 and ", 0 broken, " in counts[0], done.said[-8000:]
    pytestconfig.tried.append(f"doctor: {counts[0]}")


def test_all_is_given_back(control, before):
    went_well(control.play("remove.yml", "-e", "pyenv_remove=always"), control)
    assert changes(control, before) == {}
