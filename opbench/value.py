"""A value: a frozen dataclass with one JSON form, checked when it is read.

``to_json`` gives a flat JSON object; ``from_json`` reads it back and refuses what is damaged,
naming the field.  A value inside a value is flattened into the same JSON object, unless its type is
``Nested``.  A field with a default may be missing in a file: it was added later, or goes without
saying; keys that a class does not know are ignored.  A field whose name Python keeps for itself
ends in an underscore, which its key does not have: ``pass_`` is the key "pass".

``BULK`` names the fields that most readers of a file do without, such as raw samples: they are most
of its bytes.  A summary leaves them empty.

msgspec checks types and ranges: it refuses text for a number, NaN, infinity and integers that no
machine holds, which hand-written checks of every field would have to do again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, replace
from functools import cache, lru_cache
from operator import attrgetter
from sys import intern
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import Meta

from opbench.errors import OpbenchError
from opbench.spec import Shape

Text = Annotated[str, Meta(min_length=1)]
_LARGEST = 2**63 - 1
Natural = Annotated[int, Meta(ge=0, le=_LARGEST)]
AtLeastOne = Annotated[int, Meta(ge=1, le=_LARGEST)]
Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
# From a picosecond to thirty years: beyond that arithmetic on it need not be finite.
SHORTEST_S, LONGEST_S = 1e-12, 1e9
Seconds = Annotated[float, Meta(ge=SHORTEST_S, le=LONGEST_S)]

_T = TypeVar("_T")
_V = TypeVar("_V", bound="Value")
# A value that is an object of its own in JSON instead of standing beside the other fields.
Nested = Annotated[_T, "nested"]


class Field(NamedTuple):
    """One field of a value.

    ``key`` is that in JSON; ``part`` is its class where it is a value whose fields stand beside the
    others, else None; ``needed`` is true where the field has no default.
    """

    name: str
    key: str
    kind: Any
    part: type[Value] | None
    needed: bool


class FieldError(ValueError):
    """A field that is missing or damaged; ``field`` is its name."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class Value:
    """A dataclass with one JSON form, a flat object."""

    __slots__ = ()
    # The fields, each a tuple, that a summary leaves empty.
    BULK: ClassVar[tuple[str, ...]] = ()
    # True where many lines have an equal value: summaries keep it once.
    REPEATED: ClassVar[bool] = False

    def to_json(self) -> dict[str, Any]:
        """Return a flat JSON object."""
        flat: dict[str, Any] = {}
        for each in fields_of(type(self)):
            value = getattr(self, each.name)
            if each.part is None:
                flat[each.key] = _plain(value)
            elif value is not None:
                flat |= value.to_json()
        return flat

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Build the value from a JSON object; keys that it does not know are ignored.

        Raises ``FieldError`` naming the field that is missing or damaged.
        """
        # At once where nothing is damaged: field by field takes five times as long.
        if not has_parts(cls):
            with suppress(msgspec.ValidationError, UnicodeEncodeError, OpbenchError):
                return msgspec.convert(_by_name(row, cls), cls, dec_hook=_decode)
        values: dict[str, Any] = {}
        for name, key, kind, part, needed in fields_of(cls):
            if part is not None:
                if needed or part.is_in(row):
                    values[name] = part.from_json(row)
            elif key in row:
                values[name] = _convert(row[key], kind, key)
            elif needed:
                raise FieldError(key, f"{key} is missing")
        return cls(**values)

    @classmethod
    def summary_of(cls, raw: bytes) -> Self:
        """Build the value from the text of a JSON object, its ``BULK`` left empty and unchecked.

        Raises ``FieldError`` as ``from_json`` does.
        """
        with suppress(msgspec.MsgspecError, UnicodeError, OpbenchError):
            flat: _Flat = _flat(cls)  # type: ignore[arg-type]
            return cast(Self, flat.build(flat.decoder.decode(flat.without_numbers(raw))))
        return _without_bulk(cls.from_json(msgspec.json.decode(raw)))

    @classmethod
    def is_in(cls, row: Mapping[str, Any]) -> bool:
        """Return whether ``row`` has any field that this value cannot do without."""
        return any(each.key in row for each in fields_of(cls) if each.needed)


_FIELDS: dict[Any, tuple[Field, ...]] = {}


def fields_of(cls: Any) -> tuple[Field, ...]:
    """Return the fields of a class of values."""
    if cls not in _FIELDS:
        hints = get_type_hints(cls, include_extras=True)
        _FIELDS[cls] = tuple(
            Field(
                name=each.name,
                key=each.name.rstrip("_"),
                kind=hints[each.name],
                part=_part(hints[each.name]),
                needed=each.default is MISSING and each.default_factory is MISSING,
            )
            for each in fields(cls)
        )
    return _FIELDS[cls]


_WITH_PARTS: dict[Any, bool] = {}


def has_parts(cls: Any) -> bool:
    """Return whether a class of values has values whose fields stand beside its own."""
    if cls not in _WITH_PARTS:
        _WITH_PARTS[cls] = any(each.part for each in fields_of(cls))
    return _WITH_PARTS[cls]


_RENAMED: dict[Any, tuple[Field, ...]] = {}


def _renamed(cls: Any) -> tuple[Field, ...]:
    """Return the fields of a class whose name is not their key, or that hold values with such."""
    if cls not in _RENAMED:
        _RENAMED[cls] = tuple(
            each
            for each in fields_of(cls)
            if each.key != each.name or any(map(_renamed, _classes_in(each.kind)))
        )
    return _RENAMED[cls]


def _classes_in(kind: Any) -> Iterator[type[Value]]:
    """Yield the classes of values that a field's type names."""
    if isinstance(kind, type) and issubclass(kind, Value):
        yield kind
    for each in get_args(kind):
        yield from _classes_in(each)


