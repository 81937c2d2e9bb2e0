"""The story of each value: who gives it, who says otherwise, by which rule, and why in a sentence.

Sentences name accounts and items, never values, so that they can be read by those who may not see who a person is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from sqlalchemy.orm import Session

from registry.consolidation import accounts as rows
from registry.consolidation import central
from registry.consolidation.deciding import CHOSEN, FILLED, ONLY, SAME, Part, parts
from registry.consolidation.refreshing import rules_of
from registry.consolidation.rules import RuleSet
from registry.consolidation.values import PATIENT, TUMOR, Account, Choice, item_name
from registry.models import Patient, Tumor

CENTRAL_RULE = "central-sequence"

_REASONS = {
    "known": "{loser} does not know it",
    "specific": "its value is more specific than that of {loser}",
    "complete": "it tells more of {title} than {loser}",
    "majority": "more accounts say so than what {loser} says",
    "highest": "its code is higher than that of {loser}",
    "lowest": "its code ranks before that of {loser}",
    "latest": "its {item} is later than that of {loser}",
    "earliest": "its {item} is earlier, or a finer telling of the same, than that of {loser}",
    "prefer": "its {item} goes before that of {loser}",
    "source": "it is a better source than {loser}",
    "fullest": "it tells more in all than {loser}",
    "key": "all else is equal and it stands before {loser} in the order of sources",
}


@dataclass(frozen=True)
class Loser:
    """An account that says otherwise: its value, and why it does not count."""

    account: Account
    value: str
    why: str


@dataclass(frozen=True)
class ValueStory:
    """One value of a person or tumor: who gives it, who says otherwise, the rule, and the reason in a sentence.

    `together` are the items that follow a choice of this one. `winner` is None where the registry itself gives the value.
    `open` tells that nothing in what the accounts say decided, so that a person should.
    """

    item: int
    value: str
    winner: Account | None
    losers: tuple[Loser, ...]
    rule: str
    title: str
    sentence: str
    choice: Choice | None
    together: tuple[int, ...]
    open: bool = False

    @property
    def differs(self) -> bool:
        """Whether an account says otherwise."""
        return bool(self.losers)


def tell(
    accounts: Sequence[Account], rules: RuleSet, chain: str, choices: Iterable[Choice] = ()
) -> tuple[ValueStory, ...]:
    """Gives the story of every item that any account has, in order of item."""
    ordered = sorted(accounts, key=lambda account: account.key)
    found = [
        _story(part, item, ordered, rules)
        for part in parts(ordered, rules, chain, choices)
        for item in part.items
        if any(account.get(item) for account in ordered)
    ]
    return tuple(sorted(found, key=lambda story: story.item))


def _story(part: Part, item: int, ordered: list[Account], rules: RuleSet) -> ValueStory:
    value = part.winner.get(item)
    losers = tuple(
        Loser(account, account.get(item), _loss(part, n, account))
        for n, account in enumerate(ordered)
        if account is not part.winner and account.get(item) not in ("", value)
    )
    return ValueStory(
        item=item,
        value=value,
        winner=part.winner,
        losers=losers,
        rule=part.rule.id,
        title=part.rule.title,
        sentence=_sentence(part, item, ordered, losers),
        choice=part.choice,
        together=part.rule.part_of(item),
        open=item in part.open,
    )


def _loss(part: Part, place: int, loser: Account) -> str:
    if part.how == CHOSEN:
        return "a person chose the other account"
    if part.how == FILLED or place not in part.lost:
        return f"taken together with {part.rule.title} of {part.winner.name}"
    return _reason(part, part.lost[place], "this account")


def _reason(part: Part, question: str, loser: str) -> str:
    kind, _, rest = question.partition(":")
    number = rest.partition("=")[0]
    item = item_name(part.items[0] if not number.isdigit() else int(number)).lower()
    return _REASONS[kind].format(loser=loser, title=part.rule.title, item=item)


def _sentence(part: Part, item: int, ordered: list[Account], losers: tuple[Loser, ...]) -> str:
    name = part.winner.name
    telling = [account for account in ordered if account.get(item)]
    if part.how == CHOSEN and part.choice is not None:
        why = f": {part.choice.why}" if part.choice.why else ""
        rule = "" if part.by_rule is None or part.by_rule is part.winner else f" By rule {part.by_rule.name} gives it."
        return f"{part.choice.who} chose {name} on {part.choice.at:%Y-%m-%d}{why}.{rule}"
    if part.how == FILLED:
        same = " and ".join(item_name(number).lower() for number, _ in part.rule.agree)
        return (
            f"{name} gives it: it agrees on {same} with the account that gives {part.rule.title}, which leaves it open."
        )
    if len(telling) == 1 and telling[0] is part.winner and part.how in (ONLY, SAME):
        return f"Only {name} tells it."
    if not losers and part.winner.get(item):
        return f"{name} gives it; no account says otherwise." if len(telling) == 1 else "All that tell it say the same."
    together = f", with all of {part.rule.title}" if part.rule.together else ""
    reasons = {
        ordered.index(loser.account): part.lost[ordered.index(loser.account)]
        for loser in losers
        if ordered.index(loser.account) in part.lost
    }
    if not reasons:
        return f"{name} gives it{together}."
    place, question = list(reasons.items())[-1]
    return f"{name} gives it{together}: {_reason(part, question, ordered[place].name)}."


@singledispatch
def explain(row: Any, session: Session, *, rules: RuleSet | None = None) -> tuple[ValueStory, ...]:
    """Gives the story of every value of a Patient or Tumor, from all its accounts and the standing choices."""
    raise LookupError(f"{row!r} is not consolidated")


@explain.register
def _(row: Patient, session: Session, *, rules: RuleSet | None = None) -> tuple[ValueStory, ...]:
    return explain_rows(session, PATIENT, rows.rows_of(row), rules=rules)


@explain.register
def _(row: Tumor, session: Session, *, rules: RuleSet | None = None) -> tuple[ValueStory, ...]:
    told = explain_rows(session, TUMOR, rows.rows_of(row), rules=rules)
    number = row.items.get(central.ITEM, "")
    if not number or not central.is_several(session, row.patient_id):
        return told
    return tuple(_numbered(story, number) if story.item == int(central.ITEM) else story for story in told)


def explain_rows(
    session: Session, chain: str, accounts: Iterable[Any], *, rules: RuleSet | None = None
) -> tuple[ValueStory, ...]:
    """Gives the stories from some accounts alone, as one sees them who may see no others."""
    found = rows.accounts_of(accounts)
    choices = rows.choices_of(session, chain, [account.id for account in found])
    return tell(found, rules or rules_of(session), chain, choices)


def _numbered(story: ValueStory, number: str) -> ValueStory:
    why = "the registry numbers the tumors of all records of a person anew"
    givers = ((story.winner, story.value), *((loser.account, loser.value) for loser in story.losers))
    losers = tuple(Loser(account, value, why) for account, value in givers if account and value not in ("", number))
    sentence = f"The registry gives it: {why}."
    return ValueStory(story.item, number, None, losers, CENTRAL_RULE, "central sequence", sentence, None, (story.item,))
