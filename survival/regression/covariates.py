"""Columns of a frame as covariates: numbers as they are, text as indicators of each value but the first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from survival.errors import SurvivalError
from survival.frames import Faults, require_columns

LEVELS = 50
"""More values than this make a text column a name or number, not a group."""


def design(frame: pd.DataFrame, names: Sequence[str], *, where: str = "") -> tuple[np.ndarray, tuple[str, ...]]:
    """Gives (n, p) covariates and their terms; `site` with values colon and rectum gives the term `siterectum`.

    A row with an empty covariate is an error that names it, and so is a column with too many different texts.
    """
    faults = Faults(where)
    if not names:
        raise SurvivalError("usage", "no covariates", hint="Give --covariates A,B.")
    require_columns(frame.columns, names, faults)
    faults.raise_if_any()
    columns: list[np.ndarray] = []
    terms: list[str] = []
    for name in names:
        column = frame[name]
        missing = np.flatnonzero(column.isna().to_numpy())
        if len(missing):
            faults.add(
                "value-missing", f"column {name!r} is empty", "Fill it in or leave these rows out.", rows=missing
            )
            continue
        if pd.api.types.is_numeric_dtype(column):
            columns.append(column.to_numpy(dtype=float))
            terms.append(name)
            continue
        levels = sorted(column.astype(str).unique())
        if len(levels) > LEVELS:
            faults.add("value-text", f"column {name!r} has {len(levels)} values", "Group them first.")
            continue
        texts = column.astype(str).to_numpy()
        for level in levels[1:]:
            columns.append((texts == level).astype(float))
            terms.append(f"{name}{level}")
    faults.raise_if_any()
    if not columns:
        raise SurvivalError("value-range", f"{', '.join(names)} never changes", hint="Choose other covariates.")
    return np.column_stack(columns), tuple(terms)
