"""Case lists: any item as filter or column, sorted and paged, of tumors as the registry knows them or of accounts.

An account bound to a facility lists its own facility's accounts, and only those are filtered, sorted and counted. Who may
not see persons filters by no confidential item and gets such columns masked; confidential is what NAACCR leaves out of
record type I (the incidence record), and free text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Integer, Select, cast, func, null, select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.items import is_text, known
from registry.models import Abstract, AbstractText, Facility, Patient, PatientRecord, Tumor
from registry.security.permissions import Actor, Refused, visible
from registry.selection import ABSTRACTS, OF_ABSTRACTS, TUMORS, Condition, Ground, clause, parse
from registry.views.labels import item_of
from registry.views.patient import IDENTIFYING

DEFAULT_COLUMNS = ("patient", "born", "sex", "site", "morphology", "390", "stage", "vital", "facility", "accession")
SPECIAL = ("patient", "born", "morphology")
"""Columns that are more than one item: the name, the birth date (its year where masked), histology with behavior."""

MOST_COLUMNS = 40
MASK = "···"
UNITS = {"tumors": "tumors, as the registry knows them", "abstracts": "abstracts, each facility's own account"}


@dataclass(frozen=True)
class Definition:
    """What a list shows: conditions, columns, order (`-name` descending) and whether its rows are tumors or abstracts."""

    conditions: tuple[str, ...] = ()
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    sort: str = ""
    unit: str = "tumors"

    def as_dict(self) -> dict[str, Any]:
        """The definition as it is saved."""
        return {
            "conditions": list(self.conditions),
            "columns": list(self.columns),
            "sort": self.sort,
            "unit": self.unit,
        }

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Definition:
        """Reads a saved definition."""
        return cls(
            tuple(saved.get("conditions", ())),
            tuple(saved.get("columns", ())) or DEFAULT_COLUMNS,
            saved.get("sort", ""),
            saved.get("unit", "tumors") if saved.get("unit") in UNITS else "tumors",
        )


@dataclass(frozen=True)
class CaseRow:
    """One row: where it leads, and the plain value of every column as this reader may see it."""

    patient_id: int
    tumor_id: int
    abstract_id: int | None
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CasePage:
    """One page of a list: rows, how many there are in all, whether more follow, and whether persons were masked."""

    rows: list[CaseRow]
    total: int
    more: bool
    masked: bool
    unit: str


def is_confidential(name: str) -> bool:
    """Whether a column or condition tells who somebody is: not in NAACCR's incidence record, or free text."""
    number = item_of(name)
    if name in ("patient", "accession"):
        return True
    item = known(number) if number is not None else None
    return item is not None and (number in IDENTIFYING or "I" not in item.record_types or is_text(item.number))


def check(actor: Actor, definition: Definition) -> list[Condition]:
    """Reads a definition's conditions; unknown names and columns are errors, confidential filters may be refused."""
    conditions = parse(definition.conditions)
    unknown = [name for name in definition.columns if name not in SPECIAL and not _is_name(name)]
    if unknown:
        raise RegistryError("selection", f"no column is named {', '.join(unknown)}", hint="choose an item or a name")
    if len(definition.columns) > MOST_COLUMNS:
        raise RegistryError(
            "selection", f"{len(definition.columns)} columns are too many to read", hint=f"at most {MOST_COLUMNS}"
        )
    refuse_confidential(actor, conditions)
    return conditions


def refuse_confidential(actor: Actor, conditions: Iterable[Condition]) -> None:
    """Refuses conditions on what tells who somebody is to those who may not see it."""
    if not actor.may("cases.identify"):
        names = [c.name for c in conditions if is_confidential(c.name)]
        if names:
            raise Refused(f"Filtering by {', '.join(names)} would tell who somebody is, which your role does not see.")


def _is_name(name: str) -> bool:
    from registry.selection import names

    return name in names() or item_of(name) is not None


