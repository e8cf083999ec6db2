"""A machine under test: a container that is started in a moment from one that was set up before, and thrown away."""

import contextlib
import json
import subprocess
import uuid
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = "/srv/devrig"
SETTINGS = "/srv/settings.json"

#: What login(1) gives to who is not root on Debian (ENV_PATH in /etc/login.defs); podman gives all what is root's.
USER_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

#: For a container of an image that is set up: an image gives folders new times, by which the shell knows whether its
#: completion is true.
READY = f'zsh -f -c "$(cat {CHECKOUT}/roles/zsh/files/ready.zsh)"'

#: The first process waits for orphans and lives on when all others are killed.
INIT = "while :; do sleep 1000 & wait; done"

#: What is in the home folder, a line each: kind, mode, time, size of a file, path, a link's target; then sums.
_HOME = r"""
cd "$1"
find . -mindepth 1 \( -type f -printf '%y %m %T@ %s %p\n' -o -type d -printf '%y %m %p\n' -o -printf '%y %p %l\n' \) |
  sort
find . -type f -print0 | sort -z | xargs -0r sha256sum
"""

_SYSTEM = r"""
echo '# packages'; dpkg-query --show --showformat '${Package} ${Version} ${db:Status-Status}\n' | sort
echo '# manual'; apt-mark showmanual | sort
echo '# accounts'; getent passwd; cat /etc/shells
echo '# etc'; find /etc -type f ! -name '*-' ! -name 'ld.so.cache' -printf '%m %u %p\n' | sort
find /etc -type f ! -name '*-' ! -name 'ld.so.cache' -print0 | sort -z | xargs -0r sha256sum
echo '# alternatives'; find /etc/alternatives -printf '%p %l\n' | sort
echo '# state'; find /var/lib/devrig 2>/dev/null | sort
"""


class Done(NamedTuple):
    """What a command did: its exit status and what it wrote, standard output and error together."""

    code: int
    said: str

    @property
    def recap(self):
        """The numbers of Ansible's last line, name -> number."""
        line = [line for line in self.said.splitlines() if "failed=" in line and "changed=" in line][-1]
        return {name: int(number) for name, number in (word.split("=") for word in line.split() if "=" in word)}

    @property
    def one_line(self):
        """What it wrote, with blanks and line ends as one blank each."""
        return " ".join(self.said.split())


class Container:
    """A running container.

    :param image: its image.
    :param lab: what the laboratory says of itself.
    :param options: further options of podman run.
    """

    def __init__(self, image, lab, *options):
        self.settings = {}
        self.lab, self.name = lab, f"devrig-machine-{uuid.uuid4().hex[:12]}"
        self.environment = dict(lab["environment"])
        volumes = [f"--volume={lab['ca_bundle']}:{lab['environment']['PIP_CERT']}:ro"] if lab["ca_bundle"] else []
        network = [] if any(option.startswith("--network") for option in options) else ["--network=host"]
        command = ["podman", "run", "--detach", "--name", self.name, *network, "--stop-signal=9", *volumes]
        _call([*command, *options, image, "bash", "-c", INIT])

    def command(self, *command, user="dev", env=None, folder=None, options=()):
        """Return the command line that runs a command in the container."""
        path = {} if user == "root" else {"PATH": USER_PATH}
        settings = [f"--env={name}={value}" for name, value in {**path, **self.environment, **(env or {})}.items()]
        place = ["--workdir", folder or ("/root" if user == "root" else "/home/dev")]
        return ["podman", "exec", "--interactive", "--user", user, *place, *settings, *options, self.name, *command]

    def run(self, *command, check=True, timeout=600, stdin=None, **where):
        """Run a command and return what it did.

        :param check: an exit status other than 0 is an error.
        :param timeout: seconds.
        :raises AssertionError: with what the command said.
        """
        done = subprocess.run(
            self.command(*command, **where),
            input="" if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            text=True,
            errors="replace",
            check=False,
        )
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-6000:]}"
        return Done(done.returncode, done.stdout)

    def sh(self, script, *arguments, **where):
        """Run a script for sh; return what it wrote."""
        return self.run("sh", "-euc", script, "sh", *arguments, **where).said

    def root(self, script, *arguments, **where):
        """Run a script for sh as root; return what it wrote."""
        return self.sh(script, *arguments, user="root", **where)

    def bootstrap(self, *arguments, check=False, **where):
        """Run ./bootstrap as the user and return what it did."""
        return self.run(*self.bootstrap_line(*arguments), check=check, folder=CHECKOUT, **where)

    def bootstrap_line(self, *arguments):
        """Return the command line of ./bootstrap; a playbook goes first."""
        playbook = [name for name in arguments[:1] if name.endswith(".yml")]
        return ["./bootstrap", *playbook, "-e", f"@{SETTINGS}", *arguments[len(playbook) :]]

    def begin(self, *arguments, env=None, user="dev"):
        """Start ./bootstrap and return its process, whose standard output has all that it writes."""
        line = self.command(*self.bootstrap_line(*arguments), env=env, folder=CHECKOUT, user=user)
        return subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def kill_all(self):
        """Kill everything in the container but its first process, at once, as when the power goes."""
        # kill(2): -1 is every process that may be signalled, but the first one and the caller.
        self.run("python3", "-c", "import os; os.kill(-1, 9)", user="root", check=False)

    def settle(self, settings):
        """Write the settings that every run gets."""
        self.settings = settings
        text = json.dumps({"devrig_environment": self.lab["environment"], **settings}, indent=2)
        self.root('cat >"$1"; chmod 644 "$1"', SETTINGS, stdin=text)

    def check_out(self):
        """Put the checkout in place, as git would commit it; it is the user's."""
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        files = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout
        pack = ["tar", "--create", "--null", "--files-from=-", "--owner=dev:1000", "--group=dev:1000"]
        packed = subprocess.run(pack, cwd=ROOT, check=True, capture_output=True, input=files).stdout
        script = f"mkdir {CHECKOUT}; tar -x -C {CHECKOUT}; chown 1000:1000 {CHECKOUT}"
        subprocess.run(self.command("sh", "-euc", script, user="root"), check=True, input=packed)

    def home(self, user="dev"):
        """Return what is in the user's home folder, a list of lines."""
        folder = "/root" if user == "root" else f"/home/{user}"
        return self.root(_HOME, folder).splitlines()

    def system(self):
        """Return packages, accounts, files in /etc and devrig's own state of the machine, a list of lines."""
        return self.root(_SYSTEM).splitlines()

    def keep(self, name):
        """Make an image of the container as it is now."""
        _call(["podman", "commit", "--quiet", "--pause=false", self.name, name])

    def remove(self):
        """Throw the container away."""
        with contextlib.suppress(AssertionError):
            _call(["podman", "rm", "--force", "--time", "0", "--volumes", self.name])


def _call(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
