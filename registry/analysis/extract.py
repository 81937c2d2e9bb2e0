"""A selection of the snapshot as a file that `survival` and `geo` read without a database."""

from __future__ import annotations

from pathlib import Path

from registry.analysis.cohort import Cohort
from registry.errors import RegistryError
from registry.exchange.export import neutral

ALIVE = "1"
UNKNOWN_DAYS = 99999
"""Days of survival that cannot be known, where they are coded (item 9753)."""


def write_extract(cohort: Cohort, file: Path) -> int:
    """Writes the cohort's tumors with all items and recodes, `days` and `dead`; gives the number of rows."""
    table = cohort.table
    table = table.mutate(
        days=table.survival_days_active,
        dead=(table.vital_status_recode != ALIVE).cast("int8").fill_null(0),
    )
    if file.suffix == ".parquet":
        table.to_parquet(str(file))
    elif file.suffix == ".csv":
        frame = table.execute()
        text = frame.select_dtypes(include=["object", "string"]).columns
        for name in text:
            frame[name] = frame[name].map(lambda value: neutral(value) if isinstance(value, str) else value)
        frame.to_csv(file, index=False)
    else:
        raise RegistryError(
            "export", f"no form has the suffix {file.suffix!r}", hint="use .parquet or .csv", exit_code=2
        )
    return cohort.count()
