"""Facilities' reports: class of case, accession numbers, own treatment, timeliness; follow-up and documents with truth."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from abstracting.values import UNKNOWN, befores, parse_dates
from registry.synthetic.documents import reports
from registry.synthetic.followup import CONTACT_KINDS, SOURCES


def test_every_tumor_has_one_main_report_by_the_home_facility(large):
    main = large.abstracts[large.abstracts.main]
    assert len(main) == len(large.tumors) and main.tumor.is_unique
    assert (main.groupby("person")["540"].nunique() == 1).all()
    per_tumor = large.abstracts.groupby("tumor").size()
    assert per_tumor.mean() == pytest.approx(1.3, abs=0.05) and per_tumor.max() == 3


def test_an_accession_number_is_one_per_patient_and_facility_and_never_used_twice(large):
    frame = large.abstracts
    assert (frame.groupby("record")["550"].nunique() == 1).all()
    assert not frame[["540", "550", "560"]].duplicated().any()
    one = frame.drop_duplicates("record")
    assert not one[["540", "550"]].duplicated().any() and one["550"].str.fullmatch(r"(1999|20\d\d)\d{5}").all()
    first = frame.groupby("record")["580"].min().str[:4]
    assert (one.set_index("record")["550"].str[:4].sort_index() == first.sort_index()).all()


def test_class_of_case_and_own_treatment_agree(large):
    frame = large.abstracts
    none = {"672": "0", "690": "0", "700": "00", "710": "00", "720": "00"}
    outside = frame[frame["610"].isin(["00", "30", "32", "43", "40"])]
    for item, code in none.items():
        assert outside[item].isin([code, "9", "82", "87"]).all(), item
    whole = frame[frame["610"].isin(["10", "12", "14", "20", "22"])]
    for own, total in (("690", "1360"), ("700", "1390"), ("710", "1400"), ("720", "1410"), ("670", "1290")):
        given = whole[total].isin(["01", "02", "03"]) if own in ("700", "710", "720") else whole[total] == whole[own]
        assert (whole[own][given] == whole[total][given]).all(), own
    shared = frame[frame["610"].isin(["13", "21"])]
    assert shared.groupby("tumor")["610"].nunique().eq(2).mean() == 1
    assert frame["610"].isin(["00", "13", "14", "21", "22", "30", "32", "38", "40", "43", "49"]).mean() > 0.9
    flag = np.select([frame["610"] == "49", frame["610"].between("10", "22")], ["", "1"], "2")
    assert (frame["2152"] == flag).all()


def test_treatment_here_is_never_more_than_the_total(large):
    frame = large.abstracts
    for own, total, none in (("690", "1360", "0"), ("700", "1390", "00"), ("710", "1400", "00"), ("720", "1410", "00")):
        given = ~frame[own].isin([none, "", "82", "87"])
        assert (frame[own][given] == frame[total][given]).all(), own


def test_first_contact_and_completion_dates_are_in_order(large):
    frame = large.abstracts
    dates = {
        i: parse_dates(frame[i].to_numpy()) for i in ("240", "580", "1750", "2085", "2090", "2110", "2111", "2112")
    }
    order = ("580", "2085", "2090", "2110", "2111", "2112")
    for early, late in (("240", "580"), ("580", "1750"), *itertools.pairwise(order)):
        assert not (befores(dates[late], dates[early]) == 1).any(), (early, late)
    assert (befores(dates["2112"], dates["2085"]) != UNKNOWN).all() and frame["2112"].max() <= "20251231"


def test_physicians_and_facilities_on_cases_are_in_the_lists(large):
    frame = large.abstracts
    npi = dict(zip(large.physicians.physician, large.physicians.npi))
    for item in ("2460", "2470", "2480", "2490"):
        mine = frame[frame[item] != ""]
        assert len(mine) and (mine[item].map(npi) == mine[str(int(item) + 5)]).all()
    assert set(frame["540"]) <= set(large.facilities.facility)
    assert set(frame["2410"]) | set(frame["2420"]) <= {*large.facilities.facility, ""}
    assert (frame["2480"] != "")[(frame["670"] > "10") & (frame["670"] < "91") & (frame["610"] == "14")].all()


def test_deaths_in_the_file_are_the_true_ones_and_some_are_news(large):
    truth, persons = large.deaths_truth, large.true_persons
    known = truth[truth.person >= 0]
    assert (persons.death[known.person] <= persons.contact.max()).all()
    assert 0.3 < (truth.person == -1).mean() < 0.5
    news = known[known.news == 1]
    assert len(news) > 50 and not persons.dead[news.person].any()
    assert large.deaths.certificate.is_unique and (large.deaths.certificate == truth.certificate).all()
    alike = large.deaths.merge(truth).merge(
        persons[["first", "last"]].assign(person=persons.index), on=["first", "last"], suffixes=("", "_of")
    )
    assert (alike.person == -1).any(), "a stranger with a patient's name"


def test_encounters_come_after_the_last_contact_and_some_are_no_contact(large):
    seen, truth = large.encounters, large.encounters_truth
    contact = large.patients.set_index("person")["1750"]
    assert (seen.date.to_numpy() > contact[truth.person].to_numpy()).all()
    assert ((truth.contact == 1) == seen.kind.isin(CONTACT_KINDS)).all() and 0.3 < truth.contact.mean() < 0.8
    record = large.records.set_index("mrn").person
    assert (record[seen.mrn].to_numpy() == truth.person.to_numpy()).all()


def test_contacts_answer_as_often_as_their_chance_and_lost_patients_rarely(large):
    frame = large.contacts
    assert set(frame.source) == set(SOURCES)
    living = large.true_persons.index[~large.true_persons.dead]
    assert len(frame) == len(SOURCES) * len(living) and set(frame.person) == set(living)
    for _, mine in frame.groupby("source"):
        assert mine.answers.mean() == pytest.approx(mine.chance.mean(), abs=0.02)
    lost = frame.person.isin(large.true_persons.index[large.true_persons.lost])
    assert frame.answers[lost].mean() < 0.7 * frame.answers[~lost].mean()


def test_pathology_reports_say_what_the_codes_say(small):
    made = list(reports(small))
    good, other = [r for r in made if r["reportable"]], [r for r in made if not r["reportable"]]
    assert len(good) > 150 and 0.08 < len(other) / len(made) < 0.25
    assert len({r["id"] for r in made}) == len(made) and not any(r["codes"] for r in other)
    frame = small.abstracts.set_index(["record", "390"])
    assert json.loads(json.dumps(good[0])) == good[0]
    for r in good[:200]:
        row = (
            frame.loc[[(r["record"], r["collected"])]].iloc[0] if (r["record"], r["collected"]) in frame.index else None
        )
        assert row is not None
        assert "FINAL DIAGNOSIS" in r["text"] and "NOT A PERSON" in r["text"]
        side = {"1": "right", "2": "left"}.get(r["codes"]["laterality"])
        assert side is None or side in r["text"]


def test_text_agrees_with_the_codes(small):
    frame = small.abstracts
    for side, code in (("right", "1"), ("left", "2")):
        mine = frame[(frame["410"] == code) & (frame["2570"] != "")]
        assert mine["2570"].str.contains(side).all() and mine["2580"].str.startswith(side).all()
    colon = frame[frame["400"].str.startswith("C18") & (frame["2540"] != "")]
    assert colon["2540"].str.contains("colonoscopy").all()
    radiated = frame[frame["690"].isin(["1", "2", "3"])]
    assert (radiated["2620"] != "").all() and (frame["2620"][frame["690"] == "0"] == "").all()
    assert (frame["2610"][frame["670"].between("10", "90")] != "").all()
    texts = frame[[c for c in frame.columns if c.isdigit() and 2520 <= int(c) <= 2690]]
    assert (texts.apply(lambda c: c.str.len().max()) <= 4000).all()
    assert not texts.apply(lambda c: c.str.contains(r"\bnan\b|None|  ", regex=True)).any().any()


def test_text_knows_no_more_of_a_date_than_its_code(small):
    frame = small.abstracts
    mine = frame[(frame["390"].str.len() < 8) & frame["610"].isin(["00", "14", "13"]) & (frame["2530"] != "")]
    assert len(mine) > 10
    for date, text in zip(mine["390"], mine["2530"]):
        assert text.split(" ")[0] == "/".join([*([date[4:6]] if date[4:] else []), date[:4]])
