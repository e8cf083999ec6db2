"""apt_packages: what apt and dpkg say is read rightly, and what follows from it costs nobody a package."""

import importlib.util
import os
import types
from pathlib import Path
from unittest.mock import MagicMock

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: As Debian 12's apt says it, shortened.
SIMULATION = """\
NOTE: This is only a simulation!
Reading package lists...
Inst zsh-common (5.9-4 Debian:12.15/oldstable [all])
Inst libssl3 [3.0.15-1] (3.0.17-1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])
Remv libssl-dev [3.0.15-1] [needs-libssl-dev:amd64 ]
Inst zsh (5.9-4+b15 Debian:12.15/oldstable [amd64]) []
Inst libc6:i386 (2.36-9 Debian:12.15/oldstable [i386])
Conf zsh-common (5.9-4 Debian:12.15/oldstable [all])
Purg old-thing [1.0]
"""

LISTING = (
    "zsh\tamd64\tinstalled\t\n"
    "libc6\tamd64\tinstalled\t\n"
    "libc6\ti386\tunpacked\t\n"
    "mawk\tamd64\tinstalled\tawk\n"
    "git\tamd64\tconfig-files\t\n"
    "less\tall\thalf-configured\t\n"
    "vim\tamd64\tinstalled\teditor, vim-python (= 9.0)\n"
)


def test_a_simulation_says_what_is_new_what_is_upgraded_and_what_goes(packages_plan):
    new, upgraded, removed = packages_plan.simulated(SIMULATION)
    assert new == {"zsh-common": "5.9-4", "zsh": "5.9-4+b15", "libc6:i386": "2.36-9"}
    assert upgraded == {"libssl3": "3.0.15-1"}
    assert removed == ["libssl-dev", "old-thing"]


def test_dpkg_says_what_it_would_remove(packages_plan):
    text = (
        "Would remove or purge curl (7.88.1-10) ...\nWould remove or purge libcurl4:amd64 (7.88.1-10) ...\n"
        "Would remove or purge zlib1g:i386 (1.2) ...\ndpkg: dependency problems prevent removal of binutils:\n"
        " gcc-12 depends on binutils (>= 2.40).\n"
    )
    assert packages_plan.would_remove(text, "amd64") == ["curl", "libcurl4", "zlib1g:i386"]


def test_dpkg_is_told_which_one_is_meant_where_another_architecture_has_it_too(packages_plan):
    states = {"zlib1g": "installed", "zlib1g:i386": "config-files", "zsh": "installed"}
    assert packages_plan.exact(["zlib1g", "zsh"], states, "amd64") == ["zlib1g:amd64", "zsh"]


def test_states_are_those_of_the_machine_s_own_architecture(packages_plan):
    states, provided = packages_plan.packages(LISTING, "amd64")
    assert states["libc6"] == "installed"
    assert states["libc6:i386"] == "unpacked"
    assert provided == {"awk", "editor", "vim-python"}
    assert packages_plan.halfway(states) == ["less", "libc6:i386"]


def test_missing_is_what_is_not_wholly_there_under_any_name(packages_plan):
    states, provided = packages_plan.packages(LISTING, "amd64")
    wanted = ["zsh", "git", "awk", "less", "nano", "zsh=5.9-4", "nano"]
    assert packages_plan.missing(wanted, states, provided) == ["git", "less", "nano"]


@pytest.mark.parametrize(
    ("said", "do"),
    [
        (
            "E: You don't have enough free space in /var/cache/apt/archives/.",
            "disk is full (/var/cache/apt/archives/): make",
        ),
        ("dpkg: error: failed to write status: No space left on device", "the disk is full: make room"),
        (
            "E: Release file for http://m/debian/dists/bookworm/InRelease is not valid yet (invalid for another 3d)",
            "clock",
        ),
        ("Err:1 http://m bookworm\n  Temporary failure resolving 'm.example'", "mirror (m.example) is not reached"),
        ("E: Unable to locate package zshh", "no package (zshh) is in the lists"),
        ("E: Package 'zsh' has no installation candidate", "no package (zsh) is in the lists"),
        (
            "E: Failed to fetch http://m/zsh_5.9.deb  404  Not Found [IP: 1.2.3.4 80]",
            "does not have (http://m/zsh_5.9.deb)",
        ),
        ("E: Failed to fetch http://m/x  Hash Sum mismatch", "something else than its list says"),
        ("The following packages have unmet dependencies:", "contradict each other"),
        ("E: nobody has seen this before", ""),
    ],
)
def test_each_error_of_apt_s_says_what_to_do(packages_plan, said, do):
    found = packages_plan.advice(said)
    assert do in found
    assert bool(do) == bool(found)


