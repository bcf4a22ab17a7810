"""``opbench count``."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.fixtures import Opbench, Rows, Write

TINY = """
import torch
from torch import nn

net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU())

def pair():
    return nn.Linear(7, 5), (torch.zeros(2, 7),)

def broken():
    raise RuntimeError("no such weights")

def wrong():
    return 42

def needs(argument):
    return net

class Raises(nn.Module):
    def forward(self, x):
        raise ValueError("half-way")

class Sums(nn.Linear):
    def forward(self, images):
        values = images.values() if isinstance(images, dict) else images
        return sum(super(Sums, self).forward(image).sum() for image in values)

def listed():
    return Sums(7, 5), ([torch.zeros(2, 7), torch.zeros(3, 7)],)

def named():
    return Sums(7, 5), ({"left": torch.zeros(2, 7), "right": torch.zeros(4, 7)},)

class Exits(nn.Module):
    def forward(self, x):
        raise SystemExit(3)

def exits():
    raise SystemExit("usage: train.py --data FOLDER")

class Prints(nn.Linear):
    def __init__(self):
        print("in a constructor")
        super().__init__(7, 5)

    def forward(self, x):
        print("in a forward pass")
        return super().forward(x)

print("imported")
"""

ODD = """
import torch
from torch import nn

@torch.library.custom_op("opbench_count::first", mutates_args=())
def first(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

@torch.library.custom_op("opbench_count::second", mutates_args=())
def second(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

first.register_fake(torch.empty_like)
second.register_fake(torch.empty_like)

class Odd(nn.Module):
    def forward(self, x):
        return first(second(x))
"""

TWO_INPUTS = """
import torch
from torch import nn

class Both(nn.Module):
    def forward(self, image, state):
        return image.sum() + state.sum()

def pair():
    return Both(), (torch.zeros(1, 3, 64, 64), torch.zeros(1, 10))
"""


def test_json_has_the_documented_keys_and_exact_numbers(rows: Rows) -> None:
    (row,) = rows("count", "alexnet")
    assert row["name"] == "alexnet"
    assert row["input_size"] == "3x227x227"
    assert row["params"] == 60_965_224
    assert row["macs"] == 724_406_816
    assert row["uncounted"] == []
    assert {"activations", "peak_activation_bytes", "weight_bytes"} <= set(row)


def test_operators_without_a_rule_are_a_list_in_json_and_joined_elsewhere(
    opbench: Opbench, write: Write
) -> None:
    path = write("odd.py", ODD)
    said = {
        format: opbench("count", f"{path}:Odd", "--input-size", "7", "--format", format)
        for format in ("json", "csv", "markdown", "table")
    }
    names = ["opbench_count::first", "opbench_count::second"]
    assert json.loads(said["json"].stdout)[0]["uncounted"] == names
    assert next(csv.DictReader(io.StringIO(said["csv"].stdout)))["uncounted"] == ", ".join(names)
    assert f"| {', '.join(names)} |" in said["markdown"].stdout
    assert ", ".join(names) in said["table"].stdout
    assert all("warning: uncounted operators" in each.stderr for each in said.values())


def test_another_input_size_moves_the_convolutions_only(rows: Rows) -> None:
    (small,) = rows("count", "conv3x3_256")
    (large,) = rows("count", "conv3x3_256", "--input-size", "256x10x7")
    assert large["macs"] == small["macs"] * 70
    assert large["params"] == small["params"]


def test_a_batch_is_counted_whole(rows: Rows) -> None:
    (one,) = rows("count", "squeezenet1_1")
    (three,) = rows("count", "squeezenet1_1", "--batch-size", 3)
    assert three["macs"] == 3 * one["macs"]


def test_a_file_is_a_target(rows: Rows, write: Write) -> None:
    path = write("tiny.py", TINY)
    (row,) = rows("count", f"{path}:net", "--input-size", "3x8x8")
    assert row["macs"] == 4 * 6 * 6 * 27
    (row,) = rows("count", f"{path}:pair")
    assert row["macs"] == 2 * 7 * 5
    (row,) = rows("count", f"{path}:listed")
    assert row["macs"] == (2 + 3) * 7 * 5
    (row,) = rows("count", f"{path}:named")
    assert row["macs"] == (2 + 4) * 7 * 5


def test_the_sizes_of_all_inputs_are_shown(opbench: Opbench, rows: Rows, write: Write) -> None:
    path = write("pair.py", TWO_INPUTS)
    (row,) = rows("count", f"{path}:pair")
    assert (row["input_size"], row["input_sizes"]) == ("3x64x64", ["3x64x64", "10"])
    assert "| 3x64x64, 10 |" in opbench("count", f"{path}:pair", "--format", "markdown").stdout


def test_a_module_path_is_a_target(rows: Rows) -> None:
    (row,) = rows("count", "torch.nn:ReLU", "--input-size", "3x8x8")
    assert row["macs"] == row["params"] == 0


def test_rows_per_module_and_operator_add_up(rows: Rows) -> None:
    (whole,) = rows("count", "googlenet")
    operators = rows("count", "googlenet", "--by", "operator")
    assert sum(row["macs"] for row in operators) == whole["macs"]
    modules = rows("count", "googlenet", "--by", "module", "--depth", 1)
    assert modules[0]["macs"] == whole["macs"]
    assert sum(row["macs"] for row in modules[1:]) == whole["macs"]
    assert rows("count", "googlenet", "--depth", 1) == modules
    top = rows("count", "googlenet", "--by", "module", "--top", 3)
    assert len(top) == 3
    # Convolutions, and not the blocks that hold them.
    assert {row["kind"] for row in top} == {"Conv2d"}


def test_one_failing_target_is_a_row_and_the_others_go_on(opbench: Opbench, write: Write) -> None:
    path = write("tiny.py", TINY)
    result = opbench("count", f"{path}:broken", "lenet5", f"{path}:Raises", "--format", "json")
    assert result.exit_code == 1
    broken, lenet, raises = json.loads(result.stdout)
    assert "no such weights" in broken["error"]
    assert lenet["macs"] == 325_680
    assert "input" in raises["error"] or "half-way" in raises["error"]


def test_what_cannot_be_counted_ends_alike_alone_and_in_company(
    opbench: Opbench, write: Write
) -> None:
    path = write("tiny.py", TINY)
    broken, sizeless = f"{path}:broken", f"{path}:net"
    for names in ([broken], [sizeless], [broken, sizeless]):
        result = opbench("count", *names)
        assert (result.exit_code, result.stdout) == (2, "")
        said = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        for name, line in zip(names, said, strict=True):
            assert name in line
    result = opbench("count", broken, "lenet5", sizeless)
    assert result.exit_code == 1
    assert " ".join(result.output.split()).count("no such weights") == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_stdout_holds_the_rows_and_nothing_that_a_network_prints(
    opbench: Opbench, write: Write, capfd: pytest.CaptureFixture[str], jobs: int
) -> None:
    path = write("tiny.py", TINY)
    names = (f"{path}:Prints", "lenet5")[:jobs]
    result = opbench("count", *names, "--input-size", "1x7x7", "--jobs", jobs, "--format", "json")
    printed = capfd.readouterr()
    assert json.loads(result.stdout)[0]["macs"] == 7 * 7 * 5
    assert not printed.out  # which a process of its own would have written to
    for said in ("imported", "in a constructor", "in a forward pass"):
        assert f"{said}\n" in result.stderr + printed.err


def test_an_option_that_would_do_nothing_is_refused(opbench: Opbench) -> None:
    for args, said in (
        (("--depth", 1, "--by", "operator"), "remove --by operator"),
        (("--batch-size", "1,16"), "count takes one batch size, not '1,16'"),
        (("--top", 3), "--by module or --by operator"),
        (("--convention", "fvcore", "--top", 3), "--by module or --by operator"),
        (("--convention", "fvcore", "--dtype", "float16"), "remove --dtype"),
        (("--convention", "fvcore", "--pass", "training"), "remove --pass training"),
    ):
        result = opbench("count", "lenet5", *args)
        assert result.exit_code == 2 and said in result.stderr, args


def test_the_table_tells_the_bytes_of_the_weights(opbench: Opbench) -> None:
    header, row, *_ = opbench("count", "conv3x3_256", "--format", "markdown").stdout.splitlines()[
        ::2
    ]
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert cells["weights MiB"] == f"{256 * 256 * 9 * 4 / 2**20:.2f}"


def test_csv_and_markdown_print_every_target(opbench: Opbench) -> None:
    out = opbench("count", "vgg11", "vgg13", "--format", "csv").stdout
    assert [row["name"] for row in csv.DictReader(io.StringIO(out))] == ["vgg11", "vgg13"]
    assert "| vgg13 |" in opbench("count", "vgg11", "vgg13", "--format", "markdown").stdout


def test_what_a_user_can_mend_is_one_sentence_and_exit_code_2(
    opbench: Opbench, write: Write
) -> None:
    path = write("tiny.py", TINY)
    for args, said in (
        (("count", "resnet5O"), "resnet50"),
        (("count", "resnet50", "--input-size", "3x0x224"), "3x224x224"),
        (("count", "resnet50", "--input-size", "big"), "3x224x224"),
        (("count", "resnet50", "--batch-size", "0"), "batch-size"),
        (("count", "resnet50", "--format", "yaml"), "markdown"),
        (("count", "resnet50", "--dtype", "float12"), "float16"),
        (("count", "nowhere.py:net"), "nowhere.py"),
        (("count", "no_such_package:net", "--input-size", "3x8x8"), "no_such_package"),
        (("count", f"{path}:nett"), "did you mean net"),
        (("count", f"{path}:wrong"), "nn.Module"),
        (("count", f"{path}:needs"), "needs arguments"),
        (("count", f"{path}:net"), "--input-size 3x224x224"),
        (("count", f"{path}:net"), f"{path}:net: "),
        (("count", f"{path}:exits"), "usage: train.py"),
        (("count", f"{path}:Exits", "--input-size", "3"), "SystemExit: 3"),
        (("count", ":net"), "package.module:ATTR"),
        (("count", "resnet50", "--input-size", "5x224x224"), "resnet50"),
    ):
        result = opbench(*args)
        assert result.exit_code == 2, (args, result.output)
        assert said in result.stderr, (args, result.stderr)
        assert "Traceback" not in result.stderr
        assert not result.stdout


def test_inputs_that_a_target_brings_keep_their_size_and_batch(
    opbench: Opbench, write: Write
) -> None:
    path = write("tiny.py", TINY)
    pair, listed, net = f"{path}:pair", f"{path}:listed", f"{path}:net"
    assert "For the inputs that the target brings." in opbench("count", pair).stdout
    result = opbench("count", pair, "--batch-size", "4")
    assert result.exit_code == 2
    assert "brings its own inputs, a batch of 2: remove --batch-size" in result.stderr
    both = opbench("count", listed, net, "--input-size", "3x8x8", "--format", "json")
    # Linear(7, 5) on 2 and 3 rows; a convolution of 3 to 4 channels, 3 x 3, on 6 x 6 places.
    assert [row["macs"] for row in json.loads(both.stdout)] == [5 * 7 * 5, 4 * 36 * 27]
    for size in ("3x8x8", "7"):
        alone = opbench("count", listed, "--input-size", size)
        assert alone.exit_code == 2
        assert f"{listed} brings its own inputs: remove --input-size" in alone.stderr
    (one,) = json.loads(
        opbench("count", pair, "--input-size", "7", "--batch-size", "3", "--format", "json").stdout
    )
    assert one["macs"] == 3 * 7 * 5


def test_show_refuses_a_size_that_a_target_does_not_take(opbench: Opbench, write: Write) -> None:
    path = write("tiny.py", TINY)
    result = opbench("show", f"{path}:listed", "--input-size", "3x8x8")
    assert result.exit_code == 2
    assert f"{path}:listed brings its own inputs: remove --input-size" in result.stderr


NAMED = """
import torch
from torch import nn


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.fc = nn.Embedding(11, 4), nn.Linear(4, 5)

    def forward(self, input_ids, mask=None, *, image=None):
        rows = self.table(input_ids)
        rows = rows if mask is None else rows[:, : int(mask.sum())]
        return self.fc(rows if image is None else rows + image)


def pair():
    return Named(), {"input_ids": torch.zeros(1, 6, dtype=torch.int64)}
"""
PER_ROW = 4 * 5


@pytest.mark.parametrize(
    ("inputs", "length"),
    [
        (["input_ids=2x16:int64"], 32),
        (["2x16:int64"], 32),
        (["1x16:int64", "mask=1x7:bool"], 7),
        (["mask=1x7:int64", "1x16:int32"], 7),
        (["image=1x3x4", "input_ids=1x1:int64"], 3),
    ],
)
def test_inputs_are_described_on_the_command_line(
    rows: Rows, write: Write, inputs: list[str], length: int
) -> None:
    path = write("named.py", NAMED)
    options = [each for text in inputs for each in ("--input", text)]
    for name in ("Named", "pair"):  # what is asked for takes the place of what a target brings
        (row,) = rows("count", f"{path}:{name}", *options)
        assert (row["macs"], row["own_inputs"]) == (length * PER_ROW, False)
    (row,) = rows("count", f"{path}:pair")
    assert (row["macs"], row["own_inputs"]) == (6 * PER_ROW, True)
    (whole, *_) = rows("show", f"{path}:Named", "--no-witness", *options)
    assert whole["macs"] == length * PER_ROW


def test_a_table_names_the_inputs_given(opbench: Opbench, write: Write) -> None:
    path = write("named.py", NAMED)
    result = opbench("count", f"{path}:Named", "--input", "input_ids=2x16:int64")
    assert "For input_ids=2x16:int64." in result.stdout
    fvcore = opbench("show", f"{path}:Named", "--input", "input_ids=2x16:int64")
    assert f"{32 * PER_ROW:,}, equal" in fvcore.stdout


@pytest.mark.parametrize("convention", ["torch", "fvcore"])
def test_conventions_count_the_inputs_given(rows: Rows, write: Write, convention: str) -> None:
    given = ("--input", "input_ids=2x16:int64")
    (row,) = rows("count", f"{write('named.py', NAMED)}:Named", *given, "--convention", convention)
    assert row["value"] == 32 * PER_ROW * (2 if convention == "torch" else 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--input", "ids=1x9:int64"), "--input: Named.forward takes no argument 'ids'; did you m"),
        (("--input", "4:int64", "--input", "input_ids=4:int64"), "gets two values for 'input_ids'"),
        (("--input", "x=4", "--input", "x=5"), "--input: the input x is given 2 times"),
        (("--input", "image=1x3x4"), "Named.forward also needs input_ids"),
        (("--input", "input_ids=1x9"), "takes integers, not floating-point numbers: give them"),
        (("--input", "1x9:int65"), "no data type is called 'int65'; did you mean int64"),
        (("--input", "1xN:int64"), "the shape '1xN' must be positive integers joined by x"),
        (("--input", "1x9", "--input-size", "3x9x9"), "--input gives whole shapes: remove --inp"),
        (("--input", "1x9", "--batch-size", "4"), "remove --batch-size and write the batch there"),
    ],
)
def test_inputs_that_do_not_fit_are_one_sentence(
    opbench: Opbench, write: Write, options: tuple[str, ...], said: str
) -> None:
    result = opbench("count", f"{write('named.py', NAMED)}:Named", *options)
    assert result.exit_code == 2
    assert said in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "macs"),
    [((), 2 * 7 * 5), (("--pass", "forward"), 2 * 7 * 5), (("--pass", "training"), 2 * 2 * 7 * 5)],
)
def test_each_row_says_which_pass_it_counts(
    rows: Rows, write: Write, options: tuple[str, ...], macs: int
) -> None:
    target = f"{write('tiny.py', TINY)}:pair"
    found = [rows("count", target, *options, "--by", by)[0] for by in ("model", "module")]
    assert [row["macs"] for row in found] == [macs, macs]
    assert {row["pass"] for row in found} == {options[1] if options else "forward"}


def test_the_table_of_a_training_pass_says_so(opbench: Opbench) -> None:
    table = opbench("count", "lenet5", "--pass", "training").stdout
    assert "training MACs" in table
    assert "the forward and backward pass of one image" in table


def test_rows_per_module_of_a_training_pass_add_up(rows: Rows) -> None:
    total, *modules = rows("count", "lenet5", "--pass", "training", "--depth", "9")
    leaves = [row for row in modules if row["macs"]]
    assert sum(row["macs"] for row in leaves if row["depth"] == 1) == total["macs"]


def test_a_network_that_cannot_be_trained_is_one_sentence(opbench: Opbench) -> None:
    said = opbench("count", "bn_alexnet", "--pass", "training")
    assert said.exit_code == 2
    assert "(in classifier.2)" in said.stderr
    assert said.stderr.endswith("take a batch of 2 or more\n")
