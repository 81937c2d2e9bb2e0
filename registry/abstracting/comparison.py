"""The tumors of one patient side by side, and for each pair what the multiple-primary rules say, with the rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.primaries.engine import Verdict
from abstracting.primaries.records import compare_records
from registry.errors import RegistryError
from registry.models import Patient
from registry.security.permissions import Actor, visible

SHOWN = (390, 400, 410, 522, 523, 490, 440, 3843, 3844, 756, 764, 762, 820, 830, 560, 380, 610)


@dataclass(frozen=True)
class ComparedTumor:
    """One tumor with the items that are set side by side."""

    id: int
    letter: str
    items: dict[int, str]
    abstracts: tuple[int, ...]


@dataclass(frozen=True)
class Pair:
    """Two tumors and the verdict: result, rule, reason, and the facts that decided."""

    first: ComparedTumor
    second: ComparedTumor
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """A patient's tumors, the rows in which they are shown, and the verdict of every pair."""

    name_last: str
    name_first: str
    patient_id: int
    tumors: tuple[ComparedTumor, ...]
    pairs: tuple[Pair, ...]

    @property
    def rows(self) -> list[tuple[int, list[str], bool]]:
        """Item, its value in each tumor, and whether they differ; rows without any value are left out."""
        found = []
        for number in SHOWN:
            values = [tumor.items.get(number, "") for tumor in self.tumors]
            if any(values):
                found.append((number, values, len(set(values)) > 1))
        return found


def compare(session: Session, actor: Actor, patient_id: int) -> Comparison:
    """Gives the comparison of a patient's tumors as the actor sees them: a bound account from its own abstracts."""
    patient = session.scalars(select(Patient).where(Patient.id == patient_id, visible(Patient, actor))).one_or_none()
    if patient is None:
        raise RegistryError("not-found", f"there is no patient {patient_id}, or none that you may see")
    tumors = []
    for tumor in sorted(patient.tumors, key=lambda t: (t.items.get("390", "9"), t.id)):
        own = [a for a in tumor.abstracts if actor.facility_id in (None, a.facility_id)]
        if not own:
            continue
        items: Mapping[str, str] = own[0].items if actor.facility_id is not None else tumor.items
        letter = chr(ord("A") + len(tumors)) if len(tumors) < 26 else str(len(tumors) + 1)
        tumors.append(ComparedTumor(tumor.id, letter, {int(n): v for n, v in items.items()}, tuple(a.id for a in own)))
    pairs = tuple(Pair(a, b, compare_records(a.items, b.items)) for a, b in combinations(tumors, 2))
    person = patient.items
    return Comparison(person.get("2230", ""), person.get("2240", ""), patient.id, tuple(tumors), pairs)
