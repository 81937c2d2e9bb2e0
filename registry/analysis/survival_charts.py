"""The survival chart as one Vega-Lite specification: for the page, and by vl-convert as SVG, PNG and PDF.

Curves with their confidence bands, the age-standardised estimates as diamonds with their limits, and under the axis the
numbers at risk in the colour of their curve. Lines differ by dash as well as by colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from registry.analysis.survival_answer import Answer, Group

MOST_CURVES = 8
HEIGHT = 340
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [12, 4], [4, 4], [1, 3], [14, 3, 3, 3])
COLOURS = ("#0e7c86", "#d55e00", "#7a68c0", "#b8860b", "#3d7ab8", "#c2568c", "#5f7f3a", "#7d7d7d")
"""As `web/static/charts.js` has them on the page; here for files."""

_LEGEND = {
    "orient": "top",
    "symbolType": "stroke",
    "symbolStrokeWidth": 2.5,
    "symbolSize": 500,
    "symbolOpacity": 1,
    "columns": 4,
    "labelLimit": 220,
}
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def drawn(answer: Answer) -> list[Group]:
    """Gives the groups whose curves are drawn: all that may be shown, or the largest ones."""
    shown = [g for g in answer.shown if g.n]
    if len(shown) <= MOST_CURVES:
        return shown
    largest = sorted(shown, key=lambda g: -(g.n or 0))[:MOST_CURVES]
    return [g for g in shown if g in largest]


RiskLink = Callable[[int, float], str]
"""Gives the address of the cases at risk in a group at a year."""


def curve_spec(answer: Answer, *, height: int = HEIGHT, risk_link: RiskLink | None = None) -> dict[str, Any]:
    """Gives the specification without colours of a theme; width follows the place it is drawn in.

    With `risk_link` the numbers at risk open their cases.
    """
    groups = drawn(answer)
    names = {g.number: _name(g) for g in groups}
    crude = answer.two_causes
    start = next((float(value) for name, value in answer.pairs if name == "given"), 0.0)
    horizon = max((row["time"] for row in answer.table), default=1.0)
    x = {
        "field": "t",
        "type": "quantitative",
        "title": "Years since diagnosis",
        "scale": {"domain": [start, horizon], "nice": False},
        "axis": {"values": [t for t in answer.risk_times if t >= start], "format": ".1~f", "grid": False},
    }
    y = {
        "field": "s",
        "type": "quantitative",
        "title": "Probability of death" if crude else answer.measure,
        "scale": {"domain": [0, _top(answer, groups)], "nice": False},
        "axis": {"format": "%", "tickCount": 5},
    }
    colour = {
        "field": "g",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(names.values())},
        "legend": {**_LEGEND, "columns": 2 if crude else 4} if len(groups) > 1 else None,
    }
    line = "step-after" if answer.steps_are_curve else "linear"
    base = {"x": x, "y": y, "color": colour}
    dash_field = "cause" if crude else "g"
    dash_domain = ["Cancer", "Other causes"] if crude else list(names.values())
    dash = {
        "field": dash_field,
        "type": "nominal",
        "title": None,
        "scale": {"domain": dash_domain, "range": [list(d) for d in DASHES[: len(dash_domain)]]},
        "legend": {**_LEGEND, "columns": 1} if crude else _LEGEND if len(groups) > 1 else None,
    }
    values = _curve_values(answer, names, crude)
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "opacity": 0.16, "interpolate": line, "clip": True, "tooltip": False},
            "encoding": {**base, "y": {**y, "field": "lo"}, "y2": {"field": "hi"}, "detail": {"field": "cause"}},
        },
        {
            "mark": {"type": "line", "strokeWidth": 2.25, "interpolate": line, "clip": True, "strokeJoin": "round"},
            "encoding": {**base, "strokeDash": dash, "detail": {"field": "cause"}},
        },
        {
            "params": [
                {
                    "name": "near",
                    "select": {"type": "point", "on": "pointermove", "nearest": True, "clear": "pointerout"},
                }
            ],
            "mark": {"type": "point", "size": 60, "filled": True, "clip": True},
            "encoding": {
                **base,
                "opacity": {"condition": {"param": "near", "empty": False, "value": 1}, "value": 0},
                "tooltip": _tooltip(crude, grouped=len(answer.groups) > 1),
            },
        },
    ]
    if answer.standardised:
        layers += _standardised(answer, names, base)
    layers += _risk_table(answer, groups, height, risk_link)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": values},
        "layer": layers,
    }


def _name(group: Group) -> str:
    return textwrap.shorten(group.label, 44, placeholder="…")


def _top(answer: Answer, groups: list[Group]) -> float:
    numbers = {g.number for g in groups}
    highest = max(
        (
            row[key]
            for row in answer.curve
            if row["group"] in numbers
            for key in ("estimate", "other_estimate")
            if row.get(key) is not None
        ),
        default=1.0,
    )
    if answer.two_causes:
        return min(1.0, max(0.2, round(highest * 1.15 + 0.05, 1)))
    return 1.0 if highest <= 1.0 else min(1.2, round(highest + 0.05, 2))


def _short(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def _curve_values(answer: Answer, names: dict[int, str], crude: bool) -> list[dict[str, Any]]:
    given = next((float(value) for name, value in answer.pairs if name == "given"), 0.0)
    values = []
    for number, label in names.items():
        rows = [row for row in answer.curve if row["group"] == number and row["estimate"] is not None]
        first = {"t": given, "s": 0.0 if crude else 1.0, "g": label, "cause": "Cancer" if crude else ""}
        first |= {"lo": first["s"], "hi": first["s"]}
        values.append(first)
        if crude:
            values.append({**first, "cause": "Other causes"})
        for row in rows:
            point = {"t": _short(row["time"]), "g": label, "n": row.get("n_risk")}
            values.append(
                {
                    **point,
                    "s": _short(row["estimate"]),
                    "lo": _short(row["lower"]),
                    "hi": _short(row["upper"]),
                    "cause": "Cancer" if crude else "",
                }
            )
            if crude:
                values.append(
                    {
                        **point,
                        "s": _short(row["other_estimate"]),
                        "lo": _short(row["other_lower"]),
                        "hi": _short(row["other_upper"]),
                        "cause": "Other causes",
                    }
                )
    return values


def _tooltip(crude: bool, *, grouped: bool) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = [{"field": "t", "type": "quantitative", "title": "Years", "format": ".2f"}]
    if grouped:
        fields.insert(0, {"field": "g", "type": "nominal", "title": "Group"})
    if crude:
        fields.insert(0, {"field": "cause", "type": "nominal", "title": "Death from"})
    fields += [
        {"field": key, "type": "quantitative", "title": title, "format": form}
        for key, title, form in (
            ("s", "Estimate", ".1%"),
            ("lo", "Lower limit", ".1%"),
            ("hi", "Upper limit", ".1%"),
            ("n", "At risk", ",d"),
        )
    ]
    return fields


def _standardised(answer: Answer, names: dict[int, str], base: dict[str, Any]) -> list[dict[str, Any]]:
    values = [
        {
            "t": row["time"],
            "s": _short(row["estimate"]),
            "lo": _short(row["lower"]),
            "hi": _short(row["upper"]),
            "g": names[row["group"]],
        }
        for row in answer.standardised
        if row["group"] in names and row["estimate"] is not None
    ]
    data = {"values": values}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "strokeWidth": 1.5, "clip": True},
            "encoding": {**base, "y": {**base["y"], "field": "lo"}, "y2": {"field": "hi"}},
        },
        {
            "data": data,
            "mark": {"type": "point", "shape": "diamond", "size": 70, "filled": True, "clip": True},
            "encoding": {
                **base,
                "tooltip": [
                    {"field": "g", "type": "nominal", "title": "Age-standardised"},
                    {"field": "t", "type": "quantitative", "title": "Years", "format": "~g"},
                    {"field": "s", "type": "quantitative", "title": "Estimate", "format": ".1%"},
                    {"field": "lo", "type": "quantitative", "title": "Lower limit", "format": ".1%"},
                    {"field": "hi", "type": "quantitative", "title": "Upper limit", "format": ".1%"},
                ],
            },
        },
    ]


def _risk_table(
    answer: Answer, groups: list[Group], height: int, risk_link: RiskLink | None = None
) -> list[dict[str, Any]]:
    """The numbers at risk as text under the axis, a row a curve."""
    start = next((float(value) for name, value in answer.pairs if name == "given"), 0.0)
    place = {g.number: n for n, g in enumerate(answer.groups)}
    top, step = height + 62, 17
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": [{}]},
            "mark": {"type": "text", "align": "right", "dx": -34, "fontSize": 11, "fontWeight": 600, "text": "At risk"},
            "encoding": {"x": {"value": 0}, "y": {"value": top - step}},
        }
    ]
    for row, group in enumerate(groups):
        counts = answer.at_risk[place[group.number]]
        name = _name(group)
        values = [
            {"t": t, "label": f"{n:,}", "g": name} | ({"href": risk_link(group.number, t)} if risk_link and n else {})
            for t, n in zip(answer.risk_times, counts, strict=False)
            if t >= start
        ]
        y = {"value": top + row * step}
        layers.append(
            {
                "data": {"values": values},
                "mark": {"type": "text", "fontSize": 11, **({"cursor": "pointer"} if risk_link else {})},
                "encoding": {
                    "x": {"field": "t", "type": "quantitative"},
                    "y": y,
                    "text": {"field": "label"},
                    **({"href": {"field": "href"}} if risk_link else {}),
                },
            }
        )
        # words in ink, their curve's colour beside them: coloured words of this size would be hard to read
        layers.append(
            {
                "data": {"values": [{"g": name}]},
                "mark": {
                    "type": "text",
                    "align": "right",
                    "dx": -34,
                    "fontSize": 11,
                    "limit": 150,
                    "text": name if len(groups) > 1 else "persons",
                },
                "encoding": {"x": {"value": 0}, "y": y},
            }
        )
        layers.append(
            {
                "data": {"values": [{"g": name}]},
                "mark": {"type": "square", "size": 50, "opacity": 1, "tooltip": False},
                "encoding": {"x": {"value": -26}, "y": y, "color": {"field": "g", "type": "nominal"}},
            }
        )
    return layers


def printed(spec: dict[str, Any], *, title: str = "", subtitle: str = "", width: int = 720) -> dict[str, Any]:
    """Gives the specification for a file: fixed width, a title, the colours of the light page."""
    # nothing is pointed at on paper, and the points would be most of the file
    layers = [layer for layer in spec["layer"] if "params" not in layer]
    shown = {**spec, "layer": layers, "width": width, "background": "#ffffff"}
    shown["autosize"] = {"type": "pad"}
    if title:
        shown["title"] = {
            "text": textwrap.wrap(title, 90),
            "subtitle": textwrap.wrap(subtitle, 130),
            "anchor": "start",
            "fontSize": 14,
            "subtitleFontSize": 11,
            "subtitleColor": "#4a5a64",
            "offset": 12,
        }
    shown["config"] = {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "domainColor": "#84939c",
            "gridColor": "#e3e8eb",
            "tickColor": "#84939c",
            "labelColor": "#4a5a64",
            "titleColor": "#17232b",
            "titleFontWeight": 600,
            "labelFontSize": 12,
            "titleFontSize": 12,
        },
        "legend": {"labelColor": "#17232b", "labelFontSize": 12},
        "text": {"color": "#17232b"},
        "range": {"category": list(COLOURS)},
    }
    return shown


def write_chart(spec: dict[str, Any], form: str) -> bytes:
    """Gives a printed specification as svg, png or pdf."""
    import vl_convert

    if form == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    if form == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=2.5))
    return bytes(vl_convert.vegalite_to_pdf(spec))
