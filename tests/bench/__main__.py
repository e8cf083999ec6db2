"""Run one of the benchmarks."""

from __future__ import annotations

import sys

from tests.bench import __doc__ as usage
from tests.bench import again, build, scale, terminal

BENCHMARKS = {"again": again.main, "build": build.main, "scale": scale.main, "terminal": terminal.main}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        sys.exit(usage)
    sys.exit(BENCHMARKS[sys.argv[1]](sys.argv[2:]))
