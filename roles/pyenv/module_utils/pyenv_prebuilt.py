"""Finished interpreters as archives: what one depends on, packing it, and putting it in place somewhere else.

An archive is a tar(5), gzipped, of a version's folder. Its programs and libraries find each other by paths relative to
themselves (RUNPATH with $ORIGIN, ld.so(8)); its text files that name the folder are listed in its first member, and
name the new one when it is unpacked. The interpreter itself takes sys.prefix from where it lies (getpath.c).
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zlib

from ansible.module_utils.pyenv_recipe import PATCHES, TLS_POLICY, UNWANTED, definition_text

#: Changes when archives are made otherwise than before.
FORMAT = 1
#: The folder below pyenv_cache_dir that archives come to and leave from.
FOLDER = "devrig-prebuilt"
ENDING = ".tar.gz"
#: Beside an archive: its sha256, as sha256sum(1) writes and checks it.
SUM = ".sha256"
#: First member: the folder that was packed, and the text files that name it, as paths below it.
ABOUT = ".devrig-prebuilt.json"
#: gzip(1) -1: three times as fast as its default, for a tenth more.
LEVEL = 1
#: What a compile takes from the environment (python-build's README, `configure --help`).
VARIABLES = re.compile(
    r"(CC|CXX|(C|CPP|CXX|LD)FLAGS|(PYTHON_)?CONFIGURE_OPTS|PYTHON_(CFLAGS|MAKE_OPTS|MAKE_INSTALL_OPTS))$"
)
#: Of a plan: what has no part in the compile.
AFTERWARDS = ("pip", "pipenv", "virtualenv", "reasons")
#: A larger file is no text that names its folder.
LARGEST_TEXT = 8 * 2**20


class Unusable(ValueError):
    """An archive that cannot be used; the message says why."""


def key_of(plan, host, *, release, machine, pyenv_version, environ):
    """Return the name of an interpreter that is built by a plan: two that are called the same can stand for each other.

    :param plan: a Plan.
    :param host: the Host that it was made for. Of the system's OpenSSL the first two numbers count, which are its
        binary interface (openssl-versions: "API and ABI compatibility").
    :param release: code name of the release, whose libraries it finds.
    :param machine: the architecture, see pyenv_host.architecture().
    :param pyenv_version: commit of the pyenv whose definition and patches it is built by, or its tag.
    :param environ: the environment of the compile.
    """
    made_of = {
        "format": FORMAT,
        "plan": {name: value for name, value in plan._asdict().items() if name not in AFTERWARDS},
        "recipe": definition_text(plan, "definition", "cache", "folder"),
        "own_patches": [PATCHES.get(name) for name in plan.own_patches],
        "left_out": UNWANTED,
        "tls_policy": TLS_POLICY if plan.openssl else None,
        "pyenv": pyenv_version,
        "openssl": None if plan.provider == "private" else list(host.openssl[:2]),
        "gcc": host.gcc,
        "glibc": host.glibc,
        "environment": {name: value for name, value in environ.items() if VARIABLES.match(name)},
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return "%s-%s-%s-%s" % (plan.version, release, machine, digest[:16])


def sha256_of(path):
    """Return the sha256 of a file, in hex."""
    found = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(2**20), b""):
            found.update(block)
    return found.hexdigest()


def naming(prefix):
    """Return the pattern (bytes) of a folder's name where it stands for itself, and not for one that begins alike."""
    return re.compile(re.escape(os.fsencode(prefix)) + rb"(?![\w.-])")


def relative_rpath(rpath, path, prefix):
    """Return a RUNPATH whose entries below a folder are relative to the file that has it.

    :param rpath: what the file has, entries parted by colons.
    :param path: path of the file.
    :param prefix: the folder.
    """
    entries = []
    for entry in rpath.split(":"):
        below = entry == prefix or entry.startswith(prefix + "/")
        relative = os.path.join("$ORIGIN", os.path.relpath(entry, os.path.dirname(path))) if below else entry
        entries.append(re.sub(r"/\.$", "", relative))
    return ":".join(entries)


def is_linked(data):
    """Say whether a file's content is that of a program or a shared library (elf(5): ET_EXEC, ET_DYN)."""
    return data[:4] == b"\x7fELF" and (data[16:18] in (b"\2\0", b"\3\0") or data[16:18] in (b"\0\2", b"\0\3"))


