#!/bin/sh
# Starts this user's vim in a pseudo-terminal on a faulty Python and a faulty Ruby file and prints as JSON what it does there.
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
printf 'unused = 1\n' >"$work/faulty.rb"

cat >"$work/probe.vim" <<'VIM'
let s:tries = 0
let s:settled = 0
let s:files = {'python': 'faulty.py', 'ruby': 'faulty.rb'}

function! Linters(filetype)
  return map(copy(ale#linter#Get(a:filetype)), 'v:val.name')
endfunction

" What a file has got: the programs that ALE runs on it, texts in the list of faults, lines with a sign.
function! Found(filetype)
  let l:buffer = bufnr(s:files[a:filetype])
  " The dummy holds the column open, it marks nothing.
  let l:signs = filter(sign_getplaced(l:buffer, {'group': '*'})[0].signs, 'v:val.name =~# "^ALE\\%(Dummy\\)\\@!"')
  return {
    \ 'programs': map(ale#linter#Get(a:filetype), 'ale#linter#GetExecutable(l:buffer, v:val)'),
    \ 'faults': map(getloclist(bufwinid(l:buffer)), 'v:val.text'),
    \ 'signs': map(l:signs, 'v:val.lnum'),
    \ }
endfunction

" Files that are not linted yet.
function! Waiting()
  return filter(copy(s:files), '!empty(Linters(v:key)) && !getbufvar(v:val, "ale_linted")')
endfunction

" The names of the fixers; of a function of ours the end of its name.
function! Fixers(filetype)
  let l:fixers = copy(get(get(g:, 'ale_fixers', {}), a:filetype, []))
  return map(l:fixers, 'matchstr(string(v:val), "\\a\\w*\\ze\\W*$")')
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
  " ALE is read after the first screen; where it is not there at all, a second is enough. rubocop takes its time to start.
  let l:ready = exists('g:loaded_ale') && empty(Waiting())
  if !l:ready && s:tries < (exists('g:loaded_ale') ? 300 : 10)
    return
  elseif !s:settled
    " The list of faults is filled a moment after the signs.
    let s:settled = 1
    return
  endif
  call timer_stop(a:timer)
  let l:found = {
    \ 'mode': mode(1),
    \ 'errmsg': v:errmsg,
    \ 'messages': split(execute('messages'), "\n"),
    \ 'linters': {},
    \ 'explicit': Bool(get(g:, 'ale_linters_explicit', 0)),
    \ 'files': {},
    \ 'fixers': {'python': Fixers('python'), 'ruby': Fixers('ruby')},
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
    let l:found.files = map(copy(s:files), 'Found(v:key)')
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

call timer_start(100, 'Report', {'repeat': 310})
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
timeout 45 script -qec 'vim -i NONE -o -S run.vim faulty.py faulty.rb' /dev/null <&3 >screen 2>&1 || true
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
