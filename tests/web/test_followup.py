"""A month's follow-up in a browser, from list to letters to replies to rate, by keyboard; reviews; what each account sees."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registry.db import Store
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.followup import annual, passive
from registry.followup.matching import exact
from registry.followup.replies import Reply, log_attempt
from registry.models import Abstract, Facility, Patient, PatientRecord
from registry.models.followup import ContactAttempt

TODAY = date.today()
GENERAL = "0000010001"
LOST, CURRENT = 20, 40


def coded(days_ago: int) -> str:
    return (TODAY - timedelta(days=days_ago)).strftime("%Y%m%d")


class Cohort:
    """Forty patients seen this year and twenty who were not for two years: 66.7 % followed of the last five years."""

    format, version, done = "test", "260", 0.0

    def __iter__(self) -> Any:
        for n in range(LOST + CURRENT):
            person = {20: f"F{n:03d}", 2230: f"SYNTHETIC{n:03d}", 2240: "ROBIN", 240: "19500101", 225: "2", 1760: "1"}
            person |= {1750: coded(730 if n < LOST else 30), 2350: f"{n} Main St", 1810: "Springfield", 1820: "FL"}
            tumor = {60: "01", 400: "C509", 522: "8500", 523: "3", 390: coded(900), 580: coded(900), 540: GENERAL}
            yield IncomingPatient(n + 1, person, [IncomingTumor(1, tumor | {550: f"2023{n:05d}", 610: "14"})], "")


@pytest.fixture
def cohort(app: Any) -> Store:
    store: Store = app.extensions["store"]
    run_import(store, Cohort(), name="cohort.xml", who="tester", source="cohort")
    with store.writing() as session:
        session.scalars(select(Facility).where(Facility.number == GENERAL)).one().reference_date = "20000101"
    return store


@pytest.mark.browser
def test_the_story_from_the_list_to_the_rate(
    cohort: Store, browser_page: Any, assert_accessible: Any, assert_no_foreign_requests: Any
) -> None:
    page = browser_page("general")
    page.goto("/follow-up/")
    headline = page.inner_text("#story-recent")
    assert headline.endswith("contacts reach 90 %")
    needed = int(headline.split()[0])
    assert_accessible(page)
    page.keyboard.press("p")
    page.wait_for_url("**/letters/*")
    assert page.inner_text("h1").startswith(f"{needed} letters")
    assert_accessible(page)
    pdf = page.request.get(page.url + "/letters.pdf")
    assert pdf.body()[:5] == b"%PDF-" and pdf.headers["content-type"] == "application/pdf"
    page.keyboard.press("m")
    page.wait_for_selector(".notice-success")
    tokens = page.eval_on_selector_all("#letters td.code", "cells => cells.map(cell => cell.textContent)")
    assert len(tokens) == needed
    page.keyboard.press("r")
    page.wait_for_url("**/replies")
    before = page.inner_text("#desk-rate-recent")
    for token in tokens:
        page.keyboard.type(token)
        page.keyboard.press("Enter")
        page.wait_for_selector(f"#reply-{token}")
        page.wait_for_function(f"document.activeElement.name === 'outcome-{token}'")
        page.keyboard.press("a")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "scan"
    assert_accessible(page)
    page.keyboard.press("Control+s")
    page.wait_for_selector("#saved")
    after = page.inner_text("#desk-rate-recent")
    assert after.startswith(before) and float(after.split("→")[1].strip(" %")) >= 90
    assert page.locator("#saved li").count() == needed
    assert_accessible(page)
    page.goto("/follow-up/")
    assert "the target of 90 % is met" in page.inner_text("#story-recent")
    assert_no_foreign_requests(page)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_in_both_themes(
    cohort: Store, browser_page: Any, scheme: str, assert_accessible: Any, assert_no_foreign_requests: Any
) -> None:
    with cohort.reading() as session:
        number = session.scalars(select(Patient.id).where(Patient.name_last == "SYNTHETIC000")).one()
    page = browser_page("administrator", color_scheme=scheme)
    places = ["", "due", "due?list=lost", "letters", "templates", "templates/patient/fr", "replies", "files", "review"]
    places += [
        "rates",
        "rates/recent/case/E",
        "rates/recent/case/plan",
        "productivity",
        "productivity/way/told?name=patient",
        "productivity/file/attempts?name=Death+list",
        "productivity/file/told?name=Death+list",
        "rates/recent/case/E?as_of=2099-12-31",
    ]
    places += [f"patients/{number}", f"patients/{number}/review"]
    for place in places:
        page.goto(f"/follow-up/{place}")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide"
    assert_no_foreign_requests(page)


@pytest.mark.browser
def test_a_death_is_reviewed_by_keyboard(
    cohort: Store, browser_page: Any, tmp_path: Any, assert_accessible: Any
) -> None:
    path = tmp_path / "deaths.csv"
    path.write_text(f"last,first,sex,dob,dod\nSYNTHETIC001,ROBIN,2,19500101,{coded(60)}\n")
    report = passive.load_file(cohort, path, "state", who="t", matcher=exact)
    assert report.review == 1
    page = browser_page("administrator")
    page.goto("/follow-up/review")
    assert_accessible(page)
    page.keyboard.press("y")
    page.wait_for_selector(".notice-success")
    assert "Nothing to decide" in page.inner_text("main")
    with cohort.reading() as session:
        assert session.scalars(select(Patient.vital_status).where(Patient.name_last == "SYNTHETIC001")).one() == "0"


def test_the_desk_works_without_scripts_and_keeps_what_is_wrong(cohort: Store, client: Any) -> None:
    inside = client("general")
    assert inside.send("/follow-up/letters", {"list": "lost", "source": "patient"}).status_code == 303
    with cohort.reading() as session:
        first, second = session.scalars(select(ContactAttempt.token).order_by(ContactAttempt.id)).all()[:2]
    page = inside.send("/follow-up/replies", {"scan": first, "do": "add"})
    assert f"reply-{first}" in page.text
    page = inside.send("/follow-up/replies", {"token": first, "scan": "nonsense", "do": "add"})
    assert f"reply-{first}" in page.text and "is no number of a letter" in page.text
    form = {"token": [first, second], f"outcome-{first}": "alive", f"outcome-{second}": "dead", "do": "save"}
    page = inside.send("/follow-up/replies", form)
    assert "Saved just now" in page.text and "date of death is missing" in page.text


def test_numbers_open_their_lists_and_a_list_has_its_twins(cohort: Store, client: Any) -> None:
    inside = client("general")
    told = inside.get("/follow-up/rates.json").json
    for test in told["tests"]:
        assert test["B"] + test["D"] + test["E"] == test["A"]
        for letter in "ABCDE":
            at = f"/follow-up/rates/{test['test']}/{test['unit']}/{letter}.json"
            rows = inside.get(at).json["rows"]
            assert sum(row["cases"] for row in rows) == test[letter], at
    assert inside.get("/follow-up/due.csv?list=lost").text.count("SYNTHETIC0") >= LOST


def test_numbers_of_the_months_to_come_open_who_will_be_lost(cohort: Store, client: Any) -> None:
    inside = client("general")
    page = inside.get("/follow-up/rates").text
    links = re.findall(r'href="(/follow-up/rates/recent/case/E)\?(as_of=[\d-]+)"[^>]*>([\d.]+) %', page)
    assert len(links) == 12
    place, day, share = links[-1]
    lost = sum(row["cases"] for row in inside.get(f"{place}.json?{day}").json["rows"])
    counted = sum(row["cases"] for row in inside.get(f"{place[:-1]}A.json?{day}").json["rows"])
    assert float(share) == round(100 * (1 - lost / counted), 1)
    # letters are those of today: a list of another day offers none
    assert "Print their letters" not in inside.get(f"/follow-up/rates/recent/case/plan?{day}").text


def test_numbers_of_productivity_open_their_attempts(cohort: Store, client: Any) -> None:
    inside = client("general")
    run = inside.send("/follow-up/letters", {"list": "lost", "source": "patient"}).headers["Location"]
    inside.send(f"{run}/posted")
    page = inside.get("/follow-up/productivity").text
    links = re.findall(r'href="(/follow-up/productivity/(?:way|person)/\w+)(\?[^"]+)" aria-label="[^"]*: (\d+)"', page)
    assert [number for _, _, number in links] == [str(LOST)] * 4
    for place, query, number in links:
        assert len(inside.get(f"{place}.json{query.replace('&amp;', '&')}").json["rows"]) == int(number)


def test_numbers_of_files_open_their_files_and_patients(cohort: Store, client: Any, tmp_path: Any) -> None:
    path = tmp_path / "deaths.csv"
    lines = [f"SYNTHETIC00{n},ROBIN,2,19500101,{coded(1)}" for n in range(1, 4)] + [
        f"NOBODY,NEMO,1,19400101,{coded(1)}"
    ]
    path.write_text("\n".join(["last,first,sex,dob,dod", *lines]))
    report = passive.load_file(cohort, path, "csv", who="t", matcher=exact, automatic=0.5)
    inside = client("registrar")
    page = inside.get("/follow-up/productivity").text
    links = re.findall(r'href="(/follow-up/productivity/file/\w+)(\?[^"]+)" aria-label="[^"]*: (\d+)"', page)
    rows = {
        place.rsplit("/")[-1]: (inside.get(place + ".json" + q.replace("&amp;", "&")).json["rows"], n)
        for place, q, n in links
    }
    counted, number = rows["attempts"]
    assert int(number) == report.rows_in == sum(row["rows"] for row in counted) == len(lines)
    told, number = rows["told"]
    assert int(number) == report.accepted == len({row["patient"] for row in told}) == 3
    assert inside.get("/follow-up/productivity/file/returned").status_code == 404


def test_a_bound_account_sees_nothing_of_another_facility(cohort: Store, client: Any, ids: Any) -> None:
    bound, free = client("general"), client("registrar")
    place = f"/follow-up/patients/{ids['other_patient']}"
    assert (bound.get(place).status_code, free.get(place).status_code) == (404, 200)
    assert bound.get(place + "/review").status_code == 404
    assert bound.send(place + "/log", {"source": "chart", "outcome": "no-answer"}).status_code == 404
    assert "LAKESIDE" not in bound.get("/follow-up/due?facility=").text


def test_a_template_with_a_fault_is_not_saved_and_what_was_typed_stays(client: Any) -> None:
    inside = client("registrar")
    form = {"subject": "Hello", "body": "{{ config.__class__ }} my words", "do": "save"}
    page = inside.send("/follow-up/templates/patient/en", form)
    assert page.status_code == 422 and "is not allowed" in page.text and "my words" in page.text
    assert "Hello" not in inside.get("/follow-up/templates").text


def test_a_large_file_is_matched_in_the_background(cohort: Store, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from web.followup import outside

    monkeypatch.setattr(outside, "AT_ONCE", 10)
    # the worker is this test: the job is asked, watched and then run
    monkeypatch.setattr(outside.jobs, "ask", outside.jobs.submit)
    monkeypatch.setattr(outside.jobs, "revive", lambda store, number: None)
    inside = client("administrator")
    text = f"last,first,sex,dob,ssn,dod\nSYNTHETIC001,ROBIN,2,19500101,,{coded(60)}\n"
    form = {"layout": "state", "file": (io.BytesIO(text.encode()), "deaths.csv")}
    at = inside.send("/follow-up/files", form, content_type="multipart/form-data").headers["Location"]
    assert "Waiting for its turn" in inside.get(at).text
    assert client("registrar").get(at).status_code == 404
    outside.jobs.run(cohort, int(at.rsplit("/", 1)[1]))
    answer = inside.get(at)
    assert answer.status_code == 303 and "deaths.csv" in inside.get(answer.headers["Location"]).text
    assert list(cohort.settings.folder("incoming").iterdir()) == []


@pytest.mark.browser
@pytest.mark.parametrize("tumors", [1, 4, 6, 11])
def test_the_annual_review_is_one_printed_page(
    app: Any, browser_page: Any, tumors: int, assert_accessible: Any
) -> None:
    """Whatever the number of tumors, courses and notes; beyond six tumors the oldest are named alone."""
    store: Store = app.extensions["store"]
    run_import(store, Tumors(tumors), name="tumors.xml", who="tester", source="tumors")
    with store.writing() as session:
        patient = session.scalars(select(Patient).where(Patient.name_last == "MANYFOLD")).one()
        number = patient.id
        for abstract in session.scalars(select(Abstract).join(PatientRecord).where(PatientRecord.patient_id == number)):
            annual.save_review(session, abstract.id, {}, note="walks with a stick, " * 30, who="t", today=TODAY)
        for _ in range(9):
            log_attempt(
                session,
                number,
                "phone",
                Reply(outcome="unknown", heard=TODAY, note="nobody at home, " * 20),
                who="t",
                today=TODAY,
            )
    page = browser_page("administrator")
    page.goto(f"/follow-up/patients/{number}/review")
    assert_accessible(page)
    assert page.locator(".sheet-tumor").count() == min(tumors, 6)
    assert page.locator(".sheet-others").count() == (tumors > 6)
    assert "Chemotherapy" in page.inner_text(".sheet") and "none recorded" not in page.inner_text(".sheet")
    for size in ("Letter", "A4"):
        pdf = page.pdf(format=size, prefer_css_page_size=False)
        assert len(re.findall(rb"/Type */Page\b", pdf)) == 1, f"{tumors} tumors on {size}"


class Tumors:
    """One patient with many tumors, each with all its treatments."""

    format, version, done = "test", "260", 0.0

    def __init__(self, count: int):
        self.count = count

    def __iter__(self) -> Any:
        person = {20: "M", 2230: "MANYFOLD", 2240: "ROBIN", 240: "19500101", 225: "2", 1760: "1", 1750: coded(600)}
        tumors = []
        for n in range(self.count):
            tumor = {60: f"{n + 1:02d}", 400: "C509", 522: "8500", 523: "3", 390: f"{2000 + n}0304", 610: "14"}
            tumor |= {580: tumor[390], 540: GENERAL, 550: f"{2000 + n}00001", 1770: "2", 1772: coded(600)}
            tumor |= {1880: "70", 1860: coded(700), 1780: "2", 3190: "0", 1660: coded(800), 1671: "00", 1672: "22"}
            tumor |= {1200: f"{2000 + n}0401", 1291: "A220", 1210: f"{2000 + n}0501", 1506: "02", 1570: "2"}
            tumor |= {1220: f"{2000 + n}0601", 1390: "03", 1230: f"{2000 + n}0701", 1400: "01"}
            tumor |= {1240: f"{2000 + n}0801", 1410: "01", 1250: f"{2000 + n}0901", 1420: "1"}
            tumors.append(IncomingTumor(n + 1, tumor))
        yield IncomingPatient(1, person, tumors, "")
