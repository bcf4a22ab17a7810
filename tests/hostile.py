"""Names that try to be something else, for every output."""

from __future__ import annotations

import re

from hypothesis import strategies as st

NAMES = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\uff1d1+1",
    "\t=1",
    "\r=1",
    "'=1",
    "\x1b[31mRED\x1b[0m\x1b]0;title\x07",
    "\x1b]8;;http://example.org\x1b\\click\x1b]8;;\x1b\\",
    "[red]x[/red]",
    "[x](http://example.org)",
    "nets.py:fire: :Fire:",
    "\u202egnp.exe",
    "a|b`c`\\|\nnewline",
    "a\n::error file=x::boom",
    "::error::boom",
    "x ##[error]boom",
    "##vso[task.complete result=Failed]",
    "x%0A::error::y",
    "mine.py:$x^{2$",
    "a\r\nb\u2028c\x85d",
    "__init__ _x_ *y* ~~z~~ &lt; &amp;",
    "\x9b31mC1",
    "nul \x00 and \ud800",
    "\ufffe\uffff",
    "\u0645\u062b\u0627\u0644 \u4e2d\u6587",
    "#1",
)

# Any code points, surrogates and controls among them.
TEXTS = st.sampled_from(NAMES) | st.text(st.characters(exclude_categories=()), max_size=20)

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_COMMAND = re.compile(r"\s*::|.*##\w*\[")


def check(printed: str, *, commands: bool = False) -> None:
    """Assert that a terminal shows what was printed as it is, and that a CI log finds no command.

    ``commands``: they are meant to be there.
    """
    odd = {each for each in printed if not each.isprintable()} - {"\n"}
    assert not odd, ascii(odd)
    if not commands:
        assert not [line for line in printed.split("\n") if _COMMAND.match(line)]


def without_style(printed: str) -> str:
    """Take away what makes text bold or dim."""
    return _STYLE.sub("", printed)
