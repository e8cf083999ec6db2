#!/usr/bin/python
"""Write, or take back, the files that devrig keeps in a home folder."""

DOCUMENTATION = r"""
module: dotfile
short_description: Write files into a home folder and lose nothing that was there
description:
  - Writes all of a role's home files in one call. Each file is written beside its place and renamed over it,
    so that a reader sees the old file or the new one, never half of one.
  - A file that devrig did not write, or that was edited since, is first copied, byte for byte and with mode and times,
    into a dated backup folder, and is named in a warning. What a user edited in a file of devrig's is shown.
  - A symbolic link at the path is never written through, and what it leads to is not touched. The link goes to the
    backup as a link. With I(existing=adopt) and C(local) it is moved to that name, so that the file of a dotfiles
    repository still acts. A link that leads to the wanted content stays. A folder above that is a link is followed.
  - What is going to be written is recorded first, in I(state_dir)/ledger.json, under its lock. C(state=absent) gives
    back what was there, with mode, times and link, and removes the folders that were made and are empty.
options:
  files:
    description:
      - The files. Each has C(path) (absolute), C(content) (text) and C(mode) (octal text, 0644).
      - C(local), a path too, is where the content of a file goes that was there and is not ours; what is written reads
        it at its end. It is not touched where something is there.
    type: list
    elements: dict
    required: true
  state_dir:
    description: Folder of the ledger and of the backups; made when it is missing.
    type: path
    required: true
  folders:
    description:
      - Folders, absolute paths, in which programs keep what is theirs. One that is missing is made, for its user alone;
        C(state=absent) removes those that were made and are empty, whatever call made them.
    type: list
    elements: path
    default: []
  existing:
    description:
      - What becomes of a file that is there and not ours. C(adopt) keeps it in the backup, and its content becomes the
        C(local) file; C(backup) only keeps it; C(refuse) is an error that names all such files, before any is changed.
    type: str
    choices: [adopt, backup, refuse]
    default: adopt
  state:
    description: C(present) writes; C(absent) puts back what was there before the first write.
    type: str
    choices: [present, absent]
    default: present
"""

RETURN = r"""
files:
  description:
    - What was done with each file. C(action) is one of unchanged, created, updated, replaced,
      removed, restored, kept, absent.
  type: list
  elements: dict
  returned: always
kept:
  description:
    - The user's own content that this call met. C(path); C(backup), where it is, empty for none; C(why), one of
      adopted (was there first), edited, link; C(local), the file that reads on with it, empty for none; C(diff), for
      edited ones what the edit was, empty where it looks like a secret; C(said), the same in words, with what to do.
  type: list
  elements: dict
  returned: always
recorded:
  description: The paths of all files that devrig has in the ledger, those of other calls too.
  type: list
  elements: str
  returned: always
backups:
  description: The backups made by this call.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native
from ansible.module_utils.devrig_dotfiles import (
    Call,
    Step,
    absent,
    checked,
    diff_of,
    kept_of,
    present,
    present_folders,
    said_of,
)
from ansible.module_utils.devrig_ledger import Ledger, Refused, told


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True},
            "state_dir": {"type": "path", "required": True},
            "folders": {"type": "list", "elements": "path", "default": []},
            "existing": {"type": "str", "choices": ["adopt", "backup", "refuse"], "default": "adopt"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    state_dir = os.path.normpath(module.params["state_dir"])
    new = []
    try:
        ledger = Ledger(os.path.join(state_dir, "ledger.json"))
        call = Call(ledger, os.path.expanduser("~"), state_dir, module.params["existing"], module.check_mode)
        if module.params["state"] == "present":
            steps = checked(module.params["files"])
            with ledger.locked(call.dry):
                present(steps, call)
                new = present_folders(module.params["folders"], call)
            kept = [(kept_of(step), step) for step in steps if step.why]
        else:
            steps = [Step(item["path"]) for item in module.params["files"]]
            with ledger.locked(call.dry):
                kept = [(item, None) for item in absent(steps, call)]
    except Refused as error:
        module.fail_json(msg=to_native(error))
    except OSError as error:
        module.fail_json(msg=to_native(told(error, state_dir)))
    for item, step in kept:
        item["said"] = said_of(item, step, call)
        module.warn(item["said"])
    module.exit_json(
        changed=bool(new) or any(step.action not in ("unchanged", "absent", "kept") for step in steps),
        files=[step.answer for step in steps],
        kept=[item for item, _ in kept],
        recorded=sorted(ledger.section("files")),
        backups=[step.copy for step in steps if step.action == "replaced"],
        diff=[part for step in steps for part in diff_of(step)],
    )


if __name__ == "__main__":
    main()
