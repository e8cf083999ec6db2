#!/usr/bin/python
"""Write, or take back, the files that devrig keeps in a home folder."""

DOCUMENTATION = r"""
module: dotfile
short_description: Write files into a home folder and lose nothing that was there
description:
  - Writes all of a role's home files in one call. Each file is written beside its place and renamed over it,
    so that a reader sees the old file or the new one, never half of one.
  - A file that devrig did not write, or that was edited since, is first copied into a dated backup folder.
    A symbolic link is kept there as a link; what it points to is not touched.
  - What was written is remembered in I(state_dir)/dotfiles.json, so that C(state=absent) can give back what was there.
options:
  files:
    description: The files. Each has C(path) (absolute), C(content) (text) and C(mode) (octal text, 0644).
    type: list
    elements: dict
    required: true
  state_dir:
    description: Folder of the record and of the backups; made when it is missing.
    type: path
    required: true
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
recorded:
  description: The paths of all files that devrig has in the record, those of other calls too.
  type: list
  elements: str
  returned: always
backups:
  description: The backups made by this call.
  type: list
  elements: str
  returned: always
"""

import hashlib
import json
import os
import shutil
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text


class Refused(Exception):
    """A request that is refused before anything is changed; the message says what to do."""


def sha256(data):
    """Return the hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def read(path):
    """Return the bytes of a file, or None where there is none (a dangling link counts as none)."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def write_atomically(path, data, mode):
    """Write bytes to a path so that it holds the old content or the new, also after a crash.

    The parent folder is made when it is missing. A link at the path is replaced, not followed.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix="." + os.path.basename(path) + ".", dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
    sync_folder(folder)


def sync_folder(folder):
    """Make a rename in the folder durable (fsync(2): the folder needs a sync of its own)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Record:
    """What devrig wrote into a home folder: path -> sha256 of the content, and the backup of what was there first."""

    def __init__(self, state_dir):
        """Read the record of a state folder; Refused where it is not one."""
        self.path = os.path.join(state_dir, "dotfiles.json")
        data = read(self.path)
        try:
            self.files = json.loads(to_text(data))["files"] if data else {}
        except (ValueError, KeyError, TypeError):
            raise Refused("%s is not a record of devrig's: move it away, then run again" % self.path)

    def save(self):
        """Write the record."""
        text = json.dumps({"files": self.files}, indent=2, sort_keys=True) + "\n"
        write_atomically(self.path, to_bytes(text), 0o600)


def decide(current, wanted, recorded):
    """Say what has to be done with a file.

    :param current: sha256 of what is there, "link" for a symbolic link, None for nothing.
    :param wanted: sha256 of what shall be there.
    :param recorded: sha256 of what devrig wrote there last, None if it never did.
    :return: unchanged, created, updated (ours and untouched) or replaced (somebody else's content: back it up).
    """
    if current == wanted:
        return "unchanged"
    if current is None:
        return "created"
    return "updated" if current == recorded else "replaced"


def decide_absent(current, recorded, backup):
    """Say what has to be done to take a file back; arguments as in decide(), backup is the path of the first backup.

    :return: absent (nothing of ours), kept (edited since), restored (the first backup goes back) or removed.
    """
    if recorded is None or current is None:
        return "absent"
    if current != recorded:
        return "kept"
    return "restored" if backup else "removed"


def fingerprint(path):
    """Return "link" for a symbolic link, the sha256 of a file's content, None where nothing is."""
    if os.path.islink(path):
        return "link"
    data = read(path)
    return None if data is None else sha256(data)


def backup_of(path, root, home):
    """Return the path of a file's backup below a dated folder: its place in the home folder, or its whole path."""
    inside = os.path.relpath(path, home)
    if inside.startswith(os.pardir):
        inside = path.lstrip(os.sep)
    return os.path.join(root, inside)


def dated_folder(state_dir):
    """Return the name of a backup folder that does not exist yet, named for the time in UTC."""
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    folder = os.path.join(state_dir, "backup", stamp)
    number = 1
    while os.path.lexists(folder):
        number += 1
        folder = os.path.join(state_dir, "backup", "%s-%d" % (stamp, number))
    return folder


