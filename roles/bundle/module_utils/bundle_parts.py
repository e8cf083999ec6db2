"""The parts of a bundle, each brought into its folder: packages, repositories, sources, interpreters, wheels, checkout.

What is there and as it should be stays. Before the first change the list of sums goes, so that a bundle in which a run
was killed is never taken for a whole one.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

from ansible.module_utils import bundle_plan as plan
from ansible.module_utils.bundle_plan import Refused
from ansible.module_utils.devrig_git import COMMIT, Failure, address_of, call, cause_of, fetch_arguments
from ansible.module_utils.packages_plan import advice, errors
from ansible.module_utils.pyenv_fetch import answer_of, blocks_of, fetch
from ansible.module_utils.pyenv_prebuilt import ENDING, SUM, Unusable, sha256_of
from ansible.module_utils.pyenv_tree import discard

#: Where apt has kept what it downloaded before.
ARCHIVES = "/var/cache/apt/archives"
OS_RELEASE = "/etc/os-release"
DEFINITIONS = "plugins/python-build/share/python-build"


def read(path):
    """Return the text of a file, nothing where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def digest_of(path, algorithm="sha256"):
    """Return the sum of a file in hex; nothing where there is none that this user may read."""
    try:
        with open(path, "rb") as stream:
            found = hashlib.new(algorithm)
            for block in iter(lambda: stream.read(2**20), b""):
                found.update(block)
            return found.hexdigest()
    except OSError:
        return ""


