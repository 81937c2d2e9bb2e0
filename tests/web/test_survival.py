"""The survival page: every choice in its address, small groups hidden on the server, files, cases behind counts, reports."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import time
from typing import Any

import pytest
from openpyxl import load_workbook

from registry.analysis.survival_answer import Answer, Group, Step
from registry.models import AccessLog, Job
from web.survival import base, files

ALL = "/survival/?by=sex&primaries=all"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page waits for its answer however busy the machine is; what waiting looks like is tested by itself."""
    ask = base.Desk.ask
    monkeypatch.setattr(base.Desk, "ask", lambda self, *given, **named: ask(self, *given, **{"patience": 60} | named))


def links(text: str, start: str) -> list[str]:
    return [at.replace("&amp;", "&") for at in re.findall(r'href="([^"]+)"', text) if at.startswith(start)]


# ---- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_shows_curve_estimates_flow_method_and_citation(client) -> None:
    text = client("registrar").get(ALL).text
    assert 'data-chart="survival-curve-spec"' in text
    for part in ("Selection", "Method, ready to paste", "Reproduce", "Cite", "Read with care", "survfit("):
        assert part in text
    assert "not for publication" in text


def test_every_link_of_the_page_keeps_every_choice(client) -> None:
    at = "/survival/?site=breast&year_from=2015&by=stage&method=pohar-perme&window=complete&at=1,5&scale=plain"
    text = client("registrar").get(at).text
    kept = {"site=breast", "year_from=2015", "by=stage", "method=pohar-perme", "at=1,5", "scale=plain"}
    found = links(text, "/survival/result.") + links(text, "/survival/cases?")
    assert found
    for link in found:
        assert kept <= set(link.replace("%2C", ",").partition("?")[2].split("&")), link


def test_htmx_gets_the_results_alone_and_the_short_address(client) -> None:
    form = "/survival/?site=breast&year_from=&year_to=&sex=&where=&by=stage&by=&method=kaplan-meier&standard=auto&level=0.95"
    answer = client("registrar").get(form, headers={"HX-Request": "true"})
    assert "<html" not in answer.text and "survival-form" not in answer.text
    assert answer.headers["HX-Push-Url"] == "/survival/?site=breast&by=stage"


def test_a_fault_is_shown_beside_the_form_which_keeps_what_was_typed(client) -> None:
    text = client("registrar").get("/survival/?site=breast&age_from=old&where=nothing").text
    assert 'role="alert"' in text and "&#39;old&#39;" in text and "&#39;nothing&#39;" in text
    assert re.search(r'<option value="breast" selected', text)


def test_a_selection_without_persons_says_so(client) -> None:
    text = client("registrar").get("/survival/?where=histology%3D9999").text
    assert "no person is left" in text and "most were left out as" in text


def test_while_it_computes_the_page_shows_how_far_it_is(client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base.Desk, "ask", lambda *given, **named: base.Waiting(0.4, "selecting persons"))
    text = client("registrar").get(ALL).text
    assert "<progress" in text and "selecting persons" in text and 'hx-trigger="load delay' in text
    assert client("registrar").get("/survival/result.csv").status_code == 503


# ---- who sees what -------------------------------------------------------------------------------------------------------


def test_small_groups_are_suppressed_on_the_server(client) -> None:
    text = client("epidemiologist").get(ALL).text
    assert "Too few persons to show" in text and "survival-curve" not in text
    document = client("epidemiologist").get("/survival/result.json?by=sex&primaries=all").get_json()
    assert document["curve"] == document["table"] == [] and document["n"] is None
    assert all(group["n"] is None for group in document["groups"])
    for form in ("svg", "png", "pdf"):
        assert client("epidemiologist").get(f"/survival/result.{form}?by=sex&primaries=all").status_code == 422
    assert client("epidemiologist").get("/survival/cases?by=sex&primaries=all&group=0").status_code == 403


