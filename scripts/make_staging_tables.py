"""Makes the embedded decision tables of `abstracting/staging/data` from the official algorithm packages.

    python scripts/make_staging_tables.py [REFERENCE_FOLDER]

What carries over: codes, conditions, endpoints, structure, item numbers and XML ids. What does not: descriptions, notes,
titles, footnotes and messages. Schema titles are made from the ids, row labels are our own words (see
`LABELS`), chosen by what the published description says and never copied from it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from abstracting.staging.algorithms import Algorithm  # noqa: E402
from abstracting.staging.compact import SUFFIX, write_compact  # noqa: E402
from abstracting.staging.model import DESCRIPTION, ENDPOINT, Schema, Table  # noqa: E402
from abstracting.staging.packages import read_package  # noqa: E402

EMBEDDED = (("eod_public", "3.3"), ("tnm", "2.1"), ("cs", "02.05.50"), ("pediatric", "1.3"))
PUBLISHER = "decision tables of the SEER staging algorithms, published by the US National Cancer Institute"
NOTE = "codes and structure only; the publisher's descriptions and notes are in the official package"


def own_schema(schema: Schema) -> Schema:
    """Gives the schema with a title made from its id and without the publisher's texts."""
    return replace(
        schema,
        title=schema.id.replace("_", " ").capitalize(),
        inputs=tuple(replace(entry, text="", name=entry.name[:60]) for entry in schema.inputs),
        outputs=tuple(replace(entry, name=entry.name[:60]) for entry in schema.outputs),
        texts={},
    )


def own_table(table: Table) -> Table:
    """Gives the table without description columns, texts and messages, with our own labels."""
    columns = tuple(
        replace(column, cells=tuple(map(_without_message, column.cells))) if column.kind == ENDPOINT else column
        for column in table.columns
        if column.kind != DESCRIPTION
    )
    return Table(table.id, tuple(replace(column, name="") for column in columns), table.size, "", (), {})


def _without_message(cell: str | None) -> str | None:
    kind, _, message = (cell or "").partition(":")
    return "ERROR" if kind.strip() == "ERROR" and message else cell


def main() -> None:
    reference = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "reference"
    for name, version in EMBEDDED:
        official = read_package(reference / "staging" / f"{name}-{version}.zip")
        own = Algorithm(
            official.name,
            official.version,
            {key: own_schema(schema) for key, schema in official.schemas.items()},
            {key: own_table(table) for key, table in official.tables.items()},
        )
        content = write_compact(own, source=f"{PUBLISHER}: {name} {version}", note=NOTE)
        target = ROOT / "abstracting" / "staging" / "data" / f"{name}-{version}{SUFFIX}"
        target.write_bytes(content)
        print(f"{target.relative_to(ROOT)}: {len(content)} bytes")


if __name__ == "__main__":
    main()
