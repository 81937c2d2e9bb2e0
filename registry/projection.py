"""The typed columns as a projection of the items: one function a table, so that a column never says what no item says."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import String

from abstracting.values import clean, name_key, parse_date
from registry.models.base import Base, Items

ANALYSIS_SEX = {"1": "1", "2": "2", "5": "1", "6": "2"}
"""Sex (220) to sex for analysis; every other code is 9. Item 225, where it stands, is taken before 220."""


def _dated(prefix: str, column: str, value: str | None) -> dict[str, Any]:
    date = parse_date(value)
    return {column: value or None, f"{prefix}_earliest": date.earliest, f"{prefix}_latest": date.latest}


@cache
def _lengths(model: type[Base]) -> dict[str, int]:
    return {c.key: c.type.length for c in model.__table__.columns if isinstance(c.type, String) and c.type.length}


def fitted(model: type[Base], columns: dict[str, Any]) -> dict[str, Any]:
    """Gives the columns with None for each text that its column cannot hold: the item keeps it, and an edit speaks of it."""
    lengths = _lengths(model)
    return {
        name: None if isinstance(value, str) and len(value) > lengths.get(name, len(value)) else value
        for name, value in columns.items()
    }


def sex(items: Items) -> str | None:
    """The sex used in filters and rates: 1 male, 2 female, 9 other or unknown; None where no item tells."""
    if value := clean(items.get("225")):
        return value if value in {"1", "2"} else "9"
    if value := clean(items.get("220")):
        return ANALYSIS_SEX.get(value, "9")
    return None


def patient_columns(items: Items) -> dict[str, Any]:
    """Columns of a patient from its items: names with their search keys, birth, last contact, vital status."""
    get = items.get
    birth_surname = get("2232") or get("2390")
    return {
        "name_last": get("2230"),
        "name_first": get("2240"),
        "name_middle": get("2250"),
        "birth_surname": birth_surname,
        "name_last_key": name_key(get("2230")) or None,
        "name_first_key": name_key(get("2240")) or None,
        "birth_surname_key": name_key(birth_surname) or None,
        "ssn": get("2320"),
        "medical_record_number": get("2300"),
        "sex": sex(items),
        "race": get("160"),
        "vital_status": get("1760"),
        "cause_of_death": get("1910"),
        **_dated("birth", "date_of_birth", get("240")),
        **_dated("last_contact", "date_of_last_contact", get("1750")),
    }


def tumor_columns(items: Items) -> dict[str, Any]:
    """Columns of a tumor from its items: what was diagnosed, when, where, how sure, and its combined stage."""
    from abstracting.codes.places import geoid
    from abstracting.recodes.stage import summary_stage_combined

    get = items.get
    diagnosis = parse_date(get("390")).earliest
    year = diagnosis.year if diagnosis else None
    return {
        "primary_site": get("400"),
        "laterality": get("410"),
        "histology": get("522"),
        "behavior": get("523"),
        "diagnosis_year": year,
        "age_at_diagnosis": get("230"),
        "sequence_central": get("380"),
        "state": get("80"),
        "county": geoid(get("80"), get("89") or get("90")) or None,
        "diagnostic_confirmation": get("490"),
        "reporting_source": get("500"),
        "summary_stage": summary_stage_combined(year, items)[0] or None,
        **_dated("diagnosis", "date_of_diagnosis", get("390")),
    }


def abstract_columns(items: Items) -> dict[str, Any]:
    """Columns of an abstract from its items: accession, hospital sequence, class of case, first contact, abstractor."""
    get = items.get
    return {
        "accession_number": get("550"),
        "sequence_hospital": get("560"),
        "class_of_case": get("610"),
        "date_of_first_contact": get("580"),
        "first_contact_earliest": parse_date(get("580")).earliest,
        "abstracted_by": get("570"),
    }
