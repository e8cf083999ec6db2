"""git as it is used for checkouts of devrig's: without hooks and questions, with an end, and with no secret in it."""

import collections
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time
from urllib.parse import unquote, urlsplit, urlunsplit

from ansible.module_utils.devrig_ledger import Refused

#: Seconds before a repository that could not be had is asked again.
PAUSES = (2, 8)
#: Seconds that one attempt may take. A server that sends nothing is left sooner, see OPTIONS.
LIMIT = 1800
#: For every call. What a person has in ~/.gitconfig for work of their own must not decide here: hooks, templates, line
#: ends, checks that old repositories do not pass (Oh My Zsh has modes with zeros in front). Proxies and CAs do count.
OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.quotePath=false",
    "advice.detachedHead=false",
    "fetch.fsckObjects=false",
    "transfer.fsckObjects=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "fetch.prune=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
)
#: What a hook or an alias leaves in the environment of what it starts (git rev-parse --local-env-vars).
FOREIGN = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
    *("GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_CONFIG_PARAMETERS"),
    *("GIT_TEMPLATE_DIR", "GIT_REFLOG_ACTION"),
)
#: Hands the login of a URL to git by the environment, which other users cannot read as they can read arguments.
HELPER = (
    '!f() { [ "$1" != get ] || printf "username=%s\\npassword=%s\\n" "$DEVRIG_GIT_USER" "$DEVRIG_GIT_PASSWORD"; }; f'
)
COMMIT = re.compile(r"[0-9a-f]{40}$")

#: What git said in the locale C -> what it means and what to do. The first that is found counts.
CAUSES = (
    (r"No space left on device|Disk quota exceeded", "the disk is full: make room, then run again"),
    (
        r"Could not resolve host|Temporary failure in name resolution",
        "its name is not known: is there a network? A proxy goes into devrig_environment",
    ),
    (
        r"certificate|SSL|TLS",
        "its certificate is not trusted: is the clock right? An own CA goes into devrig_environment (GIT_SSL_CAINFO)",
    ),
    (r"timed out|too slow|Timeout was reached|devrig: no end", "it did not answer in time"),
    (
        r"Authentication failed|could not read Username|could not read Password|error: 40[13]|Permission denied",
        "it wants a login that it was not given",
    ),
    (r"error: 404|[Nn]ot found|does not appear to be a git repository|does not exist", "there is no such repository"),
    (r"error: 5\d\d", "the server has a fault of its own: try again later"),
    (r"Connection refused|Failed to connect|Couldn't connect", "nobody answers there"),
)
#: Causes that another attempt does not cure.
PERMANENT = re.compile(
    r"No space left|quota exceeded|certificate problem|Authentication failed|could not read (Username|Password)"
    r"|error: 40[134]|[Nn]ot found|does not appear to be a git repository|does not exist|dubious ownership"
)

#: url: without a login; user, password: of the login, None where there is none.
Address = collections.namedtuple("Address", "url user password")


class Failure(Exception):
    """Something that git could not do; the message says why and what to do."""


def address_of(repo):
    """Split the login off a URL of http or https. In others there is none that is secret: ssh's user is no secret."""
    parts = urlsplit(repo) if re.match(r"https?://", repo) else None
    if not parts or "@" not in parts.netloc:
        return Address(repo, None, None)
    login, host = parts.netloc.rsplit("@", 1)
    user, _, password = login.partition(":")
    return Address(urlunsplit(parts._replace(netloc=host)), unquote(user), unquote(password))


def secrets_of(address, repo):
    """Return what must not be in any message: the login as it is written in the URL, and what it means."""
    if address.user is None:
        return set()
    login = repo.split("://", 1)[1].split("/", 1)[0].rsplit("@", 1)[0]
    # A user with a password is a name; one without is a token.
    written = login.split(":", 1)[1] if ":" in login else login
    return {part for part in (login, written, address.password or address.user) if part}


def keep_secret(module, repos):
    """Keep the logins of URLs out of what a module logs and says.

    Its parameter with the URLs has no_log, which keeps all of it out of the log; of what is said, only the logins go.
    """
    module.no_log_values.clear()
    module.no_log_values.update(secret for repo in repos for secret in secrets_of(address_of(repo), repo))


def cause_of(said):
    """Return what git's words mean and what to do; its own last words where they are not known."""
    for pattern, meaning in CAUSES:
        if re.search(pattern, said):
            return meaning
    lines = [line for line in said.splitlines() if re.match(r"(fatal|error|remote):", line)] or said.splitlines()
    return lines[-1] if lines else "git ended without a word"


