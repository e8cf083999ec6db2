"""The plan of an interpreter: every row and the edges."""

import re

import pytest

ON_1_1 = ("stretch", "bionic", "buster", "focal", "bullseye")
ON_3 = ("jammy", "bookworm", "noble", "trixie", "forky")
FLAGS = "-fno-tree-loop-vectorize -fno-tree-slp-vectorize"
POINTERS = "-Wno-incompatible-pointer-types"


@pytest.fixture
def make(pyenv_plan):
    """Return a function that plans a version for a release as it comes, with changes to what its machine has."""

    def run(version, release, *, host=None, **options):
        machine = pyenv_plan.host_of(release)._replace(**(host or {}))
        return pyenv_plan.plan(version, machine, **options)

    return run


def test_the_default_is_stock_where_it_can_be(make):
    plan = make("3.6.8", "bullseye")
    assert (plan.provider, plan.openssl, plan.patches, plan.own_patches, plan.cflags) == ("system", None, [], [], "")
    assert (plan.configure, plan.profile) == ([], "")
    assert (plan.pip, plan.pipenv, plan.virtualenv) == ("21.3.1", "2022.4.8", "20.17.1")
    assert {"ssl", "_hashlib", "lzma", "tkinter", "math", "_curses"} <= set(plan.gate)


@pytest.mark.parametrize(
    ("release", "patches"),
    [("jammy", []), ("bookworm", []), ("noble", []), ("trixie", ["bpo-36106"]), ("forky", ["bpo-36106"])],
)
def test_the_default_is_cured_where_it_must_be(make, release, patches):
    plan = make("3.6.8", release)
    assert (plan.provider, plan.openssl["version"]) == ("private", "1.1.1w")
    assert (plan.cflags, plan.patches) == (FLAGS, patches)
    assert "_hashlib" in plan.reasons[0]
    assert "bpo-27987" in plan.reasons[1]


@pytest.mark.parametrize(
    ("version", "on_1_1", "on_3"),
    [
        ("2.7.9", "1.0.2u", "1.0.2u"),
        ("2.7.12", "1.0.2u", "1.0.2u"),
        ("2.7.13", "system", "1.1.1w"),
        ("2.7.18", "system", "1.1.1w"),
        ("3.5.0", "1.0.2u", "1.0.2u"),
        ("3.5.2", "1.0.2u", "1.0.2u"),
        ("3.5.3", "system", "1.1.1w"),
        ("3.5.10", "system", "1.1.1w"),
        ("3.6.0", "system", "1.1.1w"),
        ("3.6.8", "system", "1.1.1w"),
        ("3.6.15", "system", "1.1.1w"),
        ("3.7.0", "system", "1.1.1w"),
        ("3.7.17", "system", "1.1.1w"),
        ("3.8.9", "system", "1.1.1w"),
        ("3.8.10", "system", "system"),
        ("3.8.20", "system", "system"),
        ("3.9.2", "system", "1.1.1w"),
        ("3.9.4", "system", "1.1.1w"),
        ("3.9.5", "system", "system"),
        ("3.9.25", "system", "system"),
        ("3.10.0", "system", "system"),
        ("3.13.5", "system", "system"),
        ("3.14.0", "system", "system"),
    ],
)
def test_the_openssl_of_each_version(make, version, on_1_1, on_3):
    for release in ON_1_1 + ON_3:
        plan = make(version, release, host={"legacy": None})
        expected = on_3 if release in ON_3 else on_1_1
        assert (plan.openssl["version"] if plan.openssl else plan.provider) == expected, release


@pytest.mark.parametrize("version", ["2.7.12", "3.5.2"])
@pytest.mark.parametrize(
    ("release", "provider"), [("stretch", "libssl1.0-dev"), ("bionic", "libssl1.0-dev"), ("buster", "private")]
)
def test_openssl_1_0_is_the_release_s_where_it_has_one(make, version, release, provider):
    plan = make(version, release)
    assert plan.provider == provider
    assert "bpo-26470" in plan.reasons[0]


