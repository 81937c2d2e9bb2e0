"""Gates, changes, overrides and fingerprints; the same from one record and from many."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abstracting.edits.batch import check_frame
from abstracting.edits.engine import check_record, edit_set
from abstracting.edits.lines import LineChecker
from abstracting.edits.predicates import PREDICATES
from abstracting.edits.results import fingerprint
from abstracting.errors import AbstractingError
from abstracting.jsonlines import answer
from abstracting.values import UNKNOWN, parse_date, parse_dates


def failing(edits, record, **options):
    return {result.rule for result in edits.check_record(record, **options) if result.fails}


def test_one_wrong_code_gives_one_finding(edits, clean):
    """An item edit gates every edit that reads its item."""
    assert failing(edits, clean | {400: "C5O2"}) == {"ITM01"}
    assert failing(edits, clean | {390: "20190231"}) == {"ITM08"}
    assert failing(edits, clean | {522: "85O0"}) == {"ITM02"}


def test_keys_may_be_numbers_texts_or_ids(edits, clean):
    wanted = failing(edits, clean | {220: "1", 400: "C559"})
    texts = {str(number): value for number, value in clean.items()} | {"220": "1", "400": "C559"}
    ids = texts | {"primarySite": texts.pop("400"), "sex": texts.pop("220")}
    assert wanted and failing(edits, ids) == wanted


def test_changes_limit_the_check_to_what_they_touch(edits, clean):
    """Checking only what a change touches finds exactly what differs, and leaves most rules alone."""
    for number, value in {400: "C619", 220: "1", 390: "20100101", 764: "0", 230: "012", 490: "7", 2030: "1"}.items():
        record = clean | {number: value}
        touched = {rule.id for rule in edits.dependents([number])}
        assert failing(edits, record, changed=[number]) == failing(edits, record) & touched
        assert failing(edits, record) - failing(edits, clean) <= touched
        assert len(touched) < len(edits.of_record)
    assert "SEX01" in {rule.id for rule in edits.dependents(["primarySite"])}
    assert edits.dependents(["noSuchItem"]) == ()


def test_an_override_item_lets_a_record_pass_where_the_standard_has_one(edits, clean):
    record = clean | {522: "8170"}
    (found,) = [r for r in edits.check_record(record) if r.rule == "MOR01"]
    assert found.fails and found.override_item == 2030
    (passed,) = [r for r in edits.check_record(record | {2030: "1"}) if r.rule == "MOR01"]
    assert passed.outcome == "overridden"
    # code 2 of the histology override speaks of confirmation, not of the term
    assert "MOR06" in failing(edits, clean | {522: "9680", 523: "2", 2040: "2"})
    assert "MOR06" not in failing(edits, clean | {522: "9680", 523: "2", 2040: "3"})


def test_a_review_holds_for_its_values_only(edits, clean):
    record = clean | {522: "8170"}
    (found,) = [r for r in edits.check_record(record) if r.rule == "MOR01"]
    reviews = {"MOR01": found.fingerprint}
    assert [r.outcome for r in edits.check_record(record, overrides=reviews) if r.rule == "MOR01"] == ["overridden"]
    moved = record | {400: "C509"}
    assert [r.outcome for r in edits.check_record(moved, overrides=reviews) if r.rule == "MOR01"] == ["fail"]


def test_codes_that_an_override_item_takes(edits):
    histology = edits.rule("MOR06").override
    assert (histology.code_for(""), histology.code_for("2"), histology.code_for("1")) == ("1", "3", "1")


values = st.dictionaries(st.integers(10, 9999), st.text(min_size=1, max_size=8), min_size=1, max_size=6)


@given(values, st.data())
def test_a_fingerprint_follows_every_value_and_nothing_else(items, data):
    whole = fingerprint("MOR01", items)
    assert whole == fingerprint("MOR01", dict(reversed(items.items())))
    assert whole == fingerprint("MOR01", {**items, 10_000: ""})
    assert whole != fingerprint("MOR02", items)
    number = data.draw(st.sampled_from(sorted(items)))
    assert whole != fingerprint("MOR01", {**items, number: items[number] + "x"})
    assert whole != fingerprint("MOR01", {n: v for n, v in items.items() if n != number})


@given(values, st.lists(values, max_size=3), st.randoms())
def test_a_fingerprint_between_records_knows_the_others_in_any_order(items, others, random):
    shuffled = list(others)
    random.shuffle(shuffled)
    whole = fingerprint("LAT04", items, others)
    assert whole == fingerprint("LAT04", items, shuffled)
    if others:
        assert whole != fingerprint("LAT04", items, others[1:])


def test_items_beside_a_rule_leave_its_fingerprint_alone(edits, clean):
    def of(record):
        return next(r.fingerprint for r in edits.check_record(record) if r.rule == "MOR01")

    record = clean | {522: "8170"}
    assert of(record) == of(record | {1750: "20250101", 2030: "1"})
    assert of(record) != of(record | {400: "C509"})


dates = st.one_of(
    st.dates().map(lambda d: f"{max(d.year, 1800) if d.year < 2200 else 2000:04d}{d:%m%d}"),
    st.integers(1900, 2026).map(str),
    st.tuples(st.integers(1900, 2026), st.integers(1, 12)).map(lambda p: f"{p[0]}{p[1]:02d}"),
    st.sampled_from(["", "99999999", "20190231", "2019  15", "garbage"]),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(dates, dates, st.integers(0, 120)), min_size=1, max_size=15))
def test_date_predicates_agree_on_columns(rows):
    a, b = ([row[i] for row in rows] for i in (0, 1))
    columns = parse_dates(a), parse_dates(b)
    coded = {True: 1, False: 0, None: UNKNOWN}
    for name in ("precedes", "not_after", "dates_agree", "over_a_year_before"):
        one = PREDICATES[name]
        single = [coded[one.ask(parse_date(x), parse_date(y))] for x, y in zip(a, b)]
        assert one.ask_columns(*columns).tolist() == single, name
    age = pd.Series([row[2] for row in rows]).to_numpy()
    single = [coded[PREDICATES["age_agrees"].ask(n, parse_date(x), parse_date(y))] for x, y, n in rows]
    assert PREDICATES["age_agrees"].ask_columns(age, *columns).tolist() == single


def test_a_file_that_does_not_carry_an_item_is_not_blamed_for_it(plain, clean):
    frame = pd.DataFrame([{str(n): v for n, v in clean.items() if n not in (1750, 60, 40)}])
    result = check_frame(frame, edits=plain)
    counts = result.counts.set_index("rule")
    assert result.findings.empty and counts.at["ITM10", "not_evaluable"] == 1
    whole = check_frame(frame, edits=plain, whole=True)
    assert {"ITM10", "ITM22/60", "ITM22/40"} == set(whole.findings["rule"])


def test_counts_add_up(plain, clean):
    rows = [
        {str(n): v for n, v in (clean | change).items()} for change in ({}, {400: "C50X"}, {522: "8170"}, {410: ""})
    ]
    rows[2] |= {"2030": "1"}
    rows = [row | {"20": str(place), "2240": f"Mary{'abcd'[place]}", "240": f"196{place}0704", "230": ""}
            for place, row in enumerate(rows)]  # fmt: skip
    result = check_frame(pd.DataFrame(rows).fillna(""), edits=plain)
    counts = result.counts
    assert (counts.passed + counts.failed + counts.overridden == counts.evaluated).all()
    assert (counts.evaluated + counts.not_evaluable == 4)[counts.level != "interrecord"].all()
    assert dict(zip(result.findings.rule, result.findings.outcome)) == {
        "ITM01": "fail", "MOR01": "overridden", "MOR03": "overridden"
    }  # fmt: skip
    assert not result.passes


def test_hostile_values_are_findings_or_nothing(plain, clean):
    """No value, however long or strange, raises."""
    for value in ("9" * 500, "²³", "\x00", "C509' OR 1=1", "𝟛", "-1", "   ", "٣"):
        for number in clean:
            plain.check_record(clean | {number: value})
    frame = pd.DataFrame([{str(n): "²" * 40 for n in clean}])
    assert len(check_frame(frame, edits=plain).findings)


def test_an_empty_file(plain):
    result = check_frame(pd.DataFrame(columns=["20", "400"]), edits=plain)
    assert result.passes and (result.counts.evaluated == 0).all()


def test_json_lines(clean):
    checker = LineChecker(edit_set("all"))

    def say(line):
        return answer(line if isinstance(line, str) else json.dumps(line), checker.answer)

    items = {str(number): value for number, value in clean.items()}
    assert say({"id": 1, "items": items}) == {"id": 1, "passes": True, "findings": []}
    person = {n: v for n, v in items.items() if n in ("20", "240", "220", "1750", "1760")}
    assert say({"id": 2, "patient": person, "items": {n: v for n, v in items.items() if n not in person}})["passes"]
    assert say({"root": {"items": {"registryId": "0000000001"}}})["findings"] == []
    wrong = {**items, "400": "C619"}
    found = say({"id": "p", "items": {"sex": "2"}, "tumors": [{"items": items}, {"items": wrong}]})
    assert found["id"] == "p" and not found["passes"]
    assert {(f["tumor"], f["edit"]) for f in found["findings"]} >= {(1, "SEX02"), (1, "ITM22")}
    for line, code in (
        ("nonsense", "json-line"),
        ({"id": 3}, "edit-record"),
        ({"id": 4, "items": []}, "edit-record"),
        ({"id": 5, "items": {"400": ["C509"]}}, "edit-record"),
        ({"id": 6, "items": {}, "tumors": {}}, "edit-record"),
        ({"id": 7, "items": {}, "tumors": ["C509"]}, "edit-record"),
    ):
        assert say(line)["error"]["code"] == code


def test_the_short_way(clean):
    assert check_record(clean) == []
    assert [r.edit for r in check_record(clean | {220: "1", 400: "C559"}, changed=[220], rule_set="iarc")] == ["SEX01"]
    with pytest.raises(AbstractingError, match="no edit 'XXX01'"):
        edit_set("all").rule("XXX01")
