# Uses an interpreter in ways that would show another folder than its own. $1: the version's folder
python=$1/bin/python
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" - "$1" <<'END'
import hashlib, sqlite3, ssl, sys, sysconfig

assert sys.prefix == sys.base_prefix == sysconfig.get_config_var("prefix") == sys.argv[1], (sys.prefix, sysconfig.get_config_var("prefix"))
hashlib.scrypt(b"p", salt=b"s", n=2, r=1, p=1)
print(sys.version.split()[0], ssl.OPENSSL_VERSION)
END

# No text names another place of this version, no program looks in one.
places=$(grep -rhoIE "/[A-Za-z0-9/._-]*/versions/${1##*/}\b" "$1" --exclude=.devrig.json | sort -u)
[ "$places" = "$1" ] || { echo "other places: $places"; exit 1; }
ways=$(for file in "$python" "$1"/lib/*.so* "$1"/lib/python3*/lib-dynload/*.so; do patchelf --print-rpath "$file"; done | tr : '\n' | sort -u)
[ -n "$ways" ]
for way in $ways; do
  case $way in "\$ORIGIN"* | "$1"/*) ;; *) echo "looks in $way" && exit 1 ;; esac
done

# Programs of pip's, a virtual environment, a C program with the interpreter in it.
head -n 1 "$1/bin/pip" | grep -qF "$1/bin/python"
"$1/bin/pip" --version
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -c "import ssl, sqlite3; import pip"
printf '#include <Python.h>\nint main(void) { Py_Initialize(); return PyRun_SimpleString("import zlib, math"); }\n' >"$scratch/embed.c"
embed=$("$1/bin/python3-config" --embed --ldflags || "$1/bin/python3-config" --ldflags) # --embed came with 3.8
cc $("$1/bin/python3-config" --cflags) -o "$scratch/embed" "$scratch/embed.c" $embed
PYTHONHOME=$1 LD_LIBRARY_PATH=$1/lib "$scratch/embed"
