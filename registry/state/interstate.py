"""Residents of other states: listed by state at diagnosis, and written as one file a state where there is an agreement.

A file holds what is new or changed since the last one to that state. What rests on a source that may not reach another state
(deaths of vital records and of the National Death Index) is left out, and so is what the agreement leaves out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib.resources import files

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from abstracting.codes import places
from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.export import EDITING_VERSION, write_export
from registry.exchange.outgoing import new_token, place_of
from registry.followup.disclosure import INTERSTATE as AUDIENCE
from registry.followup.disclosure import withheld
from registry.items import known
from registry.models import Patient, Tumor
from registry.models.state import INTERSTATE, ExchangeAgreement
from registry.state.submitting import Since, case_mark, since_last
from registry.state.transmissions import Sent, last_moments, last_told, send, values_told

CHAIN = "exchange_agreement"
NO_STATE = frozenset({"", "CD", "US", "XX", "YY", "ZZ"})
"""Codes that name no state: parts of a country, other countries, unknown."""

FOLLOWED = frozenset({1750, 1760, 1910, 1920, 2380})
"""Values of follow-up, each of which carries the rule of the source that gave it."""

RECORD_TYPES = {"C": "C: confidential, without text", "A": "A: full abstract with text"}


@dataclass(frozen=True)
class Agreement:
    """An agreement as its page shows it."""

    state: str
    since: date
    until: date | None
    record_type: str
    left_out: tuple[int, ...]
    contact: str
    note: str

    def holds(self, today: date) -> bool:
        """Whether files may be sent on a day."""
        return self.since <= today and (self.until is None or today <= self.until)


@dataclass(frozen=True)
class StateLine:
    """One other state: its residents' cases here, how many are new or changed since the last file, and the agreement."""

    state: str
    name: str
    cases: int
    new: int
    changed: int
    agreement: Agreement | None
    last: datetime | None
    may_send: bool


@dataclass(frozen=True)
class Resident:
    """One case of another state's resident."""

    tumor_id: int
    patient_id: int
    name_last: str
    name_first: str
    state: str
    county: str
    site: str
    year: int | None
    standing: str


@dataclass
class Exchange(Since):
    """Chooses the new and changed cases of a file, and takes out of them what may not leave.

    Values of follow-up are compared one by one with what was told: one that is held back is no change, so that no file
    gives away that there is something to hold back.
    """

    left_out: frozenset[int] = frozenset()
    held: Mapping[int, set[int]] = field(default_factory=dict)
    values: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    followed: dict[int, dict[str, str]] = field(default_factory=dict)
    kept_back: int = 0

    def choose(self, patient: int, tumor: int, person: dict[int, str], items: dict[int, str]) -> bool:
        """Whether a case goes into the file; what may not leave is taken out of it first."""
        held = self.held.get(patient, set())
        for account in (person, items):
            for number in (self.left_out | held) & account.keys():
                if account.pop(number) and number in held:
                    self.kept_back += 1
        told = self.values.get(tumor, {})
        followed = {str(number): person.get(number, "") for number in FOLLOWED - held}
        news = {number: value for number, value in followed.items() if value != told.get(number, "")}
        rest = {number: value for number, value in person.items() if number not in FOLLOWED}
        mark, before = case_mark(rest, items), self.told.get(tumor)
        wanted = before is None or before != mark or bool(news)
        self.new += before is None
        self.unchanged += not wanted
        self.changed += before is not None and wanted
        if wanted:
            self.marks[tumor], self.followed[tumor] = mark, followed
        return wanted

    def rows(self) -> list[Sent]:
        """The rows of the transmission, with the values of follow-up that were told."""
        return [Sent("tumor", number, mark, self.followed[number]) for number, mark in sorted(self.marks.items())]


