"""A play over many hosts, which are folders of this machine: who compiles, who takes, and what one that fails stops."""

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from pyenv_stand_in import write_pyenv

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.13.5"
KEPT = re.compile(r"Python [\d.]+: \d+ s, from [\d.]+-[a-z]+-\w+-[0-9a-f]{16}\b", re.MULTILINE)


@pytest.fixture
def pyenv(tmp_path):
    """Return the repository of a pyenv, and its commit."""
    repository = tmp_path / "pyenv"
    write_pyenv(repository, tmp_path)
    (repository / ".gitignore").write_text("/versions\n/shims\n/version\n")
    git = ["git", "-C", str(repository), "-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run(git + command, check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return repository, commit


@pytest.fixture
def play(tmp_path, pyenv):
    """Return a function that runs the role on hosts, name -> settings, and returns what Ansible says."""
    repository, commit = pyenv

    def run(hosts, *options):
        inventory = {"all": {"hosts": {}}}
        for name, settings in hosts.items():
            folder = tmp_path / "hosts" / name
            folder.mkdir(parents=True, exist_ok=True)
            inventory["all"]["hosts"][name] = {
                "ansible_connection": "local",
                "ansible_become_method": "su",
                "dev_user": "root",
                "devrig_release": "bookworm",
                "pyenv_root": str(folder / "pyenv"),
                "pyenv_cache_dir": str(folder / "cache"),
                "dotfile_state_dir": str(folder / "state"),
                "pyenv_versions": [VERSION],
                "pyenv_git_url": f"file://{repository}",
                "pyenv_version": commit,
                "pyenv_virtualenv_git_url": "",
                "pyenv_prebuilt_dir": str(tmp_path / "kept"),
                "summary_show": False,
                **settings,
            }
        path = tmp_path / "inventory.json"
        path.write_text(json.dumps(inventory))
        group_vars = tmp_path / "group_vars"
        if not group_vars.exists():
            group_vars.symlink_to(ROOT / "inventory/group_vars")
        (tmp_path / "installs").write_text("")
        command = ["ansible-playbook", "-i", str(path), str(ROOT / "playbook.yml"), "--tags", "pyenv", *options]
        env = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
            "HOME": str(tmp_path),
            **{f"ANSIBLE_{name}": str(tmp_path / "ansible") for name in ("HOME", "REMOTE_TMP")},
        }
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    return run


def compiled(tmp_path):
    """Return the names of the hosts that compiled since the last call of the play."""
    return sorted(Path(line).parent.name for line in (tmp_path / "installs").read_text().splitlines())


def recap(said):
    """Return host -> {ok, changed, failed, ...}."""
    lines = re.findall(r"^(\S+) +: (ok=.*)$", said, re.MULTILINE)
    return {host: {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)} for host, line in lines}


def is_there(tmp_path, name):
    return (tmp_path / "hosts" / name / "pyenv/versions" / VERSION / ".devrig.json").exists()


def test_each_kind_is_compiled_once_and_the_second_run_changes_nothing(play, tmp_path):
    other = {"pyenv_openssl": "private"}
    hosts = {"a1": {}, "b1": other, "a2": {}, "a3": {}}
    said = play(hosts)
    assert compiled(tmp_path) == ["a1", "b1"], said
    assert len(KEPT.findall(said)) == 2, said
    assert all(is_there(tmp_path, name) for name in hosts)
    text = (tmp_path / f"hosts/a3/pyenv/versions/{VERSION}/bin/python").read_text()
    assert text.endswith(f"# {tmp_path}/hosts/a3/pyenv/versions/{VERSION}\n")
    assert "Python 3.13.5: compiled by a1, and comes from there" in said
    assert {host["failed"] for host in recap(said).values()} == {0}
    assert "WHAT TO DO" not in said
    assert not list((tmp_path / "hosts").glob("*/cache/devrig-prebuilt"))
    # Nor the answers of what was done in the background, which lay among the logs.
    assert (tmp_path / "hosts/a1/state/log").is_dir()
    assert not list((tmp_path / "hosts").glob("*/state/log/j*"))
    again = play(hosts)
    assert {host["changed"] for host in recap(again).values()} == {0}, again
    # A host that comes later compiles nothing.
    later = play({"a4": {}}, "--limit", "a4")
    assert (compiled(tmp_path), len(KEPT.findall(later)), is_there(tmp_path, "a4")) == ([], 1, True), later


