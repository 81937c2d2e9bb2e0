"""Puts everything together as frames keyed by item number: patients, tumors and every facility's abstracts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry.synthetic.calendar import UNKNOWN_DAY, coded, year_of
from registry.synthetic.coding import code_from
from registry.synthetic.course import Course
from registry.synthetic.facilities import SPECIALTIES
from registry.synthetic.marks import WATERMARK_ITEM, WATERMARK_VALUE
from registry.synthetic.people import birth_precision
from registry.synthetic.reporting import Reporting, completion
from registry.synthetic.streams import stream
from registry.synthetic.tables import counties, site_groups
from registry.synthetic.treatment import Treatment

OTHER_CAUSES = (
    "I251", "I214", "I509", "J449", "J189", "I639", "E119", "G309", "G20", "A419", "F03", "I119", "J841"
)  # fmt: skip
OTHER_WEIGHTS = (0.2, 0.13, 0.08, 0.1, 0.06, 0.08, 0.06, 0.08, 0.05, 0.04, 0.06, 0.04, 0.02)
OCCUPATIONS = (
    "teacher",
    "farm worker",
    "carpenter",
    "nurse",
    "clerk",
    "truck driver",
    "cook",
    "homemaker",
    "engineer",
    "cashier",
    "welder",
    "unknown",
)
INDUSTRIES = (
    "school",
    "agriculture",
    "construction",
    "hospital",
    "insurance",
    "transport",
    "restaurant",
    "own home",
    "aerospace",
    "retail",
    "shipyard",
    "unknown",
)
INITIALS = "ABCDEFGHJKLMNPRSTVWZ"


def _at(values: pd.Series | np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=object)[where]


def person_items(seed: int, course: Course, people: pd.DataFrame) -> pd.DataFrame:
    """Gives the items of a person that no facility writes differently: sex, race, origin, vital status, cause of death."""
    random = stream(seed, "person items")
    persons, tumors = course.persons, course.tumors
    size = len(persons)
    groups = site_groups().group.to_numpy()[tumors.group.to_numpy()]
    one_sex = np.zeros(size, dtype=bool)
    sexed = (
        "prostate",
        "testis",
        "male_genital",
        "breast",
        "cervix",
        "corpus",
        "ovary",
        "female_genital",
        "peritoneum",
    )
    one_sex[tumors.person.to_numpy()[np.isin(groups, sexed)]] = True
    unknown = ~one_sex & (random.random(size) < 0.0008)
    dead = persons.dead.to_numpy()
    killer = persons.killer.to_numpy()
    by_cancer = dead & (killer >= 0)
    cancer = _at(tumors.cause, np.maximum(killer, 0))
    other = code_from(random, OTHER_CAUSES, OTHER_WEIGHTS, size)
    wrong = random.random(size) < 0.03  # a death from the tumour coded as something else
    cause = np.where(by_cancer & ~wrong, cancer, np.where(random.random(size) < 0.02, "7797", other))
    only_certificate = np.zeros(size, dtype=bool)
    only_certificate[tumors.person.to_numpy()[(tumors.source == 7).to_numpy()]] = True
    cause = np.where(only_certificate, cancer, cause)
    autopsied = np.zeros(size, dtype=bool)
    autopsied[tumors.person.to_numpy()[(tumors.source == 6).to_numpy()]] = True
    race = people.race.to_numpy()
    none = np.where(race == "99", "99", "88").astype(object)
    out = {
        "220": np.where(unknown, "9", np.where(persons.sex == 0, "1", "2")).astype(object),
        "160": race,
        **dict.fromkeys(("161", "162", "163", "164"), none),
        "190": people.hispanic.to_numpy(),
        "252": people.birth_state.to_numpy(),
        "254": people.birth_country.to_numpy(),
        "1750": coded(persons.contact.to_numpy()),
        "1760": np.where(dead, "0", "1").astype(object),
        "1791": np.where(dead, "05", code_from(random, ("30", "40", "50", "01"), (0.5, 0.25, 0.15, 0.1), size)),
        "1854": np.where(random.random(size) < 0.012, "1", "0").astype(object),
        "1910": np.where(dead, cause, "0000"),
        "1920": np.where(dead, "1", "0").astype(object),
        "1930": np.where(dead, np.where(autopsied, "1", "2"), "0").astype(object),
        "1942": np.where(dead, "FL", "").astype(object),
        "1944": np.where(dead, "USA", "").astype(object),
    }
    return pd.DataFrame(out)


def record_items(records: pd.DataFrame) -> pd.DataFrame:
    """Gives the identifying items of each facility's record of a person, as written there."""
    place = counties().county.to_numpy()
    present = (records.address != "").to_numpy()
    return pd.DataFrame(
        {
            "2230": records["last"],
            "2232": records.maiden,
            "2240": records["first"],
            "2250": records.middle,
            "2270": records.suffix,
            "2320": records.ssn,
            "2350": records.address,
            "1810": records.city,
            "1820": np.where(present, "FL", "").astype(object),
            "1830": records.zip,
            "1832": np.where(present, "USA", "").astype(object),
            "1840": np.array([c[2:] for c in place], dtype=object)[records.county.to_numpy()],
            "2360": records.phone,
        }
    )


