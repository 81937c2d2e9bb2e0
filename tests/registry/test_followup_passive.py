"""Death files and encounter lists: every row accounted for, taken only where sure, reviewed otherwise, taken back."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.followup import passive, reviews
from registry.followup.layouts import DEATHS, ENCOUNTERS, Fault, Row, layout, layouts, read_file
from registry.followup.matching import exact
from registry.models import Patient
from registry.models.followup import OutsideMatch, ValueSource

TODAY = date(2025, 6, 15)
HOME = "0000010001"
HEADER = "certificate,last,first,middle,sex,dob,ssn,dod,cause_of_death,icd_revision"


class Given:
    format, version, done = "test", "", 0.0

    def __init__(self, persons: list[dict[int, str]]):
        self.persons = persons

    def __iter__(self) -> Any:
        for n, person in enumerate(self.persons):
            tumor = {60: "01", 610: "14", 523: "3", 540: HOME, 390: "20230101", 2300: f"M{n}", 400: "C509"}
            base = {20: f"P{n}", 1760: "1", 1750: "20240301", 1910: "0000"}
            yield IncomingPatient(n, base | person, [IncomingTumor(0, tumor)])


ANN = {2230: "ROE", 2240: "ANN", 2250: "B", 225: "2", 240: "19500101", 2320: "900110001"}
BOB = {2230: "DOE", 2240: "BOB", 225: "1", 240: "19480707", 2320: "900110002"}
CAL = {2230: "POE", 2240: "CAL", 225: "1", 240: "19390909", 1760: "0", 1750: "20240102", 1910: "C509"}


@pytest.fixture
def filled(store: Store) -> Store:
    run_import(store, Given([ANN, BOB, CAL]), name="x", who="t")
    return store


def load(store: Store, tmp_path: Path, text: str, name: str = "state", **more: Any) -> passive.Report:
    path = tmp_path / "file.csv"
    path.write_text(text)
    return passive.load_file(store, path, name, who="clerk", matcher=exact, today=TODAY, **more)


def person(store: Store, name: str) -> dict[str, str]:
    with store.reading() as session:
        return dict(session.scalars(select(Patient).where(Patient.name_last == name)).one().items)


ROWS = [
    # row, fate
    ("S1,ROE,ANN,B,2,19500101,900110001,20250210,C349,1", "accepted"),
    ("S2,DOE,ROBERT,,1,19480707,900110002,20250211,I251,1", "review"),  # first name differs: two of three
    ("S3,STRANGER,SAM,,1,19400101,900110009,20250211,I251,1", "unmatched"),
    ("S4,ROE,ANN,B,2,19500101,900110001,yesterday,C349,1", "rejected"),
    ("S5,ROE,ANN,B,2,19500101,900110001,20270101,C349,1", "rejected"),
    ("S6,ROE,ANN,B,2,19500101,900110001,19400101,C349,1", "rejected"),
    ("S7,,,,2,19500101,,20250210,C349,1", "rejected"),
    ("S8,ROE,ANN", "rejected"),
]


def test_every_row_has_one_fate_and_every_rejected_one_its_reason(filled: Store, tmp_path: Path) -> None:
    report = load(filled, tmp_path, "\n".join([HEADER, *(row for row, _ in ROWS)]))
    told = report.as_dict()
    for fate in ("accepted", "review", "unmatched", "rejected", "known", "left_out"):
        assert told[fate] == sum(wanted == fate for _, wanted in ROWS), fate
    assert told["rows_in"] == len(ROWS)
    assert [(reason["row"], reason["code"]) for reason in told["reasons"]] == [
        (4, "date"),
        (5, "date"),
        (6, "date"),
        (7, "person"),
        (8, "row"),
    ]
    ann = person(filled, "ROE")
    assert (ann["1760"], ann["1750"], ann["1910"], ann["1791"], ann["2380"]) == ("0", "20250210", "C349", "05", "S1")
    assert person(filled, "DOE")["1760"] == "1", "what is not sure changes nothing"
    with filled.reading() as session:
        said = {v.item: (v.source, v.redisclosure) for v in session.scalars(select(ValueSource))}
    assert said[1910] == ("State vital records", "state")
    assert audit.verify(filled) == []


def test_the_same_file_and_the_same_row_change_nothing_twice(filled: Store, tmp_path: Path) -> None:
    text = f"{HEADER}\n{ROWS[0][0]}\n"
    first = load(filled, tmp_path, text)
    again = load(filled, tmp_path, text)
    assert again.again and again.file_id == first.file_id
    longer = load(filled, tmp_path, text + ROWS[2][0])
    assert (longer.known, longer.unmatched, longer.accepted) == (1, 1, 0)


def test_what_was_accepted_is_taken_back_and_not_asked_again(filled: Store, tmp_path: Path) -> None:
    load(filled, tmp_path, f"{HEADER}\n{ROWS[0][0]}\n")
    with filled.writing() as session:
        number = session.scalars(select(OutsideMatch.id)).one()
        with pytest.raises(RegistryError, match="needs a reason"):
            passive.undo_match(session, number, who="clerk", why="")
    with filled.writing() as session:
        assert passive.undo_match(session, number, who="clerk", why="her twin") == []
    ann = person(filled, "ROE")
    assert (ann["1760"], ann["1750"], ann["1910"]) == ("1", "20240301", "0000")
    with filled.reading() as session:
        assert all(v.withdrawn_at is not None for v in session.scalars(select(ValueSource)))
    later = load(filled, tmp_path, f"{HEADER}\n{ROWS[0][0]}\n\n")
    assert (later.known, later.accepted) == (1, 0)
    assert audit.verify(filled) == []


def test_a_match_is_decided_once(filled: Store, tmp_path: Path) -> None:
    load(filled, tmp_path, f"{HEADER}\n{ROWS[1][0]}\n")
    with filled.writing() as session:
        number = passive.waiting(session)[0].id
        effect = passive.decide_match(session, number, True, who="clerk", today=TODAY)
        assert effect is not None and effect.fate == "recorded"
    assert person(filled, "DOE")["1750"] == "20250211"
    with filled.writing() as session, pytest.raises(RegistryError, match="decided this already"):
        passive.decide_match(session, number, False, who="clerk")


CONFLICTS = [
    ("another number", "C1,ROE,ANN,B,2,19500101,900119999,20250210,C349,1", "another social security number"),
    ("another sex", "C2,ROE,ANN,B,1,19500101,900110001,20250210,C349,1", "the sex differs"),
    ("before the last contact", "C3,ROE,ANN,B,2,19500101,900110001,20240101,C349,1", "before the last contact"),
    ("before the diagnosis", "C4,ROE,ANN,B,2,19500101,900110001,20220101,C349,1", "before the diagnosis"),
]


def test_a_conflict_is_never_accepted_by_itself(filled: Store, tmp_path: Path) -> None:
    for name, row, words in CONFLICTS:
        report = load(filled, tmp_path, f"{HEADER}\n{row}\n")
        assert (report.accepted, report.review) == (0, 1), name
        with filled.writing() as session:
            match = passive.waiting(session)[0]
            assert words in match.why, name
            passive.decide_match(session, match.id, False, who="clerk", why=name)
    assert person(filled, "ROE")["1760"] == "1"


def test_two_deaths_for_one_person_go_to_a_person(filled: Store, tmp_path: Path) -> None:
    second = ROWS[0][0].replace("S1", "S9").replace("20250210", "20250411")
    report = load(filled, tmp_path, f"{HEADER}\n{ROWS[0][0]}\n{second}\n")
    assert (report.accepted, report.review) == (0, 2)


def test_a_dry_run_writes_nothing(filled: Store, tmp_path: Path) -> None:
    report = load(filled, tmp_path, f"{HEADER}\n{ROWS[0][0]}\n", dry_run=True)
    assert report.accepted == 1 and report.file_id is None
    assert person(filled, "ROE")["1760"] == "1"
    with filled.reading() as session:
        assert session.scalars(select(OutsideMatch)).all() == []


ENCOUNTER_ROWS = [
    ("E1,0000010001,M0,ROE,ANN,2,19500101,20250601,visit", "accepted"),
    ("E2,0000010001,M1,DOE,BOB,1,19480707,20250601,billing", "left_out"),
    ("E3,0000010001,M1,DOE,BOB,1,19480707,20250601,no-show", "left_out"),
    ("E4,0000010001,M1,DOE,BOB,1,19480707,20250601,Cancelled", "left_out"),
    ("E5,0000010001,M1,DOE,BOB,1,19480707,20250601,dance", "rejected"),
    ("E6,0000010001,M2,POE,CAL,1,19390909,20250601,visit", "review"),  # seen after the death in the record
]


def test_only_an_encounter_at_which_somebody_saw_the_patient_is_a_contact(filled: Store, tmp_path: Path) -> None:
    header = "encounter,facility,mrn,last,first,sex,dob,date,kind"
    report = load(filled, tmp_path, "\n".join([header, *(r for r, _ in ENCOUNTER_ROWS)]), "encounters").as_dict()
    for fate in ("accepted", "left_out", "rejected", "review"):
        assert report[fate] == sum(wanted == fate for _, wanted in ENCOUNTER_ROWS), fate
    assert person(filled, "ROE")["1750"] == "20250601" and person(filled, "DOE")["1750"] == "20240301"
    assert person(filled, "POE")["1760"] == "0"


def ssa_line(ssn: str, last: str, first: str, died: str, born: str, change: str = " ") -> str:
    return f"{change}{ssn:<9}{last:<20}{'':<4}{first:<15}{'':<15}V{died:<8}{born:<8}  33111{'':<12}"


def test_the_social_security_layout_has_a_hundred_positions(tmp_path: Path) -> None:
    lines = [
        ssa_line("900110001", "ROE", "ANN", "02102025", "01011950"),
        ssa_line("900110002", "DOE", "BOB", "02002025", "07071948"),
        ssa_line("900110003", "GONE", "SAM", "02102025", "01011950", "D"),
        "too short",
    ]
    path = tmp_path / "dmf.txt"
    path.write_text("\n".join(lines))
    assert all(len(line) == 100 for line in lines[:3])
    first, second, third, fourth = read_file(path, layout("ssa"), today=TODAY)
    assert isinstance(first, Row) and first.fields["last"] == "ROE" and first.day == "20250210"
    assert isinstance(second, Row) and second.day == "202502", "an unknown day is zero in the file"
    assert isinstance(third, Fault) and third.kept_out
    assert isinstance(fourth, Fault) and not fourth.kept_out


def ije_line(length: int = 5000, **fields: str) -> str:
    """A line of the states' exchange file: each field at its own places."""
    places = {
        "dod_year": (1, 4),
        "certificate": (7, 6),
        "void": (13, 1),
        "first": (27, 50),
        "initial": (77, 1),
        "last": (78, 50),
        "suffix": (128, 10),
        "sex": (189, 1),
        "ssn": (191, 9),
        "dob_year": (205, 4),
        "dob_month": (209, 2),
        "dob_day": (211, 2),
        "state": (225, 2),
        "dod_month": (237, 2),
        "dod_day": (239, 2),
        "manual": (705, 5),
        "automatic": (710, 5),
        "axis": (876, 100),
        "number": (1485, 10),
        "street": (1505, 28),
        "city": (1560, 28),
        "zip": (1588, 9),
        "middle": (1808, 50),
        "maiden": (3342, 50),
    }
    line = [" "] * length
    for name, value in fields.items():
        start, size = places[name]
        assert len(value) <= size
        line[start - 1 : start - 1 + len(value)] = value
    return "".join(line)


