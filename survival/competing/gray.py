"""Gray's test of equal cumulative incidence between groups (Gray 1988, with rho = 0 or any), stratified where asked.

The score of a group is the weighted difference between its subdistribution hazard and the pooled one; groups share the null
estimate, and the variance follows Gray's martingale terms for events of the cause and of other causes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from survival.competing.incidence import cause_codes, count_causes
from survival.errors import SurvivalError
from survival.frames import FollowUp
from survival.logrank import GroupTest, _numbered


def gray_test(
    followup: FollowUp,
    *,
    cause: str | float,
    censored: str | float = 0,
    strata: Sequence[str] = (),
    rho: float = 0.0,
) -> GroupTest:
    """Tests that groups have the same cumulative incidence of a cause; delayed entry is an error."""
    if followup.entry is not None:
        raise SurvivalError("usage", "Gray's test does not know delayed entry", hint="Leave out --entry.")
    code = cause_codes(followup, [cause], censored)[0]
    compared = [name for name in followup.by if name not in strata]
    labels, group, stratum = _numbered(followup.strata, compared, list(strata))
    size = len(labels)
    if size < 2:
        raise SurvivalError("group-empty", "fewer than two groups to compare", hint="Check --by.")
    score, variance = np.zeros(size - 1), np.zeros((size - 1, size - 1))
    observed = np.zeros(size)
    row_group, row_stratum = group[followup.group], stratum[followup.group]
    for number in range(int(stratum.max()) + 1):
        counted = [
            count_causes(followup, np.flatnonzero((row_group == g) & (row_stratum == number)), [code], censored)
            for g in range(size)
        ]
        part, spread = _score(counted, rho)
        score += part
        variance += spread
        observed += np.array([c.by_cause[0].sum() for c in counted])
    chisq = float(score @ np.linalg.lstsq(variance, score, rcond=None)[0])
    expected = observed - np.append(score, -score.sum())
    df = size - 1
    return GroupTest(f"gray cause={code}", chisq, df, float(chi2.sf(chisq, df)), labels, observed, expected, variance)


def _aligned(counted: Sequence, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Gives at risk, events of the cause and of others of each group at common times (groups, times)."""
    groups = len(counted)
    at_risk, own, other = (np.zeros((groups, len(times))) for _ in range(3))
    for g, counts in enumerate(counted):
        place = np.searchsorted(times, counts.times)
        own[g, place], other[g, place] = counts.by_cause[0], counts.by_cause[1]
        following = np.searchsorted(counts.times, times, side="left")
        at_risk[g] = np.append(counts.at_risk, 0)[following]
    return at_risk, own, other


def _score(counted: Sequence, rho: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Gives the scores of all groups but the last and their variance in one stratum."""
    times = np.unique(np.concatenate([c.times for c in counted]))
    at_risk, own, other = _aligned(counted, times)
    groups = len(counted)
    head = groups - 1
    score, variance = np.zeros(head), np.zeros((head, head))
    before, incidence = np.ones(groups), np.zeros(groups)
    pooled = 0.0
    drift, carried = np.zeros((head, groups)), np.zeros((head, groups))
    spread = np.zeros(groups)
    for j in range(len(times)):
        n, d1, d2 = at_risk[:, j], own[:, j], other[:, j]
        live = n > 0
        total1, total2 = d1.sum(), d2.sum()
        if total1 + total2 == 0:
            continue
        safe = np.where(live, n, 1.0)
        after = np.where(live, before * (n - d1 - d2) / safe, before)
        share = np.where(live, n / np.where(live, before, 1.0), 0.0)
        weighed = share.sum()
        fresh = pooled + total1 / weighed
        power = (1 - pooled) ** rho
        # how the score answers to a change of each group's estimate at this moment
        answer = power * (np.diag(share) - np.outer(share, share) / weighed)[:head]
        drift += answer * total1 / (weighed * (1 - pooled))
        rest = share * (1 - incidence)
        score += power * (d1 - total1 * rest / rest.sum())[:head]
        left = np.where(after > 0, (1 - fresh) / np.where(after > 0, after, 1.0), 0.0)
        if total1 > 0:
            reach = np.where(after > 0, 1 - left, 1.0)
            others = weighed * before - 1
            # a group in which nobody is left has no variance; its place only must not divide by zero
            fewer = 1 - (total1 - 1) / np.where(others != 0, others, 1.0) if total1 > 1 else np.ones(groups)
            weight = np.where(live, fewer * before * total1 / (weighed * safe), 0.0)
            answered = answer - drift * reach
            variance += (answered * weight) @ answered.T
            carried += answered * reach * weight
            spread += reach**2 * weight
        if total2 > 0:
            used = (after > 0) & (d2 > 0)
            fewer = np.where(d2 > 1, 1 - (d2 - 1) / np.maximum(n - 1, 1), 1.0)
            weight = np.where(used, fewer * before**2 * d2 / safe**2, 0.0)
            answered = drift * left
            variance += (answered * weight) @ answered.T
            carried -= answered * left * weight
            spread += left**2 * weight
        incidence = np.where(live, incidence + before * d1 / safe, incidence)
        before, pooled = after, fresh
    crossed = drift @ carried.T
    return score, variance + (drift * spread) @ drift.T + crossed + crossed.T
