"""The pages of edits: the report, the cases behind a number, letting an edit stand with a reason."""

from __future__ import annotations

from registry.edits import run_batch
from registry.edits.reports import cases
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
