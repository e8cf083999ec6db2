"""./bootstrap on machines that it cannot set up: one clear error each, and nothing changed."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAIN = (
    "sh",
    "env",
    "id",
    "cat",
    "cksum",
    "dirname",
    "mkdir",
    "rm",
    "rmdir",
    "flock",
    "locale",
    "printf",
    "grep",
    "sed",
)
PLAIN += ("sort", "tr", "cut", "find", "mktemp", "date", "chmod", "head", "sha256sum")


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
    script = script.replace("/var/lib/devrig", str(tmp_path / "var"))
    (tmp_path / "bootstrap").write_text(script)
    for name in ("requirements.txt", "ansible.cfg", "playbook.yml"):
        (tmp_path / name).write_text("x\n")
    standing = {"dpkg": "", "apt-mark": "", "sleep": "", "getent": ""}

    def run(*arguments, **programs):
        for name, body in {**standing, **programs}.items():
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
*ensurepip*) exit "${COMPLETE:-0}" ;;
*sys.version_info*) exit 0 ;;
"-m venv"*) mkdir -p "$3/bin"; printf '#!/bin/sh\\nexit %s\\n' "${PIP:-0}" >"$3/bin/pip"
  printf '#!/bin/sh\\necho ran "$@"\\n' >"$3/bin/ansible-playbook"; chmod +x "$3"/bin/* ;;
esac
"""


def refused(done, tmp_path):
    assert done.returncode == 1, done.stdout + done.stderr
    assert not (tmp_path / "home").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith("bootstrap: ")
    return line


def test_a_system_without_apt(machine, tmp_path):
    assert "no apt-get" in refused(machine(id=USER), tmp_path)


def test_a_user_without_sudo_and_without_venv_gets_the_line_for_an_administrator(machine, tmp_path):
    line = refused(machine(id=USER, apt_get="", python3=f"COMPLETE=1\n{GOOD_PYTHON}"), tmp_path)
    assert line.endswith("apt-get install --no-install-recommends python3-venv")


def test_a_user_without_sudo_goes_on_without_root_and_it_is_said(machine, tmp_path):
    done = machine("--tags", "zsh", id=USER, apt_get="exit 9", python3=GOOD_PYTHON)
    assert "there is no sudo: goes on without root" in done.stderr
    assert done.stdout.splitlines()[-1].endswith("playbook.yml -e devrig_become=false --tags zsh")
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("asked", ["devrig_become=false", '{"devrig_become": false}', "group_vars"])
def test_who_wants_no_root_is_not_asked_for_a_password(machine, tmp_path, asked):
    if asked == "group_vars":
        (tmp_path / "inventory/group_vars").mkdir(parents=True)
        (tmp_path / "inventory/group_vars/all.yml").write_text("---\ndevrig_become: false\n")
    arguments = () if asked == "group_vars" else ("-e", asked)
    done = machine(*arguments, id=USER, apt_get="exit 9", sudo="exit 1", python3=GOOD_PYTHON)
    assert done.returncode == 0, done.stderr
    assert "--ask-become-pass" not in done.stdout


def test_sudo_with_a_password_and_no_terminal(machine, tmp_path):
    line = refused(machine(id=USER, apt_get="", sudo="exit 1", python3=GOOD_PYTHON), tmp_path)
    assert "--become-password-file" in line


@pytest.mark.parametrize("arguments", [(), ("--become-password-file=x",), ("verify.yml",)])
def test_sudo_with_a_password_and_no_terminal_brings_no_venv(machine, tmp_path, arguments):
    bare = f"COMPLETE=1\n{GOOD_PYTHON}"
    line = refused(machine(*arguments, id=USER, apt_get="", sudo="exit 1", python3=bare), tmp_path)
    assert line.endswith("apt-get install --no-install-recommends python3-venv")


@pytest.mark.parametrize("playbook", ["verify.yml", "bundle.yml"])
def test_who_only_looks_or_gathers_is_not_asked_for_a_password(machine, playbook):
    done = machine(playbook, id=USER, apt_get="exit 9", sudo="exit 1", python3=GOOD_PYTHON)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(f"/{playbook}")
    other = machine(playbook, "-e", "dev_user=ann", id=USER, apt_get="exit 9", sudo="exit 1", python3=GOOD_PYTHON)
    assert "--become-password-file" in other.stderr


