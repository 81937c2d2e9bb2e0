"""The course of disease: diagnosis, stage, death and follow-up of every person, as true values.

Tumours come first (from the incidence model), then some are joined into persons with several primaries: a later tumour
of the same sex, county and birth cohort becomes a second primary of someone alive at that time. So the incidence of
tumours keeps its planted rates, and persons have the multiple primaries that registries see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry.synthetic import mortality
from registry.synthetic.calendar import completed_years, day_of, year_of
from registry.synthetic.incidence import Model, draw_cells, draw_types
from registry.synthetic.planted import covariates
from registry.synthetic.streams import choose, choose_rows, stream
from registry.synthetic.tables import site_groups, terms, tumor_types

MULTIPLE_SHARE = 0.085
DCO_SHARE, AUTOPSY_SHARE = 0.015, 0.003
MONTHS = np.array([0.090, 0.080, 0.088, 0.083, 0.085, 0.084, 0.080, 0.083, 0.082, 0.086, 0.080, 0.079])
# groups whose second member IARC would count as the same tumour, or whose site groups overlap
ONE_OF = (
    {"hodgkin", "nhl", "myeloma", "leukemia"},
    {"bladder", "kidney", "urinary"},
    {"ovary", "corpus", "cervix", "female_genital", "peritoneum"},
    {"lung", "respiratory", "mesothelioma"},
    {"colorectal", "anus", "small_bowel"},
    {"liver", "biliary"},
    {"brain", "brain_benign", "endocrine"},
    {"melanoma", "skin", "kaposi"},
    {"sarcoma", "peritoneum", "kaposi"},
)
# organ or system without a further place: never staged as localized
NO_PLACE = ("C069", "C148", "C189", "C260", "C269", "C399", "C409", "C419", "C559", "C579", "C639", "C689")
# what is left of a diagnosis when a death certificate is all there is
DCO_HISTOLOGY = {
    **dict.fromkeys(("lung", "colorectal", "pancreas", "liver", "breast", "prostate", "stomach", "esophagus"), "8000"),
    **dict.fromkeys(("ovary", "bladder", "kidney", "brain", "biliary", "corpus", "oral"), "8000"),
    "nhl": "9590",
}


@dataclass(frozen=True, slots=True)
class Course:
    """`persons` (one row each, index 0..N-1) and `tumors` (sorted by person and date) with true values."""

    persons: pd.DataFrame
    tumors: pd.DataFrame


def draw_course(seed: int, model: Model, patients: int, extra: int, as_of: int) -> Course:
    """Gives N persons with N + `extra` tumours; `as_of` is the day on which the registry's knowledge ends."""
    tumors = _draw_tumors(seed, model, patients + extra, as_of)
    person, kept = _join_persons(seed, tumors, patients)
    tumors = tumors[kept].assign(person=person[kept])
    tumors = tumors.sort_values(["person", "diagnosis"], kind="stable").reset_index(drop=True)
    tumors["age"] = completed_years(tumors.birth.to_numpy(), tumors.diagnosis.to_numpy())
    tumors["sequence"] = sequence_numbers(tumors.person.to_numpy(), tumors.behavior.to_numpy())
    tumors["tumor_number"] = tumors.groupby("person").cumcount() + 1
    tumors["multiple"] = tumors.groupby("person").person.transform("size") > 1
    return Course(_follow_persons(seed, tumors, as_of), tumors)


