#!/usr/bin/python
"""CPython interpreters under pyenv, from the plan to the proof."""

DOCUMENTATION = r"""
module: pyenv_python
short_description: Plan, build and prove interpreters under pyenv
description:
  - C(state=planned) changes nothing. It returns what has to be done, and refuses what cannot work.
  - C(state=present) builds the interpreters that are missing with C(pyenv install), imports what an incomplete build
    leaves out, and writes a stamp into the version's folder, last.
  - A folder without a stamp is taken over if the interpreter in it is complete. If it is not, it is built again when
    it is a build of devrig's that was killed, and refused when it is the user's own.
  - A second call at the same time waits for the first.
options:
  root:
    description: pyenv's folder (PYENV_ROOT).
    type: path
    required: true
  versions:
    description: Full CPython versions.
    type: list
    elements: str
    required: true
  global_versions:
    description: What C(pyenv global) shall be; empty for the first of I(versions).
    type: list
    elements: str
    default: []
  release:
    description: Code name of the release.
    type: str
    required: true
  checkouts:
    description: Checkouts that shall be there, each with C(path) and C(version), a commit or a tag.
    type: list
    elements: dict
    default: []
  openssl:
    description: Which OpenSSL interpreters are built with; C(auto) leaves it to the plan.
    type: str
    choices: [auto, system, private]
    default: auto
  mirror_url:
    description: Mirror of source archives (PYTHON_BUILD_MIRROR_URL); empty for upstream.
    type: str
    default: ""
  jobs:
    description: Parallel jobs; 0 for as many as cores and memory allow.
    type: int
    default: 0
  state_dir:
    description: Folder of the logs and of the marks of builds that are under way.
    type: path
    required: true
  cache_dir:
    description: Folder of downloaded sources and of the build itself.
    type: path
    required: true
  state:
    description: See above.
    type: str
    choices: [planned, present]
    default: present
"""

RETURN = r"""
plans:
  description: One plan for each version; see module_utils/pyenv_plan.py.
  type: list
  elements: dict
  returned: always
missing:
  description: Versions that are not there, or not proved.
  type: list
  elements: str
  returned: always
stale_checkouts:
  description: Paths of checkouts that are missing or at another commit.
  type: list
  elements: str
  returned: always
git:
  description: Whether git is there to bring a checkout.
  type: bool
  returned: always
pending:
  description: Whether C(state=present) would change something.
  type: bool
  returned: always
different:
  description: Interpreters that were built otherwise than they are planned now, and what to do.
  type: list
  elements: str
  returned: always
built:
  description: The interpreters made by this call, each with version, seconds, sources (addresses) and log (path).
  type: list
  elements: dict
  returned: always
"""

import fcntl
import glob
import json
import os
import re
import shutil
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.pyenv_plan import CHOICES, Refusal, build_jobs, global_versions, plan
from ansible.module_utils.pyenv_recipe import DEFINITIONS, recipe

STAMP = ".devrig.json"

#: Run by the new interpreter, of any version: import the names given, hash with scrypt where Python has it, load the
#: certificates of the system. Prints one line a failure.
GATE_SCRIPT = """
import sys
for name in sys.argv[1:]:
    try:
        __import__(name)
    except Exception as error:
        print("%s: %s" % (name, error))
try:
    import hashlib, ssl
    ssl.create_default_context()
    if sys.version_info >= (3, 6):
        hashlib.scrypt(b"password", salt=b"salt", n=2, r=1, p=1)
except Exception as error:
    print("ssl and scrypt: %s" % error)
"""


class Failure(Exception):
    """A build that did not end well; the message says where to look."""


class Interpreter:
    """One version below pyenv's root."""

    def __init__(self, wanted, root, state_dir):
        """Take a Plan, pyenv's root and the state folder."""
        self.plan = wanted
        self.folder = os.path.join(root, "versions", wanted.version)
        self.python = os.path.join(self.folder, "bin", "python")
        self.stamp = os.path.join(self.folder, STAMP)
        self.log = os.path.join(state_dir, "log", "python-%s.log" % wanted.version)
        self.mark = os.path.join(state_dir, "building", wanted.version)

    def state(self):
        """Return proved, missing, killed (a build of ours that never ended) or foreign (made by somebody else)."""
        if os.path.exists(self.stamp):
            return "proved"
        if not os.path.isdir(self.folder):
            return "missing"
        return "killed" if os.path.exists(self.mark) else "foreign"

    def differs(self):
        """Return how the interpreter was built otherwise than it is planned now; empty where it was not."""
        with open(self.stamp, encoding="utf-8") as stream:
            built = json.load(stream)
        if built["built"] is None:  # taken over from the user as it was
            return []
        return [
            "%s was %s, is planned as %s"
            % (name, built["plan"].get(name) or "none", getattr(self.plan, name) or "none")
            for name in ("provider", "cflags", "patches")
            if built["plan"].get(name) != getattr(self.plan, name)
        ]

    def faults(self):
        """Return what the interpreter cannot do, a line each; empty when it is complete."""
        try:
            gate = run([self.python, "-c", GATE_SCRIPT] + self.plan.gate)
            pip = run([self.python, "-m", "pip", "--version"])
        except OSError as error:
            return ["%s: %s" % (self.python, error.strerror)]
        found = gate.stdout.split("\n")[:-1]
        if gate.returncode:
            found.append("the interpreter ended with status %d: %s" % (gate.returncode, gate.stderr.strip()[-300:]))
        if pip.returncode:
            found.append("pip: %s" % pip.stderr.strip()[-300:])
        return found


