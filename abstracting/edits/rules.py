"""Rules as data: what a rule says, and reading a file of them with every fault named by its line.

A file of rules (TOML) holds `[lists]` of codes, `disable` and `enable` with ids of rules, and `[[rule]]` tables:

    [[rule]]
    id = "SEX01"                        # letters and digits; a part of an edit is named behind a slash: ITM02/behavior
    category = "sex and site"
    level = "interfield"                # item, interfield, schema or interrecord
    severity = "error"                  # error, warning or info
    items = ["sex", "site"]             # both ends of the edit, as terms, #numbers or XML ids
    years = "2004-"                     # of diagnosis; absent: all
    when = "sex = 1"                    # where the rule applies; absent: always
    require = "site not in @female_sites"
    message = "Sex {sex} does not fit primary site {site}: correct whichever is wrong."
    override = "2030:1"                 # item that lets a reviewed record pass, with its codes (the first is written)
    needs = ["ITM01"]                   # edits that must pass first, beside the item edits of what the rule reads
    each = ["#1200", "#1210"]           # one rule for each item; {each} is the item, {each.name} its name
    sets = ["iarc"]                     # further sets that the rule belongs to
    optional = true                     # runs only where a site's file has it in `enable`
    source = "…"
    version = "1"

Instead of `require` a rule may have `between` (a question about all records of a patient, see `patients.py`), or `kind`
(`indicator`, `derivation`, `exception`: no edit of a record, but part of the catalogue).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import abstracting.edits.schemas  # noqa: F401  makes schema_allows() and in_code_list() known to the language
from abstracting.edits.expressions import Test, compile_text, compile_tree, implies
from abstracting.edits.language import And, Codes, Compare, LanguageError, Literal, Name, read_codes
from abstracting.edits.records import EditRecord
from abstracting.edits.terms import term
from abstracting.errors import AbstractingError
from abstracting.naaccr.items import VERSIONS, dictionary

ITEM, INTERFIELD, SCHEMA, INTERRECORD = "item", "interfield", "schema", "interrecord"
LEVELS = (ITEM, INTERFIELD, SCHEMA, INTERRECORD)
ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)
KINDS = ("edit", "indicator", "derivation", "exception")

_ID = re.compile(r"[A-Z]{2,6}[0-9]{1,5}(/[a-z0-9_]+)?\Z")
_OVERRIDE = re.compile(r"(?P<item>\d+):(?P<codes>\w(?:,\w)*)\Z")
_YEARS = re.compile(r"(?P<first>\d{4})?-(?P<last>\d{4})?\Z|(?P<only>\d{4})\Z")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_TEXTS = ("id", "category", "level", "severity", "years", "when", "require", "between", "message", "override")
_KEYS = frozenset({*_TEXTS, "kind", "items", "needs", "each", "sets", "source", "version", "note", "optional"})
_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class OverrideItem:
    """The item by which a reviewed record passes: any of `codes` does; the first one is written, the last joins both."""

    number: int
    codes: tuple[str, ...]

    def passes(self, value: str) -> bool:
        return value in self.codes

    def code_for(self, present: str) -> str:
        """Gives the code to write beside what the item holds already: one that says both, where there is one."""
        if present in self.codes:
            return present
        return self.codes[-1] if present else self.codes[0]


@dataclass(frozen=True, slots=True)
class Rule:
    """One edit: `test` holds for a record that is right; `items` are all that it judges.

    `ends` groups them: items of one group stand for each other (stage by era, both sex items). `reads` adds the items
    that decide whether the rule applies, such as the year.
    """

    id: str
    category: str
    level: str
    severity: str
    items: tuple[int, ...]
    message: str
    test: Test | None = None
    between: str = ""
    kind: str = "edit"
    years: str = ""
    when: str = ""
    require: str = ""
    override: OverrideItem | None = None
    needs: tuple[str, ...] = ()
    sets: frozenset[str] = frozenset()
    source: str = ""
    version: str = "1"
    note: str = ""
    optional: bool = False
    ends: tuple[tuple[int, ...], ...] = ()
    reads: tuple[int, ...] = field(default=(), compare=False)

    @property
    def edit(self) -> str:
        """The edit's id without the name of its part."""
        return self.id.partition("/")[0]

    def sentence(self, record: EditRecord) -> str:
        """Gives the message with the record's values in their places."""
        return _PLACEHOLDER.sub(lambda match: _shown(match[1], record), self.message)


