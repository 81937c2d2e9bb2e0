"""First course of treatment: who gets what, when, and the summary items that say so.

Shares by site group and stage come from `site_groups.csv`; surgery codes exist in the site table of the diagnosis year.
No treatment begins before diagnosis or after the last contact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry.synthetic.calendar import coded, year_of
from registry.synthetic.coding import code_from, code_nodes
from registry.synthetic.mortality import NEVER
from registry.synthetic.streams import choose, stream
from registry.synthetic.tables import read, site_groups

KINDS = ("surgery", "radiation", "chemo", "hormone", "immune")


@dataclass(frozen=True, slots=True)
class Treatment:
    """`given` and `start` by kind of treatment (boolean, day number), `items` the coded summary with nodes, by tumour."""

    given: dict[str, np.ndarray]
    start: dict[str, np.ndarray]
    items: pd.DataFrame


def draw_treatment(seed: int, tumors: pd.DataFrame, confirmation: np.ndarray, contact: np.ndarray) -> Treatment:
    """Gives each tumour's first course; `contact` is the day of last contact of its person."""
    given, start = _draw_courses(seed, tumors, confirmation, contact)
    items = code_nodes(seed, tumors, given["surgery"])
    items |= _code_items(seed, tumors, items["830"], given, start)
    return Treatment(given, start, pd.DataFrame(items))


def _draw_courses(seed: int, tumors: pd.DataFrame, confirmation: np.ndarray, contact: np.ndarray) -> tuple[dict, dict]:
    random = stream(seed, "treatment")
    size, table = len(tumors), site_groups()
    group, stage, age = (tumors[c].to_numpy() for c in ("group", "stage", "age"))
    bucket = np.select([np.isin(stage, (2, 3, 4)), stage == 7], [1, 2], 0)
    frail = np.exp(-0.05 * np.clip(age - 75, 0, 30)) * np.where(stage == 9, 0.45, 1.0)
    alive = (tumors.source == 1).to_numpy()
    seen = np.isin(confirmation, ("1", "2", "3", "4"))
    given: dict[str, np.ndarray] = {}
    for kind, letter in zip(KINDS[:3], "src"):
        share = table[[f"{letter}_l", f"{letter}_r", f"{letter}_d"]].to_numpy()[group, bucket]
        weight = frail if kind == "chemo" else np.sqrt(frail)
        share = share * weight * np.where((stage == 0) & (kind == "chemo"), 0.0, 1.0)
        given[kind] = alive & (random.random(size) < share)
    given["surgery"] &= seen & (code_surgery_possible(tumors))
    for kind, letter in zip(KINDS[3:], "hb"):
        share = table[letter].to_numpy()[group] * np.where((stage == 0) & (kind == "immune"), 0.3, 1.0)
        given[kind] = alive & (random.random(size) < share * np.sqrt(frail))
    # chemotherapy before the operation in a fifth of regional disease
    before = given["surgery"] & given["chemo"] & np.isin(stage, (3, 4)) & (random.random(size) < 0.2)
    day = tumors.diagnosis.to_numpy()
    lag = {
        "surgery": np.where(before, 150, 0) + np.minimum(random.gamma(1.3, 18, size), 90),
        "radiation": np.where(given["surgery"] & ~before, 100, 40)
        + random.gamma(4, 8, size)
        + np.where(before, 200, 0),
        "chemo": np.where(before | ~given["surgery"], 18, 75) + random.gamma(3, 6, size),
        "hormone": 70 + random.gamma(3, 15, size),
        "immune": 45 + random.gamma(3, 15, size),
    }
    start = {}
    for kind in KINDS:
        begin = day + lag[kind].astype(np.int64)
        given[kind] &= begin <= contact
        start[kind] = np.where(given[kind], begin, NEVER)
    return given, start


def code_surgery_possible(tumors: pd.DataFrame) -> np.ndarray:
    """Tells where the site table knows an operation at all (not marrow, ill-defined or unknown sites)."""
    return ~tumors.site.str.startswith(("C420", "C421", "C423", "C424", "C76", "C80")).to_numpy()


def code_surgery(seed: int, tumors: pd.DataFrame, given: np.ndarray) -> dict[str, np.ndarray]:
    """Gives surgery of primary site: 1290 to 2022, 1291 from 2023; 00 or 98 where there was none, 99 where unknown."""
    random = stream(seed, "surgery")
    local = random.random(len(tumors)) < np.where(np.isin(tumors.stage.to_numpy(), (0, 1)), 0.4, 0.12)
    second = random.random(len(tumors)) < 0.35
    code = np.full(len(tumors), "00", dtype=object)
    letter = np.full(len(tumors), 9999)
    site = tumors.site.to_numpy().astype(str)
    table = list(read("surgery.csv").itertuples(index=False))
    done = np.zeros(len(tumors), dtype=bool)
    for row in [*(r for r in table if r.sites), *(r for r in table if not r.sites)]:
        mine = ~done & (np.char.startswith(site, row.sites.split()[0]) if row.sites else True)
        for prefix in row.sites.split()[1:]:
            mine |= ~done & np.char.startswith(site, prefix)
        done |= mine
        options = row.resection.split()
        resection = np.where(second, options[-1], options[0])
        value = np.where(local & (row.local != ""), row.local, resection)
        nothing = "98" if row.resection == "98" else "00"
        code[mine] = np.where(given[mine], value[mine], nothing)
        letter[mine] = int(row.letter_b_from)
    code = np.where((tumors.source == 7).to_numpy() & (code != "98"), "99", code)
    year = year_of(tumors.diagnosis.to_numpy())
    new = np.where(year >= letter, "B", "A").astype(object) + code + "0"
    return {"1290": np.where(year < 2023, code, ""), "1291": np.where(year >= 2023, new, ""), "code": code}


