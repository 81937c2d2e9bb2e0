"""The CanReg layout: three exported tables (patient, tumour, source) joined by their numbers into incoming patients.

What is structurally wrong is rejected with its reason (orphans, obsolete records); what is only incomplete is taken and
pointed out (unknown parts of dates, codes that no list has, pending records). Columns are the short names of the system
definition; another system's names come from its definition file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lxml import etree

from registry.errors import RegistryError
from registry.exchange.incoming import Event, IncomingPatient, IncomingTumor, Noticed, Rejected, Values
from registry.exchange.tables import read_rows

KEYS = {"patient": "REGNO", "tumour": "TUMOURID", "source": "SOURCERECORDID"}
PENDING, OBSOLETE = "0", "1"

TUMORS_A_RECORD = 20
"""So many tumors are left to each of a patient's records, so that the second record's tumors get numbers of their own."""


@cache
def _table(name: str) -> list[dict[str, str]]:
    text = (files("registry.exchange") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@cache
def _codes(table: str) -> dict[str, str]:
    return {row["canreg"]: row["naaccr"] for row in _table("canreg_codes.csv") if row["table"] == table}


def is_canreg(headers: list[str]) -> str | None:
    """Tells which of the three tables a header line belongs to; None for none."""
    present = {header.upper() for header in headers}
    for table in ("source", "tumour", "patient"):
        if KEYS[table] in present:
            return table
    return None


def standard_names(system: Path) -> dict[str, str]:
    """Gives `{short name: standard name}` of a CanReg system definition, so that a renamed column is still understood."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.parse(str(system), parser).getroot()
    except etree.XMLSyntaxError as error:
        raise RegistryError(
            "column-map", f"the system definition cannot be read: {error}", where=str(system)
        ) from error
    names: dict[str, str] = {}
    for variable in root.iter("{*}variable"):
        fields = {etree.QName(child).localname: (child.text or "").strip() for child in variable}
        if fields.get("standard_variable_name"):
            names[fields.get("short_name", "").upper()] = fields["standard_variable_name"]
    return names


def convert_date(value: str) -> tuple[str, bool]:
    """Gives a CanReg date (yyyyMMdd, 99 or 00 unknown) as a NAACCR date, and whether a part of it is unknown."""
    text = value.strip()
    if len(text) != 8 or not text.isdigit() or text[:4] in {"9999", "0000"}:
        return ("", bool(text))
    if text[4:6] in {"99", "00"}:
        return text[:4], True
    if text[6:] in {"99", "00"}:
        return text[:6], True
    return text, False


def tumor_number(value: str) -> str:
    """Gives tumorRecordNumber (60, two digits) of a CanReg tumor number, which ends in patient record and tumor (0102)."""
    record, tumor = value[-4:-2], value[-2:]
    if not (record + tumor).isdigit() or len(value) < 4:
        return value
    return f"{(int(record) - 1) * TUMORS_A_RECORD + int(tumor):02d}"


