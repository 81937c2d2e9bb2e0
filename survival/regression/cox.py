"""Cox's proportional-hazards model: Efron and Breslow ties, strata, delayed entry, robust errors.

Partial likelihood after Efron (1977) and Breslow (1974), maximised by Newton-Raphson with halved steps on standardised
covariates; robust variance after Lin and Wei (1989) from score residuals, by cluster where one is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2, norm

from survival.errors import SurvivalError
from survival.regression.maximum import invert, newton_step, quadratic_form
from survival.regression.risk import RiskPlan, at_risk_sums, moments_until, plan_risk, tied_sums

Ties = Literal["efron", "breslow"]
ITERATIONS = 30
CONVERGED = 1e-12


@dataclass(frozen=True)
class Evaluation:
    """The partial likelihood at one point: its logarithm, gradient and information, and the parts of each death."""

    loglik: float
    score: np.ndarray
    information: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    hazard: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class CoxModel:
    """A fitted model: coefficients by term with their variance, log-likelihoods (null, fitted), and the three tests."""

    terms: tuple[str, ...]
    coef: np.ndarray
    variance: np.ndarray
    naive: np.ndarray
    loglik: tuple[float, float]
    score_test: float
    n: int
    events: int
    ties: Ties
    plan: RiskPlan
    covariates: np.ndarray
    at: Evaluation

    @property
    def se(self) -> np.ndarray:
        return np.sqrt(np.diag(self.variance))

    def to_document(self) -> dict[str, Any]:
        """Gives the model as the command-line contract has it, without the test of proportional hazards."""
        z = self.coef / self.se
        # with fewer clusters than coefficients the robust variance has no inverse, and there is no such test
        wald = quadratic_form(self.variance, self.coef)
        df = len(self.coef)
        terms = [
            {"term": name, "coef": c, "exp_coef": float(np.exp(c)), "se": s, "z": v, "p": float(2 * norm.sf(abs(v)))}
            for name, c, s, v in zip(self.terms, self.coef.tolist(), self.se.tolist(), z.tolist(), strict=True)
        ]
        ratio = 2 * (self.loglik[1] - self.loglik[0])
        tests = {
            name: {"chisq": value, "df": df, "p": None if value is None else float(chi2.sf(value, df))}
            for name, value in (("likelihood_ratio", ratio), ("score", self.score_test), ("wald", wald))
        }
        return {
            "n": self.n,
            "events": self.events,
            "ties": self.ties,
            "terms": terms,
            "loglik": list(self.loglik),
            **tests,
        }


def evaluate(plan: RiskPlan, x: np.ndarray, beta: np.ndarray, ties: Ties) -> Evaluation:
    """Gives the partial likelihood and its derivatives at `beta`.

    With Efron's ties the r-th of d tied deaths sees the risk set with the share r/d of the tied deaths taken out;
    with Breslow's the share is 0.
    """
    eta = x @ beta
    eta -= eta.max()
    risk = np.exp(eta)
    p = x.shape[1]
    low = np.tril_indices(p)
    products = x[:, low[0]] * x[:, low[1]]
    columns = np.column_stack([np.ones(len(x)), x, products]) * risk[:, None]
    sums = at_risk_sums(plan, columns)
    share = plan.rank / plan.ties if ties == "efron" else np.zeros(plan.events)
    if ties == "efron" and (plan.ties > 1).any():
        sums = sums - share[:, None] * tied_sums(plan, columns)
    total = sums[:, 0]
    mean = sums[:, 1 : p + 1] / total[:, None]
    second = np.zeros((plan.events, p, p))
    second[:, low[0], low[1]] = sums[:, p + 1 :] / total[:, None]
    second[:, low[1], low[0]] = second[:, low[0], low[1]]
    spread = second - mean[:, :, None] * mean[:, None, :]
    dying = plan.order[plan.deaths]
    loglik = float(eta[dying].sum() - np.log(total).sum())
    score = (x[dying] - mean).sum(axis=0)
    return Evaluation(loglik, score, spread.sum(axis=0), mean, spread, 1.0 / total, share)


def fit_cox(
    time: np.ndarray,
    event: np.ndarray,
    covariates: np.ndarray,
    *,
    terms: Sequence[str] | None = None,
    entry: np.ndarray | None = None,
    stratum: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
    robust: bool = False,
    ties: Ties = "efron",
) -> CoxModel:
    """Fits the model to n rows and p covariates (n, p); no event, a constant covariate or divergence is an error.

    `cluster` (or `robust`, where each row is its own) gives Lin and Wei's variance; `naive` keeps the model's own.
    """
    x = np.asarray(covariates, dtype=float)
    names = tuple(terms or (f"x{k + 1}" for k in range(x.shape[1])))
    if not event.any():
        raise SurvivalError("group-empty", "no events, so there is nothing to model", hint="Check --event-code.")
    center, scale = x.mean(axis=0), x.std(axis=0)
    flat = [name for name, s in zip(names, scale, strict=True) if not s > 0]
    if flat:
        raise SurvivalError("value-range", f"{', '.join(flat)} never changes", hint="Leave it out of --covariates.")
    z = (x - center) / scale
    plan = plan_risk(time, event, entry, stratum if stratum is not None else np.zeros(len(time), dtype=int))
    null = evaluate(plan, z, np.zeros(z.shape[1]), ties)
    score_test = float(null.score @ newton_step(null.information, null.score))
    beta, at = _newton(plan, z, null, ties)
    naive = invert(at.information)
    variance = naive
    if cluster is not None or robust:
        residuals = score_residuals(plan, z, beta, at) @ naive
        if cluster is not None:
            _, group = np.unique(cluster, return_inverse=True)
            residuals = np.stack([np.bincount(group, weights=column) for column in residuals.T], axis=1)
        variance = residuals.T @ residuals
    unit = np.outer(scale, scale)
    return CoxModel(
        names, beta / scale, variance / unit, naive / unit, (null.loglik, at.loglik), score_test,
        len(time), plan.events, ties, plan, z, at,
    )  # fmt: skip


def _newton(plan: RiskPlan, z: np.ndarray, start: Evaluation, ties: Ties) -> tuple[np.ndarray, Evaluation]:
    beta, at = np.zeros(z.shape[1]), start
    for _ in range(ITERATIONS):
        step = newton_step(at.information, at.score)
        new = evaluate(plan, z, beta + step, ties)
        halved = 0
        while new.loglik < at.loglik - 1e-9 * abs(at.loglik) and halved < 20:
            step, halved = step / 2, halved + 1
            new = evaluate(plan, z, beta + step, ties)
        gain = abs(new.loglik - at.loglik)
        beta, at = beta + step, new
        if gain <= CONVERGED * (abs(at.loglik) + 1) and np.abs(step).max() < 1e-9 * (1 + np.abs(beta).max()):
            return beta, at
    raise SurvivalError(
        "no-convergence",
        "the model did not converge: a covariate separates who dies from who does not",
        hint="Look at the covariates with the largest coefficients.",
    )


def score_residuals(plan: RiskPlan, x: np.ndarray, beta: np.ndarray, at: Evaluation) -> np.ndarray:
    """Gives each row's part of the score (n, p); their sum is the score, 0 at the maximum."""
    eta = x @ beta
    risk = np.exp(eta - eta.max())
    p = x.shape[1]
    # the hazard of each death's moment, alone and times the mean covariate; those who die in a tie see a reduced share
    jump = np.column_stack([at.hazard, at.hazard[:, None] * at.mean])
    reduced = jump * at.share[:, None]
    ties = int(plan.tie[-1]) + 1
    per_tie = np.stack([np.bincount(plan.tie, weights=column, minlength=ties) for column in jump.T], axis=1)
    per_tie_reduced = np.stack([np.bincount(plan.tie, weights=column, minlength=ties) for column in reduced.T], axis=1)
    summed = np.concatenate([np.zeros((1, p + 1)), np.cumsum(per_tie, axis=0)])
    until = summed[moments_until(plan, plan.exit)] - summed[moments_until(plan, plan.entry)]
    dead = plan.order[plan.deaths]
    residual = -risk[:, None] * (x * until[:, :1] - until[:, 1:])
    own = per_tie_reduced[plan.tie]
    # who dies at a tied moment was counted in full: the reduced share is given back
    residual[dead] += risk[dead, None] * (x[dead] * own[:, :1] - own[:, 1:])
    mean = np.stack([np.bincount(plan.tie, weights=column, minlength=ties) for column in at.mean.T], axis=1)
    residual[dead] += x[dead] - mean[plan.tie] / plan.ties[:, None]
    return residual