def test_errors_are_apt_s_own_lines(packages_plan):
    output = "Reading package lists...\nE: Unable to locate package zshh\nE: Unable to locate package zshh\n"
    assert packages_plan.errors(output) == "E: Unable to locate package zshh"
    assert packages_plan.errors("a\nb\nc\nd\n") == "b; c; d"
    assert packages_plan.errors("".join("E: %d\n" % number for number in range(9))) == "E: 0; E: 1; E: 2; and 6 more"


@pytest.mark.parametrize(
    "said",
    [
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 81 (apt-get)",
        "E: Could not get lock /var/lib/apt/lists/lock - open (11: Resource temporarily unavailable)",
        "dpkg: error: dpkg frontend lock was locked by another process with pid 81",
        "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
    ],
)
def test_a_lock_is_seen(packages_plan, said):
    assert packages_plan.LOCKED.search(said)


# --- The ledger: who wants what.


def test_what_comes_is_noted_with_who_wants_it(packages_plan):
    entries = {"git": {"wanted_by": {"ann": ["vim"]}, "auto": False}}
    packages_plan.added(entries, ["zsh", "zsh-common"], ["zsh", "git"], {"zsh": "config-files"}, ("ben", "zsh"))
    packages_plan.want(entries, ["git"], ("ben", "zsh"))
    assert entries["zsh"] == {"wanted_by": {"ben": ["zsh"]}, "auto": False, "config": True}
    assert entries["zsh-common"] == {"wanted_by": {"ben": ["zsh"]}, "auto": True}
    assert entries["git"]["wanted_by"] == {"ann": ["vim"], "ben": ["zsh"]}


def test_a_want_is_new_only_once(packages_plan):
    entries = {"git": {"wanted_by": {"ann": ["vim"]}, "auto": False}}
    assert packages_plan.want(entries, ["git"], ("ann", "zsh"))
    assert entries["git"]["wanted_by"] == {"ann": ["vim", "zsh"]}
    assert not packages_plan.want(entries, ["git"], ("ann", "zsh"))
    assert not packages_plan.want(entries, ["less"], ("ann", "zsh"))  # not devrig's


def test_a_package_is_released_when_nobody_wants_it(packages_plan):
    entries = {
        "git": {"wanted_by": {"ann": ["vim", "zsh"]}, "auto": False},
        "zsh": {"wanted_by": {"ann": ["zsh"], "ben": ["zsh"]}, "auto": False},
        "less": {"wanted_by": {"ann": ["zsh"]}, "auto": True},
        "left-over": {"wanted_by": {}, "auto": True},
    }
    left, leaving = packages_plan.released(entries, "ann", ["zsh"])
    assert leaving == ["left-over", "less"]
    assert left["git"]["wanted_by"] == {"ann": ["vim"]}
    assert left["zsh"]["wanted_by"] == {"ben": ["zsh"]}
    assert packages_plan.released(left, "ann", ["vim"])[1] == ["git", "left-over", "less"]
    assert entries["git"]["wanted_by"] == {"ann": ["vim", "zsh"]}  # the old entries are as they were


def test_a_state_file_of_apt_s_says_what_others_brought(packages_plan):
    text = "Package: %s\nArchitecture: %s\nAuto-Installed: %d\n\n"
    rows = [("zsh", "amd64", 1), ("libc6", "i386", 1), ("vim", "amd64", 0)]
    assert packages_plan.automatic("".join(text % row for row in rows), "amd64") == {"zsh", "libc6:i386"}


def test_libraries_of_a_program_are_found(packages_plan):
    data = b"\x7fELF\x00libssl.so.3\x00libtk8.6.so\x00libm.so.6\x00not lib a.so.1\x00"
    assert packages_plan.libraries(data) == {"libssl.so.3", "libtk8.6.so", "libm.so.6"}


def test_configurations_that_were_edited_are_named(packages_plan):
    conffiles = " /etc/a 11\n /etc/b 22\n /etc/c 33 obsolete\n /etc/d newconffile\n"
    found = {"/etc/a": "11", "/etc/b": "99", "/etc/c": None, "/etc/d": "44"}
    assert packages_plan.edited(conffiles, found.get) == ["/etc/b"]


def test_packages_with_one_reason_are_one_line(packages_plan):
    assert packages_plan.sentence({"b": "in use", "a": "in use", "c": "new"}) == ["in use: a b", "new: c"]


# --- The module, with an apt that is played.


