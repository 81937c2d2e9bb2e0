"""Follow-up with known truth: a death file, encounter lists, and how every living patient would answer.

The registry knows a person up to the last contact; the truth goes on. Deaths after it are in the state's death file
(with errors, among deaths of strangers), visits after it in the facilities' encounter lists (among entries that are no
contact at all), and `contacts` says for each way of asking whether it would reach the person.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry.synthetic import names
from registry.synthetic.assemble import OTHER_CAUSES, OTHER_WEIGHTS
from registry.synthetic.calendar import coded, year_of
from registry.synthetic.coding import code_from
from registry.synthetic.course import Course
from registry.synthetic.people import draw_homes
from registry.synthetic.records import mistype
from registry.synthetic.reporting import Reporting
from registry.synthetic.streams import choose, stream
from registry.synthetic.tables import counties

DEATH_FILE_YEARS = 3
ENCOUNTER_KINDS = ("visit", "admission", "laboratory", "billing", "no-show", "cancelled")
CONTACT_KINDS = ("visit", "admission", "laboratory")  # the others are no contact: nobody saw the patient
SOURCES = ("chart", "physician", "patient letter", "contact letter", "phone")


def death_file(seed: int, course: Course, people: pd.DataFrame, as_of: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives the state's deaths of the last three years and their truth (certificate, person or blank, news).

    `news` is 1 where the registry still counts the person as alive. Two in five certificates are of strangers, some of
    them with the name of a patient.
    """
    random = stream(seed, "death file")
    persons = course.persons
    death = persons.death.to_numpy()
    inside = np.flatnonzero((death <= as_of) & (death > as_of - 365 * DEATH_FILE_YEARS))
    killer = persons.killer.to_numpy()[inside]
    cause = np.where(
        killer >= 0,
        course.tumors.cause.to_numpy()[np.maximum(killer, 0)],
        code_from(random, OTHER_CAUSES, OTHER_WEIGHTS, len(inside)),
    )
    known = pd.DataFrame(
        {
            "person": inside,
            **{c: people[c].to_numpy()[inside] for c in ("first", "middle", "last", "suffix", "birth_surname", "ssn")},
            "sex": np.where(persons.sex.to_numpy()[inside] == 0, "1", "2"),
            "birth": people.birth.to_numpy()[inside],
            "death": death[inside],
            "county": people.now_county.to_numpy()[inside],
            "city": people.now_city.to_numpy()[inside],
            "zip": people.now_zip.to_numpy()[inside],
            "cause": cause,
        }
    )
    strangers = _strangers(random, people, round(len(known) * 0.67), as_of)
    rows = pd.concat([known, strangers], ignore_index=True)
    rows = rows.iloc[random.permutation(len(rows))].reset_index(drop=True)
    u, v = random.random(len(rows)), random.random(len(rows))
    kind = random.random(len(rows))
    rows["first"] = [
        mistype(f, a, b) if k < 0.015 else names.nickname(f) if k < 0.03 else f
        for f, a, b, k in zip(rows["first"], u, v, kind)
    ]
    rows["last"] = [mistype(x, b, a) if 0.03 <= k < 0.045 else x for x, a, b, k in zip(rows["last"], u, v, kind)]
    rows.loc[random.random(len(rows)) < 0.04, "ssn"] = ""
    out = pd.DataFrame(
        {
            "certificate": [f"S{i + 1:011d}" for i in range(len(rows))],
            "last": rows["last"],
            "first": rows["first"],
            "middle": rows.middle,
            "suffix": rows.suffix,
            "maiden": rows.birth_surname,
            "sex": rows.sex,
            "dob": coded(rows.birth.to_numpy()),
            "ssn": rows.ssn,
            "dod": coded(rows.death.to_numpy()),
            "city": rows.city,
            "zip": rows.zip,
            "county": counties().county.to_numpy()[rows.county.to_numpy().astype(int)],
            "cause_of_death": rows.cause,
            "icd_revision": "1",
        }
    )
    person = rows.person.to_numpy()
    news = (person >= 0) & ~persons.dead.to_numpy()[np.maximum(person, 0)]
    truth = pd.DataFrame({"certificate": out.certificate, "person": person, "news": news.astype(int)})
    return out, truth


