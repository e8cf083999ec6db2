"""The cache folder: whatever stands in it under its own name is complete."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


def cache_root(environ: Mapping[str, str]) -> Path:
    """Tell where the cache is: DEVRIG_TEST_CACHE, else devrig-test in the user's cache folder."""
    if environ.get("DEVRIG_TEST_CACHE"):
        return Path(environ["DEVRIG_TEST_CACHE"]).absolute()
    base = Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base.absolute() / "devrig-test"


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def point(link: Path, target: Path) -> None:
    """Let a relative symbolic link point to target, in one step, whatever it pointed to before."""
    wanted = os.path.relpath(target, link.parent)
    if link.is_symlink() and os.readlink(link) == wanted:
        return
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(wanted)
    beside.replace(link)


class Cache:
    """The folders of the cache. Use it inside ``locked``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mirror = root / "mirror"
        self._tmp = root / "tmp"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the cache alone: a second run waits, and a killed run's leftovers go."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"waiting for another run that holds {self.root}", file=sys.stderr)
                fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self._tmp, ignore_errors=True)
            self._tmp.mkdir(exist_ok=True)
            self.mirror.mkdir(exist_ok=True)
            yield

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder on the cache's own file system: what is made there can be renamed."""
        folder = Path(tempfile.mkdtemp(dir=self._tmp))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def apt_archives(self, suite: str) -> Path:
        """Give the folder in which containers of a suite share downloaded packages."""
        folder = self.root / "apt" / suite
        folder.mkdir(parents=True, exist_ok=True)
        return folder
