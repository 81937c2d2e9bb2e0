"""The person as each facility wrote them down: the same person, not always the same letters.

The home facility's record is right. Others carry what registries meet: nicknames, typing errors, names swapped, former
surnames, missing parts, transposed numbers, moves. No error changes an age at diagnosis, so that records stay coherent.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry.synthetic import names
from registry.synthetic.calendar import coded, completed_years, year_of
from registry.synthetic.course import Course
from registry.synthetic.people import draw_homes, draw_phones
from registry.synthetic.reporting import Reporting
from registry.synthetic.streams import stream

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIELDS = ("first", "middle", "last", "suffix", "maiden", "sex", "dob", "ssn", "address", "city", "zip", "phone", "mrn")


def mistype(text: str, u: float, v: float) -> str:
    """Gives a text with one typing error: a letter replaced, dropped, doubled, or two swapped (never the first one)."""
    if len(text) < 3:
        return text
    at = 1 + int(v * (len(text) - 2))
    kind = int(u * 4)
    if kind == 0:
        return text[:at] + LETTERS[int(v * 997) % 26] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text[: at + 1] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def transpose(number: str, u: float) -> str:
    """Gives a social security number with two neighbours of its last four digits swapped, or one digit changed."""
    at = 5 + int(u * 3)
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    if swapped == number or swapped[5:] == "0000":
        return number[:8] + str((int(number[8]) + 1) % 10) if number[5:8] != "000" else number[:8] + "5"
    return swapped


def write_records(
    seed: int, course: Course, people: pd.DataFrame, reporting: Reporting
) -> tuple[pd.DataFrame, list[str]]:
    """Gives one row per record with `FIELDS`, birth and home columns, and the list of what was changed in each."""
    random = stream(seed, "record errors")
    records = reporting.records
    person, size = records.person.to_numpy(), len(records)
    own = records.home.to_numpy()
    out = {
        c: people[c].to_numpy(dtype=object)[person].copy()
        for c in ("first", "middle", "last", "suffix", "ssn", "phone", "birth_surname", "single_surname")
    }
    out |= {c: people[f"now_{c}"].to_numpy(dtype=object)[person].copy() for c in ("street", "city", "zip")}
    sex, county = people.sex.to_numpy()[person], people.now_county.to_numpy()[person].copy()
    birth = people.birth.to_numpy()[person].copy()
    changes: list[list[str]] = [[] for _ in range(size)]

    def hit(share: float, name: str, where: np.ndarray | None = None) -> np.ndarray:
        chosen = ~own & (random.random(size) < share)
        if where is not None:
            chosen &= where
        rows = np.flatnonzero(chosen)
        for row in rows:
            changes[row].append(name)
        return rows

    u, v = random.random(size), random.random(size)
    for row in hit(0.06, "nickname"):
        out["first"][row] = names.nickname(out["first"][row])
    for row in hit(0.03, "first name mistyped"):
        out["first"][row] = mistype(out["first"][row], u[row], v[row])
    for row in hit(0.01, "first and middle swapped", np.array([len(m) > 1 for m in out["middle"]])):
        out["first"][row], out["middle"][row] = out["middle"][row], out["first"][row]
    out["maiden"] = out["birth_surname"].copy()
    for row in hit(0.05, "former surname", out["birth_surname"] != ""):
        out["last"][row], out["maiden"][row] = out["birth_surname"][row], ""
    for row in hit(0.3, "half of a double surname", out["single_surname"] != ""):
        out["last"][row] = out["last"][row].split("-")[0] if u[row] < 0.6 else out["single_surname"][row]
    for row in hit(0.025, "surname mistyped"):
        out["last"][row] = mistype(out["last"][row], v[row], u[row])
    for row in hit(0.008, "first and last swapped"):
        out["first"][row], out["last"][row] = out["last"][row], out["first"][row]
    for row in hit(0.25, "middle name missing"):
        out["middle"][row] = ""
    for row in hit(0.2, "middle initial only"):
        out["middle"][row] = out["middle"][row][:1]
    out["suffix"][hit(0.3, "suffix missing", out["suffix"] != "")] = ""
    out["maiden"][hit(0.5, "birth surname missing", out["maiden"] != "")] = ""
    out["ssn"][hit(0.12, "number missing", out["ssn"] != "")] = ""
    for row in hit(0.02, "number transposed", out["ssn"] != ""):
        out["ssn"][row] = transpose(out["ssn"][row], u[row])
    _change_births(random, course, birth, person, hit)
    moved = hit(0.16, "other address")
    # the address of the time of diagnosis, or one between
    former, between = people[["street", "city", "zip", "county"]].iloc[person], draw_homes(random, county)
    stayed = (former.street.to_numpy() == out["street"])[moved]
    for column in ("street", "city", "zip"):
        out[column][moved] = np.where(stayed, between[column].to_numpy()[moved], former[column].to_numpy()[moved])
    county[moved] = np.where(stayed, county[moved], former.county.to_numpy()[moved])
    phone = hit(0.15, "other telephone")
    out["phone"][phone] = draw_phones(random, size)[phone]
    for row in hit(0.05, "street mistyped"):
        out["street"][row] = mistype(out["street"][row], u[row], v[row])
    precision = np.where(own, 0, np.select([random.random(size) < 0.003, random.random(size) < 0.006], [2, 1], 0))
    frame = pd.DataFrame(
        {
            "first": out["first"],
            "middle": out["middle"],
            "last": out["last"],
            "suffix": out["suffix"],
            "maiden": out["maiden"],
            "sex": np.where(sex == 0, "1", "2"),
            "dob": coded(birth, precision),
            "ssn": out["ssn"],
            "address": out["street"],
            "city": out["city"],
            "zip": out["zip"],
            "phone": out["phone"],
            "mrn": records.mrn.to_numpy(),
        }
    )
    frame.insert(0, "record", [f"R{i + 1:07d}" for i in range(size)])
    frame["county"] = county
    return frame, ["; ".join(c) for c in changes]


def _change_births(random, course: Course, birth: np.ndarray, person: np.ndarray, hit) -> None:
    """Swaps day and month, or shifts the day, where no age at diagnosis of the person changes; in place."""
    tumors = course.tumors
    dates = birth.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(int) + 1
    month = months.astype(int) % 12 + 1
    first, last = (
        tumors.groupby("person").diagnosis.min().to_numpy(),
        tumors.groupby("person").diagnosis.max().to_numpy(),
    )
    year = (year_of(birth) - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    swapped = ((year + (np.minimum(day, 12) - 1)).astype("datetime64[D]") + (np.minimum(month, 28) - 1)).astype(
        np.int64
    )
    shifted = birth + np.where(day > 15, -10, 10)
    for new, share, name, where in (
        (swapped, 0.01, "day and month swapped", day <= 12),
        (shifted, 0.012, "day of birth wrong", day > 0),
    ):
        same = where & (year_of(new) == year_of(birth)) & (new <= first[person])
        for at in (first[person], last[person]):
            same &= completed_years(birth, at) == completed_years(new, at)
        # a third primary lies between the two, and so does its age: equal at both ends is checked for each tumour
        rows = hit(share, name, same & (np.bincount(tumors.person, minlength=len(first))[person] < 3))
        birth[rows] = new[rows]


def truth_pairs(records: pd.DataFrame, person: np.ndarray, families: pd.DataFrame) -> pd.DataFrame:
    """Gives the pairs of records that matter: `same` person, or relatives who must not be joined.

    Columns left, right (record ids), relation (same, twin, sibling, spouse, parent_child), match (1 or 0).
    """
    ids = records.record.to_numpy()
    order = np.argsort(person, kind="stable")
    starts = np.searchsorted(person[order], np.arange(person.max() + 2))
    rows: list[tuple[str, str, str, int]] = []
    for i in np.flatnonzero(np.diff(starts) > 1):
        mine = order[starts[i] : starts[i + 1]]
        rows += [(ids[a], ids[b], "same", 1) for k, a in enumerate(mine) for b in mine[k + 1 :]]
    for a, b, relation in families.itertuples(index=False, name=None):
        for x in order[starts[a] : starts[a + 1]]:
            rows += [(ids[x], ids[y], relation, 0) for y in order[starts[b] : starts[b + 1]]]
    return pd.DataFrame(rows, columns=["left", "right", "relation", "match"])
