"""Local statistics of the atlas: local Moran's I and Getis-Ord G* of empirical Bayes ratios, and Tango's index of the map.

They are computed from what is published: a hidden county enters with its share of what all hidden ones hold together, and
is given no figure. So they tell nothing that the map of ratios does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.counties import centroids
from geo.local import local_statistics, tango_index
from registry.analysis.rates_area import Area

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
TANGO_KM = 50.0
"""The scale of Tango's index: how far apart cases are still taken to be near each other."""

_PLACES = {"high-high": 2, "high-low": 1, "": 0, "low-high": -1, "low-low": -2}
_SPOTS = {"hot": 1, "": 0, "cold": -1}


def local_figures(
    measure: str, area: Area, figures: pd.DataFrame, covered: np.ndarray, hidden: np.ndarray, fitted: dict[str, float]
) -> pd.DataFrame:
    """Gives the figures with kind, z, p and fdr; global statistics go into `fitted`.

    Ratios are standardised by empirical Bayes (Assunção and Reis), so that counties of few cases are no outliers of
    their own. Counties without neighbors in the area have none, nor has any where all are hidden.
    """
    from registry.analysis.rates import adjacency, as_published

    seen, cases, expected = as_published(figures, covered, hidden)
    for name in ("kind", "z", "p", "fdr"):
        figures[name] = np.nan
    if hidden[seen].all():
        # all have one ratio, and what is left of differences is rounding
        return figures
    codes = [area.counties[place] for place in seen]
    found = local_statistics(
        codes, adjacency(area, tuple(seen)), cases=cases[seen], population=expected[seen], rates="eb-standardised",
        permutations=0, level=LEVEL,
    )  # fmt: skip
    one = found.areas
    kind = one["kind"].map(_PLACES) if measure == "moran" else one["spot"].map(_SPOTS)
    kind = np.where(one["neighbours"] > 0, kind.astype(float), np.nan)
    for name, values in (("kind", kind), *((n, one[f"{measure}_{n}"].to_numpy(float)) for n in ("z", "p", "fdr"))):
        figures.loc[figures.index[seen], name] = values
    fitted |= {"moran": float(found.overall["moran_i"]), "moran_p": float(found.overall["moran_p"])}
    fitted |= _tango(area, codes, cases[seen], expected[seen])
    return figures


def _tango(area: Area, codes: list[str], cases: np.ndarray, expected: np.ndarray) -> dict[str, float]:
    from geo.boundaries import load_edition

    places = centroids(load_edition(area.edition, states={code[:2] for code in codes})).set_index("code").loc[codes]
    points = places[["latitude", "longitude"]].to_numpy(float)
    index = tango_index(cases, expected, points, scale=TANGO_KM, latlon=True, replicates=0)
    return {"tango": index.index, "tango_p": index.p_value}
