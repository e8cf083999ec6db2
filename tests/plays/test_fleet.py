"""Plays over many hosts, which are folders of this machine: who compiles, who takes, and what a failing host stops."""

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = re.compile(r"Python [\d.]+: \d+ s, from [\d.]+-[a-z]+-\w+-[0-9a-f]{16}\b", re.MULTILINE)

#: A kind of interpreters -> its settings. A host's name begins with its kind, but for the number.
KINDS = {
    "a": {},
    "private": {"pyenv_openssl": "private"},
    "fails": {"pyenv_versions": ["3.12.4"]},
    "damaged": {"pyenv_versions": ["3.11.9"]},
    "broken": {"pyenv_versions": ["3.10.14"]},
    "unkept": {"pyenv_prebuilt_limit": 0},
    "other": {},
}


def kind_of(name):
    return name.rstrip("0123456789")


def version_of(name):
    """Return the version that a host wants."""
    return KINDS[kind_of(name)].get("pyenv_versions", ["3.13.5"])[0]


class Fleet:
    """Hosts that are folders, the repository that they take pyenv from, and the store of archives."""

    def __init__(self, folder, make_pyenv):
        """Make the repository."""
        self.folder, self.store = folder, folder / "kept"
        self.repository, self.commit = make_pyenv(folder)

    def folder_of(self, name):
        return self.folder / "hosts" / name

    def interpreter_of(self, name):
        return self.folder_of(name) / "pyenv/versions" / version_of(name)

    def break_compiler(self, name):
        """Let each compile of a host fail, until it is repaired."""
        self.folder_of(name).mkdir(parents=True, exist_ok=True)
        (self.folder_of(name) / "pyenv.fails").write_text("BUILD FAILED\n")

    def repair_compiler(self, name):
        (self.folder_of(name) / "pyenv.fails").unlink()

    def archive_of(self, name):
        """Return the path of the archive of a host's kind, which is the only one with a version of its own."""
        (archive,) = self.store.glob(f"{version_of(name)}-*.tar.gz")
        return archive

    def run(self, names, *options, **settings):
        """Run the role on hosts, and return what was printed, who compiled, and what there is then."""
        inventory = {"all": {"hosts": {}}}
        for name in names:
            self.folder_of(name).mkdir(parents=True, exist_ok=True)
            inventory["all"]["hosts"][name] = {
                "ansible_connection": "local",
                "ansible_become_method": "su",
                "dev_user": "root",
                "devrig_release": "bookworm",
                "pyenv_root": str(self.folder_of(name) / "pyenv"),
                "pyenv_cache_dir": str(self.folder_of(name) / "cache"),
                "dotfile_state_dir": str(self.folder_of(name) / "state"),
                "pyenv_versions": [version_of(name)],
                "pyenv_git_url": f"file://{self.repository}",
                "pyenv_version": self.commit,
                "pyenv_virtualenv_git_url": "",
                "pyenv_prebuilt_dir": str(self.folder / "unkept" if kind_of(name) == "unkept" else self.store),
                "summary_show": False,
                **KINDS[kind_of(name)],
                **settings,
            }
        path = self.folder / "inventory.json"
        path.write_text(json.dumps(inventory))
        group_vars = self.folder / "group_vars"
        if not group_vars.exists():
            group_vars.symlink_to(ROOT / "inventory/group_vars")
        installs = self.folder / "installs"
        installs.write_text("")
        env = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_FORKS": "16",
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
            "HOME": str(self.folder),
            **{f"ANSIBLE_{name}": str(self.folder / "ansible") for name in ("HOME", "REMOTE_TMP")},
        }
        done = subprocess.run(
            ["ansible-playbook", "-i", str(path), str(ROOT / "playbook.yml"), "--tags", "pyenv", *options],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        return {
            "output": done.stdout + done.stderr,
            "compiled": sorted(Path(line).parent.name for line in installs.read_text().splitlines()),
            "complete": [name for name in names if (self.interpreter_of(name) / ".devrig.json").exists()],
            "files": sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("hosts/*/*/*")),
            "logs": sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("hosts/*/state/log/*")),
            "stores": [path.name for path in (self.store, self.folder / "unkept") if path.exists()],
        }


