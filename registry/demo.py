"""The demo: a synthetic registry carried the whole way, from a NAACCR file through the importer to pages with three logins.

Everything a person would do is done through the same services: the file is written, validated, imported, indexed for
analysis. The folder is kept, so that a second start only serves; one that was not finished is built again. Its passwords
are printed and known to everybody, which is why they exist in a demo alone.
"""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from registry import config, schema
from registry.db import Store
from registry.demo_cases import open_cases
from registry.models import Abstract, Facility, Physician, PopulationArea, now
from registry.models.tumors import COMPLETE

FINISHED = "demo.json"
WHO = "demo"
COMPLETENESS = 0.97
EXPECTED_MONTHS = 12
FIRST_YEAR = 2000
YEARS_TO_COMPLETE = 2
"""Years after which a year of diagnosis counts as completely reported: the later ones are cases, not yet rates."""
KNOWN_DAYS_AGO = 150


@dataclass(frozen=True)
class Login:
    """One person of the demo and the day their tour shows."""

    username: str
    password: str
    full_name: str
    role: str
    at_facility: bool
    sees: str


LOGINS = (
    Login(
        "registrar",
        "demo: open the chart",
        "Rae Registrar",
        "registrar",
        True,
        "abstracts and follows the cases of one hospital",
    ),
    Login(
        "epidemiologist",
        "demo: count the years",
        "Eli Epidemiologist",
        "epidemiologist",
        False,
        "reads survival, rates and maps",
    ),
    Login(
        "state", "demo: close the year", "Sam State", "state", False, "reads rates of the whole state and what arrives"
    ),
    Login(
        "administrator", "demo: keep the keys", "Ada Administrator", "administrator", False, "accounts, imports, audit"
    ),
)


def prepare(folder: Path, *, size: int, seed: int, port: int, say: Callable[[str], Any]) -> config.Settings:
    """Builds the demo registry in a folder, or finds it finished there, and gives its settings."""
    marker = folder / FINISHED
    wanted = f'{{"size": {size}, "seed": {seed}, "schema": "{schema.head()}"}}'
    if marker.exists() and marker.read_text() == wanted:
        say(f"the demo registry is there already: {folder}")
        return config.load(folder, port=port)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / config.FILE).write_text(
        "# settings of the demo: its passwords are public, so a second factor would only stand in the way\n"
        'registry_name = "OncoRegistry demo"\nrequire_totp = false\ndemo = true\n'
        'central = true\nregistry_state = "FL"\n'
    )
    settings = config.load(folder, port=port)
    store = Store(settings)
    schema.upgrade(store.engine)
    _build(store, size=size, seed=seed, say=say)
    store.close()
    marker.write_text(wanted)
    return settings


@contextmanager
def _stage(say: Callable[[str], Any], text: str) -> Iterator[list[str]]:
    """Times one stage and says what came of it."""
    started, result = time.monotonic(), []
    yield result
    say(f"  {text:<34} {''.join(result):<52} {time.monotonic() - started:6.1f} s")


