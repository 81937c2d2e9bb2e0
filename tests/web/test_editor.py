"""The first editor: saving what changed, faults and conflicts that lose nothing, history and undo."""

from __future__ import annotations

import re
from typing import Any

import pytest

from abstracting.codes.topography import topography
from abstracting.naaccr.items import codes
from registry import records
from registry.models import Abstract


def form_of(page: str) -> dict[str, str]:
    """The fields of the editor's form as a browser would send them."""
    form = page[page.index('id="editor-form"') :]
    form = form[: form.index("</form>")]
    fields = dict(re.findall(r'name="([\w-]+)" value="([^"]*)"', form))
    return fields | dict(re.findall(r'<textarea[^>]*name="([\w-]+)"[^>]*>([^<]*)</textarea>', form))


def item(app: Any, ids: dict[str, int], number: int) -> str:
    with app.extensions["store"].reading() as session:
        return records.all_items(session.get(Abstract, ids["abstract"])).get(number, "")


@pytest.fixture
def at(ids):
    return f"/abstracts/{ids['abstract']}"


def test_the_form_shows_codes_with_their_meaning(client, at):
    page = client("registrar").get(at).text
    assert re.search(r'id="item-610"[^>]*value="14"', page)
    assert codes(610)["14"] in page


def test_saving_an_untouched_form_changes_nothing(app, client, at):
    inside = client("registrar")
    answer = inside.send(at, form_of(inside.get(at).text), follow_redirects=True)
    assert "Nothing had changed." in answer.text


def test_a_save_keeps_who_why_and_what(app, client, ids, at):
    inside = client("registrar")
    fields = form_of(inside.get(at).text) | {"item-400": "C505", "why": "pathology addendum"}
    page = inside.send(at, fields, follow_redirects=True).text
    assert "Saved: 1 item changed." in page
    assert item(app, ids, 400) == "C505"
    history = page[page.index('id="history-title"') :]
    assert "pathology addendum" in history
    assert re.search(r"<del>C504</del> → <ins>C505</ins>", history)


def test_an_item_of_the_person_and_a_text_are_saved_too(app, client, ids, at):
    inside = client("registrar")
    fields = form_of(inside.get(at).text) | {"item-2250": "ROSE", "item-2570": "Line one\r\nline two"}
    inside.send(at, fields)
    assert item(app, ids, 2250) == "ROSE"
    assert item(app, ids, 2570) == "Line one\nline two"


def test_a_value_that_does_not_fit_comes_back_with_everything_typed(app, client, ids, at):
    inside = client("registrar")
    fields = form_of(inside.get(at).text) | {"item-410": "123", "item-756": "017"}
    answer = inside.send(at, fields)
    assert answer.status_code == 422
    assert "item 410 holds 3 characters, at most 1 fit" in answer.text
    assert re.search(r'id="item-756"[^>]*value="017"', answer.text)
    assert item(app, ids, 756) == ""


def test_two_savers_of_different_items_see_a_page_and_lose_nothing(app, client, ids, at):
    first, second = client("registrar"), client("administrator")
    mine, theirs = form_of(first.get(at).text), form_of(second.get(at).text)
    assert second.send(at, theirs | {"item-490": "1", "item-400": "C508"}).status_code == 303
    answer = first.send(at, mine | {"item-400": "C502", "item-756": "021", "why": "my reason"})
    assert answer.status_code == 409
    text = answer.text
    assert "administrator saved it while you were typing" in text
    for value in ("C50.4", "C50.8", "C50.2", "021"):
        assert value in text, "before, theirs, mine"
    assert 'value="my reason"' in text
    version = re.search(r'name="version" value="(\d+)"', text).group(1)
    chosen = {"version": version, "was-400": "C508", "item-400": "C502", "was-756": "", "item-756": "021"}
    assert first.send(at, chosen).status_code == 303
    assert (item(app, ids, 400), item(app, ids, 756), item(app, ids, 490)) == ("C502", "021", "1")


