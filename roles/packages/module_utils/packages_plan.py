"""What apt and dpkg say, and what follows from it. Pure functions: nothing is run and nothing is read here.

Names are as apt prints them: `zsh`, or `zsh:i386` for another architecture than the machine's own.
"""

import re
from collections import namedtuple

#: States of dpkg(1) in which a package is neither there nor gone.
HALFWAY = ("half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending")

#: How dpkg-query(1) is asked for all packages.
FORMAT = "${Package}\\t${Architecture}\\t${db:Status-Status}\\t${Provides}\\n"

#: What apt says (apt 1.6 to 3.0, locale C) and what to do about it. The first that is found counts.
ADVICE = (
    (
        r"No space left on device|You don't have enough free space in (?P<what>\S+?)\.?$",
        "the disk is full{at}: make room (`apt-get clean` empties /var/cache/apt), then run again; "
        "what dpkg had begun is ended by the next run",
    ),
    (
        r"is not valid yet|not yet valid|is expired|[Cc]ertificate has expired",
        "a mirror's list or certificate has no validity at the time that this machine has: look at its clock (`date`)",
    ),
    (
        r"Temporary failure resolving '(?P<what>[^']+)'|Could not resolve '(?P<what2>[^']+)'"
        r"|Could not connect to (?P<what3>\S+)|Unable to connect to (?P<what4>\S+)"
        r"|[Cc]onnection timed out|Network is unreachable|Connection failed",
        "the mirror{at} is not reached: look at the network, a proxy (http_proxy in devrig_environment), /etc/apt",
    ),
    (
        r"Unable to locate package (?P<what>\S+)|Package '?(?P<what2>[^\s']+)'? has no installation candidate"
        r"|Couldn't find any package by (?:glob|regex) '(?P<what3>[^']+)'",
        "no package{at} is in the lists of what /etc/apt names: a part of the distribution (main, universe) may be "
        "missing there, or devrig_release is not this machine's",
    ),
    (
        r"Failed to fetch (?P<what>\S+)\s+404",
        "the mirror does not have{at}, although its list has it: it is being brought up to date, or it is broken. "
        "Run again later, or name another mirror in /etc/apt",
    ),
    (
        r"Hash Sum mismatch|unexpected size",
        "the mirror sends something else than its list says: it is being brought up to date, or a proxy holds an old "
        "copy. Run again later, or name another mirror in /etc/apt",
    ),
    (
        r"Certificate verification failed|certificate verify failed",
        "the mirror's certificate is not trusted: look at the clock, and whether its CA is in /etc/ssl/certs",
    ),
    (
        r"have unmet dependencies|held broken packages",
        "packages of this machine contradict each other: see what `apt-get --fix-broken install` says",
    ),
)

#: Another process runs apt or dpkg.
LOCKED = re.compile(r"Could not get lock|Unable to (?:acquire|lock)|was locked by another process")

#: What new package lists may cure.
GONE = re.compile(
    r"404\s+Not Found|Hash Sum mismatch|unexpected size|Unable to (?:fetch|locate package)|no installation candidate"
)


#: What apt would do. new: name -> version; upgraded: name -> the version that is there; removed: names.
Simulation = namedtuple("Simulation", "new upgraded removed")


class Refused(Exception):
    """What is not done; the message says why and what to do."""


def bare(name):
    """Return a package's name without what apt-get(8) takes behind it: a version, a release."""
    return re.split("[=/]", name)[0]


def packages(listing, native):
    """Return (name -> state, names that installed packages provide), as dpkg-query(1) lists them by FORMAT.

    :param native: the machine's architecture, as `dpkg --print-architecture` says it.
    """
    states, provided = {}, set()
    for line in listing.splitlines():
        name, architecture, state, provides = line.split("\t")
        if architecture not in (native, "all", ""):
            name = "%s:%s" % (name, architecture)
        states[name] = state
        if state == "installed":
            provided.update(part.split()[0] for part in provides.split(",") if part.strip())
    return states, provided


def missing(names, states, provided):
    """Return those of the wanted names that are not installed, in their order."""
    wanted = list(dict.fromkeys(names))
    return [name for name in wanted if states.get(bare(name)) != "installed" and bare(name) not in provided]


def halfway(states):
    """Return the packages that an interrupted dpkg left neither there nor gone."""
    return sorted(name for name, state in states.items() if state in HALFWAY)


def exact(names, states, native):
    """Return names as dpkg(1) takes them: with the architecture where the same package is there for another one too.

    :param native: the machine's architecture, as `dpkg --print-architecture` says it.
    """
    twins = {name.split(":")[0] for name in states if ":" in name}
    return ["%s:%s" % (name, native) if name in twins else name for name in names]


def simulated(text):
    """Return what `apt-get --simulate` would do, as a Simulation.

    Its lines are `Inst NAME [VERSION NOW] (VERSION ...)`, `Remv NAME [VERSION NOW]` or `Purg ...`, and `Conf ...`,
    which says nothing more.
    """
    new, upgraded = {}, {}
    for name, now, version in re.findall(r"^Inst (\S+) (?:\[([^\]]*)\] )?\((\S+)", text, re.MULTILINE):
        if now:
            upgraded[name] = now
        else:
            new[name] = version
    return Simulation(new, upgraded, re.findall(r"^(?:Remv|Purg) (\S+)", text, re.MULTILINE))


