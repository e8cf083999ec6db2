#!/usr/bin/python3 -I
"""Save the sessions of a tmux server as they change, and bring them back when it is gone.

Each life of a server (start time and process id) has a state file of its own, so that a new server never overwrites
what the one before it left. Runs on Python 3.6 and tmux 2.6, or newer, with the standard library alone.
"""

import argparse
import collections
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

VERSION = 1
OLDEST_TMUX = (2, 6)
KEEP = 10  # states of one socket
FORGET_AFTER = 90 * 86400  # seconds: states of other sockets, which nobody comes back to
FIRST_LOOK, PAUSE = 1, 5  # seconds; a server that has just begun has no sessions yet
NOTHING_TO_RESTORE = 3  # exit status
PROGRAMS_OPTION = "@tmux_restore_programs"

#: What is asked of tmux for each pane. The folder may hold anything, so the separator is random.
FIELDS = (
    "version",
    "pid",
    "start_time",
    PROGRAMS_OPTION,
    "session_id",
    "session_name",
    "session_group",
    "session_attached",
    "session_activity",
    "window_id",
    "window_index",
    "window_name",
    "automatic-rename",
    "window_layout",
    "window_active",
    "window_last_flag",
    "window_zoomed_flag",
    "window_width",
    "window_height",
    "pane_index",
    "pane_active",
    "pane_pid",
    "pane_current_command",
    "pane_current_path",
)

#: What a created window or pane says of itself.
CREATED = "#{session_id} #{window_id} #{pane_id} #{window_index}"

#: One tmux command of a plan. Items of argv are text or Ref. cwd: folder to run it in, which a new pane inherits.
#: keep: names under which the words of its output are remembered. unless: (name, value), skipped where they are equal.
#: fallback: what is run when it fails, argv too.
Step = collections.namedtuple("Step", "argv cwd keep unless fallback")
Step.__new__.__defaults__ = (None, (), None, None)

#: A value that an earlier step kept, with text after it: Ref("session 0", ":3").
Ref = collections.namedtuple("Ref", "name suffix")
Ref.__new__.__defaults__ = ("",)


class Problem(Exception):
    """What ends a command: one line that says what is wrong."""

    def __init__(self, message, status=1):
        """Take the line and the exit status."""
        super().__init__(message)
        self.status = status


# --- reading tmux


def question(separator):
    """Return the format whose answers parse_panes() reads; separator is text that occurs nowhere else."""
    return separator + "".join("#{%s}%s" % (field, separator) for field in FIELDS)


def parse_panes(output, separator):
    """Return the panes of a server, each a dict of FIELDS.

    :param output: what `tmux list-panes -a -F` printed for question(), text. A folder's name may hold line ends.
    :param separator: the one that question() was given.
    :raises Problem: for output that is cut off or comes from a tmux that knows no formats.
    """
    parts = output.split(separator)
    size = len(FIELDS) + 1
    if (len(parts) - 1) % size:
        raise Problem("tmux gave an answer that cannot be read: %.60r" % output)
    return [dict(zip(FIELDS, parts[start : start + size - 1])) for start in range(1, len(parts) - 1, size)]


def version_of(text):
    """Return (major, minor) of a tmux version as it is written ("3.1c", "tmux 3.3a", "next-3.6"); (0, 0) for none."""
    found = re.search(r"(\d+)\.(\d+)", text)
    if found:
        return int(found.group(1)), int(found.group(2))
    return (99, 0) if "master" in text else (0, 0)


def check_version(text):
    """Raise Problem where a tmux version, as it is written, is too old."""
    if version_of(text) < OLDEST_TMUX:
        raise Problem("tmux %s is too old: %d.%d or newer is needed" % ((text or "(unknown)",) + OLDEST_TMUX))


def number(text):
    """Return a number that tmux wrote, 0 for nothing."""
    return int(text) if text.isdigit() else 0


def on(text):
    """Return whether an option or flag of tmux's is on."""
    return text in ("1", "on")


def life_of(panes):
    """Return the name of the server's life, "START-PID", from its panes; None where there are none."""
    return "%s-%s" % (panes[0]["start_time"], panes[0]["pid"]) if panes else None


def as_tmux_says(pane):
    """Return (None, folder) of a pane: no program, the folder that tmux named."""
    return None, pane["pane_current_path"]


