"""Replay: every person and tumor brought to the rules in force, counted before and after, in short transactions.

What was stays in each row's history. A replay with the earlier rules restores it, since the accounts are never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from registry.consolidation import accounts, central
from registry.consolidation.deciding import CHOSEN, RULED, Part
from registry.consolidation.refreshing import decided, differences, open_values, write
from registry.consolidation.rules import RuleSet, in_force, with_file, with_text
from registry.consolidation.values import CHAINS, PATIENT, Choice, item_name
from registry.db import Store
from registry.errors import RegistryError
from registry.models import Abstract, OpenValue, Patient, PatientRecord, Source, Tumor

CHUNK = 500
WHO = "oncoregistry"
OPEN = "open"
"""How a part counts whose accounts tell different known values and the rule found no reason in them."""

Report = Callable[[float, str], Any]


def replay(
    store: Store,
    report: Report = lambda share, message: None,
    *,
    rules: RuleSet | None = None,
    dry_run: bool = False,
    listed: int = 0,
    who: str = WHO,
) -> dict[str, Any]:
    """Recomputes every person and tumor; gives the rules' version, rows seen and changed, and changed values by item.

    `decided` counts for each rule how accounts that differ were told apart: by which question, by a person, or not (`open`).
    `listed` asks for so many of the changes themselves, as chain, row, item, value before and after. `dry_run` writes nothing.
    Rules other than those in force can be tried that way only: what is written must be what the next save gives as well.
    """
    if rules is not None and not dry_run:
        raise RegistryError(
            "usage",
            "rules that are not in force are tried with a dry run",
            hint="put them into consolidation.toml of the data folder to bring them into force",
        )
    rules = rules or in_force(store.settings)
    counts: dict[str, Counter[int]] = {chain: Counter() for chain in CHAINS}
    seen: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    tally: dict[str, Counter[str]] = {}
    found_changes: list[dict[str, Any]] = []
    with store.reading() as session:
        last = {chain: session.scalar(select(func.max(accounts.ROWS[chain].id))) for chain in CHAINS}
    opened = store.reading if dry_run else store.writing
    for place, chain in enumerate(CHAINS):
        start = 0
        while True:
            with opened() as session:
                found = _chunk(session, chain, start)
                at_hand = _AtHand.of(session, chain, found)
                for row in found:
                    differing, made_of = _renewed(session, row, rules, at_hand, dry_run=dry_run, who=who)
                    _count(made_of, tally)
                    for item, (before, after) in sorted(differing.items(), key=lambda pair: int(pair[0])):
                        if len(found_changes) < listed:
                            line = {"chain": chain, "row": row.id, "item": int(item), "before": before, "after": after}
                            found_changes.append(line)
                    changed[chain] += bool(differing)
                    counts[chain].update(int(item) for item in differing)
                seen[chain] += len(found)
                start = found[-1].id if found else start
            if not found:
                break
            share = start / max(last[chain] or 1, 1)
            report((place + min(share, 1.0)) / len(CHAINS), f"{seen[chain]:,} {chain} rows")
    return {
        "rules": rules.version,
        "dry_run": dry_run,
        "decided": {rule: dict(sorted(counted.items())) for rule, counted in sorted(tally.items())},
        **({"changes": found_changes} if listed else {}),
        **{
            f"{chain}s": {"seen": seen[chain], "changed": changed[chain], "items": _by_item(counts[chain])}
            for chain in CHAINS
        },
    }


def run_job(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """The replay as a background job; parameters `dry_run`, `listed`, `who`, and to try rules a file `rules` or a `text`."""
    path, text = parameters.get("rules"), parameters.get("text")
    rules = with_file(Path(path)) if path else with_text(str(text)) if text is not None else None
    return replay(
        store,
        report,
        rules=rules,
        dry_run=bool(parameters.get("dry_run", False)),
        listed=int(parameters.get("listed", 0)),
        who=str(parameters.get("who") or WHO),
    )


def _count(made_of: Iterable[Part], tally: dict[str, Counter[str]]) -> None:
    """Counts by rule how each part was decided of which the accounts differ."""
    for part in made_of:
        if part.how == CHOSEN:
            how = CHOSEN
        elif part.how == RULED:
            how = OPEN if part.open else list(part.lost.values())[-1].partition(":")[0]
        else:
            continue
        tally.setdefault(part.rule.id, Counter())[how] += 1


def _by_item(counts: Counter[int]) -> list[dict[str, Any]]:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"item": item, "name": item_name(item), "changed": number} for item, number in ordered]


def _chunk(session: Session, chain: str, after: int) -> list[Any]:
    source = selectinload(PatientRecord.source).selectinload(Source.facility)
    if chain == PATIENT:
        query = select(Patient).where(Patient.id > after).options(selectinload(Patient.records).options(source))
        return list(session.scalars(query.order_by(Patient.id).limit(CHUNK)))
    record = selectinload(Abstract.record).options(source)
    loads = selectinload(Tumor.abstracts).options(record, selectinload(Abstract.facility))
    return list(session.scalars(select(Tumor).where(Tumor.id > after).options(loads).order_by(Tumor.id).limit(CHUNK)))


@dataclass(frozen=True)
class _AtHand:
    """What the rows of a chunk need beside their accounts, asked for all at once: choices by account, values left open."""

    choices: Mapping[int, Sequence[Choice]]
    waiting: Mapping[int, Sequence[OpenValue]]

    @classmethod
    def of(cls, session: Session, chain: str, found: Sequence[Any]) -> _AtHand:
        choices: dict[int, list[Choice]] = {}
        for choice in accounts.choices_of(session, chain, [a.id for row in found for a in accounts.rows_of(row)]):
            choices.setdefault(choice.account[1], []).append(choice)
        waiting: dict[int, list[OpenValue]] = {}
        for one in open_values(session, chain, [row.id for row in found]):
            waiting.setdefault(one.row_id, []).append(one)
        return cls(choices, waiting)


def _renewed(
    session: Session, row: Patient | Tumor, rules: RuleSet, at_hand: _AtHand, *, dry_run: bool, who: str
) -> tuple[dict[str, list[str]], tuple[Part, ...]]:
    """What changes in a row, and of which parts it is made."""
    if not accounts.rows_of(row):
        return {}, ()
    choices = [choice for account in accounts.rows_of(row) for choice in at_hand.choices.get(account.id, ())]
    items, made_of = decided(session, row, rules, choices)
    if not dry_run:
        why, waiting = f"replay, rules {rules.version}", at_hand.waiting.get(row.id, ())
        return dict(write(session, row, (items, made_of), who=who, why=why, waiting=waiting)), made_of
    decisive = isinstance(row, Tumor) and any(items.get(n) != row.items.get(n) for n in central.DECISIVE)
    if decisive and central.is_several(session, row.patient_id):
        numbers = central.central_numbers(session, row.patient_id, {row.id: items})
        items[central.ITEM] = numbers.get(row.id, items.get(central.ITEM, ""))
    return differences(row.items, items), made_of
