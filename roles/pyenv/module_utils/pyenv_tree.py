"""What lies below pyenv's root: interpreters with their stamps, checkouts, the global list."""

import fcntl
import glob
import inspect
import json
import os
import shutil
import subprocess

from ansible.module_utils import pyenv_gate
from ansible.module_utils.pyenv_plan import Refusal
from ansible.module_utils.pyenv_recipe import BUILT

#: Files of devrig's in a version's folder. The stamp is the proof, written last. The mark says that the folder is a
#: build or a removal of devrig's that has not ended, with the plan; it goes where the folder goes.
STAMP = ".devrig.json"
MARK = ".devrig-building.json"
#: Section of the ledger: path of pyenv's global list -> what it was before, and what devrig wrote.
GLOBALS = "pyenv_globals"


class Interpreter:
    """One version below pyenv's root."""

    def __init__(self, wanted, root, state_dir):
        """Take a Plan, pyenv's root and the state folder."""
        self.plan = wanted
        self.folder = os.path.join(root, "versions", wanted.version)
        self.python = os.path.join(self.folder, "bin", "python")
        self.stamp = os.path.join(self.folder, STAMP)
        self.built = os.path.join(self.folder, BUILT)
        self.log = log_of(wanted.version, state_dir)
        self.mark = mark_of(root, wanted.version)

    def state(self):
        """Return what there is of it.

        proved: all is done. missing: nothing. killed: a build of ours that never ended. built: one that ended, though
        its module was killed before the proof. foreign: somebody else's.
        """
        if os.path.exists(self.stamp):
            return "proved"
        if not os.path.isdir(self.folder):
            return "missing"
        if not os.path.exists(self.mark):
            return "foreign"
        return "built" if os.path.exists(self.built) else "killed"

    def differs(self, alternative):
        """Return how the interpreter was built otherwise than it is planned now; empty where it was not.

        :param alternative: a Plan that is as good: of the version alone on this machine.
        """
        built = read_json(self.stamp)
        if not built.get("built"):  # taken over from the user as it was
            return []
        was = built["plan"]
        return [
            "%s was %s, is planned as %s" % (name, was.get(name) or "none", getattr(self.plan, name) or "none")
            for name in ("provider", "cflags", "patches", "own_patches", "configure")
            if name in was and was[name] not in (getattr(self.plan, name), getattr(alternative, name))
        ]

    def distributions(self):
        """Return what pip has put there whole, as NAME-VERSION: it writes INSTALLER (PEP 376) after all other files."""
        ending = ".dist-info"
        pattern = os.path.join("lib", "python*", "site-packages", "*" + ending, "INSTALLER")
        found = glob.glob(os.path.join(glob.escape(self.folder), pattern))
        return sorted(os.path.basename(os.path.dirname(path))[: -len(ending)] for path in found)

    def faults(self):
        """Return what the interpreter cannot do, a line each; empty when it is complete."""
        try:
            gate = run_alone([self.python, "-c", inspect.getsource(pyenv_gate)] + self.plan.gate)
            pip = run_alone([self.python, "-m", "pip", "--version"])
        except OSError as error:
            return ["%s: %s" % (self.python, error.strerror)]
        found = gate.stdout.split("\n")[:-1]
        if gate.returncode:
            found.append("the interpreter ended with status %d: %s" % (gate.returncode, gate.stderr.strip()[-300:]))
        if pip.returncode:
            found.append("pip: %s" % pip.stderr.strip()[-300:])
        return found

    def begin(self):
        """Make the folder, with the mark of a build in it; what a killed build left goes, and the last log."""
        discard_version(self.folder)
        if os.path.exists(self.log):
            os.unlink(self.log)
        write(self.mark, to_json({"plan": self.plan._asdict()}))

    def prove(self, report):
        """Write the proof into the version's folder, with the plan that it was built by; the mark goes last."""
        by = read_json(self.mark)["plan"] if self.state() == "built" else self.plan._asdict()
        write(self.stamp, to_json({"plan": by, "built": report}))
        self.tidy()

    def tidy(self):
        """Remove what a proved build needs no more, also what one left that was killed right then."""
        for path in (self.built, self.mark):
            if os.path.exists(path):
                os.unlink(path)


def log_of(version, state_dir):
    """Return the path of the log of a version's build."""
    return os.path.join(state_dir, "log", "python-%s.log" % version)


def mark_of(root, version):
    """Return the path of the file that is there while a version is built or removed, and after a kill."""
    return os.path.join(root, "versions", version, MARK)