def _by_name(value: Any, kind: Any) -> Any:
    """Return JSON in which the keys of values are the names of their fields, as msgspec needs."""
    cls = next(_classes_in(kind), None)
    if cls is None or not _renamed(cls):
        return value
    if isinstance(value, list):
        return [_by_name(each, cls) for each in value]
    if not isinstance(value, Mapping):
        return value
    named = {
        each.name: _by_name(value[each.key], each.kind)
        for each in _renamed(cls)
        if each.key in value
    }
    return {**value, **named}


def _part(kind: Any) -> type[Value] | None:
    options = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    values = [each for each in options if isinstance(each, type) and issubclass(each, Value)]
    return values[0] if values and set(options) <= {values[0], NoneType} else None


def _without_bulk(value: _V) -> _V:
    parts = {
        each.name: _without_bulk(getattr(value, each.name))
        for each in fields_of(type(value))
        if each.part and getattr(value, each.name) is not None
    }
    return replace(value, **parts, **dict.fromkeys(value.BULK, ()))  # type: ignore[type-var]


Build = Callable[[Any], Any]  # of a value from a structure that has the fields of all its parts


class _Flat(NamedTuple):
    """A reader of a class of values without ``BULK``, in one pass over the JSON.

    numbers: the beginnings of lists of numbers that are skipped.
    """

    decoder: msgspec.json.Decoder[Any]
    build: Build
    numbers: tuple[bytes, ...]

    def without_numbers(self, raw: bytes) -> bytes:
        """Return the text without those lists, which takes less time than to parse them.

        In a string of JSON a quotation mark has a backslash before it: no beginning is found there.
        """
        for start in self.numbers:
            first = raw.find(start) + len(start)
            end = raw.find(b"]", first)
            # Where the bracket is lost the next one is that of another key.
            if first >= len(start) <= end and raw.find(b'"', first, end) < 0:
                raw = raw[:first] + raw[end:]
        return raw


@cache
def _flat(cls: type[Value]) -> _Flat:
    """Return the reader of summaries of a class.

    Raises ``ValidationError`` for one that ``from_json`` has to read: it holds values with renamed
    fields, which msgspec would not find.
    """
    columns = [*_columns(cls, whole=True)]
    structure = msgspec.defstruct(f"Flat{cls.__name__}", columns, kw_only=True, gc=False)
    return _Flat(
        decoder=msgspec.json.Decoder(structure, dec_hook=_decode),
        build=_builder(cls),
        numbers=tuple(b'"%s":[' % name.encode() for name in _lists_of_numbers(cls)),
    )


