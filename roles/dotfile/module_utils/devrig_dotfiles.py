"""What has to be done for files of a home folder, and how: the module dotfile and preflight's look ask here."""

import contextlib
import difflib
import errno
import hashlib
import os
import re
import shutil
import stat
import time
from collections import namedtuple

from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.module_utils.devrig_ledger import (
    Refused,
    drop_temporary,
    missing_folders,
    sync_folder,
    temporary_prefix,
    write_atomically,
)

DATED = r"\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?\Z"  # the name of a backup folder
SHOWN = 20  # lines of an edit that a warning shows; a longer one is in the answer

#: A line of an edit that is nothing for a screen, a log, an answer.
SECRET = re.compile(r"PRIVATE KEY|(TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL)[\w-]*[\"']?[=:\s]", re.IGNORECASE)

#: What a call of the module is about. home: the user's folder; existing: adopt, backup or refuse; dry: check mode.
Call = namedtuple("Call", "ledger home state_dir existing dry")


# --- what is there


def digest_of(data):
    """Return the hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def read(path):
    """Return the bytes of a file, or None where there is none (a dangling link counts as none)."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def fingerprint(path):
    """Return "link" for a symbolic link, the sha256 of a file's content, None where nothing is."""
    if os.path.islink(path):
        return "link"
    data = read(path)
    return None if data is None else digest_of(data)


def identity(path):
    """Return what makes two files the same to a user: content or where a link leads, mode, time. None for no file."""
    try:
        there = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(there.st_mode):
        return ("link", os.readlink(path))
    if not stat.S_ISREG(there.st_mode):
        return ("other",)
    return (digest_of(read(path)), stat.S_IMODE(there.st_mode), there.st_mtime_ns)


def read_through(path):
    """Return the bytes that a path leads to, None where there is no file that can be read."""
    try:
        return read(path) if os.path.isfile(path) else None
    except OSError:
        return None


def text_of(path):
    """Return what a diff shows of a path."""
    if os.path.islink(path):
        return "link to %s\n" % os.readlink(path)
    return to_text(read_through(path) or b"", errors="replace")


# --- copies


def copy_private(source, target):
    """Copy a file to where none is; nobody else can read the copy before it has the mode of its source."""
    with open(source, "rb") as old, os.fdopen(
        os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
    ) as new:
        shutil.copyfileobj(old, new)
        new.flush()
        shutil.copystat(source, target)
        os.fsync(new.fileno())


def copy_atomically(source, target):
    """Copy a file, or a link as a link, with its mode and times; the target is all there or as it was."""
    folder = os.path.dirname(target)
    drop_temporary(target)
    beside = os.path.join(folder, temporary_prefix(target) + "copy")
    try:
        if os.path.islink(source):
            shutil.copy2(source, beside, follow_symlinks=False)
        else:
            copy_private(source, beside)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
    sync_folder(folder)


def move_atomically(source, target):
    """Move a file or a link over another one, to another file system too."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_atomically(source, target)
        os.unlink(source)
    sync_folder(os.path.dirname(target))


def place_of(path, home):
    """Return a path's place below a backup folder: the one in the home folder, else the whole path."""
    place = os.path.relpath(path, home)
    return path.lstrip(os.sep) if place.split(os.sep)[0] == os.pardir else place


def backups_of(state_dir):
    """Return the folder of all backups."""
    return os.path.join(state_dir, "backup")


def dated_folder(state_dir):
    """Return the name of a backup folder that does not exist yet, named for the time in UTC."""
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    folder = os.path.join(backups_of(state_dir), stamp)
    number = 1
    while os.path.lexists(folder):
        number += 1
        folder = os.path.join(backups_of(state_dir), "%s-%d" % (stamp, number))
    return folder


def backups_left(path, call):
    """Return the backups of a path that are there, the oldest first."""
    top = backups_of(call.state_dir)
    dated = sorted(os.listdir(top)) if os.path.isdir(top) else []
    found = [os.path.join(top, name, place_of(path, call.home)) for name in dated]
    return [copy for copy in found if os.path.lexists(copy)]


def keep(path, copy):
    """Copy a file or a link to its backup; the folders made for it are for the user alone."""
    for folder in missing_folders(os.path.dirname(copy)):
        os.mkdir(folder, 0o700)
        sync_folder(os.path.dirname(folder))
    copy_atomically(path, copy)


