#!/usr/bin/python
"""CPython interpreters under pyenv, from the plan to the proof."""

DOCUMENTATION = r"""
module: pyenv_python
short_description: Build and prove interpreters under pyenv
description:
  - C(state=present) builds the interpreters that are missing with C(pyenv install), imports what an incomplete build
    leaves out, and writes a stamp into the version's folder, last.
  - A folder without a stamp that is the user's own is taken over if the interpreter in it is complete, else refused.
    If it is a build of devrig's that was killed, it is built again; one that ended unseen is proved and kept.
  - C(state=proved) changes nothing. It puts every interpreter through the gate, and fails with what does not pass.
  - A second call at the same time waits for the first.
  - Instead of a compile a finished interpreter is taken where there is one of the same key; one that is damaged or not
    complete here is not kept, and the interpreter is built.
options:
  root:
    description: pyenv's folder (PYENV_ROOT).
    type: path
    required: true
  versions:
    description: Full CPython versions.
    type: list
    elements: str
    required: true
  global_versions:
    description: What C(pyenv global) shall be; empty for the first of I(versions).
    type: list
    elements: str
    default: []
  release:
    description: Code name of the release.
    type: str
    required: true
  checkouts:
    description: Checkouts that shall be there, as the module git_checkout takes them.
    type: list
    elements: dict
    default: []
  openssl:
    description: Which OpenSSL interpreters are built with; C(auto) leaves it to the plan.
    type: str
    choices: [auto, system, private, libssl1.0-dev]
    default: auto
  mirror_url:
    description: Mirror of source archives (PYTHON_BUILD_MIRROR_URL), empty for upstream. A password in it is for curl.
    type: str
    default: ""
  jobs:
    description: Parallel jobs; 0 for as many as cores and memory allow.
    type: int
    default: 0
  tkinter:
    description: Whether tkinter has to be there.
    type: bool
    default: true
  optimize:
    description: Whether interpreters are trained while they are built (PGO).
    type: bool
    default: false
  prune:
    description: Whether interpreters that devrig built and that are not in I(versions) any more are removed.
    type: bool
    default: false
  elsewhere:
    description: Those of I(versions) that another machine builds; they are left alone.
    type: list
    elements: str
    default: []
  archives:
    description: Version -> C(key), C(path) and C(sha256) of the archive of a finished interpreter, which then goes.
    type: dict
    default: {}
  prebuilt_url:
    description: Address of a folder of such archives; empty for none. A login in it is not said.
    type: str
    default: ""
  prebuilt_sha256:
    description: Key -> sha256. With any, no other archives of I(prebuilt_url) are taken.
    type: dict
    default: {}
  keep:
    description: Whether what is built becomes an archive.
    type: bool
    default: false
  state_dir:
    description: Folder of logs, of the ledger, which knows what C(pyenv global) was before, and of the lock.
    type: path
    required: true
  cache_dir:
    description: Folder of downloaded sources and of the build itself.
    type: path
    required: true
  state:
    description: See above.
    type: str
    choices: [present, proved]
    default: present
"""

RETURN = r"""
plans:
  description: One plan for each version; see module_utils/pyenv_plan.py.
  type: list
  elements: dict
  returned: always
host:
  description: What the plans were made for; see Host in module_utils/pyenv_plan.py.
  type: dict
  returned: always
headers:
  description: The C(package) of OpenSSL's headers that the machine shall have, and which of the two it has.
  type: dict
  returned: always
pruned:
  description: Versions that I(prune) removes.
  type: list
  elements: str
  returned: always
global:
  description: What C(pyenv global) shall be.
  type: list
  elements: str
  returned: always
kinds:
  description: Version -> name of what it depends on; interpreters of the same key can stand for each other.
  type: dict
  returned: always
absent:
  description: Those of C(missing) of which there is nothing that could be kept.
  type: list
  elements: str
  returned: always
missing:
  description: Versions that are not there, or not proved.
  type: list
  elements: str
  returned: always
stale_checkouts:
  description: Paths of checkouts that are missing, not whole or at another commit.
  type: list
  elements: str
  returned: always
recorded:
  description: Paths of all checkouts that devrig made or moved, those of other roles too.
  type: list
  elements: str
  returned: always
pending:
  description: Whether C(state=present) would change something.
  type: bool
  returned: always
distributions:
  description: Version -> what pip has put there, as NAME-VERSION.
  type: dict
  returned: always
shims:
  description: Names of pyenv's shims.
  type: list
  elements: str
  returned: always
different:
  description: What stays otherwise than it is planned now, and what to do.
  type: list
  elements: str
  returned: always
built:
  description: The interpreters made by this call, each with version, seconds, sources (addresses, or a key) and log.
  type: list
  elements: dict
  returned: always
unused:
  description: Finished interpreters that were there and not used, and what was not kept, with the reason, a line each.
  type: list
  elements: str
  returned: always
archives:
  description: With I(keep), archives of what was built, each with version, key, path and sha256. Also when a later
    version failed.
  type: list
  elements: dict
  returned: always
"""