@pytest.mark.parametrize("named", [("-i", "team.yml"), ("-iteam.yml",), ("--inventory=team.yml",)])
@pytest.mark.parametrize("sudo", [{}, {"sudo": "exit 1"}], ids=["without sudo", "sudo with a password"])
def test_this_machine_s_sudo_says_nothing_of_others(machine, named, sudo):
    done = machine(*named, id=USER, apt_get="exit 9", python3=GOOD_PYTHON, **sudo)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(f"playbook.yml {' '.join(named)}")


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


#: Notes what it is asked to do; its `install` makes the Python complete.
APT = """
echo "$*" >>"$0.log"
case "$*" in
*--simulate*install*) printf 'Inst %s\n' 'python3-venv (3 X)' 'libold [1] (2 X)' 'python3.11-venv (3 X)' ;;
*--download-only*) ;;
*install*) grep -q python3-venv "${0%/bin/*}/var/bootstrap-packages" || exit 100; touch "$0.installed" ;;
esac
"""
#: Says of what it is asked to remove that python3.11-venv is needed.
DPKG = """
echo "$PATH: $*" >>"$0.log"
case "$*" in
*--no-act*--remove*)
  for name in "$@"; do
    case $name in
    -*) ;;
    python3.11-venv) echo "dpkg: dependency problems prevent removal of $name:" >&2 ;;
    *) echo "Would remove or purge $name:amd64 (3) ..." ;;
    esac
  done
  printf "%s\n" "Errors were encountered while processing:" " python3.11-venv" >&2
  exit 1
  ;;
*) echo amd64 ;;
esac
"""
BARE_PYTHON = f'[ -e "${{0%/*}}/apt-get.installed" ] || COMPLETE=1\n{GOOD_PYTHON}'


def test_what_it_installs_is_written_down_first(machine, tmp_path):
    done = machine(id=ADMIN, apt_get=APT, sudo="", touch='/usr/bin/touch "$@"', python3=BARE_PYTHON)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "var/bootstrap-packages").read_text().split() == ["python3-venv", "python3.11-venv"]
    assert "install -qy --no-install-recommends python3-venv\n" in (tmp_path / "bin/apt-get.log").read_text()


def test_a_dpkg_that_was_interrupted_is_healed_first(machine, tmp_path):
    programs = {"sudo": "", "touch": '/usr/bin/touch "$@"', "python3": BARE_PYTHON}
    machine(id=ADMIN, apt_get=APT, dpkg='echo "dpkg $*" >>"${0%/*}/apt-get.log"', **programs)
    assert "--configure -a" in (tmp_path / "bin/apt-get.log").read_text().splitlines()[0]


def test_apt_s_lock_is_waited_for_and_it_is_said_once(machine, tmp_path):
    held = """
case "$*" in update*) if [ "$(grep -c x "$0.tries" 2>/dev/null)" != 3 ]; then echo x >>"$0.tries"
echo "E: Could not get lock /lists/lock. It is held by process 7 (apt)"; exit 100; fi ;; esac
"""
    programs = {"sudo": "", "touch": '/usr/bin/touch "$@"', "python3": BARE_PYTHON}
    done = machine(id=ADMIN, apt_get=held + APT, **programs)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "waits" in line]
    assert "held by process 7 (apt)" in line


@pytest.mark.parametrize("said", ["E: Release file for http://m is not valid yet (invalid for another 3d)", ""])
def test_a_wrong_clock_is_named_when_it_may_be_that(machine, tmp_path, said):
    apt = f"echo '{said}'; exit 100"
    done = machine(id=ADMIN, apt_get=apt, sudo="", python3=f"COMPLETE=1\n{GOOD_PYTHON}")
    assert done.returncode == 1
    assert ("is its clock right?" in done.stderr) == bool(said)


def test_a_wrong_clock_is_named_for_certificates_too(machine):
    python = GOOD_PYTHON.replace("exit %s\\n", "echo certificate is not yet valid; exit 1\\n")
    done = machine(id=ADMIN, apt_get="", sudo="", python3=python)
    assert "is its clock right?" in done.stderr
    assert "PIP_CERT" in done.stderr


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


