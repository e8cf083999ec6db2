"""The plan of an interpreter: what a CPython version needs on a release.

Pure functions over tables; nothing is run here.

Units: versions are tuples of ints unless they are called text; a code name is a release's, as in os-release(5).
"""

import re
from collections import namedtuple

#: What an interpreter is built on. openssl: of libssl-dev; gcc: major version; glibc: of libc6. legacy: packages that
#: libssl1.0-dev would remove beside libssl-dev, with which it conflicts; empty: none; None: it is not on offer.
Host = namedtuple("Host", "openssl gcc glibc legacy")

#: What the releases have, from their package lists: for a machine that cannot be asked yet.
RELEASES = {
    "stretch": Host((1, 1, 0), 6, (2, 24), ()),
    "bionic": Host((1, 1, 1), 7, (2, 27), ()),
    "buster": Host((1, 1, 1), 8, (2, 28), None),
    "focal": Host((1, 1, 1), 9, (2, 31), None),
    "bullseye": Host((1, 1, 1), 10, (2, 31), None),
    "jammy": Host((3, 0, 2), 11, (2, 35), None),
    "bookworm": Host((3, 0, 0), 12, (2, 36), None),
    "noble": Host((3, 0, 13), 13, (2, 39), None),
    "trixie": Host((3, 5, 0), 14, (2, 41), None),
    "forky": Host((3, 6, 0), 16, (2, 43), None),
}

#: A series of CPython: the last patch level that the pinned pyenv defines, whether that is the series' last for ever
#: (devguide: status of Python versions), and the pip, pipenv and virtualenv that fit it: the newest that take it.
Series = namedtuple("Series", "last_patch ended pip pipenv virtualenv")
SERIES = {
    (2, 7): Series(18, True, "20.3.4", "2021.5.29", "20.15.1"),
    (3, 5): Series(10, True, "20.3.4", "2020.11.15", "20.15.1"),
    (3, 6): Series(15, True, "21.3.1", "2022.4.8", "20.17.1"),
    (3, 7): Series(17, True, "24.0", "2023.10.3", "20.26.6"),
    (3, 8): Series(20, True, "25.0.1", "2024.4.1", "21.4.3"),
    (3, 9): Series(25, True, "26.0.1", "2025.0.4", "21.15.11"),
    (3, 10): Series(20, False, "26.3", "2026.10.3", "21.15.11"),
    (3, 11): Series(15, False, "26.3", "2026.10.3", "21.15.11"),
    (3, 12): Series(13, False, "26.3", "2026.10.3", "21.15.11"),
    (3, 13): Series(14, False, "26.3", "2026.10.3", "21.15.11"),
    (3, 14): Series(6, False, "26.3", "2026.10.3", "21.15.11"),
}

#: Versions that were withdrawn right after their release and that pyenv does not define.
WITHDRAWN = ((3, 9, 3),)

#: The pyenv whose definitions SERIES.last_patch was read from.
PYENV_COMMIT = "bec9a562a59e48a730fe3320fe90c6999c82886c"

#: A file to fetch: what it is, its version, upstream's address, its sha256.
Source = namedtuple("Source", "version url sha256")

#: The OpenSSLs that are built for interpreters which cannot have the system's: upstream's last of their series.
OPENSSL_1_1 = Source(
    "1.1.1w",
    "https://github.com/openssl/openssl/releases/download/OpenSSL_1_1_1w/openssl-1.1.1w.tar.gz",
    "cf3098950cb4d853ad95c0841f1f9c6d3dc102dccfcacd521d93925208b76ac8",
)
OPENSSL_1_0 = Source(
    "1.0.2u",
    "https://github.com/openssl/openssl/releases/download/OpenSSL_1_0_2u/openssl-1.0.2u.tar.gz",
    "ecd0c6ffb493dd06707d38b14bb4d8c2288bb7033735606569d8f90f89669d16",
)

#: The first of 2.7 with a TLS that the Python index answers (SNI, PEP 466), and with ensurepip (PEP 477).
FIRST_OF_2 = (2, 7, 9)