def _draw_tumors(seed: int, model: Model, size: int, as_of: int) -> pd.DataFrame:
    cells = draw_cells(seed, model, size)
    types = tumor_types()
    row = draw_types(seed, cells, model.years)
    random = stream(seed, "dates")
    year = np.array(model.years)[cells.year.to_numpy()]
    month = choose(random, MONTHS, size) + 1
    first = day_of(year, month)
    length = day_of(year, month + 1) - first
    diagnosis = first + (random.random(size) * length).astype(np.int64)
    late = diagnosis > as_of
    diagnosis[late] = (day_of(year) + random.random(size) * (as_of - day_of(year) + 1)).astype(np.int64)[late]
    group = cells.age_group.to_numpy()
    years = np.where(group < 17, random.integers(0, 5, size), np.minimum(random.geometric(0.22, size) - 1, 17))
    birth = diagnosis - ((group * 5 + years + 0.01 + 0.98 * random.random(size)) * 365.2425).astype(np.int64)
    out = pd.DataFrame(
        {
            "row": row,
            "group": cells.group,
            "county": cells.county,
            "sex": cells.sex,
            "birth": birth,
            "diagnosis": diagnosis,
            "age": completed_years(birth, diagnosis),
            "site": types.site.to_numpy()[row],
            "histology": types.histology.to_numpy()[row],
            "behavior": types.behavior.to_numpy()[row],
            "cause": types.cause.to_numpy()[row],
        }
    )
    out["stage"] = draw_stages(seed, out)
    out["source"] = _draw_sources(seed, out)
    year = year_of(diagnosis)
    out["scale"] = mortality.scales(out.group.to_numpy(), out.stage.to_numpy(), out.age.to_numpy(), year)
    out["cancer_days"] = mortality.draw_cancer_days(seed, out.scale.to_numpy())
    out["other_days"] = mortality.draw_other_days(seed, out.sex.to_numpy(), birth, diagnosis)
    at_death = out.source != 1
    out.loc[at_death, "stage"] = np.where(out.source[at_death] == 7, 9, out.stage[at_death])
    # found at death: a certificate names the tumour as cause, an autopsy finds it by chance
    out.loc[out.source == 7, "cancer_days"] = 0
    out.loc[out.source == 6, "other_days"] = 0
    dco = (out.source == 7).to_numpy()
    names = site_groups().group.to_numpy()
    histology = np.array([DCO_HISTOLOGY.get(g, "") for g in names], dtype=object)[out.group.to_numpy()]
    out.loc[dco, "histology"] = histology[dco]
    return out


def draw_stages(seed: int, tumors: pd.DataFrame) -> np.ndarray:
    """Gives summary stage codes: 0 in situ, 1 localized, 2 to 4 regional, 7 distant, 8 benign, 9 unknown.

    The mix is that of the site group; poverty of the county and great age move it to distant and unknown.
    """
    random = stream(seed, "stage")
    table, group = site_groups(), tumors.group.to_numpy()
    mix = table[["p_loc", "p_reg", "p_dist", "p_unk"]].fillna(0).to_numpy()[group]
    poverty = covariates()[tumors.county.to_numpy(), 2]
    old = np.clip(tumors.age.to_numpy() - 75, 0, 20)
    mix = mix * np.stack([np.ones(len(mix)), np.ones(len(mix)), np.exp(0.12 * poverty), np.exp(0.05 * old)], axis=1)
    extent = choose_rows(random, np.maximum(mix, 1e-12))
    regional = choose(random, np.array([0.34, 0.44, 0.22]), len(mix)) + 2
    kind = table.staging.to_numpy()[group]
    nodes = table.nodes.to_numpy()[group] == 1
    regional = np.where(nodes & (kind == "solid"), regional, 2)
    stage = np.select([extent == 0, extent == 1, extent == 2], [1, regional, 7], 9)
    site = tumors.site.to_numpy().astype(str)
    stage = np.where((stage == 1) & np.isin(site, NO_PLACE), 9, stage)
    marrow = np.isin(site, ("C420", "C421", "C422", "C423", "C424"))
    stage = np.where((kind == "systemic") | ((kind == "lymphoma") & marrow), 7, stage)
    stage = np.where(kind == "unknown", 9, stage)
    behavior = tumors.behavior.to_numpy()
    return np.where(behavior == "2", 0, np.where(np.isin(behavior, ("0", "1")), 8, stage)).astype(np.int64)


