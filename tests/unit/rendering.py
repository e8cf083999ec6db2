"""Render the templates of home files as Ansible would, but without its templating engine, which changes so often.

Jinja2 with Ansible's filters and its two settings that matter (trim_blocks, keep_trailing_newline), StrictUndefined,
and the defaults and constants of the template's role, which may be templates themselves.
"""

import importlib
import subprocess
import sys
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
sys.path.append(str(ROOT / "roles/starter/filter_plugins"))
ENVIRONMENT.filters.update(importlib.import_module("starter_package").FilterModule().filters())
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


def project(path="~/src/hello", series="3.6", index=None):
    """Return the files of a project as the role starter writes them: path in the project -> text.

    :param path: the setting starter_path.
    :param series: of the global interpreter, "3.6".
    :param index: PIP_INDEX_URL in devrig_environment.
    """
    settings = {
        "starter_path": path,
        "__starter_series": series,
        "devrig_environment": {"PIP_INDEX_URL": index} if index else {},
    }
    variables = Variables({**constants("starter"), **settings})
    given = variables.resolved(variables.values["__starter_given"])
    texts = {}
    for entry in variables.resolved(variables.values["__starter_files"]):
        if entry["src"].endswith(".j2"):
            texts[entry["path"]] = render(entry["src"], "starter", "bookworm", **settings, **given)
        else:
            texts[entry["path"]] = (TEMPLATES / entry["src"]).read_text()
    return texts


#: template -> (role, settings that its task gives it)
ROLE_OF = {
    "zshrc.j2": ("zsh", {}),
    "zprofile.j2": ("zsh", {}),
    "zshenv.j2": ("zsh", {}),
    "vimrc.j2": ("vim", {}),
    "tmux.conf.j2": ("tmux", {}),
    "flake8.j2": ("linters", {}),
    "rubocop.yml.j2": ("linters", {}),
    "git-config.j2": ("git_hooks", {}),
    "git-hookspath-config.j2": ("git_hooks", {}),
    "git-pre-commit.j2": ("git_hooks", {}),
    "Pipfile.j2": ("pipenv", {"devrig_environment": {}, "pipfile_python_version": "3.6"}),
}
EDITOR_TEMPLATES = ("zshrc.j2", "zprofile.j2", "zshenv.j2", "vimrc.j2", "tmux.conf.j2")

#: name -> settings that a person could have
ODD = {
    "as delivered": {},
    "home with blanks and umlauts": {"home": "/home/Jörg d'Été, Ø"},
    "pyenv elsewhere": {"pyenv_root": "/opt/py env/it's"},
    "no login shell": {"zsh_login_shell": False, "tmux_shell": ""},
    "no hooks in new repositories": {"git_hooks_template": False},
    "another prefix": {"tmux_prefix": "C-a", "tmux_history_limit": 1},
    "no clipboard": {"vim_clipboard": False},
    "no colours, no linters": {"vim_colorschemes": [], "vim_linters": {}},
    "another state folder": {"vim_state_dir": "/srv/it's, vim"},
    "short history": {"zsh_history_size": 10},
    "sessions are not saved": {"tmux_save_sessions": False, "tmux_restore_programs": []},
}


#: No pyenv of the machine's on PATH, no git settings of the person's.
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null"}


def rendered(template, release="bookworm", **settings):
    role, given = ROLE_OF[template]
    return render(template, role, release, **{**given, **settings})


def run(*command, **environment):
    """Run a command with the system's programs and no settings of the person who tests; return what it did."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**BARE, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment},
    )
