"""Times and costs of a shell, an editor and a multiplexer, measured on the machine whose they are.

Runs there by itself (`python3 - <measure.py`), so it needs nothing but Python 3.9's library; reads what to measure as
JSON from its arguments and prints the results as JSON. Times are seconds; those of one kind are taken in turn, so that
the machine's noise meets all of them alike.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

PATIENCE = 20.0
"""Seconds after which something that does not come is given up."""

PROMPT_STANDS = b"\x1b[?2004h"
"""zsh's prompt stands and it waits for a key: the terminal is told to mark what is pasted (zshparam(1))."""

FOLDER = Path(tempfile.gettempdir()) / "devrig-measured"
# A line of strace's that tells of a new process; a thread is none.
CHILD = re.compile(
    r"^\d+ +(?:(?:clone|clone3|fork|vfork)\((?!.*CLONE_THREAD)|<\.\.\. (?:clone|fork|vfork) resumed>).*= \d+$",
    re.MULTILINE,
)

#: name -> how zsh is started, below the folder of its files
SHELLS = {"bare": "bare", "usual": "usual", "devrig": None}


class Gone(Exception):
    """What was waited for did not come; the text says what came."""


@contextlib.contextmanager
def terminal(command: Sequence[str], environment: dict[str, str], folder: Path) -> Iterator[int]:
    """Run a command in a pseudo-terminal of 80 columns and 24 rows; the value is its side of a person."""
    pid, side = pty.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            os.chdir(folder)
            os.execvpe(command[0], list(command), environment)  # noqa: S606 - in a terminal of its own
        os._exit(127)
    try:
        yield side
    finally:
        # A hang-up is what a terminal that is closed sends.
        os.close(side)
        deadline = time.monotonic() + 2
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(pid, 9)
            time.sleep(0.002)


def until(side: int, mark: bytes) -> bytes:
    """Read from a terminal until a mark has come; return what came. Raises Gone."""
    text = b""
    while mark not in text:
        ready, _, _ = select.select([side], [], [], PATIENCE)
        if not ready:
            raise Gone(f"waited {PATIENCE:g} s for {mark!r}, got {text[-500:]!r}")
        try:
            text += os.read(side, 1 << 16)
        except OSError as error:
            raise Gone(f"it ended before {mark!r}: {text[-500:]!r}") from error
    return text


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a person who has just logged in."""
    kept = {name: os.environ[name] for name in ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL") if name in os.environ}
    path = "/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "SHELL": "/usr/bin/zsh", "TERM": "xterm-256color", "HOME": str(Path.home()), **kept, **more}


def shell(name: str) -> dict[str, str]:
    """Return the environment that makes zsh read a shell's files."""
    return environment() if SHELLS[name] is None else environment(ZDOTDIR=str(FOLDER / SHELLS[name]))


def seconds(command: Sequence[str], environment: dict[str, str]) -> float:
    """Return how long a command runs. Raises Gone if it fails."""
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    took = time.perf_counter() - begin
    if done.returncode:
        raise Gone(f"{command}: {done.stderr.decode()[-500:]}")
    return took


def start(name: str) -> float:
    """Time a shell's start and end."""
    return seconds(["zsh", "-i", "-c", "exit"], shell(name))


def first_prompt(name: str) -> float:
    """Time a shell's start until its prompt stands."""
    begin = time.perf_counter()
    with terminal(["zsh", "-i"], shell(name), Path.home()) as side:
        until(side, PROMPT_STANDS)
        return time.perf_counter() - begin


