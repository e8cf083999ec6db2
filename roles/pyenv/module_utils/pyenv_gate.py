"""The import gate, run by the new interpreter itself: imports, scrypt, a TLS handshake. One line a failure on stdout.

Arguments: the modules that have to be there. It is read as text and given to the interpreter, so it keeps to what
CPython 2.7.0 and 3.14 both take.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading

NAME = "localhost"
SECONDS = 20  # for one step of the handshake


def check_imports(names):
    """Import modules by name; return a line for each that fails."""
    failures = []
    for name in names:
        try:
            __import__(name)
        except Exception as error:
            failures.append("%s: %s" % (name, error))
    return failures


def check_scrypt():
    """Hash with scrypt, which needs OpenSSL in _hashlib; Python has it since 3.6 (bpo-27928)."""
    import hashlib

    if sys.version_info >= (3, 6):
        hashlib.scrypt(b"password", salt=b"salt", n=2, r=1, p=1)


def make_certificates(folder):
    """Make an authority and a certificate of a server in a folder, by openssl(1ssl) of the system."""
    config = os.path.join(folder, "config")
    with open(config, "w") as stream:
        stream.write(
            "[req]\ndistinguished_name=name\nprompt=no\n[name]\nCN=%s\n[ca]\nbasicConstraints=critical,CA:true\n"
            "keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
            "[server]\nsubjectAltName=DNS:%s\nbasicConstraints=CA:false\n" % (NAME, NAME)
        )
    keys = {}
    for name in ("ca", "server"):
        keys[name] = os.path.join(folder, name + ".key")
        run_openssl("genrsa", "-out", keys[name], "2048")
    authority, request, certificate = (os.path.join(folder, name) for name in ("ca.pem", "request", "server.pem"))
    run_openssl("req", "-x509", "-new", "-sha256", "-days", "2", "-config", config, "-extensions", "ca", "-subj",
            "/CN=devrig", "-key", keys["ca"], "-out", authority)  # fmt: skip
    run_openssl("req", "-new", "-sha256", "-config", config, "-key", keys["server"], "-out", request)
    run_openssl("x509", "-req", "-sha256", "-days", "2", "-in", request, "-CA", authority, "-CAkey", keys["ca"],
            "-set_serial", "1", "-extfile", config, "-extensions", "server", "-out", certificate)  # fmt: skip
    return authority, certificate, keys["server"]


def run_openssl(*arguments):
    """Run the program of the system, see openssl(1ssl); ValueError with what it says when it fails."""
    process = subprocess.Popen(["openssl"] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.communicate()[0]
    if process.returncode:
        raise ValueError("openssl %s: %s" % (arguments[0], said.decode("utf-8", "replace").strip()[-300:]))


def serve(listener, certificate, key):
    """Answer one connection after the other with one word, over TLS."""
    import socket
    import ssl

    while True:
        try:
            plain = listener.accept()[0]
        except socket.error:
            return
        plain.settimeout(SECONDS)
        try:
            if hasattr(ssl, "SSLContext"):
                context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_SERVER", ssl.PROTOCOL_SSLv23))
                context.load_cert_chain(certificate, key)
                secured = context.wrap_socket(plain, server_side=True)
            else:
                secured = ssl.wrap_socket(plain, key, certificate, server_side=True)
            secured.sendall(b"hello")
            secured.close()
        except (socket.error, ValueError):  # a client that does not trust the server hangs up: that is tried, too
            plain.close()


def connect(port, authority):
    """Shake hands with the server, its chain verified against an authority (None: the system's), and read its word."""
    import socket
    import ssl

    plain = socket.create_connection(("127.0.0.1", port), SECONDS)
    try:
        if hasattr(ssl, "create_default_context"):  # 2.7.9 and 3.4
            secured = ssl.create_default_context(cafile=authority).wrap_socket(plain, server_hostname=NAME)
        else:
            trusted = authority or "/etc/ssl/certs/ca-certificates.crt"
            secured = ssl.wrap_socket(plain, cert_reqs=ssl.CERT_REQUIRED, ca_certs=trusted)
        return secured.recv(5)
    finally:
        plain.close()


def check_tls():
    """Shake hands with a server of our own: a chain that leads to its authority is taken, any other is refused."""
    import socket
    import ssl

    folder = tempfile.mkdtemp(prefix="devrig-gate-")
    listener = socket.socket()
    try:
        authority, certificate, key = make_certificates(folder)
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        server = threading.Thread(target=serve, args=(listener, certificate, key))
        server.daemon = True
        server.start()
        port = listener.getsockname()[1]
        word = connect(port, authority)
        if word != b"hello":
            raise ValueError("the server's word came as %r" % word)
        try:
            connect(port, None)
        except ssl.SSLError:
            return
        raise ValueError("a certificate of nobody's was taken for good")
    finally:
        listener.close()
        shutil.rmtree(folder)


def main(names):
    """Print a line for each thing that fails."""
    failures = check_imports(names)
    for name, check in (("scrypt", check_scrypt), ("TLS handshake", check_tls)):
        try:
            check()
        except Exception as error:
            failures.append("%s: %s" % (name, error))
    for line in failures:
        print(" ".join(line.split()))


if __name__ == "__main__":
    main(sys.argv[1:])
