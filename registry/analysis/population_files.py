"""Loading a population: a file is read and checked by `geo.populations`, folded into 18 age groups, and put in force.

Nothing is in force before every check held: codes of one edition, every county, year, sex and age present, age groups
that fold into five-year groups, and people for every county that is declared population-based.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from registry.analysis import populations
from registry.errors import RegistryError
from registry.models import PopulationArea

if TYPE_CHECKING:
    import pandas as pd

    from registry.db import Store

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".txt", ".txt.gz", ".gz")
LARGEST = 60 * 1024 * 1024
LABEL_LENGTH = 300


@dataclass(frozen=True)
class InForce:
    """The population in force: its label, how many counties, which years, and the people of the last year."""

    label: str
    counties: int
    years: tuple[int, int]
    gaps: tuple[int, ...]
    people: int
    by_county: tuple[tuple[str, int, int], ...]


def in_force(store: Store) -> InForce | None:
    """Gives what is in force, with people of the last year by county (code, male, female); None where nothing is."""
    try:
        frame = populations.load(store)
    except RegistryError as error:
        if error.code != "population":
            raise
        return None
    years = sorted(frame["year"].unique().tolist())
    last = frame[frame["year"] == years[-1]]
    table = last.pivot_table(index="county", columns="sex", values="population", aggfunc="sum").fillna(0.0)
    rows = tuple(
        (str(code), round(float(row.get("1", 0.0))), round(float(row.get("2", 0.0)))) for code, row in table.iterrows()
    )
    gaps = tuple(year for year in range(years[0], years[-1]) if year not in set(years))
    return InForce(
        populations.label(store),
        int(frame["county"].nunique()),
        (int(years[0]), int(years[-1])),
        gaps,
        round(float(last["population"].sum())),
        rows,
    )


def read(path: Path, *, ages: str = "seer19", state: str = "") -> pd.DataFrame:
    """Gives a checked population (columns `populations.COLUMNS`) of a file; `state` keeps one state (two FIPS digits).

    `ages` says what the SEER layout holds: `seer19` or `single`. Faults of the file come from `geo.populations` with
    their lines; age groups that cut a five-year group are named here.
    """
    from geo.populations import check_population, read_population

    options = {} if path.name.lower().endswith((".csv", ".csv.gz", ".parquet")) else {"ages": ages}
    frame = read_population(path, **options)
    if state:
        frame = frame[frame["county"].str.startswith(state)]
        if not len(frame):
            raise RegistryError("population", f"the file has no county of the state {state}", where=path.name)
    check_population(frame)
    return fold(frame)


def fold(frame: pd.DataFrame) -> pd.DataFrame:
    """Gives a frame of any age groups in the 18 groups of the registry."""
    from geo.ages import parse_group

    place = {}
    cut = []
    for label in frame["age"].unique():
        group = parse_group(label)
        first = min(group.low // 5, 17)
        last = 17 if group.high is None else min(group.high // 5, 17)
        open_too_early = group.high is None and group.low < 85
        if first != last or open_too_early:
            cut.append(str(label))
        place[label] = first
    if cut:
        raise RegistryError(
            "population",
            f"age groups that do not fold into five-year groups up to 85 and over: {', '.join(cut[:10])}",
            hint="give single ages, or groups such as 0, 1-4, 5-9, … 80-84, 85+",
        )
    table = frame.assign(age_group=frame["age"].map(place), sex=frame["sex"].astype(str))
    if missing := sorted(set(range(18)) - set(place.values())):
        raise RegistryError("population", f"there are no people in the five-year groups {missing}")
    return table.groupby(["county", "sex", "age_group", "year"], as_index=False)["population"].sum()


def put_in_force(store: Store, frame: pd.DataFrame, label: str) -> InForce:
    """Keeps a population as the one in force; one that lacks a declared county is refused with its code."""
    label = " ".join(label.split())[:LABEL_LENGTH]
    if not label:
        raise RegistryError("population", "the population has no label", hint="say source, years and version")
    with store.reading() as session:
        declared = set(session.scalars(select(PopulationArea.county).distinct()))
    if missing := sorted(declared - set(frame["county"])):
        raise RegistryError(
            "population",
            f"no people in {', '.join(missing[:10])}, which are declared population-based",
            hint="load a file of all declared counties, or end the declarations first",
        )
    populations.save(store, frame, label)
    found = in_force(store)
    assert found is not None
    return found