def test_ansible_writes_nothing_beside_its_own_folder(machine, tmp_path):
    python = GOOD_PYTHON.replace("echo ran", "echo $ANSIBLE_HOME $ANSIBLE_REMOTE_TMP ran")
    done = machine(id=ADMIN, apt_get="", sudo="", python3=python)
    home, remote = done.stdout.splitlines()[-1].split()[:2]
    assert home == str(tmp_path / "home/.local/share/devrig/home")
    assert remote == "~/.local/share/devrig/tmp"


# --- The undo.


@pytest.fixture
def used(machine, tmp_path):
    """Return a function that runs remove.yml on a machine which ./bootstrap has set up."""
    (tmp_path / "home").mkdir()
    machine(id=ADMIN, apt_get=APT, sudo="", touch='/usr/bin/touch "$@"', python3=BARE_PYTHON)
    (tmp_path / "bin/apt-get.log").write_text("")

    def run(*arguments, **programs):
        given = {"id": ADMIN, "apt_get": APT, "sudo": "", "dpkg": DPKG, "python3": BARE_PYTHON, **programs}
        return machine("remove.yml", *arguments, **given)

    return run


def test_remove_takes_back_what_it_brought_and_its_folders(used, tmp_path):
    done = used()
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "home").iterdir()) == []
    log = (tmp_path / "bin/apt-get.log").read_text().splitlines()
    assert log[-1] == "purge -qy python3-venv:amd64"  # what dpkg says nobody needs
    assert ":/usr/sbin:/sbin: --no-act" in (tmp_path / "bin/dpkg.log").read_text()
    assert "other packages need these, and they stay: python3.11-venv" in done.stdout
    assert not (tmp_path / "var").exists()


def test_what_is_on_hold_stays_and_it_is_said(used, tmp_path):
    done = used(apt_mark="echo python3-venv; echo theirs")
    assert done.returncode == 0, done.stderr
    assert "on hold (apt-mark), and stay: python3-venv\n" in done.stdout
    assert "purge" not in (tmp_path / "bin/apt-get.log").read_text()


def test_where_dpkg_does_not_say_what_may_go_nothing_is_forgotten(used, tmp_path):
    done = used(dpkg="echo no database; exit 2")
    assert done.returncode == 1
    assert "packages that were not taken away: python3-venv python3.11-venv no database" in done.stderr
    assert (tmp_path / "var/bootstrap-packages").exists()


def test_packages_stay_where_sudo_asks_and_nobody_answers(used, tmp_path):
    done = used("--become-password-file=x", id=USER, sudo="exit 1")
    assert done.returncode == 0, done.stderr
    assert "an administrator may take away again: python3-venv python3.11-venv" in done.stdout
    assert (tmp_path / "var/bootstrap-packages").exists()


def test_remove_leaves_what_is_not_its_own(used, tmp_path):
    (tmp_path / "home/.local/share/mine").mkdir()
    (tmp_path / "home/.local/share/devrig/git").mkdir()
    done = used()
    assert f"{tmp_path}/home/.local/share/devrig stays" in done.stdout
    assert [path.name for path in (tmp_path / "home/.local/share/devrig").iterdir()] == ["git"]
    assert (tmp_path / "home/.local/share/mine").is_dir()


def test_folders_that_were_there_before_stay(machine, tmp_path):
    (tmp_path / "home/.local/share").mkdir(parents=True)
    programs = {"id": ADMIN, "apt_get": "", "sudo": "", "python3": GOOD_PYTHON}
    machine(**programs)
    machine("remove.yml", **programs)
    assert list((tmp_path / "home/.local/share").iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["--tags", "zsh"], ["-t", "zsh"], ["--check"], ["-C"], ["-vC"], ["--limit=x"], ["-l", "x"], ["--list-tasks"]]
    + [["--tag", "zsh"], ["--skip", "vim"], ["--chec"], ["-e", "a=b", "-t", "zsh"]],
)
def test_a_part_that_is_removed_leaves_ansible(used, tmp_path, arguments):
    assert used(*arguments).returncode == 0
    assert (tmp_path / "home/.local/share/devrig/ansible/devrig.stamp").exists()
    assert "purge" not in (tmp_path / "bin/apt-get.log").read_text()


