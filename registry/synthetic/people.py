"""The identity layer: names, numbers, homes and families of persons who do not exist.

Twins share birth date, surname, home and neighbouring numbers; fathers and sons may share the whole name but for the
suffix; spouses share surname, home and telephone. They are the non-matches that mislead record linkage.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry.synthetic import names
from registry.synthetic.calendar import completed_years, year_of
from registry.synthetic.course import Course
from registry.synthetic.population import population_cube
from registry.synthetic.streams import choose, stream
from registry.synthetic.tables import counties, read

TWIN_SHARE, PARENT_SHARE, SPOUSE_SHARE, SIBLING_SHARE = 0.008, 0.02, 0.05, 0.01
SSN_AREAS, SSN_GROUPS, SSN_SERIALS = 99, 49, 9999
FIRST_AREA = 900  # 900 to 998 with groups 01 to 49 was never a social security number, nor a tax number of the IRS
MISSING_SSN, MOVED_SHARE = 0.08, 0.14


def town_table() -> pd.DataFrame:
    """Gives the invented towns: name, postal code, county index; larger counties have more."""
    people = population_cube(range(2004, 2005)).sum(axis=(1, 2, 3))
    count = np.clip(2 + people // 70_000, 2, 24).astype(int)
    county = np.repeat(np.arange(len(count)), count)
    return pd.DataFrame(
        {
            "town": names.towns()[: len(county)],
            "zip": [f"{32004 + 7 * i}" for i in range(len(county))],
            "county": county,
        }
    )


def draw_people(seed: int, course: Course) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives the persons' identity (one row each) and the relations among them (a, b, relation)."""
    persons = course.persons
    size = len(persons)
    birth, families = _draw_families(seed, course)
    random = stream(seed, "people")
    sex, year = persons.sex.to_numpy(), year_of(birth)
    out = pd.DataFrame({"sex": sex, "birth": birth, "county": persons.county})
    out["last"] = names.draw_surnames(random, size)
    out["first"] = names.draw_given(random, sex, year)
    middle = names.draw_given(random, sex, year - 15)
    out["middle"] = np.where(random.random(size) < 0.3, np.array([m[0] for m in middle], dtype=object), middle)
    out.loc[random.random(size) < 0.15, "middle"] = ""
    out["suffix"] = ""
    out["race"] = _from_table(random, "race", size)
    out["hispanic"] = _from_table(random, "hispanic", size)
    double = random.random(size) < np.where(out.hispanic.isin(["1", "2", "3", "4", "5", "6"]), 0.2, 0.01)
    second = names.draw_surnames(random, size)
    out["last"] = np.where(double, out["last"] + "-" + second, out["last"])
    out["single_surname"] = np.where(double, second, "")
    maiden = names.draw_surnames(random, size)
    married = random.random(size)
    out["marital"] = np.select(
        [married < 0.16, married < 0.74, married < 0.84, married < 0.97], ["1", "2", "4", "5"], "9"
    )
    out["birth_surname"] = np.where((sex == 1) & np.isin(out.marital, ["2", "4", "5"]), maiden, "")
    out = out.join(draw_homes(random, persons.county.to_numpy()))
    serial = _numbers(seed, size)
    area, rest = np.divmod(serial, SSN_GROUPS * SSN_SERIALS)
    group, number = np.divmod(rest, SSN_SERIALS)
    out["ssn"] = [f"{FIRST_AREA + a}{g + 1:02d}{n + 1:04d}" for a, g, n in zip(area, group, number)]
    out["phone"] = draw_phones(random, size)
    out["birth_state"] = np.where(
        random.random(size) < 0.35, "FL", random.choice(["NY", "GA", "OH", "PA", "AL", "NJ"], size)
    )
    foreign = out.hispanic.isin(["1", "2", "3", "4"]) & (random.random(size) < 0.6)
    country = out.hispanic.map({"1": "MEX", "2": "PRI", "3": "CUB", "4": "COL"}).fillna("USA")
    out["birth_country"] = np.where(foreign, country, "USA")
    out.loc[foreign, "birth_state"] = "XX"
    out.loc[out.birth_country == "PRI", "birth_state"] = "PR"
    _share_family(random, out, families)
    _move(random, out)
    out.loc[random.random(size) < MISSING_SSN, "ssn"] = ""
    out.loc[random.random(size) < 0.06, "phone"] = ""
    return out, families


