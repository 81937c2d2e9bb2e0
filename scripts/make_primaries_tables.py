"""Writes the tables in `abstracting/primaries/data`: code sets, code tables, groups and pairs of blood diseases.

    python scripts/make_primaries_tables.py [REFERENCE]

Facts only: codes, ranges and years, from `../shared/reference/staging`. The rules themselves
(`abstracting/primaries/data/rules/*.toml`) are written by hand, with reasons in the project's own words.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "abstracting" / "primaries" / "data"

SEER = "SEER multiple primary and solid tumor rules (public, NCI SEER), codes as in imsweb/mph 1.42 (BSD-3)"
HEME = "SEER Hematopoietic and Lymphoid Neoplasm Database 2026 (public, NCI SEER), codes as in imsweb/mph 1.42 (BSD-3)"

# sites of the head and neck tables of 2018 whose names the code tables use without listing them
HEAD_AND_NECK_SITES = {
    "head_and_neck_2018_table1_sites": "C300 C310-C313 C318-C319",
    "head_and_neck_2018_table2_sites": "C110 C112-C113 C118-C119",
    "head_and_neck_2018_table4_sites": "C020-C023 C028-C031 C039-C041 C048-C052 C058-C062 C068-C069",
    "head_and_neck_2018_table5_sites": "C019 C024 C090-C091 C098-C104 C108-C109",
    "head_and_neck_2018_table6_sites": "C079-C081 C088-C089",
    "head_and_neck_2018_table7_sites": "C410-C411",
    "head_and_neck_2018_table8_sites": "C301",
    "head_and_neck_2018_tablec111_sites": "C111",
}

SPELLED = {"famillial_polyposis": "familial_polyposis", "carotic_body": "carotid_body"}

# the two tables of non-malignant brain tumors are one, in force by the year of each tumor
ERAS = {
    "NON_MALIGNANT_CNS_2018_TABLE6_ROWS": ("non_malignant_cns_table6_rows", "", "2022"),
    "NON_MALIGNANT_CNS_2023_TABLE6_ROWS": ("non_malignant_cns_table6_rows", "2023", ""),
}

# a later condition under which a group takes a tumor that its ranges do not name
FURTHER_SCOPES = {
    "str_2018_and_later_head_and_neck": {
        "site_in": "C754-C755",
        "histology_in": "8680 8690-8693",
        "behavior": "3",
        "years": "2019-9999",
    }
}

# groups that take what no other group takes are asked last, whatever the years
LAST = ("mph_2007_to_2022_other_sites", "str_2023_and_later_other_sites")


def ranges(text: str | None) -> str:
    """Gives codes and ranges as one blank-separated cell."""
    return " ".join(re.split(r"[,\s]+", (text or "").strip()))


def write(name: str, source: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    buffer = io.StringIO()
    buffer.write(f"# source: {source}\n")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    data = buffer.getvalue().encode()
    if name.endswith(".gz"):
        # no time stamp and no name inside: the same input gives the same bytes
        data = gzip.compress(data, 9, mtime=0)
    (TARGET / name).write_bytes(data)
    print(f"{buffer.getvalue().count(chr(10)) - 2:6,d} rows {len(data):8,d} bytes  {name}")


def write_groups(groups: list[dict[str, Any]]) -> None:
    columns = ("id", "site_in", "site_out", "histology_in", "histology_out", "behavior", "years")
    rows = []
    for group in sorted(groups, key=lambda group: group["id"] in LAST):
        cells = (group[key] for key in ("site_inc", "site_exc", "hist_inc", "hist_exc", "behavior", "years"))
        rows.append([group["id"], *map(ranges, cells)])
        if group["id"] in FURTHER_SCOPES:
            scope = FURTHER_SCOPES[group["id"]]
            rows.append([group["id"], *(scope.get(column, "") for column in columns[1:])])
    write("groups.csv", SEER, columns, rows)


def write_code_sets(sets: dict[str, str], heme: Path) -> None:
    named = {SPELLED.get(name.lower(), name.lower()): ranges(codes) for name, codes in sets.items()}
    # single codes of behavior and laterality need no name
    rows = [(name, codes) for name, codes in named.items() if not (codes.isdigit() and len(codes) == 1)]
    grouped = (span(row["HistologyLow"], row["HistologyHigh"]) for row in read_heme(heme, "2001HistologyGroups"))
    further = [*HEAD_AND_NECK_SITES.items(), ("heme_2001_histologies", " ".join(grouped))]
    asked = asked_for()
    write("code_sets.csv", SEER, ("name", "codes"), [row for row in [*rows, *further] if row[0] in asked])


def asked_for() -> set[str]:
    """Gives the words of the rules and the sites of the tables: a set that neither names is left out."""
    rules = " ".join(path.read_text(encoding="utf-8") for path in (TARGET / "rules").glob("*.toml"))
    with (TARGET / "tables.csv").open(encoding="utf-8", newline="") as file:
        sites = {row["sites"] for row in csv.DictReader(line for line in file if not line.startswith("#"))}
    return {*re.findall(r"\w+", rules), *sites}


def write_tables(tables: dict[str, list[Any]]) -> None:
    rows = []
    for name, content in tables.items():
        title, first, last = ERAS.get(name, (name.lower(), "", ""))
        parts = content if isinstance(content[0], dict) else [{"sites": "", "rows": content}]
        for part in parts:
            labels: dict[str, list[str]] = {}
            for code, *values in part["rows"]:
                label = " ".join(ranges(label_of(value)) for value in values)
                labels.setdefault(label, []).append(code)
            sites = part["sites"].lower()
            rows += [(title, sites, first, last, label, " ".join(codes)) for label, codes in labels.items()]
    write("tables.csv", SEER, ("table", "sites", "first_year", "last_year", "row", "codes"), rows)


def label_of(value: Any) -> str:
    """Gives the label of a row: codes as they are, names as one word."""
    text = value["ref"] if isinstance(value, dict) else value
    if re.fullmatch(r"[\d/,\-]+", text):
        return text
    return re.sub(r"\W+", "_", text).strip("_").lower()


def read_heme(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"Hematopoietic{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def span(low: str, high: str) -> str:
    return low if low == high else f"{low}-{high}"


def write_heme(folder: Path) -> None:
    successions = [
        (
            "heme_1998",
            span(row["HistologyLow"], row["HistologyHigh"]),
            span(row["SameHistologyLow"], row["SameHistologyHigh"]),
        )
        for row in read_heme(folder, "1998HistologyPairs")
    ]
    groups: dict[str, list[str]] = {}
    for row in read_heme(folder, "2001HistologyGroups"):
        groups.setdefault(row["HistologyGroupNumber"], []).append(span(row["HistologyLow"], row["HistologyHigh"]))
    for row in read_heme(folder, "2001HistologyGroupPairs"):
        first, second = (groups[row[key]] for key in ("FirstDxHistologyGroup", "SecondDxHistologyGroup"))
        successions.append(("heme_2001", " ".join(first), " ".join(second)))
    write("heme_successions.csv", SEER, ("table", "first", "second"), successions)

    pairs = []
    for table, name, column in (
        ("same", "2010SamePrimaryPairs", "same primary"),
        ("turns_into", "2010TransformToPairs", "transform to"),
        ("comes_from", "2010TransformFromPairs", "transform from"),
    ):
        found: dict[tuple[str, str, str], list[str]] = {}
        for row in read_heme(folder, name):
            first, last = row["start year"] or row["valid start year"], row["end year"] or row["valid end year"]
            found.setdefault((row["morphology"], first, last), []).append(row[column])
        pairs += [(table, *key, " ".join(others)) for key, others in found.items()]
    write("heme_pairs.csv.gz", HEME, ("table", "morphology", "first_year", "last_year", "others"), pairs)


def main(reference: Path) -> None:
    folder = reference / "staging"
    TARGET.mkdir(parents=True, exist_ok=True)
    codes = json.loads((folder / "mph_code_tables.json").read_text(encoding="utf-8"))
    write_groups(json.loads((folder / "mph_groups.json").read_text(encoding="utf-8")))
    write_tables(codes["tables"])
    write_code_sets(codes["code_sets"], folder / "hematopoietic")
    write_heme(folder / "hematopoietic")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "reference")
