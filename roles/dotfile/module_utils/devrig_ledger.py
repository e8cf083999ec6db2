"""The ledger: what devrig added to a home folder or to a machine, so that it can be taken back.

An entry is written before what it tells of is done: killed in between, the undo looks at what is there, and an entry
too many does no harm.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time

#: The ledger of the machine. It is root's and every user may read it; one in a home folder is for its user alone.
MACHINE = "/var/lib/devrig/ledger.json"
VERSION = 1
#: How long somebody else may hold a lock, in seconds.
PATIENCE = 3600


class Refused(Exception):
    """What is refused before anything is changed; the message says what to do."""


def told(error, path):
    """Say an OSError in words that tell what to do.

    :param path: what it was about, where the error itself does not know.
    """
    where = os.fsdecode(error.filename2 or error.filename or path)
    what = {
        errno.ENOSPC: "the disk is full: make room, then run again",
        errno.EDQUOT: "this user's share of the disk is full: make room, then run again",
        errno.EROFS: "the file system is read-only: mount it writable, then run again",
        errno.EACCES: "this user may not do that here: give it back with chown or chmod, then run again",
        errno.EPERM: "this user may not do that here: give it back with chown or chattr, then run again",
        errno.ENOLCK: "files cannot be locked here: set dotfile_state_dir to a folder where they can, then run again",
    }.get(error.errno)
    return "%s: %s (%s)" % (where, what, error.strerror) if what else "%s: %s" % (where, error.strerror)


def sync_folder(folder):
    """Make a rename in a folder durable (fsync(2): the folder needs a sync of its own)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_prefix(path):
    """Return how the names of a path's temporary files begin; short, for a name may have 255 bytes at most."""
    return ".devrig-%s-" % hashlib.sha256(os.fsencode(os.path.basename(path))).hexdigest()[:8]


def drop_temporary(path):
    """Delete what killed writes of a path left beside it. Only under the lock that keeps others from writing it."""
    folder = os.path.dirname(path)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):
            left = os.path.join(folder, name)
            if not name.startswith(temporary_prefix(path)):
                continue
            if os.path.isdir(left) and not os.path.islink(left):
                shutil.rmtree(left)
            else:
                os.unlink(left)


