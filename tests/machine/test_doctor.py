"""Break things in a set-up machine: the doctor reports exactly those, and how to fix each.

Breakages that do not hide each other share a run.
"""

import json
from typing import NamedTuple

import pytest

from tests.machine.container import CHECKOUT

USER = "dev"
TAGS = "build_deps,pyenv,linters,zsh,vim,tmux,git_hooks,pipenv"


class Breakage(NamedTuple):
    """One thing to break.

    :param tags: roles that it concerns; together they are all roles.
    :param breaks: shell script, run as root, with $home set.
    :param check: the check that must report broken.
    :param says: what its message must contain.
    """

    tags: str
    breaks: str
    check: str
    says: tuple


HIGHLIGHTING = "/usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh"
GITGUTTER = "/usr/share/vim-gitgutter/plugin/gitgutter.vim"
TEMPLATE = "$home/.local/share/devrig/git/template/hooks/pre-commit"
INTERPRETER = 'set -- "$home"/.pyenv/versions/[0-9]*; '
SITE = 'set -- "$home"/.pyenv/versions/[0-9]*/lib/python*/site-packages; '
PIPENV = 'set -- "$home"/.pyenv/versions/[0-9]*/lib/python*/site-packages/pipenv; '

BREAKAGES = {
    "a plugin of the shell is gone": Breakage(
        "zsh",
        f"rm {HIGHLIGHTING}",
        "zsh: a command line is coloured",
        (HIGHLIGHTING, "reinstall zsh-syntax-highlighting"),
    ),
    "a home file is cut off": Breakage(
        "zsh",
        'truncate -s 4000 "$home/.zshrc"',
        "zsh: zsh's files are as devrig wrote them",
        (".zshrc has your edits", "move them to ~/.zshrc.local"),
    ),
    "a home file is another user's": Breakage(
        "tmux",
        'chown root: "$home/.tmux.conf"',
        "tmux: tmux's files are as devrig wrote them",
        (".tmux.conf belongs to another user", "chown"),
    ),
    "the login shell is another one": Breakage(
        "zsh",
        f"usermod --shell /bin/bash {USER}",
        "zsh: zsh is the login shell",
        ("The login shell is /bin/bash", "--tags zsh", "zsh_login_shell"),
    ),
    "the login shell is not registered": Breakage(
        "tmux",
        "sed -i /zsh/d /etc/shells",
        "doctor: the login shell lets nobody stay outside",
        ("/usr/bin/zsh, which is not in /etc/shells", "usermod --shell /bin/bash"),
    ),
    "the shell's cache cannot be written": Breakage(
        "zsh",
        'chown root: "$home/.cache/devrig/zsh"',
        "zsh: what completion is made of is kept",
        ("~/.cache/devrig/zsh cannot be written", f"sudo chown -R {USER} ~/.cache/devrig"),
    ),
    "a plugin of the editor is gone": Breakage(
        "vim",
        f"rm {GITGUTTER}",
        "vim: the packages' plugins are there",
        ("what vim-gitgutter brings", "apt-get install --reinstall vim-gitgutter"),
    ),
    "the editor keeps its undo files elsewhere": Breakage(
        "vim",
        f'echo "set undodir=." >"$home/.vimrc.local" && chown {USER}: "$home/.vimrc.local"',
        "vim: undo, swap and backup files stay out of projects",
        ("~/.vimrc.local",),
    ),
    "a setting of one's own against devrig's": Breakage(
        "tmux",
        f'echo "set -g mouse off" >"$home/.tmux.conf.local" && chown {USER}: "$home/.tmux.conf.local"',
        "tmux: tmux's settings took hold",
        ("mouse", "look into ~/.tmux.conf.local"),
    ),
    "a linter fails": Breakage(
        "linters,vim,git_hooks",
        "printf '#!/bin/sh\\necho broken >&2\\nexit 3\\n' >/usr/bin/flake8 && chmod 755 /usr/bin/flake8",
        "linters: the faults of a Python text are found",
        ("flake8", "apt-get install --reinstall flake8"),
    ),
    "git does not know of the hooks": Breakage(
        "git_hooks",
        'sed -i "/path = .*devrig/d" "$home/.gitconfig"',
        "git_hooks: a new repository has the hook",
        ("is not linted", "--tags git_hooks"),
    ),
    "the hook of new repositories is gone": Breakage(
        "git_hooks",
        f'rm "{TEMPLATE}"',
        "git_hooks: a new repository has the hook",
        ("is not linted", "--tags git_hooks"),
    ),
    "apt was interrupted": Breakage(
        "tmux",
        "sed -i '/^Package: tmux$/,/^$/s/^Status: .*/Status: install ok half-configured/' /var/lib/dpkg/status",
        "doctor: all packages are set up",
        ("tmux", "dpkg --configure -a"),
    ),
    "the compiler is gone": Breakage(
        "build_deps",
        "rm /usr/bin/cc",
        "build_deps: a program with each library compiles",
        ("cc, is not there", "--tags build_deps"),
    ),
    "an interpreter is not proved": Breakage(
        "pyenv",
        INTERPRETER + 'rm "$1/.devrig.json"',
        "pyenv: every interpreter is there",
        ("Not there, or not proved: Python 3", "--tags build_deps,pyenv"),
    ),
    "an interpreter has lost a module": Breakage(
        "pyenv",
        SITE + 'echo "import sys; sys.modules[\'_ssl\'] = None" >"$1/lost.pth"',
        "pyenv: every interpreter is complete",
        ("ssl", "--tags pyenv,pipenv"),
    ),
    "an interpreter has lost pipenv": Breakage(
        "pipenv",
        PIPENV + 'rm -r "$1"',
        "pipenv: pipenv answers",
        ("pipenv --version", "--tags pipenv"),
    ),
}


