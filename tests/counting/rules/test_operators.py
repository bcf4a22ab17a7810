"""The rules, the list of free operators, and what happens to operators that are on neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from opbench.counting import count
from opbench.counting.rules.free import FREE
from opbench.counting.rules.products import RULES
from opbench.counting.tracing.tracer import Treatment, treatment_of
from tests.counting.function_network import Runs

needs_higher_order_operators = pytest.mark.skipif(
    not hasattr(TorchDispatchMode, "supports_higher_order_operators"),
    reason="this torch shows no mode the operators that carry a body",
)


@pytest.fixture(scope="module")
def library() -> Iterator[None]:
    """Operators of our own: opaque, opaque with a shape function, and a composite one."""
    definitions = torch.library.Library("opbench_tests", "DEF")
    definitions.define("opaque(Tensor x) -> Tensor")
    definitions.impl("opaque", lambda x: x @ x.t(), "CPU")
    definitions.define("shaped(Tensor x) -> Tensor")
    definitions.impl("shaped", lambda x: x @ x.t(), "CPU")
    definitions.impl("shaped", lambda x: x.new_empty(len(x), len(x)), "Meta")
    definitions.define("composite(Tensor x) -> Tensor")
    definitions.impl("composite", lambda x: x @ x.t(), "CompositeImplicitAutograd")
    yield
    definitions._destroy()


ELSEWHERE = (
    "torchvision::",
    "semi_structured::",
    "bitsandbytes::",
    "quanto::",
)  # registered later, or not at all
HIGHER_ORDER = {"flex_attention", "flex_attention_backward", "inline_asm_elementwise", "print"}


def test_no_operator_is_both_free_and_ruled() -> None:
    assert not FREE & set(RULES)


@pytest.mark.skipif(torch.__version__ < "2.13", reason="the lists name operators of torch 2.13")
def test_every_name_is_that_of_an_operator() -> None:
    """A misspelt name would never be met, and its operator would be uncounted."""
    import_module("torch.nn.attention.varlen")  # registers operators
    schemas = {schema.name.removeprefix("aten::") for schema in torch._C._jit_get_all_schemas()}
    known = schemas | {name.removesuffix("_") for name in schemas}
    names = {name for name in FREE | set(RULES) if not name.startswith(ELSEWHERE)}
    assert names - known - HIGHER_ORDER == set()


def test_an_unknown_operator_is_named(library: None) -> None:
    operator = torch.ops.opbench_tests.opaque
    counted = count(Runs(lambda x: operator(x) @ torch.zeros(2, 3)), (4,), batch_size=2)
    assert counted.uncounted == ("opbench_tests::opaque",)
    assert counted.macs == 2 * 3 * 2
    assert counted.device == "cpu"  # it has no shape function
    row = next(each for each in counted.operators if each.operator == "opbench_tests::opaque")
    assert (row.calls, row.macs, row.shape) == (1, 0, "2x4 -> 2x2")


def test_an_unknown_operator_with_a_shape_function_is_named_on_meta(library: None) -> None:
    counted = count(Runs(torch.ops.opbench_tests.shaped), (4,), batch_size=2)
    assert (counted.uncounted, counted.device) == (("opbench_tests::shaped",), "meta")


def test_a_composite_operator_is_taken_apart(library: None) -> None:
    counted = count(Runs(torch.ops.opbench_tests.composite), (4,), batch_size=2)
    assert (counted.uncounted, counted.macs) == ((), 2 * 2 * 4)


def test_a_decorated_custom_operator_is_named() -> None:
    @torch.library.custom_op("opbench_tests::decorated", mutates_args=())
    def decorated(x: Tensor) -> Tensor:
        return x @ x.t()

    counted = count(Runs(decorated), (4,), batch_size=2)
    assert counted.uncounted == ("opbench_tests::decorated",)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: torch.fft.rfft(x), "_fft_r2c"),
        (lambda x: torch.linalg.inv(x @ x.t()), "linalg_inv_ex"),
        (lambda x: torch.linalg.svd(x), "_linalg_svd"),
        (lambda x: torch.linalg.qr(x), "linalg_qr"),
        (lambda x: torch.linalg.matrix_exp(x @ x.t()), "linalg_matrix_exp"),
    ],
    ids=["fourier transform", "inverse", "svd", "qr", "matrix exponential"],
)
def test_a_decomposition_of_a_matrix_is_uncounted(
    function: Callable[[Tensor], Any], name: str
) -> None:
    assert name in count(Runs(function), (3,), batch_size=3).uncounted


@pytest.mark.parametrize(
    ("operator", "verdict"),
    [
        (torch.ops.aten.relu_.default, Treatment.FREE),
        (torch.ops.aten.addmm_.default, RULES["addmm"]),
        (torch.ops.aten.mm.out, RULES["mm"]),
        (torch.ops.aten.__and__.Tensor, Treatment.FREE),
        (torch.ops.aten.einsum.default, Treatment.COMPOSITE),
        (torch.ops.aten._fft_c2c.default, Treatment.UNKNOWN),
    ],
    ids=["relu_", "addmm_", "mm.out", "__and__", "einsum", "_fft_c2c"],
)
def test_overloads_and_in_place_forms_go_with_the_plain_operator(
    operator: Any, verdict: Any
) -> None:
    assert treatment_of(operator) is verdict


# -- kernels that only appear below autograd, or on some devices ---------------------------------


def seen_below(function: Callable[[], Any]) -> dict[str, tuple[Any, ...]]:
    """Arguments and results of the operators that run with gradients on, by name."""

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            out = func(*args, **(kwargs or {}))
            calls[func._schema.name.removeprefix("aten::")] = (args, out)
            return out

    calls: dict[str, tuple[Any, ...]] = {}
    with Watch():
        function()
    return calls


def ruled(calls: dict[str, tuple[Any, ...]]) -> dict[str, int]:
    return {name: RULES[name].macs(*call) for name, call in calls.items() if name in RULES}


def test_fused_attention_on_the_cpu_is_ruled() -> None:
    q, k = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8)
    calls = seen_below(lambda: nn.functional.scaled_dot_product_attention(q, k, k))
    assert ruled(calls) == {
        "_scaled_dot_product_flash_attention_for_cpu": 2 * 3 * (5 * 7 * 8 + 5 * 8 * 7)
    }


def test_the_fast_path_of_multi_head_attention_is_ruled() -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x = torch.randn(3, 5, 8)
    with torch.inference_mode():
        calls = seen_below(lambda: layer(x, x, x))
    projections, mixing = 4 * 5 * 8 * 8, 2 * 5 * 5 * 8
    assert ruled(calls) == {"_native_multi_head_attention": 3 * (projections + mixing)}


def test_the_fast_path_of_a_transformer_layer_is_ruled() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.randn(3, 5, 8)
    with torch.inference_mode():
        calls = seen_below(lambda: layer(x))
    per_image = 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8 + 2 * 5 * 8 * 16
    assert ruled(calls) == {"_transformer_encoder_layer_fwd": 3 * per_image}


def test_the_onednn_kernel_of_an_lstm_is_ruled() -> None:
    layer = nn.LSTM(4, 5, 2)
    with torch.no_grad():
        calls = seen_below(lambda: layer(torch.randn(3, 2, 4)))
    if "mkldnn_rnn_layer" not in calls:
        pytest.skip("this build has no oneDNN")
    assert ruled(calls) == {"mkldnn_rnn_layer": 6 * 4 * (5 * 5 + 5 * 5)}  # the second layer


def test_convolutions_below_autograd_are_ruled() -> None:
    x = torch.randn(2, 4, 6, 6)
    forward = seen_below(lambda: nn.Conv2d(4, 6, 3, groups=2)(x))
    backward = seen_below(lambda: nn.ConvTranspose2d(4, 6, 3, groups=2)(x))
    assert ruled(forward) == {"convolution": 2 * 6 * (4 * 4) * (2 * 3 * 3)}
    assert ruled(backward) == {"convolution": 2 * (4 * 6 * 6) * (3 * 3 * 3)}


def test_a_bilinear_layer_below_autograd_is_ruled() -> None:
    layer = nn.Bilinear(3, 4, 5)
    calls = seen_below(lambda: layer(torch.randn(2, 3), torch.randn(2, 4)))
    assert ruled(calls) == {"_trilinear": 2 * 5 * 3 * 4}


def test_integer_and_weight_only_products_are_ruled() -> None:
    a, b = (torch.ones(shape, dtype=torch.int8) for shape in ((17, 16), (16, 8)))
    assert count(Runs(torch._int_mm), (a, b)).macs == 17 * 8 * 16
    x, w = torch.randn(3, 16, dtype=torch.bfloat16), torch.ones(8, 16, dtype=torch.int8)
    scales = torch.ones(8, dtype=torch.bfloat16)
    assert count(Runs(torch._weight_int8pack_mm), (x, w, scales)).macs == 3 * 8 * 16


class Experts(nn.Module):
    """Two experts; how many rows each gets is an input, or the network's own choice."""

    def __init__(self, *, chooses: bool = False, writes: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 8, 16, dtype=torch.bfloat16))
        self.chooses, self.writes = chooses, writes

    def forward(self, x: Tensor, ends: Tensor) -> Tensor:
        if self.chooses:
            mine = (x.sum(1) > 0).sum().to(torch.int32)
            chosen = torch.stack((mine, mine))
            ends = ends.clone().copy_(chosen) if self.writes else chosen
        return torch._grouped_mm(x, self.weight, offs=ends)


