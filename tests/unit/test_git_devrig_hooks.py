"""git devrig-hooks: old repositories get the hook and give it back, whatever they are."""

import os
import signal
import subprocess
import time
from importlib import util

import pytest
from git_home import FILES, HOMES, GitHome

BEFORE = "pre-commit.before-devrig"
ODD_NAMES = ["repository", 'it\'s a "repository" $HOME `id`', "Jörg", "two\nlines", "-f"]


@pytest.fixture
def home(tmp_path, monkeypatch, git_hooks_config):
    made = GitHome(tmp_path / HOMES[1]).entered(monkeypatch)
    made.tell(git_hooks_config)
    return made


@pytest.fixture
def old(home):
    return home.old_repository()


@pytest.fixture
def program(home, monkeypatch):
    """The program as a module, with the home of the test."""
    spec = util.spec_from_file_location("git_devrig_hooks", FILES / "git_devrig_hooks.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert str(home.folder) == module.FOLDER
    return module


def tree(folder):
    """Return all that is in a folder, with modes and times."""
    return {path: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_old_repository_gets_the_hook_once_and_gives_it_back(home, name):
    folder = home.old_repository(f"in/{name}")
    assert home.commit(folder, "wrong")
    before = tree(folder)
    status, said = home.hooks("--status", cwd=folder)
    assert (status, "not linted" in said, said.count("\n")) == (1, True, 1)
    assert tree(folder) == before
    status, said = home.hooks(cwd=folder)
    assert (status, "hook added" in said, said.count("\n")) == (0, True, 1)
    assert not home.commit(folder, "wrong")
    assert home.lints == 1
    before = tree(folder / ".git/hooks")
    status, said = home.hooks(cwd=folder)
    assert (status, "nothing to do" in said) == (0, True)
    assert tree(folder / ".git/hooks") == before
    status, said = home.hooks("--status", cwd=folder)
    assert (status, "commits are linted" in said, said.count("\n")) == (0, True, 1)
    assert "hook removed" in home.hooks("--remove", cwd=folder)[1]
    assert list((folder / ".git/hooks").iterdir()) == []
    status, said = home.hooks("--remove", cwd=folder)
    assert (status, "nothing to do" in said) == (0, True)


def test_folders_are_named_by_any_path_in_them(home, old):
    (old / "a b").mkdir()
    other = home.old_repository("other")
    status, said = home.hooks("old/a b", "other", "old", cwd=home.path)
    assert status == 0
    assert said.splitlines() == [
        f"{old}: hook added",
        f"{other}: hook added",
        f"{old}: nothing to do, commits are linted already",
    ]


@pytest.mark.parametrize("argument", ["--status", "--remove", "--"])
def test_no_repository_is_an_error_and_then_nothing_is_changed(home, old, argument):
    (home.path / "none").mkdir()
    for wrong, message in (("none", "not a git repository"), ("no such", "no such folder")):
        status, said = home.hooks(argument, str(old), wrong, cwd=home.path)
        assert (status, message in said) == (2, True)
    assert not (old / ".git/hooks/pre-commit").exists()


def test_the_caller_s_repository_does_not_matter_where_folders_are_named(home, old):
    other = home.old_repository("other")
    environment = {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other)}
    home.run("/usr/bin/python3", "-I", home.program, old, **environment)
    assert (old / ".git/hooks/pre-commit").exists()
    assert not (other / ".git/hooks/pre-commit").exists()
    home.run("/usr/bin/python3", "-I", home.program, **environment)
    assert (other / ".git/hooks/pre-commit").exists()


@pytest.mark.parametrize("path", ["/usr/bin:/bin", "with it"])
def test_git_finds_it_by_the_alias_and_on_path(home, old, path):
    (old / "sub folder/deep").mkdir(parents=True)
    path = path.replace("with it", f"{home.program.parent}:/usr/bin:/bin")
    said = home.git("devrig-hooks", "..", cwd=old / "sub folder/deep", PATH=path)
    assert said == f"{old}: hook added"
    said = home.git("devrig-hooks", "--status", cwd=old / "sub folder", PATH=path)
    assert "commits are linted" in said
    assert home.run("git", "devrig-hooks", cwd=home.path, check=False, PATH=path).returncode == 2


# --- a hook that is there


def test_an_own_hook_runs_first_and_comes_back(home, old):
    hook = home.a_hook(old / ".git/hooks/pre-commit", "own")
    hook.chmod(0o750)
    text = hook.read_text()
    status, said = home.hooks(cwd=old)
    assert (status, BEFORE in said) == (0, True)
    assert hook.with_name(BEFORE).stat().st_mode & 0o777 == 0o750
    assert not home.commit(old, "wrong")
    assert (home.noted, home.lints) == (["own <>"], 1)
    assert BEFORE in home.hooks("--status", cwd=old)[1]
    assert "nothing to do" in home.hooks(cwd=old)[1]
    assert "is back" in home.hooks("--remove", cwd=old)[1]
    assert (hook.read_text(), hook.stat().st_mode & 0o777) == (text, 0o750)
    assert [path.name for path in hook.parent.iterdir()] == ["pre-commit"]
    home.a_hook(hook, "own", status=4)
    home.hooks(cwd=old)
    assert not home.commit(old)
    assert home.lints == 0


def test_an_own_hook_that_is_switched_off_stays_off(home, old):
    home.a_hook(old / ".git/hooks/pre-commit", "own").chmod(0o644)
    home.hooks(cwd=old)
    assert not home.commit(old, "wrong")
    assert home.noted == []


@pytest.mark.parametrize("target", ["../../tools/hook", "nowhere"])
def test_an_own_hook_that_is_a_link_stays_one(home, old, target):
    tool = home.a_hook(old / "tools/hook", "tool")
    text = tool.read_text()
    hook = old / ".git/hooks/pre-commit"
    hook.parent.mkdir()
    hook.symlink_to(target)
    assert home.hooks(cwd=old)[0] == 0
    assert os.readlink(hook.with_name(BEFORE)) == target
    assert not home.commit(old, "wrong")
    assert home.noted == (["tool <>"] if target != "nowhere" else [])
    home.hooks("--remove", cwd=old)
    assert os.readlink(hook) == target
    assert tool.read_text() == text


def test_a_link_to_our_hook_is_ours(home, old):
    hook = old / ".git/hooks/pre-commit"
    hook.parent.mkdir()
    hook.symlink_to(home.folder / "pre-commit")
    assert "nothing to do" in home.hooks(cwd=old)[1]
    assert hook.is_symlink()
    home.hooks("--remove", cwd=old)
    assert not os.path.lexists(hook)
    assert (home.folder / "pre-commit").exists()


def test_what_is_in_the_place_of_the_kept_hook_is_never_overwritten(home, old):
    hook = home.a_hook(old / ".git/hooks/pre-commit", "own")
    kept = home.a_hook(hook.with_name(BEFORE), "older")
    before = tree(hook.parent)
    status, said = home.hooks(cwd=old)
    assert (status, "move it away" in said) == (1, True)
    assert tree(hook.parent) == before
    assert "older" in kept.read_text()
    hook.unlink()  # then it is the one that ours runs first
    assert home.hooks(cwd=old)[0] == 0
    assert not home.commit(old, "wrong")
    assert home.noted == ["older <>"]


def test_pre_commit_s_own_hook_is_left_alone_and_said(home, old):
    hook = home.put(old / ".git/hooks/pre-commit", "#!/bin/sh\n# File generated by pre-commit: https://x\nexit 0\n")
    before = tree(old)
    status, said = home.hooks(cwd=old)
    assert (status, "pre-commit's own hook" in said) == (0, True)
    assert home.hooks("--status", cwd=old)[0] == 1
    assert "nothing to do" in home.hooks("--remove", cwd=old)[1]
    assert tree(old) == before
    ours = home.put(hook.with_name("pre-commit.legacy"), (home.folder / "pre-commit").read_text())
    assert home.hooks("--status", cwd=old)[0] == 0
    assert "stays" in home.hooks("--remove", cwd=old)[1]
    assert (ours.exists(), hook.exists()) == (False, True)


def test_a_hook_of_an_older_devrig_is_renewed(home, old):
    home.hooks(cwd=old)
    hook = old / ".git/hooks/pre-commit"
    hook.write_text(hook.read_text() + "# older\n")
    assert "renewed" in home.hooks(cwd=old)[1]
    assert hook.read_bytes() == (home.folder / "pre-commit").read_bytes()
    hook.chmod(0o644)
    status, said = home.hooks("--status", cwd=old)
    assert (status, "cannot be executed" in said) == (1, True)
    home.hooks(cwd=old)
    assert not home.commit(old, "wrong")


def test_what_a_person_has_added_to_the_hook_is_kept(home, old):
    home.hooks(cwd=old)
    hook = old / ".git/hooks/pre-commit"
    edited = hook.read_text() + "# mine\n"
    for number, arguments in ((1, []), (2, []), (3, ["--remove"])):
        hook.write_text(edited)
        said = home.hooks(*arguments, cwd=old)[1]
        assert f"kept as pre-commit.devrig-{number}" in said
        assert hook.with_name(f"pre-commit.devrig-{number}").read_text() == edited
    assert not hook.exists()


def test_a_hook_of_the_template_gives_the_template_s_hook_back(home, git_hooks_config):
    home.a_hook(home.path / "own template/hooks/pre-commit", "own")
    home.git("config", "--file", home.config, "init.templateDir", home.path / "own template")
    home.tell(git_hooks_config)
    repository = home.repository()
    assert "nothing to do" in home.hooks(cwd=repository)[1]
    home.hooks("--remove", cwd=repository)
    assert "own" in (repository / ".git/hooks/pre-commit").read_text()


@pytest.mark.parametrize("what", ["a folder", "a link of the hooks folder", "read-only"])
def test_what_cannot_be_is_said_and_changes_nothing(home, old, what):
    hooks = old / ".git/hooks"
    if what == "a folder":
        (hooks / "pre-commit").mkdir(parents=True)
    elif what == "a link of the hooks folder":
        (old / "shared").mkdir()
        hooks.symlink_to("../shared")
    else:
        (old / ".git/hooks").write_text("a file")
    before = tree(old)
    status, said = home.hooks(cwd=old)
    assert (status, said.count("\n")) == (1, 1)
    assert "Traceback" not in said
    assert tree(old) == before


def test_a_devrig_that_is_half_gone_is_said(home, old):
    (home.folder / "pre-commit").unlink()
    status, said = home.hooks(cwd=old)
    assert (status, "run devrig's playbook" in said) == (1, True)
    assert not (old / ".git/hooks").exists()


# --- worktrees, submodules, bare ones


def test_worktrees_share_the_hook(home, old):
    home.commit(old)
    home.git("worktree", "add", "-q", "../tree", cwd=old)
    assert home.hooks(cwd=home.path / "tree")[0] == 0
    assert not home.commit(old, "wrong")
    assert not home.commit(home.path / "tree", "wrong")
    assert "nothing to do" in home.hooks(cwd=old)[1]


def test_the_worktree_of_a_bare_repository_is_linted(home, old):
    home.commit(old)
    home.git("clone", "-q", "--bare", "--template=", str(old), "bare.git")
    status, said = home.hooks("bare.git", cwd=home.path)
    assert (status, "a bare repository, nothing to lint" in said) == (0, True)
    assert not (home.path / "bare.git/hooks").exists()
    home.git("worktree", "add", "-q", "../tree", cwd=home.path / "bare.git")
    assert "hook added" in home.hooks(cwd=home.path / "tree")[1]
    assert not home.commit(home.path / "tree", "wrong")


def test_a_submodule_has_its_own_hooks(home, old):
    home.commit(old)
    outer = home.old_repository("outer")
    home.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(old), "inner", cwd=outer)
    (outer / ".git/modules/inner/hooks/pre-commit").unlink()
    assert "hook added" in home.hooks(cwd=outer / "inner")[1]
    assert not home.commit(outer / "inner", "wrong")
    assert not (outer / ".git/hooks").exists()