def state_of(panes, socket, look=as_tmux_says, now=0):
    """Return the state that is saved, from the panes of a server.

    Of sessions that share their windows (a group) the oldest is taken: a second view is not a second session.

    :param panes: result of parse_panes().
    :param socket: path of the server's socket.
    :param look: function of a pane (dict): (command line to start again or None, folder).
    :param now: seconds since 1970.
    :return: dict as JSON can hold it; see valid().
    """
    sessions, groups, times = collections.OrderedDict(), {}, {}
    for pane in sorted(panes, key=lambda pane: number(pane["session_id"][1:])):
        name = pane["session_name"]
        if pane["session_group"] and groups.setdefault(pane["session_group"], name) != name:
            continue
        times[name] = (on(pane["session_attached"]), number(pane["session_activity"]))
        session = sessions.setdefault(name, {"name": name, "width": 0, "height": 0, "windows": []})
        session["width"] = max(session["width"], number(pane["window_width"]))
        session["height"] = max(session["height"], number(pane["window_height"]))
        index = number(pane["window_index"])
        if not session["windows"] or session["windows"][-1]["index"] != index:
            session["windows"].append(
                {
                    "index": index,
                    "name": pane["window_name"],
                    "automatic_rename": on(pane["automatic-rename"]),
                    "layout": pane["window_layout"],
                    "active": on(pane["window_active"]),
                    "last": on(pane["window_last_flag"]),
                    "zoomed": on(pane["window_zoomed_flag"]),
                    "panes": [],
                }
            )
        arguments, folder = look(pane)
        session["windows"][-1]["panes"].append(
            {
                "index": number(pane["pane_index"]),
                "active": on(pane["pane_active"]),
                "command": pane["pane_current_command"],
                "folder": folder,
                "program": arguments,
            }
        )
    recent = sorted(sessions, key=lambda name: times[name], reverse=True)
    return {
        "version": VERSION,
        "life": life_of(panes),
        "socket": socket,
        "saved": round(float(now), 3),
        "recent": recent[:2],
        "sessions": list(sessions.values()),
    }


def same(one, other):
    """Return whether two states say the same, whenever they were saved."""
    return other is not None and dict(one, saved=0) == dict(other, saved=0)


def counts(state):
    """Return "2 sessions, 3 windows, 5 panes" for a state."""
    windows = [window for session in state["sessions"] for window in session["windows"]]
    numbers = (len(state["sessions"]), len(windows), sum(len(window["panes"]) for window in windows))
    names = ("session", "window", "pane")
    return ", ".join("%d %s%s" % (n, name, "" if n == 1 else "s") for n, name in zip(numbers, names))


# --- programs


def wanted_program(arguments, allowed):
    """Return whether a command line may be typed again: a program of the list, and nothing that a terminal would obey.

    :param arguments: the command line, list of text.
    :param allowed: names of programs, iterable of text.
    """
    if not arguments or os.path.basename(arguments[0]) not in set(allowed):
        return False
    return all(argument.isprintable() for argument in arguments)


def read_process(pid, proc="/proc"):
    """Return (command line of what runs in front, folder of the process itself) of a pane, from proc(5).

    Each is None where it cannot be read, the command line also where the process itself is in front.

    :param pid: the pane's own process, text.
    """
    arguments = folder = None
    try:
        folder = text_of(os.readlink(os.fsencode("%s/%s/cwd" % (proc, pid))))
        with open("%s/%s/stat" % (proc, pid), "rb") as stream:
            group = stream.read().rpartition(b")")[2].split()[5].decode()  # tpgid; the name before may hold anything
        if group != pid:
            with open("%s/%s/cmdline" % (proc, group), "rb") as stream:
                arguments = text_of(stream.read()).split("\0")[:-1]
    except (OSError, IndexError):
        pass
    return arguments, folder


def look_closely(pane):
    """Return (command line to start again or None, folder) of a pane, asking the system where tmux does not say it."""
    allowed, folder = pane[PROGRAMS_OPTION].split(), pane["pane_current_path"]
    if pane["pane_current_command"] in allowed:
        arguments, own = read_process(pane["pane_pid"])
        if own and wanted_program(arguments, allowed):
            return arguments, own
    elif not is_dir(folder):  # tmux 3.4 shows bytes that are no UTF-8 as \\377, and nothing of another user's processes
        folder = read_process(pane["pane_pid"])[1] or folder
    return None, folder


# --- what to restore, and how


