"""What there is of interpreters on a machine, and what has to be done for those that are wanted. Nothing is changed."""

import os
import shutil

from ansible.module_utils.devrig_checkout import SECTION, leftovers, plan_of, recorded, wanted_of
from ansible.module_utils.devrig_ledger import Ledger
from ansible.module_utils.pyenv_host import architecture, displaced, read_host
from ansible.module_utils.pyenv_plan import (
    CHOICES,
    Refusal,
    concerns_legacy,
    global_versions,
    headers,
    host_of,
    plan,
    plan_all,
)
from ansible.module_utils.pyenv_prebuilt import key_of
from ansible.module_utils.pyenv_tree import Interpreter, current_global, dropped, environments, refuse_obstacles

#: What is said of the interpreters that are wanted, as arguments of a module.
WANTED = {
    "root": {"type": "path", "required": True},
    "versions": {"type": "list", "elements": "str", "required": True},
    "global_versions": {"type": "list", "elements": "str", "default": []},
    "release": {"type": "str", "required": True},
    "checkouts": {"type": "list", "elements": "dict", "default": [], "no_log": True},
    "openssl": {"type": "str", "choices": list(CHOICES), "default": "auto"},
    "tkinter": {"type": "bool", "default": True},
    "optimize": {"type": "bool", "default": False},
    "prune": {"type": "bool", "default": False},
}


def headers_for(plans, installed):
    """Return the package of OpenSSL's headers that the machine shall have, and whether it is there.

    Refusal when apt would remove more than the other one for it.
    """
    package = headers(plans, installed)
    lost = displaced(package) if installed and package not in installed else ()
    if lost:
        raise Refusal(
            "%s has to take the place of %s, and apt would remove %s with it: remove them yourself, "
            "or set pyenv_openssl to private" % (package, ", ".join(installed), ", ".join(lost))
        )
    return {
        "package": package,
        "installed": package in installed,
        "other": bool(installed) and package not in installed,
    }


def look(params, offered=()):
    """Return (interpreters, what there is to say and to do), and refuse what cannot work. Nothing is changed.

    :param params: what is WANTED, and state_dir, the ledger's folder.
    :param offered: versions that can be had here, empty for all. Others that are missing are refused.
    """
    root, versions = params["root"], params["versions"]
    found = read_host(concerns_legacy(versions, params["openssl"]))
    host = host_of(params["release"], openssl=found.openssl, gcc=found.gcc, glibc=found.glibc)
    if found.asked:
        host = host._replace(legacy=found.legacy)
    pyenv_version = params["checkouts"][0]["version"] if params["checkouts"] else None
    options = {"pyenv_version": pyenv_version, "choice": params["openssl"]}
    options.update({name: params[name] for name in ("tkinter", "optimize")})
    plans = plan_all(versions, host, **options)
    chosen = global_versions(params["global_versions"], versions)
    package = headers_for(plans, found.installed)
    interpreters = [Interpreter(wanted, root, params["state_dir"]) for wanted in plans]
    ledger = Ledger(os.path.join(params["state_dir"], "ledger.json"))
    stale = stale_checkouts(params["checkouts"], ledger)
    refuse_obstacles(interpreters)
    states = {item.plan.version: item.state() for item in interpreters}
    missing = [version for version in versions if states[version] != "proved"]
    absent = [version for version in missing if states[version] in ("missing", "killed")]
    refuse_unoffered(absent, offered)
    superfluous = dropped(root, versions)
    held = [version for version in superfluous if environments(root, version)]
    pruned = [version for version in superfluous if version not in held] if params["prune"] else []
    shims = os.path.join(root, "shims")
    shims = sorted(os.listdir(shims)) if os.path.isdir(shims) else []
    alone = [plan(version, host, **options) for version in versions]
    return interpreters, {
        "plans": [wanted._asdict() for wanted in plans],
        "host": host._asdict(),
        "headers": package,
        "kinds": {
            item.version: key_of(
                item,
                host,
                release=params["release"],
                machine=architecture(),
                pyenv_version=pyenv_version,
                environ=os.environ,
            )
            for item in plans
        },
        "absent": absent,
        "missing": missing,
        "pruned": pruned,
        "global": chosen,
        "stale_checkouts": stale,
        "recorded": recorded(ledger),
        "pending": bool(missing or pruned) or current_global(root) != chosen or "python" not in shims,
        "distributions": {item.plan.version: item.distributions() for item in interpreters},
        "shims": shims,
        "different": differences(interpreters, alone) + (kept(root, held) if params["prune"] else []),
        "built": [],
        "archives": [],
        "unused": [],
    }


def refuse_unoffered(absent, offered):
    """Refuse interpreters that a bundle does not have: without a network there is no other way to one."""
    lacking = [version for version in absent if version not in offered]
    if offered and lacking:
        raise Refusal(
            "Python %s is not in this bundle, which has %s: make one that has it where there is a network (bundle.yml)"
            % (", ".join(lacking), ", ".join(offered))
        )


def stale_checkouts(checkouts, ledger):
    """Return the paths of checkouts that are not as they shall be; Refused where something is in the way."""
    git, entries = shutil.which("git") is not None, ledger.section(SECTION)
    found = []
    for item in map(wanted_of, checkouts):
        if plan_of(item, entries.get(item.path), git).action != "unchanged" or leftovers(item.path):
            found.append(item.path)
    return found


def differences(interpreters, alone):
    """Return what was built otherwise than it is planned now, a line each.

    :param alone: the plans of the versions as if each were the only one, which are as good.
    """
    return [
        "Python %s stays as it was built: %s. To build it anew: pyenv uninstall %s, then run again"
        % (item.plan.version, difference, item.plan.version)
        for item, alternative in zip(interpreters, alone)
        if item.state() == "proved"
        for difference in item.differs(alternative)
    ]


def kept(root, versions):
    """Return why versions are not pruned, a line each."""
    return [
        "Python %s stays: it has virtual environments (%s)" % (version, ", ".join(environments(root, version)))
        for version in versions
    ]
