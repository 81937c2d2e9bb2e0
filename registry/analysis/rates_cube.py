"""Counts of incident cases by county, year, sex and age as one query on the snapshot, with what was left out and why.

The query groups the tumors of a site by the first condition of the case definition that they fail; those that fail none
are counted by county, year, sex and five-year age group, and by one further column where it is asked for. So one pass
over the data gives both the counts and the flow of the selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.analysis.cohort import COLUMNS, CaseDefinition, Cohort, incident_cases, open_cohort
from registry.analysis.snapshot import Snapshot

if TYPE_CHECKING:
    import pandas as pd

AGES = 18
REPORTED_ONLY = ("2.1", "2.2", "5", "6", "7")
"""Flags of the derived county (`abstracting.recodes.county.FLAGS`) under which it rests on item 90 alone."""

LATE, EARLY = ("2", "3", "4", "7"), ("0", "1")
EXTRAS = ("stage", "source", "rules", "site", "alive")
"""Columns by which cases can be divided further: categories of `_category`."""

SOURCES = ("other", "autopsy", "dco")
STAGES = ("late", "early", "unknown")
ALIVE = ("prevalent", "other")


@dataclass(frozen=True)
class Left:
    """One line of the flow: why tumors were left out, how many, and the place of the condition in the definition."""

    text: str
    count: int
    place: int


@dataclass(frozen=True)
class Cube:
    """Counts of a site under a case definition.

    `rows` has county (five digits), year, sex (0 male, 1 female), age (0 to 17), extra (text; empty when not asked for)
    and cases. `left` has reason (place in `reasons`), year and cases of the tumors left out. `by_item_90` counts, by
    year, cases whose county rests on item 90 alone.
    """

    rows: pd.DataFrame
    left: pd.DataFrame
    reasons: tuple[str, ...]
    definition: str
    by_item_90: pd.Series

    def left_out(self, years: Sequence[int]) -> tuple[Left, ...]:
        """Gives the flow of the years: unknown age, sex and county always have a line, other reasons when they occur."""
        inside = self.left[self.left["year"].isin(list(years))].groupby("reason")["cases"].sum()
        always = len(self.reasons) - 3
        return tuple(
            Left(text, int(inside.get(place, 0)), place)
            for place, text in enumerate(self.reasons)
            if place >= always or inside.get(place, 0)
        )


def read_cube(
    snapshot: Snapshot,
    definition: CaseDefinition,
    codes: Sequence[str] = (),
    *,
    extra: str = "",
    facility: str = "",
    ages: bool = True,
) -> Cube:
    """Gives the counts of the tumors with these codes of the site recode (all when none), in one query.

    `extra` divides them further: `stage` (late, early, unknown), `source` (other, autopsy, dco), `rules` (primary by the
    IARC rules or not), `site` (code of the recode), `alive 2024` (the first of these tumors of a person
    alive at the end of that year, or other). `facility` counts the tumors of one facility alone. Without `ages`
    all ages stand together at 0, which is far fewer groups.
    """
    import ibis

    whole = open_cohort(snapshot, facility=facility)
    cohort = incident_cases(Cohort(whole.table, snapshot), definition)
    table = cohort.source
    if codes:
        table = table.filter(table[COLUMNS["recode"]].isin(list(codes)))
    county = table[COLUMNS["county"]]
    reason = ibis.cases(*((~one.keeps, place) for place, one in enumerate(cohort.filters)), else_=-1)
    table = table.mutate(reason=reason)
    kept = table.reason == -1
    nothing = ibis.literal("")
    table = table.select(
        "reason",
        year=table[COLUMNS["year"]],
        # grouped as numbers: that is half the time of the query at a million tumors
        county=ibis.ifelse(kept, county.try_cast("int32"), -1),
        sex=ibis.ifelse(kept & (table.sex == "2"), 1, 0),
        age=ibis.ifelse(kept, ibis.least(table.age_at_diagnosis // 5, AGES - 1), -1) if ages else ibis.literal(0),
        extra=ibis.ifelse(kept, _category(table, extra), nothing),
        old=kept & table.county_analysis_flag.isin(list(REPORTED_ONLY)),
    )
    keys = ["reason", "year", "county", "sex", "age", "extra"]
    counted = table.group_by(keys).agg(cases=table.count(), old=table.old.sum().fill_null(0)).execute()
    counted = counted.dropna(subset=["year"]).astype({"year": int, "cases": int, "old": int})
    inside = counted["reason"] == -1
    rows = counted[inside].drop(columns=["reason", "old"])
    # a code that is no number lies in no declared county; it stays apart as 00000
    county = rows["county"].fillna(0).astype(int).astype(str).str.zfill(5)
    rows = rows.assign(county=county, sex=rows["sex"].astype(int), age=rows["age"].astype(int)).reset_index(drop=True)
    return Cube(
        rows,
        counted.loc[~inside, ["reason", "year", "cases"]].reset_index(drop=True),
        tuple(one.text for one in cohort.filters),
        cohort.definition,
        counted[inside].groupby("year")["old"].sum(),
    )


def _category(table: Any, extra: str) -> Any:
    import ibis

    if extra == "stage":
        stage = table[COLUMNS["stage"]]
        return ibis.cases((stage.isin(list(LATE)), "late"), (stage.isin(list(EARLY)), "early"), else_="unknown")
    if extra == "source":
        if "typeOfReportingSource" not in table.columns:
            return ibis.literal("other")
        source = table.typeOfReportingSource
        return ibis.cases((source == "7", "dco"), (source == "6", "autopsy"), else_="other")
    if extra == "rules":
        return ibis.ifelse((table.iarc_indicator == "1").fill_null(False), "iarc", "seer only")
    if extra.startswith("alive"):
        return ibis.ifelse(is_prevalent(table, table.reason == -1, int(extra.split()[1])), *ALIVE)
    if extra == "site":
        return table[COLUMNS["recode"]]
    return ibis.literal("")


def is_prevalent(table: Any, kept: Any, year: int) -> Any:
    """Gives whether a tumor is the first kept one of a person not known to have died by the end of a year.

    Whoever was not heard from since is presumed alive.
    """
    import ibis

    order = ibis.window(group_by=table.patient_id, order_by=[~kept, table.dateOfDiagnosis, table.tumor_id])
    last = table.dateOfLastContact.fill_null("").substr(0, 4).try_cast("int32").fill_null(0)
    dead = (table.vitalStatus.fill_null("") == "0") & (last <= year)
    return kept & (ibis.row_number().over(order) == 0) & ~dead


def fill_array(
    rows: pd.DataFrame, counties: Sequence[str], years: Sequence[int], value: str, extras: Sequence[str] = ("",)
) -> np.ndarray:
    """Gives a long frame as an array (counties, years, 2 sexes, 18 ages, extras); rows elsewhere are left out."""
    shape = (len(counties), len(years), 2, AGES, len(extras))
    place = {code: i for i, code in enumerate(counties)}
    when = {year: i for i, year in enumerate(years)}
    what = {name: i for i, name in enumerate(extras)}
    county = rows["county"].map(place)
    year = rows["year"].map(when)
    kind = rows["extra"].map(what) if "extra" in rows else np.zeros(len(rows))
    known = (county.notna() & year.notna() & np.isfinite(np.asarray(kind, float))).to_numpy()
    where = tuple(
        np.asarray(column, float)[known].astype(int) for column in (county, year, rows["sex"], rows["age"], kind)
    )
    flat = np.bincount(np.ravel_multi_index(where, shape), rows[value].to_numpy(float)[known], int(np.prod(shape)))
    return flat.reshape(shape)
