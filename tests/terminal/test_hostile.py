"""A hostile repository gets nothing: not by `cd`, not by opening a file, not by Tab, not by tmux, not by devrig's hook.

hostile.sh makes it, with a trap in every place that is known to run something: whoever runs one leaves a word in
~/canaries. What is shown comes from there too: names of folders, files and branches, and what a history suggests.
"""

import shlex
from pathlib import Path

import pytest

HOSTILE = Path(__file__).with_name("hostile.sh").read_text()


@pytest.fixture
def hostile(home):
    """A home with the hostile repository in it."""
    home.write("hostile.sh", HOSTILE)
    home.sh("sh -eu hostile.sh >hostile.log 2>&1 || { cat hostile.log; exit 1; }")
    assert caught(home) == set(), "made without falling into one of its traps"
    return home


def caught(home):
    """Return the words of the traps that something fell into, and forget them."""
    return set(home.sh("touch canaries; cat canaries; rm canaries").split())


#: what -> (script, words that it leaves): programs that do run what the repository says.
TRAPS = {
    "git's monitor": ("git status", {"included"}),
    "git's filters": ("git -c core.fsmonitor= status", {"filter"}),
    "git's submodules": ("cd sub; git -c core.fsmonitor= status", {"filter"}),
    "git's conversions": ("git -c core.fsmonitor= diff --no-ext-diff fault.rb", {"textconv"}),
    "git's diff": ("git -c core.fsmonitor= diff fault.rb", {"diff-command"}),
    "git's aliases": ("git st", {"alias"}),
    "git's hooks": ("git -c core.fsmonitor= -c gpg.program=false checkout -q -b x", {"hook"}),
    "git's signatures": (
        "git -c core.fsmonitor= -c log.showSignature=false -c core.hooksPath=/ commit -qm x --allow-empty",
        {"gpg"},
    ),
    "git's remotes": ("git -c core.fsmonitor= -c core.hooksPath=/ fetch", {"ssh"}),
    "git's upload": ("git -c core.fsmonitor= ls-remote ./.", {"uploadpack"}),
    "a repository in a repository": ("cd bare; git -c core.fsmonitor= status", {"filter"}),
    "a bare repository's monitor": ("cd bare; git status", {"included"}),
    "a link to a repository": ("cd gitfile; git status", {"included"}),
    "a virtualenv": (". .venv/bin/activate; .venv/bin/flake8", {"activate", "program"}),
    "a variable file": (". ./.env", {"shell-file"}),
    "a Makefile": ("make -nsp", {"make"}),
    "a plugin of flake8's": ("/usr/bin/flake8 trap.py", {"python"}),
    "rubocop's requirements": ("/usr/bin/rubocop fault.rb", {"ruby"}),
    "Python's path": ("PYTHONPATH=. /usr/bin/python3 -c 'import yaml'", {"python"}),
    "a vimrc": ("vim -es -u .vimrc -c quitall!", {"vimrc"}),
}


@pytest.mark.parametrize("what", TRAPS)
def test_the_traps_are_armed(hostile, what):
    """Else the tests below would prove nothing."""
    script, words = TRAPS[what]
    hostile.sh(f"cd hostile; {{ {script}; }} >/dev/null 2>&1 </dev/null || true")
    assert words <= caught(hostile)


# --- the shell

#: Folders to go into, below ~/hostile, each with what is left in the prompt behind it.
FOLDERS = [".", "sub", "gitfile", "bare", "link", "elsewhere.git", ".git", ".venv"]
FOLDERS += [f"versions/{number}" for number in range(1, 7)]


@pytest.mark.release
def test_nothing_is_run_by_cd(hostile, idle_zsh):
    terminal = idle_zsh(columns=160)
    for folder in FOLDERS:
        terminal.run(f"clear; cd ~/hostile/{folder}")
        terminal.wait_for(f"~/hostile/{folder}".removesuffix("/."))
        terminal.wait_quiet(0.7)
        assert (folder, caught(hostile)) == (folder, set())
        terminal.run("clear; print -r -- v=$VIRTUAL_ENV.")
        terminal.wait("no virtualenv", lambda: "v=." in terminal.rows)
    for folder in FOLDERS:
        hostile.sh(f"touch ~/hostile/{folder}/new")
    terminal.run("cd ~; cd hostile; cd sub; cd ../bare; cd ../gitfile; cd ..")
    terminal.wait_quiet(0.7)
    assert caught(hostile) == set()


def test_a_shell_that_begins_in_it_runs_nothing(hostile, idle_zsh):
    for folder in FOLDERS:
        idle_zsh(folder=f"{hostile.path}/hostile/{folder}")
        assert (folder, caught(hostile)) == (folder, set())


