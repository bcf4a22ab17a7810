"""Options that several commands share, declared once."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Annotated

import typer

from opbench.cli.render import Format
from opbench.errors import BadFileError, BadValueError, UnknownNameError
from opbench.inputs import AskedInputs, described, parse_inputs
from opbench.record import USUAL
from opbench.settings import load_settings
from opbench.spec import Shape

if TYPE_CHECKING:
    from opbench.runs.pool import Workers

# Of a number of images or threads; one with more digits than _DIGITS is larger without the rest.
_LARGEST = 2**31 - 1
_DIGITS = 20

TARGETS_HELP = (
    "A built-in network or glob (resnet50, 'vgg*'), torchvision:NAME, timm:NAME, "
    "package.module:ATTR, path/file.py:ATTR or path/model.onnx; all built-in networks by default. "
    "ATTR is a module, or a function without arguments that returns a module, a pair "
    "(module, arguments) or a triple (module, arguments, keyword arguments): a tuple and a dict."
)
Targets = Annotated[list[str] | None, typer.Argument(metavar="TARGET", help=TARGETS_HELP)]
# What --input-size leaves alone.
KEPT_INPUTS = "Inputs that a target brings stay, unless they are one image with as many axes."

InputSize = Annotated[
    str | None,
    typer.Option(
        metavar="CxHxW",
        help=f"Size of one image: channels x height x width, such as 3x224x224. {KEPT_INPUTS}",
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]SHAPE[:TYPE]",
        help="An input instead of those that a target brings: its name in forward (without one, "
        "the next by position), the whole shape with the batch in front, and its data type (that "
        "of the weights by default), such as pixel_values=1x3x224x224 or input_ids=1x128:int64. "
        "Can be repeated. Numbers are random; integers are zeros, which every table has; booleans, "
        "and integers with mask in their name, are ones.",
    ),
]
Results = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the measurements. By default results, or what tool.opbench.results in "
        "pyproject.toml says.",
    ),
]
OutputFormat = Annotated[
    Format,
    typer.Option(
        help="Output format; csv puts an apostrophe in front of text that a spreadsheet would "
        "compute."
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.001,
        help="End a target that takes longer than this; by default it may take any time.",
    ),
]


DeviceOfTimings = Annotated[
    str,
    typer.Option(
        metavar="DEVICE[,DEVICE]...",
        help="Timings of these machines: cpu, cuda, cuda:0, part of a name such as h100, or all.",
    ),
]
CalibrationData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="PATH",
        help="Images to calibrate --dtype int8 on: 64 of them, drawn with a fixed seed, without "
        "their labels. A folder with a sub-folder per class, a .csv, IDX or Parquet files, as "
        "`opbench evaluate` takes them.",
    ),
]


class Precision(StrEnum):
    """Data types of weights and images."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    float64 = "float64"


Dtype = Annotated[
    Precision | None,
    typer.Option(help="Convert weights and images to this data type; otherwise as they are."),
]
# Only to say what replaced it.
OldCompile = Annotated[str | None, typer.Option("--compile", metavar="MODE", hidden=True)]
Depth = Annotated[
    int | None,
    typer.Option(min=0, help="Print one row per module, down to this depth; 0 is the network."),
]


Accuracies = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV of your accuracies, which replace those published and measured. Columns: name, "
        "top1 (in percent) and, if you like, top5, protocol, images (number of test images), "
        "source, source_url, dataset, img_size. Protocols: single central crop, "
        "full image; and, drawn as squares off the frontier, single crop, 10-crop, multi-view, "
        "dense.",
    ),
]


def results_folder(asked: Path | None) -> Path:
    """Return the folder that was asked for, or the project's, relative to here if possible."""
    here = Path.cwd()
    folder = asked or load_settings(here).results
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def measured_folder(asked: Path | None) -> Path:
    """Return the results folder to read; one that was asked for has to exist.

    The default one may be missing: counts and published accuracies are known without it.
    Raises ``BadFileError``.
    """
    folder = results_folder(asked)
    if asked and not folder.is_dir():
        raise BadFileError(
            f"the folder {folder} does not exist: create it with `opbench run --results {folder}`"
        )
    return folder


def parse_input_size(text: str | None) -> Shape | None:
    """Read "3x224x224"; None stays None.  Raises ``BadValueError``."""
    if not text:
        return None
    if "," in text:
        raise BadValueError(f"--input-size: one size, not {text!r}; `opbench run` takes a list")
    try:
        return Shape.parse(text)
    except ValueError:
        raise BadValueError(
            f"the input size {text!r} must be positive integers joined by x, such as 3x224x224"
        ) from None


