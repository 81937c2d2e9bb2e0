"""Treatment summaries, text behind codes, what a form needs, and what the program sets."""

from __future__ import annotations

import pytest

from registry.abstracting import layout, treatment
from registry.abstracting.coding import Coding
from registry.abstracting.derived import age_at_diagnosis, consequences
from registry.abstracting.proposals import proposals
from registry.abstracting.status import missing
from registry.abstracting.tables import rows
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


@pytest.mark.parametrize(
    ("case", "typed", "total"),
    [
        # breast to 2023 and from 2024, skin: the last listed is the most extensive, whatever its number
        ({390: "2023", 400: "C504"}, {671: "A220", 1291: "A410"}, "A410"),
        ({390: "2023", 400: "C504"}, {671: "A500", 1291: "A760"}, "A500"),  # A760 is listed before A500
        ({390: "2023", 400: "C504"}, {671: "A760", 1291: "A490"}, "A760"),
        ({390: "2023", 400: "C504"}, {671: "A220", 1291: "A900"}, "A220"),  # NOS codes yield to any other
        ({390: "2023", 400: "C504"}, {671: "A800", 1291: "A220"}, "A220"),
        ({390: "2023", 400: "C504"}, {671: "A800", 1291: "A900"}, "A800"),
        ({390: "2024", 400: "C504"}, {671: "B620", 1291: "B760"}, "B760"),
        ({390: "2024", 400: "C504"}, {671: "B760", 1291: "B620"}, "B760"),
        ({390: "2023", 400: "C341"}, {671: "A120", 1291: "A190"}, "A120"),  # lung lists A190 first
        ({390: "2024", 400: "C341"}, {671: "B150", 1291: "B130"}, "B130"),
        ({390: "2023", 400: "C445"}, {671: "B500", 1291: "B320"}, "B500"),
        # codes of two letters are of two tables
        ({390: "2024", 400: "C504"}, {671: "B620", 1291: "A220"}, "A220"),
        ({390: "2024", 400: "C504"}, {671: "B200", 1291: "A500"}, "A500"),
        ({390: "2024", 400: "C504"}, {671: "B200", 1291: "A000"}, "B200"),  # none elsewhere is less than ours
        ({390: "2024", 400: "C504"}, {671: "B000", 1291: "A000"}, "A000"),
        ({390: "2023", 400: "C504"}, {671: "A220", 1291: "A990"}, "A220"),
        ({390: "2023", 400: "C504"}, {671: "A990", 1291: "A000"}, "A990"),
        ({390: "2023", 400: "C504"}, {671: "A000", 1291: "A990"}, "A990"),
        ({390: "2023", 400: "C504"}, {671: "A220", 1291: "A777"}, "A777"),  # no code of the table: an edit tells
        ({390: "2023", 400: "C421", 522: "9861"}, {671: "A980"}, "A980"),
        ({390: "2022", 400: "C504"}, {670: "75", 1290: "49"}, "75"),
        ({390: "2022", 400: "C504"}, {670: "50", 1290: "76"}, "50"),
        ({390: "2022", 400: "C504"}, {670: "22", 1290: "90"}, "22"),
        ({390: "2022", 400: "C504"}, {670: "00", 1290: "22"}, "22"),
        ({}, {672: "5", 1292: "2"}, "5"),
        ({}, {672: "2", 1292: "7"}, "7"),
        ({}, {674: "2", 1294: "1"}, "2"),
        ({}, {690: "1", 1360: "2"}, "4"),  # beam here and implant elsewhere are the combination
        ({}, {690: "1", 1360: "5"}, "1"),
        ({}, {690: "5", 1360: "2"}, "2"),
        ({}, {690: "0", 1360: "7"}, "7"),
        ({}, {700: "02", 1390: "01"}, "02"),
        ({}, {710: "01", 1400: "87"}, "01"),
        ({}, {720: "01", 1410: "00"}, "01"),
        ({}, {730: "1", 1420: "0"}, "1"),
        ({}, {730: "2", 1420: "1"}, "1"),  # neither is more than the other
        ({}, {3280: "1", 3270: "2"}, "5"),
        ({}, {3280: "4", 3270: "5"}, "6"),
        ({}, {3280: "2", 3270: "7"}, "2"),
    ],
)  # fmt: skip
def test_a_total_is_never_less_than_our_own(case, typed, total):
    (here, _), *_ = typed.items()
    number = next(m.total for m in treatment.modalities() if m.here == here)
    follows = treatment.summaries({522: "8500", 523: "3", **case, **typed})
    assert follows.get(number, typed.get(number)) == total
    assert treatment.summaries({522: "8500", **case, **typed, **follows}) == {}


def test_what_followed_a_code_follows_its_correction():
    case = BREAST | {671: "A410", 1291: "A410", 1200: "20230502", 1260: "20230502", 1270: "20230502"}
    case |= {1340: "0", 1285: "1"}
    corrected = case | {671: "A000", 1200: ""}
    assert treatment.summaries(corrected, before=case) == {1291: "A000", 1340: "", 1260: "", 1270: "", 1285: ""}
    later = case | {1200: "20230512"}
    assert treatment.summaries(later, before=case) == {1260: "20230512", 1270: "20230512"}
    own = case | {1260: "20230401", 671: "A220"}
    assert treatment.summaries(own | {1200: "20230512"}, before=own) == {1270: "20230512"}
    more = case | {1291: "A500"}
    assert treatment.summaries(more | {671: "A220"}, before=more) == {}


