"""The command `oncoregistry naaccr`: validate, read, write and convert files without a database."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import click

if TYPE_CHECKING:
    from abstracting.naaccr.convert import Conversion
    from abstracting.naaccr.options import ReadOptions
    from abstracting.naaccr.validate import Report

SHOWN = 200


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def naaccr() -> None:
    """NAACCR files: validate, read, write and convert, XML, flat (v14 to v18) and CSV."""


def _reading_options(command: Any) -> Any:
    options: tuple[Any, ...] = (
        click.option("--relaxed", is_flag=True, help="accept files without the NAACCR namespace or with extras"),
        click.option("--namespace", "namespaces", multiple=True, metavar="PREFIX=URI", help="register an extension"),
        click.option(
            "--user-dictionary", "dictionaries", multiple=True, metavar="FILE", help="a user dictionary (XML)"
        ),
    )
    for option in options:
        command = option(command)
    return command


def _options(dictionaries: tuple[str, ...], namespaces: tuple[str, ...], relaxed: bool, **rest: Any) -> ReadOptions:
    from abstracting.naaccr.options import ReadOptions
    from abstracting.naaccr.user_dictionaries import read_user_dictionary

    known = {}
    for one in namespaces:
        prefix, sign, uri = one.partition("=")
        if not sign or not prefix or not uri:
            raise click.BadParameter(f"{one!r} is not PREFIX=URI", param_hint="--namespace")
        known[prefix] = uri
    loaded = tuple(read_user_dictionary(path) for path in dictionaries)
    return ReadOptions(user_dictionaries=loaded, namespaces=known, relaxed=relaxed, **rest)


def _source(path: str) -> Any:
    return sys.stdin.buffer if path == "-" else path


@contextmanager
def _lines(path: str) -> Iterator[Iterator[str]]:
    """Gives the lines of a UTF-8 text file or of standard input."""
    from abstracting.naaccr.findings import UnreadableError
    from abstracting.naaccr.options import PATIENT_BYTES

    def bounded(text: TextIO) -> Iterator[str]:
        while line := text.readline(PATIENT_BYTES + 1):
            if len(line) > PATIENT_BYTES:
                raise UnreadableError("naaccr-too-large", "a line is longer than any real patient", hint="see `read`")
            yield line

    try:
        file: BinaryIO = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise UnreadableError("naaccr-file", f"cannot open the file: {error.strerror}", where=path) from error
    with io.TextIOWrapper(file, encoding="utf-8", newline="\n") as text:
        try:
            yield bounded(text)
        except UnicodeDecodeError as error:
            raise UnreadableError("naaccr-json", "the file is not UTF-8", hint="write it in UTF-8") from error


@naaccr.command()
@click.argument("file")
@_reading_options
@click.option("--as", "as_", type=click.Choice(["dictionary", "flat", "csv", "xml"]), help="what the file is")
@click.option("--jobs", type=click.IntRange(1), help="number of processes (default: one for each processor)")
@click.option("--json", "as_json", is_flag=True, help="one JSON document")
def validate(
    file: str,
    dictionaries: tuple[str, ...],
    namespaces: tuple[str, ...],
    relaxed: bool,
    as_: str | None,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Check FILE (- for standard input) against its version's dictionary.

    Exit code 0: valid; 1: there are findings; 3: the file cannot be read to its end.
    """
    import json

    from abstracting.naaccr.findings import UnreadableError
    from abstracting.naaccr.validate import Report
    from abstracting.naaccr.validate import validate as run

    try:
        options = _options(dictionaries, namespaces, relaxed)
    except UnreadableError as error:
        # a dictionary that is not valid makes the verdict of the file
        report = Report(fatal=error)
    else:
        with _progress(file) as progress:
            report = run(_source(file), options=options, as_=as_, jobs=jobs, progress=progress)  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False).encode())
    else:
        _show(report)
    return 3 if report.fatal else 0 if report.valid else 1


