"""The module that writes home files: nothing is lost, and it can be taken back."""

import contextlib
import json
import os
import random
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest
from killed import killed_at

from tests.faults.test_build import small_disk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home of Zoë"
    folder.mkdir()
    return folder


@pytest.fixture
def write(run_module, home):
    """Return a function that writes {name: content} into the home folder in a process of its own, or takes it back."""

    def call(files, *options, **params):
        items = [{"path": str(home / name), "content": content} for name, content in files.items()]
        return run_module("dotfile", {"files": items, "state_dir": str(home / "state"), **params}, *options, home=home)

    return call


class Answered(Exception):
    """The end of a module, with its answer."""


@pytest.fixture
def bring(dotfile, home, monkeypatch):
    """Return the same function without Ansible, which takes a hundredth of the time.

    A name that has a local file in LOCALS gets it.
    """

    def call(files, dry=False, locals_=True, modes=None, **params):
        items = [
            {
                "path": str(home / name),
                "content": content,
                "mode": (modes or {}).get(name, "0644"),
                **({"local": str(home / (name + ".local"))} if locals_ and name in (".zshrc", ".vimrc") else {}),
            }
            for name, content in files.items()
        ]

        class Module:
            def __init__(self, argument_spec, supports_check_mode):
                found = {name: spec.get("default") for name, spec in argument_spec.items()}
                self.params = {**found, "files": items, "state_dir": str(home / ".local/state/devrig"), **params}
                self.check_mode = dry
                self.warnings = []

            def warn(self, text):
                self.warnings.append(text)

            def exit_json(self, **answer):
                raise Answered({**answer, "warnings": self.warnings})

            def fail_json(self, **answer):
                raise Answered({**answer, "failed": True})

        monkeypatch.setattr(dotfile, "AnsibleModule", Module)
        monkeypatch.setenv("HOME", str(home))
        with pytest.raises(Answered) as end:
            dotfile.main()
        return end.value.args[0]

    return call


def actions(answer):
    return [item["action"] for item in answer["files"]]


def snapshot(folder):
    """Return all that is below a folder: content or link, mode, time of files."""
    found = {}
    for path in sorted(folder.rglob("*")):
        there = path.lstat()
        if path.is_symlink():
            found[path.relative_to(folder)] = ("link", os.readlink(path))
        elif path.is_dir():
            found[path.relative_to(folder)] = ("folder", stat.S_IMODE(there.st_mode))
        else:
            found[path.relative_to(folder)] = (path.read_bytes(), stat.S_IMODE(there.st_mode), there.st_mtime_ns)
    return found


def put(path, text, mode=0o640):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    os.utime(path, ns=(10**18 + 7, 10**18 + 9))
    return path


# --- a look


BOTH = {".zshrc": "ours\n", ".config/x": "ours too\n"}


@pytest.fixture
def pending(devrig_dotfiles, devrig_ledger, home):
    """Return a function that looks, and returns the names for which something is to be done."""

    def look(files=BOTH, folders=(), existing="adopt"):
        before = snapshot(home)
        items = [{"path": str(home / name), "content": content, "mode": "0644"} for name, content in files.items()]
        ledger = devrig_ledger.Ledger(str(home / ".local/state/devrig/ledger.json"))
        call = devrig_dotfiles.Call(ledger, str(home), str(home / ".local/state/devrig"), existing, True)
        found = devrig_dotfiles.looked(items, folders, call)
        assert snapshot(home) == before
        return [os.path.relpath(path, home) for path in found]

    return look


def test_a_look_finds_nothing_where_all_is_as_it_should_be(bring, home, pending):
    folder = str(home / "kept")
    assert pending(folders=[folder]) == [".config/x", ".zshrc", "kept"]
    bring(BOTH, folders=[folder])
    assert pending(folders=[folder]) == []


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("edited\n"),
        lambda path: path.chmod(0o600),
        lambda path: (path.rename(path.with_name("moved")), path.symlink_to("moved"), path.write_text("edited\n")),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["gone", "edited", "another mode", "a link", "a folder"],
)
def test_a_look_finds_what_is_to_be_mended(bring, home, pending, harm):
    bring(BOTH)
    harm(home / ".zshrc")
    assert ".zshrc" in pending()


def test_a_look_says_nothing_of_what_is_the_users_own(home, pending):
    put(home / ".zshrc", "mine\n")
    assert pending(existing="refuse") == [".config/x", ".zshrc"]