def would_remove(text, native):
    """Return the packages that `dpkg --no-act --remove` would remove.

    Its lines are `Would remove or purge NAME (VERSION) ...`; dpkg(1) names the architecture of what may be there for
    several, apt only one that is not the machine's own.

    :param native: the machine's architecture, as `dpkg --print-architecture` says it.
    """
    return [
        name[: -len(native) - 1] if name.endswith(":" + native) else name
        for name in re.findall(r"^Would remove or purge (\S+) \(", text, re.MULTILINE)
    ]


def advice(output):
    """Return what to do about apt's errors, or an empty text where nobody knows."""
    for pattern, text in ADVICE:
        match = re.search(pattern, output, re.MULTILINE)
        if match:
            what = [found.strip(".:") for found in match.groupdict().values() if found]
            return text.format(at=" (%s)" % what[0] if what else "")
    return ""


def errors(output):
    """Return the first lines in which apt and dpkg say what went wrong, or the last lines where none does."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if re.match(r"E: |W: Failed|dpkg: error", line) or "No space left" in line]
    told = list(dict.fromkeys(told))
    more = ["and %d more" % (len(told) - 3)] if len(told) > 3 else []
    return "; ".join(told[:3] + more or lines[-3:])


def unnoted(entries, names, who):
    """Return those of some packages that devrig added and of which it is not noted that somebody wants them.

    :param who: a user and the role that wants them.
    """
    user, role = who
    ours = [name for name in dict.fromkeys(names) if name in entries]
    return [name for name in ours if role not in entries[name]["wanted_by"].get(user, ())]


def want(entries, names, who):
    """Note that somebody wants packages which devrig added; return whether that is new. who: as for unnoted()."""
    user, role = who
    new = unnoted(entries, names, who)
    for name in new:
        roles = entries[name]["wanted_by"].setdefault(user, [])
        roles.append(role)
        roles.sort()
    return bool(new)


def pending(wishes, lacking, entries, user):
    """Return the roles that have something to do: a package of theirs is missing, or not known to be wanted.

    :param wishes: role -> names of its packages.
    :param lacking: role -> those of these names that are missing.
    :param entries: the ledger's; with none of them only what is missing counts.
    """
    return sorted(role for role, names in wishes.items() if lacking[role] or unnoted(entries, names, (user, role)))


def added(entries, new, asked, states, who):
    """Note packages that are about to be installed.

    :param entries: the ledger's: name -> wanted_by (user -> roles), auto (whether another package brings it) and
        config (only where its configuration was there before).
    :param new: their names.
    :param asked: the names that were asked for; the others come because those need them.
    :param states: name -> state before.
    """
    named = [bare(name) for name in asked]
    for name in new:
        entry = entries.setdefault(name, {"wanted_by": {}, "auto": name not in named})
        if states.get(name) == "config-files":
            entry["config"] = True
    want(entries, new, who)


def released(entries, user, roles):
    """Return (entries as they are when some of a user's roles want nothing any more, names that nobody wants then)."""
    left = {}
    for name, entry in entries.items():
        wanted = dict(entry["wanted_by"])
        wanted[user] = [role for role in wanted.get(user, ()) if role not in roles]
        left[name] = dict(entry, wanted_by={who: whose for who, whose in wanted.items() if whose})
    return left, sorted(name for name, entry in left.items() if not entry["wanted_by"])


def automatic(text, native):
    """Return the packages that a state file of apt's calls brought by others."""
    found = set()
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        if fields.get("Auto-Installed") == "1":
            name, architecture = fields.get("Package", ""), fields.get("Architecture", native)
            found.add(name if architecture in (native, "all") else "%s:%s" % (name, architecture))
    return found


def libraries(data):
    """Return the names of shared libraries in a program's bytes; those it is linked with are among them (elf(5))."""
    return {name.decode() for name in re.findall(rb"\x00(lib[A-Za-z0-9_+.-]+\.so[0-9.]*)(?=\x00)", data)}


def unlisted(nsswitch):
    """Return the sources of users that nobody can be sure to have listed by getpwent(3).

    :param nsswitch: the text of /etc/nsswitch.conf (nsswitch.conf(5)): `passwd: files systemd [NOTFOUND=return] sss`.
    """
    found = []
    for line in nsswitch.splitlines():
        database, _, sources = line.split("#", 1)[0].partition(":")
        if database.strip() == "passwd":
            found += re.sub(r"\[[^\]]*\]", " ", sources).split()
    return [name for name in found if name not in ("files", "compat", "systemd")]


def registered_shells(text):
    """Return the paths that the text of /etc/shells names (shells(5))."""
    lines = [line.split("#", 1)[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def edited(conffiles, digest):
    """Return the configuration files that are not as their package brought them.

    :param conffiles: dpkg-query's field Conffiles: lines of a path, its md5, perhaps `obsolete`.
    :param digest: gives a path's md5, None where there is no file.
    """
    rows = [line.split() for line in conffiles.splitlines() if line.strip()]
    return [row[0] for row in rows if len(row) > 1 and row[1] != "newconffile" and digest(row[0]) not in (None, row[1])]


def sentence(reasons):
    """Return why packages stay, as text: packages with the same reason in one line.

    :param reasons: name -> reason.
    """
    grouped = {}
    for name, reason in sorted(reasons.items()):
        grouped.setdefault(reason, []).append(name)
    return ["%s: %s" % (reason, " ".join(names)) for reason, names in grouped.items()]
