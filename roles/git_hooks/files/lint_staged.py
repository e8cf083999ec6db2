"""Lint what is about to be committed: git's pre-commit hook, see githooks(5). The argument is the hook file's path.

What is looked at is the text that is staged, not the one in the work tree: of Python and Ruby files that the commit
adds or changes, copies or renames. What a merge takes from one side as it is there has been looked at there. The
linters' configuration is the one in the work tree, as for the editor.
A repository with a configuration of pre-commit's is pre-commit's.
"""

import collections
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    sys.dont_write_bytecode = True  # nothing that devrig did not record stays in a home folder
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "linters"))

try:
    import lint
    from lint_project import Project, language
except ImportError:
    # `remove.yml --tags linters` leaves the hook alone: nobody's commits are blocked.
    sys.stderr.write("devrig: the linters are gone, nothing was linted: run the playbook with --tags linters\n")
    sys.exit(0)

#: Bytes of a file that is looked at; the editor's limit (ale_maximum_file_size) is the same.
LARGEST = 1000000

#: From how many linters on it is said that it takes a while.
MANY = 20

#: Files that one process of a linter gets, for a command line has its limit (ARG_MAX, execve(2)).
_AT_ONCE = 100

#: How git-lfs begins what it keeps in the place of a file (its specification, version 1).
_LFS = b"version https://git-lfs.github.com/spec/"

WAY_OUT = "To commit without a check: git commit --no-verify"

#: name: path from the top of the work tree; blob: what is staged; text: the bytes of it.
Staged = collections.namedtuple("Staged", "name blob text")


class Git:
    """Questions to git, with the environment that the hook has got: it names the index of this commit."""

    def __init__(self, environ):
        """Keep the environment."""
        self.environ = environ

    def __call__(self, *arguments, text=b""):
        """Return what git writes, as bytes.

        :raises lint.Failed: when git fails, with what it said.
        """
        done = subprocess.run(
            ["git", *arguments],
            check=False,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environ,
        )
        if done.returncode:
            raise lint.Failed("git %s failed: %s" % (arguments[0], done.stderr.decode("utf-8", "replace").strip()))
        return done.stdout


def changes(raw):
    """Read git's raw format (git-diff-index(1), -z) and return file name -> blob.

    Only regular files: a symbolic link's blob is a path, and a submodule's a commit of another repository.
    """
    words = raw.split(b"\0")[:-1]
    found = collections.OrderedDict()
    for about, name in zip(words[::2], words[1::2]):
        mode, blob = about.split(b" ")[1:4:2]
        if mode in (b"100644", b"100755"):
            found[os.fsdecode(name)] = blob.decode()
    return found


def staged_names(git):
    """Return file name -> blob of what the commit changes, in git's order."""
    parents = git("rev-parse", "--revs-only", "HEAD").decode().split()
    if not parents:  # the first commit: everything is new
        parents = git("hash-object", "-t", "tree", "--stdin").decode().split()
    merged = os.fsdecode(git("rev-parse", "--git-path", "MERGE_HEAD")).rstrip("\n")
    if os.path.exists(merged):
        with open(merged) as stream:
            parents += stream.read().split()
    found = None
    for parent in parents:
        raw = git("diff-index", "--cached", "--raw", "-z", "--no-renames", "--diff-filter=AMT", parent, "--")
        here = changes(raw)
        found = here if found is None else collections.OrderedDict(each for each in found.items() if each[0] in here)
    return found


def staged(git):
    """Return language ("python", "ruby") -> list of Staged to be looked at, and the names of files too large."""
    changed = staged_names(git).items()
    names = [(name, blob) for name, blob in changed if language(name) or not os.path.splitext(name)[1]]
    files, large = {"python": [], "ruby": []}, []
    if not names:
        return files, large
    blobs = "".join("%s\n" % blob for _, blob in names).encode()
    sizes = [int(line.split()[2]) for line in git("cat-file", "--batch-check", text=blobs).splitlines()]
    small = [each for each, size in zip(names, sizes) if size <= LARGEST]
    large = [name for (name, _), size in zip(names, sizes) if size > LARGEST and language(name)]
    for name, blob, text in contents(git, small):
        what = language(name, text[:200])
        # Binary as git sees it: a NUL in the first 8000 bytes (xdiff-interface.c, buffer_is_binary).
        if what and b"\0" not in text[:8000] and not text.startswith(_LFS):
            files[what].append(Staged(name, blob, text))
    return files, large


def contents(git, names):
    """Yield name, blob and bytes of each (name, blob)."""
    answer = git("cat-file", "--batch", text="".join("%s\n" % blob for _, blob in names).encode())
    place = 0
    for name, blob in names:
        line = answer.index(b"\n", place)
        size = int(answer[place:line].split()[2])
        yield name, blob, answer[line + 1 : line + 1 + size]
        place = line + 1 + size + 1


