"""From incoming patients to rows: what is prepared without the database, what is looked up, what is inserted.

Everything slow (fingerprints, projections) happens in `prepare`, before the transaction; `classify` tells new from known;
`write_plan` inserts new rows under the batch and holds changes of known rows back for the flip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, tuple_
from sqlalchemy.orm import Session

from abstracting.values import name_key
from registry.exchange import masters
from registry.exchange.incoming import IncomingPatient, IncomingTumor, Rejected, Values, digest, has_control
from registry.items import is_text
from registry.models import UNSPECIFIED, Abstract, AbstractText, ImportChange, Patient, PatientRecord, Tumor
from registry.projection import abstract_columns, fitted, patient_columns, tumor_columns

if TYPE_CHECKING:
    from registry.exchange.importer import Report

SourceKey = tuple[str, str, str]
"""(registry 40, facility 540, name); the name only where both numbers are blank."""

RECEIVED, LOADED = "2111", "2112"
"""Dates case report received and loaded: a central registry's own, which no later version of a case replaces."""


@dataclass
class TumorUnit:
    """One tumor record on its way: where it came from, its content, and what became of it."""

    row: int
    number: str
    items: dict[str, str]
    texts: dict[int, str]
    digest: str
    facility: str
    parts: dict[str, int] = field(default_factory=dict)
    fate: str = ""
    abstract_id: int | None = None


@dataclass
class RecordUnit:
    """One source's account of one person with its tumors."""

    source: SourceKey
    number: str
    items: dict[str, str]
    digest: str
    row: int
    tumors: list[TumorUnit] = field(default_factory=list)
    record_id: int | None = None
    patient_id: int | None = None
    fate: str = ""


@dataclass
class Plan:
    """What one chunk will do, and what is remembered from chunk to chunk (sources, masters, keys seen in a dry run)."""

    report: Report
    source: str = ""
    facility: str = ""
    people: list[list[RecordUnit]] = field(default_factory=list)
    masters: masters.Masters = field(default_factory=masters.Masters)
    seen: dict[tuple[SourceKey, str], dict[str, str]] = field(default_factory=dict)
    sources: set[SourceKey] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    stamps: dict[str, str] = field(default_factory=dict)
    """Items that new abstracts get where their source gives none: the dates received and loaded of a central registry."""

    def sources_said(self) -> str:
        """Names the sources that the records came from, as the report says it."""
        return ", ".join(sorted(" ".join(part for part in key if part) for key in self.sources))

    def prepare(self, people: list[IncomingPatient]) -> list[Rejected]:
        """Groups a chunk's records by source and person and computes all that needs no database; gives rejected rows."""
        rejected: list[Rejected] = []
        self.people = []
        merged: dict[tuple[SourceKey, str], RecordUnit] = {}
        for person in people:
            units = self._units(person, rejected)
            fresh = [unit for unit in units if not _merge(merged, unit)]
            if fresh:
                self.people.append(fresh)
        return rejected

    def _units(self, person: IncomingPatient, rejected: list[Rejected]) -> list[RecordUnit]:
        number = person.items.get(20, "").strip()
        if not number or has_control(person.items):
            code, message = _no_patient_id() if not number else _control()
            rejected.append(Rejected("patient", person.row, code, message, _content(person.items)))
            rejected += [
                Rejected("tumor", t.row, code, message, _content(person.items | t.items)) for t in person.tumors
            ]
            return []
        items = {str(n): v for n, v in person.items.items()}
        fingerprint = digest(person.items)
        units: dict[SourceKey, RecordUnit] = {}

        def unit_of(facility: str) -> RecordUnit:
            key = (person.registry_id, facility, "" if person.registry_id or facility else self.source or UNSPECIFIED)
            self.sources.add(key)
            if key not in units:
                units[key] = RecordUnit(key, number, items, fingerprint, person.row)
            return units[key]

        for tumor in person.tumors:
            facility = tumor.items.get(540, "").strip() or self.facility
            unit = unit_of(facility)
            prepared = _tumor_unit(tumor, facility, rejected)
            if prepared is not None:
                unit.tumors.append(prepared)
                _indicate(self, person.items, tumor.items)
        if not person.tumors:
            unit_of(self.facility)
        return list(units.values())

    def classify(self, session: Session, batch_id: int | None) -> list[Rejected]:
        """Looks up which records and tumors are known, and counts each row's fate; gives rows rejected as repeats."""
        rejected: list[Rejected] = []
        units = [unit for person in self.people for unit in person]
        if batch_id is not None:
            self.masters.ensure(session, units)
        source_ids = self.masters.source_ids(session, {unit.source for unit in units})
        keys = [(source_ids[u.source], u.number) for u in units if u.source in source_ids]
        query = select(
            PatientRecord.source_id,
            PatientRecord.patient_id_number,
            PatientRecord.id,
            PatientRecord.patient_id,
            PatientRecord.digest,
        ).where(tuple_(PatientRecord.source_id, PatientRecord.patient_id_number).in_(keys))
        visible = {"see_loading": True}
        known = {(r[0], r[1]): r for r in session.execute(query, execution_options=visible)} if keys else {}
        abstracts: dict[tuple[int, str], Any] = {}
        if known:
            rows = session.execute(
                select(
                    Abstract.record_id, Abstract.tumor_record_number, Abstract.id, Abstract.digest, Abstract.batch_id
                ).where(Abstract.record_id.in_([r[2] for r in known.values()])),
                execution_options=visible,
            )
            abstracts = {(r[0], r[1]): r for r in rows}
        for unit in units:
            row = known.get((source_ids.get(unit.source, -1), unit.number))
            seen = self.seen.setdefault((unit.source, unit.number), {}) if batch_id is None else {}
            self._fate_of_record(unit, row, bool(seen))
            for tumor in unit.tumors:
                found = abstracts.get((row[2], tumor.number)) if row else None
                rejected += self._fate_of_tumor(tumor, found, seen, batch_id)
        return rejected

    def _fate_of_record(self, unit: RecordUnit, row: Any, seen: bool) -> None:
        if row is None:
            unit.fate = "unchanged" if seen else "created"
        else:
            unit.record_id, unit.patient_id = row[2], row[3]
            unit.fate = "unchanged" if row[4] == unit.digest else "updated"
        self.report.count("patient", unit.fate, 1)

    def _fate_of_tumor(
        self, tumor: TumorUnit, found: Any, seen: dict[str, str], batch_id: int | None
    ) -> list[Rejected]:
        earlier = seen.get(tumor.number)
        if (found is not None and found[3] == tumor.digest) or earlier == tumor.digest:
            tumor.fate = "unchanged"
        elif earlier is not None or tumor.fate == "repeat" or (found is not None and found[4] == batch_id is not None):
            tumor.fate = "rejected"
            message = f"tumor record number {tumor.number} comes twice in the file with different content"
            return [Rejected("tumor", tumor.row, "tumor-repeated", message, _content(tumor.items))]
        elif found is not None:
            tumor.fate, tumor.abstract_id = "updated", found[2]
        else:
            tumor.fate = "created"
        seen[tumor.number] = tumor.digest
        for table, rows in {"tumor": 1, **tumor.parts}.items():
            self.report.count(table, tumor.fate, rows)
        return []


