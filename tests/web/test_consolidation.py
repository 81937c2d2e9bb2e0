"""Accounts side by side: the reason of each value, choosing and taking back, the worklist, the rules; who sees what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from registry import audit
from registry.consolidation.rules import FILE
from registry.db import Store
from registry.exchange.importer import run_import
from registry.linkage.consolidate import refresh_patient
from registry.models import Abstract, AccessLog, ConsolidationChoice, PatientRecord, Source, Tumor
from registry.models.followup import ValueSource
from tests.web.conftest import GENERAL, Rows, person, tumor

WHY = "the nodes were read again"


@pytest.fixture
def store(app: Any) -> Store:
    return app.extensions["store"]


@pytest.fixture
def lakeside(store: Store, ids: dict[str, int]) -> int:
    """The abstract of Lakeside Clinic of the shared tumor."""
    with store.reading() as db:
        query = select(Abstract.id).where(Abstract.tumor_id == ids["tumor"], Abstract.id != ids["abstract"])
        return db.scalars(query).one()


def stage(store: Store, ids: dict[str, int]) -> tuple[str, int]:
    with store.reading() as db:
        row = db.get_one(Tumor, ids["tumor"])
        return row.items["764"], row.version_id


def at(ids: dict[str, int]) -> str:
    return f"/consolidation/tumor/{ids['tumor']}"


def take(client: Any, store: Store, ids: dict[str, int], pick: str, **more: str) -> Any:
    return client.send(at(ids), {"pick": pick, "why": WHY, "version": str(stage(store, ids)[1])} | more)


# ---- the patient page --------------------------------------------------------------------------------------------------


def test_each_value_on_which_accounts_differ_has_its_reason_and_leads_to_the_accounts(client, ids):
    page = client("registrar").get(f"/patients/{ids['patient']}").text
    assert (
        "General Hospital gives it, with all of primary site and laterality: "
        "its value is more specific than that of Lakeside Clinic." in page
    )
    assert f'href="{at(ids)}#item-764"' in page and f'/consolidation/patient/{ids["patient"]}#item-1750"' in page


def test_a_bound_account_is_told_of_no_other_facility(client, ids):
    page = client("general").get(f"/patients/{ids['patient']}").text
    assert "Lakeside" not in page and "gives it" not in page and "/consolidation/" not in page


def test_a_bound_account_is_given_what_the_rules_make_of_its_own_accounts(store, client, ids):
    """Two reports of one facility: the finer site and the later contact, and nothing of the other hospital."""
    again = [
        (
            person("00000901", "SYNTHETIC", "MARGARET", "19480312", "2", i1750="20240301"),
            [tumor("01", "C509", "8500", "20190304", GENERAL, "201900999", i764="9", i490="9")],
        )
    ]
    run_import(store, Rows(again), name="again.xml", who="tester", source="again")
    with store.writing() as db:
        first = db.get_one(Abstract, ids["abstract"])
        record = db.scalars(select(PatientRecord).where(PatientRecord.patient_id_number == "00000901")).one()
        record.patient, record.abstracts[0].tumor = first.record.patient, first.tumor
        # the row that a first value would win is the poorer one
        first.record.patient_id_number = "00000902"
    items = client("general").get(f"/patients/{ids['patient']}.json").json
    assert items["items"]["1750"] == "20240301", "the later contact of its own two accounts, not that of Lakeside"
    shared = next(t for t in items["tumors"] if len(t["abstracts"]) == 2)
    assert {n: shared["items"][n] for n in ("400", "764", "490")} == {"400": "C504", "764": "2", "490": "2"}
    with store.reading() as db:
        record = db.scalars(select(PatientRecord).where(PatientRecord.patient_id_number == "00000902")).one()
        assert record.patient.items["1750"] == "20240620", "the registry knows of the later one"


def test_a_death_that_no_hospital_may_see_is_in_no_page_of_a_hospital(store, client, ids):
    with store.writing() as db:
        person_id = ids["patient"]
        source = Source(name="National Death Index")
        items = {"1760": "0", "1750": "20250909", "1910": "C509"}
        db.add(PatientRecord(patient_id=person_id, source=source, patient_id_number="ndi-1", items=items))
        for item, value in items.items():
            db.add(
                ValueSource(
                    patient_id=person_id,
                    item=int(item),
                    value=value,
                    source="NDI 2025",
                    redisclosure="ndi",
                    who="tester",
                )
            )
        db.flush()
        record = db.get_one(Abstract, ids["abstract"]).record
        db.expire(record.patient, ["records"])
        refresh_patient(db, record.patient, who="tester")
    seen = client("administrator").get(f"/consolidation/patient/{ids['patient']}").text
    assert "Source: NDI 2025 (National Death Index)" in seen and "2025-09-09" in seen
    bound = client("general")
    for place in (f"/patients/{ids['patient']}", f"/patients/{ids['patient']}.json"):
        text = bound.get(place).text
        assert "2025-09-09" not in text and "20250909" not in text and "NDI" not in text
        assert "National Death" not in text
    for place in ("", "rules", f"patient/{ids['patient']}", f"tumor/{ids['tumor']}", "all.json", "all.csv"):
        answer = bound.get(f"/consolidation/{place}")
        assert answer.status_code == 403 and "20250909" not in answer.text


# ---- one tumor, side by side -------------------------------------------------------------------------------------------


def test_the_page_tells_each_value_its_winner_its_losers_and_the_rule(client, ids):
    page = client("registrar").get(at(ids)).text
    order = [page.index(text) for text in ("Accounts differ", 'id="item-400"', "No account says otherwise")]
    assert order == sorted(order)
    assert "its value is more specific than that of this account" in page
    assert "primary site and laterality" in page and "general.xml" in page and "lakeside.xml" in page


def test_only_disagreements_and_a_search_narrow_the_page(client, ids):
    inside = client("registrar")
    narrowed = inside.get(f"{at(ids)}?show=differs").text
    assert 'id="item-400"' in narrowed and 'id="item-522"' not in narrowed
    assert 'id="item-522"' in inside.get(f"{at(ids)}?q=histologic+522").text
    assert "No item fits" in inside.get(f"{at(ids)}?q=nosuchthing").text


def test_a_choice_needs_a_reason_is_sealed_and_taken_back(store, client, ids, lakeside):
    inside = client("registrar")
    assert take(inside, store, ids, f"764:{lakeside}", why=" ").status_code == 422
    made = take(inside, store, ids, f"764:{lakeside}")
    assert made.status_code == 303 and stage(store, ids)[0] == "1"
    page = inside.get(made.headers["Location"]).text
    assert f"is taken from Lakeside Clinic: {WHY}" in page and "registrar chose Lakeside Clinic" in page
    with store.reading() as db:
        choice = db.scalars(select(ConsolidationChoice)).one()
    undone = inside.send(at(ids), {"undo": str(choice.id), "version": str(stage(store, ids)[1])})
    assert undone.status_code == 303 and undone.headers["Location"].endswith("#item-764")
    assert stage(store, ids)[0] == "2"
    assert audit.verify(store) == []
    with store.reading() as db:
        assert "accounts side by side" in set(db.scalars(select(AccessLog.what)))


def test_who_was_slower_loses_no_reason(store, client, ids, lakeside):
    answer = take(client("registrar"), store, ids, f"764:{lakeside}", version="1")
    assert answer.status_code == 409
    assert "changed meanwhile; nothing was written" in answer.text and f'value="{WHY}"' in answer.text
    assert stage(store, ids)[0] == "2"


@pytest.mark.parametrize("form", [{"pick": "764"}, {"pick": "x:y"}, {"pick": "764:999"}, {"undo": "999"}, {}])
def test_what_cannot_be_chosen_is_refused_in_words(store, client, ids, form):
    answer = client("registrar").send(at(ids), {"why": WHY, "version": str(stage(store, ids)[1]), **form})
    assert answer.status_code == 422 and stage(store, ids)[0] == "2"


@pytest.mark.parametrize(("name", "status"), [("follow-up", 403), ("epidemiologist", 403), ("state", 403)])
def test_who_may_not_change_cases_reads_and_does_not_choose(store, client, ids, lakeside, name, status):
    inside = client(name)
    page = inside.get(at(ids))
    assert page.status_code == 200 and "Your role does not choose" in page.text and 'name="pick"' not in page.text
    assert take(inside, store, ids, f"764:{lakeside}").status_code == status
    assert stage(store, ids)[0] == "2"


def test_without_sight_of_names_the_person_is_masked(client, ids):
    page = client("epidemiologist").get(f"/consolidation/patient/{ids['patient']}").text
    assert "MARGARET" not in page and "900000101" not in page and "19480312" not in page


@pytest.mark.parametrize("place", ["patient/999", "tumor/999", "cases/1"])
def test_what_is_not_there_is_not_found(client, place):
    assert client("registrar").get(f"/consolidation/{place}").status_code == 404


# ---- the worklist ------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(store: Store, ids: dict[str, int], lakeside: int) -> int:
    """The tumor's histology differs, both known, and nothing but the source tells them apart."""
    from registry import records

    with store.writing() as db:
        records.save(db, lakeside, {522: "8520"}, who="tester", why="second reading")
    return ids["tumor"]


