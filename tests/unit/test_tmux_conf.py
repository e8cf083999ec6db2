"""The multiplexer's file, tried with a real tmux and a server of its own."""

import re
import sys
import time

import pytest
from rendering import ODD, RELEASES, constants, defaults, rendered, run


@pytest.mark.parametrize("odd", ODD)
def test_tmux_reads_it_without_a_message(tmp_path, odd):
    conf = tmp_path / "tmux.conf"
    settings = ODD[odd]
    conf.write_text(rendered("tmux.conf.j2", **settings))
    environment = {"TMUX_TMPDIR": str(tmp_path), "HOME": str(tmp_path), "SHELL": "/bin/sh"}
    try:
        assert run("tmux", "-L", "t", "-f", "/dev/null", "new-session", "-d", "sleep 60", **environment).returncode == 0
        before = None
        for _ in range(2):
            done = run("tmux", "-L", "t", "source-file", str(conf), **environment)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            shown = run("tmux", "-L", "t", "show-options", "-s", **environment).stdout
            assert before in (None, shown), "a second reading adds something"
            before = shown
        options = run("tmux", "-L", "t", "show-options", "-g", **environment).stdout.splitlines()
    finally:
        run("tmux", "-L", "t", "kill-server", **environment)
    assert "terminal-features[90]" in before or "terminal-overrides[90]" in before
    assert f"prefix {settings.get('tmux_prefix', 'C-b')}" in options
    assert f"history-limit {settings.get('tmux_history_limit', defaults('tmux')['tmux_history_limit'])}" in options
    assert f"default-shell {settings.get('tmux_shell', '/usr/bin/zsh') or '/bin/sh'}" in options
    assert not [line for line in options if line.startswith("status") and "#(" in line]


@pytest.mark.parametrize("release", RELEASES)
def test_every_tmux_key_has_a_note_where_tmux_knows_notes(release):
    keys = [line for line in rendered("tmux.conf.j2", release).splitlines() if line.startswith("bind ")]
    assert len(keys) > 20
    noted = [line for line in keys if re.match(r"bind (-T copy-mode-vi )?-N \"[A-Z][^\"]+\" ", line)]
    assert noted == ([] if release in constants("tmux")["__tmux_before_3_1"] else keys)


@pytest.mark.parametrize("release", RELEASES)
def test_tmux_2_6_can_read_it_where_it_is(release):
    """It knows no %else, no %if in another, no features, no fill and no regular expressions."""
    text = rendered("tmux.conf.j2", release)
    words = ["%else", "terminal-features", "fill=", "m/r:", "no-clear", "-N "]
    old = release in constants("tmux")["__tmux_before_3_1"]
    assert [word for word in words if word in text] == ([] if old else words)


@pytest.fixture
def tmux(tmp_path):
    """Return a function that runs tmux on a server of its own, which has read our file; its clients are in another."""
    conf = tmp_path / "tmux.conf"
    conf.write_text(rendered("tmux.conf.j2", tmux_shell="", tmux_save_sessions=False))
    environment = {"TMUX_TMPDIR": str(tmp_path), "HOME": str(tmp_path), "SHELL": "/bin/sh"}

    def call(*arguments, server="t"):
        options = ["-f", "/dev/null" if server == "outer" else str(conf)]
        done = run("tmux", "-u", "-L", server, *options, *arguments, **environment)
        assert done.stderr == ""
        return done.stdout.rstrip("\n")

    def until(condition):
        limit = time.monotonic() + 10
        while not condition() and time.monotonic() < limit:
            time.sleep(0.05)
        assert condition()

    def press(*keys):
        call("send-keys", *keys, server="outer")

    call.until, call.press = until, press
    call("new-session", "-d", "-x", "80", "-y", "24", "-n", "here", "cat")
    call("set-option", "-s", "terminal-overrides[99]", "*:Ms=\\E]52;%p1%s;%p2%s\\007", server="t")
    attach = "env -u TMUX TERM=xterm-256color tmux -u -L t attach"
    call("new-session", "-d", "-x", "80", "-y", "24", attach, server="outer")
    call("set-option", "-s", "set-clipboard", "on", server="outer")
    until(lambda: "here" in call("capture-pane", "-p", server="outer"))
    yield call
    for server in ("outer", "t"):
        run("tmux", "-L", server, "kill-server", **environment)


def as_vim(tmp_path, name):
    """Return a command that goes by a name of vim's and writes down what is typed."""
    code = "import tty, os; tty.setraw(0); print('ready', end='', flush=True); "
    code += f"open('{tmp_path}/got', 'wb').write(os.read(0, 9)); os.read(0, 9)"
    start = f"import os, sys; os.execv(sys.executable, ['{name}', '-c', sys.argv[1]])"
    return f'exec {sys.executable} -c "{start}" "{code}"'


