"""Checks the settings of all roles at once, before the first of them acts, by Ansible's own check of argument specs."""

from __future__ import annotations

from pathlib import Path

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

    def get_args_from_task_vars(self, argument_spec, task_vars):
        """Return the settings that are there, and keep them: each is evaluated once."""
        self.given = super().get_args_from_task_vars(argument_spec, task_vars)
        return self.given

    def run(self, tmp=None, task_vars=None):
        """Look at the settings of all roles; every wrong one is named."""
        asked, options = self._task.args, {}
        for role in asked["roles"]:
            path = Path(task_vars["role_path"]).parent / role / "meta/argument_specs.yml"
            # Ansible has read it for the role, and knows it still.
            options.update(self._loader.load_from_file(str(path))["argument_specs"]["main"].get("options", {}))
        self._task.args = {"argument_spec": options}
        result = super().run(tmp, task_vars)
        result.pop("argument_spec_data", None)  # pages of it
        lists = {name: option for name, option in options.items() if name not in asked["as_text"]}
        wrong = texts(lists, self.given)
        if wrong:
            result.update(failed=True, msg="; ".join([*result.get("argument_errors", []), *wrong]))
        return result
