"""Cases by death certificate only: what the certificate says as an abstract with reporting source 7 and class of case 49.

Site and histology are what the cause of death becomes in ICD-O-3; diagnosis and first contact are the day of death, as the
standard asks of such cases. The values of the death carry the redisclosure rule of the file that brought it. The certificate
is an account like any other: at home in a person of its own, and linked by a decision where the death was matched with a
registered person, so that unlinking takes it out again.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.codes.icd import convert
from abstracting.errors import AbstractingError
from registry import audit
from registry.config import Settings
from registry.errors import RegistryError
from registry.exchange.writing import LOADED, RECEIVED
from registry.followup.matching import SEXES
from registry.linkage import decisions
from registry.linkage.consolidate import refresh_patient, refresh_tumor
from registry.models import Abstract, Patient, PatientRecord, Source, Tumor, now
from registry.models.followup import OutsideFile, ValueSource
from registry.models.state import DCO, DeathNotice
from registry.projection import abstract_columns, fitted, patient_columns, tumor_columns
from registry.state.clearance import decide, open_notice

SOURCE = "Death certificates"
FIELDS = {"last": 2230, "first": 2240, "middle": 2250, "suffix": 2270, "maiden": 2232, "dob": 240, "ssn": 2320}
ADDRESS = {"address": 2330, "city": 70, "zip": 100, "state": 80}
TOLD = (1750, 1760, 1910, 1920, 2380)


def make_case(session: Session, number: int, *, settings: Settings, who: str, why: str = "") -> Abstract:
    """Makes the case of a death that nobody could tell more of; a cause that names no tumor in ICD-O-3 is an error."""
    notice = open_notice(session, number)
    tumor_items = _tumor(notice, settings)
    person = _person(notice)
    source = session.scalars(
        select(Source).where(Source.registry_id == "", Source.facility_number == "", Source.name == SOURCE)
    ).one_or_none()
    if source is None:
        source = Source(name=SOURCE)
        session.add(source)
    known = _registered(session, notice)
    patient = Patient(items=dict(person), **fitted(Patient, patient_columns(person)))
    session.add(patient)
    record = PatientRecord(patient=patient, source=source, patient_id_number=notice.token, items=person)
    tumor = Tumor(patient=patient, items=dict(tumor_items), **fitted(Tumor, tumor_columns(tumor_items)))
    abstract = Abstract(
        record=record,
        tumor=tumor,
        tumor_record_number="01",
        items=tumor_items,
        **fitted(Abstract, abstract_columns(tumor_items)),
    )
    session.add_all([record, tumor, abstract])
    session.flush()
    told = f"death certificate {notice.token}" + (f": {why.strip()}" if why.strip() else "")
    for chain, row in (("patient_record", record), ("abstract", abstract)):
        changes = {item: ["", value] for item, value in row.items.items()}
        audit.append(session, chain, row.id, "certificate", changes, who=who, why=told, version=row.version_id)
    rule = session.get_one(OutsideFile, notice.file_id)
    for item in TOLD:
        if value := person.get(str(item), ""):
            session.add(
                ValueSource(
                    patient_id=patient.id,
                    item=item,
                    value=value,
                    source=rule.title,
                    redisclosure=rule.redisclosure,
                    who=who,
                )
            )
    session.flush()
    session.expire(patient, ["records", "tumors"])
    refresh_patient(session, patient, who=who, why=told)
    refresh_tumor(session, tumor, who=who, why=told)
    if known is not None:
        decisions.link(session, (known, record.id), who=who, why=told)
    notice.patient_id = record.patient_id
    decide(session, notice, DCO, who=who, why=why, abstract_id=abstract.id)
    return abstract


def _registered(session: Session, notice: DeathNotice) -> int | None:
    """The first account of the registered person whose death this is."""
    if not notice.patient_id:
        return None
    query = select(PatientRecord.id).where(PatientRecord.patient_id == notice.patient_id)
    return session.scalars(query.order_by(PatientRecord.id).limit(1)).first()


def _person(notice: DeathNotice) -> dict[str, str]:
    content = notice.content
    items = {20: notice.token, 1750: notice.day, 1760: "0", 1910: content.get("cause", "") or notice.cause}
    items |= {number: content.get(name, "") for name, number in FIELDS.items()}
    items[225] = SEXES.get(content.get("sex", "").upper(), content.get("sex", "")) or "9"
    items[1920] = content.get("icd_revision", "") or "1"
    items[2380] = content.get("certificate", "")[:6]
    return {str(number): value for number, value in sorted(items.items()) if value}


def _tumor(notice: DeathNotice, settings: Settings) -> dict[str, str]:
    if notice.content.get("icd_revision", "") == "9":
        raise RegistryError(
            "item-value",
            f"the cause {notice.cause} is of ICD-9 and is not turned into a case by itself",
            hint="abstract the case by hand, with reporting source 7 and class of case 49",
        )
    try:
        coded = convert("10", notice.cause[:4])
    except AbstractingError as error:
        raise RegistryError("item-value", error.message, hint="correct the cause in the death file") from error
    if not coded.candidates:
        raise RegistryError("item-value", f"the cause {notice.cause} becomes no tumor in ICD-O-3", hint="close it")
    one = coded.chosen or coded.candidates[0]
    day, today = notice.day, f"{now().astimezone():%Y%m%d}"
    content = notice.content
    items = {60: "01", 390: day, 580: day, 400: one.site, 522: one.histology, 523: one.behavior or "3"}
    items |= {410: one.laterality or "9", 490: "9", 500: "7", 610: "49", 380: "00", 760: ""}
    items |= {number: content.get(name, "") for name, number in ADDRESS.items()}
    items[80] = items[80] or settings.registry_state
    items[90] = "999"
    if settings.central:
        items |= {int(RECEIVED): today, int(LOADED): today}
    born = content.get("dob", "")
    if len(born) == 8 and len(day) == 8 and (born + day).isdigit():
        items[230] = f"{int(day[:4]) - int(born[:4]) - (day[4:] < born[4:]):03d}"
    return {str(number): value for number, value in sorted(items.items()) if value}
