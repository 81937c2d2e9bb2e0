"""Death clearance: deaths of cancer that no registered tumor explains are asked about, until a case is found or made.

A row of a death file is asked about when it names a cancer and either nobody here is the person, or the person has no tumor
that explains the cause. Rows whose match still waits for a review are left until it is decided. Each death is asked once,
whatever file brings it again. What came of it: open, an abstract was found, a case by death certificate only, or no case.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from abstracting.recodes.causes import cause_specific
from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.documents import place
from registry.followup.disclosure import RETURN_FILE, redisclosure
from registry.followup.layouts import DEATHS, Fault, layout, read_file
from registry.followup.matching import facility_of
from registry.followup.passive import row_key
from registry.followup.tokens import new_token
from registry.models import Abstract, Document, Facility, Tumor, now
from registry.models.followup import ACCEPTED, WAITING, OutsideFile, OutsideMatch
from registry.models.state import CLOSED, DCO, FOUND, OPEN, DeathNotice

CHAIN = "death_notice"
LATEST_YEAR = 9998
LATER = "01"
"""As if another tumor came before: then the cause must name this very site, not just any cancer."""

ILL_DEFINED = re.compile(r"C26|C39|C7[6-9]|C80|C97|19[5-9]")
"""Causes that name no site; any malignant tumor explains them."""

REASONS = {
    "not-cancer": "the records tell of no cancer",
    "not-reportable": "the tumor is not reportable",
    "elsewhere": "a resident of another state, whose registry has the case",
    "duplicate": "the person and the tumor are registered under another name",
}


@dataclass(frozen=True)
class Cleared:
    """What one clearance found in a file."""

    deaths: int = 0
    of_cancer: int = 0
    explained: int = 0
    in_review: int = 0
    asked_before: int = 0
    asked: int = 0

    def as_dict(self) -> dict[str, int]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Share:
    """The share of cases known from death certificates only, of one year: before and after asking, as counts and shares."""

    year: int
    cases: int
    only: int
    found: int
    open: int

    @property
    def before(self) -> float | None:
        """Had nobody been asked: every death that was asked about would be a case by certificate only."""
        first = self.only + self.found + self.open
        return first / (self.cases + self.open) if self.cases + self.open else None

    @property
    def after(self) -> float | None:
        """As the registry stands now."""
        return self.only / self.cases if self.cases else None


@cache
def _asked() -> dict[str, tuple[tuple[str, str], ...]]:
    text = (files("registry.state") / "data" / "death_causes.toml").read_text(encoding="utf-8")
    found = {}
    for row in tomllib.loads(text)["revision"]:
        ranges = tuple((part.split("-")[0], part.split("-")[-1]) for part in row["asked"])
        found |= dict.fromkeys(row["codes"], ranges)
    return found


def is_asked(cause: str, revision: str = "") -> bool:
    """Whether a cause of death names a tumor that a registry asks about."""
    code = cause.replace(".", "").upper()
    if len(code) < 3:
        return False
    return any(first <= code[: len(first)] and code[: len(last)] <= last for first, last in _asked().get(revision, ()))


def cancer_of(fields: Mapping[str, str]) -> str:
    """Gives the cause that is asked about: the underlying one, else the first other one; empty where none names a cancer."""
    revision = fields.get("icd_revision", "")
    causes = [fields.get("cause", ""), *re.split(r"[\s,;/|]+", fields.get("other_causes", ""))]
    return next((code.replace(".", "").upper()[:6] for code in causes if is_asked(code, revision)), "")


def explains(tumor: Mapping[str, str], cause: str, revision: str = "") -> bool:
    """Whether a registered tumor explains a cause of death: the same site by the table of cause-specific death."""
    if tumor.get("523", "") not in {"2", "3"} and tumor.get("400", "")[:3] not in {"C70", "C71", "C72", "C75"}:
        return False
    if ILL_DEFINED.match(cause):
        return True
    told, _ = cause_specific(
        site=tumor.get("400"),
        histology=tumor.get("522"),
        behavior=tumor.get("523"),
        year=tumor.get("390", "")[:4],
        sequence=LATER,
        revision="9" if revision == "9" else "1",
        cause=cause,
        last_contact_year=None,
        cutoff_year=LATEST_YEAR,
    )
    return told == "1" or tumor.get("400", "")[:3] == cause[:3]


def clear_file(store: Store, file_id: int, *, who: str) -> Cleared:
    """Asks about the deaths of a matched file that no tumor explains; doing it again asks nothing twice."""
    with store.reading() as session:
        file = session.get(OutsideFile, file_id)
        if file is None or file.kind != DEATHS:
            raise RegistryError("not-found", f"there is no death file {file_id}")
        document = session.get(Document, file.document_id) if file.document_id else None
        name, facility_id = file.layout, file.facility_id
    if document is None or facility_id is not None:
        raise RegistryError("not-found", "the file was not kept, or belongs to one facility and not to the registry")
    found = layout(name, store.settings.home)
    count = dict.fromkeys(Cleared.__dataclass_fields__, 0)
    with store.writing() as session:
        decided = _decided(session)
        asked = set(session.scalars(select(DeathNotice.key)))
        for row in read_file(place(store.settings, document.sha256), found):
            if isinstance(row, Fault):
                continue
            count["deaths"] += 1
            cause, key = cancer_of(row.fields), row_key(found, row)
            if not cause:
                continue
            count["of_cancer"] += 1
            states, patient = decided.get(key, (set(), None))
            if key in asked:
                count["asked_before"] += 1
            elif WAITING in states:
                count["in_review"] += 1
            elif patient is not None and _explained(session, patient, cause, row.fields.get("icd_revision", "")):
                count["explained"] += 1
            else:
                notice = _ask(session, file_id, row.number, key, row.fields, row.day, cause, patient, who)
                asked.add(key)
                count["asked"] += 1
                audit.append(session, CHAIN, notice.id, "ask", {"cause": cause, "file": file_id}, who=who)
    return Cleared(**count)


def _decided(session: Session) -> dict[str, tuple[set[str], int | None]]:
    """By row of death files the states of its matches, and the patient that was taken."""
    query = (
        select(OutsideMatch.key, OutsideMatch.state, OutsideMatch.patient_id)
        .join(OutsideFile, OutsideMatch.file_id == OutsideFile.id)
        .where(OutsideFile.kind == DEATHS)
    )
    found: dict[str, tuple[set[str], int | None]] = {}
    for key, state, patient in session.execute(query):
        states, taken = found.get(key, (set(), None))
        found[key] = ({*states, state}, patient if state == ACCEPTED else taken)
    return found


def _explained(session: Session, patient: int, cause: str, revision: str) -> bool:
    return any(
        explains(items, cause, revision)
        for items in session.scalars(select(Tumor.items).where(Tumor.patient_id == patient))
    )


def _ask(
    session: Session,
    file_id: int,
    row: int,
    key: str,
    fields: Mapping[str, str],
    day: str,
    cause: str,
    patient: int | None,
    who: str,
) -> DeathNotice:
    notice = DeathNotice(
        key=key,
        file_id=file_id,
        row=row,
        token=new_token(),
        content={name: value for name, value in fields.items() if value},
        cause=cause,
        day=day,
        year=int(day[:4]),
        patient_id=patient,
        facility_id=facility_of(session, fields.get("facility", "")),
        certifier=fields.get("certifier", "")[:120],
        made_by=who,
    )
    session.add(notice)
    session.flush()
    return notice


def open_notice(session: Session, number: int) -> DeathNotice:
    """Gives a death that is still open; one that was decided is a conflict."""
    notice = session.get(DeathNotice, number)
    if notice is None:
        raise RegistryError("not-found", f"there is no death {number}")
    if notice.state != OPEN:
        raise RegistryError("conflict", "this death was decided already", hint="open the list again")
    return notice


def found_abstract(session: Session, number: int, accession: str, *, who: str) -> DeathNotice:
    """Decides that an abstract answers a death: by its accession number (at the facility asked, where one was) or its id."""
    notice, text = open_notice(session, number), accession.strip()
    query = select(Abstract).where(
        or_(Abstract.accession_number == text, Abstract.id == (int(text) if text.isdigit() and len(text) < 9 else 0))
    )
    hits = session.scalars(query).all()
    own = [hit for hit in hits if notice.facility_id is not None and hit.facility_id == notice.facility_id]
    hits = own or list(hits)
    if len(hits) != 1:
        raise RegistryError(
            "not-found",
            f"{len(hits) or 'no'} abstracts have the number {text!r}",
            hint="give the accession number of the abstract that came in, or its row number",
        )
    return decide(session, notice, FOUND, who=who, why=f"abstract {text}", abstract_id=hits[0].id)


def close(session: Session, number: int, reason: str, *, who: str, why: str = "") -> DeathNotice:
    """Decides that there is no case, for one of `REASONS`."""
    if reason not in REASONS:
        raise RegistryError("usage", "say why there is no case", hint=f"one of: {', '.join(REASONS)}")
    return decide(session, open_notice(session, number), CLOSED, who=who, why=why, outcome=reason)


def decide(
    session: Session,
    notice: DeathNotice,
    state: str,
    *,
    who: str,
    why: str = "",
    outcome: str = "",
    abstract_id: int | None = None,
) -> DeathNotice:
    """Writes a decision down and seals it."""
    notice.state, notice.outcome, notice.abstract_id = state, outcome, abstract_id
    notice.decided_by, notice.decided_at, notice.why = who, now(), why.strip()
    session.flush()
    summary = {"state": state, "outcome": outcome, "abstract": abstract_id}
    audit.append(session, CHAIN, notice.id, "decide", summary, who=who, why=why, version=notice.version_id)
    return notice


def shares(session: Session) -> list[Share]:
    """Gives by year of diagnosis the share known from death certificates only, before and after asking."""
    common_skin = Tumor.primary_site.startswith("C44") & Tumor.histology.between("8000", "8110")
    incident = or_(
        Tumor.behavior == "3", (Tumor.behavior == "2") & Tumor.primary_site.startswith("C67")
    ) & ~func.coalesce(common_skin, False)
    query = (
        select(Tumor.diagnosis_year, Tumor.reporting_source == "7", func.count(Tumor.id))
        .where(incident, Tumor.diagnosis_year.is_not(None))
        .group_by(Tumor.diagnosis_year, Tumor.reporting_source == "7")
    )
    cases: dict[int, list[int]] = {}
    for year, only, count in session.execute(query):
        both = cases.setdefault(year, [0, 0])
        both[0] += count
        both[1] += count if only else 0
    states: dict[tuple[int, str], int] = {}
    for year, state, count in session.execute(
        select(DeathNotice.year, DeathNotice.state, func.count()).group_by(DeathNotice.year, DeathNotice.state)
    ):
        states[year, state] = count
    years = sorted({year for year, _ in states}, reverse=True)
    return [
        Share(year, *cases.get(year, [0, 0]), found=states.get((year, FOUND), 0), open=states.get((year, OPEN), 0))
        for year in years
    ]


@dataclass(frozen=True)
class Line:
    """One death on the page."""

    id: int
    patient_id: int | None
    name_last: str
    name_first: str
    born: str
    died: str
    cause: str
    facility: str
    certifier: str
    state: str
    outcome: str
    why: str
    asked: bool
    may_be_asked: bool
    abstract_id: int | None
    recipient: str


def notices(session: Session, *, state: str = "") -> list[Line]:
    """Gives the deaths in a state, or all, newest death first."""
    query = (
        select(DeathNotice, OutsideFile.redisclosure)
        .join(OutsideFile, DeathNotice.file_id == OutsideFile.id)
        .order_by(DeathNotice.day.desc(), DeathNotice.id)
    )
    if state:
        query = query.where(DeathNotice.state == state)
    return [_line(notice, rule) for notice, rule in session.execute(query)]


def _line(notice: DeathNotice, rule: str) -> Line:
    content = notice.content
    return Line(
        notice.id,
        notice.patient_id,
        content.get("last", ""),
        content.get("first", ""),
        content.get("dob", ""),
        notice.day,
        notice.cause,
        notice.facility.name if notice.facility else "",
        notice.certifier,
        notice.state,
        notice.outcome,
        notice.why,
        notice.asked_at is not None,
        redisclosure(rule).allows(RETURN_FILE),
        notice.abstract_id,
        recipient_of(notice),
    )


def recipient_of(notice: DeathNotice) -> str:
    """Gives who is asked: the facility's number, else the certifier; empty where the certificate names neither."""
    return notice.facility.number if notice.facility else notice.certifier[:60]


def counts(session: Session) -> dict[str, int]:
    """Gives how many deaths stand in each state."""
    found = dict(session.execute(select(DeathNotice.state, func.count()).group_by(DeathNotice.state)).tuples().all())
    return {state: found.get(state, 0) for state in (OPEN, FOUND, DCO, CLOSED)}


def death_files(session: Session) -> list[OutsideFile]:
    """Gives the death files of the registry, newest first."""
    query = select(OutsideFile).where(OutsideFile.kind == DEATHS, OutsideFile.facility_id.is_(None))
    return list(session.scalars(query.order_by(OutsideFile.id.desc()).limit(50)))


def facility_name(session: Session, number: str) -> str:
    """Gives the name of a facility by its number, else the text itself."""
    return session.scalars(select(Facility.name).where(Facility.number == number)).one_or_none() or number
