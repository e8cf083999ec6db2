"""What a person did since: the undo and the next run keep it; and what a machine without sudo gets."""

import pytest

from tests.machine.life import converges, differences, live_in


@pytest.mark.survives("remove.yml after a person has worked", "what was made or edited since is kept, and named")
def test_what_was_made_since_is_kept(ready):
    ready.sh("""
    cd ~
    echo ': 1700000000:0;ls' >>.zsh_history
    echo 'alias mine=ls' >>.zshrc.local
    echo '# an edit of mine' >>.vimrc
    mkdir -p src/project; echo x >src/project/file
    git -C .pyenv -c user.name=x -c user.email=x@localhost commit -q --allow-empty -m mine
    """)
    done = ready.bootstrap("remove.yml")
    assert done.code == 0, done.said[-6000:]
    ready.sh("cat ~/src/project/file ~/.zsh_history ~/.zshrc.local; ls -d ~/.pyenv/versions/*")
    assert ready.sh("tail -n 1 ~/.vimrc") == "# an edit of mine\n"
    for kept in (".vimrc", ".pyenv"):
        assert kept in done.one_line
    assert "pyenv_remove" in done.one_line
    assert ready.sh("getent passwd dev | cut -d: -f7") == "/bin/bash\n"


@pytest.mark.full
@pytest.mark.survives("a managed file that the person edits", "the edit goes into the backup and is shown, never lost")
def test_an_edit_is_backed_up_and_shown(ready):
    ready.sh("echo '# an edit of mine' >>~/.vimrc")
    done = converges(ready, "--tags", "vim")
    assert "# an edit of mine" in done.said
    assert ready.sh("cat ~/.local/state/devrig/backup/*/.vimrc | tail -n 1") == "# an edit of mine\n"


@pytest.mark.full
@pytest.mark.survives(
    "a user without sudo and without a password",
    "what needs no root is done, the rest is one line for an administrator",
)
def test_no_sudo(bare):
    bare.root("apt-get -qq -y install python3-venv python3-apt git zsh", env={"DEBIAN_FRONTEND": "noninteractive"})
    bare.root("apt-get -qq -y purge sudo; rm -rf /etc/sudoers.d", env={"SUDO_FORCE_REMOVE": "yes"})
    live_in(bare)
    system = bare.system()
    done = converges(bare)
    assert "apt-get install" in done.one_line
    assert "chsh" in done.one_line
    assert differences(system, bare.system()) == []
    assert bare.sh("zsh -ic 'alias left_by_the_user'").strip()
    doctor = bare.bootstrap("verify.yml")
    assert doctor.code == 0, doctor.said[-6000:]
    assert "skipped" in doctor.said
