"""The table twin of the map: every county with its figure, interval, rank and trend; hidden ones say only that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.ranking import rank_rates
from registry.analysis.disclosure import Policy
from registry.analysis.rates import STATE, Answer, answer
from registry.analysis.rates_desk import Desk
from registry.analysis.rates_request import KINDS, LOCAL, Request
from registry.analysis.rates_trend import Recent, recent
from registry.security.permissions import Actor
from web.atlas.base import address
from web.pages import paging
from web.tables import Column, Table

ARROWS = {"rising": "↑ rising", "falling": "↓ falling", "stable": "→ stable"}
WITH_TREND = ("rate", "crude")


@dataclass(frozen=True)
class Scale:
    """Where a figure stands between the ends, in per cent; the few widest intervals run out of the picture."""

    low: float
    high: float
    state: float | None

    def at(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return round(min(max(100 * (value - self.low) / span, 0.0), 100.0), 2)


@dataclass(frozen=True)
class Summary:
    """An answer with its trends and ranks, as one account may see them."""

    answer: Answer
    trends: dict[str, Recent]
    rows: list[Row]

    @property
    def scale(self) -> Scale | None:
        """The scale of the intervals; none where the measure has none."""
        ends = [end for row in self.rows if row.shown for end in (row.lower, row.upper) if end is not None]
        if not ends or self.answer.request.measure == "count":
            return None
        tops = sorted(row.upper for row in self.rows if row.upper is not None)
        top = min(max(ends), 1.15 * tops[int(0.97 * (len(tops) - 1))])
        state = self.state["value"]
        return Scale(min(ends), top, None if not np.isfinite(state) else float(state))

    @property
    def drawable(self) -> bool:
        """Whether any county of any part has a figure: else there is no map."""
        return any(row.shown for row in self.rows)

    @property
    def counted(self) -> dict[str, int]:
        """How many counties of the last part are covered, shown, suppressed, unstable, not declared."""
        last = self.answer.part(-1)
        covered, suppressed = last["covered"], last["suppressed"]
        return {
            "covered": int(covered.sum()),
            "shown": int((covered & ~suppressed).sum()),
            "suppressed": int(suppressed.sum()),
            "unstable": int(last["unstable"].sum()),
            "apart": int((~covered).sum()),
        }

    @property
    def state(self) -> Any:
        """The figures of all covered counties in the last part."""
        return self.answer.state.iloc[-1]


@dataclass(frozen=True)
class Row:
    """One county of the table."""

    code: str
    name: str
    frame: str
    value: float | None
    lower: float | None
    upper: float | None
    cases: int | None
    population: int | None
    expected: float | None
    rank: str
    trend: str
    change: float | None
    status: str
    kind: str = ""
    z: float | None = None
    p: float | None = None
    fdr: float | None = None

    @property
    def shown(self) -> bool:
        return self.value is not None


def summary(desk: Desk, wanted: Request, found: Policy) -> Summary:
    """Gives the answer of a request with trends (where the measure has any) and ranks with intervals."""
    result = answer(desk, wanted, found)
    trends = recent(desk, wanted, found) if wanted.trend and wanted.measure in WITH_TREND else {}
    return Summary(result, trends, rows_of(result, trends))


def rows_of(found: Answer, trends: dict[str, Recent]) -> list[Row]:
    """Gives the rows of the table, figures rounded as they are published."""
    digits = found.request.figure.digits
    made = []
    for part in found.parts:
        rows = found.rows[found.rows["frame"] == part.label].reset_index(drop=True)
        ranks = rank_rates(rows["value"].to_numpy(float), np.nan_to_num(rows["se"].to_numpy(float)), draws=2000)
        one = len(found.parts) == 1
        for place, row in enumerate(rows.to_dict("records")):
            trend = trends.get(row["code"]) if one else None
            rank = ranks.iloc[place]
            made.append(
                Row(
                    row["code"],
                    row["name"],
                    row["frame"],
                    *(_figure(row[name], digits) for name in ("value", "lower", "upper")),
                    cases=_whole(row["cases"]),
                    population=_whole(row["population"]),
                    expected=_figure(row["expected"], 1),
                    rank="" if np.isnan(rank["rank"]) else _rank(rank),
                    trend=ARROWS[trend.direction] if trend else "",
                    change=round(trend.change, 1) if trend else None,
                    status=_status(row, found),
                    **_local(row, found.request.measure),
                )
            )
    return made


def _local(row: dict[str, Any], measure: str) -> dict[str, Any]:
    """Gives what a local statistic says of a county: nothing for other measures, or where it is hidden or has no neighbor."""
    if measure not in LOCAL or not np.isfinite(row["kind"]):
        return {}
    return {"kind": KINDS[measure][int(row["kind"])], **{name: _figure(row[name], 4) for name in ("z", "p", "fdr")}}


def _figure(value: Any, digits: int) -> float | None:
    if value is None or not np.isfinite(float(value)):
        return None
    return round(float(value), digits)


def _whole(value: Any) -> int | None:
    return None if value is None or not np.isfinite(float(value)) else round(float(value))


def _rank(rank: Any) -> str:
    low, high = int(rank["rank_lower"]), int(rank["rank_upper"])
    return f"{rank['rank']:g} ({low}–{high})" if low != high else f"{rank['rank']:g}"


def _status(row: dict[str, Any], found: Answer) -> str:
    if not row["covered"]:
        return "not declared for these years"
    if row["suppressed"]:
        return "suppressed"
    if row["small"]:
        return "not for publication"
    return "unstable" if row["unstable"] else ""


def county_table(found: Summary, who: Actor) -> Table:
    """Gives the table of an answer."""
    wanted = found.answer.request
    figure = wanted.figure
    several = len(found.answer.parts) > 1

    def open_county(row: Row) -> str:
        return address("county", wanted, code=row.code)

    def open_cases(row: Row) -> str:
        if row.cases is None or not row.cases:
            return ""
        return address("cases", wanted, county=row.code, **({"part": row.frame} if several else {}))

    def digits(value: float | None) -> str:
        return "" if value is None else f"{value:,.{figure.digits}f}"

    columns = [Column("name", "County", lambda r: r.name, link=open_county, sort=True)]
    if several:
        columns.append(Column("frame", "Part", lambda r: r.frame, sort=True))
    # a local statistic has its kind, z and p in columns of their own, beside the ratio it examines
    title = "Ratio" if wanted.measure in LOCAL else figure.title if figure.name != "count" else "Cases"
    columns.append(Column("value", title, lambda r: r.value, kind="number", sort=True, hint=figure.unit))
    if wanted.measure in ("eb", "local"):
        pass
    else:
        columns += [
            Column("lower", "Lower 95%", lambda r: r.lower, kind="number"),
            Column("upper", "Upper 95%", lambda r: r.upper, kind="number"),
        ]
    if figure.name != "count":
        columns.append(
            Column(
                "cases", "Cases", lambda r: r.cases, kind="number", sort=True,
                link=open_cases if who.may("cases.read") else None,
            )
        )  # fmt: skip
    elif who.may("cases.read"):
        place = next(i for i, column in enumerate(columns) if column.name == "value")
        columns[place] = Column("value", "Cases", lambda r: r.cases, kind="number", sort=True, link=open_cases)
    if figure.around is not None:
        columns.append(Column("expected", "Expected", lambda r: r.expected, kind="number", sort=True))
    else:
        columns.append(
            Column(
                "population",
                "Residents" if wanted.measure == "prevalence" else "Person-years",
                lambda r: r.population,
                kind="number",
                sort=True,
            )
        )
    if wanted.measure in LOCAL:
        columns += [
            Column("kind", "Kind", lambda r: r.kind, sort=True),
            Column("z", "z", lambda r: r.z, kind="number", sort=True),
            Column("p", "p", lambda r: r.p, kind="number", sort=True),
            Column("fdr", "p, discovery rate held", lambda r: r.fdr, kind="number", sort=True),
        ]
    columns.append(Column("rank", "Rank (95%)", lambda r: r.rank))
    if found.trends:
        columns += [
            Column("trend", "Recent trend", lambda r: r.trend, sort=True),
            Column("change", "% a year", lambda r: r.change, kind="number", sort=True),
        ]
    columns.append(Column("status", "Note", lambda r: r.status, sort=True))
    at = paging("-value")
    rows = sorted(found.rows, key=lambda r: r.name)
    shown = [r for r in rows if r.shown]
    hidden = [r for r in rows if not r.shown]
    table = Table.of(
        "counties", f"{found.answer.title}: {figure.title.lower()}", columns, shown, at, empty="No county has a figure."
    )
    if (not table.more and at.page == 1) or at.size > 1000:
        # hidden counties stand at the end of the whole list, in order of their names
        table.rows = [*table.rows, *hidden]
        table.total = len(rows)
    return table


def strip() -> Table:
    """Gives the empty table of a page without an answer."""
    return Table("counties", "Counties", [Column("name", "County", lambda r: r.name)], [], empty="There is no answer.")


__all__ = ["STATE", "Row", "Summary", "county_table", "rows_of", "strip", "summary"]