def _lists_of_numbers(cls: type[Value]) -> Iterator[str]:
    for each in fields_of(cls):
        if each.part is not None:
            yield from _lists_of_numbers(each.part)
        elif each.name in cls.BULK and not any(_classes_in(each.kind)):
            yield each.key


def _columns(cls: type[Value], *, whole: bool) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields of a class and of its parts; of one that may be absent none is needed."""
    defaults = {each.name: each for each in fields(cls)}  # type: ignore[arg-type]
    for each in fields_of(cls):
        if each.name in cls.BULK:
            continue
        if each.part is not None and not whole:
            raise msgspec.ValidationError(f"{each.name} is part of a part that may be absent")
        if each.part is not None:
            yield from _columns(each.part, whole=each.needed)
        elif any(map(_renamed, _classes_in(each.kind))):
            raise msgspec.ValidationError(f"{each.name} holds values with renamed fields")
        elif each.needed:
            absent = {} if whole else {"default": msgspec.UNSET}
            kind = each.kind if whole else each.kind | msgspec.UnsetType
            yield each.name, kind, msgspec.field(name=each.key, **absent)
        else:
            own = defaults[each.name]
            made = {"default": own.default, "default_factory": own.default_factory}
            given = {key: value for key, value in made.items() if value is not MISSING}
            yield each.name, each.kind, msgspec.field(name=each.key, **given)


def _builder(cls: type[Value]) -> Build:
    known = [each for each in fields_of(cls) if each.name not in cls.BULK]
    names = [each.name for each in known if each.part is None]
    texts = [each.name for each in known if each.part is None and _holds_text(each.kind)]
    parts = [(each.name, _part_builder(each.part, each)) for each in known if each.part]
    empty: dict[str, Any] = dict.fromkeys(cls.BULK, ())
    # Two names at least, as of one it returns no tuple.
    get = attrgetter(*names, *names[:1]) if names else lambda _: ()

    def build(flat: Any) -> Any:
        values = empty | dict(zip(names, get(flat), strict=False))
        for name in texts:
            if values[name]:
                values[name] = intern(values[name])
        for name, part in parts:
            values[name] = part(flat)
        return _kept_once(cls(**values)) if cls.REPEATED else cls(**values)

    return build


def _holds_text(kind: Any) -> bool:
    """Return whether a field holds text: lines have few different ones, each is kept once."""
    if get_origin(kind) in (Annotated, UnionType):
        return any(map(_holds_text, get_args(kind)))
    return kind is str


def _part_builder(part: type[Value], field: Field) -> Build:
    build = _builder(part)
    needed = [each.name for each in fields_of(part) if each.needed and each.name not in part.BULK]
    if field.needed:
        return build

    def build_if_there(flat: Any) -> Any:
        there = [getattr(flat, name) is not msgspec.UNSET for name in needed]
        if any(there) and not all(there):
            raise msgspec.ValidationError(f"{field.name} is there in part")
        return build(flat) if all(there) else None

    return build_if_there


@lru_cache(maxsize=2**16)
def _kept_once(value: Any) -> Any:
    return value


def _convert(value: Any, kind: Any, name: str) -> Any:
    try:
        return msgspec.convert(_by_name(value, kind), kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        problem = re.sub(r"`(\w+)`", r"\1", problem)
        problem = problem[:1].lower() + problem[1:]
        if get_origin(kind) is Literal:
            problem = f"expected {' or '.join(map(repr, get_args(kind)))}, got {value!r}"
        raise FieldError(name, f"{name}{place.rstrip('`').rstrip('_')}: {problem}") from None
    except UnicodeEncodeError:
        raise FieldError(name, f"{name}: half a character (a surrogate)") from None
    except OpbenchError as error:
        raise FieldError(name, f"{name}: {error}") from None


def _decode(kind: type, value: Any) -> Any:
    if issubclass(kind, Shape):
        if value is None or isinstance(value, str):
            return _shape(value or "")
        raise ValueError("expected a size such as 3x224x224")
    if issubclass(kind, Value) and isinstance(value, Mapping):
        return kind.from_json(value)
    raise ValueError(f"expected {kind.__name__}")


@lru_cache(maxsize=1024)
def _shape(text: str) -> Shape:
    return Shape.parse(text)


def _plain(value: Any) -> Any:
    if isinstance(value, Shape):
        return str(value)
    if isinstance(value, Value):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value
