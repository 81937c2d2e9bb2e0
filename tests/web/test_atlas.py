"""The atlas on a real demo: every account, the map in a browser, the files under attack by subtraction and programming."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from scipy.optimize import linprog

from registry import config, demo

THRESHOLD = 16
PASSWORDS = {one.username: one.password for one in demo.LOGINS}
WIDE = "year_from=2000&year_to=2024"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A demo of 1,200 patients, made once."""
    folder = tmp_path_factory.mktemp("atlas") / "demo"
    demo.prepare(folder, size=1200, seed=5, port=0, say=lambda text: None)
    return folder


@pytest.fixture(scope="module")
def app(home):
    from web.application import build

    return build(config.load(home))


@pytest.fixture
def enter_as(app, enter) -> Callable[[str], Any]:
    def give(name: str) -> Any:
        fresh = app.test_client()
        assert enter(fresh, name, PASSWORDS[name]).status_code == 302
        return fresh

    return give


def test_the_page_shows_the_map_its_table_and_what_is_counted(enter_as):
    page = enter_as("epidemiologist").get(f"/atlas/?{WIDE}")
    assert page.status_code == 200
    for part in (
        "Age-adjusted rate",
        "in situ bladder counted as malignant",
        "suppressed",
        "Reproduce",
        "97% complete",
        "item 90",
    ):
        assert part in page.text


def test_every_result_can_be_reproduced_and_cited(enter_as):
    inside = enter_as("administrator")
    for address in (f"/atlas/?{WIDE}", f"/atlas/?{WIDE}&measure=bym2", f"/atlas/county/12086?{WIDE}"):
        page = inside.get(address).text
        for part in ("Reproduce", "SEER*Stat", 'id="atlas-cite"', "Data snapshot"):
            assert part in page, (address, part)
    assert "Joinpoint Trend Analysis Software, settings" in inside.get(f"/atlas/county/12086?{WIDE}").text


def test_where_stage_was_defined_anew_is_marked_on_map_files_trend_and_periods(enter_as):
    inside = enter_as("epidemiologist")
    late = f"{WIDE}&stage=late"
    for address in (
        f"/atlas/?{late}",
        f"/atlas/atlas.csv?{late}",
        f"/atlas/?{WIDE}&measure=late",
    ):
        assert "The definition of stage changed within these years" in " ".join(inside.get(address).text.split()), (
            address
        )
    # with the counts of this small registry only who may open each case by name sees a chart
    county = enter_as("administrator").get(f"/atlas/county/12086?{late}").text
    for part in ("definition of stage changed", "Stage defined anew from", "stage 2018"):
        assert part in county
    assert "defined anew" not in enter_as("administrator").get(f"/atlas/county/12086?{WIDE}").text


def test_every_choice_is_in_the_address_and_a_wrong_one_is_told(enter_as):
    inside = enter_as("state")
    page = inside.get(f"/atlas/?{WIDE}&measure=sir&site=breast&classes=natural&count=4", headers={"HX-Request": "true"})
    assert page.headers["HX-Push-Url"].count("&") >= 4 and "measure=sir" in page.headers["HX-Push-Url"]
    wrong = inside.get("/atlas/?measure=nonsense&age_from=7")
    assert wrong.status_code == 200 and "no measure" in wrong.text and "groups of five" in wrong.text


def test_a_hospital_sees_counts_and_why_it_gets_no_rates(enter_as):
    inside = enter_as("registrar")
    page = inside.get("/atlas/")
    assert "Why there are no rates here" in page.text and "Share of your cases" in page.text
    for address in ("map", "map.js", "atlas.csv", "atlas.geojson", "picture.svg", "cases", "county/12086"):
        answer = inside.get(f"/atlas/{address}")
        assert answer.status_code == 422 and "incidence rate" in answer.text


def test_whoever_may_open_each_case_sees_small_counts_but_no_file_has_them(enter_as):
    inside = enter_as("administrator")
    page = inside.get(f"/atlas/?{WIDE}")
    assert "not for publication" in page.text
    assert all(int(row["cases"]) >= THRESHOLD for row in rows_of(inside, WIDE) if row["cases"])


@pytest.mark.parametrize("measure", ["rate", "crude", "count", "sir", "eb", "local", "bym2", "late", "prevalence"])
def test_every_measure_answers(enter_as, measure):
    page = enter_as("administrator").get(f"/atlas/?{WIDE}&measure={measure}")
    assert page.status_code == 200 and "No map" not in page.text


