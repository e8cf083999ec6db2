"""Break one thing after the other in a machine that is set up: the doctor names exactly that one, and what to do."""

import json
from typing import NamedTuple

import pytest

from tests.machine.container import CHECKOUT, READY, Container
from tests.machine.stand_in import of_release

USER = "dev"
TAGS = "build_deps,pyenv,linters,zsh,vim,tmux,git_hooks,pipenv"


class Breakage(NamedTuple):
    """One thing to break.

    :param tags: what the doctor is asked for.
    :param breaks: script for sh, as root; it knows $home.
    :param mends: script for sh, as root.
    :param check: what has to be broken then, and nothing else.
    :param says: what the message has to say, of the cause and of what to do.
    """

    tags: str
    breaks: str
    mends: str
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
        f"mv {HIGHLIGHTING} {HIGHLIGHTING}.away",
        f"mv {HIGHLIGHTING}.away {HIGHLIGHTING}",
        "zsh: a command line is coloured",
        (HIGHLIGHTING, "reinstall zsh-syntax-highlighting"),
    ),
    "a home file is cut off": Breakage(
        "zsh",
        'cp -p "$home/.zshrc" /tmp/zshrc && truncate -s 4000 "$home/.zshrc"',
        'cp -p /tmp/zshrc "$home/.zshrc" && rm /tmp/zshrc',
        "zsh: zsh's files are as devrig wrote them",
        (".zshrc has your edits", "move them to ~/.zshrc.local"),
    ),
    "a home file is another user's": Breakage(
        "tmux",
        'chown root: "$home/.tmux.conf"',
        f'chown {USER}: "$home/.tmux.conf"',
        "tmux: tmux's files are as devrig wrote them",
        (".tmux.conf belongs to another user", "chown"),
    ),
    "the login shell is another one": Breakage(
        "zsh",
        f"usermod --shell /bin/bash {USER}",
        f"usermod --shell /usr/bin/zsh {USER}",
        "zsh: zsh is the login shell",
        ("The login shell is /bin/bash", "--tags zsh", "zsh_login_shell"),
    ),
    "the login shell is not registered": Breakage(
        "tmux",
        "cp -p /etc/shells /tmp/shells && sed -i /zsh/d /etc/shells",
        "cp -p /tmp/shells /etc/shells && rm /tmp/shells",
        "doctor: the login shell lets nobody stay outside",
        ("/usr/bin/zsh, which is not in /etc/shells", "usermod --shell /bin/bash"),
    ),
    "the shell's cache cannot be written": Breakage(
        "zsh",
        'chown root: "$home/.cache/devrig/zsh"',
        f'chown {USER}: "$home/.cache/devrig/zsh"',
        "zsh: what completion is made of is kept",
        ("~/.cache/devrig/zsh cannot be written", f"sudo chown -R {USER} ~/.cache/devrig"),
    ),
    "a plugin of the editor is gone": Breakage(
        "vim",
        f"mv {GITGUTTER} {GITGUTTER}.away",
        f"mv {GITGUTTER}.away {GITGUTTER}",
        "vim: the packages' plugins are there",
        ("what vim-gitgutter brings", "apt-get install --reinstall vim-gitgutter"),
    ),
    "the editor keeps its undo files elsewhere": Breakage(
        "vim",
        f'echo "set undodir=." >"$home/.vimrc.local" && chown {USER}: "$home/.vimrc.local"',
        'rm "$home/.vimrc.local"',
        "vim: undo, swap and backup files stay out of projects",
        ("~/.vimrc.local",),
    ),
    "a setting of one's own against devrig's": Breakage(
        "tmux",
        f'echo "set -g mouse off" >"$home/.tmux.conf.local" && chown {USER}: "$home/.tmux.conf.local"',
        'rm "$home/.tmux.conf.local"',
        "tmux: tmux's settings took hold",
        ("mouse", "look into ~/.tmux.conf.local"),
    ),
    "a linter fails": Breakage(
        "linters,vim,git_hooks",
        "mv /usr/bin/flake8 /usr/bin/flake8.away && printf '#!/bin/sh\\necho broken >&2\\nexit 3\\n' >/usr/bin/flake8"
        " && chmod 755 /usr/bin/flake8",
        "mv /usr/bin/flake8.away /usr/bin/flake8",
        "linters: the faults of a Python text are found",
        ("flake8", "apt-get install --reinstall flake8"),
    ),
    "git does not know of the hooks": Breakage(
        "git_hooks",
        'cp -p "$home/.gitconfig" /tmp/gitconfig && sed -i "/path = .*devrig/d" "$home/.gitconfig"',
        'cp -p /tmp/gitconfig "$home/.gitconfig" && rm /tmp/gitconfig',
        "git_hooks: a new repository has the hook",
        ("is not linted", "--tags git_hooks"),
    ),
    "the hook of new repositories is gone": Breakage(
        "git_hooks",
        f'mv "{TEMPLATE}" /tmp/template',
        f'mv /tmp/template "{TEMPLATE}"',
        "git_hooks: a new repository has the hook",
        ("is not linted", "--tags git_hooks"),
    ),
    "apt was interrupted": Breakage(
        "tmux",
        "cp -p /var/lib/dpkg/status /tmp/status"
        " && sed -i '/^Package: tmux$/,/^$/s/^Status: .*/Status: install ok half-configured/' /var/lib/dpkg/status",
        "cp -p /tmp/status /var/lib/dpkg/status && rm /tmp/status",
        "doctor: all packages are set up",
        ("tmux", "dpkg --configure -a"),
    ),
    "the compiler is gone": Breakage(
        "build_deps",
        "mv /usr/bin/cc /usr/bin/cc.away",
        "mv /usr/bin/cc.away /usr/bin/cc",
        "build_deps: a program with each library compiles",
        ("cc, is not there", "--tags build_deps"),
    ),
    "an interpreter is not proved": Breakage(
        "pyenv",
        INTERPRETER + 'mv "$1/.devrig.json" /tmp/',
        INTERPRETER + 'mv /tmp/.devrig.json "$1"/',
        "pyenv: every interpreter is there",
        ("Not there, or not proved: Python 3", "--tags build_deps,pyenv"),
    ),
    "an interpreter has lost a module": Breakage(
        "pyenv",
        SITE + 'echo "import sys; sys.modules[\'_ssl\'] = None" >"$1/lost.pth"',
        SITE + 'rm "$1/lost.pth"',
        "pyenv: every interpreter is complete",
        ("ssl", "--tags pyenv,pipenv"),
    ),
    "an interpreter has lost pipenv": Breakage(
        "pipenv",
        PIPENV + 'mv "$1" "$1.away"',
        PIPENV.replace("/pipenv;", "/pipenv.away;") + 'mv "$1" "${1%.away}"',
        "pipenv: pipenv answers",
        ("pipenv --version", "--tags pipenv"),
    ),
}


