"""docs/pull: its service runs as written, by a real ansible-pull, on this machine and into folders below tmp_path."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import test_fleet

from tests.lab import units

ROOT = Path(__file__).resolve().parents[2]
PULL = ROOT / "docs/pull"
SERVICE, TIMER, SIGNED = PULL / "devrig-pull.service", PULL / "devrig-pull.timer", PULL / "verify-commit.conf"

pyenv = test_fleet.pyenv

#: A play that is over at once, and says what it was given.
LIGHT = """---
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "ONE {{ inventory_hostname }} {{ dev_user }} {{ pyenv_versions }} {{ ansible_python_interpreter }}"}
      tags: one
    - debug: {msg: TWO}
      tags: two
"""


class Machine:
    """A home, a /etc, a repository in which the team commits, and the clone that follows it."""

    def __init__(self, folder):
        self.folder, self.home, self.etc = folder, folder / "home", folder / "etc"
        self.team, self.clone = folder / "team", folder / "home/devrig"
        self.etc.mkdir()
        programs = Path(shutil.which("ansible-pull")).parent
        (self.home / ".local/share/devrig/ansible").mkdir(parents=True)
        (self.home / ".local/share/devrig/ansible/bin").symlink_to(programs)
        self.team.mkdir()
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")[:-1]
        for name in names:
            if (ROOT / name).is_file():
                (self.team / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.team / name)
        # The real one may install packages.
        (self.team / "bootstrap").write_text(f'#!/bin/sh\necho "$*" >>{folder}/bootstrap.log\n')
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments, at=None):
        """Run git, and return what it printed."""
        command = ["git", "-c", "user.name=n", "-c", "user.email=n@localhost", *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(command, cwd=at or self.team, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, *options, **files):
        """Commit what is there, and files with new text; names are written with __ for / and _yml for .yml."""
        for name, text in files.items():
            (self.team / name.replace("__", "/").replace("_yml", ".yml")).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x", *options)
        if not self.clone.exists():
            self.git("clone", "-q", f"file://{self.team}", str(self.clone))
        return self.git("rev-parse", "HEAD")

    def head(self):
        """Return the commit of the clone."""
        return self.git("rev-parse", "HEAD", at=self.clone)

    def start(self, *drop_ins, **environment):
        """Do what systemd does: (exit status, what was printed)."""
        unit = units.service([SERVICE, *drop_ins], str(self.home), str(self.etc))
        own = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **unit["environment"]}
        own = {name: value.replace("~", str(self.home)) for name, value in own.items()}
        said = ""
        for command in [*unit["commands"]["ExecStartPre"], *unit["commands"]["ExecStart"]]:
            done = subprocess.run(
                command["words"],
                cwd=unit["folder"],
                env={**own, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            said += done.stdout
            if done.returncode and not command["may_fail"]:
                return done.returncode, said
        return 0, said


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def snapshot(*folders):
    """Return what stands below folders, but for git's own."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if ".git" not in path.parts]
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in paths}


def test_a_real_run_a_second_a_new_commit_and_no_repository(machine, pyenv, tmp_path):
    settings = machine.team / "inventory/group_vars/all.yml"
    text = settings.read_text()
    assert text.count('pyenv_versions: ["3.6.8"]\n') == 1
    settings.write_text(text.replace('pyenv_versions: ["3.6.8"]', 'pyenv_versions: ["3.13.5"]'))
    first = machine.commit()
    repository, commit = pyenv
    own = {
        "ansible_become_method": "su",
        "dev_user": "root",
        "devrig_release": "bookworm",
        **{f"pyenv_{name}": str(tmp_path / "set-up" / name) for name in ("root", "cache_dir", "prebuilt_dir")},
        "dotfile_state_dir": str(tmp_path / "set-up/state"),
        "pyenv_git_url": f"file://{repository}",
        "pyenv_version": commit,
        "pyenv_virtualenv_git_url": "",
        "summary_show": False,
    }
    (machine.etc / "devrig.yml").write_text(json.dumps(own))
    light = {"DEVRIG_OPTIONS": "--tags pyenv"}
    versions = tmp_path / "set-up/root/versions"

    status, said = machine.start(**light)
    assert status == 0, said
    assert test_fleet.recap(said)["localhost"]["changed"] > 0, said
    assert [path.name for path in versions.glob("[0-9]*")] == ["3.13.5"]

    before = snapshot(machine.clone, tmp_path / "set-up")
    status, said = machine.start(**light)
    assert (status, test_fleet.recap(said)["localhost"]["changed"], machine.head()) == (0, 0, first), said
    assert snapshot(machine.clone, tmp_path / "set-up") == before

    settings.write_text(settings.read_text().replace('["3.13.5"]', '["3.13.5", "3.9.2"]'))
    second = machine.commit()
    status, said = machine.start(**light)
    assert (status, machine.head()) == (0, second), said
    assert sorted(path.name for path in versions.glob("[0-9]*")) == ["3.13.5", "3.9.2"]

    before = snapshot(machine.clone, tmp_path / "set-up")
    machine.team.rename(tmp_path / "away")
    status, said = machine.start(**light)
    assert status != 0
    assert "PLAY [" not in said, said
    assert (snapshot(machine.clone, tmp_path / "set-up"), machine.head()) == (before, second)


