"""An application on a small hand-made registry, clients of every role, a live server and a browser on it."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from registry import config, records, schema
from registry.db import Store
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.linkage.consolidate import refresh_patient, refresh_tumor
from registry.models import Abstract, Facility, Patient, PatientRecord
from registry.security import accounts

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium")
CHROMIUM_OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

PASSWORD = "quiet-lantern-42"
NAMES = {
    "administrator": "Ada Stone",
    "registrar": "Rosa Lindqvist",
    "follow-up": "Femi Okafor",
    "epidemiologist": "Elena Marsh",
    "state": "Stella Novak",
}
GENERAL, LAKESIDE = "0000010001", "0000010002"


class Rows:
    """A reader over patients given as `(items, tumors)`."""

    format, version, done = "test", "260", 0.0

    def __init__(self, patients: list[tuple[dict[int, str], list[dict[int, str]]]]):
        self.patients = patients

    def __iter__(self) -> Iterator[IncomingPatient]:
        for row, (items, tumors) in enumerate(self.patients, 1):
            yield IncomingPatient(row, items, [IncomingTumor(n, values) for n, values in enumerate(tumors, 1)], "")


def person(number: str, last: str, first: str, born: str, sex: str, **more: str) -> dict[int, str]:
    extra = {int(key[1:]): value for key, value in more.items()}
    return {20: number, 2230: last, 2240: first, 240: born, 225: sex, 160: "01", 190: "0", 80: "FL", 1760: "1"} | extra


def tumor(number: str, site: str, histology: str, diagnosed: str, facility: str, accession: str, **more: str):
    extra = {int(key[1:]): value for key, value in more.items()}
    base = {60: number, 400: site, 522: histology, 523: "3", 390: diagnosed, 580: diagnosed, 540: facility}
    return base | {550: accession, 560: "00", 610: "14", 80: "FL", 90: "086", 490: "1", 500: "1"} | extra


PEOPLE = [
    (
        person(
            "00000001",
            "SYNTHETIC",
            "MARGARET",
            "19480312",
            "2",
            i1750="20240115",
            i2300="MRN00000101",
            i2320="900000101",
        ),
        [
            tumor(
                "01",
                "C504",
                "8500",
                "20190304",
                GENERAL,
                "201900012",
                i1200="20190401",
                i1291="A220",
                i1220="20190510",
                i1390="03",
                i764="2",
                i2570="3/4/2019 core biopsy left breast: invasive ductal carcinoma, grade 2.",
            ),
            tumor("02", "C341", "8140", "20231002", GENERAL, "202300118", i764="7"),
        ],
    ),
    (
        person("00000002", "SYNTHETIC", "JOHN", "19550720", "1", i1750="20220301", i1760="0", i1910="C619"),
        [tumor("01", "C619", "8140", "20180611", GENERAL, "201800077", i764="1")],
    ),
    (
        person("00000003", "<b>Quote'Name", "=CMD()", "19610101", "1", i1750="20210601"),
        [tumor("01", "C180", "8480", "202105", GENERAL, "202100003", i764="3")],
    ),
]
ELSEWHERE = [
    (
        person("00000077", "SYNTHETIC", "MARGARET A", "19480312", "2", i1750="20240620", i190="6"),
        [tumor("01", "C509", "8500", "20190310", LAKESIDE, "201900345", i764="1", i1210="20190801", i1506="02")],
    ),
    (
        person("00000078", "LAKESIDE", "ONLY", "19700909", "2", i1750="20240620"),
        [tumor("01", "C739", "8260", "20200202", LAKESIDE, "202000001", i764="1")],
    ),
]


def fill(store: Store) -> dict[str, int]:
    """Makes the registry of the tests and gives the row ids that examples name."""
    for name, people in (("general", PEOPLE), ("lakeside", ELSEWHERE)):
        run_import(store, Rows(people), name=f"{name}.xml", who="tester", source=name)
    with store.writing() as session:
        facilities = {f.number: f for f in session.query(Facility)}
        facilities[GENERAL].name, facilities[LAKESIDE].name = "General Hospital", "Lakeside Clinic"
        both = session.query(PatientRecord).filter_by(patient_id_number="00000077").one()
        first = session.query(PatientRecord).filter_by(patient_id_number="00000001").one()
        alone, alone_tumor = both.patient, both.abstracts[0].tumor
        both.patient, both.abstracts[0].tumor = first.patient, first.abstracts[0].tumor
        both.home_patient_id, both.abstracts[0].home_tumor_id = first.patient_id, first.abstracts[0].tumor_id
        session.flush()
        session.expire_all()
        session.delete(alone_tumor)
        session.delete(alone)
        session.flush()
        refresh_patient(session, first.patient, who="tester")
        refresh_tumor(session, first.abstracts[0].tumor, who="tester")
        by_accession = {a.accession_number: a for a in session.query(Abstract)}
        by_accession["202300118"].status = "suspense"
        by_accession["202100003"].status = "incomplete"
        session.flush()
        target = by_accession["201900012"]
        records.save(session, target.id, {764: "3"}, who="registrar", why="nodes reviewed at the tumor board")
        records.save(session, target.id, {764: "2", 490: "2"}, who="administrator")
        for role, full_name in NAMES.items():
            accounts.create(session, role, PASSWORD, [role], who="test", full_name=full_name, must_change=False)
        accounts.create(
            session,
            "general",
            PASSWORD,
            ["registrar"],
            who="test",
            full_name="Gwen Bound",
            facility_id=facilities[GENERAL].id,
            must_change=False,
        )
        other = session.query(Patient).filter_by(name_last="LAKESIDE").one()
        return {
            "patient": first.patient_id,
            "tumor": target.tumor_id,
            "abstract": target.id,
            "other_patient": other.id,
            "other_abstract": by_accession["202000001"].id,
        }


class CompiledOnce(BytecodeCache):
    """Compiled templates kept for the whole suite: every test makes an application of its own."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def quick_applications() -> Iterator[None]:
    """Templates compiled once, and passwords hashed with the least effort: the suite signs in hundreds of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": CompiledOnce()})
        patch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The filled registry, made once: its home is copied for each test that changes it."""
    home = tmp_path_factory.mktemp("filled")
    store = Store(config.load(home))
    schema.upgrade(store.engine)
    ids = fill(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return SimpleNamespace(home=home, ids=ids)


@pytest.fixture
def ids(filled: SimpleNamespace) -> dict[str, int]:
    """Row ids of the registry: patient, tumor, abstract (General), other_patient, other_abstract (Lakeside alone)."""
    return filled.ids


@pytest.fixture
def make_app(filled: SimpleNamespace, tmp_path: Path) -> Callable[..., Flask]:
    """Makes an application on a copy of the registry, with settings of its own."""

    def make(**settings: Any) -> Flask:
        home = tmp_path / "registry"
        if not home.exists():
            shutil.copytree(filled.home, home)
        from web.application import build

        return build(config.load(home, **({"require_totp": False} | settings)))

    return make


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The application on a copy of the registry."""
    return make_app()


def token(text: str) -> str:
    """The CSRF token of a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
    assert found, "the page has no form with a CSRF token"
    return found.group(1)


class Client(FlaskClient):
    """A test client that fetches the CSRF token by itself when it posts."""

    def send(self, address: str, data: dict[str, Any] | None = None, **rest: Any) -> Any:
        """Posts a form with the CSRF token of the session."""
        page = self.get("/account/password") if "oncoregistry" in str(self._cookies) else self.get("/sign-in")
        if page.status_code != 200:
            page = self.get("/sign-in")
        return self.post(address, data={"csrf_token": token(page.text), **(data or {})}, **rest)


def sign_in(client: Any, name: str, password: str = PASSWORD) -> Any:
    """Signs a client in through the form."""
    page = client.get("/sign-in")
    return client.post("/sign-in", data={"csrf_token": token(page.text), "username": name, "password": password})


@pytest.fixture
def client(app: Flask) -> Callable[..., Any]:
    """Gives a client signed in with a role (or the account `general`, bound to a facility), or not at all."""
    app.test_client_class = Client

    def give(name: str = "") -> Any:
        fresh = app.test_client()
        if name:
            assert sign_in(fresh, name).status_code == 302
        return fresh

    return give


@pytest.fixture
def enter() -> Callable[..., Any]:
    """The function that signs a client in, with its answer."""
    return sign_in


@pytest.fixture(scope="session")
def examples() -> dict[str, Any]:
    """Arguments and forms of routes, by endpoint, one file a task; `{patient}` stands for an id of the registry."""
    found: dict[str, Any] = {}
    for path in sorted((HERE / "examples").glob("*.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


# ---- a live server and a browser -------------------------------------------------------------------------------------


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """Address of the application served by waitress in a thread."""
    from waitress.server import create_server

    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=5)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; the test skips, visibly, where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser: Any, served: str) -> Iterator[Callable[..., Any]]:
    """Gives a page of the browser, signed in; `page.foreign` lists requests to other hosts, `page.faults` script errors."""
    contexts = []

    def give(name: str = "registrar", **options: Any) -> Any:
        context = browser.new_context(base_url=served, **({"viewport": {"width": 1440, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        host = urlsplit(served).netloc
        page.foreign, page.faults = [], []
        page.on("request", lambda r: urlsplit(r.url).netloc in ("", host) or page.foreign.append(r.url))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and "status of 4" not in m.text and page.faults.append(m.text))
        if name:
            page.goto("/sign-in")
            page.fill("#field-username", name)
            page.fill("#field-password", PASSWORD)
            page.click("main button[type=submit]")
            page.wait_for_url(f"{served}/")
        return page

    yield give
    for context in contexts:
        context.close()


@pytest.fixture
def assert_accessible() -> Callable[[Any], None]:
    """Asserts that axe finds no fault of WCAG 2.0 to 2.2, levels A and AA, on a page."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def check(page: Any) -> None:
        found = axe.run(page, options={"runOnly": {"type": "tag", "values": AXE_TAGS}}).response["violations"]
        lines = [f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"]]
        assert not found, f"{page.url}\n" + "\n".join(lines)

    return check


@pytest.fixture
def assert_no_foreign_requests() -> Callable[[Any], None]:
    """Asserts that a page asked no other host for anything and that no script or policy complained."""

    def check(page: Any) -> None:
        assert page.foreign == []
        assert page.faults == [], f"{page.url}: {page.faults}"

    return check
