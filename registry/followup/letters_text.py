"""The words of letters: shipped and own templates, what may stand in one, and what comes out for one patient.

A template is text with names in double braces and `{% if %}`; it is run in Jinja's sandbox, and before that every part of
it is checked against a short list of what is allowed: no loops, no calls, no macros, so that a letter can neither read the
program nor keep it busy. Names that are unknown or that a way may not use are found when the template is saved.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import parse_date
from registry import audit
from registry.errors import RegistryError
from registry.followup.contact import CHAIN
from registry.followup.sources import SOURCES
from registry.models.followup import LetterTemplate

LANGUAGES = {"en": "English", "es": "Español", "fr": "Français"}
LETTER_SOURCES = tuple(source.id for source in SOURCES.values() if source.channel == "letter")
LONGEST_BODY, LONGEST_SUBJECT = 4000, 200
DEEPEST = 20
"""So many levels of a condition are enough for a letter; the compiler of templates is not asked for more."""

NAMES: dict[str, str] = {
    "recipient_name": "the name of the one to whom the letter goes",
    "patient_name": "first and last name of the patient",
    "patient_born": "date of birth",
    "record_number": "medical record number",
    "last_contact": "date of last contact",
    "diagnosis": "site of the tumor in words (letters to physicians and hospitals alone)",
    "facility_name": "name of the facility",
    "facility_city": "its city",
    "registry_name": "name of the registry",
    "letter_date": "date of the letter",
    "reference": "number under the barcode",
}
"""What may stand in double braces. Nothing of a death is among them: no letter can rest on one."""

MEDICAL = frozenset({"diagnosis", "record_number", "patient_born", "last_contact"})
"""Names that letters to patients and contacts do not know: an envelope can be opened by somebody else."""

FILTERS = frozenset({"upper", "lower", "title", "trim", "default"})
ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.Not,
    nodes.And,
    nodes.Or,
    nodes.Compare,
    nodes.Operand,
    nodes.Filter,
)

SAMPLE = {
    "recipient_name": "Alex Sample",
    "patient_name": "Robin Sample",
    "patient_born": "1950-01-31",
    "record_number": "M00000000",
    "last_contact": "2024-06-30",
    "diagnosis": "upper lobe of lung",
    "facility_name": "Sample Hospital",
    "facility_city": "Sampleton",
    "registry_name": "Sample Registry",
    "letter_date": "2025-07-15",
    "reference": "AAAA-AAAA-A",
}
"""Values of nobody, for previews."""


@dataclass(frozen=True)
class LetterText:
    """One template: for which way, in which language, whose it is (blank for the shipped one), and its version."""

    source: str
    language: str
    subject: str
    body: str
    facility_number: str = ""
    own: bool = False
    version: int = 0


@dataclass(frozen=True)
class Slip:
    """The words of the reply slip in one language."""

    title: str
    date_seen: str
    alive: str
    dead: str
    cancer: str
    cancer_sources: tuple[str, ...]
    treatment: str
    address: str
    refuse: str
    unknown: str
    signature: str
    date_format: str
    months: tuple[str, ...]
    unknown_date: str


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("registry.followup") / "data" / "letters.toml").read_text(encoding="utf-8"))


@cache
def shipped() -> dict[tuple[str, str], LetterText]:
    """Gives the shipped templates by way and language."""
    rows = _data()["letter"]
    texts = (LetterText(r["source"], r["language"], r["subject"], r["body"].strip()) for r in rows)
    return {(text.source, text.language): text for text in texts}


@cache
def slip(language: str) -> Slip:
    """Gives the words of the reply slip."""
    row = _data()["slip"][language]
    return Slip(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.tests = {}
    return environment


def names_for(source: str) -> dict[str, str]:
    """Gives the names that a letter by a way may use, with their meaning."""
    private = source in {"patient", "contact"}
    return {name: meaning for name, meaning in NAMES.items() if not (private and name in MEDICAL)}


def check_text(source: str, subject: str, body: str) -> list[str]:
    """Gives every fault of a template in words, with its line; none when it is sound."""
    faults = []
    if source not in LETTER_SOURCES:
        faults.append(f"there are no letters to {source!r}")
    for what, text, longest in (("subject", subject, LONGEST_SUBJECT), ("text", body, LONGEST_BODY)):
        if not text.strip():
            faults.append(f"the {what} is empty")
        elif len(text) > longest:
            faults.append(f"the {what} has {len(text):,} characters; at most {longest:,} fit")
        else:
            faults += _faults(what, text, names_for(source))
    if "\n" in subject.strip():
        faults.append("the subject has more than one line")
    return faults


def _faults(what: str, text: str, allowed_names: Mapping[str, str]) -> list[str]:
    try:
        parts = list(_walk(_environment().parse(text)))
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        return [f"{what}{f', line {line}' if line else ''}: {error}"]
    except RecursionError:
        return [f"{what}: nested too deeply"]
    found = []
    for node in parts:
        at = f"{what}, line {node.lineno}"
        if not isinstance(node, ALLOWED):
            found.append(f"{at}: {type(node).__name__.lower()} is not allowed; use names in double braces and if")
        elif isinstance(node, nodes.Name) and node.name not in allowed_names:
            known = "is not used in this letter" if node.name in NAMES else "is no name that a letter knows"
            found.append(f"{at}: {node.name} {known}")
        elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
            found.append(f"{at}: the filter {node.name} is not allowed")
    return list(dict.fromkeys(found))


def _walk(node: nodes.Node, depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise RecursionError
    for child in node.iter_child_nodes():
        yield child
        yield from _walk(child, depth + 1)


def render(text: LetterText, values: Mapping[str, str]) -> tuple[str, str]:
    """Gives subject and body of a letter; a template with a fault is an error that lists them all."""
    subject, body = _compiled(text)
    known = {name: values.get(name, "") for name in names_for(text.source)}
    return " ".join(subject.render(known).split())[:LONGEST_SUBJECT], body.render(known).strip()


@lru_cache(maxsize=128)
def _compiled(text: LetterText) -> tuple[Template, Template]:
    faults = check_text(text.source, text.subject, text.body)
    if faults:
        raise RegistryError("usage", "; ".join(faults), hint="correct the template on the page of letters")
    return _environment().from_string(text.subject), _environment().from_string(text.body)


def letter_text(session: Session, source: str, language: str, facility_number: str = "") -> LetterText:
    """Gives the template in force: the facility's own, else the registry's own, else the shipped one; English where none is."""
    for number in dict.fromkeys((facility_number, "")):
        row = _own(session, source, language, number)
        if row is not None:
            return LetterText(source, language, row.subject, row.body, number, True, row.version_id)
    found = shipped().get((source, language))
    if found is None and language != "en":
        return letter_text(session, source, "en", facility_number)
    if found is None:
        raise RegistryError(
            "not-found", f"there is no letter to {source!r}", hint=f"known: {', '.join(LETTER_SOURCES)}"
        )
    return found


def _own(session: Session, source: str, language: str, number: str) -> LetterTemplate | None:
    return session.scalars(
        select(LetterTemplate).where(
            LetterTemplate.source == source,
            LetterTemplate.language == language,
            LetterTemplate.facility_number == number,
        )
    ).one_or_none()


def save_text(session: Session, text: LetterText, *, who: str) -> LetterText:
    """Saves a registry's or facility's own template; every fault is named and nothing is saved until all are gone."""
    if text.language not in LANGUAGES:
        raise RegistryError("usage", f"no language {text.language!r}", hint=f"known: {', '.join(LANGUAGES)}")
    subject, body = text.subject.strip(), text.body.replace("\r\n", "\n").strip()
    faults = check_text(text.source, subject, body)
    if faults:
        raise RegistryError("usage", "; ".join(faults), hint="correct the template and save again")
    row = _own(session, text.source, text.language, text.facility_number)
    before = {"subject": row.subject, "body": row.body} if row else {"subject": "", "body": ""}
    if row is None:
        row = LetterTemplate(source=text.source, language=text.language, facility_number=text.facility_number)
        session.add(row)
    row.subject, row.body = subject, body
    session.flush()
    changes = {
        "letter": f"{text.source} {text.language}",
        "before": before,
        "after": {"subject": subject, "body": body},
    }
    audit.append(session, CHAIN, row.id, "template", changes, who=who, version=row.version_id)
    return LetterText(text.source, text.language, subject, body, text.facility_number, True, row.version_id)


def drop_text(session: Session, source: str, language: str, facility_number: str, *, who: str) -> None:
    """Takes an own template away, so that the shipped one is in force again."""
    row = _own(session, source, language, facility_number)
    if row is None:
        raise RegistryError("not-found", f"there is no own letter to {source} in {language}")
    audit.append(session, CHAIN, row.id, "drop", {"letter": f"{source} {language}", "before": row.body}, who=who)
    session.delete(row)


def day_in_words(text: str, language: str) -> str:
    """Gives a coded date as a letter writes it; what is unknown of it is left out."""
    words, day = slip(language), parse_date(text)
    if day.year is None:
        return words.unknown_date
    if day.month is None:
        return str(day.year)
    month = words.months[day.month - 1]
    if day.day is None:
        return f"{month} {day.year}" if language != "es" else f"{month} de {day.year}"
    pattern = words.date_format.replace("%-d", str(day.day)).replace("%B", month)
    return pattern.replace("%Y", str(day.year))
