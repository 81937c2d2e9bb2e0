"""Reports of the store as the matcher reads them: the compared fields of a source's account of a person, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import clean
from registry.models import PatientRecord

if TYPE_CHECKING:
    import pandas as pd

ITEMS: dict[str, tuple[str, ...]] = {
    "first": ("2240",),
    "middle": ("2250",),
    "last": ("2230",),
    "suffix": ("2270",),
    "maiden": ("2232", "2390"),
    "sex": ("225", "220"),
    "dob": ("240",),
    "ssn": ("2320",),
    "address": ("2350",),
    "city": ("1810",),
    "zip": ("1830",),
    "phone": ("2360",),
}
"""Items of each field; the first with a value counts. Medical record numbers are a facility's own and are not compared."""

AT_ONCE = 10_000
"""Reports that one query reads, so that a million of them never stand in memory as objects."""


def fields_of(items: Mapping[str, str]) -> dict[str, str]:
    """Gives the compared fields of an account's items."""
    return {name: next((v for n in of if (v := clean(items.get(n)))), "") for name, of in ITEMS.items()}


def reports(session: Session, ids: Iterable[int] | None = None) -> Iterator[tuple[int, dict[str, str]]]:
    """Gives reports by id with their fields, in the order of their ids: all of them, or those named."""
    query = select(PatientRecord.id, PatientRecord.items).order_by(PatientRecord.id).limit(AT_ONCE)
    named, last = None if ids is None else sorted(set(ids)), 0
    while named is None or named:
        if named is not None:
            part, named = named[:AT_ONCE], named[AT_ONCE:]
            rows = session.execute(query.where(PatientRecord.id.in_(part))).all()
        else:
            rows = session.execute(query.where(PatientRecord.id > last)).all()
            if not rows:
                return
            last = rows[-1][0]
        for number, items in rows:
            yield number, fields_of(items)


def reports_frame(session: Session) -> pd.DataFrame:
    """Gives all reports, one row each: `id` and the compared fields; a text that comes often is kept once."""
    import pandas as pd

    numbers: list[int] = []
    columns: dict[str, list[str]] = {name: [] for name in ITEMS}
    kept: dict[str, str] = {}
    for number, fields in reports(session):
        numbers.append(number)
        for name, value in fields.items():
            columns[name].append(kept.setdefault(value, value))
    return pd.DataFrame({"id": numbers, **columns}, columns=["id", *ITEMS])
