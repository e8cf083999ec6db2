"""The shell's files, tried with a real zsh in a home folder of its own."""

import re
import shutil
import subprocess

import pytest
from rendering import BARE, ODD, rendered, run


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("template", ["zshrc.j2", "zprofile.j2", "zshenv.j2"])
def test_zsh_can_read_it(tmp_path, template, odd):
    file = tmp_path / "file.zsh"
    file.write_text(rendered(template, **ODD[odd]))
    done = run("zsh", "-n", str(file))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="session")
def kept_completion(tmp_path_factory):
    """Return the cache folder of a home folder in which zsh has started once: what compinit makes takes its time."""
    home = tmp_path_factory.mktemp("home")
    (home / ".zshrc").write_text(rendered("zshrc.j2", home=str(home)))
    run("zsh", "-ic", "true", HOME=str(home))
    return home / ".cache"


@pytest.fixture
def zsh_home(tmp_path, kept_completion):
    """Return a function that makes a home folder with our zsh files and runs zsh in it.

    Its plugins are empty files; ``said`` is what the shell may say on stderr. ``cache`` is as after a first start.
    """
    home = tmp_path / "Jörg d'Été"
    home.mkdir()
    shutil.copytree(kept_completion, home / ".cache", ignore=shutil.ignore_patterns("pyenv"))
    plugins = {}
    for name in ("highlighting", "suggestions"):
        file = tmp_path / f"{name}.zsh"
        file.write_text("")
        plugins[f"__zsh_{name}"] = str(file)

    def zsh(*arguments, pyenv=True, settings=None, said="", **environment):
        root = home / ".pyenv"
        if pyenv:
            (root / "bin").mkdir(parents=True, exist_ok=True)
            program = root / "bin" / "pyenv"
            program.write_text(
                '#!/bin/sh\ncase $1 in sh-*) echo "print -r -- evaluated $*" ;; *) echo "ran $*" ;; esac\n'
            )
            program.chmod(0o755)
        for name in ("zshrc", "zprofile"):
            (home / f".{name}").write_text(rendered(f"{name}.j2", home=str(home), **{**plugins, **(settings or {})}))
        done = run("zsh", *arguments, HOME=str(home), **environment)
        assert done.stderr == said
        return done.stdout.splitlines()

    zsh.home = home
    zsh.cache = home / ".cache/devrig/zsh"
    return zsh


@pytest.mark.parametrize("pyenv", [True, False])
@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_zsh_starts_in_silence(zsh_home, pyenv, term):
    shutil.rmtree(zsh_home.home / ".cache")
    assert zsh_home("-lic", "true", pyenv=pyenv, TERM=term) == []


@pytest.mark.parametrize("how", ["-lic", "-lc", "-ic"])
def test_pyenv_comes_first_in_login_and_interactive_shells(zsh_home, how):
    home = zsh_home.home
    path = zsh_home(how, "print -rl -- $path")
    assert path[:3] == [f"{home}/.pyenv/shims", f"{home}/.pyenv/bin", f"{home}/.local/bin"]
    assert len(path) == len(set(path))


def test_scripts_get_the_system_s_python(zsh_home):
    assert not [folder for folder in zsh_home("-c", "print -rl -- $path") if "pyenv" in folder]


def test_without_pyenv_nothing_of_it_is_there(zsh_home):
    path = zsh_home("-lic", "print -rl -- $path ${+functions[pyenv]}", pyenv=False)
    assert path[0] == f"{zsh_home.home}/.local/bin"
    assert path[-1] == "0"


@pytest.mark.parametrize("how", ["-lic", "-ic"])
def test_an_old_zprofile_that_reads_zshrc_may_do_so(zsh_home, how):
    (zsh_home.home / ".zprofile.local").write_text("source ~/.zshrc\n")
    (zsh_home.home / ".zshrc.local").write_text("own=$(( own + 1 ))\n")
    assert zsh_home(how, "print $own") == ["2"]


