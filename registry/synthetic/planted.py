"""What is planted on purpose and kept as truth: clusters, trends, county effects.

Site groups without a county covariate have no county effect at all: there a scan sees pure chance beside the planted
clusters, so that found clusters and false alarms can be counted against the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry.synthetic.streams import stream
from registry.synthetic.tables import counties, site_groups

EARTH_KM = 6367.0
COVARIATES = ("tobacco", "sun", "poverty")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A planted excess: `counties` (the nearest to `center`, itself first), years (None: all), relative risk."""

    name: str
    group: str
    center: str
    counties: tuple[str, ...]
    first_year: int | None
    last_year: int | None
    relative_risk: float

    def as_dict(self) -> dict:
        return {
            "name": self.name,
            "kind": "spatial" if self.first_year is None else "space-time",
            "group": self.group,
            "center": self.center,
            "counties": list(self.counties),
            "first_year": self.first_year,
            "last_year": self.last_year,
            "relative_risk": self.relative_risk,
        }


def distances_km() -> np.ndarray:
    """Gives the chord distance between county centroids on a sphere of 6367 km."""
    place = counties()
    lat, lon = np.radians(place.latitude.to_numpy()), np.radians(place.longitude.to_numpy())
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    return EARTH_KM * np.sqrt(np.maximum(((points[:, None] - points[None]) ** 2).sum(axis=2), 0))


def nearest(center: str, size: int) -> tuple[str, ...]:
    """Gives the `size` counties nearest to one, itself first."""
    codes = counties().county.to_numpy()
    order = np.argsort(distances_km()[list(codes).index(center)], kind="stable")
    return tuple(codes[order[:size]])


def clusters() -> tuple[Cluster, ...]:
    """Gives the two planted clusters: one spatial (urinary bladder), one in space and time (non-Hodgkin lymphoma)."""
    return (
        Cluster("Volusia and neighbors", "bladder", "12127", nearest("12127", 5), None, None, 2.4),
        Cluster("Duval and neighbors 2011-2015", "nhl", "12031", nearest("12031", 5), 2011, 2015, 5.0),
    )


def covariates() -> np.ndarray:
    """Gives the planted county covariates, standardised: shape (67, 3) for tobacco, sun, poverty.

    They are smooth gradients made for this registry (north to south, rural to urban), not measurements.
    """
    from registry.synthetic.population import population_cube

    size = np.log(population_cube(range(2004, 2005)).sum(axis=(1, 2, 3)))
    north = counties().latitude.to_numpy()
    columns = [0.6 * _standard(north) - 0.4 * _standard(size), -north, -size]
    return np.stack([_standard(c) for c in columns], axis=1)


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def county_effects(seed: int) -> np.ndarray:
    """Gives the relative risk by site group and county: covariates times a spatial and an independent random effect.

    Shape (groups, 67). The random effects (standard deviations 0.06 and 0.04 on the log scale, correlation falling with
    exp(-distance / 80 km)) are one draw per seed, shared by all groups that have a covariate.
    """
    random = stream(seed, "county effects")
    beta = site_groups()[list(COVARIATES)].to_numpy()
    smooth = np.linalg.cholesky(np.exp(-distances_km() / 80.0) + 1e-9 * np.eye(len(counties())))
    noise = 0.06 * smooth @ random.standard_normal(len(smooth)) + 0.04 * random.standard_normal(len(smooth))
    touched = (beta != 0).any(axis=1)
    # covariates act on a scale of a quarter: a coefficient of 0.5 is 13 % more per standard deviation
    return np.exp(0.25 * beta @ covariates().T + touched[:, None] * noise)


def trend_segments() -> list[list[tuple[int, float]]]:
    """Gives, per site group, its planted joinpoints: (first year, annual per cent change)."""
    return [
        [(int(year), float(apc)) for year, apc in (part.split(":") for part in text.split())]
        for text in site_groups().trend
    ]


def trends(years: range, base: int = 2010) -> np.ndarray:
    """Gives the rate by site group and year relative to the base year: shape (groups, years).

    A group whose first joinpoint is later than a year was not collected in it and has rate 0 (benign brain before 2004);
    a first joinpoint in 2000 reaches back.
    """
    span = np.arange(min(years[0], base), max(years[-1], base) + 1)
    out = np.zeros((len(site_groups()), len(years)))
    for g, segments in enumerate(trend_segments()):
        change = np.zeros(len(span))
        for first, apc in segments:
            change[span >= first] = np.log1p(apc / 100)
        change[span < segments[0][0]] = np.log1p(segments[0][1] / 100)
        level = np.concatenate([[0], np.cumsum(change[1:])])
        level -= level[base - span[0]]
        rate = np.exp(level)
        if segments[0][0] > 2000:
            rate[span < segments[0][0]] = 0
        out[g] = rate[[y - span[0] for y in years]]
    return out
