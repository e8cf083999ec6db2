"""A bare machine in a container, with the checkout in its user's home."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "devrig-bench"
HOME = "/home/dev"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing about it."""

    def log_message(self, *_) -> None:
        """Say nothing."""


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
    start = ["podman", "run", "--detach", f"--name={NAME}", "--network=host", *volumes, lab["images"][suite]]
    # bash, for it waits for the orphans too: sleep alone would gather dead processes until there is room for no more.
    subprocess.run([*start, "bash", "-c", "sleep infinity & wait"], check=True, stdout=subprocess.DEVNULL)
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


def bootstrap(lab: dict, tags: str, **settings) -> str:
    """Run ./bootstrap with the laboratory's settings and these; return what it prints."""
    asked = json.dumps({**lab["settings"], "devrig_environment": lab["environment"], **settings})
    script = f"cat >settings.json && cd devrig && ./bootstrap --tags {tags} -e @../settings.json"
    return inside(lab, script, stdin=asked.encode())