def run(argv, **options):
    """Run a command and return its result with text output."""
    return subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False, **options
    )


def write(path, text):
    """Write a file atomically."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(path + ".new", path)


def discard(folder):
    """Remove a folder with all that is in it; one that is not there is fine, one that stays is an OSError."""
    if os.path.isdir(folder):
        shutil.rmtree(folder)


def sources_of(log_text):
    """Return the addresses that python-build downloaded from, as its log names them ("-> address")."""
    return re.findall(r"^-> (\S+)$", log_text, re.MULTILINE)


def at_version(checkout):
    """Say whether a git checkout is at a commit or tag; no network is asked."""
    path, version = checkout["path"], checkout["version"]
    if not os.path.isdir(os.path.join(path, ".git")):
        return False
    try:
        found = run(["git", "-C", path, "rev-parse", "HEAD", version + "^{commit}"])
    except OSError:  # no git yet
        return False
    commits = found.stdout.split()
    return found.returncode == 0 and commits[0] == commits[1]


def current_global(root):
    """Return what `pyenv global` is set to."""
    try:
        with open(os.path.join(root, "version"), encoding="utf-8") as stream:
            return stream.read().split()
    except FileNotFoundError:
        return []


def memory_mib():
    """Return the machine's memory in MiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def local_changes(path):
    """Return the paths that were changed in a checkout, as git status(1) lists them; empty where there is none."""
    try:
        return run(["git", "-C", path, "status", "--porcelain", "--untracked-files=no"]).stdout.split("\n")[:-1]
    except OSError:  # no git yet
        return []


def refuse_local_changes(paths):
    """Refuse to move a checkout to another commit when its user changed files in it."""
    for path in paths:
        changes = local_changes(path) if os.path.isdir(os.path.join(path, ".git")) else []
        if changes:
            raise Refusal(
                "%s shall move to another commit, but files in it were changed (%s): commit or stash them, "
                "or name the commit that is there in pyenv_version"
                % (path, ", ".join(line[3:] for line in changes[:5]))
            )


def refuse_obstacles(root, interpreters):
    """Refuse what stands in the way, before anything is changed."""
    checkout = os.path.join(root, ".git")
    if os.path.lexists(root) and not os.path.isdir(checkout) and not (os.path.isdir(root) and not os.listdir(root)):
        raise Refusal(
            "%s is there and is no git checkout of pyenv: move it away, or set pyenv_root to another folder" % root
        )
    for item in interpreters:
        if item.state() != "foreign":
            continue
        faults = item.faults()
        if faults:
            raise Refusal(
                "%s is an interpreter that devrig did not build, and it is not complete (%s): "
                "move it away or remove it with `pyenv uninstall %s`, then run again"
                % (item.folder, "; ".join(faults), item.plan.version)
            )


def definition_for(wanted, root, cache_dir):
    """Write the recipe of a plan below the cache; return what `pyenv install` takes: its path, or the version.

    Failure when pyenv has not the patch that the plan names.
    """
    patches = os.path.join(root, DEFINITIONS, "patches")
    every = sorted(glob.glob(os.path.join(patches, "*", "*", "*")))
    own = [
        path for path in every if path.startswith(os.path.join(patches, wanted.version, "Python-" + wanted.version, ""))
    ]
    try:
        made = recipe(wanted, root, own, every, cache_dir)
    except LookupError as error:
        raise Failure(str(error))
    if made is None:
        return wanted.version
    folder = os.path.join(cache_dir, "recipes", wanted.version)
    discard(folder)
    for name, content in made.files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, tuple):
            shutil.copyfile(content[0], path)
        else:
            write(path, content)
    return os.path.join(folder, made.definition)


