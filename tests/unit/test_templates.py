"""Every template renders for every release and for odd settings, and the program that reads it finds no fault in it."""

import re
import subprocess
import sys
import time

import pytest
from rendering import RELEASES, TEMPLATES, constants, defaults, render

#: template -> (role, settings that its task gives it)
ROLE_OF = {
    "zshrc.j2": ("zsh", {}),
    "zprofile.j2": ("zsh", {}),
    "zshenv.j2": ("zsh", {}),
    "vimrc.j2": ("vim", {}),
    "tmux.conf.j2": ("tmux", {}),
    "Pipfile.j2": ("pipenv", {"devrig_environment": {}, "pipfile_python_version": "3.6"}),
}
EDITOR_TEMPLATES = ("zshrc.j2", "zprofile.j2", "zshenv.j2", "vimrc.j2", "tmux.conf.j2")

#: name -> settings that a person could have
ODD = {
    "as delivered": {},
    "home with blanks and umlauts": {"home": "/home/Jörg d'Été, Ø"},
    "pyenv elsewhere": {"pyenv_root": "/opt/py env/it's"},
    "no login shell": {"zsh_login_shell": False, "tmux_shell": ""},
    "another prefix": {"tmux_prefix": "C-a", "tmux_history_limit": 1},
    "no colours, no linters": {"vim_colorschemes": [], "vim_linters": {}},
    "another state folder": {"vim_state_dir": "/srv/it's, vim"},
    "short history": {"zsh_history_size": 10},
    "sessions are not saved": {"tmux_save_sessions": False, "tmux_restore_programs": []},
}


#: No pyenv of the machine's on PATH, no git settings of the person's.
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null"}


def rendered(template, release="bookworm", **settings):
    role, given = ROLE_OF[template]
    return render(template, role, release, **{**given, **settings})


def run(*command, **environment):
    """Run a command with the system's programs and no settings of the person who tests; return what it did."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**BARE, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment},
    )


def test_every_template_is_known_here():
    assert sorted(ROLE_OF) == sorted(path.name for path in TEMPLATES.iterdir())


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("template", ROLE_OF)
def test_template_renders_cleanly(template, release, odd):
    text = rendered(template, release, **ODD[odd])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "Ansible managed" in text.splitlines()[0] + text.splitlines()[1]
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "{{" not in text
    assert "{%" not in text
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text), "a date would change the file with every run"


@pytest.mark.parametrize("template", EDITOR_TEMPLATES)
def test_an_undefined_setting_is_an_error(template):
    """The renderer itself can fail: without it the test above would prove nothing."""
    source = (TEMPLATES / template).read_text()
    assert "ansible_managed" in source
    role, given = ROLE_OF[template]
    with pytest.raises(Exception, match="ansible_managed|undefined"):
        render(template, role, "bookworm", **{**given, "ansible_managed": "{{ no_such_setting }}"})


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("role", ["zsh", "vim", "tmux"])
def test_package_tables_are_complete(role, release):
    table = constants(role)[f"__{role}_packages"]
    assert set(table) == set(RELEASES)
    assert role in table[release]
    assert len(set(table[release])) == len(table[release])


def test_debian_releases_have_every_plugin():
    for release in ("bullseye", "bookworm", "trixie"):
        assert {"zsh-autosuggestions", "zsh-syntax-highlighting"} <= set(constants("zsh")["__zsh_packages"][release])
        assert {"vim-ale", "vim-gitgutter", "fzf"} <= set(constants("vim")["__vim_packages"][release])


# --- vim


@pytest.fixture
def vim(tmp_path):
    """Return a function that starts vim with our file in a home folder and returns the values of expressions."""
    home = tmp_path / "Jörg d'Été, Ø"
    home.mkdir()

    def start(*expressions, file="", text="", locale="C.UTF-8", **settings):
        (home / ".vimrc").write_text(rendered("vimrc.j2", home=str(home), **settings))
        (home / file).write_text(text) if file else None
        answers = tmp_path / "answers"
        for number, expression in enumerate(expressions):
            with (tmp_path / "ask.vim").open("a" if number else "w") as ask:
                ask.write(f"call writefile([string({expression})], '{answers}', 'a')\n")
        asking = ["-S", str(tmp_path / "ask.vim")] if expressions else []
        files = [str(home / file)] if file else []
        vimrc = str(home / ".vimrc")
        done = run(
            "vim", "-u", vimrc, "-i", "NONE", "-es", *asking, "-c", "quitall!", *files, HOME=str(home), LC_ALL=locale
        )
        assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, "", "")
        return answers.read_text().splitlines() if expressions else []

    start.home = home
    return start


@pytest.mark.parametrize("odd", sorted(set(ODD) - {"home with blanks and umlauts"}))
def test_vim_reads_it_without_an_error(vim, odd):
    assert vim("v:errmsg", "&encoding", **ODD[odd])[:2] == ["''", "'utf-8'"]


def test_vim_damages_no_file_where_there_is_no_locale(vim):
    answer = vim("&encoding", "strchars(getline(1))", file="a.txt", text="Jörg\n", locale="C")
    assert answer == ["'utf-8'", "4"]


def test_vim_keeps_its_files_in_the_state_folder(vim):
    state = f"{vim.home}/.local/state/vim"
    answer = vim("&undofile", "&undodir", "&directory")
    escaped = state.replace(",", "\\,").replace("'", "''")
    assert answer == ["1", f"'{escaped}/undo//'", f"'{escaped}/swap//'"]
    assert (vim.home / ".local/state/vim/undo").is_dir()
    assert (vim.home / ".local/state/vim/swap").is_dir()


LANGUAGES = {
    "a.py": "[&shiftwidth, &expandtab, &colorcolumn]==[4, 1, '80']",
    "a.rb": "[&shiftwidth, &expandtab]==[2, 1]",
    "a.yml": "[&shiftwidth, &expandtab, stridx(&indentkeys, '<:>')]==[2, 1, -1]",
    "a.sh": "[&shiftwidth, &expandtab]==[2, 1]",
    "Makefile": "[&expandtab, &tabstop, &shiftwidth]==[0, 8, 8]",
}


@pytest.mark.parametrize("file", LANGUAGES)
def test_vim_knows_the_language(vim, file):
    assert vim(LANGUAGES[file], file=file, text="\n") == ["1"]


def test_vim_gives_ale_the_named_linters_and_no_others(vim):
    linters = {"python": ["pylint"], "sh": []}
    asked = ["g:ale_linters.python", "g:ale_linters.sh", "len(g:ale_linters)", "g:ale_linters_explicit"]
    assert vim(*asked, vim_linters=linters) == ["['pylint']", "[]", "2", "1"]


def test_vim_takes_the_first_colour_scheme_that_is_there(vim):
    answer = vim("get(g:, 'colors_name', '')", vim_colorschemes=["no-such-scheme", "desert", "blue"])
    assert answer in (["'desert'"], ["''"])


def test_own_vim_lines_come_last(vim):
    (vim.home / ".vimrc.local").write_text("set shiftwidth=3\n")
    assert vim("&shiftwidth") == ["3"]


# --- tmux


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