def test_a_look_finds_what_a_run_that_was_ended_did_not_write_down(bring, home, pending):
    bring(BOTH)
    ledger = home / ".local/state/devrig/ledger.json"
    data = json.loads(ledger.read_text())
    entry = data["sections"]["files"][str(home / ".zshrc")]
    entry["next"] = entry.pop("sha256")
    ledger.write_text(json.dumps(data))
    assert pending() == [".zshrc"]
    bring(BOTH)
    assert pending() == []


# --- decisions


@pytest.mark.parametrize(
    ("current", "wanted", "recorded", "action"),
    [
        ("a", "a", "", "unchanged"),
        ("a", "a", "b", "unchanged"),
        (None, "a", "", "created"),
        (None, "a", "a", "created"),
        ("b", "a", "b", "updated"),
        ("b", "a", "ab", "updated"),
        ("c", "a", "b", "replaced"),
        ("c", "a", "", "replaced"),
        ("link", "a", "b", "replaced"),
    ],
)
def test_decide(devrig_dotfiles, current, wanted, recorded, action):
    assert devrig_dotfiles.decide(current, wanted, set(recorded)) == action


@pytest.mark.parametrize(
    ("current", "recorded", "original", "action"),
    [
        ("a", "", None, "absent"),
        (None, "a", None, "absent"),
        (None, "a", "/b", "restored"),
        ("c", "a", "/b", "kept"),
        ("link", "a", None, "kept"),
        ("a", "a", "/b", "restored"),
        ("a", "ab", None, "removed"),
    ],
)
def test_decide_absent(devrig_dotfiles, current, recorded, original, action):
    assert devrig_dotfiles.decide_absent(current, set(recorded), original) == action


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("source ~/.zshrc.local", True),
        ("[[ -f $HOME/.zshrc.local ]] && . $HOME/.zshrc.local", True),
        ("  # source ~/.zshrc.local", False),
        ('" source ~/.zshrc.local', False),
        ("source ~/.zshrc", False),
        ("", False),
    ],
)
def test_content_that_would_read_itself_is_seen(devrig_dotfiles, text, result):
    assert devrig_dotfiles.mentions(b"alias x=y\n" + text.encode(), ".zshrc.local") is result


# --- the module in a process of its own


def test_a_new_file_has_its_mode_and_a_second_run_changes_nothing(write, home):
    first = write({".zshrc": "new ünï\n", "deep/er/file": "x\n"})
    assert (first["changed"], actions(first), first["backups"]) == (True, ["created", "created"], [])
    assert (home / ".zshrc").read_text() == "new ünï\n"
    assert (home / ".zshrc").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in home.glob(".zshrc*")] == [".zshrc"]
    second = write({".zshrc": "new ünï\n", "deep/er/file": "x\n"})
    assert (second["changed"], actions(second), "warnings" in second) == (False, ["unchanged", "unchanged"], False)


def test_what_was_there_is_kept_byte_for_byte_and_given_back(write, home):
    old = put(home / ".zshrc", b"alias x=\xff\r\n")
    before = snapshot(home)
    answer = write({".zshrc": "new\n"})
    assert actions(answer) == ["replaced"]
    (backup,) = answer["backups"]
    assert Path(backup).read_bytes() == b"alias x=\xff\r\n"
    assert old.read_text() == "new\n"
    assert answer["kept"][0]["said"] == "~/.zshrc was yours: it is kept in ~" + backup[len(str(home)) :]
    back = write({".zshrc": ""}, state="absent")
    assert actions(back) == ["restored"]
    assert {path: what for path, what in snapshot(home).items() if path.parts[0] != ".ansible"} == before
    assert write({".zshrc": ""}, state="absent")["changed"] is False


def test_check_mode_says_the_same_and_changes_nothing(write, home):
    put(home / ".zshrc", "old\n")
    files = {".zshrc": "new\n", ".vimrc": "new\n"}
    checked = write(files, "--check", "--diff")
    assert (checked["changed"], actions(checked)) == (True, ["replaced", "created"])
    assert sorted(path.name for path in home.iterdir() if path.name != ".ansible") == [".zshrc"]
    assert "a dated folder of ~/state/backup" in checked["kept"][0]["said"]
    done = write(files)
    assert (done["changed"], actions(done)) == (True, actions(checked))


def test_an_edit_is_shown_without_diff_mode(write, home):
    write({".vimrc": "one\ntwo\n"})
    (home / ".vimrc").write_text("one\n2\n")
    answer = write({".vimrc": "one\ntwo\n"})
    assert answer["kept"][0]["diff"].endswith("-two\n+2\n")
    assert answer["kept"][0]["said"].endswith("-two\n+2")


# --- what the user had