def test_a_virtualenv_stays_in_front_in_an_inner_shell(zsh_home):
    inner = zsh_home("-lic", 'path=(/venv/bin $path); zsh -ic "print -rl -- \\$path"')
    assert inner[0] == "/venv/bin"
    assert inner.count(f"{zsh_home.home}/.pyenv/shims") == 1


def test_pyenv_runs_in_the_shell_what_has_to(zsh_home):
    assert zsh_home("-lic", "pyenv shell 3.6.8; pyenv versions --bare; pyenv activate 'a b'") == [
        "evaluated sh-shell 3.6.8",
        "ran versions --bare",
        "evaluated sh-activate a b",
    ]


def test_plugins_are_read_in_their_order_and_not_before_the_prompt(zsh_home, tmp_path):
    names = {"__zsh_fzf_keys": "keys", "__zsh_highlighting": "highlighting", "__zsh_suggestions": "suggestions"}
    for name in names.values():
        (tmp_path / name).write_text(f"print {name}\n")
    (tmp_path / "suggestions").write_text("print suggestions\n_zsh_autosuggest_start() { print started }\n")
    (tmp_path / "fzf").touch(mode=0o755)
    settings = {name: str(tmp_path / file) for name, file in names.items()}
    path = f"{tmp_path}:{BARE['PATH']}"
    assert zsh_home("-ic", "true", PATH=path, settings=settings) == []
    assert zsh_home("-ic", "_read_plugins", PATH=path, settings=settings) == [
        "keys",
        "highlighting",
        "suggestions",
        "started",
    ]


def test_own_lines_come_last(zsh_home):
    (zsh_home.home / ".zshrc.local").write_text("HISTSIZE=7\n")
    (zsh_home.home / ".zprofile.local").write_text("path=(/own $path)\n")
    assert zsh_home("-lic", "print -rl -- $HISTSIZE $path[1]") == ["7", "/own"]


COMMIT = "git -c user.name=n -c user.email=e commit -q --allow-empty -m x"
RELATIVE = "git init -q real && git -C real symbolic-ref HEAD refs/heads/sub && echo 'gitdir: real/.git' >.git"
BRANCHES = {
    "a branch": ("git init -q . && git symbolic-ref HEAD refs/heads/topic/one", "topic/one"),
    "odd characters": ("git init -q . && git symbolic-ref HEAD 'refs/heads/50%F{red}$(id)'", "50%F{red}$(id)"),
    "a commit": (f"git init -q . && {COMMIT} && git checkout -q --detach && git rev-parse --short=8 HEAD", None),
    "a worktree": (
        f"git init -q ../top && cd ../top && {COMMIT} && git worktree add -q -f -b side ../below",
        "side",
    ),
    "a submodule": (RELATIVE, "sub"),
    "a merge": ("git init -q . && git symbolic-ref HEAD refs/heads/main && touch .git/MERGE_HEAD", "main|merge"),
    "a rebase": (
        "git init -q . && mkdir .git/rebase-merge && echo refs/heads/topic >.git/rebase-merge/head-name",
        "topic|rebase",
    ),
    "no repository": ("true", ""),
    "a broken repository": ("mkdir .git", ""),
}


def test_prompt_names_the_branch(zsh_home, tmp_path):
    """In one shell that goes from place to place."""
    wanted, places = [], []
    for number, (command, branch) in enumerate(BRANCHES.values()):
        place = tmp_path / f"place {number}" / "below"
        place.mkdir(parents=True)
        start = place if "worktree" in command else place.parent
        made = subprocess.run(["sh", "-c", command], cwd=start, check=True, capture_output=True, text=True, env=BARE)
        wanted.append(made.stdout.strip() if branch is None else branch)
        places.append(place)
    prompt = 'for f in $precmd_functions; do $f; done; print -r -- "$psvar[1]"; print -rP -- $PROMPT; print -r -- --'
    code = f"for place in ${{(f)PLACES}}; do cd -q $place; {prompt}; done"
    shown = zsh_home("-lic", code, TERM="vt100", PLACES="\n".join(map(str, places)))
    found = [part.split("\n") for part in "\n".join([*shown, ""]).split("--\n")[:-1]]
    assert dict(zip(BRANCHES, [lines[0] for lines in found])) == dict(zip(BRANCHES, wanted))
    assert [case for case, branch, lines in zip(BRANCHES, wanted, found) if branch not in lines[1]] == []


