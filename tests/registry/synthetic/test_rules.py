"""Clean data is clean: what can be asked of the other rooms' rules finds nothing in 21,700 tumors."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from abstracting.codes import morphology, places, surgery
from abstracting.naaccr.items import codes, dictionary
from abstracting.recodes.canreg import CanregTumor, canreg_checks
from abstracting.values import TRUE, parse_dates

# diagnostic confirmation as the IARC basis of diagnosis that the checks read
BASIS = {"1": "7", "2": "5", "3": "7", "4": "7", "5": "4", "6": "2", "7": "2", "8": "1", "9": "9"}
# items whose list in the dictionary names the special codes only, or one state's counties
OPEN_LISTS = {"756", "1501", "1503", "1507", "1533", "89", "90", "1840"}
DATES = ("240", "390", "580", "1200", "1210", "1220", "1230", "1240", "1260", "1270", "3170", "3230", "1750", "1772")


def year(frame: pd.DataFrame) -> pd.Series:
    return frame["390"].str[:4].astype(int)


@pytest.mark.parametrize("version", [250, 260])
def test_every_item_exists_with_its_length_and_its_codes(flat, version):
    names = dictionary(version)
    for column in flat:
        number = 225 if version == 260 and column == "220" else int(column)
        item = names.by_number(number)
        assert item is not None, column
        values = flat[column][flat[column] != ""]
        assert (values.str.len() <= item.length).all(), column
        if item.full_length:
            assert (values.str.len() == item.length).all(), column
        listed = codes(number, version)
        if listed and column not in OPEN_LISTS | {"522", "523"}:
            extra = set(values) - set(listed) - ({"0000", "7797"} if column == "1910" else set())
            assert not extra, (column, item.id, extra)


def test_nothing_that_an_international_check_would_doubt(flat):
    """Basis, grade, age, sex, site and morphology by the 13 checks of IARC Technical Report 42."""
    doubts: Counter = Counter()
    columns = ["400", "522", "523", "220", "230", "440", "490"]
    for site, histology, behavior, sex, age, grade, basis in flat[columns].drop_duplicates().itertuples(index=False):
        tumor = CanregTumor(
            site=site,
            morphology=histology,
            behavior=behavior,
            sex=sex,
            age=int(age),
            grade=grade or "9",
            basis=BASIS[basis],
        )
        doubts.update((name, verdict) for name, verdict in canreg_checks(tumor).items() if verdict != "OK")
    assert not doubts


def test_morphology_surgery_and_county_exist(flat):
    for histology, behavior in flat[["522", "523"]].drop_duplicates().itertuples(index=False):
        assert morphology.is_valid(histology, behavior), (histology, behavior)
    operated = pd.DataFrame(
        {"code": flat["1290"] + flat["1291"], "site": flat["400"], "histology": flat["522"], "year": year(flat)}
    )
    for row in operated.drop_duplicates().itertuples(index=False):
        assert surgery.is_valid(row.code, site=row.site, histology=row.histology, year=row.year) is True, row
    assert all(places.is_county("FL", c) for c in set(flat["90"]) - {"999"})
    assert set(flat["90"]) >= {"001", "086"} and 0 < (flat["90"] == "999").mean() < 0.01


def test_dates_are_in_order_on_their_known_parts(flat):
    columns = {item: parse_dates(flat[item].to_numpy()) for item in DATES}

    def certainly_before(a: str, b: str) -> np.ndarray:
        from abstracting.values import befores

        both = (flat[a] != "").to_numpy() & (flat[b] != "").to_numpy()
        return (befores(columns[a], columns[b]) == TRUE) & both

    assert not certainly_before("390", "240").any()
    for item in ("390", "1200", "1210", "1220", "1230", "1240", "1260", "3170", "3230", "580"):
        assert not certainly_before("1750", item).any(), item
    for item in ("1200", "1210", "1220", "1230", "1240", "1260"):
        assert not certainly_before(item, "390").any(), item
    assert flat["1750"].max() <= "20251231"
    early = pd.to_datetime(flat["390"].str.ljust(6, "0").str[:4]).dt.year - flat["580"].str[:4].astype(int)
    assert (early <= 1).all()


def test_precision_of_the_diagnosis_date_is_as_planted(flat):
    length = flat["390"].str.len()
    assert 0.02 < (length == 6).mean() < 0.04 and 0.005 < (length == 4).mean() < 0.015


def test_laterality_belongs_to_paired_organs_alone(flat):
    from registry.synthetic.coding import paired_sites

    since = flat["400"].map(paired_sites())
    paired = since.notna() & (year(flat) >= since.fillna(9999))
    assert (flat["410"][~paired] == "0").all() and (flat["410"][paired] != "0").all()
    in_situ = paired & (flat["523"] == "2")
    assert flat["410"][in_situ].isin(["1", "2", "3"]).all()
    stage = flat[["760", "759", "3020", "764"]].max(axis=1)
    assert not flat["410"][paired & stage.isin(["0", "1", "2"])].isin(["4", "9"]).any()
    assert flat["400"][flat["410"] == "4"].eq("C569").all()


def test_stage_stands_in_the_item_of_its_time(flat):
    y = year(flat)
    eras = {
        "760": y <= 2000,
        "759": y.between(2001, 2003) | y.isin([2016, 2017]),
        "3020": y.between(2004, 2015),
        "764": y >= 2018,
    }
    for item, era in eras.items():
        filled = flat[item] != ""
        assert not filled[~era].any() and filled[era].mean() > 0.98, item
    stage = flat[list(eras)].max(axis=1)
    assert (stage[flat["523"] == "2"] == "0").all() and not (stage[flat["523"] == "3"] == "0").any()
    assert (stage[flat["523"].isin(["0", "1"])] == "8").all()
    systemic = flat["522"].astype(int) >= 9731
    assert (stage[systemic & (flat["500"] != "7")] == "7").all()
    assert (stage[flat["400"] == "C809"] == "9").all()


def test_nodes_stage_and_tnm_agree(flat):
    stage = flat[["760", "759", "3020", "764"]].max(axis=1)
    positive, examined = flat["820"], flat["830"]
    counted = (positive < "91") & (examined < "91") & (examined > "00")
    assert (positive[counted] <= examined[counted]).all()
    assert ((examined == "00") == (positive == "98")).all()
    assert not positive[stage.isin(["0", "1", "2"])].between("01", "97").any()
    assert not (positive[stage.isin(["3", "4"])] == "00").any()
    n = flat["950"] + flat["1002"].str.replace("cN", "")
    m = flat["960"] + flat["1003"].str.replace("cM", "")
    assert not n[stage.isin(["0", "1"])].isin(["1", "2", "3"]).any()
    assert not (n[stage.isin(["3", "4"])] == "0").any()
    assert (m[(stage == "7") & (m != "")] == "1").all() and not (m[stage != "7"] == "1").any()
    in_place = (flat["940"] == "IS") | (flat["1001"] == "pTis")
    assert in_place.any() and (n[in_place] == "0").all() and (flat["970"] + flat["1004"])[in_place].eq("0").all()


def test_treatment_summary_dates_and_reasons_agree(flat):
    code = np.where(flat["1290"] != "", flat["1290"], flat["1291"].str[1:3])
    operated = (code >= "10") & (code <= "90")
    assert (flat["1340"][operated] == "0").all() and (flat["1200"][operated] != "").all()
    assert flat["1340"][code == "00"].isin(["1", "2", "7"]).all() and (flat["1340"][code == "99"] == "9").all()
    assert (flat["490"][operated] <= "4").all()
    for item, summary, none in (
        ("1210", "1360", "0"),
        ("1220", "1390", "00"),
        ("1230", "1400", "00"),
        ("1240", "1410", "00"),
    ):
        given = flat[item] != ""
        assert (flat[summary][given] != none).all(), item
        assert (flat[item][flat[summary] == none] == "").all(), item
    dates = flat[["1200", "1210", "1220", "1230", "1240"]].replace("", "99999999").min(axis=1)
    assert (flat["1260"].replace("", "99999999") == dates).all()
    assert ((flat["1380"] != "0") == ((flat["1200"] != "") & (flat["1210"] != ""))).all()


def test_death_certificate_and_autopsy_cases_know_only_the_death(flat):
    dco = flat[flat["500"] == "7"]
    assert 0.012 < len(dco) / len(flat) < 0.018
    assert (dco["390"] == dco["1750"]).all() and (dco["1760"] == "0").all() and (dco["490"] == "9").all()
    assert (dco["380"] == "00").all() and (dco["610"] == "49").all() and (dco["2152"] == "").all()
    assert (dco["1390"] == "99").all() and (dco["1360"] == "9").all() and dco["1290"].isin(["99", ""]).all()
    autopsy = flat[flat["500"] == "6"]
    assert len(autopsy) and (autopsy["390"] == autopsy["1750"]).all() and (autopsy["490"] == "1").all()
    assert (autopsy["610"] == "38").all() and (autopsy["1260"] == "").all()


def test_sequence_numbers_rise_with_the_date_and_00_is_alone(flat):
    benign = flat["523"].isin(["0", "1"])
    assert (flat["380"][benign] >= "60").all() and (flat["380"][~benign] < "60").all()
    for _, mine in flat[~benign].groupby("20"):
        numbers = mine["380"].tolist()
        assert numbers == (["00"] if len(mine) == 1 else [f"{i + 1:02d}" for i in range(len(mine))])
    assert 0.06 < flat["20"].duplicated().mean() < 0.1
    assert (flat["560"] == flat["380"]).all()


def test_tumors_of_one_person_are_separate_primaries_by_the_international_rules_too(flat):
    from abstracting.primaries.iarc import DUPLICATE, IarcTumor, iarc_primaries

    several = flat[flat["20"].duplicated(keep=False)]
    assert several["20"].nunique() > 1_500
    for _, mine in several.groupby("20"):
        tumors = [
            IarcTumor(d[:4], d[4:6] or None, d[6:] or None, s, site, h, b)
            for d, s, site, h, b in mine[["390", "380", "400", "522", "523"]].itertuples(index=False)
        ]
        assert DUPLICATE not in [r.indicator for r in iarc_primaries(tumors)]
        assert not (mine[mine["410"] != "0"][["400", "410"]].duplicated()).any()


def test_vital_status_and_cause_of_death_agree(flat):
    alive = flat["1760"] == "1"
    assert (flat["1910"][alive] == "0000").all() and (flat["1920"][alive] == "0").all()
    assert (flat["1910"][~alive] != "0000").all() and (flat["1920"][~alive] == "1").all()
    assert flat["1910"][~alive].str.fullmatch(r"7797|[A-Z]\d\d\d?").all()


def test_a_cancer_death_is_counted_as_one_by_the_cause_specific_table(flat):
    from abstracting.recodes.causes import cause_specific

    dead = flat[(flat["380"] <= "59") & (flat["1760"] == "0") & flat["1910"].str.match(r"C|D4[5-7]")]
    columns = ["400", "522", "380", "1920", "1910"]
    answer = {
        key: cause_specific(
            site=key[0], histology=key[1], sequence=key[2], revision=key[3], cause=key[4],
            last_contact_year="2020", cutoff_year=2025,
        )[0]
        for key in dead[columns].drop_duplicates().itertuples(index=False, name=None)
    }  # fmt: skip
    counted = pd.Series([answer[key] == "1" for key in dead[columns].itertuples(index=False, name=None)])
    # of several primaries at least one explains the death
    assert counted.groupby(dead["20"].to_numpy()).any().all()


def test_races_need_no_review(flat):
    from abstracting.recodes.asian import napiia_columns

    one = flat.drop_duplicates("20")
    races = [one[i].to_numpy() for i in ("160", "161", "162", "163", "164")]
    _, step = napiia_columns(
        races=races,
        origin=one["190"],
        birthplace=one["254"],
        sex=one["220"],
        last_name=one["2230"],
        birth_surname=one["2232"],
    )
    assert set(step) <= {""}


def test_survival_time_is_known_for_every_tumor_with_a_known_date(flat):
    from abstracting.recodes.survival_columns import survival_columns

    table = survival_columns(
        patient=flat["20"], diagnosis=flat["390"], last_contact=flat["1750"], birth=flat["240"], vital_status=flat["1760"],
        sequence=flat["380"], reporting_source=flat["500"], end_year=2025, as_of=dt.date(2026, 1, 1),
    )  # fmt: skip
    flag = table[next(c for c in table if "flag" in c.lower())].astype(str)
    assert set(flag) <= {"0", "1", "2", "3", "8"}
    assert (flag[flat["500"].isin(["6", "7"]).to_numpy()] == "8").all()


def test_stage_derived_again_from_the_codes_is_the_stage_coded(flat):
    """EOD public 3.3 on every tenth tumor from 2018: same schema, same summary stage, every code valid in its schema."""
    from abstracting.staging.schemas import desk, schema_for, stage_record

    recent = flat[(year(flat) >= 2018) & (flat["772"] != "")]
    assert len(recent) > 0.95 * (year(flat) >= 2018).sum()
    for record in recent.iloc[::10].to_dict("records"):
        staged = stage_record(record)
        assert staged.result.output["ss2018_derived"] == record["764"]
        assert staged.result.output["naaccr_schema_id"] == record["3800"]
        assert not desk().check_record(record, desk().schema(schema_for(record)))
