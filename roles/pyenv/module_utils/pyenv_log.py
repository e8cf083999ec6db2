"""What the log of `pyenv install --verbose` says: how far the build is, where its sources came from, why it failed."""

import re
from collections import namedtuple

#: A phase of a build. begins: the line that opens it; counted: the lines that tell how far it is; lines: how many of
#: them there are (3.6.8: measured); share: of the whole time, in percent.
Phase = namedtuple("Phase", "name begins counted lines share")
COMPILE = r"^\S*(gcc|cc|clang)\S*( .*)? -c "
OPENSSL = (
    Phase("fetches OpenSSL", r"^Downloading openssl-", r"", 1, 2),
    Phase("compiles OpenSSL", r"^Installing openssl-", COMPILE, 760, 98),
)
PYTHON = (
    Phase("fetches the source", r"^Downloading Python-", r"", 1, 2),
    Phase("configures", r"^Installing Python-", r"^(checking|config\.status)", 690, 13),
    Phase("compiles", r"^config\.status: creating pyconfig\.h", COMPILE, 240, 60),
    Phase("installs", r"^\S*/install .* /\S+$", r"^\S*/install |^Compiling ", 2800, 20),
    Phase("brings pip", r"^(Looking in links|Ignoring indexes|Collecting setuptools)", r"", 1, 5),
)
OPENSSL_SHARE = 40  # percent of a build that begins with OpenSSL


def phase_of(lines, phases):
    """Return (name of the phase, percent done of all phases), or None before the first."""
    name, done, before = None, 0.0, 0
    place = 0
    for phase in phases:
        begins = re.compile(phase.begins)
        start = next((number for number in range(place, len(lines)) if begins.search(lines[number])), None)
        if start is None:
            before += phase.share  # a phase that is skipped, as a download of what is there already
            continue
        counted = re.compile(phase.counted) if phase.counted else None
        seen = sum(1 for line in lines[start:] if counted.search(line)) if counted else 0
        name, place = phase.name, start
        done = before + phase.share * min(1.0, seen / float(phase.lines))
        before += phase.share
    return (name, done) if name else None


def progress(text):
    """Return (what the build does now, percent done, 0 to 99) from a log, as far as it goes."""
    lines = text.split("\n")
    python = phase_of(lines, PYTHON)
    openssl = phase_of(lines, OPENSSL)
    head = OPENSSL_SHARE if openssl else 0
    if python:
        name, done = python[0], head + python[1] * (100 - head) / 100
    elif openssl:
        name, done = openssl[0], openssl[1] * head / 100
    else:
        name, done = "begins", 0
    return name, min(99, int(done))


def sources_of(text):
    """Return the addresses that python-build downloaded from, as its log names them ("-> address")."""
    return re.findall(r"^-> (\S+)$", text, re.MULTILINE)


#: Why a build fails, most telling first: a pattern of the log, the cause, and what to do. {0}: the pattern's group.
Cause = namedtuple("Cause", "pattern cause remedy")
CAUSES = (
    Cause(
        r"No space left on device|Disk quota exceeded",
        "the disk is full",
        "make room: a build takes about 500 MB in pyenv_cache_dir and 300 MB in pyenv_root",
    ),
    Cause(
        r"C compiler cannot create executables|no acceptable C compiler found|(?:gcc|cc): (?:command )?not found",
        "there is no C compiler that works",
        "run with --tags build_deps,pyenv",
    ),
    Cause(
        r"fatal error: (\S+\.h): No such file or directory",
        "the header {0} is missing",
        "run with --tags build_deps,pyenv, or name its package in build_deps_extra",
    ),
    Cause(
        r"fatal error: Killed signal|virtual memory exhausted|out of memory|Cannot allocate memory",
        "memory ran out",
        "set pyenv_build_jobs to 1",
    ),
    Cause(
        r"cannot hold executables",
        "pyenv_cache_dir lies where nothing may be executed (noexec)",
        "set pyenv_cache_dir to another folder",
    ),
    Cause(
        r"checksum mismatch: (\S+)",
        "{0} is not the file that it should be: its sha256 is another",
        "look at pyenv_mirror_url, or at a proxy in between; nothing of it was kept",
    ),
    Cause(
        r"error: failed to download (\S+)",
        "{0} could not be fetched",
        "look at the network, a proxy or an own CA (devrig_environment), or name a mirror (pyenv_mirror_url)",
    ),
    Cause(
        r"^(?:\d+ out of )?\d+ hunks? (?:FAILED|ignored)|malformed patch",
        "a patch does not fit the source",
        "set pyenv_version to the commit that is devrig's default",
    ),
    Cause(
        r"[Ss]egmentation fault|core dumped|Illegal instruction",
        "the new interpreter crashed while it was built",
        "leave CFLAGS out of devrig_environment; if it is not there, this release's compiler needs a row in the plan",
    ),
    Cause(
        r"^patchelf: (?!warning)|patchelf: command not found",
        "patchelf did not work",
        "run with --tags build_deps,pyenv",
    ),
    Cause(r"Permission denied", "a file may not be written", "look who owns pyenv_root and pyenv_cache_dir"),
    Cause(
        r"^error: failed to install pip|^Installing pip from",
        "pip could not be put in place",
        "read the log: ensurepip says there why",
    ),
)


def since_last_fetch(text):
    """Return what the log says from the last download on: one that failed before it was made good."""
    return text[max(0, text.rfind("\n-> ")) :]


def cause_of(text):
    """Return why a build likely failed and what to do, as one sentence; empty when the log does not tell."""
    for row in CAUSES:
        match = re.search(row.pattern, since_last_fetch(text), re.MULTILINE)
        if match:
            return "%s: %s." % (row.cause.format(*match.groups()), row.remedy)
    return ""


def fetch_failed(text):
    """Say whether the build ended because a source could not be had, so that another try may help."""
    failure = r"^(error: failed to download|checksum mismatch)"
    return re.search(failure, since_last_fetch(text), re.MULTILINE) is not None


def last_lines(text, count=12):
    """Return the last lines of a log that say something."""
    return [line.rstrip() for line in text.split("\n") if line.strip()][-count:]
