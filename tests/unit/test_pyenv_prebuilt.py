"""Finished interpreters: what they are named by, their archives, and their way among hosts."""

import hashlib
import http.server
import io
import json
import os
import stat
import tarfile
import threading
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from tests.conftest import load

RELEASE = {"release": "bookworm", "machine": "x86_64", "pyenv_version": "c0ffee", "environ": {}}


@pytest.fixture
def plugin():
    return load("roles/pyenv/action_plugins/pyenv_prebuilt.py")


# --- The key


@pytest.fixture
def key(pyenv_plan, pyenv_prebuilt):
    """Return a function that gives the key of a version on a release, with changes to what it depends on."""

    def give(version="3.13.5", codename="bookworm", *, found=None, options=None, **changes):
        host = pyenv_plan.host_of(codename, **(found or {}))
        plan = pyenv_plan.plan(version, host, **(options or {}))
        return pyenv_prebuilt.key_of(plan, host, **{**RELEASE, "release": codename, **changes})

    return give


def test_a_key_says_what_it_is_for_and_is_a_file_s_name(key, plugin):
    assert key().startswith("3.13.5-bookworm-x86_64-")
    assert plugin.KEY.fullmatch(key())
    assert key() == key()


@pytest.mark.parametrize(
    "change",
    [
        {"version": "3.12.4"},
        {"codename": "trixie"},
        {"machine": "aarch64"},
        {"pyenv_version": "badc0de"},
        {"found": {"gcc": 13}},
        {"found": {"glibc": (2, 37)}},
        {"found": {"openssl": (3, 1, 0)}},
        {"options": {"choice": "private"}},
        {"options": {"tkinter": False}},
        {"options": {"optimize": True}},
        {"environ": {"CFLAGS": "-O3 -march=native"}},
        {"environ": {"PYTHON_CONFIGURE_OPTS": "--enable-framework"}},
    ],
    ids=str,
)
def test_what_an_interpreter_depends_on_makes_another_key(key, change):
    assert key(**change) != key()


@pytest.mark.parametrize(
    "change",
    [
        {"found": {"openssl": (3, 0, 17)}},  # of one binary interface
        {"environ": {"HOME": "/home/other", "PYTHON_BUILD_MIRROR_URL": "http://mirror", "https_proxy": "http://proxy"}},
    ],
    ids=str,
)
def test_what_it_does_not_depend_on_makes_the_same(key, change):
    assert key(**change) == key()


def test_a_private_openssl_makes_the_system_s_one_unimportant(key):
    private = {"options": {"choice": "private"}}
    assert key(**private) == key(found={"openssl": (3, 5, 0)}, **private)


# --- Archives


@pytest.fixture
def tree(tmp_path):
    """Return a version's folder with one of each kind of file."""
    prefix = tmp_path / "a home" / "versions" / "3.6.8"
    for folder in ("bin", "lib/python3.6/__pycache__", "envs/mine"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "bin/python3.6").write_text(f"#!/bin/sh\necho {prefix}\n")
    (prefix / "bin/python3.6").chmod(0o755)
    (prefix / "bin/python").symlink_to("python3.6")
    (prefix / "bin/python3").symlink_to(prefix / "bin/python3.6")
    os.link(prefix / "bin/python3.6", prefix / "bin/python3.6m")
    (prefix / "bin/pip").write_text(f"#!{prefix}/bin/python3.6\nelsewhere = '{prefix}0/lib'\n")
    (prefix / "bin/pip").chmod(0o555)
    (prefix / "lib/python3.6/os.py").write_text("nothing = 1\n")
    (prefix / "lib/python3.6/__pycache__/os.pyc").write_bytes(b"\0%s\0" % bytes(prefix))
    (prefix / "envs/mine/file").touch()
    (prefix / ".devrig.json").write_text("{}")
    return prefix


def moved(pyenv_prebuilt, tree, tmp_path):
    """Pack a tree and unpack it elsewhere; return the new folder."""
    archive = tmp_path / "archive"
    pyenv_prebuilt.pack(str(tree), str(archive))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a home", "archive"]
    new = tmp_path / "new"
    new.mkdir()
    pyenv_prebuilt.unpack(str(archive), str(new))
    return new


