"""Changes returned to facilities: what the registry came to know otherwise than the facility sent it, since the last return.

Sent is what the facility's own account said before anybody edited it here; known is the consolidated value. A value goes
back once. What rests on a source that may not reach a return file (the National Death Index, unless the rule set of its
file allows it) is held back and counted, never told.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from abstracting.naaccr.items import dictionary
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.export import EDITING_VERSION
from registry.exchange.outgoing import new_token, place_of
from registry.followup.disclosure import RETURN_FILE, withheld
from registry.items import known
from registry.models import Abstract, Facility, PatientRecord, Revision
from registry.models.followup import ValueSource
from registry.models.state import CHANGES
from registry.state.returning import Note, Returned, item_name, numbered, write_lines, write_returned
from registry.state.transmissions import Sent, last_moments, send, values_told

PERSON, TUMOR = "person", "tumor"
EDITED = "change"
"""What the audit chain calls a save by a person here."""

CHUNK = 500
HEADER = (
    "Facility",
    "Accession number",
    "Patient ID",
    "Tumor record",
    "Last name",
    "First name",
    "Date of birth",
    "Group",
    "Item",
    "Item ID",
    "Item name",
    "Sent",
    "Registry",
    "Source",
)
KEYS = (550, 20, 60, 2230, 2240, 240)


@dataclass(frozen=True)
class Group:
    """A group of items that are told of, and the account that holds them."""

    id: str
    title: str
    account: str
    items: tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """One item that the registry knows otherwise than the facility sent it."""

    item: int
    sent: str
    now: str
    group: str
    source: str


@dataclass(frozen=True)
class ChangedCase:
    """One abstract of the facility with what changed."""

    abstract_id: int
    patient_id: int
    record_id: int
    own: Mapping[int, str]
    changes: tuple[Change, ...]


@dataclass
class FacilityChanges:
    """A facility, the cases with changes since its last return, and how many values are held back."""

    facility_id: int
    number: str
    name: str
    cases: list[ChangedCase] = field(default_factory=list)
    held_back: int = 0
    last: datetime | None = None

    @property
    def values(self) -> int:
        return sum(len(case.changes) for case in self.cases)

    def of_group(self, group: str) -> int:
        """How many values of one group go back."""
        return sum(1 for case in self.cases for change in case.changes if change.group == group)


@cache
def groups() -> tuple[Group, ...]:
    """Gives the groups of items that are told of."""
    text = (files("registry.state") / "data" / "returned_items.toml").read_text(encoding="utf-8")
    return tuple(
        Group(row["id"], row["title"], row["account"], tuple(row["items"])) for row in tomllib.loads(text)["group"]
    )


def changes(session: Session, *, number: str = "") -> list[FacilityChanges]:
    """Gives by facility what would go back now; of one facility, or of all that have any."""
    moments = last_moments(session, CHANGES)
    query = select(Facility).order_by(Facility.name, Facility.number)
    if number:
        query = query.where(Facility.number == number)
    found = []
    for facility in session.scalars(query).all():
        line = FacilityChanges(facility.id, facility.number, facility.name, last=moments.get(facility.number))
        for case in _cases(session, facility, line):
            line.cases.append(case)
        if number or line.cases or line.held_back:
            found.append(line)
    return found


def _cases(session: Session, facility: Facility, line: FacilityChanges) -> Iterator[ChangedCase]:
    told = {
        "abstract": values_told(session, CHANGES, facility.number, "abstract"),
        "patient_record": values_told(session, CHANGES, facility.number, "patient_record"),
    }
    ids = _candidates(session, facility.id)
    told_persons: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        part = session.scalars(
            select(Abstract)
            .where(Abstract.id.in_(ids[start : start + CHUNK]))
            .options(
                joinedload(Abstract.record).joinedload(PatientRecord.patient),
                joinedload(Abstract.tumor),
            )
            .order_by(Abstract.id)
        ).all()
        records = {abstract.record_id for abstract in part}
        as_sent = {
            "abstract": _before_edits(session, "abstract", {a.id for a in part}),
            "patient_record": _before_edits(session, "patient_record", records),
        }
        patients = {abstract.record.patient_id for abstract in part}
        held = withheld(session, patients, RETURN_FILE)
        said = _sources(session, patients)
        for abstract in part:
            record = abstract.record
            found = _compare(
                TUMOR,
                abstract.items | as_sent["abstract"].get(abstract.id, {}),
                abstract.tumor.items,
                told["abstract"].get(abstract.id, {}),
            )
            # the person is told of with the first of their cases at this facility
            if record.id not in told_persons:
                told_persons.add(record.id)
                person = _compare(
                    PERSON,
                    record.items | as_sent["patient_record"].get(record.id, {}),
                    record.patient.items,
                    told["patient_record"].get(record.id, {}),
                )
                kept = held.get(record.patient_id, set())
                line.held_back += sum(1 for change in person if change.item in kept)
                found = [
                    Change(c.item, c.sent, c.now, c.group, said.get((record.patient_id, c.item), c.source))
                    for c in person
                    if c.item not in kept
                ] + found
            if found:
                own = numbered(record.items) | numbered(abstract.items)
                yield ChangedCase(abstract.id, record.patient_id, record.id, own, tuple(found))
        session.expunge_all()


def _candidates(session: Session, facility_id: int) -> list[int]:
    """The abstracts whose tumor or person the registry can know otherwise: another account tells too, or it was edited here."""
    other, another = aliased(Abstract), aliased(PatientRecord)
    query = (
        select(Abstract.id)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(
            Abstract.facility_id == facility_id,
            or_(
                exists().where(other.tumor_id == Abstract.tumor_id, other.id != Abstract.id),
                exists().where(another.patient_id == PatientRecord.patient_id, another.id != PatientRecord.id),
                exists().where(Revision.chain == "abstract", Revision.row_id == Abstract.id, Revision.action == EDITED),
                exists().where(
                    Revision.chain == "patient_record", Revision.row_id == PatientRecord.id, Revision.action == EDITED
                ),
            ),
        )
        .order_by(Abstract.id)
    )
    return list(session.scalars(query))


def _compare(account: str, sent: Mapping[str, str], now: Mapping[str, str], told: Mapping[str, str]) -> list[Change]:
    found = []
    for group in groups():
        if group.account != account:
            continue
        for item in group.items:
            key = str(item)
            value, theirs = now.get(key, ""), sent.get(key, "")
            if value and value != told.get(key, theirs):
                found.append(Change(item, theirs, value, group.id, "consolidated"))
    return found


def _before_edits(session: Session, chain: str, ids: set[int]) -> dict[int, dict[str, str]]:
    """By row the values that the facility sent, of items that were edited here since its last report."""
    query = (
        select(Revision.row_id, Revision.action, Revision.changes)
        .where(Revision.chain == chain, Revision.row_id.in_(ids), Revision.action.in_((EDITED, "import")))
        .order_by(Revision.number)
    )
    found: dict[int, dict[str, str]] = {}
    for row_id, action, changed in session.execute(query):
        values = found.setdefault(row_id, {})
        for item, both in changed.items():
            if not (isinstance(both, list) and len(both) == 2):
                continue
            if action == "import":
                values.pop(item, None)
            else:
                values.setdefault(item, both[0] or "")
    return found


def _sources(session: Session, patients: set[int]) -> dict[tuple[int, int], str]:
    query = (
        select(ValueSource.patient_id, ValueSource.item, ValueSource.source)
        .where(ValueSource.patient_id.in_(patients), ValueSource.withdrawn_at.is_(None))
        .order_by(ValueSource.id)
    )
    return {(patient, item): source for patient, item, source in session.execute(query)}


def return_to(store: Store, number: str, *, who: str, purpose: str) -> int:
    """Writes a facility's changes since its last return as CSV and NAACCR XML, logs them, and gives the number."""
    with store.reading() as session:
        line = next(iter(changes(session, number=number)), None)
    if line is None or not line.cases:
        raise RegistryError("no-cases", "nothing changed for this facility since the last return")
    token = new_token(store)
    table, records = (place_of(store, token, f"changes-{number}{suffix}") for suffix in (".csv", ".xml"))
    write_lines(table, HEADER, (row for case in line.cases for row in _rows(line, case)))
    write_returned(records, "change", (_record(case) for case in line.cases))
    return send(
        store,
        [table, records],
        kind=CHANGES,
        recipient=number,
        facility_id=line.facility_id,
        rows=_sent(line.cases),
        who=who,
        purpose=purpose,
        records=len(line.cases),
        details={"values": line.values, "held back": line.held_back},
    )


