"""Death clearance: which deaths are asked about, what becomes of them, and the share known from certificates only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.followup import passive
from registry.followup.disclosure import RETURN_FILE, withheld
from registry.followup.matching import exact
from registry.linkage import decisions
from registry.models import Abstract, Patient, Tumor
from registry.models.linkage import LinkageDecision
from registry.models.state import DeathNotice
from registry.state import certificates, clearance, follow_back, transmissions

GENERAL = "0000010001"
HEAD = "certificate,last,first,sex,dob,ssn,dod,cause,facility,certifier,other_causes\n"
ROWS = [
    "1,SYNTHETIC,P1,2,19500101,900000001,20250610,C509,,,",  # registered with a breast cancer: explained
    "2,SYNTHETIC,P2,2,19500101,900000002,20250611,C349,,,",  # registered with a breast cancer, died of lung cancer
    "3,NOBODY,KIM,1,19400101,900000003,20250612,C189,0000010001,,",  # unknown here
    "4,NOBODY,LOU,1,19400101,900000004,20250613,I219,,Dr. Sample,",  # no cancer
    "5,NOBODY,SAM,1,19400101,900000005,20250614,I219,,Dr. Sample,J18 C61",  # a cancer among the other causes
    "6,SYNTHETIC,P3,2,19500101,900000006,20250615,C80,,,",  # a cause without a site: any tumor explains it
]


def load(store: Store, folder: Path, rows: list[str], layout: str = "state") -> int:
    path = folder / f"deaths-{layout}-{len(rows)}.csv"
    text = HEAD.replace("cause,", "ucod,") if layout != "csv" else HEAD
    path.write_text(text + "\n".join(rows) + "\n")
    found = passive.load_file(store, path, layout, who="t", matcher=exact)
    assert found.rejected == 0 and found.file_id, found
    return found.file_id


@pytest.fixture
def cleared(central: Store, rows: Any, tmp_path: Path) -> Store:
    cases = [{20: "A", 2320: "900000001"}, {20: "B", 2320: "900000002"}, {20: "C", 2320: "900000006"}]
    run_import(central, rows(cases), name="a", who="t")
    file = load(central, tmp_path, ROWS)
    told = clearance.clear_file(central, file, who="t").as_dict()
    assert told == {
        "deaths": 6,
        "of_cancer": 5,
        "explained": 2,
        "in_review": 0,
        "asked_before": 0,
        "asked": 3,
    }
    again = clearance.clear_file(central, file, who="t")
    assert (again.asked, again.asked_before) == (0, 3)
    return central


def by_first(store: Store) -> dict[str, clearance.Line]:
    with store.reading() as session:
        return {line.name_first: line for line in clearance.notices(session)}


def test_a_death_is_asked_about_where_no_tumor_explains_it(cleared: Store) -> None:
    found = by_first(cleared)
    assert {n: (x.cause, x.recipient, x.patient_id is not None) for n, x in found.items()} == {
        "P2": ("C349", "", True),
        "KIM": ("C189", GENERAL, False),
        "SAM": ("C61", "Dr. Sample", False),
    }


def test_the_same_death_in_another_file_is_not_asked_twice(cleared: Store, tmp_path: Path) -> None:
    file = load(cleared, tmp_path, ROWS[2:4])
    told = clearance.clear_file(cleared, file, who="t")
    assert (told.asked, told.asked_before) == (0, 1)


def test_a_match_in_review_waits(central: Store, rows: Any, tmp_path: Path) -> None:
    run_import(central, rows([{20: "A"}]), name="a", who="t")
    # same name and birth date, no number: a person must decide
    file = load(central, tmp_path, ["9,SYNTHETIC,P1,2,19500101,,20250610,C349,,,"])
    told = clearance.clear_file(central, file, who="t")
    assert (told.in_review, told.asked) == (1, 0)


def test_a_letter_with_forms_goes_to_each_facility_or_certifier(cleared: Store) -> None:
    with cleared.reading() as session:
        whom = follow_back.recipients(clearance.notices(session), {GENERAL: "General"})
    assert [(r.key, r.deaths, r.asked) for r in whom] == [("Dr. Sample", 1, 0), (GENERAL, 1, 0)]
    number = follow_back.ask(cleared, GENERAL, who="t", purpose="death clearance of the year")
    with cleared.reading() as session:
        line = transmissions.load(session, number)
    assert transmissions.file_of(cleared, line, 0).read_bytes()[:5] == b"%PDF-"
    text = transmissions.file_of(cleared, line, 1).read_text()
    assert "NOBODY" in text and "KIM" in text and "SAM" not in text
    assert by_first(cleared)["KIM"].asked and not by_first(cleared)["SAM"].asked
    with pytest.raises(RegistryError, match="no open death"):
        follow_back.ask(cleared, "", who="t", purpose="death clearance of the year")


def test_deaths_of_the_national_death_index_are_in_no_letter(central: Store, rows: Any, tmp_path: Path) -> None:
    run_import(central, rows([{20: "A"}]), name="a", who="t")
    file = load(central, tmp_path, [ROWS[2]], "ndi")
    assert clearance.clear_file(central, file, who="t").asked == 1
    with central.reading() as session:
        assert follow_back.recipients(clearance.notices(session), {}) == []
    with pytest.raises(RegistryError, match="no open death"):
        follow_back.ask(central, GENERAL, who="t", purpose="death clearance of the year")


def test_a_case_by_certificate_only_has_source_7_and_class_49(cleared: Store) -> None:
    number = by_first(cleared)["KIM"].id
    with cleared.writing() as session:
        certificates.make_case(session, number, settings=cleared.settings, who="t", why="no answer")
    with cleared.reading() as session:
        notice = session.get_one(DeathNotice, number)
        abstract = session.get_one(Abstract, notice.abstract_id)
        items = abstract.items
        assert {n: items[n] for n in ("500", "610", "490", "400", "522", "523", "390", "580", "230")} == {
            "500": "7",
            "610": "49",
            "490": "9",
            "400": "C189",
            "522": "8000",
            "523": "3",
            "390": "20250612",
            "580": "20250612",
            "230": "085",
        }
        assert abstract.tumor.reporting_source == "7" and notice.state == "dco"
        person = abstract.record.patient
        assert (person.vital_status, person.cause_of_death, person.name_last) == ("0", "C189", "NOBODY")
    with pytest.raises(RegistryError, match="decided already"), cleared.writing() as session:
        certificates.make_case(session, number, settings=cleared.settings, who="t")
    assert audit.verify(cleared) == []


def test_a_case_of_a_registered_person_joins_that_person(cleared: Store) -> None:
    line = by_first(cleared)["P2"]
    with cleared.writing() as session:
        certificates.make_case(session, line.id, settings=cleared.settings, who="t")
    with cleared.reading() as session:
        sites = session.scalars(select(Tumor.primary_site).where(Tumor.patient_id == line.patient_id)).all()
        assert sorted(sites) == ["C349", "C509"]
        last = session.scalars(select(Tumor).where(Tumor.primary_site == "C349")).one().patient.name_first
        assert last == "P2"


def test_unlinking_a_certificate_takes_its_case_out_again(cleared: Store) -> None:
    line = by_first(cleared)["P2"]
    with cleared.reading() as session:
        before = dict(session.get_one(Patient, line.patient_id).items)
    with cleared.writing() as session:
        abstract = certificates.make_case(session, line.id, settings=cleared.settings, who="t")
        record = abstract.record
        assert record.patient_id == line.patient_id != record.home_patient_id
        assert session.get_one(Patient, line.patient_id).items["1910"] == "C349"
        made = session.scalars(select(LinkageDecision).where(LinkageDecision.right_id == record.id)).one()
        decisions.undo(session, made.id, who="t", why="another person of that name")
        assert record.patient_id == record.home_patient_id and abstract.tumor.patient_id == record.home_patient_id
        assert session.get_one(Patient, line.patient_id).items == before
    assert audit.verify(cleared) == []


def test_a_death_of_the_index_stays_bound_to_its_rule_as_a_case(central: Store, rows: Any, tmp_path: Path) -> None:
    run_import(central, rows([{20: "A"}]), name="a", who="t")
    clearance.clear_file(central, load(central, tmp_path, [ROWS[2]], "ndi"), who="t")
    with central.writing() as session:
        abstract = certificates.make_case(
            session, session.scalars(select(DeathNotice.id)).one(), settings=central.settings, who="t"
        )
        patient = abstract.record.patient_id
        assert withheld(session, [patient], RETURN_FILE)[patient] >= {1750, 1760, 1910}


def test_an_abstract_that_came_in_answers(cleared: Store, rows: Any) -> None:
    number = by_first(cleared)["KIM"].id
    for wrong in ("", "202499999", "x"):
        with pytest.raises(RegistryError, match="abstracts have the number"), cleared.writing() as session:
            clearance.found_abstract(session, number, wrong, who="t")
    run_import(cleared, rows([{20: "K", 550: "202500777", 400: "C189"}]), name="b", who="t")
    with cleared.writing() as session:
        assert clearance.found_abstract(session, number, "202500777", who="t").state == "found"


def test_the_share_before_and_after(cleared: Store, rows: Any) -> None:
    run_import(
        cleared, rows([{20: f"Y{n}", 390: f"2025010{n}", 550: f"20250000{n}"} for n in range(1, 8)]), name="y", who="t"
    )

    def of_2025() -> clearance.Share:
        with cleared.reading() as session:
            return next(s for s in clearance.shares(session) if s.year == 2025)

    first = of_2025()
    assert (first.cases, first.only, first.open) == (7, 0, 3)
    assert (first.before, first.after) == (3 / 10, 0.0)
    found = by_first(cleared)
    with cleared.writing() as session:
        certificates.make_case(session, found["KIM"].id, settings=cleared.settings, who="t")
        clearance.found_abstract(session, found["P2"].id, "202500001", who="t")
        clearance.close(session, found["SAM"].id, "not-reportable", who="t")
    last = of_2025()
    assert (last.cases, last.only, last.found, last.open) == (8, 1, 1, 0)
    assert (last.before, last.after) == (2 / 8, 1 / 8)


@pytest.mark.parametrize(
    ("cause", "revision", "asked"),
    [
        ("C509", "", True),
        ("C50.9", "1", True),
        ("C449", "1", False),
        ("D329", "1", True),
        ("D45", "1", True),
        ("D500", "1", False),
        ("D352", "1", True),
        ("D351", "1", False),
        ("I219", "1", False),
        ("1749", "9", True),
        ("1739", "9", False),
        ("1749", "1", False),
        ("", "", False),
        ("C9", "", False),
    ],
)
def test_causes_that_are_asked_about(cause: str, revision: str, asked: bool) -> None:
    assert clearance.is_asked(cause, revision) is asked


def test_no_reason_closes_nothing(cleared: Store) -> None:
    with pytest.raises(RegistryError, match="why"), cleared.writing() as session:
        clearance.close(session, by_first(cleared)["SAM"].id, "", who="t")
