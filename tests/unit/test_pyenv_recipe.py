"""What the plan adds to pyenv's definition."""

import re
import subprocess

import pytest

FILES = {
    "3.5.10/0010-bpo-36106-Resolve-sinpi-name-clash.patch": "",
    "3.6.15/0009-bpo-27987-pymalloc-align.patch": "",
    "3.6.15/0011-bpo-36106-Resolve-sinpi-name-clash.patch": "",
    "3.6.15/0012-align.patch": "Subject: BPO-27987: the other half\n@@ -1 +1 @@\n",
    "3.6.15/0013-jobs.patch": "Subject: jobs\n@@ -1 +1 @@\n-see bpo-27987\n",
    "3.6.2/0001-bpo-361067-another.patch": "",
}


@pytest.fixture
def patches(tmp_path):
    """Return the paths of pyenv's patches by what is special of them."""
    paths = {}
    for name, text in FILES.items():
        version, file = name.split("/")
        path = tmp_path / "patches" / version / f"Python-{version}" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        paths[name] = str(path)
    return paths


@pytest.fixture
def make(pyenv_plan, pyenv_recipe, patches):
    def run(version, release, own=(), **options):
        plan = pyenv_plan.plan(version, pyenv_plan.host_of(release), **options)
        folders = {"cache": "/home/it's/cache", "folder": "/home/it's/recipe"}
        return pyenv_recipe.recipe(
            plan, "/home/it's/.pyenv", own_patches=list(own), all_patches=list(patches.values()), **folders
        )

    return run


@pytest.mark.parametrize(
    ("version", "release"),
    [("3.6.8", "trixie"), ("3.9.2", "bookworm"), ("3.7.2", "jammy"), ("3.13.5", "trixie"), ("2.7.12", "bookworm")],
)
def test_the_definition_is_bash_and_leads_to_pyenv_s_own(make, version, release):
    recipe = make(version, release, optimize=version != "2.7.12")
    text = recipe.files[recipe.definition]
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    quoted = "'/home/it'\"'\"'s/.pyenv/plugins/python-build/share/python-build/%s'"
    assert f"source {quoted % version}\n" in text
    assert not re.search(r"(?<!\$)\{\w+\}", text)
    assert ("--enable-optimizations" in text) is (version != "2.7.12")


def test_an_openssl_of_its_own_is_pinned_and_found_from_where_the_tree_lies(make):
    text = make("3.6.8", "trixie").files["3.6.8"]
    assert "openssl-1.1.1w.tar.gz#cf3098950cb4d853ad95c0841f1f9c6d3dc102dccfcacd521d93925208b76ac8" in text
    assert "$ORIGIN/../../../openssl/lib" in text
    assert "--with-openssl" not in text
    assert "--with-openssl" in make("3.7.2", "jammy").files["3.7.2"]
    assert "openssl-1.0.2u.tar.gz#ecd0c6ffb493" in make("2.7.12", "jammy").files["2.7.12"]


def test_the_system_s_openssl_needs_nothing_of_it(make):
    assert "openssl" not in make("3.13.5", "trixie").files["3.13.5"]


def test_nothing_unpinned_is_fetched_in_the_place_of_ensurepip(make):
    recipe = make("3.6.8", "trixie")
    assert "export GET_PIP='/home/it'\"'\"'s/recipe/get-pip.py'\n" in recipe.files["3.6.8"]
    assert "ensurepip" in recipe.files["get-pip.py"]


MAKEFILES = {
    "3.6.8": r"""
	-PYTHONPATH=$(DESTDIR)$(LIBDEST)  $(RUNSHARED) \
		$(PYTHON_FOR_BUILD) -Wi $(DESTDIR)$(LIBDEST)/compileall.py \
		-d $(LIBDEST) -f \
		-x 'bad_coding|badsyntax|site-packages|lib2to3/tests/data' \
		$(DESTDIR)$(LIBDEST)
	-PYTHONPATH=$(DESTDIR)$(LIBDEST) $(RUNSHARED) \
		$(PYTHON_FOR_BUILD) -Wi -OO $(DESTDIR)$(LIBDEST)/compileall.py \
		-d $(LIBDEST) -f \
""",
    "3.13.5": r"""
TEST_MODULES=no
	-PYTHONPATH=$(DESTDIR)$(LIBDEST) $(RUNSHARED) \
		$(PYTHON_FOR_BUILD) -Wi $(DESTDIR)$(LIBDEST)/compileall.py \
		-o 0 -o 1 -o 2 $(COMPILEALL_OPTS) -d $(LIBDEST) -f \
		-x 'bad_coding|badsyntax|site-packages' \
		$(DESTDIR)$(LIBDEST)
""",
}


