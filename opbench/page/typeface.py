"""Source Sans, cut down to the letters that the page and its figures print.

Whole fonts would weigh more than the data.  A letter beyond these is drawn with the reader's own
sans serif.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from io import BytesIO

import font_source_sans_pro as typeface
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

_WEIGHTS = {400: "SourceSansPro", 600: "SourceSansProSemibold", 700: "SourceSansProBold"}
_LATIN = (*range(0x20, 0x7F), *range(0xA0, 0x180))
# Dashes, quotation marks, bullets, dots; arrows; minus, infinity, and the signs of comparison.
_SIGNS = (*range(0x2010, 0x2040), *range(0x2190, 0x2194), 0x2212, 0x221E, 0x2248, 0x2260,
          0x2264, 0x2265)  # fmt: skip


@cache
def font_faces() -> str:
    """CSS rules that bring the typeface, in three weights, under the name that figures use."""
    return "".join(_face(weight, _cut(style)) for weight, style in _WEIGHTS.items())


def _face(weight: int, data: bytes) -> str:
    source = f"url(data:font/woff;base64,{b64encode(data).decode()}) format('woff')"
    return (
        f"@font-face{{font-family:'Source Sans Pro';font-weight:{weight};"
        f"font-display:block;src:{source}}}\n"
    )


def _cut(style: str) -> bytes:
    # The font's own date stays: a new one would change the bytes of every page.
    font = TTFont(typeface.font_files_ttf[style], recalcTimestamp=False)
    cutter = Subsetter(Options(layout_features=["kern", "tnum"], hinting=False))
    cutter.populate(unicodes=[*_LATIN, *_SIGNS])
    cutter.subset(font)
    font.flavor = "woff"
    buffer = BytesIO()
    font.save(buffer)
    return buffer.getvalue()
