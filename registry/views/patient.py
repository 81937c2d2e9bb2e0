"""One person as a page shows them: tumors, each facility's account beside the others, treatments, time line, history.

An account bound to a facility sees the person through its own facility's accounts alone: what consolidation makes of these
by its rules and the choices among them. What the registry knows from elsewhere is neither shown nor told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, selectinload

from registry.consolidation.accounts import choices_of
from registry.consolidation.refreshing import consolidate_patient, consolidate_tumor, rules_of
from registry.consolidation.stories import explain_rows
from registry.consolidation.values import PATIENT, TUMOR
from registry.errors import RegistryError
from registry.models import Abstract, Patient, PatientRecord, Revision
from registry.security.permissions import Actor, visible

PATIENT_ITEMS = (2230, 2240, 2250, 2232, 240, 225, 220, 160, 190, 2320, 2300, 1760, 1750, 1910, 2330, 70, 80, 90, 100)
"""Items of the person that are compared between sources, in their order."""

TUMOR_ITEMS = (390, 400, 410, 522, 523, 3843, 3844, 490, 500, 610, 580, 764, 759, 756, 1001, 1002, 1003, 1004, 1860)
"""Items of the tumor that are compared between facilities, in their order."""

IDENTIFYING = frozenset({2230, 2240, 2250, 2232, 2390, 2320, 2300, 2330, 2355, 2335, 2350, 2360, 240, 100, 70, 550, 20})
"""Items that are masked for readers who may not see who a person is."""

EVENTS = (
    (580, "First contact", (610,), "contact"),
    (390, "Diagnosis", (400, 522), "diagnosis"),
    (1200, "Surgery", (1291, 1290), "treatment"),
    (1210, "Radiation", (1506, 1570), "treatment"),
    (1220, "Chemotherapy", (1390,), "treatment"),
    (1230, "Hormone therapy", (1400,), "treatment"),
    (1240, "Biological response modifier", (1410,), "treatment"),
    (1860, "Recurrence", (1880,), "diagnosis"),
)
"""Dated items of a tumor for the time line: date, title, items that say more, kind."""

HISTORY_ROWS = 200


@dataclass(frozen=True)
class TreatmentLine:
    """One course of treatment."""

    modality: str
    code: str
    date_started: str
    course: str
    at_this_facility: bool


@dataclass(frozen=True)
class AbstractView:
    """One facility's account of one tumor."""

    id: int
    facility: str
    accession: str
    sequence: str
    class_of_case: str
    date_of_first_contact: str
    status: str
    version: int
    updated_at: datetime
    items: dict[int, str]
    texts: dict[int, str]
    treatments: tuple[TreatmentLine, ...]


@dataclass(frozen=True)
class Compared:
    """One item as the registry holds it and as each account has it; `differs` where the accounts disagree."""

    number: int
    value: str
    values: tuple[str, ...]
    differs: bool
    why: str = ""


@dataclass(frozen=True)
class Event:
    """One event of a tumor or person: the coded date, what it was, the codes that say more as (item, value)."""

    date: str
    title: str
    codes: tuple[tuple[int, str], ...]
    kind: str
    tumor_id: int | None = None


@dataclass(frozen=True)
class TumorView:
    """One primary with its abstracts."""

    id: int
    number: int
    items: dict[int, str]
    abstracts: tuple[AbstractView, ...]
    compared: tuple[Compared, ...]


@dataclass(frozen=True)
class RevisionLine:
    """One save: what changed, as (item, old, new), by whom, why and when."""

    chain: str
    row_id: int
    number: int
    action: str
    who: str
    why: str
    at: datetime
    changes: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class PatientView:
    """One person with everything that the actor may see of them."""

    id: int
    items: dict[int, str]
    sources: tuple[str, ...]
    compared: tuple[Compared, ...]
    tumors: tuple[TumorView, ...]
    events: tuple[Event, ...]
    history: tuple[RevisionLine, ...]

    @property
    def name_last(self) -> str:
        """The last name."""
        return self.items.get(2230, "")

    @property
    def name_first(self) -> str:
        """The first name."""
        return self.items.get(2240, "")


