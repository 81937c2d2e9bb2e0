"""A kept scan as one account may see it, and how many scans were tried before it.

A cluster's count is a sum over counties. For an account that counts are hidden from it is shown when every member's count
of that window is shown anyway: clusters of several scans, or overlapping ones, could else be subtracted from each other.
Otherwise observed, expected, relative risk, LLR and the person-years of the cluster are hidden, and of its p-value only
whether it is at most 5 %: with the seed of the simulation the exact one encloses the LLR, and so the count. For the same
reason hidden clusters stand after the others, in an order that is not that of their LLR, and a simulation that ended early
does not tell when. Where a cluster lies and its window stay. Expected cases are told only where they follow from published
counts (`scans.scan_tables`).

**Asking again.** Whether a window is significant says that its LLR lies above or below the critical value of that scan; with
another seed, another number of replicates, another largest window the critical value is another, so that scans of the same
cases would enclose the LLR ever more closely, and so the count. So an account that counts are hidden from is told of hidden
clusters by one scan of each choice of cases and kind alone: that with the `STANDARD` settings, seed included, and there only
of significant ones. Whoever asks twice gets the same answer twice, a lower bound at most. In every other scan clusters with
a hidden count are left out altogether, in its list, map and files as well, whoever asked for it. Its other clusters follow
from published counts, and may be scanned for as often as one likes.

A limit on the cases of a window, or on its size where size is measured in cases, would tell by trial how many cases a
window has: `check_tuning` refuses both to an account that counts are hidden from, and a scan made with them is not shown to
it. What remains is what one test says of one choice of cases: a significant window has more cases than expected.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.analysis.disclosure import Policy
from registry.analysis.rates import short_name
from registry.analysis.rates_desk import Desk
from registry.analysis.scans_request import ScanRequest, from_pairs
from registry.errors import RegistryError
from registry.jobs import DONE
from registry.models import Job

if TYPE_CHECKING:
    from registry.db import Store

SIGNIFICANT = 0.05
TUNED = ("min_cases", "max_share")
"""Choices by which a hidden count could be found by trial."""
STANDARD = {
    "shape": "the shape of windows", "rates": "the kind of rates", "max_share": "the largest share of people",
    "max_radius": "the largest radius", "max_time": "the largest share of years", "adjust": "the adjustment",
    "min_cases": "the fewest cases", "overlap": "the rule of further clusters", "gini": "the Gini coefficient",
    "early": "the early end", "replicates": "the replicates", "seed": "the seed",
}  # fmt: skip
"""The settings that must stand at their defaults in a scan that tells of hidden clusters, in words."""
KIND = "scan"
MOST_LISTED = 50


@dataclass(frozen=True)
class Cluster:
    """One cluster; `hidden` ones have no figure that comes from their count. p_value is text as it is published."""

    rank: int
    members: tuple[tuple[str, str], ...]
    start: str | None
    end: str | None
    radius_km: float | None
    p_value: str
    significant: bool
    observed: int | None
    expected: float | None
    relative_risk: float | None
    llr: float | None
    recurrence_days: float | None
    in_gini: bool
    hidden: bool

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last year of the window; none where the scan has no time."""
        return (int(self.start[:4]), int(self.end[:4])) if self.start and self.end else None

    @property
    def window(self) -> str:
        """The window in words."""
        if self.span is None:
            return ""
        first, last = self.span
        return str(first) if first == last else f"{first}–{last}"


@dataclass(frozen=True)
class Location:
    """One county of the scan: observed and expected cases, risk relative to all others; hidden ones have none."""

    code: str
    name: str
    observed: int | None
    expected: float | None
    relative_risk: float | None


@dataclass(frozen=True)
class Tried:
    """How many scans were made on this registry up to one, and on how many sites, age ranges, sexes and periods."""

    scans: int
    sites: int
    ages: int
    sexes: int
    periods: int
    settings: int

    @property
    def words(self) -> str:
        """A sentence for pages and files."""

        def many(count: int, one: str, more: str = "") -> str:
            return f"{count} {one if count == 1 else more or one + 's'}"

        parts = ", ".join(
            (
                many(self.sites, "site"), many(self.sexes, "choice of sex", "choices of sex"), many(self.ages, "age range"),
                many(self.periods, "period"), many(self.settings, "setting of the method", "settings of the method"),
            )
        )  # fmt: skip
        chance = 1 - 0.95**self.scans
        return (
            f"Up to this scan {many(self.scans, 'scan')} {'was' if self.scans == 1 else 'were'} made on this registry: "
            f"{parts}. Were there no cluster anywhere, so many independent scans would show at least one at p ≤ 0.05 with "
            f"a probability of {100 * chance:.0f}%."
        )


