"""Attained FLOP/s against arithmetic intensity, under the measured roofs of the device.

A network left of the ridge waits for memory, one right of it for arithmetic, one far below both
for the launch of its kernels.  The bytes are what the operators of a forward pass read and write,
each by itself, as the run found them in the trace.  Where several runtimes were timed, a panel
more has a mark for each, and says how much of the rate they use.

Reference:
    S. Williams, A. Waterman, D. Patterson.  "Roofline: An Insightful Visual Performance Model for
    Multicore Architectures."  Commun. ACM 52 (2009) 65.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.errors import MissingDataError
from opbench.figures.parts import blobs, captions, labels, select
from opbench.figures.parts.axes import set_axis
from opbench.figures.parts.frame import Sheet
from opbench.figures.parts.marks import by_execution, draw_joins
from opbench.figures.parts.options import OF_TIMINGS, Options
from opbench.figures.parts.panels import Panels, by_batch, stack_panels, wanted_batches
from opbench.figures.parts.scatter import draw_whiskers
from opbench.figures.parts.style import colour
from opbench.table.frames import Table

TAKES = OF_TIMINGS

_ENDS = ("", "_low", "_high")
_SMALL = blobs.BY_PARAMS.smaller(0.2)
_BYTES = (
    "Bytes: what the operators of one forward pass read and write, each by itself.  "
    "FLOP = 2 per multiply-add.  Roofs: a matrix product and a copy, measured in the same run.  "
    "Time: that of a GPU, launches hidden, or the latency on a CPU.  Whiskers: its 95 % interval."
)
_IN_RUNTIMES = (
    "In every runtime: a line joins the marks of one network, at the bytes of eager execution; a "
    "runtime that joins operators moves fewer.  In percent: the attained rate over that of the "
    "matrix product, the median over the networks; the rest is idle.  More than 100 % is possible, "
    "as operations are those counted and the product is PyTorch's."
)
_MARK = 30.0  # square points


def draw(table: Table, options: Options) -> Figure:
    """A wide panel for each batch.  Raises ``MissingDataError`` saying what to run."""
    frame = with_intensity(select.plain(select.cells(table, options)))
    batches = wanted_batches(frame, options)
    runtimes = _in_runtimes(table, options, batches[0])
    panels = {**by_batch(frame, batches), **runtimes}
    shared = pd.concat(panels.values())
    roofs = _roofs(table, frame)
    words = Sheet(
        title="How much of the machine a network uses",
        subtitle="Attained rate against arithmetic intensity; area of a blob: parameters",
        notes=options.notes,
        caption=captions.joined(
            captions.timed(table, frame),
            _BYTES,
            _IN_RUNTIMES if runtimes else "",
            _SMALL.enlarged(frame),
        ),
        legend=blobs.family_entries(frame),
        sizing=_SMALL,
        panel_titles=True,
        names=True,
    ).with_plot_height(5.2 * len(panels))

    def panel(axes: Axes, rows: pd.DataFrame) -> labels.Count:
        _set_axes(axes, shared, roofs)
        several = any(rows is each for each in runtimes.values())
        return (_draw_runtimes if several else _draw_panel)(axes, rows, roofs, options)

    return stack_panels(words, panels, panel)


def _in_runtimes(table: Table, options: Options, batch: int) -> Panels:
    """Return the panel of all runtimes at one batch, or none where there is but one."""
    if options.runtime:
        return {}
    try:
        frame = select.in_runtimes(table, replace(options, batch_sizes=(batch,)))
    except MissingDataError:
        return {}
    return {f"batch {batch}, in every runtime": with_intensity(select.plain(frame))}


def with_intensity(cells: pd.DataFrame) -> pd.DataFrame:
    """``cells`` with ``gflops_per_s`` (attained), its interval and ``flop_per_byte``."""
    flop = 2 * cells["macs"] * cells["batch_size"]
    on_gpu = cells["device_s"].notna()
    time = {end: cells[f"device_s{end}"].where(on_gpu, cells[f"latency_s{end}"]) for end in _ENDS}
    return cells.assign(
        gflops_per_s=flop / time[""] * 1e-9,
        gflops_per_s_low=flop / time["_high"] * 1e-9,
        gflops_per_s_high=flop / time["_low"] * 1e-9,
        flop_per_byte=flop / cells["traffic_bytes"].astype(float),
    )


def _roofs(table: Table, frame: pd.DataFrame) -> tuple[float, float] | None:
    """Peak GFLOP/s and GB/s of the machine, from the latest run of ``frame`` that has them."""
    if table.ceilings.empty:
        return None
    where = ["run", "machine", "device", "dtype"]
    seen = table.ceilings.merge(frame[where].drop_duplicates(), on=where).sort_values("run")
    if seen.empty:
        return None
    last = seen.iloc[-1]
    return last["peak_flops_per_s"] * 1e-9, last["bandwidth_bytes_per_s"] * 1e-9


def _set_axes(axes: Axes, shared: pd.DataFrame, roofs: tuple[float, float] | None) -> None:
    """Give every panel the same axes, so that what a larger batch gains can be seen."""
    rates = [shared[f"gflops_per_s{end}"] for end in _ENDS]
    set_axis(axes, "x", shared["flop_per_byte"], log=True)
    set_axis(axes, "y", pd.concat([*rates, pd.Series((roofs or ())[:1], dtype=float)]), log=True)
    axes.set_xlabel("arithmetic intensity [FLOP/byte]")
    axes.set_ylabel("attained rate [GFLOP/s]")


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, roofs: tuple[float, float] | None, options: Options
) -> labels.Count:
    x, y = rows["flop_per_byte"], rows["gflops_per_s"]
    lines = _draw_roofs(axes, roofs) if roofs else []
    areas = _SMALL.areas(rows)
    blobs.draw_networks(axes, rows, x, y, areas)
    lines += draw_whiskers(axes, rows, x, (rows["gflops_per_s_low"], rows["gflops_per_s_high"]))
    named = select.names(rows, options).assign(x=x, y=y, area=areas)
    return labels.place(axes, named, lines, size=9)


def _draw_runtimes(
    axes: Axes, rows: pd.DataFrame, roofs: tuple[float, float] | None, options: Options
) -> labels.Count:
    """Draw a mark for each runtime, and name each network at its fastest."""
    x, y = "flop_per_byte", "gflops_per_s"
    lines = _draw_roofs(axes, roofs) if roofs else []
    lines += draw_joins(axes, rows, x, y)
    draw_whiskers(axes, rows, rows[x], (rows[f"{y}_low"], rows[f"{y}_high"]))
    used = _used(rows)
    entries = []
    for execution, its in by_execution(rows):
        execution.draw(axes, its, x, y, _MARK)
        entries.append(execution.entry(used.get((execution.runtime, execution.dtype), "")))
    axes.legend(
        handles=entries, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(entries),
        fontsize=11, handletextpad=0.1, handlelength=1.4, columnspacing=1.2, borderpad=0.2,
        borderaxespad=0.2,
    )  # fmt: skip
    fastest = rows[y] == rows.groupby("name")[y].transform("max")
    named = select.names(rows, options)
    named = named.assign(
        label=named["label"].where(fastest, ""), must=named["must"] & fastest, x=rows[x], y=rows[y],
        area=_MARK,
    )  # fmt: skip
    return labels.place(axes, named, lines, size=9)


def _used(rows: pd.DataFrame) -> dict[object, str]:
    """Return the share of the measured rate that each execution attains, over the networks that
    were timed in all of them.
    """
    shares = rows.pivot_table(index="name", columns=["runtime", "dtype"], values="fraction_of_peak")
    medians = (100 * shares.dropna().median()).dropna()
    return {key: f" {value:.0f} %" for key, value in medians.items()}


def _draw_roofs(axes: Axes, roofs: tuple[float, float]) -> list[labels.Line]:
    rate, bandwidth = roofs
    left, right = axes.get_xlim()
    steps = np.unique(np.clip([left, rate / bandwidth, right], left, right))
    heights = np.minimum(rate, bandwidth * steps)
    axes.plot(steps, heights, color=colour("muted"), lw=1.4, zorder=1, gid="roof")
    axes.text(
        0.985, 0.02, f"measured roofs: {rate:,.0f} GFLOP/s, {bandwidth:,.0f} GB/s",
        transform=axes.transAxes, ha="right", va="bottom", size=11, color=colour("muted"),
    )  # fmt: skip
    return [(list(steps), list(heights))]
