"""What is said in several places is said alike: defaults, argument specs, READMEs, group_vars, tables, pins."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from packaging.version import Version

import noxfile

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
#: checkout, doctor, dotfile and packages are modules for the others; bundle, preflight and summary have nothing to
#: prove or to take back.
WORKING = sorted(set(ROLES) - {"bundle", "checkout", "doctor", "dotfile", "packages", "preflight", "summary"})
#: Settings of no role in particular, with the role that says what they are.
COMMON = {"devrig_become": "preflight"}
#: Settings of the play's.
PLAY = {"dev_user": {"type": "str"}, "devrig_release": {"type": "str"}, "devrig_environment": {"type": "dict"}}
#: Tags of roles that others need, or that are done only on request; the others have their name.
TAGS = {"linters": ["linters", "vim", "git_hooks"], "starter": ["starter", "never"]}
RELEASES = {"bullseye", "bookworm", "trixie", "bionic", "focal", "jammy", "noble"}


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def defaults(role):
    return read(f"roles/{role}/defaults/main.yml") or {}


def options(role):
    return read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"].get("options", {})


def rows(path):
    """Return the first cells, without backquotes, of a README's table of settings."""
    return re.findall(r"^\| `(\w+)` \|", (ROOT / path).read_text(), re.MULTILINE)


def test_there_are_roles():
    assert len(WORKING) >= 6


@pytest.mark.parametrize("role", ROLES)
def test_defaults_specs_and_readme_name_the_same_settings(role):
    assert sorted(options(role)) == sorted(defaults(role))
    assert sorted(rows(f"roles/{role}/README.md")) == sorted(defaults(role))


@pytest.mark.parametrize("role", ROLES)
def test_each_setting_has_a_type_a_description_and_its_default(role):
    for name, option in options(role).items():
        assert option["type"], name
        assert option["description"], name
        value = defaults(role)[name]
        if "{{" not in str(value):
            assert option["default"] == value, name


@pytest.mark.parametrize("role", ROLES)
def test_argument_specs_are_plain_text(role):
    # Ansible fills in what looks like a template: it would fail in an inventory that has not the variable.
    assert "{{" not in (ROOT / f"roles/{role}/meta/argument_specs.yml").read_text()


@pytest.mark.parametrize("role", ROLES)
def test_each_setting_is_explained_above_itself(role):
    lines = (ROOT / f"roles/{role}/defaults/main.yml").read_text().splitlines()
    for name in defaults(role):
        (place,) = (number for number, line in enumerate(lines) if line.startswith(f"{name}:"))
        assert lines[place - 1].startswith("#"), name


@pytest.mark.parametrize("role", ROLES)
def test_names_carry_the_role_s_name(role):
    for name in defaults(role):
        assert name.startswith(f"{role}_") or COMMON.get(name) == role
    constants = ROOT / f"roles/{role}/vars/main.yml"
    for name in yaml.safe_load(constants.read_text()) if constants.exists() else {}:
        assert name.startswith(f"__{role}_")


@pytest.mark.parametrize("role", WORKING)
def test_each_role_has_all_its_rooms(role):
    for room in ("tasks/main.yml", "tasks/verify.yml", "tasks/remove.yml", "meta/main.yml", "README.md"):
        assert (ROOT / "roles" / role / room).is_file(), room


def test_group_vars_repeat_the_roles_defaults():
    every = {name: value for role in ROLES for name, value in defaults(role).items()}
    shared = {name: value for name, value in read("inventory/group_vars/all.yml").items() if name in every}
    assert len(shared) >= 8
    assert shared == {name: every[name] for name in shared}


def test_the_readme_explains_every_setting_of_group_vars():
    assert sorted(rows("README.md")) == sorted(read("inventory/group_vars/all.yml"))


def test_preflight_checks_every_role():
    assert sorted(read("roles/preflight/vars/main.yml")["__preflight_roles"]) == ROLES


def test_preflight_looks_at_the_home_files_of_every_role_that_writes_some():
    look = (ROOT / "roles/preflight/tasks/look.yml").read_text()
    writing = [path.parts[-3] for path in ROOT.glob("roles/*/tasks/home.yml") if "dotfile:" in path.read_text()]
    assert len(writing) >= 5
    for role in writing:
        assert f"__{role}_home_files" in look
        assert ("folders:" in (ROOT / f"roles/{role}/tasks/home.yml").read_text()) == (f"__{role}_home_folders" in look)


def test_playbook_verify_and_remove_name_the_same_roles():
    (play,) = read("playbook.yml")
    tagged = {entry["role"]: entry["tags"] for entry in play["roles"] if entry["role"] in WORKING}
    assert tagged == {role: TAGS.get(role, role) for role in WORKING}
    for path, room in (("verify.yml", "verify"), ("remove.yml", "remove")):
        (play,) = read(path)
        found = {
            task["ansible.builtin.import_role"]["name"]: task["tags"]
            for task in play["tasks"]
            if task.get("ansible.builtin.import_role", {}).get("tasks_from") == room
            and task["ansible.builtin.import_role"]["name"] != "packages"
        }
        # A role that others need is taken back by its own tag alone.
        shared = {} if room == "verify" else {"linters": "linters"}
        assert found == {**tagged, **shared}, path


def test_packages_go_last_with_the_tags_of_the_roles_that_brought_them():
    files = [path for path in ROOT.glob("roles/*/tasks/install.yml") if "apt_packages" in path.read_text()]
    bringing = sorted(path.parts[-3] for path in files)
    assert len(bringing) >= 6
    assert sorted(read("roles/packages/vars/main.yml")["__packages_roles"]) == bringing
    (play,) = read("remove.yml")
    last = play["tasks"][-1]
    assert last["ansible.builtin.import_role"] == {"name": "packages", "tasks_from": "remove"}
    assert sorted(last["tags"]) == bringing


