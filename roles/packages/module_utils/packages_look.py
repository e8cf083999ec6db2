"""What there is of packages on a machine, and what has to be done for those that are wanted. Nothing is changed."""

import re

from ansible.module_utils.packages_plan import FORMAT, Refused, missing, packages, pending

SHELLS = "/etc/shells"


def text_of(path):
    """Return the text of a file; nothing where it is not there or not for this user."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def architecture(module):
    """Return the machine's architecture, as dpkg(1) names it."""
    _, native, _ = module.run_command(["dpkg", "--print-architecture"], check_rc=True)
    return native.strip()


def read_packages(module, native):
    """Return (name -> state, names that installed packages provide) of all packages; see packages()."""
    _, listing, _ = module.run_command(["dpkg-query", "-W", "-f", FORMAT], check_rc=True)
    return packages(listing, native)


def refuse_odd(names):
    """Refuse what apt-get would take for something else than the name of a package."""
    odd = [name for name in names if not re.match(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?([=/][^\s]+)?$", name)]
    if odd:
        raise Refused("not a name of a package: %s" % ", ".join(odd))


def look(module, wishes, entries, user):
    """Return what is missing, role -> names; which roles have something to do; the lines of /etc/shells (shells(5)).

    :param module: the AnsibleModule.
    :param wishes: role -> the packages that it wants.
    :param entries: what the machine's ledger knows of packages, name -> entry; empty where nothing is written down.
    :param user: whose roles these are.
    """
    refuse_odd(name for names in wishes.values() for name in names)
    states, provided = read_packages(module, architecture(module))
    lacking = {role: missing(names, states, provided) for role, names in wishes.items()}
    return {
        "lacking": lacking,
        "pending": pending(wishes, lacking, entries, user),
        "shells": text_of(SHELLS).splitlines(),
    }