def lag(name: str, folder: Path, commands: int = 10) -> float:
    """Return the median time from Enter to the next prompt, for a command that does nothing."""
    with terminal(["zsh", "-i"], shell(name), folder) as side:
        until(side, PROMPT_STANDS)
        settle(side)
        times = []
        for _ in range(commands):
            os.write(side, b":")
            settle(side)
            begin = time.perf_counter()
            os.write(side, b"\r")
            until(side, PROMPT_STANDS)
            times.append(time.perf_counter() - begin)
            settle(side)
        return sorted(times)[commands // 2]


def settle(side: int, quiet: float = 0.1) -> None:
    """Read from a terminal until nothing has come for so many seconds."""
    while select.select([side], [], [], quiet)[0]:
        os.read(side, 1 << 16)


def vim(options: Sequence[str]) -> float:
    """Time vim's start until the file's text is on the screen."""
    begin = time.perf_counter()
    with terminal(["vim", "-i", "NONE", *options, "file.py"], environment(), FOLDER) as side:
        until(side, b"first_line")
        return time.perf_counter() - begin


def tmux(options: Sequence[str]) -> float:
    """Time a new session of a server of its own."""
    with tempfile.TemporaryDirectory() as sockets:
        where = environment(TMUX_TMPDIR=sockets, XDG_STATE_HOME=sockets)
        try:
            return seconds(["tmux", *options, "new-session", "-d", "-x", "80", "-y", "24"], where)
        finally:
            subprocess.run(["tmux", "kill-server"], env=where, check=False, capture_output=True)
            # The server ends a moment later, and its files are in the folder that is about to go.
            time.sleep(0.05)


def in_turn(rounds: int, kinds: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Take each kind's time once a round."""
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, take in kinds.items():
            times[name].append(take())
    return times


def forks(command: Sequence[str], environment: dict[str, str], mark: bytes | None = None) -> int:
    """Count the processes that a command starts, until it ends or writes a mark to its terminal."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "strace"
        calls = "clone,clone3,fork,vfork" + (",write" if mark else "")
        traced = ["strace", "-f", "-s", "256", "-e", f"trace={calls}", "-o", str(record), *command]
        if mark is None:
            seconds(traced, environment)
            return len(CHILD.findall(record.read_text()))
        with terminal(traced, environment, Path.home()) as side:
            until(side, mark)
            settle(side)
        shown = mark.decode().replace("\x1b", "\\33")  # as strace writes it
        before, found, _ = record.read_text().partition(shown)
        if not found:
            raise Gone(f"strace saw no {shown}")
        return len(CHILD.findall(before))


def tmux_forks(options: Sequence[str]) -> int:
    """Count the processes of a new session and its server, the shell in it and what ends them included."""
    with tempfile.TemporaryDirectory() as folder:
        words = " ".join(options)
        # The pane's own process is no shell, so that nothing counts but tmux.
        script = f"tmux {words} new-session -d -x 80 -y 24 'exec sleep 5'; sleep 0.3; tmux kill-server"
        return forks(["sh", "-c", script], environment(TMUX_TMPDIR=folder, XDG_STATE_HOME=folder))


def instructions(command: Sequence[str], environment: dict[str, str]) -> int:
    """Count the instructions of a command's own process (valgrind's callgrind)."""
    counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(counted, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    found = re.findall(rb"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise Gone(done.stderr.decode()[-500:])
    return int(found[-1])


def prepare() -> None:
    """Make the other shells' files and a file for vim, and start each shell once."""
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    for name in ("bare", "usual"):
        (FOLDER / name).mkdir(parents=True)
        (FOLDER / name / ".zshrc").write_text("" if name == "bare" else USUAL)
    (FOLDER / "file.py").write_text("first_line = 1\n" + "value = [1, 2, 3]\n" * 200)
    # What a shell makes at its first start is no part of the others.
    for name in SHELLS:
        start(name)


def large_repository() -> Path:
    """Make a repository of 10,000 files; return its folder."""
    large = FOLDER / "large"
    for index in range(10_000):
        place = large / f"folder-{index // 100}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"file-{index}").write_text(f"{index}\n")
    git = ["git", "-C", str(large), "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    return large


def times(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Take every time; figure -> kind -> seconds."""
    large = large_repository()
    shells = {name: name for name in SHELLS}
    found = {
        "zsh -i -c exit": in_turn(rounds, {name: lambda name=name: start(name) for name in shells}),
        "first prompt": in_turn(rounds, {name: lambda name=name: first_prompt(name) for name in shells}),
        "command lag": in_turn(max(rounds // 4, 1), {n: lambda n=n: lag(n, Path.home()) for n in shells}),
        "command lag, 10,000 files": in_turn(max(rounds // 4, 1), {n: lambda n=n: lag(n, large) for n in shells}),
        "vim file.py": in_turn(rounds, {"bare": lambda: vim(["--clean"]), "devrig": lambda: vim([])}),
        "new tmux session": in_turn(rounds, {"bare": lambda: tmux(["-f", "/dev/null"]), "devrig": lambda: tmux([])}),
    }
    made = Path.home() / ".cache/devrig/zsh"
    if made.exists():
        firsts, tenths = [], []
        for _ in range(max(rounds // 4, 1)):
            shutil.rmtree(made)
            subprocess.run(
                ["zsh", "-f", "-c", READY], check=True, env=environment(), capture_output=True, stdin=subprocess.DEVNULL
            )
            starts = [start("devrig") for _ in range(10)]
            firsts.append(starts[0])
            tenths.append(starts[9])
        found["shell after provisioning"] = {"first": firsts, "tenth": tenths}
    return found


def costs() -> dict[str, dict[str, int]]:
    """Count what does not depend on the machine's noise; figure -> kind -> number."""
    command = ["zsh", "-i", "-c", "exit"]
    editor = ["vim", "-i", "NONE", str(FOLDER / "file.py")]
    return {
        "forks, zsh -i -c exit": {name: forks(command, shell(name)) for name in SHELLS},
        "forks until the first prompt": {name: forks(["zsh", "-i"], shell(name), PROMPT_STANDS) for name in SHELLS},
        "forks, vim file.py": {
            "bare": forks([*editor, "--clean"], environment(), b"first_line"),
            "devrig": forks(editor, environment(), b"first_line"),
        },
        "forks, new tmux session": {"bare": tmux_forks(["-f", "/dev/null"]), "devrig": tmux_forks([])},
        "instructions, zsh -i -c exit": {name: instructions(command, shell(name)) for name in SHELLS},
    }


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    USUAL, READY = asked["usual"], asked["ready"]
    prepare()
    print(json.dumps({"times": times(asked["rounds"]) if asked["rounds"] else {}, "costs": costs()}))
