"""./bootstrap on machines that it cannot set up: one clear error each, and nothing changed."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ("sh", "env", "id", "cat", "cksum", "dirname", "mkdir", "rm", "flock", "locale", "printf")


@pytest.fixture
def machine(tmp_path):
    """Return a function that runs ./bootstrap where only the given programs exist; each is a shell script."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in PLAIN:
        real = subprocess.run(["which", name], capture_output=True, text=True, check=False).stdout.strip()
        if real:
            (tools / name).symlink_to(real)
    script = (ROOT / "bootstrap").read_text().replace("/usr/bin/python3", str(tools / "python3"))
    (tmp_path / "bootstrap").write_text(script)
    for name in ("requirements.txt", "ansible.cfg", "playbook.yml"):
        (tmp_path / name).write_text("x\n")

    def run(*arguments, **programs):
        for name, body in programs.items():
            path = tools / name.replace("_", "-")
            path.unlink(missing_ok=True)
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        return subprocess.run(
            ["sh", str(tmp_path / "bootstrap"), *arguments],
            env={"PATH": str(tools), "HOME": str(tmp_path / "home")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


USER = "case $1 in -u) echo 1000 ;; -un) echo ann ;; esac"
ADMIN = "case $1 in -u) echo 0 ;; -un) echo root ;; esac"
GOOD_PYTHON = """
case "$*" in
-V) echo Python 3.11.2 ;;
*apt_pkg*) exit "${COMPLETE:-0}" ;;
*sys.version_info*) exit 0 ;;
"-m venv"*) mkdir -p "$3/bin"; printf '#!/bin/sh\\nexit %s\\n' "${PIP:-0}" >"$3/bin/pip"
  printf '#!/bin/sh\\necho ran "$@"\\n' >"$3/bin/ansible-playbook"; chmod +x "$3"/bin/* ;;
esac
"""


@pytest.fixture(autouse=True)
def _chmod_is_there(machine, tmp_path):
    (tmp_path / "bin/chmod").symlink_to("/bin/chmod")


def refused(done, tmp_path):
    assert done.returncode == 1, done.stdout + done.stderr
    assert not (tmp_path / "home").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith("bootstrap: ")
    return line


def test_a_system_without_apt(machine, tmp_path):
    assert "no apt-get" in refused(machine(id=USER), tmp_path)


def test_a_user_without_sudo(machine, tmp_path):
    assert "apt-get install sudo && adduser ann sudo" in refused(machine(id=USER, apt_get=""), tmp_path)


def test_sudo_with_a_password_and_no_terminal(machine, tmp_path):
    line = refused(machine(id=USER, apt_get="", sudo="exit 1"), tmp_path)
    assert "--become-password-file" in line


@pytest.mark.parametrize("argument", ["-K", "--ask-become-pass", "--become-password-file=x", "--become-pass-file"])
def test_a_password_that_is_brought_is_not_asked_for(machine, argument):
    done = machine(argument, id=USER, apt_get="", sudo="exit 1", python3=GOOD_PYTHON)
    assert done.stdout.splitlines()[-1].endswith(f"playbook.yml {argument}")


def test_root_without_sudo_gets_it(machine):
    apt = 'case "$*" in *install*sudo*) printf "#!/bin/sh\\n" >"${0%/*}/sudo"; chmod +x "${0%/*}/sudo" ;; esac'
    done = machine("-e", "dev_user=ann", id=ADMIN, apt_get=apt, python3=GOOD_PYTHON)
    assert done.stdout.splitlines()[-1].endswith("playbook.yml -e dev_user=ann"), done.stderr


def test_a_python_that_is_too_old(machine, tmp_path):
    python = 'case "$*" in -V) echo Python 3.8.10 ;; *) exit 1 ;; esac'
    assert "Python 3.8.10 is too old" in refused(machine(id=ADMIN, apt_get="", sudo="", python3=python), tmp_path)


def test_package_lists_that_cannot_be_fetched(machine, tmp_path):
    line = refused(machine(id=ADMIN, apt_get="exit 100", sudo="", python3=f"COMPLETE=1\n{GOOD_PYTHON}"), tmp_path)
    assert "package lists cannot be fetched" in line


def test_an_index_that_cannot_be_reached_leaves_no_half_ansible(machine, tmp_path):
    done = machine(id=ADMIN, apt_get="", sudo="", python3=f"PIP=1\n{GOOD_PYTHON}")
    assert done.returncode == 1
    assert "PIP_INDEX_URL" in done.stderr
    again = machine(id=ADMIN, apt_get="", sudo="", python3=GOOD_PYTHON)
    assert "bringing Ansible" in again.stdout
    assert again.returncode == 0


def test_arguments_reach_the_playbook_and_a_second_run_brings_nothing(machine):
    first = machine("--tags", "zsh", "-e", "a b", id=ADMIN, apt_get="exit 9", sudo="", python3=GOOD_PYTHON)
    assert first.stdout.splitlines()[-1].endswith("playbook.yml --tags zsh -e a b")
    second = machine(id=ADMIN, apt_get="exit 9", sudo="", python3=GOOD_PYTHON)
    assert "bringing Ansible" not in second.stdout


def test_another_playbook_may_go_first(machine):
    done = machine("verify.yml", "--tags", "zsh", id=ADMIN, apt_get="", sudo="", python3=GOOD_PYTHON)
    assert done.stdout.splitlines()[-1].endswith("/verify.yml --tags zsh")


def test_new_requirements_bring_a_new_ansible(machine, tmp_path):
    machine(id=ADMIN, apt_get="", sudo="", python3=GOOD_PYTHON)
    (tmp_path / "requirements.txt").write_text("y\n")
    assert "bringing Ansible" in machine(id=ADMIN, apt_get="", sudo="", python3=GOOD_PYTHON).stdout


def test_it_is_plain_sh():
    assert os.access(ROOT / "bootstrap", os.X_OK)
    assert (ROOT / "bootstrap").read_text().startswith("#!/bin/sh\n")
