"""What an auditor reads: the state of the chains, revisions by filter, the access log, and who looked at one patient."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.models import AccessLog, Revision
from registry.security.accounts import Account, SignIn
from registry.views.patient import RevisionLine, revision_line


@dataclass(frozen=True)
class Chain:
    """One chain of the audit: how many links, when the last one was added."""

    name: str
    links: int
    last: datetime | None


@dataclass(frozen=True)
class Access:
    """One read of identified data."""

    number: int
    who: str
    what: str
    patient_id: int | None
    purpose: str
    at: datetime


@dataclass(frozen=True)
class AccessReport:
    """Who looked at one patient: each read, and how often each account read and wrote."""

    patient_id: int
    reads: tuple[Access, ...]
    by_account: tuple[tuple[str, str, int, datetime, datetime], ...]


def chains(session: Session) -> list[Chain]:
    """Gives every chain with its length."""
    query = (
        select(Revision.chain, func.count(), func.max(Revision.at)).group_by(Revision.chain).order_by(Revision.chain)
    )
    found = [Chain(name, links, last) for name, links, last in session.execute(query)]
    links, last = session.execute(select(func.count(), func.max(AccessLog.at))).one()
    return [*found, Chain(audit.ACCESS, links, last)]


def revisions(
    session: Session, *, chain: str = "", who: str = "", row: int | None = None, page: int = 1, size: int = 50
) -> tuple[list[RevisionLine], bool]:
    """Gives one page of revisions, newest first, and whether more follow."""
    query = select(Revision)
    if chain:
        query = query.where(Revision.chain == chain)
    if who:
        query = query.where(Revision.who == who)
    if row is not None:
        query = query.where(Revision.row_id == row)
    query = query.order_by(Revision.id.desc()).offset((page - 1) * size).limit(size + 1)
    found = [revision_line(revision) for revision in session.scalars(query)]
    return found[:size], len(found) > size


def _access(entry: AccessLog) -> Access:
    return Access(entry.number, entry.who, entry.what, entry.patient_id, entry.purpose, entry.at)


def accesses(
    session: Session, *, who: str = "", patient_id: int | None = None, page: int = 1, size: int = 50
) -> tuple[list[Access], bool]:
    """Gives one page of reads, newest first, and whether more follow."""
    query = select(AccessLog)
    if who:
        query = query.where(AccessLog.who == who)
    if patient_id is not None:
        query = query.where(AccessLog.patient_id == patient_id)
    query = query.order_by(AccessLog.id.desc()).offset((page - 1) * size).limit(size + 1)
    found = [_access(entry) for entry in session.scalars(query)]
    return found[:size], len(found) > size


def report(session: Session, patient_id: int) -> AccessReport:
    """Gives the access report of one patient, as a privacy officer prints it."""
    query = select(AccessLog).where(AccessLog.patient_id == patient_id).order_by(AccessLog.id)
    reads = tuple(_access(entry) for entry in session.scalars(query))
    names = dict(session.execute(select(Account.username, Account.full_name)).all())
    counts = Counter(read.who for read in reads)
    lines = []
    for who, count in counts.most_common():
        moments = [read.at for read in reads if read.who == who]
        lines.append((who, names.get(who, ""), count, min(moments), max(moments)))
    return AccessReport(patient_id, reads, tuple(lines))


def sign_ins(session: Session, *, page: int = 1, size: int = 50) -> tuple[list[SignIn], bool]:
    """Gives one page of attempts to sign in, newest first, and whether more follow."""
    query = select(SignIn).order_by(SignIn.id.desc()).offset((page - 1) * size).limit(size + 1)
    found = list(session.scalars(query))
    return found[:size], len(found) > size


def accounts_named(session: Session) -> list[str]:
    """Gives the sign-in names, for a filter."""
    return list(session.scalars(select(Account.username).order_by(Account.username)))
