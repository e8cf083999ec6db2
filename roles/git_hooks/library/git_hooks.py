#!/usr/bin/python
"""Tell a person's git of devrig's hooks, or take that away again."""

DOCUMENTATION = r"""
module: git_hooks
short_description: Include devrig's settings in a person's git configuration, and keep the folders that they name
description:
  - Appends one value, C(include.path), to the global configuration that git itself chooses. Where git would read
    something after it that undoes it, the value goes to the end of that file, in a section of its own.
  - Keeps a template for new repositories, a copy of the one that was in effect (C(init.templateDir), else git's own)
    with devrig's hook, and a folder of dispatchers for C(core.hooksPath), which is only set where one was set already.
  - C(state=absent) takes exactly that away. The files that the role writes with C(dotfile) are not touched.
options:
  state_dir:
    description: Folder of the ledger; made when it is missing.
    type: path
    required: true
  template:
    description: Whether new repositories get the hook.
    type: bool
    default: true
  state:
    description: C(present) or C(absent).
    type: str
    choices: [present, absent]
    default: present
"""

RETURN = r"""
template_dir:
  description: The template that ours is a copy of.
  type: str
  returned: with state present
hooks_path:
  description: The person's or the system's own C(core.hooksPath), empty where there is none.
  type: str
  returned: with state present
done:
  description: What was done, in words.
  type: list
  elements: str
  returned: always
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_ledger import Ledger, Refused, told
from ansible.module_utils.git_hooks_config import FOLDER, Record, absent, drop_left, present


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "template": {"type": "bool", "default": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    folder = os.path.join(os.path.expanduser("~"), FOLDER)
    wanted = module.params["state"] == "present"
    if shutil.which("git") is None:
        if not wanted or module.check_mode:  # a bare machine: the package is not there yet
            module.exit_json(changed=wanted, done=[], template_dir="", hooks_path="")
        module.fail_json(msg="git is missing: run the playbook with --tags git_hooks")
    dry = module.check_mode
    try:
        ledger = Ledger(os.path.join(module.params["state_dir"], "ledger.json"))
        with ledger.locked(dry):
            record = Record(ledger)
            if not dry:
                drop_left(folder)
            answer = present(folder, record, module.params["template"], dry) if wanted else absent(folder, record, dry)
            if not dry and wanted:
                ledger.save()
            elif not dry:
                ledger.drop_folders()
    except Refused as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=told(error, folder))
    for warning in answer.pop("warnings", []):
        module.warn(warning)
    diff = {"before": "", "after": "".join(line + "\n" for line in answer["done"])}
    module.exit_json(changed=bool(answer["done"]), diff=diff, **answer)


if __name__ == "__main__":
    main()
