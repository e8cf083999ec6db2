#!/usr/bin/python
"""Look at what several roles' checks have to know of a machine."""

DOCUMENTATION = r"""
module: doctor_look
short_description: Look at programs, home files, the package system and the login shell, all in one call
description:
  - Changes nothing.
options:
  programs:
    description: Names of programs.
    type: list
    elements: str
    required: true
  packages:
    description: Names of packages.
    type: list
    elements: str
    required: true
  places:
    description: Role -> regular expression; whose a home file is, by its path below the home folder.
    type: dict
    required: true
  state_dir:
    description: Folder of devrig's ledger.
    type: path
    required: true
"""

RETURN = r"""
programs:
  description: Those of the programs that are on PATH, each with its path.
  type: dict
  returned: always
lacking:
  description: Those of the packages that are not installed.
  type: list
  elements: str
  returned: always
ledger:
  description: Why the ledger cannot be read; empty where it can.
  type: str
  returned: always
files:
  description: Role -> what is wrong with the files that devrig wrote for it, and what to do; a text for each.
  type: dict
  returned: always
dpkg:
  description: Names of packages that are not set up to the end, as after an apt that was interrupted.
  type: list
  elements: str
  returned: always
login:
  description: The user's login shell as C(path), whether it is C(listed) in /etc/shells and C(there).
  type: dict
  returned: always
"""

import hashlib
import os
import pwd
import re
import shutil
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_ledger import Ledger, Refused


def local_of(path):
    """Return where a person's own lines go instead of into a home file, or None where there is no such place."""
    name = os.path.basename(path)
    return "~/%s.local" % name if name in (".zshrc", ".zprofile", ".vimrc", ".tmux.conf") else None


def fault(path, entry, uid):
    """Say what is wrong with a file that devrig wrote, and what to do; None where nothing is.

    :param entry: what the ledger has of it: sha256 of the content; next, that of what a killed run was about to write.
    :param uid: number of the user whose home it is.
    """
    try:
        status = os.stat(path)
        if status.st_uid != uid:
            return "%s belongs to another user (number %d): sudo chown %d %s" % (path, status.st_uid, uid, path)
        with open(path, "rb") as stream:
            digest = hashlib.sha256(stream.read()).hexdigest()
    except FileNotFoundError:
        return "%s is gone: run the playbook again" % path
    except OSError as error:
        return "%s cannot be read (%s): chmod u+r %s, or chown what is above it" % (path, error.strerror, path)
    mode = stat.S_IMODE(status.st_mode)
    if digest not in (entry.get("sha256"), entry.get("next")):
        place = "move them to %s, the" % local_of(path) if local_of(path) else "the"
        return "%s has your edits: %s next run of the playbook backs them up and writes the file anew" % (path, place)
    if mode & 0o022 and not os.path.islink(path):  # a link of the user's leads to a file of the user's
        return "%s can be written by others (mode %04o): chmod go-w %s" % (path, mode, path)
    return None


def faults(files, places, home, uid):
    """Return role -> what is wrong with its files.

    :param files: the ledger's section, path -> entry.
    :param places: role -> regular expression of paths below the home.
    """
    found = {role: [] for role in places}
    for path, entry in sorted(files.items()):
        # Neither of the two: not written yet, or given back already.
        said = fault(path, entry, uid) if entry.get("sha256") or entry.get("next") else None
        if said:
            below = os.path.relpath(path, home)
            owners = [role for role, pattern in places.items() if re.search(pattern, below)]
            found.setdefault(owners[0] if owners else "dotfile", []).append(said)
    return found


def listed(shell, text):
    """Say whether a shell stands in the text of /etc/shells (shells(5): one path a line, # begins a comment)."""
    return shell in [line.split("#", 1)[0].strip() for line in text.splitlines()]


def package_states(text):
    """Return the packages that dpkg knows as (three letters, name).

    :param text: what dpkg-query prints, a line each: the letters (dpkg-query(1), "db:Status-Abbrev": what is wanted,
        what there is, R where it has to be installed anew), then the name.
    """
    return [(line[:3], line[3:].strip()) for line in text.splitlines()]


def unfinished(states):
    """Return the names of packages that an interrupted dpkg has left."""
    # Not there (n), configuration left (c), all there (i); in between: H, U, F, and triggers W, t.
    return [name for state, name in states if state[1:2] in set("HUFWt") or state[2:3] == "R"]


def lacking(wanted, states):
    """Return those of the wanted packages that are not installed."""
    there = {name for state, name in states if state[1:2] not in ("", "n", "c")}
    return [name for name in wanted if name not in there]


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "programs": {"type": "list", "elements": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "places": {"type": "dict", "required": True},
            "state_dir": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    user = pwd.getpwuid(os.geteuid())
    files, said = {}, ""
    try:
        ledger = Ledger(os.path.join(params["state_dir"], "ledger.json"))
        # What an older devrig wrote, until the next run takes it over.
        files = (ledger.old_record("dotfiles.json") or {}).get("files", {})
        files.update(ledger.section("files"))
    except Refused as error:
        said = str(error)
    except OSError as error:
        said = "%s: %s: give it back to the user with chown" % (error.filename, error.strerror)
    try:
        with open("/etc/shells", encoding="utf-8", errors="replace") as stream:
            shells = stream.read()
    except FileNotFoundError:
        shells = ""
    # Not dpkg --audit, which wants root where there is something to say.
    _, known, _ = module.run_command(["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}\\n"])
    states = package_states(known)
    module.exit_json(
        changed=False,
        lacking=lacking(params["packages"], states),
        programs={name: shutil.which(name) for name in params["programs"] if shutil.which(name)},
        ledger=said,
        files=faults(files, params["places"], user.pw_dir, user.pw_uid),
        dpkg=unfinished(states),
        login={
            "path": user.pw_shell,
            "listed": listed(user.pw_shell, shells),
            "there": os.access(user.pw_shell, os.X_OK),
        },
    )


if __name__ == "__main__":
    main()
