"""NHIA, NAPIIA, county at diagnosis, stage and grade as tables of cases."""

from __future__ import annotations

import pytest

from abstracting.errors import AbstractingError
from abstracting.recodes import asian, county, ethnicity, stage

NHIA = [
    # origin, birthplace, race1, ihs, sex, last name, birth surname, low county, option, code
    ("1", None, "01", "0", "1", "SMITH", None, False, "1", "1"),
    ("6", "PRI", "01", "0", "1", None, None, False, "1", "2"),
    ("6", "USA", "01", "0", "1", "GARCIA", None, False, "1", "6"),
    ("0", "USA", "01", "0", "1", "GARCIA", None, False, "1", "7"),
    ("0", "USA", "01", "0", "1", "GARCIA", None, True, "1", "0"),
    ("0", "USA", "01", "0", "1", "GARCIA", None, True, "0", "7"),
    ("9", "USA", "01", "0", "1", "GARCIA", None, True, "1", "7"),
    ("9", "USA", "01", "0", "1", "GARCIA", None, True, "2", "0"),
    ("7", "USA", "01", "0", "1", "garcia", None, True, "2", "7"),
    ("7", "USA", "06", "0", "1", "GARCIA", None, False, "1", "0"),
    ("7", "USA", "01", "1", "1", "GARCIA", None, False, "1", "0"),
    ("0", "USA", "01", "0", "2", "GARCIA", "AABERG", False, "1", "0"),
    ("0", "USA", "01", "0", "2", "AABERG", "GARCIA", False, "1", "7"),
    ("0", "USA", "01", "0", "9", "GARCIA", None, False, "1", "0"),
    (None, "MEX", "96", "0", "1", None, None, True, "1", "1"),
    (None, "MEX", "01", "0", "1", "GARCIA", None, False, "1", "0"),
]


@pytest.mark.parametrize(
    ("origin", "birthplace", "race1", "ihs", "sex", "last", "birth", "low", "option", "code"), NHIA
)
def test_nhia(origin, birthplace, race1, ihs, sex, last, birth, low, option, code):
    found = ethnicity.nhia(
        origin=origin,
        birthplace=birthplace,
        race1=race1,
        ihs=ihs,
        sex=sex,
        last_name=last,
        birth_surname=birth,
        low_county=low,
        option=option,
    )
    assert found == code and found in ethnicity.LABELS


def test_the_first_county_that_is_not_low_speaks():
    assert ethnicity.only_low_counties([]) and ethnicity.only_low_counties([("TX", None), ("AK", "050")])
    assert not ethnicity.only_low_counties([("AK", "050"), ("TX", "141")])


def test_an_unknown_option_is_refused():
    with pytest.raises(AbstractingError) as caught:
        ethnicity.nhia(
            origin="0", birthplace=None, race1=None, ihs=None, sex=None, last_name=None, birth_surname=None,
            low_county=True, option="3",
        )  # fmt: skip
    assert caught.value.code == "recode-name"


NAPIIA = [
    # races, origin, birthplace, sex, last name, birth surname, race, step
    (("96", "", "88"), "0", "VNM", "1", None, None, "10", None),
    (("97", "88"), "0", "WSM", "1", None, None, "25", None),
    (("96",), "1", "VNM", "1", None, None, "96", None),
    (("96",), "0", "IDN", "1", "NGUYEN", None, "96", None),
    (("96",), "0", "USA", "1", " Nguyen ", None, "10", None),
    (("96",), "0", "USA", "9", " Nguyen ", None, "96", None),
    (("96",), "0", "USA", "2", "NGUYEN", "SMITH", "10", None),
    (("97",), "0", "USA", "1", "NGUYEN", None, "97", None),
    (("96", "05"), "0", None, None, None, None, "05", None),
    (("96", "07", "05"), "0", None, None, None, None, "07", None),
    (("05", "96", "06"), "0", None, None, None, None, "05", "1.3.3"),
    (("01", "96"), "4", "KOR", None, None, None, "08", None),
    (("02", "96"), "0", None, None, None, None, "02", "1.3.5"),
    (("96", "97"), "0", None, None, None, None, "96", "1.3.6"),
    (("88", "96"), "0", None, None, None, None, "88", "1.3.7"),
    (("01", "05"), "0", None, None, None, None, "05", None),
    (("05", "06"), "0", None, None, None, None, "05", "2.2.3"),
    (("01", "07", "02"), "0", None, None, None, None, "07", None),
    (("99", "99", "99", "99", "99"), "0", None, None, None, None, "99", None),
    ((), "0", None, None, None, None, "", "2.2.3"),
]