def valid(data):
    """Return a state that was read from JSON; ValueError where it is not one."""
    try:
        if data["version"] != VERSION:
            raise ValueError("written by another version")
        for key, kind in (("life", str), ("socket", str), ("saved", float), ("recent", list), ("sessions", list)):
            expect(data[key], kind)
        for session in data["sessions"]:
            expect(session["name"], str)
            expect(session["width"], int)
            expect(session["height"], int)
            expect(session["windows"], list, filled=True)
            for window in session["windows"]:
                for key, kind in (("index", int), ("name", str), ("layout", str)):
                    expect(window[key], kind)
                for key in ("automatic_rename", "active", "last", "zoomed"):
                    expect(window[key], bool)
                expect(window["panes"], list, filled=True)
                for pane in window["panes"]:
                    expect(pane["folder"], str)
                    expect(pane["active"], bool)
                    for argument in [] if pane["program"] is None else expect(pane["program"], list, filled=True):
                        expect(argument, str)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("%s: %s" % (type(error).__name__, error))
    return data


def expect(value, kind, filled=False):
    """Return a value; ValueError where it is of another kind, or empty and should not be."""
    if not isinstance(value, kind) or (filled and not value):
        raise ValueError("%.40r is no %s" % (value, kind.__name__))
    return value


def choose(states, socket, life):
    """Return the state to restore: the newest of another life of the same server's socket; None where there is none.

    :param states: states, in any order.
    :param socket: path of the socket.
    :param life: name of the life of the server that runs, None where none does.
    """
    fit = [state for state in states if state["socket"] == socket and state["life"] != life and state["sessions"]]
    return max(fit, key=lambda state: state["saved"]) if fit else None


def surplus(saved, socket, now):
    """Return the names of state files that are kept no longer: all but the newest of a socket, old ones of others.

    :param saved: (name of the file, socket, seconds since 1970) of each.
    """
    own = sorted((when, name) for name, where, when in saved if where == socket)
    old = [name for name, where, when in saved if where != socket and when < now - FORGET_AFTER]
    return sorted([name for _, name in own[:-KEEP]] + old)


def nearest(folder, home, is_dir):
    """Return a folder, or its nearest parent that is there, or home instead of the root."""
    wanted = folder[: -len(" (deleted)")] if folder.endswith(" (deleted)") and not is_dir(folder) else folder
    while wanted.startswith("/") and not is_dir(wanted):
        wanted = os.path.dirname(wanted)
        if wanted == "/":
            return home
    return wanted if wanted.startswith("/") else home


def literal(text):
    """Return text that tmux, which expands formats in what it is given, takes as it is."""
    return text.replace("#", "##")


def given(name, expands):
    """Return what tmux has to be given to get a name that it showed: backslashes are doubled there."""
    name = name.replace("\\\\", "\\")
    return literal(name) if expands else name


def plan(state, existing, version, home, is_dir):
    """Return the steps that bring a state's sessions back, and what a person has to know about it.

    :param state: what valid() returns.
    :param existing: names of the sessions that are there; they are left alone.
    :param version: (major, minor) of tmux.
    :param home: folder for panes whose own is gone.
    :param is_dir: function: is this path a folder?
    :return: (list of Step, list of notes, names of the sessions that come back).
    """
    steps, notes, names, left = [], [], [], []
    recent = state["recent"]

    def folder_of(pane):
        folder = nearest(pane["folder"], home, is_dir)
        if folder != pane["folder"]:
            notes.append("%s is gone, %s instead" % (pane["folder"], folder))
        return folder

    # tmux attaches to the session that was made last.
    order = {name: len(recent) - place for place, name in enumerate(recent)}
    for place, session in enumerate(sorted(state["sessions"], key=lambda session: order.get(session["name"], 0))):
        if session["name"] in existing:
            left.append(session["name"])
            continue
        names.append(session["name"])
        steps += session_steps("s%d" % place, session, version, folder_of)
    if left:
        notes.insert(0, "left alone, already there: " + ", ".join(sorted(left)))
    return steps, notes, names


