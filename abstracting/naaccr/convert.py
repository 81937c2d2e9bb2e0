"""Converting records between versions: by item number, with a dated table of what moves, and a list of what is lost.

Nothing disappears quietly: every value that has no place in the target is in the `Conversion`'s losses, every value that
was rewritten in its changes, with the original. The table is `data/conversions.csv`; a file of the same form replaces
it.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from abstracting.errors import AbstractingError
from abstracting.naaccr.dates import date_of, is_flag, read_reasons, write_flags
from abstracting.naaccr.items import FLAT_VERSIONS, VERSIONS, Dictionary, Item, check_version, table
from abstracting.naaccr.records import Node, Patient, Root, Tumor
from abstracting.naaccr.user_dictionaries import UserDictionary, combine, version_of_uri
from abstracting.naaccr.writer import new_root

KEPT = 10_000

NO_ITEM = "no such item in the target version"
NOT_CARRIED = "not carried by the target record type"
NO_CODE = "the code has no counterpart"
REASON_LOST = "the reason why the date is blank"
SHORTENED = "cut to the length of its columns"
LINE_ENDS = "line ends became spaces"
DIFFERS = "tumors differ and the target holds one value"
TIME_LOST = "the time of day"
TAKEN = "its new place is taken by another value"
TOO_LONG = "longer than the item of the target version, kept as it is"
NO_PLACE = "the target format has no place for it"


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that is not in the result, or not whole: `kind` says why; patients and tumors count from 1."""

    kind: str
    number: int | None
    item: str
    value: str
    patient: int | None = None
    tumor: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A value that was rewritten: the item and value it was and became; the original is kept here."""

    source: int
    target: int
    old: str
    new: str
    patient: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the conversion table."""

    step: tuple[str, str]
    source: int
    target: int
    code: str
    new: str
    where: int | None = None
    values: str = ""
    form: str = ""


@dataclass(slots=True)
class Conversion:
    """The way from one version, record type and form to another, and the account of what it did.

    `losses` and `changes` hold at most 10,000 each; `lost` and `changed` count all, by (kind, item) and by (item, item).
    """

    source: Dictionary
    target: Dictionary
    record_type: str
    rules: list[list[Rule]]
    flat: bool = False
    losses: list[Loss] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: Counter[tuple[int, int]] = field(default_factory=Counter)

    def lose(self, loss: Loss) -> None:
        self.lost[loss.kind, loss.item] += 1
        if len(self.losses) < KEPT:
            self.losses.append(loss)

    def change(self, change: Change) -> None:
        self.changed[change.source, change.target] += 1
        if len(self.changes) < KEPT:
            self.changes.append(change)


def read_rules(rows: Sequence[Mapping[str, str]]) -> list[Rule]:
    """Gives the rules of a conversion table; raises `usage` where a row is none."""
    rules = []
    for line, row in enumerate(rows, 1):
        try:
            step = check_version(row["from"]), check_version(row["to"])
            distance = VERSIONS.index(step[1]) - VERSIONS.index(step[0])
            if abs(distance) != 1 or row["form"] not in ("", "iso-date", "digits-date"):
                raise ValueError("the two versions must be neighbours and the form known")
            where = int(row["where"]) if row["where"] else None
            rules.append(
                Rule(
                    step,
                    int(row["source"]),
                    int(row["target"]),
                    row["code"],
                    row["new"],
                    where,
                    row["values"],
                    row["form"],
                )
            )
        except (KeyError, ValueError, AttributeError) as error:
            raise AbstractingError(
                "usage", f"row {line} of the conversion table is not valid: {error}", hint="see data/conversions.csv"
            ) from error
    return rules


@lru_cache(maxsize=1)
def _own_rules() -> tuple[Rule, ...]:
    return tuple(read_rules(table("conversions.csv")))


