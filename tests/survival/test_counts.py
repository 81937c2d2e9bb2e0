"""Counting in the engine gives what counting in memory gives, on DuckDB and on Spark."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from survival.actuarial import life_table
from survival.commands import survival
from survival.counts import count_in_engine, interval_counts, open_parquet
from survival.errors import SurvivalError
from survival.frames import build_followup
from survival.kaplan_meier import kaplan_meier


@pytest.fixture
def parquet(tmp_path, cohort_frame):
    def write(frame: pd.DataFrame | None = None, name: str = "cohort.parquet"):
        path = tmp_path / name
        frame = cohort_frame(3000, seed=5, late=True) if frame is None else frame
        # Spark reads no nanoseconds
        frame.to_parquet(path, coerce_timestamps="us")
        return path, frame

    return write


def check_same(path, frame, engine):
    table = open_parquet(path, engine=engine)
    for by in ((), ("site",), ("site", "stage")):
        for entry in (None, "entry"):
            sets = count_in_engine(table, time="time", event="event", by=by, entry=entry)
            memory = build_followup(frame, time="time", event="event", by=by, entry=entry)
            pd.testing.assert_frame_equal(kaplan_meier(sets).frame, kaplan_meier(memory).frame, check_dtype=False)
        sets = count_in_engine(table, time="time", event="event", by=by)
        memory = build_followup(frame, time="time", event="event", by=by)
        ours = life_table(interval_counts(sets, unit="months"))
        pd.testing.assert_frame_equal(ours.frame, life_table(memory, unit="months").frame, check_dtype=False)


def test_duckdb_counts_as_memory_does(parquet):
    check_same(*parquet(), "duckdb")


@pytest.mark.spark
def test_spark_counts_as_memory_does(parquet, local_spark):
    check_same(*parquet(), "spark")


@pytest.mark.spark
@pytest.mark.parametrize("command", ["km", "lifetable"])
def test_the_same_call_on_spark_prints_the_same_document(parquet, local_spark, command):
    path, _ = parquet()
    call = [command, "--data", str(path), "--time", "time", "--event", "event", "--by", "site,stage"]
    call += ["--at", "1,3,5", "--at-unit", "years", "--json", "--engine"]
    documents = [
        CliRunner().invoke(survival, [*call, engine], catch_exceptions=False) for engine in ("duckdb", "spark")
    ]
    duckdb, spark = (json.loads(document.stdout) for document in documents)
    assert spark == duckdb and len(duckdb["rows"]) == 3 * 4 * 3


def test_an_engine_that_is_not_there_is_told_with_what_to_install(parquet, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(SurvivalError, match="not installed") as told:
        open_parquet(parquet()[0], engine="spark")
    assert told.value.code == "engine-missing" and "--extra spark" in told.value.hint


def test_bad_values_are_told_with_counts(parquet, cohort_frame):
    frame = cohort_frame(20).astype({"time": float, "event": "Int64"})
    frame.loc[3, "time"], frame.loc[4, "event"] = -1.0, pd.NA
    path, _ = parquet(frame)
    with pytest.raises(SurvivalError, match="'time' is below 0 in 1 rows; column 'event' is empty in 1 rows"):
        count_in_engine(open_parquet(path), time="time", event="event")
    with pytest.raises(SurvivalError, match="no column"):
        count_in_engine(open_parquet(path), time="tme", event="event")


def test_a_file_that_is_cut_off_is_named(tmp_path):
    path = tmp_path / "cut.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(SurvivalError, match="cannot be read"):
        open_parquet(path)
