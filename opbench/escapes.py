"""Make text safe for the place where it is written.

    printable(text)    a terminal, and the log of a CI job
    visible(text)      anywhere else that people read
    json_text(value)   JSON, which gives every text back
    csv_cell(text)     a cell of a CSV file that a spreadsheet may open
    markdown(text)     a paragraph or a table's cell in Markdown

Names and paths are data and may hold anything.  The rules of GitHub's workflow commands and of XML
are in ``reports``.
"""

from __future__ import annotations

import json
import re
from typing import Any

# A command in a CI log: a line that begins with "::", or "##[" and "##vso[" anywhere.  Wrapping
# may begin a line at any word.
_COMMAND = re.compile(r"(?<!\S):(?=:)|#(?=#\w*\[)")
# https://owasp.org/www-community/attacks/CSV_Injection, with the full-width forms of each sign.
_FORMULA = re.compile("'*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
# An underscore inside a word means nothing, and one in an address must stay as it is.
_MARKUP = re.compile(r"[\\`*\[\]<|$]|^[#>]|&(?=#?\w+;)|(?<!/)~|_(?![^\W_])|(?<![^\W_])_")


def printable(text: str) -> str:
    r"""Escape what cannot be seen, as ``repr`` does, and what a CI log would take for a command.

    Controls, line ends, bidirectional and other format characters and surrogates become "\n",
    "\x1b" or "\u202e", so that a text is always one line.
    """
    if "::" not in text and "##" not in text:
        return visible(text)
    return _COMMAND.sub(lambda found: f"\\x{ord(found[0]):02x}", visible(text))


def visible(text: str) -> str:
    r"""Escape what cannot be seen, as ``repr`` does."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def json_text(value: Any) -> str:
    """Return JSON in ASCII, in which a CI log finds no command."""
    return json.dumps(value, indent=1).replace("##", r"#\u0023") + "\n"


def csv_cell(text: str) -> str:
    """Put an apostrophe in front of text that a spreadsheet would compute; the rest as printed.

    What already has apostrophes in front of such a sign gets one more: a reader who takes one
    away has every text back.
    """
    seen = printable(text)
    return f"'{seen}" if _FORMULA.match(seen) else seen


def markdown(text: str) -> str:
    """Escape markup, so that the text is shown as it is printed."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}", printable(text))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
