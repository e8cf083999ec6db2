"""GitHub's CI names every release and pins what it takes; a platform's run does all steps and fails where one did."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "roles/preflight/vars/main.yml").read_text()
#: Code name -> name with number, as in the table's comments.
RELEASES = dict(re.findall(r"^  - (\w+) # (\w+ [\d.]+)$", TABLE, re.MULTILINE))
README = (ROOT / "README.md").read_text()
#: Releases whose Python ./bootstrap does not take.
OLD = {"bionic", "focal"}
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text()
JOBS = yaml.safe_load(WORKFLOW)["jobs"]

#: Stands for podman and docker: a machine on which devrig does nothing and leaves FOUND behind.
ENGINE = """#!/bin/sh
echo "$*" >>"$LOG"
case $* in
*" test -e "*) exit 1 ;;
*showformat*) [ ! -s "$LOG.devrig" ] || cat "$LOG.devrig" ;;
*"tar --extract"*) tar --list >"$LOG.checkout" ;;
*/bootstrap*) exec ansible-playbook "$@" ;;
esac
"""
#: Stands for python3.10, which makes a venv of nothing.
PYTHON = """#!/bin/sh
mkdir -p "$3/bin"
printf '#!/bin/sh\\n' >"$3/bin/pip"
cp "$(command -v ansible-playbook)" "$3/bin"
chmod +x "$3/bin/pip"
"""
PLAYBOOK = """#!/bin/sh
while case $1 in *.yml) false ;; *) true ;; esac; do shift; done
case $1 in */hosts.yml) cp "$1" "$LOG.hosts"; shift ;; esac
echo "devrig $*" >>"$LOG"
printf '%s' "${FOUND-}" >"$LOG.devrig"
echo "ok=9 changed=${CHANGED-0} unreachable=0 failed=0"
"""


def names(prefix, text):
    """Return the releases that a cell of README names: Debian 11, 12 -> Debian 11, Debian 12."""
    return {f"{prefix} {number}" for number in re.findall(r"[\d.]+", text)}


@pytest.fixture
def platform(tmp_path):
    """Return a function that runs .ci/platform with stand-ins: what it did, the log's lines."""
    (tmp_path / "bin").mkdir()
    for name, text in {"podman": ENGINE, "docker": ENGINE, "python3.10": PYTHON, "ansible-playbook": PLAYBOOK}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}

    def run(*arguments, **more):
        command = [str(ROOT / ".ci/platform"), *arguments]
        done = subprocess.run(command, env={**environ, **more}, capture_output=True, text=True, check=False)
        return done, (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []

    return run


@pytest.mark.parametrize("release", RELEASES)
def test_a_platform_is_taken_from_its_bare_image_to_the_undo(platform, tmp_path, release):
    done, log = platform(release, "-e", "pyenv_versions=3.13.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"docker.io/library/{RELEASES[release].split()[0].lower()}:{release}" in log[0]
    given = "-e pyenv_versions=3.13.5"
    assert [line for line in log if line.startswith("devrig ")] == [
        f"devrig playbook.yml --check {given}",
        f"devrig playbook.yml {given}",
        f"devrig playbook.yml {given}",
        f"devrig verify.yml {given}",
        f"devrig remove.yml -e pyenv_remove=always {given}",
    ]
    assert log[-1].startswith("rm --force devrig-")
    if release in OLD:
        (host,) = yaml.safe_load((tmp_path / "log.hosts").read_text())["all"]["hosts"].values()
        assert host["ansible_connection"] == "containers.podman.podman"
        assert host["ansible_host"] in log[0]
    else:
        assert "bootstrap" in (tmp_path / "log.checkout").read_text().splitlines()


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"CHANGED": "1"}, "changed something"), ({"FOUND": "zsh installed\n"}, "> zsh installed")],
)
def test_a_platform_that_changes_again_or_does_not_give_back_fails(platform, settings, said):
    done, log = platform("bookworm", ENGINE="docker", **settings)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert log[-1].startswith("rm --force devrig-")


def test_other_releases_are_refused(platform):
    done, log = platform("sid")
    assert (done.returncode, log) == (1, [])
    assert all(release in done.stderr for release in RELEASES)


def test_every_release_is_run_and_readme_says_so():
    assert sorted(JOBS["platform"]["strategy"]["matrix"]["release"]) == sorted(RELEASES)
    section = README.partition("## Platforms")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (Debian|Ubuntu) ([\d., ]+) \| (.*) \|$", section, re.MULTILINE)
    named = [(names(system, numbers), said) for system, numbers, said in cells]
    assert sorted(name for found, _ in named for name in found) == sorted(RELEASES.values())
    (old,) = (found for found, said in named if "too old" in said)
    assert old == {RELEASES[release] for release in OLD}


def test_the_workflow_pins_may_only_read_and_ends():
    uses = re.findall(r"uses: (.*)", WORKFLOW)
    assert len(uses) >= 3
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", line) for line in uses), uses
    assert yaml.safe_load(WORKFLOW)["permissions"] == {"contents": "read"}
    for name, job in JOBS.items():
        assert job["timeout-minutes"], name
        assert "permissions" not in job, name
    assert "continue-on-error" not in WORKFLOW


def test_kept_interpreters_depend_on_what_compiles_them():
    (cache,) = [step for step in JOBS["test"]["steps"] if "cache@" in step.get("uses", "")]
    hashed = re.search(r"hashFiles\((.*)\)", cache["with"]["key"])[1]
    assert {"'tests/lab/*.py'", "'roles/pyenv/**'"} <= set(hashed.split(", "))


def test_workflow_runs_all_tests_every_week_and_before_a_release():
    assert "schedule" in WORKFLOW.partition("\njobs:")[0]
    size = JOBS["test"]["env"]["SIZE"]
    assert "'schedule'" in size
    assert "'tag'" in size
    assert "'full'" in size
    assert JOBS["test"]["steps"][-1]["run"].endswith('./test "$SIZE"\n')


def test_the_devcontainer_builds_the_containerfile():
    place = ROOT / ".devcontainer/devcontainer.json"
    lines = [line for line in place.read_text().splitlines() if not line.startswith("//")]
    container = json.loads("\n".join(lines))
    recipe = (place.parent / container["build"]["dockerfile"]).resolve()
    assert recipe == ROOT / "Containerfile"
    assert (place.parent / container["build"]["context"]).resolve() == ROOT
    arguments = dict(re.findall(r"^ARG (\w+)=(.*)$", recipe.read_text(), re.MULTILINE))
    assert set(container["build"]["args"]) <= set(arguments)
    assert set(re.findall(r"--build-arg (\w+)", README + WORKFLOW)) <= set(arguments)
    assert container["remoteUser"] == arguments["USERNAME"]