def rows_of(inside: Any, query: str) -> list[dict[str, str]]:
    """The rows of the CSV of a query."""
    answer = inside.get(f"/atlas/atlas.csv?{query}")
    assert answer.status_code == 200, answer.text[:300]
    lines = [line for line in answer.get_data(as_text=True).lstrip("\ufeff").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


@pytest.mark.parametrize(("measure", "reproduced"), [("moran", "spdep::localmoran"), ("gstar", "spdep::localG")])
def test_local_statistics_say_what_a_county_lies_among_and_nothing_of_hidden_ones(enter_as, measure, reproduced):
    from registry.analysis.rates_request import KINDS

    inside = enter_as("state")
    asked = f"{WIDE}&measure={measure}"
    page = inside.get(f"/atlas/?{asked}").text
    for part in (
        "Moran&#39;s I of the map",
        "Tango&#39;s index",
        "false discovery rate",
        "not evidence of a cause",
        reproduced,
        ">Ratio<",
    ):
        assert part in page or part in page.replace("'", "&#39;"), part
    rows = [row for row in rows_of(inside, asked) if row["code"] != "state"]
    kinds = set(KINDS[measure].values())
    for row in rows:
        if row["status"] == "suppressed":
            assert not any(row[name] for name in ("ratio", "kind", "z", "p", "p_fdr", "cases", "expected"))
        else:
            assert row["kind"] in kinds and (row["kind"] == "Not told from chance") == (float(row["p_fdr"]) > 0.05)
    legend = inside.get(f"/atlas/atlas.svg?{asked}").get_data(as_text=True)
    assert all(kind in legend for kind in kinds)
    for feature in json.loads(inside.get(f"/atlas/atlas.geojson?{asked}").get_data())["features"]:
        properties = feature["properties"]
        hidden = properties["status"] == "suppressed"
        assert set(properties) <= {"code", "name", "status"} if hidden else properties["class"] in kinds


def test_no_output_says_anything_of_a_hidden_county(enter_as):
    inside = enter_as("state")
    hidden = {row["code"] for row in rows_of(inside, WIDE) if row["status"] == "suppressed"}
    assert len(hidden) > 20
    collection = json.loads(inside.get(f"/atlas/atlas.geojson?{WIDE}").get_data())
    for feature in collection["features"]:
        if feature["id"] in hidden:
            assert set(feature["properties"]) <= {"code", "name", "status"}
    script = inside.get(f"/atlas/map.js?{WIDE}").text
    data = json.loads(
        script[
            script.index("drawAtlas(map_atlas, geo_json_areas, ") + 37 : script.index(
                ");\n", script.index("drawAtlas(map_atlas")
            )
        ]
    )
    frame = data["frames"][0]
    assert frame["status"].count("s") == len(hidden)
    for status, lines in zip(frame["status"], frame["lines"], strict=True):
        assert status != "s" or len(lines) == 1
    for twin in ("all.json", "all.csv"):
        assert inside.get(f"/atlas/{twin}?{WIDE}").status_code == 200
    for row in inside.get(f"/atlas/all.json?{WIDE}").json["rows"]:
        if row["status"] == "suppressed":
            assert {value for key, value in row.items() if key not in ("name", "status")} <= {None, ""}
    assert inside.get(f"/atlas/cases?county={min(hidden)}&{WIDE}").status_code == 403


def test_the_files_of_many_questions_together_give_no_small_count(enter_as, home):
    """Both sexes and each, all years, periods and their differences: every answer of one site, attacked at once."""
    inside = enter_as("epidemiologist")
    spans = [
        (2000, 2024),
        *((y, y + 4) for y in range(2000, 2025, 5)),
        (2000, 2009),
        (2000, 2019),
        (2005, 2024),
        (2020, 2023),
        (2021, 2024),
    ]
    known, codes = {}, []
    for first, last in spans:
        for sex in ("", "1", "2"):
            for row in rows_of(inside, f"year_from={first}&year_to={last}&sex={sex}&measure=count&trend=0"):
                if row["code"] not in codes:
                    codes.append(row["code"])
                if row["count"]:
                    known[row["code"], first, last, sex] = int(float(row["count"]))
    codes.remove("state")
    assert len(known) > 40 and min(known.values()) >= THRESHOLD
    # columns: county by years cut wherever a span begins or ends, by sex
    cuts = sorted({year for first, last in spans for year in (first, last + 1)})
    slots = [(code, at, sex) for code in codes for at in range(len(cuts) - 1) for sex in "12"]
    place = {slot: i for i, slot in enumerate(slots)}

    def row(code: str, first: int, last: int, sex: str) -> np.ndarray:
        line = np.zeros(len(slots))
        for own in codes if code == "state" else [code]:
            for at in range(len(cuts) - 1):
                if first <= cuts[at] and cuts[at + 1] - 1 <= last:
                    for each in sex or "12":
                        line[place[own, at, each]] = 1
        return line

    rows = np.array([row(*key) for key in known])
    sums = np.array(list(known.values()), float)
    targets = [(code, first, last, sex) for code in codes for first, last in spans for sex in ("", "1", "2")]
    targets = [key for key in targets if key not in known]
    rng = np.random.default_rng(1)
    for at in rng.choice(len(targets), 25, replace=False):
        goal = row(*targets[at])
        low = linprog(goal, A_eq=rows, b_eq=sums, bounds=(0, None), method="highs").fun
        high = -linprog(-goal, A_eq=rows, b_eq=sums, bounds=(0, None), method="highs").fun
        assert high - low >= THRESHOLD - 1e-6, targets[at]


@pytest.mark.parametrize("form", ["svg", "png", "pdf", "geojson", "csv", "html"])
def test_the_map_leaves_as_a_file_with_its_definition(enter_as, form):
    answer = enter_as("state").get(f"/atlas/atlas.{form}?{WIDE}")
    assert answer.status_code == 200 and len(answer.data) > 1000
    if form in ("svg", "geojson", "csv", "html"):
        assert "bladder" in answer.text and "snapshot" in answer.text
    assert enter_as("state").get("/atlas/atlas.exe").status_code == 404


def test_the_map_stands_under_its_own_policy(enter_as):
    answer = enter_as("state").get(f"/atlas/map?{WIDE}")
    assert (
        answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        and "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    )


def test_an_unknown_county_is_not_found(enter_as):
    assert enter_as("state").get("/atlas/county/99999").status_code == 404


def test_a_population_is_loaded_with_its_checks_and_a_fault_changes_nothing(enter_as):
    inside = enter_as("epidemiologist")
    page = inside.get("/populations/")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]

    def send(name: str, body: bytes) -> Any:
        return inside.post(
            "/populations/",
            data={"csrf_token": token, "label": "x", "file": (io.BytesIO(body), name)},
            content_type="multipart/form-data",
        )

    for name, body in (
        ("a.txt", b"2020FL1200199"),
        ("a.csv", b"a,b\n1,2\n"),
        ("a.exe", b"x"),
        ("a.parquet", b"PAR1xx"),
        ("a.txt.gz", b"\x1f\x8b"),
    ):
        answer = send(name, body)
        assert answer.status_code == 422, (name, answer.status_code)
    assert "SEER county estimates" in inside.get("/populations/").text


# ---- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(app, browser) -> Iterator[Callable[..., Any]]:
    """Gives a page of the browser on the demo, signed in; light unless told."""
    from waitress.server import create_server

    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{server.effective_port}"
    contexts = []

    def give(name: str, **options: Any) -> Any:
        context = browser.new_context(base_url=base, **({"viewport": {"width": 1440, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.foreign, page.faults = [], []
        host = urlsplit(base).netloc
        page.on("request", lambda r: urlsplit(r.url).netloc in ("", host) or page.foreign.append(r.url))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
        page.goto("/sign-in")
        page.fill("#field-username", name)
        page.fill("#field-password", PASSWORDS[name])
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "sign-in" not in url)
        return page

    yield give
    for context in contexts:
        context.close()
    server.close()
    thread.join(timeout=5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_draws_every_county_and_the_page_is_accessible(
    opened, scheme, assert_accessible, assert_no_foreign_requests
):
    page = opened("state", color_scheme=scheme)
    page.goto(f"/atlas/?{WIDE}")
    frame = page.frame_locator("iframe.atlas-frame")
    frame.locator("path.leaflet-interactive").first.wait_for()
    assert frame.locator("path.leaflet-interactive").count() == 67
    assert frame.locator("[data-class=suppressed]").inner_text().strip().isdigit()
    assert_accessible(page)
    assert_no_foreign_requests(page)


def test_a_county_opens_by_key_and_shows_its_trend(opened, assert_accessible, assert_no_foreign_requests):
    page = opened("epidemiologist")
    page.goto(f"/atlas/?{WIDE}")
    first = page.frame_locator("iframe.atlas-frame").locator("path.leaflet-interactive").first
    first.wait_for()
    first.focus()
    first.press("Enter")
    page.wait_for_url("**/atlas/county/**")
    page.locator("#county-trend svg").wait_for()
    assert_accessible(page)
    assert_no_foreign_requests(page)


def test_a_choice_changes_map_table_and_address(opened, assert_no_foreign_requests):
    page = opened("state")
    page.goto(f"/atlas/?{WIDE}")
    page.select_option("#a-measure", "sir")
    page.wait_for_url("**measure=sir**")
    page.frame_locator("iframe.atlas-frame").locator("path.leaflet-interactive").first.wait_for()
    assert "Standardised incidence ratio" in page.locator("#map-title").inner_text()
    assert_no_foreign_requests(page)


@pytest.mark.parametrize("address", ["/populations/", "/atlas/"])
def test_other_pages_are_accessible(opened, address, assert_accessible, assert_no_foreign_requests):
    page = opened("registrar" if address == "/atlas/" else "epidemiologist")
    page.goto(address)
    assert_accessible(page)
    assert_no_foreign_requests(page)
