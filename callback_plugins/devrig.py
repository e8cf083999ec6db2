"""Ansible's own output, but for the doctor: there only its report, for it is read by people and by machines."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.callback.default import CallbackModule as Default
from ansible.release import __version__
from ansible.template import Templar

# Before 2.13 Ansible would say that it knows no result_format_callback, and no more. Preflight refuses the others.
if tuple(int(number) for number in __version__.split(".")[:2]) < (2, 13):
    raise AnsibleError(
        f"devrig needs ansible-core from 2.14, and this is {__version__}: run ./bootstrap, which brings one that fits."
    )

DOCUMENTATION = """
    name: devrig
    type: stdout
    short_description: the default output, but of verify.yml its report alone
    description:
      - Everything is shown as the callback C(default) shows it. Where some of many hosts failed, the end says why and
        how to run for them alone. Of verify.yml only the report is, which its last task
        prints on stdout; a task that fails although it may not, and a host that cannot be reached, are shown on stderr.
        With C(-v) there is everything.
    extends_documentation_fragment:
      - default_callback
      - result_format_callback
    requirements:
      - set as stdout in configuration
"""

ROOT = Path(__file__).resolve().parents[1]


def report_functions():
    """Return the module with the functions that make a report."""
    spec = importlib.util.spec_from_file_location(
        "devrig_doctor_report", ROOT / "roles/doctor/action_plugins/doctor_report.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def part(result, name):
    """Return the task, host or result of what a task's run has come to; ansible-core has renamed them in 2.19."""
    return getattr(result, name) if hasattr(result, name) else getattr(result, "_" + name)


#: Where a module's words are when it broke off. Over ssh, which gives it a terminal, its stderr comes as its stdout.
OUTPUT = ("module_stderr", "module_stdout")


def words(answer, *names):
    """Return what a task's answer has under some names, as one text."""
    return " ".join(str(answer.get(name, "")) for name in names)


def python_trouble(answer):
    """Return what to do where Ansible's modules cannot run on a host's Python, "" where that is not the trouble.

    :param answer: of the task that failed. That of setup, which asks for facts, is one of its failed_modules.
    """
    answers = [answer, *answer.get("failed_modules", {}).values()]
    complaints = " ".join(words(each, *OUTPUT) for each in answers)
    said = " ".join(words(each, "msg") for each in answers)
    # Modules of 2.17 and newer do not even compile there: "SyntaxError", where they come to say what they need.
    if "SyntaxError" in complaints or re.search("[Aa]nsible[a-z-]* requires .*Python", f"{said} {complaints}"):
        return (
            f"its Python is too old for ansible-core {__version__}: set it up from a machine whose Ansible knows it, "
            'see "Platforms" in README.md'
        )
    if re.search(r"python[\d.]*\W*: ((command )?not found|No such file)", complaints):
        return "it has no Python, or not where ansible_python_interpreter says: apt-get install python3"
    return ""


def sudo_trouble(answer):
    """Return what to do where sudo asks for a password that Ansible does not have, "" where that is not the trouble."""
    if re.search("[Mm]issing sudo password|sudo: a password is required", words(answer, "msg", *OUTPUT)):
        return "sudo asks for a password there: give --ask-become-pass, or --become-password-file FILE"
    return ""


def stranger_trouble(answer):
    """Return what to do where Ansible cannot work for another plain user than it comes as, "" where it is not that."""
    if re.search("becoming an unprivileged user", words(answer, "msg", *OUTPUT)):
        return "connect as root (ansible_user=root) or as dev_user; or there: apt-get install acl"
    return ""


def advice(lost, later=()):
    """Return what to do about hosts that were lost, a line each.

    :param lost: host -> what its last task said.
    :param later: hosts that were not begun with (devrig_serial: all of the part before them failed).
    """
    lines = [f"{host}: {(said.strip() or 'see above').splitlines()[0]}" for host, said in sorted(lost.items())]
    lines += [f"Not begun, for all before failed: {', '.join(sorted(later))}"] if later else []
    return [*lines, f"When that is mended, for these alone: --limit {','.join(sorted({*lost, *later}))}"]


class OnStderr:
    """Ansible's display, with all lines on stderr."""

    def __init__(self, display):
        """Stand before a display."""
        self._display = display

    def __getattr__(self, name):
        """Leave all else as it is."""
        return getattr(self._display, name)

    def display(self, msg, *args, **options):
        """Show a line."""
        self._display.display(msg, *args, **{**options, "stderr": True})

    def banner(self, msg, color=None, cows=True):
        """Show a heading."""
        self.display(f"\n{msg} {'*' * max(3, self._display.columns - len(msg) - 1)}", color=color)


