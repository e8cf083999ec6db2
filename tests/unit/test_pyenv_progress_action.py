"""The action plugin that shows how far the interpreters are."""

from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail

from tests.conftest import load

WAITING = {"finished": False, "alive": True, "doing": "", "log": ""}
COMPILING = {"finished": False, "alive": True, "doing": "Python 3.6.8: compiles, 40 %", "log": "/log"}
ENDED = {"finished": True, "alive": False, "doing": "", "log": ""}


@pytest.fixture
def watch(monkeypatch, capsys):
    """Return a function that lets the plugin see answers, one each `pause` seconds, and returns its lines."""

    def run(*answers, pause=6, timeout=7200):
        plugin = load("roles/pyenv/action_plugins/pyenv_progress.py")
        options = {"versions": ["3.6.8"], "state_dir": "/state", "results_file": "/job", "timeout": timeout}
        task = MagicMock(args=options, async_val=0, check_mode=False)
        action = plugin.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        clock = iter(range(0, 10**6, pause))
        monkeypatch.setattr(plugin.time, "monotonic", lambda: next(clock))
        left = list(answers)
        monkeypatch.setattr(action, "_execute_module", lambda *_, **__: left.pop(0) if len(left) > 1 else left[0])
        result = action.run(task_vars={"inventory_hostname": "host"})
        return result, capsys.readouterr().err.splitlines()

    return run


def test_each_answer_is_a_line_and_the_log_is_named_once(watch):
    result, lines = watch(WAITING, COMPILING, {**COMPILING, "doing": "Python 3.6.8: compiles, 47 %"}, ENDED)
    assert result["changed"] is True
    assert lines == [
        "host: waits for another run, or for its first build, 6 s",
        "host: Python 3.6.8: compiles, 40 %, 12 s. Log: /log",
        "host: Python 3.6.8: compiles, 47 %, 18 s",
    ]


def test_a_module_that_fails_is_the_result(watch):
    result, _ = watch({"failed": True, "msg": "no"})
    assert (result["failed"], result["msg"]) == (True, "no")


def test_a_job_that_takes_too_long_is_given_up(watch):
    with pytest.raises(
        AnsibleActionFail, match=r"Not all interpreters within 60 s \(pyenv_build_timeout\).*Logs: /state/log"
    ):
        watch(COMPILING, timeout=60)


def test_a_job_whose_process_is_gone_is_given_up(watch):
    with pytest.raises(AnsibleActionFail, match="was ended. Run again: what is finished is kept"):
        watch(COMPILING, {**COMPILING, "alive": False})
