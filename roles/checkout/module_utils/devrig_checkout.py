"""A git checkout in a home folder: what there is, what has to be done with it, and how it is taken back."""

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
from collections import namedtuple

from ansible.module_utils.devrig_git import (
    COMMIT,
    Failure,
    Repository,
    address_of,
    call,
    cause_of,
    owned,
    processes_in,
)
from ansible.module_utils.devrig_ledger import Refused

SECTION = "checkouts"
#: The record of vim's plugins that devrigs before the ledger kept.
OLD_RECORD = "vim-plugins.json"
#: How the name of a branch begins that is made for commits of a person's which are on none.
KEPT = "devrig-kept-"
#: In the .git of a clone that devrig made: another one in its place is not ours, whatever the ledger says.
MARK = "devrig-made"
#: In a folder beside, where a clone is made or thrown away.
BESIDE_MARK = "devrig-beside"

#: One checkout that is asked for. existing: what a checkout in that place is that devrig has no record of: a person's,
#: which is moved to the commit and given back (adopt) or left alone (refuse), or one of an earlier devrig (ours).
#: settings: the names of those that say repo and version. generated: what programs write into it.
Wanted = namedtuple("Wanted", "path repo version depth existing settings generated helptags")
#: action: unchanged, cloned, replaced (a clone that was killed), moved (to another commit), repaired. why: what for.
#: head: the commit that is there, or None. branch: likewise. force: changed files are those of a killed checkout.
Plan = namedtuple("Plan", "action why head branch force")
Done = namedtuple("Done", "path action before after said")


def wanted_of(item):
    """Return a Wanted of what a task says; Refused where that cannot be."""
    missing = [name for name in ("path", "repo", "version") if not item.get(name)]
    if missing:
        raise Refused("a checkout needs %s: %s" % (" and ".join(missing), item.get("path")))
    if not os.path.isabs(item["path"]):
        raise Refused("%s: the path must be absolute" % item["path"])
    version = str(item["version"])
    if version.startswith("-") or address_of(item["repo"]).url.startswith("-"):
        raise Refused("%s: a repository and a version begin with no hyphen" % item["path"])
    return Wanted(
        os.path.normpath(item["path"]),
        item["repo"],
        version,
        int(item.get("depth") or 0),
        item.get("existing") or "adopt",
        (item.get("repo_setting") or "repo", item.get("version_setting") or "version"),
        tuple(item.get("generated") or ()),
        bool(item.get("helptags")),
    )


def recorded(ledger):
    """Return the paths of the checkouts that devrig made or moved; an older devrig's record is one of them, too."""
    old = os.path.join(ledger.folder, OLD_RECORD)
    return sorted(ledger.section(SECTION)) + ([old] if os.path.exists(old) else [])


def take_over(ledger, below):
    """Take the record of vim's plugins of older devrigs into the ledger.

    :param below: the folder that the places in it are below.
    """
    places = ledger.old_record(OLD_RECORD)
    for place in places or ():
        path = os.path.join(below, place)
        gitdir = Repository(path).gitdir
        if not os.path.islink(path) and os.path.isdir(gitdir):
            ledger.section(SECTION).setdefault(
                path, {"before": "absent", "taken_over": True, "generated": ["doc/tags"]}
            )
    if places is not None:
        ledger.section("files").pop(os.path.join(ledger.folder, OLD_RECORD), None)


def take_over_places(ledger, items):
    """Take checkouts of older devrigs in places of their own into the ledger, so that they can be taken back."""
    for item in items:
        path = os.path.normpath(item["path"])
        if item.get("existing") == "ours" and os.path.isdir(Repository(path).gitdir):
            entry = {"before": "absent", "taken_over": True, "generated": item.get("generated") or []}
            ledger.section(SECTION).setdefault(path, entry)


def was_theirs(entry):
    """Say whether the ledger has a checkout as a person's own, which devrig moved to another commit."""
    return isinstance(entry["before"], dict) and "commit" in entry["before"]


