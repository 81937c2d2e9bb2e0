"""The pages of edits: the report, the cases behind a number, letting an edit stand with a reason."""

from __future__ import annotations

import pytest

from registry.edits import run_batch
from registry.edits.external import import_report
from registry.edits.reports import cases, worklist
from registry.models import Abstract
from registry.models.edits import OVERRIDDEN
from registry.security.permissions import PROGRAM


def checked(app):
    """Checks all abstracts and gives the findings that stand open."""
    store = app.extensions["store"]
    run_batch(store)
    with store.reading() as session:
        return store, cases(session, PROGRAM, size=1000)[0]


def test_every_number_opens_its_cases(app, client):
    _, found = checked(app)
    assert found
    inside = client("administrator")
    for by in ("edit", "facility", "registrar"):
        rows = inside.get(f"/edits/all.json?by={by}").json["rows"]
        assert sum(row["open"] for row in rows) == len(found), by
    rule = found[0].rule
    behind = inside.get(f"/edits/cases.json?rule={rule}").json["rows"]
    assert len(behind) == sum(line.rule == rule for line in found)
    page = inside.get("/edits/").text
    assert "passes OncoRegistry checks" in page and "NAACCR edits" not in page


def test_an_edit_is_let_stand_with_a_reason_and_taken_back(app, client):
    store, found = checked(app)
    line = found[0]
    inside = client("registrar")
    at = f"/edits/abstracts/{line.abstract_id}"
    page = inside.get(at).text
    assert all(f"#item-{number}" in page for number in line.items)
    assert inside.send(f"{at}/override", {"rule": line.rule, "reason": " "}).status_code == 422
    assert inside.send(f"{at}/override", {"rule": line.rule, "reason": "verified in the chart"}).status_code == 303
    with store.reading() as session:
        (kept,) = cases(session, PROGRAM, rule=line.rule, abstract_id=line.abstract_id, state=OVERRIDDEN)[0]
        assert (kept.reviewer, kept.reason) == ("registrar", "verified in the chart")
    assert "verified in the chart" in inside.get(at).text
    assert inside.send(f"{at}/withdraw", {"rule": line.rule, "reason": "mistaken"}).status_code == 303


def test_a_bound_account_sees_its_own_facility_alone(app, client, ids):
    checked(app)
    bound = client("general")
    rows = bound.get("/edits/all.json?by=facility").json["rows"]
    assert len(rows) <= 1
    assert bound.get(f"/edits/abstracts/{ids['other_abstract']}").status_code == 404


def test_what_an_external_report_says_is_a_list_of_work_until_it_is_done(app, client, ids, tmp_path):
    store = app.extensions["store"]
    with store.reading() as session:
        cases_by_number = {
            number: session.get(Abstract, ids[name]).accession_number
            for number, name in (("N0001", "abstract"), ("N0002", "other_abstract"))
        }
    report = tmp_path / "report.csv"
    rows = [f"{accession},{edit},Conflict <b>one</b>,Error" for edit, accession in cases_by_number.items()]
    report.write_text("\n".join(["Accession,Edit,Message,Severity", *rows]) + "\n")
    import_report(store, report, who="abc", name="report of the state")

    inside, bound = client("administrator"), client("general")
    listed = inside.get("/edits/external.json").json["rows"]
    assert [row["edit"] for row in listed] == list(cases_by_number)
    assert [row["edit"] for row in bound.get("/edits/external.json").json["rows"]] == ["N0001"]
    assert [row["edit"] for row in inside.get("/edits/external.json?edit=N0002").json["rows"]] == ["N0002"]
    page = inside.get("/edits/external").text
    assert f"/edits/abstracts/{ids['abstract']}#external" in page and "Conflict &lt;b&gt;one" in page
    assert "External reports (2)" in inside.get("/edits/").text and "/edits/external" in inside.get("/").text

    with store.reading() as session:
        entry = worklist(session, PROGRAM, edit="N0001")[0][0]
    at = f"/edits/abstracts/{entry.abstract_id}/entries/{entry.id}"
    assert inside.send(at, {"note": "site corrected"}).status_code == 303
    assert [row["edit"] for row in inside.get("/edits/external.json").json["rows"]] == ["N0002"]
    (done,) = inside.get("/edits/external.json?state=done").json["rows"]
    assert (done["done_by"], done["note"]) == ("administrator", "site corrected")


def test_a_nought_leads_nowhere_and_a_severity_is_called_so(app, client):
    checked(app)
    page = client("administrator").get("/edits/").text
    assert ">Severity<" in page.replace("\n", "").replace("  ", "") and ">0</a>" not in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_edits_are_accessible_and_fit_a_narrow_screen(app, browser_page, ids, scheme, assert_accessible):
    checked(app)
    page = browser_page("registrar", color_scheme=scheme, viewport={"width": 390, "height": 844})
    for at in ("/edits/", "/edits/cases"):
        page.goto(at)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, at
    page.goto(f"/edits/abstracts/{ids['abstract']}")
    assert_accessible(page)
