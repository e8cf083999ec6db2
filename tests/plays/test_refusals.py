"""Settings that the real playbook rejects in one clear error, before it changes anything, and some that it accepts.

All runs are in check mode. A run has many hosts, which are this machine, each with settings of its own.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "/usr/bin/python3",
    "devrig_release": "bookworm",
    "dev_user": "root",
    "pyenv_versions": ["3.13.5"],
}


def printed_of(output):
    """Return host -> what was printed of it, and host -> what of the task that failed."""
    # What Ansible shows as YAML has its quotes doubled.
    parts = re.split(r"^(?=[a-z]+: \[|TASK|PLAY|WHAT TO DO)", output.replace("''", "'"), flags=re.MULTILINE)
    printed, failures = {}, {}
    for part in parts:
        match = re.match(r"[a-z]+: \[(\w+)\]", part)
        if match:
            text = re.sub(r"\s+", " ", part)
            printed[match[1]] = printed.get(match[1], "") + text
            if part.startswith("fatal: "):
                failures[match[1]] = text
    return printed, failures


def run_playbook(folder, hosts, *options):
    """Run the playbook on hosts, name -> settings; return the exit status, what was printed, and that of each host."""
    inventory = {
        name: {"pyenv_root": f"{folder}/pyenv-{name}", "pyenv_prebuilt_dir": f"{folder}/kept", **GOOD, **settings}
        for name, settings in hosts.items()
    }
    path = folder / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": inventory}}))
    done = subprocess.run(
        ["ansible-playbook", "-i", str(path), "playbook.yml", "--check", *options],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_FORKS": "16", "ANSIBLE_NOCOLOR": "1", "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=False,
    )
    printed, failures = printed_of(done.stdout)
    return {
        "status": done.returncode,
        "output": done.stdout + done.stderr,
        "hosts": printed,
        "failures": failures,
        "recap": dict(re.findall(r"^(\w+) +: (ok=.*)$", done.stdout, re.MULTILINE)),
    }


def reject(run, host, message):
    """Check that a host has failed with a message, and that nothing was changed on it."""
    assert message in run["failures"][host]
    assert " changed=0 " in run["recap"][host]
    assert " failed=1 " in run["recap"][host]
    assert run["status"] != 0


def accept(run, host):
    """Check that a host has not failed."""
    assert " failed=0 " in run["recap"][host], run["output"]
    assert " unreachable=0 " in run["recap"][host]


def other_machine(folder):
    """Return settings of a host that is reached by ssh: by a script, and it is this machine."""
    ssh = folder / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    return {
        "ansible_connection": "ssh",
        "ansible_user": "root",
        "ansible_ssh_executable": str(ssh),
        "ansible_ssh_transfer_method": "piped",
        "ansible_remote_tmp": str(folder / "tmp"),
    }


def broken_python(folder, number, printed):
    """Return the path of a Python that prints something and fails; of none where it prints None."""
    python = folder / f"python{number}"
    if printed is not None:
        (folder / f"printed{number}").write_text(printed)
        python.write_text(f"#!/bin/sh\ncat {folder}/printed{number}; cat {folder}/printed{number} >&2; exit 1\n")
        python.chmod(0o755)
    return str(python)


#: Settings, and the error that they end in.
BAD = [
    ({"dev_user": ""}, "name the user whose environment it is"),
    ({"devrig_release": "warty"}, "(warty) is not supported; supported are bullseye, bookworm, trixie"),
    ({"pyenv_versions": ["3.13"]}, "3.13 is not a full Python version"),
    ({"pyenv_versions": ["3.6.99"]}, "Python 3.6.99 is not known: the last of its series is 3.6.15"),
    (
        {"pyenv_versions": ["3.5.2"], "pyenv_openssl": "system"},
        "pyenv_openssl is system, and Python 3.5.2 does not take OpenSSL",
    ),
    ({"pyenv_openssl": "libssl1.0-dev"}, "Python 3.13.5 needs OpenSSL 1.1.1 or newer (PEP 644)"),
    ({"pyenv_openssl": "libre"}, "value of pyenv_openssl must be one of: auto, system, private, libssl1.0-dev"),
    (
        {"pyenv_versions": ["3.5.2"], "pyenv_optimize": True},
        "pyenv_optimize is true, and Python 3.5.2 does not know it",
    ),
    ({"pyenv_prune": "perhaps"}, "argument 'pyenv_prune' is of type"),
    ({"pyenv_global": ["3.9.2"]}, "pyenv_global names 3.9.2, which pyenv_versions (3.13.5) does not install"),
    ({"pyenv_versions": {"a": 1}}, "argument 'pyenv_versions' is of type"),
    ({"pyenv_build_jobs": "many"}, "argument 'pyenv_build_jobs' is of type"),
    ({"zsh_login_shell": "perhaps"}, "argument 'zsh_login_shell' is of type"),
    ({"build_deps_cache_valid_time": "soon"}, "argument 'build_deps_cache_valid_time' is of type"),
    ({"build_deps_extra": "htop,jq"}, "build_deps_extra is a list, and is given as text: htop,jq."),
    ({"pyenv_root": "~/py"}, "write the whole path"),
    ({"pyenv_versions": []}, "pyenv_versions is empty"),
    ({"vim_plugins": [{"name": "a", "repo": "/a", "version": "v1.0"}]}, "all 40 digits of it"),
    ({"vim_plugins": [{"name": "../a", "repo": "/a", "version": "a" * 40}]}, "Not so: ../a"),
    ({"vim_plugins": [{"name": "a", "repo": "/a", "version": "a" * 40}] * 2}, "A name is there twice"),
    ({"zsh_framework": "ohmyzsh", "zsh_ohmyzsh_version": "master"}, "zsh_ohmyzsh_version is master: name a commit"),
    ({"tmux_restore_programs": ["vim", 'a"b']}, "tmux_restore_programs are names of programs"),
    ({"pyenv_prebuilt_sha256": "abc=def"}, "each archive is pinned in pyenv_prebuilt_sha256"),
    ({"tmux_prefix": "C-a; kill-server"}, "tmux_prefix is a key as tmux writes it"),
    ({"tmux_shell": "zsh -x"}, "tmux_shell a whole path without blanks"),
    ({"vim_plugins": [{"name": "a", "version": "a" * 40}]}, "missing required arguments: repo"),
    ({"vim_plugins": [{"name": "a", "repo": "/a", "version": "a" * 40, "opt": "perhaps"}]}, "'opt' is of type"),
    ({"pipenv_verify_install": "perhaps"}, "argument 'pipenv_verify_install' is of type"),
    ({"preflight_user": "perhaps"}, "argument 'preflight_user' is of type"),
]


#: Where no starter can be -> why. All that the module rejects: tests/unit/test_starter_places.py.
PLACES = {
    "": "starter_path is empty: name the folder to be made, for example -e starter_path=~/src/hello",
    '/srv/a"b': '/srv/a"b: none of % :',
    "/etc": "/etc is not empty (",
}

#: What a Python prints that Ansible cannot use -> what to do. None: there is no Python.
PYTHONS = [
    # As 3.6 and 3.8 answer to 2.21.
    ("SyntaxError: future feature annotations is not defined", "its Python is too old for ansible-core"),
    ('{"failed": true, "msg": "Ansible requires Python 3.9 or newer on the target."}', "its Python is too old"),
    (None, "it has no Python, or not where ansible_python_interpreter says: apt-get install python3"),
]


@pytest.fixture(scope="module")
def rejected(record_once):
    """Return a run in which each host is rejected."""

    def make(folder):
        (folder / "pyenv-foreign/things").mkdir(parents=True)
        hosts = {f"bad{number}": settings for number, (settings, _) in enumerate(BAD)}
        hosts.update({f"place{number}": {"starter_path": path} for number, path in enumerate(PLACES)})
        for number, (printed, _) in enumerate(PYTHONS):
            hosts[f"python{number}"] = {"ansible_python_interpreter": broken_python(folder, number, printed)}
        hosts["old"] = {"pyenv_versions": ["2.7.18", "3.13.5"], "starter_path": str(folder / "hello")}
        hosts["elsewhere"] = {**other_machine(folder), "preflight_bundle": True}
        hosts["foreign"] = {}
        hosts["pipenv"] = {"starter_path": str(folder / "hello")}
        skipped = (
            "build_deps,linters,zsh,vim,tmux,git_hooks"  # else the last host checks the settings of each once more
        )
        return run_playbook(folder, hosts, "--tags", "plan,starter,pipenv", "--skip-tags", skipped)

    return record_once("rejected", make)


@pytest.mark.parametrize("number", range(len(BAD)), ids=[json.dumps(settings) for settings, _ in BAD])
def test_rejects_bad_setting(rejected, number):
    reject(rejected, f"bad{number}", BAD[number][1])


@pytest.mark.parametrize("number", range(len(PLACES)), ids=json.dumps(list(PLACES)).strip("[]").split(", "))
def test_rejects_bad_place_of_starter(rejected, number):
    reject(rejected, f"place{number}", list(PLACES.values())[number])


def test_rejects_starter_for_old_python(rejected):
    reject(rejected, "old", "The starter needs Python 3.6 or newer, and python would be 2.7")


def test_rejects_bundle_on_another_machine(rejected):
    reject(rejected, "elsewhere", "A bundle sets up the machine that it lies on, and elsewhere is another one")


def test_rejects_folder_that_is_no_pyenv(rejected):
    reject(rejected, "foreign", "is no git checkout: move it away")


def test_pipenv_alone_names_the_tags_it_needs(rejected):
    reject(rejected, "pipenv", "Python 3.13.5 is not there: run with --tags build_deps,pyenv,pipenv")


@pytest.mark.parametrize("number", range(len(PYTHONS)))
def test_says_what_to_do_about_a_python_that_ansible_cannot_use(rejected, number):
    advice = rejected["output"].partition("WHAT TO DO")[2]
    assert f"\npython{number}: {PYTHONS[number][1]}" in advice
    assert (
        " failed=0 " not in rejected["recap"][f"python{number}"]
        or " unreachable=1 " in rejected["recap"][f"python{number}"]
    )


def test_names_all_failed_hosts_for_another_run(rejected):
    line = rejected["output"].partition("WHAT TO DO")[2].strip().splitlines()[-1]
    failed = sorted(host for host, counts in rejected["recap"].items() if " failed=1 " in counts)
    assert line == f"When that is mended, for these alone: --limit {','.join(failed)}"
    assert len(failed) > len(BAD)


def test_gives_advice_also_of_a_single_host(tmp_path):
    settings = {"ansible_python_interpreter": broken_python(tmp_path, 0, PYTHONS[0][0])}
    run = run_playbook(tmp_path, {"localhost": settings}, "--tags", "plan")
    assert run["status"] != 0
    assert f"\nlocalhost: {PYTHONS[0][1]}" in run["output"].partition("WHAT TO DO")[2]


@pytest.fixture(scope="module")
def planned(record_once):
    """Return a run in which each host gets a plan."""

    def make(folder):
        hosts = {
            "good": {"starter_path": "/etc"},
            # -e NAME=VALUE gives text: what it means is what counts.
            "text": {
                "zsh_login_shell": "false",
                "pyenv_build_jobs": "2",
                "summary_show": "no",
                "zsh_history_size": "5000",
                "pyenv_versions": "3.13.5, 3.9.2",
                "pyenv_global": "3.9.2",
                "preflight_bundle": True,
            },
            "other": other_machine(folder),
        }
        return run_playbook(folder, hosts, "--tags", "plan")

    return record_once("planned", make)


def test_accepts_good_settings(planned):
    accept(planned, "good")
    assert planned["status"] == 0, planned["output"]
    assert "version: 3.13.5" in planned["hosts"]["good"]


def test_accepts_values_and_lists_given_as_text(planned):
    accept(planned, "text")
    assert "version: 3.13.5" in planned["hosts"]["text"]
    assert "version: 3.9.2" in planned["hosts"]["text"]


def test_accepts_bundle_on_its_own_machine(planned):
    accept(planned, "text")  # it is a bundle, too


def test_accepts_another_machine_without_bundle(planned):
    accept(planned, "other")


def test_looks_at_the_place_of_a_starter_only_on_request(planned):
    accept(planned, "good")  # /etc is none


def source(folder):
    """Return settings that lead to a pyenv which needs no network."""
    git = ["git", "-C", str(folder / "source"), "-c", "user.name=x", "-c", "user.email=x@localhost"]
    subprocess.run(["git", "init", "-q", str(folder / "source")], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run([*git, "tag", "v1"], check=True)
    return {"pyenv_git_url": str(folder / "source"), "pyenv_version": "v1", "pyenv_virtualenv_git_url": ""}


SKIPPED = "build_deps,zsh,vim,tmux,git_hooks,summary,pipenv"


@pytest.fixture(scope="module")
def whole(record_once):
    """Return a run of the roles pyenv and starter, with a host whose starter is rejected."""

    def make(folder):
        pyenv = source(folder)
        starter = str(folder / "Jörg's hello")
        hosts = {
            "good": {**pyenv, "starter_path": starter},
            "old": {
                **pyenv,
                "pyenv_versions": ["2.7.18", "3.13.5"],
                "pyenv_global": ["system", "3.13.5"],
                "starter_path": str(folder / "hello"),
            },
            "taken": {**pyenv, "starter_path": "/etc"},
        }
        run = run_playbook(folder, hosts, "--tags", "all,starter", "--skip-tags", f"{SKIPPED},plan")
        made = [starter, f"{folder}/kept", *(f"{folder}/pyenv-{name}" for name in hosts)]
        return {**run, "folder": str(folder), "made": [path for path in made if os.path.lexists(path)]}

    return record_once("whole", make)


def compile_tasks(run):
    """Return what was printed of the task that compiles."""
    return re.findall(r"Compile what is missing\] \*+\n((?:.+\n)*)", run["output"])


def test_makes_the_plan_though_its_tag_is_skipped(whole):
    accept(whole, "good")
    assert "changed: [good]" in compile_tasks(whole)[0]


@pytest.mark.full
def test_makes_the_plan_though_pipenv_is_skipped(tmp_path):
    """It skips less than the run above."""
    run = run_playbook(tmp_path, {"good": source(tmp_path)}, "--skip-tags", SKIPPED)
    accept(run, "good")
    assert "changed: [good]" in compile_tasks(run)[0]


def test_rejects_the_place_of_a_starter_before_other_roles_begin(whole):
    reject(whole, "taken", "/etc is not empty (")
    tasks = re.findall(r"^TASK \[(.*?)\] \*+\n((?:.+\n)*)", whole["output"], re.MULTILINE)
    roles = {
        name: {task.partition(" : ")[0] for task, text in tasks if f": [{name}]" in text} for name in whole["hosts"]
    }
    assert "pyenv" in roles["good"]
    assert "preflight" in roles["taken"]
    assert not {"build_deps", "pyenv", "linters", "summary"} & roles["taken"]


def test_accepts_starter_where_a_new_python_is_the_global_one(whole):
    accept(whole, "old")


def test_announces_starter_in_check_mode(whole):
    accept(whole, "good")
    assert f"{whole['folder']}/Jörg's hello would be made" in whole["hosts"]["good"]


def test_check_mode_plans_for_every_host_and_changes_nothing(whole):
    for host in ("good", "old"):
        accept(whole, host)
        assert f"changed: [{host}]" in compile_tasks(whole)[0]
    # Of two hosts that want the same one compiles.
    assert whole["output"].count("Python 3.13.5: compiled in the background") == 1
    assert whole["output"].count("Python 3.13.5: compiled by good, and comes from there") == 1
    assert whole["made"] == []