def standing(session: Session, patient_id: int) -> int:
    """Gives the number under which a person stands now: another one where linkage brought its reports together."""
    merged = select(Patient.merged_into_id).where(Patient.id == patient_id)
    return session.scalar(merged, execution_options={"see_merged": True}) or patient_id


def load(session: Session, actor: Actor, patient_id: int) -> PatientView:
    """Gives the person; one that is not there and one that may not be seen are the same `not-found`."""
    patient = session.scalars(select(Patient).where(Patient.id == patient_id, visible(Patient, actor))).one_or_none()
    if patient is None:
        raise RegistryError("not-found", f"there is no patient {patient_id}, or none that you may see")
    abstracts = list(
        session.scalars(
            select(Abstract)
            .join(PatientRecord, Abstract.record_id == PatientRecord.id)
            .where(PatientRecord.patient_id == patient_id, visible(Abstract, actor))
            .options(
                selectinload(Abstract.texts),
                selectinload(Abstract.treatments),
                selectinload(Abstract.facility),
                selectinload(Abstract.record).selectinload(PatientRecord.source),
                selectinload(Abstract.tumor),
            )
            .order_by(Abstract.id)
        )
    )
    bound = actor.facility_id is not None
    records = list({a.record_id: a.record for a in abstracts}.values()) if bound else list(patient.records)
    known = {} if bound else {tumor.id: tumor.items for tumor in patient.tumors}
    tumors = [_told(session, tumor, abstracts) for tumor in _tumors(session, abstracts, known)]
    items = _numbered(_of_records(session, records) if bound else patient.items)
    sources = tuple(source_name(record) for record in records)
    return PatientView(
        id=patient.id,
        items=items,
        sources=sources,
        compared=_compare(items, [_numbered(r.items) for r in records], PATIENT_ITEMS),
        tumors=tuple(tumors),
        events=tuple(_events(items, tumors)),
        history=tuple(history(session, patient_id, abstracts, bound=bound)),
    )


def source_name(record: PatientRecord) -> str:
    """Gives where a report came from: the facility, or what the source calls itself."""
    source = record.source
    return (source.facility.name if source.facility else "") or source.name or source.facility_number or "unspecified"


def _of_records(session: Session, records: list[PatientRecord]) -> Mapping[str, str]:
    """The person as some accounts alone make it up."""
    choices = choices_of(session, PATIENT, [record.id for record in records])
    return consolidate_patient(records, rules=rules_of(session), choices=choices)


def _of_abstracts(session: Session, abstracts: list[Abstract]) -> Mapping[str, str]:
    """The tumor as some accounts alone make it up."""
    choices = choices_of(session, TUMOR, [abstract.id for abstract in abstracts])
    return consolidate_tumor(abstracts, rules=rules_of(session), choices=choices)


def _numbered(items: Mapping[str, str]) -> dict[int, str]:
    return {int(number): value for number, value in items.items()}


def _tumors(session: Session, abstracts: list[Abstract], known: Mapping[int, Mapping[str, str]]) -> list[TumorView]:
    """The tumors of abstracts; `known` has the items of those that the reader sees as the registry knows them."""
    grouped: dict[int, list[Abstract]] = {tumor_id: [] for tumor_id in known}
    for abstract in abstracts:
        grouped.setdefault(abstract.tumor_id, []).append(abstract)
    views = []
    for tumor_id, accounts in grouped.items():
        items = _numbered(known[tumor_id] if tumor_id in known else _of_abstracts(session, accounts))
        compared = _compare(items, [_numbered(a.items) for a in accounts], TUMOR_ITEMS)
        views.append((items.get(390, "9"), tumor_id, items, tuple(_abstract(a) for a in accounts), compared))
    views.sort(key=lambda view: (view[0], view[1]))
    return [TumorView(t, n, items, accounts, compared) for n, (_, t, items, accounts, compared) in enumerate(views, 1)]


