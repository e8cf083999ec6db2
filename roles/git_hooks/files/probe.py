"""Make a repository with this user's git configuration, commit to it, and print as JSON what git did."""

import json
import os
import subprocess
import sys
import tempfile

NOBODY = ["-c", "user.name=devrig", "-c", "user.email=devrig@localhost", "-c", "commit.gpgsign=false"]
WRONG, RIGHT = "def answer():\n    return no_such_name\n", "def answer():\n    return 42\n"


def git(folder, *argv):
    """Run git in a folder; return (exit status, all that it printed)."""
    done = subprocess.run(
        ["git"] + NOBODY + list(argv),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def commit(folder, text):
    """Commit a Python file; return (whether it was taken, what was said)."""
    with open(os.path.join(folder, "answer.py"), "w") as stream:
        stream.write(text)
    git(folder, "add", "answer.py")
    status, said = git(folder, "commit", "-q", "-m", "Answer the question")
    return status == 0, said


def main():
    """Print what was found."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        status, said = git(folder, "init", "-q")
        status_of_hooks, status_said = git(folder, "devrig-hooks", "--status")
        wrong_taken, wrong_said = commit(folder, WRONG)
        right_taken, right_said = commit(folder, RIGHT)
    found = {
        "initialised": status == 0 and not said,
        "init_said": said,
        "active": status_of_hooks == 0,
        "status_said": status_said,
        "wrong_taken": wrong_taken,
        "wrong_said": wrong_said,
        "right_taken": right_taken,
        "right_said": right_said,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
