"""The plan of an interpreter: what a CPython version needs on a release.

Pure functions over tables; nothing is run here.

Units: versions are tuples of ints unless they are called text; a code name is a release's, as in os-release(5).
"""

import re
from collections import namedtuple

#: A release: the OpenSSL of its libssl-dev, the major version of its gcc and its glibc, from its package lists.
Release = namedtuple("Release", "openssl gcc glibc")
RELEASES = {
    "stretch": Release((1, 1, 0), 6, (2, 24)),
    "bionic": Release((1, 1, 1), 7, (2, 27)),
    "buster": Release((1, 1, 1), 8, (2, 28)),
    "focal": Release((1, 1, 1), 9, (2, 31)),
    "bullseye": Release((1, 1, 1), 10, (2, 31)),
    "jammy": Release((3, 0, 2), 11, (2, 35)),
    "bookworm": Release((3, 0, 0), 12, (2, 36)),
    "noble": Release((3, 0, 13), 13, (2, 39)),
    "trixie": Release((3, 5, 0), 14, (2, 41)),
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
    (3, 9): Series(25, True, "26.0.1", "2025.0.4"),
    (3, 10): Series(20, False, "26.3", "2026.10.3"),
    (3, 11): Series(15, False, "26.3", "2026.10.3"),
    (3, 12): Series(13, False, "26.3", "2026.10.3"),
    (3, 13): Series(14, False, "26.3", "2026.10.3"),
    (3, 14): Series(6, False, "26.3", "2026.10.3"),
}

#: Versions that were withdrawn right after their release and that pyenv does not define.
WITHDRAWN = ((3, 9, 3),)

#: The pyenv whose definitions SERIES.last_patch was read from.
PYENV_COMMIT = "bec9a562a59e48a730fe3320fe90c6999c82886c"

#: An OpenSSL that is built for the interpreters which cannot take the system's: upstream's last of its series.
OpenSSL = namedtuple("OpenSSL", "version url sha256")
PRIVATE_OPENSSL = OpenSSL(
    "1.1.1w",
    "https://github.com/openssl/openssl/releases/download/OpenSSL_1_1_1w/openssl-1.1.1w.tar.gz",
    "cf3098950cb4d853ad95c0841f1f9c6d3dc102dccfcacd521d93925208b76ac8",
)

#: Which OpenSSL a version takes, lowest versions first: the first row whose `below` is higher than the version applies
#: (None: all others). takes: OpenSSL lower than this; None: every one that is known.
Takes = namedtuple("Takes", "below takes reason")
OPENSSL_2 = (
    Takes((2, 7, 13), (1, 1, 0), "2.7.13 is the first of 2.7 with support of OpenSSL 1.1 (bpo-26470)"),
    Takes(None, (3, 0, 0), "setup.py wants OPENSSL_VERSION_NUMBER as a hex literal: with OpenSSL 3 no _hashlib"),
)
OPENSSL_3 = (
    Takes((3, 5, 3), (1, 1, 0), "3.5.3 is the first of 3.5 with support of OpenSSL 1.1 (bpo-26470)"),
    Takes((3, 7, 0), (3, 0, 0), "setup.py wants OPENSSL_VERSION_NUMBER as a hex literal: with OpenSSL 3 no _hashlib"),
    Takes((3, 8, 10), (3, 0, 0), "OpenSSL 3 makes an error of servers that end a stream bluntly (bpo-43794)"),
    Takes((3, 9, 0), None, "takes OpenSSL 3 since 3.8.10 (bpo-43794)"),
    Takes((3, 9, 5), (3, 0, 0), "OpenSSL 3 makes an error of servers that end a stream bluntly (bpo-43794)"),
    Takes(None, None, "takes OpenSSL 3 since 3.9.5 (bpo-43794)"),
)

#: What a compiler or C library of a release breaks in a version, and its cure: all rows that apply are taken.
#: since, below: versions from the one to below the other; gcc, glibc: releases that have at least this.
#: cflags: added to the compiler's; patch: bpo number of a patch that pyenv's checkout has for the series.
Cure = namedtuple("Cure", "since below gcc glibc cflags patch reason")
CURES = (
    # pyenv cures it with patches that make PyGC_Head larger. Flags leave the binary interface as wheels expect it.
    Cure(
        (3, 5, 0),
        (3, 7, 4),
        11,
        None,
        "-fno-tree-loop-vectorize -fno-tree-slp-vectorize",
        None,
        "gcc takes PyGC_Head for aligned to 16 bytes, its objects are to 8: vectorised, it crashes (bpo-27987)",
    ),
    Cure(
        (3, 5, 0),
        (3, 7, 3),
        None,
        (2, 41),
        "",
        "bpo-36106",
        "glibc 2.41 declares sinpi in math.h, so does mathmodule.c: no module math (bpo-36106)",
    ),
)

