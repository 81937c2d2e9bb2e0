"""Facilities and physicians that do not exist: who sees, treats and reports the patients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry.synthetic import names
from registry.synthetic.marks import FACILITY_PREFIX, impossible_npi
from registry.synthetic.people import town_table
from registry.synthetic.planted import distances_km
from registry.synthetic.population import population_cube
from registry.synthetic.streams import stream
from registry.synthetic.tables import counties

KINDS = ("hospital", "academic center", "radiation center", "laboratory", "office", "vital records")
SPECIALTIES = ("medical oncology", "radiation oncology", "surgery", "primary care", "urology", "pathology")
REACH_KM = 45.0


def make_facilities(seed: int, patients: int) -> pd.DataFrame:
    """Gives the facilities: facility (item 540), npi (545), name, kind, town, zip, county, size; vital records last."""
    random = stream(seed, "facilities")
    count = int(np.clip(6 + patients // 700, 6, 44))
    people = population_cube(range(2004, 2005)).sum(axis=(1, 2, 3))
    kind = np.array(["hospital"] * count, dtype=object)
    kind[0] = "academic center"
    others = max(count // 5, 3)
    kind[count - others :] = np.resize(["radiation center", "laboratory", "office"], others)
    county = random.choice(len(people), count, p=people**0.8 / (people**0.8).sum())
    county[0] = int(np.argmax(people))
    towns = town_table()
    town = np.array([random.choice(np.flatnonzero(towns.county == c)) for c in county])
    stem = random.permutation(names.surnames()[2000:4000])[:count]
    tail = {
        "hospital": "Hospital",
        "academic center": "University Cancer Center",
        "radiation center": "Radiation Center",
    }
    tail |= {"laboratory": "Pathology Laboratory", "office": "Oncology Associates"}
    out = pd.DataFrame(
        {
            "name": [f"{s} {tail[k]}" for s, k in zip(stem, kind)],
            "kind": kind,
            "town": towns.town.to_numpy()[town],
            "zip": towns.zip.to_numpy()[town],
            "county": county,
            "size": np.where(kind == "academic center", 4.0, np.exp(0.5 * random.standard_normal(count))),
        }
    )
    vital = {
        "name": "State Vital Records",
        "kind": "vital records",
        "town": towns.town[0],
        "zip": towns.zip[0],
        "county": 0,
        "size": 0.0,
    }
    out = pd.concat([out, pd.DataFrame([vital])], ignore_index=True)
    out.insert(0, "facility", [f"{FACILITY_PREFIX}{i + 1:05d}" for i in range(len(out))])
    out.insert(1, "npi", [impossible_npi(90_000_000 + 131 * i) for i in range(len(out))])
    return out


def make_physicians(seed: int, facilities: pd.DataFrame) -> pd.DataFrame:
    """Gives the physicians: physician (8 characters), npi, first, last, specialty, facility index, phone."""
    random = stream(seed, "physicians")
    per = np.where(facilities.kind.isin(["hospital", "academic center"]), (8 + 6 * facilities["size"]).astype(int), 3)
    facility = np.repeat(np.arange(len(facilities)), per)
    count = len(facility)
    sex = random.integers(0, 2, count)
    # every facility has each specialty before it has one twice
    specialty = np.concatenate([np.arange(n) % len(SPECIALTIES) for n in per])
    return pd.DataFrame(
        {
            "physician": [f"P{900000 + i:07d}" for i in range(count)],
            "npi": [impossible_npi(91_000_000 + 173 * i) for i in range(count)],
            "first": names.draw_given(random, sex, np.full(count, 1970)),
            "last": names.draw_surnames(random, count),
            "specialty": np.array(SPECIALTIES, dtype=object)[specialty],
            "facility": facility,
            "phone": [
                f"{a}55501{n:02d}"
                for a, n in zip(random.integers(2, 10, count) * 100 + 45, random.integers(0, 100, count))
            ],
        }
    )


def nearness(facilities: pd.DataFrame, reporting: np.ndarray) -> np.ndarray:
    """Gives the chance of a resident of each county to go to each facility: shape (67, facilities), rows sum to 1."""
    away = distances_km()[:, facilities.county.to_numpy()]
    weight = facilities["size"].to_numpy()[None] * np.exp(-away / REACH_KM) * reporting[None]
    return weight / weight.sum(axis=1, keepdims=True)


def county_code(facilities: pd.DataFrame) -> np.ndarray:
    """Gives the FIPS code of each facility's county."""
    return counties().county.to_numpy()[facilities.county.to_numpy()]