def test_undo_goes_back_to_a_revision_as_a_new_one(app, client, ids, at):
    inside = client("registrar")
    page = inside.get(at).text
    assert item(app, ids, 764) == "2"
    version = re.search(r'name="version" value="(\d+)"', page).group(1)
    answer = inside.send(f"{at}/undo", {"number": "1", "version": version}, follow_redirects=True)
    assert "as they were after revision 1" in answer.text
    assert (item(app, ids, 764), item(app, ids, 490)) == ("3", "1")
    assert "undo to revision 1" in answer.text


def test_undo_on_an_old_page_is_a_conflict_and_not_a_loss(client, at):
    answer = client("registrar").send(f"{at}/undo", {"number": "1", "version": "1"})
    assert answer.status_code == 409


def test_readers_without_the_right_get_a_read_only_page(client, at):
    page = client("follow-up").get(at).text
    assert "read only" in page
    assert 'class="save-bar"' not in page
    assert re.search(r'id="item-400"[^>]*readonly', page)


def test_an_epidemiologist_reads_codes_but_no_person(client, at):
    page = client("epidemiologist").get(at).text
    assert re.search(r'id="item-400"[^>]*value="C504"', page)
    for secret in ("SYNTHETIC", "MARGARET", "900000101", "19480312", "core biopsy"):
        assert secret not in page


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("item=610&value=14", codes(610)["14"]),
        ("item=400&value=c504", topography().label("C504")),
        ("item=610&value=77", "not a code of this item"),
        ("item=2230&value=X", ""),
        ("item=abc&value=1", ""),
        ("", ""),
    ],
)
def test_meaning_of_a_code(client, query, label):
    assert client("registrar").get(f"/abstracts/meaning?{query}").text == label


@pytest.mark.parametrize(
    ("item", "query", "code"), [("400", "upper outer breast", "C504"), ("400", "C50", "C500"), ("610", "14", "14")]
)
def test_codes_are_found_by_code_and_by_words(client, item, query, code):
    rows = client("registrar").get(f"/abstracts/codes.json?item={item}&query={query}").json["rows"]
    assert code in [row["code"] for row in rows]


@pytest.mark.parametrize("form", [{}, {"version": "x"}, {"number": "1"}, {"number": "x", "version": "3"}])
def test_a_form_without_its_version_is_refused_in_words(client, at, form):
    answer = client("registrar").send(f"{at}/undo", form)
    assert answer.status_code == 422


def test_the_last_contact_goes_forward_only_and_a_correction_asks_somebody_else(client, ids, app):
    rosa, at = client("registrar"), f"/abstracts/{ids['abstract']}"
    version = re.search(r'name="version" value="(\d+)"', rosa.get(at).text).group(1)
    answer = rosa.send(f"{at}/live", {"save": "1", "version": version, "item-1750": "20231201", "item-2580": "x y"})
    told = answer.get_json()
    assert "1750" in told["held"] and 2580 in told["saved"] and 1750 not in told["saved"]
    assert "does not move backward" in told["faults"]["1750"][0] and "Ask for a correction" in told["side"]
    assert 'value="20240115"' in rosa.get(at).text
    typed = {"day": "20231201", "status": "1", "why": "chart note of 1 December"}
    assert rosa.send(f"{at}/last-contact", {**typed, "why": ""}).status_code == 422
    assert rosa.send(f"{at}/last-contact", typed).status_code == 303
    assert "waits for a decision" in rosa.get(at).text
    review = re.search(r"/follow-up/review/news/(\d+)", client("follow-up").get("/follow-up/review").text)
    assert rosa.send(review.group(0), {"do": "take", "why": "mine"}).status_code >= 400
    assert client("follow-up").send(review.group(0), {"do": "take", "why": "chart read"}).status_code == 303
    assert 'value="20231201"' in rosa.get(at).text