def tumor_items(seed: int, course: Course, people: pd.DataFrame) -> pd.DataFrame:
    """Gives the items of a tumour that all its reports share beside coding and treatment: home, payer, course of disease."""
    random = stream(seed, "tumor items")
    persons, tumors = course.persons, course.tumors
    size, person = len(tumors), tumors.person.to_numpy()
    year, age = year_of(tumors.diagnosis.to_numpy()), tumors.age.to_numpy()
    code = np.array([c[2:] for c in counties().county], dtype=object)[tumors.county.to_numpy()]
    code = np.where(random.random(size) < 0.003, "999", code)
    older = code_from(random, ("60", "61", "62", "63", "64"), (0.2, 0.15, 0.35, 0.22, 0.08), size)
    younger = code_from(
        random, ("20", "10", "21", "31", "35", "01", "65"), (0.55, 0.05, 0.12, 0.1, 0.06, 0.09, 0.03), size
    )
    at_death = (tumors.source != 1).to_numpy()
    home = {"2330": "street", "70": "city", "100": "zip"}
    out = {item: _at(people[column], person) for item, column in home.items()}
    occupation = random.integers(0, len(OCCUPATIONS), size)
    out |= {
        "80": np.full(size, "FL", dtype=object),
        "102": np.full(size, "USA", dtype=object),
        "90": code,
        "89": code,
        "150": _at(people.marital, person),
        "630": np.where(at_death, "99", np.where(age >= 65, older, younger)),
        "344": np.where(year >= 2022, code_from(random, ("0", "1", "2", "9"), (0.5, 0.15, 0.28, 0.07), size), ""),
        "310": np.array(OCCUPATIONS, dtype=object)[occupation],
        "320": np.array(INDUSTRIES, dtype=object)[occupation],
        WATERMARK_ITEM: np.full(size, WATERMARK_VALUE, dtype=object),
    }
    dead, killer = persons.dead.to_numpy()[person], persons.killer.to_numpy()[person]
    contact = persons.contact.to_numpy()[person]
    died_of_it = dead & (killer == np.arange(size))
    stage = tumors.stage.to_numpy()
    free = ~died_of_it & (stage != 7) & (random.random(size) < np.where(stage == 9, 0.5, 0.88))
    status = np.where(died_of_it, "2", np.where(free, "1", np.where(random.random(size) < 0.6, "2", "9")))
    out["1770"] = np.where(at_death, "9", status).astype(object)
    out["1772"] = coded(contact)
    back = tumors.diagnosis.to_numpy() + (0.6 * (contact - tumors.diagnosis.to_numpy())).astype(np.int64)
    recurred = died_of_it & np.isin(stage, (1, 2, 3, 4)) & (back > tumors.diagnosis.to_numpy() + 200)
    kind = code_from(random, ("10", "22", "40", "51", "54", "56"), (0.25, 0.15, 0.2, 0.15, 0.1, 0.15), size)
    never = (stage == 7) | (died_of_it & ~recurred)
    out["1880"] = np.select([at_death, recurred, never, free], ["99", kind, "70", "00"], "99").astype(object)
    out["1860"] = coded(back, np.full(size, UNKNOWN_DAY), present=recurred & ~at_death)
    return pd.DataFrame(out)


