"""What a TARGET means."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import nn

from opbench.counting.meta.build import build_without_weights
from opbench.errors import (
    BadFileError,
    BadValueError,
    GoneTargetError,
    MissingExtraError,
    TargetError,
    UnknownNameError,
)
from opbench.registry import providers, targets
from tests.fixtures import Write


def test_no_pattern_means_the_whole_registry_and_each_target_comes_once() -> None:
    everything = [target.name for target in targets.resolve([])]
    assert everything == [target.name for target in targets.resolve(["*", "vgg16", "v*"])]


def test_order_is_the_users() -> None:
    names = [target.name for target in targets.resolve(["vgg16", "lenet5", "vgg1[13]"])]
    assert names == ["vgg16", "lenet5", "vgg11", "vgg13"]


def test_a_file_is_imported_only_when_built_and_its_folder_is_importable(write: Write) -> None:
    write("sibling.py", "WIDTH = 9\n")
    path = write(
        "net.py",
        "from torch import nn\nimport sibling\n\nclass Box:\n"
        "    net = nn.Linear(sibling.WIDTH, 2)\n",
    )
    before = list(sys.path)
    (target,) = targets.resolve([f"{path}:Box.net"])
    module, inputs = target.build()
    assert isinstance(module, nn.Linear) and module.in_features == 9
    assert inputs is None
    assert sys.path == before


def test_what_is_wrong_with_a_file_is_said_when_it_is_built(write: Write) -> None:
    path = write("broken.py", "from torch import nn\nnet = nn.Linear(1, 2\n")
    (target,) = targets.resolve([f"{path}:net"])
    with pytest.raises(TargetError, match=r"broken\.py:net' cannot be built: SyntaxError"):
        target.build()


def test_a_name_that_is_not_there_is_told_from_one_that_cannot_be_built(write: Write) -> None:
    path = write("net.py", "import no_such_module_at_all\n")
    other = write("other.py", "class Box:\n    pass\n")
    for name in (f"{other}:net", f"{other}:Box.net", "no_such_package.net:build"):
        (target,) = targets.resolve([name])
        with pytest.raises(GoneTargetError):
            target.build()
    (target,) = targets.resolve([f"{path}:net"])
    with pytest.raises(TargetError) as caught:
        target.build()
    assert not isinstance(caught.value, GoneTargetError)


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        ("resnet5O", UnknownNameError),
        ("missing.py:net", BadFileError),
        (":net", BadValueError),
        ("torch.nn:", BadValueError),
    ],
)
def test_what_can_be_refused_at_once_is(pattern: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        targets.resolve([pattern])


def test_an_absent_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    providers._library.cache_clear()
    providers._names.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'opbench\[timm\]'"):
        targets.resolve(["timm:resnet50"])
    providers._library.cache_clear()


def test_what_a_module_makes_when_it_is_imported_has_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count builds without weights, but others will import the same module."""
    (tmp_path / "shared_with_others.py").write_text(
        "from torch import nn\nTABLE = nn.Linear(64, 64)\ndef build(): return nn.Linear(8, 4)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (target,) = targets.resolve(["shared_with_others:build"])
    module, _ = build_without_weights(target.build)
    assert module.weight.is_meta
    table = importlib.import_module("shared_with_others").TABLE
    assert not table.weight.is_meta
    assert table.weight.std() > 0.01


def test_what_a_constructor_keeps_in_its_file_is_gone_after_a_count(write: Write) -> None:
    """A table of 64 x 64 random numbers has no values while a network is counted."""
    path = write(
        "keeps_a_table.py",
        dedent("""
        import torch
        from torch import nn
        TABLES = {}
        class Adds(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = nn.Linear(8, 64)
                if 64 not in TABLES:
                    TABLES[64] = torch.randn(64, 64)
            def forward(self, x):
                return self.head(x) + TABLES[64]
        """),
    )
    (target,) = targets.resolve([f"{path}:Adds"])
    for _ in range(2):
        assert targets.count_target(target, (8,)).macs == 8 * 64
    module, _ = target.build()
    assert not module(torch.ones(1, 8)).is_meta
