# Starts an interactive zsh once, which writes down its completion and compiles it, and says "made" if it had to.
# (Under Oh My Zsh there is no such file: the framework keeps a dump of its own, and it is made here too.)
zmodload -F zsh/stat b:zstat
key=~/.cache/devrig/zsh/completion-$ZSH_VERSION.zsh.key
zstat -A before +inode $key 2>/dev/null
# What ends it early (a ~/.zshrc.local) is named by the trial before it becomes the login shell, and by the doctor.
zsh -ic exit </dev/null || exit 0
zstat -A after +inode $key 2>/dev/null
[[ $before == $after ]] || print made