def write_plan(session: Session, plan: Plan, batch_id: int) -> None:
    """Inserts the new rows of a chunk under the batch and holds changes of known rows back for the flip."""
    new_people = []
    for person in plan.people:
        known = next((unit.patient_id for unit in person if unit.patient_id is not None), None)
        if known is None:
            new_people.append(person)
        else:
            for unit in person:
                unit.patient_id = unit.patient_id or known
                if unit.fate == "created":
                    session.add(ImportChange(batch_id=batch_id, table_name="patient", row_id=known, items={}))
    _insert_patients(session, new_people, batch_id)
    units = [unit for person in plan.people for unit in person]
    _insert_records(session, plan, [u for u in units if u.fate == "created"], batch_id)
    _insert_tumors(session, plan, [(u, t) for u in units for t in u.tumors if t.fate == "created"], batch_id)
    for unit in units:
        if unit.fate == "updated":
            _hold(session, batch_id, "patient_record", unit.record_id, unit.items, unit.digest)
        for tumor in unit.tumors:
            if tumor.fate == "updated":
                texts = {str(n): text for n, text in tumor.texts.items()}
                _hold(session, batch_id, "abstract", tumor.abstract_id, tumor.items | texts, tumor.digest)


def _hold(session: Session, batch_id: int, table: str, row_id: int | None, items: dict[str, str], mark: str) -> None:
    assert row_id is not None
    session.merge(ImportChange(batch_id=batch_id, table_name=table, row_id=row_id, items=items | {"digest": mark}))


def _ids(session: Session, model: Any, rows: list[dict[str, Any]]) -> list[int]:
    if not rows:
        return []
    return list(session.scalars(insert(model).returning(model.id, sort_by_parameter_order=True), rows))


def _insert_patients(session: Session, people: list[list[RecordUnit]], batch_id: int) -> None:
    rows = []
    for person in people:
        items: dict[str, str] = {}
        for unit in person:
            items = unit.items | items
        rows.append({"batch_id": batch_id, "items": items, **fitted(Patient, patient_columns(items))})
    for person, patient_id in zip(people, _ids(session, Patient, rows)):
        for unit in person:
            unit.patient_id = patient_id


def _insert_records(session: Session, plan: Plan, units: list[RecordUnit], batch_id: int) -> None:
    rows = [
        {
            "batch_id": batch_id,
            "patient_id": unit.patient_id,
            "home_patient_id": unit.patient_id,
            "source_id": plan.masters.sources[unit.source],
            "patient_id_number": unit.number,
            "items": unit.items,
            "digest": unit.digest,
        }
        for unit in units
    ]
    for unit, record_id in zip(units, _ids(session, PatientRecord, rows)):
        unit.record_id = record_id