@pytest.mark.parametrize("version", MAKEFILES)
def test_the_makefile_is_spared_what_nobody_waits_for(make, tmp_path, version):
    (tmp_path / "Makefile").write_text(MAKEFILES[version])
    (tmp_path / "configure").write_text('#!/bin/sh\necho "$@" >asked\n')
    (tmp_path / "configure").chmod(0o755)
    text = make(version, "bullseye").files[version]
    function = text[text.index("devrig_configure()") : text.index("export PYTHON_CONFIGURE")]
    subprocess.run(["bash", "-euc", f"{function}\ndevrig_configure --prefix=/p"], cwd=tmp_path, check=True)
    assert (tmp_path / "asked").read_text() == "--with-ensurepip=no --disable-test-modules --prefix=/p\n"
    made = (tmp_path / "Makefile").read_text()
    (excluded,) = re.findall(r"-x '(.*)'", made)
    for path in ("test/test_os.py", "json/tests/x.py", "unittest/test/test_case.py"):
        assert re.search(excluded, f"/home/tests/.pyenv/versions/x/lib/python3.6/{path}"), path
    for path in ("unittest/case.py", "doctest.py", "site.py"):
        assert not re.search(excluded, f"/home/tests/.pyenv/versions/x/lib/python3.6/{path}"), path
    assert "-o 1" not in made
    assert ("TEST_MODULES=yes\n" in made) is (version == "3.13.5")
    assert not re.search(r"BUILD\) -Wi -O", made)
    assert ("-j0" in made) is (version == "3.6.8")
    assert made.count("\n") == MAKEFILES[version].count("\n")


def names(recipe):
    return sorted(name.rsplit("/")[-1][:14] for name in recipe.files if "/Python-" in name)


def test_patches_come_from_the_series_and_stand_where_python_build_looks(make, patches):
    recipe = make("3.6.8", "trixie")
    copied = {name: source for name, source in recipe.files.items() if "/Python-" in name}
    name = "0011-bpo-36106-Resolve-sinpi-name-clash.patch"
    assert copied == {f"patches/3.6.8/Python-3.6.8/{name}": (patches[f"3.6.15/{name}"],)}


def test_pyenv_s_own_patches_are_kept_once_but_for_those_that_change_the_binary_interface(make, patches):
    """Those are known by their name, or by what they say of themselves."""
    own = [path for name, path in patches.items() if name.startswith("3.6.15")]
    assert names(make("3.6.15", "trixie", own=own)) == ["0011-bpo-36106", "0013-jobs.patc"]


def test_a_series_without_the_patch_takes_the_newest_that_has_it(make, patches):
    recipe = make("3.7.2", "trixie")
    assert (patches["3.6.15/0011-bpo-36106-Resolve-sinpi-name-clash.patch"],) in recipe.files.values()


def test_a_patch_that_pyenv_renamed_is_found_by_what_it_says(pyenv_recipe, tmp_path):
    folder = tmp_path / "patches/3.6.15/Python-3.6.15"
    folder.mkdir(parents=True)
    (folder / "0001-sinpi.patch").write_text("Subject: bpo-36106: a name clash\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n")
    (folder / "0002-other.patch").write_text("Subject: other\n@@ -1 +1 @@\n-x\n+see bpo-36106\n")
    paths = [str(path) for path in sorted(folder.iterdir())]
    assert pyenv_recipe.find_patch("bpo-36106", "3.6.8", paths) == paths[0]
    with pytest.raises(LookupError, match=r"no patch bpo-1 for Python 3\.6\.8: set pyenv_version"):
        pyenv_recipe.find_patch("bpo-1", "3.6.8", paths)


