"""Whether curves differ: the engine's test that belongs to a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from registry.analysis.survival_request import Request
from survival.errors import SurvivalError
from survival.results import plain

if TYPE_CHECKING:
    from registry.analysis.survival_cohort import Persons
    from survival.frames import FollowUp
    from survival.lifetables import LifeTable
    from survival.net.cohort import Cohort

MOST_COMPARED = 12
"""Among more groups than these a single test says nothing that somebody asks."""


def compare(
    request: Request,
    persons: Persons,
    follow_up: Callable[[], FollowUp],
    cohort: Callable[[], Cohort],
    table: LifeTable | None,
) -> dict[str, Any] | None:
    """Gives `name`, `chisq`, `df`, `p` of the test of equal curves; None where the method has none or groups are too few."""
    sizes = persons.frame["group"].value_counts()
    if not 2 <= len(sizes) <= MOST_COMPARED or request.given:
        return None
    if request.method == "pohar-perme" and table is not None:
        from survival.net.comparison import compare_net_survival

        found = compare_net_survival(cohort(), table)
        return _told("log-rank-type test of net survival", found)
    try:
        if request.method in ("kaplan-meier", "cause-specific", "actuarial"):
            from survival.logrank import compare_survival

            return _told("log-rank test", compare_survival(follow_up()).to_document())
        if request.method == "competing" and not persons.delayed:
            from survival.competing.gray import gray_test

            return _told("Gray's test of death from cancer", gray_test(follow_up(), cause=1).to_document())
    except SurvivalError as error:
        # groups without an event have nothing to compare
        if error.code != "group-empty":
            raise
    return None


def _told(name: str, found: dict[str, Any]) -> dict[str, Any]:
    return {"name": name} | {key: plain(found[key]) for key in ("chisq", "df", "p")}
