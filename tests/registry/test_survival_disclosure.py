"""Small groups in every output: what is left depends on the hidden groups by their sum alone, so that nobody recovers one.

The attacker knows the rules, the labels, every total that another page shows, and all that is shown here.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from registry.analysis import reports, survival_cohort
from registry.analysis.survival import answer_for
from registry.analysis.survival_answer import Answer, suppress
from registry.analysis.survival_charts import curve_spec, drawn, printed, write_chart
from registry.analysis.survival_cohort import EPOCH, FlowStep, Persons, regroup
from registry.analysis.survival_hiding import hide, veil
from registry.analysis.survival_request import METHODS, Request
from registry.analysis.survival_scope import Scope
from survival.lifetables import us_life_table

MINIMUM = 25
STAGES = {"1": 90, "2": 60, "7": 30, "9": 8}
"""Localized, regional, distant and unknown of the made-up selection: one is small."""

SNAPSHOT = SimpleNamespace(version="0123456789abcdef" * 4, made_at="2025-01-01T00:00:00")


def rows(sizes: dict[str, int], *, seed: int = 3) -> pd.DataFrame:
    """Made-up persons by stage, as many as said; nobody's data."""
    draw = np.random.default_rng(seed)
    stage = np.repeat(list(sizes), list(sizes.values()))
    n = len(stage)
    day = draw.integers(15_000, 18_000, n)
    event = draw.integers(0, 2, n)
    return pd.DataFrame(
        {
            "tumor_id": np.arange(n),
            "patient_id": np.arange(n),
            "time": draw.integers(1, 3000, n),
            "event": event,
            "other": (1 - event) * draw.integers(0, 2, n),
            "entry": 0.0,
            "age": draw.integers(7_000, 31_000, n).astype(float),
            "day": day,
            "date": EPOCH + day.astype("timedelta64[D]"),
            "sex": np.where(draw.random(n) < 0.4, "1", "2"),
            "summary_stage": stage,
            "year_of_diagnosis": 2001 + (day - 15_000) // 366,
            "age_at_diagnosis": 60,
            "primarySite": "C189",
            "histologicTypeIcdO3": "8140",
        }
    )


def persons(frame: pd.DataFrame, method: str = "kaplan-meier", by: tuple[str, ...] = ("stage",)) -> Persons:
    """The persons of a selection, as a registry gives them."""
    n = len(frame)
    flow = (FlowStep("registry", "tumors in the registry", 0, n + 40), FlowStep("s1", "in situ", 40, n))
    request = Request(method=method, at=(1.0, 3.0, 5.0), by=by)
    whole = Persons(request, frame.assign(group=0), [], flow, "colon: malignant", pd.Timestamp("2012-12-31"))
    return regroup(whole, by)


def answered(frame: pd.DataFrame, method: str = "kaplan-meier", by: tuple[str, ...] = ("stage",)) -> Answer:
    """The whole answer, nothing suppressed."""
    table = us_life_table() if METHODS[method].background else None
    return answer_for(persons(frame, method, by), table, snapshot=SNAPSHOT, registry="Test", table_name="US")


def seen(answer: Answer) -> Answer:
    """What a role is shown that must not see small groups."""
    return suppress(answer, minimum=MINIMUM, small_shown=False)


def exchanged(frame: pd.DataFrame, first: str, second: str, *, within: str = "") -> pd.DataFrame:
    """The same persons, some of two stages exchanged for each other: sizes, times and ages of both stages change."""
    changed = frame.copy()
    inside = changed["sex"].eq(within) if within else pd.Series(True, index=changed.index)
    mine = changed.index[inside & (changed["summary_stage"] == first)]
    others = changed.index[inside & (changed["summary_stage"] == second)]
    changed.loc[mine[:3], "summary_stage"] = second
    changed.loc[others[:9], "summary_stage"] = first
    return changed


# ---- which groups ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ([100, 200, 300], set()),
        ([24], {0}),
        ([1000, 3], {0, 1}),
        ([90, 60, 30, 8], {1, 2, 3}),
        ([90, 60, 42, 8], {2, 3}),
        ([500, 24, 26, 400], {1, 2}),
        ([500, 24, 24, 400], {1, 2, 3}),
        ([24, 24, 24, 900], {0, 1, 2}),
    ],
)
def test_a_small_group_takes_the_smallest_others_with_it(sizes: list[int], hidden: set[int]) -> None:
    assert hide(sizes, [(str(n),) for n in range(len(sizes))], MINIMUM) == hidden


