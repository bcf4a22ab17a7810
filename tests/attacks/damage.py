"""Damage files at random: other bytes, other words, other lines."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

# A number, a bare word or a string of JSON, TOML and CSV.
_WORD = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[^\s,:\[\]{}="]+')

_WORDS = (
    b"0", b"-1", b"1.5", b"1e400", b"-1e400", b"1e-400", b"NaN", b"Infinity", b"-Infinity", b"nan",
    b"inf", b"9" * 5000, b"-" + b"9" * 5000, b"1" + b"0" * 18, str(2**63).encode(),
    str(2**64).encode(), b"1e99999999%", b'"1e99999999%"', b"0x10",
    b"true", b"null", b"", b'""', b"[]", b"{}",
    b"[null]", b'{"a": 1}', b"[" * 3000 + b"]" * 3000, b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b'"\\ud800"', b'"\\u0000"', b'"\x1b[31m"', b'"\xe2\x80\xae"', b"\xff\xfe", b"\xef\xbb\xbf",
    b'"=1+1"', b'"::error::"', b'"a\nb"', b"text", b"3x224x224", b"0x0x0", b"'", b'"', b"\\",
    b"x" * 100_000,
)  # fmt: skip


def damage(text: bytes, chance: random.Random) -> bytes:
    """Return ``text`` with one to three damages."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        text = chance.choice(_DAMAGES)(text, chance)
    return text


def _another_word(text: bytes, chance: random.Random) -> bytes:
    words = list(_WORD.finditer(text))
    if not words:
        return text
    start, end = chance.choice(words).span()
    return text[:start] + chance.choice(_WORDS) + text[end:]


def _a_word_from_elsewhere(text: bytes, chance: random.Random) -> bytes:
    words = list(_WORD.finditer(text))
    if not words:
        return text
    (start, end), other = chance.choice(words).span(), chance.choice(words)
    return text[:start] + other.group() + text[end:]


def _other_bytes(text: bytes, chance: random.Random) -> bytes:
    start, end = _span(text, chance)
    return text[:start] + chance.randbytes(chance.randrange(5)) + text[end:]


def _cut(text: bytes, chance: random.Random) -> bytes:
    return text[: chance.randrange(len(text) + 1)]


def _repeated(text: bytes, chance: random.Random) -> bytes:
    start, end = _span(text, chance)
    return text[:end] + text[start:]


def _other_lines(text: bytes, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    change = chance.choice((_drop, _double, random.Random.shuffle))
    if lines:
        change(chance, lines)
    return b"".join(lines)


def _drop(chance: random.Random, lines: list[bytes]) -> None:
    del lines[chance.randrange(len(lines))]


def _double(chance: random.Random, lines: list[bytes]) -> None:
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))


def _span(text: bytes, chance: random.Random) -> Sequence[int]:
    start = chance.randrange(len(text) + 1)
    return start, min(len(text), start + chance.choice((0, 1, 4, 40)))


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *[_another_word] * 4,
    _a_word_from_elsewhere,
    _other_bytes,
    _cut,
    _repeated,
    _other_lines,
)
