"""What every part of the preparation works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.cache import Cache
from tests.lab.shell import Run


@dataclass(frozen=True)
class Tools:
    """How commands are run, where things are kept, where it is told, and seconds since 1970."""

    run: Run
    cache: Cache
    report: Callable[[str], None]
    clock: Callable[[], float] = time.time
