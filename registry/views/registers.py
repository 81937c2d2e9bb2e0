"""Ready-made registers, made to be printed: accession register, patient index, primary-site table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from abstracting.recodes.tables import recode
from registry.models import Abstract, Facility, Patient, PatientRecord, Tumor
from registry.security.permissions import Actor, Refused, visible
from registry.selection import ABSTRACTS, SITE_RECODE, parse
from registry.views.lists import source

PAGE = 200
"""Rows of a register on one page: enough that a year prints in a few."""


@dataclass(frozen=True)
class AccessionRow:
    """One line of the accession register."""

    abstract_id: int
    patient_id: int
    tumor_id: int
    accession: str
    sequence: str
    name_last: str
    name_first: str
    medical_record: str
    sex: str
    date_of_birth: str
    primary_site: str
    histology: str
    behavior: str
    date_of_diagnosis: str
    class_of_case: str
    date_of_first_contact: str
    facility: str


@dataclass(frozen=True)
class FacilityChoice:
    """A facility as a filter offers it."""

    number: str
    name: str


def facilities(session: Session, actor: Actor) -> list[FacilityChoice]:
    """Gives the facilities whose abstracts the actor sees, by name."""
    query = select(Facility.number, Facility.name).order_by(Facility.name)
    if actor.facility_id is not None:
        query = query.where(Facility.id == actor.facility_id)
    return [FacilityChoice(*row) for row in session.execute(query)]


def accession_years(session: Session, actor: Actor) -> list[str]:
    """Gives the years that accession numbers begin with, newest first."""
    year = func.substr(Abstract.accession_number, 1, 4)
    query = select(year).where(Abstract.accession_number.is_not(None), visible(Abstract, actor)).distinct()
    return sorted((text for text in session.scalars(query) if text and text.isdigit()), reverse=True)


def accession_register(
    session: Session, actor: Actor, *, facility: str = "", year: str = "", page: int = 1, size: int = PAGE
) -> tuple[list[AccessionRow], bool, int]:
    """Gives one page of the accession register in order of number and sequence, whether more follow, and how many."""
    _identified(actor)
    where = [visible(Abstract, actor), Abstract.accession_number.is_not(None), Abstract.accession_number != ""]
    if facility:
        where.append(Facility.number == facility)
    if year:
        where.append(Abstract.accession_number.startswith(year, autoescape=True))
    base = select(Abstract.id).outerjoin(Facility, Abstract.facility_id == Facility.id).where(*where)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    order = (Abstract.accession_number, Abstract.sequence_hospital, Abstract.id)
    ids = list(session.scalars(base.order_by(*order).offset((page - 1) * size).limit(size + 1)))
    query = (
        select(Abstract, PatientRecord, Facility.name)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
        .where(Abstract.id.in_(ids[:size]))
        .order_by(*order)
    )
    found = []
    for abstract, record, name in session.execute(query):
        person, tumor = record.items.get, abstract.items.get
        found.append(
            AccessionRow(
                abstract.id,
                record.patient_id,
                abstract.tumor_id,
                abstract.accession_number or "",
                abstract.sequence_hospital or "",
                person("2230", ""),
                person("2240", ""),
                tumor("2300", "") or person("2300", ""),
                person("225", "") or person("220", ""),
                person("240", ""),
                tumor("400", ""),
                tumor("522", ""),
                tumor("523", ""),
                tumor("390", ""),
                abstract.class_of_case or "",
                abstract.date_of_first_contact or "",
                name or "",
            )
        )
    return found, len(ids) > size, total


def _identified(actor: Actor) -> None:
    if not actor.may("cases.identify"):
        raise Refused("This register is a list of persons by name, which your role does not see.")


@dataclass(frozen=True)
class IndexedTumor:
    """A tumor in the patient index."""

    id: int
    primary_site: str
    histology: str
    behavior: str
    date_of_diagnosis: str
    accession: str


@dataclass(frozen=True)
class IndexedPatient:
    """A person of the patient index with the tumors that the actor sees."""

    patient_id: int
    name_last: str
    name_first: str
    name_middle: str
    date_of_birth: str
    sex: str
    medical_record: str
    vital_status: str
    date_of_last_contact: str
    tumors: tuple[IndexedTumor, ...]


def patient_index(
    session: Session, actor: Actor, *, letter: str = "", page: int = 1, size: int = PAGE
) -> tuple[list[IndexedPatient], bool]:
    """Gives one page of all persons by name with their tumors; a bound account's are named as its facility named them."""
    _identified(actor)
    bound = actor.facility_id is not None
    key: Any
    first: Any
    if bound:
        last, first = (PatientRecord.items[n].as_string() for n in ("2230", "2240"))
        query = select(PatientRecord.id).where(visible(PatientRecord, actor))
        key = func.upper(last)
    else:
        query = select(Patient.id)
        key, first = Patient.name_last_key, Patient.name_first_key
    if letter:
        query = query.where(key.startswith(letter.upper(), autoescape=True))
    order = (key, first, PatientRecord.id if bound else Patient.id)
    ids = list(session.scalars(query.order_by(*order).offset((page - 1) * size).limit(size + 1)))
    model: Any = PatientRecord if bound else Patient
    people = {row.id: row for row in session.scalars(select(model).where(model.id.in_(ids[:size])))}
    tumors = _indexed_tumors(session, actor, bound, ids[:size])
    found = []
    for number in ids[:size]:
        row = people[number]
        get = row.items.get
        found.append(
            IndexedPatient(
                row.patient_id if bound else row.id,
                get("2230", ""),
                get("2240", ""),
                get("2250", ""),
                get("240", ""),
                get("225", "") or get("220", ""),
                get("2300", ""),
                get("1760", ""),
                get("1750", ""),
                tuple(tumors.get(number, ())),
            )
        )
    return found, len(ids) > size


