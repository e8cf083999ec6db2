"""Shows what the checks of all hosts found: a table for people or JSON for machines."""

from __future__ import annotations

import json
import os

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

STATES = ("ok", "broken", "skipped")
LOST = "all checks can be asked"


def counts(checks):
    """Return how many checks there are of each state: {"ok": 40, "broken": 1, "skipped": 0}."""
    return {state: sum(check["state"] == state for check in checks) for state in STATES}


def lost(host, message):
    """Return the check that is broken where a host cannot be asked."""
    return {"host": host, "role": "doctor", "check": LOST, "state": "broken", "message": message}


def as_json(checks):
    """Return {"checks": [{host, role, check, state, message}], "counts": {...}} as text."""
    return json.dumps({"checks": checks, "counts": counts(checks)}, indent=2, ensure_ascii=False)


def as_lines(checks):
    """Return the table as (text, state or None): one line a check, then what to do, then how many.

    The hosts are named where there are several.
    """
    several = len({check["host"] for check in checks}) > 1
    names = (["host"] if several else []) + ["role", "check", "state"]
    rows = [names] + [[check[name] for name in names] for check in checks]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    states = [None] + [check["state"] for check in checks]
    for row, state in zip(rows, states):
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip(), state
    for state in STATES[1:]:
        for check in checks:
            if check["state"] == state:
                place = f"{check['host']}, {check['role']}" if several else check["role"]
                yield "", None
                yield f"{state}: {place}: {check['check']}", state
                yield from ((f"  {line}".rstrip(), None) for line in check["message"].splitlines())
    yield "", None
    found = counts(checks)
    yield ", ".join(f"{found[state]} {state}" for state in STATES), "broken" if found["broken"] else "ok"


def broken_names(checks):
    """Return the names of what is broken, short: "zsh: the shell starts in silence; ..."."""
    several = len({check["host"] for check in checks}) > 1
    return "; ".join(
        (f"{check['host']}, " if several else "") + f"{check['role']}: {check['check']}"
        for check in checks
        if check["state"] == "broken"
    )


def collect(hosts, facts_of, remaining, run):
    """Return the checks of all hosts, each with its host.

    :param hosts: all names, in the order of the inventory.
    :param facts_of: host -> its ansible_facts.
    :param remaining: names of those that no task has failed on.
    :param run: number of this run of Ansible's; what others found is left out.
    """
    found = []
    for host in hosts:
        for check in facts_of(host).get("devrig_checks") or []:
            if check["run"] == run:
                found.append(
                    {"host": str(host), **{name: str(check[name]) for name in ("role", "check", "state", "message")}}
                )
        if host not in remaining:
            found.append(lost(str(host), "it cannot be reached, or a task failed on it: what Ansible said tells why"))
    return found


def show(checks, form):
    """Print the report on stdout.

    :param form: table or json.
    """
    if form == "json":
        Display().display(as_json(checks))
        return
    colours = {"ok": constants.COLOR_OK, "broken": constants.COLOR_ERROR, "skipped": constants.COLOR_SKIP, None: None}
    for line, state in as_lines(checks):
        Display().display(line, color=colours[state])


class ActionModule(ActionBase):
    """Once for all hosts of a play. Fails where something is broken, in one short line."""

    _requires_connection = False
    _VALID_ARGS = frozenset(("format",))

    def run(self, tmp=None, task_vars=None):
        """Show it. Option: format, table or json."""
        result = super().run(tmp, task_vars)
        checks = collect(
            task_vars["ansible_play_hosts_all"],
            lambda host: task_vars["hostvars"][host].get("ansible_facts", {}),
            task_vars["ansible_play_hosts"],
            os.getppid(),
        )
        show(checks, self._task.args["format"])
        broken = counts(checks)["broken"]
        if broken:
            result.update(failed=True, msg=f"{broken} broken: {broken_names(checks)}")
        return {**result, "changed": False}