def test_prompt_shows_the_exit_status_and_the_virtualenv(zsh_home):
    code = "for f in $precmd_functions; do $f; done; (exit 3); print -rP -- $PROMPT"
    (shown,) = zsh_home("-lic", code, VIRTUAL_ENV="/somewhere/project-x", TERM="vt100")
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert plain.startswith("3 (project-x) ")


# --- completion


def test_completion_is_made_once_and_again_when_a_folder_has_changed(zsh_home):
    functions = zsh_home.home / "functions"
    functions.mkdir()
    (zsh_home.home / ".zprofile.local").write_text("fpath=(~/functions $fpath)\n")
    ask = "print -r -- $_comps[git] ${_comps[mine]-none} ${#_comp_options}"
    first = zsh_home("-lic", ask)
    (key,) = zsh_home.cache.glob("*.key")
    made = key.stat().st_mtime_ns, key.stat().st_ino
    assert zsh_home("-lic", ask) == first
    assert (key.stat().st_mtime_ns, key.stat().st_ino) == made, "it was made again without need"
    assert first[0].startswith("_git none ")
    (functions / "_mine").write_text("#compdef mine\n_files\n")
    assert zsh_home("-lic", ask) == [first[0].replace("none", "_mine")]


def test_what_is_written_down_is_what_compinit_makes(zsh_home):
    """Everything that compinit leaves behind: associations, autoloads with their options, widgets, variables."""
    state = (
        "for name in _comps _services _patcomps _postpatcomps _compautos; do"
        '  for key value in ${(Pkv)name}; do print -r -- "$name: $key $value"; done; done;'
        'print -rl -- ${(o)_comp_options} "$_comp_setup" ${(ok)functions[(R)builtin autoload*]} "${functions[compdef]}"'
        ' "${(o@)widgets[(R)completion:*]}" ${(t)_comps} ${(t)_comp_setup} ${(t)compprefuncs}'
    )
    shutil.rmtree(zsh_home.home / ".cache")
    made = sorted(zsh_home("-lic", state))
    assert len(made) > 2000
    assert sorted(zsh_home("-lic", state)) == made


def test_another_user_s_functions_are_left_out(zsh_home):
    functions = zsh_home.home / "functions"
    functions.mkdir()
    (functions / "_mine").write_text("#compdef mine\n")
    (zsh_home.home / ".zprofile.local").write_text("fpath=(~/functions $fpath)\n")
    ask = "print -r -- ${_comps[mine]-none}"
    assert zsh_home("-lic", ask) == ["_mine"]
    functions.chmod(0o777)
    assert zsh_home("-lic", ask) == ["none"]


@pytest.mark.parametrize("left", [0.3, 0.99])
def test_a_completion_that_is_cut_off_is_made_again(zsh_home, left):
    shutil.rmtree(zsh_home.home / ".cache")
    ask = "print -r -- $_comps[git] ${#_comps} ${#_comp_options}"
    first = zsh_home("-lic", ask)
    (made,) = zsh_home.cache.glob("completion-*.zsh")
    for compiled in zsh_home.cache.glob("*.zwc"):
        compiled.unlink()
    text = made.read_bytes()
    made.write_bytes(text[: int(len(text) * left)])
    assert zsh_home("-lic", ask) == first
    assert made.stat().st_size == len(text)
    assert sorted(path.suffix for path in zsh_home.cache.iterdir()) == ["", ".key", ".zsh"]


