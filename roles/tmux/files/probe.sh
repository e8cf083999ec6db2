#!/bin/sh
# Starts a tmux server of its own with this user's configuration and prints as JSON what it does there.
# Its socket lies in a folder of its own, so that the user's sessions are not touched; at the end both are gone.
set -eu
work=$(mktemp -d)
export TMUX_TMPDIR="$work" TERM=xterm-256color
unset TMUX
finish() {
    tmux -L probe kill-server 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# The first pane says which terminal and which shell it got, then stays.
tmux -L probe new-session -d -s probe -x 80 -y 24 "printf '%s' \"\$TERM\" >'$work/term'; exec sleep 60" 2>"$work/start"
tries=0
until [ -s "$work/term" ] || [ "$tries" -ge 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
# Read once more: this time faults are told here, not in a window.
code=0
tmux -L probe source-file "$HOME/.tmux.conf" >"$work/again" 2>&1 || code=$?

option() { tmux -L probe show-options "$1" | awk -v name="$2" '$1 == name { sub(/^[^ ]+ /, ""); print }'; }
text() { printf '%s' "$*" | tr '\n\t' '  ' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'; }

infocmp tmux-256color >/dev/null 2>&1 && described=true || described=false
cat <<JSON
{
  "messages": "$(text "$(cat "$work/start" "$work/again")")",
  "code": $code,
  "term": "$(text "$(cat "$work/term" 2>/dev/null)")",
  "described": $described,
  "escape_time": "$(text "$(option -s escape-time)")",
  "prefix": "$(text "$(option -g prefix)")",
  "history_limit": "$(text "$(option -g history-limit)")",
  "mouse": "$(text "$(option -g mouse)")",
  "base_index": "$(text "$(option -g base-index)")",
  "mode_keys": "$(text "$(option -gw mode-keys)")",
  "default_shell": "$(text "$(option -g default-shell)")",
  "status": "$(text "$(option -g status-left) $(option -g status-right)")",
  "colour": "$(text "$(tmux -L probe show-options -s | grep -E '^terminal-(overrides|features)\[90\]')")"
}
JSON
