"""Can upstream be reached? If so the product is tested with its own defaults."""

from __future__ import annotations

import queue
import threading
import urllib.request
from collections.abc import Callable, Sequence

from tests.lab.shell import LabError, run

LIMIT = 5.0
"""Seconds for one question to upstream."""

PYTHON_URL = "https://www.python.org/ftp/python/3.6.8/Python-3.6.8.tar.xz"
PYENV_URL = "https://github.com/pyenv/pyenv"

Probe = Callable[[], object]


def ask_python() -> None:
    """Ask for the head of CPython's tarball. Raises OSError if there is none."""
    request = urllib.request.Request(PYTHON_URL, method="HEAD")
    with urllib.request.urlopen(request, timeout=LIMIT):  # noqa: S310 (https)
        pass


def ask_pyenv() -> None:
    """Ask for the branches of pyenv's repository. Raises LabError if there is no answer."""
    run(["git", "ls-remote", "--heads", PYENV_URL], env={"GIT_TERMINAL_PROMPT": "0"}, timeout=LIMIT)


PROBES: tuple[Probe, ...] = (ask_python, ask_pyenv)


def within(seconds: float, probe: Probe) -> str | None:
    """Run a probe, but for no longer than that: the look-up of a name has no limit of its own.

    Result: None if it went well, else why it did not.
    """
    answer: queue.Queue[str | None] = queue.Queue()

    def ask() -> None:
        try:
            probe()
        except (OSError, LabError) as error:
            answer.put(str(getattr(error, "reason", error)))
        else:
            answer.put(None)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        return f"no answer in {seconds:g} s"


def unreachable(probes: Sequence[Probe] = PROBES, limit: float = LIMIT) -> str | None:
    """Tell why upstream cannot be reached; None if every probe got its answer."""
    for probe in probes:
        reason = within(limit, probe)
        if reason is not None:
            return reason
    return None
