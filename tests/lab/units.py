"""``python -m tests.lab.units``: what a systemd service runs, as JSON, for machines on which no systemd runs.

It knows what the services of docs/ need, and refuses the rest rather than to guess.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path


def settings(text: str) -> list[tuple[str, str]]:
    """Return the settings of a unit's file in their order: (name, value)."""
    whole, joined = "", []
    for line in text.splitlines():
        if line.lstrip().startswith(("#", ";")):
            continue
        whole += re.sub(r"\\$", " ", line)
        if not line.endswith("\\"):
            joined.append(whole.strip())
            whole = ""
    return [(name, value) for name, sign, value in (line.partition("=") for line in joined) if sign]


def filled(text: str, specifiers: dict[str, str]) -> str:
    """Put values in the place of specifiers (systemd.unit(5)). Raises KeyError for one that is not known."""
    return re.sub("%(.)", lambda found: {"%": "%", **specifiers}[found[1]], text)


def words(text: str) -> list[str]:
    """Return a command line as systemd splits it. Raises ValueError for a variable, which it would replace."""
    if re.search(r"(?<!\$)(\$\$)*\$([\w{]|$)", text):
        raise ValueError(f"systemd replaces what begins with one $: {text}")
    return [word.replace("$$", "$") for word in shlex.split(text)]


def service(paths: list[Path], home: str, configuration: str) -> dict:
    """Return what a service does.

    :param paths: its file, and those of drop-ins.
    :param home: what %h stands for.
    :param configuration: what %E stands for.
    :return: environment: name -> value; folder; commands: a list of {words, may_fail} for each setting.
    """
    environment, folder = {}, ""
    commands = {"ExecStartPre": [], "ExecStart": []}
    for path in paths:
        for name, raw in settings(path.read_text(encoding="utf-8")):
            value = filled(raw, {"h": home, "E": configuration})
            if name == "Environment":
                environment.update(word.split("=", 1) for word in shlex.split(value))
            elif name == "WorkingDirectory":
                folder = value
            elif name in commands and not value:
                commands[name].clear()
            elif name in commands:
                commands[name].append({"words": words(value.lstrip("-")), "may_fail": value.startswith("-")})
            elif name.startswith("Exec") or name == "EnvironmentFile":
                raise ValueError(f"{path}: {name} is not known here")
    return {"environment": environment, "folder": folder, "commands": commands}


def main(argv: list[str] | None = None) -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.units", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--home", required=True, metavar="FOLDER")
    parser.add_argument("--configuration", required=True, metavar="FOLDER")
    given = parser.parse_args(argv)
    print(json.dumps(service(given.paths, given.home, given.configuration)))


if __name__ == "__main__":
    main()
