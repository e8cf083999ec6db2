"""What goes wrong on the way from the network: no network, apt, git, sources, the Python index."""

import subprocess
import time

import pytest

from tests.machine.life import CALM, converges, differences, live_in
from tests.machine.stand_in import VERSIONS

PROXY = 'printf \'Acquire::http::Proxy "%s";\\nAcquire::Retries "0";\\n\' "$1" >/etc/apt/apt.conf.d/99test'


def forget_pyenv(machine):
    """Take pyenv and what it was made from away, as a person would."""
    machine.sh("rm -rf ~/.pyenv ~/.cache/devrig")


def use_proxy(machine, server):
    """Let apt fetch through the server of the tests, which can break, and not from the folder of packages."""
    machine.root(PROXY, server.url)
    machine.root("apt-get clean")


@pytest.mark.full
@pytest.mark.survives("no network, on a new machine", "one clear line, nothing changed")
def test_no_network_before(machine):
    bare = machine("bare", "--network=none", with_archives=False)
    home, system = live_in(bare), bare.system()
    done = bare.bootstrap()
    assert done.code == 1
    assert "bootstrap: " in done.said
    assert "look at the network" in done.said
    assert differences(home, bare.home()) == []
    assert differences(system, bare.system()) == []


@pytest.mark.full
@pytest.mark.survives("no network, on a machine that is set up", "it runs, and changes nothing")
def test_no_network_after(machine):
    ready = machine("ready", "--network=none")
    done = ready.bootstrap()
    assert done.code == 0, done.said[-6000:]
    assert done.recap["changed"] == 0


@pytest.mark.full
@pytest.mark.survives("the network goes while apt fetches", "apt's own words and what to do; the next run goes on")
def test_the_network_goes_while_apt_fetches(machine, server):
    ready = machine("ready", with_archives=False)
    ready.root("apt-get -qq -y purge zsh-autosuggestions zsh-syntax-highlighting tmux")
    use_proxy(ready, server)
    server.faults = [("/pool/", "refuse", -1)]
    done = ready.bootstrap("--tags", "zsh,tmux")
    assert done.code != 0
    assert "look at the network" in done.one_line
    server.heal()
    converges(ready, "--tags", "zsh,tmux")


@pytest.mark.full
@pytest.mark.survives(
    "a package is gone from the mirror", "the lists are fetched again, then it is named; the next run goes on"
)
def test_a_package_is_gone_from_the_mirror(machine, server):
    ready = machine("ready", with_archives=False)
    ready.root("apt-get -qq -y purge zsh-autosuggestions")
    use_proxy(ready, server)
    server.faults = [("zsh-autosuggestions", 404, -1)]
    done = ready.bootstrap("--tags", "zsh")
    assert done.code != 0
    assert "zsh-autosuggestions" in done.one_line
    assert "404" in done.one_line
    server.heal()
    server.faults = [("zsh-autosuggestions", 404, 1)]
    converges(ready, "--tags", "zsh")