#: Which OpenSSL a version takes, lowest versions first: the first row whose `below` is higher than the version applies
#: (None: all others). takes: OpenSSL lower than this; None: every one that is known. patch: of devrig's own, with which
#: it can be built on newer ones all the same, but for what the reason says; None: there is no way.
Takes = namedtuple("Takes", "below takes patch reason")
BEFORE_1_1 = (1, 1, 0)
BEFORE_3 = (3, 0, 0)
HEX = "setup.py wants OPENSSL_VERSION_NUMBER as a hex literal: with OpenSSL 3 no _hashlib"
BLUNT = "OpenSSL 3 makes an error of servers that end a stream bluntly (bpo-43794)"
OPENSSL_2 = (
    Takes((2, 7, 13), BEFORE_1_1, None, "2.7.13 is the first of 2.7 with support of OpenSSL 1.1 (bpo-26470)"),
    Takes(None, BEFORE_3, "openssl-version", HEX),
)
OPENSSL_3 = (
    Takes((3, 5, 3), BEFORE_1_1, None, "3.5.3 is the first of 3.5 with support of OpenSSL 1.1 (bpo-26470)"),
    Takes((3, 7, 0), BEFORE_3, "openssl-version", HEX),
    Takes((3, 8, 10), BEFORE_3, "", BLUNT),
    Takes((3, 9, 0), None, "", "takes OpenSSL 3 since 3.8.10 (bpo-43794)"),
    Takes((3, 9, 5), BEFORE_3, "", BLUNT),
    Takes(None, None, "", "takes OpenSSL 3 since 3.9.5 (bpo-43794)"),
)

#: The first version that does not take OpenSSL 1.0.2 any more (PEP 644).
AFTER_1_0 = (3, 10, 0)

#: What a compiler or library breaks in a version, and its cure: all rows that apply are taken.
#: since, below: versions from the one to below the other; gcc, glibc: machines that have at least this; None: all.
#: cflags: added to the compiler's; patch: bpo number of a patch that pyenv has; own: name of one of devrig's.
Cure = namedtuple("Cure", "since below gcc glibc cflags patch own reason")
NO_VECTORS = "-fno-tree-loop-vectorize -fno-tree-slp-vectorize"
ALIGNED = "gcc takes what pymalloc returns for aligned to 16 bytes, it is to 8: vectorised, it crashes (%s)"
SINPI = "glibc 2.41 declares sinpi in math.h, so does mathmodule.c: no module math (bpo-36106)"
OPAQUE = "ncurses 6.5 hides what _cursesmodule.c reads: no _curses (bpo-25720); older ones have the function, too"
POINTERS = "gcc 14 makes an error of a pointer in a dead branch of _tkinter.c (gcc.gnu.org/gcc-14/porting_to.html)"
C23 = "gcc 15 compiles C23, whose keywords asdl.h uses as names (gcc.gnu.org/gcc-15/porting_to.html)"
CURES = (
    # pyenv cures it with patches that make PyGC_Head larger. Flags leave the binary interface as wheels expect it.
    Cure((2, 7, 9), (2, 7, 17), 8, None, NO_VECTORS, None, None, ALIGNED % "bpo-33374"),
    Cure((3, 5, 0), (3, 7, 4), 11, None, NO_VECTORS, None, None, ALIGNED % "bpo-27987"),
    # pyenv has no patch for 2.7.
    Cure((2, 7, 9), (2, 7, 17), None, (2, 41), "", None, "sinpi", SINPI),
    Cure((3, 5, 0), (3, 7, 3), None, (2, 41), "", "bpo-36106", None, SINPI),
    Cure((2, 7, 9), (2, 7, 15), None, None, "", None, "curses-pad", OPAQUE),
    Cure((3, 5, 0), (3, 6, 4), None, None, "", None, "curses-pad", OPAQUE),
    Cure((2, 7, 9), (3, 0, 0), 14, None, "-Wno-incompatible-pointer-types", None, None, POINTERS),
    # CPython says -std=c99 by itself since 3.6.
    Cure((2, 7, 9), (3, 6, 0), 15, None, "-std=gnu17", None, None, C23),
)

#: The first versions that know --enable-optimizations (bpo-26359), by major and minor; None: none of the series.
OPTIMIZE_SINCE = {(2, 7): (2, 7, 13), (3, 5): (3, 5, 3)}

#: What an optimised build is trained with: short, of what programs do all day, and there in every version.
PROFILE_TESTS = "test_bytes test_collections test_dict test_float test_json test_pickle test_re test_set test_struct"

