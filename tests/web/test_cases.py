"""Finding a case, the patient page, the list of work: what is found, what is shown, to whom, and that it is logged."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry.models import AccessLog


def hits(client: Any, text: str) -> list[dict[str, Any]]:
    """The rows of the search's JSON twin."""
    page = client.send("/cases/", {"text": text})
    return client.get(page.headers["Location"].replace("/cases/", "/cases/all.json")).json["rows"]


def logged(app: Any, what: str) -> list[AccessLog]:
    with app.extensions["store"].reading() as session:
        return list(session.scalars(select(AccessLog).where(AccessLog.what == what)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("synthetic", 3),
        ("syn marg", 2),
        ("synthetic, john", 1),
        ("201900345", 1),
        ("00000002", 1),
        ("900000101", 2),
        ("C50", 1),
        ("c50.4 2019", 1),
        ("synthetic 2018", 1),
        ("nobody", 0),
        ("", 0),
        ("'; drop table patient --", 0),
    ],
)
def test_what_is_found(client, text, found):
    assert len(hits(client("registrar"), text)) == found if text else True


def test_an_empty_search_asks_for_words(client):
    assert "Type what you know" in client("registrar").get("/cases/").text


def test_htmx_gets_the_hits_alone_and_the_address_stays_sealed(client):
    answer = client("registrar").send("/cases/", {"text": "synthetic"}, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<div class="table-frame">')
    assert answer.headers["HX-Replace-Url"].startswith("/cases/?s=gAAA")


def test_site_and_year_may_stand_in_an_address(client):
    assert "C50.4" in client("registrar").get("/cases/?site=C50&year=2019").text


def test_an_epidemiologist_finds_cases_but_no_names(client):
    inside = client("epidemiologist")
    page = inside.get("/cases/?site=C50").text
    assert "S···, M···" in page
    assert "SYNTHETIC" not in page
    assert "201900012" not in page
    answer = inside.send("/cases/", {"text": "synthetic"}, follow_redirects=True)
    assert "Names and numbers are not searched with your role" in answer.text


def test_searches_are_logged_without_their_words_at_most_one_a_minute(app, client):
    inside = client("registrar")
    for text in ("synthetic", "synthetic john", "C50"):
        hits(inside, text)
    entries = logged(app, "case search")
    assert [entry.who for entry in entries] == ["registrar"]
    assert "synthetic" not in str(entries[0].detail).lower()


def test_the_patient_page_shows_accounts_side_by_side(client, ids):
    page = client("registrar").get(f"/patients/{ids['patient']}").text
    for text in (
        "General Hospital",
        "Lakeside Clinic",
        "2019-03-10",
        "Upper-outer quadrant of breast",
        "Account by account",
    ):
        assert text in page
    assert "items differ" in page


def test_the_time_line_is_in_order(client, ids):
    page = client("registrar").get(f"/patients/{ids['patient']}").text
    line = page[page.index('class="timeline"') :]
    order = [line.index(text) for text in ("Diagnosis", "Surgery", "Chemotherapy", "Radiation", "Last contact, alive")]
    assert order == sorted(order)


def test_opening_a_patient_is_logged(app, client, ids):
    client("registrar").get(f"/patients/{ids['patient']}")
    assert [(e.who, e.patient_id) for e in logged(app, "patient page")] == [("registrar", ids["patient"])]


@pytest.mark.parametrize("role", ["epidemiologist", "state"])
def test_identity_is_masked_on_page_and_json(client, ids, role):
    inside = client(role)
    page = inside.get(f"/patients/{ids['patient']}").text
    found = inside.get(f"/patients/{ids['patient']}.json").text
    for secret in ("SYNTHETIC", "MARGARET", "900000101", "MRN00000101", "1948-03-12", "19480312", "201900012"):
        assert secret not in page
        assert secret not in found


def test_a_state_reader_opens_an_identity_for_a_purpose_that_is_logged(app, client, ids):
    inside = client("state")
    at = f"/patients/{ids['patient']}"
    assert inside.send(f"{at}/identity", {"purpose": "x"}).status_code == 403
    assert inside.send(f"{at}/identity", {"purpose": "duplicate across two counties"}).status_code == 303
    assert "SYNTHETIC, MARGARET" in inside.get(at).text
    assert [e.purpose for e in logged(app, "identity opened")] == ["duplicate across two counties"]
    assert "SYNTHETIC" not in inside.get("/patients/2").text, "one purpose opens one person"


def test_an_epidemiologist_cannot_open_an_identity(client, ids):
    purpose = {"purpose": "curiosity about a neighbour"}
    assert client("epidemiologist").send(f"/patients/{ids['patient']}/identity", purpose).status_code == 403


@pytest.mark.parametrize(("name", "rows"), [("suspense", 1), ("incomplete", 1), ("overdue", 2), ("complete", 4)])
def test_lists_of_work_hold_what_their_tile_counts(client, name, rows):
    inside = client("registrar")
    assert len(inside.get(f"/work/{name}.json").json["rows"]) == rows
    assert f'href="/work/{name}"' in inside.get("/").text


def test_a_bound_account_counts_its_own_facility_alone(client):
    rows = client("general").get("/work/complete.json").json["rows"]
    assert {row["facility"] for row in rows} == {"General Hospital"}


def test_a_bound_account_reads_its_own_facility_in_hits_and_lists(client):
    inside = client("general")
    row = next(row for row in hits(inside, "syn marg 2019"))
    assert (row["accession"], row["diagnosed"], row["site"]) == ("201900012", "20190304", "C504")
    assert hits(inside, "lakeside") == []
    contacts = {row["last_contact"] for row in inside.get("/work/complete.json").json["rows"]}
    assert "20240620" not in contacts


def test_an_unknown_list_is_not_found(client):
    assert client("registrar").get("/work/everything").status_code == 404
