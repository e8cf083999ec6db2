#!/bin/sh
# One of the programs of lint.py, which lies beside it: this file's name says which.
exec /usr/bin/python3 -I "${0%/*}/lint.py" "${0##*/}" "$@"
