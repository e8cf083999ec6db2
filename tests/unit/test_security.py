"""What the product fetches is pinned, nothing from the net goes into a shell, and no name in /tmp can be foreseen."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (
    "bootstrap",
    "bundle.yml",
    "docs/pull",
    "inventory",
    "playbook.yml",
    "remove.yml",
    "requirements.txt",
    "roles",
    "templates",
    "verify.yml",
)
COMMIT = re.compile(r"[0-9a-f]{40}")


def texts():
    """Yield path and text of each file that runs on a person's machine."""
    listed = subprocess.run(["git", "ls-files", "-z", *PRODUCT], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\0")[:-1]:
        if (ROOT / name).is_file():
            yield name, (ROOT / name).read_text()


def lines():
    for name, text in texts():
        for number, line in enumerate(text.split("\n"), 1):
            yield f"{name}:{number}", line


def requirements(text):
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


PACKAGES = [
    "requirements.txt",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("roles/pipenv/files/*/*.txt")),
]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_python_package_has_one_version(name):
    loose = [each for each in requirements((ROOT / name).read_text()) if not re.match(r"[\w.-]+==[\w.]+(;.*)?$", each)]
    assert loose == []


def test_every_repository_has_a_commit():
    """A branch can move, and so can a tag."""
    seen = 0
    for path in [ROOT / "inventory/group_vars/all.yml", *ROOT.glob("roles/*/defaults/main.yml")]:
        settings = yaml.safe_load(path.read_text())
        for name in settings:
            if name.endswith("_git_url"):
                seen += 1
                assert COMMIT.fullmatch(str(settings[name.replace("_git_url", "_version")])), name
    assert seen >= 3


def test_every_archive_has_a_checksum():
    plan = (ROOT / "roles/pyenv/module_utils/pyenv_plan.py").read_text()
    archives = re.findall(r'"https?://[^"]+\.tar\.\w+",\s*"([^"]*)"', plan)
    assert len(archives) == plan.count(".tar.")
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in archives)
    for place, line in lines():
        assert not re.search(r"ansible\.builtin\.(get_url|uri)|urlopen|urlretrieve", line), place


def test_nothing_from_the_net_goes_into_a_shell():
    fetched = re.compile(r"\b(curl|wget)\b[^#]*(\||\$\(|<\()|(\$\(|<\(|`)\s*(curl|wget)\b|pip\w* install (?!-)\S*://")
    assert [place for place, line in lines() if fetched.search(line)] == []


#: Names in /tmp, each with its reason.
IN_TMP = {
    "roles/tmux/files/tmux_sessions.py": "tmux puts its sockets there, in a folder that it checks",
    "templates/starter/tests/test_database.py.j2": "an address that is only parsed",
    "templates/zshrc.j2": "a folder of the user's that is not taken where another user made it",
}


#: What a check advises where its folder cannot be made.
ADVICE = "whether there is room in /tmp"


def test_no_name_in_tmp_can_be_foreseen():
    found = {name for name, text in texts() if re.search(r"(?<![\w.~}])/(var/)?tmp\b", text.replace(ADVICE, ""))}
    assert found <= set(IN_TMP)


def test_the_shell_checks_its_folder_in_tmp():
    text = (ROOT / "templates/zshrc.j2").read_text()
    assert "if [[ ! -O $ZSH_CACHE_DIR || -h $ZSH_CACHE_DIR ]]" in text


def test_no_password_goes_onto_a_command_line():
    """sudo's log and ps show command lines to others."""
    text = (ROOT / "bootstrap").read_text()
    assert not re.search(r"sudo[^\n]*\$\{?https?_proxy\}?\"", text)
    assert "--preserve-env=http_proxy" in text
