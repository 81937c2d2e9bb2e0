"""Who reports what: the facilities' accounts of one tumour, with class of case, accession and their own part of treatment.

A person has a home facility that reports every tumour; about a third of the tumours are also reported by others, whose
records of the person carry typing errors, nicknames, former surnames and other addresses (`registry.synthetic.records`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry.synthetic.calendar import day_of, year_of
from registry.synthetic.course import Course
from registry.synthetic.facilities import nearness
from registry.synthetic.mortality import NEVER
from registry.synthetic.streams import choose, choose_rows, stream
from registry.synthetic.treatment import KINDS, Treatment

SECOND_SHARE, THIRD_SHARE = 0.36, 0.06  # of which one in five lands at the home facility and falls away
ANALYTIC = ("00", "10", "11", "12", "13", "14", "20", "21", "22")


@dataclass(frozen=True, slots=True)
class Reporting:
    """`reports`: one row per facility and tumour (tumor, facility, record, main, class_of_case, first_contact, and
    `here_…` per kind of treatment); `records`: one row per person and facility (person, facility, home, accession, mrn,
    local_id)."""

    reports: pd.DataFrame
    records: pd.DataFrame


def draw_reports(seed: int, course: Course, treatment: Treatment, facilities: pd.DataFrame, as_of: int) -> Reporting:
    """Gives all reports, the main ones first in each tumour, sorted by tumour."""
    random = stream(seed, "reporting")
    persons, tumors = course.persons, course.tumors
    size = len(tumors)
    kinds = facilities.kind.to_numpy()
    reach = nearness(facilities, np.isin(kinds, ("hospital", "academic center")).astype(float))
    home = choose_rows(random, reach[persons.county.to_numpy()])
    person = tumors.person.to_numpy()
    vital = len(facilities) - 1
    home = np.where(np.isin(np.arange(len(persons)), person[(tumors.source == 7).to_numpy()]), vital, home)
    main = home[person]
    weight = np.select([kinds == "vital records", kinds == "laboratory", kinds == "office"], [0.0, 0.25, 0.35], 1.0)
    others = nearness(facilities, weight)
    usual = (tumors.source == 1).to_numpy()
    second = usual & (random.random(size) < SECOND_SHARE)
    third = second & (random.random(size) < THIRD_SHARE / SECOND_SHARE)
    other = choose_rows(random, others[tumors.county.to_numpy()])
    last = choose_rows(random, others[tumors.county.to_numpy()])
    second &= other != main
    third &= second & (last != main) & (last != other)
    own, theirs, here, away = _divide_care(random, tumors, treatment, second, kinds[other])
    parts = [
        _rows(np.arange(size), main, own, here, True, kinds),
        _rows(
            np.flatnonzero(second), other[second], theirs[second], {k: v[second] for k, v in away.items()}, False, kinds
        ),
        _rows(
            np.flatnonzero(third),
            last[third],
            np.where(kinds[last[third]] == "laboratory", "43", np.where(random.random(third.sum()) < 0.5, "30", "32")),
            {k: np.zeros(third.sum(), dtype=bool) for k in KINDS},
            False,
            kinds,
        ),
    ]
    reports = pd.concat(parts, ignore_index=True)
    reports["first_contact"] = _first_contacts(random, reports, course, treatment)
    reports = reports.sort_values(["tumor", "main"], ascending=[True, False], kind="stable").reset_index(drop=True)
    return _number_records(reports, course, home, as_of)


def _rows(tumor, facility, class_of_case, here, main: bool, kinds) -> pd.DataFrame:
    frame = pd.DataFrame({"tumor": tumor, "facility": facility, "main": main, "class_of_case": class_of_case})
    for kind in KINDS:
        frame[f"here_{kind}"] = here[kind]
    frame["kind"] = kinds[facility]
    return frame


def _divide_care(random, tumors: pd.DataFrame, treatment: Treatment, second: np.ndarray, kind: np.ndarray):
    """Gives class of case and own treatment of the home facility and of the second one.

    Alone, the home facility does everything. Together they share: diagnosis at one and all treatment at the other (00
    with 22), or diagnosis with part here and part there (13 with 21). A second facility without treatment is a
    consultation (30), a laboratory (43) or an office (40).
    """
    size = len(tumors)
    given = treatment.given
    count = np.sum([given[k] for k in KINDS], axis=0)
    early = given["surgery"]  # the part at the place of diagnosis, if care is divided
    divided = second & (count >= 2) & early & (random.random(size) < 0.7) & ~np.isin(kind, ("laboratory", "office"))
    moved = second & (count >= 1) & ~divided & (random.random(size) < 0.75) & ~np.isin(kind, ("laboratory", "office"))
    # a radiation center takes over radiation, never an operation
    divided &= (kind != "radiation center") | given["radiation"]
    moved &= (kind != "radiation center") | (given["radiation"] & ~given["surgery"])
    home_diagnosed = random.random(size) < 0.6
    home_diagnosed = np.where(kind == "radiation center", True, home_diagnosed)
    alone = np.array(["14", "12", "10", "22", "20"], dtype=object)[
        choose(random, np.array([0.72, 0.06, 0.04, 0.15, 0.03]), size)
    ]
    own = np.select(
        [divided & home_diagnosed, divided, moved & home_diagnosed, moved], ["13", "21", "00", "22"], alone
    ).astype(object)
    theirs = np.select(
        [divided & home_diagnosed, divided, moved & home_diagnosed, moved, kind == "laboratory", kind == "office"],
        ["21", "13", "22", "00", "43", "40"],
        np.where(random.random(size) < 0.6, "30", "32"),
    ).astype(object)
    source = tumors.source.to_numpy()
    own = np.select([source == 6, source == 7], ["38", "49"], own).astype(object)
    here, away = {}, {}
    for k in KINDS:
        first = k in ("surgery", "immune")
        mine = np.where(divided, first == home_diagnosed, np.where(moved, ~home_diagnosed, True)).astype(bool)
        # a divided case whose later part is empty of drugs and rays keeps all at the operation's place
        here[k] = given[k] & mine
        away[k] = given[k] & ~mine & (divided | moved)
    empty = divided & (np.sum([away[k] for k in KINDS], axis=0) == 0) | divided & (
        np.sum([here[k] for k in KINDS], axis=0) == 0
    )
    for k in KINDS:
        here[k] = np.where(empty, given[k], here[k])
        away[k] = np.where(empty, False, away[k])
    own = np.where(empty, np.where(home_diagnosed, "14", "22"), own)
    theirs = np.where(empty, "30", theirs)
    return own, theirs, here, away


def _first_contacts(random, reports: pd.DataFrame, course: Course, treatment: Treatment) -> np.ndarray:
    """Gives the date of first contact of each report: at diagnosis, at the first treatment here, or between."""
    tumor = reports.tumor.to_numpy()
    diagnosis = course.tumors.diagnosis.to_numpy()[tumor]
    contact = course.persons.contact.to_numpy()[course.tumors.person.to_numpy()[tumor]]
    class_ = reports.class_of_case.to_numpy()
    starts = [np.where(reports[f"here_{k}"], treatment.start[k][tumor], NEVER) for k in KINDS]
    here = np.min(starts, axis=0)
    before = (random.gamma(1.2, 6, len(reports))).astype(np.int64)
    after = diagnosis + 3 + (random.gamma(1.5, 12, len(reports))).astype(np.int64)
    later = diagnosis + 200 + (random.gamma(2, 300, len(reports))).astype(np.int64)
    at = np.where(np.isin(class_, ("20", "21", "22")), np.minimum(after, here), diagnosis - np.minimum(before, 40))
    at = np.where(class_ == "30", after, np.where(class_ == "32", later, at))
    at = np.where(np.isin(class_, ("38", "49", "43", "40")), diagnosis, at)
    birth = course.tumors.birth.to_numpy()[tumor]
    return np.maximum(np.minimum(at, contact), birth)


def _number_records(reports: pd.DataFrame, course: Course, home: np.ndarray, as_of: int) -> Reporting:
    """Gives accession numbers (one per person and facility, by year of first contact), record and local numbers."""
    reports["person"] = course.tumors.person.to_numpy()[reports.tumor.to_numpy()]
    key = reports.person.to_numpy().astype(np.int64) * 1000 + reports.facility.to_numpy()
    keys, record = np.unique(key, return_inverse=True)
    reports["record"] = record
    person, facility = np.divmod(keys, 1000)
    first = np.full(len(keys), NEVER)
    np.minimum.at(first, record, reports.first_contact.to_numpy())
    year = year_of(first)
    order = np.lexsort((person, first, facility))
    group = facility[order] * 10_000 + year[order]
    start = np.concatenate([[True], group[1:] != group[:-1]])
    position = np.arange(len(order)) - np.maximum.accumulate(np.where(start, np.arange(len(order)), 0))
    serial = np.empty(len(order), dtype=np.int64)
    serial[order] = position + 1
    local = np.empty(len(order), dtype=np.int64)
    by_facility = np.lexsort((person, first, facility))
    begin = np.concatenate([[True], facility[by_facility][1:] != facility[by_facility][:-1]])
    local[by_facility] = np.arange(len(order)) - np.maximum.accumulate(np.where(begin, np.arange(len(order)), 0)) + 1
    records = pd.DataFrame(
        {
            "person": person,
            "facility": facility,
            "home": home[person] == facility,
            "accession": [f"{y:04d}{s:05d}" for y, s in zip(year, serial)],
            "mrn": [f"M{f + 1:02d}{n * 37 + 100003:09d}" for f, n in zip(facility, local)],
            "local_id": [f"{n:08d}" for n in local],
            "first_contact": first,
        }
    )
    return Reporting(reports, records)


def completion(seed: int, reports: pd.DataFrame, as_of: int) -> dict[str, np.ndarray]:
    """Gives the days on which a case was initiated, completed, exported, received and loaded; none after `as_of`."""
    random = stream(seed, "timeliness")
    size = len(reports)
    first = reports.first_contact.to_numpy()
    initiated = first + 5 + random.gamma(2, 12, size).astype(np.int64)
    completed = initiated + 20 + random.gamma(3.2, 34, size).astype(np.int64)
    exported = completed + random.integers(1, 30, size)
    received = exported + random.integers(0, 4, size)
    loaded = received + random.integers(0, 10, size)
    # the computer age begins for these dates in 1996; whatever the pace, nothing lies in the future
    days = {"initiated": initiated, "completed": completed, "exported": exported}
    days |= {"received": received, "loaded": loaded}
    return {name: np.clip(day, day_of(1996), as_of) for name, day in days.items()}
