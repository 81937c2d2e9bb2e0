"""Selections of cases: conditions on any item, written the same way on the command line, in saved lists and in links.

`year=2018-2020`, `site=C50*,C619`, `behavior=3`, `county!=12086`, `390>=2020`, `primarySite=C341`: a name (alias, item number
or XML id), an operator and a value; a value is a list of codes, ranges `a-b` and prefixes `x*`. Conditions are joined by
"and". Here they become SQL on the store; `registry.analysis.cohort` applies the same conditions to the snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, and_, cast, exists, not_, or_, select

from registry.errors import RegistryError
from registry.exchange.tables import item_number
from registry.items import is_patient_level
from registry.models import Abstract, Facility, Patient, Tumor

OPERATORS = ("!=", ">=", "<=", "=")
_SHAPE = re.compile(r"\s*([A-Za-z0-9_]+)\s*(!=|>=|<=|=)\s*(.*?)\s*\Z", re.DOTALL)

ALIASES: dict[str, Any] = {
    "site": Tumor.primary_site,
    "histology": Tumor.histology,
    "behavior": Tumor.behavior,
    "year": Tumor.diagnosis_year,
    "county": Tumor.county,
    "state": Tumor.state,
    "stage": Tumor.summary_stage,
    "age": Tumor.age_at_diagnosis,
    "sequence": Tumor.sequence_central,
    "sex": Patient.sex,
    "race": Patient.race,
    "vital": Patient.vital_status,
}
"""Names of columns that may be used instead of an item number."""

OF_ABSTRACTS = {
    "facility": Facility.number,
    "class": Abstract.class_of_case,
    "accession": Abstract.accession_number,
    "status": Abstract.status,
}
"""Names that ask whether the tumor has an abstract like this."""


@dataclass(frozen=True)
class Condition:
    """One condition: the name as given, the operator, and the value's parts."""

    name: str
    operator: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{','.join(self.parts)}"


def parse(texts: Iterable[str]) -> list[Condition]:
    """Reads conditions; all that cannot be read are named in one error."""
    conditions, faults = [], []
    for text in texts:
        match = _SHAPE.match(text)
        name = match.group(1) if match else ""
        if not match or not match.group(3):
            faults.append(f"{text!r} is no condition")
        elif name not in ALIASES and name not in OF_ABSTRACTS and item_number(name) is None:
            faults.append(f"{name!r} is neither a name nor an item")
        else:
            parts = tuple(part.strip() for part in match.group(3).split(",") if part.strip())
            conditions.append(Condition(name, match.group(2), parts))
    if faults:
        raise RegistryError(
            "selection",
            "; ".join(faults),
            hint=f"write NAME=VALUE with NAME one of {', '.join([*ALIASES, *OF_ABSTRACTS])}, an item number or an XML id",
            exit_code=2,
        )
    return conditions


def tumors(conditions: Iterable[Condition], *, scope: ColumnElement[bool] | None = None) -> Select[Any]:
    """Gives the query of the selected tumors with their patients, in order of patient and tumor number."""
    query = select(Tumor, Patient).join(Patient, Tumor.patient_id == Patient.id)
    for condition in conditions:
        query = query.where(clause(condition))
    if scope is not None:
        query = query.where(scope)
    return query.order_by(Patient.id, Tumor.id)


def clause(condition: Condition) -> ColumnElement[bool]:
    """Gives the SQL of one condition."""
    if condition.name in OF_ABSTRACTS:
        inside = _compare(OF_ABSTRACTS[condition.name], condition)
        query = select(Abstract.id).outerjoin(Facility, Abstract.facility_id == Facility.id)
        return exists(query.where(Abstract.tumor_id == Tumor.id, inside))
    if condition.name in ALIASES:
        return _compare(ALIASES[condition.name], condition)
    number = item_number(condition.name)
    assert number is not None
    owner = Patient if is_patient_level(number) else Tumor
    return _compare(owner.items[str(number)].as_string(), condition)


def _compare(column: Any, condition: Condition) -> ColumnElement[bool]:
    numeric = isinstance(column.type, Integer)
    if condition.operator in (">=", "<="):
        value = _value(condition.parts[0], numeric)
        return column >= value if condition.operator == ">=" else column <= value
    hit = or_(*(_part(column, part, numeric) for part in condition.parts))
    return hit if condition.operator == "=" else or_(not_(hit), column.is_(None))


def _part(column: Any, part: str, numeric: bool) -> ColumnElement[bool]:
    if part.endswith("*"):
        return cast(column, String).like(part[:-1].replace("%", "") + "%")
    low, dash, high = part.partition("-")
    if dash and low and high:
        return and_(column >= _value(low, numeric), column <= _value(high, numeric))
    return column == _value(part, numeric)


def _value(text: str, numeric: bool) -> Any:
    if not numeric:
        return text
    if not text.lstrip("-").isdigit():
        raise RegistryError("selection", f"{text!r} is no number", exit_code=2)
    return int(text)
