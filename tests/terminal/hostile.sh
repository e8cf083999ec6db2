# Makes ~/hostile: a repository in which all that could be made to run something leaves a word in ~/canaries.
# Run by sh -eu in a home folder of a test's own. The words are the names that test_hostile.py knows.
cd
canary=$HOME/canary
printf '#!/bin/sh\nprintf "%%s\\n" "$1" >>"%s/canaries"\n' "$HOME" >"$canary"
chmod +x "$canary"
git config --global user.name n
git config --global user.email e@localhost

# trap_at FILE WORD: a program that is a trap.
trap_at() {
  mkdir -p "$(dirname "$1")"
  printf '#!/bin/sh\n"%s" %s\n' "$canary" "$2" >"$1"
  chmod +x "$1"
}
trap_at trap-gpg gpg
ruby_trap="system('$canary', 'ruby')"
python_trap="import os; os.system('$canary python')"

git init -q hostile
cd hostile
git symbolic-ref HEAD refs/heads/main

# --- for shells
for name in .env .envrc .autoenv .autoenv.zsh .in .localrc .profile .zshrc .zshenv .zprofile .zlogin .bashrc; do
  printf '"%s" shell-file\n' "$canary" >"$name"
done
mkdir -p .venv/bin link
printf 'home = /usr/bin\nversion = 3\n' >.venv/pyvenv.cfg
for name in python python3 flake8 pyflakes ruff rubocop bundle black autopep8 pre-commit git ls shellcheck yamllint pipenv; do
  trap_at ".venv/bin/$name" program
  trap_at "node_modules/.bin/$name" program
  trap_at "bin/$name" program
  trap_at "$name" program
done
printf '"%s" activate\n' "$canary" >.venv/bin/activate
printf 'home = /usr/bin\n' >pyvenv.cfg
ln -s ../.venv link/.venv
number=0
for name in ../../hostile/.venv ../../../../../../../.."$HOME"/hostile/.venv '$('"$canary"' python-version)' \
  '`'"$canary"' python-version`' '3.6.8/../../../hostile/.venv' "$(printf '%%{\033]2;hijacked\007%%}')"; do
  number=$((number + 1))
  mkdir -p "versions/$number"
  printf '%s\n' "$name" >"versions/$number/.python-version"
done
mkdir names
escape=$(printf '\033]2;hijacked\007')
for name in '$('"$(basename "$canary")"' folder)' '$(~@canary folder)' '`canary folder`' '%{'"$escape"'%}' '#(canary folder)' \
  '#{E:@x}' "$escape" "$(printf 'two\nlines')" '; canary folder;' 'a]b[$(canary folder)]' '%F{red}$(canary folder)'; do
  mkdir "names/$name"
  ln -s ../../.venv "names/$name/.venv"
done

# --- for completion
{
  printf 'X := $(shell "%s" make)\n' "$canary"
  printf 'include included.mk\n'
  printf 'first: second\n\t@"%s" make-target\nsecond:\n$(shell "%s" make)-third: first\n' "$canary" "$canary"
  printf '`%s make`: first\n$(eval $(shell "%s" make))\n' "$canary" "$canary"
} >Makefile
printf 'Y != "%s" make\nincluded:\n' "$canary" >included.mk

# --- for editors
for name in .vimrc _vimrc vimrc .exrc .gvimrc .lvimrc .vimrc.local .local.vimrc; do
  printf 'call system("%s vimrc")\n' "$canary" >"$name"
done
printf 'vim.fn.system("%s vimrc")\n' "$canary" | tee .nvim.lua >.nvimrc
mkdir -p .vim/plugin ftplugin after/ftplugin
for name in .vim/vimrc .vim/plugin/trap.vim ftplugin/python.vim after/ftplugin/python.vim; do
  printf 'call system("%s vimrc")\n' "$canary" >"$name"
done
call="call system('$canary modeline')"
printf 'text\nvim: set fde=%s fdm=expr:\n' "system('$canary\\\\ modeline')" >fold.txt
printf 'text\n/* vim: set fen fdm=expr fde=assert_fails("source\\\\!\\ \\%%"): */\n:!%s modeline\n' "$canary" >source.txt
printf 'text\n# vim: set statusline=%%!system("%s\\ modeline"):\n' "$canary" >statusline.txt
printf 'text\n# vim: set includeexpr=system("%s\\ modeline") path=/ shell=%s: \n' "$canary" "$canary" >include.txt
printf '# ex: set makeprg=%s exrc:\n# vim: set tags=%s/hostile/tags | :!%s modeline | %s\nimport os\n\n\ndef trap():\n    return undefined_name\n' \
  "$canary" "$HOME" "$canary" "$call" >trap.py
printf '!_TAG_FILE_FORMAT\t2\t//\ntrap\ttrap.py\t:call system("%s tags")|!%s tags\n' "$canary" "$canary" >tags
printf '[*.py]\nindent_style = tab\nvim_command = !%s editor\n' "$canary" >.editorconfig
printf '[flake8]\nignore = E501\n[flake8:local-plugins]\nextension =\n  X = trap_plugin:Plugin\npaths = .\n' |
  tee .flake8 setup.cfg >tox.ini
printf '%s\nclass Plugin:\n    name = "trap"\n    version = "1"\n    def __init__(self, tree):\n        pass\n    def run(self):\n        return []\n' \
  "$python_trap" >trap_plugin.py
