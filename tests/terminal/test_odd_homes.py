"""Homes, locales and modes that are not the usual ones, and a person's own lines that are no good: all works."""

import pytest

ODD = "it's a hömé $(touch owned) 100%"

#: What a shell, an editor and a multiplexer get: name -> variables.
STATES = {
    "locale C": {"LC_ALL": "C"},
    "a locale that is missing": {"LC_ALL": "", "LANG": "xx_XX.UTF-8"},
    "no locale": {"LC_ALL": "", "LANG": ""},
}


def shell(open_terminal, home, *command, folder=None, **options):
    """Start a shell, run a command in it and return the terminal."""
    terminal = open_terminal(*(command or ("zsh", "-il")), columns=120, folder=folder, **options)
    terminal.wait_prompt()
    terminal.run("echo o''k")
    terminal.wait("the command's output", lambda: "ok" in terminal.rows)
    terminal.wait_quiet(0.5)
    return terminal


def said(terminal):
    """Return what stands above the first command."""
    command = next(number for number, row in enumerate(terminal.rows) if row.endswith("% echo o''k"))
    return [row for row in terminal.rows[:command] if row]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.release
def test_any_locale_is_silent_and_works(home, open_terminal, state):
    environment = STATES[state]
    home.write("projekt/ünï cödé.py", "import os\n")
    terminal = shell(open_terminal, home, env=environment)
    assert said(terminal) == []
    terminal.run("cd projekt; ls | wc -l")
    terminal.wait("one file", lambda: "1" in terminal.rows)
    editor = open_terminal("vim", "projekt/ünï cödé.py", columns=120, env=environment)
    editor.wait_match(r"^W>.*import os")
    editor.send("x", ":wq", "Enter")
    editor.wait("the end", lambda: editor.ended)
    assert home.sh("cat projekt/*.py") == "mport os\n"
    multiplexer = open_terminal("tmux", columns=120, env=environment)
    multiplexer.wait_prompt()
    multiplexer.run("echo in''side")
    multiplexer.wait("the output", lambda: any(row == "inside" for row in multiplexer.rows))


@pytest.mark.parametrize("mask", ["000", "077"])
def test_any_umask_works_and_what_is_made_is_closed(home, open_terminal, mask):
    """A first start makes the completion's dump, vim's folders and tmux's sessions."""
    home.sh("rm -rf .cache .local/state/vim .local/state/tmux-sessions .zsh_history .viminfo")
    terminal = shell(open_terminal, home, "sh", "-c", f"umask {mask}; exec zsh -il")
    assert said(terminal) == []
    terminal.run("git init -q new; git -C new config user.name; vim -c 'normal ione' -c wq new/a.txt")
    terminal.wait_prompt()
    terminal.wait_quiet(1)
    terminal.run("exit")
    terminal.wait("the end", lambda: terminal.ended)
    again = shell(open_terminal, home, "sh", "-c", f"umask {mask}; exec zsh -il")
    assert said(again) == []
    again.send("git swi", "Tab")
    again.wait_for("git switch")
    # Completion is code that the next shell reads: nobody else may write there. The hook runs.
    loose = home.sh("find .cache/devrig .local/state/vim -type d -perm /022; find .zsh_history -perm /077")
    assert loose == ""
    assert home.sh("[ -x new/.git/hooks/pre-commit ] && echo runs") == "runs\n"


def test_names_with_blanks_and_more_in_the_home(home, open_terminal):
    home.sh('git init -q "$ODD"; cd "$ODD"; git symbolic-ref HEAD refs/heads/main; mkdir below', env={"ODD": ODD})
    home.write(f"{ODD}/below/ä b.py", "import os\n")
    terminal = shell(open_terminal, home, folder=f"{home.path}/{ODD}")
    assert said(terminal) == []
    terminal.wait_match(r"100% main\? % ?$")
    terminal.run("clear; cd ~; cd it*; print -r -- $PWD:t")
    terminal.wait("the folder's name", lambda: ODD in terminal.rows)
    terminal.run("vim below/*.py")
    terminal.wait_match(r"^W>.*import os")
    terminal.send(":q", "Enter")
    terminal.wait_prompt()
    terminal.run("clear; t")
    terminal.wait_prompt()
    terminal.wait_quiet(1)
    terminal.press("Prefix", "c")
    terminal.wait_quiet(1)
    assert home.sh("tmux list-panes -s -F '#{pane_current_path}'").splitlines() == [f"{home.path}/{ODD}"] * 2
    assert home.sh("find . -name owned") == ""


@pytest.mark.parametrize("place", ["blanks and ümlauts", "quotes'and$(touch owned)"])
def test_a_home_that_is_called_so_itself(home, open_terminal, place):
    """HOME is another folder than the playbook ran in: zsh, vim and tmux find what is theirs from there."""
    odd = f"{home.path}/{place}"
    home.sh('mkdir "$ODD"; cp -a .z* .vimrc .tmux.conf .cache .local "$ODD"', env={"ODD": odd})
    environment = {"HOME": odd}
    terminal = shell(open_terminal, home, folder=odd, env=environment)
    assert said(terminal) == []
    assert terminal.before_cursor == "~ % "
    terminal.send("git swi", "Tab")
    terminal.wait_for("git switch")
    editor = open_terminal("vim", "a.txt", folder=odd, columns=120, env=environment)
    editor.wait_for("a.txt")
    editor.wait_quiet(1)
    assert "Press ENTER" not in editor.text
    multiplexer = open_terminal("tmux", "-f", f"{odd}/.tmux.conf", folder=odd, columns=120, env=environment)
    multiplexer.wait_prompt()
    assert home.sh("find . -name owned") == ""


#: A person's own lines -> whether a shell comes up (False: it ends, and another way in is there).
LINES = {
    "a fault of syntax": ("if true; then\n", True),
    "a command that is missing": ("nosuchcommand --x\n", True),
    "a return": ("return 3\n", True),
    "options that are no good": ("setopt err_exit nounset\n", True),
    "an end": ("exit 1\n", False),
    "another program": ("exec false\n", False),
}


@pytest.mark.parametrize("case", LINES)
def test_lines_of_one_s_own_that_are_no_good_lock_nobody_out(home, open_terminal, case):
    lines, comes_up = LINES[case]
    home.write(".zshrc.local", lines)
    if comes_up:
        terminal = shell(open_terminal, home)
        assert len(said(terminal)) <= 1
        terminal.wait_prompt()
    else:
        terminal = open_terminal("zsh", "-il")
        terminal.wait("the end", lambda: terminal.ended)
    # The ways in that stay: a command by ssh, sftp and scp, a shell without its files, another shell.
    assert home.sh("zsh -c 'echo in'") == "in\n"
    assert home.sh("zsh -lc 'echo in'") == "in\n"
    bare = open_terminal("zsh", "-f")
    bare.run("echo o''k")
    bare.wait("the output", lambda: "ok" in bare.rows)


def test_output_without_end_is_ended_by_a_key(home, open_terminal):
    home.write(".zshrc.local", "yes hello\n")
    terminal = open_terminal("zsh", "-il")
    terminal.wait_for("hello")
    terminal.send("\x03")
    terminal.wait("a prompt", lambda: terminal.before_cursor.endswith("% "), timeout=30)
    terminal.run("clear; echo o''k")
    terminal.wait("the command's output", lambda: "ok" in terminal.rows)
