"""A person's choice of an account over the rule: made, undone, and sealed in the history of the row that it changes."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.consolidation import accounts, central
from registry.consolidation.refreshing import refresh_patient, refresh_tumor, rules_of
from registry.consolidation.values import TUMOR, item_name
from registry.errors import RegistryError
from registry.models import ConsolidationChoice, Patient, Tumor, now

CHOOSE, UNDO = "choose", "unchoose"


def choose(
    session: Session,
    row: Patient | Tumor,
    item: int,
    account_id: int,
    *,
    who: str,
    why: str,
    expected_version: int | None = None,
) -> ConsolidationChoice:
    """Takes an item, with all that goes together with it, from the account of a person's choice; needs a reason.

    An earlier choice of the same items between the row's accounts is undone. Errors: no such account of the row, one that
    says nothing of the item, no reason, or a row that was changed meanwhile.
    """
    chain = row.__tablename__
    _check(row, why, expected_version)
    found = {account.id: account for account in accounts.rows_of(row)}
    value = found[account_id].items.get(str(item), "") if account_id in found else ""
    if not value:
        raise RegistryError(
            "not-found",
            f"no account {account_id} of this {chain} tells {item_name(item)} ({item})",
            hint="open the comparison again",
        )
    if chain == TUMOR and str(item) == central.ITEM:
        raise RegistryError("item-value", "the central sequence follows from the person's tumors and is not chosen")
    together = rules_of(session).rule(chain, item).part_of(item)
    for earlier in _standing(session, chain, list(found)):
        if earlier.item in together:
            _take_back(earlier, who, "another account was chosen")
    made = ConsolidationChoice(
        chain=chain,
        item=item,
        value=value,
        account_table=accounts.TABLES[chain],
        account_id=account_id,
        who=who,
        why=why.strip(),
    )
    session.add(made)
    session.flush()
    _refresh(session, row, who, why.strip(), CHOOSE, made)
    return made


def undo(
    session: Session, row: Patient | Tumor, choice_id: int, *, who: str, why: str, expected_version: int | None = None
) -> ConsolidationChoice:
    """Takes a choice back and gives it: the rule decides again; needs a reason. One that does not stand is `not-found`."""
    _check(row, why, expected_version)
    ids = [account.id for account in accounts.rows_of(row)]
    found = next((c for c in _standing(session, row.__tablename__, ids) if c.id == choice_id), None)
    if found is None:
        raise RegistryError("not-found", f"there is no standing choice {choice_id} here", hint="open the page again")
    _take_back(found, who, why.strip())
    session.flush()
    _refresh(session, row, who, why.strip(), UNDO, found)
    return found


def _check(row: Patient | Tumor, why: str, expected_version: int | None) -> None:
    if not why.strip():
        raise RegistryError("usage", "a choice over the rule needs its reason", hint="say why in a few words")
    if expected_version is not None and expected_version != row.version_id:
        raise RegistryError("conflict", "the row was changed meanwhile", hint="compare the accounts again")


def _standing(session: Session, chain: str, ids: list[int]) -> list[ConsolidationChoice]:
    query = select(ConsolidationChoice).where(
        ConsolidationChoice.chain == chain,
        ConsolidationChoice.account_table == accounts.TABLES[chain],
        ConsolidationChoice.account_id.in_(ids),
        ConsolidationChoice.undone_at.is_(None),
    )
    return list(session.scalars(query.order_by(ConsolidationChoice.id)))


def _take_back(choice: ConsolidationChoice, who: str, why: str) -> None:
    choice.undone_at, choice.undone_by, choice.undone_why = now(), who, why


def _refresh(
    session: Session, row: Patient | Tumor, who: str, why: str, action: str, choice: ConsolidationChoice
) -> None:
    refresh = refresh_tumor if isinstance(row, Tumor) else refresh_patient
    changed = refresh(session, row, who=who, why=why, action=action)  # type: ignore[arg-type]
    if not changed:
        # the rule gives the same today: that a person chose it is told all the same
        summary = {"choice": choice.id, "item": choice.item, choice.account_table: choice.account_id}
        audit.append(session, row.__tablename__, row.id, action, summary, who=who, why=why, version=row.version_id)
