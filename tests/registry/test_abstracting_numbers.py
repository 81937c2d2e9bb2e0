"""Class of case by questions, accession numbers given to many at once, sequence numbers."""

from __future__ import annotations

import threading
from itertools import product
from typing import Any

import pytest

from abstracting.naaccr.items import codes
from registry import records, schema
from registry.abstracting import accession, numbering
from registry.abstracting.class_of_case import QUESTIONS, accredited_flag, decide
from registry.abstracting.sequences import SequencedTumor, sequence
from registry.abstracting.starting import (
    HISTORY,
    NEW_PATIENT,
    NEW_PRIMARY,
    SAME_TUMOR,
    CaseStart,
    Person,
    begin,
    search,
)
from registry.abstracting.tables import rows
from registry.errors import RegistryError
from registry.models import Abstract, Facility, Patient
from registry.models.desk import CasePlace
from registry.security.permissions import Actor

PATHS = [
    ("00", "patient yes here none"),
    ("10", "patient yes here some"),
    ("11", "patient yes office part"),
    ("12", "patient yes office all"),
    ("13", "patient yes here part"),
    ("14", "patient yes here all"),
    ("20", "patient yes elsewhere some"),
    ("21", "patient yes elsewhere part"),
    ("22", "patient yes elsewhere all"),
    ("30", "patient yes elsewhere none workup"),
    ("31", "patient yes elsewhere none transit"),
    ("32", "patient yes elsewhere none recurrence"),
    ("33", "patient yes elsewhere none history"),
    ("34", "patient no here"),
    ("35", "patient before here"),
    ("36", "patient no elsewhere"),
    ("37", "patient before elsewhere"),
    ("38", "autopsy"),
    ("40", "office one"),
    ("41", "office several"),
    ("42", "other"),
    ("43", "specimen"),
    ("49", "certificate"),
    ("99", "unknown"),
]


@pytest.mark.parametrize(("code", "path"), PATHS)
def test_class_of_case_is_reached_with_exactly_these_answers(code, path):
    answers: dict[str, str] = {}
    for answer in path.split():
        progress = decide(answers)
        assert progress.code is None and progress.question is not None
        assert answer in dict(progress.question.answers)
        answers[progress.question.name] = answer
    assert decide(answers).code == code


def test_every_code_of_the_item_is_reached_and_no_other():
    assert {code for code, _ in PATHS} == set(codes(610)) and len(PATHS) == 24


def test_answers_that_do_not_fit_are_asked_again():
    assert decide({"contact": "autopsy", "treated": "all"}).answers == {"contact": "autopsy"}
    assert decide({"contact": "nonsense"}).question.name == "contact"
    columns = {row["question"] for row in rows("class_questions")}
    assert columns == set(QUESTIONS)


@pytest.mark.parametrize(("code", "flag"), [
    *((f"{n}", "1") for n in (10, 11, 12, 13, 14, 20, 21, 22)),
    *((c, "2") for c in ("00", "30", "31", "32", "33", "34", "35", "36", "37", "38", "40", "41", "42", "43", "99")),
    ("49", ""),
    ("", ""),
])  # fmt: skip
def test_the_accredited_flag_follows_the_class(code, flag):
    assert accredited_flag(code) == flag
    assert accredited_flag(code, accredited=False) == ("0" if flag else "")


def numbered(*tumors: tuple[str, str, str], central: bool = False) -> list[str]:
    """Numbers of tumors given as (diagnosis, behavior, number now)."""
    found = sequence(
        [SequencedTumor(i, d, "C509", "8500", b, "", n) for i, (d, b, n) in enumerate(tumors)], central=central
    )
    return [found[i] for i in range(len(tumors))]


