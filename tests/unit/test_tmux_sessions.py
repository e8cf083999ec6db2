"""tmux-sessions: what it reads, what it decides, and a real server that is killed and comes back."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from importlib import util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "roles/tmux/files/tmux_sessions.py"
spec = util.spec_from_file_location("tmux_sessions", SCRIPT)
sessions = util.module_from_spec(spec)
spec.loader.exec_module(sessions)

Problem, Ref, Step = sessions.Problem, sessions.Ref, sessions.Step
SEPARATOR = "<0123>"


def a_pane(**fields):
    """Return a pane as parse_panes() does, of session "work", window 1."""
    pane = dict.fromkeys(sessions.FIELDS, "")
    pane.update(
        {
            "version": "3.3a",
            "pid": "77",
            "start_time": "1700000000",
            "session_id": "$0",
            "session_name": "work",
            "session_attached": "0",
            "session_activity": "5",
            "window_id": "@0",
            "window_index": "1",
            "window_name": "zsh",
            "automatic-rename": "1",
            "window_layout": "b25d,80x24,0,0,0",
            "window_active": "1",
            "window_last_flag": "0",
            "window_zoomed_flag": "0",
            "window_width": "80",
            "window_height": "24",
            "pane_index": "1",
            "pane_active": "1",
            "pane_pid": "78",
            "pane_current_command": "zsh",
            "pane_current_path": "/home/dev",
        }
    )
    pane.update({key.replace("__", "-"): value for key, value in fields.items()})
    return pane


def a_state(*panes, **fields):
    """Return the state of panes, with some of its fields changed."""
    return {**sessions.state_of(list(panes) or [a_pane()], "/tmp/s", now=100), **fields}  # noqa: S108 - a name


# --- reading


def printed(*panes):
    """Return what tmux prints for panes."""
    lines = [SEPARATOR + "".join(pane[field] + SEPARATOR for field in sessions.FIELDS) for pane in panes]
    return "".join(line + "\n" for line in lines)


@pytest.mark.parametrize("folder", ["/a b", "/a\tb", "/a\nb", "/a:b,c|d", "/Jörg", "/#{pid}", "/\udcff", ""])
def test_any_folder_is_read_as_it_is(folder):
    panes = [a_pane(pane_current_path=folder), a_pane(session_name="o:d.d #")]
    assert sessions.parse_panes(printed(*panes), SEPARATOR) == panes


def test_no_panes_are_no_error_and_a_cut_answer_is_one():
    assert sessions.parse_panes("", SEPARATOR) == []
    with pytest.raises(Problem, match="cannot be read"):
        sessions.parse_panes(printed(a_pane())[:-20], SEPARATOR)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.6", (2, 6)),
        ("tmux 3.1c", (3, 1)),
        ("next-3.8", (3, 8)),
        ("3.10", (3, 10)),
        ("", (0, 0)),
        ("master", (99, 0)),
    ],
)
def test_versions(text, version):
    assert sessions.version_of(text) == version


@pytest.mark.parametrize("text", ["2.5", "1.8", ""])
def test_an_old_tmux_is_refused(text):
    with pytest.raises(Problem, match="too old: 2.6 or newer"):
        sessions.check_version(text)


def test_state_has_all_that_comes_back():
    state = a_state(
        a_pane(window_active="0", window_last_flag="1"),
        a_pane(window_index="4", window_name="logs", automatic__rename="0", pane_active="0", window_zoomed_flag="1"),
        a_pane(window_index="4", window_name="logs", automatic__rename="0", pane_index="2", window_zoomed_flag="1"),
        a_pane(session_id="$1", session_name="play", session_activity="9", window_width="200"),
    )
    assert sessions.valid(json.loads(json.dumps(state))) == state
    assert (state["life"], state["recent"], state["saved"]) == ("1700000000-77", ["play", "work"], 100)
    work, play = state["sessions"]
    assert [(window["index"], window["name"], window["zoomed"]) for window in work["windows"]] == [
        (1, "zsh", False),
        (4, "logs", True),
    ]
    assert [window["automatic_rename"] for window in work["windows"]] == [True, False]
    assert [pane["active"] for pane in work["windows"][1]["panes"]] == [False, True]
    assert play["width"] == 200
    assert sessions.counts(state) == "2 sessions, 3 windows, 4 panes"


def test_the_attached_session_is_the_current_one():
    state = a_state(a_pane(session_attached="1", session_activity="1"), a_pane(session_id="$1", session_name="later"))
    assert state["recent"] == ["work", "later"]


def test_a_second_view_of_a_group_is_no_second_session():
    first, second = a_pane(session_group="work"), a_pane(session_group="work", session_id="$7", session_name="view")
    assert [session["name"] for session in a_state(second, first)["sessions"]] == ["work"]


def test_only_a_change_is_a_change():
    assert sessions.same(a_state(), a_state(saved=999.0))
    assert not sessions.same(a_state(), a_state(a_pane(pane_current_path="/tmp")))  # noqa: S108 - a name
    assert not sessions.same(a_state(), None)


# --- programs


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["vim", "a b"], True),
        (["/usr/bin/vim"], True),
        (["vim", "a\nrm -rf ~"], False),
        (["vim", "\udcff"], False),
        (["mysql", "-psecret"], False),
        (["vimdiff"], False),
        ([], False),
        (None, False),
    ],
)
def test_only_programs_of_the_list_are_started_again(arguments, wanted):
    assert sessions.wanted_program(arguments, ["vim", "less"]) is wanted


def test_the_program_in_front_is_read_from_proc(tmp_path):
    for pid in ("10", "20"):
        (tmp_path / pid).mkdir()
    (tmp_path / "10/stat").write_text("10 (z) sh ( 1) S 1 10 10 34816 20 0")
    (tmp_path / "20/cmdline").write_bytes(b"vim\0it's\0")
    (tmp_path / "10/cwd").symlink_to("/srv")
    assert sessions.read_process("10", str(tmp_path)) == (["vim", "it's"], "/srv")
    (tmp_path / "10/stat").write_text("10 (zsh) S 1 10 10 34816 10 0")
    assert sessions.read_process("10", str(tmp_path)) == (None, "/srv")
    assert sessions.read_process("11", str(tmp_path)) == (None, None)


# --- choosing


def test_the_newest_state_of_another_life_is_chosen():
    old, new = a_state(life="1-1", saved=1), a_state(life="2-2", saved=2)
    own, other = a_state(life="3-3", saved=3), a_state(life="4-4", saved=4, socket="/else")
    empty = a_state(life="5-5", saved=5, sessions=[])
    states = [old, own, other, empty, new]
    assert sessions.choose(states, "/tmp/s", "3-3") is new  # noqa: S108 - a name
    assert sessions.choose(states, "/tmp/s", None) is own  # noqa: S108 - a name
    assert sessions.choose([own], "/tmp/s", "3-3") is None  # noqa: S108 - a name


def test_ten_of_a_socket_are_kept_and_others_are_forgotten_later():
    own = [("own%02d" % number, "/s", number) for number in range(12)]
    now = sessions.FORGET_AFTER + 50
    saved = [*own, ("young", "/t", 60), ("old", "/t", 40)]
    assert sessions.surplus(saved, "/s", now) == ["old", "own00", "own01"]


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/srv/a", "/srv/a"),
        ("/srv/a/gone/too", "/srv/a"),
        ("/srv/a (deleted)", "/srv/a"),
        ("/gone", "/home/dev"),
        ("", "/home/dev"),
    ],
)
def test_a_folder_that_is_gone_has_a_nearest_one(folder, found):
    assert sessions.nearest(folder, "/home/dev", {"/srv", "/srv/a", "/home/dev", "/"}.__contains__) == found


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"sessions": None},
        {"saved": "now"},
        {"saved": 5},
        {"sessions": [{"name": "x", "width": 1, "height": 1, "windows": []}]},
        {"sessions": [{"name": "x"}]},
        {"sessions": ["x"]},
    ],
)
def test_a_damaged_state_is_seen(change):
    with pytest.raises(ValueError, match="."):
        sessions.valid(a_state(**change))


@pytest.mark.parametrize("program", [[], [1], "vim"])
def test_a_damaged_program_is_seen(program):
    state = a_state()
    state["sessions"][0]["windows"][0]["panes"][0]["program"] = program
    with pytest.raises(ValueError, match="."):
        sessions.valid(state)


# --- the plan


def planned(state, existing=(), version=(3, 3)):
    return sessions.plan(state, set(existing), version, "/home/dev", lambda folder: folder != "/gone")


def test_plan_of_one_session_is_its_commands_in_order():
    state = a_state(
        a_pane(window_index="3", pane_active="0", window_zoomed_flag="1", window_layout="L", pane_current_path="/gone"),
        a_pane(window_index="3", pane_index="2", window_zoomed_flag="1", window_layout="L", pane_current_path="/two"),
    )
    steps, notes, names = planned(state)
    assert (notes, names) == (["/gone is gone, /home/dev instead"], ["work"])
    assert [(step.argv[0], step.cwd) for step in steps] == [
        ("new-session", "/home/dev"),
        ("move-window", None),
        ("split-window", "/two"),
        ("select-layout", None),
        ("select-layout", None),
        ("select-pane", None),
        ("resize-pane", None),
        ("select-window", None),
    ]
    assert steps[1].unless == ("s0 w0 index", "3")
    assert steps[1].argv[-1] == Ref("s0", ":3")
    assert (steps[4].argv[-1], steps[4].fallback[-1]) == ("L", "tiled")
    assert steps[5].argv[-1] == Ref("s0 w0 p1")


def test_what_is_there_is_left_alone_and_the_current_session_comes_last():
    panes = [
        a_pane(session_id="$%d" % n, session_name=name, session_activity=str(9 - n)) for n, name in enumerate("abcd")
    ]
    _, notes, names = planned(a_state(*panes), existing=["c"])
    assert notes == ["left alone, already there: c"]
    assert names == ["d", "b", "a"]


@pytest.mark.parametrize(
    ("version", "session", "window"), [((2, 6), "#x", "#y"), ((3, 0), "##x", "#y"), ((3, 1), "##x", "##y")]
)
def test_no_name_is_a_format(version, session, window):
    state = a_state(a_pane(session_name="#x", window_name="#y", automatic__rename="0"))
    argv = planned(state, version=version)[0][0].argv
    assert argv[argv.index("-s") + 1] == session
    assert argv[argv.index("-n") + 1] == window


def test_a_program_is_typed_as_one_quoted_line():
    state = a_state()
    state["sessions"][0]["windows"][0]["panes"][0]["program"] = ["vim", "it's $(id)"]
    typed = [step.argv[3:] for step in planned(state)[0] if step.argv[0] == "send-keys"]
    assert typed == [["-l", "vim 'it'\"'\"'s $(id)'"], ["Enter"]]


def test_what_depends_on_a_failed_step_is_left_out():
    ran = []

    def run(argv, cwd):
        ran.append((argv, cwd))
        return (1, "", "no room\nmore") if argv[0] == "bad" else (0, "$1 @2 %3 1\n", "")

    steps = [
        Step(["new"], "/x", ("s", "w", "p", "i")),
        Step(["move", Ref("w")], unless=("i", "1")),
        Step(["bad"], keep=("", "lost")),
        Step(["use", Ref("lost")]),
        Step(["bad"], fallback=["tiled", Ref("s", ":9")]),
    ]
    values, failures = sessions.carry_out(steps, run)
    assert failures == ["bad: no room"]
    assert values == {"s": "$1", "w": "@2", "p": "%3", "i": "1"}
    assert [argv for argv, _ in ran] == [["new"], ["bad"], ["bad"], ["tiled", "$1:9"]]


# --- the files


@pytest.fixture
def store(tmp_path):
    return sessions.Store({"XDG_STATE_HOME": str(tmp_path / "state")})


def test_a_state_is_private_and_nothing_else_is_left(store):
    state = a_state(a_pane(pane_current_path="/\udcff\n"))
    store.write(state)
    path = Path(store.path(state["life"]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert store.states() == ([state], [])


def test_a_full_disk_leaves_the_old_state(store, monkeypatch):
    store.write(a_state())

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sessions.os, "fsync", full)
    with pytest.raises(OSError, match="No space") as error:
        store.write(a_state(saved=200.0))
    assert "No space left on device" in sessions.reason(error.value, store)
    assert [state["saved"] for state in store.states()[0]] == [100]
    assert len(list(Path(store.folder).iterdir())) == 1


def test_a_damaged_file_is_named_and_skipped(store):
    store.write(a_state())
    for name, text in (("9-9.json", '{"version": 1'), ("8-8.json", "[]")):
        Path(store.folder, name).write_text(text)
    states, damaged = store.states()
    assert [state["life"] for state in states] == ["1700000000-77"]
    assert damaged == ["%s/%s is damaged, skipped" % (store.folder, name) for name in ("8-8.json", "9-9.json")]


def test_eleven_lives_leave_ten_files(store):
    for number in range(11):
        store.write(a_state(life="%d-1" % number, saved=float(number)))
    assert [state["saved"] for state in store.states()[0]] == list(range(10, 0, -1))


def test_what_a_killed_save_left_goes(store):
    store.make()
    old, young = Path(store.folder, ".a.tmp"), Path(store.folder, ".b.tmp")
    for path in (old, young):
        path.touch()
    now = young.stat().st_mtime
    os.utime(old, (now - 4000, now - 4000))
    store.write(a_state(saved=now))
    assert (old.exists(), young.exists()) == (False, True)


def test_one_life_has_one_watcher(store):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tmux_sessions as t; "
        "store = t.Store(); print([t.Store.lock(store, life) is not None for life in ('1-1', '2-2')])"
    )
    lock = store.lock("1-1")
    environment = {"XDG_STATE_HOME": str(Path(store.folder).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code, str(SCRIPT.parent)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[False, True]\n"
    os.close(lock)


# --- watching


class FakeServer:
    """Answers with one list of panes after the other; keeps what it is told to say."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.said = []
        self.socket = "/s"

    def panes(self):
        return self.answers.pop(0)

    def tell_all(self, line):
        self.said.append(line)
        return len(self.said) > 1  # nobody was there to read it the first time


