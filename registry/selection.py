"""Selections of cases: conditions on any item, written the same way on the command line, in saved lists and in links.

`year=2018-2020`, `site=C50*,C619`, `behavior=3`, `county!=12086`, `390<=2020`, `primarySite=C341`, `race=99,blank`,
`2570=*carcinoma*`: a name (alias, item number or XML id), an operator and a value; a value is a list of codes, ranges `a-b`,
prefixes `x*`, words `*x*` anywhere, and `blank`. An upper bound holds what begins with it (`390<=2020` the whole of 2020);
digits are filled up to the item's length (`age=70-80`). Conditions are joined by "and". Here they become SQL on the store:
on the registry's knowledge (`TUMORS`) or on the accounts of facilities (`ABSTRACTS`), which is all that a reader bound to a
facility may see. `registry.analysis.cohort` applies the same conditions to the snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    not_,
    null,
    or_,
    select,
)

from registry.errors import RegistryError
from registry.exchange.tables import item_number
from registry.items import is_patient_level, is_text, known
from registry.models import Abstract, AbstractText, Facility, Patient, PatientRecord, Tumor
from registry.projection import ANALYSIS_SEX

OPERATORS = ("!=", ">=", "<=", "=")
BLANK = "blank"
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
    "import": Abstract.batch_id,
}
"""Names that ask whether the tumor has an abstract like this."""

RECODE, SITE_RECODE = "recode", "site_recode_2008"
"""The site group of SEER's site recode (ICD-O-3/WHO 2008), worked out in the query."""

ITEM_OF = {
    "site": 400,
    "histology": 522,
    "behavior": 523,
    "state": 80,
    "age": 230,
    "sequence": 380,
    "race": 160,
    "vital": 1760,
    "facility": 540,
    "class": 610,
    "accession": 550,
}
"""The item behind a name, where one item is behind it."""


def names() -> list[str]:
    """Gives every name that is no item."""
    return [*ALIASES, RECODE, *OF_ABSTRACTS]


@dataclass(frozen=True)
class Condition:
    """One condition: the name as given, the operator, and the value's parts."""

    name: str
    operator: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{','.join(self.parts)}"

    @property
    def item(self) -> int | None:
        """The item that the condition asks about; None for what is derived (year, county, stage, …)."""
        return ITEM_OF.get(self.name) if self.name in names() else item_number(self.name)


