"""The language of rules: what it says, what it refuses with the place, and files of a site's own rules."""

from __future__ import annotations

import pytest

from abstracting.edits import explanation
from abstracting.edits.engine import SETS, edit_set, make_set
from abstracting.edits.expressions import compile_text
from abstracting.edits.language import LanguageError, read_codes
from abstracting.edits.predicates import PREDICATES
from abstracting.edits.records import EditRecord
from abstracting.edits.rules import built_in, parse_rules, read_rule_file
from abstracting.edits.terms import terms
from abstracting.errors import AbstractingError

LISTS = {"breast": read_codes(["C500-C509"]), "nobody": read_codes([])}


def truth(text: str, **items: str) -> bool | None:
    record = EditRecord({name.removeprefix("i"): value for name, value in items.items()})
    return compile_text(text, LISTS).of(record)


@pytest.mark.parametrize(
    "text, items, expected",
    [
        ("behavior = 3", {"i523": "3"}, True),
        ("behavior = 3", {"i523": "2"}, False),
        ("behavior = 3", {}, None),
        ("behavior != 3", {}, None),
        ("behaviorCodeIcdO3 = 3", {"i523": "3"}, True),
        ("#523 = 3", {"i523": "3"}, True),
        ("site in [C440-C449 C50*, C619]", {"i400": "C445"}, True),
        ("site in [C440-C449 C50*, C619]", {"i400": "C509"}, True),
        ("site in [C440-C449]", {"i400": "C44"}, False),  # a shorter text is no code of the range
        ("site not in @breast", {"i400": "C509"}, False),
        ("site in @nobody", {"i400": "C509"}, None),  # only a site can fill the list
        ("age < 20", {"i230": "005"}, True),
        ("age < 20", {"i230": "999"}, None),
        ("nodes_positive <= nodes_examined", {"i820": "05", "i830": "12"}, True),
        ("nodes_positive <= nodes_examined", {"i820": "05"}, None),
        ("grade is blank", {}, True),
        ("grade is given", {"i440": "9"}, True),
        ("sex = 1", {"i220": "2", "i225": "1"}, True),  # v26's item goes before v25's
        ("stage = 1", {"i3020": "1"}, True),
        ("n_category = 2", {"i1012": "pN2a", "i950": "1"}, True),
        ("surgery in [20-90]", {"i1291": "B300"}, True),
        ("precedes(birth, diagnosis)", {"i240": "1950", "i390": "20100101"}, True),
        ("precedes(#1200, last_contact)", {"i1200": "2010", "i1750": "2010"}, None),
        ("not (sex = 1 and site in @breast)", {"i220": "2"}, True),  # false "and" unknown is false
        ("sex = 1 or site in @breast", {"i220": "1"}, True),
        ("sex = 1 and site in @breast", {"i220": "1"}, None),
    ],
)
def test_meaning(text, items, expected):
    assert truth(text, **items) is expected


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "empty"),
        ("behavior =", "before the end"),
        ("behavior = 3 4", "too much"),
        ("behavior ~ 3", "'~ 3' is not understood (character 10)"),
        ("nothing_known = 3", "nothing that can be read"),
        ("site in @nowhere", "no list @nowhere"),
        ("site in [C50-C509]", "two bounds of one length"),
        ("site in [C509", "code is expected"),
        ("is_topography(site, sex)", "takes site"),
        ("open(site)", "no predicate open()"),
        ("precedes(sex, 2010)", "is a date"),
        ("age < young", "no number"),
        ("diagnosis = 2010", "is a date"),
        ("in_code_list(#240)", "no list of codes"),
        ("(behavior = 3", "')' is expected"),
        ("__import__('os')", "no predicate __import__()"),
    ],
)
def test_refusals_say_why(text, said):
    with pytest.raises(LanguageError) as caught:
        compile_text(text, LISTS)
    assert said in str(caught.value)


SITE = """
disable = ["SEX06", "LAT05"]
enable = ["LAT01/unpaired"]

[lists]
own_hospitals = ["9999900013 9999900022"]

[[rule]]
id = "OUR01"
category = "reporting"
level = "interfield"
severity = "warning"
items = ["#540", "#610"]
when = "#540 in @own_hospitals"
require = "#610 in [10-22]"
message = "Class of case {#610} is not analytic, but {#540} is our own hospital: verify."
source = "Our registry's manual, 2024"
sets = ["ours"]
"""


@pytest.fixture
def site_file(tmp_path):
    path = tmp_path / "edits.toml"
    path.write_text(SITE)
    return path


