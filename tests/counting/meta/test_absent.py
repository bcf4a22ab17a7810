"""A network that names a device which is not here is counted as if it did not."""

from __future__ import annotations

from collections.abc import Callable
from tokenize import TokenError
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parallel import parallel_apply

from opbench.conventions.forward import trace
from opbench.counting import build_and_count, count
from opbench.errors import CountError, TargetError

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="the device is here")

CUDA: Any = torch.cuda
ROWS = 3
ONE = ROWS * 4 * 5


class Runs(nn.Module):
    def __init__(self, run: Callable[[nn.Linear, Tensor], Any]) -> None:
        super().__init__()
        self.head = nn.Linear(4, 5)
        self.run = run

    def forward(self, x: Tensor) -> Any:
        return self.run(self.head, x)


def in_contexts(head: nn.Linear, x: Tensor) -> Tensor:
    stream = torch.cuda.Stream()
    with torch.cuda.device(0), torch.cuda.stream(stream), torch.cuda.nvtx.range("head"):
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        out: Tensor = head(x)
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    return out


def cast(head: nn.Linear, x: Tensor) -> Tensor:
    with torch.autocast("cuda"), torch.cuda.amp.autocast():
        out: Tensor = head(x.cuda())
    return out


def asserts(head: nn.Linear, x: Tensor) -> Tensor:
    assert x.is_cuda and x.get_device() == 0
    out: Tensor = head(x)
    assert out.device == head.weight.device == torch.device("cuda:0")
    assert not out.is_cpu and out.type() == "torch.cuda.FloatTensor"
    return out


def refuses(head: nn.Linear, x: Tensor) -> Tensor:
    if x.cuda().device.type != "cuda" or not torch.cuda.is_available():
        raise NotImplementedError("kernels of Triton need CUDA")
    out: Tensor = head(x.to(torch.device(0))) + torch.ones(5, device=x.device)
    return out


RUNS: dict[str, Callable[[nn.Linear, Tensor], Any]] = {
    "made on cuda": lambda head, x: head(x) * torch.ones(5, device="cuda"),
    "made on a device by number": lambda head, x: head(x) * torch.ones(5, device=0),
    "made on a torch.device": lambda head, x: (
        head(x) + torch.zeros(5, device=torch.device("cuda:0"))
    ),
    "large, made on cuda": lambda head, x: (
        head(x) + torch.randn(ROWS, 5, 1000, device="cuda")[..., 0]
    ),
    "values made on cuda": lambda head, x: head(x[torch.tensor([0, 1, 2], device="cuda")]),
    "moved by cuda()": lambda head, x: head.cuda()(x.cuda()),
    "moved by cuda(0)": lambda head, x: head.cuda(0)(x.cuda(0, non_blocking=True)),
    "moved by to": lambda head, x: head.to("cuda:0")(x.to("cuda:0", torch.float32)),
    "moved by to with a name": lambda head, x: head.to(device="cuda")(x.to(device="cuda")),
    "moved by to with a number": lambda head, x: head(x.to(0)),
    "moved to mps": lambda head, x: head.to("mps")(x.to("mps")),
    "moved to xpu": lambda head, x: head(x.to("xpu")),
    "pinned": lambda head, x: head(x.cpu().pin_memory()),
    "made pinned": lambda head, x: head(x) + torch.zeros(5, pin_memory=True),
    "type of tensors": lambda head, x: head(x) + CUDA.FloatTensor(5).fill_(0),
    "name of a type of tensors": lambda head, x: head(x.type("torch.cuda.FloatTensor")),
    "contexts": in_contexts,
    "autocast": cast,
    "number of its device": lambda head, x: head(x.cuda()).new_zeros(x.get_device() + 2),
    "number of the device": lambda head, x: head(x.to(torch.cuda.current_device())),
    "compute capability": lambda head, x: head(x) if CUDA.get_device_capability()[0] >= 7 else x,
    "memory": lambda head, x: head(x) if CUDA.get_device_properties(0).total_memory > 1 else x,
    "device by number": lambda head, x: head(x) + torch.ones(5, device=torch.device(0)),
    "class of tensors": lambda head, x: (
        head(x) if isinstance(CUDA.FloatTensor(3), CUDA.FloatTensor) else x
    ),
    "asserts": asserts,
    "raises": refuses,
    "generator": lambda head, x: (
        head(x) + torch.rand(5, generator=torch.Generator("cuda").manual_seed(1), device="cuda")
    ),
    "parallel_apply": lambda head, x: parallel_apply([head], [x]),
}