DIED = {
    "dod_year": "2025",
    "dod_month": "02",
    "dod_day": "10",
    "certificate": "000123",
    "void": "0",
    "first": "ANN",
    "initial": "B",
    "last": "ROE",
    "sex": "F",
    "ssn": "900110001",
    "dob_year": "1950",
    "dob_month": "01",
    "dob_day": "01",
    "state": "FL",
    "automatic": "C349",
    "axis": "C349 J449 I10",
    "number": "12",
    "street": "ELM",
    "city": "TAMPA",
    "zip": "336010000",
    "maiden": "POE",
}

IJE = [
    ("the whole line", DIED, {"last": "ROE", "dod": "20250210", "cause": "C349", "icd_revision": "1", "middle": "B"}),
    ("its places", DIED, {"address": "12 ELM", "zip": "33601", "maiden": "POE", "other_causes": "C349 J449 I10"}),
    ("the coder's cause", DIED | {"manual": "C509"}, {"cause": "C509"}),
    ("the whole middle name", DIED | {"middle": "BELLA"}, {"middle": "BELLA"}),
    ("an unknown day", DIED | {"dod_day": "99"}, {"dod": "202502"}),
    ("an unknown month", DIED | {"dod_month": "99", "dod_day": "99"}, {"dod": "2025"}),
    ("a blank month of birth", DIED | {"dob_month": "  "}, {"dob": "1950"}),
    ("no number known", DIED | {"ssn": "999999999"}, {"ssn": ""}),
]


