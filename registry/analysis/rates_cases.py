"""The cases behind a number of the atlas: tumors of a county, years and part, as rows that open a patient."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.analysis.cohort import COLUMNS, Cohort, incident_cases, open_cohort
from registry.analysis.disclosure import Policy
from registry.analysis.rates import STATE, Part, answer
from registry.analysis.rates_cube import EARLY, LATE
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
    found = answer(desk, asked.with_changes(measure="count"), policy)
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
    tumors = _tumors(desk, asked, chosen, [county] if county else _covered(found))
    name = row["name"]
    return Behind(f"{name}: {asked.title()}, {chosen.label}", tumors)


def _covered(found) -> list[str]:  # type: ignore[no-untyped-def]
    rows = found.rows
    return sorted(rows.loc[rows["covered"], "code"].unique())


def _tumors(desk: Desk, asked: Request, part: Part, counties: list[str]) -> tuple[int, ...]:
    area = desk.area()
    cohort = incident_cases(Cohort(open_cohort(desk.snapshot()).table, desk.snapshot()), definition_of(asked, area))
    table = cohort.table
    years = [area.years[i] for i in part.years]
    keeps = [
        table[COLUMNS["county"]].isin(counties),
        table[COLUMNS["year"]].isin(years),
        table.sex.isin([str(s + 1) for s in part.sexes]),
    ]
    if asked.codes:
        keeps.append(table[COLUMNS["recode"]].isin(list(asked.codes)))
    if asked.age_from:
        keeps.append(table.age_at_diagnosis >= asked.age_from)
    if asked.age_to is not None:
        keeps.append(table.age_at_diagnosis <= asked.age_to)
    if asked.stage:
        keeps.append(table[COLUMNS["stage"]].isin(list(LATE if asked.stage == "late" else EARLY)))
    numbers = table.filter(keeps).select("tumor_id").order_by("tumor_id").execute()["tumor_id"]
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
