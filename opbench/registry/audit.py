"""Compare the registry's counts with the independent witness and with what papers state.

``network_row`` makes a row of ``results/counts.csv``; ``recompute`` recounts a stated number.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from opbench.conventions import COMPUTED, tally, trace
from opbench.counting import build_and_count, build_and_witness, differences
from opbench.counting.meta.build import build_without_weights
from opbench.counting.rules.products import RULES
from opbench.errors import CountError
from opbench.inputs import AskedInputs
from opbench.record import Count
from opbench.registry.counts_csv import NetworkRow
from opbench.registry.entries import foreign_names, get, match
from opbench.registry.targets import Target, count_target, registered
from opbench.spec import ArchitectureSpec, Shape, StatedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """A number that a paper states, and the count; ``deviation`` is relative to the former."""

    stated: StatedValue
    counted: float

    @property
    def deviation(self) -> float:
        return self.counted / self.stated.value - 1

    @property
    def holds(self) -> bool:
        return abs(self.deviation) <= self.stated.tolerance


def recompute(spec: ArchitectureSpec, stated: StatedValue) -> Recomputed:
    """Count again what the paper states of ``spec``."""
    size = stated.input_size or spec.input_size
    counted = build_and_count(spec.build, size)
    weight_bytes = counted.params * stated.bytes_per_param
    values = counted.totals() | {"flops": counted.flops, "weight_bytes": weight_bytes}
    if stated.quantity == "connections":
        connections = tally(COMPUTED["connections"], trace(spec.build, size))
        return Recomputed(stated=stated, counted=connections.total)
    return Recomputed(stated=stated, counted=values[stated.quantity])


def network_rows(*patterns: str) -> list[NetworkRow]:
    """Count the entries of this package that ``patterns`` match, as rows of ``results/counts.csv``.

    Without patterns all are counted.
    """
    names = dict.fromkeys(name for pattern in patterns or ("*",) for name in match(pattern))
    return [network_row(get(name)) for name in names if name not in foreign_names()]


def foreign_rows() -> list[NetworkRow]:
    """Count every entry that other packages add."""
    return [network_row(get(name)) for name in foreign_names()]


def network_row(spec: ArchitectureSpec) -> NetworkRow:
    """Count one entry twice, by two programs, as a row of ``results/counts.csv``."""
    target = registered(spec.name)
    counted = count_target(target)
    fvcore_macs, witness_note = second_count(target, counted)
    return NetworkRow(
        name=spec.name,
        label=spec.label,
        family=spec.family,
        year=spec.year,
        dataset=spec.dataset,
        input_size=Shape(spec.input_size),
        **counted.totals(),
        linear_params=_linear_params(spec),
        linear_macs=_linear_macs(counted),
        fvcore_macs=fvcore_macs,
        witness_note=witness_note,
        uncounted=counted.uncounted,
        stated_params=_stated(spec, "params"),
        stated_macs=_stated(spec, "macs"),
        paper=spec.paper.title,
        paper_url=spec.paper.url,
        changes="; ".join(spec.changes),
    )


def second_count(
    target: Target, counted: Count, asked: AskedInputs = None
) -> tuple[int | None, str]:
    """Return fvcore's count and its differences by kind of operator, empty if there are none.

    The count is None, with the reason, if fvcore cannot trace the target.  Raises
    ``MissingExtraError`` without fvcore.
    """
    inputs, images = target.inputs(asked, 1)
    try:
        valued = counted.device != "meta"
        second = build_and_witness(target.build, inputs, batch_size=images, weights=valued)
    except CountError as error:
        return None, str(error)
    notes = (
        f"{each.kind}: {each.ours:,} here, {each.theirs:,} by fvcore ({each.reason})"
        for each in differences(counted, second)
    )
    return second.macs, "; ".join(notes)


def _linear_params(spec: ArchitectureSpec) -> int:
    network = build_without_weights(spec.build)
    return sum(
        parameter.numel()
        for module in network.modules()
        if isinstance(module, nn.Linear)
        for parameter in module.parameters(recurse=False)
    )


def _linear_macs(counted: Count) -> int:
    sums = counted.by_operator().items()
    return sum(each.macs for name, each in sums if name in RULES and RULES[name].kind == "linear")


def _stated(spec: ArchitectureSpec, quantity: str) -> int | None:
    """Return the number that the paper prints of the entry at its own input size."""
    printed = (each for each in spec.stated if each.printed and each.input_size is None)
    return next((round(each.value) for each in printed if each.quantity == quantity), None)