def session_steps(key, session, version, folder_of):
    """Return the steps for one session; key names its values, folder_of is a function of a pane. The rest: plan()."""
    steps = []
    called = given(session["name"], version >= (3, 0))
    for place, window in enumerate(session["windows"]):
        at = "%s w%d" % (key, place)
        first = window["panes"][0]
        name = [] if window["automatic_rename"] else ["-n", given(window["name"], version >= (3, 1))]
        target = Ref(key, ":%d" % window["index"])
        keep = (key, at, at + " p0", at + " index")
        if place == 0:
            size = ["-x", str(session["width"] or 80), "-y", str(session["height"] or 24)]
            argv = ["new-session", "-d", "-P", "-F", CREATED, "-s", called] + size + name
            steps.append(Step(argv, folder_of(first), keep))
            move = ["move-window", "-d", "-s", Ref(at), "-t", target]
            steps.append(Step(move, unless=(at + " index", str(window["index"]))))
        else:
            argv = ["new-window", "-d", "-P", "-F", CREATED, "-t", target] + name
            steps.append(Step(argv, folder_of(first), ("", *keep[1:])))
        steps += pane_steps(at, window, folder_of)
    for flag in ("last", "active"):
        chosen = [place for place, window in enumerate(session["windows"]) if window[flag]]
        steps += [Step(["select-window", "-t", Ref("%s w%d" % (key, place))]) for place in chosen[:1]]
    return steps


def pane_steps(at, window, folder_of):
    """Return the steps for a window's other panes, its layout, its programs, its active pane and its zoom."""
    steps = []
    panes = window["panes"]
    for place, pane in enumerate(panes[1:], 1):
        argv = ["split-window", "-d", "-P", "-F", CREATED, "-t", Ref("%s p%d" % (at, place - 1))]
        steps.append(Step(argv, folder_of(pane), ("", "", "%s p%d" % (at, place))))
        steps.append(Step(["select-layout", "-t", Ref(at), "tiled"]))  # room for the next one
    if len(panes) > 1:
        argv = ["select-layout", "-t", Ref(at)]
        steps.append(Step(argv + [window["layout"]], fallback=argv + ["tiled"]))
    for place, pane in enumerate(panes):
        if pane["program"]:
            line = " ".join(shlex.quote(argument) for argument in pane["program"])
            steps.append(Step(["send-keys", "-t", Ref("%s p%d" % (at, place)), "-l", line]))
            steps.append(Step(["send-keys", "-t", Ref("%s p%d" % (at, place)), "Enter"]))
    active = [place for place, pane in enumerate(panes) if pane["active"]][:1]
    for place in active if len(panes) > 1 else []:
        steps.append(Step(["select-pane", "-t", Ref("%s p%d" % (at, place))]))
        if window["zoomed"]:
            steps.append(Step(["resize-pane", "-Z", "-t", Ref("%s p%d" % (at, place))]))
    return steps


def carry_out(steps, run):
    """Run the steps of a plan; what depends on a step that failed is left out.

    :param steps: list of Step.
    :param run: function (argv, cwd) -> (exit status, output, error).
    :return: (values that were kept, what tmux said of what failed).
    """
    values, failures = {}, []
    for step in steps:
        try:
            if step.unless and values[step.unless[0]] == step.unless[1]:
                continue
            status, output, error = run(filled(step.argv, values), step.cwd)
            if status and step.fallback:
                status, output, error = run(filled(step.fallback, values), step.cwd)
        except KeyError:
            continue
        if status:
            failures.append("%s: %s" % (step.argv[0], (error.strip() or "failed").splitlines()[0]))
        else:
            values.update((name, word) for name, word in zip(step.keep, output.split()) if name)
    return values, failures


def filled(argv, values):
    """Return a step's argv as text; KeyError where a value was not kept."""
    return [values[item.name] + item.suffix if isinstance(item, Ref) else item for item in argv]


# --- the machine


def raw(text):
    """Return text as the bytes that the system has, whatever the locale."""
    return text.encode("utf-8", "surrogateescape")


def text_of(data):
    """Return bytes of the system as text; raw() gives them back unchanged."""
    return data.decode("utf-8", "surrogateescape")


def is_dir(path):
    """Return whether a path is a folder that this user may enter."""
    return os.path.isdir(raw(path)) and os.access(raw(path), os.X_OK)