# --- what is missing is said in one line, and the shell comes up


def test_a_plugin_that_is_gone_is_named(zsh_home):
    said = "zsh: without nowhere (install it again)\n"
    assert zsh_home("-ic", "print up", settings={"__zsh_suggestions": "/nowhere.zsh"}, said=said) == ["up"]


def test_pyenv_that_is_gone_is_named_until_one_says_that_it_is_meant(zsh_home):
    zsh_home("-ic", "true")
    (zsh_home.home / ".pyenv").rename(zsh_home.home / "away")
    note = zsh_home.cache / "pyenv"
    said = f"zsh: without pyenv ({zsh_home.home}/.pyenv is gone; if that is meant: rm {note})\n"
    assert zsh_home("-ic", "print up", pyenv=False, said=said) == ["up"]
    note.unlink()
    assert zsh_home("-ic", "print up", pyenv=False) == ["up"]


# --- virtualenvs


@pytest.fixture
def project(zsh_home):
    """Return a function that makes a project with a virtualenv of a kind: (its folder, its virtualenv)."""

    def make(kind, name="project x"):
        folder = zsh_home.home / "src" / name
        folder.mkdir(parents=True)
        if kind == ".venv":
            place = folder / ".venv"
        elif kind == "pipenv":
            place = zsh_home.home / ".local/share/virtualenvs" / f"{name.replace(' ', '_')}-aB3_-xyz"
            (folder / "Pipfile").touch()
        else:
            place = zsh_home.home / ".pyenv/versions" / name
            (folder / ".python-version").write_text(f"{name}\n")
        (place / "bin").mkdir(parents=True)
        (place / "pyvenv.cfg").touch()
        (place / ".project").write_text(str(folder))  # without a newline, as pipenv writes it
        return folder, place

    return make


@pytest.mark.parametrize("kind", [".venv", "pipenv", "pyenv"])
def test_a_project_s_virtualenv_comes_and_goes_with_its_folder(zsh_home, project, kind):
    folder, place = project(kind)
    (folder / "below").mkdir()
    show = 'print -r -- "${VIRTUAL_ENV-none} $path[1]"'
    code = f"cd $PROJECT; {show}; cd below; {show}; cd; {show}; (( $+functions[deactivate] )) || print off"
    inside = f"{place} {place}/bin"
    assert zsh_home("-ic", code, PROJECT=str(folder)) == [inside, inside, f"none {zsh_home.home}/.pyenv/shims", "off"]


def test_a_shell_that_starts_in_a_project_is_in_its_virtualenv(zsh_home, project):
    folder, place = project(".venv")
    code = "cd -q $PROJECT; exec zsh -ic 'print -r -- $VIRTUAL_ENV; cd; print -r -- ${VIRTUAL_ENV-none}'"
    assert zsh_home("-fc", code, PROJECT=str(folder)) == [str(place), "none"]


def test_an_inherited_virtualenv_goes_with_the_folder_too(zsh_home, project):
    folder, _ = project(".venv")
    assert zsh_home("-ic", "cd $PROJECT; zsh -ic 'cd; print -r -- ${VIRTUAL_ENV-none}'", PROJECT=str(folder)) == [
        "none"
    ]


def test_one_project_s_virtualenv_gives_way_to_another_s(zsh_home, project):
    (one, _), (two, place) = project(".venv", "one"), project("pipenv", "two")
    code = "cd $ONE; cd $TWO; print -r -- $VIRTUAL_ENV ${#path:#*one/.venv*} ${#path}"
    inside, rest, whole = zsh_home("-ic", code, ONE=str(one), TWO=str(two))[0].rsplit(" ", 2)
    assert inside == str(place)
    assert rest == whole


