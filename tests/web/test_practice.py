"""Practice on pages: coded in the editor's fields, scored with its evidence, kept apart from cases, compared in a team."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.db import Store
from registry.models import Abstract, EditFinding, Patient, Revision, Tumor
from registry.models.practice import PracticeAttempt
from registry.practice.attempts import exercise_of

ROUND = {"set": "breast", "difficulty": "easy", "seed": "7", "count": "2", "edits": "1"}


@pytest.fixture
def store(app: Any) -> Store:
    return app.extensions["store"]


def begin(client: Any, **more: str) -> int:
    """Begins a round and gives its first exercise."""
    answer = client.send("/practice/start", ROUND | more)
    assert answer.status_code == 303
    return int(re.search(r"/practice/(\d+)", answer.location).group(1))


def truth(store: Store, attempt: int) -> dict[str, str]:
    with store.reading() as session:
        exercise = exercise_of(session.get_one(PracticeAttempt, attempt))
    return {f"item-{number}": value for number, value in exercise.truth.items()}


def test_a_round_is_coded_kept_and_scored_without_a_script(client, store):
    registrar = client("registrar")
    attempt = begin(registrar)
    page = registrar.get(f"/practice/{attempt}").text
    assert 'id="item-400"' in page and 'id="item-0"' in page and "SYNTHETIC RECORD, NOT A PERSON." in page
    answers = truth(store, attempt)
    wrong = answers | {"item-400": answers["item-400"][:3] + "9", "item-523": ""}
    kept = registrar.send(f"/practice/{attempt}", wrong)
    assert kept.status_code == 303 and f'value="{wrong["item-400"]}"' in registrar.get(f"/practice/{attempt}").text
    done = registrar.send(f"/practice/{attempt}", {**wrong, "finish": "1"})
    assert done.location == f"/practice/{attempt}/result"
    result = registrar.get(done.location).text
    assert 'id="row-400" class="is-near"' in result and 'id="row-523" class="is-wrong"' in result
    assert 'id="row-522" class="is-right"' in result and '<mark id="s-' in result
    again = registrar.send(f"/practice/{attempt}", answers)
    assert again.status_code == 422 and "finished" in again.text
    assert registrar.get(f"/practice/{attempt}").location == f"/practice/{attempt}/result"


def test_practice_never_touches_cases(client, store):
    def counted() -> list[int]:
        with store.reading() as session:
            return [
                session.scalar(select(func.count()).select_from(table)) or 0
                for table in (Patient, Tumor, Abstract, EditFinding, Revision)
            ]

    before = counted()
    registrar = client("registrar")
    attempt = begin(registrar)
    registrar.send(f"/practice/{attempt}", {**truth(store, attempt), "finish": "1"})
    assert counted() == before


def test_an_exercise_belongs_to_who_began_it(client):
    attempt = begin(client("registrar"))
    other = client("general")
    for place in (f"/practice/{attempt}", f"/practice/{attempt}/items.json", f"/practice/{attempt}/result"):
        assert other.get(place).status_code == 404
    for place in (f"/practice/{attempt}", f"/practice/{attempt}/live", f"/practice/{attempt}/finish"):
        assert other.send(place, {"item-400": "C509"}).status_code == 404


def test_the_same_seed_gives_two_registrars_the_same_charts_and_the_team_their_agreement(client, store):
    for name, site in (("registrar", ""), ("general", "C509"), ("administrator", "C509")):
        inside = client(name)
        attempt = begin(inside)
        answers = truth(store, attempt)
        if site:
            answers["item-400"] = site
        inside.send(f"/practice/{attempt}", {**answers, "finish": "1"})
    rows = client("administrator").get("/practice/team.json").json["rows"]
    found = {row["item"]: row for row in rows}
    assert (found["522"]["subjects"], found["522"]["percent"], found["522"]["kappa"]) == (1, 100.0, None)
    assert (found["400"]["answers"], found["400"]["percent"]) == (3, pytest.approx(33.3))
    assert found["400"]["commonest"].startswith("C509 for C")
    assert client("registrar").get("/practice/team").status_code == 403


def test_a_bound_member_of_the_team_is_seen_by_name_and_result(client, store):
    inside = client("general")
    attempt = begin(inside)
    inside.send(f"/practice/{attempt}/finish", {})
    page = client("administrator").get("/practice/team").text
    assert "general" in page and f"/practice/team/{attempt}" in page
    assert client("administrator").get(f"/practice/team/{attempt}").status_code == 200


def test_a_round_of_which_nothing_is_finished_can_be_taken_away(client, store):
    registrar = client("registrar")
    attempt = begin(registrar)
    with store.reading() as session:
        number = session.get_one(PracticeAttempt, attempt).round_id
    assert registrar.send(f"/practice/rounds/{number}/drop").status_code == 303
    assert registrar.get(f"/practice/{attempt}").status_code == 404


@pytest.mark.parametrize(
    "told", [{"set": "nothing"}, {"seed": "-1"}, {"count": "0"}, {"count": "900"}, {"difficulty": "x"}]
)
def test_a_round_that_cannot_be_made_is_refused_in_words(client, told):
    answer = client("registrar").send("/practice/start", ROUND | told)
    assert answer.status_code == 422


def test_edits_stay_hidden_in_a_round_as_in_a_test(client):
    registrar = client("registrar")
    shown, hidden = begin(registrar), begin(registrar, edits="0")
    assert 'id="edits-title"' in registrar.get(f"/practice/{shown}").text
    assert 'id="edits-title"' not in registrar.get(f"/practice/{hidden}").text


def test_an_exercise_is_coded_with_the_keyboard_alone(
    browser_page, store, assert_accessible, assert_no_foreign_requests
):
    page = browser_page("registrar")
    page.goto("/practice/?set=breast&difficulty=easy&seed=7&count=1")
    assert_accessible(page)
    page.focus("#field-set")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.textContent.trim()") != "Begin":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/practice/\d+$"))
    answers = truth(store, int(page.url.rsplit("/", 1)[1]))
    page.focus("#item-610")
    for _ in range(80):
        name = page.evaluate("document.activeElement.name")
        page.keyboard.insert_text(answers.get(name, ""))
        page.keyboard.press("Enter")
        if page.evaluate("document.activeElement.name") == name:
            break
    page.keyboard.press("Control+s")
    page.wait_for_function("() => document.getElementById('save-state').textContent === 'Everything is saved'")
    assert page.locator("#item-400-meaning").inner_text() != ""
    # as tall as the page: wherever it was scrolled to, the bar that stays in sight would lie over some field's edge
    page.set_viewport_size({"width": 1280, "height": page.evaluate("document.documentElement.scrollHeight") + 300})
    page.wait_for_function("() => window.scrollY === 0")
    assert_accessible(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/result$"))
    assert page.locator("h1").inner_text() == "100 % of the points"
    page.emulate_media(color_scheme="dark")
    assert_accessible(page)
    assert_no_foreign_requests(page)
