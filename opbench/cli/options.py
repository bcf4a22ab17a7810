"""Options that several commands share, declared once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from opbench.errors import BadValueError
from opbench.spec import parse_size

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


def parse_input_size(text: str | None) -> tuple[int, ...] | None:
    """``"3x224x224"`` as ``(3, 224, 224)``, None as None.  Raises ``BadValueError``."""
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError:
        raise BadValueError(
            f"the input size {text!r} is not positive integers joined by x, such as 3x224x224"
        ) from None