def test_the_private_openssl_leaves_no_trace_for_extensions_that_a_person_compiles(make, tmp_path):
    """What sysconfig and python-config tell: the system's headers and libraries belong together."""
    text = make("3.6.8", "bookworm").files["3.6.8"]
    prefix = tmp_path / "versions/3.6.8"
    flags = "-L{0}/lib -Wl,-rpath,{0}/lib -L/p/lib -Wl,-rpath=/p/lib".format(f"{prefix}/openssl")
    data = prefix / "lib/python3.6/_sysconfigdata_m_linux_x86_64-linux-gnu.py"
    makefile = prefix / "lib/python3.6/config-3.6m-x86_64-linux-gnu/Makefile"
    for path in (data, makefile):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"'CPPFLAGS': '-I{prefix}/openssl/include -I.', 'LDSHARED': 'gcc -shared {flags}'\n")
    (prefix / "bin").mkdir()
    script = text[text.index('find "$PREFIX_PATH/lib"') : text.index(': >"$PREFIX_PATH')]
    command = ["bash", "-euc", f'PREFIX_PATH="$1"; openssl=$PREFIX_PATH/openssl\n{script}', "bash", str(prefix)]
    subprocess.run(command, check=True)
    for path in (data, makefile):
        assert path.read_text() == "'CPPFLAGS': ' -I.', 'LDSHARED': 'gcc -shared -L/p/lib -Wl,-rpath=/p/lib'\n"


def test_a_private_openssl_1_1_refuses_what_debian_s_refuses(make, tmp_path):
    recipe = make("3.6.8", "bookworm")
    assert "-DOPENSSL_TLS_SECURITY_LEVEL=2" in recipe.files["3.6.8"]
    lines = ["    ret->method = meth;", "    ret->min_proto_version = 0;", "    ret->max_proto_version = 0;"]
    (tmp_path / "ssl").mkdir()
    (tmp_path / "ssl/ssl_lib.c").write_text("\n" * 3000 + "\n".join(lines) + "\n")
    patch = recipe.files["patches/3.6.8/openssl-1.1.1w/devrig-tls-policy.patch"]
    subprocess.run(["patch", "-p1", "--force"], input=patch, text=True, cwd=tmp_path, check=True)
    assert "TLS1_2_VERSION" in (tmp_path / "ssl/ssl_lib.c").read_text()
    assert not [name for name in make("2.7.12", "bookworm").files if "/openssl-" in name]


def test_an_edit_is_made_before_configure(make, tmp_path):
    (tmp_path / "Modules").mkdir()
    source = tmp_path / "Modules/_cursesmodule.c"
    source.write_text("    if (self->win->_flags & _ISPAD)\n")
    (tmp_path / "configure").write_text("#!/bin/sh\ncp Modules/_cursesmodule.c seen && touch Makefile\n")
    (tmp_path / "configure").chmod(0o755)
    text = make("3.6.3", "trixie").files["3.6.3"]
    function = text[text.index("devrig_configure()") : text.index("export PYTHON_CONFIGURE")]
    subprocess.run(["bash", "-euc", f"{function}\ndevrig_configure"], cwd=tmp_path, check=True)
    assert (tmp_path / "seen").read_text() == "    if (is_pad(self->win))\n"
    assert "EDITS" not in make("3.6.8", "trixie").files["3.6.8"]


def test_the_own_patch_fits_mathmodule_c(make, tmp_path):
    """The three lines are those of 2.7's."""
    (tmp_path / "Modules").mkdir()
    (tmp_path / "Modules/mathmodule.c").write_text("x;\n" * 71 + "\nstatic double\nsinpi(double x)\n{\n")
    patch = make("2.7.16", "trixie").files["patches/2.7.16/Python-2.7.16/devrig-sinpi.patch"]
    subprocess.run(["patch", "-p1", "--force"], input=patch, text=True, cwd=tmp_path, check=True)
    assert "#define sinpi m_sinpi\nstatic double\nsinpi" in (tmp_path / "Modules/mathmodule.c").read_text()


def test_the_own_patch_fits_setup_py(make, tmp_path):
    """The three lines are those of setup.py in 2.7, 3.5 and 3.6; they stand elsewhere in each."""
    lines = ["        # find out which version of OpenSSL we have", "        openssl_ver = 0"]
    lines += ["        openssl_ver_re = re.compile(", "            r'^x' )"]
    (tmp_path / "setup.py").write_text("\n" * 700 + "\n".join(lines) + "\n")
    recipe = make("3.6.8", "bookworm", choice="system")
    patch = recipe.files["patches/3.6.8/Python-3.6.8/devrig-openssl-version.patch"]
    subprocess.run(["patch", "-p1", "--force"], input=patch, text=True, cwd=tmp_path, check=True)
    assert "openssl_ver = 0x10000000\n" in (tmp_path / "setup.py").read_text()
