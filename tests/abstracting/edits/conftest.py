"""A record that every edit passes, and sets with all rules."""

from __future__ import annotations

import datetime as dt

import pytest

from abstracting.edits.engine import EditSet, make_set
from abstracting.edits.rules import built_in, parse_rules

TODAY = dt.date(2026, 6, 1)

# breast, ductal, diagnosed in 2019; alive at the last contact in 2023
CLEAN = {
    20: "00000001", 40: "9999900012", 60: "01", 80: "FL", 90: "086", 160: "01", 161: "88", 162: "88", 163: "88", 164: "88",
    190: "0", 220: "2", 230: "053", 240: "19650704", 254: "USA", 380: "00", 390: "20190315", 400: "C502", 410: "1",
    490: "1", 500: "1", 522: "8500", 523: "3", 580: "20190310", 764: "1", 756: "015", 820: "00", 830: "02", 1001: "cT1c",
    1002: "cN0", 1003: "cM0", 1004: "1A", 1012: "pN0", 1200: "20190401", 1260: "20190401", 1290: "22", 1292: "2", 1294: "0",
    1340: "0", 1360: "0", 1390: "00", 1400: "00", 1410: "00", 1420: "0", 1750: "20230601", 1760: "1", 1910: "0000",
    1920: "0", 2230: "Doe", 2240: "Mary", 3843: "2", 3844: "2",
}  # fmt: skip

SITE = """
enable = ["ITM03/excluded", "LAT01/unpaired"]
[lists]
catchment = ["FL"]
"""


@pytest.fixture(scope="session")
def clean() -> dict[int, str]:
    return CLEAN


@pytest.fixture(scope="session")
def edits() -> EditSet:
    """Every edit, the optional ones switched on, in a registry of Florida."""
    return make_set("all", site=parse_rules(SITE, "site", built_in().lists), today=TODAY)


@pytest.fixture(scope="session")
def plain() -> EditSet:
    """Every edit as it comes."""
    return make_set("all", today=TODAY)
