#!/usr/bin/python
"""Packages that are remembered when devrig adds them, so that these and no others go again."""

DOCUMENTATION = r"""
module: apt_packages
short_description: Put Debian packages in place, and take away those that devrig added
description:
  - C(state=present) installs what is missing, without recommended packages. What comes, dependencies too, is first
    written into the ledger of the machine. It heals a dpkg that was interrupted, waits for apt's lock, brings the lists
    up to date, once more where a mirror lacks what its list says. It removes nothing but what I(replaces) names.
  - C(state=absent) takes away what devrig added for some roles of a user, if no other user wants it, nothing outside
    needs it, and it is nobody's login shell. What was replaced comes back.
  - Without root nothing is changed. The action plugin of this name knows by the task's C(become) whether root may be
    asked.
options:
  names:
    description: The packages, as apt-get takes them.
    type: list
    elements: str
    default: []
  state:
    description: See above.
    type: str
    choices: [present, absent]
    default: present
  user:
    description: Whose ledger entries these are; the action plugin fills it in.
    type: str
  role:
    description: The role that wants the packages; the action plugin fills it in.
    type: str
  roles:
    description: With C(state=absent), the roles that want nothing any more.
    type: list
    elements: str
    default: []
  replaces:
    description: Packages that may be removed for those that are wanted.
    type: list
    elements: str
    default: []
  used_by:
    description: With C(state=absent), folders of programs that stay; the libraries that they are linked with stay too.
    type: list
    elements: path
    default: []
  cache_valid_time:
    description: How long the package lists count as fresh, in seconds.
    type: int
    default: 3600
  wait:
    description: How long to wait for apt's lock, in seconds; with 0 I(busy) is returned instead.
    type: int
    default: 0
  change:
    description: Whether the machine may be changed; where the task does not say it, the action plugin fills it in.
    type: bool
    default: true
"""

RETURN = r"""
missing:
  description: The wanted packages that were not there.
  type: list
  elements: str
  returned: with present
coming:
  description: What would be installed, as far as apt's lists know it.
  type: list
  elements: str
  returned: with present, in check mode
busy:
  description: Who holds apt's lock, where nothing was done for it.
  type: str
  returned: with a wait of 0
kept:
  description: What stays and why, a line a reason.
  type: list
  elements: str
  returned: with absent
"""

import contextlib
import glob
import hashlib
import os
import pwd
import re
import stat
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.devrig_ledger import MACHINE, Ledger, holders, told
from ansible.module_utils.devrig_ledger import Refused as LedgerRefused
from ansible.module_utils.packages_look import SHELLS, architecture, read_packages, refuse_odd, text_of
from ansible.module_utils.packages_plan import (
    GONE,
    LOCKED,
    Refused,
    added,
    advice,
    automatic,
    edited,
    errors,
    exact,
    halfway,
    libraries,
    missing,
    registered_shells,
    released,
    sentence,
    simulated,
    unlisted,
    unnoted,
    want,
    would_remove,
)

LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock")
LISTS = "/var/lib/apt/lists"
STATES = "/var/lib/apt/extended_states"
NSSWITCH = "/etc/nsswitch.conf"
GREATEST = 200 << 20  # bytes of a program that is looked into
BY_HAND = "somebody asked for them since, and they stay"
#: Nobody is there to answer; a configuration that somebody edited stays as it is.
CONFFILES = ("--force-confdef", "--force-confold")
#: dpkg wants ldconfig(8) and start-stop-daemon(8) in PATH, also where it only looks, as a user whose PATH has no sbin.
ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "NEEDRESTART_MODE": "l",
    "PATH": os.pathsep.join([os.environ.get("PATH") or os.defpath, "/usr/sbin", "/sbin"]),
}


def digest(path):
    """Return the md5 of a file, with which dpkg(1) knows configuration files; None where there is none."""
    try:
        with open(path, "rb") as stream:
            return hashlib.md5(stream.read()).hexdigest()  # noqa: S324 - dpkg's own, no secret hangs on it
    except OSError:
        return None


def holder(proc="/proc"):
    """Say who holds one of apt's locks, or None."""
    table = text_of(os.path.join(proc, "locks"))
    for path in LOCKS:
        try:
            found = holders(table, os.stat(path).st_ino)
        except OSError:
            continue
        for process in found:
            command = " ".join(text_of(os.path.join(proc, str(process), "cmdline")).replace("\0", " ").split())
            return "%s is held by process %d%s" % (path, process, " (%s)" % command[:100] if command else "")
    return None


