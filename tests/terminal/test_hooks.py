"""git's hook with the real linters: who gets it, what it refuses, and that the editor names the same faults."""

import json
import re

import pytest

#: How a person commits; `commit` prints what the hook says and ends with its status.
SETUP = """
git config --global user.name n; git config --global user.email e@localhost; git config --global init.defaultBranch main
commit() { git commit -qm x "$@" 2>&1; }
refused() { ! commit "$@" >said || { echo 'it was accepted' >&2; return 1; }; cat said; rm said; }
"""
BAD = "import os\n\nanswer = undefined_name\n"
GOOD = "answer = 42\n"


@pytest.fixture
def sh(home):
    """Return a function that runs a script with commit() and refused()."""

    def run(script, **options):
        return home.sh(SETUP + script, **options)

    return run


@pytest.mark.release
def test_a_new_clone_refuses_a_bad_commit_and_takes_a_good_one(sh):
    said = sh(f"""
        git init -q --bare origin.git; git clone -q origin.git clone 2>/dev/null; cd clone
        printf '{BAD}' >app.py; printf 'unused = 1\\n' >app.rb; git add .
        refused
        git rev-parse -q --verify HEAD && exit 3
        printf '{GOOD}' >app.py; git add app.py; git rm -q --cached app.rb
        commit
    """)
    lines = said.splitlines()
    assert lines[:2] == [
        "app.py:1:1: F401 'os' imported but unused [flake8]",
        "app.py:3:10: F821 undefined name 'undefined_name' [flake8]",
    ]
    assert re.search(
        r"^app\.rb:1:1: Lint/UselessAssignment Useless assignment to variable - .*\[rubocop\]$", said, re.M
    )
    assert "git commit --no-verify" in lines[-1]


@pytest.mark.release
def test_an_old_repository_gets_it_by_one_command(sh):
    said = sh(f"""
        git init -q --template= old; cd old
        printf '{BAD}' >a.py; git add .; commit
        mkdir -p .git/hooks
        printf '#!/bin/sh\\necho own hook ran\\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit
        git devrig-hooks; git devrig-hooks
        printf '{BAD}\\nmore = 1\\n' >a.py; git add .
        refused
        printf '{GOOD}' >a.py; git add .; commit
        git devrig-hooks --remove
        grep -c 'own hook ran' .git/hooks/pre-commit
    """)
    assert said.count("own hook ran") == 2, "once for each commit"
    assert "a.py:3:10: F821" in said
    assert said.splitlines()[-1] == "1"


def test_a_repository_s_own_hooks_path_is_chained(sh):
    said = sh(f"""
        git init -q husky; cd husky; mkdir .husky; git config core.hooksPath .husky
        printf '#!/bin/sh\\necho husky ran\\n' >.husky/pre-commit; chmod +x .husky/pre-commit
        printf '{BAD}' >a.py; git add a.py
        git devrig-hooks
        refused
        printf '{GOOD}' >a.py; git add a.py; commit
        printf '#!/bin/sh\\nexit 1\\n' >.husky/pre-commit
        git config core.hooksPath .husky
        printf 'answer = 43\\n' >a.py; git add a.py; refused
    """)
    assert said.count("husky ran") == 2
    assert said.count("F821") == 1


def test_twelve_odd_names(sh):
    """All in one commit, with another text in the work tree than what is staged: each is named, with its line."""
    names = [
        "with blanks.py",
        "-option.py",
        "it's.py",
        'quo"ted.py',
        "new\nline.py",
        "tab\tin it.py",
        "back\\slash.py",
        "ünïcödé ☃.py",
        "$(touch owned).py",
        "gl*b[a]?.py",
        "co:lon:1:2.rb",
        "new\nline ü.rb",
    ]
    said = sh(
        """
        fill() {
          TEXT=$1 python3 -c '
import json, os
for name in json.loads(os.environ["NAMES"]):
    with open(name, "w") as stream:
        stream.write(os.environ["TEXT"])
'
        }
        good='# frozen_string_literal: true
'
        git init -q odd; cd odd; printf 'Naming/FileName:\\n  Enabled: false\\n' >.rubocop.yml
        fill "$good
1.+( 2)
"; git add .; fill "$good"
        refused
        echo =====
        git add .; fill bad
        commit; git log --oneline | wc -l; git ls-files | wc -l; ls owned 2>/dev/null || true
        """,
        env={"NAMES": json.dumps(names)},
    )
    refused, accepted = said.split("=====\n")
    assert len(re.findall(r":3:5: E201 ", refused)) == 10
    assert len(re.findall(r":3:5: Layout/SpaceInsideParens ", refused)) == 2
    for shown in (
        '"new\\nline.py":3:',
        '"quo\\"ted.py":3:',
        "ünïcödé ☃.py:3:",
        "with blanks.py:3:",
        "co:lon:1:2.rb:3:",
    ):
        assert shown in refused
    assert accepted.split() == ["1", "13"], "and the configuration"