def test_openssl_1_0_is_built_where_apt_would_remove_the_user_s_packages_for_it(make):
    plan = make("2.7.12", "bionic", host={"legacy": ("npm",)})
    assert (plan.provider, plan.openssl["version"]) == ("private", "1.0.2u")


@pytest.mark.parametrize(
    ("version", "release", "cflags", "patches"),
    [
        ("3.5.10", "bullseye", "", []),
        ("3.5.10", "trixie", FLAGS, ["bpo-36106"]),
        ("3.5.10", "forky", f"{FLAGS} -std=gnu17", ["bpo-36106"]),
        ("2.7.14", "stretch", "", []),
        ("2.7.14", "bullseye", FLAGS, []),
        ("2.7.15", "bullseye", FLAGS, []),
        ("2.7.16", "trixie", f"{FLAGS} {POINTERS}", []),
        ("2.7.17", "trixie", POINTERS, []),
        ("2.7.18", "bookworm", "", []),
        ("3.6.15", "focal", "", []),
        ("3.6.15", "forky", FLAGS, ["bpo-36106"]),
        ("3.7.2", "trixie", FLAGS, ["bpo-36106"]),
        ("3.7.3", "trixie", FLAGS, []),
        ("3.7.4", "trixie", "", []),
        ("2.7.18", "trixie", POINTERS, []),
        ("2.7.18", "forky", f"{POINTERS} -std=gnu17", []),
        ("3.13.5", "forky", "", []),
    ],
)
def test_cures_end_where_upstream_mended_it(make, version, release, cflags, patches):
    plan = make(version, release)
    assert (plan.cflags, plan.patches) == (cflags, patches)


@pytest.mark.parametrize(
    ("version", "edited"),
    [("2.7.14", True), ("2.7.15", False), ("3.5.10", True), ("3.6.3", True), ("3.6.4", False), ("3.6.8", False)],
)
def test_curses_reads_nothing_that_ncurses_hides(make, version, edited):
    assert ("curses-pad" in make(version, "trixie").own_patches) is edited


def test_2_7_reads_the_version_of_the_wrong_openssl(make):
    assert make("2.7.18", "trixie").own_patches == ["openssl-version"]
    assert make("2.7.18", "bullseye", choice="private").own_patches == []
    assert make("3.6.8", "trixie").own_patches == []


def test_2_7_has_no_patch_of_pyenv_s_for_sinpi(make):
    assert "sinpi" in make("2.7.16", "trixie").own_patches
    assert "sinpi" not in make("2.7.17", "trixie").own_patches
    assert "sinpi" not in make("2.7.16", "bookworm").own_patches


def test_the_machine_s_own_compiler_and_library_count(make, pyenv_plan):
    assert make("3.6.8", "bullseye", host={"gcc": 13}).cflags == FLAGS
    assert make("3.6.8", "bookworm", host={"gcc": 10}).cflags == ""
    assert make("3.6.8", "bookworm", host={"glibc": (2, 41)}).patches == ["bpo-36106"]
    assert make("3.6.8", "bookworm", host={"openssl": (1, 1, 1)}).provider == "system"
    assert pyenv_plan.host_of("bookworm", gcc=None, openssl=(3, 0, 99)).openssl == (3, 0, 99)
    assert pyenv_plan.host_of("bookworm", gcc=None).gcc == 12


def test_the_choice_of_an_openssl(make):
    assert make("3.13.5", "trixie", choice="private").openssl["version"] == "1.1.1w"
    assert make("3.9.2", "bullseye", choice="system").provider == "system"
    assert make("3.6.8", "bionic", choice="libssl1.0-dev").provider == "libssl1.0-dev"
    assert make("2.7.12", "bionic", choice="private").openssl["version"] == "1.0.2u"