def linked(folders):
    """Return the names of the shared libraries that the programs in folders are linked with."""
    found = set()
    for top in folders:
        if os.path.islink(top):
            continue
        for folder, _, names in os.walk(top):
            for name in names:
                if ".so" in name or os.path.basename(folder) == "bin":
                    found |= libraries(content(os.path.join(folder, name)))
    return found


def content(path):
    """Return the bytes of a file of a user's that root reads: a link, a pipe, a device, a huge file have none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(handle)
        return stream.read(GREATEST) if stat.S_ISREG(found.st_mode) and found.st_size <= GREATEST else b""


def places(path):
    """Return the paths under which a package may list a file, on systems where /bin is a link to /usr/bin."""
    real = {path, os.path.realpath(path)}
    return real | {name[4:] for name in real if name.startswith("/usr/")} | {"/usr" + name for name in real}


def login_shells(users):
    """Return path -> the users whose login shell it is.

    :param users: names that are asked for one by one: LDAP and sssd list nobody, but know who is named.
    """
    found = {user.pw_name: user.pw_shell for user in pwd.getpwall()}
    for name in users:
        with contextlib.suppress(KeyError):
            found[name] = pwd.getpwnam(name).pw_shell
    shells = {}
    for name, shell in sorted(found.items()):
        for path in places(shell) if shell else ():
            shells.setdefault(path, []).append(name)
    return shells


class Apt:
    """The packages of this machine."""

    def __init__(self, module):
        """Read them."""
        self.module = module
        self.end = time.monotonic() + module.params["wait"]
        self.native = architecture(module)
        self.notes = ""
        self.look()

    def look(self):
        """Read the states of all packages."""
        self.states, self.provided = read_packages(self.module, self.native)

    def run(self, argv):
        """Run apt or dpkg; wait while somebody else does. Return (exit status, all that it printed)."""
        while True:
            status, printed, complained = self.module.run_command(argv, environ_update=ENVIRONMENT)
            output = printed + complained
            if not status or not LOCKED.search(output):
                return status, output
            if not self.module.params["wait"]:  # the lock was taken since, or is one that holder() does not see
                self.module.exit_json(changed=False, busy=holder() or errors(output))
            if time.monotonic() > self.end:
                raise Refused(
                    "%s, for longer than %d s (packages_lock_timeout): let it end, then run again"
                    % (holder() or errors(output), self.module.params["wait"])
                )
            time.sleep(2)

    def must(self, argv):
        """Run apt or dpkg and return what it printed; Refused with its errors and what to do."""
        status, output = self.run(argv)
        if status:
            self.fail(output)
        return output

    def fail(self, output):
        """Raise Refused with what to do, and with apt's own errors."""
        said = "\n".join(filter(None, (output, self.notes)))
        raise Refused(". ".join(filter(None, (advice(said), "apt says: %s" % errors(said)))))

    def simulate(self, *arguments):
        """Return (exit status, output) of what apt-get would do. It needs neither root nor a lock."""
        return self.run(["apt-get", "--simulate", "--no-install-recommends"] + list(arguments))

    def refresh(self):
        """Bring the package lists up to date. Where that fails the old ones may do: the failure is kept for later."""
        status, output = self.run(["apt-get", "-q", "-o", "Acquire::Retries=3", "update"])
        self.notes = output if status or "W: Failed to fetch" in output else ""

    def age(self):
        """Return the age of the package lists in seconds; APT_CONFIG may name others than the machine's."""
        _, shown, _ = self.module.run_command(["apt-config", "shell", "lists", "Dir::State::lists/d"])
        found = re.findall(r"^lists='(.*)'$", shown, re.MULTILINE)
        stamps = found if found and found != [LISTS + "/"] else [LISTS, "/var/lib/apt/periodic/update-success-stamp"]
        return time.time() - max([os.stat(path).st_mtime for path in stamps if os.path.exists(path)] or [0])

    def heal(self):
        """End what an interrupted dpkg had begun, and say so."""
        broken = halfway(self.states)
        if not broken and not glob.glob("/var/lib/dpkg/updates/[0-9]*"):
            return
        self.run(["dpkg"] + list(CONFFILES) + ["--configure", "-a"])
        self.look()
        if halfway(self.states):  # killed while it unpacked: apt brings the package again
            self.must(self.install("--no-remove", "--fix-broken"))
            self.look()
        self.module.warn("dpkg had been interrupted and was made whole first: %s" % (" ".join(broken) or "its journal"))

    @staticmethod
    def install(*arguments):
        """Return the command that installs."""
        options = ["Acquire::Retries=3"] + ["Dpkg::Options::=" + option for option in CONFFILES]
        settings = [word for option in options for word in ("-o", option)]
        return ["apt-get", "-q", "--yes", "--no-install-recommends"] + settings + ["install"] + list(arguments)

    def planned(self, names):
        """Return what installing packages would do, with lists that are up to date where that is needed."""
        fresh = self.age() < self.module.params["cache_valid_time"]
        if not fresh:
            self.refresh()
        status, output = self.simulate("install", *names)
        if status and fresh and GONE.search(output):
            self.refresh()
            status, output = self.simulate("install", *names)
        if status:
            self.fail(output)
        return simulated(output)

    def automatic(self):
        """Return the packages that count as brought by others."""
        return automatic(text_of(STATES), self.native)

    def files(self, name):
        """Return the paths that an installed package has brought."""
        plain = name.split(":")[0]
        base = "/var/lib/dpkg/info/"
        candidates = (base + name + ".list", base + "%s:%s.list" % (plain, self.native), base + plain + ".list")
        return next((text for text in map(text_of, candidates) if text), "").splitlines()

    def removable(self, names):
        """Return those of some packages that nothing else needs: what dpkg would remove if these could go.

        Where others take one or the other (alternatives, deb-control(5)), apt's autoremove would keep both.
        """
        if not names:
            return set()
        command = ["dpkg", "--no-act", "--abort-after=%d" % (len(names) + 1), "--remove"]
        status, output = self.run(command + exact(sorted(names), self.states, self.native))
        if status > 1:  # with 1 some are needed
            self.fail(output)
        return set(would_remove(output, self.native)) & set(names)

    def held(self):
        """Return the packages that somebody has put on hold (apt-mark(8))."""
        return set(self.must(["apt-mark", "showhold"]).split())