def _told(session: Session, tumor: TumorView, abstracts: list[Abstract]) -> TumorView:
    """The tumor with the reason of each value on which the accounts that may be seen differ."""
    accounts = [abstract for abstract in abstracts if abstract.tumor_id == tumor.id]
    if len(accounts) < 2 or not any(row.differs for row in tumor.compared):
        return tumor
    told = {story.item: story.sentence for story in explain_rows(session, TUMOR, accounts)}
    compared = tuple(replace(row, why=told.get(row.number, "")) if row.differs else row for row in tumor.compared)
    return replace(tumor, compared=compared)


def _abstract(abstract: Abstract) -> AbstractView:
    treatments = tuple(
        TreatmentLine(t.modality, t.code or "", t.date_started or "", t.course, t.at_this_facility)
        for t in abstract.treatments
    )
    return AbstractView(
        id=abstract.id,
        facility=abstract.facility.name if abstract.facility else source_name(abstract.record),
        accession=abstract.accession_number or "",
        sequence=abstract.sequence_hospital or "",
        class_of_case=abstract.class_of_case or "",
        date_of_first_contact=abstract.date_of_first_contact or "",
        status=abstract.status,
        version=abstract.version_id,
        updated_at=abstract.updated_at,
        items=_numbered(abstract.items),
        texts={text.item: text.text for text in abstract.texts},
        treatments=treatments,
    )


def _compare(items: dict[int, str], accounts: list[dict[int, str]], numbers: Iterable[int]) -> tuple[Compared, ...]:
    rows = []
    for number in numbers:
        values = tuple(account.get(number, "") for account in accounts)
        if items.get(number) or any(values):
            given = {value for value in values if value}
            rows.append(Compared(number, items.get(number, ""), values, len(given) > 1))
    return tuple(rows)


def _events(person: dict[int, str], tumors: list[TumorView]) -> list[Event]:
    found = []
    for tumor in tumors:
        for date_item, title, details, kind in EVENTS:
            if date := tumor.items.get(date_item, ""):
                codes = tuple((n, tumor.items[n]) for n in details if tumor.items.get(n))
                found.append(Event(date, title, codes, kind, tumor.id))
        for abstract in tumor.abstracts:
            for line in abstract.treatments:
                if line.date_started:
                    found.append(Event(line.date_started, line.modality.capitalize(), (), "treatment", tumor.id))
    if last := person.get(1750, ""):
        dead = person.get(1760) in {"0", "4"}
        codes = ((1910, person[1910]),) if dead and person.get(1910) else ()
        found.append(Event(last, "Death" if dead else "Last contact, alive", codes, "death" if dead else "contact"))
    return sorted(found, key=lambda event: (event.date, event.kind != "diagnosis"))


def history(
    session: Session, patient_id: int, abstracts: list[Abstract], *, bound: bool, limit: int = HISTORY_ROWS
) -> list[RevisionLine]:
    """Gives the saves of a person's rows, newest first; a bound account sees those of its own abstracts."""
    rows = [and_(Revision.chain == "abstract", Revision.row_id.in_([a.id for a in abstracts]))]
    if not bound:
        rows.append(and_(Revision.chain == "patient", Revision.row_id == patient_id))
        rows.append(and_(Revision.chain == "tumor", Revision.row_id.in_({a.tumor_id for a in abstracts})))
    query = select(Revision).where(or_(*rows)).order_by(Revision.at.desc(), Revision.id.desc()).limit(limit)
    return [revision_line(revision) for revision in session.scalars(query)]


def revision_line(revision: Revision) -> RevisionLine:
    """Gives a revision as pages show it; what is no item (a batch's summary, a grant) gives no changes."""
    changes: list[tuple[int, str, str]] = []
    for number, pair in revision.changes.items():
        if number.isdigit() and isinstance(pair, list) and len(pair) == 2:
            changes.append((int(number), *(_text(value) for value in pair)))  # type: ignore[arg-type]
    return RevisionLine(
        revision.chain,
        revision.row_id,
        revision.number,
        revision.action,
        revision.who,
        revision.why,
        revision.at,
        tuple(sorted(changes)),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
