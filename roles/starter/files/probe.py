"""Use a new project as its person does: install, migrate, ask the running page, test, lint.

Arguments: the project's folder, the version of Python that it has to get.

Runs on the system's Python. Each command is typed into a login zsh; one that fails ends this with what it said.
"""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

SHELL = ["zsh", "-lic", 'cd "$1" && shift && exec "$@"', "probe"]
#: Seconds that a server may take to answer, on a slow machine.
PATIENCE = 60


def say(folder, *command):
    """Run a command in the project and return what it says; where it fails, that is shown."""
    typed = " ".join(command)
    words = SHELL + [folder] + list(command)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        sys.exit("%s: exit status %d\n%s" % (typed, done.returncode, text))
    print("%s: done" % typed)
    return text


def free_port():
    """Return the number of a port that nothing listens on."""
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def running(folder, port):
    """Keep the project's server running."""
    with open(os.path.join(folder, "..", "server.log"), "w+", encoding="utf-8", errors="replace") as log:
        command = SHELL + [folder, "pipenv", "run", "flask", "run", "--port", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield server, log
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def ask(folder):
    """Return the text of the first page, as the running server answers it."""
    port = free_port()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with running(folder, port) as (server, log):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with opener.open("http://127.0.0.1:%d/" % port, timeout=PATIENCE) as answer:
                    return answer.read().decode("utf-8")
            except urllib.error.HTTPError as error:
                reason = error
                break
            except OSError as error:
                reason = error
                if server.poll() is not None or time.monotonic() > end:
                    break
            time.sleep(0.2)
        log.seek(0)
        sys.exit("flask run: the page does not answer: %s\n%s" % (reason, log.read()))


def main(folder, version):
    """Run all of it."""
    say(folder, "pipenv", "install", "--dev")
    answer = say(folder, "pipenv", "run", "python", "-V")
    if ("Python %s" % version) not in answer.splitlines():
        sys.exit("pipenv took another interpreter than %s: %s" % (version, answer))
    say(folder, "pipenv", "run", "flask", "db", "upgrade")
    word = "written at %d" % time.time()
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "instance", "app.db"))) as database, database:
        database.execute("INSERT INTO note (text) VALUES (?)", (word,))
    page = ask(folder)
    for wanted in ("This line comes out of the database.", word):
        if wanted not in page:
            sys.exit("flask run: the page does not show the row %r of its database:\n%s" % (wanted, page))
    print("flask run: the page shows what its database holds")
    say(folder, "pipenv", "run", "pytest", "-q")
    say(folder, "pipenv", "run", "flake8")


main(*sys.argv[1:])
