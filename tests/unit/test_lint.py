"""The choice of linter and configuration, the reading of answers, and what an editor gets."""

import json
import os
import stat
import subprocess
from pathlib import Path

import lint
import lint_project
import pytest

HERE = Path(lint.HERE)
RECORD = "\x1e{}\x1f{}\x1f{}\x1f{}\x1f{}\x1d\n"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home" / "Jörg d'Été"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def machine(tmp_path, home, monkeypatch):
    """A machine without linters: the system's programs are out of reach, and so is git's configuration."""
    (tmp_path / "bin").mkdir()
    tool = lint_project.Project.tool

    def without_system(self, name):
        path = tool(self, name)
        return "" if path.startswith("/usr/bin/") else path

    monkeypatch.setattr(lint_project.Project, "tool", without_system)
    return {"HOME": str(home), "PATH": f"{tmp_path}/bin:/usr/bin:/bin"}


def program(path, text="#!/bin/sh\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def project(machine, file):
    return lint_project.Project(str(file), machine)


def config_of(chosen):
    return lint.after(chosen.config, "--config")


def git(*arguments, home):
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], check=True, env=environ, capture_output=True)


def virtualenv(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    for name in names:
        program(folder / "bin" / name)
    return folder


# ---------------------------------------------------------------- what a file is


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.py", b"", "python"),
        ("stubs/a.pyi", b"", "python"),
        ("x.rb", b"#!/usr/bin/python3", "ruby"),
        ("lib/tasks/x.rake", b"", "ruby"),
        ("Gemfile", b"", "ruby"),
        ("a/Rakefile", b"", "ruby"),
        ("tool", b"#!/usr/bin/env python3\nimport os\n", "python"),
        ("tool", b"#! /usr/bin/python\n", "python"),
        ("tool", b"#!/usr/bin/env -S python3 -I\n", "python"),
        ("tool", b"#!/usr/bin/env ruby\n", "ruby"),
        ("tool", b"#!/opt/py/bin/python3.6", "python"),
        ("tool", b"#!/usr/bin/pythonista\n", ""),
        ("tool", b"#!/bin/sh\n# python\n", ""),
        ("tool.txt", b"#!/usr/bin/python3\n", ""),
        ("tool", b"\n#!/usr/bin/python3\n", ""),
        (".py", b"", ""),
    ],
)
def test_language(name, head, expected):
    assert lint_project.language(name, head) == expected


def test_a_project_ends_at_the_top_of_the_work_tree(home, machine):
    (home / "src" / "one" / ".git").mkdir(parents=True)
    found = project(machine, home / "src" / "one" / "a" / "b" / "x.py")
    assert found.root == found.top == str(home / "src" / "one")
    assert [Path(folder).name for folder in found.folders] == ["b", "a", "one"]


def test_a_project_outside_of_a_work_tree_ends_below_the_home(home, machine):
    (home / "notes").mkdir()
    found = project(machine, home / "notes" / "new" / "x.py")
    assert found.folders == [str(home / "notes" / "new"), str(home / "notes")]
    assert found.root == str(home / "notes"), "the folder of a new file need not be there"
    assert project(machine, home / "x.py").folders == [str(home)]
    assert project(machine, "/x.py").folders == ["/"]


# ---------------------------------------------------------------- Python: linter and configuration


def test_flake8_with_devrig_s_configuration_is_what_there_is_without_any(tmp_path, home, machine):
    flake8 = program(tmp_path / "bin" / "flake8")
    chosen = lint.plan("python", project(machine, home / "x.py"))
    assert chosen[:2] + chosen[3:] == ("flake8", [str(flake8)], str(home), "")
    assert chosen.config[:3] == ["--config", str(HERE / "flake8"), "--extend-exclude"]


def test_the_person_s_own_configuration_wins_over_devrig_s(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    (home / ".config").mkdir()
    (home / ".config" / "flake8").write_text("[flake8]\n")
    chosen = lint.plan("python", project(machine, home / "x.py"))
    assert config_of(chosen) == str(home / ".config" / "flake8")
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "flake8").write_text("[flake8]\n")
    chosen = lint.plan("python", project({**machine, "XDG_CONFIG_HOME": str(other)}, home / "x.py"))
    assert config_of(chosen) == str(other / "flake8")