@pytest.mark.parametrize(("what", "fields", "told"), IJE, ids=[row[0] for row in IJE])
def test_the_exchange_file_of_the_states(tmp_path: Path, what: str, fields: dict, told: dict) -> None:
    path = tmp_path / "deaths.ije"
    path.write_text(ije_line(**fields) + "\r\n")
    (row,) = read_file(path, layout("ije"), today=TODAY)
    assert isinstance(row, Row)
    assert {name: row.fields[name] for name in told} == told


FAULTY = [
    ("voided", "ije", ije_line(**DIED | {"void": "1"}), "left-out", "voided"),
    ("cut before the date", "ije", ije_line(**DIED)[:238], "row", "238 positions, the layout needs 240 to 5000"),
    ("no day of death", "ije", ije_line(**DIED | {"dod_year": "    "}), "date", "no day of death"),
    ("of another layout", "ssa", ije_line(**DIED), "row", "the layout ends at 100"),
    ("of the other", "ije", ssa_line("900110001", "ROE", "ANN", "02102025", "01011950"), "row", "100 positions"),
    (
        "cut in the birth date",
        "ssa",
        ssa_line("900110001", "ROE", "ANN", "02102025", "01011950")[:77],
        "row",
        "inside dob",
    ),
    ("a table", "ssa", "last,first,dod", "row", "14 positions"),
    ("unreadable", "ije", ije_line(**DIED | {"last": "RO\ufffdE"}), "encoding", "last holds characters"),
    ("a control character", "ije", ije_line(**DIED | {"last": "RO\x07E"}), "encoding", "last holds characters"),
]