def test_text_files_name_the_new_place_and_nothing_else_is_changed(pyenv_prebuilt, tree, tmp_path):
    new = moved(pyenv_prebuilt, tree, tmp_path)
    assert (new / "bin/python").read_text() == f"#!/bin/sh\necho {new}\n"
    assert (new / "bin/pip").read_text() == f"#!{new}/bin/python3.6\nelsewhere = '{tree}0/lib'\n"
    assert (new / "lib/python3.6/__pycache__/os.pyc").read_bytes() == b"\0%s\0" % bytes(tree)
    assert stat.S_IMODE((new / "bin/pip").stat().st_mode) == 0o555
    assert [str((new / "bin" / name).readlink()) for name in ("python", "python3")] == ["python3.6", "python3.6"]
    assert (new / "bin/python3.6m").samefile(new / "bin/python3.6")
    before, after = (folder / "lib/python3.6/os.py" for folder in (tree, new))
    assert int(before.stat().st_mtime) == int(after.stat().st_mtime)  # bytecode is for a file's second


def test_marks_and_environments_stay_where_they_are(pyenv_prebuilt, tree, tmp_path):
    new = moved(pyenv_prebuilt, tree, tmp_path)
    assert sorted(path.name for path in new.iterdir()) == ["bin", "lib"]


def test_programs_look_beside_themselves(pyenv_prebuilt, tree, tmp_path, monkeypatch):
    program = b"\x7fELF" + b"\0" * 12 + b"\3\0" + bytes(tree) + b"/lib\0"
    (tree / "lib/python3.6/_ssl.so").write_bytes(program)
    asked = []

    def patchelf(*arguments):
        asked.append(arguments[:-1])
        if arguments[0] == "--set-rpath":
            Path(arguments[2]).write_bytes(b"patched")
        return f"{tree}/lib:/usr/lib/other"

    monkeypatch.setattr(pyenv_prebuilt, "patchelf", patchelf)
    new = moved(pyenv_prebuilt, tree, tmp_path)
    assert asked == [("--print-rpath",), ("--set-rpath", "$ORIGIN/..:/usr/lib/other")]
    assert (new / "lib/python3.6/_ssl.so").read_bytes() == b"patched"
    assert (tree / "lib/python3.6/_ssl.so").read_bytes() == program


@pytest.mark.parametrize(
    ("rpath", "path", "expected"),
    [
        ("/v/3/lib", "/v/3/bin/python", "$ORIGIN/../lib"),
        ("/v/3/lib", "/v/3/lib/libpython3.so", "$ORIGIN"),
        ("/v/3/openssl/lib:/v/3/lib", "/v/3/lib/p/lib-dynload/_ssl.so", "$ORIGIN/../../../openssl/lib:$ORIGIN/../.."),
        ("/v/30/lib:/usr/lib", "/v/3/bin/python", "/v/30/lib:/usr/lib"),
        ("$ORIGIN", "/v/3/openssl/lib/libssl.so", "$ORIGIN"),
        ("", "/v/3/bin/python", ""),
    ],
)
def test_paths_below_the_folder_become_relative(pyenv_prebuilt, rpath, path, expected):
    assert pyenv_prebuilt.relative_rpath(rpath, path, "/v/3") == expected


def test_without_patchelf_nothing_is_packed(pyenv_prebuilt, tree, tmp_path, monkeypatch):
    (tree / "bin/program").write_bytes(b"\x7fELF" + b"\0" * 12 + b"\2\0" + bytes(tree))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pyenv_prebuilt.Unusable, match="patchelf: No such file"):
        pyenv_prebuilt.pack(str(tree), str(tmp_path / "archive"))
    assert [path.name for path in tmp_path.iterdir()] == ["a home"]


def archive_of(path, *members):
    """Write an archive as pack() does, with members that it would not write."""
    about = json.dumps({"prefix": "/old", "texts": []}).encode()
    with tarfile.open(path, "w:gz") as tar:
        first = tarfile.TarInfo(".devrig-prebuilt.json")
        first.size = len(about)
        tar.addfile(first, io.BytesIO(about))
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            tar.addfile(member)
    return str(path)