def watched(server, store, **changes):
    own = {"pid": str(os.getpid()), **changes}
    server.answers = [answer and [a_pane(**{**own, **fields}) for fields in answer] for answer in server.answers]
    sessions.watch(server, store, None, pause=lambda _: None)


def test_watch_writes_only_what_changed(store, monkeypatch):
    written = []
    write = store.write
    monkeypatch.setattr(store, "write", lambda state: (written.append(state), write(state)))
    watched(
        FakeServer(
            [{}], [{}], [], [{"pane_current_path": "/x"}], [{"pane_current_path": "/x", "session_activity": "77"}], None
        ),
        store,
    )
    assert len(written) == 2


def test_watch_ends_where_another_server_has_taken_the_socket(store):
    server = FakeServer([{}], [{"start_time": "1800000000"}], [{}])
    watched(server, store)
    assert len(server.answers) == 1
    assert [state["life"] for state in store.states()[0]] == ["1700000000-%d" % os.getpid()]


def test_watch_says_trouble_until_somebody_read_it_and_then_saves(store, monkeypatch):
    def full(_):
        raise OSError(errno.EROFS, "Read-only file system", store.folder)

    write = store.write
    monkeypatch.setattr(store, "write", full)
    server = FakeServer([{}], [{}], [{}], [{}], None)
    pauses = []

    def pause(_):
        pauses.append(1)
        if len(pauses) == 4:
            monkeypatch.setattr(store, "write", write)

    server.answers = [answer and [a_pane(pid=str(os.getpid()))] for answer in server.answers]
    sessions.watch(server, store, None, pause=pause)
    assert server.said == ["sessions cannot be saved: %s: Read-only file system" % store.folder] * 2
    assert len(store.states()[0]) == 1