#: Modules of the import gate: what a build without a header silently leaves out.
GATE = ("math", "ssl", "_hashlib", "_ctypes", "zlib", "bz2", "sqlite3", "readline", "_curses")
GATE_3 = ("lzma",)

#: provider: "system" (libssl-dev as it is), "libssl1.0-dev" (in its place for the compile) or "private" (openssl, a
#: Source, is built for it). patches: bpo numbers of pyenv's. own_patches: names of devrig's.
#: profile: arguments of the interpreter for an optimised build; empty: none. gate: modules that have to be there.
Plan = namedtuple(
    "Plan",
    "version provider openssl patches own_patches cflags configure profile pip pipenv virtualenv gate reasons",
)

CHOICES = ("auto", "system", "private", "libssl1.0-dev")


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
    if version < FIRST_OF_2:
        raise Refusal(
            "Python %s cannot reach the Python index, which wants SNI (PEP 466), and has no ensurepip (PEP 477): "
            "2.7.9 is the first that can; choose it or a later one in pyenv_versions" % text
        )
    if version in WITHDRAWN:
        raise Refusal("Python %s was withdrawn by its makers: choose the one after it in pyenv_versions" % text)
    return series


def host_of(codename, **read):
    """Return a Host: the row of a release, with what was read from the machine itself in its place.

    :param read: fields of Host that are known better; None leaves the release's.
    :raises Refusal: when the release is not known.
    """
    row = RELEASES.get(codename)
    if row is None:
        known = ", ".join(sorted(RELEASES))
        raise Refusal("release %s is not known: set devrig_release to one of %s" % (codename, known))
    return row._replace(**{name: value for name, value in read.items() if value is not None})


def openssl_row(version):
    """Return the row that says which OpenSSL a version takes."""
    table = OPENSSL_2 if version[0] == 2 else OPENSSL_3
    return next(row for row in table if row.below is None or version < row.below)


def fits(row, openssl):
    """Say whether a row of Takes takes an OpenSSL."""
    return row.takes is None or openssl < row.takes


def provider_of(version, host, choice):
    """Return (provider, Source of a private OpenSSL or None, names of own patches, reason).

    :param choice: the setting pyenv_openssl, one of CHOICES.
    :raises Refusal: when the choice cannot work.
    """
    row = openssl_row(version)
    old = row.takes == BEFORE_1_1
    private = OPENSSL_1_0 if old else OPENSSL_1_1
    if choice == "auto":
        built = "libssl1.0-dev" if old and host.legacy == () else "private"
        choice = "system" if fits(row, host.openssl) else built
    why = "pyenv_openssl asks for it" if fits(row, host.openssl) else row.reason
    if choice == "system":
        return ("system", None) + system_openssl(version, host, row)
    if choice == "libssl1.0-dev":
        refuse_legacy(version, host)
        return choice, None, [], "libssl1.0-dev in the place of libssl-dev: %s" % why
    # 2.7 builds against the private one, but reads the version of the system's.
    patches = ["openssl-version"] if version[0] == 2 and host.openssl >= BEFORE_3 else []
    return "private", private, patches, "OpenSSL %s of its own: %s" % (private.version, why)


def system_openssl(version, host, row):
    """Return (names of own patches, reason) for a version on libssl-dev.

    :raises Refusal: when the version cannot be built on it, with no patch.
    """
    named = "OpenSSL %s of libssl-dev" % dotted(host.openssl)
    if fits(row, host.openssl):
        return [], "%s: %s" % (named, row.reason)
    if row.patch is None:
        raise Refusal(
            "pyenv_openssl is system, and Python %s does not take %s: %s. Leave it at auto"
            % (dotted(version), named, row.reason)
        )
    # The hole of the rows before remains in a version that is patched to find its OpenSSL.
    return [row.patch] if row.patch else [], "%s, because pyenv_openssl asks for it, though %s" % (named, BLUNT)


