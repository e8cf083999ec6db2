"""What of the machine's surroundings a container is given: an own CA, an index, proxies, a port."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path

CA_IN_CONTAINER = "/usr/local/share/devrig-test/ca.crt"
CA_SOURCES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
CA_SETTINGS = (*CA_SOURCES, "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")

LOOPBACK = ("127.0.0.1", "localhost")


def ca_bundle(environ: Mapping[str, str]) -> str | None:
    """Find the CA bundle that the machine's environment names, if it is there."""
    for name in CA_SOURCES:
        if environ.get(name) and Path(environ[name]).is_file():
            return str(Path(environ[name]).absolute())
    return None


def environment(environ: Mapping[str, str], bundle: str | None) -> dict[str, str]:
    """Choose the variables for a container: the CA as mounted there, the index, the proxies.

    With a proxy, loopback is named in no_proxy: the mirror is served there.
    """
    chosen = dict.fromkeys(CA_SETTINGS, CA_IN_CONTAINER) if bundle else {}
    if environ.get("PIP_INDEX_URL"):
        chosen["PIP_INDEX_URL"] = environ["PIP_INDEX_URL"]
    names = (name for name in environ if name.lower().endswith("_proxy"))
    proxies = {name: environ[name] for name in sorted(names) if environ[name]}
    if proxies:
        own = proxies.get("no_proxy") or proxies.get("NO_PROXY") or ""
        hosts = [host for host in re.split(r"[,\s]+", own) if host]
        hosts += [host for host in LOOPBACK if host not in hosts]
        proxies["no_proxy"] = proxies["NO_PROXY"] = ",".join(hosts)
    return {**chosen, **proxies}


def free_port() -> int:
    """Find a free TCP port on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
