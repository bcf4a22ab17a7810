"""The chart of 2016 beside today's counts: an arrow for each correction, with its reason.

Rings are the fourteen points of Figure 2 of arXiv:1605.07678 as printed; discs are the same
networks counted by the rule of this project, with the accuracy that charts use today.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.accuracy import PUBLISHED_ONLY
from opbench.figures.parts import blobs, captions, labels
from opbench.figures.parts.axes import axis_label, set_accuracy, set_axis
from opbench.figures.parts.frame import Sheet, note_names, single_axes
from opbench.figures.parts.options import Options
from opbench.figures.parts.style import colour
from opbench.table.frames import Table

TAKES = frozenset({"unit", "log"})

_SIZING = blobs.BY_PARAMS.smaller(0.7)
_VISIBLE = 9.0  # pixels that a point must have moved for an arrow
_SMALL_CHANGE = 0.03  # of the operations; below it lie the terms that the chart counts on top


def draw(table: Table, options: Options) -> Figure:
    """One panel, ImageNet only."""
    points = _paired(table, options)
    networks = table.networks[table.networks["name"].isin(points["architecture"])]
    words = Sheet(
        title="The chart of 2016, counted again",
        subtitle="Rings: as printed in 2016; discs: counted today; area: parameters",
        notes=options.notes,
        caption=captions.joined(
            *_corrections(points),
            captions.COUNTED,
            "Printed: A. Canziani, A. Paszke, E. Culurciello, arXiv:1605.07678, Figure 2, decoded "
            "from the authors' vector figure; its operations also count biases, activation "
            "functions and pooling.",
            captions.sources(networks),
        ),
        legend=blobs.family_entries(networks),
        sizing=_SIZING,
        names=True,
    ).with_plot_height(6.4)
    figure, axes = single_axes(words)
    set_axis(
        axes, "x", pd.concat([points["x"], points["x_now"].dropna()]), log=options.log is not False
    )
    set_accuracy(axes, pd.concat([points["top1"], points["top1_now"].dropna()]))
    axes.set_xlabel(axis_label(options.cost))
    axes.set_ylabel(axis_label("top1"))
    note_names(figure, [labels.place(axes, _draw_pairs(axes, points), _arrows(axes, points))])
    return figure


def _paired(table: Table, options: Options) -> pd.DataFrame:
    """The printed points beside the network of the same name, missing where there is none."""
    columns = ["name", "label", "family", "flops", "params", "top1"]
    columns += ["top1_measured", "one_artefact"]
    now = table.networks[columns]
    pairs = table.chart2016.merge(
        now, how="left", left_on="architecture", right_on="name", suffixes=("", "_now")
    )
    scale = 1e-9 / (1 if options.unit == "ops" else 2)
    return pairs.assign(
        x=pairs["flops"] * scale,
        x_now=pairs["flops_now"] * scale,
        change=pairs["flops_now"] / pairs["flops"] - 1,
        lit=True,
        single_crop=True,
    )


def _corrections(points: pd.DataFrame) -> list[str]:
    """Return a sentence for each network whose operations moved, and one for all others."""
    moved = points[points["change"].abs() > _SMALL_CHANGE].sort_values("x")
    lost = points[points["architecture"].isin(PUBLISHED_ONLY)]
    return [
        *(
            f"{name}: {printed:#.3g} → {counted:#.3g}.  {why}"
            for name, printed, counted, why in zip(
                moved["name"], moved["x"], moved["x_now"], _reasons(moved), strict=True
            )
        ),
        *(f"{name}: {why}" for name, why in zip(lost["name"], _reasons(lost), strict=True)),
        f"The operations of all others moved by less than {100 * _SMALL_CHANGE:g} %: biases, "
        "activation functions and pooling.  Top-1 moved where another evaluation is used today.",
    ]


def _reasons(points: pd.DataFrame) -> pd.Series[str]:
    return points["correction"].fillna("Unexplained.")


def _draw_pairs(axes: Axes, points: pd.DataFrame) -> pd.DataFrame:
    known = points.dropna(subset=["x_now"])
    tints = [
        blobs.hue(family) if isinstance(family, str) else colour("ink")
        for family in points["family"]
    ]
    areas = _SIZING.areas(points)
    axes.scatter(
        points["x"], points["top1"], s=areas, facecolors="none", edgecolors=tints, linewidths=1.3,
        zorder=3.4,
    )  # fmt: skip
    today = known.assign(params=known["params_now"])
    areas_now = _SIZING.areas(today)
    blobs.draw_networks(axes, today, known["x_now"], known["top1_now"], areas_now)
    alone = points["x_now"].isna()
    printed = points.assign(y=points["top1"], area=areas, label=points["name"].where(alone, ""))
    counted = known.assign(x=known["x_now"], y=known["top1_now"], area=areas_now)
    return pd.concat([printed.assign(must=alone), counted.assign(must=False)])


def _arrows(axes: Axes, points: pd.DataFrame) -> list[labels.Line]:
    lines: list[labels.Line] = []
    moved = points.dropna(subset=["x_now"])
    starts, ends = moved[["x", "top1"]].to_numpy(), moved[["x_now", "top1_now"]].to_numpy()
    for start, end in zip(starts, ends, strict=True):
        if np.hypot(*np.diff(axes.transData.transform([start, end]), axis=0)[0]) < _VISIBLE:
            continue
        axes.annotate(
            "", xy=tuple(end), xytext=tuple(start), zorder=3.8,
            arrowprops={
                "arrowstyle": "-|>", "lw": 1.0, "color": colour("ink"), "shrinkA": 0, "shrinkB": 0,
                "mutation_scale": 9,
            },
        )  # fmt: skip
        lines.append(([start[0], end[0]], [start[1], end[1]]))
    return lines
