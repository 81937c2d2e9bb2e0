"""The review of linkage: a session by keyboard, who sees and decides what, two reviewers at once, decisions taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.linkage import decisions
from registry.models import AccessLog, PatientRecord, Tumor
from registry.models.linkage import LinkageDecision, LinkagePair, LinkageRun, TumorDecision, TumorPair
from registry.security import accounts
from registry.views import linkage as views
from registry.views.pairs import differences, steps

GENERAL, LAKESIDE = "0000010001", "0000010002"
PASSWORD = "quiet-lantern-42"

TWICE = [
    # last and first name at General, at Lakeside; birth date at both; what the engine would say
    (("HOLMBERG", "ASTRID"), ("HOLMBURG", "ASTRID"), "19510203", 0.998, {}),
    (
        ("OKONKWO", "DANIEL"),
        ("OKONKWO", "SAMUEL"),
        "19620704",
        0.62,
        {"given-name": "the given names differ and no number says that they are one person: a twin or sibling"},
    ),
    (("PETROVA", "IRINA"), ("PETROVA", "IRENA"), "19440930", 0.55, {}),
    (("QUIROGA", "LUZ"), ("QUIROGA", "LUZ M"), "19780111", 0.31, {}),
]


class Reports:
    """One report of each of the people, from one facility."""

    format, version, done = "test", "260", 0.0

    def __init__(self, side: int, facility: str):
        self.side, self.facility = side, facility

    def __iter__(self) -> Any:
        for n, row in enumerate(TWICE):
            last, first = row[self.side]
            person = {
                20: f"T{self.side}{n:03d}",
                2230: last,
                2240: first,
                240: row[2],
                225: "2",
                2320: f"90000{n:04d}",
                1760: "1",
            }
            person |= {1750: "20240115", 2350: f"{n + 10} MAIN ST", 1810: "SPRINGFIELD", 1830: "32801"}
            tumor = {
                60: "01",
                400: "C509",
                522: "8500",
                523: "3",
                390: "20190304",
                410: "1",
                540: self.facility,
                610: "14",
            }
            yield IncomingPatient(n + 1, person, [IncomingTumor(1, tumor | {550: f"2019{self.side}{n:04d}"})], "")


@pytest.fixture
def pairs(app: Any) -> list[int]:
    """Four pairs of reports of two facilities, surest first, as a run would have left them; a second registrar."""
    store: Store = app.extensions["store"]
    for side, facility in ((0, GENERAL), (1, LAKESIDE)):
        run_import(store, Reports(side, facility), name=f"twice-{side}.xml", who="tester", source=f"twice-{side}")
    with store.writing() as db:
        by_number = {r.patient_id_number: r.id for r in db.scalars(select(PatientRecord))}
        run = LinkageRun(
            kind="registry",
            who="tester",
            state="done",
            thresholds={"match": 0.95, "review": 0.05},
            report={"records": 13, "candidates": 40, "automatic": 0, "review": 4},
        )
        db.add(run)
        db.flush()
        made = []
        for n, row in enumerate(TWICE):
            pair = LinkagePair(
                run_id=run.id,
                left_id=by_number[f"T0{n:03d}"],
                right_id=by_number[f"T1{n:03d}"],
                score=row[3],
                weight=9.0 - 4 * n,
                verdict="review",
                weights={"prior": -11.5, "last": 6.2, "first": 5.0 - 4 * n, "dob": 9.3},
                levels={
                    "last": "one letter" if n == 0 else "same",
                    "first": "same" if n == 0 else "similar",
                    "dob": "same",
                },
                conflicts=row[4],
            )
            db.add(pair)
            made.append(pair)
        db.flush()
        accounts.create(db, "second", PASSWORD, ["registrar"], who="test", full_name="Sigrid Second", must_change=False)
        return [pair.id for pair in made]


def decide(client: Any, store: Store, pair_id: int, do: str, *, query: str = "", **more: str) -> Any:
    """Sends a decision as the form of the page does."""
    with store.reading() as db:
        version = str(db.get_one(LinkagePair, pair_id).version_id)
    return client.send(f"/linkage/{pair_id}/decide{query}", {"do": do, "version": version} | more)


def state(store: Store, pair_id: int) -> str:
    with store.reading() as db:
        return db.get_one(LinkagePair, pair_id).state


def persons(store: Store, pair_id: int) -> int:
    """How many persons the two reports of a pair are."""
    with store.reading() as db:
        pair = db.get_one(LinkagePair, pair_id)
        rows = select(PatientRecord.patient_id).where(PatientRecord.id.in_([pair.left_id, pair.right_id])).distinct()
        return len(db.scalars(rows).all())


# ---- the queue ---------------------------------------------------------------------------------------------------------


def test_an_empty_registry_says_what_to_do_next(client: Callable[..., Any]) -> None:
    page = client("registrar").get("/linkage").text
    assert "Nothing was compared yet" in page and "Compare all reports" in page
    assert "An account that is not bound to a facility starts it" in client("general").get("/linkage").text


def test_pairs_stand_by_score_with_their_conflicts_and_the_last_run(
    client: Callable[..., Any], pairs: list[int]
) -> None:
    page = client("registrar").get("/linkage").text
    assert [page.index(name) for name in ("HOLMBURG", "SAMUEL", "IRENA", "LUZ M")] == sorted(
        page.index(name) for name in ("HOLMBURG", "SAMUEL", "IRENA", "LUZ M")
    )
    assert "given name" in page and "twice-0" not in page.split("<h2")[0]
    assert "Compare again" in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("low=0.5&high=0.7", {"SAMUEL", "IRENA"}),
        ("conflict=any", {"SAMUEL"}),
        ("conflict=given-name", {"SAMUEL"}),
        ("conflict=none", {"HOLMBURG", "IRENA", "LUZ M"}),
        ("state=linked", set()),
        ("verdict=match", set()),
        ("state=all", {"HOLMBURG", "SAMUEL", "IRENA", "LUZ M"}),
    ],
)
def test_filters(client: Callable[..., Any], pairs: list[int], query: str, names: set[str]) -> None:
    page = client("registrar").get(f"/linkage?{query}").text
    assert {name for name in ("HOLMBURG", "SAMUEL", "IRENA", "LUZ M") if name in page} == names


@pytest.mark.parametrize("query", ["low=two", "high=7", "state=lost", "verdict=sure", "conflict=none-such"])
def test_a_filter_that_cannot_be_is_told(client: Callable[..., Any], query: str) -> None:
    assert client("registrar").get(f"/linkage?{query}").status_code == 422


def test_pages_go_by_key_in_both_directions(app: Any, pairs: list[int]) -> None:
    from registry.security.permissions import PROGRAM

    with app.extensions["store"].reading() as db:
        first = views.queue(db, PROGRAM, views.Filters(), size=3)
        assert [line.id for line in first.lines] == pairs[:3] and first.after and not first.before
        last = first.lines[-1]
        second = views.queue(db, PROGRAM, views.Filters(), views.Cursor(last.score, last.id), size=3)
        assert [line.id for line in second.lines] == pairs[3:] and second.before and not second.after
        back = views.Cursor(second.lines[0].score, second.lines[0].id, forward=False)
        assert views.Cursor.of(str(back)) == back
        assert [line.id for line in views.queue(db, PROGRAM, views.Filters(), back, size=3).lines] == pairs[:3]


# ---- one pair ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "in_place", "off"),
    [
        ("HOLMBERG", "HOLMBURG", False, ("E", "U")),
        ("Meyer", "MEYER", False, ("", "")),
        ("19510203", "19510302", True, ("23", "32")),
        ("LUZ", "LUZ M", False, ("", " M")),
        ("", "LUZ", False, ("", "")),
        ("STRAßE", "STRASSE", False, ("ß", "SS")),
    ],
)
def test_what_differs_is_told_letter_by_letter(left: str, right: str, in_place: bool, off: tuple[str, str]) -> None:
    runs = differences(left, right, in_place=in_place)
    assert tuple("".join(run.text for run in side if not run.same) for side in runs) == off
    assert tuple("".join(run.text for run in side) for side in runs) == (left, right)


def test_the_steps_begin_with_the_prior_and_end_at_the_total() -> None:
    found = steps({"prior": -10.0, "dob": 9.0, "last": -3.0, "first": 6.0}, {"dob": "same"}, 2.0)
    assert [step.name for step in found] == ["prior", "dob", "first", "last"]
    assert found[-1].after == 2.0 and found[1].level == "same"
    assert steps({"dob": 9.0}, {}, -1.0)[0].weight == -10.0, "the prior is what the fields leave"


def test_a_pair_shows_both_sides_and_logs_the_read(client: Callable[..., Any], app: Any, pairs: list[int]) -> None:
    page = client("registrar").get(f"/linkage/{pairs[0]}").text
    assert 'HOLMB<mark class="off">E</mark>RG' in page and 'HOLMB<mark class="off">U</mark>RG' in page
    assert "one primary" in page or "two primaries" in page or "cannot be told" in page
    with app.extensions["store"].reading() as db:
        assert len(db.scalars(select(AccessLog).where(AccessLog.what == "linkage pair")).all()) == 2


def test_a_conflict_is_told_in_words(client: Callable[..., Any], pairs: list[int]) -> None:
    assert "a twin or sibling" in client("registrar").get(f"/linkage/{pairs[1]}").text


def test_a_reader_without_names_sees_masked_pairs_and_decides_nothing(
    client: Callable[..., Any], app: Any, pairs: list[int]
) -> None:
    for role in ("state", "epidemiologist"):
        reader = client(role)
        for at in ("/linkage", f"/linkage/{pairs[0]}", "/linkage/decisions"):
            page = reader.get(at).text
            for hidden in ("HOLMB", "ASTRID", "900000000", "1951-02", "19510203", "MAIN ST", "T0000"):
                assert hidden not in page, f"{role} reads {hidden} on {at}"
        page = reader.get(f"/linkage/{pairs[0]}").text
        assert "one letter" in page, "how alike a field is says nothing of whom"
        assert reader.send(f"/linkage/{pairs[0]}/decide", {"do": "link", "version": "1"}).status_code == 403
    assert state(app.extensions["store"], pairs[0]) == "waiting"


def test_a_bound_account_sees_no_pair_with_a_report_of_another_facility(
    client: Callable[..., Any], pairs: list[int]
) -> None:
    bound = client("general")
    assert "HOLMB" not in bound.get("/linkage").text
    assert bound.get(f"/linkage/{pairs[0]}").status_code == 404
    assert bound.send(f"/linkage/{pairs[0]}/decide", {"do": "link", "version": "1"}).status_code == 404


# ---- decisions -----------------------------------------------------------------------------------------------------------


def test_linking_opens_the_next_pair_and_undo_restores(client: Callable[..., Any], app: Any, pairs: list[int]) -> None:
    store, inside = app.extensions["store"], client("registrar")
    answer = decide(inside, store, pairs[0], "link", why="same number")
    assert answer.status_code == 303 and f"/linkage/{pairs[1]}?done=" in answer.headers["Location"]
    assert state(store, pairs[0]) == "linked" and persons(store, pairs[0]) == 1
    page = inside.get(answer.headers["Location"]).text
    assert "One person:" in page and 'data-keys="u"' in page
    with store.reading() as db:
        decision = db.scalars(select(LinkageDecision)).one()
        assert (decision.kind, decision.who, decision.why, decision.automatic) == (
            "link",
            "registrar",
            "same number",
            False,
        )
    answer = inside.send(f"/linkage/decisions/{decision.id}/undo", {"quick": "1"})
    assert answer.headers["Location"].endswith(f"/linkage/{pairs[0]}")
    assert state(store, pairs[0]) == "waiting" and persons(store, pairs[0]) == 2
    assert audit.verify(store) == []


def test_never_keeps_two_persons_and_stands_in_the_log(client: Callable[..., Any], app: Any, pairs: list[int]) -> None:
    store, inside = app.extensions["store"], client("registrar")
    decide(inside, store, pairs[1], "never", why="twins")
    assert state(store, pairs[1]) == "different" and persons(store, pairs[1]) == 2
    page = inside.get("/linkage/decisions").text
    assert "Two persons" in page and "twins" in page and "registrar" in page


def test_the_second_reviewer_is_another_account(client: Callable[..., Any], app: Any, pairs: list[int]) -> None:
    store, first = app.extensions["store"], client("registrar")
    decide(first, store, pairs[1], "second", why="twins?")
    assert state(store, pairs[1]) == "second"
    assert "another account decides" in first.get(f"/linkage/{pairs[1]}").text
    decide(first, store, pairs[1], "link")
    assert state(store, pairs[1]) == "second", "who asked does not decide"
    second = app.test_client()
    token = second.get("/sign-in").text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    second.post("/sign-in", data={"csrf_token": token, "username": "second", "password": PASSWORD})
    assert "twins?" in second.get(f"/linkage/{pairs[1]}").text
    decide(second, store, pairs[1], "never", why="two numbers")
    assert state(store, pairs[1]) == "different"


def test_the_slower_of_two_reviewers_is_told_who_was_faster(
    client: Callable[..., Any], app: Any, pairs: list[int]
) -> None:
    store = app.extensions["store"]
    decide(client("registrar"), store, pairs[0], "link")
    answer = client("administrator").send(f"/linkage/{pairs[0]}/decide", {"do": "never", "version": "1"})
    assert answer.status_code == 409
    assert "registrar decided that they are one person" in answer.text and "Nothing of yours was written" in answer.text
    assert state(store, pairs[0]) == "linked"


def test_an_undo_from_the_log_needs_a_reason(client: Callable[..., Any], app: Any, pairs: list[int]) -> None:
    store, inside = app.extensions["store"], client("registrar")
    decide(inside, store, pairs[0], "link")
    with store.reading() as db:
        number = db.scalars(select(LinkageDecision.id)).one()
    assert inside.send(f"/linkage/decisions/{number}/undo", {"back": "log"}).status_code == 422
    assert inside.send(f"/linkage/decisions/{number}/undo", {"back": "log", "why": "wrong person"}).status_code == 303
    page = inside.get("/linkage/decisions?undone=yes").text
    assert "Taken back by registrar" in page and "wrong person" in page


def test_the_patient_page_tells_of_its_reports_and_leads_to_unlinking(
    client: Callable[..., Any], app: Any, pairs: list[int]
) -> None:
    store, inside = app.extensions["store"], client("registrar")
    decide(inside, store, pairs[0], "link")
    with store.reading() as db:
        pair = db.get_one(LinkagePair, pairs[0])
        patient = db.get_one(PatientRecord, pair.left_id).patient_id
        emptied = db.get_one(PatientRecord, pair.right_id).home_patient_id
    assert inside.get(f"/patients/{emptied}").headers["Location"].endswith(f"/patients/{patient}")
    assert "consists of 2 reports from 2 sources" in inside.get(f"/patients/{patient}").text
    page = inside.get(f"/linkage/persons/{patient}").text
    assert "Undo" in page and "General Hospital" in page and "Lakeside Clinic" in page
    line = inside.get(f"/patients/{patient}/time-line").text
    assert "Linked" in line and "Report received" in line and "Diagnosis" in line
    only = inside.get(f"/patients/{patient}/time-line?kinds=linkage").text
    assert "Linked" in only and "Report received" not in only.split("<ol")[1]


# ---- tumors --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tumor_pair(app: Any, pairs: list[int], client: Callable[..., Any]) -> int:
    """Two abstracts of one linked person whose tumors wait for a person."""
    store = app.extensions["store"]
    decide(client("registrar"), store, pairs[0], "link")
    with store.writing() as db:
        pair = db.get_one(LinkagePair, pairs[0])
        left, right = sorted(
            a.id for n in (pair.left_id, pair.right_id) for a in db.get_one(PatientRecord, n).abstracts
        )
        found = db.scalars(
            select(TumorPair).where(TumorPair.left_id == left, TumorPair.right_id == right)
        ).one_or_none()
        if found is None:
            found = TumorPair(left_id=left, right_id=right, result="questionable", rules_group="breast", rule="M3")
            db.add(found)
        db.flush()
        sure = db.scalars(select(TumorDecision).where(TumorDecision.undone_at.is_(None))).one_or_none()
        if sure is not None:
            decisions.undo_tumor(db, sure.id, who="test", why="a person decides")
        assert found.state == "waiting"
        return found.id


def test_a_link_compares_the_tumors_at_once(client: Callable[..., Any], app: Any, pairs: list[int]) -> None:
    store = app.extensions["store"]
    decide(client("registrar"), store, pairs[0], "link")
    with store.reading() as db:
        pair = db.get_one(LinkagePair, pairs[0])
        left, right = ({a.id for a in db.get_one(PatientRecord, n).abstracts} for n in (pair.left_id, pair.right_id))
        compared = db.scalars(select(TumorPair)).all()
    assert {p.left_id for p in compared} | {p.right_id for p in compared} == left | right


def test_tumors_are_decided_and_taken_back(client: Callable[..., Any], app: Any, tumor_pair: int) -> None:
    store, inside = app.extensions["store"], client("registrar")
    assert "HOLMBERG" in inside.get("/linkage/tumors").text
    page = inside.get(f"/linkage/tumors/{tumor_pair}").text
    assert "C50.9" in page and "One tumor" in page
    with store.reading() as db:
        before = len(db.scalars(select(Tumor.id)).all())
        version = str(db.get_one(TumorPair, tumor_pair).version_id)
    answer = inside.send(f"/linkage/tumors/{tumor_pair}/decide", {"do": "same", "version": version})
    assert answer.status_code == 303
    assert "One tumor" in inside.get("/linkage/decisions?about=tumors").text
    again = inside.send(f"/linkage/tumors/{tumor_pair}/decide", {"do": "different", "version": version})
    assert again.status_code == 409

    with store.reading() as db:
        number = db.scalars(select(TumorDecision.id).where(TumorDecision.undone_at.is_(None))).one()
    inside.send(f"/linkage/tumors/decisions/{number}/undo", {"quick": "1"})
    with store.reading() as db:
        assert db.get_one(TumorPair, tumor_pair).state == "waiting"
        assert len(db.scalars(select(Tumor.id)).all()) == before


# ---- in the browser --------------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_review_session_by_keyboard(
    app: Any, pairs: list[int], browser_page: Any, assert_accessible: Any, assert_no_foreign_requests: Any
) -> None:
    store = app.extensions["store"]
    page = browser_page("registrar")
    page.goto("/linkage")
    assert_accessible(page)
    page.keyboard.press("b")
    page.wait_for_url(f"**/linkage/{pairs[0]}")
    assert_accessible(page)
    page.keyboard.press("l")
    page.wait_for_url(f"**/linkage/{pairs[1]}?done=*")
    assert_accessible(page)
    page.keyboard.press("s")
    page.wait_for_function("document.activeElement.id === 'second-why'")
    page.keyboard.type("twins with neighboring numbers?")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/linkage/{pairs[2]}")
    page.keyboard.press("n")
    page.wait_for_url(f"**/linkage/{pairs[3]}?done=*")
    page.keyboard.press("u")
    page.wait_for_url(f"**/linkage/{pairs[2]}")
    page.wait_for_selector(".notice-success")
    page.keyboard.press("?")
    page.wait_for_selector("dialog#keys-help[open] >> text=Never link: two persons")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#keys-help", state="hidden")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/linkage/{pairs[3]}")
    page.keyboard.press("k")
    page.wait_for_url(f"**/linkage/{pairs[2]}")
    assert [state(store, pair) for pair in pairs] == ["linked", "second", "waiting", "waiting"]
    assert [persons(store, pair) for pair in pairs] == [1, 2, 2, 2]
    assert audit.verify(store) == []
    for at in ("/linkage/decisions", "/linkage/tumors", "/linkage?state=second"):
        page.goto(at)
        assert_accessible(page)
    with store.reading() as db:
        patient = db.get_one(PatientRecord, db.get_one(LinkagePair, pairs[0]).left_id).patient_id
    for at in (f"/linkage/persons/{patient}", f"/patients/{patient}", f"/patients/{patient}/time-line"):
        page.goto(at)
        assert_accessible(page)
    assert_no_foreign_requests(page)


@pytest.mark.browser
@pytest.mark.parametrize(
    "options", [{"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}], ids=["dark", "narrow"]
)
def test_pages_in_the_dark_and_on_a_narrow_screen(
    tumor_pair: int, pairs: list[int], browser_page: Any, assert_accessible: Any, options: dict[str, Any]
) -> None:
    page = browser_page("registrar", **options)
    for at in ("/linkage", f"/linkage/{pairs[1]}", f"/linkage/tumors/{tumor_pair}", "/linkage/decisions"):
        page.goto(at)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), at


def test_a_run_is_started_by_an_account_of_the_whole_registry(client: Callable[..., Any], pairs: list[int]) -> None:
    assert client("general").send("/linkage/run", {"over": "registry"}).status_code == 403
    assert client("state").send("/linkage/run", {"over": "registry"}).status_code == 403