def truncate(archive):
    archive.write_bytes(archive.read_bytes()[:-1])


def empty_python(archive):
    """Make the interpreter in an archive an empty file, and write the sha256 that the archive has then."""
    new = archive.with_name("new")
    with tarfile.open(archive) as old, tarfile.open(new, "w:gz") as written:
        for member in old:
            if member.name == "bin/python":
                member.size = 0
            written.addfile(member, old.extractfile(member) if member.isreg() else None)
    new.replace(archive)
    sums = ["sha256sum", archive.name]
    done = subprocess.run(sums, cwd=archive.parent, check=True, capture_output=True, text=True)
    archive.with_name(f"{archive.name}.sha256").write_text(done.stdout)


def is_intact(archive):
    sums = ["sha256sum", "--check", "--strict", "--quiet", f"{archive.name}.sha256"]
    return subprocess.run(sums, cwd=archive.parent, check=False).returncode == 0


FIRST = ["a1", "private1", "a2", "a3", "fails1", "fails2", "fails3", "damaged1", "broken1"]


@pytest.fixture(scope="module")
def all_at_once(record_once, make_pyenv):
    """Return two runs: of new hosts, and of these with later ones, when two archives have been spoilt."""

    def make(folder):
        fleet = Fleet(folder, make_pyenv)
        fleet.break_compiler("fails1")
        first = fleet.run(FIRST)
        first["programs"] = {name: (fleet.interpreter_of(name) / "bin/python").read_text() for name in ("a1", "a3")}
        fleet.repair_compiler("fails1")
        truncate(fleet.archive_of("damaged1"))
        empty_python(fleet.archive_of("broken1"))
        # broken3 has a batch of its own.
        second = fleet.run([*FIRST, "a4", "damaged2", "broken2", "broken3"], "-e", f"devrig_serial={len(FIRST) + 3}")
        second["intact"] = [name for name in ("damaged2", "broken2") if is_intact(fleet.archive_of(name))]
        return {"folder": str(folder), "first": first, "second": second}

    return record_once("all-at-once", make)


@pytest.fixture(scope="module")
def two_at_a_time(record_once, make_pyenv):
    """Return a run of two hosts at a time, in which a batch fails before the last one."""

    def make(folder):
        fleet = Fleet(folder, make_pyenv)
        fleet.break_compiler("fails1")
        fleet.break_compiler("fails2")
        names = ["a1", "private1", "a2", "a3", "unkept1", "unkept2", "fails1", "fails2", "fails3", "fails4"]
        return fleet.run([*names, "other"], "-e", "devrig_serial=2", "--limit", ",".join(names))

    return record_once("two-at-a-time", make)


@pytest.fixture
def failures(read_recap):
    """Return a function that returns the hosts that failed in a run."""
    return lambda run: [name for name, counts in read_recap(run["output"]).items() if counts["failed"]]


def built_by(run):
    """Return the hosts that say of an interpreter from where it is."""
    parts = re.split(r"^(?=\w+: \[)", run["output"], flags=re.MULTILINE)
    said = [part for part in parts if BUILT.search(part)]
    return sorted(re.match(r"ok: \[(\w+)\]", part)[1] for part in said)


def advice_of(run):
    return run["output"].partition("WHAT TO DO")[2].splitlines()[1:]


def test_compiles_each_kind_once(all_at_once):
    run = all_at_once["first"]
    assert [name for name in run["compiled"] if not name.startswith("fails")] == [
        "a1",
        "broken1",
        "damaged1",
        "private1",
    ], run["output"]
    assert "Python 3.13.5: compiled by a1, and comes from there" in run["output"]
    assert [name for name in FIRST if name not in run["complete"]] == ["fails1"]
    assert built_by(run) == sorted(name for name in FIRST if name != "fails1" and name not in run["compiled"])


def test_adapts_a_taken_interpreter_to_its_folder(all_at_once):
    text = all_at_once["first"]["programs"]["a3"]
    assert text.endswith(f"# {all_at_once['folder']}/hosts/a3/pyenv/versions/3.13.5\n")


