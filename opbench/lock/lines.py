"""Find the line of a value in a JSON text, which ``json`` does not tell of a valid one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

_SPACE = re.compile(r"[\s,:]*")
_DECODER = json.JSONDecoder()


def line_of(text: str, path: Sequence[str]) -> int:
    """Return the line, from 1, of the last key of ``path`` that exists.

    ``text`` is valid JSON and ``path`` walks through its objects by key.
    """
    position = 0
    at = 0
    for wanted in path:
        for key, key_at, value_at in _members(text, position):
            if key == wanted:
                at, position = key_at, value_at
                break
        else:
            break
    return _line(text, at)


def duplicate(text: str) -> tuple[str, int]:
    """Return the first key that an object has twice, and the line of the second."""
    return _duplicate(text, 0) or ("", 1)


def _duplicate(text: str, position: int) -> tuple[str, int] | None:
    seen = set()
    for key, key_at, value_at in _members(text, position):
        if key in seen:
            return key, _line(text, key_at)
        seen.add(key)
        if found := _duplicate(text, value_at):
            return found
    return None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _members(text: str, position: int) -> Iterator[tuple[str, int, int]]:
    """Yield key, its position and that of its value, of the object at ``position``."""
    position = _skip(text, position)
    if text[position : position + 1] != "{":
        return
    position = _skip(text, position + 1)
    while text[position] == '"':
        key, end = _DECODER.raw_decode(text, position)
        value_at = _skip(text, end)
        yield key, position, value_at
        position = _skip(text, _DECODER.raw_decode(text, value_at)[1])


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