def write_atomically(path, data, mode):
    """Write bytes to a path so that it holds the old content or the new, also after a crash.

    A link at the path is replaced, not followed. The umask does not matter.

    :param mode: the file's mode, as a number.
    :raises OSError: the path is as it was then, and no temporary file is left.
    """
    folder = os.path.dirname(path)
    handle, beside = tempfile.mkstemp(prefix=temporary_prefix(path), dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
    sync_folder(folder)


class Ledger:
    """A file with sections, each a dict. Whoever changes it holds its lock."""

    def __init__(self, path):
        """Read the ledger; Refused where the file is none."""
        self.path = path
        self.folder = os.path.dirname(path)
        self.machine = path == MACHINE
        self.mode = 0o644 if self.machine else 0o600
        self._old = []
        self._begun = self._ends = False
        self.unreadable = False  # for this user: then it is as if there were none
        self._read()

    def _read(self):
        """Read the file, with nothing in it where there is none."""
        self.sections = {}
        try:
            with open(self.path, encoding="utf-8") as stream:
                data = json.load(stream)
            if data["version"] > VERSION:
                raise Refused("%s was written by a newer devrig: bring this one up to date, then run again" % self.path)
            self.sections = {name: dict(section) for name, section in data["sections"].items()}
        except FileNotFoundError:
            return
        except PermissionError:
            if not self.machine or os.geteuid() == 0:
                raise Refused("%s cannot be read by this user: give it back with chown, then run again" % self.path)
            self.unreadable = True  # only root changes it, and whoever only looks does without
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused("%s is not a record of devrig's: move it away, then run again" % self.path)

    @contextlib.contextmanager
    def locked(self, dry=False):
        """Hold the ledger's lock, and know what other processes have written.

        :param dry: for check mode: nothing is locked, and no folder is made.
        """
        if dry:
            self._read()
            yield self
            return
        handle = self._lock()
        try:
            drop_temporary(self.path)
            self._read()
            yield self
        finally:
            self._unlock(handle)

    def _lock(self):
        """Make the folder, wait for the lock, and return its handle."""
        while True:
            with contextlib.suppress(FileNotFoundError):  # the folder went again: the other one took its ledger away
                self._begin()
                # For its owner alone, the machine's too: whoever may open a file may lock it, and for ever.
                handle = os.open(self.path + ".lock", os.O_RDONLY | os.O_CREAT, 0o600)
                try:
                    found = os.fstat(handle)
                    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
                        os.fchmod(handle, 0o600)
                    self._wait(handle)
                    if self._is_lock(handle):
                        return handle
                except BaseException:
                    os.close(handle)
                    raise
                os.close(handle)

    def _wait(self, handle):
        """Wait until the lock is free and take it; Refused with who holds it when that takes too long."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Refused(
                        "%s.lock is held by %s for longer than %d s: let it end, then run again"
                        % (self.path, holder_of(handle), PATIENCE)
                    )
            time.sleep(0.05)

    def _begin(self):
        """Make the ledger's folder with a ledger that knows of it, and those above, at once."""
        missing = missing_folders(self.folder)
        if not missing:
            if self.machine and os.stat(self.folder).st_mode & 0o055 != 0o055:  # made by a root with a umask of 077
                os.chmod(self.folder, self._mode_of(self.folder))
            return
        top = missing[0]
        if os.path.isdir(top):  # another one was faster
            return
        if os.path.lexists(top):
            raise Refused("%s is in the way: a folder has to be there; move it away, then run again" % top)
        try:
            drop_temporary(top)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:  # else another one is making it now
                raise
            return
        beside = tempfile.mkdtemp(prefix=temporary_prefix(top), dir=os.path.dirname(top))
        try:
            for folder in missing:
                inner = beside + folder[len(top) :]
                with contextlib.suppress(FileExistsError):
                    os.mkdir(inner)
                os.chmod(inner, self._mode_of(folder))
            self.sections = {"folders": dict.fromkeys(missing, {})}
            write_atomically(os.path.join(inner, os.path.basename(self.path)), self._text(), self.mode)
            os.rename(beside, top)
            self._begun = True
            sync_folder(os.path.dirname(top))
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another one was faster
                raise

    def _mode_of(self, folder):
        """Return the mode of a folder that is made for the ledger."""
        if self.machine:
            return 0o755
        return 0o700 if folder == self.folder else 0o755 & ~umask()

    def _is_lock(self, handle):
        """Say whether what is locked is still the lock: whoever ends a ledger deletes it."""
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path + ".lock"))
        except FileNotFoundError:
            return False

    def _unlock(self, handle):
        """Give the lock back; of a ledger in which nothing is left, nothing is left either."""
        try:
            if (self._begun or self._ends) and os.path.lexists(self.path):
                self._read()
                self._end()
            if not os.path.lexists(self.path):
                os.unlink(self.path + ".lock")
        except (OSError, Refused):
            pass  # what cannot be written, or is no ledger, stays as it is
        finally:
            self._begun = self._ends = False
            os.close(handle)

    def _end(self):
        """Delete the ledger, and those of its folders that were made for it and hold nothing else, at once."""
        folders = self.section("folders")
        rest = set(os.listdir(self.folder)) - {os.path.basename(self.path) + end for end in ("", ".lock")}
        if any(found for name, found in self.sections.items() if name != "folders") or (rest and folders):
            return
        if not self._ends and set(folders) - self._own():
            return
        if rest or self.folder not in folders:
            os.unlink(self.path)
            return
        top = self.folder
        while os.path.dirname(top) in folders and os.listdir(os.path.dirname(top)) == [os.path.basename(top)]:
            top = os.path.dirname(top)
        beside = os.path.join(os.path.dirname(top), temporary_prefix(top) + "end")
        os.rename(top, beside)
        shutil.rmtree(beside)

    def section(self, name):
        """Return the live dict of a section; it is made when it is missing. Ask anew after each locked()."""
        return self.sections.setdefault(name, {})

    def _own(self):
        """Return the ledger's own folder and those above it, of those that were made."""
        return {folder for folder in self.section("folders") if (self.folder + os.sep).startswith(folder + os.sep)}

    def _text(self):
        """Return what the file has to hold, as bytes."""
        data = {"version": VERSION, "sections": {name: found for name, found in self.sections.items() if found}}
        return (json.dumps(data, indent=2, sort_keys=True) + "\n").encode()

    def save(self):
        """Write the ledger; then the old records that it took over go."""
        text = self._text()
        try:
            with open(self.path, "rb") as stream:
                same = stream.read() == text
        except FileNotFoundError:
            same = not any(self.sections.values())
        if not same:
            write_atomically(self.path, text, self.mode)
        for path in self._old:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._old = []

    def old_record(self, name):
        """Return what an older devrig's record beside the ledger holds, or None; the next save() deletes it.

        Killed between the two, it is read again: entries that are there already have to stay as they are.
        """
        path = os.path.join(self.folder, name)
        try:
            with open(path, encoding="utf-8") as stream:
                data = json.load(stream)
        except FileNotFoundError:
            return None
        except PermissionError:
            if not self.machine or os.geteuid() == 0:
                raise
            self.unreadable = True
            return None
        except ValueError:
            raise Refused("%s is not a record of devrig's: move it away, then run again" % path)
        self._old.append(path)
        return data

    def make_folder(self, path):
        """Make a folder, and those above it, and remember the ones that were not there."""
        folders = self.section("folders")
        new = [folder for folder in missing_folders(path) if folder not in folders]
        if new:
            folders.update(dict.fromkeys(new, {}))
            self.save()
        make_folders(path)

    def drop_folders(self):
        """Delete the folders that were made and are empty, deepest first, and save; return their paths.

        The ledger's own go with it when nothing else is in it and in them.
        """
        folders, gone = self.section("folders"), []
        for folder in sorted(set(folders) - self._own(), key=len, reverse=True):
            try:
                os.rmdir(folder)
                gone.append(folder)
            except (FileNotFoundError, NotADirectoryError):
                pass  # somebody else took it away, or put something else there
            except OSError:
                continue
            del folders[folder]
        self.save()
        self._ends = True
        return gone