class _progress:
    """A progress bar on a terminal, nothing in a pipe."""

    def __init__(self, file: str):
        self._bar: Any = None
        self._done = 0
        if file != "-" and sys.stderr.isatty() and Path(file).is_file() and not file.endswith(".gz"):
            self._bar = click.progressbar(length=Path(file).stat().st_size, label="validating", file=sys.stderr)

    def __enter__(self) -> Any:
        if self._bar is None:
            return None
        self._bar.__enter__()
        return self._move

    def _move(self, read: int) -> None:
        self._bar.update(read - self._done)
        self._done = read

    def __exit__(self, *exc: Any) -> None:
        if self._bar is not None:
            self._bar.__exit__(*exc)


def _show(report: Report) -> None:
    for finding in report.findings[:SHOWN]:
        place = f"line {finding.line}" if finding.line is not None else "file"
        item = f" {finding.item}" if finding.item else ""
        item += f" ({finding.number})" if finding.number is not None else ""
        click.echo(f"{place}: {finding.level}{item}: {finding.message}")
    total = report.counts.total()
    if total > SHOWN:
        click.echo(f"... and {total - SHOWN} more findings (--json gives the first 10,000)")
    if total:
        from abstracting.naaccr.findings import HINTS

        click.echo("")
        for code, count in report.counts.most_common():
            click.echo(f"{count:>7}  {code}: {HINTS[code]}")
    for note in report.notes:
        click.echo(f"note: {note}")
    if report.fatal is not None:
        place = f" at line {report.fatal.line}" if report.fatal.line is not None else ""
        click.echo(f"error [{report.fatal.code}]{place}: {report.fatal.message}", err=True)
        if report.fatal.hint:
            click.echo(f"  remedy: {report.fatal.hint}", err=True)
        click.echo(f"reading stopped after {report.patients} patients and {report.tumors} tumors", err=True)
    else:
        verdict = "valid" if report.valid else f"{total} findings"
        click.echo(f"{report.patients} patients, {report.tumors} tumors: {verdict}")


@naaccr.command()
@click.argument("file")
@_reading_options
@click.option("--version", metavar="VERSION", help="the version of a CSV file that does not say it")
def read(
    file: str, dictionaries: tuple[str, ...], namespaces: tuple[str, ...], relaxed: bool, version: str | None
) -> int:
    """Write FILE (- for standard input) as JSON lines: the root first, then one line a patient.

    Items no dictionary knows are kept by their id. Findings are counted on standard error; `validate` lists them.
    """
    import json

    from abstracting.naaccr.json_lines import patient_as_dict, root_as_dict
    from abstracting.naaccr.reader import read_any

    options = _options(dictionaries, namespaces, relaxed, unknown_items="process")
    reading = read_any(_source(file), options=options, version=version)
    out = sys.stdout.buffer
    encoder = json.JSONEncoder(ensure_ascii=False)
    out.write(encoder.encode(root_as_dict(reading.root, reading.dictionary)).encode() + b"\n")
    found = unknown = 0
    for patient in reading:
        found += len(patient.findings)
        unknown += len(patient.unknown) + sum(len(tumor.unknown) for tumor in patient.tumors)
        out.write(encoder.encode(patient_as_dict(patient, reading.dictionary)).encode() + b"\n")
    found += len(reading.root.findings)
    for note in reading.notes:
        click.echo(f"note: {note}", err=True)
    if unknown:
        click.echo(f"note: {unknown} values of items no dictionary knows were kept by their id", err=True)
    if found:
        click.echo(f"note: the file has {found} findings; `naaccr validate` lists them", err=True)
    return 0


