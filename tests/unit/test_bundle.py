"""A bundle: what is gathered is whole, pinned and enough, and a machine without a network takes it as it is."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import bundle_parts, bundle_plan

ROOT = Path(__file__).resolve().parents[2]
#: apt and dpkg-deb are Debian's, and so is apt-config.
needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None, reason="no apt")
CLOSED = ROOT / "roles/bundle/files/closed.sh"
DUMP = """APT "";
APT::Architectures "";
APT::Architectures:: "amd64";
APT::Architectures:: "i386";
APT::Update::Post-Invoke-Success:: "notify the desktop";
DPkg::Post-Invoke:: "notify the desktop";
Acquire::http::Proxy "http://user:word@proxy:3128/";
Acquire::Odd "a"b";
Dir::Etc::sourceparts "sources.list.d";
CommandLine::AsString "apt-config dump";
"""
SHA = "a" * 64
LISTING = f"""Reading package lists...
'http://mirror/pool/z/zsh_5.9-4%2bb15_amd64.deb' zsh_5.9-4+b15_amd64.deb 907512 SHA256:{SHA}
'http://mirror/pool/g/git_2.39.5-0%2bdeb12u3_amd64.deb' git_1%3a2.39.5-0+deb12u3_amd64.deb 7264380 SHA256:{SHA}
'http://mirror/pool/z/zsh-common_5.9-4_all.deb' zsh-common_5.9-4_all.deb 4147272 MD5Sum:{SHA[:32]}
"""
DEFINITION = f"""prefer_openssl11
install_package "openssl-1.1.0j" "https://up/openssl-1.1.0j.tar.gz#{"b" * 64}" mac_openssl --if has_broken_mac_openssl
if has_tar_xz_support; then
  install_package "Python-3.6.8" "https://up/Python-3.6.8.tar.xz#{"c" * 64}" standard verify_py36 ensurepip
else
  install_package "Python-3.6.8" "https://up/Python-3.6.8.tgz#{"d" * 64}" standard verify_py36 ensurepip
