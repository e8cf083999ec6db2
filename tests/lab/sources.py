"""Tarballs of CPython and OpenSSL: upstream's, bit for bit, out of Debian's source packages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.images import Images
from tests.lab.pyenv_mirror import Mirror, definition, tarball_sha256
from tests.lab.shell import CommandError, LabError, Unavailable
from tests.lab.tools import Tools


@dataclass(frozen=True)
class Tarball:
    """One row: a version, and the source package of the suite that holds its tarball.

    A Python's sha256 is for a pyenv without a definition of this version; else pyenv's own counts.
    """

    version: str
    package: str
    suite: str
    sha256: str
    ending: str = ".tar.xz"


TARBALLS = (
    Tarball(
        version="3.9.2",
        package="python3.9",
        suite="bullseye",
        sha256="3c2034c54f811448f516668dce09d24008a0716c3a794dd8639b5388cbde247d",
    ),
    Tarball(
        version="3.13.5",
        package="python3.13",
        suite="trixie",
        sha256="93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640",
    ),
)

# For interpreters that do not take the suite's OpenSSL; the sha256 is the product's own.
OPENSSL = Tarball(
    version="1.1.1w",
    package="openssl",
    suite="bullseye",
    sha256="cf3098950cb4d853ad95c0841f1f9c6d3dc102dccfcacd521d93925208b76ac8",
    ending=".tar.gz",
)

# Which interpreter a suite is tested with: bullseye has the compiler and OpenSSL of 3.9's days.
MIRRORED = {"bullseye": "3.9.2"}
UPSTREAM = {"bullseye": "3.6.8"}
OTHERS = "3.13.5"

# apt checks the signature; the package lists' formats are those before and since Debian 13.
FETCH = """
find /etc/apt -name '*.list' -exec sed -i 's/^deb /deb-src /' {{}} +
find /etc/apt -name '*.sources' -exec sed -i 's/^Types:.*/Types: deb-src/' {{}} +
apt-get -qq update
cd /tmp
apt-get -qq source --download-only {package}
cp {package}_*.orig{ending} /out
"""


def sha256_of(path: Path) -> str:
    """Compute a file's sha256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def check_fetched(row: Tarball, name: str, sha256: str, expected: str) -> None:
    """Compare a fetched file with what was expected. Raises LabError with what to do about it."""
    if name != f"{row.package}_{row.version}.orig{row.ending}":
        raise LabError(
            f"{row.suite}'s {row.package} has moved on from {row.version}, it has {name} now: "
            "change the row in tests/lab/sources.py"
        )
    if sha256 != expected:
        raise LabError(f"{name} of {row.suite} has sha256 {sha256}, expected is {expected}")


def choose_interpreters(
    suites: Iterable[str],
    wanted: Mapping[str, str],
    held: Sequence[str],
) -> dict[str, list[str]]:
    """Choose each suite's interpreter: the wanted one, else another that is held.

    wanted: version by suite, OTHERS for the rest; held: versions whose sources are there, at least
    one.
    """
    first = {suite: wanted.get(suite, OTHERS) for suite in suites}
    return {suite: [version if version in held else held[0]] for suite, version in first.items()}


def prepare(
    tools: Tools,
    images: Images,
    pyenv: Mirror,
    rows: Iterable[Tarball] = TARBALLS,
) -> list[str]:
    """Put each row's tarball into the mirror, and tell which versions it holds.

    A row whose suite is gone is skipped with a line in the report. Raises LabError if a tarball is
    not the expected one, or if none is left.
    """
    held = []
    for row in rows:
        try:
            line = _ensure(tools, images, pyenv, row)
        except Unavailable as error:
            wanted = f"source package {row.package} of {row.suite}"
            tools.report(f"SKIPPED: Python {row.version}: {wanted}: {error}")
            continue
        tools.report(f"Python {row.version}: {line}")
        held.append(row.version)
    if not held:
        raise LabError("no interpreter's sources can be had")
    return held


def prepare_openssl(tools: Tools, images: Images) -> bool:
    """Put OpenSSL's tarball into the mirror, and tell whether it is there.

    It is skipped with a line in the report if the suite is gone. Raises LabError if the tarball is
    not the expected one.
    """
    try:
        origin = _fetch(tools, images, OPENSSL, OPENSSL.sha256)
    except Unavailable as error:
        wanted = f"source package {OPENSSL.package} of {OPENSSL.suite}"
        tools.report(f"SKIPPED: OpenSSL {OPENSSL.version}: {wanted}: {error}")
        return False
    tools.report(f"OpenSSL {OPENSSL.version}: {origin}, sha256 {OPENSSL.sha256} equals the product's")
    return True


def _ensure(tools: Tools, images: Images, pyenv: Mirror, row: Tarball) -> str:
    expected = tarball_sha256(definition(tools.run, pyenv, row.version), row.version)
    if expected is None:
        raise LabError(f"pyenv's definition of Python {row.version} names no .tar.xz with a sha256")
    origin = _fetch(tools, images, row, expected)
    authority = "the table's" if row.version in pyenv.made else "pyenv's definition"
    return f"{origin}, sha256 {expected} equals {authority}"


def _fetch(tools: Tools, images: Images, row: Tarball, expected: str) -> str:
    """Put a row's tarball under its sha256 into the mirror; tell where it is from."""
    place = tools.cache.mirror / expected
    origin = f"Debian source package {row.package} of {row.suite}"
    if place.exists() and sha256_of(place) == expected:
        return f"{origin} (from the cache)"
    with tools.cache.scratch() as folder:
        try:
            script = FETCH.format(package=row.package, ending=row.ending)
            images.run_inside(row.suite, script, folder)
        except CommandError as error:
            raise Unavailable(error.last_line) from error
        (file,) = folder.iterdir()
        check_fetched(row, file.name, sha256_of(file), expected)
        file.rename(place)
    return origin
