"""Files of a synthetic registry: NAACCR XML, CSV, Parquet, or a folder with everything and its truth.

Text is rendered in blocks of patients; workers only compress blocks, in order, so that the bytes do not depend on their
number. A path is written whole or not at all.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from abstracting.naaccr.items import Dictionary, dictionary
from abstracting.naaccr.options import NAMESPACE
from abstracting.naaccr.target import open_target
from abstracting.naaccr.writer import NEWEST_SPECIFICATION, escape_text
from registry.errors import RegistryError
from registry.synthetic.documents import report_lines
from registry.synthetic.registry import SyntheticRegistry

VERSIONS = ("250", "260")
BLOCK = 1000
LEVEL = 6
SEX_250, SEX_260 = "220", "225"
SUFFIXES = (".xml", ".xml.gz", ".csv", ".parquet")


def item_columns(frame: pd.DataFrame) -> list[str]:
    """Gives the columns that are item numbers."""
    return [c for c in frame.columns if c.isdigit()]


def for_version(frame: pd.DataFrame, version: str) -> pd.DataFrame:
    """Gives the frame with the items of a version: from v26 sex (220) is sexAssignedAtBirth (225)."""
    if version >= "260" and SEX_250 in frame:
        return frame.rename(columns={SEX_250: SEX_260})
    return frame


def _items(frame: pd.DataFrame, items: Dictionary, level: str, record_type: str) -> list[str]:
    known = {str(i.number) for i in items.items(level=level, record_type=record_type)}
    return [c for c in item_columns(frame) if c in known]


def _lines(values: pd.Series, naaccr_id: str, indent: str) -> np.ndarray:
    """Gives the XML line of every value of a column; blank values give no line."""
    index, unique = pd.factorize(values.to_numpy(dtype=object))
    head, tail = f'{indent}<Item naaccrId="{naaccr_id}">', "</Item>\n"
    made = [head + escape_text(v) + tail if v else "" for v in unique]
    return np.array(made, dtype=object)[index]


def render_xml(
    patients: pd.DataFrame, tumors: pd.DataFrame, owner: np.ndarray, version: str, record_type: str
) -> Iterator[str]:
    """Gives the patients as XML text in blocks; `owner` is the row of `patients` of each tumour, ascending."""
    items = dictionary(version)
    patients, tumors = for_version(patients, version), for_version(tumors, version)
    starts = np.searchsorted(owner, np.arange(len(patients) + 1))
    patient_columns = _items(patients, items, "Patient", record_type)
    tumor_columns = _items(tumors, items, "Tumor", record_type)
    for begin in range(0, len(patients), BLOCK):
        end = min(begin + BLOCK, len(patients))
        heads = _rows(patients.iloc[begin:end], patient_columns, items, "        ")
        bodies = _rows(tumors.iloc[starts[begin] : starts[end]], tumor_columns, items, "            ")
        bodies = [f"        <Tumor>\n{b}        </Tumor>\n" for b in bodies]
        shift = starts[begin]
        yield "".join(
            f"    <Patient>\n{head}{''.join(bodies[starts[i] - shift : starts[i + 1] - shift])}    </Patient>\n"
            for i, head in enumerate(heads, start=begin)
        )


def _rows(frame: pd.DataFrame, columns: list[str], items: Dictionary, indent: str) -> list[str]:
    lines = [_lines(frame[c], items.id_of(int(c)), indent) for c in columns]
    return ["".join(row) for row in zip(*lines)] if lines else [""] * len(frame)


def xml_blocks(
    patients: pd.DataFrame, tumors: pd.DataFrame, owner: np.ndarray, version: str, record_type: str, registry_id: str
) -> Iterator[bytes]:
    """Gives a whole NAACCR XML file as blocks of bytes."""
    items = dictionary(version)
    indent = " " * 12
    root = {10: record_type, 30: "1", 40: registry_id, 50: version}
    head = (
        '<?xml version="1.0"?>\n\n'
        f'<NaaccrData baseDictionaryUri="http://naaccr.org/naaccrxml/naaccr-dictionary-{version}.xml"\n'
        f'{indent}recordType="{record_type}"\n'
        f'{indent}specificationVersion="{NEWEST_SPECIFICATION.get(version, "1.8")}"\n'
        f'{indent}xmlns="{NAMESPACE}">\n'
    )
    yield (head + "".join(f'    <Item naaccrId="{items.id_of(n)}">{v}</Item>\n' for n, v in root.items())).encode()
    for block in render_xml(patients, tumors, owner, version, record_type):
        yield block.encode()
    yield b"</NaaccrData>\n"


def write_blocks(path: Path, blocks: Iterable[bytes], *, workers: int = 1) -> None:
    """Writes blocks to a path, compressed when it ends in .gz (one gzip member a block, no time stamp)."""
    if path.suffix != ".gz":
        with open_target(path) as out:
            for block in blocks:
                out.write(block)
        return
    part = path.with_name(path.name + ".part")
    try:
        with open_target(part) as out, ThreadPoolExecutor(max(workers, 1)) as pool:
            waiting: deque = deque()
            for block in blocks:
                waiting.append(pool.submit(gzip.compress, block, LEVEL, mtime=0))
                if len(waiting) > 2 * workers:
                    out.write(waiting.popleft().result())
            for done in waiting:
                out.write(done.result())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_registry_xml(made: SyntheticRegistry, path: Path, *, version: str, record_type: str, workers: int) -> None:
    """Writes the consolidated registry: exactly one Patient element per person."""
    blocks = xml_blocks(
        made.patients, made.tumors, made.tumors.person.to_numpy(), version, record_type, made.registry_id
    )
    write_blocks(path, blocks, workers=workers)


def write_submissions_xml(
    made: SyntheticRegistry,
    path: Path,
    *,
    version: str,
    workers: int,
    chosen: np.ndarray | None = None,
    registry_id: str = "",
) -> None:
    """Writes what the facilities sent: one Patient element per facility and person, sorted by facility.

    With `chosen`, marks of rows of `made.abstracts`, only those; `registry_id` names a hospital's own registry as sender.
    """
    frame = made.abstracts if chosen is None else made.abstracts[chosen].reset_index(drop=True)
    first = np.concatenate([[True], frame.record.to_numpy()[1:] != frame.record.to_numpy()[:-1]])
    patients = frame[first].reset_index(drop=True)
    owner = np.cumsum(first) - 1
    blocks = xml_blocks(patients, frame, owner, version, "A", registry_id or made.registry_id)
    write_blocks(path, blocks, workers=workers)


def write_table(made: SyntheticRegistry, path: Path, *, version: str, record_type: str) -> None:
    """Writes one row per tumour with XML ids as columns, patient items first: CSV or Parquet by the suffix."""
    items = dictionary(version)
    frame = for_version(made.flat(), version)
    columns = [c for level in ("Patient", "Tumor") for c in _items(frame, items, level, record_type)]
    table = frame[columns].rename(columns={c: items.id_of(int(c)) for c in columns})
    table.insert(0, "naaccrRecordVersion", version)
    table.insert(0, "recordType", record_type)
    if path.suffix == ".parquet":
        with open_target(path) as out:
            table.astype("string").to_parquet(out, index=False, compression="zstd")
    else:
        write_blocks(path, [_csv(table)])


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def write_folder(made: SyntheticRegistry, folder: Path, *, version: str, record_type: str, workers: int) -> None:
    """Writes everything: the registry, the facilities' submissions, reports, lists, masters and the answer keys."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RegistryError(
            "usage",
            f"cannot make the folder: {error.strerror}",
            hint="give a path that can be written",
            where=str(folder),
        ) from error
    write_registry_xml(made, folder / "registry.xml.gz", version=version, record_type=record_type, workers=workers)
    write_submissions_xml(made, folder / "submissions.xml.gz", version=version, workers=workers)
    truth = json.dumps(made.truth, indent=1, ensure_ascii=False) + "\n"
    write_blocks(folder / "truth.json", [truth.encode()])
    write_blocks(folder / "reports.jsonl", (line.encode() for line in report_lines(made)))
    tables = {
        "pairs": made.pairs,
        "records": made.records,
        "population": made.population,
        "coordinates": made.counties[["county", "latitude", "longitude"]].set_axis(["id", "lat", "lon"], axis=1),
        "facilities": made.facilities,
        "physicians": made.physicians,
        "deaths": made.deaths,
        "deaths_truth": made.deaths_truth,
        "encounters": made.encounters,
        "encounters_truth": made.encounters_truth,
        "contacts": made.contacts,
        "true_tumors": made.true_tumors,
    }
    for name, frame in tables.items():
        write_blocks(folder / f"{name}.csv", [_csv(frame)])


