"""Options that several commands share, declared once."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opbench.errors import BadFileError, BadValueError
from opbench.settings import load_settings
from opbench.spec import Shape

if TYPE_CHECKING:
    from opbench.runs.pool import Workers

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET",
        help="A name or glob of the registry (resnet*), torchvision:NAME, timm:NAME, "
        "package.module:ATTR or path/file.py:ATTR; the whole registry by default.",
    ),
]
InputSize = Annotated[
    str | None,
    typer.Option(metavar="CxHxW", help="Size of one image, such as 3x224x224."),
]
Results = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where measurements lie; tool.opbench.results of pyproject.toml, else results.",
    ),
]
BatchSize = Annotated[int, typer.Option(min=1, help="Images per forward pass.")]


class Precision(StrEnum):
    """Types that weights and images can have."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


Dtype = Annotated[Precision, typer.Option(help="Type of weights and images.")]
Depth = Annotated[
    int | None, typer.Option(min=0, help="Only modules down to this depth; 0 is the network.")
]


Accuracies = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="CSV of accuracies that win over the published ones."),
]


def results_folder(asked: Path | None) -> Path:
    """The folder that was asked for, or the project's, as short as it can be written."""
    here = Path.cwd()
    folder = asked or load_settings(here).results
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def measured_folder(asked: Path | None) -> Path:
    """Return the results folder to read: the default one may be missing, for counts and published
    accuracies are known without it.  Raises ``BadFileError`` for one that was asked for.
    """
    folder = results_folder(asked)
    if asked and not folder.is_dir():
        raise BadFileError(
            f"there is no folder {folder}: `opbench run --results {folder}` makes it"
        )
    return folder


def parse_input_size(text: str | None) -> Shape | None:
    """Read "3x224x224"; None stays None.  Raises ``BadValueError``."""
    if not text:
        return None
    try:
        return Shape.parse(text)
    except ValueError:
        raise BadValueError(
            f"the input size {text!r} is not positive integers joined by x, such as 3x224x224"
        ) from None


def choose_workers(*, in_process: bool = False) -> Workers:
    """Choose fresh processes, or this one where it is asked for or cannot be forked."""
    if in_process or not hasattr(os, "fork"):
        from opbench.runs.in_process import InProcess

        return InProcess()
    from opbench.runs.pool import ForkServer

    return ForkServer()
