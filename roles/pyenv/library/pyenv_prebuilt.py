#!/usr/bin/python
"""The folder that archives of finished interpreters are brought to; the action plugin of this name does the rest."""

DOCUMENTATION = r"""
module: pyenv_prebuilt
short_description: Share finished interpreters among the hosts of a play
description:
  - The machine that Ansible runs on keeps finished interpreters as archives, named by all that they depend on (key).
  - C(state=shared), once for all hosts, says who compiles what. An archive whose sha256 is another is dropped.
  - C(state=brought) copies a host's archives to it. C(state=kept) fetches those that it has made.
  - Nothing of a host's is changed but the folder that archives come to and leave from.
options:
  state:
    description: See above.
    type: str
    choices: [shared, brought, kept]
    required: true
  store:
    description: Folder of the archives, on the machine that Ansible runs on. Not for C(brought).
    type: path
  limit:
    description: How large it may become, in MiB; what was used last stays. With 0 nobody waits for another host. For
      C(shared) and C(kept).
    type: int
  final:
    description: For C(shared) once more, when those that compile have ended. It is about what was left to others, and
      what is not there now is compiled by every host that wants it.
    type: bool
    default: false
  archives:
    description: What to bring, version -> C(key), C(path) and C(sha256); or what to keep, a list of C(version), C(key),
      C(path) and C(sha256).
    type: raw
  folder:
    description: The folder on the host. For C(brought).
    type: path
  state_dir:
    description: Folder of the ledger, which knows of folders that were made. For C(brought).
    type: path
"""

RETURN = r"""
hosts:
  description: Of C(shared), host -> C(now), versions that it begins with, C(archives) that it takes, by version, and
    C(elsewhere), version -> host that compiles it.
  type: dict
  returned: for shared
archives:
  description: Of C(brought), version -> key, path and sha256, on the host.
  type: dict
  returned: for brought
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_ledger import Ledger, Refused, told
from ansible.module_utils.pyenv_tree import make_private


def main():
    """Make the folder, closed to others, beneath one that the ledger knows."""
    module = AnsibleModule(
        argument_spec={"folder": {"type": "path", "required": True}, "state_dir": {"type": "path", "required": True}}
    )
    folder = module.params["folder"]
    ledger = Ledger(os.path.join(module.params["state_dir"], "ledger.json"))
    try:
        with ledger.locked():
            ledger.make_folder(os.path.dirname(folder))
        make_private(folder)
    except Refused as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=told(error, folder))
    module.exit_json(changed=False, folder=folder)


if __name__ == "__main__":
    main()
