"""Settings: one documented TOML file in the data folder, overridden by the environment.

The data folder is `ONCOREGISTRY_HOME` (else `~/.oncoregistry`), the file in it `oncoregistry.toml`; a setting `name` of
that file is overridden by `ONCOREGISTRY_NAME`. Secrets are made on first use, readable by the owner alone.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from registry.errors import RegistryError

FILE = "oncoregistry.toml"


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting with its default and its meaning; times in minutes unless the name says otherwise."""

    home: Path = _setting(Path(), "the data folder: database, documents, snapshots, anchors, keys")
    database_url: str = _setting("", "SQLAlchemy URL of the database; SQLite in the data folder when empty")
    registry_name: str = _setting("OncoRegistry", "name shown on pages, letters and reports")
    registry_id: str = _setting("", "NAACCR registry ID (item 40) of records made here")
    registry_state: str = _setting(
        "", "the state this registry covers, two letters; cases of other states are exchanged"
    )
    central: bool = _setting(
        False, "a central registry: imported cases get the dates received (2111) and loaded (2112)"
    )
    host: str = _setting("127.0.0.1", "address on which `serve` listens")
    port: int = _setting(8420, "port on which `serve` listens")
    session_idle_minutes: int = _setting(15, "a signed-in session ends after so many minutes without a request")
    session_absolute_hours: int = _setting(12, "a signed-in session ends after so many hours in any case")
    require_totp: bool = _setting(True, "accounts must set up a one-time password (TOTP) before they see records")
    second_reviewer: bool = _setting(
        True, "reports that conflict are linked only by a second reviewer, never by one alone"
    )
    suppression_threshold: int = _setting(16, "counts under this are hidden in published tables, maps and clusters")
    survival_minimum: int = _setting(25, "survival groups smaller than this are suppressed")
    snapshot_after_seconds: int = _setting(
        60, "a changed store is written to the analysis snapshot after so many seconds"
    )
    import_rows_a_transaction: int = _setting(500, "patients written in one transaction of a large import")
    demo: bool = _setting(False, "a demo: its passwords are public, and pages open with a tour of the person's day")
    behind_proxy: bool = _setting(False, "trust one proxy's X-Forwarded headers and mark cookies as secure")

    @property
    def url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'oncoregistry.sqlite'}"

    def folder(self, name: str) -> Path:
        """The named folder of the data folder, made when missing, readable by its owner alone."""
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path


def load(home: str | os.PathLike[str] | None = None, **overrides: Any) -> Settings:
    """Gives the settings of a data folder; a wrong name or type in file or environment is an error that names it."""
    folder = Path(home or os.environ.get("ONCOREGISTRY_HOME") or Path.home() / ".oncoregistry").expanduser().absolute()
    path = folder / FILE
    given: dict[str, Any] = {}
    if path.is_file():
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RegistryError("settings", f"the settings file cannot be read: {error}", where=str(path)) from error
    known = {f.name: f for f in fields(Settings) if f.name != "home"}
    for name in given:
        if name not in known:
            raise RegistryError(
                "settings", f"unknown setting {name!r}", where=str(path), hint="known: " + ", ".join(sorted(known))
            )
    for name in known:
        if (text := os.environ.get(f"ONCOREGISTRY_{name.upper()}")) is not None:
            given[name] = text
    values = {name: _typed(known[name].default, name, value) for name, value in (given | overrides).items()}
    return Settings(home=folder, **values)


def _typed(default: Any, name: str, value: Any) -> Any:
    kind = type(default)
    if kind is bool and isinstance(value, str):
        if value.lower() in {"1", "true", "yes", "on"}:
            return True
        if value.lower() in {"0", "false", "no", "off"}:
            return False
    elif kind is int and isinstance(value, str) and value.strip().lstrip("-").isdigit():
        return int(value)
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise RegistryError("settings", f"setting {name!r} must be {kind.__name__}, not {value!r}")


def secret(settings: Settings, name: str) -> str:
    """Gives the named secret of this installation: 32 random bytes made at first use, mode 600, in the data folder."""
    path = settings.folder("keys") / name
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text().strip()