# --- core.hooksPath


def husky(home, folder, value=".husky"):
    home.git("config", "core.hooksPath", value, cwd=folder)
    return home.a_hook(folder / value / "pre-commit", "husky")


def test_husky_s_hooks_run_first_whichever_came_first(home, old):
    husky(home, old)
    config = (old / ".git/config").read_bytes()
    status, said = home.hooks("--status", cwd=old)
    assert (status, "core.hooksPath is .husky" in said) == (1, True)
    assert home.commit(old, "wrong")
    assert "the hooks in .husky run first" in home.hooks(cwd=old)[1]
    home.forget()
    assert not home.commit(old, "wrong")
    assert (home.noted, home.lints) == (["husky <>"], 1)
    home.git("config", "core.hooksPath", ".husky", cwd=old)  # npm install
    assert not home.commit(old, "wrong")
    assert "nothing to do" in home.hooks(cwd=old)[1]
    assert "after the hooks in .husky" in home.hooks("--status", cwd=old)[1]
    home.a_hook(old / ".husky/commit-msg", "husky refuses", status=1)
    assert not home.commit(old)
    assert "yours again" in home.hooks("--remove", cwd=old)[1]
    assert (old / ".git/config").read_bytes() == config
    assert not (old / ".git/hooks/pre-commit").exists()
    assert home.git("config", "core.hooksPath", cwd=old) == ".husky"


