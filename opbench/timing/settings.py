"""The values that a cell's settings can take; free of torch, so that they are checked at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from opbench.errors import BadValueError
from opbench.names import find
from opbench.value import Value

DTYPES = ("float32", "bfloat16", "float16", "float64", "int8")
_SHORT = {"fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"}
MEMORY_FORMATS = ("contiguous", "channels_last")
PASSES = ("forward", "training")
COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
# The modes of the runtimes that have some; the first goes without saying.
MODES: dict[str, tuple[str | None, ...]] = {
    "compile": COMPILE_MODES,
    "onnxruntime": (None, "tensorrt"),
}
# Those that record and replay CUDA graphs by themselves.
GRAPH_MODES = {"reduce-overhead", "max-autotune"}

L2 = Literal["warm", "cold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaOptions(Value):
    """Options of timing on a GPU, the same for all cells of a run."""

    graph: bool = False
    l2: L2 = "warm"
    tf32: bool = False

    def __post_init__(self) -> None:
        if self.l2 not in ("warm", "cold"):
            raise BadValueError(f"the L2 cache must be warm or cold, not {self.l2!r}")


def held_in(dtype: str) -> str:
    """Return the data type of weights and images: float32 of what a runtime quantises itself."""
    return "float32" if dtype == "int8" else dtype


def device_name(word: str) -> str:
    """Return a device's name in full ("cuda" is "cuda:0").  Raises ``BadValueError``."""
    name = word.lower()
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        hint = "did you mean cuda?" if name in ("gpu", "nvidia") else "choose cpu, cuda or cuda:N"
        raise BadValueError(f"unknown device {word!r}: {hint}")
    return "cuda:0" if name == "cuda" else name


def known(kind: str, words: Iterable[str], allowed: Collection[str]) -> tuple[str, ...]:
    """Return ``words``, each once.  Raises ``UnknownNameError`` for one that is not allowed."""
    return tuple(dict.fromkeys(find(kind, word, allowed, _SHORT) for word in words))