def test_a_virtualenv_that_a_person_activated_stays(zsh_home, project):
    folder, _ = project(".venv")
    code = "export VIRTUAL_ENV=/mine; cd $PROJECT; cd; print -r -- $VIRTUAL_ENV"
    assert zsh_home("-ic", code, PROJECT=str(folder)) == ["/mine"]


def test_deactivate_holds_until_one_comes_back(zsh_home, project):
    folder, place = project(".venv")
    (folder / "below").mkdir()
    show = 'print -r -- "${VIRTUAL_ENV-none}"'
    code = f"cd $PROJECT; deactivate; {show}; cd below; {show}; cd; cd $PROJECT; {show}"
    assert zsh_home("-ic", code, PROJECT=str(folder)) == ["none", "none", str(place)]


@pytest.mark.parametrize("how", ["files", "link"])
def test_a_venv_that_came_with_the_repository_is_named_and_left_alone(zsh_home, project, how):
    folder, place = project(".venv")
    if how == "link":
        place.rename(folder / "evil")
        place.symlink_to("evil")
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "--force", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True, env=BARE)
    code = "cd $PROJECT; print -r -- ${VIRTUAL_ENV-none}; cd; cd $PROJECT"
    said = f"zsh: {place} came with the repository: it is not activated\n"
    assert zsh_home("-ic", code, said=said, PROJECT=str(folder)) == ["none"]


def test_a_repository_within_the_repository_hides_no_venv(zsh_home, project):
    """Git would take the folder for a bare repository, in which nothing is known of a .venv."""
    folder, place = project(".venv")
    for name in ("objects", "refs"):
        (folder / name).mkdir()
        (folder / name / "x").touch()
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text("[core]\n\tbare = true\n\trepositoryformatversion = 0\n")
    git = ["git", "-C", str(folder.parent), "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "--force", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True, env=BARE)
    said = f"zsh: {place} came with the repository: it is not activated\n"
    code = "cd $PROJECT; print -r -- ${VIRTUAL_ENV-none}"
    assert zsh_home("-ic", code, said=said, PROJECT=str(folder)) == ["none"]


def test_a_venv_of_one_s_own_in_a_repository_is_entered_until_it_is_committed(zsh_home, project):
    folder, place = project(".venv", "[odd] *")
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "-q"], check=True, env=BARE)
    code = (
        "cd $PROJECT; print -r -- $VIRTUAL_ENV; cd; git -C $PROJECT add .; cd $PROJECT; print -r -- ${VIRTUAL_ENV-none}"
    )
    said = f"zsh: {place} came with the repository: it is not activated\n"
    assert zsh_home("-ic", code, said=said, PROJECT=str(folder)) == [str(place), "none"]


def test_git_that_cannot_answer_is_no_permission(zsh_home, project):
    folder, place = project(".venv")
    (folder / ".git").mkdir()
    said = f"zsh: {place} came with the repository: it is not activated\n"
    code = "cd $PROJECT; print -r -- ${VIRTUAL_ENV-none}"
    assert zsh_home("-ic", code, said=said, PROJECT=str(folder)) == ["none"]


def test_a_project_below_a_link_has_its_virtualenv(zsh_home, project):
    folder, place = project("pipenv")
    link = zsh_home.home / "link"
    link.symlink_to(folder.parent)
    code = "cd $PROJECT; print -r -- $VIRTUAL_ENV"
    assert zsh_home("-ic", code, PROJECT=str(link / folder.name)) == [str(place)]


OPTIONS = [
    "ksh_arrays",
    "sh_word_split",
    "extended_glob",
    "no_unset",
    "glob_subst",
    "warn_create_global",
    "ksh_glob",
    "null_glob",
]


