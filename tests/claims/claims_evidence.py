"""Evidence made by hand, so that every verdict can be had and its reason is known."""

from __future__ import annotations

from collections.abc import Mapping

from opbench.accuracy import Accuracy, load_chart2016
from opbench.claims import Cell, Condition, Evidence
from opbench.claims.experiments import Experiment
from opbench.registry.counts_csv import NetworkRow

GPU = Condition(device="cuda (a card)")


def fact(name: str, **counts: int | str) -> NetworkRow:
    usual: dict[str, object] = {
        "name": name,
        "label": name,
        "family": "made up",
        "year": 2016,
        "dataset": "imagenet",
        "input_size": "3x224x224",
        "uncounted": "",
        "witness_note": "",
        "paper": "",
        "paper_url": "",
        "fvcore_macs": None,
        "stated_params": None,
        "stated_macs": None,
    }
    zeros = dict.fromkeys(
        (
            "params",
            "macs",
            "activations",
            "weight_bytes",
            "peak_activation_bytes",
            "linear_params",
            "linear_macs",
        ),
        0,
    )
    return NetworkRow(**(usual | zeros | counts))  # type: ignore[arg-type]


def published(name: str, top1: float) -> Accuracy:
    return Accuracy(
        architecture=name,
        dataset="imagenet",
        top1=top1,
        top5=None,
        protocol="single central crop",
        input_size="3x224x224",
        source="made up",
        source_url="https://example.org",
        evidence="read",
        recipe="period",
        primary=True,
        note="",
    )


def cell(name: str, batch_size: int, seconds: float, **more: float | None) -> Cell:
    values: dict[str, object] = {"peak_memory_bytes": None, "energy_j": None} | more
    return Cell(
        condition=GPU,
        name=name,
        input_size="3x224x224",
        batch_size=batch_size,
        seconds=seconds,
        **values,  # type: ignore[arg-type]
    )


def evidence(
    facts: Mapping[str, Mapping[str, int | str]],
    top1: Mapping[str, float] | None = None,
    cells: tuple[Cell, ...] = (),
    experiments: Mapping[str, Experiment] | None = None,
) -> Evidence:
    return Evidence(
        facts={name: fact(name, **counts) for name, counts in facts.items()},
        accuracies={name: published(name, value) for name, value in (top1 or {}).items()},
        chart=load_chart2016(),
        cells=cells,
        experiments=experiments or {},
    )
