"""Name evaluations by their network, and where several are of one by the settings that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import EvaluationHeader

# Settings whose value says what it is of.
_BARE = ("runtime", "compile", "device", "dtype")
_HASH = 8


def labels(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return a name for each evaluation, as different as their files and settings are."""
    facts = [_facts(each.header) for each in evaluations]
    names = [each.header.name for each in evaluations]
    told = [
        _label(name, own, [each for other, each in zip(names, facts, strict=True) if other == name])
        for name, own in zip(names, facts, strict=True)
    ]
    return [
        f"{label} ({each.paths[0].stem})" if told.count(label) > 1 and each.paths else label
        for label, each in zip(told, evaluations, strict=True)
    ]


def _label(name: str, own: Mapping[str, str], alike: Sequence[Mapping[str, str]]) -> str:
    """Return the name, and the settings in which evaluations of this name differ."""
    differing = [key for key, value in own.items() if any(each[key] != value for each in alike)]
    parts = [own[key] if key in _BARE else f"{key} {own[key] or 'none'}" for key in differing]
    return " ".join(filter(None, [name, *parts]))


def _facts(header: EvaluationHeader) -> dict[str, str]:
    """Return the settings of an evaluation as words."""
    protocol = {key: _words(each) for key, each in header.preprocessing.to_json().items()}
    return {
        "weights": header.weights_sha256[:_HASH],
        **{key: str(getattr(header, key) or "") for key in _BARE},
        **{key: each for key, each in protocol.items() if key != "source"},
        "batch": str(header.batch_size),
        "threads": str(header.threads or ""),
    }


def _words(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