class Machine:
    """A module whose commands are answered by a table: words in them -> (status, output), or a list of them."""

    def __init__(self, tmp_path, answers, **params):
        self.params = {"names": ["zsh"], "state": "present", "user": "ann", "role": "zsh", "roles": [], "replaces": []}
        self.params.update({"used_by": [], "cache_valid_time": 3600, "wait": 0, "change": True, **params})
        self.answers = {"dpkg --print-architecture": (0, "amd64\n"), **answers}
        self.check_mode = False
        self.tmpdir = str(tmp_path)
        self.ran, self.warnings, self.environment = [], [], {}

    def run_command(self, argv, check_rc=False, environ_update=None):
        line = " ".join(argv)
        self.ran.append(line)
        self.environment[" ".join(argv[:2])] = environ_update
        key = max((key for key in self.answers if all(word in line for word in key.split())), key=len)
        answer = self.answers[key]
        status, output = answer.pop(0) if isinstance(answer, list) else answer
        return status, output, ""

    def warn(self, text):
        self.warnings.append(text)

    def exit_json(self, **answer):
        self.answered = answer
        raise SystemExit


@pytest.fixture
def play(apt_packages, tmp_path, monkeypatch):
    """Return a function that makes (apt, module, ledger) of answers."""
    monkeypatch.setattr(apt_packages.os, "geteuid", lambda: 0)
    monkeypatch.setattr(apt_packages.glob, "glob", lambda _: [])
    monkeypatch.setattr(apt_packages.time, "sleep", lambda _: None)
    monkeypatch.setattr(apt_packages.Apt, "age", lambda self: 0)

    def make(answers, **params):
        module = Machine(tmp_path, answers, **params)
        return apt_packages.Apt(module), module, apt_packages.Ledger(str(tmp_path / "state/ledger.json"))

    return make


BARE, THERE = (0, "mawk\tamd64\tinstalled\t\n"), (0, "zsh\tamd64\tinstalled\t\nzsh-common\tall\tinstalled\t\n")
INSTALLS = "Inst zsh-common (5.9 X [all])\nInst zsh (5.9 X [amd64])\n"


def test_what_is_missing_is_noted_and_installed(apt_packages, play):
    apt, module, ledger = play(
        {"dpkg-query": [BARE, THERE], "--simulate": (0, INSTALLS), "apt-get --yes install": (0, "")}
    )
    result = apt_packages.present(apt, module, ledger)
    assert result["changed"]
    assert result["missing"] == ["zsh"]
    assert "--no-remove zsh" in module.ran[-2]
    with ledger.locked():
        assert set(ledger.section("packages")) == {"zsh", "zsh-common"}


def test_the_note_is_there_before_apt_runs(apt_packages, play, tmp_path):
    def killed(line):
        raise KeyboardInterrupt

    apt, module, ledger = play({"dpkg-query": [BARE], "--simulate": (0, INSTALLS)})
    module.answers["apt-get --yes install"] = (0, "")
    original = module.run_command
    module.run_command = lambda argv, **rest: killed(argv) if "--yes" in argv else original(argv, **rest)
    with pytest.raises(KeyboardInterrupt):
        apt_packages.present(apt, module, ledger)
    assert '"zsh-common"' in (tmp_path / "state/ledger.json").read_text()


def test_check_mode_says_the_same_and_does_nothing(apt_packages, play, tmp_path):
    apt, module, ledger = play({"dpkg-query": BARE, "--simulate": [(0, INSTALLS), (100, "E: no lists")]})
    module.check_mode = True
    result = apt_packages.present(apt, module, ledger)
    assert (result["changed"], result["missing"], result["coming"]) == (True, ["zsh"], ["zsh", "zsh-common"])
    assert apt_packages.present(apt, module, ledger)["coming"] == ["zsh"]
    assert all(line.startswith(("dpkg --print", "dpkg-query", "apt-get --simulate")) for line in module.ran)
    assert not (tmp_path / "state").exists()


def test_nothing_missing_is_one_look(apt_packages, play, tmp_path):
    apt, module, ledger = play({"dpkg-query": THERE})
    assert not apt_packages.present(apt, module, ledger)["changed"]
    assert len(module.ran) == 2
    assert not (tmp_path / "state").exists()


def test_a_look_names_the_roles_that_have_something_to_do(packages_look, tmp_path):
    module = Machine(tmp_path, {"dpkg-query": THERE})
    wishes = {"zsh": ["zsh", "mawk"], "vim": ["zsh"], "tmux": ["zsh-common"], "git": []}
    entries = {"zsh": {"wanted_by": {"ann": ["zsh"]}, "auto": False}}
    # mawk is missing; zsh is devrig's, and not known to be wanted by vim; zsh-common was there before.
    answer = packages_look.look(module, wishes, entries, "ann")
    assert (answer["lacking"]["zsh"], answer["lacking"]["vim"]) == (["mawk"], [])
    assert answer["pending"] == ["vim", "zsh"]
    assert "/bin/sh" in answer["shells"]
    assert packages_look.look(module, wishes, {}, "ann")["pending"] == ["zsh"]


def test_without_root_nothing_is_done_and_it_is_said(apt_packages, play):
    apt, module, ledger = play({"dpkg-query": BARE}, change=False)
    result = apt_packages.present(apt, module, ledger)
    assert (result["changed"], result["missing"]) == (False, ["zsh"])