@dataclass(frozen=True)
class Scan:
    """A finished scan as one account may see it."""

    number: int
    request: ScanRequest
    years: tuple[int, int]
    counties: int
    clusters: tuple[Cluster, ...]
    locations: tuple[Location, ...]
    total: int | None
    warnings: tuple[str, ...]
    statement: str
    settings: str
    definition: str
    population: str
    version: str
    made_at: str
    who: str
    at: datetime
    replicates: int
    tried: Tried
    policy: Policy

    @property
    def title(self) -> str:
        return self.request.title(self.years)

    @property
    def found(self) -> int:
        """How many clusters are significant at 5 %."""
        return sum(one.significant for one in self.clusters)


@dataclass(frozen=True)
class Listed:
    """One scan of the list of all; `best` is its least p-value. Of a scan that is kept back neither it nor a number is told."""

    number: int
    title: str
    method: str
    state: str
    progress: float
    message: str
    who: str
    at: datetime
    best: str
    significant: int | None


def listed(session: Session, policy: Policy, *, most: int = MOST_LISTED) -> list[Listed]:
    """Gives the scans of the registry, the latest first; p-values as classes for an account that counts are hidden from."""
    rows = session.scalars(select(Job).where(Job.kind == KIND).order_by(Job.id.desc()).limit(most))
    found = []
    for job in rows:
        asked = from_pairs(job.parameters.get("pairs", []))
        years, best, significant = None, "", None
        if job.state == DONE and job.result:
            years = tuple(job.result["years"])
            ranked = [c["p_value"] for c in job.result["result"]["clusters"] if c["p_value"] is not None]
            told = policy.sees_all or not departures(asked)
            best = "none" if told else ""
            if ranked and told:
                exact = policy.sees_all
                best = p_text(min(ranked), job.result["result"]["replicates"]) if exact else p_class(min(ranked))
            significant = sum(p <= SIGNIFICANT for p in ranked) if told else None
        found.append(
            Listed(
                job.id, asked.title(years), asked.method(), job.state, job.progress, job.message, job.who, job.created_at,
                best, significant,
            )
        )  # fmt: skip
    return found


def tried(session: Session, number: int) -> Tried:
    """Gives how many scans were finished up to and with this one."""
    rows = session.scalars(select(Job).where(Job.kind == KIND, Job.id <= number)).all()
    asked = [from_pairs(job.parameters.get("pairs", [])) for job in rows if job.state == DONE or job.id == number]

    def different(*names: str) -> int:
        return len({tuple(getattr(one, name) for name in names) for one in asked})

    settings = ("model", "analysis", "shape", "rates", "max_share", "max_radius", "max_time", "adjust", "behavior")
    return Tried(
        len(asked), different("site"), different("age_from", "age_to"), different("sex"), different("year_from", "year_to"),
        different(*settings),
    )  # fmt: skip


def load(store: Store, number: int) -> Job:
    """Gives the job of a scan; a number of another kind is not found."""
    with store.reading() as session:
        job = session.get(Job, number)
        if job is None or job.kind != KIND:
            raise RegistryError("not-found", f"there is no scan {number}")
        session.expunge(job)
        return job


