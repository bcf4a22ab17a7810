"""What a worker does, in this process: replies are JSON, whatever a network does."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import opbench
from opbench.counting.tracing.torch_state import kept_settings
from opbench.processes.asked import now as note_request
from opbench.record import Ceilings, Load, Round
from opbench.runs import worker
from opbench.runs.in_process import InProcess
from opbench.runs.network import build
from opbench.runs.plan import NO_SIZE, Planned
from opbench.runs.worker import handle
from opbench.spec import Shape
from opbench.timing import ceilings, idle, measurement
from opbench.timing.device import CpuDevice, open_device
from opbench.timing.energy import NvmlCounter, cpu_meter
from opbench.timing.gpu import Gpu
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from opbench.timing.stages import STAGES, WHOLE
from opbench.timing.sustained import Sustained
from tests.builders import cell
from tests.timing.fakes import FakeCuda, FakeNvml

PASSES = ("forward", "training")
NETWORKS = Path(__file__).parent / "networks.py"
CUDA = CudaOptions().to_json()
SMALL = Shape((3, 8, 8))
CEILINGS = Ceilings(peak_flops_per_s=1.0, bandwidth_bytes_per_s=1.0, launch_s=1.0)

pytestmark = pytest.mark.usefixtures("quick_rounds")


def request_of(name: str, *, own_inputs: bool = False, **changes: Any) -> dict[str, Any]:
    return {
        "job": "time",
        "cell": cell(name, **{"input_size": SMALL, **changes}).to_json(),
        "number": 2,
        "protocol": Protocol(max_seconds=0.1).to_json(),
        "own_inputs": own_inputs,
        "with_load": True,
        "idle_power_w": None,
        "cuda": CUDA,
        "gpu_uuid": None,
    }


def timed(name: str, **changes: Any) -> tuple[Round, Load]:
    reply = json.loads(json.dumps(handle(request_of(name, **changes))))
    assert "done" in reply, reply
    return Round.from_json(reply["done"]["round"]), Load.from_json(reply["done"]["load"])


def test_a_round_has_samples_and_the_counts_of_the_batch() -> None:
    taken, load = timed(f"{NETWORKS}:conv", batch_size=2)
    assert taken.number == 2
    assert len(taken.samples_s) >= 1
    assert taken.forward_s >= sum(taken.samples_s)
    assert load.macs == 2 * 6 * 6 * 4 * 27
    assert load.params == 4 * 27 + 4
    assert (load.weight_bytes, load.kernels) == (4 * 112, 1)
    assert load.traffic_bytes == 4 * (2 * 3 * 64 + 112 + 2 * 4 * 36)


def test_a_training_step_is_timed_with_the_counts_of_its_passes() -> None:
    forward, training = (timed(f"{NETWORKS}:conv", pass_=each)[1] for each in PASSES)
    # The gradient of the weights has as many products as the output; the image needs none.
    assert training.macs == 2 * forward.macs == 2 * 6 * 6 * 4 * 27
    assert (training.params, training.activations) == (forward.params, forward.activations)
    assert training.kernels > forward.kernels
    assert training.traffic_bytes > 2 * forward.traffic_bytes


@pytest.mark.slow
def test_a_training_step_of_the_registry_has_the_macs_of_count() -> None:
    _, load = timed("lenet5", input_size=Shape((1, 32, 32)), batch_size=3, pass_="training")
    counted = opbench.count(opbench.create("lenet5"), (1, 32, 32), batch_size=3, training=True)
    assert (load.macs, load.peak_activation_bytes) == (
        counted.macs, counted.peak_activation_bytes
    )  # fmt: skip


@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_network_without_gradients_has_no_training_step(
    on_gpu: bool, request: pytest.FixtureRequest
) -> None:
    if on_gpu:
        request.getfixturevalue("cuda")
    reply = handle(request_of(f"{NETWORKS}:frozen", pass_="training"))
    assert reply["failed"] == (
        "Conv2d has no training pass: none of its parameters requires a gradient"
    )
    assert not reply["named_wrongly"]


def test_batch_normalisation_of_one_value_says_what_to_do() -> None:
    reply = handle(request_of(f"{NETWORKS}:normalised", pass_="training"))
    assert "take a batch of 2 or more" in reply["failed"]


def test_the_weights_of_the_registry_do_not_depend_on_the_round() -> None:
    _, load = timed("lenet5", input_size=Shape((1, 32, 32)))
    assert (load.params, load.macs) == (60_000, 325_680)


def test_settings_reach_the_network() -> None:
    _, load = timed(f"{NETWORKS}:conv", dtype="bfloat16", memory_format="channels_last", threads=1)
    assert load.weight_bytes == 2 * 112


@pytest.mark.slow
@pytest.mark.skipif(
    not any(shutil.which(each) for each in ("g++", "clang++")), reason="needs a C++ compiler"
)
def test_compiling_is_no_part_of_the_forward_passes() -> None:
    taken, load = timed(f"{NETWORKS}:conv", compile="default")
    assert load.macs == 6 * 6 * 4 * 27
    # Samples go on for a tenth of a second in five rounds; no compiler is done by then.
    assert taken.first_call_s > 0.1
    assert taken.forward_s < taken.first_call_s
    assert taken.peak_memory_bytes is None


def test_the_yardstick_and_the_ceilings_are_the_same_whatever_the_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[tuple[Any, ...]] = []

    def opening(*args: Any) -> Any:
        opened.append(args)
        return open_device(*args)

    monkeypatch.setattr(worker, "open_device", opening)
    monkeypatch.setattr(worker, "measure_ceilings", lambda *args: CEILINGS)
    options = CudaOptions(graph=True, l2="cold")
    handle({**request_of(f"{NETWORKS}:conv"), "cuda": options.to_json()})
    assert opened == [("cpu", options), ("cpu",)]
    asked = {"job": "ceilings", "device": "cpu", "dtype": "float32", "threads": 1}
    handle({**asked, "cuda": options.to_json(), "gpu_uuid": None})
    assert opened[2:] == [("cpu",)]


def _note(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """Return a list to which each of the worker's functions adds its name when it is called."""
    done: list[str] = []

    def noted(name: str) -> Callable[..., Any]:
        call = getattr(worker, name)

        def noting(*args: Any, **more: Any) -> Any:
            done.append(name)
            return call(*args, **more)

        return noting

    for name in names:
        monkeypatch.setattr(worker, name, noted(name))
    return done


