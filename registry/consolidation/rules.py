"""The rules of consolidation, read from data: dated, versioned, and overridden item by item by a registry's own file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from registry.config import Settings
from registry.consolidation.values import BLANK, CHAINS, KNOWN, UNKNOWN, Account, day_of, is_date, is_nines, item_name
from registry.errors import RegistryError

FILE = "consolidation.toml"
"""A registry's own rules, in the data folder."""

PLAIN = frozenset({"known", "specific", "complete", "majority", "highest", "lowest", "source", "fullest", "key"})
DATED = frozenset({"latest", "earliest"})
LAST = ("source", "fullest", "key")
"""What is asked after a rule's own questions, so that one account is always left."""

SOURCES = ("facilities", "class_of_case", "reporting_source", "facility_kind")
_RULE = frozenset({"id", "title", "chain", "items", "lead", "by", "together", "fill", "agree"})
MOST_FAULTS = 20
SEEN_AT_MOST = 100_000
"""Answers that a set of rules keeps of one kind."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: its items, the questions that decide, and whether the items come from one account together."""

    id: str
    title: str
    chain: str
    items: frozenset[int]
    by: tuple[str, ...]
    lead: tuple[int, ...] = ()
    together: bool = False
    fill: tuple[tuple[int, ...], ...] = ()
    agree: tuple[tuple[int, int], ...] = ()

    @cached_property
    def questions(self) -> tuple[str, ...]:
        """All questions in their order, the last ones of every rule too."""
        return (*self.by, *(question for question in LAST if question not in self.by))

    @cached_property
    def whole(self) -> tuple[int, ...]:
        """The items in order without those of parts that another account may fill."""
        filled = {item for part in self.fill for item in part}
        return tuple(sorted(self.items - filled))

    def part_of(self, item: int) -> tuple[int, ...]:
        """The items that follow a choice of this one: a part that may be filled, all of a rule's items, or it alone."""
        for part in self.fill:
            if item in part:
                return part
        return tuple(sorted(self.items)) if self.together else (item,)


def _default(chain: str) -> Rule:
    title = "every other item"
    return Rule(id=f"{chain}-default", title=title, chain=chain, items=frozenset(), by=("known", "source"))


@dataclass(frozen=True, eq=False)
class RuleSet:
    """All rules in force: `version` names the shipped rules and, by a mark of its content, the registry's own file."""

    version: str
    title: str
    rules: tuple[Rule, ...]
    sources: Mapping[str, tuple[str, ...]]
    unknown: Mapping[int, frozenset[str]]
    nines_are_codes: frozenset[int]
    levels: Mapping[int, Mapping[str, int]]
    finest: Mapping[int, int]
    weak: frozenset[str] = frozenset()
    by_source: frozenset[int] = frozenset()
    never: frozenset[int] = frozenset()
    defaults: Mapping[str, Rule] = field(default_factory=lambda: {chain: _default(chain) for chain in CHAINS})
    _by_item: dict[tuple[str, int], Rule] = field(default_factory=dict)
    _levels_seen: dict[tuple[int, str], int] = field(default_factory=dict)
    _ranks_seen: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rule in self.rules:
            for item in rule.items:
                self._by_item[rule.chain, item] = rule

    def rule(self, chain: str, item: int) -> Rule:
        """The rule of an item; the default one where none names it."""
        return self._by_item.get((chain, item)) or self.defaults[chain]

    def level(self, item: int, value: str) -> int:
        """How much a value says of an item: 0 nothing, 1 unknown, from 2 on known, the higher the more specific."""
        if not value:
            return BLANK
        found = self._levels_seen.get((item, value))
        if found is None:
            found = self._levels_seen[item, value] = self._level(item, value)
            if len(self._levels_seen) > SEEN_AT_MOST:
                self._levels_seen.clear()
        return found

    def _level(self, item: int, value: str) -> int:
        if value.upper() in self.unknown.get(item, ()):
            return UNKNOWN
        if is_date(item):
            day = day_of(value)
            return UNKNOWN if day is None else day[2]
        if item not in self.nines_are_codes and is_nines(item, value):
            return UNKNOWN
        return self.levels.get(item, {}).get(value, self.finest.get(item, KNOWN))

    def leaves_open(self, item: int, question: str) -> bool:
        """Whether a known value that lost by the question waits for a person: it was not decided by what values say."""
        if item in self.never:
            return False
        return question in self.weak or (question == "source" and item in self.by_source)

    def source_rank(self, account: Account) -> tuple[int, ...]:
        """The place of an account among sources, the best lowest: named facilities, class of case, source, facility kind."""
        values = (account.facility, account.get(610), account.get(500), account.kind)
        found = self._ranks_seen.get(values)
        if found is None:
            if len(self._ranks_seen) > SEEN_AT_MOST:
                self._ranks_seen.clear()
            found = tuple(_place(self.sources[name], value) for name, value in zip(SOURCES, values))
            self._ranks_seen[values] = found
        return found


