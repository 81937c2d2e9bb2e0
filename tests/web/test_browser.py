"""In Chromium: every page of the navigation with axe, light and dark; the keys; no request to another host."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask import Blueprint, render_template_string

from abstracting.naaccr.items import codes
from registry import records
from registry.models import Abstract
from web.pages import page

pytestmark = pytest.mark.browser

NARROW = {"width": 390, "height": 844}


def entries(page: Any) -> list[str]:
    """The addresses of the navigation."""
    return page.eval_on_selector_all("nav[aria-label=Main] a", "links => links.map(link => link.getAttribute('href'))")


def further(ids: dict[str, int]) -> list[str]:
    """Pages that the navigation does not name."""
    return [
        f"/patients/{ids['patient']}",
        f"/abstracts/{ids['abstract']}",
        "/work/overdue",
        "/audit/?verify=1",
        "/audit/changes",
        "/accounts/2",
        "/audit/reads",
        "/audit/sign-ins",
        f"/audit/patients/{ids['patient']}",
        "/account/",
        "/account/password",
        "/one-time-password",
        "/nothing-here",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_asks_no_other_host(
    browser_page, ids, scheme, assert_accessible, assert_no_foreign_requests
):
    page = browser_page("administrator", color_scheme=scheme)
    places = entries(page)
    assert len(places) >= 3
    for place in [*places, *further(ids)]:
        page.goto(place)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide"
    assert_no_foreign_requests(page)


def test_narrow_pages_fit_and_are_accessible(browser_page, ids, assert_accessible, assert_no_foreign_requests):
    page = browser_page("administrator", viewport=NARROW)
    for place in [*entries(page), *further(ids)]:
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide"
    assert_accessible(page)
    assert_no_foreign_requests(page)


def test_signing_in_is_accessible_also_with_a_fault(browser_page, assert_accessible, assert_no_foreign_requests):
    page = browser_page("")
    page.goto("/sign-in")
    assert_accessible(page)
    page.fill("#field-username", "registrar")
    page.fill("#field-password", "wrong-wrong-wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert_accessible(page)
    assert_no_foreign_requests(page)


def test_a_case_is_found_and_opened_with_the_keyboard_alone(browser_page, assert_accessible):
    page = browser_page()
    page.keyboard.press("/")
    page.keyboard.type("synth")
    page.keyboard.press("Enter")
    page.wait_for_selector("table.data")
    assert "synth" not in page.url
    page.focus("#case-text")
    page.keyboard.press("End")
    page.keyboard.type(" john")
    page.wait_for_selector("#results .count:text-is('1 row')")
    assert_accessible(page)
    page.focus("#results tbody a")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:text('SYNTHETIC, JOHN')")
    page.go_back()
    page.wait_for_selector("#results tbody tr")
    assert page.input_value("#case-text") == "synth john", "what was asked for is still there"


def test_the_palette_opens_pages_and_searches(browser_page, assert_accessible):
    page = browser_page("administrator")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette-list li")
    assert_accessible(page)
    page.keyboard.type("audit")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit/")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette-list li")
    page.keyboard.type("synthetic john")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results tbody tr")


def test_question_mark_shows_the_keys_and_two_keys_open_a_page(browser_page, assert_accessible):
    page = browser_page()
    page.keyboard.press("?")
    page.wait_for_selector("#keys-help[open]")
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/cases/")


def kept(app, ids, number: int, value: str) -> None:
    """Waits until the store holds the value: the editor saves by itself, without a page of its own."""
    for _ in range(200):
        with app.extensions["store"].reading() as session:
            found = records.all_items(session.get(Abstract, ids["abstract"])).get(number, "")
        if found == value:
            return
        time.sleep(0.05)
    raise AssertionError(f"item {number} is {found!r}, not {value!r}")


def test_an_item_is_jumped_to_changed_and_saved_by_keys(app, browser_page, ids, assert_no_foreign_requests):
    page = browser_page()
    page.goto(f"/abstracts/{ids['abstract']}")
    page.keyboard.press("/")
    page.keyboard.type("490")
    page.keyboard.press("Enter")
    page.wait_for_selector("#item-490:focus")
    page.keyboard.type("1")
    page.wait_for_selector(f"#item-490-meaning:text('{codes(490)['1']}')")
    page.keyboard.press("Control+s")
    kept(app, ids, 490, "1")
    page.wait_for_selector("#save-state:text('Everything is saved')")
    page.reload()
    assert page.input_value("#item-490") == "1"
    assert_no_foreign_requests(page)


def test_a_site_is_found_by_words(browser_page, ids):
    page = browser_page()
    page.goto(f"/abstracts/{ids['abstract']}")
    page.fill("#item-400", "lower outer breast")
    page.wait_for_selector("#codes li:has-text('C505')")


def test_two_registrars_meet_in_the_conflict_page(app, browser_page, ids, assert_accessible):
    first, second = browser_page("registrar"), browser_page("administrator")
    at = f"/abstracts/{ids['abstract']}"
    first.goto(at)
    second.goto(at)
    second.fill("#item-764", "7")
    second.keyboard.press("Control+s")
    kept(app, ids, 764, "7")
    first.fill("#item-764", "1")
    first.keyboard.press("Control+s")
    first.wait_for_selector("h1:text('Somebody saved this abstract meanwhile')")
    assert_accessible(first)
    first.click("text=Save my choice")
    first.wait_for_selector(".notice-success")
    assert first.input_value("#item-764") == "1"


def test_the_theme_is_kept(browser_page):
    page = browser_page("registrar", color_scheme="light")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto("/account/")
    page.select_option("#field-theme", "dark")
    page.select_option("#field-density", "dense")
    page.click("text=Keep")
    page.goto("/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert page.get_attribute("html", "data-density") == "dense"


def test_the_essential_way_works_without_javascript(browser_page, ids):
    page = browser_page("registrar", java_script_enabled=False)
    page.fill("#top-search", "synthetic john")
    page.press("#top-search", "Enter")
    page.click("#results tbody a")
    page.wait_for_selector("h1:text('SYNTHETIC, JOHN')")
    page.click("main td a:text('Edit')")
    page.fill("#item-764", "2")
    page.click("text=Save")
    page.wait_for_selector(".notice-success")
    page.click("text=Sign out")
    page.wait_for_url(re.compile("/sign-in"))


CHART = """{% extends "layout.html" %}{% block title %}Chart{% endblock %}
{% block scripts %}{{ ui.data.chart_scripts() }}{% endblock %}
{% block content %}{{ ui.page.header("Chart") }}{% call ui.data.chart("lines", "Survival by stage", spec) %}
<table class="data"><thead><tr><th scope="col">Year</th><th scope="col">Share</th></tr></thead>
<tbody><tr><td>1</td><td>0.9</td></tr></tbody></table>{% endcall %}{% endblock %}"""

SPEC = {
    "data": {"values": [{"t": t, "s": 1 - t / (10 + g), "stage": f"stage {g}"} for t in range(6) for g in (1, 2, 3)]},
    "width": "container",
    "height": 220,
    "mark": {"type": "line", "interpolate": "step-after", "point": True},
    "encoding": {
        "x": {"field": "t", "type": "quantitative", "title": "Years since diagnosis"},
        "y": {"field": "s", "type": "quantitative", "title": "Survival", "axis": {"format": "%"}},
        "color": {"field": "stage", "type": "nominal", "title": "Stage"},
        "tooltip": [{"field": "stage"}, {"field": "s", "format": ".2f"}],
    },
    "transform": [{"filter": "datum.s >= 0"}],
}


def test_a_chart_is_drawn_under_the_policy_with_its_table(
    app, browser_page, assert_accessible, assert_no_foreign_requests
):
    blueprint = Blueprint("charted", __name__)

    @page(blueprint, "/charted", permission="home")
    def charted() -> str:
        return render_template_string(CHART, spec=SPEC)

    app.register_blueprint(blueprint)
    seen = browser_page("registrar")
    seen.goto("/charted")
    seen.wait_for_selector("#lines svg path")
    seen.hover("#lines path[aria-label*='Years since diagnosis: 5'][aria-label*='stage 3']")
    seen.wait_for_selector("#vg-tooltip-element.visible")
    assert_accessible(seen)
    seen.click("text=Numbers of this chart")
    assert_accessible(seen)
    assert_no_foreign_requests(seen)


def test_a_name_that_is_markup_runs_nothing(browser_page, assert_no_foreign_requests):
    page = browser_page()
    page.goto("/cases/?site=C18&year=2021")
    assert "<b>Quote'Name, =CMD()" in page.inner_text("#results")
    assert_no_foreign_requests(page)