def report_items(
    seed: int,
    course: Course,
    treatment: Treatment,
    sequence: np.ndarray,
    reporting: Reporting,
    facilities: pd.DataFrame,
    physicians: pd.DataFrame,
    as_of: int,
) -> pd.DataFrame:
    """Gives the items of each report that belong to its facility: accession, class of case, own treatment, physicians."""
    random = stream(seed, "report items")
    reports, records = reporting.reports, reporting.records
    tumors = course.tumors
    tumor, facility, record = (reports[c].to_numpy() for c in ("tumor", "facility", "record"))
    size, class_ = len(reports), reports.class_of_case.to_numpy()
    kind = reports.kind.to_numpy()
    source = tumors.source.to_numpy()[tumor]
    dead = course.persons.dead.to_numpy()[tumors.person.to_numpy()[tumor]]
    out: dict[str, np.ndarray] = {
        "540": _at(facilities.facility, facility),
        "545": _at(facilities.npi, facility),
        "550": _at(records.accession, record),
        "560": _at(sequence, tumor),
        "610": class_,
        "2300": _at(records.mrn, record),
        "21": _at(records.local_id, record),
        "580": coded(reports.first_contact.to_numpy()),
    }
    outpatient = np.where(random.random(size) < 0.12, "8", "1")
    out["500"] = np.select(
        [source == 7, source == 6, kind == "radiation center", kind == "laboratory", kind == "office"],
        ["7", "6", "2", "3", "4"],
        outpatient,
    ).astype(object)
    found = code_from(random, ("20", "22", "21", "25", "26", "10"), (0.6, 0.15, 0.08, 0.06, 0.06, 0.05), size)
    out["501"] = np.select(
        [source == 7, source == 6, kind == "radiation center", kind == "laboratory", kind == "office"],
        ["80", "70", "23", "50", "30"],
        found,
    ).astype(object)
    staff = np.array([a + b + c for a in INITIALS for b in INITIALS[::3] for c in INITIALS[::5]], dtype=object)
    out["570"] = staff[(facility * 7 + random.integers(0, 6, size)) % len(staff)]
    out["2152"] = np.select(
        [class_ == "49", np.isin(class_, ("10", "11", "12", "13", "14", "20", "21", "22"))], ["", "1"], "2"
    ).astype(object)
    days = completion(seed, reports, as_of)
    for item, name in (
        ("2085", "initiated"),
        ("2090", "completed"),
        ("2110", "exported"),
        ("2111", "received"),
        ("2112", "loaded"),
    ):
        out[item] = coded(days[name])
    out["2092"] = np.where(out["2152"] == "1", out["2090"], "")
    follows = ~dead & np.isin(class_, ("10", "11", "12", "13", "14", "20", "21", "22"))
    out["1790"] = np.where(dead, "7", code_from(random, ("1", "2", "0", "3"), (0.45, 0.3, 0.15, 0.1), size))
    out["1800"] = np.where(follows, code_from(random, ("0", "1", "2", "3"), (0.4, 0.35, 0.15, 0.1), size), "9")
    out |= _own_treatment(treatment, reports, tumor, source)
    out |= _physicians(random, reports, physicians, len(facilities))
    out |= _referrals(reports, facilities)
    return pd.DataFrame(out)