@pytest.mark.parametrize(
    ("version", "patches"),
    [("2.7.13", ["openssl-version"]), ("3.5.3", ["openssl-version"]), ("3.6.8", ["openssl-version"]), ("3.7.0", [])],
)
def test_the_system_s_openssl_3_is_taken_when_it_is_asked_for(make, version, patches):
    plan = make(version, "bookworm", choice="system")
    assert (plan.provider, [name for name in plan.own_patches if name != "curses-pad"]) == ("system", patches)
    assert "pyenv_openssl asks for it, though OpenSSL 3 makes an error" in plan.reasons[0]
    assert "openssl-version" not in make(version, "bullseye", choice="system").own_patches


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        (
            ("2.7.12", "bullseye", "system"),
            r"is system, and Python 2\.7\.12 does not take OpenSSL 1\.1\.1.*bpo-26470.*auto",
        ),
        (("3.5.2", "trixie", "system"), r"is system, and Python 3\.5\.2 does not take OpenSSL 3\.5\.0"),
        (("3.10.0", "bionic", "libssl1.0-dev"), r"needs OpenSSL 1\.1\.1 or newer \(PEP 644\)\. Leave it at auto"),
        (("3.6.8", "bookworm", "libssl1.0-dev"), r"this machine's apt has no such package\. Leave it at auto"),
    ],
)
def test_an_impossible_choice_is_refused(make, pyenv_plan, asked, match):
    version, release, choice = asked
    with pytest.raises(pyenv_plan.Refusal, match=match):
        make(version, release, choice=choice)


def test_libssl1_0_dev_is_not_taken_at_the_price_of_the_user_s_packages(make, pyenv_plan):
    with pytest.raises(pyenv_plan.Refusal, match="apt would remove npm, node-gyp for it"):
        make("3.6.8", "bionic", choice="libssl1.0-dev", host={"legacy": ("npm", "node-gyp")})


def test_versions_share_the_machine_s_headers(pyenv_plan):
    host = pyenv_plan.host_of("bionic")
    old, new, own = pyenv_plan.plan_all(["2.7.12", "3.13.5", "3.6.8"], host)
    assert old.provider == "libssl1.0-dev"
    for plan in (new, own):
        assert (plan.provider, plan.openssl["version"]) == ("private", "1.1.1w")
        assert "libssl-dev gives way to libssl1.0-dev, which Python 2.7.12 needs" in plan.reasons[0]
    assert [plan.provider for plan in pyenv_plan.plan_all(["3.13.5", "3.6.8"], host)] == ["system", "system"]


@pytest.mark.parametrize(
    ("versions", "choice", "installed", "package"),
    [
        (["3.13.5"], "auto", [], "libssl-dev"),
        (["3.13.5"], "auto", ["libssl1.0-dev"], "libssl-dev"),
        (["2.7.12", "3.13.5"], "auto", ["libssl-dev"], "libssl1.0-dev"),
        (["2.7.12"], "auto", ["libssl1.0-dev"], "libssl1.0-dev"),
        (["3.13.5"], "private", ["libssl1.0-dev"], "libssl1.0-dev"),
        (["3.13.5"], "private", ["libssl-dev"], "libssl-dev"),
    ],
)
def test_which_headers_a_machine_shall_have(pyenv_plan, versions, choice, installed, package):
    plans = pyenv_plan.plan_all(versions, pyenv_plan.host_of("bionic"), choice=choice)
    assert pyenv_plan.headers(plans, installed) == package


@pytest.mark.parametrize(
    ("versions", "choice", "matters"),
    [(["3.6.8"], "auto", False), (["3.6.8", "3.5.2"], "auto", True), (["3.6.8"], "libssl1.0-dev", True)],
)
def test_when_apt_has_to_be_asked(pyenv_plan, versions, choice, matters):
    assert pyenv_plan.concerns_legacy(versions, choice) is matters


def test_an_optimised_build(make, pyenv_plan):
    plan = make("3.6.8", "bookworm", optimize=True)
    assert plan.configure == ["--enable-optimizations"]
    assert plan.profile.startswith("-m test.regrtest --pgo test_")
    with pytest.raises(pyenv_plan.Refusal, match=r"pyenv_optimize is true.*3\.5\.3 is the first"):
        make("3.5.2", "bookworm", optimize=True)


