"""`survival km`, `survival lifetable`, `survival rmst`: estimates that need only time and status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from survival.commands.options import (
    NAMES,
    NUMBERS,
    Command,
    Source,
    data_options,
    emit,
    interval_options,
    output_options,
    time_options,
)

if TYPE_CHECKING:
    import numpy as np

    from survival.actuarial import IntervalCounts
    from survival.frames import FollowUp, Unit
    from survival.intervals import Scale
    from survival.results import Result
    from survival.risksets import RiskSets
    from survival.standards import Standard

_ENGINE = click.option(
    "--engine",
    type=click.Choice(["memory", "duckdb", "spark"]),
    default="memory",
    show_default=True,
    help="Where rows are counted; duckdb and spark read Parquet of any size.",
)


_AGE_STANDARD = [
    click.option(
        "--standard", type=click.Choice(["icss1", "icss2", "icss3"]), help="Age-standardise; needs --age, --at."
    ),
    click.option("--age", metavar="COL", help="Age at diagnosis, for --standard."),
    click.option("--age-unit", type=click.Choice(["days", "years"]), default="days", show_default=True),
    click.option("--age-groups", type=NUMBERS, default=None, help="First ages of the standard's groups."),
]
_WEIGHTS = [
    click.option(
        "--weights",
        type=click.Choice(["traditional", "individual"]),
        default="traditional",
        show_default=True,
        help="Weights of the standard for groups or (Brenner) for persons.",
    ),
]


def standard_options(command: Command) -> Command:
    """Adds --standard, --age, --age-unit, --age-groups, --weights."""
    for option in reversed(_AGE_STANDARD + _WEIGHTS):
        command = option(command)
    return command


def age_standard_options(command: Command) -> Command:
    """Adds --standard, --age, --age-unit and --age-groups, where the weights of a standard are those of its groups."""
    for option in reversed(_AGE_STANDARD):
        command = option(command)
    return command


def standardise(
    options: dict[str, Any], *, at: tuple[float, ...] | None, engine: str = "memory", **how: Any
) -> Result | None:
    """Takes the options of `standard_options` out; gives the age-standardised result, or None where none is asked for."""
    weights = options["weights"]
    read = read_standard(options, at=at, engine=engine)
    if read is None:
        return None
    from survival.age_standard import age_standardised

    return age_standardised(*read, at=at or (), weighting=weights, **how)


def read_standard(
    options: dict[str, Any], *, at: tuple[float, ...] | None, engine: str = "memory"
) -> tuple[FollowUp, np.ndarray, Standard] | None:
    """Takes the options of `standard_options` out; gives the rows, their ages in years and the standard, if asked for."""
    name, age, age_unit = options.pop("standard"), options.pop("age"), options.pop("age_unit")
    groups = options.pop("age_groups")
    options.pop("weights", None)
    from survival.errors import SurvivalError

    if name is None:
        if age or groups:
            raise SurvivalError("usage", "--age and --age-groups belong to --standard", hint="Give --standard icss1.")
        return None
    if not age or at is None or engine != "memory":
        raise SurvivalError("usage", "--standard needs --age, --at and rows in memory", hint="Like --age age --at 1,5.")
    from survival.frames import Faults, read_numbers
    from survival.lifetables import YEAR_OF_AGE
    from survival.standards import LOWER_AGES
    from survival.standards import standard as find_standard

    source = Source.take(options)
    frame, followup = source.load(age)
    faults = Faults(source.data)
    ages = read_numbers(frame, age, faults, minimum=0)
    if age_unit == "days" and len(ages) > 1 and ages.max() < 130:
        faults.add("value-range", f"no value of {age!r} exceeds 130 days", "Ages in years need --age-unit years.")
    faults.raise_if_any()
    lower = tuple(int(first) for first in groups) if groups else LOWER_AGES
    years = ages / YEAR_OF_AGE if age_unit == "days" else ages.astype(float)
    return followup, years, find_standard(name, lower=lower)


def count(options: dict[str, Any], engine: Literal["duckdb", "spark"]) -> RiskSets:
    """Gives what an engine counted of the rows."""
    source = Source.take(options)
    from survival.counts import count_in_engine, open_parquet
    from survival.errors import SurvivalError

    if not source.time or source.exit:
        raise SurvivalError("usage", "an engine counts a column of times", hint="Give --time instead of dates.")
    return count_in_engine(
        open_parquet(source.data, engine=engine),
        time=source.time,
        event=source.event,
        by=tuple(dict.fromkeys((*source.by, *source.strata))),
        entry=source.entry,
        event_codes=source.event_code,
        unit=source.time_unit,
    )


@click.command()
@data_options
@time_options
@interval_options
@_ENGINE
@standard_options
@click.option(
    "--adjust-losses",
    type=NAMES,
    default=(),
    help="Columns that losses to follow-up depend on: loss-adjusted survival at the times of --at.",
)
@click.option("--given", type=float, default=0.0, help="Condition on survival beyond this time (in --at-unit).")
@click.option("--reverse", is_flag=True, help="Distribution of follow-up: events and censorings exchanged.")
@click.option("--quantiles", type=NUMBERS, default="0.5", show_default=True, help="Shares for survival time quantiles.")
@output_options
def km(
    at: tuple[float, ...] | None,
    at_unit: Unit | None,
    ci: Scale,
    level: float,
    given: float,
    reverse: bool,
    quantiles: tuple[float, ...],
    engine: Literal["memory", "duckdb", "spark"],
    adjust_losses: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Kaplan-Meier survival with Greenwood's standard error; conditional, reversed and loss-adjusted forms."""
    from survival.kaplan_meier import kaplan_meier

    if options["standard"] and (reverse or adjust_losses):
        from survival.errors import SurvivalError

        raise SurvivalError("usage", "--standard fits neither --reverse nor --adjust-losses", hint="Leave one out.")
    aged = standardise(options, at=at, at_unit=at_unit, ci=ci, level=level, given=given, engine=engine)
    if aged is not None:
        emit(aged, as_json=as_json)
        return
    if adjust_losses:
        from survival.errors import SurvivalError
        from survival.losses import loss_adjusted

        if at is None or engine != "memory":
            raise SurvivalError("usage", "--adjust-losses needs --at and rows in memory", hint="Like --at 1,3,5.")
        options["by"] = (*options["by"], *adjust_losses)
        followup = Source.take(options).load()[1]
        emit(loss_adjusted(followup, adjust_losses, at=at, at_unit=at_unit, ci=ci, level=level), as_json=as_json)
        return
    result = kaplan_meier(
        Source.take(options).load()[1] if engine == "memory" else count(options, engine),
        at=at,
        at_unit=at_unit,
        ci=ci,
        level=level,
        given=given,
        reverse=reverse,
        quantiles=quantiles,
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
@_ENGINE
@standard_options
@output_options
def lifetable(
    at: tuple[float, ...] | None,
    at_unit: Unit | None,
    breaks: tuple[float, ...] | None,
    ci: Scale,
    level: float,
    engine: Literal["memory", "duckdb", "spark"],
    as_json: bool,
    **options: Any,
) -> None:
    """Actuarial life table; a month is completed when 30.4375 days have passed."""
    from survival.actuarial import life_table
    from survival.errors import SurvivalError

    aged = standardise(
        options, at=at, at_unit=at_unit, ci=ci, level=level, method="life-table", breaks=breaks, engine=engine
    )
    if aged is not None:
        emit(aged, as_json=as_json)
        return
    counted: FollowUp | IntervalCounts
    if engine == "memory":
        counted = Source.take(options).load()[1]
    elif options["entry"]:
        raise SurvivalError("usage", "an engine's life table knows no delayed entry", hint="Use --engine memory.")
    else:
        from survival.counts import interval_counts

        counted = interval_counts(count(options, engine), breaks, unit=at_unit)
    emit(life_table(counted, breaks=breaks, at=at, unit=at_unit, ci=ci, level=level), as_json=as_json)


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
    at_unit: Unit | None,
    level: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Restricted mean survival time and life years lost; --at means the same as --tau."""
    from survival.restricted import restricted_mean

    _, followup = Source.take(options).load()
    emit(restricted_mean(followup, tau=tau or at, unit=at_unit, level=level), as_json=as_json)
