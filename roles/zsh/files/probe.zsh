#!/usr/bin/zsh -f
# Starts this user's zsh as a login would and in a pseudo-terminal, and prints as JSON what it does there.
# No command is run in the terminal and the history is not kept, so nothing of the user's is written.
zmodload zsh/zpty zsh/zselect

work=$(mktemp -d) || exit 1
trap 'rm -rf -- $work' EXIT

# Must be silent: anything that a start prints breaks scp, rsync and every tool that logs in.
noise=$(zsh -lic true 2>&1 </dev/null)

ask='print -rl -- "$path[1]" "$path[2]" "$path[3]" "$PYENV_ROOT" "${+functions[pyenv]}" "$_comps[git]"'
login=("${(@f)$(zsh -lic $ask 2>/dev/null </dev/null)}")
script=$(zsh -lc 'print -r -- $path[1]' 2>/dev/null </dev/null)

# A project to start in: a repository with a file that git does not know, and a virtualenv.
mkdir -p $work/project/.venv && : >$work/project/.venv/pyvenv.cfg
git -c init.defaultBranch=main init -q $work/project

# The user's own files, read from here, without the history. Ctrl-X Ctrl-P then writes down the line, the suggestion behind
# it and the number of coloured parts. (A widget with an underscore in front is left alone by the suggestions.)
cat >$work/.zshenv <<'END'
[[ -r ~/.zshenv ]] && source ~/.zshenv
END
cat >$work/.zshrc <<END
unset ZDOTDIR
source ~/.zshrc
unset HISTFILE _history_file
print -s 'echo devrig suggests this'
_note() {
  print -r -- "\$psvar[1]\$psvar[3] \${VIRTUAL_ENV:t}" >$work/prompt
  print -r -- "\$BUFFER@\$POSTDISPLAY@\$#region_highlight" >$work/note
}
zle -N _note
bindkey '^X^P' _note
END
typed() {  # typed KEYS WANTED [FILE]: type the keys, give the shell up to five seconds, true when the note,
         # which is then in seen, matches
  local junk try
  seen=
  zpty -w -n term $1
  for try in {1..50}; do
    zselect -t 10
    zpty -w -n term $'\x18\x10'
    while zpty -r -t term junk; do :; done
    [[ -r $work/${3-note} ]] && seen=$(<$work/${3-note})
    [[ $seen == ${~2} ]] && return 0
  done
  return 1
}
suggestion=false highlighting=false completion=false prompt=
cd -q $work/project
zpty -b term env TERM=xterm-256color ZDOTDIR=${(q)work} zsh -i
typed '' '@*' && {  # it is up
  # Again: what is typed before the plugins are read, on a busy machine, gets no suggestion.
  for _ in {1..4}; do
    typed $'\x15echo dev' 'echo dev@rig suggests this@*' && { suggestion=true; break }
  done
  typed $'\x15echo "blue"' 'echo "blue"@*@[1-9]*' && highlighting=true
  typed $'\x15ls /etc/os-rel\t' '*/etc/os-release*' && completion=true
  typed $'\x15' '*[?]*' prompt   # git may take its time
  prompt=$seen
}
zpty -d term

# Where the shell keeps what it has worked out once.
kept=false
[[ -O ~/.cache/devrig/zsh && -w ~/.cache/devrig/zsh && -r ~/.cache/devrig/zsh/completion-$ZSH_VERSION.zsh.zwc ]] && kept=true

text() {  # text VALUE: the value as a JSON string
  local value=${1//\\/\\\\}
  value=${value//\"/\\\"}
  value=${value//$'\n'/\\n}
  print -rn -- "\"${value//[[:cntrl:]]/ }\""
}
print -r -- "{
  \"noise\": $(text $noise),
  \"path\": [$(text $login[1]), $(text $login[2]), $(text $login[3])],
  \"script_path\": $(text $script),
  \"pyenv\": $([[ -d $login[4]/bin ]] && print true || print false), \"pyenv_function\": $(text $login[5]),
  \"git_completion\": $(text $login[6]),
  \"suggestion\": $suggestion, \"highlighting\": $highlighting, \"completion\": $completion, \"kept\": $kept, \"prompt\": $(text $prompt)
}"