def build(item, root, params):
    """Build one interpreter, prove it, and return what to say about it."""
    begin = time.monotonic()
    source_cache, build_dir = (os.path.join(params["cache_dir"], name) for name in ("sources", "build"))
    discard(build_dir)  # what a killed build left
    for folder in (source_cache, build_dir, os.path.dirname(item.log)):
        os.makedirs(folder, exist_ok=True)
    environment = dict(
        os.environ,
        PYENV_ROOT=root,
        PYTHON_BUILD_CACHE_PATH=source_cache,
        TMPDIR=build_dir,
        MAKE_OPTS="-j %d" % build_jobs(params["jobs"], len(os.sched_getaffinity(0)), memory_mib()),
    )
    if params["mirror_url"]:
        environment["PYTHON_BUILD_MIRROR_URL"] = params["mirror_url"]
    if item.plan.cflags:
        environment["CFLAGS"] = item.plan.cflags
    definition = definition_for(item.plan, root, params["cache_dir"])
    write(item.mark, "a build of devrig's is under way, or was killed\n")
    discard(item.folder)
    with open(item.log, "w", encoding="utf-8") as log:
        command = [os.path.join(root, "bin", "pyenv"), "install", "--verbose", definition]
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False
        ).returncode
    with open(item.log, encoding="utf-8", errors="replace") as log:
        text = log.read()
    faults = ["pyenv install ended with status %d: %s" % (status, text[-1500:])] if status else item.faults()
    if faults:
        shutil.rmtree(item.folder, ignore_errors=True)  # the failure is what has to be said
        os.unlink(item.mark)
        raise Failure("Python %s: %s\nThe whole log: %s" % (item.plan.version, "; ".join(faults), item.log))
    report = {
        "version": item.plan.version,
        "seconds": round(time.monotonic() - begin),
        "sources": sources_of(text),
        "log": item.log,
    }
    stamp(item, report)
    return report


def stamp(item, report):
    """Write the proof into the version's folder; the mark of the build goes last."""
    write(item.stamp, json.dumps({"plan": item.plan._asdict(), "built": report}, indent=2, sort_keys=True) + "\n")
    if os.path.exists(item.mark):
        os.unlink(item.mark)


def set_global(root, chosen, state_dir):
    """Write what `pyenv global` writes; keep what was there."""
    before = current_global(root)
    if before:
        write(
            os.path.join(state_dir, "backup", time.strftime("pyenv-global-%Y-%m-%dT%H%M%SZ", time.gmtime())),
            "\n".join(before) + "\n",
        )
    write(os.path.join(root, "version"), "\n".join(chosen) + "\n")


def make_present(interpreters, chosen, root, params):
    """Build what is missing, take over what is complete, set the global list; return the reports."""
    os.makedirs(params["state_dir"], exist_ok=True)
    reports = []
    with open(os.path.join(params["state_dir"], "pyenv.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for item in interpreters:
            state = item.state()
            if state == "proved":
                continue
            if state != "missing" and not item.faults():
                stamp(item, None)
                continue
            refuse_obstacles(root, [item])
            reports.append(build(item, root, params))
        if current_global(root) != chosen:
            set_global(root, chosen, params["state_dir"])
        rehash = run([os.path.join(root, "bin", "pyenv"), "rehash"], env=dict(os.environ, PYENV_ROOT=root))
        if rehash.returncode:
            raise Failure("pyenv rehash: %s" % rehash.stderr)
    return reports


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "versions": {"type": "list", "elements": "str", "required": True},
            "global_versions": {"type": "list", "elements": "str", "default": []},
            "release": {"type": "str", "required": True},
            "checkouts": {"type": "list", "elements": "dict", "default": []},
            "openssl": {"type": "str", "choices": list(CHOICES), "default": "auto"},
            "mirror_url": {"type": "str", "default": ""},
            "jobs": {"type": "int", "default": 0},
            "state_dir": {"type": "path", "required": True},
            "cache_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["planned", "present"], "default": "present"},
        },
        supports_check_mode=True,
    )
    params = module.params
    root = params["root"]
    pyenv_version = params["checkouts"][0]["version"] if params["checkouts"] else None
    try:
        plans = [plan(version, params["release"], pyenv_version, params["openssl"]) for version in params["versions"]]
        chosen = global_versions(params["global_versions"], params["versions"])
        interpreters = [Interpreter(wanted, root, params["state_dir"]) for wanted in plans]
        refuse_obstacles(root, interpreters)
        stale = [item["path"] for item in params["checkouts"] if not at_version(item)]
        refuse_local_changes(stale)
        missing = [item.plan.version for item in interpreters if item.state() != "proved"]
        shims = os.path.join(root, "shims", "python")
        pending = bool(missing) or current_global(root) != chosen or not os.path.exists(shims)
        different = [
            "Python %s stays as it was built: %s. To build it anew: pyenv uninstall %s, then run again"
            % (item.plan.version, difference, item.plan.version)
            for item in interpreters
            if item.plan.version not in missing
            for difference in item.differs()
        ]
        for line in different:
            module.warn(line)
        result = {
            "plans": [wanted._asdict() for wanted in plans],
            "missing": missing,
            "stale_checkouts": stale,
            "git": shutil.which("git") is not None,
            "pending": pending,
            "different": different,
            "built": [],
        }
        changes = pending and params["state"] == "present"
        if changes and not module.check_mode:
            result["built"] = make_present(interpreters, chosen, root, params)
    except (Refusal, Failure) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or root, error.strerror))
    module.exit_json(changed=changes, **result)


if __name__ == "__main__":
    main()
