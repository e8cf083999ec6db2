"""docs/pull: its unit files, and what reads them on machines without systemd."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import units

ROOT = Path(__file__).resolve().parents[2]
PULL = ROOT / "docs/pull"
SERVICE, TIMER, SIGNED = PULL / "devrig-pull.service", PULL / "devrig-pull.timer", PULL / "verify-commit.conf"


def test_ansible_writes_to_the_folders_that_bootstrap_names():
    bootstrap = (ROOT / "bootstrap").read_text()
    environment = units.service([SERVICE], "/root", "/etc")["environment"]
    exported = dict(re.findall(r"(ANSIBLE_(?:HOME|REMOTE_TMP))=[\"']([^\"']+)[\"']", bootstrap))
    exported["ANSIBLE_HOME"] = exported["ANSIBLE_HOME"].replace("$data", "/root/.local/share/devrig")
    assert {name: environment[name] for name in exported} == exported
    assert len(exported) == 2
    assert environment["HOME"] == "/root"


@pytest.mark.parametrize("manager", ["--system", "--user"])
def test_systemd_accepts_each_line(tmp_path, manager):
    if not shutil.which("systemd-analyze"):
        pytest.skip("NOT TESTED: the unit files of docs/pull, for there is no systemd-analyze")
    home, folder = tmp_path / "home", tmp_path / "units"
    for name in ("devrig/bootstrap", ".local/share/devrig/ansible/bin/ansible-pull"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text("#!/bin/sh\n")
        (home / name).chmod(0o755)
    (folder / "devrig-pull.service.d").mkdir(parents=True)
    for path, place in ((SERVICE, folder), (TIMER, folder), (SIGNED, folder / "devrig-pull.service.d")):
        (place / path.name).write_text(path.read_text().replace("%h", str(home)))
    done = subprocess.run(
        ["systemd-analyze", manager, "verify", "devrig-pull.service", "devrig-pull.timer"],
        env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "devrig" not in said


def test_rejects_line_that_it_does_not_know(tmp_path):
    path = tmp_path / "x.service"
    for line in ("ExecStart=/bin/echo $HOME", "ExecStart=/bin/echo ${HOME}", "ExecStop=/bin/true"):
        path.write_text(f"[Service]\n{line}\n")
        with pytest.raises(ValueError, match=r"\$HOME|\{HOME\}|ExecStop"):
            units.service([path], "/root", "/etc")
    path.write_text("[Service]\nExecStart=/bin/echo %t\n")
    with pytest.raises(KeyError):
        units.service([path], "/root", "/etc")


def test_prints_what_a_service_runs():
    command = [sys.executable, "-m", "tests.lab.units", str(SERVICE), "--home", "/home/ann", "--configuration", "/c"]
    printed = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    shell, option, text = printed["commands"]["ExecStart"][0]["words"]
    assert (shell, option) == ("/bin/sh", "-ec")
    assert "/home/ann/.local/share/devrig/ansible/bin/ansible-pull" in text
    assert '"$@"' in text
