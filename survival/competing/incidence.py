"""Cumulative incidence under competing risks: the Aalen-Johansen estimate, without jitter, with two standard errors.

F_k(t) = sum over s <= t of S(s-) dN_k(s) / Y(s). The default standard error is the infinitesimal jackknife, as R's `survfit`
gives it for several states; `gray` is the one of Gray (1988) as R's `cmprsk` gives it. Ties are events of one moment and
nothing is moved apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from survival.cautions import few_at_risk
from survival.errors import SurvivalError
from survival.frames import FollowUp, Unit, convert
from survival.intervals import Scale, confidence_limits
from survival.results import Result

Variance = Literal["jackknife", "gray"]


@dataclass(frozen=True)
class CauseCounts:
    """One group's counts at its distinct times: at risk, events by cause (causes, times), censored, entered before it."""

    times: np.ndarray
    at_risk: np.ndarray
    by_cause: np.ndarray
    leaving: np.ndarray
    entered: np.ndarray | None


def cause_codes(followup: FollowUp, causes: Sequence[str | float] | None, censored: str | float = 0) -> list[str]:
    """Gives the codes of the causes as text: those asked for, else every status but the censored one; none is an error."""
    present = pd.unique(pd.Series(followup.status).dropna())
    known = {_text(value) for value in present}
    if causes is None:
        return sorted(known - {_text(censored)})
    unknown = [c for c in map(_text, causes) if c not in known]
    if unknown:
        raise SurvivalError(
            "group-empty",
            f"no row has the cause {', '.join(unknown)}",
            hint=f"Codes in the data: {', '.join(sorted(known))}.",
        )
    return [_text(c) for c in causes]


def _text(value: object) -> str:
    number = pd.to_numeric(value, errors="coerce") if not isinstance(value, (int, float)) else value
    return f"{float(number):g}" if pd.notna(number) else str(value)


def count_causes(followup: FollowUp, rows: np.ndarray, codes: Sequence[str], censored: str | float = 0) -> CauseCounts:
    """Gives the counts of some rows; a status that is neither a cause nor censored counts as another cause, last."""
    time = followup.time[rows]
    status = np.array([_text(v) for v in pd.Series(followup.status[rows])], dtype=object)
    times, place = np.unique(time, return_inverse=True)
    kinds = np.full(len(rows), len(codes))
    for number, code in enumerate(codes):
        kinds[status == code] = number
    alive = status == _text(censored)
    by_cause = np.zeros((len(codes) + 1, len(times)))
    np.add.at(by_cause, (kinds[~alive], place[~alive]), 1.0)
    leaving = np.bincount(place, minlength=len(times)).astype(float)
    at_risk = leaving[::-1].cumsum()[::-1]
    entered = None
    if followup.entry is not None:
        first = np.searchsorted(times, followup.entry[rows], side="right")
        entered = np.bincount(first, minlength=len(times) + 1).astype(float)
        # who has not entered yet is not at risk
        at_risk = at_risk - entered[::-1].cumsum()[::-1][1:]
    return CauseCounts(times, at_risk, by_cause, leaving, entered)


@dataclass(frozen=True)
class IncidenceCurve:
    """Cumulative incidence of each cause at each time (causes, times), with survival before and after it."""

    counts: CauseCounts
    survival: np.ndarray
    before: np.ndarray
    incidence: np.ndarray


def estimate_incidence(counts: CauseCounts) -> IncidenceCurve:
    """Gives the Aalen-Johansen estimate of counts."""
    n = np.maximum(counts.at_risk, 1)
    events = counts.by_cause.sum(axis=0)
    survival = np.cumprod(np.where(counts.at_risk > 0, 1 - events / n, 1.0))
    before = np.concatenate([[1.0], survival[:-1]])
    return IncidenceCurve(counts, survival, before, np.cumsum(before * counts.by_cause / n, axis=1))


def jackknife_variance(curve: IncidenceCurve, cause: int, columns: np.ndarray) -> np.ndarray:
    """Gives the infinitesimal-jackknife variance of F_cause at times of the curve (positions, -1 before the first)."""
    counts = curve.counts
    n = np.maximum(counts.at_risk, 1)
    events = counts.by_cause.sum(axis=0)
    own = counts.by_cause[cause]
    left = 1 - events / n
    weight = np.where(left > 1e-15, 1 / (np.maximum(left, 1e-300) * n), 0.0)
    f = curve.incidence[cause]
    a = np.cumsum(curve.before * own / n**2)
    b0 = np.cumsum(events / n * weight)
    b1 = np.cumsum(events / n * weight * f)
    variance = np.zeros(len(columns))
    for place, column in enumerate(columns):
        if column < 0:
            continue
        upto, at = slice(0, column + 1), f[column]
        # a person's influence: the events they had, less what their being at risk took from everybody's hazards
        passed = -(a[upto] - at * b0[upto] + b1[upto])
        late = -(a[column] - at * b0[column] + b1[column])
        total = _squares(counts, passed, late, curve, cause, weight, at, upto)
        variance[place] = total
    return variance


