"""Populations by area, year, sex and age: the SEER file layout, CSV and Parquet, checks, years between.

A population frame has the columns county (text), year, sex (1 male, 2 female), age (a label, see `geo.ages`) and
population; race and origin where the file has them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from geo.ages import GROUPINGS
from geo.editions import county_changes, edition_codes, explain_codes, name_codes
from geo.errors import GeoError
from geo.rates import need_columns, numbers_of
from geo.tables import read_csv_text

COLUMNS = ["county", "year", "sex", "age", "population"]
MAX_FAULTS = 20
_CHUNK = 1 << 22
# SEER*Stat population data dictionary: year 1-4, state 5-6, FIPS 7-11, registry 12-13, race 14, origin 15, sex 16,
# age 17-18, population from 19 (8 digits; 10 with one decimal in the files for Katrina/Rita and before 2005)
_FIELDS = {"year": (0, 4), "county": (6, 11), "race": (13, 14), "origin": (14, 15), "sex": (15, 16), "age": (16, 18)}


def _lines(file: BinaryIO, where: str) -> Iterator[tuple[int, np.ndarray]]:
    """Gives (first line number, bytes of shape (lines, width)) in chunks; all lines must have one width."""
    rest, start, width = b"", 1, None
    while True:
        block = file.read(_CHUNK)
        text = rest + block
        if not text:
            return
        cut = text.rfind(b"\n") + 1 if block else len(text)
        if block and not cut:
            if len(text) > 10_000:
                raise GeoError("population-layout", "line 1 has no end", where=where, hint=_LAYOUT)
            rest = text
            continue
        lines, rest = text[:cut].replace(b"\r\n", b"\n"), text[cut:]
        lines = lines if lines.endswith(b"\n") else lines + b"\n"
        if width is None:
            width = lines.index(b"\n")
            if width not in (26, 28):
                raise GeoError(
                    "population-layout", f"line 1 has {width} bytes, not 26 or 28", where=where, hint=_LAYOUT
                )
        if len(lines) % (width + 1) or any(lines[i] != 10 for i in range(width, len(lines), (width + 1) * 997)):
            _name_width_faults(lines, width, start, where)
        table = np.frombuffer(lines, np.uint8).reshape(-1, width + 1)
        if (table[:, -1] != 10).any() or (table[:, :-1] == 10).any():
            _name_width_faults(lines, width, start, where)
        yield start, table[:, :-1]
        start += len(table)
        if not block:
            return


_LAYOUT = "the file holds fixed records: year, state, county FIPS, registry, race, origin, sex, age, population"


def _name_width_faults(lines: bytes, width: int, start: int, where: str) -> None:
    wrong = [(i, len(line)) for i, line in enumerate(lines.split(b"\n")[:-1], start) if len(line) != width]
    shown = "; ".join(f"line {i} has {length} bytes" for i, length in wrong[:MAX_FAULTS])
    raise GeoError("population-layout", f"{len(wrong)} lines are not {width} bytes: {shown}", where=where, hint=_LAYOUT)


def _number(table: np.ndarray, first: int, last: int, name: str, start: int, where: str) -> np.ndarray:
    digits = table[:, first:last].astype(np.int64) - 48
    wrong = ((digits < 0) | (digits > 9)).any(axis=1)
    if wrong.any():
        shown = "; ".join(
            f"line {start + i}: {bytes(table[i, first:last]).decode('ascii', 'replace')!r}"
            for i in np.flatnonzero(wrong)[:MAX_FAULTS]
        )
        raise GeoError("population-layout", f"{int(wrong.sum())} lines have no {name}: {shown}", where=where)
    return digits @ 10 ** np.arange(last - first - 1, -1, -1)


def read_seer_population(
    path: Path | str, *, ages: str = "seer19", keep: Sequence[str] = (), years: Iterable[int] | None = None
) -> pd.DataFrame:
    """Gives a population frame from a file in the layout of SEER's county populations, plain or gzip.

    `ages` is `seer19` (19 groups) or `single` (0 to 84, 85+); `keep` names further columns to keep apart (`race`,
    `origin`), all others are summed over. Read in pieces, so memory stays with the result. Faults of the layout are
    `GeoError("population-layout")` with the lines.
    """
    path, where = Path(path), str(path)
    wanted = None if years is None else set(years)
    columns = ["county", "year", "sex", "age", *keep]
    if ages not in ("seer19", "single") or set(keep) - {"race", "origin"}:
        raise GeoError("usage", "ages is seer19 or single; keep may name race and origin")
    labels = [g.label for g in GROUPINGS[19]] if ages == "seer19" else [*map(str, range(85)), "85+"]
    parts: list[pd.DataFrame] = []
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            for start, table in _lines(file, where):
                frame = pd.DataFrame({n: _number(table, *_FIELDS[n], n, start, where) for n in columns})
                width = table.shape[1]
                if width == 26:
                    frame["population"] = _number(table, 18, 26, "population", start, where).astype(float)
                else:
                    whole = _number(table, 18, 26, "population", start, where)
                    frame["population"] = whole + _number(table, 27, 28, "population", start, where) / 10
                strange = ~frame["age"].between(0, len(labels) - 1) | ~frame["sex"].isin([1, 2])
                if strange.any():
                    shown = ", ".join(str(start + i) for i in np.flatnonzero(strange)[:MAX_FAULTS])
                    raise GeoError(
                        "population-layout",
                        f"{int(strange.sum())} lines have a sex other than 1 and 2 or an age over {labels[-1]}: {shown}",
                        where=where,
                        hint="is this the file of single ages? then ask for single ages",
                    )
                if wanted is not None:
                    frame = frame[frame["year"].isin(wanted)]
                parts.append(frame.groupby(columns, as_index=False)["population"].sum())
    except (OSError, EOFError, zlib.error) as error:
        raise GeoError("input-file", f"cannot read the populations: {error}", where=where) from None
    if not parts or not sum(map(len, parts)):
        raise GeoError("population-missing", "the file has no record of the years asked for", where=where)
    frame = pd.concat(parts).groupby(columns, as_index=False)["population"].sum()
    return frame.assign(county=frame["county"].astype(str).str.zfill(5), age=frame["age"].map(dict(enumerate(labels))))


def read_population(path: Path | str, *, columns: dict[str, str] | None = None, **options) -> pd.DataFrame:
    """Gives a population frame by file: `.csv`, `.csv.gz`, `.parquet`, and the SEER layout for `.txt`, `.txt.gz`, `.gz`.

    `columns` maps the file's names to ours (`{"pop": "population"}`). Sexes may be written 1, 2, M, F, male, female.
    """
    path = Path(path)
    name = path.name.lower()
    if not path.is_file():
        raise GeoError("input-file", "there is no such file", where=str(path))
    if not name.endswith((".csv", ".csv.gz", ".parquet")):
        return read_seer_population(path, **options)
    try:
        frame = pd.read_parquet(path) if name.endswith(".parquet") else read_csv_text(path)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise GeoError("input-file", f"cannot read the populations: {error}", where=str(path)) from None
    frame = frame.rename(columns=columns or {})
    need_columns(frame, COLUMNS, where=str(path))
    sexes = {"1": 1, "m": 1, "male": 1, "2": 2, "f": 2, "female": 2}
    sex = frame["sex"].astype(str).str.strip().str.lower().map(sexes)
    if sex.isna().any():
        wrong = ", ".join(map(repr, frame.loc[sex.isna(), "sex"].unique()[:5]))
        raise GeoError("input-values", f"no sex: {wrong}", hint="write 1 or male, 2 or female", where=str(path))
    return frame.assign(
        county=frame["county"].astype(str).str.strip().str.zfill(5),
        year=numbers_of(frame, "year", what="years", where=str(path)).astype(int),
        sex=sex.astype(int),
        age=frame["age"].astype(str).str.strip(),
        population=numbers_of(frame, "population", what="populations", where=str(path)),
    )


def check_population(
    frame: pd.DataFrame, *, counties: Iterable[str] | None = None, years: Iterable[int] | None = None
) -> str:
    """Gives the edition of a population frame's county codes, after checking that nothing is missing or mixed.

    Raises `GeoError("population-missing")` naming strata that have no row: every county, year, sex and age that occurs
    in the frame (or is asked for) must have one; and `GeoError("population-codes")` for retired codes, for Connecticut's
    counties beside its planning regions, Alaska's 02261 beside 02063 and 02066, or unknown codes.
    """
    edition = _check_codes(frame)
    places = sorted(set(counties) if counties is not None else frame["county"].unique())
    span = sorted(set(years) if years is not None else frame["year"].unique())
    ages, sexes = frame["age"].unique(), sorted(frame["sex"].unique())
    full = pd.MultiIndex.from_product([places, span, sexes, ages], names=COLUMNS[:4])
    missing = full.difference(pd.MultiIndex.from_frame(frame[COLUMNS[:4]].drop_duplicates()))
    if len(missing):
        pairs = missing.to_frame(index=False).groupby(["county", "year"]).size()
        whole = len(sexes) * len(ages)
        shown = "; ".join(
            f"{county} {year}" + ("" if count == whole else f" ({count} of {whole} strata)")
            for (county, year), count in pairs.head(MAX_FAULTS).items()
        )
        raise GeoError(
            "population-missing",
            f"{len(pairs)} county-years lack people: {shown}",
            hint="take years and counties that the file has, or interpolate the years between",
        )
    return edition


def _check_codes(frame: pd.DataFrame) -> str:
    codes = frame.groupby("county")["year"].agg(["min", "max"])
    old, new = edition_codes("2017"), edition_codes("2023")
    retired = [code for code in codes.index if code in county_changes() and code not in old]
    strange = [code for code in codes.index if code not in old and code not in new and code not in retired]
    only_old, only_new = ([c for c in codes.index if c in a and c not in b] for a, b in ((old, new), (new, old)))
    faults = []
    if retired:
        faults.append(f"retired codes {name_codes(retired)}")
    if strange:
        faults.append(f"unknown codes {name_codes(strange)}")
    for state, text in (("09", "Connecticut's counties and planning regions"), ("02", "Alaska's 02261 and its parts")):
        if any(c.startswith(state) for c in only_old) and any(c.startswith(state) for c in only_new):
            faults.append(f"{text} stand together")
    if only_old and only_new and not faults:
        faults.append(f"{name_codes(only_old)} of the edition 2017 and {name_codes(only_new)} of 2023 stand together")
    if faults:
        raise GeoError(
            "population-codes",
            "; ".join(faults),
            hint=explain_codes([*retired, *strange]) if retired or strange else "take years of one coding",
        )
    return "2017" if only_old else "2023"


def interpolate_years(frame: pd.DataFrame, years: Iterable[int]) -> pd.DataFrame:
    """Gives the population of each year asked for: linear between the years of the frame, constant outside them.

    The column `basis` says for each row whether it was `given`, `interpolated` or `carried` from the nearest year.
    """
    keys = [name for name in frame.columns if name not in ("year", "population", "basis")]
    table = frame.pivot_table(index=keys, columns="year", values="population", aggfunc="sum", observed=True)
    if table.isna().any(axis=None):
        empty = table.isna().any(axis=1)
        raise GeoError("population-missing", f"{int(empty.sum())} strata lack a year: {table.index[empty][0]}")
    known = table.columns.to_numpy(float)
    parts = []
    for year in years:
        place = np.clip(np.searchsorted(known, year) - 1, 0, max(len(known) - 2, 0))
        left, right = known[place], known[min(place + 1, len(known) - 1)]
        share = np.clip((year - left) / (right - left), 0, 1) if right > left else 0.0
        values = table[left] * (1 - share) + table[right] * share
        basis = "given" if year in known else "interpolated" if known[0] < year < known[-1] else "carried"
        parts.append(values.rename("population").reset_index().assign(year=int(year), basis=basis))
    return pd.concat(parts, ignore_index=True)


def florida_population(years: int | Iterable[int]) -> pd.DataFrame:
    """Gives Florida's residents by county, sex and 18 age groups for one or more years.

    Shipped are every fifth year 1984 to 2014 (SEER, by way of GerkeLab/fcds); the column `basis` marks years that are
    interpolated, and years after 2014 (before 1984) that carry the figures of 2014 (1984).
    """
    with resources.as_file(resources.files("geo").joinpath("data/florida_population.csv.gz")) as path:
        wide = pd.read_csv(path, dtype={"county": str}, comment="#")
    labels = {f"a{group.low}": group.label for group in GROUPINGS[18]}
    long = wide.rename(columns=labels).melt(["county", "year", "sex"], var_name="age", value_name="population")
    return interpolate_years(long, [years] if isinstance(years, int) else years)