def test_content_goes_on_acting_as_the_local_file(bring, home):
    old = put(home / ".zshrc", b"alias x=\xff\r\n", 0o600)
    before = snapshot(home)
    answer = bring({".zshrc": "new\n"})
    local = home / ".zshrc.local"
    (kept,) = answer["kept"]
    assert (kept["why"], kept["local"], kept["path"]) == ("adopted", str(local), str(old))
    assert kept["said"].endswith("and goes on acting as ~/.zshrc.local")
    assert snapshot(home)[Path(".zshrc.local")] == before[Path(".zshrc")]
    assert Path(kept["backup"]).read_bytes() == b"alias x=\xff\r\n"
    assert Path(kept["backup"]).stat().st_mtime_ns == 10**18 + 9
    assert bring({".zshrc": "new\n"})["kept"] == []
    assert bring({".zshrc": "newer\n"})["backups"] == []
    back = bring({".zshrc": ""}, state="absent")
    assert (actions(back), back["kept"]) == (["restored"], [])
    assert snapshot(home) == before


@pytest.mark.parametrize("existing", ["adopt", "backup"])
def test_an_empty_file_and_backup_alone_have_no_local_file(bring, home, existing):
    put(home / ".zshrc", "\n" if existing == "adopt" else "mine\n")
    before = snapshot(home)
    answer = bring({".zshrc": "new\n"}, existing=existing)
    assert (actions(answer), answer["kept"][0]["local"]) == (["replaced"], "")
    assert not os.path.lexists(home / ".zshrc.local")
    bring({".zshrc": ""}, state="absent")
    assert snapshot(home) == before


def test_refuse_names_all_of_them_before_anything_is_changed(bring, home):
    put(home / ".zshrc", "mine\n")
    (home / ".vimrc").symlink_to("nowhere")
    put(home / "same", "same\n")
    before = snapshot(home)
    answer = bring({"first": "x\n", ".zshrc": "new\n", ".vimrc": "new\n", "same": "same\n"}, existing="refuse")
    assert answer["msg"].startswith(f"{home}/.zshrc, {home}/.vimrc: there already")
    assert "dotfile_existing" in answer["msg"]
    assert snapshot(home) == before


def test_refuse_lets_edits_of_ours_pass(bring, home):
    bring({".zshrc": "new\n"}, existing="refuse")
    (home / ".zshrc").write_text("edited\n")
    assert actions(bring({".zshrc": "new\n"}, existing="refuse")) == ["replaced"]


@pytest.mark.parametrize("kind", ["file", "dangling link", "folder"])
def test_a_local_file_that_is_there_is_not_touched(bring, home, kind):
    put(home / ".zshrc", "mine\n")
    local = home / ".zshrc.local"
    if kind == "file":
        put(local, "local\n")
    elif kind == "folder":
        local.mkdir()
    else:
        local.symlink_to("nowhere")
    before = snapshot(home)
    answer = bring({".zshrc": "new\n"})
    (kept,) = answer["kept"]
    assert kept["local"] == ""
    assert "~/.zshrc.local was there and was not touched: copy into it" in answer["warnings"][0]
    assert snapshot(home)[Path(".zshrc.local")] == before[Path(".zshrc.local")]
    bring({".zshrc": ""}, state="absent")
    assert snapshot(home) == before


def test_content_that_reads_the_local_file_is_not_made_to_read_itself(bring, home):
    put(home / ".zshrc", "[ -r ~/.zshrc.local ] && . ~/.zshrc.local\n")
    answer = bring({".zshrc": "new\n"})
    assert "it reads ~/.zshrc.local itself" in answer["warnings"][0]
    assert not (home / ".zshrc.local").exists()


def test_an_edit_is_kept_shown_and_replaced(bring, home):
    path = put(home / ".vimrc", "first\n")
    bring({".vimrc": "ours 1\n"})
    path.write_text("ours 1\nedited\n")
    answer = bring({".vimrc": "ours 1\n"})
    (kept,) = answer["kept"]
    assert (kept["why"], kept["local"], kept["diff"]) == (
        "edited",
        "",
        "--- devrig's\n+++ yours\n@@ -1,0 +2 @@\n+edited\n",
    )
    assert "~/.vimrc had edits of yours" in answer["warnings"][0]
    assert answer["warnings"][0].endswith("lines of your own stay in ~/.vimrc.local:\n" + kept["diff"].rstrip("\n"))
    assert Path(answer["backups"][0]).read_text() == "ours 1\nedited\n"
    assert (path.read_text(), (home / ".vimrc.local").read_text()) == ("ours 1\n", "first\n")
    back = bring({".vimrc": ""}, state="absent")
    assert path.read_text() == "first\n"
    assert [(item["why"], item["backup"]) for item in back["kept"]] == [("backup", answer["backups"][0])]
    assert Path(answer["backups"][0]).exists()