@pytest.mark.parametrize(
    "member",
    [
        ("../outside", tarfile.REGTYPE, ""),
        ("/outside", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, "../../outside"),
        ("link", tarfile.SYMTYPE, "/outside"),
        ("link", tarfile.LNKTYPE, "../outside"),
        ("pipe", tarfile.FIFOTYPE, ""),
        ("device", tarfile.CHRTYPE, ""),
        ("lib/same", tarfile.REGTYPE, ""),
        ("up/file", tarfile.REGTYPE, ""),
        ("hard", tarfile.LNKTYPE, "up/file"),
    ],
    ids=str,
)
def test_an_archive_does_not_reach_out_of_its_folder(pyenv_prebuilt, tmp_path, member):
    fine = [("lib", tarfile.DIRTYPE, ""), ("lib/same", tarfile.REGTYPE, ""), ("up", tarfile.SYMTYPE, "lib/..")]
    archive = archive_of(tmp_path / "archive", *fine, member)
    (tmp_path / "new").mkdir()
    with pytest.raises(pyenv_prebuilt.Unusable, match="leads out|no file, folder or link|twice|behind a link"):
        pyenv_prebuilt.unpack(archive, str(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == []


def test_what_is_damaged_or_no_archive_of_devrig_s_is_refused(pyenv_prebuilt, tree, tmp_path):
    (tmp_path / "new").mkdir()
    archive = tmp_path / "archive"
    pyenv_prebuilt.pack(str(tree), str(archive))
    whole = archive.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"no gzip at all", whole[:30] + b"\xff" * 40 + whole[70:]):
        archive.write_bytes(data)
        with pytest.raises(pyenv_prebuilt.Unusable):
            pyenv_prebuilt.unpack(str(archive), str(tmp_path / "new"))
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree / "bin", "bin")
    with pytest.raises(pyenv_prebuilt.Unusable, match="no archive of devrig's"):
        pyenv_prebuilt.unpack(str(archive), str(tmp_path / "new"))


# --- Who compiles what


def test_the_first_host_of_a_kind_compiles_and_other_kinds_at_the_same_time(plugin):
    wanted = {"a": {"3.6.8": "K1"}, "b": {"3.6.8": "K1"}, "c": {"3.6.8": "K2"}, "d": {"3.6.8": "K2"}}
    assert plugin.share(wanted, set()) == {"a": {}, "b": {"3.6.8": "a"}, "c": {}, "d": {"3.6.8": "c"}}


def test_several_versions_are_dealt_out_in_turn(plugin):
    keys = {"3.6.8": "K1", "3.9.2": "K2", "3.13.5": "K3"}
    assert plugin.share({"a": keys, "b": keys}, set()) == {"a": {"3.9.2": "b"}, "b": {"3.6.8": "a", "3.13.5": "a"}}


def test_what_is_there_is_compiled_by_nobody(plugin):
    assert plugin.share({"a": {"3.6.8": "K1"}, "b": {"3.6.8": "K1"}}, {"K1"}) == {"a": {}, "b": {}}


def test_who_cannot_compile_is_given_nothing_to_compile(plugin):
    wanted = {"a": {"3.6.8": "K1"}, "b": {"3.6.8": "K1"}}
    assert plugin.share(wanted, set(), {"a"}) == {"a": {"3.6.8": "b"}, "b": {}}
    assert plugin.share(wanted, set(), {"a", "b"}) == {"a": {}, "b": {}}


# --- The store

K1, K2, K3 = (f"3.{number}.0-bookworm-x86_64-0123456789abcdef" for number in (1, 2, 3))


def put(store, key, data=b"archive"):
    with store.locked() as folder:
        (folder / "new").write_bytes(data)
        store.add(key, folder / "new", hashlib.sha256(data).hexdigest())


