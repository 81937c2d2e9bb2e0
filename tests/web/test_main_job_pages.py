"""The main job on real input from the pages: the imported sample is searched, corrected, analysed, followed and sent on."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abstracting.naaccr.reader import read_any
from registry import config, records, schema
from registry.db import Store
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.models import Abstract
from registry.security import accounts

SAMPLE = "naaccr/samples/naaccr-xml-sample-v250-abstract-1000.xml.gz"
LOGIN = ("ada", "nine quiet lanterns")


@pytest.fixture
def inside(client: Callable[..., Any], reference: Path, tmp_path: Path, enter: Callable[..., Any]) -> Any:
    """A client signed in to a registry that holds the sample, and nothing else."""
    from web.application import build

    settings = config.load(tmp_path / "sample", require_totp=False)
    store = Store(settings)
    schema.upgrade(store.engine)
    report = run_import(store, open_reader([reference / SAMPLE]), name="sample", who="tester")
    assert report.tumors.created == 1000
    with store.writing() as session:
        accounts.create(session, *LOGIN, roles=["administrator"], who="tester", must_change=False)
    application = build(settings)
    application.test_client_class = type(client())
    fresh = application.test_client()
    assert enter(fresh, *LOGIN).status_code == 302
    return fresh


def form_of(page: str) -> dict[str, str]:
    """The fields of the editor's form as a browser would send them."""
    form = page[page.index('id="editor-form"') :]
    form = form[: form.index("</form>")]
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="([\w-]+)" value="([^"]*)"', form)}
    texts = re.findall(r'<textarea[^>]*name="([\w-]+)"[^>]*>([^<]*)</textarea>', form)
    return fields | {name: html.unescape(value) for name, value in texts}


def wait_for(get: Callable[[], Any], done: str) -> Any:
    """Asks again until the page shows what it computes."""
    for _ in range(600):
        page = get()
        if done in page.text:
            return page
        time.sleep(0.1)
    raise AssertionError(f"{done!r} never came: {page.text[-2000:]}")


@pytest.mark.shared
def test_the_whole_way_from_the_pages(inside: Any, tmp_path: Path) -> None:
    store = inside.application.extensions["store"]
    with store.reading() as session:
        abstract = session.get_one(Abstract, 1)
        number = abstract.record.patient_id_number
        name, patient_id = abstract.record.patient.name_last, abstract.record.patient_id

    found = inside.send("/cases/", {"text": name}, follow_redirects=True)
    assert found.status_code == 200 and f"/patients/{patient_id}" in found.text
    assert html.escape(name) in inside.get(f"/patients/{patient_id}").text

    fields = form_of(inside.get("/abstracts/1").text) | {"item-400": "C504", "why": "chart"}
    assert inside.send("/abstracts/1", fields, follow_redirects=True).status_code == 200
    with store.reading() as session:
        assert session.get_one(Abstract, 1).items["400"] == "C504"
        assert [r.why for r in records.history(session, "abstract", 1)] == ["chart"]

    curve = wait_for(lambda: inside.get("/survival/"), "Selection")
    assert re.search(r"persons analysed", curve.text)

    atlas = inside.get("/atlas/")
    assert atlas.status_code in {200, 409}
    assert "population" in atlas.text.lower(), "the sample has no population: the page says why there is no rate"

    assert inside.get("/follow-up/due").status_code == 200
    due = inside.get("/follow-up/due.json").get_json()
    assert isinstance(due["rows"], list)

    form = {"version": "260", "record_type": "A", "form": ".xml", "where-name-0": "20", "where-value-0": number}
    answer = inside.send("/exports/", form)
    assert answer.status_code == 303
    page = wait_for(lambda: inside.get(answer.headers["Location"]), "purpose")
    sent = inside.send(f"{page.request.path}/file", {"purpose": "submission to the state"})
    assert sent.status_code == 200
    (tmp_path / "out.xml").write_bytes(sent.data)
    patients = list(read_any(tmp_path / "out.xml"))
    assert [p.items[20] for p in patients] == [number]
    assert "C504" in {t.items[400] for t in patients[0].tumors} and 225 in patients[0].items
    assert inside.get("/audit/").status_code == 200
