"""Which linter runs on a file, and with which configuration: one answer for the editor and for git's hook.

The project's virtualenv and configuration win over the person's own global ones (~/.config/flake8, ~/.rubocop.yml),
these over devrig's, which lie beside this file. flake8 is Python's linter, and ruff where the project configures ruff.

Run as a program it reads a text from standard input and speaks the command line that an editor knows: lint-python that
of flake8, lint-ruby that of rubocop; fix-python writes the text with its faults mended. Some configurations run code of
the repository: an editor must not do that because a file was opened, nor a hook because something was committed, so
they wait for the person's yes.
"""

import collections
import configparser
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    sys.dont_write_bytecode = True  # nothing that devrig did not record stays in a home folder
    sys.path.insert(0, HERE)

from lint_project import Project, ours, read, without_git  # noqa: E402 - it lies beside this file

#: Exit status of a shell for a program that is not there (POSIX, Shell Command Language 2.8.2).
MISSING = 127

#: Debian's packages of programs that have not the program's name.
PACKAGES = {"autopep8": "python3-autopep8"}

#: flake8's --format: file names may hold blanks, newlines and colons, and whatever else it prints is not a record.
_RECORD = "\x1e%(row)d\x1f%(col)d\x1f%(code)s\x1f%(text)s\x1f%(path)s\x1d"
_RECORDS = re.compile("\x1e(\\d+)\x1f(\\d+)\x1f([^\x1f]*)\x1f([^\x1f]*)\x1f([^\x1d]*)\x1d")

#: Lines of a .rubocop.yml that run no code: departments, cops and their settings. All else may be something to load or
#: a configuration from elsewhere, in one of YAML's many spellings.
_RUBOCOP_LINE = re.compile(r"(?:---|#.*|[A-Z]\w*(?:/\w+)*:.*|inherit_mode:.*|[ ].*)?", re.ASCII)
_RUBOCOP_INHERITS = re.compile(r"inherit_from:[ ]*([\w./*-]*)[ ]*(?:#.*)?", re.ASCII)
_RUBOCOP_ITEM = re.compile(r"[ ]*-[ ]+([\w./*-]+)[ ]*(?:#.*)?", re.ASCII)

#: What flake8 passes over where nothing is said (its defaults.py).
_FLAKE8_EXCLUDE = ".svn,CVS,.bzr,.hg,.git,__pycache__,.tox,.nox,.eggs,*.egg"

#: Files that flake8 reads, the first that has its section.
FLAKE8_FILES = ("setup.cfg", "tox.ini", ".flake8")

#: Where rubocop looks for a project's configuration (its documentation, "Config file locations").
RUBOCOP_FILES = (".rubocop.yml", ".config/.rubocop.yml", ".config/rubocop/config.yml")

#: row and column count from 1; code is the rule's name, text what is wrong.
Fault = collections.namedtuple("Fault", "file row column code text")

#: linter: its name; command: what starts it, a list; config: arguments that choose its configuration, a list;
#: root: the folder that it runs in; runs: the file of the repository whose code it would run, "" for none.
Plan = collections.namedtuple("Plan", "linter command config root runs")


class NotThere(Exception):
    """A linter that is wanted is not installed; the message says what to do."""


class Failed(Exception):
    """A linter ended without an answer; the message has what it said."""


# ---------------------------------------------------------------- what to run


def plan(language, project):
    """Choose the linter of a file.

    :param language: "python" or "ruby".
    :param project: the Project of the file.
    :return: its Plan.
    :raises NotThere: where the linter that the project asks for is missing.
    :raises Failed: where the project's configuration keeps it from answering.
    """
    return _plan_python(project) if language == "python" else _plan_ruby(project)