def test_the_store_gives_what_it_took_in_and_is_closed_to_others(plugin, tmp_path):
    store = plugin.Store(tmp_path / "new" / "store")
    assert store.find("key") is None
    put(store, "key")
    found = store.find("key")
    assert found == {
        "key": "key",
        "path": str(tmp_path / "new/store/key.tar.gz"),
        "sha256": hashlib.sha256(b"archive").hexdigest(),
    }
    assert (tmp_path / "new/store/key.tar.gz.sha256").read_text() == f"{found['sha256']}  key.tar.gz\n"
    assert stat.S_IMODE((tmp_path / "new/store").stat().st_mode) == 0o700
    names = sorted(path.name for path in (tmp_path / "new/store").iterdir())
    assert names == [".lock", "key.tar.gz", "key.tar.gz.sha256"]


def test_the_store_does_not_take_in_or_give_what_is_damaged(plugin, tmp_path):
    store = plugin.Store(tmp_path)
    (tmp_path / "new").write_bytes(b"other")
    with pytest.raises(ValueError, match="sha256"):
        store.add("key", tmp_path / "new", "0" * 64)
    assert store.find("key") is None
    put(store, "key")
    (tmp_path / "key.tar.gz").write_bytes(b"changed")
    with pytest.raises(ValueError, match="sha256"):
        store.find("key")
    store.drop("key")
    assert store.find("key") is None


def test_what_was_not_used_for_longest_makes_room(plugin, tmp_path):
    store = plugin.Store(tmp_path)
    for number, name in enumerate((K1, K2, K3, "thesis")):
        put(store, name, b"x" * 2**20)
        os.utime(tmp_path / f"{name}.tar.gz", (number, number))
    store.find(K1)
    assert store.trim(2) == [K2]
    assert sorted(path.name[:-7] for path in tmp_path.glob("*.gz")) == sorted([K1, K3, "thesis"])
    assert store.trim(2) == []


def test_what_a_killed_run_left_goes(plugin, tmp_path):
    (tmp_path / ".new").mkdir()
    (tmp_path / ".new/archive").touch()
    put(plugin.Store(tmp_path), K1)
    assert not (tmp_path / ".new").exists()


@pytest.fixture
def shared(plugin, tmp_path):
    """Return a function that asks the plugin who compiles what."""

    def ask(hosts, *, active=None, **args):
        given = {"state": "shared", "store": str(tmp_path), "limit": 2000, **args}
        task = MagicMock(args=given, async_val=0, check_mode=False)
        action = plugin.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        known = {
            "hostvars": hosts,
            "ansible_play_batch": list(hosts),
            "ansible_play_hosts": active or list(hosts),
            "__pyenv_share": args.pop("earlier", None),
        }
        return action.run(task_vars=known)["hosts"]

    return ask


def host(**missing):
    kinds = {**missing, "there": K1}
    return {
        "__preflight_look": {
            "interpreters": {"missing": list(missing), "absent": list(missing), "kinds": kinds},
            "packages": {"lacking": {"compilers": []}},
        },
    }


def test_each_host_is_told_its_part(shared, plugin, tmp_path):
    put(plugin.Store(tmp_path), K2)
    hosts = {"a": host(v=K1), "b": host(v=K1, w=K2), "c": host(), "failed": host(v=K1)}
    answer = shared(hosts, active=["a", "b", "c"])
    assert answer == {
        "a": {"now": ["v"], "archives": {}, "elsewhere": {}},
        "b": {
            "now": ["w"],
            "archives": {"w": plugin.Store(tmp_path).find(K2)},
            "elsewhere": {"v": "a"},
        },
        "c": {"now": [], "archives": {}, "elsewhere": {}},
    }


def test_one_that_cannot_compile_is_waited_for_by_nobody(shared):
    unable = host(v=K1)
    unable["__preflight_look"]["packages"]["lacking"]["compilers"] = ["gcc"]
    answer = shared({"a": unable, "b": host(v=K1), "c": host(v=K1)})
    assert [answer[name]["elsewhere"] for name in "abc"] == [{"v": "b"}, {}, {"v": "b"}]


