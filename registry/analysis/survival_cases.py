"""The cases behind a count: of a group, of its events, or of one line of the flow, as rows that open a patient.

What the engine excluded is found again by asking it about parts of the frame until a part has one reason: the engine tells
how many left for each reason, and each of its rules looks at one row alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.analysis.snapshot import Snapshot
from registry.analysis.survival_cohort import (
    COLUMNS,
    choose,
    find_persons,
    grouping,
    in_words,
    own_cohort,
    read_frame,
    rules_of,
)
from registry.analysis.survival_request import Request
from registry.analysis.survival_scope import Scope
from registry.errors import RegistryError
from registry.models import Patient, Tumor
from registry.security.permissions import Actor, Refused, visible
from survival.actuarial import COMPLETED
from survival.frames import DAYS
from survival.selection import Rules
from survival.selection import select as select_persons

CHUNK = 800
YEAR = DAYS["years"]
WHATS = {
    "all": "persons",
    "events": "events",
    "alive": "without the event",
    "risk": "at risk",
    "withdrawn": "withdrawn",
    "other": "deaths of other causes",
}
"""What of a group can be listed; numbers at risk, events and withdrawals also at a time or within an interval."""


@dataclass(frozen=True)
class Behind:
    """The tumors behind a count with what the analysis says of each: years of follow-up and whether the event occurred."""

    title: str
    tumors: tuple[int, ...]
    years: dict[int, float]
    events: frozenset[int]


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
    vital_status: str
    years: float | None
    event: bool | None


def find_behind(
    snapshot: Snapshot,
    request: Request,
    scope: Scope,
    *,
    deaths_complete_to: str | None = None,
    group: int | None = None,
    what: str = "all",
    after: float | None = None,
    until: float | None = None,
    step: str = "",
) -> Behind:
    """Gives the tumors behind a count; a group that is suppressed for the scope is refused, an unknown one not found.

    `what` is of `WHATS`; `until` (years since diagnosis) is the time of a number at risk, `after` and `until` the interval
    of events and withdrawals, its end included; in a life table the interval's start is, as its methods count.
    """
    if what not in WHATS:
        raise RegistryError("not-found", "there is no such list", hint="open the list from the page again")
    if step:
        behind = _excluded(snapshot, request, scope, step, deaths_complete_to)
        if 0 < len(behind.tumors) < scope.minimum and not scope.small:
            raise Refused(f"Fewer than {scope.minimum} cases were left out here: they are suppressed for your role.")
        return behind
    found = find_persons(snapshot, request, scope, deaths_complete_to=deaths_complete_to)
    frame = found.frame
    title = "All persons analysed"
    hidden = frozenset() if scope.small else found.hidden(scope.minimum)
    if group is not None:
        if not 0 <= group < len(found.labels):
            raise RegistryError("not-found", "there is no such group", hint="open the list from the page again")
        frame, title = frame[frame["group"] == group], found.labels[group]
    if (group in hidden) if group is not None else (len(frame) < scope.minimum and not scope.small):
        raise Refused(
            f"Groups of fewer than {scope.minimum} persons, and those that would tell their size, are suppressed for "
            "your role."
        )
    frame = _counted(frame, request, what, after, until)
    if what != "all":
        title += f": {WHATS[what]}{_when(what, after, until)}"
    return Behind(
        title,
        tuple(int(t) for t in frame["tumor_id"]),
        {int(t): float(d) / YEAR for t, d in zip(frame["tumor_id"], frame["time"], strict=True)},
        frozenset(int(t) for t in frame.loc[frame["event"] == 1, "tumor_id"]),
    )


def _counted(
    frame: pd.DataFrame, request: Request, what: str, after: float | None, until: float | None
) -> pd.DataFrame:
    """Gives the persons that an estimator counts at a time or within an interval of years since diagnosis."""
    kind = {"events": frame["event"] == 1, "other": frame["other"] == 1, "alive": frame["event"] == 0}
    if what in ("all", "alive") or (what in kind and after is None and until is None):
        return frame[kind.get(what, frame["event"].notna())]
    time, entry = frame["time"], frame["entry"]
    if request.method == "actuarial":
        # completed months: who leaves exactly at a bound was there in the interval that begins with it
        start, end = ((value or 0.0) * 12 * COMPLETED["months"] for value in (after, until))
        start, end = round(start, 6), round(end, 6)
        if what == "risk":
            return frame[(entry <= end) & (time >= end)]
        inside = (time >= start) & (time < end)
        return frame[inside & (kind[what] if what in kind else frame["event"] == 0)]
    start, end = (after or 0.0) * YEAR, (until or 0.0) * YEAR
    if what == "risk":
        return frame[((entry < end) | (end == 0) & (entry == 0)) & (time >= end)]
    # deaths on day 0 belong to the first interval
    inside = ((time > start) | (start == 0)) & (time <= end)
    return frame[inside & (kind[what] if what in kind else frame["event"] == 0)]


def _when(what: str, after: float | None, until: float | None) -> str:
    if until is None:
        return ""
    if what == "risk":
        return f" at year {until:g}"
    return f" from year {after or 0:.4g} to {until:.4g}"


def _excluded(snapshot: Snapshot, request: Request, scope: Scope, step: str, deaths_complete_to: str | None) -> Behind:
    cohort = choose(snapshot, request, scope)
    if step.startswith("c") and step[1:].isdigit():
        text, tumors = own_cohort(cohort, int(step[1:]))
        return Behind(f"Left out: {text}", tumors, {}, frozenset())
    rules = rules_of(request, scope, deaths_complete_to=deaths_complete_to)
    frame = read_frame(cohort, request, scope, extra=grouping(request).columns)
    if step.startswith("s") and step[1:].isdigit():
        reasons = select_persons(frame, rules).flow
        number = int(step[1:])
        if not 0 < number < len(reasons):
            raise RegistryError(
                "not-found", "there is no such line in the flow", hint="open the list from the page again"
            )
        reason = reasons[number].reason
        rows = [row for why, part in reasons_of(frame, rules) if why == reason for row in part]
        return Behind(f"Left out: {in_words(reason)}", tuple(sorted(rows)), {}, frozenset())
    if step in ("matching", "window"):

        def analysed(asked: Request) -> pd.Series:
            return find_persons(snapshot, asked, scope, deaths_complete_to=deaths_complete_to).frame["tumor_id"]

        whole = analysed(request.with_changes(window="complete"))
        if step == "matching":
            before, after = select_persons(frame, rules).frame["tumor_id"], whole
        else:
            before, after = whole, analysed(request)
        left = before[~before.isin(after)]
        text = {"matching": "later tumor of the same person", "window": "no follow-up within the window"}[step]
        return Behind(f"Left out: {text}", tuple(int(t) for t in left), {}, frozenset())
    raise RegistryError("not-found", "there is no such line in the flow", hint="open the list from the page again")


def reasons_of(frame: pd.DataFrame, rules: Rules) -> Iterator[tuple[str, list[int]]]:
    """Gives for parts of the frame why they were excluded, with their tumors; who was selected is not among them."""
    kept = select_persons(frame, rules).frame["tumor_id"]
    # rows that look alike leave for the same reason: sorted, few parts are mixed
    order = [getattr(COLUMNS, name) for name in ("behavior", "source", "class_of_case", "sequence", "sex", "cause")]
    rest = frame[~frame["tumor_id"].isin(kept)].sort_values([name for name in order if name in frame])
    waiting = [rest] if len(rest) else []
    while waiting:
        part = waiting.pop()
        used = [step for step in select_persons(part, rules).flow[1:] if step.excluded]
        if len(used) == 1:
            yield used[0].reason, [int(t) for t in part["tumor_id"]]
        else:
            middle = len(part) // 2
            waiting += [part.iloc[:middle], part.iloc[middle:]]


def load_rows(session: Session, actor: Actor, behind: Behind, *, page: int, size: int) -> tuple[list[CaseRow], bool]:
    """Gives one page of the cases that the actor may see, in order of tumor number, and whether more follow."""
    start = (page - 1) * size
    wanted = behind.tumors[start : start + size + 1]
    more, wanted = len(wanted) > size, wanted[:size]
    found: list[CaseRow] = []
    for first in range(0, len(wanted), CHUNK):
        part = wanted[first : first + CHUNK]
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
                Patient.vital_status,
            )
            .join(Patient, Tumor.patient_id == Patient.id)
            .where(Tumor.id.in_(part), visible(Tumor, actor))
            .order_by(Tumor.id)
        )
        for row in rows:
            # of a shared case a facility sees its own account: follow-up that others reported stays out of the list
            bound = actor.facility_id is not None
            last, first_name, site, histology, behavior, diagnosed, vital = (
                "" if v is None else str(v) for v in row[2:9]
            )
            found.append(
                CaseRow(
                    tumor_id=row[0],
                    patient_id=row[1],
                    name_last=last,
                    name_first=first_name,
                    primary_site=site,
                    histology=histology,
                    behavior=behavior,
                    date_of_diagnosis=diagnosed,
                    vital_status="" if bound else vital,
                    years=None if bound else behind.years.get(row[0]),
                    event=None if bound or not behind.years else row[0] in behind.events,
                )
            )
    return found, more
