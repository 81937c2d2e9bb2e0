"""The rules of multiple primaries by group, read from data: which tumors a group takes, and its steps in order.

`data/groups.csv` says which sites, morphologies and years belong to a group; `data/rules/*.toml` hold the steps, one file
for each edition of the manuals. A new edition is a new file and new lines in the tables.
Source: SEER multiple primary rules of 1998, 2001, 2004, 2007; solid tumor rules 2018 to 2026; hematopoietic rules 2010.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from abstracting.codes.sources import read_table
from abstracting.primaries.codes import DATA
from abstracting.primaries.conditions import All, read_condition
from abstracting.primaries.tumors import Tumor

SINGLE, MULTIPLE, QUESTIONABLE, INVALID = "SINGLE_PRIMARY", "MULTIPLE_PRIMARIES", "QUESTIONABLE", "INVALID_INPUT"

OUTCOMES = {"single": SINGLE, "multiple": MULTIPLE, "review": QUESTIONABLE}

FORMS = "forms"

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition and what follows from it; with `at_most` it gives no more than a potential result."""

    when: All
    outcome: str
    at_most: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One step of a group: its clauses in order, of which the first that may hold counts."""

    group_id: str
    step: str
    clauses: tuple[Clause, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Ranges of codes and years; an empty range of sites or histologies takes all but those left out."""

    sites: Ranges
    sites_out: Ranges
    histologies: Ranges
    histologies_out: Ranges
    behaviors: Ranges
    years: Ranges

    def takes(self, tumor: Tumor, year: int) -> bool:
        site, histology = int(tumor.site[1:]), int(tumor.histology)
        return (
            _within(year, self.years)
            and _within(int(tumor.behavior), self.behaviors)
            and (_within(site, self.sites) if self.sites else not _within(site, self.sites_out))
            and (
                _within(histology, self.histologies)
                if self.histologies
                else not _within(histology, self.histologies_out)
            )
        )


@dataclass(frozen=True, slots=True)
class Group:
    """A set of rules with the tumors it is for; `name` is its edition and site in words."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    rules: tuple[Rule, ...]

    def takes(self, tumor: Tumor, year: int) -> bool:
        """Tells whether a valid tumor belongs here when the later diagnosis is of a year."""
        return any(scope.takes(tumor, year) for scope in self.scopes)


def _within(number: int, ranges: Ranges) -> bool:
    return any(low <= number <= high for low, high in ranges)


@cache
def groups() -> tuple[Group, ...]:
    """Gives all groups in the order in which they are asked."""
    scopes: dict[str, list[Scope]] = {}
    for row in read_table(DATA / "groups.csv"):
        columns = ("site_in", "site_out", "histology_in", "histology_out", "behavior", "years")
        scopes.setdefault(row["id"], []).append(Scope(*(_ranges(row[column]) for column in columns)))
    written = _read_files()
    return tuple(
        Group(group_id, written[group_id].get("name", group_id), tuple(parts), read_rules(group_id, written[group_id]))
        for group_id, parts in scopes.items()
    )


def find_group(tumor: Tumor, year: int) -> Group | None:
    """Gives the group of a valid tumor by the year of the later of two diagnoses, None when there is none."""
    return next((group for group in groups() if group.takes(tumor, year)), None)


def _ranges(cell: str) -> Ranges:
    ends = (word.replace("C", "").partition("-") for word in cell.split())
    return tuple((int(low), int(high or low)) for low, _, high in ends)


def _read_files() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((DATA / "rules").glob("*.toml")):
        if path.stem != FORMS:
            found.update(tomllib.loads(path.read_text(encoding="utf-8")))
    return found


@cache
def _forms() -> dict[str, dict[str, Any]]:
    return tomllib.loads((DATA / "rules" / f"{FORMS}.toml").read_text(encoding="utf-8"))


def read_rules(group_id: str, written: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Reads the steps of a group in the order in which they are written; a fault of writing is a ValueError."""
    terms = written.get("terms", {})
    return tuple(_read_rule(group_id, step, rule, terms) for step, rule in written["rules"].items())


def _read_rule(group_id: str, step: str, written: Mapping[str, Any], terms: Mapping[str, Any]) -> Rule:
    rule = dict(written)
    try:
        if "form" in rule:
            # a form is a rule with gaps: what the rule gives fills them, or stands in its place
            form = _forms()[rule.pop("form")]
            rule = {key: _filled(value, rule) for key, value in form.items()} | rule
        # the reason of a rule is not that of its one clause
        clauses = rule.get("clauses", [{key: value for key, value in rule.items() if key != "reason"}])
        return Rule(group_id, step, tuple(_read_clauses(clauses, terms)), rule["reason"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{group_id} {step}: {error}") from None


def _filled(written: Any, given: Mapping[str, Any]) -> Any:
    if isinstance(written, str):
        return written.format_map(given) if "{" in written else written
    if isinstance(written, list):
        return [_filled(part, given) for part in written]
    return {key: _filled(part, given) for key, part in written.items()}


def _read_clauses(written: Iterable[Mapping[str, Any]], terms: Mapping[str, Any]) -> Iterable[Clause]:
    for clause in written:
        when = read_condition(clause["when"], terms)
        if not isinstance(when, All):
            raise ValueError(f"the condition of a clause is a list, not {clause['when']!r}")
        at_most = "perhaps" in clause
        outcome = OUTCOMES[clause["perhaps" if at_most else "then"]]
        yield Clause(when, outcome, at_most, clause.get("reason", ""))