@cache
def never_sent() -> frozenset[int]:
    """Gives the items that go to no other state."""
    text = (files("registry.state") / "data" / "interstate.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)["left_out"])


def own_state(store: Store) -> str:
    """Gives the registry's own state; a registry that names none has no residents of others."""
    code = store.settings.registry_state.upper()
    if code not in places.state().codes or code in NO_STATE:
        raise RegistryError(
            "settings",
            "the setting registry_state names no state, so residents of other states cannot be told",
            hint='write registry_state = "FL" (two letters) into the settings file',
        )
    return code


def _elsewhere(own: str) -> ColumnElement[bool]:
    known_states = [code for code in places.state().codes if code not in NO_STATE and code != own]
    return Tumor.state.in_(known_states)


def agreements(session: Session) -> dict[str, Agreement]:
    """Gives the agreements by state."""
    return {row.state: _agreement(row) for row in session.scalars(select(ExchangeAgreement))}


def _agreement(row: ExchangeAgreement) -> Agreement:
    numbers = tuple(int(part) for part in row.left_out.split() if part.isdigit())
    return Agreement(row.state, row.since, row.until, row.record_type, numbers, row.contact, row.note)


def states(store: Store, session: Session, *, today: date | None = None) -> list[StateLine]:
    """Gives every other state whose residents are registered here or with which there is an agreement."""
    own, today = own_state(store), today or date.today()
    counted = select(Tumor.state, func.count(Tumor.id)).where(_elsewhere(own)).group_by(Tumor.state)
    cases = {state: count for state, count in session.execute(counted).tuples() if state}
    found, moments = agreements(session), last_moments(session, INTERSTATE)
    lines = []
    for state in sorted({*cases, *found} - {own}):
        agreement = found.get(state)
        standing = list(_standings(session, state))
        lines.append(
            StateLine(
                state,
                places.state().label(state) or state,
                cases.get(state, 0),
                standing.count("new"),
                standing.count("changed"),
                agreement,
                moments.get(state),
                agreement is not None and agreement.holds(today),
            )
        )
    return lines


def _standings(session: Session, state: str) -> Iterator[str]:
    told = last_told(session, INTERSTATE, state, "tumor")
    if not told:
        yield from ("new" for _ in session.scalars(select(Tumor.id).where(Tumor.state == state)))
        return
    chosen = _chooser(session, state, agreements(session).get(state))
    query = (select(Tumor, Patient).join(Patient, Tumor.patient_id == Patient.id).where(Tumor.state == state)).order_by(
        Tumor.id
    )
    for tumor, patient in session.execute(query).tuples():
        yield standing_of(chosen, tumor, patient)


def standing_of(chosen: Exchange, tumor: Tumor, patient: Patient) -> str:
    """Gives `new`, `changed` or `sent` of one case."""
    texts = {text.item: text.text for abstract in tumor.abstracts for text in abstract.texts}
    items = texts | {int(n): v for n, v in tumor.items.items()}
    new = tumor.id not in chosen.told
    wanted = chosen.choose(patient.id, tumor.id, {int(n): v for n, v in patient.items.items()}, items)
    return "new" if new else "changed" if wanted else "sent"


def _chooser(session: Session, state: str, agreement: Agreement | None) -> Exchange:
    since = since_last(session, state, "C", kind=INTERSTATE)
    people = set(session.scalars(select(Tumor.patient_id).where(Tumor.state == state)))
    left_out = never_sent() | frozenset(agreement.left_out if agreement else ())
    return Exchange(
        since.record_type,
        since.told,
        since.first,
        left_out=left_out,
        held=withheld(session, people, AUDIENCE),
        values=values_told(session, INTERSTATE, state, "tumor"),
    )


def residents(store: Store, session: Session, state: str) -> list[Resident]:
    """Gives the cases of one state's residents."""
    if state == own_state(store) or state not in places.state().codes or state in NO_STATE:
        raise RegistryError("not-found", f"{state!r} is no other state")
    chosen = _chooser(session, state, agreements(session).get(state))
    query = select(Tumor, Patient).join(Patient, Tumor.patient_id == Patient.id).where(Tumor.state == state)
    return [
        Resident(
            tumor.id,
            patient.id,
            patient.name_last or "",
            patient.name_first or "",
            state,
            tumor.items.get("90", ""),
            tumor.primary_site or "",
            tumor.diagnosis_year,
            standing_of(chosen, tumor, patient),
        )
        for tumor, patient in session.execute(query.order_by(Tumor.diagnosis_year.desc(), Tumor.id)).tuples()
    ]


def agree(session: Session, store: Store, values: Mapping[str, str], *, who: str) -> str:
    """Writes an agreement with a state (state, since, until, record_type, left_out, contact, note); gives the state."""
    state = values.get("state", "").strip().upper()
    if state == own_state(store) or state not in places.state().codes or state in NO_STATE:
        raise RegistryError("usage", f"{state!r} is no other state", hint="write its two letters, as GA")
    since, until = _day(values.get("since", ""), "since"), values.get("until", "").strip()
    last = _day(until, "until") if until else None
    if last is not None and last < since:
        raise RegistryError("usage", "the agreement ends before it begins", hint="correct the days")
    record_type = values.get("record_type", "C")
    if record_type not in RECORD_TYPES:
        raise RegistryError("usage", f"no record type {record_type!r} is exchanged", hint="use C or A")
    numbers = values.get("left_out", "").replace(",", " ").split()
    wrong = [text for text in numbers if not text.isdigit() or known(int(text)) is None]
    if wrong:
        raise RegistryError("usage", f"no item has the number {', '.join(wrong[:5])}", hint="write item numbers")
    row = session.scalars(select(ExchangeAgreement).where(ExchangeAgreement.state == state)).one_or_none()
    before = {} if row is None else _told(row)
    if row is None:
        row = ExchangeAgreement(state=state, since=since)
        session.add(row)
    row.since, row.until, row.record_type, row.left_out = since, last, record_type, " ".join(numbers)
    row.contact, row.note = values.get("contact", "").strip()[:200], values.get("note", "").strip()
    session.flush()
    after = _told(row)
    changed = {name: [before.get(name, ""), after[name]] for name in after if before.get(name, "") != after[name]}
    audit.append(session, CHAIN, row.id, "agree", changed, who=who, version=row.version_id)
    return state


def _told(row: ExchangeAgreement) -> dict[str, str]:
    names = ("state", "since", "until", "record_type", "left_out", "contact", "note")
    return {name: str(getattr(row, name) or "") for name in names}


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise RegistryError("usage", f"{what} {text!r} is no day", hint="write it as 2025-06-30") from error


def send_to(store: Store, state: str, *, who: str, purpose: str, today: date | None = None) -> int:
    """Writes the new and changed cases of a state's residents and logs the file; gives its number.

    Refused without an agreement that holds today.
    """
    own_state(store)
    with store.reading() as session:
        agreement = agreements(session).get(state)
        if agreement is None or not agreement.holds(today or date.today()):
            raise RegistryError(
                "refused-exchange",
                f"there is no agreement with {state} that holds today",
                hint="enter the agreement first",
                exit_code=4,
            )
        chosen = _chooser(session, state, agreement)
    path = place_of(store, new_token(store), f"residents-{state}-v{EDITING_VERSION[:2]}-{agreement.record_type}.xml")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    report = write_export(
        store,
        path,
        version=EDITING_VERSION,
        record_type=agreement.record_type,
        scope=Tumor.state == state,
        choose=chosen.choose,
    )
    if not report.tumors:
        raise RegistryError("no-cases", f"nothing is new or changed for {state} since the last file")
    return send(
        store,
        [path],
        kind=INTERSTATE,
        recipient=state,
        rows=chosen.rows(),
        who=who,
        purpose=purpose,
        details={
            "record type": agreement.record_type,
            "new": chosen.new,
            "changed": chosen.changed,
            "values held back": chosen.kept_back,
        },
    )
