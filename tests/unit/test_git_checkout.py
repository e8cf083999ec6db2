"""The module that brings git checkouts: real repositories, over file://, over HTTP with faults, and killed."""

import base64
import functools
import http.server
import json
import os
import random
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from killed import killed_at


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Nothing of this machine's git configuration counts, and nobody waits."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "home").mkdir()


def git(folder, *argv):
    settings = {
        "user.name": "x",
        "user.email": "x@localhost",
        "init.defaultBranch": "main",
        "maintenance.auto": "false",
    }
    identity = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = ["git", "-C", str(folder), *identity, *argv]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder, **files):
    """Write files, with underscores for dots in their names, and commit them; return the commit."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path):
    """A repository with two commits, the first with an annotated tag; .one and .two are their numbers."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q")

    class Origin(type(folder)):
        pass

    made = Origin(folder)
    made.one = commit(folder, a_txt="one\n", ignored="", _gitignore="ignored\nmine\n")
    git(folder, "tag", "-a", "v1", "-m", "v1")
    made.two = commit(folder, a_txt="two\n" * 1000, b_txt="new\n")
    return made


@pytest.fixture
def place(tmp_path):
    return tmp_path / "home" / "some folder" / "tool"


@pytest.fixture
def call(git_checkout, devrig_checkout, devrig_git, devrig_ledger, origin, place, tmp_path, monkeypatch):  # noqa: PLR0917 (fixtures)
    """Return a function that does what the module does, and returns its list of Done.

    Nothing kills it, and a process starts far sooner where nothing is done in it before its program begins.
    """

    def run(state="present", *, dry=False, below=None, items=None, **params):
        one = {"path": str(place), "repo": str(origin), "version": origin.one, "repo_setting": "tool_url"}
        wanted = [devrig_checkout.wanted_of({**one, **params, **item}) for item in ([{}] if items is None else items)]
        ledger = devrig_ledger.Ledger(str(tmp_path / "home/state/ledger.json"))
        with ledger.locked(dry):
            if below:
                devrig_checkout.take_over(ledger, str(below))
            more = git_checkout.superfluous(ledger, below and str(below), wanted if state == "present" else [])
            if state == "absent":
                return git_checkout.absent(dict.fromkeys([item.path for item in wanted] + more, ()), ledger, True, dry)
            return git_checkout.present(wanted, more, ledger, True, dry)

    run.die_with_parent = devrig_git.die_with_parent
    monkeypatch.setattr(devrig_git, "die_with_parent", None)
    return run


def action(done):
    (one,) = done
    return one.action


