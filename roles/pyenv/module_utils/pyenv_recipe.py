"""The recipe of an interpreter: pyenv's own definition with what the plan adds to it.

python-build (its README) takes the path of a definition, a bash script, and the patches in patches/VERSION/PACKAGE
beside it. So all that the plan asks for goes through pyenv: download, checksum, mirror, log.
"""

import os
import re
from collections import namedtuple

#: files: path below the recipe's folder -> text. definition: the one to give to `pyenv install`.
Recipe = namedtuple("Recipe", "definition files")

DEFINITIONS = os.path.join("plugins", "python-build", "share", "python-build")

#: Builds OpenSSL into the version's folder, once a host: the next version copies it. The libraries find each other,
#: and Python's modules find them, by a path relative to themselves: the folder can be moved (ld.so(8): $ORIGIN).
OPENSSL = """\
# Written by devrig: an OpenSSL of its own, then pyenv's definition.
openssl=$PREFIX_PATH/openssl
built={cache}

build_package_devrig_openssl() {{
  {{ ./config --prefix="$openssl" --openssldir=/etc/ssl no-tests shared
    "$MAKE" $MAKE_OPTS
    "$MAKE" install_sw
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
{configure}
source {definition}

for module in "$PREFIX_PATH"/lib/python*/lib-dynload/_{{ssl,hashlib}}*.so; do
  patchelf --set-rpath '$ORIGIN/../../../openssl/lib' "$module"
done
"""

#: 3.7 and newer look for OpenSSL by this option (bpo-21541), older ones by the compiler's flags alone.
CONFIGURE = 'package_option python configure --with-openssl="$openssl"'


def quote(text):
    """Return a text as one word of a shell's."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def find_patch(number, version, paths):
    """Return the path of pyenv's patch for a bpo number and a version's series.

    :param number: like "bpo-36106"; it is part of the file's name.
    :param version: full version as text.
    :param paths: paths of patches, as "patches/3.6.15/Python-3.6.15/0011-bpo-36106-....patch".
    :raises LookupError: when pyenv has none for the series.
    """
    series = version.rsplit(".", 1)[0]
    pattern = re.compile(r"patches/%s\.\d+/Python-[^/]+/[^/]*\b%s\b[^/]*$" % (re.escape(series), re.escape(number)))
    found = sorted(path for path in paths if pattern.search(path))
    if not found:
        raise LookupError(
            "this pyenv has no patch %s for Python %s: set pyenv_version to another one" % (number, series)
        )
    return found[-1]


def definition_text(plan, definition, cache):
    """Return the text of the definition that a plan needs.

    :param plan: a Plan.
    :param definition: path of pyenv's own definition.
    :param cache: path of the finished OpenSSL on this host, which need not be there yet.
    """
    if plan.provider != "private":
        return "# Written by devrig: pyenv's definition with patches.\nsource %s\n" % quote(definition)
    modern = tuple(int(part) for part in plan.version.split(".")[:2]) >= (3, 7)
    return OPENSSL.format(
        cache=quote(cache), configure=CONFIGURE if modern else "", definition=quote(definition), **plan.openssl
    )


def recipe(plan, root, own_patches, all_patches, cache):
    """Return the recipe of a plan, or None where pyenv's own definition is all that it needs.

    :param plan: a Plan.
    :param root: pyenv's root.
    :param own_patches: paths of the patches that pyenv has for this very version.
    :param all_patches: paths of all its patches.
    :param cache: folder of finished OpenSSLs.
    :return: a Recipe; the values of its files are texts, or paths in a tuple of one for files to be copied.
    :raises LookupError: when pyenv does not have a patch that the plan names.
    """
    if plan.provider == "system" and not plan.patches:
        return None
    package = "Python-%s" % plan.version
    definition = os.path.join(root, DEFINITIONS, plan.version)
    finished = os.path.join(cache, "openssl-%s" % plan.openssl["version"]) if plan.openssl else ""
    files = {plan.version: definition_text(plan, definition, finished)}
    added = [find_patch(number, plan.version, all_patches) for number in plan.patches]
    for path in list(own_patches) + [path for path in added if path not in own_patches]:
        files[os.path.join("patches", plan.version, package, os.path.basename(path))] = (path,)
    return Recipe(plan.version, files)
