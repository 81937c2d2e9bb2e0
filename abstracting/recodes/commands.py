"""`oncoregistry recode NAME [FILE]`: JSON lines of records in, JSON lines of recodes out."""

from __future__ import annotations

import datetime as dt

import click


@click.command()
@click.argument("name")
@click.argument("source", default="-", metavar="[FILE]", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d", "%Y%m%d"]),
    help="The day taken for today where a rule reads the clock, as 2026-11-23.",
)
@click.option("--output", "-o", default="-", type=click.Path(dir_okay=False, allow_dash=True), help="Output file.")
def recode(name: str, source: str, as_of: dt.datetime | None, output: str) -> int:
    """Recodes records: lines {"id", "in"} give {"id", "out"}, one for one, in order.

    NAME is one of seer_site_recode, iccc, aya, lymphoid, brain_cns, behavior_recode, causespecific, survival, iarc_mp,
    iarc_mp_pair_canreg5, iarc_checks_canreg5, nhia, napiia, county_at_diagnosis, summary_stage, summary_grade,
    icd_to_icdo3. The two names with canreg5 give CanReg5 as it is, its faults included.
    """
    from abstracting.errors import AbstractingError
    from abstracting.jsonlines import run_lines
    from abstracting.recodes.cases import NAMES, answer_record

    if name not in NAMES:
        raise AbstractingError("usage", f"there is no recode {name!r}", hint="one of: " + ", ".join(NAMES))
    today = dt.date.today() if as_of is None else as_of.date()
    # a byte that is no UTF-8 stays what it was: one wrong code in one line, not the end of the run
    with click.open_file(source, encoding="utf-8", errors="surrogateescape") as lines:
        try:
            out = click.open_file(output, "w", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise AbstractingError("usage", f"cannot write there: {error.strerror}", where=output) from None
        with out:
            answered, failed = run_lines(lines, out, lambda record: answer_record(name, record, today))
    if failed:
        click.echo(f"{failed} of {answered} lines could not be recoded; see their `error`", err=True)
    return 1 if failed else 0
