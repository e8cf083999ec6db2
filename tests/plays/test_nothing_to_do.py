"""Where nothing is to be done, a host ends at preflight, unless there is a role that is not devrig's."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def printed(record_once):
    """Return what was printed of two plays: of the playbook as it is, and of one with a role of somebody's own."""

    def make(folder):
        playbook = (ROOT / "playbook.yml").read_text()
        assert playbook.count("    - role: summary") == playbook.count("  hosts: all") == 1
        (folder / "roles/own/tasks").mkdir(parents=True)
        (folder / "roles/own/tasks/main.yml").write_text("- debug: {msg: own role}\n  tags: always\n")
        plain = playbook.replace("  hosts: all", "  hosts: plain")
        own = playbook.replace("  hosts: all", "  hosts: own").removeprefix("---\n")
        own = own.replace("    - role: summary", "    - role: own\n    - role: summary")
        (folder / "playbook.yml").write_text(f"{plain}\n{own}")
        for name in ("library", "templates"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "group_vars").symlink_to(ROOT / "inventory/group_vars")
        (folder / "hosts.yml").write_text("all: {vars: {ansible_connection: local}, hosts: {plain: , own: }}\n")
        asked = {
            "dev_user": "root",
            "devrig_release": "bookworm",
            "pyenv_versions": ["3.13.5"],
            "pyenv_root": str(folder / "pyenv"),
            "__preflight_pending": False,
        }
        command = ["ansible-playbook", "-i", "hosts.yml", "playbook.yml", "--check", "--tags", "summary"]
        done = subprocess.run(
            [*command, "-e", json.dumps(asked)],
            cwd=folder,
            env={**os.environ, "ANSIBLE_ROLES_PATH": f"{ROOT}/roles", "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (plain, own) = re.split(r"^PLAY \[Set up.*$", done.stdout.partition("PLAY RECAP")[0], flags=re.MULTILINE)[1:]
        return {"plain": plain, "own": own}

    return record_once("nothing-to-do", make)


def test_host_ends_at_preflight_where_nothing_is_to_be_done(printed):
    assert "nothing is to be done: " in printed["plain"]
    assert "TASK [summary" not in printed["plain"]


def test_role_of_ones_own_goes_on_where_nothing_is_to_be_done(printed):
    assert "nothing is to be done: " not in printed["own"]
    assert "own role" in printed["own"]
    assert "TASK [summary" in printed["own"]
