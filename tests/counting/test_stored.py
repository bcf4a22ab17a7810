"""Parameters and bytes as a format stores them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
import torch.ao.quantization as quantization
from torch import Tensor, nn
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
from torch.utils import mkldnn

from opbench.counting import count
from tests.counting import quantised_tensor

CONVOLUTION, LINEAR = 4 * (2 * 3 * 3) + 4, 5 * 36 + 5
FLOAT = 4  # bytes


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)).eval()


def scripted() -> Any:
    return torch.jit.script(network())


def test_what_is_frozen_into_a_graph_is_stored() -> None:
    counted = count(torch.jit.freeze(scripted()), (2, 5, 5))
    assert counted.params == CONVOLUTION + LINEAR
    assert counted.weight_bytes == FLOAT * counted.params


def test_a_frozen_part_is_stored_beside_the_rest() -> None:
    counted = count(nn.Sequential(torch.jit.freeze(scripted()), nn.Linear(5, 2)), (2, 5, 5))
    frozen = next(each for each in counted.modules if each.name == "0")
    assert frozen.params == CONVOLUTION + LINEAR
    assert counted.params == frozen.params + 5 * 2 + 2


def test_running_statistics_frozen_into_a_graph_are_no_parameters() -> None:
    norm = nn.BatchNorm2d(2)
    norm.num_batches_tracked = None
    for start, tensor in enumerate((*norm.parameters(), *norm.buffers())):
        tensor.data = torch.arange(1, 3).to(tensor.dtype) + start  # equal constants would be one
    before = nn.Sequential(norm, nn.ReLU(), nn.Conv2d(2, 4, 3)).eval()
    counted = count(torch.jit.freeze(torch.jit.script(before)), (2, 5, 5))
    assert counted.params == 2 + 2 + CONVOLUTION
    assert counted.weight_bytes == FLOAT * (counted.params + 2 + 2)


@pytest.mark.parametrize("first", [True, False])
def test_convolutions_in_branches_optimised_for_inference_are_seen(first: bool) -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(2, 4, 3), nn.Conv2d(2, 1, 3)

        def forward(self, x: Tensor, first: bool) -> Tensor:
            return self.wide(x) if first else self.narrow(x)

    optimised: Any = torch.jit.optimize_for_inference(torch.jit.script(Branches().eval()))
    counted = count(optimised, (torch.zeros(1, 2, 5, 5), first))
    assert counted.macs == (4 if first else 1) * 9 * (2 * 9)
    assert optimised.graph.findNode("prim::mkldnn_convolution", True) is not None


QUANTISER = 4 + 8  # the scale and the zero point of the network's input
CHANNEL = 8 + 8  # those of one output, a double and an integer
# Weights in one byte each, biases as they were.
PACKED = CONVOLUTION + LINEAR + (FLOAT - 1) * (4 + 5)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def observed() -> Any:
    """The network with its ranges measured, ready to be quantised statically."""
    torch.backends.quantized.engine = "onednn"
    whole: Any = nn.Sequential(quantization.QuantStub(), *network(), quantization.DeQuantStub())
    whole.eval().qconfig = quantization.get_default_qconfig("onednn")
    prepared = quantization.prepare(whole)
    prepared(torch.randn(1, 2, 5, 5))
    return prepared


@cache
def static() -> Any:
    return quantization.convert(observed())


def in_graph_mode() -> Any:
    mapping = quantization.get_default_qconfig_mapping("onednn")
    prepared: Any = prepare_fx(network(), mapping, (torch.randn(1, 2, 5, 5),))
    prepared(torch.randn(1, 2, 5, 5))
    return convert_fx(prepared)


STATIC: dict[str, Callable[[], Any]] = {
    "statically quantised": static,
    "the same scripted": lambda: torch.jit.script(static()),
    "the same traced": lambda: torch.jit.trace(static(), torch.zeros(1, 2, 5, 5)),
    "in graph mode": in_graph_mode,
}


@pytest.mark.parametrize("build", STATIC.values(), ids=STATIC.keys())
def test_packed_weights_are_parameters_of_one_byte_each(build: Callable[[], Any]) -> None:
    counted = count(build(), (2, 5, 5))
    assert counted.params == CONVOLUTION + LINEAR
    stored = PACKED + (4 + 5) * CHANNEL
    assert counted.weight_bytes - stored in (QUANTISER, 2 * QUANTISER)  # of the output too
    assert counted.uncounted == ()


def test_packed_weights_frozen_into_a_graph_are_parameters() -> None:
    counted = count(torch.jit.freeze(torch.jit.script(static())), (2, 5, 5))
    assert counted.params == CONVOLUTION + LINEAR
    assert counted.weight_bytes == PACKED + (4 + 5) * CHANNEL


def test_packed_weights_belong_to_the_layer_that_holds_them() -> None:
    by_name = {each.name: each.params for each in count(static(), (2, 5, 5)).modules}
    scripted = {
        each.name: each.params for each in count(torch.jit.script(static()), (2, 5, 5)).modules
    }
    assert (by_name["1"], by_name["4"]) == (CONVOLUTION, LINEAR)
    assert (scripted["1"], scripted["4"]) == (CONVOLUTION, LINEAR)


@pytest.mark.parametrize(("layer", "gates"), [(nn.LSTM, 4), (nn.GRU, 3)])
def test_a_dynamically_quantised_recurrent_layer_has_the_weights_it_had(
    layer: type[nn.Module], gates: int
) -> None:
    torch.backends.quantized.engine = "onednn"
    dynamic = quantization.quantize_dynamic(nn.Sequential(layer(3, 6)), {layer})
    counted = count(dynamic, (torch.zeros(4, 1, 3),))
    weights, biases = gates * 6 * (3 + 6), 2 * gates * 6
    assert counted.params == weights + biases
    assert counted.weight_bytes == weights + FLOAT * biases


def test_quantised_tables_are_parameters() -> None:
    table: Any = nn.Sequential(nn.EmbeddingBag(7, 8)).eval()
    table[0].qconfig = quantization.float_qparams_weight_only_qconfig
    counted = count(
        quantization.convert(quantization.prepare(table)), (torch.zeros(2, 3, dtype=torch.int64),)
    )
    assert counted.params == 7 * 8
    assert counted.weight_bytes == 7 * 8 + 7 * (FLOAT + FLOAT)


def test_what_was_a_parameter_is_one_in_the_layout_of_onednn() -> None:
    norm = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)).eval()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = norm

        def forward(self, x: Tensor) -> Any:
            return self.body(x.to_mkldnn()).to_dense()

    counted = count(mkldnn.to_mkldnn(Net().eval()), (2, 5, 5))
    assert counted.params == CONVOLUTION + 4 + 4
    assert counted.weight_bytes == FLOAT * (counted.params + 4 + 4)


class FourBit(nn.Module):
    """A linear layer of which two weights share a byte, as other libraries pack them."""

    def __init__(self, said: bool, inputs: int = 6, outputs: int = 5) -> None:
        super().__init__()
        if said:
            self.in_features, self.out_features = inputs, outputs
        self.register_buffer("packed", torch.zeros(outputs, inputs // 2, dtype=torch.uint8))
        self.scale = nn.Parameter(torch.ones(outputs, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        packed: Any = self.packed
        weight = torch.stack((packed & 15, packed >> 4), -1).flatten(1) * self.scale
        return nn.functional.linear(x, weight, self.bias)


@pytest.mark.parametrize("said", [True, False])
def test_a_layer_that_says_its_extents_has_that_many_weights(said: bool) -> None:
    counted = count(FourBit(said), (6,))
    assert counted.macs == 6 * 5
    assert counted.params == (5 * 6 + 5 if said else 5 + 5)
    assert counted.weight_bytes == 5 * 3 + FLOAT * (5 + 5)


def test_a_layer_with_an_index_beside_its_weight_has_the_weight() -> None:
    class Permuted(nn.Linear):
        def __init__(self) -> None:
            super().__init__(6, 5)
            self.register_buffer("order", torch.arange(6))

        def forward(self, x: Tensor) -> Tensor:
            order: Any = self.order
            return super().forward(x[:, order])

    assert count(Permuted(), (6,)).params == 5 * 6 + 5


def test_a_tensor_class_is_stored_in_its_parts() -> None:
    counted = count(quantised_tensor.linear(6, 5), (6,))
    assert counted.params == 6 * 5 + 5
    assert counted.weight_bytes == 6 * 5 + FLOAT * (5 + 5)


def test_tensors_that_a_class_of_parameters_keeps_beside_itself_are_stored() -> None:
    class State:
        def __init__(self, scales: Tensor) -> None:
            self.scales = scales

    class Packed(nn.Parameter):
        """Its elements are packed; their scales are in an attribute."""

    layer = FourBit(said=True)
    del layer.packed
    packed: Any = torch.zeros(5, 3, dtype=torch.uint8).as_subclass(Packed)
    packed.state, packed.same = State(torch.ones(7)), packed.data
    layer.packed = packed
    counted = count(layer, (6,))
    assert counted.params == 5 * 6 + 5
    assert counted.weight_bytes == 5 * 3 + FLOAT * 7 + FLOAT * (5 + 5)


def test_a_sparse_weight_is_stored_with_its_indices() -> None:
    class Sparse(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.eye(6).to_sparse_csr(), requires_grad=False)

        def forward(self, x: Tensor) -> Tensor:
            return torch.mm(self.weight, x)

    counted = count(Sparse(), (torch.zeros(6, 3),))
    assert counted.weight_bytes == FLOAT * 6 + 8 * (6 + 1) + 8 * 6


def test_a_script_object_that_hides_its_weights_is_named() -> None:
    class Hides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.packed = torch.classes.profiling._ScriptProfile()

        def forward(self, x: Tensor) -> Tensor:
            return x + 1

    (named,) = count(Hides(), (2,)).uncounted
    assert named == "weights of __torch__.torch.classes.profiling._ScriptProfile"
