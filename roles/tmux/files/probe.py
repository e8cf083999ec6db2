"""Start a tmux server with this user's configuration, and print as JSON what it does there.

Sockets and saved sessions lie in a folder of its own, so that the user's are not touched; at the end all is gone.
Its argument is `saves` where sessions are to be saved by themselves.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

#: Stands in for vim under its name, and writes down the key that it gets.
VIM = """
import os, sys, tty
tty.setraw(0)
open(sys.argv[1] + ".ready", "w").close()
key = os.read(0, 20)
with open(sys.argv[1] + ".part", "wb") as stream:
    stream.write(key)
os.rename(sys.argv[1] + ".part", sys.argv[1])
os.read(0, 1)
"""
AS_VIM = "import os, sys; os.execv(sys.executable, ['vim', '-I'] + sys.argv[1:])"
SESSIONS = os.path.expanduser("~/.local/bin/tmux-sessions")
LOOKED_AT = "#{window_index} #{window_name} #{pane_index}#{pane_active}#{window_zoomed_flag} #{pane_current_path}"


def run(*argv, **options):
    """Run a command; return (exit status, all that it printed)."""
    options.setdefault("stdin", subprocess.DEVNULL)
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False, **options
        )
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace").rstrip("\n")


def tmux(*argv, **options):
    """Run a tmux command on the probe's server; return what it printed."""
    return run("tmux", "-u", "-L", "probe", *argv, **options)[1]


def wait_for(condition, seconds=20):
    """Wait until a function is true, for so many seconds at most; return whether it is."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def read(path):
    """Return the text of a file, "" where there is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def options_found():
    """Return the settings that are looked at."""
    named = {}
    for scope in ("-s", "-g", "-gw"):
        for line in tmux("show-options", scope).splitlines():
            name, _, value = line.partition(" ")
            named[name] = value
    return {
        "escape_time": int(named["escape-time"]),
        "prefix": named["prefix"],
        "history_limit": int(named["history-limit"]),
        "mouse": named["mouse"],
        "base_index": named["base-index"],
        "mode_keys": named["mode-keys"],
        "default_shell": named["default-shell"],
        "clipboard": named["set-clipboard"],
        "status": named["status-left"] + named["status-right"],
        "colour": named.get("terminal-features[90]", named.get("terminal-overrides[90]", "")),
    }


def noted_keys():
    """Return the keys that `prefix ?` lists of the prefix table and of the root table; [] before tmux 3.1."""
    found = {}
    for table in ("prefix", "root"):
        status, output = run("tmux", "-L", "probe", "list-keys", "-N", "-P", "", "-T", table)
        found[table] = [line.split()[0] for line in output.splitlines() if line.strip()] if status == 0 else []
    return found


def moves(work):
    """Press M-h and M-l as a person would; return what came of it.

    The probe's own client runs in a pane of a second server, whose keys are sent to it.
    """
    got = os.path.join(work, "key")
    tmux("new-window", "-n", "moves", "exec sleep 60")
    tmux("split-window", "-h", "exec sleep 60")
    run("tmux", "-L", "outer", "-f", "/dev/null", "new-session", "-d", "env -u TMUX tmux -u -L probe attach")
    wait_for(lambda: "moves" in run("tmux", "-L", "outer", "capture-pane", "-p")[1])  # drawn: keys are read from now on

    def press(key):
        run("tmux", "-L", "outer", "send-keys", key)

    def sides():
        """Whether the left one of the two panes is active."""
        return tmux("list-panes", "-F", "#{pane_active}").split() == ["1", "0"]

    press("M-h")
    moved = wait_for(sides)
    press("M-l")
    moved = moved and wait_for(lambda: not sides())
    program = [sys.executable, "-I", "-c", AS_VIM, "-c", VIM, got]
    tmux("respawn-pane", "-k", shell_quoted(program))
    wait_for(lambda: os.path.exists(got + ".ready"))
    press("M-h")
    wait_for(lambda: os.path.exists(got))
    stayed = not sides()
    run("tmux", "-L", "outer", "kill-server")
    return {"moved": moved, "handed_over": read(got).replace("\x1b", "ESC") if stayed else ""}


def shell_quoted(argv):
    """Return a command line for sh."""
    return "exec " + " ".join("'%s'" % item.replace("'", "'\\''") for item in argv)


def round_trip(work, state, wanted):
    """Kill the server as a crash would, and bring its sessions back; return what was said and whether all is there.

    wanted: whether the sessions of a server are to be saved by themselves.
    """
    folder = os.path.join(work, "a folder")
    os.mkdir(folder)
    by_itself = wait_for(
        lambda: os.path.isdir(state) and any(name.endswith(".json") for name in os.listdir(state)),
        20 if wanted else 3,
    )
    tmux("new-session", "-d", "-s", "kept", "-n", "it's kept", "exec sleep 60", cwd=folder)
    tmux("split-window", "-t", "kept", "exec sleep 60", cwd=work)
    tmux("resize-pane", "-Z", "-t", "kept")

    def panes():
        return tmux("list-panes", "-s", "-t", "kept", "-F", LOOKED_AT)

    # A pane is listed before its process has gone to its folder.
    wait_for(
        lambda: [line.endswith(" " + path) for line, path in zip(panes().splitlines(), (folder, work))] == [True] * 2
    )
    before = panes()
    status, said = run(SESSIONS, "-L", "probe", "save")
    if status == 0:
        os.kill(int(tmux("display-message", "-p", "#{pid}")), signal.SIGKILL)
        wait_for(lambda: run("tmux", "-L", "probe", "list-sessions")[0])
        status, said = run(SESSIONS, "-L", "probe", "restore")
    same = wait_for(lambda: before and panes() == before)
    return {"saved_by_itself": by_itself, "restored": status == 0 and same, "sessions_said": said}


def main():
    """Print what was found."""
    work = os.path.realpath(tempfile.mkdtemp())
    os.environ.update(TMUX_TMPDIR=work, XDG_STATE_HOME=os.path.join(work, "state"), TERM="xterm-256color")
    # Panes that come back have a shell: not with the person's files, or their history would get lines of ours.
    os.environ["ZDOTDIR"] = work
    with open(os.path.join(work, ".zshrc"), "w"):
        pass
    os.environ.pop("TMUX", None)
    try:
        term = os.path.join(work, "term")
        first = "printf %%s \"$TERM\" >'%s'; exec sleep 60" % term
        _, started = run("tmux", "-L", "probe", "new-session", "-d", "-s", "probe", "-x", "80", "-y", "24", first)
        wait_for(lambda: read(term))
        # Read once more: this time faults are told here, not in a window.
        code, again = run("tmux", "-L", "probe", "source-file", os.path.expanduser("~/.tmux.conf"))
        found = {"messages": (started + again).replace("\n", "; "), "code": code, "term": read(term)}
        found["described"] = run("infocmp", "tmux-256color")[0] == 0
        found["started"] = run("tmux", "-L", "probe", "list-sessions")[0] == 0
        if found["started"]:
            found.update(options_found(), keys=noted_keys(), **moves(work))
            found.update(round_trip(work, os.path.join(work, "state", "tmux", "sessions"), sys.argv[1:] == ["saves"]))
        print(json.dumps(found))
    finally:
        for name in ("outer", "probe"):
            run("tmux", "-L", name, "kill-server")
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