tables = st.lists(st.lists(st.integers(1, 200), min_size=3, max_size=3), min_size=2, max_size=4)


@given(tables)
def test_every_total_hides_at_least_two_groups_of_twice_the_minimum_or_all(table: list[list[int]]) -> None:
    margins = list(product("abcd"[: len(table)], "xyz"))
    sizes = [size for line in table for size in line]
    hidden = hide(sizes, margins, MINIMUM)
    for part in (0, 1):
        for label in {margin[part] for margin in margins}:
            line = [place for place, margin in enumerate(margins) if margin[part] == label]
            gone = [place for place in line if place in hidden]
            assert not gone or gone == line or (len(gone) > 1 and sum(sizes[g] for g in gone) >= 2 * MINIMUM)
    assert {place for place, size in enumerate(sizes) if size < MINIMUM} <= hidden


@pytest.mark.parametrize("seed", range(12))
def test_totals_of_crossed_groups_leave_every_hidden_size_open(seed: int) -> None:
    """Bounds of each small cell by linear programming, given all totals of both groupings and all cells shown."""
    draw = np.random.default_rng(seed)
    table = draw.integers(26, 300, (3, 5))
    table[draw.integers(0, 3), draw.integers(0, 5)] = draw.integers(1, 25)
    margins = list(product("abc", "vwxyz"))
    sizes = table.ravel().tolist()
    hidden = sorted(hide(sizes, margins, MINIMUM))
    labels = [(0, label) for label in "abc"] + [(1, label) for label in "vwxyz"]
    equations = [[float(margins[h][part] == label) for h in hidden] for part, label in labels]
    known = [sum(f * sizes[h] for f, h in zip(line, hidden, strict=True)) for line in equations]
    for place, cell in enumerate(hidden):
        if sizes[cell] >= MINIMUM:
            continue
        aim = np.eye(len(hidden))[place]
        low, high = (linprog(sign * aim, A_eq=equations, b_eq=known, bounds=(1, None)).fun * sign for sign in (1, -1))
        assert high - low >= MINIMUM - 1, f"{sizes[cell]} persons are known to be {low:g} to {high:g}"


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("3 persons are younger than 15", "Fewer than 25 persons are younger than 15"),
        ("12 of 180 persons (7%) were last seen", "Fewer than 25 persons were last seen"),
        ("25 persons are younger than 15", "25 persons are younger than 15"),
        ("1,204 tumors are further primaries", "1,204 tumors are further primaries"),
        ("Calendar window: follow-up within 2019 to 2021.", "Calendar window: follow-up within 2019 to 2021."),
    ],
)
def test_sentences_tell_no_small_count(sentence: str, told: str) -> None:
    assert veil(sentence, MINIMUM) == told


# ---- what is left -------------------------------------------------------------------------------------------------------


def test_groups_that_are_hidden_leave_nothing_but_their_names() -> None:
    whole = answered(rows(STAGES))
    found = seen(whole)
    assert [(g.label, g.hidden) for g in found.groups] == [
        ("Localized", False),
        ("Distant", True),
        ("Regional", True),
        ("Unknown", True),
    ]
    for rows_of in (found.curve, found.table, found.standardised, found.intervals):
        assert {row["group"] for row in rows_of} <= {0}
    for group, counts in zip(found.groups[1:], found.at_risk[1:], strict=True):
        assert (group.number, group.n, group.events, group.median, group.follow_up) == (-1, None, None, None, None)
        assert counts == []
    assert found.test is None and whole.test is not None
    assert {number for number, _ in found.cautions} <= {0}
    assert all(count is None or count % MINIMUM == 0 for s in found.flow for count in (s.excluded, s.remaining))
    assert str(whole.n) not in found.citation
    assert [g.label for g in drawn(found)] == ["Localized"]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_nothing_of_an_answer_depends_on_how_persons_fall_into_hidden_groups(method: str) -> None:
    """Curves, steps, limits, standardised rows, numbers at risk, warnings, words, R code: all fields at once."""
    frame = rows(STAGES)
    other = exchanged(frame, "9", "7")
    assert answered(frame, method).groups != answered(other, method).groups
    assert asdict(seen(answered(frame, method))) == asdict(seen(answered(other, method)))


