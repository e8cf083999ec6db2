"""The gate, run as the module runs it: by an interpreter, as text."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GATE = Path(__file__).resolve().parents[2] / "roles/pyenv/module_utils/pyenv_gate.py"


def gate(*names, before=""):
    """Run the gate after some lines of Python; return its lines."""
    script = before + "\n" + GATE.read_text()
    done = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_complete_interpreter_passes_in_silence():
    assert gate("ssl", "zlib", "sqlite3") == []


def test_what_cannot_be_imported_is_named():
    assert gate("ssl", "devrig_no_such_module") == ["devrig_no_such_module: No module named 'devrig_no_such_module'"]


def test_an_interpreter_without_ssl_does_not_pass():
    lines = gate("ssl", "zlib", before="import sys; sys.modules['_ssl'] = None")
    assert [line.partition(":")[0] for line in lines] == ["ssl", "TLS handshake"]


def test_a_hashlib_without_openssl_does_not_pass():
    assert gate(before="import hashlib; del hashlib.scrypt") == ["scrypt: module 'hashlib' has no attribute 'scrypt'"]


def test_a_client_that_verifies_nothing_does_not_pass():
    careless = "import ssl; ssl.create_default_context = lambda cafile=None: ssl._create_unverified_context()"
    assert gate(before=careless) == ["TLS handshake: a certificate of nobody's was taken for good"]


def test_a_client_that_cannot_shake_hands_does_not_pass():
    broken = "import ssl\ndef broken(*_, **__): raise ssl.SSLError('no cipher')\nssl.SSLContext.wrap_socket = broken"
    assert gate(before=broken) == ["TLS handshake: ('no cipher',)"]


@pytest.fixture
def pyenv_gate():
    return importlib.import_module("ansible.module_utils.pyenv_gate")


def test_the_certificates_are_a_chain(pyenv_gate, tmp_path):
    authority, certificate, _ = pyenv_gate.make_certificates(str(tmp_path))
    command = ["openssl", "verify", "-CAfile", authority, "-verify_hostname", "localhost", certificate]
    subprocess.run(command, check=True, capture_output=True)


def test_a_machine_without_openssl_says_so(pyenv_gate, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("openssl") is None
    with pytest.raises(OSError, match="openssl"):
        pyenv_gate.run_openssl("version")