def run(argv, **options):
    """Run a command and return its result with text output."""
    return subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False, **options
    )


def run_alone(argv):
    """Run an interpreter where nothing of its caller's is imported: no current folder of the user's, no PYTHON*."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return run(argv, cwd="/", env=clean)


def to_json(data):
    """Return data as text for a file."""
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def read_json(path):
    """Return what a file of to_json() holds."""
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def write(path, text):
    """Write a file atomically."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(path + ".new", path)


def make_private(folder):
    """Make a folder that nobody else may look into, and close one that is there; parents are made as usual."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
    os.chmod(folder, 0o700)


def discard(folder):
    """Remove a folder with all that is in it, of a link the link; none is fine, one that stays is an OSError."""
    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)


def discard_version(folder):
    """Remove a version's folder, its mark last: killed in between, it is still known for devrig's."""
    if not os.path.isdir(folder):
        return
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name == MARK:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    shutil.rmtree(folder)


class Lock:
    """The right to change what lies below pyenv's root.

    A second call waits for the first, and for what a killed one left running, which holds the same file open.
    """

    def __init__(self, state_dir):
        """Take the state folder."""
        self.path = os.path.join(state_dir, "pyenv.lock")

    def __enter__(self):
        """Wait for it; return the open file."""
        make_private(os.path.dirname(self.path))
        self.stream = open(self.path, "w", encoding="utf-8")
        fcntl.flock(self.stream, fcntl.LOCK_EX)
        return self.stream

    def __exit__(self, *failure):
        """Give it back."""
        self.stream.close()


def current_global(root):
    """Return what `pyenv global` is set to."""
    try:
        with open(os.path.join(root, "version"), encoding="utf-8") as stream:
            return stream.read().split()
    except FileNotFoundError:
        return []


def set_global(root, chosen, ledger):
    """Write what `pyenv global` writes; what a person had there goes into the ledger, with mode and time."""
    path = os.path.join(root, "version")
    text = "\n".join(chosen) + "\n"
    with ledger.locked():
        entry = ledger.section(GLOBALS).setdefault(path, {"before": None, "wrote": None})
        there = read_file(path)
        if there and there["text"] != entry["wrote"]:
            entry["before"] = there
        entry["wrote"] = text
        ledger.save()
    write(path, text)


def read_file(path):
    """Return text, mode and time (in ns) of a file, or None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            text = stream.read()
    except FileNotFoundError:
        return None
    found = os.stat(path)
    return {"text": text, "mode": found.st_mode & 0o7777, "mtime_ns": found.st_mtime_ns}


def restore_global(root, ledger):
    """Give back what `pyenv global` was, unless a person has set it since devrig did. Under the ledger's lock."""
    path = os.path.join(root, "version")
    entry = ledger.section(GLOBALS).pop(path, None)
    if not entry:
        return
    before, there = entry["before"], read_file(path)
    if there and there["text"] == entry["wrote"]:
        if before:
            write(path, before["text"])
            os.chmod(path, before["mode"])
            os.utime(path, ns=(before["mtime_ns"], before["mtime_ns"]))
        else:
            os.unlink(path)
    ledger.save()


def refuse_obstacles(interpreters):
    """Refuse interpreters that stand in the way, before anything is changed."""
    for item in interpreters:
        faults = item.faults() if item.state() == "foreign" else []
        if faults:
            raise Refusal(
                "%s is an interpreter that devrig did not build, and it is not complete (%s): "
                "move it away or remove it with `pyenv uninstall %s`, then run again"
                % (item.folder, "; ".join(faults), item.plan.version)
            )


def environments(root, version):
    """Return the names of the virtual environments that pyenv-virtualenv keeps inside a version."""
    folder = os.path.join(root, "versions", version, "envs")
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def is_ours(root, version):
    """Say whether devrig built a version, or began to."""
    stamp = os.path.join(root, "versions", version, STAMP)
    if os.path.exists(stamp):
        return bool(read_json(stamp).get("built"))
    return os.path.exists(mark_of(root, version))


def dropped(root, versions):
    """Return the versions that devrig built and that are in the list no more."""
    folder = os.path.join(root, "versions")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [
        name
        for name in names
        if name not in versions and not os.path.islink(os.path.join(folder, name)) and is_ours(root, name)
    ]


def remove(root, version):
    """Remove a version. Killed in the middle, it is one whose build was killed."""
    folder = os.path.join(root, "versions", version)
    stamp = os.path.join(folder, STAMP)
    if os.path.exists(stamp):
        os.replace(stamp, mark_of(root, version))
    discard_version(folder)