def die_with_parent():
    """Let the kernel end this process when the one that started it is killed (prctl(2), PR_SET_PDEATHSIG)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def environment(address=None):
    """Return the environment of a git that asks nobody, in the locale C."""
    found = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    found.update(LC_ALL="C", LANGUAGE="", GIT_TERMINAL_PROMPT="0", GIT_ASKPASS="", GIT_OPTIONAL_LOCKS="0")
    found.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15")
    if address and address.user is not None:
        found.update(DEVRIG_GIT_USER=address.user, DEVRIG_GIT_PASSWORD=address.password or "")
    return found


def call(argv, folder="/", address=None):
    """Run git; return (exit status, output, what it said).

    :param folder: where it works: a process that is seen there by others is at it.
    """
    options = list(OPTIONS)
    if address and address.user is not None:
        options += ["credential.helper=", "credential.helper=" + HELPER]
    command = ["git"] + [part for option in options for part in ("-c", option)] + argv
    git = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(address),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent,  # noqa: PLW1509 (a module has no threads)
    )
    late = ""
    try:
        output, said = git.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        git.terminate()  # it ends its children, and takes its lock files away
        late = "\ndevrig: no end after %d s" % LIMIT
        try:
            output, said = git.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            git.kill()
            output, said = git.communicate()
    return git.returncode, output.decode("utf-8", "surrogateescape"), said.decode("utf-8", "replace") + late


def fetch_arguments(url):
    """Return what a fetch of a URL needs: one on the same machine may be another user's."""
    local = url.startswith(("/", "file://", "~", "."))
    return ["--upload-pack", "git -c safe.directory=* upload-pack"] if local else []


class Repository:
    """A folder with a .git, and only that one: git must not take the one of a home folder above it."""

    def __init__(self, folder):
        """Take the folder; it need not be a repository yet."""
        self.folder = folder
        self.gitdir = git_folder(folder)

    def run(self, *argv, address=None):
        """Run git in it; return (exit status, output, what it said)."""
        return call(["--git-dir", self.gitdir, "--work-tree", self.folder] + list(argv), self.folder, address)

    def ask(self, *argv):
        """Return what git prints; Failure with git's own words where it cannot."""
        status, output, said = self.run(*argv)
        if status:
            raise Failure("git %s in %s: %s" % (argv[0], self.folder, cause_of(said)))
        return output

    def lines(self, *argv):
        """Return the parts, ended by a NUL, that git prints."""
        return self.ask(*argv).split("\0")[:-1]

    def head(self):
        """Return (commit, branch or None) of HEAD, with no git needed; (None, branch) where there is no commit."""
        text = read(os.path.join(self.gitdir, "HEAD")).strip()
        if COMMIT.match(text):
            return text, None
        if not text.startswith("ref: refs/heads/"):
            return None, None
        ref = text[len("ref: ") :]
        return self.ref(ref), ref[len("refs/heads/") :]

    def ref(self, name):
        """Return the commit that a loose or packed ref names, or None."""
        common = os.path.join(self.gitdir, read(os.path.join(self.gitdir, "commondir")).strip() or ".")
        text = read(os.path.join(common, name)).strip()
        if COMMIT.match(text):
            return text
        for line in read(os.path.join(common, "packed-refs")).splitlines():
            if line[41:] == name and COMMIT.match(line[:40]):
                return line[:40]
        return None

    def commit_of(self, version):
        """Return the commit that a version is here, a commit's 40 digits or a tag; None where that is not known."""
        names = [version] if COMMIT.match(version) else ["refs/devrig/tags/" + version, "refs/tags/" + version]
        for name in names:
            status, output, _ = self.run("rev-parse", "--verify", "--quiet", name + "^{commit}")
            if not status:
                return output.strip()
        return None

    def changed(self):
        """Return the tracked files that differ from HEAD or from the index, with letters as git-status(1) has them."""
        parts, found = self.lines("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames"), {}
        for part in parts:
            found[part[3:]] = part[:2]
        return found

    def deleted(self):
        """Return the tracked files that are not there; empty where nobody can tell."""
        return self.lines("ls-files", "-z", "--deleted")

    def others(self, generated=()):
        """Return what is there and no part of the repository, ignored or not, but for what programs generate.

        :param generated: such files and folders, as paths below the repository's folder; bytecode always is.
        """
        return [
            name
            for name in self.lines("ls-files", "-z", "--others")
            if not any((name + "/").startswith(made + "/") for made in generated)
            and "__pycache__" not in name.split("/")
        ]

    def own_commits(self):
        """Return a commit that neither a branch nor a tag of the origin's holds, also a stashed one, or None."""
        known = ["--remotes", "--glob=refs/devrig"]
        if not self.ask("for-each-ref", "--count=1", "refs/devrig/tags"):
            known.append("--tags")
        own = ["HEAD", "--branches", "--tags"] + (["refs/stash"] if self.ref("refs/stash") else [])
        return self.ask("rev-list", "--max-count=1", *(own + ["--not"] + known)).strip() or None

    def loose_head(self):
        """Say whether HEAD is at a commit that no branch, tag or remote holds."""
        return bool(self.ask("rev-list", "--max-count=1", "HEAD", "--not", "--branches", "--tags", "--remotes",
                             "--glob=refs/devrig").strip())  # fmt: skip

    def half_done(self, commit, names):
        """Return those of the names that are no files of a commit, whole or half, as a killed checkout leaves them."""
        rest = []
        for name in names:
            path = os.path.join(self.folder, name)
            if not os.path.lexists(path):
                continue
            status, wanted, _ = self.run("cat-file", "blob", "%s:%s" % (commit, name))
            try:
                with open(path, "rb") as stream:
                    there = stream.read()
                if os.path.islink(path):
                    there = os.fsencode(os.readlink(path))
            except OSError:
                status = 1
            if status or not wanted.encode("utf-8", "surrogateescape").startswith(there):
                rest.append(name)
        return rest

    def locks(self):
        """Return the lock files in it: of what is at work, or of what was killed."""
        found = [entry.path for entry in os.scandir(self.gitdir) if entry.name.endswith(".lock")]
        for folder, _, names in os.walk(os.path.join(self.gitdir, "refs")):
            found += [os.path.join(folder, name) for name in names if name.endswith(".lock")]
        return sorted(found)

    def debris(self):
        """Return the unfinished packs of fetches that were killed."""
        folder = os.path.join(self.gitdir, "objects", "pack")
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [os.path.join(folder, name) for name in names if name.startswith(("tmp_", ".tmp-"))]

    def processes(self):
        """Return the living processes of git that work in it: "1234 (git gc)"."""
        return processes_in([self.folder, self.gitdir], "git")

    def fetch(self, address, version, depth, ours):
        """Bring what is missing of a version; return its commit.

        :param depth: of history, 0 for all. A server that cannot do that (a plain folder of files) is asked for all.
        :param ours: whether its branches and tags are devrig's to set; a person's own are not touched.
        """
        origin = fetch_arguments(address.url) + [address.url]
        name = os.path.join(self.gitdir, "FETCH_HEAD")
        fresh = not os.path.exists(name)
        tags = ["+refs/tags/*:refs/devrig/tags/*"]
        refs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"] if ours else []
        refs = refs or ["+refs/heads/*:refs/devrig/heads/*"]
        one = ["+%s:refs/devrig/commits/%s" % (version, version)]
        if not COMMIT.match(version):
            one = ["+refs/tags/%s:refs/devrig/tags/%s" % (version, version)]
        quiet = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"]
        try:
            if depth:
                self.run(*(quiet + ["--depth", str(depth)] + origin + one), address=address)
                found = self.commit_of(version)
                if found:
                    return found
            self.insist(quiet + origin + refs + tags, address)
            if not self.commit_of(version) and COMMIT.match(version):
                self.run(*(quiet + origin + one), address=address)  # a commit that no branch holds any more
        finally:
            if fresh and os.path.exists(name):
                os.unlink(name)
        return self.commit_of(version)

    def insist(self, argv, address):
        """Run git, again where a server may only have been busy; Failure says what the matter is."""
        for pause in PAUSES + (None,):
            status, _, said = self.run(*argv, address=address)
            if not status:
                return
            if pause is None or PERMANENT.search(said):
                raise Failure(cause_of(said))
            time.sleep(pause)