def run(argv, environment=None, folder=None):
    """Run a program; return (exit status, output, what it complained of)."""
    done = subprocess.run(
        argv,
        cwd=folder,
        env=dict(os.environ, LC_ALL="C", LANGUAGE="C", **(environment or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        errors="surrogateescape",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def must(argv, environment=None, folder=None):
    """Run a program and return its output; Refused with its last words."""
    status, output, complained = run(argv, environment, folder)
    if status:
        raise Refused("%s: %s" % (argv[0], " ".join((complained or output).strip().splitlines()[-3:])))
    return output


def files_below(folder):
    """Return the paths of the files below a folder, from there."""
    found = []
    for place, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(place, name), folder) for name in names]
    return sorted(found)


class Bundle:
    """A bundle's folder."""

    def __init__(self, folder, work):
        """Take the folder, which need not be there.

        :param work: a folder for what is being gathered, on a disk that knows modes and links: a stick may not.
        """
        self.folder = folder
        self.work = work
        self.changed = False

    def path(self, *names):
        """Return a path in the folder beside the checkout."""
        return os.path.join(self.folder, plan.DATA, *names)

    def touch(self):
        """Let the bundle be incomplete: something is about to be changed."""
        if os.path.exists(self.path(plan.SUMS)):
            # Of several runs that were killed each may have left files of its own.
            known = dict(plan.sums_of(read(self.path(plan.OLD_SUMS))), **plan.sums_of(read(self.path(plan.SUMS))))
            self.write_text(self.path(plan.OLD_SUMS), plan.sums_text(known))
            os.unlink(self.path(plan.SUMS))
        self.changed = True

    @staticmethod
    def write_text(path, text, mode=0o644):
        """Write a file as a whole."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        os.replace(path + ".new", path)

    def put_text(self, text, *names):
        """Write a file where it is another."""
        path = self.path(*names)
        if read(path) != text or not os.path.exists(path):
            self.touch()
            self.write_text(path, text)

    def put(self, source, path, program=False):
        """Copy a file where it is another."""
        if digest_of(path) == digest_of(source) and (os.access(path, os.X_OK) or not program):
            return
        self.touch()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(source, path + ".new")
        with contextlib.suppress(PermissionError):  # a stick may know no modes
            os.chmod(path + ".new", 0o755 if program else 0o644)
        os.replace(path + ".new", path)

    def keep(self, part, names):
        """Remove all files and folders of a part but some."""
        folder = self.path(part)
        os.makedirs(folder, exist_ok=True)
        for name in sorted(set(os.listdir(folder)) - set(names)):
            self.touch()
            path = os.path.join(folder, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def fresh(self, *names):
        """Return an empty folder for what is being gathered."""
        path = os.path.join(self.work, *names)
        discard(path)
        os.makedirs(path)
        return path


def begin(bundle, checkout):
    """Begin a bundle in a folder that is empty, not there, or a bundle for a machine of this kind; Refused otherwise.

    :param checkout: the folder that is copied.
    """
    folder = bundle.folder
    for path in (folder, bundle.work):
        plan.refuse_odd(path)
    if (os.path.realpath(folder) + "/").startswith(os.path.realpath(checkout) + "/"):
        raise Refused("%s: name a folder outside of devrig's own, which is copied into it" % folder)
    system = plan.system_of(read(OS_RELEASE), must(["dpkg", "--print-architecture"]).strip())
    made_for = (read(bundle.path(plan.MADE_FOR)).splitlines() or [""])[0]
    if made_for and made_for != system:
        raise Refused("%s is a bundle for %s, and this machine is %s: name another folder" % (folder, made_for, system))
    if not made_for and os.path.isdir(folder) and os.listdir(folder):
        raise Refused("%s is there, and is no bundle: name another folder" % folder)
    if shutil.which("git") is None:
        raise Refused("git is not there: apt-get install --no-install-recommends git")
    if not made_for:
        bundle.put_text(system + "\n", plan.MADE_FOR)


def bare_apt(bundle):
    """Fetch the package lists of the machine's sources, for an apt that takes nothing for installed.

    :return: the environment in which apt and dpkg-query see such a machine, and what could not be fetched, lines.
    """
    work = bundle.fresh("apt")
    for name in ("lists/partial", "archives/partial", "dpkg/info"):
        os.makedirs(os.path.join(work, name))
    for name in ("status", "dpkg/status"):
        Bundle.write_text(os.path.join(work, name), "")
    architecture = must(["dpkg", "--print-architecture"]).strip()
    configuration = os.path.join(work, "apt.conf")
    # A proxy's login may be in it.
    Bundle.write_text(configuration, plan.apt_config(must(["apt-config", "dump"]), architecture, work), 0o600)
    environment = {"APT_CONFIG": configuration, "DPKG_ADMINDIR": os.path.join(work, "dpkg")}
    output = apt(["apt-get", "-q", "update"], environment)
    return environment, [line for line in output.splitlines() if line.startswith("W: Failed to fetch")]


def apt(argv, environment, folder=None):
    """Run apt and return all that it printed; Refused with what to do, and with apt's own errors."""
    status, output, complained = run(argv, environment, folder)
    said = output + complained
    if status:
        raise Refused(". ".join(filter(None, (advice(said), "apt says: %s" % errors(said)))))
    return said


def gather_packages(bundle, names, environment, archives=ARCHIVES):
    """Bring packages with all that they need, down to the C library, and write the repository's list of them.

    :param environment: of bare_apt().
    :param archives: folder of what apt has downloaded before.
    :return: how many they are.
    """
    listing = apt(["apt-get", "-q", "--yes", "--print-uris", "install"] + names, environment)
    wanted = plan.packages(listing)
    places = {package: bundle.path(plan.PACKAGES, plan.place_of(package)) for package in wanted}
    missing = [item for item in wanted if digest_of(places[item], item.algorithm) != item.digest]
    kept = [item for item in missing if digest_of(os.path.join(archives, item.file), item.algorithm) == item.digest]
    for item in kept:
        bundle.put(os.path.join(archives, item.file), places[item])
    rest = [item for item in missing if item not in kept]
    if rest:
        folder = bundle.fresh("packages")
        apt(["apt-get", "-q", "download"] + [plan.wish_of(item) for item in rest], environment, folder)
        for item in rest:
            path = os.path.join(folder, item.file)
            if digest_of(path, item.algorithm) != item.digest:
                raise Refused("%s came otherwise than its list says: run again later" % item.file)
            bundle.put(path, places[item])
        shutil.rmtree(folder)
    bundle.keep(plan.PACKAGES, [os.path.basename(path) for path in places.values()] + ["Packages"])
    paragraphs = [
        plan.stanza(must(["dpkg-deb", "--field", path]), os.path.basename(path), os.path.getsize(path), sha256_of(path))
        for path in sorted(places.values())
    ]
    bundle.put_text("".join(paragraphs), plan.PACKAGES, "Packages")
    return len(wanted)


def gather_repositories(bundle, wanted):
    """Bring repositories, bare ones, each with a branch that is at its commit.

    :param wanted: a list of C(name), C(repo) and C(version), a commit or a tag.
    """
    for item in wanted:
        path = bundle.path(plan.REPOSITORIES, item["name"] + ".git")
        if not is_whole(path, item["version"]):
            made = fetched(bundle.fresh("git"), item)
            bundle.touch()
            for old in (path + ".new", path):
                discard(old)
            shutil.copytree(made, path + ".new", copy_function=shutil.copyfile)
            os.rename(path + ".new", path)
    bundle.keep(plan.REPOSITORIES, [item["name"] + ".git" for item in wanted])


def is_whole(path, version):
    """Say whether a repository is there whole and its branch is at a version."""
    if not os.path.isdir(path):
        return False
    branch = call(["--git-dir", path, "rev-parse", "--verify", "--quiet", "refs/heads/%s" % plan.BRANCH])
    name = version if COMMIT.match(version) else "refs/tags/" + version
    commit = call(["--git-dir", path, "rev-parse", "--verify", "--quiet", name + "^{commit}"])
    if branch[0] or commit[0] or branch[1] != commit[1]:
        return False
    return not call(["--git-dir", path, "fsck", "--full", "--no-dangling", "--no-progress"])[0]


def fetched(path, item):
    """Make a repository in an empty folder out of another, and return its path; Failure says what the matter is."""
    address, version = address_of(item["repo"]), item["version"]
    here = ["--git-dir", path]
    fetching = here + ["fetch", "--quiet", "--no-tags"] + fetch_arguments(address.url) + [address.url]
    branch = "refs/heads/" + plan.BRANCH
    name = version if COMMIT.match(version) else "refs/tags/" + version
    for step in (
        ["init", "--quiet", "--bare", "--template=", path],
        here + ["symbolic-ref", "HEAD", branch],
    ):
        ask(step, item)
    # Not every server gives a commit that no branch is at; then its branches are asked for, too.
    status, _, said = call(fetching + ["+%s:%s" % (name, name if name != version else branch)], path, address)
    if status:
        status, _, said = call(fetching + ["+refs/heads/*:refs/all/*", "+refs/tags/*:refs/tags/*"], path, address)
    if status:
        raise Failure("%s (%s): %s" % (item["name"], address.url, cause_of(said)))
    if call(here + ["rev-parse", "--verify", "--quiet", name + "^{commit}"])[0]:
        raise Failure("%s (%s) has no %s" % (item["name"], address.url, version))
    ask(here + ["update-ref", branch, name + "^{commit}"], item)
    for ref in ask(here + ["for-each-ref", "--format=%(refname)"], item).split():
        if ref not in (branch, name):
            ask(here + ["update-ref", "-d", ref], item)
    ask(here + ["repack", "-a", "-d", "-q"], item)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(path, "FETCH_HEAD"))
    return path


