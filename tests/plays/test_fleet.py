"""Plays over many hosts, which are folders of this machine: who compiles, who takes, and what a failing host stops."""

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.13.5"
TAKEN = re.compile(r"Python [\d.]+: \d+ s, from [\d.]+-[a-z]+-\w+-[0-9a-f]{16}\b")

#: What is skipped is only that other roles check their settings, which preflight has checked for all.
TAGS = ["--tags", "pyenv", "--skip-tags", "build_deps,linters,zsh,vim,tmux,git_hooks,pipenv,starter"]

#: A kind of interpreters -> its settings. A host's name begins with its kind, but for the number.
KINDS = {
    "a": {},
    "private": {"pyenv_openssl": "private"},
    "unkept": {"pyenv_prebuilt_limit": 0},
    "refused": {"pyenv_root": "~/pyenv"},
    "other": {},
}


def kind_of(name):
    return name.rstrip("0123456789")


class Fleet:
    """Hosts that are folders, the repository that they take pyenv from, and the store of archives."""

    def __init__(self, folder, make_pyenv):
        """Make the repository."""
        self.folder, self.store = folder, folder / "kept"
        self.repository, self.commit = make_pyenv(folder)

    def folder_of(self, name):
        return self.folder / "hosts" / name

    def interpreter_of(self, name):
        return self.folder_of(name) / "pyenv/versions" / VERSION

    def break_compiler(self, name):
        """Let each compile of a host fail, until it is repaired."""
        self.folder_of(name).mkdir(parents=True, exist_ok=True)
        (self.folder_of(name) / "pyenv.fails").write_text("BUILD FAILED\n")

    def repair_compiler(self, name):
        (self.folder_of(name) / "pyenv.fails").unlink()

    def archive_of(self, kind):
        """Return the path of the archive of a kind: a program in it names the folder in which it was compiled."""
        for path in self.store.glob("*.tar.gz"):
            with tarfile.open(path) as archive:
                if f"/hosts/{kind}".encode() in archive.extractfile("bin/python").read():
                    return path
        raise LookupError(kind)

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
                "pyenv_versions": [VERSION],
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
            ["ansible-playbook", "-i", str(path), str(ROOT / "playbook.yml"), *TAGS, *options],
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


@pytest.fixture(scope="module")
def runs(record_once, make_pyenv):
    """Return two runs: of new hosts, and of some of them with later ones, when two archives have been spoilt."""

    def make(folder):
        fleet = Fleet(folder, make_pyenv)
        fleet.break_compiler("private1")
        names = ["a1", "private1", "a2", "private2", "refused1", "refused2", "refused3", "refused4", "a3", "a4"]
        first = fleet.run([*names, "other"], "-e", "devrig_serial=4", "--limit", ",".join(names))
        first["programs"] = {name: (fleet.interpreter_of(name) / "bin/python").read_text() for name in ("a1", "a2")}
        fleet.repair_compiler("private1")
        damaged, broken = fleet.archive_of("a"), fleet.archive_of("private")
        truncate(damaged)
        empty_python(broken)
        names = ["a1", "a2", "a3", "private3", "a4", "private1", "unkept1", "unkept2"]
        second = fleet.run(names, "-e", "devrig_serial=2")
        second["intact"] = [path.name for path in (damaged, broken) if is_intact(path)]
        archives = {"damaged": damaged.name, "broken": broken.name}
        return {"folder": str(folder), "archives": archives, "first": first, "second": second}

    return record_once("fleet", make)


@pytest.fixture
def failures(read_recap):
    """Return a function that returns the hosts that failed in a run."""
    return lambda run: [name for name, counts in read_recap(run["output"]).items() if counts["failed"]]


def takers_of(run):
    """Return the hosts that say that their interpreter is from an archive."""
    parts = re.split(r"^(?=\w+: \[|TASK|RUNNING|PLAY)", run["output"], flags=re.MULTILINE)
    return sorted(re.match(r"ok: \[(\w+)\]", part)[1] for part in parts if TAKEN.search(part))


def advice_of(run):
    return run["output"].partition("WHAT TO DO")[2].splitlines()[1:]