def test_release_tables_have_every_release(pyenv_plan):
    assert set(read("roles/preflight/vars/main.yml")["__preflight_releases"]) == RELEASES
    assert set(pyenv_plan.RELEASES) >= RELEASES
    assert set(read("roles/build_deps/vars/main.yml")["__build_deps_by_release"]) == RELEASES


def test_build_dependencies_are_those_that_pyenv_asks_for():
    """The list of pyenv's wiki, with the names that a release has for it."""
    table = read("roles/build_deps/vars/main.yml")
    for release, named in table["__build_deps_by_release"].items():
        packages = {*table["__build_deps_common"], *named, "libssl-dev", "tk-dev"}  # these two as the plan says
        assert packages >= {"make", "build-essential", "zlib1g-dev", "libbz2-dev", "libreadline-dev"}
        assert packages >= {"libsqlite3-dev", "wget", "curl", "llvm", "xz-utils", "tk-dev", "libffi-dev", "liblzma-dev"}
        assert packages >= {"git"}
        assert packages & {"python-openssl", "python3-openssl"}, release
        assert packages & {"libncurses-dev", "libncurses5-dev"}, release


def test_the_pinned_pyenv_is_the_one_that_the_plan_knows(pyenv_plan):
    assert defaults("pyenv")["pyenv_version"] == pyenv_plan.PYENV_COMMIT


def test_the_pinned_ansible_lies_in_the_range_that_preflight_takes():
    limits = read("roles/preflight/vars/main.yml")["__preflight_ansible"]
    pins = re.findall(r"^ansible-core==([\d.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert len(pins) >= 4
    for pin in pins:
        assert Version(limits["from"]) <= Version(pin) < Version(limits["below"])


def test_the_matrix_and_the_readme_have_every_ansible_that_preflight_takes():
    limits = read("roles/preflight/vars/main.yml")["__preflight_ansible"]
    first, below = (Version(limits[name]).minor for name in ("from", "below"))
    pythons = {core.rpartition(".")[0]: f"3.{ends[0]} to 3.{ends[1]}" for core, ends in noxfile.CORES.items()}
    assert list(pythons) == [f"2.{minor}" for minor in range(first, below)]
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| (2\.[\d., ]+) \| (3\.\d+ to 3\.\d+) \|", readme, re.MULTILINE)
    assert {core: python for cores, python in rows for core in cores.split(", ")} == pythons
    pins = re.findall(r"^ansible-core==([\d.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert set(pins) <= set(noxfile.CORES)
    assert {read(f"roles/{role}/meta/main.yml")["galaxy_info"]["min_ansible_version"] for role in ROLES} == {
        limits["from"]
    }
    assert f"ansible-core from {limits['from']}," in (ROOT / "callback_plugins/devrig.py").read_text()


def inventory(example):
    """Return an example as Ansible reads it with devrig's own configuration."""
    command = ["ansible-inventory", "-i", f"inventory/{example}.yml", "--list"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize(
    ("example", "groups"),
    [("team", {"laptops": 5, "servers": 3, "guests": 2}), ("shared", {"shared": 3}), ("hosts", {"ungrouped": 1})],
)
def test_the_inventories_work_and_set_what_there_is(example, groups):
    found = inventory(example)
    assert {name: len(found[name]["hosts"]) for name in found["all"]["children"] if name in found} == groups
    specs = {**PLAY, **{name: option for role in ROLES for name, option in options(role).items()}}
    for host, settings in found["_meta"]["hostvars"].items():
        assert settings["ansible_python_interpreter"] == "/usr/bin/python3", host  # group_vars/all.yml is read
        given = {name: value for name, value in settings.items() if not name.startswith("ansible_")}
        answer = ArgumentSpecValidator({name: specs[name] for name in given}).validate(given)
        assert answer.error_messages == [], host


def test_a_host_s_settings_win_over_its_group_s_and_those_over_all_s():
    hosts = inventory("team")["_meta"]["hostvars"]
    names = ("dev_user", "devrig_become", "pyenv_tkinter", "pyenv_versions", "zsh_login_shell")
    found = {host.partition(".")[0]: [settings[name] for name in names] for host, settings in hosts.items()}
    assert found["laptop-1"] == ["", True, True, ["3.13.5", "3.9.2"], True]
    assert found["laptop-3"] == ["", True, True, ["3.13.5"], True]
    assert found["laptop-4"] == ["", True, True, ["3.13.5", "3.9.2"], False]
    assert found["server-2"] == ["deploy", True, False, ["3.6.8"], True]
    assert found["guest-2"] == ["", False, True, ["3.6.8"], True]
    assert inventory("shared")["_meta"]["hostvars"]["shared-bob"]["pyenv_versions"] == ["3.13.5"]


def test_constraints_pin_what_the_plan_names(pyenv_plan):
    folder = ROOT / "roles/pipenv/files/constraints"
    assert {path.stem for path in folder.iterdir()} == {".".join(map(str, series)) for series in pyenv_plan.SERIES}
    for series, row in pyenv_plan.SERIES.items():
        lines = (folder / f"{series[0]}.{series[1]}.txt").read_text().splitlines()
        assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in lines), series
        assert {f"pip=={row.pip}", f"pipenv=={row.pipenv}", f"virtualenv=={row.virtualenv}"} <= set(lines), series


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-test.txt", ".ci/requirements.txt"):
        for line in (ROOT / name).read_text().splitlines():
            assert line.startswith(("#", "-r ")) or re.match(r"[\w-]+==[\d.]+($|; )", line), line
