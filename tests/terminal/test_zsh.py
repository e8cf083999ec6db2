"""The shell: completion, suggestions, highlighting, history, folders, a terminal that is none."""

import pytest

PLAIN = {"default"}
COMMIT = "git -c user.name=n -c user.email=e commit -q --allow-empty -m x"


def needs_pyenv(home):
    """Skip where pyenv is not installed."""
    if home.sh('[ -x "$HOME/.pyenv/bin/pyenv" ] && echo yes || true') != "yes\n":
        pytest.skip(f"NOT TESTED: {home.machine.name or 'this machine'} has no ~/.pyenv")


@pytest.mark.release
def test_tab_completes_pyenv_s_commands(home, zsh):
    needs_pyenv(home)
    terminal = zsh()
    terminal.send("pyenv ins", "Tab")
    terminal.wait_for("% pyenv install")


@pytest.mark.release
def test_tab_completes_a_git_branch(home, zsh):
    home.sh(
        "git init -q repository; cd repository; git symbolic-ref HEAD refs/heads/main; "
        + COMMIT
        + "; git branch topic-42"
    )
    terminal = zsh(folder=f"{home.path}/repository")
    terminal.send("git switch top", "Tab")
    terminal.wait_for("git switch topic-42")


@pytest.mark.release
def test_a_suggestion_is_greyed_and_right_takes_it(idle_zsh):
    terminal = idle_zsh()
    terminal.run("echo one two three")
    terminal.wait("the output", lambda: "one two three" in terminal.rows)
    terminal.wait_prompt()
    terminal.send("echo o")
    terminal.wait_for("% echo one two three")
    typed = terminal.colours("echo o", within="% echo one two three")
    offered = terminal.wait("grey", lambda: terminal.colours("ne two three", within="% echo") - typed)
    assert len(offered) == 1
    assert terminal.before_cursor.endswith("echo o")
    terminal.send("Right")
    terminal.wait("taken", lambda: terminal.before_cursor.endswith("echo one two three"))
    terminal.wait("no longer grey", lambda: not terminal.colours("ne two three", within="% echo") & offered)


@pytest.mark.release
def test_a_wrong_command_is_red_and_a_right_one_is_not(idle_zsh):
    terminal = idle_zsh()
    terminal.send("no-such-command")
    terminal.wait("red", lambda: terminal.colours("no-such-command") == {"red"})
    terminal.send("\x15", "echo blue")
    terminal.wait("green", lambda: terminal.colours("echo", within="% echo blue") == {"green"})


def test_an_unclosed_quote_is_shown_and_can_be_closed(idle_zsh):
    terminal = idle_zsh()
    terminal.send("echo 'half")
    open_quote = terminal.wait("coloured", lambda: terminal.colours("'half") - PLAIN)
    terminal.send("'")
    terminal.wait("another colour", lambda: terminal.colours("'half'") not in (open_quote, PLAIN))
    terminal.send("\x7f", "Enter", "whole'", "Enter")
    terminal.wait("both lines", lambda: "half" in terminal.rows and "whole" in terminal.rows)


@pytest.mark.release
def test_up_searches_by_what_was_typed(idle_zsh):
    terminal = idle_zsh()
    for line in ("echo first", "true", "echo second", "true 2"):
        terminal.run(line)
        terminal.wait("run", lambda line=line: [row.endswith(line) for row in terminal.rows].count(True) == 1)
        terminal.wait_prompt()
    terminal.wait_quiet()
    terminal.send("echo ", "Up")
    terminal.wait("the newest", lambda: terminal.before_cursor.endswith("% echo second"))
    terminal.send("Up")
    terminal.wait("the one before", lambda: terminal.before_cursor.endswith("% echo first"))
    terminal.send("Down")
    terminal.wait("the newest again", lambda: terminal.before_cursor.endswith("% echo second"))


