# shellcheck shell=sh
# Run by sh -c. $1: an interpreter, $2: its site-packages; the rest: what `pip install` gets.
# A pip that was killed leaves names that count as installed and are not whole (it writes INSTALLER after all files and
# scripts), or none of itself: while it replaces itself it is away for a moment.
set -eu
python=$1 packages=$2
shift 2
for half in "$packages"/*.dist-info; do
  [ -e "$half/INSTALLER" ] || rm -rf "$half"
done
"$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >&2
exec "$python" -m pip install --disable-pip-version-check "$@"
