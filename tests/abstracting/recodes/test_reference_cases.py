"""Every reference case of every recode, by the way it is called from outside; columns give the same answers."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from abstracting.recodes import asian, behavior, causes, ethnicity
from abstracting.recodes.cases import AYA_VERSIONS, ICCC_VERSIONS, NAMES, SITE_VERSIONS, answer_record
from abstracting.recodes.survival_columns import split_date, survival_columns
from abstracting.recodes.tables import RECODES

pytestmark = pytest.mark.shared

TODAY = dt.date(2026, 11, 23)


def test_every_file_of_cases_has_its_name(reference):
    files = {path.name.removesuffix(".jsonl.gz") for path in (reference / "algorithms" / "cases").iterdir()}
    assert set(NAMES) - files == {"county_at_diagnosis", "summary_stage", "summary_grade", "icd_to_icdo3"}
    assert files <= set(NAMES)


@pytest.mark.parametrize("name", list(NAMES)[:13])
def test_all_cases_agree(cases, name):
    differ = [c["id"] for c in cases(name) if answer_record(name, c, TODAY)["out"] != c["out"]]
    assert differ == []


def column(rows: list[dict], name: str) -> np.ndarray:
    return np.array([row["in"].get(name) for row in rows], dtype=object)


TABLES = {
    "seer_site_recode": SITE_VERSIONS,
    "iccc": ICCC_VERSIONS,
    "aya": AYA_VERSIONS,
    "lymphoid": {None: "lymphoid_2021"},
    "brain_cns": {None: "brain_cns_2020"},
}


@pytest.mark.parametrize("name", TABLES)
def test_table_recodes_of_columns_agree(cases, name):
    every = cases(name)
    for version, recode in TABLES[name].items():
        for extended in (False, True) if name == "iccc" else (None,):
            rows = [c for c in every if c["in"].get("version") == version and c["in"].get("extended") == extended]
            given = {"site": column(rows, "site"), "histology": column(rows, "histology")}
            given |= {"behavior": column(rows, "behavior"), "year": column(rows, "dxYear")}
            found = RECODES[f"{recode}_extended" if extended else recode].column(**given)
            assert len(rows) and found.tolist() == [row["out"]["recode"] for row in rows]


def test_behavior_of_columns_agrees(cases):
    rows = cases("behavior_recode")
    parts = {name: column(rows, name) for name in ("site", "histology", "behavior")}
    found = behavior.behavior_column(**parts, year=column(rows, "dxYear"))
    assert found.tolist() == [row["out"]["recode"] for row in rows]


def test_causes_of_columns_agree(cases):
    rows = pd.DataFrame([{**c["in"], **c["out"]} for c in cases("causespecific")]).astype(object)
    for (version, fixed, cutoff), part in rows.groupby(["siteRecodeVersion", "useFixed2008data", "cutoffYear"]):
        chosen = "2023" if version == "2023 Revision" else "2008_fixed" if fixed else "2008"
        recode = RECODES[causes.VERSIONS[chosen][1]].column(
            site=part.primarySite,
            histology=part.histologyIcdO3,
            behavior=part.behaviorIcdO3,
            year=part.dateOfDiagnosisYear,
        )
        specific, other = causes.cause_specific_columns(
            sequence=part.sequenceNumberCentral,
            revision=part.icdRevisionNumber,
            cause=part.causeOfDeath,
            last_contact_year=part.dateOfLastContactYear,
            histology=part.histologyIcdO3,
            recode=recode,
            cutoff_year=cutoff,
            version=chosen,
        )
        assert specific.tolist() == part.causeSpecific.tolist()
        assert other.tolist() == part.causeOther.tolist()


def test_nhia_of_columns_agrees(cases):
    rows = [c for c in cases("nhia") if "error" not in c["out"]]

    def is_low(given: dict) -> bool:
        if "resolvedCounty" in given:
            return ethnicity.is_low_county(given["resolvedState"], given["resolvedCounty"])
        return ethnicity.only_low_counties((t["stateAtDx"], t["countyAtDxAnalysis"]) for t in given["tumors"])

    for option in ethnicity.OPTIONS:
        part = [c for c in rows if c["in"]["option"] == option]
        found = ethnicity.nhia_column(
            origin=column(part, "spanishHispanicOrigin"),
            birthplace=column(part, "birthplaceCountry"),
            race1=column(part, "race1"),
            ihs=column(part, "ihs"),
            sex=column(part, "sexAssignedAtBirth"),
            last_name=column(part, "nameLast"),
            birth_surname=column(part, "nameBirthSurname"),
            low_county=np.array([is_low(c["in"]) for c in part]),
            option=option,
        )
        assert found.tolist() == [c["out"]["nhia"] for c in part]


def test_napiia_of_columns_agrees(cases):
    rows = cases("napiia")
    race, step = asian.napiia_columns(
        races=[column(rows, f"race{number}") for number in range(1, 6)],
        origin=column(rows, "spanishHispanicOrigin"),
        birthplace=column(rows, "birthplaceCountry"),
        sex=column(rows, "sexAssignedAtBirth"),
        last_name=column(rows, "nameLast"),
        birth_surname=column(rows, "nameBirthSurname"),
    )
    assert race.tolist() == [row["out"]["napiia"] for row in rows]
    assert [asian.REASONS.get(s) for s in step] == [row["out"]["reason"] for row in rows]


def test_survival_of_columns_agrees(cases):
    """Parts that a coded date cannot hold (a month of one digit, a day without month) stay with the scalar test."""

    def joined(record: dict, prefix: str) -> str:
        return "".join(record[f"{prefix}{part}"] or "" for part in ("Year", "Month", "Day"))

    def can_be_written(record: dict, prefix: str) -> bool:
        parts = tuple(record[f"{prefix}{part}"] or None for part in ("Year", "Month", "Day"))
        return split_date(joined(record, prefix)) == parts

    rows, expected, checked = [], [], 0
    for case in cases("survival"):
        given = case["in"]
        if given["endPointYear"] != 2012 or not all(
            can_be_written(r, prefix) for r in given["records"] for prefix in ("dx", "dolc", "birth")
        ):
            continue
        checked += 1
        for record, out in zip(given["records"], case["out"]["records"], strict=True):
            rows.append((case["id"], record))
            expected.append((case["out"]["vitalStatusRecode"] or "", *out.values()))
    assert checked > 100
    found = survival_columns(
        patient=[patient for patient, _ in rows],
        diagnosis=[joined(r, "dx") for _, r in rows],
        last_contact=[joined(r, "dolc") for _, r in rows],
        birth=[joined(r, "birth") for _, r in rows],
        vital_status=[r["vitalStatus"] for _, r in rows],
        sequence=[r["sequenceNumberCentral"] for _, r in rows],
        reporting_source=[r["typeOfReportingSource"] for _, r in rows],
        end_year=2012,
        as_of=TODAY,
    )
    for number, (status, record, *active, dx, date_active, date_pa) in enumerate(expected):
        months, flag, days, months_pa, flag_pa, days_pa = active
        row = found.iloc[number]
        assert (row.vital_status_recode, row.record_number) == (status, record)
        assert row.survival_date_diagnosis == "".join(part or "" for part in dx)
        for follow_up, texts, date in (
            ("active", (months, flag, days), date_active),
            ("presumed_alive", (months_pa, flag_pa, days_pa), date_pa),
        ):
            values = [row[f"survival_{what}_{follow_up}"] for what in ("months", "flag", "days")]
            assert values[1] == texts[1]
            assert [None if v is pd.NA else int(v) for v in values[::2]] == [
                None if set(text) == {"9"} else int(text) for text in texts[::2]
            ]
            assert row[f"survival_date_{follow_up}"] == "".join(part or "" for part in date)


def test_the_command_answers_line_by_line(cases, tmp_path):
    from click.testing import CliRunner

    from abstracting.recodes.commands import recode

    some = cases("survival")[:50]
    lines = [json.dumps(case) for case in some]
    lines[7] = "{not json"
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    done = CliRunner().invoke(recode, ["survival", str(path), "--as-of", "2026-11-23"])
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[7]["error"]["code"] == "json-line"
    assert [a["out"] for a in answers if "out" in a] == [c["out"] for n, c in enumerate(some) if n != 7]