def _plan_python(project):
    for folder in project.folders:
        ruff = _ruff_config(folder)
        flake8 = _flake8_config(folder)
        command = project.tool("ruff") if ruff else ""
        if command:
            return Plan("ruff", [command], [], folder, "")
        if flake8:
            return _plan_flake8(project, flake8)
        if ruff:
            raise NotThere("ruff is missing, which %s asks for: pipenv install --dev ruff" % ruff)
    config = project.personal("flake8") or os.path.join(HERE, "flake8")
    arguments = ["--config", config, "--extend-exclude", _excluded(_flake8_settings(config))]
    return Plan("flake8", [_tool(project, "flake8")], arguments, project.root, "")


def _plan_flake8(project, config):
    folder, command = os.path.dirname(config), [_tool(project, "flake8")]
    if config.endswith(".toml"):
        # For a plugin, which looks for it itself, as flake8 then does for its own files: here and above.
        around = [folder]
        while os.path.dirname(around[-1]) != around[-1]:
            around.append(os.path.dirname(around[-1]))
        files = (os.path.join(each, name) for each in around for name in FLAKE8_FILES)
        return Plan("flake8", command, [], folder, next((each for each in files if _has_local_plugins(each)), ""))
    settings = _flake8_settings(config)
    if settings.get("quiet", "0") != "0":
        raise Failed("flake8 says neither line nor rule, for %s has quiet: take it out" % config)
    arguments = ["--config", config, "--extend-exclude", _excluded(settings)]
    return Plan("flake8", command, arguments, folder, config if _has_local_plugins(config) else "")


def _ruff_config(folder):
    """Return the path of a folder's configuration of ruff, "" for none."""
    for name in (".ruff.toml", "ruff.toml", "pyproject.toml"):
        path = os.path.join(folder, name)
        data = read(path)
        if data and (name != "pyproject.toml" or re.search(rb"^\s*\[tool\.ruff[.\]]", data, re.MULTILINE)):
            return path
    return ""


def _flake8_config(folder):
    """Return the path of a folder's configuration of flake8, "" for none, in flake8's order."""
    for name in FLAKE8_FILES:
        path = os.path.join(folder, name)
        if b"flake8" in read(path) and {"flake8", "flake8:local-plugins"} & set(_ini(path).sections()):
            return path
    path = os.path.join(folder, "pyproject.toml")
    return path if re.search(rb"^\s*\[tool\.flake8\]", read(path), re.MULTILINE) else ""


def _ini(path):
    """Read a configuration as flake8 does (its options/config.py)."""
    found = configparser.RawConfigParser()
    try:
        found.read_string("\n".join(read(path).decode("utf-8").splitlines()))
    except (configparser.Error, UnicodeDecodeError):
        # flake8 will say what is wrong with it; nobody knows what is in it.
        found = configparser.RawConfigParser()
        found.read_dict({"flake8": {}, "flake8:local-plugins": {"": ""}})
    return found


def _has_local_plugins(path):
    return b"local-plugins" in read(path) and _ini(path).has_section("flake8:local-plugins")


def _flake8_settings(path):
    """Return the settings of a configuration of flake8, name with hyphens -> text."""
    found = _ini(path)
    return (
        {name.replace("_", "-"): value for name, value in found.items("flake8")} if found.has_section("flake8") else {}
    )


def _excluded(settings):
    """Return patterns for --extend-exclude that cover what lies in excluded folders.

    Of files that it is given by name flake8 compares the last part and the whole path alone (its discover_files.py).
    """
    patterns = settings.get("exclude", _FLAKE8_EXCLUDE) + "," + settings.get("extend-exclude", "")
    found = []
    for pattern in (each.rstrip("/") for each in re.split(r"[,\s]+", patterns)):
        if pattern:
            below = pattern + "/*"
            found += [pattern, below] if "/" in pattern else [pattern, "./" + below, "./*/" + below]
    return ",".join(found)