def test_a_removal_that_nobody_asked_for_is_refused(apt_packages, play):
    apt, module, ledger = play({"dpkg-query": BARE, "--simulate": (0, INSTALLS + "Remv precious [1.0]\n")})
    with pytest.raises(apt_packages.Refused, match="apt would remove precious for zsh"):
        apt_packages.present(apt, module, ledger)
    assert not any("--yes" in line for line in module.ran)


def test_what_is_replaced_is_noted_so_that_it_comes_back(apt_packages, play):
    simulated = "Remv libssl-dev [3.0]\nInst libssl1.0-dev (1.0.2u X [amd64])\n"
    before = (0, "libssl-dev\tamd64\tinstalled\t\n")
    after = (0, "libssl1.0-dev\tamd64\tinstalled\t\n")
    apt, module, ledger = play(
        {"dpkg-query": [before, after], "--simulate": (0, simulated), "apt-get --yes install": (0, "")},
        names=["libssl1.0-dev"],
        replaces=["libssl-dev", "libssl1.0-dev"],
    )
    apt_packages.present(apt, module, ledger)
    with ledger.locked():
        assert ledger.section("packages_replaced") == {"libssl-dev": {"auto": False, "by": ["libssl1.0-dev"]}}
        assert "libssl-dev" not in ledger.section("packages")
    # The other way round: it only comes back, and is not devrig's then.
    back = "Remv libssl1.0-dev [1.0.2u]\nInst libssl-dev (3.0 X [amd64])\n"
    apt, module, ledger = play(
        {"dpkg-query": [after, before], "--simulate": (0, back), "apt-get --yes install": (0, "")},
        names=["libssl-dev"],
        replaces=["libssl-dev", "libssl1.0-dev"],
    )
    apt_packages.present(apt, module, ledger)
    with ledger.locked():
        assert not ledger.section("packages_replaced")
        assert not ledger.section("packages")


def test_a_package_that_is_gone_from_the_mirror_is_tried_once_more_with_new_lists(apt_packages, play):
    gone = (100, "E: Failed to fetch http://m/zsh.deb  404  Not Found\n")
    apt, module, ledger = play(
        {
            "dpkg-query": [BARE, THERE],
            "--simulate": (0, INSTALLS),
            "apt-get --yes install": [gone, (0, "")],
            "apt-get update": (0, ""),
        }
    )
    assert apt_packages.present(apt, module, ledger)["changed"]
    assert sum("update" in line for line in module.ran) == 1


def test_a_package_that_stays_gone_is_a_clear_error(apt_packages, play):
    gone = (100, "E: Failed to fetch http://m/zsh.deb  404  Not Found\n")
    apt, module, ledger = play(
        {"dpkg-query": BARE, "--simulate": (0, INSTALLS), "apt-get --yes install": gone, "apt-get update": (0, "")}
    )
    with pytest.raises(apt_packages.Refused, match=r"the mirror does not have \(http://m/zsh.deb\).*404"):
        apt_packages.present(apt, module, ledger)


def test_lists_that_cannot_be_fetched_are_told_of_when_they_were_needed(apt_packages, play):
    unknown = (100, "E: Unable to locate package zsh\n")
    late = (100, "E: Release file for http://m/InRelease is not valid yet (invalid for another 3d)\n")
    apt, module, ledger = play({"dpkg-query": BARE, "--simulate": unknown, "apt-get update": late})
    with pytest.raises(apt_packages.Refused, match="clock.*Unable to locate package zsh; .*is not valid yet"):
        apt_packages.present(apt, module, ledger)


def test_a_lock_is_waited_for(apt_packages, play):
    locked = (100, "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)\n")
    installing = [locked, locked, (0, "")]
    answers = {"dpkg-query": [BARE, THERE], "--simulate": (0, INSTALLS), "apt-get --yes install": installing}
    apt, module, ledger = play(answers, wait=60)
    assert apt_packages.present(apt, module, ledger)["changed"]


def test_a_lock_is_not_waited_for_for_ever(apt_packages, play, monkeypatch):
    locked = (100, "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)\n")
    monkeypatch.setattr(apt_packages, "holder", lambda: None)
    answers = {"dpkg-query": BARE, "--simulate": (0, INSTALLS), "apt-get --yes install": locked}
    apt, module, ledger = play(answers, wait=1)
    apt.end = 0
    with pytest.raises(apt_packages.Refused, match=r"process 7 \(apt\), for longer than 1 s \(packages_lock_timeout\)"):
        apt_packages.present(apt, module, ledger)


