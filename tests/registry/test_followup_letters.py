"""Letters: one a patient, held where they must be, safe templates, barcodes that a scanner reads, replies."""

from __future__ import annotations

import csv
import io
import re
import zlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.followup import chart, desk, letters, runs
from registry.followup.attempts import by_token, close_silent, learned
from registry.followup.chances import AGES, YEARS, Attempt, Group, fit
from registry.followup.holds import holds, set_hold
from registry.followup.letters_text import (
    LANGUAGES,
    LETTER_SOURCES,
    NAMES,
    SAMPLE,
    LetterText,
    check_text,
    day_in_words,
    drop_text,
    letter_text,
    render,
    save_text,
    shipped,
    slip,
)
from registry.followup.printing import letters_pdf, mailing_list
from registry.followup.replies import Reply, log_attempt, read_day, record_reply
from registry.followup.rules import rule_set
from registry.followup.sources import SOURCES
from registry.followup.standing import Standing, standing
from registry.followup.tokens import SIGNS, grouped, new_token, read_token
from registry.linkage import decisions
from registry.models import Abstract, Facility, Patient, PatientRecord, Physician
from registry.models.followup import ContactAttempt, OutsideFile, OutsideMatch

TODAY = date(2025, 6, 15)
HOME, OTHER = "0000010001", "0000010002"


class Given:
    format, version, done = "test", "", 0.0

    def __init__(self, persons: list[tuple[dict[int, str], list[dict[int, str]]]]):
        self.persons = persons

    def __iter__(self) -> Any:
        for n, (person, tumors) in enumerate(self.persons):
            rows = [
                IncomingTumor(i, {60: f"{i:02d}", 610: "14", 523: "3", 540: HOME} | t) for i, t in enumerate(tumors)
            ]
            yield IncomingPatient(n, {20: f"P{n}"} | person, rows)


ADDRESS = {2350: "1 Main St", 1810: "Springfield", 1820: "FL", 1830: "33111", 1832: "USA"}
BASE = {240: "19500101", 1760: "1", 1750: "20240301"}
PEOPLE = [
    (BASE | ADDRESS | {2230: "TWICE", 2240: "ANN"}, [{390: "20230101", 400: "C509"}, {390: "20240101", 400: "C180"}]),
    (BASE | {2230: "PHYSICIAN", 2240: "BO"}, [{390: "20230101", 400: "C509", 2475: "1234567893"}]),
    (BASE | ADDRESS | {2230: "ABROAD", 2240: "CY", 1832: "MEX"}, [{390: "20230101"}]),
    (BASE | {2230: "CONTACT", 2240: "DI"}, [{390: "20230101", 2394: "KIM CONTACT", 2392: "2 Oak St", 1842: "Elm"}]),
    (BASE | ADDRESS | {2230: "CURRENT", 2240: "EL", 1750: "20250601"}, [{390: "20230101"}]),
    (BASE | {2230: "NOWHERE", 2240: "FI"}, [{390: "20230101"}]),
]


@pytest.fixture
def filled(store: Store) -> Store:
    """Six patients of one facility: who gets a letter and who does not."""
    run_import(store, Given(PEOPLE), name="x", who="t")
    with store.writing() as session:
        # the import made the physician from the number in the case
        doctor = session.scalars(select(Physician).where(Physician.npi == "1234567893")).one()
        doctor.name_first, doctor.name_last, doctor.address, doctor.city = "Pat", "Doe", "9 Elm", "Elm"
        session.scalars(select(Facility)).one().name = "General Hospital"
    return store


def now(session: Any, *, today: date = TODAY, **more: Any) -> Standing:
    return standing(session, rule_set(), as_of=today, facility_id=session.scalars(select(Facility.id)).first(), **more)


def make(store: Store, **more: Any) -> letters.Made:
    with store.writing() as session:
        found = now(session)
        people = more.pop("people", found.view("open"))
        return letters.make_letters(
            session, found, people, who="clerk", title="open", registry_name="Registry", today=TODAY, **more
        )


def by_name(store: Store) -> dict[str, tuple[str, str, str]]:
    with store.reading() as session:
        return {a.patient.name_last: (a.source, a.recipient, a.state) for a in session.scalars(select(ContactAttempt))}


