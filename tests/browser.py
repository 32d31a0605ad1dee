"""A browser without a window, for tests of pages; tests skip where there is none."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # A height of bars differs between machines, and counts as width.
    "--hide-scrollbars",
)
OVERFLOWING = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll("body *")].filter((one) => {
  const box = one.getBoundingClientRect();
  if (!box.width || one.closest(".wide, svg, .skip, #tip, pre")) return false;
  return box.right > wide + 1 || (one.scrollWidth > one.clientWidth + 1 && one.clientWidth
    && getComputedStyle(one).overflowX === "visible" && getComputedStyle(one).display !== "inline");
}).map((one) => one.outerHTML.slice(0, 200));
"""
"""Elements whose text reaches beyond them or beyond the window; what can be scrolled may."""


class Browser:
    """Chromium, driven by Selenium."""

    def __init__(self, folder: Path) -> None:
        selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if not chromium or not driver:
            pytest.skip("chromium and chromedriver are not installed (Debian: chromium-driver)")
        options = selenium.ChromeOptions()
        options.binary_location = chromium
        for flag in (*_FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = selenium.Chrome(options, selenium.ChromeService(driver))
        # A busy machine is slow.
        self.driver.set_script_timeout(300)
        self.driver.get("about:blank")
        self._logs()

    def _logs(self) -> tuple[list[str], list[str]]:
        console = [str(one["message"]) for one in self.driver.get_log("browser")]
        events = [
            json.loads(one["message"])["message"] for one in self.driver.get_log("performance")
        ]
        asked = [
            one["params"]["request"]["url"]
            for one in events
            if one["method"] == "Network.requestWillBeSent"
        ]
        return console, asked

    def open(self, page: Path, width: int = 1200, dark: bool = False) -> None:
        """Opens a page at some width, in light or dark colours."""
        self._emulate(width, dark)
        self.driver.get(page.as_uri())

    def _emulate(self, width: int, dark: bool) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        colours = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [colours]})

    def complaints(self) -> list[str]:
        """What the console says, and what was asked for other than the page and its own data."""
        console, asked = self._logs()
        return console + [
            url for url in asked if not url.startswith(("file:", "data:", "chrome:", "about:"))
        ]

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[Any]:
        """All elements of a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def pdf(self) -> bytes:
        """The page as it is printed."""
        found = self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
        return base64.b64decode(found["data"])
