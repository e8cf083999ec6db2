"""The way into a running container of podman's: its first process, and what Ansible is told of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

#: Where Ansible finds the connection plugin (ANSIBLE_CONNECTION_PLUGINS).
PLUGINS = Path(__file__).resolve().parent / "connection_plugins"
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--wd")


def first_process(name: str) -> int:
    """Return the number of a container's first process, as this machine counts. Raises RuntimeError."""
    command = ["podman", "inspect", "--type=container", "--format={{.State.Pid}}", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pid = int(done.stdout) if done.returncode == 0 else 0
    if not pid:
        raise RuntimeError(f"{name} does not run. {done.stderr}".strip())
    return pid


def command(name: str) -> list[str]:
    """Return the beginning of a command line that runs in a container, as this machine's root. Raises RuntimeError."""
    return ["nsenter", f"--target={first_process(name)}", *NAMESPACES, "--"]


def host_vars(name: str, user: str) -> dict[str, Any]:
    """Return the variables of an inventory by which Ansible enters a container as a user."""
    return {"ansible_connection": "namespaces", "ansible_nsenter_pid": first_process(name), "ansible_user": user}
