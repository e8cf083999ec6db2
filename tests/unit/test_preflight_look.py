"""The one look for all roles: what is to be done on a machine, mostly asked as Ansible does."""

from types import SimpleNamespace

import pytest

from tests.pyenv_stand_in import write_pyenv


@pytest.fixture
def asked(tmp_path):
    """Return the module's arguments for a home folder in which nothing is yet, but a pyenv of the test's."""
    write_pyenv(tmp_path / ".pyenv", tmp_path)
    return {
        "state_dir": str(tmp_path / ".local/state/devrig"),
        "interpreters": {"root": str(tmp_path / ".pyenv"), "versions": ["3.13.5"], "release": "bookworm"},
        "home": {
            "files": [{"path": str(tmp_path / ".zshrc"), "content": "ours\n", "mode": "0644"}],
            "folders": [str(tmp_path / "kept")],
        },
        "git": {"template": False},
    }


def test_reports_what_each_part_lacks_and_changes_nothing(run_module, asked, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    answer = run_module("preflight_look", asked)
    after = [path for path in sorted(tmp_path.rglob("*")) if ".ansible" not in path.parts]
    assert after == [path for path in before if ".ansible" not in path.parts]
    assert (answer["changed"], answer["interpreters"]["missing"]) == (False, ["3.13.5"])
    assert answer["home"] == [str(tmp_path / ".zshrc"), str(tmp_path / "kept")]
    assert answer["git"]
    assert "packages" not in answer  # nobody asked


def test_reports_nothing_where_the_roles_have_run(run_module, asked, tmp_path):
    files = [*asked["home"]["files"], hook(tmp_path)]
    run_module("dotfile", {"state_dir": asked["state_dir"], **asked["home"], "files": files})
    run_module("git_hooks", {"state_dir": asked["state_dir"], **asked["git"]})
    answer = run_module("preflight_look", asked)
    assert (answer["home"], answer["git"]) == ([], [])


def hook(home):
    return {"path": str(home / ".local/share/devrig/git/pre-commit"), "content": "#!/bin/sh\n", "mode": "0755"}


def test_rejects_version_that_the_bundle_lacks(run_module, asked):
    asked["interpreters"]["offered"] = ["3.9.2"]
    assert "3.13.5 is not in this bundle" in run_module("preflight_look", asked)["msg"]


def test_rejects_invalid_ledger(run_module, asked, tmp_path):
    ledger = tmp_path / ".local/state/devrig/ledger.json"
    ledger.parent.mkdir(parents=True)
    ledger.write_text("no ledger")
    assert "is not a record of devrig's" in run_module("preflight_look", asked)["msg"]


def test_reports_unreadable_git_configuration(run_module, asked, tmp_path):
    (tmp_path / ".gitconfig").write_text("[broken\n")
    (said,) = run_module("preflight_look", asked)["git"]
    assert "bad config" in said


def test_asks_for_the_headers_that_the_interpreters_want(preflight_look, monkeypatch):
    seen = {}
    monkeypatch.setattr(preflight_look, "Ledger", lambda path: SimpleNamespace(section=lambda name: {path: name}))
    monkeypatch.setattr(
        preflight_look.packages_look, "look", lambda _, wishes, entries, user: seen.update(wishes) or entries
    )
    asked = {"wishes": {"build_deps": ["gcc", "libssl-dev"]}, "headers": "libssl-dev", "user": "ann", "change": True}
    assert preflight_look.look_at_packages(None, asked, "libssl1.0-dev") == {preflight_look.MACHINE: "packages"}
    assert seen == {"build_deps": ["gcc", "libssl1.0-dev"]}
    assert preflight_look.look_at_packages(None, {**asked, "change": False}, "libssl-dev") == {}
