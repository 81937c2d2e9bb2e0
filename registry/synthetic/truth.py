"""The answer key: planted parameters and the true values that follow from them, ready for JSON."""

from __future__ import annotations

import numpy as np

from registry.synthetic import mortality, planted
from registry.synthetic.course import Course
from registry.synthetic.incidence import Model
from registry.synthetic.tables import AGE_GROUPS, counties, site_groups

# 2000 US standard population, 18 groups (Census P25-1130, unrounded)
STANDARD_2000 = np.array(
    [18986520, 19919840, 20056779, 19819518, 18257225, 17722067, 19511370, 22179956, 22479229, 19805793, 17224359, 13307234,
     10654272, 9409940, 8725574, 7414559, 4900234, 4259173], dtype=float
)  # fmt: skip
SURVIVAL_YEARS = (1, 3, 5, 10)


def total_expected(model: Model) -> float:
    """Gives the expected tumours among all residents over the whole period."""
    return float(sum(model.expected(g).sum() for g in range(len(model.rate))))


def true_rates(model: Model) -> dict[str, dict[str, float]]:
    """Gives the age-standardised rate (2000 US standard, per 100,000) by group and sex over the whole period."""
    people = model.population.sum(axis=(0, 3))
    weights = STANDARD_2000 / STANDARD_2000.sum()
    assert len(weights) == AGE_GROUPS
    out = {}
    for g, name in enumerate(site_groups().group):
        rate = model.expected(g).sum(axis=(0, 3)) / people
        out[name] = {sex: round(float((rate[s] * weights).sum() * 1e5), 4) for s, sex in enumerate(("male", "female"))}
    return out


def true_survival(course: Course) -> dict[str, dict]:
    """Gives the true net survival of invasive tumours (not found at death) by site group and by stage within it.

    It is the mean of the tumours' own net survival: what Pohar Perme estimates when a person has one tumour; with several
    primaries the later tumour's excess mortality comes on top in the observed data.
    """
    tumors = course.tumors[(course.tumors.behavior == "3") & (course.tumors.source == 1)]
    names = site_groups().group.to_numpy()[tumors.group.to_numpy()]
    stage = tumors.stage.to_numpy()
    extent = np.select(
        [stage == 1, np.isin(stage, (2, 3, 4)), stage == 7], ["localized", "regional", "distant"], "unknown"
    )
    scale = tumors.scale.to_numpy()
    out = {}
    for name in np.unique(names.astype(str)):
        mine = names == name
        entry = {"tumors": int(mine.sum()), "all": _survival(scale[mine])}
        for kind in ("localized", "regional", "distant", "unknown"):
            if (mine & (extent == kind)).any():
                entry[kind] = _survival(scale[mine & (extent == kind)])
        out[name] = entry
    return out


def _survival(scale: np.ndarray) -> dict[str, float]:
    return {str(y): round(float(mortality.net_survival(scale, y).mean()), 6) for y in SURVIVAL_YEARS}


def build_truth(model: Model, course: Course, seed: int, as_of: str, county_effects: bool) -> dict:
    """Gives the whole answer key of one registry."""
    names, place = list(site_groups().group), list(counties().county)
    tumors, persons = course.tumors, course.persons
    effects = planted.county_effects(seed) if county_effects else np.ones((len(names), len(place)))
    touched = np.flatnonzero((effects != 1).any(axis=1))
    return {
        "note": "Synthetic: no record is a person. Rates, trends, survival and clusters are planted, not estimates of reality.",
        "seed": seed,
        "patients": len(persons),
        "tumors": len(tumors),
        "years": [model.years[0], model.years[-1]],
        "as_of": as_of,
        "sampling_fraction": len(tumors) / total_expected(model),
        "population": "Florida, SEER county estimates every fifth year 1984-2014, linear between, held constant after 2014",
        "clusters": [cluster.as_dict() for cluster in model.clusters],
        "trends": {
            name: [{"from": year, "apc": apc} for year, apc in segments]
            for name, segments in zip(names, planted.trend_segments())
        },
        "county_relative_risk": {names[g]: {c: round(float(r), 5) for c, r in zip(place, effects[g])} for g in touched},
        "county_covariates": {
            c: dict(zip(planted.COVARIATES, (round(float(x), 5) for x in row)))
            for c, row in zip(place, planted.covariates())
        },
        "age_standardised_rate": true_rates(model),
        "net_survival": true_survival(course),
        "counts": {
            "multiple_primaries": int(tumors.groupby("person").size().gt(1).sum()),
            "death_certificate_only": int((tumors.source == 7).sum()),
            "autopsy_only": int((tumors.source == 6).sum()),
            "dead_in_truth": int((persons.death <= persons.contact.max()).sum()),
            "dead_in_registry": int(persons.dead.sum()),
            "lost": int(persons.lost.sum()),
        },
    }
