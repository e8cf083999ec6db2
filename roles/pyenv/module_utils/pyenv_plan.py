"""The plan of an interpreter: what a CPython version needs on a release.

Pure functions over tables; nothing is run here.

Units: versions are tuples of ints unless they are called text; a code name is a release's, as in os-release(5).
"""

import re
from collections import namedtuple

#: A release: the OpenSSL of its libssl-dev and the major version of its gcc, from the distribution's package lists.
Release = namedtuple("Release", "openssl gcc")
RELEASES = {
    "stretch": Release((1, 1, 0), 6),
    "bionic": Release((1, 1, 1), 7),
    "buster": Release((1, 1, 1), 8),
    "focal": Release((1, 1, 1), 9),
    "bullseye": Release((1, 1, 1), 10),
    "jammy": Release((3, 0, 2), 11),
    "bookworm": Release((3, 0, 0), 12),
    "noble": Release((3, 0, 13), 13),
    "trixie": Release((3, 5, 0), 14),
}

#: A series of CPython: the last patch level that the pinned pyenv defines, whether that is the series' last for ever
#: (devguide: status of Python versions), and the pip and pipenv that fit it: the newest that still take that Python.
Series = namedtuple("Series", "last_patch ended pip pipenv")
SERIES = {
    (2, 7): Series(18, True, "20.3.4", "2021.5.29"),
    (3, 5): Series(10, True, "20.3.4", "2020.11.15"),
    (3, 6): Series(15, True, "21.3.1", "2022.4.8"),
    (3, 7): Series(17, True, "24.0", "2023.10.3"),
    (3, 8): Series(20, True, "25.0.1", "2024.4.1"),
    (3, 9): Series(25, True, "25.3", "2025.0.4"),
    (3, 10): Series(20, False, "26.3", "2026.10.3"),
    (3, 11): Series(15, False, "26.3", "2026.10.3"),
    (3, 12): Series(13, False, "26.3", "2026.10.3"),
    (3, 13): Series(14, False, "26.3", "2026.10.3"),
    (3, 14): Series(6, False, "26.3", "2026.10.3"),
}

#: The pyenv whose definitions SERIES.last_patch was read from.
PYENV_COMMIT = "bec9a562a59e48a730fe3320fe90c6999c82886c"

#: Rows of what cannot be built completely: the first one that applies is the answer.
#: below: versions lower than this; openssl, gcc: releases that have at least this.
Obstacle = namedtuple("Obstacle", "below openssl gcc reason")
OBSTACLES = (
    Obstacle(
        (3, 7, 0),
        (3, 0, 0),
        None,
        "its setup.py wants OPENSSL_VERSION_NUMBER as a hex literal, finds none in OpenSSL 3 and omits _hashlib",
    ),
    Obstacle(
        (3, 7, 0),
        None,
        12,
        "gcc 12 and newer vectorise what is aligned to 8 bytes in PyGC_Head and the build crashes (bpo-27987)",
    ),
)

#: Modules of the import gate by the version that they apply from: what a build without a header silently leaves out.
GATE = ("ssl", "_hashlib", "_ctypes", "zlib", "bz2", "sqlite3", "readline", "curses")
GATE_3 = ("lzma", "tkinter")
GATE_2 = ("Tkinter",)

Plan = namedtuple("Plan", "version provider patches cflags pip pipenv gate reasons")


class Refusal(ValueError):
    """A version that cannot be had here; the message says why and what to do."""


def parse(text):
    """Return a full CPython version as a tuple of three ints.

    :raises Refusal: when the text is no full version.
    """
    match = re.match(r"(\d+)\.(\d+)\.(\d+)\Z", str(text))
    if not match:
        raise Refusal('%s is not a full Python version: write it like "3.6.8", in quotes' % (text,))
    return tuple(int(part) for part in match.groups())


def buildable(openssl, gcc):
    """Return the text of the oldest series that a release builds completely."""
    for series in sorted(SERIES):
        if obstacle((series[0], series[1], 0), openssl, gcc) is None:
            return "%d.%d" % series
    raise AssertionError("the newest series has no obstacle")


def obstacle(version, openssl, gcc):
    """Return the first row of OBSTACLES that applies, or None."""
    for row in OBSTACLES:
        hit = version < row.below
        hit = hit and (row.openssl is None or openssl >= row.openssl)
        hit = hit and (row.gcc is None or gcc >= row.gcc)
        if hit:
            return row
    return None


def plan(text, codename, pyenv_version=PYENV_COMMIT):
    """Return the plan of an interpreter.

    :param text: full CPython version, like "3.6.8".
    :param codename: code name of the release that it is built on.
    :param pyenv_version: commit or tag of the pyenv that builds it; only the pinned one's limits are known.
    :raises Refusal: an unknown version or release, or one that cannot be built completely there.
    """
    version = parse(text)
    series = SERIES.get(version[:2])
    if series is None:
        known = ", ".join("%d.%d" % name for name in sorted(SERIES))
        raise Refusal("Python %s is of no known series (%s): choose another in pyenv_versions" % (text, known))
    if version[2] > series.last_patch and (series.ended or pyenv_version == PYENV_COMMIT):
        last = "%d.%d.%d" % (version[:2] + (series.last_patch,))
        remedy = "" if series.ended else ", or a newer pyenv in pyenv_version"
        raise Refusal(
            "Python %s is not known: the last of its series is %s; choose another in pyenv_versions%s"
            % (text, last, remedy)
        )
    release = RELEASES.get(codename)
    if release is None:
        raise Refusal(
            "release %s is not known: set devrig_release to one of %s" % (codename, ", ".join(sorted(RELEASES)))
        )
    row = obstacle(version, *release)
    if row:
        raise Refusal(
            "Python %s cannot be built completely on %s yet: %s. Choose %s or newer, "
            "for example -e pyenv_versions=3.13.5, or a release with OpenSSL 1.1 and gcc 11 at most (Debian 11)"
            % (text, codename, row.reason, buildable(*release))
        )
    return Plan(
        version=text,
        provider="system",
        patches=[],
        cflags="",
        pip=series.pip,
        pipenv=series.pipenv,
        gate=list(GATE + (GATE_2 if version[0] == 2 else GATE_3)),
        reasons=["OpenSSL %s of libssl-dev" % ".".join(str(part) for part in release.openssl)],
    )


def global_versions(chosen, versions):
    """Return the list for `pyenv global`: what was chosen, else the first version.

    :raises Refusal: when a chosen one is not among the versions.
    """
    missing = [name for name in chosen if name not in list(versions) + ["system"]]
    if missing:
        raise Refusal(
            "pyenv_global names %s, which pyenv_versions (%s) does not install: add it there or choose another"
            % (", ".join(missing), ", ".join(versions))
        )
    return list(chosen) or list(versions[:1])


def build_jobs(wanted, cores, memory):
    """Return the number of parallel jobs of a compile.

    :param wanted: the setting; 0 asks for as many as fit.
    :param cores: usable cores.
    :param memory: memory in MiB; a job takes up to 600 (gcc on CPython's largest files, measured with headroom).
    """
    return wanted or max(1, min(cores, memory // 600))