def _indexed_tumors(session: Session, actor: Actor, bound: bool, ids: list[int]) -> dict[int, list[IndexedTumor]]:
    query = select(Abstract, PatientRecord.patient_id, Tumor).join(Tumor, Abstract.tumor_id == Tumor.id)
    query = query.join(PatientRecord, Abstract.record_id == PatientRecord.id).where(visible(Abstract, actor))
    query = query.where(Abstract.record_id.in_(ids) if bound else PatientRecord.patient_id.in_(ids))
    found: dict[int, dict[int, IndexedTumor]] = {}
    for abstract, patient_id, tumor in session.execute(query.order_by(Abstract.id)):
        get = abstract.items.get if bound else tumor.items.get
        owner = found.setdefault(abstract.record_id if bound else patient_id, {})
        earlier = owner.get(tumor.id)
        numbers = [earlier.accession] if earlier and earlier.accession else []
        numbers += [abstract.accession_number] if abstract.accession_number else []
        owner[tumor.id] = IndexedTumor(
            tumor.id, get("400", ""), get("522", ""), get("523", ""), get("390", ""), ", ".join(dict.fromkeys(numbers))
        )
    return {number: sorted(found[number].values(), key=lambda t: (t.date_of_diagnosis, t.id)) for number in found}


# --- the primary-site table ---------------------------------------------------------------------------------------------

CLASSES = (("analytic", "Analytic", "class=00-22"), ("other", "Non-analytic, unknown", "class=30-99,blank"))
SEXES = (("1", "Male", "sex=1"), ("2", "Female", "sex=2"), ("9", "Other, unknown", "sex!=1,2"))
STAGES = (
    ("0", "In situ", "stage=0"),
    ("1", "Localized", "stage=1"),
    ("2", "Regional", "stage=2"),
    ("7", "Distant", "stage=7"),
    ("8", "Not applicable", "stage=8"),
    ("9", "Unknown", "stage=9,blank"),
)
ALL = "All"
ANALYTIC_TO = "22"
"""Classes of case 00 to 22 are analytic (STORE)."""

