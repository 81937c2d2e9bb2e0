"""Makes a whole synthetic registry: one call, one seed, everything with its truth."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.synthetic import assemble, coding, followup
from registry.synthetic.calendar import day_of, year_of
from registry.synthetic.course import MULTIPLE_SHARE, Course, draw_course
from registry.synthetic.facilities import county_code, make_facilities, make_physicians
from registry.synthetic.incidence import Model, build_model
from registry.synthetic.marks import REGISTRY_ID
from registry.synthetic.people import draw_people
from registry.synthetic.population import florida_population
from registry.synthetic.records import truth_pairs, write_records
from registry.synthetic.reporting import Reporting, draw_reports
from registry.synthetic.tables import counties, site_groups
from registry.synthetic.text import write_texts
from registry.synthetic.treatment import Treatment, draw_treatment
from registry.synthetic.truth import build_truth

YEARS = range(2000, 2025)
AS_OF = dt.date(2025, 12, 31)
EARLIEST_YEAR = 2000
MAX_PATIENTS = 1_000_000


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
    - `version`: the dictionary of the item numbers (250: sex is 220; writing v26 makes it 225).
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
    draws = _draw(patients, seed, years, as_of, clusters, county_effects, multiple_primaries)
    course, people, reporting = draws.course, draws.people, draws.reporting
    persons, end = course.persons, draws.end
    physicians = make_physicians(seed, draws.facilities)
    home = reporting.records.home.to_numpy()
    patients_frame = draws.record_items[home].reset_index(drop=True)
    patients_frame["20"] = [f"{n + 1:08d}" for n in reporting.records.person[home]]
    patients_frame.insert(0, "person", reporting.records.person[home].to_numpy())
    assert (patients_frame.person.to_numpy() == np.arange(len(patients_frame))).all()
    abstracts, tumors_frame = _abstracts(seed, draws, physicians, text)
    deaths, deaths_truth = followup.death_file(seed, course, people, end)
    seen, seen_truth = followup.encounters(seed, course, draws.records, reporting, draws.facilities, end)
    truth = build_truth(draws.model, course, seed, as_of.isoformat(), county_effects)
    population = florida_population(years)
    population["sampled"] = (population.population * truth["sampling_fraction"]).round(6)
    facility = draws.facilities.facility.to_numpy()
    return SyntheticRegistry(
        seed=seed,
        version="250",
        truth=truth,
        patients=patients_frame,
        tumors=tumors_frame,
        abstracts=abstracts,
        records=draws.records,
        pairs=draws.pairs,
        facilities=draws.facilities.assign(county=county_code(draws.facilities)),
        physicians=physicians.assign(facility=facility[physicians.facility.to_numpy()]),
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
        true_tumors=course.tumors.assign(group=site_groups().group.to_numpy()[course.tumors.group.to_numpy()]),
    )


def make_records(
    *, patients: int, seed: int = 1, years: range = YEARS, as_of: dt.date = AS_OF
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives only `records` and `pairs` of `make` for the same arguments: linkage truth at a size whose files nobody needs.

    A person has 1.3 records on average; a million records need about 4 GB of memory.
    """
    draws = _draw(patients, seed, years, as_of, True, True, True)
    return draws.records, draws.pairs


@dataclass(frozen=True, slots=True)
class _Draws:
    """Everything drawn for one registry before it is laid out in items."""

    end: int
    model: Model
    course: Course
    confirmation: np.ndarray
    treatment: Treatment
    people: pd.DataFrame
    facilities: pd.DataFrame
    reporting: Reporting
    records: pd.DataFrame
    record_items: pd.DataFrame
    pairs: pd.DataFrame


def _draw(
    patients: int, seed: int, years: range, as_of: dt.date, clusters: bool, effects: bool, several: bool
) -> _Draws:
    check_request(patients, years, as_of)
    end = int(day_of(as_of.year, as_of.month, as_of.day))
    model = build_model(seed, years, clusters=clusters, county_effects=effects)
    course = draw_course(seed, model, patients, extra_tumors(patients) if several else 0, end)
    tumors = course.tumors
    confirmation = coding.code_confirmation(seed, tumors, year_of(tumors.diagnosis.to_numpy()))
    contact = course.persons.contact.to_numpy()[tumors.person.to_numpy()]
    treatment = draw_treatment(seed, tumors, confirmation, contact)
    people, families = draw_people(seed, course)
    facilities = make_facilities(seed, patients)
    reporting = draw_reports(seed, course, treatment, facilities, end)
    records, changes = write_records(seed, course, people, reporting)
    person = reporting.records.person.to_numpy()
    shared = assemble.person_items(seed, course, people).iloc[person].reset_index(drop=True)
    items = pd.concat([shared, assemble.record_items(records)], axis=1)
    home = reporting.records.home.to_numpy()
    items.insert(0, "20", reporting.records.local_id.to_numpy())
    items.insert(1, "240", assemble.birth_items(seed, records, person, home, people.birth.to_numpy()))
    records = records.assign(
        sex=items["220"], dob=items["240"], county=counties().county.to_numpy()[records.county.to_numpy()],
        person=person, changes=changes,
    )  # fmt: skip
    records.insert(1, "facility", facilities.facility.to_numpy()[reporting.records.facility.to_numpy()])
    pairs = truth_pairs(records, person, families)
    return _Draws(
        end, model, course, confirmation, treatment, people, facilities, reporting, records, items, pairs
    )  # fmt: skip


def _abstracts(seed: int, draws: _Draws, physicians: pd.DataFrame, text: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives every facility's abstracts, sorted by facility and record, and of them the consolidated tumours."""
    course, reporting = draws.course, draws.reporting
    reports, tumors = reporting.reports, course.tumors
    where, number, main = (reports[c].to_numpy() for c in ("tumor", "record", "main"))
    coded = pd.concat([coding.code_tumors(seed, tumors, draws.confirmation), draws.treatment.items], axis=1)
    shared = pd.concat([coded, assemble.tumor_items(seed, course, draws.people)], axis=1)
    own = assemble.report_items(
        seed, course, draws.treatment, coded["380"].to_numpy(), reporting, draws.facilities, physicians, draws.end
    )
    words = write_texts(seed, tumors, coded, draws.treatment.start, reports, draws.facilities)
    if not text:
        words = {"2680": words["2680"]}
    items = pd.concat([shared.iloc[where].reset_index(drop=True), own, pd.DataFrame(words)], axis=1)
    items.insert(0, "60", _tumor_numbers(reports))
    consolidated = items[main].reset_index(drop=True)
    consolidated["60"] = [f"{n:02d}" for n in tumors.tumor_number]
    consolidated.insert(0, "person", tumors.person.to_numpy())
    consolidated.insert(1, "tumor", np.arange(len(tumors)))
    abstracts = pd.concat([draws.record_items.iloc[number].reset_index(drop=True), items], axis=1)
    meta = {"record": draws.records.record.to_numpy()[number], "person": reports.person.to_numpy(), "tumor": where}
    for position, (name, values) in enumerate((meta | {"main": main}).items()):
        abstracts.insert(position, name, values)
    order = np.lexsort((where, number, reports.facility.to_numpy()))
    return abstracts.iloc[order].reset_index(drop=True), consolidated


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


def _tumor_numbers(reports: pd.DataFrame) -> np.ndarray:
    """Gives the tumour record number (60) of each report within its facility's record of the person."""
    rank = reports.sort_values(["record", "tumor"], kind="stable").groupby("record").cumcount().sort_index()
    return np.array([f"{n + 1:02d}" for n in rank], dtype=object)
