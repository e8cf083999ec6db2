#!/usr/bin/python
"""Whose home folder and which release it is: the few facts that devrig uses."""

# WANT_JSON: its arguments come in a file. Without Ansible's library it takes a fraction of the time that setup takes.

DOCUMENTATION = r"""
module: preflight_facts
short_description: Read the few facts that devrig uses
description:
  - Returns what setup returns under the same names. The user is the one that the tasks run as, by their number: a
    variable of the environment may name another.
options: {}
"""

RETURN = r"""
ansible_facts:
  description: The C(distribution) with C(distribution_release), its code name, and C(distribution_version), empty where
    os-release(5) does not say; C(user_id), C(user_dir), C(user_shell) and C(effective_user_id).
  type: dict
  returned: always
"""

import json
import os
import pwd
import shlex

PLACES = ("/etc/os-release", "/usr/lib/os-release")


def release_of(text):
    """Return the facts that an os-release(5) file tells, given as its text."""
    said = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        try:
            said[name.strip()] = "".join(shlex.split(value))
        except ValueError:  # a quote that is not closed
            said[name.strip()] = value
    return {
        "ansible_distribution": said.get("NAME", "").replace(" GNU/Linux", ""),
        "ansible_distribution_release": said.get("VERSION_CODENAME", ""),
        "ansible_distribution_version": said.get("VERSION_ID", ""),
    }


def user_of(entry):
    """Return the facts of a user, whose entry is one of the module pwd's."""
    return {
        "ansible_user_id": entry.pw_name,
        "ansible_user_dir": entry.pw_dir,
        "ansible_user_shell": entry.pw_shell,
        "ansible_effective_user_id": entry.pw_uid,
    }


def os_release(places=PLACES):
    """Return the text of the first os-release(5) that is there, else nothing."""
    for path in places:
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError:
            continue
    return ""


def answer():
    """Return what the module says."""
    try:
        user = user_of(pwd.getpwuid(os.geteuid()))
    except KeyError:
        return {"failed": True, "msg": "user %d has no entry in passwd(5): it needs a home folder" % os.geteuid()}
    facts = dict(release_of(os_release()), **user)
    return {"changed": False, "ansible_facts": facts, "invocation": {"module_args": {}}}


if __name__ == "__main__":
    print(json.dumps(answer()))