_needs_grouped_products = pytest.mark.skipif(
    not hasattr(torch, "_grouped_mm"), reason="this torch has no grouped products"
)


@_needs_grouped_products
@pytest.mark.parametrize("device", [None, "meta", "cpu"])
@pytest.mark.parametrize("ends", [(3, 7), (0, 10), (2, 2)])
def test_rows_after_the_last_offset_are_not_computed(
    device: str | None, ends: tuple[int, int]
) -> None:
    inputs = (torch.ones(10, 8, dtype=torch.bfloat16), torch.tensor(ends, dtype=torch.int32))
    counted = count(Experts(), inputs, device=device)
    assert (counted.macs, counted.uncounted) == (ends[1] * 8 * 16, ())


@_needs_grouped_products
@pytest.mark.parametrize("writes", [False, True])
def test_rows_count_in_full_where_nobody_knows_the_offsets(
    caplog: pytest.LogCaptureFixture, writes: bool
) -> None:
    inputs = (-torch.ones(10, 8, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.int32))
    assert count(Experts(chooses=True, writes=writes), inputs, device="meta").macs == 10 * 8 * 16
    assert "_grouped_mm is counted in full" in caplog.text
    assert count(Experts(chooses=True, writes=writes), inputs, device="cpu").macs == 0


def test_a_product_of_two_sparse_matrices_is_named() -> None:
    sparse = torch.eye(4).to_sparse()
    assert count(Runs(torch.sparse.mm), (sparse, sparse)).uncounted == ("_sparse_mm",)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize(("reduce", "macs"), [("sum", 4 * 3), ("mean", 4 * 3), ("amax", None)])