def test_what_the_rules_left_open_waits_until_a_person_decides(store, client, ids, lakeside, waiting):
    inside = client("registrar")
    rows = [(r["what"][:5], r["items"]) for r in inside.get("/consolidation/all.json").json["rows"]]
    assert rows == [("the p", "2240 Name: First"), ("C50.4", "522 Histologic Type ICD-O-3, 764 Summary Stage 2018")]
    assert len(inside.get("/consolidation/all.json?item=522").json["rows"]) == 1
    assert "SYNTHETIC, MARGARET" in inside.get("/consolidation/").text
    assert "2 persons and tumors have values" in client("administrator").get("/state/").text
    page = inside.get(f"{at(ids)}?show=open").text
    assert "Nothing that the accounts say decides it." in page and 'id="item-400"' not in page
    # keeping what the rule gives is a decision as well
    assert take(inside, store, ids, f"522:{ids['abstract']}").status_code == 303
    assert [r["items"] for r in inside.get("/consolidation/all.json").json["rows"]][1:] == ["764 Summary Stage 2018"]
    assert "Nothing waits" in inside.get("/consolidation/?item=522").text


def test_the_worklist_masks_names_and_neutralizes_cells(client, waiting):
    inside = client("epidemiologist")
    for place in ("", "all.json", "all.csv"):
        assert "SYNTHETIC" not in inside.get(f"/consolidation/{place}").text


