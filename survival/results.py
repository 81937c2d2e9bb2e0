"""The one result type: a tidy frame, what was counted, what to be careful about, and its JSON shape."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Result:
    """What a method gives: one row per stratum and time.

    `frame` has the columns named in `by` (the stratum) and the method's own columns, usually `time`, `n_risk`,
    `n_event`, `estimate`, `se` (of the estimate itself), `lower`, `upper`. `warnings` are sentences for a reader.
    `extra` holds what belongs beside the rows in JSON (a test, a flow of exclusions); `settings` every choice made.
    """

    method: str
    n: int
    events: int
    frame: pd.DataFrame
    by: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def with_warnings(self, *sentences: str) -> Result:
        """Gives the same result with more warnings, each sentence once."""
        return replace(self, warnings=tuple(dict.fromkeys((*self.warnings, *sentences))))

    def to_document(self) -> dict[str, Any]:
        """Gives the JSON document of the command-line contract; what is not defined is null."""
        columns = [name for name in self.frame.columns if name not in self.by]
        records = self.frame.to_dict("records")
        rows = [
            {"stratum": {name: plain(record[name]) for name in self.by}}
            | {name: plain(record[name]) for name in columns}
            for record in records
        ]
        return {
            "method": self.method,
            "n": int(self.n),
            "events": int(self.events),
            "warnings": list(self.warnings),
            "rows": rows,
        } | {name: plain(value) for name, value in self.extra.items()}

    def to_json(self) -> str:
        """Gives the JSON text of `to_document`."""
        return json.dumps(self.to_document(), ensure_ascii=False)

    def to_text(self) -> str:
        """Gives a table for a terminal: a line on what was counted, the rows, the warnings."""
        lines = [f"{self.method}: {self.n} persons, {self.events} events"]
        if len(self.frame):
            lines.append(self.frame.to_string(index=False, float_format=lambda value: f"{value:.6g}", na_rep="-"))
        lines += [f"warning: {sentence}" for sentence in self.warnings]
        return "\n".join(lines)


def plain(value: Any) -> Any:
    """Gives a value that JSON can carry: numbers as Python's, dates as ISO text, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if value is pd.NA or value is pd.NaT:
        return None
    return value