#: Modules of the import gate: what a build without a header silently leaves out.
GATE = ("math", "ssl", "_hashlib", "_ctypes", "zlib", "bz2", "sqlite3", "readline", "curses")
GATE_3 = ("lzma", "tkinter")
GATE_2 = ("Tkinter",)

#: provider: "system" (libssl-dev as it is) or "private" (openssl, an OpenSSL row, is built for it).
Plan = namedtuple("Plan", "version provider openssl patches cflags pip pipenv gate reasons")

CHOICES = ("auto", "system", "private")


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


def series_of(version, pyenv_version):
    """Return the row of SERIES that a version belongs to.

    :raises Refusal: when there is none, or the version lies beyond its end.
    """
    text = dotted(version)
    series = SERIES.get(version[:2])
    if series is None:
        known = ", ".join(dotted(name) for name in sorted(SERIES))
        raise Refusal("Python %s is of no known series (%s): choose another in pyenv_versions" % (text, known))
    if version[2] > series.last_patch and (series.ended or pyenv_version == PYENV_COMMIT):
        last = dotted(version[:2] + (series.last_patch,))
        remedy = "" if series.ended else ", or a newer pyenv in pyenv_version"
        raise Refusal(
            "Python %s is not known: the last of its series is %s; choose another in pyenv_versions%s"
            % (text, last, remedy)
        )
    if version in WITHDRAWN:
        raise Refusal("Python %s was withdrawn by its makers: choose the one after it in pyenv_versions" % text)
    return series


def openssl_row(version):
    """Return the row that says which OpenSSL a version takes."""
    table = OPENSSL_2 if version[0] == 2 else OPENSSL_3
    return next(row for row in table if row.below is None or version < row.below)


def fits(row, openssl):
    """Say whether a row of Takes takes an OpenSSL."""
    return row.takes is None or openssl < row.takes


def provider_of(version, release, choice):
    """Return (provider, reason) for the OpenSSL of an interpreter.

    :param choice: the setting pyenv_openssl: auto, system or private.
    :raises Refusal: when the choice, or any choice, cannot work.
    """
    row = openssl_row(version)
    named = "OpenSSL %s of libssl-dev" % dotted(release.openssl)
    if not fits(row, release.openssl) and not fits(row, (1, 1, 1)):
        raise Refusal("Python %s cannot be built here yet: it needs OpenSSL 1.0; %s" % (dotted(version), row.reason))
    if choice == "system" and not fits(row, release.openssl):
        raise Refusal(
            "pyenv_openssl is system, and Python %s does not take %s: %s. Leave it at auto"
            % (dotted(version), named, row.reason)
        )
    if choice == "private" or not fits(row, release.openssl):
        why = "pyenv_openssl asks for it" if fits(row, release.openssl) else row.reason
        return "private", "OpenSSL %s of its own: %s" % (PRIVATE_OPENSSL.version, why)
    return "system", "%s: %s" % (named, row.reason)


def cures_of(version, release):
    """Return the rows of CURES that apply to a version on a release."""
    return [
        row
        for row in CURES
        if row.since <= version < row.below
        and (row.gcc is None or release.gcc >= row.gcc)
        and (row.glibc is None or release.glibc >= row.glibc)
    ]


def plan(text, codename, pyenv_version=PYENV_COMMIT, choice="auto"):
    """Return the plan of an interpreter.

    :param text: full CPython version, like "3.6.8".
    :param codename: code name of the release that it is built on.
    :param pyenv_version: commit or tag of the pyenv that builds it; only the pinned one's limits are known.
    :param choice: the setting pyenv_openssl, one of CHOICES.
    :raises Refusal: an unknown version or release, or an interpreter that cannot be complete there.
    """
    version = parse(text)
    series = series_of(version, pyenv_version)
    release = RELEASES.get(codename)
    if release is None:
        known = ", ".join(sorted(RELEASES))
        raise Refusal("release %s is not known: set devrig_release to one of %s" % (codename, known))
    provider, reason = provider_of(version, release, choice)
    cures = cures_of(version, release)
    return Plan(
        version=text,
        provider=provider,
        openssl=dict(PRIVATE_OPENSSL._asdict()) if provider == "private" else None,
        patches=[row.patch for row in cures if row.patch],
        cflags=" ".join(row.cflags for row in cures if row.cflags),
        pip=series.pip,
        pipenv=series.pipenv,
        gate=list(GATE + (GATE_2 if version[0] == 2 else GATE_3)),
        reasons=[reason] + [row.reason for row in cures],
    )


def dotted(version):
    """Return a version as text."""
    return ".".join(str(part) for part in version)


def global_versions(chosen, versions):
    """Return the list for `pyenv global`: what was chosen, else the first version.

    :raises Refusal: when a chosen one is not among the versions, or there are none.
    """
    if not versions:
        raise Refusal('pyenv_versions is empty: name at least one version, like ["3.6.8"]')
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
