"""What a map says of each area, made once for every output: class, mark and words; hidden figures never get further.

The values are a frame with one row per area (and per `frame`, for instance a year): code, rate; as known also lower,
upper, cases, population, suppressed, unstable, trend (rising, falling, stable), apc. Rows marked suppressed lose every
figure here, whatever the caller left in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.boundaries import require_match
from geo.classes import Classes, make_classes
from geo.errors import GeoError
from geo.palettes import palette
from geo.suppression import DERIVED, mask_hidden

if TYPE_CHECKING:
    import geopandas

ARROWS = {"rising": "↑", "falling": "↓", "stable": "→"}
# every word on a map; the caller may give others, for instance in another language
TEXTS = {
    "rate": "Rate",
    "interval": "{level:g}% interval",
    "cases": "Cases",
    "population": "Population",
    "trend": "Trend",
    "rising": "rising",
    "falling": "falling",
    "stable": "stable",
    "suppressed": "Suppressed: too few cases to show",
    "unstable": "Unstable: few cases",
    "no_data": "No data",
    "suppressed_legend": "Suppressed",
    "unstable_legend": "of these unstable",
    "no_data_legend": "No data",
    "areas": "{count} areas",
    "legend": "Legend",
    "cluster": "Cluster {rank}",
    "relative_risk": "Relative risk",
    "p_value": "p",
    "window": "Period",
    "observed": "Observed / expected",
    "period": "Period shown",
    "to_map": "Arrow keys move between areas.",
    "signal": "A cluster is a statistical signal that needs verification of cases, residence and denominators; "
    "it is not evidence of a cause.",
}


@dataclass(frozen=True)
class Frame:
    """One state of the map (a year, a sex): per area its class (-1 none), status and tooltip lines."""

    label: str
    classes: np.ndarray
    status: tuple[str, ...]
    lines: tuple[tuple[tuple[str, str], ...], ...]
    table: pd.DataFrame

    def class_counts(self, count: int) -> list[int]:
        """Gives the number of areas shown in each class."""
        return np.bincount(self.classes[self.classes >= 0], minlength=count).tolist()

    def status_count(self, status: str) -> int:
        return self.status.count(status)


@dataclass(frozen=True)
class Cluster:
    """One cluster to outline: the members' codes and the lines of its tooltip."""

    rank: int
    members: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    geometry: object


@dataclass(frozen=True)
class MapLayer:
    """Everything a map shows; `areas` has code, name and geometry in the order of every frame's arrays."""

    title: str
    measure: str
    areas: geopandas.GeoDataFrame
    classes: Classes
    colours: tuple[str, ...]
    labels: tuple[str, ...]
    frames: tuple[Frame, ...]
    clusters: tuple[Cluster, ...]
    notes: tuple[str, ...]
    texts: Mapping[str, str] = field(default_factory=dict)


def make_layer(
    areas: geopandas.GeoDataFrame,
    values: pd.DataFrame,
    *,
    title: str,
    measure: str,
    method: str = "quantile",
    count: int = 5,
    bounds: Sequence[float] | None = None,
    colours: str = "blues",
    digits: int = 1,
    level: float = 0.95,
    clusters: Sequence[Mapping] = (),
    notes: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
    names: Mapping[int, str] | None = None,
) -> MapLayer:
    """Gives the layer of a map. `names` are words for values that are kinds, each its own class (ascending whole numbers).

    Classes are those of all frames together, so that frames can be compared.

    Raises `GeoError("unmatched-areas")` naming codes of the values (or of cluster members) that have no area; an area
    without a value is shown as such.
    """
    words = {**TEXTS, **(texts or {})}
    for column in ("code", "rate"):
        if column not in values.columns:
            raise GeoError("input-columns", f"the map's values have no column {column!r}")
    values = values.assign(code=values["code"].astype(str))
    hidden = values["suppressed"].eq(True).to_numpy() if "suppressed" in values else np.zeros(len(values), bool)
    values = mask_hidden(values, hidden, columns=DERIVED)
    require_match(areas, values["code"])
    keys = ["code", "frame"] if "frame" in values else ["code"]
    double = values[values.duplicated(keys)]
    if len(double):
        raise GeoError("input-values", f"areas stand twice: {', '.join(double['code'].unique()[:10])}")
    rates = pd.to_numeric(values["rate"], errors="coerce").to_numpy(float)
    if names:
        method, bounds = "fixed", [min(names) - 0.5, *(kind + 0.5 for kind in sorted(names))]
    classes = make_classes(rates, method=method, count=count, bounds=bounds)
    labels = pd.unique(values["frame"]) if "frame" in values else [""]
    frames = tuple(
        _frame(areas, values[values["frame"] == label] if "frame" in values else values, str(label), classes, words,
               digits, level, names)
        for label in labels
    )  # fmt: skip
    return MapLayer(
        title,
        measure,
        areas.reset_index(drop=True),
        classes,
        tuple(palette(colours, len(classes))),
        tuple(names[kind] for kind in sorted(names)) if names else tuple(classes.labels(digits=digits)),
        frames,
        tuple(_cluster(areas, cluster, words) for cluster in clusters),
        (*notes, *([words["signal"]] if clusters else [])),
        words,
    )