@pytest.mark.parametrize("option", OPTIONS)
def test_a_person_s_options_do_not_reach_our_functions(zsh_home, project, option):
    folder, place = project(".venv")
    (zsh_home.home / ".zshrc.local").write_text(f"setopt {option}\n")
    code = (
        'was=$PATH; cd "$PROJECT"; inside=$PATH;'
        "for f in ${precmd_functions[@]} ${preexec_functions[@]}; do $f x; done;"
        'deactivate; [[ "$PATH" == "$was" ]] && print same; print -r -- "$inside"; [[ -o ${OPTION//_/} ]] && print kept'
    )
    same, inside, kept = zsh_home("-ic", code, PROJECT=str(folder), OPTION=option, TERM="vt100")
    assert (same, kept) == ("same", "kept")
    assert inside.split(":")[0] == f"{place}/bin"


def test_a_python_version_file_leads_nowhere_else(zsh_home, project):
    folder, _ = project("pyenv")
    outside = zsh_home.home / "outside"
    outside.mkdir()
    (outside / "pyvenv.cfg").touch()
    (folder / ".python-version").write_text("../../outside\n")
    assert zsh_home("-ic", "cd $PROJECT; print -r -- ${VIRTUAL_ENV-none}", PROJECT=str(folder)) == ["none"]


def test_automatic_virtualenvs_can_be_switched_off(zsh_home, project):
    folder, _ = project(".venv")
    code = "cd $PROJECT; print -r -- ${VIRTUAL_ENV-none}"
    assert zsh_home("-ic", code, PROJECT=str(folder), settings={"zsh_auto_virtualenv": False}) == ["none"]


def test_shims_are_made_anew_after_pip_was_called_as_a_module(zsh_home):
    code = "_python_note 'python3 -m pip install x'; _python_look; _python_note 'pip install x'; _python_look"
    assert zsh_home("-ic", code) == ["ran rehash"]


def test_a_virtualenv_that_was_just_made_is_entered(zsh_home, project):
    folder, place = project(".venv")
    place.rename(folder / "later")
    code = "cd $PROJECT; mv later .venv; _python_note 'python3 -m venv .venv'; _python_look; print -r -- $VIRTUAL_ENV"
    assert zsh_home("-ic", code, PROJECT=str(folder)) == [str(place)]


# --- the marks of git status

HEADER = "# branch.oid 1\n# branch.head main\n# branch.upstream o/main\n"
STATUS = {
    "clean": (HEADER + "# branch.ab +0 -0\n", ""),
    "modified": ("1 .M N... 100644 100644 100644 a a f\n", "*"),
    "staged": ("1 M. N... 100644 100644 100644 a a f\n", "+"),
    "both": ("1 MM N... 100644 100644 100644 a a f\n", "*+"),
    "renamed": ("2 R. N... 100644 100644 100644 a a R100 new\told\n", "+"),
    "conflict": ("u UU N... 100644 100644 100644 100644 a a a f\n", "!"),
    "unknown": ("? file\n", "?"),
    "a name that looks like a line": ('? "a\\n1 M. x"\n', "?"),
    "ahead and behind": (HEADER + "# branch.ab +3 -12\n? f\n", "? ^3v12"),
    "ahead": (HEADER + "# branch.ab +3 -0\n", " ^3"),
    "behind": (HEADER + "# branch.ab +0 -1\n", " v1"),
    "long": ("? file\n" * 40_000 + "1 .M N... 100644 100644 100644 a a f\n", "?*"),
    "no repository any more": ("", ""),
}


def test_git_status_becomes_marks(zsh_home, tmp_path):
    for number, (answer, _) in enumerate(STATUS.values()):
        (tmp_path / f"answer{number}").write_text(answer)
    code = (
        f"zmodload zsh/system; for number in {{0..{len(STATUS) - 1}}}; do"
        f" exec {{_git_fd}}<'{tmp_path}/answer'$number; _git_pid= _git_text= _git_marks= _git_ahead=;"
        ' while (( $+_git_fd )); do _git_hear $_git_fd; done; print -r -- "[$psvar[3]]"; done'
    )
    assert dict(zip(STATUS, zsh_home("-ic", code))) == {case: f"[{marks}]" for case, (_, marks) in STATUS.items()}