def drop_backup(copy):
    """Delete a backup, where it still is."""
    drop_temporary(copy)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(copy)


def prune_backups(state_dir):
    """Delete the folders of backups that are empty; what others put beside the dated ones is not looked into."""
    top = backups_of(state_dir)
    for name in os.listdir(top) if os.path.isdir(top) else ():
        if re.match(DATED, name):
            for folder, _, _ in os.walk(os.path.join(top, name), topdown=False):
                remove_empty(folder)
    remove_empty(top)


def remove_empty(folder):
    """Delete a folder if it is empty."""
    try:
        os.rmdir(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
            raise


def link_for(path, local):
    """Return what a link at local has to hold to lead where the one at path does."""
    target = os.readlink(path)
    if os.path.isabs(target) or os.path.dirname(path) == os.path.dirname(local):
        return target
    place = os.path.join(os.path.realpath(os.path.dirname(path)), target)
    return os.path.relpath(place, os.path.realpath(os.path.dirname(local)))


# --- decisions


def ours(entry):
    """Return the digests of what devrig wrote to a path, or was about to write when it was ended."""
    return {entry[key] for key in ("sha256", "next") if entry.get(key)}


def entry_of(section, path):
    """Return the ledger's entry of a path, empty for none and for one whose file was given back already."""
    entry = section.get(path, {})
    backup = entry.get("backup")
    given_back = entry.get("undo") and not (backup and os.path.lexists(backup))
    if not given_back or fingerprint(path) in ours(entry):
        return entry
    return {"local": entry["local"]} if entry.get("local") else {}


def decide(current, wanted, recorded):
    """Say what has to be done with a file.

    :param current: sha256 of what is there, "link" for a symbolic link, None for nothing.
    :param wanted: sha256 of what shall be there.
    :param recorded: the sha256s of what devrig wrote there, none if it never did.
    :return: unchanged, created, updated (ours and untouched) or replaced (somebody else's content: back it up).
    """
    if current == wanted:
        return "unchanged"
    if current is None:
        return "created"
    return "updated" if current in recorded else "replaced"


def decide_absent(current, recorded, original):
    """Say what has to be done to take a file back; arguments as in decide(), original: whether there is one.

    :return: absent (nothing of ours), kept (not what we wrote), restored (the original goes back) or removed.
    """
    if not recorded:
        return "absent"
    if current is not None and current not in recorded:
        return "kept"
    if original:
        return "restored"
    return "absent" if current is None else "removed"


def mentions(data, name):
    """Say whether a line that is no comment (of a shell, tmux or vim) holds a file's name.

    Content that reads the file which it is moved to would read itself without end.
    """
    lines = [line.strip() for line in data.splitlines()]
    return any(os.fsencode(name) in line for line in lines if not line.startswith((b"#", b'"')))


class Step:
    """What has to be done with one file; all of them are known before anything is changed."""

    def __init__(self, path, data=b"", mode=0o644, local=None):
        """Take what is wanted; plan() or plan_absent() say the rest."""
        self.path, self.data, self.mode, self.local = path, data, mode, local
        self.action = "unchanged"
        self.why = ""  # adopted, edited or link: the user's own content is there
        self.copy = None  # the backup to make; with state absent the one that goes back
        self.adopts = False  # whether the content goes to local
        self.hindrance = ""  # why it does not
        self.entry = {}  # the ledger's, from now on
        self.before = self.after = ""
        self.diff = ""
        self.secret = False  # whether the diff is not to be shown

    @property
    def answer(self):
        """Return what the module says of the file."""
        backup = self.copy if self.action == "replaced" else None
        return {"path": self.path, "action": self.action, "backup": backup}


def checked(files):
    """Return the files as steps; refuse what cannot be, before anything is written."""
    result = []
    for item in files:
        path, content, local = item.get("path"), item.get("content"), item.get("local")
        if not path or content is None:
            raise Refused("each file needs a path and a content: %s" % (item,))
        for each in (path, local or path):
            if not os.path.isabs(each):
                raise Refused("%s: the path must be absolute" % each)
        try:
            mode = int(str(item.get("mode", "0644")), 8)
        except ValueError:
            raise Refused("%s: mode %s is not octal; write it as '0644'" % (path, item["mode"]))
        if os.path.lexists(path) and not os.path.islink(path):
            if os.path.isdir(path):
                raise Refused("%s is a folder and a file has to go there: move the folder away, then run again" % path)
            if not os.path.isfile(path):
                raise Refused("%s is no file and one has to go there: move it away, then run again" % path)
        result.append(Step(path, to_bytes(content), mode, local))
    return result


def refuse_unwritable(path):
    """Refuse a path whose folder cannot be written or made."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        if os.path.lexists(folder):
            raise Refused("%s is in the way: a folder has to be there; move it away, then run again" % folder)
        folder = os.path.dirname(folder)
    if os.access(folder, os.W_OK | os.X_OK):
        return
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise Refused("%s: the file system is read-only: mount it writable, then run again" % folder)
    raise Refused("%s cannot be written by this user: give it back with chown, then run again" % folder)


def edit_of(step):
    """Return what a user changed in what devrig writes, as lines of a diff; where that is new as well, both."""
    lines = difflib.unified_diff(
        to_text(step.data, errors="replace").splitlines(),
        step.before.splitlines(),
        "devrig's",
        "yours",
        lineterm="",
        n=0,
    )
    return "".join(line + "\n" for line in lines)


def plan(step, known, call, folder):
    """Say what has to be done with a file.

    :param known: the file's entry in the ledger, empty for none.
    :param call: a Call.
    :param folder: the dated folder for backups.
    """
    current, wanted = fingerprint(step.path), digest_of(step.data)
    step.before, step.after = text_of(step.path), to_text(step.data, errors="replace")
    if current == "link" and read_through(step.path) == step.data:
        step.after = step.before
        return  # what is wanted acts already, and the link is the user's own
    step.action = decide(current, wanted, ours(known))
    if step.action == "unchanged" and known and stat.S_IMODE(os.lstat(step.path).st_mode) != step.mode:
        step.action = "updated"
    step.entry = {key: known[key] for key in ("sha256", "backup", "local") if known.get(key)}
    step.entry["next"] = wanted
    if current in ours(known):
        step.entry["sha256"] = current
    if step.action != "replaced":
        return
    step.copy = os.path.join(folder, place_of(step.path, call.home))
    begun = known.get("copy")  # a run was ended while it made this one
    if begun and (not os.path.lexists(begun) or identity(begun) == identity(step.path)):
        step.copy = begun
    step.entry["copy"] = step.copy
    first = "sha256" not in known
    step.why = "link" if current == "link" else ("adopted" if first else "edited")
    if step.why == "edited":
        step.diff = edit_of(step)
        if SECRET.search(step.diff):
            step.diff, step.secret = "", True
    else:
        step.entry["backup"] = step.copy  # what goes back one day is what stands there now
        if step.local and call.existing == "adopt":
            plan_adoption(step, step.entry.get("local") if first else None)


def plan_adoption(step, begun):
    """Say whether what is there becomes the local file.

    :param begun: the ledger's entry of one that a run began and did not end, or None.
    """
    is_link = os.path.islink(step.path)
    content = read_through(step.path) or b""
    wanted = {"path": step.local, "holds": link_for(step.path, step.local) if is_link else digest_of(content)}
    if begun == wanted and is_adopted(begun):
        step.adopts = True
    elif os.path.lexists(step.local):
        step.hindrance = "there"
        return
    elif mentions(content, os.path.basename(step.local)):
        step.hindrance = "itself"
    elif is_link or content.strip():
        step.adopts = True
    step.entry.pop("local", None)
    if step.adopts:
        step.entry["local"] = wanted


def is_adopted(local):
    """Say whether the file of an entry's local is still what was put there."""
    path = local["path"]
    if os.path.islink(path):
        return os.readlink(path) == local["holds"]
    return os.path.isfile(path) and fingerprint(path) == local["holds"]


def plan_absent(step, known):
    """Say what has to be done to take a file back; arguments as in plan()."""
    path, copy, local = step.path, known.get("backup"), known.get("local")
    step.before = step.after = text_of(path)
    if os.path.lexists(path) and not (os.path.isfile(path) or os.path.islink(path)):
        current = "other"
    else:
        current = fingerprint(path)
    if copy and os.path.lexists(copy):
        step.copy = copy
    elif local and is_adopted(local):
        step.copy = local["path"]  # the backup was deleted, and here is the same content
    never = current not in ours(known) and ("sha256" not in known or (copy and identity(copy) == identity(path)))
    if known and current is not None and never:
        step.action = "absent"  # a run was ended before it wrote, or the user put the original back
        return
    step.action = decide_absent(current, ours(known), step.copy)
    if step.action == "restored":
        step.after = text_of(step.copy)
    elif step.action == "removed":
        step.after = ""
    elif step.action == "kept":
        step.why = "link" if current == "link" else "edited"


# --- what is done


def carry_out(step, ledger):
    """Do what plan() said. Ended anywhere, the next run goes on from what is there."""
    if step.copy and identity(step.copy) != identity(step.path):
        keep(step.path, step.copy)
    if step.adopts and not os.path.lexists(step.local):
        ledger.make_folder(os.path.dirname(step.local))
        if os.path.islink(step.path):
            os.symlink(link_for(step.path, step.local), step.local)
            sync_folder(os.path.dirname(step.local))
        else:
            copy_atomically(step.path, step.local)
    ledger.make_folder(os.path.dirname(step.path))
    drop_temporary(step.path)
    write_atomically(step.path, step.data, step.mode)


@contextlib.contextmanager
def naming(path):
    """Give an OSError the name of the file that it is about: that of a full disk has none."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


def take_over(ledger, state_dir):
    """Take over the record of devrigs that had no ledger; say whether there was one."""
    old = ledger.old_record("dotfiles.json")
    if old is None:
        return False
    try:
        found = dict(old["files"])
    except (KeyError, TypeError, ValueError):
        raise Refused("%s/dotfiles.json is not a record of devrig's: move it away, then run again" % state_dir)
    for path, entry in found.items():
        if not path.startswith(state_dir + os.sep):  # the record of vim's plugins was written as if it were a home file
            taken = {key: entry[key] for key in ("sha256", "backup") if entry.get(key)}
            ledger.section("files").setdefault(path, taken)
    return True


def present_folders(paths, call):
    """Make folders for their user alone; return those that were not there."""
    new = [path for path in paths if not os.path.isdir(path)]
    for path in [] if call.dry else new:
        with naming(path):
            call.ledger.make_folder(path)
            os.chmod(path, 0o700)
    return new


def planned(steps, call):
    """Say of each file what has to be done; return (the ledger's section, whether an old record was taken over)."""
    taken_over = take_over(call.ledger, call.state_dir)
    section, folder = call.ledger.section("files"), dated_folder(call.state_dir)
    for step in steps:
        plan(step, entry_of(section, step.path), call, folder)
    return section, taken_over


def unfinished(steps, section):
    """Return those that were not written down as done: a run was ended in between."""
    return [step for step in steps if {"next", "undo"} & set(section.get(step.path, {}))]


def looked(files, folders, call):
    """Return the paths for which present() would do something, all where it would refuse to."""
    try:
        steps = checked(files)
        section, taken_over = planned(steps, call)
    except Refused:
        return [item.get("path") or "" for item in files]
    open_ones = steps if taken_over else unfinished(steps, section)
    pending = {step.path for step in steps if step.action != "unchanged"} | {step.path for step in open_ones}
    return sorted(pending.union(path for path in folders if not os.path.isdir(path)))


def present(steps, call):
    """Write the files."""
    section, taken_over = planned(steps, call)
    theirs = [step.path for step in steps if step.why in ("adopted", "link")]
    if call.existing == "refuse" and theirs:
        raise Refused(
            "%s: there already, and not devrig's; nothing was changed. Move them away, or set dotfile_existing to "
            "adopt (what is in them goes on acting where it can) or to backup" % ", ".join(theirs)
        )
    changed = [step for step in steps if step.action != "unchanged"]
    for step in changed:
        refuse_unwritable(step.path)
        if step.adopts:
            refuse_unwritable(step.local)
    if call.dry:
        return
    if changed:
        for step in changed:
            section[step.path] = step.entry
        call.ledger.save()
        for step in changed:
            with naming(step.path):
                carry_out(step, call.ledger)
    ended = unfinished(steps, section)  # of those too that are right
    for step in ended:
        entry = section[step.path]
        section[step.path] = {key: entry[key] for key in ("backup", "local") if entry.get(key)}
        section[step.path]["sha256"] = digest_of(step.data)
    if ended or taken_over:
        call.ledger.save()


def absent(steps, call):
    """Take the files back; return what stays of the user's own, as take_back() does."""
    take_over(call.ledger, call.state_dir)
    section, kept = call.ledger.section("files"), []
    for step in steps:
        plan_absent(step, entry_of(section, step.path))
    known = [step for step in steps if step.path in section]
    if known and not call.dry:
        for step in known:
            if step.action != "kept":
                section[step.path] = dict(section[step.path], undo=True)
        call.ledger.save()
    for step in known:
        with naming(step.path):
            kept += take_back(step, section[step.path], call)
        if not call.dry and not (step.action == "kept" and step.copy):
            del section[step.path]
    if not call.dry:
        prune_backups(call.state_dir)
        call.ledger.drop_folders()
    return kept


def take_back(step, entry, call):
    """Do what plan_absent() said; return what stays of the user's.

    :param entry: the file's entry in the ledger.
    """
    copy, local = entry.get("backup"), entry.get("local")
    if not call.dry:
        for path in [step.path] + ([local["path"]] if local else []):
            drop_temporary(path)
        if entry.get("copy"):
            drop_temporary(entry["copy"])
        if step.action == "restored":
            move_atomically(step.copy, step.path)
        elif step.action == "removed":
            os.unlink(step.path)
            sync_folder(os.path.dirname(step.path))
    if step.action == "kept":
        return [stays(step.path, step.why, step.copy)]
    # A backup of what is there is one too many.
    gone = {copy} if copy and step.action == "restored" else set()
    gone.update(old for old in (copy, entry.get("copy")) if old and identity(old) == identity(step.path))
    for old in () if call.dry else gone:
        drop_backup(old)
    kept = []
    if local and os.path.lexists(local["path"]):
        if not is_adopted(local):
            kept.append(stays(local["path"], "edited"))
        elif not call.dry:
            os.unlink(local["path"])
            sync_folder(os.path.dirname(local["path"]))
    return kept + [stays(step.path, "backup", old) for old in backups_left(step.path, call) if old not in gone]


# --- what is said


def stays(path, why, backup=None):
    """Return what the user has to know of something that state absent leaves."""
    return {"path": path, "backup": backup or "", "why": why, "local": "", "diff": ""}


def kept_of(step):
    """Return what the user has to know of a file that was the user's, and is devrig's now."""
    local = step.local if step.adopts else ""
    return {"path": step.path, "backup": step.copy, "why": step.why, "local": local, "diff": step.diff}


def diff_of(step):
    """Return what --diff shows of a file, and of the one that its content goes to."""
    shown = [(step.path, step.before, step.after)] + ([(step.local, "", step.before)] if step.adopts else [])
    return [
        {"before_header": path, "after_header": path, "before": before, "after": after}
        for path, before, after in shown
        if before != after
    ]


def said_of(kept, step, call):
    """Say in words what was kept, and what to do.

    :param kept: an answer of kept_of() or take_back().
    :param step: its Step, None with state absent.
    """

    def short(path):
        return "~" + path[len(call.home) :] if path.startswith(call.home + os.sep) else path

    path, backup, local = short(kept["path"]), short(kept["backup"]), short(kept["local"])
    if step is None:
        if kept["why"] == "backup":
            return "%s: what you had in it once is kept in %s" % (path, backup)
        text = "%s is not what devrig wrote, and stays" % path
        return text + ("; what was there first is in %s" % backup if backup else "")
    if call.dry:
        backup = "a dated folder of %s" % short(backups_of(call.state_dir))
    if kept["why"] == "edited":
        text = "%s had edits of yours: they are in %s" % (path, backup)
        text += "; lines of your own stay in %s" % short(step.local) if step.local else ""
        text += " (not shown here: a line of them looks like a secret)" if step.secret else ""
        lines = kept["diff"].splitlines()
        return text + (":\n" + "\n".join(lines) if 0 < len(lines) <= SHOWN else "")
    text = "%s %s: it is kept in %s" % (path, "was a link" if kept["why"] == "link" else "was yours", backup)
    if local:
        text += ", and goes on acting as %s" % local
    elif step.hindrance == "there":
        text += "; %s was there and was not touched: copy into it what has to go on acting" % short(step.local)
    elif step.hindrance == "itself":
        text += "; it reads %s itself: copy into that what has to go on acting, without that line" % short(step.local)
    return text
