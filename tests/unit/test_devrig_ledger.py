"""The ledger: no entry is lost, whoever writes and whatever ends them, and nothing of it is left at the end."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
sys.path.insert(0, {folder!r})
import devrig_ledger
for number in range({rounds}):
    ledger = devrig_ledger.Ledger({path!r})
    with ledger.locked():
        ledger.section("files")["%s-%d" % (sys.argv[1], number)] = {{"long": "x" * 2000}}
        ledger.save()
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home of Zoë/.local/state/devrig/ledger.json"


@pytest.fixture
def ledger(devrig_ledger, path):
    path.parents[3].mkdir()
    return devrig_ledger.Ledger(str(path))


def writer(path, name, rounds):
    code = WRITER.format(folder=str(ROOT / "roles/dotfile/module_utils"), rounds=rounds, path=str(path))
    return subprocess.Popen([sys.executable, "-c", code, name], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_entries_are_kept_and_the_umask_gives_nothing_away(ledger, devrig_ledger, path, umask):
    before = os.umask(umask)
    try:
        with ledger.locked():
            ledger.section("files")["ä"] = {"sha256": "1"}
            ledger.save()
    finally:
        os.umask(before)
    assert devrig_ledger.Ledger(str(path)).section("files") == {"ä": {"sha256": "1"}}
    assert [entry.stat().st_mode & 0o777 for entry in (path, path.parent)] == [0o600, 0o700]
    assert path.parents[2].stat().st_mode & 0o022 == 0
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["ledger.json", "ledger.json.lock"]


@pytest.fixture
def machine(devrig_ledger, path, monkeypatch):
    """Return the ledger of a machine whose root has a umask of 077."""
    monkeypatch.setattr(devrig_ledger, "MACHINE", str(path))
    path.parents[3].mkdir()
    before = os.umask(0o077)
    yield devrig_ledger.Ledger(str(path))
    os.umask(before)


def test_the_machine_s_may_be_read_by_all_and_locked_by_root_alone(machine, path):
    lock = path.with_name("ledger.json.lock")
    with machine.locked():
        machine.section("packages")["zsh"] = {}
        machine.save()
    assert [entry.stat().st_mode & 0o777 for entry in (path, path.parent, lock)] == [0o644, 0o755, 0o600]
    assert path.parents[1].stat().st_mode & 0o777 == 0o755
    path.parent.chmod(0o700)  # as earlier devrigs left them
    lock.chmod(0o644)
    with machine.locked():
        pass
    assert [entry.stat().st_mode & 0o777 for entry in (path.parent, lock)] == [0o755, 0o600]


@pytest.mark.parametrize("user", [0, 1000])
def test_a_ledger_that_may_not_be_read_is_none_only_of_the_machine_and_for_a_plain_user(  # noqa: PLR0917 (fixtures)
    machine, devrig_ledger, path, tmp_path, monkeypatch, user
):
    def closed(path, *_, **__):
        raise PermissionError(errno.EACCES, "closed", path)

    monkeypatch.setattr(devrig_ledger, "open", closed, raising=False)
    monkeypatch.setattr(devrig_ledger.os, "geteuid", lambda: user)
    with pytest.raises(devrig_ledger.Refused, match="other.json cannot be read by this user: give it back with chown"):
        devrig_ledger.Ledger(str(tmp_path / "other.json"))
    if user == 0:
        with pytest.raises(devrig_ledger.Refused, match="cannot be read"):
            devrig_ledger.Ledger(str(path))
        return
    ledger = devrig_ledger.Ledger(str(path))
    assert (ledger.unreadable, ledger.section("packages"), ledger.old_record("old.json")) == (True, {}, None)


def test_a_lock_that_somebody_holds_for_ever_is_refused_with_who_it_is(ledger, devrig_ledger, path, monkeypatch):
    monkeypatch.setattr(devrig_ledger, "PATIENCE", 0.3)
    other = devrig_ledger.Ledger(str(path))
    handles = len(list(Path("/proc/self/fd").iterdir()))
    with ledger.locked(), pytest.raises(devrig_ledger.Refused, match=f"process {os.getpid()} for longer than 0 s"):
        other._lock()
    assert len(list(Path("/proc/self/fd").iterdir())) == handles
    monkeypatch.setattr(devrig_ledger, "holders", lambda *_: [])
    with ledger.locked(), pytest.raises(devrig_ledger.Refused, match="held by another process"):
        other._lock()


def test_who_holds_a_lock_and_not_who_waits(devrig_ledger):
    table = (
        "1: POSIX  ADVISORY  WRITE 812 00:2b:4711 0 EOF\n"
        "1: -> POSIX  ADVISORY  WRITE 99 00:2b:4711 0 EOF\n"
        "2: FLOCK  ADVISORY  WRITE 5 fd:01:47 0 EOF\n"
        "3: OFDLCK ADVISORY  READ  -1 fd:01:4 0 EOF\n"
    )
    assert devrig_ledger.holders(table, 4711) == [812]
    assert devrig_ledger.holders(table, 471) == []


def test_check_mode_reads_and_leaves_nothing(ledger, path):
    with ledger.locked(dry=True):
        assert ledger.section("files") == {}
    assert not path.parents[2].exists()


def test_what_others_wrote_since_is_known_under_the_lock(ledger, devrig_ledger, path):
    other = devrig_ledger.Ledger(str(path))
    with other.locked():
        other.section("git")["x"] = {}
        other.save()
    assert ledger.section("git") == {}
    with ledger.locked():
        assert ledger.section("git") == {"x": {}}


def test_writers_at_the_same_time_lose_nothing(devrig_ledger, path):
    writers = [writer(path, name, 40) for name in "abc"]
    assert [one.wait(60) for one in writers] == [0, 0, 0]
    assert len(devrig_ledger.Ledger(str(path)).section("files")) == 120


def test_a_writer_that_is_killed_leaves_the_old_or_the_new(devrig_ledger, path):
    """Whatever it said is there, the lock is free, and what it left beside goes with the next."""
    said = 0
    for number in range(15):
        one = writer(path, str(number), 1000)
        for _ in range(1 + number % 4):
            one.stdout.readline()
            said += 1
        one.kill()
        said += len(one.communicate()[0].splitlines())
        ledger = devrig_ledger.Ledger(str(path))
        with ledger.locked():
            assert len(ledger.section("files")) in range(said, said + number + 2)
        assert {entry.name for entry in path.parent.iterdir()} == {"ledger.json", "ledger.json.lock"}


def test_what_a_killed_writer_left_beside_goes(ledger, devrig_ledger, path):
    path.parent.mkdir(parents=True)
    left = path.with_name(devrig_ledger.temporary_prefix(str(path)) + "abc")
    left.write_text("half")
    with ledger.locked():
        assert not left.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 1, "sections": [1]}', "\xff", ""])
def test_what_is_no_ledger_is_refused_and_stays(devrig_ledger, path, text):
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(devrig_ledger.Refused, match="is not a record of devrig's: move it away"):
        devrig_ledger.Ledger(str(path))
    assert path.read_text(encoding="latin-1") == text


def test_one_of_a_newer_devrig_is_refused(devrig_ledger, path):
    path.parent.mkdir(parents=True)
    path.write_text('{"version": 2, "other": []}')
    with pytest.raises(devrig_ledger.Refused, match="newer devrig"):
        devrig_ledger.Ledger(str(path))


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_stands_in_the_way_is_named(ledger, devrig_ledger, path, kind):
    place = path.parents[1]
    place.parent.mkdir(parents=True)
    place.write_text("mine") if kind == "file" else place.symlink_to("nowhere")
    with pytest.raises(devrig_ledger.Refused, match="state is in the way"), ledger.locked():
        pass


def test_an_old_record_is_taken_over_once(ledger, path):
    path.parent.mkdir(parents=True)
    old = path.with_name("old.json")
    old.write_text('{"a": 1}')
    with ledger.locked(dry=True):
        assert ledger.old_record("old.json") == {"a": 1}
    assert old.exists()
    with ledger.locked():
        ledger.section("files").update(ledger.old_record("old.json"))
        assert old.exists()
        ledger.save()
        assert not old.exists()
        assert ledger.old_record("old.json") is None
    assert json.loads(path.read_text())["sections"] == {"files": {"a": 1}}


def test_a_bad_old_record_is_refused(ledger, devrig_ledger, path):
    path.parent.mkdir(parents=True)
    path.with_name("old.json").write_text("{")
    with pytest.raises(devrig_ledger.Refused, match="old.json is not a record"):
        ledger.old_record("old.json")


def test_folders_that_were_made_go_when_they_are_empty_and_nothing_is_left(ledger, path):
    home = path.parents[3]
    (home / ".vim").mkdir()
    with ledger.locked():
        ledger.make_folder(str(home / ".vim/pack/devrig"))
        ledger.make_folder(str(home / "own/deep"))
        (home / "own/mine").write_text("kept")
    assert path.exists()
    with ledger.locked():
        gone = ledger.drop_folders()
    assert gone == [str(home / name) for name in (".vim/pack/devrig", ".vim/pack", "own/deep")]
    assert sorted(str(entry.relative_to(home)) for entry in home.rglob("*")) == [".vim", "own", "own/mine"]


def test_folders_of_the_ledger_s_own_stay_while_something_of_the_user_s_is_there(ledger, devrig_ledger, path):
    with ledger.locked():
        ledger.section("git")["x"] = {}
        ledger.save()
    kept = path.parent / "backup"
    kept.mkdir()
    with ledger.locked():
        del ledger.section("git")["x"]
        ledger.drop_folders()
    assert path.exists()
    kept.rmdir()
    again = devrig_ledger.Ledger(str(path))
    with again.locked():
        again.drop_folders()
    assert list(path.parents[3].iterdir()) == []


def test_a_lock_with_nothing_written_leaves_nothing(ledger, path):
    with ledger.locked():
        pass
    assert list(path.parents[3].iterdir()) == []


def test_an_end_without_a_ledger_leaves_nothing(ledger, path):
    """The folder is another's, the undo was killed after it had deleted the ledger, and is run again."""
    path.parent.mkdir(parents=True)
    (path.parent / "other").write_text("kept")
    with ledger.locked():
        ledger.drop_folders()
    assert [entry.name for entry in path.parent.iterdir()] == ["other"]


