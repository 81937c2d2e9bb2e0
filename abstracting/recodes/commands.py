"""`oncoregistry recode NAME [FILE]`: JSON lines of records in, JSON lines of recodes out."""

from __future__ import annotations

import click


@click.command()
@click.argument("name")
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@click.option("--as-of", metavar="DATE", help="The day taken for today where a rule reads the clock (2026-11-23).")
@click.option("--output", "-o", type=click.File("w", encoding="utf-8"), default="-", help="Where the answers go.")
def recode(name: str, file, as_of: str | None, output) -> int:  # type: ignore[no-untyped-def]
    """Recode the records of FILE (or standard input): {"id", "in"} gives {"id", "out"}, line by line.

    NAME is one of seer_site_recode, iccc, aya, lymphoid, brain_cns, behavior_recode, causespecific, survival, iarc_mp,
    iarc_mp_pair_canreg5, iarc_checks_canreg5, nhia, napiia. The two names with canreg5 give CanReg5 as it is, its faults
    included.
    """
    import datetime as dt

    from abstracting.jsonlines import run_lines
    from abstracting.recodes.cases import NAMES, answer_record, read_day

    if name not in NAMES:
        raise click.UsageError(f"there is no recode {name!r}; one of: {', '.join(NAMES)}")
    today = dt.date.today() if as_of is None else read_day(as_of)
    _, failed = run_lines(file, output, lambda record: answer_record(name, record, today))
    return 1 if failed else 0
