"""One abstract as the desk shows it: fields by section with meanings, failing edits, derived values, text support, steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import records
from registry.abstracting import checks, layout
from registry.abstracting.checks import Finding, check
from registry.abstracting.class_of_case import contact_question
from registry.abstracting.coding import Coding
from registry.abstracting.derived import Derived, derive
from registry.abstracting.numbering import Renumbering, plan
from registry.abstracting.proposals import proposals
from registry.abstracting.queries import QueryLine, listed
from registry.abstracting.status import Step, missing, steps
from registry.abstracting.text_support import Support, prompt, support
from registry.abstracting.treatment import modalities
from registry.followup import by_hand
from registry.items import is_text, known
from registry.models import Abstract
from registry.models.desk import CaseNote
from registry.security.permissions import Actor

_HERE = {m.here for m in modalities()}
_TOTAL = {m.total for m in modalities()}


@dataclass(frozen=True)
class Field:
    """One field of the form: its item, value and meaning, how long it may be, and how it is typed."""

    number: int
    name: str
    value: str
    meaning: str
    length: int
    is_text: bool
    is_coded: bool
    is_date: bool
    by_program: bool
    required: bool
    unknown: str
    hint: str
    wrong: bool
    part: str
    proposal: str


@dataclass(frozen=True)
class FieldGroup:
    """A heading with its fields."""

    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class FieldSection:
    """One section: its groups, and how many of its items hold a value."""

    title: str
    groups: tuple[FieldGroup, ...]

    @property
    def count(self) -> int:
        """How many fields the section has."""
        return sum(len(group.fields) for group in self.groups)

    @property
    def filled(self) -> int:
        """How many of them hold a value."""
        return sum(bool(field.value) for group in self.groups for field in group.fields)


@dataclass(frozen=True)
class Note:
    """A remark on the case."""

    id: int
    text: str
    waiting: bool
    who: str
    at: datetime
    done: bool


@dataclass(frozen=True)
class Living:
    """What follows from the abstract as typed: failing edits, derived values, text support, required items left."""

    findings: tuple[Finding, ...]
    derived: tuple[Derived, ...]
    support: Support
    missing: tuple[int, ...]
    renumbering: tuple[Renumbering, ...] = ()

    @property
    def errors(self) -> int:
        """How many edits keep the case from being complete."""
        return sum(finding.is_error for finding in self.findings)


def form(items: Mapping[int, str], *, added: Iterable[int] = ()) -> tuple[FieldSection, ...]:
    """Gives the sections of the form with every field for the items as they are now."""
    coding, needed, offered = Coding.of(items), set(missing({**items})) | _required(), proposals(items)
    return tuple(
        FieldSection(
            section.title,
            tuple(
                FieldGroup(group.title, tuple(_field(n, items, coding, needed, offered) for n in group.items))
                for group in section.groups
            ),
        )
        for section in layout.sections(items, added=added)
    )


def _required() -> set[int]:
    return set(missing({}))


def field_of(number: int, items: Mapping[int, str], coding: Coding) -> Field:
    """Gives one field as the form shows it, for a page that shows some items alone."""
    return _field(number, items, coding, set(), {})


def _field(
    number: int, items: Mapping[int, str], coding: Coding, needed: set[int], offered: Mapping[int, str]
) -> Field:
    item, value = known(number), items.get(number, "")
    text = is_text(number)
    coded = not text and coding.is_coded(number)
    hint = prompt(number, items.get(400, ""), items.get(522, ""))
    if number == 580:
        hint = contact_question(items.get(610, ""))
    return Field(
        number,
        item.name.replace("--", ": ") if item else f"Item {number}",
        value,
        coding.meaning(number, value) if coded else "",
        item.length if item else 0,
        text,
        coded,
        item is not None and item.type == "date",
        number in layout.SET_BY_PROGRAM,
        number in needed,
        coding.unknown(number) if coded or number in (240, 90) else "",
        hint,
        bool(value) and coded and coding.is_known(number, value) is False,
        "here" if number in _HERE else "total" if number in _TOTAL else "",
        "" if number in layout.SET_BY_PROGRAM else offered.get(number, ""),
    )


def living(items: Mapping[int, str], findings: Iterable[Finding] | None = None) -> Living:
    """Gives what follows from the items as typed; without `findings` those of a record that is in no store."""
    found = tuple(check(items) if findings is None else findings)
    return Living(found, tuple(derive(items)), support(items), missing(items))


def living_abstract(session: Session, abstract: Abstract, items: Mapping[int, str]) -> Living:
    """Gives what follows from an abstract with its items as somebody types them."""
    found = living(items, checks.findings(session, abstract, items))
    own = plan(session, abstract.record.patient_id, abstract.facility_id, central=False, typed={abstract.id: items})
    return replace(found, renumbering=tuple(own))


def notes(session: Session, abstract_id: int) -> list[Note]:
    """Gives the remarks on a case, newest first."""
    query = select(CaseNote).where(CaseNote.abstract_id == abstract_id).order_by(CaseNote.id.desc())
    return [Note(n.id, n.text, n.waiting, n.who, n.at, n.done_at is not None) for n in session.scalars(query)]


@dataclass(frozen=True)
class DeskSide:
    """What stands beside the fields besides the living part: steps, questions to physicians, remarks."""

    steps: tuple[Step, ...]
    queries: list[QueryLine]
    notes: list[Note]
    corrections: int = 0
    """Corrections of the last contact that wait for a decision."""


def side(session: Session, actor: Actor, abstract: Abstract) -> DeskSide:
    """Gives steps, questions and remarks of a case."""
    items = records.all_items(abstract)
    return DeskSide(
        steps(session, abstract, items),
        listed(session, actor, abstract_id=abstract.id, closed=True),
        notes(session, abstract.id),
        len(by_hand.waiting(session, abstract)),
    )
