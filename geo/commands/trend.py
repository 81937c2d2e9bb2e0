"""`oncoregistry geo trend`: segments, annual percent change and average annual percent change of rates by year."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd


@click.command("trend", short_help="Segmented trends with annual percent change.")
@click.argument("file", required=False)
@click.option("--data", help="CSV or Parquet, as FILE: year and rate (with se), or year, age, cases and population.")
@click.option("--by", default="", help="Columns whose values are groups, separated by commas.")
@click.option("--year", help="Column of years.")
@click.option("--rate", help="Column of rates.")
@click.option("--se", help="Column of standard errors of the rates.")
@click.option("--no-se", is_flag=True, help="Equal variance of the logarithm of the rate.")
@click.option("--age", help="Column of age groups, when rates are computed here.")
@click.option("--count", help="Column of cases, when rates are computed here.")
@click.option("--pop", help="Column of population, when rates are computed here.")
@click.option("--standard", default="us2000", show_default=True, help="Standard population of rates computed here.")
@click.option(
    "--method",
    type=click.Choice(["permutation", "bic", "bic3", "wbic"]),
    default="permutation",
    show_default=True,
    help="How the number of joinpoints is chosen.",
)
@click.option("--max-joinpoints", type=click.IntRange(0, 6), default=3, show_default=True)
@click.option("--permutations", type=click.IntRange(19), default=4499, show_default=True)
@click.option("--alpha", type=float, default=0.05, show_default=True)
@click.option("--seed", type=int, default=7160, show_default=True)
@click.option("--ends", type=click.IntRange(2), default=2, show_default=True, help="Observations before and after.")
@click.option("--between", type=click.IntRange(2), default=2, show_default=True, help="Observations between two.")
@click.option("--grid", type=click.IntRange(0, 9), default=0, show_default=True, help="Points tried between two years.")
@click.option("--span", "spans", multiple=True, help="Years of an average change: 2010,2014; may be repeated.")
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--reproduce", is_flag=True, help="The equivalent settings of Joinpoint, with references.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def trend(file: str | None, data: str | None, as_json: bool, reproduce: bool, **options: Any) -> None:
    """Finds where a trend of rates changes, and gives the annual percent change of each piece."""
    from geo.errors import GeoError
    from geo.tables import table_text

    source = file or data
    if source is None:
        raise GeoError("usage", "no data", hint="give FILE: year and rate, or year, age, cases and population")
    document = compute(source, **options)
    if reproduce:
        from geo.reproduce import joinpoint_settings

        click.echo(joinpoint_settings(document))
    elif as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        rows = [
            {**row["stratum"], **{k: s[k] for k in ("start", "end", "apc", "lower", "upper", "p", "direction")}}
            for row in document["rows"]
            for s in row["segments"]
        ]
        click.echo(table_text(rows))
        for row in document["rows"]:
            for a in row["aapc"]:
                group = " ".join(f"{k} {v}" for k, v in row["stratum"].items())
                change = f"{a['aapc']:.2f} ({a['lower']:.2f} to {a['upper']:.2f})"
                click.echo(f"{group} average annual percent change {a['start']}-{a['end']}: {change}".strip())


def compute(source: str, **o: Any) -> dict[str, Any]:
    """Gives the JSON document of the command: one row per group with joinpoints, segments and average changes."""
    from dataclasses import asdict

    from geo.errors import GeoError
    from geo.tables import plain, read_table
    from geo.trend import fit_trend

    by = [name.strip() for name in o["by"].split(",") if name.strip()]
    series = _series(read_table(source, text=by), by, source, o)
    spans = [_span(text) for text in o["spans"]] or None
    keys = ("max_joinpoints", "method", "permutations", "alpha", "level", "seed", "ends", "between", "grid")
    settings = {key: o[key] for key in keys}
    rows = []
    for values, part in series.groupby(by, sort=True) if by else [((), series)]:
        stratum = dict(zip(by, values if isinstance(values, tuple) else (values,)))
        name = ", ".join(f"{k} {v}" for k, v in stratum.items())
        try:
            found = fit_trend(part["year"], part["rate"], part.get("se"), spans=spans, **settings)
        except GeoError as error:
            raise GeoError(error.code, error.message, hint=error.hint, where=name or source) from None
        rows.append(
            {
                "stratum": stratum,
                "joinpoints": found.joinpoints,
                "segments": [{**asdict(s), "direction": s.direction, "significant": s.p < o["alpha"]}
                             for s in found.segments],
                "aapc": [asdict(a) for a in found.average],
                "fits": [{"count": len(f.joinpoints), **asdict(f)} for f in found.fits],
                "tests": [asdict(t) for t in found.tests],
                "df": found.df,
                "fitted": [{"year": year, "rate": rate} for year, rate in zip(found.years, found.fitted)],
            }
        )  # fmt: skip
    return plain({**settings, "rows": rows})


def _series(frame: pd.DataFrame, by: list[str], where: str, o: dict[str, Any]) -> pd.DataFrame:
    """Gives year, rate and (unless asked not) se per group, computing age-adjusted rates from counts where needed."""
    from geo.errors import GeoError
    from geo.rates import need_columns, rate_table
    from geo.tables import find_column, seek_column

    need_columns(frame, by, where=where)
    year = find_column(frame, "year", o["year"], where=where)
    rate = seek_column(frame, "rate", o["rate"])
    if rate is None and o["rate"]:
        raise GeoError("input-columns", f"no column {o['rate']!r}", where=where)
    if rate is not None:
        columns = {year: "year", rate: "rate"}
        if not o["no_se"]:
            se = find_column(frame, "se", o["se"], where=where) if o["se"] else seek_column(frame, "se")
            columns |= {se: "se"} if se else {}
        return frame[[*by, *columns]].rename(columns=columns)
    names = {
        role: find_column(frame, role, o[option], where=where)
        for role, option in (("age", "age"), ("cases", "count"), ("population", "pop"))
    }
    table = rate_table(frame, by=[*by, year], standard=o["standard"], **names)
    return table[[*by, year, "rate", *([] if o["no_se"] else ["se"])]].rename(columns={year: "year"})


def _span(text: str) -> tuple[float, float]:
    from geo.errors import GeoError

    try:
        start, end = (float(part) for part in text.replace("-", ",").split(","))
    except ValueError:
        raise GeoError("usage", f"--span {text!r} is no pair of years", hint="write 2010,2014") from None
    return start, end
