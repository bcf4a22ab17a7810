"""Each operator that torch has: ruled, free, taken apart, or named; none by accident.

The lists here are made by hand and know nothing of the rules: an operator of a new torch that no
kind, rule or decomposition covers, or that is free although its name sounds like a product, fails a
test until someone has looked at it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from opbench.counting import count
from opbench.counting.rules.free import FREE
from opbench.counting.rules.kinds import is_free, kind_of, operator_name
from opbench.counting.rules.operator_rule import OperatorRule
from opbench.counting.rules.parts import is_implicit, parts_of
from opbench.counting.tracing.tracer import Treatment, treatment_of

_named_after_torch_2_13 = pytest.mark.skipif(
    torch.__version__ < "2.13", reason="the lists name operators of torch 2.13"
)

# Words of products, transforms and decompositions in the name of an operator.
_PRODUCTS_NAMES = """
mm bmm addmm baddbmm addbmm addmv mv dot vdot vecdot matmul inner outer ger kron addr gemm
fbgemm linear qlinear bilinear trilinear conv convolution qconv attention sdp rnn lstm gru
einsum tensordot fft stft istft svd svdvals eig eigh eigvals qr lu cholesky inv inverse pinv
pinverse det logdet slogdet solve lstsq matrix householder geqrf ormqr orgqr bag combination
cov corrcoef smm hspmm sspaddmm sampled
"""
_PRODUCTS = frozenset(_PRODUCTS_NAMES.split())

# Free although their names have such words, and why.
_INNOCENT = {
    "a weight is prepared for a kernel": (
        "*prepack*",
        "*unpack*",
        "*reorder*",
        "*rnn_flatten_weight",
        "_quantized::wrapped_fbgemm_pack_gemm_matrix_fp16",
    ),
    "the setting of a packed weight is read": (
        *("quantized::conv*_dilation", "quantized::conv*_groups", "quantized::conv*_padding"),
        *("quantized::conv*_stride", "quantized::conv?d_transpose"),
        "quantized::conv_transpose?d_transpose",
    ),
    "interpolation": ("*upsample_*linear?d*",),
    "the gates of a cell, after its products": ("_thnn_fused_*_cell*",),
    "a view": ("matrix_H", "slice_inverse", "export::access_subclass_inner_tensor"),
    "frequencies and their order": ("fft_*freq", "fft_*shift"),
    "a kernel is chosen": ("_fused_sdp_choice",),
    "an outer product has no sum": ("addr",),
}

# They have such words and no kernel of their own: what they call is counted.
_TAKEN_APART_NAMES = """
_convolution_double_backward _embedding_bag_sparse_backward _lu_with_info
_thnn_differentiable_gru_cell_backward _thnn_differentiable_lstm_cell_backward
_thnn_fused_lstm_cell_backward _wrapped_quantized_linear_prepacked chain_matmul
conv_tbc_backward corrcoef cov det einsum fbgemm_linear_quantize_weight
fbgemm_pack_gemm_matrix_fp16 fbgemm_pack_quantized_matrix fft_fft fft_fft2 fft_fftn fft_hfft
fft_hfft2 fft_hfftn fft_ifft fft_ifft2 fft_ifftn fft_ihfft fft_ihfft2 fft_ihfftn fft_irfft
fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn ger inductor::_mm_plus_mm inner inverse
istft kron linalg_cholesky linalg_det linalg_eigh linalg_eigvals linalg_inv linalg_lu_factor
linalg_matrix_norm linalg_matrix_power linalg_matrix_rank linalg_multi_dot linalg_pinv
linalg_slogdet linalg_solve linalg_solve_ex linalg_svd linalg_svdvals linalg_vecdot logdet
lu_solve matrix_exp matrix_exp_backward matrix_power orgqr outer pinverse prims::erf_inv
prims::fft_c2c prims::fft_c2r prims::fft_r2c prims::svd qr slogdet smm stft svd
tensordot
"""
_TAKEN_APART = frozenset(_TAKEN_APART_NAMES.split())

# Without a rule: no agreed number of multiply-adds, or one that depends on the values.
_NAMED_NAMES = """
_cholesky_solve_helper _cslt_sparse_mm_search _fft_c2c _fft_c2r _fft_r2c _linalg_det
_linalg_eigh _linalg_eigvals _linalg_slogdet _linalg_solve_ex _linalg_svd
_sparse_mm_reduce_impl_backward _sparse_sparse_matmul _spsolve cholesky cholesky_inverse
cholesky_solve geqrf linalg_cholesky_ex linalg_eig linalg_householder_product linalg_inv_ex
linalg_ldl_factor_ex linalg_ldl_solve linalg_lstsq linalg_lu linalg_lu_factor_ex
linalg_lu_solve linalg_matrix_exp linalg_pinv linalg_qr linalg_solve_triangular ormqr
symm_mem::fused_all_gather_matmul symm_mem::fused_all_gather_scaled_matmul
symm_mem::fused_matmul_reduce_scatter symm_mem::fused_scaled_matmul_reduce_scatter
triangular_solve
"""
_NAMED = frozenset(_NAMED_NAMES.split())
# Parts of torch that a network does not call: its static runtime, its own tests, remote calls,
# contexts of mobile phones; other packages, and what tests define.
_NOT_MET = re.compile(
    r"(prim|rpc|image|torchvision|_test|_inductor_test|opbench\w*|static_runtime|mkldnn_prepacked|_native"
    r"|onnx_symbolic)::|(aten::)?(_test|_foobar)"
)


@cache
def _operators() -> dict[Any, dict[str, list[OpOverload]]]:
    """Return the operators that torch registers, by treatment and name."""
    for module in ("ao.quantization.fx._decomposed", "_prims", "nn.attention.varlen"):
        with suppress(ImportError):  # not in every torch
            import_module(f"torch.{module}")
    found: dict[Any, dict[str, list[OpOverload]]] = defaultdict(lambda: defaultdict(list))
    for schema in torch._C._jit_get_all_schemas():
        namespace, _, name = schema.name.partition("::")
        full = schema.name + (f".{schema.overload_name}" if schema.overload_name else "")
        if _NOT_MET.match(schema.name) or not torch._C._dispatch_has_kernel(full):
            continue
        packet = getattr(getattr(torch.ops, namespace), name, None)
        if packet is None or any(each.is_out for each in schema.arguments):
            continue
        operator = getattr(packet, schema.overload_name or "default")
        treatment = treatment_of(operator)
        found[type(treatment) if isinstance(treatment, OperatorRule) else treatment][
            operator_name(operator)
        ].append(operator)
    return found


def _sounds_like_a_product(name: str) -> bool:
    return bool(_PRODUCTS & set(re.findall("[a-z]+", name)))


def _is_innocent(name: str) -> bool:
    return any(fnmatchcase(name, glob) for globs in _INNOCENT.values() for glob in globs)


def test_the_walk_meets_all_of_torch() -> None:
    sizes = {key: len(names) for key, names in _operators().items()}
    assert sizes[OperatorRule] >= 100
    assert sizes[Treatment.FREE] >= 900
    assert sizes[Treatment.COMPOSITE] >= 100


@_named_after_torch_2_13
def test_an_operator_without_a_rule_is_known_to_have_none() -> None:
    assert set(_operators()[Treatment.UNKNOWN]) <= _NAMED


def test_no_free_operator_sounds_like_a_product() -> None:
    free = filter(_sounds_like_a_product, _operators()[Treatment.FREE])
    assert [name for name in free if not _is_innocent(name)] == []


@_named_after_torch_2_13
def test_a_product_that_is_taken_apart_is_known() -> None:
    composite = filter(_sounds_like_a_product, _operators()[Treatment.COMPOSITE])
    assert set(composite) <= _TAKEN_APART


@_named_after_torch_2_13
def test_no_operator_of_aten_needs_the_table_of_decompositions() -> None:
    """A decomposition may write a product as a multiplication and a sum: it is to be looked at."""
    composite = _operators()[Treatment.COMPOSITE]
    explicit = {name for name, each in composite.items() if not all(map(is_implicit, each))}
    assert {name for name in explicit if "::" not in name} == set()


@_named_after_torch_2_13
def test_the_list_names_nothing_that_a_kind_tells() -> None:
    free = _operators()[Treatment.FREE]
    kinds = {name: {kind_of(each) for each in free[name]} for name in FREE & set(free)}
    # "variant" may come from the listed name itself, as the form of another that is listed.
    assert {name for name, found in kinds.items() if not found & {None, "variant"}} == set()


def test_decompositions_are_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that nobody knows counts the operators that torch's table writes it in."""
    monkeypatch.setattr(
        "opbench.counting.tracing.tracer.FREE", FREE - {"layer_norm", "native_layer_norm"}
    )
    monkeypatch.setattr("opbench.counting.tracing.tracer._KNOWN", {})
    assert treatment_of(torch.ops.aten.native_layer_norm.default) is Treatment.COMPOSITE
    counted = count(Runs(lambda x: nn.functional.layer_norm(x @ x.t(), (3,))), (4,), batch_size=3)
    assert (counted.macs, counted.uncounted) == (3 * 3 * 4, ())


