"""Every template renders for every release and for odd settings, and the program that reads it finds no fault in it."""

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
import subprocess
import termios
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
    "no clipboard": {"vim_clipboard": False},
    "no colours, no linters": {"vim_colorschemes": [], "vim_linters": {}},
    "another state folder": {"vim_state_dir": "/srv/it's, vim"},
    "short history": {"zsh_history_size": 10},
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


# --- zsh


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("template", ["zshrc.j2", "zprofile.j2", "zshenv.j2"])
def test_zsh_can_read_it(tmp_path, template, odd):
    file = tmp_path / "file.zsh"
    file.write_text(rendered(template, **ODD[odd]))
    done = run("zsh", "-n", str(file))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def zsh_home(tmp_path):
    """Return a function that makes a home folder with our zsh files and runs zsh in it."""
    home = tmp_path / "Jörg d'Été"
    home.mkdir()

    def zsh(*arguments, pyenv=True, settings=None, **environment):
        root = home / ".pyenv"
        if pyenv:
            (root / "bin").mkdir(parents=True, exist_ok=True)
            program = root / "bin" / "pyenv"
            program.write_text(
                '#!/bin/sh\ncase $1 in sh-*) echo "print -r -- evaluated $*" ;; *) echo "ran $*" ;; esac\n'
            )
            program.chmod(0o755)
        for name in ("zshrc", "zprofile"):
            (home / f".{name}").write_text(rendered(f"{name}.j2", home=str(home), **(settings or {})))
        done = run("zsh", *arguments, HOME=str(home), **environment)
        assert done.stderr == ""
        return done.stdout.splitlines()

    zsh.home = home
    return zsh


@pytest.mark.parametrize("pyenv", [True, False])
@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_zsh_starts_in_silence(zsh_home, pyenv, term):
    assert zsh_home("-lic", "true", pyenv=pyenv, TERM=term) == []


@pytest.mark.parametrize("how", ["-lic", "-lc", "-ic"])
def test_pyenv_comes_first_in_login_and_interactive_shells(zsh_home, how):
    home = zsh_home.home
    path = zsh_home(how, "print -rl -- $path")
    assert path[:3] == [f"{home}/.pyenv/shims", f"{home}/.pyenv/bin", f"{home}/.local/bin"]
    assert len(path) == len(set(path))


def test_scripts_get_the_system_s_python(zsh_home):
    assert not [folder for folder in zsh_home("-c", "print -rl -- $path") if "pyenv" in folder]


def test_without_pyenv_nothing_of_it_is_there(zsh_home):
    path = zsh_home("-lic", "print -rl -- $path ${+functions[pyenv]}", pyenv=False)
    assert path[0] == f"{zsh_home.home}/.local/bin"
    assert path[-1] == "0"


def test_a_virtualenv_stays_in_front_in_an_inner_shell(zsh_home):
    inner = zsh_home("-lic", 'path=(/venv/bin $path); zsh -ic "print -rl -- \\$path"')
    assert inner[0] == "/venv/bin"
    assert inner.count(f"{zsh_home.home}/.pyenv/shims") == 1


def test_pyenv_runs_in_the_shell_what_has_to(zsh_home):
    assert zsh_home("-lic", "pyenv shell 3.6.8; pyenv versions --bare; pyenv activate 'a b'") == [
        "evaluated sh-shell 3.6.8",
        "ran versions --bare",
        "evaluated sh-activate a b",
    ]


def test_plugins_are_read_in_their_order_and_only_where_they_can_work(zsh_home, tmp_path):
    names = {"__zsh_fzf_keys": "keys", "__zsh_highlighting": "highlighting", "__zsh_suggestions": "suggestions"}
    for name in names.values():
        (tmp_path / name).write_text(f"print {name}\n")
    (tmp_path / "fzf").touch(mode=0o755)
    settings = {name: str(tmp_path / file) for name, file in names.items()}
    path = f"{tmp_path}:{BARE['PATH']}"
    assert zsh_home("-ic", "true", PATH=path, settings=settings) == ["highlighting", "suggestions"]
    assert zsh_home("-ic", "true", PATH=path, settings=settings, TERM="dumb") == []


def test_own_lines_come_last(zsh_home):
    (zsh_home.home / ".zshrc.local").write_text("HISTSIZE=7\n")
    (zsh_home.home / ".zprofile.local").write_text("path=(/own $path)\n")
    assert zsh_home("-lic", "print -rl -- $HISTSIZE $path[1]") == ["7", "/own"]


