"""Finished interpreters from an address: a folder that is served, with archives and a file of the sha256 of each."""

import hashlib
import os
import re
import time
from http.client import HTTPException
from netrc import NetrcParseError
from urllib.error import HTTPError

from ansible.module_utils import urls
from ansible.module_utils.devrig_git import address_of
from ansible.module_utils.pyenv_prebuilt import ENDING, SUM, Unusable

#: Seconds without an answer, after which an address is given up.
TIMEOUT = 30
#: Seconds before it is asked again where it may only be busy.
PAUSES = (2, 8)


def answer_of(url, secure, ask=urls.open_url):
    """Return the open answer of an address; None where it has no such file.

    :param url: an address of https, http or file; a login in it is sent to it alone, and not said.
    :param secure: whether an answer that came by plain http is refused.
    :raises Unusable: no answer.
    """
    address = address_of(url)
    options = {"timeout": TIMEOUT, "follow_redirects": "safe", "decompress": False}
    if address.user:
        login = {"url_username": address.user, "url_password": address.password, "force_basic_auth": True}
        options.update(login, unredirected_headers=["Authorization"])
    pauses, unread = list(PAUSES), ""
    while True:
        try:
            answer = ask(address.url, **options)
        except NetrcParseError as error:  # a person's file, which curl may read
            options["use_netrc"] = False
            # What is said of a line has words out of it; what is said without one is of the file's mode.
            why = "its line %s is not as netrc(5) wants it" % error.lineno if error.lineno else error.msg
            unread = "; no login was looked up in ~/.netrc: %s" % why
            continue
        except HTTPError as error:
            if error.code in (404, 410):
                return None
            cause, busy = "%s %s" % (error.code, error.reason), error.code >= 500 or error.code == 429
        # urllib's URLError is an OSError; Ansible's own is not, and old releases have it for all that TLS can meet.
        except (OSError, HTTPException, ValueError, urls.ConnectionError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, FileNotFoundError):
                return None
            cause, busy = str(reason), not isinstance(error, ValueError)
        else:
            if secure and answer.geturl().startswith("http:"):
                raise Unusable("%s leads to plain http" % address.url)
            return answer
        if not (busy and pauses):
            raise Unusable("%s: %s%s" % (address.url, cause, unread))
        time.sleep(pauses.pop(0))


def blocks_of(answer, place):
    """Yield what an answer holds; Unusable where it ends too early."""
    try:
        yield from iter(lambda: answer.read(2**20), b"")
    except (OSError, HTTPException) as error:
        raise Unusable("%s: %s" % (address_of(place).url, error))


def fetch(base, key, path, pins, ask=urls.open_url):
    """Fetch an archive; return its sha256, or None where the address does not have it.

    :param base: the address of the folder.
    :param key: of the interpreter, see key_of().
    :param path: the new file, there as a whole or not at all.
    :param pins: key -> sha256. With any, an archive that is not among them is not taken.
    :param ask: opens an address, as open_url does.
    :raises Unusable: it cannot be fetched, or is another than it should be.
    """
    place = "%s/%s%s" % (base.rstrip("/"), key, ENDING)
    expected = pins.get(key)
    if pins and not expected:
        return None
    if not expected:
        answer = answer_of(place + SUM, not pins, ask)
        if answer is None:
            return None
        match = re.match(r"([0-9a-f]{64})\b", b"".join(blocks_of(answer, place)).decode("ascii", "replace"))
        if not match:
            raise Unusable("%s: no sha256 in it" % address_of(place + SUM).url)
        expected = match.group(1)
    answer = answer_of(place, not pins, ask)
    if answer is None:
        return None
    found = hashlib.sha256()
    try:
        with open(path + ".new", "wb") as stream:
            for block in blocks_of(answer, place):
                found.update(block)
                stream.write(block)
        if found.hexdigest() != expected:
            raise Unusable("%s: its sha256 is another than the one it should have" % address_of(place).url)
        os.replace(path + ".new", path)
    finally:
        if os.path.exists(path + ".new"):
            os.unlink(path + ".new")
    return expected
