"""Long work of follow-up as a background job: matching a death file or an encounter list with the registry."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry.db import Store
from registry.errors import RegistryError
from registry.followup import matching, passive

Report = Callable[[float, str], None]


def match_file(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Matches an uploaded file and gives its reconciliation; the upload is removed, the file itself is kept.

    Parameters: `folder` (name in the data folder's `incoming`), `name`, `layout`, `rule`, `facility_id`, `who`.
    """
    path = place(store, parameters["folder"], parameters["name"])
    if not path.exists():
        raise RegistryError("not-found", "the uploaded file is gone", hint="send it again")
    try:
        found = passive.load_file(
            store,
            path,
            parameters["layout"],
            who=parameters["who"],
            facility_id=parameters["facility_id"],
            rule=parameters["rule"],
            matcher=matching.probabilistic,
            progress=report,
        )
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)
    return {"file_id": found.file_id, "again": found.again, "rows_in": found.rows_in}


def place(store: Store, folder: str, name: str) -> Path:
    """Gives the place of an upload: one folder of random name each."""
    if not (folder.isalnum() and len(folder) == 24):
        raise RegistryError("not-found", "there is no such upload")
    return store.settings.folder("incoming") / folder / (Path(name).name or "file")