def find_faults(files, top, environ):
    """Lint staged files of one language after the other.

    :param files: language -> list of Staged.
    :param top: the top of the work tree, absolute.
    :param environ: the environment, name -> text.
    :return: list of (linter, Fault) in the files' order, and a message for each linter that is missing
        or would run the repository's code.
    :raises lint.Failed: where a linter gives no answer.
    """
    jobs, missing = [], []
    for what, members in files.items():
        groups, lacking = collections.OrderedDict(), collections.OrderedDict()
        for folder, inside in _by_folder(members, top).items():
            project = Project(os.path.join(folder, "x"), environ)
            try:
                chosen = lint.plan(what, project)
                refused = lint.refusal(chosen.runs, project)
            except lint.NotThere as error:
                refused = str(error)
            if refused:
                lacking.setdefault(refused, []).extend(inside)
                continue
            key = (chosen.linter, tuple(chosen.command), tuple(chosen.config), chosen.root)
            groups.setdefault(key, (chosen, []))[1].extend(inside)
        for chosen, inside in groups.values():
            jobs += _jobs(chosen, inside, top, environ)
        for why, inside in lacking.items():
            missing.append("not linted: %s: %s" % (", ".join(shown(each.name) for each in inside), why))
    if len(jobs) > MANY:
        say("lints %d files one by one, for they differ from the work tree" % len(jobs))
    every = [os.path.join(top, each.name) for members in files.values() for each in members]
    order = {path: number for number, path in enumerate(every)}
    found = [each for part in lint.run_all(jobs) for each in part]
    return sorted(found, key=lambda each: (order.get(each[1].file, -1), *each[1][1:3])), missing


def _by_folder(members, top):
    """Return folder -> members in it: what is in one folder has one plan."""
    folders = collections.OrderedDict()
    for each in members:
        folders.setdefault(os.path.dirname(os.path.join(top, each.name)), []).append(each)
    return folders


def _jobs(chosen, members, top, environ):
    """Return the functions that lint files with one Plan: one process for those whose work tree has what is staged."""
    paths, texts = [], []
    for each in members:
        path = os.path.join(top, each.name)
        # rubocop takes a name with one of these for a pattern.
        plain = lint.printable(path) == path and not set("*?[]{}\\") & set(path)
        if plain and _same(path, each.text):
            paths.append(path)
        else:
            texts.append((path, each.text))

    def with_linter(found):
        return [(chosen.linter, fault._replace(file=os.path.normpath(fault.file))) for fault in found]

    def lint_paths(some):
        command = lint.command_for_files(chosen, some)
        return with_linter(lint.faults(chosen, lint.answer(command, chosen.root, environ)))

    def lint_text(path, text):
        command = lint.command_for_text(chosen, lint.printable(path))
        return with_linter(lint.faults(chosen, lint.answer(command, chosen.root, environ, text), path))

    parts = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
    return [lambda some=some: lint_paths(some) for some in parts] + [lambda one=one: lint_text(*one) for one in texts]


def _same(path, text):
    try:
        with open(path, "rb") as stream:
            return stream.read() == text
    except OSError:
        return False


def shown(name):
    """Return a file's name as git shows it: in quotes, with escapes, where it holds what a terminal must not get."""
    escapes = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    plain = lint.printable(name)
    if all(letter.isprintable() and letter not in escapes for letter in plain):
        return plain
    return '"%s"' % "".join(
        escapes.get(letter) or (letter if letter.isprintable() else "\\%03o" % ord(letter)) for letter in plain
    )


def hand_over(project, hook):
    """Let pre-commit do it, and return the exit status.

    :param project: the Project of the repository.
    :param hook: path of the hook file. pre-commit calls the one that was there before its own, as "....legacy".
    """
    if hook.endswith(".legacy"):
        return 0
    refused = lint.refusal(project.file, project)
    if refused:
        say(refused)
        say("nothing was committed. " + WAY_OUT)
        return 1
    program = project.tool("pre-commit")
    if not program:
        say("this repository has a .pre-commit-config.yaml, and pre-commit is not installed:")
        say("pipenv install --dev pre-commit, or sudo apt install pre-commit. " + WAY_OUT)
        return 1
    return subprocess.call([program, "run"], env=project.environ)


def say(line):
    """Write a line for the person who commits."""
    sys.stderr.write("devrig: %s\n" % line)


def main(hook, environ):
    """Lint what is staged in the repository of the current folder and return the hook's exit status.

    :param hook: path of the hook file.
    :param environ: the environment that git gave the hook, name -> text.
    """
    environ = {"HOME": os.path.expanduser("~"), **environ}
    top = os.getcwd()
    if os.path.exists(".pre-commit-config.yaml"):
        return hand_over(Project(os.path.join(top, ".pre-commit-config.yaml"), environ), hook)
    try:
        files, large = staged(Git(environ))
        faults, missing = find_faults(files, top, environ)
    except lint.Failed as error:
        say(str(error))
        say("nothing was committed. " + WAY_OUT)
        return 1
    for line in missing:
        say(line)
    if large:
        say("not linted, larger than 1 MB: %s" % ", ".join(map(shown, large)))
    for linter, fault in faults:
        where = "%s:%d:%d" % (shown(os.path.relpath(fault.file, top)), fault.row, fault.column)
        sys.stderr.write("%s: %s %s [%s]\n" % (where, fault.code, lint.printable(fault.text), linter))
    if not faults:
        return 0
    say("%d fault%s in what is staged, nothing was committed." % (len(faults), "" if len(faults) == 1 else "s"))
    say("Mend and stage again (git add). " + WAY_OUT)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], dict(os.environ)))
    except KeyboardInterrupt:
        sys.exit(130)
