#!/usr/bin/python
"""One look at a machine for all roles: what each of them has to do."""

DOCUMENTATION = r"""
module: preflight_look
short_description: Say what a run has to do on a machine, and refuse what cannot be built on it
description:
  - Changes nothing. A run that finds nothing to do costs this one module; that is why it looks for all roles.
  - A part whose options are not given is not looked at.
options:
  state_dir:
    description: Folder of the user's ledger.
    type: path
    required: true
  interpreters:
    description:
      - The arguments of the module pyenv_python that say what is wanted (C(root), C(versions), C(release), ...), and
        C(offered), the versions that can be had here; where it is not empty, others that are missing are refused.
    type: dict
    required: true
  packages:
    description:
      - C(wishes), role -> the packages that it wants; C(headers), the name in them that stands for OpenSSL's headers,
        for which of the two it is, the look at interpreters says; C(user), whose they are; C(change), whether root may
        be asked, so that the ledger of the machine counts.
    type: dict
  home:
    description: C(files), C(folders) and C(existing) as the module dotfile takes them.
    type: dict
  git:
    description: C(template) as the module git_hooks takes it.
    type: dict
"""

RETURN = r"""
interpreters:
  description: What pyenv_python returns too, from C(plans) to C(different).
  type: dict
  returned: always
packages:
  description: C(lacking), role -> those of its packages that are missing; C(pending), the roles that have something to
    do; C(shells), the lines of /etc/shells (shells(5)).
  type: dict
  returned: with I(packages)
home:
  description:
    - The files and folders for which dotfile would do something, or would refuse to; of a run that was ended those too
      whose record is not closed.
  type: list
  elements: str
  returned: with I(home)
git:
  description: What git_hooks would do, warn of or refuse, in words.
  type: list
  elements: str
  returned: with I(git)
"""

import os
import shutil

from ansible.module_utils import devrig_git, git_hooks_config, packages_look, pyenv_look
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_dotfiles import Call, looked
from ansible.module_utils.devrig_ledger import MACHINE, Ledger, Refused, told
from ansible.module_utils.packages_plan import Refused as PackagesRefused
from ansible.module_utils.pyenv_plan import Refusal


def look_at_packages(module, asked, headers):
    """Return what has to be done for packages.

    :param headers: the package of OpenSSL's headers that the interpreters want.
    """
    entries = Ledger(MACHINE).section("packages") if asked["change"] else {}
    wishes = {
        role: [headers if name == asked["headers"] else name for name in names]
        for role, names in asked["wishes"].items()
    }
    return packages_look.look(module, wishes, entries, asked["user"])


def look_at_home(ledger, state_dir, asked):
    """Return the files and folders that are not as they should be. What cannot be read is one: its role says why."""
    call = Call(ledger, os.path.expanduser("~"), state_dir, asked["existing"], True)
    try:
        return looked(asked["files"], asked["folders"], call)
    except OSError as error:
        return [told(error, state_dir)]


def look_at_git(ledger, asked):
    """Return what there is to do or to say of git's hooks; what cannot be, too: the role git_hooks refuses it."""
    if shutil.which("git") is None:
        return ["git is missing"]
    folder = os.path.join(os.path.expanduser("~"), git_hooks_config.FOLDER)
    try:
        answer = git_hooks_config.present(folder, git_hooks_config.Record(ledger), asked["template"], True)
    except Refused as error:
        return [str(error)]
    except OSError as error:
        return [told(error, folder)]
    return answer["done"] + answer["warnings"]


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "interpreters": {
                "type": "dict",
                "required": True,
                "options": dict(pyenv_look.WANTED, offered={"type": "list", "elements": "str", "default": []}),
            },
            "packages": {
                "type": "dict",
                "options": {
                    "wishes": {"type": "dict", "required": True},
                    "headers": {"type": "str", "required": True},
                    "user": {"type": "str", "required": True},
                    "change": {"type": "bool", "required": True},
                },
            },
            "home": {
                "type": "dict",
                "options": {
                    "files": {"type": "list", "elements": "dict", "required": True},
                    "folders": {"type": "list", "elements": "path", "required": True},
                    "existing": {"type": "str", "choices": ["adopt", "backup", "refuse"], "default": "adopt"},
                },
            },
            "git": {"type": "dict", "options": {"template": {"type": "bool", "default": True}}},
        },
        supports_check_mode=True,
    )
    params = module.params
    state_dir, wanted = os.path.normpath(params["state_dir"]), params["interpreters"]
    devrig_git.keep_secret(module, [item.get("repo") or "" for item in wanted["checkouts"]])
    result = {}
    try:
        _, result["interpreters"] = pyenv_look.look(dict(wanted, state_dir=state_dir), wanted["offered"])
        if params["packages"]:
            result["packages"] = look_at_packages(
                module, params["packages"], result["interpreters"]["headers"]["package"]
            )
        if params["home"] or params["git"]:
            ledger = Ledger(os.path.join(state_dir, "ledger.json"))
        if params["home"]:
            result["home"] = look_at_home(ledger, state_dir, params["home"])
        if params["git"]:
            result["git"] = look_at_git(ledger, params["git"])
    except (Refusal, Refused, PackagesRefused, devrig_git.Failure) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=told(error, wanted["root"]))
    for line in result["interpreters"]["different"]:
        module.warn(line)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
