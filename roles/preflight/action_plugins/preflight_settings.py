"""Checks the settings of all roles at once, before the first of them acts, by Ansible's own check of argument specs."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible.plugins.action.validate_argument_spec import ActionModule as ValidateArgumentSpec

ADVICE = (
    "{name} is a list, and is given as text: {value}. On the command line a list is JSON: "
    """-e '{{"{name}": ["a", "b"]}}'"""
)


def texts(options, given):
    """Return what to say of lists that are given as text, which Ansible itself takes.

    :param options: of a role's argument spec.
    :param given: name -> value of the settings that are there.
    """
    lists = [name for name, option in options.items() if option["type"] == "list" and isinstance(given.get(name), str)]
    return [ADVICE.format(name=name, value=given[name]) for name in lists]


class ActionModule(ValidateArgumentSpec):
    """Options: C(roles), and C(as_text), names of lists that the roles themselves take as text."""

    def run(self, tmp=None, task_vars=None):
        """Look at each role's settings; the first that has a wrong one ends it."""
        asked = self._task.args
        for role in asked["roles"]:
            path = Path(task_vars["role_path"]).parent / role / "meta/argument_specs.yml"
            options = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"].get("options", {})
            self._task.args = {"argument_spec": options}
            result = super().run(tmp, task_vars)
            wrong = texts(
                {name: option for name, option in options.items() if name not in asked["as_text"]},
                self.get_args_from_task_vars(options, task_vars),
            )
            if wrong and not result.get("failed"):
                result = {"failed": True, "msg": "; ".join(wrong)}
            if result.get("failed"):
                return result
        return {"changed": False}
