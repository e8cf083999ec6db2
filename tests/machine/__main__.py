"""``python -m tests.machine lend SUITE ... -- COMMAND ...``: run a command on machines that are set up.

The command gets ``--host NAME`` for each; the machines are containers that are removed when it has ended.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.machine.machines import lent

# In memory, as Debian 13 has it: tests copy a home folder there hundreds of times.
OPTIONS = ("--tmpfs=/tmp:rw,exec,mode=1777",)


def main(argv):
    """Do what the command line says; return the command's exit status."""
    if argv[:1] != ["lend"] or "--" not in argv:
        print(__doc__, file=sys.stderr)
        return 2
    suites, command = argv[1 : argv.index("--")], argv[argv.index("--") + 1 :]
    with tempfile.TemporaryDirectory() as folder, lent(suites, Path(folder), *OPTIONS) as names:
        return subprocess.run([*command, *(f"--host={name}" for name in names)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
