"""Makes the embedded decision tables of `abstracting/staging/data` from the official algorithm packages.

    python scripts/make_staging_tables.py [REFERENCE_FOLDER]

What carries over: codes, conditions, endpoints, structure, item numbers and XML ids. What does not: descriptions, notes,
titles, footnotes and messages. Schema titles are made from the ids; row labels are our own words (`data/labels.csv`),
chosen by what the published description speaks of and never copied from it.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from abstracting.staging.algorithms import Algorithm  # noqa: E402
from abstracting.staging.compact import SUFFIX, write_compact  # noqa: E402
from abstracting.staging.model import DESCRIPTION, ENDPOINT, INPUT, Schema, Table  # noqa: E402
from abstracting.staging.packages import read_package  # noqa: E402

EMBEDDED = (("eod_public", "3.3"), ("tnm", "2.1"), ("cs", "02.05.50"), ("pediatric", "1.3"))
PUBLISHER = "decision tables of the SEER staging algorithms, published by the US National Cancer Institute"
# topography and histology have their own room with labels
UNLABELLED = ("site", "hist")
NOTE = "codes and structure only; the publisher's descriptions and notes are in the official package"


MAX_LABEL = 60
DATA = ROOT / "abstracting" / "staging" / "data"


@dataclass(frozen=True)
class LabelRule:
    """Our label for a code of an input, where the published description speaks of something."""

    key: re.Pattern[str]
    code: re.Pattern[str]
    says: re.Pattern[str]
    label: str


def read_label_rules() -> list[LabelRule]:
    """Gives the rules of `data/labels.csv`; a label longer than 60 characters is a fault."""
    lines = (DATA / "labels.csv").read_text(encoding="utf-8").splitlines()
    rules = []
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        if len(row["label"]) > MAX_LABEL:
            raise SystemExit(f"label too long: {row['label']}")
        patterns = (re.compile(row[name], re.IGNORECASE) for name in ("key", "code", "says"))
        rules.append(LabelRule(*patterns, row["label"]))
    return rules


def choose_label(rules: list[LabelRule], key: str, code: str, description: str) -> str:
    """Gives the label of the first rule that fits, "" where none does."""
    plain = re.sub(r"[*_\s]+", " ", description).strip()
    for rule in rules:
        if rule.key.fullmatch(key) and rule.code.fullmatch(code) and (found := rule.says.search(plain)):
            return found.expand(rule.label)
    return ""


def own_schema(schema: Schema, xml_ids: dict[int, str]) -> Schema:
    """Gives the schema with a title made from its id and without the publisher's texts.

    Item numbers stand; an XML id that the dictionary does not have (pediatric 1.3 misspells that of 1143) is put right.
    """
    return replace(
        schema,
        title=schema.id.replace("_", " ").capitalize(),
        inputs=tuple(
            replace(entry, text="", name=entry.name[:MAX_LABEL], xml_id=xml_ids.get(entry.item or 0, entry.xml_id))
            for entry in schema.inputs
        ),
        outputs=tuple(
            replace(entry, name=entry.name[:MAX_LABEL], xml_id=xml_ids.get(entry.item or 0, entry.xml_id))
            for entry in schema.outputs
        ),
        texts={},
    )


def own_labels(table: Table, key: str, rules: list[LabelRule], count: Counter[str]) -> tuple[str, ...]:
    """Gives our label for each row of a table that validates the input `key`; () when no row has one."""
    column = next((c for c in table.columns if c.key == key and c.kind == INPUT), None)
    if column is None or key in UNLABELLED:
        return ()
    said = table.labels or ("",) * table.size
    labels = tuple(choose_label(rules, key, column.cells[row] or "", said[row]) for row in range(table.size))
    count["rows"] += table.size
    count["labelled"] += sum(map(bool, labels))
    return labels if any(labels) else ()


def own_table(table: Table, labels: tuple[str, ...]) -> Table:
    """Gives the table without description columns, texts and messages, with our own labels."""
    columns = tuple(
        replace(column, cells=tuple(map(_without_message, column.cells))) if column.kind == ENDPOINT else column
        for column in table.columns
        if column.kind != DESCRIPTION
    )
    return Table(table.id, tuple(replace(column, name="") for column in columns), table.size, "", labels, {})


def _without_message(cell: str | None) -> str | None:
    kind, _, message = (cell or "").partition(":")
    return "ERROR" if kind.strip() == "ERROR" and message else cell


def main() -> None:
    reference = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "reference"
    rules = read_label_rules()
    with (reference / "naaccr" / "items_v26.csv").open(encoding="utf-8") as file:
        xml_ids = {int(row["naaccrNum"]): row["naaccrId"] for row in csv.DictReader(file)}
    for name, version in EMBEDDED:
        official = read_package(reference / "staging" / f"{name}-{version}.zip")
        validated = {e.table: e.key for schema in official.schemas.values() for e in schema.inputs if e.table}
        count: Counter[str] = Counter()
        labels = {
            table_id: own_labels(official.tables[table_id], key, rules, count) for table_id, key in validated.items()
        }
        own = Algorithm(
            official.name,
            official.version,
            {key: own_schema(schema, xml_ids) for key, schema in official.schemas.items()},
            {key: own_table(table, labels.get(key, ())) for key, table in official.tables.items()},
        )
        content = write_compact(own, source=f"{PUBLISHER}: {name} {version}", note=NOTE)
        target = DATA / f"{name}-{version}{SUFFIX}"
        target.write_bytes(content)
        print(f"{target.name}: {len(content)} bytes, {count['labelled']} of {count['rows']} codes labelled")


if __name__ == "__main__":
    main()