DEEPEST_PUBLISHED = 2
"""A published table has the site recode's groups and sites, not the parts of a site."""


@dataclass(frozen=True)
class SiteCell:
    """One count of the table, None where hidden, with the conditions of its cases."""

    count: int | None
    conditions: tuple[str, ...]


@dataclass(frozen=True)
class SiteRow:
    """One line: a site group (or a group of them, or the whole), or its part by class and sex."""

    title: str
    depth: int
    cells: tuple[SiteCell, ...]
    part: bool = False


@dataclass(frozen=True)
class SiteTable:
    """Site groups by class, sex and stage of analytic cases; in detail every class and sex has its stages."""

    heads: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[SiteRow, ...]
    suppressed: bool
    threshold: int
    detailed: bool
    total: int


def site_table(
    session: Session,
    actor: Actor,
    *,
    facility: str = "",
    year: str = "",
    detailed: bool = False,
    internal: bool,
    threshold: int,
) -> SiteTable:
    """Counts abstracts by site group, class of case, sex and combined stage, of a facility and a year of first contact."""
    if internal and not actor.may("cases.identify"):
        raise Refused("Every count, however small, is seen by those who may see persons; this table hides small ones.")
    base = [f"facility={facility}"] if facility else []
    base += [f"580={year}*"] if year else []
    # the site group is found here, once for each pair of codes, and not by the database for each row
    columns = [ABSTRACTS.column(name) for name in ("site", "histology", "class", "sex", "stage")]
    query = source(ABSTRACTS, actor, parse(base), *columns, func.count()).group_by(*columns)
    table = recode(SITE_RECODE)
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for topography, histology, class_of_case, sex, stage, many in session.execute(query):
        site = table.value(site=topography, histology=histology)
        kind = "analytic" if (class_of_case or "99") <= ANALYTIC_TO else "other"
        counts[site, kind, sex if sex in ("1", "2") else "9", stage if stage in dict.fromkeys("01278") else "9"] += many
    detailed = detailed and internal
    hidden = frozenset() if internal else _hidden_sites(tuple(sorted(counts.items())), threshold)
    full, present = _with_margins(counts), tuple(sorted({key[0] for key in counts}))
    rows = []
    for title, depth, codes in _present_lines(present, internal):
        rows += _site_rows(full, title, depth, codes, base, detailed, hidden)
    rows += _site_rows(full, "All sites", 0, present, base, detailed, hidden, whole=True)
    stage_titles = tuple(text for _, text, _ in STAGES)
    heads: tuple[tuple[str, tuple[str, ...]], ...]
    if detailed:
        heads = (("", ("Total",)), ("Summary stage", stage_titles))
    else:
        heads = (
            ("", ("Total",)),
            ("Class of case", tuple(text for _, text, _ in CLASSES)),
            ("Sex", tuple(text for _, text, _ in SEXES)),
            ("Summary stage, analytic cases", stage_titles),
        )
    return SiteTable(heads, tuple(rows), not internal, threshold, detailed, counts.total())


@lru_cache(maxsize=1)
def _lines() -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """The printed hierarchy of the site recode, with the unknown group at its end."""
    table = recode(SITE_RECODE)
    lines = [(group.label, group.depth, group.codes) for group in table.groups]
    named = {code for _, _, codes in lines for code in codes}
    rest = tuple(code for code in table.labels if code not in named)
    return (*lines, *(((table.labels[code]), 0, (code,)) for code in rest))


Counts = Mapping[tuple[str, str, str, str], int]


def _with_margins(counts: Counts) -> Counter[tuple[str, str, str, str]]:
    """Gives the counts with every sum over class, sex and stage, by site."""
    full: Counter[tuple[str, str, str, str]] = Counter()
    for (site, *rest), many in counts.items():
        for kind, sex, stage in product(*((part, ALL) for part in rest)):
            full[site, kind, sex, stage] += many
    return full


