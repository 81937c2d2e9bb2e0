"""Who enters a survival analysis: the rules of registries as a pure function on a frame, with every exclusion counted.

Sources: SEER*Stat survival session (selection and parameters); NAACCR items 380, 490, 500, 523, 610, 1760, 1782, 1788,
1914 and the survival-time and cause-of-death recodes that fill the last four. Rules that matter most:

- death certificate only and autopsy only never enter; alive with zero days of follow-up leave, deaths on day 0 stay;
- active follow-up is the default; presumed alive needs the date up to which all deaths are known, which then is the
  cut-off for everybody, so that the two kinds of follow-up never mix in one curve;
- cause-specific: event where 1914 is 1, censored where it is 0, excluded where it is 8 or 9;
- net survival excludes, and counts, unknown age and sex other than 1 and 2;
- a facility's cohort is its analytic cases (class of case 00 to 22).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from survival.errors import SurvivalError
from survival.frames import Faults, require_columns
from survival.standards import Standard, standard_for_site

Endpoint = Literal["observed", "cause-specific", "net"]
ANALYTIC = tuple(f"{code:02d}" for code in range(23))
FIRST_PRIMARY = ("00", "01")
MICROSCOPIC = ("1", "2", "3", "4")
AUTOPSY_ONLY, DEATH_CERTIFICATE_ONLY = "6", "7"
SMALLEST_GROUP = 25


@dataclass(frozen=True)
class Columns:
    """Names of the frame's columns by meaning; the defaults are NAACCR item numbers."""

    behavior: str = "523"
    sequence: str = "380"
    source: str = "500"
    confirmation: str = "490"
    class_of_case: str = "610"
    sex: str = "220"
    age: str = "230"
    vital_status: str = "1760"
    diagnosis: str = "1788"
    last_contact: str = "1782"
    cause: str = "1914"
    topography: str = "400"
    histology: str = "522"


@dataclass(frozen=True)
class Rules:
    """What is selected; the defaults are those of a population registry with active follow-up.

    `classes` None takes every class of case. `deaths_complete_to` (ISO date) is the recorded date of complete death
    ascertainment that presumed alive needs; `cut_off` ends follow-up earlier under active follow-up.
    """

    endpoint: Endpoint = "observed"
    behaviors: tuple[str, ...] = ("3",)
    first_primary_only: bool = True
    microscopic_only: bool = False
    classes: tuple[str, ...] | None = None
    presumed_alive: bool = False
    deaths_complete_to: str | None = None
    cut_off: str | None = None
    youngest: int = 0
    oldest: int = 120
    columns: Columns = field(default_factory=Columns)

    @classmethod
    def for_facility(cls, **changes: Any) -> Rules:
        """Gives the defaults of a hospital: analytic cases, active follow-up."""
        return replace(cls(classes=ANALYTIC), **changes)


@dataclass(frozen=True)
class Step:
    """One line of the flow: why rows left, how many, and how many were left."""

    reason: str
    excluded: int
    left: int


@dataclass(frozen=True)
class Selection:
    """The selected rows with `time` (days), `event`, `date`, `age_years` added, the flow, and the rules in a sentence."""

    frame: pd.DataFrame
    flow: tuple[Step, ...]
    definition: str

    def document(self) -> list[dict[str, Any]]:
        """Gives the flow as it travels in JSON with a result."""
        return [{"reason": step.reason, "excluded": step.excluded, "left": step.left} for step in self.flow]


class _Flow:
    """Applies exclusions one after the other and counts them."""

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame
        self.steps = [Step("tumors received", 0, len(frame))]

    def exclude(self, gone: pd.Series | np.ndarray, reason: str) -> None:
        gone = np.asarray(gone, dtype=bool)
        self.frame = self.frame[~gone]
        self.steps.append(Step(reason, int(gone.sum()), len(self.frame)))