@pytest.mark.parametrize(
    "line",
    [
        "export GITHUB_TOKEN=abc1",
        'let g:secret = "abc1"',
        "set my_passwd abc1",
        "'Password': abc1",
        '"apikey": "abc1"',
        "AWS_API_KEY_ID=abc1",
        "credentials: abc1",
        "-----BEGIN OPENSSH PRIVATE KEY-----abc1",
    ],
)
def test_an_edit_that_looks_like_a_secret_is_kept_and_not_shown(bring, home, line):
    bring({".vimrc": "ours\n"})
    (home / ".vimrc").write_text("ours\nother edit\n" + line + "\n")
    answer = bring({".vimrc": "ours\n"})
    said = json.dumps([answer["warnings"], answer["kept"]])
    assert "abc1" not in said
    assert "other edit" not in said
    (backup,) = answer["backups"]
    assert answer["kept"][0]["backup"] == backup
    assert "~/.local/state/devrig/backup/" in answer["warnings"][0]
    assert "looks like a secret" in answer["warnings"][0]
    assert line in Path(backup).read_text()


def test_nobody_else_can_read_a_copy_while_it_is_made(devrig_dotfiles, tmp_path, monkeypatch):
    source = put(tmp_path / "source", "mine\n", 0o640)
    seen, copy = [], shutil.copyfileobj
    monkeypatch.setattr(
        devrig_dotfiles.shutil, "copyfileobj", lambda old, new: (seen.append(os.fstat(new.fileno())), copy(old, new))
    )
    before = os.umask(0)
    try:
        devrig_dotfiles.copy_atomically(str(source), str(tmp_path / "copy"))
    finally:
        os.umask(before)
    assert [stat.S_IMODE(found.st_mode) for found in seen] == [0o600]
    assert devrig_dotfiles.identity(str(tmp_path / "copy")) == devrig_dotfiles.identity(str(source))


def test_a_long_edit_is_not_printed(bring, home):
    bring({".vimrc": "ours\n"})
    (home / ".vimrc").write_text("line\n" * 50)
    answer = bring({".vimrc": "ours\n"})
    assert "line" not in answer["warnings"][0].split("yours:")[1].split("backup")[1].replace("lines of", "")
    assert answer["kept"][0]["diff"].count("+line\n") == 50


def test_two_edits_in_one_second_are_two_backups(bring, home):
    bring({".vimrc": "ours\n"})
    found = []
    for text in ("one\n", "two\n", "three\n"):
        (home / ".vimrc").write_text(text)
        found += bring({".vimrc": "ours\n"})["backups"]
    assert [Path(copy).read_text() for copy in found] == ["one\n", "two\n", "three\n"]


def test_our_own_untouched_file_is_updated_without_a_backup(bring):
    bring({".vimrc": "ours 1\n"})
    answer = bring({".vimrc": "ours 2\n"})
    assert (actions(answer), answer["backups"], answer["kept"]) == (["updated"], [], [])


def test_a_file_that_was_edited_since_is_not_taken_away(bring, home):
    put(home / ".vimrc", "first\n")
    bring({".vimrc": "ours\n"})
    (home / ".vimrc").write_text("edited\n")
    answer = bring({".vimrc": ""}, state="absent")
    assert (answer["changed"], actions(answer)) == (False, ["kept"])
    assert (
        "~/.vimrc is not what devrig wrote, and stays; what was there first is in ~/.local/state"
        in answer["warnings"][0]
    )
    assert (home / ".vimrc").read_text() == "edited\n"
    (home / ".vimrc").unlink()
    assert actions(bring({".vimrc": ""}, state="absent")) == ["restored"]
    assert {path.name for path in home.iterdir()} == {".vimrc"}


def test_a_local_file_that_was_edited_since_stays(bring, home):
    put(home / ".zshrc", "mine\n")
    bring({".zshrc": "new\n"})
    (home / ".zshrc.local").write_text("mine\nmore\n")
    answer = bring({".zshrc": ""}, state="absent")
    assert actions(answer) == ["restored"]
    assert answer["warnings"] == ["~/.zshrc.local is not what devrig wrote, and stays"]
    assert {path.name: path.read_text() for path in home.iterdir()} == {
        ".zshrc": "mine\n",
        ".zshrc.local": "mine\nmore\n",
    }


def test_a_backup_that_was_deleted_comes_back_from_the_local_file(bring, home):
    put(home / ".zshrc", "mine\n")
    before = snapshot(home)
    Path(bring({".zshrc": "new\n"})["backups"][0]).unlink()
    assert actions(bring({".zshrc": ""}, state="absent")) == ["restored"]
    left = {path: what for path, what in snapshot(home).items() if ".local" not in path.parts}
    assert left == before