@pytest.mark.parametrize(
    ("tumors", "numbers"),
    [
        ([("20200101", "3", "")], ["00"]),
        ([("20200101", "3", "00"), ("20220101", "3", "")], ["01", "02"]),
        ([("20200101", "3", "00"), ("20150101", "3", "")], ["02", "01"]),  # an earlier one is found later
        ([("20200101", "3", "02")], ["02"]),  # the first one lies elsewhere
        ([("20200101", "3", "01")], ["00"]),  # the other one was no primary
        ([("20200101", "3", "02"), ("20220101", "2", "")], ["02", "03"]),
        ([("20200101", "3", "01"), ("20220101", "3", "03"), ("20210101", "3", "")], ["01", "04", "03"]),
        ([("20200101", "0", "")], ["60"]),
        ([("20200101", "0", "60"), ("20210101", "1", ""), ("20190101", "3", "")], ["61", "62", "00"]),
        ([("2020", "3", ""), ("20200601", "3", "")], ["02", "01"]),
    ],
)
def test_sequence_numbers(tumors, numbers):
    assert numbered(*tumors) == numbers


def test_sequence_goes_by_prognosis_when_diagnosed_together():
    two = [SequencedTumor(n, "20200101", "C509", "8500", "3", stage) for n, stage in (("local", "1"), ("distant", "7"))]
    assert sequence(two) == {"distant": "01", "local": "02"}


def test_cervix_in_situ_of_1996_to_2002_is_98_in_the_central_series_alone():
    cervix = SequencedTumor("cervix", "19990101", "C539", "8077", "2")
    assert sequence([cervix], central=True) == {"cervix": "98"}
    assert sequence([cervix]) == {"cervix": "00"}


def test_behind_the_last_number_stands_that_of_the_unspecified():
    many = [SequencedTumor(n, f"20{n:02d}0101", "C509", "8500", "3") for n in range(60)]
    assert sequence(many)[58] == "59" and sequence(many)[59] == "99"


ROSA = Actor(username="rosa", full_name="Rosa M Lindqvist", roles=("registrar",))


@pytest.fixture
def facility(store: Any) -> int:
    schema.upgrade(store.engine)
    with store.writing() as session:
        row = Facility(number="0000010001", name="General", accredited=True)
        session.add(row)
        session.flush()
        return row.id


def case(facility: int, kind: str = NEW_PATIENT, *, contact: str = "20240304", **more: Any) -> CaseStart:
    items = {610: "14", 580: contact, 501: "20", 390: contact, 400: "C504", 522: "8500", 523: "3"} | more.pop(
        "items", {}
    )
    person = more.pop("person", Person("SYNTHETIC", "MARGARET", "", "19480312"))
    return CaseStart(kind, facility, person, items, **more)


def started(store: Any, start: CaseStart) -> Any:
    with store.writing() as session:
        return begin(session, ROSA, start)


def items_of(store: Any, abstract: int) -> dict[int, str]:
    with store.reading() as session:
        return records.all_items(session.get(Abstract, abstract))


def test_a_new_patient_has_numbers_dates_and_flag_from_the_program(store, facility):
    done = started(store, case(facility))
    items = items_of(store, done.abstract_id)
    assert done.accession == items[550] == "202400001"
    assert (items[560], items[380], items[570], items[2152]) == ("00", "00", "RML", "1")
    assert len(items[2085]) == 8 and items[2230] == "SYNTHETIC"


def test_all_primaries_of_a_patient_share_the_number_and_are_numbered_anew(store, facility):
    first = started(store, case(facility))
    earlier = started(
        store,
        case(
            facility, NEW_PRIMARY, contact="20250101", patient_id=first.patient_id, items={390: "20200101", 400: "C187"}
        ),
    )
    past = started(
        store, case(facility, HISTORY, contact="20250201", patient_id=first.patient_id, items={610: "33", 390: "2001"})
    )
    assert {first.accession, earlier.accession, past.accession} == {"202400001"}
    numbers = [items_of(store, s.abstract_id)[560] for s in (first, earlier, past)]
    assert numbers == ["03", "02", "01"]
    with store.reading() as session:
        places = {(p.accession, p.sequence) for p in session.query(CasePlace)}
    assert places == {("202400001", n) for n in ("01", "02", "03")}