def _squares(
    counts: CauseCounts,
    passed: np.ndarray,
    late: float,
    curve: IncidenceCurve,
    cause: int,
    weight: np.ndarray,
    at: float,
    upto: slice,
) -> float:
    """Sums the squared influences; persons of one time and one kind share theirs (entries in pairs would not)."""
    if counts.entered is not None:
        raise SurvivalError("usage", "this standard error does not know delayed entry", hint="Use --variance gray.")
    n = np.maximum(counts.at_risk[upto], 1)
    lost = (at - curve.incidence[cause][upto]) * weight[upto]
    by_cause = counts.by_cause[:, upto]
    censored = counts.leaving[upto] - by_cause.sum(axis=0)
    total = float((censored * passed**2).sum())
    for kind in range(len(by_cause)):
        gain = curve.before[upto] / n if kind == cause else 0.0
        total += float((by_cause[kind] * (passed + gain - lost) ** 2).sum())
    staying = counts.leaving.sum() - counts.leaving[upto].sum()
    return total + float(staying) * late**2


def gray_variance(curve: IncidenceCurve, cause: int, columns: np.ndarray) -> np.ndarray:
    """Gives Gray's variance of F_cause at positions of the curve."""
    counts = curve.counts
    n = np.maximum(counts.at_risk, 1)
    own, others = counts.by_cause[cause], counts.by_cause.sum(axis=0) - counts.by_cause[cause]
    f, s, before = curve.incidence[cause], curve.survival, curve.before
    safe = np.where(s > 0, s, 1.0)
    # tied events draw without replacement
    fewer = 1 - np.where(own > 1, (own - 1) / np.maximum(n - 1, 1), 0.0)
    fewer_others = 1 - np.where(others > 1, (others - 1) / np.maximum(n - 1, 1), 0.0)
    w1 = fewer * before**2 * own / n**2
    w2 = fewer_others * before**2 * others / n**2
    variance = np.zeros(len(columns))
    for place, column in enumerate(columns):
        if column < 0:
            continue
        upto = slice(0, column + 1)
        ahead = np.where(s[upto] > 0, (f[column] - f[upto]) / safe[upto], 0.0)
        own_part = 1 - ahead
        variance[place] = float((w1[upto] * own_part**2).sum() + (w2[upto] * ahead**2).sum())
    return variance


def cumulative_incidence(
    followup: FollowUp,
    *,
    causes: Sequence[str | float] | None = None,
    censored: str | float = 0,
    at: Sequence[float] | None = None,
    at_unit: Unit | None = None,
    ci: Scale = "log",
    level: float = 0.95,
    variance: Variance = "jackknife",
) -> Result:
    """Gives cumulative incidence by group and cause (column `cause`), at all times or at those asked for.

    `status` of the follow-up tells the causes; `censored` is the code of who had none. With `at` there is one row a group,
    cause and time, whose `n_event` counts the cause's events since the previous one.
    """
    every = cause_codes(followup, None, censored)
    wanted = cause_codes(followup, causes, censored)
    frames = []
    events = 0
    for group in range(followup.groups):
        rows = np.flatnonzero(followup.group == group)
        curve = estimate_incidence(count_causes(followup, rows, every, censored))
        for code in wanted:
            frame = incidence_rows(curve, every.index(code), followup, at, at_unit, variance)
            frame.insert(0, "cause", code)
            events += int(curve.counts.by_cause[every.index(code)].sum())
            for name in reversed(followup.by):
                frame.insert(0, name, followup.strata[name].iloc[group])
            frames.append(frame)
    table = pd.concat(frames, ignore_index=True)
    table["lower"], table["upper"] = confidence_limits(
        table["estimate"].to_numpy(), table["se"].to_numpy(), scale=ci, level=level
    )
    settings = {"causes": wanted, "ci": ci, "level": level, "variance": variance}
    result = Result("aalen-johansen", followup.n, events, table, followup.by, (), {}, settings)
    return result.with_warnings(*few_at_risk(table)) if at is not None else result


def incidence_rows(
    curve: IncidenceCurve,
    cause: int,
    followup: FollowUp,
    at: Sequence[float] | None,
    at_unit: Unit | None,
    variance: Variance,
) -> pd.DataFrame:
    """Gives time, `n_risk`, `n_event`, `estimate` and `se` of a cause (its place among those counted) on one curve."""
    counts = curve.counts
    of = jackknife_variance if variance == "jackknife" else gray_variance
    if at is None:
        moments = np.flatnonzero(counts.by_cause.sum(axis=0) > 0)
        shown, columns = counts.times[moments], moments
        n_risk, n_event = counts.at_risk[moments], counts.by_cause[cause][moments]
        known = np.ones(len(moments), dtype=bool)
    else:
        asked = np.array([convert(t, at_unit or followup.unit, followup.unit) for t in at])
        columns = np.searchsorted(counts.times, asked + 1e-9, side="right") - 1
        shown = np.array(at, dtype=float)
        following = np.searchsorted(counts.times, asked - 1e-9, side="left")
        n_risk = np.append(counts.at_risk, 0)[np.minimum(following, len(counts.times))]
        total = np.concatenate([[0.0], np.cumsum(counts.by_cause[cause])])[columns + 1]
        order = np.argsort(asked, kind="stable")
        n_event = np.empty(len(asked))
        n_event[order] = np.diff(total[order], prepend=0.0)
        known = asked <= counts.times[-1] + 1e-9
    estimate = np.where(columns >= 0, curve.incidence[cause][np.maximum(columns, 0)], 0.0)
    se = np.sqrt(of(curve, cause, columns))
    return pd.DataFrame(
        {
            "time": shown,
            "n_risk": n_risk.astype(int),
            "n_event": n_event.astype(int),
            "estimate": np.where(known, estimate, np.nan),
            "se": np.where(known, se, np.nan),
        }
    )
