"""The module that builds interpreters, with a pyenv that is a script of the test's."""

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from tests.pyenv_stand_in import write_pyenv

MARK = ".devrig-building.json"


@pytest.fixture
def root(tmp_path, quick_gate):
    folder = tmp_path / ".pyenv"
    write_pyenv(folder, tmp_path)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@pytest.fixture
def wanted(root):
    return {"root": str(root), "versions": ["3.13.5"], "release": "bookworm"}


@pytest.fixture
def call(run_module, wanted, tmp_path):
    """Return a function that runs the module on the pyenv of the test's."""
    return caller(run_module, wanted, tmp_path)


@pytest.fixture
def start(start_module, wanted, tmp_path):
    """Return a function that starts it."""
    return caller(start_module, wanted, tmp_path)


def caller(start_or_run, wanted, tmp_path):
    def run(*options, env=None, constants=None, **params):
        defaults = {
            **wanted,
            "state_dir": str(tmp_path / "state"),
            "cache_dir": str(tmp_path / "cache"),
            "mirror_url": "http://127.0.0.1:1",
            "jobs": 3,
        }
        return start_or_run("pyenv_python", {**defaults, **params}, *options, env=env, constants=constants)

    return run


@pytest.fixture
def look(run_module, wanted, tmp_path):
    """Return a function that lets preflight look at interpreters alone; what it says of them is in the answer."""

    def run(**params):
        asked = {"state_dir": str(tmp_path / "state"), "interpreters": {**wanted, **params}}
        answer = run_module("preflight_look", asked)
        return {**answer, **answer.pop("interpreters", {})}

    return run


def test_planning_changes_nothing(look, root, tmp_path):
    answer = look()
    assert (answer["changed"], answer["pending"], answer["missing"]) == (False, True, ["3.13.5"])
    assert answer["plans"][0]["pipenv"]
    assert not (root / "versions").exists()
    assert not (tmp_path / "state").exists()


def test_what_a_bundle_does_not_have_is_refused(look):
    answer = look(versions=["3.13.5", "3.12.1"], offered=["3.13.5", "3.9.2"])
    assert "3.12.1 is not in this bundle, which has 3.13.5, 3.9.2: make one that has it" in answer["msg"]


def test_a_build_is_proved_stamped_and_not_repeated(call, root):
    answer = call()
    assert answer["changed"] is True
    (built,) = answer["built"]
    assert built["sources"] == ["http://127.0.0.1:1/3.13.5"]
    log = Path(built["log"]).read_text()
    assert "MAKE_OPTS=-j 3 mirror=http://127.0.0.1:1" in log
    stamp = json.loads((root / "versions/3.13.5/.devrig.json").read_text())
    assert stamp["plan"]["version"] == "3.13.5"
    assert (root / "version").read_text() == "3.13.5\n"
    again = call()
    assert (again["changed"], again["pending"], again["built"]) == (False, False, [])


def test_shows_no_password_of_mirror_or_index(call, root, tmp_path):
    """Neither of an index nor of a mirror: not in the log, the answer, the stamp or the build's environment."""
    pyenv = root / "bin/pyenv"
    seen = 'cat "${PYTHON_BUILD_CURL_OPTS##* }" >"$PYENV_ROOT/netrc"; stat -c %a "${PYTHON_BUILD_CURL_OPTS##* }"; env'
    pyenv.write_text(
        pyenv.read_text()
        .replace('echo "-> http://127.0.0.1:1/$version"', 'echo "-> $PYTHON_BUILD_MIRROR_URL"')
        .replace('echo "MAKE', f'{seen}; echo "MAKE')
    )
    answer = call(
        mirror_url="http://user:sec%2Fret@127.0.0.1:1/x",
        env={
            "PIP_INDEX_URL": "https://user:sec%2Fret@index.example/simple",
            "PIP_EXTRA_INDEX_URL": "https://u:sec/ret@x",
        },
    )
    (built,) = answer["built"]
    assert built["sources"] == ["http://127.0.0.1:1/x"]
    assert (root / "netrc").read_text() == "machine 127.0.0.1 login user password sec/ret\n"
    log = Path(built["log"])
    assert "\n600\n" in log.read_text()
    for text in (log.read_text(), json.dumps(answer), (root / "versions/3.13.5/.devrig.json").read_text()):
        assert "sec/ret" not in text
        assert "sec%2Fret" not in text
    assert [oct(path.stat().st_mode & 0o777) for path in (log, log.parent, tmp_path / "state")] == [
        "0o600",
        "0o700",
        "0o700",
    ]
    assert not list((tmp_path / "cache").rglob("netrc"))


