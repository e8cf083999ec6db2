"""The doctor: checks with a memory, the report, and what the checks ask of a machine."""

import hashlib
import json
import os
import re

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
def test_check_is_named_after_its_task(name, of, said):
    assert CHECK.title(name, of) == said


def test_cause_is_an_earlier_check_that_is_not_ok():
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


def test_table_is_aligned_with_advice_and_counts():
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


def test_table_names_hosts_where_there_are_several():
    found = [check(), check(host="desk", state="broken", message="mend it")]
    lines = [line for line, _ in REPORT.as_lines(found)]
    assert lines[0] == "host    role  check      state"
    assert lines[2] == "desk    zsh   it starts  broken"
    assert "broken: desk, zsh: it starts" in lines
    assert REPORT.broken_names(found) == "desk, zsh: it starts"


def test_table_without_checks_has_counts():
    assert [line for line, _ in REPORT.as_lines([])][-1] == "0 ok, 0 broken, 0 skipped"


def test_json_has_every_check_and_the_counts():
    found = [check(), check(name="größer", state="broken", message="mend it")]
    assert json.loads(REPORT.as_json(found)) == {
        "checks": found,
        "counts": {"ok": 1, "broken": 1, "skipped": 0},
    }


def test_lost_hosts_are_broken_and_other_runs_are_left_out():
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
def test_reads_what_a_command_printed(result, said):
    assert FILTERS.doctor_said(result) == said


@pytest.mark.parametrize(
    ("stdout", "answer"), [('{"a": 1}', {"a": 1}), ("", {}), ("{", {}), ("[1]", {}), ("oh\n{}", {}), (None, {})]
)
def test_reads_the_answer_of_a_probe(stdout, answer):
    assert FILTERS.doctor_answer({"stdout": stdout}) == answer


@pytest.fixture
def look():
    return load("roles/doctor/library/doctor_look.py")


def entry(path):
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_accepts_file_as_it_was_written(look, tmp_path):
    path = tmp_path / ".zshrc"
    path.write_text("a\n")
    path.chmod(0o644)
    assert look.fault(str(path), entry(path), os.geteuid()) is None
    assert look.fault(str(path), {"sha256": "0", "next": entry(path)["sha256"]}, os.geteuid()) is None
    path.chmod(0o664)
    (tmp_path / "link").symlink_to(path)
    assert look.fault(str(tmp_path / "link"), entry(path), os.geteuid()) is None


def test_reports_what_is_wrong_with_a_file_and_what_to_do(look, tmp_path):
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


def test_reports_a_file_to_its_role(look, tmp_path):
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


def test_every_home_file_has_a_role():
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
def test_reads_shells_as_shells_5_defines_them(look, text, is_listed):
    assert look.listed("/usr/bin/zsh", text) is is_listed


def test_finds_what_dpkg_has_not_finished(look):
    text = "ii  bash\nrc  gone\nun  never\nhi  held\n\n"
    text += "iF  half-configured\niU  unpacked\niW  waits\nit  pending\niHR broken\n"
    states = look.package_states(text)
    assert look.unfinished(states) == ["half-configured", "unpacked", "waits", "pending", "broken"]
    assert look.unfinished([]) == []
    assert look.lacking(["bash", "gone", "never", "held", "unheard"], states) == ["gone", "never", "unheard"]


def test_reports_programs_ledger_and_files_in_one_call(run_module, tmp_path):
    params = {
        "programs": ["sh", "no-such-program"],
        "packages": [],
        "places": {"zsh": "^\\.zshrc$"},
        "state_dir": str(tmp_path / "state"),
    }
    found = run_module("doctor_look", params)
    assert not found["changed"]
    assert list(found["programs"]) == ["sh"]
    assert (found["ledger"], found["files"]) == ("", {"zsh": []})
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir()
    (tmp_path / "state/ledger.json").write_text("{")
    assert "move it away" in run_module("doctor_look", params)["ledger"]
