"""Edits on the command line: one record after the other, whole files, the store, and the rules themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from abstracting.edits.engine import EditSet

FILE = click.Path(exists=True, path_type=Path)


@click.group()
def edits() -> None:
    """Check records: codes, dates, agreement of items, stage tables, tumors of a patient.

    What passes here passes OncoRegistry checks; these are not the NAACCR edits.
    """


def _options(command: Any) -> Any:
    for option in (
        click.option("--set", "name", default="all", show_default=True, help="set of edits, see `edits list --sets`"),
        click.option("--rules", type=FILE, help="the site's own rules (TOML), see `edits explain LANGUAGE`"),
        click.option(
            "--as-of",
            type=click.DateTime(["%Y-%m-%d"]),
            help="day of the check (or of the file's submission) for dates",
        ),
    ):
        command = option(command)
    return command


def _load(name: str, rules: Path | None, as_of: Any) -> EditSet:
    from abstracting.edits.engine import edit_set

    return edit_set(name, rules=rules, today=as_of.date() if as_of else None)


@edits.command()
@click.argument("source", default="-", metavar="[FILE]", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@_options
@click.option("--every", is_flag=True, help="all outcomes, also pass and not evaluable")
def check(source: str, name: str, rules: Path | None, as_of: Any, every: bool) -> None:
    """Check JSON lines of records, one answer a line.

    A line is {"id", "items": {id or number: value}}, with "patient": {id or number: value} for items of the person where
    they stand apart; or a patient as `naaccr read` writes one: {"items": {…}, "tumors": [{"items": {…}}]}. The answer is
    {"id", "passes", "findings": [{"edit", "rule", "outcome", "severity", "items", "message", …}]}; of a patient with
    tumors each finding has "tumor", the place in the list. A line {"root": {…}} gives its items to all lines after it.
    Exit code 1 when something was found or a line could not be read.
    """
    from abstracting.edits.lines import LineChecker
    from abstracting.jsonlines import run_lines

    checker = LineChecker(_load(name, rules, as_of), every=every)
    # a byte that is no UTF-8 stays what it was: one wrong code in one line, not the end of the run
    with (
        click.open_file(source, encoding="utf-8", errors="surrogateescape") as lines,
        click.open_file("-", "w", encoding="utf-8", errors="backslashreplace") as out,
    ):
        _, failed = run_lines(lines, out, checker.answer)
    sys.exit(1 if failed or checker.failures else 0)


@edits.command()
@click.argument("files", nargs=-1, type=FILE)
@_options
@click.option("--format", "format_", type=click.Choice(["auto", "naaccr", "csv", "canreg"]), default="auto")
@click.option("--map", "mapping", type=FILE, help="column map (TOML), or a CanReg system definition (XML)")
@click.option("--user-dictionary", "user_dictionaries", multiple=True, type=FILE, help="NAACCR user dictionary (XML)")
@click.option("--facility", default="", help="only abstracts of this facility (item 540), without FILES")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="write .xlsx, .json or .csv (findings)")
@click.option("--limit", type=int, help="list at most so many findings; all are counted")
@click.option("--pending", is_flag=True, help="only what imports left to the worker, here and now")
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def run(
    files: tuple[Path, ...],
    name: str,
    rules: Path | None,
    as_of: Any,
    format_: str,
    mapping: Path | None,
    user_dictionaries: tuple[Path, ...],
    facility: str,
    output: Path | None,
    limit: int | None,
    pending: bool,
    as_json: bool,
) -> None:
    """Report edits on FILES, or on the store without any: by edit, facility and registrar.

    FILES are one NAACCR file (XML, flat) or CSV, or the three tables of the CanReg layout or their folder. On the store
    the results are kept with the abstracts. Exit code 1 when something was found.
    """
    from abstracting.edits import summary

    if output is not None and output.suffix not in (".csv", ".xlsx", ".json"):
        raise click.BadParameter("the file must end in .csv, .xlsx or .json", param_hint="--output")
    if files and facility:
        raise click.BadParameter("is for the store; a file is checked whole", param_hint="--facility")
    if pending:
        if files or facility or output is not None:
            raise click.BadParameter("takes no FILES, --facility or --output", param_hint="--pending")
        _do_pending(as_json)
        return
    report = _of_files(files, name, rules, as_of, format_, mapping, user_dictionaries, limit) if files else None
    if report is None:
        report = _of_store(name, rules, as_of, facility, limit)
    if output is not None:
        summary.write_report(report, output)
    click.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else summary.as_text(report))
    sys.exit(1 if report.failed else 0)


def _do_pending(as_json: bool) -> None:
    """Does the jobs of edits that wait; exit code 1 when one found something, 70 when one could not be done."""
    from registry import config
    from registry.db import open_store
    from registry.edits.upkeep import do_pending
    from registry.schema import require_head

    store = open_store(config.load())
    require_head(store.engine)
    done = do_pending(store)
    if as_json:
        click.echo(json.dumps({"jobs": done}, ensure_ascii=False))
    for one in [] if as_json else done:
        told = "{records:,} abstracts checked, {failed:,} findings open".format(**one) if "records" in one else ""
        click.echo(f"job {one['job']}: {one['state']}{': ' if told or one['message'] else ''}{told or one['message']}")
    if not done and not as_json:
        click.echo("nothing waits: every import was checked")
    sys.exit(
        70 if any(one["state"] == "failed" for one in done) else 1 if any(one.get("failed") for one in done) else 0
    )


def _of_files(
    files: tuple[Path, ...],
    name: str,
    rules: Path | None,
    as_of: Any,
    format_: str,
    mapping: Path | None,
    user_dictionaries: tuple[Path, ...],
    limit: int | None,
) -> Any:
    from registry.commands.exchange import _progress
    from registry.edits.files import check_files

    with _progress("checking") as progress:
        return check_files(
            list(files),
            _load(name, rules, as_of),
            format=format_,
            mapping=mapping,
            user_dictionaries=list(user_dictionaries),
            keep=limit,
            progress=progress,
        )


def _of_store(name: str, rules: Path | None, as_of: Any, facility: str, limit: int | None) -> Any:
    from registry import config
    from registry.commands.exchange import _progress
    from registry.db import open_store
    from registry.edits.batch import run_batch
    from registry.schema import require_head

    store = open_store(config.load())
    require_head(store.engine)
    with _progress("checking") as progress:
        return run_batch(
            store,
            lambda share, message: progress(share, 0),
            name=name,
            rules=rules,
            today=as_of.date() if as_of else None,
            facility=facility,
            keep=limit,
        )


@edits.command("list")
@_options
@click.option("--sets", is_flag=True, help="the sets instead of the edits")
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def list_(name: str, rules: Path | None, as_of: Any, sets: bool, as_json: bool) -> None:
    """List the edits of a set, or the sets."""
    from abstracting.edits.engine import SETS

    if sets:
        document: Any = [{"set": key, "meaning": meaning} for key, meaning in SETS.items()]
        lines = [f"{row['set']:14}{row['meaning']}" for row in document]
    else:
        document = [_rule_row(rule) for rule in _load(name, rules, as_of).rules]
        lines = [f"{row['rule']:18}{row['level']:13}{row['severity']:9}{row['message']}" for row in document]
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else "\n".join(lines))


def _rule_row(rule: Any) -> dict[str, Any]:
    return {
        "edit": rule.edit,
        "rule": rule.id,
        "category": rule.category,
        "level": rule.level,
        "kind": rule.kind,
        "severity": rule.severity,
        "items": list(rule.items),
        "years": rule.years,
        "when": rule.when,
        "require": rule.require or (f"between records: {rule.between}" if rule.between else ""),
        "override": f"{rule.override.number} ({', '.join(rule.override.codes)})" if rule.override else "",
        "message": rule.message,
        "source": rule.source,
        "version": rule.version,
        "note": rule.note,
    }


@edits.command()
@click.argument("identity", metavar="ID")
@click.option("--rules", type=FILE, help="the site's own rules (TOML)")
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of text")
def explain(identity: str, rules: Path | None, as_json: bool) -> None:
    """Explain an edit: its rule, items, source and override. `explain LANGUAGE` describes how rules are written."""
    from abstracting.edits import explanation

    if identity.upper() == "LANGUAGE":
        click.echo(explanation.language())
        return
    found = explanation.rules_of(identity, rules)
    if as_json:
        click.echo(json.dumps([_rule_row(rule) for rule in found], ensure_ascii=False))
        return
    click.echo("\n\n".join(explanation.in_words(rule) for rule in found))


@edits.command("import-report")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help="name of the report; the file's name when absent")
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of text")
def import_report(file: Path, name: str, as_json: bool) -> None:
    """Attach an external edit report (CSV) to its cases as worklist entries; rows without a case are named.

    The first line names the columns: a case by accession and sequence (items 550 and 560, with 540 where several facilities
    use one number), or by patient id and tumor record number (20 and 60, with 40 or 540); the edit, its message, and
    optionally severity, items and agency. Exit code 1 when a row found no case.
    """
    import getpass

    from registry import config
    from registry.db import open_store
    from registry.edits.external import import_report as attach
    from registry.schema import require_head

    store = open_store(config.load())
    require_head(store.engine)
    report = attach(store, file, who=getpass.getuser(), name=name or file.name)
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        click.echo(f"{report.rows:,} rows: {report.added:,} new entries, {report.known:,} known already")
        for row in report.unmatched:
            click.echo(f"  row {row['row']}: {row['message']}")
    sys.exit(1 if report.unmatched else 0)
