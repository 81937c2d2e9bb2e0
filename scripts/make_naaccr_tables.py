"""Writes the item tables and code lists of `abstracting/naaccr/data` from the reference folder.

Run from the root of the repository: `python scripts/make_naaccr_tables.py`. Facts only are carried over (numbers, ids,
names of items, lengths, types, levels, columns, codes); labels of codes are condensed to at most 60 characters, and the
code lists of ICD-O and ICD keep their codes without labels, because their wording is licensed.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT.parent / "shared" / "reference" / "naaccr"
TARGET = ROOT / "abstracting" / "naaccr" / "data"

VERSIONS = ["140", "150", "160", "180", "210", "220", "230", "240", "250", "260"]
FLAT = ["140", "150", "160", "180"]
FIELDS = ["id", "name", "level", "length", "type", "padding", "trim", "record_types", "unlimited"]
LABEL_LENGTH = 60

# Items whose labels are wording of ICD-O or ICD (WHO): codes only. The second value is the id of the item itself where
# the list is published under another name.
CODES_ONLY = {
    "primarySite": "primarySite",
    "siteIcdO1": "siteIcdO1",
    "histologicTypeIcdO3_preferredTermsOnly": "histologicTypeIcdO3",
    "causeOfDeath": "causeOfDeath",
}


# Labels in our own words where a condensed one would not tell two codes apart, and the one list that the source lacks.
OWN_LABELS: dict[int, dict[str, str]] = {
    490: {
        "3": "Positive histology and immunophenotype or genetics",
        "7": "Imaging only, without microscopic confirmation",
    },
    610: {
        "00": "Diagnosed here, all treatment elsewhere",
        "10": "Diagnosed here, treated here (part or all, NOS)",
        "11": "Diagnosed in staff physician's office, partly treated here",
        "12": "Diagnosed in staff physician's office, fully treated here",
        "13": "Diagnosed here, part of treatment here",
        "14": "Diagnosed here, all treatment here",
        "20": "Diagnosed elsewhere, treated here (part or all, NOS)",
        "21": "Diagnosed elsewhere, part of treatment here",
        "22": "Diagnosed elsewhere, all treatment here",
        "30": "Diagnosed and treated elsewhere, work-up or staging here",
        "31": "Diagnosed and treated elsewhere, in-transit care here",
        "32": "Diagnosed and treated elsewhere, recurrence here",
        "33": "Diagnosed and treated elsewhere, history only",
        "34": "Not required by CoC, diagnosed and treated here",
        "35": "Before reference date, diagnosed and treated here",
        "36": "Not required by CoC, diagnosed elsewhere, treated here",
        "37": "Before reference date, diagnosed elsewhere, treated here",
        "38": "Found at autopsy here, not suspected before",
        "40": "Diagnosed and treated in one staff physician's office",
        "41": "Diagnosed and treated in several staff physicians' offices",
        "42": "Not a staff physician or non-CoC facility",
        "43": "Pathology or laboratory specimen only",
        "49": "Death certificate only",
        "99": "Not required by CoC, details unknown",
    },
    764: {
        "0": "In situ",
        "1": "Localized",
        "2": "Regional by direct extension only",
        "3": "Regional lymph nodes only",
        "4": "Regional by direct extension and lymph nodes",
        "7": "Distant",
        "8": "Benign or borderline",
        "9": "Unknown or not applicable",
    },
    1340: {"6": "Recommended but not performed, reason not recorded"},
    1430: {
        "1": "Not part of planned first course",
        "6": "Recommended but not given, reason not recorded",
        "7": "Recommended but refused",
        "8": "Recommended, unknown if given",
        "9": "Unknown if recommended or given",
    },
}


def read_rows(name: str) -> list[dict[str, str]]:
    with (SOURCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def name_of(naaccr_id: str) -> str:
    """Gives a readable name where the source has none: the words of the id."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])", " ", naaccr_id)
    return words[:1].upper() + words[1:]


def collect() -> dict[tuple[int, str], dict[str, str]]:
    """Gives the attributes of each (number, version) of the base dictionaries."""
    history = {int(row["naaccrNum"]): row for row in read_rows("items_history.csv")}
    full: dict[str, dict[int, dict[str, str]]] = {}
    for version in ["240", "250", "260"]:
        full[version] = {int(row["naaccrNum"]): row for row in read_rows(f"items_v{version[:2]}.csv")}
    for version in FLAT:
        rows = read_rows(f"flat_v{version[:2]}.csv")
        full[version] = {int(row["naaccrNum"]): row for row in rows if row["source"] == "base"}
    differences: dict[tuple[str, int], list[dict[str, str]]] = {}
    for row in read_rows("dictionary_diffs.csv"):
        differences.setdefault((row["to"], int(row["naaccrNum"])), []).append(row)
    unlimited = {
        int(row["naaccrNum"]) for row in read_rows("dictionary_diffs.csv") if row["attribute"] == "allowUnlimitedText"
    }
    names = {number: row["naaccrName"] for version in ["240", "250", "260"] for number, row in full[version].items()}
    result: dict[tuple[int, str], dict[str, str]] = {}
    for number, row in history.items():
        for version in VERSIONS:
            if not row[f"id_{version}"]:
                continue
            extra = full[version][number] if version in full else between(number, version, full, differences)
            result[number, version] = {
                "id": row[f"id_{version}"],
                "name": names.get(number) or name_of(row[f"id_{version}"]),
                "level": row[f"level_{version}"],
                "length": row[f"len_{version}"],
                "type": row[f"type_{version}"],
                "padding": extra["padding"] or "none",
                "trim": extra.get("trim") or "all",
                "record_types": extra["recordTypes"].replace(",", ""),
                "unlimited": "1" if number in unlimited and int(version) <= 220 else "",
            }
    return result


