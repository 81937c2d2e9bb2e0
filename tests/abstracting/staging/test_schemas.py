"""Staging in NAACCR items: the algorithm by year, the schema, site-specific items, derived items."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from abstracting.naaccr.record import RecordView
from abstracting.staging.engine import Engine
from abstracting.staging.library import load_algorithm
from abstracting.staging.schemas import (
    StagingDesk,
    eras,
    not_derivable,
    schema_for,
    ssdi_items,
    stage_record,
    value_of,
    year_of,
)

BREAST = {"390": "20240512", "400": "C509", "522": "8500", "523": "3", "230": "055"}
EOD = {**BREAST, "772": "100", "774": "000", "776": "00", "3843": "1", "3844": "2"}


@pytest.fixture(scope="module")
def desk() -> StagingDesk:
    return StagingDesk(current_year=2026)


ALGORITHMS = [
    (1999, None),
    (2003, None),
    (2004, "cs"),
    (2015, "cs"),
    (2016, "tnm"),
    (2017, "tnm"),
    (2018, "eod_public"),
    (2026, "eod_public"),
    (9999, "eod_public"),
    (None, "eod_public"),
]


@pytest.mark.parametrize(("year", "name"), ALGORITHMS)
def test_the_algorithm_follows_the_year(desk: StagingDesk, year: int | None, name: str | None) -> None:
    assert desk.algorithm_for(year) == name
    assert {era.algorithm for era in eras()} == {"cs", "tnm", "eod_public"}


def test_values_are_found_by_number_as_text_or_not_and_by_xml_id() -> None:
    assert value_of({"400": " C509 "}, 400) == value_of({400: "C509"}, 400) == "C509"
    assert value_of({"primarySite": "C509"}, 400, "primarySite") == "C509"
    assert value_of({"400": "  ", "primarySite": None}, 400, "primarySite") == ""
    assert value_of(MappingProxyType({"400": "C509"}), 400) == "C509"
    # sex (220) serves where sex assigned at birth (225) is blank
    assert value_of({"220": "2"}, 225) == "2"
    assert value_of({"220": "2", "225": "1"}, 225) == "1"


@pytest.mark.parametrize(
    ("date", "year"), [("20240512", "2024"), ("2024-05-12", "2024"), ("2024", "2024"), ("", ""), ("99", "")]
)
def test_the_year_of_diagnosis(date: str, year: str) -> None:
    assert year_of({"390": date}) == year


def test_eod_derives_summary_stage_grade_and_schema(desk: StagingDesk) -> None:
    staging = desk.stage_record(EOD)
    assert (staging.choice.algorithm, staging.choice.schema_id) == ("eod_public", "breast")
    assert staging.derived == {"3800": "00480", "762": "1", "1975": "2"}
    assert staging.result.path[-1] == "summary_stage_2018.summary_stage_rpa"
    assert staging.inputs["year_dx"] == "2024" and "er" not in staging.inputs
    assert staging.pediatric is None and staging.all_derived == staging.derived


def test_collaborative_stage_and_tnm(desk: StagingDesk) -> None:
    cs = {"390": "20120101", "2800": "020", "2810": "100", "2830": "000", "2850": "00", "820": "00", "830": "05"}
    derived = desk.stage_record({**BREAST, **cs, "2935": "020550"}).derived
    assert (derived["3400"], derived["3020"], derived["2936"]) == ("180", "1", "020550")
    tnm = desk.stage_record({**BREAST, "390": "2016", "940": "c2", "950": "c0", "960": "c0"})
    assert (tnm.derived["3610"], tnm.derived["3614"]) == ("2A", "2A")


def test_a_blank_item_takes_the_default_and_a_wrong_code_is_an_error(desk: StagingDesk) -> None:
    staging = desk.stage_record({**EOD, "772": "  "})
    # the default 999 of EOD Primary Tumor leaves the summary stage unknown
    assert staging.derived["762"] == "9" and "eod_primary_tumor" not in staging.inputs
    assert staging.result.errors == []
    wrong = desk.stage_record({**EOD, "774": "123"})
    assert ["INVALID_REQUIRED_INPUT", "eod_regional_nodes"] in [error.as_list()[:2] for error in wrong.result.errors]


def test_early_years_ambiguity_and_nonsense_are_told_apart(desk: StagingDesk) -> None:
    early = desk.stage_record({**BREAST, "390": "1999"})
    assert (early.result.result, early.derived) == ("FAILED_NO_MATCHING_SCHEMA", {})
    assert early.choice.reason == "no algorithm stages tumors diagnosed in 1999"
    stomach = desk.stage_record({**BREAST, "400": "C160", "522": "8140"})
    assert stomach.result.result == "FAILED_MULITPLE_MATCHING_SCHEMAS"
    assert [question.item for question in stomach.choice.missing] == [3926]
    nonsense = desk.schema_for({**BREAST, "400": "C999"})
    assert (nonsense.schema_id, nonsense.reason) == (None, "C999 is not a valid primary site")


def test_the_pediatric_algorithm_runs_beside_for_the_young(desk: StagingDesk) -> None:
    child = {"390": "2022", "400": "C716", "522": "9470", "523": "3", "230": "007", "1138": "00", "1136": "200"}
    staging = desk.stage_record(child)
    assert staging.choice.algorithm == "eod_public" and staging.pediatric is not None
    assert staging.pediatric.derived["1132"] == "3c1"
    assert staging.all_derived == staging.derived | staging.pediatric.derived
    for other in ({"230": "045"}, {"230": "999"}, {"230": ""}, {"390": "2017"}, {"390": ""}):
        assert desk.stage_record({**child, **other}).pediatric is None, other
    # an adult's tumor in the young has no pediatric stage
    assert desk.stage_record({**EOD, "230": "019"}).pediatric is None


def test_site_specific_items_of_a_schema_and_year(desk: StagingDesk) -> None:
    breast = desk.schema(desk.schema_for(BREAST))
    assert breast is not None and breast.algorithm == "eod_public"
    items = {entry.item for entry in ssdi_items(breast, 2024)}
    assert {3827, 3915, 3855, 3863} <= items and 772 not in items
    cs = desk.schema(desk.schema_for({**BREAST, "390": "2012"}))
    assert cs is not None
    keys = [entry.key for entry in ssdi_items(cs, 2012)]
    assert keys[:3] == ["ssf1", "ssf2", "ssf3"] and "ssf25" not in keys


def test_valid_codes_and_labels_of_items(desk: StagingDesk) -> None:
    breast = desk.schema(desk.schema_for(BREAST))
    assert breast is not None
    assert [code.text for code in desk.valid_codes(breast, 3827)] == ["0", "1", "7", "9"]
    assert desk.valid_codes(breast, "estrogenReceptorSummary") == desk.valid_codes(breast, "3827")
    assert desk.valid_codes(breast, 9999) == ()
    assert desk.label(breast, 3827, "7") == "Tested, result not in the record"
    assert desk.label(breast, 752, "015") == "Size in mm"
    assert desk.label(breast, 9999, "1") == desk.label(breast, 3827, "5") == ""
    assert desk.is_code_valid(breast, 752, "015") and not desk.is_code_valid(breast, 3827, "5")
    assert not desk.is_code_valid(breast, 9999, "1")


def test_a_record_is_checked_against_its_schema(desk: StagingDesk) -> None:
    breast = desk.schema(desk.schema_for(BREAST))
    assert breast is not None
    assert desk.check_record(EOD, breast) == ()
    faults = desk.check_record({**EOD, "3827": "5", "772": "001", "3915": ""}, breast)
    assert {(fault.item, fault.value, fault.used_for_staging) for fault in faults} == {
        (3827, "5", False),
        (772, "001", True),
    }


def test_every_default_of_every_schema_is_a_valid_code_or_known_not_to_be(desk: StagingDesk) -> None:
    wrong = {
        (schema.id, entry.key)
        for schema in desk.engine("eod_public").algorithm.schemas.values()
        for entry in schema.inputs
        if entry.default and not desk.engine("eod_public").is_code_valid(schema.id, entry.key, entry.default)
    }
    assert wrong == set()


def test_a_site_can_bring_its_own_package(tiny) -> None:
    engine: Engine = tiny()
    own = StagingDesk({"eod_public": engine.algorithm}, current_year=2026)
    assert own.engine("eod_public").algorithm is engine.algorithm
    assert own.engine("tnm").algorithm is load_algorithm("tnm")


def test_what_open_data_cannot_derive_is_said_and_never_derived(desk: StagingDesk) -> None:
    missing = not_derivable()
    assert {"785", "795", "815", "818", "1004", "1014", "1024"} <= set(missing)
    for name in ("eod_public", "tnm", "cs", "pediatric"):
        outputs = {
            str(entry.item) for schema in desk.engine(name).algorithm.schemas.values() for entry in schema.outputs
        }
        assert not outputs & set(missing)


def test_a_view_over_a_naaccr_record_serves_as_it_is(desk: StagingDesk) -> None:
    view = RecordView({225: "2"}, {int(number): value for number, value in EOD.items()} | {230: "012"})
    assert desk.stage_record(view).derived == desk.stage_record(EOD).derived
    child = RecordView({}, {390: "2022", 400: "C716", 522: "9470", 523: "3", 230: "007", 1138: "00"})
    staging = desk.stage_record(child)
    assert staging.pediatric is not None and staging.pediatric.derived["1132"] == "3c1"


def test_the_module_functions_share_one_desk() -> None:
    assert schema_for(BREAST).schema_id == "breast"
    assert stage_record(EOD).derived["3800"] == "00480"
    assert stage_record({**EOD, "390": ""}, 2020).choice.schema_id == "breast"