def keep(path, copy):
    """Copy a file, or a link as a link, with its times and mode to a path that must not exist."""
    os.makedirs(os.path.dirname(copy), mode=0o700, exist_ok=True)
    shutil.copy2(path, copy, follow_symlinks=False)
    if not os.path.islink(copy):
        with open(copy, "rb") as stream:
            os.fsync(stream.fileno())
    sync_folder(os.path.dirname(copy))


def checked(files):
    """Return the files as (path, bytes, mode) and refuse what cannot be written, before anything is."""
    result = []
    for item in files:
        path, content = item.get("path"), item.get("content")
        if not path or content is None:
            raise Refused("each file needs a path and a content: %s" % (item,))
        if not os.path.isabs(path):
            raise Refused("%s: the path must be absolute" % path)
        if os.path.isdir(path):
            raise Refused("%s is a folder and a file has to go there: move the folder away, then run again" % path)
        try:
            mode = int(str(item.get("mode", "0644")), 8)
        except ValueError:
            raise Refused("%s: mode %s is not octal; write it as '0644'" % (path, item["mode"]))
        folder = os.path.dirname(path)
        while not os.path.isdir(folder):
            if os.path.lexists(folder):
                raise Refused("%s is in the way: a folder has to be there; move it away, then run again" % folder)
            folder = os.path.dirname(folder)
        if not os.access(folder, os.W_OK):
            raise Refused("%s cannot be written by this user: give it back with chown, then run again" % folder)
        result.append((path, to_bytes(content), mode))
    return result


def text_of(path):
    """Return what a diff shows of a path."""
    if os.path.islink(path):
        return "link to %s\n" % os.readlink(path)
    return to_text(read(path) or b"", errors="replace")


def present(files, record, folder, home, dry):
    """Write the files; return a list of (path, action, backup or None, text before, text after)."""
    done = []
    for path, data, mode in files:
        known = record.files.get(path, {})
        current = fingerprint(path)
        action = decide(current, sha256(data), known.get("sha256"))
        same_mode = current in (None, "link") or (os.stat(path).st_mode & 0o7777) == mode
        if action == "unchanged" and known and not same_mode:
            action = "updated"
        copy = backup_of(path, folder, home) if action == "replaced" else None
        done.append((path, action, copy, text_of(path), to_text(data)))
        if dry:
            continue
        if copy:
            keep(path, copy)
        if action == "unchanged" and not known:
            continue  # the user's own file with the same content: not ours to take away later
        # The record first: killed between the two, the next run still knows what to give back.
        entry = {"sha256": sha256(data), "backup": known.get("backup") if known else copy}
        if entry != known:
            record.files[path] = entry
            record.save()
        if action != "unchanged":
            write_atomically(path, data, mode)
    return done


def absent(files, record, dry):
    """Take the files back; the result is that of present()."""
    done = []
    for path, *_ in files:
        known = record.files.get(path, {})
        action = decide_absent(fingerprint(path), known.get("sha256"), known.get("backup"))
        after = "" if action == "removed" else text_of(known["backup"] if action == "restored" else path)
        done.append((path, action, None, text_of(path), after))
        if dry:
            continue
        if action == "restored":
            beside = path + ".devrig-restored"
            if os.path.lexists(beside):
                os.unlink(beside)
            shutil.copy2(known["backup"], beside, follow_symlinks=False)
            os.replace(beside, path)
        elif action == "removed":
            os.unlink(path)
        if known and action != "kept":
            del record.files[path]
            record.save()
    return done


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True},
            "state_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    state_dir = module.params["state_dir"]
    try:
        if module.params["state"] == "present":
            files = checked(module.params["files"])
            home = os.path.expanduser("~")
            record = Record(state_dir)
            done = present(files, record, dated_folder(state_dir), home, module.check_mode)
        else:
            files = [(item["path"], None, None) for item in module.params["files"]]
            record = Record(state_dir)
            done = absent(files, record, module.check_mode)
    except Refused as error:
        module.fail_json(msg=to_native(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (error.filename or state_dir, error.strerror))
    diff = [
        {"before_header": path, "after_header": path, "before": before, "after": after}
        for path, _, _, before, after in done
        if before != after
    ]
    module.exit_json(
        changed=any(action not in ("unchanged", "absent", "kept") for _, action, *_ in done),
        files=[{"path": path, "action": action, "backup": copy} for path, action, copy, *_ in done],
        recorded=sorted(record.files),
        backups=[copy for _, _, copy, *_ in done if copy],
        diff=diff,
    )


if __name__ == "__main__":
    main()
