"""docs/cheatsheet.md against the living programs: what it says is there, and what is there it says."""

import json
import re

import pytest

from docs import cheatsheet

pytestmark = pytest.mark.release

#: Keys that a vim with a comment plugin of its own maps for itself, in its own way.
VIM_COMMENTS = {"gc", "gcc"}


@pytest.fixture
def rows(home):
    """What the templates bind on the host's release."""
    return cheatsheet.rows(home.sh(". /etc/os-release; printf %s $VERSION_CODENAME"))


def aliases(home, *options):
    listed = home.sh(
        f"zsh {' '.join(options)} -ic 'for name value in ${{(kv)aliases}}; do print -r -- \"$name $value\"; done'"
    )
    return dict(line.split(" ", 1) for line in listed.splitlines())


def test_zsh_has_these_aliases_and_no_others(home, rows):
    living = aliases(home)
    said = {row.key: row.does for row in rows["zsh"] if row.where == "alias"}
    assert {name: living.get(name) for name in said} == said
    assert set(living) - set(aliases(home, "-f")) == set(said)


def test_zsh_has_these_functions(home, rows):
    said = [row.key for row in rows["zsh"] if row.where == "function"]
    assert said
    kinds = home.sh(f"zsh -ic 'whence -w {' '.join(said)}'").splitlines()
    assert kinds == [f"{name}: function" for name in said]


def test_zsh_s_keys_do_what_the_sheet_says(home, idle_zsh, rows):
    terminal = idle_zsh()
    terminal.run("bindkey -L >keys.new; mv keys.new keys")
    living = terminal.wait("written", lambda: home.sh("cat keys 2>/dev/null || true"))
    bound = {}
    for line in living.splitlines():
        match = re.fullmatch(r'bindkey "(.+)" (\S+)', line)
        if match:
            bound[re.sub(r"\\(.)", r"\1", match[1])] = match[2]
    keys = [row for row in rows["zsh"] if row.where == "key"]
    plain = {row.key: row.does for row in keys if not row.key.startswith("$")}
    assert {key: bound.get(key) for key in plain} == plain
    assert {row.does for row in keys} <= set(bound.values())


def test_vim_s_mappings_are_those_of_the_sheet(home, open_terminal, rows):
    home.write("a.py", "one = 1\n")
    terminal = open_terminal("vim", "a.py", columns=100)
    terminal.wait_for("one = 1")
    asked = [[row.key.replace("<leader>", "<Space>"), row.where or "n"] for row in rows["vim"]]
    script = (
        f"let asked = json_decode('{json.dumps(asked)}')\n"
        "let found = {'asked': map(asked, 'maparg(v:val[0], v:val[1])')}\n"
        "let found.all = execute('verbose map') . execute('verbose map!')\n"
        "let found.all .= exists(':tmap') == 2 ? execute('verbose tmap') : ''\n"
        "call writefile([json_encode(found)], 'living.new')\n"
        "call rename('living.new', 'living')\n"
    )
    home.write("ask.vim", script)
    terminal.run(":source ask.vim")
    living = json.loads(terminal.wait("the answer", lambda: home.sh("cat living 2>/dev/null || true")))
    templates = {}
    for row in rows["vim"]:
        templates.setdefault((row.where, row.key), set()).add(row.does.replace("<Space>", " "))
    for row, does in zip(rows["vim"], living["asked"]):
        assert does, f"{row.key} is not mapped in mode {row.where}"
        if re.sub(r"<SNR>\d+_", "<SID>", does) not in templates[row.where, row.key]:
            assert row.key in VIM_COMMENTS, f"{row.key} in mode {row.where}: {does}"
    ours = set(re.findall(r"^\S? +(\S+)[^\n]*\n\s+Last set from ~/\.vimrc\b", living["all"], re.MULTILINE))
    assert ours
    assert ours <= {row.key.replace("<leader>", "<Space>").replace("<space>", "<Space>") for row in rows["vim"]}


def notes(home, table, *options):
    """Return the notes of a key table: key -> note, of tmux's own configuration or of another."""
    start = f"tmux -L notes {' '.join(options)} new-session -d"
    listed = home.sh(f"{start}; tmux -L notes list-keys -N -T {table}; tmux -L notes kill-server")
    return dict(line.split(None, 1) for line in listed.splitlines() if len(line.split(None, 1)) == 2)


@pytest.mark.parametrize("table", ["prefix", "root", "copy-mode-vi"])
def test_tmux_s_notes_are_those_of_the_sheet(home, rows, table):
    keys = [row for row in rows["tmux"] if row.where == table]
    assert keys
    said = {row.key: row.what for row in keys if row.key not in cheatsheet.TMUX_MOUSE}  # a mouse's are not listed
    living = notes(home, table)
    assert {key: living.get(key) for key in said} == said
    default = notes(home, table, "-f", "/dev/null")
    assert {key: note for key, note in living.items() if default.get(key) != note}.items() <= said.items()


def test_tmux_s_mouse_keys_are_bound(home, rows):
    bound = home.sh("tmux -L notes new-session -d; tmux -L notes list-keys; tmux -L notes kill-server")
    for row in rows["tmux"]:
        if row.key in cheatsheet.TMUX_MOUSE:
            assert re.search(rf"-T {row.where} +{row.key} ", bound), row
