"""What a user of the demo sees: each person's pages on a real demo registry, photographed for the README.

`ONCOREGISTRY_SCREENSHOTS=1` writes the photographs to docs/screenshots; otherwise they go to a temporary folder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from registry import demo

ROOT = Path(__file__).resolve().parents[2]
SIZE = 1500

pytestmark = pytest.mark.browser

PHOTOGRAPHS = [
    # name, login, address, what must stand on the page
    ("home", "registrar", "/", "waits for you"),
    ("followup", "registrar", "/follow-up/", "contacts reach"),
    ("survival", "epidemiologist", "/survival/?by=stage", "Selection"),
    ("atlas", "epidemiologist", "/atlas/?year_from=2000&year_to=2024", "county"),
    ("imports", "administrator", "/imports/", "History"),
]


@pytest.fixture(scope="module")
def served_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a demo registry, built as the command builds it and served in a thread."""
    from waitress.server import create_server

    from web import create_app

    folder = tmp_path_factory.mktemp("demo") / "registry"
    settings = demo.prepare(folder, size=SIZE, seed=1, port=0, say=lambda text: None)
    server = create_server(create_app(settings), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=5)


def sign_in(page: Any, address: str, name: str) -> None:
    login = next(one for one in demo.LOGINS if one.username == name)
    page.goto(f"{address}/sign-in")
    page.fill("#field-username", login.username)
    page.fill("#field-password", login.password)
    page.click("main button[type=submit]")
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(("name", "login", "path", "said"), PHOTOGRAPHS, ids=[p[0] for p in PHOTOGRAPHS])
def test_photographs(
    browser: Any, served_demo: str, tmp_path: Path, name: str, login: str, path: str, said: str
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        foreign: list[str] = []
        page.on(
            "request", lambda r: urlsplit(r.url).netloc in ("", urlsplit(served_demo).netloc) or foreign.append(r.url)
        )
        sign_in(page, served_demo, login)
        page.goto(served_demo + path)
        page.get_by_text(said, exact=False).first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        folder = ROOT / "docs" / "screenshots" if os.environ.get("ONCOREGISTRY_SCREENSHOTS") else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size > 20_000
        assert foreign == []
    finally:
        context.close()


@pytest.mark.parametrize("login", [one.username for one in demo.LOGINS])
def test_every_login_opens_the_tour_and_every_step_of_it_is_a_page(browser: Any, served_demo: str, login: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        sign_in(page, served_demo, login)
        assert page.url.endswith("/tour/")
        assert page.get_by_text("Not built yet").count() == 1
        links = [a.get_attribute("href") for a in page.locator(".day-title a").all()]
        assert len(links) >= 3
        for link in links:
            answer = page.goto(served_demo + link)
            assert answer.status == 200, f"{login}: {link} gives {answer.status}"
    finally:
        context.close()