for name in sitecustomize usercustomize flake8 pycodestyle pyflakes mccabe ast json re yaml yamllint autopep8 black conftest setup; do
  printf '%s\n' "$python_trap" >"$name.py"
done
printf '[tool.flake8]\n[tool.black]\n[tool.ruff]\n' >pyproject.toml
printf 'require: ./trap.rb\nAllCops:\n  TargetRubyVersion: <%%= %s; 2.7 %%>\n' "$ruby_trap" >.rubocop.yml
printf -- '--require ./trap.rb\n' >.rubocop
printf '%s\n' "$ruby_trap" | tee trap.rb Gemfile Rakefile >.irbrc
printf 'unused = 1\n' >fault.rb
printf 'GEM\n  specs:\n    rubocop (1.0)\n' >Gemfile.lock
printf -- '--require ./trap.rb\n' >.rspec
printf 'extends: ./extended.yml\nyaml-files: ["*"]\nrules: !!python/object/apply:os.system ["%s yamllint"]\n' "$canary" >.yamllint
printf 'a:   !!python/object/apply:os.system ["%s yamllint"]\n' "$canary" >data.yml
printf 'source-path=/\nexternal-sources=true\nshell=%s\n' "$canary" >.shellcheckrc
printf '#!/bin/sh\n# shellcheck source=/dev/stdin shell=bash\n. ./trap.sh\necho $x\n' >script.sh
printf 'import os\n' >'$(canary name).py'
printf 'import os\n' >'`canary name`; canary name #.py'
printf 'import os\n' >"a' | canary name | '.py"
printf 'import os\n' >'%{canary}!canary name!.py'
printf 'import os\n' >"$(printf 'two\nlines.py')"
printf 'repos:\n- repo: local\n  hooks:\n  - {id: trap, name: trap, entry: %s pre-commit, language: system, always_run: true}\n' "$canary" >.pre-commit-config.yaml
printf '* filter=trap diff=trap merge=trap\n' >.gitattributes

# --- a repository in the repository, as a submodule is one, and a bare one that is nothing but files
git init -q sub
(cd sub && echo one >one && git add one && git commit -qnm one)
git init -q --bare bare
printf 'import os\n' | tee bare/inside.py >outside.py
git init -q ../elsewhere
mkdir gitfile
printf 'import os\n' >gitfile/file.py
mv ../elsewhere/.git elsewhere.git
rmdir ../elsewhere
printf 'gitdir: ../elsewhere.git\n' >gitfile/.git

(cd gitfile && git add file.py && git commit -qnm one)
git add --force .
git commit -qnm first
git tag "odd'tag"
echo changed | tee -a fault.rb >>data.yml
(cd sub && echo two >one)
(cd bare && git --git-dir=. --work-tree=. add -f inside.py)

# --- configurations and hooks, last: nothing above runs into them
hooks_in() {
  for name in applypatch-msg post-applypatch pre-commit prepare-commit-msg commit-msg post-commit pre-rebase post-checkout \
    post-merge pre-push pre-auto-gc post-rewrite post-index-change reference-transaction fsmonitor-watchman \
    query-watchman sendemail-validate; do
    trap_at "$1/$name" hook
  done
}
# config_in FILE: what git would start, by each of its settings that names a program.
config_in() {
  cat >>"$1" <<END
[core]
	fsmonitor = "$canary" fsmonitor
	pager = "$canary" pager
	editor = "$canary" editor
	sshCommand = "$canary" ssh
	gitProxy = "$canary" ssh
	askPass = "$canary"
	alternateRefsCommand = "$canary" refs
[diff]
	external = "$canary" diff-external
[diff "trap"]
	textconv = "$canary" textconv
	command = "$canary" diff-command
[filter "trap"]
	clean = "$canary filter; cat"
	smudge = "$canary filter; cat"
	required = true
[filter "process"]
	process = "$canary" filter
[merge "trap"]
	driver = "$canary" merge
[gpg]
	program = $HOME/trap-gpg
[log]
	showSignature = true
[commit]
	gpgSign = true
[alias]
	status = !"$canary" alias
	ls-files = !"$canary" alias
	devrig-hooks = !"$canary" alias
	st = !"$canary" alias
[pager]
	status = "$canary" pager
	ls-files = "$canary" pager
	diff = "$canary" pager
[credential]
	helper = !"$canary" credential
[remote "origin"]
	url = ssh://nowhere.invalid/x
	fetch = +refs/heads/*:refs/remotes/origin/*
	uploadpack = "$canary uploadpack;"
	promisor = true
[remote "./."]
	uploadpack = "$canary uploadpack;"
[protocol "ext"]
	allow = always
[submodule]
	recurse = true
[status]
	submoduleSummary = true
[include]
	path = $HOME/hostile/included.config
END
}
printf '[core]\n\tfsmonitor = "%s" included\n' "$canary" >included.config
for folder in .git sub/.git elsewhere.git bare; do
  hooks_in "$folder/hooks"
  config_in "$folder/config"
  mkdir -p "$folder/info"
  printf '* filter=trap diff=trap merge=trap\n' >"$folder/info/attributes"
done
git config --file bare/config core.bare false
git config --file bare/config core.worktree .
# The time of all files is another one than in the index: git has to look into them.
find . -name .git -prune -o -type f -exec touch -d '2001-01-01' {} +
