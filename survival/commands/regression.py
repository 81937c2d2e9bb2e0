"""`survival cox`, `survival excess`, `survival flexible`: regression models."""

from __future__ import annotations

from typing import Any

import click

from survival.commands.net import background_options
from survival.commands.options import NAMES, NUMBERS, Source, data_options, emit_document, output_options

_COVARIATES = click.option("--covariates", type=NAMES, required=True, help="Columns; text becomes indicators.")


@click.command()
@data_options
@_COVARIATES
@click.option("--ties", type=click.Choice(["efron", "breslow"]), default="efron", show_default=True)
@click.option("--robust", is_flag=True, help="Lin and Wei's variance, each row on its own.")
@click.option("--cluster", metavar="COL", help="Lin and Wei's variance by this column.")
@click.option(
    "--transform",
    type=click.Choice(["km", "rank", "identity", "log"]),
    default="km",
    show_default=True,
    help="Of time, in the test of proportional hazards.",
)
@output_options
def cox(
    covariates: tuple[str, ...],
    ties: str,
    robust: bool,
    cluster: str | None,
    transform: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Cox's model with the exact score test of proportional hazards; --strata gives each stratum its own baseline."""
    from survival.frames import Faults, number_groups
    from survival.regression.covariates import design
    from survival.regression.cox import fit_cox
    from survival.regression.proportionality import proportionality

    source = Source.take(options)
    frame, followup = source.load(*covariates, cluster, group_by_strata=True)
    x, terms = design(frame, covariates, where=source.data)
    faults = Faults(source.data)
    stratum = number_groups(frame, source.strata, faults)[0] if source.strata else None
    faults.raise_if_any()
    model = fit_cox(
        followup.time,
        followup.event,
        x,
        terms=terms,
        entry=followup.entry,
        stratum=stratum,
        cluster=frame[cluster].to_numpy() if cluster else None,
        robust=robust,
        ties=ties,  # type: ignore[arg-type]
    )
    document = model.to_document() | {"ph_test": proportionality(model, transform=transform)}  # type: ignore[arg-type]
    emit_document(document, as_json=as_json)


def _background(covariates: tuple[str, ...], options: dict[str, Any]) -> tuple[Any, Any, Any, tuple[str, ...]]:
    """Gives cohort, life table, covariates and terms of a model with background mortality."""
    from survival.commands.net import load
    from survival.errors import SurvivalError
    from survival.frames import read_table
    from survival.regression.covariates import design

    if options.get("period"):
        raise SurvivalError("usage", "--period is not offered with a regression", hint="Select the rows beforehand.")
    data = options["data"]
    if data == "-":
        raise SurvivalError("usage", "this command reads its data twice", hint="Give a file instead of -.")
    cohort, table = load(options)
    x, terms = design(read_table(data, columns=list(covariates)), covariates, where=data)
    return cohort, table, x, terms


@click.command()
@data_options
@background_options
@_COVARIATES
@click.option(
    "--breaks", type=NUMBERS, default="0,1,2,3,4,5", show_default=True, help="Intervals of the baseline in years."
)
@output_options
def excess(covariates: tuple[str, ...], breaks: tuple[float, ...], as_json: bool, **options: Any) -> None:
    """Excess-hazard regression by maximum likelihood; exp_coef is an excess hazard ratio."""
    from survival.regression.excess import fit_excess

    cohort, table, x, terms = _background(covariates, options)
    emit_document(fit_excess(cohort, table, x, terms=terms, breaks=breaks).to_document(), as_json=as_json)


@click.command()
@data_options
@background_options
@_COVARIATES
@click.option(
    "--df", type=click.IntRange(1, 8), default=4, show_default=True, help="Degrees of freedom of the baseline."
)
@click.option("--at", type=NUMBERS, default="1,3,5", show_default=True, help="Years at which survival is averaged.")
@output_options
def flexible(covariates: tuple[str, ...], df: int, at: tuple[float, ...], as_json: bool, **options: Any) -> None:
    """Flexible parametric model of the excess hazard on the log cumulative scale."""
    from survival.lifetables import YEAR_OF_AGE
    from survival.regression.background import hazard_at_exit
    from survival.regression.flexible import fit_flexible

    cohort, table, x, terms = _background(covariates, options)
    model = fit_flexible(
        cohort.time / YEAR_OF_AGE,
        cohort.event,
        x,
        terms=terms,
        background=hazard_at_exit(cohort, table),
        entry=None if cohort.entry is None else cohort.entry / YEAR_OF_AGE,
        df=df,
        at=at,
    )
    emit_document(model.to_document(), as_json=as_json)
