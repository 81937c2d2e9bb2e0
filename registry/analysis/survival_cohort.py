"""The persons of a survival analysis out of the snapshot: conditions, registry exclusions, window and groups, all counted.

Conditions are counted in the engine; of those who remain only the few columns that `survival.selection` and the methods
need are read. The flow that comes out joins both: tumors in the registry at its top, persons analysed at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from registry.analysis import cohort as cohorts
from registry.analysis.snapshot import Snapshot
from registry.analysis.survival_groups import Grouping, grouping
from registry.analysis.survival_hiding import hide
from registry.analysis.survival_request import BEHAVIORS, PRIMARIES, SEXES, STAGES, Request, site_codes, site_label
from registry.analysis.survival_scope import Scope, check
from registry.errors import RegistryError
from survival.selection import ANALYTIC, Columns, Rules, Selection, select

if TYPE_CHECKING:
    from registry.selection import Condition

EPOCH = np.datetime64("1960-01-01")
YEAR_OF_AGE = 365.241
COLUMNS = Columns(
    behavior="behavior_recode",
    sequence="sequence",
    source="typeOfReportingSource",
    confirmation="diagnosticConfirmation",
    class_of_case="class",
    sex="sex",
    age="age_at_diagnosis",
    vital_status="vital_status_recode",
    diagnosis="survival_date_diagnosis",
    last_contact="survival_date_active",
    cause="cause_specific_death",
    topography="primarySite",
    histology="histologicTypeIcdO3",
)
READ = (
    "tumor_id",
    "patient_id",
    "behavior_recode",
    "sequenceNumberCentral",
    "sequenceNumberHospital",
    "typeOfReportingSource",
    "diagnosticConfirmation",
    "classOfCase",
    "sex",
    "age_at_diagnosis",
    "dateOfBirth",
    "vital_status_recode",
    "survival_date_diagnosis",
    "survival_date_active",
    "cause_specific_death",
    "primarySite",
    "histologicTypeIcdO3",
    "year_of_diagnosis",
)
BASAL_SQUAMOUS = ("8000", "8110")


@dataclass(frozen=True)
class FlowStep:
    """One line of the flow: what was left out, how many, how many remain; `name` finds the cases behind it."""

    name: str
    text: str
    excluded: int
    remaining: int


@dataclass(frozen=True)
class Persons:
    """Who is analysed.

    `frame` has `tumor_id`, `patient_id`, `time` and `entry` (days since diagnosis), `event`, `date` (days since 1960),
    `age` (days) and `sex` at diagnosis, `group` (a row of `labels`). `closing` is the end of follow-up.
    """

    request: Request
    frame: pd.DataFrame
    labels: list[str]
    flow: tuple[FlowStep, ...]
    definition: str
    closing: pd.Timestamp
    notes: tuple[str, ...] = ()
    grouping: Grouping = field(default_factory=Grouping)
    margins: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.frame)

    @property
    def delayed(self) -> bool:
        """Whether somebody enters after diagnosis."""
        return bool((self.frame["entry"] > 0).any())

    def hidden(self, minimum: int) -> frozenset[int]:
        """The groups that roles which must not see small groups are not shown."""
        sizes = np.bincount(self.frame["group"], minlength=len(self.labels))
        return hide([int(size) for size in sizes], self.margins, minimum)


def rules_of(request: Request, scope: Scope, *, deaths_complete_to: str | None) -> Rules:
    """Gives the engine's rules of a request; a facility's cohort defaults to its analytic cases."""
    at_facility = bool(scope.facility or request.facility)
    analytic = request.classes == "analytic" or (request.classes == "" and at_facility)
    presumed = request.follow_up == "presumed"
    if presumed and not deaths_complete_to:
        raise RegistryError(
            "selection",
            "presumed alive needs the date up to which all deaths are known, and none is recorded",
            hint="record it on the page Survival settings, or use active follow-up",
        )
    return Rules(
        endpoint=request.way.endpoint,  # type: ignore[arg-type]
        behaviors=request.behavior,
        first_primary_only=request.primaries == "first",
        microscopic_only=request.confirmed,
        classes=ANALYTIC if analytic else None,
        presumed_alive=presumed,
        deaths_complete_to=deaths_complete_to if presumed else None,
        cut_off=request.cut_off or None,
        columns=COLUMNS,
    )


def choose(snapshot: Snapshot, request: Request, scope: Scope) -> cohorts.Cohort:
    """Gives the lazy cohort of a request: the scope's facility, the conditions, no skin cancer that nobody registers."""
    check(request, scope)
    cohort = cohorts.open_cohort(snapshot, facility=scope.facility or request.facility)
    for condition in request.conditions():
        text, words = _words(condition, request)
        cohort = cohort.keep(text, lambda t, c=condition: cohorts.predicate(t, c, snapshot)).describe(words)
    return cohort.keep(
        "basal or squamous cell skin cancer, not genital",
        lambda t: (
            ~(
                t.primarySite.startswith("C44")
                & (t.histologicTypeIcdO3 >= BASAL_SQUAMOUS[0])
                & (t.histologicTypeIcdO3 <= BASAL_SQUAMOUS[1])
            )
        ),
        silent=True,
    )