def parse(texts: Iterable[str]) -> list[Condition]:
    """Reads conditions; all that cannot be read are named in one error."""
    conditions, faults = [], []
    for text in texts:
        match = _SHAPE.match(text)
        name = match.group(1) if match else ""
        if not match or not match.group(3):
            faults.append(f"{text!r} is no condition")
        elif name not in names() and item_number(name) is None:
            faults.append(f"{name!r} is neither a name nor an item")
        else:
            parts = tuple(part.strip() for part in match.group(3).split(",") if part.strip())
            if parts:
                conditions.append(Condition(name, match.group(2), parts))
            else:
                faults.append(f"{text!r} has no value")
    if faults:
        raise RegistryError(
            "selection",
            "; ".join(faults),
            hint=f"write NAME=VALUE with NAME one of {', '.join(names())}, an item number or an XML id",
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


# --- what a name means in SQL -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """Where a selection stands: the rows' items of person and tumor, and the columns behind the names."""

    name: str
    person: Any
    tumor: Any
    aliases: Callable[[], Mapping[str, Any]]

    def column(self, name: str) -> Any:
        """Gives the SQL expression of a name or item of one row; text blocks and names of other rows have none."""
        if name in (aliases := self.aliases()):
            return aliases[name]
        number = item_number(name)
        assert number is not None
        return self.item(number)

    def item(self, number: int) -> Any:
        """Gives the SQL expression of an item of one row."""
        return (self.person if is_patient_level(number) else self.tumor)[str(number)].as_string()


def _recode_rows(site: Any, histology: Any) -> list[tuple[str, ColumnElement[bool]]]:
    """Gives (code, condition) of each row of the site recode's table; no tumor meets two rows of different codes."""
    from abstracting.recodes import sources
    from abstracting.recodes.tables import recode

    def inside(column: Any, cell: str) -> ColumnElement[bool]:
        # codes of one length are compared as text: a malformed one stops no query
        return or_(*(column.between(low, high) for low, high in sources.split_ranges(cell)))

    rows = []
    for row in sources.read_rows(f"{recode(SITE_RECODE).table}.csv"):
        asked = []
        for column, axis in ((site, "site"), (histology, "hist")):
            # in this table an inclusion makes the exclusion of the same row void
            if row[f"{axis}_in"]:
                asked.append(inside(column, row[f"{axis}_in"]))
            elif row[f"{axis}_out"]:
                asked.append(not_(inside(column, row[f"{axis}_out"])))
        rows.append((row["recode"], and_(*asked)))
    return rows


def _recode(site: Any, histology: Any) -> ColumnElement[str]:
    """The site recode as one CASE; what cannot be read as codes is unknown."""
    from abstracting.recodes.tables import recode

    unknown = recode(SITE_RECODE).unknown
    readable = func.coalesce(and_(func.length(site) == 4, func.length(histology) == 4), false())
    return case((not_(readable), unknown), *((hit, code) for code, hit in _recode_rows(site, histology)), else_=unknown)


def _of_recode(condition: Condition, ground: Ground) -> ColumnElement[bool]:
    """Asks for site groups by the rows of their codes alone: a tenth of the work of the whole CASE."""
    from abstracting.recodes.tables import recode

    table = recode(SITE_RECODE)
    codes = set(condition.parts)
    if condition.operator not in ("=", "!=") or table.unknown in codes or not codes <= set(table.labels):
        return _compare(ground.column(RECODE), condition)
    site, histology = ground.column("site"), ground.column("histology")
    rows = [hit for code, hit in _recode_rows(site, histology) if code in codes]
    hit = and_(func.length(site) == 4, func.length(histology) == 4, or_(*rows))
    return hit if condition.operator == "=" else not_(func.coalesce(hit, false()))


@cache
def _of_tumors() -> dict[str, Any]:
    return ALIASES | {RECODE: _recode(Tumor.primary_site, Tumor.histology)}


@cache
def _of_abstracts() -> dict[str, Any]:
    """The names as one facility's own account has them: nothing that another facility reported is looked at."""
    from abstracting.codes import places
    from abstracting.recodes.stage import ERAS, summary_stage_combined

    def tumor(number: int) -> Any:
        return Abstract.items[str(number)].as_string()

    def person(number: int) -> Any:
        return PatientRecord.items[str(number)].as_string()

    year = case((tumor(390).regexp_match("^[0-9]{4}"), cast(func.substr(tumor(390), 1, 4), Integer)), else_=null())
    states = {code: places.state_fips(code) for code in places.state().codes if places.state_fips(code)}
    at_diagnosis = func.coalesce(tumor(89), tumor(90))
    elsewhere = at_diagnosis == places.OUTSIDE_STATE
    stages, after = [], 0
    for era in ERAS:
        for item in era.items:
            codes = {str(c): summary_stage_combined(era.last, {item: str(c)})[0] for c in range(10)}
            asked = and_(year > after, year <= era.last, tumor(int(item)) != "")
            stages.append((asked, case(codes, value=tumor(int(item)), else_="9")))
        after = era.last
    sex = case(
        (person(225) != "", case({"1": "1", "2": "2"}, value=person(225), else_="9")),
        (person(220) != "", case(ANALYSIS_SEX, value=person(220), else_="9")),
    )
    return {
        "site": tumor(400),
        "histology": tumor(522),
        "behavior": tumor(523),
        "year": year,
        "county": case((elsewhere, null()), else_=case(states, value=tumor(80)) + at_diagnosis),
        "state": tumor(80),
        "stage": case(*stages),
        "age": tumor(230),
        "sequence": tumor(380),
        "sex": sex,
        "race": person(160),
        "vital": person(1760),
        RECODE: _recode(tumor(400), tumor(522)),
        **OF_ABSTRACTS,
    }


TUMORS = Ground("tumors", Patient.items, Tumor.items, _of_tumors)
ABSTRACTS = Ground("abstracts", PatientRecord.items, Abstract.items, _of_abstracts)


def clause(condition: Condition, ground: Ground = TUMORS) -> ColumnElement[bool]:
    """Gives the SQL of one condition; of abstracts, the row's own account and person's record are asked."""
    if condition.name in OF_ABSTRACTS and ground is TUMORS:
        inside = _compare(OF_ABSTRACTS[condition.name], condition)
        query = select(Abstract.id).outerjoin(Facility, Abstract.facility_id == Facility.id)
        return exists(query.where(Abstract.tumor_id == Tumor.id, inside))
    if condition.name == RECODE:
        return _of_recode(condition, ground)
    if (number := condition.item) is not None and is_text(number):
        return _of_text(number, condition, ground)
    return _compare(ground.column(condition.name), condition)


def _of_text(number: int, condition: Condition, ground: Ground) -> ColumnElement[bool]:
    """A text block: has it these words, or is it blank; text has no order."""
    if condition.operator not in ("=", "!="):
        raise RegistryError("selection", f"text has no order: {condition}", hint="use = or !=", exit_code=2)
    query = select(AbstractText.item).where(AbstractText.item == number)
    if ground is TUMORS:
        query = query.join(Abstract, AbstractText.abstract_id == Abstract.id).where(Abstract.tumor_id == Tumor.id)
    else:
        query = query.where(AbstractText.abstract_id == Abstract.id)
    hits = []
    for part in condition.parts:
        if part == BLANK:
            hits.append(not_(exists(query)))
        else:
            hits.append(exists(query.where(AbstractText.text.icontains(part.strip("*"), autoescape=True))))
    return or_(*hits) if condition.operator == "=" else not_(or_(*hits))


def _compare(column: Any, condition: Condition) -> ColumnElement[bool]:
    numeric = isinstance(column.type, Integer)

    def value(text: str) -> Any:
        return _value(text, condition, numeric)

    if condition.operator == ">=":
        return column >= value(condition.parts[0])
    if condition.operator == "<=":
        return _up_to(column, value(condition.parts[0]), numeric)
    hit = or_(*(_part(column, part, value, numeric) for part in condition.parts))
    if condition.operator == "=":
        return hit
    return not_(hit) if BLANK in condition.parts else or_(not_(hit), column.is_(None))


def _part(column: Any, part: str, value: Callable[[str], Any], numeric: bool) -> ColumnElement[bool]:
    if part == BLANK:
        return column.is_(None) if numeric else or_(column.is_(None), column == "")
    if part.endswith("*"):
        text = cast(column, String) if numeric else column
        if part.startswith("*"):
            return text.icontains(part.strip("*"), autoescape=True)
        return text.startswith(value(part[:-1]) if not numeric else part[:-1], autoescape=True)
    low, dash, high = part.partition("-")
    if dash and low and high:
        return and_(column >= value(low), _up_to(column, value(high), numeric))
    return column == value(part)


def _up_to(column: Any, value: Any, numeric: bool) -> ColumnElement[bool]:
    # what begins with an upper bound is inside it: 2020 holds 20201231, C59 holds C599
    return column <= value if numeric else or_(column <= value, column.startswith(value, autoescape=True))


def _value(text: str, condition: Condition, numeric: bool) -> Any:
    if numeric:
        if not text.lstrip("-").isdigit():
            raise RegistryError("selection", f"{text!r} is no number", exit_code=2)
        return int(text)
    number = condition.item
    item = known(number) if number is not None else None
    if number == ITEM_OF["site"]:
        return text.upper().replace(".", "")
    if item is not None and item.padding == "leftZero" and text.isdigit():
        return text.zfill(item.length)
    return text