class Server:
    """A tmux server, which may not run."""

    def __init__(self, label=None, path=None, environment=os.environ):
        """Take -L or -S of a command line, else the server that $TMUX names, else the default one."""
        inside = environment.get("TMUX", "").rpartition(",")[0].rpartition(",")
        if label is None and path is None and inside[0]:
            path = inside[0]
        folder = os.path.join(environment.get("TMUX_TMPDIR") or "/tmp", "tmux-%d" % os.getuid())  # noqa: S108 - tmux's
        # With -L tmux makes the folder of its sockets where it is missing, with -S it does not.
        self.options = ["-S", path] if path else ["-L", label or "default"]
        self.socket = os.path.realpath(path or os.path.join(folder, label or "default"))
        self.environment = {k: v for k, v in environment.items() if k not in ("TMUX", "TMUX_PANE", "PWD")}

    def run(self, argv, cwd=None):
        """Run a tmux command; return (exit status, output, error). -u: all of UTF-8 goes in and out as it is."""
        # A semicolon at the end of an argument would end the command.
        escaped = [item[:-1] + "\\;" if item.endswith(";") else item for item in argv]
        command = [raw(item) for item in ["tmux", "-u"] + self.options + escaped]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=raw(cwd) if cwd else None,
                env=self.environment,
                timeout=30,
                check=False,
            )
        except FileNotFoundError:
            raise Problem("tmux is not installed")
        except (OSError, subprocess.TimeoutExpired) as error:
            return 1, "", str(error)
        return done.returncode, text_of(done.stdout), text_of(done.stderr)

    def panes(self):
        """Return the panes, [] for a server without sessions, None where no server runs."""
        separator = "<%s>" % os.urandom(12).hex()
        status, output, _ = self.run(["list-panes", "-a", "-F", question(separator)])
        if status:
            return None
        panes = parse_panes(output, separator)
        for pane in panes[:1]:
            check_version(pane["version"])
        return panes

    def tell(self, message, client):
        """Show a line in a client's status line."""
        self.run(["display-message", "-c", client, literal(message).replace("%", "%%")])

    def tell_all(self, message):
        """Show a line to every client; return whether there was one."""
        _, output, _ = self.run(["list-clients", "-F", "#{client_name}"])
        for client in output.splitlines():
            self.tell(message, client)
        return bool(output.strip())


class Store:
    """The folder of the state files."""

    def __init__(self, environment=os.environ):
        """Take the folder that XDG_STATE_HOME names, else ~/.local/state."""
        base = environment.get("XDG_STATE_HOME", "")
        base = base if base.startswith("/") else os.path.join(os.path.expanduser("~"), ".local", "state")
        self.folder = os.path.join(base, "tmux", "sessions")

    def path(self, life):
        """Return the path of a life's state file."""
        return os.path.join(self.folder, life + ".json")

    def states(self):
        """Return (states, lines about files that are damaged), newest first."""
        states, damaged = [], []
        try:
            names = [name for name in os.listdir(self.folder) if name.endswith(".json") and not name.startswith(".")]
        except FileNotFoundError:
            names = []
        except OSError as error:
            raise Problem("%s: %s" % (self.folder, error.strerror))
        for name in names:
            path = os.path.join(self.folder, name)
            try:
                with open(path, encoding="utf-8") as stream:
                    states.append(valid(json.load(stream)))
            except FileNotFoundError:
                continue
            except (ValueError, RecursionError):
                damaged.append("%s is damaged, skipped" % path)
            except OSError as error:
                damaged.append("%s: %s, skipped" % (path, error.strerror))
        return sorted(states, key=lambda state: state["saved"], reverse=True), sorted(damaged)

    def make(self):
        """Make the folder; OSError where that cannot be."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)

    def write(self, state):
        """Write a state, so that a reader and a crash find the old one or the new one; then drop what is surplus."""
        self.make()
        handle, beside = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.folder)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                json.dump(state, stream, indent=1, sort_keys=True)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, self.path(state["life"]))
        except BaseException:
            os.unlink(beside)
            raise
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        saved = [(each["life"], each["socket"], each["saved"]) for each in self.states()[0]]
        for life in surplus(saved, state["socket"], state["saved"]):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(life))
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            with contextlib.suppress(FileNotFoundError):
                if name.endswith(".tmp") and os.stat(path).st_mtime < state["saved"] - 3600:
                    os.unlink(path)  # what a killed one left

    def lock(self, life):
        """Return an open file whose lock says that this process watches a life; None where another does.

        One file for all: each life locks its own byte of it.
        """
        self.make()
        handle = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        place = int(hashlib.sha256(life.encode()).hexdigest()[:15], 16)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle


def alive(pid):
    """Return whether a process of this user runs."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def reason(error, store):
    """Return the line about a state that could not be written."""
    return "sessions cannot be saved: %s: %s" % (error.filename or store.folder, error.strerror)


# --- commands: each returns its line


def save(server, store, _options):
    """Save the sessions now."""
    panes = server.panes()
    if not panes:
        raise Problem("nothing to save: no %s" % ("tmux server runs" if panes is None else "session is there"))
    state = state_of(panes, server.socket, look_closely, time.time())
    try:
        store.write(state)
    except OSError as error:
        raise Problem(reason(error, store))
    return "saved " + counts(state)


