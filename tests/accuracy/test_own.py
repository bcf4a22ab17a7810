"""A reader's own accuracies: columns by name, matches by full name, the rest listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from opbench.accuracy.own import read_own
from opbench.errors import BadFileError
from opbench.record import Record
from opbench.spec import Shape
from opbench.table.networks import Network
from opbench.table.own import with_own_accuracies
from tests.builders import accuracy, network_row, record

NAMES = ("resnet50", "timm:resnet50.a1_in1k", "mine.py:net", "one:x", "two:x", "timm:vgg16")
PUBLISHED = {"resnet50": accuracy("resnet50", 75.3, top5=92.2)}
NETWORKS = tuple(
    Network.of_registry(network_row(name, params=10_000_000), PUBLISHED.get(name)) for name in NAMES
)


# Runs of two networks at other sizes than NETWORKS has them at.
RUNS = (
    record("resnet50", input_size=Shape((3, 288, 288)), macs=6_000),
    record("mine.py:net", input_size=Shape((3, 320, 320)), macs=8_000, batch_size=4),
)


def _join(
    folder: Path, text: str, records: Sequence[Record] = ()
) -> tuple[dict[str, Network], tuple[str, ...]]:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    joined, notes = with_own_accuracies(NETWORKS, records, path)
    assert [network.name for network in joined] == [*NAMES]
    return {network.name: network for network in joined}, notes


def test_a_plain_file_of_names_and_top1_wins_over_what_was_published(tmp_path: Path) -> None:
    joined, notes = _join(tmp_path, "name,top1\nresnet50,70.5\nnet,60\n")
    assert joined["resnet50"].top1 == 70.5
    assert joined["resnet50"].top5 is None
    assert joined["resnet50"].source == "mine.csv"
    assert joined["resnet50"].density == pytest.approx(7.05)
    assert joined["mine.py:net"].top1 == 60
    assert notes == ()


def test_a_protocol_that_is_not_stated_is_no_single_central_crop(tmp_path: Path) -> None:
    joined, _ = _join(tmp_path, "name,top1\nresnet50,70.5\n")
    assert (joined["resnet50"].protocol, joined["resnet50"].single_crop) == ("not stated", False)
    stated, _ = _join(tmp_path, "name,top1,protocol\nresnet50,70.5,single central crop\n")
    assert stated["resnet50"].single_crop


def test_the_results_table_of_timm_is_read_and_a_tag_is_part_of_the_name(tmp_path: Path) -> None:
    header = "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation\n"
    rows = (
        "resnet50.a1_in1k,224,80.102,19.898,94.9,5.1,25.56,0.950,bicubic\n"
        "resnet50.tv_in1k,224,76.130,23.870,92.862,7.138,25.56,0.875,bilinear\n"
    )
    joined, notes = _join(tmp_path, header + rows)
    assert joined["timm:resnet50.a1_in1k"].top1 == 80.102
    assert joined["timm:resnet50.a1_in1k"].top5 == 94.9
    assert joined["resnet50"].top1 == 75.3
    assert len(notes) == 1
    assert notes[0].endswith(
        "1 of 2 rows match a network here; these do not: resnet50.tv_in1k (line 3); "
        "`opbench list` shows the built-in networks"
    )


def test_a_network_of_timm_without_a_tag_is_matched_where_there_is_one_set_of_weights(
    tmp_path: Path,
) -> None:
    joined, _ = _join(tmp_path, "model,top1\nvgg16.tv_in1k,71.6\n")
    assert joined["timm:vgg16"].top1 == 71.6
    joined, notes = _join(tmp_path, "model,top1\nvgg16.tv_in1k,71.6\nvgg16.x,70\n")
    assert joined["timm:vgg16"].top1 is None
    assert "these do not: vgg16.tv_in1k (line 2), vgg16.x (line 3)" in notes[0]


def test_a_short_name_that_could_be_two_networks_matches_neither(tmp_path: Path) -> None:
    joined, notes = _join(tmp_path, "name,top1\nx,50\n")
    assert [name for name, network in joined.items() if network.top1] == ["resnet50"]
    assert "these do not: x" in notes[0]


def test_of_two_rows_the_one_at_the_networks_input_size_is_meant(tmp_path: Path) -> None:
    text = "model,img_size,top1\nresnet50,288,78\nresnet50,224,76\n"
    joined, notes = _join(tmp_path, text, RUNS)
    assert (joined["resnet50"].top1, joined["resnet50"].macs) == (76, NETWORKS[0].macs)
    (note,) = notes
    assert "line 2: resnet50 at 3x288x288 is left out: a network is one point, and line 3" in note


@pytest.mark.parametrize("size", ["320", "320x320", "3x320x320"])
def test_a_row_is_about_the_network_at_the_size_that_it_names(tmp_path: Path, size: str) -> None:
    joined, notes = _join(tmp_path, f"name,top1,img_size\nmine.py:net,60,{size}\n", RUNS)
    network = joined["mine.py:net"]
    # 8,000 MACs of a batch of 4.
    assert (str(network.input_size), network.macs, network.top1) == ("3x320x320", 2_000, 60)
    assert notes == ()


def test_a_registered_network_moves_to_the_size_of_its_row_without_facts_of_another(
    tmp_path: Path,
) -> None:
    joined, _ = _join(tmp_path, "name,top1,img_size\nresnet50,78,288\n", RUNS)
    network = joined["resnet50"]
    assert (str(network.input_size), network.macs, network.top1) == ("3x288x288", 6_000, 78)
    assert network.entry and network.fact("paper") == network.entry.paper
    assert NETWORKS[0].fact("linear_macs") == network.entry.linear_macs
    assert network.fact("linear_macs") is None


def test_a_row_at_a_size_that_was_not_counted_is_left_out_with_the_command(tmp_path: Path) -> None:
    joined, notes = _join(tmp_path, "name,top1,img_size\nnet,60,448\nresnet50,78,256\n", RUNS)
    assert (joined["mine.py:net"].top1, joined["resnet50"].top1) == (None, 75.3)
    assert [note.partition(", line ")[2] for note in notes] == [
        "2: net at 3x448x448 is left out: it was counted at 3x224x224 or 3x320x320 only; `opbench "
        "run mine.py:net --input-size 3x448x448` counts and times it at that size",
        "3: resnet50 at 3x256x256 is left out: it was counted at 3x224x224 or 3x288x288 only; "
        "`opbench run resnet50 --input-size 3x256x256` counts and times it at that size",
    ]


def test_a_row_without_a_size_of_a_network_run_at_two_asks_for_it(tmp_path: Path) -> None:
    own = Network.of_record(record("mine.py:net", macs=100))
    path = tmp_path / "mine.csv"
    path.write_text("name,top1\nnet,60\n")
    (network,), (note,) = with_own_accuracies([own], RUNS[1:], path)
    assert (str(network.input_size), network.top1) == ("3x224x224", 60)
    assert "was run at 3x224x224 and 3x320x320 and is shown at 3x224x224" in note
    assert "img_size" in note


def test_a_network_of_the_readers_that_was_never_run_is_sent_to_a_run(tmp_path: Path) -> None:
    _, (note,) = _join(tmp_path, "name,top1\nother.py:net,60\n")
    assert "these do not: other.py:net (line 2); `opbench run other.py:net` counts" in note


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("resnet5O", "did you mean resnet50 or "),
        ("zzz*", "`opbench list` shows the built-in networks"),
        ("mine.py:", "`opbench list` shows the built-in networks"),
        (":", "`opbench list` shows the built-in networks"),
        ("timm:nothing_like_it", "`opbench run timm:nothing_like_it` counts and times"),
    ],
)
def test_a_row_that_matches_nothing_is_sent_to_a_run_only_where_it_can_be_run(
    tmp_path: Path, name: str, advice: str
) -> None:
    _, (note,) = _join(tmp_path, f"name,top1\n{name},60\n")
    assert f"(line 2); {advice}" in note


def test_two_names_of_one_network_are_two_rows_of_it(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="line 3: ResNet-50 has a row in line 2 already"):
        _join(tmp_path, "name,top1\nresnet50,70\nResNet-50,71\n")


def test_a_column_that_is_not_used_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    _, (note,) = _join(tmp_path, "name,top1,img_sise,Comment\nresnet50,70,288,x\n")
    assert note.endswith(
        "mine.csv: not used: img_sise, Comment; did you mean img_size? Known are name, top1, top5, "
        "protocol, source, source_url, dataset, images, img_size"
    )
    _, (note,) = _join(tmp_path, "name,top1,Comment\nresnet50,70,x\n")
    assert "not used: Comment; known are name" in note


def test_a_data_set_is_known_by_its_label_and_another_is_told(tmp_path: Path) -> None:
    joined, notes = _join(tmp_path, "name,top1,dataset\nresnet50,9,CIFAR-10\nnet,60,ImageNet-1k\n")
    assert (joined["resnet50"].dataset, joined["mine.py:net"].dataset) == ("cifar10", "imagenet")
    assert notes == ()
    joined, (note,) = _join(tmp_path, "name,top1,dataset\nnet,60,imagnet\n")
    assert joined["mine.py:net"].dataset == "imagnet"
    assert "line 2: unknown data set 'imagnet', drawn on an axis of its own" in note
    assert "did you mean imagenet? Known are imagenet, imagenet128, cifar10" in note


def test_two_rows_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"mine\.csv, line 3: resnet50 has a row in line 2"):
        _join(tmp_path, "name,top1\nresnet50,70\nresnet50,71\n")
    # Which of two unknown names is meant does not matter.
    _, notes = _join(tmp_path, "name,top1\nnobody,70\nnobody,71\n")
    assert "these do not: nobody (line 2), nobody (line 3); `opbench list` shows" in notes[0]


def test_a_file_of_fractions_is_refused_with_the_percentage_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"line 2: top1 is 0.752, .* write percent, 75.2"):
        _join(tmp_path, "name,top1\nresnet50,0.752\nnet,0.6\n")
    # A network that only guesses is right about one image in a thousand.
    joined, _ = _join(tmp_path, "name,top1\nresnet50,75.2\nnet,0.1\n")
    assert joined["mine.py:net"].top1 == 0.1


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="has no rows below its header"):
        _join(tmp_path, "name,top1\n")


def test_an_unknown_protocol_is_warned_of_with_the_known_ones(tmp_path: Path) -> None:
    joined, notes = _join(tmp_path, "name,top1,protocol\nresnet50,70,center crop\nnet,60,10 Crop\n")
    assert not joined["resnet50"].single_crop
    assert joined["mine.py:net"].protocol == "10-crop"
    (note,) = notes
    assert "mine.csv, line 2: unknown protocol 'center crop'" in note
    assert "did you mean single central crop? Known are single central crop, single crop" in note


def test_the_number_of_test_images_sets_the_interval(tmp_path: Path) -> None:
    joined, _ = _join(tmp_path, "name,top1,n\nresnet50,90,10000\nnet,90,\n")
    # 1.96 sqrt(0.9 * 0.1 / n) is 0.588 points of 10,000 images, and 0.263 of ImageNet's 50,000.
    for name, half in (("resnet50", 0.588), ("mine.py:net", 0.263)):
        low, high = joined[name].top1_low, joined[name].top1_high
        assert low is not None and high is not None
        assert (high - low) / 2 == pytest.approx(half, abs=0.002)


def test_names_are_found_whatever_their_case_and_hyphens(tmp_path: Path) -> None:
    joined, notes = _join(tmp_path, "name,top1\nResNet-50,70.5\n")
    assert (joined["resnet50"].top1, notes) == (70.5, ())


def test_a_dataset_of_the_readers_own_counts_with_the_accuracy(tmp_path: Path) -> None:
    joined, _ = _join(tmp_path, "name,top1,dataset\nresnet50,90,mnist\nnet,60,\n")
    assert (joined["resnet50"].dataset, joined["mine.py:net"].dataset) == ("mnist", "imagenet")
    # 10,000 images: 1.96 sqrt(0.9 * 0.1 / 10,000) = 0.588 points to either side, and Wilson's
    # interval lies 0.015 lower.
    assert joined["resnet50"].top1_low == pytest.approx(90 - 0.588, abs=0.02)
    assert joined["resnet50"].top1_high == pytest.approx(90 + 0.588, abs=0.02)


def test_an_empty_cell_of_the_readers_says_that_there_is_no_accuracy(tmp_path: Path) -> None:
    joined, notes = _join(tmp_path, "name,top1\nresnet50,\n")
    assert joined["resnet50"].top1 is None
    (note,) = notes
    assert "line 2: top1 of resnet50 is empty: none is shown, not a published one" in note


def test_what_spreadsheets_write_is_read(tmp_path: Path) -> None:
    joined, _ = _join(tmp_path, '\ufeffModel, Top1 ,source\r\n"resnet50", 70.5,"a, b"\r\n,,\r\n')
    assert (joined["resnet50"].top1, joined["resnet50"].source) == (70.5, "a, b")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model,accuracy5\na,1\n", "line 1: no column top1 or"),
        ("top1\n70\n", "line 1: no column name or"),
        ("name,top1\nresnet50,170\n", "line 2: top1 is 170: write a percentage"),
        ("name,top1\nresnet50,70\nnet,high\n", "line 3: top1 is 'high': write a number"),
        ("name,top1\nresnet50,nan\n", "line 2: top1 is 'nan': write a number"),
        ("name,top1\nresnet50,'75,2'\n".replace("'", '"'), "line 2: top1 is '75,2': write a point"),
        ("name,top1,img_size\nresnet50,70,big\n", "line 2: img_size is 'big': write 224 or 3x224x"),
        ("name,top1,images\nresnet50,70,many\n", "line 2: images is 'many': write the number of"),
        ("name,top1,images\nresnet50,70,0\n", "line 2: images is '0': write the number of"),
        (
            "name;top1\nresnet50;75,2\n",
            "line 1: the columns are separated by semicolons: write commas, and decimals with a "
            "point, such as 75.2",
        ),
        (
            "name,top1\nresnet50,75,2\n",
            "line 2: the row has 3 fields, the header 2; a decimal comma. Write 75.2",
        ),
        (
            "name,top1,top5\nresnet50,75,2\n",
            "line 2: top1 is 75 and top5 2; a decimal comma. Write 75.2, else 75.0",
        ),
        ("name,top1,protocol\nresnet50,75,2\n", "line 2: top1 is 75 and protocol 2; .* 75.2"),
        ("name,top1,top5\nresnet50,75,2,92,1\n", "line 2: the row has 5 fields.* Write 75.2"),
        ("name,top1,top5\nresnet50,75.2,92,1\n", "line 2: the row has 4 fields.* Write 92.1"),
        ("name,top1\nresnet50,70,a, b\n", "line 2: the row has 4 fields.* in quotes"),
        ("name,top1,source\nresnet50,70\n", "line 2: the row has 2 fields, the header 3: add"),
        ("name\ttop1\nresnet50\t70\n", "line 1: the columns are separated by tabs"),
        ("name,top1\n,70\n", "line 2: the name is empty"),
        ("name,top1,Top1\nresnet50,70,71\n", "line 1: top1 occurs twice: remove one"),
        ("name,top1,top5\nresnet50,75,60\n", "line 2: top5 is 60, which is below top1, 75"),
        ("name,top1\nresnet50,7_5\n", "line 2: top1 is '7_5': write a number"),
        ("name,top1\nresnet50\n", "line 2: the row has 1 field, the header 2: add"),
        ("", "line 1: no column name or"),
        ('name,top1\n"resnet50,70\n', "is not a CSV file in UTF-8"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BadFileError, match=rf"mine\.csv.*{complaint}"):
        _join(tmp_path, text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="nowhere"):
        read_own(tmp_path / "nowhere.csv")
    with pytest.raises(BadFileError, match="it is a device, not a file"):
        read_own(Path("/dev/full"))
    (tmp_path / "latin.csv").write_bytes("name,top1\nr\xe9seau,70\n".encode("latin-1"))
    with pytest.raises(BadFileError, match="UTF-8"):
        read_own(tmp_path / "latin.csv")


@pytest.mark.parametrize(
    "text",
    [
        "name,top1,top5\nnet,75,92\n",
        "name,top1,images\nnet,75,200\n",
        "name,top1,year\nnet,75,2\n",
        "name,top1,source\nnet,75.0,2\n",
        "top1,name\n75,2\n",
    ],
)
def test_a_whole_percentage_is_no_decimal_comma_where_a_number_may_follow(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    (row,) = read_own(path).rows
    assert row.top1 == 75