def between(number: int, version: str, full: dict, differences: dict) -> dict[str, str]:
    """Gives padding, trim and record types in 210, 220 and 230: forward from 180 or back from 240 over the changes."""
    if number in full["180"]:
        row = dict(full["180"][number])
        for step in VERSIONS[VERSIONS.index("180") + 1 : VERSIONS.index(version) + 1]:
            for change in differences.get((step, number), []):
                row[change["attribute"]] = change["new"]
        return row
    row = dict(full["240"][number])
    for step in reversed(VERSIONS[VERSIONS.index(version) + 1 : VERSIONS.index("240") + 1]):
        for change in differences.get((step, number), []):
            row[change["attribute"]] = change["old"]
    return row


def default_user_items() -> dict[tuple[int, str], dict[str, str]]:
    """Gives the default user dictionaries: v14 to v18 by their columns; v21 keeps the two items that have no column."""
    result = {}
    for version in FLAT:
        for row in read_rows(f"flat_v{version[:2]}.csv"):
            if row["source"] == "base":
                continue
            result[int(row["naaccrNum"]), version] = {
                "id": row["naaccrId"],
                "name": name_of(row["naaccrId"]),
                "level": row["parentXmlElement"],
                "length": row["length"],
                "type": row["dataType"],
                "padding": row["padding"] or "none",
                "trim": row["trim"] or "all",
                "record_types": row["recordTypes"].replace(",", ""),
                "unlimited": "",
            }
    for number in (2220, 3720):
        result[number, "210"] = result[number, "180"]
    return result


def spans(cells: dict[tuple[int, str], dict[str, str]]) -> list[tuple[int, str, str, dict[str, str]]]:
    """Joins neighbouring versions in which nothing about an item changed."""
    rows: list[tuple[int, str, str, dict[str, str]]] = []
    for number in sorted({number for number, _ in cells}):
        for version in VERSIONS:
            cell = cells.get((number, version))
            if cell is None:
                continue
            before = VERSIONS[VERSIONS.index(version) - 1] if version != VERSIONS[0] else ""
            if rows and rows[-1][0] == number and rows[-1][2] == before and rows[-1][3] == cell:
                rows[-1] = (number, rows[-1][1], version, cell)
            else:
                rows.append((number, version, version, cell))
    return rows


def write_items() -> None:
    with (TARGET / "items.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("# NAACCR data items of versions 14 to 26; one row per span of versions in which nothing changed.\n")
        file.write("# Source: NAACCR base dictionaries (maintained by NAACCR) as published with imsweb/naaccr-xml.\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dictionary", "number", "first", "last", *FIELDS])
        for kind, cells in (("base", collect()), ("default-user", default_user_items())):
            for number, first, last, cell in spans(cells):
                writer.writerow([kind, number, first, last, *(cell[field] for field in FIELDS)])


def write_columns() -> None:
    columns: dict[tuple[str, int], dict[str, str]] = {}
    for version in FLAT:
        for row in read_rows(f"flat_v{version[:2]}.csv"):
            key = ("base" if row["source"] == "base" else "default-user", int(row["naaccrNum"]))
            columns.setdefault(key, {})[version] = row["startColumn"]
    with (TARGET / "columns.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("# First column (from 1) of each item in the fixed-column layouts of versions 14 to 18.\n")
        file.write("# Source: NAACCR base dictionaries (maintained by NAACCR) as published with imsweb/naaccr-xml.\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dictionary", "number", *FLAT])
        for (kind, number), starts in sorted(columns.items()):
            writer.writerow([kind, number, *(starts.get(version, "") for version in FLAT)])


