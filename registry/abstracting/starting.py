"""Starting a case: a forced search, then new patient, new primary, same tumor or history only.

Everything happens under the lock of the facility's accession counter: two people who start the same patient at once get
the same number, and the second one finds the patient that the first one has made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from abstracting.values import name_key, parse_date
from registry import audit, records
from registry.abstracting import accession, copying, numbering
from registry.abstracting.class_of_case import accredited_flag, contact_question
from registry.abstracting.status import CHAIN
from registry.errors import RegistryError
from registry.items import is_patient_level, is_text, known
from registry.linkage.consolidate import refresh_patient, refresh_tumor
from registry.models import Abstract, AbstractText, Facility, Patient, PatientRecord, Source, Tumor
from registry.models.tumors import SUSPENSE
from registry.projection import abstract_columns, fitted
from registry.security.permissions import Actor, visible

NEW_PATIENT, NEW_PRIMARY, SAME_TUMOR, HISTORY = "patient", "primary", "same", "history"
KINDS = {
    NEW_PATIENT: "New patient",
    NEW_PRIMARY: "New primary of this patient",
    SAME_TUMOR: "Same tumor, this facility's own abstract",
    HISTORY: "History only: a tumor treated elsewhere before",
}
ASKED = (610, 580, 501, 390, 400, 522, 523, 2300)
PERSON = (2230, 2240, 2250, 2232, 240, 2320)
HITS = 12


@dataclass(frozen=True)
class Person:
    """What the search is asked with: names, birth surname, birth date, social security and medical record number."""

    last: str = ""
    first: str = ""
    birth_surname: str = ""
    born: str = ""
    ssn: str = ""
    mrn: str = ""

    @property
    def is_enough(self) -> bool:
        """Whether a search with this can find somebody: a number, or a name with another mark."""
        name = self.last or self.birth_surname
        return bool(self.ssn or self.mrn or (name and (self.first or self.born)))


@dataclass(frozen=True)
class KnownTumor:
    """A tumor of somebody found, with the abstract that this facility already has of it."""

    id: int
    site: str
    histology: str
    behavior: str
    diagnosed: str
    laterality: str
    abstract_id: int | None


@dataclass(frozen=True)
class Candidate:
    """Somebody found: who, why, and their tumors."""

    patient_id: int
    name_last: str
    name_first: str
    born: str
    birth_surname: str
    because: tuple[str, ...]
    accession: str
    tumors: tuple[KnownTumor, ...]


@dataclass(frozen=True)
class CaseStart:
    """What a case is begun with; `items` are those of ASKED, `patient_id` and `tumor_id` as the kind needs.

    `copy_from` is the abstract of an earlier primary, `answers` what was told where the copy policy asks.
    """

    kind: str
    facility_id: int
    person: Person
    items: Mapping[int, str] = field(default_factory=dict)
    patient_id: int | None = None
    tumor_id: int | None = None
    copy_from: int | None = None
    answers: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """The case that was begun, or the abstract that this facility already had of the tumor."""

    abstract_id: int
    patient_id: int
    accession: str
    sequence: str
    created: bool = True


def search(
    session: Session,
    actor: Actor,
    person: Person,
    *,
    facility_id: int | None = None,
    likely: Sequence[tuple[int, float]] = (),
) -> list[Candidate]:
    """Gives who might be meant, surest first; a search with too little is an error that says what is needed.

    `likely` are reports with the probability that linkage gives them: it finds whom equal keys do not, a nickname, a former
    surname, two digits exchanged.
    """
    if not person.is_enough:
        raise RegistryError(
            "usage", "the search needs a number, or a last name with a first name or birth date", hint="add one of them"
        )
    conditions = _conditions(person)
    query = select(Patient).where(or_(*conditions.values()), visible(Patient, actor)).limit(200)
    found = []
    for patient in session.scalars(query):
        because = tuple(_matches(patient, person))
        found.append((_surest(because), patient, because))
    known = {patient.id for _, patient, _ in found}
    found += [
        (-_WEIGHTS[LIKELY] * score, patient, (f"{LIKELY}, {score:.0%} by linkage",))
        for patient, score in _likely(session, actor, likely)
        if patient.id not in known
    ]
    known |= {patient.id for _, patient, _ in found}
    found += [
        (_surest(because), patient, because)
        for patient in _near(session, actor, person)
        if patient.id not in known and (because := (NEAR, *_matches(patient, person)))
    ]
    found.sort(key=lambda entry: (entry[0], entry[1].id))
    return [_candidate(session, p, because, actor, facility_id) for _, p, because in found[:HITS]]


def _likely(session: Session, actor: Actor, likely: Sequence[tuple[int, float]]) -> list[tuple[Patient, float]]:
    """The visible patients of reports, each with the best of its reports' probabilities."""
    best: dict[int, float] = {}
    score = dict(likely)
    reports = select(PatientRecord.id, PatientRecord.patient_id).where(PatientRecord.id.in_(score))
    for number, patient_id in session.execute(reports):
        best[patient_id] = max(best.get(patient_id, 0.0), score[number])
    patients = session.scalars(select(Patient).where(Patient.id.in_(best), visible(Patient, actor)))
    return [(patient, best[patient.id]) for patient in patients]


