"""Runs that end in the middle: killed, interrupted, two at once."""

import random
import time
from pathlib import Path

import pexpect
import pytest

from tests.machine.container import CHECKOUT
from tests.machine.life import CALM, converges, differences, is_right, live_in, lost, read_until

KILLER = (Path(__file__).parent / "plugins/kill_after_change.py").read_text()


def arm(machine):
    """Let each run be killed after the first task that changes something."""
    machine.root('cat >"$1/callback_plugins/kill_after_change.py"', CHECKOUT, stdin=KILLER)
    machine.root('sed -i "/^callbacks_enabled/s/$/, kill_after_change/" "$1/ansible.cfg"', CHECKOUT)


def disarm(machine):
    """Let runs go to their end again."""
    machine.root('sed -i "/^callbacks_enabled/s/, kill.*//" "$1/ansible.cfg"', CHECKOUT)


@pytest.mark.full
@pytest.mark.survives(
    "SIGKILL at every task boundary", "each next run goes on; at the end nothing is lost and the doctor is content"
)
def test_a_run_is_killed_after_each_task_that_changes_something(bare):
    """Boundaries between tasks that change nothing are the same state, so these are all."""
    live_in(bare)
    bare.bootstrap("--list-tags", check=True)
    arm(bare)
    kills = []
    for _ in range(60):
        done = bare.bootstrap(env=CALM)
        kills += [line for line in done.said.splitlines() if line.startswith("KILLED AFTER")]
        if done.code == 0:
            break
        assert done.code == 137, done.said[-6000:]
    assert done.code == 0, kills
    assert len(kills) >= 15, kills
    disarm(bare)
    assert converges(bare).recap["changed"] == 0
    assert lost(bare) == []
    is_right(bare)


@pytest.mark.full
@pytest.mark.survives(
    "SIGKILL of all processes at 20 random times", "as above; apt and git are repaired by the next run"
)
def test_all_is_killed_at_random_times(machine):
    """As when the power goes, apt, dpkg and compilers included. After a run that ends first, a new machine is next."""
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    print("seed", seed)
    kills = 0
    while kills < 20:
        bare = machine("bare")
        live_in(bare)
        while kills < 20:
            process = bare.begin(env=CALM)
            line = read_until(process, "\n" if chance.random() < 0.2 else "TASK [build_deps")
            time.sleep(chance.uniform(0, 14))
            ended = process.poll()
            bare.kill_all()
            process.communicate()
            assert ended in (None, 0), line
            if ended == 0:
                break
            kills += 1
        converges(bare)
        assert lost(bare) == []
        if kills < 20:
            bare.remove()
    is_right(bare)


@pytest.mark.full
@pytest.mark.survives("SIGINT (Ctrl-C)", "it ends at once, the next run goes on")
def test_a_run_is_interrupted(bare):
    live_in(bare)
    line = bare.command(*bare.bootstrap_line(), env=CALM, folder=CHECKOUT, options=["--tty"])
    terminal = pexpect.spawn(line[0], line[1:], encoding="utf-8", codec_errors="replace", timeout=300)
    terminal.expect_exact("changed: [localhost]")
    time.sleep(3)
    terminal.sendintr()
    terminal.expect(pexpect.EOF, timeout=30)
    terminal.close()
    assert terminal.exitstatus not in (0, None)
    assert "Traceback" not in terminal.before
    converges(bare)
    assert lost(bare) == []


@pytest.mark.survives("./bootstrap killed while it brings its Ansible", "the next ./bootstrap brings it whole")
def test_bootstrap_itself_is_killed(bare):
    for seconds in (1, 4, 9):
        process = bare.begin("--list-tags")
        time.sleep(seconds)
        bare.kill_all()
        process.communicate()
    assert bare.bootstrap("--list-tags").code == 0


@pytest.mark.full
@pytest.mark.survives("remove.yml killed after each change", "the next one goes on, and all is as it was before devrig")
def test_the_undo_is_killed_after_each_task_that_changes_something(bare):
    home, system = live_in(bare), bare.system()
    bare.bootstrap(check=True)
    arm(bare)
    for _ in range(40):
        done = bare.bootstrap("remove.yml", "-e", "pyenv_remove=always", env=CALM)
        if done.code == 0:
            break
        assert done.code == 137, done.said[-6000:]
    assert done.code == 0, done.said[-6000:]
    assert differences(home, bare.home()) == []
    assert differences(system, bare.system()) == []


@pytest.mark.survives("two runs at once", "the second says that it waits, and then has nothing to do")
def test_two_runs_at_once(bare):
    bare.bootstrap("--list-tags", check=True)
    first = bare.begin("--tags", "zsh,tmux", env=CALM)
    read_until(first, "TASK [")
    second = bare.bootstrap("--tags", "zsh,tmux", env=CALM)
    said = first.communicate(timeout=300)[0]
    assert first.returncode == 0, said
    assert second.code == 0, second.said
    assert "Another run of devrig's is going on (process " in second.said
    assert second.recap["changed"] == 0
