"""Follow-up rule sets: windows, exclusions and targets, dated and named, read from data and never written into code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from registry.errors import RegistryError

DEFAULT = "coc"


@dataclass(frozen=True, kw_only=True)
class Test:
    """One rate with its target: which diagnoses it counts, by window, behavior and age at diagnosis."""

    id: str
    title: str
    window: str
    target: float
    goal: float | None = None
    behavior: tuple[str, ...] = ()
    age_from: int = 0
    age_to: int = 999

    def first_diagnosis(self, *, as_of: date, reference: date | None, earliest: date | None) -> date | None:
        """The first day of diagnosis that the test counts on a day of calculation; None for no limit."""
        limits = [day for day in (reference, earliest) if day is not None]
        kind, _, years = self.window.partition(":")
        if kind == "years":
            limits.append(_years_before(as_of, int(years)))
        return max(limits) if limits and kind != "all" else None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A kind of case that is reported by agreement alone; what is left out does not limit it."""

    title: str
    behaviors: tuple[str, ...] = ()
    histologies: tuple[int, int] = (0, 9999)
    sites: tuple[str, ...] = ("",)
    not_sites: tuple[str, ...] = ()

    def covers(self, site: str, histology: str, behavior: str) -> bool:
        """Whether a case is of this kind; one without a histology is of none that asks for one."""
        first, last = self.histologies
        return (
            (not self.behaviors or behavior in self.behaviors)
            and site.startswith(self.sites)
            and not (self.not_sites and site.startswith(self.not_sites))
            and first <= (int(histology) if histology.isdigit() else 0) <= last
        )


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """One body's rules of follow-up from the day on which they hold."""

    id: str
    title: str
    holds_from: date
    source: str
    classes: frozenset[str]
    due_months: int
    delinquent_months: int
    earliest_diagnosis: date | None
    exclude_foreign: bool
    exclude_benign: bool
    exclude_cervix_in_situ: bool
    exclude_skin_basal_squamous: bool
    aged_out_years: int
    aged_out_counts_as: str
    tests: tuple[Test, ...] = field(default=())
    agreements: tuple[Agreement, ...] = ()


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def months_later(day: date, months: int) -> date:
    """Gives the same day so many months later; the last day of the month where that month is shorter."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    for last in range(day.day, 27, -1):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    return date(year, month, min(day.day, 28))


@cache
def rule_sets() -> dict[str, RuleSet]:
    """Gives the shipped rule sets by id."""
    text = (files("registry.followup") / "data" / "rule_sets.toml").read_text(encoding="utf-8")
    return {row["id"]: _read(row) for row in tomllib.loads(text)["rule_set"]}


def rule_set(name: str = DEFAULT) -> RuleSet:
    """Gives a rule set by id; an unknown one is an error that lists those there are."""
    if name not in rule_sets():
        raise RegistryError("rule-set", f"no follow-up rule set {name!r}", hint=f"known: {', '.join(rule_sets())}")
    return rule_sets()[name]


def _read(row: dict[str, Any]) -> RuleSet:
    values = dict(row)
    tests = tuple(Test(**{**test, "behavior": tuple(test.get("behavior", ()))}) for test in values.pop("test", []))
    agreements = [
        {k: tuple(v) if isinstance(v, list) else v for k, v in a.items()} for a in values.pop("agreement", [])
    ]
    earliest = values.pop("earliest_diagnosis")
    return RuleSet(
        **{
            **values,
            "holds_from": date.fromisoformat(values["holds_from"]),
            "classes": frozenset(values["classes"]),
            "earliest_diagnosis": date.fromisoformat(earliest) if earliest else None,
            "tests": tests,
            "agreements": tuple(Agreement(**agreement) for agreement in agreements),
        }
    )