def test_the_users_own_file_with_the_same_content_is_never_ours(bring, home):
    put(home / ".vimrc", "same\n", 0o600)
    before = snapshot(home)
    assert bring({".vimrc": "same\n"})["changed"] is False
    assert snapshot(home) == before
    assert actions(bring({".vimrc": ""}, state="absent")) == ["absent"]
    assert snapshot(home) == before


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_do_not_depend_on_the_umask(bring, home, umask):
    put(home / ".zshrc", "mine\n", 0o604)
    before = os.umask(umask)
    try:
        bring({".zshrc": "ours\n", "bin/program": "x\n"}, modes={"bin/program": "0755"})
    finally:
        os.umask(before)
    modes = {str(path): what[1] for path, what in snapshot(home).items()}
    assert (modes[".zshrc"], modes["bin/program"], modes[".zshrc.local"]) == (0o644, 0o755, 0o604)
    assert modes["bin"] == 0o755 & ~umask
    assert modes[".local/state/devrig"] == 0o700
    assert {mode for name, mode in modes.items() if "/backup" in name and "zshrc" not in name} == {0o700}


def test_a_changed_mode_of_our_file_is_set_again(bring, home):
    bring({".vimrc": "ours\n"})
    (home / ".vimrc").chmod(0o600)
    assert bring({".vimrc": "ours\n"})["changed"] is True
    assert (home / ".vimrc").stat().st_mode & 0o777 == 0o644


# --- links


def linked(home, target="dotfiles/zshrc"):
    put(home / "dotfiles/zshrc", "repository\n")
    (home / ".zshrc").symlink_to(target)
    return snapshot(home)


@pytest.mark.parametrize("target", ["dotfiles/zshrc", "absolute", "nowhere"])
def test_a_link_is_moved_to_the_local_name_and_its_target_is_not_touched(bring, home, target):
    before = linked(home, str(home / "dotfiles/zshrc") if target == "absolute" else target)
    target = os.readlink(home / ".zshrc")
    answer = bring({".zshrc": "new\n"})
    (kept,) = answer["kept"]
    assert (kept["why"], os.readlink(kept["backup"]), os.readlink(home / ".zshrc.local")) == ("link", target, target)
    assert not (home / ".zshrc").is_symlink()
    after = snapshot(home)
    assert after[Path("dotfiles/zshrc")] == before[Path("dotfiles/zshrc")]
    assert bring({".zshrc": "new\n"})["changed"] is False
    bring({".zshrc": ""}, state="absent")
    assert snapshot(home) == before


def test_a_relative_link_leads_to_the_same_from_another_folder(devrig_dotfiles, home):
    linked(home)
    (home / "elsewhere/deep").mkdir(parents=True)
    assert devrig_dotfiles.link_for(str(home / ".zshrc"), str(home / "elsewhere/deep/x")) == "../../dotfiles/zshrc"
    (home / "door").symlink_to("elsewhere/deep")
    assert devrig_dotfiles.link_for(str(home / ".zshrc"), str(home / "door/x")) == "../../dotfiles/zshrc"


def test_a_link_without_a_local_file_is_kept_as_a_link(bring, home):
    before = linked(home)
    answer = bring({".zshrc": "new\n"}, locals_=False)
    assert os.readlink(answer["backups"][0]) == "dotfiles/zshrc"
    bring({".zshrc": ""}, state="absent")
    assert snapshot(home) == before


def test_a_link_to_what_is_wanted_stays(bring, home):
    put(home / "dotfiles/zshrc", "new\n")
    (home / ".zshrc").symlink_to("dotfiles/zshrc")
    before = snapshot(home)
    assert bring({".zshrc": "new\n"})["changed"] is False
    assert snapshot(home) == before


def test_our_file_that_was_moved_into_a_repository_does_not_read_itself(bring, home):
    bring({".zshrc": "1\nsource ~/.zshrc.local\n"})
    (home / "dotfiles").mkdir()
    (home / ".zshrc").rename(home / "dotfiles/zshrc")
    (home / ".zshrc").symlink_to("dotfiles/zshrc")
    answer = bring({".zshrc": "2\nsource ~/.zshrc.local\n"})
    assert "it reads ~/.zshrc.local itself" in answer["warnings"][0]
    assert not os.path.lexists(home / ".zshrc.local")
    assert (home / "dotfiles/zshrc").read_text().startswith("1\n")


