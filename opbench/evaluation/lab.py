"""Vary one choice at a time: protocols and settings beside those of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from opbench.accuracy.measured.preprocessing import Decoder, Interpolation, Preprocessing
from opbench.errors import UnknownNameError
from opbench.evaluation.protocols import ProtocolOptions
from opbench.evaluation.settings import AskedEvaluation, EvaluationSettings
from opbench.runs.plan import execution_of
from opbench.runtimes import names as runtime_names
from opbench.spec import Shape

# ImageNet's usual margin around the crop.
_MARGIN = 256 / 224
_DTYPES = ("float64", "float32", "bfloat16", "float16")
_BATCH_SIZES = (1, 7, 64)

Changes = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One choice: the key that was varied, what was chosen, and the evaluation to make."""

    key: str
    choice: str
    asked: AskedEvaluation


def variants(
    asked: AskedEvaluation, base: Preprocessing, keys: Sequence[str]
) -> tuple[Variant, ...]:
    """Return every other choice for each of ``keys``, beside the protocol ``base``.

    Raises ``UnknownNameError`` for a key that cannot be varied.
    """
    require_varied(keys)
    return tuple(variant for key in dict.fromkeys(keys) for variant in _variants(key, asked, base))


def require_varied(keys: Sequence[str]) -> None:
    """Raise ``UnknownNameError`` for a key that cannot be varied."""
    for key in keys:
        if key not in VARIED:
            see = f"it varies {', '.join(VARIED)}"
            raise UnknownNameError("choice of an evaluation", key, VARIED, see=see)


def _variants(key: str, asked: AskedEvaluation, base: Preprocessing) -> Iterator[Variant]:
    options = ProtocolOptions.of(base)
    for choice, changes in _OF_PROTOCOL[key](base) if key in _OF_PROTOCOL else ():
        varied = replace(asked, options=replace(options, **changes), source=f"--vary {key}")
        yield Variant(key=key, choice=choice, asked=varied)
    for choice, changes in _OF_SETTINGS[key](asked.settings) if key in _OF_SETTINGS else ():
        kept = replace(asked, options=options, source=base.source)
        yield Variant(
            key=key, choice=choice, asked=replace(kept, settings=replace(asked.settings, **changes))
        )


def _resizes(base: Preprocessing) -> Iterator[tuple[str, Changes]]:
    """Yield other margins around the crop, and one that changes the proportions."""
    if not base.resize or not base.crop:
        return
    short = min(base.crop)
    sizes = [Shape((short,)), Shape((round(short * _MARGIN),)), Shape((min(base.resize),) * 2)]
    for size in dict.fromkeys(sizes):
        if size != base.resize:
            yield (f"short side {size}" if len(size) == 1 else str(size)), {"resize": size}


def _crops(base: Preprocessing) -> Iterator[tuple[str, Changes]]:
    """Yield the whole image at the size of the crop, and the largest square crop."""
    if base.crop:
        whole = {"resize": base.crop, "crop": Shape()}
        yield f"whole image at {base.crop}", whole
    if base.crop and len(base.resize) == 1 and Shape(base.resize * 2) != base.crop:
        yield f"centre {Shape(base.resize * 2)}", {"crop": Shape(base.resize * 2)}


def _antialiasing(base: Preprocessing) -> Iterator[tuple[str, Changes]]:
    if base.resize:
        yield ("without" if base.antialias else "with"), {"antialias": not base.antialias}


def _interpolations(base: Preprocessing) -> Iterator[tuple[str, Changes]]:
    # Without antialiasing there are three.
    known = get_args(Interpolation) if base.antialias else ("nearest", "bilinear", "bicubic")
    for each in known if base.resize else ():
        if each != base.interpolation:
            yield each, {"interpolation": each}


def _decoders(base: Preprocessing) -> Iterator[tuple[str, Changes]]:
    for each in get_args(Decoder):
        if each != base.decoder:
            yield each, {"decoder": each}


def _settings(name: str, choices: Callable[[], Sequence[Any]]) -> Callable[..., Any]:
    def others(settings: Any) -> Iterator[tuple[str, Changes]]:
        for each in choices():
            if each != getattr(settings, name):
                yield str(each), {name: each}

    return others


def _runtimes(settings: EvaluationSettings) -> Iterator[tuple[str, Changes]]:
    for name, mode in map(execution_of, runtime_names()):
        if name != settings.runtime:
            yield name, {"runtime": name, "compile": mode}


_OF_PROTOCOL = {
    "resize": _resizes,
    "crop": _crops,
    "antialias": _antialiasing,
    "interpolation": _interpolations,
    "decoder": _decoders,
}
_OF_SETTINGS = {
    "dtype": _settings("dtype", lambda: _DTYPES),
    "batch-size": _settings("batch_size", lambda: _BATCH_SIZES),
    "runtime": _runtimes,
}
VARIED = (*_OF_PROTOCOL, *_OF_SETTINGS)
