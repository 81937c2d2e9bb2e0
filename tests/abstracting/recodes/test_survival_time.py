"""Survival time: worked examples, invariants, and columns against patients one by one."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from abstracting.errors import AbstractingError
from abstracting.recodes.survival_columns import COLUMNS, split_date, survival_columns
from abstracting.recodes.survival_time import DAYS_PER_MONTH, SurvivalTumor, survival_time

TODAY = dt.date(2026, 1, 15)


def tumor(diagnosis, last="20150610", birth="19500101", status="0", sequence="00", source="1"):
    return SurvivalTumor(split_date(diagnosis), split_date(last), split_date(birth), status, sequence, source)


def active(*tumors, end_year=2020):
    result = survival_time(tumors, end_year=end_year, as_of=TODAY)
    return [(t.active.months, t.active.flag, t.active.days) for t in result.tumors]


UNKNOWN = ("9999", "9", "99999")

ONE_TUMOR = [
    # diagnosis, last contact, (months, flag, days)
    ("20150610", "20150610", ("0000", "0", "00000")),
    ("20140610", "20150610", ("0011", "1", "00365")),  # 365 days are not twelve average months
    ("20140610", "20150611", ("0012", "1", "00366")),
    ("201506", "20150610", ("0000", "2", "00005")),  # the 5th lies halfway between the 1st and the 10th
    ("201406", "20150610", ("0011", "3", "00360")),
    ("2014", "20150610", ("0011", "3", "00343")),  # 2 July
    ("2015", "20150610", ("0002", "2", "00080")),  # 22 March, halfway from 1 January to 10 June
    ("20150611", "20150610", UNKNOWN),
    ("18991231", "20150610", UNKNOWN),
    ("99999999", "20150610", UNKNOWN),
    ("20210101", "20250610", UNKNOWN),  # diagnosed after the study
    ("20150610", "", UNKNOWN),
    ("20150610", "20260116", UNKNOWN),  # tomorrow
    ("20150610", "2021", ("0066", "1", "02031")),  # beyond the study: 31 December 2020, and known
]


@pytest.mark.parametrize(("diagnosis", "last", "expected"), ONE_TUMOR)
def test_one_tumor(diagnosis, last, expected):
    assert active(tumor(diagnosis, last)) == [expected]


def test_presumed_alive_ends_with_the_study_only_for_the_living():
    living, dead = (
        survival_time([tumor("20150610", "20160610", status=status)], end_year=2020, as_of=TODAY).tumors[0]
        for status in "10"
    )
    assert living.presumed_alive.date == ("2020", "12", "31") and living.active.date == ("2016", "06", "10")
    assert dead.presumed_alive == dead.active


def test_who_died_after_the_study_is_alive_in_it():
    result = survival_time([tumor("20150610", "20220610")], end_year=2020, as_of=TODAY)
    assert result.vital_status == "1" and result.tumors[0].active.date == ("2020", "12", "31")


def test_death_certificates_have_no_survival():
    found = survival_time([tumor("20150610", source="7")], end_year=2020, as_of=TODAY).tumors[0]
    assert (found.active.flag, found.active.months, found.presumed_alive.flag) == ("8", "9999", "8")


def test_records_that_disagree_have_no_survival_but_a_number():
    result = survival_time(
        [tumor("20150610", "20160101"), tumor("20140610", "20160102", sequence="01")], end_year=2020, as_of=TODAY
    )
    assert [t.record_number for t in result.tumors] == [2, 1]
    assert {t.active.flag for t in result.tumors} == {"9"} and result.vital_status == "0"


def test_a_later_certain_survival_makes_an_earlier_one_certain():
    first, second = active(tumor("2015", sequence="01"), tumor("20150601", sequence="02"))
    assert second[1] == "1" and first[1] == "3"


def test_tumors_outside_federal_reporting_come_last_on_a_day():
    numbers = survival_time(
        [tumor("20150610", sequence=s) for s in ("60", "02", "01", None)], end_year=2020, as_of=TODAY
    )
    assert [t.record_number for t in numbers.tumors] == [4, 3, 2, 1]


def test_no_tumor_no_survival():
    result = survival_time([], end_year=2020, as_of=TODAY)
    assert (result.vital_status, result.tumors) == (None, ())


@pytest.mark.parametrize("year", [0, 1899, 99999])
def test_a_cut_off_must_be_a_year(year):
    with pytest.raises(AbstractingError, match="last year of follow-up"):
        survival_time([], end_year=year, as_of=TODAY)


def answer(frame: pd.DataFrame, end_year: int) -> pd.DataFrame:
    return survival_columns(
        patient=frame["20"],
        diagnosis=frame["390"],
        last_contact=frame["1750"],
        birth=frame["240"],
        vital_status=frame["1760"],
        sequence=frame["380"],
        reporting_source=frame["500"],
        end_year=end_year,
        as_of=TODAY,
    )


def one_by_one(frame: pd.DataFrame, end_year: int) -> pd.DataFrame:
    answers = pd.DataFrame(index=range(len(frame)), columns=list(COLUMNS), dtype=object)
    frame = frame.reset_index(drop=True)
    for _, rows in frame.groupby("20", sort=False):
        tumors = [tumor(r["390"], r["1750"], r["240"], r["1760"], r["380"], r["500"]) for r in rows.to_dict("records")]
        result = survival_time(tumors, end_year=end_year, as_of=TODAY)
        for row, one in zip(rows.index, result.tumors, strict=True):
            answers.loc[row, "vital_status_recode"] = result.vital_status or ""
            answers.loc[row, "record_number"] = one.record_number
            answers.loc[row, "survival_date_diagnosis"] = "".join(part or "" for part in one.diagnosis)
            for name, part in (("active", one.active), ("presumed_alive", one.presumed_alive)):
                answers.loc[row, f"survival_flag_{name}"] = part.flag
                answers.loc[row, f"survival_date_{name}"] = "".join(text or "" for text in part.date)
                for what, text in (("months", part.months), ("days", part.days)):
                    unknown = set(text) == {"9"}
                    answers.loc[row, f"survival_{what}_{name}"] = pd.NA if unknown else int(text)
    return answers


@pytest.mark.parametrize(("seed", "end_year"), [(1, 2005), (2, 2012), (3, 2018), (4, 2024)])
@pytest.mark.parametrize("incomplete", [0.02, 0.5])
def test_columns_equal_patients_one_by_one(made_up_registry, seed, end_year, incomplete):
    frame = made_up_registry(300, seed=seed, incomplete=incomplete)
    found, expected = answer(frame, end_year).astype(object), one_by_one(frame, end_year)
    pd.testing.assert_frame_equal(found.where(found.notna(), None), expected.where(expected.notna(), None))


def test_survival_is_what_the_dates_say(made_up_registry):
    found = answer(made_up_registry(2000, seed=9, incomplete=0.3), 2020)
    known = found[found.survival_days_active.notna()]
    days = pd.to_datetime(known.survival_date_active) - pd.to_datetime(known.survival_date_diagnosis)
    assert (days.dt.days == known.survival_days_active.astype(int)).all()
    assert ((days.dt.days // DAYS_PER_MONTH).astype(int) == known.survival_months_active.astype(int)).all()
    both = known[known.survival_days_presumed_alive.notna()]
    assert (both.survival_days_presumed_alive >= both.survival_days_active).all()
    assert (known.survival_date_active <= "20201231").all()


def test_rows_may_come_in_any_order_when_no_date_is_incomplete(made_up_registry):
    frame = made_up_registry(500, seed=4, incomplete=0).drop_duplicates(["20", "390", "380"])
    mixed = frame.sample(frac=1, random_state=1)
    one, other = (answer(f, 2020).set_index(f.index).sort_index() for f in (frame, mixed))
    pd.testing.assert_frame_equal(one, other)
