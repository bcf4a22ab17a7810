"""Measured cells as a data frame, made column by column: there may be a million of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from sys import intern
from typing import Any

import numpy as np
import pandas as pd

from opbench.table.cells import TimedCell

_Get = Callable[[TimedCell], Any]
WHERE = ("run", "machine", "device", "dtype", "runtime", "variant")
# The ends of an interval in the name of a column, and in that of a field.
_ENDS = {"": "", "_low": "low_", "_high": "high_"}
_OTHER_END = {"": "", "_low": "_high", "_high": "_low"}


def _if_there(part: str, name: str) -> _Get:
    """Return what reads ``name`` of a part that a record may be without."""
    read = attrgetter(f"record.{part}")

    def get(timed: TimedCell) -> Any:
        there = read(timed)
        return None if there is None else getattr(there, name)

    return get


def _input_size(timed: TimedCell) -> str:
    return intern(str(timed.input_size))  # one object for equal sizes: there are few


_TEXTS: dict[str, _Get] = {
    "name": attrgetter("record.cell.name"),
    "run": attrgetter("run"),
    **{name: attrgetter(f"conditions.{name}") for name in WHERE if name != "run"},
    "artefact": attrgetter("artefact"),
    "precision": attrgetter("precision"),
    "weights_sha256": attrgetter("weights_sha256"),
    "input_size": _input_size,
    "quality": attrgetter("record.measurement.quality"),
}


def _with_ends(time: str) -> dict[str, _Get]:
    return {
        f"{time}_s{end}": attrgetter(f"record.measurement.{time}_{inside}s")
        for end, inside in _ENDS.items()
    }


_QUEUED = _with_ends("queued")
_NUMBERS: dict[str, _Get] = {
    **_with_ends("latency"),
    **_with_ends("device"),
    "peak_memory_bytes": attrgetter("record.measurement.peak_memory_bytes"),
    "energy_j": attrgetter("record.measurement.energy_j"),
    "power_w": attrgetter("power_w"),
    "idle_power_w": attrgetter("record.measurement.idle_power_w"),
    "p50_s": attrgetter("record.measurement.p50_s"),
    "p90_s": attrgetter("record.measurement.p90_s"),
    # Of the network as it was run, which may be at another input size than its paper's.
    **{
        name: attrgetter(f"record.load.{name}")
        for name in ("params", "macs", "activations", "weight_bytes", "traffic_bytes")
    },
    "fraction_of_peak": _if_there("attained", "fraction_of_peak"),
    **{name: _if_there("artefact", name) for name in ("output_error", "output_limit", "agreement")},
}
_PER_IMAGE = ("energy_j", "macs", "activations")
_FOLLOWING = tuple(
    f"{key}{end}" for key in ("latency_per_image_s", "throughput_images_per_s") for end in _ENDS
)
CELL = (*_TEXTS, "random_weights", "batch_size", *_NUMBERS, *_FOLLOWING)


def timings_frame(cells: Sequence[TimedCell]) -> pd.DataFrame:
    """Return one row per measured cell.  Counts and energy are per image.

    Numbers that are missing are NaN, and texts None.
    """
    made: dict[str, Any] = {
        name: pd.Series([get(each) or None for each in cells]) for name, get in _TEXTS.items()
    }
    batches = np.array([each.batch_size for each in cells], dtype=int)
    made["batch_size"] = batches
    made["random_weights"] = np.array([each.random_weights for each in cells], dtype=bool)
    numbers = _NUMBERS | _QUEUED
    made |= {name: np.array([*map(get, cells)], dtype=float) for name, get in numbers.items()}
    for name in _PER_IMAGE:
        made[name] /= batches
    queued = made["queued_s"] > 0  # a throughput is of calls in a queue, where there were any
    for end, other in _OTHER_END.items():
        seconds = np.where(queued, made[f"queued_s{other}"], made[f"latency_s{other}"])
        made[f"throughput_images_per_s{end}"] = batches / seconds
        made[f"latency_per_image_s{end}"] = made[f"latency_s{end}"] / batches
    return pd.DataFrame({name: made.pop(name) for name in CELL}, copy=False)
