"""Make docs/cheatsheet.md out of the templates: every alias and key that devrig brings, and what it does.

Where the words come from, so that a key and its meaning stand in one place:

- zsh: the comment behind an alias or a bindkey; a key that is not a plain sequence is named in it ("Up: ..."); for a
  function, the comment above it that begins with its name ("# t: ...").
- vim: the line above a mapping that begins with a quotation mark and a bar; it holds for all modes of that key.
- tmux: the note of the binding (bind -N).

What has no description ends the program. Run: python -m docs.cheatsheet
"""

import re
import shlex
from collections import namedtuple
from pathlib import Path

from tests.unit.rendering import defaults, render

SHEET = Path(__file__).with_name("cheatsheet.md")
#: The release whose files are shown: the newest has all keys.
RELEASE = "trixie"

#: One key or alias. where: alias, function, key; a vim mode; a tmux key table. key: as the file has it. name: for
#: people. what: the description. does: what it stands for, as the file has it.
Row = namedtuple("Row", "where key name what does")

#: What the plugins of zsh bind: sequence, name, widget, description.
ZSH_PLUGIN_KEYS = [
    Row("key", "^R", "Ctrl-R", "search the history (fzf)", "fzf-history-widget"),
    Row("key", "^T", "Ctrl-T", "put a file's name in (fzf)", "fzf-file-widget"),
    Row("key", "^[c", "Alt-C", "go to a folder (fzf)", "fzf-cd-widget"),
    Row("key", "^[[C", "Right", "take the suggestion", "forward-char"),
]

ZSH_SEQUENCES = {"^[[1;5C": "Ctrl-Right", "^[[1;5D": "Ctrl-Left", "^[[Z": "Shift-Tab", "^I": "Tab", "^M": "Enter"}
TMUX_MOUSE = {
    "MouseDown1Pane": "click",
    "MouseDragEnd1Pane": "drag with the mouse",
    "DoubleClick1Pane": "double click",
    "TripleClick1Pane": "triple click",
}
VIM_MODES = {"n": "", "x": " (selection)", "v": " (selection)", "i": " (typing)", "o": " (after an operator)"}


class UndescribedError(Exception):
    """A binding has no description."""

    def __init__(self, template, line, how):
        """Take the template's name, the line in question and how a description is written there."""
        super().__init__(f"templates/{template}: no description for: {line.strip()}\n{how}")


def zsh_key(sequence):
    """Return the name of a sequence as bindkey has it: "^X^E" is Ctrl-X Ctrl-E, "^[h" is Alt-H."""
    if sequence in ZSH_SEQUENCES:
        return ZSH_SEQUENCES[sequence]
    names = []
    for part in re.findall(r"\^\[\^.|\^\[.|\^.|.", sequence):
        if part.startswith("^[") and len(part) > 2:
            last = zsh_key(part[2:])
            names.append("Alt-" + (last.upper() if len(last) == 1 else last))
        else:
            names.append("Ctrl-" + part[1:] if len(part) == 2 else part)
    return " ".join(names)


def vim_key(keys):
    """Return the name of vim's notation: "<leader>f" is Space f, "<M-Left>" is Alt-Left, "gcc" stays."""
    modifiers = {"C": "Ctrl", "M": "Alt", "A": "Alt", "S": "Shift"}
    names = []
    for part in re.findall(r"<[^<>]+>|[^<]+|<", keys):
        inner = part[1:-1] if part.startswith("<") and part.endswith(">") else None
        if inner is None:
            names.append(part)
        elif inner.lower() in ("leader", "space"):
            names.append("Space")
        elif inner[:2].upper() in ("C-", "M-", "A-", "S-"):
            last = inner[2:]
            names.append(f"{modifiers[inner[0].upper()]}-{last.upper() if len(last) == 1 else last}")
        else:
            names.append(inner)
    return " ".join(names)


def tmux_key(key):
    """Return the name of a key as tmux has it: "C-s" is Ctrl-S, "M-h" is Alt-H, "H" stays."""
    if key in TMUX_MOUSE:
        return TMUX_MOUSE[key]
    match = re.fullmatch(r"((?:[CMS]-)+)(.+)", key)
    if not match:
        return key
    modifiers = [{"C": "Ctrl", "M": "Alt", "S": "Shift"}[letter] for letter in match[1] if letter != "-"]
    return "-".join([*modifiers, match[2].upper() if len(match[2]) == 1 else match[2]])