def test_partial_staging(sh):
    said = sh(f"""
        git init -q partly; cd partly
        printf '{GOOD}' >a.py; git add a.py; commit
        printf '{BAD}' >a.py; git add a.py; printf '{GOOD}\\nmore = 1\\n' >a.py
        refused
        git add a.py; printf '{BAD}' >a.py
        commit
        git diff --stat | cat
    """)
    assert "a.py:3:10: F821" in said
    assert "1 file changed" in said, "the work tree is as it was"


def test_the_project_s_configuration_and_linter_are_used(sh):
    said = sh("""
        git init -q project; cd project
        printf '[flake8]\\nmax-line-length = 30\\n' >setup.cfg
        printf 'AllCops:\\n  DisabledByDefault: true\\n' >.rubocop.yml
        printf 'text = "%030d"\\n' 0 >a.py; printf 'unused = 1\\n' >a.rb; git add .
        refused
        mkdir -p .venv/bin; touch .venv/pyvenv.cfg; echo .venv >.gitignore
        printf '#!/bin/sh\\necho own flake8 >&2; exit 2\\n' >.venv/bin/flake8; chmod +x .venv/bin/flake8
        refused
    """)
    assert "a.py:1:31: E501" in said
    assert "a.rb" not in said
    assert "devrig: flake8 failed: own flake8" in said


#: name -> text: what linters find, in places and files where an editor and a hook could differ.
FAULTY = {
    "unused.py": BAD,
    "long.py": f"text = '{'x' * 100}'\n",
    "syntax.py": "def broken(:\n    pass\n",
    "blanks.py": "one = 1 \n\n\n\n\ndef two( ):\n\treturn 'ünïcödé'+undefined\n\n\n",
    "no end.py": "one = 1\ntwo=2",
    "dos.py": "one = 1\r\ntwo=2\r\n",
    "tool": "#!/usr/bin/env python3\nimport os\n",
    "fine.py": GOOD,
    "unused.rb": 'unused = 1\nputs "a"\n',
    "syntax.rb": "def broken(\nend\n",
    "no end.rb": "# frozen_string_literal: true\n\nputs 'a' ;puts 'b'",
    "project/sub/own.py": f"text = '{'x' * 50}'\n",
    "project/setup.cfg": "[flake8]\nmax-line-length = 40\nignore = W\n",
}

#: Opens each file in turn, waits until it is linted, and writes down what the location list has.
COLLECT = r"""
let s:found = {}
let g:ale_set_lists_synchronously = 1
function! Collect() abort
  if !get(b:, 'ale_linted')
    return
  endif
  let l:name = expand('%')
  let s:found[l:name] = map(getloclist(0), '[v:val.lnum, v:val.text]')
  if argidx() + 1 < argc()
    next
  else
    call writefile([json_encode(s:found)], 'found.json')
    quitall!
  endif
endfunction
autocmd User ALELintPost call timer_start(1, {-> Collect()})
"""


def test_editor_and_hook_name_the_same_lines(home, sh, open_terminal):
    for name, text in FAULTY.items():
        home.sh(
            'mkdir -p "$(dirname "$FILE")"; printf %s "$TEXT" >"$FILE"',
            env={"FILE": f"{home.path}/agreed/{name}", "TEXT": text.replace("\r", "")},
        )
    sh("cd agreed; git init -q; sed -i 's/$/\\r/' dos.py; chmod +x tool")
    home.write("agreed/collect.vim", COLLECT)
    names = [name for name in FAULTY if not name.endswith(".cfg")]
    terminal = open_terminal("vim", "-S", "collect.vim", *names, folder=f"{home.path}/agreed", columns=160)
    terminal.wait("vim has seen all files", lambda: terminal.ended, timeout=60)
    editor = {(name, line) for name, found in json.loads(home.sh("cat agreed/found.json")).items() for line, _ in found}
    said = sh("cd agreed; rm collect.vim found.json; git add .; refused")
    hook = {
        (name.strip('"'), int(line))
        for name, line in re.findall(r"^(.+?):(\d+):\d+: .* \[(?:flake8|rubocop)\]$", said, re.M)
    }
    assert {name for name, _ in hook} == set(names) - {"fine.py"}, "each has a fault"
    assert editor == hook