def missing_folders(path):
    """Return a folder and those above it that are not there, the uppermost first."""
    found = []
    while not os.path.isdir(path):
        found.append(path)
        path = os.path.dirname(path)
    return found[::-1]


def holders(table, inode):
    """Return the processes that hold a lock on a file, as /proc/locks (proc(5)) tells them.

    The device there is not stat(2)'s on all file systems, so that it does not count. `->` marks one that waits.

    :param inode: of the file.
    """
    rows = [line.split() for line in table.splitlines()]
    return [int(row[4]) for row in rows if len(row) >= 8 and row[1] != "->" and row[5].rsplit(":", 1)[-1] == str(inode)]


def holder_of(handle, table="/proc/locks"):
    """Say who holds a lock on an open file."""
    found = []
    with contextlib.suppress(OSError), open(table, encoding="utf-8") as stream:
        found = [number for number in holders(stream.read(), os.fstat(handle).st_ino) if number > 0]
    return "process %d" % found[0] if found else "another process"


def umask():
    """Return the bits that this process takes away from the modes of what it makes."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def make_folders(path):
    """Make a folder and those above it, for their user to write and with what the umask leaves for others to read."""
    for folder in missing_folders(path):
        try:
            os.mkdir(folder, 0o755)
        except FileExistsError:
            if os.path.lexists(folder) and not os.path.isdir(folder):
                raise Refused("%s is in the way: a folder has to be there; move it away, then run again" % folder)