@pytest.mark.parametrize(("what", "name", "line", "code", "words"), FAULTY, ids=[row[0] for row in FAULTY])
def test_a_line_that_is_not_of_the_layout_has_its_reason(
    tmp_path: Path, what: str, name: str, line: str, code: str, words: str
) -> None:
    good = {"ije": ije_line(**DIED), "ssa": ssa_line("900110002", "DOE", "BOB", "02002025", "07071948")}[name]
    path = tmp_path / "deaths.txt"
    path.write_text(f"{good}\n{line}\n{good}\n", encoding="utf-8")
    first, fault, last = read_file(path, layout(name), today=TODAY)
    assert isinstance(first, Row) and isinstance(last, Row), "the others are read"
    assert isinstance(fault, Fault) and (fault.number, fault.code) == (2, code)
    assert words in fault.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_positions_count_characters_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "deaths.txt"
    path.write_text(ije_line(**DIED | {"first": "RENÉE", "last": "NÚÑEZ"}), encoding=encoding)
    (row,) = read_file(path, layout("ije"), today=TODAY)
    assert isinstance(row, Row)
    assert (row.fields["first"], row.fields["last"], row.day) == ("RENÉE", "NÚÑEZ", "20250210")


def test_positions_that_count_bytes_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "deaths.txt"
    line = ije_line(**DIED).encode()
    name = "NÚÑEZ".encode()
    path.write_bytes(line[:77] + name + b" " * (50 - len(name)) + line[127:])
    (row,) = read_file(path, layout("ije"), today=TODAY)
    assert isinstance(row, Row) and (row.fields["last"], row.day) == ("NÚÑEZ", "20250210")


@given(st.binary(max_size=300), st.sampled_from(["ije", "ssa"]))
def test_any_lines_of_fixed_positions_are_read_or_their_fault_is_told(content: bytes, name: str) -> None:
    import tempfile

    good = {"ije": ije_line(**DIED), "ssa": ssa_line("900110002", "DOE", "BOB", "02002025", "07071948")}[name]
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(good.encode() + b"\n" + content)
        file.flush()
        try:
            for event in read_file(Path(file.name), layout(name), today=TODAY):
                assert isinstance(event, Row | Fault)
        except RegistryError as error:
            assert error.code == "not-a-table"


