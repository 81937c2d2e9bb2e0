"""Why nothing is written to or about a patient: wishes, deaths and possible deaths, homes abroad, returned mail.

The local do-not-send stops this registry's letters; No Patient Contact Flag 1854 stops research contact alone and is not
asked here (see `releases`). A hold that a person set is lifted with a reason; the others end with what they follow from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import clean
from registry import audit
from registry.errors import RegistryError
from registry.followup.contact import CHAIN
from registry.followup.status import ALIVE, is_foreign
from registry.models import Patient, now
from registry.models.followup import (
    RETURNED,
    WAITING,
    ContactAttempt,
    ContactHold,
    ContactReview,
    OutsideFile,
    OutsideMatch,
)

DECEASED, POSSIBLE_DEATH, FOREIGN, RETURNED_MAIL = "deceased", "possible-death", "foreign", "returned-mail"
BY_RECORD = frozenset({DECEASED, FOREIGN})
"""Kinds that follow from the patient's own record."""

DEATHS = "deaths"
CHUNK = 5000


@dataclass(frozen=True, kw_only=True)
class HoldKind:
    """One kind of hold: its words, whether a person sets it, and the ways that it stops."""

    id: str
    title: str
    kept: bool
    stops: tuple[str, ...]


@dataclass(frozen=True)
class Hold:
    """One hold of one patient; `address` is the one that mail came back from; `id` where a person set it."""

    kind: HoldKind
    stops: frozenset[str]
    reason: str = ""
    address: str = ""
    id: int | None = None

    def stops_letter(self, source: str, address: str) -> bool:
        """Whether a letter by this way to this address is held."""
        return source in self.stops and (not self.address or self.address == address)


@cache
def hold_kinds() -> dict[str, HoldKind]:
    """Gives the kinds of holds by name."""
    text = (files("registry.followup") / "data" / "holds.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["hold"]
    return {row["id"]: HoldKind(**{**row, "stops": tuple(row["stops"])}) for row in rows}


def holds(
    session: Session, patient_ids: Iterable[int], *, by_record: Mapping[int, str] | None = None
) -> dict[int, list[Hold]]:
    """Gives by patient every hold in force; patients without one are left out.

    Deaths are read from what the registry as a whole knows, also where the asker may not see them: nothing is sent then,
    and the reason that a hospital is shown is `public_reason`. `by_record` is what `held_by_record` gave for them before.
    """
    ids, found = sorted(set(patient_ids)), {}
    kinds = hold_kinds()
    record = held_by_record(session, ids) if by_record is None else by_record

    def add(patient_id: int, kind: str, *, reason: str = "", **more: object) -> None:
        stops = more.pop("stops", None) or frozenset(kinds[kind].stops)
        found.setdefault(patient_id, []).append(Hold(kinds[kind], stops, reason, **more))  # type: ignore[arg-type]

    for patient_id, kind in record.items():
        add(patient_id, kind)
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        kept = select(ContactHold).where(ContactHold.patient_id.in_(part), ContactHold.lifted_at.is_(None))
        for hold in session.scalars(kept.order_by(ContactHold.id)):
            stops = frozenset({hold.source}) if hold.source else None
            add(hold.patient_id, hold.kind, reason=hold.reason, stops=stops, id=hold.id)
        possible = (
            select(OutsideMatch.patient_id)
            .join(OutsideFile, OutsideMatch.file_id == OutsideFile.id)
            .where(OutsideMatch.patient_id.in_(part), OutsideMatch.state == WAITING, OutsideFile.kind == DEATHS)
        )
        # news of a death that contradicts the record holds letters too until somebody decided, whoever told it
        asked = select(ContactReview.patient_id, ContactReview.proposed["1760"].as_string()).where(
            ContactReview.patient_id.in_(part), ContactReview.state == WAITING
        )
        told_dead = {patient_id for patient_id, told in session.execute(asked) if clean(told) not in {"", ALIVE}}
        for patient_id in sorted(told_dead.union(session.scalars(possible))):
            add(patient_id, POSSIBLE_DEATH)
        returned = (
            select(ContactAttempt.patient_id, ContactAttempt.source, ContactAttempt.address, ContactAttempt.heard_on)
            .where(ContactAttempt.patient_id.in_(part), ContactAttempt.state == RETURNED, ContactAttempt.address != "")
            .order_by(ContactAttempt.id)
        )
        for patient_id, source, address, heard_on in session.execute(returned):
            reason = f"on {heard_on.isoformat()}" if heard_on else ""
            add(patient_id, RETURNED_MAIL, stops=frozenset({source}), address=address, reason=reason)
    return found


def held_by_record(session: Session, patient_ids: Iterable[int]) -> dict[int, str]:
    """Gives by patient the kind of hold that the record itself asks for, a death or a home abroad."""
    ids, found = sorted(set(patient_ids)), {}
    for start in range(0, len(ids), CHUNK):
        query = select(Patient.id, Patient.vital_status, Patient.items["1832"].as_string())
        query = query.where(Patient.id.in_(ids[start : start + CHUNK])).order_by(Patient.id)
        for patient_id, vital_status, country in session.execute(query):
            if clean(vital_status) not in {"", ALIVE}:
                found[patient_id] = DECEASED
            elif is_foreign(country):
                found[patient_id] = FOREIGN
    return found


def public_reason(hold: Hold) -> str:
    """What a hold is called where a source's death may not be told: the same words for every death the asker cannot see."""
    return "held by the registry" if hold.kind.id in {DECEASED, POSSIBLE_DEATH} else hold.kind.title


def stopping(found: Iterable[Hold], source: str, address: str) -> Hold | None:
    """Gives the first hold that stops a way to an address; None where the letter may go."""
    return next((hold for hold in found if hold.stops_letter(source, address)), None)


def set_hold(
    session: Session, patient_id: int, kind: str, *, who: str, reason: str = "", source: str = ""
) -> ContactHold:
    """Sets a hold that a person asked for; one of the same kind in force is kept as it is."""
    known = hold_kinds().get(kind)
    if known is None or not known.kept:
        able = ", ".join(name for name, k in hold_kinds().items() if k.kept)
        raise RegistryError("usage", f"no hold {kind!r} can be set", hint=f"can be set: {able}")
    if session.get(Patient, patient_id) is None:
        raise RegistryError("not-found", f"there is no patient {patient_id}")
    same = select(ContactHold).where(
        ContactHold.patient_id == patient_id,
        ContactHold.kind == kind,
        ContactHold.source == source,
        ContactHold.lifted_at.is_(None),
    )
    found = session.scalars(same).first()
    if found is not None:
        return found
    hold = ContactHold(patient_id=patient_id, kind=kind, source=source, reason=reason, who=who)
    session.add(hold)
    session.flush()
    audit.append(session, CHAIN, hold.id, "hold", {"patient": patient_id, "kind": kind}, who=who, why=reason)
    return hold


def lift_hold(session: Session, hold_id: int, *, who: str, why: str) -> None:
    """Ends a hold that a person set, with the reason why; without a reason it stands."""
    hold = session.get(ContactHold, hold_id)
    if hold is None or hold.lifted_at is not None:
        raise RegistryError("not-found", f"there is no hold {hold_id} in force")
    if not why.strip():
        raise RegistryError("usage", "a hold is lifted for a reason", hint="say why in a few words")
    hold.lifted_at, hold.lifted_by, hold.lifted_why = now(), who, why.strip()
    audit.append(session, CHAIN, hold.id, "lift", {"patient": hold.patient_id, "kind": hold.kind}, who=who, why=why)
