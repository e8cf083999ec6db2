"""The multiplexer: panes in their folder, keys that go through vim's windows too, the clipboard, what comes back."""

import base64
import re

import pytest

PREFIX = "\x02"
PANES = "#{session_name} #{window_index} #{window_name} #{pane_index} #{pane_current_path}"


def ask(home, what, *arguments):
    """Return a format of tmux's, worked out by the server of this home; "" where none runs."""
    return home.sh(f"tmux display-message -p {' '.join(arguments)} '{what}' 2>/dev/null || true").rstrip("\n")


def panes(home):
    """Return a line for each pane of all sessions: session, window, its name, pane, folder."""
    return home.sh(f"tmux list-panes -a -F '{PANES}' 2>/dev/null || true").splitlines()


@pytest.mark.parametrize(("key", "edges"), [("|", ("left", "right")), ("-", ("top", "bottom"))])
@pytest.mark.release
def test_a_split_starts_in_the_same_folder(home, tmux, key, edges):
    home.sh("mkdir 'my project'")
    terminal = tmux(folder=f"{home.path}/my project")
    terminal.press(PREFIX, key)
    terminal.wait("two prompts", lambda: terminal.text.count("~/my project %") == 2)
    assert [pane.split(" ", 4)[3:] for pane in panes(home)] == [
        ["1", f"{home.path}/my project"],
        ["2", f"{home.path}/my project"],
    ]
    assert ask(home, f"#{{pane_at_{edges[1]}}}#{{pane_at_{edges[0]}}}") == "10", "the new pane is behind the old one"


def test_a_new_window_starts_in_the_same_folder(home, tmux):
    home.sh("mkdir 'my project'")
    terminal = tmux(folder=f"{home.path}/my project")
    terminal.press(PREFIX, "c")
    terminal.wait("two windows", lambda: len(panes(home)) == 2)
    terminal.wait_for("~/my project %")


def test_alt_h_j_k_l_go_from_pane_to_pane(home, tmux):
    terminal = tmux()
    terminal.press(PREFIX, "|")
    terminal.wait("two panes", lambda: len(panes(home)) == 2)
    terminal.press(PREFIX, "-")
    terminal.wait("three prompts", lambda: len(re.findall(r"~ %", terminal.text)) == 3)
    # Pane 1 is the left half, 2 the upper and 3 the lower right one.
    for key, pane in (("k", "2"), ("h", "1"), ("l", "2"), ("j", "3"), ("h", "1")):
        terminal.send("\x1b", key)
        terminal.wait(f"Alt-{key} goes to pane {pane}", lambda pane=pane: ask(home, "#{pane_index}") == pane)


@pytest.mark.release
def test_alt_h_j_k_l_go_through_vim_s_windows_too(home, tmux):
    """Left pane: a shell. Right pane: vim with windows first, second (beside each other) and third (below second)."""
    home.sh("touch first second third")
    terminal = tmux()
    terminal.press(PREFIX, "|")
    terminal.wait("two prompts", lambda: len(re.findall(r"~ %", terminal.text)) == 2)
    terminal.run("vim first")
    terminal.wait("vim", lambda: ask(home, "#{pane_current_command}") == "vim")
    terminal.run(":vsplit second")
    terminal.run(":split third")
    terminal.run(":call writefile([''], 'ready')")
    terminal.wait("vim has done it all", lambda: "ready" in home.sh("ls").split())

    def here():
        """Write down in which file of vim's the cursor is, by a key of vim's that this test has made."""
        home.sh("rm -f where")
        terminal.run(":call writefile([expand('%')], 'where')")
        return terminal.wait("vim answers", lambda: home.sh("cat where 2>/dev/null || true")).strip()

    assert here() == "third"
    for key, file in (("k", "second"), ("h", "first"), ("l", "second"), ("j", "third")):
        terminal.send("\x1b", key)
        assert here() == file, f"Alt-{key}"
    terminal.send("\x1bh")
    assert here() == "first"
    terminal.send("\x1bh")
    terminal.wait("over the edge into the left pane", lambda: ask(home, "#{pane_index}") == "1")
    terminal.send("\x1bl")
    terminal.wait("back into vim", lambda: ask(home, "#{pane_index}") == "2")
    assert here() == "first"


