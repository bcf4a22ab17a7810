"""ONNX's own cases: thousands of small graphs, each exact, named, or one sentence.

Two oracles share nothing with the rules.  ONNX gives many operators a second time, expanded into
simpler ones: both graphs must have the same products.  And where a graph is one product, its
reference implementation is run on ones: each product adds one to the sum of the result.
"""

from __future__ import annotations

import math
import re
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TypeProto
from onnx.reference import ReferenceEvaluator

from opbench.counting.graph import GraphRequest, count_file
from opbench.errors import OpbenchError
from opbench.record import Count

pytestmark = pytest.mark.slow

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"

# Operators with products of a kind that no rule covers: transforms, determinants, gradients.
NAMED = {"DFT", "STFT", "Det", "ai.onnx.preview.training::Gradient"}

# The sizes that only values tell, in graphs whose inputs are values alone.
SENTENCES = "|".join(
    (
        "depends on values",
        "leaves axes of its inputs open",
        "the Scan of opset 8 has no rule",
        "depends on the turns of a loop",
    )
)


@cache
def cases() -> dict[str, ModelProto]:
    """Every graph of one node or a few that comes with onnx, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = import_module("onnx.backend.test.case.node").collect_testcases(None)
        found = {case.name: case.model for case in made}
    for path in sorted(DATA.glob("*/*/*.onnx")):
        found[f"{path.parent.parent.name}/{path.parent.name}"] = onnx.load(path)
    return found


def counted(model: ModelProto) -> Count:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.onnx"
        path.write_bytes(model.SerializeToString())
        return count_file(path, GraphRequest(name="case.onnx"))


@cache
def outcomes() -> dict[str, Count | str]:
    """The count of every case, or the sentence; anything else that is raised ends the test."""
    found: dict[str, Count | str] = {}
    for name, model in cases().items():
        try:
            found[name] = counted(model)
        except OpbenchError as error:
            found[name] = str(error)
    return found


def test_every_case_is_exact_named_or_a_sentence_that_is_known() -> None:
    sentences = {name: each for name, each in outcomes().items() if isinstance(each, str)}
    counts = {name: each for name, each in outcomes().items() if isinstance(each, Count)}
    assert not {name: said for name, said in sentences.items() if not re.search(SENTENCES, said)}
    assert {operator for each in counts.values() for operator in each.uncounted} == NAMED
    assert len(counts) > 0.98 * len(cases()) > 1_900


def pairs() -> Iterator[tuple[str, Count, Count]]:
    for name, expanded in outcomes().items():
        base = name.partition("_expanded")[0]
        one = outcomes().get(base)
        if name != base and isinstance(one, Count) and isinstance(expanded, Count):
            yield name, one, expanded


def outer_products(name: str) -> int:
    """Return the cells that linear attention writes, one outer product for each step.

    ONNX writes it as a matrix product of inner length 1; an outer product has no sum.
    """
    if not name.startswith("test_linear_attention"):
        return 0
    model = cases()[name.partition("_expanded")[0]]
    query, state = model.graph.input[0], model.graph.output[1]
    steps = query.type.tensor_type.shape.dim[1].dim_value
    return steps * math.prod(each.dim_value for each in state.type.tensor_type.shape.dim)


def test_an_operator_has_the_products_of_what_it_is_expanded_to() -> None:
    found = [each for each in pairs() if not each[1].uncounted]
    apart = {
        name: (one.macs + outer_products(name), other.macs)
        for name, one, other in found
        if one.macs + outer_products(name) != other.macs
    }
    assert not apart
    assert sum(one.macs > 0 for _, one, _ in found) > 50


PRODUCTS = {"MatMul", "MatMulInteger", "Gemm", "Conv", "ConvTranspose", "Einsum"}


def products() -> Iterator[tuple[str, ModelProto]]:
    """The graphs of one product of two factors, without what is added or scaled."""
    for name, model in cases().items():
        (first, *others) = model.graph.node
        factors = len(first.input) == 2 and first.op_type in PRODUCTS
        names = {each.name for each in first.attribute}
        if factors and not others and not names & {"alpha", "pads", "auto_pad", "output_shape"}:
            yield name, model


def ones(kind: TypeProto.Tensor) -> Any:
    shape = [each.dim_value for each in kind.shape.dim]
    return np.ones(shape, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))


def test_a_product_of_ones_adds_up_to_its_count() -> None:
    tried = {}
    for name, model in products():
        count = outcomes()[name]
        if isinstance(count, str):
            continue
        feeds = {each.name: ones(each.type.tensor_type) for each in model.graph.input}
        (result,) = ReferenceEvaluator(model).run(None, feeds)
        tried[name] = (count.macs, round(float(np.sum(result, dtype=np.float64))))
    assert len(tried) > 15
    assert not {name: both for name, both in tried.items() if both[0] != both[1]}