# -- networks -------------------------------------------------------------------------------------


class Runs(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.layer = nn.Linear(4, 5).requires_grad_(False)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


class Gradient(Runs):
    """The gradient of a scalar for the input: as many products as the forward pass."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.function(self.layer(x)).sum(), x)[0]


_TARGETS = torch.zeros(6, dtype=torch.int64)
_F = nn.functional
_LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "gelu": _F.gelu,
    "softplus": _F.softplus,
    "elu": _F.elu,
    "leaky relu": _F.leaky_relu,
    "layer norm": lambda x: _F.layer_norm(x, (5,)),
    "softmax": lambda x: x.softmax(1).square(),
    "log softmax": lambda x: x.log_softmax(1),
    "average pooling": lambda x: _F.avg_pool1d(x[None], 2),
    "max pooling": lambda x: _F.max_pool2d(x[None, None], 2),
    "adaptive pooling": lambda x: _F.adaptive_avg_pool2d(x[None, None], 3),
    "interpolation": lambda x: _F.interpolate(x[None], scale_factor=2.0, mode="linear"),
    "padding": lambda x: _F.pad(x[None], (1, 1), mode="reflect"),
    "slicing": lambda x: x[1:, 2:4].cumsum(0),
    "cross entropy": lambda x: _F.cross_entropy(x, _TARGETS),
    "squared error": lambda x: _F.mse_loss(x, torch.ones(6, 5)),
    "absolute error": lambda x: _F.smooth_l1_loss(x, torch.ones(6, 5)),
    "divergence": lambda x: _F.kl_div(x.log_softmax(1), torch.ones(6, 5), reduction="sum"),
    "binary cross entropy": lambda x: _F.binary_cross_entropy(x.sigmoid(), torch.ones(6, 5)),
    "margins": lambda x: _F.multi_margin_loss(x, _TARGETS),
}


@pytest.mark.parametrize("loss", _LOSSES.values(), ids=_LOSSES)
def test_the_gradient_of_a_free_operator_is_free(loss: Callable[[Tensor], Tensor]) -> None:
    counted = count(Gradient(loss), (4,), batch_size=6, device="cpu")
    assert (counted.macs, counted.uncounted) == (2 * 6 * 4 * 5, ())


@pytest.mark.filterwarnings("ignore:Deterministic")
def test_an_alignment_loss_is_free() -> None:
    lengths = torch.tensor([6])

    def aligned(x: Tensor) -> Tensor:
        return _F.ctc_loss(x.log_softmax(1)[:, None], torch.tensor([[1, 2]]), lengths, lengths // 3)

    counted = count(Gradient(aligned), (4,), batch_size=6, device="cpu")
    assert (counted.macs, counted.uncounted) == (2 * 6 * 4 * 5, ())


def _profiled(x: Tensor) -> Tensor:
    with torch.profiler.record_function("a region"):
        return x @ x.t()


def test_a_region_of_a_profile_is_free() -> None:
    counted = count(Runs(_profiled), (4,), batch_size=3)
    assert (counted.macs, counted.uncounted, counted.device) == (3 * 3 * 4, (), "meta")


def _quantised(x: Tensor) -> Tensor:
    import_module("torch.ao.quantization.fx._decomposed")
    there = torch.ops.quantized_decomposed
    whole = there.quantize_per_tensor(x, 0.1, 0, -128, 127, torch.int8)
    rows = there.dequantize_per_tensor(whole, 0.1, 0, -128, 127, torch.int8)
    scales, zeros = torch.ones(3), torch.zeros(3, dtype=torch.int64)
    by_row = there.quantize_per_channel(rows, scales, zeros, 0, -128, 127, torch.int8)
    back = there.dequantize_per_channel(by_row, scales, zeros, 0, -128, 127, torch.int8)
    return back @ back.t()


def test_quantised_and_back_is_free() -> None:
    counted = count(Runs(_quantised), (4,), batch_size=3)
    assert (counted.macs, counted.uncounted) == (3 * 3 * 4, ())


def test_an_operator_that_torch_writes_in_python_is_taken_apart() -> None:
    import_module("torch._prims")
    there = torch.ops.prims
    counted = count(Runs(lambda x: there.rev(x @ x.t(), [0])), (4,), batch_size=3)
    assert (counted.macs, counted.uncounted) == (3 * 3 * 4, ())
    transformed = count(Runs(lambda x: there.fft_r2c(x, dim=[1], onesided=True)), (4,))
    assert transformed.uncounted == ("_fft_r2c",)


@pytest.mark.skipif(
    not hasattr(_F, "linear_cross_entropy"), reason="this torch has no linear_cross_entropy"
)
def test_a_loss_with_its_linear_layer_counts_the_layer() -> None:
    inputs = (torch.ones(6, 4), torch.ones(5, 4))
    counted = count(Runs(lambda x, w: _F.linear_cross_entropy(x, w, _TARGETS)), inputs)
    assert (counted.macs, counted.uncounted) == (6 * 4 * 5, ())


def test_a_legacy_quantised_layer_counts_the_products_that_it_does_itself() -> None:
    """Its kernel is registered as composite, and multiplies by itself."""
    names = [name for name in _operators()[OperatorRule] if name.startswith("fbgemm_linear")]
    assert len(names) >= 4
    assert all(is_implicit(each) for name in names for each in _operators()[OperatorRule][name])


# -- operators of other packages ------------------------------------------------------------------


@pytest.fixture
def theirs() -> Iterator[torch.library.Library]:
    library = torch.library.Library("opbench_kinds", "FRAGMENT")
    yield library
    library._destroy()


def _define(library: torch.library.Library, schema: str, **settings: Any) -> OpOverload:
    library.define(schema, **settings)
    name = schema.partition("(")[0]
    operator: OpOverload = getattr(torch.ops.opbench_kinds, name).default
    return operator


@pytest.mark.parametrize(
    "schema",
    [
        "opaque(Tensor x) -> Tensor",
        "relu(Tensor x) -> Tensor",
        "relu_backward(Tensor grad, Tensor x) -> Tensor",
        "into(Tensor(a!) out, Tensor x, Tensor y) -> ()",
        "loss(Tensor x, Tensor y) -> float",
        "seen(Tensor(a) x) -> Tensor(a)",
        "quantize_matmul(Tensor x, Tensor y) -> Tensor",
        "dequantize_linear_per_tensor(Tensor x, Tensor y) -> Tensor",
        "linear_prepack(Tensor x) -> Tensor",
    ],
)
def test_an_operator_of_another_package_is_named(
    theirs: torch.library.Library, schema: str
) -> None:
    assert treatment_of(_define(theirs, schema)) is Treatment.UNKNOWN


@pytest.mark.parametrize(
    "schema",
    [
        "quantize_per_tensor(Tensor x, float scale) -> Tensor",
        "dequantize_affine(Tensor x, Tensor scale) -> Tensor",
        "quantize_affine_float8(Tensor x, Tensor scale) -> Tensor",
        "dequantize_affine_float8_non_decomposed(Tensor x, Tensor scale) -> Tensor",
        "choose_qparams_affine(Tensor x) -> (Tensor, Tensor)",
        "fake_quantize_per_channel_affine(Tensor x, Tensor scale) -> Tensor",
    ],
)
def test_quantisation_of_another_package_is_free(
    theirs: torch.library.Library, schema: str
) -> None:
    assert treatment_of(_define(theirs, schema)) is Treatment.FREE


def test_an_operator_that_is_declared_elementwise_is_free(theirs: torch.library.Library) -> None:
    tagged = {"tags": (torch.Tag.pointwise,)}
    assert treatment_of(_define(theirs, "gate(Tensor x) -> Tensor", **tagged)) is Treatment.FREE
    product = _define(theirs, "gated_mm(Tensor x, Tensor y) -> Tensor", **tagged)
    assert treatment_of(product) is Treatment.UNKNOWN


def test_an_opaque_operator_has_no_parts(theirs: torch.library.Library) -> None:
    assert parts_of(_define(theirs, "other(Tensor x) -> Tensor")) is None


def test_names_of_the_second_count_are_judged_alike() -> None:
    assert is_free("relu")
    assert is_free("tanh_backward")
    assert not is_free("mm")
    assert not is_free("prim::PythonOp")
    assert not is_free("no_such_operator")
