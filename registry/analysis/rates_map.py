"""The map of an answer: the layer of `geo.layers` with the words of the measure, and the notes that belong under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.boundaries import load_counties
from geo.layers import MapLayer, make_layer
from registry.analysis.rates import Answer
from registry.analysis.rates_request import INTERVALS, KINDS, LOCAL, RATIOS, STANDARDS
from registry.analysis.rates_stage import breaks_of, in_words
from registry.errors import RegistryError

if TYPE_CHECKING:
    import pandas as pd

LINE = 165
"""Characters of a line under a printed map."""

HASH = 16
"""So many characters of the snapshot's hash identify the data in a citation."""

_TERMS = {"count": "Cases", "late": "Late stage, %", **dict.fromkeys(LOCAL, "Kind")}


def map_layer(
    found: Answer,
    *,
    trends: Mapping[str, Any] | None = None,
    clusters: Sequence[Mapping[str, Any]] = (),
    registry: str = "",
    alone: bool = True,
) -> MapLayer:
    """Gives the layer; where every county is hidden or without data this is an error that says so.

    A map that stands `alone`, as a file does, carries its notes; the page has them beside the map.
    """
    asked = found.request
    values = map_values(found, trends)
    if not np.isfinite(values["rate"].astype(float)).any():
        raise RegistryError(
            "suppressed" if found.rows["suppressed"].any() else "no-cases",
            f"every county has fewer than {found.policy.threshold} cases and is hidden for your role"
            if found.rows["suppressed"].any()
            else "no county has a figure",
            hint="take more years, both sexes or a wider site",
        )
    areas, _ = load_counties(found.area.counties)
    method, bounds = asked.classes, list(asked.bounds) or None
    if method != "fixed":
        bounds = None
    return make_layer(
        areas,
        values,
        title=found.title,
        measure=asked.figure.title if asked.measure in LOCAL else f"{asked.figure.title}, {asked.figure.unit}",
        method=method,
        count=asked.count,
        bounds=bounds,
        names=KINDS.get(asked.measure),
        colours=asked.colours,
        digits=asked.figure.digits,
        clusters=clusters,
        notes=[part for line in notes(found, registry) for part in wrap(line, LINE)] if alone else [],
        texts={
            "rate": _TERMS.get(asked.measure, "Ratio to the state" if asked.measure in RATIOS else asked.figure.title),
            "suppressed": f"Suppressed: fewer than {found.policy.threshold} cases, or it would give such a count away",
            "suppressed_legend": f"Suppressed (under {found.policy.threshold})",
            "unstable": "Unstable: fewer than 16 cases",
            "unstable_legend": "of these unstable (dotted)",
            "no_data": "Not declared population-based for these years",
            "no_data_legend": "Not population-based",
            "to_map": "Arrow keys move between counties; Enter opens the county.",
        },
    )  # fmt: skip


def map_values(found: Answer, trends: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Gives the frame that the map is drawn from: figures rounded as they are published."""
    digits = found.request.figure.digits
    rows = found.rows[found.rows["covered"]]
    values = rows[["code", "name", "suppressed", "unstable"]].copy()
    values["rate"] = rows["value"].astype(float).round(digits)
    for name in ("lower", "upper"):
        values[name] = rows[name].astype(float).round(digits)
    if found.request.measure in LOCAL:
        values["rate"] = rows["kind"].astype(float)
        values[["lower", "upper"]] = np.nan
    if found.request.measure == "count":
        values[["lower", "upper"]] = np.nan
    else:
        values["cases"] = rows["cases"]
    values["population"] = (
        rows["population"].astype(float).round()
        if found.request.figure.population and found.request.measure != "late"
        else np.nan
    )
    if len(found.parts) > 1:
        values["frame"] = rows["frame"]
    elif trends:
        values["trend"] = values["code"].map(lambda code: trends[code].direction if code in trends else None)
        values["apc"] = values["code"].map(lambda code: round(trends[code].change, 1) if code in trends else np.nan)
    return values


def notes(found: Answer, registry: str = "") -> list[str]:
    """Gives the lines under a map or table: method, definition, area, population, data."""
    asked, area = found.request, found.area
    lines = []
    if asked.measure == "rate":
        lines.append(
            f"Age-adjusted to the {STANDARDS[asked.standard]} standard in 18 age groups; "
            f"95% intervals after {INTERVALS[asked.interval]}."
        )
    elif asked.measure == "prevalence":
        lines.append(
            f"Persons alive on 31 December {area.years[-1]}, counted once at their first such tumor, by county at diagnosis; "
            f"who was not heard from since is presumed alive. Residents of {area.years[-1]}; exact 95% limits."
        )
    elif asked.measure == "late":
        lines.append("Summary stage 2, 3, 4 or 7 among all cases; unstaged cases count in the denominator.")
    elif asked.measure in RATIOS:
        lines.append(
            "Expected cases at the state's rates by sex and age group in the same years."
            if found.policy.sees_all
            else "Expected cases at the state's rates by sex, in the age groups and five-year periods that may be published."
        )
    if asked.measure in LOCAL:
        lines.append(
            "Ratios standardised by empirical Bayes; neighbors share a border point; kinds are told where the false discovery "
            "rate (Benjamini and Hochberg) is at most 5%. A kind is a statistical signal that needs verification; it is "
            "not evidence of a cause."
        )
        if asked.measure in LOCAL and found.policy.threshold and found.rows["suppressed"].any():
            lines.append("Hidden counties enter with their share of what they hold together, and are given no kind.")
    if changed := in_words(breaks_of(found)):
        lines.append(changed)
    lines.append(f"Cases: {found.definition}.")
    if found.policy.threshold:
        lines.append(
            f"Counts under {found.policy.threshold}, and those that would give one away, are hidden with all their figures."
        )
    lines.append(f"{coverage(found)} Population: {area.population}.")
    lines.append(
        f"{registry + ', ' if registry else ''}data snapshot {found.snapshot.version[:HASH]} of {found.snapshot.made_at[:10]}."
    )
    return lines


def coverage(found: Answer) -> str:
    """Says for how many counties the years are declared, with the completeness stated there."""
    area = found.area
    places = [i for i, year in enumerate(area.years) if found.years[0] <= year <= found.years[1]]
    whole = area.declared[:, places].all(axis=1)
    share = area.completeness[whole][:, places]
    low, high = 100 * np.nanmin(share), 100 * np.nanmax(share)
    stated = f"{low:.0f}%" if round(low) == round(high) else f"{low:.0f} to {high:.0f}%"
    return f"{int(whole.sum())} of {len(area.counties)} counties declared population-based, {stated} complete."
