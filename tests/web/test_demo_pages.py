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
from sqlalchemy import func, select

from registry import demo, records
from registry.config import Settings
from registry.db import Store
from registry.items import known
from registry.models import Abstract, EditFinding, PatientRecord, now
from registry.models.tumors import INCOMPLETE, SUSPENSE

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
def built_demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A demo registry, built as the command builds it."""
    folder = tmp_path_factory.mktemp("demo") / "registry"
    return demo.prepare(folder, size=SIZE, seed=1, port=0, say=lambda text: None)


@pytest.fixture(scope="module")
def served_demo(built_demo: Settings) -> Iterator[str]:
    """Address of the demo registry, served in a thread."""
    from waitress.server import create_server

    from web import create_app

    server = create_server(create_app(built_demo), host="127.0.0.1", port=0, threads=4)
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


def test_open_cases_came_in_over_the_last_nine_months_and_know_nothing_of_the_future(built_demo: Settings) -> None:
    """At this small size too some are due, some late, some begun; what is still to come has no treatment yet."""
    store, today = Store(built_demo), now().date()
    with store.reading() as session:
        cases = list(session.scalars(select(Abstract).where(Abstract.status.in_((SUSPENSE, INCOMPLETE)))))
        items = {case.id: records.all_items(case) for case in cases}
        ages = sorted((today - case.first_contact_earliest).days for case in cases)
        # of persons whom one report tells of: where two reports differ, edits between them are a person's to clear
        alone = select(PatientRecord.patient_id).group_by(PatientRecord.patient_id).having(func.count() == 1)
        findings = session.scalar(
            select(func.count(EditFinding.id))
            .join(Abstract, EditFinding.abstract_id == Abstract.id)
            .join(PatientRecord, Abstract.record_id == PatientRecord.id)
            .where(PatientRecord.patient_id.in_(alone))
        )
    store.engine.dispose()
    assert len(cases) > 40 and ages[0] <= 7 and 200 <= ages[-1] <= 280
    assert 0.2 < sum(age > 183 for age in ages) / len(ages) < 0.5, "some are late, not most"
    for case in cases:
        known_dates = [v for n, v in items[case.id].items() if known(n) and known(n).type == "date" and len(v) == 8]
        assert max(known_dates) <= today.strftime("%Y%m%d") and 2090 not in items[case.id]
        assert case.status == INCOMPLETE or not {1291, 1001, 772} & set(items[case.id])
    assert findings == 0


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