def _sum(full: Counts, codes: tuple[str, ...], kind: str, sex: str, stage: str) -> int:
    return sum(full.get((code, kind, sex, stage), 0) for code in codes)


def _present_lines(present: tuple[str, ...], internal: bool) -> list[tuple[str, int, tuple[str, ...]]]:
    """Gives the lines that have a case; a published table has groups and sites, not the parts of a site."""
    found = set(present)
    return [line for line in _lines() if found & set(line[2]) and (internal or line[1] < DEEPEST_PUBLISHED)]


def _site_rows(
    full: Counts,
    title: str,
    depth: int,
    codes: tuple[str, ...],
    base: list[str],
    detailed: bool,
    hidden: frozenset[tuple[str, str, str, str]],
    *,
    whole: bool = False,
) -> list[SiteRow]:
    kinds, sexes, stages = ({key: text for key, _, text in axis} for axis in (CLASSES, SEXES, STAGES))
    site = [] if whole else [f"recode={','.join(codes)}"]
    name = ALL if whole else " ".join(codes)

    def cell(kind: str, sex: str, stage: str) -> SiteCell:
        many = _sum(full, codes, kind, sex, stage)
        asked = [kinds.get(kind, ""), sexes.get(sex, ""), stages.get(stage, "")]
        conditions = (*base, *site, *filter(None, asked))
        return SiteCell(None if (name, kind, sex, stage) in hidden else many, conditions if many else ())

    if not detailed:
        cells = [cell(ALL, ALL, ALL), *(cell(k, ALL, ALL) for k in kinds), *(cell(ALL, s, ALL) for s in sexes)]
        cells += [cell("analytic", ALL, t) for t in stages]
        return [SiteRow(title, depth, tuple(cells))]
    rows = [SiteRow(title, depth, (cell(ALL, ALL, ALL), *(cell(ALL, ALL, t) for t in stages)))]
    for kind, kind_text, _ in CLASSES:
        for sex, sex_text, _ in SEXES:
            if _sum(full, codes, kind, sex, ALL):
                part = (cell(kind, sex, ALL), *(cell(kind, sex, t) for t in stages))
                rows.append(SiteRow(f"{kind_text}, {sex_text.lower()}", depth + 1, part, part=True))
    return rows


@lru_cache(maxsize=16)
def _hidden_sites(
    items: tuple[tuple[tuple[str, str, str, str], int], ...], threshold: int
) -> frozenset[tuple[str, str, str, str]]:
    """Gives the cells (codes, class, sex, stage) to hide: every figure of the table is protected against all others."""
    import pandas as pd

    from geo.suppression import SuppressionRule, protect_tables

    full = _with_margins(dict(items))
    present = tuple(sorted({key[0] for key, _ in items}))
    lines = [
        (" ".join(codes), tuple(c for c in codes if c in present)) for _, _, codes in _present_lines(present, False)
    ]
    margins = [(ALL, ALL, ALL), *((k, ALL, ALL) for k, _, _ in CLASSES), *((ALL, s, ALL) for s, _, _ in SEXES)]
    margins += [("analytic", ALL, t) for t, _, _ in STAGES]
    # groups of the same codes are one cell, whatever they are called
    by_codes: dict[tuple[str, ...], str] = {}
    rows, keys = [], []
    for name, codes in [*lines, (ALL, present)]:
        site = ALL if name == ALL else by_codes.setdefault(codes, codes[0] if len(codes) == 1 else name)
        for kind, sex, stage in margins:
            rows.append((site, kind, sex, stage, _sum(full, codes, kind, sex, stage)))
            keys.append((name, kind, sex, stage))
    frame = pd.DataFrame(rows, columns=["site", "kind", "sex", "stage", "cases"])
    groups = {name: codes for codes, name in by_codes.items() if len(codes) > 1}
    protection = protect_tables(
        [frame], rule=SuppressionRule(threshold=max(threshold, 2)), levels={"site": groups} if groups else None
    )
    return frozenset(key for key, hide in zip(keys, protection.hidden[0]) if hide)
