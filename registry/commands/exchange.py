"""Commands that bring records in and out of the store."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Any

import click

FILE = click.Path(exists=True, path_type=Path)


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--format", "format_", type=click.Choice(["auto", "naaccr", "csv", "canreg"]), default="auto")
@click.option("--map", "mapping", type=FILE, help="column map (TOML), or a CanReg system definition (XML)")
@click.option("--user-dictionary", "user_dictionaries", multiple=True, type=FILE, help="NAACCR user dictionary (XML)")
@click.option("--source", default="", help="source of records whose file names none (items 40 and 540 blank)")
@click.option("--facility", default="", help="reporting facility (540) of records that leave it blank")
@click.option("--dry-run", is_flag=True, help="reconcile and report, write nothing")
@click.option(
    "--edits",
    "when",
    type=click.Choice(["auto", "now"]),
    default="auto",
    show_default=True,
    help="edits of what came in: auto leaves those of many patients to the worker, now checks all before it ends",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def import_(
    files: tuple[Path, ...],
    format_: str,
    mapping: Path | None,
    user_dictionaries: tuple[Path, ...],
    source: str,
    facility: str,
    dry_run: bool,
    when: str,
    as_json: bool,
) -> None:
    """Import FILES: NAACCR XML or flat, CSV, or the three tables of the CanReg layout; every row is accounted for."""
    from registry import config
    from registry.db import open_store
    from registry.exchange.documents import keep
    from registry.exchange.formats import open_reader
    from registry.exchange.importer import run_import
    from registry.schema import require_head

    settings = config.load()
    store = open_store(settings)
    require_head(store.engine)
    dictionaries = [*user_dictionaries, *sorted((settings.home / "dictionaries").glob("*.xml"))]
    reader = open_reader(list(files), format=format_, mapping=mapping, user_dictionaries=dictionaries)
    who = getpass.getuser()
    document = None
    if not dry_run and len(files) == 1 and files[0].is_file():
        document = keep(store, files[0], kind=reader.format, who=who)
    with _progress("importing") as progress:
        report = run_import(
            store,
            reader,
            name=", ".join(path.name for path in files),
            who=who,
            source=source,
            facility=facility,
            dry_run=dry_run,
            document_id=document,
            progress=progress,
            say=lambda text: click.echo(text, err=True),
            link=True,
        )
    document_ = report.as_dict()
    if when == "now" and "job" in document_["edits"]:
        document_["edits"] = _checked_now(store, document_["edits"]["job"])
    click.echo(json.dumps(document_, ensure_ascii=False) if as_json else _table(document_))
    sys.exit(1 if document_["rejected"] else 0)


def _checked_now(store: Any, job: int) -> dict[str, Any]:
    """Runs the edits that an import left to a job, and gives what came of it."""
    from registry.edits.upkeep import do_pending

    click.echo("checking what came in", err=True)
    (done,) = [one for one in do_pending(store) if one["job"] == job] or [{"job": job, "state": "running"}]
    return done


class _progress:
    """A progress bar on a terminal, nothing in a pipe."""

    def __init__(self, title: str):
        self.title, self.bar = title, None

    def __enter__(self) -> Any:
        if not sys.stderr.isatty():
            return lambda done, count: None
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True)
        self.bar.start()
        task = self.bar.add_task(self.title, total=None)

        def show(done: float, count: int) -> None:
            assert self.bar is not None
            total = 1.0 if done else None
            self.bar.update(task, completed=done, total=total, description=f"{self.title}: {count:,} patients")

        return show

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()


def _table(report: dict[str, Any]) -> str:
    lines = [f"{'':12}{'rows in':>10}{'created':>10}{'updated':>10}{'unchanged':>10}{'rejected':>10}"]
    tables = {"tumor": report, **report["tables"]}
    for name, counts in tables.items():
        cells = [counts[key] for key in ("rows_in", "created", "updated", "unchanged", "rejected")]
        lines.append(f"{name:12}" + "".join(f"{cell:>10,}" for cell in cells))
    lines.append(f"source: {report['source']}" + ("  (dry run: nothing was written)" if report["dry_run"] else ""))
    if "job" in report["edits"] and "records" not in report["edits"]:
        lines.append(
            f"edits: NOT CHECKED YET: {report['edits'].get('patients', 0):,} patients wait as job {report['edits']['job']}; "
            "`oncoregistry edits run --pending` checks them now, a running `worker` or `serve` does so by itself"
        )
    elif report["edits"]:
        lines.append("edits: {records:,} abstracts checked, {failed:,} findings open".format(**report["edits"]))
    if "job" in report["linkage"]:
        lines.append(f"linkage: job {report['linkage']['job']}, done by the worker (`oncoregistry worker` or `serve`)")
    elif report["linkage"]:
        told = "linkage: {records:,} reports compared, {automatic:,} linked, {review:,} pairs wait for review"
        lines.append(told.format(**report["linkage"]))
    for title, counts in (("rejected", report["reason_counts"]), ("pointed out", report["notice_counts"])):
        for code, count in sorted(counts.items(), key=lambda pair: -pair[1]):
            lines.append(f"{title}: {count:,} {code}")
    for reason in report["reasons"][:20]:
        lines.append(f"  {reason.get('table', 'tumor')} row {reason['row']}: {reason['message']} [{reason['code']}]")
    if len(report["reasons"]) > 20:
        lines.append("  … all of them with --json or on the import page")
    return "\n".join(lines)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--naaccr-version", default="260", show_default=True, help="240, 250 or 260")
@click.option("--record-type", default="A", show_default=True, help="A, M, C or I")
@click.option("--where", multiple=True, help="a condition such as year=2018-2020 or site=C50* (repeat for more)")
@click.option("--facility", default="", help="write this facility's own accounts (number, item 540)")
@click.option("--purpose", default="", help="why the file leaves; kept in the disclosure log")
@click.option("--recipient", default="", help="to whom it is submitted: type M holds what changed since the last one")
@click.option("--submit", is_flag=True, help="mark the file as the submission to this recipient (needs a purpose)")
@click.option("--only-new", is_flag=True, help="only cases that this recipient was never sent (types A, C, I)")
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def export(
    file: Path,
    naaccr_version: str,
    record_type: str,
    where: tuple[str, ...],
    facility: str,
    purpose: str,
    recipient: str,
    submit: bool,
    only_new: bool,
    as_json: bool,
) -> None:
    """Export the selected cases to FILE: .xml, .xml.gz (NAACCR), .csv, .xlsx or .parquet."""
    from registry import config
    from registry.db import open_store
    from registry.exchange.export import run_export, write_export
    from registry.exchange.outgoing import purpose_of
    from registry.selection import parse
    from registry.state.submitting import check_recipient, mark, since_last

    settings = config.load()
    store, since = open_store(settings), None
    more: dict[str, Any] = {}
    if submit:
        purpose_of(purpose)
    if recipient or submit or only_new or (record_type == "M" and not facility):
        with store.reading() as session:
            since = since_last(session, check_recipient(recipient), record_type, only_new=only_new)
        more = {"choose": since.choose}
    chosen = {
        "conditions": parse(where),
        "version": naaccr_version,
        "record_type": record_type,
        "facility": facility,
        **more,
    }
    if submit:
        # a submission is disclosed with its mark
        report = write_export(store, file, **chosen).as_dict()
    else:
        report = run_export(store, file, who=getpass.getuser(), purpose=purpose, **chosen).as_dict()
    if since is not None:
        report["since"] = since.as_dict()
    if submit and since is not None:
        report["transmission"] = mark(
            store,
            file,
            since.rows(),
            recipient=recipient,
            record_type=record_type,
            version=naaccr_version,
            who=getpass.getuser(),
            purpose=purpose,
        )
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    for loss in report["lost"]:
        click.echo(f"no place in the file: {loss['values']:,} values of {loss['item']} ({loss['kind']})")
    for change in report["converted"]:
        click.echo(f"converted: {change['values']:,} values of item {change['from']} to {change['to']}")
    if since is not None:
        told = report["since"]
        click.echo(
            f"since the last submission: {told['new']:,} new, {told['changed']:,} changed, {told['unchanged']:,} unchanged"
        )
    click.echo(f"{file}: {report['patients']:,} patients, {report['tumors']:,} tumors, version {naaccr_version}")
