"""What must hold of every set of accounts: no order of arrival, nothing invented, nothing twice, choices that come and go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.consolidation.deciding import consolidate, parts
from registry.consolidation.rules import shipped
from registry.consolidation.stories import tell
from registry.consolidation.values import KNOWN, PATIENT, TUMOR, Account, Choice

RULES = shipped()
DAYS = ["", "2019", "201903", "20190304", "20190310", "20200101", "9999", "nonsense"]
VALUES = {
    TUMOR: {
        "390": DAYS,
        "230": ["", "070", "999"],
        "400": ["", "C509", "C504", "C619", "C809", "C50"],
        "410": ["", "1", "2", "9"],
        "522": ["", "8000", "8140", "8500"],
        "523": ["", "2", "3"],
        "490": ["", "1", "8", "9"],
        "500": ["", "1", "3", "7"],
        "610": ["", "00", "14", "30"],
        "550": ["", "202000001", "202000002"],
        "764": ["", "1", "7", "9"],
        "1291": ["", "A000", "A220", "A990"],
        "1200": DAYS,
        "1390": ["", "00", "03", "87", "99"],
        "1220": DAYS,
        "1770": ["", "1", "2", "9"],
        "1772": DAYS,
        "2100": DAYS,
        "91234": ["", "x", "y"],
    },
    PATIENT: {
        "1760": ["", "0", "1"],
        "1750": DAYS,
        "1910": ["", "0000", "C509", "C619"],
        "1920": ["", "1"],
        "2230": ["", "EXAMPLE", "SAMPLE", "UNKNOWN"],
        "2240": ["", "ANNA", "ANN"],
        "2250": ["", "B"],
        "240": ["", "1948", "19480312"],
        "225": ["", "1", "2", "9"],
        "160": ["", "01", "98", "99"],
        "2350": ["", "1 LONG ST", "2 SHORT ST"],
        "1810": ["", "MIAMI", "UNKNOWN"],
    },
}


@st.composite
def accounts(draw: st.DrawFn, chain: str, least: int = 1) -> list[Account]:
    found = []
    for n in range(draw(st.integers(least, 4))):
        drawn = {item: draw(st.sampled_from(values)) for item, values in VALUES[chain].items()}
        found.append(
            Account(
                table="abstract" if chain == TUMOR else "patient_record",
                id=n + 1,
                name=f"source {n}",
                key=("", f"{n:05d}", "", "1"),
                items={item: value for item, value in drawn.items() if value},
                kind=draw(st.sampled_from(["hospital", "laboratory", ""])),
            )
        )
    return found


CHAIN = st.sampled_from([TUMOR, PATIENT])


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_the_order_of_arrival_does_not_matter(data, chain):
    given_ = data.draw(accounts(chain))
    first = consolidate(given_, RULES, chain)
    for other in permutations(given_):
        # rows that came in another order have other numbers as well
        renumbered = [replace(a, id=n) for n, a in enumerate(other, 1)]
        assert consolidate(renumbered, RULES, chain) == first


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_no_value_comes_out_that_no_account_has_and_no_item_is_lost_alone(data, chain):
    given_ = data.draw(accounts(chain))
    merged = consolidate(given_, RULES, chain)
    for item, value in merged.items():
        assert value in {account.items.get(item) for account in given_}
    for account in given_:
        for item in account.items:
            rule = RULES.rule(chain, int(item))
            assert item in merged or rule.together


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_what_goes_together_comes_from_one_account(data, chain):
    given_ = data.draw(accounts(chain))
    merged = consolidate(given_, RULES, chain)
    if len(given_) == 1:
        assert merged == given_[0].items
    for rule in RULES.rules:
        filled = {n for part in rule.fill for n in part}
        wanted = {str(n) for n in rule.items - filled}
        got = {n: v for n, v in merged.items() if n in wanted}
        if rule.chain == chain and rule.together:
            assert any({n: v for n, v in a.items.items() if n in wanted} == got for a in given_), rule.id


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_consolidating_again_changes_nothing(data, chain):
    given_ = data.draw(accounts(chain))
    merged = consolidate(given_, RULES, chain)
    again = Account(table="abstract", id=99, name="all", key=("z",), items=merged)
    assert consolidate([again], RULES, chain) == merged
    assert consolidate(given_, RULES, chain) == merged


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_taking_an_account_out_again_restores_what_was(data, chain):
    given_ = data.draw(accounts(chain, 2))
    before = consolidate(given_[:-1], RULES, chain)
    consolidate(given_, RULES, chain)
    assert consolidate(given_[:-1], RULES, chain) == before


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_a_choice_wins_while_its_account_says_it_and_leaves_no_trace_after(data, chain):
    given_ = data.draw(accounts(chain, 2))
    able = [(a, item) for a in given_ for item in a.items]
    if not able:
        return
    account, item = data.draw(st.sampled_from(able))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    choice = Choice(
        id=1, item=int(item), value=account.items[item], account=(account.table, account.id), who="me", at=moment
    )
    before = consolidate(given_, RULES, chain)
    assert consolidate(given_, RULES, chain, [choice])[item] == account.items[item]
    stale = Choice(**(choice.__dict__ | {"value": "something else"}))
    assert consolidate(given_, RULES, chain, [stale]) == before
    assert consolidate(given_, RULES, chain, []) == before


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_a_death_is_never_lost_and_last_contact_never_goes_back(data, chain):
    given_ = data.draw(accounts(PATIENT))
    merged = consolidate(given_, RULES, PATIENT)
    if any(a.get(1760) == "0" for a in given_):
        assert merged["1760"] == "0"
    elif any(a.get(1760) or a.get(1750) for a in given_):
        known = [a.get(1750) for a in given_ if a.get(1750)[:4].isdigit() and a.get(1750) != "9999"]
        if known:
            earliest = max((text + "0101")[:8] if len(text) == 4 else (text + "01")[:8] for text in known)
            got = merged["1750"]
            assert ((got + "0101")[:8] if len(got) == 4 else (got + "01")[:8]) == earliest


@given(st.data(), CHAIN)
@settings(max_examples=150, deadline=None)
def test_the_stories_tell_exactly_what_was_decided(data, chain):
    given_ = data.draw(accounts(chain, 2))
    merged = consolidate(given_, RULES, chain)
    told = tell(given_, RULES, chain)
    assert {str(story.item): story.value for story in told if story.value} == merged
    for story in told:
        assert story.winner is not None and story.winner.get(story.item) == story.value
        others = {a.key for a in given_ if a.get(story.item) not in ("", story.value)}
        assert {loser.account.key for loser in story.losers} == others
        assert story.sentence.endswith(".") and all(loser.why for loser in story.losers)


@given(st.data(), CHAIN)
@settings(max_examples=100, deadline=None)
def test_what_is_left_open_is_the_same_in_every_order_and_ends_with_a_choice(data, chain):
    given_ = data.draw(accounts(chain, 2))
    found = [(part.rule.id, item, part.winner) for part in parts(given_, RULES, chain) for item in part.open]
    left = sorted((rule, item) for rule, item, _ in found)
    for other in permutations(given_):
        assert sorted((p.rule.id, item) for p in parts(other, RULES, chain) for item in p.open) == left
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    kept = [
        Choice(id=n, item=item, value=a.get(item), account=(a.table, a.id), who="me", at=moment)
        for n, (_, item, a) in enumerate(found, 1)
    ]
    assert [item for part in parts(given_, RULES, chain, kept) for item in part.open] == []
    assert consolidate(given_, RULES, chain, kept) == consolidate(given_, RULES, chain), "keeping changes nothing"


@given(st.data(), CHAIN)
@settings(max_examples=100, deadline=None)
def test_open_are_only_items_of_which_two_accounts_know_different_values(data, chain):
    given_ = data.draw(accounts(chain, 2))
    for part in parts(given_, RULES, chain):
        for item in part.open:
            known = {a.get(item) for a in given_ if RULES.level(item, a.get(item)) >= KNOWN}
            assert len(known) > 1 and item not in RULES.never
