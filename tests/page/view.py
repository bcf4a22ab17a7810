"""The page in a browser, in the words of its reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

_READY = "return Number(document.documentElement.dataset.ready ?? 0)"
# As when an address is typed over, which need not differ from the one before.
_GO = """history.replaceState(null, "", arguments[0]);
dispatchEvent(new HashChangeEvent("hashchange"))"""
_WHERE = """
const chart = document.getElementById("chart"), {xaxis, yaxis} = chart._fullLayout;
for (const trace of chart.data) {
  const at = (trace.customdata ?? []).indexOf(arguments[0]);
  const frame = chart.getBoundingClientRect();
  if (at >= 0) return [frame.left + xaxis._offset + xaxis.d2p(trace.x[at]),
                       frame.top + yaxis._offset + yaxis.d2p(trace.y[at])];
}"""


Open = Callable[..., "View"]


class View:
    """One opening of the page at a window of 1280 by 900, light, unless told otherwise."""

    def __init__(self, driver: Any, page: Path, fragment: str) -> None:
        self.driver = driver
        self.size(1280, 900)
        self.prefer("light")
        self.logs()
        if driver.current_url.startswith(page.as_uri()):
            self.after(lambda: self.js(_GO, f"#{fragment}"))
        else:
            driver.get(page.as_uri() + (f"#{fragment}" if fragment else ""))
            self.wait(lambda: self.js(_READY) > 0)

    def reload(self) -> None:
        """Open the same address anew."""
        self.driver.refresh()
        self.wait(lambda: self.js(_READY) > 0)

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def wait(self, condition: Callable[[], Any]) -> None:
        WebDriverWait(self.driver, 20, poll_frequency=0.05).until(lambda _: condition())

    def after(self, action: Callable[[], Any]) -> None:
        """Do it, and wait until the page has been drawn anew."""
        before = self.js(_READY)
        action()
        self.wait(lambda: self.js(_READY) > before)

    def one(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0]).textContent", selector))

    def focused(self, selector: str) -> bool:
        """Whether the keyboard is on it."""
        return bool(self.js("return document.activeElement.matches(arguments[0])", selector))

    def choose(self, control: str, value: str) -> None:
        self.after(lambda: Select(self.one(f"#{control}")).select_by_value(value))

    def click(self, selector: str) -> None:
        """Click it where it can be seen, and wait for the new drawing."""
        self.js("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        self.after(self.one(selector).click)

    def fragment(self) -> dict[str, str]:
        split = urlsplit(self.driver.current_url)
        return {key: values[0] for key, values in parse_qs(split.fragment).items()}

    def rows(self) -> list[str]:
        """Names in the table, from the top."""
        code = """const rows = [...document.querySelectorAll("#table tr[data-name]")];
        return rows.map(row => row.dataset.name)"""
        return list(self.js(code))

    def column(self, title: str) -> list[str]:
        """What stands in the column whose head begins with ``title``, from the top."""
        code = """const heads = [...document.querySelectorAll("#table thead th")];
        const at = heads.findIndex(head => head.textContent.startsWith(arguments[0]));
        const rows = [...document.querySelectorAll("#table tbody tr[data-name]")];
        return rows.map(row => row.cells[at].textContent)"""
        return list(self.js(code, title))

    def drawn(self) -> dict[str, dict[str, Any]]:
        """Points of the chart by name, with their coordinates as drawn and their looks."""
        code = """const points = {};
        for (const {customdata, x, y, marker} of document.getElementById("chart").data)
          (customdata ?? []).forEach((name, i) => { points[name] = {
            x: x[i], y: y[i],
            symbol: marker.symbol[i], opacity: marker.opacity[i], size: marker.size[i],
          }});
        return points"""
        return dict(self.js(code))

    def whiskers(self, name: str) -> list[list[float]]:
        """How far the whiskers of a point reach: left and right, then down and up."""
        code = """const {data} = document.getElementById("chart");
        const trace = data.find(each => each.customdata?.includes(arguments[0]));
        const at = trace.customdata.indexOf(arguments[0]);
        return [trace.error_x, trace.error_y].map(each => [each.arrayminus[at], each.array[at]])"""
        return list(self.js(code, name))

    def frontier(self) -> list[list[float]]:
        code = """const line = document.getElementById("chart").data.find(t => t.mode === "lines");
        return line.x.map((x, i) => [x, line.y[i]])"""
        return list(self.js(code))

    def hover(self, name: str) -> str:
        """The label that comes up over the point, its lines joined by spaces."""
        self.js("document.getElementById('chart').scrollIntoView({block: 'center'})")
        x, y = self.js(_WHERE, name)
        for along in (x - 1, x):
            move = {"type": "mouseMoved", "x": along, "y": y}
            self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", move)
        self.wait(lambda: self.js("return document.querySelector('.hovertext')"))
        lines = self.js(
            "return [...document.querySelectorAll('.hovertext .line')].map(l => l.textContent)"
        )
        return " ".join(lines)

    def size(self, width: int, height: int) -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def prefer(self, scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def logs(self, kind: str = "browser") -> list[dict[str, Any]]:
        return list(self.driver.get_log(kind))
