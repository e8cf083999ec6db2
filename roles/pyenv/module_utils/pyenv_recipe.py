"""The recipe of an interpreter: pyenv's own definition with what the plan adds to it.

python-build (its README) takes the path of a definition, a bash script, and the patches in patches/VERSION/PACKAGE
beside it. So all that the plan asks for goes through pyenv: download, checksum, mirror, log.
"""

import hashlib
import os
import re
from collections import namedtuple

from ansible.module_utils.pyenv_host import architecture

#: files: path below the recipe's folder -> text. definition: the one to give to `pyenv install`.
Recipe = namedtuple("Recipe", "definition files")

#: Written into the version's folder when all of the recipe is done: the build ended, though perhaps nobody saw it.
BUILT = ".devrig-built"

DEFINITIONS = os.path.join("plugins", "python-build", "share", "python-build")

#: Debian's OpenSSLs refuse TLS before 1.2 and keys below 2048 bits unless openssl.cnf says otherwise. Upstream's does
#: not, and /etc/ssl/openssl.cnf of Debian 12 and newer is silent: it becomes a default of the library's. A file that
#: OPENSSL_CONF names overrides it (SSL_CONF_cmd(3): MinProtocol, CipherString); so does /etc/ssl/openssl.cnf, unless it
#: names providers first, as Debian 13's does, at which 1.1.1 stops to read.
TLS_POLICY = """\
diff --git a/ssl/ssl_lib.c b/ssl/ssl_lib.c
--- a/ssl/ssl_lib.c
+++ b/ssl/ssl_lib.c
@@ -3051,3 +3051,3 @@
     ret->method = meth;
-    ret->min_proto_version = 0;
+    ret->min_proto_version = meth->version == TLS_ANY_VERSION ? TLS1_2_VERSION : 0;
     ret->max_proto_version = 0;
"""

#: Builds OpenSSL into the version's folder, once for all versions of a user: the next one copies it. The libraries find
#: each other, and Python's modules find them, by a path relative to themselves: the folder can be moved (ld.so(8)).
OPENSSL = """\
openssl=$PREFIX_PATH/openssl
built={cache}

build_package_devrig_openssl() {{
  {{ ./config --prefix="$openssl" --openssldir=/etc/ssl no-tests shared -DOPENSSL_TLS_SECURITY_LEVEL=2
    "$MAKE" {jobs}
    # 1.0.2 would write openssl.cnf and empty folders into /etc/ssl, too
    "$MAKE" install_sw OPENSSLDIR="$openssl/ssl"
    chmod u+w "$openssl"/lib/*.so.*
    patchelf --set-rpath '$ORIGIN' "$openssl"/lib/libssl.so.*
    rm -rf "$built.new"
    mkdir -p "${{built%/*}}"
    cp -a "$openssl" "$built.new"
    mv -T "$built.new" "$built"
  }} >&4 2>&1
}}

if [ -d "$built" ]; then
  mkdir -p "$PREFIX_PATH"
  cp -a "$built" "$openssl"
else
  install_package openssl-{version} "{url}#{sha256}" devrig_openssl
fi
export CPPFLAGS="-I$openssl/include${{CPPFLAGS:+ $CPPFLAGS}}"
export LDFLAGS="-L$openssl/lib -Wl,-rpath,$openssl/lib${{LDFLAGS:+ $LDFLAGS}}"
"""

#: 3.7 and newer look for OpenSSL by this option (bpo-21541), older ones by the compiler's flags alone.
WITH_OPENSSL = 'package_option python configure --with-openssl="$openssl"\n'

#: Modules find their OpenSSL wherever the tree lies. Extensions that a person compiles get the system's headers and
#: libraries, which belong together: the private ones leave no trace in what sysconfig and python-config tell.
RELATIVE = """
for module in "$PREFIX_PATH"/lib/python*/lib-dynload/_{ssl,hashlib}*.so; do
  patchelf --set-rpath '$ORIGIN/../../../openssl/lib' "$module"
done
find "$PREFIX_PATH/lib" "$PREFIX_PATH/bin" -type f \\( -name '_sysconfigdata*.py' -o -name Makefile -o -name '*.pc' \
  -o -name 'python*-config' \\) -exec sed -i -E "s# ?(-L|-I|-Wl,-rpath,)$openssl/(lib|include)##g" {} +
"""

