#!/usr/bin/python
"""Change a user's login shell, but only to one that was seen to start for that user."""

DOCUMENTATION = r"""
module: login_shell
short_description: Give a user a login shell that works, and lock nobody out
description:
  - Refuses a shell that is not listed in /etc/shells, then starts it as the user, as a login and interactive
    shell with the user's own configuration, in a pseudo-terminal and under a time limit. Only a shell that comes up
    is set, and the entry is read back.
  - The shell that the user had first is remembered in I(record), so that C(state=absent) can give it back.
  - Changes local users only. A user from another source (LDAP, sssd) is refused with what to do instead.
options:
  user:
    description: Name of the user.
    type: str
    required: true
  shell:
    description: Absolute path of the shell, as it stands in /etc/shells.
    type: path
    required: true
  state:
    description: C(present) sets I(shell); C(absent) gives back the shell that the user had before.
    type: str
    choices: [present, absent]
    default: present
  timeout:
    description: How long the shell may take to start, in seconds.
    type: int
    default: 20
  record:
    description: File that remembers the shells which users had before.
    type: path
    default: /var/lib/devrig/login_shells.json
"""

RETURN = r"""
shell:
  description: The login shell after the call.
  type: str
  returned: always
before:
  description: The login shell before the call.
  type: str
  returned: always
"""

import contextlib
import fcntl
import json
import os
import pwd
import select
import signal
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule

MARK = "devrig-shell-is-up"


def listed(shell, shells_text):
    """Say whether a shell stands in the text of /etc/shells (shells(5): one path a line, # begins a comment)."""
    lines = [line.split("#", 1)[0].strip() for line in shells_text.splitlines()]
    return shell in [line for line in lines if line]


def local(user, passwd_text):
    """Say whether a user stands in the text of /etc/passwd (passwd(5)), and so can be changed by usermod(8)."""
    return any(line.split(":", 1)[0] == user for line in passwd_text.splitlines())


def decide(before, wanted, remembered, state):
    """Say which shell the user shall have.

    :param before: the shell that the user has.
    :param wanted: the shell asked for; with state absent the one to take back, any other is the user's own choice.
    :param remembered: the shell that the user had before devrig changed it, or None.
    :param state: present or absent.
    :return: the path of the shell; the one that the user has when there is nothing to do.
    """
    if state == "present":
        return wanted
    return remembered if remembered and before == wanted else before


def start_as(user, shell, timeout):
    """Start a shell as a user in a pseudo-terminal and return (came up, what it printed).

    :param user: entry of the user as from pwd.getpwnam().
    :param shell: path of the shell.
    :param timeout: limit in seconds; the shell and its children are killed after it.
    """
    child, terminal = os.forkpty()
    if child == 0:
        try:
            os.initgroups(user.pw_name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            os.chdir(user.pw_dir)
            environment = {
                "HOME": user.pw_dir,
                "LOGNAME": user.pw_name,
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "SHELL": shell,
                "TERM": "xterm",
                "USER": user.pw_name,
            }
            name = "-" + os.path.basename(shell)  # the dash makes it a login shell
            os.execve(shell, [name, "-i", "-c", "echo " + MARK], environment)  # noqa: S606 - a shell is what is tried
        finally:
            os._exit(127)
    output = b""
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            ready, _, _ = select.select([terminal], [], [], 0.2)
            if not ready:
                continue
            try:
                chunk = os.read(terminal, 4096)
            except OSError:  # EIO: the other side of a pseudo-terminal is closed
                break
            if not chunk:
                break
            output += chunk
    finally:
        os.close(terminal)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return MARK.encode() in output, output.decode("utf-8", "replace").replace(MARK, "").strip()


def load(path):
    """Return the remembered shells, user -> path; empty where there is no record."""
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return {}


def remember(path, user, shell):
    """Write down the shell that a user had, or forget the user (shell None).

    The file is written atomically. Several users of a host may be set up at once: a lock beside it keeps them apart.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shells = load(path)
        if shell is None:
            shells.pop(user, None)
        else:
            shells.setdefault(user, shell)
        handle, beside = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(shells, stream, indent=2, sort_keys=True)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)


def text_of(path):
    """Return the text of a file."""
    with open(path, encoding="utf-8", errors="replace") as handle:
        return handle.read()


def refusal(user, shell, timeout):
    """Return why a user cannot have a shell as login shell, or None when it came up."""
    if not listed(shell, text_of("/etc/shells")):
        return "%s is not in /etc/shells: install the shell's package, which registers it" % shell
    if not os.access(shell, os.X_OK):
        return "%s is not there or cannot be run: install the shell's package" % shell
    if not local(user.pw_name, text_of("/etc/passwd")):
        return (
            "user %s does not come from /etc/passwd: have the shell changed where the user is kept (LDAP, sssd), "
            "and set zsh_login_shell: false" % user.pw_name
        )
    up, output = start_as(user, shell, timeout)
    if not up:
        return "%s did not start for %s within %d s and was not set; it printed: %s" % (
            shell,
            user.pw_name,
            timeout,
            output[-800:] or "nothing",
        )
    return None


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "shell": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "timeout": {"type": "int", "default": 20},
            "record": {"type": "path", "default": "/var/lib/devrig/login_shells.json"},
        },
        supports_check_mode=True,
    )
    name, state, record = module.params["user"], module.params["state"], module.params["record"]
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        module.fail_json(msg="there is no user %s on this machine" % name)
    remembered = load(record)
    before = user.pw_shell
    wanted = decide(before, module.params["shell"], remembered.get(name), state)
    result = {"before": before, "shell": wanted, "diff": {"before": before + "\n", "after": wanted + "\n"}}
    if wanted != before and not module.check_mode:
        reason = refusal(user, wanted, module.params["timeout"])
        if reason:
            module.fail_json(msg=reason, before=before, shell=before)
        if state == "present":
            remember(record, name, before)
        module.run_command([module.get_bin_path("usermod", True), "--shell", wanted, name], check_rc=True)
        if pwd.getpwnam(name).pw_shell != wanted:
            module.fail_json(msg="usermod reported success, but the login shell of %s is still %s" % (name, before))
    if state == "absent" and name in remembered and not module.check_mode:
        remember(record, name, None)
    module.exit_json(changed=wanted != before, **result)


if __name__ == "__main__":
    main()