def test_a_transplant_is_treatment_and_its_date_begins_the_course():
    assert treatment.summaries({3250: "11", 3230: "20240105"}) == {
        1260: "20240105", 1270: "20240105", 1285: "1"
    }  # fmt: skip
    assert [line.modality for line in treatment.lines({3250: "11"})] == ["transplant and endocrine"]


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


PLACES = {
    # every item that the issue names by number: its section, a year in which it is asked for, one in which it is not
    "Treatment": {
        (671, 672, 674, 690, 700, 710, 720, 730, 740, 1291, 1292, 1294, 1360, 1390, 1400, 1410, 1420): ("2023", ""),
        (670, 1290): ("2022", "2023"), (1632, 1633, 1634): ("2021", "2020"), (1335,): ("2024", "2023"),
        (1501, 1502, 1503, 1504, 1505, 1506, 1507, 1531, 1532, 1533): ("2018", "2017"),
        (3250, 3270, 3280, 1285, 1340, 1430, 1260, 1270, 3170, 3230, 3190, 1380, 1639): ("2023", ""),
    },
    "Identification": {(2410, 2420, 501, 580, 610, 550, 560, 570, 2085, 2090, 2092, 2152): ("2023", "")},
    "Demographics": {(630, 344, 3780): ("2023", ""), (3110,): ("2015", "2016")},
    "Follow-up": {(1860, 1880, 1660): ("2023", "")},
    "Text": {(*range(2520, 2700, 10),): ("2023", "")},
    "Diagnosis": {(440,): ("2017", "2018"), (3843, 3844, 3845): ("2018", "2017"), (1068,): ("2021", "2020")},
    "Stage": {
        (1001, 1002, 1003, 1004, 1011, 1012, 1013, 1014): ("2018", "2017"),
        (880, 890, 900, 910, 940, 950, 960, 970): ("2017", "2018"),
    },
}  # fmt: skip


def test_every_item_that_is_named_by_number_is_in_its_section_in_its_years():
    for title, parts in PLACES.items():
        for numbers, (year, not_in) in parts.items():
            for when, shown in ((year, True), (not_in, False)):
                if when:
                    form = {s.title: set(layout.numbers([s])) for s in layout.sections(BREAST | {390: when})}
                    assert [n for n in numbers if (n in form[title]) is not shown] == [], (title, when)


@pytest.mark.parametrize(
    ("items", "comes"),
    [
        ({1532: "01"}, ()), ({1532: "02"}, range(1511, 1518)), ({1532: "03"}, range(1521, 1528)),
        ({1532: "99"}, ()), ({1632: "0"}, ()), ({1632: "1"}, (1062, 1064, 1066, 1067, 1021, 1022, 1023, 1024)),
        ({1639: "2"}, (1021, 1022, 1023, 1024)), ({1639: "3"}, ()), ({3780: "E119"}, (3782,)), ({3782: "I10"}, (3784,)),
        ({1660: "20240101"}, (1671, 1672, 1673, 1674, 1675, 1676, 1677, 1678, 1679, 1680)), ({1680: "2025"}, (1691, 1700)),
        ({1700: "2025"}, (1711, 1719)), ({2410: "0000000001"}, (2415,)), ({1002: "cN1"}, (1034,)), ({1012: "pN0"}, (1035,)),
    ],
)  # fmt: skip
def test_some_items_are_asked_for_when_another_says_so(items, comes):
    asked = set(layout.numbers(layout.sections(BREAST | items))) - set(layout.numbers(layout.sections(BREAST)))
    assert set(comes) <= asked - set(items), "they come with the item"
    assert comes or asked <= set(items)


@pytest.mark.parametrize(
    ("items", "offered"),
    [
        ({1200: "20230502"}, {3170: "20230502", 682: "20230502", 832: "20230502"}),
        ({1200: "20230502", 3170: "20230601"}, {682: "20230502", 832: "20230502"}),
        ({776: "00"}, dict.fromkeys(range(1112, 1118), "0") | {1003: "cM0", 1013: "cM0"}),
        ({776: "10"}, {}),
        ({1390: "00", 1400: "00"}, {}),
        ({1390: "00", 1400: "00", 1410: "00"}, {1639: "0"}),
        ({1632: "0"}, {1633: "0", 1634: "0"}),
        ({252: "FL"}, {254: "USA"}),
        ({252: "ZZ"}, {}),
    ],
)
def test_what_mostly_follows_is_offered_and_not_written(items, offered):
    assert proposals(items) == offered
    assert not set(offered) & set(consequences(BREAST | items, items))


def test_every_offered_code_is_a_code_of_its_item():
    coding = Coding.of(BREAST)
    offered = {int(row["item"]): row["value"] for row in rows("proposals") if row["value"][0] != "="}
    assert [n for n, value in offered.items() if coding.is_known(n, value) is False] == []


def test_comorbidities_and_secondary_diagnoses_are_all_reachable():
    case = BREAST | {390: "2015"} | dict.fromkeys((3110, 3120, 3130, 3140, 3150, 3160, 3161, 3162, 3163), "00000")
    case |= dict.fromkeys(range(3780, 3798, 2), "E119")
    assert {3164, 3165, *range(3780, 3800, 2)} <= set(layout.numbers(layout.sections(case)))


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
