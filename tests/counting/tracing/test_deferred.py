"""Work in other threads, in generators and in futures is counted like any other."""

from __future__ import annotations

import _thread
import asyncio
import copy
import itertools
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from opbench.counting import count
from opbench.counting.tracing import deferred
from opbench.counting.tracing.unseen import UNSEEN
from opbench.errors import BadValueError

ROWS = 3
ONE = ROWS * 4 * 5
POOL = ThreadPoolExecutor(1)
OTHER_POOLS: list[ThreadPool] = []
LOOP = asyncio.new_event_loop()
TASKS: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()


def work() -> None:
    while True:
        TASKS.get()()


@pytest.fixture(scope="module", autouse=True)
def _older_threads() -> Iterator[None]:
    """Start threads that are older than any count here, and end them for the tests of others."""
    POOL.submit(int).result()
    threads = [threading.Thread(target=each, daemon=True) for each in (LOOP.run_forever, work)]
    for each in threads:
        each.start()
    with ThreadPool(1) as pool:
        OTHER_POOLS.append(pool)
        yield
        OTHER_POOLS.remove(pool)
    LOOP.call_soon_threadsafe(LOOP.stop)
    TASKS.put(sys.exit)
    POOL.shutdown()
    for each in threads:
        each.join()


class Two(nn.Module):
    """Two layers, run as ``run`` says."""

    def __init__(self, run: Callable[[Two, Tensor], Any]) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 5), nn.Linear(4, 5)
        self.run = run

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def in_a_pool(network: Two, x: Tensor) -> Any:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda layer: layer(x), (network.a, network.b)))


def in_a_pool_of_processes_kind(network: Two, x: Tensor) -> Any:
    with ThreadPool(2) as pool:
        return pool.map(lambda layer: layer(x), (network.a, network.b))


def in_threads(network: Two, x: Tensor) -> Any:
    results: list[Tensor] = []
    threads = [
        threading.Thread(target=lambda layer=layer: results.append(layer(x)))
        for layer in (network.a, network.b)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return results


def in_a_thread_of_a_thread(network: Two, x: Tensor) -> Any:
    results: list[Any] = []
    outer = threading.Thread(target=lambda: results.extend(in_threads(network, x)))
    outer.start()
    outer.join()
    return results


def in_a_subclass(network: Two, x: Tensor) -> Any:
    class Runs(threading.Thread):
        def run(self) -> None:
            self.result = network.a(x) + network.b(x)

    thread = Runs()
    thread.start()
    thread.join()
    return thread.result


def without_modules(network: Two, x: Tensor) -> Any:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda layer: x @ layer.weight.t(), (network.a, network.b)))


def in_an_older_pool(network: Two, x: Tensor) -> Any:
    return list(POOL.map(lambda layer: layer(x), (network.a, network.b)))


def operators_in_an_older_pool(network: Two, x: Tensor) -> Any:
    return list(POOL.map(lambda each: x @ each.t(), (network.a.weight, network.b.weight)))


def submitted_to_an_older_pool(network: Two, x: Tensor) -> Any:
    weights = network.a.weight, network.b.weight
    return [POOL.submit(nn.functional.linear, x, each).result() for each in weights]


def operators_in_an_older_pool_of_multiprocessing(network: Two, x: Tensor) -> Any:
    weights = network.a.weight, network.b.weight
    first = OTHER_POOLS[0].apply_async(torch.matmul, (x, weights[0].t()))
    return [first.get(), *OTHER_POOLS[0].imap(lambda each: x @ each.t(), weights[1:])]


def in_an_older_loop(network: Two, x: Tensor) -> Any:
    async def one(weight: Tensor) -> Tensor:
        await asyncio.sleep(0.001)
        return await LOOP.run_in_executor(POOL, torch.matmul, x, weight.t())

    async def both() -> list[Tensor]:
        first = asyncio.create_task(one(network.a.weight))
        await asyncio.sleep(0.001)
        return [x @ network.b.weight.t(), await first]

    return asyncio.run_coroutine_threadsafe(both(), LOOP).result()


def called_by_an_older_loop(network: Two, x: Tensor) -> Any:
    found: Future[Tensor] = Future()
    first = POOL.submit(int)
    first.add_done_callback(lambda _: found.set_result(x @ network.a.weight.t()))
    later: Future[Tensor] = Future()
    LOOP.call_soon_threadsafe(lambda: later.set_result(x @ network.b.weight.t()))
    return found.result() + later.result()


def in_bare_threads(network: Two, x: Tensor) -> Any:
    results: list[Future[Tensor]] = [Future(), Future()]
    for weight, result in zip((network.a.weight, network.b.weight), results, strict=True):
        _thread.start_new_thread(
            lambda weight, result: result.set_result(x @ weight.t()), (weight, result)
        )
    return [each.result() for each in results]


