"""How Ansible enters a container of the laboratory: podman exec does the same in ten times the time."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = r"""
name: namespaces
short_description: Enter a container by nsenter(1)
description:
  - Runs commands in the namespaces of a container on this machine, as who logs in there. Needs root here.
    They have the capabilities(7) that podman leaves to a container; its limits and its filter of system calls they
    have not.
options:
  pid:
    description: Number of the container's first process. One that has the namespaces of this machine is refused.
    type: int
    required: true
    vars: [{name: ansible_nsenter_pid}]
  remote_user:
    description: Who enters. Their group has the same name.
    type: str
    default: root
    vars: [{name: ansible_user}]
  pipelining:
    description: Modules go to Python's standard input, and not into files first.
    type: bool
    default: true
    vars: [{name: ansible_pipelining}]
"""

#: What podman leaves to a container's processes (containers.conf(5), default_capabilities).
CAPABILITIES = """
    audit_write chown dac_override fowner fsetid kill mknod net_bind_service net_raw setfcap setgid setpcap setuid
    sys_chroot
"""


def apart(pid):
    """Tell whether a process runs, and elsewhere than this one: numbers are used again, by this machine's own too."""
    try:
        return all(
            Path(f"/proc/{pid}/ns/{kind}").readlink() != Path(f"/proc/self/ns/{kind}").readlink()
            for kind in ("pid", "mnt")
        )
    except OSError:
        return False


class Connection(ConnectionBase):
    """A container whose namespaces are entered for each command."""

    transport = "namespaces"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def close(self):
        """Nothing stays open between two commands."""
        self._connected = False

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Run a command of the user's shell; return its exit status and what it wrote, as bytes.

        :param cmd: text for sh.
        :param in_data: bytes for its standard input.
        :raises AnsibleConnectionFailure: where the process is not a container's.
        """
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        pid, user = self.get_option("pid"), self.get_option("remote_user")
        if not apart(pid):
            raise AnsibleConnectionFailure(f"process {pid} is no container's: it was started again, or does not run")
        bounds = ",".join(["-all", *(f"+{name}" for name in CAPABILITIES.split())])
        enter = ["nsenter", f"--target={pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--wd", "--"]
        login = [f"--bounding-set={bounds}", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"]
        command = [*enter, "setpriv", *login, "sh", "-c", cmd]
        done = subprocess.run(command, input=in_data or b"", capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        """Copy a file into the container.

        :raises AnsibleConnectionFailure: where the user may not write there.
        """
        super().put_file(in_path, out_path)
        self._copy(f"cat >{self._shell.quote(out_path)}", Path(in_path).read_bytes())

    def fetch_file(self, in_path, out_path):
        """Copy a file out of the container.

        :raises AnsibleConnectionFailure: where the user may not read it.
        """
        super().fetch_file(in_path, out_path)
        Path(out_path).write_bytes(self._copy(f"cat {self._shell.quote(in_path)}"))

    def _copy(self, command, data=b""):
        code, out, err = self.exec_command(command, data, sudoable=False)
        if code:
            raise AnsibleConnectionFailure(f"{command}: {err.decode(errors='replace')}")
        return out
