"""The registry's denominators: population by county, sex, age group and year, kept as Parquet with its label."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from registry.db import Store
from registry.errors import RegistryError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("county", "sex", "age_group", "year", "population")
FILE, LABEL = "population.parquet", "population.json"


def save(store: Store, frame: pd.DataFrame, label: str) -> None:
    """Keeps a population (columns `COLUMNS`; county five digits, sex 1 or 2, age group 0 to 17) as the one in force."""
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        raise RegistryError("population", f"the population has no column {', '.join(missing)}")
    folder = store.settings.folder("populations")
    table = frame[list(COLUMNS)].astype({"county": "string", "sex": "string", "age_group": "int16", "year": "int16"})
    part = folder / f"{FILE}.part"
    table.to_parquet(part, index=False)
    os.replace(part, folder / FILE)
    (folder / LABEL).write_text(json.dumps({"label": label, "rows": len(table)}), encoding="utf-8")


def load(store: Store) -> pd.DataFrame:
    """Gives the population in force; none loaded yet is an error that says how to load one."""
    import pandas as pd

    path = store.settings.folder("populations") / FILE
    if not path.exists():
        raise RegistryError(
            "population", "no population is loaded, so there is no denominator", hint="load one on the page Populations"
        )
    return pd.read_parquet(path)


def label(store: Store) -> str:
    """Gives what the population in force is, in words; empty where none is loaded."""
    path = store.settings.folder("populations") / LABEL
    return str(json.loads(path.read_text(encoding="utf-8"))["label"]) if path.exists() else ""
