"""Schema selection, and the questions that are left where several schemas fit."""

from __future__ import annotations

import pytest

from abstracting.staging.discriminators import choose_schema
from abstracting.staging.engine import Engine
from abstracting.staging.library import load_algorithm

SELECTIONS = {
    "by_both": "site:INPUT | hist:INPUT | ok:ENDPOINT\nC500 | 8000-8999 | MATCH",
    "by_disc": "site:INPUT | hist:INPUT | disc:INPUT | ok:ENDPOINT\nC501 | 8000-8999 | 1 | MATCH\nC501 | 9000 | * | MATCH",
    "by_other": "site:INPUT | hist:INPUT | disc:INPUT | ok:ENDPOINT\nC501 | 8000-8999 | 2,3 | MATCH",
    "blank": "site:INPUT | hist:INPUT | disc:INPUT | ok:ENDPOINT\nC501 | 8500 |  | MATCH",
    "old": "site:INPUT | hist:INPUT | year_dx:INPUT | ok:ENDPOINT\nC502 | 8000-8999 | 2018-2022 | MATCH",
    "new": "site:INPUT | hist:INPUT | year_dx:INPUT | ok:ENDPOINT\nC502 | 8000-8999 | 2023-9999 | MATCH",
}
DISC = {"key": "disc", "name": "Discriminator", "naaccr_item": 3926, "table": "disc_codes"}


@pytest.fixture(scope="module")
def engine(tiny) -> Engine:
    tables = {
        **SELECTIONS,
        "disc_codes": "disc:INPUT | label:DESCRIPTION\n1 | left\n2 | right\n3 | middle\n9 | unknown",
    }
    schemas = {
        key: {
            "schema_selection_table": key,
            "schema_discriminators": ["year_dx"] if key in ("old", "new") else ["disc"] if key != "by_both" else [],
            "inputs": [DISC],
        }
        for key in SELECTIONS
    }
    return tiny(tables=tables, schemas=schemas)


LOOKUPS = [
    ({}, []),
    ({"disc": "1"}, []),
    ({"site": None, "hist": None}, []),
    ({"site": "C500", "hist": "8500"}, ["by_both"]),
    # one alone is for browsing
    ({"site": "C500"}, ["by_both"]),
    ({"hist": "9000"}, ["by_disc"]),
    # a present key is compared, blank or not; an absent one is not
    ({"site": "C501", "hist": "8500"}, ["by_disc", "by_other", "blank"]),
    ({"site": "C501", "hist": "8500", "disc": "1"}, ["by_disc"]),
    ({"site": "C501", "hist": "8500", "disc": "3"}, ["by_other"]),
    ({"site": "C501", "hist": "8500", "disc": ""}, ["blank"]),
    ({"site": "C501", "hist": "8500", "disc": None}, ["blank"]),
    ({"site": "C501", "hist": "8500", "disc": "9"}, []),
    ({"site": "C501", "hist": "9000", "disc": "anything"}, ["by_disc"]),
    ({"site": "C500", "hist": "8500", "disc": "anything"}, ["by_both"]),
    # values are not trimmed
    ({"site": "C501", "hist": "8500", "disc": " 1"}, []),
    ({"site": " C501", "hist": "8500"}, []),
    # a discriminator with site or histology missing or blank
    ({"site": "C501", "disc": "1"}, []),
    ({"site": "C501", "hist": "", "disc": "1"}, []),
    ({"site": "C501", "disc": ""}, ["by_disc", "blank"]),
    ({"site": "C501", "unheard": "of"}, []),
    # codes that the algorithm does not know
    ({"site": "C999", "hist": "8500"}, []),
    ({"site": "C501", "hist": "7999"}, []),
    ({"site": "C501", "hist": "08500"}, []),
    ({"site": "C50", "hist": "8500"}, []),
    ({"site": "", "hist": "8500"}, []),
]


@pytest.mark.parametrize(("request_", "found"), LOOKUPS, ids=[str(case[0]) for case in LOOKUPS])
def test_lookup(engine: Engine, naive, request_: dict, found: list[str]) -> None:
    assert list(engine.algorithm.selection.lookup(request_)) == found
    assert naive(engine.algorithm).lookup(request_) == found


def test_valid_sites_and_histologies(engine: Engine) -> None:
    selection = engine.algorithm.selection
    assert selection.is_valid_site("C619") and not selection.is_valid_site("C620")
    # a range of sites that is no range of whole numbers is not spelled out
    assert not selection.is_valid_site("C505")
    assert selection.is_valid_histology("8123") and selection.is_valid_histology("9010")
    assert not selection.is_valid_histology("9005") and not selection.is_valid_histology("8" * 5000)
    assert selection.discriminators == ("disc", "year_dx")