def read(path):
    """Return the text of a file, nothing where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""


def git_folder(folder):
    """Return the path of a repository's own folder: .git, or what that names as a file (gitrepository-layout(5))."""
    path = os.path.join(folder, ".git")
    if os.path.isfile(path):
        text = read(path).strip()
        if text.startswith("gitdir: "):
            return os.path.normpath(os.path.join(folder, text[len("gitdir: ") :]))
    return path


def processes_in(folders, name=""):
    """Return the living processes that have their folder or an open file in one of the folders: "1234 (git gc)".

    :param name: how the program's name begins; empty for all.
    """
    roots = tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)
    found = []
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        if pid == os.getpid():
            continue
        place = "/proc/%d" % pid
        try:
            if not read(place + "/comm").startswith(name):
                continue
            handles = ["%s/fd/%s" % (place, handle) for handle in os.listdir(place + "/fd")]
            targets = [link_of(path) for path in [place + "/cwd"] + handles]
            if any((target + os.sep).startswith(roots) for target in targets):
                words = read(place + "/cmdline").split("\0")[:-1]
                # Not the whole line: there may be a login in it.
                said = [os.path.basename(words[0])] + words[1:2] if words else [read(place + "/comm").strip()]
                found.append("%d (%s)" % (pid, " ".join(word for word in said if "://" not in word)))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def link_of(path):
    """Return what a link of /proc names; nothing where that cannot be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def owned(path):
    """Refused where a path is another user's: git would not work there, and neither would the user."""
    if os.path.lexists(path) and os.stat(path).st_uid != os.geteuid():
        raise Refused(
            "%s belongs to another user (number %d): give it back with chown -R, then run again"
            % (path, os.stat(path).st_uid)
        )
