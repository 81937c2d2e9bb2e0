"""Makes a whole synthetic registry: one call, one seed, everything with its truth."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.synthetic import assemble, coding, followup
from registry.synthetic.calendar import day_of
from registry.synthetic.course import MULTIPLE_SHARE, Course, draw_course
from registry.synthetic.facilities import county_code, make_facilities, make_physicians
from registry.synthetic.incidence import build_model
from registry.synthetic.marks import REGISTRY_ID
from registry.synthetic.people import draw_people
from registry.synthetic.population import florida_population
from registry.synthetic.records import truth_pairs, write_records
from registry.synthetic.reporting import draw_reports
from registry.synthetic.tables import counties, site_groups
from registry.synthetic.text import write_texts
from registry.synthetic.treatment import draw_treatment
from registry.synthetic.truth import build_truth

YEARS = range(2000, 2025)
AS_OF = dt.date(2025, 12, 31)
EARLIEST_YEAR = 2000
MAX_PATIENTS = 5_000_000


@dataclass(frozen=True)
class SyntheticRegistry:
    """A registry with its truth; every frame's item columns are item numbers as text, its values coded text.

    - `patients`: one row per person (consolidated), patient items; `person` is its number.
    - `tumors`: one row per tumour (consolidated: the home facility's account), tumour items, sorted by person and
      tumour; `person`, `tumor`.
    - `abstracts`: one row per facility and tumour, tumour items and, repeated, the patient items as that facility wrote
      them; `record` (the facility's record of the person), `person`, `tumor`, `main`.
    - `records`: one row per facility and person with the fields of the `link` command; `pairs`: truth pairs of records
      (`match` 1 same person, 0 relatives).
    - `facilities`, `physicians`, `population` (with `sampled`: the residents this registry stands for), `counties`.
    - `deaths`, `encounters` and their `…_truth`; `contacts`: who would answer which way of asking.
    - `truth`: the answer key (a dict for JSON); `true_persons`, `true_tumors`: every true value behind the records.
    """

    seed: int
    version: str
    truth: dict
    patients: pd.DataFrame
    tumors: pd.DataFrame
    abstracts: pd.DataFrame
    records: pd.DataFrame
    pairs: pd.DataFrame
    facilities: pd.DataFrame
    physicians: pd.DataFrame
    population: pd.DataFrame
    deaths: pd.DataFrame
    deaths_truth: pd.DataFrame
    encounters: pd.DataFrame
    encounters_truth: pd.DataFrame
    contacts: pd.DataFrame
    counties: pd.DataFrame
    true_persons: pd.DataFrame
    true_tumors: pd.DataFrame
    registry_id: str = REGISTRY_ID
    root: dict[str, str] = field(default_factory=dict)

    def flat(self) -> pd.DataFrame:
        """Gives the consolidated registry with one row per tumour and all its items: patient and tumour items together."""
        patients = self.patients.drop(columns="person")
        rows = patients.iloc[self.tumors.person.to_numpy()].reset_index(drop=True)
        return pd.concat([rows, self.tumors.drop(columns=["person", "tumor"])], axis=1)


def tumors_for(patients: int) -> int:
    """Gives how many tumours a registry of so many patients has."""
    return patients + extra_tumors(patients)


def extra_tumors(patients: int) -> int:
    return round(patients * MULTIPLE_SHARE) if patients >= 20 else 0


def make(
    *,
    patients: int,
    seed: int = 1,
    years: range = YEARS,
    as_of: dt.date = AS_OF,
    clusters: bool = True,
    county_effects: bool = True,
    multiple_primaries: bool = True,
    text: bool = True,
) -> SyntheticRegistry:
    """Gives a registry of exactly so many persons; the same arguments give the same values, whatever the machine.

    `years` are the years of diagnosis (from 2000 on), `as_of` the day on which the registry's knowledge ends. Without
    `clusters` and `county_effects` the case counts of every group are pure chance on equal rates. Without `text` the
    text items are blank but for the watermark. Raises RegistryError `usage`.
    """
    check_request(patients, years, as_of)
    end = int(day_of(as_of.year, as_of.month, as_of.day))
    model = build_model(seed, years, clusters=clusters, county_effects=county_effects)
    course = draw_course(seed, model, patients, extra_tumors(patients) if multiple_primaries else 0, end)
    tumors, persons = course.tumors, course.persons
    contact = persons.contact.to_numpy()[tumors.person.to_numpy()]
    coded_items = coding.code_tumors(seed, tumors)
    treatment = draw_treatment(seed, tumors, coded_items["490"].to_numpy(), contact)
    people, families = draw_people(seed, course)
    facilities, physicians = make_facilities(seed, patients), pd.DataFrame()
    physicians = make_physicians(seed, facilities)
    reporting = draw_reports(seed, course, treatment, facilities, end)
    records, changes = write_records(seed, course, people, reporting)

    shared = pd.concat([coded_items, treatment.items, assemble.tumor_items(seed, course, people, end)], axis=1)
    own = assemble.report_items(seed, course, treatment, coded_items, reporting, facilities, physicians, end)
    where = reporting.reports.tumor.to_numpy()
    parts = [shared.iloc[where].reset_index(drop=True), own]
    words = write_texts(
        seed, tumors, pd.concat([coded_items, treatment.items], axis=1), treatment.start, reporting.reports, facilities
    )
    if not text:
        words = {"2680": words["2680"]}
    abstracts = pd.concat([*parts, pd.DataFrame(words)], axis=1)
    patients_frame, record_frame = _patients(seed, course, people, records, reporting)
    number = reporting.reports.record.to_numpy()
    abstracts.insert(0, "60", _tumor_numbers(reporting.reports))
    main = reporting.reports.main.to_numpy()
    tumors_frame = abstracts[main].reset_index(drop=True)
    tumors_frame["60"] = [f"{n:02d}" for n in tumors.tumor_number]
    tumors_frame.insert(0, "person", tumors.person.to_numpy())
    tumors_frame.insert(1, "tumor", np.arange(len(tumors)))
    abstracts = pd.concat([record_frame.iloc[number].reset_index(drop=True), abstracts], axis=1)
    abstracts.insert(0, "record", records.record.to_numpy()[number])
    abstracts.insert(1, "person", reporting.reports.person.to_numpy())
    abstracts.insert(2, "tumor", where)
    abstracts.insert(3, "main", main)
    order = np.lexsort((where, number, reporting.reports.facility.to_numpy()))
    abstracts = abstracts.iloc[order].reset_index(drop=True)

    records.insert(1, "facility", facilities.facility.to_numpy()[reporting.records.facility.to_numpy()])
    records["sex"] = record_frame["220"].to_numpy()
    records["dob"] = record_frame["240"].to_numpy()
    records["county"] = counties().county.to_numpy()[records.county.to_numpy()]
    pairs = truth_pairs(records, reporting.records.person.to_numpy(), families)
    records["person"] = reporting.records.person.to_numpy()
    records["changes"] = changes
    deaths, deaths_truth = followup.death_file(seed, course, people, end)
    seen, seen_truth = followup.encounters(seed, course, records, reporting, facilities, end)
    truth = build_truth(model, course, seed, as_of.isoformat(), county_effects)
    population = florida_population(years)
    population["sampled"] = (population.population * truth["sampling_fraction"]).round(6)
    facilities = facilities.assign(county=county_code(facilities))
    physicians = physicians.assign(facility=facilities.facility.to_numpy()[physicians.facility.to_numpy()])
    return SyntheticRegistry(
        seed=seed,
        version="260",
        truth=truth,
        patients=patients_frame,
        tumors=tumors_frame,
        abstracts=abstracts,
        records=records,
        pairs=pairs,
        facilities=facilities,
        physicians=physicians,
        population=population,
        deaths=deaths,
        deaths_truth=deaths_truth,
        encounters=seen,
        encounters_truth=seen_truth,
        contacts=followup.contacts(seed, course, people, end),
        counties=counties(),
        true_persons=people.assign(
            death=persons.death, killer=persons.killer, dead=persons.dead, contact=persons.contact, lost=persons.lost
        ),
        true_tumors=tumors.assign(group=site_groups().group.to_numpy()[tumors.group.to_numpy()]),
    )


def check_request(patients: int, years: range, as_of: dt.date) -> None:
    """Raises RegistryError `usage` for a size, years or day that cannot be made."""
    if not 1 <= patients <= MAX_PATIENTS:
        raise RegistryError(
            "usage", f"a registry of {patients} patients cannot be made", hint=f"ask for 1 to {MAX_PATIENTS:,} patients"
        )
    if len(years) == 0 or years.step != 1 or years[0] < EARLIEST_YEAR or years[-1] > as_of.year:
        raise RegistryError(
            "usage",
            f"the years of diagnosis {list(years)[:1]} to {list(years)[-1:]} do not fit",
            hint=f"give consecutive years from {EARLIEST_YEAR} to the year of as_of ({as_of.year})",
        )


def _patients(seed, course: Course, people, records, reporting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives the consolidated patients (from the home records) and the patient items of every record."""
    person = reporting.records.person.to_numpy()
    home = reporting.records.home.to_numpy()
    items = assemble.person_items(seed, course, people)
    frame = pd.concat([items.iloc[person].reset_index(drop=True), assemble.record_items(records)], axis=1)
    birth = assemble.birth_items(seed, records, person, home, people.birth.to_numpy())
    frame.insert(0, "240", birth)
    frame.insert(0, "20", reporting.records.local_id.to_numpy())
    patients = frame[home].reset_index(drop=True).copy()
    patients["20"] = [f"{n + 1:08d}" for n in person[home]]
    patients.insert(0, "person", person[home])
    assert (patients.person.to_numpy() == np.arange(len(patients))).all()
    return patients, frame


def _tumor_numbers(reports: pd.DataFrame) -> np.ndarray:
    """Gives the tumour record number (60) of each report within its facility's record of the person."""
    rank = reports.sort_values(["record", "tumor"], kind="stable").groupby("record").cumcount().sort_index()
    return np.array([f"{n + 1:02d}" for n in rank], dtype=object)
