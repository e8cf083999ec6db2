#!/bin/sh
# Starts this user's vim in a pseudo-terminal on a faulty Python file and prints as JSON what it does there.
# Arguments: plugins of the user's ("start/NAME", "opt/NAME"), a "--", and the file types whose linters are asked for. Nothing of the user's is written.
set -eu
plugins=
while [ "$1" != -- ]; do
    plugins="$plugins $1"
    shift
done
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf 'import os\n\nanswer = undefined_name\n' >"$work/faulty.py"

cat >"$work/probe.vim" <<'VIM'
let s:tries = 0
let s:linted = 0
autocmd User ALELintPost let s:linted = 1

function! Linters(filetype)
  return map(copy(ale#linter#Get(a:filetype)), 'v:val.name')
endfunction

function! Bool(number)
  return a:number ? v:true : v:false
endfunction

" A plugin is loaded: its folder is in 'runtimepath', and where it has scripts, one of them was read.
function! Loaded(place)
  let l:folder = '/pack/devrig/' . a:place
  if a:place =~# '^opt/'
    try
      execute 'packadd' a:place[4:]
    catch
      return 0
    endtry
  endif
  let l:paths = filter(split(&runtimepath, ','), 'v:val[-strlen(l:folder):] ==# l:folder')
  return !empty(l:paths) && (empty(globpath(l:paths[0], 'plugin/**/*.vim'))
    \ || stridx(execute('scriptnames'), l:folder . '/plugin/') >= 0)
endfunction

function! Report(timer)
  let s:tries += 1
  " ALE is read after the first screen; where it is not there at all, a second is enough.
  if !s:linted && s:tries < (exists('g:loaded_ale') ? 100 : 10)
    return
  endif
  call timer_stop(a:timer)
  let l:found = {
    \ 'mode': mode(1),
    \ 'errmsg': v:errmsg,
    \ 'messages': split(execute('messages'), "\n"),
    \ 'linters': {},
    \ 'explicit': Bool(get(g:, 'ale_linters_explicit', 0)),
    \ 'faults': [],
    \ 'fuzzy': Bool(maparg('<Space>f', 'n') =~# 'Files'),
    \ 'signs': Bool(exists(':GitGutter') == 2),
    \ 'git': Bool(exists(':Git') == 2),
    \ 'statusline': Bool(&statusline =~# 'StatusFaults'),
    \ 'plugins': {},
    \ 'clipboard': &clipboard ==# 'unnamedplus' || exists('#vimrc_clipboard#TextYankPost') ? v:true : v:false,
    \ 'directory': &directory,
    \ 'backupdir': &backupdir,
    \ 'undodir': &undodir,
    \ 'undofile': Bool(&undofile),
    \ }
  for l:place in s:plugins
    let l:found.plugins[l:place] = Bool(Loaded(l:place))
  endfor
  if exists('g:loaded_ale')
    for l:filetype in s:filetypes
      let l:found.linters[l:filetype] = Linters(l:filetype)
    endfor
    let l:found.faults = map(copy(getloclist(0)), 'v:val.text')
  endif
  let s:found = l:found
  " Typed, not run from here: vim's own plugin finds its name at the bottom of the call stack.
  call feedkeys("gcc:call Finish(0)\<CR>", 't')
  call timer_start(2000, 'Finish')
endfunction

function! Finish(timer)
  let s:found.comment = getline('.')
  call writefile([json_encode(s:found)], s:work . '/found.json')
  quitall!
endfunction

call timer_start(100, 'Report', {'repeat': 110})
VIM
{
    printf "let s:work = '%s'\nlet s:filetypes = split('%s')\nlet s:plugins = split('%s')\n" "$work" "$*" "$plugins"
    cat "$work/probe.vim"
} >"$work/run.vim"

# -i NONE leaves the list of recent files as it is. The pipe is a keyboard on which nobody types: an end of input would
# be a key, and answer a "Press ENTER" that has to be seen. A vim that hangs is ended.
cd "$work"
export TERM=xterm-256color
mkfifo keyboard
exec 3<>keyboard
timeout 20 script -qec 'vim -i NONE -S run.vim faulty.py' /dev/null <&3 >screen 2>&1 || true
if [ -e found.json ]; then
    cat found.json
else
    # It waits for a key, or there is no vim: what the screen says is what a person needs.
    escape=$(printf '\033')
    sed -e "s/$escape\[[0-9;?]*[a-zA-Z]//g" -e 's/[\\"]/ /g' screen | tr -d '\000-\011\013-\037' | tail -n 20 >text
    awk 'BEGIN { printf "{\"mode\": \"waits\", \"errmsg\": \"\", \"messages\": [" }
        { printf "%s\"%s\"", (NR > 1 ? ", " : ""), $0 }
        END { print "]}" }' text
fi