def test_a_lock_that_is_only_met_by_apt_is_told_too(apt_packages, play, monkeypatch):
    locked = (100, "E: Could not get lock /var/cache/apt/archives/lock. It is held by process 0\n")
    monkeypatch.setattr(apt_packages, "holder", lambda: None)
    apt, module, ledger = play({"dpkg-query": BARE, "--simulate": (0, INSTALLS), "apt-get --yes install": locked})
    with pytest.raises(SystemExit):
        apt_packages.present(apt, module, ledger)
    assert "archives/lock" in module.answered["busy"]


def test_a_dpkg_that_was_interrupted_is_healed_first_and_it_is_said(apt_packages, play):
    broken = (0, "less\tamd64\thalf-configured\t\n")
    apt, module, ledger = play(
        {
            "dpkg-query": [broken, BARE, THERE],
            "dpkg --configure -a": (0, ""),
            "--simulate": (0, INSTALLS),
            "apt-get --yes install": (0, ""),
        }
    )
    apt_packages.present(apt, module, ledger)
    order = [line for line in module.ran if "--configure" in line or "--simulate" in line]
    assert "--force-confold" in order[0]
    assert "less" in module.warnings[0]


def test_one_killed_while_it_was_unpacked_is_brought_again(apt_packages, play):
    broken = (0, "less\tamd64\thalf-installed\t\n")
    answers = {"dpkg-query": [broken, broken, THERE], "dpkg --configure -a": (1, ""), "--fix-broken": (0, "")}
    apt, module, _ = play(answers)
    apt.heal()
    assert "--no-remove --fix-broken" in module.ran[-2]


def removal(play, **options):
    """Play a removal of the role zsh, after devrig had installed zsh and zsh-common."""
    found = {"states": "installed", "needed": (), "with_them": "", **options}
    goes = [name for name in ("zsh", "zsh-common") if name not in found["needed"]]
    zsh = "zsh\tamd64\t%s\t\nzsh-common\tall\t%s\t\n" % (found["states"], found["states"])
    going = "".join("Remv %s [1]\n" % name for name in goes)
    would = "".join("Would remove or purge %s (1) ...\n" % name for name in goes)
    apt, module, ledger = play(
        {
            "dpkg-query": [(0, zsh), (0, zsh), (0, zsh.replace("installed", "config-files")), (0, "")],
            "dpkg-query Conffiles": (0, found.get("conffiles", "")),
            "--simulate remove": (0, going + found["with_them"]),
            "dpkg --no-act --remove": (1 if found["needed"] else 0, would),
            "apt-mark showhold": (0, found.get("held", "")),
            "apt-get --yes remove": (0, ""),
            "dpkg --purge": (0, ""),
        },
        state="absent",
        roles=["zsh"],
    )
    with ledger.locked():
        ledger.section("packages").update(
            {
                "zsh": {"wanted_by": {"ann": ["zsh"]}, "auto": False},
                "zsh-common": {"wanted_by": {"ann": ["zsh"]}, "auto": True},
            }
        )
        ledger.save()
    return apt, module, ledger


@pytest.fixture
def quiet(apt_packages, monkeypatch):
    """Nobody has asked for zsh-common by hand, and no zsh is anybody's login shell."""
    states = "Package: zsh-common\nArchitecture: amd64\nAuto-Installed: 1\n"
    texts = {apt_packages.STATES: states, apt_packages.NSSWITCH: "passwd: files systemd\n"}
    texts[apt_packages.SHELLS] = "# all\n/bin/sh\n/usr/bin/zsh\n"
    monkeypatch.setattr(apt_packages, "text_of", lambda path: texts.get(path, ""))
    monkeypatch.setattr(apt_packages.Apt, "files", lambda self, name: ["/bin/" + name])
    users = [types.SimpleNamespace(pw_name="ann", pw_shell="/bin/bash")]
    monkeypatch.setattr(apt_packages.pwd, "getpwall", lambda: users)
    monkeypatch.setattr(apt_packages.pwd, "getpwnam", {user.pw_name: user for user in users}.__getitem__)
    return texts


