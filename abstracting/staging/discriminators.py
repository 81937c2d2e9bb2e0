"""What is missing when site and histology leave several schemas: the questions to ask, with their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abstracting.staging.cells import parse_input_cell
from abstracting.staging.engine import Engine
from abstracting.staging.inquiry import ValidCode, valid_codes
from abstracting.staging.model import HISTOLOGY, INPUT, SITE

BOTH_NEEDED = "primary site and histology are both needed"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a discriminator and the schemas it leaves."""

    code: ValidCode
    schema_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Discriminator:
    """A key that decides between schemas and is not given, with the NAACCR item that holds it."""

    key: str
    name: str
    item: int | None
    xml_id: str | None
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class SchemaChoice:
    """What a look-up gave. Exactly one of these holds:

    `schema_id` is set; or there are `candidates` and `missing` names what decides between them (site or histology alone
    gives candidates to browse and no question); or nothing fits: `reason` says why, and `missing` names the given
    discriminators whose value fits no schema, with those that do.
    """

    algorithm: str
    version: str
    schema_id: str | None = None
    candidates: tuple[str, ...] = ()
    missing: tuple[Discriminator, ...] = ()
    reason: str = ""


def choose_schema(engine: Engine, request: Mapping[str, str | None]) -> SchemaChoice:
    """Gives the schema for site, histology and discriminators, or what is missing to know it.

    Keys of the request that no selection table of the algorithm uses are left out; a blank value counts as not given.
    """
    selection = engine.algorithm.selection
    known = {key: value for key, value in request.items() if key in selection.keys and value}
    found = selection.lookup(known)
    name, version = engine.algorithm.name, engine.algorithm.version
    if found and not (known.get(SITE) and known.get(HISTOLOGY)):
        return SchemaChoice(name, version, None, found, (), BOTH_NEEDED)
    if len(found) == 1:
        return SchemaChoice(name, version, found[0], found)
    if found:
        return SchemaChoice(name, version, None, found, _questions(engine, found, known), "more than one schema fits")
    reason, wrong = _why_none(engine, known)
    return SchemaChoice(name, version, None, (), wrong, reason)


def _questions(
    engine: Engine, candidates: tuple[str, ...], known: Mapping[str, str | None]
) -> tuple[Discriminator, ...]:
    keys = dict.fromkeys(key for schema_id in candidates for key in engine.algorithm.schema(schema_id).discriminators)
    questions = [_question(engine, key, candidates, known) for key in keys if not known.get(key)]
    # a question whose every answer leaves all of them decides nothing (yet)
    return tuple(q for q in questions if any(len(choice.schema_ids) < len(candidates) for choice in q.choices))


def _question(engine: Engine, key: str, candidates: tuple[str, ...], known: Mapping[str, str | None]) -> Discriminator:
    """Gives the discriminator with every code that leaves at least one candidate."""
    named = [entry for schema_id in candidates if (entry := engine.algorithm.schema(schema_id).input(key)) is not None]
    codes: dict[str, ValidCode] = {}
    for schema_id in candidates:
        for code in valid_codes(engine, schema_id, key):
            for part in _cut(code, _boundaries(engine, key, candidates)):
                codes.setdefault(part.text, part)
    choices = []
    for code in codes.values():
        left = engine.algorithm.selection.lookup({**known, key: code.low})
        kept = tuple(schema_id for schema_id in left if schema_id in candidates)
        if kept:
            choices.append(Choice(code, kept))
    first = named[0] if named else None
    return Discriminator(
        key,
        first.name if first else key,
        first.item if first else None,
        first.xml_id if first else None,
        tuple(choices),
    )


def _boundaries(engine: Engine, key: str, candidates: tuple[str, ...]) -> set[int]:
    """Gives the numbers at which some candidate's selection of the key begins, or begins to end."""
    found: set[int] = set()
    for schema_id in candidates:
        table = engine.algorithm.table(engine.algorithm.schema(schema_id).selection_table)
        for column in table.columns:
            if column.kind == INPUT and column.key == key:
                for cell in dict.fromkeys(column.cells):
                    for span in parse_input_cell(cell) or ():
                        whole = span.resolved(engine.constants)
                        if whole.low.isdecimal() and whole.high.isdecimal():
                            found |= {int(whole.low), int(whole.high) + 1}
    return found


def _cut(code: ValidCode, boundaries: set[int]) -> list[ValidCode]:
    """Gives a range of numbers in pieces, so that each leads to the same schemas throughout; any other code as it is."""
    if not (code.is_range and code.low.isdecimal() and code.high.isdecimal()):
        return [code]
    first, last = int(code.low), int(code.high)
    starts = sorted({first} | {number for number in boundaries if first < number <= last})
    width = len(code.low)
    return [
        ValidCode(str(start).zfill(width), str(end).zfill(width), code.label)
        for start, end in zip(starts, [number - 1 for number in starts[1:]] + [last])
    ]


def _why_none(engine: Engine, known: Mapping[str, str | None]) -> tuple[str, tuple[Discriminator, ...]]:
    selection = engine.algorithm.selection
    site, histology = known.get(SITE), known.get(HISTOLOGY)
    if not site or not histology:
        return BOTH_NEEDED, ()
    if not selection.is_valid_site(site):
        return f"{site} is not a valid primary site", ()
    if not selection.is_valid_histology(histology):
        return f"{histology} is not a valid histology", ()
    base = {SITE: site, HISTOLOGY: histology}
    candidates = selection.lookup(base)
    if not candidates:
        return f"no schema holds histology {histology} at site {site}", ()
    given = [key for key in known if key not in base]
    wrong = []
    for key in given:
        rest = {other: value for other, value in known.items() if other != key}
        left = selection.lookup(rest)
        if left:
            wrong.append(_question(engine, key, left, rest))
    values = ", ".join(f"{key} {known[key]}" for key in given)
    return f"no schema fits {site} {histology} together with {values}", tuple(wrong)
