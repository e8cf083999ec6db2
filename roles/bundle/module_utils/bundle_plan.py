"""What a bundle holds and what is written into it. Pure functions: nothing is run and nothing is read here.

A bundle is a copy of the checkout, and beside it a folder with all that a set-up would download.
"""

import json
import re
from collections import namedtuple
from urllib.parse import unquote

#: The folder beside the checkout, and what lies in it.
DATA = "bundle"
PACKAGES, REPOSITORIES, SOURCES = "packages", "git", "sources"
INTERPRETERS, WHEELS = "interpreters", "wheels"
SETTINGS, MADE_FOR = "settings.json", "made-for"
#: sha256 of every file, as sha256sum(1) writes and checks it: written last, and taken away before a file is changed.
SUMS = "SHA256SUMS"
#: What was there when a run began: its files may go.
OLD_SUMS = ".old-sums"
#: The branch of a repository that is at its commit: a fetch from a folder brings what a branch holds.
BRANCH = "devrig"
#: Of the checkout: settings are there to be written on the closed machine too, so they have no sum.
FREE = ("inventory",)
#: What lies in a checkout and is none of it: caches, a bundle that it came in, a repository.
STRAY = ("__pycache__", ".git", ".ansible", ".ruff_cache", ".pytest_cache", DATA)
#: How the settings name the folder beside the checkout, wherever that lies.
HERE = "file://{{ playbook_dir | urlencode }}/" + DATA + "/"

#: A package to download: name, version and architecture as apt says them, file: its name in apt's cache, and its sum.
Package = namedtuple("Package", "name version architecture file algorithm digest")
#: A file to fetch: upstream's address, its sha256.
Source = namedtuple("Source", "url sha256")


class Refused(ValueError):
    """What is not done; the message says why and what to do."""


def apt_config(dump, architecture, work):
    """Return the configuration of an apt that knows the machine's sources, and takes nothing for installed.

    :param dump: what `apt-config dump` prints: proxies and logins are in it. Its hooks are left out, which are about
        the machine's own lists, and a value with a quote in it, which cannot be read again.
    :param architecture: the machine's; others that dpkg was told of do not count.
    :param work: folder for lists and caches; the file C(status) in it is empty.
    """
    lines = [line for line in dump.splitlines() if not re.match(r"APT::Update::|DPkg::|CommandLine\b", line)]
    lines = [line for line in lines if line.count('"') == 2]
    own = (
        ("APT::Architectures", architecture),
        ("APT::Install-Recommends", "false"),
        ("APT::Install-Suggests", "false"),
        ("APT::Sandbox::User", "root"),  # the folder may be closed to apt's own user
        ("Acquire::Languages", "none"),
        ("Acquire::ForceHash", "SHA256"),
        ("Acquire::Retries", "3"),
        ("Dir::Etc::main", "/dev/null"),
        ("Dir::Etc::parts", "/dev/null"),
        ("Dir::State", work),
        ("Dir::State::lists", "lists/"),
        ("Dir::State::extended_states", "extended_states"),
        ("Dir::State::status", work + "/status"),
        ("Dir::Cache", work),
        ("Dir::Cache::archives", "archives/"),
        ("Dir::Cache::pkgcache", "pkgcache.bin"),
        ("Dir::Cache::srcpkgcache", "srcpkgcache.bin"),
        ("Dir::Log", work),
    )
    lines += ["#clear %s;" % name for name in ("APT::Architectures", "Acquire::Languages")]
    return "".join("%s\n" % line for line in lines + ['%s "%s";' % pair for pair in own])


def packages(listing):
    """Return what apt would download, a list of Package.

    :param listing: what `apt-get --print-uris install` prints: 'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE SUM.
    """
    found = []
    for name, algorithm, digest in re.findall(r"^'[^']*' (\S+)\.deb \d+ (\w+):([0-9a-f]+)$", listing, re.MULTILINE):
        parts = [unquote(part) for part in name.split("_")]
        found.append(Package(*(parts + [name + ".deb", algorithm.lower(), digest])))
    return found


def place_of(package):
    """Return the name that a package gets, as a mirror has it: without the epoch, whose colon not every disk takes."""
    return "%s_%s_%s.deb" % (package.name, package.version.split(":", 1)[-1], package.architecture)