def _plan_ruby(project):
    own = project.find(*RUBOCOP_FILES)
    config = own or project.personal("~/.rubocop.yml", "rubocop/config.yml") or os.path.join(HERE, "rubocop.yml")
    arguments = ["--config", config]
    bundle = project.tool("bundle")
    lock = project.find("Gemfile.lock")
    if bundle and re.search(rb"^    rubocop \(", read(lock), re.MULTILINE):
        gemfile = os.path.join(os.path.dirname(lock), "Gemfile")
        return Plan("rubocop", [bundle, "exec", "rubocop"], arguments, os.path.dirname(lock), gemfile)
    # A file of options may name files to load and files to write.
    runs = project.find(".rubocop", ".config/.rubocop") or _rubocop_runs(own, set())
    return Plan("rubocop", [_tool(project, "rubocop")], arguments, project.root, runs)


def _rubocop_runs(path, seen):
    """Return the configuration, this one or one that it takes from, that may make rubocop run code; "" for none.

    :param path: a configuration, "" for none.
    :param seen: set of those that were looked at.
    """
    if not path or path in seen:
        return ""
    seen.add(path)
    inherited = _rubocop_inherits(read(path))
    if inherited is None or not ours(path):
        return path
    for name in inherited:
        for other in glob.glob(os.path.join(os.path.dirname(path), name)):
            found = _rubocop_runs(os.path.realpath(other), seen)
            if found:
                return found
    return ""


def _rubocop_inherits(data):
    """Return the names that a configuration inherits from, None where it may run code or cannot be understood."""
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    if "<%" in text or [line for line in lines if line] != [line for line in text.splitlines() if line]:
        return None  # ERB, or an end of a line that only some programs know
    names, key = [], ""  # the key at the margin that the next lines belong to
    for line in lines:
        begins, item = _RUBOCOP_INHERITS.fullmatch(line), _RUBOCOP_ITEM.fullmatch(line)
        if begins or (item and key == "inherit_from"):
            key = "inherit_from"
            names += [name for name in (begins or item).groups() if name]
        elif not _RUBOCOP_LINE.fullmatch(line) or (line.startswith(" ") and key in ("", "inherit_from")):
            return None
        elif line.strip("-") and line[0] not in "# ":
            key = line.split(":")[0]
    return names


def _tool(project, name):
    path = project.tool(name)
    if not path:
        raise NotThere("%s is missing: sudo apt install %s" % (name, PACKAGES.get(name, name)))
    return path


# ---------------------------------------------------------------- running it


def environment(environ):
    """Return the environment of a linter: its messages are English, file names are UTF-8 as far as they can be."""
    # rubocop would look for its cache's place in every .rubocop.yml above, and run the ERB that is in there.
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    settings = {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8:surrogateescape"}
    return {"RUBOCOP_CACHE_ROOT": os.path.join(cache, "devrig", "rubocop"), **without_git(environ), **settings}


def command_for_files(chosen, files):
    """Return the command line that lints files, absolute paths, as they are on disk."""
    return chosen.command + _arguments(chosen) + ["--", *files]


def command_for_text(chosen, file, options=()):
    """Return the command line that lints a text from standard input as if it was this file; further options win."""
    name = {
        "flake8": ["--stdin-display-name", file, "-"],
        "ruff": ["--stdin-filename", file, "-"],
        "rubocop": ["--stdin", file],
    }
    return chosen.command + _arguments(chosen) + [*options, *name[chosen.linter]]


def _arguments(chosen):
    if chosen.linter == "flake8":
        return [*chosen.config, "--format", _RECORD, "--output-file="]
    if chosen.linter == "ruff":
        return ["check", "--quiet", "--no-fix", "--force-exclude", "--output-format=json"]
    return [*chosen.config, "--format", "json", "--force-exclusion"]


def answer(command, root, environ, text=None):
    """Run a linter.

    :param command: its command line.
    :param root: the folder that it runs in.
    :param environ: the caller's environment.
    :param text: bytes for its standard input.
    :return: its exit status, standard output and standard error, as text.
    :raises Failed: where it cannot be started.
    """
    try:
        done = subprocess.run(
            [os.fsencode(word) for word in command],
            check=False,
            input=b"" if text is None else text,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=root,
            env=environment(environ),
        )
    except OSError as error:
        raise Failed("%s: %s" % (command[0], error.strerror))
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "replace")