def test_husky_that_comes_after_devrig(home):
    """The hook is there by the template; then core.hooksPath passes it by, until one says git devrig-hooks."""
    repository = home.repository()
    husky(home, repository)
    assert home.commit(repository, "wrong")
    home.hooks(cwd=repository)
    home.git("config", "--unset", "core.hooksPath", cwd=repository)
    assert not home.commit(repository, "wrong")  # nobody's hooks first
    home.git("config", "core.hooksPath", ".husky", cwd=repository)  # as if for the first time
    home.forget()
    assert not home.commit(repository, "wrong")
    assert home.noted == ["husky <>"]


def test_an_unused_hook_beside_husky_stays_unused(home, old):
    husky(home, old)
    home.a_hook(old / ".git/hooks/pre-commit", "left over")
    home.hooks(cwd=old)
    assert not home.commit(old, "wrong")
    assert home.noted == ["husky <>"]
    home.hooks("--remove", cwd=old)
    assert "left over" in (old / ".git/hooks/pre-commit").read_text()


def test_a_value_that_git_reads_after_the_include(home, old):
    """An include section that is there already and stands first takes our value too."""
    config = old / ".git/config"
    config.write_text("[include]\n\tpath = mine\n" + config.read_text())
    husky(home, old)
    before = config.read_bytes()
    status, said = home.hooks(cwd=old)
    assert (status, "after all that could be added" in said) == (1, True)
    assert config.read_bytes() == before
    assert not (old / ".git/hooks/pre-commit").exists()


