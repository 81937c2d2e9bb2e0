"""Maximising a likelihood with damped Newton steps: the one optimiser of the parametric models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from survival.errors import SurvivalError

ITERATIONS = 100
CONVERGED = 1e-10

Likelihood = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]
"""Gives log-likelihood, gradient and Hessian at a point; -inf where the point is impossible."""


@dataclass(frozen=True)
class ParametricModel:
    """A fitted likelihood: parameters by term with their variance, log-likelihood, and what belongs to the method."""

    method: str
    terms: tuple[str, ...]
    coef: np.ndarray
    variance: np.ndarray
    loglik: float
    n: int
    events: int
    extra: dict[str, Any]

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
        aic = 2 * len(self.coef) - 2 * self.loglik
        return {
            "method": self.method, "n": self.n, "events": self.events, "terms": terms, "loglik": [None, self.loglik],
            "aic": aic, **self.extra,
        }  # fmt: skip


def newton_step(information: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Gives the step to the maximum; where the likelihood has left the range of numbers, no convergence is an error."""
    if not (np.isfinite(information).all() and np.isfinite(score).all()):
        raise SurvivalError(
            "no-convergence",
            "the model did not converge: a covariate separates who has the event from who has not",
            hint="Look at the covariates with the largest values, and leave them out or group them.",
        )
    return np.linalg.lstsq(information, score, rcond=None)[0]


def invert(information: np.ndarray) -> np.ndarray:
    """Gives the variance of the coefficients; covariates that say the same are an error."""
    if np.linalg.matrix_rank(information, hermitian=True) < len(information):
        raise SurvivalError("no-convergence", "the covariates are linearly dependent", hint="Leave one of them out.")
    return np.linalg.inv(information)


def quadratic_form(variance: np.ndarray, values: np.ndarray) -> float | None:
    """Gives the chi-square of values with this variance; None where the variance has no inverse."""
    scale = np.sqrt(np.diag(variance))
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        return None
    correlation = variance / np.outer(scale, scale)
    if np.linalg.matrix_rank(correlation, hermitian=True, tol=1e-10) < len(values):
        return None
    return float(values / scale @ np.linalg.solve(correlation, values / scale))


def maximise(likelihood: Likelihood, start: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Gives the maximum, its log-likelihood and the information there; no convergence is an error."""
    point = start
    value, gradient, hessian = likelihood(point)
    damping = 0.0
    for _ in range(ITERATIONS):
        information = -hessian
        scale = np.abs(np.diag(information)).max()
        while True:
            try:
                # a direction of ascent needs a positive definite matrix
                lower = np.linalg.cholesky(information + damping * scale * np.eye(len(point)))
                step = np.linalg.solve(lower.T, np.linalg.solve(lower, gradient))
                fresh = likelihood(point + step)
                if np.isfinite(fresh[0]) and fresh[0] >= value - 1e-10 * abs(value):
                    break
            except np.linalg.LinAlgError:
                pass
            damping = max(damping * 4, 1e-6)
            if damping > 1e8:
                raise _diverged()
        gain = fresh[0] - value
        point, (value, gradient, hessian) = point + step, fresh
        damping = damping / 8 if damping > 1e-8 else 0.0
        if abs(gain) <= CONVERGED * (abs(value) + 1) and np.abs(step).max() < 1e-6 * (1 + np.abs(point).max()):
            return point, value, -hessian
    raise _diverged()


def _diverged() -> SurvivalError:
    return SurvivalError(
        "no-convergence", "the model did not converge", hint="Use fewer covariates, intervals or knots."
    )


def finish(
    method: str,
    terms: Sequence[str],
    fitted: tuple[np.ndarray, float, np.ndarray],
    *,
    n: int,
    events: int,
    extra: dict[str, Any],
) -> ParametricModel:
    """Gives the model of a maximum; parameters that the data do not tell apart are an error."""
    point, value, information = fitted
    try:
        variance = np.linalg.inv(information)
    except np.linalg.LinAlgError as error:
        raise _diverged() from error
    return ParametricModel(method, tuple(terms), point, variance, value, n, events, extra)