def restore(server, store, options):
    """Bring back what is missing."""
    panes = server.panes()
    states, notes = store.states()
    life = life_of(panes)
    if options.life:
        fit = [state for state in states if state["life"] == options.life]
        state = fit[0] if fit else None
    else:
        state = choose(states, server.socket, life)
    if state is None:
        what = "%s is not there" % options.life if options.life else "nothing is saved"
        said = ["nothing to restore: %s%s" % ("no tmux server runs and " if panes is None else "", what)] + notes
        raise Problem("; ".join(said), NOTHING_TO_RESTORE)
    version = panes[0]["version"] if panes else server.run(["-V"])[1].strip().replace("tmux ", "")
    check_version(version)
    existing = {pane["session_name"] for pane in panes or []}
    home = os.path.expanduser("~")
    steps, said, names = plan(state, existing, version_of(version), home if is_dir(home) else "/", is_dir)
    values, failures = carry_out(steps, server.run)
    made = sum(1 for name in values if re.match(r"s\d+$", name))
    if names and not made:
        raise Problem("nothing was restored: " + "; ".join(failures))
    told = "restored " + counts(dict(state, sessions=[each for each in state["sessions"] if each["name"] in names]))
    if not names:
        told = "nothing is missing"
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(state["saved"]))
    return "; ".join(["%s, saved %s" % (told, when)] + said + failures + notes)


def show(server, store, _options):
    """List what is saved, newest first."""
    states, damaged = store.states()
    life = life_of(server.panes())
    if not states and not damaged:
        return "nothing is saved"
    lines = []
    for state in states:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(state["saved"]))
        names = " ".join(session["name"] for session in state["sessions"])
        here = " (runs)" if state["life"] == life else ""
        other = "" if state["socket"] == server.socket else " [%s]" % state["socket"]
        lines.append("%s  %s  %s: %s%s%s" % (state["life"], when, counts(state), names, other, here))
    return "\n".join(lines + damaged)


def watch(server, store, _options, pause=time.sleep):
    """Save whenever something changed, until the server is gone. A second one for the same server ends at once.

    :param pause: function that waits, in seconds.
    """
    life = pid = lock = before = None
    trouble, told = None, False
    pause(FIRST_LOOK)
    while pid is None or alive(pid):
        panes = server.panes()
        if panes is None or (panes and life not in (None, life_of(panes))):
            break  # it is gone, or another one is there
        if panes:
            life, pid = life_of(panes), int(panes[0]["pid"])
            try:
                if lock is None:
                    lock = store.lock(life)
                    if lock is None:
                        break
                state = state_of(panes, server.socket, look_closely, time.time())
                if not same(state, before) or not os.path.exists(store.path(life)):
                    store.write(state)
                    before = state
                trouble, told = None, False
            except OSError as error:
                trouble = reason(error, store)
            if trouble and not told:
                told = server.tell_all(trouble)
        pause(PAUSE)
    if lock is not None:
        os.close(lock)


def arguments():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="tmux-sessions", description="Save tmux sessions and bring them back.")
    parser.add_argument("-L", dest="label", metavar="NAME", help="the server of this name")
    parser.add_argument("-S", dest="socket", metavar="PATH", help="the server of this socket")
    parser.add_argument("--tell", metavar="CLIENT", help="show the result in the status line of a client")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    commands.add_parser("save", help="save the sessions now").set_defaults(call=save)
    back = commands.add_parser("restore", help="bring back the sessions of the server before, what is missing of them")
    back.add_argument("life", nargs="?", metavar="STATE", help="another saved state, by its name in `list`")
    back.add_argument("--quiet", action="store_true", help="no word where there is nothing to restore (exit status 3)")
    back.set_defaults(call=restore)
    commands.add_parser("list", help="list what is saved, newest first").set_defaults(call=show)
    commands.add_parser("watch", help="save whenever something changes, until the server ends").set_defaults(call=watch)
    return parser


def main(argv=None):
    """Run a command; return its exit status."""
    options = arguments().parse_args(argv)
    server, status, stream = Server(options.label, options.socket), 0, sys.stdout
    try:
        line = options.call(server, Store(), options)
    except Problem as problem:
        line, status, stream = str(problem), problem.status, sys.stderr
    if options.tell:
        server.tell(line, options.tell)
        return 0  # it was said; tmux would say it again
    if line and not (status == NOTHING_TO_RESTORE and getattr(options, "quiet", False)):
        stream.buffer.write(line.encode("utf-8", "replace") + b"\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