def write(
    made: SyntheticRegistry,
    target: str | os.PathLike[str],
    *,
    version: str = "250",
    record_type: str = "A",
    workers: int = 1,
) -> None:
    """Writes a registry to a file by its suffix (.xml, .xml.gz, .csv, .parquet), else to a folder.

    `version` is 250 or 260, `record_type` A, M, C or I (C carries no text, I neither text nor names). Raises
    RegistryError `usage`, AbstractingError `naaccr-file`.
    """
    path = Path(target)
    check_target(path, version=version, record_type=record_type, workers=workers)
    if path.name.endswith((".xml", ".xml.gz")):
        write_registry_xml(made, path, version=version, record_type=record_type, workers=workers)
    elif path.suffix in (".csv", ".parquet"):
        write_table(made, path, version=version, record_type=record_type)
    else:
        write_folder(made, path, version=version, record_type=record_type, workers=workers)


def check_target(path: Path, *, version: str, record_type: str, workers: int) -> None:
    """Raises RegistryError `usage` for a target that cannot be written, before anything is made."""
    if version not in VERSIONS:
        raise RegistryError(
            "usage", f"version {version!r} cannot be written here", hint=f"use one of {', '.join(VERSIONS)}"
        )
    if record_type not in ("A", "M", "C", "I"):
        raise RegistryError("usage", f"record type {record_type!r} is not one", hint="use A, M, C or I")
    if workers < 1:
        raise RegistryError("usage", "at least one worker is needed", hint="give --workers 1 or more")
    suffix = path.suffix if path.suffix != ".gz" else "".join(path.suffixes[-2:])
    if suffix and suffix not in SUFFIXES and not path.is_dir():
        raise RegistryError(
            "usage",
            f"no file format is known for {path.name!r}",
            hint=f"end the name in {', '.join(SUFFIXES)}, or give a folder",
        )
    if not path.absolute().parent.is_dir() and suffix:
        raise RegistryError(
            "usage", "the folder to write to does not exist", hint="make it first", where=str(path.parent)
        )
