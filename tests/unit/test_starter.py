"""A starter: what the application is called, the files of the project, and the module that puts it in its place."""

import ast
import fcntl
import keyword
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import project
from starter_package import STANDARD, TAKEN, starter_package


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("~/src/hello", "hello"),
        ("~/src/hello/", "hello"),
        ("hello", "hello"),
        ("/srv/My Shop", "my_shop"),
        ("/srv/my-shop.example", "my_shop_example"),
        ("/srv/Größe à la carte!", "grosse_a_la_carte"),
        ('/srv/it\'s "quoted"', "it_s_quoted"),
        ("/srv/__x__", "x"),
        ("/srv/2048", "app_2048"),
        ("/srv/日本", "app"),
        ("/srv/class", "class_app"),
        ("/srv/JSON", "json_app"),
        ("/srv/Flask", "flask_app"),
        ("/srv/tests", "tests_app"),
        ("/srv/flask-sqlalchemy", "flask_sqlalchemy_app"),
    ],
)
def test_the_package_is_named_after_the_folder(path, name):
    assert starter_package(path) == name
    assert name.isidentifier()
    assert name.isascii()
    assert not keyword.iskeyword(name)


def test_no_module_of_python_is_hidden_by_a_package():
    public = {name.lower() for name in sys.stdlib_module_names if not name.startswith("_")}
    assert public <= set(STANDARD.split())
    imported = {
        name.partition(".")[0]
        for path, text in project().items()
        if path.endswith(".py")
        for name in re.findall(r"^(?:import|from) (\w[\w.]*)", text, re.MULTILINE)
    }
    assert imported - {"hello"} <= set(STANDARD.split() + TAKEN.split())
    assert {path.split("/")[0] for path in project() if "/" in path} - {"hello"} <= set(TAKEN.split())


PYTHON = sorted(path for path in project() if path.endswith(".py"))


@pytest.mark.parametrize("path", PYTHON)
def test_python_files_are_python_of_3_6_and_of_today(path):
    ast.parse(project()[path], feature_version=(3, 6))
    compile(project()[path], path, "exec")


@pytest.mark.parametrize(("path", "text"), sorted(project("/srv/My Shop", "3.13").items()))
def test_files_are_clean_and_nothing_of_ansible_is_left_in_them(path, text):
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "ansible" not in text.lower()
    assert "starter_" not in text
    assert "hello" not in text
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)


