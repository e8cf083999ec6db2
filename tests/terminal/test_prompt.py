"""The prompt: git's branch and its marks, the exit status, the virtualenv of the folder one is in."""

import pytest

#: A repository with one commit on main, its author given so that no settings of a person's are needed.
REPOSITORY = """
git config --global user.name n; git config --global user.email e@localhost
git init -q repository; cd repository; git symbolic-ref HEAD refs/heads/main
echo one >file; git add file; git commit -qm one
"""

MARKS = {
    "clean": ("true", ""),
    "modified": ("echo two >file", "*"),
    "staged": ("echo two >file; git add file", "+"),
    "untracked": ("touch new", "?"),
    "all three": ("echo two >file; git add file; echo three >file; touch new", "*+?"),
}


@pytest.fixture
def repository(home, zsh):
    """Return a function that makes a repository, runs a script in it and starts a shell there."""

    def start(script="true", folder="repository"):
        home.sh(f"{REPOSITORY}\n{script}")
        return zsh(folder=f"{home.path}/{folder}")

    return start


@pytest.mark.parametrize("case", MARKS)
def test_marks_stand_behind_the_branch(repository, case):
    """They come by themselves, without a key, a moment after the prompt."""
    script, marks = MARKS[case]
    terminal = repository(script)
    if marks:
        found = terminal.wait_match(r"^~/repository main([*+?]+) % ?$")[1]
        assert sorted(found) == sorted(marks)
    else:
        terminal.wait_match(r"^~/repository main % ?$")
        terminal.wait_quiet(1)
        assert terminal.text + " " == "~/repository main % "


@pytest.mark.release
def test_marks_follow_what_is_done(repository):
    terminal = repository()
    terminal.run("echo two >file")
    terminal.wait_match(r"main\* %$")
    terminal.run("git add file")
    terminal.wait_match(r"main\+ %$")
    terminal.run("git commit -qm two")
    terminal.wait("clean", lambda: terminal.before_cursor == "~/repository main % ")


def test_marks_do_not_disturb_what_is_typed(repository):
    """They arrive while a line is being typed: the line stays, and so does the cursor."""
    terminal = repository("touch new")
    terminal.send("echo typed")
    terminal.wait_match(r"main\? % echo typed")
    terminal.wait("the cursor", lambda: terminal.before_cursor.endswith("% echo typed"))
    terminal.send("Enter")
    terminal.wait("run", lambda: "typed" in terminal.rows)


def test_a_detached_head_is_eight_digits(repository):
    terminal = repository("git checkout -q --detach")
    terminal.wait_match(r"^~/repository [0-9a-f]{8} %$")


@pytest.mark.release
def test_a_rebase_names_its_branch(repository):
    terminal = repository(
        "git checkout -qb topic; echo topic >file; git commit -qam topic;"
        "git checkout -q main; echo main >file; git commit -qam main;"
        "git checkout -q topic; ! git rebase main >/dev/null 2>&1"
    )
    terminal.wait_match(r"^~/repository topic\|rebase")


def test_a_merge_conflict_is_said(repository):
    terminal = repository(
        "git checkout -qb topic; echo topic >file; git commit -qam topic;"
        "git checkout -q main; echo main >file; git commit -qam main;"
        "! git merge topic >/dev/null 2>&1"
    )
    terminal.wait_match(r"^~/repository main\|merge")


def test_a_branch_s_name_is_never_run_or_expanded(repository):
    terminal = repository("git checkout -qb '%F{red}$(id)'")
    terminal.wait_for("~/repository %F{red}$(id)")
    colours = terminal.colours("%F{red}$(id)")
    assert len(colours) == 1
    assert "red" not in colours


def test_no_branch_outside_a_repository(repository):
    terminal = repository()
    terminal.wait_for("~/repository main")
    terminal.run("cd ..")
    terminal.wait("none", lambda: terminal.before_cursor == "~ % ")


@pytest.mark.release
def test_the_exit_status_is_shown_until_all_is_well(zsh):
    terminal = zsh()
    terminal.run("(exit 7)")
    terminal.wait_match(r"^7 ~ %$")
    assert terminal.colours("7", within="7 ~ %") == {"red"}
    terminal.run("true")
    terminal.wait("gone", lambda: terminal.before_cursor == "~ % ")


# --- virtualenvs

#: What python3 -m venv makes, as far as a shell needs it.
VIRTUALENV = """
mkdir -p "$VENV/bin"; ln -s /usr/bin/python3 "$VENV/bin/python"
printf 'home = /usr/bin\\nversion = 3\\n' >"$VENV/pyvenv.cfg"
cat >"$VENV/bin/activate" <<'END'
deactivate() { unset VIRTUAL_ENV; unset -f deactivate; }
VIRTUAL_ENV=$(cd "${0%/*}/.." 2>/dev/null && pwd)
export VIRTUAL_ENV
END
"""


def comes_and_goes(terminal, project, name, virtualenv):
    """Go into a project's folder, below it and out of it, and see the virtualenv do what it should."""
    terminal.run(f"cd ~/{project}")
    terminal.wait("named in the prompt", lambda: terminal.before_cursor.startswith(f"({name}) ~/{project}"))
    terminal.run("print -r -- v=$VIRTUAL_ENV p=$commands[python]")
    terminal.wait_for(f"v={virtualenv} p={virtualenv}/bin/python")
    terminal.run("cd below")
    terminal.wait("still there", lambda: terminal.before_cursor.startswith(f"({name}) ~/{project}/below"))
    terminal.run("cd ~")
    terminal.wait("gone", lambda: terminal.before_cursor == "~ % ")
    terminal.run("clear; print -r -- v=$VIRTUAL_ENV. p=$commands[python].")
    terminal.wait_match(r"^v=\. p=")
    assert f"p={virtualenv}" not in terminal.text


@pytest.mark.release
def test_pipenv_s_virtualenv_comes_and_goes(home, zsh):
    virtualenv = f"{home.path}/.local/share/virtualenvs/shop-Xy12_-Ab"
    home.sh(VIRTUALENV, env={"VENV": virtualenv})
    home.sh(f'mkdir -p shop/below; touch shop/Pipfile; printf %s "$HOME/shop" >{virtualenv}/.project')
    comes_and_goes(zsh(columns=120), "shop", "shop", virtualenv)


def test_a_venv_in_the_folder_comes_and_goes(home, zsh):
    virtualenv = f"{home.path}/shop/.venv"
    home.sh(VIRTUALENV, env={"VENV": virtualenv})
    home.sh("mkdir -p shop/below")
    comes_and_goes(zsh(columns=120), "shop", "shop", virtualenv)


def test_a_venv_that_came_with_a_repository_is_not_run(home, zsh):
    virtualenv = f"{home.path}/repository/.venv"
    home.sh(REPOSITORY)
    home.sh(VIRTUALENV, env={"VENV": virtualenv})
    home.sh("cd repository; git add --force .venv; git commit -qm venv")
    terminal = zsh(columns=120)
    terminal.run("cd ~/repository")
    terminal.wait_match(r"^~/repository main %$")
    said = [row for row in terminal.rows if row and "% cd" not in row and not row.endswith("%")]
    assert len(said) == 1
    assert f"{virtualenv} came with the repository" in said[0]
    terminal.run("print -r -- v=$VIRTUAL_ENV.")
    terminal.wait("not set", lambda: "v=." in terminal.rows)