def view(desk: Desk, job: Job, policy: Policy) -> Scan:
    """Gives a finished scan, cut to the policy."""
    kept = job.result or {}
    result, asked = kept["result"], from_pairs(kept["pairs"])
    years = (int(kept["years"][0]), int(kept["years"][1]))
    with desk.store.reading() as session:
        before = tried(session, job.id)
    cells = _Cells(desk, asked, years, policy, kept)
    check_tuning(asked, policy)
    every = [_cluster(one, result, cells, policy) for one in result["clusters"]]
    changed = () if policy.sees_all else departures(asked)
    clusters = _in_order([one for one in every if not one.hidden or (one.significant and not changed)])
    locations = tuple(_location(one, cells, years) for one in result["locations"])
    whole = cells.shown(years)[-1]
    replicates = asked.replicates if asked.early and any(one.hidden for one in every) else result["replicates"]
    return Scan(
        number=job.id,
        request=asked,
        years=years,
        counties=kept["counties"],
        clusters=clusters,
        locations=locations,
        total=result["total_cases"] if whole else None,
        warnings=(*_of_hidden(changed, policy), *_of_expected(asked, kept), *result["warnings"]),
        statement=result["statement"],
        settings=result["reproduce"],
        definition=kept["definition"],
        population=kept["population"],
        version=kept["version"],
        made_at=kept["made_at"],
        who=job.who,
        at=job.created_at,
        replicates=replicates,
        tried=before,
        policy=policy,
    )


def departures(asked: ScanRequest) -> tuple[str, ...]:
    """Gives, in words, the settings by which a scan departs from the one that tells of hidden clusters."""
    # the timing of cases alone is never adjusted
    ignored = {"adjust"} if asked.model != "poisson" else set()
    return tuple(
        words for name, words in STANDARD.items()
        if name not in ignored and getattr(asked, name) != getattr(ScanRequest(), name)
    )  # fmt: skip


def _of_hidden(changed: tuple[str, ...], policy: Policy) -> list[str]:
    """Says which clusters are not told of."""
    if policy.sees_all:
        return []
    if not changed:
        return ["Of clusters with a hidden count only those at p ≤ 0.05 are listed."]
    return [
        "Clusters with a hidden count are left out of this scan: they are told of by the scan with the standard settings "
        f"alone, since several scans would narrow the count. Changed here: {', '.join(changed)}."
    ]


def _of_expected(asked: ScanRequest, kept: dict[str, Any]) -> list[str]:
    """Says where expected cases come from, where that is not the method's own way."""
    if asked.model != "poisson" or not asked.adjust or not kept.get("released"):
        return []
    return [
        "Expected cases: residents weighted by the state's rates by sex, in the age groups and five-year periods that may be "
        "published; in SaTScan a population file of these weighted residents, without covariates."
    ]


def _in_order(clusters: list[Cluster]) -> tuple[Cluster, ...]:
    """Gives clusters in the order of their LLR, hidden ones after them by place and window; numbered anew."""
    shown = [one for one in clusters if not one.hidden]
    hidden = sorted(
        (one for one in clusters if one.hidden), key=lambda c: (not c.significant, c.members[0], c.start or "")
    )
    return tuple(replace(one, rank=place) for place, one in enumerate([*shown, *hidden], 1))


def p_text(value: float | None, replicates: int) -> str:
    """Gives a p-value as it is written; the least that so many replicates allow is not made smaller."""
    if value is None:
        return "not tested"
    digits = 3 if replicates >= 999 else 2
    return f"{value:.{digits}f}"


def p_class(value: float | None) -> str:
    """Gives the class of a p-value whose exact value would tell a hidden count."""
    if value is None:
        return "not tested"
    return "≤ 0.05" if value <= SIGNIFICANT else "> 0.05"


def check_tuning(asked: ScanRequest, policy: Policy) -> None:
    """Refuses the choices by which an account that counts are hidden from could find a hidden count by trial."""
    limits = TUNED if asked.model in ("stp", "late") else TUNED[:1]
    if not policy.sees_all and any(getattr(asked, name) != getattr(ScanRequest(), name) for name in limits):
        raise RegistryError(
            "refused-scan",
            f"for your role, from which counts under {policy.threshold} are hidden, "
            + " and ".join(_LIMITS[name] for name in limits)
            + " cannot be chosen: trying several would tell a hidden count",
            hint="leave the fewest cases at 2, and the share at 0.5 where cases alone are scanned",
            exit_code=4,
        )


_LIMITS = {"min_cases": "the fewest cases of a window", "max_share": "the largest share of the cases in one"}


