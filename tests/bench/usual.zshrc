# What pyenv and pyenv-virtualenv tell one to write, beside zsh's own completion.
export PYENV_ROOT="$HOME/.pyenv"
export PATH="$PYENV_ROOT/bin:$PATH"
eval "$(pyenv init -)"
eval "$(pyenv virtualenv-init -)"
autoload -Uz compinit
compinit