#: What a build need not do: bytecode of -O and -OO, and of CPython's own tests, is made when it is first wanted; pip is
#: put in place once, by pyenv; C modules that only CPython's own tests import (_testcapi and its like, since 3.10 an
#: option of configure) are not compiled. The tests themselves are installed, and run without those.
LEAN = r"""
devrig_configure() {
  EDITS
  ./configure --with-ensurepip=no --disable-test-modules "$@" || return 1
  sed -i -E \
    -e 's#^(TEST_MODULES=[[:space:]]*)no$#\1yes#' \
    -e 's#\$\(PYTHON_FOR_BUILD\) -Wi -OO? #: #' \
    -e 's#-o 0 -o 1 -o 2#-o 0#' \
    -e "s#-x '(bad_coding[^']*)'#-x '\1|python[0-9.]+/(.+/)?tests?/'#" \
    -e 's#(-Wi \$\(DESTDIR\)\$\(LIBDEST\)/compileall\.py) \\$#\1JOBS \\#' \
    Makefile
}
export PYTHON_CONFIGURE=devrig_configure
"""
JOBS = ((3, 5), (3, 8))  # the series whose compileall knows -j (bpo-16104) and whose Makefile does not use it yet

#: pyenv would fetch a get-pip.py that nobody pinned when ensurepip fails. This one stands in its place.
STAND_IN = """\
# Written by devrig. ensurepip did not work: say why, fetch nothing.
import runpy

runpy.run_module("ensurepip", run_name="__main__", alter_sys=True)
"""

#: Patches of pyenv's for 3.5.10 and 3.6.15 that are left out: they make PyGC_Head larger than prebuilt wheels know it.
#: The plan's flags cure what they are for (CURES in pyenv_plan.py).
UNWANTED = "bpo-27987"

#: devrig's own patches: only where upstream has none.
PATCHES = {
    # glibc 2.41 declares sinpi in math.h; 2.7's mathmodule.c has one of its own (bpo-36106, mended in 2.7.17).
    "sinpi": """\
diff --git a/Modules/mathmodule.c b/Modules/mathmodule.c
--- a/Modules/mathmodule.c
+++ b/Modules/mathmodule.c
@@ -73,2 +73,3 @@
+#define sinpi m_sinpi
 static double
 sinpi(double x)
""",
    # setup.py reads OPENSSL_VERSION_NUMBER as a hex literal, OpenSSL 3 defines an expression: found to be 0, "too old",
    # and _hashlib is left out. The plan knows the version: setup.py need not guess.
    "openssl-version": """\
diff --git a/setup.py b/setup.py
--- a/setup.py
+++ b/setup.py
@@ -876,3 +876,3 @@
         # find out which version of OpenSSL we have
-        openssl_ver = 0
+        openssl_ver = 0x10000000
         openssl_ver_re = re.compile(
""",
}


#: Others are one word in lines that differ from version to version: edits, made before configure.
EDITS = {
    # ncurses 6.5 hides the members of WINDOW; is_pad(3x) tells the same (bpo-25720, mended in 3.6.4 and 2.7.15).
    "curses-pad": "sed -i 's/self->win->_flags & _ISPAD/is_pad(self->win)/' Modules/_cursesmodule.c",
}


def quote(text):
    """Return a text as one word of a shell's."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def find_patch(number, version, paths):
    """Return the path of pyenv's patch for a bpo number: of a version's series, else of the newest that has it.

    :param number: like "bpo-36106"; it is part of the file's name, or of its first lines where pyenv renamed it.
    :param version: full version as text.
    :param paths: paths of patches, as "patches/3.6.15/Python-3.6.15/0011-bpo-36106-....patch".
    :raises LookupError: when pyenv has none.
    """
    found = [path for path in paths if names(number, path)]
    if not found:
        raise LookupError(
            "this pyenv has no patch %s for Python %s: set pyenv_version to another one" % (number, version)
        )
    return max(found, key=lambda path: (series_of(path) == series_of("patches/%s/" % version), series_of(path), path))


def series_of(path):
    """Return the series that a patch's folder is named for, like (3, 6)."""
    match = re.search(r"patches/(\d+)\.(\d+)\.", path)
    return tuple(int(part) for part in match.groups()) if match else ()


