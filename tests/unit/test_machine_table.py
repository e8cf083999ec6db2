"""The table of what machines survived, and the lock that lets runs wait for each other."""

from pathlib import Path

from tests.conftest import load
from tests.machine.table import Outcome, rows_of, table

ROOT = Path(__file__).resolve().parents[2]


def test_table_has_a_line_for_each_fault_in_the_order_of_the_tests():
    made = table(
        [
            Outcome(3, "b", "holds", "Debian 13", True),
            Outcome(1, "a", "holds", "Debian 13", True),
            Outcome(1, "a", "holds", "Debian 12", False),
        ]
    )
    assert made.splitlines()[-3:] == [
        "| --- | --- | --- | --- |",
        "| a | holds | **FAILED** | survived |",
        "| b | holds | not run | survived |",
    ]


def test_a_fault_of_several_tests_is_survived_when_all_passed():
    made = table([Outcome(place, "a", "holds", "Debian 12", place != 2) for place in (1, 2, 3)])
    assert made.splitlines()[-1] == "| a | holds | **FAILED** |"


def test_a_part_leaves_the_other_lines_of_an_older_table():
    before = table([Outcome(1, "a", "holds", "Debian 12", False), Outcome(2, "b", "holds", "Debian 12", True)])
    made = table([Outcome(1, "a", "holds", "Debian 12", True), Outcome(2, "b", "holds", "Debian 13", False)], before)
    assert rows_of(made) == {
        ("a", "holds"): {"Debian 12": "survived", "Debian 13": "not run"},
        ("b", "holds"): {"Debian 12": "survived", "Debian 13": "**FAILED**"},
    }


LOCKS = """\
1: POSIX  ADVISORY  WRITE 11 fe:00:77 0 EOF
2: FLOCK  ADVISORY  WRITE 4711 fe:00:77 0 EOF
3: FLOCK  ADVISORY  WRITE 12 fe:00:78 0 EOF
4: FLOCK  ADVISORY  WRITE 0 fe:00:79 0 EOF
"""


def test_finds_the_lock_holder():
    holder = load("callback_plugins/one_run.py").holder
    assert holder(77, LOCKS) == "4711"
    assert holder(79, LOCKS) == ""
    assert holder(80, LOCKS) == ""


def test_lock_is_enabled():
    assert "callbacks_enabled = one_run" in (ROOT / "ansible.cfg").read_text()