@pytest.mark.usefixtures("quiet")
def test_what_devrig_added_goes_with_its_configuration_and_the_ledger_with_it(apt_packages, play, tmp_path):
    apt, module, ledger = removal(play)
    result = apt_packages.absent(apt, module, ledger)
    assert result["changed"]
    assert result["kept"] == []
    assert [line for line in module.ran if line.endswith("remove zsh zsh-common")]
    assert "dpkg --purge zsh zsh-common" in module.ran
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("quiet")
def test_a_login_shell_stays_and_its_user_is_named(apt_packages, play, monkeypatch):
    users = [types.SimpleNamespace(pw_name="ben", pw_shell="/usr/bin/zsh")]
    monkeypatch.setattr(apt_packages.pwd, "getpwall", lambda: users)
    apt, module, ledger = removal(play, needed=("zsh", "zsh-common"), with_them="Remv zsh [1]\n")
    module.answers["dpkg-query"] = THERE
    result = apt_packages.absent(apt, module, ledger)
    assert "is the login shell of ben and stays (chsh, then run again): zsh" in result["kept"]
    assert not result["changed"]
    with ledger.locked():
        assert set(ledger.section("packages")) == {"zsh", "zsh-common"}  # still devrig's: the next time it may go


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("who", ["ann", "ben"])
def test_a_login_shell_of_one_whom_nobody_lists_stays(apt_packages, play, monkeypatch, who):
    """Of the user whose run it is, and of another whom the ledger knows."""
    monkeypatch.setattr(apt_packages.pwd, "getpwall", list)
    shells = {who: types.SimpleNamespace(pw_name=who, pw_shell="/bin/zsh")}
    monkeypatch.setattr(apt_packages.pwd, "getpwnam", shells.__getitem__)
    apt, module, ledger = removal(play, needed=("zsh", "zsh-common"), with_them="Remv zsh [1]\n")
    with ledger.locked():
        ledger.section("packages")["git"] = {"wanted_by": {"ben": ["vim"]}, "auto": False}
        ledger.save()
    module.answers["dpkg-query"] = THERE
    result = apt_packages.absent(apt, module, ledger)
    assert f"is the login shell of {who} and stays (chsh, then run again): zsh" in result["kept"]
    assert not any("--yes" in line for line in module.ran)


def test_shells_stay_where_users_cannot_be_listed(apt_packages, play, quiet):
    quiet[apt_packages.NSSWITCH] = "passwd: files systemd [NOTFOUND=return] sss # domain\n"
    apt, module, ledger = removal(play, needed=("zsh",))
    module.answers["dpkg-query"] = THERE
    result = apt_packages.absent(apt, module, ledger)
    (kept,) = result["kept"]
    assert kept.startswith("is a shell, and users of sss (/etc/nsswitch.conf), who cannot be listed, may have it")
    assert kept.endswith(": zsh")
    assert [line for line in module.ran if "--yes" in line and line.endswith("remove zsh-common")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("passwd: files systemd\ngroup: files sss\n", []),
        ("passwd:\tcompat [SUCCESS=return UNAVAIL=continue] # ldap\n", []),
        (" passwd : files ldap winbind\n", ["ldap", "winbind"]),
        ("#passwd: sss\n", []),
        ("", []),
    ],
)
def test_sources_of_users_that_cannot_be_listed(packages_plan, text, found):
    assert packages_plan.unlisted(text) == found


def replacing(play, costs):
    """Play a removal of libssl1.0-dev, which had replaced libssl-dev; that comes back at the cost of packages."""
    there = (0, "libssl1.0-dev\tamd64\tinstalled\t\n")
    gone = "Remv libssl1.0-dev [1.0]\n"
    apt, module, ledger = play(
        {
            "dpkg-query": [there] * 3 + [(0, "")] * 2,
            "dpkg-query Conffiles": (0, ""),
            "dpkg --no-act --remove": (0, "Would remove or purge libssl1.0-dev (1.0) ...\n"),
            "--simulate remove": (0, gone),
            "apt-mark showhold": (0, ""),
            "--simulate install libssl-dev": (0, gone + costs + "Inst libssl-dev (3.0 X [amd64])\n"),
            "apt-get --yes": (0, ""),
        },
        state="absent",
        roles=["zsh"],
    )
    with ledger.locked():
        ledger.section("packages")["libssl1.0-dev"] = {"wanted_by": {"ann": ["zsh"]}, "auto": False}
        ledger.section("packages_replaced")["libssl-dev"] = {"auto": False, "by": ["libssl1.0-dev"]}
        ledger.save()
    return apt, module, ledger


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("costs", ["", "Remv precious [1]\n"])
@pytest.mark.parametrize("dry", [True, False])
def test_what_was_replaced_comes_back_only_where_it_costs_nothing_else(apt_packages, play, costs, dry):
    apt, module, ledger = replacing(play, costs)
    module.check_mode = dry
    result = apt_packages.absent(apt, module, ledger)
    came = [line for line in module.ran if "--yes" in line and line.endswith("install libssl-dev")]
    said = [line for line in result["kept"] if "does not come back, for apt would remove precious" in line]
    assert (len(came), len(said)) == (0 if costs or dry else 1, 1 if costs else 0)
    assert result["diff"]["after"] == ("" if costs else "libssl-dev\n")


def test_root_does_not_follow_a_link_of_a_user_s_nor_read_a_huge_file(apt_packages, tmp_path, monkeypatch):
    (tmp_path / "real/bin").mkdir(parents=True)
    (tmp_path / "real/bin/python").write_bytes(b"\x00libssl.so.3\x00")
    (tmp_path / "link").symlink_to("real")
    assert apt_packages.linked([str(tmp_path / "link")]) == set()
    assert apt_packages.linked([str(tmp_path / "real")]) == {"libssl.so.3"}
    monkeypatch.setattr(apt_packages, "GREATEST", 5)
    assert apt_packages.linked([str(tmp_path / "real")]) == set()