def tree(folder):
    """Return name -> content, mode and time of all below a folder."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        stat = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path)] = (content, stat.st_mode, stat.st_mtime_ns if path.is_file() else None)
    return found


def ledger_of(tmp_path):
    path = tmp_path / "home/state/ledger.json"
    return json.loads(path.read_text())["sections"].get("checkouts", {}) if path.exists() else {}


def beside(place):
    return [entry.name for entry in place.parent.iterdir() if ".devrig-" in entry.name]


def test_a_clone_an_unchanged_run_and_the_way_back(call, origin, place, tmp_path):
    before = tree(tmp_path / "home")
    assert action(call(dry=True)) == "cloned"
    assert tree(tmp_path / "home") == before
    assert action(call()) == "cloned"
    assert git(place, "rev-parse", "HEAD") == origin.one
    assert (place / "a.txt").read_text() == "one\n"
    entry = ledger_of(tmp_path)[str(place)]
    assert (entry["before"], entry["commit"], entry["repo"]) == ("absent", origin.one, str(origin))
    after = tree(tmp_path / "home")
    for dry in (True, False):
        assert action(call(dry=dry)) == "unchanged"
    assert tree(tmp_path / "home") == after
    assert beside(place) == []
    assert action(call("absent", dry=True)) == "removed"
    assert place.exists()
    assert action(call("absent")) == "removed"
    assert call("absent") == []
    assert tree(tmp_path / "home") == before


def test_without_a_network_a_checkout_that_is_complete_is_unchanged(call, origin, place):
    call()
    origin.rename(origin.parent / "gone")
    assert action(call()) == "unchanged"
    with pytest.raises(Exception, match="there is no such repository"):
        call(version="0" * 40)


def test_an_empty_folder_is_fine_and_comes_back_with_its_mode(call, place):
    place.mkdir(parents=True)
    place.chmod(0o711)
    assert action(call()) == "cloned"
    assert action(call("absent")) == "removed"
    assert place.stat().st_mode & 0o7777 == 0o711
    assert list(place.iterdir()) == []


def test_a_tag_is_its_commit(call, origin, place):
    call(version="v1")
    assert git(place, "rev-parse", "HEAD") == origin.one
    assert git(place, "describe", "--tags") == "v1"
    assert action(call(version="v1")) == "unchanged"
    assert action(call(version=origin.two)) == "moved"
    assert action(call(version="v1")) == "moved"


def test_what_is_no_commit_and_no_tag_is_refused(call, origin, place):
    number = git(origin, "rev-parse", "v1")
    for version, said in (
        ("main", "no tag .a commit is named by all 40 digits. main: correct version"),
        (origin.one[:12], "no tag"),
        ("f" * 40, "has no commit ffff"),
        (number, f"write {origin.one} into"),
        ("--upload-pack=x", "begin with no hyphen"),
    ):
        with pytest.raises(Exception, match=said):
            call(version=version)
        assert not place.exists()
        assert not place.parent.exists() or beside(place) == []


def test_an_upgrade_and_a_downgrade(call, origin, place, tmp_path):
    call()
    assert action(call(version=origin.two, dry=True)) == "moved"
    assert git(place, "rev-parse", "HEAD") == origin.one
    assert action(call(version=origin.two)) == "moved"
    assert (place / "b.txt").exists()
    assert action(call()) == "moved"
    assert not (place / "b.txt").exists()
    assert action(call("absent")) == "removed"
    assert not place.exists()


def test_a_new_commit_is_fetched(call, origin, place):
    call()
    three = commit(origin, a_txt="three\n")
    assert action(call(version=three)) == "moved"
    assert (place / "a.txt").read_text() == "three\n"
    git(origin, "reset", "-q", "--hard", "HEAD~1")
    four = commit(origin, a_txt="four\n")
    assert action(call(version=four)) == "moved"


@pytest.mark.parametrize("protocol", ["0", "2"])
def test_a_short_history_when_it_can_be_had(call, origin, place, protocol):
    subprocess.run(["git", "config", "--global", "protocol.version", protocol], check=True)
    call(version=origin.two, depth=1, repo=f"file://{origin}")
    assert git(place, "rev-parse", "HEAD") == origin.two
    assert git(place, "rev-list", "--count", "HEAD") == "1"
    call(version=origin.one, depth=1, repo=f"file://{origin}")
    assert (place / "a.txt").read_text() == "one\n"
    assert action(call("absent")) == "removed"


def test_changed_files_are_refused_and_kept(call, origin, place):
    call()
    (place / "a.txt").write_text("mine\n")
    assert action(call()) == "unchanged"
    for dry in (True, False):
        with pytest.raises(Exception, match="files in it were changed .a.txt."):
            call(version=origin.two, dry=dry)
    assert action(call("absent")) == "kept"
    assert (place / "a.txt").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["new", "mine", "folder/mine"])
def test_new_files_also_ignored_ones_stay(call, place, name, tmp_path):
    call()
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text("mine\n")
    (done,) = call("absent")
    assert done.action == "kept"
    assert name in done.said[0]
    assert (place / name).exists()
    (place / name).unlink()
    assert action(call("absent")) == "removed"


def test_what_programs_generate_does_not_keep_it(call, place):
    call(generated=["cache"])
    (place / "cache/deep").mkdir(parents=True)
    (place / "cache/deep/file").touch()
    (place / "lib/__pycache__").mkdir(parents=True)
    (place / "lib/__pycache__/x.pyc").touch()
    assert action(call("absent")) == "removed"
    assert not place.exists()


@pytest.mark.parametrize("how", ["branch", "detached", "stash", "tag"])
def test_commits_of_a_person_s_stay(call, origin, place, how):
    call()
    if how == "branch":
        git(place, "switch", "-q", "-c", "work")
    if how == "stash":
        (place / "a.txt").write_text("mine\n")
        git(place, "stash")
    else:
        mine = commit(place, c_txt="mine\n")
    if how == "tag":
        git(place, "tag", "mine")
        git(place, "checkout", "-q", origin.one)
    assert action(call("absent")) == "kept"
    assert place.exists()
    if how == "detached":
        (done,) = call(version=origin.two)
        assert f"devrig-kept-{mine[:12]}" in done.said[0]
        assert git(place, "rev-parse", f"devrig-kept-{mine[:12]}") == mine


def test_a_person_s_own_checkout_comes_back_with_branch_and_commits(call, origin, place, tmp_path):
    place.parent.mkdir()
    git(tmp_path, "clone", "-q", str(origin), str(place))
    git(place, "reset", "-q", "--hard", origin.one)
    mine = commit(place, c_txt="mine\n")
    (place / "new").write_text("untracked\n")
    refs = git(place, "show-ref")
    files = {name: found for name, found in tree(place).items() if "/.git/" not in name}
    assert action(call(version=origin.two)) == "moved"
    assert ledger_of(tmp_path)[str(place)]["before"] == {"commit": mine, "branch": "main"}
    assert git(place, "rev-parse", "HEAD") == origin.two
    assert git(place, "rev-parse", "main") == mine
    assert action(call(version=origin.two)) == "unchanged"
    assert action(call("absent")) == "restored"
    assert git(place, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(place, "show-ref") == refs
    assert {name: found[:2] for name, found in files.items()} == {
        name: found[:2] for name, found in tree(place).items() if "/.git/" not in name
    }
    assert git(place, "status", "--porcelain") == "?? new"
    assert not (tmp_path / "home/state").exists()


def test_a_person_s_detached_commit_comes_back_too(call, origin, place, tmp_path):
    place.parent.mkdir()
    git(tmp_path, "clone", "-q", str(origin), str(place))
    git(place, "checkout", "-q", "--detach")
    mine = commit(place, c_txt="mine\n")
    refs = git(place, "show-ref")
    (done,) = call()
    assert "commits of yours" in done.said[0]
    assert action(call("absent")) == "restored"
    assert git(place, "rev-parse", "HEAD") == mine
    assert git(place, "show-ref") == refs


def test_a_person_s_own_checkout_at_the_commit_is_none_of_ours(call, origin, place, tmp_path):
    place.parent.mkdir()
    git(tmp_path, "clone", "-q", str(origin), str(place))
    assert action(call(version=origin.two)) == "unchanged"
    assert ledger_of(tmp_path) == {}
    assert call("absent") == []
    assert place.exists()


def test_a_clone_of_a_person_s_in_the_place_of_ours_is_not_taken_away(call, origin, place, tmp_path):
    call()
    subprocess.run(["rm", "-rf", str(place)], check=True)
    git(tmp_path, "clone", "-q", str(origin), str(place))
    assert action(call("absent")) == "absent"
    assert place.exists()


def test_what_moved_since_stays(call, origin, place, tmp_path):
    place.parent.mkdir()
    git(tmp_path, "clone", "-q", str(origin), str(place))
    call()
    git(place, "checkout", "-q", "main")
    assert action(call("absent")) == "absent"
    assert git(place, "rev-parse", "HEAD") == origin.two


def test_what_is_in_the_way_is_refused_before_anything_is_changed(call, place, tmp_path):
    place.parent.mkdir()
    place.mkdir()
    (place / "thing").touch()
    for said in ("no git checkout: move it away", "is a file", "is a link to /nowhere"):
        before = tree(tmp_path / "home")
        for dry in (True, False):
            with pytest.raises(Exception, match=said):
                call(items=[{"path": str(place.parent / "other")}, {}], dry=dry)
        assert tree(tmp_path / "home") == before
        if place.is_dir():
            (place / "thing").unlink()
            place.rmdir()
            place.touch()
        else:
            place.unlink()
            place.symlink_to("/nowhere")


def test_a_link_to_an_empty_folder_is_followed(call, place, tmp_path):
    place.parent.mkdir()
    (tmp_path / "big disk").mkdir()
    place.symlink_to(tmp_path / "big disk")
    assert action(call()) == "cloned"
    assert place.is_symlink()
    assert (tmp_path / "big disk/a.txt").exists()
    assert action(call()) == "unchanged"
    assert action(call("absent")) == "removed"
    assert list((tmp_path / "big disk").iterdir()) == []


def test_a_foreign_checkout_is_refused_where_that_is_asked_for(call, origin, place, tmp_path):
    place.parent.mkdir()
    git(tmp_path, "clone", "-q", str(origin), str(place))
    with pytest.raises(Exception, match="devrig did not make.*take it out of tool_url"):
        call(existing="refuse")


def test_an_older_devrig_s_clone_in_a_place_of_its_own_is_ours(call, origin, place, tmp_path):
    place.parent.mkdir()
    git(tmp_path, "clone", "-q", str(origin), str(place))
    git(place, "checkout", "-q", origin.one)
    assert action(call(existing="ours")) == "unchanged"
    assert ledger_of(tmp_path)[str(place)]["before"] == "absent"
    assert action(call(version=origin.two, existing="ours")) == "moved"
    assert action(call("absent")) == "removed"


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "shallow.lock", "refs/heads/main.lock"])
def test_a_stale_lock_goes_and_is_said(call, origin, place, name):
    call()
    (place / ".git" / name).touch()
    assert action(call(version=origin.two, dry=True)) == "moved"
    assert (place / ".git" / name).exists()
    (done,) = call(version=origin.two)
    assert f"removed {name.split('/')[-1]}" in " ".join(done.said)
    (place / ".git" / name).touch()
    if "refs" not in name:
        assert action(call(version=origin.two)) == "repaired"
    assert action(call(version=origin.two)) in ("repaired", "unchanged")
    assert action(call(version=origin.two)) == "unchanged"


def test_a_lock_of_a_living_git_is_refused_with_its_number(call, origin, place):
    call()
    (place / ".git/index.lock").touch()
    living = subprocess.Popen(["git", "cat-file", "--batch"], cwd=place, stdin=subprocess.PIPE)
    try:
        time.sleep(0.3)
        assert action(call()) == "unchanged"
        with pytest.raises(Exception, match=rf"process {living.pid} .git cat-file.: wait"):
            call(version=origin.two)
        assert (place / ".git/index.lock").exists()
        assert action(call("absent")) == "kept"
    finally:
        living.communicate()
    assert action(call(version=origin.two)) == "moved"


def test_missing_files_come_back(call, place):
    call()
    (place / "a.txt").unlink()
    assert action(call(dry=True)) == "repaired"
    assert action(call()) == "repaired"
    assert (place / "a.txt").read_text() == "one\n"
    assert action(call()) == "unchanged"


@pytest.mark.parametrize("how", ["empty .git", "nothing fetched", "no index", "half a file"])
def test_a_half_clone_is_made_anew(call, origin, place, how, tmp_path):
    place.mkdir(parents=True)
    if how == "empty .git":
        (place / ".git").mkdir()
    if how == "nothing fetched":
        git(place, "init", "-q")
    if how in ("no index", "half a file"):
        git(tmp_path, "clone", "-q", "--no-checkout", str(origin), str(place))
        (place / ".git/index.lock").touch()
        (place / ".git/devrig-made").touch()
    if how == "half a file":
        (place / "a.txt").write_text("two\ntw")
    assert action(call(dry=True)) == "replaced"
    assert action(call()) == "replaced"
    assert action(call()) == "unchanged"
    assert (place / "a.txt").read_text() == "one\n"
    assert beside(place) == []


@pytest.mark.parametrize("how", ["no files yet", "no index", "a branch aside", "a stash", "a damaged commit"])
def test_a_person_s_clone_without_an_index_is_refused_and_kept(call, origin, place, how, tmp_path):
    place.parent.mkdir(parents=True)
    git(tmp_path, "clone", "-q", "--no-checkout", str(origin), str(place))
    if how != "no files yet":
        git(place, "checkout", "-q", "main")
        mine = commit(place, own="mine\n")
        if how == "a stash":
            (place / "own").write_text("changed\n")
            git(place, "stash")
        for name in ("a.txt", "b.txt", "own", ".gitignore", ".git/index"):
            (place / name).unlink()
    if how == "a branch aside":
        git(place, "branch", "-m", "aside")
        git(place, "symbolic-ref", "HEAD", "refs/heads/none")
    if how == "a stash":
        git(place, "update-ref", "-d", "refs/heads/main")
    if how == "a damaged commit":
        (place / ".git/objects" / mine[:2] / mine[2:]).unlink()
    before = tree(place)
    for dry in (True, False):
        with pytest.raises(Exception, match="commits of yours may be in it. Run `git checkout` there"):
            call(dry=dry)
    assert tree(place) == before
    assert ledger_of(tmp_path) == {}


def test_a_half_clone_with_files_of_a_person_s_is_refused(call, origin, place, tmp_path):
    place.mkdir(parents=True)
    git(place, "init", "-q")
    (place / "mine").write_text("mine\n")
    with pytest.raises(Exception, match="not whole, and files of yours .mine.: move it away"):
        call()
    git(place, "remote", "add", "origin", str(origin))
    git(place, "fetch", "-q", "origin")
    git(place, "update-ref", "HEAD", origin.two)
    (place / "mine").unlink()
    (place / "a.txt").write_text("mine\n")
    with pytest.raises(Exception, match="not whole, and files of yours .a.txt."):
        call()


def test_a_home_folder_that_is_a_repository_is_not_taken_for_the_checkout(call, place, tmp_path):
    git(tmp_path / "home", "init", "-q")
    commit(tmp_path / "home", dotfile="mine\n")
    (place / ".git").mkdir(parents=True)
    assert action(call()) == "replaced"
    assert git(tmp_path / "home", "status", "--porcelain", "--untracked-files=no") == ""


def test_a_submodule_is_a_checkout_too(call, origin, place, tmp_path):
    home = place.parent
    home.mkdir()
    git(home, "init", "-q")
    git(home, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(origin), "tool")
    assert (place / ".git").is_file()
    assert action(call()) == "moved"
    assert git(place, "rev-parse", "HEAD") == origin.one
    assert action(call("absent")) == "restored"
    assert git(home, "submodule", "status").split()[0] == origin.two


def test_hooks_and_templates_of_a_person_s_do_not_run(call, origin, place, tmp_path):
    hooks, template = tmp_path / "hooks", tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    hooks.mkdir()
    for folder in (hooks, template / "hooks"):
        for name in ("post-checkout", "reference-transaction", "pre-commit"):
            (folder / name).write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
            (folder / name).chmod(0o755)
    configure = functools.partial(subprocess.run, check=True)
    configure(["git", "config", "--global", "init.templateDir", str(template)])
    configure(["git", "config", "--global", "core.hooksPath", str(hooks)])
    configure(["git", "config", "--global", "core.autocrlf", "true"])
    call()
    call(version=origin.two)
    assert not (tmp_path / "ran").exists()
    assert not (place / ".git/hooks").exists()
    assert b"\r" not in (place / "a.txt").read_bytes()


def test_the_environment_of_a_hook_does_not_lead_astray(call, origin, place, tmp_path, monkeypatch):
    git(tmp_path / "home", "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "home/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert action(call()) == "cloned"
    assert action(call(version=origin.two)) == "moved"
    assert not (tmp_path / "index").exists()


def test_plugins_that_are_not_listed_any_more_go(call, origin, place, tmp_path):
    pack = tmp_path / "home/pack"
    start, opt = {"path": str(pack / "start/x")}, {"path": str(pack / "opt/x")}
    other = {"path": str(pack / "start/y")}
    assert [done.action for done in call(items=[start, other], below=pack)] == ["cloned", "cloned"]
    assert [done.action for done in call(items=[opt, other], below=pack)] == ["removed", "cloned", "unchanged"]
    assert not (pack / "start/x").exists()
    (pack / "start/y/mine").touch()
    with pytest.raises(Exception, match="start/y is not asked for any more and would be removed, but files of yours"):
        call(items=[opt], below=pack)
    assert (pack / "opt/x").exists()
    (pack / "start/y/mine").unlink()
    assert [done.action for done in call("absent", items=[], below=pack)] == ["removed", "removed"]
    assert not (tmp_path / "home/state").exists()
    assert not pack.exists()


def test_the_record_of_an_older_devrig_is_taken_over(call, origin, place, tmp_path):
    pack, state = tmp_path / "home/pack", tmp_path / "home/state"
    (pack / "start").mkdir(parents=True)
    state.mkdir()
    (state / "vim-plugins.json").write_text(json.dumps(["start/x", "opt/gone"]))
    git(tmp_path, "clone", "-q", str(origin), str(pack / "start/x"))
    git(pack / "start/x", "checkout", "-q", origin.one)
    items = [{"path": str(pack / "start/x"), "existing": "refuse"}]
    assert action(call(items=items, below=pack)) == "unchanged"
    assert not (state / "vim-plugins.json").exists()
    assert list(ledger_of(tmp_path)) == [str(pack / "start/x")]
    assert action(call("absent", items=[], below=pack)) == "removed"


class Server(http.server.ThreadingHTTPServer):
    """A plain ("dumb") HTTP server of a folder, with faults: a list of what the next requests get."""

    def __init__(self, folder):
        self.faults, self.asked, self.login = [], [], None
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.server.login and self.headers.get("Authorization") != self.server.login:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
            return None
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault == "hang":
            time.sleep(6)
            return None
        if fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            return None
        if fault:
            return self.send_error(fault)
        return super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def mirror(origin, tmp_path):
    bare = tmp_path / "www/origin.git"
    git(tmp_path, "clone", "-q", "--bare", str(origin), str(bare))
    git(bare, "update-server-info")
    with Server(tmp_path / "www") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}/origin.git"
        yield server
        server.shutdown()


@pytest.fixture
def hurry(devrig_git, monkeypatch):
    """The waits of the module, made short."""
    monkeypatch.setattr(devrig_git, "PAUSES", (0, 0))
    faster = [f"http.lowSpeedTime={1}" if "lowSpeedTime" in option else option for option in devrig_git.OPTIONS]
    monkeypatch.setattr(devrig_git, "OPTIONS", tuple(faster))


def test_a_plain_http_mirror_is_enough(call, origin, place, mirror):
    assert action(call(repo=mirror.url, depth=1)) == "cloned"
    asked = len(mirror.asked)
    assert action(call(repo=mirror.url)) == "unchanged"
    assert len(mirror.asked) == asked
    three = commit(origin, a_txt="three\n")
    git(origin, "push", "-q", str(Path(mirror.RequestHandlerClass.keywords["directory"]) / "origin.git"), "HEAD:main")
    git(Path(mirror.RequestHandlerClass.keywords["directory"]) / "origin.git", "update-server-info")
    assert action(call(repo=mirror.url, version=three)) == "moved"
    assert action(call("absent")) == "removed"


@pytest.mark.parametrize(
    ("faults", "said", "requests"),
    [
        ([404] * 9, "there is no such repository", 1),
        ([500] * 9, "the server has a fault of its own", 3),
        (["hang"] * 9, "did not answer in time", 3),
        ([403] * 9, "wants a login", 1),
    ],
)
@pytest.mark.usefixtures("hurry")
def test_a_mirror_that_fails_is_named_with_its_setting(call, place, mirror, faults, said, requests):  # noqa: PLR0917
    mirror.faults += faults
    with pytest.raises(Exception, match="cannot be had from http.*tool_url") as failure:
        call(repo=mirror.url)
    assert said in str(failure.value)
    assert mirror.url in str(failure.value)
    assert len([path for path in mirror.asked if "info/refs" in path]) == requests
    assert not place.exists()
    assert beside(place) == []
    mirror.faults.clear()
    assert action(call(repo=mirror.url)) == "cloned"


def test_a_mirror_that_is_busy_is_asked_again(call, place, mirror, hurry):
    mirror.faults += [503, "cut"]
    assert action(call(repo=mirror.url)) == "cloned"


def test_nobody_answers(call, place, hurry):
    with pytest.raises(Exception, match="nobody answers there"):
        call(repo="http://127.0.0.1:1/x.git")


def test_sends_a_login_to_the_server_and_nowhere_else(run_module, origin, place, mirror, tmp_path, call):  # noqa: PLR0917
    mirror.login = "Basic " + base64.b64encode(b"me@x:s3cret/word").decode()
    url = mirror.url.replace("http://", "http://me%40x:s3cret%2Fword@")
    item = {"path": str(place), "repo": url, "version": origin.one, "repo_setting": "tool_url"}
    params = {"checkouts": [item], "state_dir": str(tmp_path / "home/state")}
    answer = run_module("git_checkout", params, "--diff", home=tmp_path / "home")
    assert answer["changed"] is True
    assert answer["checkouts"][0]["action"] == "cloned"
    assert str(place) in answer["diff"]["after"]
    failed = run_module(
        "git_checkout", {**params, "checkouts": [{**item, "version": "f" * 40}]}, home=tmp_path / "home"
    )
    assert mirror.url in failed["msg"]
    for text in (json.dumps(answer), json.dumps(failed)):
        assert "s3cret" not in text
    every = [path for path in (tmp_path / "home").rglob("*") if path.is_file() and ".ansible" not in path.parts]
    assert len(every) > 10
    for path in every:
        assert b"s3cret" not in path.read_bytes(), path
    mirror.login = "Basic other"
    with pytest.raises(Exception, match="wants a login") as failure:
        call(repo=url, version="e" * 40)
    assert "s3cret" not in str(failure.value)


@pytest.mark.parametrize(
    ("repo", "url", "user", "password", "secrets"),
    [
        ("https://a:b@h/x", "https://h/x", "a", "b", {"a:b", "b"}),
        ("https://t0ken@h:8/x", "https://h:8/x", "t0ken", "", {"t0ken"}),
        ("https://a:p%40q@h/x", "https://h/x", "a", "p@q", {"a:p%40q", "p%40q", "p@q"}),
        ("ssh://git@h/x", "ssh://git@h/x", None, None, set()),
        ("git@h:x", "git@h:x", None, None, set()),
        ("https://h/x@y", "https://h/x@y", None, None, set()),
        ("/srv/x.git", "/srv/x.git", None, None, set()),
    ],
)
def test_logins_are_found_in_urls(devrig_git, repo, url, user, password, secrets):  # noqa: PLR0917
    address = devrig_git.address_of(repo)
    assert address == (url, user, password)
    assert devrig_git.secrets_of(address, repo) == secrets


def test_the_module_in_check_mode_without_git(run_module, origin, place, tmp_path):
    params = {
        "checkouts": [{"path": str(place), "repo": str(origin), "version": origin.one}],
        "state_dir": str(tmp_path / "home/state"),
    }
    (tmp_path / "bin").mkdir()
    for program in Path("/usr/bin").iterdir():
        if not program.name.startswith("git"):
            (tmp_path / "bin" / program.name).symlink_to(program)
    bare = {"PATH": str(tmp_path / "bin")}
    home = tmp_path / "home"
    answer = run_module("git_checkout", params, "--check", home=home, env=bare)
    assert answer["changed"] is True, answer
    assert not (home / "state").exists()
    assert "git is not there" in run_module("git_checkout", params, home=home, env=bare)["msg"]
    left = run_module("git_checkout", {**params, "need_git": False}, home=home, env=bare)
    assert (left["changed"], left["checkouts"][0]["action"]) == (False, "left out")
    assert run_module("git_checkout", params, home=home)["changed"] is True
    assert run_module("git_checkout", params, "--check", home=home, env=bare)["changed"] is False


def wait_for_the_end_of_all_in(folder, devrig_git):
    """Wait until no process works in a folder: what a killed run started ends with it."""
    end = time.monotonic() + 10
    while devrig_git.processes_in([str(folder)]):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("what", ["cloned", "moved", "removed"])
def test_next_run_converges_after_a_kill_at_every_step(call, origin, place, devrig_git, tmp_path, what):  # noqa: PLR0917
    """A step is a change of a name, or a git that has just begun."""
    calls = [(os, name) for name in ("rename", "replace", "mkdir", "link")]
    calls += [(shutil, "rmtree"), (devrig_git.subprocess.Popen, "communicate")]
    home, empty = tmp_path / "home", tree(tmp_path / "home")
    if what != "cloned":
        call()
    shutil.copytree(home, tmp_path / "before", symlinks=True)
    state, version = ("absent" if what == "removed" else "present"), (origin.two if what == "moved" else origin.one)
    run = functools.partial(call, state, version=version)
    seen = set()

    def run_to_be_killed():
        devrig_git.die_with_parent = call.die_with_parent
        run()

    for number in range(1, 200):
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "before", home, symlinks=True)
        if not killed_at(number, run_to_be_killed, calls):
            break
        wait_for_the_end_of_all_in(home, devrig_git)
        done = run()
        if what != "removed":
            seen.add(action(done))
            assert action(run()) == "unchanged", number
            assert git(place, "status", "--porcelain") == "", number
            assert git(place, "rev-parse", "HEAD") == version, number
            assert beside(place) == [], number
            call("absent")
        assert tree(home) == empty, number
    assert number > 5
    assert what in seen or what == "removed"


@pytest.fixture
def start(start_module, tmp_path, origin, place):
    """Return a function that starts the module as a process."""

    def start(state="present", **params):
        item = {"path": str(place), "repo": f"file://{origin}", "version": origin.one, **params}
        asked = {"checkouts": [item], "state_dir": str(tmp_path / "home/state"), "state": state}
        return start_module("git_checkout", asked, home=tmp_path / "home")

    return start


@pytest.fixture
def kill_within(devrig_git, tmp_path):
    """Return a function that kills a run after a random part of a time."""

    def kill(run, seconds):
        run.thread.join(random.uniform(0, seconds))  # noqa: S311 (no secret)
        run.kill()
        wait_for_the_end_of_all_in(tmp_path / "home", devrig_git)

    return kill


def converged(run):
    """Return what a run did that must end well."""
    answer = run.answer()
    assert "msg" not in answer, answer
    return answer["checkouts"][0]["action"] if answer["checkouts"] else "absent"


@pytest.fixture
def big(origin):
    """Many files in both commits, so that there is time to kill."""
    for number in range(400):
        (origin / f"file{number}").write_text(f"{number} three\n" * 20)
    origin.one = commit(origin, a_txt="three\n")
    for number in range(400):
        (origin / f"file{number}").write_text(f"{number} four\n" * 20)
    origin.two = commit(origin, a_txt="four\n", c_txt="new\n")
    return origin


@pytest.mark.full
def test_next_run_converges_after_kills_at_random_moments(start, kill_within, big, place, tmp_path):
    """Also in the middle of a git's work."""
    seconds = time.monotonic()
    assert converged(start()) == "cloned"
    seconds = (time.monotonic() - seconds) * 1.1
    assert converged(start("absent")) == "removed"
    seen = set()
    for number in range(20):
        version = (big.one, big.two)[number % 3 == 0]
        kill_within(start(version=version), seconds)
        if number % 2:
            kill_within(start(version=version), seconds)
        seen.add(converged(start(version=version)))
        assert converged(start(version=version)) == "unchanged"
        assert git(place, "status", "--porcelain") == ""
        assert git(place, "rev-parse", "HEAD") == version
        assert beside(place) == []
        if number % 4 == 1:
            kill_within(start("absent"), seconds)
            converged(start("absent"))
            assert not place.exists()
            assert not (tmp_path / "home/state").exists()
            assert not place.parent.exists()
    assert len(seen) > 1