def test_where_settings_come_from(machine):
    machine.commit(playbook_yml=LIGHT)
    status, said = machine.start()
    assert status == 0, said
    assert re.search(r"ONE localhost +\['3.6.8'\] /usr/bin/python3\b", said), said
    assert (machine.folder / "bootstrap.log").read_text() == "--version -e devrig_become=false\n"
    (machine.etc / "devrig.yml").write_text("dev_user: ann\npyenv_versions: [3.9.2]\n")
    assert re.search(r"ONE localhost ann \['3.9.2'\]", machine.start()[1])
    said = machine.start(DEVRIG_OPTIONS="--tags two")[1]
    assert "TWO" in said
    assert "ONE" not in said


def test_a_machine_takes_its_own_settings_from_the_team_s_inventory(machine):
    hosts = {platform.node(): {"dev_user": "ann"}, "another.example": {"dev_user": "ben"}}
    machine.commit(playbook_yml=LIGHT, inventory__team_yml=json.dumps({"all": {"hosts": hosts}}))
    status, said = machine.start(DEVRIG_OPTIONS=f"-i {machine.clone}/inventory/team.yml")
    assert status == 0, said
    assert re.findall(r"ONE (\S+) (\S+) ", said) == [(platform.node(), "ann")]


def test_a_pinned_commit_stays_and_an_edited_clone_is_not_written_over(machine):
    first = machine.commit(playbook_yml=LIGHT)
    machine.commit(playbook_yml=LIGHT.replace("ONE", "ANOTHER"))
    status, said = machine.start(DEVRIG_REF=first)
    assert (status, machine.head()) == (0, first), said
    (machine.clone / "playbook.yml").write_text("mine\n")
    status, said = machine.start()
    assert status != 0
    assert "Local modifications exist" in said
    assert (machine.clone / "playbook.yml").read_text() == "mine\n"


def test_only_what_is_signed_is_run(machine):
    """ansible-pull leaves what it refuses in the clone: nothing of it is run, then or later."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("NOT TESTED: whether signatures are looked at, for there is no ssh-keygen")
    key = machine.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (machine.folder / "signers").write_text(f"n@localhost {(machine.folder / 'key.pub').read_text()}")
    machine.git("config", "--global", "gpg.ssh.allowedSignersFile", str(machine.folder / "signers"))
    machine.git("config", "gpg.format", "ssh")
    machine.git("config", "user.signingKey", str(key))
    log = machine.folder / "bootstrap.log"
    good = (machine.team / "bootstrap").read_text()

    machine.commit("-S", playbook_yml=LIGHT)
    status, said = machine.start(SIGNED)
    assert (status, "ONE" in said) == (0, True), said
    assert log.read_text().count("\n") == 1

    evil = machine.commit(bootstrap=good.replace('"$*"', "evil"), ansible_cfg="[defaults\n")
    for _ in range(2):
        status, said = machine.start(SIGNED)
        assert (status != 0, "PLAY [" in said, machine.head()) == (True, False, evil), said
        assert "Failed to verify" in said
    assert "evil" not in log.read_text()

    machine.commit("-S", bootstrap=good, playbook_yml=LIGHT.replace("ONE", "MENDED"))
    status, said = machine.start(SIGNED)
    assert (status, "MENDED" in said) == (0, True), said
    assert "evil" not in log.read_text()


def test_what_ansible_writes_goes_where_bootstrap_has_it():
    bootstrap = (ROOT / "bootstrap").read_text()
    environment = units.service([SERVICE], "/root", "/etc")["environment"]
    exported = dict(re.findall(r"(ANSIBLE_(?:HOME|REMOTE_TMP))=[\"']([^\"']+)[\"']", bootstrap))
    exported["ANSIBLE_HOME"] = exported["ANSIBLE_HOME"].replace("$data", "/root/.local/share/devrig")
    assert {name: environment[name] for name in exported} == exported
    assert len(exported) == 2
    assert environment["HOME"] == "/root"


@pytest.mark.parametrize("manager", ["--system", "--user"])
def test_systemd_knows_each_line(machine, manager):
    if not shutil.which("systemd-analyze"):
        pytest.skip("NOT TESTED: the unit files of docs/pull, for there is no systemd-analyze")
    machine.commit(bootstrap="#!/bin/sh\n")
    machine.clone.joinpath("bootstrap").chmod(0o755)
    folder = machine.folder / "units"
    (folder / "devrig-pull.service.d").mkdir(parents=True)
    for path, place in ((SERVICE, folder), (TIMER, folder), (SIGNED, folder / "devrig-pull.service.d")):
        (place / path.name).write_text(path.read_text().replace("%h", str(machine.home)))
    done = subprocess.run(
        ["systemd-analyze", manager, "verify", "devrig-pull.service", "devrig-pull.timer"],
        env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(machine.folder), "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "devrig" not in said


def test_a_line_that_is_not_understood_is_refused(tmp_path):
    path = tmp_path / "x.service"
    for line in ("ExecStart=/bin/echo $HOME", "ExecStart=/bin/echo ${HOME}", "ExecStop=/bin/true"):
        path.write_text(f"[Service]\n{line}\n")
        with pytest.raises(ValueError, match=r"\$HOME|\{HOME\}|ExecStop"):
            units.service([path], "/root", "/etc")
    path.write_text("[Service]\nExecStart=/bin/echo %t\n")
    with pytest.raises(KeyError):
        units.service([path], "/root", "/etc")


def test_it_prints_what_a_service_runs():
    command = [sys.executable, "-m", "tests.lab.units", str(SERVICE), "--home", "/home/ann", "--configuration", "/c"]
    printed = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    shell, option, text = printed["commands"]["ExecStart"][0]["words"]
    assert (shell, option) == ("/bin/sh", "-ec")
    assert "/home/ann/.local/share/devrig/ansible/bin/ansible-pull" in text
    assert '"$@"' in text
