"""Build the values of a results folder for tests: each by its class, each file by ``to_json``.

Every argument that a test does not care about has a plain default; what it cares about it names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import opbench
from opbench.accuracy import Accuracy, ChartPoint
from opbench.record import (
    Artefact,
    Attained,
    Ceilings,
    Cell,
    Failure,
    Load,
    Measurement,
    Record,
    Round,
)
from opbench.registry.counts_csv import NetworkRow
from opbench.runs.lines import RUN, CeilingsLine, Header, RoundLine, Setting
from opbench.spec import Shape
from opbench.value import Value
from opbench.zoo.rows import ZooRow

SIZE = Shape((3, 224, 224))

_SCHEMA = Draft202012Validator(
    json.loads((Path(opbench.__file__).parent / "schemas" / "run-line.json").read_text())
)


def cell(name: str = "a", **changes: Any) -> Cell:
    """A cell of one image on the CPU."""
    return Cell(**{"name": name, "input_size": SIZE, "batch_size": 1, "device": "cpu", **changes})


def load(**changes: Any) -> Load:
    """The load of a small network."""
    usual = {
        "params": 1000,
        "macs": 500,
        "activations": 30,
        "weight_bytes": 4000,
        "peak_activation_bytes": 240,
        "kernels": 3,
        "traffic_bytes": 4360,
    }
    return Load(**{**usual, **changes})


def measurement(median_s: float = 0.01, **changes: Any) -> Measurement:
    """Two rounds of one sample each, both ``median_s``, known to 10 %."""
    usual = {
        "samples_s": (median_s, median_s),
        "samples_per_round": (1, 1),
        "median_s": median_s,
        "low_s": 0.9 * median_s,
        "high_s": 1.1 * median_s,
        "quality": "good",
    }
    return Measurement(**{**usual, **changes})


def record(name: str = "a", median_s: float = 0.01, **changes: Any) -> Record:
    """A record; ``changes`` are fields of its cell, load, measurement, roofline or artefact."""
    batch = changes.get("batch_size", 1)
    counts = {"macs": 500 * batch, "activations": 30 * batch}
    changes = counts | changes
    attained, artefact = _pick(Attained, changes), _pick(Artefact, changes)
    made = Record(
        cell=cell(name, **_pick(Cell, changes)),
        load=load(**_pick(Load, changes)),
        measurement=measurement(median_s, **_pick(Measurement, changes)),
        attained=Attained(**attained) if attained else None,
        artefact=Artefact(**{"artefact": "a", "precision": "float32", **artefact})
        if artefact
        else None,
    )
    unknown = changes.keys() - {key for part in _PARTS for key in _names(part)}
    assert not unknown, f"a record has no {', '.join(unknown)}"
    return made


def record_of(row: NetworkRow, batch: int, median_s: float, **changes: Any) -> Record:
    """A record of an entry of the registry, its sums those of ``batch`` images."""
    each_image = ("macs", "activations", "peak_activation_bytes")
    sums = {key: value * (batch if key in each_image else 1) for key, value in row.totals().items()}
    size = {"batch_size": batch, "input_size": row.input_size}
    return record(row.name, median_s, **{**size, **sums, **changes})


def record_of_rounds(name: str, *medians: float, **changes: Any) -> Record:
    """A record of rounds of five equal samples each."""
    rounds = {
        "samples_s": tuple(seconds for seconds in medians for _ in range(5)),
        "samples_per_round": (5,) * len(medians),
        "low_s": min(medians),
        "high_s": max(medians),
    }
    return record(name, sorted(medians)[len(medians) // 2], **{**rounds, **changes})


def failure(name: str = "a", reason: str = "out of memory", **changes: Any) -> Failure:
    """A cell that could not be measured."""
    spent = changes.pop("out_of_memory", False)
    return Failure(cell=cell(name, **changes), reason=reason, out_of_memory=spent)


def round_(number: int = 1, *samples_s: float, **changes: Any) -> Round:
    """A round of ``samples_s``, of two equal samples by default."""
    usual = {
        "number": number,
        "samples_s": samples_s or (0.01, 0.01),
        "warmup": 3,
        "calls_per_sample": 1,
        "stopped": "precision",
        "first_call_s": 0.02,
        "forward_s": 0.1,
    }
    return Round(**{**usual, **changes})


def round_line(of: Cell, taken: Round) -> RoundLine:
    """A round of a cell as a line."""
    return RoundLine(cell=of, load=load(), round=taken)


def ceilings(number: int = 1, peak: float = 200e9, **changes: Any) -> CeilingsLine:
    """The ceilings of the CPU in one round."""
    setting: dict[str, Any] = {"device": "cpu", "dtype": "float32", "threads": None}
    rates = {"peak_flops_per_s": peak, "bandwidth_bytes_per_s": 10e9, "launch_s": 1e-6}
    idle = changes.pop("idle_power_w", None)
    return CeilingsLine(
        number=number,
        setting=Setting(**{key: changes.get(key, value) for key, value in setting.items()}),
        ceilings=Ceilings(**{key: changes.get(key, value) for key, value in rates.items()}),
        idle_power_w=idle,
    )


def header(run: str = "run", **changes: Any) -> Header:
    """The header of a run on a processor with two cores and two threads, unless told otherwise."""
    environment = {"cpu": "A processor", "torch": "2.13.0", "torch_threads": 2, "cores": 2}
    usual = {"format": RUN.version, "run": run, "environment": environment}
    return Header(**{**usual, **changes})


def write_run(results: Path, *lines: Value, first: Header | None = None) -> Path:
    """Write a run file below ``results``, named as its header says."""
    first = first or header()
    path = results / "runs" / f"{first.run}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    for line in (first, *lines):
        _SCHEMA.validate(RUN.line_json(line))
    path.write_bytes(b"".join(RUN.encode(line) + b"\n" for line in (first, *lines)))
    return path


def network_row(name: str = "a", **changes: Any) -> NetworkRow:
    """A row of counts.csv: an ImageNet network of 5 million parameters and 1 GMAC."""
    usual = {
        "name": name,
        "label": name.upper(),
        "family": "vgg",
        "year": 2014,
        "dataset": "imagenet",
        "input_size": SIZE,
        "params": 5_000_000,
        "macs": 1_000_000_000,
        "activations": 1_000_000,
        "weight_bytes": 20_000_000,
        "peak_activation_bytes": 4_000_000,
        "linear_params": 0,
        "linear_macs": 0,
        "fvcore_macs": None,
        "onnx_macs": None,
        "witness_note": "",
        "uncounted": (),
        "stated_params": None,
        "stated_macs": None,
        "paper": "",
        "paper_url": "",
        "changes": "",
    }
    return NetworkRow(**{**usual, **changes})


def accuracy(name: str = "a", top1: float | None = 70.0, **changes: Any) -> Accuracy:
    """A published accuracy on ImageNet by a single central crop."""
    usual = {
        "architecture": name,
        "dataset": "imagenet",
        "top1": top1,
        "top5": None,
        "protocol": "single central crop",
        "input_size": SIZE,
        "source": "A paper, Table 1",
        "source_url": "https://example.org",
        "evidence": "read",
        "recipe": "period",
        "primary": True,
        "note": "",
    }
    return Accuracy(**{**usual, **changes})


def chart_point(architecture: str, label: str, top1: float, **changes: Any) -> ChartPoint:
    """A point of the 2016 chart, of 6 million parameters."""
    usual = {"gops_2xmac": 3.0, "params_millions": 6.0, "correction": ""}
    return ChartPoint(
        architecture=architecture, label=label, top1_percent=top1, **{**usual, **changes}
    )


def accuracies(top1: Mapping[str, float]) -> dict[str, Accuracy]:
    """Accuracies by name."""
    return {name: accuracy(name, value) for name, value in top1.items()}


_PARTS: tuple[type[Value], ...] = (Cell, Load, Measurement, Attained, Artefact)


def _names(part: Any) -> Iterable[str]:
    return (each.name for each in fields(part))


def _pick(part: type[Value], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: changes[name] for name in _names(part) if name in changes}


def zoo_row(name: str = "timm:a.in1k", **changes: Any) -> ZooRow:
    """A set of weights of a small network."""
    usual = {
        "release": "1.0",
        "input_size": SIZE,
        "params": 1000,
        "macs": 500,
        "activations": 30,
        "weight_bytes": 4000,
        "peak_activation_bytes": 240,
        "top1": 70.0,
        "top5": 90.0,
        "dataset": "imagenet",
        "protocol": "single central crop",
        "resize": 256,
        "interpolation": "bicubic",
        "trained_on": "imagenet1k",
        "stated_params": None,
        "stated_macs": None,
        "uncounted": (),
        "licence": "",
        "url": "",
    }
    return ZooRow(**{"name": name, **usual, **changes})
