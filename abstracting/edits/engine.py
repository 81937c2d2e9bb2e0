"""Sets of edits, and checking one record or one patient with them: what the editor calls at every change.

An item edit that fails gates every other edit that reads its item: these are then not evaluable, so that one wrong code
gives one finding. `needs` of a rule adds further gates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

from abstracting.edits.expressions import set_today
from abstracting.edits.generated import code_list_rules, date_rules, form_rules, schema_rules
from abstracting.edits.patients import BETWEEN_PATIENTS, QUESTIONS
from abstracting.edits.records import AnyRecord, EditRecord, as_record, item_number
from abstracting.edits.results import FAIL, NOT_EVALUABLE, OVERRIDDEN, PASS, EditResult, fingerprint_of, result_of
from abstracting.edits.rules import ITEM, SCHEMA, Rule, RuleFile, built_in, in_order, read_rule_file
from abstracting.errors import AbstractingError
from abstracting.values import PartialDate, parse_date

Truth = bool | None

SETS: dict[str, str] = {
    "all": "every edit",
    "item": "codes and dates of single items",
    "interfield": "items of one record against each other",
    "interrecord": "the records of a patient, and patients, against each other",
    "schema": "codes that the tumor's staging schema allows",
    "staging": "stage, nodes and treatment, and the codes of the staging schema",
    "catalogue": "the checks of the catalogue alone, without those that follow from tables",
    "codes": "code lists of the dictionary alone",
    "tables": "edits that follow from tables: code lists, dates, codes of the staging schemas",
    "iarc": "checks of IARC Technical Report 42, with their known faults corrected",
    "canreg": "checks that a file in the CanReg layout can answer",
    "site": "the rules of the site's own file",
}
"""The named sets with what is in them."""


class EditSet:
    """The rules of one set, ready to check records; `today` fixes the day of the check."""

    def __init__(self, name: str, rules: Sequence[Rule], gates: Iterable[Rule] = (), *, today: dt.date | None = None):
        self.name = name
        self.rules = tuple(in_order(rules))
        self._today = today
        self._by_id = {rule.id: rule for rule in (*gates, *self.rules)}
        by_item: dict[int, list[Rule]] = {}
        for rule in self._by_id.values():
            if rule.level == ITEM:
                by_item.setdefault(rule.items[0], []).append(rule)
        self.gates: dict[str, tuple[Rule, ...]] = {
            rule.id: self._gates_of(rule, by_item) for rule in self.rules if rule.level != ITEM or rule.needs
        }
        self.of_record = tuple(rule for rule in self.rules if rule.test is not None)
        self.between = tuple(rule for rule in self.rules if rule.between)
        self._dependents: dict[int, tuple[Rule, ...]] = {}
        for rule in self.of_record:
            for number in self._reached_by(rule):
                self._dependents[number] = (*self._dependents.get(number, ()), rule)

    def _gates_of(self, rule: Rule, by_item: Mapping[int, list[Rule]]) -> tuple[Rule, ...]:
        named = [self._by_id[need] for need in rule.needs if need in self._by_id]
        items = [] if rule.level == ITEM else [gate for number in rule.items for gate in by_item.get(number, ())]
        return tuple(dict.fromkeys((*named, *items)))

    def _reached_by(self, rule: Rule) -> tuple[int, ...]:
        """The items whose change can change what the rule says: those it reads, its override, those of its gates."""
        numbers = [*rule.reads]
        if rule.override:
            numbers.append(rule.override.number)
        for gate in self.gates.get(rule.id, ()):
            numbers += gate.reads
        return tuple(dict.fromkeys(numbers))

    def without(self, *identities: str) -> EditSet:
        """Gives the set without some rules."""
        kept = [rule for rule in self.rules if rule.id not in identities]
        return EditSet(self.name, kept, self._by_id.values(), today=self._today)

    @property
    def today(self) -> dt.date:
        return self._today or dt.date.today()

    def rule(self, identity: str) -> Rule:
        """Gives a rule by its id; another id is an `edit-set` error."""
        if identity not in self._by_id:
            raise AbstractingError(
                "edit-set", f"there is no edit {identity!r}", hint="`oncoregistry edits list` names all"
            )
        return self._by_id[identity]

    def dependents(self, changed: Iterable[object]) -> tuple[Rule, ...]:
        """Gives the rules that a change of these items (numbers or XML ids) can touch, in order."""
        numbers = [number for key in changed if (number := item_number(key)) is not None]
        touched = {rule.id for number in numbers for rule in self._dependents.get(number, ())}
        return tuple(rule for rule in self.of_record if rule.id in touched)

    def check_record(
        self,
        record: AnyRecord | EditRecord,
        *,
        changed: Iterable[object] | None = None,
        carries: Set[int] | None = None,
        overrides: Mapping[str, str] | None = None,
        every: bool = False,
    ) -> list[EditResult]:
        """Gives what fails (and what a person let stand) in one record; with `every`, all outcomes.

        `record` maps item numbers or XML ids to codes. `changed` limits the check to the rules that these items can
        touch. `carries` names the items that the source has at all. `overrides` (rule id → fingerprint) are the reviews
        that hold; without it the record's override items count.
        """
        read = self.prepared(record, carries)
        rules = self.of_record if changed is None else self.dependents(changed)
        found = []
        for rule in rules:
            outcome = self._outcome(rule, read, overrides)
            if every or outcome in (FAIL, OVERRIDDEN):
                found.append(result_of(rule, outcome, read))
        return found

    def check_patient(
        self,
        records: Sequence[AnyRecord | EditRecord],
        *,
        carries: Set[int] | None = None,
        overrides: Sequence[Mapping[str, str]] | None = None,
        every: bool = False,
    ) -> list[list[EditResult]]:
        """Gives, for each record of a patient (one a tumor), what `check_record` gives and the edits between them."""
        read = [self.prepared(record, carries) for record in records]
        reviews: Sequence[Mapping[str, str] | None] = overrides or [None] * len(read)
        found = [self.check_record(one, overrides=review, every=every) for one, review in zip(read, reviews)]
        for at, one in enumerate(self.check_between(read, reviews, every=every)):
            found[at] += one
        return found

    def check_between(
        self,
        records: Sequence[AnyRecord | EditRecord],
        overrides: Sequence[Mapping[str, str] | None] | None = None,
        *,
        carries: Set[int] | None = None,
        every: bool = False,
    ) -> list[list[EditResult]]:
        """Gives, for each record of a patient, the edits between the records alone."""
        read = [self.prepared(record, carries) for record in records]
        reviews = overrides or [None] * len(read)
        found: list[list[EditResult]] = [[] for _ in read]
        for rule in self.between:
            if rule.between == BETWEEN_PATIENTS:
                continue
            for at, truth in enumerate(self.ask_between(rule, read)):
                others = [one for place, one in enumerate(read) if place != at]
                outcome = _PLAIN[truth]
                if outcome == FAIL and _is_overridden(rule, read[at], reviews[at], others):
                    outcome = OVERRIDDEN
                if every or outcome in (FAIL, OVERRIDDEN):
                    found[at].append(result_of(rule, outcome, read[at], others))
        return found

    def ask_between(self, rule: Rule, records: Sequence[EditRecord]) -> list[Truth]:
        """Gives the truth of a question between records for each of them; those with a failing gate take no part."""
        fit = [at for at, record in enumerate(records) if not self._is_gated(rule, record)]
        truth: list[Truth] = [None] * len(records)
        if len(fit) > 1:
            for at, answer in zip(fit, QUESTIONS[rule.between]([records[at] for at in fit])):
                truth[at] = answer
        return truth

    def prepared(self, record: AnyRecord | EditRecord, carries: Set[int] | None = None) -> EditRecord:
        """Gives a record in the form that rules read, with the day of the check."""
        read = as_record(record, carries)
        set_today(read, _today(self.today))
        return read

    def _outcome(self, rule: Rule, record: EditRecord, overrides: Mapping[str, str] | None) -> str:
        truth = self.truth(rule, record)
        if truth is False:
            return OVERRIDDEN if _is_overridden(rule, record, overrides) else FAIL
        return _PLAIN[truth]

    def truth(self, rule: Rule, record: EditRecord) -> Truth:
        """Gives the truth of a rule of one record, None where it is not evaluable or a gate of it fails."""
        memo = record.memo
        found = memo.get(rule.id, memo)
        if found is memo:
            assert rule.test is not None
            found = rule.test.of(record)
            if found is not None and self._is_gated(rule, record):
                found = None
            memo[rule.id] = found
        return found

    def _is_gated(self, rule: Rule, record: EditRecord) -> bool:
        return any(gate.test is not None and self.truth(gate, record) is False for gate in self.gates.get(rule.id, ()))


_PLAIN: dict[Truth, str] = {True: PASS, False: FAIL, None: NOT_EVALUABLE}


def _is_overridden(
    rule: Rule, record: EditRecord, overrides: Mapping[str, str] | None, others: Iterable[EditRecord] = ()
) -> bool:
    if overrides is not None:
        given = overrides.get(rule.id)
        return given is not None and given == fingerprint_of(rule, record, others)
    return rule.override is not None and rule.override.passes(record.value(rule.override.number))


@lru_cache(maxsize=4)
def _today(day: dt.date) -> PartialDate:
    return parse_date(day)


# --- named sets -------------------------------------------------------------------------------------------------------


@cache
def _generated() -> tuple[Rule, ...]:
    return (*code_list_rules(), *date_rules(), *form_rules(), *schema_rules())


def _is_in(rule: Rule, name: str, generated: bool, of_site: bool) -> bool:
    return (
        name == "all"
        or name in rule.sets
        or name == rule.level
        or (name == "catalogue" and not generated and not of_site)
        or (name == "codes" and rule.id.startswith("COD"))
        or (name == "tables" and generated)
        or (name == "staging" and (rule.level == SCHEMA or rule.id.startswith(("STG", "ITM19", "ITM20", "GRA"))))
    )


def collect(site: RuleFile | None = None) -> tuple[list[Rule], list[Rule], list[Rule]]:
    """Gives the rules that run: of the catalogue, from tables, and of the site; switched on and off by its file."""
    disabled = set(site.disabled) if site else set()
    enabled = set(site.enabled) if site else set()

    def runs(rule: Rule) -> bool:
        off = rule.id in disabled or rule.edit in disabled
        return rule.kind == "edit" and not off and (not rule.optional or rule.id in enabled)

    return (
        [rule for rule in built_in().rules if runs(rule)],
        [rule for rule in _generated() if runs(rule)],
        [replace(rule, sets=rule.sets | {"site"}) for rule in site.rules if runs(rule)] if site else [],
    )


def make_set(name: str = "all", *, site: RuleFile | None = None, today: dt.date | None = None) -> EditSet:
    """Gives a set by its name, with the rules of a site's file beside the built-in ones; see `SETS`.

    A name that only rules of the site's file carry in `sets` works too. Raises `edit-set` for any other, and
    `edit-rules` for a rule of the site with the id of a built-in one.
    """
    catalogue, generated, own = collect(site)
    built = {rule.id for rule in (*catalogue, *generated)}
    twice = [rule.id for rule in own if rule.id in built]
    if twice:
        raise AbstractingError(
            "edit-rules", f"{', '.join(twice)} is a built-in edit", hint="choose another id, or name it in disable too"
        )
    # a site's list replaces a built-in one of its name, such as `catchment`
    if site is not None:
        catalogue = _with_lists(catalogue, site)
    wanted = [
        rule
        for rules, made, of_site in ((catalogue, False, False), (generated, True, False), (own, False, True))
        for rule in rules
        if _is_in(rule, name, made, of_site)
    ]
    if not wanted and name not in SETS:
        raise AbstractingError(
            "edit-set", f"there is no set of edits {name!r}", hint="one of: " + ", ".join(SETS), exit_code=2
        )
    gates = [rule for rule in (*catalogue, *generated, *own) if rule.level == ITEM]
    return EditSet(name, wanted, gates, today=today)


def _with_lists(rules: list[Rule], site: RuleFile) -> list[Rule]:
    changed = {name for name, codes in site.lists.items() if built_in().lists.get(name) != codes}
    if not changed:
        return rules
    again = {rule.id: rule for rule in built_in(site.lists).rules}
    return [
        again[rule.id] if any(f"@{name}" in rule.when + rule.require for name in changed) else rule for rule in rules
    ]


@lru_cache(maxsize=32)
def edit_set(name: str = "all", *, rules: str | Path | None = None, today: dt.date | None = None) -> EditSet:
    """Gives a set by its name, compiled once; `rules` is a site's own file. See `make_set`."""
    site = None if rules is None else read_rule_file(rules, built_in().lists)
    return make_set(name, site=site, today=today)


def check_record(
    record: AnyRecord, *, changed: Iterable[object] | None = None, rule_set: str = "all"
) -> list[EditResult]:
    """Gives what fails in one record by a built-in set; see `EditSet.check_record`."""
    return edit_set(rule_set).check_record(record, changed=changed)