def test_a_worktree_with_its_own_configuration(home, old):
    home.commit(old)
    home.git("config", "extensions.worktreeConfig", "true", cwd=old)
    home.git("worktree", "add", "-q", "../tree", cwd=old)
    tree_folder = home.path / "tree"
    home.git("config", "--worktree", "core.hooksPath", ".husky", cwd=tree_folder)
    home.a_hook(tree_folder / ".husky/pre-commit", "husky")
    assert home.hooks(cwd=tree_folder)[0] == 0
    assert not home.commit(tree_folder, "wrong")
    assert home.noted == ["husky <>"]
    home.hooks("--remove", cwd=tree_folder)
    assert home.git("config", "core.hooksPath", cwd=tree_folder) == ".husky"


def test_a_hook_that_dispatchers_do_not_know_is_not_lost(home, old):
    husky(home, old)
    home.a_hook(old / ".husky/reference-transaction", "costly")
    before = tree(old)
    status, said = home.hooks(cwd=old)
    assert (status, "reference-transaction would not run any more" in said) == (1, True)
    assert tree(old) == before


# --- killed, without hard links


def test_a_killed_run_leaves_a_hook_that_runs(home, old):
    """At every moment the name leads to the old hook or to the new one."""
    hook = home.a_hook(old / ".git/hooks/pre-commit", "own")
    ours = (home.folder / "pre-commit").read_text()
    for wait in (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1):
        for argument in ("--", "--remove"):
            running = subprocess.Popen(
                ["/usr/bin/python3", "-I", str(home.program), argument], cwd=old, env=home.environment
            )
            time.sleep(wait)
            running.send_signal(signal.SIGKILL)
            running.wait()
            text = hook.read_text()
            assert os.access(hook, os.X_OK)
            assert "own" in text or (text == ours and "own" in hook.with_name(BEFORE).read_text())
    assert home.hooks(cwd=old)[0] == 0
    assert not home.commit(old, "wrong")
    assert (home.noted, home.lints) == (["own <>"], 1)


def test_killed_between_the_two_steps_the_own_hook_runs_and_the_next_run_goes_on(home, old, program, monkeypatch):
    hook = home.a_hook(old / ".git/hooks/pre-commit", "own")

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "write_beside", killed)
    with pytest.raises(KeyboardInterrupt):
        program.Repository(str(old), home.environment).install()
    assert hook.with_name(BEFORE).exists()
    assert home.commit(old)
    assert home.noted == ["own <>"]
    assert home.hooks(cwd=old)[0] == 0
    assert not home.commit(old, "wrong")
    assert home.noted == ["own <>"]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_system_without_hard_links(home, old, program, monkeypatch, kind):
    hook = home.a_hook(old / ".git/hooks/pre-commit", "own")
    if kind == "link":
        hook.rename(old / "tool")
        hook.symlink_to("../../tool")

    def refuse(*_args, **_options):
        raise PermissionError("no hard links here")

    monkeypatch.setattr(program.os, "link", refuse)
    kept = hook.with_name(BEFORE)
    program.keep(str(hook), str(kept))
    assert program.same(str(hook), str(kept))
    assert kept.is_symlink() == (kind == "link")
    assert sorted(path.name for path in hook.parent.iterdir()) == ["pre-commit", BEFORE]
    home.a_hook(old / "other", "other")
    assert not program.same(str(hook), str(old / "other"))
