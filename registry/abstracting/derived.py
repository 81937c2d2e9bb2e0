"""Values that follow from what was coded, each with the way that led to it; and the items that the program itself sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abstracting.recodes.stage import LABELS, summary_stage_combined
from abstracting.recodes.tables import recode
from abstracting.staging.results import ERROR_KINDS
from abstracting.staging.schemas import RecordStaging
from abstracting.staging.schemas import desk as staging_desk
from registry.abstracting import treatment
from registry.abstracting.class_of_case import accredited_flag
from registry.abstracting.layout import year_of
from registry.items import known

RECODES = (
    ("site_recode_2008", "Site group (SEER 2008)"),
    ("site_recode_2023", "Site group (SEER 2023)"),
    ("lymphoid_2021", "Lymphoid group"),
)
YOUNG = 39
LABELLED_BY = {762: 764, 1975: 3844}
"""Derived items whose codes are those of an item that a person codes."""

SELECTING = frozenset({390, 400, 522, 523, 500})
TREATMENT = frozenset(n for m in treatment.modalities() for n in (m.here, m.total, m.date) if n is not None) | {
    treatment.STATUS
}


@dataclass(frozen=True)
class Derived:
    """One derived value: its title, its item where it has one, the value, its meaning and the path to it."""

    title: str
    value: str
    label: str = ""
    item: int | None = None
    path: tuple[str, ...] = ()
    fault: bool = False


def derive(items: Mapping[int, str]) -> list[Derived]:
    """Gives schema, stage, grade and recodes of an abstract as it is now."""
    staged = staging_desk().stage_record(items)
    found = [_schema(staged)]
    found += _staging(staged)
    found += [
        Derived("Staging", kind.replace("_", " ").lower(), _error(key, kind), None, (), True)
        for key, kind in dict.fromkeys((error.key, error.kind) for error in staged.result.errors)
    ]
    stage, source = summary_stage_combined(year_of(items), {str(n): v for n, v in items.items()})
    if stage:
        found.append(Derived("Summary stage, combined", stage, LABELS.get(stage, ""), None, (str(source),)))
    site, histology, behavior = (items.get(n) or None for n in (400, 522, 523))
    if site and histology:
        for name, title in _recodes(items):
            table = recode(name)
            value = table.value(**_codes(table.axes, site, histology, behavior, items.get(390, "")[:4]))
            if value and table.labels.get(value):
                found.append(Derived(title, value, table.labels[value]))
    if age := age_at_diagnosis(items):
        found.append(Derived("Age at diagnosis", age, "", 230, ("240", "390")))
    return found


def _recodes(items: Mapping[int, str]) -> list[tuple[str, str]]:
    age = age_at_diagnosis(items)
    return (
        [(name, title) for name, title in RECODES if name != "lymphoid_2021" or "9590" <= items.get(522, "") <= "9993"]
        + ([("aya_2020", "AYA group (2020)")] if age.isdigit() and 15 <= int(age) <= YOUNG else [])
        + ([("iccc_iarc2017", "ICCC group")] if age.isdigit() and int(age) < 20 else [])
    )


def _codes(axes: tuple[str, ...], site: str, histology: str, behavior: str | None, year: str) -> dict[str, str | None]:
    given = {"site": site, "histology": histology, "behavior": behavior, "year": year or None}
    return {axis: given[axis] for axis in axes if axis in given}


def _schema(staged: RecordStaging) -> Derived:
    choice = staged.choice
    title = f"Schema ({choice.algorithm} {choice.version})" if choice.algorithm else "Schema"
    if choice.schema_id:
        schema = staging_desk().schema(choice)
        way = ("400", "522", "390", *dict.fromkeys(staged.result.path))
        return Derived(title, schema.title if schema else choice.schema_id, "", 3800, way)
    if choice.missing:
        names = ", ".join(f"{m.item} {m.name}" if m.item else m.name for m in choice.missing)
        return Derived(title, "", f"needs {names}", None, (), bool(choice.missing))
    return Derived(title, "", choice.reason or "site and histology are needed")


def _staging(staged: RecordStaging) -> list[Derived]:
    from registry.views.labels import label
    from registry.views.labels import title as item_title

    schema = staging_desk().schema(staged.choice)
    found = []
    for number, value in staged.all_derived.items():
        if number in ("3800", "2936"):
            continue
        named_by = str(LABELLED_BY.get(int(number), number))
        meaning = (staging_desk().label(schema, named_by, value) if schema else "") or label(named_by, value)
        name = item_title(number).partition(" ")[2] or number
        found.append(Derived(name, value, meaning, int(number)))
    return found


def _error(key: str | None, kind: str) -> str:
    return f"{key}: {ERROR_KINDS.get(kind, '')}" if key else ERROR_KINDS.get(kind, "")


def age_at_diagnosis(items: Mapping[int, str]) -> str:
    """Gives item 230 from birth and diagnosis, as three digits; what was there where one of them lacks its year."""
    born, diagnosed = items.get(240, ""), items.get(390, "")
    if not (born[:4].isdigit() and diagnosed[:4].isdigit()):
        return items.get(230, "")
    if len(born) < 8 or len(diagnosed) < 8:
        # a date with unknown parts does not change an age that somebody knew
        return items.get(230) or f"{max(0, int(diagnosed[:4]) - int(born[:4])):03d}"
    age = int(diagnosed[:4]) - int(born[:4]) - (diagnosed[4:8] < born[4:8])
    return f"{age:03d}" if 0 <= age <= 120 else items.get(230, "")


def consequences(
    items: Mapping[int, str],
    changed: Iterable[int],
    *,
    accredited: bool = True,
    before: Mapping[int, str] | None = None,
) -> dict[int, str]:
    """Gives the items that the program sets after some were changed, where they differ: `{number: value}`.

    `before` are the items as they were: what followed a code that was corrected since follows it again.
    Age, CoC flag, derived staging items and the treatment summaries; what no changed item touches stays as it came.
    """
    touched = set(changed)
    wanted: dict[int, str] = {}
    if touched & TREATMENT:
        wanted |= treatment.summaries(items, before=before)
    if touched & {240, 390} and (age := age_at_diagnosis(items)):
        wanted[230] = age
    if 610 in touched:
        wanted[2152] = accredited_flag(items.get(610, ""), accredited=accredited)
    wanted |= _staged_items({**items, **wanted}, touched | set(wanted))
    return {number: value for number, value in wanted.items() if items.get(number, "") != value}


def _staged_items(items: Mapping[int, str], touched: set[int]) -> dict[int, str]:
    staged = staging_desk().stage_record(items)
    schema = staging_desk().schema(staged.choice)
    if schema is None:
        return {}
    fed = {entry.item for entry in schema.inputs if entry.item is not None}
    told = [e.item for e in schema.inputs if e.used_for_staging and e.item not in SELECTING and items.get(e.item or 0)]
    # a stage from defaults alone would replace what a source has said
    if not touched & fed or not told:
        return {}
    return {int(number): value for number, value in staged.all_derived.items() if known(int(number)) is not None}