import os

from ansible.module_utils import devrig_git
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_ledger import Ledger, Refused, told
from ansible.module_utils.pyenv_build import Failure, build, refuse_loss, take
from ansible.module_utils.pyenv_fetch import fetch
from ansible.module_utils.pyenv_look import WANTED, look
from ansible.module_utils.pyenv_plan import Refusal
from ansible.module_utils.pyenv_prebuilt import ENDING, FOLDER, Unusable, pack, sha256_of
from ansible.module_utils.pyenv_tree import (
    STAMP,
    Lock,
    current_global,
    discard,
    environments,
    is_ours,
    make_private,
    refuse_obstacles,
    remove,
    run,
    set_global,
)


def take_finished(item, key, params, unused):
    """Put a finished interpreter in place of a compile; return its report, or None where none can be used.

    :param key: of the interpreter, see key_of().
    :param unused: list of texts that gets why one that is there is not used.
    """
    brought = params["archives"].get(item.plan.version)
    address = params["prebuilt_url"]
    path = os.path.join(params["cache_dir"], FOLDER, "fetched" + ENDING)
    name = "%s/%s%s" % (devrig_git.address_of(address).url.rstrip("/"), key, ENDING)
    ways = []
    if brought:
        ways.append((key, brought["path"], lambda: check(brought, key)))
    if address:
        ways.append((name, path, lambda: fetch(address, key, path, params["prebuilt_sha256"])))
    for origin, archive, obtain in ways:
        try:
            if obtain():
                return take(item, archive, origin)
        except (Unusable, OSError) as error:
            unused.append("Python %s: %s is not used: %s" % (item.plan.version, origin, error))
    return None


def check(archive, key):
    """Return True where an archive that was brought is what it should be, else Unusable.

    :param archive: its C(key), C(path) and C(sha256).
    :param key: of what is wanted, now that the packages are there that it is built with.
    """
    if archive["key"] != key:
        raise Unusable("it is for %s" % archive["key"])
    if sha256_of(archive["path"]) != archive["sha256"]:
        raise Unusable("its sha256 is another than the one it should have")
    return True


def keep_finished(item, key, params):
    """Pack an interpreter that was built; return what there is to say of the archive."""
    path = os.path.join(params["cache_dir"], FOLDER, key + ENDING)
    pack(item.folder, path)
    return {"version": item.plan.version, "key": key, "path": path, "sha256": sha256_of(path)}


def make_present(interpreters, seen, params):
    """Build what is missing, take over what is complete, set the global list, prune; what was done goes into seen."""
    root = params["root"]
    finished = os.path.join(params["cache_dir"], FOLDER)
    ledger = Ledger(os.path.join(params["state_dir"], "ledger.json"))
    with ledger.locked():
        for folder in [params["cache_dir"]] + [os.path.join(root, name) for name in ("versions", "shims")]:
            ledger.make_folder(folder)
    with Lock(params["state_dir"]) as lock:
        make_private(finished)
        try:
            for item in interpreters:
                if item.plan.version not in params["elsewhere"]:
                    make_one(item, seen, params, lock)
        finally:
            discard_others(finished, [archive["path"] for archive in seen["archives"]])
        # Not before all are there: until then `python` is what it was.
        complete = all(item.state() == "proved" for item in interpreters)
        if complete and current_global(root) != seen["global"]:
            set_global(root, seen["global"], ledger)
        for version in seen["pruned"] if complete else ():
            # Another run may have been faster, and a person too.
            if is_ours(root, version) and not environments(root, version):
                remove(root, version)
        rehash = run([os.path.join(root, "bin", "pyenv"), "rehash"], env=dict(os.environ, PYENV_ROOT=root))
        if rehash.returncode:
            raise Failure("pyenv rehash: %s" % rehash.stderr)