COMMIT = "git -c user.name=n -c user.email=e commit -q --allow-empty -m x"
RELATIVE = "git init -q real && git -C real symbolic-ref HEAD refs/heads/sub && echo 'gitdir: real/.git' >.git"
BRANCHES = {
    "a branch": ("git init -q . && git symbolic-ref HEAD refs/heads/topic/one", "topic/one"),
    "odd characters": ("git init -q . && git symbolic-ref HEAD 'refs/heads/50%F{red}$(id)'", "50%F{red}$(id)"),
    "a commit": (f"git init -q . && {COMMIT} && git checkout -q --detach && git rev-parse --short=8 HEAD", None),
    "a worktree": (
        f"git init -q ../top && cd ../top && {COMMIT} && git worktree add -q -f -b side ../below",
        "side",
    ),
    "a submodule": (RELATIVE, "sub"),
    "a merge": ("git init -q . && git symbolic-ref HEAD refs/heads/main && touch .git/MERGE_HEAD", "main|merge"),
    "a rebase": (
        "git init -q . && mkdir .git/rebase-merge && echo refs/heads/topic >.git/rebase-merge/head-name",
        "topic|rebase",
    ),
    "no repository": ("true", ""),
    "a broken repository": ("mkdir .git", ""),
}


@pytest.mark.parametrize("case", BRANCHES)
def test_prompt_names_the_branch(zsh_home, tmp_path, case):
    command, branch = BRANCHES[case]
    place = tmp_path / "place" / "below"
    place.mkdir(parents=True)
    start = place if "worktree" in command else place.parent
    made = subprocess.run(["sh", "-c", command], cwd=start, check=True, capture_output=True, text=True, env=BARE)
    branch = made.stdout.strip() if branch is None else branch
    prompt = 'for f in $precmd_functions; do $f; done; print -r -- "$psvar[1]"; print -rP -- $PROMPT'
    shown = zsh_home("-lic", f"cd -q {place}; {prompt}")
    assert shown[0] == branch
    assert branch in shown[1]


def test_prompt_shows_the_exit_status_and_the_virtualenv(zsh_home):
    code = "for f in $precmd_functions; do $f; done; (exit 3); print -rP -- $PROMPT"
    (shown,) = zsh_home("-lic", code, VIRTUAL_ENV="/somewhere/project-x")
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert plain.startswith("3 (project-x) ")


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
    timer = (
        "function! Ask(timer)\n  call writefile([json_encode([mode(1), v:errmsg, {}])], '{}.new')\n"
        "  call rename('{}.new', '{}')\nendfunction\n"
        "autocmd VimEnter * call timer_start({}, 'Ask')\n"
    )

    def start(
        expression="0", *arguments, keys="", after=300, size=(24, 80), program="vim", settings=None, **environment
    ):
        (home / ".vimrc").write_text(rendered("vimrc.j2", home=str(home), **(settings or {})))
        (tmp_path / "ask.vim").write_text(timer.format(expression, answer, answer, answer, after))
        options = ["-u", str(home / ".vimrc"), "-i", "NONE", "--cmd", f"source {tmp_path}/ask.vim"]
        terminal = Terminal(program, *options, *arguments, size=size, HOME=str(home), **environment)
        try:
            if keys:
                assert terminal.wait(lambda: b"MARK" in terminal.screen), terminal.screen
                terminal.type(keys)
            assert terminal.wait(answer.exists), terminal.screen
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


@pytest.mark.skipif("+clipboard" in run("vim", "--version").stdout, reason="this vim asks the X server")
def test_what_is_yanked_goes_to_the_terminal(editor):
    screen = editor("0", editor.file, keys="yj", after=1500)[1]
    assert base64.b64encode(b"# MARK\nimport os\n") in re.findall(rb"\x1b\]52;c;([\w+/=]+)\x07", screen)


@pytest.mark.skipif("+clipboard" in run("vim", "--version").stdout, reason="this vim asks the X server")
@pytest.mark.parametrize(
    ("keys", "settings"),
    [("yG", {"__vim_osc52_bytes": 100}), ("yy", {"vim_clipboard": False}), ("dd", {}), ('"ayy', {})],
)
def test_what_is_too_long_or_not_asked_for_stays_in_vim(editor, keys, settings):
    messages, screen = editor("execute('messages')", editor.file, keys=keys, after=1500, settings=settings)
    assert b"]52;" not in screen
    assert ("too many for the terminal" in messages) == (keys == "yG")


@pytest.mark.parametrize("term", ["xterm-256color", "tmux-256color", "screen-256color"])
def test_alt_and_an_arrow_key_go_to_the_next_window(editor, term):
    assert editor("winnr()", "-O", editor.file, editor.file, keys="\x1b[1;3C", after=1200, TERM=term)[0] == 2


def test_at_the_edge_tmux_is_asked_for_the_next_pane(editor, tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/tmux"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n')
    program.chmod(0o755)
    path = f"{tmp_path}/bin:{BARE['PATH']}"
    editor("winnr()", editor.file, keys="\x1b[1;3D", after=1500, PATH=path, TMUX="x")
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
