"""Places in which the module of the starter makes no project."""

import pytest

#: Place -> why no starter can be there.
PLACES = {
    "": "starter_path is empty: name the folder to be made, for example -e starter_path=~/src/hello",
    "/srv/50%": '/srv/50%: none of % : " $ ` \\ can be in it',
    "/srv/a:b/c": "/srv/a:b/c: none of % :",
    '/srv/a"b': '/srv/a"b: none of % :',
    "/srv/a\nb": "no tab or other control in it",
    "/srv/a ": "no blank may stand at its ends",
    "/srv/..": "write the folder's name",
    "~": "write the folder's name",
    "src/hello": "starter_path is src/hello: write the whole path, or ~/ for the user's own home",
    "~nobody/hello": "write the whole path, or ~/ for the user's own home",
    "/etc": "/etc is not empty (",
    "/etc/passwd": "/etc/passwd is no folder",
    "/etc/passwd/hello": "/etc/passwd is no folder in which you may write",
}


@pytest.mark.parametrize("place", PLACES)
def test_rejects_bad_place(run_module, place):
    answer = run_module("starter_project", {"path": place}, "--check")
    assert answer["failed"]
    assert not answer["changed"]
    assert PLACES[place] in answer["msg"]
