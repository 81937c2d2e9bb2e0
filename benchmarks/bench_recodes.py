"""Recodes of a million made-up tumors: seconds of processor time, and the ratio to asking tumor by tumor.

Run: `python benchmarks/bench_recodes.py [TUMORS]`. Promised for 1,000,000: each table recode under 0.5 s, survival time
and international primaries under 3 s.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from abstracting.codes.morphology import morphologies
from abstracting.codes.topography import CODES
from abstracting.primaries.iarc import iarc_columns
from abstracting.recodes.behavior import behavior_column, behavior_recode
from abstracting.recodes.causes import cause_specific, cause_specific_columns
from abstracting.recodes.frame import add_recodes
from abstracting.recodes.survival_columns import split_date, survival_columns
from abstracting.recodes.survival_time import SurvivalTumor, survival_time
from abstracting.recodes.tables import RECODES

TODAY = dt.date(2026, 1, 15)
SAMPLE = 3000


def make(tumors: int, seed: int = 1) -> pd.DataFrame:
    """Gives a frame keyed by item numbers: 13 % of patients with several tumors, 3 % of dates incomplete."""
    rng = np.random.default_rng(seed)

    def pick(values: Any, weights: Any = None) -> np.ndarray:
        return np.array(list(values), dtype=object)[rng.choice(len(values), tumors, p=weights)]

    def coded(days: np.ndarray, incomplete: float) -> np.ndarray:
        texts = np.char.replace(np.datetime_as_string(days.astype("datetime64[D]")), "-", "").astype(object)
        for length, share in ((6, incomplete * 2 / 3), (4, incomplete / 3)):
            rows = np.flatnonzero(rng.random(tumors) < share)
            texts[rows] = [text[:length] for text in texts[rows]]
        return texts

    patients = np.repeat(np.arange(tumors), rng.choice([1, 2, 3], tumors, p=[0.87, 0.11, 0.02]))[:tumors]
    first = np.r_[True, patients[1:] != patients[:-1]]
    head = np.maximum.accumulate(np.where(first, np.arange(tumors), 0))
    diagnosis = np.datetime64("1990-01-01") + rng.integers(0, 34 * 365, tumors)
    last = np.minimum(diagnosis + rng.integers(0, 4000, tumors), np.datetime64("2025-12-31"))
    birth = diagnosis - rng.integers(30 * 365, 85 * 365, tumors)
    malignant = [entry.histology for entry in morphologies().values() if entry.behavior == "3"]
    return pd.DataFrame(
        {
            "20": patients,
            "240": coded(birth, 0.01)[head],
            "380": pick(("00", "01", "02")),
            "390": coded(diagnosis, 0.03),
            "400": pick(CODES),
            "500": pick(("1", "8", "6", "7"), (0.9, 0.06, 0.01, 0.03)),
            "522": pick(malignant),
            "523": pick(("3", "2", "1", "0"), (0.85, 0.1, 0.02, 0.03)),
            "1750": coded(last, 0.03)[head],
            "1760": pick(("0", "1"))[head],
            "1910": pick([f"C{n:03d}" for n in range(810)] + [f"I{n:03d}" for n in range(200, 500)])[head],
            "1920": pick(("0", "1", "9"), (0.5, 0.4, 0.1))[head],
        }
    )


def measure(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main(tumors: int = 1_000_000) -> None:
    frame = make(tumors)
    year, last_year = frame["390"].str[:4], frame["1750"].str[:4]
    parts = {"site": frame["400"], "histology": frame["522"], "behavior": frame["523"], "year": year}
    few = frame.head(SAMPLE).to_dict("records")
    singles = [{"site": r["400"], "histology": r["522"], "behavior": r["523"], "year": r["390"][:4]} for r in few]

    jobs: list[tuple[str, Callable[[], Any], Callable[[], Any], float]] = []
    for name, recode in RECODES.items():
        jobs.append(
            (
                name,
                lambda recode=recode: recode.column(**parts),
                lambda recode=recode: [recode.value(**single) for single in singles],
                0.5,
            )
        )
    jobs.append(
        ("behavior", lambda: behavior_column(**parts), lambda: [behavior_recode(**single) for single in singles], 0.5)
    )

    def causes() -> Any:
        recode = RECODES["site_recode_2008"].column(**parts)
        return cause_specific_columns(
            sequence=frame["380"],
            revision=frame["1920"],
            cause=frame["1910"],
            last_contact_year=last_year,
            histology=frame["522"],
            recode=recode,
            cutoff_year=2020,
        )

    def causes_one_by_one() -> None:
        for single, r in zip(singles, few, strict=True):
            cause_specific(
                **single,
                sequence=r["380"],
                revision=r["1920"],
                cause=r["1910"],
                last_contact_year=r["1750"][:4],
                cutoff_year=2020,
            )

    def survival() -> Any:
        return survival_columns(
            patient=frame["20"],
            diagnosis=frame["390"],
            last_contact=frame["1750"],
            birth=frame["240"],
            vital_status=frame["1760"],
            sequence=frame["380"],
            reporting_source=frame["500"],
            end_year=2022,
            as_of=TODAY,
        )

    def survival_one_by_one() -> None:
        for r in few:
            dates = (split_date(r[item]) for item in ("390", "1750", "240"))
            survival_time([SurvivalTumor(*dates, r["1760"], r["380"], r["500"])], end_year=2022, as_of=TODAY)

    def primaries() -> Any:
        return iarc_columns(
            patient=frame["20"],
            diagnosis=frame["390"],
            sequence=frame["380"],
            site=frame["400"],
            histology=frame["522"],
            behavior=frame["523"],
        )

    jobs += [
        ("cause-specific death", causes, causes_one_by_one, 0.5),
        ("survival time", survival, survival_one_by_one, 3.0),
        ("international primaries", primaries, lambda: None, 3.0),
    ]
    print(f"{tumors:,} tumors; seconds of processor time")
    print(f"{'recode':28} {'columns':>8} {'promise':>8} {'per second':>12} {'faster than one by one':>23}")
    for name, columns, one_by_one, promise in jobs:
        columns_time = measure(columns)
        single_time = measure(one_by_one) * tumors / SAMPLE
        ratio = f"{single_time / columns_time:,.0f} times" if single_time > 0.01 else ""
        mark = "" if columns_time <= promise * tumors / 1e6 else "  over"
        print(f"{name:28} {columns_time:8.2f} {promise:8.1f} {tumors / columns_time:12,.0f} {ratio:>23}{mark}")
    whole = measure(lambda: add_recodes(frame, as_of=TODAY, end_year=2022))
    print(f"{'all derived columns':28} {whole:8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
