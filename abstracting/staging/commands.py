"""`oncoregistry stage`: JSON lines of inputs in, JSON lines of staging results out."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("source", default="-", metavar="[FILE]", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--algorithm", help="eod_public, tnm, cs or pediatric; may be left out with --package.")
@click.option("--version", help="Version of the algorithm; the embedded one when left out.")
@click.option(
    "--package", type=click.Path(dir_okay=False), help="An official package (ZIP) instead of embedded tables."
)
@click.option(
    "--current-year", type=click.IntRange(1900, 9999), help="Last valid diagnosis year; today's when left out."
)
@click.option(
    "--restage",
    type=click.Path(dir_okay=False),
    help="Another package of the algorithm: adds what differs under it to each line.",
)
@click.option("--output", "-o", default="-", type=click.Path(dir_okay=False, allow_dash=True), help="Output file.")
@click.pass_context
def stage(
    ctx: click.Context,
    source: str,
    algorithm: str | None,
    version: str | None,
    package: str | None,
    current_year: int | None,
    restage: str | None,
    output: str,
) -> None:
    """Stages cases: lines {"id", "inputs"} give {"id", "result", "schema_id", "output", "errors", "path"}.

    An error is [type, key, table], null where there is none. Values of inputs are codes as text, padded as the standard
    has them; null is missing and takes the default, "" is blank and does not.

    With --restage a line also holds "restaged" (the result under the other package), "differences" as [kind, key, old,
    new], and "wanted": inputs that the other schema asks for and this case lacks.

    Open data gives Summary Stage 2018, summary grade and schema from 2018 on (EOD public), UICC 7 groups for 2016-2017
    (TNM) and AJCC 6 and 7 groups for 2004-2015 (CS); it cannot derive EOD T, N, M and AJCC 8 groups.
    """
    from abstracting.errors import AbstractingError
    from abstracting.jsonlines import run_lines
    from abstracting.staging.engine import Engine
    from abstracting.staging.library import load_algorithm
    from abstracting.staging.restaging import restage as restage_case

    if algorithm is None and package is None:
        raise AbstractingError("usage", "which algorithm?", hint="give --algorithm eod_public, tnm, cs or pediatric")
    engine = Engine(load_algorithm(algorithm, version=version, package=package), current_year=current_year)
    other = None if restage is None else Engine(load_algorithm(package=restage), current_year=current_year)

    def answer(record: dict) -> dict:
        inputs = record.get("inputs")
        if not isinstance(inputs, dict):
            raise AbstractingError("staging-inputs", "a line must hold an object `inputs`")
        if other is None:
            return engine.stage(inputs).as_json()
        both = restage_case(inputs, engine, other).as_json()
        return {**both.pop("old"), "restaged": both.pop("new"), **both}

    # a byte that is no UTF-8 stays what it was: one wrong code in one line, not the end of the run
    with click.open_file(source, encoding="utf-8", errors="surrogateescape") as lines:
        try:
            out: Any = click.open_file(output, "w", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise AbstractingError("usage", f"cannot write there: {error.strerror}", where=output) from None
        with out:
            answered, failed = run_lines(lines, out, answer)
    if failed:
        click.echo(f"{failed} of {answered} lines could not be staged; see their `error`", err=True)
        ctx.exit(1)
