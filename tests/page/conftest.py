"""A results folder with timings and hostile names, the page of it, and a browser to open it in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opbench.cli import app
from tests.page.made_up import write_results

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with one run of every ImageNet network."""
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def page(results: Path) -> Path:
    """The page of ``results``, without figures, which take long, and without libraries."""
    return _reported(results, results / "index.html", "--no-zoo")


@pytest.fixture(scope="session")
def zoo_page(results: Path) -> Path:
    """The page of ``results`` with torchvision's and timm's networks."""
    return _reported(results, results / "zoo.html", "--zoo")


def _reported(results: Path, out: Path, zoo: str) -> Path:
    own = ["--results", str(results), "--accuracies", str(results / "mine.csv")]
    done = CliRunner().invoke(app, ["report", *own, "--no-figures", zoo, "--output", str(out)])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page that readers get: of the results in the repository, figures included."""
    out = tmp_path_factory.mktemp("published") / "index.html"
    results = Path(__file__).parents[2] / "results"
    done = CliRunner().invoke(app, ["report", "--results", str(results), "--output", str(out)])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    """A headless Chromium of its own; without one the test skips and says what to install."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("no browser: `apt-get install -y chromium chromium-driver`")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    many = {"profile.default_content_setting_values.automatic_downloads": 1}
    where = {"download.default_directory": str(downloads)}
    options.add_experimental_option("prefs", many | where)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield browser
    browser.quit()


@pytest.fixture
def view(driver: Any, page: Path) -> Callable[..., Any]:
    """``view("x=params")`` opens the page with a fragment and waits until it is drawn."""
    from tests.page.view import View

    return lambda fragment="": View(driver, page, fragment)


@pytest.fixture
def zoo_view(driver: Any, zoo_page: Path) -> Callable[..., Any]:
    """The same, of the page with torchvision's and timm's networks."""
    from tests.page.view import View

    return lambda fragment="": View(driver, zoo_page, fragment)


@pytest.fixture
def opened(driver: Any, board: Path) -> Callable[..., Any]:
    """The same, of the page that a module calls ``board``."""
    from tests.page.view import View

    return lambda fragment="": View(driver, board, fragment)
