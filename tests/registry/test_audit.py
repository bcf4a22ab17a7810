"""The counts on file are fresh, the witness agrees, and the papers' numbers are recomputed."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from opbench.registry import audit, counts_csv, entries, targets
from opbench.spec import ArchitectureSpec, StatedValue

ON_FILE = {fact.name: fact for fact in counts_csv.load()}
EXPECTED = list(
    csv.DictReader(
        (Path(__file__).parents[1] / "data" / "expected_counts.csv").read_text().splitlines()
    )
)
ENTRIES = entries.specs()
STATED = [(spec, stated) for spec in ENTRIES.values() for stated in spec.stated]

every_entry = pytest.mark.parametrize("spec", ENTRIES.values(), ids=ENTRIES)


def test_the_file_has_every_entry_and_no_other() -> None:
    assert set(ON_FILE) == set(ENTRIES)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, id=name, marks=pytest.mark.slow if ON_FILE[name].macs > 1e9 else ())
        for name, spec in ENTRIES.items()
    ],
)
def test_what_is_on_file_is_what_is_counted(
    spec: ArchitectureSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_file = ON_FILE[spec.name]
    # The second count takes minutes over the whole registry; it has a test of its own below.
    monkeypatch.setattr(
        audit, "second_count", lambda *_: (on_file.fvcore_macs, on_file.witness_note)
    )
    # And the third is in test_exported.py.
    counted = replace(audit.network_row(spec), onnx_macs=on_file.onnx_macs)
    assert counted == on_file, "`opbench list --update` brings the file up to date"


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda row: row["name"])
def test_counts_are_those_of_independent_implementations(expected: dict[str, str]) -> None:
    on_file = ON_FILE[expected["name"]]
    assert str(on_file.input_size) == expected["input_size"]
    assert on_file.params == int(expected["params"])
    assert on_file.macs == int(expected["macs"])


def test_the_witness_agrees_to_the_integer_on_every_entry() -> None:
    apart = {name for name, fact in ON_FILE.items() if fact.fvcore_macs != fact.macs}
    assert apart == set()
    assert not any(fact.witness_note or fact.uncounted for fact in ON_FILE.values())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if fact.macs > 1e8 else ())
        for name, fact in ON_FILE.items()
    ],
)
def test_the_witness_still_says_what_is_on_file(name: str) -> None:
    target = targets.registered(name)
    on_file = ON_FILE[name]
    second = audit.second_count(target, targets.count_target(target))
    assert second == (on_file.fvcore_macs, on_file.witness_note)


@pytest.mark.parametrize(
    ("spec", "stated"), STATED, ids=[f"{spec.name}-{stated.quantity}" for spec, stated in STATED]
)
def test_a_stated_value_is_met_or_its_disagreement_is_explained(
    spec: ArchitectureSpec, stated: StatedValue
) -> None:
    found = audit.recompute(spec, stated)
    said = f"{spec.name}: {stated.quantity} {stated.value:,} stated, {found.counted:,} counted"
    assert found.holds != bool(stated.disagreement), said


# Who the authors compare with, and what only others print of a network, or only as a bound.
COMPARED_WITH = {"inception_resnet_v1": "inception_v3", "inception_resnet_v2": "inception_v4"}
NOT_THE_AUTHORS = {
    ("bn_inception", "macs"),  # the Inception-v3 paper
    ("fractalnet_cifar", "params"),  # the DenseNet paper
    ("googlenet", "params"),  # "12 times fewer" than AlexNet
    ("inception_v3", "params"),  # "fewer than 25 million", and the Xception paper
}


def test_only_what_the_authors_print_of_a_network_is_called_the_papers_number() -> None:
    others = {(spec.name, stated.quantity) for spec, stated in STATED if not stated.printed}
    assert others == NOT_THE_AUTHORS | {(name, "macs") for name in COMPARED_WITH}
    for name, quantity in others:
        printed = [
            round(stated.value)
            for stated in ENTRIES[name].stated
            if stated.printed and stated.quantity == quantity
        ]
        stated = getattr(ON_FILE[name], f"stated_{quantity}")
        assert stated == (printed[0] if printed else None), (name, quantity)


def test_a_comparison_in_words_is_with_the_count_of_the_other_network() -> None:
    for name, other in COMPARED_WITH.items():
        (stated,) = ENTRIES[name].stated
        assert stated.value == ON_FILE[other].macs


def test_a_wrong_stated_value_does_not_hold() -> None:
    spec = entries.get("vgg16")
    stated = replace(spec.stated[0], value=spec.stated[0].value * 1.02)
    assert not audit.recompute(spec, stated).holds


def test_bias_additions_are_output_elements_of_layers_with_a_bias() -> None:
    stated = StatedValue(quantity="connections", value=1, tolerance=0, place="by hand")
    counted = audit.recompute(entries.get("ciresan_mlp"), stated).counted
    assert counted == 12_107_500 + (2500 + 2000 + 1500 + 1000 + 500 + 10)
