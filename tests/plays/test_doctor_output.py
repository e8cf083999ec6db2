"""What Ansible prints of the doctor: its report alone, as a table or as JSON, and what failed on stderr."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, load

LOST = load("roles/doctor/action_plugins/doctor_report.py").LOST

ROLE = """
- name: verify | Check that one is one
  check: {that: 1 == 1, fail_msg: mend it}
- name: verify | Check that the moon is blue
  check: {that: [1 == 1, wanted == 2], fail_msg: paint it}
- name: verify | Check that it shines
  check: {that: no_such_thing.at_all == 3, fail_msg: switch it on, after: [the moon is blue]}
- name: verify | Check that the sun is there
  check: {that: false, fail_msg: never said, skipped: "{{ 'it is night' }}"}
- name: verify | Check that a planet has a name
  check: {that: item != 'x', fail_msg: name it, of: "{{ item }}"}
  loop: [mars, x]
- name: verify | Ask what fails
  ansible.builtin.command: "true"
  changed_when: false
  failed_when: inventory_hostname in fails | default([])
"""
PLAY = """
- hosts: all
  gather_facts: false
  vars: {wanted: 1, dotfile_state_dir: /nowhere}
  roles: [doctor]
  tasks:
    - ansible.builtin.import_role: {name: moon, tasks_from: verify}
    - ansible.builtin.import_role: {name: doctor, tasks_from: report}
"""
CHECKS = [
    ("one is one", "ok", ""),
    ("the moon is blue", "broken", "paint it"),
    ("it shines", "skipped", "follows from what is broken: moon: the moon is blue"),
    ("the sun is there", "skipped", "it is night"),
    ("a planet has a name (mars)", "ok", ""),
    ("a planet has a name (x)", "broken", "name it"),
]


@pytest.fixture
def play(tmp_path):
    """Return a function that runs a small doctor, verify.yml unless named otherwise, with the callback or without."""
    for name in ("callback_plugins", "roles/doctor", "roles/dotfile"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "ansible.cfg", tmp_path)
    (tmp_path / "roles/moon/tasks").mkdir(parents=True)
    (tmp_path / "roles/moon/tasks/verify.yml").write_text(ROLE)
    for name in ("verify.yml", "playbook.yml"):
        (tmp_path / name).write_text(PLAY)

    def run(*options, playbook="verify.yml", callback="devrig", hosts="laptop,desk"):
        program = Path(sys.executable).with_name("ansible-playbook")
        python = f"ansible_python_interpreter={sys.executable}"
        line = [str(program), "-i", f"{hosts},", "-c", "local", playbook, "-e", python]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")}
        environment.update(ANSIBLE_STDOUT_CALLBACK=callback, ANSIBLE_NOCOLOR="1", HOME=str(tmp_path))
        return subprocess.run(
            [*line, *options], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )

    return run


def test_machine_gets_json_alone(play):
    done = play("-e", "verify_format=json")
    report = json.loads(done.stdout)
    assert report["counts"] == {"ok": 4, "broken": 4, "skipped": 4}
    assert [
        (item["host"], item["role"], item["check"], item["state"], item["message"]) for item in report["checks"]
    ] == [(host, "moon", *told) for host in ("laptop", "desk") for told in CHECKS]
    assert done.returncode == 2
    assert "fatal" not in done.stderr


def test_person_gets_the_table_alone(play):
    done = play(hosts="laptop")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["role", "check", "state"]
    assert lines[-1] == "2 ok, 2 broken, 2 skipped"
    assert "TASK" not in done.stdout
    assert "fatal" not in done.stdout + done.stderr
    assert done.returncode == 2


def test_failing_task_is_shown_on_stderr_beside_the_json(play, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("doctor_format: json\n")
    done = play("-e", '{"fails": ["laptop", "desk"]}')
    report = json.loads(done.stdout)
    assert [item["check"] for item in report["checks"]] == [LOST, LOST]
    assert "verify | Ask what fails" in done.stderr
    assert "fatal: [laptop]: FAILED!" in done.stderr
    assert done.returncode == 2


def test_lost_host_is_broken_in_the_report_of_the_others(play):
    done = play("-e", '{"verify_format": "json", "fails": ["desk"]}')
    report = json.loads(done.stdout)
    lost = [item for item in report["checks"] if item["check"] == LOST]
    assert [(item["host"], item["state"]) for item in lost] == [("desk", "broken")]
    assert len(report["checks"]) == 2 * len(CHECKS) + 1
    assert "fatal: [desk]: FAILED!" in done.stderr


def test_unreachable_host_is_shown(play):
    done = play("-e", "verify_format=json", "-e", "ansible_connection=ssh", "-e", "ansible_port=1", hosts="127.0.0.1")
    (found,) = json.loads(done.stdout)["checks"]
    assert (found["host"], found["state"]) == ("127.0.0.1", "broken")
    assert "UNREACHABLE" in done.stderr
    assert done.returncode == 4


def test_verbose_shows_everything(play):
    done = play("-v", hosts="laptop")
    assert "TASK [moon : verify | Check that one is one]" in done.stdout
    assert "PLAY RECAP" in done.stdout
    assert "\n2 ok, 2 broken, 2 skipped\n" in done.stdout


def test_callback_default_shows_the_table_and_everything_else(play):
    """And of another playbook the callback devrig shows the same, for that has the same play."""
    done = play(hosts="laptop", callback="default")
    assert "\n2 ok, 2 broken, 2 skipped\n" in done.stdout
    assert "TASK [moon : verify | Check that one is one]" in done.stdout
    assert "2 broken: moon: the moon is blue; moon: a planet has a name (x)" in done.stdout
    other = play(playbook="playbook.yml", hosts="laptop")
    assert other.stdout == done.stdout
    assert done.returncode == other.returncode == 2
