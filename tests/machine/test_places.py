"""Homes and disks that are full, read-only or elsewhere; environments that are odd; what a machine lacks."""

import contextlib

import pytest

from tests.machine.life import CALM, converges, differences, is_right, live_in, lost
from tests.machine.stand_in import VERSIONS

#: Ansible's own scratch folders, which would else be in the home.
ELSEWHERE = {"ANSIBLE_LOCAL_TEMP": "/srv/local", "ANSIBLE_REMOTE_TEMP": "/srv/remote"}
ODD_ENVIRONMENT = {"LC_ALL": "", "LANG": "xx_XX.UTF-8", **CALM}


@pytest.fixture
def mounting(machine):
    """Return a function that starts a machine whose root may mount."""
    return lambda state: machine(state, "--privileged")


def fill(machine, folder):
    """Leave no room on the file system of a folder, and one for Ansible's own files elsewhere."""
    machine.root("mkdir -p -m 1777 /srv/local /srv/remote")
    machine.root('cat /dev/zero >"$1/.filler" || true', folder)


@contextlib.contextmanager
def of_its_own(machine, folder, options):
    """Make a folder a file system of its own, with what is in it, as long as the context lasts."""
    script = """
    mkdir -p "$1"
    mkdir -p /srv/copy; mount -t tmpfs -o "$2" tmpfs /srv/copy; cp -a "$1/." /srv/copy/
    chown --reference="$1" /srv/copy; chmod --reference="$1" /srv/copy
    mount --move /srv/copy "$1"
    """
    machine.root(script, folder, options)
    yield
    machine.root('umount -l "$1"', folder)


@pytest.mark.survives(
    "the home folder's disk is full", "it is said, no file is lost or half; with room the next run goes on"
)
def test_a_full_home(mounting):
    machine = mounting("ready")
    machine.sh("rm -rf ~/.pyenv ~/.cache; sed -i 1d ~/.tmux.conf; rm ~/.zshrc; echo mine >~/notes")
    machine.sh("mv ~/.local/share/devrig/ansible /tmp/ansible; rm -rf ~/.local/share/devrig/ansible")
    machine.root("mv /tmp/ansible /srv/ansible; ln -s /srv/ansible /home/dev/.local/share/devrig/ansible")
    with of_its_own(machine, "/home/dev", "size=30m"):
        before = machine.sh("cat ~/.tmux.conf ~/.vimrc ~/notes ~/.local/state/devrig/ledger.json | sha256sum")
        fill(machine, "/home/dev")
        done = machine.bootstrap("--tags", "zsh,tmux", env=ELSEWHERE)
        assert done.code != 0
        assert "No space left on device" in done.one_line, done.said[-3000:]
        assert machine.sh("cat ~/.tmux.conf ~/.vimrc ~/notes ~/.local/state/devrig/ledger.json | sha256sum") == before
        machine.root("rm /home/dev/.filler*")
        converges(machine, "--tags", "zsh,tmux")


@pytest.mark.full
@pytest.mark.survives(
    "the disk is full where interpreters are built, cached or kept",
    "it is said, nothing half is left; the next run goes on",
)
@pytest.mark.parametrize("folder", ["/home/dev/.pyenv/versions", "/home/dev/.cache/devrig"])
def test_a_full_disk_of_a_build(mounting, folder):
    machine = mounting("ready")
    machine.sh('rm -rf ~/.cache/devrig ~/.pyenv/versions/"$1"; mkdir -p "$2"', VERSIONS[machine.suite], folder)
    with of_its_own(machine, folder, "size=200k"):
        fill(machine, folder)
        done = machine.bootstrap("--tags", "pyenv")
        assert done.code != 0
        assert "disk is full" in done.one_line or "No space left" in done.one_line, done.said[-3000:]
    machine.sh('rm -rf ~/.pyenv/versions/"$1"', VERSIONS[machine.suite])
    converges(machine, "--tags", "pyenv,pipenv")


@pytest.mark.full
@pytest.mark.survives("a read-only home", "one clear error, nothing changed")
def test_a_read_only_home(mounting):
    machine = mounting("ready")
    machine.sh("sed -i 1d ~/.tmux.conf")
    home = machine.home()
    machine.root("mount --bind /home/dev /home/dev; mount -o remount,bind,ro /home/dev")
    done = machine.bootstrap("--tags", "tmux", env=ELSEWHERE)
    assert done.code != 0
    assert "read-only" in done.one_line.lower(), done.said[-3000:]
    machine.root("umount -l /home/dev")
    assert differences(home, machine.home()) == []
    converges(machine, "--tags", "tmux")


