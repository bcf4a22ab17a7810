"""Every cost against top-1, with the networks that no other beats.

One panel for each cost that is known: parameters, multiply-accumulates, activations, latency,
memory, energy; ``--x`` picks one.  All timings are of one setting.  What lies on the frontier is
named and listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.errors import MissingDataError
from opbench.figures.parts import blobs, captions, haze, select
from opbench.figures.parts.absent import FRONTIER, IMAGENET
from opbench.figures.parts.axes import set_smaller_unit
from opbench.figures.parts.frame import Sheet, sheet, single_axes
from opbench.figures.parts.options import OF_SCATTERS, Options
from opbench.figures.parts.scatter import Scatter, draw_scatter
from opbench.figures.parts.style import colour
from opbench.metrics import METRICS
from opbench.spec import dataset_label
from opbench.table.frames import Table
from opbench.table.frontier import frontier

TAKES = OF_SCATTERS

_COUNTED = ("macs", "params", "activations")
_TIMED = ("latency_s", "peak_memory_bytes", "energy_j")
_COLUMNS = 3
_SMALL = blobs.BY_PARAMS.smaller(0.2)


def draw(table: Table, options: Options) -> Figure:
    """A panel for each cost, or one for the reader's.  Raises ``MissingDataError``."""
    haze.check_axes(_spec(options.x or options.cost, options, alone=True), options)
    wanted = (options.x,) if options.x else (options.cost, *_COUNTED[1:], *_TIMED)
    frames, missing = _frames(table, options, wanted)
    if not frames:
        raise MissingDataError(missing[wanted[0]])
    sizing = _sizing(frames)
    panels = [
        _Panel(frame, spec, haze.behind(table, frame, spec, options))
        for key, frame in frames.items()
        for spec in [replace(_spec(key, options, alone=len(frames) == 1), sizing=sizing)]
    ]
    words = _sheet(table, panels, missing, options)
    if len(panels) > 1:
        return _grid(words, panels, options)
    figure, axes = single_axes(words.with_plot_height(9.5 if options.zoo else 6.3))
    _draw_panel(axes, panels[0], options)
    return figure


class _Panel(NamedTuple):
    """One cost: the networks, the axes, and the networks of the libraries behind."""

    frame: pd.DataFrame
    spec: Scatter
    behind: haze.Haze | None


def _sizing(frames: dict[str, pd.DataFrame]) -> blobs.Sizing:
    every = pd.concat(frames.values())
    sizing = blobs.BY_PARAMS if len(frames) == 1 else _SMALL
    return sizing if every["dataset"].isin(IMAGENET.datasets).any() else sizing.fitted(every)


def _spec(key: str, options: Options, *, alone: bool) -> Scatter:
    return Scatter(
        x=key,
        y=options.y or "top1",
        log_x=options.log is not False,
        frontier=True,
        type_size=10.5 if alone else 8.5,
    )


def _frames(
    table: Table, options: Options, wanted: tuple[str, ...]
) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """The rows for each cost, and for each that cannot be drawn the sentence that says why."""
    frames, missing = {}, {}
    for key in wanted:
        try:
            frames[key] = select.points(table, options, key, options.y or "top1")
        except MissingDataError as error:
            missing[key] = str(error)
    for key, setting in _apart(frames).items():
        del frames[key]
        missing[key] = f"it was measured {setting}; `--x {key}` draws it by itself"
    return frames, missing


def _apart(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Return the timed costs of another setting than the first, and how that differs."""
    timed = {key: frame for key, frame in frames.items() if "run" in frame}
    settings = {key: tuple(f.iloc[0][select.SETTING].fillna("")) for key, f in timed.items()}
    first = next(iter(settings.values()), ())
    return {key: _difference(each, first) for key, each in settings.items() if each != first}


def _difference(setting: tuple[str, ...], first: tuple[str, ...]) -> str:
    """Return what of a setting is not as in the first one, in words."""
    machine, device, dtype, runtime, variant = setting
    parts = (
        *(f"on {machine}", f"on {device}", f"in {dtype}", f"in {runtime}"),
        f"with {variant or 'usual settings'}",
    )
    pairs = zip(setting, first, strict=True)
    return " ".join(part for part, (its, other) in zip(parts, pairs, strict=True) if its != other)


def _sheet(
    table: Table, panels: Sequence[_Panel], missing: dict[str, str], options: Options
) -> Sheet:
    frames = {each.spec.x: each.frame for each in panels}
    zoo = next((each for each in panels if each.behind), None)
    timed = {key: frame for key, frame in frames.items() if "run" in frame}
    networks = select.facts(table, pd.concat(frames.values()))
    sizing = panels[0].spec.sizing
    return Sheet(
        title="Which networks no other beats",
        subtitle=f"{METRICS[options.y or 'top1'].label.capitalize()} on "
        f"{dataset_label(networks['dataset'].iloc[0])} against each cost; the best are joined and "
        "named",
        notes=options.notes,
        caption=captions.joined(
            *_lists(frames, options),
            captions.frontier(pd.concat(frames.values())),
            *(captions.metered(table, frame, key) for key, frame in [*timed.items()][:1]),
            *(captions.joins(frame) for frame in [*timed.values()][:1]),
            captions.caption(networks),
            sizing.enlarged(networks),
            zoo.behind.note(zoo.spec) if zoo and zoo.behind else "",
            *(f"No panel of {METRICS[key].label}: {why}." for key, why in missing.items()),
        ),
        legend=[
            *blobs.family_entries(pd.concat(frames.values())),
            *haze.entries(zoo.behind if zoo else None),
        ],
        sizing=sizing,
    )


def _lists(frames: dict[str, pd.DataFrame], options: Options) -> list[str]:
    best = {key: frontier(frame, key, options.y or "top1") for key, frame in frames.items()}
    return [
        f"By {METRICS[key].label}: {', '.join(rows['label'])}."
        for key, rows in best.items()
        if not rows.empty
    ]


def _grid(words: Sheet, panels: Sequence[_Panel], options: Options) -> Figure:
    rows = ceil(len(panels) / _COLUMNS)
    row = 5.2 if options.zoo else 3.9
    figure, (left, bottom, right, top) = sheet(words.with_plot_height(row * rows))
    width, height = figure.get_size_inches()
    across, up = 0.7 / width, 0.95 / height
    wide = (right - left - across * (_COLUMNS - 1)) / _COLUMNS
    tall = (top - bottom - up * (rows - 1)) / rows
    for rank, panel in enumerate(panels):
        down, over = divmod(rank, _COLUMNS)
        place = (left + over * (wide + across), top - tall - down * (tall + up), wide, tall)
        _draw_panel(figure.add_axes(place), panel, options, small=True)
    return figure


def _draw_panel(axes: Axes, panel: _Panel, options: Options, *, small: bool = False) -> None:
    frame, spec, behind = panel
    wanted = replace(options, label=options.label or (FRONTIER,))
    named, lines = draw_scatter(axes, frame, spec, wanted, [behind.points] if behind else ())
    if behind and small and behind.names == "frontier":
        behind = replace(behind, names="best")
    if frame["dataset"].iloc[0] not in IMAGENET.datasets:
        set_smaller_unit(axes, spec.x)
    if small:
        axes.set_xlabel(axes.get_xlabel().replace("  (", "\n("), size=11.5)
        axes.set_ylabel(METRICS[spec.y].axis, size=11.5)
        axes.tick_params(labelsize=10, labelcolor=colour("muted"))
    haze.finish_over(axes, behind, spec, named, lines)
