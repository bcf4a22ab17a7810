"""timm's table of results."""

from __future__ import annotations

import pytest

from opbench.errors import BadFileError
from opbench.zoo.results import Result, on_file, read_results
from opbench.zoo.rows import ZooRow
from tests.builders import zoo_row
from tests.fixtures import Write

HEADER = "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation"
LINE = 'big.in1k,560,89.79,10.21,98.99,1.01,"1,014.45",1.000,bicubic'


def test_rows_are_read_at_each_size(write: Write) -> None:
    path = write("results.csv", f"{HEADER}\n{LINE}\n{LINE.replace('560', '336')}\n")
    first, second = read_results(path).rows
    assert first == Result(
        weights="big.in1k", side=560, top1=89.79, top5=98.99, stated_params=1_014_450_000
    )
    assert second.side == 336


def test_columns_that_are_not_read_need_not_be_there(write: Write) -> None:
    path = write("results.csv", "model,img_size,top1,top5,param_count\na.in1k,224,70,90,1.5\n")
    benchmark = write("b.csv", "model,infer_img_size,param_count,infer_gmacs\na,224,1.5,0.3\n")
    (found,) = read_results(path, benchmark).rows
    assert (found.top1, found.stated_params, found.stated_macs) == (70, 1_500_000, 300_000_000)


@pytest.mark.parametrize(
    ("cell", "damaged", "told"),
    [
        ("560", "560.5", "img_size is '560.5': write the pixels of one side"),
        ("89.79", "897.9", "top1 is 897.9: write a percentage"),
        ("89.79", "best", "top1 is 'best': write a number"),
        ("89.79", "", "top1 is empty: write a percentage"),
        ('"1,014.45"', "-1", "param_count is '-1': write a number in units of 1,000,000"),
        ("big.in1k", "", "model is empty"),
    ],
)
def test_a_damaged_cell_is_named(write: Write, cell: str, damaged: str, told: str) -> None:
    path = write("results.csv", f"{HEADER}\n{LINE.replace(cell, damaged)}\n")
    with pytest.raises(BadFileError) as caught:
        read_results(path)
    assert f"results.csv, line 2: {told}" in str(caught.value)


BENCHMARK = (
    "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,"
    "infer_gmacs,infer_macts\n"
)


def test_macs_are_joined_by_network_size_and_parameters(write: Write) -> None:
    path = write("results.csv", f"{HEADER}\n{LINE}\n{LINE.replace('560', '336')}\n")
    benchmark = write(
        "benchmark.csv", f'{BENCHMARK}big,560,1,1,1,"1,014.45","1,906.76",1\nbig,336,1,1,1,7,8,9\n'
    )
    fast = read_results(path, benchmark)
    assert fast.notes == (f"{benchmark}: 1 of 2 networks match no weights in {path}",)
    assert [each.stated_macs for each in fast.rows] == [1_906_760_000_000, None]  # 336: fused
    with pytest.raises(BadFileError, match="line 2: infer_gmacs is '-8': write a number"):
        read_results(path, write("benchmark.csv", f"{BENCHMARK}big,336,1,1,1,7,-8,9\n"))


def test_weights_twice_at_one_size_and_another_header_are_refused(write: Write) -> None:
    with pytest.raises(BadFileError, match=r"line 3: big\.in1k at 560 is on line 2 too"):
        read_results(write("results.csv", f"{HEADER}\n{LINE}\n{LINE}\n"))
    with pytest.raises(BadFileError, match="line 1: the header lacks model"):
        read_results(write("results.csv", "name,top1\na,1\n"))


def test_accuracies_on_file_are_those_of_rows_that_have_one() -> None:
    rows: list[ZooRow] = [zoo_row(stated_params=990), zoo_row("timm:b.in1k", top1=None)]
    assert on_file(rows) == [
        Result(weights="a.in1k", side=224, top1=70.0, top5=90.0, stated_params=990, release="1.0")
    ]