def _from_table(random: np.random.Generator, name: str, size: int) -> np.ndarray:
    frame = read(f"{name}.csv")
    return frame.code.to_numpy()[choose(random, frame.pct.astype(float).to_numpy(), size)]


def _numbers(seed: int, size: int) -> np.ndarray:
    """Gives distinct numbers below the count of reserved social security numbers, spread over all of them."""
    total = SSN_AREAS * SSN_GROUPS * SSN_SERIALS
    step = 15_485_863  # prime and not a factor of the total: a walk that meets every number once
    return (int(stream(seed, "numbers").integers(total)) + step * np.arange(size, dtype=np.int64)) % total


def draw_phones(random: np.random.Generator, size: int) -> np.ndarray:
    """Gives telephone numbers 555-01xx, reserved for fiction, with any area code."""
    area = random.integers(2, 10, size) * 100 + random.integers(20, 90, size)
    return np.array([f"{a}55501{n:02d}" for a, n in zip(area, random.integers(0, 100, size))], dtype=object)


def draw_homes(random: np.random.Generator, county: np.ndarray) -> pd.DataFrame:
    table = town_table()
    start = np.searchsorted(table.county, np.arange(len(counties())))
    count = np.bincount(table.county)
    town = start[county] + np.minimum(
        (random.random(len(county)) ** 1.7 * count[county]).astype(int), count[county] - 1
    )
    street = names.streets()[random.integers(0, names.STREETS, len(county))]
    kind = names.STREET_TYPES[random.integers(0, len(names.STREET_TYPES), len(county))]
    number = random.integers(1, 9900, len(county))
    unit = np.where(random.random(len(county)) < 0.12, [f" Apt {u}" for u in random.integers(1, 400, len(county))], "")
    return pd.DataFrame(
        {
            "street": [f"{n} {s} {k}{u}" for n, s, k, u in zip(number, street, kind, unit)],
            "city": table.town.to_numpy()[town],
            "zip": table.zip.to_numpy()[town],
        }
    )


def _draw_families(seed: int, course: Course) -> tuple[np.ndarray, pd.DataFrame]:
    """Gives the birth dates (twins' made equal, where no age at diagnosis changes) and the relations."""
    random = stream(seed, "families")
    persons, tumors = course.persons, course.tumors
    size = len(persons)
    birth, sex, county = (persons[c].to_numpy().copy() for c in ("birth", "sex", "county"))
    free = np.ones(size, dtype=bool)
    rows: list[tuple[int, int, str]] = []

    def pair(order: np.ndarray, fits, share: float, relation: str) -> list[tuple[int, int]]:
        i, j = order[:-1], order[1:]
        ok = (county[i] == county[j]) & fits(i, j)
        found: list[tuple[int, int]] = []
        wanted = round(share * size / 2)
        for k in random.permutation(np.flatnonzero(ok)):
            a, b = int(i[k]), int(j[k])
            if len(found) == wanted:
                break
            if free[a] and free[b]:
                free[a] = free[b] = False
                found.append((a, b))
                rows.append((a, b, relation))
        return found

    by_birth = np.lexsort((birth, county))
    for a, b in pair(by_birth, lambda i, j: abs(birth[i] - birth[j]) < 120, TWIN_SHARE, "twin"):
        mine = tumors.person.isin([b]).to_numpy()
        same = completed_years(np.full(mine.sum(), birth[a]), tumors.diagnosis[mine]) == tumors.age[mine].to_numpy()
        if same.all():
            birth[b] = birth[a]
        else:  # siblings born in the same season instead
            rows[rows.index((a, b, "twin"))] = (a, b, "sibling")
    pair(by_birth, lambda i, j: (sex[i] != sex[j]) & (abs(birth[i] - birth[j]) < 2200), SPOUSE_SHARE, "spouse")
    pair(by_birth, lambda i, j: abs(birth[i] - birth[j]) < 3600, SIBLING_SHARE, "sibling")
    mixed = np.lexsort((random.random(size), county))
    gap = lambda i, j: (abs(birth[i] - birth[j]) > 7300) & (abs(birth[i] - birth[j]) < 14000)  # noqa: E731
    pair(mixed, lambda i, j: gap(i, j) & (sex[i] == sex[j]), PARENT_SHARE, "parent_child")
    return birth, pd.DataFrame(rows, columns=["a", "b", "relation"]).astype({"a": int, "b": int})