def test_nothing_has_run_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    done = _note(monkeypatch, "time_round", "yardstick", "traffic_of")
    timed(f"{NETWORKS}:conv")
    assert done == ["time_round", "yardstick", "traffic_of"]


def test_others_are_watched_from_before_the_network_is_built_until_after_the_yardstick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def watch() -> Callable[[], tuple[float, float]]:
        done.append("watch")
        return busy

    def busy() -> tuple[float, float]:
        done.append("busy")
        return 1.5, 0.25

    monkeypatch.setattr(worker, "watch_bystanders", watch)
    done = _note(monkeypatch, "build", "yardstick")
    taken, _ = timed(f"{NETWORKS}:conv")
    assert done == ["watch", "build", "yardstick", "busy"]
    assert (taken.others_cores, taken.stolen_cores) == (1.5, 0.25)


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    timed(f"{NETWORKS}:conv", threads=before + 1)
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="names since torch 2.9")
def test_a_target_that_asks_for_tf32_by_its_newer_name_is_timed_in_float32() -> None:
    name = f"{NETWORKS}:precise"
    with kept_settings():
        asked = {"job": "targets", "patterns": [name], "devices": ["cpu"], "cuda": CUDA}
        assert handle({"job": "inputs", "name": name, "sized": False})["done"]
        facts = handle(asked)["done"]["facts"]
        assert (facts["float32_matmul_precision"], facts["cudnn_tf32"]) == ("highest", False)
        timed(name, own_inputs=True, batch_size=2)


