#!/usr/bin/python
"""Change a user's login shell, but only to one that was seen to start for that user."""

DOCUMENTATION = r"""
module: login_shell
short_description: Give a user a login shell that works, and lock nobody out
description:
  - Refuses a shell that is not listed in /etc/shells, then starts it as the user, as a login and interactive
    shell with the user's own configuration, in a pseudo-terminal and under a time limit. Only a shell that comes up
    is set, and the entry is read back. Where it does not come up, the error names the file and line that it was at.
  - The shell that the user had is remembered in I(ledger), so that C(state=absent) can give it back. One that was
    removed since is not given back but /bin/bash or /bin/sh in its place, with a warning.
  - Changes local users only. A user from another source (LDAP, sssd) is left out, with a warning.
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
  change:
    description:
      - Whether this may change the machine. If not, C(state=absent) says in I(skipped_why) where devrig set the shell.
    type: bool
    default: true
  timeout:
    description: How long the shell may take to start, in seconds.
    type: int
    default: 20
  ledger:
    description: The machine's ledger, which remembers the shells that users had before.
    type: path
    default: /var/lib/devrig/ledger.json
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
skipped_why:
  description: Why the user was left out, and what to do; empty where it was not.
  type: str
  returned: always
"""

import binascii
import contextlib
import os
import pwd
import re
import select
import signal
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_ledger import MACHINE, Ledger, Refused, told

FALLBACKS = ("/bin/bash", "/bin/sh")
TAIL = 16384  # bytes of what a shell prints that are kept
LEAVE = 2  # seconds that a shell which came up has to end by itself
TRACE = 5  # seconds to see where a shell hangs


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
    :param remembered: the shell that the user had before devrig changed it, or None; empty is /bin/sh (passwd(5)).
    :param state: present or absent.
    :return: the path of the shell; the one that the user has when there is nothing to do.
    """
    if state == "present":
        return wanted
    return remembered if remembered is not None and before == wanted else before


# --- a shell is tried


def begin_as(user, shell, options, command, environment):
    """Start a shell as a user in a pseudo-terminal and return (process id, handle of the terminal).

    :param user: entry of the user as from pwd.getpwnam().
    :param options: further options of the shell.
    :param environment: further variables.
    """
    child, terminal = os.forkpty()
    if child == 0:
        try:
            os.initgroups(user.pw_name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            os.chdir(user.pw_dir)
            found = {
                "HOME": user.pw_dir,
                "LOGNAME": user.pw_name,
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "SHELL": shell,
                "TERM": "xterm",
                "USER": user.pw_name,
            }
            found.update(environment)
            name = "-" + os.path.basename(shell)  # the dash makes it a login shell
            os.execve(shell, [name, "-i"] + options + ["-c", command], found)  # noqa: S606 - a shell is what is tried
        finally:
            os._exit(127)
    return child, terminal


def end_session(leader):
    """Kill all processes of a session (proc(5): the sixth field of stat), jobs in groups of their own too."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open("/proc/%s/stat" % name, "rb") as stream:
                    session = int(stream.read().rpartition(b")")[2].split()[3])
                if session == leader:
                    os.kill(int(name), signal.SIGKILL)


def start_as(user, shell, timeout, options=(), **environment):
    """Start a shell as a user and return (came up, the end of what it printed); arguments as in begin_as().

    It came up when it ran a command after its start files. Nothing is typed, so that one that asks something waits.

    :param timeout: limit in seconds; the shell and its children are killed after it.
    """
    mark = binascii.hexlify(os.urandom(8))
    child, terminal = begin_as(user, shell, list(options), "echo " + mark.decode(), environment)
    output, up = b"", False
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                chunk = os.read(terminal, 4096)
            except OSError:  # EIO: the other side of a pseudo-terminal is closed
                break
            output += chunk
            if "PS4" in environment:  # what is printed between the lines of a trace may be endless
                lines = output.split(b"\n")
                output = b"\n".join([line for line in lines[:-1] if line.startswith(b"+/")] + lines[-1:])
            output = output[-TAIL:]
            if not chunk:
                break
            if not up and mark in output:
                up = True
                end = min(end, time.monotonic() + LEAVE)
    finally:
        end_session(child)
        os.close(terminal)
        os.waitpid(child, 0)
    return up, output.replace(mark, b"").decode("utf-8", "replace").strip()


def place_in(trace, home):
    """Return (file, line) of the user's that zsh was at last, by what it printed with PS4 '+%x:%I>'; None for none."""
    found = re.findall(r"^\+(/.*?):(\d+)> ", trace, re.MULTILINE)
    own = [(path, number) for path, number in found if path.startswith(home + os.sep)]
    return own[-1] if own else None


