"""What a scan gives: clusters, each location's relative risk, the settings that made them, and what they may mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

STATEMENT = (
    "A cluster here is a statistical signal: more (or fewer) cases than chance alone explains in this window. It needs "
    "verification of the cases, of residence at diagnosis and of the denominators, and it is not evidence of a cause."
)


@dataclass(frozen=True)
class Cluster:
    """One window that stands out.

    rank: 1 is the most likely cluster. center: the id at the centre ("All" for a purely temporal window). members: ids,
    nearest to the centre first. radius_km: distance of the farthest member (for an ellipse the short half axis), in km
    for latitude and longitude, else in the unit of the coordinates. start, end: first and last day, null without dates.
    expected: cases expected under the null hypothesis. relative_risk: (c/E) / ((C-c)/(C-E)), null where it is infinite
    and for the permutation model, which has none. llr: log likelihood ratio; statistic: llr after the non-compactness
    penalty, by which clusters are ranked and tested. p_value: Monte Carlo, adjusted for all windows looked at;
    p_gumbel: from a Gumbel distribution fitted to the same replicates. recurrence_days: mean days between such signals
    when the same prospective scan is repeated once per time interval. in_gini: chosen by the Gini coefficient.
    """

    rank: int
    center: str
    members: tuple[str, ...]
    point: tuple[float, float] | None
    radius_km: float | None
    start: str | None
    end: str | None
    observed: int
    expected: float
    observed_expected: float
    relative_risk: float | None
    llr: float
    statistic: float
    p_value: float | None
    p_gumbel: float | None
    population: float | None
    ellipse: dict[str, float] | None = None
    recurrence_days: float | None = None
    in_gini: bool = False


@dataclass(frozen=True)
class Location:
    """Observed and expected cases of one id over the study period, and its risk relative to all others."""

    id: str
    observed: int
    expected: float
    relative_risk: float | None


@dataclass(frozen=True)
class ScanResult:
    """The clusters of a scan, most likely first, with everything needed to repeat it.

    parameters: the settings as used. gini: size limit and coefficient of the Gini selection, None when not asked for or
    without a significant cluster. maxima: the replicates' greatest statistics in order. warnings: what was left out or
    assumed.
    """

    clusters: tuple[Cluster, ...]
    locations: tuple[Location, ...]
    total_cases: int
    start: str | None
    end: str | None
    parameters: dict[str, Any]
    seed: int
    replicates: int
    critical_values: dict[str, float | None]
    gini: dict[str, Any] | None
    warnings: tuple[str, ...]
    maxima: np.ndarray = field(repr=False, compare=False)
    statement: str = STATEMENT

    def to_dict(self, *, locations: bool = True) -> dict[str, Any]:
        """Gives plain values for JSON; `locations` leaves out the relative risk of every location."""
        return {
            "clusters": [asdict(one) for one in self.clusters],
            "locations": [asdict(one) for one in self.locations] if locations else [],
            "total_cases": self.total_cases,
            "start": self.start,
            "end": self.end,
            "parameters": self.parameters,
            "seed": self.seed,
            "replicates": self.replicates,
            "critical_values": self.critical_values,
            "gini": self.gini,
            "warnings": list(self.warnings),
            "statement": self.statement,
            "reproduce": self.reproduce(),
        }

    def to_json(self, *, indent: int | None = None, locations: bool = True) -> str:
        """Gives the result as one JSON document."""
        return json.dumps(self.to_dict(locations=locations), ensure_ascii=False, indent=indent, allow_nan=False)

    def reproduce(self) -> str:
        """Gives the equivalent SaTScan settings as the text of a parameter file; input files are to be named in it."""
        from geo.scan.reproduce import satscan_settings

        return satscan_settings(self)

    def words(self) -> str:
        """Says in plain sentences what was scanned, what was found, and what it does not mean."""
        return " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        settings = self.parameters
        when = f" from {self.start} to {self.end}" if self.start else ""
        yield (
            f"{self.total_cases} cases in {len(self.locations)} locations{when} were scanned"
            f" for {settings['rates_words']} by the {settings['model_words']} model ({settings['analysis']} windows)."
        )
        if settings["covariates"]:
            yield f"Expected counts are adjusted for {', '.join(settings['covariates'])}."
        if not self.clusters:
            yield "No window stands out."
        for one in self.clusters[:1]:
            chance = "" if one.p_value is None else f", p = {one.p_value:.3g}"
            yield (
                f"The most likely cluster holds {len(one.members)} locations around {one.center}: {one.observed} cases"
                f" where {one.expected:.2f} are expected{chance}."
            )
        yield self.statement
