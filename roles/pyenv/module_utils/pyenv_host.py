"""What a machine offers to a compile: OpenSSL's headers, the compiler, the C library. Read only, by a plain user."""

import os
import re
import subprocess
import sys
from collections import namedtuple

PACKAGES = ("gcc", "libc6", "libssl-dev", "libssl1.0-dev")
HEADERS = ("libssl-dev", "libssl1.0-dev")

#: gcc: major version; openssl, glibc: tuples of ints; each None where nobody knows. installed: those of HEADERS that
#: are there. legacy: see Host in pyenv_plan.py; it counts where apt was asked and knows its packages (asked).
Found = namedtuple("Found", "openssl gcc glibc legacy asked installed")


def architecture():
    """Return the architecture of this machine's programs, in one word: "x86_64", "aarch64", "armeabihf".

    It is not the kernel's where a 64-bit one runs 32-bit programs. Debian's Python knows its multiarch tuple
    (sys.implementation, PEP 421); another one has uname(1) -m.
    """
    triplet = getattr(sys.implementation, "_multiarch", "") or os.uname().machine
    return re.sub(r"-linux-(gnu)?", "", triplet)


def numbers(text, count):
    """Return the first numbers of a Debian version as a tuple; None when there are fewer (deb-version(7))."""
    match = re.match(r"(?:\d+:)?" + r"(\d+)\.?" * count, text)
    return tuple(int(part) for part in match.groups()) if match else None


def installed_versions(listing):
    """Return package -> version of what is installed.

    :param listing: lines of package, status and version, as `dpkg-query --show` is asked for them.
    """
    rows = [line.split() for line in listing.splitlines()]
    return {row[0]: row[2] for row in rows if len(row) == 3 and row[1] == "installed"}


def candidate_versions(policy):
    """Return package -> version of what apt would install.

    :param policy: what `apt-cache policy PACKAGES` prints in the locale C.
    """
    found = re.findall(r"^(\S+):\n(?:  .*\n)*?  Candidate: (\S+)$", policy, re.MULTILINE)
    return {name: version for name, version in found if version != "(none)"}


def removed_packages(simulation):
    """Return the packages that apt would remove.

    :param simulation: what `apt-get --simulate` prints in the locale C.
    """
    return re.findall(r"^Remv (\S+)", simulation, re.MULTILINE)


def output(argv):
    """Return what a command prints in the locale C; nothing where there is no such program."""
    try:
        return subprocess.run(
            ["env", "LC_ALL=C"] + argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            check=False,
        ).stdout
    except OSError:
        return ""


def displaced(package, ask=output):
    """Return the packages other than OpenSSL's headers that apt would remove to install a package."""
    removed = removed_packages(ask(["apt-get", "--simulate", "install", package]))
    return tuple(name for name in removed if name not in HEADERS)


def read_host(legacy, ask=output):
    """Return what this machine has, or else what its apt would install, as Found.

    apt is asked only where it has to be: on a machine without its own package cache it takes a second.

    :param legacy: whether libssl1.0-dev matters.
    :param ask: runs a command (a list of texts) and returns what it prints.
    """
    shown = ask(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status} ${Version}\\n"] + list(PACKAGES))
    there = installed_versions(shown)
    bare = "gcc" not in there or not set(HEADERS) & set(there)
    offered = candidate_versions(ask(["apt-cache", "policy"] + list(PACKAGES))) if bare or legacy else {}
    known = dict(offered, **there)
    lost = None
    if "libssl1.0-dev" in there:
        lost = ()
    elif "libssl1.0-dev" in offered:
        lost = displaced("libssl1.0-dev", ask)
    return Found(
        openssl=numbers(known.get("libssl-dev", ""), 3),
        gcc=(numbers(known.get("gcc", ""), 1) or (None,))[0],
        glibc=numbers(known.get("libc6", ""), 2),
        legacy=lost,
        asked=lost is not None or "libssl-dev" in offered,
        installed=[name for name in HEADERS if name in there],
    )
