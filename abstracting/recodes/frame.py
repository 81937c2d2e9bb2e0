"""Everything an analysis derives from the items, for a whole registry at once: what the snapshot calls.

`add_recodes` takes a frame with one row for each tumor and one text column for each NAACCR item, named by the item's
number (`"400"`), and gives it back with the columns of `DERIVED` behind. An item that is absent counts as not coded.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abstracting.codes import places
from abstracting.recodes import behavior, causes, county, stage
from abstracting.recodes.columns import Factor, answer_by_key, factorise
from abstracting.recodes.sources import Group
from abstracting.recodes.survival_columns import survival_arrays
from abstracting.recodes.tables import RECODES
from abstracting.values import ages, is_blank, parse_dates, whole_number


@dataclass(frozen=True, slots=True)
class Derived:
    """One derived column: its `title`, the `item` it corresponds to ("" for none) and its `labels` (code → name)."""

    title: str
    item: str = ""
    labels: dict[str, str] | None = None


def _derived() -> dict[str, Derived]:
    columns = {
        "year_of_diagnosis": Derived("Year of diagnosis"),
        "age_at_diagnosis": Derived("Age at diagnosis, completed years", "230"),
        "age_group_5": Derived("Age at diagnosis, groups of five years"),
    }
    for name, title, item in (
        ("site_recode_2008", "SEER site recode, 2008", "9410"),
        ("site_recode_2023", "SEER site recode, 2023", "9412"),
        ("iccc_iarc2017", "Childhood cancer, ICCC-3/IARC 2017", "9420"),
        ("iccc_iarc2017_extended", "Childhood cancer, ICCC-3/IARC 2017, extended", "9422"),
        ("aya_2020", "Adolescents and young adults, 2020", "9445"),
        ("lymphoid_2021", "Lymphoid neoplasms, 2021", "9450"),
        ("brain_cns_2020", "Brain and CNS, 2020", "9455"),
    ):
        columns[name] = Derived(title, item, RECODES[name].labels)
        columns[f"{name}_label"] = Derived(f"{title}: name")
        if RECODES[name].groups:
            columns[f"{name}_group"] = Derived(f"{title}: group")
    return columns | {
        "behavior_recode": Derived("SEER behavior recode", "9411", behavior.LABELS),
        "cause_specific_death": Derived("Dead of this cancer", "1914", causes.LABELS),
        "other_cause_death": Derived("Dead of another cause", "1915", causes.LABELS),
        "summary_stage": Derived("Summary stage, all years", labels=stage.LABELS),
        "summary_stage_source": Derived("Item that summary stage was taken from"),
        "county_analysis": Derived("County at diagnosis for analysis", "89"),
        "county_analysis_flag": Derived("How the county for analysis was found", "9440", county.FLAGS),
        "county_geoid": Derived("County at diagnosis, five digits for maps"),
        "vital_status_recode": Derived("Vital status at the study cut-off", "1762"),
        "record_number": Derived("Number of the tumor in order of diagnosis", "1775"),
        "survival_date_diagnosis": Derived("Diagnosis date for survival", "1788"),
        "survival_months_active": Derived("Survival in months, active follow-up", "1784"),
        "survival_flag_active": Derived("Survival flag, active follow-up", "1783"),
        "survival_days_active": Derived("Survival in days, active follow-up", "9753"),
        "survival_date_active": Derived("End of active follow-up", "1782"),
        "survival_months_presumed_alive": Derived("Survival in months, presumed alive", "1787"),
        "survival_flag_presumed_alive": Derived("Survival flag, presumed alive", "1786"),
        "survival_days_presumed_alive": Derived("Survival in days, presumed alive", "9754"),
        "survival_date_presumed_alive": Derived("End of follow-up, presumed alive", "1785"),
        "iarc_indicator": Derived(
            "Primary by the international rules", "9400", {"0": "Duplicate", "1": "Primary", "9": "Not counted"}
        ),
    }


DERIVED: dict[str, Derived] = _derived()

# the items that `add_recodes` reads
ITEMS: tuple[str, ...] = tuple(
    "80 90 94 95 96 97 230 240 364 365 367 369 380 390 400 500 522 523 759 760 762 764 1750 1760 1910 1920 3020".split()
)

AGE_GROUPS: tuple[str, ...] = (*(f"{first:02d}-{first + 4:02d}" for first in range(0, 85, 5)), "85+")


def group_hierarchy(name: str) -> tuple[Group, ...]:
    """Gives the printed groups of a derived recode (site recode, ICCC) for menus: depth, name and codes beneath."""
    return RECODES[name].groups


def age_group(age: int | None) -> str:
    """Gives the five-year group of an age, empty for an unknown one."""
    return "" if age is None or age < 0 else AGE_GROUPS[min(age // 5, len(AGE_GROUPS) - 1)]


def add_recodes(
    frame: pd.DataFrame,
    *,
    as_of: dt.date,
    end_year: int | None = None,
    patient: str | None = "20",
    cause_version: str = "2008",
) -> pd.DataFrame:
    """Gives the frame with the columns of `DERIVED` added; rows keep their order and index.

    `as_of` is the day on which the data are judged; `end_year` the last year of follow-up (the last full year before
    `as_of` when left out). `patient` names the column that tumors of one patient share; without it every row is a
    patient. Codes and flags are text ("" where nothing can be said), months, days, ages and years nullable integers.
    """
    end_year = as_of.year - 1 if end_year is None else end_year
    columns = _Columns(frame)
    year = columns.factor("390").spread(lambda text: county.diagnosis_year(text) or -1, np.int32)
    derived: dict[str, Any] = {"year_of_diagnosis": _nullable(year, year < 0)}
    derived |= _age(columns)
    derived |= _tables(columns)
    parts = {"site": columns.factor("400"), "histology": columns.factor("522"), "behavior": columns.factor("523")}
    derived["behavior_recode"] = behavior.behavior_column(**parts, year=columns.years("390"))
    derived["cause_specific_death"], derived["other_cause_death"] = causes.cause_specific_columns(
        sequence=columns.factor("380"),
        revision=columns.factor("1920"),
        cause=columns.factor("1910"),
        last_contact_year=columns.years("1750"),
        histology=parts["histology"],
        recode=derived[f"site_recode_{cause_version[:4]}"],
        cutoff_year=end_year,
        version=cause_version,
    )
    derived["summary_stage"], derived["summary_stage_source"] = stage.stage_columns(
        year, {item: columns.factor(item) for item in stage.ITEMS}
    )
    derived |= _county(columns)
    keys = frame[patient] if patient is not None and patient in frame else np.arange(len(frame))
    derived |= _survival(columns, keys, end_year=end_year, as_of=as_of)
    derived |= _iarc(columns, keys)
    added = pd.DataFrame({name: derived[name] for name in DERIVED}, index=frame.index, copy=False)
    before = [name for name in DERIVED if name in frame]
    return pd.concat([frame.drop(columns=before) if before else frame, added], axis=1, copy=False)


class _Columns:
    """The items of a frame, each cut to its distinct values once."""

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame
        self._factors: dict[str, Factor] = {}

    def factor(self, item: str) -> Factor:
        """Gives an item; a blank code counts as missing."""
        if item not in self._factors:
            if item not in self.frame:
                return self._factors.setdefault(item, Factor(np.zeros(len(self.frame), dtype=np.int64), (None,)))
            found = factorise(self.frame[item])
            values = tuple(None if is_blank(value) else value for value in found.values)
            self._factors[item] = Factor(found.codes, values)
        return self._factors[item]

    def years(self, item: str) -> Factor:
        """Gives the year of a date item as four digits, missing where it is unknown."""
        dates = self.factor(item)
        return Factor(dates.codes, tuple(None if value is None else value[:4] for value in dates.values))


def _nullable(values: np.ndarray, unknown: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(values.astype(np.int32), unknown)


def _age(columns: _Columns) -> dict[str, Any]:
    def coded(text: str | None) -> int:
        number = whole_number(text.strip()) if text else None
        return -1 if number is None or number > 130 else number

    age = columns.factor("230").spread(coded, np.int32)
    missing = age < 0
    if missing.any() and "240" in columns.frame and "390" in columns.frame:
        # where the age is not coded, the dates may settle it
        rows = np.flatnonzero(missing)
        birth, diagnosis = (parse_dates(columns.factor(item).take(rows).texts()) for item in ("240", "390"))
        youngest, oldest = ages(birth, diagnosis)
        age[rows] = np.where((youngest == oldest) & (youngest >= 0) & (youngest <= 130), youngest, -1)
    groups = np.array([*AGE_GROUPS, ""], dtype=object)
    place = np.where(age < 0, len(AGE_GROUPS), np.minimum(age // 5, len(AGE_GROUPS) - 1))
    return {"age_at_diagnosis": _nullable(age, age < 0), "age_group_5": groups[place]}


def _tables(columns: _Columns) -> dict[str, Any]:
    given = {
        "site": columns.factor("400"),
        "histology": columns.factor("522"),
        "behavior": columns.factor("523"),
        "year": columns.years("390"),
    }
    derived: dict[str, Any] = {}
    for name, recode in RECODES.items():
        if name not in DERIVED:
            continue
        rows = recode.rows(**given)
        derived[name] = recode.values[rows]
        labels, groups = DERIVED[name].labels or {}, _top_groups(recode.groups)
        derived[f"{name}_label"] = _names(recode.values, labels)[rows]
        if recode.groups:
            derived[f"{name}_group"] = _names(recode.values, groups)[rows]
    return derived


def _names(values: np.ndarray, names: dict[str, str]) -> np.ndarray:
    return np.array([names.get(value, "") for value in values], dtype=object)


def _top_groups(groups: Iterable[Group]) -> dict[str, str]:
    """Gives code → name of the widest group that holds it."""
    found: dict[str, str] = {}
    for group in groups:
        if group.depth == 0:
            for code in group.codes:
                found.setdefault(code, group.label)
    return found


def _county(columns: _Columns) -> dict[str, Any]:
    code, flag = county.county_columns(
        diagnosis=columns.factor("390"),
        state=columns.factor("80"),
        reported=columns.factor("90"),
        geocoded={item: columns.factor(item) for _, item, _ in county.ERAS},
        certainty={item: columns.factor(item) for _, _, item in county.ERAS},
    )
    places_of, answers = answer_by_key(places.geoid, [columns.factor("80"), factorise(code)])
    return {
        "county_analysis": np.where(pd.isna(code), "", code),
        "county_analysis_flag": flag,
        "county_geoid": np.array(answers, dtype=object)[places_of],
    }


def _survival(columns: _Columns, keys: Any, *, end_year: int, as_of: dt.date) -> dict[str, Any]:
    items = {
        "diagnosis": "390",
        "last_contact": "1750",
        "birth": "240",
        "vital_status": "1760",
        "sequence": "380",
        "reporting_source": "500",
    }
    factors = {name: columns.factor(item) for name, item in items.items()}
    return survival_arrays(patient=keys, **factors, end_year=end_year, as_of=as_of)


def _iarc(columns: _Columns, keys: Any) -> dict[str, Any]:
    from abstracting.primaries.iarc import iarc_columns

    items = {"diagnosis": "390", "sequence": "380", "site": "400", "histology": "522", "behavior": "523"}
    indicator = iarc_columns(patient=keys, **{name: columns.factor(item) for name, item in items.items()})
    texts = np.empty(10, dtype=object)
    texts[[0, 1, 9]] = "0", "1", "9"
    return {"iarc_indicator": texts[indicator]}
