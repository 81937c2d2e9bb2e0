"""Rates by county from the live registry: age-adjusted, crude, counts, ratios to the state, smoothed, share of late stage.

Rates are computed only for counties and years declared population-based. Every figure comes from one array of counts by
county, year, sex and age (`rates_cube`) and one of residents (`rates_area`); what an account may not see is taken out
here, before anything else is computed from it (`disclosure`): smoothed ratios see a hidden county as its share of what
the hidden counties hold together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.ages import GROUPINGS
from geo.counties import county_names, county_neighbours
from geo.intervals import poisson_interval
from geo.rates import PER, UNSTABLE_UNDER, Strata, rate_table, sir_table
from geo.smoothing import smooth_global, smooth_local
from registry.analysis.cases_request import OLDEST, SEXES
from registry.analysis.disclosure import PERIOD, Policy, periods_of
from registry.analysis.rates_area import Area
from registry.analysis.rates_cube import AGES, Cube, Left
from registry.analysis.rates_desk import Desk, divisions_of
from registry.analysis.rates_released import released_rates
from registry.analysis.rates_request import LOCAL, RATIOS, SMOOTHED, YEARS_SHOWN, Request
from registry.errors import RegistryError

if TYPE_CHECKING:
    from registry.analysis.snapshot import Snapshot

LEVEL = 0.95
STATE = "state"
FIGURES = ("value", "lower", "upper", "cases", "population", "expected", "se", "crude")
LOCAL_FIGURES = ("kind", "z", "p", "fdr")
"""What a local statistic adds: place of its kind (`rates_request.KINDS`), z value, p and p with the discovery rate held."""


@dataclass(frozen=True)
class Part:
    """One map of an answer (a period, a year, a sex): places of years and sexes, and its label."""

    label: str
    years: tuple[int, ...]
    sexes: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """An answer as one account may see it.

    `rows` has, per part and county: frame, code, name, value, lower, upper, cases, population, expected, se, crude,
    unstable, suppressed, small, covered. `suppressed` rows have no figure; `small` ones are shown to this account but may
    not be published; not `covered` ones are not declared for all years asked for. `state` has the same columns for all
    covered counties together. `years` are those in force, which for an account that counts are hidden from may be whole
    periods (`snapped`). `left`, `outside` and `by_item_90` are of these years, for such an account of all declared ones.
    """

    request: Request
    area: Area
    years: tuple[int, int]
    snapped: bool
    parts: tuple[Part, ...]
    rows: pd.DataFrame
    state: pd.DataFrame
    left: tuple[Left, ...]
    outside: int
    definition: str
    by_item_90: int
    cases: int | None
    policy: Policy
    snapshot: Snapshot
    fitted: dict[str, float]

    @property
    def title(self) -> str:
        return self.request.title(self.years)

    @property
    def hidden(self) -> int:
        """How many counties are hidden in the last part."""
        return int(self.part(-1)["suppressed"].sum())

    def part(self, place: int) -> pd.DataFrame:
        """The rows of one part."""
        return self.rows[self.rows["frame"] == self.parts[place].label]


def answer(desk: Desk, asked: Request, policy: Policy) -> Answer:
    """Gives the figures of a request for an account with this policy."""
    area = desk.area()
    first, last, snapped = years_in_force(asked, area, policy)
    places = [i for i, year in enumerate(area.years) if first <= year <= last]
    if not places:
        raise RegistryError(
            "refused-rates",
            f"no county is declared population-based for {first}–{last}",
            hint=f"declared are {area.years[0]}–{area.years[-1]}",
            exit_code=4,
        )
    first, last = area.years[places[0]], area.years[places[-1]]
    by_stage = bool(asked.stage) or asked.measure == "late"
    extra = "alive" if asked.measure == "prevalence" else "stage" if by_stage else ""
    cube, counts, categories = desk.cases(asked, extra)
    sexes = (0, 1) if not asked.sex_in_force else (int(asked.sex_in_force) - 1,)
    ages = slice((asked.age_from or 0) // 5, AGES if asked.age_to is None else min(asked.age_to, OLDEST) // 5 + 1)
    only = "prevalent" if extra == "alive" else asked.stage
    chosen = [categories.index(only)] if only else list(range(len(categories)))
    wanted = counts[..., chosen].sum(axis=-1)
    late = counts[..., categories.index("late")] if by_stage else None
    parts = _parts(asked, area, places, sexes)
    made, states, fitted = [], [], {}
    for part in parts:
        shown = desk.shown(asked, frozenset(part.years), frozenset(part.sexes), policy.threshold)
        published = desk.shown(asked, frozenset(part.years), frozenset(part.sexes), policy.published)
        if asked.measure == "rate" and asked.standard != policy.standard:
            large = policy.allows_standard(_cases(area, part, wanted[..., ages]))
            shown, published = shown & (large | policy.sees_all), published & large
        rates = None
        if asked.measure in RATIOS and not policy.sees_all:
            rates = released_rates(desk, asked, frozenset(part.years), frozenset(part.sexes), policy.threshold)
            shown &= rates is not None
        rows, state = _figures(asked, area, part, wanted, late, ages, shown, fitted, rates)
        rows["small"] = rows["covered"] & ~rows["suppressed"] & ~published[:-1]
        state["small"] = not published[-1] and not state["suppressed"]
        made.append(rows)
        states.append(state)
    # what was left out and why is told whoever may not see small counts of all years and sexes, never of a few
    told = places if policy.sees_all else list(range(len(area.years)))
    total = (
        int(wanted[:, places][:, :, list(sexes)].sum()) if extra == "alive" else _outside(cube, area, places, sexes)[0]
    )
    outside = _outside(cube, area, told, sexes if policy.sees_all else (0, 1))[1]
    visible = bool(desk.shown(asked, frozenset(places), frozenset(sexes), policy.threshold)[-1])
    return Answer(
        asked,
        area,
        (first, last),
        snapped,
        parts,
        pd.concat(made, ignore_index=True),
        pd.DataFrame(states),
        cube.left_out([area.years[i] for i in told]),
        outside,
        cube.definition,
        int(cube.by_item_90.reindex([area.years[i] for i in told]).fillna(0).sum()),
        total if visible else None,
        policy,
        desk.snapshot(),
        fitted,
    )


def _cases(area: Area, part: Part, counts: np.ndarray) -> np.ndarray:
    """Gives the cases of each county and, in the last place, of all that are declared for every year of the part."""
    own = counts[:, list(part.years)][:, :, list(part.sexes)].sum(axis=(1, 2, 3))
    return np.append(own, own[area.declared[:, list(part.years)].all(axis=1)].sum())


def years_in_force(asked: Request, area: Area, policy: Policy) -> tuple[int, int, bool]:
    """Gives first and last year, and whether they were widened to whole periods.

    A part of a site's cases (ages, stage, …) is released by whole periods only, as are maps by period.
    """
    low, high = area.latest(YEARS_SHOWN)
    first = low if asked.year_from is None else asked.year_from
    last = high if asked.year_to is None else asked.year_to
    if first > last:
        first = last if asked.year_from is None else first
        last = first if asked.year_to is None else last
    if asked.measure == "prevalence" and not policy.sees_all:
        return area.years[0], area.years[-1], (first, last) != (area.years[0], area.years[-1])
    if asked.frames == "period" or (not policy.sees_all and divisions_of(asked)):
        wide = (first - first % PERIOD, last - last % PERIOD + PERIOD - 1)
        wide = (max(wide[0], area.years[0]), min(wide[1], area.years[-1]))
        return *wide, wide != (first, last)
    return first, last, False


def _parts(asked: Request, area: Area, places: list[int], sexes: tuple[int, ...]) -> tuple[Part, ...]:
    years = tuple(places)
    if asked.frames == "year":
        return tuple(Part(str(area.years[i]), (i,), sexes) for i in places)
    if asked.frames == "period":
        found = []
        for inside in periods_of(area.years):
            own = tuple(int(i) for i in inside if i in places)
            if own:
                first, last = area.years[own[0]], area.years[own[-1]]
                found.append(Part(f"{first}–{last}" if first != last else str(first), own, sexes))
        return tuple(found)
    if asked.frames == "sex" and len(sexes) == 2:
        return tuple(Part(SEXES[str(s + 1)], years, (s,)) for s in sexes)
    first, last = area.years[places[0]], area.years[places[-1]]
    return (Part(f"{first}–{last}" if first != last else str(first), years, sexes),)


def _figures(
    asked: Request, area: Area, part: Part, wanted: np.ndarray, late: np.ndarray | None, ages: slice, shown: np.ndarray,
    fitted: dict[str, float], rates: np.ndarray | None,
) -> tuple[pd.DataFrame, dict[str, Any]]:  # fmt: skip
    """Gives the rows of one part and its state; hidden counties are without figures."""
    years, sexes = list(part.years), list(part.sexes)
    covered = area.declared[:, years].all(axis=1)
    by_sex = wanted[:, years][:, :, sexes].sum(axis=1)
    people_by_sex = area.people[:, years][:, :, sexes].sum(axis=1)
    hidden = covered & ~shown[:-1]
    rows = pd.DataFrame(
        {"frame": part.label, "code": area.counties, "name": [short_name(code) for code in area.counties],
         "covered": covered, "suppressed": hidden}
    )  # fmt: skip
    figures = _measure(asked, area, by_sex, people_by_sex, late, part, ages, covered, hidden, fitted, rates)
    for name in figures.columns:
        rows[name] = figures[name].to_numpy()[:-1]
    clear = rows["suppressed"] | ~rows["covered"]
    for name in (*FIGURES, *LOCAL_FIGURES):
        if name in rows:
            rows.loc[clear, name] = np.nan
    rows["unstable"] = ~clear & (rows["cases"] < UNSTABLE_UNDER)
    state = {"frame": part.label, "code": STATE, "name": "All counties", "covered": bool(covered.any())}
    state |= figures.iloc[-1].to_dict()
    state["suppressed"] = not shown[-1]
    state["unstable"] = bool(shown[-1] and state["cases"] < UNSTABLE_UNDER)
    if state["suppressed"]:
        state |= dict.fromkeys(FIGURES, np.nan)
    return rows, state


def _measure(asked, area, by_sex, people_by_sex, late, part, ages, covered, hidden, fitted, rates) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    """Gives the figures of every county and, in the last row, of all covered ones together."""
    inside = covered[:, None, None]
    by_sex = np.concatenate([by_sex, (by_sex * inside).sum(axis=0, keepdims=True)])
    people_by_sex = np.concatenate([people_by_sex, (people_by_sex * inside).sum(axis=0, keepdims=True)])
    cases, people = by_sex.sum(axis=1), people_by_sex.sum(axis=1)
    filled = (people <= 0) & (cases > 0)
    strata = Strata(
        pd.DataFrame(index=range(len(cases))), GROUPINGS[18], cases, np.where(filled, cases, people), filled.any(axis=1)
    )
    low, high = ages.start * 5, None if ages.stop == AGES else ages.stop * 5 - 1
    table = rate_table(
        strata,
        standard=asked.standard,
        method=asked.interval,
        level=LEVEL,
        ages=None if (low, high) == (0, None) else (low, high),
    )
    figures = table[["cases", "population", "crude", "se"]].copy()
    figures["expected"] = np.nan
    own = {"rate": ("rate", "lower", "upper"), "crude": ("crude", "crude_lower", "crude_upper")}
    if asked.measure in own:
        for name, column in zip(("value", "lower", "upper"), own[asked.measure]):
            figures[name] = table[column]
        if asked.measure == "crude":
            figures["se"] = np.sqrt(figures["cases"]) / figures["population"] * PER
        return figures
    if asked.measure == "count":
        lower, upper = poisson_interval(figures["cases"].to_numpy())
        return figures.assign(value=figures["cases"], lower=lower, upper=upper, se=np.sqrt(figures["cases"]))
    if asked.measure == "prevalence":
        return _prevalence(area, figures, part, covered)
    if asked.measure == "late":
        return _share_late(figures, late, part, ages, covered)
    own = None if rates is None else rates[list(part.sexes)][:, ages]
    expected = _expected(by_sex[..., ages], people_by_sex[..., ages], own)
    figures["expected"] = expected
    if asked.measure in SMOOTHED:
        return _smoothed(asked.measure, area, figures, covered, hidden, fitted)
    table = sir_table(figures["cases"].to_numpy(), expected, level=LEVEL)
    sir = table["sir"].to_numpy()
    if asked.measure in LOCAL:
        from registry.analysis.rates_local import local_figures

        figures = local_figures(asked.measure, area, figures, covered, hidden, fitted)
    return figures.assign(
        value=sir, lower=table["lower"].to_numpy(), upper=table["upper"].to_numpy(),
        se=np.sqrt(figures["cases"].to_numpy()) / expected,
    )  # fmt: skip


def _prevalence(area: Area, figures: pd.DataFrame, part: Part, covered: np.ndarray) -> pd.DataFrame:
    """Gives the persons alive at the end of the last declared year per 100,000 who lived there then, with exact limits."""
    people = area.people[:, -1][:, list(part.sexes)].sum(axis=(1, 2))
    people = np.append(people, people[covered].sum())
    persons = figures["cases"].to_numpy(float)
    lower, upper = poisson_interval(persons)
    with np.errstate(divide="ignore", invalid="ignore"):
        value, low, high, error = (PER * one / people for one in (persons, lower, upper, np.sqrt(persons)))
    return figures.assign(value=value, lower=low, upper=high, se=error, population=people)


def _expected(by_sex: np.ndarray, people: np.ndarray, rates: np.ndarray | None) -> np.ndarray:
    """Gives the cases expected at the state's rates by sex and age (the last row is the state), its own or released ones.

    Whatever the rates, the expected cases of the state are its observed ones.
    """
    total = people[-1]
    if rates is None:
        rates = np.divide(by_sex[-1], total, out=np.zeros_like(total), where=total > 0)
    expected = (people * rates).sum(axis=(1, 2))
    return expected * (by_sex[-1].sum() / expected[-1]) if expected[-1] > 0 else expected


def _share_late(figures: pd.DataFrame, late: np.ndarray, part: Part, ages: slice, covered: np.ndarray) -> pd.DataFrame:
    """Gives the per cent of late stage among all cases, with Wilson limits."""
    from scipy import stats

    counts = late[:, list(part.years)][:, :, list(part.sexes)][..., ages].sum(axis=(1, 2, 3))
    counts = np.append(counts, (counts * covered).sum())
    total = figures["cases"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts / total
        z = stats.norm.ppf(0.5 + LEVEL / 2)
        middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
        half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
        error = np.sqrt(share * (1 - share) / total)
    return figures.assign(
        value=100 * share, lower=100 * (middle - half), upper=100 * (middle + half), se=100 * error, late=counts
    )


def _smoothed(method, area, figures, covered, hidden, fitted) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    """Gives smoothed ratios to the state; a hidden county enters with its share of what all hidden ones hold."""
    seen, cases, expected = as_published(figures, covered, hidden)
    value, lower, upper = (np.full(len(figures), np.nan) for _ in range(3))
    value[-1] = 1.0
    if method == "bym2":
        from geo.bym2 import smooth_bym2

        found = smooth_bym2(cases[seen], expected[seen], adjacency(area, tuple(seen)))
        value[seen], lower[seen], upper[seen] = found.risk, found.lower, found.upper
        figures = figures.assign(exceedance=np.nan)
        figures.loc[figures.index[seen], "exceedance"] = found.exceedance
        fitted |= {"phi": found.phi, "sigma": found.sigma}
    elif method == "local":
        value[seen] = smooth_local(cases[seen], expected[seen], adjacency(area, tuple(seen))).estimate
    else:
        bayes = smooth_global(cases[seen], expected[seen])
        value[seen] = bayes.estimate
        fitted["variance"] = float(np.mean(bayes.variance))
    return figures.assign(value=value, lower=lower, upper=upper)


def as_published(figures: pd.DataFrame, covered: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, ...]:
    """Gives the places of counties with expected cases, and all counties' cases and expected ones.

    The hidden counties share what they hold together, which is published (the state less the others).
    """
    seen = np.flatnonzero(covered & (figures["expected"].to_numpy()[:-1] > 0))
    cases = figures["cases"].to_numpy(float)[:-1].copy()
    expected = figures["expected"].to_numpy(float)[:-1]
    dark = seen[hidden[seen]]
    if len(dark):
        cases[dark] = cases[dark].sum() * expected[dark] / expected[dark].sum()
    return seen, cases, expected


def adjacency(area: Area, places: tuple[int, ...]) -> Any:
    """Gives who borders whom among the counties at these places (sparse, symmetric)."""
    from geo.adjacency import adjacency_of_pairs

    near = county_neighbours(area.edition)
    at = {area.counties[place]: i for i, place in enumerate(places)}
    pairs = [(i, at[other]) for code, i in at.items() for other in near.get(code, ()) if other in at]
    return adjacency_of_pairs(pairs, len(places))


def _outside(cube: Cube, area: Area, places: list[int], sexes: tuple[int, ...]) -> tuple[int, int]:
    """Gives the cases counted and those of counties or years that are not declared."""
    years = {area.years[i] for i in places}
    rows = cube.rows[cube.rows["year"].isin(years) & cube.rows["sex"].isin(sexes)]
    place = {code: i for i, code in enumerate(area.counties)}
    when = {year: i for i, year in enumerate(area.years)}
    inside = np.array(
        [c in place and area.declared[place[c], when[y]] for c, y in zip(rows["county"], rows["year"])], dtype=bool
    )
    counts = rows["cases"].to_numpy()
    return int(counts[inside].sum()), int(counts[~inside].sum())


@cache
def short_name(code: str) -> str:
    """Gives a county's name without its state's; its code where it has none."""
    for edition in ("2023", "2017"):
        if name := county_names(edition).get(code):
            return name.rsplit(", ", 1)[0]
    return code


def is_ratio(asked: Request) -> bool:
    """Whether the measure compares with the state."""
    return asked.measure in RATIOS
