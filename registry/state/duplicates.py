"""The duplicate rate: residual duplicates found by a review of pairs that match keys bring together, per 1,000 records.

The records are the incident tumors of a year, or a random sample of them (the seed makes it the same again). A record is
compared with all of the registry by each key; a pair that the multiple-primary rules call two primaries is none. Of the
rest a person says whether they are one tumor. A group of tumors that are one counts one less than its members; the rate of
confirmed duplicates stands beside the highest that it could become if all that are undecided were duplicates.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from abstracting.primaries.records import compare_records
from abstracting.values import clean
from registry import audit
from registry.config import Settings
from registry.errors import RegistryError
from registry.models import Patient, Tumor
from registry.models.state import DuplicateReview

CHAIN = "duplicate_review"
DUPLICATE, DIFFERENT = "duplicate", "different"
TWO_PRIMARIES = "multiple"
LARGEST_GROUP = 50
"""A key that so many tumors share says nothing of any two of them."""


@dataclass(frozen=True)
class Side:
    """One tumor of a pair."""

    tumor_id: int
    patient_id: int
    name_last: str
    name_first: str
    born: str
    site: str
    histology: str
    diagnosed: str


@dataclass(frozen=True)
class Pair:
    """Two tumors, the keys in which they agree, what the rules say, and the verdict (empty while undecided)."""

    left: Side
    right: Side
    keys: tuple[str, ...]
    rules: str
    verdict: str
    who: str

    @property
    def name(self) -> str:
        """The pair in an address."""
        return f"{self.left.tumor_id}-{self.right.tumor_id}"


@dataclass(frozen=True)
class Rate:
    """The rate of one year: how many records were looked at, of how many, and the pairs."""

    year: int
    of: int
    records: int
    pairs: tuple[Pair, ...]

    def _surplus(self, *verdicts: str) -> int:
        return surplus([(p.left.tumor_id, p.right.tumor_id) for p in self.pairs if p.verdict in verdicts])

    @property
    def confirmed(self) -> int:
        """Tumors too many, by the reviewers."""
        return self._surplus(DUPLICATE)

    @property
    def possible(self) -> int:
        """Tumors too many if every undecided pair were one tumor."""
        return self._surplus(DUPLICATE, "")

    @property
    def undecided(self) -> int:
        return sum(1 for pair in self.pairs if not pair.verdict)

    @property
    def rate(self) -> float | None:
        """Confirmed duplicates per 1,000 records."""
        return 1000 * self.confirmed / self.records if self.records else None

    @property
    def highest(self) -> float | None:
        return 1000 * self.possible / self.records if self.records else None


FILE = "duplicate_keys.toml"
"""A registry's own keys and limits, in the data folder: those of the protocol by which it is certified."""

PARTS = frozenset({"ssn", "last", "first", "initial", "dob", "sex", "year", "site", "place"})


@dataclass(frozen=True)
class Protocol:
    """The match keys with their parts, the limits per 1,000 records, and whether they are the registry's own."""

    keys: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, float]
    own: bool = False


def protocol(settings: Settings | None = None) -> Protocol:
    """Gives the registry's own protocol where its data folder holds one, else the shipped one."""
    path = settings.home / FILE if settings is not None else None
    if path is not None and path.is_file():
        return _read(path.read_text(encoding="utf-8", errors="replace"), str(path))
    return _read((files("registry.state") / "data" / FILE).read_text(encoding="utf-8"), "")


@cache
def _read(text: str, own: str) -> Protocol:
    try:
        table = tomllib.loads(text)
        keys = {str(row["id"]): tuple(row["parts"]) for row in table["key"]}
        limits = {name: float(table["limits"][name]) for name in ("gold", "silver")}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        hint = "[[key]] with id and parts, and [limits] with gold and silver"
        raise RegistryError("settings", f"{FILE} cannot be read: {error}", where=own, hint=hint) from error
    strange = sorted({str(part) for parts in keys.values() for part in parts} - PARTS)
    if strange or not keys or not all(keys.values()):
        said = f"unknown parts {', '.join(strange)}" if strange else "a key without parts"
        raise RegistryError("settings", f"{FILE}: {said}", where=own, hint=f"parts: {', '.join(sorted(PARTS))}")
    return Protocol(keys, limits, bool(own))


def surplus(pairs: list[tuple[int, int]]) -> int:
    """Gives by how many a set of tumors is too large when these pairs are one tumor each: members less groups."""
    home: dict[int, int] = {}

    def root(number: int) -> int:
        while home.setdefault(number, number) != number:
            number = home[number]
        return number

    joined = 0
    for left, right in pairs:
        a, b = root(left), root(right)
        if a != b:
            home[max(a, b)] = min(a, b)
            joined += 1
    return joined


def years(session: Session) -> list[int]:
    """Gives the years with incident tumors, newest first."""
    query = select(Tumor.diagnosis_year).where(_incident(), Tumor.diagnosis_year.is_not(None)).distinct()
    return sorted(session.scalars(query), reverse=True)


