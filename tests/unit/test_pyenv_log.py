"""What the log of a build says."""

import re

import pytest

COMPILE = "gcc -pthread -c -O3 -o Objects/x.o Objects/x.c\n"
BEGIN = "Downloading Python-3.6.8.tar.xz...\n-> http://127.0.0.1:1/e9958a\nInstalling Python-3.6.8...\n"
CONFIGURED = BEGIN + "checking for gcc... gcc\n" * 690 + "config.status: creating pyconfig.h\n"
COMPILED = CONFIGURED + COMPILE * 240
INSTALLED = COMPILED + "/usr/bin/install -c -m 644 ./Lib/x.py /home/dev/.pyenv/versions/3.6.8/lib/python3.6\n" * 2800
OPENSSL = "Downloading openssl-1.1.1w.tar.gz...\nInstalling openssl-1.1.1w...\n"


@pytest.mark.parametrize(
    ("text", "phase", "low", "high"),
    [
        ("", "begins", 0, 0),
        ("Downloading Python-3.6.8.tar.xz...\n", "fetches the source", 0, 2),
        (BEGIN, "configures", 2, 3),
        (BEGIN + "checking for gcc... gcc\n" * 345, "configures", 7, 10),
        (CONFIGURED, "compiles", 14, 16),
        (CONFIGURED + COMPILE * 120, "compiles", 40, 50),
        (COMPILED + "/usr/bin/install -c -m 644 ./Tools/gdb/libpython.py python-gdb.py\n", "compiles", 74, 76),
        (INSTALLED, "installs", 94, 96),
        (INSTALLED + "Looking in links: /tmp/x\n", "brings pip", 95, 99),
        (OPENSSL, "compiles OpenSSL", 0, 1),
        (OPENSSL + COMPILE * 380, "compiles OpenSSL", 15, 25),
        (OPENSSL + COMPILE * 760 + BEGIN, "configures", 40, 43),
        (OPENSSL + COMPILE * 760 + CONFIGURED + COMPILE * 120, "compiles", 64, 70),
        (CONFIGURED + COMPILE * 9999, "compiles", 75, 75),
    ],
)
def test_how_far_a_build_is(pyenv_log, text, phase, low, high):
    name, percent = pyenv_log.progress(text)
    assert name == phase
    assert low <= percent <= high


def test_progress_never_goes_back_and_never_says_that_all_is_done(pyenv_log):
    lines = (OPENSSL + COMPILE * 760 + INSTALLED + "Looking in links: /tmp/x\n" * 9).splitlines(keepends=True)
    seen = [pyenv_log.progress("".join(lines[:count]))[1] for count in range(0, len(lines), 300)]
    assert seen == sorted(seen)
    assert seen[-1] <= 99


def test_sources(pyenv_log):
    assert pyenv_log.sources_of(BEGIN) == ["http://127.0.0.1:1/e9958a"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("tar: x: Cannot write: No space left on device\nsegmentation fault\n", "the disk is full: make room"),
        (
            "configure: error: no acceptable C compiler found in $PATH\n",
            "no C compiler that works: run with --tags build_deps",
        ),
        ("x.c:1:10: fatal error: ffi.h: No such file or directory\n", "the header ffi.h is missing: run with"),
        ("gcc: fatal error: Killed signal terminated program cc1\n", "memory ran out: set pyenv_build_jobs to 1"),
        ("python-build: TMPDIR=/x cannot hold executables (partition\n", r"noexec\): set pyenv_cache_dir"),
        ("checksum mismatch: Python-3.6.8.tar.xz (file is corrupt)\n", r"Python-3\.6\.8\.tar\.xz is not the file"),
        ("error: failed to download Python-3.6.8.tar.xz\n", r"Python-3\.6\.8\.tar\.xz could not be fetched"),
        ("1 out of 3 hunks FAILED -- saving rejects\n", "a patch does not fit the source: set pyenv_version"),
        ("make: *** [Makefile:1] Segmentation fault (core dumped)\n", "crashed while it was built"),
        ("mkdir: cannot create directory: Permission denied\n", "a file may not be written: look who owns"),
        ("error: failed to install pip via get-pip.py\n", "pip could not be put in place"),
        ("Compiling 'lib/ensurepip/__init__.py'...\npatchelf: command not found\n", "patchelf did not work"),
    ],
)
def test_the_cause_of_a_failure(pyenv_log, text, cause):
    assert re.search(cause, pyenv_log.cause_of(f"first\n{text}BUILD FAILED\n"))


def test_a_log_that_does_not_tell(pyenv_log):
    assert pyenv_log.cause_of("BUILD FAILED\n") == ""


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("error: failed to download x\n", True),
        ("checksum mismatch: x (file is corrupt)\n", True),
        ("BUILD FAILED", False),
    ],
)
def test_what_another_try_may_help(pyenv_log, text, again):
    assert pyenv_log.fetch_failed(text) is again


SPOILT = "checksum mismatch: /cache/x (file is corrupt)\nDownloading x...\n-> http://127.0.0.1:1/x\n"


def test_a_fetch_that_failed_and_was_made_good_is_not_the_cause(pyenv_log):
    text = SPOILT + "Installing x...\ncc: fatal error: Killed signal terminated program cc1\nBUILD FAILED\n"
    assert pyenv_log.fetch_failed(text) is False
    assert "memory ran out" in pyenv_log.cause_of(text)
    assert pyenv_log.fetch_failed(SPOILT + "checksum mismatch: x (file is corrupt)\n") is True


def test_the_last_lines_are_those_that_say_something(pyenv_log):
    assert pyenv_log.last_lines("one\n\n two  \n\n\nthree\n\n", 2) == [" two", "three"]
