"""Writes `abstracting/edits/data/schema_items.csv`: the items that some staging schema has a table of valid codes for.

    python scripts/make_edit_tables.py

The rules themselves are written by hand from the catalogue of checks (`../shared/reference/edits`); this script also lists
what of the catalogue no rule covers, and fails when there is anything.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from abstracting.edits.rules import built_in
from abstracting.staging.schemas import desk, eras

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT.parent / "shared" / "reference" / "edits" / "edits_catalogue.csv"
TARGET = ROOT / "abstracting" / "edits" / "data" / "schema_items.csv"


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


def main() -> int:
    rows = sorted(schema_items().items())
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        file.write(
            "# source: inputs of the staging schemas (SEER*RSA: EOD public, TNM, Collaborative Stage) with valid codes\n"
        )
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["item", "algorithms"])
        writer.writerows([item, " ".join(names)] for item, names in rows)
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        wanted = {row["id"] for row in csv.DictReader(file)}
    missing = sorted(wanted - {rule.edit for rule in built_in().rules})
    print(
        f"{len(rows)} items with schema tables; {len(wanted)} checks in the catalogue, without a rule: {missing or 'none'}"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
