"""Container images made from Debian's packages: no container registry is needed."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from tests.lab.shell import CommandError, Unavailable
from tests.lab.tools import Tools

MAX_AGE = 14 * 24 * 3600
"""Seconds after which an image is made anew, so that its packages are today's."""

OPTIONS = ("--variant=minbase", "--include=python3,sudo,ca-certificates")

# The user is what people have: plain, with sudo. Its password is locked, so sudo asks for none.
# dpkg need not wait for the disk after each file: what a container holds is thrown away.
CUSTOMIZE = (
    'echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/unsafe-io"',
    'chroot "$1" useradd --create-home --shell /bin/bash --uid 1000 dev',
    'echo "dev ALL=(ALL:ALL) NOPASSWD: ALL" > "$1/etc/sudoers.d/dev"',
    'chmod 0440 "$1/etc/sudoers.d/dev"',
)


def bootstrap_command(suite: str, tar: Path) -> list[str]:
    """Make the command that writes a suite's root file system to tar."""
    hooks = [f"--customize-hook={hook}" for hook in CUSTOMIZE]
    return ["mmdebstrap", *OPTIONS, *hooks, suite, str(tar)]


def image_name(suite: str) -> str:
    """Name a suite's image; its tag changes with the recipe."""
    recipe = json.dumps(bootstrap_command(suite, Path("tar")))
    return f"localhost/devrig-test/{suite}:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def is_fresh(created: int, now: float) -> bool:
    """Tell whether an image made at created (seconds since 1970) may be used at now."""
    return now - created < MAX_AGE


class Images:
    """The suites' images, each made at most once a run."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._run = tools.run
        self._known: dict[str, str | Unavailable] = {}

    def get(self, suite: str) -> str:
        """Give the name of a suite's image, making it if need be. Raises Unavailable."""
        if suite not in self._known:
            try:
                self._known[suite] = self._ensure(suite)
            except Unavailable as error:
                self._tools.report(f"SKIPPED: image {suite}: {error}")
                self._known[suite] = error
        known = self._known[suite]
        if isinstance(known, Unavailable):
            raise known
        return known

    def _ensure(self, suite: str) -> str:
        name = image_name(suite)
        if self._exists(name):
            created = self._run(["podman", "image", "inspect", "--format={{.Created.Unix}}", name])
            if is_fresh(int(created), self._tools.clock()):
                self._tools.report(f"image {suite}: from the cache")
                return name
        start = self._tools.clock()
        self._make(suite, name)
        self._tools.report(f"image {suite}: made in {self._tools.clock() - start:.0f} s")
        return name

    def _exists(self, name: str) -> bool:
        try:
            self._run(["podman", "image", "exists", name])
        except CommandError as error:
            if error.code == 1:
                return False
            raise
        return True

    def _make(self, suite: str, name: str) -> None:
        with self._tools.cache.scratch() as folder:
            tar = folder / f"{suite}.tar"
            try:
                self._run(bootstrap_command(suite, tar))
            except CommandError as error:
                raise Unavailable(error.last_line) from error
            repository = name.partition(":")[0]
            old = self._run(["podman", "images", "--quiet", "--no-trunc", repository]).split()
            new = self._run(["podman", "import", "--quiet", str(tar), name]).strip()
            # Older ones of the suite make room; one that a container still uses stays.
            for image in set(old) - {new}:
                with contextlib.suppress(CommandError):
                    self._run(["podman", "rmi", image])

    def run_inside(self, suite: str, script: str, folder: Path) -> None:
        """Run a shell script as root in a throw-away container, with folder as /out.

        Raises Unavailable (no image) and CommandError (the script failed).
        """
        image = self.get(suite)
        volume = f"--volume={folder}:/out"
        self._run(["podman", "run", "--rm", volume, image, "sh", "-euc", script])