def ask(argv, item):
    """Return what git prints; Failure with its words where it cannot."""
    status, output, said = call(argv)
    if status:
        raise Failure("%s: git %s: %s" % (item["name"], " ".join(argv[-2:]), cause_of(said)))
    return output


def sources_for(bundle, plans, version):
    """Return the Sources of interpreters and of their OpenSSLs.

    :param plans: as the module pyenv_python returns them.
    :param version: of the pyenv in the bundle, whose definitions name them.
    """
    git = bundle.path(plan.REPOSITORIES, "pyenv.git")
    found = []
    for item in plans:
        name = "%s:%s/%s" % (version, DEFINITIONS, item["version"])
        status, definition, _ = call(["--git-dir", git, "show", name])
        if status:
            raise Refused("pyenv %s has no definition of Python %s" % (version, item["version"]))
        found.append(plan.source_of(definition, item["version"]))
        if item["openssl"]:
            found.append(plan.Source(item["openssl"]["url"], item["openssl"]["sha256"]))
    return sorted(set(found))


def gather_sources(bundle, sources, mirror, caches):
    """Bring sources, each a file called by its sha256 (the layout of PYTHON_BUILD_MIRROR_URL).

    :param mirror: address of such a folder, or an empty text; upstream is asked where it has not got one.
    :param caches: folders in which one may lie under its own name.
    """
    for source in sources:
        path = bundle.path(plan.SOURCES, source.sha256)
        if digest_of(path) == source.sha256:
            continue
        places = [os.path.join(folder, os.path.basename(urlsplit(source.url).path)) for folder in caches]
        found = next((place for place in places if digest_of(place) == source.sha256), None)
        bundle.put(found or downloaded(bundle, source, mirror), path)
    bundle.keep(plan.SOURCES, [source.sha256 for source in sources])


def downloaded(bundle, source, mirror):
    """Download a source and return its path; Refused where no address has it."""
    path = os.path.join(bundle.fresh("source"), "file")
    reasons = []
    addresses = (["%s/%s" % (mirror.rstrip("/"), source.sha256)] if mirror else []) + [source.url]
    for address in addresses:
        said = address_of(address).url
        try:
            answer = answer_of(address, False)  # its sum is known: who sends it does not matter
            if answer is None:
                reasons.append("%s: not there" % said)
                continue
            with open(path, "wb") as stream:
                for block in blocks_of(answer, address):
                    stream.write(block)
        except Unusable as error:
            reasons.append(str(error))
            continue
        if sha256_of(path) == source.sha256:
            return path
        reasons.append("%s: its sha256 is another than the one it should have" % said)
    raise Refused("a source cannot be had: %s. A mirror of them: pyenv_mirror_url" % "; ".join(reasons))


