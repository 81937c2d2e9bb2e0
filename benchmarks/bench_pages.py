"""Pages at 200,000 tumors: 95th percentile of search, patient page, start page and lists, as a browser asks for them.

Run `python benchmarks/bench_pages.py [tumors]`. The store is made of generated rows in a temporary folder; every request
goes through the whole application: session, permission, query, access log and template.
"""

from __future__ import annotations

import random
import re
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from registry import config, schema
from registry.db import Store
from registry.models import Abstract, Facility, Patient, PatientRecord, Source, Tumor
from registry.security import accounts

PASSWORD = "quiet-lantern-42"
CHUNK = 10_000
SYLLABLES = (
    "ba be bo da de do fa fi ga go ka ke la le lo ma mi mo na ne no pa ra re ri ro sa se ta te to va vi za".split()
)
SITES = ("C504", "C509", "C619", "C341", "C349", "C180", "C189", "C209", "C250", "C649", "C679", "C739", "C541", "C439")
STATUSES = ("complete",) * 2 + ("submitted",) * 16 + ("incomplete", "suspense")
FACILITIES = 12
ROUNDS = 40


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 3, 3, 4)))).upper()


def _day(rng: random.Random, first: date, days: int) -> date:
    return first + timedelta(days=rng.randrange(days))


def fill(store: Store, tumors: int, seed: int = 7) -> None:
    """Fills a store with generated persons, one abstract a tumor, nine tumors on eight persons."""
    rng = random.Random(seed)
    schema.upgrade(store.engine)
    with store.writing() as session:
        for number in range(1, FACILITIES + 1):
            session.add(Facility(number=f"{number:010}", name=f"Hospital {number}"))
            session.add(Source(facility_number=f"{number:010}", name="", facility_id=number))
        for role, facility in (("administrator", None), ("registrar", 1)):
            accounts.create(
                session, role, PASSWORD, [role], who="bench", facility_id=facility, must_change=False, full_name=role
            )
    for start in range(1, tumors + 1, CHUNK):
        rows: dict[Any, list[dict[str, Any]]] = {Patient: [], PatientRecord: [], Tumor: [], Abstract: []}
        for number in range(start, min(start + CHUNK, tumors + 1)):
            _add(rng, rows, number)
        with store.writing() as session:
            for model, values in rows.items():
                session.execute(insert(model), values)


def _add(rng: random.Random, rows: dict[Any, list[dict[str, Any]]], number: int) -> None:
    person = number if number % 9 else number - 1
    facility = rng.randrange(FACILITIES) + 1
    diagnosed = _day(rng, date(2000, 1, 1), 365 * 25)
    if person == number:
        last, first = _name(rng), _name(rng)
        contact = _day(rng, diagnosed, 3000)
        items = {"2230": last, "2240": first, "240": "19500101", "225": "1", "1760": "1", "1750": f"{contact:%Y%m%d}"}
        columns = {
            "name_last": last,
            "name_first": first,
            "name_last_key": last,
            "name_first_key": first,
            "date_of_birth": "19500101",
            "sex": "1",
            "vital_status": rng.choice("01"),
            "date_of_last_contact": f"{contact:%Y%m%d}",
            "last_contact_earliest": contact,
            "last_contact_latest": contact,
            "ssn": f"9{number:08}",
        }
        rows[Patient].append({"id": number, "items": items, **columns})
        record = {"id": number, "patient_id": number, "source_id": facility, "patient_id_number": f"{number:08}"}
        rows[PatientRecord].append({**record, "home_patient_id": record["patient_id"], "items": items})
    site = rng.choice(SITES)
    day = f"{diagnosed:%Y%m%d}"
    coded = {"400": site, "522": "8140", "523": "3", "390": day, "580": day, "610": "14", "490": "1", "764": "3"}
    rows[Tumor].append(
        {
            "id": number,
            "patient_id": person,
            "items": coded,
            "primary_site": site,
            "histology": "8140",
            "behavior": "3",
            "date_of_diagnosis": day,
            "diagnosis_earliest": diagnosed,
            "diagnosis_latest": diagnosed,
            "diagnosis_year": diagnosed.year,
        }
    )
    rows[Abstract].append(
        {
            "id": number,
            "record_id": person,
            "tumor_id": number,
            "home_tumor_id": number,
            "facility_id": facility,
            "tumor_record_number": "01" if person == number else "02",
            "items": coded,
            "status": rng.choice(STATUSES),
            "accession_number": f"{diagnosed.year}{number % 100_000:05}",
            "class_of_case": "14",
            "date_of_first_contact": day,
            "first_contact_earliest": diagnosed,
        }
    )


def sign_in(app: Any, name: str) -> tuple[Any, str]:
    """Gives a signed-in client and its CSRF token."""
    client = app.test_client()
    token = _token(client.get("/sign-in").text)
    client.post("/sign-in", data={"csrf_token": token, "username": name, "password": PASSWORD})
    return client, _token(client.get("/account/password").text)


def _token(page: str) -> str:
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)  # type: ignore[union-attr]


def percentile(times: list[float]) -> tuple[float, float]:
    """Gives median and 95th percentile in milliseconds."""
    cuts = statistics.quantiles([1000 * t for t in times], n=20)
    return statistics.median(times) * 1000, cuts[18]


def measure(app: Any, account: str, tumors: int) -> None:
    """Prints one line a page: median and 95th percentile of CPU and of wall time."""
    client, token = sign_in(app, account)
    rng = random.Random(3)

    def search(text: str) -> Any:
        data = {"csrf_token": token, "text": text}
        return client.post("/cases/", data=data, headers={"HX-Request": "true"})

    pages = {
        "search, two letters of a name": lambda: search(_name(rng)[:2]),
        "search, whole name": lambda: search(f"{_name(rng)} {_name(rng)[:2]}"),
        "search, site and year": lambda: search(f"{rng.choice(SITES)[:3]} {rng.randrange(2000, 2025)}"),
        "search, accession": lambda: search(f"{rng.randrange(2000, 2025)}{rng.randrange(100_000):05}"),
        "patient page": lambda: client.get(f"/patients/{rng.randrange(1, tumors)}"),
        "start page": lambda: client.get("/"),
        "list of work": lambda: client.get("/work/overdue"),
        "follow-up list": lambda: client.get("/work/follow-up"),
    }
    for name, ask in pages.items():
        cpu, wall = [], []
        for _ in range(ROUNDS):
            before, started = time.process_time(), time.perf_counter()
            assert ask().status_code in (200, 404)
            cpu.append(time.process_time() - before)
            wall.append(time.perf_counter() - started)
        (c50, c95), (w50, w95) = percentile(cpu), percentile(wall)
        print(f"{account:<14} {name:<32} {c50:8.1f} {c95:8.1f} {w50:8.1f} {w95:8.1f}")


def main() -> None:
    """Builds the store, asks for every page, prints the table."""
    from web import create_app

    tumors = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        settings = config.load(Path(folder), require_totp=False)
        store = Store(settings)
        started = time.perf_counter()
        fill(store, tumors)
        store.close()
        print(f"{tumors:,} tumors in {time.perf_counter() - started:.0f} s; milliseconds")
        print(f"{'account':<14} {'page':<32} {'cpu p50':>8} {'cpu p95':>8} {'p50':>8} {'p95':>8}")
        app = create_app(settings)
        for account in ("administrator", "registrar"):
            measure(app, account, tumors)


if __name__ == "__main__":
    main()