def rate(session: Session, year: int, *, sample: int = 0, seed: int = 1) -> Rate:
    """Gives the rate of a year, of all its records or of a sample."""
    rows = session.execute(
        select(
            Tumor.id,
            Tumor.patient_id,
            Tumor.primary_site,
            Tumor.laterality,
            Tumor.diagnosis_year,
            Patient.name_last_key,
            Patient.name_first_key,
            Patient.date_of_birth,
            Patient.sex,
            Patient.ssn,
        )
        .join(Patient, Tumor.patient_id == Patient.id)
        .where(_incident())
        .order_by(Tumor.id)
    ).all()
    all_of_year = [row.id for row in rows if row.diagnosis_year == year]
    chosen = set(all_of_year)
    if 0 < sample < len(all_of_year):
        chosen = set(random.Random(seed).sample(all_of_year, sample))
    found: dict[tuple[int, int], list[str]] = {}
    for name, parts in protocol(session.info.get("settings")).keys.items():
        groups: dict[tuple[str, ...], list[int]] = {}
        for row in rows:
            values = _values(row)
            key = tuple(values[part] for part in parts)
            if all(key):
                groups.setdefault(key, []).append(row.id)
        for members in groups.values():
            if 1 < len(members) <= LARGEST_GROUP and not chosen.isdisjoint(members):
                for left, right in combinations(members, 2):
                    if left in chosen or right in chosen:
                        found.setdefault((left, right), []).append(name)
    return Rate(year, len(all_of_year), len(chosen), tuple(_pairs(session, found)))


def _incident() -> Any:
    skin = Tumor.primary_site.startswith("C44") & Tumor.histology.between("8000", "8110")
    return or_(Tumor.behavior == "3", (Tumor.behavior == "2") & Tumor.primary_site.startswith("C67")) & ~func.coalesce(
        skin, False
    )


def _values(row: Any) -> dict[str, str]:
    first = row.name_first_key or ""
    return {
        "ssn": clean(row.ssn) if clean(row.ssn) not in {"999999999", "000000000"} else "",
        "last": row.name_last_key or "",
        "first": first,
        "initial": first[:1],
        "dob": row.date_of_birth if row.date_of_birth and len(row.date_of_birth) == 8 else "",
        "sex": row.sex if row.sex in {"1", "2"} else "",
        "year": str(row.diagnosis_year or ""),
        "site": (row.primary_site or "")[:3],
        "place": row.laterality or "",
    }


def _pairs(session: Session, found: Mapping[tuple[int, int], list[str]]) -> list[Pair]:
    wanted = sorted({number for pair in found for number in pair})
    tumors: dict[int, Tumor] = {}
    people: dict[int, Patient] = {}
    for start in range(0, len(wanted), 500):
        query = select(Tumor, Patient).join(Patient, Tumor.patient_id == Patient.id)
        for tumor, patient in session.execute(query.where(Tumor.id.in_(wanted[start : start + 500]))).tuples():
            tumors[tumor.id], people[tumor.id] = tumor, patient
    said = _verdicts(session)
    pairs = []
    for (left, right), names in sorted(found.items()):
        one, other = tumors[left], tumors[right]
        verdict, who = said.get((left, right), ("", ""))
        rules = compare_records(_numbers(one), _numbers(other))
        if str(rules.result).lower().startswith(TWO_PRIMARIES) and not verdict:
            continue
        sides = (_side(one, people[left]), _side(other, people[right]))
        pairs.append(Pair(*sides, tuple(names), str(rules.result), verdict, who))
    return pairs


def _numbers(tumor: Tumor) -> dict[int, str]:
    return {int(number): value for number, value in tumor.items.items()}


def _side(tumor: Tumor, patient: Patient) -> Side:
    return Side(
        tumor.id,
        patient.id,
        patient.name_last or "",
        patient.name_first or "",
        patient.date_of_birth or "",
        tumor.primary_site or "",
        tumor.histology or "",
        tumor.date_of_diagnosis or "",
    )


def _verdicts(session: Session) -> dict[tuple[int, int], tuple[str, str]]:
    query = select(DuplicateReview).order_by(DuplicateReview.id)
    return {(row.left_id, row.right_id): (row.verdict, row.who) for row in session.scalars(query)}


def review(session: Session, pair: str, verdict: str, *, who: str, why: str = "") -> DuplicateReview:
    """Writes a verdict on a pair (`12-34`): duplicate, different, or open again; the last one counts."""
    left, _, right = pair.partition("-")
    if not (left.isdigit() and right.isdigit() and len(pair) < 22 and int(left) < int(right)):
        raise RegistryError("usage", f"{pair!r} is no pair of tumors")
    if verdict not in (DUPLICATE, DIFFERENT, ""):
        raise RegistryError("usage", f"{verdict!r} is no verdict", hint=f"{DUPLICATE} or {DIFFERENT}")
    known = session.scalars(select(Tumor.id).where(Tumor.id.in_([int(left), int(right)]))).all()
    if len(known) != 2:
        raise RegistryError("not-found", f"there is no such pair {pair}")
    row = DuplicateReview(left_id=int(left), right_id=int(right), verdict=verdict, who=who, why=why.strip())
    session.add(row)
    session.flush()
    audit.append(session, CHAIN, row.id, "review", {"pair": pair, "verdict": verdict}, who=who, why=why)
    return row
