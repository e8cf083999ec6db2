"""pyenv and its virtualenv plugin as bare repositories for git's plain HTTP, without GitHub.

Each has one commit that depends on nothing but the tree: one source gives one id, anywhere.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab.cache import Cache, point
from tests.lab.images import Images
from tests.lab.shell import CommandError, LabError, Run, Unavailable
from tests.lab.tools import Tools

DEFINITIONS = "plugins/python-build/share/python-build"
PLUGIN = "pyenv-virtualenv"

DEB = "Debian's package pyenv"
DEB_SUITE = "trixie"
UNPACK_DEB = """
cd /tmp
apt-get -qq update
apt-get -qq download pyenv
dpkg-deb -x pyenv_*.deb unpacked
dpkg-deb -f pyenv_*.deb Version > /out/version
cp -R unpacked/usr/share/pyenv /out/tree
"""

# A git hook that runs the tests sets these, for a repository that is not meant here.
PLAIN = dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"))


@dataclass(frozen=True)
class Source:
    """A tree that git holds: its repository, its id, and what a person calls it."""

    git_dir: Path
    tree: str
    origin: str


@dataclass(frozen=True)
class Mirror:
    """A published repository, its only commit, and the versions whose definition was made here."""

    repository: Path
    commit: str
    made: frozenset[str] = frozenset()


def git(run: Run, git_dir: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Run git on one repository and hand back what it prints. Raises CommandError."""
    return run(["git", f"--git-dir={git_dir}", *arguments], stdin=stdin, env=PLAIN)


def commit_text(tree: str, subject: str) -> bytes:
    """Write the commit of a tree, with an author and a date that never change."""
    person = "devrig tests <tests@localhost> 946684800 +0000"
    return f"tree {tree}\nauthor {person}\ncommitter {person}\n\n{subject}\n".encode()


def commit_id(commit: bytes) -> str:
    """Tell the id that git gives to a commit."""
    digest = hashlib.sha1(usedforsecurity=False)
    digest.update(b"commit %d\0" % len(commit) + commit)
    return digest.hexdigest()


def tarball_sha256(definition: str, version: str) -> str | None:
    """Read the checksum of CPython's .tar.xz from one of python-build's definitions."""
    found = re.search(rf"/Python-{re.escape(version)}\.tar\.xz#([0-9a-f]{{64}})\"", definition)
    return found[1] if found else None


def derive_definition(template: str, old: str, new: str, sha256: str) -> str:
    """Turn the definition of one patch release into that of another of the same minor version.

    Only the .tar.xz is kept: no checksum is known for the other form. Raises LabError if template
    has another form than python-build's definitions have had since 3.3.
    """
    branch = re.compile(
        r"^if has_tar_xz_support; then\n +(.*\.tar\.xz#)[0-9a-f]{64}(\".*)\nelse\n.*\nfi$",
        re.MULTILINE,
    )
    derived, count = branch.subn(lambda match: f"{match[1]}{sha256}{match[2]}", template)
    if count != 1:
        raise LabError(f"pyenv's definition of Python {old} has another form than expected")
    # Not just the number: another package's version may look the same.
    return re.sub(rf"(Python-|/python/){re.escape(old)}(?!\d)", rf"\g<1>{new}", derived)


def newest_sibling(version: str, names: Iterable[str]) -> str | None:
    """Find the newest release of the same minor version among names: 3.13.2 for 3.13.5."""
    series = version.rpartition(".")[0]
    found = (re.fullmatch(rf"{re.escape(series)}\.(\d+)", name) for name in names)
    patches = [int(match[1]) for match in found if match]
    return f"{series}.{max(patches)}" if patches else None


def checkout_source(run: Run, folder: Path, holds: str) -> Source | None:
    """Take the committed tree of a git checkout.

    Result: None if folder is no checkout, or has no path ``holds`` in its tree.
    """
    git_dir = folder / ".git"
    if not git_dir.exists():
        return None
    try:
        tree = git(run, git_dir, "rev-parse", "HEAD^{tree}").strip()
        git(run, git_dir, "cat-file", "-e", f"{tree}:{holds}")
    except CommandError:
        return None
    return Source(git_dir, tree, "a checkout of pyenv")


def folder_source(run: Run, folder: Path, scratch: Path, origin: str) -> Source:
    """Take a folder as it lies there, with modes and links; scratch is a place to work in."""
    git_dir = scratch / "folder.git"
    run(["git", "init", "--quiet", "--bare", "--template=", str(git_dir)], env=PLAIN)
    exact = ("-c", "core.autocrlf=false", "-c", "core.fileMode=true")
    git(run, git_dir, f"--work-tree={folder}", *exact, "add", "--force", "--all", str(folder))
    return Source(git_dir, git(run, git_dir, "write-tree").strip(), origin)