fi
"""


def run(*argv, **options):
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True, **options).stdout


def git(*argv, cwd):
    author = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main")
    return run("git", *author, *argv, cwd=cwd).strip()


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def sha256(path):
    return run("sha256sum", path).split()[0]


# --- What is decided.


def test_apt_is_told_of_the_machine_s_sources_and_proxies_and_of_nothing_that_is_installed():
    lines = bundle_plan.apt_config(DUMP, "amd64", "/work/apt").splitlines()
    assert 'Acquire::http::Proxy "http://user:word@proxy:3128/";' in lines
    assert 'Dir::Etc::sourceparts "sources.list.d";' in lines
    assert 'Dir::State::status "/work/apt/status";' in lines
    assert lines.index("#clear APT::Architectures;") < lines.index('APT::Architectures "amd64";')
    assert not [line for line in lines if re.search(r"Invoke|CommandLine|Odd", line)]


@needs_apt
def test_apt_reads_what_it_is_told(tmp_path):
    (tmp_path / "apt.conf").write_text(bundle_plan.apt_config(DUMP, "amd64", str(tmp_path)))
    shown = run("apt-config", "dump", env={**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf")}).splitlines()
    assert 'APT::Architectures:: "amd64";' in shown
    assert not [line for line in shown if "i386" in line or "Post-Invoke" in line]


def test_packages_are_read_with_version_architecture_and_sum():
    zsh, program, common = bundle_plan.packages(LISTING)
    assert (zsh.name, zsh.version, zsh.architecture, zsh.algorithm) == ("zsh", "5.9-4+b15", "amd64", "sha256")
    assert (program.version, program.file) == ("1:2.39.5-0+deb12u3", "git_1%3a2.39.5-0+deb12u3_amd64.deb")
    assert bundle_plan.place_of(program) == "git_2.39.5-0+deb12u3_amd64.deb"
    assert bundle_plan.wish_of(program) == "git:amd64=1:2.39.5-0+deb12u3"
    assert (bundle_plan.wish_of(common), common.algorithm) == ("zsh-common=5.9-4", "md5sum")


def test_a_source_is_the_one_that_xz_unpacks():
    source = bundle_plan.Source("https://up/Python-3.6.8.tar.xz", "c" * 64)
    assert bundle_plan.source_of(DEFINITION, "3.6.8") == source
    alone = DEFINITION.replace("3.6.8.tar.xz", "3.6.8.tar.bz2")
    assert bundle_plan.source_of(alone, "3.6.8").url.endswith(".bz2")
    with pytest.raises(bundle_plan.Refused, match="Python 3.6.9 names no source"):
        bundle_plan.source_of(DEFINITION, "3.6.9")


def test_settings_lead_into_the_bundle_wherever_it_lies():
    plugins = [{"name": "tabular", "repo": "https://up/tabular", "version": "1" * 40, "opt": True}]
    chosen = {"pyenv_versions": ["3.6.8"], "zsh_framework": "ohmyzsh"}
    found = bundle_plan.settings_of(chosen, ["pyenv", "oh-my-zsh", "vim-tabular"], plugins)
    assert found["pyenv_versions"] == ["3.6.8"]
    assert found["pyenv_git_url"] == "file://{{ playbook_dir | urlencode }}/bundle/git/pyenv.git"
    assert found["pyenv_virtualenv_git_url"] == ""
    assert found["zsh_ohmyzsh_git_url"].endswith("/bundle/git/oh-my-zsh.git")
    repo = found["pyenv_git_url"].replace("pyenv.git", "vim-tabular.git")
    assert found["vim_plugins"] == [{**plugins[0], "repo": repo}]
    assert found["devrig_environment"]["PIP_NO_INDEX"] == "1"
    assert found["preflight_bundle"] is True
    addresses = [value for value in json.dumps(found).split('"') if "://" in value]
    assert addresses
    assert {value.split("/bundle/")[0] for value in addresses} == {"file://{{ playbook_dir | urlencode }}"}


@pytest.mark.parametrize(
    ("release", "system"),
    [
        ('ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian"\n', "debian bookworm amd64"),
        ("VERSION_CODENAME='jammy'\nID=\"ubuntu\"\n", "ubuntu jammy amd64"),
        ("ID=debian\n", "debian - amd64"),
    ],
)
def test_a_machine_is_named_as_bootstrap_names_it(tmp_path, release, system):
    assert bundle_plan.system_of(release, "amd64") == system
    (tmp_path / "os-release").write_text(release)
    (line,) = [line for line in CLOSED.read_text().splitlines() if "os-release" in line]
    script = line.replace("/etc/os-release", str(tmp_path / "os-release"))
    script = script.replace("dpkg --print-architecture", "echo amd64")
    assert run("sh", "-euc", f'{script}; echo "$system"').strip() == system


def test_every_file_has_a_sum_but_settings_and_strays():
    with_one = ["bootstrap", "roles/zsh/tasks/main.yml", "bundle/packages/Packages", "bundle/made-for", ".ansible-lint"]
    without = ["inventory/group_vars/all.yml", "bundle/SHA256SUMS", "bundle/.old-sums", "docs/__pycache__/x.pyc"]
    assert all(map(bundle_plan.summed, with_one))
    assert not any(map(bundle_plan.summed, without))
    sums = {"a b": SHA, "c": "b" * 64}
    assert bundle_plan.sums_of(bundle_plan.sums_text(sums)) == sums


def test_every_role_s_packages_are_in_it_and_bootstrap_s():
    names = yaml.safe_load((ROOT / "roles/bundle/vars/main.yml").read_text())
    assert "__preflight_wishes.values()" in names["__bundle_names"]
    wishes = yaml.safe_load((ROOT / "roles/preflight/vars/main.yml").read_text())["__preflight_wishes"]
    bringing = yaml.safe_load((ROOT / "roles/packages/vars/main.yml").read_text())["__packages_roles"]
    assert set(wishes) == {*bringing, "compilers"}
    script = (ROOT / "bootstrap").read_text()
    assert names["__bundle_bootstrap"] == [*re.findall(r"wanted=([\w-]+)$", script, re.M), "sudo"]
    tasks = yaml.safe_load((ROOT / "bundle.yml").read_text())[0]["tasks"]
    imported = [task["ansible.builtin.import_role"]["name"] for task in tasks if task.get("tags") == "never"]
    assert {*bringing, "pyenv", "pipenv"} == set(imported)


# --- What is gathered.


@pytest.fixture
def bundle(tmp_path):
    """Return an empty bundle; its folder has a blank in its name."""
    return bundle_parts.Bundle(str(tmp_path / "a bundle"), str(tmp_path / "work"))


@pytest.fixture
def repository(tmp_path):
    """Return a repository, and the commits that are in it: one that a tag names, and two of a branch."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    git("init", "-q", cwd=folder)
    commits = []
    for text in ("one", "two", "three"):
        (folder / "file").write_text(text)
        git("add", ".", cwd=folder)
        git("commit", "-q", "-m", text, cwd=folder)
        commits.append(git("rev-parse", "HEAD", cwd=folder))
    git("tag", "-a", "-m", "x", "v1", commits[0], cwd=folder)
    return folder, commits


