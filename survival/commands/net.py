"""`survival net`, `survival crude`, `survival net-test`: what needs background mortality."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from survival.commands.options import (
    NUMBERS,
    Source,
    data_options,
    emit,
    emit_document,
    interval_options,
    output_options,
    time_options,
)

if TYPE_CHECKING:
    from survival.frames import Unit
    from survival.intervals import Scale
    from survival.lifetables import LifeTable
    from survival.net.analysis import Compat, Weighting
    from survival.net.cohort import Cohort
    from survival.net.estimators import Method
    from survival.net.popepi import Transform

Command = TypeVar("Command", bound=Callable[..., Any])

_BACKGROUND = [
    click.option("--life-table", required=True, metavar="CSV", help="Life table file, or `us` for the built-in one."),
    click.option("--age", required=True, metavar="COL", help="Age at diagnosis."),
    click.option("--age-unit", type=click.Choice(["days", "years"]), default="days", show_default=True),
    click.option("--sex", required=True, metavar="COL", help="1 or male, 2 or female."),
    click.option("--date", metavar="COL", help="Date of diagnosis: ISO, or days since 1960-01-01."),
    click.option("--period", metavar="START,END", help="Calendar window by delayed entry; dates or years."),
]


def background_options(command: Command) -> Command:
    """Adds --life-table, --age, --age-unit, --sex, --date, --period."""
    for option in reversed(_BACKGROUND):
        command = option(command)
    return command


def load(options: dict[str, Any], *, group_by_strata: bool = True) -> tuple[Cohort, LifeTable]:
    """Takes data and background options out of a command's arguments; gives the cohort and its life table."""
    from survival.errors import SurvivalError
    from survival.frames import read_table
    from survival.lifetables import read_life_table
    from survival.net.cohort import build_cohort, window

    source = Source.take(options)
    life_table, age, age_unit = options.pop("life_table"), options.pop("age"), options.pop("age_unit")
    sex, date, period = options.pop("sex"), options.pop("date"), options.pop("period")
    by = tuple(dict.fromkeys((*source.by, *source.strata)))
    named = [source.time, source.event, source.entry, source.exit, age, sex, date, *by]
    frame = read_table(source.data, columns=[name for name in named if name])
    cohort = build_cohort(
        frame,
        event=source.event,
        time=source.time,
        entry=source.entry,
        exit=source.exit,
        unit=source.time_unit,
        event_codes=source.event_code,
        age=age,
        age_unit=age_unit,
        sex=sex,
        date=date,
        by=by,
        where=source.data,
    )
    if period:
        bounds = period.split(",")
        if len(bounds) != 2:
            raise SurvivalError("usage", f"--period {period!r} is not START,END", hint="Like 2010-01-01,2014-12-31.")
        cohort = window(cohort, bounds[0], bounds[1])
    options["by"], options["strata"] = source.by, source.strata
    return cohort, read_life_table(life_table)


