"""What a probe has found, and what a command has to say for itself."""

from __future__ import annotations

import json

LINES = 4
"""As many lines at the end of an output tell what was wrong."""


def doctor_said(result):
    """Return the last lines of what a command printed, or why it could not be started; "nothing" where it was silent.

    :param result: what the task registered; stderr goes before stdout, for there errors are told.
    """
    # msg is "non-zero return code" where the command ran.
    texts = [result.get("stderr"), result.get("stdout"), result.get("msg") if "start" not in result else None]
    for text in texts:
        lines = [line.rstrip() for line in (text or "").splitlines() if line.strip()]
        if lines:
            return "\n".join(lines[-LINES:])
    return "nothing"


def doctor_answer(result):
    """Return what a probe has printed as JSON, a dict; an empty one where it came to no such end.

    :param result: what the probe's task registered.
    """
    try:
        answer = json.loads(result.get("stdout") or "")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Return them by name."""
        return {"doctor_answer": doctor_answer, "doctor_said": doctor_said}
