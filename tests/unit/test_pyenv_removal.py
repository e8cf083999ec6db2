"""What of pyenv is taken back: the decision, and the module on a tree as a run leaves it."""

import importlib
import json
import os
import subprocess
from pathlib import Path

import pytest

STAMP = ".devrig.json"


@pytest.fixture
def pyenv_removal():
    return importlib.import_module("ansible.module_utils.pyenv_removal")


def version(pyenv_removal, name, kind="ours", environments=(), *, mib=159, stamped=False):
    return pyenv_removal.Version(name, kind, list(environments), mib, stamped)


@pytest.fixture
def decide(pyenv_removal):
    def call(versions=(), checkouts=(), caches=(), *, users=None, back=None):
        made = [item if isinstance(item, pyenv_removal.Version) else version(pyenv_removal, *item) for item in versions]
        users = {item.name: (users or {}).get(item.name, []) for item in made}
        return pyenv_removal.decide("/p", made, list(checkouts), list(caches), made=["shims"], users=users, back=back)

    return call


def test_nothing_there_is_nothing_to_ask_for(decide):
    assert decide() == ([], [], [], [], False)


def test_what_devrig_built_goes_and_what_is_the_person_s_stays(decide):
    found = decide([("3.6.8",), ("3.11.9", "theirs"), ("mine", "theirs"), ("3.13.5", "ours", ["web"])])
    assert found.versions == ["3.6.8"]
    assert found.goes == ["Python 3.6.8 (159 MB)"]
    assert found.stays == [
        "3.11.9 stays: it is yours",
        "mine stays: it is yours",
        "Python 3.13.5 stays: it has virtual environments of yours (web)",
    ]


def test_environments_elsewhere_are_named(decide):
    found = decide([("3.6.8",)], users={"3.6.8": ["/h/shop-x1"]})
    assert found.stays == ["/h/shop-x1 stays, and needs Python 3.6.8, which goes"]


def test_checkouts_are_asked_for_the_plugin_first(decide):
    found = decide(checkouts=[("/p/plugins/v", "removed", ""), ("/p", "removed", "")])
    assert found.checkouts == [{"path": "/p/plugins/v", "generated": []}, {"path": "/p", "generated": ["shims"]}]
    assert found.goes == ["/p/plugins/v", "/p"]
    kept = decide(checkouts=[("/p", "kept", "files of yours are in it (versions/mine)")])
    assert (kept.checkouts, kept.anything) == ([], False)
    assert kept.stays == ["/p stays: files of yours are in it (versions/mine)"]
    gone = decide(checkouts=[("/p", "absent", "")])
    assert (gone.anything, len(gone.checkouts)) == (False, 1)
    assert "goes back to yours" in decide(checkouts=[("/p", "restored", "")]).goes[0]


def test_an_interpreter_that_was_taken_over_stays_without_the_mark(decide, pyenv_removal):
    found = decide([version(pyenv_removal, "3.11.9", "theirs", stamped=True)], back="3.11.9\n")
    assert found.goes == ["the mark in Python 3.11.9", "the global list, which becomes 3.11.9 again"]
    assert "the pip and pipenv that were put into it" in found.stays[0]
    assert "becomes empty again" in decide(back="").goes[0]


def test_caches_have_sizes(decide):
    assert decide(caches=[("/c/devrig-sources", 20)]).goes == ["/c/devrig-sources (20 MB)"]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("devrig-sources", True),
        ("devrig-pip", True),
        ("openssl-1.1.1w-0123456789ab", True),
        ("openssl-1.1.1w-0123456789ab.new", True),
        ("openssl-1.1.1w", False),
        ("sources", False),
        ("devrig-sources-mine", False),
        ("zsh", False),
    ],
)
def test_only_names_of_devrig_s_are_caches(pyenv_removal, name, ours):
    assert bool(pyenv_removal.CACHES.match(name)) is ours