def shell(machine, script):
    """Run a script as root; it stops at the first command that fails."""
    machine.root(f"home=/home/{USER}\n{script}")


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


@pytest.fixture(scope="module")
def patient(suite, images, lab, mirror):
    """Return one machine for all breakages: each is mended before the next."""
    container = Container(images["ready"], lab)
    container.settle(of_release(mirror[1], suite))
    container.sh(READY)
    yield container
    container.remove()


def parameters():
    """Return the breakages, each with its line of the table."""
    for name in BREAKAGES:
        mark = pytest.mark.survives(f"broken: {name}", "the doctor names it, nothing else, and what to do")
        yield pytest.param(name, marks=mark)


@pytest.mark.parametrize("name", list(parameters()))
def test_exactly_what_was_broken_is_named(patient, name):
    breakage = BREAKAGES[name]
    shell(patient, breakage.breaks)
    try:
        status, checks = ask(patient, breakage.tags)
    finally:
        shell(patient, breakage.mends)
    broken = [check for check in checks if check["state"] == "broken"]
    assert [named(check) for check in broken] == [breakage.check], broken
    for words in breakage.says:
        assert words in broken[0]["message"]
    assert status != 0
    for check in checks:
        assert check["state"] != "skipped" or breakage.check in check["message"], check


def test_a_program_that_is_not_there_is_broken_or_without_root_skipped(patient):
    shell(patient, "mv /usr/bin/tmux /usr/bin/tmux.away")
    try:
        found = [ask(patient, "tmux", *options) for options in ((), ("-e", "devrig_become=false"))]
    finally:
        shell(patient, "mv /usr/bin/tmux.away /usr/bin/tmux")
    for (status, checks), (state, words) in zip(
        found,
        [("broken", "tmux is not installed: run the playbook with --tags tmux"), ("skipped", "devrig_become is false")],
    ):
        (odd,) = [check for check in checks if check["state"] != "ok"]
        assert (named(odd), odd["state"]) == ("tmux: tmux is there", state)
        assert words in odd["message"]
        assert (status == 0) is (state == "skipped")


def test_all_is_well_again(patient):
    status, checks = ask(patient, TAGS)
    assert [check for check in checks if check["state"] != "ok"] == []
    assert status == 0
    assert {check["role"] for check in checks} == {"doctor", *TAGS.split(",")}
    for tag in TAGS.split(","):
        assert any(tag in breakage.tags.split(",") for breakage in BREAKAGES.values()), tag


def test_a_person_reads_a_table(patient):
    lines = patient.bootstrap("verify.yml", "--tags", "tmux", check=True).said.splitlines()
    assert lines[0].split() == ["role", "check", "state"]
    assert len({line.rindex(" ok") for line in lines[1:-2]}) == 1
    assert lines[-1].endswith(" ok, 0 broken, 0 skipped")
