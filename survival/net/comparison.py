"""The log-rank-type test of equal net survival in several groups, stratified when asked.

Source: Graffeo, Castell, Belot and Giorgi, Biometrics 72 (2016) 760-768; Pavlic and Pohar Perme, BMC Med Res Methodol
17 (2017) 79. Equals relsurv's `rs.diff` (daily grid, hazards cut where age or year changes).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from survival.errors import SurvivalError
from survival.lifetables import LifeTable
from survival.net.cohort import Cohort
from survival.net.sums import daily_grid, sum_steps


def compare_net_survival(
    cohort: Cohort, table: LifeTable, *, strata: np.ndarray | None = None, engine: str = "auto"
) -> dict:
    """Gives `chisq`, `df`, `p` and, by group, weighted excess deaths observed and expected under equal net survival.

    Groups are those of the cohort; `strata` numbers within which they are compared. Raises `group-empty` for fewer
    than two groups.
    """
    groups = len(cohort.strata)
    if groups < 2:
        raise SurvivalError("group-empty", "there is only one group", hint="Name a column with two values in --by.")
    strata = np.zeros(cohort.n, dtype=np.int64) if strata is None else strata
    starts, ends = daily_grid(cohort)
    statistic, covariance = np.zeros(groups), np.zeros((groups, groups))
    observed, expected = np.zeros(groups), np.zeros(groups)
    for stratum in np.unique(strata):
        at_risk = np.zeros((groups, len(ends)))
        excess, squares = np.zeros_like(at_risk), np.zeros_like(at_risk)
        for g in range(groups):
            member = cohort.take((cohort.group == g) & (strata == stratum))
            if member.n == 0:
                continue
            sums = sum_steps(member, table, starts, ends, engine=engine)
            at_risk[g] = sums.weight_end
            excess[g] = sums.weight_event - sums.hazard_end
            squares[g] = sums.square_event
        used = at_risk.sum(axis=0) > 0
        at_risk, excess, squares = at_risk[:, used], excess[:, used], squares[:, used]
        share = at_risk / at_risk.sum(axis=0)
        under_null = share * excess.sum(axis=0)
        observed += excess.sum(axis=1)
        expected += under_null.sum(axis=1)
        statistic += (excess - under_null).sum(axis=1)
        for g in range(groups):
            contrast = -share
            contrast[g] += 1.0
            covariance += (contrast * squares[g]) @ contrast.T
    kept = slice(0, groups - 1)
    chisq = float(statistic[kept] @ np.linalg.solve(covariance[kept, kept], statistic[kept]))
    return {
        "method": "net-log-rank",
        "n": cohort.n,
        "events": int(cohort.event.sum()),
        "chisq": chisq,
        "df": groups - 1,
        "p": float(chi2.sf(chisq, groups - 1)),
        "observed": _labelled(cohort, observed),
        "expected": _labelled(cohort, expected),
        "statistic": statistic,
        "covariance": covariance,
    }


def _labelled(cohort: Cohort, values: np.ndarray) -> dict[str, float]:
    labels = [", ".join(str(value) for value in row) for row in cohort.strata.itertuples(index=False, name=None)]
    return dict(zip(labels, (float(value) for value in values)))
