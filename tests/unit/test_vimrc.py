"""The editor's file, tried with a real vim in a home folder of its own, in a terminal where it takes one."""

import base64
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import termios
import time

import pytest
from rendering import (
    BARE,
    ODD,
    constants,
    rendered,
    run,
)


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


def test_a_link_to_the_other_vimrc_is_read_once(vim):
    """~/.vimrc was a link to ~/.vim/vimrc, and is ~/.vimrc.local now."""
    (vim.home / ".vim").mkdir()
    (vim.home / ".vim/vimrc").write_text("let g:read = get(g:, 'read') + 1\n")
    (vim.home / ".vimrc.local").symlink_to(".vim/vimrc")
    assert vim("g:read") == ["1"]


def test_vim_damages_no_file_where_there_is_no_locale(vim):
    answer = vim("&encoding", "strchars(getline(1))", file="a.txt", text="Jörg\n", locale="C")
    assert answer == ["'utf-8'", "4"]


def test_vim_keeps_its_files_in_the_state_folder(vim):
    state = f"{vim.home}/.local/state/vim"
    answer = vim("&undofile", "&undodir", "&directory", "&backupdir")
    escaped = state.replace(",", "\\,").replace("'", "''")
    assert answer == ["1", f"'{escaped}/undo//'", f"'{escaped}/swap//'", f"'{escaped}/backup//'"]
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


def test_vim_mends_only_when_it_is_asked_and_no_blanks_that_mean_something(vim):
    asked = ["g:ale_fixers['*']", "g:ale_fixers.ruby", "g:ale_fixers.markdown + g:ale_fixers.diff + g:ale_fixers.mail"]
    asked += ["len(g:ale_fixers.python)", "get(g:, 'ale_fix_on_save')"]
    assert vim(*asked) == ["['remove_trailing_lines', 'trim_whitespace']", "['rubocop']", "[]", "1", "0"]


def test_vim_looks_for_the_programs_of_role_linters_where_it_puts_them():
    assert constants("vim")["__vim_linters_home"] == constants("linters")["__linters_home"]


def test_own_vim_lines_come_last(vim):
    (vim.home / ".vimrc.local").write_text("set shiftwidth=3\n")
    assert vim("&shiftwidth") == ["3"]


def test_a_vimrc_in_the_vim_folder_is_read_once_and_before_the_local_one(vim):
    (vim.home / ".vim").mkdir()
    (vim.home / ".vim/vimrc").write_text(
        "let g:mine = get(g:, 'mine') + 1\nset shiftwidth=5 tabstop=5\nsource ~/.vimrc\n"
    )
    (vim.home / ".vimrc.local").write_text("set shiftwidth=3\n")
    assert vim("[g:mine, &shiftwidth]", "&softtabstop") == ["[1, 3]", "4"]


def test_every_mapping_of_vim_is_explained_above_itself():
    explained = None
    found = 0
    for line in rendered("vimrc.j2").splitlines():
        words = line.split()
        if line.lstrip().startswith('"| '):
            explained = line
        elif words and re.fullmatch(r"[nvxoict]?(nore)?map", words[0]):
            found += 1
            assert explained, line
        elif words and words[0] not in ("if", "endif"):
            explained = None
    assert found >= 20


