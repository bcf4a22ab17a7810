"""Top-1 accuracy against the operations of one forward pass; blob area is parameters.

Figure 2 of A. Canziani, A. Paszke, E. Culurciello, "An Analysis of Deep Neural Network Models for
Practical Applications", arXiv:1605.07678, for the ImageNet networks of the registry, or for those
of another data set.  The cost axis is logarithmic, because the registry reaches from 0.7 to 39
G-ops and is crowded below 10.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.errors import BadValueError
from opbench.figures.parts import blobs, captions, haze, select
from opbench.figures.parts.absent import IMAGENET, dataset_of
from opbench.figures.parts.axes import set_smaller_unit, values
from opbench.figures.parts.frame import Sheet, note_names, single_axes
from opbench.figures.parts.options import OF_SCATTERS, Options
from opbench.figures.parts.scatter import Scatter, draw_scatter
from opbench.figures.parts.style import colour
from opbench.metrics import METRICS
from opbench.spec import dataset_label
from opbench.table.frames import Table

TAKES = OF_SCATTERS | {"overlay"}

_OVERLAY = (
    "Rings: points of the chart of 2016 (arXiv:1605.07678, Figure 2) as printed, tied to the same "
    "network today; a black ring is known from that print alone."
)
# What the chart of 2016 prints of its networks, beside top-1.
_PRINTED = ("flops", "macs", "params")


def draw(table: Table, options: Options) -> Figure:
    """One panel, one data set.

    Raises ``MissingDataError`` when no network has an accuracy, ``BadValueError`` for the chart of
    2016 over axes that it does not have.
    """
    spec = Scatter(
        x=options.x or options.cost,
        y=options.y or "top1",
        log_x=options.log is not False,
        frontier=True,
        type_size=9.5 if options.zoo else 10.5,
    )
    haze.check_axes(spec, options)
    dataset = dataset_of(table, options)
    printed = _printed(table, spec, options) if options.chart2016 else None
    frame = select.points(table, options, spec.x, spec.y)
    if dataset not in IMAGENET.datasets:
        spec = replace(spec, sizing=spec.sizing.fitted(frame))
    behind = haze.behind(table, frame, spec, options)
    figure, axes = single_axes(_sheet(table, frame, spec, options, behind))
    also = [each for each in (printed, behind.points if behind else None) if each is not None]
    wanted = haze.highlights(frame, options) if behind else options
    named, lines = draw_scatter(axes, frame, spec, wanted, also)
    if dataset not in IMAGENET.datasets:
        set_smaller_unit(axes, spec.x)
    if printed is not None:
        named = pd.concat([named, _overlay(axes, printed, frame, spec)])
    note_names(figure, [haze.finish_over(axes, behind, spec, named, lines)])
    return figure


def _sheet(
    table: Table, frame: pd.DataFrame, spec: Scatter, options: Options, behind: haze.Haze | None
) -> Sheet:
    x, y = METRICS[spec.x], METRICS[spec.y]
    known = select.facts(table, frame)
    notes = (
        captions.frontier(frame) if y.better == "higher" else "",
        captions.TOP1_INTERVAL if spec.y == "top1" else "",
        captions.metered(table, frame, _timed_metric(spec)) if "run" in frame else "",
        captions.joins(frame) if "run" in frame and y.role == "gain" else "",
        _OVERLAY if options.chart2016 else "",
        behind.note(spec) if behind else "",
        spec.sizing.enlarged(frame),
    )
    top1 = spec.y == "top1"
    subtitle = _subtitle(known["dataset"].iloc[0], top1=top1)
    title = f"What accuracy costs in {x.label}"
    words = Sheet(
        title=title if top1 else f"{y.label.capitalize()} against {x.label}",
        subtitle=f"{subtitle}; area of a blob: parameters{haze.SUBTITLE * bool(behind)}",
        notes=options.notes,
        caption=captions.caption(known, *notes),
        legend=[*blobs.family_entries(frame), *haze.entries(behind)],
        sizing=spec.sizing,
        names=True,
    )
    return words.with_plot_height(9.5 if behind else 6.4)


def _subtitle(dataset: str, *, top1: bool) -> str:
    label = dataset_label(dataset)
    images = "validation set" if dataset in IMAGENET.datasets else "test set"
    return f"Top-1 on the {label} {images}" if top1 else f"Networks of {label}"


def _timed_metric(spec: Scatter) -> str:
    return spec.x if METRICS[spec.x].of == "cell" else spec.y


def _printed(table: Table, spec: Scatter, options: Options) -> pd.DataFrame:
    """The points of the 2016 chart, with the family of the network that each is of."""
    if spec.x not in _PRINTED or spec.y != "top1":
        raise BadValueError(
            f"--overlay chart2016 has only top-1 against {' or '.join(_PRINTED)}, not {spec.y} "
            f"against {spec.x}: remove --overlay, --x or --y"
        )
    family = dict(zip(table.networks["name"], table.networks["family"], strict=True))
    chart = table.chart2016
    chart = chart.assign(macs=chart["flops"] / 2, family=chart["architecture"].map(family))
    return select.of_families(chart, options)


def _overlay(axes: Axes, printed: pd.DataFrame, frame: pd.DataFrame, spec: Scatter) -> pd.DataFrame:
    """Rings where the 2016 chart has its blobs, each tied to the blob of today."""
    x, y, areas = values(printed, spec.x), printed["top1"], spec.sizing.areas(printed)
    now = frame.set_index("name")
    drawn = printed["architecture"].isin(now.index)
    axes.scatter(
        x, y, s=areas, facecolors="none", linewidths=1.3, zorder=3.5,
        edgecolors=[
            blobs.hue(family) if isinstance(family, str) else colour("ink")
            for family in printed["family"]
        ],
    )  # fmt: skip
    today = now.loc[printed["architecture"][drawn]]
    axes.plot(
        [x[drawn], values(today, spec.x)], [y[drawn], today["top1"]],
        color=colour("muted"), lw=0.8, zorder=2.9,
    )  # fmt: skip
    label = printed["name"].mask(drawn, "")
    return pd.DataFrame({"x": x, "y": y, "area": areas, "label": label, "must": ~drawn})