def test_a_site_adds_rules_and_switches_others(site_file):
    edits = edit_set("all", rules=site_file)
    ids = {rule.id for rule in edits.rules}
    assert {"OUR01", "LAT01/unpaired"} <= ids and not {"SEX06", "LAT05"} & ids
    (found,) = [r for r in edits.check_record({540: "9999900013", 610: "43"}) if r.rule == "OUR01"]
    assert found.message == "Class of case 43 is not analytic, but 9999900013 is our own hospital: verify."
    assert found.items == {540: "9999900013", 610: "43"}
    assert [rule.id for rule in edit_set("ours", rules=site_file).rules] == ["OUR01"]
    assert [rule.id for rule in edit_set("site", rules=site_file).rules] == ["OUR01"]


def test_a_site_fills_a_list_of_the_built_in_rules():
    edits = make_set("all", site=parse_rules('[lists]\ncatchment = ["FL GA"]', "site", built_in().lists))
    assert [r.rule for r in edits.check_record({80: "AL", 90: "001"}) if r.rule == "GEO02"] == ["GEO02"]
    assert not [r for r in edits.check_record({80: "GA", 90: "001"}) if r.rule == "GEO02"]


@pytest.mark.parametrize(
    "text, line, said",
    [
        ("[[rule]\n", 1, "not TOML"),
        ("colour = 1\n", 1, "'colour' is no part"),
        ('disable = "SEX06"\n', 1, "must be a list"),
        ('[lists]\nmine = ["C50-C509"]\n', 2, "two bounds"),
        (SITE.replace('"#610 in [10-22]"', '"#610 in [10-22"'), 15, "code is expected"),
        (SITE.replace("when = ", "where = "), 14, "'where' is no key"),
        (SITE.replace('"warning"', '"fatal"'), 12, "'fatal' is none of error, warning, info"),
        (SITE.replace('id = "OUR01"', 'id = "our 1"'), 9, "must be capital letters"),
        (SITE.replace('items = ["#540", "#610"]', 'items = ["#540"]'), 13, "reads item 610"),
        (SITE.replace("{#610}", "{class}"), 16, "{class} names nothing"),
        (SITE.replace('level = "interfield"', "level = 3"), 11, "level must be a text"),
        (SITE + 'override = "yes"\n', 19, "such as 2030:1"),
        (SITE + 'years = "later"\n', 19, "must be 2018-"),
        (SITE + SITE[SITE.index("[[rule]]") :], 20, "OUR01 stands twice"),
        (SITE.replace("require = ", "note = "), 9, "either require or between"),
    ],
)
def test_faults_of_a_file_are_named_with_their_line(tmp_path, text, line, said):
    path = tmp_path / "edits.toml"
    path.write_text(text)
    with pytest.raises(AbstractingError) as caught:
        read_rule_file(path, built_in().lists)
    error = caught.value
    assert error.code == "edit-rules" and said in error.message and str(path) in error.where
    assert f"line {line}" in error.message or "not TOML" in error.message


def test_all_faults_come_at_once(tmp_path):
    path = tmp_path / "edits.toml"
    path.write_text(SITE.replace('"warning"', '"fatal"').replace("{#610}", "{class}"))
    with pytest.raises(AbstractingError) as caught:
        read_rule_file(path, built_in().lists)
    assert "line 12" in caught.value.message and "line 16" in caught.value.message


def test_unreadable_files_and_clashing_ids_are_refused(tmp_path):
    path = tmp_path / "edits.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AbstractingError, match="UTF-8"):
        read_rule_file(path)
    path.write_text(SITE.replace("OUR01", "SEX01"))
    with pytest.raises(AbstractingError, match="SEX01 is a built-in edit"):
        edit_set("all", rules=path)


def test_sets():
    for name in SETS:
        if name != "site":
            assert edit_set(name).rules, name
    assert {rule.id for rule in edit_set("iarc").rules} < {rule.id for rule in edit_set("all").rules}
    assert all(rule.level == "interrecord" for rule in edit_set("interrecord").rules)
    with pytest.raises(AbstractingError, match="no set of edits 'seer'"):
        edit_set("seer")


def test_everything_a_rule_can_use_is_documented():
    text = explanation.language()
    for name in (*terms(), *PREDICATES, *built_in().lists, *SETS):
        assert name in text
    assert all(one.meaning for one in PREDICATES.values())


def test_every_rule_names_its_source_and_speaks_one_sentence():
    for rule in edit_set("all").rules:
        assert rule.source, rule.id
        assert rule.message.endswith((".", "?")) and (rule.message[0].isalpha() or rule.message[0] == "{"), rule.id
        assert "NAACCR edits" not in rule.message
    assert "ITM02/year" in explanation.in_words(explanation.rules_of("ITM02")[2])
