"""What a scan asks for: which cases, and how they are scanned; one frozen value that travels as pairs and comes back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from registry.analysis.rates_request import BEHAVIORS, SEXES, Request
from registry.analysis.survival_request import sites
from registry.errors import RegistryError

MODELS = {
    "poisson": "Incidence: cases over residents (Poisson)",
    "stp": "Timing of cases alone (space-time permutation)",
    "late": "Late stage among cases (Bernoulli)",
}
ANALYSES = {
    "spatial": "Where, over the whole time",
    "space-time": "Where and when",
    "prospective": "Where and when, still going on at the end",
    "temporal": "When, everywhere",
}
SHAPES = {"circular": "Circles", "elliptic": "Ellipses and circles"}
RATES = {"high": "High", "low": "Low", "both": "High and low"}
OVERLAPS = {
    "no-overlap": "None may share a county",
    "no-centres-in-other": "No center inside another",
    "all": "All of them",
}
TIMED = ("space-time", "prospective", "temporal")
MOST_REPLICATES = 9999


@dataclass(frozen=True, kw_only=True)
class ScanRequest:
    """Every choice of a scan. `max_share` and `max_time` are shares of people and of the years; `adjust` the covariates."""

    site: str = ""
    sex: str = ""
    age_from: int | None = None
    age_to: int | None = None
    year_from: int | None = None
    year_to: int | None = None
    behavior: str = "malignant"
    model: str = "poisson"
    analysis: str = "spatial"
    shape: str = "circular"
    rates: str = "high"
    max_share: float = 0.5
    max_time: float = 0.5
    adjust: bool = True
    min_cases: int = 2
    overlap: str = "no-overlap"
    gini: bool = False
    early: bool = False
    replicates: int = 999
    seed: int = 12345

    @property
    def cases(self) -> Request:
        """The selection of cases as the atlas has it."""
        chosen = {name: getattr(self, name) for name in _OF_CASES}
        return Request(**chosen, measure="late" if self.model == "late" else "count")

    @property
    def timed(self) -> bool:
        return self.analysis in TIMED

    def with_changes(self, **changes: Any) -> ScanRequest:
        """Gives the same request with other choices."""
        return replace(self, **changes)

    def pairs(self) -> list[tuple[str, str]]:
        """Gives the choices that are not defaults as pairs, in the order of the fields."""
        found = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value != one.default:
                text = (
                    ("1" if value else "0")
                    if isinstance(value, bool)
                    else f"{value:g}"
                    if isinstance(value, float)
                    else str(value)
                )
                found.append((one.name, text))
        return found

    def title(self, years: tuple[int, int] | None = None) -> str:
        """What is scanned, in a line."""
        return self.cases.with_changes(measure="count").title(years)

    def method(self) -> str:
        """How it is scanned, in a line."""
        parts = [MODELS[self.model].split(" (")[0], ANALYSES[self.analysis].lower()]
        if self.analysis != "temporal":
            parts.append(f"{SHAPES[self.shape].lower()} up to {100 * self.max_share:g}% of the people at risk")
        if self.timed:
            parts.append(f"windows up to {100 * self.max_time:g}% of the years")
        if self.model == "poisson":
            parts.append("adjusted for age and sex" if self.adjust else "not adjusted for age and sex")
        parts.append(f"{RATES[self.rates].lower()} rates, {self.replicates} replicates")
        return "; ".join(parts)


_OF_CASES = ("site", "sex", "age_from", "age_to", "year_from", "year_to", "behavior")
_CHOICES: dict[str, tuple[Mapping[str, str], str]] = {
    "sex": (SEXES, "sex"),
    "behavior": (BEHAVIORS, "behavior"),
    "model": (MODELS, "model"),
    "analysis": (ANALYSES, "analysis"),
    "shape": (SHAPES, "shape"),
    "rates": (RATES, "kind of rates"),
    "overlap": (OVERLAPS, "rule of secondary clusters"),
}
_WHOLE = {
    "age_from": (0, 120), "age_to": (0, 120), "year_from": (1900, 2100), "year_to": (1900, 2100), "min_cases": (1, 1000),
    "replicates": (99, MOST_REPLICATES), "seed": (1, 2**31 - 1),
}  # fmt: skip
_SHARES = {"max_share": (0.01, 0.5), "max_time": (0.05, 0.9)}


def from_address(given: Mapping[str, Sequence[str]]) -> ScanRequest:
    """Gives the request of an address or form; every fault is told at once."""
    from registry.analysis.rates_request import from_address as read_cases

    faults: list[str] = []
    found: dict[str, Any] = {}

    def last(name: str) -> str:
        values = given.get(name)
        return values[-1].strip() if values else ""

    if site := last("site"):
        if site in sites():
            found["site"] = site
        else:
            faults.append(f"{site[:40]!r} is no site")
    for name, (known, what) in _CHOICES.items():
        value = last(name)
        if value in known:
            found[name] = value
        elif value:
            faults.append(f"{value[:40]!r} is no {what}")
    for name, (low, high) in _WHOLE.items():
        value = last(name)
        if not value:
            continue
        if re.fullmatch(r"[0-9]{1,10}", value) and low <= int(value) <= high:
            found[name] = int(value)
        else:
            faults.append(f"{name.replace('_', ' ')} {value[:20]!r} is no whole number from {low} to {high}")
    for name, (low, high) in _SHARES.items():
        value = last(name)
        if not value:
            continue
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if low <= number <= high:
            found[name] = number
        else:
            faults.append(f"{name.replace('_', ' ')} {value[:20]!r} is no share from {low:g} to {high:g}")
    for name in ("adjust", "gini", "early"):
        if given.get(name):
            found[name] = last(name) == "1"
    if found.get("model") == "stp" and found.get("analysis", "spatial") not in ("space-time", "prospective"):
        faults.append("the timing of cases alone is scanned for where and when, or for what is still going on")
    if not faults:
        # ages and years are checked as the atlas checks them
        checked = read_cases({name: [str(found[name])] for name in _OF_CASES if found.get(name) is not None})
        found |= {name: getattr(checked, name) for name in ("age_from", "age_to", "year_from", "year_to")}
    if faults:
        raise RegistryError("usage", "; ".join(faults), hint="correct the choice in the form")
    if found.get("model") == "stp":
        found["adjust"] = False
    return ScanRequest(**found)


def from_pairs(pairs: Sequence[Sequence[str]]) -> ScanRequest:
    """Gives the request of pairs as `ScanRequest.pairs` gives them."""
    return from_address({name: [value] for name, value in pairs})
