"""A bare machine in a container, with the checkout in its user's home."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import subprocess
import sys
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


@contextlib.contextmanager
def mirror(lab: dict) -> Iterator[None]:
    """Serve the laboratory's mirror while it is needed; nothing where upstream is reached."""
    with serve(lab["mirror"]["dir"], lab["mirror"]["port"]) if lab["mirror"] else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def serve(folder: str | Path, port: int = 0) -> Iterator[str]:
    """Serve a folder on loopback; the value is its address. port: 0 for one that is free."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def podman(*arguments: str, stdin: bytes = b"") -> None:
    """Run podman, without its answer. Raises subprocess.CalledProcessError."""
    subprocess.run(["podman", *arguments], check=True, input=stdin, stdout=subprocess.DEVNULL)


def as_root(name: str, script: str, stdin: bytes = b"") -> None:
    """Run a shell script as root of a machine. Raises subprocess.CalledProcessError."""
    podman("exec", "--interactive", name, "sh", "-euc", script, stdin=stdin)


def start(lab: dict, suite: str, name: str, archives: str | Path = "") -> None:
    """Start a bare machine of a suite, in the place of one of the same name.

    :param archives: folder of downloaded packages; "": the one that all machines of the suite share, one at a time.
    """
    volumes = [f"--volume={archives or lab['apt_archives'][suite]}:/var/cache/apt/archives"]
    if lab["ca_bundle"]:
        volumes.append(f"--volume={lab['ca_bundle']}:{lab['environment']['PIP_CERT']}:ro")
    stop(name)
    # bash, for it waits for the orphans too: sleep alone would gather dead processes until there is room for no more.
    init = [lab["images"][suite], "bash", "-c", "sleep infinity & wait"]
    podman("run", "--detach", f"--name={name}", "--network=host", *volumes, *init)


def stop(name: str) -> None:
    """Remove a machine, if it is there."""
    podman("rm", "--force", "--time=0", "--ignore", name)


@contextlib.contextmanager
def container(lab: dict, suite: str) -> Iterator[None]:
    """Have a bare machine of a suite with the checkout in its user's home."""
    start(lab, suite, NAME)
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
        stop(NAME)


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