def test_the_schema_itself(engine: Engine) -> None:
    choice = choose_schema(engine, {"site": "C500", "hist": "8500", "disc": ""})
    assert (choice.schema_id, choice.candidates, choice.missing, choice.reason) == ("by_both", ("by_both",), (), "")


def test_a_missing_discriminator_comes_with_its_choices(engine: Engine) -> None:
    choice = choose_schema(engine, {"site": "C501", "hist": "8500", "disc": ""})
    assert (choice.schema_id, choice.candidates) == (None, ("by_disc", "by_other", "blank"))
    (question,) = choice.missing
    assert (question.key, question.name, question.item) == ("disc", "Discriminator", 3926)
    assert [(c.code.text, c.code.label, c.schema_ids) for c in question.choices] == [
        ("1", "left", ("by_disc",)),
        ("2", "right", ("by_other",)),
        ("3", "middle", ("by_other",)),
    ]


def test_a_range_is_cut_where_another_schema_begins(engine: Engine) -> None:
    (question,) = choose_schema(engine, {"site": "C502", "hist": "8500"}).missing
    assert [(c.code.text, c.schema_ids) for c in question.choices] == [
        ("2018-2022", ("old",)),
        ("2023-2026", ("new",)),
        ("9999", ("new",)),
    ]
    assert choose_schema(engine, {"site": "C502", "hist": "8500", "year_dx": "2020"}).schema_id == "old"


REASONS = [
    ({}, "primary site and histology are both needed"),
    ({"site": "C999"}, "primary site and histology are both needed"),
    ({"site": "C999", "hist": "8500"}, "C999 is not a valid primary site"),
    ({"site": "C500", "hist": "7000"}, "7000 is not a valid histology"),
    ({"site": "C500", "hist": "9000"}, "no schema holds histology 9000 at site C500"),
    ({"site": "C501", "hist": "8500", "disc": "9"}, "no schema fits C501 8500 together with disc 9"),
]


@pytest.mark.parametrize(("request_", "reason"), REASONS, ids=[case[1] for case in REASONS])
def test_why_no_schema_fits(engine: Engine, request_: dict, reason: str) -> None:
    choice = choose_schema(engine, request_)
    assert (choice.schema_id, choice.candidates, choice.reason) == (None, (), reason)


def test_site_alone_gives_candidates_and_never_a_schema(engine: Engine) -> None:
    choice = choose_schema(engine, {"site": "C500", "hist": ""})
    assert (choice.schema_id, choice.candidates, choice.missing) == (None, ("by_both",), ())
    assert choice.reason == "primary site and histology are both needed"


def test_a_wrong_discriminator_is_named_with_the_codes_that_fit(engine: Engine) -> None:
    (wrong,) = choose_schema(engine, {"site": "C501", "hist": "8500", "disc": "9"}).missing
    assert [choice.code.text for choice in wrong.choices] == ["1", "2", "3"]


def test_the_embedded_algorithm_asks_what_registrars_are_asked() -> None:
    engine = Engine(load_algorithm("eod_public"), current_year=2026)
    case = {"site": "C160", "hist": "8140", "year_dx": "2024", "behavior": "3"}
    choice = choose_schema(engine, case)
    assert choice.candidates == ("esophagus_gejunction", "stomach")
    (question,) = choice.missing
    assert (question.item, question.xml_id) == (3926, "schemaDiscriminator1")
    answers = {answer.code.text: answer.schema_ids for answer in question.choices}
    assert answers == dict.fromkeys("039", ("stomach",)) | {"2": ("esophagus_gejunction",)}
    assert all(answer.code.label for answer in question.choices)
    assert choose_schema(engine, {**case, "discriminator_1": "2"}).schema_id == "esophagus_gejunction"


def test_the_year_decides_between_editions() -> None:
    engine = Engine(load_algorithm("eod_public"), current_year=2026)
    case = {"site": "C111", "hist": "8070", "behavior": "3"}
    year = next(q for q in choose_schema(engine, case).missing if q.key == "year_dx")
    assert {c.code.text: len(c.schema_ids) for c in year.choices}["2018-2024"] == 3
    assert choose_schema(engine, {**case, "year_dx": "2025"}).schema_id == "nasopharynx_v9_2025"
