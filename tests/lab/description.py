"""Prepare the laboratory from another program, and read its description."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def describe(*suites: str) -> dict[str, Any]:
    """Prepare the laboratory for releases; return its description (tests.lab.prepare.prepare).

    A release whose image cannot be made is not in the description's images. Raises CalledProcessError.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "lab.json"
        command = [sys.executable, "-m", "tests.lab", "prepare", "--suites", *suites, "--output", str(output)]
        subprocess.run(command, cwd=ROOT, check=True)
        return json.loads(output.read_text(encoding="utf-8"))