@pytest.mark.full
@pytest.mark.survives("no compiler", "it is said what to install, before the build; the next run goes on")
def test_no_compiler(ready):
    # Nor is there a finished one.
    ready.sh('rm -rf ~/.cache/devrig/devrig-interpreters ~/.pyenv/versions/"$1"', VERSIONS[ready.suite])
    ready.root("for name in gcc cc c99 c89; do [ ! -e /usr/bin/$name ] || mv /usr/bin/$name /usr/bin/$name.away; done")
    done = ready.bootstrap("--tags", "pyenv")
    assert done.code != 0
    assert "compiler" in done.one_line, done.said[-3000:]
    ready.root(
        "for name in gcc cc c99 c89; do [ ! -e /usr/bin/$name.away ] || mv /usr/bin/$name.away /usr/bin/$name; done"
    )
    converges(ready, "--tags", "pyenv,pipenv")


@pytest.mark.survives("a ~/.zshrc.local that ends the shell", "the login shell stays as it was, and the file is named")
@pytest.mark.parametrize(
    "line", ["exit 1", pytest.param("exec false", marks=pytest.mark.full), pytest.param("if [", marks=pytest.mark.full)]
)
def test_a_broken_zshrc_local(ready, line):
    ready.root("usermod --shell /bin/bash dev")
    ready.sh('printf "%s\\n" "$1" >~/.zshrc.local', line)
    done = ready.bootstrap("--tags", "zsh")
    shell = ready.sh("getent passwd dev | cut -d: -f7").strip()
    if line == "if [":  # zsh says what is wrong in the file and comes up all the same: nobody is locked out
        assert (done.code, shell) == (0, "/usr/bin/zsh")
    else:
        assert done.code != 0
        assert ".zshrc.local" in done.one_line
        assert shell == "/bin/bash"
    ready.sh("rm ~/.zshrc.local")
    converges(ready, "--tags", "zsh")
    assert ready.sh("getent passwd dev | cut -d: -f7").strip() == "/usr/bin/zsh"


@pytest.mark.full
@pytest.mark.survives("zsh is removed after the set-up", "the doctor names it, the next run brings it back")
def test_zsh_is_removed(ready):
    ready.root("apt-get -qq -y remove zsh")
    done = ready.bootstrap("verify.yml", "--tags", "zsh")
    assert done.code != 0
    assert "--tags zsh" in done.one_line
    converges(ready, "--tags", "zsh")
    is_right(ready, "--tags", "zsh")


@pytest.mark.full
@pytest.mark.survives(
    "a home on another file system, names with blanks and UTF-8, umask 077, a locale that is missing",
    "all is set up, the doctor is content, others' files are as they were",
)
def test_an_odd_home(mounting):
    machine = mounting("bare")
    before = live_in(machine)
    with of_its_own(machine, "/home/dev", "size=2g"):
        line = "umask 077; " + " ".join(machine.bootstrap_line())
        for expected in (None, 0):
            done = machine.run("sh", "-c", line, folder="/srv/devrig", env=ODD_ENVIRONMENT, check=False)
            assert done.code == 0, done.said[-6000:]
            assert expected is None or done.recap["changed"] == expected
        assert lost(machine) == []
        is_right(machine)
        kept = [each for each in before if "dotfiles/" in each or "Müller" in each or ".netrc" in each]
        kept.remove("l ./.tmux.conf dotfiles/tmux.conf")  # moved to .tmux.conf.local, which acts
        assert set(kept) <= set(machine.home())
        modes = machine.root("cd /home/dev; stat -c %a .zshrc .vimrc .tmux.conf .local/state/devrig")
        assert modes.split() == ["644", "644", "644", "700"]


@pytest.mark.full
@pytest.mark.survives("the locale C", "all runs as with any other")
def test_the_locale_c(ready):
    done = ready.bootstrap(env={"LC_ALL": "C", "LANG": "C"})
    assert done.code == 0, done.said[-6000:]
    assert done.recap["changed"] == 0


@pytest.mark.full
@pytest.mark.survives("pyenv's shims first on PATH", "Ansible runs on the system's Python all the same")
def test_shims_first(ready):
    path = "/home/dev/.pyenv/shims:/home/dev/.pyenv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    done = ready.bootstrap(env={"PATH": path, "PYENV_VERSION": VERSIONS[ready.suite]})
    assert done.code == 0, done.said[-6000:]
    assert done.recap["changed"] == 0
