"""The laboratory's decisions, and its handling of git and the cache: no network, no podman."""

from __future__ import annotations

import fcntl
import functools
import http.server
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from tests.lab import entrance, finished, machine, prepare, pyenv_mirror, shell, sources, upstream
from tests.lab import images as images_module
from tests.lab.__main__ import main
from tests.lab.cache import Cache, cache_root, point, write_atomically
from tests.lab.images import Images, bootstrap_command, image_name, is_fresh
from tests.lab.prepare import Report, mirror_settings
from tests.lab.pyenv_mirror import DEFINITIONS, Mirror
from tests.lab.shell import CommandError, LabError, Unavailable
from tests.lab.tools import Tools

OLD_SHA = "a" * 64
NEW_SHA = "b" * 64
TGZ_SHA = "c" * 64
DAY = 24 * 3600
NOW = 1000 * DAY


def python_definition(version: str, sha256: str = OLD_SHA) -> str:
    url = f"https://www.python.org/ftp/python/{version}/Python-{version}"
    readline = f'install_package "readline-{version}" "readline-{version}.tar.gz#{TGZ_SHA}"'
    return f"""# Python-{version}0 is another one
{readline} mac_readline --if has_broken_mac_readline
if has_tar_xz_support; then
    install_package "Python-{version}" "{url}.tar.xz#{sha256}" standard verify_py313 ensurepip
else
    install_package "Python-{version}" "{url}.tgz#{TGZ_SHA}" standard verify_py313 ensurepip
fi
"""


def git(folder: Path, *arguments: str) -> str:
    person = ("-c", "user.name=someone", "-c", "user.email=someone@localhost")
    command = ["git", "-C", str(folder), *person, *arguments]
    return shell.run(command, env=pyenv_mirror.PLAIN).strip()


def fill_pyenv(folder: Path, *versions: str) -> Path:
    """Write what a pyenv consists of, as far as these tests go."""
    (folder / DEFINITIONS).mkdir(parents=True)
    for version in versions:
        (folder / DEFINITIONS / version).write_text(python_definition(version))
    (folder / "libexec").mkdir()
    (folder / "libexec" / "pyenv").write_text("#!/bin/sh\n")
    (folder / "libexec" / "pyenv").chmod(0o755)
    (folder / "plugins" / ".gitignore").write_text("*\n")
    return folder


def commit_all(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message=one")
    return folder


class FakePodman:
    """Stands for podman and mmdebstrap; all other commands run."""

    def __init__(self, created: float | None = None, old: tuple[str, ...] = ()) -> None:
        self.commands: list[list[str]] = []
        self.created = created
        self.old = old
        self.failures: dict[str, CommandError] = {}

    def __call__(self, command, **options):
        program = command[0]
        if program not in {"podman", "mmdebstrap"}:
            return shell.run(command, **options)
        self.commands.append(list(command))
        key = " ".join(command)
        for part, failure in self.failures.items():
            if part in key:
                raise failure
        if program == "mmdebstrap":
            Path(command[-1]).write_text("tar")
            return ""
        if command[1:3] == ["image", "exists"] and self.created is None:
            raise CommandError(command, "no message", 1)
        answers = {"image": str(self.created), "images": "\n".join(self.old), "import": "new\n"}
        return answers.get(command[1], "")

    def done(self, *start: str) -> list[list[str]]:
        return [command for command in self.commands if command[: len(start)] == list(start)]


@pytest.fixture
def cache(tmp_path):
    made = Cache(tmp_path / "cache")
    with made.locked():
        pass
    return made


@pytest.fixture
def report():
    return Report(lambda line: None)


@pytest.fixture
def podman():
    return FakePodman()


@pytest.fixture
def tools(podman, cache, report):
    return Tools(podman, cache, report, lambda: NOW)


# Commands


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("I: start\nE: no such suite\nI: removing tempdir\n", "E: no such suite"),
        (
            "E: The repository has no Release file.\n"
            "E: apt-get update --error-on=any failed\n"
            "E: mmdebstrap failed to run\n",
            "E: The repository has no Release file.",
        ),
        ("fatal: not a git repository\nhint: try it\n", "fatal: not a git repository"),
        ("plain words\n\n", "plain words"),
        ("", "no message"),
    ],
)
def test_last_error_line(text, line):
    assert shell.last_error_line(text) == line