def test_leaves_no_archives_and_no_answers_of_jobs_on_hosts(all_at_once):
    for run in (all_at_once["first"], all_at_once["second"]):
        assert [path for path in run["files"] if path.endswith("/cache/devrig-prebuilt")] == []
        # The answers of what was done in the background lay among the logs.
        assert "hosts/a1/state/log" in run["files"]
        assert [path for path in run["logs"] if Path(path).name.startswith("j")] == []


def test_failing_host_stops_no_other(all_at_once, failures):
    run = all_at_once["first"]
    assert failures(run) == ["fails1"]
    assert "BUILD FAILED" in run["output"]
    assert [name for name in run["compiled"] if name.startswith("fails")] == ["fails2", "fails3"]
    advice = advice_of(run)
    assert advice[0].startswith("fails1: Python 3.12.4 could not be built.")
    assert advice[1].endswith("for these alone: --limit fails1")


def test_repaired_host_takes_what_others_compiled(all_at_once):
    run = all_at_once["second"]
    assert "fails1" in run["complete"]
    assert "fails1" not in run["compiled"], run["output"]


def test_second_run_changes_nothing(all_at_once, read_recap):
    recap = read_recap(all_at_once["second"]["output"])
    unchanged = [name for name in FIRST if name != "fails1"]
    assert {recap[name]["changed"] for name in unchanged} == {0}, all_at_once["second"]["output"]


def test_later_host_compiles_nothing(all_at_once):
    run = all_at_once["second"]
    assert "a4" in run["complete"]
    assert "a4" in built_by(run)
    assert "a4" not in run["compiled"], run["output"]


def test_gives_no_advice_where_no_host_fails(all_at_once, failures):
    run = all_at_once["second"]
    assert failures(run) == []
    assert "WHAT TO DO" not in run["output"]


def test_replaces_damaged_archive(all_at_once):
    run = all_at_once["second"]
    assert re.search(r"/3\.11\.9-\S+: its sha256 is another .*: it is dropped", " ".join(run["output"].split()))
    assert "damaged2" in run["complete"]
    assert "damaged2" in run["compiled"], run["output"]
    assert "damaged2" in run["intact"]


def test_replaces_archive_that_does_not_work_on_a_host(all_at_once):
    run = all_at_once["second"]
    output = " ".join(run["output"].split())  # older ones wrap a warning
    assert "is not complete here" in output
    assert "is replaced: broken2 could not use it" in output
    assert {"broken2", "broken3"} <= set(run["complete"])
    # In a later batch broken3 takes what broken2 has compiled.
    assert run["compiled"] == ["broken2", "damaged2"], output
    assert "broken2" in run["intact"]


def test_later_batch_takes_what_earlier_one_compiled(two_at_a_time, failures):
    run = two_at_a_time
    assert run["output"].count("PLAY [Set up") == 4, run["output"]
    assert [name for name in run["compiled"] if not name.startswith("unkept")] == ["a1", "private1"], run["output"]
    assert {"a2", "a3"} <= set(built_by(run))
    assert failures(run) == ["fails1", "fails2"]


def test_names_hosts_that_were_not_begun(two_at_a_time):
    advice = advice_of(two_at_a_time)
    assert [line.partition(" could")[0] for line in advice[:2]] == ["fails1: Python 3.12.4", "fails2: Python 3.12.4"]
    assert advice[2:4] == [
        "Not begun, for all before failed: fails3, fails4",
        "When that is mended, for these alone: --limit fails1,fails2,fails3,fails4",
    ]


def test_keeps_no_archive_where_the_limit_is_0(two_at_a_time):
    run = two_at_a_time
    assert run["stores"] == ["kept"]
    assert [name for name in run["compiled"] if name.startswith("unkept")] == ["unkept1", "unkept2"], run["output"]
    assert "comes from there" not in run["output"]  # nobody waits for another one's


def test_check_mode_plans_for_every_host_and_changes_nothing(tmp_path, make_pyenv, failures):
    run = Fleet(tmp_path, make_pyenv).run(["a1", "a2"], "--check")
    assert run["compiled"] == []
    assert failures(run) == [], run["output"]
    assert run["output"].count("Python 3.13.5: compiled in the background") == 1
    assert run["stores"] == []
    assert "hosts/a1/pyenv" not in run["files"]
    assert not (tmp_path / "hosts/a1/pyenv").exists()
