"""The module that writes home files: nothing is lost, and it can be taken back."""

import json
import os
from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home of Zoë"
    folder.mkdir()
    return folder


@pytest.fixture
def write(run_module, home):
    """Return a function that writes {name: content} into the home folder, or takes it back."""

    def call(files, *options, **params):
        items = [{"path": str(home / name), "content": content} for name, content in files.items()]
        return run_module("dotfile", {"files": items, "state_dir": str(home / "state"), **params}, *options, home=home)

    return call


def actions(answer):
    return [item["action"] for item in answer["files"]]


@pytest.mark.parametrize(
    ("current", "wanted", "recorded", "action"),
    [
        ("a", "a", None, "unchanged"),
        ("a", "a", "b", "unchanged"),
        (None, "a", None, "created"),
        (None, "a", "a", "created"),
        ("b", "a", "b", "updated"),
        ("c", "a", "b", "replaced"),
        ("c", "a", None, "replaced"),
        ("link", "a", "b", "replaced"),
    ],
)
def test_decide(dotfile, current, wanted, recorded, action):
    assert dotfile.decide(current, wanted, recorded) == action


@pytest.mark.parametrize(
    ("current", "recorded", "backup", "action"),
    [
        ("a", None, None, "absent"),
        (None, "a", "/b", "absent"),
        ("c", "a", "/b", "kept"),
        ("link", "a", None, "kept"),
        ("a", "a", "/b", "restored"),
        ("a", "a", None, "removed"),
    ],
)
def test_decide_absent(dotfile, current, recorded, backup, action):
    assert dotfile.decide_absent(current, recorded, backup) == action


def test_a_new_file_has_its_mode_and_a_second_run_changes_nothing(write, home):
    first = write({".zshrc": "new ünï\n", "deep/er/file": "x\n"})
    assert (first["changed"], actions(first), first["backups"]) == (True, ["created", "created"], [])
    assert (home / ".zshrc").read_text() == "new ünï\n"
    assert (home / ".zshrc").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in home.glob(".zshrc*")] == [".zshrc"]
    second = write({".zshrc": "new ünï\n", "deep/er/file": "x\n"})
    assert (second["changed"], actions(second)) == (False, ["unchanged", "unchanged"])


def test_what_was_there_is_kept_byte_for_byte_and_given_back(write, home):
    old = home / ".zshrc"
    old.write_bytes(b"alias x=\xff\r\n")
    old.chmod(0o640)
    os.utime(old, (1000000000, 1000000000))
    answer = write({".zshrc": "new\n"})
    assert actions(answer) == ["replaced"]
    (backup,) = answer["backups"]
    assert Path(backup).read_bytes() == b"alias x=\xff\r\n"
    assert old.read_text() == "new\n"
    back = write({".zshrc": ""}, state="absent")
    assert actions(back) == ["restored"]
    assert old.read_bytes() == b"alias x=\xff\r\n"
    assert (old.stat().st_mode & 0o777, old.stat().st_mtime) == (0o640, 1000000000)
    assert write({".zshrc": ""}, state="absent")["changed"] is False


def test_an_edit_of_our_file_is_backed_up_but_the_first_content_is_what_comes_back(write, home):
    path = home / ".vimrc"
    path.write_text("first\n")
    write({".vimrc": "ours 1\n"})
    path.write_text("edited\n")
    answer = write({".vimrc": "ours 2\n"})
    assert Path(answer["backups"][0]).read_text() == "edited\n"
    write({".vimrc": ""}, state="absent")
    assert path.read_text() == "first\n"


def test_our_own_untouched_file_is_updated_without_a_backup(write):
    write({".vimrc": "ours 1\n"})
    answer = write({".vimrc": "ours 2\n"})
    assert (actions(answer), answer["backups"]) == (["updated"], [])


def test_a_file_that_was_edited_since_is_not_taken_away(write, home):
    write({".vimrc": "ours\n"})
    (home / ".vimrc").write_text("edited\n")
    answer = write({".vimrc": ""}, state="absent")
    assert (answer["changed"], actions(answer)) == (False, ["kept"])
    assert (home / ".vimrc").read_text() == "edited\n"