@pytest.mark.release
def test_what_is_copied_reaches_the_clipboard_outside_and_is_pasted(home, tmux):
    terminal = tmux()
    terminal.run("clear; echo 'copy me'")
    terminal.wait("the output", lambda: "copy me" in terminal.rows)
    terminal.wait_prompt()
    before = len(terminal.raw)
    terminal.press(PREFIX, "[")
    terminal.wait("copy mode", lambda: ask(home, "#{pane_in_mode}") == "1")
    terminal.press(*"k0v$y")
    sent = terminal.wait(
        "OSC 52", lambda: re.search(rb"\x1b\]52;c?;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)", terminal.raw[before:])
    )
    assert base64.b64decode(sent[1]).decode().rstrip("\n") == "copy me"
    terminal.wait("copy mode is over", lambda: ask(home, "#{pane_in_mode}") == "0")
    terminal.send("echo pasted ")
    terminal.press(PREFIX, "]")
    terminal.wait_for("echo pasted copy me")


@pytest.mark.release
def test_the_status_line_tells_of_the_prefix(tmux):
    terminal = tmux()
    assert "prefix" not in terminal.rows[-1]
    terminal.press(PREFIX)
    terminal.wait("told", lambda: "prefix" in terminal.rows[-1])


# --- t: sessions that are found again


@pytest.fixture
def workplace(home, zsh):
    """A terminal with a session that `t` has made: two windows, the second with two panes in a folder of its own."""
    home.sh("mkdir 'my project'")
    terminal = zsh(columns=100, lines=30)
    terminal.run("t")
    terminal.wait("a session", lambda: len(panes(home)) == 1)
    terminal.wait("a prompt in it", lambda: terminal.before_cursor.endswith("% ") and terminal.rows[-1])
    terminal.press(PREFIX, "c")
    terminal.wait("a second window", lambda: len(panes(home)) == 2 and terminal.before_cursor.endswith("% "))
    terminal.run("cd 'my project'")
    terminal.wait_for("~/my project %")
    terminal.press(PREFIX, "|")
    terminal.wait("three panes", lambda: len(panes(home)) == 3 and terminal.text.count("~/my project %") == 2)
    return terminal


def lost_and_found(home, terminal):
    """Kill the server as a crash would, start again with t, and see that all panes are where they were."""
    before = panes(home)
    home.sh(f"kill -9 {ask(home, '#{pid}')}")
    terminal.wait("the shell outside", lambda: not panes(home) and terminal.before_cursor.endswith("% "))
    terminal.run("clear")
    terminal.wait("cleared", lambda: terminal.text == "~ %")
    terminal.run("t")
    terminal.wait("all that was there", lambda: panes(home) == before, timeout=10)
    terminal.wait("both prompts", lambda: terminal.text.count("~/my project %") == 2, timeout=10)


@pytest.mark.release
def test_what_was_saved_by_a_key_comes_back_after_a_crash(home, workplace):
    workplace.press(PREFIX, "\x13")
    workplace.wait("saved", lambda: home.sh("grep -rl 'my project' .local/state 2>/dev/null || true"))
    lost_and_found(home, workplace)


def test_what_was_there_for_ten_seconds_comes_back_after_a_crash(home, workplace):
    three = r"""grep -rc 'my project' .local/state 2>/dev/null | awk -F: '$2 >= 2' || true"""
    workplace.wait("saved by itself", lambda: home.sh(three), timeout=15)
    lost_and_found(home, workplace)


def test_t_with_a_name_makes_a_session_and_finds_it_again(home, zsh):
    terminal = zsh(columns=100, lines=30)
    for _ in range(2):
        terminal.run("t work")
        terminal.wait("attached", lambda: ask(home, "#{session_attached}", "-t", "=work:") == "1")
        assert home.sh("tmux list-sessions -F '#{session_name}'") == "work\n"
        terminal.wait("its name in the status line", lambda: "work" in terminal.rows[-1])
        terminal.press(PREFIX, "d")
        terminal.wait("detached", lambda: ask(home, "#{session_attached}", "-t", "=work:") == "0")
        terminal.wait_prompt()
    terminal.run("t other")
    terminal.wait("another", lambda: ask(home, "#{session_attached}", "-t", "=other:") == "1")
    terminal.wait("its name in the status line", lambda: "other" in terminal.rows[-1])
    terminal.run("t work")
    terminal.wait("changed from inside", lambda: ask(home, "#{session_attached}", "-t", "=work:") == "1")
    assert ask(home, "#{session_attached}", "-t", "=other:") == "0"
