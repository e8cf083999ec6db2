"""What of pyenv is taken back, and what stays: the decision, and what it is made of."""

import os
import re
from collections import namedtuple

from ansible.module_utils.devrig_checkout import SECTION, plan_absent, was_theirs
from ansible.module_utils.devrig_ledger import Refused
from ansible.module_utils.pyenv_tree import (
    GLOBALS,
    STAMP,
    discard,
    environments,
    is_ours,
    log_of,
    read_file,
    read_json,
    remove,
    restore_global,
)

#: One entry of versions/. kind: ours (devrig built it), theirs (a person's interpreter or environment).
#: environments: names of virtual environments in it. mib: its size. stamped: a person's, with a stamp of devrig's.
Version = namedtuple("Version", "name kind environments mib stamped")
#: goes, stays: lines for a person. versions: names of those that are removed. checkouts: those that are asked to go,
#: as the module git_checkout takes them. anything: whether there is something to ask for.
Removal = namedtuple("Removal", "goes stays versions checkouts anything")
#: What devrig keeps below pyenv_cache_dir. Others may lie there, too.
CACHES = re.compile(
    r"devrig-(sources|build|recipes|pip|prebuilt|interpreters|bundle)$|openssl-[\w.]+-[0-9a-f]{12}(\.new)?$"
)


def decide(root, versions, checkouts, caches, *, made, users, back):
    """Decide what goes and what stays.

    :param root: pyenv's folder.
    :param versions: list of Version.
    :param checkouts: list of (path, action, why) as plan_absent() has them, judged as if what goes were gone.
    :param made: what is in pyenv's own checkout that is no reason to keep it, as paths below it.
    :param caches: list of (path, size in MiB).
    :param users: version -> folders of virtual environments elsewhere that run on it.
    :param back: what `pyenv global` becomes again in a pyenv that stays; None where it is not devrig's.
    :return: a Removal.
    """
    goes, stays, gone = [], [], []
    for version in versions:
        if version.kind == "ours" and not version.environments:
            gone.append(version.name)
            goes.append("Python %s (%d MB)" % (version.name, version.mib))
            stays += [
                "%s stays, and needs Python %s, which goes" % (path, version.name) for path in users[version.name]
            ]
        elif version.kind == "ours":
            names = ", ".join(version.environments)
            stays.append("Python %s stays: it has virtual environments of yours (%s)" % (version.name, names))
        elif version.stamped:
            stays.append("Python %s stays: it is yours, with the pip and pipenv that were put into it" % version.name)
            goes.append("the mark in Python %s" % version.name)
        else:
            stays.append("%s stays: it is yours" % version.name)
    asked = []
    for path, action, why in checkouts:
        if action == "kept":
            stays.append("%s stays: %s" % (path, why))
            continue
        asked.append({"path": path, "generated": made if path == root else []})
        if action != "absent":  # the ledger alone has to forget it
            goes.append(path if action == "removed" else "the commit of %s, which goes back to yours" % path)
    if back is not None:
        goes.append("the global list, which becomes %s again" % (" ".join(back.split()) or "empty"))
    goes += ["%s (%d MB)" % (path, mib) for path, mib in caches]
    return Removal(goes, stays, gone, asked, bool(goes))


def size_of(path):
    """Return the size of a file or folder on the disk, in MiB."""
    total = os.lstat(path).st_blocks
    for folder, folders, names in os.walk(path):
        total += sum(os.lstat(os.path.join(folder, name)).st_blocks for name in folders + names)
    return total * 512 // 2**20


def versions_of(root):
    """Return a Version for each entry of pyenv's versions/."""
    folder = os.path.join(root, "versions")
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        ours = not os.path.islink(path) and is_ours(root, name)
        stamp = os.path.join(path, STAMP)
        stamped = not os.path.islink(path) and os.path.exists(stamp) and not read_json(stamp).get("built")
        inside = environments(root, name) if ours else []
        found.append(Version(name, "ours" if ours else "theirs", inside, size_of(path) if ours else 0, stamped))
    return found


