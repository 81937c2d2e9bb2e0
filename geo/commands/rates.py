"""`oncoregistry geo rates`: crude and age-adjusted rates with intervals, SIR, age-specific rates, cumulative risk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd


@click.command("rates", short_help="Crude and age-adjusted rates with intervals, SIR, cumulative risk.")
@click.argument("file", required=False)
@click.option("--data", help="CSV or Parquet, as FILE: group columns, age, cases, population ('-' is standard input).")
@click.option("--cases", "case_file", help="Cases apart: group columns, age, cases; strata without a row have 0.")
@click.option("--population", "population_file", help="Population apart: the same columns with population.")
@click.option("--by", default="", help="Columns whose values are groups, separated by commas.")
@click.option("--age", help="Column of age groups (0, 1-4, … 85+).")
@click.option("--count", help="Column of cases.")
@click.option("--pop", help="Column of population (person-years).")
@click.option(
    "--age-coding", type=click.Choice(["labels", "lows", "seer18", "seer19"]), default="labels", show_default=True
)
@click.option("--standard", default="us2000", show_default=True, help="us2000, segi, who2000, … or a CSV file.")
@click.option("--interval", type=click.Choice(["tiwari", "fay-feuer"]), default="tiwari", show_default=True)
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--per", type=click.FloatRange(0, min_open=True), default=100_000.0, show_default=True)
@click.option("--ages", help="Truncated rate: 35-64, 15+.")
@click.option("--reference", help="Population whose age-specific rates give expected cases: age, cases, population.")
@click.option("--sir", is_flag=True, help="SIR of each group against all groups together.")
@click.option("--sir-interval", type=click.Choice(["exact", "byar"]), default="exact", show_default=True)
@click.option("--age-specific", is_flag=True, help="Also the rates by age.")
@click.option("--cumulative", type=int, help="Also the cumulative rate and risk to this age (74).")
@click.option("--suppress", type=int, default=16, show_default=True, help="Mark counts below this; 0 marks none.")
@click.option("--hide", is_flag=True, help="Remove the figures of marked rows and of rows that would give them away.")
@click.option("--reproduce", is_flag=True, help="The same rates in R and SEER*Stat, with references.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def rates(file: str | None, data: str | None, as_json: bool, reproduce: bool, **options: Any) -> None:
    """Gives rates by group from counts and populations by age.

    Strata under the threshold are marked `suppressed`; with --hide their figures are removed.
    """
    from geo.tables import table_text

    document = compute(file or data, **options)
    if reproduce:
        from geo.reproduce import rates_in_r

        click.echo(rates_in_r(document))
        return
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    for name in ("rows", "age_specific"):
        if document.get(name):
            click.echo(table_text(document[name]))
    for warning in document["warnings"]:
        click.echo(f"note: {warning}", err=True)


def compute(source: str | None, **o: Any) -> dict[str, Any]:
    """Gives the JSON document of the command."""
    from geo.rates import age_specific_table, cumulative_table, gather_strata, rate_table
    from geo.standards import standard_population
    from geo.tables import records_of

    by = [name.strip() for name in o["by"].split(",") if name.strip()]
    frame, columns = read_strata(source, by, o)
    names = {"age": columns["age"], "cases": columns["cases"], "population": columns["population"]}
    strata = gather_strata(frame, by=by, coding=o["age_coding"], **names)
    ages = parse_span(o["ages"])
    standard = standard_population(o["standard"])
    common = {"standard": standard, "level": o["level"], "per": o["per"], "ages": ages}
    table = rate_table(strata, method=o["interval"], **common)
    for method, name in (("fay-feuer", "fay_feuer"), ("tiwari", "tiwari")):
        limits = rate_table(strata, method=method, **common)
        table[f"{name}_lower"], table[f"{name}_upper"] = limits["lower"], limits["upper"]
    restricted = strata if ages is None else strata.restrict(*ages)
    if o["sir"] or o["reference"]:
        table = _with_sir(table, restricted, o, names)
    if o["cumulative"] is not None:
        cumulative = cumulative_table(strata, to_age=o["cumulative"], level=o["level"])
        table = table.join(cumulative.drop(columns=[*by, "cases"]))
    warnings = []
    if table["population_set"].any():
        warnings.append(
            f"{int(table['population_set'].sum())} groups had cases but no people at some age: "
            "the population was set to the cases there, as SEER*Stat does"
        )
    table, hidden = _mark(table, by, o["suppress"], o["hide"])
    document: dict[str, Any] = {
        "standard": standard.name,
        "age_groups": [group.label for group in restricted.groups],
        "interval": o["interval"],
        "level": o["level"],
        "per": o["per"],
        "by": by,
        "suppressed": {"threshold": o["suppress"], "rows": int(table["suppressed"].sum()), "hidden": o["hide"]},
        "warnings": warnings,
        "rows": records_of(table),
    }
    if o["age_specific"]:
        ages_table = age_specific_table(restricted, by=by, level=o["level"], per=o["per"])
        document["age_specific"] = records_of(_mark_ages(ages_table, by, table, hidden, o))
    return document


def read_strata(source: str | None, by: list[str], o: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Gives the joined table of cases and population with the columns found for each role."""
    from geo.errors import GeoError
    from geo.rates import numbers_of
    from geo.tables import find_column, read_table

    cases, population = o.get("case_file"), o.get("population_file")
    if source is not None and (cases or population):
        raise GeoError("usage", "give one table of strata, or cases and population apart, not both")
    if source is not None:
        frame = read_table(source, text=by)
        named = (("age", "age"), ("cases", "count"), ("population", "pop"))
        return frame, {role: find_column(frame, role, o.get(option), where=source) for role, option in named}
    if not (cases and population):
        raise GeoError("usage", "no data", hint="give FILE, or --cases and --population")
    counts, people = read_table(cases, text=by), read_table(population, text=by)
    age = find_column(people, "age", o.get("age"), where=population)
    people_column = find_column(people, "population", o.get("pop"), where=population)
    count = find_column(counts, "cases", o.get("count"), where=cases)
    counts = counts.rename(columns={find_column(counts, "age", o.get("age"), where=cases): age})
    keys = [*by, age]
    for frame, where in ((counts, cases), (people, population)):
        missing = [key for key in keys if key not in frame.columns]
        if missing:
            raise GeoError("input-columns", f"no column {', '.join(missing)}", where=where)
    counts[count] = numbers_of(counts, count, what="cases", where=cases)
    people[people_column] = numbers_of(people, people_column, what="populations", where=population)
    for key in keys:
        counts[key], people[key] = counts[key].astype(str), people[key].astype(str)
    joined = (
        people.groupby(keys, as_index=False)[people_column]
        .sum()
        .merge(counts.groupby(keys, as_index=False)[count].sum(), on=keys, how="left", indicator=False)
    )
    lost = counts[count].sum() - joined[count].sum()
    if lost > 0:
        known = set(map(tuple, people[keys].to_numpy()))
        strange = [key for key in map(tuple, counts[keys].drop_duplicates().to_numpy()) if key not in known]
        shown = "; ".join(" ".join(key) for key in strange[:5])
        raise GeoError(
            "population-missing",
            f"{lost:g} cases stand in strata without a population: {shown}",
            hint="exclude and count unknown ages and areas first",
            where=population,
        )
    return joined.fillna({count: 0.0}), {"age": age, "cases": count, "population": people_column}