def test_a_later_change_of_the_diagnosis_date_is_previewed_renumbered_and_taken_back(store, facility):
    first = started(store, case(facility))
    second = started(
        store,
        case(
            facility, NEW_PRIMARY, contact="20250101", patient_id=first.patient_id, items={390: "20250101", 400: "C187"}
        ),
    )
    ids = (first.abstract_id, second.abstract_id)

    def numbers() -> list[tuple[str, str]]:
        return [(items_of(store, a)[560], items_of(store, a)[380]) for a in ids]

    assert numbers() == [("01", "01"), ("02", "02")]
    with store.reading() as session:
        assert numbering.plan(session, first.patient_id, facility) == []
        typed = numbering.plan(session, first.patient_id, facility, typed={ids[1]: {390: "20200101"}})
        assert {(line.abstract_id, line.new) for line in typed} == {(ids[0], "02"), (ids[1], "01")}
    with store.writing() as session:
        records.save(session, ids[1], {390: "20200101"}, who="rosa", why="pathology of 2020")
    with store.reading() as session:
        preview = numbering.plan(session, first.patient_id, facility)
        assert [(p.abstract_id, p.item, p.old, p.new) for p in preview] == [
            (ids[0], 380, "01", "02"), (ids[0], 560, "01", "02"), (ids[1], 380, "02", "01"), (ids[1], 560, "02", "01"),
        ]  # fmt: skip
        assert numbers() == [("01", "01"), ("02", "02")], "a preview changes nothing"
    with store.writing() as session:
        numbering.renumber(session, session.get(Patient, first.patient_id), facility, who="rosa")
    assert numbers() == [("02", "02"), ("01", "01")]
    with store.writing() as session:
        assert [len(run.lines) for run in numbering.runs(session, first.patient_id)] == [4]
        assert numbering.undo(session, first.patient_id, facility, who="rosa") == 4
    assert numbers() == [("01", "01"), ("02", "02")]
    with store.reading() as session:
        assert numbering.runs(session, first.patient_id) == [], "the numbers of a begun case are not taken back"
        places = {(p.abstract_id, p.sequence) for p in session.query(CasePlace)}
    assert places == {(ids[0], "01"), (ids[1], "02")}


def test_the_same_tumor_at_the_same_facility_opens_what_is_there(store, facility):
    first = started(store, case(facility))
    with store.reading() as session:
        tumor = session.get(Abstract, first.abstract_id).tumor_id
    again = started(store, case(facility, SAME_TUMOR, patient_id=first.patient_id, tumor_id=tumor))
    assert not again.created and again.abstract_id == first.abstract_id


def test_a_number_is_not_given_again_when_its_case_is_gone(store, facility):
    first = started(store, case(facility))
    with store.writing() as session:
        abstract = session.get(Abstract, first.abstract_id)
        session.delete(session.get(CasePlace, abstract.id))
        session.flush()
        session.delete(abstract)
    with store.writing() as session:
        patient = Patient(items={})
        session.add(patient)
        session.flush()
        assert accession.give(session, facility, patient.id, year=2024, who="x") == "202400002"


@pytest.mark.parametrize("known", [True, False], ids=["patient known", "patient new to both"])
def test_people_who_start_the_same_patient_at_once_get_one_number(store, facility, known):
    more = {"kind": NEW_PRIMARY, "patient_id": started(store, case(facility)).patient_id} if known else {}
    found, faults = [], []
    gate = threading.Barrier(6)

    def work(site: int) -> None:
        try:
            gate.wait()
            found.append(started(store, case(facility, items={400: f"C50{site}"}, **more)))
        except Exception as fault:  # told by the assertion below
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert {s.accession for s in found} == {"202400001"} and len({s.patient_id for s in found}) == 1
    numbers = {items_of(store, s.abstract_id)[560] for s in found}
    assert len(numbers) == 6


def test_different_patients_at_once_get_different_numbers(store, facility):
    found = []
    gate = threading.Barrier(5)

    def work(n: int) -> None:
        gate.wait()
        found.append(started(store, case(facility, person=Person(f"SYNTHETIC{n}", "JO", "", "19500101"))).accession)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"20240000{n}" for n in range(1, 6)]


