"""Makes the tables of `geo/data`: standard populations and Florida's population, from the reference folder.

    python scripts/make_geo_tables.py [--reference ../shared/reference/geo] [--out geo/data]

Only figures are carried over, each table with its source in a header. Running it twice gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from pathlib import Path

import pandas as pd

# Ages 85 to 99 and 100 and over, which the 85+ table of the reference folder sums up. SEER standard populations 205
# (Census P25-1130) and 012 (WHO 2000-2025), `stdpop.singleagesthru99.txt`; the sums are checked below.
TAIL = {
    "us2000": [693158, 607940, 536762, 452814, 387893, 327827, 273709, 226917, 180330, 143772, 118131, 88924, 65909,
               46278, 37194, 71615],
    "who2000": [1203, 1025, 863, 718, 589, 475, 374, 287, 212, 152, 106, 76, 62, 66, 90, 50],
}  # fmt: skip
# European standard population 2013, the last 25,000 of a million: Eurostat, Revision of the European Standard
# Population, 2013, table of the EU-27 and EFTA standard (85-89, 90-94, 95 and over).
ESP2013_TAIL = [("85", "89", 15000), ("90", "94", 8000), ("95", "", 2000)]

STANDARDS_HEADER = """\
# Standard populations: standard, first age, last age (empty: and over), people.
# us2000: Census P25-1130 projection for 2000, single ages (SEER standards 202 and 205), 274,633,642 people.
# us2000_million: the rounded standard million of 2000 (SEER standard 201), 19 groups.
# who2000: WHO 2000-2025 world standard, single ages (SEER standards 011 and 012).
# segi: Segi 1960 world standard; eu1976: European 1976; the split of 0-4 into 0 and 1-4 is the customary one fifth.
# esp2013: European 2013 (Eurostat); the split of 0-4 into 0 and 1-4 and of 85+ is Eurostat's.
"""
FLORIDA_HEADER = """\
# Florida's residents by county (FIPS), year, sex and 18 age groups, every fifth year 1984 to 2014, all races.
# SEER U.S. county population data 1969-2016 (National Cancer Institute), by way of GerkeLab/fcds (MIT).
"""


def standard_rows(reference: Path) -> list[tuple[str, str, str, int]]:
    rows: list[tuple[str, str, str, int]] = []
    with open(reference / "data/stdpop_single_ages_0_85plus.csv") as file:
        single = list(csv.DictReader(file))
    for name, column in (("us2000", "us2000_p25_1130"), ("who2000", "who2000_2025_million")):
        ages = {row["age"]: int(row[column]) for row in single}
        if sum(TAIL[name]) != ages.pop("85+"):
            raise SystemExit(f"{name}: the single ages over 84 do not sum to the 85+ figure")
        values = [*ages.values(), *TAIL[name]]
        rows += [(name, str(age), str(age) if age < 100 else "", people) for age, people in enumerate(values)]
    with open(reference / "data/stdpop_19groups.csv") as file:
        grouped = list(csv.DictReader(file))
    columns = [("us2000_million", "us2000_std_million"), ("segi", "world_segi1960"), ("eu1976", "european1976")]
    for name, column in [*columns, ("esp2013", "esp2013")]:
        for row in grouped:
            low, _, high = row["age_group"].partition("-")
            if name == "esp2013" and low == "85+":
                if sum(people for _, _, people in ESP2013_TAIL) != int(row[column]):
                    raise SystemExit("esp2013: the tail does not sum to the 85+ figure")
                rows += [(name, *cell) for cell in ESP2013_TAIL]
            else:
                rows.append((name, low.rstrip("+"), "" if low == "85+" else high or low, int(row[column])))
    return rows


def florida_table(reference: Path) -> pd.DataFrame:
    frame = pd.read_csv(reference / "data/fcds_seer_pop_fl.csv.gz", dtype={"county_fips": str, "state_fips": str})
    unknown = frame["age_group"].eq("Unknown")
    if frame.loc[unknown, "population"].sum() != 0:
        raise SystemExit("Florida: people of unknown age")
    frame = frame[~unknown].assign(
        county=lambda f: f["state_fips"] + f["county_fips"],
        age="a" + frame["age_group"].str.extract(r"^(\d+)", expand=False),
        sex=frame["sex"].map({"Male": 1, "Female": 2}),
    )
    table = frame.pivot_table(index=["county", "year", "sex"], columns="age", values="population", aggfunc="sum")
    table = table[sorted(table.columns, key=lambda name: int(name[1:]))].fillna(0).astype(int)
    names = frame.drop_duplicates("county").set_index("county")["county_name"]
    if len(names) != 67 or table.shape != (67 * 7 * 2, 18):
        raise SystemExit(f"Florida: {len(names)} counties, table {table.shape}")
    return table.reset_index()


def write_gzip(path: Path, text: str) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=9) as file:
        file.write(text.encode())
    path.write_bytes(buffer.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, default=Path("../shared/reference/geo"))
    parser.add_argument("--out", type=Path, default=Path("geo/data"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [",".join(map(str, row)) for row in standard_rows(options.reference)]
    text = STANDARDS_HEADER + "standard,low,high,people\n" + "\n".join(lines) + "\n"
    (options.out / "standards.csv").write_text(text)
    write_gzip(
        options.out / "florida_population.csv.gz", FLORIDA_HEADER + florida_table(options.reference).to_csv(index=False)
    )
    for name in ("standards.csv", "florida_population.csv.gz"):
        print(name, (options.out / name).stat().st_size)


if __name__ == "__main__":
    main()
