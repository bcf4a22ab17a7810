"""The facts that a library has of its weights, from made-up ones."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opbench.errors import BadValueError
from opbench.registry import providers
from opbench.zoo.counting import facts
from opbench.zoo.results import Result


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timm 2.0 with one set of weights, ``a.in1k``, and a network ``bare`` without any."""
    config = SimpleNamespace(
        input_size=(3, 224, 224),
        test_crop_pct=None,
        crop_pct=0.875,
        crop_mode="center",
        hf_hub_id=None,
        num_classes=1000,
        interpolation="bicubic",
        license="apache-2.0",
    )
    monkeypatch.setattr(providers, "weights", lambda provider: ["a.in1k"])
    monkeypatch.setattr(providers, "_names", lambda provider: ["a", "bare"])
    monkeypatch.setattr(providers, "timm_config", lambda name: config)
    monkeypatch.setattr(providers, "release", lambda provider: "2.0")


def test_a_network_without_weights_is_no_row() -> None:
    with pytest.raises(BadValueError, match=r"timm:bare has no weights.*`opbench count timm:bare`"):
        facts({"pattern": "timm:bare", "results": []})


@pytest.mark.parametrize(("read", "release"), [("", "2.0"), ("1.0", "1.0")])
def test_a_result_that_was_on_file_keeps_the_release_that_it_was_read_of(
    read: str, release: str
) -> None:
    result = Result(
        weights="a.in1k", side=224, top1=70.0, top5=90.0, stated_params=None, release=read
    )
    (row,) = facts({"pattern": "timm:*", "results": [result.to_json()]})
    assert (row["top1"], row["release"], row["resize"]) == (70.0, release, 256)