def is_ours(path, entry):
    """Say whether the checkout in a place is one that devrig made."""
    if not entry or was_theirs(entry):
        return False
    return bool(entry.get("taken_over")) or os.path.exists(os.path.join(Repository(path).gitdir, MARK))


def is_empty(path):
    """Say whether nothing is in a place but an empty folder, or nothing at all."""
    return not os.path.lexists(path) or (os.path.isdir(path) and not os.listdir(path))


def leftovers(path):
    """Return the folders beside a place that a killed run left there, with nobody at work in them."""
    real = os.path.realpath(path)
    folder, prefix = os.path.dirname(real), beside_prefix(real)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [os.path.join(folder, name) for name in names if name.startswith(prefix)]
    # Without the mark it is ours only where it is empty: killed before the mark was written.
    marked = [name for name in found if os.path.exists(os.path.join(name, BESIDE_MARK)) or is_empty(name)]
    return [name for name in marked if not os.path.islink(name) and not processes_in([name])]


def beside_prefix(path):
    """Return how the names of the folders beside a place begin: never loaded by a shell, an editor or pyenv."""
    return ".%s.devrig-" % os.path.basename(path)


@contextlib.contextmanager
def beside(path):
    """Make a folder beside a place, on the same file system; it goes at the end, with all that is in it."""
    real = os.path.realpath(path)
    folder = tempfile.mkdtemp(prefix=beside_prefix(real), dir=os.path.dirname(real))
    try:
        with open(os.path.join(folder, BESIDE_MARK), "w", encoding="utf-8"):
            pass
        yield folder
    finally:
        discard_beside(folder)


def discard_beside(folder):
    """Remove a folder beside; the mark goes last, so that it is still known for ours when this is killed."""
    for entry in list(os.scandir(folder)):
        if entry.name != BESIDE_MARK:
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, BESIDE_MARK))
    os.rmdir(folder)


def obstacle(wanted):
    """Refused where something stands in the way that is no checkout."""
    path = wanted.path
    if os.path.islink(path) and not os.path.exists(path):
        raise Refused("%s is a link to %s, where nothing is: remove it, then run again" % (path, os.readlink(path)))
    if not os.path.isdir(path):
        raise Refused("%s is a file, and a folder has to go there: move it away, then run again" % path)
    if not os.path.lexists(os.path.join(path, ".git")):
        raise Refused("%s is there and is no git checkout: move it away, then run again" % path)
    owned(path)
    owned(os.path.join(path, ".git"))
    if not os.access(path, os.W_OK):
        raise Refused("%s cannot be written by this user: give it back with chmod u+w, then run again" % path)


def plan_of(wanted, entry, git):
    """Say what has to be done with a checkout, and refuse what would lose something. Nothing is changed.

    :param entry: what the ledger has of it, or None.
    :param git: whether git is there; without, less can be seen, and only a check mode does without.
    :return: a Plan.
    """
    if is_empty(wanted.path):
        return Plan("cloned", "", None, None, False)
    obstacle(wanted)
    repository = Repository(wanted.path)
    head, branch = repository.head()
    # The index is written when all files are: without one nobody has ever worked here.
    whole = head is not None and os.path.exists(os.path.join(repository.gitdir, "index"))
    if not git:
        at = head is not None and head in (wanted.version, (entry or {}).get("commit"))
        return Plan("unchanged" if at and whole else "moved", "", head, branch, False)
    if not whole or repository.run("rev-parse", "--verify", "--quiet", "HEAD^{tree}")[0]:
        refuse_broken(repository, wanted, head)
        if not is_ours(wanted.path, entry) and not os.path.exists(os.path.join(repository.gitdir, MARK)):
            refuse_commits(repository, wanted, head)
        return Plan("replaced", "it was a clone that had not ended", head, branch, False)
    if not entry and wanted.existing == "refuse":
        raise Refused(
            "%s: a checkout is there that devrig did not make. Move it away, or take it out of %s; "
            "nothing was changed there" % (wanted.path, wanted.settings[0])
        )
    if repository.commit_of(wanted.version) == head:
        return faults_of(repository, wanted, entry, head, branch)
    return move_of(repository, wanted, entry, head, branch)