def git(folder, *argv):
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@localhost", *argv]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder, **files):
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(0o755)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def tree(folder):
    """Return path -> (content, mode, time of a file) of all below a folder."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        stat = path.lstat()
        found[str(path)] = (path.is_file() and path.read_bytes(), stat.st_mode, path.is_file() and stat.st_mtime_ns)
    return found


@pytest.fixture
def machine(run_module, tmp_path, monkeypatch, quick_gate):
    """A home with pyenv and a plugin, brought by the modules; .remove(), .build(name), .root."""
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    rehash = '#!/bin/sh\n[ "$1" != rehash ] || { mkdir -p "$PYENV_ROOT/shims"; : >"$PYENV_ROOT/shims/python"; }\n'
    pyenv = repository(tmp_path / "pyenv", bin__pyenv=rehash, _gitignore="/versions\n/shims\n/version\n")
    plugin = repository(tmp_path / "plugin", README="x\n")

    class Machine:
        root = home / ".pyenv"
        state = home / ".local/state/devrig"
        cache = home / ".cache/devrig"
        checkouts = (
            {"path": str(root), "repo": str(tmp_path / "pyenv"), "version": pyenv},
            {"path": str(root / "plugins/pyenv-virtualenv"), "repo": str(tmp_path / "plugin"), "version": plugin},
        )
        params = {  # noqa: RUF012
            "root": str(root),
            "plugins": [checkouts[1]["path"]],
            "state_dir": str(state),
            "cache_dir": str(cache),
        }

        def bring(self):
            params = {"checkouts": self.checkouts, "state_dir": str(self.state)}
            return run_module("git_checkout", params, home=home)

        def build(self, *names):
            """Leave what pyenv_python leaves: the ledger's lines, interpreters with stamps, shims, the global list."""
            ledger_class = importlib.import_module("ansible.module_utils.devrig_ledger").Ledger
            tree_of = importlib.import_module("ansible.module_utils.pyenv_tree")
            ledger = ledger_class(str(self.state / "ledger.json"))
            with ledger.locked():
                for folder in (self.cache, self.root / "versions", self.root / "shims"):
                    ledger.make_folder(str(folder))
            for name in names:
                (self.root / "versions" / name / "bin").mkdir(parents=True)
                (self.root / "versions" / name / STAMP).write_text('{"plan": {}, "built": {"version": "x"}}')
            tree_of.set_global(str(self.root), list(names), ledger)
            (self.root / "shims/python").touch()
            (self.cache / "devrig-sources").mkdir()
            (self.state / "log").mkdir()

        def remove(self, *options):
            answer = run_module("pyenv_removal", self.params, *options, home=home)
            assert "msg" not in answer, answer
            params = {"checkouts": answer["checkouts"], "state_dir": str(self.state), "state": "absent"}
            after = run_module("git_checkout", params, *options, home=home)
            return answer, after

    made = Machine()
    made.home = home
    return made


def test_a_pyenv_of_devrig_s_goes_without_a_trace(machine):
    before = tree(machine.home)
    machine.bring()
    machine.build("3.13.5", "3.9.2")
    there = tree(machine.home)
    answer, after = machine.remove("--check")
    assert tree(machine.home) == there
    assert [item["action"] for item in after["checkouts"]] == ["removed", "removed"]
    real, after = machine.remove()
    assert real["goes"] == answer["goes"]
    assert [item["action"] for item in after["checkouts"]] == ["removed", "removed"]
    left = {path: found for path, found in tree(machine.home).items() if "/.ansible" not in path}
    assert left == before
    again, after = machine.remove()
    assert (again["changed"], after["changed"]) == (False, False)


def test_what_the_person_made_stays_and_pyenv_with_it(machine):
    machine.bring()
    machine.build("3.13.5", "3.9.2")
    (machine.root / "versions/3.11.9/bin").mkdir(parents=True)
    (machine.root / "versions/3.11.9/bin/python").touch()
    (machine.root / "versions/3.9.2/envs/web").mkdir(parents=True)
    (machine.root / "versions/web").symlink_to("3.9.2/envs/web")
    answer, after = machine.remove()
    assert sorted(path.name for path in (machine.root / "versions").iterdir()) == ["3.11.9", "3.9.2", "web"]
    assert any("has virtual environments of yours (web)" in line for line in answer["stays"])
    assert any(str(machine.root) in line and "versions/" in line for line in answer["stays"])
    assert (machine.root / "bin/pyenv").exists()
    assert (machine.root / "shims/python").exists()
    assert not (machine.root / "version").exists()
    again, after = machine.remove()
    assert (again["changed"], after["changed"]) == (False, False)