@pytest.mark.parametrize(("races", "origin", "birthplace", "sex", "last", "birth", "race", "step"), NAPIIA)
def test_napiia(races, origin, birthplace, sex, last, birth, race, step):
    found = asian.napiia(
        races=[*races, *[None] * (5 - len(races))],
        origin=origin,
        birthplace=birthplace,
        sex=sex,
        last_name=last,
        birth_surname=birth,
    )
    assert (found.race, found.step) == (race, step)
    assert found.needs_review == (found.reason is not None)


COUNTY = [
    # year, state, reported, geocoded, certainty, county, flag
    (None, "FL", "001", "001", "1", "999", "10"),
    (2012, "", "001", "001", "1", "999", "10"),
    (2012, "ON", "001", "001", "1", "998", "9"),
    (2012, "FL", "", None, "1", "999", "10.1"),
    (2012, "FL", "001", "999", "1", "001", "2.1"),
    (2012, "FL", "001", "001", "9", "001", "2"),
    (2012, "FL", "001", "002", "1", "001", "2.2"),
    (2012, "FL", "999", "086", "4", "086", "3"),
    (2012, "FL", "999", "086", "9", "086", "6.1"),
    (2012, "FL", "001", "086", "1", "086", "4"),
    (2012, "FL", "001", "086", "6", "086", "4"),
    (2012, "FL", "001", "086", "3", "001", "7"),
    (2012, "FL", "001", "086", "5", "001", "5"),
    (2012, "FL", "001", "086", "", "001", "6"),
]


@pytest.mark.parametrize(("year", "state", "reported", "geocoded", "certainty", "expected", "flag"), COUNTY)
def test_county_at_diagnosis(year, state, reported, geocoded, certainty, expected, flag):
    found = county.county_at_diagnosis(
        year=year, state=state, reported=reported, geocoded=geocoded, certainty=certainty
    )
    assert (found.county, found.flag) == (expected, flag) and flag in county.FLAGS


@pytest.mark.parametrize(
    ("year", "items"),
    [(1985, ("94", "364")), (1999, ("94", "364")), (2000, ("95", "365")), (2010, ("96", "367")), (2020, ("97", "369"))],
)
def test_the_geocode_follows_the_census_of_the_year(year, items):
    assert county.era_items(year) == items


def test_county_of_columns_equals_single_tumors(made_up_registry):
    frame = made_up_registry(800, seed=6)
    items = {item: frame.get(item, [None] * len(frame)) for _, *pair in county.ERAS for item in pair}
    found = county.county_columns(
        diagnosis=frame["390"], state=frame["80"], reported=frame["90"], geocoded=items, certainty=items
    )
    for row, (code, flag) in enumerate(zip(*found, strict=True)):
        record = frame.iloc[row]
        year = county.diagnosis_year(record["390"])
        geocoded, certainty = county.era_items(year or 2000)
        one = county.county_at_diagnosis(
            year=year,
            state=record["80"],
            reported=record["90"],
            geocoded=record.get(geocoded),
            certainty=record.get(certainty),
        )
        assert (one.county, one.flag) == (code, flag)


STAGE = [
    # year, items, (stage, item)
    (1995, {"760": "7", "759": "1"}, ("7", "760")),
    (2002, {"760": "7", "759": "1"}, ("1", "759")),
    (2010, {"3020": "3", "759": "1"}, ("2", "3020")),
    (2010, {"3020": "", "759": "1"}, ("1", "759")),
    (2016, {"3020": "3", "759": "4"}, ("2", "759")),
    (2018, {"759": "1", "764": "7"}, ("7", "764")),
    (2018, {"764": "8"}, ("8", "764")),
    (2018, {"764": "5"}, ("2", "764")),
    (2018, {"764": "X"}, ("9", "764")),
    (2018, {"759": "1"}, ("", "")),
    (None, {"764": "1"}, ("", "")),
]


@pytest.mark.parametrize(("year", "items", "expected"), STAGE)
def test_summary_stage_takes_the_item_of_its_year(year, items, expected):
    assert stage.summary_stage_combined(year, items) == expected


def test_a_trend_names_the_breaks_it_crosses():
    assert list(stage.breaks_between(2004, 2018)) == [2016, 2018]
    assert stage.breaks_between(2018, 2022) == {}


GRADE = [
    # schema, behavior, clinical, pathological, grade
    ("00480", "2", "3", "H", "H"),
    ("00480", "3", "3", "H", "3"),
    ("00480", "1", "3", "H", None),
    ("00790", "3", "8", "3", "8"),
    ("00790", "3", "2", "3", None),
    ("00560", "3", "2", "3", "3"),
    ("00560", "3", "9", "1", "1"),
    ("00560", "3", None, None, None),
]


@pytest.mark.parametrize(("schema", "behavior", "clinical", "pathological", "grade"), GRADE)
def test_summary_grade_is_the_higher_of_two(schema, behavior, clinical, pathological, grade):
    found = stage.summary_grade(schema=schema, behavior=behavior, clinical=clinical, pathological=pathological)
    assert found == grade
