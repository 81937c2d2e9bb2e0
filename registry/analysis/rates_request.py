"""What the atlas asks for: one frozen value that travels in an address and comes back the same.

The defaults are those of a cancer atlas: every site, both sexes, all ages, the latest five declared years, the rate
age-adjusted to the 2000 US standard, Tiwari intervals, five quantile classes. What stands at its default is left out of
an address. Every fault of an address is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

from registry.analysis.survival_request import site_codes, site_label, sites
from registry.errors import RegistryError

OLDEST = 85
"""The first age of the open group: an upper bound of the age asked for ends at it."""

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
            "prevalence", "Limited-duration prevalence", "persons per 100,000 residents",
            "persons diagnosed in these years who were alive at the end of the last declared year",
        ),
        Measure("late", "Late stage", "% of cases", "cases diagnosed regional or distant, of all cases with that site", 1),
    )
}  # fmt: skip
SMOOTHED = ("eb", "local", "bym2")
RATIOS = ("sir", *SMOOTHED)

SEXES = {"": "Both sexes", "1": "Male", "2": "Female"}
STANDARDS = {
    "us2000": "2000 US",
    "who2000": "WHO 2000–2025 world",
    "segi": "Segi world",
    "esp2013": "European 2013",
    "eu1976": "European 1976",
}
INTERVALS = {"tiwari": "Tiwari (2006)", "fay-feuer": "Fay and Feuer (1997)"}
BEHAVIORS = {
    "malignant": "Malignant",
    "in situ": "In situ",
    "benign CNS": "Benign and borderline, brain and CNS",
}
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
class Request:
    """Every choice of the atlas; `bounds` are those of fixed classes, ascending."""

    site: str = ""
    sex: str = ""
    age_from: int | None = None
    age_to: int | None = None
    year_from: int | None = None
    year_to: int | None = None
    measure: str = "rate"
    behavior: str = "malignant"
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
    def codes(self) -> tuple[str, ...]:
        """The codes of the site recode; none for all sites."""
        return site_codes(self.site) if self.site else ()

    @property
    def only_sex(self) -> str:
        """The sex that a sex-specific site has (1 male, 2 female), else nothing."""
        heads = {code[:2] for code in self.codes}
        return {frozenset({"27"}): "2", frozenset({"28"}): "1"}.get(frozenset(heads), "")

    @property
    def sex_in_force(self) -> str:
        """The sex of cases and population: that of the site where it has one."""
        return self.only_sex or self.sex

    @property
    def colours(self) -> str:
        """The palette in force."""
        return self.palette or ("puor" if self.figure.around is not None else "blues")

    @property
    def all_ages(self) -> bool:
        return not self.age_from and self.age_to is None

    def with_changes(self, **changes: Any) -> Request:
        """Gives the same request with other choices."""
        return replace(self, **changes)

    def pairs(self) -> list[tuple[str, str]]:
        """Gives the choices that are not defaults as pairs of an address, in the order of the fields."""
        found: list[tuple[str, str]] = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value == one.default:
                continue
            if isinstance(value, tuple):
                found.append((one.name, ",".join(f"{part:g}" for part in value)))
            elif isinstance(value, bool):
                found.append((one.name, "1" if value else "0"))
            else:
                found.append((one.name, str(value)))
        return found

    @property
    def key(self) -> str:
        """The choices as one text, the same for equal requests."""
        return "&".join(f"{name}={value}" for name, value in self.pairs())

    def ages_in_words(self) -> str:
        """The ages, as `ages 50 and over`."""
        if self.all_ages:
            return "all ages"
        if self.age_to is None:
            return f"ages {self.age_from} and over"
        return f"ages {self.age_from or 0} to {self.age_to}"

    def title(self, years: tuple[int, int] | None = None) -> str:
        """What is counted, in a line."""
        parts = [site_label(self.site)]
        if self.behavior != "malignant":
            parts.append(BEHAVIORS[self.behavior].lower())
        if self.stage:
            parts.append(STAGES[self.stage].split(":")[0].lower() + " stage")
        parts.append(SEXES[self.sex_in_force].lower())
        parts.append(self.ages_in_words())
        if years:
            parts.append(f"{years[0]}–{years[1]}" if years[0] != years[1] else f"{years[0]}")
        return ", ".join(parts)


# ---- reading an address -----------------------------------------------------------------------------------------------

_CHOICES: dict[str, tuple[Mapping[str, Any], str]] = {
    "sex": (SEXES, "sex"),
    "measure": (MEASURES, "measure"),
    "behavior": (BEHAVIORS, "behavior"),
    "stage": (STAGES, "stage"),
    "rules": (RULES, "rules of multiple primaries"),
    "standard": (STANDARDS, "standard population"),
    "interval": (INTERVALS, "interval"),
    "frames": (FRAMES, "way to divide"),
    "classes": (CLASSES, "way to make classes"),
    "palette": (PALETTES, "palette"),
}
_WHOLE = {"age_from": (0, 120), "age_to": (0, 120), "year_from": (1900, 2100), "year_to": (1900, 2100), "count": (2, 9)}
_SWITCHES = ("dco", "autopsy", "trend")


def from_address(given: Mapping[str, Sequence[str]]) -> Request:
    """Gives the request of an address; what cannot be read is one error that names every fault."""
    faults: list[str] = []
    found: dict[str, Any] = {}

    def last(name: str) -> str | None:
        values = given.get(name)
        return values[-1].strip() if values else None

    if site := last("site"):
        if site in sites():
            found["site"] = site
        else:
            faults.append(f"{site[:40]!r} is no site")
    for name, (known, what) in _CHOICES.items():
        value = last(name)
        if value is None:
            continue
        if value in known:
            found[name] = value
        else:
            faults.append(f"{value[:40]!r} is no {what}")
    for name, (low, high) in _WHOLE.items():
        value = last(name)
        if not value:
            continue
        if re.fullmatch(r"[0-9]{1,4}", value) and low <= int(value) <= high:
            found[name] = int(value)
        else:
            faults.append(f"{name.replace('_', ' ')} {value[:20]!r} is no whole number from {low} to {high}")
    for name in _SWITCHES:
        # a form sends a hidden 0 before the box, so that an empty box is told from a box that was not there
        if (value := last(name)) is not None:
            found[name] = value == "1"
    if text := last("bounds"):
        found["bounds"] = _bounds(text, faults)
    _check_together(found, faults)
    if faults:
        raise RegistryError("usage", "; ".join(faults), hint="correct the choice in the form")
    return Request(**found)


def from_pairs(pairs: Sequence[tuple[str, str]]) -> Request:
    """Gives the request of pairs as `Request.pairs` gives them."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return from_address(given)


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


def _check_together(found: dict[str, Any], faults: list[str]) -> None:
    low, high = found.get("age_from"), found.get("age_to")
    if high is not None and high >= OLDEST:
        found["age_to"] = high = None
    if low == 0:
        found["age_from"] = low = None
    if low is not None and low % 5:
        faults.append(f"ages go by groups of five: from {low - low % 5} or {low - low % 5 + 5}, not {low}")
    if high is not None and high % 5 != 4:
        faults.append(f"ages go by groups of five: to {high - high % 5 + 4}, not {high}")
    if low is not None and low > OLDEST:
        faults.append(f"the oldest group begins at {OLDEST}")
    if low is not None and high is not None and low > high:
        faults.append("the ages end before they begin")
    first, last = found.get("year_from"), found.get("year_to")
    if first is not None and last is not None and first > last:
        faults.append("the years end before they begin")
    if found.get("classes") == "fixed" and not found.get("bounds"):
        found["classes"] = "quantile"