@pytest.fixture
def finished(call, root, tmp_path):
    """Return the archive of an interpreter that was built and kept; it cannot be built again."""
    answer = call(keep=True)
    (archive,) = answer["archives"]
    assert archive["key"] == answer["kinds"]["3.13.5"]
    assert [path.name for path in (tmp_path / "cache/devrig-prebuilt").iterdir()] == [f"{archive['key']}.tar.gz"]
    (tmp_path / "served").mkdir()
    path = shutil.move(archive["path"], tmp_path / "served")
    Path(f"{path}.sha256").write_text(f"{archive['sha256']}  {archive['key']}.tar.gz\n")
    shutil.rmtree(root / "versions")
    Path(f"{root}.fails").write_text("BUILD FAILED\n")
    return {**archive, "path": str(path)}


def test_a_finished_interpreter_takes_the_place_of_a_compile(call, root, tmp_path, finished):
    answer = call(archives={"3.13.5": finished}, keep=True)
    (built,) = answer["built"]
    assert (built["version"], built["sources"], answer["archives"]) == ("3.13.5", [finished["key"]], [])
    assert json.loads((root / "versions/3.13.5/.devrig.json").read_text())["plan"]["version"] == "3.13.5"
    assert sorted(path.name for path in (root / "versions/3.13.5").iterdir()) == [".devrig.json", "bin"]
    assert not (tmp_path / "cache/devrig-prebuilt").exists()
    assert call()["changed"] is False


def test_a_finished_interpreter_comes_from_an_address(call, finished, tmp_path):
    answer = call(prebuilt_url=f"file://{tmp_path}/served")
    assert answer["built"][0]["sources"] == [f"file://{tmp_path}/served/{finished['key']}.tar.gz"]
    assert not (tmp_path / "cache/devrig-prebuilt").exists()


def test_a_damaged_one_is_said_and_the_interpreter_is_built(call, root, finished):
    Path(finished["path"]).write_bytes(b"damaged")
    Path(f"{root}.fails").unlink()
    answer = call(archives={"3.13.5": finished})
    assert answer["built"][0]["log"]
    assert any("is not used: its sha256 is another" in line for line in answer["unused"])


def test_one_that_is_not_complete_here_is_said_and_the_interpreter_is_built(call, root, tmp_path, finished):
    with tarfile.open(finished["path"]) as old, tarfile.open(tmp_path / "new", "w:gz") as new:
        for member in old:
            if member.isreg() and member.name == "bin/python":
                text = b"#!/bin/sh\nexit 7\n"
                member.size = len(text)
                new.addfile(member, io.BytesIO(text))
            else:
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
    sha256 = hashlib.sha256((tmp_path / "new").read_bytes()).hexdigest()
    archive = {**finished, "path": str(tmp_path / "new"), "sha256": sha256}
    assert "BUILD FAILED" in call(archives={"3.13.5": archive})["msg"]
    assert not (root / "versions/3.13.5").exists()
    Path(f"{root}.fails").unlink()
    answer = call(archives={"3.13.5": archive})
    assert answer["built"][0]["log"]
    assert any("is not complete here" in line for line in answer["unused"])


def test_one_for_another_kind_of_machine_is_not_used(call, finished):
    other = {**finished, "key": finished["key"].replace("bookworm", "trixie")}
    assert "BUILD FAILED" in call(archives={"3.13.5": other})["msg"]


def test_what_another_host_compiles_is_left_alone_and_python_is_what_it_was_until_it_is_there(call, root):
    call(versions=["3.12.4"])
    answer = call(versions=["3.13.5", "3.12.4"], elsewhere=["3.13.5"], prune=True)
    assert answer["built"] == []
    assert not (root / "versions/3.13.5").exists()
    assert (root / "version").read_text() == "3.12.4\n"
    assert call(versions=["3.13.5", "3.12.4"])["built"]
    assert (root / "version").read_text() == "3.13.5\n"


