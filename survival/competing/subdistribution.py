"""Fine and Gray's model of the subdistribution hazard (1999), with the variance that knows the censoring was estimated.

Who had a competing event stays at risk with the weight G(t-) / G(x-), where G is the Kaplan-Meier estimate of staying
uncensored. Agrees with cmprsk's `crr` to its tolerance (`gtol`); where rows have a time of 0, `crr` interpolates G(0-)
between 1 and G(0), while here it is 1 as defined. Everything is a sum over who is there and a prefix sum over who had the
other event, so one step costs a few passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from survival.competing.incidence import _text
from survival.errors import SurvivalError
from survival.regression.maximum import invert, newton_step

ITERATIONS = 40
CONVERGED = 1e-12
FLAT = 1e-8


@dataclass(frozen=True)
class SubdistributionModel:
    """Coefficients by term with their sandwich variance, and the pseudo-likelihoods (null, fitted)."""

    terms: tuple[str, ...]
    coef: np.ndarray
    variance: np.ndarray
    loglik: tuple[float, float]
    n: int
    events: int

    @property
    def se(self) -> np.ndarray:
        return np.sqrt(np.diag(self.variance))

    def to_document(self) -> dict[str, Any]:
        """Gives the model in the shape of the other regressions."""
        z = self.coef / self.se
        terms = [
            {"term": name, "coef": c, "exp_coef": float(np.exp(c)), "se": s, "z": v, "p": float(2 * norm.sf(abs(v)))}
            for name, c, s, v in zip(self.terms, self.coef.tolist(), self.se.tolist(), z.tolist(), strict=True)
        ]
        return {"n": self.n, "events": self.events, "terms": terms, "loglik": list(self.loglik)}


@dataclass(frozen=True)
class _Data:
    """Rows in order of time: covariates, kind (1 the cause, 2 another, 0 censored), and G just before each time."""

    x: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    uncensored: np.ndarray
    moments: np.ndarray
    deaths: np.ndarray
    at: np.ndarray
    g: np.ndarray


def fit_subdistribution(
    time: np.ndarray,
    status: np.ndarray,
    covariates: np.ndarray,
    *,
    cause: str | float,
    censored: str | float = 0,
    terms: Sequence[str] | None = None,
) -> SubdistributionModel:
    """Fits the model to n rows and p covariates; `status` tells the cause, `censored` who had no event."""
    texts = np.array([_text(v) for v in status], dtype=object)
    kind = np.where(texts == _text(cause), 1, np.where(texts == _text(censored), 0, 2))
    if not (kind == 1).any():
        raise SurvivalError("group-empty", f"no events of cause {cause}", hint="Check --cause.")
    x = np.asarray(covariates, dtype=float)
    names = tuple(terms or (f"x{k + 1}" for k in range(x.shape[1])))
    center, scale = x.mean(axis=0), x.std(axis=0)
    if not (scale > 0).all():
        flat = ", ".join(name for name, s in zip(names, scale, strict=True) if not s > 0)
        raise SurvivalError("value-range", f"{flat} never changes", hint="Leave it out of --covariates.")
    data = _prepare((x - center) / scale, np.asarray(time, dtype=float), kind)
    beta = np.zeros(x.shape[1])
    null, _, untilted, *_ = _evaluate(data, beta)
    loglik = null
    separated = SurvivalError(
        "no-convergence",
        "the model did not converge: a covariate separates who has the event from who has not",
        hint="Leave out or group the covariate with few events of this cause.",
    )
    for _ in range(ITERATIONS):
        value, score, information, *_ = _evaluate(data, beta)
        step = newton_step(information, score)
        fresh = _evaluate(data, beta + step)[0]
        halved = 0
        while fresh < value - 1e-9 * abs(value) and halved < 20:
            step, halved = step / 2, halved + 1
            fresh = _evaluate(data, beta + step)[0]
        beta, loglik = beta + step, fresh
        if abs(fresh - value) <= CONVERGED * (abs(fresh) + 1) and np.abs(step).max() < 1e-6 * (1 + np.abs(beta).max()):
            break
    else:
        raise separated
    information = _evaluate(data, beta)[2]
    # on the way to infinity the likelihood becomes flat, and rounding may end the way as if a maximum were there
    if (np.diag(information) < FLAT * np.diag(untilted)).any():
        raise separated
    inverse = invert(information)
    influence = _influence(data, beta)
    variance = inverse @ (influence.T @ influence) @ inverse
    return SubdistributionModel(
        names, beta / scale, variance / np.outer(scale, scale), (null, loglik), len(x), int((kind == 1).sum())
    )


def _prepare(x: np.ndarray, time: np.ndarray, kind: np.ndarray) -> _Data:
    order = np.argsort(time, kind="stable")
    x, time, kind = x[order], time[order], kind[order]
    times, place, leaving = np.unique(time, return_inverse=True, return_counts=True)
    at_risk = len(time) - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    lost = np.bincount(place[kind == 0], minlength=len(times))
    staying = np.cumprod(1 - lost / at_risk)
    just_before = np.concatenate([[1.0], staying[:-1]])
    moments, deaths = np.unique(time[kind == 1], return_counts=True)
    g = just_before[np.searchsorted(times, moments)]
    return _Data(x, time, kind, just_before[place], moments, deaths, np.searchsorted(time, moments), g)


def _sums(data: _Data, risk: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives S0, S1 and S2 (lower triangle) over the weighted risk set of each moment."""
    p = data.x.shape[1]
    low = np.tril_indices(p)
    columns = np.column_stack([np.ones(len(risk)), data.x, data.x[:, low[0]] * data.x[:, low[1]]]) * risk[:, None]
    here = np.cumsum(columns[::-1], axis=0)[::-1][data.at]
    gone = np.where(data.kind == 2, 1 / data.uncensored, 0.0)[:, None] * columns
    passed = np.concatenate([np.zeros((1, gone.shape[1])), np.cumsum(gone, axis=0)])[data.at]
    total = here + data.g[:, None] * passed
    return total[:, 0], total[:, 1 : p + 1], total[:, p + 1 :]


