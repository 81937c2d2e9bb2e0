"""Every edit of the catalogue on a record that passes, one that fails and one of which nothing can be said."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from abstracting.edits.batch import check_frame
from abstracting.edits.generated import code_list_rules
from abstracting.edits.rules import built_in
from abstracting.edits.terms import Columns
from abstracting.naaccr.items import codes
from abstracting.values import FALSE, TRUE, UNKNOWN


@dataclass(frozen=True)
class Case:
    """One cell of `cases.txt`: changes of the base record, and the items that its source does not carry."""

    rule: str
    expected: str
    changes: dict[int, str]
    lacking: frozenset[int]

    @property
    def carries(self) -> frozenset[int] | None:
        return frozenset(range(1, 100_000)) - self.lacking if self.lacking else None

    def of(self, clean: dict[int, str]) -> dict[int, str]:
        return {n: value for n, value in {**clean, **self.changes}.items() if n not in self.lacking}


def read_cases() -> Iterator[Case]:
    for line in (Path(__file__).parent / "cases.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        rule, *cells = (cell.strip() for cell in line.split("|"))
        assert len(cells) == 3, line
        for expected, cell in zip(("pass", "fail", "not evaluable"), cells):
            words = [word for word in cell.split() if word != "-"]
            lacking = frozenset(int(word[1:]) for word in words if word.startswith("!"))
            pairs = [word.partition("=") for word in words if not word.startswith("!")]
            yield Case(rule, expected, {int(n): value.replace("_", " ") for n, _, value in pairs}, lacking)


CASES = list(read_cases())


@pytest.mark.shared
def test_the_catalogue_is_whole(reference):
    with (reference / "edits/edits_catalogue.csv").open(newline="") as file:
        catalogue = {row["id"]: row for row in csv.DictReader(file)}
    rules = built_in().rules
    assert len(catalogue) == 109 and {rule.edit for rule in rules} == set(catalogue)
    for rule in rules:
        listed = catalogue[rule.edit]["severity"]
        if listed in ("error", "warning") and rule.kind == "edit" and not rule.optional:
            assert rule.severity == listed or rule.id in DIFFERENT, rule.id
        number = "".join(c for c in catalogue[rule.edit]["override_item"].split("(")[0] if c.isdigit())
        assert not number or (rule.override and str(rule.override.number) == number), rule.id


# parts of an edit that are milder than the whole
DIFFERENT = {"STG05/distant"}


def test_every_rule_of_a_record_has_its_cases():
    of_record = {rule.id for rule in built_in().rules if rule.test is not None and rule.kind == "edit"}
    assert {case.rule for case in CASES} == of_record


def test_the_base_record_passes(edits, clean):
    assert edits.check_record(clean) == []


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule} {case.expected}" for case in CASES])
def test_outcome(edits, clean, case: Case):
    record = case.of(clean)
    results = edits.check_record(record, carries=case.carries, every=True)
    (found,) = [result for result in results if result.rule == case.rule]
    assert found.outcome == case.expected, found
    if case.expected == "fail":
        assert found.message.endswith(".") and "{" not in found.message
        rule = edits.rule(case.rule)
        # both ends: at least one item of every end, with the value that the record has
        assert all(set(end) & set(found.items) for end in rule.ends)
        assert all(value == record.get(number, "").strip() for number, value in found.items.items())


def test_a_whole_file_gives_what_single_records_give(edits, clean):
    """The column form of every rule agrees with its form for one record, on all cells of the table."""
    records = [case.of(clean) for case in CASES if not case.lacking]
    frame = pd.DataFrame([{str(n): v for n, v in record.items()} for record in records]).fillna("")
    columns = Columns(frame, edits.today, whole=True)
    coded = {True: TRUE, False: FALSE, None: UNKNOWN}
    for rule in edits.of_record:
        single = [coded[rule.test.of(edits.prepared(record))] for record in records]
        assert rule.test.column(columns).tolist() == single, rule.id
    result = check_frame(frame, edits=edits, whole=True)
    alone = {(row, found.rule, found.fingerprint, found.message) for row, record in enumerate(records)
             for found in edits.check_record(record)}  # fmt: skip
    together = {(row, found.rule, found.fingerprint, found.message) for row, found in result.details()
                if not edits.rule(found.rule).between}  # fmt: skip
    assert together == alone


def test_code_lists(edits):
    """Every item with a list: a listed code passes, another fails, of a blank nothing is said."""
    rules = code_list_rules()
    assert len(rules) > 230
    for rule in rules:
        (number,) = rule.items
        listed = next(code for version in ("260", "250") for code in codes(number, version) if code)
        truth = [rule.test.of(edits.prepared({number: value})) for value in (listed, "~", "")]
        assert truth == [True, False, None], rule.id


@pytest.mark.parametrize(
    ("item", "written", "not_written"),
    [
        (1001, "cTX cT0 cTis cTis(DCIS) cTis(LAMN) pTis cTa cT1 cT1mi cT1c cT1a2 cT4d 88", "pT1 T1 ct1c CT1C cT5 cT1x 1c"),
        (1002, "cNX cN0 cN0(i+) cN0(mol+) cN1 cN1mi cN2a cN3c 88", "pN1 N0 cN4 cn0"),
        (1003, "cM0 cM0(i+) cM1 cM1a cM1c(1) pM1 pM1b 88", "M0 cM2 cMX"),
        (1004, "0 0A 0IS 1 1A 1A1 2B 3C1 4 4A 1E 2BULK 1:5 OC 88 99", "5 IA I A1"),
        (1011, "pTX pT0 pTis(Paget) pT1mi pT2a1 88", "cT1 pT1z"),
        (1012, "pNX pN0 pN0(i-) pN1a pN1mi cN0 88", "ypN0 pN9"),
        (1021, "ypT0 ypTis ypT1c 88", "pT1 ycT1"),
        (1022, "ypN0 ypN1mi cN0 88", "pN0"),
        (1062, "ycT0 ycT2a 88", "ypT0"),
        (1066, "cM0 cM1 pM1 88", "ycM0"),
        (1067, "1A 2B 99", "II"),
        (1031, "(m) (s)", "m (sn)"),
        (1034, "(sn) (f)", "sn (m)"),
    ],
)  # fmt: skip
def test_stage_entered_by_hand_is_written_in_the_form_of_its_item(edits, item, written, not_written):
    of = edits.rule(f"FRM{item}").test.of
    assert [v for v in written.split() if of(edits.prepared({item: v})) is not True] == []
    assert [v for v in not_written.split() if of(edits.prepared({item: v})) is not False] == []
    assert of(edits.prepared({item: ""})) is None


def test_dates_of_the_dictionary(edits):
    outcomes = {value: next(r.outcome for r in edits.check_record({580: value}, every=True) if r.rule == "DTE580")
                for value in ("20190310", "2019", "20190231", "20990101", "")}  # fmt: skip
    assert list(outcomes.values()) == ["pass", "pass", "fail", "fail", "not evaluable"]


@pytest.mark.parametrize(
    "rule, changes, expected",
    [
        ("SSD3827", {3827: "1"}, "pass"),  # estrogen receptor of the breast
        ("SSD3827", {3827: "5"}, "fail"),
        ("SSD3827", {3827: "1", 400: "C189"}, "not evaluable"),  # no item of the colon's schema
        ("SSD3827", {3827: "1", 390: ""}, "not evaluable"),
        ("SSD772", {772: "100"}, "pass"),
        ("SSD772", {772: "001"}, "fail"),
        ("SSD2880", {2880: "010", 390: "20100101"}, "pass"),  # Collaborative Stage of 2010
        ("SSD2880", {2880: "9X9", 390: "20100101"}, "fail"),
    ],
)
def test_codes_of_the_schema(edits, clean, rule, changes, expected):
    results = edits.check_record(clean | changes, every=True)
    assert next(result.outcome for result in results if result.rule == rule) == expected
