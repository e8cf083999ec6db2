"""Builds by the real pyenv: of the real source where it counts, else of a source that is made in seconds."""

import contextlib
import hashlib
import http.server
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path

import pytest

from tests.lab.pyenv_mirror import DEFINITIONS, tarball_sha256
from tests.modules import Running

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.13.5"

#: Stands for CPython's configure: a Makefile whose goals take as long as the file `hang` names them.
CONFIGURE = r"""#!/bin/sh
wait_here() { while [ "$(cat "$FAULTS/hang" 2>/dev/null)" = "$1" ]; do touch "$FAULTS/reached"; sleep 0.1; done; }
echo "checking build system type... x86_64-pc-linux-gnu"
wait_here configure
for option; do case $option in --prefix=*) prefix=${option#*=} ;; esac; done
cat >Makefile <<END
all:
	$PWD/step compile
install:
	$PWD/step install $prefix
END
cat >step <<'END'
#!/bin/sh
wait_here() { while [ "$(cat "$FAULTS/hang" 2>/dev/null)" = "$1" ]; do touch "$FAULTS/reached"; sleep 0.1; done; }
if [ "$1" = install ]; then
  mkdir -p "$2/bin" "$2/lib"
  head -c 65536 /dev/zero >"$2/lib/library" || exit 1
  cp interpreter "$2/bin/pythonSERIES"
  ln -sf pythonSERIES "$2/bin/python"
fi
wait_here "$1"
END
chmod +x step
"""

#: Stands for the interpreter: that of the tests, with pip by a step that can hang too.
INTERPRETER = r"""#!/bin/sh
wait_here() {{ while [ "$(cat "$FAULTS/hang" 2>/dev/null)" = "$1" ]; do touch "$FAULTS/reached"; sleep 0.1; done; }}
case "$*" in
*ensurepip*) wait_here pip; [ "$(cat "$FAULTS/hang" 2>/dev/null)" != "no pip" ]; exit ;;
*get-pip*) echo "ensurepip is not what it was"; exit 1 ;;
-c*devrig-gate*) wait_here gate ;;
esac
PYTHONPATH=$FAULTS exec {python} "$@"
"""