def test_a_target_may_bring_its_own_inputs() -> None:
    _, load = timed(f"{NETWORKS}:with_inputs", own_inputs=True, batch_size=5)
    assert load.macs == 5 * 6 * 6 * 4 * 27
    # A size for other targets of the run, which these images do not have.
    _, kept = timed(f"{NETWORKS}:with_inputs", batch_size=1, input_size=Shape((8,)))
    assert kept.macs == load.macs
    _, replaced = timed(f"{NETWORKS}:with_inputs", batch_size=1, input_size=Shape((3, 5, 5)))
    assert replaced.macs == 3 * 3 * 4 * 27


def test_keyword_arguments_and_inputs_that_a_module_keeps_are_timed() -> None:
    _, load = timed(f"{NETWORKS}:named", own_inputs=True, input_size=Shape((3,)), batch_size=2)
    assert load.macs == 2 * 3 * 4 * 5
    _, kept = timed(f"{NETWORKS}:Kept", own_inputs=True, input_size=Shape((4,)), batch_size=2)
    assert kept.macs == 2 * 4 * 5
    asked = {"job": "inputs", "name": f"{NETWORKS}:Kept"}
    described = handle({**asked, "sized": False})["done"]
    assert (described["batch_size"], described["input_size"]) == (2, "4")
    assert "input_size" not in handle({**asked, "sized": True})["done"]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_described_inputs_are_timed(dtype: str) -> None:
    inputs = "ids=1x6:int64, mask=1x6:bool, image=6x4"  # the image has the type of the weights
    for name in ("Named", "named"):
        _, load = timed(f"{NETWORKS}:{name}", inputs=inputs, input_size=Shape((6,)), dtype=dtype)
        assert load.macs == 6 * 4 * 5
    reply = handle(request_of(f"{NETWORKS}:Named", inputs="ids=1x6:int64, masks=1x6:bool"))
    assert "Named.forward takes no argument 'masks'; did you mean mask?" in reply["failed"]


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ("Broken", "ValueError: no such layer"),
        ("unbuildable", "no weights here"),
        ("nothing", "has no 'nothing'"),
    ],
)
def test_a_network_that_fails_gives_its_reason_in_one_line(network: str, reason: str) -> None:
    reply = handle(request_of(f"{NETWORKS}:{network}"))
    assert reason in reply["failed"]
    assert "\n" not in reply["failed"]


def test_the_time_before_the_first_call_is_that_since_the_request() -> None:
    note_request()
    start = time.monotonic()
    taken, _ = timed(f"{NETWORKS}:conv")
    whole = time.monotonic() - start
    assert taken.start_up_s is not None
    assert 0 < taken.start_up_s < whole - sum(taken.samples_s)


@pytest.mark.parametrize("network", ["Greedy", "Endless"])
def test_running_out_of_memory_is_told_from_other_failures(network: str) -> None:
    reply = handle(request_of(f"{NETWORKS}:{network}", batch_size=4))
    assert reply["out_of_memory"], reply
    assert reply["failed"].startswith("out of memory: ")


def test_what_a_network_prints_in_this_process_is_not_on_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with InProcess() as here:
        here.renew()
        assert here.ask(request_of(f"{NETWORKS}:Talking")).done
    said = capsys.readouterr()
    assert said.out == ""
    assert "not a reply" in said.err


def test_a_target_that_says_nothing_of_its_input_is_refused() -> None:
    reply = handle(request_of(f"{NETWORKS}:conv", own_inputs=True, input_size=NO_SIZE))
    assert "--input-size" in reply["failed"]


def test_targets_are_found_with_their_sizes_and_the_facts_of_pytorch() -> None:
    patterns = ["lenet5", f"{NETWORKS}:with_inputs", f"{NETWORKS}:conv"]
    asked = {"job": "targets", "patterns": patterns, "devices": ["cpu"]}
    done = handle({**asked, "cuda": CUDA})["done"]
    assert [Planned.from_json(each) for each in done["targets"]] == [
        Planned(name=patterns[0], input_size=Shape((1, 32, 32))),
        Planned(name=patterns[1]),
        Planned(name=patterns[2]),
    ]
    assert done["facts"]["torch"] == torch.__version__
    assert done["gpus"] == {}


