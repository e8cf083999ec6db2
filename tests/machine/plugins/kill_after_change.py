"""Ends Ansible as SIGKILL does, with all of its workers, after the first task that changed something."""

import os
import signal

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kill_after_change"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        changed = result._result.get("changed") or any(one.get("changed") for one in result._result.get("results", []))
        if changed:
            print(f"KILLED AFTER {result._task.get_name()}", flush=True)
            os.killpg(0, signal.SIGKILL)