def _words(condition: Condition, request: Request) -> tuple[str, str]:
    """Gives what a condition leaves out and what it keeps, in words."""
    parts = ", ".join(condition.parts).replace("-", " to ")
    if condition.operator in ("=", ">=", "<="):
        if condition.name == "recode" and request.site and condition.parts == site_codes(request.site):
            label = site_label(request.site)
            return f"sites other than {label}", label
        if condition.name in ("year", "age"):
            verb = {"year": "diagnosed", "age": "aged"}[condition.name]
            inside = {"=": f"in {parts}", ">=": f"from {parts} on", "<=": f"up to {parts}"}[condition.operator]
            inside = inside.replace("in ", "" if condition.name == "age" or "to" in inside else "in ")
            return f"not {verb} {inside}" + (", or age unknown" * (condition.name == "age")), f"{verb} {inside}"
        if condition.name == "sex" and condition.operator == "=":
            label = SEXES.get(parts, parts).lower()
            return f"sex other than {label}", label
        if condition.name == "stage" and condition.operator == "=":
            label = " or ".join(STAGES.get(code, code).lower() for code in condition.parts)
            return f"stage other than {label}", f"{label} stage"
        if condition.name == "county" and condition.operator == "=":
            from registry.analysis.survival_groups import county_name

            label = county_name(parts)
            return f"county other than {label}", f"resident in {label} County at diagnosis"
    return f"not {condition}", str(condition)


def find_persons(
    snapshot: Snapshot,
    request: Request,
    scope: Scope,
    *,
    deaths_complete_to: str | None = None,
    progress: Callable[[float, str], Any] = lambda share, text: None,
) -> Persons:
    """Gives the persons of a request with the whole flow; a selection without persons is the error `no-cases`."""
    cohort = choose(snapshot, request, scope)
    rules = rules_of(request, scope, deaths_complete_to=deaths_complete_to)
    how = grouping(request)
    progress(0.1, "selecting tumors")
    frame = read_frame(cohort, request, scope, extra=how.columns)
    selection = select(frame, rules)
    steps = [FlowStep("registry", "tumors in the registry", 0, cohort.steps[0].remaining)]
    steps += [FlowStep(f"c{n}", s.text, s.excluded, s.remaining) for n, s in enumerate(cohort.steps[1:], 1)]
    # what excludes nobody by the registry's own rules is said in the definition and needs no line
    steps += [
        FlowStep(f"s{n}", in_words(s.reason), s.excluded, s.left)
        for n, s in enumerate(selection.flow)
        if n and s.excluded
    ]
    progress(0.3, "selecting persons")
    selected, notes = selection.frame, []
    if request.primaries == "matching":
        selected = _note(steps, selected, _first_of_person(selected), "matching", "later tumor of the same person")
    elif request.primaries == "all" and (twice := len(selected) - selected["patient_id"].nunique()):
        notes.append(f"{twice:,} tumors are further primaries of persons already counted: these persons weigh twice.")
    selected = _timed(selected)
    closing = _closing(cohort, rules)
    selected, more = apply_window(selected, request, closing, steps)
    if selected.empty:
        raise RegistryError("no-cases", "no person is left by this selection", hint=_where_lost(steps))
    found = Persons(
        request,
        selected.assign(group=0),
        [],
        tuple(steps),
        definition(cohort, selection, request, scope),
        closing,
        (*notes, *more, *_follow_up_notes(selected, request, closing)),
    )
    return regroup(found, request.by)


def regroup(found: Persons, by: tuple[str, ...]) -> Persons:
    """Gives the same persons in other groups; the columns of the groups must have been read with them."""
    request = found.request.with_changes(by=by)
    how = grouping(request)
    grouped = how.of(found.frame, request)
    before = set(found.grouping.of(found.frame, found.request).notes) if found.labels else set()
    return replace(
        found,
        request=request,
        frame=found.frame.assign(group=grouped.number),
        labels=grouped.labels,
        margins=grouped.margins,
        notes=(*(note for note in found.notes if note not in before), *grouped.notes),
        grouping=how,
    )