def ground(actor: Actor, unit: str) -> Ground:
    """Gives what a list stands on: an account bound to a facility sees its own accounts alone."""
    return ABSTRACTS if actor.facility_id is not None or unit == "abstracts" else TUMORS


def source(place: Ground, actor: Actor, conditions: Iterable[Condition], *columns: Any) -> Select[Any]:
    """Gives the query of the rows that the actor sees and the conditions hold."""
    if place is TUMORS:
        query = select(*columns).select_from(Tumor).join(Patient, Tumor.patient_id == Patient.id)
        query = query.where(visible(Tumor, actor))
    else:
        query = select(*columns).select_from(Abstract).join(PatientRecord, Abstract.record_id == PatientRecord.id)
        query = query.outerjoin(Facility, Abstract.facility_id == Facility.id).where(visible(Abstract, actor))
    return query.where(*(clause(condition, place) for condition in conditions))


def count(session: Session, actor: Actor, conditions: Iterable[Condition], *, unit: str = "tumors") -> int:
    """Gives how many rows the conditions hold."""
    return session.scalar(source(ground(actor, unit), actor, conditions, func.count())) or 0


def rows(
    session: Session,
    actor: Actor,
    definition: Definition,
    *,
    page: int = 1,
    size: int = 50,
    identified: bool = True,
) -> CasePage:
    """Gives one page of a list; `identified` false masks persons whoever asks (what leaves without a purpose)."""
    conditions = check(actor, definition)
    place = ground(actor, definition.unit)
    key = Tumor.id if place is TUMORS else Abstract.id
    order = _order(place, definition)
    # ids first, values afterwards: a sort that carries every column along costs much more
    ids = list(
        session.scalars(
            source(place, actor, conditions, key).order_by(*order).offset((page - 1) * size).limit(size + 1)
        )
    )
    revealed = actor.revealed if identified else frozenset()
    identified = identified and actor.may("cases.identify")
    found = _values(session, actor, place, definition.columns, ids[:size], identified, revealed)
    many = count(session, actor, conditions, unit=definition.unit)
    return CasePage(found, many, len(ids) > size, not identified, place.name)


def every_row(
    session: Session, actor: Actor, definition: Definition, *, chunk: int = 1000
) -> Iterator[tuple[list[str], str]]:
    """Gives all rows of a list as (values in the order of the columns, the row's own number), as this reader sees them."""
    conditions = check(actor, definition)
    place = ground(actor, definition.unit)
    key = Tumor.id if place is TUMORS else Abstract.id
    ids = list(session.scalars(source(place, actor, conditions, key).order_by(*_order(place, definition))))
    identified = actor.may("cases.identify")
    for start in range(0, len(ids), chunk):
        for row in _values(session, actor, place, definition.columns, ids[start : start + chunk], identified):
            yield [row.values[name] for name in definition.columns], str(row.abstract_id or row.tumor_id)


def _order(place: Ground, definition: Definition) -> list[Any]:
    key = (Tumor.patient_id, Tumor.id) if place is TUMORS else (Abstract.record_id, Abstract.id)
    name = definition.sort.lstrip("-")
    if not name or name not in definition.columns or is_text(item_of(name) or 0):
        return list(key)
    columns = _sort_columns(place, name)
    # blanks come last whichever way: they are what nobody looks for first
    blank = [(columns[0].is_(None)), *([] if isinstance(columns[0].type, Integer) else [columns[0] == ""])]
    down = definition.sort.startswith("-")
    return [*blank, *(column.desc() if down else column.asc() for column in columns), *key]


def _sort_columns(place: Ground, name: str) -> list[Any]:
    if name == "patient":
        if place is TUMORS:
            return [Patient.name_last_key, Patient.name_first_key]
        return [place.item(2230), place.item(2240)]
    if name == "born":
        return [place.item(240)]
    if name == "morphology":
        return [place.column("histology"), place.column("behavior")]
    if place is TUMORS and name in OF_ABSTRACTS:
        inner = select(func.min(OF_ABSTRACTS[name])).select_from(Abstract)
        inner = inner.outerjoin(Facility, Abstract.facility_id == Facility.id).where(Abstract.tumor_id == Tumor.id)
        return [inner.correlate(Tumor).scalar_subquery()]
    return [place.column(name)]


