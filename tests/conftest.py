"""Make the roles' own modules importable as Ansible makes them, and run them as Ansible does."""

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import ansible.module_utils
import pytest
from ansible.module_utils.common.parameters import PASS_VARS

from tests.modules import ModuleServer, Running

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = [ROOT / "library", *sorted(ROOT.glob("roles/*/library"))]
MODULE_UTILS = sorted(ROOT.glob("roles/*/module_utils"))

ansible.module_utils.__path__.extend(str(folder) for folder in MODULE_UTILS)


def load(path):
    """Import a module of a role's from its path below the repository."""
    name = f"devrig_{Path(path).stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def dotfile():
    return load("roles/dotfile/library/dotfile.py")


@pytest.fixture
def devrig_dotfiles():
    return importlib.import_module("ansible.module_utils.devrig_dotfiles")


@pytest.fixture
def devrig_ledger():
    return importlib.import_module("ansible.module_utils.devrig_ledger")


@pytest.fixture
def git_hooks_config():
    return importlib.import_module("ansible.module_utils.git_hooks_config")


@pytest.fixture
def login_shell():
    return load("roles/zsh/library/login_shell.py")


@pytest.fixture
def starter_project():
    return load("roles/starter/library/starter_project.py")


@pytest.fixture
def pyenv_python():
    return load("roles/pyenv/library/pyenv_python.py")


@pytest.fixture
def pyenv_plan():
    return importlib.import_module("ansible.module_utils.pyenv_plan")


@pytest.fixture
def packages_plan():
    return importlib.import_module("ansible.module_utils.packages_plan")


@pytest.fixture
def packages_look():
    return importlib.import_module("ansible.module_utils.packages_look")


@pytest.fixture
def preflight_look():
    return load("roles/preflight/library/preflight_look.py")


@pytest.fixture
def apt_packages():
    return load("roles/packages/library/apt_packages.py")


@pytest.fixture
def pyenv_host():
    return importlib.import_module("ansible.module_utils.pyenv_host")


@pytest.fixture
def pyenv_recipe():
    return importlib.import_module("ansible.module_utils.pyenv_recipe")


@pytest.fixture
def pyenv_log():
    return importlib.import_module("ansible.module_utils.pyenv_log")


@pytest.fixture
def pyenv_tree():
    return importlib.import_module("ansible.module_utils.pyenv_tree")


@pytest.fixture
def pyenv_build():
    return importlib.import_module("ansible.module_utils.pyenv_build")


@pytest.fixture
def pyenv_prebuilt():
    return importlib.import_module("ansible.module_utils.pyenv_prebuilt")


@pytest.fixture
def pyenv_fetch():
    return importlib.import_module("ansible.module_utils.pyenv_fetch")


@pytest.fixture
def devrig_git():
    return importlib.import_module("ansible.module_utils.devrig_git")


@pytest.fixture
def devrig_checkout():
    return importlib.import_module("ansible.module_utils.devrig_checkout")


@pytest.fixture
def git_checkout():
    return load("roles/checkout/library/git_checkout.py")


def program_of(name):
    """Return the path of a role's own module."""
    (found,) = [path for folder in LIBRARIES for path in folder.glob(f"{name}.py")]
    return str(found)


@pytest.fixture(scope="session")
def module_server():
    server = ModuleServer(MODULE_UTILS)
    yield server
    server.close()


@pytest.fixture
def run_module(tmp_path, module_server):
    """Return a function that runs a module in a process of its own and returns its answer, `invocation` included.

    Options are --check and --diff. `constants` replaces values in our module_utils, which shortens waits:
    {"pyenv_build": {"PAUSES": [0]}}.
    """

    def run(name, params, *options, home=tmp_path, env=None, constants=None, started=lambda process: None):
        assert set(options) <= {"--check", "--diff"}
        own = {
            "_ansible_module_name": name,
            "_ansible_remote_tmp": "~/.ansible/tmp",
            "_ansible_check_mode": "--check" in options,
            "_ansible_diff": "--diff" in options,
        }
        if "inject_invocation" in PASS_VARS:  # from ansible-core 2.21 on it is left out unless asked for
            own["_ansible_inject_invocation"] = True
        umask = os.umask(0)
        os.umask(umask)
        request = {
            "path": program_of(name),
            "arguments": json.dumps({"ANSIBLE_MODULE_ARGS": {**params, **own}}),
            "folder": str(tmp_path),
            "environment": {**os.environ, "HOME": str(home), **(env or {})},
            "umask": umask,
            "constants": constants or {},
        }
        status, stdout, stderr = module_server.run(request, started)
        if not stdout:  # it was killed
            return {"failed": True, "changed": False, "rc": status, "module_stderr": stderr}
        return {"changed": False, **json.loads(stdout.splitlines()[-1])}

    return run


@pytest.fixture
def start_module(run_module):
    """Return a function that takes what run_module's takes, and returns a Running."""
    return lambda *args, **options: Running(functools.partial(run_module, *args, **options))


OPENSSL = """#!/bin/sh
case $1 in genrsa) exec cp "${0%/*}/${3##*/}" "$3" ;; *) exec PROGRAM "$@" ;; esac
"""


@pytest.fixture(scope="session")
def ready_keys(tmp_path_factory):
    """Return a folder with openssl(1ssl) whose keys were made before: the gate's would take most of the time."""
    folder = tmp_path_factory.mktemp("openssl")
    for name in ("ca.key", "server.key"):
        subprocess.run(["openssl", "genrsa", "-out", folder / name, "2048"], check=True, capture_output=True)
    (folder / "openssl").write_text(OPENSSL.replace("PROGRAM", shutil.which("openssl")))
    (folder / "openssl").chmod(0o755)
    return folder


@pytest.fixture
def quick_gate(ready_keys, monkeypatch):
    """Let the gate of interpreters take keys that were made before."""
    monkeypatch.setenv("PATH", f"{ready_keys}:{os.environ['PATH']}")
