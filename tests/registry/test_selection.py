"""Selections: what a condition means, on the registry's knowledge and on a facility's own accounts, on both engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from abstracting.recodes.tables import recode
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Abstract, AbstractText, Facility, Patient, PatientRecord, Tumor
from registry.selection import ABSTRACTS, TUMORS, clause, parse

TUMORS_GIVEN = [
    # tumor items by case; the person is female, born 1950, race 01 unless said
    {400: "C509", 522: "8500", 523: "3", 390: "20190304", 230: "069", 610: "14", 764: "1", 80: "FL", 90: "086"},
    {400: "C341", 522: "8140", 523: "3", 390: "20201231", 230: "070", 610: "22", 764: "7", 80: "FL", 90: "999"},
    {400: "C619", 522: "8140", 523: "3", 390: "2021", 230: "100", 610: "00", 80: "GA", 90: "001"},
    {
        400: "C420",
        522: "9800",
        523: "3",
        390: "20100101",
        230: "005",
        610: "14",
        3020: "7",
        2570: "bone marrow: 50% blasts",
    },
    {400: "C4X", 522: "800_", 523: "3", 390: "20X9", 610: "14"},
]


class Rows:
    format, version, done = "test", "260", 0.0

    def __iter__(self) -> Iterator[IncomingPatient]:
        for n, items in enumerate(TUMORS_GIVEN, 1):
            person = (
                {20: f"0000000{n}", 2230: f"NAME{n}", 225: "2", 160: "01"} if n != 3 else {20: "00000003", 225: "1"}
            )
            yield IncomingPatient(
                n, person, [IncomingTumor(n, {60: "01", 540: "0000010001", 550: f"20190000{n}"} | items)]
            )


@pytest.fixture
def filled(store: Store) -> Store:
    run_import(store, Rows(), name="rows", who="tester")
    return store


def selected(store: Store, *texts: str, ground=TUMORS) -> list[int]:
    """The cases (1 to 5) that meet the conditions."""
    with store.reading() as session:
        if ground is TUMORS:
            query = (
                select(PatientRecord.patient_id_number)
                .join(PatientRecord.patient)
                .join(Tumor, Tumor.patient_id == Patient.id)
            )
        else:
            query = select(PatientRecord.patient_id_number).select_from(Abstract).join(PatientRecord).join(Facility)
        query = query.where(*(clause(c, ground) for c in parse(texts)))
        return sorted(int(number) for number in session.scalars(query))


CASES = [
    ("site=C50*", [1]),
    ("site=c50.9", [1]),
    ("site=C30-C39", [2]),
    ("site!=C50*", [2, 3, 4, 5]),
    ("400=C341,C619", [2, 3]),
    ("390<=2020", [1, 2, 4]),
    ("390=2019-2020", [1, 2]),
    ("year=2019-2020", [1, 2]),
    ("year>=2020", [2, 3]),
    ("age=70-100", [2, 3]),
    ("age=5", [4]),
    ("age=blank", [5]),
    ("race=blank,99", [3]),
    ("race!=blank", [1, 2, 4, 5]),
    ("sex=1", [3]),
    ("class=0-22", [1, 2, 3, 4, 5]),
    ("class=22", [2]),
    ("stage=7", [2, 4]),
    ("stage=blank", [3, 5]),
    ("county=12086", [1]),
    ("county=13001", [3]),
    ("county=12999", [2]),
    ("county=blank", [4, 5]),
    ("facility=0000010001", [1, 2, 3, 4, 5]),
    ("accession=201900002", [2]),
    ("import=1", [1, 2, 3, 4, 5]),
    ("2230=NAME1", [1]),
    ("2230=*AME*", [1, 2, 4, 5]),
    ("2570=*BLASTS*", [4]),
    ("2570=50%", [4]),
    ("2570=5_%", []),
    ("2570=blank", [1, 2, 3, 5]),
    ("522=800_*", [5]),
]


@pytest.mark.parametrize("ground", [TUMORS, ABSTRACTS], ids=lambda g: g.name)
def test_conditions(filled: Store, ground) -> None:
    wrong = [(text, found) for text, cases in CASES if (found := selected(filled, text, ground=ground)) != cases]
    assert wrong == []


@pytest.mark.parametrize("ground", [TUMORS, ABSTRACTS], ids=lambda g: g.name)
def test_the_recode_in_the_query_is_the_recode_of_the_engine(filled: Store, ground) -> None:
    engine = recode("site_recode_2008")
    expected = {n: engine.value(site=items[400], histology=items[522]) for n, items in enumerate(TUMORS_GIVEN, 1)}
    for n, code in expected.items():
        assert n in selected(filled, f"recode={code}", ground=ground)
    assert sum(len(selected(filled, f"recode={code}", ground=ground)) for code in set(expected.values())) == 5


def test_recode_of_every_site_and_kind_agrees(store: Store) -> None:
    """Against `abstracting.recodes`: every topography with histologies at the ends of the table's ranges."""
    from abstracting.codes import code_system

    engine = recode("site_recode_2008")
    kinds = ["8000", "8140", "9050", "9055", "9140", "9590", "9650", "9732", "9800", "9820", "9840", "9993"]
    pairs = [(site, kind) for site in code_system("topography").codes for kind in kinds]
    with store.writing() as session:
        person = Patient(items={})
        session.add(person)
        session.flush()
        session.add_all(Tumor(patient_id=person.id, items={}, primary_site=s, histology=h) for s, h in pairs)
        session.flush()
        column = TUMORS.column("recode")
        rows = session.execute(select(Tumor.primary_site, Tumor.histology, column)).all()
        by_condition = {
            code: session.scalar(select(func.count()).select_from(Tumor).where(clause(parse([f"recode={code}"])[0])))
            for code in engine.labels
        }
    assert len(rows) == len(pairs)
    assert [row for row in rows if engine.value(site=row[0], histology=row[1]) != row[2]] == []
    counted = Counter(row[2] for row in rows)
    assert {code: many for code, many in by_condition.items() if many} == dict(counted), "no tumor meets two rows"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("site", "no condition"),
        ("nonsense=1", "neither a name nor an item"),
        ("year=abc", "no number"),
        ("site=,", "no value"),
    ],
)
def test_what_cannot_be_read_is_named(filled: Store, text: str, says: str) -> None:
    with pytest.raises(RegistryError, match=says):
        selected(filled, text)


def test_text_has_no_order(filled: Store) -> None:
    with pytest.raises(RegistryError, match="no order"):
        selected(filled, "2570>=A")


def test_texts_are_kept_apart(filled: Store) -> None:
    with filled.reading() as session:
        assert session.scalar(select(func.count()).select_from(AbstractText)) == 1
