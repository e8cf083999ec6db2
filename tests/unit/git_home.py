"""A home folder with what the role git_hooks writes, a git of its own, and a linter that notes its calls."""

import os
import subprocess
from pathlib import Path

from ansible.module_utils.devrig_ledger import Ledger
from rendering import ROOT, rendered

HOMES = ["plain", 'it\'s a "home" with $HOME `id` Jörg; [x]*', "two\nlines"]
FILES = ROOT / "roles/git_hooks/files"
#: Refuses files with "wrong" in them; notes its argument, folder and git's variables.
LINTER = """
import json, os, subprocess, sys
names = subprocess.run(["git", "diff", "--cached", "--name-only", "-z"], stdout=subprocess.PIPE, check=True).stdout
texts = [subprocess.run([b"git", b"show", b":" + name], stdout=subprocess.PIPE, check=True).stdout
         for name in names.split(b"\\0") if name]
with open(%r, "a") as stream:
    stream.write(json.dumps({"hook": sys.argv[1], "folder": os.getcwd()}) + "\\n")
sys.exit(any(b"wrong" in text for text in texts))
"""


class GitHome:
    """A home folder for git."""

    def __init__(self, home):
        """Write what the role writes with dotfile."""
        self.path = home
        self.folder = home / ".local/share/devrig/git"
        self.state = home / ".local/state/devrig"
        self.config = home / ".gitconfig"
        self.system = home / "system config"
        self.linted = home / "linted"
        self.program = home / ".local/bin/git-devrig-hooks"
        self.folder.mkdir(parents=True)
        self.program.parent.mkdir(parents=True)
        self.put(self.program, (FILES / "git_devrig_hooks.py").read_text())
        self.put(self.folder / "lint_staged.py", LINTER % str(self.linted))
        self.put(self.folder / "pre-commit", rendered("git-pre-commit.j2", home=str(home)))
        self.put(self.folder / "dispatcher", (FILES / "dispatcher.sh").read_text())
        self.put(self.folder / "config", rendered("git-config.j2"))
        self.put(self.folder / "hookspath-config", rendered("git-hookspath-config.j2"))
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "GIT_CONFIG_SYSTEM": str(self.system),
            "GIT_AUTHOR_NAME": "n",
            "GIT_AUTHOR_EMAIL": "e",
            "GIT_COMMITTER_NAME": "n",
            "GIT_COMMITTER_EMAIL": "e",
            "LC_ALL": "C.UTF-8",
        }

    def tell(self, git_hooks_config, template=True, dry=False):
        """Do what the module does with state present."""
        with Ledger(str(self.state / "ledger.json")).locked(dry) as ledger:
            return git_hooks_config.present(str(self.folder), git_hooks_config.Record(ledger), template, dry)

    def untell(self, git_hooks_config, dry=False):
        """Do what the module does with state absent."""
        with Ledger(str(self.state / "ledger.json")).locked(dry) as ledger:
            return git_hooks_config.absent(str(self.folder), git_hooks_config.Record(ledger), dry)

    def entered(self, monkeypatch):
        """Make it the home folder of this process and return it."""
        for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
            monkeypatch.delenv(name)
        for name in ("HOME", "GIT_CONFIG_SYSTEM"):
            monkeypatch.setenv(name, self.environment[name])
        return self

    @staticmethod
    def put(path, text, mode=0o755):
        """Write a program, or a file of another mode, and return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def a_hook(self, path, says, status=0):
        """Write a hook that notes its name, what it says, its arguments and standard input, and ends with a status."""
        notes = str(self.path / "noted").replace("'", "'\\''")
        script = f"""#!/bin/sh
{{ printf '%s' '{says}'; printf ' <%s>' "$@"; [ -t 0 ] || cat; echo; }} >>'{notes}'
exit {status}
"""
        return self.put(path, script)

    @property
    def noted(self):
        """The lines that the hooks noted since the last time."""
        path = self.path / "noted"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line for line in lines if line]

    def forget(self):
        """Forget what the hooks noted until now."""
        (self.path / "noted").unlink(missing_ok=True)

    @property
    def lints(self):
        """How often the linter ran since the last time."""
        lines = self.linted.read_text().splitlines() if self.linted.exists() else []
        self.linted.unlink(missing_ok=True)
        return len(lines)

    def run(self, *command, cwd=None, check=True, **environment):
        """Run a command in this home and return what subprocess.run() does."""
        done = subprocess.run(
            [str(item) for item in command],
            cwd=cwd or self.path,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def git(self, *argv, **options):
        """Run git and return what it printed."""
        return self.run("git", *argv, **options).stdout.strip()

    def repository(self, name="repository", *options):
        """Make a repository and return its path."""
        folder = self.path / name
        self.git("init", "-q", *options, str(folder))
        return folder

    def old_repository(self, name="old"):
        """Make a repository as it was before devrig came."""
        return self.repository(name, "--template=")

    def commit(self, folder, text="right", name="file"):
        """Commit a file and return whether git took it."""
        Path(folder, name).write_text(text + os.urandom(4).hex())
        self.git("add", name, cwd=folder)
        return self.run("git", "commit", "-q", "-m", "x", cwd=folder, check=False).returncode == 0

    def hooks(self, *argv, cwd=None):
        """Run git-devrig-hooks; return (exit status, what it said)."""
        done = self.run("/usr/bin/python3", "-I", self.program, *argv, cwd=cwd, check=False)
        return done.returncode, done.stdout + done.stderr