def test_a_link_that_came_later_is_what_goes_back(bring, home):
    put(home / ".zshrc", "first\n")
    bring({".zshrc": "ours\n"}, existing="backup")
    (home / ".zshrc").unlink()
    linked(home)
    answer = bring({".zshrc": "ours\n"})
    assert os.readlink(home / ".zshrc.local") == "dotfiles/zshrc"
    assert answer["kept"][0]["why"] == "link"
    back = bring({".zshrc": ""}, state="absent")
    assert os.readlink(home / ".zshrc") == "dotfiles/zshrc"
    assert not os.path.lexists(home / ".zshrc.local")
    assert Path(back["kept"][0]["backup"]).read_text() == "first\n"


def test_a_folder_above_that_is_a_link_is_followed(bring, home):
    (home / "real").mkdir()
    (home / ".config").symlink_to("real")
    before = snapshot(home)
    bring({".config/tool/file": "x\n"})
    assert (home / "real/tool/file").read_text() == "x\n"
    bring({".config/tool/file": ""}, state="absent")
    assert snapshot(home) == before


# --- folders, records


def test_folders_that_were_made_go_and_those_of_others_stay(bring, home):
    (home / ".local/bin").mkdir(parents=True)
    before = snapshot(home)
    files = {".local/bin/ä b": "x\n", ".local/share/devrig/deep/file": "x\n", "own/file": "x\n"}
    bring(files)
    put(home / "own/mine", "x\n")
    bring(dict.fromkeys(files, ""), state="absent")
    assert sorted(set(snapshot(home)) - set(before)) == [Path("own"), Path("own/mine")]


def test_what_is_in_the_way_is_refused_before_anything_is_written(bring, home):
    (home / ".tmux.conf").mkdir()
    os.mkfifo(home / "pipe")
    put(home / "file", "x\n")
    before = sorted(home.rglob("*"))
    for name, text in (
        (".tmux.conf", "move the folder away"),
        ("pipe", "is no file"),
        ("file/x", "file is in the way"),
    ):
        assert text in bring({".zshrc": "new\n", name: "new\n"})["msg"]
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"path": "relative", "content": ""}, "relative: the path must be absolute"),
        ({"path": "/x", "content": "", "local": "y"}, "y: the path must be absolute"),
        ({"path": "/x"}, "needs a path and a content"),
        ({"path": "/x", "content": "", "mode": "rw"}, "octal"),
    ],
)
def test_bad_files_are_refused(devrig_dotfiles, item, text):
    with pytest.raises(devrig_dotfiles.Refused, match=text):
        devrig_dotfiles.checked([item])


@pytest.mark.parametrize("name", ["ledger.json", "dotfiles.json"])
def test_a_broken_record_is_refused_and_not_overwritten(bring, home, name):
    put(home / ".local/state/devrig" / name, "{")
    before = snapshot(home)
    assert "is not a record of devrig's" in bring({".zshrc": "new\n"})["msg"]
    assert {path: what for path, what in snapshot(home).items() if path.suffix != ".lock"} == before


def test_the_record_of_an_older_devrig_is_taken_over(bring, devrig_dotfiles, home):
    state = home / ".local/state/devrig"
    backup = put(state / "backup/2026-01-01T000000Z/.zshrc", "first\n")
    put(home / ".zshrc", "ours\n", 0o644)
    files = {
        str(home / ".zshrc"): {"sha256": devrig_dotfiles.digest_of(b"ours\n"), "backup": str(backup)},
        str(state / "vim-plugins.json"): {"sha256": "x", "backup": None},
    }
    put(state / "dotfiles.json", json.dumps({"files": files}))
    assert bring({".zshrc": "ours\n"}, dry=True)["changed"] is False
    assert (state / "dotfiles.json").exists()
    answer = bring({".zshrc": "ours 2\n"})
    assert (actions(answer), answer["recorded"]) == (["updated"], [str(home / ".zshrc")])
    assert not (state / "dotfiles.json").exists()
    bring({".zshrc": ""}, state="absent")
    assert (home / ".zshrc").read_text() == "first\n"


def test_every_call_returns_what_is_in_the_record(bring, home):
    assert bring({".zshrc": "new\n"})["recorded"] == [str(home / ".zshrc")]
    assert bring({".vimrc": "new\n"})["recorded"] == [str(home / ".vimrc"), str(home / ".zshrc")]
    assert bring({".zshrc": ""}, state="absent")["recorded"] == [str(home / ".vimrc")]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_leaves_no_trace(bring, home, state):
    put(home / ".zshrc", "mine\n")
    if state == "absent":
        bring({".zshrc": "ours\n"})
    before = snapshot(home)
    checked = bring({".zshrc": "ours\n"}, dry=True, state=state)
    assert snapshot(home) == before
    done = bring({".zshrc": "ours\n"}, state=state)
    assert (checked["changed"], actions(checked), checked["diff"]) == (done["changed"], actions(done), done["diff"])


