"""Judges what a probe found and writes it down. What is broken does not end the doctor: the rest is asked too."""

from __future__ import annotations

import importlib
import os

# The name is a word of Python's own.
Assert = importlib.import_module("ansible.plugins.action.assert").ActionModule

OWN = ("after", "of", "skipped")
"""Options beside those of assert."""

_told = {}
"""What the items of a loop have said, by task: one process asks them all, and old releases give it no facts of them."""


def title(name, of):
    """Return what a check says in the table.

    :param name: the task's name, "verify | Check that the shell starts in silence".
    :param of: what it is about where a loop asks several, "3.6.8"; empty for none.
    """
    said = name.rpartition(" | ")[2]
    if said.startswith("Check that "):
        said = said[len("Check that ") :]
    return f"{said} ({of})" if of else said


def cause(after, role, earlier):
    """Return why a check that fails is not told as broken: something it needs is not well, and is told itself; or None.

    :param after: titles, of this role's or "role: title".
    :param earlier: the checks so far.
    """
    for name in after:
        for check in earlier:
            whole = f"{check['role']}: {check['check']}"
            if check["state"] != "ok" and whole in (name, f"{role}: {name}"):
                return f"follows from what is {check['state']}: {whole}"
    return None


class ActionModule(Assert):
    """assert with a memory: `ansible_facts['devrig_checks']`, a list of {role, check, state, message}."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Judge. Options: those of assert, and three more.

        skipped: why this cannot be asked here; empty where it can.
        after: titles of checks; where one of them is not well, this one is not told as broken too.
        of: what it is about, in a loop.
        """
        given = {name: self._task.args.get(name) for name in OWN}
        self._task.args = {name: value for name, value in self._task.args.items() if name not in OWN}
        self._task.args["quiet"] = True
        role = self._task._role.get_name() if self._task._role else "play"
        run = os.getppid()  # facts may be kept between runs: what another one found is not this one's
        earlier = [check for check in (task_vars["ansible_facts"].get("devrig_checks") or []) if check["run"] == run]
        here = [check for check in _told.get(self._task._uuid, []) if check not in earlier]
        check = {"role": str(role), "check": title(self._task.name, given["of"]), "run": run}
        error = None
        if given["skipped"]:
            check.update(state="skipped", message=str(given["skipped"]))
        else:
            fail_msg = str(self._task.args.get("fail_msg", "look at the task, -v shows it"))
            try:
                broken = bool(super().run(tmp, task_vars).get("failed"))
            except Exception as caught:
                # What a probe's answer does not even have is not so. fail_msg tells more than an error of Jinja's.
                broken, error = True, str(caught)
            after = cause(given["after"] or [], role, earlier + here) if broken else None
            if after:
                check.update(state="skipped", message=after)
            else:
                check.update(state="broken" if broken else "ok", message=fail_msg.strip() if broken else "")
        here.append(check)
        _told[self._task._uuid] = here
        result = {"changed": False, "check": check, "ansible_facts": {"devrig_checks": earlier + here}}
        return {**result, "error": error} if error else result