def test_one_letter_a_patient_by_the_way_that_is_open(filled: Store) -> None:
    made = make(filled)
    assert by_name(filled) == {
        "TWICE": ("patient", "ANN TWICE", "waiting"),
        "PHYSICIAN": ("physician", "Pat Doe", "waiting"),
        "CONTACT": ("contact", "KIM CONTACT", "waiting"),
    }
    with filled.reading() as session:
        names = {p.id: p.name_last for p in session.scalars(select(Patient))}
    assert [(names[s.patient_id], s.reason[:10]) for s in made.skipped] == [("NOWHERE", "no letter ")]
    assert audit.verify(filled) == []


def test_nobody_is_written_to_twice_while_a_letter_is_on_its_way(filled: Store) -> None:
    make(filled)
    again = make(filled)
    assert again.run_id is None and {s.reason.split(" is ")[1] for s in again.skipped if " is " in s.reason} == {
        "in the outbox"
    }


HOLDS = [
    # what holds, by which way the letter goes all the same (blank: none)
    ("do-not-send", ""),
    ("do-not-contact", ""),
    ("no-consent", ""),
    ("no-physician", "patient"),
]


@pytest.mark.parametrize(("kind", "way"), HOLDS)
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_wish_holds_the_ways_that_it_speaks_of(filled: Store, kind: str, way: str) -> None:
    with filled.writing() as session:
        number = session.scalars(select(Patient.id).where(Patient.name_last == "TWICE")).one()
        set_hold(session, number, kind, who="clerk")
    make(filled)
    assert by_name(filled).get("TWICE", ("",))[0] == way


def test_a_possible_death_holds_every_letter_until_it_is_decided(filled: Store) -> None:
    with filled.writing() as session:
        file = OutsideFile(
            name="f", kind="deaths", layout="state", title="State", redisclosure="state", received_by="t"
        )
        number = session.scalars(select(Patient.id).where(Patient.name_last == "PHYSICIAN")).one()
        match = OutsideMatch(file=file, row=1, key="k", patient_id=number, score=0.6)
        session.add(match)
    made = make(filled)
    assert "PHYSICIAN" not in by_name(filled)
    assert [s.reason for s in made.skipped if s.patient_id == number] == ["possible death, to be reviewed"]
    with filled.writing() as session:
        session.get_one(OutsideMatch, match.id).state = "rejected"
    make(filled)
    assert "PHYSICIAN" in by_name(filled)


def test_a_death_told_after_the_letter_was_made_takes_it_out_of_the_run(filled: Store) -> None:
    made = make(filled)
    with filled.writing() as session:
        number = session.scalars(select(Patient.id).where(Patient.name_last == "TWICE")).one()
        log_attempt(
            session, number, "phone", Reply(outcome="dead", heard=TODAY, seen="20250610"), who="clerk", today=TODAY
        )
    with filled.writing() as session:
        run = letters.open_run(session, made.run_id or 0)
        assert {a.patient.name_last for a in runs.to_print(session, run)} == {"PHYSICIAN", "CONTACT"}
        assert letters.mark_posted(session, run, who="clerk", on=TODAY) == 2
    assert by_name(filled)["TWICE"][2] == "withdrawn" or by_name(filled)["TWICE"][0] == "phone"


def test_mail_that_came_back_holds_that_address_and_no_other(filled: Store) -> None:
    make(filled)
    answer(filled, "TWICE", outcome="returned")
    with filled.reading() as session:
        found = now(session)
        person = next(p for p in found.people if p.name_last == "TWICE")
        assert person.patient_id in holds(session, [person.patient_id])
        assert found.tried[person.patient_id] == ("patient",)


def answer(store: Store, name: str, today: date = TODAY, **told: Any) -> Any:
    with store.writing() as session:
        attempt = next(a for a in session.scalars(select(ContactAttempt)) if a.patient.name_last == name)
        reply = Reply(**({"outcome": "alive", "heard": today} | told))
        return record_reply(session, attempt, reply, who="clerk", today=today)


def last_contact(store: Store, name: str) -> tuple[str, str]:
    with store.reading() as session:
        patient = session.scalars(select(Patient).where(Patient.name_last == name)).one()
        return patient.items["1750"], patient.items["1760"]