def users_of(root, names, home):
    """Return version -> folders of pipenv's environments that run on it (PEP 405: the key home of pyvenv.cfg)."""
    folder = os.path.join(home, ".local/share/virtualenvs")
    found = {name: [] for name in names}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name, "pyvenv.cfg")
        there = read_file(path) if os.path.isfile(path) else None
        match = re.search(r"^home *= *(.*?)/*$", there["text"], re.MULTILINE) if there else None
        for version in names:
            if match and match.group(1) == os.path.join(root, "versions", version, "bin"):
                found[version].append(os.path.join(folder, name))
    return found


def caches_of(cache_dir, state_dir):
    """Return (path, size in MiB) of what devrig keeps of downloads, private OpenSSLs and logs."""
    names = sorted(os.listdir(cache_dir)) if os.path.isdir(cache_dir) else []
    found = [os.path.join(cache_dir, name) for name in names if CACHES.match(name)]
    logs = os.path.dirname(log_of("", state_dir))
    return [(path, size_of(path)) for path in found + ([logs] if os.path.isdir(logs) else [])]


def generated_by(root, versions, plugins, ledger):
    """Return what is in pyenv's folder that goes with the versions, as paths below it.

    The global list is among it where devrig wrote it, or where it names nothing that stays.
    """
    made = ["shims"] + [os.path.relpath(path, root) for path in plugins]
    made += [os.path.join("versions", name) for name in versions]
    there = read_file(os.path.join(root, "version"))
    entry = ledger.section(GLOBALS).get(os.path.join(root, "version"))
    names = set(there["text"].split()) if there else set()
    if there and entry and (there["text"] == entry["wrote"] or names <= set(versions) | {"system"}):
        made.append("version")
    return made


def global_before(root, ledger):
    """Return the text that the global list had before devrig set it; None where it is not devrig's now."""
    path = os.path.join(root, "version")
    entry, there = ledger.section(GLOBALS).get(path), read_file(path)
    if not entry or not there or there["text"] != entry["wrote"]:
        return None
    return entry["before"]["text"] if entry["before"] else ""


def plan_removal(params, ledger, git):
    """Return the Removal of what is there; nothing is changed.

    :param params: root, plugins (paths of checkouts below it), cache_dir, state_dir.
    :param git: whether git is there to look.
    """
    root, entries = params["root"], ledger.section(SECTION)
    versions = versions_of(root)
    gone = [version.name for version in versions if version.kind == "ours" and not version.environments]
    checkouts = [(path,) + plan_absent(path, entries[path], git) for path in params["plugins"] if path in entries]
    removed = [path for path, action, _ in checkouts if action == "removed"]
    made = []
    if root in entries:
        made = generated_by(root, gone, removed, ledger)
        entry = dict(entries[root], generated=list(entries[root].get("generated", ())) + made)
        checkouts.append((root,) + plan_absent(root, entry, git))
    users = users_of(root, gone, os.path.expanduser("~"))
    back = None if (root, "removed", "") in checkouts else global_before(root, ledger)
    caches = caches_of(params["cache_dir"], params["state_dir"])
    return decide(root, versions, checkouts, caches, made=made, users=users, back=back)


def take_away(removal, params, ledger, rehash):
    """Remove what goes but for the checkouts, under the ledger's lock; killed at any point, the next run goes on.

    :param rehash: function that makes pyenv's shims anew, for a pyenv that stays.
    """
    root = params["root"]
    for name in removal.versions:
        remove(root, name)
    for version in versions_of(root):
        if version.stamped:
            os.unlink(os.path.join(root, "versions", version.name, STAMP))
    restore_global(root, ledger)
    if root in [item["path"] for item in removal.checkouts] and not was_theirs(ledger.section(SECTION)[root]):
        discard(os.path.join(root, "shims"))
        path = os.path.join(root, "version")
        if os.path.exists(path):
            os.unlink(path)
    elif os.path.isdir(os.path.join(root, "shims")):
        rehash()
    for path, _ in caches_of(params["cache_dir"], params["state_dir"]):
        discard(path)


def refuse_moved(root):
    """Refused where pyenv_root is not a folder."""
    if os.path.lexists(root) and not os.path.isdir(root):
        raise Refused("%s is no folder: is pyenv_root the one of the first run?" % root)