def test_the_folders_come_and_go_at_once(ledger, devrig_ledger, path, monkeypatch):
    """Whoever is killed leaves a ledger that knows of them, or a temporary folder that the next one deletes."""
    home = path.parents[3]

    def killed(*_):
        raise KeyboardInterrupt

    for name in ("rename", "open"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(devrig_ledger.os, name, killed)
            patch.setattr(devrig_ledger.shutil, "rmtree", lambda *_, **__: None)
            with ledger.locked():
                pass
    assert devrig_ledger.Ledger(str(path)).section("folders") == {}
    assert list(home.iterdir())
    with ledger.locked():
        assert set(ledger.section("folders")) == {str(path.parents[number]) for number in range(3)}
    assert list(home.iterdir()) == []


def test_entries_of_others_keep_the_ledger(ledger, path):
    with ledger.locked():
        ledger.section("git")["x"] = {}
        ledger.drop_folders()
    assert json.loads(path.read_text())["sections"]["git"] == {"x": {}}


def test_a_lock_that_was_deleted_while_one_waited_is_made_anew(ledger, devrig_ledger, path):
    with ledger.locked():
        other = writer(path, "other", 1)
        ledger.drop_folders()
    assert other.wait(20) == 0
    assert list(devrig_ledger.Ledger(str(path)).section("files")) == ["other-0"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(devrig_ledger, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(devrig_ledger.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no room")))
    with pytest.raises(OSError, match="no room"):
        devrig_ledger.write_atomically(str(path), b"new", 0o644)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("file", "old")]


def test_a_name_of_the_greatest_length_can_be_written(devrig_ledger, tmp_path):
    path = tmp_path / ("ü" * 127 + "x")
    devrig_ledger.write_atomically(str(path), b"new", 0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)


@pytest.mark.parametrize(
    ("number", "text"), [(errno.ENOSPC, "make room"), (errno.EROFS, "read-only"), (errno.EACCES, "chown")]
)
def test_errors_say_what_to_do(devrig_ledger, number, text):
    said = devrig_ledger.told(OSError(number, os.strerror(number), "/x"), "/y")
    assert said.startswith("/x: ")
    assert text in said
    assert devrig_ledger.told(OSError(errno.EIO, "bad"), "/y") == "/y: bad"
