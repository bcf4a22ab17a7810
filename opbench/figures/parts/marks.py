"""Marks of executions: the hue is the runtime, the shape the data type.

A network that is executed in several ways has a mark for each, and a legend says which is which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from zlib import crc32

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from opbench.figures.parts.labels import Line
from opbench.figures.parts.style import colour, on_paper
from opbench.record import USUAL

# Labels and hues, in the order of a legend.  The hues are from the palette of M. Okabe and K. Ito
# ("Color Universal Design", 2008).
_RUNTIMES: Mapping[str, tuple[str, str]] = {
    "compile": ("torch.compile", "#e69f00"),
    "aot": ("AOTInductor", "#d55e00"),
    "onnxruntime": ("ONNX Runtime", "#0072b2"),
    "openvino": ("OpenVINO", "#009e73"),
}
_SPARE = ("#cc79a7", "#56b4e9", "#4b34c9", "#8c5a2b")
_SHAPES = {"float32": "o", "bfloat16": "D", "float16": "s", "int8": "^"}
_OTHER_SHAPE = "v"
_UNLIT, _FAINT = 0.16, 0.4  # opacity
_SIZES = {"D": 0.82, "s": 0.88, "^": 1.08, "v": 1.08}  # that look as large as a disc


class Execution(NamedTuple):
    """A way to execute networks: a runtime in a data type."""

    runtime: str
    dtype: str

    @property
    def usual(self) -> bool:
        """True of eager float32, that the others are compared with."""
        return self == (USUAL["runtime"], USUAL["dtype"])

    @property
    def label(self) -> str:
        """The name of the runtime as its makers write it, and the type unless it is float32."""
        name, _, mode = self.runtime.partition(" ")
        words = [_RUNTIMES[name][0] if name in _RUNTIMES else name, mode]
        words += [self.dtype] if self.dtype != USUAL["dtype"] else []
        return " ".join(filter(None, words))

    @property
    def hue(self) -> str:
        """The colour of the runtime; eager execution is grey."""
        if self.runtime == USUAL["runtime"]:
            return colour("muted")
        spare = _SPARE[crc32(self.runtime.encode()) % len(_SPARE)]
        return on_paper(_RUNTIMES[self.runtime][1] if self.runtime in _RUNTIMES else spare)

    @property
    def shape(self) -> str:
        """The marker of the data type."""
        return _SHAPES.get(self.dtype, _OTHER_SHAPE)

    @property
    def rank(self) -> tuple[Any, ...]:
        """The place in a legend: eager float32 first."""
        order = [USUAL["runtime"], *_RUNTIMES]
        at = order.index(self.runtime) if self.runtime in order else len(order)
        shapes = [*_SHAPES]
        return at, self.runtime, shapes.index(self.dtype) if self.dtype in shapes else len(shapes)

    def entry(self, words: str = "") -> Line2D:
        """Return the entry of a legend; ``words`` follow the label."""
        return Line2D(
            [], [], ls="", marker=self.shape, ms=8 * _SIZES.get(self.shape, 1), color=self.hue,
            label=f"{self.label}{words}",
        )  # fmt: skip

    def draw(self, axes: Axes, rows: pd.DataFrame, x: str, y: str, area: float) -> None:
        """Draw a mark at columns ``x`` and ``y`` of each row.

        Rows that are not ``lit`` fade, and so do those that a column ``faint`` names; those that a
        column ``solid`` does not are rings.
        """
        size = area * _SIZES.get(self.shape, 1) ** 2
        faint = rows["faint"] if "faint" in rows else pd.Series(data=False, index=rows.index)
        strength = rows["lit"].map({True: 1.0, False: _UNLIT}) * faint.map(
            {True: _FAINT, False: 1.0}
        )
        solid = rows["solid"] if "solid" in rows else pd.Series(data=True, index=rows.index)
        looks = ((self.hue, colour("paper"), 0.6), (colour("paper"), self.hue, 1.4))
        for filled, (face, edge, width) in zip((True, False), looks, strict=True):
            for alpha, some in rows[solid == filled].groupby(strength):
                axes.scatter(
                    some[x], some[y], s=size, marker=self.shape, color=face, alpha=float(alpha),
                    edgecolors=edge, linewidths=width, zorder=3, gid=self.label,
                )  # fmt: skip


def draw_joins(axes: Axes, frame: pd.DataFrame, x: str, y: str) -> list[Line]:
    """Join the marks of each network by a line, and return the lines for names to avoid."""
    lines: list[Line] = []
    for _, rows in frame.sort_values([x, y]).groupby("name"):
        strength = 0.55 if rows["lit"].all() else _UNLIT
        axes.plot(rows[x], rows[y], color=colour("muted"), lw=0.9, alpha=strength, zorder=1.5)
        lines.append((list(rows[x]), list(rows[y])))
    return lines


def named(row: Mapping[Any, Any]) -> str:
    """Return the words for a row of a table: ``ResNet-50 in OpenVINO``."""
    return f"{row['label']} in {Execution(row['runtime'], row['dtype']).label}"


def by_execution(frame: pd.DataFrame) -> Iterator[tuple[Execution, pd.DataFrame]]:
    """Yield the rows of each way in which ``frame`` executes networks, eager float32 first."""
    groups = {Execution(*map(str, key)): rows for key, rows in frame.groupby(["runtime", "dtype"])}
    for execution in sorted(groups, key=lambda each: each.rank):
        yield execution, groups[execution]
