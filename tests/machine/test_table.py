"""What the repository says of itself: docs/reliability.md."""

from pathlib import Path

import pytest

from tests.machine.table import rows_of

TABLE = Path(__file__).resolve().parents[2] / "docs/reliability.md"


def test_each_fault_that_is_run_is_in_the_table_as_survived(request):
    if request.config.getoption("table"):
        pytest.skip("this run writes the table")
    rows = rows_of(TABLE.read_text(encoding="utf-8"))
    marked = [value for item in request.session.items for name, value in item.user_properties if name == "survives"]
    said = [(fault, release, rows.get((fault, holds), {}).get(release)) for _, fault, holds, release in marked]
    assert [each for each in said if each[2] != "survived"] == []