@pytest.mark.release
def test_the_history_of_before_is_read_once_and_kept(home, zsh):
    """It is read when the prompt stands; a line that was typed ahead of that is kept as well."""
    old = [f": {1_700_000_000 + number}:0;echo old-{number}" for number in range(3)]
    home.write(".zsh_history", "\n".join(old) + "\n")
    terminal = zsh()
    terminal.wait_quiet(0.5)
    terminal.send("Up")
    terminal.wait("the newest of before", lambda: terminal.before_cursor.endswith("% echo old-2"))
    terminal.send("\x15")
    terminal.run("print -r -- n=$HISTCMD")
    terminal.wait("not read twice", lambda: "n=4" in terminal.rows)
    terminal.run("exit")
    terminal.wait_for("exit")
    home.sh("while ! grep -q ';exit$' .zsh_history; do sleep 0.1; done")
    kept = home.sh("cat .zsh_history").splitlines()
    assert kept[:3] == old
    assert [line.partition(";")[2] for line in kept[3:]] == ["print -r -- n=$HISTCMD", "exit"]


@pytest.mark.release
def test_a_line_typed_ahead_of_the_prompt_is_kept(home, open_terminal):
    home.write(".zsh_history", ": 1700000000:0;echo old\n")
    terminal = open_terminal("zsh", "-il")
    terminal.send("echo ahead", "Enter", "exit", "Enter")
    home.sh("while ! grep -q ';exit$' .zsh_history; do sleep 0.1; done")
    lines = [line.partition(";")[2] for line in home.sh("cat .zsh_history").splitlines()]
    assert lines == ["echo old", "echo ahead", "exit"]


@pytest.mark.parametrize("wish", ["unset HISTFILE", "HISTFILE=", "HISTFILE=~/elsewhere"])
def test_a_person_s_wish_for_the_history_wins(home, zsh, wish):
    home.write(".zshrc.local", f"{wish}\n")
    terminal = zsh()
    terminal.wait_quiet(0.5)
    terminal.run("echo sec''ret")
    terminal.wait("the output", lambda: "secret" in terminal.rows)
    terminal.run("exit")
    terminal.wait_for("exit")
    home.sh("[ ! -e .zsh_history ] || ! grep -q ret .zsh_history")
    if "elsewhere" in wish:
        home.sh("while ! grep -q ret elsewhere; do sleep 0.1; done")


@pytest.mark.release
def test_tab_lists_the_folders_one_came_from(home, zsh):
    home.sh("mkdir -p alpha beta gamma")
    terminal = zsh()
    for name in ("alpha", "beta", "gamma"):
        terminal.run(f"cd ~/{name}")
        terminal.wait(
            f"in {name}", lambda name=name: f"~/{name}" in terminal.before_cursor and "cd" not in terminal.before_cursor
        )
    terminal.send("cd -", "Tab")
    terminal.wait_match(r"^\s*(1\s.*~/|.*/)beta$")
    terminal.wait_match(r"^\s*(2\s.*~/|.*/)alpha$")


def test_a_command_line_is_edited_in_the_editor(home, zsh):
    editor = "#!/bin/sh\nprintf 'echo from-the-editor\\n' >\"$1\"\n"
    home.write("editor", editor)
    home.sh("chmod +x editor")
    terminal = zsh(env={"EDITOR": f"{home.path}/editor", "VISUAL": f"{home.path}/editor"})
    terminal.send("echo x", "\x18\x05")
    terminal.wait_for("% echo from-the-editor")


def test_a_dumb_terminal_gets_plain_text(zsh):
    terminal = zsh(term="dumb")
    terminal.run("echo o''k")
    terminal.wait("the output", lambda: "ok" in terminal.rows)
    terminal.wait_prompt()
    assert b"\x1b" not in terminal.raw
    assert "~ % " in terminal.text + " "


def test_pyenv_shell_chooses_a_version(home, zsh):
    needs_pyenv(home)
    versions = home.sh('ls "$HOME/.pyenv/versions" 2>/dev/null || true').split()
    if not versions:
        pytest.skip(f"NOT TESTED: {home.machine.name or 'this machine'} has no interpreter of pyenv's")
    terminal = zsh()
    terminal.run(f"pyenv shell {versions[0]}")
    terminal.wait("the prompt names it", lambda: f"({versions[0]})" in terminal.before_cursor)
    terminal.run("print -r -- v=$PYENV_VERSION")
    terminal.wait_for(f"v={versions[0]}")
    terminal.run("pyenv shell --unset")
    terminal.wait("gone", lambda: "% " in terminal.before_cursor and "(" not in terminal.before_cursor)
