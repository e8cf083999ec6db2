"""The editor inside tmux, as it is used: faults, comments, files, changes, the status line; and quiet first starts."""

import re

import pytest

FAULTY = "import os\n\nanswer = undefined_name\n"
FROZEN = "# frozen_string_literal: true\n\n"
FAULTY_RUBY = f"{FROZEN}unused = 1\nputs( 'hello' )\n"
#: rubocop takes its time to start, more on a busy machine.
RUBOCOP = 30
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


@pytest.mark.release
def test_a_fault_gets_a_sign_and_a_message(home, vim):
    home.write("faulty.py", FAULTY)
    terminal = vim("faulty.py")
    terminal.wait_match(r"^E>.*undefined_name", timeout=15)
    terminal.wait_match(r"^W>.*import os")
    terminal.wait_match(r"faulty\.py.*E1 W1")
    assert "default" not in terminal.colours("E>", within="undefined_name")
    terminal.send("3G")
    terminal.wait_match(r"^F821: undefined name 'undefined_name'$")
    terminal.send("[e")
    terminal.wait_match(r"^F401: ")
    terminal.send(" l")
    terminal.wait_match(r"faulty\.py\|1 col 1 warning\| F401: .*\n.*faulty\.py\|3 col 10.* error\| F821: ")
    terminal.send(" l")
    terminal.wait_gone("faulty.py|1 col 1")


@pytest.mark.release
def test_a_fault_in_ruby_gets_them_too(home, vim):
    home.write("faulty.rb", FAULTY_RUBY)
    terminal = vim("faulty.rb")
    terminal.wait_match(r"^W>.*unused = 1", timeout=RUBOCOP)
    terminal.wait_match(r"faulty\.rb.*E0 W\d")
    terminal.send("3G")
    terminal.wait_match(r"^Lint/UselessAssignment: ")
    terminal.send(" l")
    terminal.wait_match(r"faulty\.rb\|3 col 1.* warning\| Lint/UselessAssignment: ")


@pytest.mark.release
def test_a_fault_is_found_while_one_types(home, vim):
    home.write("a.py", "one = 1\n")
    terminal = vim("a.py")
    terminal.send("otwo = undefined_name")
    terminal.wait_match(r"^E>.*undefined_name")
    terminal.wait_for("-- INSERT --")


def test_the_project_s_configuration_wins(home, vim):
    home.sh("git init -q project")
    home.write("project/setup.cfg", "[flake8]\nmax-line-length = 25\nignore = F821\n")
    home.write("project/faulty.py", "long_enough = 'to be too long'\nanswer = undefined_name\n")
    home.write("project/.rubocop.yml", "Lint/UselessAssignment:\n  Enabled: false\n")
    home.write("project/faulty.rb", FAULTY_RUBY)
    terminal = vim("project/faulty.py")
    terminal.wait_match(r"^E>.*long_enough.*\n^ .*undefined_name")
    terminal.run(":edit project/faulty.rb")
    terminal.wait_match(r"^ .*unused = 1\n^W>.*puts", timeout=RUBOCOP)


@pytest.mark.parametrize("kept", [False, True])
def test_the_project_s_own_linter_wins_but_not_one_that_git_keeps(home, vim, kept):
    home.write("project/.venv/pyvenv.cfg", "home = /usr/bin\n")
    home.write("project/.venv/bin/flake8", '#!/bin/sh\ntouch ~/ran\nexec /usr/bin/flake8 "$@"\n')
    home.write("project/faulty.py", FAULTY)
    home.sh(
        "chmod +x project/.venv/bin/flake8; git init -q project; cd project; " + ("git add -f .venv" if kept else "")
    )
    terminal = vim("project/faulty.py")
    terminal.wait_match(r"^E>.*undefined_name")
    assert home.sh("ls ran 2>/dev/null || true") == ("" if kept else "ran\n")


def count_told(terminal):
    """Return how often vim has said that something is missing."""
    terminal.wait_quiet(1)
    assert "Press ENTER" not in terminal.text
    terminal.run(":echo 'told:' execute('messages')->split('\\n')->filter('v:val =~# \"is missing\"')->len()")
    return int(terminal.wait_match(r"^told: (\d+)$")[1])


