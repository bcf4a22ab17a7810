"""timm's benchmark prints the count of fvcore, to the last digit: another part of it every day.

It ran attention unfused, which fvcore has rules for.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from importlib.util import find_spec

import pytest

from opbench.conventions import PEERS, Tally
from opbench.registry import providers
from opbench.registry.by_convention import tallies
from opbench.registry.targets import count_target, resolve
from opbench.spec import Shape
from opbench.zoo.rows import ZooRow, load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed"),
]

_MOST_MACS = 25 * 10**9  # of those that are run
STATED = [row for row in load("timm") if row.stated_macs is not None and row.macs < _MOST_MACS]
# One of each reason for a difference.
_EACH_REASON = (
    "resnet50.tv_in1k",
    "convnext_tiny.fb_in1k",
    "deit_tiny_patch16_224.fb_in1k",
    "nf_resnet50.ra2_in1k",
    "densenet201.tv_in1k",
    "sequencer2d_s.in1k",
    "convmixer_768_32.in1k",
)
_OF_TODAY = random.Random(datetime.now(UTC).date().isoformat()).sample(STATED, 12)
ROWS = {
    f"{row.weights}-{row.input_size}": row
    for row in STATED
    if row.weights in _EACH_REASON or row in _OF_TODAY
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_its_macs_are_those_of_fvcore(row: ZooRow, monkeypatch: pytest.MonkeyPatch) -> None:
    providers.match("timm", "*")  # imported before, it goes on as usual in this process
    monkeypatch.setenv("TIMM_FUSED_ATTN", "0")
    (target,) = resolve([row.name])
    size = Shape(row.input_size)
    found = tallies([PEERS["fvcore"]], target, count_target(target, size), size)["fvcore"]
    assert isinstance(found, Tally), found
    assert row.stated_macs is not None
    assert 2 * abs(found.total - row.stated_macs) <= row.library.macs_step