@click.command()
@data_options
@background_options
@click.option(
    "--method",
    type=click.Choice(["pohar-perme", "ederer1", "ederer2", "hakulinen"]),
    default="pohar-perme",
    show_default=True,
)
@click.option("--standard", type=click.Choice(["icss1", "icss2", "icss3"]), help="Age-standardise.")
@click.option("--age-groups", type=NUMBERS, default=None, help="First ages of the standard's groups.")
@click.option(
    "--weights",
    type=click.Choice(["traditional", "individual"]),
    default="traditional",
    show_default=True,
    help="Weights of the standard for groups or (Brenner) for persons.",
)
@click.option("--compat", type=click.Choice(["relsurv", "popepi"]), help="Reproduce this program with its faults.")
@click.option("--precision", type=click.FloatRange(0.01, 366), default=1.0, help="relsurv's `precision` in days.")
@click.option("--transform", type=click.Choice(["hazard", "lifetable"]), default="hazard", help="popEpi's surv.method.")
@click.option("--given", type=float, default=0.0, help="Condition on survival beyond this time (in --at-unit).")
@click.option("--closing-date", metavar="DATE", help="End of study for Hakulinen; the last exit when left out.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Groups worked on side by side.")
@time_options
@interval_options
@output_options
@click.pass_context
def net(
    context: click.Context,
    method: Method,
    standard: str | None,
    age_groups: tuple[float, ...] | None,
    weights: Weighting,
    compat: Compat | None,
    precision: float,
    transform: Transform,
    given: float,
    closing_date: str | None,
    threads: int | None,
    at: tuple[float, ...] | None,
    at_unit: Unit | None,
    ci: Scale,
    level: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Net survival: Pohar Perme, Ederer I and II, Hakulinen; `se` of the estimate, `se_log` of its logarithm.

    With --compat popepi the confidence scale is log-log, as there, unless --ci says otherwise.
    """
    from survival.net.analysis import net_survival
    from survival.net.cohort import day_number
    from survival.standards import LOWER_AGES
    from survival.standards import standard as find_standard

    unit = at_unit or options["time_unit"]
    cohort, table = load(options)
    if compat == "popepi" and context.get_parameter_source("ci") is click.core.ParameterSource.DEFAULT:
        ci = "log-log"
    lower = tuple(int(age) for age in age_groups) if age_groups else LOWER_AGES
    result = net_survival(
        cohort,
        table,
        method=method,
        at=at,
        at_unit=unit,
        ci=ci,
        level=level,
        standard=find_standard(standard, lower=lower) if standard else None,
        weighting=weights,
        compat=compat,
        precision=precision,
        transform=transform,
        given=given,
        closing=day_number(closing_date, first=False) if closing_date else None,
        threads=threads,
    )
    emit(result, as_json=as_json)


@click.command()
@data_options
@background_options
@click.option("--tau", type=float, default=None, help="Years lost are counted up to this time (in --at-unit).")
@click.option("--standard", type=click.Choice(["icss1", "icss2", "icss3"]), help="Age-standardise; needs --at.")
@click.option("--age-groups", type=NUMBERS, default=None, help="First ages of the standard's groups.")
@time_options
@interval_options
@output_options
def crude(
    tau: float | None,
    standard: str | None,
    age_groups: tuple[float, ...] | None,
    at: tuple[float, ...] | None,
    at_unit: Unit | None,
    ci: Scale,
    level: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Crude probability of death from cancer (`estimate`) and from other causes (`other_estimate`)."""
    from survival.errors import SurvivalError
    from survival.net.crude import crude_death

    unit = at_unit or options["time_unit"]
    if standard is None and age_groups:
        raise SurvivalError("usage", "--age-groups belong to --standard", hint="Give --standard icss1.")
    if standard and (at is None or tau is not None):
        raise SurvivalError("usage", "--standard needs --at, and has no --tau", hint="Like --standard icss1 --at 1,5.")
    cohort, table = load(options)
    if standard:
        from survival.standard_probabilities import standardised_crude_death
        from survival.standards import LOWER_AGES
        from survival.standards import standard as find_standard

        lower = tuple(int(age) for age in age_groups) if age_groups else LOWER_AGES
        chosen = find_standard(standard, lower=lower)
        aged = standardised_crude_death(cohort, table, chosen, at=at or (), at_unit=unit, ci=ci, level=level)
        emit(aged, as_json=as_json)
        return
    emit(crude_death(cohort, table, at=at, at_unit=unit, tau=tau, ci=ci, level=level), as_json=as_json)


@click.command("net-test")
@data_options
@background_options
@output_options
def net_test(as_json: bool, **options: Any) -> None:
    """Log-rank-type test of equal net survival between the groups of --by, within --strata."""
    from dataclasses import replace

    from survival.frames import Faults, number_groups
    from survival.net.comparison import compare_net_survival

    cohort, table = load(options)
    by, strata = options["by"], options["strata"]
    faults = Faults()
    labels = cohort.strata.iloc[cohort.group].reset_index(drop=True)
    group, names = number_groups(labels, by, faults)
    stratum, _ = number_groups(labels, strata, faults)
    faults.raise_if_any()
    result = compare_net_survival(replace(cohort, group=group, strata=names), table, strata=stratum)
    shown = {name: value for name, value in result.items() if name not in ("statistic", "covariance")}
    emit_document(shown, as_json=as_json)
