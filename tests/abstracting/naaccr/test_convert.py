"""Conversion between versions: what moves, what is lost, and that both are said before anything is written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from abstracting.errors import AbstractingError
from abstracting.naaccr import convert as c
from abstracting.naaccr.convert import convert_patient, convert_root, load_table, plan
from abstracting.naaccr.dates import DID_NOT_OCCUR, date_flags, read_reasons, write_flags
from abstracting.naaccr.items import VERSIONS, dictionary
from abstracting.naaccr.reader import read_any, read_xml
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.transfer import convert_file
from abstracting.naaccr.validate import validate
from abstracting.naaccr.writer import new_root, write_xml


def one(own: dict[int, str], *tumors: dict[int, str]) -> Patient:
    return Patient(dict(own), [Tumor(dict(items)) for items in tumors], index=1)


def lost(conversion: c.Conversion) -> list[tuple[str, int | None, str]]:
    return [(loss.kind, loss.number, loss.value) for loss in conversion.losses]


# sex of v25, sites of the tumors, sex assigned at birth in v26
SEXES = """
1  C509       1
2  C619       2
5  C509       1
6  C509       2
3  C509       9
4  C509       9
9  C509       9
3  C619       1
4  C600       1
9  C639       1
3  C519       2
4  C589       2
9  C559       2
9  C649       9
9  C509,C619  1
9  C619,C569  9
3  -          9
"""


@pytest.mark.parametrize("row", SEXES.strip().splitlines())
def test_sex_becomes_sex_assigned_at_birth(row: str) -> None:
    code, sites, expected = row.split()
    tumors = [{400: site} for site in sites.split(",") if site != "-"]
    conversion = plan(250, 260)
    new = convert_patient(one({220: code}, *tumors), conversion)
    assert new.items == {225: expected} and not conversion.losses
    assert [(change.source, change.target, change.old, change.new) for change in conversion.changes] == [
        (220, 225, code, expected)
    ], "the original is kept in the account"


def test_a_code_without_counterpart_is_lost_and_said() -> None:
    conversion = plan(250, 260)
    assert convert_patient(one({220: "X"}), conversion).items == {}
    assert lost(conversion) == [(c.NO_CODE, 220, "X")]


def test_both_sexes_present_never_overwrite() -> None:
    conversion = plan(240, 260)
    new = convert_patient(one({220: "1", 225: "2"}), conversion)
    assert new.items == {225: "2"} and lost(conversion) == [(c.TAKEN, 220, "1")]


def test_back_to_v25() -> None:
    conversion = plan(260, 250)
    assert convert_patient(one({225: "2"}), conversion).items == {220: "2"} and not conversion.losses


def test_v25_to_v26_drops_sixteen_items_and_lists_each() -> None:
    gone = sorted({item.number for item in dictionary(250)} - {item.number for item in dictionary(260)} - {220})
    assert len(gone) == 16
    conversion = plan(250, 260)
    tumor = dict.fromkeys(gone, "1")
    new = convert_patient(one({20: "00000001"}, {400: "C509", **tumor}), conversion)
    assert new.tumors[0].items == {400: "C509"}
    assert sorted(loss.number for loss in conversion.losses) == gone
    assert {loss.kind for loss in conversion.losses} == {c.NO_ITEM} and conversion.lost.total() == 16
    assert {(loss.patient, loss.tumor) for loss in conversion.losses} == {(1, 1)}


@pytest.mark.parametrize("source", VERSIONS)
@pytest.mark.parametrize("target", VERSIONS)
def test_every_value_arrives_or_is_in_the_account(source: str, target: str) -> None:
    """Each item of each version, to each version: what is not in the result is listed."""
    known = dictionary(source)
    values = {item.number: "20200115" if item.type == "date" else "1" * min(item.length, 2) for item in known}
    levels = {
        level: {n: v for n, v in values.items() if known.by_number(n).level == level} for level in ("Patient", "Tumor")
    }
    conversion = plan(source, target)
    new = convert_patient(one(levels["Patient"], levels["Tumor"]), conversion)
    arrived = {**new.items, **new.tumors[0].items}
    told = {loss.number for loss in conversion.losses} | {change.source for change in conversion.changes}
    flags = {pair.flag for pair in date_flags()}
    for number, value in {**levels["Patient"], **levels["Tumor"]}.items():
        # the flag of a date that is not blank says nothing
        assert arrived.get(number) == value or number in told or number in flags, number
    assert all(number in dictionary(target) or target < "220" for number in arrived)
    for level, items in (("Patient", new.items), ("Tumor", new.tumors[0].items)):
        for number in items:
            item = dictionary(target).by_number(number)
            assert item is None or item.level == level


def test_birth_surname_moves_with_the_versions() -> None:
    up = plan(180, 250)
    assert convert_patient(one({2390: "OLD"}), up).items == {2232: "OLD"} and not up.losses
    both = plan(230, 240)
    assert convert_patient(one({2390: "OLD", 2232: "NEW"}), both).items == {2232: "NEW"}
    assert lost(both) == [(c.TAKEN, 2390, "OLD")]
    same = plan(230, 240)
    assert convert_patient(one({2390: "ONE", 2232: "ONE"}), same).items == {2232: "ONE"} and not same.losses
    assert convert_patient(one({2232: "NEW"}), plan(250, 180)).items == {2390: "NEW"}


def test_a_date_becomes_a_date_with_hyphens_and_back() -> None:
    up = convert_patient(one({}, {7320: "20200115", 7321: "202001"}), plan(240, 250))
    assert up.tumors[0].items == {7320: "2020-01-15", 7321: "2020-01"}
    down = plan(250, 240)
    back = convert_patient(one({}, {7320: "2020-01-15T10:20:30Z", 7321: "2020-01"}), down)
    assert back.tumors[0].items == {7320: "20200115", 7321: "202001"}
    assert lost(down) == [(c.TIME_LOST, 7320, "2020-01-15T10:20:30Z")]


def test_an_item_that_changes_its_level_moves() -> None:
    up = plan(230, 240)
    new = convert_patient(one({}, {1791: "20200115"}, {1791: "20210115"}), up)
    assert new.items == {1791: "20210115"} and lost(up) == [(c.DIFFERS, 1791, "20200115")]
    down = convert_patient(one({1791: "20200115"}, {400: "C61"}, {400: "C62"}), plan(240, 230))
    assert [tumor.items[1791] for tumor in down.tumors] == ["20200115"] * 2 and 1791 not in down.items


def test_reserved_gaps_are_not_the_items_that_later_got_their_number() -> None:
    conversion = plan(180, 250)
    new = convert_patient(one({}, {530: "reserved", 1190: "more"}), conversion)
    assert new.tumors[0].items == {} and {loss.number for loss in conversion.losses} == {530, 1190}


def test_another_record_type_lists_what_it_does_not_carry() -> None:
    conversion = plan(250, 250, record_type="I")
    new = convert_patient(one({20: "00000001", 2230: "DOE"}, {400: "C509", 2600: "text"}), conversion)
    assert new.items == {20: "00000001"} and new.tumors[0].items == {400: "C509"}
    assert lost(conversion) == [(c.NOT_CARRIED, 2230, "DOE"), (c.NOT_CARRIED, 2600, "text")]


def test_the_root_follows() -> None:
    conversion = plan(240, 260, record_type="C")
    root = convert_root(new_root(240, "A", items={10: "A", 50: "240", 40: "1"}, user_uris=["u"]), conversion)
    assert (root.version, root.record_type, root.user_uris) == ("260", "C", ["u"])
    assert root.items == {10: "C", 50: "260", 40: "1"}
    assert root.attributes["baseDictionaryUri"].endswith("naaccr-dictionary-260.xml")


def test_columns_take_what_fits_and_the_rest_is_listed() -> None:
    conversion = plan(180, 180, flat=True)
    patient = one({20: "00000001"}, {2600: "a\nb", 400: "C5099"})
    patient.tumors[0].unknown["foo"] = "1"
    patient.extensions.append("<o:a/>")
    new = convert_patient(patient, conversion)
    assert new.tumors[0].items == {2600: "a b", 400: "C509"} and not new.tumors[0].unknown and not new.extensions
    assert {kind for kind, _, _ in lost(conversion)} == {c.LINE_ENDS, c.SHORTENED, c.NO_PLACE}
    with pytest.raises(AbstractingError) as error:
        plan(250, 250, flat=True)
    assert error.value.code == "naaccr-flat"


# --- date flags -------------------------------------------------------------------------------------------------------


def test_flags_are_read_as_reasons_and_written_back() -> None:
    flags = {241: "12", 1201: "11", 1211: "15", 1221: "10", 391: "11", 1231: ""}
    reasons = read_reasons({20: "1", **flags})
    assert reasons == {
        240: "unknown",
        1200: DID_NOT_OCCUR,
        1210: "planned",
        1220: "no information",
        390: "not applicable",
    }
    assert write_flags(reasons, 220) == {number: code for number, code in flags.items() if code}
    assert write_flags(reasons, 230) == {}, "later versions carry none"
    assert write_flags({832: "unknown"}, 160) == {} and write_flags({832: "unknown"}, 180) == {833: "12"}


def test_there_are_29_flags_all_gone_in_v23() -> None:
    pairs = date_flags()
    assert len(pairs) == 29
    for pair in pairs:
        assert dictionary(220).by_number(pair.flag).length == 2 and pair.flag not in dictionary(230)
        assert pair.date in dictionary(220)


def test_a_reason_that_would_be_lost_is_reported() -> None:
    conversion = plan(220, 230)
    new = convert_patient(one({241: "12"}, {1200: "20200115", 1201: "11", 1211: "15"}), conversion)
    assert new.items == {} and new.tumors[0].items == {1200: "20200115"}
    assert lost(conversion) == [(c.REASON_LOST, 240, "unknown"), (c.REASON_LOST, 1210, "planned")]
    assert not plan(180, 220).losses


def test_reasons_of_the_store_are_written_as_flags_where_there_are_any() -> None:
    reasons: list[dict[int, str]] = [{240: "unknown"}, {1200: DID_NOT_OCCUR, 1210: "planned"}]
    patient = one({20: "00000001"}, {1210: "20200115"})
    new = convert_patient(patient, plan(250, 220), reasons=reasons)
    assert new.items == {20: "00000001", 241: "12"}
    assert new.tumors[0].items == {1210: "20200115", 1201: "11"}, "a date that is known has no flag"
    assert convert_patient(patient, plan(250, 250), reasons=reasons).items == {20: "00000001"}


# --- tables and files -------------------------------------------------------------------------------------------------


def test_an_official_table_replaces_the_own_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    head = "effective,from,to,source,target,code,new,where,values,form\n"
    path.write_text("# official\n" + head + "2027-01-01,250,260,220,225,3,1,,,\n")
    conversion = plan(250, 260, rules=load_table(path))
    assert convert_patient(one({220: "3"}), conversion).items == {225: "1"}
    assert convert_patient(one({220: "1"}), conversion).items == {} and lost(conversion) == [(c.NO_CODE, 220, "1")]
    path.write_text(head + "2027-01-01,240,260,220,225,3,1,,,\n")
    with pytest.raises(AbstractingError) as error:
        load_table(path)
    assert error.value.code == "usage"


def content(path: Path) -> Any:
    return [(one.items, [tumor.items for tumor in one.tumors]) for one in read_any(path)]


def test_a_file_goes_through_every_form_and_comes_back(tmp_path: Path) -> None:
    patients = [
        Patient({20: f"{n:08d}", 220: "1", 2230: "DÓE"}, [Tumor({400: "C509", 390: "2020"})] * (1 + n % 2))
        for n in range(9)
    ]
    start = tmp_path / "a.xml"
    write_xml(start, new_root(180, "A", items={10: "A", 50: "180"}), patients)
    previous = start
    for name in ("b.txt", "c.csv", "d.xml.gz", "e.csv.gz", "f.txt.gz", "g.xml"):
        account, count, tumors = convert_file(previous, tmp_path / name)
        assert (count, tumors, account.lost.total()) == (9, 13, 0)
        previous = tmp_path / name
        assert content(previous) == content(start) and validate(previous).valid


def test_the_account_is_known_before_the_file_exists(tmp_path: Path) -> None:
    start, target = tmp_path / "a.xml", tmp_path / "b.xml"
    write_xml(start, new_root(250, "A"), [Patient({20: "00000001"}, [Tumor({3110: "25000"})])])
    seen = []

    def look(account: c.Conversion) -> None:
        seen.append((dict(account.lost), target.exists()))

    convert_file(start, target, version="260", before_writing=look)
    assert seen == [({(c.NO_ITEM, "comorbidComplication1"): 1}, False)] and target.exists()


def test_an_unreadable_source_writes_nothing(tmp_path: Path) -> None:
    start, target = tmp_path / "a.xml", tmp_path / "b.csv"
    write_xml(start, new_root(250, "A"), [Patient({20: "00000001"})])
    start.write_bytes(start.read_bytes()[:-20])
    target.write_text("before")
    with pytest.raises(AbstractingError):
        convert_file(start, target)
    assert target.read_text() == "before"
    with pytest.raises(AbstractingError) as error:
        convert_file(start, tmp_path / "b.docx")
    assert error.value.code == "usage"


@pytest.mark.shared
def test_samples_convert_to_v26_and_are_valid_there(reference: Path, tmp_path: Path) -> None:
    for name in ("v180-abstract-100", "v220-incidence-100", "v240-abstract-100"):
        source = reference / "naaccr" / "samples" / f"naaccr-xml-sample-{name}.xml.gz"
        account, patients, tumors = convert_file(source, tmp_path / "out.xml", version="260")
        report = validate(tmp_path / "out.xml")
        assert report.valid, report.findings[:3]
        assert (report.patients, report.tumors) == (patients, tumors)
        before = sum(len(p.items) + sum(len(t.items) for t in p.tumors) for p in read_xml(source))
        after = sum(len(p.items) + sum(len(t.items) for t in p.tumors) for p in read_xml(tmp_path / "out.xml"))
        assert before == after + account.lost.total()


def test_streams_are_not_needed_twice() -> None:
    out = io.BytesIO()
    write_xml(out, new_root(250, "A"), iter([Patient({20: "00000001"})]))
    assert len(list(read_xml(io.BytesIO(out.getvalue())))) == 1
