"""How likely each way of follow-up is to reach a patient, learned from the registry's own attempts.

For every source a logistic model over groups of patients (age, years since diagnosis, months of silence, moved, ways tried in
vain) is fitted with a normal prior on each effect, so that few attempts move little; without any the source's prior stands.
Gelman et al., Bayesian Data Analysis, 3rd edition, section 16.3 (weakly informative priors in logistic regression).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from registry.followup.sources import SOURCES, Source
from registry.followup.status import Person

if TYPE_CHECKING:
    import numpy as np

EFFECT_SPREAD = 0.7
"""Standard deviation of the prior of a group's effect on the log-odds scale: a factor of two in the odds is usual."""

STEPS = 30
DAYS_A_YEAR = 365.25

AGES = ((0, "under 50"), (50, "50 to 64"), (65, "65 to 79"), (80, "80 and over"))
YEARS = (
    (0, "0 to 1 years"),
    (2, "2 to 4 years"),
    (5, "5 to 9 years"),
    (10, "10 to 14 years"),
    (15, "15 years and more"),
)
SILENCE = ((0, ""), (18, "unheard for 18 to 35 months"), (36, "unheard for 3 years and more"))
DAYS_A_MONTH = DAYS_A_YEAR / 12
MOST_FAILED = 2


@dataclass(frozen=True)
class Group:
    """The group of a patient as far as reaching them goes; `failed` ways were tried in vain since the last contact."""

    age: str
    years: str
    silence: str
    moved: bool
    failed: int = 0

    @property
    def features(self) -> tuple[str, ...]:
        """What the group adds to the source's own chance."""
        given = [f"age {self.age}", f"diagnosed {self.years} ago", self.silence]
        given += ["moved"] if self.moved else []
        given += [f"{self.failed} tried in vain"] if self.failed else []
        return tuple(name for name in given if name)

    def after(self, failed: int) -> Group:
        """The same patient after so many ways failed."""
        return replace(self, failed=min(failed, MOST_FAILED))


@dataclass(frozen=True)
class Attempt:
    """One attempt whose end is known: by which source, for which group, and whether it told of the patient."""

    source: str
    group: Group
    answered: bool


def group(person: Person, *, as_of: date, failed: int = 0) -> Group:
    """Gives the group of a patient on a day; an unknown age or diagnosis counts as the middle, no contact as long ago."""
    age = (as_of - person.born).days / DAYS_A_YEAR if person.born else 65
    years = (as_of - person.diagnosed).days / DAYS_A_YEAR if person.diagnosed else 5
    silent = (as_of - person.last_contact_day).days / DAYS_A_MONTH if person.last_contact_day else 36
    found = Group(_band(AGES, age), _band(YEARS, years), _band(SILENCE, silent), person.moved)
    return found.after(failed)


def _band(bands: tuple[tuple[int, str], ...], value: float) -> str:
    return [title for start, title in bands if value >= start or start == 0][-1]


@dataclass(frozen=True)
class Fit:
    """One source's model: log-odds of the source itself and of each group, and the attempts behind it."""

    source: Source
    base: float
    effects: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 0
    answers: int = 0

    def chance(self, group: Group) -> float:
        """The chance that one attempt tells of a patient of the group."""
        return 1 / (1 + math.exp(-(self.base + sum(self.effects.get(name, 0.0) for name in group.features))))


@dataclass(frozen=True)
class Model:
    """The models of all sources."""

    fits: Mapping[str, Fit]

    def chance(self, source: str, group: Group) -> float:
        """The chance that one attempt by a source tells of a patient of the group."""
        return self.fits[source].chance(group)


def fit(attempts: Iterable[Attempt] | Mapping[Attempt, int]) -> Model:
    """Gives the models of all sources from the attempts whose end is known; none of a source leaves its prior.

    Attempts of the same kind may be given once with their number.
    """
    by_source: dict[str, Counter[Attempt]] = {name: Counter() for name in SOURCES}
    for attempt, times in sorted(Counter(attempts).items(), key=lambda item: repr(item[0])):
        by_source[attempt.source][attempt] = times
    return Model({name: _fit(SOURCES[name], found) for name, found in by_source.items()})


def _fit(source: Source, attempts: Counter[Attempt]) -> Fit:
    prior = math.log(source.before / (1 - source.before))
    if not attempts:
        return Fit(source, prior)
    import numpy as np

    names = sorted({name for attempt in attempts for name in attempt.group.features})
    place = {name: n + 1 for n, name in enumerate(names)}
    design = np.zeros((len(attempts), len(names) + 1))
    design[:, 0] = 1
    for row, attempt in enumerate(attempts):
        design[row, [place[name] for name in attempt.group.features]] = 1
    answered = np.array([attempt.answered for attempt in attempts], dtype=float)
    times = np.array(list(attempts.values()), dtype=float)
    # the source's prior weighs as `weight` attempts would: their information about the log-odds is n p (1 - p)
    precision = np.full(len(names) + 1, EFFECT_SPREAD**-2)
    precision[0] = source.weight * source.before * (1 - source.before)
    centre = np.zeros(len(names) + 1)
    centre[0] = prior
    found = _most_probable(design, answered, times, centre, precision)
    effects = {name: float(found[place[name]]) for name in names}
    return Fit(source, float(found[0]), effects, int(times.sum()), int((times * answered).sum()))


def _most_probable(
    design: np.ndarray, answered: np.ndarray, times: np.ndarray, centre: np.ndarray, precision: np.ndarray
) -> np.ndarray:
    """Newton's method for the mode of a logistic model with independent normal priors; the mode is unique."""
    import numpy as np

    found = centre.copy()
    for _ in range(STEPS):
        expected = 1 / (1 + np.exp(-design @ found))
        slope = design.T @ (times * (answered - expected)) - precision * (found - centre)
        curve = (design.T * (times * expected * (1 - expected))) @ design + np.diag(precision)
        step = np.linalg.solve(curve, slope)
        found += step
        if np.abs(step).max() < 1e-9:
            break
    return found
