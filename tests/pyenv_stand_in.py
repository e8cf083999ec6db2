"""What stands for pyenv: a script that makes an interpreter out of the one that runs the tests."""

import sys
from pathlib import Path

#: `install` prints what pyenv prints, and fails with what is in the file ROOT.fails, if that is there.
_SCRIPT = """#!/bin/sh
version=${3##*/}
folder=$PYENV_ROOT/versions/$version
case $1 in
install)
  echo "Downloading Python-$version.tar.xz..."
  echo "-> http://127.0.0.1:1/$version"
  echo "MAKE_OPTS=$MAKE_OPTS mirror=$PYTHON_BUILD_MIRROR_URL"
  [ ! -e "$PYENV_ROOT.fails" ] || { mkdir -p "$folder"; cat "$PYENV_ROOT.fails"; exit 1; }
  echo "$PYENV_ROOT" >>"INSTALLS"
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\\nexec env PYTHONPATH=MODULES PYTHON "$@"\\n# %s\\n' "$folder" >"$folder/bin/python"
  chmod +x "$folder/bin/python"
  : >"$folder/.devrig-built"
  ;;
rehash) mkdir -p "$PYENV_ROOT/shims" && touch "$PYENV_ROOT/shims/python" ;;
esac
"""


def write_pyenv(root, work):
    """Write the script into a root of pyenv's.

    :param root: the folder.
    :param work: folder for the file `installs`, with the root of each `install` that is made, a line each, and for a
        module that the interpreters get: Tk may be missing on the machine that tests, and is not what is tested.
    """
    modules = work / "modules"
    modules.mkdir()
    (modules / "tkinter.py").touch()
    text = _SCRIPT
    for word, value in {"INSTALLS": work / "installs", "MODULES": modules, "PYTHON ": f"{sys.executable} "}.items():
        text = text.replace(word, str(value))
    script = Path(root) / "bin/pyenv"
    script.parent.mkdir(parents=True)
    script.write_text(text)
    script.chmod(0o755)
