"""Copies of the repository, and the change in one of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.mutations.table import Mutation


class OutOfDate(ValueError):
    """A mutation that no longer fits the product; the message says what to do."""


def replace_once(text: str, mutation: Mutation) -> str:
    """Return the text of the mutation's file with the change in it.

    :raises OutOfDate: unless the old text occurs once.
    """
    count = text.count(mutation.old)
    if count != 1 or mutation.old == mutation.new:
        raise OutOfDate(
            f"mutation '{mutation.name}': its old text occurs {count} times in {mutation.file}; it must occur once. "
            f"Update tests/mutations/table.py. Text: {mutation.old!r}"
        )
    return text.replace(mutation.old, mutation.new)


def mutate(root: Path, mutation: Mutation) -> None:
    """Make the change in a copy of the repository."""
    path = root / mutation.file
    path.write_text(replace_once(path.read_text(encoding="utf-8"), mutation), encoding="utf-8")


def copy(root: Path, folder: Path) -> None:
    """Copy what git would commit to a new folder and make it a repository, because tests run git ls-files."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        source, target = root / name, folder / name
        if source.is_file() or source.is_symlink():  # neither: it is deleted and not yet committed
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    for command in (["init", "--quiet"], ["add", "--all", "--force"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
