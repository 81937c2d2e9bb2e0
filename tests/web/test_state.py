"""State work in the browser and by its routes: the grid typed and read, returns written and taken back, who sees what."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry.db import Store
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor, Rejected
from registry.followup import passive
from registry.followup.matching import exact
from registry.models import AccessLog, Facility
from registry.models.followup import ExpectedSubmission

GENERAL = "0000010001"
PURPOSE = "returned for correction in a test"


class WithRejects:
    """One case that comes in and one that is rejected."""

    format, version, done = "test", "260", 0.0

    def __iter__(self) -> Any:
        person = {20: "S1", 2230: "SYNTHETIC", 2240: "STATE", 240: "19500101", 225: "2", 1760: "1", 1750: "20250101"}
        tumor = {60: "01", 400: "C509", 522: "8500", 523: "3", 390: "20240105", 580: "20240105", 540: GENERAL}
        yield IncomingPatient(
            1, person, [IncomingTumor(1, tumor | {550: "202400901", 610: "14", 2111: "20250615"})], ""
        )
        content = {"20": "S2", "60": "01", "540": GENERAL, "2230": "SECRETNAME", "2240": "X"}
        yield Rejected("tumor", 2, "control-character", "a value holds control characters", content)


@pytest.fixture
def central(app: Any) -> Store:
    store: Store = app.extensions["store"]
    run_import(store, WithRejects(), name="june.xml", who="tester", source="state")
    return store


def facility(store: Store) -> int:
    with store.reading() as session:
        return session.scalars(select(Facility.id).where(Facility.number == GENERAL)).one()


def test_an_expectation_is_typed_into_the_grid_and_read_again(central: Store, client: Any) -> None:
    inside, number = client("administrator"), facility(central)
    form = {f"expected-{number}-2025-06": "4", f"expected-{number}-2025-05": "", "until": "2025-08"}
    assert inside.send("/state/", form).status_code == 303
    rows = inside.get("/state/all.json?until=2025-08").json["rows"]
    june = next(r for r in rows if r["number"] == GENERAL and r["month"] == "2025-06")
    assert (june["expected"], june["received"], june["overdue"], june["share"]) == (4, 1, 3, "0.250")
    page = inside.get("/state/?until=2025-08").text
    assert "3 missing" in page and f"/state/received/{number}/2025-06" in page
    assert "202400901" in inside.get(f"/state/received/{number}/2025-06").text
    assert inside.send("/state/", {f"expected-{number}-2025-06": "many"}).status_code == 422


def test_a_state_reader_sees_without_names_and_changes_nothing(central: Store, client: Any) -> None:
    reader, number = client("state"), facility(central)
    assert "expected-" not in reader.get("/state/").text
    assert reader.send("/state/", {f"expected-{number}-2025-06": "4"}).status_code == 403
    with central.reading() as session:
        assert session.scalars(select(ExpectedSubmission)).all() == []
    for place in ("", ".csv", ".json"):
        told = reader.get(f"/state/rejected/{GENERAL}{place}").text
        assert "control-character" in told and "SECRETNAME" not in told
    assert "SECRETNAME" in client("administrator").get(f"/state/rejected/{GENERAL}").text


def test_a_return_is_written_fetched_logged_and_taken_back(central: Store, client: Any) -> None:
    inside, reader = client("administrator"), client("state")
    assert inside.send(f"/state/rejected/{GENERAL}/return", {"purpose": "x"}).status_code == 422
    answer = inside.send(f"/state/rejected/{GENERAL}/return", {"purpose": PURPOSE})
    at = answer.headers["Location"]
    assert PURPOSE in inside.get(at).text
    assert "control-character" in inside.get(f"{at}/file/0").text and "SECRETNAME" in inside.get(f"{at}/file/1").text
    assert inside.get(f"{at}/file/2").status_code == 404
    assert (reader.get(at).status_code, reader.get(f"{at}/file/0").status_code) == (200, 403)
    with central.reading() as session:
        assert "file of state work" in set(session.scalars(select(AccessLog.what)))
    assert PURPOSE in inside.get("/exports/disclosures").text
    assert inside.send(f"{at}/undo", {"why": "it never arrived"}).status_code == 303
    assert "it never arrived" in inside.get("/state/sent").text
    assert inside.send(f"{at}/undo", {"why": "again"}).status_code == 409


def test_an_account_of_one_facility_is_refused(central: Store, client: Any, app: Any) -> None:
    from registry.security import accounts

    with central.writing() as session:
        accounts.create(
            session,
            "bound",
            "quiet-lantern-42",
            ["state"],
            who="test",
            full_name="Bea Bound",
            facility_id=facility(central),
            must_change=False,
        )
    inside = client("bound")
    for place in ("", "rejected", "changes", "sent"):
        answer = inside.get(f"/state/{place}")
        assert answer.status_code == 403 and "concerns all facilities" in answer.text


def test_residents_go_to_a_state_with_an_agreement_alone(make_app: Any, enter: Any) -> None:
    from tests.web.conftest import Client

    app = make_app(registry_state="GA")
    app.test_client_class = Client
    inside = app.test_client()
    enter(inside, "administrator")
    rows = inside.get("/state/exchange.json").json["rows"]
    assert [row["state"] for row in rows] == ["FL"] and rows[0]["new"] == rows[0]["cases"] > 0
    assert inside.send("/state/exchange/FL/send", {"purpose": PURPOSE}).status_code == 422
    form = {"state": "FL", "since": "2020-01-01", "record_type": "C", "left_out": "2320"}
    assert inside.send("/state/exchange", form).status_code == 303
    answer = inside.send("/state/exchange/FL/send", {"purpose": PURPOSE})
    told = inside.get(answer.headers["Location"] + "/file/0").text
    assert "SYNTHETIC" in told and "900000101" not in told
    assert inside.get("/state/exchange.json").json["rows"][0]["new"] == 0


def load_deaths(store: Store, folder: Any) -> None:
    path = folder / "deaths.csv"
    head = "certificate,last,first,sex,dob,ssn,dod,ucod,facility\n"
    path.write_text(head + f"7,NOBODY,KIM,1,19400101,900000303,20250612,C189,{GENERAL}\n")
    assert passive.load_file(store, path, "state", who="t", matcher=exact).unmatched == 1


def test_a_death_is_asked_about_and_becomes_a_case(central: Store, client: Any, tmp_path: Any) -> None:
    load_deaths(central, tmp_path)
    inside = client("administrator")
    assert inside.send("/state/deaths", {"file": "1"}).status_code == 303
    assert "KIM" in inside.get("/state/deaths").text and "KIM" not in client("state").get("/state/deaths").text
    answer = inside.send("/state/deaths/ask", {"recipient": GENERAL, "purpose": PURPOSE})
    assert inside.get(answer.headers["Location"] + "/file/0").data[:5] == b"%PDF-"
    assert inside.send("/state/deaths/1", {"do": "nonsense"}).status_code == 422
    assert inside.send("/state/deaths/1", {"do": "dco"}).status_code == 303
    assert inside.send("/state/deaths/1", {"do": "dco"}).status_code == 409
    assert inside.get("/state/deaths.json?state=dco").json["total"] == 1


class Twice:
    """One tumor that two facilities sent under two numbers of one person."""

    format, version, done = "test", "260", 0.0

    def __iter__(self) -> Any:
        for n, number in enumerate(("D1", "D2"), 1):
            person = {20: number, 2230: "SYNTHETIC", 2240: "TWICE", 240: "19510101", 225: "2", 1760: "1"}
            tumor = {60: "01", 400: "C509", 522: "8500", 523: "3", 390: "20240105", 540: f"000001000{n}"}
            yield IncomingPatient(n, person, [IncomingTumor(n, tumor | {550: f"20240007{n}", 610: "14"})], "")


def test_a_pair_of_duplicates_is_decided_and_the_rate_moves(central: Store, client: Any) -> None:
    run_import(central, Twice(), name="twice.xml", who="tester", source="twice")
    inside = client("administrator")
    page = inside.get("/state/duplicates?year=2024").text
    pair = page.split('name="pair" value="')[1].split('"')[0]
    assert "TWICE" in page and "TWICE" not in client("state").get("/state/duplicates?year=2024").text
    assert inside.send("/state/duplicates", {"pair": pair, "verdict": "duplicate", "year": "2024"}).status_code == 303
    assert "1 confirmed" in inside.get("/state/duplicates?year=2024").text


PLACES = [
    "duplicates?year=2024",
    "deaths",
    "exchange",
    "",
    f"rejected/{GENERAL}",
    "rejected",
    "changes",
    f"changes/{GENERAL}",
    "sent",
    "sent/1",
]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_in_both_themes(
    central: Store,
    client: Any,
    browser_page: Any,
    scheme: str,
    assert_accessible: Any,
    assert_no_foreign_requests: Any,
    tmp_path: Any,
) -> None:
    load_deaths(central, tmp_path)
    run_import(central, Twice(), name="twice.xml", who="tester", source="twice")
    client("administrator").send("/state/deaths", {"file": "1"})
    client("administrator").send(f"/state/rejected/{GENERAL}/return", {"purpose": PURPOSE})
    page = browser_page("administrator", color_scheme=scheme)
    for place in PLACES:
        page.goto(f"/state/{place}")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide"
        page.screenshot(path=tmp_path / f"{place.replace('/', '-').split('?')[0] or 'grid'}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 800})
    for place in PLACES:
        page.goto(f"/state/{place}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide for a phone"
    assert_no_foreign_requests(page)