def test_the_inputs_that_a_target_brings_are_found_for_it_alone() -> None:
    name = f"{NETWORKS}:with_inputs"
    done = handle({"job": "inputs", "name": name, "sized": False})["done"]
    assert Planned.from_json(done) == Planned(
        name=name, input_size=SMALL, batch_size=5, resizable=True
    )


@pytest.mark.parametrize(
    ("network", "sized", "wrongly"),
    [("conv", False, True), ("nothing", True, True), ("unbuildable", True, False)],
)
def test_a_name_or_a_size_at_fault_is_told_from_a_network_that_fails(
    network: str, sized: bool, wrongly: bool
) -> None:
    reply = handle({"job": "inputs", "name": f"{NETWORKS}:{network}", "sized": sized})
    assert reply["named_wrongly"] is wrongly
    assert handle({"job": "inputs", "name": f"{NETWORKS}:conv", "sized": True})["done"]


def test_two_gpus_in_one_run_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "open_device", lambda name: open_device(name, cuda=FakeCuda()))
    asked = {"job": "targets", "patterns": None, "devices": ["cuda:0", "cpu", "cuda:1"]}
    reply = handle({**asked, "cuda": CUDA})
    assert reply == {
        "failed": "one run times one GPU, not cuda:0 and cuda:1: start a run for each",
        "out_of_memory": False,
        "named_wrongly": True,
    }


def test_counts_leave_out_what_cannot_be_counted() -> None:
    targets = [["lenet5", "1x32x32"], [f"{NETWORKS}:unbuildable", "3x8x8"]]
    assert handle({"job": "counts", "targets": targets})["done"] == {"lenet5 1x32x32": 325_680}


class OnPaper(CpuDevice):
    """A GPU whose kernels the processor carries out."""

    asynchronous = True


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA device on paper, without NVML."""
    monkeypatch.setattr(worker, "open_device", lambda *args: OnPaper())
    monkeypatch.setattr(
        worker, "build", lambda cell, **more: build(replace(cell, device="cpu"), **more)
    )
    monkeypatch.setattr(worker, "open_gpu", lambda uuid: None)


def on_cuda(number: int = 1) -> dict[str, Any]:
    asked = request_of(f"{NETWORKS}:conv", device="cuda:0")
    return {**asked, "gpu_uuid": "1234", "number": number}


@pytest.mark.parametrize(("number", "least_s"), [(1, 1.0), (2, 0.1)])
def test_calls_are_queued_for_a_second_in_the_first_round_and_a_tenth_in_others(
    cuda: None, monkeypatch: pytest.MonkeyPatch, number: int, least_s: float
) -> None:
    asked_for: list[float] = []

    def queued(timed: Any, device: Any, seconds: float, meter: Any) -> Sustained:
        asked_for.append(seconds)
        return Sustained(queued_s=0.5)

    monkeypatch.setattr(measurement, "queue", queued)
    taken = Round.from_json(handle(on_cuda(number))["done"]["round"])
    assert (asked_for, taken.queued_s) == ([least_s], 0.5)


@pytest.fixture
def gpu(cuda: None, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """A GPU on paper that every cell finds, with a quick sensor."""
    started = time.monotonic()
    nvml = FakeNvml(joules=lambda: 300.0 * (time.monotonic() - started))
    monkeypatch.setattr(worker, "open_gpu", lambda uuid: Gpu(nvml, f"GPU-{uuid}"))
    monkeypatch.setattr(NvmlCounter, "window_s", 0.2)
    monkeypatch.setattr(NvmlCounter, "settle_s", 0.0)
    return nvml


def test_the_state_of_the_gpu_before_and_at_work_is_kept(gpu: FakeNvml) -> None:
    gpu.pids = [1, 2]
    taken = Round.from_json(handle(on_cuda())["done"]["round"])
    assert taken.device_before["other_processes"] == 2
    assert taken.device_after["sm_clock_mhz"] == 1755
    assert taken.device_after["throttled_by"] == ["software power cap"]


@pytest.mark.parametrize(("number", "measured"), [(1, True), (2, False)])
def test_the_energy_of_a_gpu_is_measured_in_the_first_round(
    gpu: FakeNvml, number: int, measured: bool
) -> None:
    taken = Round.from_json(handle(on_cuda(number))["done"]["round"])
    assert (taken.energy_j is not None) == measured
    assert taken.power_w is None or 200 < taken.power_w < 400


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor whose counter of joules can be read, though it never moves."""
    for name, text in (("name", "package-0"), ("energy_uj", "7"), ("max_energy_range_uj", "9")):
        (tmp_path / "intel-rapl:0").mkdir(exist_ok=True)
        (tmp_path / "intel-rapl:0" / name).write_text(text)
    monkeypatch.setattr(worker, "cpu_meter", lambda: cpu_meter(tmp_path))