def refuse_busy(repository, path):
    """Refused while a git is at work in a checkout."""
    busy = repository.processes()
    if busy:
        raise Refused("%s: git is at work in it, process %s: wait for its end, then run again" % (path, busy[0]))


def refuse_broken(repository, wanted, head):
    """Refuse to replace a clone that has not ended where something of a person's is in it."""
    others = files_below(repository.folder)
    if head:
        others = repository.half_done(head, others)
    refuse_busy(repository, wanted.path)
    if others:
        raise Refused(
            "%s has a .git that is not whole, and files of yours (%s): move it away, then run again"
            % (wanted.path, some(others))
        )


def refuse_commits(repository, wanted, head):
    """Refuse to replace a clone that has not ended where commits of a person's may be in it, and nowhere else."""
    status, output, said = repository.run(
        "for-each-ref", "--count=1", "--format=%(refname)", "refs/heads", "refs/stash"
    )
    # An empty .git is no repository, and git says so.
    unknown = (status or said.strip()) and os.path.exists(os.path.join(repository.gitdir, "HEAD"))
    if head or output.strip() or unknown:
        raise Refused(
            "%s has no file of its commit, and devrig did not make it: commits of yours may be in it. "
            "Run `git checkout` there to have the files back, or move it away, then run again; nothing was changed"
            % wanted.path
        )


def files_below(folder):
    """Return the files below a folder, without those of .git, as paths from there."""
    found = []
    for place, folders, names in os.walk(folder):
        if place == folder and ".git" in folders:
            folders.remove(".git")
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        found += [os.path.relpath(os.path.join(place, name), folder) for name in names + links if name != ".git"]
    return found


def faults_of(repository, wanted, entry, head, branch):
    """Return the Plan of a checkout that is at its commit: unchanged, or repaired where something is missing."""
    faults = []
    if repository.locks() and not repository.processes():
        faults.append("a lock file of a git that was killed is in it")
    if repository.deleted():
        faults.append("files were missing")
    if wanted.helptags and tags_missing(wanted.path):
        faults.append("its help had no tags")
    if entry and entry.get("moving"):
        faults.append("a run was killed there")
    return Plan("repaired" if faults else "unchanged", "; ".join(faults), head, branch, False)


def move_of(repository, wanted, entry, head, branch):
    """Return the Plan of a checkout that is at another commit; Refused where files in it were changed."""
    changes = [name for name in repository.changed() if name not in wanted.generated]
    force = False
    target = (entry or {}).get("moving")
    if changes and target:
        force = True
        changes = repository.half_done(target, changes)
    if changes:
        raise Refused(
            "%s shall move to another commit, but files in it were changed (%s): commit or stash them, or name the "
            "commit that is there in %s" % (wanted.path, some(changes), wanted.settings[1])
        )
    refuse_busy(repository, wanted.path)
    if target:
        force = True
        tree = set(repository.lines("ls-tree", "-r", "-z", "--name-only", target)) if has(repository, target) else set()
        strange = repository.half_done(target, [name for name in repository.others() if name in tree])
        if strange:
            raise Refused(
                "%s shall move to another commit that has files which lie there (%s): move them away, then run again"
                % (wanted.path, some(strange))
            )
    return Plan("moved", "", head, branch, force)


def has(repository, commit):
    """Say whether a repository has a commit."""
    return not repository.run("cat-file", "-e", commit + "^{commit}")[0]


def some(names):
    """Return the first names of a list, for a message."""
    names = sorted(names)
    return ", ".join(names[:5]) + (" and %d more" % (len(names) - 5) if len(names) > 5 else "")


