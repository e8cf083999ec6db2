"""The module git_hooks and the hooks themselves: a git is told of devrig, and is as before after the undo."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from git_home import HOMES, GitHome
from rendering import constants, rendered, run

DEFAULT = Path("/usr/share/git-core/templates")
INCLUDE = "[include]\n\tpath = ~/.local/share/devrig/git/config\n"


@pytest.fixture(params=HOMES[:2])
def home(tmp_path, monkeypatch, request):
    return GitHome(tmp_path / request.param).entered(monkeypatch)


@pytest.fixture
def plain(tmp_path, monkeypatch):
    return GitHome(tmp_path / HOMES[0]).entered(monkeypatch)


@pytest.fixture
def bring(git_hooks_config):
    """Return a function that does what the module does with state present."""

    return lambda home, template=True, dry=False: home.tell(git_hooks_config, template, dry)


@pytest.fixture
def take(git_hooks_config):
    """Return a function that does what the module does with state absent."""

    return lambda home, dry=False: home.untell(git_hooks_config, dry)


def test_these_tests_have_what_the_role_writes(plain):
    written = {item["path"].split("/", 1)[1]: item["mode"] for item in constants("git_hooks")["__git_hooks_home_files"]}
    here = {path.name for path in plain.folder.iterdir()} | {".local/bin/" + plain.program.name}
    assert set(written) == here
    assert {name for name, mode in written.items() if mode == "0755"} == {
        "pre-commit",
        "dispatcher",
        ".local/bin/git-devrig-hooks",
    }


# --- new repositories


def test_a_new_repository_is_linted_and_has_what_git_gives_it(home, bring):
    bring(home)
    repository = home.repository()
    assert home.commit(repository)
    assert home.lints == 1
    assert not home.commit(repository, "wrong")
    for name in ("description", "info/exclude", "hooks/commit-msg.sample"):
        assert (repository / ".git" / name).read_bytes() == (DEFAULT / name).read_bytes()
    assert home.git("config", "--get-all", "core.hooksPath", cwd=repository, check=False) == ""


def test_a_home_with_a_line_end_in_its_name(tmp_path, monkeypatch, bring):
    home = GitHome(tmp_path / HOMES[2]).entered(monkeypatch)
    bring(home)
    repository = home.repository()
    assert not home.commit(repository, "wrong")
    assert bring(home)["done"] == []


def test_a_clone_is_linted(home, bring):
    origin = home.old_repository("origin")
    home.commit(origin)
    bring(home)
    home.git("clone", "-q", str(origin), "clone")
    assert not home.commit(home.path / "clone", "wrong")
    assert home.lints == 1


def test_again_changes_nothing_and_check_mode_neither(home, bring):
    said = bring(home, dry=True)["done"]
    assert len(said) > 5
    assert not home.config.exists()
    assert not (home.folder / "template").exists()
    assert bring(home)["done"] == said
    before = {path: path.lstat().st_mtime_ns for path in home.path.rglob("*")}
    assert bring(home)["done"] == []
    assert bring(home, dry=True)["done"] == []
    assert {path: path.lstat().st_mtime_ns for path in home.path.rglob("*")} == before


def test_no_template_where_none_is_wanted(plain, bring):
    bring(plain)
    assert "gone" in str(bring(plain, template=False)["done"])
    assert not (plain.folder / "template").exists()
    plain.put(plain.folder / "config", rendered("git-config.j2", git_hooks_template=False))
    repository = plain.repository()
    assert (repository / ".git/description").exists()
    assert plain.commit(repository, "wrong")
    assert "hook added" in plain.git("devrig-hooks", cwd=repository)
    assert not plain.commit(repository, "wrong")


# --- the person's own template


def own_template(home, scope="--global"):
    folder = home.path / "own template"
    home.a_hook(folder / "hooks/pre-commit", "own")
    home.put(folder / "hooks/helper", "x", 0o640)
    (folder / "hooks/post-commit").symlink_to("helper")
    home.put(folder / ".git/config", "not git's business")
    home.put(folder / "info/exclude", "*.o\n", 0o644)
    home.git("config", "--file", home.config if scope == "--global" else home.system, "init.templateDir", folder)
    return folder


@pytest.mark.parametrize("scope", ["--global", "--system"])
def test_an_own_template_reaches_new_repositories_and_its_hook_runs_first(home, bring, scope):
    folder = own_template(home, scope)
    assert bring(home)["template_dir"] == str(folder)
    repository = home.repository()
    hooks = repository / ".git/hooks"
    assert (repository / ".git/info/exclude").read_text() == "*.o\n"
    assert not (repository / ".git/description").exists()
    assert (hooks / "post-commit").is_symlink()
    assert (home.folder / "template/hooks/helper").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in (home.folder / "template").iterdir()) == ["hooks", "info"]
    assert not home.commit(repository, "wrong")
    assert (home.noted, home.lints) == (["own <>"], 1)
    assert bring(home)["done"] == []


def test_an_own_hook_that_refuses_ends_it(home, bring):
    home.a_hook(own_template(home) / "hooks/pre-commit", "own", status=3)
    bring(home)
    assert not home.commit(home.repository())
    assert (home.noted, home.lints) == (["own <>"], 0)


def test_what_changes_or_vanishes_there_does_so_here(home, bring):
    folder = own_template(home)
    bring(home)
    home.a_hook(folder / "hooks/pre-commit", "newer")
    (folder / "hooks/helper").unlink()
    (folder / "info/exclude").unlink()
    (folder / "info").rmdir()
    (folder / "info").write_text("a file now")
    home.put(folder / "hooks/later", "x", 0o755)
    bring(home)
    here = home.folder / "template"
    assert (here / "info").read_text() == "a file now"
    assert not (here / "hooks/helper").exists()
    assert (here / "hooks/later").exists()
    assert "newer" in (here / "hooks/pre-commit.before-devrig").read_text()
    (folder / "hooks/pre-commit").unlink()
    bring(home)
    assert not (here / "hooks/pre-commit.before-devrig").exists()
    assert "lint_staged.py" in (here / "hooks/pre-commit").read_text()


def test_a_hook_that_is_a_link_stays_one(plain, bring):
    folder = own_template(plain)
    shared = plain.a_hook(plain.path / "shared", "shared")
    (folder / "hooks/pre-commit").unlink()
    (folder / "hooks/pre-commit").symlink_to(shared)
    bring(plain)
    repository = plain.repository()
    assert (repository / ".git/hooks/pre-commit.before-devrig").readlink() == shared
    assert not plain.commit(repository, "wrong")
    assert plain.noted == ["shared <>"]
    assert "shared" in shared.read_text()


def test_a_template_of_pre_commit_s_keeps_its_hook_which_runs_ours(plain, bring):
    folder = own_template(plain)
    plain.put(folder / "hooks/pre-commit", '#!/bin/sh\n# File generated by pre-commit: x\nexec "$0.legacy"\n')
    bring(plain)
    repository = plain.repository()
    assert "File generated" in (repository / ".git/hooks/pre-commit").read_text()
    assert not plain.commit(repository, "wrong")
    assert plain.lints == 1
    assert plain.hooks("--status", repository)[0] == 0


def test_a_hooks_folder_that_is_a_link_is_not_written_through(plain, bring):
    folder = own_template(plain)
    shared = plain.path / "shared hooks"
    (folder / "hooks").rename(shared)
    (folder / "hooks").symlink_to(shared)
    there = sorted(shared.iterdir())
    (warning,) = bring(plain)["warnings"]
    assert "get no hook" in warning
    assert sorted(shared.iterdir()) == there
    assert (plain.folder / "template/hooks").readlink() == shared


@pytest.mark.parametrize("value", ["/no such folder", "", "relative/one"])
def test_a_template_that_is_not_there_is_as_good_as_empty(plain, bring, value):
    plain.git("config", "--global", "init.templateDir", value)
    bring(plain)
    assert [str(path.relative_to(plain.folder)) for path in (plain.folder / "template").rglob("*")] == [
        "template/hooks",
        "template/hooks/pre-commit",
    ]


def test_our_own_template_is_not_copied_into_itself(plain, bring):
    plain.git("config", "--global", "init.templateDir", plain.folder / "template/")
    bring(plain)
    assert bring(plain)["done"] == []
    assert (plain.repository() / ".git/description").exists()


def test_what_was_put_into_our_template_goes_again(plain, bring):
    bring(plain)
    plain.put(plain.folder / "template/hooks/.devrig-left/by a killed run", "x")
    plain.put(plain.folder / "template/hooks/pre-commit", "edited")
    assert len(bring(plain)["done"]) == 3
    assert not plain.commit(plain.repository(), "wrong")


def test_a_link_in_the_place_of_our_template_is_refused(plain, bring, git_hooks_config):
    (plain.folder / "template").symlink_to(plain.path)
    with pytest.raises(git_hooks_config.Refused, match="in the way"):
        bring(plain)


# --- the person's configuration

TEXTS = {
    "nothing": None,
    "empty": "",
    "settings": "[user]\n\tname = n\n",
    "comment at the end": "[user]\n\tname = n\n# mine\n",
    "no line end": "[user]\n\tname = n",
    "includes": "[include]\n\tpath = ~/mine\n[core]\n\tx = y\n[include]\n\tpath = ~/two\n[user]\n\tname = n\n",
    "only comments": "# mine\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_the_undo_gives_the_file_back_byte_for_byte(home, bring, take, text):
    if text is not None:
        home.put(home.config, text, 0o600)
    bring(home)
    assert home.config.read_text().count("devrig/git/config") == 1
    assert not home.commit(home.repository(), "wrong")
    assert take(home, dry=True)["done"]
    assert home.config.read_text().count("devrig/git/config") == 1
    assert take(home)["done"]
    assert take(home)["done"] == []
    if text is None:
        assert not os.path.lexists(home.config)
    else:
        assert home.config.read_text() == text
        assert home.config.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in home.folder.iterdir()) == sorted(
        ["config", "dispatcher", "hookspath-config", "lint_staged.py", "pre-commit"]
    )


def test_the_file_has_its_time_and_mode_again(plain, bring, take):
    plain.put(plain.config, "[user]\n\tname = n\n", 0o640)
    os.utime(plain.config, ns=(10**18 + 1, 10**18 + 3))
    bring(plain)
    assert plain.config.stat().st_mtime_ns != 10**18 + 3
    take(plain)
    there = plain.config.stat()
    assert (there.st_mtime_ns, there.st_mode & 0o777, plain.config.read_text()) == (
        10**18 + 3,
        0o640,
        "[user]\n\tname = n\n",
    )


def test_the_record_of_an_older_devrig_is_taken_over(plain, bring, run_module):
    """It is what the undo goes by, and the file that it was in is gone."""
    plain.put(plain.config, "[user]\n\tname = n", 0o644)
    bring(plain)
    ledger = json.loads((plain.state / "ledger.json").read_text())
    entry = ledger["sections"].pop("git")["include"]
    del entry["mtime"]
    (plain.state / "ledger.json").write_text(json.dumps(ledger))
    (plain.state / "git-hooks.json").write_text(json.dumps(entry))
    system = {"GIT_CONFIG_SYSTEM": str(plain.system)}
    params = {"state_dir": str(plain.state)}
    assert not run_module("git_hooks", params, home=plain.path, env=system)["changed"]
    assert not (plain.state / "git-hooks.json").exists()
    assert run_module("git_hooks", {**params, "state": "absent"}, home=plain.path, env=system)["changed"]
    assert plain.config.read_text() == "[user]\n\tname = n"
    assert not plain.state.exists()


def test_what_a_killed_run_left_beside_goes(plain, run_module):
    left = plain.folder / ".devrig-abc"
    left.mkdir()
    (left / "new").symlink_to("x")
    run_module("git_hooks", {"state_dir": str(plain.state)}, home=plain.path)
    assert not left.exists()


def test_later_edits_stay(home, bring, take):
    home.put(home.config, "[user]\n\tname = n\n", 0o644)
    bring(home)
    home.git("config", "--global", "--add", "include.path", "~/mine")
    home.git("config", "--global", "user.email", "e")
    take(home)
    assert home.config.read_text() == "[user]\n\tname = n\n\temail = e\n[include]\n\tpath = ~/mine\n"


def test_the_file_of_xdg_is_taken_where_git_takes_it(home, bring, take):
    xdg = home.put(home.path / ".config/git/config", "[user]\n\tname = n\n", 0o644)
    bring(home)
    assert not home.config.exists()
    assert "devrig" in xdg.read_text()
    assert not home.commit(home.repository(), "wrong")
    home.put(home.config, "[user]\n\tname = n\n", 0o644)  # now git writes here, and reads both
    assert bring(home)["done"] == []
    take(home)
    assert xdg.read_text() == home.config.read_text() == "[user]\n\tname = n\n"


def test_a_link_stays_a_link_and_its_file_keeps_its_mode(home, bring, take):
    dots = home.put(home.path / "dots/gitconfig", "[user]\n\tname = n", 0o640)
    home.config.symlink_to("dots/gitconfig")
    bring(home)
    assert home.config.is_symlink()
    assert "devrig" in dots.read_text()
    take(home)
    assert (dots.read_text(), dots.stat().st_mode & 0o777) == ("[user]\n\tname = n", 0o640)
    assert home.config.is_symlink()


def test_a_link_to_nothing_leads_to_nothing_again(home, bring, take):
    (home.path / "dots").mkdir()
    home.config.symlink_to("dots/gitconfig")
    bring(home)
    assert not home.commit(home.repository(), "wrong")
    take(home)
    assert home.config.is_symlink()
    assert not home.config.exists()


def test_a_line_of_the_person_s_own_is_not_written_again_and_not_taken_away(home, bring, take):
    """A configuration that several machines share has the line already."""
    home.put(home.config, INCLUDE, 0o644)
    bring(home)
    take(home)
    assert home.config.read_text() == INCLUDE


def test_twice_becomes_once(plain, bring):
    plain.put(plain.config, INCLUDE + "[user]\n\tname = n\n" + INCLUDE, 0o644)
    bring(plain)
    assert plain.config.read_text().count("devrig/git/config") == 1


@pytest.mark.parametrize("key", ["init.templateDir", "core.hooksPath"])
def test_a_value_that_git_reads_after_ours_is_overtaken(home, bring, take, key):
    text = f"[include]\n\tpath = ~/mine\n[{key.split('.')[0]}]\n\t{key.split('.')[1]} = /theirs\n"
    home.put(home.config, text, 0o644)
    answer = bring(home)
    assert answer["warnings"] == []
    assert home.config.read_text() == text + INCLUDE
    assert bring(home)["done"] == []
    assert not home.commit(home.repository(), "wrong")
    take(home)
    assert home.config.read_text() == text


def test_a_value_that_came_later_is_overtaken_by_the_next_run(plain, bring):
    bring(plain)
    folder = own_template(plain)
    assert bring(plain, dry=True)["done"]
    assert bring(plain)["template_dir"] == str(folder)
    assert not plain.commit(plain.repository(), "wrong")
    assert plain.noted == ["own <>"]


def test_a_configuration_that_git_cannot_read_is_an_error_and_stays(plain, bring, git_hooks_config):
    plain.put(plain.config, "[user\n", 0o644)
    with pytest.raises(git_hooks_config.Refused, match="bad config"):
        bring(plain)
    assert plain.config.read_text() == "[user\n"


def test_a_configuration_that_cannot_be_written_says_what_to_do(plain, bring, take, git_hooks_config):
    """And what one has then written oneself is not taken away."""
    lock = plain.put(plain.path / ".gitconfig.lock", "", 0o644)
    with pytest.raises(git_hooks_config.Refused, match=r"have it write there \[include\] path = ~/.local"):
        bring(plain)
    lock.unlink()
    plain.put(plain.config, INCLUDE, 0o644)
    bring(plain)
    take(plain)
    assert plain.config.read_text() == INCLUDE


def test_a_lock_of_another_git_is_respected(plain, bring, git_hooks_config):
    plain.put(plain.config, "[include]\n\tpath = x\n[core]\n\thooksPath = /x\n", 0o644)
    plain.put(plain.path / ".gitconfig.lock", "", 0o644)
    with pytest.raises(git_hooks_config.Refused, match="lock"):
        bring(plain)
    assert "devrig" not in plain.config.read_text()


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (INCLUDE, "[include]\n", ""),
        ("# c\n" + INCLUDE + "[a]\n", "# c\n[include]\n[a]\n", "# c\n[a]\n"),
        ("[include]\n[a]\n" + INCLUDE, "[include]\n[a]\n", "[include]\n[a]\n"),
        ("[include]\n\tpath = x\n" + INCLUDE[10:], "[include]\n\tpath = x\n", "[include]\n\tpath = x\n"),
    ],
)
def test_an_empty_section_that_old_git_leaves_goes_and_others_stay(git_hooks_config, before, after, wanted):
    assert git_hooks_config.without_header(before.encode(), after.encode()) == wanted.encode()


# --- core.hooksPath of others


def corporate(home, scope="system", value=None):
    folder = home.path / "corporate hooks"
    for name in ("pre-commit", "commit-msg", "pre-push", "reference-transaction"):
        home.a_hook(folder / name, name)
    home.git("config", "--file", home.config if scope == "global" else home.system, "core.hooksPath", value or folder)
    return folder


@pytest.mark.parametrize("scope", ["system", "global"])
def test_corporate_hooks_run_first_and_new_repositories_are_linted(home, bring, take, scope):
    folder = corporate(home, scope)
    old = home.repository("old")
    assert bring(home)["hooks_path"] == str(folder)
    assert bring(home)["done"] == []
    new = home.repository("new")
    home.forget()
    assert not home.commit(new, "wrong")
    assert (home.noted, home.lints) == (["pre-commit <>"], 1)
    assert home.commit(new)
    noted = [line for line in home.noted if line.startswith(("pre-commit", "commit-msg"))]
    assert noted == ["pre-commit <>", "commit-msg <.git/COMMIT_EDITMSG>"]
    assert home.lints == 1
    assert home.commit(old, "wrong")
    assert home.lints == 0
    assert home.hooks(cwd=old)[0] == 0
    assert not home.commit(old, "wrong")
    home.git("config", "--file", home.config if scope == "global" else home.system, "--unset", "core.hooksPath")
    assert not home.commit(new, "wrong")  # found anew each time: there are no others now
    bring(home)
    assert home.git("config", "core.hooksPath", cwd=new, check=False) == ""
    take(home)
    assert not home.config.exists() or "devrig" not in home.config.read_text()


def test_a_corporate_hook_that_refuses_ends_it(home, bring):
    folder = corporate(home)
    bring(home)
    home.a_hook(folder / "pre-commit", "no", status=7)
    assert not home.commit(home.repository())
    assert home.lints == 0
    home.a_hook(folder / "pre-commit", "yes")
    home.a_hook(folder / "commit-msg", "no", status=7)
    assert not home.commit(home.path / "repository")


def test_standard_input_and_arguments_reach_corporate_hooks(home, bring):
    corporate(home)
    bring(home)
    origin = home.repository("origin", "--bare")
    repository = home.repository()
    home.commit(repository)
    home.forget()
    home.git("push", "-q", str(origin), "HEAD:refs/heads/x", cwd=repository)
    head = home.git("rev-parse", "HEAD", cwd=repository)
    expected = f"pre-push <{origin}> <{origin}>HEAD {head} refs/heads/x {'0' * 40}"
    assert [line for line in home.noted if line.startswith("pre-push")] == [expected]


def test_costly_hooks_are_passed_on_where_they_are_there(plain, bring):
    folder = corporate(plain)
    plain.put(folder / "not-executable", "x", 0o644)
    bring(plain)
    names = {path.name for path in (plain.folder / "hooks").iterdir()}
    assert {"reference-transaction", "pre-commit", "post-rewrite", "pre-merge-commit"} <= names
    assert not names & {"not-executable", "update", "post-index-change", "pre-receive", "push-to-checkout"}
    repository = plain.repository()
    plain.forget()
    plain.commit(repository)
    assert any(line.startswith("reference-transaction <committed>") for line in plain.noted)
    (folder / "reference-transaction").unlink()
    bring(plain)
    assert not os.path.lexists(plain.folder / "hooks/reference-transaction")


def test_a_relative_corporate_folder_counts_from_where_hooks_run(plain, bring):
    corporate(plain, value="own hooks")
    bring(plain)
    repository = plain.repository()
    plain.a_hook(repository / "own hooks/pre-commit", "relative")
    (repository / "sub").mkdir()
    (repository / "sub/file").write_text("wrong")
    plain.git("add", "sub/file", cwd=repository)
    assert plain.run("git", "commit", "-qmx", cwd=repository / "sub", check=False).returncode == 1
    assert (plain.noted, plain.lints) == (["relative <>"], 1)


@pytest.mark.parametrize("how", ["named", "slash", "link", "links of hooks"])
def test_our_own_folder_named_by_others_is_no_endless_loop(plain, bring, how):
    bring(plain)
    ours, link = plain.folder / "hooks", plain.path / "link"
    if how == "link":
        link.symlink_to(ours)
    elif how == "links of hooks":
        link.mkdir()
        (link / "pre-commit").symlink_to(ours / "pre-commit")
    value = {"named": f"{ours}", "slash": f"{ours}//"}.get(how, str(link))
    plain.git("config", "--global", "core.hooksPath", value)
    bring(plain)
    repository = plain.repository()
    assert not plain.commit(repository, "wrong")
    assert plain.lints == 1
    assert plain.commit(repository)


def test_what_core_hookspath_made_unused_stays_unused(plain, bring):
    corporate(plain)
    own_template(plain)
    bring(plain)
    repository = plain.repository()
    assert (repository / ".git/hooks/pre-commit.before-devrig").exists()
    plain.forget()
    assert not plain.commit(repository, "wrong")
    assert plain.noted == ["pre-commit <>"]


def test_the_one_that_is_in_effect_is_the_last_of_others(plain, bring):
    corporate(plain)
    bring(plain)
    repository = plain.repository()
    plain.a_hook(plain.path / "second/pre-commit", "second")
    plain.git("config", "--file", plain.system, "--add", "core.hooksPath", "~/second")
    plain.forget()
    plain.commit(repository)
    assert plain.noted[0] == "second <>"


def test_hooks_switched_off_for_one_command_are_off(plain, bring):
    corporate(plain)
    bring(plain)
    repository = plain.repository()
    plain.forget()
    (repository / "file").write_text("wrong")
    plain.git("add", "file", cwd=repository)
    plain.git("-c", "core.hooksPath=/dev/null", "commit", "-qmx", cwd=repository)
    assert (plain.noted, plain.lints) == ([], 0)


# --- the hook


def test_a_hook_of_a_devrig_that_is_gone_blocks_nobody(home, bring):
    bring(home)
    repository = home.repository()
    (home.folder / "lint_staged.py").unlink()
    (repository / "file").write_text("wrong")
    home.git("add", "file", cwd=repository)
    done = home.run("git", "commit", "-q", "-m", "x", cwd=repository)
    assert done.stderr == "devrig is gone, nothing was linted: delete .git/hooks/pre-commit\n"
    home.a_hook(repository / ".git/hooks/pre-commit.before-devrig", "own")
    done = home.run("git", "commit", "-q", "--allow-empty", "-m", "x", cwd=repository)
    assert "mv .git/hooks/pre-commit.before-devrig .git/hooks/pre-commit" in done.stderr
    assert home.noted == ["own <>"]


def test_pre_commit_s_legacy_name_finds_the_hook_that_was_there_first(home, bring):
    bring(home)
    repository = home.repository()
    hooks = repository / ".git/hooks"
    home.a_hook(hooks / "pre-commit.before-devrig", "own")
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    home.put(hooks / "pre-commit", '#!/bin/sh\n# File generated by pre-commit: x\nexec "$0.legacy" "$@"\n')
    assert not home.commit(repository, "wrong")
    assert home.noted == ["own <>"]
    assert '"hook": ".git/hooks/pre-commit.legacy"' in home.linted.read_text()


@pytest.mark.parametrize("where", ["dev", "it's Jörg", "two\nlines"])
def test_shellcheck_finds_nothing_in_the_hook(tmp_path, where):
    path = tmp_path / "pre-commit"
    path.write_text(rendered("git-pre-commit.j2", home=f"/home/{where}"))
    done = run("shellcheck", str(path))
    assert done.returncode == 0, done.stdout


def test_dispatchers_cost_little(plain, bring):
    """A wide limit, for machines are busy: one start of git for each hook, and one more for pre-commit."""
    repository = plain.old_repository()

    def seconds():
        started = time.monotonic()
        for _ in range(8):
            subprocess.run(
                ["git", "commit", "-q", "--allow-empty", "-mx"], cwd=repository, env=plain.environment, check=True
            )
        return time.monotonic() - started

    without = min(seconds() for _ in range(2))
    (plain.path / "nothing").mkdir()
    plain.git("config", "--file", plain.system, "core.hooksPath", plain.path / "nothing")
    bring(plain)
    plain.forget()
    assert min(seconds() for _ in range(2)) < 12 * without


# --- the module


def test_module_in_check_mode_and_both_states(plain, run_module):
    system = {"GIT_CONFIG_SYSTEM": str(plain.system)}

    def module(*options, **params):
        return run_module("git_hooks", {"state_dir": str(plain.state), **params}, *options, home=plain.path, env=system)

    checked = module("--check")
    assert checked["changed"]
    assert "includes" in checked["done"][-1]
    assert not plain.config.exists()
    assert module()["changed"]
    assert not module()["changed"]
    assert not plain.commit(plain.repository(), "wrong")
    assert module("--check", state="absent")["changed"]
    assert module(state="absent")["changed"]
    assert not module(state="absent")["changed"]
    assert not plain.config.exists()
    (plain.folder / "pre-commit").unlink()
    assert "run the playbook" in module()["msg"]


def test_a_bare_machine_without_git(plain, run_module):
    """The package comes with the run itself: check mode says that there is something to do."""
    programs = plain.path / "programs"
    programs.mkdir()
    for name in ("sh", "chmod", "mkdir", "rm", "sleep"):  # what the module runs
        (programs / name).symlink_to(f"/usr/bin/{name}")
    path = {"PATH": f"{Path(sys.executable).parent}:{programs}"}
    params = {"state_dir": str(plain.state)}
    assert run_module("git_hooks", params, "--check", home=plain.path, env=path)["changed"]
    assert "git is missing" in run_module("git_hooks", params, home=plain.path, env=path)["msg"]
    assert not run_module("git_hooks", {**params, "state": "absent"}, home=plain.path, env=path)["changed"]
