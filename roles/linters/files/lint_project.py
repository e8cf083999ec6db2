"""What lies around a file: its project's folders, virtualenv and configuration, and the programs that go with it."""

import os
import re
import stat
import subprocess

#: Suffixes and names of files, as vim's filetype.vim has them; a file without a suffix is known by its first line.
SUFFIXES = {
    "python": (".py", ".pyi", ".pyw"),
    "ruby": (".gemspec", ".podspec", ".rake", ".rb", ".rbw", ".ru"),
}
NAMES = {
    "python": ("SConscript", "SConstruct"),
    "ruby": ("Capfile", "Gemfile", "Guardfile", "Podfile", "Rakefile", "Thorfile", "Vagrantfile"),
}
INTERPRETERS = {
    "python": re.compile(rb"#!\s*\S*/(?:env\s+(?:-S\s*)?(?:\S*/)?)?(?:python|pypy)[\d.]*(?:\s|$)"),
    "ruby": re.compile(rb"#!\s*\S*/(?:env\s+(?:-S\s*)?(?:\S*/)?)?j?ruby[\d.]*(?:\s|$)"),
}


def language(name, head=b""):
    """Return "python", "ruby" or "" for a file.

    :param name: its path or name.
    :param head: its first bytes.
    """
    base = os.path.basename(name)
    suffix = os.path.splitext(base)[1]
    for each, suffixes in SUFFIXES.items():
        if suffix in suffixes or base in NAMES[each]:
            return each
    if not suffix:
        for each, pattern in INTERPRETERS.items():
            if pattern.match(head.split(b"\n", 1)[0]):
                return each
    return ""


def ours(path):
    """Say whether a path is a file of this user's or of root's: another's is not listened to."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid in (0, os.getuid())


def read(path):
    """Return the bytes of a file of ours, b"" where there is none or it cannot be read."""
    if not ours(path):
        return b""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


class Project:
    """The project of a file is its folder and those above, up to the top of its git work tree.

    Outside of a work tree it ends below the home folder, or at the root of the file system.

    :param file: its absolute path; it need not exist.
    :param environ: variables of the environment, name -> text; HOME is needed.
    """

    def __init__(self, file, environ):
        """Find the folders of a file's project."""
        self.file, self.environ, self.home = file, environ, environ["HOME"]
        #: The folders, the file's own first; the top of the git work tree, "" outside of one.
        self.folders, self.top = [], ""
        folder = os.path.dirname(file)
        while folder not in self.folders:
            self.folders.append(folder)
            if os.path.exists(os.path.join(folder, ".git")):
                self.top = folder
            elif self.home not in (folder, os.path.dirname(folder)):
                folder = os.path.dirname(folder)

    @property
    def root(self):
        """The top of the work tree, outside of one the nearest folder that is there: a new file's may not be yet."""
        return self.top or next((folder for folder in self.folders if os.path.isdir(folder)), "/")

    def find(self, *names):
        """Return the path of the nearest file that has one of these names, "" where there is none."""
        paths = (os.path.join(folder, name) for folder in self.folders for name in names)
        return next((path for path in paths if ours(path)), "")

    def personal(self, *names):
        """Return the first file that the person has, "" for none: names are below ~/.config, or begin with "~/"."""
        config = self.environ.get("XDG_CONFIG_HOME") or os.path.join(self.home, ".config")
        paths = (self.home + name[1:] if name.startswith("~/") else os.path.join(config, name) for name in names)
        return next((path for path in paths if ours(path)), "")

    def tool(self, name):
        """Return the absolute path of a program, "" where it is missing.

        It is the project's virtualenv's, the active virtualenv's, or on PATH: but no shim of pyenv's, which may lead to
        nothing, and nothing of a relative folder. At last it is the system's.
        """
        places = [os.path.join(folder, "bin") for folder in self._virtualenvs()]
        places += [os.path.join(self.environ.get("VIRTUAL_ENV", ""), "bin"), *self.environ.get("PATH", "").split(":")]
        shims = os.path.join(self._pyenv_root(), "shims")
        for place in [*places, "/usr/bin"]:
            path = os.path.join(place, name)
            if os.path.isabs(place) and os.path.normpath(place) != shims and os.access(path, os.X_OK):
                return path
        return ""

    def _pyenv_root(self):
        return self.environ.get("PYENV_ROOT") or os.path.join(self.home, ".pyenv")

    def _virtualenvs(self):
        """Yield the project's virtualenvs, the nearest first: .venv, pipenv's, pyenv's of a .python-version."""
        data = self.environ.get("XDG_DATA_HOME") or os.path.join(self.home, ".local/share")
        pipenv = self.environ.get("WORKON_HOME") or os.path.join(data, "virtualenvs")
        for folder in self.folders:
            own = os.path.join(folder, ".venv")
            if ours(os.path.join(own, "pyvenv.cfg")) and not self._came_with_the_repository(own):
                yield own
            if os.path.isfile(os.path.join(folder, "Pipfile")) and os.path.isdir(pipenv):
                for name in sorted(os.listdir(pipenv)):
                    made_for = os.fsdecode(read(os.path.join(pipenv, name, ".project"))).strip()
                    if made_for and os.path.realpath(made_for) == os.path.realpath(folder):
                        yield os.path.join(pipenv, name)
            name = os.fsdecode(read(os.path.join(folder, ".python-version")).split(b"\n")[0]).strip()
            if name.isprintable() and os.path.basename(name) == name and name not in ("", ".", ".."):
                yield os.path.join(self._pyenv_root(), "versions", name)

    def _came_with_the_repository(self, folder):
        """Say whether git keeps a folder, or cannot say: then it holds other people's programs."""
        if not self.top:
            return False
        # By way of a link in the repository git would say that it knows nothing of it.
        top = os.path.realpath(self.top)
        folder = os.path.join(os.path.realpath(os.path.dirname(folder)), ".venv")
        if not folder.startswith(top + os.sep):
            return True
        status, kept = self._git(
            *("--git-dir=" + os.path.join(self.top, ".git"), "--work-tree=" + self.top, "-C", self.top),
            *("-c", "core.fsmonitor=", "--literal-pathspecs"),
            *("ls-files", "--", os.path.relpath(folder, top)),
        )
        return status != 0 or kept != ""

    def trusted(self):
        """Say whether the person lets editors run this repository's code: devrig.trust in the global git configuration.

        A value is a folder, "FOLDER/*" for all below it, or "*", as with git's safe.directory.
        """
        values = self._git("config", "--global", "--null", "--type=path", "--get-all", "devrig.trust")[1]
        return any(
            value in ("*", self.root) or (value.endswith("/*") and self.root.startswith(value[:-1]))
            for value in values.split("\0")[:-1]
        )

    def _git(self, *arguments):
        """Run git, which fetches nothing for an answer, and return its exit status and standard output."""
        environ = {**without_git(self.environ), "GIT_ALLOW_PROTOCOL": "none"}
        command = ["git", *arguments]
        asked = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ)
        return asked.returncode, os.fsdecode(asked.stdout)


def without_git(environ):
    """Return an environment without what git tells its hooks, which would send programs that ask git to another place.

    What a person sets to choose configuration files stays.
    """
    kept = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
    return {name: value for name, value in environ.items() if not name.startswith("GIT_") or name in kept}
