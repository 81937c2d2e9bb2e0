"""Case lists: any item as filter or column, persons only for who may see them, small counts hidden, every number opens."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from registry import records
from registry.models import AccessLog, Disclosure
from registry.security.permissions import Actor, Refused
from registry.views import frequency, lists, registers

SMALL = 3
"""A threshold for a registry of five tumors."""


def rows(answer: Any) -> list[dict[str, Any]]:
    return answer.json["rows"]


def total(page: Any) -> int:
    found = re.search(r'class="count" role="status">([\d\u202f]+) rows?', page.text)
    return int(found.group(1)) if found else 0


def saved_at(answer: Any) -> str:
    """The address of the list that was just saved."""
    return "/lists/saved/" + re.search(r"list=([0-9]+)", answer.headers["Location"]).group(1)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ((), 5),
        (("site=C50*",), 1),
        (("site=C50*,C341",), 2),
        (("year=2018-2020",), 3),
        (("764=blank",), 0),
        (("facility=0000010002",), 2),
        (("2230=SYNTHETIC", "sex=2"), 2),
        (("2570=*ductal*",), 1),
    ],
)
def test_any_item_filters(client, where: tuple[str, ...], expected: int) -> None:
    from urllib.parse import urlencode

    page = client("registrar").get("/lists/cases?" + urlencode([("where", text) for text in where]))
    assert total(page) == expected
    assert expected or "No case meets these conditions" in page.text


def test_any_item_is_a_column_and_sorts(client):
    inside = client("registrar")
    found = rows(inside.get("/lists/cases.json?col=390&col=recode&col=2570&col=class&sort=-390"))
    assert [row["390"] for row in found] == sorted((row["390"] for row in found), reverse=True)
    assert found[0].keys() == {"390", "recode", "2570", "class"}
    page = inside.get("/lists/cases?col=patient&col=2570&where=site%3DC504").text
    assert "core biopsy left breast" in page
    assert "Ductal" not in page
    blank_last = rows(inside.get("/lists/cases.json?col=1200&sort=1200"))
    assert [row["1200"] for row in blank_last] == ["20190401", "", "", "", ""]


def test_what_cannot_be_read_is_said_and_nothing_typed_is_lost(client):
    inside = client("registrar")
    form = {"where-name-0": "nonsense", "where-value-0": "1", "where-name-1": "site", "where-value-1": "C50*"}
    answer = inside.send("/lists/cases", form)
    assert answer.status_code == 422
    assert "neither a name nor an item" in html.unescape(answer.text)
    assert 'value="nonsense"' in answer.text
    assert 'value="C50*"' in answer.text
    assert inside.get("/lists/cases?where=nonsense%3D1").status_code == 422
    assert inside.get("/lists/cases?where=year%3Dabc").status_code == 422


def test_names_stand_in_no_address(client):
    inside = client("registrar")
    answer = inside.send("/lists/cases", {"where-name-0": "2230", "where-value-0": "SYNTHETIC", "col-0": "patient"})
    assert answer.status_code == 303
    assert "SYNTHETIC" not in unquote(answer.headers["Location"])
    page = inside.get(answer.headers["Location"])
    assert total(page) == 3
    addresses = " ".join(re.findall(r'(?:href|hx-get|action)="([^"]*)"', page.text))
    assert "SYNTHETIC" not in unquote(addresses)
    plain = inside.send("/lists/cases", {"where-name-0": "site", "where-value-0": "C50*"})
    assert "site%3DC50" in plain.headers["Location"], "what names nobody can be shared as an address"


def test_readers_without_the_right_see_and_filter_no_person(client):
    inside = client("epidemiologist")
    page = inside.get("/lists/cases?col=patient&col=born&col=2300&col=2570&col=site").text
    assert "MARGARET" not in page
    assert "core biopsy" not in page
    assert ">1948<" in page or "1948" in page
    assert "1948-03-12" not in page
    for name in ("2230", "accession", "2570", "240"):
        assert inside.get(f"/lists/cases?where={name}%3D1*").status_code == 403, name


def test_the_twins_of_a_list_carry_no_name(client):
    inside = client("registrar")
    assert "MARGARET" in inside.get("/lists/cases?col=patient").text
    twin = inside.get("/lists/cases.csv?col=patient&col=240&col=site").text
    assert "MARGARET" not in twin
    assert "19480312" not in twin
    assert "C504" in twin


def test_a_bound_account_lists_counts_and_filters_its_own_accounts_alone(client):
    bound = client("general")
    assert total(bound.get("/lists/cases")) == 4
    assert total(bound.get("/lists/cases?where=1750%3E%3D20240501")) == 0, "the other facility's last contact"
    assert "Lakeside" not in bound.get("/lists/cases?col=patient&col=facility").text
    assert "LAKESIDE" not in bound.get("/lists/patients").text
    assert "201900345" not in bound.get("/lists/accessions").text
    counted = rows(bound.get("/lists/frequency.json?row=race&counts=every"))
    assert next(row["cases"] for row in counted if row["row"] == "All") == 4


def test_a_list_is_exported_for_a_purpose_that_is_kept(app, client):
    inside = client("registrar")
    at = "/lists/export?where=site%3DC50*&col=patient&col=site&col=2570"
    assert inside.send(at, {"purpose": "no", "form": "csv"}).status_code == 422
    answer = inside.send(at, {"purpose": "tumor board of 4 May", "form": "csv"})
    table = list(csv.reader(io.StringIO(answer.get_data(as_text=True))))
    assert table[0] == ["Patient", "Primary site", "2570 Text: DX Proc: Path"]
    assert table[1][:2] == ["SYNTHETIC, MARGARET", "C504"]
    import hashlib

    with app.extensions["store"].reading() as session:
        kept = session.scalars(select(Disclosure)).one()
        log = session.scalars(select(AccessLog).where(AccessLog.what == "case list exported")).one()
    assert (kept.who, kept.purpose, kept.rows) == ("registrar", "tumor board of 4 May", 1)
    assert kept.sha256 == hashlib.sha256(answer.data).hexdigest()
    assert kept.selection["where"] == ["site=C50*"]
    assert log.purpose == "tumor board of 4 May"
    masked = client("epidemiologist").send(at.replace("&col=2570", ""), {"purpose": "a count of breast", "form": "csv"})
    assert "MARGARET" not in masked.text
    assert client("state").send(at, {"purpose": "a count of breast"}).status_code == 403


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
def test_the_forms_of_an_exported_list(client, form: str) -> None:
    answer = client("registrar").send("/lists/export?col=site&col=2240", {"purpose": "tumor board", "form": form})
    if form == "parquet":
        import pandas as pd

        assert sorted(pd.read_parquet(io.BytesIO(answer.data))["Primary site"]) == sorted(
            ["C504", "C341", "C619", "C180", "C739"]
        )
        return
    from openpyxl import load_workbook

    sheet = load_workbook(io.BytesIO(answer.data)).active
    assert {cell.value for cell in sheet["B"]} >= {"=CMD()"}
    assert {cell.data_type for cell in sheet["B"]} == {"s"}, "text, never a formula"


def test_lists_are_saved_shared_and_removed(client):
    mine, other = client("registrar"), client("epidemiologist")
    saved = mine.send("/lists/save?where=site%3DC50*&col=site", {"name": "Breast", "shared": "yes"})
    at = saved_at(saved)
    assert "Breast" in other.get("/lists/").text
    assert total(other.get(at, follow_redirects=True)) == 1
    private = mine.send("/lists/save?where=2230%3DSMITH", {"name": "By name", "shared": "yes"})
    secret = saved_at(private)
    page = other.get("/lists/").text
    assert "SMITH" not in page
    assert other.get(secret).status_code == 403
    alone = mine.send("/lists/save?where=year%3D2019", {"name": "Only mine"})
    hidden = saved_at(alone)
    assert other.get(hidden).status_code == 404
    assert other.send(f"{at}/remove").status_code == 404
    mine.send(f"{at}/remove")
    assert "Breast" not in other.get("/lists/").text


def test_a_frequency_hides_small_counts_and_every_number_opens_its_cases(client):
    inside = client("registrar")
    hidden = inside.get("/lists/frequency?row=sex&column=stage&years=each").text
    assert 'class="is-number hidden-count"' in hidden
    assert not re.search(r'class="is-number"><a', hidden), "five tumors are under the threshold of 16"
    page = inside.get("/lists/frequency?row=sex&column=stage&years=each&counts=every").text
    links = re.findall(r'class="is-number"><a href="([^"]+)">(\d+)</a>', page)
    assert links
    for href, count in links:
        assert total(inside.get(html.unescape(href))) == int(count), href
    assert client("epidemiologist").get("/lists/frequency?row=sex&counts=every").status_code == 403
    assert inside.get("/lists/frequency?row=2570").status_code == 422, "free text is not counted"


def test_the_numbers_of_the_primary_site_table_open_their_cases(client):
    inside = client("registrar")
    for query in ("", "?detail=yes", "?facility=0000010001", "?year=2019"):
        page = inside.get(f"/lists/sites{query}").text
        links = re.findall(r'class="is-number"><a href="([^"]+)">(\d+)</a>', page)
        assert links
        every = list(dict(links).items())
        for href, count in every[:: max(1, len(every) // 10)]:
            assert total(inside.get(html.unescape(href))) == int(count), href
    published = inside.get("/lists/sites?counts=published").text
    assert not re.search(r'class="is-number"><a', published)
    assert not re.search(r'class="is-number"><a', client("state").get("/lists/sites").text)


def test_stage_over_the_years_marks_where_its_definition_changed(app, client, ids):
    """Summary Stage 2018 begins with 2018: a table of stage by year says so at the year, in a note and in its twin."""
    with app.extensions["store"].writing() as session:
        records.save(session, ids["abstract"], {390: "20170304", 764: "", 759: "2"}, who="test")
    inside = client("registrar")
    for address in ("row=stage&years=each", "row=stage&column=sex&years=each", "row=year&column=stage"):
        page = inside.get(f"/lists/frequency?{address}&counts=every").text
        assert "The definition of stage changed" in page and "2018, Summary Stage 2018" in page, address
        assert "†" in page.split("<table", 1)[1], address
    twin = inside.get("/lists/frequency.csv?row=stage&years=each&counts=every").text
    assert "2018, Summary Stage 2018" in twin
    assert "definition of stage" not in inside.get("/lists/frequency?row=sex&years=each&counts=every").text


class TestCounting:
    """What the services count, against the rows themselves."""

    who = Actor(username="e", roles=("epidemiologist",))
    registrar = Actor(username="r", roles=("registrar",))

    def test_no_hidden_count_can_be_found_by_subtraction(self, app):
        with app.extensions["store"].reading() as session:
            found = frequency.frequency(session, self.who, row="sex", column="stage", years="five", threshold=SMALL)
        shown = {key: cell.count for key, cell in found.cells.items() if cell.count is not None}
        assert shown, "something is shown at this threshold"
        assert all(count >= SMALL for count in shown.values())
        for row, column, year in found.cells:
            if (row, column, year) in shown and "All" in (row, column, year):
                parts = [
                    key
                    for key in found.cells
                    if key != (row, column, year)
                    and all(whole in ("All", part) for whole, part in zip((row, column, year), key))
                    and sum(part == "All" for part in key) == sum(part == "All" for part in (row, column, year)) - 1
                ]
                for axis in range(3):
                    line = [key for key in parts if key[axis] != "All" and (row, column, year)[axis] == "All"]
                    unseen = [key for key in line if key not in shown]
                    assert len(unseen) != 1, f"{unseen} is the rest of {(row, column, year)}"

    def test_rare_values_are_joined_and_still_counted(self, app, monkeypatch):
        monkeypatch.setattr(frequency, "MOST_ROWS", 2)
        with app.extensions["store"].reading() as session:
            found = frequency.frequency(session, self.registrar, row="site", threshold=SMALL, internal=True)
            others = next(value for value in found.rows if value.key == frequency.OTHERS)
            many = found.cell(frequency.OTHERS, "All", "All").count
            assert (
                lists.count(session, self.registrar, lists.check(self.registrar, lists.Definition((others.condition,))))
                == many
            )
        assert found.total == 5

    def test_registers_of_names_refuse_who_may_not_see_names(self, app):
        with app.extensions["store"].reading() as session:
            for register in (registers.accession_register, registers.patient_index):
                with pytest.raises(Refused):
                    register(session, self.who)

    def test_the_accession_register_is_in_order_and_whole(self, app):
        with app.extensions["store"].reading() as session:
            found, more, many = registers.accession_register(session, self.registrar, year="2019")
        assert [row.accession for row in found] == ["201900012", "201900345"]
        assert (more, many) == (False, 2)

    def test_the_patient_index_names_each_person_once_with_all_tumors(self, app):
        with app.extensions["store"].reading() as session:
            found, _ = registers.patient_index(session, self.registrar, letter="S")
        margaret = next(row for row in found if row.name_first.startswith("MARGARET"))
        assert [t.primary_site for t in margaret.tumors] == ["C504", "C341"]
        assert margaret.tumors[0].accession == "201900012, 201900345"


PAGES = [
    "/lists/",
    "/lists/new?where=site%3DC50*",
    "/lists/cases",
    "/lists/frequency?row=sex&column=stage&years=five&counts=every",
    "/lists/accessions",
    "/lists/patients",
    "/lists/sites",
]


def test_the_pages_in_a_browser(browser_page, assert_accessible, assert_no_foreign_requests):
    page = browser_page("registrar")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for at in PAGES:
            page.goto(at)
            assert_accessible(page)
    page.set_viewport_size({"width": 360, "height": 800})
    for at in PAGES:
        page.goto(at)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), at
    assert_no_foreign_requests(page)


def test_the_builder_on_the_keyboard(browser_page, assert_no_foreign_requests):
    page = browser_page("registrar")
    page.goto("/lists/new")
    page.fill("#where-name-0", "764")
    page.wait_for_function("document.querySelector('#codes-764')")
    assert "Summary Stage" in page.inner_text("[data-line] [data-meaning]")
    page.fill("#where-value-0", "2")
    page.click("[data-lines=where] [data-add]")
    assert page.evaluate("document.activeElement.name") == "where-name-3"
    page.click("[data-lines=col] [data-line]:nth-child(2) [data-up]")
    assert page.input_value("#col-0") == "born"
    page.click("[data-lines=col] [data-line]:nth-child(3) [data-remove]")
    page.press("#where-value-0", "Enter")
    page.wait_for_selector("text=764")
    heads = page.locator("#results th").all_inner_texts()
    assert heads[:3] == ["Born", "Patient", "Primary site"]
    page.click("#results th a >> text=Born")
    page.wait_for_selector("#results th[aria-sort=ascending], #results th[aria-sort=descending]")
    assert_no_foreign_requests(page)
