"""docs/screenshot.svg can be made again, and shows what it is made for."""

import re
import xml.etree.ElementTree as ET

from docs import screenshot


def test_the_picture_shows_prompt_sign_and_status_lines(host, machine, request, tmp_path):
    file = tmp_path / "screenshot.svg"
    screenshot.main(["--host", host, "--user", machine.user, "--output", str(file)])
    root = ET.fromstring(file.read_text())  # noqa: S314 - our own
    rows = {}
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        rows.setdefault(float(text.get("y")), []).append((float(text.get("x")), text.text.replace("\xa0", " ")))
    lines = [" ".join(part for _, part in sorted(row)) for _, row in sorted(rows.items())]
    shown = "\n".join(re.sub(" +", " ", line) for line in lines)
    for pattern in (
        r"^\(weather\) ~/weather forecast [*?]{2} %",
        r"^\(weather\).* git st a ?tus --short",
        r"E> .*print ?\(forecast",
        r"F821: undefined name 'unit'",
        r"forecast\.py .*\+4 ~1 -0 .*E1 W0 .*python utf-8",
        r"^ ?weather .*1 zsh",
    ):
        assert re.search(pattern, shown, re.MULTILINE), f"{pattern} is not in\n{shown}"
    named = machine.root("hostname").stdout.strip()
    assert named not in shown.replace("workstation", "")
