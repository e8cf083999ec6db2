"""The compile of an interpreter: by the role, and by stock pyenv from the same tarball with the same flags."""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "devrig-bench"
HOME = "/home/dev"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing about it."""

    def log_message(self, *_) -> None:
        """Say nothing."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--suite", default="bookworm", help="Debian's name of the release")
    parser.add_argument("--version", default="3.13.5", help="one that stock pyenv builds there")
    parser.add_argument("--rounds", default=2, type=int, help="compiles of each kind; the fastest counts")
    return parser.parse_args()


def describe(suite: str) -> dict:
    """Have the laboratory prepared; return its description."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "lab.json"
        command = [sys.executable, "-m", "tests.lab", "prepare", "--suites", suite, "--output", str(output)]
        subprocess.run(command, cwd=ROOT, check=True)
        return json.loads(output.read_text(encoding="utf-8"))


@contextlib.contextmanager
def mirror(lab: dict) -> Iterator[None]:
    """Serve the laboratory's mirror while it is needed; nothing where upstream is reached."""
    if not lab["mirror"]:
        yield
        return
    handler = functools.partial(Quiet, directory=lab["mirror"]["dir"])
    with http.server.ThreadingHTTPServer(("127.0.0.1", lab["mirror"]["port"]), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextlib.contextmanager
def container(lab: dict, suite: str) -> Iterator[None]:
    """Have a bare machine of a suite with the checkout in its user's home."""
    volumes = [f"--volume={lab['apt_archives'][suite]}:/var/cache/apt/archives"]
    if lab["ca_bundle"]:
        volumes.append(f"--volume={lab['ca_bundle']}:{lab['environment']['PIP_CERT']}:ro")
    subprocess.run(["podman", "rm", "--force", "--ignore", NAME], check=True, stdout=subprocess.DEVNULL)
    start = ["podman", "run", "--detach", f"--name={NAME}", "--network=host", *volumes]
    subprocess.run([*start, lab["images"][suite], "sleep", "infinity"], check=True, stdout=subprocess.DEVNULL)
    try:
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        packed = subprocess.run(
            ["tar", "--create", "--null", "--files-from=-"], cwd=ROOT, check=True, input=files, capture_output=True
        ).stdout
        inside(lab, "mkdir devrig && tar --extract --directory devrig", stdin=packed)
        yield
    finally:
        subprocess.run(["podman", "rm", "--force", "--time=0", NAME], check=True, stdout=subprocess.DEVNULL)


def inside(lab: dict, script: str, stdin: bytes = b"") -> str:
    """Run a shell script as the machine's user, in the home folder; return what it prints."""
    environment = [f"--env={name}={value}" for name, value in lab["environment"].items()]
    command = ["podman", "exec", "--interactive", "--user=dev", f"--workdir={HOME}", *environment, NAME]
    done = subprocess.run([*command, "sh", "-euc", script], input=stdin, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{script}\n{done.stdout.decode()[-3000:]}{done.stderr.decode()[-3000:]}")
    return done.stdout.decode()


def by_role(lab: dict, version: str, number: int) -> float:
    """Compile by the role into a root of its own; return the seconds that it says, its proof included."""
    jobs = int(inside(lab, "nproc"))
    settings = {**lab["settings"], "devrig_environment": lab["environment"], "pyenv_versions": [version]}
    asked = json.dumps({**settings, "pyenv_root": f"{HOME}/role-{number}", "pyenv_build_jobs": jobs})
    script = "cat >settings.json && cd devrig && ./bootstrap --tags build_deps,pyenv -e @../settings.json"
    said = inside(lab, script, stdin=asked.encode())
    found = re.search(rf"Python {re.escape(version)}: (\d+) s", said)
    if not found:
        sys.exit(f"the role did not say how long it took:\n{said[-3000:]}")
    return float(found[1])


def by_stock_pyenv(lab: dict, version: str, number: int) -> float:
    """Compile by pyenv alone, from the same tarball and with as many jobs; return the seconds."""
    root = f"{HOME}/stock-{number}"
    inside(lab, f"cp -R role-1 {root} && rm -rf {root}/versions/*")
    begin = time.monotonic()
    inside(
        lab,
        f"PYENV_ROOT={root} PYTHON_BUILD_CACHE_PATH=$PWD/.cache/devrig/devrig-sources MAKE_OPTS=-j$(nproc) "
        f"{root}/bin/pyenv install {version}",
    )
    return time.monotonic() - begin


def main() -> int:
    """Print the ratio; the exit status says whether it is at most 1."""
    asked = arguments()
    lab = describe(asked.suite)
    role, stock = [], []
    with mirror(lab), container(lab, asked.suite):
        for number in range(1, asked.rounds + 1):
            role.append(by_role(lab, asked.version, number))
            stock.append(by_stock_pyenv(lab, asked.version, number))
            print(f"round {number}: role {role[-1]:.0f} s, stock pyenv {stock[-1]:.0f} s", flush=True)
    ratio = min(role) / min(stock)
    print(f"Python {asked.version} on {asked.suite}: role / stock pyenv = {ratio:.2f} (at most 1.00 is wanted)")
    return int(ratio > 1)


if __name__ == "__main__":
    sys.exit(main())
