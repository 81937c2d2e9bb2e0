"""The cases behind a number of the atlas or of a cluster, as rows that open a patient; also those that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.analysis.cohort import COLUMNS, Cohort, incident_cases, open_cohort
from registry.analysis.disclosure import Policy
from registry.analysis.rates import STATE, Part, answer
from registry.analysis.rates_area import Area
from registry.analysis.rates_cube import EARLY, LATE, REPORTED_ONLY, is_prevalent
from registry.analysis.rates_desk import Desk, definition_of
from registry.analysis.rates_request import Request
from registry.errors import RegistryError
from registry.models import Patient, Tumor
from registry.security.permissions import Actor, Refused, visible

CHUNK = 800


@dataclass(frozen=True)
class Behind:
    """The tumors behind a number, in words and by number."""

    title: str
    tumors: tuple[int, ...]


@dataclass(frozen=True)
class CaseRow:
    """One case of the list."""

    tumor_id: int
    patient_id: int
    name_last: str
    name_first: str
    primary_site: str
    histology: str
    behavior: str
    date_of_diagnosis: str
    age: str
    stage: str


def find_behind(desk: Desk, asked: Request, policy: Policy, *, county: str = "", part: str = "") -> Behind:
    """Gives the tumors behind the count of a county (all counties when none) in a part (the last when none).

    A count that is hidden for the account is refused, an unknown county or part not found.
    """
    found = answer(desk, asked if asked.measure == "prevalence" else asked.with_changes(measure="count"), policy)
    chosen = next((one for one in found.parts if one.label == part), None) if part else found.parts[-1]
    if chosen is None:
        raise RegistryError("not-found", "there is no such part of the map", hint="open the list from the page again")
    area = found.area
    if county:
        area.place(county)
    table = found.state.assign(code=STATE) if not county else found.rows
    row = table[(table["frame"] == chosen.label) & (table["code"] == (county or STATE))].iloc[0]
    if row["suppressed"]:
        raise Refused(f"Counts under {policy.threshold} are hidden for your role, with their cases.")
    if county and not row["covered"]:
        raise RegistryError("refused-rates", "the county is not declared population-based for these years")
    rows = found.rows
    covered = rows.loc[(rows["frame"] == chosen.label) & rows["covered"], "code"]
    tumors = _tumors(desk, asked, chosen, [county] if county else sorted(covered))
    name = row["name"]
    return Behind(f"{name}: {asked.title()}, {chosen.label}", tumors)


def find_left_out(desk: Desk, asked: Request, policy: Policy, which: str) -> Behind:
    """Gives the tumors of a line of the flow: a place among the reasons, `outside` or `item 90`.

    Only whoever no count is hidden from may see them: their numbers are told to nobody else either.
    """
    if not policy.sees_all:
        raise Refused("What was left out is told to your role in round numbers, without its cases.")
    found = answer(desk, asked.with_changes(measure="count", frames=""), policy)
    area, part = found.area, found.parts[-1]
    cohort = incident_cases(Cohort(open_cohort(desk.snapshot()).table, desk.snapshot()), definition_of(asked, area))
    table, filters = cohort.source, cohort.filters
    keeps = [table[COLUMNS["year"]].isin([area.years[i] for i in part.years])]
    if asked.codes:
        keeps.append(table[COLUMNS["recode"]].isin(list(asked.codes)))
    if which.isdigit() and int(which) < len(filters):
        place = int(which)
        keeps += [*(one.keeps for one in filters[:place]), ~filters[place].keeps]
        title = filters[place].text
    elif which in ("outside", "item 90"):
        keeps += [one.keeps for one in filters]
        if which == "outside":
            keeps += [table.sex.isin([str(s + 1) for s in part.sexes]), ~_declared(table, area, part)]
            title = "county or year not declared population-based"
        else:
            keeps.append(table.county_analysis_flag.isin(list(REPORTED_ONLY)))
            title = "county at diagnosis by item 90 alone"
    else:
        raise RegistryError("not-found", "there is no such line", hint="open the list from the page again")
    return Behind(f"{asked.title(found.years)}: {title}", _numbers(table.filter(keeps)))


def _declared(table: Any, area: Area, part: Part) -> Any:
    """Gives whether a tumor's county is declared for its year, among the years of a part."""
    years = list(part.years)
    county, year = table[COLUMNS["county"]], table[COLUMNS["year"]]
    declared = area.declared[:, years]
    found = county.isin([code for code, whole in zip(area.counties, declared.all(axis=1)) if whole])
    for place in np.flatnonzero(declared.any(axis=1) & ~declared.all(axis=1)):
        own = [area.years[i] for i, yes in zip(years, declared[place]) if yes]
        found |= (county == area.counties[place]) & year.isin(own)
    return found


