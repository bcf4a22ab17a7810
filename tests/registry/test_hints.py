"""A TARGET that names nothing is one sentence with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from opbench.errors import OpbenchError, TargetError
from opbench.registry import targets

FILE = """
import torch
from torch import nn

class Net(nn.Module):
    pass

class Wide(nn.Module):
    def __init__(self, width):
        super().__init__()

def _private():
    return Net()

def build():
    return Net()

ready = nn.ReLU()
width = 3

def nothing():
    pass

def pair():
    return [Net(), ()]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for path in ("nets.py", "models/nets.py"):
        (tmp_path / path).write_text(FILE)
    (tmp_path / "weights.pth").write_text("")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nets.py", "nets.py is a file: name the network in it, such as nets.py:Net (nets.py has"),
        ("nets.py", "has Net, Wide, build, nothing, pair)"),
        ("models/nets", "such as models/nets.py:Net"),
        ("net.py", "there is no file net.py; did you mean nets.py?"),
        ("nets/net.py", "the folder nets does not exist"),
        ("weights.pth", "weights.pth is not a Python file"),
        ("nets.Net", "did you mean nets:Net?"),
        ("torch.nn.ReLU", "did you mean torch.nn:ReLU?"),
        ("timm/resnet50", "did you mean timm:resnet50?"),
        ("Net", "named with its file: net.py:Net"),
        ("resnet", "did you mean 'resnet*' ("),
        ("resnet5O", "did you mean resnet50"),
        ("net.py:Net", "there is no file net.py; did you mean nets.py:Net?"),
        ("models/nets:Net", "did you mean models/nets.py:Net?"),
        ("models.net:Net", "check the spelling, or install it"),
        ("torchvison:resnet18", "did you mean torchvision:resnet18?"),
        ("nets.py::Net", "has two colons; did you mean nets.py:Net?"),
        (":Net", "is not NAME, torchvision:NAME"),
        ("", "is not NAME, torchvision:NAME"),
        (".", "is not NAME, torchvision:NAME"),
        ("nets.py:net", "nets.py has no 'net'; did you mean Net?"),
        ("nets.py:Other", "nets.py has no 'Other'; it has Net, Wide, build, ready"),
        ("nets.py:Wide", "such as `def net(): return Wide(width=…)`, and name nets.py:net"),
        ("nets.py:Wide(3)", "such as `def net(): return Wide(3)`, and name nets.py:net"),
        ("nets.py:torch", "nets.py:torch is a Python module: name an nn.Module"),
        ("nets.py:width", "nets.py:width is of type int: name an nn.Module"),
        ("nets.py:nothing", "the target 'nets.py:nothing' returned nothing: it must return"),
        ("nets.py:pair", "the target 'nets.py:pair' returned a value of type list: it must"),
    ],
)
def test_a_name_of_nothing_says_what_was_meant(name: str, said: str) -> None:
    with pytest.raises(OpbenchError) as caught:
        for target in targets.resolve([name]):
            target.build()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


NEEDY = """
from torch import nn

class Base(nn.Module):
    def __init__(self, width, *, depth, bias=True):
        super().__init__()

class Narrow(Base, nn.Module):
    pass
"""


def test_a_file_offers_first_what_needs_no_arguments(tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text(f"{NEEDY}\ndef build(width=8):\n    return Narrow(width)\n")
    with pytest.raises(OpbenchError, match=r"such as more.py:build \(more.py has Base, Narrow"):
        targets.resolve(["more.py"])
    (tmp_path / "needy.py").write_text(NEEDY)
    with pytest.raises(OpbenchError) as caught:
        targets.resolve(["needy.py"])
    assert "`def net(): return Base(width=…, depth=…)`, and name needy.py:net" in str(caught.value)


def test_advice_names_all_required_arguments_and_a_function_that_is_not_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "full.py").write_text(f"{NEEDY}\ndef net():\n    return Base(3, depth=1)\n")
    (target,) = targets.resolve(["full.py:Narrow"])
    with pytest.raises(OpbenchError) as caught:
        target.build()
    assert "full.py:Narrow needs arguments (width, depth)" in str(caught.value)
    assert "`def my_net(): return Narrow(width=…, depth=…)`, and name full.py:my_net" in str(
        caught.value
    )


def test_a_base_that_is_its_own_base_is_read(tmp_path: Path) -> None:
    circle = "class A(B, Module): pass\nclass B(A, Module): pass\n"
    (tmp_path / "circle.py").write_text(circle)
    with pytest.raises(OpbenchError, match=r"such as circle\.py:A"):
        targets.resolve(["circle.py"])


def test_labels_resolve_to_names_of_the_registry() -> None:
    assert [each.name for each in targets.resolve(["ResNet-50", "VGG_16"])] == ["resnet50", "vgg16"]


def test_what_stands_in_the_wrong_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "import torch\nnet = torch.nn.ReLU()\nx = torch.zeros(1)\n"
        "listed = lambda: (net, [x])\ntext = lambda: (net, 'a prompt')\n"
        "named = lambda: (net, (x,), [x])\nswapped = lambda: (net, {'input': x}, (x,))\n"
        "many = lambda: (net, x, x, x)\nnothing = lambda: None\nother = lambda: 3\n"
    )
    for name, said in (
        ("listed", "a module with arguments of type list"),
        ("text", "a module with arguments of type str"),
        ("named", "a module with keyword arguments of type list"),
        ("swapped", "a module with arguments of type dict"),
        ("many", "a module and 3 other values"),
        ("nothing", "nothing"),
        ("other", "a value of type int"),
    ):
        (target,) = targets.resolve([f"odd.py:{name}"])
        with pytest.raises(TargetError, match=f"odd.py:{name}' returned {said}: it must return"):
            target.build()