def _build(store: Store, *, size: int, seed: int, say: Callable[[str], Any]) -> None:
    from registry.analysis import populations, snapshot
    from registry.demo_submissions import bring_in, compile_ahead
    from registry.edits import run_batch
    from registry.exchange.documents import keep
    from registry.exchange.formats import open_reader
    from registry.exchange.importer import run_import
    from registry.synthetic import make
    from registry.synthetic.writing import write_folder

    files = store.settings.folder("synthetic")
    compiling = compile_ahead()
    with _stage(say, "synthetic persons with known truth") as result:
        # what is known ends some months ago, so that today contacts are due and a target is just out of reach
        known = (now() - timedelta(days=KNOWN_DAYS_AGO)).date().replace(day=1) - timedelta(days=1)
        made = make(patients=size, seed=seed, years=range(FIRST_YEAR, known.year + 1), as_of=known)
        write_folder(made, files, version="250", record_type="A", workers=2)
        result.append(f"{len(made.patients):,} patients, {len(made.tumors):,} tumors, NAACCR v25 XML")
    path = files / "registry.xml.gz"
    with _stage(say, "import, every row reconciled") as result:
        reader = open_reader([path])
        document = keep(store, path, kind=reader.format, who=WHO)
        report = run_import(store, reader, name=path.name, who=WHO, document_id=document, edits=False)
        t = report.tumors
        result.append(f"{t.rows_in:,} rows = {t.created:,} new, {t.updated:,} changed, {t.rejected:,} rejected")
    with _stage(say, "facilities, physicians, population") as result, store.writing() as session:
        result.append(_masters(session, files, known.year - YEARS_TO_COMPLETE))
        _expectations(session)
    with _stage(say, "denominators") as result:
        frame = made.population.assign(population=made.population["sampled"])
        label = f"{made.truth['population']}; scaled by the sampling fraction {made.truth['sampling_fraction']:.5f}"
        populations.save(store, frame[["county", "sex", "age_group", "year", "population"]], label)
        result.append(f"{frame['county'].nunique()} counties, {frame['year'].min()}–{frame['year'].max()}")
    with _stage(say, "worklists and logins") as result, store.writing() as session:
        result.append(_people_and_work(session))
    with _stage(say, "files of three hospitals, linked") as result:
        compiling.wait()
        result.append(bring_in(store, made, files))
    with _stage(say, "edits over every abstract") as result:
        checked = run_batch(store)
        result.append(f"{len(checked.by_edit):,} edits, {checked.records:,} abstracts, {checked.found:,} findings")
    with _stage(say, "analysis snapshot") as result:
        made_ = snapshot.refresh(store)
        result.append(f"{made_.tumors:,} tumors, version {made_.version[:8]}")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _masters(session: Session, files: Path, complete_to: int) -> str:
    facilities = _rows(files / "facilities.csv")
    for row in facilities:
        facility = session.scalars(select(Facility).where(Facility.number == row["facility"])).one_or_none()
        if facility is None:
            facility = Facility(number=row["facility"])
            session.add(facility)
        facility.name, facility.npi, facility.city = row["name"], row["npi"], row["town"]
        facility.state, facility.county, facility.kind = "FL", row["county"], row["kind"][:20]
        facility.reference_date, facility.accredited = "20000101", True
    physicians = _rows(files / "physicians.csv")
    known = {p.npi: p for p in session.scalars(select(Physician)) if p.npi}
    for row in physicians:
        physician = known.get(row["npi"])
        if physician is None:
            physician = Physician(npi=row["npi"])
            session.add(physician)
        physician.name_last, physician.name_first = row["last"], row["first"]
        physician.specialty, physician.phone = row["specialty"], row["phone"]
    counties = sorted({row["county"] for row in _rows(files / "population.csv")})
    years = sorted({int(row["year"]) for row in _rows(files / "population.csv")})
    session.add_all(
        PopulationArea(county=c, year_from=years[0], year_to=complete_to, completeness=COMPLETENESS, declared_by=WHO)
        for c in counties
    )
    return f"{len(facilities)} facilities, {len(physicians)} physicians, {len(counties)} counties declared"


def _expectations(session: Session) -> int:
    """What each facility is expected to send in a month: what it sent in a month of its last full year, rounded up."""
    from registry.models.followup import ExpectedSubmission
    from registry.state.submissions import grid, months_until

    this = f"{now():%Y-%m}"
    wanted = months_until(this, EXPECTED_MONTHS)
    before = grid(session, last=f"{int(this[:4]) - 1}{this[4:]}")
    rows = [
        ExpectedSubmission(facility_id=line.facility_id, month=month, expected=-(-line.received // len(line.cells)))
        for line in before.lines
        if line.received
        for month in wanted
    ]
    session.add_all(rows)
    return len(rows)


def _people_and_work(session: Session) -> str:
    from registry.security import accounts

    largest = session.execute(
        select(Abstract.facility_id, Abstract.id).where(Abstract.facility_id.is_not(None)).order_by(Abstract.id)
    ).all()
    sizes: dict[int, int] = {}
    for facility_id, _ in largest:
        sizes[facility_id] = sizes.get(facility_id, 0) + 1
    home = max(sizes, key=lambda f: (sizes[f], -f))
    opened = open_cases(session, today=now().date(), who=WHO)
    session.execute(
        update(Abstract)
        .where(Abstract.status == COMPLETE, Abstract.first_contact_earliest < "2024-01-01")
        .values(status="submitted")
    )
    for login in LOGINS:
        accounts.create(
            session,
            login.username,
            login.password,
            full_name=login.full_name,
            roles=[login.role],
            facility_id=home if login.at_facility else None,
            who=WHO,
            must_change=False,
        )
    return f"{opened:,} open cases, {len(LOGINS)} accounts"


def logins() -> str:
    """Gives the table of logins as the demo prints it."""
    lines = ["", "Sign in as:"]
    lines += [f"  {one.username:<16} {one.password:<24} {one.sees}" for one in LOGINS]
    return "\n".join([*lines, ""])