def test_another_playbook_goes_first_or_not_at_all(machine):
    done = machine("-K", "remove.yml", id=ADMIN, apt_get="", sudo="", python3=GOOD_PYTHON)
    assert (done.returncode, done.stderr) == (1, "bootstrap: remove.yml goes first: ./bootstrap remove.yml ...\n")


@pytest.mark.parametrize("words", ["devrig_become=no", '{"devrig_become":false}', "devrig_become: 0"])
def test_it_knows_who_wants_no_root(machine, words):
    done = machine("-e", words, id=USER, apt_get="", sudo="exit 1", python3=GOOD_PYTHON)
    assert done.returncode == 0, done.stderr


def test_settings_do_not_make_it_a_part(used, tmp_path):
    used("-e", "@settings.json", "-e", '{"a": true}')
    assert list((tmp_path / "home").iterdir()) == []


def test_a_removal_that_fails_leaves_ansible(used, tmp_path):
    ansible = tmp_path / "home/.local/share/devrig/ansible/bin/ansible-playbook"
    ansible.write_text("#!/bin/sh\nexit 4\n")
    assert used().returncode == 4
    assert ansible.exists()


def test_packages_stay_while_another_user_has_devrig(used, tmp_path):
    (tmp_path / "other/.local/share/devrig/ansible").mkdir(parents=True)
    done = used(getent=f"echo ben:x:1001:1001::{tmp_path}/other:/bin/sh")
    assert "devrig is in use in" in done.stdout
    assert f"{tmp_path}/other" in done.stdout
    assert "purge" not in (tmp_path / "bin/apt-get.log").read_text()


def test_sudo_stays_where_somebody_becomes_root_by_it(used, tmp_path):
    with (tmp_path / "var/bootstrap-packages").open("a") as stream:
        stream.write("sudo\n")
    done = used(getent='[ "$1" = passwd ] || echo sudo:x:27:ann')
    assert "sudo stays: it is in use" in done.stdout


# --- In a bundle.

LISTS = 'echo "$APT_CONFIG: $*" >>"$0.log"'