def _near(session: Session, actor: Actor, person: Person) -> list[Patient]:
    """The visible patients of the same first name whose surname is spelled nearly so: a slip that no number corrects."""
    last, first = name_key(person.last or person.birth_surname), name_key(person.first)
    if len(last) < 4 or len(first) < 2:
        return []
    begins = Patient.name_last_key.startswith(last[:2], autoescape=True)
    query = select(Patient).where(Patient.name_first_key == first, begins, visible(Patient, actor)).limit(MOST_NEAR)
    return [p for p in session.scalars(query) if SequenceMatcher(None, last, p.name_last_key or "").ratio() >= NEARLY]


def fields_of(person: Person) -> dict[str, str]:
    """Gives what was asked as linkage reads it."""
    return {
        "last": person.last,
        "first": person.first,
        "maiden": person.birth_surname,
        "dob": person.born,
        "ssn": person.ssn,
    }


def _conditions(person: Person) -> dict[str, object]:
    last, first, maiden = name_key(person.last), name_key(person.first), name_key(person.birth_surname)
    found: dict[str, object] = {}
    if person.ssn:
        found["ssn"] = Patient.ssn == person.ssn
    if person.mrn:
        mine = select(PatientRecord.patient_id).join(Abstract, Abstract.record_id == PatientRecord.id)
        found["mrn"] = or_(
            Patient.medical_record_number == person.mrn,
            Patient.id.in_(mine.where(Abstract.items["2300"].as_string() == person.mrn)),
        )
    for key in {last, maiden} - {""}:
        whose = or_(Patient.name_last_key == key, Patient.birth_surname_key == key)
        if first:
            found[f"name {key}"] = and_(whose, Patient.name_first_key.startswith(first[:1], autoescape=True))
        if person.born:
            found[f"birth {key}"] = and_(whose, Patient.date_of_birth == person.born)
    if person.born and first:
        found["birth and first"] = and_(Patient.date_of_birth == person.born, Patient.name_first_key == first)
    return found


def _matches(patient: Patient, person: Person) -> list[str]:
    names = {patient.name_last_key or "", patient.birth_surname_key or ""} - {""}
    asked = {name_key(person.last), name_key(person.birth_surname)} - {""}
    found = []
    if person.ssn and patient.ssn == person.ssn:
        found.append("social security number")
    if person.mrn and person.mrn in _record_numbers(patient):
        found.append("medical record number")
    if names & asked:
        found.append("surname" if name_key(person.last) == patient.name_last_key else "birth surname")
    if person.first and patient.name_first_key == name_key(person.first):
        found.append("first name")
    if person.born and patient.date_of_birth == person.born:
        found.append("birth date")
    return found


