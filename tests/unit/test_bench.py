"""What the bench reads out of a run, and how it judges it."""

import pytest

from tests.bench import again

SAID = """\
empty 100.0 101.0
again 101.0 105.5
empty 110.0 111.0
again 111.0 115.5

PLAY RECAP *********
localhost         : ok=38   changed={changed}    unreachable=0    failed=0    skipped=24   rescued=0    ignored=0
{calls}
"""
CALLS = "MODULE CALLS 2\n  Gathering Facts\n  zsh : home | Write the zsh files"


def test_times_and_calls_are_read_and_judged():
    found = again.read(SAID.format(changed=0, calls=CALLS))
    assert (found["empty"], found["again"], found["calls"]) == ([1.0, 1.0], [4.5, 4.5], 2)
    (ratio, fast), (calls, few) = again.judged(found)
    assert "4.5 s, an empty play 1.0 s: 4.5 times (5 at most)" in ratio
    assert calls.startswith("modules executed: 2 (2 at most): Gathering Facts, zsh : home")
    assert (fast, few) == (True, True)


@pytest.mark.parametrize(("key", "value"), [("again", [6.0]), ("calls", 3)])
def test_too_much_is_seen(key, value):
    found = {"empty": [1.0], "again": [4.0], "calls": 2, "tasks": [], key: value}
    assert [met for _, met in again.judged(found)].count(False) == 1


@pytest.mark.parametrize("odd", [{"changed": 1, "calls": CALLS}, {"changed": 0, "calls": ""}], ids=str)
def test_a_run_that_changed_something_or_was_not_counted_is_no_figure(odd):
    with pytest.raises(ValueError, match="PLAY RECAP"):
        again.read(SAID.format(**odd))