#: What must not reach a terminal but as text that can be seen.
HIJACK = b"\x1b]2;hijacked"


def test_names_are_shown_and_nothing_else(hostile, idle_zsh):
    terminal = idle_zsh(columns=160)
    names = hostile.sh("cd hostile/names; find . -mindepth 1 -print0").split("\0")[:-1]
    assert len(names) > 8
    terminal.run("cd ~/hostile/names")
    terminal.wait_prompt()
    for name in names:
        quoted = "$'" + "".join(f"\\x{byte:02x}" for byte in name.encode()) + "'"
        terminal.run(f"cd ~/hostile/names/{quoted}")
        terminal.wait_quiet(0.3)
        terminal.wait_prompt()
        terminal.run("clear; print -r -- ${(q+)PWD##*/names/}")
        terminal.wait_quiet(0.3)
    assert caught(hostile) == set()
    assert HIJACK not in terminal.raw


BRANCHES = ["$(~/canary branch)", "`~/canary branch`", "%{\x1b]2;hijacked\x07%}", "\x1b]2;hijacked\x07", "%(?.a.b)"]


@pytest.mark.parametrize("place", ["HEAD", "rebase-merge/head-name", "rebase-merge/msgnum", "rebase-merge/end"])
def test_a_branch_s_name_is_text(hostile, idle_zsh, open_terminal, place):
    """No branch that git makes has such a name; the files that say which one it is can hold anything."""
    prefix = "refs/heads/" if place.endswith(("HEAD", "name")) else ""
    for number, branch in enumerate(BRANCHES):
        text = ("ref: " if place == "HEAD" else "") + prefix + branch
        hostile.write(f"hostile/.git/{place}", text + "\n")
        if place == "rebase-merge/end":  # shown behind the number of the step alone
            hostile.write("hostile/.git/rebase-merge/msgnum", "1\n")
        terminal = idle_zsh(folder=f"{hostile.path}/hostile", columns=160)
        terminal.run("true")
        terminal.wait_quiet(0.5)
        assert (branch, caught(hostile)) == (branch, set())
        assert HIJACK not in terminal.raw
        if number == 0:
            terminal.wait_for("$(~/canary branch)" if place != "HEAD" else "~/hostile $(~/canary branch)")
        editor = open_terminal("vim", "-n", "trap.py", folder=f"{hostile.path}/hostile", columns=160)
        editor.wait_for("undefined_name")
        editor.wait_quiet(0.5)
        assert caught(hostile) == set()
        assert HIJACK not in editor.raw
        editor.close()


def test_a_history_is_shown_and_nothing_else(home, idle_zsh):
    """A line that somebody made a person paste comes back as a suggestion."""
    home.write(".zsh_history", ": 1700000000:0;echo safe \x1b]2;hijacked\x07$(~/canary history)`~/canary history`\n")
    home.sh(f"printf '#!/bin/sh\\necho ran >>{home.path}/canaries\\n' >canary; chmod +x canary")
    terminal = idle_zsh(columns=160)
    terminal.send("echo sa")
    terminal.wait_for("history")
    terminal.send("Right")
    terminal.wait_quiet(0.5)
    terminal.send("\x15", "echo s", "Up")
    terminal.wait_quiet(0.5)
    terminal.send("\x15", "\x12safe")
    terminal.wait_quiet(0.5)
    assert caught(home) == set()
    assert HIJACK not in terminal.raw


# --- completion

TABS = [
    "git ",
    "git st",
    "git add ",
    "git checkout ",
    "git switch ",
    "git diff ",
    "git diff HEAD ",
    "git restore ",
    "git rm ",
    "git commit ",
    "git log ",
    "git show ",
    "git branch -d ",
    "git push ",
    "git push origin ",
    "git fetch ",
    "git fetch origin ",
    "git stash pop ",
    "git stash show ",
    "git submodule update ",
    "git config ",
    "git reset ",
    "git blame ",
    "git merge ",
    "git tag -d ",
    "git worktree remove ",
    "git devrig-hooks ",
    "git cherry-pick ",
    "git rebase ",
    "make ",
    "make f",
    "./",
    "./f",
    "cd ",
    "cd names/",
    "vim ",
    "vim '$",
    "python ",
    "pyenv ",
    "pyenv local ",
    "pipenv ",
    "pipenv run ",
    "rake ",
    "bundle ",
    "ssh ",
    "kill ",
    ". ",
    "t ",
]