def test_products_that_are_compared_and_not_added_are_named(
    reduce: str, macs: int | None, gradients: bool
) -> None:
    sparse = torch.eye(4).to_sparse_csr()

    def reduced(x: Tensor) -> Tensor:
        with torch.inference_mode(not gradients), torch.set_grad_enabled(gradients):
            return torch.sparse.mm(sparse, x, reduce)

    counted = count(Runs(reduced), (torch.ones(4, 3),))
    assert (counted.macs, bool(counted.uncounted)) == (macs or 0, macs is None)


def test_a_bilinear_form_of_an_empty_batch_counts_nothing() -> None:
    layer = nn.Bilinear(3, 4, 5)
    calls = seen_below(lambda: layer(torch.zeros(0, 3), torch.zeros(0, 4)))
    assert ruled(calls) == {"_trilinear": 0}


def test_a_sparse_weight_counts_its_stored_elements() -> None:
    weight = torch.diag(torch.ones(6)).to_sparse_csr()
    counted = count(Runs(lambda x: torch.mm(weight, x)), (torch.randn(6, 3),))
    assert (counted.macs, counted.uncounted) == (6 * 3, ())


_deprecated = pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")


@_deprecated
def test_quantised_layers_count_like_plain_ones() -> None:
    quantised = torch.ao.quantization.quantize_dynamic(
        nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4)), {nn.Linear}
    )
    counted = count(quantised, (8,), batch_size=3)
    assert (counted.macs, counted.uncounted) == (3 * (6 * 8 + 4 * 6), ())