def test_compiles_each_kind_once(runs):
    run = runs["first"]
    assert run["compiled"] == ["a1", "private2"], run["output"]
    assert {"a1", "a2", "private2"} <= set(run["complete"])
    assert takers_of(run) == ["a2"]
    assert "Python 3.13.5: compiled by a1, and comes from there" in run["output"]


def test_adapts_a_taken_interpreter_to_its_folder(runs):
    text = runs["first"]["programs"]["a2"]
    assert text.endswith(f"# {runs['folder']}/hosts/a2/pyenv/versions/3.13.5\n")


def test_leaves_no_archives_and_no_answers_of_jobs_on_hosts(runs):
    for run in (runs["first"], runs["second"]):
        assert [path for path in run["files"] if path.endswith("/cache/devrig-prebuilt")] == []
        # The answers of what was done in the background lay among the logs.
        assert "hosts/a1/state/log" in run["files"]
        assert [path for path in run["logs"] if Path(path).name.startswith("j")] == []


def test_failing_host_stops_no_other(runs, failures):
    run = runs["first"]
    assert failures(run)[0] == "private1", run["output"]
    assert not {"a1", "a2", "private2"} & set(failures(run))
    assert "BUILD FAILED" in run["output"]
    assert "private1" not in run["complete"]
    # It waited for the other one, and compiles for itself then.
    assert "Python 3.13.5: compiled by private1, and comes from there" in run["output"]
    assert "private2" in run["compiled"]
    assert advice_of(run)[0].startswith("private1: Python 3.13.5 could not be built.")


def test_names_hosts_that_were_not_begun(runs, failures):
    run = runs["first"]
    refused = [f"refused{number}" for number in range(1, 5)]
    assert run["output"].count("PLAY [Set up") == 2, run["output"]
    assert failures(run) == ["private1", *refused]
    advice = advice_of(run)
    for name, line in zip(refused, advice[1:5]):
        assert line.startswith(f"{name}: pyenv_root is ~/pyenv: write the whole path")
    assert advice[5:7] == [
        "Not begun, for all before failed: a3, a4",
        f"When that is mended, for these alone: --limit a3,a4,private1,{','.join(refused)}",
    ]


def test_second_run_changes_nothing(runs, read_recap):
    recap = read_recap(runs["second"]["output"])
    assert {recap[name]["changed"] for name in ("a1", "a2")} == {0}, runs["second"]["output"]


def test_gives_no_advice_where_no_host_fails(runs, failures):
    run = runs["second"]
    assert failures(run) == [], run["output"]
    assert "WHAT TO DO" not in run["output"]


def test_replaces_damaged_archive(runs):
    run = runs["second"]
    output = " ".join(run["output"].split())  # older ones wrap a warning
    name = runs["archives"]["damaged"]
    assert re.search(rf"/{re.escape(name)}: its sha256 is another than [^:]*: it is dropped", output), output
    assert "a3" in run["complete"]
    assert "a3" in run["compiled"], output
    assert name in run["intact"]


def test_replaces_archive_that_does_not_work_on_a_host(runs):
    run = runs["second"]
    output = " ".join(run["output"].split())
    assert "is not complete here" in output
    assert "is replaced: private3 could not use it" in output
    assert "private3" in run["complete"]
    assert "private3" in run["compiled"], output
    assert runs["archives"]["broken"] in run["intact"]


def test_later_batch_takes_what_earlier_one_compiled(runs):
    run = runs["second"]
    assert run["output"].count("PLAY [Set up") == 4, run["output"]
    assert "a4" in run["complete"]
    assert "a4" in takers_of(run)
    assert "a4" not in run["compiled"], run["output"]


def test_repaired_host_takes_what_another_compiled(runs):
    run = runs["second"]
    assert "private1" in run["complete"]
    assert "private1" in takers_of(run)
    assert "private1" not in run["compiled"], run["output"]


def test_keeps_no_archive_where_the_limit_is_0(runs):
    run = runs["second"]
    assert run["stores"] == ["kept"]
    assert run["compiled"] == ["a3", "private3", "unkept1", "unkept2"], run["output"]
    last = run["output"].rpartition("PLAY [Set up")[2]
    assert "changed: [unkept1]" in last
    assert "comes from there" not in last  # nobody waits for another one's