def test_what_was_built_is_kept_though_the_next_one_failed(call, root, tmp_path):
    pyenv = root / "bin/pyenv"
    pyenv.write_text(pyenv.read_text().replace("  mkdir -p", '  [ "$version" != 3.12.4 ] || exit 1\n  mkdir -p', 1))
    answer = call(versions=["3.13.5", "3.12.4"], keep=True)
    assert "Python 3.12.4 could not be built" in answer["msg"]
    assert [(archive["version"], Path(archive["path"]).exists()) for archive in answer["archives"]] == [
        ("3.13.5", True)
    ]


def test_shows_no_password_of_the_prebuilt_address(call):
    no_pauses = {"pyenv_fetch": {"PAUSES": []}}
    answer = call(prebuilt_url="https://user:sec%2Fret@127.0.0.1:1/x", constants=no_pauses)
    assert answer["built"][0]["log"]
    assert any("https://127.0.0.1:1/x" in line for line in answer["unused"])
    assert "sec/ret" not in json.dumps(answer)
    assert "sec%2Fret" not in json.dumps(answer)


def test_check_mode_builds_nothing(call, root):
    assert call("--check")["changed"] is True
    assert not (root / "versions").exists()


def test_a_failed_build_names_cause_and_log_and_the_next_run_converges(call, root):
    call(global_versions=["system"])
    (root / "versions/3.13.5/bin/python").unlink()
    (root / "versions/3.13.5/.devrig.json").rename(root / "versions/3.13.5" / MARK)
    Path(f"{root}.fails").write_text("Objects/x.c:1:10: fatal error: ffi.h: No such file or directory\nBUILD FAILED\n")
    answer = call()
    assert "the header ffi.h is missing: run with --tags build_deps,pyenv" in answer["msg"]
    assert "BUILD FAILED" in answer["msg"]
    assert (root / "version").read_text() == "system\n"
    assert "state/log/python-3.13.5.log" in answer["msg"]
    assert not (root / "versions/3.13.5").exists()
    Path(f"{root}.fails").unlink()
    assert call()["changed"] is True
    assert call()["changed"] is False


def test_an_incomplete_build_is_no_success(call, root, tmp_path):
    (tmp_path / "modules/tkinter.py").write_text("raise ImportError('no Tk')\n")
    answer = call()
    assert "tkinter: no Tk" in answer["msg"]
    assert not (root / "versions/3.13.5").exists()


def test_a_killed_build_is_built_again(call, look, root):
    folder = root / "versions/3.13.5"
    (folder / "lib").mkdir(parents=True)
    (folder / MARK).write_text("{}")
    assert look()["missing"] == ["3.13.5"]
    assert call()["changed"] is True
    assert not (folder / "lib").exists()
    assert not (folder / MARK).exists()


def test_a_kill_between_stamp_and_mark_leaves_a_proved_interpreter(call, look, root):
    """Otherwise the next one of the user's own in that place would be taken for a killed build."""
    call()
    (root / "versions/3.13.5" / MARK).write_text("{}")
    assert look()["missing"] == []
    (root / "shims/python").unlink()
    assert call()["built"] == []
    assert not (root / "versions/3.13.5" / MARK).exists()


def test_a_virtual_environment_in_a_build_that_was_killed_is_not_lost(call, root):
    (root / "versions/3.13.5/envs/mine").mkdir(parents=True)
    (root / "versions/3.13.5" / MARK).write_text("{}")
    assert "has virtual environments and is not whole: move" in call()["msg"]
    assert (root / "versions/3.13.5/envs/mine").is_dir()


def test_nothing_of_the_user_s_in_the_cache_folder_is_touched(call, tmp_path):
    for name in ("build", "recipes", "sources"):
        (tmp_path / "cache" / name / "mine").mkdir(parents=True)
    call()
    for name in ("build", "recipes", "sources"):
        assert (tmp_path / "cache" / name / "mine").is_dir()


def test_what_lies_in_the_current_folder_is_not_taken_for_the_interpreter_s(call, tmp_path):
    (tmp_path / "tempfile.py").write_text("raise ImportError('of the user')\n")
    assert call()["changed"] is True


