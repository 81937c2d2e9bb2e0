"""The county's page: its figure beside the state's, the trend of both, its periods and its sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, redirect, request

from registry.analysis.rates import STATE, short_name
from registry.analysis.rates_county import by_site
from registry.analysis.rates_map import coverage, notes
from registry.analysis.rates_request import Request
from registry.analysis.rates_stage import in_words, stage_breaks
from registry.analysis.rates_trend import Series, yearly
from registry.analysis.rates_words import citation, reproduce
from web.atlas.base import address, asked, blueprint, desk, policy, refuse_bound
from web.atlas.tables import Summary, summary
from web.pages import actor, page, paging, render_list, settings
from web.tables import Column, Table

ALL_COUNTIES = "All counties"


@page(blueprint, "/county/<code>", permission="analysis", twins=True)
def county(code: str) -> Response:
    """One county: the page, and its sites as CSV and JSON."""
    refuse_bound()
    wanted = asked()
    area, seen = desk().area(), policy()
    area.place(code)
    whole = wanted.with_changes(frames="")
    found = summary(desk(), whole, seen)
    row = next(r for r in found.rows if r.code == code)
    periods = summary(
        desk(), wanted.with_changes(frames="period", year_from=area.years[0], year_to=None, trend=False), seen
    )
    series = {place: yearly(desk(), whole, seen, place) for place in (code, STATE)}
    name = short_name(code)
    changed = stage_breaks(wanted, area.years[0], area.years[-1])
    # the trend is of the rate: only a chosen stage makes it one of stages, and it ends with the years asked for
    of_trend = {year: what for year, what in changed.items() if wanted.stage and year <= series[code].last}
    return render_list(
        "atlas/county.html",
        _sites(wanted, code, seen),
        wanted=wanted,
        found=found,
        row=row,
        name=name,
        code=code,
        period_rows=[r for r in periods.rows if r.code == code],
        period_state=periods.answer.state.set_index("frame"),
        series=series,
        spec=trend_spec(series, name, _points(periods, code), of_trend),
        changed=changed,
        of_trend=of_trend,
        stage_breaks=in_words(changed),
        back=address("index", wanted),
        here=lambda **changes: address("county", wanted.with_changes(**changes), code=code),
        address=lambda endpoint, **more: address(endpoint, wanted, **more),
        cases_of=lambda **changes: address("cases", wanted.with_changes(frames="", **changes), county=code),
        may_list=actor().may("cases.read"),
        coverage=coverage(found.answer),
        notes=notes(found.answer, settings().registry_name),
        reproduce=[*reproduce(found.answer), *_joinpoint(series)],
        citation=citation(found.answer, settings().registry_name),
        others=[(c, short_name(c)) for c in area.counties],
    )


def _joinpoint(series: Mapping[str, Series]) -> list[tuple[str, str]]:
    """Gives the settings of the Joinpoint program that repeat the trends; nothing where no place has one."""
    from geo.reproduce import joinpoint_settings

    fitted = next((one.trend for one in series.values() if one.trend is not None), None)
    return [] if fitted is None else [("Joinpoint", joinpoint_settings({**fitted.options, "method": fitted.method}))]


def _sites(wanted: Request, code: str, seen: Any) -> Table:
    rows = by_site(desk(), wanted, seen, code)

    def to_site(row: Any) -> str:
        return address("county", wanted.with_changes(site=row.site, stage="", age_from=None, age_to=None), code=code)

    columns = [
        Column("site", "Cancer", lambda r: r.label, link=to_site),
        Column("cases", "Cases", lambda r: r.cases, kind="number"),
        Column("rate", "Rate", lambda r: r.rate, kind="number"),
        Column("lower", "Lower 95%", lambda r: r.lower, kind="number"),
        Column("upper", "Upper 95%", lambda r: r.upper, kind="number"),
        Column("state", "State", lambda r: r.state, kind="number"),
        Column("ratio", "Ratio to the state", lambda r: r.ratio, kind="number"),
        Column("ratio_lower", "Ratio, lower 95%", lambda r: r.ratio_lower, kind="number"),
        Column("ratio_upper", "Ratio, upper 95%", lambda r: r.ratio_upper, kind="number"),
        Column("verdict", "Beside the state", lambda r: r.verdict or ("suppressed" if r.cases is None else "")),
    ]
    return Table(f"county-{code}-sites", f"Cancers of {short_name(code)}", columns, rows, paging(), total=len(rows))


def _points(periods: Summary, code: str) -> list[dict[str, Any]]:
    """The rates by period of a county, at the middle of each."""
    found = []
    for row in periods.rows:
        if row.code == code and row.shown:
            first, _, last = row.frame.partition("–")
            found.append({"year": (int(first) + int(last or first)) / 2, "rate": row.value, "label": row.frame})
    return found


def trend_spec(
    series: dict[str, Series], name: str, periods: list[dict[str, Any]], changed: Mapping[int, str]
) -> dict[str, Any] | None:
    """The chart: yearly rates as points, the fitted segments as lines; by period where years are hidden.

    `changed` are the years in which the definition of stage changed: rules stand before them.
    """
    points, lines = [], []
    for place, one in series.items():
        label = ALL_COUNTIES if place == STATE else name
        for row in one.rows.dropna(subset=["rate"]).to_dict("records"):
            points.append(
                {"place": label, "year": int(row["year"]), "rate": round(row["rate"], 1),
                 "lower": round(row["lower"], 1), "upper": round(row["upper"], 1)}
            )  # fmt: skip
        if one.trend is not None:
            lines += [
                {"place": label, "year": float(year), "fitted": round(float(value), 2)}
                for year, value in zip(one.trend.years, one.trend.fitted)
            ]
    if not points and not periods:
        return None
    x = {"field": "year", "type": "quantitative", "title": "Year of diagnosis", "scale": {"nice": False, "zero": False},
         "axis": {"format": "d", "grid": False}}  # fmt: skip
    y = {"type": "quantitative", "title": "Age-adjusted rate per 100,000", "scale": {"zero": True}}
    colour = {"field": "place", "type": "nominal", "title": None, "scale": {"domain": [name, ALL_COUNTIES]},
              "legend": {"orient": "top", "symbolOpacity": 1, "symbolType": "circle"}}  # fmt: skip
    tip = [{"field": "place", "title": "Place"}, {"field": "year", "title": "Year", "format": "d"},
           {"field": "rate", "title": "Rate"}, {"field": "lower", "title": "Lower 95%"},
           {"field": "upper", "title": "Upper 95%"}]  # fmt: skip
    layers: list[dict[str, Any]] = []
    if points:
        layers += [
            {"data": {"values": points}, "mark": {"type": "rule", "opacity": 0.35},
             "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}, "color": colour}},
            {"data": {"values": points}, "mark": {"type": "point", "filled": True, "size": 45},
             "encoding": {"x": x, "y": {**y, "field": "rate"}, "color": colour, "tooltip": tip}},
        ]  # fmt: skip
    for place, dash in ((name, [1, 0]), (ALL_COUNTIES, [6, 3])):
        if fitted := [line for line in lines if line["place"] == place]:
            layers.append(
                {"data": {"values": fitted}, "mark": {"type": "line", "strokeWidth": 2.25, "strokeDash": dash},
                 "encoding": {"x": x, "y": {**y, "field": "fitted"}, "color": colour}}
            )  # fmt: skip
    if periods and not any(p["place"] == name for p in points):
        values = [{**p, "place": name} for p in periods]
        layers.append(
            {"data": {"values": values}, "mark": {"type": "line", "point": {"filled": True, "size": 70}, "strokeDash": [2, 3]},
             "encoding": {"x": x, "y": {**y, "field": "rate"}, "color": colour,
                          "tooltip": [{"field": "label", "title": "Period"}, {"field": "rate", "title": "Rate"}]}}
        )  # fmt: skip
    if changed:
        rules = [{"year": year - 0.5, "from": year, "what": what} for year, what in changed.items()]
        layers.append(
            {"data": {"values": rules}, "mark": {"type": "rule", "strokeDash": [4, 4], "strokeWidth": 1.25, "opacity": 0.7},
             "encoding": {"x": x, "tooltip": [{"field": "from", "title": "Stage defined anew from", "format": "d"},
                                              {"field": "what", "title": "What changed"}]}}
        )  # fmt: skip
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": 320,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": layers,
    }


@page(blueprint, "/county", permission="analysis")
def jump() -> Response:
    """Opens the county chosen in a menu."""
    refuse_bound()
    return redirect(address("county", asked(), code=request.args.get("code", "")), 303)