@naaccr.command()
@click.argument("file", default="-")
@click.option("-o", "--output", metavar="FILE", help="where to write the XML (default: standard output)")
@_reading_options
def write(
    file: str, output: str | None, dictionaries: tuple[str, ...], namespaces: tuple[str, ...], relaxed: bool
) -> int:
    """Write JSON lines, as `read` gives them, as NAACCR XML: whole or not at all."""
    import shutil
    import tempfile

    from abstracting.naaccr.json_lines import JsonReading
    from abstracting.naaccr.records import Root
    from abstracting.naaccr.user_dictionaries import combine
    from abstracting.naaccr.writer import write_xml

    options = _options(dictionaries, namespaces, relaxed)

    def active(root: Root) -> list[Any]:
        return [one for one in options.user_dictionaries if one.uri in root.user_uris]

    with _lines(file) as lines:
        reading = JsonReading(lines, lambda root: combine(root.version, active(root)))
        unknown = 0

        def patients() -> Any:
            nonlocal unknown
            for patient in reading:
                unknown += len(patient.unknown) + sum(len(tumor.unknown) for tumor in patient.tumors)
                yield patient

        if output is not None:
            write_xml(output, reading.root, patients(), user_dictionaries=active(reading.root))
        else:
            with tempfile.TemporaryFile() as spool:
                write_xml(spool, reading.root, patients(), user_dictionaries=active(reading.root))
                spool.seek(0)
                shutil.copyfileobj(spool, sys.stdout.buffer)
    if unknown:
        click.echo(f"note: {unknown} values were written under ids the version does not know", err=True)
    return 0


@naaccr.command()
@click.argument("source", metavar="A")
@click.argument("target", metavar="B")
@click.option("--to", "version", metavar="VERSION", help="the version of B (default: that of A)")
@click.option("--record-type", type=click.Choice(["A", "M", "C", "I"]), help="the record type of B (default: of A)")
@click.option("--from", "source_version", metavar="VERSION", help="the version of a CSV file that does not say it")
@click.option("--table", metavar="FILE", help="a conversion table in place of the built-in one")
@_reading_options
@click.option("--json", "as_json", is_flag=True, help="the account as one JSON document")
def convert(
    source: str,
    target: str,
    version: str | None,
    record_type: str | None,
    source_version: str | None,
    table: str | None,
    dictionaries: tuple[str, ...],
    namespaces: tuple[str, ...],
    relaxed: bool,
    as_json: bool,
) -> int:
    """Convert A to B; the suffix of B (.xml, .txt, .csv, each also .gz) says its format.

    Every value that has no place in B is listed and counted before B is written.
    """
    import json

    from abstracting.errors import AbstractingError
    from abstracting.naaccr.convert import load_table
    from abstracting.naaccr.items import check_version
    from abstracting.naaccr.transfer import convert_file

    for name, one in (("--to", version), ("--from", source_version)):
        try:
            check_version(one or "260")
        except AbstractingError as error:
            raise click.BadParameter(f"{error.message}: {error.hint}", param_hint=name) from error
    account, patients, tumors = convert_file(
        source,
        target,
        version=version,
        record_type=record_type,
        source_version=source_version,
        options=_options(dictionaries, namespaces, relaxed),
        rules=load_table(table) if table else None,
        before_writing=None if as_json else _show_account,
    )
    if as_json:
        account_row = {"patients": patients, "tumors": tumors, **_account(account)}
        click.echo(json.dumps(account_row, ensure_ascii=False).encode())
    else:
        click.echo(f"{patients} patients, {tumors} tumors written as version {account.target.version}")
    return 0


def _account(account: Conversion) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "from": account.source.version,
        "to": account.target.version,
        "record_type": account.record_type,
        "lost": [{"kind": kind, "item": item, "count": count} for (kind, item), count in account.lost.most_common()],
        "changed": [
            {"source": source, "target": target, "count": count}
            for (source, target), count in account.changed.most_common()
        ],
        "losses": [asdict(loss) for loss in account.losses],
        "changes": [asdict(change) for change in account.changes],
    }


def _show_account(account: Conversion) -> None:
    for (old, new), count in account.changed.most_common():
        click.echo(f"{count:>7}  changed: item {old} to {new}", err=True)
    for (kind, item), count in account.lost.most_common():
        click.echo(f"{count:>7}  not in the result: {item} ({kind})", err=True)