def test_a_death_of_the_index_stays_from_the_hospitals_account(filled: Store, tmp_path: Path) -> None:
    header = "certificate,last,first,sex,dob,ssn,dod,underlying cause,status"
    report = load(filled, tmp_path, f"{header}\nN1,ROE,ANN,2,19500101,900110001,20250210,C349,1\n", "ndi")
    assert report.accepted == 1 and report.redisclosure == "ndi"
    with filled.reading() as session:
        patient = session.scalars(select(Patient).where(Patient.name_last == "ROE")).one()
        assert patient.vital_status == "0"
        assert [r.items["1760"] for r in patient.records if r.abstracts] == ["1"]
    with filled.writing() as session:
        passive.undo_match(session, session.scalars(select(OutsideMatch.id)).one(), who="clerk", why="a namesake")
    assert person(filled, "ROE")["1760"] == "1"


def contradicted(store: Store, tmp_path: Path, name: str) -> tuple[int, int]:
    """Takes a death before the last contact in the record; gives the match and the review that it asks for."""
    header = "certificate,last,first,sex,dob,ssn,dod,underlying cause,status"
    load(store, tmp_path, f"{header}\nN1,ROE,ANN,2,19500101,900110001,20240110,C349,1\n", name)
    with store.writing() as session:
        match = passive.waiting(session)[0]
        effect = passive.decide_match(session, match.id, True, who="clerk", today=TODAY)
        assert effect is not None and effect.fate == "review" and effect.review_id is not None
        return match.id, effect.review_id


def test_taking_a_match_back_ends_the_question_that_it_asked(filled: Store, tmp_path: Path) -> None:
    match, _review = contradicted(filled, tmp_path, "state")
    with filled.writing() as session:
        passive.undo_match(session, match, who="clerk", why="a namesake")
        assert reviews.waiting(session) == []
    assert audit.verify(filled) == []


@pytest.mark.parametrize(("name", "in_hospital"), [("state", "0"), ("ndi", "1")])
def test_a_death_taken_after_review_goes_where_its_source_allows(
    filled: Store, tmp_path: Path, name: str, in_hospital: str
) -> None:
    _match, review = contradicted(filled, tmp_path, name)
    with filled.writing() as session:
        reviews.decide(session, review, True, who="second", why="the certificate was seen", today=TODAY)
    with filled.reading() as session:
        patient = session.scalars(select(Patient).where(Patient.name_last == "ROE")).one()
        assert patient.vital_status == "0"
        assert [r.items["1760"] for r in patient.records if r.abstracts] == [in_hospital]
        assert {v.redisclosure for v in session.scalars(select(ValueSource))} == {name}


BAD_FILES = [
    (b"", "no header"),
    (b"just a sentence without columns", "no header"),
    (b"last,first\nROE,ANN\n", "no column for dod"),
    (b"dod,colour\n20250101,red\n", "no column for a name or a number"),
    (b"\x00\x01\x02binary\x00", "binary"),
]


