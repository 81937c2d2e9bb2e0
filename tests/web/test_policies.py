"""What every answer carries: policies, headers, escaped values, addresses without persons, errors in words."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from registry.errors import RegistryError
from registry.security.permissions import PERMISSIONS, ROLES, Actor, decide
from web.assets import asset
from web.sealed import seal, unseal
from web.tables import Column, Paging, Table, neutral


@pytest.fixture
def answer(client):
    return client("registrar").get("/")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ],
)
def test_headers(answer, header, value):
    assert answer.headers[header] == value


def test_the_policy_names_no_other_host_and_nothing_inline(answer):
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy


@pytest.mark.parametrize("place", ["/", "/cases/", "/account/", "/sign-in", "/nothing-here"])
def test_pages_have_no_inline_script_style_or_handler(client, place):
    text = client("registrar").get(place).text
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", text)


def test_values_of_a_record_are_escaped(client):
    inside = client("registrar")
    found = inside.send("/cases/", {"text": "C180"}, follow_redirects=True).text
    assert "<b>Quote" not in found
    assert "&lt;b&gt;Quote" in found


def test_no_name_stands_in_an_address(client):
    inside = client("registrar")
    answer = inside.send("/cases/", {"text": "synthetic margaret"})
    assert answer.status_code == 303
    assert "synthetic" not in unquote(answer.headers["Location"]).lower()
    page = inside.get(answer.headers["Location"]).text
    assert "SYNTHETIC, MARGARET" in page
    addresses = " ".join(re.findall(r'(?:href|hx-get|action)="([^"]*)"', page)).lower()
    assert "synthetic" not in addresses
    assert "margaret" not in addresses


def test_a_broken_or_foreign_sealed_address_searches_nothing(app, client):
    with app.test_request_context():
        token = seal({"text": "synthetic"})
        assert unseal(token) == {"text": "synthetic"}
        assert unseal(token[:-3] + "abc") == {}
        assert unseal("ä") == {}
    assert "Type what you know" in client("registrar").get("/cases/?s=broken").text


def test_the_log_of_a_fault_carries_no_values(app, client, caplog, monkeypatch):
    monkeypatch.setattr("registry.views.worklist.counts", lambda *a, **k: 1 / int("SYNTHETIC MARGARET"))
    answer = client("registrar").get("/")
    assert answer.status_code == 500
    reference = re.search(r'Reference number <strong class="code">(\w+)</strong>', answer.text).group(1)
    assert reference in caplog.text
    assert "MARGARET" not in caplog.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(("code", "status"), [("not-found", 404), ("conflict", 409), ("busy", 503), ("usage", 422)])
def test_errors_of_the_rooms_become_pages(client, monkeypatch, code, status):
    def fail(*args, **rest):
        raise RegistryError(code, "what is wrong", hint="what to do", where="row 7")

    monkeypatch.setattr("registry.views.worklist.counts", fail)
    answer = client("registrar").get("/")
    assert answer.status_code == status
    assert all(text in answer.text for text in ("what is wrong", "what to do", "row 7"))


def test_programs_get_one_shape_of_error(client):
    found = client("registrar").get("/patients/9999.json")
    assert (found.status_code, found.json["ok"], found.json["error"]["code"]) == (404, False, "not-found")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=CMD()", "'=CMD()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("plain", "plain"),
        (-3, -3),
        (None, ""),
    ],
)
def test_cells_that_a_spreadsheet_would_compute_are_neutralised(value, cell):
    assert neutral(value) == cell


def test_csv_twin_of_the_search(client):
    inside = client("registrar")
    page = inside.send("/cases/", {"text": "C180"}, follow_redirects=True).text
    twin = re.search(r'href="([^"]+\.csv[^"]*)"', page).group(1).replace("&amp;", "&")
    found = inside.get(twin)
    assert found.headers["Content-Disposition"] == 'attachment; filename="cases.csv"'
    lines = found.text.lstrip("\ufeff").splitlines()
    assert lines[0].startswith("Patient,Born,Sex,Site")
    assert len(lines) == 2


def test_a_table_at_hand_is_sorted_and_cut_to_the_page():
    columns = [Column("n", "N", lambda row: row, kind="number", sort=True)]
    table = Table.of("t", "T", columns, [3, 1, 2], Paging(page=1, size=2, sort="-n"))
    assert (list(table.rows), table.more, table.total) == ([3, 2], True, 3)


def test_assets_are_kept_for_a_year_under_their_version(app, client):
    with app.test_request_context():
        at = asset("own/app.css")
    found = client().get(at)
    assert found.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client().get(at.replace(at.split("/")[2], "0")).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["own/../__init__.py", "own/%2e%2e/application.py", "other/x", "own/", "bootstrap//etc/passwd"]
)
def test_assets_serve_nothing_else(client, name):
    assert client().get(f"/assets/0/{name}").status_code == 404


@pytest.mark.parametrize(
    "name", ["bootstrap/css/bootstrap.min.css", "htmx/htmx.min.js", "leaflet/leaflet.js", "own/app.js"]
)
def test_libraries_come_out_of_their_packages(client, name):
    assert client().get(f"/assets/0/{name}").status_code == 200


def test_every_permission_is_held_by_somebody_and_refused_with_words():
    for permission in PERMISSIONS:
        assert any(permission in role.permissions for role in ROLES.values())
        refusal = decide(Actor(username="x"), permission)
        assert not refusal
        assert refusal.reason.endswith("your account has no role.")