def test_nothing_of_crossed_groups_depends_on_how_persons_fall_into_the_hidden_ones() -> None:
    frame = rows({"1": 300, "2": 240, "7": 150, "9": 30})
    by = ("sex", "stage")
    first = seen(answered(frame, by=by))
    hidden = {g.label for g in first.groups if g.hidden}
    assert {"Male, distant", "Male, unknown", "Female, distant", "Female, unknown"} <= hidden
    second = seen(answered(exchanged(frame, "9", "7", within="1"), by=by))
    assert asdict(first) == asdict(second)


def test_the_whole_less_the_groups_shown_is_no_small_group() -> None:
    frame = rows(STAGES)
    whole, by_stage = seen(answered(frame, by=())), seen(answered(frame))
    for time in (1.0, 3.0, 5.0):
        left = whole.at(0, time)["n_risk"] - sum(by_stage.at(g.number, time)["n_risk"] for g in by_stage.shown)
        small = ((frame["summary_stage"] == "9") & (frame["time"] >= time * 365.241)).sum()
        assert left != small
    assert whole.n - sum(g.n for g in by_stage.shown) >= 2 * MINIMUM


def test_a_flow_that_leaves_out_a_few_is_rounded_even_where_every_group_is_large() -> None:
    found = answered(rows({"1": 90, "2": 60}))
    few = replace(found, flow=[*found.flow[:1], replace(found.flow[1], excluded=3, remaining=187)])
    assert seen(found).flow == found.flow and not seen(found).rounded
    told = seen(few)
    assert (told.flow[1].excluded, told.flow[1].remaining, told.flow[0].remaining) == (None, 175, 200)
    assert told.rounded and told.n == found.n


def test_a_small_selection_tells_nothing_at_all() -> None:
    first, second = (seen(answered(rows({"1": n}, seed=n), by=())) for n in (11, 19))
    assert first.shown == [] and first.n is None and first.curve == []
    assert replace(first, flow=[]) == replace(second, flow=[])


def test_charts_of_two_answers_that_differ_in_hidden_groups_are_the_same() -> None:
    frame = rows(STAGES)
    first, second = (
        printed(curve_spec(seen(answered(one))), title="Colon", subtitle="by stage")
        for one in (frame, exchanged(frame, "9", "7"))
    )
    assert first == second and write_chart(first, "svg").startswith(b"<svg")


# ---- the annual report ----------------------------------------------------------------------------------------------------


def test_a_report_tells_hidden_groups_by_their_sum_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SimpleNamespace(settings=SimpleNamespace(registry_name="Test", folder=lambda name: None))
    monkeypatch.setattr("registry.analysis.survival_tables.life_table", lambda *given: us_life_table())
    monkeypatch.setattr("registry.analysis.survival_tables.table_title", lambda *given: "US")
    frame = rows(STAGES)
    found = []
    for one in (frame, exchanged(frame, "9", "7")):
        monkeypatch.setattr(
            survival_cohort,
            "find_persons",
            lambda snapshot, request, scope, one=one: persons(one, request.method, request.by),
        )
        request = Request(method="pohar-perme", site="colon-and-rectum", at=reports.YEARS)
        part, drawn_by_stage = reports._site(store, SNAPSHOT, request, Scope(minimum=MINIMUM))
        found.append((asdict(part), asdict(drawn_by_stage)))
    assert found[0] == found[1]
    stages = [line for line in found[0][0]["lines"] if line["part"] == "stage"]
    assert [line["hidden"] for line in stages] == [False, True, True, True]


def test_beside_a_few_men_a_report_tells_many_women_coarsely() -> None:
    line = reports.Line(
        "Female", "sex", 1003, 400, [reports.Cell(0.81234, 0.80123, 0.82345)], reports.Cell(), reports.Cell()
    )
    few = replace(line, label="Male", n=7, events=2)
    female, male = reports._coarse([line, few], MINIMUM)
    assert (female.n, female.events, female.rounded) == (1000, 400, True)
    assert female.net == [reports.Cell(0.812, 0.801, 0.823)]
    assert male == reports.Line("Male", "sex", None, None, hidden=True)
