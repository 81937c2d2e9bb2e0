"""`survival km`, `survival lifetable`, `survival rmst`: estimates that need only time and status."""

from __future__ import annotations

from typing import Any

import click

from survival.commands.options import (
    NUMBERS,
    Source,
    data_options,
    emit,
    interval_options,
    output_options,
    time_options,
)


@click.command()
@data_options
@time_options
@interval_options
@click.option("--given", type=float, default=0.0, help="Condition on survival beyond this time (in --at-unit).")
@click.option("--reverse", is_flag=True, help="Distribution of follow-up: events and censorings exchanged.")
@click.option("--quantiles", type=NUMBERS, default="0.5", show_default=True, help="Shares for survival time quantiles.")
@output_options
def km(
    at: tuple[float, ...] | None,
    at_unit: str | None,
    ci: str,
    level: float,
    given: float,
    reverse: bool,
    quantiles: tuple[float, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Kaplan-Meier survival with Greenwood's standard error; conditional and reversed forms."""
    from survival.kaplan_meier import kaplan_meier

    _, followup = Source.take(options).load()
    result = kaplan_meier(
        followup, at=at, at_unit=at_unit, ci=ci, level=level, given=given, reverse=reverse, quantiles=quantiles
    )
    emit(result, as_json=as_json)


@click.command()
@data_options
@time_options
@click.option(
    "--breaks",
    type=NUMBERS,
    default=None,
    help="Interval bounds in --at-unit (0,1,3,6 or 0:60:1), or one width; a month when left out (a year for years).",
)
@interval_options
@output_options
def lifetable(
    at: tuple[float, ...] | None,
    at_unit: str | None,
    breaks: tuple[float, ...] | None,
    ci: str,
    level: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Actuarial life table; a month is completed when 30.4375 days have passed."""
    from survival.actuarial import life_table

    _, followup = Source.take(options).load()
    emit(life_table(followup, breaks=breaks, at=at, unit=at_unit, ci=ci, level=level), as_json=as_json)


@click.command()
@data_options
@click.option(
    "--tau", type=NUMBERS, default=None, help="Restriction times in --at-unit; the largest time when left out."
)
@time_options
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Confidence.")
@output_options
def rmst(
    tau: tuple[float, ...] | None,
    at: tuple[float, ...] | None,
    at_unit: str | None,
    level: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Restricted mean survival time and life years lost; --at means the same as --tau."""
    from survival.restricted import restricted_mean

    _, followup = Source.take(options).load()
    emit(restricted_mean(followup, tau=tau or at, unit=at_unit, level=level), as_json=as_json)