def _insert_tumors(session: Session, plan: Plan, units: list[tuple[RecordUnit, TumorUnit]], batch_id: int) -> None:
    items = [plan.stamps | tumor.items for _record, tumor in units]
    tumor_rows = [
        {
            "batch_id": batch_id,
            "patient_id": record.patient_id,
            "items": values,
            **fitted(Tumor, tumor_columns(values)),
        }
        for (record, _tumor), values in zip(units, items)
    ]
    tumor_ids = _ids(session, Tumor, tumor_rows)
    abstract_rows = [
        {
            "batch_id": batch_id,
            "record_id": record.record_id,
            "tumor_id": tumor_id,
            "home_tumor_id": tumor_id,
            "facility_id": plan.masters.facilities.get(tumor.facility),
            "tumor_record_number": tumor.number,
            "items": values,
            "digest": tumor.digest,
            **fitted(Abstract, abstract_columns(values)),
        }
        for (record, tumor), values, tumor_id in zip(units, items, tumor_ids)
    ]
    texts = [
        {"abstract_id": abstract_id, "item": number, "text": text}
        for (_record, tumor), abstract_id in zip(units, _ids(session, Abstract, abstract_rows))
        for number, text in tumor.texts.items()
    ]
    if texts:
        session.execute(insert(AbstractText), texts)


def _tumor_unit(tumor: IncomingTumor, facility: str, rejected: list[Rejected]) -> TumorUnit | None:
    number = tumor.items.get(60, "").strip()
    if not number or has_control(tumor.items):
        code, message = _no_tumor_number() if not number else _control()
        rejected.append(Rejected("tumor", tumor.row, code, message, _content(tumor.items)))
        return None
    texts = {n: v for n, v in tumor.items.items() if is_text(n)}
    items = {str(n): v for n, v in tumor.items.items() if n not in texts}
    if facility and "540" not in items:
        items["540"] = facility
    return TumorUnit(tumor.row, number, items, texts, digest(tumor.items), facility, tumor.parts)


def _merge(merged: dict[tuple[SourceKey, str], RecordUnit], unit: RecordUnit) -> bool:
    """Joins a person that comes again in the same chunk to the first coming; gives whether it did."""
    first = merged.setdefault((unit.source, unit.number), unit)
    if first is not unit and first.digest != unit.digest:
        first.items = first.items | unit.items
        first.digest = unit.digest
    target = [] if first is unit else first.tumors
    known = {t.number: t.digest for t in target}
    for tumor in list(unit.tumors):
        if known.get(tumor.number, tumor.digest) != tumor.digest:
            tumor.fate = "repeat"
        known.setdefault(tumor.number, tumor.digest)
        if first is not unit:
            first.tumors.append(tumor)
    return first is not unit


def _indicate(plan: Plan, person: Values, tumor: Values) -> None:
    """Counts what the national limits are about: missing items, death certificates only, and the same tumor again."""
    marks = plan.report.indicators
    marks["tumors"] += 1
    marks["missing_age"] += tumor.get(230, "999") in {"", "999"}
    marks["missing_sex"] += (person.get(225) or person.get(220) or "9") == "9"
    marks["missing_county"] += (tumor.get(90) or "999") in {"998", "999"}
    marks["missing_race"] += (person.get(160) or "99") == "99"
    if _is_incident(tumor):
        marks["incident"] += 1
        marks["death_certificate_only"] += tumor.get(500) == "7"
    if mark := _same_tumor(person, tumor):
        marks["duplicates"] += mark in plan.met
        plan.met.add(mark)
    else:
        marks["duplicates"] += 0


def _is_incident(tumor: Values) -> bool:
    """Whether a tumor counts for the share of death certificates: invasive, or bladder in situ; no common skin cancer."""
    site, behavior = tumor.get(400, ""), tumor.get(523, "")
    common_skin = site.startswith("C44") and "8000" <= tumor.get(522, "") <= "8110"
    return (behavior == "3" or (behavior == "2" and site.startswith("C67"))) and not common_skin


def _same_tumor(person: Values, tumor: Values) -> int:
    """Gives a mark that two records of one facility share when they name the same person, site, kind and year; 0 for none."""
    parts = [name_key(person.get(2230)), name_key(person.get(2240)), person.get(240, ""), tumor.get(400, "")[:3]]
    parts += [tumor.get(522, ""), tumor.get(390, "")[:4]]
    if not all(parts):
        return 0
    return hash((*parts, tumor.get(410, ""), tumor.get(540, ""))) or 1


def _content(items: Any) -> dict[str, Any]:
    return {str(number): str(value).replace("\x00", "\ufffd") for number, value in items.items()}


def _no_patient_id() -> tuple[str, str]:
    return "no-patient-id", "patientIdNumber (20) is blank: the record cannot be told from another person's"


def _no_tumor_number() -> tuple[str, str]:
    return "no-tumor-number", "tumorRecordNumber (60) is blank: the record cannot be told from another tumor's"


def _control() -> tuple[str, str]:
    return "control-character", "a value holds control characters, which no exchange format can carry"