def find_members(desk: Desk, asked: Request, counties: Sequence[str], years: tuple[int, int], title: str) -> Behind:
    """Gives the tumors of some counties in a span of years, as the cases of a scan are selected."""
    area = desk.area()
    sexes = (0, 1) if not asked.sex_in_force else (int(asked.sex_in_force) - 1,)
    places = tuple(i for i, year in enumerate(area.years) if years[0] <= year <= years[1])
    stage = "late" if asked.measure == "late" else asked.stage
    chosen = asked.with_changes(measure="count", stage=stage)
    return Behind(title, _tumors(desk, chosen, Part("", places, sexes), sorted(counties)))


def _tumors(desk: Desk, asked: Request, part: Part, counties: list[str]) -> tuple[int, ...]:
    import ibis

    area = desk.area()
    cohort = incident_cases(Cohort(open_cohort(desk.snapshot()).table, desk.snapshot()), definition_of(asked, area))
    table = cohort.table
    if asked.codes:
        table = table.filter(table[COLUMNS["recode"]].isin(list(asked.codes)))
    if asked.measure == "prevalence":
        table = table.mutate(prevalent=is_prevalent(table, ibis.literal(True), area.years[-1]))
        table = table.filter(table.prevalent)
    years = [area.years[i] for i in part.years]
    keeps = [
        table[COLUMNS["county"]].isin(counties),
        table[COLUMNS["year"]].isin(years),
        table.sex.isin([str(s + 1) for s in part.sexes]),
    ]
    if asked.age_from:
        keeps.append(table.age_at_diagnosis >= asked.age_from)
    if asked.age_to is not None:
        keeps.append(table.age_at_diagnosis <= asked.age_to)
    if asked.stage:
        keeps.append(table[COLUMNS["stage"]].isin(list(LATE if asked.stage == "late" else EARLY)))
    return _numbers(table.filter(keeps))


def _numbers(table: Any) -> tuple[int, ...]:
    numbers = table.select("tumor_id").order_by("tumor_id").execute()["tumor_id"]
    return tuple(int(number) for number in numbers)


def load_rows(session: Session, actor: Actor, behind: Behind, *, page: int, size: int) -> tuple[list[CaseRow], bool]:
    """Gives one page of the cases that the actor may see, in order of tumor number, and whether more follow."""
    start = (page - 1) * size
    wanted = behind.tumors[start : start + size + 1]
    more, wanted = len(wanted) > size, wanted[:size]
    found: list[CaseRow] = []
    for first in range(0, len(wanted), CHUNK):
        rows = session.execute(
            select(
                Tumor.id,
                Patient.id,
                Patient.name_last,
                Patient.name_first,
                Tumor.primary_site,
                Tumor.histology,
                Tumor.behavior,
                Tumor.date_of_diagnosis,
                Tumor.age_at_diagnosis,
                Tumor.summary_stage,
            )
            .join(Patient, Tumor.patient_id == Patient.id)
            .where(Tumor.id.in_(wanted[first : first + CHUNK]), visible(Tumor, actor))
            .order_by(Tumor.id)
        )
        found += [CaseRow(row[0], row[1], *("" if value is None else str(value) for value in row[2:])) for row in rows]
    return found, more
