"""A causal language model with an attention mask is counted without its weights, whatever size."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from opbench.conventions.forward import trace
from opbench.counting import build_and_count, count
from tests.counting.causal import Causal, Config, padded

SMALL = Config(layers=2, width=32, heads=4, hidden=48, vocabulary=50)
TOKENS = 12

# Runs in a process of its own, whose memory nothing else has used.
LARGE = """
import json, resource
from opbench.counting import build_and_count
from tests.counting.causal import large

counted = build_and_count(large)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([counted.device, counted.params, counted.macs, list(counted.uncounted), peak]))
"""


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("window", [None, 4])
def test_a_small_one_is_the_arithmetic_on_meta_and_on_real_tensors(
    padding: int, window: int | None
) -> None:
    config = Config(layers=2, width=32, heads=4, hidden=48, vocabulary=50, window=window)
    network, inputs = Causal(config), padded(3, TOKENS, padding)
    for device in (None, "cpu"):
        counted = count(network, inputs, device=device)
        assert counted.device == (device or "meta")
        assert counted.macs == 3 * config.macs(TOKENS)
        assert counted.params == config.params
        assert counted.uncounted == ()


def test_a_mask_that_the_network_makes_itself() -> None:
    counted = count(Causal(SMALL), padded(2, 40, 0)[:1])
    assert (counted.device, counted.macs) == ("meta", 2 * SMALL.macs(40))


def test_half_precision() -> None:
    counted = count(Causal(SMALL), padded(2, TOKENS, 3), dtype=torch.bfloat16)
    assert (counted.device, counted.macs) == ("meta", 2 * SMALL.macs(TOKENS))
    assert counted.weight_bytes == 2 * (SMALL.params + 4)  # and four frequencies


def test_other_conventions_see_the_same_products() -> None:
    calls = trace(lambda: (Causal(SMALL), padded(2, TOKENS, 3)))
    assert sum(call.name == "linear" for call in calls) == 2 * 7 + 1
    assert sum(call.name == "scaled_dot_product_attention" for call in calls) == 2


@pytest.mark.slow
def test_seven_billion_parameters_take_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LARGE], check=True, capture_output=True, text=True)
    device, params, macs, uncounted, peak_kilobytes = json.loads(done.stdout)
    assert (device, uncounted, done.stderr) == ("meta", [], "")
    assert params == Config().params == 6_738_415_616
    assert macs == Config().macs(4096)
    assert peak_kilobytes * 1024 < 1.5e9


def test_three_layers_of_it() -> None:
    config = Config(layers=3)
    counted = build_and_count(lambda: (Causal(config), padded(1, 128, 9)))
    assert (counted.device, counted.params) == ("meta", config.params)
    assert counted.macs == config.macs(128)
