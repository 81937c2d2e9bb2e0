"""`survival prevalence`: how many persons with a past diagnosis live on a date."""

from __future__ import annotations

from typing import Any

import click

from survival.commands.options import Source, data_options, emit, output_options, time_options


@click.command()
@data_options
@click.option("--date", metavar="COL", help="Date of diagnosis (ISO, or days since 1960); --entry when left out.")
@click.option("--index-date", required=True, metavar="DATE", help="The date at whose start persons are counted.")
@time_options
@click.option("--life-table", metavar="CSV", help="With --incidence: complete prevalence, background mortality.")
@click.option("--incidence", metavar="CSV", help="Incidence rates `sex,age,rate` by single year of age.")
@click.option("--age", metavar="COL", help="Age at diagnosis, for complete prevalence.")
@click.option("--age-unit", type=click.Choice(["days", "years"]), default="days", show_default=True)
@click.option("--sex", metavar="COL", help="1 or male, 2 or female, for complete prevalence.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Confidence.")
@output_options
def prevalence(
    date: str | None,
    index_date: str,
    at: tuple[float, ...] | None,
    at_unit: str | None,
    life_table: str | None,
    incidence: str | None,
    age: str | None,
    age_unit: str,
    sex: str | None,
    level: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Limited-duration prevalence for the durations of --at, or complete prevalence with --life-table and --incidence.

    Durations are in --at-unit, years when left out.
    """
    from dataclasses import replace

    from survival.errors import SurvivalError
    from survival.frames import DAYS, Faults, read_dates, to_days
    from survival.net.cohort import cohort_of, day_number

    source = Source.take(options)
    frame, followup = source.load(date, age, sex)
    faults = Faults(source.data)
    if followup.origin is not None:
        diagnosis = followup.origin
    elif date:
        diagnosis = read_dates(frame, date, faults)
    else:
        raise SurvivalError("usage", "no date of diagnosis", hint="Give --date, or --entry and --exit as dates.")
    faults.raise_if_any()
    days = replace(followup, time=to_days(followup.time, followup.unit), unit="days")
    index = day_number(index_date, first=True)
    scale = DAYS[at_unit or "years"] / DAYS["years"]
    durations = [value * scale for value in at] if at else None
    if incidence is None and life_table is None:
        from survival.prevalence import limited_duration

        result = limited_duration(days, diagnosis, index=index, durations=durations, level=level)
    else:
        if not (incidence and life_table and age and sex):
            raise SurvivalError(
                "usage", "complete prevalence needs more", hint="Give --life-table, --incidence, --age and --sex."
            )
        from survival.frames import read_numbers
        from survival.lifetables import YEAR_OF_AGE, read_life_table, read_sex
        from survival.prevalence import YEAR, complete_prevalence, read_incidence

        ages = read_numbers(frame, age, faults, minimum=0) * (YEAR_OF_AGE if age_unit == "years" else 1.0)
        sexes = read_sex(frame, sex, faults)
        faults.raise_if_any()
        cohort = cohort_of(days, age=ages, date=diagnosis, sex=sexes)
        longest = float((index - diagnosis.min()) / YEAR)
        result = complete_prevalence(
            cohort,
            days,
            read_life_table(life_table),
            read_incidence(incidence),
            index=index,
            years=min(durations[0], longest) if durations else longest,
            level=level,
        )
    if at:
        result = replace(result, frame=result.frame.assign(time=[*at] * (len(result.frame) // len(at))))
    emit(result, as_json=as_json)
