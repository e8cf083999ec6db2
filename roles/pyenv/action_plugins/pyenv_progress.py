"""Shows how far the interpreters are until the job that builds them has ended."""

from __future__ import annotations

import time

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

LOST_AFTER = 60
"""Seconds without an answer and without a process that builds, after which the job is given up."""


class ActionModule(ActionBase):
    """Asks the module of the same name again and again, a line each time."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Wait for the job. Options: those of the module but seconds, and timeout (seconds)."""
        result = super().run(tmp, task_vars)
        options = dict(self._task.args)
        timeout = int(options.pop("timeout"))
        begin = seen_alive = time.monotonic()
        shown_log = None
        while True:
            answer = self._execute_module("pyenv_progress", module_args=options, task_vars=task_vars)
            if answer.get("failed") or answer["finished"]:
                return {**result, **answer, "changed": True}
            now = time.monotonic()
            if answer["alive"]:
                seen_alive = now
            if now - seen_alive > LOST_AFTER:
                raise AnsibleActionFail(
                    "The job that builds the interpreters was ended. Run again: what is finished is kept"
                )
            if now - begin > timeout:
                raise AnsibleActionFail(
                    f"Not all interpreters within {timeout} s (pyenv_build_timeout): the job is ended in a minute. "
                    f"Run again: what is finished is kept. Logs: {options['state_dir']}/log"
                )
            said = answer["doing"] or "waits for another run, or for its first build"
            log = f". Log: {answer['log']}" if answer["log"] not in ("", shown_log) else ""
            shown_log = answer["log"] or shown_log
            line = f"{task_vars['inventory_hostname']}: {said}, {now - begin:.0f} s{log}"
            Display().display(line, stderr=True)  # Ansible does not flush what it writes to stdout
