"""Counts the modules that a run executes on its hosts, for they are what a run costs that changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
name: module_calls
type: aggregate
short_description: Say how many modules a run has executed
description:
  - Ends a run with the number of modules that were executed on hosts, and the task of each. What is worked out where
    Ansible runs (assert, debug, set_fact, conditions, plugins that need no host) is none.
requirements:
  - Enabled by ANSIBLE_CALLBACKS_ENABLED.
"""

from ansible.plugins.callback import CallbackBase


def part(result, name):
    """Return a part of a task's result; before ansible-core 2.19 its name began with "_"."""
    return getattr(result, name) if hasattr(result, name) else getattr(result, "_" + name)


def is_call(answer, action):
    """Return whether a module ran: its answer says how it was invoked, but that of facts, which are put together."""
    return "invocation" in answer or action.rpartition(".")[2] == "gather_facts"


class CallbackModule(CallbackBase):
    """Counts answers; of a loop those of its items."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_calls"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        """Begin with none."""
        super().__init__()
        self.calls = []

    def _count(self, result, answer):
        task = part(result, "task")
        if is_call(answer, task.action):
            self.calls.append(task.get_name())

    def v2_runner_on_ok(self, result):
        """Count a task without a loop."""
        answer = part(result, "result")
        if "results" not in answer:
            self._count(result, answer)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Count one that failed."""
        self.v2_runner_on_ok(result)

    def v2_runner_item_on_ok(self, result):
        """Count an item of a loop."""
        self._count(result, part(result, "result"))

    def v2_runner_item_on_failed(self, result):
        """Count one that failed."""
        self.v2_runner_item_on_ok(result)

    def v2_playbook_on_stats(self, stats):
        """Say it."""
        self._display.display(f"MODULE CALLS {len(self.calls)}")
        for name in self.calls:
            self._display.display(f"  {name}")