def test_concurrent_runs_clone_once(start, big, place):
    runs = [start() for _ in range(2)]
    assert sorted(converged(run) for run in runs) == ["cloned", "unchanged"]
    assert beside(place) == []


def test_what_a_living_process_works_in_is_left_alone(call, place, devrig_checkout):
    place.parent.mkdir()
    folder = place.parent / f".{place.name}.devrig-abc"
    (folder / "checkout").mkdir(parents=True)
    (folder / devrig_checkout.BESIDE_MARK).touch()
    stranger = place.parent / f".{place.name}.devrig-mine"
    stranger.mkdir()
    (stranger / "mine").touch()
    living = subprocess.Popen(["sleep", "60"], cwd=folder / "checkout")
    try:
        assert action(call()) == "cloned"
        assert folder.exists()
        assert action(call()) == "unchanged"
    finally:
        living.kill()
        living.wait()
    assert action(call(dry=True)) == "repaired"
    assert folder.exists()
    assert action(call()) == "repaired"
    assert not folder.exists()
    assert (stranger / "mine").exists()
    assert action(call()) == "unchanged"


def test_a_full_or_closed_disk_is_said_and_nothing_is_left(call, place, tmp_path, run_module, origin):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    place.parent.mkdir()
    place.parent.chmod(0o555)
    params = {
        "checkouts": [{"path": str(place), "repo": str(origin), "version": origin.one}],
        "state_dir": str(tmp_path / "home/state"),
    }
    try:
        assert "give it back with chown or chmod" in run_module("git_checkout", params, home=tmp_path / "home")["msg"]
    finally:
        place.parent.chmod(0o755)
    assert list(place.parent.iterdir()) == []


def test_help_tags_are_made_once(call, origin, place):
    if not shutil.which("vim"):
        pytest.skip("vim is not there")
    (origin / "doc").mkdir()
    (origin / "doc/x.txt").write_text("*x.txt* help\n")
    three = commit(origin)
    call(version=three, helptags=True, generated=["doc/tags"])
    assert "x.txt" in (place / "doc/tags").read_text()
    assert action(call(version=three, helptags=True, generated=["doc/tags"])) == "unchanged"
    (place / "doc/tags").unlink()
    assert action(call(version=three, helptags=True, generated=["doc/tags"])) == "repaired"
    (origin / "doc/y.txt").write_text("*y.txt* help\n")
    four = commit(origin)
    assert action(call(version=four, helptags=True, generated=["doc/tags"])) == "moved"
    assert "y.txt" in (place / "doc/tags").read_text()
    assert action(call("absent")) == "removed"
