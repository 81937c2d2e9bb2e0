"""Treatment summaries, text behind codes, what a form needs, and what the program sets."""

from __future__ import annotations

import pytest

from registry.abstracting import layout, treatment
from registry.abstracting.coding import Coding
from registry.abstracting.derived import age_at_diagnosis, consequences
from registry.abstracting.status import missing
from registry.abstracting.text_support import prompt, support

BREAST = {390: "20230410", 400: "C504", 522: "8500", 523: "3"}
COLON = {390: "20230306", 400: "C187", 522: "8140", 523: "3"}


@pytest.mark.parametrize(
    ("typed", "follows"),
    [
        ({671: "A220"}, {1291: "A220", 1340: "0", 1285: "1"}),
        ({671: "A220", 1291: "A410"}, {1340: "0", 1285: "1"}),  # more was done elsewhere
        ({671: "A410", 1291: "A220"}, {1291: "A410", 1340: "0", 1285: "1"}),  # never less than our own
        ({700: "03", 1390: "00"}, {1390: "03", 1285: "1"}),
        ({700: "03", 1390: "99"}, {1390: "03", 1285: "1"}),
        ({700: "00"}, {1390: "00"}),
        ({690: "1", 1430: "8"}, {1360: "1", 1430: "0", 1285: "1"}),
        ({1200: "20230502", 1220: "20230420"}, {1260: "20230420", 1270: "20230420", 3230: "20230420"}),
        ({1285: "2"}, {}),
    ],
)
def test_totals_dates_reasons_and_status_follow_what_was_coded(typed, follows):
    assert treatment.summaries(typed) == follows
    assert treatment.summaries({**typed, **follows}) == {}


def test_a_case_waits_for_what_is_planned_or_has_no_date():
    assert treatment.waiting_for({1285: "1", 1390: "88"}) == ["chemotherapy planned, not known whether given"]
    assert treatment.waiting_for({1285: "1", 1291: "A220"}) == ["date of surgery"]
    assert treatment.waiting_for({}) == ["first course of treatment"]


@pytest.mark.parametrize(("case", "has", "has_not"), [(BREAST, 3827, 3820), (COLON, 3820, 3827)])
def test_site_specific_items_come_with_the_schema(case, has, has_not):
    numbers = layout.numbers(layout.sections(case))
    assert has in numbers and has_not not in numbers and len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    ("year", "has", "has_not"),
    [
        ("2023", (3843, 1068, 671, 764), (440, 670, 759)),
        ("2019", (3843, 670), (1068, 671)),
        ("2016", (440, 759), (3843,)),
    ],
)
def test_items_of_another_era_are_not_asked_for_but_never_hidden(year, has, has_not):
    case = BREAST | {390: f"{year}0410"}
    numbers = layout.numbers(layout.sections(case))
    assert set(has) <= set(numbers) and not set(has_not) & set(numbers)
    assert has_not[0] in layout.numbers(layout.sections(case | {has_not[0]: "9"}))
    assert 9998 not in numbers and 3932 in layout.numbers(layout.sections(case, added=[3932]))


def test_surgery_codes_are_those_of_site_and_year():
    assert "A220" in {c.code for c in Coding.of(BREAST).codes(671)}
    assert "B290" in {c.code for c in Coding.of(BREAST | {390: "20240410"}).codes(671)}
    assert "22" in {c.code for c in Coding.of(BREAST | {390: "20200410"}).codes(670)}


def test_codes_are_found_by_code_and_by_words_and_unknown_is_one_key():
    coding = Coding.of(BREAST)
    assert coding.search(400, "upper outer breast")[0].code == "C504"
    assert [c.code for c in coding.search(410, "left")] == ["2"]
    assert coding.unknown(1390) == "99" and coding.unknown(490) == "9"
    assert coding.is_known(610, "77") is False and coding.is_known(2230, "SMITH") is None


def test_age_schema_and_flag_are_set_by_the_program_where_something_touches_them():
    case = BREAST | {240: "19610412", 610: "14", 772: "100", 774: "000", 776: "00", 3843: "2", 3844: "2"}
    set_by = consequences(case, [240, 610, 772])
    assert set_by[230] == "061" and set_by[2152] == "1" and set_by[762] == "1" and set_by[3800] == "00480"
    assert consequences(case, [630]) == {}


def test_a_stage_from_defaults_alone_replaces_nothing():
    old = {390: "20140126", 400: "C678", 522: "8070", 523: "3", 3020: "1"}
    assert 3020 not in consequences(old, [522])


@pytest.mark.parametrize(
    ("born", "diagnosed", "age"),
    [("19610412", "20230410", "061"), ("19610410", "20230410", "062"), ("1961", "20230410", "062"), ("", "2023", "")],
)
def test_age_at_diagnosis(born, diagnosed, age):
    assert age_at_diagnosis({240: born, 390: diagnosed}) == age


def test_codes_without_text_are_told_with_the_blocks_that_should_say_it():
    case = {671: "A220", 1291: "A220", 1390: "00"}
    assert [(m.item, m.texts) for m in support(case).missing] == [(1291, (2610, 2560))]
    assert support(case | {2610: "lumpectomy"}).percent == 100
    assert "ER" in prompt(2550, "C504") and "CEA" in prompt(2550, "C187") and prompt(400, "C504") == ""


@pytest.mark.parametrize(
    ("site", "histology", "item", "word"),
    [
        ("C504", "8500", 2560, "sentinel"), ("C187", "8140", 2530, "pelvic MRI"), ("C341", "8140", 2570, "air spaces"),
        ("C619", "8140", 2550, "PSA"), ("C672", "8120", 2540, "cystoscopy"), ("C649", "8310", 2570, "ISUP"),
        ("C435", "8720", 2570, "Breslow"), ("C541", "8380", 2570, "myometrium"), ("C569", "8441", 2550, "CA-125"),
        ("C539", "8070", 2570, "depth and width"), ("C739", "8260", 2530, "level"), ("C329", "8070", 2520, "tobacco"),
        ("C250", "8500", 2550, "CA 19-9"), ("C220", "8170", 2550, "AFP"), ("C163", "8140", 2540, "gastroscopy"),
        ("C155", "8070", 2540, "incisors"), ("C779", "9680", 2600, "Lugano"), ("C161", "9680", 2570, "subtype"),
        ("C421", "9861", 2570, "blasts"), ("C421", "9732", 2550, "M protein"), ("C711", "9440", 2530, "midline"),
        ("C620", "9061", 2550, "hCG"),
    ],
)  # fmt: skip
def test_every_major_cancer_has_prompts_of_its_own(site, histology, item, word):
    own = prompt(item, site, histology)
    assert word in own and own.startswith("date") and own != prompt(item, "C809")


def test_an_analytic_case_needs_its_treatment_status_and_another_does_not():
    assert 1285 in missing({610: "14"}) and 1285 not in missing({610: "33"})