class Holder:
    """An output of a class that nobody knows."""

    def __init__(self, held: Any) -> None:
        self.held = held


@dataclass
class Record:
    """An output by name."""

    names: tuple[str, ...]
    layers: Any


def in_a_loop_of_events(network: Two, x: Tensor) -> Any:
    async def both() -> list[Any]:
        calls = [asyncio.to_thread(layer, x) for layer in (network.a, network.b)]
        return list(await asyncio.gather(*calls))

    return asyncio.run(both())


def forked(network: Two, x: Tensor) -> Any:
    futures = [torch.jit.fork(layer, x) for layer in (network.a, network.b)]
    return [torch.jit.wait(each) for each in futures]


def generated(network: Two, x: Tensor) -> Iterator[Any]:
    for layer in (network.a, network.b):
        yield layer(x)


def future(network: Two, x: Tensor) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: generated(network, x))


WAYS: dict[str, Callable[[Two, Tensor], Any]] = {
    "pool of threads": in_a_pool,
    "pool of multiprocessing": in_a_pool_of_processes_kind,
    "threads": in_threads,
    "threads of a thread": in_a_thread_of_a_thread,
    "subclass of a thread": in_a_subclass,
    "operators in threads": without_modules,
    "older pool": in_an_older_pool,
    "operators in an older pool": operators_in_an_older_pool,
    "operators submitted to an older pool": submitted_to_an_older_pool,
    "operators in an older pool of multiprocessing": operators_in_an_older_pool_of_multiprocessing,
    "older loop of events": in_an_older_loop,
    "called by an older loop": called_by_an_older_loop,
    "bare threads": in_bare_threads,
    "generator in an object": lambda network, x: Holder([Holder(generated(network, x))]),
    "generator in a data class": lambda network, x: Record(("a", "b"), generated(network, x)),
    "asyncio": in_a_loop_of_events,
    "jit.fork": forked,
    "jit.fork, not waited for": lambda network, x: [
        torch.jit.fork(each, x) for each in (network.a, network.b)
    ],
    "generator": generated,
    "map": lambda network, x: map(nn.Module.__call__, (network.a, network.b), (x, x)),
    "generators in an output": lambda network, x: {"all": [None, (generated(network, x),)]},
    "generator of generators": lambda network, x: (generated(each, x) for each in [network]),
    "future": future,
}


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_work_that_is_left_to_others_is_counted(way: str, device: str) -> None:
    counted = count(Two(WAYS[way]), (torch.ones(ROWS, 4),), device=device)
    assert (counted.macs, counted.device, counted.uncounted) == (2 * ONE, device, ())


def test_threads_count_for_the_module_that_runs_in_them() -> None:
    counted = count(Two(in_a_pool), (torch.ones(ROWS, 4),))
    assert {each.name: each.macs for each in counted.modules} == {"": 2 * ONE, "a": ONE, "b": ONE}


def test_an_error_that_only_the_meta_device_raises_in_a_thread_is_noticed() -> None:
    def looks(network: Two, x: Tensor) -> Any:
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(lambda: network.a(x).sum().item())
        return x if found.exception() else network.b(x)

    counted = count(Two(looks), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (2 * ONE, "cpu")


def test_an_output_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred, "MOST_ITEMS", 20)
    with pytest.raises(BadValueError, match="a generator of more than 20 items"):
        count(Two(lambda network, x: map(network.a, repeat(x))), (torch.ones(1, 4),))


def test_a_coroutine_is_refused() -> None:
    async def run(network: Two, x: Tensor) -> Tensor:
        out: Tensor = network.a(x)
        return out

    with pytest.raises(BadValueError, match="returns a coroutine, of which nothing has run"):
        count(Two(run), (torch.ones(1, 4),))


Queues = queue.Queue[Any] | queue.SimpleQueue[Any]


def serve(tasks: Queues, results: Queues) -> None:
    while True:
        results.put(tasks.get()())


