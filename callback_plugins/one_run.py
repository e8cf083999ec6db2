"""One run at a time for a user's home folder: a second one waits, and says for whom."""

from __future__ import annotations

DOCUMENTATION = r"""
name: one_run
type: aggregate
short_description: Let runs on this machine wait for each other
description:
  - Two runs at once on one home folder would each undo what the other does. The second waits until the first ends.
  - The lock is on the home folder itself (flock(2)), so nothing is written, and it ends with the processes that hold
    it, however they end. A play that has no host on this machine takes no lock.
requirements:
  - Enabled in ansible.cfg.
"""

import fcntl
import os
import pwd
import re
from pathlib import Path

from ansible.plugins.callback import CallbackBase


def holder(inode, locks):
    """Return the process that holds a lock, as text, "" for one that is not known.

    :param inode: number of the file's inode.
    :param locks: the text of /proc/locks (proc(5)).
    """
    found = re.search(r"^\d+: FLOCK +ADVISORY +WRITE +(\d+) +\S+:%d " % inode, locks, re.MULTILINE)
    return found[1] if found and found[1] != "0" else ""


def home_here(play):
    """Return the home folder that the play sets up on this machine, None where it is about other machines."""
    variables = play.get_variable_manager().get_vars(play=play)
    hosts = [variables["hostvars"][name] for name in variables["ansible_play_hosts_all"]]
    here = [host for host in hosts if host.get("ansible_connection", play.connection) == "local"]
    return home_of(here[0].get("dev_user")) if here else None


def home_of(user):
    """Return the home folder of a user, of the one who runs this where it is empty or nobody's."""
    try:
        return Path(pwd.getpwnam(user).pw_dir) if user else Path.home()
    except KeyError:
        return Path.home()


class CallbackModule(CallbackBase):
    """Takes the lock at the first play that changes this machine, and holds it as long as the process lives."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "one_run"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        """Hold nothing yet."""
        super().__init__()
        self.folder = None

    def v2_playbook_on_play_start(self, play):
        """Wait for the run that holds the lock, if there is one."""
        home = home_here(play) if self.folder is None else None
        if home is None:
            return
        # Not inherited by programs that are started; Ansible's own workers are part of the run.
        self.folder = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self.folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = holder(os.fstat(self.folder).st_ino, Path("/proc/locks").read_text(encoding="ascii"))
            who = "process " + process if process else "of a process that is not seen here"
            self._display.display("Another run of devrig's is going on (%s): waiting for its end." % who, stderr=True)
            fcntl.flock(self.folder, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks
            self._display.warning("Runs at the same time would not wait for each other: %s" % error)
