"""News that contradicts a death in the record: a person takes it or leaves it, and either is told in the record's history."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, records
from registry.errors import RegistryError
from registry.followup.by_hand import CORRECTION
from registry.followup.contact import (
    ALIVE,
    CAUSE,
    CENTRAL,
    CERTIFICATE,
    CHAIN,
    ICD_REVISION,
    LAST_CONTACT,
    VITAL_STATUS,
    News,
    check_day,
    take_back,
    write_apart,
)
from registry.followup.disclosure import HOSPITAL, redisclosure
from registry.models import Patient, now
from registry.models.followup import ACCEPTED, REJECTED, WAITING, ContactReview, OutsideMatch, ValueSource

FREE = "free"
"""The rule of what a person told or typed: it may be shown to all."""


def waiting(session: Session, *, facility_id: int | None = None) -> list[ContactReview]:
    """Gives the reviews that wait, the oldest first: of a facility, or all."""
    query = select(ContactReview).where(ContactReview.state == WAITING).order_by(ContactReview.id)
    if facility_id is not None:
        query = query.where(ContactReview.facility_id == facility_id)
    return list(session.scalars(query))


def is_by_hand(review: ContactReview) -> bool:
    """Whether somebody asked to correct what stands, instead of a file or a reply that contradicts it."""
    return review.kind == CORRECTION


def decide(
    session: Session,
    review_id: int,
    take: bool,
    *,
    who: str,
    why: str,
    facility_id: int | None = None,
    today: date | None = None,
) -> ContactReview:
    """Takes the news over what stands, or leaves what stands; needs a reason, and cannot be decided twice."""
    review = session.get(ContactReview, review_id)
    if review is None or (facility_id is not None and review.facility_id != facility_id):
        raise RegistryError("not-found", f"there is no review {review_id}, or none that you may see")
    if review.state != WAITING:
        raise RegistryError("conflict", f"{review.decided_by} decided this already", hint="open the list again")
    if not why.strip():
        raise RegistryError("usage", "the decision needs its reason", hint="say why in a few words")
    settings = session.info.get("settings")
    if take and review.who == who and is_by_hand(review) and (settings is None or settings.second_reviewer):
        raise RegistryError(
            "contradiction", "whoever asked for a correction does not take it",
            hint="another account decides it; a registry of one person sets second_reviewer = false",
        )  # fmt: skip
    if take:
        _overwrite(session, review, who=who, why=why, today=today or date.today())
    review.state = ACCEPTED if take else REJECTED
    review.decided_by, review.decided_at, review.why = who, now(), why.strip()
    session.flush()
    summary = {"patient": review.patient_id, "taken": take, "proposed": review.proposed, "standing": review.standing}
    audit.append(session, CHAIN, review.id, "decide", summary, who=who, why=why)
    return review


def _overwrite(session: Session, review: ContactReview, *, who: str, why: str, today: date) -> None:
    patient = session.get_one(Patient, review.patient_id)
    told = {int(number): value for number, value in review.proposed.items()}
    check_day(told[LAST_CONTACT], today=today, born=patient.birth_latest)
    alive = told[VITAL_STATUS] == ALIVE
    if alive:
        told |= {CAUSE: "0000", CERTIFICATE: ""}
    # an account of a source's own (a death that hospitals may not see) has no abstract: it goes, and its history stays
    apart = [record.id for record in patient.records if not record.abstracts]
    if alive and not is_by_hand(review):
        take_back(session, [{"record": number} for number in apart], who=who, why=f"review: {why}")
    rule = _rule(session, review)
    if redisclosure(rule).allows(HOSPITAL):
        for record in patient.records:
            own = [a for a in record.abstracts if review.facility_id in (None, a.facility_id)]
            if own:
                records.save(session, own[0].id, told, who=who, why=f"review: {why}")
    else:
        # taken by the registry, and still nothing that a hospital may read in its own account
        write_apart(session, patient, _news(review, rule), who=who, why=f"review: {why}")
    for said in session.scalars(
        select(ValueSource).where(ValueSource.patient_id == patient.id, ValueSource.withdrawn_at.is_(None))
    ):
        if said.item in told:
            said.withdrawn_at = now()
    for item, value in told.items():
        if value:
            session.add(
                ValueSource(
                    patient_id=patient.id,
                    item=item,
                    value=value,
                    source=f"{review.source}, after review",
                    redisclosure=rule,
                    attempt_id=review.attempt_id,
                    match_id=review.match_id,
                    who=who,
                )
            )


def _rule(session: Session, review: ContactReview) -> str:
    """The redisclosure rule under which the news came: its file's, free where a person told it."""
    match = session.get(OutsideMatch, review.match_id) if review.match_id is not None else None
    return match.file.redisclosure if match is not None else FREE


def _news(review: ContactReview, rule: str) -> News:
    told = {int(number): value for number, value in review.proposed.items()}
    return News(
        day=told[LAST_CONTACT],
        vital_status=told[VITAL_STATUS],
        source=review.source,
        central=told.get(CENTRAL, ""),
        rule=rule,
        cause=told.get(CAUSE, ""),
        icd_revision=told.get(ICD_REVISION, ""),
        certificate=told.get(CERTIFICATE, ""),
        match_id=review.match_id,
    )