def _code_items(
    seed: int,
    tumors: pd.DataFrame,
    examined: np.ndarray,
    given: dict[str, np.ndarray],
    start: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    surgery = code_surgery(seed, tumors, given["surgery"])
    random = stream(seed, "treatment codes")
    size = len(tumors)
    year = year_of(tumors.diagnosis.to_numpy())
    names = site_groups().group.to_numpy()[tumors.group.to_numpy()]
    dco, autopsy = (tumors.source == 7).to_numpy(), (tumors.source == 6).to_numpy()
    cut, radiation, chemo = given["surgery"], given["radiation"], given["chemo"]
    hormone, immune = given["hormone"], given["immune"]
    any_ = np.any([given[k] for k in KINDS], axis=0)
    watch = ~any_ & (names == "prostate") & (tumors.stage == 1).to_numpy() & (random.random(size) < 0.7) & ~dco
    out: dict[str, np.ndarray] = {"1290": surgery["1290"], "1291": surgery["1291"]}
    out["1285"] = np.select([dco, any_, watch], ["9", "1", "2"], "0").astype(object)
    why_not = code_from(random, ("1", "2", "7"), (0.9, 0.06, 0.04), size)
    # an unknown surgery code (99) has an unknown reason
    out["1340"] = np.select(
        [dco, cut, autopsy], [np.where(surgery["code"] == "98", "1", "9"), "0", "1"], why_not
    ).astype(object)
    out["1340"] = np.where(surgery["code"] == "98", "1", out["1340"])
    few = np.isin(examined, ("01", "02", "03"))
    sentinel = few & np.isin(names, ("breast", "melanoma"))
    scope = np.select([examined == "99", examined == "00", sentinel, few], ["9", "0", "2", "4"], "5").astype(object)
    out["1292"] = np.where(autopsy, "9", scope)
    out["1294"] = np.where(dco, "9", "0").astype(object)
    kind = np.where(names == "thyroid", "3", np.where((names == "prostate") & (random.random(size) < 0.25), "2", "1"))
    out["1360"] = np.select([dco, radiation], ["9", kind], "0").astype(object)
    out["1430"] = np.select(
        [dco, radiation], ["9", "0"], code_from(random, ("1", "2", "7"), (0.93, 0.04, 0.03), size)
    ).astype(object)
    both = cut & radiation
    first = start["radiation"] < start["surgery"]
    out["1380"] = np.where(both, np.where(first, "2", "3"), "0").astype(object)
    systemic = np.minimum(np.minimum(start["chemo"], start["hormone"]), start["immune"])
    drug = chemo | hormone | immune
    out["1639"] = np.where(cut & drug, np.where(systemic < start["surgery"], "2", "3"), "0").astype(object)
    agents = code_from(random, ("02", "03"), (0.35, 0.65), size)
    not_chemo = code_from(random, ("00", "82", "87"), (0.96, 0.02, 0.02), size)
    out["1390"] = np.select([dco, chemo, autopsy], ["99", agents, "00"], not_chemo).astype(object)
    out["1400"] = np.select([dco, hormone], ["99", "01"], "00").astype(object)
    out["1410"] = np.select([dco, immune], ["99", "01"], "00").astype(object)
    out["1420"] = np.where(dco, "9", "0").astype(object)
    out["3250"] = np.where(dco, "99", "00").astype(object)
    earliest = np.min([start[k] for k in KINDS], axis=0)
    days = dict(zip(("1200", "1210", "1220", "1230", "1240"), (start[k] for k in KINDS)))
    days |= {"1260": earliest, "1270": earliest, "3170": start["surgery"], "3230": systemic}
    for item, day in days.items():
        out[item] = coded(day, present=day != NEVER)
    out |= _code_phases(random, radiation, dco, out["1360"], year)
    return out


def _code_phases(
    random: np.random.Generator, given: np.ndarray, dco: np.ndarray, summary: np.ndarray, year: np.ndarray
) -> dict[str, np.ndarray]:
    """Gives the first phase of radiation from 2018: modality, technique, dose in cGy, fractions, number of phases."""
    new = year >= 2018
    size = len(given)
    fractions = np.array([15, 25, 28, 30, 33, 35])[choose(random, np.array([2, 3, 3, 2, 2, 1.0]), size)]
    per = np.where(fractions == 15, 267, np.where(fractions == 28, 250, 200))
    beam = summary == "1"
    modality = np.select([dco, ~given, beam, summary == "2"], ["99", "00", "02", "11"], "13")
    technique = np.select([dco, ~given, beam], ["99", "00", np.where(random.random(size) < 0.6, "05", "04")], "88")

    def number(values: np.ndarray, width: int, other: str) -> np.ndarray:
        texts = np.array([f"{v:0{width}d}" for v in values], dtype=object)
        return np.select([dco, ~given, beam], ["9" * width, "0" * width, texts], other).astype(object)

    out = {
        "1506": modality,
        "1502": technique,
        "1501": number(per, 5, "99998"),
        "1503": number(fractions, 3, "999"),
        "1507": number(per * fractions, 6, "999998"),
        "1532": np.select([dco, given], ["99", "01"], "00"),
        "1531": np.select([dco, given], ["99", "01"], "00"),
        "1533": number(per * fractions, 6, "999998"),
    }
    return {item: np.where(new, value, "").astype(object) for item, value in out.items()}
