# Starts an interactive zsh once, which writes down its completion and compiles it, and says "made" if it had to.
zmodload -F zsh/stat b:zstat
key=${XDG_CACHE_HOME:-~/.cache}/devrig/zsh/completion-$ZSH_VERSION.zsh.key
zstat -A before +inode $key 2>/dev/null
zsh -ic exit </dev/null || exit
zstat -A after +inode $key || exit
[[ $before == $after ]] || print made