def test_later_all_that_was_left_to_others_is_taken_or_compiled(shared, plugin, tmp_path):
    hosts = {"a": host(v=K1), "b": host(v=K1), "c": host(v=K3), "d": host(v=K3)}
    earlier = {"hosts": shared(hosts)}
    put(plugin.Store(tmp_path), K1)
    answer = shared(hosts, active=["a", "b", "d"], final=True, earlier=earlier)
    assert answer["a"] == {"now": [], "archives": {}, "elsewhere": {}}
    assert answer["b"] == {"now": ["v"], "archives": {"v": plugin.Store(tmp_path).find(K1)}, "elsewhere": {}}
    assert answer["d"] == {"now": ["v"], "archives": {}, "elsewhere": {}}


def test_a_damaged_archive_is_dropped_and_compiled(shared, plugin, tmp_path):
    put(plugin.Store(tmp_path), K1)
    (tmp_path / f"{K1}.tar.gz").write_bytes(b"changed")
    assert shared({"a": host(v=K1)})["a"] == {"now": ["v"], "archives": {}, "elsewhere": {}}
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_store_that_cannot_be_read_stops_nobody(shared, tmp_path):
    (tmp_path / f"{K1}.tar.gz").mkdir()
    (tmp_path / f"{K1}.tar.gz.sha256").touch()
    assert shared({"a": host(v=K1)})["a"] == {"now": ["v"], "archives": {}, "elsewhere": {}}


def test_a_key_that_is_none_leads_nowhere(shared, plugin, tmp_path):
    put(plugin.Store(tmp_path), "other")
    (tmp_path / "other.tar.gz").write_bytes(b"changed")
    assert shared({"a": host(v="other"), "b": host(v="../other")}, store=str(tmp_path))["a"]["archives"] == {}
    assert (tmp_path / "other.tar.gz").exists()


def test_an_interpreter_of_a_person_s_own_is_neither_built_for_others_nor_brought(shared, plugin, tmp_path):
    own = host(v=K1, w=K2)
    own["__preflight_look"]["interpreters"]["absent"] = []
    put(plugin.Store(tmp_path), K2)
    answer = shared({"a": own, "b": host(v=K1)})
    assert answer["a"] == {"now": ["v", "w"], "archives": {}, "elsewhere": {}}
    assert answer["b"] == {"now": ["v"], "archives": {}, "elsewhere": {}}


@pytest.fixture
def keep(plugin, tmp_path, monkeypatch):
    """Return a function that lets a host, whose part is to build v as K1, offer an archive; returns what is kept."""

    def run(version="v", key=K1, data=b"built", part=("v",), *, kind=K1, brought=None):
        task = MagicMock(args={"state": "kept"}, async_val=0, check_mode=False)
        action = plugin.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        monkeypatch.setattr(action, "_execute_module", lambda *_, **__: {})
        monkeypatch.setattr(action, "_other", lambda _, __, src, dest, flat: Path(dest).write_bytes(data) and {})
        task.args |= {
            "store": str(tmp_path),
            "limit": 2000,
            "archives": [
                {"version": version, "key": key, "path": "/c/f", "sha256": hashlib.sha256(b"built").hexdigest()}
            ],
        }
        known = {
            "inventory_hostname": "a",
            "__pyenv_share": {"hosts": {"a": {"now": list(part)}}},
            "__preflight_look": {"interpreters": {"kinds": {"v": kind}}},
            "__pyenv_brought": {"archives": {"v": {"sha256": brought}}} if brought else {"skipped": True},
        }
        assert not action.run(task_vars=known).get("failed")
        found = plugin.Store(tmp_path).find(K1)
        return Path(found["path"]).read_bytes() if found else None

    return run


def test_what_a_host_was_to_compile_is_kept(keep):
    assert keep() == b"built"


@pytest.mark.parametrize(
    "odd", [{"key": K2}, {"kind": K2}, {"part": ()}, {"key": "../x", "kind": "../x"}, {"data": b"other"}], ids=str
)
def test_nothing_else_of_a_host_s_is_kept(keep, odd):
    assert keep(**odd) is None


