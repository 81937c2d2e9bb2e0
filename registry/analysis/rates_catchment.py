"""What a facility sees instead of rates: its cases by county of residence, each county's share, and the stages."""

from __future__ import annotations

from dataclasses import dataclass

from abstracting.recodes.stage import breaks_between
from registry.analysis.cases_request import OLDEST
from registry.analysis.cohort import CaseDefinition
from registry.analysis.disclosure import Policy
from registry.analysis.rates_cube import Left
from registry.analysis.rates_desk import Desk
from registry.analysis.rates_request import Request
from registry.analysis.rates_stage import in_words

STAGES = {"early": "In situ or localized", "late": "Regional or distant", "unknown": "Unknown or not staged"}


@dataclass(frozen=True)
class Catchment:
    """A facility's cases: `counties` (code, cases, share in per cent), `stages` (title, cases, share), and the total.

    Counts under the account's threshold are missing, and so is a second one where the total would give one away.
    """

    counties: tuple[tuple[str, int | None, float | None], ...]
    stages: tuple[tuple[str, int | None, float | None], ...]
    total: int | None
    left: tuple[Left, ...]
    years: tuple[int, int] | None
    definition: str
    threshold: int
    stage_breaks: str


def catchment(desk: Desk, asked: Request, policy: Policy, facility: str) -> Catchment:
    """Gives the catchment of the facility with this number.

    An account that counts are hidden from gets one answer, of all its cases: two could be subtracted.
    """
    if not policy.sees_all:
        asked = Request()
    definition = CaseDefinition(
        behavior=asked.behavior, rules=asked.rules, death_certificate_only=asked.dco, autopsy_only=asked.autopsy
    )
    cube = desk.cube(definition, asked.codes, "stage", facility)
    rows = cube.rows
    if asked.year_from is not None:
        rows = rows[rows["year"] >= asked.year_from]
    if asked.year_to is not None:
        rows = rows[rows["year"] <= asked.year_to]
    if asked.sex_in_force:
        rows = rows[rows["sex"] == int(asked.sex_in_force) - 1]
    rows = rows[rows["age"] >= (asked.age_from or 0) // 5]
    if asked.age_to is not None:
        rows = rows[rows["age"] <= min(asked.age_to, OLDEST) // 5]
    years = sorted(rows["year"].unique())
    total = int(rows["cases"].sum())
    by_county = rows.groupby("county")["cases"].sum().sort_values(ascending=False, kind="stable")
    by_stage = rows.groupby("extra")["cases"].sum()
    stages = {name: int(by_stage.get(name, 0)) for name in STAGES}
    counties = _protect({str(code): int(count) for code, count in by_county.items()}, policy.threshold)
    mix = _protect(stages, policy.threshold)
    seen = policy.sees_all or not policy.hides(total)

    def share(count: int | None) -> float | None:
        return None if count is None or not total else 100 * count / total

    return Catchment(
        tuple((code, count, share(count)) for code, count in counties.items()) if seen else (),
        tuple((STAGES[name], count, share(count)) for name, count in mix.items()) if seen else (),
        total if seen else None,
        cube.left_out(years) if policy.sees_all else (),
        (int(years[0]), int(years[-1])) if years else None,
        cube.definition,
        policy.threshold,
        in_words(breaks_between(int(years[0]), int(years[-1]))) if years else "",
    )


def _protect(counts: dict[str, int], threshold: int) -> dict[str, int | None]:
    """Hides counts under the threshold, and the smallest others until the hidden ones together reach it and are two."""
    hidden = {name for name, count in counts.items() if count < threshold}
    for name in sorted(counts, key=lambda one: counts[one]):
        if not hidden or (len(hidden) >= 2 and sum(counts[one] for one in hidden) >= threshold):
            break
        hidden.add(name)
    return {name: None if name in hidden else count for name, count in counts.items()}