def parse_span(text: str | None) -> tuple[int, int | None] | None:
    """Gives (first, last) age of `35-64` or `15+`."""
    from geo.ages import parse_group

    if text is None:
        return None
    group = parse_group(text)
    return group.low, group.high


def _with_sir(table: pd.DataFrame, strata: Any, o: dict[str, Any], names: dict[str, str]) -> pd.DataFrame:
    from geo.rates import expected_cases, gather_strata, sir_table
    from geo.tables import find_column, read_table

    reference = None
    if o["reference"]:
        frame = read_table(o["reference"])
        found = {
            "age": find_column(frame, "age", names["age"] if names["age"] in frame else None, where=o["reference"]),
            "cases": find_column(frame, "cases", names["cases"] if names["cases"] in frame else None),
            "population": find_column(frame, "population", None, where=o["reference"]),
        }
        reference = gather_strata(frame, coding=o["age_coding"], **found)
        span = parse_span(o["ages"])
        reference = reference if span is None else reference.restrict(*span)
    expected = expected_cases(strata, reference)
    found = sir_table(table["cases"].to_numpy(), expected, interval=o["sir_interval"], level=o["level"])
    found = found.rename(columns={"lower": "sir_lower", "upper": "sir_upper", "p_exact": "sir_p", "p_mid": "sir_p_mid"})
    return table.join(found.drop(columns="observed"))


def _mark(table: pd.DataFrame, by: list[str], threshold: int, hide: bool) -> tuple[pd.DataFrame, Any]:
    """Gives the table with `suppressed`; with `hide` without the figures of marked rows and their complements."""
    import numpy as np

    from geo.suppression import SuppressionRule, mask_hidden, protect_tables

    if not threshold:
        return table.assign(suppressed=False), np.zeros(len(table), bool)
    hidden = (table["cases"] < threshold).to_numpy()
    if not hide:
        return table.assign(suppressed=hidden), hidden
    rule = SuppressionRule(threshold=max(threshold, 2))
    hidden = protect_tables([table[[*by, "cases"]].astype(dict.fromkeys(by, str))], rule=rule).hidden[0]
    return mask_hidden(table, hidden, keep=[*by, "population"]), hidden


def _mark_ages(ages: pd.DataFrame, by: list[str], rows: pd.DataFrame, hidden: Any, o: dict[str, Any]) -> pd.DataFrame:
    """Gives the rates by age, marked; with `hide` protected together with the rows, whose rates weigh the ages.

    An adjusted rate beside a count is a second equation on the ages. So where an age of a group must be hidden, all ages
    of that group are.
    """
    from geo.suppression import mask_hidden

    if not o["suppress"]:
        return ages.assign(suppressed=False)
    small = (ages["cases"] < o["suppress"]).to_numpy()
    if not o["hide"]:
        return ages.assign(suppressed=small)
    per_group = len(ages) // len(rows)
    whole = (small.reshape(-1, per_group).any(axis=1) | hidden).repeat(per_group)
    return mask_hidden(ages, whole, keep=[*by, "age", "population"])
