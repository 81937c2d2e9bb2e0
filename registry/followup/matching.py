"""Who a row of a file speaks of: the matcher's pairs, what agrees and what conflicts, and what may be accepted by itself.

A matcher takes two frames of persons (the registry's and the file's, columns as in `registry.linkage.fields`) and gives
pairs with a score; `matcher()` is the registry's linkage, `exact` a plain one for small files and for tests. Whatever it
scores, a pair is accepted without a person only when several identifiers agree and nothing conflicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import clean, name_key, parse_date
from registry.followup.layouts import DEATHS, Row
from registry.models import Abstract, Facility, Patient, PatientRecord, Tumor

if TYPE_CHECKING:
    import pandas as pd

FIELDS = ("first", "middle", "last", "suffix", "maiden", "sex", "dob", "ssn", "address", "city", "zip", "phone", "mrn")
ITEMS = {
    "first": "2240",
    "middle": "2250",
    "last": "2230",
    "suffix": "2270",
    "maiden": "2232",
    "dob": "240",
    "ssn": "2320",
    "address": "2350",
    "city": "1810",
    "zip": "1830",
    "phone": "2360",
}
STRONG = ("ssn", "dob", "mrn", "last", "first")
"""Identifiers that count toward an automatic acceptance."""

AGREEING = 3
"""So many of them must agree, a number or the birth date among them."""

AUTOMATIC = 0.95
"""The least score of an automatic acceptance."""

TRANSPOSED = 2
SEXES = {"M": "1", "F": "2", "MALE": "1", "FEMALE": "2"}


@dataclass(frozen=True)
class Pair:
    """One possible match: patient, row of the file, probability, and the matcher's own doubts."""

    patient_id: int
    row: int
    score: float
    conflicts: tuple[str, ...] = ()


Matcher = Callable[["pd.DataFrame", "pd.DataFrame"], list[Pair]]


@dataclass(frozen=True)
class Evidence:
    """What agrees and what conflicts between a row and a patient, as `{field: (registry, file)}`."""

    agrees: Mapping[str, tuple[str, str]]
    differs: Mapping[str, tuple[str, str]]
    conflicts: Mapping[str, str]

    @property
    def enough(self) -> bool:
        """Whether several identifiers agree and nothing conflicts."""
        strong = [name for name in STRONG if name in self.agrees]
        return not self.conflicts and len(strong) >= AGREEING and bool({"ssn", "dob", "mrn"} & set(strong))


def people_frame(session: Session, *, facility_id: int | None = None) -> pd.DataFrame:
    """Gives the registry's persons, one row each, column `id` and the fields; medical record numbers are a facility's own."""
    import pandas as pd

    columns = [Patient.items[item].as_string().label(name) for name, item in ITEMS.items()]
    query = select(Patient.id, Patient.sex, *columns)
    number = (
        select(PatientRecord.patient_id, Abstract.items["2300"].as_string(), Abstract.facility_id)
        .join(Abstract, Abstract.record_id == PatientRecord.id)
        .order_by(Abstract.id)
    )
    if facility_id is not None:
        own = select(PatientRecord.patient_id).join(Abstract).where(Abstract.facility_id == facility_id)
        query = query.where(Patient.id.in_(own))
        number = number.where(Abstract.facility_id == facility_id)
    numbers: dict[int, str] = {}
    for patient_id, value, _ in session.execute(number):
        numbers.setdefault(patient_id, clean(value))
    rows = [
        {"id": row.id, **{name: clean(getattr(row, name)) for name in ITEMS}, "sex": clean(row.sex)}
        for row in session.execute(query.execution_options(yield_per=5000))
    ]
    for row in rows:
        row["mrn"] = numbers.get(row["id"], "") if facility_id is not None else ""
    return pd.DataFrame(rows, columns=["id", *FIELDS]).fillna("")


def rows_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Gives a file's rows, column `id` their number and the fields."""
    import pandas as pd

    lines = [{"id": row.number, **{name: _field(row.fields, name) for name in FIELDS}} for row in rows]
    return pd.DataFrame(lines, columns=["id", *FIELDS]).fillna("")


