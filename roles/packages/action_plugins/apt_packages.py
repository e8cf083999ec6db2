"""Knows what the module of its name cannot: the role, the user, whether root may be asked; says what is waited for."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


def joined(found, missing):
    """Return what was left out so far, with packages added to it.

    :param found: the fact devrig_left_out, a dict, as it is.
    """
    return {**found, "packages": sorted({*found.get("packages", []), *missing})}


def only_new(answer, before):
    """Return what of check mode's answer is changed when tasks before this one bring packages too, as they would.

    :param before: the fact devrig_coming, the packages that they would bring.
    """
    rest = [name for name in answer["missing"] if name not in before]
    coming = sorted({*before, *answer["coming"]})
    diff = {"before": "", "after": "".join(f"{name}\n" for name in answer["coming"] if name not in before)}
    return {"changed": bool(rest), "diff": diff, "ansible_facts": {"devrig_coming": coming}}


class ActionModule(ActionBase):
    """Runs the module, a second time where it has to wait."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Options: those of the module but wait, and lock_timeout (seconds)."""
        result = super().run(tmp, task_vars)
        options = dict(self._task.args)
        timeout = int(options.pop("lock_timeout", 900))
        facts = task_vars["ansible_facts"]
        options.setdefault("user", facts.get("user_id"))
        options.setdefault("role", self._task._role.get_name(include_role_fqcn=False) if self._task._role else "")
        options.setdefault("change", bool(self._task.become))  # devrig_become
        answer = self._execute_module("apt_packages", module_args=options, task_vars=task_vars)
        if answer.get("busy"):
            line = f"{task_vars['inventory_hostname']}: waits for apt, at most {timeout} s: {answer['busy']}"
            Display().display(line, stderr=True)  # Ansible does not flush what it writes to stdout
            options["wait"] = max(timeout, 1)
            answer = self._execute_module("apt_packages", module_args=options, task_vars=task_vars)
        if "coming" in answer:
            answer.update(only_new(answer, facts.get("devrig_coming") or []))
        missing = answer.get("missing")
        if missing and not options["change"]:
            left_out = joined(facts.get("devrig_left_out") or {}, missing)
            answer["ansible_facts"] = {"devrig_left_out": left_out}
            answer["msg"] = "left out, for devrig_become is false: " + ", ".join(missing)
        return {**result, **answer}