def test_a_run_that_has_nothing_to_do_writes_nothing(bring, home):
    put(home / ".zshrc", "mine\n")
    bring({".zshrc": "ours\n", "deep/file": "x\n"})
    before = {path: path.lstat().st_mtime_ns for path in home.rglob("*")}
    assert bring({".zshrc": "ours\n", "deep/file": "x\n"})["changed"] is False
    assert {path: path.lstat().st_mtime_ns for path in home.rglob("*")} == before


# --- what goes wrong


EDITED = "ours 1\nmine\n"
FILES = {".zshrc": "ours\n", ".vimrc": "ours\n", "deep/er/file": "x\n", "edited": "ours 2\n", "plain": "ours 2\n"}


def furnish(home, bring):
    """Put into a home folder all that can be there."""
    put(home / ".zshrc", "mine\n", 0o604)
    put(home / "dotfiles/vimrc", "repository\n")
    (home / ".vimrc").symlink_to("dotfiles/vimrc")
    bring({"edited": "ours 1\n", "plain": "ours 1\n"})
    (home / "edited").write_text(EDITED)


def outside(home):
    return {path: what for path, what in snapshot(home).items() if path.parts[0] != ".local"}


#: What changes a file system, or makes that last.
CALLS = [
    (os, name)
    for name in (
        "replace",
        "rename",
        "unlink",
        "mkdir",
        "rmdir",
        "symlink",
        "fsync",
        "fchmod",
        "chmod",
        "utime",
        "open",
    )
]


@pytest.mark.parametrize("then", ["present", "absent"])
@pytest.mark.parametrize("what", ["present", "absent"])
def test_next_run_converges_after_a_kill_at_every_system_call(bring, home, what, then):
    """And what was there is then given back, with nothing left."""
    nothing = dict.fromkeys(FILES, "")
    wanted = None
    for number in range(1, 500):
        shutil.rmtree(home)
        home.mkdir()
        furnish(home, bring)
        original = outside(home)
        if what == "absent":
            bring(FILES)
        if not killed_at(number, lambda: bring(FILES if what == "present" else nothing, state=what), CALLS):
            break
        for name, text in FILES.items():
            if (home / name).exists():
                assert (home / name).read_text() in {text, "mine\n", "repository\n", "ours 1\n", EDITED}, number
        if then == "present":
            assert "msg" not in bring(FILES)
            assert bring(FILES)["changed"] is False
            found = {path: entry[:2] for path, entry in outside(home).items()}
            wanted = wanted or found
            assert found == wanted, number
            assert (home / ".zshrc.local").read_text() == "mine\n"
            assert os.readlink(home / ".vimrc.local") == "dotfiles/vimrc"
        assert "msg" not in bring(nothing, state="absent")
        gone = {path: entry for path, entry in original.items() if path not in (Path("edited"), Path("plain"))}
        left = outside(home)
        left.pop(Path("edited"), None)
        assert left == gone, number
        backups = list(home.glob(".local/state/devrig/backup/*/*"))
        assert {path.read_text() for path in [*backups, *home.glob("edited")]} == {EDITED}, number
        assert (home / ".local").exists() is bool(backups), number
        assert not list(home.rglob(".devrig-*")), number
    assert number > 30


@pytest.fixture
def begin(start_module, home):
    """Return a function that starts the module as a process of its own."""

    def start(files, **params):
        items = [{"path": str(home / name), "content": text} for name, text in files.items()]
        params = {"files": items, "state_dir": str(home / ".local/state/devrig"), **params}
        return start_module("dotfile", params, home=home)

    return start


@pytest.mark.full
def test_next_run_converges_after_kills_at_random_moments(begin, bring, home):
    """A process of its own, and moments that nobody chose."""
    files = {f"folder {number}/file": f"{number}\n" for number in range(40)}
    for name in list(files)[::2]:
        put(home / name, "mine\n")
    before = snapshot(home)
    started = time.monotonic()
    begin(files).answer()
    takes = time.monotonic() - started
    bring(dict.fromkeys(files, ""), state="absent")
    assert snapshot(home) == before
    for number in range(30):
        one = begin(files, state="present" if number % 3 else "absent")
        one.thread.join(takes * random.uniform(0, 1))  # noqa: S311 - no secret
        one.kill()
        for name, text in files.items():
            with contextlib.suppress(FileNotFoundError):
                assert (home / name).read_text() in (text, "mine\n")
    assert "msg" not in bring(files)
    assert bring(files)["changed"] is False
    assert [(home / name).read_text() for name in files] == list(files.values())
    assert bring(dict.fromkeys(files, ""), state="absent")["kept"] == []
    assert snapshot(home) == before


