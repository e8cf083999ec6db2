"""Render the templates of home files as Ansible would, but without its templating engine, which changes so often.

Jinja2 with Ansible's filters and its two settings that matter (trim_blocks, keep_trailing_newline), StrictUndefined,
and the defaults and constants of the template's role, which may be templates themselves.
"""

from pathlib import Path

import jinja2
import jinja2.meta
import yaml
from ansible.plugins.filter.core import FilterModule as CoreFilters
from ansible.plugins.filter.mathstuff import FilterModule as MathFilters
from ansible.plugins.test.core import TestModule as CoreTests
from ansible.plugins.test.mathstuff import TestModule as MathTests

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
RELEASES = ("bullseye", "bookworm", "trixie", "bionic", "focal", "jammy", "noble")

ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - shell and vim scripts, not HTML
)
# Jinja2's own come first: some of Ansible's replacements (default) know nothing but Ansible's own kind of undefined.
ENVIRONMENT.filters = {**CoreFilters().filters(), **MathFilters().filters(), **ENVIRONMENT.filters}
ENVIRONMENT.tests = {**CoreTests().tests(), **MathTests().tests(), **ENVIRONMENT.tests}


def constants(role):
    """Return vars/main.yml of a role as it is written, {} where it has none."""
    path = ROOT / "roles" / role / "vars" / "main.yml"
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def defaults(role):
    """Return defaults/main.yml of a role as it is written."""
    return yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text())


class Variables:
    """Variables whose values may be templates that name others; each is worked out when it is asked for."""

    def __init__(self, values):
        """Take the variables as they are written: name -> value."""
        self.values = values

    def named_in(self, source):
        """Return what a template's text names, worked out. What is not defined stays out: StrictUndefined tells."""
        names = jinja2.meta.find_undeclared_variables(ENVIRONMENT.parse(source))
        return {name: self.resolved(self.values[name]) for name in names if name in self.values}

    def resolved(self, value):
        """Return a value with all templates in it rendered. A text that is one expression keeps that one's type."""
        if isinstance(value, dict):
            return {key: self.resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if not isinstance(value, str) or "{{" not in value:
            return value
        inner = value.strip()[2:-2]
        if value.strip().startswith("{{") and value.strip().endswith("}}") and "{{" not in inner:
            return ENVIRONMENT.compile_expression(inner, undefined_to_none=False)(**self.named_in(value))
        return ENVIRONMENT.from_string(value).render(**self.named_in(value))


def render(template, role, release, home="/home/dev", **overrides):
    """Return a template of templates/ rendered with the settings of a role.

    :param template: file name, "zshrc.j2".
    :param role: the role whose defaults and constants it sees.
    :param release: code name, as in the roles' tables.
    :param home: home folder of the user.
    :param overrides: settings, as a person would write them into group_vars; they win.
    :raises jinja2.UndefinedError: for a name that nothing defines.
    """
    facts = {
        "user_dir": home,
        "user_id": "dev",
        "user_shell": "/bin/bash",
        "user_gid": 1000,
        "distribution_release": release,
    }
    variables = Variables(
        {
            **defaults("dotfile"),
            **defaults(role),
            **constants(role),
            "ansible_managed": "Ansible managed",
            "ansible_facts": facts,
            "preflight_release": release,
            **overrides,
        }
    )
    source = (TEMPLATES / template).read_text()
    return ENVIRONMENT.get_template(template).render(**variables.named_in(source))