def test_the_energy_of_a_processor_is_measured_in_every_round(processor: None) -> None:
    taken, _ = timed(f"{NETWORKS}:conv")
    assert (taken.number, taken.energy_j, taken.power_w) == (2, 0.0, 0.0)


def test_a_gpu_without_a_sensor_is_not_given_the_joules_of_the_processor(
    processor: None, cuda: None
) -> None:
    taken = Round.from_json(handle(on_cuda())["done"]["round"])
    assert (taken.energy_j, taken.power_w) == (None, None)


def test_idle_power_is_measured_beside_the_ceilings(
    gpu: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceilings, "_SECONDS", 0.0)
    monkeypatch.setattr(ceilings, "_COPY_BYTES", {"cpu": 1 << 16})
    monkeypatch.setattr(idle, "_WAIT_S", 0.0)
    asked = {"job": "ceilings", "device": "cuda:0", "dtype": "float32", "threads": 1}
    asked = {**asked, "cuda": CUDA, "gpu_uuid": "1234"}
    assert handle(asked)["done"]["idle_power_w"] is None
    done = handle({**asked, "with_idle_power": True})["done"]
    assert 200 < done["idle_power_w"] < 400
    assert done["peak_flops_per_s"] > 0


def test_a_training_step_on_cuda_hides_launches_and_queues_calls_as_a_forward_pass(
    cuda: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "queue", lambda *args: Sustained(queued_s=0.5))
    asked = request_of(f"{NETWORKS}:conv", device="cuda:0", pass_="training")
    done = handle({**asked, "gpu_uuid": "1234", "number": 1})["done"]
    taken, load = Round.from_json(done["round"]), Load.from_json(done["load"])
    assert taken.host_samples_s
    assert taken.queued_s == 0.5
    assert load.macs == 2 * 6 * 6 * 4 * 27


def test_the_stages_of_the_images_that_a_target_brings_are_timed() -> None:
    asked = request_of(f"{NETWORKS}:pictured", own_inputs=True, batch_size=2)
    done = json.loads(json.dumps(handle({**asked, "stages": True})))["done"]
    taken = Round.from_json(done["round"])
    assert [*taken.stages_s] == [*STAGES, WHOLE]
    assert len({len(samples) for samples in taken.stages_s.values()}) == 1
    # The same batch is the input of the forward pass.
    products = 2 * (3 * 5 * 4 * 27 + 60 * 9)
    assert Load.from_json(done["load"]).macs == products


def test_a_target_without_images_has_no_stages() -> None:
    asked = {"job": "inputs", "name": f"{NETWORKS}:with_inputs", "sized": False, "stages": True}
    reply = handle(asked)
    assert reply["named_wrongly"]
    assert "with_inputs brings no images, whose stages --stages times: name a" in reply["failed"]
    described = handle({**asked, "name": f"{NETWORKS}:pictured"})["done"]
    assert (described["batch_size"], described["input_size"]) == (2, "3x5x7")