def test_concurrent_runs_lose_nothing(begin, bring, home):
    for number in range(20):
        both = [begin({f"{name} {number}": "x\n", "shared": f"{name}\n"}) for name in "ab"]
        assert ["msg" in one.answer() for one in both] == [False, False]
    answer = bring({"shared": "c\n"})
    assert (actions(answer), len(answer["recorded"])) == (["updated"], 41)
    assert not (home / ".local/state/devrig/backup").exists()


@pytest.fixture
def root():
    if os.getuid() != 0:
        pytest.fail("run as root: file systems are mounted")


def fill(folder):
    """Leave no room on the file system of a folder."""
    with contextlib.suppress(OSError), (folder / "ballast").open("wb") as stream:
        while True:
            stream.write(b"x" * 4096)
            stream.flush()


@pytest.mark.parametrize("where", ["home", "state"])
def test_a_full_disk_is_one_clear_error_and_nothing_is_lost(bring, tmp_path, home, root, where):
    small = tmp_path / "small"
    with small_disk(small, "256k"):
        if where == "state":
            (home / ".local").mkdir()
            (home / ".local/state").symlink_to(small)
        else:
            (home / "sub").symlink_to(small)
        put(home / ".zshrc", "mine\n" * 1000)
        name = ".zshrc" if where == "state" else "sub/.zshrc"
        put(home / "sub/.zshrc", "mine\n" * 1000) if where == "home" else None
        before = snapshot(home)
        there = {path.name for path in small.iterdir()}
        fill(small)
        answer = bring({name: "new\n" * 1000})
        assert "the disk is full: make room, then run again" in answer["msg"]
        assert {path: what for path, what in snapshot(home).items() if path in before and what[0] != "folder"} == {
            path: what for path, what in before.items() if what[0] != "folder"
        }
        assert not [path for path in [*home.rglob("*"), *small.rglob("*")] if path.name.startswith(".devrig-")]
        (small / "ballast").unlink()
        assert there <= {path.name for path in small.iterdir()}
        assert actions(bring({name: "new\n" * 1000})) == ["replaced"]
        assert bring({name: "new\n" * 1000})["changed"] is False
        bring({name: ""}, state="absent")
        assert (home / name).read_text() == "mine\n" * 1000


def test_a_home_on_another_file_system_than_the_state(bring, tmp_path, home, root):
    put(home / ".zshrc", "mine\n")
    (home / ".vimrc").symlink_to("nowhere")
    before = snapshot(home)
    with small_disk(tmp_path / "small", "1m"):
        state = {"state_dir": str(tmp_path / "small/devrig")}
        bring({".zshrc": "new\n", ".vimrc": "new\n"}, **state)
        assert (home / ".zshrc.local").read_text() == "mine\n"
        bring({".zshrc": "", ".vimrc": ""}, state="absent", **state)
        assert list((tmp_path / "small").iterdir()) == []
    assert snapshot(home) == before


def test_a_read_only_home_is_one_clear_error_and_needs_nothing_where_nothing_is_to_do(bring, home, tmp_path, root):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(home)], check=True)
    try:
        put(home / ".zshrc", "mine\n")
        bring({".zshrc": "new\n"})
        subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
        assert bring({".zshrc": "new\n"})["changed"] is False
        assert "the file system is read-only: mount it writable" in bring({".zshrc": "newer\n"})["msg"]
        assert "the file system is read-only: mount it writable" in bring({".zshrc": ""}, state="absent")["msg"]
        subprocess.run(["mount", "-o", "remount,rw", str(home)], check=True)
        bring({".zshrc": ""}, state="absent")
        assert {path.name: path.read_text() for path in home.iterdir()} == {".zshrc": "mine\n"}
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def test_folders_are_made_for_their_user_alone_and_go_when_they_are_empty(run_module, tmp_path):
    wanted = [str(tmp_path / ".cache/devrig/zsh"), str(tmp_path / ".local/state/vim/undo")]
    params = {"state_dir": str(tmp_path / ".local/state/devrig"), "files": [], "folders": wanted}
    assert run_module("dotfile", params, "--check")["changed"] is True
    assert not (tmp_path / ".cache").exists()
    assert run_module("dotfile", params)["changed"] is True
    assert {Path(path).stat().st_mode & 0o777 for path in wanted} == {0o700}
    assert run_module("dotfile", params)["changed"] is False
    (tmp_path / ".local/state/vim/undo/mine").touch()
    run_module("dotfile", {**params, "state": "absent"})
    assert not (tmp_path / ".cache").exists()
    assert (tmp_path / ".local/state/vim/undo/mine").exists()
