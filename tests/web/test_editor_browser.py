"""The editor in the browser: its essential path without JavaScript, and what a field does with words and complete codes."""

from __future__ import annotations

from typing import Any

import pytest

from registry import records
from registry.models import Abstract

IDLE = "() => !document.getElementById('editor-form').hasAttribute('aria-busy')"
SAVED = "() => document.getElementById('save-state').textContent === 'Everything is saved'"


def item(app: Any, ids: dict[str, int], number: int) -> str:
    with app.extensions["store"].reading() as session:
        return records.all_items(session.get(Abstract, ids["abstract"])).get(number, "")


@pytest.mark.browser
def test_a_case_is_opened_changed_and_saved_without_javascript(browser_page, app, ids, assert_accessible):
    """Open, change, save; the page says what was saved and which edits fail, and a value that does not fit is told."""
    page = browser_page("registrar", java_script_enabled=False)
    page.goto(f"/abstracts/{ids['abstract']}")
    page.fill("#item-523", "1")
    page.fill("#item-670", "22")
    page.click(".save-bar button[type=submit]")
    told = page.locator("main").inner_text()
    assert "Saved:" in told and page.locator("#living .finding").count() > 0
    assert page.input_value("#item-523") == "1" and page.input_value("#item-1290") == "22", "the total follows"
    assert (item(app, ids, 523), item(app, ids, 1290)) == ("1", "22")
    page.fill("#item-410", "left side")
    page.click(".save-bar button[type=submit]")
    assert "item 410 holds 9 characters" in page.locator("main").inner_text()
    assert page.input_value("#item-410") == "left side" and item(app, ids, 410) != "left side"
    page.fill("#item-410", "1")
    page.click(".save-bar button[type=submit]")
    assert item(app, ids, 410) == "1"
    assert page.faults == [] and page.foreign == []


@pytest.mark.browser
def test_words_find_their_code_in_a_field_of_one_character_and_a_complete_code_goes_on(browser_page, app, ids):
    page = browser_page("registrar")
    page.goto(f"/abstracts/{ids['abstract']}")
    page.focus("#item-410")
    page.keyboard.type("right")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('item-410').value === '1'")
    page.focus("#item-410")
    page.keyboard.press("F9")
    page.keyboard.type("2")
    assert page.evaluate("document.activeElement.id") == "item-522"
    page.focus("#item-1200")
    page.keyboard.type("20230502")
    assert page.evaluate("document.activeElement.id") == "item-3170"
    page.wait_for_function("() => document.getElementById('item-3170').dataset.proposal === '20230502'")
    page.keyboard.press("F3")
    page.keyboard.press("Control+s")
    page.wait_for_function(SAVED)
    assert (item(app, ids, 410), item(app, ids, 3170)) == ("2", "20230502")
    assert page.faults == [] and page.foreign == []