def present(apt, module, ledger):
    """Install what is missing; return what there is to say."""
    params = module.params
    names, who = params["names"], (params["user"], params["role"])
    lacking = missing(names, apt.states, apt.provided)
    result = {"missing": lacking, "changed": False}
    may = params["change"] and not module.check_mode
    if not lacking:
        if may and unnoted(ledger.section("packages"), names, who):
            with ledger.locked():
                want(ledger.section("packages"), names, who)
                ledger.save()
        return result
    if not params["change"]:
        return result
    result.update(changed=True, diff={"before": "", "after": "".join("%s\n" % name for name in lacking)})
    if module.check_mode:
        status, output = apt.simulate("install", *lacking)  # a bare machine may have no lists: then the names must do
        result["coming"] = lacking if status else sorted(simulated(output).new)
        return result
    if os.geteuid() != 0:
        raise Refused("apt_packages has packages to install and is not root: the task needs become")
    apt.heal()
    lacking = missing(names, apt.states, apt.provided)
    if not lacking:
        return result
    for last in (False, True):
        plan = apt.planned(lacking)
        unwanted = sorted(set(plan.removed) - set(params["replaces"]))
        if unwanted:
            raise Refused(
                "apt would remove %s for %s: remove them yourself, or leave the role %s out"
                % (", ".join(unwanted), ", ".join(lacking), params["role"])
            )
        note(apt, ledger, params, plan)
        guard = [] if plan.removed else ["--no-remove"]
        status, output = apt.run(apt.install(*(guard + lacking)))
        if not status:
            break
        if last or not GONE.search(output):
            apt.fail(output)
        apt.refresh()
    apt.look()
    still = missing(names, apt.states, apt.provided)
    if still:
        raise Refused("apt-get reported success, but %s is not installed" % ", ".join(still))
    result["diff"] = {"before": "", "after": "".join("%s %s\n" % item for item in sorted(plan.new.items()))}
    return result


