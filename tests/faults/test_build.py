"""What goes wrong while an interpreter is built: a clear error, nothing half there, and the next run converges."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.conftest import VERSION

UPSTREAM = f"Python-{VERSION}.tar.xz"
COMPILERS = ("cc", "gcc", "c99", "c89", "clang", "icc", "tcc")


@pytest.mark.parametrize("point", ["fetch", "configure", "compile", "install", "pip", "gate"])
def test_next_run_completes_a_killed_build(case, point):
    """SIGKILL for all of it at once, as when the power goes."""
    if point == "fetch":
        case.server.faults = ["hang"]
    case.begin(point)
    case.kill()
    assert case.running.answer()["rc"] == -signal.SIGKILL
    assert not case.stamp.exists()
    (case.folder / "hang").write_text("")
    answer = case.call()
    assert answer.get("changed") is True, answer
    assert case.is_sound()
    assert case.call()["changed"] is False


def test_next_run_waits_for_a_build_whose_module_was_killed(case):
    """SIGKILL for the module alone: make goes on, and the next run does not build beside it."""
    case.begin("compile")
    case.running.kill()
    assert case.running.answer()["rc"] == -signal.SIGKILL
    assert case.processes(of="python-build")
    (case.folder / "hang").write_text("")
    answer = case.call()
    assert (answer["changed"], answer["built"]) == (True, [])
    assert case.is_sound()
    assert case.server.asked == [case.sha256]
    assert case.call()["changed"] is False


@pytest.mark.parametrize("fault", ["cut", "wrong", 503])
def test_a_source_that_came_badly_is_fetched_anew(case, fault):
    """From the mirror, from upstream behind it, and from the mirror again."""
    case.server.faults = [fault] * 3
    answer = case.call()
    assert answer.get("changed") is True, answer
    assert case.server.asked == [case.sha256, UPSTREAM] * 2
    assert case.is_sound()


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("cut", "could not be fetched: look at the network"),
        ("wrong", "is not the file that it should be: its sha256 is another"),
        (404, "could not be fetched: look at the network"),
    ],
)
def test_a_source_that_never_comes_well_is_one_clear_error(case, fault, cause):
    case.server.faults = [fault] * 20
    answer = case.call(global_versions=["system"])
    assert f"Python {VERSION} could not be built. {UPSTREAM} {cause}" in answer["msg"]
    assert "The whole log:" in answer["msg"]
    assert not case.version.exists()
    assert not case.tarball.exists()
    assert not (case.root / "version").exists()
    case.server.faults = []
    assert case.call()["changed"] is True
    assert case.is_sound()


def test_a_source_in_the_cache_that_was_spoilt_is_fetched_anew(case):
    case.sources.mkdir(parents=True)
    case.tarball.write_bytes(b"half of it")
    assert case.call()["changed"] is True
    assert case.server.asked == [case.sha256]
    assert case.is_sound()


@contextlib.contextmanager
def small_disk(folder, size):
    """Make a folder that is a file system of its own, with a size as mount(8) takes it for tmpfs."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_one_clear_error(real_case):
    """A small file system for the cache, and CPython's own source, which does not fit into it."""
    with small_disk(real_case.folder / "cache", "60m"):
        answer = real_case.call()
    assert "the disk is full: make room" in answer["msg"]
    assert "No space left on device" in answer["msg"]
    assert not real_case.version.exists()


def test_a_disk_that_is_full_where_interpreters_lie_is_one_clear_error(case):
    versions = case.root / "versions"
    with small_disk(versions, "32k"):
        answer = case.call()
        assert "the disk is full: make room" in answer["msg"]
        assert not list(versions.iterdir())
    assert case.call()["changed"] is True
    assert case.is_sound()


def test_a_missing_compiler_is_one_clear_error(real_case):
    """CPython's own configure, with all programs of the machine but compilers."""
    tools = real_case.folder / "tools"
    tools.mkdir()
    for folder in map(Path, reversed(real_case.path.split(os.pathsep))):
        for program in folder.iterdir() if folder.is_dir() else ():
            if not program.name.startswith(COMPILERS) and "-gcc" not in program.name:
                (tools / program.name).unlink(missing_ok=True)
                (tools / program.name).symlink_to(program)
    real_case.path = str(tools)
    assert shutil.which("gcc", path=real_case.path) is None
    answer = real_case.call()
    assert "there is no C compiler that works: run with --tags build_deps,pyenv" in answer["msg"]
    assert not real_case.version.exists()


def test_ensurepip_that_fails_says_why_and_nothing_is_fetched_in_its_place(case):
    """pyenv would run a get-pip.py from the net, whatever it is on that day."""
    (case.folder / "hang").write_text("no pip")
    answer = case.call()
    assert "pip could not be put in place" in answer["msg"]
    assert f"Installing pip from {case.folder}/cache/devrig-recipes/{VERSION}/get-pip.py" in case.log()
    assert "ensurepip is not what it was" in answer["msg"]
    assert not case.version.exists()
