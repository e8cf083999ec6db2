"""The sheet of keys is what the templates say, and the generator refuses what nobody has described."""

import pytest

from docs import cheatsheet


def test_the_sheet_is_what_the_generator_prints():
    assert cheatsheet.SHEET.read_text() == cheatsheet.sheet(), "run ./test docs"


@pytest.mark.parametrize(
    ("rows", "text", "line"),
    [
        (cheatsheet.zsh_rows, "alias x='y'\n", "alias x='y'"),
        (cheatsheet.zsh_rows, "bindkey '^X^E' edit-command-line\n", "bindkey"),
        (cheatsheet.zsh_rows, "for key in a b; do bindkey $key forward-word; done\n", "bindkey"),
        (cheatsheet.zsh_rows, "bindkey $key forward-word  # a word, and nothing says of which key\n", "bindkey"),
        (cheatsheet.vim_rows, '"| said of another\nnnoremap a b\nnnoremap c d\n', "nnoremap c d"),
        (cheatsheet.vim_rows, "imap a b\n", "imap a b"),
        (cheatsheet.tmux_rows, "bind -T copy-mode-vi v send-keys -X begin-selection\n", "begin-selection"),
    ],
)
def test_what_is_not_described_is_an_error_that_names_it(rows, text, line):
    with pytest.raises(cheatsheet.UndescribedError) as refused:
        rows(text)
    assert line in str(refused.value)


@pytest.mark.parametrize(
    ("name", "key", "shown"),
    [
        (cheatsheet.zsh_key, "^X^E", "Ctrl-X Ctrl-E"),
        (cheatsheet.zsh_key, "^[h", "Alt-H"),
        (cheatsheet.zsh_key, "^[^M", "Alt-Enter"),
        (cheatsheet.zsh_key, "^[[1;5C", "Ctrl-Right"),
        (cheatsheet.vim_key, "<leader>f", "Space f"),
        (cheatsheet.vim_key, "<leader><space>", "Space Space"),
        (cheatsheet.vim_key, "<M-Left>", "Alt-Left"),
        (cheatsheet.vim_key, "<C-w>x", "Ctrl-W x"),
        (cheatsheet.vim_key, "gcc", "gcc"),
        (cheatsheet.tmux_key, "C-s", "Ctrl-S"),
        (cheatsheet.tmux_key, "M-h", "Alt-H"),
        (cheatsheet.tmux_key, "H", "H"),
        (cheatsheet.tmux_key, "|", "|"),
    ],
)
def test_keys_have_names_that_people_know(name, key, shown):
    assert name(key) == shown


def test_zsh_s_comments_are_found_where_they_stand():
    text = (
        "# t: into tmux,\n# or out of it.\nt() {\n}\n"
        "alias ..='cd ..'   # one folder up\n"
        "  bindkey $key delete-char  # Delete: the character under the cursor\n"
        "bindkey -e\n"
    )
    shown = [(row.name, row.what, row.does) for row in cheatsheet.zsh_rows(text)][:3]
    assert shown == [
        ("t", "into tmux, or out of it", ""),
        ("..", "one folder up", "cd .."),
        ("Delete", "the character under the cursor", "delete-char"),
    ]


def test_a_mapping_of_vim_s_is_named_once_for_all_its_modes():
    text = '"| one\nnnoremap <silent> <leader>f :F<CR>\nxnoremap <leader>f :F<CR>\n"| two\nnnoremap <leader>f :find \n'
    rows = cheatsheet.vim_rows(text)
    assert [(row.where, row.what) for row in rows] == [("n", "one"), ("x", "one"), ("n", "two")]
    assert [(row.name, row.what) for row in cheatsheet._for_people(rows)] == [("Space f", "one"), ("Space f", "one")]


def test_tmux_s_tables_are_told_apart():
    text = (
        "bind -N 'one' -r H resize-pane -L 5\nbind -N 'two' -n M-h select-pane -L\n"
        "bind -T copy-mode-vi -N 'three' y send-keys -X copy-selection\n"
    )
    shown = [(row.where, row.name, row.what, row.does) for row in cheatsheet.tmux_rows(text)]
    assert shown == [
        ("prefix", "H", "one", "resize-pane -L 5"),
        ("root", "Alt-H", "two", "select-pane -L"),
        ("copy-mode-vi", "y", "three", "send-keys -X copy-selection"),
    ]
