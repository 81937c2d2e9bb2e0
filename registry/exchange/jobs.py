"""Long work of the exchange as background jobs: importing an upload, and writing an export."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select

from registry.db import Store
from registry.errors import RegistryError
from registry.exchange import uploads
from registry.exchange.documents import keep, place
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.exchange.incoming import Event, IncomingPatient, Noticed, Reader, Rejected
from registry.items import load_user_dictionaries
from registry.models import Document, Facility, ImportBatch

LOSSES_LISTED = 2000
"""So many single values of an export's account of losses are listed; all are counted."""

Report = Callable[[float, str], None]


class OfFacility:
    """A reader cut to one facility: what an account bound to it may bring in; records of others are rejected, not changed."""

    def __init__(self, reader: Reader, number: str):
        self.reader, self.number = reader, number
        self.format = reader.format

    @property
    def version(self) -> str:
        return self.reader.version

    @property
    def done(self) -> float:
        return self.reader.done

    def __iter__(self) -> Iterator[Event]:
        for event in self.reader:
            if not isinstance(event, IncomingPatient):
                yield event
                continue
            own = []
            for tumor in event.tumors:
                if tumor.items.get(540, self.number).strip() in ("", self.number):
                    own.append(tumor)
                else:
                    text = (
                        f"reporting facility {tumor.items[540]!r} is not the facility {self.number!r} of this account"
                    )
                    content = {str(n): v for n, v in (event.items | tumor.items).items()}
                    yield Rejected("tumor", tumor.row, "other-facility", text, content)
            if own or not event.tumors:
                yield IncomingPatient(event.row, event.items, own, event.registry_id)