def _own_treatment(
    treatment: Treatment, reports: pd.DataFrame, tumor: np.ndarray, source: np.ndarray
) -> dict[str, np.ndarray]:
    """Gives treatment at this facility (670 to 730): the summary's code where it was given here, else none."""
    items = treatment.items
    here = {k: reports[f"here_{k}"].to_numpy() for k in ("surgery", "radiation", "chemo", "hormone", "immune")}
    old, new = _at(items["1290"], tumor), _at(items["1291"], tumor)
    known = source != 7
    out = {
        "670": np.where(here["surgery"] | (old == "98") | (old == ""), old, "00"),
        "671": np.array(
            [n if h or n in ("", "A980", "B980") else n[0] + "000" for n, h in zip(new, here["surgery"])], dtype=object
        ),
    }
    for item, summary, kind, none in (
        ("672", "1292", "surgery", "0"),
        ("674", "1294", "surgery", "0"),
        ("690", "1360", "radiation", "0"),
        ("700", "1390", "chemo", "00"),
        ("710", "1400", "hormone", "00"),
        ("720", "1410", "immune", "00"),
        ("730", "1420", "immune", "0"),
    ):
        out[item] = np.where(here[kind], _at(items[summary], tumor), none)
    out["672"] = np.where(_at(items["1292"], tumor) == "9", "9", out["672"])
    return {item: np.where(known, value, "").astype(object) for item, value in out.items()}


def _physicians(
    random: np.random.Generator, reports: pd.DataFrame, physicians: pd.DataFrame, facilities: int
) -> dict[str, np.ndarray]:
    """Gives managing (2460), following (2470), surgeon (2480) and radiation (2490) physicians with their NPIs."""
    facility = reports.facility.to_numpy()
    name, npi = (np.append(physicians[c].to_numpy(dtype=object), "") for c in ("physician", "npi"))
    roles = {
        "2460": ("medical oncology", np.ones(len(reports), dtype=bool)),
        "2470": ("primary care", np.ones(len(reports), dtype=bool)),
        "2480": ("surgery", reports.here_surgery.to_numpy()),
        "2490": ("radiation oncology", reports.here_radiation.to_numpy()),
    }
    out = {}
    for item, (specialty, where) in roles.items():
        pick = random.random(len(reports))
        mine = physicians[physicians.specialty == specialty]
        count = np.bincount(mine.facility, minlength=facilities)
        start = np.concatenate([[0], np.cumsum(count)[:-1]])
        rows = np.append(mine.index.to_numpy(), 0)
        at = rows[np.minimum(start[facility] + (pick * count[facility]).astype(int), len(rows) - 1)]
        at = np.where(where & (count[facility] > 0) & (reports.class_of_case != "49").to_numpy(), at, len(physicians))
        out[item], out[str(int(item) + 5)] = name[at], npi[at]
    assert specialty in SPECIALTIES
    return out


def _referrals(reports: pd.DataFrame, facilities: pd.DataFrame) -> dict[str, np.ndarray]:
    """Gives where a patient came from (2410, 2415: classes 20 to 22) and went to (2420, 2425: 00 and 13)."""
    main = reports[reports.main].set_index("tumor").facility
    other = reports[~reports.main].drop_duplicates("tumor").set_index("tumor").facility
    partner = np.where(reports.main, reports.tumor.map(other), reports.tumor.map(main))
    partner = np.where(pd.isna(partner), len(facilities), partner).astype(int)
    number, npi = (np.append(facilities[c].to_numpy(dtype=object), "") for c in ("facility", "npi"))
    class_ = reports.class_of_case.to_numpy()
    came = np.where(np.isin(class_, ("20", "21", "22")), partner, len(facilities))
    went = np.where(np.isin(class_, ("00", "13")), partner, len(facilities))
    return {"2410": number[came], "2415": npi[came], "2420": number[went], "2425": npi[went]}


def birth_items(
    seed: int, records: pd.DataFrame, person: np.ndarray, home: np.ndarray, birth: np.ndarray
) -> np.ndarray:
    """Gives the birth date (240) of each record: with the person's own unknown parts at home, as written elsewhere."""
    precision = birth_precision(seed, int(person.max()) + 1)[person]
    own = coded(birth[person], precision)
    return np.where(home, own, records.dob.to_numpy())