@pytest.mark.parametrize(
    ("file", "text", "linter"),
    [
        ("setup.cfg", "[metadata]\nname = x\n[flake8]\nmax-line-length = 100\n", "flake8"),
        ("tox.ini", "[flake8]\n", "flake8"),
        (".flake8", "[flake8]\n", "flake8"),
        ("ruff.toml", "line-length = 90\n", "ruff"),
        (".ruff.toml", "line-length = 90\n", "ruff"),
        ("pyproject.toml", "[tool.ruff]\nline-length = 90\n", "ruff"),
        ("pyproject.toml", "[tool.ruff.lint]\nselect = ['ALL']\n", "ruff"),
    ],
)
def test_the_project_s_configuration_decides(home, machine, file, text, linter):
    for name in ("flake8", "ruff"):
        program(Path(machine["PATH"].split(":")[0]) / name)
    top = home / "project"
    (top / ".git").mkdir(parents=True)
    (top / file).write_text(text)
    (home / ".config").mkdir()
    (home / ".config" / "flake8").write_text("[flake8]\n")
    chosen = lint.plan("python", project(machine, top / "a" / "x.py"))
    assert (chosen.linter, chosen.root, chosen.runs) == (linter, str(top), "")
    assert config_of(chosen) == (str(top / file) if linter == "flake8" else "")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("setup.cfg", "[metadata]\n# [flake8]\n"),
        ("pyproject.toml", "[tool.black]\n[tool.ruffian]\n"),
        ("tox.ini", "[tox]\n"),
    ],
)
def test_other_configuration_is_none(tmp_path, home, machine, file, text):
    program(tmp_path / "bin" / "flake8")
    program(tmp_path / "bin" / "ruff")
    (home / "project").mkdir()
    (home / "project" / file).write_text(text)
    chosen = lint.plan("python", project(machine, home / "project" / "x.py"))
    assert config_of(chosen) == str(HERE / "flake8")


