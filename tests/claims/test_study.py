"""Advice of the module study on training: as published, and on experiments that speak against."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from opbench.claims import Evidence, Finding, experiments
from opbench.claims.experiments import load_experiments
from opbench.files import read_rows
from tests.claims.claims_evidence import evidence

Tried = Callable[[str, Evidence], Finding]

LONG, SHORT = (f"learning rate decay in {each} iterations" for each in (320_000, 160_000))
ONE_RATE, SHARE = "mini-batch at one rate", "mini-batch at its share of the rate"
IMAGES, WRONG = "training images", "wrong labels in percent of 1200000 images"
AT_4, STRIDED = "image size at stride 4", "image size at the stride that keeps the map of 128"
PLAIN, COMPLEX = (f"batch normalisation in {each}" for each in ("CaffeNet128", "GoogLeNet128"))


def otherwise(experiment: str, setting: str, top1: float) -> Evidence:
    """The study as published but for one figure."""
    found = {name: dict(settings) for name, settings in load_experiments().items()}
    assert setting in found[experiment]
    found[experiment][setting] = top1
    return evidence({}, experiments=found)


@pytest.mark.parametrize(
    ("key", "words", "against"),
    # Beyond chance on 50,000 images of which 47 % are right: 1.96 sqrt(2 * 0.47 * 0.53 / 50,000),
    # which is 0.62 points.
    [
        ("study-linear-decay", "linear: 49.3 %", [(LONG, "square", 48.9), (SHORT, "linear", 44.0)]),
        ("study-mini-batch", "256: 47.1 %", [(ONE_RATE, "64", 48.0), (ONE_RATE, "32", 47.0)]),
        ("study-mini-batch-rate", "32: 46.3 %", [(SHARE, "32", 46.3), (SHARE, "1", 46.0)]),
        # 8.8 points for 200,000 images, then 3.3 for 400,000; 62.0 would be 18.2.
        (
            "study-more-images",
            "4.4 points per 100,000 images from 200,000 to 400,000, 0.8 from 800,000 to 1,200,000: "
            "no plateau",
            [(IMAGES, "1200000", 62.0)],
        ),
        ("study-clean-labels", "600,000 images 42.5 %", [(WRONG, "50", 42.4)]),
        # (44.5 - 30.9) / (47.1 - 30.9) and (45.9 - 41.4) / (47.1 - 41.4).
        ("study-stride", "so 84 % of the gain; 96 x 96", [(STRIDED, "64", 43.0)]),
        ("study-stride", "so 79 % of the gain", [(AT_4, "96", 43.0)]),
        (
            "study-careful",
            "none: 61.9 %",
            [(COMPLEX, "before ReLU (LSUV)", 61.5), (PLAIN, "before ReLU (LSUV)", 47.5)],
        ),
    ],
)
def test_advice_holds_as_published_and_not_on_other_figures(
    tried: Tried, key: str, words: str, against: list[tuple[str, str, float]]
) -> None:
    published = tried(key, evidence({}, experiments=load_experiments()))
    assert published.verdict == "holds"
    assert words in published.found
    for change in against:
        assert tried(key, otherwise(*change)).verdict == "does not hold"


def test_a_plateau_is_named(tried: Tried) -> None:
    # 0.2 points above the 43.8 of 800,000 images is chance.
    assert tried("study-more-images", otherwise(IMAGES, "1200000", 44.0)).found.endswith(
        ": a plateau there"
    )


def test_every_experiment_holds_the_same_baseline() -> None:
    found = load_experiments()
    defaults = [(LONG, "step"), (ONE_RATE, "256"), (SHARE, "256"), (IMAGES, "1200000")]
    defaults += [(WRONG, "0"), (AT_4, "128"), (PLAIN, "none")]
    assert {found[experiment][setting] for experiment, setting in defaults} == {47.1}


def test_every_figure_links_its_table() -> None:
    rows = read_rows(experiments.FILE, experiments.COLUMNS, lambda row: row)
    for _, row in rows:
        link = urlsplit(row["source_url"])
        assert link.netloc == "github.com"
        assert link.path.startswith("/ducha-aiki/caffenet-benchmark/blob/master/")
