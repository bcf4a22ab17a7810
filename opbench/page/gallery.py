"""The figures of ``opbench plot`` as SVG inside the page, in the colours of the page.

The rule it embodies: what a figure cannot show is said.  One whose measurements are missing comes
as the sentence that says what to run.  Letters stay letters, which keeps them small and lets a
screen reader or a search find them; inks become CSS variables, so that one drawing serves light
and dark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

import matplotlib as mpl
from matplotlib.figure import Figure

from opbench import figures
from opbench.errors import MissingDataError
from opbench.figures.parts import style
from opbench.page.packing import packed
from opbench.table.frames import Table

_DECIMALS = re.compile(r"(-?\d+\.\d\d)\d+")
_NAMED = re.compile(r'(\bid="|url\(#|href="#)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure, or in ``missing`` why it is not there.  ``svg`` is empty then."""

    name: str
    description: str
    svg: str = ""
    missing: str = ""

    @property
    def packed(self) -> str:
        """``svg`` packed, empty where there is none."""
        return packed(self.svg) if self.svg else ""


def pictures(table: Table) -> tuple[Picture, ...]:
    """Every figure of ``opbench.figures``, in the order of their names."""
    return tuple(_picture(name, table) for name in figures.names())


def _picture(name: str, table: Table) -> Picture:
    description = figures.describe(name)
    try:
        with style.theme("light"):
            svg = inline(figures.find(name)(table, figures.Options()), name)
    except MissingDataError as missing:
        return Picture(name=name, description=description, missing=str(missing))
    return Picture(name=name, description=description, svg=svg)


def inline(figure: Figure, name: str) -> str:
    """``figure`` as an SVG element whose identifiers begin with ``name``."""
    buffer = BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "opbench"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "opbench"})
    whole = buffer.getvalue().decode()
    svg = _DECIMALS.sub(r"\1", whole[whole.index("<svg") :])
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return _inked(_NAMED.sub(rf"\g<1>{name}-", svg))


def _inked(svg: str) -> str:
    for role, tint in style.INK["light"].items():
        svg = svg.replace(f": {tint}", f": var(--{role})")
    return svg