def tags_missing(path):
    """Say whether a plugin of vim's has a help that has no tags."""
    doc = os.path.join(path, "doc")
    texts = [name for name in os.listdir(doc) if name.endswith(".txt")] if os.path.isdir(doc) else []
    return bool(texts) and not os.path.exists(os.path.join(doc, "tags")) and shutil.which("vim") is not None


def make_tags(path):
    """Make the tags of a plugin's help: only vim itself can do that."""
    command = ["vim", "-es", "-u", "NONE", "-i", "NONE", "-c", "silent! helptags doc", "-c", "quitall!"]
    if os.path.isdir(os.path.join(path, "doc")) and shutil.which("vim"):
        subprocess.run(
            command, cwd=path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )


def bring(wanted, plan, ledger):
    """Do what a Plan says, under the ledger's lock; return (commit, what there is to say about it, a list of lines)."""
    for folder in leftovers(wanted.path):
        discard_beside(folder)
    said = [wanted.path + ": " + plan.why] if plan.why else []
    if plan.action in ("cloned", "replaced"):
        return clone(wanted, plan, ledger), said
    repository = Repository(wanted.path)
    if plan.action != "unchanged":
        said += heal(repository)
    entry = ledger.section(SECTION).get(wanted.path)
    if plan.action == "moved":
        commit, kept = move(repository, wanted, plan, ledger)
        return commit, said + kept
    if plan.action == "repaired":
        restore_deleted(repository)
        if wanted.helptags and tags_missing(wanted.path):
            make_tags(wanted.path)
    if not entry and wanted.existing == "ours":
        entry = {"before": "absent", "taken_over": True}
    if entry:  # a person's own checkout that is at the commit already is none of ours
        settle(repository, wanted, entry, plan.head, ledger)
    return plan.head, said


def settle(repository, wanted, entry, commit, ledger):
    """Write down that a checkout is where it shall be."""
    entry = {name: value for name, value in entry.items() if name != "moving"}
    if entry.pop("taken_over", False):
        with open(os.path.join(repository.gitdir, MARK), "w", encoding="utf-8"):
            pass
    entry.update(
        repo=address_of(wanted.repo).url, version=wanted.version, commit=commit, generated=list(wanted.generated)
    )
    if ledger.section(SECTION).get(wanted.path) != entry:
        ledger.section(SECTION)[wanted.path] = entry
        ledger.save()


def heal(repository):
    """Take away what a killed git left; return what is to be said of it. Refused where one is alive."""
    found = repository.locks() + repository.debris()
    if not found:
        return []
    refuse_busy(repository, repository.folder)
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return ["%s: removed %s, left by a git that was killed" % (repository.folder, some(map(os.path.basename, found)))]


def restore_deleted(repository):
    """Bring the tracked files back that are not there."""
    names = repository.deleted()
    for start in range(0, len(names), 500):  # a command line has an end
        repository.ask("checkout", "--quiet", "--", *[":(literal)" + name for name in names[start : start + 500]])


def obtain(repository, wanted, ours, depth):
    """Return the commit of a version, fetched where it is not there yet; Failure and Refused say what to do."""
    address = address_of(wanted.repo)
    found = repository.commit_of(wanted.version)
    if not found:
        try:
            found = repository.fetch(address, wanted.version, depth, ours)
        except Failure as failure:
            raise Failure("%s cannot be had from %s (%s): %s" % (wanted.path, address.url, wanted.settings[0], failure))
    if not found:
        what = "no commit" if COMMIT.match(wanted.version) else "no tag (a commit is named by all 40 digits)"
        raise Failure(
            "%s: %s (%s) has %s %s: correct %s"
            % (wanted.path, address.url, wanted.settings[0], what, wanted.version, wanted.settings[1])
        )
    if COMMIT.match(wanted.version) and found != wanted.version:
        raise Failure(
            "%s: %s is a tag's own number and not its commit's: write %s into %s"
            % (wanted.path, wanted.version, found, wanted.settings[1])
        )
    return found


