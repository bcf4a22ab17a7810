"""A network that a figure cannot show: the advice helps, in every figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from opbench import figures
from opbench.errors import MissingDataError, OpbenchError, UnknownNameError
from opbench.figures import Options, find, takes
from opbench.figures.parts.absent import OTHERS, SHOWN_BY
from opbench.figures.parts.style import theme
from opbench.spec import DATASETS, ordered_datasets
from opbench.table.frames import Table, load

ABLE = [name for name in figures.names() if "highlight" in takes(name)]
IMAGENET_ONLY = sorted({*ABLE} - {*OTHERS, "modules"})
TIMED = [name for name in IMAGENET_ONLY if "device" in takes(name) and "x" not in takes(name)]


def _refusal(name: str, table: Table, **choices: object) -> str:
    with theme("light"), pytest.raises(MissingDataError) as caught:
        find(name)(table, Options(**choices))  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("name", IMAGENET_ONLY)
@pytest.mark.parametrize(
    ("option", "value"), [("highlight", "lenet5"), ("label", "lenet*"), ("families", "lenet")]
)
def test_a_network_of_another_data_set_is_sent_to_figures_that_show_it(
    timed_table: Table, name: str, option: str, value: str
) -> None:
    told = _refusal(name, timed_table, **{option: (value,)})
    assert "it takes networks of ImageNet only, and lenet5 is of MNIST, which" in told
    assert all(other in told for other in OTHERS)
    assert "opbench run" not in told


@pytest.mark.parametrize("name", OTHERS)
def test_the_figures_that_are_advised_show_other_data_sets(timed_table: Table, name: str) -> None:
    for choices in ({"highlight": ("lenet5",)}, {"families": ("lenet",)}):
        with theme("light"):
            find(name)(timed_table, Options(**choices))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "network", "dataset"),
    [("accuracy-vs-ops", "caffenet128", "imagenet128"), ("modules", "vgg16", "imagenet")],
)
def test_the_figures_advised_are_those_of_the_networks_data_set(
    timed_table: Table, name: str, network: str, dataset: str
) -> None:
    advised = SHOWN_BY[dataset]
    assert ", ".join(advised) in _refusal(name, timed_table, highlight=(network,))
    for figure in advised:
        with theme("light"):
            find(figure)(timed_table, Options(highlight=(network,)))


def test_a_building_block_and_a_network_without_definition_have_sentences_of_their_own() -> None:
    real = load(Path(__file__).parents[2] / "results")
    told = _refusal("accuracy-vs-ops", real, highlight=("conv3x3_256",))
    assert told.endswith("conv3x3_256 is of no data set: `opbench show` has its counts")
    told = _refusal("accuracy-vs-ops", real, highlight=("enet_chart2016",))
    assert "enet_chart2016 was never defined in print" in told


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("vgg61", "did you mean vgg16"),
        ("nope", "`opbench list` shows all"),
        ("zzz*", "`opbench list` shows all"),
        ("torchvision.resnet18", "did you mean torchvision:resnet18?"),
        ("timm:zzz*", "`opbench run` adds networks of your own"),
        ("mine.py:", "`opbench run` adds networks of your own"),
        ("mine.py:unheard_of", "`opbench run mine.py:unheard_of` counts and times it"),
        ("torchvision:resnet18", "`opbench run torchvision:resnet18` counts and times it"),
        ("my.nets:net", "`opbench run my.nets:net` counts and times it"),
    ],
)
@pytest.mark.parametrize("option", ["highlight", "label"])
def test_only_what_can_be_run_is_sent_to_a_run(
    timed_table: Table, option: str, name: str, advice: str
) -> None:
    options = Options(**{option: (name,)})  # type: ignore[arg-type]
    with theme("light"), pytest.raises(OpbenchError) as caught:
        find("accuracy-vs-ops")(timed_table, options)
    assert advice in str(caught.value)


@pytest.mark.parametrize("name", TIMED)
def test_a_network_that_was_only_counted_is_sent_to_a_run(timed_table: Table, name: str) -> None:
    others = timed_table.cells[timed_table.cells["name"] != "vgg16"]
    untimed = replace(timed_table, cells=others)
    told = _refusal(name, untimed, highlight=("vgg16",))
    assert told.endswith("vgg16 was counted, but not timed: run `opbench run vgg16`")


def test_a_network_timed_under_other_settings_is_told_the_options(timed_table: Table) -> None:
    cells = timed_table.cells
    other = cells["dtype"].where(cells["name"] != "vgg16", "bfloat16")
    table = replace(timed_table, cells=cells.assign(dtype=other))
    assert "draw those with --dtype bfloat16" in _refusal(
        "ops-vs-time", table, highlight=("vgg16",)
    )
    larger = cells["input_size"].where(cells["name"] != "vgg16", "3x448x448")
    table = replace(
        timed_table,
        cells=cells.assign(input_size=larger, own_size=cells["own_size"] & (cells.name != "vgg16")),
    )
    assert "was timed at 3x448x448 only" in _refusal("ops-vs-time", table, highlight=("vgg16",))


def test_a_network_timed_at_another_batch_size_is_told_the_option(timed_table: Table) -> None:
    cells = timed_table.cells
    four = cells[(cells["name"] != "vgg16") | (cells["batch_size"] == 4)]
    table = replace(timed_table, cells=four)
    for name in ("ops-vs-time", "memory-vs-params", "roofline"):
        told = _refusal(name, table, highlight=("vgg16",))
        assert "vgg16 was timed at batch size 4, not at 1" in told
        assert told.endswith("--batch-size")


@pytest.mark.parametrize("name", ["accuracy-vs-ops", "accuracy-vs-throughput", "timeline", "top1"])
def test_a_network_without_an_accuracy_is_asked_for_one(timed_table: Table, name: str) -> None:
    known = timed_table.networks["name"] != "vgg16"
    timed = timed_table.cells["name"] != "vgg16"
    table = replace(
        timed_table,
        networks=timed_table.networks.assign(top1=timed_table.networks["top1"].where(known)),
        cells=timed_table.cells.assign(top1=timed_table.cells["top1"].where(timed)),
    )
    told = _refusal(name, table, highlight=("vgg16",))
    assert told.endswith("no top-1 accuracy of vgg16 is known: `--accuracies FILE` gives it")


def test_a_network_without_a_year_has_no_place_in_the_timeline(timed_table: Table) -> None:
    years = timed_table.networks["year"].where(timed_table.networks["name"] != "vgg16", np.nan)
    table = replace(timed_table, networks=timed_table.networks.assign(year=years))
    told = _refusal("timeline", table, highlight=("vgg16",))
    assert told == "no year of vgg16 is known: only the registry's have one"


def test_each_network_to_highlight_has_to_be_there(timed_table: Table) -> None:
    for others in (("vgg16", "lenet5"), ("lenet5", "vgg16")):
        assert _refusal("ops-vs-time", timed_table, highlight=others).startswith("lenet5 has no")


def test_a_highlight_outside_the_chosen_families_says_so(timed_table: Table) -> None:
    told = _refusal("accuracy-vs-ops", timed_table, highlight=("vgg16",), families=("resnet",))
    assert told.endswith("--family resnet leaves out vgg16")


def test_a_label_that_names_no_network_is_refused(timed_table: Table) -> None:
    with theme("light"), pytest.raises(UnknownNameError, match="did you mean vgg16"):
        find("accuracy-vs-ops")(timed_table, Options(label=("vgg61",)))


def test_a_data_set_of_the_readers_own_gets_a_panel_in_every_figure_of_others(
    timed_table: Table,
) -> None:
    """Nothing is dropped because a list somewhere does not name its data set."""
    networks = timed_table.networks
    named = networks["dataset"].where(networks["name"] != "lenet5", "cifar100")
    table = replace(timed_table, networks=networks.assign(dataset=named))
    for name in OTHERS:
        with theme("light"):
            figure = find(name)(table, Options())
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        assert "cifar100" in titles, name


def test_data_sets_stand_in_the_order_of_their_table_and_others_behind() -> None:
    assert ordered_datasets(["zoo", "none", "mnist", "art", "imagenet", "mnist"]) == [
        *("imagenet", "mnist", "none"),
        *("art", "zoo"),
    ]
    assert [*DATASETS] == ordered_datasets(DATASETS)
