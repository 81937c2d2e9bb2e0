"""Tests of equal survival between groups: log-rank, Fleming-Harrington, Peto-Peto, Gehan, Tarone-Ware, stratified.

At each event time the events of a group are compared with their hypergeometric expectation, given the margins; a weight
says which times count. Strata are summed before the test (Harrington and Fleming 1982; the weights use the pooled
Kaplan-Meier estimate just before the time, by stratum, as R's `survdiff` does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import chi2

from survival.errors import SurvivalError
from survival.frames import FollowUp
from survival.risksets import RiskSets, count_followup

Weight = Literal["logrank", "fleming-harrington", "peto", "gehan", "tarone-ware"]


@dataclass(frozen=True)
class GroupTest:
    """A test's statistic with observed and expected (weighted) events by group, and the variance of their difference."""

    method: str
    chisq: float
    df: int
    p: float
    labels: tuple[str, ...]
    observed: np.ndarray
    expected: np.ndarray
    variance: np.ndarray

    def to_document(self) -> dict[str, Any]:
        """Gives the JSON document of the command-line contract."""
        return {
            "method": self.method,
            "chisq": self.chisq,
            "df": self.df,
            "p": self.p,
            "observed": dict(zip(self.labels, self.observed.tolist(), strict=True)),
            "expected": dict(zip(self.labels, self.expected.tolist(), strict=True)),
        }


def compare_survival(
    followup: FollowUp,
    *,
    strata: Sequence[str] = (),
    weight: Weight = "logrank",
    rho: float = 0.0,
    gamma: float = 0.0,
) -> GroupTest:
    """Tests that the groups of a cohort have the same survival; `strata` names the columns of `by` that are strata.

    `rho` and `gamma` are the powers of S(t-) and 1 - S(t-) for `fleming-harrington` (rho = 1 is Peto-Peto as R's
    `survdiff` gives it); `peto` weights with Peto's own estimate, prod(1 - d / (n + 1)). Fewer than two groups with
    expected events is an error.
    """
    compared = [name for name in followup.by if name not in strata]
    labels, group, stratum = _numbered(followup.strata, compared, list(strata))
    size = len(labels)
    observed, expected = np.zeros(size), np.zeros(size)
    variance = np.zeros((size, size))
    sets = count_followup(followup)
    for number in range(int(stratum.max()) + 1):
        rows = np.flatnonzero(stratum == number)
        place = group[rows]
        part = _compare(sets, rows, _weights(sets, rows, weight, rho, gamma))
        observed[place] += part[0]
        expected[place] += part[1]
        variance[np.ix_(place, place)] += part[2]
    used = np.flatnonzero(expected > 0)
    if len(used) < 2:
        raise SurvivalError(
            "group-empty", "fewer than two groups have events to compare", hint="Check --by and --event."
        )
    difference = (observed - expected)[used][:-1]
    chisq = float(difference @ np.linalg.solve(variance[np.ix_(used, used)][:-1, :-1], difference))
    df = len(used) - 1
    name = weight if weight != "fleming-harrington" else f"fleming-harrington rho={rho:g} gamma={gamma:g}"
    return GroupTest(name, chisq, df, float(chi2.sf(chisq, df)), labels, observed, expected, variance)


def _numbered(
    strata: pd.DataFrame, compared: list[str], within: list[str]
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Gives the labels of the compared groups, and for each row of `strata` its group and its stratum."""
    if not compared:
        raise SurvivalError("usage", "no groups to compare", hint="Give --by COL.")
    texts = strata[compared].astype(str).agg(", ".join, axis=1)
    group, labels = pd.factorize(texts)
    stratum = (
        pd.factorize(strata[within].astype(str).agg(", ".join, axis=1))[0] if within else np.zeros(len(strata), int)
    )
    return tuple(labels), group, stratum


def _pooled(sets: RiskSets, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return sets.events[rows].sum(axis=0), sets.at_risk[rows].sum(axis=0)


def _weights(sets: RiskSets, rows: np.ndarray, weight: Weight, rho: float, gamma: float) -> np.ndarray:
    """Gives the weight of each time in one stratum."""
    events, at_risk = _pooled(sets, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        if weight == "gehan":
            return at_risk.astype(float)
        if weight == "tarone-ware":
            return np.sqrt(at_risk)
        if weight == "peto":
            return np.cumprod(1 - events / (at_risk + 1))
        if weight == "logrank" or (rho == 0 and gamma == 0):
            return np.ones(len(events))
        curve = np.cumprod(np.where(at_risk > 0, 1 - events / np.maximum(at_risk, 1), 1.0))
    before = np.concatenate([[1.0], curve[:-1]])
    return before**rho * (1 - before) ** gamma


def _compare(sets: RiskSets, rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives weighted observed and expected events by group and the variance matrix of one stratum."""
    events, at_risk = _pooled(sets, rows)
    used = np.flatnonzero(events > 0)
    d, n, w = events[used].astype(float), at_risk[used].astype(float), weights[used]
    own = sets.at_risk[np.ix_(rows, used)].astype(float)
    observed = sets.events[np.ix_(rows, used)] @ w
    expected = own @ (w * d / n)
    # with one person at risk the event is certain and adds no variance
    spread = np.where(n > 1, w**2 * d * (n - d) / np.maximum(n - 1, 1) / n**2, 0.0)
    variance = np.diag(own @ (spread * n)) - (own * spread) @ own.T
    return observed, expected, variance