# ---- the rules ---------------------------------------------------------------------------------------------------------

OWN = '[[rule]]\nid = "stage"\ntitle = "stage"\nchain = "tumor"\nitems = [764]\nby = ["known", "lowest"]\n'


def run_of(answer: Any) -> int:
    assert answer.status_code == 303
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def finished(client: Any, number: int, wait: Callable[[], None]) -> str:
    wait()
    return client.get(f"/consolidation/rules/runs/{number}").text


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are done before their page is asked for."""
    from registry import jobs

    monkeypatch.setattr(jobs, "run_here", lambda store, number: jobs.run(store, number))


def test_a_changed_rule_is_tried_brought_into_force_and_taken_back(store, client, ids, at_once):
    inside = client("administrator")
    number = run_of(inside.send("/consolidation/rules", {"text": OWN, "do": "try"}))
    page = inside.get(f"/consolidation/rules/runs/{number}").text
    assert "It would change" in page and f'href="{at(ids)}#item-764"' in page and "Bring into force" in page
    assert stage(store, ids)[0] == "2" and not (store.settings.home / FILE).exists()
    assert inside.send(f"/consolidation/rules/runs/{number}/force", {"why": ""}).status_code == 422
    replay = run_of(inside.send(f"/consolidation/rules/runs/{number}/force", {"why": "our protocol"}))
    assert "It changed" in inside.get(f"/consolidation/rules/runs/{replay}").text
    assert stage(store, ids)[0] == "1" and (store.settings.home / FILE).read_text() == OWN
    again = inside.send(f"/consolidation/rules/runs/{number}/force", {"why": "twice"})
    assert again.status_code == 409, "others came into force since"
    assert "our protocol" in inside.get("/consolidation/rules").text
    back = run_of(inside.send("/consolidation/rules", {"text": "", "do": "try"}))
    run_of(inside.send(f"/consolidation/rules/runs/{back}/force", {"why": "the shipped ones after all"}))
    assert stage(store, ids)[0] == "2" and not (store.settings.home / FILE).exists()
    assert audit.verify(store) == []
    page = inside.get("/consolidation/rules").text
    assert "the shipped ones after all" in page and "revision=1#own" in page
    assert "lowest" in inside.get("/consolidation/rules?revision=1").text


def test_rules_tell_what_they_decided(client, at_once):
    inside = client("administrator")
    assert "was not counted yet" in inside.get("/consolidation/rules").text
    run_of(inside.send("/consolidation/rules", {"do": "count"}))
    page = inside.get("/consolidation/rules").text
    assert "the most specific <strong>1</strong>" in page and 'id="rule-site"' in page
    assert "Preview what would change" not in client("registrar").get("/consolidation/rules").text


def test_faulty_rules_are_told_with_all_their_faults_and_the_text_is_kept(client):
    text = '[[rule]]\nid = "x"\nchain = "cake"\nitems = [764]\nby = ["fortune"]\n'
    answer = client("administrator").send("/consolidation/rules", {"text": text, "do": "try"})
    assert answer.status_code == 422
    assert "neither patient nor tumor" in answer.text and "fortune" in answer.text and "cake" in answer.text


def test_a_rule_to_change_is_written_out(client):
    page = client("administrator").get("/consolidation/rules?change=site").text
    assert "by = [&#34;specific&#34;, &#34;source&#34;]" in page


# ---- in the browser ----------------------------------------------------------------------------------------------------


def test_a_session_by_keyboard(
    browser_page, store, ids, waiting, assert_accessible, assert_no_foreign_requests
) -> None:
    page = browser_page("registrar")
    page.goto("/consolidation/")
    assert_accessible(page)
    page.keyboard.press("b")
    page.wait_for_selector("#item-2240.is-here")
    page.keyboard.press("n")
    page.wait_for_selector("#item-522.is-here")
    assert_accessible(page)
    page.keyboard.press("2")
    page.wait_for_selector("#choose.is-picking")
    assert "Histologic Type ICD-O-3 of Lakeside Clinic: why?" in page.inner_text("[data-what]")
    assert_accessible(page)
    page.keyboard.type("slides seen")
    page.keyboard.press("Enter")
    page.wait_for_selector(".done-line")
    with store.reading() as db:
        assert db.get_one(Tumor, waiting).items["522"] == "8520"
    page.wait_for_selector("#item-764.is-here")  # the next that waits
    page.keyboard.press("u")
    page.wait_for_selector("text=Taken back: the rule decides again.")
    page.wait_for_selector("#item-522.is-here")
    with store.reading() as db:
        assert db.get_one(Tumor, waiting).items["522"] == "8500"
    page.keyboard.press("/")
    page.keyboard.type("grade")
    page.wait_for_selector("#item-522", state="hidden")
    page.keyboard.press("Escape")
    page.wait_for_selector("#item-522", state="visible")
    page.keyboard.press("j")
    page.wait_for_selector("#item-522:not(.is-here)")
    page.keyboard.press("d")
    page.wait_for_url("**show=differs")
    assert_accessible(page)
    assert_no_foreign_requests(page)


def test_the_pages_in_the_dark_and_on_a_narrow_screen(browser_page, ids, waiting, assert_accessible) -> None:
    page = browser_page("administrator", color_scheme="dark", viewport={"width": 390, "height": 844})
    for place in (at(ids), "/consolidation/", "/consolidation/rules"):
        page.goto(place)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place


def test_without_javascript_a_reason_and_a_button_choose(browser_page, store, ids, lakeside) -> None:
    page = browser_page("registrar", java_script_enabled=False)
    page.goto(at(ids))
    page.fill("#why", WHY)
    page.click(f"button[name=pick][value='764:{lakeside}']")
    page.wait_for_selector(".done-line")
    assert stage(store, ids)[0] == "1"
