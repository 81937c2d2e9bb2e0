"""The export page: what has no place is told before the download, and a file leaves for a purpose that is kept."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import time
from typing import Any

import pytest
from sqlalchemy import select

from registry.models import Disclosure


def prepare(inside: Any, *where: str, **form: str) -> Any:
    """Asks for a file and waits for it; gives its page."""
    values: dict[str, str] = {"version": "260", "record_type": "A", "form": ".xml", **form}
    for n, condition in enumerate(where):
        values[f"where-name-{n}"], values[f"where-value-{n}"] = condition.split("=")
    answer = inside.send("/exports/", values)
    assert answer.status_code == 303, answer.text
    for _ in range(400):
        page = inside.get(answer.headers["Location"])
        if "every 1s" not in page.text:
            return page
        time.sleep(0.02)
    raise AssertionError("the file was not written")


def take(inside: Any, page: Any, purpose: str = "call for data 2026") -> Any:
    return inside.send(f"{page.request.path}/file", {"purpose": purpose})


def test_a_file_is_prepared_counted_and_leaves_for_a_purpose(app, client):
    inside = client("registrar")
    page = prepare(inside, "site=C50*")
    with app.extensions["store"].reading() as session:
        assert session.scalars(select(Disclosure)).all() == [], "nothing left yet"
    assert take(inside, page, "short").status_code == 422
    answer = take(inside, page)
    assert b'naaccrId="primarySite">C504<' in answer.data
    with app.extensions["store"].reading() as session:
        kept = session.scalars(select(Disclosure)).one()
    assert (kept.who, kept.purpose, kept.rows) == ("registrar", "call for data 2026", 1)
    assert kept.sha256 == hashlib.sha256(answer.data).hexdigest()
    assert kept.selection == {"where": ["site=C50*"], "version": "260", "type": "A", "facility": ""}
    assert "call for data 2026" in inside.get("/exports/disclosures").text
    assert "call for data 2026" in client("administrator").get("/exports/disclosures.csv").text
    assert "call for data 2026" not in client("epidemiologist").get("/exports/disclosures").text


def test_losses_are_shown_before_the_download(client):
    inside = client("registrar")
    page = prepare(inside, "site=C50*", record_type="I")
    assert "Account of losses" in page.text
    lost = re.findall(r'class="code">(\w+)</th><td class="is-number"><a href="([^"]+)">([\d\u202f]+)</a>', page.text)
    names = {name for name, _, _ in lost}
    assert {"nameLast", "nameFirst", "textDxProcPath"} <= names
    at = next(href for name, href, _ in lost if name == "nameLast").replace("&amp;", "&")
    rows = inside.get(at.replace("/losses?", "/losses.json?")).json["rows"]
    assert [row["value"] for row in rows] == ["SYNTHETIC"]
    assert b"SYNTHETIC" not in take(inside, page).data


@pytest.mark.parametrize("version", ["240", "250", "260"])
def test_versions(client, version: str) -> None:
    inside = client("registrar")
    page = prepare(inside, "site=C50*", version=version, form=".xml.gz")
    text = gzip.decompress(take(inside, page).data).decode()
    assert f"naaccr-dictionary-{version}.xml" in text
    assert ("sexAssignedAtBirth" in text) == (version == "260")


@pytest.mark.parametrize("form", [".csv", ".xlsx", ".parquet"])
def test_tables(client, form: str) -> None:
    inside = client("registrar")
    data = take(inside, prepare(inside, form=form)).data
    if form == ".csv":
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        assert len(rows) == 5
        assert "'=CMD()" in {row["nameFirst"] for row in rows}
    elif form == ".parquet":
        import pandas as pd

        assert len(pd.read_parquet(io.BytesIO(data))) == 5
    else:
        from openpyxl import load_workbook

        assert load_workbook(io.BytesIO(data)).active.max_row == 6


def test_a_role_that_sees_no_persons_exports_the_incidence_record_alone(client):
    inside = client("epidemiologist")
    assert "A: full abstract" not in inside.get("/exports/").text
    assert inside.send("/exports/", {"record_type": "A"}).status_code == 403
    refused = inside.send("/exports/", {"record_type": "I", "where-name-0": "2230", "where-value-0": "SYNTHETIC"})
    assert refused.status_code == 403
    data = take(inside, prepare(inside, record_type="I")).data
    assert b"SYNTHETIC" not in data
    assert b"MARGARET" not in data


def test_a_bound_account_exports_its_own_accounts_alone(client):
    bound = client("general")
    text = take(bound, prepare(bound)).data.decode()
    assert "201900012" in text
    assert "201900345" not in text
    assert "LAKESIDE" not in text
    empty = prepare(bound, "race=06")
    assert "No case meets these conditions" in empty.text


def test_a_file_is_its_makers_alone_and_can_be_removed(client):
    inside = client("registrar")
    page = prepare(inside)
    assert client("administrator").get(page.request.path).status_code == 404
    inside.send(f"{page.request.path}/discard")
    assert take(inside, page).status_code == 404


def test_a_condition_that_cannot_be_read_loses_nothing(client):
    answer = client("registrar").send("/exports/", {"where-name-0": "nonsense", "where-value-0": "1"})
    assert answer.status_code == 422
    assert 'value="nonsense"' in answer.text


def test_the_pages_in_a_browser(browser_page, assert_accessible, assert_no_foreign_requests):
    page = browser_page("registrar")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("/exports/")
        assert_accessible(page)
        page.fill("#where-name-0", "site")
        page.fill("#where-value-0", "C50*")
        page.select_option("#field-record_type", "I")
        page.click("text=Prepare the file")
        page.wait_for_selector("text=Account of losses")
        assert_accessible(page)
        page.fill("#field-purpose", "call for data")
        with page.expect_download() as download:
            page.click("button:has-text('Download')")
        assert download.value.suggested_filename == "cases-v26-I.xml.gz"
        page.goto("/exports/disclosures")
        assert_accessible(page)
    page.set_viewport_size({"width": 360, "height": 800})
    for at in ("/exports/", "/exports/disclosures", "/exports/1"):
        page.goto(at)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), at
    assert_no_foreign_requests(page)