@pytest.mark.parametrize("asked", [("old", 0), ("old", 1), ("v1", 0), ("v1", 1), ("tip", 1)])
def test_a_repository_is_at_its_commit_and_can_be_cloned_from_a_folder(bundle, repository, run_module, tmp_path, asked):
    version, depth = asked
    folder, commits = repository
    version = {"old": commits[1], "tip": commits[2]}.get(version, version)
    bundle_parts.gather_repositories(bundle, [{"name": "pyenv", "repo": str(folder), "version": version}])
    assert bundle.changed
    shutil.rmtree(folder)
    address = "file://" + bundle.path("git", "pyenv.git").replace(" ", "%20")
    checkout = {"path": str(tmp_path / "clone"), "repo": address, "version": version, "depth": depth}
    answer = run_module("git_checkout", {"state_dir": str(tmp_path / "state"), "checkouts": [checkout]})
    assert answer["changed"], answer
    assert (tmp_path / "clone/file").read_text() == {"v1": "one", commits[1]: "two", commits[2]: "three"}[version]


def test_a_repository_that_is_whole_stays_a_damaged_one_does_not(bundle, repository):
    folder, commits = repository
    wanted = [{"name": name, "repo": str(folder), "version": commits[1]} for name in ("pyenv", "other")]
    bundle_parts.gather_repositories(bundle, wanted)
    bundle.changed = False
    bundle_parts.gather_repositories(bundle, wanted)
    assert not bundle.changed
    (pack,) = Path(bundle.path("git", "pyenv.git", "objects/pack")).glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 255
    pack.chmod(0o644)
    pack.write_bytes(data)
    bundle_parts.gather_repositories(bundle, wanted[:1])
    assert bundle.changed
    assert names_in(bundle.path("git")) == ["pyenv.git"]
    assert bundle_parts.is_whole(bundle.path("git", "pyenv.git"), commits[1])


def test_a_repository_without_the_commit_is_an_error(bundle, repository):
    wanted = [{"name": "pyenv", "repo": str(repository[0]), "version": "1" * 40}]
    with pytest.raises(bundle_parts.Failure, match="pyenv .* has no 1{40}"):
        bundle_parts.gather_repositories(bundle, wanted)


def test_sources_come_from_a_cache_a_mirror_or_upstream(bundle, tmp_path):
    sources = []
    for name, place in (("cached.tar.xz", "cache"), ("mirrored.tar.xz", "mirror"), ("far.tar.xz", "up")):
        (tmp_path / place).mkdir()
        (tmp_path / place / name).write_text(name)
        sources.append(bundle_plan.Source(f"file://{tmp_path}/up/{name}", sha256(tmp_path / place / name)))
    (tmp_path / "mirror/mirrored.tar.xz").rename(tmp_path / "mirror" / sources[1].sha256)
    (tmp_path / "mirror" / sources[2].sha256).write_text("another")
    bundle_parts.gather_sources(bundle, sources, f"file://{tmp_path}/mirror", [str(tmp_path / "cache")])
    there = {name: Path(bundle.path("sources", name)).read_text() for name in names_in(bundle.path("sources"))}
    assert there == {source.sha256: Path(source.url).name for source in sources}
    bundle.changed = False
    bundle_parts.gather_sources(bundle, sources[:1], "", [])
    assert names_in(bundle.path("sources")) == [sources[0].sha256]


def test_a_source_that_cannot_be_had_names_each_address(bundle, tmp_path):
    (tmp_path / "x").write_text("another")
    source = bundle_plan.Source(f"file://{tmp_path}/x", SHA)
    with pytest.raises(bundle_parts.Refused, match=f"mirror/{SHA}: not there; .*/x: its sha256 is another"):
        bundle_parts.gather_sources(bundle, [source], f"file://{tmp_path}/mirror/", [])
    assert not Path(bundle.path("sources")).exists()