def tiny_tarball(path, version):
    """Write the source of a version that is made in seconds; return its sha256."""
    series = version.rpartition(".")[0]
    files = {"configure": CONFIGURE.replace("SERIES", series), "interpreter": INTERPRETER.format(python=sys.executable)}
    with tarfile.open(path, "w:xz") as archive:
        for name, text in {**files, "Tools/gdb/libpython.py": "", "python-gdb.py": ""}.items():
            entry = tarfile.TarInfo(f"Python-{version}/{name}")
            entry.size, entry.mode = len(text.encode()), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves files by name on loopback. `faults`: what is done to the next answers, in order."""

    daemon_threads = True

    def __init__(self, folder):
        self.folder, self.faults, self.asked = folder, [], []
        self.hang = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):  # noqa: N802 (http.server's name)
        self.send_response(200)
        self.end_headers()

    def do_GET(self):  # noqa: N802
        name = self.path.rsplit("/", 1)[-1]
        self.server.asked.append(name)
        fault = self.server.faults.pop(0) if self.server.faults else None
        body = (self.server.folder / name).read_bytes()
        if isinstance(fault, int):
            self.send_error(fault)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "hang":
            self.wfile.write(body[: len(body) // 2])
            self.server.hang.set()
            time.sleep(60)
        body = {"cut": body[: len(body) // 2], "wrong": body[::-1]}.get(fault, body)
        with contextlib.suppress(OSError):  # a client that was killed
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Have the laboratory prepared; return its description."""
    output = tmp_path_factory.mktemp("lab") / "lab.json"
    command = [sys.executable, "-m", "tests.lab", "prepare", "--suites", "bookworm", "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    return json.loads(output.read_text())


@pytest.fixture(scope="session")
def pyenv(lab, tmp_path_factory):
    """Return a clone of pyenv that the tests copy from."""
    folder = tmp_path_factory.mktemp("pyenv") / "pyenv"
    source = f"{lab['mirror']['dir']}/pyenv.git" if lab["mirror"] else "https://github.com/pyenv/pyenv.git"
    subprocess.run(["git", "clone", "-q", source, str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def real_tarball(lab, pyenv, tmp_path_factory):
    """Return the path of CPython's own tarball."""
    sha256 = tarball_sha256((pyenv / DEFINITIONS / VERSION).read_text(), VERSION)
    if lab["mirror"]:
        return Path(lab["mirror"]["dir"]) / sha256
    path = tmp_path_factory.mktemp("source") / sha256
    urllib.request.urlretrieve(f"https://www.python.org/ftp/python/{VERSION}/Python-{VERSION}.tar.xz", path)
    return path


class Case:
    """A user's pyenv, a server with the source, and the module that is run on them."""

    #: What module_utils wait before they try again is not what is tried.
    CONSTANTS = {"pyenv_build": {"PAUSES": [0, 0]}}  # noqa: RUF012

    def __init__(self, folder, server, run_module, version=VERSION):
        self.folder, self.server, self.run_module, self.name = folder, server, run_module, version
        self.running = None
        self.root = folder / ".pyenv"
        self.version = self.root / "versions" / version
        self.stamp = self.version / ".devrig.json"
        self.sources = folder / "cache/devrig-sources"
        self.tarball = self.sources / f"Python-{version}.tar.xz"
        self.identity = uuid.uuid4().hex
        self.path = os.environ["PATH"]
        self.sha256 = ""

    def call(self, started=lambda process: None, **params):
        """Run the module; return its answer."""
        wanted = {
            "root": str(self.root),
            "versions": [self.name],
            "release": "bookworm",
            "state_dir": str(self.folder / "state"),
            "cache_dir": str(self.folder / "cache"),
            "mirror_url": self.server.url,
            **params,
        }
        return self.run_module(
            "pyenv_python",
            wanted,
            started=started,
            constants=self.CONSTANTS,
            env={
                "FAULTS": str(self.folder),
                "DEVRIG_FAULTS": self.identity,
                "PATH": self.path,
                "CFLAGS": "",
                "https_proxy": "http://127.0.0.1:9",  # upstream's own server is not to be asked
                # curl's own patience is not what is tried, and its pauses cost time.
                "PYTHON_BUILD_CURL_OPTS": "--max-time 90",
            },
        )

    def log(self):
        """Return the log of the build."""
        return (self.folder / f"state/log/python-{self.name}.log").read_text()

    def processes(self, of=""):
        """Return the processes that the module started, by the mark in their environment (proc(5)).

        :param of: a text in their command lines.
        """
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                ours = entry.name.isdigit() and self.identity.encode() in (entry / "environ").read_bytes()
                if ours and of.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    def kill(self):
        """Kill the module and all that it started."""
        if self.running:
            self.running.kill()
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def begin(self, hang):
        """Start the module, and wait until it reaches the step that hangs."""
        (self.folder / "hang").write_text(hang)
        self.running = Running(self.call)
        end = time.monotonic() + 60
        while not ((self.folder / "reached").exists() or self.server.hang.is_set()):
            assert time.monotonic() < end, f"the build never reached {hang}"
            assert self.running.thread.is_alive(), self.running.answers
            time.sleep(0.02)

    def is_sound(self):
        """Say whether the interpreter is there, stamped, and nothing of a build is left."""
        return (
            self.stamp.exists()
            and not (self.version / ".devrig-building.json").exists()
            and subprocess.run([self.version / "bin/python", "-c", ""], env={"FAULTS": "/"}, check=False).returncode
            == 0
        )


@contextlib.contextmanager
def serving(folder, run_module, version=VERSION):
    """Give a Case whose server serves a folder of its own."""
    mirror = folder / "mirror"
    mirror.mkdir()
    server = Server(mirror)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    case = Case(folder, server, run_module, version)
    yield case
    case.kill()
    server.shutdown()
    server.server_close()


def make_tiny(case, pyenv):
    """Let pyenv's definition of the case's version lead to a source that is made in seconds."""
    subprocess.run(["git", "clone", "-q", str(pyenv), str(case.root)], check=True)
    mirror = case.server.folder
    case.sha256 = tiny_tarball(mirror / "new", case.name)
    (mirror / "new").rename(mirror / case.sha256)
    (mirror / f"Python-{case.name}.tar.xz").symlink_to(case.sha256)  # upstream, which is asked after the mirror
    definition = case.root / DEFINITIONS / case.name
    text = definition.read_text()
    text = text.replace(tarball_sha256(text, case.name), case.sha256)
    definition.write_text(text.replace("https://www.python.org", case.server.url))
    for name in ("tkinter.py", "Tkinter.py"):  # Tk may be missing on the machine that tests
        (case.folder / name).touch()


@pytest.fixture
def case(pyenv, run_module, tmp_path, quick_gate):
    """Return a Case whose source is made in seconds."""
    with serving(tmp_path, run_module) as case:
        make_tiny(case, pyenv)
        yield case


@pytest.fixture
def real_case(pyenv, run_module, real_tarball, tmp_path):
    """Return a Case with CPython's own source."""
    with serving(tmp_path, run_module) as case:
        (case.server.folder / real_tarball.name).symlink_to(real_tarball)
        case.sha256 = real_tarball.name
        subprocess.run(["git", "clone", "-q", str(pyenv), str(case.root)], check=True)
        yield case
