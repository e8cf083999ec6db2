"""All of it in order, and the description that the scenarios read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.lab import finished, machine, pyenv_mirror, sources, upstream
from tests.lab.images import Images
from tests.lab.pyenv_mirror import Mirror
from tests.lab.shell import LabError, Unavailable
from tests.lab.tools import Tools

SKIPPED_BUILD = "SKIPPED: the build of Python 3.6.8: upstream cannot be reached"


class Report:
    """Lines that tell what was done, each shown at once."""

    def __init__(self, show: Callable[[str], object]) -> None:
        self.lines: list[str] = []
        self._show = show

    def __call__(self, line: str) -> None:
        """Add a line and show it."""
        self.lines.append(line)
        self._show(line)


def mirror_settings(url: str, pyenv: Mirror, plugin: Mirror | None) -> dict[str, str]:
    """Name the product's settings that let it take everything from the mirror at url."""
    settings = {"pyenv_git_url": f"{url}/pyenv.git", "pyenv_version": pyenv.commit}
    if plugin:
        settings["pyenv_virtualenv_git_url"] = f"{url}/pyenv-virtualenv.git"
        settings["pyenv_virtualenv_version"] = plugin.commit
    else:
        settings["pyenv_virtualenv_git_url"] = ""
    settings["pyenv_mirror_url"] = url
    return settings


def available_images(images: Images, suites: Sequence[str]) -> dict[str, str]:
    """Give the images of the suites that can be had. Raises LabError if none can."""

    def image(suite: str) -> str | None:
        try:
            return images.get(suite)
        except Unavailable:
            return None

    wanted = list(dict.fromkeys(suites))
    with ThreadPoolExecutor() as pool:  # they wait for the network in turn with the processor
        names = {suite: name for suite, name in zip(wanted, pool.map(image, wanted), strict=True) if name}
    if not names:
        raise LabError(f"no image can be made of any suite: {', '.join(suites)}")
    return names


def prepare(
    tools: Tools,
    suites: Sequence[str],
    environ: Mapping[str, str],
    probes: Sequence[upstream.Probe] = upstream.PROBES,
) -> dict[str, Any]:
    """Prepare everything and describe it, but for the report. Raises LabError.

    suites: Debian's names of releases; environ: the machine's environment; probes: the questions
    that upstream must answer for the product's own defaults to be tested.
    """
    with tools.cache.locked():
        reason = upstream.unreachable(probes)
        images = Images(tools)
        names = available_images(images, suites)
        bundle = machine.ca_bundle(environ)
        common = {
            "images": names,
            "suites": list(names),
            "ca_bundle": bundle,
            "environment": machine.environment(environ, bundle),
            "apt_archives": {suite: str(tools.cache.apt_archives(suite)) for suite in names},
            "finished": str(finished.prepare(tools.cache)),
        }
        if reason is None:
            tools.report("upstream: reached, the product's own defaults are tested")
            held = [*sources.UPSTREAM.values(), sources.OTHERS]
            chosen = sources.choose_interpreters(names, sources.UPSTREAM, held)
            versions = [sources.OTHERS, *sources.UPSTREAM.values()]
            offer = {"interpreters": chosen, "versions": versions}
            return {**common, "mirror": None, "settings": {}, **offer}
        tools.report(f"upstream: not reached ({reason}), Debian's sources stand in for it")
        return {**common, **_mirrored(tools, images, names, environ)}


def _mirrored(
    tools: Tools,
    images: Images,
    suites: Mapping[str, str],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Make the mirror, and describe it and the settings that lead to it."""
    versions = {row.version: row.sha256 for row in sources.TARBALLS}
    pyenv_root = Path(environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    pyenv, plugin = pyenv_mirror.prepare(tools, images, pyenv_root, versions)
    held = sources.prepare(tools, images, pyenv)
    openssl = sources.prepare_openssl(tools, images)
    tools.report(SKIPPED_BUILD)
    port = machine.free_port()
    url = f"http://127.0.0.1:{port}"
    return {
        "mirror": {"dir": str(tools.cache.mirror), "port": port, "url": url},
        "settings": mirror_settings(url, pyenv, plugin),
        "interpreters": sources.choose_interpreters(suites, sources.MIRRORED, held),
        # The newest first. Without OpenSSL's source there are only those that take any system's.
        "versions": [version for version in held[::-1] if openssl or version == sources.OTHERS],
    }
