"""Machines under test, and the mirror of stand-ins that they need."""

import contextlib

from tests.lab.description import describe
from tests.machine import stand_in
from tests.machine.container import READY, Container
from tests.machine.images import Images, archives
from tests.machine.server import Server


@contextlib.contextmanager
def serving(lab, folder):
    """Serve a mirror of stand-ins; give its server and the product's settings that lead to it."""
    settings = stand_in.make_mirror(folder / "mirror", lab)
    server = Server(folder / "mirror")
    try:
        yield server, stand_in.with_urls(settings, server.url)
    finally:
        server.shutdown()
        server.server_close()


def start(images, state, *options):
    """Start a machine in a state, "bare" or "ready", whose settings lead to today's mirror.

    :param options: of podman run.
    """
    machine = Container(images.ensure(state), images.lab, *options)
    machine.suite = images.suite
    machine.settle(images.settings)
    if state == "ready":
        machine.sh(READY)
    return machine


@contextlib.contextmanager
def lent(suites, folder, *options):
    """Start a machine of each release that is set up; give their containers' names.

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