@contextmanager
def a_server(tasks: Queues, results: Queues) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Run functions in a thread that is older than a count."""

    def ask(task: Callable[[], Any]) -> Any:
        tasks.put(task)
        return results.get()

    threading.Thread(target=serve, args=(tasks, results), daemon=True).start()
    yield ask
    tasks.put(sys.exit)


def modes() -> list[Any]:
    return [
        *_get_current_dispatch_mode_stack(),
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("tasks", [queue.Queue, queue.SimpleQueue])
@pytest.mark.parametrize("results", [queue.Queue, queue.SimpleQueue])
def test_a_thread_of_the_user_is_left_as_it_was(
    tasks: Callable[[], Queues], results: Callable[[], Queues]
) -> None:
    with a_server(tasks(), results()) as ask:
        ask(list)  # the thread waits for the next task
        count(Two(lambda network, x: ask(lambda: network.a.weight @ x.t())), (torch.ones(ROWS, 4),))
        assert ask(modes) == [False, True]
        assert ask(lambda: nn.Linear(4, 5)(torch.ones(4))).requires_grad


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("then", [lambda made: made, torch.relu, lambda made: torch.cat([made])])
def test_work_in_a_thread_that_cannot_be_seen_is_named(
    then: Callable[[Tensor], Any], device: str
) -> None:
    def run(network: Two, x: Tensor) -> Any:
        made: Future[Tensor] = Future()
        TASKS.put(lambda: made.set_result(network.a.weight @ x.t()))
        return network.b(x), then(made.result())

    counted = count(Two(run), (torch.ones(ROWS, 4),), device=device)
    assert (counted.macs, counted.uncounted) == (ONE, (UNSEEN,))


def test_work_in_such_a_thread_is_named_where_a_network_needs_values_too() -> None:
    def run(network: Two, x: Tensor) -> Any:
        made: Future[Tensor] = Future()
        TASKS.put(lambda: made.set_result(network.a.weight @ x.t()))
        return network.b(x) + made.result().sum().item()

    counted = count(Two(run), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device, counted.uncounted) == (ONE, "cpu", (UNSEEN,))


@cache
def table() -> Tensor:
    """Return a tensor that is not one of the network's."""
    return torch.ones(5)


def tables(network: Two, x: Tensor) -> Any:
    """Make tensors of many kinds in the traced thread, as timm's csatv2 does its tables."""
    turns = torch.tensor(-1j) * torch.pi * torch.arange(4)[None, :] / 8
    wave = torch.view_as_real(torch.fft.fft(x, dim=1) * torch.exp(turns))[..., 0]
    wave[:, 0] = wave[:, 0] * torch.sqrt(torch.tensor(1 / 16))
    basis = torch.linalg.inv(torch.eye(4)) + torch.from_numpy(np.eye(4, dtype=np.float32))
    copies = copy.deepcopy(network.a), nn.Linear(4, 5), nn.Parameter(torch.ones(4))
    return network.a(wave) + network.b(x * basis[0]) + table(), copies


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_tensors_made_in_the_traced_thread_are_no_work_of_another(device: str) -> None:
    table()  # which is older than the pass
    counted = count(Two(tables), (torch.ones(ROWS, 4),), device=device)
    assert UNSEEN not in counted.uncounted
    assert counted.macs >= 2 * ONE


def outside_inference_mode(network: Two, x: Tensor) -> Any:
    with torch.inference_mode(False):
        made = torch.tensor([1.0, 2.0, 3.0, 4.0]) + 1
    return network.a(x + made) + torch.relu(made).sum()


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_what_the_traced_thread_makes_outside_inference_mode_is_no_work_of_another(
    device: str,
) -> None:
    counted = count(Two(outside_inference_mode), (torch.ones(ROWS, 4),), device=device)
    assert (counted.macs, counted.uncounted) == (ONE, ())


class Foreign(Tensor):
    """Refuses whatever torch is asked about it."""

    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        raise TypeError("not for you")


def test_a_tensor_of_the_user_that_refuses_every_question_is_not_asked() -> None:
    foreign = torch.ones(3).as_subclass(Foreign)
    counted = count(Two(lambda network, x: network.a(x)), (torch.ones(ROWS, 4),))
    assert (counted.macs, type(foreign)) == (ONE, Foreign)


def test_nothing_stays_behind_in_a_pool_that_a_count_started() -> None:
    with ThreadPoolExecutor(1) as pool:

        def run(network: Two, x: Tensor) -> Any:
            return pool.submit(torch.matmul, x, network.a.weight.t()).result()

        first, second = (count(Two(run), (torch.ones(ROWS, 4),)) for _ in range(2))
        assert (first.macs, second) == (ONE, first)
        assert not pool.submit(torch.is_inference_mode_enabled).result()


def test_what_computes_nothing_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one\ntwo\n")
    numbers = itertools.count()
    with (tmp_path / "text").open() as file:
        counted = count(
            Two(lambda network, x: Holder((network.a(x), file, numbers))), (torch.ones(ROWS, 4),)
        )
        assert (counted.macs, file.readline(), next(numbers)) == (ONE, "one\n", 0)


def test_threads_are_started_as_ever_afterwards() -> None:
    before = threading.Thread.start, _thread.start_new_thread, ThreadPoolExecutor.submit
    count(Two(in_a_pool_of_processes_kind), (torch.ones(ROWS, 4),))
    assert before == (threading.Thread.start, _thread.start_new_thread, ThreadPoolExecutor.submit)
    assert "imap" not in vars(ThreadPool)
