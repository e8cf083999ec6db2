"""The mutations: faults in the product, each with the tests that must catch it.

Each row names the cheapest tests that catch the fault: unit, then plays, then those with containers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One fault.

    :param name: what is broken.
    :param file: path below the repository.
    :param old: text that occurs once in the file.
    :param new: what takes its place.
    :param part: the part of ./test that has the tests, see tests/run/parts.py.
    :param tests: paths of the tests' files.
    :param only: pytest's expression for some of them (-k), empty for all.
    :param options: further options of pytest, such as --suite.
    """

    name: str
    file: str
    old: str
    new: str
    part: str
    tests: Sequence[str]
    only: str = ""
    options: Sequence[str] = ()


DOTFILES = "roles/dotfile/module_utils/devrig_dotfiles.py"
LEDGER = "roles/dotfile/module_utils/devrig_ledger.py"

MUTATIONS = (
    # --- home files and the ledger
    Mutation(
        "the backup of a home file is skipped",
        DOTFILES,
        "        keep(step.path, step.copy)\n",
        "        pass\n",
        "unit",
        ("tests/unit/test_dotfile.py",),
    ),
    Mutation(
        "check mode writes",
        DOTFILES,
        "    if call.dry:\n        return\n    if changed:",
        "    if changed:",
        "unit",
        ("tests/unit/test_dotfile.py",),
    ),
    Mutation(
        "remove leaves a file",
        DOTFILES,
        "            os.unlink(step.path)\n",
        "            pass\n",
        "unit",
        ("tests/unit/test_dotfile.py",),
    ),
    Mutation(
        "an edit that holds a secret is printed",
        DOTFILES,
        "        if SECRET.search(step.diff):",
        "        if SECRET.match(step.diff):",
        "unit",
        ("tests/unit/test_dotfile.py",),
        "secret",
    ),
    Mutation(
        "the ledger is not saved",
        LEDGER,
        "            write_atomically(self.path, text, self.mode)\n",
        "            pass\n",
        "unit",
        ("tests/unit/test_devrig_ledger.py",),
    ),
    Mutation(
        "the ledger's lock is not taken",
        LEDGER,
        "                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "                return None\n",
        "unit",
        ("tests/unit/test_devrig_ledger.py",),
    ),
    # --- shell, editor, tmux
    Mutation(
        "the login shell is not tried before it is set",
        "roles/zsh/library/login_shell.py",
        "        reason = refusal(user, shell, timeout)\n",
        "        reason = None\n",
        "unit",
        ("tests/unit/test_login_shell.py",),
        "not_set",
    ),
    Mutation(
        "zshrc prints a line",
        "templates/zshrc.j2",
        "unset _zsh_missing\n",
        "unset _zsh_missing\nprint welcome\n",
        "unit",
        ("tests/unit/test_zshrc.py",),
        "silence",
    ),
    Mutation(
        "vimrc has an error",
        "templates/vimrc.j2",
        "set backspace=indent,eol,start\n",
        "set backspace=indent,eol,begin\n",
        "unit",
        ("tests/unit/test_vimrc.py",),
        "error",
    ),
    Mutation(
        "tmux.conf has an error",
        "templates/tmux.conf.j2",
        "set -s set-clipboard on\n",
        "set -s set-clipboards on\n",
        "unit",
        ("tests/unit/test_tmux_conf.py",),
    ),
    Mutation(
        "a restored tmux window has the folder of another",
        "roles/tmux/files/tmux_sessions.py",
        '            steps.append(Step(argv, folder_of(first), ("", *keep[1:])))\n',
        '            steps.append(Step(argv, folder_of(session["windows"][0]["panes"][0]), ("", *keep[1:])))\n',
        "unit",
        ("tests/unit/test_tmux_sessions.py",),
    ),
    # --- git hooks
    Mutation(
        "the git hook ignores its linter's exit status",
        "templates/git-pre-commit.j2",
        'exec /usr/bin/python3 -I "$program" "$0"\n',
        '/usr/bin/python3 -I "$program" "$0"\nexit 0\n',
        "unit",
        ("tests/unit/test_git_hooks.py",),
    ),
    Mutation(
        "the hook beside a company's own hooks ignores its linter's exit status",
        "roles/git_hooks/files/dispatcher.sh",
        'exec /usr/bin/python3 -I "$program" "$common/hooks/pre-commit" ;;\n',
        '/usr/bin/python3 -I "$program" "$common/hooks/pre-commit"; exit 0 ;;\n',
        "unit",
        ("tests/unit/test_git_hooks.py",),
        "corporate",
    ),
    Mutation(
        "the git hook lints the work tree instead of the index",
        "roles/git_hooks/files/lint_staged.py",
        "        if plain and _same(path, each.text):\n",
        "        if plain:\n",
        "unit",
        ("tests/unit/test_lint_staged.py",),
    ),
    # --- packages and checkouts
    Mutation(
        "a package is installed before the ledger knows of it",
        "roles/packages/library/apt_packages.py",
        """\
        note(apt, ledger, params, plan)
        guard = [] if plan.removed else ["--no-remove"]
        status, output = apt.run(apt.install(*(guard + lacking)))
""",
        """\
        guard = [] if plan.removed else ["--no-remove"]
        status, output = apt.run(apt.install(*(guard + lacking)))
        note(apt, ledger, params, plan)
""",
        "unit",
        ("tests/unit/test_apt_packages.py",),
    ),
    Mutation(
        "a password in the address of a repository is printed",
        "roles/checkout/module_utils/devrig_git.py",
        "    module.no_log_values.update(secret for repo in repos for secret in secrets_of(address_of(repo), repo))\n",
        "",
        "unit",
        ("tests/unit/test_git_checkout.py",),
        "login",
    ),
    # --- interpreters
    Mutation(
        "the plan picks the wrong OpenSSL",
        "roles/pyenv/module_utils/pyenv_plan.py",
        '    Takes((3, 9, 5), BEFORE_3, "", BLUNT),\n',
        '    Takes((3, 9, 4), BEFORE_3, "", BLUNT),\n',
        "unit",
        ("tests/unit/test_pyenv_plan.py",),
    ),
    Mutation(
        "a rejected setting is accepted",
        "roles/pyenv/module_utils/pyenv_plan.py",
        "    if version[2] > series.last_patch and (series.ended or pyenv_version == PYENV_COMMIT):\n",
        "    if version[2] > series.last_patch and series.ended:\n",
        "unit",
        ("tests/unit/test_pyenv_plan.py",),
    ),
    Mutation(
        "the import gate passes without ssl",
        "roles/pyenv/module_utils/pyenv_gate.py",
        "    for line in failures:\n",
        '    for line in [line for line in failures if "ssl" not in line]:\n',
        "unit",
        ("tests/unit/test_pyenv_gate.py",),
        "without_ssl",
    ),
    Mutation(
        "an interrupted build counts as finished",
        "roles/pyenv/module_utils/pyenv_tree.py",
        "        if os.path.exists(self.stamp):\n",
        "        if os.path.exists(self.stamp) or os.path.exists(self.mark):\n",
        "unit",
        ("tests/unit/test_pyenv_python.py",),
        "killed_build",
    ),
    Mutation(
        "the sha256 of a fetched interpreter is not compared",
        "roles/pyenv/module_utils/pyenv_fetch.py",
        "        if found.hexdigest() != expected:\n",
        "        if not found.hexdigest():\n",
        "unit",
        ("tests/unit/test_pyenv_prebuilt.py",),
    ),
    Mutation(
        "an archive writes outside its folder",
        "roles/pyenv/module_utils/pyenv_prebuilt.py",
        '    if os.path.isabs(path) or normal.split("/")[0] == "..":\n',
        "    if os.path.isabs(path):\n",
        "unit",
        ("tests/unit/test_pyenv_prebuilt.py",),
    ),
    Mutation(
        "a fleet compiles twice",
        "roles/pyenv/action_plugins/pyenv_prebuilt.py",
        "        host: {version: builders[key] for version, key in keys.items() if builders.get(key, host) != host}\n",
        "        host: {}\n",
        "unit",
        ("tests/unit/test_pyenv_prebuilt.py",),
    ),
    # --- bundle
    Mutation(
        "a bundle with a corrupt file is accepted",
        "roles/bundle/files/closed.sh",
        "sha256sum --check --quiet --strict bundle/SHA256SUMS 2>&1) ||\n",
        "sha256sum --check --quiet --strict bundle/SHA256SUMS 2>&1 || true) ||\n",
        "unit",
        ("tests/unit/test_bootstrap.py",),
        "bundle",
    ),
    # --- plays
    Mutation(
        "preflight forgets a check",
        "roles/preflight/vars/main.yml",
        "__preflight_fault_ohmyzsh, __preflight_fault_tmux]\n",
        "__preflight_fault_ohmyzsh]\n",
        "plays",
        ("tests/plays/test_refusals.py",),
        "rejects_bad_setting",
    ),
    Mutation(
        "a second run changes something",
        "roles/pyenv/tasks/interpreters.yml",
        "alone\n  when: __pyenv_plan.pending\n",
        "alone\n",
        "plays",
        ("tests/plays/test_fleet.py",),
        "second_run",
    ),
    Mutation(
        "the callback swallows a failure",
        "callback_plugins/devrig.py",
        "        if not self._quiet or not (ignore_errors or self._is_report(result)):\n",
        "        if not self._quiet:\n",
        "plays",
        ("tests/plays/test_doctor_output.py",),
    ),
    # --- whole machines
    Mutation(
        "a package list for Debian 12 names a package that does not exist",
        "roles/build_deps/vars/main.yml",
        "  bookworm: [libncurses-dev, python3-openssl]\n",
        "  bookworm: [libncurses-dev, python-openssl]\n",
        "life",
        ("tests/machine/test_life.py",),
        options=("--suite=bookworm",),
    ),
    Mutation(
        "the doctor finds a fault in a shell that works",
        "roles/zsh/tasks/verify.yml",
        "            that: __zsh_found.noise == ''\n",
        "            that: __zsh_found.noise != ''\n",
        "life",
        ("tests/machine/test_life.py",),
        options=("--suite=bookworm",),
    ),
    Mutation(
        "the doctor accepts a broken shell",
        "roles/zsh/tasks/verify.yml",
        "            that: __zsh_found.highlighting\n",
        "            that: __zsh_found.highlighting is defined\n",
        "machine",
        ("tests/machine/test_doctor.py",),
        "exactly and first",
        options=("--suite=trixie",),
    ),
)