def parse_asked(input_size: str | None, inputs: Sequence[str] | None) -> AskedInputs:
    """Read ``--input-size`` or ``--input``.  Raises ``BadValueError``, also for both."""
    if not inputs:
        return parse_input_size(input_size)
    if input_size:
        raise BadValueError("--input gives whole shapes: remove --input-size")
    try:
        return parse_inputs(inputs)
    except (BadValueError, UnknownNameError) as error:
        raise BadValueError(f"--input: {error}") from None


def refuse_batch_size(asked: AskedInputs, sizes: Sequence[int]) -> None:
    """Raise ``BadValueError`` for ``--batch-size`` beside ``--input``."""
    if described(asked) and tuple(sizes) != (1,):
        raise BadValueError(
            "--input gives whole shapes, the batch in front: remove --batch-size and write the "
            f"batch there, such as {sizes[0]}x3x224x224"
        )


def refuse_compile(modes: str | None) -> None:
    """Raise ``BadValueError`` for the option that --runtime replaced."""
    if modes is not None:
        runtimes = ",".join(
            mode if mode == USUAL["runtime"] else f"compile:{mode}" for mode in words(modes)
        )
        raise BadValueError(f"--compile is now a runtime: write --runtime {runtimes}")


def words(text: str) -> list[str]:
    """Split at commas."""
    return [word.strip() for word in text.split(",")]


def parse_integers(option: str, text: str) -> list[int]:
    """Read "1,16".  Raises ``BadValueError`` naming the option."""
    numbers = [int(word[:_DIGITS]) if word.isdecimal() else 0 for word in words(text)]
    if not all(numbers):
        space = ": no space after a comma" if text.endswith(",") else ""
        raise BadValueError(
            f"{option} must be positive integers separated by commas, such as 1,16; not {text!r}"
            f"{space}"
        )
    if max(numbers) > _LARGEST:
        raise BadValueError(f"{option} must be {_LARGEST:,} at most, not {max(numbers)}")
    return numbers


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BYTES = _UNITS | {f"{unit}b": size for unit, size in _UNITS.items()}
_BYTES |= {f"{unit}ib": 2 ** (10 * power) for power, unit in enumerate("kmgt", start=1)}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def parse_quantity(option: str, text: str | None) -> float | None:
    """Read "500M" or "2G"; None stays None.  Raises ``BadValueError`` naming the option."""
    return _parse(
        text, _UNITS, f"{option} must be a positive number, or one with K, M, G or T, such as 500M"
    )


def parse_bytes(option: str, text: str | None) -> float | None:
    """Read "200MB" or "200MiB"; None stays None.  Raises ``BadValueError`` naming the option."""
    return _parse(
        text, _BYTES, f"{option} must be a positive number of bytes, such as 200MB or 200MiB"
    )


def parse_seconds(option: str, text: str | None) -> float | None:
    """Read "20ms" or "0.5s"; None stays None.  Raises ``BadValueError`` naming the option."""
    return _parse(text, _SECONDS, f"{option} must be a time with its unit, such as 20ms or 0.5s")


def _parse(text: str | None, units: Mapping[str, float], rule: str) -> float | None:
    if text is None:
        return None
    plain = text.strip().lower()
    number = plain.rstrip(ascii_lowercase)
    try:
        value = float(number) * units[plain[len(number) :]]
    except (ValueError, KeyError):
        value = math.nan
    if not (0 < value < math.inf) or "_" in text:
        raise BadValueError(f"{rule}; not {text!r}")
    return value


def parse_fraction(option: str, text: str) -> float:
    """Read "1%" or "0.01".  Raises ``BadValueError`` naming the option."""
    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if rest or not 0 < value < 1:
        raise BadValueError(
            f"{option} must be a percentage such as 1%, or a fraction such as 0.01; not {text!r}"
        )
    return value


def choose_workers(*, in_process: bool = False, timeout: float | None = None) -> Workers:
    """Choose fresh processes, or this one where it is asked for or cannot be forked."""
    if in_process and timeout:
        raise BadValueError("--timeout ends a process: remove --in-process")
    if in_process or not hasattr(os, "fork"):
        from opbench.runs.in_process import InProcess

        return InProcess()
    from opbench.runs.pool import ForkServer

    return ForkServer(timeout)