def wish_of(package):
    """Return how `apt-get download` is asked for just this package."""
    architecture = "" if package.architecture == "all" else ":" + package.architecture
    return "%s%s=%s" % (package.name, architecture, package.version)


def stanza(control, name, size, sha256):
    """Return a package's paragraph of the repository's list (deb822(5)).

    :param control: what `dpkg-deb --field` prints of it.
    :param name: of its file, beside the list.
    """
    return "%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n\n" % (control.strip("\n"), name, size, sha256)


def source_of(definition, version):
    """Return the Source of an interpreter: the one that a machine with xz takes.

    :param definition: text of python-build's: install_package "Python-3.6.8" "ADDRESS#SHA256" ...
    :raises Refused: when none is named with its sum.
    """
    pattern = r'^\s*install_package "Python-%s" "([^"#]+)#([0-9a-f]{64})"' % re.escape(version)
    found = [Source(*pair) for pair in re.findall(pattern, definition, re.MULTILINE)]
    if not found:
        raise Refused("pyenv's definition of Python %s names no source with a sha256" % version)
    return next((source for source in found if source.url.endswith(".xz")), found[0])


def settings_of(chosen, repositories, plugins):
    """Return the settings with which a closed machine takes everything from the bundle.

    :param chosen: settings that say what is in it, name -> value: the same has to be asked for there.
    :param repositories: names of those that are in it.
    :param plugins: vim's, as the setting lists them; the repository of each is called after it.
    """
    git = HERE + REPOSITORIES + "/%s.git"
    addresses = {name: git % name if name in repositories else "" for name in ("pyenv", "pyenv-virtualenv")}
    found = dict(
        chosen,
        preflight_bundle=True,
        pyenv_git_url=addresses["pyenv"],
        pyenv_virtualenv_git_url=addresses["pyenv-virtualenv"],
        pyenv_mirror_url=HERE + SOURCES,
        pyenv_prebuilt_url=HERE + INTERPRETERS,
        pyenv_prebuilt_sha256={},
        vim_plugins=[dict(item, repo=git % ("vim-" + item["name"])) for item in plugins],
        # What a Pipfile asks for is not in it.
        pipenv_verify_install=False,
        devrig_environment={
            "APT_CONFIG": "{{ lookup('ansible.builtin.env', 'APT_CONFIG') }}",  # bootstrap's
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": HERE + WHEELS,
        },
    )
    if "oh-my-zsh" in repositories:
        found["zsh_ohmyzsh_git_url"] = git % "oh-my-zsh"
    return found


def to_json(data):
    """Return data as the text of a file."""
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def system_of(release, architecture):
    """Return what machine a bundle fits, as bootstrap compares it: "debian bookworm amd64".

    :param release: text of /etc/os-release (os-release(5)): lines of NAME=VALUE, quoted as a shell reads them.
    :param architecture: as `dpkg --print-architecture` says it.
    """
    fields = dict(re.findall(r"^(\w+)=[\"']?([^\"'\n]*)", release, re.MULTILINE))
    return "%s %s %s" % (fields.get("ID", "linux"), fields.get("VERSION_CODENAME") or "-", architecture)


def sums_text(sums):
    """Return the text of the list of sums.

    :param sums: path -> sha256.
    """
    return "".join("%s  %s\n" % (sums[path], path) for path in sorted(sums))


def sums_of(text):
    """Return path -> sha256 of the text of a list of sums."""
    return {path: digest for digest, path in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}


def belongs(path):
    """Say whether a file that lies in a checkout may be part of it, where git cannot tell."""
    parts = path.split("/")
    return parts[0] not in STRAY and "__pycache__" not in parts


def summed(path):
    """Say whether a file of a bundle has a sum: all but settings and what is not part of it."""
    parts = path.split("/")
    if parts[0] == DATA:
        return parts[1] not in (SUMS, OLD_SUMS)
    return parts[0] not in FREE and belongs(path)


def refuse_odd(path):
    """Refused where a path would mean something else to apt, curl or a shell (closed.sh says no to the same)."""
    odd = sorted(set(path) & set("%\"'\\#?;$`\n\t"))
    if odd:
        raise Refused("%s: a bundle's folder has none of these in its path: %s" % (path, " ".join(map(repr, odd))))