def test_run_gives_output_and_takes_input_and_variables(monkeypatch):
    monkeypatch.setenv("LAB_GONE", "x")
    script = 'cat; echo "$LAB_NEW${LAB_GONE-unset}"'
    variables = {"LAB_NEW": "new ", "LAB_GONE": None}
    assert shell.run(["sh", "-c", script], stdin=b"in ", env=variables) == "in new unset\n"


def test_run_tells_why_a_command_failed():
    with pytest.raises(CommandError, match="E: because") as caught:
        shell.run(["sh", "-c", "echo out; echo E: because >&2; exit 7"])
    assert (caught.value.last_line, caught.value.code) == ("E: because", 7)


def test_run_tells_that_a_command_is_missing_or_hangs():
    with pytest.raises(CommandError, match="no-such-program"):
        shell.run(["no-such-program"])
    with pytest.raises(CommandError, match="no answer in"):
        shell.run(["sleep", "9"], timeout=0.05)


# The cache


def test_cache_root():
    both = {"DEVRIG_TEST_CACHE": "/a", "XDG_CACHE_HOME": "/b"}
    assert cache_root(both) == Path("/a")
    assert cache_root({"XDG_CACHE_HOME": "/b"}) == Path("/b/devrig-test")
    assert cache_root({}) == Path.home() / ".cache" / "devrig-test"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "sub" / "file"
    write_atomically(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "\udcff")
    assert file.read_text() == "old"
    assert [entry.name for entry in file.parent.iterdir()] == ["file"]


def test_point_moves_a_link(tmp_path):
    link = tmp_path / "link"
    for name in ("one", "two", "two"):
        (tmp_path / name).mkdir(exist_ok=True)
        point(link, tmp_path / name)
        assert link.readlink() == Path(name)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "one", "two"]