def condense(label: str) -> str:
    """Gives a label of at most 60 characters: spaces joined, asides dropped where it is longer, cut at a word."""
    label = " ".join(label.split()).rstrip(".;: ")
    for aside in (r"\s*\[[^\]]*\]", r"\s*\([^)]*\)", r";.*$", r"\s+-\s+.*$"):
        if len(label) <= LABEL_LENGTH:
            break
        shorter = re.sub(aside, "", label).strip()
        label = shorter if len(shorter) > 3 else label
    if len(label) > LABEL_LENGTH:
        start = label[:LABEL_LENGTH]
        clause = re.match(r".{25,}(?=[,;:])", start)
        if clause:
            return clause[0]
        return start.rsplit(" ", 1)[0].rstrip(",;:- ")[: LABEL_LENGTH - 1] + "…"
    return label


def condense_list(rows: list[tuple[str, str]]) -> dict[str, str]:
    """Gives the labels of one item's codes; where two would be alike, what stands behind the common start is used."""
    labels = {code: condense(label) for code, label in rows}
    for code, label in rows:
        if sum(labels[code] == other for other in labels.values()) > 1:
            rest = re.split(r"[;:,(]\s*", label, maxsplit=1)[-1].rstrip(").")
            shorter = condense(rest)
            if shorter and shorter not in labels.values():
                labels[code] = shorter[:1].upper() + shorter[1:]
    return labels


def write_codes() -> None:
    """Writes the allowed codes of v25 and v26, one row per (item, code) with the versions it belongs to."""
    found: dict[tuple[int, str], dict[str, str]] = {}
    for version in ("250", "260"):
        items = {row["naaccrId"]: row for row in read_rows(f"items_v{version[:2]}.csv")}
        with zipfile.ZipFile(SOURCE / "lookups" / f"naaccr-lookups-{version}.zip") as archive:
            for entry in sorted(archive.namelist()):
                stem = Path(entry).stem
                item = items.get(CODES_ONLY.get(stem, stem))
                if item is None or not entry.endswith(".csv"):
                    continue
                text = io.TextIOWrapper(archive.open(entry), encoding="utf-8-sig", newline="")
                rows = [("" if row[0] == "Blank" else row[0].split("/")[0], row[1]) for row in csv.reader(text)]
                rows = [(code, label) for code, label in rows if len(code) <= int(item["length"])]
                labels = dict.fromkeys((code for code, _ in rows), "") if stem in CODES_ONLY else condense_list(rows)
                for code, label in labels.items():
                    found.setdefault((int(item["naaccrNum"]), code), {}).setdefault(version, label)
    for number, own in OWN_LABELS.items():
        for code, label in own.items():
            found[number, code] = {"250": label, "260": label}
    buffer = io.StringIO()
    buffer.write(
        "# Allowed codes of items in versions 25 and 26 with condensed labels; ICD-O and ICD codes have none.\n"
    )
    buffer.write("# Source: code lists published with imsweb/layout (BSD-3).\n")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["number", "first", "last", "code", "label"])
    for (number, code), labels in sorted(found.items()):
        if len(labels) == 2 and labels["250"] == labels["260"]:
            writer.writerow([number, "250", "260", code, labels["260"]])
        else:
            for version, label in labels.items():
                writer.writerow([number, version, version, code, label])
    with (
        (TARGET / "codes.csv.gz").open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out,
    ):
        out.write(buffer.getvalue().encode())


# dates whose flag is not simply named after them
OTHER_FLAGS = {1661: 1660, 1681: 1680, 1701: 1700}
# dates of events that need not happen: there, flag 11 says that the event did not occur; elsewhere that no date applies
EVENTS = {682, 832, 1200, 1210, 1220, 1230, 1240, 1250, 1260, 1270, 1280, 1660, 1680, 1700, 1755, 1860, 3170, 3180}
EVENTS |= {3220, 3230}


def write_date_flags() -> None:
    """Writes which item is the flag of which date (v14 to v22), by the names of the two."""
    history = read_rows("items_history.csv")
    dates = {
        row[f"id_{version}"]: int(row["naaccrNum"])
        for row in history
        for version in VERSIONS
        if row[f"id_{version}"] and row[f"type_{version}"] == "date"
    }
    rows = []
    for row in history:
        number = int(row["naaccrNum"])
        versions = [version for version in VERSIONS if row[f"id_{version}"]]
        name = row[f"id_{versions[-1]}"]
        date = OTHER_FLAGS.get(number) or (dates.get(name.removesuffix("Flag")) if name.endswith("Flag") else None)
        if date is not None and versions[-1] == "220":
            rows.append([date, number, versions[0], versions[-1], "event" if date in EVENTS else "date"])
    with (TARGET / "date_flags.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(
            "# The flag that says why a date is blank, in versions 14 to 22; from version 23 on there are none.\n"
        )
        file.write("# kind: where the flag is 11, an event did not occur, or a date is not applicable.\n")
        file.write("# Source: NAACCR base dictionaries (maintained by NAACCR) as published with imsweb/naaccr-xml.\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date", "flag", "first", "last", "kind"])
        writer.writerows(sorted(rows))


if __name__ == "__main__":
    TARGET.mkdir(parents=True, exist_ok=True)
    write_items()
    write_columns()
    write_codes()
    write_date_flags()
