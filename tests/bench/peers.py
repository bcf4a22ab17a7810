"""Other counters, each asked for the multiply-accumulates of one forward pass.

``python -m tests.bench.peers NAME`` prints what one of them says of every conformance case, as
JSON.  Each tool is imported in a process of its own, and asked about each case in a copy of that
process, because some leave hooks and patches behind that spoil whatever is asked next.  A tool that
reports two operations per multiply-accumulate is halved, and nothing else is done to its number.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.conformance.cases import CASES, Case
from tests.providers import torchvision_operators  # noqa: F401  some peers import torchvision

Inputs = tuple[Any, ...]


class Fed(nn.Module):
    """A network with its inputs inside, for tools that pass one tensor or none."""

    def __init__(self, network: nn.Module, inputs: Inputs) -> None:
        super().__init__()
        self.network, self.inputs = network, inputs

    def forward(self, *ignored: Any) -> Any:
        return self.network(*self.inputs)


def opbench(network: nn.Module, inputs: Inputs) -> float:
    """This project."""
    from opbench.counting import count

    return count(network, inputs).macs


def fvcore(network: nn.Module, inputs: Inputs) -> float:
    """fvcore.nn.FlopCountAnalysis as it comes."""
    from fvcore.nn import FlopCountAnalysis

    return FlopCountAnalysis(network, inputs).total()


def torch_cpu(network: nn.Module, inputs: Inputs) -> float:
    """torch.utils.flop_counter on real tensors."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(*inputs)
    return counter.get_total_flops() / 2


def torch_meta(network: nn.Module, inputs: Inputs) -> float:
    """torch.utils.flop_counter on the meta device."""
    moved = tuple(each.to("meta") if isinstance(each, Tensor) else each for each in inputs)
    return torch_cpu(network.to("meta"), moved)


def ptflops_hooks(network: nn.Module, inputs: Inputs) -> float:
    """ptflops, the older of its two ways."""
    return _ptflops(network, inputs, "pytorch")


def ptflops(network: nn.Module, inputs: Inputs) -> float:
    """ptflops, by operator."""
    return _ptflops(network, inputs, "aten")


def _ptflops(network: nn.Module, inputs: Inputs, backend: str) -> float:
    from ptflops import get_model_complexity_info

    alone = len(inputs) == 1 and isinstance(inputs[0], Tensor)
    macs, _ = get_model_complexity_info(
        network if alone else Fed(network, inputs),
        (1,),
        as_strings=False,
        print_per_layer_stat=False,
        verbose=False,
        backend=backend,
        input_constructor=lambda size: inputs[0] if alone else {},
    )
    if macs is None:
        raise RuntimeError("no result")
    return float(macs)


def thop(network: nn.Module, inputs: Inputs) -> float:
    """thop.profile."""
    from thop import profile

    return float(profile(network, inputs=inputs, verbose=False)[0])


def torchinfo(network: nn.Module, inputs: Inputs) -> float:
    """torchinfo.summary."""
    from torchinfo import summary

    return float(summary(network, input_data=list(inputs), verbose=0).total_mult_adds)


def calflops(network: nn.Module, inputs: Inputs) -> float:
    """calflops.calculate_flops."""
    from calflops import calculate_flops

    found = calculate_flops(network, args=list(inputs), print_results=False, output_as_string=False)
    return float(found[1])


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A tool, how to ask it, the package it comes in and what it is imported as."""

    name: str
    ask: Callable[[nn.Module, Inputs], float]
    package: str
    module: str

    def version(self) -> str | None:
        """None where it is not installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None


PEERS = (
    Peer(name="opbench", ask=opbench, package="opbench", module="opbench.counting"),
    Peer(name="torch (meta)", ask=torch_meta, package="torch", module="torch.utils.flop_counter"),
    Peer(name="torch (cpu)", ask=torch_cpu, package="torch", module="torch.utils.flop_counter"),
    Peer(name="fvcore", ask=fvcore, package="fvcore", module="fvcore.nn"),
    Peer(name="ptflops", ask=ptflops, package="ptflops", module="ptflops"),
    Peer(name="ptflops (hooks)", ask=ptflops_hooks, package="ptflops", module="ptflops"),
    Peer(name="thop", ask=thop, package="thop", module="thop"),
    Peer(name="torchinfo", ask=torchinfo, package="torchinfo", module="torchinfo"),
    Peer(name="calflops", ask=calflops, package="calflops", module="calflops"),
)

# None: the tool failed.
Answers = dict[str, float | None]


def answers(peer: Peer) -> Answers | None:
    """What a tool says of every case, from a process of its own; None where it cannot start."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.peers", peer.name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=900,
        check=False,
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def ask_all(peer: Peer) -> Answers:
    """Ask one tool about every case, as if each were the first."""
    importlib.import_module(peer.module)  # if it cannot be imported it has no say
    return {case.idea: _ask_apart(peer, case) for case in CASES}


def _ask_apart(peer: Peer, case: Case) -> float | None:
    """The answer of a copy of this process, which takes with it what the tool leaves behind."""
    reading, writing = os.pipe()
    copy = os.fork()
    if copy == 0:
        try:
            os.write(writing, json.dumps(_ask(peer, case)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(copy, 0)
    return json.loads(answer) if answer else None  # nothing: it did not survive the question


def _ask(peer: Peer, case: Case) -> float | None:
    torch.set_num_threads(1)  # threads do not survive the copying
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return float(peer.ask(case.network(), case.example()))
    except Exception:  # noqa: BLE001  whatever a tool does wrong is its answer
        return None


if __name__ == "__main__":
    (asked,) = (peer for peer in PEERS if peer.name == sys.argv[1])
    json.dump(ask_all(asked), sys.stdout)