def clone(wanted, plan, ledger):
    """Make a checkout beside its place, prove it, and rename it into the place; return its commit."""
    real = os.path.realpath(wanted.path)
    ledger.make_folder(os.path.dirname(real))
    entries = ledger.section(SECTION)
    before = "absent"
    if plan.action == "cloned" and os.path.isdir(real):
        before = {"folder": "%04o" % (os.stat(real).st_mode & 0o7777)}
    entry = dict(entries.get(wanted.path) or {"before": before})
    entry.pop("taken_over", None)
    entry.pop("going", None)
    if was_theirs(entry):
        entry["before"] = before  # a person's own checkout that has gone since
    entry.update(repo=address_of(wanted.repo).url, version=wanted.version)
    entries[wanted.path] = entry
    ledger.save()
    with beside(wanted.path) as folder:
        made = os.path.join(folder, "checkout")
        status, _, said = call(["init", "--quiet", "--template=", made], folder)
        if status:
            raise Failure("%s cannot be made: %s" % (wanted.path, cause_of(said)))
        repository = Repository(made)
        repository.ask("remote", "add", "origin", address_of(wanted.repo).url)
        commit = obtain(repository, wanted, True, wanted.depth)
        repository.ask("checkout", "--quiet", "--detach", commit)
        prove(repository, wanted, commit)
        with open(os.path.join(repository.gitdir, MARK), "w", encoding="utf-8"):
            pass
        if wanted.helptags:
            make_tags(made)
        if plan.action == "replaced":
            os.rename(real, os.path.join(folder, "replaced"))
        os.rename(made, real)
    settle(Repository(wanted.path), wanted, entry, commit, ledger)
    return commit


def prove(repository, wanted, commit):
    """Failure where a checkout is not what was asked for, or files of it are missing."""
    head = repository.head()[0]
    if head != commit:
        raise Failure("%s is at %s and should be at %s: run again" % (wanted.path, head, commit))
    missing = repository.deleted()
    if missing:
        raise Failure("%s is not complete (%s): run again" % (wanted.path, some(missing)))


def move(repository, wanted, plan, ledger):
    """Bring a checkout that is there to its commit; return it, and what is to be said."""
    entries = ledger.section(SECTION)
    entry = dict(entries.get(wanted.path) or {})
    ours = is_ours(wanted.path, entry) or (not entry and wanted.existing == "ours")
    shallow = os.path.exists(os.path.join(repository.gitdir, "shallow"))
    commit = obtain(repository, wanted, ours, wanted.depth if ours and shallow else 0)
    if not entry:
        before = "absent" if ours else {"commit": plan.head, "branch": plan.branch}
        entry = {"before": before, "taken_over": ours}
    elif not ours and not was_theirs(entry):
        entry = {"before": {"commit": plan.head, "branch": plan.branch}}  # another one is there now, a person's
    entry = {name: value for name, value in entry.items() if value is not False}
    entry.update(repo=address_of(wanted.repo).url, version=wanted.version, moving=commit)
    entries[wanted.path] = entry
    ledger.save()
    kept = keep_commits(repository)
    for name in wanted.generated:  # a program makes it anew, and the commit may bring one of its own
        path = os.path.join(repository.folder, name)
        if os.path.isfile(path):
            os.unlink(path)
    argv = ["checkout", "--quiet", "--detach"] + (["--force"] if plan.force else []) + [commit]
    status, _, said = repository.run(*argv)
    if status:
        raise Failure("%s cannot be moved to %s: %s" % (wanted.path, commit[:12], " ".join(said.split())))
    restore_deleted(repository)
    prove(repository, wanted, commit)
    if wanted.helptags:
        make_tags(wanted.path)
    settle(repository, wanted, entry, commit, ledger)
    return commit, kept


