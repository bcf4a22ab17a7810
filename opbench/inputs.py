"""Inputs described in words: ``input_ids=1x128:int64``, as ``--input`` takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from opbench.errors import BadValueError, OpbenchError, UnknownNameError
from opbench.spec import Shape

FLOATS = ("float32", "float64", "float16", "bfloat16")
DTYPES = (
    *FLOATS,
    *("int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input: its name in ``forward`` ("" by position), whole shape and data type.

    Without a data type it is that of the network's weights.
    """

    name: str = ""
    shape: Shape
    dtype: str = ""

    def __str__(self) -> str:
        name = f"{self.name}=" if self.name else ""
        return f"{name}{self.shape}{':' if self.dtype else ''}{self.dtype}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "NAME=1x128:int64", of which the name and the type can be missing.

        Raises ``BadValueError`` or ``UnknownNameError``.
        """
        name, equals, rest = text.rpartition("=")
        size, colon, dtype = rest.partition(":")
        if equals and len(name.split()) != 1:  # those of graphs may have dots and slashes
            raise BadValueError(f"{text!r}: {name!r} cannot be the name of an argument")
        try:
            shape = Shape.parse(size.strip())
        except ValueError:
            shape = Shape()
        if not shape:
            raise BadValueError(
                f"{text!r}: the shape {size!r} must be positive integers joined by x, the batch "
                "in front, such as 1x3x224x224 or input_ids=1x128:int64"
            )
        dtype = dtype.strip()
        if colon and dtype not in DTYPES:
            raise UnknownNameError("data type", dtype, DTYPES, see=f"known: {', '.join(DTYPES)}")
        return cls(name=name.strip(), shape=shape, dtype=dtype)


# The size of one image, or every input described; None where neither was asked for.
AskedInputs = tuple[int, ...] | tuple[TensorSpec, ...] | None


def parse_inputs(texts: Iterable[str]) -> tuple[TensorSpec, ...]:
    """Read several inputs.  Raises ``BadValueError`` also for a name that is given twice."""
    specs = tuple(map(TensorSpec.parse, texts))
    names = [each.name for each in specs if each.name]
    for name in names:
        if names.count(name) > 1:
            raise BadValueError(f"the input {name} is given {names.count(name)} times")
    return specs


def described(asked: AskedInputs) -> tuple[TensorSpec, ...]:
    """Return what was asked for where it describes every input, else nothing."""
    return tuple(each for each in asked or () if isinstance(each, TensorSpec))


def to_text(specs: Iterable[TensorSpec]) -> str:
    """Return several inputs as one text, which ``from_text`` reads."""
    return ", ".join(map(str, specs))


def from_text(text: str) -> tuple[TensorSpec, ...]:
    """Read several inputs, separated by commas; "" is none."""
    return parse_inputs(text.split(",")) if text else ()


def require_text(text: str) -> None:
    """Raise ``ValueError`` unless a text describes inputs."""
    try:
        from_text(text)
    except OpbenchError as error:
        raise ValueError(f"inputs: {error}") from None


def asked_to_json(asked: AskedInputs) -> str | list[str] | None:
    """Return a size as "3x224x224", descriptions as a list of texts."""
    if specs := described(asked):
        return [*map(str, specs)]
    return "x".join(map(str, asked)) if asked else None


def asked_from_json(value: str | list[str] | None) -> AskedInputs:
    """Read the value of ``asked_to_json``."""
    if isinstance(value, list):
        return parse_inputs(value)
    return Shape.parse(value) if value else None
