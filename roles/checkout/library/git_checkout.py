#!/usr/bin/python
"""Git checkouts in a home folder, each at one commit, and the way back."""

DOCUMENTATION = r"""
module: git_checkout
short_description: Bring git checkouts to their commits and lose nothing that is in them
description:
  - A checkout that is not there is made beside its place, proved, and renamed into it. Killed in between, the next
    run takes away what is left. One that is at its commit and complete is left alone, and no network is asked.
  - A person's own checkout is moved to the commit, unless files in it were changed; commits on no branch get one.
    I(state=absent) brings it back to its commit and branch.
  - Lock files of a git that was killed are removed; while one is alive, it is refused with the number of its process.
  - A login in a URL is given to git alone. It is in no message, no log, no ledger and no configuration.
  - What was there before is remembered in I(state_dir)/ledger.json.
options:
  checkouts:
    description:
      - The checkouts. Each has C(path) (absolute), C(repo) (URL or path) and C(version), a commit's 40 digits or a tag.
      - C(depth) of history (0, all). C(repo_setting) and C(version_setting) are the settings that messages name.
      - C(existing) says what a checkout is that the ledger does not know. C(adopt) takes it for a person's and moves
        it, C(refuse) leaves it alone and fails, C(ours) takes it for one of an earlier devrig.
      - C(generated) are paths in it that programs write, C(helptags) makes the tags of the help of a plugin of vim's.
      - With I(state=absent) C(path), C(existing) if it is C(ours), and C(generated) if there is more of it.
    type: list
    elements: dict
    required: true
  below:
    description: Checkouts of devrig's below this folder that are not among I(checkouts) are taken away.
    type: path
  old_record:
    description: Whether the record of vim's plugins of older devrigs, whose places are below I(below), is taken over.
    type: bool
    default: false
  state_dir:
    description: Folder of the ledger; made when it is missing.
    type: path
    required: true
  state:
    description: C(present) brings them; C(absent) gives back what was there, and keeps what a person changed.
    type: str
    choices: [present, absent]
    default: present
  need_git:
    description: Whether a machine without git is an error. Otherwise nothing is done there, and that is said.
    type: bool
    default: true
"""

RETURN = r"""
checkouts:
  description:
    - What was done with each. C(action) is one of unchanged, cloned, replaced, moved, repaired, left out, and removed,
      restored, kept, absent. C(before) and C(after) are commits. C(said) is what a person should know.
  type: list
  elements: dict
  returned: always
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_checkout import (
    SECTION,
    Done,
    bring,
    leftovers,
    plan_absent,
    plan_of,
    recorded,
    take_back,
    take_over,
    take_over_places,
    wanted_of,
)
from ansible.module_utils.devrig_git import Failure, Repository, keep_secret
from ansible.module_utils.devrig_ledger import Ledger, Refused, told


def superfluous(ledger, below, wanted):
    """Return the paths of checkouts below a folder that are in the ledger and not asked for."""
    if not below:
        return []
    asked = {item.path for item in wanted}
    inside = os.path.join(below, "")
    return [path for path in sorted(ledger.section(SECTION)) if path.startswith(inside) and path not in asked]


def present(wanted, gone, ledger, git, dry):
    """Take away what is not asked for any more, bring what is; return a list of Done. All is looked at before."""
    entries = ledger.section(SECTION)
    ends = [(path, plan_absent(path, entries[path], git)) for path in gone]
    for path, (action, why) in ends:
        if action == "kept":
            raise Refused(
                "%s is not asked for any more and would be removed, but %s: move it away, then run again" % (path, why)
            )
    plans = [(item, plan_of(item, entries.get(item.path), git)) for item in wanted]
    done = take_all(ends, ledger, dry)
    for item, plan in plans:
        # A clone that was killed has left a folder beside: that it goes is a change, too.
        action = "repaired" if plan.action == "unchanged" and leftovers(item.path) else plan.action
        after, said = item.version, []
        if dry:
            after = plan.head if action in ("unchanged", "repaired") else item.version
        else:
            after, said = bring(item, plan, ledger)
        done.append(Done(item.path, action, plan.head, after, said))
    return done


def take_all(ends, ledger, dry):
    """Take checkouts back; return a list of Done."""
    done = []
    for path, (action, why) in ends:
        head = Repository(path).head()[0]
        after = {"removed": None, "restored": ledger.section(SECTION)[path]["before"]}.get(action, head)
        said = ["%s stays: %s" % (path, why)] if action == "kept" else []
        if not dry:
            take_back(path, action, ledger)
        done.append(Done(path, action, head, after["commit"] if isinstance(after, dict) else after, said))
    return done


def absent(generated, ledger, git, dry):
    """Take checkouts back that are in the ledger; return a list of Done.

    :param generated: path -> what is in the checkout that is no reason to keep it, besides what the ledger says.
    """
    ends = []
    for path, more in generated.items():
        entry = ledger.section(SECTION).get(path)
        if entry:
            entry = dict(entry, generated=list(entry.get("generated", ())) + list(more or ()))
            ends.append((path, plan_absent(path, entry, git)))
    done = take_all(ends, ledger, dry)
    if not dry:
        ledger.drop_folders()
    return done


def line(path, commit):
    """Return what a diff shows of a checkout."""
    return "%s at %s\n" % (path, commit) if commit else ""


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "checkouts": {"type": "list", "elements": "dict", "required": True, "no_log": True},
            "below": {"type": "path"},
            "old_record": {"type": "bool", "default": False},
            "state_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "need_git": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    params, dry = module.params, module.check_mode
    keep_secret(module, [item.get("repo") or "" for item in params["checkouts"]])
    git = shutil.which("git") is not None
    here = params["state_dir"]
    try:
        ledger = Ledger(os.path.join(here, "ledger.json"))
        if params["state"] == "present" and not git and not dry and params["checkouts"]:
            if params["need_git"]:
                raise Refused("git is not there: install it, or run without --tags")
            module.exit_json(changed=False, checkouts=[left_out(item["path"]) for item in params["checkouts"]])
        with ledger.locked(dry):
            if params["old_record"]:
                take_over(ledger, params["below"])
            if params["state"] == "present":
                wanted = [wanted_of(item) for item in params["checkouts"]]
                done = present(wanted, superfluous(ledger, params["below"], wanted), ledger, git, dry)
                if not dry and any(item.action == "removed" for item in done):
                    ledger.drop_folders()
            else:
                take_over_places(ledger, params["checkouts"])
                generated = {os.path.normpath(item["path"]): item.get("generated") for item in params["checkouts"]}
                generated.update(dict.fromkeys(superfluous(ledger, params["below"], []), ()))
                done = absent(generated, ledger, git, dry)
            known = recorded(ledger)
    except (Refused, Failure) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=told(error, here))
    for item in done:
        for said in item.said:
            module.warn(said)
    module.exit_json(
        changed=any(item.action not in ("unchanged", "kept", "absent") for item in done),
        checkouts=[dict(item._asdict()) for item in done],
        recorded=known,
        diff={
            "before": "".join(line(item.path, item.before) for item in done if item.before != item.after),
            "after": "".join(line(item.path, item.after) for item in done if item.before != item.after),
        },
    )


def left_out(path):
    """Return the answer for a checkout that is left out."""
    return {"path": path, "action": "left out", "before": None, "after": None, "said": ["git is not there"]}


if __name__ == "__main__":
    main()