def keep_commits(repository):
    """Give commits of a person's that nothing but HEAD holds a branch; return what is to be said of it."""
    if not repository.loose_head():
        return []
    head = repository.head()[0]
    branch = KEPT + head[:12]
    repository.ask("branch", branch, head)
    return ["%s: commits of yours that were on no branch are on branch %s now" % (repository.folder, branch)]


def plan_absent(path, entry, git):
    """Say how a checkout is taken back; nothing is changed.

    :param entry: what the ledger has of it.
    :param git: whether git is there to look.
    :return: (action, why). absent: it is gone already, or it is another one now, which is a person's. removed: it goes.
        restored: a person's own goes back to its commit and branch. kept: something of a person's is in it (why).
    """
    if entry.get("going") and os.path.isdir(path):
        return "removed", ""
    theirs = was_theirs(entry)
    if is_empty(path) or not (theirs or is_ours(path, entry)):
        return "absent", ""
    if not git:
        return "kept", "git is not there to look whether something of yours is in it"
    repository = Repository(path)
    busy = repository.processes()
    if busy:
        return "kept", "git is at work in it, process %s" % busy[0]
    if theirs and repository.head()[0] not in (entry.get("commit"), entry.get("moving")):
        return "absent", ""  # moved since by the person: it stays as it is
    why = yours_in(repository, entry, theirs)
    return ("kept", why) if why else ("restored" if theirs else "removed", "")


def yours_in(repository, entry, theirs):
    """Return what of a person's would be lost if a checkout were taken back; empty where nothing would be.

    :param theirs: whether it is a person's own that goes back to its commit: then new files and commits stay.
    """
    generated = entry.get("generated", ())
    changes = [name for name in repository.changed() if name not in generated]
    if entry.get("moving"):
        changes = repository.half_done(entry["moving"], changes)
    yours = changes + ([] if theirs else repository.others(generated))
    commit = None if theirs or repository.head()[0] is None else repository.own_commits()
    if commit:
        return "a commit of yours is in it (%s)" % commit[:12]
    return "files of yours are in it (%s)" % some(yours) if yours else ""


def take_back(path, action, ledger):
    """Do what plan_absent() says, under the ledger's lock."""
    entries = ledger.section(SECTION)
    before = entries[path]["before"]
    for folder in leftovers(path):
        discard_beside(folder)
    if action == "kept":
        return
    real = os.path.realpath(path)
    if action == "removed":
        with beside(path) as folder:
            try:
                os.rename(real, os.path.join(folder, "checkout"))
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # A folder of a lower layer (overlayfs): it cannot be renamed. Killed here, the next run goes on.
                entries[path]["going"] = True
                ledger.save()
                shutil.rmtree(real)
            give_folder(real, before)
    elif action == "restored":
        give_back(Repository(path), entries[path])
    elif not os.path.lexists(path):  # killed between the two
        give_folder(real, before)
    del entries[path]
    ledger.save()


def give_folder(path, before):
    """Make the empty folder that was in a place, with its mode."""
    if isinstance(before, dict) and "folder" in before:
        os.mkdir(path)
        os.chmod(path, int(before["folder"], 8))


def give_back(repository, entry):
    """Bring a person's own checkout back to its commit and branch, without what devrig put beside them."""
    heal(repository)
    commit, branch = entry["before"]["commit"], entry["before"]["branch"]
    force = ["--force"] if entry.get("moving") else []
    there = branch and repository.ref("refs/heads/" + branch)
    repository.ask("checkout", "--quiet", *(force + ([branch, "--"] if there else ["--detach", commit])))
    restore_deleted(repository)
    names = repository.ask("for-each-ref", "--format=%(refname)", "refs/devrig").split()
    if repository.ref("refs/heads/" + KEPT + commit[:12]) == commit:
        names.append("refs/heads/" + KEPT + commit[:12])
    for name in names:
        repository.ask("update-ref", "-d", name)
