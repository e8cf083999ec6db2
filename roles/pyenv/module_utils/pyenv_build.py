"""The build of an interpreter: recipe, `pyenv install`, proof, stamp."""

import contextlib
import glob
import os
import shutil
import subprocess
import time
from urllib.parse import urlsplit

from ansible.module_utils.devrig_git import address_of
from ansible.module_utils.pyenv_log import cause_of, fetch_failed, last_lines, sources_of
from ansible.module_utils.pyenv_plan import build_jobs
from ansible.module_utils.pyenv_prebuilt import Unusable, unpack
from ansible.module_utils.pyenv_recipe import DEFINITIONS, recipe
from ansible.module_utils.pyenv_tree import discard, discard_version, environments, make_private, run_alone, write

#: Seconds before a source that could not be had is asked for again. curl itself tries what is transient before that.
PAUSES = (2, 8)
CURL = "--retry 3 --retry-connrefused --connect-timeout 30 --speed-limit 1024 --speed-time 60"


class Failure(Exception):
    """A build that did not end well; the message says why, what to do and where to look."""


def memory_mib():
    """Return the machine's memory in MiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def definition_for(wanted, root, cache_dir):
    """Write the recipe of a plan below the cache; return the path that `pyenv install` takes.

    Failure when pyenv has not the patch that the plan names.
    """
    patches = os.path.join(root, DEFINITIONS, "patches")
    every = sorted(glob.glob(os.path.join(patches, "*", "*", "*")))
    own = [
        path for path in every if path.startswith(os.path.join(patches, wanted.version, "Python-" + wanted.version, ""))
    ]
    folder = os.path.join(cache_dir, "devrig-recipes", wanted.version)
    try:
        made = recipe(wanted, root, own_patches=own, all_patches=every, cache=cache_dir, folder=folder)
    except LookupError as error:
        raise Failure(str(error))
    discard(folder)
    for name, content in made.files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, tuple):
            shutil.copyfile(content[0], path)
        else:
            write(path, content)
    return os.path.join(folder, made.definition)


def environment_for(plan, root, params, folders):
    """Return the environment of `pyenv install`.

    A password for the mirror goes into a file for curl: an address stands in the log, in the report, in the stamp and
    in the list of processes. pip's settings stay out: ensurepip takes none, and an index may have a password too.

    :param folders: (sources, build): where sources are kept and where the compile takes place.
    """
    environment = dict(
        {name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
        PYENV_ROOT=root,
        PYTHON_BUILD_CACHE_PATH=folders[0],
        PYTHON_BUILD_HTTP_CLIENT="curl",
        TMPDIR=folders[1],
        XDG_CACHE_HOME=os.path.join(folders[1], "cache"),  # ensurepip's pip would make ~/.cache/pip
        MAKE_OPTS="-j %d" % build_jobs(params["jobs"], len(os.sched_getaffinity(0)), memory_mib()),
    )
    environment.setdefault("PYTHON_BUILD_CURL_OPTS", CURL)
    if params["mirror_url"]:
        mirror = address_of(params["mirror_url"])
        environment["PYTHON_BUILD_MIRROR_URL"] = mirror.url
        if mirror.user or mirror.password:
            secret = os.path.join(folders[1], "netrc")
            host = urlsplit(mirror.url).hostname
            with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write("machine %s login %s password %s\n" % (host, mirror.user, mirror.password))
            environment["PYTHON_BUILD_CURL_OPTS"] += " --netrc-file " + secret
    if plan.cflags:
        environment["CFLAGS"] = " ".join([environment.get("CFLAGS", ""), plan.cflags]).strip()
    return environment


def install(command, log_path, environment, lock):
    """Run `pyenv install`, again where a source could not be had; return (exit status, the log's text).

    :param lock: open file that the command's processes keep open: what is left of them after a kill holds the lock.
    """
    for pause in (0, *PAUSES):
        time.sleep(pause)
        with os.fdopen(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as log:
            status = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=[lock.fileno()],
                check=False,
            ).returncode
        with open(log_path, encoding="utf-8", errors="replace") as log:
            text = log.read()
        if not status or not fetch_failed(text):
            break
    return status, text


def explain(item, status, text, faults):
    """Return the message of a build that failed.

    :param status: of `pyenv install`; 0: it built something, which has these faults.
    """
    if status:
        said = "\n".join("  " + line for line in last_lines(text))
        return "Python %s could not be built. %s\nThe last lines of its log:\n%s\nThe whole log: %s" % (
            item.plan.version,
            cause_of(text) or "The cause is not one that is known.",
            said,
            item.log,
        )
    return (
        "Python %s was built, is not complete and was removed: %s. Most often a header was missing: "
        "run with --tags build_deps,pyenv\nThe whole log: %s" % (item.plan.version, "; ".join(faults), item.log)
    )


def refuse_loss(item, root):
    """Failure where an interpreter that has to be put in place anew has virtual environments in its folder."""
    if environments(root, item.plan.version):
        raise Failure(
            "Python %s has virtual environments and is not whole: move %s away, then run again"
            % (item.plan.version, item.folder)
        )


def take(item, archive, origin):
    """Put a finished interpreter in place, prove it there, and return what to say about it.

    :param archive: path of the archive.
    :param origin: where it is from, for a person.
    :raises Unusable: it is damaged, or not complete here; nothing of it is left.
    """
    begin = time.monotonic()
    item.begin()
    try:
        renamed = [path for path in unpack(archive, item.folder) if path.endswith(".py")]
        done = run_alone([item.python, "-m", "compileall", "-q"] + renamed) if renamed else None
        faults = ["compileall: %s" % done.stdout] if done and done.returncode else item.faults()
        if faults:
            raise Unusable("it is not complete here: %s" % "; ".join(faults))
    except (Unusable, OSError):
        discard_version(item.folder)
        raise
    report = {
        "version": item.plan.version,
        "seconds": round(time.monotonic() - begin),
        "sources": [origin],
        "log": "",
    }
    item.prove(report)
    return report


def build(item, root, params, lock):
    """Build one interpreter, prove it, and return what to say about it."""
    begin = time.monotonic()
    # Names of devrig's own: pyenv_cache_dir may be a folder with other things in it.
    folders = [os.path.join(params["cache_dir"], name) for name in ("devrig-sources", "devrig-build")]
    discard(folders[1])  # what a killed build left
    for folder in folders:
        os.makedirs(folder, exist_ok=True)
    make_private(os.path.dirname(item.log))
    definition = definition_for(item.plan, root, params["cache_dir"])
    item.begin()
    command = [os.path.join(root, "bin", "pyenv"), "install", "--verbose", definition]
    status, text = install(command, item.log, environment_for(item.plan, root, params, folders), lock)
    faults = [] if status else item.faults()
    if status or faults:
        shutil.rmtree(folders[1], ignore_errors=True)
        with contextlib.suppress(OSError):  # the failure is what has to be said; a folder that stays keeps its mark
            discard_version(item.folder)
        raise Failure(explain(item, status, text, faults))
    report = {
        "version": item.plan.version,
        "seconds": round(time.monotonic() - begin),
        "sources": sources_of(text),
        "log": item.log,
    }
    item.prove(report)
    discard(folders[1])
    return report