@pytest.mark.filterwarnings("ignore:.*(CUDA is not available|torch.cuda.amp|torch.cuda.*Tensor)")
@pytest.mark.parametrize("run", RUNS, ids=str)
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_device_that_is_not_here_means_nothing(run: str, device: str) -> None:
    counted = count(Runs(RUNS[run]), (torch.ones(ROWS, 4),), device=device)
    assert (counted.macs, counted.device, counted.uncounted) == (ONE, device, ())


def test_modules_in_parallel_are_counted() -> None:
    network = Runs(lambda head, x: parallel_apply([head, head], [x, x]))
    assert count(network, (torch.ones(ROWS, 4),)).macs == 2 * ONE


@pytest.mark.parametrize(
    "construct",
    [
        lambda: nn.Linear(4, 5, device="cuda"),
        lambda: nn.Linear(4, 5).cuda(),
        lambda: nn.Sequential(nn.Linear(4, 5)).to(torch.device("cuda")),
        lambda: nn.Linear(4, 5).to("cpu"),
        lambda: [torch.Generator(device="cuda"), nn.Linear(4, 5)][1],
    ],
    ids=["device=", "cuda()", "to", "to the CPU", "generator"],
)
def test_a_constructor_may_name_it(construct: Callable[[], nn.Module]) -> None:
    for device in ("meta", "cpu"):
        counted = build_and_count(construct, (torch.ones(ROWS, 4),), device=device)
        assert (counted.macs, counted.device) == (ONE, device)


def test_no_weights_are_allocated_there_either() -> None:
    wide = 10**6
    counted = build_and_count(lambda: nn.Linear(wide, wide, bias=False).cuda(), (wide,))
    assert (counted.macs, counted.device) == (wide**2, "meta")


def test_other_conventions_know_it_too() -> None:
    calls = trace(lambda: Runs(RUNS["made on cuda"]), (torch.ones(ROWS, 4),))
    assert [call.name for call in calls if call.name == "linear"] == ["linear"]