def names(number, path):
    """Say whether a patch is for a bpo number, by its file's name or by what stands before its first change."""
    wanted = re.compile(r"\b%s\b" % re.escape(number), re.IGNORECASE)
    if wanted.search(os.path.basename(path)):
        return True
    with open(path, encoding="utf-8", errors="replace") as stream:
        return wanted.search(stream.read().split("\n@@", 1)[0]) is not None


def finished_openssl(openssl):
    """Return the name of a finished OpenSSL in the cache; another recipe, machine or C library has another one."""
    made_of = [OPENSSL, TLS_POLICY, architecture(), os.confstr("CS_GNU_LIBC_VERSION")]
    return "openssl-%s-%s" % (openssl["version"], hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:12])


def definition_text(plan, definition, cache, folder):
    """Return the text of the definition that a plan needs.

    :param plan: a Plan.
    :param definition: path of pyenv's own definition.
    :param cache: path of the finished OpenSSL on this host, which need not be there yet.
    :param folder: path of the recipe's folder.
    """
    series = tuple(int(part) for part in plan.version.split(".")[:2])
    parts = ["# Written by devrig: what the plan adds to pyenv's definition.\n"]
    parts.append("export GET_PIP=%s\n" % quote(os.path.join(folder, "get-pip.py")))
    if plan.openssl:
        jobs = "$MAKE_OPTS" if plan.openssl["version"].startswith("1.1.") else "-j 1"  # 1.0 is not made for more
        parts.append(OPENSSL.format(cache=quote(cache), jobs=jobs, **plan.openssl))
        parts.append(WITH_OPENSSL if series >= (3, 7) else "")
    parts += ["package_option python configure %s\n" % quote(option) for option in plan.configure]
    if plan.profile:
        parts.append("package_option python make %s\n" % quote("PROFILE_TASK=" + plan.profile))
    edits = [EDITS[name] for name in plan.own_patches if name in EDITS]
    lean = LEAN.replace("JOBS", " -j0" if JOBS[0] <= series <= JOBS[1] else "")
    parts.append(lean.replace("  EDITS\n", "".join("  %s || return 1\n" % edit for edit in edits)))
    parts.append("source %s\n" % quote(definition))
    parts.append(RELATIVE if plan.openssl else "")
    parts.append(': >"$PREFIX_PATH/%s"\n' % BUILT)
    return "".join(parts)


def recipe(plan, root, *, own_patches, all_patches, cache, folder):
    """Return the recipe of a plan.

    :param plan: a Plan.
    :param root: pyenv's root.
    :param own_patches: paths of the patches that pyenv has for this very version.
    :param all_patches: paths of all its patches.
    :param cache: folder of finished OpenSSLs.
    :param folder: where the recipe will lie.
    :return: a Recipe; the values of its files are texts, or paths in a tuple of one for files to be copied.
    :raises LookupError: when pyenv does not have a patch that the plan names.
    """
    definition = os.path.join(root, DEFINITIONS, plan.version)
    finished = os.path.join(cache, finished_openssl(plan.openssl)) if plan.openssl else ""
    files = {plan.version: definition_text(plan, definition, finished, folder), "get-pip.py": STAND_IN}
    if plan.openssl and plan.openssl["version"].startswith("1.1."):
        package = "openssl-%s" % plan.openssl["version"]
        files[os.path.join("patches", plan.version, package, "devrig-tls-policy.patch")] = TLS_POLICY
    patches = os.path.join("patches", plan.version, "Python-%s" % plan.version)
    kept = [path for path in own_patches if not names(UNWANTED, path)]
    added = [find_patch(number, plan.version, all_patches) for number in plan.patches]
    for path in kept + [path for path in added if path not in kept]:
        files[os.path.join(patches, os.path.basename(path))] = (path,)
    for name in set(plan.own_patches) & set(PATCHES):
        files[os.path.join(patches, "devrig-%s.patch" % name)] = PATCHES[name]
    return Recipe(plan.version, files)