def patchelf(*arguments):
    """Run the program and return what it prints; Unusable with what it says when it fails."""
    try:
        done = subprocess.run(
            ["patchelf"] + list(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            check=False,
        )
    except OSError as error:
        raise Unusable("patchelf: %s" % error.strerror)
    if done.returncode:
        raise Unusable("patchelf: %s" % done.stderr.strip()[-300:])
    return done.stdout.strip()


def members_of(prefix):
    """Return the paths below a version's folder that are packed, parents first: no virtual environments, no marks."""
    found = []
    for folder, folders, names in os.walk(prefix):
        if folder == prefix:
            folders[:] = [name for name in folders if name != "envs"]
        folders.sort()
        found += [os.path.join(folder, name) for name in sorted(folders + names) if not name.startswith(".devrig")]
    return sorted(found)


def sort_out(paths, prefix):
    """Return (text files that name the folder, programs and libraries that may look for others in it)."""
    named, texts, linked = naming(prefix), [], []
    for path in paths:
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as stream:
            data = stream.read()
        if not named.search(data):
            continue
        if is_linked(data):
            linked.append(path)
        elif len(data) <= LARGEST_TEXT and b"\0" not in data:
            texts.append(path)
    return texts, linked


def pack(prefix, archive):
    """Write a version's folder as an archive, which is there as a whole or not at all; the folder stays as it is.

    :param prefix: the version's folder.
    :param archive: path of the new file.
    :raises Unusable: without a patchelf that works.
    """
    paths = members_of(prefix)
    texts, linked = sort_out(paths, prefix)
    about = {"prefix": prefix, "texts": [os.path.relpath(path, prefix) for path in texts]}
    data = json.dumps(about, sort_keys=True).encode()
    scratch = tempfile.mkdtemp(dir=os.path.dirname(archive), prefix=FOLDER + "-")
    try:
        made = os.path.join(scratch, "archive")
        with tarfile.open(made, "w:gz", compresslevel=LEVEL) as tar:
            first = tarfile.TarInfo(ABOUT)
            first.size = len(data)
            tar.addfile(first, io.BytesIO(data))
            for path in paths:
                add(tar, path, prefix, movable(path, prefix, scratch) if path in linked else path)
        os.replace(made, archive)
    finally:
        shutil.rmtree(scratch)


def movable(path, prefix, scratch):
    """Return the path of a program or library that finds others wherever its folder lies: a copy where it has to be."""
    rpath = patchelf("--print-rpath", path)
    wanted = relative_rpath(rpath, path, prefix)
    if wanted == rpath:
        return path
    copy = os.path.join(scratch, "copy")
    shutil.copyfile(path, copy)
    patchelf("--set-rpath", wanted, copy)
    return copy


def add(tar, path, prefix, source):
    """Add a file, a folder or a link to an archive.

    :param source: path of the file that has its content.
    """
    member = tar.gettarinfo(path, os.path.relpath(path, prefix))
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    if member.issym() and member.linkname.startswith(prefix + "/"):
        member.linkname = os.path.relpath(member.linkname, os.path.dirname(path))
    if not member.isreg():
        tar.addfile(member)
        return
    with open(source, "rb") as stream:
        member.size = os.fstat(stream.fileno()).st_size
        tar.addfile(member, stream)


def refuse_odd(members):
    """Unusable where a member would be anything but a file, a folder or a link, or would lead out of the folder.

    No member lies behind a link, so that a name says where it is.
    """
    links = {member.name for member in members if member.issym()}
    seen = set()
    for member in members:
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise Unusable("%s is no file, folder or link" % member.name)
        if member.name in seen:
            raise Unusable("%s is there twice" % member.name)
        seen.add(member.name)
        refuse_place(member.name, links)
        if member.islnk():
            refuse_place(member.linkname, links)
        elif member.issym():
            refuse_place(os.path.join(os.path.dirname(member.name), member.linkname), ())


def refuse_place(path, links):
    """Unusable where a path, below the folder, leads out of it, or through a link."""
    normal = os.path.normpath(path)
    if os.path.isabs(path) or normal.split("/")[0] == "..":
        raise Unusable("%s leads out of its folder" % path)
    parts = normal.split("/")
    if any("/".join(parts[:length]) in links for length in range(1, len(parts))):
        raise Unusable("%s lies behind a link" % path)


def unpack(archive, folder):
    """Put an archive's content into a folder and let it name that one; return the text files that were changed.

    :param archive: path of the archive.
    :param folder: the version's folder, which is there.
    :raises Unusable: an archive that is damaged, or none of devrig's.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            first = tar.next()
            if first is None or first.name != ABOUT or not first.isreg():
                raise Unusable("it is no archive of devrig's")
            about = json.loads(tar.extractfile(first).read().decode())
            members = [member for member in tar if member.name != ABOUT]
            refuse_odd(members)
            if not set(about["texts"]) <= {member.name for member in members if member.isreg() or member.islnk()}:
                raise Unusable("it names files that are not in it")
            options = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
            tar.extractall(folder, members, **options)  # noqa: S202 (each was looked at)
        paths = [os.path.join(folder, name) for name in about["texts"]]
        for path in {os.stat(path).st_ino: path for path in paths}.values():
            rename(path, about["prefix"], folder)
        return paths
    except (tarfile.TarError, EOFError, zlib.error, KeyError, TypeError, ValueError) as error:
        raise Unusable(str(error))


def rename(path, old, new):
    """Let a text file name another folder. Mode and owner stay."""
    with open(path, "rb") as stream:
        data = stream.read()
    mode = os.stat(path).st_mode & 0o7777
    os.chmod(path, mode | 0o200)
    with open(path, "wb") as stream:
        stream.write(naming(old).sub(lambda _: os.fsencode(new), data))
    os.chmod(path, mode)