def test_a_network_that_needs_values_too_is_counted_with_them() -> None:
    network = Runs(lambda head, x: head(x.cuda()) if x.cuda().sum().item() > 0 else x)
    counted = count(network, (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (ONE, "cpu")


def test_a_network_that_chooses_by_whether_a_device_is_here_is_told_the_truth() -> None:
    assert count(Runs(lambda head, x: x if torch.cuda.is_available() else head(x)), (4,)).macs == 20


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_network_that_refuses_to_run_without_one_says_how_it_was_counted(
    device: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It has no way of this machine that could be counted instead: nothing is counted wrongly."""

    def needs(head: nn.Linear, x: Tensor) -> Any:
        assert torch.cuda.is_available(), "needs a GPU of 80 GB"
        return head(x)

    counted = count(Runs(needs), (torch.ones(ROWS, 4),), device=device)
    assert counted.macs == ONE
    assert "needs a GPU of 80 GB" in counted.fallback
    assert "counted as on a GPU, which is not here: AssertionError: needs a GPU" in caplog.text


def honest_shapes(head: nn.Linear, x: Tensor) -> Any:
    return head(x) + torch.zeros(7, device=x.device)


def honest_batch(head: nn.Linear, x: Tensor) -> Any:
    if x.shape[0] != 2:
        raise ValueError(f"a batch of 2 is needed, on {x.device}")
    return head(x)


def honest_name(head: nn.Linear, x: Tensor) -> Any:
    if x.shape[0] != 2:
        raise ValueError("a batch of 2 is needed, as on CUDA")
    return head(x)


def too_many(head: nn.Linear, x: Tensor) -> Any:
    assert torch.cuda.device_count() > 8, "needs 9 GPUs of 80 GB"
    return head(x)


def without_source(head: nn.Linear, x: Tensor) -> Any:
    exec("assert x.is_cpu and x.shape[0] == 2", {"x": x})


@pytest.mark.parametrize(
    "fails", [honest_shapes, honest_batch, honest_name, too_many, without_source]
)
@pytest.mark.parametrize("device", [None, "cpu"])
def test_an_error_that_only_mentions_a_device_is_reported(
    fails: Callable[[nn.Linear, Tensor], Any], device: str | None
) -> None:
    """The branch for a GPU would be counted if the network were told that there is one."""

    def run(head: nn.Linear, x: Tensor) -> Any:
        return head(x) if torch.cuda.is_available() and fails is not too_many else fails(head, x)

    with pytest.raises(CountError):
        count(Runs(run), (torch.ones(ROWS, 4),), device=device)


def on_one_line(head: nn.Linear, x: Tensor) -> Any:
    if not x.is_cuda: raise RuntimeError("kernels of ours")  # noqa: E701  # fmt: skip
    return head(x)


def below_a_question(head: nn.Linear, x: Tensor) -> Any:
    if x.shape[0] == ROWS:
        for _ in range(2):
            if x.device.type != "cuda":
                raise RuntimeError("kernels of ours")
    return head(x)


def at_the_end_of_a_chain(head: nn.Linear, x: Tensor) -> Any:
    if x.is_cuda:
        out: Tensor = head(x)
    elif x.shape[0] == 0:
        out = x
    else:
        raise RuntimeError("kernels of ours")
    return out


@pytest.mark.parametrize("refuses", [on_one_line, below_a_question, at_the_end_of_a_chain])
def test_an_error_where_the_answer_is_no_is_a_refusal(
    refuses: Callable[[nn.Linear, Tensor], Any],
) -> None:
    counted = count(Runs(refuses), (torch.ones(ROWS, 4),), device="cpu")
    assert counted.macs == ONE
    assert "kernels of ours" in counted.fallback


def shape_in_a_chain(head: nn.Linear, x: Tensor) -> Any:
    if x.is_cuda:
        x = x + 1
    elif x.shape[0] != 2:
        raise ValueError("a batch of 2 is needed")
    return head(x)


def shape_below_a_device(head: nn.Linear, x: Tensor) -> Any:
    if not x.is_cuda:
        if x.shape[0] != 2:
            raise ValueError("a batch of 2 is needed")
        x = x + 1
    return x


def shape_in_a_function(head: nn.Linear, x: Tensor) -> Any:
    if x.device.type == "cpu":

        def check() -> None:
            raise ValueError("a batch of 2 is needed")

        check()
    return x


@pytest.mark.parametrize("fails", [shape_in_a_chain, shape_below_a_device, shape_in_a_function])
def test_a_shape_that_is_refused_where_a_device_was_asked_for_is_no_device(
    fails: Callable[[nn.Linear, Tensor], Any],
) -> None:
    with pytest.raises(CountError, match="a batch of 2 is needed"):
        count(Runs(fails), (torch.ones(ROWS, 4),))


@pytest.mark.parametrize("error", [OSError, SyntaxError, TokenError])
def test_a_refusal_whose_source_cannot_be_read_asks_for_no_device(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot_be_read(_: Any) -> Any:
        raise error("the file has changed meanwhile")

    monkeypatch.setattr("opbench.counting.meta.absent.getsourcelines", cannot_be_read)
    with pytest.raises(CountError, match="kernels of ours"):
        count(Runs(on_one_line), (torch.ones(ROWS, 4),))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_a_scripted_network_was_not_counted_as_on_a_gpu(caplog: pytest.LogCaptureFixture) -> None:
    """What of ours raises, below an ``if`` about a device, is no refusal of the network's."""
    scripted = torch.jit.script(nn.Linear(4, 5))
    counted = count(scripted, (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (ONE, "cpu")
    assert "GPU" not in caplog.text


def test_an_error_without_a_traceback_asks_for_no_device() -> None:
    def build() -> nn.Module:
        raise TargetError("cannot") from ValueError("never raised")

    with pytest.raises(TargetError, match="cannot"):
        build_and_count(build, (4,))


def test_torch_says_afterwards_again_that_there_is_no_device() -> None:
    before = dict(vars(torch.cuda))
    count(Runs(RUNS["contexts"]), (torch.ones(ROWS, 4),))
    assert {n: each for n, each in vars(torch.cuda).items() if before.get(n) is not each} == {}
    assert torch._C._len_torch_function_stack() == 0