class _Cells:
    """Which counts of the scan's cases are shown, by span of years; kept while one scan is cut."""

    def __init__(self, desk: Desk, asked: ScanRequest, years: tuple[int, int], policy: Policy, kept: dict[str, Any]):
        self.desk, self.policy, self.years = desk, policy, years
        self.area = desk.area()
        self.wanted = asked.cases.with_changes(year_from=years[0], year_to=years[1])
        self.sexes = (0, 1) if not self.wanted.sex_in_force else (int(self.wanted.sex_in_force) - 1,)
        self._counts: np.ndarray | None = None
        released = not (asked.model == "poisson" and asked.adjust) or kept.get("released", 0) >= policy.threshold
        self.told = policy.sees_all or (released and bool(self.shown(years)[-1]))
        """Whether what depends on expected cases may be told at all."""
        self.margins = asked.model == "stp"
        """Whether expected cases come from the counties' counts of all years."""

    def places(self, years: tuple[int, int]) -> list[int]:
        return [i for i, year in enumerate(self.area.years) if years[0] <= year <= years[1]]

    def shown(self, years: tuple[int, int]) -> np.ndarray:
        return self.desk.shown(self.wanted, frozenset(self.places(years)), frozenset(self.sexes), self.policy.threshold)

    def counts(self, years: tuple[int, int]) -> np.ndarray:
        """The cases by county in a span of years, as selected."""
        if self._counts is None:
            late = self.wanted.measure == "late"
            _, array, categories = self.desk.cases(self.wanted, "stage" if late else "")
            array = array[..., categories.index("late")] if late else array.sum(axis=-1)
            low = (self.wanted.age_from or 0) // 5
            high = None if self.wanted.age_to is None else self.wanted.age_to // 5 + 1
            self._counts = array[:, :, list(self.sexes)][..., low:high].sum(axis=(2, 3)) * self.area.declared
        return self._counts[:, self.places(years)].sum(axis=1)

    def sum_is_safe(self, members: list[int], window: tuple[int, int]) -> bool:
        """Whether the members' sum in the window may be shown."""
        if self.policy.sees_all:
            return True
        clear = self.shown(window)[members].all() and (not self.margins or self.shown(self.years)[members].all())
        return bool(self.told and clear and self.counts(window)[members].sum() >= self.policy.threshold)


def _cluster(one: dict[str, Any], result: dict[str, Any], cells: _Cells, policy: Policy) -> Cluster:
    window = cells.years
    if one["start"] and one["end"]:
        window = (int(one["start"][:4]), int(one["end"][:4]))
    everywhere = len(one["members"]) == len(result["locations"])
    known = [code for code in one["members"] if code in cells.area.counties]
    safe = cells.sum_is_safe([cells.area.counties.index(code) for code in known], window)
    if everywhere:
        safe = cells.told and bool(cells.shown(window)[-1])
    p_value = one["p_value"]
    figures = Cluster(
        one["rank"],
        tuple((code, short_name(code)) for code in one["members"]),
        one["start"] if result["parameters"]["analysis"] != "spatial" else None,
        one["end"] if result["parameters"]["analysis"] != "spatial" else None,
        None if one["radius_km"] is None else round(one["radius_km"], 1),
        p_text(p_value, result["replicates"]),
        p_value is not None and p_value <= SIGNIFICANT,
        one["observed"],
        round(one["expected"], 1),
        None if one["relative_risk"] is None else round(one["relative_risk"], 2),
        round(one["llr"], 2),
        one["recurrence_days"],
        one["in_gini"],
        False,
    )
    if safe:
        return figures
    return replace(
        figures,
        observed=None,
        expected=None,
        relative_risk=None,
        llr=None,
        recurrence_days=None,
        in_gini=False,
        p_value=p_class(p_value),
        hidden=True,
    )


def _location(one: dict[str, Any], cells: _Cells, years: tuple[int, int]) -> Location:
    code = one["id"]
    shown = cells.policy.sees_all
    if not shown and cells.told and code in cells.area.counties:
        shown = bool(cells.shown(years)[cells.area.counties.index(code)])
    if not shown:
        return Location(code, short_name(code), None, None, None)
    risk = one["relative_risk"]
    return Location(
        code, short_name(code), one["observed"], round(one["expected"], 1), None if risk is None else round(risk, 2)
    )
