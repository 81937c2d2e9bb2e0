"""Replay: every person and tumor brought to the rules in force, counted before and after, in short transactions.

What was stays in each row's history. A replay with the earlier rules restores it, since the accounts are never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from registry.consolidation import accounts, central
from registry.consolidation.refreshing import differences, items_of, refresh_patient, refresh_tumor
from registry.consolidation.rules import RuleSet, in_force, with_file
from registry.consolidation.values import CHAINS, PATIENT, item_name
from registry.db import Store
from registry.errors import RegistryError
from registry.models import Abstract, Patient, PatientRecord, Source, Tumor

CHUNK = 500
WHO = "oncoregistry"

Report = Callable[[float, str], Any]


def replay(
    store: Store,
    report: Report = lambda share, message: None,
    *,
    rules: RuleSet | None = None,
    dry_run: bool = False,
    who: str = WHO,
) -> dict[str, Any]:
    """Recomputes every person and tumor; gives the rules' version, rows seen and changed, and changed values by item.

    `dry_run` counts and writes nothing. Rules other than those in force can be tried that way only: what is written must
    be what the next save gives as well.
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
    with store.reading() as session:
        last = {chain: session.scalar(select(func.max(accounts.ROWS[chain].id))) for chain in CHAINS}
    opened = store.reading if dry_run else store.writing
    for place, chain in enumerate(CHAINS):
        start = 0
        while True:
            with opened() as session:
                found = _chunk(session, chain, start)
                for row in found:
                    differing = _renewed(session, row, rules, dry_run=dry_run, who=who)
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
        **{
            f"{chain}s": {"seen": seen[chain], "changed": changed[chain], "items": _by_item(counts[chain])}
            for chain in CHAINS
        },
    }


def run_job(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """The replay as a background job; parameters `dry_run`, `who`, and `rules`, a file to try with a dry run."""
    path = parameters.get("rules")
    return replay(
        store,
        report,
        rules=with_file(Path(path)) if path else None,
        dry_run=bool(parameters.get("dry_run", False)),
        who=str(parameters.get("who") or WHO),
    )


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


def _renewed(
    session: Session, row: Patient | Tumor, rules: RuleSet, *, dry_run: bool, who: str
) -> dict[str, list[str]]:
    if not accounts.rows_of(row):
        return {}
    if not dry_run:
        refresh = refresh_patient if isinstance(row, Patient) else refresh_tumor
        why = f"replay, rules {rules.version}"
        return dict(refresh(session, row, who=who, why=why, rules=rules))  # type: ignore[arg-type]
    items = items_of(session, row, rules)
    decisive = isinstance(row, Tumor) and any(items.get(n) != row.items.get(n) for n in central.DECISIVE)
    if decisive and central.is_several(session, row.patient_id):
        numbers = central.central_numbers(session, row.patient_id, {row.id: items})
        items[central.ITEM] = numbers.get(row.id, items.get(central.ITEM, ""))
    return differences(row.items, items)