def faults(chosen, done, file=""):
    """Read a linter's answer.

    :param chosen: its Plan.
    :param done: exit status, standard output, standard error.
    :param file: the file that was asked about, if it was one: its name is not read out of the answer then.
    :return: list of Fault, in the linter's order.
    :raises Failed: where it is no answer.
    """
    status, output, errors = done
    try:
        found = {"flake8": _read_flake8, "ruff": _read_ruff, "rubocop": _read_rubocop}[chosen.linter](output)
    except (KeyError, TypeError, ValueError):
        found = []
        status = status or -1
    # 1 is "there are faults", for all of them.
    if status not in (0, 1) or (status == 1 and not found):
        raise Failed(_failure(chosen.linter, done))
    place = [fault._replace(file=file or os.path.join(chosen.root, fault.file)) for fault in found]
    return [fault._replace(text=" ".join(fault.text.split())) for fault in place]


def _failure(linter, done):
    """Return a line that says why a linter gave no answer: the last of a traceback of Python's, the first of Ruby's."""
    status, output, errors = done
    said = [line.strip() for line in (errors or output).splitlines() if line.strip()]
    if linter == "rubocop":
        said = [line for line in said if not line.startswith(("from ", "Warning"))][:1]
    return "%s failed: %s" % (linter, said[-1] if said else "exit status %d" % status)


def _read_flake8(output):
    return [
        Fault(path, int(row), int(column), code, text) for row, column, code, text, path in _RECORDS.findall(output)
    ]


def _read_ruff(output):
    return [
        Fault(
            each["filename"],
            each["location"]["row"],
            each["location"]["column"],
            each["code"] or "syntax-error",
            each["message"],
        )
        for each in json.loads(output)
    ]


def _read_rubocop(output):
    # Warnings about its configuration may stand before the answer.
    found = []
    for each in json.loads(output[output.index('{"metadata"') :])["files"]:
        for offense in each["offenses"]:
            place = offense["location"]
            name = offense["cop_name"]
            text = offense["message"]
            text = text[len(name) + 2 :] if text.startswith(name + ": ") else text
            found.append(Fault(each["path"], place["line"], place["column"], name, text))
    return found


def printable(file):
    """Return a file's name as linters can print it: bytes that are no UTF-8 are replaced."""
    return file.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def run_all(jobs):
    """Run functions side by side, as many as there are cores.

    :param jobs: list of functions without arguments.
    :return: list of what they returned, in their order.
    :raises Exception: what the first of them raised.
    """
    results = [None] * len(jobs)
    waiting = list(enumerate(jobs))[::-1]

    def work():
        while waiting:
            try:
                number, job = waiting.pop()
            except IndexError:
                return
            try:
                results[number] = (job(), None)
            except Exception as error:
                results[number] = (None, error)

    others = [threading.Thread(target=work) for _ in range(min(len(jobs), os.cpu_count() or 1) - 1)]
    for other in others:
        other.start()
    work()
    for other in others:
        other.join()
    for _, error in results:
        if error:
            raise error
    return [result for result, _ in results]


# ---------------------------------------------------------------- for editors


def after(arguments, option):
    """Return the value that follows an option in a command line, "" where it is not given."""
    return arguments[arguments.index(option) + 1] if option in arguments[:-1] else ""


def as_on_disk(file, text):
    """Return a text without the newline that editors add at its end, if the file has none: then that is a fault."""
    return text[:-1] if text.endswith(b"\n") and read(file) == text[:-1] else text


def refusal(runs, project):
    """Return why a program must not be run, "" where it may.

    :param runs: the file of the repository whose code it would run, "" for none.
    :param project: the Project.
    """
    if not runs or project.trusted():
        return ""
    return "%s would run code of this repository; to allow it: git config --global --add devrig.trust %s" % (
        os.path.relpath(runs, project.root),
        shlex.quote(project.root),
    )


