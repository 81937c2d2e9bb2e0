"""Tumors written as a line of codes, and strategies of tumors for properties."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from abstracting.primaries.rules import groups
from abstracting.primaries.tumors import Tumor, tumor_of_input

YEAR = 2026

SITES = (
    "C001 C079 C180 C187 C209 C320 C341 C349 C421 C443 C449 C504 C509 C541 C569 C619 C649 C659 C669 C679 "
    "C700 C711 C725 C739 C754 C773 C809"
)
MORPHOLOGIES = (
    "8000/3 8010/3 8041/3 8046/3 8070/2 8070/3 8071/3 8120/2 8120/3 8130/2 8131/3 8140/2 8140/3 8210/2 8210/3 8220/3 8240/3 "
    "8260/3 8310/3 8312/3 8330/3 8380/3 8480/3 8500/2 8500/3 8520/3 8522/3 8530/3 8720/2 8720/3 8743/3 8960/3 9140/3 9380/3 "
    "9400/3 9421/1 9440/3 9530/0 9560/0 9590/3 9680/3 9690/3 9732/3 9823/3 9861/3 9930/3 9989/3"
)
YEARS = "1999 2003 2006 2007 2015 2017 2018 2020 2021 2022 2023 2025 2030"


def input_of(text: str) -> dict[str, str]:
    """Gives the input of a line: site, morphology, laterality, date as YYYY, YYYYMM or YYYYMMDD (`-` for not coded)."""
    site, morphology, laterality, date = text.split()
    histology, _, behavior = morphology.partition("/")
    parts = {
        "primarySite": site,
        "histologyIcdO3": histology,
        "behaviorIcdO3": behavior,
        "laterality": laterality,
        "dateOfDiagnosisYear": date[:4],
        "dateOfDiagnosisMonth": date[4:6],
        "dateOfDiagnosisDay": date[6:8],
    }
    return {key: value for key, value in parts.items() if value not in ("", "-")}


@pytest.fixture(scope="session")
def read_input() -> Callable[[str], dict[str, str]]:
    return input_of


@st.composite
def tumor_inputs(draw: st.DrawFn) -> dict[str, str]:
    """Draws a tumor of codes that the rules name, its laterality, month and day often missing."""
    month = draw(st.sampled_from(["", "01", "02", "12", "99"]))
    day = draw(st.sampled_from(["", "01", "15", "28", "31", "99"]))
    date = draw(st.sampled_from(YEARS.split())) + (month and month + day)
    side = draw(st.sampled_from("-0123459"))
    return input_of(
        f"{draw(st.sampled_from(SITES.split()))} {draw(st.sampled_from(MORPHOLOGIES.split()))} {side} {date}"
    )


@pytest.fixture(scope="session")
def inputs() -> st.SearchStrategy[dict[str, str]]:
    return tumor_inputs()


@pytest.fixture(scope="session")
def read_tumor() -> Callable[[str], Tumor]:
    return lambda text: tumor_of_input(input_of(text))


@pytest.fixture(scope="session")
def steps() -> dict[str, tuple[str, ...]]:
    """Group → its steps in order."""
    return {group.id: tuple(rule.step for rule in group.rules) for group in groups()}