class CallbackModule(Default):
    """The default output; quiet while the doctor works."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "devrig"

    def __init__(self):
        """Begin as the default does."""
        super().__init__()
        self._aloud = self._display
        self._quiet = False
        self._reported = False
        self._lost = {}
        self._untold = False
        self._any_lost = None

    def get_option(self, option, *args, **options):
        """Return a setting; while the doctor works, what failed goes to stderr."""
        if self._quiet and option == "display_failed_stderr":
            return True
        return super().get_option(option, *args, **options)

    def v2_playbook_on_start(self, playbook):
        """Be quiet from here on if it is the doctor."""
        is_doctor = Path(playbook._file_name).resolve() == ROOT / "verify.yml"
        self._quiet = is_doctor and self._aloud.verbosity == 0
        self._display = OnStderr(self._aloud) if self._quiet else self._aloud
        self._reported, self._lost, self._untold = False, {}, False
        if not self._quiet:
            super().v2_playbook_on_start(playbook)

    def v2_playbook_on_play_start(self, play):
        """Remember the play, which the default's own methods ask."""
        self._play = play
        if not self._quiet:
            super().v2_playbook_on_play_start(play)

    def _task_start(self, task, prefix=None):
        """Remember the task's name; show it when there is something to show."""
        if not self._quiet:
            super()._task_start(task, prefix)
        else:
            self._last_task_name = task.get_name().strip()
            self._task_type_cache[task._uuid] = prefix or "TASK"

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Show it, unless it is the report itself: what is broken stands there already."""
        if self._is_report(result):
            self._reported = True
        elif not ignore_errors:
            self._lose(result)
        if not self._quiet or not (ignore_errors or self._is_report(result)):
            super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_unreachable(self, result):
        """Show it."""
        self._lose(result)
        super().v2_runner_on_unreachable(result)

    def v2_runner_on_ok(self, result):
        """Be quiet."""
        self._reported = self._reported or self._is_report(result)
        if not self._quiet:
            super().v2_runner_on_ok(result)

    def v2_playbook_on_stats(self, stats):
        """Report where no host was left that could; of many hosts, say once more what befell those that were lost."""
        if not self._quiet:
            super().v2_playbook_on_stats(stats)
            lost = {host: said for host, said in self._lost.items() if host in stats.failures or host in stats.dark}
            later = set(self._variables()["ansible_play_hosts_all"]) - set(stats.processed) if lost else set()
            if lost and (len(stats.processed) > 1 or later or self._untold):
                self._display.banner("WHAT TO DO")
                for line in advice(lost, later):
                    self._display.display(line)
        elif not self._reported and self._lost:
            report = report_functions()
            known = self._variables(self._any_lost)
            form = known.get("doctor_format", known.get("verify_format", "table"))
            form = Templar(self._play.get_loader(), known).template(form)
            report.show([report.lost(host, said) for host, said in sorted(self._lost.items())], form)

    def _variables(self, host=None):
        """Return the variables of the play, or of a host of it."""
        return self._play.get_variable_manager().get_vars(play=self._play, host=host)

    def _lose(self, result):
        """Remember what befell a host."""
        answer = part(result, "result")
        trouble = python_trouble(answer) or sudo_trouble(answer) or stranger_trouble(answer)
        self._untold = self._untold or bool(trouble)
        self._any_lost = part(result, "host")
        self._lost[self._any_lost.get_name()] = trouble or str(answer.get("msg", ""))

    @staticmethod
    def _is_report(result):
        return part(result, "task").action == "doctor_report"


def _unless_quiet(name):
    """Return a method that does what the default's does, and nothing while the doctor works."""

    def method(self, *args, **options):
        if not self._quiet:
            getattr(super(CallbackModule, self), name)(*args, **options)

    method.__doc__ = "Be quiet."
    return method


for _name in (
    "v2_on_file_diff",
    "v2_playbook_on_include",
    "v2_playbook_on_no_hosts_remaining",
    "v2_runner_item_on_ok",
    "v2_runner_item_on_skipped",
    "v2_runner_on_async_ok",
    "v2_runner_on_async_poll",
    "v2_runner_on_skipped",
    "v2_runner_on_start",
    "v2_runner_retry",
):
    setattr(CallbackModule, _name, _unless_quiet(_name))
