"""What survival needs beside the cases: life tables, and the date up to which all deaths are known.

Both lie in the folder `survival/` of the data folder, readable by their owner alone. The United States table of the engine
is always there under the name `us`; an uploaded one goes through the engine's checks before it is kept.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from registry.db import Store
from registry.errors import RegistryError
from registry.models import now

if TYPE_CHECKING:
    from survival.lifetables import LifeTable

FOLDER = "survival"
DATE = "deaths_complete.json"
BUILT_IN = "us"
BUILT_IN_TITLE = "United States 1940–2014"
LARGEST = 40 * 1024 * 1024


@dataclass(frozen=True)
class Ascertainment:
    """Up to when all deaths of residents are known, from which linkage, and who recorded it."""

    date: str
    source: str
    who: str
    at: str


@dataclass(frozen=True)
class KeptTable:
    """One life table: its name in requests, title, source, and what it covers."""

    name: str
    title: str
    source: str
    years: str
    ages: str
    who: str = ""
    at: str = ""


def ascertainment(store: Store) -> Ascertainment | None:
    """Gives the recorded date of complete death ascertainment; None where nobody recorded one."""
    path = store.settings.folder(FOLDER) / DATE
    return Ascertainment(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def record_ascertainment(store: Store, day: str, source: str, *, who: str) -> Ascertainment:
    """Records the date up to which all deaths are known; a date that lies ahead or no source is an error."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        raise RegistryError("selection", f"{day[:20]!r} is no date", hint="write it as YYYY-MM-DD") from None
    if found > now().date():
        raise RegistryError("selection", f"{day} lies ahead", hint="deaths are known up to today at most")
    if not source.strip():
        raise RegistryError("selection", "no source is named", hint="say which death file was linked, and when")
    kept = Ascertainment(day, source.strip()[:300], who, now().isoformat(timespec="seconds"))
    _write(store.settings.folder(FOLDER) / DATE, json.dumps(asdict(kept)).encode())
    return kept


def forget_ascertainment(store: Store) -> None:
    """Takes the recorded date back: presumed alive is refused from then on."""
    (store.settings.folder(FOLDER) / DATE).unlink(missing_ok=True)


def tables(store: Store) -> list[KeptTable]:
    """Gives the life tables at hand, the built-in one first."""
    found = [KeptTable(BUILT_IN, BUILT_IN_TITLE, "National Center for Health Statistics", "1940–2014", "0–109")]
    for path in sorted(store.settings.folder(FOLDER).glob("table-*.json")):
        found.append(KeptTable(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def table_title(store: Store, name: str) -> str:
    """Gives a life table in words."""
    return next((table.title for table in tables(store) if table.name == name), name)


def life_table(store: Store, name: str) -> LifeTable:
    """Gives a life table by its name; an unknown one is an error that lists those at hand."""
    from survival.lifetables import read_life_table

    if name == BUILT_IN:
        return read_life_table(BUILT_IN)
    if not re.fullmatch(r"[a-z0-9-]{1,60}", name) or not (path := _csv(store, name)).exists():
        known = ", ".join(table.name for table in tables(store))
        raise RegistryError("selection", f"no life table {name[:40]!r} is kept here", hint=f"at hand: {known}")
    return read_life_table(path)


def keep_table(store: Store, title: str, source: str, body: bytes, *, who: str) -> KeptTable:
    """Keeps an uploaded life table after the engine checked it; every fault of the file is in the error."""
    from survival.errors import SurvivalError
    from survival.lifetables import read_life_table

    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]
    if not name or name == BUILT_IN:
        raise RegistryError("selection", "the life table needs a name of its own", hint="as Florida 2000–2022")
    if len(body) > LARGEST:
        raise RegistryError(
            "selection", "a life table of more than 40 MB is none", hint="give year, age, sex, annual_prob"
        )
    path = _csv(store, name)
    part = path.with_suffix(".part.csv")
    part.write_bytes(body)
    try:
        table = read_life_table(part)
    except SurvivalError as error:
        # the place is the upload, not a file of the server
        raise RegistryError("selection", error.message, hint=error.hint, where=title) from error
    finally:
        if part.exists():
            os.replace(part, path.with_suffix(".checked"))
    os.replace(path.with_suffix(".checked"), path)
    os.chmod(path, 0o600)
    kept = KeptTable(
        name,
        title.strip()[:120],
        source.strip()[:300],
        f"{table.years[0]}–{table.years[-1]}",
        f"{table.ages[0]:g}–{table.ages[-1]:g}",
        who,
        now().isoformat(timespec="seconds"),
    )
    _write(path.with_suffix(".json"), json.dumps(asdict(kept)).encode())
    return kept


def _csv(store: Store, name: str) -> Path:
    return store.settings.folder(FOLDER) / f"table-{name}.csv"


def _write(path: Path, body: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(body)
    os.chmod(part, 0o600)
    os.replace(part, path)
