"""Finished interpreters, kept between runs as long as what makes them stays as it is."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.lab.cache import Cache

ROOT = Path(__file__).resolve().parents[2]


def recipe(root: Path = ROOT) -> str:
    """Return a digest of all code that makes interpreters: an archive's name tells its inputs, and not who made it."""
    folders = [root / "roles/pyenv" / name for name in ("library", "module_utils")]
    digest = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def prepare(cache: Cache, root: Path = ROOT) -> Path:
    """Give the folder, below the mirror that serves it; those of other recipes go. Under the cache's lock."""
    place = cache.mirror / "interpreters" / recipe(root)
    place.mkdir(parents=True, exist_ok=True)
    for other in place.parent.iterdir():
        if other != place:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    return place


def pins(place: Path) -> dict[str, str]:
    """Return the key of each interpreter in the folder -> the SHA-256 of its archive."""
    return {path.name[: -len(".tar.gz.sha256")]: path.read_text()[:64] for path in place.glob("*.tar.gz.sha256")}
