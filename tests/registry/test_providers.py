"""What is asked of torchvision and timm, with a library that takes their place.

``tests/providers`` holds the tests against the libraries themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from opbench.errors import MissingExtraError, UnknownNameError
from opbench.registry import providers, torchvision_operators


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Libraries are remembered once they are imported."""
    remembering = (providers._library, providers._names, providers.weights)
    for each in remembering:
        each.cache_clear()
    yield
    for each in remembering:
        each.cache_clear()


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A timm of two networks; returns the calls of ``create_model``."""
    calls: list[Any] = []
    library: Any = ModuleType("timm")

    def create_model(name: str, **options: Any) -> nn.Module:
        calls.append((name, options))
        return nn.Linear(1, 1)

    library.create_model = create_model
    library.list_models = lambda pretrained=False: (
        ["wide.a1", "wide.b2"] if pretrained else ["deep", "wide"]
    )
    configs = {"wide.b2": SimpleNamespace(input_size=(3, 288, 288))}
    library.models = SimpleNamespace(get_pretrained_cfg=configs.get)
    monkeypatch.setitem(sys.modules, "timm", library)
    return calls


def test_a_name_is_a_glob_and_one_with_a_dot_a_tag(timm: list[Any]) -> None:
    assert providers.match("timm", "*") == ["deep", "wide"]
    assert providers.match("timm", "wide.*") == ["wide.a1", "wide.b2"]
    with pytest.raises(UnknownNameError, match="did you mean wide"):
        providers.match("timm", "wido")


def test_weights_are_never_asked_for(timm: list[Any]) -> None:
    providers.build("timm", "deep")
    assert timm == [("deep", {"pretrained": False})]


def test_the_size_is_the_library_s_own_and_224_where_it_has_none(timm: list[Any]) -> None:
    assert providers.input_size("timm", "wide.b2") == (3, 288, 288)
    assert providers.input_size("timm", "deep") == (3, 224, 224)
    assert providers.images_per_pass("timm", "deep") == 1


def test_a_library_that_does_not_import_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "torchvision.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist\\nwhere from')"
    )
    for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    # Its operators were declared, and it does not import all the same.
    monkeypatch.setattr(torchvision_operators, "declared", lambda: True)
    with pytest.raises(MissingExtraError) as caught:
        providers.match("torchvision", "resnet50")
    assert f"was not built for torch {torch.__version__}: run `pip install" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_a_provider_s_target_has_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "version_of", {"timm": "1.0", "net": "7"}.get)
    assert providers.version("timm:resnet50") == "timm 1.0"
    assert providers.version("resnet50") == providers.version("net.py:timm") == ""
