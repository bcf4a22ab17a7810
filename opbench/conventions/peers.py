"""Counters that others maintain, asked the way their documentation shows.

A tool is a row: what it is imported and installed as, and how it is asked for its count of a
network on the CPU.  Some leave hooks and patches behind, so that each is asked in a process of
its own (``opbench.registry.by_convention``).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from torch import nn

from opbench.conventions.convention import Convention, Tally
from opbench.errors import CountError, MissingExtraError

Inputs = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer(Convention):
    """A tool.  ``ask`` takes a network and its arguments, and raises whatever the tool raises."""

    package: str
    ask: Callable[[nn.Module, Inputs], Tally]

    def version(self) -> str:
        """Return the installed version, "" where none is recorded."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return ""

    def missing(self) -> MissingExtraError | None:
        """Return the error to raise where the tool is not installed."""
        if find_spec(self.package) is not None:
            return None
        return MissingExtraError(
            f"the convention {self.name} needs {self.package}, which is not installed; "
            f"try: pip install {self.package}"
        )


def _fvcore(network: nn.Module, inputs: Inputs) -> Tally:
    analysis = importlib.import_module("fvcore.nn").FlopCountAnalysis(network, inputs)
    by_operator = sorted(analysis.by_operator().items())
    return Tally(
        total=int(analysis.total()),
        by_operator={name: int(macs) for name, macs in by_operator if macs},
        by_module={name: int(macs) for name, macs in analysis.by_module().items()},
    )


class _Fed(nn.Module):
    """A network that brings its inputs: ptflops passes one tensor, or keywords.

    ptflops by hooks divides by the batch only what its hooks count; without an argument it takes
    the batch for one image and divides nothing.
    """

    def __init__(self, network: nn.Module, inputs: Inputs) -> None:
        super().__init__()
        self.network, self.inputs = network, inputs

    def forward(self) -> Any:
        return self.network(*self.inputs)


def _ptflops(network: nn.Module, inputs: Inputs, *, backend: str) -> Tally:
    """ptflops prints what went wrong, and returns None."""
    _hide_broken("torchvision", "timm")
    ptflops, said = importlib.import_module("ptflops"), io.StringIO()
    with redirect_stdout(said):
        macs, _ = ptflops.get_model_complexity_info(
            _Fed(network, inputs),
            (1,),
            input_constructor=lambda size: {},
            as_strings=False,
            print_per_layer_stat=False,
            backend=backend,
        )
    if macs is None:
        reason = said.getvalue().strip().splitlines()[-1]
        raise CountError(re.sub(r"<class '(\w+)'>", r"\1", reason))
    return Tally(total=int(macs))


def _hide_broken(*packages: str) -> None:
    """Hide packages that are installed and do not load, which ptflops takes for loadable."""
    for name in packages:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
        except Exception:  # noqa: BLE001  a package for another torch may raise anything
            sys.modules[name] = None  # type: ignore[assignment]


def _thop(network: nn.Module, inputs: Inputs) -> Tally:
    thop = importlib.import_module("thop")
    macs, _, layers = thop.profile(network, inputs=inputs, verbose=False, ret_layer_info=True)
    return Tally(total=int(macs), by_module={"": int(macs), **dict(_below(layers, ""))})


def _below(layers: Mapping[str, Any], above: str) -> Iterator[tuple[str, int]]:
    for name, (macs, _, inside) in layers.items():
        yield above + name, int(macs)
        yield from _below(inside, f"{above}{name}.")


def _torchinfo(network: nn.Module, inputs: Inputs) -> Tally:
    """torchinfo gives the count of each call of an innermost module."""
    found = importlib.import_module("torchinfo").summary(
        network, input_data=list(inputs), verbose=0
    )
    by_module: Counter[str] = Counter()
    for layer in found.summary_list:
        if layer.is_leaf_layer:
            by_module.update(dict.fromkeys(_path(layer), layer.macs))
    return Tally(total=int(found.total_mult_adds), by_module=dict(by_module))


def _path(layer: Any) -> list[str]:
    """Return the qualified names of a layer and of all that hold it, the network "" first."""
    if layer.parent_info is None:
        return [""]
    above = _path(layer.parent_info)
    return [*above, ".".join(filter(None, (above[-1], layer.var_name)))]


_TOOLS = (
    Peer(
        name="fvcore",
        unit="MACs",
        about="fvcore's FlopCountAnalysis as it comes: multiply-adds, and 1 to 5 for each element "
        "that is normalised, interpolated or pooled to a given size.",
        itemises=("operator", "module"),
        package="fvcore",
        ask=_fvcore,
    ),
    Peer(
        name="ptflops",
        unit="MACs",
        about='ptflops with backend="aten": multiply-adds and biases of convolutions and matrix '
        "products.",
        itemises=(),
        package="ptflops",
        ask=partial(_ptflops, backend="aten"),
    ),
    Peer(
        name="ptflops-hooks",
        unit="MACs",
        about='ptflops with backend="pytorch": hooks on modules and on functions; multiply-adds, '
        "biases and 1 or 2 for each element of the rest, ReLU and pooling modules twice.",
        itemises=(),
        package="ptflops",
        ask=partial(_ptflops, backend="pytorch"),
    ),
    Peer(
        name="thop",
        unit="MACs",
        about="thop.profile: hooks on modules, never functions; multiply-adds without biases, "
        "and 1 to 259 for each element that is normalised, averaged or interpolated.",
        itemises=("module",),
        package="thop",
        ask=_thop,
    ),
    Peer(
        name="torchinfo",
        unit="mult-adds",
        about="torchinfo.summary: parameters of the innermost modules, biases included, times "
        "images (and positions, for convolutions).",
        itemises=("module",),
        package="torchinfo",
        ask=_torchinfo,
    ),
)
PEERS = {peer.name: peer for peer in _TOOLS}