KEY, OTHER = "3.6.8-bookworm-x86_64-" + "0" * 16, "3.9.2-bookworm-x86_64-" + "1" * 16


def test_finished_interpreters_come_from_the_store_and_an_address(bundle, tmp_path):
    for folder, key in (("store", KEY), ("served", OTHER)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{key}.tar.gz").write_text(key)
        sums = f"{sha256(tmp_path / folder / f'{key}.tar.gz')}  {key}.tar.gz\n"
        (tmp_path / folder / f"{key}.tar.gz.sha256").write_text(sums)
    kinds = {"3.6.8": KEY, "3.9.2": OTHER, "3.13.5": "3.13.5-bookworm-x86_64-" + "2" * 16}
    places = (str(tmp_path / "store"), f"file://{tmp_path}/served", {})
    assert bundle_parts.gather_interpreters(bundle, kinds, *places) == (["3.6.8", "3.9.2"], [])
    checked = run("sh", "-c", "sha256sum --check --strict *.sha256", cwd=bundle.path("interpreters"))
    assert checked.count("OK") == 2
    # What the store does not keep any longer stays in the bundle; what nobody asks for does not.
    shutil.rmtree(tmp_path / "store")
    assert bundle_parts.gather_interpreters(bundle, {"3.6.8": KEY}, *places)[0] == ["3.6.8"]
    assert len(names_in(bundle.path("interpreters"))) == 2


def test_a_damaged_finished_interpreter_is_said_and_left_out(bundle, tmp_path):
    (tmp_path / f"{KEY}.tar.gz").write_text("x")
    (tmp_path / f"{KEY}.tar.gz.sha256").write_text(SHA)
    there, unused = bundle_parts.gather_interpreters(bundle, {"3.6.8": KEY}, str(tmp_path), "", {})
    assert there == []
    assert "its sha256 is another" in unused[0]


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout with a file that is not part of it."""
    folder = tmp_path / "devrig"
    (folder / "inventory").mkdir(parents=True)
    git("init", "-q", cwd=folder)
    for name in ("bootstrap", "playbook.yml", "inventory/hosts.yml"):
        (folder / name).write_text(name)
    (folder / "bootstrap").chmod(0o700)
    git("add", ".", cwd=folder)
    (folder / "secret.txt").write_text("mine")
    return folder


@pytest.fixture
def finished(bundle, checkout, monkeypatch, tmp_path):
    """Return a function that completes the bundle, and says whether that changed something."""
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
    monkeypatch.setattr(bundle_parts, "OS_RELEASE", str(tmp_path / "os-release"))
    programs = {"dpkg": "amd64\n"}
    monkeypatch.setattr(bundle_parts, "must", lambda argv, *_: programs[argv[0]])

    def complete():
        bundle.changed = False
        bundle_parts.begin(bundle, str(checkout))
        bundle.put_text("a package", "packages", "Packages")
        bundle_parts.complete(bundle, str(checkout), bundle_plan.to_json({"a": 1}), ["3.6.8"])
        return bundle.changed

    return complete


def test_a_bundle_is_a_copy_of_the_checkout_with_sums(finished, bundle):
    assert finished()
    folder = Path(bundle.folder)
    assert names_in(folder) == ["bootstrap", "bundle", "inventory", "playbook.yml"]
    assert (folder / "bootstrap").stat().st_mode & 0o777 == 0o755
    assert (folder / "bundle/made-for").read_text() == "debian bookworm amd64\nPython 3.6.8\n"
    sums = bundle_plan.sums_of((folder / "bundle/SHA256SUMS").read_text())
    data = ["bundle/made-for", "bundle/packages/Packages", "bundle/settings.json"]
    assert sorted(sums) == ["bootstrap", *data, "playbook.yml"]
    run("sha256sum", "--check", "--strict", "bundle/SHA256SUMS", cwd=folder)
    assert not finished()
    assert names_in(folder / "bundle") == ["SHA256SUMS", "made-for", "packages", "settings.json"]


def test_what_is_no_part_of_the_checkout_any_more_goes_and_what_is_a_person_s_stays(finished, bundle, checkout):
    finished()
    (Path(bundle.folder) / "notes.txt").write_text("mine")
    git("rm", "-q", "--cached", "playbook.yml", cwd=checkout)
    assert finished()
    assert names_in(bundle.folder) == ["bootstrap", "bundle", "inventory", "notes.txt"]


def test_a_bundle_that_is_being_changed_is_not_complete(finished, bundle, checkout):
    finished()
    bundle.put_text("another", "packages", "Packages")
    assert not Path(bundle.path("SHA256SUMS")).exists()
    # Killed there: what the first run had brought is still known.
    git("rm", "-q", "--cached", "playbook.yml", cwd=checkout)
    finished()
    assert not (Path(bundle.folder) / "playbook.yml").exists()
    assert Path(bundle.path("SHA256SUMS")).exists()


def test_a_stick_need_not_know_modes(finished, bundle, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "no modes here")

    monkeypatch.setattr(bundle_parts.os, "chmod", refused)
    assert finished()
    assert "bootstrap" in names_in(bundle.folder)


def test_a_checkout_that_is_no_repository_is_copied_without_its_caches(finished, bundle, checkout):
    shutil.rmtree(checkout / ".git")
    for stray in ("bundle/packages/x.deb", "docs/__pycache__/x.pyc"):
        (checkout / stray).parent.mkdir(parents=True)
        (checkout / stray).touch()
    finished()
    copied = [str(path.relative_to(bundle.folder)) for path in Path(bundle.folder).rglob("*") if path.is_file()]
    assert {"bootstrap", "secret.txt"} <= set(copied)
    assert not {"docs/__pycache__/x.pyc", "bundle/packages/x.deb"} & set(copied)


@pytest.mark.parametrize(
    ("place", "reason"),
    [("devrig/out", "outside of devrig's"), ("full", "is no bundle"), ("50%", "has none of these"), ("other", "jammy")],
)
def test_a_folder_that_cannot_be_a_bundle_is_refused(finished, checkout, tmp_path, place, reason):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "other/bundle").mkdir(parents=True)
    (tmp_path / "other/bundle/made-for").write_text("ubuntu jammy amd64\n")
    refused = bundle_parts.Bundle(str(tmp_path / place), str(tmp_path / "work"))
    with pytest.raises(bundle_parts.Refused, match=reason):
        bundle_parts.begin(refused, str(checkout))
    assert not refused.changed


def test_without_git_there_is_no_bundle(finished, checkout, monkeypatch, tmp_path):
    monkeypatch.setattr(bundle_parts.shutil, "which", lambda _: None)
    with pytest.raises(bundle_parts.Refused, match="apt-get install --no-install-recommends git"):
        bundle_parts.begin(bundle_parts.Bundle(str(tmp_path / "new"), str(tmp_path / "work")), str(checkout))
    assert not (tmp_path / "new").exists()


# --- Packages, by the real apt: from a mirror of one's own into a bundle, and from there to an apt that is told of it.


def deb(folder, name, version, depends=""):
    """Make a package."""
    tree = folder / "tree" / name
    (tree / "DEBIAN").mkdir(parents=True)
    fields = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "m <m@localhost>"}
    fields.update({"Description": "d\n more of it", **({"Depends": depends} if depends else {})})
    (tree / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    run("dpkg-deb", "--build", "-Znone", tree, folder / f"{name}.deb")
    return folder / f"{name}.deb"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Make a mirror with a package that needs another, and name it to apt as the only source."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    packages = [
        deb(folder, "devrig-one", "1:1.0", "devrig-two (>= 2)"),
        deb(folder, "devrig-two", "2.0~x+1", "libc6"),
        deb(folder, "libc6", "2.0"),  # every machine has it; a bundle brings it all the same
    ]
    paragraphs = [
        bundle_plan.stanza(run("dpkg-deb", "--field", path), path.name, path.stat().st_size, sha256(path))
        for path in packages
    ]
    (folder / "Packages").write_text("".join(paragraphs))
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{folder} ./\n")
    sources = f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
    (tmp_path / "machine.conf").write_text(sources)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "machine.conf"))
    return folder


@needs_apt
def test_packages_come_with_all_that_they_need(bundle, mirror, tmp_path):
    environment, lacking = bundle_parts.bare_apt(bundle)
    assert lacking == []
    assert bundle_parts.gather_packages(bundle, ["devrig-one"], environment, str(tmp_path)) == 3
    names = ["Packages", "devrig-one_1.0_all.deb", "devrig-two_2.0~x+1_all.deb", "libc6_2.0_all.deb"]
    assert names_in(bundle.path("packages")) == names
    assert run("dpkg-query", "--show", "dpkg")
    with pytest.raises(subprocess.CalledProcessError):  # for the plan nothing is installed
        run("dpkg-query", "--show", "dpkg", env={**os.environ, **environment})


@needs_apt
def test_a_damaged_package_comes_again_and_what_is_not_asked_for_goes(bundle, mirror, tmp_path):
    bundle_parts.gather_packages(bundle, ["devrig-one"], bundle_parts.bare_apt(bundle)[0], str(tmp_path))
    place = Path(bundle.path("packages", "devrig-two_2.0~x+1_all.deb"))
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    bundle.changed = False
    assert bundle_parts.gather_packages(bundle, ["devrig-two"], bundle_parts.bare_apt(bundle)[0], str(tmp_path)) == 2
    assert bundle.changed
    assert sha256(place) == sha256(mirror / "devrig-two.deb")
    assert not Path(bundle.path("packages", "devrig-one_1.0_all.deb")).exists()
    bundle.changed = False
    bundle_parts.gather_packages(bundle, ["devrig-two"], bundle_parts.bare_apt(bundle)[0], str(tmp_path))
    assert not bundle.changed


@needs_apt
def test_what_apt_has_downloaded_before_is_taken_where_its_sum_is_right(bundle, mirror, tmp_path):
    (tmp_path / "archives").mkdir()
    shutil.copy(mirror / "devrig-two.deb", tmp_path / "archives/devrig-two_2.0~x+1_all.deb")
    (tmp_path / "archives/libc6_2.0_all.deb").write_text("another")
    (mirror / "devrig-two.deb").unlink()
    environment, lacking = bundle_parts.bare_apt(bundle)
    assert lacking == []
    assert bundle_parts.gather_packages(bundle, ["devrig-one"], environment, str(tmp_path / "archives")) == 3
    assert sha256(bundle.path("packages", "libc6_2.0_all.deb")) == sha256(mirror / "libc6.deb")


@needs_apt
def test_reports_an_unreachable_source(bundle, mirror, tmp_path, monkeypatch):
    config, retries = bundle_plan.apt_config, 'Acquire::Retries "3";'  # apt waits longer before each
    assert retries in config(DUMP, "amd64", "/")
    monkeypatch.setattr(
        bundle_plan, "apt_config", lambda *given: config(*given).replace(retries, retries.replace("3", "0"))
    )
    with (tmp_path / "sources.list").open("a") as stream:
        stream.write("deb [trusted=yes] http://127.0.0.1:1/ ./\n")
    (line,) = bundle_parts.bare_apt(bundle)[1]
    assert "127.0.0.1:1" in line


@needs_apt
def test_a_package_that_no_mirror_has_is_said_with_what_to_do(bundle, mirror, tmp_path):
    with pytest.raises(bundle_parts.Refused, match="no package .devrig-three. is in the lists"):
        bundle_parts.gather_packages(bundle, ["devrig-three"], bundle_parts.bare_apt(bundle)[0], str(tmp_path))


@needs_apt
def test_an_apt_in_a_bundle_knows_its_packages_and_no_others(bundle, mirror, tmp_path):
    bundle_parts.gather_packages(bundle, ["devrig-one"], bundle_parts.bare_apt(bundle)[0], str(tmp_path))
    bundle.put_text("", "SHA256SUMS")
    script = CLOSED.read_text().partition("address=")[2]
    (tmp_path / "closed.sh").write_text("address=" + script)
    around = (
        'set -eu; die() { echo "$@"; exit 1; }; make_data() { mkdir -p "$data"; }; here=$1 bundle=$1/bundle data=$2'
    )
    command = f'{around}; . "$3"; apt-cache policy devrig-two; apt-get --simulate install devrig-one'
    shown = run("sh", "-c", command, "sh", bundle.folder, tmp_path / "data", tmp_path / "closed.sh")
    assert "Candidate: 2.0~x+1" in shown
    assert "Inst devrig-one (1:1.0 localhost [all])" in shown
    assert "a%20bundle" in (tmp_path / "data/apt/sources.list").read_text()
