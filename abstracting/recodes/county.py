"""County at diagnosis for analysis (item 89): the geocoded county where it can be trusted, else the reported one.

The geocode follows the census of the diagnosis year; it wins when it is certain (certainty 1 or 6) or when nothing was
reported. Source: NAACCR, County at Diagnosis Analysis, version 3.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abstracting.codes.places import OUTSIDE_STATE, PROVINCES, UNKNOWN_COUNTY, is_analysis_county
from abstracting.recodes.columns import answer_by_key, factorise
from abstracting.values import is_blank, whole_number

# last year of an era → items of the geocoded county and of its certainty
ERAS = (
    (1999, "94", "364"),
    (2009, "95", "365"),
    (2019, "96", "367"),
    (9998, "97", "369"),
)

FLAGS = {
    "2": "Reported and geocoded county are the same",
    "2.1": "Reported: no geocode",
    "2.2": "Reported: the state has no county of the geocode",
    "3": "Geocoded: nothing reported, certainty known",
    "4": "Geocoded: certainty 1 or 6",
    "5": "Reported: geocode by a post office box",
    "6": "Reported: certainty of the geocode unknown",
    "6.1": "Geocoded: nothing reported, certainty unknown",
    "7": "Reported: geocode by ZIP code",
    "9": "Resident of a Canadian province",
    "10": "Unknown: no state or no year of diagnosis",
    "10.1": "Unknown: neither reported nor geocoded",
}

_CERTAIN = frozenset({"1", "6"})
_BY_ZIP = frozenset({"2", "3", "4"})


@dataclass(frozen=True, slots=True)
class CountyAtDiagnosis:
    """The county for analysis (three digits) and how it was found (a key of FLAGS)."""

    county: str | None
    flag: str

    @property
    def is_geocoded(self) -> bool:
        return self.flag in ("3", "4", "6.1")


def _is_unknown(text: str | None) -> bool:
    return is_blank(text) or text.strip("9") == ""  # type: ignore[union-attr]


def diagnosis_year(date: str | None) -> int | None:
    """Gives the year of a coded date (YYYYMMDD or shorter), None when it is unknown."""
    return None if date is None or _is_unknown(date) else whole_number(date[:4].ljust(4))


def era_items(year: int) -> tuple[str, str]:
    """Gives the items of the geocoded county and of its certainty for a diagnosis year."""
    return next((county, certainty) for last, county, certainty in ERAS if year <= last or last == 9998)


def county_at_diagnosis(
    *, year: int | None, state: str | None, reported: str | None, geocoded: str | None, certainty: str | None
) -> CountyAtDiagnosis:
    """Gives the county for analysis of one tumor.

    `state` is item 80, `reported` 90, `geocoded` and `certainty` the items that `era_items` names for the year.
    """
    if year is None or is_blank(state):
        return CountyAtDiagnosis(UNKNOWN_COUNTY, "10")
    if state in PROVINCES:
        return CountyAtDiagnosis(OUTSIDE_STATE, "9")
    if is_blank(geocoded) and is_blank(reported):
        return CountyAtDiagnosis(UNKNOWN_COUNTY, "10.1")
    if _is_unknown(geocoded):
        return CountyAtDiagnosis(reported, "2.1")
    if geocoded == reported:
        return CountyAtDiagnosis(reported, "2")
    if not is_analysis_county(state, geocoded):
        return CountyAtDiagnosis(reported, "2.2")
    if _is_unknown(reported):
        return CountyAtDiagnosis(geocoded, "6.1" if _is_unknown(certainty) else "3")
    if certainty in _CERTAIN:
        return CountyAtDiagnosis(geocoded, "4")
    return CountyAtDiagnosis(reported, "7" if certainty in _BY_ZIP else "5" if certainty == "5" else "6")


def county_columns(
    *, diagnosis: Any, state: Any, reported: Any, geocoded: dict[str, Any], certainty: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Gives `county_at_diagnosis` for columns: county and flag as text.

    `diagnosis` is item 390; `geocoded` and `certainty` map the item numbers of ERAS to columns.
    """
    years = factorise(diagnosis).spread(lambda text: diagnosis_year(text) or -1, np.int32)
    states, reports = factorise(state), factorise(reported)
    county = np.full(len(years), UNKNOWN_COUNTY, dtype=object)
    flag = np.full(len(years), "10", dtype=object)
    first = 0
    for last, county_item, certainty_item in ERAS:
        rows = np.flatnonzero((years >= first) & ((years <= last) | (last == ERAS[-1][0])))
        first = last + 1
        factors = [states, reports, factorise(geocoded[county_item]), factorise(certainty[certainty_item])]

        def decide(state, reported, geocoded, certainty, year=last):  # type: ignore[no-untyped-def]
            return county_at_diagnosis(
                year=year, state=state, reported=reported, geocoded=geocoded, certainty=certainty
            )

        places, answers = answer_by_key(decide, [factor.take(rows) for factor in factors])
        county[rows] = np.array([answer.county for answer in answers], dtype=object)[places]
        flag[rows] = np.array([answer.flag for answer in answers], dtype=object)[places]
    return county, flag