def made_up(size: int, estimate: float) -> Answer:
    """An answer by three groups, two of them hidden from some roles: `size` and `estimate` are of the smallest."""

    def rows(*estimates: float) -> list[dict[str, Any]]:
        return [
            {"group": n, "time": 1.0, "start": 0.0, "end": 1.0, "n_risk": sizes[n], "n_event": 5, "n_censor": n * size}
            | {"estimate": value, "se": 0.01, "lower": value - 0.02, "upper": value + 0.02}
            for n, value in enumerate(estimates)
        ]

    sizes = [400, 80 - size, size]
    labels = ["Localized", "Regional", "Distant"]
    return Answer(
        pairs=[["method", "actuarial"], ["by", "stage"], ["at", "1"]],
        method="actuarial",
        title="Observed survival, actuarial life table",
        measure="Observed survival",
        definition="Malignant tumors.",
        registry="Test",
        version="0123456789abcdef",
        made_at="2025-01-01",
        closing="2024-12-31",
        n=480,
        events=100,
        groups=[
            Group(n, label, sizes[n], 5 + n * size, median=2 + n * estimate, follow_up=n * estimate, margins=[label])
            for n, label in enumerate(labels)
        ],
        grouped_by="Stage",
        flow=[Step("registry", "tumors in the registry", 0, 500), Step("c1", "another site", 20, 480)],
        curve=rows(0.9, 1 - estimate, estimate),
        table=rows(0.9, 1 - estimate, estimate),
        standardised=rows(0.9, 1 - estimate, estimate),
        standard="icss1",
        intervals=rows(0.9, 1 - estimate, estimate),
        risk_times=[0.0, 1.0],
        at_risk=[[n, n] for n in sizes],
        test={"name": "log-rank test", "chisq": estimate, "df": 2, "p": 0.5},
        cautions=[[2, f"At year {size} few are at risk."], [0, f"{size} persons are younger than 15."]],
        citation="Test. life-table, 480 persons, 100 events.",
    )


