"""Machines under test, and the mirror of stand-ins that they need."""

import contextlib

from tests.lab.description import describe
from tests.machine import stand_in
from tests.machine.container import READY, Container
from tests.machine.images import Images, archives
from tests.machine.server import Server


@contextlib.contextmanager
def serving(lab, folder):
    """Serve a mirror of stand-ins; yield its server and the settings that point to it."""
    settings = stand_in.make_mirror(folder / "mirror", lab)
    server = Server(folder / "mirror")
    try:
        yield server, stand_in.with_urls(settings, server.url)
    finally:
        server.shutdown()
        server.server_close()


def start(images, state, *options):
    """Start a machine in a state, "bare" or "ready", with settings that point to the running mirror.

    :param options: of podman run.
    """
    machine = Container(images.ensure(state), images.lab, *options)
    machine.suite = images.suite
    try:
        machine.settle(images.settings)
        if state == "ready":
            machine.sh(READY)
    except BaseException:
        machine.remove()
        raise
    return machine


@contextlib.contextmanager
def running(suites, folder, *options):
    """Start a set-up machine of each release; yield the containers' names.

    :param options: of podman run.
    """
    lab = describe(*suites)
    with serving(lab, folder) as (_, settings), contextlib.ExitStack() as stack:
        names = []
        for suite in [suite for suite in suites if suite in lab["images"]]:
            images = Images(suite, lab, stand_in.of_release(settings, suite))
            machine = start(images, "ready", archives(lab, suite, ":O"), *options)
            stack.callback(machine.remove)
            names.append(machine.name)
        yield names
