"""What was done, in words for a paper: method with references, the equivalent R code, and the citation with the data's hash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry.analysis.snapshot import Snapshot
from registry.analysis.survival_cohort import Persons, window_years
from registry.analysis.survival_tests import MOST_COMPARED
from survival.r_calls import Columns, r_call, read_rates
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

TESTS = {
    "kaplan-meier": "log-rank",
    "cause-specific": "log-rank",
    "actuarial": "log-rank",
    "pohar-perme": "net-log-rank",
    "competing": "gray",
}
"""Which test of equal curves a method has (`survival_tests`)."""

GRAY = (
    "Gray RJ. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann Stat "
    "1988;16:1141-54."
)
OWN_TABLE = tuple(read_rates("life-table.csv"))


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
    # the text has the standard; the code is of the curves, of which each is one estimate
    weighting = "traditional" if request.way.two_causes else request.weighting
    settings |= {"standard": standard.name, "weighting": weighting} if standard else {"standard": None}
    grouped = ("group",) if len(persons.labels) > 1 else ()
    shown = replace(result, settings=settings, by=grouped)
    columns = Columns(by=grouped, entry="entry" if persons.delayed else "")
    if request.method == "competing":
        columns = replace(columns, status='factor(status, 0:2, c("alive", "cancer", "other"))')
    found = reproduce(
        shown,
        snapshot=snapshot.version[:HASH],
        registry=registry,
        definition=persons.definition,
        columns=columns,
    )
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
    call = found.r_call
    if standard:
        curves = {**settings, "standard": None}
        aged = {**settings, "ages": standard.lower}
        # a life table is standardised in groups of age as Kaplan-Meier is, its own call within each
        by_age = "kaplan-meier" if request.method == "actuarial" else result.method
        call = f"{r_call(result.method, curves, columns)}\n{r_call(by_age, aged, columns)}"
    return Words(text, tuple(dict.fromkeys(references)), _r_code(persons, call), found.citation)


def _r_code(persons: Persons, call: str) -> str:
    """Gives the R code with the reading of the data before it, and the test between groups after it."""
    request = persons.request
    lines = [
        'cohort <- read.csv("cohort.csv")  # time and entry in days, event 0/1, status 0/1/2, age in days, sex 1/2, date'
    ]
    if request.way.background:
        lines.append("cohort$date <- as.Date(cohort$date)")
        lines += ["table <- survival::survexp.us"] if request.life_table == "us" else list(OWN_TABLE)
    if request.method == "hakulinen":
        lines.append(f'cohort$potential <- as.numeric(as.Date("{persons.closing.date()}") - cohort$date)')
    lines.append(call)
    if test := TESTS.get(request.method) if 2 <= len(persons.labels) <= MOST_COMPARED and not request.given else None:
        columns = Columns(by=("group",), entry="entry" if persons.delayed else "")
        if test != "gray" or not persons.delayed:
            lines.append(r_call(test, {"censored": 0}, columns))
    return "\n".join(lines)
