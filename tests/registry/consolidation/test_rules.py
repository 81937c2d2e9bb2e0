"""The rules as data: what each decides, table by table; how a registry overrides them; what a faulty file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry import config
from registry.consolidation.deciding import consolidate
from registry.consolidation.rules import FILE, in_force, shipped, with_file
from registry.consolidation.stories import tell
from registry.consolidation.values import PATIENT, TUMOR, Account
from registry.errors import RegistryError
from registry.items import is_patient_level, known

RULES = shipped()


def account(name: str, kind: str = "hospital", **items: str) -> Account:
    table = "abstract"
    numbered = {key[1:]: value for key, value in items.items()}
    return Account(table=table, id=ord(name[0]), name=name, key=(name,), items=numbered, kind=kind)


TUMORS = [
    # what it shows, account A, account B, what comes out
    ("a subsite over the whole organ", {"i400": "C509"}, {"i400": "C504"}, {"400": "C504"}),
    ("an organ over an unknown primary", {"i400": "C809"}, {"i400": "C619"}, {"400": "C619"}),
    (
        "laterality stays with its site, filled from the same organ",
        {"i400": "C504"},
        {"i400": "C509", "i410": "1"},
        {"400": "C504", "410": "1"},
    ),
    (
        "laterality of another organ is not taken",
        {"i400": "C504", "i410": "9"},
        {"i400": "C349", "i410": "1"},
        {"400": "C504", "410": "9"},
    ),
    (
        "histology and behavior of one account",
        {"i522": "8000", "i523": "3"},
        {"i522": "8500", "i523": "2"},
        {"522": "8500", "523": "2"},
    ),
    (
        "invasive over in situ",
        {"i522": "8500", "i523": "2"},
        {"i522": "8500", "i523": "3"},
        {"522": "8500", "523": "3"},
    ),
    ("an unknown code loses", {"i764": "9"}, {"i764": "3"}, {"764": "3"}),
    ("the unknown is kept where nobody knows better", {"i764": "9"}, {}, {"764": "9"}),
    ("the earlier diagnosis", {"i390": "20190310", "i230": "070"}, {"i390": "20190304"}, {"390": "20190304"}),
    ("a day over its year", {"i390": "2019"}, {"i390": "20190304"}, {"390": "20190304"}),
    ("an earlier year over a day", {"i390": "2018"}, {"i390": "20190304"}, {"390": "2018"}),
    ("histology before a clinical diagnosis", {"i490": "8"}, {"i490": "1"}, {"490": "1"}),
    ("a hospital before a death certificate", {"i500": "7"}, {"i500": "1"}, {"500": "1"}),
    (
        "the analytic hospital's own record of the case, whole",
        {"i610": "30", "i550": "202000001", "i540": "1", "i580": "20200101"},
        {"i610": "14", "i550": "201900002", "i540": "2"},
        {"610": "14", "550": "201900002", "540": "2"},
    ),
    (
        "treatment given over none, with its own date",
        {"i1390": "00", "i1220": "20200101"},
        {"i1390": "03", "i1220": "20200301"},
        {"1390": "03", "1220": "20200301"},
    ),
    ("the larger operation", {"i1291": "A220"}, {"i1291": "A410"}, {"1291": "A410"}),
    ("refused tells more than none", {"i1400": "00"}, {"i1400": "87"}, {"1400": "87"}),
    (
        "stages are not mixed",
        {"i1001": "cT2", "i1002": "cN0", "i1003": "cM0", "i1004": "2A"},
        {"i1001": "cT3", "i1004": "99"},
        {"1001": "cT2", "1002": "cN0", "1003": "cM0", "1004": "2A"},
    ),
    (
        "the latest cancer status with its date",
        {"i1770": "1", "i1772": "20210101"},
        {"i1770": "2", "i1772": "20220101"},
        {"1770": "2", "1772": "20220101"},
    ),
    ("received first", {"i2111": "20210301"}, {"i2111": "20210201"}, {"2111": "20210201"}),
    ("a restriction stays", {"i1856": "00"}, {"i1856": "02"}, {"1856": "02"}),
]

PERSONS = [
    (
        "the later contact, with its vital status",
        {"i1760": "1", "i1750": "20240115"},
        {"i1760": "1", "i1750": "20240620"},
        {"1760": "1", "1750": "20240620"},
    ),
    (
        "a later alive does not overwrite a death",
        {"i1760": "0", "i1750": "20230105", "i1910": "C509"},
        {"i1760": "1", "i1750": "20240620", "i1910": "0000"},
        {"1760": "0", "1750": "20230105", "1910": "C509"},
    ),
    (
        "what belongs to a death goes with the death",
        {"i1760": "0", "i1750": "20230105"},
        {"i1760": "0", "i1750": "20230105", "i1910": "C509", "i1920": "1", "i2380": "000123"},
        {"1760": "0", "1750": "20230105", "1910": "C509", "1920": "1", "2380": "000123"},
    ),
    (
        "a death without a day takes none from a contact",
        {"i1760": "0"},
        {"i1760": "1", "i1750": "20240620"},
        {"1760": "0"},
    ),
    (
        "a partial contact counts as its earliest day",
        {"i1760": "1", "i1750": "2024"},
        {"i1760": "1", "i1750": "20240102"},
        {"1760": "1", "1750": "20240102"},
    ),
    (
        "an address is of one account",
        {"i1750": "20200101", "i2350": "1 OLD ST", "i1810": "MIAMI", "i1830": "33101"},
        {"i1750": "20230101", "i1810": "TAMPA"},
        {"1750": "20230101", "1810": "TAMPA"},
    ),
    ("a full birth date", {"i240": "1948"}, {"i240": "19480312"}, {"240": "19480312"}),
    ("a known race", {"i160": "99"}, {"i160": "02"}, {"160": "02"}),
    ("who may not be contacted", {"i1854": "1"}, {"i1854": "0"}, {"1854": "1"}),
    ("no number of nines", {"i2320": "999999999"}, {"i2320": "900000101"}, {"2320": "900000101"}),
]


@pytest.mark.parametrize(("what", "a", "b", "expected"), TUMORS, ids=[row[0] for row in TUMORS])
def test_a_tumor_of_two_accounts(what, a, b, expected):
    for one, two in ((account("A", **a), account("B", **b)), (account("B", **b), account("A", **a))):
        found = consolidate([one, two], RULES, TUMOR)
        assert found == expected


@pytest.mark.parametrize(("what", "a", "b", "expected"), PERSONS, ids=[row[0] for row in PERSONS])
def test_a_person_of_two_accounts(what, a, b, expected):
    for pair in ((account("A", **a), account("B", **b)), (account("B", **b), account("A", **a))):
        assert consolidate(pair, RULES, PATIENT) == expected


def test_the_most_accounts_are_right_of_what_cannot_be_ranked():
    said = [account(name, i225=sex) for name, sex in zip("ABC", "211")]
    assert consolidate(said, RULES, PATIENT) == {"225": "1"}


def test_every_item_of_a_rule_is_known_and_of_its_level():
    for rule in RULES.rules:
        named = [n for n in rule.items if known(n) is not None]
        assert named, rule.id
        assert all(is_patient_level(n) == (rule.chain == PATIENT) for n in named), rule.id


def test_each_value_has_its_sentence_and_names_no_value():
    first = account("General", i400="C504", i490="1", i764="3", i610="14")
    second = account("Lakeside", i400="C509", i490="1", i764="2", i410="1", i610="30")
    told = {story.item: story for story in tell([first, second], RULES, TUMOR)}
    assert told[400].winner is first and [loser.account for loser in told[400].losers] == [second]
    assert told[400].sentence == (
        "General gives it, with all of primary site and laterality: its value is more specific than that of Lakeside."
    )
    assert told[410].winner is second
    assert "agrees on primary site" in told[410].sentence
    assert told[764].sentence == "General gives it: it is a better source than Lakeside."
    assert told[764].losers[0].why == "it is a better source than this account"
    assert told[490].losers == () and told[490].sentence == "All that tell it say the same."
    assert all(story.sentence and not any(v in story.sentence for v in ("C504", "C509")) for story in told.values())


def test_a_registry_overrides_rules_and_orders_in_its_own_file(tmp_path: Path):
    (tmp_path / FILE).write_text(
        'version = "county 2"\n'
        '[[rule]]\nid = "stage"\ntitle = "stage"\nchain = "tumor"\nitems = [764]\nby = ["known", "highest"]\n'
        '[[rule]]\nid = "site"\nby = ["source"]\n'
        '[sources]\nfacilities = ["B"]\n'
    )
    rules = in_force(config.load(tmp_path))
    assert rules.version.startswith("2026-11-24 with county 2 ") and rules.version != RULES.version
    both = [account("A", i400="C504", i764="2"), account("B", i400="C509", i764="7", i540="B")]
    assert consolidate(both, RULES, TUMOR)["400"] == "C504"
    assert consolidate(both, rules, TUMOR)["764"] == "7"
    assert rules.rule(TUMOR, 400).by == ("source",) and rules.rule(TUMOR, 400).together
    (tmp_path / FILE).unlink()
    assert in_force(config.load(tmp_path)).version == RULES.version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule = [", "cannot be read"),
        ("colour = 1", "unknown keys colour"),
        ('[[rule]]\nid = "x"\nitems = [1]\nchain = "tumor"\nby = ["loudest"]', "asks 'loudest'"),
        ('[[rule]]\nid = "x"\nitems = [1]\nchain = "tree"\nby = ["known"]', "neither patient nor tumor"),
        ("[[rule]]\nitems = [1]", "has no id"),
        ('[[rule]]\nid = "x"\nchain = "tumor"\nby = ["known"]', "has no items"),
        ('[[rule]]\nid = "x"\nitems = [1]\nlead = [2]\nchain = "tumor"\nby = ["known"]', "not its own"),
        ("[sources]\nmoon = []", "has no moon"),
    ],
)
def test_a_faulty_file_says_what_is_wrong_with_it(tmp_path: Path, text: str, said: str):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(RegistryError, match=said) as caught:
        with_file(path)
    assert caught.value.code == "consolidation-rules" and str(path) in caught.value.where
