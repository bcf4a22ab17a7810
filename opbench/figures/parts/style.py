"""Type, colours and paper: everything that two figures share without being about data.

Hues follow families, as in the 2016 chart, and stay distinct under the common colour deficiencies;
a test measures that.  The typeface comes with a package, so that a figure is the same everywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal
from zlib import crc32

import font_source_sans_pro as typeface
import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.colors import to_hex, to_rgb

from opbench.metrics import FAMILIES

INK = {
    "light": {"paper": "#ffffff", "ink": "#1c2024", "muted": "#60666d", "grid": "#e4e7ea"},
    "dark": {"paper": "#15181c", "ink": "#eef0f2", "muted": "#a0a7af", "grid": "#2c3138"},
}

_SECOND = "DejaVu Sans"
_LIGHTER = 0.22  # of the way to white, on dark paper

# For families that are not in ``FAMILIES``; the name alone decides which.
_SPARE = ("#44aa99", "#999933", "#332288", "#aa4499", "#1b7f8c", "#8c5a2b")


@contextmanager
def theme(name: Literal["light", "dark"]) -> Iterator[None]:
    """Figures made and saved inside look as this project's figures do, in light or dark."""
    _register_typeface()
    with mpl.rc_context(_settings(**INK[name])), _found_once(), warnings.catch_warnings():
        # A letter that no typeface has is drawn as a box.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


@contextmanager
def _found_once() -> Iterator[None]:
    """Look up each typeface once: matplotlib does for every text, in what the settings say."""
    manager: Any = font_manager.fontManager
    manager._find_fonts_by_props = cache(type(manager)._find_fonts_by_props.__get__(manager))
    try:
        yield
    finally:
        del manager._find_fonts_by_props


@cache
def _register_typeface() -> None:
    for style in ("SourceSansPro", "SourceSansProSemibold", "SourceSansProBold", "SourceSansProIt"):
        font_manager.fontManager.addfont(typeface.font_files_ttf[style])
    # The second typeface has no weight between regular and bold.
    bold = font_manager.FontEntry(
        fname=f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf", name=_SECOND, style="normal",
        variant="normal", weight=600, stretch="normal", size="scalable",
    )  # fmt: skip
    font_manager.fontManager.ttflist.append(bold)


def _settings(*, paper: str, ink: str, muted: str, grid: str) -> Any:
    return {
        # Letters that the first lacks are taken from the second, which comes with matplotlib.
        "font.family": ["Source Sans Pro", _SECOND],
        "text.parse_math": False,  # names are text
        "font.size": 12,
        "text.color": ink,
        "figure.facecolor": paper,
        "savefig.facecolor": paper,
        "axes.facecolor": paper,
        "axes.edgecolor": muted,
        "axes.labelcolor": ink,
        "axes.labelsize": 13,
        "axes.titley": 1.0,  # instead of above whatever the axes hold, which takes a layout to find
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": grid,
        "grid.linewidth": 0.8,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.labelsize": 11.5,
        "ytick.labelsize": 11.5,
        "xtick.major.size": 4,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "legend.frameon": False,
        "svg.hashsalt": "opbench",
        "svg.fonttype": "path",
        "pdf.fonttype": 42,
        "path.simplify": False,
    }


def hues(families: Iterable[str]) -> dict[str, str]:
    """A colour for each family: the same one in every figure, a little lighter on dark paper."""
    known = {name: family.hue for name, family in FAMILIES.items()}
    spare = {each: _SPARE[crc32(each.encode()) % len(_SPARE)] for each in {*families} - {*known}}
    return {family: on_paper(tint) for family, tint in {**known, **spare}.items()}


def on_paper(tint: str) -> str:
    """``tint`` as it is drawn on the paper in force."""
    if sum(to_rgb(colour("paper"))) > 1.5:
        return tint
    red, green, blue = (part + _LIGHTER * (1 - part) for part in to_rgb(tint))
    return to_hex((red, green, blue))


def colour(role: Literal["paper", "ink", "muted", "grid"]) -> str:
    """A colour of the theme in force."""
    setting: Any = {
        "paper": "figure.facecolor",
        "ink": "text.color",
        "muted": "xtick.color",
        "grid": "grid.color",
    }[role]
    return str(mpl.rcParams[setting])