def test_the_date_of_a_letter_is_never_a_contact_and_the_replys_is(filled: Store) -> None:
    made = make(filled)
    with filled.writing() as session:
        letters.mark_posted(session, letters.open_run(session, made.run_id or 0), who="clerk", on=TODAY)
    assert last_contact(filled, "TWICE") == ("20240301", "1"), "posting a letter tells nothing"
    assert answer(filled, "TWICE", heard=date(2025, 6, 12)).fate == "recorded"
    assert last_contact(filled, "TWICE") == ("20250612", "1"), "a patient's reply is a sign of life on its own date"
    with pytest.raises(RegistryError, match="last seen is missing"):
        answer(filled, "PHYSICIAN")
    assert answer(filled, "PHYSICIAN", seen="20250430").fate == "recorded"
    assert last_contact(filled, "PHYSICIAN") == ("20250430", "1")
    with pytest.raises(RegistryError, match="ended already"):
        answer(filled, "PHYSICIAN", seen="20250501")
    assert answer(filled, "CONTACT", outcome="dead", seen="202505").fate == "recorded"
    assert last_contact(filled, "CONTACT") == ("202505", "0")
    assert audit.verify(filled) == []


def test_a_reply_writes_the_source_of_follow_up_cancer_status_and_a_new_address(filled: Store) -> None:
    make(filled)
    answer(filled, "TWICE", cancer_status="1", address={"street": "5 New St", "city": "Newtown"})
    with filled.reading() as session:
        patient = session.scalars(select(Patient).where(Patient.name_last == "TWICE")).one()
        abstracts = session.scalars(
            select(Abstract).join(Abstract.record).where(Abstract.record.has(patient_id=patient.id))
        )
        assert {(a.items["1790"], a.items["1770"], a.items["1772"]) for a in abstracts} == {("3", "1", "20250615")}
        assert (patient.items["2350"], patient.items["1810"]) == ("5 New St", "Newtown")


def test_no_more_letters_becomes_a_hold(filled: Store) -> None:
    make(filled)
    answer(filled, "TWICE", outcome="refused")
    answer(filled, "PHYSICIAN", outcome="refused")
    with filled.reading() as session:
        found = holds(session, session.scalars(select(Patient.id)).all())
        kinds = sorted(hold.kind.id for held in found.values() for hold in held)
    assert kinds == ["do-not-send", "foreign", "no-physician"]


def test_letters_without_an_answer_become_silent_and_teach_the_model(filled: Store) -> None:
    made = make(filled)
    with filled.writing() as session:
        letters.mark_posted(session, letters.open_run(session, made.run_id or 0), who="clerk", on=TODAY)
    later = date(2025, 8, 1)
    with filled.writing() as session:
        assert not learned(session, as_of=TODAY)
        assert [a.answered for a in learned(session, as_of=later).elements()] == [False, False, False]
        assert close_silent(session, as_of=later, who="clerk") == 3
    with filled.reading() as session:
        found = now(session, today=later)
        assert found.out == {} and sorted(found.tried.values()) == [("contact",), ("patient",), ("physician",)]
        assert found.model.fits["patient"].attempts == 1


def test_a_run_is_taken_back(filled: Store) -> None:
    made = make(filled)
    with filled.writing() as session:
        assert (
            letters.take_back(session, letters.open_run(session, made.run_id or 0), who="clerk", why="wrong list") == 3
        )
    assert make(filled).run_id is not None


def test_the_pdf_has_a_page_a_letter_and_its_barcode_is_the_number(filled: Store) -> None:
    made = make(filled)
    with filled.writing() as session:
        run = letters.open_run(session, made.run_id or 0)
        run.attempts[0].body = "Zażółć gęślą jaźń " * 4  # a name that the standard fonts cannot write
        going = runs.to_print(session, run)
        by = letters.sender(session, "Registry", run.facility_id)
        wide = letters_pdf(going, by, on=TODAY)
        run.attempts[0].body = "Dear Ann"
        content = letters_pdf(going, by, on=TODAY)
        tokens = [a.token for a in sorted(going, key=lambda a: (a.source, a.recipient))]
        table = list(csv.reader(io.StringIO(mailing_list(going))))
    assert wide.startswith(b"%PDF") and b"DejaVu" in wide
    assert len(re.findall(rb"/Type /Page\b", content)) == 3
    assert [read for read in map(code39, pages(content)) if read] == tokens
    assert [row[2] for row in table[1:]] == ["contact", "patient", "physician"]
    assert table[2][4:7] == ["ANN TWICE", "1 Main St", "Springfield, FL 33111"]


