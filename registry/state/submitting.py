"""Submissions of cases: what was sent to a recipient is marked, and record type M then holds only what changed since.

A case is compared by the fingerprint of all its items and texts with the one that was marked. Type M holds cases that were
sent before and changed since; types A, C and I hold what was selected, and with `only_new` what was never sent. Before the
first submission to a recipient every case is new and type M holds all. A mark is taken back like every transmission.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from registry.db import Store
from registry.errors import RegistryError
from registry.models.state import SUBMISSION
from registry.state.transmissions import Sent, fingerprint, last_of, last_told, send

CHANGED = "M"
LONGEST_RECIPIENT = 60


@dataclass
class Since:
    """Chooses the cases of a submission by what their recipient was sent last, and keeps their fingerprints."""

    record_type: str
    told: Mapping[int, str]
    first: bool
    only_new: bool = False
    marks: dict[int, str] = field(default_factory=dict)
    unchanged: int = 0
    new: int = 0
    changed: int = 0

    def choose(self, patient: int, tumor: int, person: dict[int, str], items: dict[int, str]) -> bool:
        """Whether a case goes into the file."""
        mark = case_mark(person, items)
        before = self.told.get(tumor)
        self.new += before is None
        self.unchanged += before == mark
        self.changed += before is not None and before != mark
        if self.record_type == CHANGED and not self.first:
            wanted = before is not None and before != mark
        else:
            wanted = before is None or not self.only_new
        if wanted:
            self.marks[tumor] = mark
        return wanted

    def as_dict(self) -> dict[str, int]:
        """The selected cases by what became of them since the last submission."""
        return {"new": self.new, "changed": self.changed, "unchanged": self.unchanged}

    def rows(self) -> list[Sent]:
        """The rows of the transmission."""
        return [Sent("tumor", number, mark) for number, mark in sorted(self.marks.items())]


def case_mark(person: Mapping[int, str], items: Mapping[int, str]) -> str:
    """Gives the fingerprint of a case: every item of person and tumor with its texts."""
    return fingerprint([sorted((n, v) for n, v in account.items() if v) for account in (person, items)])


def since_last(
    session: Session, recipient: str, record_type: str, *, kind: str = SUBMISSION, only_new: bool = False
) -> Since:
    """Gives the chooser for a recipient's next submission."""
    told = last_told(session, kind, recipient, "tumor")
    return Since(record_type, told, last_of(session, kind, recipient) is None, only_new)


def check_recipient(text: str) -> str:
    """Gives the name of a recipient as it is kept; an overlong one is an error."""
    name = " ".join(text.split())
    if len(name) > LONGEST_RECIPIENT:
        raise RegistryError(
            "usage", f"the recipient has more than {LONGEST_RECIPIENT} signs", hint="a short name is enough"
        )
    return name


def keep_marks(path: Path, since: Since) -> None:
    """Keeps the fingerprints beside a written file until it leaves."""
    marks_of(path).write_text(json.dumps(since.marks), encoding="utf-8")


def marks_of(path: Path) -> Path:
    """Gives the place of a written file's fingerprints."""
    return path.with_name(path.name + ".marks.json")


def read_marks(path: Path) -> list[Sent]:
    """Gives the rows of a written file."""
    found = json.loads(marks_of(path).read_text(encoding="utf-8"))
    return [Sent("tumor", int(number), mark) for number, mark in sorted(found.items(), key=lambda p: int(p[0]))]


def mark(
    store: Store,
    path: Path,
    rows: Iterable[Sent],
    *,
    recipient: str,
    record_type: str,
    version: str,
    who: str,
    purpose: str,
) -> int:
    """Marks a written file as the submission to a recipient: kept, disclosed and logged; gives its number."""
    return send(
        store,
        [path],
        kind=SUBMISSION,
        recipient=check_recipient(recipient),
        rows=list(rows),
        who=who,
        purpose=purpose,
        details={"record type": record_type, "version": version},
    )
