"""Make docs/screenshot.svg from a real session: tmux with a shell on the left and vim on the right.

The session runs in a pseudo-terminal on a machine that the playbook has set up, in a home folder of its own, and tmux
tells another host name: nothing of the machine is in the picture. rich draws it: text on a grid of cells, in whatever
monospaced font the reader has; nothing is loaded from elsewhere.

Run: python -m docs.screenshot [--host CONTAINER] [--user USER] [--output FILE]; without a container on this machine.
"""

import argparse
import io
import itertools
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.terminal.machine import Home, Machine
from tests.terminal.screen import Terminal

COLUMNS, LINES = 130, 30
OUTPUT = Path(__file__).with_name("screenshot.svg")

#: The sixteen colours of the terminal that is drawn, and its own two.
THEME = TerminalTheme(
    (29, 32, 33),
    (213, 196, 161),
    [
        (40, 40, 40),
        (204, 36, 29),
        (152, 151, 26),
        (215, 153, 33),
        (69, 133, 136),
        (177, 98, 134),
        (104, 157, 106),
        (168, 153, 132),
    ],
    [
        (146, 131, 116),
        (251, 73, 52),
        (184, 187, 38),
        (250, 189, 47),
        (131, 165, 152),
        (211, 134, 155),
        (142, 192, 124),
        (235, 219, 178),
    ],
)
#: pyte's names of the sixteen colours -> rich's.
NAMES = {"brown": "yellow", "brightbrown": "bright_yellow", "bfightmagenta": "bright_magenta"}

#: rich's picture without its title bar and its fonts from the net: the screen in a frame.
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 30 {width} {height}" role="img" aria-label="tmux with zsh and vim">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; \
font-size: {char_height}px; white-space: pre; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

PROJECT = """
git config --global user.name n; git config --global user.email e@localhost
mkdir -p weather/.venv/bin; cd weather
ln -s /usr/bin/python3 .venv/bin/python; printf 'version = 3\\n' >.venv/pyvenv.cfg
git init -q .; git symbolic-ref HEAD refs/heads/forecast
printf '.venv/\\n' >.gitignore
cat >forecast.py <<'END'
\"\"\"Tomorrow's weather, from today's.\"\"\"
import json
from pathlib import Path


def read(path):
    \"\"\"Return the measurements of a day.\"\"\"
    return json.loads(Path(path).read_text())


def forecast(day):
    \"\"\"Return what tomorrow will be like.\"\"\"
    warm = sum(day["degrees"]) / len(day["degrees"])
    return "sunny" if warm > 20 else "rain"
END
git add .; git commit -qm 'Say what tomorrow will be like'
cat >>forecast.py <<'END'


if __name__ == "__main__":
    print(forecast(read("today.json"), unit))
END
sed -i 's/rain/showers/' forecast.py
touch today.json
"""


def record(machine):
    """Run the session and return its terminal, closed, with the screen as it was at the end.

    :param machine: where, a tests.terminal.machine.Machine.
    :raises tests.terminal.screen.NotSeenError: when the session does not show what it should.
    """
    home = Home(machine)
    try:
        home.sh(PROJECT)
        home.sh("sed -n '/^set -g status-right /s/#h/workstation/p' .tmux.conf >.tmux.conf.local")
        command = home.command(
            "tmux",
            "new-session",
            "-s",
            "weather",
            columns=COLUMNS,
            lines=LINES,
            folder=f"{home.path}/weather",
            env={"COLORTERM": "truecolor"},
        )
        terminal = Terminal(command, columns=COLUMNS, lines=LINES)
        prompt = r"\(weather\) ~/weather forecast[*?]{2} %"
        terminal.wait_match(prompt)
        terminal.press("\x02", "|")
        terminal.wait_match(f"{prompt}.*{prompt}")
        terminal.press("\x02", "H")
        terminal.run("vim forecast.py")
        terminal.wait_match(r"E>.*unit", timeout=15)
        terminal.wait_match(r"~ .*showers")
        terminal.press("G")
        terminal.wait_match(r"F821: undefined name 'unit'")
        terminal.press("\x1bh")
        terminal.wait("the left pane", lambda: terminal.before_cursor.endswith("*? % "))
        for line, answer in (("git status --short", "?? today.json"), ("python --version", "Python 3")):
            terminal.run(line)
            terminal.wait(line, lambda answer=answer: any(row.startswith(answer) for row in terminal.rows))
            terminal.wait("its prompt", lambda: terminal.before_cursor.endswith("*? % "))
        terminal.wait_match(r"1 zsh\*")
        terminal.send("git st")
        terminal.wait("a suggestion", lambda: terminal.text.count("git status --short") == 2)
        terminal.wait_quiet()
        terminal.close()
        return terminal
    finally:
        home.leave()


def _style(cell):
    """Return rich's style of one of pyte's cells."""

    def colour(name):
        if name == "default":
            return None
        if len(name) == 6 and set(name) <= set("0123456789abcdef"):
            return f"#{name}"
        name = NAMES.get(name, name)
        return name.replace("bright", "bright_") if name.startswith("bright") and "_" not in name else name

    return Style(
        color=colour(cell.fg),
        bgcolor=colour(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        strike=cell.strikethrough,
        reverse=cell.reverse,
    )


def picture(terminal):
    """Return the screen of a terminal as SVG."""
    console = Console(record=True, width=terminal.columns, file=io.StringIO(), color_system="truecolor")
    cursor = terminal.screen.cursor
    for y in range(terminal.lines):
        cells = [terminal.screen.buffer[y][x] for x in range(terminal.columns)]
        if y == cursor.y and not cursor.hidden and cursor.x < terminal.columns:
            cells[cursor.x] = cells[cursor.x]._replace(reverse=not cells[cursor.x].reverse)
        text = Text(no_wrap=True, end="\n")
        # A piece neither begins nor ends with a blank: some programs that draw SVG would drop it.
        for (style, _), piece in itertools.groupby(cells, lambda cell: (_style(cell), cell.data == " ")):
            text.append("".join(cell.data for cell in piece), style)
        console.print(text)
    return console.export_svg(theme=THEME, title="", code_format=FORMAT, font_aspect_ratio=0.6, unique_id="devrig")


def main(arguments=None):
    """Record the session and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="", help="container; none: this machine")
    parser.add_argument("--user", default="dev", help="whose environment is shown (default: dev)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    given = parser.parse_args(arguments)
    given.output.write_text(picture(record(Machine(given.host, given.user))))
    print(f"{given.output} is written")


if __name__ == "__main__":
    main()
