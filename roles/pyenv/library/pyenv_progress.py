#!/usr/bin/python
"""How far the interpreters are that a job in the background builds."""

DOCUMENTATION = r"""
module: pyenv_progress
short_description: Say how far the interpreters are
description:
  - Reads the logs and the job's file, changes nothing. Returns at once when the job has ended, else after I(seconds).
  - In a playbook the action plugin of this name asks again and again and shows the answers until the job has ended.
options:
  versions:
    description: The versions that the job builds, in its order.
    type: list
    elements: str
    required: true
  root:
    description: pyenv's folder (PYENV_ROOT).
    type: path
    required: true
  state_dir:
    description: Folder of the logs and of the lock.
    type: path
    required: true
  results_file:
    description: The job's file, as an asynchronous task returns it.
    type: path
    required: true
  seconds:
    description: How long to wait for the job's end.
    type: int
    default: 4
"""

RETURN = r"""
finished:
  description: Whether the job has ended.
  type: bool
  returned: always
alive:
  description: Whether a process holds pyenv's lock, as a job that builds does.
  type: bool
  returned: always
doing:
  description: What is done now, with its percentage; empty before the first build and after the last.
  type: str
  returned: always
log:
  description: Path of the log of what is done now.
  type: str
  returned: always
"""

import fcntl
import json
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.pyenv_log import progress
from ansible.module_utils.pyenv_tree import Lock, log_of, mark_of


def has_ended(results_file):
    """Say whether an asynchronous job has left its answer: its file says `started` until then (async_wrapper)."""
    try:
        with open(results_file, encoding="utf-8") as stream:
            return "started" not in json.load(stream)
    except (FileNotFoundError, ValueError):  # not begun, or being written
        return False


def is_held(path):
    """Say whether a process holds a lock of flock(2)."""
    try:
        with open(path, encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def doing(versions, root, state_dir):
    """Return (what is built now and how far it is, its log); empty texts when nothing is."""
    for number, version in enumerate(versions, 1):
        if not os.path.exists(mark_of(root, version)):
            continue
        count = " (%d of %d)" % (number, len(versions)) if len(versions) > 1 else ""
        log = log_of(version, state_dir)
        if not os.path.exists(log):  # a finished one is unpacked
            return "Python %s%s: is put in place" % (version, count), ""
        with open(log, encoding="utf-8", errors="replace") as stream:
            phase, percent = progress(stream.read())
        return "Python %s%s: %s, %d %%" % (version, count, phase, percent), log
    return "", ""


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "versions": {"type": "list", "elements": "str", "required": True},
            "root": {"type": "path", "required": True},
            "state_dir": {"type": "path", "required": True},
            "results_file": {"type": "path", "required": True},
            "seconds": {"type": "int", "default": 4},
        },
        supports_check_mode=True,
    )
    params = module.params
    end = time.monotonic() + params["seconds"]
    while not has_ended(params["results_file"]) and time.monotonic() < end:
        time.sleep(0.5)
    now, log = doing(params["versions"], params["root"], params["state_dir"])
    module.exit_json(
        finished=has_ended(params["results_file"]),
        alive=is_held(Lock(params["state_dir"]).path),
        doing=now,
        log=log,
    )


if __name__ == "__main__":
    main()
