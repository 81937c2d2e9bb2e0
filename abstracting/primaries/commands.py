"""`oncoregistry primaries [FILE]`: JSON lines of two tumors in, JSON lines of verdicts out."""

from __future__ import annotations

import click


@click.command()
@click.argument("source", default="-", metavar="[FILE]", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--rules", type=click.Choice(["seer", "iarc"]), default="seer", show_default=True, help="Whose rules decide."
)
@click.option("--output", "-o", default="-", type=click.Path(dir_okay=False, allow_dash=True), help="Output file.")
def primaries(source: str, rules: str, output: str) -> None:
    """Decides whether two tumors are one primary: lines {"id", "input1", "input2"}, one answer for each, in order.

    An input holds primarySite, histologyIcdO3, behaviorIcdO3, laterality, dateOfDiagnosisYear, dateOfDiagnosisMonth,
    dateOfDiagnosisDay, and histologyIcdO2, behaviorIcdO2 for diagnoses to 2000. The answer is {"id", "result",
    "group_id", "rule", "applied_rules", "reason"}, the result one of SINGLE_PRIMARY, MULTIPLE_PRIMARIES, QUESTIONABLE
    (a person decides) and INVALID_INPUT.
    """
    from abstracting.errors import AbstractingError
    from abstracting.jsonlines import run_lines
    from abstracting.primaries.cases import answer_record

    # a byte that is no UTF-8 stays what it was: one wrong code in one line, not the end of the run
    with click.open_file(source, encoding="utf-8", errors="surrogateescape") as lines:
        try:
            out = click.open_file(output, "w", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise AbstractingError("usage", f"cannot write there: {error.strerror}", where=output) from None
        with out:
            answered, failed = run_lines(lines, out, lambda record: answer_record(rules, record))
    if failed:
        click.echo(f"{failed} of {answered} lines could not be read; see their `error`", err=True)
        click.get_current_context().exit(1)
