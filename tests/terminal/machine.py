"""Where the terminal tests run: this machine or a container, each test in a home folder of its own.

A test sees its own copy of the user's home at the home's own path, its own /tmp, and nothing of it reaches the user:
both are mounts in a mount namespace of the test's processes. A broken machine (a full disk, a home that is read-only,
packages that are gone) is a mount in there too.
"""

import functools
import subprocess

from tests.lab import entrance

#: Run as root with: work folder, user, home, extra mounts (a script), folder to start in, program and arguments.
_ENTER = r"""
set -e
work=$1 user=$2 home=$3 mounts=$4 folder=$5
shift 5
if [ -d "$work/home/.pyenv" ]; then
  mount --bind "$home/.pyenv" "$work/home/.pyenv"
  mount -o remount,bind,ro "$work/home/.pyenv"
fi
mount --rbind "$work/home" "$home"
eval "$mounts"
mount --bind "$work/tmp" /tmp
if terminal=$(tty); then
  chown "$user" "$terminal"
  stty columns "$COLUMNS" rows "$LINES"
fi
unset COLUMNS LINES
cd "$folder"
exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@"
"""

#: The user's home without what is large or tells of a person: histories, caches, virtualenvs, this checkout. Of
#: ~/.cache and ~/.local/share there is what devrig puts there, but its Ansible and what was made or downloaded.
_COPY = r"""
set -e
user=$1
home=$(getent passwd "$user" | cut -d: -f6)
work=$(mktemp -d /tmp/devrig-terminal.XXXXXX)
mkdir "$work/home" "$work/tmp"
cd "$home"
tar -c --exclude=./.pyenv --exclude=./devrig --exclude=./.ansible \
  --exclude='./.cache/[!d]*' --exclude='./.cache/d[!e]*' \
  --exclude='./.cache/devrig/devrig-*' --exclude='./.cache/devrig/openssl-*' \
  --exclude='./.local/share/[!d]*' --exclude='./.local/share/d[!e]*' --exclude=./.local/share/devrig/ansible \
  --exclude='./.*history' --exclude=./.viminfo --exclude='./.*.local' . |
  tar -x -C "$work/home"
[ ! -d "$home/.pyenv" ] || mkdir "$work/home/.pyenv"
chown -R "$user:" "$work"
chmod 755 "$work"
printf '%s %s' "$work" "$home"
"""

#: Ends what a test has left running, known by the variable that it inherited, and removes its folder.
_LEAVE = r"""
for file in $(grep -lzsx "DEVRIG_TERMINAL=$1" /proc/[0-9]*/environ); do
  pid=${file#/proc/}
  kill -9 "${pid%/environ}" 2>/dev/null || true
done
# What was killed may still write.
rm -rf --one-file-system "$1" 2>/dev/null || { sleep 1; rm -rf --one-file-system "$1"; }
"""

#: What a command of root's has as environment, as podman gives it.
_BARE = ("HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=podman")


class Machine:
    """This machine, or a container of podman's.

    :param name: the container's name, "" for this machine.
    :param user: whose environment is tried.
    """

    def __init__(self, name, user):
        self.name, self.user = name, user

    def command(self, *command, terminal=False, env=None):
        """Return a command line that runs a command there as root.

        :param terminal: the command gets the pseudo-terminal that it is started in.
        :param env: variables, name -> text.
        """
        settings = [f"{name}={value}" for name, value in (env or {}).items()]
        if not self.name:
            return ["env", *settings, *command]
        if not terminal:
            return [*self._enter(), "env", "--ignore-environment", *_BARE, *settings, *command]
        # Privileged: the command may mount, in a mount namespace of its own.
        options = ["--privileged", "--interactive", "--tty", *(f"--env={each}" for each in settings)]
        return ["podman", "exec", *options, self.name, *command]

    @functools.lru_cache(maxsize=None)  # noqa: B019 - there are three of them, and they live as long as the tests
    def _enter(self):
        """Return the beginning of a command line that runs in the container without podman, which takes its time.

        :raises RuntimeError: where the container does not run.
        """
        return entrance.command(self.name)

    def root(self, *command, check=True):
        """Run a command there as root and return what it did.

        :raises RuntimeError: when it fails and `check` is true; its output is in the message.
        """
        return _run(self.command(*command), check=check)


class Home:
    """A copy of the user's home folder for one test.

    :param machine: where.
    :raises RuntimeError: where the user or the container does not exist.
    """

    def __init__(self, machine):
        self.machine = machine
        copied = machine.root("sh", "-c", _COPY, "sh", machine.user)
        #: The folder on the machine that holds home and tmp; the home's path as the user knows it.
        self.work, self.path = copied.stdout.split(" ", 1)

    def command(
        self, *command, columns=80, lines=24, term="xterm-256color", mounts="", folder=None, terminal=True, env=None
    ):
        """Return a command line that runs a command as the user in this home.

        :param columns: width of the terminal in cells.
        :param lines: height of the terminal in cells.
        :param term: the terminal's type.
        :param mounts: script for sh, run as root in the mount namespace; it knows $work, $user and $home.
        :param folder: where to start, the home if it is not given.
        :param terminal: the command gets the pseudo-terminal that it is started in.
        :param env: further variables, name -> text.
        """
        settings = {
            "COLUMNS": columns,
            "DEVRIG_TERMINAL": self.work,
            "HOME": self.path,
            "LC_ALL": "C.UTF-8",
            "LINES": lines,
            "LOGNAME": self.machine.user,
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "SHELL": "/usr/bin/zsh",
            "TERM": term,
            "USER": self.machine.user,
            **(env or {}),
        }
        # A program that listens on a terminal of its own must not get this one's variables.
        unset = ["env", *(f"-u{name}" for name in ("TMUX", "TMUX_PANE", "COLORTERM", "VIRTUAL_ENV", "SSH_CONNECTION"))]
        enter = ["unshare", "--mount", "sh", "-c", _ENTER, "sh", self.work, self.machine.user, self.path, mounts]
        place = self.path if folder is None else folder
        return self.machine.command(*unset, *enter, place, *command, terminal=terminal, env=settings)

    def sh(self, script, check=True, env=None):
        """Run a script for sh as the user in this home, without a terminal, and return what it wrote.

        :raises RuntimeError: when it fails and `check` is true; its output is in the message.
        """
        return _run(self.command("sh", "-euc", script, terminal=False, env=env), check=check).stdout

    def write(self, path, text):
        """Write a file of the user's; a path that is not absolute is below the home."""
        self.sh('mkdir -p "$(dirname "$FILE")" && printf %s "$TEXT" >"$FILE"', env={"FILE": path, "TEXT": text})

    def leave(self):
        """End what runs in this home and remove it."""
        self.machine.root("sh", "-c", _LEAVE, "sh", self.work)


def _run(command, check):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)
    if check and done.returncode:
        raise RuntimeError(f"{command[-1]!r} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done