def test_renumberings_are_taken_back_level_by_level_in_order(store, facility):
    """Three renumberings; one step back, then two at once; a number that other hands changed since stays."""
    first = started(store, case(facility))
    more = {"patient_id": first.patient_id, "items": {390: "20240401", 400: "C619", 522: "8140"}}
    ids = (first.abstract_id, started(store, case(facility, NEW_PRIMARY, **more)).abstract_id)

    def numbers() -> list[str]:
        return [items_of(store, a)[560] for a in ids]

    states = [numbers()]
    for day in ("20200101", "20240501", "20190101"):
        with store.writing() as session:
            records.save(session, ids[1], {390: day}, who="rosa")
            numbering.renumber(session, session.get(Patient, first.patient_id), facility, who="rosa")
        states.append(numbers())
    assert states == [["01", "02"], ["02", "01"], ["01", "02"], ["02", "01"]]
    with store.writing() as session:
        assert numbering.undo(session, first.patient_id, facility, who="rosa") == 4
    assert numbers() == states[2]
    with store.writing() as session:
        standing = numbering.runs(session, first.patient_id)
        assert len(standing) == 2
        assert numbering.undo(session, first.patient_id, facility, who="rosa", run=standing[-1].why) == 8
        assert numbering.runs(session, first.patient_id) == []
    assert numbers() == states[0]
    with store.writing() as session:
        assert numbering.undo(session, first.patient_id, facility, who="rosa") == 0
        with pytest.raises(RegistryError, match="taken back already"):
            numbering.undo(session, first.patient_id, facility, who="rosa", run=standing[0].why)
    with store.writing() as session:
        numbering.renumber(session, session.get(Patient, first.patient_id), facility, who="rosa")
        for abstract_id, number in zip(ids, ("05", "06")):
            records.save(session, abstract_id, {560: number, 380: number}, who="ada", why="by hand")
        assert numbering.undo(session, first.patient_id, facility, who="rosa") == 0
        assert numbering.runs(session, first.patient_id) == []
    assert numbers() == ["05", "06"]


def test_every_fault_of_a_start_is_told_at_once(store, facility):
    with pytest.raises(RegistryError) as caught, store.writing() as session:
        begin(session, ROSA, CaseStart(NEW_PRIMARY, facility, Person(), {610: "43"}))
    for words in ("choose the patient", "date the specimen was taken", "501"):
        assert words in caught.value.message


@pytest.mark.parametrize(
    ("asked", "because"),
    [
        (Person(last="Synthetic", first="M"), "surname"),
        (Person(last="MAIDEN", first="MARGARET"), "birth surname"),
        (Person(ssn="900000101"), "social security number"),
        (Person(mrn="MRN00000101"), "medical record number"),
        (Person(first="Margaret", born="19480312", last="OTHER"), "birth date"),
        (Person(first="Margaret", last="Synthteic"), "surname but for a slip"),
    ],
)
def test_the_search_finds_by_each_of_its_marks_and_says_why(store, facility, asked, because):
    person = Person("SYNTHETIC", "MARGARET", "MAIDEN", "19480312", "900000101", "MRN00000101")
    done = started(store, case(facility, person=person))
    with store.reading() as session:
        found = search(session, ROSA, asked, facility_id=facility)
    assert [c.patient_id for c in found] == [done.patient_id] and because in found[0].because
    assert found[0].tumors[0].abstract_id == done.abstract_id


@pytest.mark.parametrize("last", ["SYNONYM", "SMITH", "SYN"])
def test_a_surname_that_only_begins_alike_is_another(store, facility, last):
    started(store, case(facility, person=Person("SYNTHETIC", "MARGARET", "", "19480312")))
    with store.reading() as session:
        assert search(session, ROSA, Person(last=last, first="MARGARET"), facility_id=facility) == []


def test_a_search_with_too_little_is_refused(store, facility):
    with store.reading() as session, pytest.raises(RegistryError, match="needs a number"):
        search(session, ROSA, Person(last="SMITH"))


def test_no_two_answers_of_the_table_lead_to_two_codes():
    seen: dict[tuple[str, ...], str] = {}
    options = [[""] + list({r["answer"] for r in rows("class_questions") if r["question"] == q}) for q in QUESTIONS[:4]]
    for answers in product(*options):
        progress = decide({q: a for q, a in zip(QUESTIONS, answers) if a})
        if progress.code:
            key = tuple(sorted(progress.answers.items()))
            assert seen.setdefault(key, progress.code) == progress.code
