"""The lock that lets runs on one home folder wait for each other."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start_play(folder, connection):
    """Start a play of one host and return its process."""
    (folder / "ansible.cfg").write_text(
        f"[defaults]\ncallback_plugins={ROOT}/callback_plugins\ncallbacks_enabled=one_run\n"
    )
    (folder / "play.yml").write_text(
        f"[{{hosts: all, connection: {connection}, gather_facts: false, tasks: [{{debug: {{msg: ran}}}}]}}]"
    )
    return subprocess.Popen(
        [Path(sys.executable).parent / "ansible-playbook", "-i", "here,", "play.yml"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_second_run_waits_and_names_the_lock_holder(tmp_path):
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    process = start_play(tmp_path, "local")
    said = ""
    while "Another run" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    assert f"(process {os.getpid()}): waiting for its end" in said
    assert process.poll() is None
    os.close(held)
    assert "ok=1" in process.communicate(timeout=60)[0]


def test_run_for_other_machines_does_not_wait(tmp_path):
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    said = start_play(tmp_path, "ssh").communicate(timeout=60)[0]
    os.close(held)
    assert "ok=1" in said
    assert "Another run" not in said
