"""Write the JSON Schemas in ``opbench/schemas``: `python -m tests.schemas`.

The schemas follow from the classes that read and write the files, so they are generated and
committed; ``tests/test_schemas.py`` fails when one is stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec

import opbench
from opbench.accuracy.measured.lines import EVALUATION
from opbench.cli.list import help_lists
from opbench.live.lines import COMPARISON
from opbench.lock.blocks import FORMAT as LOCK_FORMAT
from opbench.lock.blocks import Block
from opbench.metrics import METRICS, Metric
from opbench.metrics import columns as metric_columns
from opbench.record import Totals
from opbench.registry.counts_csv import NetworkRow
from opbench.runs.lines import RUN
from opbench.spec import Shape
from opbench.table.networks import Network
from opbench.value import Value, fields_of
from opbench.zoo.rows import ZooRow

FOLDER = Path(opbench.__file__).parent / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SIZE = {"type": "string", "pattern": r"^([1-9][0-9]*(x[1-9][0-9]*)*)?$"}


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its file."""
    return {
        "run-line.json": lines_schema("A line of an opbench run file, format 1", RUN.kinds),
        "comparison-line.json": lines_schema(
            "A line of an opbench comparison, format 1", COMPARISON.kinds
        ),
        "evaluation-line.json": lines_schema(
            "A line of an opbench evaluation, format 1", EVALUATION.kinds
        ),
        "lock.json": lock(),
        "list-row.json": list_row(),
        "count-row.json": count_row(),
    }


def lines_schema(title: str, kinds: Mapping[str, type[Value]]) -> dict[str, Any]:
    """Return the schema of one line of a file whose lines are of ``kinds``."""
    defs: dict[str, Any] = {}
    lines = []
    for kind, cls in kinds.items():
        line = object_schema(cls, defs)
        line["properties"] = {"kind": {"const": kind}, **line["properties"]}
        line["required"] = ["kind", *line["required"]]
        lines.append({"title": kind, **line})
    return {
        "$schema": _DIALECT,
        "title": title,
        "oneOf": lines,
        "$defs": dict(sorted(defs.items())),
    }


def lock() -> dict[str, Any]:
    """Return the schema of a lock."""
    defs: dict[str, Any] = {}
    block = object_schema(Block, defs)
    properties = {
        "format": {"const": LOCK_FORMAT},
        "convention": {"type": "string"},
        "targets": {"type": "array", "items": {"type": "string"}},
        "networks": {"type": "object", "additionalProperties": block},
    }
    return _document("A lock of opbench, format 1", properties, [*properties], defs)


def list_row() -> dict[str, Any]:
    """Return the schema of one object of `opbench list --format json`."""
    defs: dict[str, Any] = {}
    facts = object_schema(NetworkRow, defs)["properties"]
    of_weights = object_schema(ZooRow, defs)["properties"]
    metrics = {column: each for each in METRICS.values() for column in each.columns}
    metrics["analytic_memory_bytes"] = METRICS["peak_memory_bytes"]
    metrics |= dict.fromkeys(("measured_top1", "published_top1"), METRICS["top1"])
    columns = [key for key, _ in help_lists()["Columns"]]
    known = {key for key, kind in get_type_hints(Network).items() if NoneType not in get_args(kind)}
    properties = {}
    for key in dict.fromkeys((*facts, *metric_columns("network"), *columns)):
        schema = facts.get(key) or of_weights.get(key) or _value_of(metrics.get(key))
        always = key in known or {"type": "null"} in schema.get("anyOf", ())
        properties[key] = schema if always else {"anyOf": [schema, {"type": "null"}]}
    timed = metric_columns("cell")
    needed = [key for key in properties if key not in timed]
    return _document("A row of opbench list", properties | _of_artefact(), needed, defs)


def _of_artefact() -> dict[str, Any]:
    """Return what `opbench list --runtime` has beside the columns of a network."""
    number: dict[str, Any] = {"type": "number"}
    positive = {**number, "minimum": 0}
    words = ("runtime", "precision", "device", "settings", "run", "artefact")
    ends = ("", "_low", "_high")
    known = {
        **dict.fromkeys((f"top1_lost{end}" for end in ends), number),
        **dict.fromkeys((f"times_faster{end}" for end in ends), positive),
        **dict.fromkeys(("latency_low_s", "latency_high_s", "output_error"), positive),
        **dict.fromkeys(("peak_memory_bytes", "energy_j"), positive),
    }
    return {
        **{key: {"type": "string"} for key in words},
        "batch_size": {"type": "integer", "minimum": 1},
        "on_frontier": {"type": "boolean"},
        **{key: {"anyOf": [schema, {"type": "null"}]} for key, schema in known.items()},
    }


def _value_of(metric: Metric | None) -> dict[str, Any]:
    if metric is None:
        return {"type": "string"}
    most = {"maximum": 100} if metric.unit == "%" else {}
    return {"type": "number", "minimum": 0, **most}


def count_row() -> dict[str, Any]:
    """Return the schema of one object of `opbench count --format json`."""
    defs: dict[str, Any] = {}
    totals = object_schema(Totals, defs)["properties"]
    counted = {
        "input_size": _SIZE,
        "input_sizes": {"type": "array", "items": _SIZE, "minItems": 1},
        "batch_size": {"type": "integer", "minimum": 1},
        **totals,
        "uncounted": {"type": "array", "items": {"type": "string"}},
        "device": {"type": "string"},
        "own_inputs": {"type": "boolean"},
        "pass": {"enum": ["forward", "training"]},
    }
    name = {"name": {"type": "string", "minLength": 1}}
    failed = {"error": {"type": "string", "minLength": 1}}
    schema = _document(
        "A row of opbench count: counts, or an error", name | counted | failed, [], defs
    )
    schema["oneOf"] = [{"required": ["name", *counted]}, {"required": ["name", "error"]}]
    return schema


def _document(
    title: str, properties: Mapping[str, Any], required: list[str], defs: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "$schema": _DIALECT,
        "title": title,
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "$defs": dict(sorted(defs.items())),
    }


def object_schema(cls: type[Value], defs: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value's flat object; types it refers to go into ``defs``."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for _, name, kind, part, needed in fields_of(cls):
        if part is not None:
            inner = object_schema(part, defs)
            properties |= inner["properties"]
            required += inner["required"] if needed else []
            continue
        (properties[name],), more = msgspec.json.schema_components(
            (kind,), schema_hook=_hook, ref_template="#/$defs/{name}"
        )
        defs |= {each: _with_keys(schema) for each, schema in more.items()}
        required += [name] if needed else []
    return {"type": "object", "properties": properties, "required": required}


def _with_keys(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value with its keys in place of the names of its fields."""
    properties = {name.rstrip("_"): each for name, each in schema.get("properties", {}).items()}
    for each in properties.values():
        if each.get("pattern") == _SIZE["pattern"] and each.get("default") == []:
            each["default"] = ""  # a size without extents is "" in a file
    return {**schema, "properties": properties} if properties else schema


def _hook(kind: type) -> dict[str, Any]:
    if issubclass(kind, Shape):
        return dict(_SIZE)
    raise NotImplementedError


def text(schema: Mapping[str, Any]) -> str:
    """Return the bytes of a schema's file."""
    return json.dumps(schema, indent=1) + "\n"


def main() -> None:
    """Write the schemas."""
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(text(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