class Terminal:
    """A program in a pseudo-terminal that answers as xterm does: what it wrote, and keys for it."""

    def __init__(self, *command, size=(24, 80), **environment):
        """Start the command. :param size: rows and columns."""
        self.screen = b""
        self.process, self.handle = pty.fork()
        if self.process == 0:
            environment = {**BARE, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
            os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def type(self, keys):
        """Type text."""
        os.write(self.handle, keys.encode())

    def wait(self, condition, seconds=20):
        """Read what is written until the condition holds, or the program or the time ends; return whether it holds."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            if select.select([self.handle], [], [], 0.02)[0]:
                try:
                    piece = os.read(self.handle, 65536)
                except OSError:
                    break
                self.screen += piece
                os.write(self.handle, b"\x1b[>84;0;0c" * piece.count(b"\x1b[>c"))
        return condition()

    def end(self):
        """End the program."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.handle)


@pytest.fixture
def editor(tmp_path):
    """Return a function that starts vim with our settings in a terminal, types keys, and returns (value, screen)."""
    home = tmp_path / "home"
    home.mkdir()
    answer = tmp_path / "answer"
    script = f"""
function! Answer(timer)
  call writefile([json_encode([mode(1), v:errmsg, EXPRESSION])], '{answer}.new')
  call rename('{answer}.new', '{answer}')
endfunction
function! Look(timer)
  if UNTIL
    call timer_stop(a:timer)
    call timer_start(AFTER, 'Answer')
  endif
endfunction
autocmd VimEnter * call timer_start(20, 'Look', {{'repeat': -1}})
"""

    def start(
        expression="0", *arguments, keys="", until="1", after=300, size=(24, 80), program="vim", settings=None,
        **environment
    ):  # fmt: skip
        """:param until: an expression that comes true. :param after: milliseconds from then on until vim is asked."""
        (home / ".vimrc").write_text(rendered("vimrc.j2", home=str(home), **(settings or {})))
        words = {"EXPRESSION": expression, "UNTIL": "exists('g:typed')" if keys else until, "AFTER": str(after)}
        (tmp_path / "ask.vim").write_text(re.sub("[A-Z]{5,}", lambda word: words[word[0]], script))
        options = ["-u", str(home / ".vimrc"), "-i", "NONE", "--cmd", f"source {tmp_path}/ask.vim"]
        terminal = Terminal(program, *options, *arguments, size=size, HOME=str(home), **environment)
        try:
            if keys:
                assert terminal.wait(lambda: b"MARK" in terminal.screen), terminal.screen
                terminal.type(keys + ":let g:typed = 1\r")
            assert terminal.wait(answer.exists), terminal.screen
            terminal.wait(lambda: False, 0.05)  # what was written before
        finally:
            terminal.end()
        mode, error, value = json.loads(answer.read_text())
        assert (mode, error) == ("n", "")
        assert b"ENTER" not in terminal.screen
        return value, terminal.screen

    start.home = home
    (home / "a.py").write_text("# MARK\n" + "import os\n" * 40)
    start.file = str(home / "a.py")
    return start


@pytest.mark.parametrize("size", [(24, 80), (10, 40)])
@pytest.mark.parametrize("term", ["xterm-256color", "xterm", "tmux-256color", "screen", "linux", "vt100", "dumb"])
def test_vim_waits_for_no_key_in_any_terminal(editor, term, size):
    editor("0", editor.file, TERM=term, size=size)


def test_vim_takes_the_first_colour_scheme_that_is_there(editor):
    settings = {"vim_colorschemes": ["no-such-scheme", "desert", "blue"]}
    assert editor("g:colors_name", editor.file, settings=settings)[0] == "desert"


def test_vim_leaves_a_terminal_of_few_colours_its_own(editor):
    assert editor("exists('g:colors_name')", editor.file, TERM="xterm")[0] == 0


def test_a_state_folder_that_cannot_be_made_is_no_error(editor):
    (editor.home / ".local").write_text("a file in the way\n")
    assert editor("[&undofile, &backupdir =~# '^\\.']", editor.file)[0] == [0, 1]


def test_a_plugin_is_read_after_the_first_screen_or_with_its_first_command(editor):
    place = editor.home / ".vim/pack/mine/start/gitgutter/plugin"
    place.mkdir(parents=True)
    (place / "gitgutter.vim").write_text(
        "if exists('g:loaded_gitgutter') | finish | endif\nlet g:loaded_gitgutter = 1\n"
        "let g:early = !v:vim_did_enter\ncommand! GitGutterAll let g:all = get(g:, 'all') + 1\n"
    )
    assert editor("[g:early, g:all, g:loaded_gitgutter]", editor.file)[0] == [0, 1, 1]


def test_a_plugin_s_first_command_may_come_from_the_command_line(editor):
    test_a_plugin_is_read_after_the_first_screen_or_with_its_first_command(editor)
    (editor.home.parent / "answer").unlink()
    assert editor("[g:early, g:all]", "-c", "GitGutterAll", editor.file)[0] == [1, 2]


def test_a_plugin_that_somebody_switched_off_is_not_read(editor):
    (editor.home / ".vimrc.local").write_text("let g:loaded_gitgutter = 1\n")
    place = editor.home / ".vim/pack/mine/start/gitgutter/plugin"
    place.mkdir(parents=True)
    (place / "gitgutter.vim").write_text("if !exists('g:loaded_gitgutter') | let g:was_read = 1 | endif\n")
    assert editor("exists('g:was_read')", editor.file)[0] == 0


def test_vim_says_which_package_is_gone_in_one_line(editor):
    settings = {"__vim_plugin_files": {"vim-ale": "plugin/no-such.vim", "fzf": "/usr/bin/env"}}
    messages = editor("execute('messages')", editor.file, settings=settings)[0]
    assert messages.count("vim misses vim-ale") == 1
    assert "fzf" not in messages


EXECUTABLES = "map(['python_flake8', 'ruby_rubocop'], 'get(g:, \"ale_\" . v:val . \"_executable\", \"\")')"


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_ale_asks_the_programs_of_role_linters_where_they_are(editor):
    ours = [program(editor.home / ".local/share/devrig/linters" / name) for name in ("lint-python", "lint-ruby")]
    asked = f"[{EXECUTABLES}, g:ale_python_flake8_use_global]"
    assert editor(asked, editor.file)[0] == [ours, 1]


def test_without_them_ale_goes_its_own_way(editor):
    system = "/usr/bin/flake8" if shutil.which("flake8", path="/usr/bin") else ""
    assert editor(f"[{EXECUTABLES}, exists('g:ale_python_flake8_use_global')]", editor.file)[0] == [[system, ""], 0]


def test_linters_that_somebody_has_chosen_stay(editor):
    program(editor.home / ".local/share/devrig/linters/lint-python")
    mine = (
        "let g:ale_python_flake8_executable = 'mine'\nlet g:ale_linters = {'ruby': ['ruby']}\nlet g:ale_fixers = {}\n"
    )
    (editor.home / ".vimrc.local").write_text(mine)
    asked = f"[{EXECUTABLES}[0], exists('g:ale_python_flake8_use_global'), g:ale_linters, g:ale_fixers]"
    assert editor(asked, editor.file)[0] == ["mine", 0, {"ruby": ["ruby"]}, {}]


def test_a_linter_is_no_shim_of_pyenv_s_and_none_of_a_relative_folder(editor, tmp_path):
    program(tmp_path / ".pyenv/shims/yamllint")
    program(editor.home / "bin/yamllint")
    found = program(tmp_path / "bin/yamllint")
    path = f"{tmp_path}/.pyenv/shims:bin:{tmp_path}/bin:{BARE['PATH']}"
    assert editor("g:ale_yaml_yamllint_executable", editor.file, PATH=path)[0] == found


@pytest.mark.parametrize("keys", [" l", " l l", " l:wincmd p\r l"])
def test_space_l_opens_the_list_of_faults_and_closes_it(editor, keys):
    fault = "call setloclist(0, [{'bufnr': 1, 'lnum': 2, 'text': 'a fault'}])"
    found = editor("[winnr('$'), getline(1)]", "-c", fault, editor.file, keys=keys)[0]
    assert found == ([2, f"{editor.file}|2| a fault"] if keys == " l" else [1, "# MARK"])


def test_space_l_says_that_there_are_none(editor):
    assert "no faults are known" in editor("execute('messages')", editor.file, keys=" l")[0]


#: What vim says of ALE's: it ends a round with a history of what it has tried.
ALE = """
if exists('g:loaded_ale_dont_use_this_in_other_plugins_please') | finish | endif
let g:loaded_ale_dont_use_this_in_other_plugins_please = 1
function! Round(timer)
  let b:ale_history = [
    \\ {'job_id': 'executable', 'status': 1, 'command': '/usr/bin/there'},
    \\ {'job_id': 7, 'status': 'finished', 'exit_code': 1, 'command': ['sh', '-c', 'fine']}] + TRIED
  silent doautocmd <nomodeline> User ALELintPost
  let g:rounds = get(g:, 'rounds') + 1
endfunction
call timer_start(30, 'Round', {'repeat': 5})
"""
#: All rounds are over.
ROUNDS = "get(g:, 'rounds') == 5"
ALE_LIBRARY = {
    "ale.vim": "function! ale#Escape(text)\n  return shellescape(a:text)\nendfunction\n",
    "ale/command.vim": "function! ale#command#Run(buffer, command, callback, options)\n"
    "  call a:callback(a:buffer, ['lint-python: ' . a:command], {'exit_code': 127})\nendfunction\n",
    "ale/engine.vim": "function! ale#engine#IsCheckingBuffer(buffer)\n  return g:checking\nendfunction\n",
}
GONE = {
    "no such program": (
        "[{'job_id': 'executable', 'status': 0, 'command': '/opt/pylint'}]",
        "pylint is missing: install it, or take it out of g:ale_linters and g:ale_fixers",
    ),
    "a shim that leads to nothing": (
        "[{'job_id': 8, 'status': 'finished', 'exit_code': 127,"
        " 'command': ['sh', '-c', \"cd '/a b' && '/shims/black' -q -\"]}]",
        "black is missing: install it, or take it out of g:ale_linters and g:ale_fixers",
    ),
    "our program says it": (
        "[{'job_id': 8, 'status': 'finished', 'exit_code': 127, 'command': '/h/devrig/linters/lint-python -'}]",
        "'{home}/.local/share/devrig/linters/lint-python' --stdin-display-name %s </dev/null",
    ),
    "nothing": ("[]", None),
}


@pytest.fixture
def ale(editor):
    """Return a function that puts a stand-in for ALE in place, which has tried what an expression says."""

    def install(tried):
        place = editor.home / ".vim/pack/mine/start/ale"
        files = {f"autoload/{name}": text for name, text in ALE_LIBRARY.items()}
        for name, text in {**files, "plugin/ale.vim": ALE.replace("TRIED", tried)}.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)

    return install


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("columns", [200, 40])
def test_reports_a_missing_linter_once_in_one_line(editor, ale, gone, columns):
    tried, text = GONE[gone]
    ale(tried)
    # A terminal of this size shows the whole line, or its beginning and asks for no key.
    messages = editor("execute('messages')", editor.file, until=ROUNDS, size=(10, columns))[0]
    lines = [line for line in messages.splitlines() if "MARK" not in line and editor.file not in line]
    told = [line for line in lines if text and line and text.format(home=editor.home).startswith(line)]
    assert len(told) == (1 if text else 0), messages
    assert "missing" not in messages or text
    assert all(len(line) < columns for line in told)
    if text and columns == 200:
        assert told == [text.format(home=editor.home)]