def pages(content: bytes) -> list[bytes]:
    found = []
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S):
        try:  # an object and not `zlib.decompress`: a checksum that ends in a line feed's byte loses it to the pattern
            found.append(zlib.decompressobj().decompress(part))
        except zlib.error:  # a font file or an image that is not deflated
            continue
    return [page for page in found if page.count(b" re f") > 50]


NARROW = {
    "0": "nnnwwnwnn", "1": "wnnwnnnnw", "2": "nnwwnnnnw", "3": "wnwwnnnnn", "4": "nnnwwnnnw", "5": "wnnwwnnnn",
    "6": "nnwwwnnnn", "7": "nnnwnnwnw", "8": "wnnwnnwnn", "9": "nnwwnnwnn", "A": "wnnnnwnnw", "B": "nnwnnwnnw",
    "C": "wnwnnwnnn", "D": "nnnnwwnnw", "E": "wnnnwwnnn", "F": "nnwnwwnnn", "G": "nnnnnwwnw", "H": "wnnnnwwnn",
    "J": "nnnnwwwnn", "K": "wnnnnnnww", "M": "wnwnnnnwn", "N": "nnnnwnnww", "P": "nnwnwnnwn", "Q": "nnnnnnwww",
    "R": "wnnnnnwwn", "S": "nnwnnnwwn", "T": "nnnnwnwwn", "V": "nwwnnnnnw", "W": "wwwnnnnnn", "X": "nwnnwnnnw",
    "Y": "wwnnwnnnn", "Z": "nwwnwnnnn", "*": "nwnnwnwnn",
}  # fmt: skip
"""Code 39 as ISO/IEC 16388 has it: five bars and four spaces a sign, three of them wide."""


def code39(page: bytes) -> str:
    """Reads the bars of a page as a scanner does: by the widths of bars and of the spaces between them."""
    bars = [tuple(map(float, m)) for m in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) (-?[\d.]+) re f", page)]
    bars = sorted((x, width) for x, _, width, height in bars if abs(height) > 20)
    if not bars:
        return ""
    widths = []
    for (x, width), following in zip(bars, [*bars[1:], None]):
        widths.append(width)
        if following is not None:
            widths.append(following[0] - x - width)
    wide = (min(widths) + max(widths)) / 2
    signs = {pattern: sign for sign, pattern in NARROW.items()}
    letters_ = ["".join("w" if w > wide else "n" for w in widths[n : n + 9]) for n in range(0, len(widths), 10)]
    text = "".join(signs.get(letter, "?") for letter in letters_)
    return text.strip("*")


@given(st.integers(0, 8), st.sampled_from(SIGNS))
def test_a_wrong_sign_in_a_number_is_found(place: int, sign: str) -> None:
    token = new_token()
    assert read_token(grouped(token).lower()) == token
    wrong = token[:place] + sign + token[place + 1 :]
    assert (read_token(wrong) == wrong) == (wrong == token)


def test_numbers_that_were_misread_are_told_from_numbers_of_nobody(filled: Store) -> None:
    with filled.reading() as session:
        with pytest.raises(RegistryError, match="is no number of a letter"):
            by_token(session, "12345")
        with pytest.raises(RegistryError, match="no letter of this registry"):
            by_token(session, new_token())


# ---- templates ---------------------------------------------------------------------------------------------------------


def test_every_way_has_a_letter_and_a_slip_in_every_language() -> None:
    assert set(shipped()) == {(source, language) for source in LETTER_SOURCES for language in LANGUAGES}
    for text in shipped().values():
        subject, body = render(text, SAMPLE)
        assert subject and "Sample" in body and "{{" not in body
        assert slip(text.language).months[0] and text.source in SOURCES


def test_letters_to_patients_and_contacts_cannot_name_a_diagnosis_and_none_can_name_a_death() -> None:
    for source in ("patient", "contact"):
        assert check_text(source, "x", "{{ diagnosis }}") == ["text, line 1: diagnosis is not used in this letter"]
    assert not any("death" in name or "vital" in name or "cause" in name for name in NAMES)


HOSTILE = [
    "{{ ''.__class__.__mro__ }}",
    "{{ patient_name.__class__ }}",
    "{{ patient_name['x'] }}",
    "{{ patient_name() }}",
    "{{ config }}",
    "{{ self }}",
    "{{ 'a' * 999999999 }}",
    "{% for i in range(99999999) %}x{% endfor %}",
    "{% set x = 1 %}",
    "{% macro m() %}{% endmacro %}",
    "{% include 'x' %}",
    "{% import 'os' as os %}",
    "{{ patient_name|attr('__class__') }}",
    "{{ lipsum }}",
    "{{ patient_name",
    "{% if patient_name %}",
    "{{ " + "not " * 900 + "1 }}",
    "x" * 5000,
    "",
]


