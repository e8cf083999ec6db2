"""Run Ansible modules in their own processes, to the end or until they are killed."""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path


class ModuleServer:
    """Runs modules in processes that are forked from one with Ansible's code loaded: tests/module_server.py."""

    def __init__(self, folders):
        """Start the server. :param folders: of the roles' module_utils."""
        self.control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, Path(__file__).with_name("module_server.py"), *folders]
        with other:
            self.server = subprocess.Popen(command, stdin=other)

    def run(self, request, started):
        """Run a module; return its (exit status, stdout, stderr).

        :param request: the arguments of module_server.run().
        :param started: is called with the number of the module's process.
        """
        connection, other = socket.socketpair()
        with connection, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            with other:
                socket.send_fds(self.control, [b"."], [other.fileno(), stdout.fileno(), stderr.fileno()])
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile() as lines:
                started(int(lines.readline()))
                status = int(lines.readline())
            for output in (stdout, stderr):
                output.seek(0)
            return status, stdout.read().decode(), stderr.read().decode()

    def close(self):
        """End the server."""
        self.control.close()
        self.server.wait()


class Running:
    """A module that runs in a process of its own."""

    def __init__(self, run):
        """Start it. :param run: takes `started` as run_module's function does, and returns the answer."""
        self.answers, processes = [], queue.SimpleQueue()
        self.thread = threading.Thread(target=lambda: self.answers.append(run(started=processes.put)))
        self.thread.start()
        self.process = processes.get(timeout=60)

    def kill(self):
        """Kill the module if it is running, but not its children."""
        if self.thread.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)
        self.thread.join()

    def answer(self, seconds=60):
        """Wait for its end; return its answer."""
        self.thread.join(seconds)
        (answer,) = self.answers
        return answer
