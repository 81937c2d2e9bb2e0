"""Edits in words: what a rule says, what it reads, where it comes from; and how rules are written."""

from __future__ import annotations

import inspect
from pathlib import Path

from abstracting.edits import language as grammar
from abstracting.edits import rules as rule_files
from abstracting.edits.engine import SETS, edit_set
from abstracting.edits.predicates import PREDICATES
from abstracting.edits.rules import Rule, built_in, item_name
from abstracting.edits.terms import terms
from abstracting.errors import AbstractingError


def rules_of(identity: str, site: Path | None = None) -> list[Rule]:
    """Gives the rules of an edit (`ITM02`), or one of its parts (`ITM02/year`), indicators and the like included."""
    known = {rule.id: rule for rule in built_in().rules}
    known.update({rule.id: rule for rule in edit_set("all", rules=site).rules})
    wanted = identity.upper() if "/" not in identity else identity
    found = [rule for rule in known.values() if wanted in (rule.id, rule.edit)]
    if not found:
        raise AbstractingError("edit-set", f"there is no edit {identity!r}", hint="`oncoregistry edits list` names all")
    return sorted(found, key=lambda rule: rule.id)


def in_words(rule: Rule) -> str:
    """Gives a rule as lines of text."""
    items = ", ".join(f"{number} {item_name(number)}" for number in rule.items)
    rows = [
        ("category", f"{rule.category} ({rule.level}, {rule.severity})" if rule.kind == "edit" else rule.kind),
        ("items", items),
        ("years of diagnosis", rule.years),
        ("where", rule.when),
        ("must hold", rule.require),
        ("between records", rule.between.replace("_", " ")),
        ("message", rule.message),
        ("override", f"item {rule.override.number}, code {' or '.join(rule.override.codes)}" if rule.override else ""),
        ("optional", "runs only where a site's file has it in `enable`" if rule.optional else ""),
        ("source", rule.source),
        ("note", rule.note),
    ]
    return "\n".join([rule.id, *(f"  {name}: {' '.join(text.split())}" for name, text in rows if text)])


def language() -> str:
    """Gives the whole description of rules: the file, the expressions, the terms, the predicates, the sets and lists."""
    parts = [inspect.getdoc(rule_files) or "", inspect.getdoc(grammar) or "", "Terms:"]
    parts.append("\n".join(f"  {term.name:18}{term.meaning}" for term in terms().values()))
    parts.append("Predicates:")
    named = (f"  {one.name}({', '.join(one.arguments)})\n      {one.meaning}" for one in PREDICATES.values())
    parts.append("\n".join(named))
    parts.append("  in_code_list(#n)\n      The code of item n is in its list of NAACCR v25 or v26.")
    parts.append("  is_written_as(#n)\n      A stage category or group is written in the form of item n.")
    parts.append("  schema_allows(#n)\n      The staging schema of the tumor allows the code of item n.")
    parts.append("Lists: " + ", ".join(f"@{name}" for name in built_in().lists))
    parts.append("Sets:\n" + "\n".join(f"  {name:14}{meaning}" for name, meaning in SETS.items()))
    return "\n\n".join(parts)