def _record_numbers(patient: Patient) -> list[str]:
    numbers = [abstract.items.get("2300", "") for record in patient.records for abstract in record.abstracts]
    return [*numbers, patient.medical_record_number or ""]


NEAR = "surname but for a slip"
MOST_NEAR, NEARLY = 500, 0.8
LIKELY = "person in all likelihood"
_WEIGHTS = {
    "social security number": 8,
    "medical record number": 6,
    LIKELY: 5,
    "birth date": 4,
    "surname": 2,
    "birth surname": 2,
}


def _surest(because: tuple[str, ...]) -> int:
    return -sum(_WEIGHTS.get(reason, 1) for reason in because)


def _candidate(
    session: Session, patient: Patient, because: tuple[str, ...], actor: Actor, facility_id: int | None
) -> Candidate:
    tumors = []
    for tumor in patient.tumors:
        own = [a for a in tumor.abstracts if actor.facility_id in (None, a.facility_id)]
        if actor.facility_id is not None and not own:
            continue
        mine = next((a.id for a in own if a.facility_id == facility_id), None)
        get = (own[0].items if actor.facility_id is not None else tumor.items).get
        tumors.append(
            KnownTumor(tumor.id, get("400", ""), get("522", ""), get("523", ""), get("390", ""), get("410", ""), mine)
        )
    return Candidate(
        patient.id,
        patient.name_last or "",
        patient.name_first or "",
        patient.date_of_birth or "",
        patient.birth_surname or "",
        because,
        accession.number_of(session, facility_id, patient.id) if facility_id else "",
        tuple(tumors),
    )


def facilities(session: Session, actor: Actor) -> list[tuple[int, str]]:
    """Gives the facilities at which the actor may begin a case, by name: (id, name and number)."""
    query = select(Facility).where(Facility.active).order_by(Facility.name)
    if actor.facility_id is not None:
        query = query.where(Facility.id == actor.facility_id)
    return [(f.id, f"{f.name} ({f.number})") for f in session.scalars(query)]


def faults(start: CaseStart) -> list[str]:
    """Gives everything that keeps a case from being begun, in words."""
    found = []
    if start.kind not in KINDS:
        found.append("choose new patient, new primary, same tumor or history only")
    if start.kind == NEW_PATIENT and not (start.person.last and start.person.first):
        found.append("2230 and 2240: a new patient needs a last and a first name")
    if start.kind in (NEW_PRIMARY, SAME_TUMOR) and start.patient_id is None:
        found.append("choose the patient")
    if start.kind == SAME_TUMOR and start.tumor_id is None:
        found.append("choose the tumor")
    if not start.items.get(610):
        found.append("610 class of case is needed: answer the questions")
    contact = start.items.get(580, "")
    if parse_date(contact).earliest is None:
        what = contact_question(start.items.get(610, ""))
        found.append(f"580 is needed with its year ({what}): it gives the year of the accession number")
    if not start.items.get(501):
        found.append("501 is needed: how was the case found?")
    for number in start.items:
        item = known(number)
        if item is None or len(start.items[number]) > item.length:
            found.append(f"{number} does not fit")
    return found


