"""Editions of the county codes: which one a table is coded in, and which of its codes are retired.

The edition is read from the codes of the denominators alone. Connecticut's eight counties and Alaska's 02261 stand in
the edition of 2017; Connecticut's nine planning regions and Alaska's 02063 and 02066 in that of 2023; all other
counties in both. There is no exact recoding between the two, so a table that mixes them is refused.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from geo.errors import GeoError

EDITIONS = ("2017", "2023")
LATEST = EDITIONS[-1]


@dataclass(frozen=True)
class CountyChange:
    """A retired code: until which year it stood, what succeeded it, and whether one successor holds all of it."""

    code: str
    until: int
    successors: tuple[str, ...]
    whole: bool


@cache
def county_changes() -> dict[str, CountyChange]:
    """Gives the retired county codes."""
    text = resources.files("geo").joinpath("data/county_changes.csv").read_text()
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        row["code"]: CountyChange(
            row["code"], int(row["until"]), tuple(row["successors"].split()), row["whole"] == "yes"
        )
        for row in rows
    }


@cache
def edition_codes(edition: str, level: str = "counties") -> frozenset[str]:
    """Gives the codes of an edition's counties or states."""
    import pyarrow.parquet as parquet

    if edition not in EDITIONS:
        raise GeoError("edition", f"no edition {edition!r}", hint=f"one of {', '.join(EDITIONS)}")
    with resources.as_file(resources.files("geo").joinpath(f"data/us_{level}_{edition}.parquet")) as path:
        return frozenset(parquet.read_table(path, columns=["code"])["code"].to_pylist())


def edition_of(codes: Iterable[str]) -> str:
    """Gives the edition that a table of county codes is coded in; where the codes stand in both, the latest.

    Raises `GeoError("edition")` when codes of both editions stand together, and `GeoError("unmatched-areas")` naming
    the codes that stand in neither, with the successor of a retired one.
    """
    codes = set(codes)
    members = {edition: edition_codes(edition) for edition in EDITIONS}
    strange = sorted(codes - frozenset().union(*members.values()))
    if strange:
        raise GeoError("unmatched-areas", f"no county has the codes {name_codes(strange)}", hint=explain_codes(strange))
    own = {
        edition: sorted(codes & members[edition] - frozenset().union(*(members[o] for o in EDITIONS if o != edition)))
        for edition in EDITIONS
    }
    found = [edition for edition, marks in own.items() if marks]
    if len(found) > 1:
        both = "; ".join(f"{name_codes(own[edition])} only in {edition}" for edition in found)
        raise GeoError(
            "edition",
            f"county codes of several editions stand together: {both}",
            hint="take denominators of one coding; Connecticut's counties and planning regions have no exact recoding",
        )
    return found[0] if found else LATEST


def name_codes(codes: Iterable[str], *, most: int = 20) -> str:
    """Gives a list of codes for a sentence, cut after `most`."""
    codes = sorted(codes)
    more = f" and {len(codes) - most} more" if len(codes) > most else ""
    return ", ".join(codes[:most]) + more


def explain_codes(codes: Iterable[str]) -> str:
    """Gives a remedy for codes that are no county: retired, combined, or not five digits."""
    parts = []
    for code in sorted(codes)[:8]:
        change = county_changes().get(code)
        if change and change.whole:
            parts.append(f"{code} was succeeded by {change.successors[0]}: recode it")
        elif change:
            parts.append(f"{code} was divided among {', '.join(change.successors)}")
        elif len(code) == 5 and code.isdigit() and code[2] == "9":
            parts.append(f"{code} is no single county (unknown, or a combination of the SEER population file)")
        elif not (len(code) == 5 and code.isdigit()):
            parts.append(f"{code!r} is not five digits (state and county)")
    return "; ".join(parts) or "give county codes of five digits, state and county"


def recode_retired(codes: Iterable[str]) -> list[str]:
    """Gives codes with every wholly succeeded one replaced by its successor; all others stay as they are."""
    changes = county_changes()
    return [changes[code].successors[0] if code in changes and changes[code].whole else code for code in codes]