def _draw_sources(seed: int, tumors: pd.DataFrame) -> np.ndarray:
    """Gives 7 for death certificate only, 6 for autopsy only, else 1; both rise with age and with the tumour's lethality."""
    random = stream(seed, "found at death")
    names = site_groups().group.to_numpy()[tumors.group.to_numpy()]
    known = set(terms())
    fit = np.array([g in DCO_HISTOLOGY and f"{DCO_HISTOLOGY[g]}/3" in known for g in site_groups().group])
    may = fit[tumors.group.to_numpy()] & (tumors.behavior == "3") & (tumors.age >= 30) & (tumors.stage != 8)
    may &= ~((names == "nhl") & ~tumors.site.str.startswith("C77"))
    weight = np.where(may, np.exp(0.04 * (tumors.age.to_numpy() - 65)), 0.0)
    weight *= np.where(np.isin(names, ("pancreas", "lung", "liver", "biliary")), 2.5, 1.0)
    out = np.ones(len(tumors), dtype=np.int64)
    draw = random.random(len(tumors))
    out[draw < weight * DCO_SHARE * len(tumors) / max(weight.sum(), 1e-9)] = 7
    chance = np.where((tumors.behavior == "3") & (tumors.age >= 40) & (out == 1), AUTOPSY_SHARE, 0.0)
    chance = np.where(np.isin(names, ("leukemia", "myeloma", "hodgkin", "ill_defined", "melanoma")), 0, chance)
    out[random.random(len(tumors)) < chance] = 6
    return out


def _compatible() -> np.ndarray:
    """Gives which site groups can be two primaries of one person under SEER and IARC rules alike."""
    names = list(site_groups().group)
    out = ~np.eye(len(names), dtype=bool)
    for one in ONE_OF:
        index = [names.index(n) for n in one]
        out[np.ix_(index, index)] = False
    out[names.index("ill_defined")] = out[:, names.index("ill_defined")] = False
    return out


