"""Rules that users register for operators of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from opbench.conventions import COMPUTED, tally, trace
from opbench.counting import count, rule
from opbench.counting.rules import registered
from opbench.errors import BadValueError, RuleError
from opbench.record import Count


@torch.library.custom_op("opbench_rules::gemm", mutates_args=())
def gemm(x: Tensor, weight: Tensor, bias: Tensor | None = None, scale: float = 1.0) -> Tensor:
    return x @ weight * scale


@gemm.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None = None, scale: float = 1.0) -> Tensor:
    return x.new_empty(len(x), weight.shape[1])


@torch.library.custom_op("opbench_rules::opaque", mutates_args=())
def opaque(x: Tensor) -> Tensor:
    return x.clone()


class Net(nn.Module):
    """3 x 4 times 4 x 5, by an operator of somebody's own, and a linear layer."""

    def __init__(self, operator: Callable[..., Tensor] = gemm, **settings: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 5))
        self.layer = nn.Linear(5, 6)
        self.operator, self.settings = operator, settings

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.operator(x, self.weight, **self.settings))


LAYER = 3 * 5 * 6
BOTH = 3 * 4 * 5 + LAYER


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registered, "_DECORATED", {})
    registered._import_package.cache_clear()
    yield
    registered._import_package.cache_clear()


def _counted(network: nn.Module | None = None) -> Count:
    return count(network or Net(), (4,), batch_size=3)


def test_without_a_rule_the_operator_is_named() -> None:
    assert (_counted().macs, _counted().uncounted) == (LAYER, ("opbench_rules::gemm",))


def test_a_rule_counts_from_the_next_pass_on() -> None:
    assert _counted().macs == LAYER

    @rule("opbench_rules::gemm")
    def macs(x: Tensor, out: Tensor) -> int:
        return out.numel() * x.shape[-1]

    assert (_counted().macs, _counted().uncounted, _counted().device) == (BOTH, (), "meta")
    row = next(each for each in _counted().operators if each.operator == "opbench_rules::gemm")
    assert (row.macs, row.calls, row.shape) == (3 * 4 * 5, 1, "3x4 * 4x5 -> 3x5")


def test_the_decorated_function_stays_what_it_is() -> None:
    @rule("opbench_rules::gemm")
    def macs(x: Tensor) -> int:
        return x.numel()

    assert macs(torch.zeros(7)) == 7


def test_a_rule_sees_defaults_and_keywords_by_their_names() -> None:
    seen: list[tuple[Any, ...]] = []

    @rule("opbench_rules::gemm")
    def macs(scale: float, bias: Tensor | None, weight: Tensor) -> int:
        seen.append((scale, bias, tuple(weight.shape)))
        return 0

    _counted()
    _counted(Net(scale=2.0))
    assert seen == [(1.0, None, (4, 5)), (2.0, None, (4, 5))]


def test_a_rule_may_take_everything() -> None:
    @rule("opbench_rules::gemm")
    def macs(out: Tensor, **rest: Any) -> int:
        return out.numel() * len(rest)

    assert _counted().macs == LAYER + (3 * 5) * 4


def test_a_layer_counts_its_activations() -> None:
    before = _counted().activations
    rule("opbench_rules::gemm", layer=True)(lambda out: out.numel() * 4)
    assert _counted().activations == before + 3 * 5


def test_integers_of_numpy_are_integers() -> None:
    rule("opbench_rules::gemm")(lambda out: np.int64(7))
    assert _counted().macs == LAYER + 7
    assert type(_counted().macs) is int


def test_a_call_that_is_not_covered_is_named() -> None:
    @rule("opbench_rules::gemm")
    def macs(bias: Tensor | None) -> int:
        if bias is None:
            raise NotImplementedError("only with a bias")
        return 1

    assert (_counted().macs, _counted().uncounted) == (LAYER, ("opbench_rules::gemm",))


@pytest.mark.parametrize("wrong", [-1, 1.5, None, True, "7", torch.ones(2)], ids=repr)
def test_a_rule_returns_a_whole_number(wrong: Any) -> None:
    rule("opbench_rules::gemm")(lambda out: wrong)
    with pytest.raises(RuleError, match="must return a whole number, 0 or more, not ") as caught:
        _counted()
    assert "opbench_rules::gemm (test_registered.py:" in str(caught.value)


def test_an_error_in_a_rule_is_a_sentence_that_a_network_does_not_catch() -> None:
    class Careful(Net):
        def forward(self, x: Tensor) -> Tensor:
            try:
                return super().forward(x)
            except Exception:  # noqa: BLE001  as some networks do
                return x

    rule("opbench_rules::gemm")(lambda weight: weight.shape[7])
    with pytest.raises(RuleError, match=r"opbench_rules::gemm .* fails: IndexError"):
        _counted(Careful())


def test_a_parameter_that_the_operator_lacks_is_named() -> None:
    rule("opbench_rules::gemm")(lambda x, w: 1)
    with pytest.raises(RuleError, match="takes 'w', which is no argument of opbench_rules::gemm"):
        _counted()
    registered._DECORATED.clear()
    rule("opbench_rules::gemm")(lambda *args: 1)
    with pytest.raises(RuleError, match=r"takes \*args: name the arguments of opbench_rules::gemm"):
        _counted()


