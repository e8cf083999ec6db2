"""The facts that devrig reads itself are those that setup reads."""

import json
import os
import pwd

import pytest
from ansible.module_utils import basic
from ansible.modules import setup

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


def test_reads_a_release(preflight_facts):
    assert preflight_facts.release_of(DEBIAN) == {
        "ansible_distribution": "Debian",
        "ansible_distribution_release": "bookworm",
        "ansible_distribution_version": "12",
    }


@pytest.mark.parametrize("value", ["jammy", "'jammy'", '"jammy"'])
def test_reads_quotes_as_the_shell_does(preflight_facts, value):
    text = f"NAME=Ubuntu\nVERSION_CODENAME={value}\n"
    assert preflight_facts.release_of(text)["ansible_distribution_release"] == "jammy"


def test_missing_fact_is_empty(preflight_facts, tmp_path):
    assert set(preflight_facts.release_of(preflight_facts.os_release([str(tmp_path / "none")])).values()) == {""}


def test_reads_the_second_file_where_the_first_is_missing(preflight_facts, tmp_path):
    (tmp_path / "there").write_text(DEBIAN)
    assert preflight_facts.os_release([str(tmp_path / "none"), str(tmp_path / "there")]) == DEBIAN


def test_rejects_user_without_passwd_entry(preflight_facts, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    monkeypatch.setattr(preflight_facts.pwd, "getpwuid", unknown)
    assert "has no entry in passwd(5)" in preflight_facts.answer()["msg"]


def setup_facts(capsys, monkeypatch, subset):
    """Run Ansible's own module in this process, and return the facts that it prints."""
    arguments = {"ANSIBLE_MODULE_ARGS": {"gather_subset": subset}}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(arguments).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        setup.main()
    return json.loads(capsys.readouterr().out)["ansible_facts"]


def test_facts_are_those_of_setup(run_module, capsys, monkeypatch):
    """But for the version, of which it knows the point too, and the name of a user that the environment may change."""
    ours = run_module("preflight_facts", {})["ansible_facts"]
    theirs = setup_facts(capsys, monkeypatch, ["!all", "!min", "distribution", "user"])
    entry = pwd.getpwuid(os.geteuid())
    assert (ours.pop("ansible_user_id"), ours.pop("ansible_user_dir")) == (entry.pw_name, entry.pw_dir)
    version = ours.pop("ansible_distribution_version")
    assert theirs["ansible_distribution_version"].split(".")[0] == version.split(".")[0]
    assert ours == {name: theirs[name] for name in ours}
