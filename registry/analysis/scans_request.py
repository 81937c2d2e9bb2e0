"""What a scan asks for: which cases, and how they are scanned; one frozen value that travels as pairs and comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from registry.analysis.address import Reader, of_pairs
from registry.analysis.cases_request import CasesRequest, read_cases
from registry.analysis.rates_request import Request
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
class ScanRequest(CasesRequest):
    """Every choice of a scan.

    `max_share` and `max_time` are shares of people and of the years, `max_radius` is in km; `adjust` is for age and sex.
    """

    model: str = "poisson"
    analysis: str = "spatial"
    shape: str = "circular"
    rates: str = "high"
    max_share: float = 0.5
    max_radius: float | None = None
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
        chosen = {one.name: getattr(self, one.name) for one in fields(CasesRequest)}
        return Request(**chosen, measure="late" if self.model == "late" else "count")

    @property
    def timed(self) -> bool:
        return self.analysis in TIMED

    def method(self) -> str:
        """How it is scanned, in a line."""
        parts = [MODELS[self.model].split(" (")[0], ANALYSES[self.analysis].lower()]
        if self.analysis != "temporal":
            parts.append(f"{SHAPES[self.shape].lower()} up to {100 * self.max_share:g}% of the people at risk")
            if self.max_radius is not None:
                parts[-1] += f" and a radius of {self.max_radius:g} km"
        if self.timed:
            parts.append(f"windows up to {100 * self.max_time:g}% of the years")
        if self.model == "poisson":
            parts.append("adjusted for age and sex" if self.adjust else "not adjusted for age and sex")
        parts.append(f"{RATES[self.rates].lower()} rates, {self.replicates} replicates")
        return "; ".join(parts)


_CHOICES: dict[str, tuple[Mapping[str, str], str]] = {
    "model": (MODELS, "model"),
    "analysis": (ANALYSES, "analysis"),
    "shape": (SHAPES, "shape"),
    "rates": (RATES, "kind of rates"),
    "overlap": (OVERLAPS, "rule of secondary clusters"),
}
_WHOLE = {"min_cases": (1, 1000), "replicates": (99, MOST_REPLICATES), "seed": (1, 2**31 - 1)}
_RADIUS = (1, 5000)
_SHARES = {"max_share": (0.01, 0.5), "max_time": (0.05, 0.9)}


def from_address(given: Mapping[str, Sequence[str]]) -> ScanRequest:
    """Gives the request of an address or form; every fault is told at once."""
    read = Reader(given)
    found = read_cases(read)
    for name, (known, what) in _CHOICES.items():
        found |= read.choice(name, known, what)
    for name, (low, high) in _WHOLE.items():
        found |= read.whole(name, low, high, name.replace("_", " "), open_end=False)
    for name, (least, most) in _SHARES.items():
        found |= read.number(name, least, most, name.replace("_", " "), kind="share")
    found |= read.number("max_radius", *_RADIUS, "largest radius in km")
    for name in ("adjust", "gini", "early"):
        found |= read.switch(name)
    if found.get("model") == "stp" and found.get("analysis", "spatial") not in ("space-time", "prospective"):
        read.faults.append("the timing of cases alone is scanned for where and when, or for what is still going on")
    if read.faults:
        raise RegistryError("usage", "; ".join(read.faults), hint="correct the choice in the form")
    if found.get("model") == "stp":
        found["adjust"] = False
    return ScanRequest(**found)


def from_pairs(pairs: Sequence[Sequence[str]]) -> ScanRequest:
    """Gives the request of pairs as `ScanRequest.pairs` gives them."""
    return from_address(of_pairs(pairs))