def where(user, shell):
    """Return in words where a shell that does not come up is to be mended."""
    files = [".zshenv", ".zprofile", ".zshrc", ".zshenv.local", ".zprofile.local", ".zshrc.local"]
    if os.path.basename(shell) != "zsh":
        files = [".bash_profile", ".bash_login", ".profile", ".bashrc"]
    else:
        _, trace = start_as(user, shell, TRACE, ("-x",), PS4="+%x:%I> ")
        place = place_in(trace, user.pw_dir)
        if place:
            return "it was at line %s of %s" % (place[1], place[0])
    there = [os.path.join(user.pw_dir, name) for name in files if os.path.exists(os.path.join(user.pw_dir, name))]
    return "look into %s" % ", ".join(there) if there else "it has no start files"


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
    up, output = start_as(user, shell, timeout)
    if up:
        return None
    return "%s did not start for %s within %d s and was not set: %s. It printed: %s" % (
        shell,
        user.pw_name,
        timeout,
        where(user, shell),
        output[-800:] or "nothing",
    )


def given_back(user, remembered, timeout):
    """Return (the shell that a user gets back, a warning or None): the old one, or one in its place.

    An old shell that is no shell of /etc/shells (nologin, one of the user's own) is given back as it is.
    """
    shell = remembered or "/bin/sh"
    there = os.access(shell, os.X_OK)
    if there and (not listed(shell, text_of("/etc/shells")) or start_as(user, shell, timeout)[0]):
        return remembered, None
    for other in FALLBACKS:
        if other != shell and refusal(user, other, timeout) is None:
            what = "does not start for them" if there else "is not there any more"
            return other, "%s, the login shell that %s had before, %s: it is %s now" % (
                shell,
                user.pw_name,
                what,
                other,
            )
    if there:
        return remembered, "%s does not start for %s: %s" % (shell, user.pw_name, where(user, shell))
    return user.pw_shell, "%s is not there any more, and no other shell starts for %s: nothing was changed" % (
        shell,
        user.pw_name,
    )


# --- the module


def change(module, user, shell):
    """Set a login shell and read it back."""
    module.run_command([module.get_bin_path("usermod", True), "--shell", shell, user.pw_name], check_rc=True)
    now = pwd.getpwnam(user.pw_name).pw_shell
    if now != shell:
        module.fail_json(msg="usermod reported success, but the login shell of %s is still %s" % (user.pw_name, now))


def remembered_in(ledger):
    """Return the ledger's section of login shells, user -> shell, with what an older devrig wrote down."""
    section = ledger.section("login_shells")
    for name, shell in (ledger.old_record("login_shells.json") or {}).items():
        section.setdefault(name, shell)
    return section


def left_to_root(user, wanted, path):
    """Say what an administrator has to do for a user whose login shell devrig set; empty where it did not.

    :param path: of the machine's ledger. Where it cannot be read, devrig may have set the shell.
    """
    ledger = Ledger(path)
    with ledger.locked(dry=True):
        before = remembered_in(ledger).get(user.pw_name)
    if user.pw_shell != wanted or (before is None and not ledger.unreadable):
        return ""
    return (
        "the login shell of %s stays %s, which devrig set, and so do its files, for devrig_become is false: "
        "have an administrator run `chsh -s %s %s`, then run again"
        % (user.pw_name, wanted, before or FALLBACKS[0], user.pw_name)
    )


def run(module, user):
    """Do what is asked and return the login shell that the user has then; in check mode, would have."""
    wanted, state, timeout = (module.params[name] for name in ("shell", "state", "timeout"))
    dry, before, name = module.check_mode, user.pw_shell, user.pw_name
    ledger = Ledger(module.params["ledger"])
    with ledger.locked(dry=True):
        shell = decide(before, wanted, remembered_in(ledger).get(name), state)
    if shell != before and state == "absent":
        shell, warning = given_back(user, shell, timeout)
        if warning:
            module.warn(warning)
    elif shell != before and not dry:
        reason = refusal(user, shell, timeout)
        if reason:
            module.fail_json(msg=reason, before=before, shell=before)
    if dry or (state == "present" and shell == before):
        return shell
    ledger = Ledger(module.params["ledger"])
    with ledger.locked():
        section = remembered_in(ledger)
        if shell != before and state == "present":
            section[name] = before  # what the user chose last
            ledger.save()
        if shell != before:
            change(module, user, shell)
        if state == "absent":
            section.pop(name, None)
            ledger.drop_folders()
    return shell


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "shell": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "change": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 20},
            "ledger": {"type": "path", "default": MACHINE},
        },
        supports_check_mode=True,
    )
    name = module.params["user"]
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        module.fail_json(msg="there is no user %s on this machine" % name)
    before = shell = user.pw_shell
    why = ""
    if not local(name, text_of("/etc/passwd")):
        if module.params["state"] == "present" and before != module.params["shell"]:
            why = (
                "the login shell of %s stays %s, for the user is not in /etc/passwd: have it changed to %s where "
                "the user is kept (LDAP, sssd), or set zsh_login_shell: false" % (name, before, module.params["shell"])
            )
    else:
        try:
            if module.params["change"]:
                shell = run(module, user)
            elif module.params["state"] == "absent":
                why = left_to_root(user, module.params["shell"], module.params["ledger"])
        except Refused as error:
            module.fail_json(msg=str(error))
        except OSError as error:
            module.fail_json(msg=told(error, module.params["ledger"]))
    if why:
        module.warn(why)
    diff = {"before": before + "\n", "after": shell + "\n"}
    module.exit_json(changed=shell != before, before=before, shell=shell, skipped_why=why, diff=diff)


if __name__ == "__main__":
    main()
