"""Follow-up, windows, age standards and methods of the live registry."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from registry.analysis import survival_tables as kept
from registry.analysis.survival_charts import curve_spec, printed, write_chart
from registry.analysis.survival_cohort import find_persons
from registry.analysis.survival_request import (
    METHODS,
    Request,
    from_pairs,
)
from registry.analysis.survival_scope import Scope
from registry.errors import RegistryError
from survival.net.cohort import build_cohort, window
from survival.standards import standard

OPEN = Scope(names=True, small=True)
"""An account that may see everything."""


def test_presumed_alive_is_refused_until_complete_deaths_are_recorded_and_then_ends_there(
    registry: SimpleNamespace, ask
) -> None:
    with pytest.raises(RegistryError, match="none is recorded"):
        ask(("follow_up", "presumed"))
    with pytest.raises(RegistryError, match="lies ahead"):
        kept.record_ascertainment(registry.store, "2199-01-01", "dreams", who="test")
    with pytest.raises(RegistryError, match="no source"):
        kept.record_ascertainment(registry.store, "2022-12-31", " ", who="test")
    kept.record_ascertainment(registry.store, "2022-12-31", "state vital statistics", who="test")
    try:
        found = ask(("follow_up", "presumed"), ("site", "breast"))
        assert found.closing == "2022-12-31"
        assert "presumed alive on 2022-12-31" in found.definition
        assert all(group.follow_up is None for group in found.groups)
        persons = find_persons(
            registry.snapshot,
            from_pairs([("follow_up", "presumed"), ("site", "breast")]),
            OPEN,
            deaths_complete_to="2022-12-31",
        ).frame
        end = (np.datetime64("2022-12-31") - np.datetime64("1960-01-01")).astype(int)
        alive = persons[persons["event"] == 0]
        assert (alive["day"] + alive["time"] == end).all(), "active and presumed follow-up are mixed"
    finally:
        kept.forget_ascertainment(registry.store)


def test_a_period_window_is_the_engines(registry: SimpleNamespace) -> None:
    whole = find_persons(registry.snapshot, Request(method="pohar-perme"), OPEN).frame
    asked = Request(method="pohar-perme", window="period", period_from=2019, period_to=2021)
    mine = find_persons(registry.snapshot, asked, OPEN).frame
    cohort = build_cohort(whole, time="time", event="event", age="age", sex="sex", date="day")
    engine = window(cohort, "2019", "2021")
    assert len(mine) == engine.n
    assert np.array_equal(mine["time"], engine.time)
    assert np.array_equal(mine["entry"], engine.entry)
    assert int(mine["event"].sum()) == int(engine.event.sum())


def test_the_hybrid_takes_the_latest_diagnoses_from_their_start(registry: SimpleNamespace) -> None:
    asked = Request(window="hybrid", period_from=2020, period_to=2022, hybrid_from=2017)
    frame = find_persons(registry.snapshot, asked, OPEN).frame
    diagnosed = frame["date"].dt.year
    assert (frame.loc[diagnosed >= 2017, "entry"] == 0).all()
    assert (frame.loc[diagnosed < 2017, "entry"] > 0).all()


def test_a_cohort_window_keeps_who_could_be_followed_all_years(registry: SimpleNamespace) -> None:
    found = find_persons(registry.snapshot, Request(window="cohort", at=(5.0,)), OPEN)
    assert (found.frame["date"] <= found.closing - pd.Timedelta(days=5 * 365.241)).all()
    assert found.flow[-1].text.startswith("diagnosed less than 5 years")


@pytest.mark.parametrize(
    ("site", "standard"),
    [("breast", "icss1"), ("thyroid", "icss2"), ("melanoma-of-the-skin", "icss2"), ("prostate", "icss1")],
)
def test_the_standard_follows_the_site(ask, site: str, standard: str) -> None:
    assert ask(("site", site), ("method", "pohar-perme")).standard == standard


def test_mixed_sites_get_no_standard_but_a_reason(ask) -> None:
    found = ask(("method", "pohar-perme"))
    assert found.standardised == [] and found.standard == ""
    assert any("take" in text and "different age standards" in text for text in found.warnings)


def test_an_empty_age_group_gives_no_standardised_estimate_and_says_so(ask) -> None:
    found = ask(("site", "lung-and-bronchus"), ("method", "pohar-perme"), ("age_from", "45"))
    assert all(row["estimate"] is None for row in found.standardised)
    assert any("never spread over the others" in text for _, text in found.cautions)


def test_groups_by_age_are_those_of_the_standard(ask) -> None:
    labels = [group.label for group in ask(("site", "prostate"), ("by", "age")).groups]
    assert set(labels) <= {"0–14", "15–54", "55–64", "65–74", "75–84", "85+", "Unknown"}
    assert "75–84" in labels


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_answers_with_curve_table_words_and_chart(ask, method: str) -> None:
    found = ask(("method", method), ("by", "sex"), ("at", "1,5"))
    assert found.curve and found.table and found.method_text and found.references and found.r_call
    assert found.citation.endswith("Computed with OncoRegistry.") and found.version[:16] in found.citation
    for row in found.table:
        assert row["estimate"] is None or 0 <= row["estimate"] <= 1.3
    spec = curve_spec(found)
    assert spec["data"]["values"] and "config" not in spec
    assert write_chart(printed(spec, title="x"), "svg").startswith(b"<svg")


def test_cancer_and_other_causes_together_with_survival_are_everybody(ask) -> None:
    """Aalen-Johansen: S + F1 + F2 = 1 where the causes make up all deaths."""
    both = ask(("method", "competing"))
    persons = ask(("method", "kaplan-meier"))
    row = both.at(0, 5.0)
    assert row["estimate"] > row["other_estimate"] > 0
    # the cohorts differ by those whose cause is unknown, a few in a hundred
    assert 1 - row["estimate"] - row["other_estimate"] == pytest.approx(persons.at(0, 5.0)["estimate"], abs=0.02)


def test_conditional_survival_is_the_ratio_of_two_survivals(ask) -> None:
    whole, given_one = ask(("site", "lung-and-bronchus")), ask(("site", "lung-and-bronchus"), ("given", "1"))
    ratio = whole.at(0, 5.0)["estimate"] / whole.at(0, 1.0)["estimate"]
    assert given_one.at(0, 5.0)["estimate"] == pytest.approx(ratio, rel=1e-12)


@pytest.mark.parametrize("method", ["crude", "competing"])
def test_probabilities_of_death_are_standardised_by_the_weights_of_the_age_groups(ask, method: str) -> None:
    """The weighted sum of what each age group's own analysis says, for both causes; the variance with squared weights."""
    site = ("site", "colon-and-rectum")
    whole, by_age = ask(site, ("method", method)), ask(site, ("method", method), ("by", "age"), ("at", "3"))
    weights = {label.replace("-", "–"): w for label, w in zip(standard("icss1").labels, standard("icss1").weights)}
    own = {group.label: by_age.at(group.number, 3.0) for group in by_age.groups}
    assert set(own) == set(weights) and whole.standard == "icss1"
    found = whole.at(0, 3.0, standardised=True)
    for name in ("", "other_"):
        assert found[f"{name}estimate"] == pytest.approx(
            sum(w * own[label][f"{name}estimate"] for label, w in weights.items()), rel=1e-9
        )
        assert found[f"{name}se"] ** 2 == pytest.approx(
            sum((w * own[label][f"{name}se"]) ** 2 for label, w in weights.items()), rel=1e-9
        )
    assert "standardised to ICSS1" in whole.method_text and "weigh(function(p)" in whole.r_call


def test_individual_weights_are_of_survival_and_probabilities_say_so(ask) -> None:
    found = ask(("site", "colon-and-rectum"), ("method", "competing"), ("weighting", "individual"))
    assert any("individual weights are of survival" in text for text in found.warnings)
    assert "individual" not in found.method_text
