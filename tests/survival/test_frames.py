"""Bad input gets a message that names rows and remedy; life tables are checked the same way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survival.errors import CODES, SurvivalError
from survival.frames import build_followup, read_table
from survival.lifetables import build_life_table, read_life_table, us_life_table
from survival.net.cohort import build_cohort

# bytes of a file, columns asked for, code, words of the message
FILES = [
    (b"", None, "file-empty", "empty"),
    (b"time,event\n", None, "file-empty", "no rows"),
    (b"time,event\n1,1\n", ["time", "stat"], "column-unknown", "'stat'"),
    (b"time,time\n1,1\n", ["time"], "column-twice", "time"),
    (b"time,event\n1,1,1\n", ["time"], "file-unreadable", "more values"),
    (b"time,event\n1,1\n1,2,3\n", ["time"], "file-unreadable", "regular CSV"),
    (b"t\xefme,event\n1,1\n", None, "file-unreadable", "UTF-8"),
    (b"\xff\xfet\x00i\x00", None, "file-unreadable", "UTF-8"),
]


@pytest.mark.parametrize(("content", "columns", "code", "words"), FILES)
def test_bad_files(tmp_path, content, columns, code, words):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(SurvivalError, match=words) as caught:
        read_table(path, columns=columns)
    assert caught.value.code == code and caught.value.hint and code in CODES


def test_a_missing_and_a_cut_off_file(tmp_path):
    with pytest.raises(SurvivalError) as caught:
        read_table(tmp_path / "none.csv")
    assert caught.value.code == "file-missing"
    (tmp_path / "cut.parquet").write_bytes(b"PAR1rest")
    with pytest.raises(SurvivalError) as caught:
        read_table(tmp_path / "cut.parquet")
    assert caught.value.code == "file-unreadable"


def test_csv_and_parquet_give_the_same_rows(tmp_path):
    frame = pd.DataFrame({"time": [1.5, 2], "event": [1, 0], "other": ["a", "b"]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_parquet(tmp_path / "x.parquet")
    for name in ("x.csv", "x.parquet"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name, columns=["event", "time"]), frame[["event", "time"]])


# the frame, keyword arguments, code, words
FRAMES = [
    ({"time": [1, -2, 3], "event": [1, 1, 0]}, {}, "time-negative", "row 2"),
    ({"time": [1, None, 3], "event": [1, 1, 0]}, {}, "value-missing", "'time' is empty or not finite: row 2"),
    ({"time": [1, 2, 3], "event": [1, None, None]}, {}, "value-missing", "rows 2, 3"),
    ({"time": ["1", "x", "3"], "event": [1, 1, 0]}, {}, "value-text", "'x': row 2"),
    ({"time": [1, np.inf, 3], "event": [1, 1, 0]}, {}, "value-missing", "not finite: row 2"),
    ({"time": [1, 2, 3], "event": [1, 1, 0], "g": ["a", None, "b"]}, {"by": ["g"]}, "value-missing", "'g'"),
    ({"time": [1, 2, 3], "event": [1, 1, 0], "e": [0, 2, 0]}, {"entry": "e"}, "dates-reversed", "row 2"),
]


@pytest.mark.parametrize(("columns", "options", "code", "words"), FRAMES)
def test_bad_values_name_their_rows(columns, options, code, words):
    with pytest.raises(SurvivalError, match=words) as caught:
        build_followup(pd.DataFrame(columns), time="time", event="event", **options)
    assert caught.value.code == code


def test_all_faults_come_at_once_and_are_capped():
    frame = pd.DataFrame({"time": [-1.0] * 50, "event": [None] * 50})
    with pytest.raises(SurvivalError) as caught:
        build_followup(frame, time="time", event="event")
    assert "rows 1, 2, 3, 4, 5 and 45 more" in caught.value.message
    assert "'time'" in caught.value.message and "'event'" in caught.value.message


def test_dates_give_the_time():
    frame = pd.DataFrame({"in": ["2000-01-01", "2000-03-01"], "out": ["2001-01-01", "2000-03-01"], "event": [1, 0]})
    assert build_followup(frame, entry="in", exit="out", event="event").time.tolist() == [366, 0]
    bad = frame.assign(out=["2001-13-01", "1999-01-01"])
    with pytest.raises(SurvivalError, match=r"'2001-13-01': row 1.*'out' lies before 'in': row"):
        build_followup(bad, entry="in", exit="out", event="event")


def test_life_tables_of_both_layouts_agree(life_table_frame):
    plain = life_table_frame()
    table = build_life_table(plain)
    cuts = plain.assign(
        age_cut_days=plain["age"] * 365.241,
        year_cut_days1960=(pd.to_datetime(plain["year"].astype(str)) - pd.Timestamp("1960-01-01")).dt.days,
        haz_day=-np.log1p(-plain["annual_prob"]) / 365.24,
    )
    other = build_life_table(cuts.sample(frac=1, random_state=1))
    np.testing.assert_allclose(table.hazards, other.hazards, rtol=1e-12)
    np.testing.assert_allclose(table.age_cuts, other.age_cuts)
    np.testing.assert_allclose(table.year_cuts, other.year_cuts)


TABLES = [
    (lambda f: f.drop(index=[100, 101]), "life-table-gap", "no value for"),
    (lambda f: f[f["age"] != 50], "life-table-gap", "ages jump after 49"),
    (lambda f: f[f["sex"] == 1], "life-table-gap", "women"),
    (lambda f: pd.concat([f, f.head(2)]), "life-table-twice", "given again"),
    (lambda f: f.assign(annual_prob=f["annual_prob"].where(f["age"] != 3, 1.2)), "life-table-range", "above 1"),
    (lambda f: f.assign(annual_prob=f["annual_prob"].where(f["age"] != 3, -0.1)), "life-table-range", "below 0"),
    (lambda f: f.assign(sex=f["sex"].where(f["age"] != 3, 3)), "sex-unknown", "neither"),
    (lambda f: f.rename(columns={"annual_prob": "q"}), "life-table-columns", "columns are"),
]


@pytest.mark.parametrize(("change", "code", "words"), TABLES)
def test_bad_life_tables(life_table_frame, change, code, words):
    with pytest.raises(SurvivalError, match=words) as caught:
        build_life_table(change(life_table_frame()).reset_index(drop=True))
    assert caught.value.code == code and caught.value.hint


def test_years_outside_the_life_table_are_told(table):
    assert not table.cautions(np.array([13000.0]), np.array([100.0]))
    assert "before the life table's first year" in table.cautions(np.array([3000.0]), np.array([10.0]))[0]
    assert "beyond the life table's last year" in table.cautions(np.array([13000.0]), np.array([9000.0]))[0]


def test_the_built_in_table_has_its_source_and_shape():
    table = us_life_table()
    assert table.hazards.shape == (2, 110, 75) and table.on_birthday and (table.hazards > 0).all()


@pytest.mark.shared
def test_the_built_in_table_is_survexp_us(reference):
    wanted = read_life_table(reference / "survival" / "data" / "survexp_us.csv")
    np.testing.assert_allclose(us_life_table().hazards, wanted.hazards, rtol=1e-11)
    np.testing.assert_array_equal(us_life_table().year_cuts, wanted.year_cuts)


def test_ages_in_years_under_the_wrong_unit_are_noticed(cohort_frame):
    with pytest.raises(SurvivalError, match="no value of 'age' exceeds 130 days"):
        build_cohort(cohort_frame(20), time="time", event="event", age="age", sex="sex", date="date")


def test_unknown_sex_and_missing_age_are_named(cohort_frame):
    frame = cohort_frame(20)
    frame.loc[4, "sex"], frame.loc[7, "age"] = 9, np.nan
    with pytest.raises(SurvivalError, match=r"'age' is empty or not finite: row 8.*'sex' is neither.*row 5"):
        build_cohort(frame, time="time", event="event", age="age", age_unit="years", sex="sex", date="date")