def test_reports_no_linter_where_ale_may_try_all_it_knows(editor, ale):
    ale(GONE["no such program"][0])
    (editor.home / ".vimrc.local").write_text("let g:ale_linters_explicit = 0\n")
    assert "missing" not in editor("execute('messages')", editor.file, until=ROUNDS)[0]


@pytest.mark.parametrize("checking", [0, 1])
def test_a_clock_ticks_while_linters_run(editor, ale, checking):
    """vim does not see every end of a program by itself: one in some dozens waited for a key, on a busy machine."""
    ale("[]")
    (editor.home / ".vimrc.local").write_text(
        f"let [g:checking, g:ale_buffer_info] = [{checking}, {{'1': {{}}}}]\n"
        "autocmd VimEnter * silent doautocmd <nomodeline> User ALEJobStarted\n" * 2
    )
    ticking = "len(filter(timer_info(), 'v:val.time == 100 && v:val.repeat > 500'))"
    assert editor(ticking, editor.file)[0] == checking


@pytest.mark.skipif("+clipboard" in run("vim", "--version").stdout, reason="this vim asks the X server")
def test_what_is_yanked_goes_to_the_terminal(editor):
    screen = editor("0", editor.file, keys="yj")[1]
    assert base64.b64encode(b"# MARK\nimport os\n") in re.findall(rb"\x1b\]52;c;([\w+/=]+)\x07", screen)


