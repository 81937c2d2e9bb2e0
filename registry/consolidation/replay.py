"""Replay: every person and tumor brought to the rules in force, counted before and after, in short transactions.

What was stays in each row's history. A replay with the earlier rules restores it, since the accounts are never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.consolidation import accounts
from registry.consolidation.deciding import CHOSEN, RULED, Part
from registry.consolidation.refreshing import decide_many, differences, write_many
from registry.consolidation.rules import RuleSet, in_force, with_file, with_text
from registry.consolidation.values import CHAINS, item_name
from registry.db import Store
from registry.errors import RegistryError
from registry.models import Patient, Tumor

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
                for row, differing, made_of in _renewed(session, found, rules, dry_run=dry_run, who=who):
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
    model = accounts.ROWS[chain]
    query = select(model).where(model.id > after).options(*accounts.loads(chain))
    return list(session.scalars(query.order_by(model.id).limit(CHUNK)))


def _renewed(
    session: Session, rows: Sequence[Any], rules: RuleSet, *, dry_run: bool, who: str
) -> Iterator[tuple[Patient | Tumor, Mapping[str, list[str]], tuple[Part, ...]]]:
    """What changes in each row, and of which parts it is made; rows without an account stay as they are."""
    rows = [row for row in rows if accounts.rows_of(row)]
    made, numbers = decide_many(session, rows, rules)
    if dry_run:
        changed = [differences(row.items, items) for row, (items, _) in zip(rows, made)]
    else:
        changed = write_many(session, rows, made, numbers, who=who, why=f"replay, rules {rules.version}")
    yield from zip(rows, changed, (made_of for _, made_of in made))
