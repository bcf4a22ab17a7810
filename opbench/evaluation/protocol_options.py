"""Options of the command line that change a protocol, and whether they make one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, get_args

from opbench.accuracy.measured.preprocessing import Decoder, Interpolation, Preprocessing
from opbench.errors import BadValueError
from opbench.spec import Shape

_WITHOUT_ANTIALIASING = ("nearest", "bilinear", "bicubic")
# Once all of these are given, nothing of another's protocol is left.
_EVERY = {"resize", "crop", "interpolation", "antialias", "mean", "std"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolOptions:
    """A protocol's fields as options give them; None for what is not given.

    resize, crop: as in ``Preprocessing``, where one extent of a crop stands for a square; no extent
        means that images are not resized or not cropped.
    """

    resize: Shape | None = None
    crop: Shape | None = None
    interpolation: str | None = None
    antialias: bool | None = None
    channels: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    decoder: str | None = None

    @classmethod
    def of(cls, base: Preprocessing) -> ProtocolOptions:
        """Return the options that give the whole of a protocol."""
        return cls(**{each.name: getattr(base, each.name) for each in fields(cls)})

    @property
    def given(self) -> dict[str, Any]:
        """The values that are given, by name, a crop with both of its extents."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None} | (
            {"crop": self.crop_size} if self.crop is not None else {}
        )

    @property
    def crop_size(self) -> Shape:
        """Height and width of the crop; no extents where none is given."""
        crop = self.crop or Shape()
        return Shape(crop * 2) if len(crop) == 1 else crop

    @property
    def size(self) -> Shape:
        """Height and width of every input, where the options alone decide; else no extents."""
        return self.crop_size or (self.resize if self.resize and len(self.resize) == 2 else Shape())


def overridden(base: Preprocessing, options: ProtocolOptions) -> Preprocessing:
    """Return ``base`` with what options give in the place of its own.

    Raises ``BadValueError`` naming the option that does not fit the rest.
    """
    given = options.given
    if not given:
        return base
    named = "options" if given.keys() >= _EVERY else f"{base.source}, with {_flags(given)}"
    made = replace(base, **given, source=named)
    _check_sizes(made, options)
    _check_normalisation(made)
    if not made.antialias and made.interpolation not in _WITHOUT_ANTIALIASING:
        raise BadValueError(
            f"--interpolation {made.interpolation} always smooths: keep --antialias, or choose "
            f"one of {', '.join(_WITHOUT_ANTIALIASING)}"
        )
    return made


def _flags(names: Iterable[str]) -> str:
    return " ".join(f"--{name}" for name in names)


def check(options: ProtocolOptions) -> None:
    """Check each option by itself.  Raises ``BadValueError`` naming the one that is wrong."""
    for name, known in (("interpolation", Interpolation), ("decoder", Decoder)):
        value = getattr(options, name)
        if value is not None and value not in get_args(known):
            raise BadValueError(
                f"--{name} {value!r} is unknown: choose one of {', '.join(get_args(known))}"
            )
    if options.channels not in (None, 1, 3):
        raise BadValueError(
            f"--channels {options.channels}: images have 1 channel (grey) or 3 (RGB)"
        )
    for name in ("resize", "crop"):
        shape = getattr(options, name) or Shape()
        if len(shape) > 2 or not all(extent > 0 for extent in shape):
            meaning = "the shorter side" if name == "resize" else "a square"
            raise BadValueError(
                f"--{name} {shape}: write one number for {meaning}, or height and width such as "
                "224x256"
            )


def _check_sizes(made: Preprocessing, options: ProtocolOptions) -> None:
    """Refuse options by which images would be padded, unless both sizes are written out."""
    if not made.resize or not made.crop or (options.resize is None and options.crop is None):
        return
    exact = len(made.resize) == 2
    if exact and options.crop is not None:
        return
    have = made.resize if exact else made.resize * 2
    if any(crop > extent for crop, extent in zip(made.crop, have, strict=True)):
        raise BadValueError(
            f"--crop {made.crop} is larger than images that --resize {made.resize} makes: raise "
            "--resize, or pad on purpose by naming both, such as --resize 28x28 --crop 32x32"
        )


def _check_normalisation(made: Preprocessing) -> None:
    if bool(made.mean) != bool(made.std):
        missing, there = ("std", "mean") if made.mean else ("mean", "std")
        raise BadValueError(f"--{there} needs --{missing}: give both, or neither")
    for name in ("mean", "std"):
        values = getattr(made, name)
        if values and len(values) != made.channels:
            raise BadValueError(
                f"--{name} has {len(values)} numbers, and images have {made.channels} channels: "
                "give one number for each"
            )
        if not all(map(isfinite, values)):
            raise BadValueError(f"--{name} has a number that is not finite")
    if not all(value > 0 for value in made.std):
        raise BadValueError("--std has a number that is not positive: values are divided by it")