@pytest.fixture
def closed(machine, tmp_path):
    """Return a function that runs ./bootstrap in a bundle, on a machine of its kind."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (tmp_path / "roles/bundle/files").mkdir(parents=True)
    script = (ROOT / "roles/bundle/files/closed.sh").read_text()
    script = script.replace("/etc/os-release", str(tmp_path / "os-release"))
    (tmp_path / "roles/bundle/files/closed.sh").write_text(script)
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    (folder / "made-for").write_text("debian bookworm amd64\nPython 3.6.8\n")
    (folder / "a wheel").write_text("x")
    sums = subprocess.run(
        ["sha256sum", "bundle/a wheel", "bundle/made-for", "playbook.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / "SHA256SUMS").write_text(sums.stdout)

    def run(*arguments, **programs):
        given = {"id": ADMIN, "apt_get": LISTS, "sudo": "", "dpkg": DPKG, "python3": GOOD_PYTHON, **programs}
        return machine(*arguments, **given)

    return run


def test_in_a_bundle_its_settings_come_first_and_yours_win(closed, tmp_path):
    done = closed("verify.yml", "-e", "pyenv_versions=3.9.2")
    assert done.returncode == 0, done.stderr
    wanted = f"/verify.yml -e @{tmp_path}/bundle/settings.json -e pyenv_versions=3.9.2"
    assert done.stdout.splitlines()[-1].endswith(wanted)
    assert "checks the bundle" in done.stderr  # stdout may be the doctor's JSON


def test_in_a_bundle_apt_and_pip_take_from_it(closed, tmp_path):
    shown = "echo $APT_CONFIG $PIP_NO_INDEX $PIP_FIND_LINKS ran"
    done = closed(python3=GOOD_PYTHON.replace("echo ran", shown))
    configuration, *pip = done.stdout.splitlines()[-1].split()[:3]
    assert pip == ["1", f"file://{tmp_path}/bundle/wheels"]
    assert configuration == f"{tmp_path}/home/.local/share/devrig/apt/apt.conf"
    sources = (Path(configuration).parent / "sources.list").read_text()
    assert sources == f"deb [trusted=yes] file://{tmp_path}/bundle/packages ./\n"


def test_in_a_bundle_packages_are_listed_once(closed, tmp_path):
    closed()
    closed()
    (line,) = (tmp_path / "bin/apt-get.log").read_text().splitlines()
    assert line.endswith("/apt/lists.conf: -q update")
    (tmp_path / "inventory").mkdir()
    sums = tmp_path / "bundle/SHA256SUMS"
    sums.write_text("".join(reversed(sums.read_text().splitlines(keepends=True))))  # another bundle
    closed()
    assert len((tmp_path / "bin/apt-get.log").read_text().splitlines()) == 2


def test_in_a_bundle_what_bootstrap_installs_comes_from_it_too(closed, tmp_path):
    programs = {"python3": BARE_PYTHON, "touch": '/usr/bin/touch "$@"'}
    done = closed(apt_get=APT.replace('echo "$*"', 'echo "$APT_CONFIG: $*"'), **programs)
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "bin/apt-get.log").read_text().splitlines()
    assert log[-1].endswith("/apt/apt.conf: install -qy --no-install-recommends python3-venv")


@pytest.mark.parametrize(
    ("release", "architecture", "named"),
    [("trixie", "amd64", "debian trixie amd64"), ("bookworm", "arm64", "debian bookworm arm64")],
)
def test_a_bundle_for_another_kind_of_machine_is_refused(closed, tmp_path, release, architecture, named):
    (tmp_path / "os-release").write_text(f"ID=debian\nVERSION_CODENAME={release}\n")
    line = refused(closed(dpkg=f"echo {architecture}"), tmp_path)
    assert f"is for debian bookworm amd64, and this machine is {named}" in line


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_bundle_is_refused_and_the_file_is_named(closed, tmp_path, damage):
    path = tmp_path / "bundle/a wheel"
    path.write_text("y") if damage == "changed" else path.unlink()
    done = closed()
    assert done.returncode == 1
    assert not (tmp_path / "home").exists()
    assert "damaged, and nothing was changed" in done.stderr
    assert "Not as it was made: bundle/a wheel" in done.stderr


def test_a_bundle_that_was_not_ended_is_refused(closed, tmp_path):
    (tmp_path / "bundle/SHA256SUMS").unlink()
    assert "is not complete" in refused(closed(), tmp_path)


def test_a_bundle_in_an_odd_place_is_refused(closed, tmp_path):
    odd = tmp_path / "50% off"
    odd.mkdir()
    for name in ("bootstrap", "bundle", "roles", "requirements.txt"):
        (odd / name).symlink_to(tmp_path / name)
    with_it = (tmp_path / "bootstrap").read_text().replace("here=$(", f"here='{odd}' # ")
    (tmp_path / "bootstrap").write_text(with_it)
    assert "50% off: move it" in refused(closed(), tmp_path)


def test_the_undo_takes_apt_s_folder_back_and_does_without_it(closed, tmp_path):
    (tmp_path / "home").mkdir()
    closed(apt_get=APT, python3=BARE_PYTHON, touch='/usr/bin/touch "$@"')
    (tmp_path / "bin/apt-get.log").write_text("")
    done = closed("remove.yml", apt_get=APT.replace('echo "$*"', 'echo "$APT_CONFIG: $*"'), python3=BARE_PYTHON)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "home").iterdir()) == []
    assert (tmp_path / "bin/apt-get.log").read_text().splitlines()[-1] == ": purge -qy python3-venv:amd64"


def test_without_a_bundle_nobody_s_apt_is_configured(machine):
    python = GOOD_PYTHON.replace("echo ran", "echo ${APT_CONFIG-none} ${PIP_NO_INDEX-none} ran")
    done = machine(id=ADMIN, apt_get="", sudo="", python3=python)
    assert done.stdout.splitlines()[-1].startswith("none none ran")


def test_it_is_plain_sh():
    assert os.access(ROOT / "bootstrap", os.X_OK)
    assert (ROOT / "bootstrap").read_text().startswith("#!/bin/sh\n")