def begin(session: Session, actor: Actor, start: CaseStart, *, today: date | None = None) -> Started:
    """Begins a case in suspense with its numbers, dates and flag; every fault of what was given in one error."""
    if found := faults(start):
        raise RegistryError(
            "usage", "the case cannot begin: " + "; ".join(found), hint="complete these and begin again"
        )
    if actor.facility_id not in (None, start.facility_id):
        raise RegistryError("not-found", "there is no such facility for your account")
    facility = session.get(Facility, start.facility_id)
    if facility is None:
        raise RegistryError("not-found", f"there is no facility {start.facility_id}")
    accession.lock(session, facility.id)
    patient = _patient(session, actor, start, facility)
    if start.kind == SAME_TUMOR and (own := _own_abstract(session, start, facility)):
        return Started(own.id, patient.id, own.accession_number or "", own.sequence_hospital or "", created=False)
    record = _record(session, patient, facility, start.person, actor)
    tumor = session.get(Tumor, start.tumor_id) if start.kind == SAME_TUMOR else None
    if tumor is None:
        tumor = Tumor(patient_id=patient.id, items={})
        session.add(tumor)
        session.flush()
    elif tumor.patient_id != patient.id:
        raise RegistryError("usage", "this tumor is another patient's", hint="choose the patient again")
    earliest = parse_date(start.items[580]).earliest
    assert earliest is not None
    number = accession.give(session, facility.id, patient.id, year=earliest.year, who=actor.username)
    every = _items(session, actor, start, facility, tumor, number, today or date.today())
    items = {n: value for n, value in every.items() if not is_text(int(n))}
    abstract = Abstract(
        record_id=record.id,
        tumor_id=tumor.id,
        facility_id=facility.id,
        tumor_record_number=_next_record_number(session, record),
        items=items,
        status=SUSPENSE,
    )
    for column, value in fitted(Abstract, abstract_columns(items)).items():
        setattr(abstract, column, value)
    abstract.texts = [AbstractText(item=int(n), text=value) for n, value in every.items() if n not in items]
    session.add(abstract)
    session.flush()
    what = {"kind": start.kind, "accession": number, "tumor": tumor.id}
    audit.append(session, CHAIN, abstract.id, "begin", what, who=actor.username, version=abstract.version_id)
    session.expire(record, ["abstracts"])
    session.expire(tumor, ["abstracts"])
    session.expire(patient, ["tumors", "records"])
    refresh_tumor(session, tumor, who=actor.username, why="case begun")
    numbering.renumber(session, patient, facility.id, who=actor.username, begun=True)
    return Started(abstract.id, patient.id, number, abstract.sequence_hospital or "")


def _patient(session: Session, actor: Actor, start: CaseStart, facility: Facility) -> Patient:
    if start.patient_id is not None:
        patient = session.scalars(
            select(Patient).where(Patient.id == start.patient_id, visible(Patient, actor))
        ).one_or_none()
        if patient is None:
            raise RegistryError("not-found", f"there is no patient {start.patient_id}, or none that you may see")
        return patient
    if twin := _twin(session, start.person, facility):
        return twin
    patient = Patient(items={})
    session.add(patient)
    session.flush()
    return patient


def _twin(session: Session, person: Person, facility: Facility) -> Patient | None:
    """The very same person, made at this facility between the search and now: same names and birth date, no other number."""
    if not person.born:
        return None
    query = (
        select(Patient)
        .join(PatientRecord, PatientRecord.patient_id == Patient.id)
        .join(Source, PatientRecord.source_id == Source.id)
        .where(Source.facility_id == facility.id, Patient.date_of_birth == person.born)
        .where(Patient.name_last_key == name_key(person.last), Patient.name_first_key == name_key(person.first))
        .order_by(Patient.id)
    )
    for patient in session.scalars(query):
        if not (person.ssn and patient.ssn and person.ssn != patient.ssn):
            return patient
    return None


def _own_abstract(session: Session, start: CaseStart, facility: Facility) -> Abstract | None:
    query = select(Abstract).where(Abstract.tumor_id == start.tumor_id, Abstract.facility_id == facility.id)
    return session.scalars(query.order_by(Abstract.id)).first()