@pytest.mark.parametrize("name", ["gemm", "", "a::b::c", "a:b", "a::", "::b", "a.b"])
def test_the_name_of_an_operator_has_a_namespace(name: str) -> None:
    with pytest.raises(BadValueError, match='named as in "mylib::gemm"'):
        rule(name)


@pytest.mark.parametrize("name", ["aten::mm", "quantized::linear"])
def test_a_rule_of_opbench_stays(name: str) -> None:
    with pytest.raises(BadValueError, match=f"{name} has a rule of opbench"):
        rule(name)


def test_two_rules_for_one_operator_are_refused() -> None:
    rule("opbench_rules::gemm")(lambda out: 1)
    with pytest.raises(BadValueError, match="is the second: remove the counting rule"):
        rule("opbench_rules::gemm")(lambda out: 2)


def test_a_named_decomposition_of_torch_may_get_a_rule() -> None:
    class Transform(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.rfft(x)

    assert _counted(Transform()).uncounted == ("_fft_r2c",)
    rule("aten::_fft_r2c")(lambda self, dim: self.numel() * 2)
    assert (_counted(Transform()).macs, _counted(Transform()).uncounted) == (3 * 4 * 2, ())


def test_an_operator_in_parts_or_free_by_its_name_follows_its_rule() -> None:
    library = torch.library.Library("opbench_rules_too", "DEF")
    library.define("composite(Tensor x, Tensor w) -> Tensor")
    library.impl("composite", lambda x, w: x @ w, "CompositeImplicitAutograd")
    library.define("quantize_per_tensor(Tensor x, Tensor w) -> Tensor", tags=torch.Tag.pointwise)
    library.impl("quantize_per_tensor", lambda x, w: x.new_empty(len(x), 5), "Meta")
    there = torch.ops.opbench_rules_too
    assert _counted(Net(there.composite)).macs == BOTH
    assert _counted(Net(there.quantize_per_tensor)).macs == LAYER
    rule("opbench_rules_too::composite")(lambda out: 1)
    rule("opbench_rules_too::quantize_per_tensor")(lambda out: 2)
    assert _counted(Net(there.composite)).macs == LAYER + 1
    assert _counted(Net(there.quantize_per_tensor)).macs == LAYER + 2
    library._destroy()


@pytest.mark.skipif(not hasattr(torch.library, "triton_op"), reason="this torch has no triton_op")
def test_a_triton_operator_is_named_or_follows_its_rule() -> None:
    @torch.library.triton_op("opbench_rules::kernel", mutates_args=())
    def kernel(x: Tensor, weight: Tensor) -> Tensor:
        return x @ weight

    assert _counted(Net(kernel)).uncounted == ("opbench_rules::kernel",)
    rule("opbench_rules::kernel")(lambda x, out: out.numel() * x.shape[1])
    assert (_counted(Net(kernel)).macs, _counted(Net(kernel)).uncounted) == (BOTH, ())


def test_an_operator_that_changes_its_argument_follows_its_rule() -> None:
    @torch.library.custom_op("opbench_rules::into", mutates_args=("y",))
    def into(x: Tensor, y: Tensor) -> None:
        y.copy_(x @ x.t())

    class Into(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x.new_zeros(3, 3)
            into(x, y)
            return y

    assert _counted(Into()).uncounted == ("opbench_rules::into",)
    rule("opbench_rules::into")(lambda x, y: y.numel() * x.shape[1])
    assert (_counted(Into()).macs, _counted(Into()).uncounted) == (3 * 3 * 4, ())


# -- packages -------------------------------------------------------------------------------------


def _installed(monkeypatch: pytest.MonkeyPatch, value: str) -> list[str]:
    """Pretend that a package names ``value`` for operators of ``opbench_rules``."""
    asked: list[str] = []

    def entry_points(*, group: str, name: str) -> list[EntryPoint]:
        asked.append(name)
        assert group == "opbench.rules"
        return [EntryPoint(name, value, group)] if name == "opbench_rules" else []

    monkeypatch.setattr(registered, "entry_points", entry_points)
    return asked


def test_a_package_brings_the_rules_of_its_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opbench_rules_package.py").write_text(
        "from opbench.counting import rule\n"
        "@rule('opbench_rules::gemm')\n"
        "def macs(x, out):\n"
        "    return out.numel() * x.shape[-1]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    asked = _installed(monkeypatch, "opbench_rules_package")
    assert (_counted().macs, _counted().uncounted) == (BOTH, ())
    assert asked == ["opbench_rules"]  # once, and not for torch's own
    del sys.modules["opbench_rules_package"]


def test_a_package_that_does_not_load_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, "opbench_no_such_package")
    with pytest.raises(RuleError, match=r"entry point opbench_rules = .* fix or uninstall"):
        _counted()


def test_a_network_without_such_operators_imports_no_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = _installed(monkeypatch, "opbench_no_such_package")
    assert count(nn.Linear(4, 5), (4,)).macs == 4 * 5
    assert asked == []


def test_the_other_conventions_follow_the_rule() -> None:
    rule("opbench_rules::gemm")(lambda x, out: out.numel() * x.shape[-1])
    recorded = trace(Net, (4,), batch_size=3)
    totals = {name: tally(COMPUTED[name], recorded).total for name in ("mac", "flop")}
    assert totals == {"mac": BOTH, "flop": 2 * BOTH}