def _sent(cases: list[ChangedCase]) -> list[Sent]:
    rows = []
    for case in cases:
        for account, table, row in ((TUMOR, "abstract", case.abstract_id), (PERSON, "patient_record", case.record_id)):
            items = {str(c.item): c.now for c in case.changes if _account(c.item) == account}
            if items:
                rows.append(Sent(table, row, items=items))
    return rows


@cache
def _account(item: int) -> str:
    return next(group.account for group in groups() if item in group.items)


def _record(case: ChangedCase) -> Returned:
    """The facility's own keys with the registry's values of what changed; nothing else of the person."""
    keys = {number: case.own[number] for number in (*KEYS, 540, 2300) if case.own.get(number)}
    notes = tuple(
        Note("change", change.group, change.source, change.item, change.sent, change.now) for change in case.changes
    )
    return Returned(keys | {change.item: change.now for change in case.changes}, notes)


def _rows(line: FacilityChanges, case: ChangedCase) -> Iterator[list[object]]:
    titles = {group.id: group.title for group in groups()}
    keys = [case.own.get(number, "") for number in KEYS]
    for change in case.changes:
        item = dictionary(EDITING_VERSION).by_number(change.item) or known(change.item)
        yield [
            line.name,
            *keys,
            titles[change.group],
            change.item,
            item.id if item else "",
            item_name(change.item),
            change.sent,
            change.now,
            change.source,
        ]