def _record(session: Session, patient: Patient, facility: Facility, person: Person, actor: Actor) -> PatientRecord:
    source = session.scalars(select(Source).where(Source.facility_id == facility.id).order_by(Source.id)).first()
    if source is None:
        source = Source(facility_number=facility.number, facility_id=facility.id)
        session.add(source)
        session.flush()
    own = select(PatientRecord).where(PatientRecord.patient_id == patient.id, PatientRecord.source_id == source.id)
    if record := session.scalars(own.order_by(PatientRecord.id)).first():
        return record
    number = _next_patient_number(session, source)
    other = {
        n: v for r in patient.records for n, v in r.items.items() if is_patient_level(int(n)) and n not in ("20", "21")
    }
    if actor.facility_id is not None:
        # what other facilities say stays theirs
        other = {}
    typed = {2230: person.last, 2240: person.first, 2232: person.birth_surname, 240: person.born, 2320: person.ssn}
    items = {"20": number, **other} | {str(n): value for n, value in typed.items() if value}
    record = PatientRecord(patient_id=patient.id, source_id=source.id, patient_id_number=number, items=items)
    session.add(record)
    session.flush()
    audit.append(session, "patient_record", record.id, "begin", {"patient": patient.id}, who=actor.username, version=1)
    session.expire(patient, ["records"])
    refresh_patient(session, patient, who=actor.username, why="case begun")
    return record


def _next_patient_number(session: Session, source: Source) -> str:
    query = select(func.max(PatientRecord.patient_id_number)).where(
        PatientRecord.source_id == source.id,
        func.length(PatientRecord.patient_id_number) == 8,
        PatientRecord.patient_id_number >= "0",
        PatientRecord.patient_id_number <= "99999999",
    )
    found = session.execute(query, execution_options={"see_loading": True}).scalar() or "0"
    return f"{int(found) + 1 if found.isdigit() else 1:08d}"


def _next_record_number(session: Session, record: PatientRecord) -> str:
    taken = session.scalars(select(Abstract.tumor_record_number).where(Abstract.record_id == record.id)).all()
    return f"{max((int(n) for n in taken if n.isdigit()), default=0) + 1:02d}"


def _items(
    session: Session, actor: Actor, start: CaseStart, facility: Facility, tumor: Tumor, number: str, today: date
) -> dict[str, str]:
    items: dict[int, str] = {}
    if start.copy_from is not None:
        source = session.scalars(
            select(Abstract).where(Abstract.id == start.copy_from, visible(Abstract, actor))
        ).one_or_none()
        if source is not None:
            items |= copying.copied(records.all_items(source), start.answers, copy_home(session))
    if start.kind == SAME_TUMOR and actor.facility_id is None:
        items |= {n: tumor.items[str(n)] for n in (390, 400, 410, 522, 523) if tumor.items.get(str(n))}
    items |= {n: value for n, value in start.items.items() if value}
    if start.person.mrn:
        items.setdefault(2300, start.person.mrn)
    code = items.get(610, "")
    items |= {540: facility.number, 550: number, 570: initials(actor), 2085: today.strftime("%Y%m%d")}
    if facility.npi:
        items[545] = facility.npi
    items[2152] = accredited_flag(code, accredited=facility.accredited)
    return {str(n): value for n, value in sorted(items.items()) if value}


def copy_home(session: Session) -> Path | None:
    """Gives the data folder whose copy policy is in force: None where there is no store's or its file cannot be read."""
    settings = session.info.get("settings")
    home = settings.home if settings is not None else None
    return None if copy_fault(session) else home


def copy_fault(session: Session) -> str:
    """Gives what is wrong with the site's copy policy, "" when it is in force or there is none."""
    settings = session.info.get("settings")
    try:
        copying.policies(settings.home if settings is not None else None)
    except RegistryError as error:
        return f"{error.message} ({error.where})" if error.where else error.message
    return ""


def initials(actor: Actor) -> str:
    """Gives item 570 for an account: the initials of its name, else the first three letters of the account."""
    words = actor.full_name.split()
    letters = "".join(word[0] for word in words[:3]) if len(words) > 1 else actor.username[:3]
    return letters.upper()[:3]
