"""The doctor: checks with a memory, the report, what the checks ask of a machine, and Ansible's output around it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, load

CHECK = load("roles/doctor/action_plugins/check.py")
REPORT = load("roles/doctor/action_plugins/doctor_report.py")
FILTERS = load("roles/doctor/filter_plugins/doctor.py")


def check(role="zsh", name="it starts", state="ok", message="", host="laptop"):
    return {"host": host, "role": role, "check": name, "state": state, "message": message}


@pytest.mark.parametrize(
    ("name", "of", "said"),
    [
        ("verify | Check that the shell starts", None, "the shell starts"),
        ("verify_install | Check that it answers", "3.6.8", "it answers (3.6.8)"),
        ("Ask for the version", "", "Ask for the version"),
    ],
)
def test_a_check_is_called_after_its_task(name, of, said):
    assert CHECK.title(name, of) == said


def test_a_cause_is_one_that_is_not_well_and_of_this_role_or_named_with_its_own():
    earlier = [
        {"role": "zsh", "check": "zsh is there", "state": "broken"},
        {"role": "vim", "check": "vim is there", "state": "ok"},
        {"role": "vim", "check": "its file", "state": "skipped"},
    ]
    cause = "follows from what is broken: zsh: zsh is there"
    assert CHECK.cause(["zsh is there"], "zsh", earlier) == cause
    assert CHECK.cause(["vim is there", "zsh: zsh is there"], "pyenv", earlier) == cause
    assert CHECK.cause(["zsh is there"], "pyenv", earlier) is None
    assert CHECK.cause(["vim is there", "its file"], "vim", earlier) == "follows from what is skipped: vim: its file"
    assert CHECK.cause(["vim is there"], "vim", earlier) is None
    assert CHECK.cause([], "zsh", earlier) is None


def test_the_table_is_aligned_and_says_what_to_do_and_how_many():
    found = [
        check(),
        check("git_hooks", "a commit can be tried", "broken", "git says no:\nlook there"),
        check("tmux", "tmux is there", "skipped", "devrig_become is false"),
    ]
    assert [line for line, _ in REPORT.as_lines(found)] == [
        "role       check                  state",
        "zsh        it starts              ok",
        "git_hooks  a commit can be tried  broken",
        "tmux       tmux is there          skipped",
        "",
        "broken: git_hooks: a commit can be tried",
        "  git says no:",
        "  look there",
        "",
        "skipped: tmux: tmux is there",
        "  devrig_become is false",
        "",
        "1 ok, 1 broken, 1 skipped",
    ]


def test_the_table_names_hosts_where_there_are_several():
    found = [check(), check(host="desk", state="broken", message="mend it")]
    lines = [line for line, _ in REPORT.as_lines(found)]
    assert lines[0] == "host    role  check      state"
    assert lines[2] == "desk    zsh   it starts  broken"
    assert "broken: desk, zsh: it starts" in lines
    assert REPORT.broken_names(found) == "desk, zsh: it starts"


def test_a_table_of_nothing():
    assert [line for line, _ in REPORT.as_lines([])][-1] == "0 ok, 0 broken, 0 skipped"


def test_the_json_holds_every_check_and_the_counts():
    found = [check(), check(name="größer", state="broken", message="mend it")]
    assert json.loads(REPORT.as_json(found)) == {
        "checks": found,
        "counts": {"ok": 1, "broken": 1, "skipped": 0},
    }


def test_hosts_that_are_lost_are_broken_and_other_runs_are_left_out():
    facts = {
        "a": {"devrig_checks": [{**check(), "run": 1}, {**check(state="broken"), "run": 2}]},
        "b": {},
    }
    found = REPORT.collect(["a", "b"], facts.get, ["a"], run=1)
    assert [(item["host"], item["check"], item["state"]) for item in found] == [
        ("a", "it starts", "ok"),
        ("b", REPORT.LOST, "broken"),
    ]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"start": "now", "stderr": "one\n\ntwo\n", "stdout": "no", "msg": "non-zero return code"}, "one\ntwo"),
        ({"start": "now", "stderr": "", "stdout": "1\n2\n3\n4\n5", "msg": ""}, "2\n3\n4\n5"),
        ({"start": "now", "stderr": "", "stdout": "", "msg": "non-zero return code"}, "nothing"),
        ({"msg": "no such file", "rc": 2}, "no such file"),
        ({}, "nothing"),
    ],
)
def test_what_a_command_says(result, said):
    assert FILTERS.doctor_said(result) == said


@pytest.mark.parametrize(
    ("stdout", "answer"), [('{"a": 1}', {"a": 1}), ("", {}), ("{", {}), ("[1]", {}), ("oh\n{}", {}), (None, {})]
)
def test_what_a_probe_answers(stdout, answer):
    assert FILTERS.doctor_answer({"stdout": stdout}) == answer


@pytest.fixture
def look():
    return load("roles/doctor/library/doctor_look.py")


def entry(path):
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_file_as_it_was_written_is_well(look, tmp_path):
    path = tmp_path / ".zshrc"
    path.write_text("a\n")
    path.chmod(0o644)
    assert look.fault(str(path), entry(path), os.geteuid()) is None
    assert look.fault(str(path), {"sha256": "0", "next": entry(path)["sha256"]}, os.geteuid()) is None
    path.chmod(0o664)
    (tmp_path / "link").symlink_to(path)
    assert look.fault(str(tmp_path / "link"), entry(path), os.geteuid()) is None


def test_what_is_wrong_with_a_file_is_said_with_what_to_do(look, tmp_path):
    path, uid = tmp_path / ".zshrc", os.geteuid()
    assert look.fault(str(path), {"sha256": "0"}, uid) == f"{path} is gone: run the playbook again"
    path.write_text("a\n")
    path.chmod(0o644)
    known = entry(path)
    assert "belongs to another user" in look.fault(str(path), known, uid + 1)
    path.chmod(0o666)
    assert look.fault(str(path), known, uid) == f"{path} can be written by others (mode 0666): chmod go-w {path}"
    path.write_text("b\n")
    assert "has your edits: move them to ~/.zshrc.local, the next run" in look.fault(str(path), known, uid)
    other = tmp_path / "config"
    other.write_text("b\n")
    assert "has your edits: the next run" in look.fault(str(other), {"sha256": "0"}, uid)


def test_a_file_s_fault_goes_to_its_role(look, tmp_path):
    places = yaml.safe_load((ROOT / "roles/doctor/vars/main.yml").read_text())["__doctor_places"]
    names = [".zshrc", ".vimrc", ".config/strange", ".local/share/devrig/linters/lint.py"]
    files = {str(tmp_path / name): {"sha256": "0"} for name in names}
    files[str(tmp_path / ".zprofile")] = {"local": {}}
    found = look.faults(files, places, str(tmp_path), os.geteuid())
    assert {role: len(said) for role, said in found.items()} == {
        "zsh": 1,
        "vim": 1,
        "tmux": 0,
        "git_hooks": 0,
        "linters": 1,
        "dotfile": 1,
    }


def test_every_home_file_has_its_role():
    """The paths of the roles' own tables, and the patterns of the doctor's."""

    places = yaml.safe_load((ROOT / "roles/doctor/vars/main.yml").read_text())["__doctor_places"]
    for role, pattern in places.items():
        variables = (ROOT / f"roles/{role}/vars/main.yml").read_text()
        variables += (ROOT / f"roles/{role}/tasks/home.yml").read_text()
        folders = {
            "__linters_home": ".local/share/devrig/linters",
            "__git_hooks_folder": ".local/share/devrig/git",
            "ansible_facts['user_dir']": "",
        }
        paths = [
            (folders[base] + rest).lstrip("/")
            for base, rest in re.findall(r'- path: "\{\{ ([\w\'\[\]]+) \}\}(/[^"]+)"', variables)
            if base in folders
        ]
        assert paths, role
        assert [path for path in paths if not re.search(pattern, path)] == [], role


@pytest.mark.parametrize(
    ("text", "is_listed"),
    [("/bin/sh\n/usr/bin/zsh\n", True), ("# /usr/bin/zsh\n", False), ("/usr/bin/zsh # it\n", True)],
)
def test_shells_are_read_as_shells_5_says(look, text, is_listed):
    assert look.listed("/usr/bin/zsh", text) is is_listed


def test_what_dpkg_has_not_finished(look):
    text = "ii  bash\nrc  gone\nun  never\nhi  held\n\n"
    text += "iF  half-configured\niU  unpacked\niW  waits\nit  pending\niHR broken\n"
    states = look.package_states(text)
    assert look.unfinished(states) == ["half-configured", "unpacked", "waits", "pending", "broken"]
    assert look.unfinished([]) == []
    assert look.lacking(["bash", "gone", "never", "held", "unheard"], states) == ["gone", "never", "unheard"]


def test_one_call_looks_at_all(run_by_ansible, tmp_path):
    params = {
        "programs": ["sh", "no-such-program"],
        "packages": [],
        "places": {"zsh": "^\\.zshrc$"},
        "state_dir": str(tmp_path / "state"),
    }
    found = run_by_ansible("doctor_look", params)
    assert not found["changed"]
    assert list(found["programs"]) == ["sh"]
    assert (found["ledger"], found["files"]) == ("", {"zsh": []})
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir()
    (tmp_path / "state/ledger.json").write_text("{")
    assert "move it away" in run_by_ansible("doctor_look", params)["ledger"]


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
  failed_when: fails | default(false) | bool
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
TOLD = [
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


def test_a_machine_gets_json_and_nothing_else(play):
    done = play("-e", "verify_format=json")
    report = json.loads(done.stdout)
    assert report["counts"] == {"ok": 4, "broken": 4, "skipped": 4}
    assert [
        (item["host"], item["role"], item["check"], item["state"], item["message"]) for item in report["checks"]
    ] == [(host, "moon", *told) for host in ("laptop", "desk") for told in TOLD]
    assert done.returncode == 2
    assert "fatal" not in done.stderr


def test_a_person_gets_the_table_and_nothing_else(play):
    done = play(hosts="laptop")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["role", "check", "state"]
    assert lines[-1] == "2 ok, 2 broken, 2 skipped"
    assert "TASK" not in done.stdout
    assert "fatal" not in done.stdout + done.stderr
    assert done.returncode == 2


def test_without_the_callback_the_table_is_there_too(play):
    done = play(hosts="laptop", callback="default")
    assert "\n2 ok, 2 broken, 2 skipped\n" in done.stdout
    assert "TASK [moon : verify | Check that one is one]" in done.stdout
    assert "2 broken: moon: the moon is blue; moon: a planet has a name (x)" in done.stdout
    assert done.returncode == 2


def test_a_task_that_fails_is_shown_beside_the_json(play):
    done = play("-e", '{"verify_format": "json", "fails": true}')
    report = json.loads(done.stdout)
    assert [item["check"] for item in report["checks"]] == [REPORT.LOST, REPORT.LOST]
    assert "verify | Ask what fails" in done.stderr
    assert "fatal: [laptop]: FAILED!" in done.stderr
    assert done.returncode == 2


def test_a_host_that_is_lost_is_broken_in_the_report_of_the_others(play, tmp_path):
    task = tmp_path / "roles/moon/tasks/verify.yml"
    task.write_text(ROLE.replace("fails | default(false) | bool", "inventory_hostname == 'desk'"))
    done = play("-e", "verify_format=json")
    report = json.loads(done.stdout)
    lost = [item for item in report["checks"] if item["check"] == REPORT.LOST]
    assert [(item["host"], item["state"]) for item in lost] == [("desk", "broken")]
    assert len(report["checks"]) == 2 * len(TOLD) + 1
    assert "fatal: [desk]: FAILED!" in done.stderr


def test_a_host_that_cannot_be_reached_is_shown(play, tmp_path):
    done = play("-e", "verify_format=json", "-e", "ansible_connection=ssh", "-e", "ansible_port=1", hosts="127.0.0.1")
    (found,) = json.loads(done.stdout)["checks"]
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("doctor_format: json\n")
    again = play("-e", "ansible_connection=ssh", "-e", "ansible_port=1", hosts="127.0.0.1")
    assert json.loads(again.stdout)["checks"] == [found]
    assert (found["host"], found["state"]) == ("127.0.0.1", "broken")
    assert "UNREACHABLE" in done.stderr
    assert done.returncode == 4


def test_v_brings_everything_back(play):
    done = play("-v", hosts="laptop")
    assert "TASK [moon : verify | Check that one is one]" in done.stdout
    assert "PLAY RECAP" in done.stdout
    assert "\n2 ok, 2 broken, 2 skipped\n" in done.stdout


def test_other_playbooks_are_shown_as_ansible_shows_them(play):
    devrig, default = (play(playbook="playbook.yml", callback=name, hosts="laptop") for name in ("devrig", "default"))
    assert devrig.stdout == default.stdout
    assert "TASK [moon : verify | Check that one is one]" in devrig.stdout
    assert devrig.returncode == default.returncode == 2
