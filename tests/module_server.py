"""Run Ansible modules in processes forked from this one, which has already loaded Ansible.

Arguments: the folders of the roles' module_utils. Standard input is a socket: each message on it carries a connection
and the handles for a module's output. The connection brings the request as a line of JSON; it is answered with the
module's process number and, when the module has ended, its exit status as subprocess.Popen.returncode has it.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import sys

import ansible.module_utils
from ansible.module_utils import basic


def serve(control):
    """Start a process for each request until the other end is closed; return the request in the module's process."""
    gc.freeze()
    while True:
        message, handles, _, _ = socket.recv_fds(control, 1, 3)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if message else 0)[0]:
                pass
        if not message:
            sys.exit()
        if os.fork() == 0:
            control.close()
            return supervise(*handles)
        for handle in handles:
            os.close(handle)


def supervise(connection, stdout, stderr):
    """Fork the module's process, report its number and its end; return the request in the module's process."""
    with socket.socket(fileno=connection) as client:
        with client.makefile("rb") as lines:
            request = json.loads(lines.readline())
        module = os.fork()
        if module:
            os.close(stdout)
            os.close(stderr)
            client.sendall(b"%d\n" % module)
            status = os.waitpid(module, 0)[1]
            client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for handle, number in ((stdout, 1), (stderr, 2)):
        os.dup2(handle, number)
        os.close(handle)
    return request


def run(*, path, arguments, folder, environment, umask, constants):
    """Run a module in this process, as Ansible's wrapper does.

    :param constants: name of one of our module_utils -> names in it and the values that they get.
    """
    for name, values in constants.items():
        vars(importlib.import_module(f"ansible.module_utils.{name}")).update(values)
    os.chdir(folder)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = [path]
    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = arguments.encode(), "legacy"
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    del sys.path[0]  # this folder
    ansible.module_utils.__path__.extend(sys.argv[1:])
    run(**serve(socket.socket(fileno=os.dup(0))))
