"""Images of machines under test, bare or set up. An image is kept until something it is made from changes."""

import fcntl
import hashlib
import json
import os
import subprocess
from pathlib import Path

from tests.lab.cache import cache_root
from tests.machine.container import ROOT, Container
from tests.machine.life import LIVED_IN, live_in

#: Folders that a set-up does not read.
UNUSED = ("tests/", "molecule/", "docs/", ".github/", ".ci/")
#: States of a machine; each image is built from the one before.
STATES = ("bare", "ready")


def checkout_digest(root=ROOT):
    """Return a digest of the files that a set-up reads: the names and contents that git would commit."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    digest = hashlib.sha256()
    for name in sorted(filter(None, names)):
        path = Path(root, name)
        if not name.startswith(UNUSED) and path.is_file():
            digest.update(b"%s\0%o\0%s\0" % (name.encode(), path.stat().st_mode & 0o111, path.read_bytes()))
    return digest.hexdigest()


def archives(lab, suite, how=""):
    """Return podman's option for the folder of downloaded packages.

    :param how: ":O" for an overlay, because apt locks the folder.
    """
    return f"--volume={lab['apt_archives'][suite]}:/var/cache/apt/archives{how}"


class Images:
    """The images of one release.

    :param lab: what the laboratory says of itself.
    :param settings: the product's settings. Those with addresses are ignored, because the port changes.
    """

    def __init__(self, suite, lab, settings):
        self.suite, self.lab, self.settings = suite, lab, settings
        base = _podman("image", "inspect", "--format={{.Id}}", lab["images"][suite]).strip()
        lasting = {name: value for name, value in settings.items() if not name.endswith("_url")}
        recipe = json.dumps([base, checkout_digest(), lasting, LIVED_IN], sort_keys=True)
        self._digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]

    def name(self, state):
        """Return the name of the image in a state, "bare" or "ready"."""
        return f"localhost/devrig-machine/{self.suite}-{state}:{self._digest}"

    def is_there(self, state):
        """Tell whether the image was made."""
        return subprocess.run(["podman", "image", "exists", self.name(state)], check=False).returncode == 0

    def keep(self, container, state):
        """Commit a running container as the image. Remove older images unless they are in use."""
        repository = self.name(state).partition(":")[0]
        old = set(_podman("images", "--quiet", "--no-trunc", repository).split())
        container.keep(self.name(state))
        for image in old - set(_podman("images", "--quiet", "--no-trunc", self.name(state)).split()):
            subprocess.run(["podman", "rmi", image], capture_output=True, check=False)

    def ensure(self, state):
        """Build the image if it is missing, under a lock; return its name."""
        with (cache_root(os.environ) / f"{self.suite}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for each in STATES[: STATES.index(state) + 1]:
                if not self.is_there(each):
                    self._make(each)
        return self.name(state)

    def _make(self, state):
        image = self.lab["images"][self.suite] if state == "bare" else self.name("bare")
        container = Container(image, self.lab, archives(self.lab, self.suite))
        try:
            container.settle(self.settings)
            if state == "bare":
                container.check_out()
                container.root("apt-get -qq update")
            else:
                live_in(container)
                container.bootstrap(check=True)
            self.keep(container, state)
        finally:
            container.remove()


def _podman(*arguments):
    return subprocess.run(["podman", *arguments], check=True, capture_output=True, text=True).stdout
