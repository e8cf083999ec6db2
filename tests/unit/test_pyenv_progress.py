"""How far a job in the background is, told without disturbing it."""

import fcntl
import json
import time

import pytest


@pytest.fixture
def call(run_module, tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "root/versions/3.6.8").mkdir(parents=True)

    def run(seconds=0):
        params = {
            "versions": ["3.13.5", "3.6.8"],
            "root": str(tmp_path / "root"),
            "state_dir": str(tmp_path),
            "seconds": seconds,
        }
        return run_module("pyenv_progress", {**params, "results_file": str(tmp_path / "job")})

    return run


def test_waits_for_a_job_that_has_not_begun(call):
    started = time.monotonic()
    answer = call(1)
    assert time.monotonic() >= started + 1
    assert (answer["finished"], answer["alive"], answer["doing"]) == (False, False, "")


def test_a_job_under_way(call, tmp_path):
    (tmp_path / "job").write_text(json.dumps({"started": 1, "finished": 0}))
    (tmp_path / "log/python-3.13.5.log").write_text("of the one before")
    (tmp_path / "root/versions/3.6.8/.devrig-building.json").touch()
    (tmp_path / "log/python-3.6.8.log").write_text(
        "Downloading openssl-1.1.1w.tar.gz...\nInstalling openssl-1.1.1w...\n"
    )
    with (tmp_path / "pyenv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = call()
    assert (answer["finished"], answer["alive"]) == (False, True)
    assert answer["doing"] == "Python 3.6.8 (2 of 2): compiles OpenSSL, 0 %"
    assert answer["log"] == str(tmp_path / "log/python-3.6.8.log")


def test_a_finished_interpreter_that_is_unpacked(call, tmp_path):
    (tmp_path / "root/versions/3.6.8/.devrig-building.json").touch()
    answer = call()
    assert (answer["doing"], answer["log"]) == ("Python 3.6.8 (2 of 2): is put in place", "")


@pytest.mark.parametrize("answer", [{"changed": True, "plans": []}, {"failed": True, "msg": "no"}])
def test_a_job_that_has_ended(call, tmp_path, answer):
    (tmp_path / "job").write_text(json.dumps(answer))
    assert call(600)["finished"] is True


def test_an_answer_that_is_being_written_is_none_yet(call, tmp_path):
    (tmp_path / "job").write_text('{"changed": tr')
    assert call()["finished"] is False