def in_words(reason: str) -> str:
    """Gives a reason of the engine with the names of behavior codes."""
    before, known, codes = reason.partition("behavior other than ")
    if not known:
        return reason
    return before + known + " or ".join(BEHAVIORS.get(code.strip(), code).lower() for code in codes.split(","))


def _where_lost(steps: list[FlowStep]) -> str:
    worst = max(steps[1:], key=lambda s: s.excluded, default=None)
    return f"most were left out as: {worst.text} ({worst.excluded:,})" if worst else "choose a wider selection"


def read_frame(cohort: cohorts.Cohort, request: Request, scope: Scope, *, extra: tuple[str, ...] = ()) -> pd.DataFrame:
    """Gives the columns that selection and methods need, one row a tumor; a column the registry never had is blank."""
    table = cohort.table
    wanted = tuple(dict.fromkeys((*READ, *extra)))
    frame = table.select([name for name in wanted if name in table.columns]).order_by("tumor_id").execute()
    for name in wanted:
        if name not in frame:
            frame[name] = pd.Series([None] * len(frame), dtype="string")
    sequence = frame["sequenceNumberCentral"].astype("string")
    frame["sequence"] = sequence.where(sequence.fillna("") != "", frame["sequenceNumberHospital"].astype("string"))
    frame["class"] = frame["classOfCase"]
    facility = scope.facility or request.facility
    if facility:
        # whether a case is analytic is a matter of the facility's own abstract
        frame["class"] = frame["tumor_id"].map(own_classes(cohort.snapshot, facility))
    return frame


def own_classes(snapshot: Snapshot, facility: str) -> pd.Series:
    """Gives each tumor's class of case at one facility; of several abstracts the most involved one counts."""
    import ibis

    own = cohorts.connect().read_parquet(snapshot.abstract_files)
    found = own.filter(own.facility == facility).group_by("tumor_id").agg(cls=ibis._.class_of_case.min()).execute()
    return pd.Series(found["cls"].to_numpy(), index=found["tumor_id"].to_numpy())


def _note(steps: list[FlowStep], frame: pd.DataFrame, keep: Any, name: str, text: str) -> pd.DataFrame:
    kept = frame[np.asarray(keep, dtype=bool)].reset_index(drop=True)
    steps.append(FlowStep(name, text, len(frame) - len(kept), len(kept)))
    return kept


def _first_of_person(frame: pd.DataFrame) -> np.ndarray:
    order = frame.sort_values(["date", "tumor_id"]).drop_duplicates("patient_id").index
    return frame.index.isin(order)


