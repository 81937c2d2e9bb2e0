"""Which account gives each item: a pure function of the accounts, the rules and the standing choices.

Nothing here depends on the order of the accounts, and no value comes out that no account has. `consolidate` gives the
items; `registry.consolidation.stories` tells from the same parts who won, who lost, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.consolidation.rules import Rule, RuleSet
from registry.consolidation.values import BLANK, KNOWN, Account, Choice, day_of

ONLY, SAME, RULED, FILLED, CHOSEN = "only", "same", "ruled", "filled", "chosen"
"""How a part was decided: one account speaks, all say the same, by rule, filled by one that agrees, by a person."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Items that come from one account: who gives them, how that was decided, and where each other account fell out.

    `lost` gives by the other accounts' place the question that they lost; `by_rule` who would give it without the choice;
    `open` are the leading items of which accounts tell known values and nothing that they say decided between them.
    """

    rule: Rule
    items: tuple[int, ...]
    winner: Account
    how: str
    lost: Mapping[int, str] = field(default_factory=dict)
    by_rule: Account | None = None
    choice: Choice | None = None
    open: tuple[int, ...] = ()


def consolidate(
    accounts: Sequence[Account], rules: RuleSet, chain: str, choices: Iterable[Choice] = ()
) -> dict[str, str]:
    """Gives the items of a person or tumor from its accounts; those of a lone account are what it says."""
    if len(accounts) == 1:
        return dict(accounts[0].items)
    return values_of(parts(accounts, rules, chain, choices))


def values_of(found: Iterable[Part]) -> dict[str, str]:
    """Gives the items that parts make up."""
    merged: dict[str, str] = {}
    for part in found:
        for item in part.items:
            if value := part.winner.get(item):
                merged[str(item)] = value
    return merged


def parts(accounts: Sequence[Account], rules: RuleSet, chain: str, choices: Iterable[Choice] = ()) -> Iterator[Part]:
    """Gives the parts that make up a person or tumor: every item that any account has is in exactly one of them."""
    ordered = sorted(accounts, key=lambda account: account.key)
    told = set().union(*(account.told for account in ordered))
    present = sorted(told)
    standing = _standing(choices, ordered)
    done: set[str] = set()
    for item in present:
        rule = rules.rule(chain, item)
        if not rule.together:
            yield _single(rule, item, ordered, rules, [c for c in standing if c.item == item])
        elif rule.id not in done:
            done.add(rule.id)
            yield from _together(rule, told, ordered, rules, [c for c in standing if c.item in rule.items])


def _standing(choices: Iterable[Choice], accounts: Sequence[Account]) -> list[Choice]:
    """Choices of accounts that are here and still say what was chosen, the latest last."""
    here = {(account.table, account.id): account for account in accounts}
    found = [c for c in choices if c.account in here and c.value and here[c.account].get(c.item) == c.value]
    return sorted(found, key=lambda choice: (choice.at, choice.id))


def _single(rule: Rule, item: int, accounts: list[Account], rules: RuleSet, choices: list[Choice]) -> Part:
    winner, how, lost = _decide(rule, (item,), accounts, rules, ())
    if choices:
        return _chosen(rule, (item,), winner, choices[-1], accounts)
    left = _left_open((item,), winner, accounts, lost, rules)
    return Part(rule=rule, items=(item,), winner=winner, how=how, lost=lost, by_rule=winner, open=left)


def _together(
    rule: Rule, told: set[int], accounts: list[Account], rules: RuleSet, choices: list[Choice]
) -> Iterator[Part]:
    within = rule.items & told
    by_rule, how, lost = _decide(rule, rule.lead, accounts, rules, within)
    of_part = {part: [c for c in choices if c.item in part] for part in rule.fill}
    of_whole = [c for c in choices if c.item in rule.whole]
    items = tuple(item for item in rule.whole if item in told)
    if of_whole:
        whole = _chosen(rule, items, by_rule, of_whole[-1], accounts)
    else:
        left = _left_open(rule.lead, by_rule, accounts, lost, rules)
        whole = Part(rule=rule, items=items, winner=by_rule, how=how, lost=lost, by_rule=by_rule, open=left)
    yield whole
    for part in rule.fill:
        if told.isdisjoint(part):
            continue
        giver = _giver(rule, part, whole.winner, accounts, rules)
        if of_part[part]:
            yield _chosen(rule, part, giver or whole.winner, of_part[part][-1], accounts)
        elif giver is not None:
            yield Part(rule=rule, items=part, winner=giver, how=FILLED, lost={}, by_rule=giver)
        else:
            yield Part(
                rule=rule,
                items=part,
                winner=whole.winner,
                how=whole.how,
                lost=whole.lost,
                by_rule=by_rule,
                choice=whole.choice,
            )


def _chosen(rule: Rule, items: tuple[int, ...], by_rule: Account, choice: Choice, accounts: list[Account]) -> Part:
    winner = next(account for account in accounts if (account.table, account.id) == choice.account)
    return Part(rule=rule, items=items, winner=winner, how=CHOSEN, by_rule=by_rule, choice=choice)


def _giver(
    rule: Rule, part: tuple[int, ...], winner: Account, accounts: list[Account], rules: RuleSet
) -> Account | None:
    """The account that fills a part which the winner leaves open: one that agrees with it, the most specific first."""
    first = part[0]
    if rules.level(first, winner.get(first)) >= KNOWN:
        return None
    able = [
        account
        for account in accounts
        if account is not winner and rules.level(first, account.get(first)) >= KNOWN and _agree(rule, account, winner)
    ]
    return min(able, key=lambda a: (-rules.level(first, a.get(first)), *_quality(a, rules)), default=None)


def _agree(rule: Rule, account: Account, winner: Account) -> bool:
    pairs = [(account.get(item), winner.get(item), length) for item, length in rule.agree]
    return any(b for _, b, _ in pairs) and all(a[: n or None] == b[: n or None] for a, b, n in pairs)


def _decide(
    rule: Rule, lead: tuple[int, ...], accounts: list[Account], rules: RuleSet, within: Collection[int]
) -> tuple[Account, str, dict[int, str]]:
    """The account that the rule's questions leave, how it came to that, and the question that each other one lost.

    `within` are the items of a rule whose items stay together, of which any account tells.
    """
    able = [account for account in accounts if not account.told.keys().isdisjoint(lead)]
    if not able:
        able = [account for account in accounts if not account.told.keys().isdisjoint(within)]
    lost: dict[int, str] = {}
    if len(able) == 1:
        return able[0], ONLY, lost
    if len(lead) == 1:
        told: set[Any] = {account.told.get(lead[0]) for account in able}
    else:
        told = {tuple([account.told.get(item) for item in lead]) for account in able}
    if len(told) == 1 and (not rule.together or _alike(within, able)):
        return min(able, key=lambda account: _quality(account, rules)), SAME, lost
    left = able
    for question in rule.questions:
        best = _best(question, left, lead, rules)
        if len(best) < len(left):
            lost |= {accounts.index(account): question for account in left if account not in best}
            left = best
        if len(left) == 1:
            break
    return left[0], SAME if len(told) == 1 else RULED, lost


def _alike(items: Collection[int], accounts: list[Account]) -> bool:
    """Whether accounts say the same of every item, so that it is all one who gives it."""
    first, *others = (account.told for account in accounts)
    return all(told.get(item) == first.get(item) for told in others for item in items)


def _left_open(
    lead: tuple[int, ...], winner: Account, accounts: list[Account], lost: Mapping[int, str], rules: RuleSet
) -> tuple[int, ...]:
    """The leading items of which an account that lost by no word of its own tells another known value than the winner."""
    found: list[int] = []
    for item in lead if lost else ():
        value = winner.get(item)
        if rules.level(item, value) < KNOWN:
            continue
        for place, question in lost.items():
            other = accounts[place].get(item)
            if other != value and rules.level(item, other) >= KNOWN and rules.leaves_open(item, question):
                found.append(item)
                break
    return tuple(found)


def _quality(account: Account, rules: RuleSet) -> tuple[tuple[int, ...], int, tuple[str, ...]]:
    return rules.source_rank(account), -len(account.items), account.key


def _best(question: str, left: list[Account], lead: tuple[int, ...], rules: RuleSet) -> list[Account]:
    """The accounts that answer a question best."""
    kind, _, rest = question.partition(":")
    if kind == "earliest":
        return _earliest(left, lead[0] if rest == "self" else int(rest))
    if kind == "prefer":
        item, _, values = rest.partition("=")
        return [account for account in left if account.get(int(item)) in values.split("/")] or left
    scores = [_score(kind, rest, account, left, lead, rules) for account in left]
    best = max(scores)
    return [account for account, score in zip(left, scores) if score == best]


def _score(
    kind: str, rest: str, account: Account, left: list[Account], lead: tuple[int, ...], rules: RuleSet
) -> object:
    values = [account.get(item) for item in lead]
    levels = [rules.level(item, value) for item, value in zip(lead, values)]
    if kind == "known":
        return max(min(level, KNOWN) for level in levels)
    if kind == "specific":
        return tuple(levels)
    if kind == "complete":
        return sum(level >= KNOWN for level in levels)
    if kind == "majority":
        return Counter(tuple(other.get(item) for item in lead) for other in left)[tuple(values)]
    if kind == "highest":
        return tuple((level >= KNOWN, _ordered(value)) for level, value in zip(levels, values))
    if kind == "lowest":
        return tuple((level >= KNOWN, _downward(value)) for level, value in zip(levels, values))
    if kind == "latest":
        day = day_of(account.get(lead[0] if rest == "self" else int(rest)))
        return (0, 0, 0) if day is None else (1, day[0].toordinal(), day[2])
    if kind == "source":
        return tuple(-place for place in rules.source_rank(account))
    if kind == "fullest":
        return len(account.items)
    # the last question: where an account comes from, the first in its order
    return account is min(left, key=lambda other: other.key)


def _ordered(value: str) -> str:
    return value.zfill(20) if value.isdigit() else value


def _downward(value: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in _ordered(value))


def _earliest(left: list[Account], item: int) -> list[Account]:
    """The accounts with the earliest date; a date that lies within a coarser earliest one is a finer telling of it."""
    days = {id(account): day for account in left if (day := day_of(account.get(item))) is not None}
    if not days:
        return left
    first = min(days.values(), key=lambda day: (day[0], day[1]))
    within = [day for day in days.values() if first[0] <= day[0] and day[1] <= first[1]]
    finest = max(day[2] for day in within)
    chosen = min(day for day in within if day[2] == finest)
    return [account for account in left if days.get(id(account)) == chosen]


def speaks(account: Account, items: Iterable[int], rules: RuleSet) -> bool:
    """Whether an account says anything of the items, be it that they are unknown."""
    return any(rules.level(item, account.get(item)) > BLANK for item in items)