def lint_python(arguments, text, environ):
    """Be flake8 for an editor: exit status, standard output and standard error."""
    if "--version" in arguments:
        return 0, "3.0.0 (the command line of flake8 that devrig's lint-python speaks)\n", ""
    name = after(arguments, "--stdin-display-name") or "stdin.py"
    file = os.path.abspath(name)
    project = Project(file, environ)
    try:
        chosen = plan("python", project)
        refused = refusal(chosen.runs, project)
        if refused:
            return 1, "stdin:1:1: W001 not linted: %s\n" % refused, ""
        options = [word for word in arguments if word not in ("--format=default", "--stdin-display-name", name, "-")]
        command = command_for_text(chosen, printable(file), options if chosen.linter == "flake8" else [])
        found = faults(chosen, answer(command, chosen.root, environ, as_on_disk(file, text)), file)
    except Failed as error:
        return 1, "stdin:1:1: W002 %s\n" % error, ""
    return bool(found), "".join("stdin:%d:%d: %s %s\n" % fault[1:] for fault in found), ""


def lint_ruby(arguments, text, environ):
    """Be rubocop for an editor, which also asks for corrections: exit status, standard output and standard error."""
    file = os.path.abspath(after(arguments, "--stdin") or "stdin.rb")
    project = Project(file, environ)
    chosen = plan("ruby", project)
    refused = refusal(chosen.runs, project)
    said = "not linted: " + refused
    if not refused:
        command = chosen.command + chosen.config + arguments
        done = answer(command, chosen.root, environ, as_on_disk(file, text))
        # 1 is "there are faults", or that it broke down.
        if done[0] == 0 or (done[0] == 1 and ('{"metadata"' in done[1] or after(arguments, "--format") != "json")):
            return done
        said = _failure("rubocop", done)
    if after(arguments, "--format") != "json":
        return 1, "", said + "\n"
    place = {"line": 1, "column": 1, "start_line": 1, "start_column": 1, "last_line": 1, "last_column": 1, "length": 1}
    offense = {"severity": "warning", "message": said, "cop_name": "devrig", "corrected": False, "location": place}
    files = [{"path": printable(file), "offenses": [offense]}]
    return 1, json.dumps({"metadata": {}, "files": files, "summary": {"offense_count": 1}}), ""


def fix_python(arguments, text, environ):
    """Return the text with its faults mended, as the project is configured: by ruff, black or autopep8."""
    file = os.path.abspath(after(arguments, "--filename") or "stdin.py")
    project = Project(file, environ)
    chosen = plan("python", project)
    name = printable(file)
    pyproject = read(project.find("pyproject.toml"))
    if chosen.linter == "ruff":
        command = chosen.command + ["check", "--quiet", "--fix-only", "--force-exclude", "--stdin-filename", name, "-"]
    elif re.search(rb"^\s*\[tool\.black\]", pyproject, re.MULTILINE):
        if re.search(rb"^\s*(?:diff|check)\s*=\s*true", pyproject, re.MULTILINE):
            raise Failed("black would not write the mended text, for pyproject.toml has diff or check")
        command = [_tool(project, "black"), "--quiet", "--stdin-filename", name, "-"]
    else:
        config = after(chosen.config, "--config")
        command = [_tool(project, "autopep8"), *(["--global-config", config] if config else []), "-"]
    status, output, errors = answer(command, chosen.root, environ, text)
    return status, output if status == 0 else "", errors


def main(arguments):
    """Run one of the programs; the first argument is its name."""
    programs = {"lint-python": lint_python, "lint-ruby": lint_ruby, "fix-python": fix_python}
    wants_text = "--version" not in arguments
    try:
        status, output, errors = programs[arguments[0]](
            arguments[1:],
            sys.stdin.buffer.read() if wants_text else b"",
            {"HOME": os.path.expanduser("~"), **os.environ},
        )
    except NotThere as error:
        status, output, errors = MISSING, "", "%s: %s\n" % (arguments[0], error)
    except Failed as error:
        status, output, errors = 1, "", "%s: %s\n" % (arguments[0], error)
    sys.stdout.buffer.write(output.encode("utf-8", "surrogateescape"))
    sys.stderr.write(errors)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
