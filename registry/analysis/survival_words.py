"""What was done, in words for a paper: method with references, the equivalent R code, and the citation with the data's hash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry.analysis.snapshot import Snapshot
from registry.analysis.survival_cohort import Persons, window_years
from survival.reproduce import REFERENCES, reproduce
from survival.results import Result

if TYPE_CHECKING:
    from survival.standards import Standard

HASH = 16
"""So many characters of the snapshot's hash identify the data in a citation."""

HYBRID = (
    "Brenner H, Rachet B. Hybrid analysis for up-to-date long-term survival rates in cancer registries with delayed "
    "recording of incident cases. Eur J Cancer 2004;40:2494-501."
)

GRAY = (
    "Gray RJ. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann Stat "
    "1988;16:1141-54."
)
OWN_TABLE = (
    'rates <- read.csv("life-table.csv")  # year, age, sex, annual_prob',
    "survive <- function(s) 1 - t(xtabs(annual_prob ~ year + age, rates[rates$sex == s, ]))",
    "table <- relsurv::transrate(survive(1), survive(2), yearlim = range(rates$year), int.length = 1)",
)


@dataclass(frozen=True)
class Words:
    """The texts that travel with a result."""

    method: str
    references: tuple[str, ...]
    r_call: str
    citation: str


def describe(
    persons: Persons,
    result: Result,
    *,
    snapshot: Snapshot,
    registry: str,
    table_name: str,
    standard: Standard | None,
) -> Words:
    """Gives the texts of one result."""
    request = persons.request
    settings = dict(result.settings) | {"at_unit": "years", "at": list(request.at), "given": request.given}
    if request.way.background:
        settings["life_table"] = table_name
    settings |= {"standard": standard.name, "weighting": request.weighting} if standard else {"standard": None}
    grouped = ("group",) if len(persons.labels) > 1 else ()
    shown = replace(result, settings=settings, by=grouped)
    found = reproduce(shown, snapshot=snapshot.version[:HASH], registry=registry, definition=persons.definition)
    text, references = found.method_text, list(found.references)
    if request.way.endpoint == "cause-specific":
        text = text.replace(
            "Survival was estimated", "Cause-specific survival, deaths of other causes being censored, was estimated"
        )
    if request.method == "competing":
        text = text.replace(
            "Cumulative incidence was estimated by the Aalen-Johansen method.",
            "Probabilities of death from this cancer and from other causes were estimated as cumulative incidence by the "
            "Aalen-Johansen method with " + ("Gray's" if persons.delayed else "jackknife") + " standard errors.",
        )
        references += [GRAY] if persons.delayed or len(persons.labels) > 1 else []
    if request.window in ("period", "hybrid"):
        start, end, newest = window_years(request, persons.closing, int(persons.frame["year_of_diagnosis"].max()))
        text = text.replace(" A calendar window was analysed by delayed entry, with weights from diagnosis.", "")
        text += f" Follow-up within {start} to {end} was analysed by delayed entry (period approach)"
        if request.window == "hybrid":
            text += f"; persons diagnosed from {newest} on were followed from diagnosis (hybrid approach)"
            references.append(HYBRID)
        text += "."
        references.append(REFERENCES["period"])
    elif request.window == "cohort":
        text += f" Only persons with a potential follow-up of {request.horizon:g} years were included."
    text += f" Follow-up ended on {persons.closing.date()}."
    if persons.grouping.parts:
        text += f" Results are given by {persons.grouping.title.lower()}."
    return Words(text, tuple(dict.fromkeys(references)), _r_code(persons, found.r_call), found.citation)


def _r_code(persons: Persons, call: str) -> str:
    """Gives the R code with the reading of the data before it; delayed entry where there is one."""
    request = persons.request
    lines = [
        'cohort <- read.csv("cohort.csv")  # time and entry in days, event 0/1, status 0/1/2, age in days, sex 1/2, date'
    ]
    if request.way.background:
        lines.append("cohort$date <- as.Date(cohort$date)")
        lines += ["table <- survival::survexp.us"] if request.life_table == "us" else list(OWN_TABLE)
    if request.method == "competing":
        right = "group" if len(persons.labels) > 1 else "1"
        entry = "entry, " if persons.delayed else ""
        status = 'factor(status, 0:2, c("alive", "cancer", "other"))'
        call = f"library(survival)\nsummary(survfit(Surv({entry}time, {status}) ~ {right}, data = cohort))"
    if persons.delayed:
        call = call.replace("Surv(time, event)", "Surv(entry, time, event)")
    return "\n".join([*lines, call])