@pytest.mark.skipif("+clipboard" in run("vim", "--version").stdout, reason="this vim asks the X server")
@pytest.mark.parametrize(
    ("keys", "settings"),
    [("yG", {"__vim_osc52_bytes": 100}), ("yy", {"vim_clipboard": False}), ("dd", {}), ('"ayy', {})],
)
def test_what_is_too_long_or_not_asked_for_stays_in_vim(editor, keys, settings):
    messages, screen = editor("execute('messages')", editor.file, keys=keys, settings=settings)
    assert b"]52;" not in screen
    assert ("too many for the terminal" in messages) == (keys == "yG")


@pytest.mark.parametrize("term", ["xterm-256color", "tmux-256color", "screen-256color"])
def test_alt_and_an_arrow_key_go_to_the_next_window(editor, term):
    assert editor("winnr()", "-O", editor.file, editor.file, keys="\x1b[1;3C", TERM=term)[0] == 2


def test_at_the_edge_tmux_is_asked_for_the_next_pane(editor, tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/tmux"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n')
    program.chmod(0o755)
    path = f"{tmp_path}/bin:{BARE['PATH']}"
    editor("winnr()", editor.file, keys="\x1b[1;3D", PATH=path, TMUX="x")
    assert (tmp_path / "called").read_text() == "select-pane -L\n"


@pytest.mark.skipif(not shutil.which("nvim"), reason="no neovim here")
def test_neovim_reads_it_without_an_error(editor):
    assert editor("exists('g:loaded_gitgutter')", editor.file, program="nvim")[0] in (0, 1)


@pytest.mark.skipif(not shutil.which("vim.tiny"), reason="no vim.tiny here")
def test_a_vim_without_expressions_passes_over_it(editor):
    (editor.home / ".vimrc").write_text(rendered("vimrc.j2", home=str(editor.home)))
    terminal = Terminal("vim.tiny", editor.file, HOME=str(editor.home))
    try:
        assert terminal.wait(lambda: b"import os" in terminal.screen)
        terminal.type(":q!\r")
        terminal.wait(lambda: False, 1)
    finally:
        terminal.end()
    assert not re.search(rb"ENTER|E\d+:|rror", terminal.screen)
