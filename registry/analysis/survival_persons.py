"""The persons of an analysis as a file for R: what the code on the page reads, with the disclosure on record."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.exchange import export

if TYPE_CHECKING:
    from registry.analysis.survival_cohort import Persons

WHAT = "survival cohort"
COLUMNS = ("time", "entry", "event", "status", "age", "sex", "date", "group")
"""Days, days, 0/1, 0 alive 1 cancer 2 other cause, days at diagnosis, 1/2, date of diagnosis, label of the group."""


def persons_table(persons: Persons) -> pd.DataFrame:
    """Gives one row a person, without any number or name, in an order that is not the registry's."""
    frame = persons.frame
    date = (np.datetime64("1960-01-01") + frame["day"].to_numpy().astype("timedelta64[D]")).astype(str)
    labels = [export.neutral(label) for label in persons.labels]
    table = pd.DataFrame(
        {
            "time": frame["time"].astype("int64"),
            "entry": frame["entry"].astype("int64"),
            "event": frame["event"].astype("int64"),
            "status": np.where(frame["event"] == 1, 1, frame["other"] * 2),
            "age": frame["age"].round(2),
            "sex": frame["sex"].astype("string"),
            "date": date,
            "group": [labels[g] for g in frame["group"]],
        }
    )
    return table.sort_values([*COLUMNS]).reset_index(drop=True)


def take(session: Session, persons: Persons, *, who: str, purpose: str) -> bytes:
    """Gives the CSV and puts on record who took it, for which purpose, with its checksum; no purpose is an error."""
    purpose = " ".join(purpose.split())[:500]
    if not purpose:
        raise RegistryError("export", "no purpose is given", hint="say what the rows are for; it is kept on record")
    table = persons_table(persons)
    body = table.to_csv(index=False).encode()
    pairs = [list(pair) for pair in persons.request.pairs()]
    export.disclose(
        session,
        who=who,
        what=WHAT,
        purpose=purpose,
        selection={"pairs": pairs, "definition": persons.definition},
        rows=len(table),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    audit.log_access(session, WHAT, who=who, purpose=purpose, detail={"rows": len(table)})
    return body
