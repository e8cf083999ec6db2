"""./test: which parts a size has, when each starts, what a log says, and the report."""

import threading

import pytest

from tests.run import report
from tests.run.parts import PARTS, SIZES, Part
from tests.run.schedule import Outcome, run_commands, run_parts

TRUE, FALSE = (("true",),), (("false",),)


def part(name, **options):
    return Part(name, {"default": TRUE}, **options)


def passed(ran):
    return Outcome(ran, 1.0)


def test_every_size_is_complete_in_itself():
    """A part waits for known parts, and what it needs is in each size that has it."""
    by_name = {part.name: part for part in PARTS}
    assert len(by_name) == len(PARTS)
    for each in PARTS:
        assert set(each.commands) <= set(SIZES)
        assert set(each.after) <= set(by_name)
        for name in each.needs:
            assert set(each.commands) <= set(by_name[name].commands), f"{each.name} needs {name}"


def test_every_command_is_a_list_of_words():
    commands = [command for part in PARTS for size in part.commands.values() for command in size]
    assert [command for command in commands if not all(isinstance(word, str) for word in command)] == []


def test_full_leaves_nothing_out_but_what_another_part_has_whole():
    only_smaller = {part.name for part in PARTS if "full" not in part.commands}
    assert only_smaller == {"terminal"}  # part controller types into every release
    assert report.left_out(PARTS, "full") == {}


def test_quick_needs_no_container():
    words = [word for part in PARTS for command in part.commands.get("quick", ()) for word in command]
    assert "tests/unit" in words
    assert not {"molecule", "tests/machine", "tests/plays", "tests/faults", "tests/terminal", "tests.lab"} & set(words)


def test_parts_start_in_order_when_those_before_them_have_ended():
    started = []

    def run_one(ran):
        started.append(ran.name)
        return passed(ran)

    parts = [part("c", needs=("a",)), part("a"), part("b", after=("c", "not in this run"))]
    outcomes = run_parts(parts, run_one, 1, lambda outcome: None)
    assert started == ["a", "c", "b"]
    assert [outcome.part.name for outcome in outcomes] == ["c", "a", "b"]


def test_parts_run_side_by_side():
    both = threading.Barrier(2, timeout=30)

    def run_one(ran):
        both.wait()
        return passed(ran)

    assert all(outcome.is_passed for outcome in run_parts([part("a"), part("b")], run_one, 2, lambda outcome: None))


def test_failure_stops_only_the_parts_that_need_it():
    def run_one(ran):
        return Outcome(ran, 1.0, failed=("false",) if ran.name == "a" else None)

    parts = [part("a"), part("b", needs=("a",)), part("c", needs=("b",)), part("d", after=("a",)), part("e")]
    outcomes = {outcome.part.name: outcome for outcome in run_parts(parts, run_one, 2, lambda outcome: None)}
    assert (outcomes["b"].blocked_by, outcomes["c"].blocked_by) == ("a", "b")
    assert [name for name, outcome in outcomes.items() if outcome.is_passed] == ["d", "e"]


def test_parts_that_wait_for_each_other_are_an_error():
    with pytest.raises(RuntimeError, match="wait for each other: a, b"):
        run_parts([part("a", after=("b",)), part("b", after=("a",))], passed, 2, lambda outcome: None)


def test_commands_end_at_the_first_that_fails(tmp_path):
    log = tmp_path / "logs/a.log"
    commands = [("sh", "-c", "echo one; echo two >&2"), ("false",), ("echo", "three")]
    outcome = run_commands(part("a"), commands, log)
    assert outcome.failed == ("false",)
    assert not outcome.is_passed
    lines = [line for line in log.read_text().splitlines() if line and not line.startswith("$")]
    assert lines == ["one", "two"]
    assert run_commands(part("a"), commands[:1], log).is_passed


@pytest.mark.parametrize(
    ("log", "count", "closing", "skipped"),
    [
        (
            "\n=== short test summary info ===\nSKIPPED [2] tests/a.py:3: NOT TESTED: no tmux\n"
            "======= 3 failed, 12 passed, 2 skipped, 1 warning in 75.03s (0:01:15) =======\n",
            "3 failed, 12 passed, 2 skipped",
            ("======= 3 failed, 12 passed, 2 skipped, 1 warning in 75.03s (0:01:15) =======",),
            ("no tmux",),
        ),
        (
            "  - 'SKIPPED: Python 3.6.8: upstream'\n  - 'SKIPPED: Python 3.6.8: upstream'\n"
            "  \x1b[2m│\x1b[0m \x1b[0;33mtrixie-1\x1b[0m   : \x1b[0;32mok=20  \x1b[0m "
            "changed=7    unreachable=0    failed=0    skipped=2\n"
            "localhost     : ok=3    changed=1    unreachable=0    failed=0    skipped=0\n",
            "23 tasks",
            (),
            ("Python 3.6.8: upstream",),
        ),
        ("\n$ yamllint .\n\n$ ruff check .\nAll checks passed!\n", "2 commands", (), ()),
    ],
)
def test_log_says_what_was_tested(log, count, closing, skipped):
    assert report.read(report.plain(log)) == report.Tests(count, closing, skipped)


def test_table_has_every_part_and_the_command_for_what_is_left():
    parts = [
        Part("lint", {"quick": TRUE, "default": TRUE, "full": TRUE}),
        Part("fleet", {"default": TRUE, "full": FALSE}, in_full="seven hosts"),
        Part("legacy", {"full": TRUE}),
        Part("life", {"default": TRUE}, needs=("fleet",)),
    ]
    outcomes = [
        Outcome(parts[0], 125.4),
        Outcome(parts[1], 3, failed=("false",)),
        Outcome(parts[3], blocked_by="fleet"),
    ]
    tests = {"lint": report.Tests("5 commands"), "fleet": report.Tests("23 tasks")}
    assert report.table(outcomes, tests, report.left_out(parts, "default")) == [
        "part    tests       min:s  result       left out",
        "lint    5 commands  2:05   passed",
        "fleet   23 tasks    0:03   FAILED       ./test full --part fleet: seven hosts",
        "life    -           0:00   needs fleet",
        "legacy  -           -      not run      ./test full --part legacy",
    ]
    assert report.left_out(parts, "quick") == {
        "fleet": "./test --part fleet",
        "legacy": "./test full --part legacy",
        "life": "./test --part life",
    }