def test_a_host_that_fails_stops_no_other(play, tmp_path):
    (tmp_path / "hosts/a1").mkdir(parents=True)
    (tmp_path / "hosts/a1/pyenv.fails").write_text("BUILD FAILED\n")
    said = play({"a1": {}, "a2": {}, "a3": {}})
    assert [recap(said)[name]["failed"] for name in ("a1", "a2", "a3")] == [1, 0, 0], said
    assert "BUILD FAILED" in said
    advice = said.partition("WHAT TO DO")[2].splitlines()[1:]
    assert advice[0].startswith("a1: Python 3.13.5 could not be built.")
    assert advice[1].endswith("for these alone: --limit a1")
    assert compiled(tmp_path) == ["a2", "a3"]
    assert [is_there(tmp_path, name) for name in ("a1", "a2", "a3")] == [False, True, True]
    (tmp_path / "hosts/a1/pyenv.fails").unlink()
    said = play({"a1": {}, "a2": {}, "a3": {}})
    assert (compiled(tmp_path), is_there(tmp_path, "a1")) == ([], True), said


def test_few_at_a_time_the_first_compiles_and_the_later_ones_take_it(play, tmp_path):
    said = play({"a1": {}, "a2": {}, "a3": {}}, "-e", "devrig_serial=1")
    assert said.count("PLAY [Set up") == 3, said
    assert compiled(tmp_path) == ["a1"], said
    assert len(KEPT.findall(said)) == 2
    assert {host["failed"] for host in recap(said).values()} == {0}


def test_hosts_that_were_not_begun_with_are_named_too(play, tmp_path):
    (tmp_path / "hosts/a1").mkdir(parents=True)
    (tmp_path / "hosts/a1/pyenv.fails").write_text("BUILD FAILED\n")
    said = play({"a1": {}, "a2": {}, "a3": {}, "other": {}}, "-e", "devrig_serial=1", "--limit", "a1,a2,a3")
    advice = said.partition("WHAT TO DO")[2].splitlines()[1:]
    assert advice[0].startswith("a1: Python 3.13.5 could not be built.")
    assert advice[1:3] == [
        "Not begun, for all before failed: a2, a3",
        "When that is mended, for these alone: --limit a1,a2,a3",
    ]


def test_a_damaged_archive_is_said_dropped_and_made_anew(play, tmp_path):
    play({"a1": {}})
    (archive,) = (tmp_path / "kept").glob("*.tar.gz")
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-1])
    said = play({"a2": {}})
    assert "it is dropped" in " ".join(said.split())  # older ones wrap a warning
    assert (compiled(tmp_path), is_there(tmp_path, "a2")) == (["a2"], True), said
    sums = ["sha256sum", "--check", "--strict", f"{archive.name}.sha256"]
    assert subprocess.run(sums, cwd=archive.parent, check=False).returncode == 0


def test_an_archive_that_does_not_work_on_a_host_is_replaced_by_what_that_compiles(play, tmp_path):
    play({"a1": {}})
    (archive,) = (tmp_path / "kept").glob("*.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(tmp_path / "broken", "w:gz") as new:
        for member in old:
            if member.name == "bin/python":
                member.size = 0
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
    archive.write_bytes((tmp_path / "broken").read_bytes())
    sums = ["sha256sum", archive.name]
    told = subprocess.run(sums, cwd=archive.parent, check=True, capture_output=True, text=True).stdout
    archive.with_name(f"{archive.name}.sha256").write_text(told)
    said = " ".join(play({"a2": {}}).split())
    assert (compiled(tmp_path), is_there(tmp_path, "a2")) == (["a2"], True), said
    assert "is not complete here" in said
    assert "is replaced: a2 could not use it" in said
    said = play({"a3": {}})
    assert (compiled(tmp_path), is_there(tmp_path, "a3")) == ([], True), said


def test_check_mode_says_the_same_of_every_host_and_brings_nothing(play, tmp_path):
    said = play({"a1": {}, "a2": {}}, "--check")
    assert compiled(tmp_path) == []
    assert {host["failed"] for host in recap(said).values()} == {0}, said
    assert said.count("Python 3.13.5: compiled in the background") == 1
    assert not (tmp_path / "kept").exists()
    assert not (tmp_path / "hosts/a1/pyenv").exists()


def test_none_is_kept_where_there_shall_be_none(play, tmp_path):
    none = {"pyenv_prebuilt_limit": 0}
    said = play({"a1": none, "a2": none})
    assert not (tmp_path / "kept").exists()
    assert compiled(tmp_path) == ["a1", "a2"], said
    assert "comes from there" not in said  # nobody waits for another one's