def _evaluate(data: _Data, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gives log-likelihood, score, information, and by moment the mean covariate and the hazard."""
    eta = data.x @ beta
    risk = np.exp(eta)
    s0, s1, s2 = _sums(data, risk)
    p = data.x.shape[1]
    mean = s1 / s0[:, None]
    low = np.tril_indices(p)
    second = np.zeros((len(s0), p, p))
    second[:, low[0], low[1]] = s2 / s0[:, None]
    second[:, low[1], low[0]] = second[:, low[0], low[1]]
    spread = second - mean[:, :, None] * mean[:, None, :]
    own = data.kind == 1
    loglik = float(eta[own].sum() - (data.deaths * np.log(s0)).sum())
    score = data.x[own].sum(axis=0) - (data.deaths[:, None] * mean).sum(axis=0)
    information = (data.deaths[:, None, None] * spread).sum(axis=0)
    return loglik, score, information, mean, data.deaths / s0


def _influence(data: _Data, beta: np.ndarray) -> np.ndarray:
    """Gives each row's part of the score, with what estimating the censoring adds (Fine and Gray 1999, eq. 7 and 8)."""
    *_, mean, hazard = _evaluate(data, beta)
    risk = np.exp(data.x @ beta)
    own, other = data.kind == 1, data.kind == 2
    jumps = np.column_stack([hazard, hazard[:, None] * mean])
    upto = np.concatenate([np.zeros((1, jumps.shape[1])), np.cumsum(jumps, axis=0)])
    weighed = data.g[:, None] * jumps
    after = np.concatenate([np.cumsum(weighed[::-1], axis=0)[::-1], np.zeros((1, jumps.shape[1]))])
    seen = np.searchsorted(data.moments, data.time, side="right")
    part = upto[seen]
    influence = -risk[:, None] * (data.x * part[:, :1] - part[:, 1:])
    later = after[seen] / data.uncensored[:, None]
    influence[other] -= (risk[:, None] * (data.x * later[:, :1] - later[:, 1:]))[other]
    influence[own] += data.x[own] - mean[seen[own] - 1]
    return influence + _censoring_part(data, risk, after)


def _censoring_part(data: _Data, risk: np.ndarray, after: np.ndarray) -> np.ndarray:
    times, place, leaving = np.unique(data.time, return_inverse=True, return_counts=True)
    at_risk = len(data.time) - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    lost = np.bincount(place[data.kind == 0], minlength=len(times))
    gone = np.where(data.kind == 2, risk / data.uncensored, 0.0)
    columns = np.column_stack([gone, gone[:, None] * data.x])
    passed = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(columns, axis=0)])
    before = passed[np.searchsorted(data.time, times)]
    ahead = after[np.searchsorted(data.moments, times, side="left")]
    q = (before[:, 1:] * ahead[:, :1] - before[:, :1] * ahead[:, 1:]) / at_risk[:, None]
    drift = np.cumsum(q * (lost / at_risk)[:, None], axis=0)
    own = np.where((data.kind == 0)[:, None], q[place], 0.0)
    return own - drift[place]
