"""Rules of contact: forward only, never over a death without review, whose item is whose, who may be told of a death."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.followup import annual, holds, releases, reviews
from registry.followup.contact import News, record_news, take_back
from registry.followup.disclosure import (
    AUDIENCES,
    HOSPITAL,
    INTERSTATE,
    LETTERS,
    RESEARCH,
    RETURN_FILE,
    redisclosure,
    redisclosure_rules,
    withheld,
)
from registry.followup.resent import compare_accounts
from registry.followup.rules import rule_set
from registry.followup.standing import standing
from registry.models import Abstract, Patient
from registry.models.followup import ContactReview, ValueSource

TODAY = date(2025, 6, 15)
_number = count(1)
FIRST, SECOND = "0000010001", "0000010002"


class Given:
    format, version, done = "test", "", 0.0

    def __init__(self, persons: list[tuple[dict[int, str], list[dict[int, str]]]]):
        self.persons = persons

    def __iter__(self) -> Any:
        for n, (person, tumors) in enumerate(self.persons):
            rows = [IncomingTumor(i, {60: f"{i:02d}", 610: "14", 523: "3"} | t) for i, t in enumerate(tumors)]
            yield IncomingPatient(n, {20: f"P{next(_number)}"} | person, rows)


def person(store: Store, tumors: list[dict[int, str]] | None = None, **items: str) -> int:
    """Imports one person more and gives their number."""
    own = {int(key[1:]): value for key, value in items.items()}
    base = {240: "19500101", 1760: "1", 1750: "20240301", 2230: "ROE", 2240: "ANN"}
    run_import(store, Given([(base | own, tumors or [{390: "20230101", 540: FIRST}])]), name="x", who="t")
    with store.reading() as session:
        return session.scalars(select(Patient.id).order_by(Patient.id.desc())).first() or 0


def items(store: Store, patient_id: int) -> dict[str, str]:
    with store.reading() as session:
        return dict(session.get_one(Patient, patient_id).items)


def tell(store: Store, patient_id: int, **told: Any) -> str:
    facility_id = told.pop("facility_id", None)
    news = News(**({"day": "20250601", "vital_status": "1", "source": "a reply"} | told))
    with store.writing() as session:
        return record_news(session, patient_id, news, who="clerk", facility_id=facility_id, today=TODAY).fate


CASES = [
    # what stands (1750, 1760), what is told, fate, 1750 and 1760 afterwards
    ("a later contact moves it forward", "20240301", "1", "20250601", "1", "recorded", "20250601", "1"),
    ("the same day changes nothing", "20240301", "1", "20240301", "1", "kept", "20240301", "1"),
    ("an earlier day never moves it back", "20240301", "1", "20231224", "1", "kept", "20240301", "1"),
    ("the month alone counts from its first day", "20240315", "1", "202403", "1", "kept", "20240315", "1"),
    ("a full day after a month alone is later", "202403", "1", "20240302", "1", "recorded", "20240302", "1"),
    ("the year alone is not later than a day in it", "20240301", "1", "2024", "1", "kept", "20240301", "1"),
    ("a first date is taken", "", "1", "2019", "1", "recorded", "2019", "1"),
    ("a death after the last contact", "20240301", "1", "20250105", "0", "recorded", "20250105", "0"),
    ("a death in the month of the last contact", "20240320", "1", "202403", "0", "recorded", "202403", "0"),
    ("a death before the last contact is reviewed", "20240301", "1", "20240105", "0", "review", "20240301", "1"),
    ("alive after the death is reviewed", "20240301", "0", "20250601", "1", "review", "20240301", "0"),
    ("alive before the death says nothing new", "20240301", "0", "20240201", "1", "kept", "20240301", "0"),
    ("the same death again", "20240301", "0", "20240301", "0", "kept", "20240301", "0"),
    ("another day of death is reviewed", "20240301", "0", "20240302", "0", "review", "20240301", "0"),
    ("a finer day of the same death", "202403", "0", "20240317", "0", "recorded", "20240317", "0"),
    ("a coarser day of the same death", "20240317", "0", "2024", "0", "kept", "20240317", "0"),
]


def test_news(store: Store) -> None:
    wrong = []
    for name, stood, vital, day, told, *expected in CASES:
        number = person(store, i1750=stood, i1760=vital)
        fate = tell(store, number, day=day, vital_status=told)
        now = items(store, number)
        if [fate, now["1750"], now["1760"]] != expected:
            wrong.append((name, fate, now["1750"], now["1760"]))
    assert wrong == []


def test_a_day_that_cannot_be_is_refused_and_nothing_changes(store: Store) -> None:
    number = person(store)
    days = [("20250616", "future"), ("yesterday", "no date"), ("", "no date"), ("19491231", "before birth")]
    for day, words in days:
        with pytest.raises(RegistryError, match=words):
            tell(store, number, day=day)
    assert items(store, number)["1750"] == "20240301"


def test_a_death_fills_the_cause_and_says_who_told_it(store: Store) -> None:
    number = person(store, i1910="0000")
    assert (
        tell(store, number, day="20250105", vital_status="0", cause="C349", icd_revision="1", rule="state")
        == "recorded"
    )
    now = items(store, number)
    assert (now["1760"], now["1910"], now["1920"]) == ("0", "C349", "1")
    with store.reading() as session:
        said = {v.item: (v.value, v.source, v.redisclosure) for v in session.scalars(select(ValueSource))}
    assert said[1910] == ("C349", "a reply", "state")
    assert audit.verify(store) == []


def test_a_cause_that_is_there_is_not_replaced_by_another_telling(store: Store) -> None:
    number = person(store, i1760="0", i1910="C509")
    assert tell(store, number, day="20240301", vital_status="0", cause="C349") == "kept"
    assert items(store, number)["1910"] == "C509"


def test_vital_status_is_the_patients_and_cancer_status_the_tumors(store: Store) -> None:
    number = person(
        store, [{390: "20230101", 1770: "1", 1772: "20240301"}, {390: "20240101", 1770: "1", 1772: "20250101"}]
    )
    with store.reading() as session:
        first, second = (a.id for a in session.scalars(select(Abstract).order_by(Abstract.id)))
    tumors = {first: {1770: "2"}, second: {1770: "2", 1772: "20240601"}}
    assert tell(store, number, tumors=tumors) == "recorded"
    with store.reading() as session:
        after = {a.id: (a.items["1770"], a.items["1772"]) for a in session.scalars(select(Abstract))}
    assert after[first] == ("2", "20250601"), "without a day of its own it is the day of the contact"
    assert after[second] == ("1", "20250101"), "the day of cancer status never goes back"
    with pytest.raises(RegistryError, match="not written by follow-up"):
        tell(store, number, day="20250602", tumors={first: {400: "C509"}})


def test_a_review_is_decided_once_with_a_reason_and_is_audited(store: Store) -> None:
    number = person(store, i1760="0", i1910="C509")
    assert tell(store, number) == "review"
    with store.reading() as session:
        review = session.scalars(select(ContactReview)).one()
    assert review.standing["1760"] == "0" and review.proposed["1750"] == "20250601"
    with store.writing() as session, pytest.raises(RegistryError, match="reason"):
        reviews.decide(session, review.id, True, who="lead", why="  ", today=TODAY)
    with store.writing() as session:
        reviews.decide(session, review.id, True, who="lead", why="spoke to her", today=TODAY)
    now = items(store, number)
    assert (now["1760"], now["1750"], now["1910"]) == ("1", "20250601", "0000")
    with store.writing() as session, pytest.raises(RegistryError, match="decided this already"):
        reviews.decide(session, review.id, False, who="lead", why="again", today=TODAY)
    assert audit.verify(store) == []


def test_a_review_that_is_left_changes_nothing(store: Store) -> None:
    number = person(store, i1760="0")
    tell(store, number)
    with store.writing() as session:
        review = session.scalars(select(ContactReview)).one()
        reviews.decide(session, review.id, False, who="lead", why="another person of that name")
    assert items(store, number)["1760"] == "0"


DISCLOSURE = [
    # rule, letters, hospital, return file, research, another state's registry
    ("free", True, True, True, True, True),
    ("state", False, True, True, True, False),
    ("ssa", False, True, True, False, False),
    ("ndi", False, False, False, False, False),
    ("ndi-shared", False, True, True, False, False),
]


@pytest.mark.parametrize(("rule", *AUDIENCES), DISCLOSURE)
def test_redisclosure_rules(
    rule: str, letters: bool, hospital: bool, return_file: bool, research: bool, interstate: bool
) -> None:
    found = [redisclosure(rule).allows(a) for a in (LETTERS, HOSPITAL, RETURN_FILE, RESEARCH, INTERSTATE)]
    assert found == [letters, hospital, return_file, research, interstate]


def test_every_redisclosure_rule_is_in_the_table_and_unknown_ones_are_errors() -> None:
    assert set(redisclosure_rules()) == {row[0] for row in DISCLOSURE}
    assert set(AUDIENCES) == {LETTERS, HOSPITAL, RETURN_FILE, RESEARCH, INTERSTATE}
    with pytest.raises(RegistryError, match="no redisclosure rule"):
        redisclosure("anything")


def test_a_death_of_the_national_index_is_known_to_the_registry_and_to_no_hospital(store: Store) -> None:
    number = person(store)
    told = {
        "day": "20250105",
        "vital_status": "0",
        "cause": "C349",
        "rule": "ndi",
        "certificate": "N1",
        "match_id": None,
    }
    assert tell(store, number, **told) == "recorded"
    assert items(store, number)["1760"] == "0", "the registry knows"
    with store.reading() as session:
        patient = session.get_one(Patient, number)
        own = [record for record in patient.records if record.abstracts]
        facility = own[0].abstracts[0].facility_id
        assert [record.items["1760"] for record in own] == ["1"], "the hospital's account says what the hospital knows"
        assert withheld(session, [number], HOSPITAL) == {number: {1750, 1760, 1910, 2380}}
        assert withheld(session, [number], RETURN_FILE) == withheld(session, [number], LETTERS)
        hospital = standing(session, rule_set(), as_of=TODAY, facility_id=facility, own=True)
        whole = standing(session, rule_set(), as_of=TODAY)
        held = holds.holds(session, [number])[number]
    assert [p.status for p in hospital.people] == ["delinquent"] and [p.status for p in whole.people] == ["dead"]
    assert [h.kind.id for h in held] == ["deceased"], "letters are held all the same"
    assert hospital.hold_note(hospital.people[0]) == "held by the registry", "and the hospital is not told why"
    assert hospital.ways(hospital.people[0]) != [] and all(
        w.channel != "letter" for w, _ in hospital.ways(hospital.people[0])
    )


def test_a_hospital_that_hears_of_one_whom_the_index_counts_dead_writes_its_account_and_the_registry_reviews(
    store: Store,
) -> None:
    number = person(store)
    tell(store, number, day="20250105", vital_status="0", rule="ndi", certificate="N1")
    with store.reading() as session:
        facility = session.scalars(select(Abstract.facility_id)).first()
    assert tell(store, number, day="20250601", facility_id=facility) == "recorded"
    assert items(store, number)["1760"] == "0", "the registry's death stands until it was reviewed"
    with store.reading() as session:
        review = session.scalars(select(ContactReview)).one()
        assert review.facility_id is None, "the review is the registry's, the hospital never sees it"
        assert reviews.waiting(session, facility_id=facility) == []


def test_what_a_match_wrote_is_taken_back_unless_somebody_changed_it_since(store: Store) -> None:
    number = person(store, i1910="0000")
    with store.writing() as session:
        news = News(day="20250105", vital_status="0", source="file", cause="C349")
        effect = record_news(session, number, news, who="clerk", today=TODAY)
    with store.writing() as session:
        assert take_back(session, list(effect.changed), who="clerk", why="another person") == []
    now = items(store, number)
    assert (now["1760"], now["1750"], now["1910"]) == ("1", "20240301", "0000")
    assert audit.verify(store) == []


def test_two_facilities_are_told_through_their_own_accounts(store: Store) -> None:
    number = person(store, [{390: "20230101", 540: FIRST}, {390: "20230101", 540: SECOND}])
    tell(store, number, code="2")
    with store.reading() as session:
        sources = [a.items["1790"] for a in session.scalars(select(Abstract))]
    assert sources == ["2", "2"]


def test_the_two_flags_of_research_say_nothing_of_letters_and_submission(store: Store) -> None:
    number = person(store, i1854="1")
    with store.reading() as session:
        assert holds.holds(session, [number]) == {}, "flag 1854 holds no letter of the registry"
    assert not releases.may_contact_for_research({"1854": "1"}) and releases.may_contact_for_research({"1854": "0"})
    with store.writing() as session:
        holds.set_hold(session, number, "do-not-send", who="clerk", reason="telephone call")
        assert releases.may_contact_for_research(session.get_one(Patient, number).items | {"1854": "0"})
    assert releases.may_release_for_research({"1856": "00"}) and releases.may_release_for_research({})
    assert not releases.may_release_for_research({"1856": "02"})


def test_an_abstract_restricted_for_research_is_submitted_all_the_same(store: Store, tmp_path: Any) -> None:
    from registry.exchange.export import run_export

    person(store, [{390: "20230101", 540: FIRST, 1856: "02", 400: "C509"}])
    report = run_export(store, tmp_path / "submission.xml", who="t", purpose="submission", record_type="I")
    assert "reportingFacilityRestrictionFlag" in (tmp_path / "submission.xml").read_text() or report
    assert "C509" in (tmp_path / "submission.xml").read_text()


def test_a_hold_is_set_once_and_lifted_for_a_reason(store: Store) -> None:
    number = person(store)
    with store.writing() as session:
        first = holds.set_hold(session, number, "do-not-contact", who="clerk")
        assert holds.set_hold(session, number, "do-not-contact", who="clerk").id == first.id
        with pytest.raises(RegistryError, match="for a reason"):
            holds.lift_hold(session, first.id, who="clerk", why="")
        holds.lift_hold(session, first.id, who="clerk", why="wrote again himself")
        assert holds.holds(session, [number]) == {}
        with pytest.raises(RegistryError, match="no hold"):
            holds.set_hold(session, number, "deceased", who="clerk")


REVIEW_FAULTS = [
    ({1772: "20230101"}, "never goes back"),
    ({1772: "20260101"}, "future"),
    ({1860: "soon"}, "no date"),
    ({1770: "2"}, "without its day"),
    ({400: "C509"}, "not part"),
]


def test_the_annual_review_names_every_fault(store: Store) -> None:
    person(store, [{390: "20230101", 1770: "1", 1772: "20240301"}])
    with store.writing() as session:
        number = session.scalars(select(Abstract.id)).one()
        for values, words in REVIEW_FAULTS:
            with pytest.raises(RegistryError, match=words):
                annual.save_review(session, number, values, who="clerk", today=TODAY)


def test_the_annual_review_writes_recurrence_treatment_and_a_functional_note(store: Store) -> None:
    number = person(store, [{390: "20230101", 1770: "1", 1772: "20240301"}])
    with store.writing() as session:
        abstract = session.scalars(select(Abstract.id)).one()
        told = {1770: "2", 1772: "20250601", 1860: "20250520", 1880: "13", 1660: "20250601", 1673: "2", 3190: "0"}
        annual.save_review(session, abstract, told, note="walks  unaided", who="clerk", today=TODAY)
    with store.reading() as session:
        review = annual.annual_review(session.get_one(Patient, number))[0]
    assert review.items[1880] == "13" and review.later == (("20250601", ((1673, "2"),)),)
    assert review.notes == ("2025-06-15 function: walks unaided",)


# ---- a source that sends its account again ------------------------------------------------------------------------------

ALIVE_2024, DEAD_2024 = {"1750": "20240601", "1760": "1"}, {"1750": "20240601", "1760": "0", "1910": "C509"}
SENT_AGAIN = [
    ({}, ALIVE_2024, "", "", ""),
    (ALIVE_2024, {"1750": "20230101", "1760": "1"}, "1750 1760", "", ""),
    (ALIVE_2024, {"1750": "", "1760": "1"}, "1750 1760 1910", "", ""),
    (ALIVE_2024, {"1750": "", "1760": "0"}, "1750", "1760 1910", ""),
    (ALIVE_2024, {"1750": "20250101", "1760": "1"}, "", "1750 1760", ""),
    (ALIVE_2024, {"1750": "20250101", "1760": "0", "1910": "C509"}, "", "1750 1760 1910", ""),
    (ALIVE_2024, {"1750": "20230101", "1760": "0"}, "1750 1760 1910", "", "died before the last contact"),
    (DEAD_2024, {"1750": "20250101", "1760": "1"}, "1750 1760 1910", "", "told alive after the death"),
    (DEAD_2024, {"1750": "20230101", "1760": "1"}, "1750 1760 1910", "", ""),
    (DEAD_2024, {"1750": "20240701", "1760": "0"}, "1750 1760 1910", "", "another date of death"),
    (DEAD_2024, {"1750": "20240601", "1760": "0", "1910": "C349"}, "", "", ""),
]


@pytest.mark.parametrize(("before", "told", "keep", "take", "review"), SENT_AGAIN)
def test_an_account_that_is_sent_again(
    before: dict[str, str], told: dict[str, str], keep: str, take: str, review: str
) -> None:
    found = compare_accounts(before, told)
    here = {"1750", "1760", "1910"}
    assert (found.keep & here, found.take & here) == (set(keep.split()), set(take.split()))
    assert (found.news is not None) == bool(review) and review in found.reason


def test_an_import_never_takes_a_contact_back_nor_a_death_without_review(store: Store) -> None:
    def sent(day: str, status: str) -> tuple[str | None, str | None]:
        person = {20: "1", 2230: "SYNTHETIC", 2240: "ANN", 240: "19500101", 225: "2", 1750: day, 1760: status}
        tumor = {400: "C509", 522: "8500", 390: "20200101", 540: FIRST, 550: "202000001"}
        run_import(store, Given([(person, [tumor])]), name=day, who="t", source="a")
        with store.reading() as session:
            patient = session.scalars(select(Patient)).one()
            return patient.vital_status, patient.date_of_last_contact

    assert sent("20240101", "1") == ("1", "20240101")
    assert sent("20230101", "1") == ("1", "20240101")
    with store.writing() as session:
        number = session.scalars(select(Patient.id)).one()
        record_news(session, number, News(day="20240301", vital_status="1", source="reply"), who="t", today=TODAY)
    # what follow-up wrote goes on with the next news of the hospital, and a death takes its day along
    assert sent("20240201", "1") == ("1", "20240301")
    assert sent("20240601", "0") == ("0", "20240601")
    for _ in range(2):
        assert sent("20250101", "1") == ("0", "20240601")
        assert sent("20240601", "0") == ("0", "20240601")
    with store.reading() as session:
        assert [r.proposed["1750"] for r in session.scalars(select(ContactReview))] == ["20250101"]


def test_a_death_that_contradicts_the_record_holds_letters_until_it_is_decided(store: Store) -> None:
    number = person(store)
    assert tell(store, number, vital_status="0", day="20240101") == "review"
    with store.writing() as session:
        assert [hold.kind.id for hold in holds.holds(session, [number])[number]] == [holds.POSSIBLE_DEATH]
        reviews.decide(session, reviews.waiting(session)[0].id, False, who="clerk", why="a namesake", today=TODAY)
        assert holds.holds(session, [number]) == {}
    dead = person(store, _1760="0", _1750="20240101")
    assert tell(store, dead, day="20250601") == "review"
    with store.reading() as session:
        assert [hold.kind.id for hold in holds.holds(session, [dead])[dead]] == [holds.DECEASED]
