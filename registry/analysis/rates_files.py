"""An answer as CSV: what was counted and how in comment lines, then a row a county and part; hidden rows say only that."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.analysis.rates import Answer
from registry.analysis.rates_map import notes
from registry.analysis.rates_request import KINDS, LOCAL, RATIOS
from registry.exchange.export import neutral

if TYPE_CHECKING:
    from registry.analysis.rates_trend import Recent


def as_csv(found: Answer, trends: Mapping[str, Recent], *, registry: str) -> str:
    """Gives the table as CSV; figures are rounded as they are published."""
    asked = found.request
    figure = asked.figure
    out = io.StringIO()
    for line in (found.title, f"{figure.title}, {figure.unit}", *notes(found, registry)):
        out.write(f"# {line}\r\n")
    writer = csv.writer(out, lineterminator="\r\n")
    several, compared = len(found.parts) > 1, asked.measure in RATIOS
    head = [
        "code",
        "name",
        *(["part"] if several else []),
        "ratio" if asked.measure in LOCAL else asked.measure,
        "lower",
        "upper",
    ]
    head += ["cases"] if asked.measure != "count" else []
    head += ["expected"] if compared else ["residents" if asked.measure == "prevalence" else "person_years"]
    local = asked.measure in LOCAL
    head += ["kind", "z", "p", "p_fdr"] if local else []
    head += ["recent_trend_percent_a_year", "trend_lower", "trend_upper"] if trends and not several else []
    writer.writerow([*head, "status"])
    for row in [*found.rows.to_dict("records"), *found.state.to_dict("records")]:
        clear = bool(row["suppressed"]) or not row["covered"]
        cells: list[Any] = [row["code"], neutral(row["name"]), *([row["frame"]] if several else [])]
        cells += [_figure(row[name], figure.digits) for name in ("value", "lower", "upper")]
        if asked.measure != "count":
            cells.append(_figure(row["cases"], 0))
        cells.append(_figure(row["expected"] if compared else row["population"], 1 if compared else 0))
        if local:
            kind = row["kind"]
            cells.append("" if not np.isfinite(kind) else KINDS[asked.measure][int(kind)])
            cells += [_figure(row[name], 4) for name in ("z", "p", "fdr")]
        if trends and not several:
            trend = trends.get(row["code"])
            cells += ["", "", ""] if trend is None else [f"{v:.1f}" for v in (trend.change, trend.lower, trend.upper)]
        if clear:
            cells = [cell if place < 2 + several else "" for place, cell in enumerate(cells)]
        writer.writerow([*cells, _status(row)])
    return out.getvalue()


def _figure(value: Any, digits: int) -> str:
    return "" if value is None or not np.isfinite(float(value)) else f"{float(value):.{digits}f}"


def _status(row: Mapping[str, Any]) -> str:
    if not row["covered"]:
        return "not population-based"
    if row["suppressed"]:
        return "suppressed"
    return "unstable" if row["unstable"] else "shown"