HOLD = """
import fcntl, os, time
lock = os.open("/var/lib/dpkg/lock-frontend", os.O_RDWR | os.O_CREAT, 0o640)
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.full
@pytest.mark.survives("another program holds apt's lock for 60 s", "who holds it is said, and waited for")
def test_the_lock_of_apt_is_held(ready):
    ready.root("apt-get -qq -y purge zsh-autosuggestions")
    holder = subprocess.Popen(ready.command("python3", "-c", HOLD, user="root"), stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    began = time.monotonic()
    done = ready.bootstrap("--tags", "zsh")
    assert done.code == 0, done.said[-6000:]
    assert 40 < time.monotonic() - began < 150
    assert "python3" in done.one_line
    assert "lock" in done.one_line
    holder.wait(timeout=90)


@pytest.mark.survives("dpkg was killed half-way", "it is repaired first, and that is said")
def test_an_interrupted_dpkg(ready):
    ready.root("apt-get -qq -y purge zsh-autosuggestions; cd /srv; apt-get -qq download zsh-autosuggestions")
    ready.root("dpkg --unpack /srv/zsh-auto*.deb")
    done = converges(ready, "--tags", "zsh")
    assert "dpkg" in done.one_line


@pytest.mark.full
@pytest.mark.survives(
    "git's mirror does not answer, or with an error", "which one and which setting; the next run goes on"
)
def test_the_git_mirror_fails(ready, server):
    forget_pyenv(ready)
    for fault in (404, 503, "refuse"):
        server.faults = [("pyenv.git", fault, -1)]
        done = ready.bootstrap("--tags", "pyenv")
        assert done.code != 0
        assert "pyenv_git_url" in done.one_line, done.said[-3000:]
        assert ready.sh("ls -A ~/.pyenv 2>/dev/null || true") == ""
    server.heal()
    converges(ready, "--tags", "pyenv,pipenv")


@pytest.mark.full
@pytest.mark.survives("git is killed in the middle of a clone", "no half checkout is taken for a whole one")
def test_a_clone_is_killed(ready, server):
    forget_pyenv(ready)
    server.faults = [("/objects/pack/", "slow", 1)]
    process = ready.begin("--tags", "pyenv", env=CALM)
    assert server.reached.wait(60)
    time.sleep(0.5)
    ready.kill_all()
    process.communicate()
    server.heal()
    converges(ready, "--tags", "pyenv,pipenv")
    assert ready.sh("ls -A ~ | grep devrig- || true") == ""


@pytest.mark.full
@pytest.mark.survives(
    "a lock that a killed git has left (index.lock)", "it is removed, unless a git lives that holds it"
)
def test_a_stale_lock_of_git(ready):
    ready.sh("cd ~/.pyenv; git checkout -q HEAD~1; touch .git/index.lock .git/HEAD.lock")
    converges(ready, "--tags", "pyenv")


@pytest.mark.full
@pytest.mark.survives("a folder is in pyenv's way", "it is named before anything is changed")
def test_a_folder_in_the_way(ready):
    ready.sh("mv ~/.pyenv ~/away; mkdir ~/.pyenv; echo mine >~/.pyenv/notes")
    home = ready.home()
    done = ready.bootstrap("--tags", "pyenv")
    assert done.code != 0
    assert ".pyenv" in done.one_line
    assert "move it away" in done.one_line
    assert [line for line in ready.home() if "devrig" not in line] == [line for line in home if "devrig" not in line]


@pytest.mark.survives(
    "a source is truncated, or another file", "it is fetched anew; if it stays so, the cause and the log are named"
)
@pytest.mark.parametrize("fault", ["cut", "wrong"])
def test_a_bad_source(ready, server, fault):
    sums_of(ready, server)
    server.faults = [(path, fault, -1) for path in server.sources]
    ready.sh('rm -rf ~/.cache/devrig ~/.pyenv/versions/"$1"', VERSIONS[ready.suite])
    done = ready.bootstrap("--tags", "pyenv")
    assert done.code != 0
    assert "could not be built" in done.one_line
    assert "The whole log:" in done.one_line
    assert ready.sh("ls -A ~/.pyenv/versions") == ""
    server.faults = [(path, fault, 1) for path in server.sources]
    converges(ready, "--tags", "pyenv,pipenv")


@pytest.mark.full
@pytest.mark.survives("a source is not there (404)", "the cause, the log and what to do; the next run goes on")
def test_a_source_that_is_not_there(ready, server):
    sums_of(ready, server)
    server.faults = [(path, 404, -1) for path in server.sources]
    ready.sh('rm -rf ~/.cache/devrig ~/.pyenv/versions/"$1"', VERSIONS[ready.suite])
    done = ready.bootstrap("--tags", "pyenv")
    assert done.code != 0
    assert "could not be fetched" in done.one_line
    server.heal()
    converges(ready, "--tags", "pyenv,pipenv")


@pytest.mark.full
@pytest.mark.survives("a mirror says 503 and then answers", "it is asked again")
def test_a_mirror_that_is_busy(ready, server):
    sums_of(ready, server)
    server.faults = [(path, 503, 2) for path in server.sources]
    ready.sh('rm -rf ~/.cache/devrig ~/.pyenv/versions/"$1"', VERSIONS[ready.suite])
    converges(ready, "--tags", "pyenv,pipenv")


@pytest.mark.full
@pytest.mark.survives("a mirror sends slowly and then nothing", "it is given up after a time limit, and asked again")
def test_a_mirror_that_dies(ready, server):
    sums_of(ready, server)
    server.faults = [(path, "slow", 1) for path in server.sources]
    ready.sh('rm -rf ~/.cache/devrig ~/.pyenv/versions/"$1"', VERSIONS[ready.suite])
    # The product's own limit is a minute: the test's is shorter, by curl's setting that python-build has for it.
    ready.settle(
        {
            **ready.settings,
            "devrig_environment": {**ready.environment, "PYTHON_BUILD_CURL_OPTS": "--speed-limit 1024 --speed-time 4"},
        }
    )
    converges(ready, "--tags", "pyenv,pipenv")


def sums_of(machine, server):
    """Let the server know the names of the sources: files named by their sha256."""
    server.sources = [path.name for path in server.folder.iterdir() if path.is_file() and len(path.name) == 64]
    assert server.sources, machine.name


@pytest.mark.full
@pytest.mark.survives("a clock that is wrong by years", "the message of TLS names the clock")
def test_a_wrong_clock(bare):
    bare.root("apt-get -qq -y install faketime")
    done = bare.run("faketime", "2040-01-01", *bare.bootstrap_line("--list-tags"), folder="/srv/devrig", check=False)
    assert done.code == 1, done.said
    assert "clock" in done.said.splitlines()[-1], done.said
    assert bare.bootstrap("--list-tags").code == 0