def gather_interpreters(bundle, kinds, store, address, pins):
    """Bring finished interpreters, as many as there are; return (versions of these, why others are not used).

    :param kinds: version -> name of the archive, see key_of() in pyenv_prebuilt.py.
    :param store: the machine's folder of archives.
    :param address: of such a folder, or an empty text.
    :param pins: name -> sha256, of those at the address.
    """
    there, unused = [], []
    for version, key in sorted(kinds.items()):
        path = bundle.path(plan.INTERPRETERS, key + ENDING)
        try:
            source = stored(os.path.join(store, key + ENDING))
            if source is None and digest_of(path) and read(path + SUM)[:64] == digest_of(path):
                source = path
            if source is None and address:
                source = os.path.join(bundle.fresh("interpreter"), key + ENDING)
                source = source if fetch(address, key, source, pins) else None
        except (Unusable, OSError) as error:
            unused.append("Python %s: %s" % (version, error))
            source = None
        if source:
            bundle.put(source, path)
            bundle.put_text("%s  %s\n" % (sha256_of(path), key + ENDING), plan.INTERPRETERS, key + ENDING + SUM)
            there.append(version)
    names = [kinds[version] + ENDING for version in there]
    bundle.keep(plan.INTERPRETERS, names + [name + SUM for name in names])
    return there, unused


def stored(path):
    """Return the path of an archive that is what its sum says, None where there is none; Unusable otherwise."""
    if not os.path.exists(path + SUM) or not os.path.exists(path):
        return None
    if read(path + SUM)[:64] != sha256_of(path):
        raise Unusable("%s: its sha256 is another than the one it should have" % path)
    return path


def gather_wheels(bundle, requirements, constraints):
    """Bring Ansible for the machine's own Python, and pip, pipenv and what they need for others.

    :param requirements: path of bootstrap's requirements.
    :param constraints: series -> all that is pinned for it, as text. So nothing has to be resolved, and a pip that runs
        on another Python can do it: it would take the markers of its own.
    """
    work = bundle.fresh("wheels")
    must([sys.executable, "-m", "venv", os.path.join(work, "venv")])
    pip = [os.path.join(work, "venv", "bin", "python"), "-m", "pip", "download", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-cache-dir", "--dest", os.path.join(work, "found")]
    must(pip + ["--only-binary", ":all:", "--requirement", requirements])
    for series, text in sorted(constraints.items()):
        pinned = os.path.join(work, series + ".txt")
        Bundle.write_text(pinned, text + "\n")
        must(pip + ["--no-deps", "--python-version", series, "--requirement", pinned])
    names = os.listdir(os.path.join(work, "found"))
    for name in sorted(names):
        bundle.put(os.path.join(work, "found", name), bundle.path(plan.WHEELS, name))
    bundle.keep(plan.WHEELS, names)
    shutil.rmtree(work)
    return len(names)


def tracked(checkout):
    """Return the paths of the files of a checkout; of one that is no repository, all but what is none of it."""
    if not os.path.exists(os.path.join(checkout, ".git")):
        return [path for path in files_below(checkout) if plan.belongs(path)]
    status, listing, said = call(["-c", "safe.directory=*", "ls-files", "-z"], checkout)
    if status:
        raise Failure("%s: %s" % (checkout, cause_of(said)))
    names = listing.split("\0")[:-1]
    return sorted(name for name in names if os.path.isfile(os.path.join(checkout, name)))


def complete(bundle, checkout, settings, versions):
    """Copy the checkout, write the settings and what it is made for, and at last the sum of every file.

    :param settings: text of the settings.
    :param versions: of the interpreters.
    :return: the size of all, in bytes.
    """
    names = tracked(checkout)
    for name in names:
        source = os.path.join(checkout, name)
        bundle.put(source, os.path.join(bundle.folder, name), os.access(source, os.X_OK))
    bundle.put_text(settings, plan.SETTINGS)
    system = read(bundle.path(plan.MADE_FOR)).splitlines()[0]
    bundle.put_text("%s\nPython %s\n" % (system, " ".join(versions)), plan.MADE_FOR)
    discard(bundle.work)
    known = dict(plan.sums_of(read(bundle.path(plan.OLD_SUMS))), **plan.sums_of(read(bundle.path(plan.SUMS))))
    for name in known:
        path = os.path.join(bundle.folder, name)
        if not name.startswith(plan.DATA + "/") and name not in names and os.path.exists(path):
            bundle.touch()
            os.unlink(path)
    data = [os.path.join(plan.DATA, name) for name in files_below(bundle.path())]
    paths = [path for path in names + data if plan.summed(path)]
    sums = {path: sha256_of(os.path.join(bundle.folder, path)) for path in paths}
    bundle.put_text(plan.sums_text(sums), plan.SUMS)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(bundle.path(plan.OLD_SUMS))
    return sum(os.path.getsize(os.path.join(bundle.folder, path)) for path in paths)