@pytest.mark.parametrize(
    ("file", "program", "told"),
    [
        ("faulty.rb", "rubocop", "rubocop is missing: sudo apt install rubocop"),
        ("faulty.yml", "yamllint", "yamllint is missing: install it, or take it out of g:ale_linters and g:ale_fixers"),
    ],
    ids=["rubocop", "yamllint"],
)
def test_a_linter_that_is_missing_is_told_once_when_it_was_wanted(home, vim, file, program, told):
    home.write("faulty.py", FAULTY)
    home.write(file, "a: 1\n")
    terminal = vim("faulty.py", mounts=f"mount --bind /dev/null /usr/bin/{program}")
    terminal.wait_match(r"^E>.*undefined_name")
    assert count_told(terminal) == 0
    terminal.run(f":edit {file}")
    terminal.wait_match(f"^{told}$")
    terminal.send("ob: 2", "Escape", ":w", "Enter")
    terminal.wait_quiet(1)
    terminal.send(":w", "Enter")
    assert count_told(terminal) == 1
    assert not re.search(r"E\d+ W\d+", terminal.rows[-3])


def test_a_shim_of_pyenv_s_that_leads_to_nothing_is_not_run(home, vim):
    home.write("pyenv/shims/yamllint", "#!/bin/sh\ntouch ~/ran\nexit 127\n")
    home.write("faulty.yml", "a:   1\n")
    home.sh("chmod +x pyenv/shims/yamllint")
    terminal = vim("faulty.yml", env={"PATH": f"{home.path}/pyenv/shims:/usr/bin:/bin"})
    terminal.wait_match(r"^[EW]>.*a:   1")
    assert home.sh("ls ran 2>/dev/null || true") == ""


BLANKS = 'TEXT = """\nblanks stay here  \n"""\n'


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("a.py", f"{BLANKS}one=1 \n\n\n\n", f"{BLANKS}one = 1\n"),
        ("a.py", "one=1\r\ntwo = 2\r\n", "one = 1\r\ntwo = 2\r\n"),
        ("a.rb", f'{FROZEN}puts( "hello" )\n', f"{FROZEN}puts('hello')\n"),
        ("a.sh", "#!/bin/sh\necho one  \n\n\n", "#!/bin/sh\necho one\n"),
    ],
    ids=["python", "dos", "ruby", "other"],
)
def test_faults_are_mended_when_it_is_asked_for(home, vim, file, before, after):
    def on_disk():
        return home.sh(f"sed 's/\\r/<CR>/' {file}").replace("<CR>", "\r")

    home.write(file, before)
    terminal = vim(file)
    terminal.send("gg", "x", "u", ":w", "Enter")
    terminal.wait_for("written")
    assert on_disk() == before, "mended without being asked"
    terminal.send(" =")
    terminal.wait("mended", lambda: f"{file} [+]" in terminal.text, timeout=RUBOCOP)
    terminal.send(":w", "Enter")
    terminal.wait_gone(f"{file} [+]")
    assert on_disk() == after


def test_a_text_stays_where_nothing_can_mend_it(home, vim):
    home.write("a.py", "one=1\n")
    home.write("a.md", "a line break  \nin markdown\n\n\n")
    terminal = vim("a.py", mounts="mount --bind /dev/null /usr/bin/autopep8")
    terminal.send(" =")
    terminal.wait_match("^autopep8 is missing: ")
    terminal.wait_for("one=1")
    terminal.run(":edit a.md")
    terminal.wait_for("a line break")
    terminal.send(" =")
    terminal.wait_for("No fixers have been defined")
    terminal.run(":echo 'modified:' &modified")
    terminal.wait_match("^modified: 0$")


def test_what_somebody_says_in_a_file_of_his_own_wins(home, vim):
    home.write("own-flake8", '#!/bin/sh\necho "stdin:1:1: X100 by my own linter"\n')
    home.write(".vimrc.local", f"let g:ale_python_flake8_executable = '{home.path}/own-flake8'\n")
    home.write("a.py", "one = 1\n")
    home.sh("chmod +x own-flake8")
    vim("a.py").wait_match("^X100: by my own linter$")


@pytest.mark.release
def test_gcc_comments_a_line_and_takes_it_back(home, vim):
    home.write("a.py", "one = 1\ntwo = 2\n")
    terminal = vim("a.py")
    terminal.send("gcc")
    terminal.wait_for("# one = 1")
    terminal.send("gcc")
    terminal.wait_gone("# one = 1")
    terminal.send("Vjgc")
    terminal.wait_for("# one = 1", "# two = 2")


@pytest.mark.release
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


@pytest.mark.release
def test_a_change_gets_a_sign_and_is_counted(home, vim):
    home.sh(REPOSITORY)
    terminal = vim("numbers.py", folder=f"{home.path}/project")
    terminal.send("jA0", "Escape", ":w", "Enter")
    terminal.wait_match(r"^~ .*two = 20")
    assert not terminal.colours("~ ", within="two = 20") & {"black", "000000"}, "the sign cannot be seen"
    terminal.wait_match(r"numbers\.py.*~1")


@pytest.mark.release
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
@pytest.mark.release
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


@pytest.mark.release
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