def test_an_incomplete_interpreter_of_the_user_is_refused_and_left_alone(call, look, root):
    (root / "versions/3.13.5/lib").mkdir(parents=True)
    for ask in (look, call):
        answer = ask()
        assert "devrig did not build" in answer["msg"]
        assert "pyenv uninstall 3.13.5" in answer["msg"]
    assert (root / "versions/3.13.5/lib").exists()


def test_a_complete_interpreter_of_the_user_is_taken_over_as_it_is(call, look, root):
    call()
    (root / "versions/3.13.5/.devrig.json").unlink()
    (root / "versions/3.13.5/of-the-user").touch()
    assert look(offered=["3.9.2"])["missing"] == ["3.13.5"]  # it need not come from anywhere
    answer = call()
    assert (answer["changed"], answer["built"]) == (True, [])
    assert (root / "versions/3.13.5/of-the-user").exists()
    assert call()["changed"] is False


def test_a_folder_that_is_no_checkout_is_refused(look, tmp_path):
    (tmp_path / "other/things").mkdir(parents=True)
    checkouts = [{"path": str(tmp_path / "other"), "repo": "/nowhere", "version": "v1"}]
    answer = look(root=str(tmp_path / "other"), checkouts=checkouts)
    assert "is no git checkout: move it away" in answer["msg"]


def test_shims_that_a_killed_run_did_not_make_are_made(call, look, root):
    call()
    (root / "shims/python").unlink()
    assert look()["pending"] is True
    call()
    assert look()["pending"] is False


def test_what_pip_has_put_there_whole_is_said(call, look, root):
    call()
    packages = root / "versions/3.13.5/lib/python3.13/site-packages"
    for name, whole in (("pip-26.0", True), ("pipenv-2026.1", False)):
        (packages / f"{name}.dist-info").mkdir(parents=True)
        (packages / f"{name}.dist-info/METADATA").touch()
        if whole:
            (packages / f"{name}.dist-info/INSTALLER").write_text("pip\n")
    answer = look()
    assert answer["distributions"] == {"3.13.5": ["pip-26.0"]}
    assert answer["shims"] == ["python"]


def test_another_plan_is_said_and_the_interpreter_is_left_alone(call, root):
    call()
    answer = call(openssl="private")
    assert answer["changed"] is False
    assert "provider was system, is planned as private" in answer["different"][0]
    assert call(tkinter=False)["different"] == []
    assert "pyenv uninstall 3.13.5" in answer["different"][0]


def test_a_checkout_that_was_changed_is_not_moved(look, root):
    commit = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-q", "-m", "x"]
    subprocess.run(["git", "-C", str(root), "add", "bin/pyenv"], check=True)
    subprocess.run(commit, check=True)
    checkouts = [{"path": str(root), "repo": "/nowhere", "version": "v9.9.9"}]
    assert look(checkouts=checkouts)["stale_checkouts"] == [str(root)]
    (root / "bin/pyenv").write_text("#!/bin/sh\n# of the user\n")
    answer = look(checkouts=checkouts)
    assert "files in it were changed (bin/pyenv)" in answer["msg"]


def test_the_global_list_alone_is_set_without_a_build(call, root, tmp_path):
    (root / "version").write_text("3.11.9 # of the user\n")
    call()
    answer = call(global_versions=["3.13.5", "system"])
    assert (answer["changed"], answer["built"]) == (True, [])
    assert (root / "version").read_text() == "3.13.5\nsystem\n"
    ledger = json.loads((tmp_path / "state/ledger.json").read_text())
    entry = ledger["sections"]["pyenv_globals"][str(root / "version")]
    assert entry["before"]["text"] == "3.11.9 # of the user\n"


def waits_for_a_lock(process):
    """Say whether a process waits for a lock (proc(5), /proc/locks: a waiting one's line has an arrow)."""
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any(line[1:3] == ["->", "FLOCK"] and line[5] == str(process) for line in lines)