def test_the_lock_is_exclusive_and_leftovers_of_a_killed_run_go(cache):
    leftover = cache.root / "tmp" / "killed" / "part"
    leftover.mkdir(parents=True)
    with cache.locked():
        assert not leftover.parent.exists()
        with (cache.root / "lock").open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (cache.root / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_second_run_waits(cache, capsys):
    order = []

    def second():
        with cache.locked():
            order.append("second")

    with cache.locked():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join(timeout=5)
    assert order == ["first", "second"]
    assert "waiting" in capsys.readouterr().err


# Images


def test_an_image_is_named_for_its_recipe(monkeypatch):
    before = image_name("trixie")
    assert before.startswith("localhost/devrig-test/trixie:")
    assert before == image_name("trixie")
    monkeypatch.setattr(images_module, "CUSTOMIZE", ("true",))
    assert image_name("trixie") != before


def test_the_recipe_names_no_mirror():
    command = bootstrap_command("trixie", Path("/t.tar"))
    assert command[-2:] == ["trixie", "/t.tar"]
    assert not any("://" in word for word in command)


def test_is_fresh():
    assert is_fresh(NOW - 13 * DAY, NOW)
    assert not is_fresh(NOW - 14 * DAY, NOW)


def test_a_fresh_image_is_used_as_it_is(tools, podman, report):
    podman.created = NOW - DAY
    assert Images(tools).get("trixie") == image_name("trixie")
    assert not podman.done("mmdebstrap")
    assert report.lines == ["image trixie: from the cache"]


@pytest.mark.parametrize("created", [None, NOW - 15 * DAY])
def test_a_missing_or_old_image_is_made_once_and_no_tar_is_kept(tools, podman, report, created):
    podman.created = created
    images = Images(tools)
    assert images.get("trixie") == images.get("trixie") == image_name("trixie")
    (made,) = podman.done("podman", "import")
    assert made[-1] == image_name("trixie")
    assert report.lines == ["image trixie: made in 0 s"]
    assert list((tools.cache.root / "tmp").iterdir()) == []


def test_older_images_go_but_not_one_in_use(tools, podman):
    podman.old = ("used", "unused", "new")
    podman.failures["podman rmi used"] = CommandError(["podman"], "image is in use", 2)
    Images(tools).get("trixie")
    assert sorted(command[-1] for command in podman.done("podman", "rmi")) == ["unused", "used"]


def test_a_suite_that_is_gone_is_skipped_loudly_and_asked_for_once(tools, podman, report):
    podman.failures["mmdebstrap"] = CommandError(["mmdebstrap"], "E: no Release file", 25)
    images = Images(tools)
    for _ in range(2):
        with pytest.raises(Unavailable):
            images.get("gone")
    assert len(podman.done("mmdebstrap")) == 1
    assert report.lines == ["SKIPPED: image gone: E: no Release file"]


def test_a_podman_that_does_not_work_is_not_a_missing_image(tools, podman):
    podman.failures["image exists"] = CommandError(["podman"], "cannot set limits", 125)
    with pytest.raises(CommandError, match="cannot set limits"):
        Images(tools).get("trixie")
    assert not podman.done("mmdebstrap")


# pyenv


def test_tarball_sha256_is_that_of_the_tar_xz_of_this_version():
    text = python_definition("3.13.5", NEW_SHA)
    assert pyenv_mirror.tarball_sha256(text, "3.13.5") == NEW_SHA
    assert pyenv_mirror.tarball_sha256(text, "3.13.50") is None
    assert pyenv_mirror.tarball_sha256(text.replace(".tar.xz", ".tgz"), "3.13.5") is None


@pytest.mark.parametrize(
    ("version", "names", "sibling"),
    [
        ("3.13.5", ["3.13.2", "3.13.10", "3.13.2t", "3.13-dev", "3.1.99", "13.13.11"], "3.13.10"),
        ("3.13.5", ["3.12.9", "pypy3.13.1"], None),
    ],
)
def test_newest_sibling(version, names, sibling):
    assert pyenv_mirror.newest_sibling(version, names) == sibling


def test_a_derived_definition_has_the_new_python_and_nothing_else_new():
    template = python_definition("3.13.2")
    derived = pyenv_mirror.derive_definition(template, "3.13.2", "3.13.5", NEW_SHA)
    assert pyenv_mirror.tarball_sha256(derived, "3.13.5") == NEW_SHA
    assert "python/3.13.5/Python-3.13.5.tar.xz" in derived
    assert "readline-3.13.2.tar.gz" in derived
    assert "Python-3.13.20 is another one" in derived
    assert OLD_SHA not in derived
    assert ".tgz" not in derived
    assert "has_tar_xz_support" not in derived


def test_a_definition_of_another_form_is_refused():
    other = 'install_package "Python-3.13.2"'
    with pytest.raises(LabError, match=r"3\.13\.2 has another form"):
        pyenv_mirror.derive_definition(other, "3.13.2", "3.13.5", NEW_SHA)


def test_commit_id_is_the_one_that_git_gives(tmp_path):
    git(tmp_path, "init", "--quiet")
    tree = git(tmp_path, "write-tree")
    commit = pyenv_mirror.commit_text(tree, "subject")
    arguments = ["git", "-C", str(tmp_path), "hash-object", "-t", "commit", "--stdin"]
    real = shell.run(arguments, stdin=commit, env=pyenv_mirror.PLAIN)
    assert pyenv_mirror.commit_id(commit) == real.strip()


def test_a_shallow_checkout_is_published_whole_for_plain_http(tmp_path, cache):
    origin = commit_all(fill_pyenv(tmp_path / "origin", "3.13.5"))
    git(origin, "commit", "--quiet", "--allow-empty", "--message=two")
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", str(checkout))
    (checkout / "libexec" / "pyenv").write_text("not committed")
    source = pyenv_mirror.checkout_source(shell.run, checkout, DEFINITIONS)
    published = pyenv_mirror.publish(shell.run, cache, "pyenv", source)

    handler = functools.partial(QuietHandler, directory=str(cache.mirror))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/pyenv.git"
        git(tmp_path, "-c", "http.proxy=", "clone", "--quiet", url, "clone")
    finally:
        server.shutdown()
        server.server_close()
    clone = tmp_path / "clone"
    assert git(clone, "rev-parse", "HEAD") == published.commit
    assert git(clone, "rev-parse", "--abbrev-ref", "HEAD") == "master"
    assert git(clone, "rev-list", "--count", "HEAD") == "1"
    assert git(clone, "rev-parse", "HEAD^{tree}") == git(origin, "rev-parse", "HEAD^{tree}")
    assert (clone / "libexec" / "pyenv").stat().st_mode & 0o111
    assert not (clone / DEFINITIONS / "3.13.5").stat().st_mode & 0o111
    text = pyenv_mirror.definition(shell.run, published, "3.13.5")
    assert text == python_definition("3.13.5")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_the_same_tree_gives_the_same_commit_and_is_not_made_again(tmp_path, cache, monkeypatch):
    folders = [fill_pyenv(tmp_path / name, "3.13.5") for name in ("one", "two")]
    checkout = pyenv_mirror.checkout_source(shell.run, commit_all(folders[0]), DEFINITIONS)
    first = pyenv_mirror.publish(shell.run, cache, "pyenv", checkout)
    monkeypatch.setattr(pyenv_mirror, "_write_repository", None)
    scratch = tmp_path / "scratch"
    plain = pyenv_mirror.folder_source(shell.run, folders[1], scratch, "a folder")
    assert pyenv_mirror.publish(shell.run, cache, "pyenv", plain) == first


def test_an_unfinished_repository_is_not_published(tmp_path, cache):
    checkout = commit_all(fill_pyenv(tmp_path / "pyenv", "3.13.5"))
    source = pyenv_mirror.checkout_source(shell.run, checkout, DEFINITIONS)

    def run(command, **options):
        if "fsck" in command:
            raise CommandError(command, "missing blob", 1)
        return shell.run(command, **options)

    with pytest.raises(CommandError, match="missing blob"):
        pyenv_mirror.publish(run, cache, "pyenv", source)
    assert not (cache.mirror / "pyenv.git").is_symlink()
    assert list((cache.mirror / "repositories").iterdir()) == []


def test_another_tree_takes_the_place_of_the_last_one(tmp_path, cache):
    commits = set()
    for name in ("one", "two"):
        folder = fill_pyenv(tmp_path / name, "3.13.5")
        (folder / name).touch()
        work = tmp_path / f"{name}-work"
        source = pyenv_mirror.folder_source(shell.run, folder, work, "a folder")
        published = pyenv_mirror.publish(shell.run, cache, "pyenv", source)
        served = shell.run(["git", f"--git-dir={cache.mirror}/pyenv.git", "rev-parse", "master"])
        assert served.strip() == published.commit
        commits.add(published.commit)
    assert len(commits) == 2


def test_what_is_no_checkout_of_pyenv_is_not_taken_for_one(tmp_path):
    assert pyenv_mirror.checkout_source(shell.run, tmp_path / "missing", DEFINITIONS) is None
    plain = fill_pyenv(tmp_path / "plain", "3.13.5")
    assert pyenv_mirror.checkout_source(shell.run, plain, DEFINITIONS) is None
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    assert pyenv_mirror.checkout_source(shell.run, commit_all(other), DEFINITIONS) is None


def test_git_works_on_the_named_repository_inside_a_git_hook(tmp_path, monkeypatch):
    checkout = commit_all(fill_pyenv(tmp_path / "pyenv", "3.13.5"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert pyenv_mirror.checkout_source(shell.run, checkout, DEFINITIONS)
    libexec = pyenv_mirror.folder_source(shell.run, checkout / "libexec", tmp_path, "a folder")
    assert libexec.tree == git(checkout, "rev-parse", "HEAD:libexec")
    assert not (tmp_path / "index").exists()


def test_both_repositories_come_from_a_checkout_with_the_plugin(tmp_path, tools, report):
    root = commit_all(fill_pyenv(tmp_path / "pyenv", "3.13.5"))
    plugin = root / "plugins" / "pyenv-virtualenv"
    (plugin / "bin").mkdir(parents=True)
    (plugin / "bin" / "pyenv-virtualenv").touch()
    commit_all(plugin)
    pyenv, virtualenv = pyenv_mirror.prepare(tools, Images(tools), root, {})
    assert report.lines == [
        f"pyenv: tree of a checkout of pyenv, commit {pyenv.commit}",
        f"pyenv-virtualenv: tree of a checkout of pyenv, commit {virtualenv.commit}",
    ]


def test_debians_package_is_completed_and_has_no_plugin(tmp_path, tools, report):
    deb = tools.cache.root / "debian-pyenv"
    fill_pyenv(deb / "tree", "3.9.2", "3.13.2")
    (deb / "tree" / "README.gz").symlink_to("../doc/pyenv/missing.gz")
    (deb / "version").write_text("2.5.4-1\n")
    versions = {"3.9.2": NEW_SHA, "3.13.5": NEW_SHA}
    pyenv, plugin = pyenv_mirror.prepare(tools, Images(tools), tmp_path / "missing", versions)
    assert plugin is None
    assert pyenv.made == {"3.13.5"}
    own = pyenv_mirror.definition(shell.run, pyenv, "3.9.2")
    assert pyenv_mirror.tarball_sha256(own, "3.9.2") == OLD_SHA
    made = pyenv_mirror.definition(shell.run, pyenv, "3.13.5")
    assert pyenv_mirror.tarball_sha256(made, "3.13.5") == NEW_SHA
    listed = shell.run(["git", f"--git-dir={pyenv.repository}", "ls-tree", "-r", "master"])
    modes = {line.partition("\t")[2]: line.split()[0] for line in listed.splitlines()}
    assert modes["bin/pyenv"] == modes["README.gz"] == "120000"
    assert modes["libexec/pyenv"] == "100755"
    assert not (deb / "tree" / "bin").exists()
    assert [line for line in report.lines if line.startswith("SKIPPED: pyenv-virtualenv: ")]


def test_without_any_pyenv_the_error_says_so(tmp_path, tools, podman):
    failure = CommandError(["podman"], "E: Unable to locate package pyenv", 100)
    podman.failures["podman run"] = failure
    with pytest.raises(LabError, match="no pyenv: .*Unable to locate"):
        pyenv_mirror.prepare(tools, Images(tools), tmp_path / "missing", {})
    assert not (tools.cache.root / "debian-pyenv").exists()


# Sources

ROW = sources.Tarball("3.13.5", "python3.13", "trixie", NEW_SHA)
CONTENT = b"a tarball"


def test_check_fetched_passes_the_expected_file():
    sources.check_fetched(ROW, "python3.13_3.13.5.orig.tar.xz", NEW_SHA, NEW_SHA)


def test_a_package_that_has_moved_on_is_named_plainly():
    words = r"trixie's python3\.13 has moved on from 3\.13\.5"
    with pytest.raises(LabError, match=words) as caught:
        sources.check_fetched(ROW, "python3.13_3.13.6.orig.tar.xz", NEW_SHA, NEW_SHA)
    assert not isinstance(caught.value, Unavailable)


def test_another_checksum_is_an_error_with_both():
    with pytest.raises(LabError, match=f"{OLD_SHA}.*{NEW_SHA}"):
        sources.check_fetched(ROW, "python3.13_3.13.5.orig.tar.xz", OLD_SHA, NEW_SHA)


def test_each_suite_gets_its_interpreter_or_the_one_that_is_left():
    suites = ["bullseye", "bookworm", "trixie"]
    both = sources.choose_interpreters(suites, sources.MIRRORED, ["3.9.2", "3.13.5"])
    assert both == {"bullseye": ["3.9.2"], "bookworm": ["3.13.5"], "trixie": ["3.13.5"]}
    old = sources.choose_interpreters(suites, sources.MIRRORED, ["3.9.2"])
    assert old == dict.fromkeys(suites, ["3.9.2"])
    new = sources.choose_interpreters(["bullseye"], sources.MIRRORED, ["3.13.5"])
    assert new == {"bullseye": ["3.13.5"]}


class FakeImages:
    """Puts a file into the folder of each suite that it has."""

    def __init__(self, **files: str) -> None:
        self.files = files
        self.calls: list[str] = []

    def run_inside(self, suite: str, script: str, folder: Path) -> None:
        self.calls.append(suite)
        if suite not in self.files:
            raise Unavailable("E: no Release file")
        (folder / self.files[suite]).write_bytes(CONTENT)


@pytest.fixture
def rows(tmp_path):
    sha256 = sources.sha256_of(write(tmp_path / "content", CONTENT))
    return (
        sources.Tarball("3.9.2", "python3.9", "bullseye", sha256),
        sources.Tarball("3.13.5", "python3.13", "trixie", sha256),
    )


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def pyenv(tmp_path, cache, rows):
    folder = fill_pyenv(tmp_path / "pyenv")
    for row in rows:
        text = python_definition(row.version, row.sha256)
        (folder / DEFINITIONS / row.version).write_text(text)
    source = pyenv_mirror.folder_source(shell.run, folder, tmp_path, "a folder")
    return pyenv_mirror.publish(shell.run, cache, "pyenv", source)


def test_a_tarball_is_fetched_once_and_again_if_damaged(tools, report, pyenv, rows):
    images = FakeImages(trixie="python3.13_3.13.5.orig.tar.xz")
    place = tools.cache.mirror / rows[1].sha256
    for expected_calls in (1, 1):
        assert sources.prepare(tools, images, pyenv, rows[1:]) == ["3.13.5"]
        assert place.read_bytes() == CONTENT
        assert len(images.calls) == expected_calls
    assert "equals pyenv's definition" in report.lines[-1]
    place.write_bytes(b"damaged")
    sources.prepare(tools, images, pyenv, rows[1:])
    assert place.read_bytes() == CONTENT


def test_a_definition_that_was_made_here_is_no_witness(tools, report, pyenv, rows):
    images = FakeImages(trixie="python3.13_3.13.5.orig.tar.xz")
    made = Mirror(pyenv.repository, pyenv.commit, frozenset({"3.13.5"}))
    sources.prepare(tools, images, made, rows[1:])
    assert "pyenv's definition" not in report.lines[-1]


def test_sources_of_a_suite_that_is_gone_are_skipped_loudly(tools, report, pyenv, rows):
    place = tools.cache.mirror / rows[0].sha256
    images = FakeImages(trixie="python3.13_3.13.5.orig.tar.xz")
    assert sources.prepare(tools, images, pyenv, rows) == ["3.13.5"]
    assert report.lines[0].startswith("SKIPPED: Python 3.9.2: ")
    place.unlink()
    with pytest.raises(LabError, match="no interpreter's sources"):
        sources.prepare(tools, FakeImages(), pyenv, rows)


def test_a_wrong_tarball_does_not_get_into_the_mirror(tools, pyenv, rows):
    images = FakeImages(trixie="python3.13_3.13.6.orig.tar.xz")
    with pytest.raises(LabError, match="moved on"):
        sources.prepare(tools, images, pyenv, rows[1:])
    assert not (tools.cache.mirror / rows[1].sha256).exists()


def test_openssl_is_the_one_that_the_product_pins(pyenv_plan):
    assert sources.OPENSSL.version == pyenv_plan.OPENSSL_1_1.version
    assert sources.OPENSSL.sha256 == pyenv_plan.OPENSSL_1_1.sha256


def test_openssl_that_is_gone_is_skipped_loudly(tools, report):
    assert sources.prepare_openssl(tools, FakeImages()) is False
    assert report.lines[-1].startswith("SKIPPED: OpenSSL 1.1.1w: ")


def test_openssl_that_is_another_one_is_an_error(tools):
    with pytest.raises(LabError, match="expected is cf309895"):
        sources.prepare_openssl(tools, FakeImages(bullseye="openssl_1.1.1w.orig.tar.gz"))


def test_a_pyenv_without_the_definition_is_an_error(tools, pyenv):
    row = sources.Tarball("3.99.0", "python3.99", "trixie", NEW_SHA)
    with pytest.raises(LabError, match=r"no definition of Python 3\.99\.0"):
        sources.prepare(tools, FakeImages(), pyenv, [row])


# Upstream


def fail(error: Exception):
    raise error


def test_upstream_is_reached_only_if_every_probe_is_answered():
    asked = []
    first = functools.partial(asked.append, "first")
    assert upstream.unreachable([first, first]) is None
    refused = functools.partial(fail, OSError("refused"))
    assert upstream.unreachable([first, refused, first]) == "refused"
    assert len(asked) == 3
    lab_error = functools.partial(fail, CommandError(["git"], "no route"))
    assert "no route" in upstream.unreachable([lab_error])


def test_a_probe_that_hangs_is_given_up():
    released = threading.Event()
    started = time.monotonic()
    reason = upstream.unreachable([released.wait], limit=0.1)
    released.set()
    assert "no answer in 0.1 s" in reason
    assert time.monotonic() - started < 2


# The machine


def test_the_ca_bundle_is_the_first_that_exists(tmp_path):
    bundle = tmp_path / "ca.crt"
    bundle.touch()
    missing = str(tmp_path / "missing")
    assert machine.ca_bundle({}) is None
    assert machine.ca_bundle({"PIP_CERT": missing, "SSL_CERT_FILE": str(tmp_path)}) is None
    environ = {"PIP_CERT": missing, "REQUESTS_CA_BUNDLE": str(bundle)}
    assert machine.ca_bundle(environ) == str(bundle)


def test_the_environment_of_a_plain_machine_is_empty():
    environ = {"HOME": "/root", "http_proxy": "", "PIP_FIND_LINKS": "x"}
    assert machine.environment(environ, None) == {}


def test_the_environment_leads_to_the_ca_as_the_container_sees_it():
    chosen = machine.environment({"PIP_INDEX_URL": "https://index.example"}, "/somewhere/ca.crt")
    names = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
    place = dict.fromkeys(names, "/usr/local/share/devrig-test/ca.crt")
    assert chosen == {**place, "PIP_INDEX_URL": "https://index.example"}


def test_proxies_are_handed_on_but_not_for_loopback():
    environ = {"https_proxy": "http://proxy.example:3128", "NO_PROXY": "a.example, localhost"}
    chosen = machine.environment(environ, None)
    assert chosen["https_proxy"] == "http://proxy.example:3128"
    assert chosen["no_proxy"] == chosen["NO_PROXY"] == "a.example,localhost,127.0.0.1"


def test_the_free_port_can_be_bound():
    port = machine.free_port()
    with http.server.HTTPServer(("127.0.0.1", port), QuietHandler) as server:
        assert server.server_port == port


# All together


def test_settings_name_the_mirror():
    url = "http://127.0.0.1:1234"
    pyenv, plugin = Mirror(Path("a"), "1" * 40), Mirror(Path("b"), "2" * 40)
    assert mirror_settings(url, pyenv, plugin) == {
        "pyenv_git_url": "http://127.0.0.1:1234/pyenv.git",
        "pyenv_version": "1" * 40,
        "pyenv_virtualenv_git_url": "http://127.0.0.1:1234/pyenv-virtualenv.git",
        "pyenv_virtualenv_version": "2" * 40,
        "pyenv_mirror_url": "http://127.0.0.1:1234",
    }
    assert mirror_settings(url, pyenv, None) == {
        "pyenv_git_url": "http://127.0.0.1:1234/pyenv.git",
        "pyenv_version": "1" * 40,
        "pyenv_virtualenv_git_url": "",
        "pyenv_mirror_url": "http://127.0.0.1:1234",
    }


def test_with_upstream_there_is_no_mirror_and_no_setting(tools, report):
    suites = ["bullseye", "trixie"]
    described = prepare.prepare(tools, suites, {}, probes=[lambda: None])
    assert described == {
        "images": {suite: image_name(suite) for suite in suites},
        "suites": suites,
        "mirror": None,
        "settings": {},
        "interpreters": {"bullseye": ["3.6.8"], "trixie": ["3.13.5"]},
        "versions": ["3.13.5", "3.6.8"],
        "ca_bundle": None,
        "environment": {},
        "apt_archives": {suite: str(tools.cache.root / "apt" / suite) for suite in suites},
        "finished": str(tools.cache.mirror / "interpreters" / finished.recipe()),
    }
    assert (tools.cache.root / "apt" / "trixie").is_dir()
    assert not any(line.startswith("SKIPPED") for line in report.lines)


def test_without_upstream_everything_comes_from_the_mirror(tools, pyenv, rows, tmp_path, monkeypatch):
    write(tools.cache.mirror / rows[0].sha256, CONTENT)
    monkeypatch.setattr(sources, "OPENSSL", replace(sources.OPENSSL, sha256=rows[0].sha256))
    unreached = functools.partial(fail, OSError("no route"))
    environ = {"PYENV_ROOT": str(commit_all(tmp_path / "pyenv"))}
    described = prepare.prepare(tools, ["bullseye", "bookworm"], environ, probes=[unreached])
    mirror = described["mirror"]
    assert mirror["dir"] == str(tools.cache.mirror)
    assert mirror["url"] == f"http://127.0.0.1:{mirror['port']}"
    assert described["settings"]["pyenv_version"] == pyenv.commit
    assert described["settings"]["pyenv_mirror_url"] == mirror["url"]
    assert described["interpreters"] == {"bullseye": ["3.9.2"], "bookworm": ["3.13.5"]}
    assert described["versions"] == ["3.13.5", "3.9.2"]
    last = tools.report.lines[-1]
    assert last == "SKIPPED: the build of Python 3.6.8: upstream cannot be reached"


def test_finished_interpreters_are_kept_as_long_as_what_makes_them(cache, tmp_path):
    code = tmp_path / "roles/pyenv/module_utils/pyenv_plan.py"
    code.parent.mkdir(parents=True)
    code.write_text("FLAGS = 1")
    place = finished.prepare(cache, tmp_path)
    write(place / "archive", b"x")
    (tmp_path / "roles/pyenv/README.md").touch()
    assert finished.prepare(cache, tmp_path) == place
    assert (place / "archive").exists()
    code.write_text("FLAGS = 2")
    other = finished.prepare(cache, tmp_path)
    assert list(place.parent.iterdir()) == [other]
    assert other.parent == cache.mirror / "interpreters"
    assert not list(other.iterdir())


def test_a_suite_that_is_gone_is_left_out_and_none_left_is_an_error(tools, podman):
    podman.failures["mmdebstrap"] = CommandError(["mmdebstrap"], "E: no Release file", 25)
    with pytest.raises(LabError, match="of any suite: gone, lost"):
        prepare.prepare(tools, ["gone", "lost"], {}, probes=[lambda: None])
    podman.failures = {" gone ": podman.failures["mmdebstrap"]}
    described = prepare.prepare(tools, ["gone", "trixie"], {}, probes=[lambda: None])
    for part in ("images", "interpreters", "apt_archives"):
        assert list(described[part]) == ["trixie"]
    assert described["suites"] == ["trixie"]


def test_the_report_is_shown_again(tmp_path, capsys):
    file = tmp_path / "lab.json"
    file.write_text(json.dumps({"report": ["one", "SKIPPED: two"]}))
    assert main(["report", str(file)]) == 0
    assert capsys.readouterr().out == "one\nSKIPPED: two\n"


def test_an_error_ends_with_status_1_and_writes_no_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DEVRIG_TEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tests.lab.__main__.prepare", lambda *_: fail(LabError("it broke")))
    output = tmp_path / "lab.json"
    assert main(["prepare", "--suites", "trixie", "--output", str(output)]) == 1
    assert capsys.readouterr().err == "ERROR: it broke\n"
    assert not output.exists()


def test_a_suite_cannot_be_a_path(capsys):
    with pytest.raises(SystemExit):
        main(["prepare", "--suites", "../x", "--output", "lab.json"])
    assert "--suites" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("podman_says", "said"), [("echo 0", "box does not run"), ("echo no such box >&2; exit 125", "no such box")]
)
def test_who_does_not_run_is_not_entered(tmp_path, monkeypatch, podman_says, said):
    (tmp_path / "podman").write_text(f"#!/bin/sh\n{podman_says}\n")
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RuntimeError, match=said):
        entrance.host_vars("box", "dev")


@pytest.mark.parametrize("pid", [os.getpid(), 1, 4194305], ids=["its own", "the first", "nobody's"])
def test_a_process_of_this_machine_is_not_entered(pid):
    """A container that was started again has another number, and the old one may be anybody's. The last is nobody's."""
    connection_loader.add_directory(str(entrance.PLUGINS))
    plugin = connection_loader.get("namespaces", PlayContext())
    plugin.set_options(direct={"pid": pid})
    with pytest.raises(AnsibleConnectionFailure, match=f"process {pid} is no container's"):
        plugin.exec_command("true")


def test_a_container_is_entered_by_its_first_process(tmp_path, monkeypatch):
    (tmp_path / "podman").write_text("#!/bin/sh\necho 4711\n")
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "--target=4711" in entrance.command("box")
    found = entrance.host_vars("box", "dev")
    assert found == {"ansible_connection": "namespaces", "ansible_nsenter_pid": 4711, "ansible_user": "dev"}
    assert (entrance.PLUGINS / f"{found['ansible_connection']}.py").is_file()
