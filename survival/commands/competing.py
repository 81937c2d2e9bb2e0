"""`survival logrank`, `survival cif`, `survival finegray`: comparing groups, and competing risks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from survival.commands.curves import age_standard_options, read_standard
from survival.commands.options import (
    NAMES,
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

_CAUSE = click.option("--cause", type=NAMES, default=(), help="Codes of the cause; every cause when left out.")
_CENSORED = click.option("--censor-code", default="0", show_default=True, help="Code of who had no event.")


@click.command()
@data_options
@click.option(
    "--weight",
    type=click.Choice(["logrank", "fleming-harrington", "peto", "gehan", "tarone-ware"]),
    default=None,
    help="Weight of the times; logrank when left out, fleming-harrington with --rho or --gamma.",
)
@click.option("--rho", type=float, default=0.0, help="Power of S(t-) (1 gives Peto-Peto as R's survdiff).")
@click.option("--gamma", type=float, default=0.0, help="Power of 1 - S(t-).")
@output_options
def logrank(weight: str | None, rho: float, gamma: float, as_json: bool, **options: Any) -> None:
    """Test of equal survival between the groups of --by, within --strata."""
    from survival.logrank import compare_survival

    source = Source.take(options)
    if not source.by:
        # with --strata alone, its columns are the groups, as everywhere else
        from dataclasses import replace

        source = replace(source, by=source.strata, strata=())
    _, followup = source.load()
    chosen = weight or ("fleming-harrington" if rho or gamma else "logrank")
    test = compare_survival(followup, strata=source.strata, weight=chosen, rho=rho, gamma=gamma)  # type: ignore[arg-type]
    emit_document(test.to_document(), as_json=as_json)


@click.command()
@data_options
@time_options
@interval_options
@_CAUSE
@_CENSORED
@click.option(
    "--variance",
    type=click.Choice(["jackknife", "gray"]),
    default="jackknife",
    show_default=True,
    help="Standard error as R's survfit or as cmprsk gives it.",
)
@click.option("--test", is_flag=True, help="Gray's test between the groups of --by, for each cause.")
@age_standard_options
@output_options
def cif(
    at: tuple[float, ...] | None,
    at_unit: Unit | None,
    ci: Scale,
    level: float,
    cause: tuple[str, ...],
    censor_code: str,
    variance: str,
    test: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Cumulative incidence under competing risks (Aalen-Johansen); --event is the column of causes."""
    from dataclasses import replace

    from survival.competing.gray import gray_test
    from survival.competing.incidence import cumulative_incidence

    if aged := read_standard(options, at=at):
        from survival.errors import SurvivalError
        from survival.standard_probabilities import standardised_incidence

        if test:
            raise SurvivalError(
                "usage", "Gray's test compares curves as they are", hint="Leave out --standard or --test."
            )
        followup, years, standard = aged
        late = followup.entry is not None
        found = standardised_incidence(
            followup,
            years,
            standard,
            causes=cause or None,
            censored=censor_code,
            at=at or (),
            at_unit=at_unit,
            ci=ci,
            level=level,
            variance="gray" if late else variance,  # type: ignore[arg-type]
        )
        emit(found, as_json=as_json)
        return
    source = Source.take(options)
    _, followup = source.load()
    if variance == "jackknife" and followup.entry is not None:
        variance = "gray"
    result = cumulative_incidence(
        followup,
        causes=cause or None,
        censored=censor_code,
        at=at,
        at_unit=at_unit,
        ci=ci,
        level=level,
        variance=variance,  # type: ignore[arg-type]
    )
    if test:
        tests = {
            code: gray_test(followup, cause=code, censored=censor_code, strata=source.strata).to_document()
            for code in result.settings["causes"]
        }
        result = replace(result, extra={**result.extra, "gray": tests})
    emit(result, as_json=as_json)


@click.command()
@data_options
@_CAUSE
@_CENSORED
@click.option("--covariates", type=NAMES, required=True, help="Columns; text becomes indicators.")
@output_options
def finegray(
    cause: tuple[str, ...], censor_code: str, covariates: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Fine and Gray's model of the subdistribution hazard of one cause."""
    from survival.competing.subdistribution import fit_subdistribution
    from survival.errors import SurvivalError
    from survival.regression.covariates import design

    source = Source.take(options)
    if len(cause) > 1 or source.entry:
        raise SurvivalError("usage", "one cause and no delayed entry", hint="Give --cause CODE.")
    frame, followup = source.load(*covariates)
    x, terms = design(frame, covariates, where=source.data)
    chosen = cause[0] if cause else source.event_code[0]
    model = fit_subdistribution(followup.time, followup.status, x, cause=chosen, censored=censor_code, terms=terms)
    emit_document(model.to_document(), as_json=as_json)
