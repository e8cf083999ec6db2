"""Run a command, or say in one line why it failed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Run: TypeAlias = Callable[..., str]


class LabError(Exception):
    """Ends the preparation; its text is all that a person sees."""


class Unavailable(LabError):
    """Something that a mirror does not offer (any more): what needs it is skipped, loudly."""


class CommandError(LabError):
    """A command failed: ``last_line`` is its last word on why, ``code`` its exit status, if any."""

    def __init__(self, command: Sequence[str], last_line: str, code: int | None = None) -> None:
        super().__init__(f"{' '.join(command[:3])} ...: {last_line}")
        self.last_line = last_line
        self.code = code


def last_error_line(text: str) -> str:
    """Find the line that says why: the last one marked as an error, else the last one.

    mmdebstrap's own closing lines tell only that apt failed, apt's line above them tells why.

    >>> last_error_line("E: no such suite\\nI: cleaning up\\n")
    'E: no such suite'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line for line in lines if line.lower().startswith(("e:", "error", "fatal:"))]
    marked = [line for line in marked if not re.match(r"E: (mmdebstrap|apt-get) .*failed", line)]
    return (marked or lines or ["no message"])[-1]


def run(
    command: Sequence[str],
    *,
    stdin: bytes | None = None,
    env: Mapping[str, str | None] | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command and hand back what it printed.

    command: program and arguments; stdin: its input; env: variables that differ from the own ones,
    None for one that must not be set; timeout: seconds. Raises CommandError.
    """
    merged = {**os.environ, **(env or {})}
    try:
        done = subprocess.run(
            list(command),
            input=b"" if stdin is None else stdin,
            capture_output=True,
            check=False,
            env={name: value for name, value in merged.items() if value is not None},
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(command, f"no answer in {timeout:g} s") from error
    except OSError as error:
        raise CommandError(command, f"cannot be run: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace") or done.stdout.decode(errors="replace")
        raise CommandError(command, last_error_line(said), done.returncode)
    return done.stdout.decode(errors="replace")