def test_libraries_stay_where_it_is_not_seen_who_is_linked_with_them(apt_packages, play, monkeypatch, quiet, tmp_path):
    (tmp_path / "link").symlink_to("/")
    files = {"zsh": ["/bin/zsh"], "zsh-common": ["/usr/lib/libzsh.so.5"]}
    monkeypatch.setattr(apt_packages.Apt, "files", lambda self, name: files[name])
    apt, module, ledger = removal(play, needed=("zsh-common",))
    module.params["used_by"] = [str(tmp_path / "link")]
    module.answers["dpkg-query"] = THERE
    (kept,) = apt_packages.absent(apt, module, ledger)["kept"]
    assert kept.endswith(f"for {tmp_path}/link is a link, which root does not follow: zsh-common")


@pytest.mark.usefixtures("quiet")
def test_what_others_need_stays_and_they_are_named(apt_packages, play):
    apt, module, ledger = removal(play, needed=("zsh-common",))
    module.answers["--simulate remove zsh-common"] = (0, "Remv grml [1]\nRemv zsh [1]\nRemv zsh-common [1]\n")
    module.answers["dpkg-query"] = [(0, "zsh-common\tall\tinstalled\t\n")] * 4
    result = apt_packages.absent(apt, module, ledger)
    assert result["kept"] == ["needed by grml, and stay: zsh-common"]
    # Without what goes: who asks for one of two does not need the one that stays as long as the other is there.
    assert "apt-get --simulate remove zsh-common zsh" in module.ran


@pytest.mark.usefixtures("quiet")
def test_dpkg_finds_its_helpers_also_for_a_user_without_sbin(apt_packages, play):
    apt, module, ledger = removal(play)
    apt_packages.absent(apt, module, ledger)
    assert {"/usr/sbin", "/sbin"} <= set(module.environment["dpkg --no-act"]["PATH"].split(":"))


@pytest.mark.usefixtures("quiet")
def test_where_dpkg_cannot_say_what_is_needed_nothing_goes(apt_packages, play):
    apt, module, ledger = removal(play)
    module.answers["dpkg --no-act --remove"] = (2, "dpkg: error: failed to open the database\n")
    with pytest.raises(apt_packages.Refused, match="failed to open the database"):
        apt_packages.absent(apt, module, ledger)
    assert not any("--yes" in line for line in module.ran)


@pytest.mark.usefixtures("quiet")
def test_what_is_on_hold_stays_and_it_is_said(apt_packages, play):
    apt, module, ledger = removal(play, needed=("zsh-common",), held="zsh-common\n")
    module.answers["dpkg-query"] = [(0, "zsh-common\tall\tinstalled\t\n")] * 4
    result = apt_packages.absent(apt, module, ledger)
    assert result["kept"] == ["on hold, and stay (apt-mark unhold, then run again): zsh-common"]
    with ledger.locked():
        assert "zsh-common" in ledger.section("packages")


def test_what_somebody_asked_for_since_stays_and_is_theirs(apt_packages, play, monkeypatch, quiet):
    monkeypatch.setattr(apt_packages, "text_of", lambda path: "")
    apt, module, ledger = removal(play, needed=("zsh-common",))
    module.answers["dpkg-query"] = [(0, "zsh-common\tall\tinstalled\t\n")] * 4
    result = apt_packages.absent(apt, module, ledger)
    assert "somebody asked for them since, and they stay: zsh-common" in result["kept"]
    with ledger.locked():
        assert "zsh-common" not in ledger.section("packages")


@pytest.mark.usefixtures("quiet")
def test_an_edited_configuration_is_not_purged(apt_packages, play, tmp_path):
    (tmp_path / "zshrc").write_text("edited\n")
    apt, module, ledger = removal(play, conffiles=f" {tmp_path}/zshrc 11\n")
    result = apt_packages.absent(apt, module, ledger)
    assert result["kept"] == [f"was edited and stays ({tmp_path}/zshrc): zsh zsh-common"]
    assert not any("--purge" in line for line in module.ran)


@pytest.mark.usefixtures("quiet")
def test_a_removal_that_would_take_more_is_refused(apt_packages, play):
    apt, module, ledger = removal(play, with_them="Remv precious [1]\n")
    with pytest.raises(apt_packages.Refused, match="apt would remove precious too"):
        apt_packages.absent(apt, module, ledger)
    assert not any("--yes" in line for line in module.ran)