@pytest.mark.parametrize("text", HOSTILE, ids=[t[:24] or "empty" for t in HOSTILE])
def test_a_template_that_is_more_than_words_is_refused_with_the_place(text: str) -> None:
    faults = check_text("physician", "subject", text)
    assert faults and all(fault for fault in faults)
    with pytest.raises(RegistryError):
        render(LetterText("physician", "en", "subject", text), SAMPLE)


@given(st.text(max_size=200))
def test_any_text_is_either_rendered_or_its_faults_are_named(text: str) -> None:
    faults = check_text("physician", "subject", text)
    if not faults:
        assert isinstance(render(LetterText("physician", "en", "subject", text), SAMPLE)[1], str)


def test_an_own_letter_is_in_force_until_it_is_dropped(store: Store) -> None:
    own = LetterText("patient", "es", "Hola", "Estimado/a {{ patient_name }}", HOME)
    with store.writing() as session:
        save_text(session, own, who="clerk")
        assert letter_text(session, "patient", "es", HOME).subject == "Hola"
        assert letter_text(session, "patient", "es", OTHER).subject == shipped()[("patient", "es")].subject
        with pytest.raises(RegistryError, match="not used in this letter"):
            save_text(session, LetterText("patient", "es", "Hola", "{{ diagnosis }}", HOME), who="clerk")
        drop_text(session, "patient", "es", HOME, who="clerk")
        assert letter_text(session, "patient", "es", HOME).subject == shipped()[("patient", "es")].subject
    assert audit.verify(store) == []


DAYS_IN_WORDS = [
    ("20250203", "en", "February 3, 2025"),
    ("20250203", "es", "3 de febrero de 2025"),
    ("20250203", "fr", "3 février 2025"),
    ("202502", "fr", "février 2025"),
    ("202502", "es", "febrero de 2025"),
    ("2025", "en", "2025"),
    ("", "en", "a day that we do not know"),
]


@pytest.mark.parametrize(("coded", "language", "words"), DAYS_IN_WORDS)
def test_days_in_words(coded: str, language: str, words: str) -> None:
    assert day_in_words(coded, language) == words


def test_a_patient_is_written_to_in_their_language_and_a_contact_person_is_asked(filled: Store) -> None:
    with filled.writing() as session:
        numbers = {p.name_last: p.id for p in session.scalars(select(Patient))}
        chart.save_profile(session, numbers["TWICE"], language="es", email="", note="", who="clerk")
        told = {"name": "Lee Friend", "street": "3 Pine", "city": "Elm", "state": "FL", "language": "fr"}
        chart.save_person(session, numbers["NOWHERE"], told, who="clerk")
        with pytest.raises(RegistryError, match="no e-mail address"):
            chart.save_profile(session, numbers["TWICE"], language="", email="not an address", note="", who="clerk")
        with pytest.raises(RegistryError, match="the name is missing"):
            chart.save_person(session, numbers["NOWHERE"], {"city": "x"}, who="clerk")
    make(filled)
    with filled.reading() as session:
        found = {a.patient.name_last: (a.language, a.recipient) for a in session.scalars(select(ContactAttempt))}
    assert found["TWICE"] == ("es", "ANN TWICE") and found["NOWHERE"] == ("fr", "Lee Friend")


def test_language_and_wishes_follow_a_person_who_was_linked_and_go_back_with_them(filled: Store) -> None:
    with filled.writing() as session:
        numbers = {p.name_last: p.id for p in session.scalars(select(Patient))}
        home, other = numbers["TWICE"], numbers["NOWHERE"]
        reports = {r.patient_id: r.id for r in session.scalars(select(PatientRecord))}
        assert home < other
        chart.save_profile(session, other, language="es", email="x@example.org", note="", who="clerk")
        set_hold(session, other, "do-not-send", who="clerk", reason="asked")
        decision = decisions.link(session, [reports[home], reports[other]], who="clerk", why="one person").id
    with filled.reading() as session:
        assert set(chart.profiles(session, [home, other])) == {home}
        assert chart.profiles(session, [home])[home].language == "es"
        assert chart.chart(session, home).profile.email == "x@example.org"
        assert [hold.kind.id for hold in holds(session, [home])[home]] == ["do-not-send"]
    with filled.writing() as session:
        # the last word is that of the person who stands, also while they are one
        chart.save_profile(session, home, language="fr", email="", note="", who="clerk")
    with filled.reading() as session:
        assert chart.profiles(session, [home])[home].language == "fr"
    with filled.writing() as session:
        decisions.undo(session, decision, who="clerk", why="two persons")
    with filled.reading() as session:
        kept = chart.profiles(session, [home, other])
        assert (kept[home].language, kept[other].language, kept[other].email) == ("fr", "es", "x@example.org")
        assert set(holds(session, [home, other])) == {other}