def _field(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if name == "sex":
        return SEXES.get(value.upper(), value)
    return "".join(filter(str.isdigit, value)) if name == "ssn" else value


def exact(people: pd.DataFrame, rows: pd.DataFrame) -> list[Pair]:
    """A plain matcher: pairs in which two of number (SSN or record number), birth date and whole name agree.

    The score says how much: 1 for all three, 0.9 for two of them.
    """
    keys = {column: {} for column in ("ssn", "mrn", "named")}
    facts = {}
    for row in people.itertuples(index=False):
        names = (name_key(row.last), name_key(row.first))
        facts[row.id] = (row.ssn, row.mrn, row.dob, names)
        for column, value in (("ssn", row.ssn), ("mrn", row.mrn), ("named", (*names, row.dob) if row.dob else None)):
            if value:
                keys[column].setdefault(value, []).append(row.id)
    pairs = []
    for row in rows.itertuples(index=False):
        names = (name_key(row.last), name_key(row.first))
        near = [*keys["ssn"].get(row.ssn, []), *keys["mrn"].get(row.mrn, []), *keys["named"].get((*names, row.dob), [])]
        for patient_id in dict.fromkeys(near):
            ssn, mrn, born, named = facts[patient_id]
            number = (bool(ssn) and ssn == row.ssn) or (bool(mrn) and mrn == row.mrn)
            same = (number, bool(born) and born == row.dob, named == names)
            if sum(same) >= 2:
                pairs.append(Pair(patient_id, row.id, 1.0 if all(same) else 0.9))
    return pairs


def probabilistic(people: pd.DataFrame, rows: pd.DataFrame) -> list[Pair]:
    """The registry's own linkage: pairs from the review threshold on, with the conflicts that it found."""
    from registry.linkage.match import match

    if people.empty or rows.empty:
        return []
    left = people.assign(id=[f"p{number}" for number in people["id"]])
    right = rows.assign(id=[f"r{number}" for number in rows["id"]])
    found = match(left, right, id="id").pairs
    return [
        Pair(int(str(row.left)[1:]), int(str(row.right)[1:]), float(row.score), tuple(str(row.conflicts).split()))
        for row in found.itertuples(index=False)
    ]


def evidence(
    session: Session,
    patient: Patient,
    row: Row,
    *,
    kind: str,
    facility_id: int | None = None,
    doubts: tuple[str, ...] = (),
) -> Evidence:
    """Gives what agrees and what conflicts between a patient and a row, also with what the record knows of the patient."""
    agrees: dict[str, tuple[str, str]] = {}
    differs: dict[str, tuple[str, str]] = {}
    own = {name: clean(patient.items.get(item)) for name, item in ITEMS.items()} | {"sex": clean(patient.sex)}
    own["mrn"] = _record_number(session, patient.id, facility_id, _field(row.fields, "mrn"))
    for name in FIELDS:
        ours, theirs = own[name], _field(row.fields, name)
        if not ours or not theirs or (name == "sex" and ours not in {"1", "2"}):
            continue
        same = _same(name, ours, theirs, own)
        (agrees if same else differs)[name] = (ours, theirs)
    conflicts = {f"matcher: {doubt}": "the matcher doubts it" for doubt in doubts}
    if "sex" in differs:
        conflicts["sex"] = "the sex differs"
    if "ssn" in differs and not _typing_error(*differs["ssn"]):
        conflicts["ssn"] = "another social security number"
    if "dob" in differs and "ssn" not in agrees:
        conflicts["dob"] = "another birth date, and no number that agrees"
    conflicts |= _against_record(session, patient, row, kind)
    return Evidence(agrees, differs, conflicts)


def _same(name: str, ours: str, theirs: str, own: Mapping[str, str]) -> bool:
    if name == "last":
        keys = {name_key(ours), name_key(own["maiden"])} - {""}
        return name_key(theirs) in keys
    if name in {"first", "maiden", "city", "address"}:
        return name_key(ours) == name_key(theirs)
    if name == "middle":
        return name_key(ours)[:1] == name_key(theirs)[:1]
    if name == "zip":
        return ours[:5] == theirs[:5]
    return ours.lstrip("0") == theirs.lstrip("0") if name == "mrn" else ours == theirs


def _typing_error(ours: str, theirs: str) -> bool:
    """Whether two numbers differ by one digit or by two neighbours swapped."""
    if len(ours) != len(theirs):
        return False
    places = [n for n, (a, b) in enumerate(zip(ours, theirs)) if a != b]
    swapped = len(places) == TRANSPOSED and places[1] == places[0] + 1 and ours[places[0]] == theirs[places[1]]
    return len(places) == 1 or (swapped and ours[places[1]] == theirs[places[0]])


def _record_number(session: Session, patient_id: int, facility_id: int | None, theirs: str) -> str:
    """The medical record number of the facility that tells; nothing of other facilities, whose numbers mean others."""
    if facility_id is None or not theirs:
        return ""
    query = (
        select(Abstract.items["2300"].as_string())
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(PatientRecord.patient_id == patient_id, Abstract.facility_id == facility_id)
    )
    found = [clean(value) for value in session.scalars(query) if clean(value)]
    same = [value for value in found if value.lstrip("0") == theirs.lstrip("0")]
    return (same or found or [""])[0]


def _against_record(session: Session, patient: Patient, row: Row, kind: str) -> dict[str, str]:
    day = parse_date(row.day)
    found = {}
    if day.latest is None:
        return {}
    diagnosed = session.scalars(select(Tumor.diagnosis_earliest).where(Tumor.patient_id == patient.id)).all()
    first = min((d for d in diagnosed if d is not None), default=None)
    if kind == DEATHS and first is not None and day.latest < first:
        found["diagnosis"] = f"died before the diagnosis of {first.isoformat()}"
    contact, dead = parse_date(patient.date_of_last_contact), clean(patient.vital_status) not in {"", "1"}
    if kind == DEATHS and not dead and contact.earliest is not None and day.latest < contact.earliest:
        found["contact"] = f"died before the last contact of {contact.earliest.isoformat()}"
    if kind == DEATHS and dead and contact.latest is not None and not _overlap(day.earliest, day.latest, contact):
        found["death"] = f"another day of death than {patient.date_of_last_contact}"
    if (
        kind != DEATHS
        and dead
        and contact.latest is not None
        and day.earliest is not None
        and day.earliest > contact.latest
    ):
        found["death"] = f"seen after the death of {patient.date_of_last_contact}"
    return found


def _overlap(first: date | None, last: date | None, other: object) -> bool:
    start, end = other.earliest, other.latest  # type: ignore[attr-defined]
    return first is None or last is None or start is None or end is None or (first <= end and start <= last)


def facility_of(session: Session, number: str) -> int | None:
    """The id of a facility by its number (540); None where there is none."""
    return session.scalars(select(Facility.id).where(Facility.number == number)).one_or_none() if number else None
