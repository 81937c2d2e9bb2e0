"""Keeping the masters: physicians, facilities, and the counties and years declared population-based; every change is sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import String, select
from sqlalchemy.orm import Session

from abstracting.codes import places
from registry import audit
from registry.errors import RegistryError
from registry.exchange.masters import is_valid_npi
from registry.models import Facility, Physician, PopulationArea

PHYSICIAN_FIELDS = (
    "name_last",
    "name_first",
    "npi",
    "number",
    "specialty",
    "address",
    "city",
    "state",
    "postal_code",
    "phone",
    "active",
)
FACILITY_FIELDS = ("name", "npi", "city", "state", "county", "kind", "reference_date", "accredited", "active")
FIRST_YEAR, LAST_YEAR = 1900, 2100
LEAST_COMPLETENESS = 0.5
"""Under this nobody would call an area population-based; a smaller figure is most likely a fraction typed as percent."""


def npi_warning(npi: str) -> str:
    """Gives what is wrong with an NPI in words; empty where nothing is, or there is none."""
    if not npi or is_valid_npi(npi):
        return ""
    if len(npi) != 10 or not npi.isdigit():
        return f"{npi} is no NPI: it has ten digits"
    return f"the check digit of NPI {npi} is wrong: a digit may be mistyped"


def save_physician(
    session: Session, values: Mapping[str, str], *, who: str, number: int | None = None, version: int | None = None
) -> Physician:
    """Makes or changes a physician; an NPI or number that another one has is an error, a wrong check digit is not."""
    row = _row(session, Physician, number, version) if number is not None else Physician()
    wanted = _fields(Physician, PHYSICIAN_FIELDS, values)
    if not (wanted["name_last"] or wanted["npi"] or wanted["number"]):
        raise RegistryError("item-value", "a physician needs a name, an NPI or a number", hint="give one of them")
    for key in ("npi", "number"):
        if wanted[key] and (other := _other(session, Physician, key, wanted[key], row.id)):
            name = f"{other.name_last}, {other.name_first}".strip(", ") or "a physician without a name"
            raise RegistryError("item-value", f"{name} has the {key} {wanted[key]} already", hint="open that one")
    return _apply(session, "physician", row, wanted, who)


def save_facility(
    session: Session, values: Mapping[str, str], *, who: str, number: int | None = None, version: int | None = None
) -> Facility:
    """Makes or changes a facility; its number (540) is its identity in files and stays as it was given first."""
    wanted = _fields(Facility, FACILITY_FIELDS, values)
    if not wanted["name"]:
        raise RegistryError("item-value", "a facility needs a name", hint="give one")
    if wanted["county"] and not _is_county(wanted["county"]):
        raise RegistryError("item-value", f"{wanted['county']!r} is no county", hint="give five digits, as 12086")
    if number is not None:
        return _apply(session, "facility", _row(session, Facility, number, version), wanted, who)
    code = values.get("number", "").strip()
    if not code or len(code) > 10:
        raise RegistryError(
            "item-value", "a facility needs a number (item 540) of up to ten characters", hint="give one"
        )
    if _other(session, Facility, "number", code, None):
        raise RegistryError("item-value", f"there is a facility {code} already", hint="open that one")
    return _apply(session, "facility", Facility(number=code), wanted | {"number": code}, who)


def _row(session: Session, model: Any, number: int, version: int | None) -> Any:
    row = session.get(model, number)
    if row is None:
        raise RegistryError("not-found", f"there is no {model.__tablename__} {number}")
    if version is not None and version != row.version_id:
        raise RegistryError(
            "conflict", f"somebody saved this {model.__tablename__} meanwhile", hint="open it again and compare"
        )
    return row


def _other(session: Session, model: Any, key: str, value: str, own: int | None) -> Any:
    query = select(model).where(getattr(model, key) == value)
    return session.scalars(query if own is None else query.where(model.id != own)).first()


def _fields(model: Any, names: Sequence[str], values: Mapping[str, str]) -> dict[str, Any]:
    """Reads a form's fields: trimmed, yes-or-no columns by presence, all that are too long named in one error."""
    found: dict[str, Any] = {}
    faults = []
    for name in names:
        column = model.__table__.columns[name]
        if column.type.python_type is bool:
            found[name] = bool(values.get(name))
            continue
        text = " ".join(str(values.get(name, "")).split())
        if name == "state":
            text = text.upper()
        if isinstance(column.type, String) and column.type.length and len(text) > column.type.length:
            faults.append(f"{name.replace('_', ' ')} holds {len(text)} characters, at most {column.type.length} fit")
        found[name] = text if text or not column.nullable else None
    if faults:
        raise RegistryError("item-value", "; ".join(faults), hint="shorten them and save again")
    return found