@pytest.mark.parametrize("folder", [pytest.param(".", marks=pytest.mark.release), "sub", "bare", "gitfile"])
def test_nothing_is_run_by_tab(hostile, idle_zsh, folder):
    terminal = idle_zsh(folder=f"{hostile.path}/hostile/{folder}", columns=160, lines=50)
    fell = {}
    for line in TABS if folder == "." else [each for each in TABS if each.startswith("git ")]:
        terminal.send("\x0c", line, "Tab")
        terminal.wait_quiet(0.5)
        terminal.send("Tab", "Tab")
        terminal.wait_quiet(0.2)
        terminal.send("\x03")
        terminal.wait_quiet(0.1)
        found = caught(hostile)
        if found:
            fell[line] = found
    assert fell == {}
    assert HIJACK not in terminal.raw


# --- the editor

#: Files of the repository that a person would open.
FILES = r"""
find . -maxdepth 1 -type f ! -executable ! -name '*.mk' ! -name '.z*' ! -name 'y*' ! -name 'p*.py' -print0
printf '%s\0' bare/inside.py gitfile/file.py sub/one .git/config .git/COMMIT_EDITMSG .vim/vimrc ftplugin/python.vim
"""


@pytest.mark.release
def test_nothing_is_run_by_opening_a_file(hostile, open_terminal):
    names = hostile.sh(f"cd hostile; {FILES}").split("\0")[:-1]
    assert len(names) > 40
    # One after the other in one editor, and the ones that matter most first in one of their own.
    first = ["trap.py", "fault.rb", "data.yml", "script.sh", "bare/inside.py", "gitfile/file.py", "sub/one"]
    for name in first:
        terminal = open_terminal("vim", name, folder=f"{hostile.path}/hostile", columns=120)
        terminal.wait_quiet(2)
        terminal.send("x", ":w!", "Enter")
        terminal.wait_quiet(1)
        assert (name, caught(hostile)) == (name, set())
        terminal.close()
    hostile.write("names.json", "[" + ",".join('"' + vim_string(name) + '"' for name in names) + "]")
    hostile.write("visit.vim", VISIT)
    terminal = open_terminal("vim", "-S", f"{hostile.path}/visit.vim", folder=f"{hostile.path}/hostile", columns=120)
    terminal.wait("all files were opened", lambda: terminal.ended, timeout=90)
    assert hostile.sh("cat visited").split() == [str(len(names))]
    assert caught(hostile) == set()
    assert HIJACK not in terminal.raw


#: Opens one file after the other, a moment each.
VISIT = r"""
let s:names = json_decode(join(readfile(expand('~/names.json')), ''))
let s:visited = 0
function! Visit(timer) abort
  if s:visited == len(s:names)
    call timer_stop(a:timer)
    call writefile([s:visited], expand('~/visited'))
    quitall!
  endif
  execute 'edit' fnameescape(s:names[s:visited])
  let s:visited += 1
endfunction
set shortmess+=A
call timer_start(700, function('Visit'), {'repeat': -1})
"""


def vim_string(text):
    """Return a text as it stands in JSON between quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\x1b", "\\u001b")


def test_nothing_is_run_by_keys_that_look_around(hostile, open_terminal):
    terminal = open_terminal("vim", "trap.py", folder=f"{hostile.path}/hostile", columns=120)
    terminal.wait_for("undefined_name")
    terminal.wait_quiet(2)
    fell = {}
    for keys in [
        (" f",),
        (" b",),
        (" r",),
        (":e .", "Enter"),
        (":e names", "Enter"),
        (":e fault.rb", "Enter"),
        (":e trap.py", "Enter"),
        ("]c",),
        ("[c",),
        (" l",),
        ("]e",),
        ("gf",),
        ("itr\x0e", "Escape"),
        ("ios.\x18\x0f", "Escape"),
        (":e fault.rb", "Enter", "Go", "\x18\x0f", "Escape"),
        (":tag trap", "Enter"),
        (":silent grep! text", "Enter"),
        (" =",),
        ("u",),
    ]:
        terminal.send(*keys)
        terminal.wait_quiet(0.7)
        terminal.send("Escape")
        terminal.wait_quiet(0.2)
        found = caught(hostile)
        if found:
            fell[keys] = found
    assert fell == {}


# --- tmux


def test_nothing_is_run_by_tmux(hostile, open_terminal):
    """Folders, programs, titles and names of windows that look like tmux's own formats."""
    folder = f"{hostile.path}/hostile/names/#(canary folder)"
    hostile.sh("mkdir -p .local/bin; cp canary .local/bin/canary")
    program = f"{hostile.path}/hostile/#(canary tmux)"
    sequences = "\\033]2;#(canary title)\\007\\033k#(canary name)\\033\\\\"
    hostile.write("hostile/#(canary tmux)", f"#!/bin/sh\nprintf '{sequences}'\nsleep 600\n")
    hostile.sh(f"chmod +x {shlex.quote(program)}")
    terminal = open_terminal("zsh", "-il", folder=folder, columns=120, lines=30)
    terminal.wait_prompt()
    terminal.run("t")
    terminal.wait_quiet(1)
    for key in ("c", "|", "-", '"', "%"):
        terminal.press("Prefix", key)
        terminal.wait_quiet(0.7)
    folders = hostile.sh("tmux list-panes -a -F '#{pane_current_path}'").splitlines()
    assert folders == [folder] * 6
    terminal.press("Prefix", "c")
    terminal.wait_prompt()
    terminal.run(f"exec {shlex.quote(program)}")
    terminal.wait_quiet(1)
    hostile.sh("tmux rename-session '##(canary session)'; tmux rename-window -t :1 '##(canary window)'")
    hostile.sh("tmux select-pane -t :1.1 -T '##(canary title)'; tmux refresh-client -S")
    terminal.wait_quiet(1)
    terminal.press("Prefix", "w")
    terminal.wait_quiet(1)
    terminal.send("q")
    terminal.press("Prefix", "s")
    terminal.wait_quiet(1)
    terminal.send("q")
    terminal.press("Prefix", "\x13")
    terminal.wait_for("saved")
    hostile.sh("tmux kill-server")
    terminal.wait_quiet(0.5)
    terminal.run("clear; t")
    terminal.wait_for("canary session")
    terminal.wait_quiet(1)
    assert caught(hostile) == set()


