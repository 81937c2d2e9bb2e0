"""Writes the survival room's own compact tables from the figures in ../shared/reference/survival.

Run from the root: `python scripts/make_survival_tables.py`. Only figures are carried over: hazards of the United
States life table (as published with R's survival package, `survexp.us`, from the Human Mortality Database and the
National Center for Health Statistics) and the weights of the International Cancer Survival Standards.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared" / "reference" / "survival" / "data"
TARGET = ROOT / "survival" / "data"

US_HEADER = """\
# United States life table: hazard of death per day by sex (1 men, 2 women), age (cut at 365.25 days) and year.
# Source: figures of survexp.us, R package survival 3.5 (T. Therneau), after NCHS and Human Mortality Database.
"""
ICSS_HEADER = """\
# International Cancer Survival Standards 1 to 3: weights per 100 000 by the first age of five-year groups.
# Source: Corazziari, Quinn and Capocaccia, Eur J Cancer 40 (2004) 2307-2316.
"""


def write_us() -> None:
    long = pd.read_csv(REFERENCE / "survexp_us.csv")
    long["sex"] = long["sex"].map({"male": 1, "female": 2})
    wide = long.pivot(index=["sex", "age"], columns="year", values="haz_day").reset_index()
    text = US_HEADER + wide.to_csv(index=False, float_format="%.12g")
    # a fixed time stamp, so that the same figures give the same bytes
    with (
        (TARGET / "us_life_table.csv.gz").open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as stream,
    ):
        stream.write(text.encode())


def write_icss() -> None:
    weights = pd.read_csv(REFERENCE / "ICSS_5yr.csv")
    weights = weights[weights["age"] >= 15].rename(columns=str.lower)
    (TARGET / "icss.csv").write_text(ICSS_HEADER + weights.to_csv(index=False), encoding="utf-8")


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    write_us()
    write_icss()