@pytest.mark.parametrize("form", ["", "svg", "csv", "json", "xlsx"])
def test_no_output_tells_one_hidden_group_from_another(client, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Page and files of two answers that differ in the hidden groups are the same, sign by sign."""
    inside, found = client("epidemiologist"), []
    monkeypatch.setattr(files, "write_chart", lambda spec, form: json.dumps(spec).encode())
    monkeypatch.setattr(files, "with_notes", lambda body, form, notes: body + json.dumps(notes).encode())
    place = f"result.{form}" if form else ""
    for answer in (made_up(7, 0.317), made_up(19, 0.462)):
        monkeypatch.setattr(base.Desk, "ask", lambda *given, answer=answer, **named: answer)
        reply = inside.get(f"/survival/{place}?method=actuarial&by=stage&at=1", headers={"HX-Request": "true"})
        assert reply.status_code == 200
        if form == "xlsx":
            book = load_workbook(io.BytesIO(reply.data))
            found.append([[list(row) for row in sheet.values] for sheet in book.worksheets])
        else:
            found.append(re.sub(r'(csrf_token" value|nonce)="[^"]*"', "", reply.text))
    assert "Localized" in str(found[0])
    assert found[0] == found[1]


def test_what_one_account_computed_is_not_shown_to_another_that_may_not_ask(client) -> None:
    at = "/survival/?where=2230%3DSYNTHETIC&primaries=all"
    assert "survival-curve" in client("registrar").get(at).text
    refused = client("epidemiologist").get(at).text
    assert "survival-curve" not in refused and "shows who a person is" in refused


def test_a_bound_account_analyses_its_own_facility(client) -> None:
    text = client("general").get("/survival/?primaries=all&classes=all").text
    assert "cases of General Hospital" in text and "no abstract of facility" in text
    assert 'name="facility"' not in text
    assert "own facility alone" in client("general").get("/survival/?facility=0000010002").text


def test_numbers_open_their_cases_and_reading_them_is_logged(client, app) -> None:
    inside = client("registrar")
    text = inside.get(ALL).text
    at = next(link for link in links(text, "/survival/cases?") if "group=" in link and "what" not in link)
    listed = inside.get(at).text
    assert "SYNTHETIC" in listed and "/patients/" in listed
    with app.extensions["store"].reading() as session:
        assert session.query(AccessLog).filter_by(what="survival cases").count() == 1
    twin = inside.get(at.replace("/cases?", "/cases.csv?")).text
    assert "SYNTHETIC" not in twin and "Patient" in twin


def test_every_number_of_the_page_opens_as_many_cases_as_it_says(client) -> None:
    inside = client("registrar")
    text = inside.get("/survival/?method=actuarial&intervals=0,6,12,60&at=1,5&primaries=all&by=sex").text
    shown = re.findall(r'<a href="(/survival/cases\?[^"]+)">([\d,]+)</a>', text)
    whats = {re.search(r"what=(\w+)", at)[1] for at, _ in shown if "what=" in at}
    assert {"risk", "events", "withdrawn"} <= whats
    for at, count in shown:
        listed = inside.get(at.replace("&amp;", "&").replace("/cases?", "/cases.json?")).get_json()
        assert len(listed["rows"]) == int(count.replace(",", "")), at
    spec = json.loads(re.search(r'id="survival-curve-spec"[^>]*>(.*?)</script>', text, re.S)[1])
    assert any("href" in row for layer in spec["layer"] for row in layer.get("data", {}).get("values", []))


@pytest.mark.parametrize("asked", ["what=moon", "what=risk&until=x", "group=99", "step=c77", "until=nan&what=risk"])
def test_a_list_that_is_none_is_not_found(client, asked: str) -> None:
    assert client("registrar").get(f"/survival/cases?primaries=all&{asked}").status_code == 404


def test_a_few_that_were_left_out_are_listed_for_those_alone_who_may_see_them(client) -> None:
    at = "/survival/cases?site=breast&step=c1"
    assert client("registrar").get(at).status_code == 200
    assert client("epidemiologist").get(at).status_code == 403


def test_rows_for_r_are_refused_where_a_group_is_suppressed(client) -> None:
    form = {"query": "primaries=all&by=sex", "purpose": "check in R"}
    assert client("epidemiologist").send("/survival/cohort.csv", form).status_code == 422


def test_a_bound_account_sees_no_follow_up_of_others_in_the_cases(client) -> None:
    text = client("general").get("/survival/cases?primaries=all&classes=all").text
    assert "Years followed" not in text


# ---- files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("svg", b"<svg"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("csv", b"\xef\xbb\xbfTable"),
        ("json", b"{"),
        ("xlsx", b"PK"),
    ],
)
def test_files_are_what_they_say(client, form: str, begins: bytes) -> None:
    answer = client("registrar").get(f"/survival/result.{form}?by=sex&primaries=all")
    assert answer.status_code == 200 and answer.data.startswith(begins)
    assert answer.headers["Content-Disposition"].endswith(f'.{form}"')


def test_the_workbook_holds_estimates_flow_and_method(client) -> None:
    answer = client("registrar").get("/survival/result.xlsx?by=sex&primaries=all")
    book = load_workbook(io.BytesIO(answer.data))
    assert {"Estimates", "Curve", "Flow", "Method"} <= set(book.sheetnames)
    words = {row[0].value: row[1].value for row in book["Method"].iter_rows()}
    assert words["Data snapshot"] and "Kaplan-Meier" in words["Text"]


def test_an_unknown_file_is_not_there(client) -> None:
    assert client("registrar").get("/survival/result.exe").status_code == 404


def test_rows_for_r_need_the_export_permission_and_a_purpose(client) -> None:
    form = {"query": "by=sex&primaries=all", "purpose": "check in R"}
    assert client("state").send("/survival/cohort.csv", form).status_code == 403
    assert client("registrar").send("/survival/cohort.csv", {**form, "purpose": ""}).status_code == 422
    answer = client("registrar").send("/survival/cohort.csv", form)
    assert answer.status_code == 200 and answer.text.startswith("time,entry,event,status,age,sex,date,group")
    assert "SYNTHETIC" not in answer.text


# ---- saved, settings, reports ----------------------------------------------------------------------------------------------


def test_a_report_is_saved_opened_and_taken_away(client) -> None:
    mine = client("epidemiologist")
    form = {"name": "Breast by stage", "query": "site=breast&by=stage", "shared": "1"}
    assert mine.send("/survival/saved", form).headers["Location"] == "/survival/?site=breast&by=stage"
    listed = client("state").get("/survival/saved").text
    at = links(listed, "/survival/saved/")[0]
    assert client("state").get(at).headers["Location"] == "/survival/?site=breast&by=stage"
    assert client("state").send(f"{at}/forget").status_code == 404
    assert mine.send(f"{at}/forget").status_code == 303
    assert client("state").get(at).status_code == 404
    assert client("registrar").send("/survival/saved", form).status_code == 403


def test_presumed_alive_waits_for_a_recorded_date(client) -> None:
    mine = client("administrator")
    at = "/survival/?follow_up=presumed&primaries=all"
    assert "none is recorded" in mine.get(at).text
    mine.send("/survival/settings/deaths", {"date": "2024-12-31", "source": "state vital statistics, 2024 file"})
    assert "presumed alive on 2024-12-31" in mine.get(at).text
    assert "state vital statistics" in client("registrar").get("/survival/settings").text
    assert client("registrar").send("/survival/settings/deaths", {"date": ""}).status_code == 403


def test_a_life_table_with_a_gap_is_refused_with_its_place(client) -> None:
    lines = [f"{y},{a},{s},0.01" for y in (2000, 2001) for a in range(3) for s in (1, 2) if (y, a, s) != (2001, 1, 2)]
    file = io.BytesIO(("year,age,sex,annual_prob\n" + "\n".join(lines)).encode())
    mine = client("administrator")
    answer = mine.send("/survival/settings/life-table", {"title": "Gap", "file": (file, "gap.csv")})
    assert answer.status_code == 422 and "women aged 1 in 2001" in answer.text
    good = io.BytesIO(("year,age,sex,annual_prob\n" + "\n".join([*lines, "2001,1,2,0.01"])).encode())
    assert mine.send("/survival/settings/life-table", {"title": "Whole", "file": (good, "w.csv")}).status_code == 303
    assert "Whole" in mine.get("/survival/").text


def test_the_annual_report_is_made_by_one_click(client, app, monkeypatch: pytest.MonkeyPatch) -> None:
    store = app.extensions["store"]
    monkeypatch.setattr(store, "settings", dataclasses.replace(store.settings, survival_minimum=1))
    mine = client("epidemiologist")
    at = mine.send("/survival/reports", {"year_from": "2000"}).headers["Location"]
    text, tries = mine.get(at).text, 0
    while "At risk" not in text and "at a glance" not in text and tries < 300:
        assert "could not be made" not in text, text
        time.sleep(0.2)
        text, tries = mine.get(at).text, tries + 1
    assert "Five-year net survival at a glance" in text
    assert mine.get(f"{at}.pdf").data.startswith(b"%PDF")
    assert b"<!doctype html>" in mine.get(f"{at}.html").data
    chart = links(text.replace('src="', 'href="'), f"{at}/")
    assert mine.get(chart[0]).mimetype == "image/svg+xml"
    assert client("general").get(at).status_code == 404, "a report of the whole registry is not a facility's"
    assert mine.get(at, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_a_report_that_cannot_be_made_says_why(client, app) -> None:
    mine = client("epidemiologist")
    at = mine.send("/survival/reports", {}).headers["Location"]
    for _ in range(300):
        text = mine.get(at).text
        if "could not be made" in text:
            break
        time.sleep(0.2)
    assert "no site has enough tumors" in text
    with app.extensions["store"].reading() as session:
        assert session.query(Job).filter_by(kind="report").count() == 1


# ---- in the browser ----------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chart_is_drawn_under_the_policy_and_the_page_is_accessible(
    browser_page, assert_accessible, assert_no_foreign_requests, scheme: str
) -> None:
    page = browser_page("registrar", color_scheme=scheme)
    page.goto(ALL)
    page.wait_for_selector("#survival-curve svg .mark-line path")
    assert (page.text_content("#survival-curve svg") or "").count("At risk") == 1
    assert_accessible(page)
    page.click("text=Numbers of this chart")
    page.click("text=Rules and details")
    assert_accessible(page)
    assert_no_foreign_requests(page)


@pytest.mark.browser
def test_a_choice_changes_result_and_address_and_back_goes_back(browser_page, assert_no_foreign_requests) -> None:
    page = browser_page("registrar")
    page.goto("/survival/?primaries=all")
    page.wait_for_selector("#survival-curve svg .mark-line path")
    page.select_option("#s-by-1", "sex")
    page.wait_for_url("**/survival/?primaries=all&by=sex")
    page.wait_for_selector("#estimates th:text('Female')")
    page.wait_for_selector("#survival-curve svg .mark-line path")
    assert page.is_hidden("#s-table")
    page.select_option("#s-method", "pohar-perme")
    page.wait_for_url("**method=pohar-perme**")
    assert page.is_visible("#s-table")
    page.wait_for_selector("#curve-title:text('net survival')")
    page.go_back()
    page.wait_for_url("**/survival/?primaries=all&by=sex")
    page.wait_for_selector("#curve-title:text('observed survival')")
    assert_no_foreign_requests(page)


@pytest.mark.browser
def test_the_page_works_without_javascript_and_on_a_narrow_screen(browser_page, assert_accessible) -> None:
    page = browser_page("registrar", java_script_enabled=False, viewport={"width": 390, "height": 800})
    page.goto("/survival/?primaries=all")
    page.select_option("#s-by-1", "sex")
    page.click("text=Estimate")
    page.wait_for_selector("#estimates th:text('Female')")
    assert "by=sex" in page.url
    with_script = browser_page("registrar", viewport={"width": 390, "height": 800})
    with_script.goto(ALL)
    with_script.wait_for_selector("#survival-curve svg .mark-line path")
    assert with_script.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(with_script)


@pytest.mark.browser
@pytest.mark.parametrize(
    "place", ["/survival/saved", "/survival/settings", "/survival/reports", "/survival/?site=nothing"]
)
def test_its_other_pages_are_accessible(
    browser_page, assert_accessible, assert_no_foreign_requests, place: str
) -> None:
    page = browser_page("administrator")
    page.goto(place)
    assert_accessible(page)
    assert_no_foreign_requests(page)