class CanregReader:
    """Three CanReg tables as a stream of incoming patients in the order of the patient table."""

    format = "canreg"
    version = ""

    def __init__(self, paths: list[Path], system: Path | None = None):
        self.rows: dict[str, list[dict[str, str]]] = {}
        renamed = standard_names(system) if system else {}
        own = {row["standard"]: row["variable"] for row in _table("canreg_items.csv")}
        self.encodings: set[str] = set()
        for path in paths:
            headers, rows, encoding = read_rows(path)
            self.encodings.add(encoding)
            headers = [own.get(renamed.get(h.upper(), ""), h.upper()) for h in headers]
            table = is_canreg(headers)
            if table is None:
                raise RegistryError(
                    "canreg-table",
                    "the file is none of patient, tumour, source",
                    where=str(path),
                    hint="see the first line",
                )
            self.rows[table] = [dict(zip(headers, row)) for row in rows]
        for table in ("patient", "tumour"):
            if table not in self.rows:
                raise RegistryError("canreg-table", f"the {table} table is missing", hint="give all three files")
        self.read = 0

    @property
    def done(self) -> float:
        return self.read / max(len(self.rows["patient"]), 1)

    def __iter__(self) -> Iterator[Event]:
        if "windows-1252" in self.encodings:
            yield Noticed(0, "encoding", "a file is not UTF-8: it was read as Windows-1252")
        obsolete = {r["REGNO"] for r in self.rows["patient"] if r.get("OBSOLETEFLAGPATIENTTABLE") == OBSOLETE}
        current = {r["REGNO"] for r in self.rows["patient"]} - obsolete
        tumors: dict[str, list[tuple[int, dict[str, str]]]] = {}
        taken: set[str] = set()
        for number, row in enumerate(self.rows["tumour"], 1):
            owner = row.get("PATIENTIDTUMOURTABLE", "")
            if owner in obsolete or row.get("OBSOLETEFLAGTUMOURTABLE") == OBSOLETE:
                yield _rejected("tumor", number, "obsolete", "the record is marked obsolete in its registry", row)
            elif owner not in current:
                yield _rejected("tumor", number, "orphan-tumor", f"no patient {owner!r} is in the patient table", row)
            else:
                tumors.setdefault(owner, []).append((number, row))
                taken.add(row["TUMOURID"])
        sources, counts, rejected = self._sources(taken)
        yield from rejected
        for number, row in enumerate(self.rows["patient"], 1):
            self.read = number
            if row["REGNO"] in obsolete:
                yield _rejected("patient", number, "obsolete", "the record is marked obsolete in its registry", row)
                continue
            items, notices = _items("patient", row, number)
            yield from notices
            records = []
            for place, tumor in tumors.get(row["REGNO"], []):
                values, notices = _items("tumour", tumor, place)
                values |= sources.get(tumor["TUMOURID"], {})
                if values.get(90004) == "0":
                    values[500] = "7"
                if tumor.get("RECS") == PENDING:
                    notices.append(Noticed(place, "pending", f"tumor {tumor['TUMOURID']} is pending in its registry"))
                yield from notices
                parts = {"source": counts[tumor["TUMOURID"]]} if tumor["TUMOURID"] in counts else {}
                records.append(IncomingTumor(place, values, parts))
            yield IncomingPatient(number, items, records)

    def _sources(self, taken: set[str]) -> tuple[dict[str, Values], dict[str, int], list[Rejected]]:
        """Joins the rows of the source table to their tumors; gives values and counts by tumor, and rejected rows."""
        known = {row["TUMOURID"] for row in self.rows["tumour"]}
        joined: dict[str, Values] = {}
        counts: dict[str, int] = {}
        rejected = []
        for number, row in enumerate(self.rows.get("source", []), 1):
            owner = row.get("TUMOURIDSOURCETABLE", "")
            if owner not in taken:
                name = row["SOURCERECORDID"]
                code = "tumor-rejected" if owner in known else "orphan-source"
                why = "was not taken" if owner in known else "is not in the tumour table"
                rejected.append(_rejected("source", number, code, f"source {name}: tumor {owner!r} {why}", row))
                continue
            counts[owner] = counts.get(owner, 0) + 1
            target = joined.setdefault(owner, {})
            for item, value in _items("source", row, number)[0].items():
                target[item] = f"{target[item]};{value}" if item in target else value
        return joined, counts, rejected


def _rejected(table: str, row: int, code: str, message: str, content: dict[str, Any]) -> Rejected:
    return Rejected(table, row, code, message, {name: value for name, value in content.items() if value})


def _items(table: str, row: dict[str, str], place: int) -> tuple[Values, list[Noticed]]:
    """Gives a row's items and what is to be pointed out in it."""
    items: Values = {}
    notices: list[Noticed] = []
    for rule in _table("canreg_items.csv"):
        value = row.get(rule["variable"], "").strip()
        if rule["table"] != table or not value:
            continue
        number = int(rule["item"])
        key = row.get(KEYS[table], "")
        if rule["convert"] == "date":
            value, unknown = convert_date(value)
            if unknown:
                text = f"{table} {key}: a part of {rule['meaning']} is unknown ({row[rule['variable']]})"
                notices.append(Noticed(place, "date-unknown-part", text, number))
        elif rule["convert"] == "site":
            value = "C" + value
        elif rule["convert"] == "number":
            value = tumor_number(value)
        elif rule["convert"] == "age":
            value = value.zfill(3)
        elif rule["convert"]:
            codes = _codes(rule["convert"])
            if value not in codes and value != "9":
                text = f"{table} {key}: code {value!r} of {rule['meaning']} is not in the list"
                notices.append(Noticed(place, "unknown-code", text, number))
            value = codes.get(value, "")
        notices += _unknown_code(table, key, place, number, value, rule["meaning"])
        if value:
            items[number] = value
    return items, notices


def _unknown_code(table: str, key: str, place: int, number: int, value: str, meaning: str) -> list[Noticed]:
    if number not in (400, 522) or not value:
        return []
    from abstracting.codes import code_system

    if code_system("topography" if number == 400 else "histology").is_valid(value):
        return []
    return [Noticed(place, "unknown-code", f"{table} {key}: code {value!r} of {meaning} is not in ICD-O-3", number)]