def _shown(name: str, record: EditRecord) -> str:
    wanted = term(name)
    if wanted is None:
        return name
    if wanted.is_date or not wanted.items:
        return next((record.items[number] for number in wanted.items if number in record.items), "blank")
    value = wanted.of(record)
    if value is None:
        return next((record.items[number] for number in wanted.items if number in record.items), "blank")
    return str(value)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What one file of rules says."""

    rules: tuple[Rule, ...]
    lists: Mapping[str, Codes]
    disabled: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fault:
    line: int
    message: str


class _Faults(list[_Fault]):
    def add(self, line: int, message: str) -> None:
        self.append(_Fault(line, message))

    def raise_any(self, where: str) -> None:
        if self:
            shown = sorted(self, key=lambda fault: fault.line)[:_AT_MOST]
            text = "; ".join(f"line {fault.line}: {fault.message}" for fault in shown)
            more = f" (and {len(self) - _AT_MOST} more)" if len(self) > _AT_MOST else ""
            raise AbstractingError(
                "edit-rules",
                text + more,
                where=f"{where}, line {shown[0].line}",
                hint="`oncoregistry edits explain LANGUAGE` describes the language and the keys of a rule",
            )


def read_rule_file(path: str | Path, known_lists: Mapping[str, Codes] | None = None) -> RuleFile:
    """Gives the rules of a site's file; all faults at once in an `AbstractingError` with code `edit-rules`."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise AbstractingError("edit-rules", f"the file cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise AbstractingError("edit-rules", "the file is not UTF-8", where=str(path)) from error
    return parse_rules(text, str(path), known_lists or {})


