"""Follow-up: contacts needed to reach 90 %, the success model against first in, first out, on synthetic registries with truth.

The model learns from the attempts of other registries (other seeds) that were worked first in, first out; the registries it
is measured on are unseen. Nobody has been heard of for half a year. Both tests of the standard are brought to 90 %: diagnoses
of five years, and all since the reference date. Also: the time of the standing (due list, rates, plans, forecast).

    python benchmarks/bench_followup.py [--patients 3000] [--large 20000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from registry import config, schema
from registry.db import Store
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.followup import simulation
from registry.followup.chances import Attempt, fit
from registry.followup.contact import News, record_news
from registry.followup.rates import PATIENT, Rate, rates
from registry.followup.renewal import renewed
from registry.followup.rules import months_later, rule_set
from registry.followup.standing import Standing, stamp, standing
from registry.followup.status import DELINQUENT, Person, people
from registry.models import PatientRecord

AS_OF = date(2025, 6, 30)
WAYS = {
    "chart": "chart",
    "physician": "physician",
    "patient letter": "patient",
    "contact letter": "contact",
    "phone": "phone",
}
TRAINING, TESTING = (101, 102), (1, 2, 3, 4)
SILENT_MONTHS, TARGET = 6, 0.90


def registry_of(seed: int, patients: int, folder: Path) -> tuple[Store, dict[tuple[int, str], bool]]:
    """A synthetic registry in a store of its own, and the truth of every attempt by patient and way."""
    from registry.synthetic import make
    from registry.synthetic.writing import write_folder

    made = make(patients=patients, seed=seed, as_of=AS_OF)
    home = folder / f"r{seed}"
    home.mkdir(parents=True)
    write_folder(made, home / "files", version="250", record_type="A", workers=1)
    store = Store(config.load(home))
    schema.upgrade(store.engine)
    run_import(store, open_reader([home / "files" / "registry.xml.gz"]), name="synthetic", who="benchmark")
    with store.reading() as session:
        by_person = {
            int(number) - 1: patient
            for number, patient in session.query(PatientRecord.patient_id_number, PatientRecord.patient_id)
        }
    truth = {
        (by_person[row.person], WAYS[row.source]): bool(row.answers)
        for row in made.contacts.itertuples(index=False)
        if row.person in by_person
    }
    return store, truth


def work_after(store: Store, truth: dict[tuple[int, str], bool], test: str) -> tuple[Rate, list[simulation.Work]]:
    """A test after half a year without a contact, to be brought to the target, and the work that it leaves."""
    rules, day = rule_set(), months_later(AS_OF, SILENT_MONTHS) - timedelta(days=1)
    with store.reading() as session:
        found: list[Person] = list(people(session, rules, as_of=day))
    counted = rates(found, rules, as_of=day, reference=date(2000, 1, 1), unit=PATIENT)
    rate = next(r for r in counted if r.test.id == test)
    rate = replace(rate, test=replace(rate.test, target=TARGET))
    seen = {
        (p.patient_id, way): truth[(p.patient_id, way)]
        for p in found
        for way in WAYS.values()
        if (p.patient_id, way) in truth
    }
    for person in found:
        if not person.phone:
            seen.pop((person.patient_id, "phone"), None)
    return rate, simulation.work_of(rate, found, seen, as_of=day)


def contacts_needed(test: str, registries: dict[int, tuple[Store, dict[tuple[int, str], bool]]]) -> None:
    """Prints by test registry the contacts that the target needs and the attempts of both policies."""
    log: list[Attempt] = []
    for seed in TRAINING:
        store, truth = registries[seed]
        rate, work = work_after(store, truth, test)
        log += simulation.first_in_first_out(rate, work, truth).log
    model = fit(log)
    print(f"{rate.test.title}, to {TARGET:.0%}; learned from {len(log):,} attempts of {len(TRAINING)} other registries")
    print(f"{'seed':>6}{'lost':>8}{'needed':>8}{'first in, first out':>22}{'by chance':>12}{'ratio':>8}")
    rows = []
    for seed in TESTING:
        store, truth = registries[seed]
        rate, work = work_after(store, truth, test)
        usual = simulation.first_in_first_out(rate, work, truth)
        ordered = simulation.by_chance(rate, work, truth, model)
        assert usual.reached and ordered.reached, "the target cannot be reached on this registry"
        rows.append((seed, rate.e, rate.needed, usual.attempts, ordered.attempts))
    rows.append(("all", *(sum(row[n] for row in rows) for n in range(1, 5))))
    for name, lost, needed, usual_, ordered_ in rows:
        print(f"{name!s:>6}{lost:>8,}{needed:>8,}{usual_:>22,}{ordered_:>12,}{ordered_ / max(usual_, 1):>8.2f}")


def time_of_standing(patients: int, folder: Path) -> None:
    """CPU seconds of what the pages of a day show: computed from nothing, and renewed after one reply was saved.

    Half a year without a contact makes it hard: every fourth patient is due or lost.
    """
    store, _ = registry_of(7, patients, folder)
    day = months_later(AS_OF, SILENT_MONTHS) - timedelta(days=1)
    with store.reading() as session:
        mark, started = stamp(session), time.process_time()
        old = standing(session, rule_set(), as_of=day)
        first = time.process_time() - started
        lost = next(person.patient_id for person in old.people if person.status == DELINQUENT)
    shown = _shown(old)
    with store.writing() as session:
        told = News(day=f"{day:%Y%m%d}", vital_status="1", source="benchmark", code="2")
        record_news(session, lost, told, who="benchmark", today=day)
    with store.reading() as session:
        started = time.process_time()
        new = renewed(session, old, mark, stamp(session))
        again = time.process_time() - started
    assert new is not None and len(new.people) == len(old.people)
    print(f"standing of {len(old.people):,} patients, CPU seconds: {'read':>10}{'due list':>10}{'cockpit':>10}")
    for name, read, (due, cockpit) in (("from nothing", first, shown), ("after one reply", again, _shown(new))):
        print(f"{name:>47} {read:>10.2f}{read + due:>10.2f}{read + due + cockpit:>10.2f}")
    store.close()


def _shown(found: Standing) -> tuple[float, float]:
    """CPU seconds of the due list with its counts, and of the cockpit's rates, plans and months to come."""
    started = time.process_time()
    assert found.view("open") is not None and found.counts
    due = time.process_time() - started
    assert found.rates and found.plans and found.forecast
    return due, time.process_time() - started - due


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=3000)
    parser.add_argument("--large", type=int, default=20000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="followup-") as name:
        registries = {seed: registry_of(seed, given.patients, Path(name)) for seed in (*TRAINING, *TESTING)}
        for test in ("recent", "long"):
            contacts_needed(test, registries)
        for store, _ in registries.values():
            store.close()
        if given.large:
            time_of_standing(given.large, Path(name) / "large")


if __name__ == "__main__":
    main()