# ---- the desk ----------------------------------------------------------------------------------------------------------

TYPED_DAYS = [
    ("20250610", "20250610"),
    ("2025-06-10", "20250610"),
    ("6/10/2025", "20250610"),
    ("6/1/25", "20250601"),
    ("061025", "20250610"),
    ("063099", "19990630"),
    ("2025-06", "202506"),
    ("202506", "202506"),
    ("2025", "2025"),
    ("t", "20250615"),
    ("T-3", "20250612"),
]


@pytest.mark.parametrize(("typed", "coded"), TYPED_DAYS)
def test_typed_days(typed: str, coded: str) -> None:
    assert read_day(typed, today=TODAY) == coded


@pytest.mark.parametrize("typed", ["", "soon", "13/45/2025", "99", "2025-13", "t-x"])
def test_typed_days_that_are_none(typed: str) -> None:
    with pytest.raises(RegistryError, match="no day"):
        read_day(typed, today=TODAY)


def test_the_desk_saves_each_line_for_itself_and_loses_none(filled: Store) -> None:
    make(filled)
    with filled.reading() as session:
        tokens = {a.patient.name_last: a.token for a in session.scalars(select(ContactAttempt))}
        line = desk.line(session, grouped(tokens["TWICE"]))
        assert (line.name_last, line.source, line.sites) == ("TWICE", "patient", ("C180", "C509"))
    typed = [
        (tokens["PHYSICIAN"], {"outcome": "alive"}),
        (tokens["TWICE"], {"outcome": "alive", "heard": "t-2", "cancer": "1"}),
        (tokens["CONTACT"], {"outcome": "", "note": "kept"}),
    ]
    saved, faulty = desk.save_lines(filled, typed, who="clerk", today=TODAY)
    assert [one.name_last for one in saved] == ["TWICE"]
    assert [(one.name_last, one.typed.get("note", "")) for one in faulty] == [("PHYSICIAN", ""), ("CONTACT", "kept")]
    assert last_contact(filled, "TWICE") == ("20250613", "1")
    assert audit.verify(filled) == []
    with filled.reading() as session, pytest.raises(RegistryError, match="answered already"):
        desk.line(session, tokens["TWICE"])


# ---- the model ---------------------------------------------------------------------------------------------------------


def test_without_attempts_the_prior_of_the_source_stands_and_many_move_it() -> None:
    here = Group(AGES[0][1], YEARS[0][1], "", False)
    there = Group(AGES[2][1], YEARS[3][1], "", True)
    assert fit(()).chance("patient", here) == pytest.approx(SOURCES["patient"].before)
    log = [Attempt("patient", here, n % 10 < 9) for n in range(200)] + [
        Attempt("patient", there, n % 10 < 1) for n in range(200)
    ]
    model = fit(log)
    assert model.chance("patient", here) == pytest.approx(0.9, abs=0.05)
    assert model.chance("patient", there) == pytest.approx(0.1, abs=0.05)
    assert model.chance("phone", there) == pytest.approx(SOURCES["phone"].before)
    few = fit(log[:2]).chance("patient", here)
    assert SOURCES["patient"].before < few < 0.7, "two answers move little"


@given(st.lists(st.tuples(st.sampled_from(list(SOURCES)), st.booleans(), st.booleans()), max_size=40))
def test_a_chance_is_always_a_probability(told: list[tuple[str, bool, bool]]) -> None:
    model = fit(Attempt(s, Group(AGES[1][1], YEARS[1][1], "", moved), answered) for s, moved, answered in told)
    for source in SOURCES:
        assert 0 < model.chance(source, Group(AGES[3][1], YEARS[0][1], "", False, 2)) < 1
