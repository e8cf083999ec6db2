"""``python -m tests.machine with SUITE ... -- COMMAND ...``: run a command on machines that are set up.

The command gets ``--host NAME`` for each machine. The containers are removed when it ends.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.machine.machines import running

# /tmp in memory, as in Debian 13: tests copy a home folder there hundreds of times.
OPTIONS = ("--tmpfs=/tmp:rw,exec,mode=1777",)


def main(argv):
    """Do what the command line says; return the command's exit status."""
    if argv[:1] != ["with"] or "--" not in argv:
        print(__doc__, file=sys.stderr)
        return 2
    suites, command = argv[1 : argv.index("--")], argv[argv.index("--") + 1 :]
    with tempfile.TemporaryDirectory() as folder, running(suites, Path(folder), *OPTIONS) as names:
        return subprocess.run([*command, *(f"--host={name}" for name in names)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