#: Breakages that share a run. Two that affect the same check, or of which one hides the other, are in different runs.
RUNS = {
    "first": [
        "a plugin of the shell is gone",
        "the login shell is another one",
        "the shell's cache cannot be written",
        "a plugin of the editor is gone",
        "a home file is another user's",
        "git does not know of the hooks",
        "apt was interrupted",
        "the compiler is gone",
        "an interpreter is not proved",
    ],
    "second": [
        "a home file is cut off",
        "the login shell is not registered",
        "a linter fails",
        "an interpreter has lost a module",
    ],
    "third": [
        "the editor keeps its undo files elsewhere",
        "a setting of one's own against devrig's",
        "the hook of new repositories is gone",
        "an interpreter has lost pipenv",
    ],
}


def ask(machine, tags, *options):
    """Ask the doctor as a program does; return (exit status, checks)."""
    line = machine.bootstrap_line("verify.yml", "--tags", tags, "-e", "verify_format=json")
    done = machine.run(*line, "-e", "pipenv_verify_install=false", *options, folder=CHECKOUT, check=False)
    report = json.loads(done.said)
    assert report["counts"] == {
        state: sum(check["state"] == state for check in report["checks"]) for state in ("ok", "broken", "skipped")
    }
    return done.code, report["checks"]


def named(check):
    """Return "role: check", without the version that a loop was at."""
    return f"{check['role']}: {check['check']}".split(" (")[0]


def test_every_breakage_and_every_role_is_tried():
    assert sorted(name for names in RUNS.values() for name in names) == sorted(BREAKAGES)
    assert {tag for breakage in BREAKAGES.values() for tag in breakage.tags.split(",")} == set(TAGS.split(","))


def runs():
    """Return the runs, each with its lines of the table."""
    for run, names in RUNS.items():
        marks = [
            pytest.mark.survives(f"broken: {name}", "the doctor names it, nothing else, and what to do")
            for name in names
        ]
        yield pytest.param(run, marks=marks)


@pytest.mark.parametrize("run", list(runs()))
def test_exactly_what_was_broken_is_named(ready, run):
    breakages = [BREAKAGES[name] for name in RUNS[run]]
    for breakage in breakages:
        ready.root(f"home=/home/{USER}\n{breakage.breaks}")
    status, checks = ask(ready, TAGS)
    assert status != 0
    broken = {named(check): check["message"] for check in checks if check["state"] == "broken"}
    assert set(broken) == {breakage.check for breakage in breakages}, broken
    for breakage in breakages:
        for words in breakage.says:
            assert words in broken[breakage.check]
    for check in checks:
        assert check["state"] != "skipped" or any(name in check["message"] for name in broken), check


def test_a_missing_program_is_broken_or_without_root_skipped(ready):
    ready.root("rm /usr/bin/tmux")
    for options, state, words in (
        ((), "broken", "tmux is not installed: run the playbook with --tags tmux"),
        (("-e", "devrig_become=false"), "skipped", "devrig_become is false"),
    ):
        status, checks = ask(ready, "tmux", *options)
        (odd,) = [check for check in checks if check["state"] != "ok"]
        assert (named(odd), odd["state"]) == ("tmux: tmux is there", state)
        assert words in odd["message"]
        assert (status == 0) is (state == "skipped")


def test_a_person_reads_a_table(ready):
    lines = ready.bootstrap("verify.yml", "--tags", "tmux", check=True).said.splitlines()
    assert lines[0].split() == ["role", "check", "state"]
    assert len({line.rindex(" ok") for line in lines[1:-2]}) == 1
    assert lines[-1].endswith(" ok, 0 broken, 0 skipped")
