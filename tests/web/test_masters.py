"""The masters: physicians with a checked NPI, facilities with both identifiers, roles by name, areas declared."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import select

from registry import audit
from registry.errors import RegistryError
from registry.masters import counties_of, npi_warning
from registry.models import Abstract, Facility, Physician, PopulationArea, Revision

VALID, WRONG = "1234567893", "1234567890"
DOCTOR = {"name_last": "Synthetic", "name_first": "Doctor", "npi": VALID, "specialty": "Surgery", "active": "yes"}


def add(inside: Any, **more: str) -> str:
    """Adds a physician and gives the address."""
    answer = inside.send("/masters/physicians", DOCTOR | more)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


@pytest.mark.parametrize(
    ("npi", "says"),
    [("", ""), (VALID, ""), (WRONG, "check digit"), ("12345", "ten digits"), ("12345A7893", "ten digits")],
)
def test_npi(npi: str, says: str) -> None:
    assert says in npi_warning(npi)
    assert bool(says) == bool(npi_warning(npi))


def test_a_physician_is_kept_changed_and_sealed(app, client):
    inside = client("registrar")
    at = add(inside, number="A100", address="1 Synthetic Way", phone="555-0100")
    page = inside.get(at).text
    assert "1 Synthetic Way" in page
    version = re.search(r'name="version" value="(\d+)"', page).group(1)
    inside.send(at, DOCTOR | {"name_first": "Other", "version": version})
    late = inside.send(at, DOCTOR | {"name_first": "Late", "version": version})
    assert late.status_code == 422
    assert "somebody saved" in late.text
    assert 'value="Late"' in late.text, "nothing typed is lost"
    with app.extensions["store"].reading() as session:
        row = session.scalars(select(Physician).where(Physician.npi == VALID)).one()
        saved = session.scalars(select(Revision).where(Revision.chain == "physician")).all()
        assert (row.name_first, row.phone, row.number) == ("Other", None, None)
        assert [r.changes.get("name_first") for r in saved] == [[None, "Doctor"], ["Doctor", "Other"]]
    assert audit.verify(app.extensions["store"]) == []


def test_a_wrong_check_digit_is_a_warning_and_a_second_use_an_error(client):
    inside = client("registrar")
    at = add(inside, npi=WRONG)
    assert "check digit of NPI 1234567890 is wrong" in inside.get(at).text
    assert "check digit" in inside.get("/masters/?text=123456789").text
    again = inside.send("/masters/physicians", DOCTOR | {"npi": WRONG, "name_last": "Another"})
    assert again.status_code == 422
    assert "has the npi 1234567890 already" in again.text
    assert 'value="Another"' in again.text
    blank = inside.send("/masters/physicians", {"specialty": "Surgery"})
    assert blank.status_code == 422
    long = inside.send("/masters/physicians", DOCTOR | {"npi": "", "specialty": "x" * 61})
    assert "at most 60 fit" in long.text


def test_who_may_keep_what(client):
    assert client("epidemiologist").send("/masters/physicians", DOCTOR).status_code == 403
    assert client("registrar").send("/masters/facilities", {"name": "X", "number": "1"}).status_code == 403
    assert client("registrar").send("/masters/areas", {"counties": "FL"}).status_code == 403
    assert "Save" not in client("epidemiologist").get("/masters/facilities/1").text


def test_a_facility_keeps_its_number_and_has_both_identifiers(app, client):
    inside = client("administrator")
    form = {
        "name": "Harbor Clinic",
        "number": "0000010009",
        "npi": VALID,
        "county": "12086",
        "state": "fl",
        "active": "yes",
    }
    at = inside.send("/masters/facilities", form).headers["Location"]
    assert "Miami" in inside.get(at).text
    inside.send(at, form | {"name": "Harbor Hospital", "number": "9", "version": "1"})
    with app.extensions["store"].reading() as session:
        row = session.scalars(select(Facility).where(Facility.number == "0000010009")).one()
    assert (row.name, row.npi, row.state) == ("Harbor Hospital", VALID, "FL")
    assert inside.send("/masters/facilities", form).status_code == 422
    wrong = inside.send("/masters/facilities", form | {"number": "7", "county": "99999"})
    assert "is no county" in html.unescape(wrong.text)
    listed = inside.get("/masters/facilities").text
    href = html.unescape(re.search(r'<a href="([^"]+)">4</a>', listed).group(1))
    assert "4 rows" in inside.get(href).text, "the abstracts of General Hospital"


def test_roles_on_a_case_carry_the_physicians_names(app, client, ids):
    inside = client("registrar")
    add(inside, number="A100")
    at = f"/masters/patients/{ids['patient']}"
    page = inside.get(at).text
    version = re.search(rf'cases/{ids["abstract"]}".*?name="version" value="(\d+)"', page, re.DOTALL).group(1)
    form = {"version": version, "role-0": VALID, "role-1": "A100", "item-2394": "SYNTHETIC SISTER", "item-1844": "FL"}
    answer = inside.send(f"/masters/cases/{ids['abstract']}", form, follow_redirects=True)
    assert "Saved: 6 items changed" in answer.text
    assert answer.text.count(">Synthetic, Doctor</a>") == 2
    with app.extensions["store"].reading() as session:
        items = session.get_one(Abstract, ids["abstract"]).items
    assert {n: items.get(n) for n in ("2460", "2465", "2470", "2475", "2394", "1844")} == {
        "2460": "A100",
        "2465": VALID,
        "2470": "A100",
        "2475": VALID,
        "2394": "SYNTHETIC SISTER",
        "1844": "FL",
    }
    physician = inside.get("/masters/?text=synthetic").text
    own = inside.get(re.search(r'href="(/masters/physicians/\d+)"', physician).group(1)).text
    href = html.unescape(re.search(r"<span>Managing</span> <a href=\"([^\"]+)\">1</a>", own).group(1))
    assert "1 row" in inside.get(href).text


def test_a_role_names_a_known_physician_and_a_fault_loses_nothing(client, ids):
    inside = client("registrar")
    form = {"version": "3", "role-0": "999", "item-2394": "SYNTHETIC SISTER"}
    answer = inside.send(f"/masters/cases/{ids['abstract']}", form)
    assert answer.status_code == 422
    assert "no physician has the NPI or number" in answer.text
    assert 'value="SYNTHETIC SISTER"' in answer.text
    assert client("general").send(f"/masters/cases/{ids['other_abstract']}", form).status_code == 404


def test_contacts_are_hidden_from_who_may_not_see_persons(client, ids):
    inside = client("registrar")
    page = inside.get(f"/masters/patients/{ids['patient']}").text
    version = re.search(rf'cases/{ids["abstract"]}".*?name="version" value="(\d+)"', page, re.DOTALL).group(1)
    inside.send(f"/masters/cases/{ids['abstract']}", {"version": version, "item-2394": "SYNTHETIC SISTER"})
    assert "SISTER" in inside.get(f"/masters/patients/{ids['patient']}").text
    assert "SISTER" not in client("epidemiologist").get(f"/masters/patients/{ids['patient']}").text
    assert "Lakeside" not in client("general").get(f"/masters/patients/{ids['patient']}").text


DECLARED = {"counties": "12086, 12011", "year_from": "2015", "year_to": "2020", "completeness": "97.5"}


def test_areas_are_declared_with_their_completeness_and_withdrawn(app, client):
    inside = client("administrator")
    answer = inside.send("/masters/areas", DECLARED, follow_redirects=True)
    assert "2 counties are declared" in answer.text
    with app.extensions["store"].reading() as session:
        areas = session.scalars(select(PopulationArea).order_by(PopulationArea.county)).all()
    assert [(a.county, a.year_from, a.year_to, a.completeness) for a in areas] == [
        ("12011", 2015, 2020, 0.975),
        ("12086", 2015, 2020, 0.975),
    ]
    assert [row["completeness"] for row in client("state").get("/masters/areas.json").json["rows"]] == ["97.5%"] * 2
    inside.send(f"/masters/areas/{areas[0].id}/withdraw", {"why": "registry closed"})
    assert len(inside.get("/masters/areas.json").json["rows"]) == 1
    assert audit.verify(app.extensions["store"]) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"counties": "12999"}, "no county is 12999"),
        ({"counties": "nowhere"}, "no county is nowhere"),
        ({"year_from": "2021"}, "no span of years"),
        ({"year_to": "abc"}, "is no number"),
        ({"completeness": "0.97"}, "cannot be declared"),
        ({"completeness": "101"}, "cannot be declared"),
        ({"completeness": "x"}, "is no number"),
    ],
)
def test_a_declaration_that_cannot_be_is_said(client, change: dict[str, str], says: str) -> None:
    answer = client("administrator").send("/masters/areas", DECLARED | change)
    assert answer.status_code == 422
    assert says in html.unescape(answer.text)


def test_declarations_do_not_overlap(client):
    inside = client("administrator")
    inside.send("/masters/areas", DECLARED)
    answer = inside.send("/masters/areas", DECLARED | {"year_from": "2020", "year_to": "2025"})
    assert "declared already: 12011 2015-2020" in answer.text


def test_all_counties_of_a_state() -> None:
    found = counties_of("FL")
    assert len(found) == 67
    assert "12086" in found
    assert "12025" not in found, "Dade became Miami-Dade (12086)"
    with pytest.raises(RegistryError):
        counties_of("ZZ")


PAGES = ["/masters/", "/masters/physicians/new", "/masters/facilities", "/masters/facilities/1", "/masters/areas"]


def test_the_pages_in_a_browser(browser_page, assert_accessible, assert_no_foreign_requests, ids):
    page = browser_page("administrator")
    page.goto("/masters/areas")
    page.fill("#field-counties", "12086")
    page.fill("#field-year_from", "2015")
    page.fill("#field-year_to", "2020")
    page.fill("#field-completeness", "97")
    page.click("text=Declare >> nth=-1")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for at in [*PAGES, f"/masters/patients/{ids['patient']}"]:
            page.goto(at)
            assert_accessible(page)
    page.set_viewport_size({"width": 360, "height": 800})
    for at in [*PAGES, f"/masters/patients/{ids['patient']}"]:
        page.goto(at)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), at
    assert_no_foreign_requests(page)
