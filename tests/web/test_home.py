"""The start page is the worklist of a registrar: cases by deadline, failing edits, questions, treatment that is awaited."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import select

from registry import records
from registry.abstracting import queries
from registry.models import Abstract
from registry.security.permissions import Actor
from registry.views.worklist import today


def part(page: str, name: str) -> str:
    begin = page.index(f'id="{name}"')
    end = page.find("</section>", begin)
    return page[begin:end]


def test_home_shows_each_list_with_its_most_urgent_line(app, client, ids):
    rosa = Actor(username="registrar", full_name="Rosa", roles=("registrar",))
    with app.extensions["store"].writing() as session:
        case = session.scalars(select(Abstract).where(Abstract.status == "incomplete")).one()
        contact = (date.today() - timedelta(days=150)).strftime("%Y%m%d")
        # radiation is recommended and nobody knows whether it was given
        records.save(session, case.id, {580: contact, 1430: "8", 1285: "1"}, who="registrar")
        records.save(session, ids["abstract"], {400: "C619"}, who="registrar")
        queries.ask(session, rosa, case, "Was the field boosted?", addressee="Dr. Test")
        case_id = case.id
    page = client("registrar").get("/").text
    finish = part(page, "finish")
    assert f'href="/abstracts/{case_id}"' in finish and "33 days left" in finish and "waits for" in finish
    assert "SEX02" in part(page, "failing") or "sex" in part(page, "failing").lower()
    assert "Was the field boosted?" in part(page, "questions")
    assert "radiation recommended, not known whether given" in part(page, "treatment")


def test_the_lists_are_cut_and_say_how_long_they_are(app):
    rosa = Actor(username="registrar", full_name="Rosa", roles=("registrar",))
    with app.extensions["store"].reading() as session:
        whole, one = today(session, rosa, lines=100), today(session, rosa, lines=1)
    assert len(whole.cases) == whole.ready + whole.waiting == one.ready + one.waiting
    assert one.cases == whole.cases[:1] and len(one.treatment) <= 1
    order = [(not line.ready, line.due or date.today()) for line in whole.cases]
    assert order == sorted(order)


def test_who_does_not_edit_cases_gets_no_worklist(client):
    assert 'id="finish"' not in client("epidemiologist").get("/").text


def test_who_reads_the_registry_finds_the_analyses_instead_of_a_worklist(client):
    page = client("epidemiologist").get("/").text
    assert 'href="/atlas/"' in part(page, "analyses") and "In suspense" not in page
    assert "Nothing yet" in part(page, "kept")
    assert 'id="analyses"' not in client("registrar").get("/").text


def test_a_saved_report_waits_on_the_start_page_of_its_owner(client):
    elena = client("epidemiologist")
    elena.send("/survival/saved", {"name": "Colon by stage", "query": "site=colon-and-rectum&by=stage"})
    assert "Colon by stage" in part(elena.get("/").text, "saved")
    assert 'id="saved"' not in client("state").get("/").text, "it is not shared"


def test_a_central_registry_begins_with_what_it_owes(app, client, monkeypatch):
    assert "Deaths without a case" not in client("state").get("/").text
    settings = app.extensions["store"].settings
    monkeypatch.setattr("web.home.readers.settings", lambda: replace(settings, central=True))
    page = client("state").get("/").text
    for address in ("/state/", "/linkage", "/consolidation/", "/state/deaths"):
        assert re.search(f'<a class="tile [^"]*" href="{address}">', page), address
    assert "Deaths without a case" not in client("registrar").get("/").text
