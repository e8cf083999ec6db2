"""zsh, vim and tmux as a person meets them: in a pseudo-terminal, on a machine that the playbook has set up."""
