"""Start a Python process that finds what this one finds, and nothing in the current folder.

Python puts the current folder first on ``sys.path`` of a process started with ``-c`` or ``-m``: a
file called ``pickle.py`` that happens to be there would run instead of the standard library's.
``-P`` prevents it, and ``keep_out_current_folder`` does so for processes that libraries start.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_FIRST = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "


def python(code: str, *arguments: str) -> list[str]:
    """Return the command that runs ``code`` with ``arguments`` and this process's ``sys.path``."""
    return [sys.executable, "-P", "-c", _FIRST + code, *arguments, json.dumps(_search_path())]


def keep_out_current_folder() -> None:
    """Keep the current folder off ``sys.path`` of all processes that are started from now on."""
    os.environ["PYTHONSAFEPATH"] = "1"


def _search_path() -> list[str]:
    """Return ``sys.path``, with this package at its end where it is found in no other way."""
    here = str(_PACKAGE.parent)
    path = [each for each in sys.path if each]
    return path if here in path else [*path, here]