def _frame(areas, values, label, classes, words, digits, level, names) -> Frame:
    table = values.set_index("code").reindex(areas["code"])
    rates = pd.to_numeric(table["rate"], errors="coerce").to_numpy(float)
    suppressed = table["suppressed"].eq(True).to_numpy()
    unstable = table["unstable"].eq(True).to_numpy() if "unstable" in table else np.zeros(len(table), bool)
    status = tuple(
        "suppressed" if hidden else "no_data" if not np.isfinite(rate) else "unstable" if weak else "shown"
        for hidden, rate, weak in zip(suppressed, rates, unstable)
    )
    lines = tuple(
        _lines(row, state, words, digits, level, names) for row, state in zip(table.to_dict("records"), status)
    )
    return Frame(label, classes.assign(rates), status, lines, table.reset_index())


def _lines(
    row: Mapping, status: str, words: Mapping[str, str], digits: int, level: float, names: Mapping[int, str] | None
) -> tuple:
    """Gives the tooltip of one area as (term, text) pairs; of a suppressed one only that it is suppressed."""
    if status in ("suppressed", "no_data"):
        return (("", words[status]),)

    def number(name: str, places: int = digits) -> str | None:
        value = row.get(name)
        return None if value is None or pd.isna(value) else f"{float(value):,.{places}f}"

    lines = [(words["rate"], names[int(row["rate"])] if names else number("rate") or "")]
    if number("lower") and number("upper"):
        lines.append((words["interval"].format(level=100 * level), f"{number('lower')} – {number('upper')}"))
    lines += [(words[name], number(name, 0)) for name in ("cases", "population") if number(name, 0)]
    trend = row.get("trend")
    if trend in ARROWS:
        change = f" ({number('apc')}%)" if number("apc") else ""
        lines.append((words["trend"], f"{ARROWS[trend]} {words[trend]}{change}"))
    if status == "unstable":
        lines.append(("", words["unstable"]))
    return tuple(lines)


def _cluster(areas, cluster: Mapping, words: Mapping[str, str]) -> Cluster:
    """Gives the outline of a cluster; figures that the caller left out (as hidden) are not shown."""
    members = tuple(map(str, cluster["members"]))
    require_match(areas, members)
    inside = areas[areas["code"].isin(members)]
    lines = [("", words["cluster"].format(rank=cluster["rank"]))]
    for name, text in (("relative_risk", "{:.2f}"), ("p_value", "{:.3g}")):
        if cluster.get(name) is not None:
            lines.append((words[name], text.format(cluster[name])))
    if cluster.get("observed") is not None and cluster.get("expected") is not None:
        lines.append((words["observed"], f"{cluster['observed']:,.0f} / {cluster['expected']:,.1f}"))
    if cluster.get("start") and cluster.get("end"):
        lines.append((words["window"], f"{cluster['start']} – {cluster['end']}"))
    return Cluster(int(cluster["rank"]), members, tuple(lines), inside.geometry.union_all())
