"""The plan of an interpreter: every row and the edges."""

import re

import pytest

TODAY = ("bullseye", "bookworm", "trixie", "jammy", "noble")


def test_the_default_is_planned_where_it_can_be_built(pyenv_plan):
    plan = pyenv_plan.plan("3.6.8", "bullseye")
    assert (plan.provider, plan.patches, plan.pip, plan.pipenv) == ("system", [], "21.3.1", "2022.4.8")
    assert {"ssl", "_hashlib", "lzma", "tkinter"} <= set(plan.gate)


@pytest.mark.parametrize("release", ["bookworm", "trixie", "jammy", "noble"])
def test_an_old_version_on_openssl_3_is_refused_with_the_way_out(pyenv_plan, release):
    with pytest.raises(pyenv_plan.Refusal, match=r"_hashlib.*Choose 3\.7 or newer.*Debian 11"):
        pyenv_plan.plan("3.6.8", release)


@pytest.mark.parametrize("release", TODAY)
@pytest.mark.parametrize("version", ["3.7.17", "3.8.20", "3.9.2", "3.10.13", "3.13.5", "3.14.0"])
def test_newer_versions_are_planned_on_today_s_releases(pyenv_plan, release, version):
    assert pyenv_plan.plan(version, release).provider == "system"


def test_gcc_12_is_an_obstacle_of_its_own(pyenv_plan):
    assert pyenv_plan.obstacle((3, 6, 15), (1, 1, 1), 11) is None
    assert "bpo-27987" in pyenv_plan.obstacle((3, 6, 15), (1, 1, 1), 12).reason
    assert pyenv_plan.obstacle((3, 7, 0), (3, 5, 0), 14) is None


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
    for row in pyenv_plan.OBSTACLES:
        assert row.openssl or row.gcc
        assert len(row.reason) > 20