@pytest.mark.parametrize(("content", "words"), BAD_FILES)
def test_a_file_that_is_no_such_table_is_refused_as_a_whole(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(RegistryError, match=words):
        list(read_file(path, layout("state"), today=TODAY))


def test_an_empty_file_of_positions_is_refused_and_so_are_names_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "deaths.txt"
    path.write_text(" \n\n")
    with pytest.raises(RegistryError, match="the file is empty"):
        list(read_file(path, layout("ssa"), today=TODAY))
    path.write_text(ije_line(**DIED))
    with pytest.raises(RegistryError, match="no columns"):
        list(read_file(path, layout("ije"), mapping={"Died": "dod"}, today=TODAY))


def test_an_open_quotation_mark_takes_no_other_row_with_it(tmp_path: Path) -> None:
    rows = [
        "certificate,last,first,dob,dod,comment",
        '1,"SMITH,JOHN,19500101,20250101,',
        "2,DOE,JANE,19500101,20250101,",
        '3,"O""NEIL",AL,19500101,20250102,"two lines\nin a column that nobody reads"',
        '4,"ROE\nANN,19500101,20250101,"',
        '5,POE,AL,19500101,20250102,"never closed',
    ]
    path = tmp_path / "quotes.csv"
    path.write_text("\n".join(rows))
    events = list(read_file(path, layout("csv"), today=TODAY))
    taken = {event.fields["certificate"]: event.fields["last"] for event in events if isinstance(event, Row)}
    assert taken == {"2": "DOE", "3": 'O"NEIL', "5": "POE"}
    assert [(event.number, event.code) for event in events if isinstance(event, Fault)] == [
        (1, "row"),
        (4, "row"),
        (5, "row"),
    ]


@given(st.binary(max_size=300))
def test_any_rows_are_read_or_their_fault_is_told(content: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(HEADER.encode() + b"\n" + content)
        file.flush()
        try:
            for event in read_file(Path(file.name), layout("state"), today=TODAY):
                assert isinstance(event, Row | Fault)
        except RegistryError as error:
            assert error.code in {"not-a-table"}


def test_layouts_of_ones_own_and_other_column_names(tmp_path: Path) -> None:
    (tmp_path / "layouts").mkdir()
    own = '[[layout]]\nid = "mine"\ntitle = "Mine"\nkind = "deaths"\nform = "delimited"\ncode = "7"\ncentral = "29"\n'
    own += 'rule = "free"\nneeds = ["dod"]\n[layout.columns]\ndod = ["gestorben"]\nlast = ["name"]\n'
    (tmp_path / "layouts" / "mine.toml").write_text(own)
    assert layout("mine", tmp_path).title == "Mine"
    assert {found.kind for found in layouts().values()} == {DEATHS, ENCOUNTERS}
    path = tmp_path / "x.csv"
    path.write_text("Name;Gestorben\nROE;2025-02-10\n")
    row = next(iter(read_file(path, layout("mine", tmp_path), today=TODAY)))
    assert isinstance(row, Row) and row.day == "20250210"
    path.write_text("Name;Died\nROE;20250210\n")
    row = next(iter(read_file(path, layout("mine", tmp_path), mapping={"Died": "dod"}, today=TODAY)))
    assert isinstance(row, Row)
    with pytest.raises(RegistryError, match="no layout"):
        layout("nothing", tmp_path)


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_the_commands(filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from registry.commands.followup import followup

    monkeypatch.setenv("ONCOREGISTRY_HOME", str(filled.settings.home))

    def ask(*arguments: str) -> tuple[int, Any]:
        answer = CliRunner().invoke(followup, [*arguments, "--json"], catch_exceptions=False)
        return answer.exit_code, json.loads(answer.output)

    path = tmp_path / "deaths.csv"
    path.write_text("\n".join([HEADER, ROWS[0][0], ROWS[3][0]]))
    code, told = ask("deaths", str(path), "--exact")
    assert (code, told["rows_in"], told["accepted"], told["rejected"]) == (1, 2, 1, 1)
    code, told = ask("due", "--as-of", "2025-06-15")
    assert (code, [row["name_last"] for row in told["rows"]]) == (0, ["DOE"])
    code, told = ask("rates", "--as-of", "2025-06-15", "--forecast")
    assert all(test["B"] + test["D"] + test["E"] == test["A"] for test in told["tests"]) and len(told["tests"]) == 4
    assert len(told["tests"][0]["forecast"]) == 12
    code, told = ask("letters", "--as-of", "2025-06-15", "--list", "open", "--pdf", str(tmp_path / "x.pdf"))
    assert code == 0 and told["letters"] + len(told["skipped"]) == 1


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_the_synthetic_death_file_against_its_truth(store: Store, tmp_path: Path) -> None:
    from registry.exchange.formats import open_reader
    from registry.synthetic import make
    from registry.synthetic.writing import write_folder

    made = make(patients=300, seed=5, as_of=date(2025, 5, 31))
    write_folder(made, tmp_path / "files", version="250", record_type="A", workers=1)
    run_import(store, open_reader([tmp_path / "files" / "registry.xml.gz"]), name="synthetic", who="t")
    report = passive.load_file(store, tmp_path / "files" / "deaths.csv", "state", who="clerk", matcher=exact)
    with (tmp_path / "files" / "deaths_truth.csv").open() as file:
        truth = [int(row["person"]) for row in csv.DictReader(file)]
    with store.reading() as session:
        for match in session.scalars(select(OutsideMatch)):
            if match.state == "accepted":
                number = match.patient.records[0].patient_id_number
                assert int(number) == truth[match.row - 1] + 1, "nothing is accepted for another person"
    known = sum(person >= 0 for person in truth)
    assert report.accepted + report.known + report.review >= 0.85 * known