def test_the_users_own_file_with_the_same_content_is_never_ours(write, home):
    (home / ".vimrc").write_text("same\n")
    (home / ".vimrc").chmod(0o600)
    assert write({".vimrc": "same\n"})["changed"] is False
    assert actions(write({".vimrc": ""}, state="absent")) == ["absent"]
    assert (home / ".vimrc").stat().st_mode & 0o777 == 0o600


def test_a_changed_mode_of_our_file_is_set_again(write, home):
    write({".vimrc": "ours\n"})
    (home / ".vimrc").chmod(0o600)
    assert write({".vimrc": "ours\n"})["changed"] is True
    assert (home / ".vimrc").stat().st_mode & 0o777 == 0o644


def test_a_link_is_kept_as_a_link_and_its_target_is_not_touched(write, home):
    target = home / "dotfiles"
    target.mkdir()
    (target / "zshrc").write_text("repository\n")
    (home / ".zshrc").symlink_to("dotfiles/zshrc")
    answer = write({".zshrc": "new\n"})
    assert os.readlink(answer["backups"][0]) == "dotfiles/zshrc"
    assert not (home / ".zshrc").is_symlink()
    assert (target / "zshrc").read_text() == "repository\n"
    write({".zshrc": ""}, state="absent")
    assert os.readlink(home / ".zshrc") == "dotfiles/zshrc"


def test_a_dangling_link_is_kept_too(write, home):
    (home / ".zshrc").symlink_to("nowhere")
    answer = write({".zshrc": "new\n"})
    assert os.readlink(answer["backups"][0]) == "nowhere"


def test_check_mode_says_the_same_and_changes_nothing(write, home):
    (home / ".zshrc").write_text("old\n")
    answer = write({".zshrc": "new\n", ".vimrc": "new\n"}, "--check", "--diff")
    assert (answer["changed"], actions(answer)) == (True, ["replaced", "created"])
    assert (home / ".zshrc").read_text() == "old\n"
    assert sorted(path.name for path in home.iterdir() if path.name != ".ansible") == [".zshrc"]


def test_a_second_backup_never_overwrites_the_first(dotfile, home):
    first = dotfile.dated_folder(str(home))
    Path(first).mkdir(parents=True)
    assert dotfile.dated_folder(str(home)) != first


def test_a_folder_in_the_way_is_refused_before_anything_is_written(write, home):
    (home / ".tmux.conf").mkdir()
    answer = write({".zshrc": "new\n", ".tmux.conf": "new\n"})
    assert "move the folder away" in answer["msg"]
    assert not (home / ".zshrc").exists()


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"path": "relative", "content": ""}, "must be absolute"),
        ({"path": "/x"}, "needs a path and a content"),
        ({"path": "/x", "content": "", "mode": "rw"}, "octal"),
    ],
)
def test_bad_files_are_refused(dotfile, item, text):
    with pytest.raises(dotfile.Refused, match=text):
        dotfile.checked([item])


def test_a_broken_record_is_refused_and_not_overwritten(write, home):
    (home / "state").mkdir()
    (home / "state/dotfiles.json").write_text("{")
    answer = write({".zshrc": "new\n"})
    assert "is not a record" in answer["msg"]
    assert (home / "state/dotfiles.json").read_text() == "{"
    assert not (home / ".zshrc").exists()


def test_every_call_returns_what_is_in_the_record(write, home):
    assert write({".zshrc": "new\n"})["recorded"] == [str(home / ".zshrc")]
    assert write({".vimrc": "new\n"})["recorded"] == [str(home / ".vimrc"), str(home / ".zshrc")]
    assert write({".zshrc": ""}, state="absent")["recorded"] == [str(home / ".vimrc")]


def test_the_record_names_what_was_written(write, home):
    write({".zshrc": "new\n"})
    record = json.loads((home / "state/dotfiles.json").read_text())
    assert list(record["files"]) == [str(home / ".zshrc")]
    assert (home / "state/dotfiles.json").stat().st_mode & 0o777 == 0o600
