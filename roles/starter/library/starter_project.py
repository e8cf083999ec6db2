#!/usr/bin/python
"""Put a new project in its place, whole or not at all, and never where something is."""

DOCUMENTATION = r"""
module: starter_project
short_description: Make a project with a git repository in a folder that is not there yet
description:
  - Writes the files into a folder beside the place, makes a git repository there (branch main, nothing committed,
    with whatever the user's C(init.templateDir) brings), and renames it to its place when it is complete.
  - A folder that holds anything is refused and nothing is written.
    One that this module made is left alone, whatever is in it now.
options:
  path:
    description: Where the project shall be, a whole path. C(~) is the user's home.
    type: str
    required: true
  files:
    description: The files, path in the project -> text.
    type: dict
    default: {}
  private:
    description:
      - Those of I(files) that only their owner may read. C(<secret>) in them becomes 64 random hexadecimal digits,
        which are made here and returned nowhere.
    type: list
    elements: str
    default: []
"""

RETURN = r"""
project:
  description: Where it is, a whole path.
  type: str
  returned: success
state:
  description: C(new), or C(left alone) where this module made it earlier.
  type: str
  returned: success
says:
  description: What to tell the person, line by line.
  type: list
  elements: str
  returned: success
"""

import fcntl
import os
import pwd
import secrets
import shlex
import shutil
import stat
import subprocess

from ansible.module_utils.basic import AnsibleModule

#: Seen in a repository, it says that the project is one of ours.
MARK = ".git/devrig-starter"

#: Alembic reads % as a reference, PATH takes : for an end, and pip writes the others unprotected into a virtualenv's
#: programs, between double quotes of a shell, where the path holds a blank or is long.
IMPOSSIBLE = '%:"$`\\'


class Refused(Exception):
    """What cannot be done, before anything is changed; the message says what to do."""


def whole(path):
    """Return a path with the home folder put in; Refused for what names no folder of its own."""
    if not path:
        raise Refused("starter_path is empty: name the folder to be made, for example -e starter_path=~/src/hello")
    if not path.isprintable() or path != path.strip():
        raise Refused("starter_path is %r: no blank may stand at its ends, and no tab or other control in it" % path)
    if any(sign in path for sign in IMPOSSIBLE):
        raise Refused("starter_path is %s: none of %s can be in it" % (path, " ".join(IMPOSSIBLE)))
    if os.path.basename(path.rstrip("/")) in ("", ".", "..", "~"):
        raise Refused("starter_path is %s: write the folder's name, the application is called after it" % path)
    if path.startswith("~/"):
        path = pwd.getpwuid(os.geteuid()).pw_dir + path[1:]
    if not path.startswith("/"):  # Ansible runs elsewhere than where the command was typed
        raise Refused("starter_path is %s: write the whole path, or ~/ for the user's own home" % path)
    return os.path.normpath(path)


def look(path):
    """Return the place and what is there: "new" for nothing or an empty folder, or "left alone" for a project of ours.

    :param path: a whole path. A link to an empty folder is followed.
    :return: (whole path, state).
    :raises Refused: where something else is, or where the user may not write.
    """
    if os.path.islink(path):
        path = os.path.realpath(path)
        if not os.path.exists(path):
            raise Refused("%s is what a link leads to, and nothing is there: remove the link" % path)
    if os.path.lexists(path):
        if not os.path.isdir(path):
            raise Refused("%s is no folder: name another one" % path)
        if os.path.isfile(os.path.join(path, MARK)):
            return path, "left alone"
        names = sorted(os.listdir(path))
        if names:
            shown = ", ".join(names[:3]) + (" and %d more" % (len(names) - 3) if names[3:] else "")
            raise Refused("%s is not empty (%s): nothing was written. Name a new or empty folder" % (path, shown))
    ancestor = os.path.dirname(path)
    while not os.path.lexists(ancestor):
        ancestor = os.path.dirname(ancestor)
    if not os.path.isdir(ancestor) or not os.access(ancestor, os.W_OK | os.X_OK):
        raise Refused("%s cannot be made: %s is no folder in which you may write" % (path, ancestor))
    return path, "new"


def write(folder, files, private):
    """Write files, path -> text, into a folder; arguments as in DOCUMENTATION."""
    for name, text in files.items():
        place = os.path.join(folder, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        mode = 0o600 if name in private else 0o666
        secret = secrets.token_hex(32) if name in private else "<secret>"
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
            stream.write(text.replace("<secret>", secret))


def make_repository(folder):
    """Make an empty git repository on branch main, with the mark, in a folder; Refused with git's own words."""
    # A caller's GIT_DIR would lead elsewhere; GIT_TEMPLATE_DIR and the like are the user's choice.
    local = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")
    environment = {name: value for name, value in os.environ.items() if name not in local}
    # git before 2.28 has no --initial-branch; a HEAD that names a branch to come is the same.
    for command in (["init", "--quiet"], ["symbolic-ref", "HEAD", "refs/heads/main"]):
        git = subprocess.run(
            ["git"] + command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if git.returncode:
            raise Refused("git %s failed: %s" % (command[0], git.stdout.decode("utf-8", "replace").strip()))
    with open(os.path.join(folder, MARK), "w") as stream:
        stream.write("This project began as devrig's starter.\n")


def make(path, files, private):
    """Make the project beside its place and rename it there.

    One folder, locked while it is in use: what a killed run left in it is removed by the next.

    :raises Refused: when another run is at it, or git fails.
    :raises OSError: as the system says.
    """
    if shutil.which("git") is None:
        raise Refused("git is missing, and the project is a git repository: run with --tags build_deps,starter")
    parent, name = os.path.split(path)
    os.makedirs(parent, exist_ok=True)
    beside = os.path.join(parent, ".%s.devrig-starter" % name)
    os.makedirs(beside, exist_ok=True)
    lock = os.open(beside, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("another run is making %s: wait for it" % path)
        os.chmod(beside, 0o700)
        empty(beside)
        try:
            write(beside, files, private)
            make_repository(beside)
            os.chmod(beside, mode_for(path))
            os.rename(beside, path)  # also over an empty folder, and never over one that has got something meanwhile
        except BaseException:
            shutil.rmtree(beside)
            raise
    finally:
        os.close(lock)


def empty(folder):
    """Remove all that is in a folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def mode_for(path):
    """Return the permissions of the folder that is at a path, or those that a new one gets."""
    if os.path.isdir(path):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o777 & ~mask


def says(path, state, check):
    """Return the lines that tell the person what was done and what comes next."""
    if state == "left alone":
        return ["%s was made by devrig earlier: it is left alone" % path]
    steps = ["pipenv install --dev", "pipenv run flask db upgrade", "pipenv run flask run"]
    first = "%s would be made" % path if check else "%s is made" % path
    return [first, " && ".join(["cd %s" % shlex.quote(path)] + steps)]


def main():
    """Run as Ansible's module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "required": True},
            "files": {"type": "dict", "default": {}},
            "private": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        path, state = look(whole(params["path"]))
        if state == "new" and not module.check_mode:
            make(path, params["files"], params["private"])
    except Refused as reason:
        module.fail_json(msg=str(reason))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (params["path"], error))
    names = "".join("%s\n" % name for name in sorted(params["files"]))
    module.exit_json(
        changed=state == "new",
        project=path,
        state=state,
        says=says(path, state, module.check_mode),
        diff={"before": names if state == "left alone" else "", "after": names, "after_header": path},
    )


if __name__ == "__main__":
    main()