@pytest.mark.parametrize("name", ["vim", "vi", "nvim", "vimdiff", "/usr/bin/vim.basic"])
def test_tmux_hands_the_keys_of_panes_to_vim(tmux, tmp_path, name):
    tmux("split-window", "-h", "cat")
    tmux("split-window", "-h", as_vim(tmp_path, name))
    tmux.until(lambda: "ready" in tmux("capture-pane", "-p"))
    tmux.press("M-h")
    tmux.until(lambda: (tmp_path / "got").exists() and (tmp_path / "got").read_bytes())
    assert (tmp_path / "got").read_bytes() == b"\x1b[1;3D"
    assert tmux("display-message", "-p", "#{pane_index}") == "3"


def test_tmux_moves_from_other_programs_and_out_of_copy_mode(tmux, tmp_path):
    def pane():
        return tmux("display-message", "-p", "#{pane_index}")

    tmux("split-window", "-h", as_vim(tmp_path, "vimtutor"))
    tmux.until(lambda: "ready" in tmux("capture-pane", "-p"))
    tmux.press("M-h")
    tmux.until(lambda: pane() == "1")
    tmux.press("M-l")
    tmux.until(lambda: pane() == "2")
    tmux("respawn-pane", "-k", as_vim(tmp_path, "vim"))
    tmux.until(lambda: "ready" in tmux("capture-pane", "-p"))
    tmux("copy-mode")
    tmux.press("M-h")
    tmux.until(lambda: pane() == "1")


@pytest.mark.parametrize("zoomed", [False, True])
def test_a_pane_without_a_neighbour_keeps_its_keys(tmux, tmp_path, zoomed):
    if zoomed:
        tmux("split-window", "-h", "cat")
        tmux("resize-pane", "-Z")
    tmux("respawn-pane", "-k", as_vim(tmp_path, "python3"))
    tmux.until(lambda: "ready" in tmux("capture-pane", "-p"))
    tmux.press("M-l")
    tmux.until(lambda: (tmp_path / "got").exists() and (tmp_path / "got").read_bytes())
    assert (tmp_path / "got").read_bytes() == b"\x1bl"
    assert tmux("display-message", "-p", "#{window_zoomed_flag}") == str(int(zoomed))


def mouse(button, column, line, end="M"):
    """Return the keys of one report of the mouse (SGR, 1006), columns and lines from 1."""
    return "-l", f"\x1b[<{button};{column};{line}{end}"


@pytest.fixture
def text_pane(tmux):
    """Return tmux with a pane of 100 lines, scrolled back by ten."""
    tmux("respawn-pane", "-k", "i=1; while [ $i -le 100 ]; do echo word$i second$i; i=$((i+1)); done; exec cat")
    tmux.until(lambda: "second100" in tmux("capture-pane", "-p"))
    tmux("copy-mode")
    tmux("send-keys", "-X", "-N", "10", "scroll-up")
    tmux.until(lambda: "second70\n" in tmux("capture-pane", "-p", server="outer"))
    return tmux


def test_dragging_copies_to_the_clipboard_and_stays(text_pane):
    tmux = text_pane
    before = tmux("display-message", "-p", "#{scroll_position}")
    line = tmux("capture-pane", "-p", server="outer").splitlines().index("word75 second75") + 1
    for report in (mouse(0, 1, line), mouse(32, 3, line), mouse(32, 6, line), mouse(0, 6, line, "m")):
        tmux.press(*report)
    tmux.until(lambda: tmux("list-buffers"))
    assert tmux("show-buffer") == "word75"
    assert tmux("display-message", "-p", "#{pane_in_mode} #{scroll_position}") == f"1 {before}"
    tmux.until(lambda: tmux("list-buffers", server="outer"))
    assert tmux("show-buffer", server="outer") == "word75"  # what OSC 52 brought


@pytest.mark.parametrize(("clicks", "copied"), [(2, "second75"), (3, "word75 second75")])
def test_clicks_take_a_word_and_a_line(text_pane, clicks, copied):
    tmux = text_pane
    line = tmux("capture-pane", "-p", server="outer").splitlines().index("word75 second75") + 1
    for _ in range(clicks):
        tmux.press(*mouse(0, 9, line))
        tmux.press(*mouse(0, 9, line, "m"))
    tmux.until(lambda: tmux("list-buffers"))
    tmux.until(lambda: tmux("show-buffer").rstrip() == copied)


@pytest.mark.parametrize(("clicks", "copied"), [(2, "second100"), (3, "word100 second100")])
def test_clicks_work_outside_of_copy_mode_and_a_click_ends_it(text_pane, clicks, copied):
    tmux = text_pane
    tmux("send-keys", "-X", "cancel")
    tmux.until(lambda: "word100 second100" in tmux("capture-pane", "-p", server="outer").splitlines())
    line = tmux("capture-pane", "-p", server="outer").splitlines().index("word100 second100") + 1
    for _ in range(clicks):
        tmux.press(*mouse(0, 10, line))
        tmux.press(*mouse(0, 10, line, "m"))
    tmux.until(lambda: tmux("list-buffers") and tmux("show-buffer").rstrip() == copied)
    time.sleep(0.5)  # the next click is one of its own
    tmux.press(*mouse(0, 40, line))
    tmux.press(*mouse(0, 40, line, "m"))
    tmux.until(lambda: tmux("display-message", "-p", "#{pane_in_mode}") == "0")