def zsh_rows(text):
    """Return the rows of a rendered zshrc.

    :raises UndescribedError: for an alias or a key without a comment behind it.
    """
    rows = []
    comment = []
    for line in text.splitlines():
        alias = re.match(
            r"\s*alias\s+(?:-\S+\s+)?(?P<key>[^=\s]+)=(?P<does>'[^']*'|\"[^\"]*\"|\S+)(?:\s+#\s*(?P<what>.+))?$", line
        )
        bound = re.match(
            r".*?\bbindkey\s+(?!-[elv]\b)(?:-M\s+\S+\s+)?(?P<key>'[^']*'|\S+)\s+(?P<does>[\w-]+);?(?:[^#]*#\s*(?P<what>.+))?",
            line,
        )
        function = re.match(r"(?P<key>[a-z][\w-]*)\(\)", line)
        if alias:
            _described("zshrc.j2", line, alias["what"], "alias x='y'  # what it does")
            does = shlex.split(alias["does"])[0]
            rows.append(Row("alias", alias["key"], alias["key"], alias["what"], does))
        elif bound and not line.lstrip().startswith("#"):
            _described("zshrc.j2", line, bound["what"], "bindkey '^X^E' widget  # what it does")
            key, what = bound["key"].strip("'"), bound["what"]
            name = zsh_key(key)
            if key.startswith("$"):
                name, colon, what = what.partition(": ")
                _described("zshrc.j2", line, colon and what, "bindkey $key widget  # Up: what it does")
            rows.append(Row("key", key, name, what, bound["does"]))
        elif function and comment and comment[0].startswith(f"{function['key']}: "):
            what = " ".join(comment)[len(function["key"]) + 2 :].rstrip(".")
            rows.append(Row("function", function["key"], function["key"], what, ""))
        comment = [*comment, line[1:].strip()] if line.startswith("#") else []
    return rows + [row for row in ZSH_PLUGIN_KEYS if row.name not in {row.name for row in rows}]


def vim_rows(text):
    """Return the rows of a rendered vimrc, one for each mapping: a key has several where a program may be missing.

    :raises UndescribedError: for a mapping with no description above it.
    """
    rows = []
    what = described = None
    for line in text.splitlines():
        mapped = re.match(
            r"\s*(?P<mode>[nvxsoilct]?)(?:nore)?map\s+(?:<(?:silent|expr|buffer|unique|nowait|script)>\s*)*"
            r"(?P<key>\S+)\s+(?P<does>\S.*)$",
            line,
        )
        comment = re.match(r'\s*"\|\s+(.+)$', line)
        if comment:
            what, described = comment[1], None
        elif mapped:
            if what is None or described not in (None, mapped["key"]):
                raise UndescribedError("vimrc.j2", line, '"| what it does: on the line above')
            described = mapped["key"]
            rows.append(Row(mapped["mode"], mapped["key"], vim_key(mapped["key"]), what, mapped["does"]))
    return rows


def tmux_rows(text):
    """Return the rows of a rendered tmux.conf.

    :raises UndescribedError: for a binding without a note.
    """
    rows = []
    for line in text.splitlines():
        if not re.match(r"\s*bind(-key)?\s", line):
            continue
        words = shlex.split(line, comments=False)[1:]
        table, what = "prefix", None
        while words[0].startswith("-") and len(words[0]) > 1:
            flag = words.pop(0)
            if flag == "-N":
                what = words.pop(0)
            elif flag == "-T":
                table = words.pop(0)
            elif flag == "-n":
                table = "root"
        _described("tmux.conf.j2", line, what, 'bind -N "what it does" key command')
        rows.append(Row(table, words[0], tmux_key(words[0]), what, " ".join(words[1:])))
    return rows


def _described(template, line, what, how):
    if not what:
        raise UndescribedError(template, line, how)


def rows(release=RELEASE):
    """Return the rows of the three programs on a release: "zsh", "vim", "tmux" -> list of Row."""
    return {
        "zsh": zsh_rows(render("zshrc.j2", "zsh", release)),
        "vim": vim_rows(render("vimrc.j2", "vim", release)),
        "tmux": tmux_rows(render("tmux.conf.j2", "tmux", release)),
    }


def _table(head, rows):
    """Return a table with one line for each description; keys that do the same stand together."""
    keys = {}
    for row in rows:
        names = keys.setdefault(row.what, [])
        if row.name not in names:
            names.append(row.name)
    lines = [f"| {head} | what it does |", "|---|---|"]
    for what, names in keys.items():
        shown = ", ".join(f"`{name}`".replace("|", "\\|") for name in names)
        lines.append(f"| {shown} | {what[0].upper() + what[1:]} |".replace("<", "&lt;"))
    return "\n".join(lines)


def _for_people(rows):
    """Name a key of vim's once for each mode, and the mode where it does not do what it does in normal mode."""
    first = {}
    for row in rows:
        first.setdefault((row.where, row.key), row)
    normal = {row.key: row.what for row in first.values() if row.where in ("", "n")}
    return [
        row if normal.get(row.key) == row.what else row._replace(name=row.name + VIM_MODES.get(row.where, ""))
        for row in first.values()
    ]


def sheet():
    """Return the text of docs/cheatsheet.md.

    :raises UndescribedError: where a template binds something and does not say what it does.
    """
    found = rows()
    zsh, tmux = found["zsh"], found["tmux"]
    prefix = [row._replace(name=f"prefix {row.name}") for row in tmux if row.where == "prefix"]
    parts = [
        "# Keys and aliases",
        "What devrig adds to zsh, vim and tmux. Made from `templates/` by `./test docs`: change it there.",
        "## zsh",
        _table("type", [row for row in zsh if row.where in ("alias", "function")]),
        _table("key", [row for row in zsh if row.where == "key"]),
        "## vim",
        _table("key", _for_people(found["vim"])),
        "## tmux",
        f"The prefix is `{tmux_key(defaults('tmux')['tmux_prefix'])}`; `prefix ?` lists tmux's own keys too.",
        _table("key", prefix),
        _table("key without the prefix", [row for row in tmux if row.where == "root"]),
        _table("key in copy mode", [row for row in tmux if row.where == "copy-mode-vi"]),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    SHEET.write_text(sheet())
    print(f"{SHEET} is written")
