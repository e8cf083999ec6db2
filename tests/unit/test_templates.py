"""Every template renders for every release and for odd settings, and the program that reads it finds no fault in it."""

import itertools
import re

import pytest
from rendering import EDITOR_TEMPLATES, ODD, RELEASES, ROLE_OF, TEMPLATES, constants, defaults, render, rendered


def test_every_template_is_known_here():
    """Those of the starter are tested in test_starter.py."""
    starter = {entry["src"] for entry in constants("starter")["__starter_files"]}
    there = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.is_file()}
    assert {*ROLE_OF, *starter} == {path for path in there if "__pycache__" not in path}


#: Each template with each odd setting; the releases take turns, so that each template and each odd setting meets
#: every release: there are more of both than there are releases.
PAIRWISE = [
    (template, RELEASES[(row + column) % len(RELEASES)], odd)
    for row, template in enumerate(ROLE_OF)
    for column, odd in enumerate(ODD)
]


def test_cases_cover_every_pair():
    for first, second in itertools.combinations(range(3), 2):
        pairs = itertools.product(*[(list(ROLE_OF), RELEASES, list(ODD))[axis] for axis in (first, second)])
        assert {(case[first], case[second]) for case in PAIRWISE} == set(pairs)


@pytest.mark.parametrize(("template", "release", "odd"), PAIRWISE)
def test_template_renders_cleanly(template, release, odd):
    text = rendered(template, release, **ODD[odd])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "Ansible managed" in text.splitlines()[0] + text.splitlines()[1]
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "{{" not in text
    assert "{%" not in text
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text), "a date would change the file with every run"


#: (template, setting that is true or false)
SWITCHES = [
    (template, name)
    for template, (role, _) in ROLE_OF.items()
    for name, value in defaults(role).items()
    if isinstance(value, bool) and name in (TEMPLATES / template).read_text()
]


@pytest.mark.parametrize(("template", "name"), SWITCHES)
def test_false_on_the_command_line_is_false(template, name):
    """-e NAME=false is a text."""
    texts = [rendered(template, "trixie", **{name: value}) for value in (False, "false", True, "true")]
    assert texts[0] == texts[1] != texts[2] == texts[3]


@pytest.mark.parametrize("template", EDITOR_TEMPLATES)
def test_an_undefined_setting_is_an_error(template):
    """The renderer itself can fail: without it the test above would prove nothing."""
    source = (TEMPLATES / template).read_text()
    assert "ansible_managed" in source
    role, given = ROLE_OF[template]
    with pytest.raises(Exception, match="ansible_managed|undefined"):
        render(template, role, "bookworm", **{**given, "ansible_managed": "{{ no_such_setting }}"})


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("role", ["zsh", "vim", "tmux"])
def test_package_tables_are_complete(role, release):
    table = constants(role)[f"__{role}_packages"]
    assert set(table) == set(RELEASES)
    assert role in table[release]
    assert len(set(table[release])) == len(table[release])


def test_debian_releases_have_every_plugin():
    for release in ("bullseye", "bookworm", "trixie"):
        assert {"zsh-autosuggestions", "zsh-syntax-highlighting"} <= set(constants("zsh")["__zsh_packages"][release])
        assert {"vim-ale", "vim-gitgutter", "fzf"} <= set(constants("vim")["__vim_packages"][release])