def _join_persons(seed: int, tumors: pd.DataFrame, patients: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives each tumour's person number and which tumours stay: exactly `patients` persons.

    Candidates are neighbours in the order of county, sex and birth whose earlier tumour's person still lives 60 days
    before the later one; the later tumour takes over the earlier one's birth date.
    """
    size = len(tumors)
    random = stream(seed, "multiple primaries")
    parent = np.arange(size)
    wanted = size - patients
    fit = _compatible()
    types = tumor_types()
    low = types.age_min.to_numpy()[tumors.row] * 5
    high = np.where(types.age_max.to_numpy()[tumors.row] == 17, 120, types.age_max.to_numpy()[tumors.row] * 5 + 4)
    dead = tumors.diagnosis + np.minimum(tumors.cancer_days, tumors.other_days)
    histology = tumors.histology.astype(int).to_numpy()
    alone = (tumors.source != 1).to_numpy() | ((histology >= 9740) & (histology <= 9769))
    alone |= tumors.site.str.startswith(("C76", "C80")).to_numpy()
    order = np.lexsort((tumors.birth, tumors.sex, tumors.county))
    group, sex, county = (tumors[c].to_numpy() for c in ("group", "sex", "county"))
    birth, diagnosis, dead = tumors.birth.to_numpy(), tumors.diagnosis.to_numpy(), dead.to_numpy()
    pairs = []
    for step in range(1, 9):
        i, j = order[:-step], order[step:]
        swap = diagnosis[i] > diagnosis[j]
        i, j = np.where(swap, j, i), np.where(swap, i, j)
        age = completed_years(birth[i], diagnosis[j])
        ok = (sex[i] == sex[j]) & (county[i] == county[j]) & (abs(birth[i] - birth[j]) < 700)
        ok &= fit[group[i], group[j]] & ~alone[i] & ~alone[j]
        ok &= (diagnosis[j] - diagnosis[i] > 60) & (dead[i] > diagnosis[j] + 60) & (age >= low[j]) & (age <= high[j])
        pairs.append(np.stack([i[ok], j[ok]], axis=1))
    found = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
    found = found[np.argsort(random.random(len(found)), kind="stable")]
    taken = np.zeros(size, dtype=bool)
    members: dict[int, list[int]] = {}
    joined = 0
    for i, j in found:
        if joined == wanted:
            break
        if taken[j] or parent[i] != i or (taken[i] and i not in members):
            continue
        others = members.get(i, [])
        # a third primary must fit both earlier ones, and lie 60 days off each
        if others and (random.random() > 0.1 or len(others) > 1):
            continue
        if any(not fit[group[o], group[j]] or abs(diagnosis[o] - diagnosis[j]) < 60 for o in others):
            continue
        # whichever came first, its patient lived to see the other
        if any(max(diagnosis[o], diagnosis[j]) + 60 > dead[o if diagnosis[o] < diagnosis[j] else j] for o in others):
            continue
        parent[j] = i
        members.setdefault(i, []).append(j)
        taken[i] = taken[j] = True
        joined += 1
    kept = np.ones(size, dtype=bool)
    if joined < wanted:  # too few to join in a small registry: drop tumours of single persons instead
        free = np.flatnonzero(~taken)
        drop = random.permutation(free)[: wanted - joined]
        kept[drop] = False
    first = parent
    tumors["birth"] = birth[first]
    tumors["other_days"] = np.where(first == np.arange(size), tumors.other_days, mortality.NEVER)
    heads, person = np.unique(first[kept], return_inverse=True)
    # persons are numbered in random order, so that the number tells nothing
    shuffled = random.permutation(len(heads))
    out = np.full(size, -1)
    out[kept] = shuffled[person]
    return out, kept


def sequence_numbers(person: np.ndarray, behavior: np.ndarray) -> np.ndarray:
    """Gives the sequence numbers of tumours sorted by person and date: 00 or 01.., and 60 or 61.. for benign ones."""
    benign = np.isin(behavior, ("0", "1"))
    key = person * 2 + benign
    frame = pd.DataFrame({"key": key})
    rank = frame.groupby("key").cumcount().to_numpy() + 1
    lone = frame.groupby("key").key.transform("size").to_numpy() == 1
    return np.where(lone, 0, rank) + 60 * benign


def _follow_persons(seed: int, tumors: pd.DataFrame, as_of: int) -> pd.DataFrame:
    random = stream(seed, "follow-up")
    first = tumors.groupby("person").first()
    size = len(first)
    t = tumors.person.to_numpy()
    cancer = tumors.diagnosis.to_numpy() + tumors.cancer_days.to_numpy()
    other = tumors.diagnosis.to_numpy() + tumors.other_days.to_numpy()
    death_other = np.full(size, mortality.NEVER)
    np.minimum.at(death_other, t, other)
    death_cancer = np.full(size, mortality.NEVER)
    np.minimum.at(death_cancer, t, cancer)
    killer = np.full(size, -1)
    lethal = cancer == death_cancer[t]
    killer[t[lethal]] = np.flatnonzero(lethal)
    by_cancer = death_cancer <= death_other
    # a death certificate is known at once; every other death only if it comes before the last contact
    last_diagnosis = np.zeros(size, dtype=np.int64)
    last_diagnosis[t] = tumors.diagnosis.to_numpy()
    age = as_of - (365 * random.random(size)).astype(np.int64)
    overdue = as_of - 366 - (90 * random.random(size)).astype(np.int64)
    lost = last_diagnosis + (random.random(size) * np.maximum(as_of - 456 - last_diagnosis, 0)).astype(np.int64)
    kind = choose(random, np.array([0.90, 0.05, 0.05]), size)
    contact = np.select([kind == 0, kind == 1], [age, overdue], lost)
    contact = np.minimum(np.maximum(contact, last_diagnosis + 20 + random.integers(0, 40, size)), as_of)
    contact = np.maximum(contact, last_diagnosis)
    death = np.minimum(death_other, death_cancer)
    known = (death <= contact) | (first.source != 1).to_numpy()
    return pd.DataFrame(
        {
            "sex": first.sex.to_numpy(),
            "birth": first.birth.to_numpy(),
            "county": first.county.to_numpy(),
            "death": death,
            "killer": np.where(by_cancer, killer, -1),
            "dead": known,
            "contact": np.where(known, death, contact),
            "lost": ~known & (kind == 2),
        }
    )
