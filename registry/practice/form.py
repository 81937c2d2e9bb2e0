"""An exercise as the editor's fields: what is given, then what is asked by section and group, and what follows from answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry.abstracting.checks import Finding
from registry.abstracting.coding import Coding
from registry.abstracting.derived import Derived, derive
from registry.abstracting.page import Field, FieldGroup, FieldSection, field_of
from registry.abstracting.tables import rows
from registry.practice.exercises import Exercise
from registry.practice.scoring import failing
from registry.practice.tables import PRIMARIES, PRIMARIES_NAME, asked, sections

GIVEN_TITLE = "Given"
PRIMARIES_LENGTH = 2
PRIMARIES_HINT = "tumors of this person that count as primaries of their own"


@dataclass(frozen=True)
class Following:
    """What follows from the answers so far: failing edits and derived values."""

    findings: tuple[Finding, ...]
    derived: tuple[Derived, ...]


def typed(exercise: Exercise, answers: Mapping[int, str]) -> dict[int, str]:
    """Gives the record as far as the form shows it: what is given and what was answered."""
    held = {number: value for number, value in answers.items() if value and number != PRIMARIES}
    return {**exercise.given, **held}


def form(exercise: Exercise, answers: Mapping[int, str]) -> tuple[FieldSection, ...]:
    """Gives the sections of the form with every field as it is now."""
    items = typed(exercise, answers)
    coding = Coding.of(items)
    given = tuple(replace(field_of(n, items, coding), by_program=True) for n in exercise.given)
    found = [FieldSection(GIVEN_TITLE, (FieldGroup("The person", given),))]
    places = {int(row["item"]): row["group"] for row in rows("layout")}
    for title in sections():
        groups: dict[str, list[Field]] = {}
        for number in exercise.form:
            if asked()[number].section == title:
                name = places.get(number, "Site-specific items" if number != PRIMARIES else "Primaries")
                groups.setdefault(name, []).append(_field(number, items, answers, coding))
        if groups:
            found.append(FieldSection(title, tuple(FieldGroup(name, tuple(held)) for name, held in groups.items())))
    return tuple(found)


def _field(number: int, items: Mapping[int, str], answers: Mapping[int, str], coding: Coding) -> Field:
    field = field_of(number, items, coding)
    if number != PRIMARIES:
        # what the program sets on a case is asked here: a sequence number is coded from the chart
        return replace(field, by_program=False, part="", required=False)
    value = answers.get(PRIMARIES, "")
    return replace(field, name=PRIMARIES_NAME, value=value, length=PRIMARIES_LENGTH, hint=PRIMARIES_HINT)


def following(exercise: Exercise, answers: Mapping[int, str], *, shows_edits: bool) -> Following:
    """Gives what follows from the answers; edits only where the round shows them before the end."""
    findings = failing(exercise, answers, hidden=False) if shows_edits else []
    form_items = set(exercise.form) | set(exercise.given)
    found = [f for f in findings if form_items.issuperset(f.ends) and any(answers.get(n) for n in f.ends)]
    return Following(tuple(found), tuple(derive(typed(exercise, answers))))


def shape(exercise: Exercise, answers: Mapping[int, str]) -> str:
    """Gives a text that changes when the codes of some field become others: schema and surgery table."""
    coding = Coding.of(typed(exercise, answers))
    surgery = f"{coding.surgery.edition} {coding.surgery.title}" if coding.surgery else ""
    return f"{coding.schema.id if coding.schema else ''} {surgery}"