def import_file(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Imports an upload, or with `dry_run` only reconciles it; gives the reconciliation report.

    Parameters: `upload` (token), `dry_run`, `who`, and where the account is bound, `only_facility` (number).
    """
    upload = uploads.load(store, parameters["upload"])
    dry_run, only = bool(parameters["dry_run"]), parameters.get("only_facility", "")
    load_user_dictionaries(store.settings.home / "dictionaries")
    reader: Any = _open(store, upload.paths, upload.options.get("format") or "auto", upload.mapping)
    if only:
        reader = OfFacility(reader, only)
    report(0.0, "reading")
    about = {} if dry_run else _documents(store, upload, reader.format, parameters["who"])

    def progress(done: float, patients: int) -> None:
        report(done, f"{patients:,} patients read")

    with ExitStack() as stack:
        listing = stack.enter_context(_listing(upload.folder)) if dry_run else lambda event: None
        found = run_import(
            store,
            reader,
            name=upload.title,
            who=parameters["who"],
            source=upload.options.get("source", ""),
            facility=upload.options.get("facility", "") or only,
            dry_run=dry_run,
            document_id=about["documents"][0]["id"] if about else None,
            progress=progress,
            say=lambda text: report(0.0, text),
            keep=listing,
            about=about,
            link=True,
        ).as_dict()
    if not dry_run:
        uploads.discard(upload)
    return found


def _open(store: Store, paths: list[Path], format: str, mapping: Path | None) -> Reader:
    dictionaries = sorted(store.settings.folder("dictionaries").glob("*.xml"))
    return open_reader(paths, format=format, mapping=mapping, user_dictionaries=dictionaries)


def _documents(store: Store, upload: uploads.Upload, format: str, who: str) -> dict[str, Any]:
    """Keeps the files byte for byte and gives what the batch remembers of them, so that it can be read again."""
    kept = []
    for file, path in zip(upload.files, upload.paths):
        document = keep(store, path, kind=format, who=who, name=file.name)
        kept.append({"id": document, "name": file.name, "size": file.size, "sha256": file.sha256})
    about: dict[str, Any] = {"documents": kept, "options": upload.options}
    if upload.mapping is not None:
        about["map"] = {"name": upload.mapping.name, "text": upload.mapping.read_text(encoding="utf-8")}
    return about


@contextmanager
def _listing(folder: Path) -> Iterator[Callable[[Rejected | Noticed], None]]:
    """Gives a function that writes each rejected row and each notice of a dry run into a file of the upload."""
    with (
        (folder / "rejected.jsonl").open("w", encoding="utf-8") as rejected,
        (folder / "notices.jsonl").open("w", encoding="utf-8") as notices,
    ):

        def write(event: Rejected | Noticed) -> None:
            target: IO[str] = rejected if isinstance(event, Rejected) else notices
            target.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")

        yield write


@contextmanager
def read_again(store: Store, batch_id: int) -> Iterator[Reader]:
    """Gives a reader of a batch's kept files as they were read then; a batch without its files is an error."""
    with store.reading() as session:
        batch = session.get(ImportBatch, batch_id)
        about = dict(batch.report) if batch is not None else {}
        ids = [document["id"] for document in about.get("documents", [])]
        if not ids and batch is not None and batch.document_id is not None:
            ids = [batch.document_id]
        kept = {d.id: d for d in session.scalars(select(Document).where(Document.id.in_(ids)))}
    if not ids or set(ids) - set(kept):
        raise RegistryError("not-found", f"the files of import {batch_id} were not kept")
    with tempfile.TemporaryDirectory(dir=store.settings.folder("uploads"), prefix="again-") as folder:
        names = {document["id"]: document["name"] for document in about.get("documents", [])}
        paths = []
        for number, document in enumerate(ids):
            # readers tell a format by the name's suffix, which the kept file does not carry
            path = Path(folder) / f"{number}-{Path(names.get(document, kept[document].name)).name}"
            path.symlink_to(place(store.settings, kept[document].sha256))
            paths.append(path)
        mapping = None
        if "map" in about:
            mapping = Path(folder) / about["map"]["name"]
            mapping.write_text(about["map"]["text"], encoding="utf-8")
        yield _open(store, paths, about.get("options", {}).get("format") or "auto", mapping)


def all_notices(store: Store, batch_id: int, code: str) -> Iterator[Noticed]:
    """Gives every notice of a code, also those that the report does not list, by reading the kept files again."""
    with read_again(store, batch_id) as reader:
        for event in reader:
            if isinstance(event, Noticed) and event.code == code:
                yield event


def export_file(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes an export into the data folder, where it waits for its purpose; gives its account of losses.

    Parameters: `token`, `name`, `conditions`, `version`, `record_type`, `facility` (empty: the registry's knowledge), and
    for a submission `recipient`: then record type M holds what changed since the last one, and fingerprints are kept.
    """
    from registry.exchange.export import write_export
    from registry.exchange.outgoing import place_of
    from registry.selection import parse

    load_user_dictionaries(store.settings.home / "dictionaries")
    path = place_of(store, parameters["token"], parameters["name"])
    path.parent.mkdir(mode=0o700, exist_ok=True)
    record_type, recipient, more = parameters["record_type"], parameters.get("recipient", ""), {}
    if recipient or (record_type == "M" and not parameters["facility"]):
        from registry.state.submitting import keep_marks, since_last

        with store.reading() as session:
            since = since_last(session, recipient, record_type)
        more = {"choose": since.choose}
    found = write_export(
        store,
        path,
        conditions=parse(parameters["conditions"]),
        version=parameters["version"],
        record_type=record_type,
        facility=parameters["facility"],
        **more,
        progress=lambda done, patients: report(done, f"{patients:,} patients written"),
    ).as_dict()
    kept = found["losses"][:LOSSES_LISTED]
    if more:
        keep_marks(path, since)
        found["since"] = since.as_dict()
    return found | {"file": parameters["name"], "size": path.stat().st_size, "losses": kept}


def facility_number(store: Store, facility_id: int | None) -> str:
    """Gives the number of the facility that an account is bound to; empty for none."""
    if facility_id is None:
        return ""
    with store.reading() as session:
        return session.get_one(Facility, facility_id).number
