"""Figures, one module each, found by scanning this folder.

A module ``accuracy_vs_ops.py`` is the figure ``accuracy-vs-ops``: its docstring's first line is
the one-line description, ``TAKES`` the options that it knows, and ``draw(table, options)`` returns
a matplotlib ``Figure``.  What figures share stands in ``parts``.

Names and descriptions are read without importing matplotlib, so that a misspelt name is answered
at once; saving is left to whoever asked for the figure.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from opbench import names as spelling
from opbench.figures.parts.options import Options as Options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from opbench.table.frames import Table

Draw = Callable[["Table", Options], "Figure"]

_FOLDER = Path(__file__).parent
_MAKES_HELP = "_update_set_signature_and_docstring"


def names() -> list[str]:
    """Every figure's name, sorted."""
    return sorted(
        path.stem.replace("_", "-") for path in _FOLDER.glob("*.py") if path.name != "__init__.py"
    )


def describe(name: str) -> str:
    """The first line of the figure's docstring.  Raises ``UnknownNameError``."""
    text = (_FOLDER / f"{_module(name)}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def find(name: str) -> Draw:
    """The figure's function, for which text of the table is letters to draw and nothing more.

    Raises ``UnknownNameError`` with near matches.
    """
    module = f"{__name__}.{_module(name)}"
    with _without_documentation():
        return partial(_draw, import_module(module).draw)


@contextmanager
def _without_documentation() -> Iterator[None]:
    """Import matplotlib without the help on its properties, which it makes class by class."""
    artist = import_module("matplotlib.artist").Artist
    usual = vars(artist).get(_MAKES_HELP)
    if usual is None:
        yield
        return
    setattr(artist, _MAKES_HELP, classmethod(lambda cls: None))
    try:
        yield
    finally:
        setattr(artist, _MAKES_HELP, usual)


def _draw(draw: Draw, table: Table, options: Options) -> Figure:
    literal = import_module(f"{__name__}.parts.literal")
    return draw(literal.literal_table(table), options)


def takes(name: str) -> frozenset[str]:
    """The options that the figure knows.  Raises ``UnknownNameError``."""
    options: frozenset[str] = import_module(f"{__name__}.{_module(name)}").TAKES
    return options


def full_name(word: str) -> str:
    """The figure that ``word`` spells: ``accuracy_vs_ops`` is accuracy-vs-ops.

    Raises ``UnknownNameError`` with near matches.
    """
    return spelling.find("figure", word, names())


def _module(name: str) -> str:
    return full_name(name).replace("-", "_")