def _apply(session: Session, chain: str, row: Any, wanted: dict[str, Any], who: str) -> Any:
    fresh = row.id is None
    changed = {
        name: [getattr(row, name) if not fresh else None, value]
        for name, value in wanted.items()
        if fresh or getattr(row, name) != value
    }
    for name, value in wanted.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    if changed:
        audit.append(session, chain, row.id, "create" if fresh else "change", changed, who=who, version=row.version_id)
    return row


# --- population-based areas -----------------------------------------------------------------------------------------------


def _is_county(code: str) -> bool:
    return len(code) == 5 and places.is_county(places.state_of_fips(code[:2]), code[2:]) and code[2:] < "998"


def counties_of(text: str) -> list[str]:
    """Reads counties: five digits each, or two letters of a state for all of its counties; unknown ones are named."""
    from geo.counties import county_names

    found: dict[str, None] = {}
    unknown = []
    for word in text.replace(",", " ").replace(";", " ").split():
        fips = places.state_fips(word) if len(word) == 2 else ""
        if fips:
            found.update(dict.fromkeys(code for code in county_names() if code.startswith(fips)))
        elif _is_county(word):
            found[word] = None
        else:
            unknown.append(word)
    if unknown or not found:
        what = f"no county is {', '.join(unknown)}" if unknown else "no county was named"
        raise RegistryError("item-value", what, hint="give five digits as 12086, or FL for all counties of a state")
    return list(found)


def declare(
    session: Session, counties: Sequence[str], *, year_from: int, year_to: int, completeness: float, who: str
) -> list[PopulationArea]:
    """Declares counties population-based for a span of years with their completeness (0 to 1); overlaps are errors."""
    if not (FIRST_YEAR <= year_from <= year_to <= LAST_YEAR):
        raise RegistryError("item-value", f"{year_from} to {year_to} is no span of years", hint="the first year first")
    if not LEAST_COMPLETENESS <= completeness <= 1:
        raise RegistryError(
            "item-value", f"a completeness of {completeness:.1%} cannot be declared", hint="give percent, as 97"
        )
    query = select(PopulationArea).where(
        PopulationArea.county.in_(counties), PopulationArea.year_from <= year_to, PopulationArea.year_to >= year_from
    )
    if held := session.scalars(query.order_by(PopulationArea.county)).all():
        names = ", ".join(f"{area.county} {area.year_from}-{area.year_to}" for area in held[:10])
        raise RegistryError(
            "item-value", f"declared already: {names}", hint="withdraw that declaration first, or choose other years"
        )
    made = []
    for county in counties:
        area = PopulationArea(
            county=county, year_from=year_from, year_to=year_to, completeness=completeness, declared_by=who
        )
        session.add(area)
        session.flush()
        changes = {
            "county": ["", county],
            "years": ["", f"{year_from}-{year_to}"],
            "completeness": ["", str(completeness)],
        }
        audit.append(session, "population_area", area.id, "create", changes, who=who)
        made.append(area)
    return made


def withdraw(session: Session, number: int, *, who: str, why: str = "") -> None:
    """Withdraws a declaration: rates are not computed there any more."""
    area = session.get(PopulationArea, number)
    if area is None:
        raise RegistryError("not-found", f"there is no declaration {number}")
    changes = {
        "county": [area.county, ""],
        "years": [f"{area.year_from}-{area.year_to}", ""],
        "completeness": [str(area.completeness), ""],
    }
    audit.append(session, "population_area", area.id, "remove", changes, who=who, why=why)
    session.delete(area)
