"""The desk's pages: starting a case after a search, steps, questions, the editor's live answer; accessible in both themes."""

from __future__ import annotations

import re

import pytest

from registry import records
from registry.models import Abstract
from registry.models.desk import PhysicianQuery

MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), "12mm")


def test_a_case_cannot_begin_without_a_search(client):
    assert client("registrar").get("/desk/start/patient").status_code == 422
    answer = client("registrar").send("/desk/start", {"last": "SYNTHETIC"})
    assert answer.status_code == 422 and "needs a number" in answer.text


def test_the_search_offers_same_tumor_new_primary_history_and_new_patient(client):
    page = client("general").send("/desk/start", {"last": "SYNTHETIC", "first": "MARGARET"}).text
    for words in ("Open our abstract", "New primary", "History only", "new patient"):
        assert words in page
    assert "MARGARET" not in "".join(re.findall(r'href="([^"]+)"', page))


def test_the_search_finds_by_linkage_whom_equal_keys_do_not(client):
    """A slip in the surname, day and month exchanged, two digits of the number exchanged: no key is equal."""
    asked = {"last": "SYNTETIC", "first": "MARGARET", "born": "19481203", "ssn": "900000110"}
    page = client("general").send("/desk/start", asked).text
    assert "by linkage" in page and "Open our abstract" in page
    elsewhere = {"last": "LAKESIDE", "first": "ONLI", "born": "19700909", "ssn": ""}
    assert "Nobody found" in client("general").send("/desk/start", elsewhere).text, "who is not visible is not found"


def live(client, ids, **items):
    form = {"version": "3", "shown": ""} | {f"item-{n[1:]}": value for n, value in items.items()}
    return client("registrar").send(f"/abstracts/{ids['abstract']}/live", form)


def test_the_live_answer_has_faults_at_both_ends_and_saves_nothing(app, client, ids):
    answer = live(client, ids, i523="1", i1291="A000")
    assert answer.status_code == 200 and answer.json["saved"] == []
    assert answer.json["version"] == 3 and answer.json["faults"] and "Derived" in answer.json["side"]
    with app.extensions["store"].reading() as session:
        assert session.get(Abstract, ids["abstract"]).items["523"] == "3"


def test_autosave_against_an_old_version_is_a_conflict(client, ids):
    rosa = client("registrar")
    at = f"/abstracts/{ids['abstract']}/live"
    assert rosa.send(at, {"version": "3", "save": "1", "item-630": "20"}).status_code == 200
    assert rosa.send(at, {"version": "3", "save": "1", "item-630": "10"}).status_code == 409


def test_a_case_with_reasons_against_it_does_not_become_complete(app, client, ids):
    with app.extensions["store"].reading() as session:
        number = session.query(Abstract).filter_by(status="incomplete").one().id
    rosa = client("registrar")
    rosa.send(f"/desk/abstracts/{number}/status", {"target": "complete"})
    assert "not complete yet" in rosa.get(f"/abstracts/{number}").text.lower()
    with app.extensions["store"].reading() as session:
        assert session.get(Abstract, number).status == "incomplete"


def test_the_questions_write_their_class_and_the_flag_into_the_abstract(app, client, ids):
    rosa = client("registrar")
    at = f"/abstracts/{ids['abstract']}"
    assert f"/desk/class-of-case?abstract={ids['abstract']}" in rosa.get(at).text
    answers = "contact=patient&required=yes&diagnosed=elsewhere&treated=none&seen_for=history"
    page = rosa.get(f"/desk/class-of-case?abstract={ids['abstract']}&{answers}").text
    assert "Write 33 into the abstract" in page
    assert rosa.send(f"/desk{at}/class", {"class": "33"}).headers["Location"].endswith("#item-580")
    with app.extensions["store"].reading() as session:
        items = session.get(Abstract, ids["abstract"]).items
    assert items["610"] == "33" and items["2152"] in ("0", "2"), "0 where the facility has no accreditation"
    assert rosa.send(f"/desk{at}/class", {"class": "77"}).status_code == 422


