"""What a person has before devrig comes, and what must hold after something went wrong."""

import re
import time

#: Files of a person's: where devrig writes its own, and elsewhere; with names, modes and times that are easily lost.
LIVED_IN = r"""
cd /home/dev
umask 022
printf 'alias left_by_the_user="ünïcode"\n' >.zshrc
printf 'let g:left_by_the_user = 1\n' >.vimrc
mkdir -p dotfiles "Müller & Söhne/ein Ordner" .config/git .local/share
printf 'set -g @left_by_the_user 1\n' >dotfiles/tmux.conf
ln -s dotfiles/tmux.conf .tmux.conf
printf '[user]\n\tname = Ünal\n\temail = u@localhost' >.gitconfig
printf '\xff\xfe no text\n' >"Müller & Söhne/ein Ordner/$(printf 'a\nb') \$(x).txt"
printf 'secret' >.netrc
chmod 600 .netrc
chmod 640 .zshrc .gitconfig
touch -h -d '2020-02-03 04:05:06.789' .zshrc .vimrc .tmux.conf .gitconfig .netrc
touch -h -d '2020-02-03 04:05:06.789' dotfiles/tmux.conf "Müller & Söhne/ein Ordner"/*
"""

#: Where the person's own settings act once devrig's files are there: a line for each that is lost.
_ACTS = r"""
cd /home/dev
zsh -ic 'HISTFILE=; alias left_by_the_user' 2>&1 | grep -q ünïcode || echo alias
look='redir! > /tmp/acts | silent echo get(g:, "left_by_the_user") | redir END | qa!'
vim -es -i NONE -u ~/.vimrc --not-a-term -c "$look" </dev/null >/dev/null 2>&1 || true
grep -q 1 /tmp/acts || echo vim
tmux -L acts -f ~/.tmux.conf new-session -d cat 2>&1
tmux -L acts show -gv @left_by_the_user | grep -q 1 || echo tmux
tmux -L acts kill-server
grep -q 'set -g @left' dotfiles/tmux.conf || echo dotfiles
"""

CALM = {"PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1"}


def live_in(machine):
    """Let a person have lived in the home folder; return what is in it then."""
    machine.sh(LIVED_IN)
    return machine.home()


def lost(machine):
    """Return the names of the person's own settings that do not act any more."""
    return machine.sh(_ACTS, env={"LC_ALL": "C.UTF-8"}).split()


def differences(before, after):
    """Return the lines of two lists that are in one alone, with - for what went and + for what came."""
    gone, new = set(before) - set(after), set(after) - set(before)
    return [f"-{line}" for line in sorted(gone)] + [f"+{line}" for line in sorted(new)]


def changed_tasks(done):
    """Return the names of the tasks that said they changed something, in order.

    Without handlers: they fetch the result of a task that has said so already, and check mode has no result to fetch.
    """
    found = []
    for part in re.split(r"\n(?=TASK \[|RUNNING HANDLER \[|PLAY RECAP)", done.said):
        if part.startswith("TASK [") and "\nchanged: " in part:
            found.append(part[len("TASK [") :].split("]", 1)[0])
    return found


def converges(machine, *arguments, **where):
    """Run ./bootstrap twice: the first does what is left to do, the second changes nothing."""
    first = machine.bootstrap(*arguments, **where)
    assert first.code == 0, first.said[-8000:]
    second = machine.bootstrap(*arguments, **where)
    assert second.code == 0, second.said[-8000:]
    assert second.recap["changed"] == 0, changed_tasks(second)
    return first


def is_right(machine, *arguments):
    """Ask the doctor."""
    done = machine.bootstrap("verify.yml", *arguments)
    assert done.code == 0, done.said[-8000:]


def read_until(process, text, seconds=300):
    """Read what a process writes until a line has a text; return all that was read."""
    said, end = [], time.monotonic() + seconds
    for line in process.stdout:
        said.append(line)
        if text in line:
            return "".join(said)
        assert time.monotonic() < end, "".join(said)
    raise AssertionError(f"{text} never came:\n{''.join(said)[-6000:]}")