def _parts(place: Ground, name: str) -> list[Any]:
    """Gives the SQL expressions that a column is made of; none for what comes from other rows."""
    if name == "patient":
        return [place.item(2230), place.item(2240)]
    if name == "born":
        return [place.item(240)]
    if name == "morphology":
        return [place.column("histology"), place.column("behavior")]
    if (place is TUMORS and name in OF_ABSTRACTS) or is_text(item_of(name) or 0):
        return []
    if name == "facility":
        return [Facility.name]
    return [place.column(name)]


def _values(
    session: Session,
    actor: Actor,
    place: Ground,
    columns: Iterable[str],
    ids: list[int],
    identified: bool,
    revealed: frozenset[int] = frozenset(),
) -> list[CaseRow]:
    columns = list(dict.fromkeys(columns))
    parts = {name: _parts(place, name) for name in columns}
    if place is TUMORS:
        keys = [Tumor.id, Tumor.patient_id, Tumor.id, cast(null(), Integer)]
    else:
        keys = [Abstract.id, PatientRecord.patient_id, Abstract.tumor_id, Abstract.id]
    flat = [part for name in columns for part in parts[name]]
    query = source(place, actor, (), *keys, *flat).where(keys[0].in_(ids))
    others = {name: _of_other_rows(session, actor, place, name, ids) for name in columns if not parts[name]}
    found = {}
    for row in session.execute(query):
        values, at = {}, len(keys)
        for name in columns:
            texts = ["" if value is None else str(value) for value in row[at : at + len(parts[name])]]
            at += len(texts)
            plain = _joined(name, texts) if parts[name] else others[name].get(row[0], "")
            open_ = identified or row[1] in revealed
            values[name] = plain if open_ else masked(name, plain)
        found[row[0]] = CaseRow(row[1], row[2], row[3], values)
    return [found[number] for number in ids if number in found]


def _joined(name: str, texts: list[str]) -> str:
    if name == "patient":
        return ", ".join(text for text in texts if text)
    if name == "morphology":
        return "/".join(texts) if texts[1] else texts[0]
    return texts[0]


def masked(name: str, value: str) -> str:
    """Gives a value as it is shown to who may not see persons: a birth date keeps its year, what is confidential is hidden."""
    if not value:
        return ""
    if name == "patient":
        return " ".join(f"{part[0]}···" for part in value.replace(",", " ").split())
    if name == "born" or item_of(name) == 240:
        return value[:4]
    return MASK if is_confidential(name) else value


def _of_other_rows(session: Session, actor: Actor, place: Ground, name: str, ids: list[int]) -> dict[int, str]:
    """Gives by row what its abstracts say (facility, class, …) or its text blocks hold."""
    number = item_of(name)
    if number is not None and is_text(number):
        owner = Abstract.tumor_id if place is TUMORS else Abstract.id
        query = select(owner, AbstractText.text).join(Abstract, AbstractText.abstract_id == Abstract.id)
        query = query.where(owner.in_(ids), AbstractText.item == number).order_by(Abstract.id)
    else:
        column: Any = Facility.name if name == "facility" else OF_ABSTRACTS[name]
        query = select(Abstract.tumor_id, column).outerjoin(Facility, Abstract.facility_id == Facility.id)
        query = query.where(Abstract.tumor_id.in_(ids)).order_by(Abstract.id)
    found: dict[int, dict[str, None]] = {}
    for row_id, value in session.execute(query.where(visible(Abstract, actor))):
        if value not in (None, ""):
            found.setdefault(row_id, {})[str(value)] = None
    return {row_id: ", ".join(values) for row_id, values in found.items()}