def _timed(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds age in days and the date as days since 1960; where the birth date is not full, the middle of the year of age."""
    days = (frame["date"].to_numpy().astype("datetime64[D]") - EPOCH).astype("int64")
    text = frame["dateOfBirth"].astype("string").str.strip()
    born = pd.to_datetime(text.where(text.str.fullmatch(r"\d{8}").fillna(False)), format="%Y%m%d", errors="coerce")
    exact = (frame["date"] - born).dt.days.astype("float64")
    coded = pd.to_numeric(frame["age_years"], errors="coerce").astype("float64")
    middle = (coded + 0.5) * YEAR_OF_AGE
    # a birth date that contradicts the coded age is not believed
    age = exact.where((exact - middle).abs() <= YEAR_OF_AGE, middle)
    # dead of another cause: dead when follow-up ended, and not cut off before
    last = frame["date"] + pd.to_timedelta(frame["time"], unit="D")
    seen = pd.to_datetime(frame["survival_date_active"].astype("string"), format="%Y%m%d", errors="coerce")
    other = (frame["vital_status_recode"].astype("string") == "0") & (frame["event"] == 0) & (seen == last)
    return frame.assign(age=age, day=days, entry=0.0, other=other.fillna(False).astype("int64"))


def _closing(cohort: cohorts.Cohort, rules: Rules) -> pd.Timestamp:
    """The end of follow-up: as the rules say, else the last contact known of anybody in the registry."""
    if rules.presumed_alive or rules.cut_off:
        return pd.Timestamp(rules.deaths_complete_to if rules.presumed_alive else rules.cut_off)
    last = cohort.source.survival_date_active.max().execute()
    found = pd.to_datetime(str(last), format="%Y%m%d", errors="coerce")
    return pd.Timestamp("1970-01-01") if pd.isna(found) else found


# ---- calendar windows -------------------------------------------------------------------------------------------------


def window_years(request: Request, closing: pd.Timestamp, last_diagnosis: int) -> tuple[int, int, int]:
    """Gives first and last calendar year of a period or hybrid window, and the first diagnosis year entering at once.

    Without a choice the window is the last three years of follow-up; the hybrid takes as many years of the latest
    diagnoses from their start (Brenner and Rachet, Eur J Cancer 40 (2004) 2494-2501).
    """
    # a year that has only begun gives no full window
    full = closing.year if closing.month == 12 else closing.year - 1
    end = request.period_to or full
    start = request.period_from or end - 2
    return start, end, request.hybrid_from or min(last_diagnosis - (end - start), start)


def apply_window(
    frame: pd.DataFrame, request: Request, closing: pd.Timestamp, steps: list[FlowStep]
) -> tuple[pd.DataFrame, list[str]]:
    """Gives entry and exit of each person within the window asked for; who has no time in it leaves and is counted.

    Period analysis as `survival.net.cohort.window`: diagnosed before the window enters at its start, follow-up beyond its
    end is cut. In a cohort only those stay whose diagnosis lies far enough back for every year asked for.
    """
    if request.window == "complete" or frame.empty:
        return frame, []
    if request.window == "cohort":
        latest = closing - pd.to_timedelta(request.horizon * YEAR_OF_AGE, unit="D")
        text = f"diagnosed less than {request.horizon:g} years before the end of follow-up"
        return _note(steps, frame, frame["date"] <= latest, "window", text), []
    start, end, newest = window_years(request, closing, int(frame["date"].dt.year.max()))
    if start > end:
        raise RegistryError("selection", f"the calendar window {start} to {end} ends before it begins", exit_code=2)
    opening = (np.datetime64(f"{start}-01-01") - EPOCH).astype(int)
    limit = (np.datetime64(f"{end}-12-31") - EPOCH).astype(int) - frame["day"]
    entry = np.maximum(opening - frame["day"], 0.0)
    words = f"follow-up within {start} to {end}"
    if request.window == "hybrid":
        entry = np.where(frame["date"].dt.year >= newest, 0.0, entry)
        words += f", diagnoses from {newest} on from their start"
    time = np.minimum(frame["time"], limit)
    event = frame["event"].where(frame["time"] <= limit, 0)
    inside = (time > entry) | ((entry == 0) & (time == 0) & (limit >= 0))
    other = frame["other"].where(frame["time"] <= limit, 0)
    moved = frame.assign(time=time, event=event, other=other, entry=entry)
    kept = _note(steps, moved, inside, "window", "no follow-up within the calendar window")
    return kept, [f"Calendar window: {words}."]


def _follow_up_notes(frame: pd.DataFrame, request: Request, closing: pd.Timestamp) -> list[str]:
    if request.follow_up == "presumed":
        return [f"Persons not known to be dead are presumed alive on {closing.date()}, the date of complete deaths."]
    if request.window in ("period", "hybrid"):
        return []
    alive = frame[frame["event"] == 0]
    last = alive["date"] + pd.to_timedelta(alive["time"], unit="D")
    gone = int((last < closing - pd.DateOffset(months=24)).sum())
    if len(alive) and gone / len(frame) > 0.05:
        return [
            f"{gone:,} of {len(frame):,} persons ({gone / len(frame):.0%}) were last seen alive more than two years before "
            f"the end of follow-up, {closing.date()}: if they differ from the others, survival is biased."
        ]
    return []


def definition(cohort: cohorts.Cohort, selection: Selection, request: Request, scope: Scope) -> str:
    """Gives the case definition in one sentence."""
    words = [w for w in cohort.words if not w.startswith("tumors abstracted")]
    facility = scope.facility_name or scope.facility or request.facility
    text = selection.definition
    if request.primaries == "matching":
        text = text.replace("all primaries", PRIMARIES["matching"].lower())
    if not words and not facility:
        return text
    before = ", ".join(words) or site_label(request.site)
    if facility:
        before += f", cases of {facility}"
    return f"{before}: {text[0].lower()}{text[1:]}"


def own_cohort(cohort: cohorts.Cohort, line: int) -> tuple[str, tuple[int, ...]]:
    """Gives the tumors that one condition of a cohort left out, by its line in the flow, and the line's text."""
    number, used = 0, None
    for one, after in zip(cohort.filters, _running(cohort), strict=True):
        number += 0 if one.silent and not after else 1
        if number == line:
            used = one
            break
    if used is None:
        raise RegistryError("not-found", "there is no such line in the flow", hint="open the list from the page again")
    before = [f.keeps for f in cohort.filters[: cohort.filters.index(used)]]
    table = cohort.source.filter(before) if before else cohort.source
    left = table.filter(~used.keeps).select("tumor_id").order_by("tumor_id").execute()
    return used.text, tuple(int(t) for t in left["tumor_id"])


def _running(cohort: cohorts.Cohort) -> list[int]:
    """Gives how many each filter excluded, silent ones included."""
    shown = {step.text: step.excluded for step in cohort.steps[1:]}
    return [shown.get(one.text, 0) for one in cohort.filters]
