"""The recodes as JSON: one line in, one line out, by the names under which the reference cases are kept, and four more.

Each function takes the object under `in` and a day for "today", and gives the object for `out`. A part of the input that
is absent counts as null; the peer's way of naming an error is kept where its cases have one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from abstracting.errors import AbstractingError

Input = Mapping[str, Any]
Answer = dict[str, Any]

SITE_VERSIONS = {
    "2003 Definition": "site_recode_2003",
    "2003 Definition without Mesothelioma and Kaposi Sarcoma": "site_recode_2003_without_ksm",
    "WHO 2008 Definition": "site_recode_2008",
    "2023 Revision": "site_recode_2023",
    "2023 Revision Expanded": "site_recode_2023_expanded",
}
ICCC_VERSIONS = {
    "Third edition (ICCC-3) based on ICD-O-3": "iccc_3",
    "ICD-O-3/WHO 2008": "iccc_who2008",
    "Third edition based on ICD-O-3/IARC 2017": "iccc_iarc2017",
}
AYA_VERSIONS = {"WHO 2008": "aya_2008", "2020 Revision": "aya_2020"}
CAUSE_VERSIONS = {"WHO 2008 Definition": "2008", "2023 Revision": "2023"}


def _text(given: Input, name: str) -> str | None:
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise AbstractingError("recode-input", f"{name} must be a text or null", hint="write codes in quotes")
    return str(value)


def _number(given: Input, name: str) -> int:
    value = given.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise AbstractingError("recode-input", f"{name} must be a whole number", hint="for example 2020")
    return value


def _records(given: Input, name: str) -> list[Input]:
    value = given.get(name)
    if not isinstance(value, list) or not all(isinstance(record, dict) for record in value):
        raise AbstractingError("recode-input", f"{name} must be a list of objects", hint="one object for each tumor")
    return value


def _version(given: Input, versions: Mapping[str, str], default: str, *, name: str = "version") -> str:
    value = _text(given, name) or default
    if value not in versions:
        raise AbstractingError("recode-name", f"there is no {name} {value!r}", hint="one of: " + "; ".join(versions))
    return versions[value]


def _table(recode: str, given: Input) -> Answer:
    from abstracting.recodes.tables import RECODES

    return {
        "recode": RECODES[recode].value(
            site=_text(given, "site"),
            histology=_text(given, "histology"),
            behavior=_text(given, "behavior"),
            year=_text(given, "dxYear"),
        )
    }


def seer_site_recode(given: Input, today: dt.date) -> Answer:
    """SEER site recode in five versions."""
    return _table(_version(given, SITE_VERSIONS, "WHO 2008 Definition"), given)


def iccc(given: Input, today: dt.date) -> Answer:
    """Childhood cancer in three editions, extended or not."""
    name = _version(given, ICCC_VERSIONS, "Third edition based on ICD-O-3/IARC 2017")
    return _table(f"{name}_extended" if given.get("extended") is True else name, given)


def aya(given: Input, today: dt.date) -> Answer:
    """Site recode for adolescents and young adults, 2008 and 2020."""
    return _table(_version(given, AYA_VERSIONS, "2020 Revision"), given)


def lymphoid(given: Input, today: dt.date) -> Answer:
    """Lymphoid neoplasms, revision of 2021."""
    return _table("lymphoid_2021", given)


def brain_cns(given: Input, today: dt.date) -> Answer:
    """Brain and central nervous system, revision of 2020."""
    return _table("brain_cns_2020", given)


def behavior_recode(given: Input, today: dt.date) -> Answer:
    """Behavior recode for analysis."""
    from abstracting.recodes import behavior

    parts = {name: _text(given, name) for name in ("site", "histology", "behavior")}
    return {"recode": behavior.behavior_recode(**parts, year=_text(given, "dxYear"))}


def causespecific(given: Input, today: dt.date) -> Answer:
    """Cause-specific and other-cause death; the cut-off is this year when none is given."""
    from abstracting.recodes.causes import cause_specific

    version = _version(given, CAUSE_VERSIONS, "WHO 2008 Definition", name="siteRecodeVersion")
    if version == "2008" and given.get("useFixed2008data") is True:
        version = "2008_fixed"
    specific, other = cause_specific(
        site=_text(given, "primarySite"),
        histology=_text(given, "histologyIcdO3"),
        behavior=_text(given, "behaviorIcdO3"),
        year=_text(given, "dateOfDiagnosisYear"),
        sequence=_text(given, "sequenceNumberCentral"),
        revision=_text(given, "icdRevisionNumber"),
        cause=_text(given, "causeOfDeath"),
        last_contact_year=_text(given, "dateOfLastContactYear"),
        cutoff_year=today.year if given.get("cutoffYear") is None else _number(given, "cutoffYear"),
        version=version,
    )
    return {"causeSpecific": specific, "causeOther": other}


def survival(given: Input, today: dt.date) -> Answer:
    """Survival time; `asOf` in the input goes before the option of the command."""
    from abstracting.recodes.survival_time import FollowUp, SurvivalTumor, Texts, survival_time

    def date(record: Input, prefix: str) -> Texts:
        return _text(record, f"{prefix}Year"), _text(record, f"{prefix}Month"), _text(record, f"{prefix}Day")

    tumors = [
        SurvivalTumor(
            date(record, "dx"),
            date(record, "dolc"),
            date(record, "birth"),
            _text(record, "vitalStatus"),
            _text(record, "sequenceNumberCentral"),
            _text(record, "typeOfReportingSource"),
        )
        for record in _records(given, "records")
    ]
    as_of = today if given.get("asOf") is None else read_day(given["asOf"])
    result = survival_time(tumors, end_year=_number(given, "endPointYear"), as_of=as_of)

    def follow_up(suffix: str, part: FollowUp) -> Answer:
        return {f"months{suffix}": part.months, f"flag{suffix}": part.flag, f"days{suffix}": part.days}

    return {
        "vitalStatusRecode": result.vital_status,
        "records": [
            {
                "recordNumberRecode": tumor.record_number,
                **follow_up("Active", tumor.active),
                **follow_up("PA", tumor.presumed_alive),
                "dxDateRecode": list(tumor.diagnosis),
                "dateActive": list(tumor.active.date),
                "datePA": list(tumor.presumed_alive.date),
            }
            for tumor in result.tumors
        ],
    }


def iarc_mp(given: Input, today: dt.date) -> Answer:
    """International multiple primaries of a patient; `dialect` is `ims` (as published) or `canreg5`."""
    from abstracting.primaries.iarc import IarcTumor, iarc_primaries

    names = ("dxYear", "dxMonth", "dxDay", "sequenceNumber", "site", "histology", "behavior")
    results = iarc_primaries(
        [IarcTumor(*(_text(record, name) for name in names)) for record in _records(given, "records")],
        name=_text(given, "dialect") or "ims",
        flag_primary_with_duplicate=given.get("flagPrimaryWithDuplicate") is True,
    )
    return {
        "records": [
            {
                "indicator": result.indicator,
                "siteGroup": result.site_group,
                "histGroup": result.histology_group,
                "histologyAfter": result.histology,
            }
            for result in results
        ]
    }


def iarc_mp_pair_canreg5(given: Input, today: dt.date) -> Answer:
    """How CanReg5 relates two tumors."""
    from abstracting.primaries.iarc import compare_pair

    parts = (_text(given, name) for name in ("site1", "morphology1", "site2", "morphology2"))
    return {"result": compare_pair(*parts, name="canreg5")}


def iarc_checks_canreg5(given: Input, today: dt.date) -> Answer:
    """The checks of CanReg5 on one tumor, its faults included."""
    from abstracting.recodes.canreg import CanregTumor, canreg_checks
    from abstracting.values import whole_number

    parts = {name: _text(given, name) or "" for name in ("sex", "grade", "morphology")}
    return canreg_checks(
        CanregTumor(
            site=_text(given, "primarySite") or "",
            behavior=_text(given, "behaviour") or "",
            age=whole_number(_text(given, "age")),
            basis=_text(given, "basisIarc") or "",
            **parts,
        )
    )


def nhia(given: Input, today: dt.date) -> Answer:
    """Hispanic identification; the county is that of the tumors, or `resolvedState` and `resolvedCounty` when given."""
    from abstracting.recodes import ethnicity

    option = "1" if given.get("option") is None else _text(given, "option")
    if option not in ethnicity.OPTIONS:
        # the reference cases name the error of their program
        return {"error": "IllegalStateException"}
    if "resolvedCounty" in given:
        low = ethnicity.is_low_county(_text(given, "resolvedState"), _text(given, "resolvedCounty"))
    else:
        tumors = _records(given, "tumors") if "tumors" in given else []
        low = ethnicity.only_low_counties((_text(t, "stateAtDx"), _text(t, "countyAtDxAnalysis")) for t in tumors)
    code = ethnicity.nhia(
        origin=_text(given, "spanishHispanicOrigin"),
        birthplace=_text(given, "birthplaceCountry"),
        race1=_text(given, "race1"),
        ihs=_text(given, "ihs"),
        sex=_text(given, "sexAssignedAtBirth"),
        last_name=_text(given, "nameLast"),
        birth_surname=_text(given, "nameBirthSurname"),
        low_county=low,
        option=option,
    )
    return {"nhia": code}


def napiia(given: Input, today: dt.date) -> Answer:
    """Asian and Pacific Islander identification, with what is left to a reviewer."""
    from abstracting.recodes import asian

    result = asian.napiia(
        races=[_text(given, f"race{number}") for number in range(1, 6)],
        origin=_text(given, "spanishHispanicOrigin"),
        birthplace=_text(given, "birthplaceCountry"),
        sex=_text(given, "sexAssignedAtBirth"),
        last_name=_text(given, "nameLast"),
        birth_surname=_text(given, "nameBirthSurname"),
    )
    return {"napiia": result.race, "needsHumanReview": result.needs_review, "reason": result.reason}


def county_at_diagnosis(given: Input, today: dt.date) -> Answer:
    """County at diagnosis for analysis; the input holds items by number, as {"390": …, "80": …}."""
    from abstracting.recodes import county

    year = county.diagnosis_year(_text(given, "390"))
    geocoded, certainty = county.era_items(year or 0)
    found = county.county_at_diagnosis(
        year=year,
        state=_text(given, "80"),
        reported=_text(given, "90"),
        geocoded=_text(given, geocoded),
        certainty=_text(given, certainty),
    )
    return {"89": found.county, "9440": found.flag}


def summary_stage(given: Input, today: dt.date) -> Answer:
    """Summary stage over all years; the input holds items by number."""
    from abstracting.recodes import county, stage

    items = {item: _text(given, item) for item in stage.ITEMS}
    code, item = stage.summary_stage_combined(county.diagnosis_year(_text(given, "390")), items)
    return {"stage": code, "item": item, "label": stage.LABELS.get(code, "")}


def summary_grade(given: Input, today: dt.date) -> Answer:
    """Summary grade from 2018 on; the input holds items by number."""
    from abstracting.recodes.stage import summary_grade as grade

    parts = {"schema": "3800", "behavior": "523", "clinical": "3843", "pathological": "3844"}
    return {"grade": grade(**{name: _text(given, item) for name, item in parts.items()})}


def icd_to_icdo3(given: Input, today: dt.date) -> Answer:
    """What a clinical code becomes: `system` 10-CM, 10 or 9-CM, `code`, and `sex` where it matters."""
    from dataclasses import asdict

    from abstracting.codes.icd import convert

    found = convert(_text(given, "system") or "10-CM", _text(given, "code") or "", sex=_text(given, "sex"))
    return {
        "how": found.how,
        "chosen": None if found.chosen is None else asdict(found.chosen),
        "candidates": [asdict(candidate) for candidate in found.candidates],
        "reportability": found.reportability,
    }


def read_day(text: object) -> dt.date:
    """Gives a day written as 2026-11-23 or 20261123; anything else is an error."""
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError:
        raise AbstractingError("recode-input", f"{text!r} is no day", hint="write it as 2026-11-23") from None


NAMES: dict[str, Callable[[Input, dt.date], Answer]] = {
    function.__name__: function
    for function in (
        seer_site_recode,
        iccc,
        aya,
        lymphoid,
        brain_cns,
        behavior_recode,
        causespecific,
        survival,
        iarc_mp,
        iarc_mp_pair_canreg5,
        iarc_checks_canreg5,
        nhia,
        napiia,
        county_at_diagnosis,
        summary_stage,
        summary_grade,
        icd_to_icdo3,
    )
}


def answer_record(name: str, record: Input, today: dt.date) -> Answer:
    """Gives `{"out": …}` for one input object `{"id", "in"}`."""
    given = record.get("in")
    if not isinstance(given, dict):
        raise AbstractingError("recode-input", 'the object has no "in"', hint='write {"id": …, "in": {…}}')
    return {"out": NAMES[name](given, today)}
