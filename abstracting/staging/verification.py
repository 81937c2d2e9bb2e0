"""What must hold between the schemas and tables of an algorithm before it may be used."""

from __future__ import annotations

from collections.abc import Mapping

from abstracting.staging.model import HISTOLOGY, HISTOLOGY_TABLE, INPUT, SITE, SITE_TABLE, Schema, Table
from abstracting.staging.records import Faults


def check_references(schemas: Mapping[str, Schema], tables: Mapping[str, Table], faults: Faults) -> None:
    """Adds a fault for each table that selection, validity of codes or a mapping's involvement needs and is missing.

    Tables named elsewhere may be missing: the engine reports that with the case, as the published engine does.
    """
    if not schemas:
        faults.add("package", "no schemas in it")
    for table_id, key in ((SITE_TABLE, SITE), (HISTOLOGY_TABLE, HISTOLOGY)):
        table = tables.get(table_id)
        if table is None:
            faults.add("package", f"the table {table_id!r} is missing")
        elif not any(column.key == key and column.kind == INPUT for column in table.columns):
            faults.add(f"table {table_id}", f"no INPUT column {key!r}")
    for schema in schemas.values():
        if schema.selection_table not in tables:
            faults.add(f"schema {schema.id}", f"its selection table {schema.selection_table!r} is missing")
        for mapping in schema.mappings:
            for path in (*mapping.inclusion, *mapping.exclusion):
                if path.table not in tables:
                    faults.add(f"schema {schema.id}", f"mapping {mapping.id!r} needs the missing table {path.table!r}")
