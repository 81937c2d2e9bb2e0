"""The map in Debian's Chromium under its own policy: it draws, speaks to the keyboard and asks no other host."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from geo.boundaries import load_counties
from geo.layers import make_layer
from geo.maps import POLICY, MapAssets, map_pages

pytestmark = pytest.mark.browser
CHROMIUM = Path("/usr/bin/chromium")


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder with the map's policy."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    from xstatic.pkg import leaflet

    areas = load_counties(["12001"])[0]
    rng = np.random.default_rng(4)
    values = pd.concat(
        [
            pd.DataFrame({"code": areas["code"], "rate": rng.uniform(10, 90, 67), "cases": 50, "frame": year,
                          "suppressed": np.arange(67) % 9 == 2, "unstable": np.arange(67) % 9 == 4})
            for year in ("2013", "2014")
        ]
    )  # fmt: skip
    cluster = {"rank": 1, "members": ["12086", "12087"], "relative_risk": 1.3, "p_value": 0.002}
    layer = make_layer(areas, values, title="Invented rates", measure="Rate", clusters=[cluster])
    pages = map_pages(layer, MapAssets("leaflet.js", "leaflet.css", "map.js", "map.css"))
    folder = tmp_path_factory.mktemp("map")
    base = Path(leaflet.BASE_DIR)
    files = {
        "index.html": pages.html, "map.js": pages.script, "map.css": pages.style,
        "leaflet.js": (base / "leaflet.js").read_text(), "leaflet.css": (base / "leaflet.css").read_text(),
        "favicon.ico": "",
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
    server.shutdown()


def test_the_map_works_under_its_policy(served):
    if not CHROMIUM.is_file():
        pytest.skip("Chromium is not on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        complaints: list[str] = []
        hosts: set[str] = set()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(served)
        page.wait_for_selector("path[aria-label]")
        assert complaints == []
        assert hosts == {served.split("/")[2]}
        assert page.locator("path[role=img]").count() == 67
        assert page.locator('path[fill="url(#hatch)"]').count() == 8
        assert page.locator('path[fill^="url(#dots-"]').count() == 7
        assert page.locator("path[stroke-dasharray]").count() == 1
        # hatching is really painted: the pattern it refers to is in the document
        assert page.locator("#hatch").count() == 1
        # keyboard: Tab reaches one area, arrows move, the tooltip opens
        page.locator('path[tabindex="0"]').focus()
        page.keyboard.press("ArrowRight")
        # the former tooltip fades out, so that two may stand for a moment
        assert page.locator(".leaflet-tooltip").last.inner_text().startswith("Baker")
        # suppressed areas say so and nothing else
        labels = [path.get_attribute("aria-label") for path in page.locator('path[fill="url(#hatch)"]').all()]
        assert all(label.endswith("Suppressed: too few cases to show") for label in labels)
        # the slider changes year and colours
        before = page.locator("path[role=img]").first.get_attribute("aria-label")
        page.locator("#frame").fill("0")
        assert page.locator("#frame-label").inner_text() == "2013"
        assert page.locator("path[role=img]").first.get_attribute("aria-label") != before
        assert complaints == []
        browser.close()