def publish(run: Run, cache: Cache, name: str, source: Source) -> Mirror:
    """Serve a tree as the repository ``name`` of the mirror. Raises CommandError."""
    commit = commit_text(source.tree, f"{name}: the tree that the tests use")
    identity = commit_id(commit)
    repository = cache.mirror / "repositories" / f"{name}-{identity}.git"
    if not repository.exists():
        repository.parent.mkdir(exist_ok=True)
        with cache.scratch() as scratch:
            _write_repository(run, scratch, source, commit)
            (scratch / "new.git").rename(repository)
    point(cache.mirror / f"{name}.git", repository)
    return Mirror(repository, identity)


def _write_repository(run: Run, scratch: Path, source: Source, commit: bytes) -> None:
    """Make a repository of one commit: a checkout may be shallow, only its tree is copied."""
    new = scratch / "new.git"
    init = ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=master"]
    run([*init, str(new)], env=PLAIN)
    tree = source.tree.encode()
    pack = f"{scratch}/pack"
    name = git(run, source.git_dir, "pack-objects", "--revs", "--quiet", pack, stdin=tree).strip()
    git(run, new, "index-pack", "--stdin", stdin=Path(f"{pack}-{name}.pack").read_bytes())
    identity = git(run, new, "hash-object", "-t", "commit", "-w", "--stdin", stdin=commit).strip()
    git(run, new, "update-ref", "refs/heads/master", identity)
    git(run, new, "fsck", "--no-dangling")
    git(run, new, "update-server-info")


def unpacked_deb(cache: Cache, images: Images) -> Path:
    """Give the folder with what Debian's package pyenv holds: ``tree`` and ``version``.

    Raises LabError if it is not to be had.
    """
    folder = cache.root / "debian-pyenv"
    if folder.exists():
        return folder
    with cache.scratch() as scratch:
        filled = scratch / "debian-pyenv"
        filled.mkdir()
        try:
            images.run_inside(DEB_SUITE, UNPACK_DEB, filled)
        except (CommandError, Unavailable) as error:
            raise LabError(f"no pyenv: no checkout, and of {DEB}, {DEB_SUITE}: {error}") from error
        filled.rename(folder)
    return folder


def complete_deb(tree: Path, versions: Mapping[str, str]) -> dict[str, str]:
    """Add to the tree of Debian's package what a checkout has and the tests use.

    versions: sha256 of CPython's .tar.xz by version. Result: for each version whose definition
    had to be made, that from which it was. Raises LabError if one cannot be made.
    """
    (tree / "bin").mkdir()
    (tree / "bin" / "pyenv").symlink_to("../libexec/pyenv")
    definitions = tree / DEFINITIONS
    made = {}
    for version, sha256 in versions.items():
        if (definitions / version).exists():
            continue
        sibling = newest_sibling(version, (entry.name for entry in definitions.iterdir()))
        if sibling is None:
            raise LabError(f"{DEB} has no definition of a relative of Python {version}")
        template = (definitions / sibling).read_text(encoding="utf-8")
        text = derive_definition(template, sibling, version, sha256)
        (definitions / version).write_text(text, encoding="utf-8")
        made[version] = sibling
    return made


def prepare(
    tools: Tools,
    images: Images,
    pyenv_root: Path,
    versions: Mapping[str, str],
) -> tuple[Mirror, Mirror | None]:
    """Publish pyenv and, where it is to be had, its virtualenv plugin.

    pyenv_root: where a checkout of pyenv may lie; versions: sha256 of CPython's .tar.xz by version,
    for those that Debian's pyenv is too old to know. Raises LabError if no pyenv is to be had.
    """
    source = checkout_source(tools.run, pyenv_root, DEFINITIONS)
    if source:
        pyenv = publish(tools.run, tools.cache, "pyenv", source)
        plugin_source = checkout_source(tools.run, pyenv_root / "plugins" / PLUGIN, "bin")
    else:
        plugin_source = None
        deb = unpacked_deb(tools.cache, images)
        with tools.cache.scratch() as scratch:
            tree = scratch / "tree"
            shutil.copytree(deb / "tree", tree, symlinks=True)
            made = complete_deb(tree, versions)
            for version, sibling in made.items():
                tools.report(f"pyenv: {DEB} has no definition of {version}: made from {sibling}'s")
            origin = f"{DEB} {(deb / 'version').read_text().strip()} of {DEB_SUITE}"
            source = folder_source(tools.run, tree, scratch, origin)
            published = publish(tools.run, tools.cache, "pyenv", source)
            pyenv = replace(published, made=frozenset(made))
    tools.report(f"pyenv: tree of {source.origin}, commit {pyenv.commit}")
    if plugin_source is None:
        tools.report(f"SKIPPED: {PLUGIN}: {source.origin} is without it, settings switch it off")
        return pyenv, None
    plugin = publish(tools.run, tools.cache, PLUGIN, plugin_source)
    tools.report(f"{PLUGIN}: tree of {plugin_source.origin}, commit {plugin.commit}")
    return pyenv, plugin


def definition(run: Run, pyenv: Mirror, version: str) -> str:
    """Read python-build's definition of a version. Raises LabError if pyenv has none."""
    try:
        return git(run, pyenv.repository, "show", f"{pyenv.commit}:{DEFINITIONS}/{version}")
    except CommandError as error:
        raise LabError(f"the pyenv at hand has no definition of Python {version}") from error