def parse_rules(text: str, where: str, known_lists: Mapping[str, Codes]) -> RuleFile:
    """Gives the rules of a text in the form described above; `known_lists` are those of other files."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AbstractingError("edit-rules", f"not TOML: {error}", where=where) from error
    faults = _Faults()
    lines = _Lines(text)
    for key in document:
        if key not in ("lists", "disable", "enable", "rule"):
            faults.add(lines.of_key(key), f"{key!r} is no part of a file of rules (lists, disable, enable, rule)")
    lists = {**known_lists, **_read_lists(document.get("lists", {}), lines, faults)}
    switches: dict[str, tuple[str, ...]] = {}
    for key in ("disable", "enable"):
        ids = document.get(key, [])
        if not _is_texts(ids):
            faults.add(lines.of_key(key), f"{key} must be a list of ids")
            ids = []
        switches[key] = tuple(ids)
    entries = document.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        faults.add(1, "rules are written as [[rule]] tables")
        entries = []
    rules = []
    for number, entry in enumerate(entries):
        for one in _expanded(entry, lines, number, faults):
            rule = _read_rule(one, lists, lines, number, faults)
            if rule is not None:
                rules.append(rule)
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        identity = str(entry.get("id"))
        if identity in seen:
            faults.add(lines.of_rule(number, "id"), f"{identity} stands twice")
        seen.add(identity)
    faults.raise_any(where)
    return RuleFile(tuple(rules), lists, switches["disable"], switches["enable"])


class _Lines:
    """Where things stand in the text, because TOML itself does not tell."""

    def __init__(self, text: str):
        self.lines = text.splitlines()
        self.rules = [n for n, line in enumerate(self.lines) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]

    def of_rule(self, number: int, key: str = "") -> int:
        start = self.rules[number] if number < len(self.rules) else 0
        stop = self.rules[number + 1] if number + 1 < len(self.rules) else len(self.lines)
        return self._find(key, start, stop) or start + 1

    def of_key(self, key: str) -> int:
        return self._find(key, 0, len(self.lines)) or 1

    def _find(self, key: str, start: int, stop: int) -> int | None:
        pattern = re.compile(rf"\s*\[?\s*{re.escape(key)}\s*[=\]]")
        return next((n + 1 for n in range(start, stop) if key and pattern.match(self.lines[n])), None)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _read_lists(given: Any, lines: _Lines, faults: _Faults) -> dict[str, Codes]:
    if not isinstance(given, dict):
        faults.add(lines.of_key("lists"), "[lists] must be a table of names and codes")
        return {}
    found = {}
    for name, entries in given.items():
        if not _is_texts(entries):
            faults.add(lines.of_key(name), f"the list {name} must hold codes as texts")
            continue
        try:
            # a text may hold many codes with blanks between
            found[name] = read_codes([code for entry in entries for code in entry.split()])
        except LanguageError as error:
            faults.add(lines.of_key(name), str(error))
    return found


@cache
def item_name(number: int) -> str:
    """Gives the name of an item in its newest version."""
    for version in reversed(VERSIONS):
        item = dictionary(version).by_number(number)
        if item is not None:
            return item.name
    return f"item {number}"


def _expanded(entry: dict[str, Any], lines: _Lines, number: int, faults: _Faults) -> Iterator[dict[str, Any]]:
    """Gives the entry, or one for each item of its `each`."""
    each = entry.get("each")
    if each is None:
        yield entry
        return
    if not _is_texts(each):
        faults.add(lines.of_rule(number, "each"), "each must be a list of items")
        return
    for name in each:
        wanted = term(name)
        if wanted is None or len(wanted.items) != 1:
            faults.add(lines.of_rule(number, "each"), f"{name!r} is not one item")
            continue
        item = wanted.items[0]

        def fill(value: Any, name: str = name, item: int = item, message: bool = False) -> Any:
            if isinstance(value, list):
                return [fill(one) for one in value]
            if not isinstance(value, str):
                return value
            value = value.replace("{each.name}", item_name(item)).replace("{each.number}", str(item))
            return value.replace("{each}", f"{{#{item}}}" if message else f"#{item}")

        one = {key: fill(value, message=key == "message") for key, value in entry.items() if key != "each"}
        identity = str(entry.get("id"))
        yield {**one, "id": f"{identity}{'_' if '/' in identity else '/'}{item}"}


def _read_rule(
    entry: dict[str, Any], lists: Mapping[str, Codes], lines: _Lines, number: int, faults: _Faults
) -> Rule | None:
    before = len(faults)

    def fault(key: str, message: str) -> None:
        faults.add(lines.of_rule(number, key), f"{entry.get('id', 'rule')}: {message}")

    for key in entry:
        if key not in _KEYS:
            fault(key, f"{key!r} is no key of a rule")
    for key in (*_TEXTS, "kind", "source", "version", "note"):
        if not isinstance(entry.get(key, ""), str):
            fault(key, f"{key} must be a text")
    if not isinstance(entry.get("optional", False), bool):
        fault("optional", "optional must be true or false")
    for key in ("items", "needs", "sets"):
        if not _is_texts(entry.get(key, [])):
            fault(key, f"{key} must be a list of texts")
    if len(faults) > before:
        return None
    kind = entry.get("kind", "edit")
    needed = ("id", "category", "level", "severity", "items", "message") if kind == "edit" else ("id", "category")
    for key in needed:
        if not entry.get(key):
            fault(key, f"{key} is missing")
    for key, allowed in (("level", LEVELS), ("severity", SEVERITIES), ("kind", KINDS)):
        if entry.get(key) and entry[key] not in allowed:
            fault(key, f"{key} {entry[key]!r} is none of {', '.join(allowed)}")
    if entry.get("id") and not _ID.match(entry["id"]):
        fault("id", f"the id {entry['id']!r} must be capital letters and digits, such as ABC01 or ABC01/part")
    if kind == "edit" and bool(entry.get("require")) == bool(entry.get("between")):
        fault("id", "either require or between is needed")
    ends = _read_ends(entry, fault)
    items = tuple(dict.fromkeys(number for end in ends for number in end))
    override = _read_override(entry, fault)
    test = _compile(entry, lists, fault)
    _check_message(entry, fault)
    if test is not None:
        left_out = [n for n in test.items if n not in items]
        if left_out:
            names = ", ".join(str(n) for n in left_out)
            fault("items", f"the rule reads item {names}, which items does not name")
    if len(faults) > before:
        return None
    return Rule(
        id=entry["id"],
        category=entry["category"],
        level=entry.get("level", INTERFIELD),
        severity=entry.get("severity", INFO),
        items=items,
        message=entry.get("message", ""),
        test=test,
        between=entry.get("between", ""),
        kind=kind,
        years=entry.get("years", ""),
        when=entry.get("when", ""),
        require=entry.get("require", ""),
        override=override,
        needs=tuple(entry.get("needs", ())),
        sets=frozenset(entry.get("sets", ())),
        source=entry.get("source", ""),
        version=entry.get("version", "1"),
        note=entry.get("note", ""),
        optional=entry.get("optional", False),
        ends=ends,
        reads=tuple(dict.fromkeys((*items, *(test.context if test else ())))),
    )


def _read_ends(entry: dict[str, Any], fault: Any) -> tuple[tuple[int, ...], ...]:
    found: dict[tuple[int, ...], None] = {}
    for name in entry.get("items", []):
        wanted = term(name)
        if wanted is None or not wanted.items:
            fault("items", f"{name!r} is no term, no #number and no XML id")
        else:
            found[wanted.items] = None
    return tuple(found)


def _read_override(entry: dict[str, Any], fault: Any) -> OverrideItem | None:
    text = entry.get("override", "")
    if not text:
        return None
    match = _OVERRIDE.match(text)
    if match is None:
        fault("override", f"the override {text!r} must be an item with its codes, such as 2030:1")
        return None
    return OverrideItem(int(match["item"]), tuple(match["codes"].split(",")))


def _compile(entry: dict[str, Any], lists: Mapping[str, Codes], fault: Any) -> Test | None:
    tests: dict[str, Test] = {}
    for key in ("when", "require"):
        if entry.get(key):
            try:
                tests[key] = compile_text(entry[key], lists)
            except LanguageError as error:
                fault(key, str(error))
    if entry.get("years"):
        within = years_test(entry["years"])
        if within is None:
            fault("years", f"the years {entry['years']!r} must be 2018-, -2017, 2004-2015 or 2010")
        elif "require" in tests:
            tests["require"] = implies(within, _with_condition(tests))
            return tests["require"]
    return _with_condition(tests) if "require" in tests else None


def _with_condition(tests: dict[str, Test]) -> Test:
    return implies(tests["when"], tests["require"]) if "when" in tests else tests["require"]


def years_test(text: str) -> Test | None:
    """Gives the test that a year of diagnosis lies in `2018-`, `-2017`, `2004-2015` or `2010`; None for other texts."""
    match = _YEARS.match(text)
    if match is None or text == "-":
        return None
    year = Name("diagnosis_year")
    # the year decides whether the rule applies; it is no end of the edit
    bounds = ((">=", match["first"] or match["only"]), ("<=", match["last"] or match["only"]))
    parts = tuple(Compare(year, sign, Literal(bound)) for sign, bound in bounds if bound)
    test = compile_tree(And(parts), {})
    return Test(test.of, test.column, (), test.items)


def _check_message(entry: dict[str, Any], fault: Any) -> None:
    for name in _PLACEHOLDER.findall(entry.get("message", "")):
        wanted = term(name)
        if wanted is None:
            fault("message", f"{{{name}}} names nothing that can be read from a record")


def built_in(lists: Mapping[str, Codes] | None = None) -> RuleFile:
    """Gives the rules that the package carries, read from all files of `data/rules`; `lists` replace its own by name."""
    return _read_folder() if lists is None else _read_folder(tuple(lists.items()))


@lru_cache(maxsize=4)
def _read_folder(given: tuple[tuple[str, Codes], ...] = ()) -> RuleFile:
    folder = files("abstracting.edits") / "data" / "rules"
    own = parse_rules((folder / "lists.toml").read_text(encoding="utf-8"), "lists.toml", {}).lists
    lists = {**own, **dict(given)}
    rules: list[Rule] = []
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml") and file.name != "lists.toml":
            rules += parse_rules(file.read_text(encoding="utf-8"), file.name, lists).rules
    return RuleFile(tuple(rules), lists)


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Gives rules with item edits first, so that what depends on them comes behind."""
    return sorted(rules, key=lambda rule: LEVELS.index(rule.level))