@pytest.mark.parametrize(("version", "name"), [("2.7.18", "Tkinter"), ("3.6.8", "tkinter")])
def test_tkinter_only_where_it_is_wanted(make, version, name):
    assert name in make(version, "bookworm").gate
    assert name not in make(version, "bookworm", tkinter=False).gate


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("3.6", "not a full Python version"),
        ("3.1", "in quotes"),
        (3.1, "in quotes"),
        ("3.13-dev", "not a full"),
        ("pypy3.9-7.3.9", "not a full"),
        ("3.6.8\n", "not a full"),
        ("4.0.0", "no known series"),
        ("3.4.10", "no known series"),
        ("3.9.3", "withdrawn"),
        ("2.7.8", r"wants SNI \(PEP 466\).*2\.7\.9 is the first that can"),
        ("3.6.99", r"last of its series is 3\.6\.15; choose another in pyenv_versions$"),
        ("3.13.99", "newer pyenv in pyenv_version"),
    ],
)
def test_what_is_no_version_is_refused(make, pyenv_plan, text, match):
    with pytest.raises(pyenv_plan.Refusal, match=match):
        make(text, "bullseye")


def test_a_newer_pyenv_may_know_newer_versions_but_no_ended_series_grows(make, pyenv_plan):
    assert make("3.13.99", "trixie", pyenv_version="v9.9.9").version == "3.13.99"
    with pytest.raises(pyenv_plan.Refusal):
        make("3.9.99", "trixie", pyenv_version="v9.9.9")


def test_an_unknown_release_is_refused(pyenv_plan):
    with pytest.raises(pyenv_plan.Refusal, match="set devrig_release to one of"):
        pyenv_plan.host_of("warty")


@pytest.mark.parametrize(
    ("chosen", "versions", "result"),
    [([], ["3.6.8", "3.9.2"], ["3.6.8"]), (["3.9.2", "system"], ["3.6.8", "3.9.2"], ["3.9.2", "system"])],
)
def test_global_versions(pyenv_plan, chosen, versions, result):
    assert pyenv_plan.global_versions(chosen, versions) == result


def test_no_version_at_all_is_refused(pyenv_plan):
    with pytest.raises(pyenv_plan.Refusal, match="pyenv_versions is empty"):
        pyenv_plan.global_versions([], [])


def test_a_global_version_that_is_not_installed_is_refused(pyenv_plan):
    with pytest.raises(pyenv_plan.Refusal, match=r"names 3\.9\.2, which pyenv_versions \(3\.6\.8\) does not install"):
        pyenv_plan.global_versions(["3.9.2"], ["3.6.8"])


@pytest.mark.parametrize(
    ("wanted", "cores", "memory", "jobs"), [(0, 2, 24000, 2), (0, 16, 2000, 3), (0, 4, 300, 1), (7, 2, 500, 7)]
)
def test_build_jobs(pyenv_plan, wanted, cores, memory, jobs):
    assert pyenv_plan.build_jobs(wanted, cores, memory) == jobs


def test_every_row_is_complete(pyenv_plan):
    for series in pyenv_plan.SERIES.values():
        for tool in (series.pip, series.pipenv, series.virtualenv):
            assert re.fullmatch(r"[\d.]+", tool)
    for row in pyenv_plan.OPENSSL_2 + pyenv_plan.OPENSSL_3:
        assert len(row.reason) > 20
    for row in pyenv_plan.CURES:
        assert row.cflags or row.patch or row.own
        assert re.search(r"bpo-\d+|gcc\.gnu\.org", row.reason)
    for source in (pyenv_plan.OPENSSL_1_1, pyenv_plan.OPENSSL_1_0):
        assert re.fullmatch(r"[0-9a-f]{64}", source.sha256)
        assert source.url.startswith("https://")