def _place(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)


def shipped() -> RuleSet:
    """Gives the rules that come with the program."""
    return _load(None, "")


def in_force(settings: Settings | None) -> RuleSet:
    """Gives the shipped rules under those of the registry's own file, which is read anew when it was changed."""
    path = settings.home / FILE if settings is not None else None
    if path is None or not path.is_file():
        return _load(None, "")
    return _load(path, path.read_text(encoding="utf-8", errors="replace"))


def with_file(path: Path) -> RuleSet:
    """Gives the shipped rules under those of a file."""
    return _load(path, path.read_text(encoding="utf-8", errors="replace"))


def with_text(text: str) -> RuleSet:
    """Gives the shipped rules under those of a text as `consolidation.toml` holds it; an empty one leaves the shipped."""
    return _load(Path(FILE), text) if text.strip() else _load(None, "")


@lru_cache(maxsize=16)
def _load(path: Path | None, text: str) -> RuleSet:
    shipped_text = (files("registry.consolidation") / "data" / "rules.toml").read_text(encoding="utf-8")
    base = tomllib.loads(shipped_text)
    if path is None:
        return _rule_set(base, str(base["version"]), "rules.toml")
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError("consolidation-rules", f"{path.name} cannot be read: {error}", where=str(path)) from error
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return _rule_set(
        _overlaid(base, own, path), f"{base['version']} with {own.get('version', 'own')} {mark}", str(path)
    )


def _overlaid(base: dict[str, Any], own: dict[str, Any], path: Path) -> dict[str, Any]:
    """The shipped tables under the registry's own: rules and scales by id, their items taken from every other rule."""
    strange = sorted(set(own) - {"version", "title", "sources", "open", "unknown", "scale", "rule"})
    if strange:
        raise RegistryError("consolidation-rules", f"unknown keys {', '.join(strange)}", where=str(path))
    rules = {row["id"]: dict(row) for row in base["rule"]}
    own_ids = {row.get("id") for row in own.get("rule", [])}
    for number, row in enumerate(own.get("rule", []), 1):
        name = row.get("id")
        if not name:
            raise RegistryError("consolidation-rules", f"rule {number} has no id", where=str(path))
        fresh = rules.get(name, {}) | row
        taken = {(fresh.get("chain"), item) for item in _numbers(fresh.get("items", []))}
        for other in rules.values():
            if other["id"] != name:
                left = [n for n in _numbers(other["items"]) if (other["chain"], n) not in taken]
                other["items"] = left
                other["lead"] = [n for n in other.get("lead", []) if n in left]
                other["fill"] = [part for part in other.get("fill", []) if set(part) <= set(left)]
        rules[name] = fresh
    return {
        "version": base["version"],
        "title": own.get("title", base["title"]),
        "sources": base["sources"] | own.get("sources", {}),
        "open": base["open"] | own.get("open", {}),
        "unknown": base["unknown"] | own.get("unknown", {}),
        "scale": base["scale"] | own.get("scale", {}),
        "rule": [row for row in rules.values() if row["id"] in own_ids or row["items"]],
    }


