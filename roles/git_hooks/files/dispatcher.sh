#!/bin/sh
# core.hooksPath leads here: runs the hook that git would run without devrig and then, for pre-commit alone, what lints.
# Each name of a hook is a link to this file.
name=${0##*/}

# The core.hooksPath that git would take if ours were not there; relative ones count from here, as git's do.
theirs=$(git config --path --get core.hooksPath '!/\.local/share/devrig/git/hooks/*$')
if [ -z "$theirs" ] || [ "$name" = pre-commit ]; then
  common=$(git rev-parse --git-common-dir) || exit 0
fi
hook=${theirs:-$common/hooks}/$name
case $hook in
/*) ;;
*) hook=./$hook ;;
esac

# Their folder may be, or lead to, this one: that would never end.
# shellcheck disable=SC3013 # dash, bash and busybox know -ef
if [ -f "$hook" ] && [ -x "$hook" ] && ! [ "$hook" -ef "$0" ]; then
  if [ "$name" != pre-commit ] || [ -z "$theirs" ]; then
    exec "$hook" "$@"
  fi
  "$hook" "$@" || exit
fi
[ "$name" = pre-commit ] || exit 0

# Where the repository's own hook is ours, it is to be linted. What else is in its folder git would not run, nor do we.
program=${0%/*/*}/lint_staged.py
[ -f "$program" ] || exit 0
for hook in "$common/hooks/pre-commit" "$common/hooks/pre-commit.legacy"; do
  if [ -f "$hook" ] && { read -r _ && read -r _ && read -r line; } <"$hook"; then
    case $line in
    '# devrig: pre-commit hook'*) exec /usr/bin/python3 -I "$program" "$common/hooks/pre-commit" ;;
    esac
  fi
done
exit 0
