"""The plan of an interpreter: every row and the edges."""

import re

import pytest

TODAY = ("bullseye", "bookworm", "trixie", "jammy", "noble")


EVERY = ("stretch", "buster", "bionic", "focal", *TODAY)
FLAGS = "-fno-tree-loop-vectorize -fno-tree-slp-vectorize"


def test_the_default_is_stock_where_it_can_be(pyenv_plan):
    plan = pyenv_plan.plan("3.6.8", "bullseye")
    assert (plan.provider, plan.openssl, plan.patches, plan.cflags) == ("system", None, [], "")
    assert (plan.pip, plan.pipenv) == ("21.3.1", "2022.4.8")
    assert {"ssl", "_hashlib", "lzma", "tkinter", "math"} <= set(plan.gate)


@pytest.mark.parametrize(
    ("release", "patches"), [("jammy", []), ("bookworm", []), ("noble", []), ("trixie", ["bpo-36106"])]
)
def test_the_default_is_cured_where_it_must_be(pyenv_plan, release, patches):
    plan = pyenv_plan.plan("3.6.8", release)
    assert (plan.provider, plan.openssl["version"]) == ("private", "1.1.1w")
    assert (plan.cflags, plan.patches) == (FLAGS, patches)
    assert "_hashlib" in plan.reasons[0]
    assert "bpo-27987" in plan.reasons[1]


@pytest.mark.parametrize(
    ("version", "on_1_1", "on_3"),
    [
        ("2.7.13", "system", "private"),
        ("2.7.18", "system", "private"),
        ("3.5.3", "system", "private"),
        ("3.5.10", "system", "private"),
        ("3.6.0", "system", "private"),
        ("3.6.15", "system", "private"),
        ("3.7.17", "system", "private"),
        ("3.8.9", "system", "private"),
        ("3.8.10", "system", "system"),
        ("3.8.20", "system", "system"),
        ("3.9.2", "system", "private"),
        ("3.9.4", "system", "private"),
        ("3.9.5", "system", "system"),
        ("3.10.13", "system", "system"),
        ("3.13.5", "system", "system"),
        ("3.14.0", "system", "system"),
    ],
)
def test_the_openssl_of_each_version(pyenv_plan, version, on_1_1, on_3):
    for release in EVERY:
        expected = on_3 if pyenv_plan.RELEASES[release].openssl >= (3, 0, 0) else on_1_1
        assert pyenv_plan.plan(version, release).provider == expected, release


@pytest.mark.parametrize("version", ["2.7.12", "3.5.2"])
def test_versions_for_openssl_1_0_are_refused_for_now(pyenv_plan, version):
    with pytest.raises(pyenv_plan.Refusal, match=r"needs OpenSSL 1\.0.*bpo-26470"):
        pyenv_plan.plan(version, "bullseye")


@pytest.mark.parametrize(
    ("version", "release", "cflags", "patches"),
    [
        ("3.5.10", "bullseye", "", []),
        ("3.5.10", "trixie", FLAGS, ["bpo-36106"]),
        ("3.6.15", "focal", "", []),
        ("3.7.2", "trixie", FLAGS, ["bpo-36106"]),
        ("3.7.3", "trixie", FLAGS, []),
        ("3.7.4", "trixie", "", []),
        ("2.7.18", "trixie", "", []),
        ("3.13.5", "trixie", "", []),
    ],
)
def test_cures_end_where_upstream_mended_it(pyenv_plan, version, release, cflags, patches):
    plan = pyenv_plan.plan(version, release)
    assert (plan.cflags, plan.patches) == (cflags, patches)


def test_the_choice_of_an_openssl(pyenv_plan):
    assert pyenv_plan.plan("3.13.5", "trixie", choice="private").openssl["version"] == "1.1.1w"
    assert pyenv_plan.plan("3.9.2", "bullseye", choice="system").provider == "system"
    with pytest.raises(pyenv_plan.Refusal, match=r"pyenv_openssl is system.*Leave it at auto"):
        pyenv_plan.plan("3.6.8", "bookworm", choice="system")


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
        ("3.6.99", r"last of its series is 3\.6\.15; choose another in pyenv_versions$"),
        ("3.13.99", "newer pyenv in pyenv_version"),
    ],
)
def test_what_is_no_version_is_refused(pyenv_plan, text, match):
    with pytest.raises(pyenv_plan.Refusal, match=match):
        pyenv_plan.plan(text, "bullseye")


def test_a_newer_pyenv_may_know_newer_versions_but_no_ended_series_grows(pyenv_plan):
    assert pyenv_plan.plan("3.13.99", "trixie", "v9.9.9").version == "3.13.99"
    with pytest.raises(pyenv_plan.Refusal):
        pyenv_plan.plan("3.9.99", "trixie", "v9.9.9")


def test_an_unknown_release_is_refused(pyenv_plan):
    with pytest.raises(pyenv_plan.Refusal, match="set devrig_release to one of"):
        pyenv_plan.plan("3.13.5", "warty")


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
        assert re.fullmatch(r"[\d.]+", series.pip)
        assert re.fullmatch(r"[\d.]+", series.pipenv)
    for row in pyenv_plan.OPENSSL_2 + pyenv_plan.OPENSSL_3:
        assert len(row.reason) > 20
    for row in pyenv_plan.CURES:
        assert row.gcc or row.glibc
        assert row.cflags or row.patch
        assert re.search(r"bpo-\d+", row.reason)
    assert re.fullmatch(r"[0-9a-f]{64}", pyenv_plan.PRIVATE_OPENSSL.sha256)
