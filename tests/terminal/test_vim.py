"""The editor inside tmux, as it is used: faults, comments, files, changes, the status line; and quiet first starts."""

import re

import pytest

FAULTY = "import os\n\nanswer = undefined_name\n"
REPOSITORY = """
git config --global user.name n; git config --global user.email e@localhost
git init -q project; cd project; git symbolic-ref HEAD refs/heads/main
printf 'one = 1\\ntwo = 2\\nthree = 3\\n' >numbers.py; printf 'needle\\n' >haystack.txt
git add .; git commit -qm one
"""


@pytest.fixture
def vim(open_terminal):
    """Return a function that opens vim inside tmux and waits for its status line."""

    def start(file, **options):
        terminal = open_terminal("tmux", "new-session", "vim", file, **{"columns": 100, "lines": 30, **options})
        terminal.wait_for(file)
        terminal.wait("a status line", lambda: any(file in row and "1:1" in row for row in terminal.rows))
        return terminal

    return start


def test_a_fault_gets_a_sign_and_a_message(home, vim):
    home.write("faulty.py", FAULTY)
    terminal = vim("faulty.py")
    terminal.wait_match(r"^E>.*undefined_name", timeout=15)
    terminal.wait_match(r"^W>.*import os")
    terminal.wait_match(r"faulty\.py.*E1 W1")
    assert "default" not in terminal.colours("E>", within="undefined_name")
    terminal.send("3G")
    terminal.wait_match(r"^\[flake8\] F821: undefined name 'undefined_name'$")
    terminal.send("[e")
    terminal.wait_match(r"^\[flake8\] F401: ")


def test_gcc_comments_a_line_and_takes_it_back(home, vim):
    home.write("a.py", "one = 1\ntwo = 2\n")
    terminal = vim("a.py")
    terminal.send("gcc")
    terminal.wait_for("# one = 1")
    terminal.send("gcc")
    terminal.wait_gone("# one = 1")
    terminal.send("Vjgc")
    terminal.wait_for("# one = 1", "# two = 2")


def test_space_f_finds_a_file(home, vim):
    home.sh(REPOSITORY)
    terminal = vim("numbers.py", folder=f"{home.path}/project")
    terminal.send(" f")
    terminal.wait_for("haystack.txt", "numbers.py")
    terminal.wait_match(r"2/2")
    terminal.send("hay")
    terminal.wait_match(r"1/2")
    terminal.send("Enter")
    terminal.wait_for("needle")
    terminal.wait(
        "the file in the status line", lambda: any("haystack.txt" in row and "1:1" in row for row in terminal.rows)
    )


def test_a_change_gets_a_sign_and_is_counted(home, vim):
    home.sh(REPOSITORY)
    terminal = vim("numbers.py", folder=f"{home.path}/project")
    terminal.send("jA0", "Escape", ":w", "Enter")
    terminal.wait_match(r"^~ .*two = 20")
    assert not terminal.colours("~ ", within="two = 20") & {"black", "000000"}, "the sign cannot be seen"
    terminal.wait_match(r"numbers\.py.*~1")


def test_the_status_line_says_where_one_is(home, vim):
    home.sh(REPOSITORY)
    terminal = vim("numbers.py", folder=f"{home.path}/project")
    terminal.wait_match(r"numbers\.py .*main.*python.*utf-8.*1:1")
    terminal.send("G$")
    terminal.wait_match(r"numbers\.py .*3:9")
    terminal.send("x")
    terminal.wait_match(r"numbers\.py \[\+\]")


@pytest.mark.parametrize(
    ("columns", "lines", "term"),
    [(80, 24, "xterm-256color"), (40, 10, "xterm-256color"), (80, 24, "vt100"), (80, 24, "linux")],
)
def test_a_first_start_asks_nothing(home, open_terminal, columns, lines, term):
    """A message that does not fit, or an error, would end in "Press ENTER": typing would be lost."""
    home.sh("rm -rf .local/state .viminfo .cache")
    home.write("faulty.py", FAULTY)
    terminal = open_terminal("vim", "faulty.py", columns=columns, lines=lines, term=term)
    terminal.wait_for("undefined_name")
    terminal.wait("a fault is marked", lambda: "E>" in terminal.text, timeout=15)
    terminal.send("otyped", "Escape")
    terminal.wait_for("typed")
    assert "Press ENTER" not in terminal.text
    assert b"Press ENTER" not in terminal.raw
    terminal.send(":q!", "Enter")
    terminal.wait("the end", lambda: terminal.ended)


def test_vim_in_tmux_sees_that_the_terminal_is_dark(home, vim):
    """Else a colour scheme that has a light and a dark side shows its light one."""
    version = home.sh("tmux -V").split()[1]
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < (3, 4):
        pytest.skip(f"NOT TESTED: tmux {version} of {home.machine.name} does not ask the terminal for its colours")
    home.write("a.py", "one = 1\n")
    terminal = vim("a.py")
    terminal.wait_quiet()
    terminal.run(":echo 'background is' &background")
    terminal.wait_match("^background is dark$")
