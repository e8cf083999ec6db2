"""What the application is called whose folder has a given name."""

import keyword
import re
import unicodedata

#: Names that mean something else in the project: what it imports, and folders of its own.
TAKEN = """
    alembic blinker certifi chardet charset_normalizer click conftest dataclasses dotenv flake8 flask flask_migrate
    flask_sqlalchemy greenlet idna importlib_metadata importlib_resources iniconfig instance itsdangerous jinja2 mako
    markupsafe mccabe migrations packaging pip pkg_resources pluggy psycopg2 py pycodestyle pyflakes pygments pytest
    requests setup setuptools sqlalchemy tests tomli typing_extensions urllib3 venv werkzeug wheel zipp
"""

#: The standard library's modules, from Python 3.6 to 3.14 (sys.stdlib_module_names).
STANDARD = """
    abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb
    binascii binhex bisect builtins bz2 calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys
    compileall compression concurrent configparser contextlib contextvars copy copyreg cprofile crypt csv ctypes
    curses dataclasses datetime dbm decimal difflib dis distutils doctest dummy_threading email encodings ensurepip
    enum errno faulthandler fcntl filecmp fileinput fnmatch formatter fractions ftplib functools gc genericpath
    getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib
    inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma macpath mailbox mailcap
    marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path
    numbers opcode operator optparse os ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil platform
    plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue
    quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil
    signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat
    statistics string stringprep struct subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile
    telnetlib tempfile termios test textwrap this threading time timeit tkinter token tokenize tomllib trace
    traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave
    weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo
"""


def starter_package(path):
    """Return the package's name for a project's path: the folder's name in small letters, digits and underscores.

    Accents are dropped, everything else between letters and digits becomes one underscore. In front of a digit,
    and behind a name that means something else to Python, is added: app_2048, json_app.

    >>> starter_package("~/src/My Shop")
    'my_shop'
    """
    name = unicodedata.normalize("NFKD", str(path).rstrip("/").rpartition("/")[2].replace("ß", "ss"))
    letters = "".join(letter for letter in name if not unicodedata.combining(letter))
    name = re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")
    if not name:
        return "app"
    if name[0].isdigit():
        return "app_" + name
    if keyword.iskeyword(name) or name in TAKEN.split() or name in STANDARD.split():
        return name + "_app"
    return name


class FilterModule:
    """Ansible's door to the function."""

    def filters(self):
        """Return the filters by name."""
        return {"starter_package": starter_package}