def test_waits_for_a_lock_that_is_held(start, root, tmp_path):
    """A lock that is held makes the module wait, not fail."""
    (tmp_path / "state").mkdir()
    with (tmp_path / "state/pyenv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = start()
        end = time.monotonic() + 20
        while not waits_for_a_lock(running.process):
            assert running.thread.is_alive(), running.answers
            assert time.monotonic() < end
            time.sleep(0.02)
        assert not (root / "versions/3.13.5").exists()
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert running.answer()["changed"] is True


def test_memory_is_in_mib(pyenv_build):
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert abs(pyenv_build.memory_mib() * 2**20 - total) < 2**20


def test_a_diff_says_what_is_there_and_what_will_be(call, look, pyenv_python, root):
    call(versions=["3.13.5", "3.12.1"], global_versions=["system"])
    assert pyenv_python.state_text(str(root), ["3.13.5", "3.11.9"]) == "Python 3.13.5\nglobal: system\n"
    seen = look(versions=["3.11.9"], prune=True)
    assert seen["pruned"] == ["3.12.1", "3.13.5"]
    assert pyenv_python.future_text(seen, ["3.11.9"]) == "Python 3.11.9\nglobal: 3.11.9\n"


def test_another_pyenv_leaves_the_interpreters_alone(call, look, root):
    call()
    stamp = (root / "versions/3.13.5/.devrig.json").stat().st_mtime_ns
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@localhost"]
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    answer = look(checkouts=[{"path": str(root), "repo": "/nowhere", "version": "v9.9.9"}])
    assert (answer["stale_checkouts"], answer["missing"], answer["pending"]) == ([str(root)], [], False)
    assert answer["different"] == []
    assert (root / "versions/3.13.5/.devrig.json").stat().st_mtime_ns == stamp


def test_a_version_that_was_dropped_stays_unless_it_is_to_be_pruned(call, look, root):
    call(versions=["3.13.5", "3.12.1"])
    assert call(versions=["3.13.5"])["changed"] is False
    assert (root / "versions/3.12.1").is_dir()
    assert look(versions=["3.13.5"], prune=True)["pruned"] == ["3.12.1"]
    assert (root / "versions/3.12.1").is_dir()
    assert call(versions=["3.13.5"], prune=True)["changed"] is True
    assert not (root / "versions/3.12.1").exists()
    assert (root / "versions/3.13.5").is_dir()
    assert call(versions=["3.13.5"], prune=True)["changed"] is False


def test_nothing_of_the_user_s_is_pruned(call, root):
    """An interpreter of the user's own, a virtual environment, and a version that has one inside."""
    call(versions=["3.13.5", "3.12.1"])
    (root / "versions/3.11.9/bin").mkdir(parents=True)
    (root / "versions/3.12.1/envs/mine").mkdir(parents=True)
    (root / "versions/mine").symlink_to("3.12.1/envs/mine")
    answer = call(versions=["3.13.5"], prune=True)
    assert answer["changed"] is False
    assert answer["different"] == ["Python 3.12.1 stays: it has virtual environments (mine)"]
    for name in ("3.11.9", "3.12.1/envs/mine", "mine"):
        assert (root / "versions" / name).is_dir(), name


def test_a_pruning_that_was_killed_is_ended_by_the_next(call, root):
    call(versions=["3.13.5", "3.12.1"])
    (root / "versions/3.12.1/.devrig.json").rename(root / "versions/3.12.1" / MARK)
    assert call(versions=["3.13.5"], prune=True)["changed"] is True
    assert not (root / "versions/3.12.1").exists()


def test_proved_names_what_does_not_pass_and_changes_nothing(call, root, tmp_path):
    call()
    assert call(state="proved")["changed"] is False
    (tmp_path / "modules/tkinter.py").write_text("raise ImportError('no Tk')\n")
    assert call(state="proved")["msg"] == "Python 3.13.5: tkinter: no Tk"
    assert call(state="proved", tkinter=False)["changed"] is False
    assert (root / "versions/3.13.5/.devrig.json").exists()


def test_a_build_that_ended_as_its_module_was_killed_says_how_it_was_built(call, look, root):
    call()
    (root / "versions/3.13.5/.devrig.json").rename(root / "versions/3.13.5" / MARK)
    (root / "versions/3.13.5/.devrig-built").touch()
    assert call(openssl="private")["built"] == []
    assert not (root / "versions/3.13.5/.devrig-built").exists()
    assert "provider was system, is planned as private" in look(openssl="private")["different"][0]