def test_a_person_s_own_pyenv_comes_back_with_its_versions_and_its_global_list(machine, tmp_path):
    git(tmp_path, "clone", "-q", str(tmp_path / "pyenv"), str(machine.root))
    (machine.root / "mine").write_text("mine\n")
    git(machine.root, "add", "-A")
    git(machine.root, "commit", "-q", "-m", "mine")
    (machine.root / "versions/3.11.9/bin").mkdir(parents=True)
    (machine.root / "version").write_text("3.11.9\n")
    (machine.root / "version").chmod(0o600)
    head = git(machine.root, "rev-parse", "HEAD")
    refs = git(machine.root, "show-ref")
    before = {path: found for path, found in tree(machine.home).items() if "/.git/" not in path}
    machine.bring()
    assert git(machine.root, "rev-parse", "HEAD") != head
    machine.build("3.13.5")
    (machine.root / "versions/3.11.9" / STAMP).write_text('{"plan": {}}')
    answer, _ = machine.remove()
    assert "the global list, which becomes 3.11.9 again" in answer["goes"]
    assert git(machine.root, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(machine.root, "show-ref") == refs
    after = {path: found for path, found in tree(machine.home).items() if "/.git/" not in path}
    mine = str(machine.root / "mine")  # git wrote it anew
    shims = {path for path in after if path.startswith(str(machine.root / "shims"))}  # made by the pyenv that stays
    ansible = {path for path in after if "/.ansible" in path}
    assert {path: found for path, found in after.items() if path not in {mine, *shims, *ansible}} == {
        path: found for path, found in before.items() if path != mine
    }
    assert after[mine][:2] == before[mine][:2]


def test_a_global_list_that_was_set_since_stays(machine):
    machine.bring()
    machine.build("3.13.5")
    (machine.root / "versions/3.11.9/bin").mkdir(parents=True)
    (machine.root / "versions/3.11.9/bin/python").touch()
    (machine.root / "version").write_text("3.11.9\n")
    machine.remove()
    assert (machine.root / "version").read_text() == "3.11.9\n"
    assert "pyenv_globals" not in json.loads((machine.state / "ledger.json").read_text())["sections"]


def test_folders_that_a_person_moved_away_lose_their_link_alone(machine, tmp_path):
    machine.bring()
    machine.build("3.13.5")
    moved = [(machine.cache / "devrig-sources", tmp_path / "sources"), (machine.root / "shims", tmp_path / "shims")]
    for place, elsewhere in moved:
        place.rename(elsewhere)
        (elsewhere / "mine").touch()
        place.symlink_to(elsewhere)
    machine.remove()
    for place, elsewhere in moved:
        assert not os.path.lexists(place)
        assert (elsewhere / "mine").exists()
    assert not machine.root.exists()


def test_a_removal_that_was_killed_is_ended_by_the_next(machine):
    machine.bring()
    machine.build("3.13.5", "3.9.2")
    (machine.root / "versions/3.13.5" / STAMP).rename(machine.root / "versions/3.13.5/.devrig-building.json")
    subprocess.run(["rm", "-rf", str(machine.root / "versions/3.13.5/bin")], check=True)
    (machine.root / "version").unlink()
    answer, after = machine.remove()
    assert [item["action"] for item in after["checkouts"]] == ["removed", "removed"]
    assert not machine.root.exists()


def test_environments_of_pipenv_are_found(pyenv_removal, tmp_path):
    folder = tmp_path / ".local/share/virtualenvs"
    for name, home in (("shop-a", "/p/versions/3.6.8/bin"), ("old-b", "/p/versions/3.6.80/bin"), ("c", "/usr/bin")):
        (folder / name).mkdir(parents=True)
        (folder / name / "pyvenv.cfg").write_text(f"home = {home}\nversion = 3\n")
    (folder / "d").mkdir()
    assert pyenv_removal.users_of("/p", ["3.6.8"], str(tmp_path)) == {"3.6.8": [str(folder / "shop-a")]}