@pytest.mark.usefixtures("quiet")
def test_check_mode_of_a_removal_changes_nothing(apt_packages, play):
    apt, module, ledger = removal(play)
    module.check_mode = True
    before = Path(ledger.path).read_text()
    assert apt_packages.absent(apt, module, ledger)["changed"]
    assert not any("--yes" in line or "--purge" in line for line in module.ran)
    assert Path(ledger.path).read_text() == before


def test_programs_that_stay_keep_their_libraries_and_root_reads_no_link_and_no_pipe(apt_packages, tmp_path):
    folder = tmp_path / "versions/3.9.2/bin"
    folder.mkdir(parents=True)
    (folder / "python").write_bytes(b"\x7fELF\x00libtk8.6.so\x00libssl.so.3\x00")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/proc/self/mem")
    assert apt_packages.linked([str(tmp_path / "versions")]) == {"libtk8.6.so", "libssl.so.3"}
    assert apt_packages.linked([str(tmp_path / "none")]) == set()


def test_places_of_a_shell_on_a_merged_usr(apt_packages):
    assert {"/bin/zsh", "/usr/bin/zsh"} <= apt_packages.places("/usr/bin/zsh")
    assert {"/bin/zsh", "/usr/bin/zsh"} <= apt_packages.places("/bin/zsh")


def test_the_holder_of_a_lock_is_named(apt_packages, tmp_path, monkeypatch):
    lock = tmp_path / "lock"
    lock.touch()
    monkeypatch.setattr(apt_packages, "LOCKS", (str(tmp_path / "none"), str(lock)))
    (tmp_path / "81").mkdir()
    (tmp_path / "81/cmdline").write_text("apt-get\0install\0x\0")
    (tmp_path / "locks").write_text(f"1: POSIX  ADVISORY  WRITE 81 00:2b:{lock.stat().st_ino} 0 EOF\n")
    assert apt_packages.holder(str(tmp_path)) == f"{lock} is held by process 81 (apt-get install x)"
    (tmp_path / "locks").write_text("")
    assert apt_packages.holder(str(tmp_path)) is None


# --- The action plugin.


@pytest.fixture
def act(monkeypatch, capsys):
    """Return a function that lets the plugin see the module's answers: (result, options of each call, lines said)."""
    spec = importlib.util.spec_from_file_location("action_apt", ROOT / "roles/packages/action_plugins/apt_packages.py")
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)

    def run(*answers, become=True, facts=None, **options):
        task = MagicMock(args={"names": ["zsh"], **options}, async_val=0, check_mode=False, become=become)
        task._role.get_name.return_value = "zsh"
        action = plugin.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        left, calls = list(answers), []

        def module(_, module_args, task_vars):
            calls.append(dict(module_args))
            return left.pop(0)

        monkeypatch.setattr(action, "_execute_module", module)
        known = {"user_id": "ann", **(facts or {})}
        result = action.run(task_vars={"inventory_hostname": "host", "ansible_facts": known})
        return result, calls, capsys.readouterr().err.splitlines()

    return run


def test_the_role_the_user_and_the_right_are_told_to_the_module(act):
    _, (call,), lines = act({"changed": False, "missing": []})
    assert call == {"names": ["zsh"], "user": "ann", "role": "zsh", "change": True}
    assert not lines


def test_what_is_waited_for_is_said_once(act):
    busy = {"changed": False, "busy": "/var/lib/dpkg/lock is held by process 7 (apt)"}
    result, calls, lines = act(busy, {"changed": True, "missing": ["zsh"]}, lock_timeout=60)
    assert result["changed"]
    assert [call.get("wait", 0) for call in calls] == [0, 60]
    assert lines == ["host: waits for apt, at most 60 s: /var/lib/dpkg/lock is held by process 7 (apt)"]


def test_what_is_left_out_is_joined_with_what_was_before(act):
    before = {"devrig_left_out": {"packages": ["vim"], "login_shell": "/usr/bin/zsh"}}
    result, (call,), _ = act({"changed": False, "missing": ["zsh"]}, become=False, facts=before)
    assert call["change"] is False
    left_out = result["ansible_facts"]["devrig_left_out"]
    assert left_out == {"packages": ["vim", "zsh"], "login_shell": "/usr/bin/zsh"}


def test_check_mode_counts_a_package_once_as_the_real_run_does(act):
    first, _, _ = act({"changed": True, "missing": ["zsh", "git"], "coming": ["git", "git-man", "zsh"]})
    assert first["changed"]
    facts = first["ansible_facts"]
    again, _, _ = act({"changed": True, "missing": ["git"], "coming": ["git", "git-man"]}, facts=facts)
    assert not again["changed"]
    more, _, _ = act({"changed": True, "missing": ["git", "vim"], "coming": ["git", "vim"]}, facts=facts)
    assert more["changed"]
    assert more["diff"]["after"] == "vim\n"