def _rule_set(table: dict[str, Any], version: str, where: str) -> RuleSet:
    faults: list[str] = []
    levels: dict[int, dict[str, int]] = {}
    finest: dict[int, int] = {}
    for name, scale in table["scale"].items():
        if not isinstance(scale.get("items"), list) or not isinstance(scale.get("levels"), list):
            faults.append(f"scale {name!r} needs items and levels")
            continue
        by_code = {code: KNOWN + n for n, codes in enumerate(scale["levels"]) for code in _codes(codes)}
        for item in scale["items"]:
            levels[item], finest[item] = by_code, KNOWN + len(scale["levels"])
    rules = tuple(rule for row in table["rule"] if (rule := _read_rule(row, faults)) is not None)
    faults += _shared(rules)
    unknown_sources = sorted(set(table["sources"]) - set(SOURCES))
    if unknown_sources:
        faults.append(f"[sources] has no {', '.join(unknown_sources)}; known: {', '.join(SOURCES)}")
    weak, by_source = table["open"].get("questions", []), table["open"].get("by_source", [])
    strange = sorted({*weak} - {*PLAIN}) + sorted({*table["open"]} - {"questions", "by_source", "never"})
    if strange:
        faults.append(f"[open] does not know {', '.join(map(repr, strange))}")
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise RegistryError(
            "consolidation-rules",
            "; ".join(faults[:MOST_FAULTS]) + more,
            hint="rules.toml of registry/consolidation says what a rule may hold",
            where=where,
        )
    unknown = {
        int(name.removeprefix("codes_")): frozenset(codes)
        for name, codes in table["unknown"].items()
        if name.startswith("codes_")
    }
    return RuleSet(
        version=version,
        title=table["title"],
        rules=rules,
        sources={name: tuple(_codes(table["sources"][name])) for name in SOURCES},
        unknown=unknown,
        nines_are_codes=frozenset(table["unknown"]["nines_are_codes"]),
        levels=levels,
        finest=finest,
        weak=frozenset(weak),
        by_source=frozenset(by_source),
        never=frozenset(_numbers(table["open"].get("never", []))),
    )


def _read_rule(row: dict[str, Any], faults: list[str]) -> Rule | None:
    name = row.get("id", "?")
    wrong = [f"has no {key}" for key in ("items", "by", "chain") if not row.get(key)]
    wrong += [f"has an unknown key {key!r}" for key in sorted(set(row) - _RULE)]
    if not wrong and row["chain"] not in CHAINS:
        wrong.append(f"is of the chain {row['chain']!r}, which is neither patient nor tumor")
    wrong += [f"asks {question!r}" for question in row.get("by", []) if not _is_question(question)]
    if wrong:
        faults += [f"rule {name!r} {text}" for text in wrong]
        return None
    items = _numbers(row["items"])
    lead = tuple(row.get("lead") or sorted(items))
    inside = {*lead, *(n for part in row.get("fill", []) for n in part)}
    if not inside <= set(items):
        faults.append(f"rule {name!r} leads or fills by items {sorted(inside - set(items))} that are not its own")
        return None
    return Rule(
        id=name,
        title=row.get("title", ", ".join(item_name(n) for n in lead[:3])),
        chain=row["chain"],
        items=frozenset(items),
        by=tuple(row["by"]),
        lead=lead,
        together=bool(row.get("together", False)),
        fill=tuple(tuple(part) for part in row.get("fill", [])),
        agree=tuple((int(item), length) for item, length in row.get("agree", {}).items()),
    )


def _is_question(text: str) -> bool:
    kind, _, rest = text.partition(":")
    if kind in DATED:
        return rest == "self" or rest.isdigit()
    if kind == "prefer":
        item, _, values = rest.partition("=")
        return item.isdigit() and bool(values)
    return text in PLAIN


def _shared(rules: Iterable[Rule]) -> list[str]:
    seen: dict[tuple[str, int], str] = {}
    faults = []
    for rule in rules:
        for item in sorted(rule.items):
            other = seen.setdefault((rule.chain, item), rule.id)
            if other != rule.id:
                faults.append(f"item {item} stands in the rules {other!r} and {rule.id!r}")
    return faults


def _numbers(items: Iterable[int | str]) -> list[int]:
    """Gives item numbers, ranges such as "670-676" written out."""
    found: list[int] = []
    for item in items:
        first, _, last = str(item).partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _codes(codes: Iterable[str]) -> list[str]:
    """Gives codes, ranges such as "C760-C768" or "10-14" written out."""
    found: list[str] = []
    for code in codes:
        first, dash, last = code.partition("-")
        if not dash or not first[-1:].isdigit() or len(first) != len(last):
            found.append(code)
            continue
        prefix = first.rstrip("0123456789")
        width = len(first) - len(prefix)
        found += [f"{prefix}{n:0{width}d}" for n in range(int(first[len(prefix) :]), int(last[len(prefix) :]) + 1)]
    return found
