"""./test mutations: its table fits the product, its copies, and what counts as caught."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutations import __main__ as command
from tests.mutations.copies import OutOfDate, copy, mutate, replace_once
from tests.mutations.result import Found, judge, read
from tests.mutations.table import MUTATIONS, Mutation
from tests.run.parts import PARTS

ROOT = Path(__file__).resolve().parents[2]
ROW = Mutation("a is b", "file", "a\n", "b\n", "unit", ("tests/unit/test_mutations.py",))

each_row = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)


def test_there_are_enough_rows_and_each_has_a_name_of_its_own():
    assert len(MUTATIONS) >= 20
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert not [mutation.name for mutation in MUTATIONS if mutation.name.isdigit()]


@each_row
def test_each_row_fits_the_product(mutation):
    text = (ROOT / mutation.file).read_text()
    assert replace_once(text, mutation) != text


@each_row
def test_named_tests_exist_and_the_part_runs_them(mutation):
    (part,) = [part for part in PARTS if part.name == mutation.part]
    words = [word for line in part.commands["default"] for word in line]
    left_out = [word.partition("=")[2] for word in words if word.startswith("--ignore=")]
    for path in mutation.tests:
        assert (ROOT / path).is_file()
        assert path not in left_out
        assert [word for word in words if path == word or path.startswith(f"{word}/")]
    assert set(mutation.options) <= set(words)


def test_at_most_five_need_containers():
    assert sum(mutation.part not in command.CHEAP for mutation in MUTATIONS) <= 5


def test_tests_that_are_left_to_full_are_left_out():
    assert command.marks_of("fleet") == []
    assert command.marks_of("life") == command.marks_of("plays") == ["-m", "not full"]
    row = replace(ROW, part="life", only="one", options=("--suite=bookworm",))
    assert command.selection(row) == [*ROW.tests, "--suite=bookworm", "-k", "one", "-m", "not full"]


def test_tests_without_a_mutation_are_those_of_all():
    rows = [ROW, replace(ROW, only="one or two"), replace(ROW, tests=("tests/unit/test_run.py",))]
    assert command.union(rows) == [
        "tests/unit/test_mutations.py",
        "tests/unit/test_run.py",
        "-k",
        "(test_mutations.py and (one or two)) or test_mutations.py or test_run.py",
        *command.marks_of("unit"),
    ]


@pytest.mark.parametrize("text", ["", "a\na\n", "A\n"])
def test_rejects_old_text_that_does_not_occur_once(text):
    with pytest.raises(OutOfDate, match="'a is b': its old text occurs . times in file"):
        replace_once(text, ROW)


def test_rejects_a_mutation_that_changes_nothing():
    with pytest.raises(OutOfDate, match="'a is b'"):
        replace_once("a\n", replace(ROW, new=ROW.old))


def test_copy_has_what_git_would_commit(tmp_path):
    root, made = tmp_path / "root", tmp_path / "made"
    (root / "sub").mkdir(parents=True)
    made.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    for name in (".gitignore", "gone", "file", "sub/Jörg", "ignored"):
        (root / name).write_text("ignored\n" if name == ".gitignore" else "a\n")
    (root / "sub/Jörg").chmod(0o755)
    (root / "link").symlink_to("nowhere")
    subprocess.run(["git", "add", "gone"], cwd=root, check=True)
    (root / "gone").unlink()
    copy(root, made)
    mutate(made, ROW)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=made, check=True, capture_output=True, text=True).stdout
    assert listed.split("\0")[:-1] == [".gitignore", "file", "link", "sub/Jörg"]
    assert (made / "file").read_text() == "b\n"
    assert (root / "file").read_text() == "a\n"
    assert (made / "sub/Jörg").stat().st_mode & 0o111
    assert (made / "link").is_symlink()


@pytest.mark.parametrize(
    ("status", "tests", "verdict"),
    [
        (1, Found(["p"], ["f"]), "caught"),
        (1, Found(["p"], ["f"], ["e"]), "caught"),
        (1, Found(["p"], [], ["e"]), "BROKEN"),
        (0, Found(["p"]), "SURVIVED"),
        (0, Found(), "BROKEN"),
        (2, Found([], [], ["e"]), "BROKEN"),
        (2, Found(["p"], ["f"]), "BROKEN"),
        (3, Found(["p"], ["f"]), "BROKEN"),
        (4, Found(), "BROKEN"),
        (5, Found(), "BROKEN"),
        (None, Found(["p"]), "BROKEN"),
    ],
)
def test_only_a_failed_test_catches(status, tests, verdict):
    assert judge(status, tests).verdict == verdict


def test_caught_names_the_tests():
    assert judge(1, Found([], ["tests/a.py::test_b"])).why == "tests/a.py::test_b"


EXAMPLE = """
import pytest
def test_passes(): pass
def test_fails(): assert False
@pytest.mark.skip
def test_skipped(): pass
@pytest.fixture
def broken(): raise OSError
def test_without_preparation(broken): pass
"""


@pytest.mark.parametrize(
    ("text", "options", "status", "tests"),
    [
        (
            EXAMPLE,
            (),
            1,
            Found(("test_x.py::test_passes",), ("test_x.py::test_fails",), ("test_x.py::test_without_preparation",)),
        ),
        (EXAMPLE, ("-k", "passes"), 0, Found(("test_x.py::test_passes",))),
        (EXAMPLE, ("-k", "nothing"), 5, Found()),
        (EXAMPLE, ("--no-such-option",), 4, Found()),
        ("import no_such_module", (), 2, Found((), (), ("test_x.py::test_x",))),
    ],
)
def test_pytest_is_understood(tmp_path, text, options, status, tests):
    root = tmp_path / "devrig"
    root.mkdir()
    (root / "test_x.py").write_text(text)
    ended, said = command.run_pytest(root, ["test_x.py", *options])
    assert ended == status, said
    assert read(command.report_of(root)) == tests


def test_tests_that_do_not_end_are_ended(tmp_path):
    root = tmp_path / "devrig"
    root.mkdir()
    (root / "test_x.py").write_text("import time\ndef test_x(): time.sleep(600)\n")
    assert command.run_pytest(root, ["test_x.py"], 1)[0] is None


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ([], list(range(1, len(MUTATIONS) + 1))),
        (["2", "1"], [1, 2]),
        ([MUTATIONS[2].name, "3"], [3]),
    ],
)
def test_mutations_are_chosen_by_number_and_name(wanted, numbers):
    assert [number for number, _ in command.arguments(wanted).chosen] == numbers


@pytest.mark.parametrize("wanted", ["0", "1000", "no such fault"])
def test_rejects_unknown_mutation(wanted, capsys):
    with pytest.raises(SystemExit) as ended:
        command.arguments([wanted])
    assert ended.value.code == 2
    assert f"no mutation is '{wanted}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "last"), [(1, "1 caught, 0 survived, 0 broken"), (0, "0 caught, 1 survived, 0 broken")]
)
def test_ends_well_only_where_all_are_caught(monkeypatch, capsys, status, last):
    result = judge(status, Found(["p"], ["f"] if status else []))
    monkeypatch.setattr(command, "run", lambda mutation: (result, ""))
    assert command.main(["--no-baseline", "1"]) == (0 if status else 1)
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == last
    assert MUTATIONS[0].name in printed[-3]


def test_tests_that_fail_without_a_mutation_end_it(monkeypatch):
    monkeypatch.setattr(command, "passes_unmutated", lambda mutations: False)
    assert command.main(["1"]) == 1


def test_lists_every_mutation(capsys):
    assert command.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(MUTATIONS)
