"""A small network whose counts fit on the back of an envelope, and its block in a lock.

stem   3x3 convolution, 3 -> width channels, on 8x8 without padding: 6x6 outputs
norm   batch norm
head   linear, width * 36 -> 5
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from opbench.counting import build_and_count
from opbench.lock import FROM_TARGET, Block, FreshBlock, make_block

SIZE = (3, 8, 8)
VERSIONS = {"opbench": "0.1.0", "torch": "2.13.0"}


def network(width: int = 4, *, stem: str = "stem", pool: bool = False) -> nn.Module:
    """The network; ``stem`` names its first module; with ``pool`` it takes images of any size."""
    return nn.Sequential(
        OrderedDict(
            [
                (stem, nn.Conv2d(3, width, 3, bias=False)),
                ("norm", nn.BatchNorm2d(width)),
                ("relu", nn.AdaptiveAvgPool2d(6) if pool else nn.ReLU()),
                ("flat", nn.Flatten()),
                ("head", nn.Linear(width * 36, 5)),
            ]
        )
    )


def params(width: int) -> int:
    return width * 3 * 9 + 2 * width + 5 * (width * 36) + 5


def macs(width: int) -> int:
    return 36 * width * 27 + 5 * (width * 36)


def block(
    width: int = 4, *, stem: str = "stem", size: tuple[int, ...] = SIZE, pool: bool = False
) -> Block:
    return as_read(fresh(lambda: network(width, stem=stem, pool=pool), size))


def fresh(build: Callable[[], nn.Module], size: tuple[int, ...] = SIZE) -> FreshBlock:
    """The block of a network as it was counted just now."""
    counted = build_and_count(build, size)
    return make_block(counted, input_size_from=FROM_TARGET, versions=VERSIONS)


def as_read(block: Block) -> Block:
    """The block as it is read from a lock."""
    return Block.from_json(block.to_json())