# --- git's hook


def test_devrig_s_hook_runs_nothing_of_the_repository(hostile):
    """What git itself runs at a commit, its own hooks and monitor, is git's; so they are gone here."""
    said = hostile.sh("""
        cd hostile; export GIT_CONFIG_NOSYSTEM=1
        git config --file .git/config --remove-section include
        mv .git/config ../config; rm -rf .git/hooks; git init -q; mv .git/config ../plain; cp ../plain .git/config
        git add fault.rb trap.py; rm .pre-commit-config.yaml
        git commit -m harmless 2>&1 || true
        git log --oneline | wc -l
    """)
    assert caught(hostile) == set(), said


def test_the_command_that_adds_the_hook_runs_nothing(hostile):
    for arguments in ("--status", "", "--remove", "~/hostile ~/hostile/sub ~/hostile/gitfile ~/hostile/bare"):
        hostile.sh(f"cd hostile; PATH=~/.local/bin:$PATH git devrig-hooks {arguments} || true")
        assert (arguments, caught(hostile)) == (arguments, set())


# --- a person's yes


def test_what_the_person_trusts_may_run(hostile, idle_zsh, open_terminal):
    """And it is said what waits for the yes, with the command that gives it."""
    folder = f"{hostile.path}/hostile"
    terminal = idle_zsh(folder=folder, columns=250)
    terminal.wait_for(f"git config --global --add devrig.trust {folder}")
    assert caught(hostile) == set()
    terminal.run(f"git config --global --add devrig.trust {folder}")
    terminal.wait("marks", lambda: "main*" in terminal.before_cursor)
    assert caught(hostile) == {"filter"}
    editor = open_terminal("vim", "trap.py", folder=folder, columns=120)
    editor.wait_for("E1 W1")
    assert "python" in caught(hostile)


def test_a_repository_of_one_s_own_has_marks_and_signs_as_ever(home, idle_zsh, open_terminal):
    """In its folder, in one below, in a worktree, and where a filter is the person's own."""
    home.sh("""
        git config --global user.name n; git config --global user.email e@localhost
        git config --global filter.own.clean "sed s/a/b/"
        git init -q own; cd own; git symbolic-ref HEAD refs/heads/main; mkdir below
        echo one | tee a.txt below/b.txt >/dev/null
        git add .; git commit -qnm one; git worktree add -q ../tree -b side
        echo two >>below/b.txt; echo two >>../tree/a.txt
    """)
    for folder, branch in (("own", "main"), ("own/below", "main"), ("tree", "side")):
        terminal = idle_zsh(folder=f"{home.path}/{folder}", columns=120)
        terminal.wait("marks", lambda prompt=f"~/{folder} {branch}* % ", shell=terminal: shell.before_cursor == prompt)
        terminal.send("git checkout ", "Tab")
        terminal.wait_for("main", "side")
        terminal.close()
    for folder, file in (("own", "below/b.txt"), ("tree", "a.txt")):
        editor = open_terminal("vim", file, folder=f"{home.path}/{folder}", columns=120)
        editor.wait_match(r"^\+ .*two")
        editor.close()
