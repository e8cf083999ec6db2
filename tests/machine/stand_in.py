"""An interpreter that is made in seconds: the system's own, by a source that pyenv takes for CPython's.

pyenv, its recipe, the gate, pip and pipenv run as they do for a real one; only configure and make have little to do.
"""

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

from tests.lab.pyenv_mirror import DEFINITIONS, tarball_sha256

#: The version of the system's own Python, which the stand-in says it is.
VERSIONS = {"bullseye": "3.9.2", "bookworm": "3.11.2", "trixie": "3.13.5"}

CONFIGURE = r"""#!/bin/sh
cc --version >/dev/null 2>&1 || { echo 'configure: error: no acceptable C compiler found in $PATH'; exit 1; }
for option; do case $option in --prefix=*) prefix=${option#*=} ;; esac; done
cat >Makefile <<END
all:
	sleep ${STAND_IN_SECONDS:-0}
install:
	/usr/bin/python3 -m venv --copies --without-pip $prefix
END
"""


def tarball(version):
    """Return the bytes of a version's source; the same at every call."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, text in {"configure": CONFIGURE, "Tools/gdb/libpython.py": ""}.items():
            entry = tarfile.TarInfo(f"Python-{version}/{name}")
            entry.size, entry.mode = len(text.encode()), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def git(folder, *arguments):
    """Run git in a folder, with a name and a time that never change; return what it prints."""
    person = {"NAME": "tests", "EMAIL": "tests@localhost", "DATE": "2026-01-01T00:00:00Z"}
    env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
    env |= {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", "-C", folder, *arguments], env=env, check=True, capture_output=True, text=True).stdout


def make_mirror(folder, lab):
    """Fill a folder with a pyenv and sources that make stand-ins; return the product's settings that lead to it.

    :param folder: the new folder, served as it is.
    :param lab: what the laboratory says of itself (tests.lab.prepare.prepare).
    """
    served = Path(lab["mirror"]["dir"]) if lab["mirror"] else None
    sources = {
        "pyenv": served / "pyenv.git" if served else "https://github.com/pyenv/pyenv.git",
        "pyenv-virtualenv": served / "pyenv-virtualenv.git"
        if served
        else "https://github.com/pyenv/pyenv-virtualenv.git",
    }
    commits = {}
    folder.mkdir()
    for name, source in sources.items():
        if served and not source.exists():
            continue
        work = folder / f"{name}.work"
        git(folder, "clone", "-q", str(source), str(work))
        if name == "pyenv":
            for version in VERSIONS.values():
                lead_to_stand_in(folder, work, version)
            git(work, "add", "--all", "--force")
            git(work, "commit", "-q", "--allow-empty", "-m", "stand-ins")
        commits[name] = git(work, "rev-parse", "HEAD").strip()
        git(folder, "clone", "-q", "--bare", str(work), str(folder / f"{name}.git"))
        git(folder / f"{name}.git", "update-server-info")
    settings = {"pyenv_version": commits["pyenv"], "pyenv_virtualenv_git_url": "", "pyenv_tkinter": False}
    if "pyenv-virtualenv" in commits:
        settings["pyenv_virtualenv_version"] = commits["pyenv-virtualenv"]
    return settings


def lead_to_stand_in(folder, work, version):
    """Let pyenv's definition of a version lead to its stand-in, which is put into the folder."""
    data = tarball(version)
    sha256 = hashlib.sha256(data).hexdigest()
    (folder / sha256).write_bytes(data)
    definition = work / DEFINITIONS / version
    text = definition.read_text()
    definition.write_text(text.replace(tarball_sha256(text, version), sha256))
    for patch in (work / DEFINITIONS / "patches" / version).glob("*/*"):
        patch.unlink()  # they are for the real source


def of_release(settings, suite):
    """Return the settings of a mirror with the interpreter of a release."""
    return {**settings, "pyenv_versions": [VERSIONS[suite]]}


def with_urls(settings, url):
    """Return the settings with the addresses of the mirror at a URL."""
    found = {**settings, "pyenv_git_url": f"{url}/pyenv.git", "pyenv_mirror_url": url}
    if "pyenv_virtualenv_version" in settings:
        found["pyenv_virtualenv_git_url"] = f"{url}/pyenv-virtualenv.git"
    return found