# --- t


def test_t_goes_to_tmux(zsh_home, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    tmux = programs / "tmux"
    tmux.write_text(
        '#!/bin/sh\necho "tmux $*"\n[ "$1" != has-session ] || [ -e "$HOME/server" ]\n',
    )
    tmux.chmod(0o755)
    sessions = zsh_home.home / ".local/bin/tmux-sessions"
    sessions.parent.mkdir(parents=True)
    sessions.write_text('#!/bin/sh\necho "sessions $*"\ntouch "$HOME/server"\n')
    sessions.chmod(0o755)
    path = {"PATH": f"{programs}:{BARE['PATH']}"}
    asked = "tmux has-session"
    restored = [asked, "sessions restore --quiet"]
    assert zsh_home("-ic", "t", **path) == [asked, "sessions restore --quiet", asked, "tmux attach-session"]
    assert zsh_home("-ic", "t", **path) == [asked, asked, "tmux attach-session"]
    (zsh_home.home / "server").unlink()
    assert zsh_home("-ic", "cd -q /; t a.b:c", **path) == [*restored, "tmux new-session -A -s a_b_c -c /"]
    (zsh_home.home / "server").unlink()
    sessions.unlink()
    assert zsh_home("-ic", "cd -q /usr; t", **path) == [asked, asked, "tmux new-session -A -s usr -c /usr"]
    odd = zsh_home.home / "a#(touch x)"
    odd.mkdir()
    shown = zsh_home("-ic", "cd -q $ODD; t", **path, ODD=str(odd))[-1]
    assert shown == f"tmux new-session -A -s a_(touch x) -c {str(odd).replace('#', '##')}"
    assert zsh_home("-ic", "t", **path, TMUX="/socket,1,0")[-1:] != ["tmux attach-session"]
    (zsh_home.home / "server").touch()
    assert zsh_home("-ic", "t", **path, TMUX="/socket,1,0") == [asked, asked, "tmux switch-client -l"]
    (zsh_home.home / "server").unlink()
    inside = zsh_home("-ic", "cd -q /; t other", **path, TMUX="/socket,1,0")
    assert inside[1:] == [
        "tmux has-session -t =other",
        "tmux new-session -d -s other -c /",
        "tmux switch-client -t =other",
    ]


# --- a framework


@pytest.fixture
def framework(tmp_path):
    """Return the settings that lead to a stand-in for Oh My Zsh, which says what it is given."""
    folder = tmp_path / "oh my zsh"
    folder.mkdir()
    (folder / "oh-my-zsh.sh").write_text(
        'zstyle -s :omz:update mode mode\nprint -r -- "$ZSH_THEME $plugins $mode"\n'
        "autoload -Uz compinit; compinit -D; PROMPT=theirs; bindkey -v\n"
    )
    return {
        "zsh_framework": "ohmyzsh",
        "zsh_ohmyzsh_plugins": ["git", "a b"],
        "zsh_ohmyzsh_theme": "robby",
        "__zsh_framework_folder": str(folder),
    }


def test_a_framework_is_read_with_its_update_off(zsh_home, framework):
    ask = "print -r -- $PROMPT $_comps[git] $+functions[pyenv] $+functions[_venv_follow]"
    assert zsh_home("-ic", ask, settings=framework) == ["robby git a b disabled", "theirs _git 1 1"]
    without = zsh_home("-ic", ask, settings={**framework, "zsh_ohmyzsh_theme": ""})
    assert "theirs" not in without[1]


def test_without_its_framework_the_shell_comes_up(zsh_home, framework):
    gone = {**framework, "__zsh_framework_folder": "/nowhere"}
    said = "zsh: without Oh My Zsh (/nowhere is gone)\n"
    shown = zsh_home("-ic", "print -r -- $PROMPT $_comps[git]", settings=gone, said=said)
    assert shown[0].endswith(" _git")
    assert "theirs" not in shown[0]
