"""The audit pages: the chains' state, what was changed and read by whom, and the report of one patient."""

from __future__ import annotations

from sqlalchemy import text


def test_sound_chains_are_said_to_be_sound(client):
    page = client("administrator").get("/audit/?verify=1").text
    assert "Every link of every chain holds" in page


def test_a_changed_row_is_found_and_named(app, client, ids):
    with app.extensions["store"].engine.begin() as connection:
        connection.execute(text("UPDATE revision SET who = 'nobody' WHERE chain = 'abstract' AND number = 1"))
    page = client("administrator").get("/audit/?verify=1").text
    assert "link 1 of chain &#39;abstract&#39; was changed" in page


def test_changes_are_filtered(client):
    inside = client("administrator")
    rows = inside.get("/audit/changes.json?chain=abstract&who=registrar").json["rows"]
    assert [(row["who"], row["items"], row["why"]) for row in rows] == [
        ("registrar", "764", "nodes reviewed at the tumor board")
    ]


def test_changes_name_items_and_no_values(client):
    found = client("administrator").get("/audit/changes.csv").text
    assert "MARGARET" not in found


def test_the_access_report_tells_who_looked(client, ids):
    client("registrar").get(f"/patients/{ids['patient']}")
    client("follow-up").get(f"/abstracts/{ids['abstract']}")
    page = client("administrator").get(f"/audit/patients/{ids['patient']}").text
    assert "Rosa Lindqvist" in page
    assert "Femi Okafor" in page


def test_reads_lead_to_the_report(client, ids):
    client("registrar").get(f"/patients/{ids['patient']}")
    page = client("administrator").get("/audit/reads").text
    assert f'href="/audit/patients/{ids["patient"]}"' in page


def test_sign_ins_are_listed(client, enter):
    enter(client(), "registrar", "wrong-wrong-wrong")
    rows = client("administrator").get("/audit/sign-ins.json").json["rows"]
    assert ("registrar", "wrong") in [(row["username"], row["outcome"]) for row in rows]