def select(frame: pd.DataFrame, rules: Rules | None = None) -> Selection:
    """Gives the rows that the rules admit, with time and event, and the flow of exclusions in the order applied.

    Raises `column-unknown` for columns that the rules need and `usage` for rules that do not fit together.
    """
    rules = rules or Rules()
    names = rules.columns
    closing = _closing(rules)
    faults = Faults()
    require_columns(frame.columns, _needed(rules), faults)
    faults.raise_if_any()
    flow = _Flow(frame)
    code = lambda column, width=1: _codes(flow.frame[column], width)  # noqa: E731
    flow.exclude(~code(names.behavior).isin(rules.behaviors), f"behavior other than {', '.join(rules.behaviors)}")
    source = code(names.source)
    flow.exclude(source == DEATH_CERTIFICATE_ONLY, "death certificate only")
    flow.exclude(code(names.source) == AUTOPSY_ONLY, "autopsy only")
    if rules.classes is not None:
        flow.exclude(~code(names.class_of_case, 2).isin(rules.classes), "class of case not selected")
    if rules.first_primary_only:
        flow.exclude(~code(names.sequence, 2).isin(FIRST_PRIMARY), "not the first primary")
    if rules.microscopic_only:
        flow.exclude(~code(names.confirmation).isin(MICROSCOPIC), "not microscopically confirmed")
    if rules.endpoint == "net":
        flow.exclude(~code(names.sex).isin(("1", "2")), "sex other than male and female")
    age = _ages(flow.frame[names.age])
    if rules.endpoint == "net" or rules.youngest > 0 or rules.oldest < 120:
        flow.exclude(age.isna(), "age unknown")
        age = _ages(flow.frame[names.age])
        flow.exclude((age < rules.youngest) | (age > rules.oldest), f"age outside {rules.youngest} to {rules.oldest}")
    if rules.endpoint == "cause-specific":
        flow.exclude(code(names.cause) == "9", "not the first tumor in the cause-of-death recode (1914 is 9)")
        flow.exclude(~code(names.cause).isin(("0", "1")), "cause of death missing or unknown (1914 is 8 or blank)")
    _add_follow_up(flow, rules, closing)
    selected = flow.frame.reset_index(drop=True)
    return Selection(selected, tuple(flow.steps), describe(rules))


def _needed(rules: Rules) -> list[str]:
    names = rules.columns
    needed = [names.behavior, names.source, names.age, names.vital_status, names.diagnosis, names.last_contact]
    conditional = [
        (rules.classes is not None, names.class_of_case),
        (rules.first_primary_only, names.sequence),
        (rules.microscopic_only, names.confirmation),
        (rules.endpoint == "net", names.sex),
        (rules.endpoint == "cause-specific", names.cause),
    ]
    return needed + [name for wanted, name in conditional if wanted]


def _closing(rules: Rules) -> pd.Timestamp | None:
    if rules.presumed_alive and not rules.deaths_complete_to:
        raise SurvivalError(
            "usage",
            "presumed alive without a date of complete death ascertainment",
            hint="Record the date up to which all deaths are known (deaths_complete_to), or use active follow-up.",
        )
    text = rules.deaths_complete_to if rules.presumed_alive else rules.cut_off
    if text is None:
        return None
    closing = pd.to_datetime(text, errors="coerce")
    if closing is pd.NaT:
        raise SurvivalError("date-unreadable", f"{text!r} is not a date", hint="Give YYYY-MM-DD.")
    return closing


def _add_follow_up(flow: _Flow, rules: Rules, closing: pd.Timestamp | None) -> None:
    names = rules.columns
    diagnosed, last = _dates(flow.frame[names.diagnosis]), _dates(flow.frame[names.last_contact])
    dead = _codes(flow.frame[names.vital_status], 1) == "0"
    alive = _codes(flow.frame[names.vital_status], 1) == "1"
    # who is presumed alive needs no date of last contact
    lacking = diagnosed.isna() | ~(dead | alive) | (last.isna() & (dead | (not rules.presumed_alive)))
    flow.exclude(lacking, "date of diagnosis, last contact or vital status unknown")
    kept = ~lacking
    diagnosed, last, dead = diagnosed[kept], last[kept], dead[kept]
    if closing is not None:
        late = diagnosed > closing
        flow.exclude(late, f"diagnosed after the cut-off {closing.date()}")
        diagnosed, last, dead = diagnosed[~late], last[~late], dead[~late]
        dead &= last <= closing
        last = last.where(dead, closing) if rules.presumed_alive else last.clip(upper=closing)
    time = (last - diagnosed).dt.days.astype("float64")
    reversed_ = time < 0
    flow.exclude(reversed_, "last contact before diagnosis")
    diagnosed, time, dead = diagnosed[~reversed_], time[~reversed_], dead[~reversed_]
    if not rules.presumed_alive:
        idle = (time == 0) & ~dead
        flow.exclude(idle, "alive without follow-up (zero days)")
        diagnosed, time, dead = diagnosed[~idle], time[~idle], dead[~idle]
    event = dead
    if rules.endpoint == "cause-specific":
        event = dead & (_codes(flow.frame[names.cause], 1) == "1")
    flow.frame = flow.frame.assign(
        time=time, event=event.astype("int64"), date=diagnosed, age_years=_ages(flow.frame[names.age])
    )