def note(apt, ledger, params, plan):
    """Write into the ledger what is about to be done."""
    who = (params["user"], params["role"])
    with ledger.locked():
        entries, replaced = ledger.section("packages"), ledger.section("packages_replaced")
        for name in plan.removed:
            if not entries.pop(name, None):
                by = sorted(set(params["replaces"]) & set(plan.new))
                replaced.setdefault(name, {"auto": name in apt.automatic(), "by": by})
        back = [name for name in plan.new if replaced.pop(name, None)]  # it was there before devrig: it only comes back
        added(entries, [name for name in plan.new if name not in back], params["names"], apt.states, who)
        want(entries, params["names"], who)
        for name, version in plan.upgraded.items():
            ledger.section("packages_upgraded").setdefault(name, version)
        ledger.save()


def reasons_to_stay(apt, names, entries, params):
    """Return name -> why a package stays, of those that nobody wants any more."""
    folders = params["used_by"]
    by_hand = set(names) & {name for name, entry in entries.items() if entry["auto"]} - apt.automatic()
    known = {user for entry in entries.values() for user in entry["wanted_by"]} | {params["user"]} - {None}
    shells = login_shells(known)
    elsewhere = ", ".join(unlisted(text_of(NSSWITCH)))
    registered = {place for path in registered_shells(text_of(SHELLS)) for place in places(path)} if elsewhere else ()
    wanted = linked(folders)
    held = apt.held() if names else ()
    unseen = [folder for folder in folders if os.path.islink(folder)]
    reasons = {}
    for name in names:
        files = apt.files(name)
        users = sorted({user for path in files for user in shells.get(path, ())})
        if users:
            reasons[name] = "is the login shell of %s and stays (chsh, then run again)" % ", ".join(users)
        elif registered and registered.intersection(files):
            reasons[name] = (
                "is a shell, and users of %s (%s), who cannot be listed, may have it: it stays (apt-get remove, "
                "when nobody has)" % (elsewhere, NSSWITCH)
            )
        elif wanted.intersection(os.path.basename(path) for path in files):
            reasons[name] = "interpreters in %s are linked with them and stay" % ", ".join(folders)
        elif unseen and any(".so" in os.path.basename(path) for path in files):
            reasons[name] = (
                "libraries that interpreters may be linked with stay, for %s is a link, which root does not follow"
                % ", ".join(unseen)
            )
        elif name in held:
            reasons[name] = "on hold, and stay (apt-mark unhold, then run again)"
        elif name in by_hand:
            reasons[name] = BY_HAND
    return reasons


class Removal:
    """What of devrig's packages goes when some roles of a user do not want it any more, and what stays, and why."""

    def __init__(self, apt, params, ledger):
        """Look; nothing is changed."""
        self.apt = apt
        self.entries = ledger.section("packages")
        self.left, self.leaving = released(self.entries, params["user"], params["roles"])
        there = [name for name in self.leaving if apt.states.get(name) == "installed"]
        self.reasons = reasons_to_stay(apt, there, self.entries, params)
        free = [name for name in there if name not in self.reasons]
        self.going = sorted(apt.removable(free))
        self.blame(sorted(set(free).difference(self.going)))
        self.remains = [name for name in self.leaving if self.is_remainder(name)]
        self.back = {
            name: entry
            for name, entry in ledger.section("packages_replaced").items()
            if set(entry["by"]).issubset(self.going) and apt.states.get(name) != "installed"
        }
        self.forgo()

    def is_remainder(self, name):
        """Say whether only a configuration is left of a package, which was not there before devrig."""
        return self.apt.states.get(name) == "config-files" and not self.entries[name].get("config")

    def blame(self, needed):
        """Find out who needs packages that stay. Where it is what devrig added and somebody wants, nothing is said."""
        if not needed:
            return
        with_them = simulated(self.apt.must(["apt-get", "--simulate", "remove"] + needed + self.going)).removed
        wanted = {name for name, entry in self.left.items() if entry["wanted_by"]}
        others = sorted(set(with_them) - set(needed) - set(self.going) - wanted)
        if others:
            self.reasons.update(dict.fromkeys(needed, "needed by %s, and stay" % ", ".join(others)))

    def act(self):
        """Bring back what was replaced, remove packages, and purge configurations that nobody edited."""
        apt = self.apt
        for name, entry in sorted(self.back.items()):
            apt.must(apt.install(name))
            if entry["auto"]:
                apt.must(["apt-mark", "auto", name])
        apt.look()
        going = [name for name in self.going if apt.states.get(name) == "installed"]  # what came back removed the other
        more = (
            set(simulated(apt.must(["apt-get", "--simulate", "remove"] + going)).removed) - set(going) if going else ()
        )
        if more:
            raise Refused("apt would remove %s too: nothing was removed" % ", ".join(sorted(more)))
        purged = [
            name for name in going + self.remains if not self.entries[name].get("config") and self.is_untouched(name)
        ]
        if going:
            apt.must(["apt-get", "-q", "--yes", "remove"] + going)
            apt.look()
        rest = [name for name in purged if apt.states.get(name) == "config-files"]
        if rest:
            apt.must(["dpkg", "--purge"] + exact(rest, apt.states, apt.native))

    def forgo(self):
        """Bring nothing back for which more would go than devrig's that goes anyway, and what was replaced."""
        may = set(self.going).union(self.back, *[entry["by"] for entry in self.back.values()])
        for name in sorted(self.back):
            _, output = self.apt.simulate("install", name)  # where that fails, so does the installation, and says why
            more = sorted(set(simulated(output).removed) - may)
            if more:
                del self.back[name]
                self.reasons[name] = (
                    "was replaced and does not come back, for apt would remove %s (apt-get install, if that is right)"
                    % ", ".join(more)
                )

    def is_untouched(self, name):
        """Say whether nobody edited a package's configuration; if somebody did, it stays."""
        which = exact([name], self.apt.states, self.apt.native)
        _, conffiles, _ = self.apt.module.run_command(["dpkg-query", "-W", "-f", "${Conffiles}"] + which)
        changed = edited(conffiles, digest)
        if changed:
            self.reasons[name] = "was edited and stays (%s)" % ", ".join(changed)
        return not changed


