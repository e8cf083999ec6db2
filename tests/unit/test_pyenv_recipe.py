"""What the plan adds to pyenv's definition."""

import importlib
import re
import subprocess

import pytest

PATCHES = [
    "/r/patches/3.5.10/Python-3.5.10/0010-bpo-36106-Resolve-sinpi-name-clash.patch",
    "/r/patches/3.6.15/Python-3.6.15/0009-bpo-27987-pymalloc-align.patch",
    "/r/patches/3.6.15/Python-3.6.15/0011-bpo-36106-Resolve-sinpi-name-clash.patch",
    "/r/patches/3.6.2/Python-3.6.2/0001-bpo-361067-another.patch",
]


@pytest.fixture
def pyenv_recipe():
    return importlib.import_module("ansible.module_utils.pyenv_recipe")


@pytest.fixture
def make(pyenv_plan, pyenv_recipe):
    def run(version, release, own=(), **options):
        plan = pyenv_plan.plan(version, release, **options)
        return pyenv_recipe.recipe(plan, "/home/it's/.pyenv", list(own), PATCHES, "/home/it's/cache")

    return run


def test_a_version_that_needs_nothing_has_no_recipe(make):
    assert make("3.13.5", "trixie") is None
    assert make("3.6.8", "bullseye") is None


@pytest.mark.parametrize(("version", "release"), [("3.6.8", "trixie"), ("3.9.2", "bookworm"), ("3.7.2", "jammy")])
def test_the_definition_is_bash_and_leads_to_pyenv_s_own(make, version, release):
    recipe = make(version, release)
    text = recipe.files[recipe.definition]
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    quoted = "'/home/it'\"'\"'s/.pyenv/plugins/python-build/share/python-build/%s'"
    assert f"source {quoted % version}\n" in text
    assert "openssl-1.1.1w.tar.gz#cf3098950cb4d853ad95c0841f1f9c6d3dc102dccfcacd521d93925208b76ac8" in text
    assert ("--with-openssl" in text) is (version != "3.6.8")
    assert not re.search(r"(?<!\$)\{\w+\}", text)


def test_patches_come_from_the_series_and_stand_where_python_build_looks(make):
    recipe = make("3.6.8", "trixie")
    patches = {name: source for name, source in recipe.files.items() if name != "3.6.8"}
    assert patches == {"patches/3.6.8/Python-3.6.8/0011-bpo-36106-Resolve-sinpi-name-clash.patch": (PATCHES[2],)}


def test_pyenv_s_own_patches_of_the_version_are_kept_and_not_doubled(make):
    recipe = make("3.6.15", "trixie", own=PATCHES[1:3])
    names = sorted(name for name in recipe.files if name != "3.6.15")
    assert [name.rsplit("/")[-1][:14] for name in names] == ["0009-bpo-27987", "0011-bpo-36106"]


def test_a_pyenv_without_the_patch_is_said(pyenv_recipe):
    with pytest.raises(LookupError, match=r"no patch bpo-36106 for Python 3\.7"):
        pyenv_recipe.find_patch("bpo-36106", "3.7.2", PATCHES)