def _share_family(random: np.random.Generator, people: pd.DataFrame, families: pd.DataFrame) -> None:
    """Gives relatives what they share; changes `people` in place."""
    home = ["street", "city", "zip", "phone"]
    values = {
        c: people[c].to_numpy(dtype=object).copy()
        for c in [*home, "last", "first", "middle", "suffix", "ssn", "race", "birth_surname", "marital"]
    }
    sex, birth = people.sex.to_numpy(), people.birth.to_numpy()
    for (a, b, relation), u in zip(families.itertuples(index=False, name=None), random.random(len(families))):
        if relation == "spouse" and sex[a] == 1:
            a, b = b, a  # the name goes from husband to wife
        if relation == "parent_child" and birth[a] > birth[b]:
            a, b = b, a
        if relation in ("twin", "sibling"):
            # sisters who married carry the shared name as their birth surname
            for x in (a, b):
                if sex[x] == 1 and values["birth_surname"][x]:
                    values["birth_surname"][x] = values["last"][a] if x == b else values["birth_surname"][x]
            values["last"][b] = values["last"][a]
            values["race"][b] = values["race"][a]
        else:
            values["last"][b] = values["last"][a]
        if relation == "twin":
            number = int(values["ssn"][a][5:])
            values["ssn"][b] = values["ssn"][a][:5] + f"{number % SSN_SERIALS + 1:04d}"
            if values["first"][b] == values["first"][a]:
                values["first"][b] = names.given_names(int(sex[b]))[(birth[b] * 7) % names.GIVEN]
        if relation == "parent_child" and sex[a] == 0 and u < 0.5:
            values["first"][b], values["middle"][b] = values["first"][a], values["middle"][a]
            values["suffix"][a], values["suffix"][b] = "Sr", "Jr"
        if relation == "spouse":
            values["marital"][a] = values["marital"][b] = "2"
        if relation in ("spouse", "twin") or u < 0.4:
            for column in home:
                values[column][b] = values[column][a]
    for column, array in values.items():
        people[column] = array


def _move(random: np.random.Generator, people: pd.DataFrame) -> None:
    """Adds where everyone lives now (`now_…`): one in seven has moved since diagnosis, a third of them to another county."""
    size = len(people)
    moved = random.random(size) < MOVED_SHARE
    county = np.where(random.random(size) < 0.33, random.integers(0, len(counties()), size), people.county)
    homes = draw_homes(random, county)
    people["now_county"] = np.where(moved, county, people.county)
    for column in ("street", "city", "zip"):
        people[f"now_{column}"] = np.where(moved, homes[column], people[column])


def birth_precision(seed: int, size: int) -> np.ndarray:
    """Gives how much of a birth date is known: 0 all, 1 no day (0.6 %), 2 no month (0.3 %)."""
    draw = stream(seed, "birth precision").random(size)
    return np.select([draw < 0.003, draw < 0.009], [2, 1], 0)