def test_the_next_primary_takes_along_what_the_policy_says(app, client, ids):
    """Copied, asked (here one kept and one emptied), set, and blank; the site's own file over the shipped policy."""
    rosa = client("registrar")
    number, at = ids["abstract"], f"/desk/abstracts/{ids['abstract']}"
    with app.extensions["store"].writing() as session:
        records.save(session, number, {630: "20", 344: "0", 3780: "E119", 2680: "As told."}, who="registrar")
    page = rosa.get(f"{at}/copy").text
    assert 'name="item-630" value="20"' in page and "Earlier primary: C504" in page and "as it is" in page
    begin = rosa.send(f"{at}/copy", {"item-630": "10", "item-344": ""}).headers["Location"]
    token = re.search(r"case=([^&#]+)", begin)[1]
    with app.extensions["store"].reading() as session:
        facility = session.get(Abstract, number).facility_id
    form = {"case": token, "item-610": "14", "item-580": "20240304", "item-501": "20", "facility": str(facility)}
    opened = rosa.send("/desk/start/primary", form).headers["Location"]
    with app.extensions["store"].reading() as session:
        new = records.all_items(session.get(Abstract, int(re.search(r"/abstracts/(\d+)", opened)[1])))
    assert new[630] == "10" and 344 not in new and new[3780] == "E119" and 400 not in new
    assert new[2680].startswith("Earlier primary: C504 8500/3") and new[2230] == "SYNTHETIC"


def test_a_faulty_copy_policy_of_the_site_is_told_and_stops_nobody(app, client, ids):
    home = app.extensions["settings"].home
    at = f"/desk/abstracts/{ids['abstract']}/copy"
    (home / "copy_policy.csv").write_text("item,policy,value\n9999999,copy,\n630,keep,\n2230,copy,\n2680,set,\n")
    page = client("registrar").get(at)
    assert page.status_code == 200
    for words in ("there is no item", "is none of copy", "shared by all primaries", "needs a value"):
        assert words in page.text
    (home / "copy_policy.csv").write_text(
        "# ours\nitem,policy,value,sites\n2680,clear,,C50\n501,set,20,C61\n400,ask,,\n"
    )
    page = client("registrar").get(at).text
    assert "Earlier primary" not in page and 'name="item-400" value="C504"' in page and 'role="alert"' not in page


def test_a_question_is_asked_reminded_answered_and_closed(app, client, ids):
    rosa = client("registrar")
    asked = rosa.send(f"/desk/abstracts/{ids['abstract']}/ask", {"addressee": "Dr. Test", "question": "Which side?"})
    at = asked.headers["Location"]
    assert "Dear Doctor" in rosa.get(at).text
    for form in ({"step": "remind"}, {"step": "answer", "answer": "left"}, {"step": "close"}):
        assert rosa.send(at, form).status_code == 303
    with app.extensions["store"].reading() as session:
        found = session.query(PhysicianQuery).one()
    assert (found.state, found.reminders, found.answer) == ("closed", 1, "left")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_the_desk_is_accessible(browser_page, ids, scheme, assert_accessible, assert_no_foreign_requests):
    page = browser_page("registrar", color_scheme=scheme)
    number, person = ids["abstract"], ids["patient"]
    places = ("/desk/class-of-case", f"/abstracts/{number}", f"/desk/abstracts/{number}/page")
    more = (f"/desk/abstracts/{number}/copy", f"/desk/abstracts/{number}/ask", f"/desk/patients/{person}/tumors")
    for place in (*places, *more):
        page.goto(place)
        assert_accessible(page)
    assert_no_foreign_requests(page)


def test_the_visual_abstract_and_the_letter_are_one_printed_page(browser_page, app, client, ids):
    """Also with every block of text filled; navigation and buttons are not printed."""
    blocks = (*range(2520, 2580, 10), *range(2600, 2690, 10))
    long = dict.fromkeys(blocks, "04/10/2023 General: " + "finding " * 60)
    with app.extensions["store"].writing() as session:
        records.save(session, ids["abstract"], long, who="registrar")
    asked = client("registrar").send(
        f"/desk/abstracts/{ids['abstract']}/ask", {"addressee": "Dr. A", "question": "Side?"}
    )
    page = browser_page("registrar")
    for place, printed, hidden in (
        (f"/desk/abstracts/{ids['abstract']}/page", ".visual", ".side"),
        (asked.headers["Location"], ".letter", ".query-acts"),
    ):
        page.goto(place)
        page.emulate_media(media="print")
        assert page.locator(printed).is_visible() and not page.locator(hidden).first.is_visible()
        pages = re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="Letter", margin=MARGIN))
        assert len(pages) == 1, place
