#!/usr/bin/python
"""Take back what devrig put into pyenv's folder."""

DOCUMENTATION = r"""
module: pyenv_removal
short_description: Take back interpreters, shims, the global list, caches and logs
description:
  - Interpreters that devrig built go, unless there are virtual environments in them. A person's own stay, as do
    environments; pyenv stays with them. The global list becomes what it was before devrig set it.
  - pyenv's checkouts are not touched; C(checkouts) of the answer are those that C(git_checkout) may take back then.
  - In check mode nothing is changed, and the answer is the same.
options:
  root:
    description: pyenv's folder (PYENV_ROOT).
    type: path
    required: true
  plugins:
    description: Checkouts below it, of plugins that devrig brought.
    type: list
    elements: path
    default: []
  state_dir:
    description: Folder of the ledger and of the logs.
    type: path
    required: true
  cache_dir:
    description: Folder of downloaded sources and of private OpenSSLs.
    type: path
    required: true
"""

RETURN = r"""
goes:
  description: What goes, a line each.
  type: list
  elements: str
  returned: always
stays:
  description: What stays and why, a line each.
  type: list
  elements: str
  returned: always
checkouts:
  description: Checkouts that can be taken back, those of plugins first, as the module git_checkout takes them.
  type: list
  elements: dict
  returned: always
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_git import Failure
from ansible.module_utils.devrig_ledger import Ledger, Refused, told
from ansible.module_utils.pyenv_removal import plan_removal, refuse_moved, take_away
from ansible.module_utils.pyenv_tree import GLOBALS, Lock, run


def make_shims(root):
    """Let a pyenv that stays make its shims anew."""
    done = run([os.path.join(root, "bin", "pyenv"), "rehash"], env=dict(os.environ, PYENV_ROOT=root))
    if done.returncode:
        raise Refused("pyenv rehash: %s" % done.stderr.strip())


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "plugins": {"type": "list", "elements": "path", "default": []},
            "state_dir": {"type": "path", "required": True},
            "cache_dir": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    params = dict(module.params, root=os.path.normpath(module.params["root"]))
    root, state_dir = params["root"], params["state_dir"]
    git = shutil.which("git") is not None
    try:
        refuse_moved(root)
        ledger = Ledger(os.path.join(state_dir, "ledger.json"))
        removal = plan_removal(params, ledger, git)
        # Of a global list that a person has set since, the ledger has to forget what it was.
        known = os.path.join(root, "version") in ledger.section(GLOBALS)
        if (removal.anything or known) and not module.check_mode:
            with Lock(state_dir) as lock, ledger.locked():
                removal = plan_removal(params, ledger, git)
                take_away(removal, params, ledger, lambda: make_shims(root))
                os.unlink(lock.name)
                ledger.drop_folders()
    except (Refused, Failure) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=told(error, root))
    # The checkouts are git_checkout's to take back, and it says so.
    places = [item["path"] for item in removal.checkouts]
    own = [line for line in removal.goes if line not in places]
    module.exit_json(
        changed=bool(own),
        goes=removal.goes,
        stays=removal.stays,
        checkouts=removal.checkouts,
        diff={"before": "".join(line + "\n" for line in own), "after": ""},
    )


if __name__ == "__main__":
    main()