@_deprecated
def test_a_quantised_convolution_counts_like_a_plain_one() -> None:
    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter = torch.ao.quantization.QuantStub()
            self.layer = nn.Conv2d(4, 6, 3, groups=2)
            self.leave = torch.ao.quantization.DeQuantStub()

        def forward(self, x: Tensor) -> Tensor:
            return self.leave(self.layer(self.enter(x)))

    network: Any = Stack().eval()
    network.qconfig = torch.ao.quantization.default_qconfig
    torch.ao.quantization.prepare(network, inplace=True)
    network(torch.randn(1, 4, 5, 5))
    torch.ao.quantization.convert(network, inplace=True)
    counted = count(network, (4, 5, 5))
    assert (counted.macs, counted.uncounted) == (6 * (3 * 3) * (2 * 3 * 3), ())


def test_a_tensor_class_with_a_dispatch_of_its_own_shows_its_parts() -> None:
    class Doubled(Tensor):
        """Holds half of itself."""

        @staticmethod
        def __new__(cls, half: Tensor) -> Doubled:
            return Tensor._make_wrapper_subclass(cls, half.shape, dtype=half.dtype)

        def __init__(self, half: Tensor) -> None:
            self.mine = half

        @classmethod
        def __torch_dispatch__(  # type: ignore[override]
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            plain = [a.mine * 2 if isinstance(a, Doubled) else a for a in args]
            return func(*plain, **(kwargs or {}))

    counted = count(Runs(lambda x: torch.mm(Doubled(x), torch.ones(4, 5))), (4,), batch_size=3)
    assert (counted.macs, counted.uncounted) == (3 * 5 * 4, ())


@needs_higher_order_operators
def test_flex_attention_counts_like_attention() -> None:
    flex = pytest.importorskip("torch.nn.attention.flex_attention").flex_attention
    q, k = torch.randn(1, 2, 6, 8), torch.randn(1, 2, 4, 8)
    counted = count(Runs(flex), (q, k, k))
    assert (counted.macs, counted.uncounted) == (2 * (6 * 4 * 8 + 6 * 8 * 4), ())


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(8, 8), nn.Linear(8, 80)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cond(
            x.sum() > 0,
            lambda x: self.small(x),
            lambda x: self.large(x)[:, :8].contiguous(),
            (x,),
        )


@needs_higher_order_operators
@pytest.mark.parametrize(("value", "macs"), [(1.0, 8 * 8), (-1.0, 80 * 8)])
def test_only_the_branch_that_runs_counts(value: float, macs: int) -> None:
    counted = count(Branches(), (torch.full((1, 8), value),))
    assert (counted.macs, counted.uncounted, counted.device) == (macs, (), "cpu")


@needs_higher_order_operators
def test_a_loop_counts_as_many_rounds_as_it_runs() -> None:
    loop = pytest.importorskip("torch._higher_order_ops").while_loop
    layer = nn.Linear(8, 8)

    def rounds(x: Tensor) -> Tensor:
        go_on, body = lambda i, x: i < 3, lambda i, x: (i + 1, layer(x))
        return loop(go_on, body, (torch.tensor(0), x))[1]

    counted = count(Runs(rounds), (8,))
    assert (counted.macs, counted.uncounted) == (3 * 8 * 8, ())


def test_numbers_of_a_batch_that_is_empty_are_zero() -> None:
    assert count(nn.Linear(8, 5), (torch.zeros(0, 8),)).macs == 0


def test_results_are_plain_integers() -> None:
    counted = count(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5)), (3, 8, 8))
    numbers = [counted.macs, counted.params, counted.activations, counted.peak_activation_bytes]
    numbers += [row.macs for row in counted.operators] + [row.macs for row in counted.modules]
    assert {type(number) for number in numbers} == {int}
    assert not any(isinstance(number, np.integer) for number in numbers)