# --- a real server


@pytest.fixture
def real(tmp_path):
    """Return (function that runs tmux, function that runs tmux-sessions, home folder), with a server of their own."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "SHELL": "/bin/sh",
        "TMUX_TMPDIR": str(tmp_path),
        "TERM": "xterm-256color",
    }

    def run(*command, cwd=home):
        done = subprocess.run(
            command, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, (done.stdout + done.stderr).rstrip("\n")

    def tmux(*arguments, **options):
        return run("tmux", "-u", "-L", "test", *arguments, **options)[1]

    def program(*arguments):
        return run("/usr/bin/python3", "-I", str(SCRIPT), "-L", "test", *arguments)

    yield tmux, program, home
    tmux("kill-server")


def end(tmux, how):
    """End a server by a signal, and wait until it is gone."""
    os.kill(int(tmux("display-message", "-p", "#{pid}")), how)
    until(lambda: "no server" in tmux("list-sessions") or "error connecting" in tmux("list-sessions"))


def until(condition):
    """Wait for a condition, for 10 seconds at most, and assert it."""
    limit = time.monotonic() + 10
    while not condition() and time.monotonic() < limit:
        time.sleep(0.05)
    assert condition()


LOOKED_AT = (
    "#{session_name}|#{window_index}|#{window_name}|#{automatic-rename}|#{window_active}#{window_zoomed_flag}"
    "|#{pane_index}#{pane_active}|#{pane_width}x#{pane_height}|#{pane_current_path}|#{pane_current_command}"
)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_server_comes_back(real, how):
    tmux, program, home = real
    odd = home / "a\tb: Jörg's #{pid} %H;"
    odd.mkdir()
    (home / "short").mkdir()
    tmux("new-session", "-d", "-x", "120", "-y", "40", "-s", "w##o \\x\\;", "exec sh", cwd=odd)
    tmux("new-window", "-n", "100% ##(id) it's", "exec sh", cwd=home / "short")
    tmux("split-window", "-h", "-l", "30", "exec sh", cwd=odd)
    tmux("split-window", "-v", "exec sh")
    tmux("resize-pane", "-Z")
    tmux("new-session", "-d", "-s", "second", "exec sh")
    tmux("set-option", "-g", "@tmux_restore_programs", "less")
    (home / "it's.txt").write_text("line\n")
    tmux("send-keys", "-t", "second", "less it\\'s.txt", "Enter")
    # tmux names the window after its program half a second later.
    until(lambda: tmux("list-panes", "-t", "second", "-F", "#{window_name}|#{pane_current_command}") == "less|less")
    (home / "short").rename(home / "gone")
    before = tmux("list-panes", "-a", "-F", LOOKED_AT)
    assert program("save") == (0, "saved 2 sessions, 3 windows, 5 panes")
    end(tmux, how)
    status, said = program("restore")
    assert status == 0
    assert said.startswith("restored 2 sessions, 3 windows, 5 panes, saved 20")
    assert said.count(";") == 0
    assert "\n" not in said
    until(lambda: sorted(tmux("list-panes", "-a", "-F", LOOKED_AT).splitlines()) == sorted(before.splitlines()))
    status, said = program("restore")
    assert status == 0
    assert "nothing is missing" in said


def test_a_new_server_does_not_touch_what_the_old_one_left(real):
    tmux, program, _ = real
    tmux("new-session", "-d", "-s", "old", "sleep 60")
    assert program("save")[0] == 0
    end(tmux, signal.SIGKILL)
    tmux("new-session", "-d", "-s", "new", "sleep 60")
    assert program("save")[0] == 0
    status, said = program("restore")
    assert (status, said.split(",")[0]) == (0, "restored 1 session")
    assert tmux("list-sessions", "-F", "#{session_name}").split() == ["new", "old"]
    lines = program("list")[1].splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("new (runs)")


def test_nothing_to_do_is_said_or_not(real):
    _, program, _ = real
    assert program("save") == (1, "nothing to save: no tmux server runs")
    assert program("restore") == (3, "nothing to restore: no tmux server runs and nothing is saved")
    assert program("restore", "--quiet") == (3, "")
    assert program("restore", "7-7") == (3, "nothing to restore: no tmux server runs and 7-7 is not there")
    assert program("list") == (0, "nothing is saved")


def test_a_home_that_cannot_be_written_is_one_line(real):
    tmux, program, home = real
    (home / ".local").write_text("in the way")
    tmux("new-session", "-d", "sleep 60")
    assert program("save") == (1, "sessions cannot be saved: %s/.local/state: Not a directory" % home)


def test_watch_saves_by_itself_and_ends_with_its_server(real, monkeypatch):
    tmux, program, home = real
    tmux("new-session", "-d", "-s", "seen", "sleep 60")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMUX_TMPDIR": str(home.parent)}
    text = SCRIPT.read_text()
    pauses = f"FIRST_LOOK, PAUSE = {sessions.FIRST_LOOK}, {sessions.PAUSE} "
    assert text.count(pauses) == 1
    (home.parent / "faster").write_text(text.replace(pauses, "FIRST_LOOK, PAUSE = 0.1, 0.1 "))
    command = ["/usr/bin/python3", "-I", str(home.parent / "faster"), "-L", "test", "watch"]
    with subprocess.Popen(command, env=environment) as watcher:
        until(lambda: program("list")[1].endswith("seen (runs)"))
        assert subprocess.run(command, env=environment, check=False, timeout=10).returncode == 0
        end(tmux, signal.SIGKILL)
        assert watcher.wait(timeout=10) == 0
