"""Plans are products of lists, checked before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from opbench.errors import BadValueError, OpbenchError
from opbench.inputs import parse_inputs
from opbench.record import Cell
from opbench.runs.in_process import InProcess
from opbench.runs.plan import Planned, Sweep, make_plan, require_one_graph
from opbench.runs.start import prepare
from opbench.spec import Shape
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from tests.builders import cell as make_cell

SMALL, OTHER = Shape((3, 8, 8)), Shape((3, 9, 9))
CONV = Planned(name="conv", input_size=SMALL)


def test_the_plan_is_the_product_of_the_lists_with_batches_ascending_fastest() -> None:
    sweep = Sweep(batch_sizes=(4, 1, 4), dtypes=("float32", "bfloat16"), threads=(1, 2))
    cells = make_plan([CONV, Planned(name="other", input_size=OTHER)], sweep)
    assert len(cells) == len(set(cells)) == 2 * 2 * 2 * 2
    assert [(cell.dtype, cell.threads, cell.batch_size) for cell in cells[:4]] == [
        ("float32", 1, 1),
        ("float32", 1, 4),
        ("float32", 2, 1),
        ("float32", 2, 4),
    ]


def test_passes_are_planned_like_any_other_setting() -> None:
    cells = make_plan([CONV], Sweep(passes=("training", "forward", "training")))
    assert [cell.pass_ for cell in cells] == ["training", "forward"]
    assert [*map(str, cells)] == ["conv (3x8x8, batch 1, training)", "conv (3x8x8, batch 1)"]
    with pytest.raises(OpbenchError, match="no pass is called 'backward'"):
        Sweep(passes=("backward",))


def test_a_given_size_takes_the_place_of_each_targets_own() -> None:
    given = (OTHER, Shape((3, 5, 5)))
    sizes = [cell.input_size for cell in make_plan([CONV], Sweep(input_sizes=given))]
    assert sizes == [*given]


def test_sizes_of_a_name_take_the_place_of_its_own() -> None:
    other = Planned(name="other", input_size=SMALL)
    plan = make_plan([CONV, other], Sweep(sizes_of={"conv": [OTHER, SMALL]}))
    assert [(each.name, each.input_size) for each in plan] == [
        ("conv", OTHER),
        ("conv", SMALL),
        ("other", SMALL),
    ]


def test_described_inputs_take_the_place_of_size_and_batch() -> None:
    specs = parse_inputs(["ids=2x16:int64", "mask=2x16:bool"])
    own = Planned(name="own", input_size=SMALL, batch_size=5)
    for cell in make_plan([CONV, own], Sweep(inputs=specs)):
        assert (cell.input_size, cell.batch_size) == ((16,), 2)
        assert cell.asked == specs
        assert str(cell) == f"{cell.name} (ids=2x16:int64, mask=2x16:bool)"
        assert Cell.from_json(cell.to_json()) == cell


def test_the_usual_settings_are_written_as_nothing_unusual() -> None:
    (cell,) = make_plan([CONV], Sweep(devices=("cuda",)))
    assert cell == make_cell("conv", input_size=SMALL, device="cuda:0")
    assert str(cell) == "conv (3x8x8, batch 1, cuda:0)"


def test_cells_of_a_sweep_have_names_of_their_own() -> None:
    sweep = Sweep(devices=("cpu", "cuda"), input_sizes=(SMALL, OTHER), batch_sizes=(1, 2))
    assert len({str(cell) for cell in make_plan([CONV], sweep)}) == 2 * 2 * 2


def test_unusual_settings_are_named() -> None:
    sweep = Sweep(memory_formats=("channels_last",), runtimes=("compile",), threads=(1,))
    (cell,) = make_plan([CONV], sweep)
    assert str(cell) == "conv (3x8x8, batch 1, channels_last, compile default, 1 thread)"


def test_a_target_with_inputs_of_its_own_has_their_batch_size_and_no_other() -> None:
    own = Planned(name="own", input_size=SMALL, batch_size=5)
    assert [cell.batch_size for cell in make_plan([own], Sweep())] == [5]
    assert [cell.batch_size for cell in make_plan([own], Sweep(batch_sizes=(5,)))] == [5]
    with pytest.raises(BadValueError, match=r"a batch of 5: remove --batch-size$"):
        make_plan([own], Sweep(batch_sizes=(1, 5)))


def test_a_batch_size_that_some_target_takes_is_planned_for_all() -> None:
    own = Planned(name="own", input_size=SMALL, batch_size=5)
    cells = make_plan([own, CONV], Sweep(batch_sizes=(1, 2)))
    planned = [(cell.name, cell.batch_size) for cell in cells]
    assert planned == [("own", 2), ("own", 5), ("conv", 1), ("conv", 2)]


def test_a_cell_has_the_sizes_of_all_inputs() -> None:
    pair = Planned(name="pair", input_size=SMALL, other_input_sizes=(OTHER,), batch_size=5)
    flow = Planned(name="flow", input_size=SMALL, images=2)
    own = make_plan([pair, flow], Sweep())
    assert [str(cell) for cell in own] == [
        "pair (3x8x8, 3x9x9, batch 5)",
        "flow (3x8x8, 3x8x8, batch 1)",
    ]
    (sized,) = make_plan([flow], Sweep(input_sizes=(OTHER,)))
    assert str(sized) == "flow (3x9x9, 3x9x9, batch 1)"
    # What earlier files do not hold is no other cell.
    assert own[0] == make_cell("pair", input_size=SMALL, batch_size=5)


def test_input_sizes_are_for_targets_without_inputs_and_for_those_that_bring_one_image() -> None:
    own = Planned(name="own", input_size=SMALL, batch_size=5)
    image = Planned(name="image", input_size=SMALL, batch_size=5, resizable=True)
    flat = Planned(name="flat", input_size=Shape((7,)), batch_size=2, resizable=True)
    sized = Sweep(input_sizes=(OTHER,))
    assert [
        (cell.name, cell.input_size, cell.batch_size)
        for cell in make_plan([own, image, flat, Planned(name="net")], sized)
    ] == [
        ("own", SMALL, 5),
        ("image", OTHER, 1),
        ("flat", Shape((7,)), 2),
        ("net", OTHER, 1),
    ]
    with pytest.raises(BadValueError, match=r"^own brings its own inputs: remove --input-size$"):
        make_plan([own, flat], sized)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"batch_sizes": (1, 0)}, "the batch size must be 1 or more, not 0"),
        ({"threads": (0,)}, "threads must be 1 or more, not 0"),
        ({"devices": ("gpu",)}, "did you mean cuda"),
        ({"dtypes": ("float31",)}, "did you mean float32"),
        ({"memory_formats": ("nhwc",)}, "choose from contiguous, channels_last"),
        ({"stages": True, "input_sizes": (SMALL,)}, "remove --input-size and --input"),
        ({"stages": True, "passes": ("training",)}, "remove --pass training"),
        ({"runtimes": ("compile:max",)}, "no compile mode is called 'max'"),
        ({"runtimes": ("eager:default",)}, "the runtime eager has no modes: write eager"),
        ({"runtimes": ("onnxruntime:tensort",)}, "did you mean tensorrt"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OpbenchError, match=sentence):
        Sweep(**values)


@pytest.mark.parametrize("mode", ["reduce-overhead", "max-autotune"])
def test_a_graph_of_what_replays_graphs_itself_is_refused(mode: str) -> None:
    both = Sweep(devices=("cuda",), runtimes=("eager", "compile", f"compile:{mode}"))
    with pytest.raises(BadValueError, match=f"--runtime compile:{mode} .* remove --cuda-graph"):
        prepare((), both, Protocol(), CudaOptions(graph=True), InProcess())


@pytest.mark.parametrize(
    ("changes", "graph"),
    [
        ({}, False),
        ({"devices": ("cpu",)}, True),
        ({"runtimes": ("compile:default", "compile:max-autotune-no-cudagraphs")}, True),
        ({"runtimes": ("eager",)}, True),
    ],
)
def test_a_graph_of_anything_else_is_not(changes: dict[str, Any], graph: bool) -> None:
    usual = {"devices": ("cuda",), "runtimes": ("compile:max-autotune",)}
    require_one_graph(Sweep(**{**usual, **changes}), CudaOptions(graph=graph))