def refuse_legacy(version, host):
    """Refuse libssl1.0-dev for a version that does not take it, or where it is not to be had."""
    asked = "pyenv_openssl is libssl1.0-dev, and "
    if version >= AFTER_1_0:
        raise Refusal("%sPython %s needs OpenSSL 1.1.1 or newer (PEP 644). Leave it at auto" % (asked, dotted(version)))
    if host.legacy is None:
        raise Refusal("%sthis machine's apt has no such package. Leave it at auto" % asked)
    if host.legacy:
        raise Refusal(
            "%sapt would remove %s for it: remove them yourself, or leave it at auto" % (asked, ", ".join(host.legacy))
        )


def cures_of(version, host):
    """Return the rows of CURES that apply to a version on a machine."""
    return [
        row
        for row in CURES
        if row.since <= version < row.below
        and (row.gcc is None or host.gcc >= row.gcc)
        and (row.glibc is None or host.glibc >= row.glibc)
    ]


def optimizing(version):
    """Return (configure's arguments, the interpreter's arguments for the training) of an optimised build.

    :raises Refusal: when the version cannot be built so.
    """
    since = OPTIMIZE_SINCE.get(version[:2], version)
    if version < since:
        raise Refusal(
            "pyenv_optimize is true, and Python %s does not know it: %s is the first that does. "
            "Choose another, or leave pyenv_optimize false" % (dotted(version), dotted(since))
        )
    return ["--enable-optimizations"], "-m test.regrtest --pgo " + PROFILE_TESTS


def plan(text, host, *, pyenv_version=PYENV_COMMIT, choice="auto", tkinter=True, optimize=False):
    """Return the plan of an interpreter.

    :param text: full CPython version, like "3.6.8".
    :param host: a Host.
    :param pyenv_version: commit or tag of the pyenv that builds it; only the pinned one's limits are known.
    :param choice: the setting pyenv_openssl, one of CHOICES.
    :param tkinter: whether tkinter is wanted.
    :param optimize: whether the build is trained (PGO).
    :raises Refusal: an unknown version, or an interpreter that cannot be complete there.
    """
    version = parse(text)
    series = series_of(version, pyenv_version)
    provider, openssl, own_patches, reason = provider_of(version, host, choice)
    cures = cures_of(version, host)
    configure, profile = optimizing(version) if optimize else ([], "")
    tk = [] if not tkinter else ["Tkinter" if version[0] == 2 else "tkinter"]
    return Plan(
        version=text,
        provider=provider,
        openssl=plain(openssl),
        patches=[row.patch for row in cures if row.patch],
        own_patches=own_patches + [row.own for row in cures if row.own],
        cflags=" ".join(row.cflags for row in cures if row.cflags),
        configure=configure,
        profile=profile,
        pip=series.pip,
        pipenv=series.pipenv,
        virtualenv=series.virtualenv,
        gate=list(GATE + (() if version[0] == 2 else GATE_3)) + tk,
        reasons=[reason] + [row.reason for row in cures],
    )


def plain(source):
    """Return a Source as a dict, None as None."""
    return dict(source._asdict()) if source else None


def plan_all(texts, host, **options):
    """Return the plans of all interpreters of a machine, which share its packages; see plan().

    Where one takes libssl1.0-dev, libssl-dev is not there for the others: they get an OpenSSL of their own.
    """
    plans = [plan(text, host, **options) for text in texts]
    legacy = [item.version for item in plans if item.provider == "libssl1.0-dev"]
    if not legacy:
        return plans
    reason = "OpenSSL %s of its own: libssl-dev gives way to libssl1.0-dev, which Python %s needs"
    return [
        item._replace(
            provider="private",
            openssl=plain(OPENSSL_1_1),
            reasons=[reason % (OPENSSL_1_1.version, ", ".join(legacy))] + item.reasons[1:],
        )
        if item.provider == "system"
        else item
        for item in plans
    ]


def concerns_legacy(texts, choice):
    """Say whether it matters for versions that libssl1.0-dev is on offer."""
    return choice == "libssl1.0-dev" or any(openssl_row(parse(text)).takes == BEFORE_1_1 for text in texts)


def headers(plans, installed):
    """Return the package of OpenSSL's headers that a machine shall have.

    :param plans: a list of Plan.
    :param installed: those of libssl-dev and libssl1.0-dev that it has.
    """
    providers = {item.provider for item in plans}
    keeps_legacy = "libssl1.0-dev" in installed and "system" not in providers
    return "libssl1.0-dev" if "libssl1.0-dev" in providers or keeps_legacy else "libssl-dev"


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
