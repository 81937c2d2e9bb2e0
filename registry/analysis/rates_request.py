"""What the atlas asks for: one frozen value that travels in an address and comes back the same.

The defaults are those of a cancer atlas: every site, both sexes, all ages, the latest five declared years, the rate
age-adjusted to the 2000 US standard, Tiwari intervals, five quantile classes. What stands at its default is left out of
an address. Every fault of an address is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from registry.analysis.address import Reader, of_pairs
from registry.analysis.cases_request import CasesRequest, read_cases
from registry.errors import RegistryError

YEARS_SHOWN = 5


@dataclass(frozen=True)
class Measure:
    """One figure that can be mapped: title, what a value is, digits, and whether it needs a population."""

    name: str
    title: str
    unit: str
    meaning: str
    digits: int = 1
    population: bool = True
    around: float | None = None
    """The value that means "like the state", about which a diverging palette turns."""


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("rate", "Age-adjusted rate", "per 100,000 a year", "cases per 100,000 at the ages of the standard"),
        Measure("crude", "Crude rate", "per 100,000 a year", "cases per 100,000 residents, whatever their ages"),
        Measure("count", "Cases", "cases", "number of cases diagnosed", 0),
        Measure(
            "sir", "Standardised incidence ratio", "state = 1", "observed cases over those expected at the state's rates", 2,
            around=1.0,
        ),
        Measure(
            "eb", "Smoothed ratio, empirical Bayes", "state = 1", "drawn towards the state, the more the fewer cases", 2,
            around=1.0,
        ),
        Measure(
            "local", "Smoothed ratio, local empirical Bayes", "state = 1", "the ratio drawn towards that of the neighbors", 2,
            around=1.0,
        ),
        Measure(
            "bym2", "Smoothed ratio, Bayesian BYM2", "state = 1", "posterior mean with a spatial and a free part", 2,
            around=1.0,
        ),
        Measure(
            "moran", "Like beside like, local Moran's I", "state = 1", "where ratios lie among ratios like themselves", 2,
            around=1.0,
        ),
        Measure(
            "gstar", "Hot and cold spots, Getis-Ord G*", "state = 1", "where high, or low, ratios lie together", 2, around=1.0
        ),
        Measure(
            "prevalence", "Limited-duration prevalence", "persons per 100,000 residents",
            "persons diagnosed in these years who were alive at the end of the last declared year",
        ),
        Measure("late", "Late stage", "% of cases", "cases diagnosed regional or distant, of all cases with that site", 1),
    )
}  # fmt: skip
SMOOTHED = ("eb", "local", "bym2")
LOCAL = ("moran", "gstar")
"""Measures that say of each county what it lies among, the false discovery rate held."""

RATIOS = ("sir", *SMOOTHED, *LOCAL)
KINDS = {
    "moran": {
        -2: "Low among low", -1: "Low among high", 0: "Not told from chance", 1: "High among low", 2: "High among high",
    },
    "gstar": {-1: "Cold spot", 0: "Not told from chance", 1: "Hot spot"},
}  # fmt: skip
"""What a local statistic calls a county, by its place on the scale of colors."""

STANDARDS = {
    "us2000": "2000 US",
    "who2000": "WHO 2000–2025 world",
    "segi": "Segi world",
    "esp2013": "European 2013",
    "eu1976": "European 1976",
}
INTERVALS = {"tiwari": "Tiwari (2006)", "fay-feuer": "Fay and Feuer (1997)"}
RULES = {"seer": "SEER rules", "iarc": "IARC rules"}
STAGES = {"": "All stages", "late": "Late: regional or distant", "early": "Early: in situ or localized"}
FRAMES = {"": "One map", "period": "By five-year period", "year": "By year", "sex": "By sex"}
CLASSES = {"quantile": "Quantiles", "natural": "Natural breaks", "equal": "Equal steps", "fixed": "Bounds of my own"}
PALETTES = {
    "": "As the measure asks",
    "blues": "Blues",
    "orrd": "Orange to red",
    "viridis": "Viridis",
    "cividis": "Cividis",
    "rdbu": "Blue to red, about the middle",
    "puor": "Purple to orange, about the middle",
}


@dataclass(frozen=True, kw_only=True)
class Request(CasesRequest):
    """Every choice of the atlas; `bounds` are those of fixed classes, ascending."""

    measure: str = "rate"
    stage: str = ""
    rules: str = "seer"
    dco: bool = True
    autopsy: bool = True
    standard: str = "us2000"
    interval: str = "tiwari"
    frames: str = ""
    classes: str = "quantile"
    count: int = 5
    bounds: tuple[float, ...] = ()
    palette: str = ""
    trend: bool = True

    @property
    def figure(self) -> Measure:
        """The measure asked for."""
        return MEASURES[self.measure]

    @property
    def colours(self) -> str:
        """The palette in force."""
        return self.palette or ("puor" if self.figure.around is not None else "blues")

    def _kinds(self) -> list[str]:
        return [*super()._kinds(), *([STAGES[self.stage].split(":")[0].lower() + " stage"] if self.stage else [])]


# ---- reading an address -----------------------------------------------------------------------------------------------

_CHOICES: dict[str, tuple[Mapping[str, Any], str]] = {
    "measure": (MEASURES, "measure"),
    "stage": (STAGES, "stage"),
    "rules": (RULES, "rules of multiple primaries"),
    "standard": (STANDARDS, "standard population"),
    "interval": (INTERVALS, "interval"),
    "frames": (FRAMES, "way to divide"),
    "classes": (CLASSES, "way to make classes"),
    "palette": (PALETTES, "palette"),
}
_SWITCHES = ("dco", "autopsy", "trend")


def from_address(given: Mapping[str, Sequence[str]]) -> Request:
    """Gives the request of an address; what cannot be read is one error that names every fault."""
    read = Reader(given)
    found = read_cases(read)
    for name, (known, what) in _CHOICES.items():
        found |= read.choice(name, known, what)
    found |= read.whole("count", 2, 9, "count", open_end=False)
    for name in _SWITCHES:
        found |= read.switch(name)
    if text := read.last("bounds"):
        found["bounds"] = _bounds(text, read.faults)
    if found.get("classes") == "fixed" and not found.get("bounds"):
        found["classes"] = "quantile"
    if read.faults:
        raise RegistryError("usage", "; ".join(read.faults), hint="correct the choice in the form")
    return Request(**found)


def from_pairs(pairs: Sequence[tuple[str, str]]) -> Request:
    """Gives the request of pairs as `Request.pairs` gives them."""
    return from_address(of_pairs(pairs))


def _bounds(text: str, faults: list[str]) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in re.split(r"[,;\s]+", text) if part)
    except ValueError:
        faults.append(f"the bounds {text[:40]!r} are no numbers")
        return ()
    if not 2 <= len(values) <= 10 or any(b <= a for a, b in pairwise(values)) or not all(abs(v) < 1e9 for v in values):
        faults.append("the bounds must be 2 to 10 ascending numbers")
        return ()
    return values