def test_what_is_there_is_not_replaced(keep, plugin, tmp_path):
    put(plugin.Store(tmp_path), K1, b"of another host")
    assert keep() == b"of another host"
    assert keep(brought="0" * 64) == b"of another host"  # another one was brought, which somebody has replaced since


def test_what_a_host_was_brought_and_compiled_anew_is_replaced(keep, plugin, tmp_path):
    put(plugin.Store(tmp_path), K1, b"fails there")
    assert keep(brought=hashlib.sha256(b"fails there").hexdigest()) == b"built"


# --- From an address


@pytest.fixture
def served(tmp_path):
    """Serve a folder on loopback; give (folder, address, paths that were asked for)."""
    folder = tmp_path / "served"
    folder.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(pyenv_fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(pyenv_fetch, "PAUSES", (0, 0))
    return lambda base, pins=(): pyenv_fetch.fetch(base, "key", str(tmp_path / "got"), dict(pins))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    return tmp_path


DATA = b"archive" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


def serve(folder, data=DATA, sha256=SHA256):
    (folder / "key.tar.gz").write_bytes(data)
    (folder / "key.tar.gz.sha256").write_text(f"{sha256}  key.tar.gz\n")


def test_an_archive_is_fetched_and_proved(served, fetch, tmp_path):
    folder, url, _ = served
    serve(folder)
    assert fetch(url, {"key": SHA256}) == SHA256
    assert (tmp_path / "got").read_bytes() == DATA
    assert fetch(f"file://{folder}") == SHA256


@pytest.mark.parametrize(
    ("mode", "text"), [(0o600, "my secret words\n"), (0o644, "machine other login l password secret\n")]
)
def test_a_netrc_that_python_does_not_read_is_no_obstacle(served, fetch, home, mode, text):
    folder, url, _ = served
    serve(folder)
    (home / ".netrc").write_text(text)
    (home / ".netrc").chmod(mode)
    assert fetch(url, {"key": SHA256}) == SHA256
    with pytest.raises(Exception, match=r"~/\.netrc: (its line \d is not as|~/\.netrc access too)") as failure:
        fetch("http://127.0.0.1:1", {"key": SHA256})
    assert "secret" not in str(failure.value)


def test_an_address_without_it_is_no_failure(served, fetch):
    folder, url, _ = served
    assert fetch(url, {"key": SHA256}) is None
    assert fetch(f"file://{folder}") is None
    (folder / "key.tar.gz.sha256").write_text(SHA256)
    assert fetch(f"file://{folder}") is None


def test_plain_http_is_believed_only_with_pins(served, fetch, pyenv_prebuilt):
    folder, url, _ = served
    serve(folder)
    with pytest.raises(pyenv_prebuilt.Unusable, match="plain http"):
        fetch(url)


def test_with_pins_only_these_are_taken_and_the_server_is_not_believed(served, fetch, pyenv_prebuilt, tmp_path):
    folder, url, asked = served
    serve(folder)
    assert fetch(url, {"other": SHA256}) is None
    assert asked == []
    assert fetch(url, {"key": SHA256}) == SHA256
    (tmp_path / "got").unlink()
    with pytest.raises(pyenv_prebuilt.Unusable, match="sha256"):
        fetch(url, {"key": "0" * 64})
    assert not list(tmp_path.glob("got*"))


@pytest.mark.parametrize("sums", [hashlib.sha256(b"").hexdigest(), "<html>", ""])
def test_another_archive_than_announced_is_not_taken(served, fetch, pyenv_prebuilt, tmp_path, sums):
    folder, _, _ = served
    serve(folder, sha256=sums)
    with pytest.raises(pyenv_prebuilt.Unusable, match="sha256"):
        fetch(f"file://{folder}")
    assert not list(tmp_path.glob("got*"))


def test_no_answer_is_said_without_the_login(fetch, pyenv_prebuilt):
    with pytest.raises(pyenv_prebuilt.Unusable) as failure:
        fetch("https://person:secret@127.0.0.1:1")
    assert "127.0.0.1:1/key" in str(failure.value)
    assert "secret" not in str(failure.value)