def test_the_linter_finds_nothing(tmp_path):
    """By ruff with the project's own limits; the doctor asks flake8."""
    for path, text in project().items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    assert "max-line-length = 100\n" in project()["setup.cfg"]
    options = ["--isolated", "--no-cache", "--select", "E,W,F,I,B", "--line-length", "100"]
    done = subprocess.run(["ruff", "check", *options, "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_page_escapes_what_it_shows():
    pages = {path: text for path, text in project().items() if path.endswith(".html")}
    assert len(pages) == 2
    assert not any("|safe" in text.replace(" ", "") or "autoescape" in text for text in pages.values())


def test_the_secret_stays_out_of_what_is_committed():
    files = project()
    assert [path for path, text in files.items() if "<secret>" in text] == [".env"]
    assert {".env", "instance/"} <= set(files[".gitignore"].splitlines())
    assert "SECRET_KEY=\n" in files[".env.example"]


def test_the_pipfile_has_the_series_and_what_tests_and_linter_need():
    text = project(series="3.13")["Pipfile"]
    assert 'python_version = "3.13"\n' in text
    assert '[dev-packages]\npytest = "*"\nflake8 = "*"\n\n[requires]\n' in text
    assert "[[source]]" not in text


def test_an_index_goes_into_the_pipfile_without_a_password():
    assert 'url = "https://index.example/simple"\n' in project(index="https://index.example/simple")["Pipfile"]
    assert "[[source]]" not in project(index="https://me:word@index.example/simple")["Pipfile"]


FILES = {".env": "SECRET_KEY=<secret>\n", "hello/__init__.py": "", "README.md": "# Grüße\n"}


@pytest.fixture
def make(run_module, tmp_path):
    """Return a function that runs the module for a path."""

    def call(path, *options, **environment):
        params = {"path": str(path), "files": FILES, "private": [".env"]}
        return run_module("starter_project", params, *options, env={"GIT_CONFIG_GLOBAL": "/dev/null", **environment})

    return call


def told(answer):
    assert "project" in answer, answer
    return answer


def refused(answer):
    assert "project" not in answer
    assert not answer["changed"]
    return answer["msg"]


@pytest.mark.parametrize("name", ["hello", "Jörg's & Zoë's *Shop* # <1>?", "-n", "日本"])
def test_a_project_is_made_whole(make, tmp_path, name):
    place = tmp_path / "not there yet" / name
    answer = told(make(place))
    assert answer["changed"]
    assert answer["project"] == str(place)
    assert sorted(path.name for path in place.iterdir()) == [".env", ".git", "README.md", "hello"]
    assert (place / "README.md").read_text() == "# Grüße\n"
    assert [path.name for path in place.parent.iterdir()] == [name]
    status = subprocess.run(["git", "status"], cwd=place, capture_output=True, text=True, check=True).stdout
    assert status.startswith("On branch main\n\nNo commits yet\n")


def test_what_is_typed_next_works_in_a_shell(make, tmp_path):
    place = tmp_path / "it's *; #"
    line = told(make(place))["says"][1]
    there = subprocess.run(["sh", "-c", line.split(" && ")[0] + " && pwd"], capture_output=True, text=True, check=True)
    assert there.stdout == f"{place}\n"


def test_creates_a_fresh_private_secret(make, tmp_path):
    answer = told(make(tmp_path / "a", "--diff"))
    told(make(tmp_path / "b"))
    first, second = ((tmp_path / name / ".env").read_text() for name in "ab")
    assert re.fullmatch(r"SECRET_KEY=[0-9a-f]{64}\n", first)
    assert first != second
    assert first[11:-1] not in str(answer)
    assert (tmp_path / "a/.env").stat().st_mode & 0o777 == 0o600


def test_a_project_of_ours_is_left_alone(make, tmp_path):
    told(make(tmp_path / "hello"))
    (tmp_path / "hello/README.md").write_text("mine\n")
    answer = told(make(tmp_path / "hello"))
    assert not answer["changed"]
    assert answer["says"] == [f"{tmp_path}/hello was made by devrig earlier: it is left alone"]
    assert (tmp_path / "hello/README.md").read_text() == "mine\n"


def test_a_folder_that_holds_anything_is_refused(make, tmp_path):
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello/.hidden").touch()
    assert f"{tmp_path}/hello is not empty (.hidden)" in refused(make(tmp_path / "hello"))
    assert [path.name for path in (tmp_path / "hello").iterdir()] == [".hidden"]


def test_an_empty_folder_is_filled_and_keeps_its_mode(make, tmp_path):
    (tmp_path / "hello").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("hello")
    assert told(make(tmp_path / "link"))["project"] == f"{tmp_path}/hello"
    assert (tmp_path / "hello").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "link").is_symlink()
    assert not told(make(tmp_path / "link"))["changed"]


def test_a_link_that_leads_nowhere_is_refused(make, tmp_path):
    (tmp_path / "hello").symlink_to("gone")
    assert "remove the link" in refused(make(tmp_path / "hello"))
    assert not (tmp_path / "gone").exists()


def test_check_mode_writes_nothing(make, tmp_path):
    answer = told(make(tmp_path / "new/hello", "--check"))
    assert answer["changed"]
    assert not (tmp_path / "new").exists()


def test_a_tilde_is_the_user_s_home(make):
    home = Path.home()
    assert told(make("~/no such folder/hello", "--check"))["project"] == f"{home}/no such folder/hello"


def test_without_git_nothing_is_written(starter_project, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(starter_project.Refused, match="git is missing"):
        starter_project.make(str(tmp_path / "new/hello"), FILES, [".env"])
    assert not (tmp_path / "new").exists()


def test_the_user_s_template_brings_its_hooks(make, tmp_path):
    (tmp_path / "template/hooks").mkdir(parents=True)
    hook = tmp_path / "template/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / "gitconfig").write_text(f"[init]\n\ttemplateDir = {tmp_path}/template\n\tdefaultBranch = trunk\n")
    told(make(tmp_path / "hello", GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig")))
    assert os.access(tmp_path / "hello/.git/hooks/pre-commit", os.X_OK)
    assert (tmp_path / "hello/.git/HEAD").read_text() == "ref: refs/heads/main\n"


def test_another_repository_of_the_caller_s_is_not_touched(make, tmp_path):
    told(make(tmp_path / "hello", GIT_DIR=str(tmp_path / "other"), GIT_INDEX_FILE=str(tmp_path / "index")))
    assert (tmp_path / "hello/.git/devrig-starter").is_file()
    assert not (tmp_path / "other").exists()


def program(tmp_path, text):
    """Put a git of the test's own in front of the others; return the PATH."""
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin/git"
    git.write_text(f"#!/bin/sh\n{text}\n")
    git.chmod(0o755)
    return f"{tmp_path}/bin:{os.environ['PATH']}"


def test_a_git_that_fails_leaves_nothing(make, tmp_path):
    answer = make(tmp_path / "new/hello", PATH=program(tmp_path, "echo no room left; exit 1"))
    assert refused(answer) == "git init failed: no room left"
    assert list((tmp_path / "new").iterdir()) == []


def test_a_killed_run_leaves_nothing_half_and_the_next_one_cleans_up(make, tmp_path):
    assert make(tmp_path / "new/hello", PATH=program(tmp_path, "kill -9 $PPID"))["rc"] != 0
    (left,) = (tmp_path / "new").iterdir()
    assert left.name == ".hello.devrig-starter"
    assert (left / ".env").is_file(), "it was killed in the middle"
    assert left.stat().st_mode & 0o777 == 0o700
    told(make(tmp_path / "new/hello"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["hello"]


def test_two_runs_at_once_do_not_mix(make, tmp_path):
    beside = tmp_path / ".hello.devrig-starter"
    beside.mkdir()
    (beside / "file").touch()
    handle = os.open(beside, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert "another run is making" in refused(make(tmp_path / "hello"))
    assert (beside / "file").exists()
    os.close(handle)