def make_one(item, seen, params, lock):
    """Build an interpreter, unless it is there, or a finished one can be had; what was done goes into seen."""
    state, version = item.state(), item.plan.version
    key = seen["kinds"][version]
    if state == "proved":
        item.tidy()
        return
    if state in ("built", "foreign") and not item.faults():
        item.prove({"version": version, "log": item.log} if state == "built" else None)
        return
    refuse_obstacles([item])
    refuse_loss(item, params["root"])
    report = take_finished(item, key, params, seen["unused"])
    if report is None:
        report = build(item, params["root"], params, lock)
        if params["keep"]:
            try:
                seen["archives"].append(keep_finished(item, key, params))
            except (Unusable, OSError) as error:
                seen["unused"].append("Python %s is not kept for other machines: %s" % (version, error))
    seen["built"].append(report)


def discard_others(folder, wanted):
    """Remove a folder with all that is in it but some files, whose folder it stays."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            discard(path)
        elif path not in wanted:
            os.unlink(path)
    if not wanted:
        os.rmdir(folder)


def prove_all(interpreters):
    """Put every interpreter through the gate; Failure names those that do not pass."""
    faults = ["Python %s: %s" % (item.plan.version, fault) for item in interpreters for fault in item.faults()]
    if faults:
        raise Failure("\n".join(faults))


def state_text(root, versions):
    """Return what is there of versions, proved, and of the global list, as text for a diff."""
    there = [name for name in versions if os.path.exists(os.path.join(root, "versions", name, STAMP))]
    return "".join("Python %s\n" % name for name in there) + "global: %s\n" % " ".join(current_global(root))


def future_text(seen, versions):
    """Return what state_text() will be when all is done."""
    return "".join("Python %s\n" % name for name in versions) + "global: %s\n" % " ".join(seen["global"])


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **WANTED,
            "mirror_url": {"type": "str", "default": ""},
            "jobs": {"type": "int", "default": 0},
            "elsewhere": {"type": "list", "elements": "str", "default": []},
            "archives": {"type": "dict", "default": {}},
            "prebuilt_url": {"type": "str", "default": ""},
            "prebuilt_sha256": {"type": "dict", "default": {}},
            "keep": {"type": "bool", "default": False},
            "state_dir": {"type": "path", "required": True},
            "cache_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "proved"], "default": "present"},
        },
        supports_check_mode=True,
    )
    params = module.params
    devrig_git.keep_secret(module, [item.get("repo") or "" for item in params["checkouts"]])
    root, state = params["root"], params["state"]
    # Addresses may be seen, what opens them not.
    for name in ("mirror_url", "prebuilt_url"):
        module.no_log_values.update(devrig_git.secrets_of(devrig_git.address_of(params[name]), params[name]))
    result = {}
    try:
        interpreters, result = look(params)
        changes = result["pending"] and state == "present"
        concerned = params["versions"] + result["pruned"]
        before, after = state_text(root, concerned), future_text(result, params["versions"])
        if state == "proved":
            prove_all(interpreters)
        if changes and not module.check_mode:
            make_present(interpreters, result, params)
            for line in result["unused"]:
                module.warn(line)
    except (Refusal, Refused, Failure, devrig_git.Failure) as error:
        module.fail_json(msg=str(error), archives=result.get("archives", []))
    except OSError as error:
        module.fail_json(msg=told(error, root), archives=result.get("archives", []))
    if changes:
        result["diff"] = {"before": before, "after": after}
    module.exit_json(changed=changes, **result)


if __name__ == "__main__":
    main()