def load_table(path: str | Path) -> list[Rule]:
    """Gives the rules of a table in a file; lines that start with # are left out."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AbstractingError("naaccr-file", "cannot read the conversion table", where=str(path)) from error
    return read_rules(list(csv.DictReader(line for line in lines if not line.startswith("#"))))


def plan(
    source: str | int,
    target: str | int,
    *,
    record_type: str = "A",
    user_dictionaries: Sequence[UserDictionary] = (),
    rules: Sequence[Rule] | None = None,
    flat: bool = False,
) -> Conversion:
    """Gives the conversion from one version to another; `flat` also fits values to columns (v14 to v18)."""
    source, target = check_version(source), check_version(target)
    if flat and target not in FLAT_VERSIONS:
        raise AbstractingError(
            "naaccr-flat",
            f"version {target} has no columns",
            hint=f"convert to one of {', '.join(FLAT_VERSIONS)} (--to 180)",
            exit_code=2,
        )
    start, end = VERSIONS.index(source), VERSIONS.index(target)
    way = VERSIONS[start : end + 1] if end >= start else VERSIONS[end : start + 1][::-1]
    known = _own_rules() if rules is None else rules
    steps = [[rule for rule in known if rule.step == step] for step in pairwise(way)]
    for_target = [one for one in user_dictionaries if one.version in ("", target)]
    for_source = [one for one in user_dictionaries if one.version in ("", source)]
    return Conversion(combine(source, for_source), combine(target, for_target), record_type, steps, flat)


def convert_root(root: Root, conversion: Conversion) -> Root:
    """Gives the root of the converted file: version and record type of the target, items that have a place there."""
    version = conversion.target.version
    base = root.base_uri if version_of_uri(root.base_uri) == version else ""
    new = new_root(
        version,
        conversion.record_type,
        base_uri=base,
        user_uris=list(root.user_uris),
        time_generated=root.time_generated,
        extra=dict(root.extra),
        namespaces=dict(root.namespaces),
        extensions=list(root.extensions),
        unknown=dict(root.unknown),
    )
    if version == root.version:
        new.specification = root.specification
    if len(new.user_uris) > 1 and new.specification < "1.2":
        new.specification = "1.2"
    new.items = _fit(dict(root.items), conversion, None, None)
    for number, value in ((10, conversion.record_type), (50, version)):
        if number in new.items:
            new.items[number] = value
    if conversion.flat:
        _no_place(root, conversion, None, None)
        new.unknown, new.extensions = {}, []
    return new


def convert_patient(
    patient: Patient, conversion: Conversion, *, reasons: Sequence[Mapping[int, str]] | None = None
) -> Patient:
    """Gives the patient in the target version; what is lost or changed is added to the conversion's account.

    `reasons` gives why dates are blank, first for the patient, then for each tumor (`dates.read_reasons`): it is written
    as date flags where the target has them.
    """
    own = dict(patient.items)
    tumors = [dict(tumor.items) for tumor in patient.tumors]
    for step in conversion.rules:
        _apply(step, own, tumors, conversion, patient.index)
    _move_levels(own, tumors, conversion, patient.index)
    layers = [own, *tumors]
    results = []
    for position, items in enumerate(layers):
        tumor = position or None
        _report_reasons(items, conversion, patient.index, tumor)
        fitted = _fit(items, conversion, patient.index, tumor)
        if reasons is not None and position < len(reasons):
            level = "Tumor" if tumor else "Patient"
            for flag, code in write_flags(reasons[position], conversion.target.version).items():
                item = conversion.target.by_number(flag)
                if item is not None and item.level == level and not fitted.get(date_of(flag)):
                    fitted.setdefault(flag, code)
        results.append(fitted)
    new = Patient(
        items=results[0],
        unknown=dict(patient.unknown),
        extensions=list(patient.extensions),
        line=patient.line,
        end_line=patient.end_line,
        index=patient.index,
    )
    for old, items in zip(patient.tumors, results[1:], strict=True):
        new.tumors.append(Tumor(items, dict(old.unknown), list(old.extensions), old.line, old.end_line))
    if conversion.flat:
        before: list[Node] = [patient, *patient.tumors]
        after: list[Node] = [new, *new.tumors]
        for position, (given, node) in enumerate(zip(before, after, strict=True)):
            _no_place(given, conversion, patient.index, position or None)
            node.unknown, node.extensions = {}, []
    return new


# --- the table --------------------------------------------------------------------------------------------------------


def _apply(
    step: list[Rule], own: dict[int, str], tumors: list[dict[int, str]], conversion: Conversion, index: int
) -> None:
    for layer in (own, *tumors):
        done: set[int] = set()
        for rule in step:
            value = layer.get(rule.source)
            if not value or rule.source in done or rule.code not in ("*", value) or not _holds(rule, own, tumors, step):
                continue
            new = value if rule.new == "=" else rule.new
            if rule.form:
                new = _rewrite(rule, value, conversion, index)
            done.add(rule.source)
            if rule.target != rule.source:
                if layer.get(rule.target, new) != new:
                    conversion.lose(Loss(TAKEN, rule.source, conversion.source.id_of(rule.source), value, index))
                    del layer[rule.source]
                    continue
                del layer[rule.source]
            layer[rule.target] = new
            if (rule.source, value) != (rule.target, new):
                conversion.change(Change(rule.source, rule.target, value, new, index))


def _holds(rule: Rule, own: dict[int, str], tumors: list[dict[int, str]], step: list[Rule]) -> bool:
    """Tells whether a rule's condition holds on some tumor and no rival rule's (same item and code) does."""
    if rule.where is None:
        return True
    rivals = [
        one
        for one in step
        if one.where is not None and (one.source, one.code) == (rule.source, rule.code) and one.new != rule.new
    ]
    return _matches(rule, own, tumors) and not any(_matches(one, own, tumors) for one in rivals)


def _matches(rule: Rule, own: dict[int, str], tumors: list[dict[int, str]]) -> bool:
    ranges = [part.partition("-") for part in rule.values.split()]
    assert rule.where is not None
    for items in (own, *tumors):
        value = items.get(rule.where, "").upper()
        if value and any(first <= value[: len(first)] <= (last or first) for first, _, last in ranges):
            return True
    return False


def _rewrite(rule: Rule, value: str, conversion: Conversion, index: int) -> str:
    """Gives a date in the other form; a value that is no date stays as it is."""
    if rule.form == "iso-date":
        parts = re.fullmatch(r"([0-9]{4})([0-9]{2})?([0-9]{2})?", value)
        return "-".join(part for part in parts.groups() if part) if parts else value
    parts = re.match(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", value)
    if parts is None:
        return value
    if len(value) > parts.end():
        conversion.lose(Loss(TIME_LOST, rule.source, conversion.source.id_of(rule.source), value, index))
    return "".join(part for part in parts.groups() if part)


# --- levels, reasons, places ------------------------------------------------------------------------------------------


def _move_levels(own: dict[int, str], tumors: list[dict[int, str]], conversion: Conversion, index: int) -> None:
    """Moves items whose level is another in the target: up where all tumors agree, down to every tumor."""
    for number in {number for layer in (own, *tumors) for number in layer}:
        before, after = conversion.source.by_number(number), conversion.target.by_number(number)
        if before is None or after is None or before.level == after.level:
            continue
        if after.level == "Patient":
            values = [items.pop(number) for items in tumors if items.get(number)]
            if values and number not in own:
                # the largest is the latest where it is a date, and a fixed choice elsewhere
                own[number] = max(values)
            for value in values:
                if value != own[number]:
                    conversion.lose(Loss(DIFFERS, number, after.id, value, index))
        elif after.level == "Tumor" and tumors and number in own:
            value = own.pop(number)
            for items in tumors:
                items.setdefault(number, value)


def _report_reasons(items: dict[int, str], conversion: Conversion, index: int | None, tumor: int | None) -> None:
    """Lists the flags of blank dates that the target has no item for, and takes all such flags out."""
    for number in [number for number in items if is_flag(number) and number not in conversion.target]:
        code = items.pop(number)
        if code and not items.get(date_of(number)):
            reason = read_reasons({number: code})[date_of(number)]
            name = conversion.source.id_of(date_of(number))
            conversion.lose(Loss(REASON_LOST, date_of(number), name, reason, index, tumor))


def _same_item(before: Item | None, after: Item | None) -> bool:
    """A number that was a reserved gap and is an item now (530, 1190) is not the same item."""
    return after is not None and (before is None or before.source == after.source or before.source != "default-user")


def _fit(items: dict[int, str], conversion: Conversion, index: int | None, tumor: int | None) -> dict[int, str]:
    """Gives the values that have a place in the target, and lists the others."""
    fitted: dict[int, str] = {}
    for number, value in items.items():
        if not value:
            continue
        before, after = conversion.source.by_number(number), conversion.target.by_number(number)
        name = before.id if before else after.id if after else str(number)
        if after is None or not _same_item(before, after):
            kind = NO_CODE if any(number == rule.source for step in conversion.rules for rule in step) else NO_ITEM
            conversion.lose(Loss(kind, number, name, value, index, tumor))
            continue
        if conversion.record_type not in after.record_types:
            conversion.lose(Loss(NOT_CARRIED, number, name, value, index, tumor))
            continue
        fitted[number] = _fit_value(after, value, conversion, index, tumor)
    return fitted


def _fit_value(item: Item, value: str, conversion: Conversion, index: int | None, tumor: int | None) -> str:
    if conversion.flat:
        if "\n" in value or "\r" in value:
            conversion.lose(Loss(LINE_ENDS, item.number, item.id, value, index, tumor))
            value = re.sub(r"\r\n|\r|\n", " ", value)
        if len(value) > item.length:
            conversion.lose(Loss(SHORTENED, item.number, item.id, value, index, tumor))
            value = value[: item.length]
        return value
    if item.trim == "none":
        # blanks at the end only fill the columns; writing columns fills them again
        value = value.rstrip(" ")
    if len(value) > item.length and not item.unlimited:
        before = conversion.source.by_number(item.number)
        if before is not None and (before.length > item.length or before.unlimited):
            conversion.lose(Loss(TOO_LONG, item.number, item.id, value, index, tumor))
    return value


def _no_place(node: Node, conversion: Conversion, index: int | None, tumor: int | None) -> None:
    for name, value in node.unknown.items():
        conversion.lose(Loss(NO_PLACE, None, name, value, index, tumor))
    for extension in node.extensions:
        conversion.lose(Loss(NO_PLACE, None, "extension", extension[:80], index, tumor))
