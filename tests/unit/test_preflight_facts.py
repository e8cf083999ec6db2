"""The facts that devrig reads itself are those that setup reads."""

import os
import pwd

import pytest

from tests.conftest import load

DEBIAN = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
# a comment

BROKEN="no end
"""


@pytest.fixture
def preflight_facts():
    return load("library/preflight_facts.py")


def test_a_release_is_read(preflight_facts):
    assert preflight_facts.release_of(DEBIAN) == {
        "ansible_distribution": "Debian",
        "ansible_distribution_release": "bookworm",
        "ansible_distribution_version": "12",
    }


@pytest.mark.parametrize("value", ["jammy", "'jammy'", '"jammy"'])
def test_quotes_are_the_shell_s(preflight_facts, value):
    text = f"NAME=Ubuntu\nVERSION_CODENAME={value}\n"
    assert preflight_facts.release_of(text)["ansible_distribution_release"] == "jammy"


def test_what_is_not_said_is_empty(preflight_facts, tmp_path):
    assert set(preflight_facts.release_of(preflight_facts.os_release([str(tmp_path / "none")])).values()) == {""}


def test_the_second_place_counts_where_there_is_no_first(preflight_facts, tmp_path):
    (tmp_path / "there").write_text(DEBIAN)
    assert preflight_facts.os_release([str(tmp_path / "none"), str(tmp_path / "there")]) == DEBIAN


def test_a_user_without_an_entry_is_told(preflight_facts, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    monkeypatch.setattr(preflight_facts.pwd, "getpwuid", unknown)
    assert "has no entry in passwd(5)" in preflight_facts.answer()["msg"]


def test_setup_says_the_same_of_this_machine(run_by_ansible):
    """But for the version, of which it knows the point too, and the name of a user that the environment may change."""
    ours = run_by_ansible("preflight_facts", {})["ansible_facts"]
    theirs = run_by_ansible("setup", {"gather_subset": ["!all", "!min", "distribution", "user"]})["ansible_facts"]
    entry = pwd.getpwuid(os.geteuid())
    assert (ours.pop("ansible_user_id"), ours.pop("ansible_user_dir")) == (entry.pw_name, entry.pw_dir)
    version = ours.pop("ansible_distribution_version")
    assert theirs["ansible_distribution_version"].split(".")[0] == version.split(".")[0]
    assert ours == {name: theirs[name] for name in ours}
