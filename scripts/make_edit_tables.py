"""Writes the tables in `abstracting/edits/data` that follow from others, and says what of the catalogue has no rule.

    python scripts/make_edit_tables.py

`schema_items.csv`: the items for which some staging schema lists valid codes. `morphology_years.csv`: diagnosis years of a
histology with its behavior, where every term of the code is bounded (a single new term does not bound its code). The rules
themselves are written by hand from the catalogue of checks (`../shared/reference/edits`).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from make_code_tables import morphology_years

from abstracting.edits.rules import built_in
from abstracting.staging.schemas import desk, eras

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared" / "reference"
CATALOGUE = REFERENCE / "edits" / "edits_catalogue.csv"
DATA = ROOT / "abstracting" / "edits" / "data"


def schema_items() -> dict[int, list[str]]:
    """Gives item → algorithms of the eras in which a schema lists its valid codes."""
    found: dict[int, list[str]] = {}
    for name in dict.fromkeys(era.algorithm for era in eras()):
        engine = desk().engine(name)
        for schema_id in engine.algorithm.schemas:
            for entry, table, _ in engine.plan(schema_id).inputs:
                if entry.item is not None and table is not None and name not in found.setdefault(entry.item, []):
                    found[entry.item].append(name)
    return found


def write(name: str, source: str, columns: list[str], rows: list[tuple]) -> None:
    with (DATA / name).open("w", encoding="utf-8", newline="") as file:
        file.write(f"# source: {source}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def main() -> int:
    items = [(item, " ".join(names)) for item, names in sorted(schema_items().items())]
    source = "inputs of the staging schemas (SEER*RSA: EOD public, TNM, Collaborative Stage) with valid codes"
    write("schema_items.csv", source, ["item", "algorithms"], items)
    source = "NAACCR v26, histology list: years in the notes of all terms of a code, as facts"
    write("morphology_years.csv", source, ["code", "first", "last"], morphology_years())
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        wanted = {row["id"] for row in csv.DictReader(file)}
    missing = sorted(wanted - {rule.edit for rule in built_in().rules})
    print(f"{len(wanted)} checks in the catalogue, without a rule: {', '.join(missing) or 'none'}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
