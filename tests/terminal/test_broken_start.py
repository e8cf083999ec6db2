"""A machine on which something is broken: the shell comes up all the same, and says in one line what is missing."""

import pytest

pytestmark = pytest.mark.release

FULL = """
mount -t tmpfs -o size=4m,mode=755 none "$home"
cp -a "$work/home"/.z* "$home/" # what the shell reads is there, whatever else there is room for
cp -a "$work/home/." "$home/" 2>/dev/null || true
chown "$user:" "$home"
head -c 100M /dev/zero >"$home/filler" 2>/dev/null || true
"""

#: state -> (script that breaks the machine, run as root for this test's processes alone; words of the line that says
#: why, None where the shell can put it right by itself)
STATES = {
    "nothing is broken": ("true", None),
    "suggestions are gone": ("mount -t tmpfs none /usr/share/zsh-autosuggestions", "autosuggestions"),
    "highlighting is gone": ("mount -t tmpfs none /usr/share/zsh-syntax-highlighting", "syntax-highlighting"),
    "the home is read-only": ('mount -o remount,bind,ro "$home"', "read-only|written|writ"),
    "the disk is full": (FULL, "full|written|writ"),
    "pyenv is gone": ('umount "$home/.pyenv" "$work/home/.pyenv"; rmdir "$home/.pyenv"', "pyenv"),
    "there is no cache": ('rm -rf "$home/.cache"', None),
    "the user's own lines have a fault": ("""printf 'echo "\\nif\\n' >"$home/.zshrc.local" """, "zshrc.local"),
}


@pytest.mark.parametrize("state", STATES)
def test_a_broken_machine_gets_a_shell_and_one_line_of_why(home, zsh, state):
    home.sh("zsh -lic true")  # it was well once
    mounts, why = STATES[state]
    terminal = zsh(columns=160, mounts=mounts)
    terminal.run("echo o''k")
    terminal.wait("the command's output", lambda: "ok" in terminal.rows)
    terminal.wait_prompt()
    terminal.wait_quiet(0.5)
    command = next(number for number, row in enumerate(terminal.rows) if row.endswith("% echo o''k"))
    said = [row for row in terminal.rows[:command] if row]
    assert len(said) == (1 if why else 0), terminal.picture()
    if why:
        terminal.wait_match(f"^.*({why})")


def test_both_plugins_gone_are_told_in_one_line(zsh):
    terminal = zsh(
        columns=160,
        mounts="for name in autosuggestions syntax-highlighting; do mount -t tmpfs none /usr/share/zsh-$name; done",
    )
    terminal.run("echo o''k")
    terminal.wait("the command's output", lambda: "ok" in terminal.rows)
    terminal.wait_quiet(0.5)
    command = next(number for number, row in enumerate(terminal.rows) if row.endswith("% echo o''k"))
    assert len([row for row in terminal.rows[:command] if row]) == 1, terminal.picture()
