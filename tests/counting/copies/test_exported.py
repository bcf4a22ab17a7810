"""Exported programs: as they are, with the inputs that they were exported with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from opbench.counting import build_and_count, count
from opbench.errors import OpbenchError
from opbench.registry.audit import second_count
from opbench.registry.targets import count_target, resolve
from opbench.timing.measurement import evaluating

MACS = 4 * (3 * 3) * (2 * 3 * 3) + 5 * 36
PARAMS = 4 * (2 * 3 * 3) + 4 + 5 * 36 + 5


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)).eval()


def image(batch: int = 1) -> tuple[Tensor]:
    return (torch.zeros(batch, 2, 5, 5),)


def exported() -> ExportedProgram:
    return export(network(), image())


BUILT: dict[str, Callable[[], Any]] = {
    "alone": exported,
    "with arguments": lambda: (exported(), image()),
    "its module": lambda: (exported().module(), image()),
    "taken apart": lambda: exported().run_decompositions(),
}


@pytest.mark.parametrize("build", BUILT.values(), ids=BUILT.keys())
def test_a_program_is_its_network(build: Callable[[], Any]) -> None:
    counted = build_and_count(build)
    assert (counted.macs, counted.params, counted.uncounted) == (MACS, PARAMS, ())
    assert counted.weight_bytes == 4 * PARAMS


def test_a_program_is_counted_by_the_library_too() -> None:
    program = exported()
    assert count(program).macs == count(program, image()).macs == MACS
    assert count(program, (2, 5, 5)).macs == MACS


def test_arguments_replace_those_it_was_exported_with() -> None:
    batch = Dim("batch", min=1, max=8)
    program = export(network(), image(2), dynamic_shapes=({0: batch},))
    assert count(program).macs == 2 * MACS
    assert count(program, image(3)).macs == 3 * MACS


def test_keyword_arguments_are_kept() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 5)

        def forward(self, x: Tensor, *, scale: Tensor) -> Any:
            return self.layer(x) * scale

    program = export(Scaled(), (torch.zeros(2, 6),), {"scale": torch.ones(5)})
    assert count(program).macs == 2 * 6 * 5


def test_a_size_that_it_was_not_exported_for_is_refused_in_one_sentence() -> None:
    with pytest.raises(OpbenchError) as raised:
        count(exported(), (2, 9, 9))
    assert "\n" not in str(raised.value)


def test_a_loaded_program_is_a_target(tmp_path: Path) -> None:
    torch.export.save(exported(), tmp_path / "network.pt2")
    file = tmp_path / "mine.py"
    file.write_text(
        "from pathlib import Path\n"
        "import torch\n"
        "def build(): return torch.export.load(Path(__file__).parent / 'network.pt2')\n"
        "program = build()\n"
    )
    for attribute in ("build", "program"):
        (target,) = resolve([f"{file}:{attribute}"])
        assert count_target(target).macs == MACS


def test_the_witness_counts_what_can_only_be_built_with_values(tmp_path: Path) -> None:
    file = tmp_path / "exports.py"
    file.write_text(
        "import torch\n"
        "from torch import nn\n"
        "def build():\n"
        "    torch.zeros(2).numpy()\n"
        "    return torch.export.export(nn.Sequential(nn.Linear(6, 5)), (torch.zeros(2, 6),))\n"
    )
    (target,) = resolve([f"{file}:build"])
    counted = count_target(target)
    assert second_count(target, counted) == (counted.macs, "")


def test_modules_without_a_mode_are_left_without_one() -> None:
    frozen: Any = torch.jit.freeze(torch.jit.script(network()))
    with evaluating(frozen), evaluating(exported().module()):
        pass
    assert not hasattr(frozen, "training")
