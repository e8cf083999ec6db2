"""What a start costs, in numbers that do not depend on how busy the machine is. Times: `./test bench terminal`."""

import pytest

from tests.bench.terminal import measure

INSTRUCTIONS = 5.0
"""How many times a bare shell's instructions ours may take: 3.9 on Debian 12, with room for the next zsh."""


@pytest.fixture(scope="module")
def costs(host, machine):
    if not host:
        pytest.skip("NOT TESTED: costs are counted in a container, for strace and valgrind are installed there")
    return measure(host, machine.user, rounds=0)["costs"]


@pytest.mark.parametrize("figure", ["forks, zsh -i -c exit", "forks until the first prompt", "forks, vim file.py"])
def test_a_start_needs_no_other_process(costs, figure):
    # Not simply 0: Debian 11 reads a file through a process in its own /etc/zsh/zshrc.
    assert costs[figure]["devrig"] <= costs[figure]["bare"]


def test_the_usual_lines_would_be_seen(costs):
    """The counter itself: pyenv's usual lines start dozens of processes."""
    assert costs["forks until the first prompt"]["usual"] > 10


def test_a_session_starts_no_more_than_a_bare_one(costs):
    found = costs["forks, new tmux session"]
    assert found["bare"] > 1
    assert found["devrig"] <= found["bare"]


def test_a_shell_s_instructions_stay_in_bounds(costs):
    found = costs["instructions, zsh -i -c exit"]
    assert found["devrig"] <= found["bare"] * INSTRUCTIONS