def test_a_configuration_for_flake8_s_plugin_is_left_to_the_plugin(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    (home / "project").mkdir()
    (home / "project" / "pyproject.toml").write_text("[tool.flake8]\n")
    chosen = lint.plan("python", project(machine, home / "project" / "x.py"))
    assert (chosen.linter, chosen.config, chosen.root) == ("flake8", [], str(home / "project"))


def test_the_nearest_configuration_wins(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    program(tmp_path / "bin" / "ruff")
    (home / "top" / "old").mkdir(parents=True)
    (home / "top" / "ruff.toml").write_text("line-length = 90\n")
    (home / "top" / "old" / "setup.cfg").write_text("[flake8]\n")
    assert lint.plan("python", project(machine, home / "top" / "x.py")).linter == "ruff"
    assert lint.plan("python", project(machine, home / "top" / "old" / "x.py")).linter == "flake8"


def test_a_project_that_wants_ruff_gets_no_other_rules(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    (home / "project").mkdir()
    (home / "project" / "ruff.toml").write_text("line-length = 90\n")
    with pytest.raises(lint.NotThere, match=r"ruff is missing, which .*ruff\.toml asks for"):
        lint.plan("python", project(machine, home / "project" / "x.py"))
    (home / "project" / "setup.cfg").write_text("[flake8]\n")
    assert lint.plan("python", project(machine, home / "project" / "x.py")).linter == "flake8"


def test_another_user_s_configuration_is_not_listened_to(tmp_path, home, machine, monkeypatch):
    program(tmp_path / "bin" / "flake8")
    (home / "project").mkdir()
    (home / "project" / "setup.cfg").write_text("[flake8]\n")
    os.chown(home / "project" / "setup.cfg", 12345, 12345)
    chosen = lint.plan("python", project(machine, home / "project" / "x.py"))
    assert config_of(chosen) == str(HERE / "flake8")


def test_a_missing_linter_says_how_to_get_it(home, machine):
    for language, name in (("python", "flake8"), ("ruby", "rubocop")):
        with pytest.raises(lint.NotThere, match=f"^{name} is missing: sudo apt install {name}$"):
            lint.plan(language, project(machine, home / "x"))


# ---------------------------------------------------------------- which program


def test_the_project_s_virtualenv_wins_over_the_active_one_and_over_path(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    active = virtualenv(tmp_path / "active", "flake8")
    top = home / "project"
    top.mkdir()
    environ = {**machine, "VIRTUAL_ENV": str(active)}
    assert project(environ, top / "x.py").tool("flake8") == str(active / "bin" / "flake8")
    own = virtualenv(top / ".venv")
    assert project(environ, top / "x.py").tool("flake8") == str(active / "bin" / "flake8"), "it has none"
    program(own / "bin" / "flake8")
    assert project(environ, top / "a" / "x.py").tool("flake8") == str(own / "bin" / "flake8")
    assert project(machine, home / "x.py").tool("flake8") == str(tmp_path / "bin" / "flake8")


def test_pipenv_s_virtualenv_is_known_by_its_project_file(home, machine):
    top = home / "project"
    top.mkdir()
    (top / "Pipfile").write_text("")
    made = virtualenv(home / ".local/share/virtualenvs" / "project-AbC", "flake8")
    other = virtualenv(home / ".local/share/virtualenvs" / "a-other", "flake8")
    (other / ".project").write_text(str(home))
    (made / ".project").write_text(str(top))
    assert project(machine, top / "x.py").tool("flake8") == str(made / "bin" / "flake8")
    workon = virtualenv(home / "envs" / "p", "flake8")
    (workon / ".project").write_text(str(top) + "\n")
    environ = {**machine, "WORKON_HOME": str(home / "envs")}
    assert project(environ, top / "x.py").tool("flake8") == str(workon / "bin" / "flake8")


def test_pyenv_s_virtualenv_of_the_folder_is_found_but_no_path_out_of_pyenv(home, machine):
    top = home / "project"
    top.mkdir()
    made = virtualenv(home / ".pyenv" / "versions" / "web", "flake8")
    virtualenv(home / "evil", "flake8")
    (top / ".python-version").write_text("web\n")
    assert project(machine, top / "x.py").tool("flake8") == str(made / "bin" / "flake8")
    (top / ".python-version").write_text("../../evil\n")
    assert project(machine, top / "x.py").tool("flake8") == ""


def test_a_virtualenv_that_git_keeps_is_passed_over(home, machine):
    top = home / "project"
    virtualenv(top / ".venv", "flake8")
    git("init", "-q", str(top), home=home)
    assert project(machine, top / "x.py").tool("flake8") == str(top / ".venv" / "bin" / "flake8")
    git("-C", str(top), "add", "-f", ".venv/bin/flake8", home=home)
    assert project(machine, top / "x.py").tool("flake8") == ""
    (top / ".git" / "index").write_bytes(b"broken")
    assert project(machine, top / "x.py").tool("flake8") == "", "git cannot say"


def test_pyenv_s_shims_and_relative_folders_on_path_are_passed_over(tmp_path, home, machine, monkeypatch):
    (home / "here").mkdir()
    program(home / ".pyenv" / "shims" / "flake8")
    program(home / "here" / "flake8")
    monkeypatch.chdir(home / "here")
    environ = {**machine, "PATH": f"{home}/.pyenv/shims:.::{home}/.pyenv/shims/"}
    assert project(environ, home / "x.py").tool("flake8") == ""
    elsewhere = {**machine, "PYENV_ROOT": "/opt/pyenv", "PATH": "/opt/pyenv/shims"}
    assert project(elsewhere, home / "x.py").tool("flake8") == ""


# ---------------------------------------------------------------- Ruby


def test_rubocop_s_configuration_is_the_project_s_the_person_s_or_devrig_s(tmp_path, home, machine):
    rubocop = program(tmp_path / "bin" / "rubocop")
    top = home / "project"
    top.mkdir()
    config = ["--config", str(HERE / "rubocop.yml")]
    assert lint.plan("ruby", project(machine, top / "x.rb")) == ("rubocop", [str(rubocop)], config, str(top), "")
    (home / ".rubocop.yml").write_text("AllCops: {}\n")
    assert lint.plan("ruby", project(machine, top / "x.rb")).config == ["--config", str(home / ".rubocop.yml")]
    (top / ".rubocop.yml").write_text("AllCops: {}\n")
    assert lint.plan("ruby", project(machine, top / "a" / "x.rb")).config == ["--config", str(top / ".rubocop.yml")]


def test_bundler_runs_the_rubocop_that_the_lock_file_names(tmp_path, home, machine):
    program(tmp_path / "bin" / "rubocop")
    top = home / "project"
    top.mkdir()
    (top / "Gemfile.lock").write_text("GEM\n  specs:\n    rubocop (1.60.2)\n      json (~> 2.3)\n")
    assert lint.plan("ruby", project(machine, top / "x.rb")).command == [str(tmp_path / "bin" / "rubocop")]
    bundle = program(tmp_path / "bin" / "bundle")
    chosen = lint.plan("ruby", project(machine, top / "x.rb"))
    assert (chosen.command, chosen.runs) == ([str(bundle), "exec", "rubocop"], str(top / "Gemfile"))
    (top / "Gemfile.lock").write_text("GEM\n  specs:\n    rubocop-ast (1.30.0)\n")
    assert lint.plan("ruby", project(machine, top / "x.rb")).command == [str(tmp_path / "bin" / "rubocop")]


# ---------------------------------------------------------------- whose code it runs


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("AllCops:\n  NewCops: enable\n", False),
        ("---\n# require: nothing\nStyle/StringLiterals:\n  Enabled: false\n\nRails:\n  Enabled: false\n", False),
        ("AllCops:\r\n  Exclude:\r\n    - 'a b/**'\r\nMetrics: {Enabled: false}\r\n", False),
        ("require: rubocop-rails\n", True),
        ("require:\n  - ./lib/cop.rb\n", True),
        ("AllCops:\n  NewCops: enable\nrequire: x\n", True),
        ("plugins: [rubocop-rspec]\n", True),
        ("inherit_gem:\n  house-style: default.yml\n", True),
        ("AllCops:\n  Exclude: <%= `id` %>\n", True),
        ('"require": ./evil.rb\n', True),
        ("'require': ./evil.rb\n", True),
        ("{require: ./evil.rb}\n", True),
        ("--- {require: ./evil.rb}\n", True),
        ("? require\n: ./evil.rb\n", True),
        ("!!str require: ./evil.rb\n", True),
        ("&a require: ./evil.rb\n", True),
        (" AllCops:\n   NewCops: enable\n require: ./evil.rb\n", True),
        ("\n AllCops:\n   NewCops: enable\n require: ./evil.rb\n", True),
        ("AllCops: {NewCops: enable}\rrequire: ./evil.rb\n", True),
        ("AllCops: {NewCops: enable}\x85require: ./evil.rb\n", True),
        ("AllCops: {NewCops: enable}\u2028require: ./evil.rb\n", True),
        ("\ufeffrequire: ./evil.rb\n", True),
        ('"requ\\x69re": ./evil.rb\n', True),
        ("inherit_from: https://example.org/rubocop.yml\n", True),
        ("inherit_from: .rubocop_todo.yml\n", False),
        ("inherit_from:\n  - .rubocop_todo.yml # made by rubocop\n\nAllCops:\n  NewCops: enable\n", False),
        ("inherit_from:\n- .rubocop_todo.yml\nStyle/X:\n  Y: z\n", False),
        ("inherit_from:\n  - config/*.yml\n", True),
        ("inherit_from: config/evil.yml\n", True),
        ("inherit_from:\n  - .rubocop_todo.yml\n\n  - config/evil.yml\n", True),
        ('inherit_from: "config/evil.yml"\n', True),
        ("inherit_from: [config/evil.yml]\n", True),
        ("inherit_from: evil\n", True),
        ("inherit_from: loop.yml\n", False),
        ("inherit_from: not-there.yml\n", False),
    ],
)
def test_a_rubocop_configuration_that_may_run_code_is_seen(tmp_path, home, machine, text, runs):
    program(tmp_path / "bin" / "rubocop")
    top = home / "project"
    (top / "config").mkdir(parents=True)
    (top / ".rubocop.yml").write_bytes(text.encode())
    (top / ".rubocop_todo.yml").write_text("# of rubocop's\nStyle/Documentation:\n  Enabled: false\n")
    (top / "loop.yml").write_text("inherit_from: loop.yml\n")
    for path in (top / "config" / "evil.yml", top / "evil"):
        path.write_text("require: ./evil.rb\n")
    assert bool(lint.plan("ruby", project(machine, top / "x.rb")).runs) == runs


def test_configurations_that_inherit_from_each_other_take_no_time(tmp_path, home, machine):
    program(tmp_path / "bin" / "rubocop")
    names = [f"{number}.yml" for number in range(30)]
    for name in (".rubocop.yml", *names):
        (home / name).write_text("inherit_from:\n" + "".join(f"  - {each}\n" for each in names))
    assert lint.plan("ruby", project(machine, home / "x.rb")).runs == ""


def test_another_user_s_configuration_to_inherit_from_may_run_code(tmp_path, home, machine):
    program(tmp_path / "bin" / "rubocop")
    (home / ".rubocop.yml").write_text("inherit_from: other.yml\n")
    (home / "other.yml").write_text("")
    assert lint.plan("ruby", project(machine, home / "x.rb")).runs == ""
    os.chown(home / "other.yml", 12345, 12345)
    assert lint.plan("ruby", project(machine, home / "x.rb")).runs == str(home / "other.yml")


def test_rubocop_s_file_of_options_may_run_code(tmp_path, home, machine):
    program(tmp_path / "bin" / "rubocop")
    (home / "project").mkdir()
    (home / "project" / ".rubocop").write_text("--require ./evil.rb\n")
    chosen = lint.plan("ruby", project(machine, home / "project" / "lib" / "x.rb"))
    assert chosen.runs == str(home / "project" / ".rubocop")


def test_rubocop_is_told_where_its_cache_is():
    """Else it looks into each .rubocop.yml above, whoever's, and runs what is in there."""
    assert lint.environment({"XDG_CACHE_HOME": "/c"})["RUBOCOP_CACHE_ROOT"] == "/c/devrig/rubocop"
    assert lint.environment({})["RUBOCOP_CACHE_ROOT"].endswith("/.cache/devrig/rubocop")
    assert lint.environment({"RUBOCOP_CACHE_ROOT": "/mine"})["RUBOCOP_CACHE_ROOT"] == "/mine"


@pytest.mark.parametrize(
    ("file", "text", "runs"),
    [
        ("tox.ini", "[flake8]\n[flake8:local-plugins]\nextension = X = x:Plugin\n", True),
        ("setup.cfg", "[flake8:local-plugins]\nextension = X = x:Plugin\n", True),
        (".flake8", "[flake8]\n  [flake8:local-plugins]\nextension =\n    X = x:P\n", True),
        (".flake8", "[flake8]\nmax-line-length = 99\r[flake8:local-plugins]\nextension =\n    X = x:P\n", True),
        (".flake8", "[flake8]\nlocal-plugins\n", True),
        (".flake8", "[flake8]\n# [flake8:local-plugins]\nmax-line-length = 9\n", False),
    ],
)
def test_local_plugins_of_flake8_run_code(home, machine, file, text, runs):
    program(Path(machine["PATH"].split(":")[0]) / "flake8")
    (home / "project").mkdir()
    (home / "project" / file).write_text(text, newline="")
    chosen = lint.plan("python", project(machine, home / "project" / "x.py"))
    assert chosen.runs == (str(home / "project" / file) if runs else "")


def test_local_plugins_above_a_configuration_that_flake8_looks_for_itself(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    (home / "project" / "sub").mkdir(parents=True)
    (home / "project" / "sub" / "pyproject.toml").write_text("[tool.flake8]\n")
    assert lint.plan("python", project(machine, home / "project" / "sub" / "x.py")).runs == ""
    (home / "project" / "tox.ini").write_text("[flake8]\n [flake8:local-plugins]\nextension = X = x:P\n")
    assert lint.plan("python", project(machine, home / "project" / "sub" / "x.py")).runs == str(
        home / "project" / "tox.ini"
    )


def test_a_header_with_a_blank_before_it_is_one(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    (home / "project").mkdir()
    (home / "project" / "setup.cfg").write_text(" [flake8]\nignore = F401\n")
    chosen = lint.plan("python", project(machine, home / "project" / "x.py"))
    assert config_of(chosen) == str(home / "project" / "setup.cfg")


def test_what_lies_in_excluded_folders_is_excluded(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    (home / "setup.cfg").write_text("[flake8]\nexclude = migrations, app/gen/,\n  *_pb2.py\nextend_exclude = old\n")
    chosen = lint.plan("python", project(machine, home / "x.py"))
    assert lint.after(chosen.config, "--extend-exclude").split(",") == [
        *("migrations", "./migrations/*", "./*/migrations/*"),
        *("app/gen", "app/gen/*"),
        *("*_pb2.py", "./*_pb2.py/*", "./*/*_pb2.py/*"),
        *("old", "./old/*", "./*/old/*"),
    ]


def test_a_quiet_flake8_is_a_failure_that_says_why(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    (home / "setup.cfg").write_text("[flake8]\nquiet = 1\n")
    with pytest.raises(lint.Failed, match=r"setup\.cfg has quiet: take it out"):
        lint.plan("python", project(machine, home / "x.py"))
    _, output, _ = lint.lint_python(["--stdin-display-name", str(home / "x.py"), "-"], b"", machine)
    assert output.startswith("stdin:1:1: W002 flake8 says neither line nor rule")


def test_what_cannot_be_read_is_no_configuration(home, machine, monkeypatch):
    (home / "secret").write_text("x")
    monkeypatch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert lint_project.read(str(home / "secret")) == b""


def test_a_python_version_that_is_no_name_is_passed_over(home, machine):
    for text in (b"a\0b\n", b"\n", b"..\n", b"a/b\n"):
        (home / ".python-version").write_bytes(text)
        assert project(machine, home / "x.py").tool("flake8") == ""


def test_a_virtualenv_that_git_keeps_behind_a_link_is_passed_over(home, machine):
    top = home / "project"
    virtualenv(top / "real" / ".venv", "flake8")
    git("init", "-q", str(top), home=home)
    (top / "src").symlink_to("real")
    git("-C", str(top), "add", "-f", ".", home=home)
    assert project(machine, top / "src" / "x.py").tool("flake8") == ""
    outside = virtualenv(home / "outside" / ".venv", "flake8")
    (top / "out").symlink_to(outside.parent)
    assert project(machine, top / "out" / "x.py").tool("flake8") == ""


@pytest.mark.parametrize(
    ("value", "trusted"),
    [
        ("{top}", True),
        ("{home}/*", True),
        ("*", True),
        ("~/project", True),
        ("{home}", False),
        ("{top}x", False),
        ("", False),
    ],
)
def test_an_editor_waits_for_a_yes(tmp_path, home, machine, value, trusted):
    top = home / "project"
    top.mkdir()
    git("init", "-q", str(top), home=home)
    (top / ".rubocop.yml").write_text("require: ./evil.rb\n")
    program(
        tmp_path / "bin" / "rubocop",
        f"#!/bin/sh\necho run >>'{tmp_path}/ran'\nprintf '{{\"metadata\":{{}},\"files\":[]}}'\n",
    )
    git("config", "--global", "devrig.trust", value.format(top=top, home=home), home=home)
    # A repository cannot say yes for itself.
    git("-C", str(top), "config", "devrig.trust", "*", home=home)
    arguments = ["--format", "json", "--force-exclusion", "--stdin", str(top / "x.rb")]
    status, output, errors = lint.lint_ruby(arguments, b"x = 1\n", machine)
    assert (tmp_path / "ran").exists() == trusted
    if not trusted:
        (offense,) = json.loads(output)["files"][0]["offenses"]
        assert (status, errors, offense["location"]["line"]) == (1, "", 1)
        assert offense["message"].startswith(
            "not linted: .rubocop.yml would run code of this repository; to allow it: git"
        )


# ---------------------------------------------------------------- answers


def plan_of(linter, root="/r"):
    return lint.Plan(linter, ["/bin/" + linter], [], root, "")


def test_flake8_s_records_survive_odd_names_and_other_output():
    output = "1 statistics\n" + RECORD.format(3, 5, "E501", "too  long", "/r/we\nird: name.py") + "x = 1\n    ^\n"
    (fault,) = lint.faults(plan_of("flake8"), (1, output, ""))
    assert fault == ("/r/we\nird: name.py", 3, 5, "E501", "too long")


def test_ruff_s_answer():
    each = {"filename": "/r/a.py", "location": {"row": 2, "column": 9}, "code": "F821", "message": "Undefined name"}
    broken = {**each, "code": None, "message": "SyntaxError"}
    assert lint.faults(plan_of("ruff"), (1, json.dumps([each, broken]), "")) == [
        ("/r/a.py", 2, 9, "F821", "Undefined name"),
        ("/r/a.py", 2, 9, "syntax-error", "SyntaxError"),
    ]


def test_rubocop_s_answer_without_the_name_twice_and_behind_warnings():
    offense = {"cop_name": "Lint/X", "message": "Lint/X: it is\n bad", "location": {"line": 4, "column": 1}}
    answer = {"metadata": {}, "files": [{"path": "lib/a.rb", "offenses": [offense]}], "summary": {}}
    output = "Warning: unknown cop {\n" + json.dumps(answer, separators=(",", ":"))
    assert lint.faults(plan_of("rubocop"), (1, output, "")) == [("/r/lib/a.rb", 4, 1, "Lint/X", "it is bad")]
    assert lint.faults(plan_of("rubocop"), (1, output, ""), "/r/as asked.rb")[0].file == "/r/as asked.rb"


@pytest.mark.parametrize("linter", ["flake8", "ruff", "rubocop"])
@pytest.mark.parametrize("status", [0, 1, 2, -9])
def test_what_is_no_answer_is_a_failure(linter, status):
    if (linter, status) == ("flake8", 0):
        assert lint.faults(plan_of(linter), (0, "", "")) == []
        return
    # The last line of Python's traceback, the first of Ruby's.
    errors = "no such option\n  from x:1\n" if linter == "rubocop" else "Traceback\nno such option\n"
    with pytest.raises(lint.Failed, match=f"^{linter} failed: no such option$"):
        lint.faults(plan_of(linter), (status, "", errors))


def test_run_all_keeps_the_order_and_raises_the_first_error():
    assert lint.run_all([lambda n=n: n for n in range(20)]) == list(range(20))
    assert lint.run_all([]) == []

    def fail():
        raise lint.Failed("first")

    with pytest.raises(lint.Failed, match="first"):
        lint.run_all([lambda: 1, fail, lambda: 2])


def test_linters_do_not_get_what_git_tells_its_hooks():
    environ = {"GIT_DIR": ".git", "GIT_INDEX_FILE": "x", "GIT_CONFIG_GLOBAL": "/g", "PATH": "/bin", "LC_ALL": "de_DE"}
    found = lint.environment(environ)
    assert "GIT_DIR" not in found
    assert "GIT_INDEX_FILE" not in found
    assert (found["GIT_CONFIG_GLOBAL"], found["PATH"], found["LC_ALL"]) == ("/g", "/bin", "C.UTF-8")


# ---------------------------------------------------------------- programs for editors


def test_lint_python_speaks_flake8_s_command_line(tmp_path, home, machine):
    # It says what it was called with, and finds its standard input at fault.
    program(
        tmp_path / "bin" / "flake8",
        '#!/bin/sh\nprintf "\\0361\\0372\\037F821\\037%s in %s at %s\\037p\\035" '
        '"${*#*--output-file=}" "$(cat)" "$PWD"\nexit 1\n',
    )
    file = home / "a b.py"
    arguments = ["--max-line-length=20", "--format=default", "--stdin-display-name", str(file), "-"]
    status, output, errors = lint.lint_python(arguments, b"text", machine)
    assert (status, errors) == (1, "")
    assert output == f"stdin:1:2: F821 --max-line-length=20 --stdin-display-name {file} - in text at {home}\n"
    assert lint.lint_python(["--version"], b"", machine)[1].startswith("3.0.0 ")


@pytest.mark.parametrize(
    ("disk", "seen"), [(None, "a\n"), ("a", "a"), ("a\n", "a\n"), ("b", "a\n"), ("", "a\n")], ids=repr
)
def test_a_file_without_a_newline_at_its_end_stays_one(tmp_path, home, machine, disk, seen):
    program(tmp_path / "bin" / "flake8", f"#!/bin/sh\ncat >'{tmp_path}/seen'\n")
    file = home / "x.py"
    if disk is not None:
        file.write_text(disk)
    lint.lint_python(["--stdin-display-name", str(file), "-"], b"a\n", machine)
    assert (tmp_path / "seen").read_text() == seen


def test_a_linter_that_fails_is_a_warning_in_line_1(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8", "#!/bin/sh\necho 'bad option in setup.cfg' >&2\nexit 2\n")
    program(tmp_path / "bin" / "rubocop", "#!/bin/sh\necho 'bad cop' >&2\nexit 2\n")
    status, output, _ = lint.lint_python(["--stdin-display-name", str(home / "x.py"), "-"], b"", machine)
    assert (status, output) == (1, "stdin:1:1: W002 flake8 failed: bad option in setup.cfg\n")
    _, output, _ = lint.lint_ruby(["--format", "json", "--stdin", str(home / "x.rb")], b"", machine)
    (offense,) = json.loads(output)["files"][0]["offenses"]
    assert offense["message"] == "rubocop failed: bad cop"
    status, output, errors = lint.lint_ruby(["--auto-correct", "--stdin", str(home / "x.rb")], b"", machine)
    assert (output, status != 0) == ("", True), "an editor must not take this for the corrected text"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": "[tool.black]\ndiff = true\n"}, None),
        ({}, "autopep8 --global-config {here}/flake8 -"),
        ({"setup.cfg": "[flake8]\n"}, "autopep8 --global-config {top}/setup.cfg -"),
        ({"ruff.toml": "a=1\n"}, "ruff check --quiet --fix-only --force-exclude --stdin-filename {top}/x.py -"),
        ({"pyproject.toml": "[tool.black]\n"}, "black --quiet --stdin-filename {top}/x.py -"),
    ],
)
def test_fix_python_mends_as_the_project_is_configured(tmp_path, home, machine, files, expected):
    for name in ("flake8", "ruff", "black", "autopep8"):
        program(tmp_path / "bin" / name, '#!/bin/sh\nprintf "%s" "${0##*/} $*"\n')
    top = home / "project"
    top.mkdir()
    for name, text in files.items():
        (top / name).write_text(text)
    if expected is None:
        with pytest.raises(lint.Failed, match="pyproject.toml has diff or check"):
            lint.fix_python(["--filename", str(top / "x.py")], b"", machine)
        return
    status, output, _ = lint.fix_python(["--filename", str(top / "x.py")], b"", machine)
    assert (status, output) == (0, expected.format(top=top, here=lint.HERE))


def test_a_fixer_that_fails_writes_nothing(tmp_path, home, machine):
    program(tmp_path / "bin" / "flake8")
    program(tmp_path / "bin" / "autopep8", "#!/bin/sh\necho half of\nexit 3\n")
    assert lint.fix_python(["--filename", str(home / "x.py")], b"whole", machine)[:2] == (3, "")


def test_a_relative_name_is_one_too(tmp_path, home, machine, monkeypatch):
    program(tmp_path / "bin" / "flake8", "#!/bin/sh\ncase $* in *' x.py '*) exit 2 ;; esac\n")
    monkeypatch.chdir(home)
    assert lint.lint_python(["--stdin-display-name", "x.py", "-"], b"", machine)[:2] == (0, "")


def test_rubocop_that_breaks_down_is_a_warning(tmp_path, home, machine):
    program(tmp_path / "bin" / "rubocop", "#!/bin/sh\necho 'x.rb:1: bad alias (Psych::BadAlias)' >&2\nexit 1\n")
    _, output, _ = lint.lint_ruby(["--format", "json", "--stdin", str(home / "x.rb")], b"", machine)
    (offense,) = json.loads(output)["files"][0]["offenses"]
    assert offense["message"] == "rubocop failed: x.rb:1: bad alias (Psych::BadAlias)"


def test_the_programs_as_they_are_installed(tmp_path, home):
    """The shell's part, and what a missing linter ends with: nothing on standard output."""
    folder = tmp_path / "it's here"
    folder.mkdir()
    for name in ("lint.py", "lint_project.py"):
        (folder / name).write_text((HERE / name).read_text())
    for name in ("lint-python", "lint-ruby", "fix-python"):
        program(folder / name, (HERE / "program.sh").read_text())
    (home / "ruff.toml").write_text("a = 1\n")
    command = [str(folder / "lint-python"), "--stdin-display-name", str(home / "x.py"), "-"]
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(command, input=b"x", capture_output=True, env=environ, check=False)
    assert (done.returncode, done.stdout) == (lint.MISSING, b"")
    assert done.stderr.decode().startswith("lint-python: ruff is missing")
    assert sorted(path.name for path in folder.iterdir()) == [
        "fix-python",
        "lint-python",
        "lint-ruby",
        "lint.py",
        "lint_project.py",
    ]
    assert stat.S_IMODE((folder / "lint-python").stat().st_mode) == 0o755
