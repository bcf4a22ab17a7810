"""Names are found however they are spelt, and one that is meant by none is an error with hints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench import figures
from opbench.errors import UnknownNameError, folded
from opbench.metrics import METRIC_ALIASES, METRICS
from opbench.names import find, matching, spelt

KNOWN = ("resnet18", "resnet18_v1_5", "vgg16", "vgg16_bn")
SEPARATORS = st.sampled_from(["", "-", "_", " ", "."])


@given(st.sampled_from(KNOWN), st.data())
def test_case_and_separators_are_forgiven(name: str, data: st.DataObject) -> None:
    letters = (letter for letter in name if letter != "_")
    written = "".join(
        data.draw(SEPARATORS) + (letter.upper() if data.draw(st.booleans()) else letter)
        for letter in letters
    )
    assert find("network", written, KNOWN) == name
    assert matching(written, KNOWN) == (name,)


@given(st.text(), st.lists(st.text(), max_size=5))
def test_any_text_is_a_known_name_or_an_error_of_one_sentence(name: str, known: list[str]) -> None:
    try:
        assert find("network", name, known) in known
    except UnknownNameError as error:
        assert repr(name)[:100] in str(error)
    assert set(matching(name, known)) <= set(known)


def test_what_is_spelt_exactly_wins() -> None:
    assert spelt("A-b", ("ab", "A-b", "AB")) == "A-b"
    assert matching("vgg16*", KNOWN) == ("vgg16", "vgg16_bn")
    assert matching("v?g16", ("vgg16", "VGG16")) == ("vgg16",)


def test_labels_are_names_too() -> None:
    labels = {"nin": "Network in Network"}
    assert matching("network-in-network", ("nin", "vgg16"), labels) == ("nin",)
    assert spelt("Network in network", ("nin",), {label: name for name, label in labels.items()})


def test_an_ambiguous_beginning_offers_the_glob() -> None:
    error = UnknownNameError("network", "ResNet", KNOWN, globs=True)
    assert str(error) == "no network is called 'ResNet'; did you mean 'resnet*' (2 names)?"


def test_without_a_near_name_the_list_is_told() -> None:
    with pytest.raises(UnknownNameError, match="no colour is called 'x'; choose from red, green"):
        find("colour", "x", ("red", "green"))


def test_figures_and_metrics_have_the_words_of_their_readers() -> None:
    assert figures.full_name("accuracy_vs_ops") == "accuracy-vs-ops"
    for alias, metric in METRIC_ALIASES.items():
        assert find("metric", alias, METRICS, METRIC_ALIASES) == metric
    assert find("metric", "Time", METRICS, METRIC_ALIASES) == "latency_s"
    # No alias hides a metric's own name.
    assert not {folded(each) for each in METRIC_ALIASES} & {folded(each) for each in METRICS}