def _strangers(random: np.random.Generator, people: pd.DataFrame, size: int, as_of: int) -> pd.DataFrame:
    sex = random.integers(0, 2, size)
    birth = as_of - (365.25 * (45 + 50 * random.beta(4, 2, size))).astype(np.int64)
    county = people.county.to_numpy()[random.integers(0, len(people), size)]
    home = draw_homes(random, county)
    out = pd.DataFrame(
        {
            "person": np.full(size, -1),
            "first": names.draw_given(random, sex, year_of(birth)),
            "middle": names.draw_given(random, sex, year_of(birth) - 15),
            "last": names.draw_surnames(random, size),
            "suffix": "",
            "birth_surname": "",
            "ssn": [f"999{1 + i // 9999 % 49:02d}{i % 9999 + 1:04d}" for i in range(size)],
            "sex": np.where(sex == 0, "1", "2"),
            "birth": birth,
            "death": as_of - random.integers(0, 365 * DEATH_FILE_YEARS, size),
            "county": county,
            "city": home.city,
            "zip": home.zip,
            "cause": code_from(random, OTHER_CAUSES, OTHER_WEIGHTS, size),
        }
    )
    # one in fifty has the whole name of a patient of the same sex
    twin = random.integers(0, len(people), size)
    named = (random.random(size) < 0.02) & (people.sex.to_numpy()[twin] == sex)
    for column in ("first", "last"):
        out.loc[named, column] = people[column].to_numpy()[twin[named]]
    return out


def encounters(
    seed: int, course: Course, records: pd.DataFrame, reporting: Reporting, facilities: pd.DataFrame, as_of: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives the facilities' encounter lists after the last contact and their truth (encounter, person, contact 0 or 1)."""
    random = stream(seed, "encounters")
    persons, person = course.persons, reporting.records.person.to_numpy()
    contact, end = persons.contact.to_numpy()[person], np.minimum(persons.death.to_numpy()[person], as_of)
    alive = ~persons.dead.to_numpy()[person] & (end > contact + 1)
    kind = choose(random, np.array([0.3, 0.08, 0.2, 0.2, 0.12, 0.1]), len(person))
    met = alive & (random.random(len(person)) < 0.45)
    rows = np.flatnonzero(met)
    rows = rows[random.permutation(len(rows))]
    day = contact + 1 + (random.random(len(person)) * np.maximum(end - contact - 1, 0)).astype(np.int64)
    # a bill can be written after a death; a visit cannot
    late = (kind == 3) & (random.random(len(person)) < 0.2)
    day = np.where(late, np.minimum(day + 60, as_of), day)
    mine = records.iloc[rows]
    facility = reporting.records.facility.to_numpy()[rows]
    out = pd.DataFrame(
        {
            "encounter": [f"E{i + 1:08d}" for i in range(len(rows))],
            "facility": facilities.facility.to_numpy()[facility],
            "mrn": mine.mrn.to_numpy(),
            **{c: mine[c].to_numpy() for c in ("last", "first", "middle", "sex", "dob")},
            "date": coded(day[rows]),
            "kind": np.array(ENCOUNTER_KINDS, dtype=object)[kind[rows]],
        }
    )
    truth = pd.DataFrame(
        {"encounter": out.encounter, "person": person[rows], "contact": np.isin(out.kind, CONTACT_KINDS).astype(int)}
    )
    return out, truth


def contacts(seed: int, course: Course, people: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """Gives, for every person not known to be dead and each source, the true chance of an answer and the drawn one.

    Columns person, source, chance, answers (0 or 1), days (to the answer), found_dead (1 where the answer is a death).
    The chance depends on what a registry can see (age, years since diagnosis, county, moves), so a model can learn it.
    """
    random = stream(seed, "contacts")
    persons, tumors = course.persons, course.tumors
    living = np.flatnonzero(~persons.dead.to_numpy())
    last = tumors.groupby("person").diagnosis.max().to_numpy()[living]
    years = (as_of - last) / 365.25
    age = (as_of - people.birth.to_numpy()[living]) / 365.25
    gone = persons.death.to_numpy()[living] <= as_of
    moved = (people.now_street != people.street).to_numpy()[living]
    phone = (people.phone != "").to_numpy()[living]
    lost = persons.lost.to_numpy()[living]
    logit = {
        "chart": 1.6 - 0.16 * years - 0.4 * moved,
        "physician": 1.0 - 0.08 * years + 0.015 * (age - 65),
        "patient letter": 0.3 + 0.025 * (age - 65) - 1.4 * moved - 0.03 * years,
        "contact letter": -0.2 + 0.02 * (age - 65) - 0.3 * moved,
        "phone": np.where(phone, 0.5 + 0.01 * (age - 65) - 0.3 * moved, -20.0),
    }
    parts = []
    for source in SOURCES:
        # whoever was lost once is hard to find by any way
        chance = 1 / (1 + np.exp(-(logit[source] - 1.5 * lost)))
        answers = random.random(len(living)) < chance
        parts.append(
            pd.DataFrame(
                {
                    "person": living,
                    "source": source,
                    "chance": chance.round(4),
                    "answers": answers.astype(int),
                    "days": np.where(answers, 1 + random.gamma(2, 9, len(living)).astype(np.int64), 0),
                    "found_dead": (answers & gone).astype(int),
                }
            )
        )
    return pd.concat(parts, ignore_index=True).sort_values(["person", "source"], kind="stable").reset_index(drop=True)