def absent(apt, module, ledger):
    """Take away what some roles of a user do not want any more; return what there is to say."""
    params = module.params
    may = params["change"] and not module.check_mode
    with ledger.locked(dry=not may):
        if may and ledger.section("packages"):
            apt.heal()
        removal = Removal(apt, params, ledger)
        if not params["change"]:
            names = removal.going + removal.remains
            return {"changed": False, "kept": sentence(dict.fromkeys(names, "stay, for devrig_become is false"))}
        result = {
            "changed": bool(removal.going or removal.remains or removal.back),
            "diff": {
                "before": "".join("%s\n" % name for name in removal.going),
                "after": "".join("%s\n" % name for name in sorted(removal.back)),
            },
        }
        if may:
            if os.geteuid() != 0:
                raise Refused("apt_packages has packages to take away and is not root: the task needs become")
            removal.act()
            settle(apt, ledger, removal)
        result["kept"] = sentence(removal.reasons)
        older = ledger.section("packages_upgraded")
        if older and not ledger.section("packages"):
            said = ", ".join("%s (was %s)" % item for item in sorted(older.items()))
            result["kept"].append("newer than before devrig, and stay so: %s" % said)
            older.clear()
        if may:
            ledger.drop_folders()
    return result


def settle(apt, ledger, removal):
    """Write into the ledger what is left: what went is forgotten, and so is what somebody has asked for since."""
    apt.look()
    for name in removal.leaving:
        if apt.states.get(name) != "installed" or removal.reasons.get(name) == BY_HAND:
            del removal.left[name]
    removal.entries.clear()
    removal.entries.update(removal.left)
    replaced = ledger.section("packages_replaced")
    for name in [name for name in replaced if apt.states.get(name) == "installed"]:
        del replaced[name]


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "user": {"type": "str"},
            "role": {"type": "str"},
            "roles": {"type": "list", "elements": "str", "default": []},
            "replaces": {"type": "list", "elements": "str", "default": []},
            "used_by": {"type": "list", "elements": "path", "default": []},
            "cache_valid_time": {"type": "int", "default": 3600},
            "wait": {"type": "int", "default": 0},
            "change": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        refuse_odd(params["names"])
        apt = Apt(module)
        ledger = Ledger(MACHINE)
        work = {"absent": absent, "present": present}[params["state"]]
        idle = module.check_mode or not params["change"]
        nothing = params["state"] == "present" and not missing(params["names"], apt.states, apt.provided)
        busy = None if idle or nothing or params["wait"] else holder()
        if busy:
            module.exit_json(changed=False, busy=busy)
        module.exit_json(**work(apt, module, ledger))
    except (Refused, LedgerRefused) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=told(error, MACHINE))


if __name__ == "__main__":
    main()