def _codes(column: pd.Series, width: int) -> pd.Series:
    """Gives codes as text of a width, whatever a file's reader made of them (3, "3", 3.0; 0 for "00")."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        text = column.astype("Float64").astype("Int64").astype("string")
    else:
        text = column.astype("string").str.strip()
    return text.str.zfill(width).fillna("")


def _ages(column: pd.Series) -> pd.Series:
    ages = pd.to_numeric(column, errors="coerce")
    return ages.where((ages >= 0) & (ages <= 120))


def _dates(column: pd.Series) -> pd.Series:
    """Gives dates from date types, YYYYMMDD or ISO text; a partial or blank date is missing."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column
    if pd.api.types.is_numeric_dtype(column.dtype):
        column = column.astype("Float64").astype("Int64")
    text = column.astype("string").str.strip().str.replace("-", "", regex=False)
    return pd.to_datetime(text.where(text.str.fullmatch(r"\d{8}").fillna(False)), format="%Y%m%d", errors="coerce")


def describe(rules: Rules) -> str:
    """Gives the case definition in one sentence."""
    kinds = {"0": "benign", "1": "borderline", "2": "in situ", "3": "malignant"}
    parts = [" and ".join(kinds.get(code, f"behavior {code}") for code in rules.behaviors) + " tumors"]
    parts.append("first primaries only" if rules.first_primary_only else "all primaries")
    if rules.microscopic_only:
        parts.append("microscopically confirmed")
    if rules.classes == ANALYTIC:
        parts.append("analytic cases (class 00-22)")
    elif rules.classes is not None:
        parts.append(f"class of case {', '.join(rules.classes)}")
    if rules.youngest > 0 or rules.oldest < 120:
        parts.append(f"aged {rules.youngest} to {rules.oldest}")
    parts.append("without death-certificate-only and autopsy-only cases")
    if rules.presumed_alive:
        parts.append(f"persons not known dead presumed alive on {rules.deaths_complete_to}")
    else:
        parts.append("active follow-up" + (f" to {rules.cut_off}" if rules.cut_off else ""))
    ends = {"observed": "death from any cause", "cause-specific": "death from this cancer (item 1914)", "net": "death"}
    parts.append(f"endpoint {ends[rules.endpoint]}")
    sentence = ", ".join(parts)
    return sentence[0].upper() + sentence[1:] + "."


def default_standard(frame: pd.DataFrame, columns: Columns | None = None) -> Standard:
    """Gives the age standard that all cancers of the frame share; raises `standard-unknown` when they do not."""
    names = columns or Columns()
    faults = Faults()
    require_columns(frame.columns, [names.topography, names.histology], faults)
    faults.raise_if_any()
    pairs = frame[[names.topography, names.histology]].astype("string").drop_duplicates()
    found = {standard_for_site(site or "", kind) for site, kind in pairs.fillna("").itertuples(index=False)}
    if len(found) != 1:
        raise SurvivalError(
            "standard-unknown",
            f"the cancers of this cohort take {len(found)} different age standards",
            hint="Name one standard, or analyse the sites apart.",
        )
    return found.pop()


def small_groups(frame: pd.DataFrame, by: Sequence[str], *, minimum: int = SMALLEST_GROUP) -> pd.DataFrame:
    """Gives the groups with fewer than `minimum` persons and their number; hiding them is the registry's work."""
    faults = Faults()
    require_columns(frame.columns, by, faults)
    faults.raise_if_any()
    sizes = frame.groupby(list(by), observed=False).size().rename("n").reset_index()
    return sizes[sizes["n"] < minimum].reset_index(drop=True)
