"""Run parts in parallel. A part starts when its predecessors have ended and a slot is free."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path

from tests.run.parts import Command, Part

Execute = Callable[[Command, Path], int]


@dataclass(frozen=True)
class Outcome:
    """The result of a part.

    :param seconds: from its start to its end; 0 where it did not run.
    :param failed: the command that failed, None where all passed.
    :param blocked_by: the part whose failure kept this one from running, None where it ran.
    """

    part: Part
    seconds: float = 0.0
    failed: Command | None = None
    blocked_by: str | None = None

    @property
    def is_passed(self) -> bool:
        """Whether every command ran and passed."""
        return self.failed is None and self.blocked_by is None


def execute(command: Command, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Run a command with its output appended to a log; return its exit status."""
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False, env=env
        ).returncode


def next_part(waiting: Sequence[Part], ended: Mapping[str, Outcome], known: set[str]) -> Part | None:
    """Return the first part whose predecessors, of those that this run includes, have all ended."""
    for part in waiting:
        if all(name in ended for name in (*part.needs, *part.after) if name in known):
            return part
    return None


def run_parts(
    parts: Sequence[Part],
    run_one: Callable[[Part], Outcome],
    slots: int,
    report: Callable[[Outcome], None],
) -> list[Outcome]:
    """Run all parts and return their outcomes in the order of `parts`.

    :param run_one: runs a part's commands.
    :param slots: how many parts run at a time.
    :param report: is called with each outcome as it comes.
    :raises RuntimeError: where parts wait for each other.
    """
    known = {part.name for part in parts}
    waiting, ended = list(parts), {}
    running: dict[futures.Future[Outcome], Part] = {}

    def end(outcome: Outcome) -> None:
        ended[outcome.part.name] = outcome
        report(outcome)

    with futures.ThreadPoolExecutor(slots) as pool:
        while waiting or running:
            for part in iter(lambda: next_part(waiting, ended, known) if len(running) < slots else None, None):
                waiting.remove(part)
                failed = next((name for name in part.needs if name in ended and not ended[name].is_passed), None)
                if failed:
                    end(Outcome(part, blocked_by=failed))
                else:
                    running[pool.submit(run_one, part)] = part
            if not running:
                if waiting:
                    raise RuntimeError(f"These parts wait for each other: {', '.join(part.name for part in waiting)}.")
                break
            for done in futures.wait(running, return_when=futures.FIRST_COMPLETED).done:
                del running[done]
                end(done.result())
    return [ended[part.name] for part in parts]


def run_commands(part: Part, commands: Sequence[Command], log: Path, call: Execute = execute) -> Outcome:
    """Run a part's commands one after the other, up to the first that fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    start = time.monotonic()
    failed = next((command for command in commands if call(command, log) != 0), None)
    return Outcome(part, time.monotonic() - start, failed)
