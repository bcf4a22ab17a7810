"""The page that readers get: the results of this repository, with every figure, in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.page.view import View

LIMIT = 6_000_000  # bytes

pytestmark = pytest.mark.slow  # drawing every figure takes most of a minute


def test_it_is_small_enough_with_every_figure_in_it(published: Path) -> None:
    assert published.stat().st_size < LIMIT


def test_every_figure_opens_in_a_browser_without_an_error_or_a_request(
    driver: Any, published: Path
) -> None:
    opened = View(driver, published, "")
    opened.driver.get_log("performance")
    opened.reload()
    opened.js("for (const box of document.querySelectorAll('#figures details')) box.open = true")
    figures = opened.js("return document.querySelectorAll('#figures details').length")
    opened.wait(
        lambda: opened.js("return document.querySelectorAll('#figures svg').length") == figures
    )
    assert figures > 0
    assert opened.logs() == []
    messages = [json.loads(each["message"])["message"] for each in opened.logs("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if "requestWillBeSent" in m["method"]}
    away = {url for url in asked if not url.startswith(("data:", "blob:"))}
    assert away == {published.as_uri()}
    labels = "return [...document.querySelectorAll('#figures svg')].map(e => e.textContent.trim())"
    assert all(opened.js(labels))
