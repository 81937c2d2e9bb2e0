"""Every result says how to obtain it again."""

from __future__ import annotations

import pytest

from survival.actuarial import life_table
from survival.age_standard import age_standardised
from survival.competing.incidence import cumulative_incidence
from survival.frames import build_followup
from survival.kaplan_meier import kaplan_meier
from survival.net.analysis import net_survival
from survival.net.cohort import build_cohort
from survival.net.crude import crude_death
from survival.reproduce import METHODS, REFERENCES, reproduce
from survival.restricted import restricted_mean
from survival.standards import standard


@pytest.fixture(scope="module")
def results(cohort_frame, table):
    frame = cohort_frame(300)
    followup = build_followup(frame, time="time", event="event")
    cohort = build_cohort(frame, time="time", event="event", age="age", age_unit="years", sex="sex", date="date")
    years = {"at": [1, 5], "at_unit": "years"}
    return {
        "survfit": kaplan_meier(followup, **years, ci="log-log", given=0.5),
        "1 - (event)": kaplan_meier(followup, reverse=True),
        "cumprod(1 - d / effective)": life_table(followup, unit="months"),
        "rmean": restricted_mean(followup, tau=[1826.205]),
        "rs.surv": net_survival(cohort, table, **years),
        "survexp": net_survival(cohort, table, method="hakulinen", **years),
        "survtab(": net_survival(cohort, table, compat="popepi", **years),
        "ICSS1": net_survival(cohort, table, standard=standard("icss1"), **years),
        "cmp.rel": crude_death(cohort, table, **years),
    }


def test_each_result_has_call_text_references_and_citation(results):
    for words, result in results.items():
        found = reproduce(result, snapshot="abc123", registry="Test registry", definition="Malignant tumors.")
        assert words in found.r_call
        assert found.method_text.startswith("Malignant tumors. ") and found.method_text.endswith(".")
        assert found.references and all(reference.endswith(".") for reference in found.references)
        assert "abc123" in found.citation and str(result.n) in found.citation


def test_choices_show_in_the_text(results):
    assert "conditional on being alive at 0.5 years" in reproduce(results["survfit"]).method_text
    assert "standardised to ICSS1" in reproduce(results["ICSS1"]).method_text
    assert "popepi" in reproduce(results["survtab("]).method_text


def test_references_exist():
    for _, names in METHODS.values():
        assert set(names) <= set(REFERENCES)


def test_an_unstable_tail_is_told_in_words(cohort_frame, life_table_frame):
    from survival.lifetables import build_life_table

    frame = cohort_frame(300, seed=21)
    frame.loc[:200, "age"] = 89.0
    heavy = build_life_table(life_table_frame(hazard=4e-4))
    cohort = build_cohort(frame, time="time", event="event", age="age", age_unit="years", sex="sex", date="date")
    warnings = " ".join(net_survival(cohort, heavy, at=[1, 5, 9.5], at_unit="years").warnings)
    assert "unequal weights" in warnings or "rises between" in warnings


def test_cumulative_incidence_has_its_sentence_and_its_call(cohort_frame):
    frame = cohort_frame(300).assign(status=lambda f: f["event"] * (1 + f["stage"] % 2))
    data = build_followup(frame, time="time", event="status", event_codes=[1], by=["site"])
    result = cumulative_incidence(data, causes=[1, 2], at=[365])
    found = reproduce(result)
    assert "Aalen-Johansen method" in found.method_text and "Aalen OO" in found.references[0]
    assert "survfit(Surv(time, factor(status)) ~ site" in found.r_call


def test_an_age_standardised_call_names_the_weights(cohort_frame):
    frame = cohort_frame(2000)
    data = build_followup(frame, time="time", event="event")
    found = reproduce(age_standardised(data, frame["age"].to_numpy(), standard("icss1"), at=[365]))
    assert "# ICSS1\nw <- c(0.07, 0.12, 0.23, 0.29, 0.29)" in found.r_call
    assert "standardised to ICSS1" in found.method_text
