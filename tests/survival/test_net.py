"""Net survival against R (relsurv, popEpi, survexp), and what must hold for any data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survival.frames import build_followup
from survival.kaplan_meier import kaplan_meier
from survival.lifetables import build_life_table, us_life_table
from survival.net.analysis import net_survival
from survival.net.cohort import build_cohort, window
from survival.net.comparison import compare_net_survival
from survival.net.crude import crude_death
from survival.net.estimators import expected_survival, pohar_perme
from survival.net.popepi import popepi_observed
from survival.net.relsurv import relsurv_curves
from survival.standards import standard

METHODS = ("pohar-perme", "ederer1", "ederer2", "hakulinen")


@pytest.fixture(scope="module")
def colrec(dataset):
    frame = dataset("colrec")

    def build(by=()):
        return build_cohort(frame, time="time", event="stat", age="age", sex="sex", date="diag_date", by=by)

    return build


@pytest.fixture(scope="module")
def persons(cohort_frame):
    def build(n=400, seed=1, by=(), late=False, frame=None):
        frame = cohort_frame(n, seed=seed, late=late) if frame is None else frame
        return build_cohort(
            frame,
            time="time",
            event="event",
            entry="entry" if late else None,
            age="age",
            age_unit="years",
            sex="sex",
            date="date",
            by=by,
        )

    return build


@pytest.mark.shared
@pytest.mark.parametrize("method", ["pohar-perme", "ederer2", "ederer1"])
@pytest.mark.parametrize("scale", ["plain", "log", "log-log"])
def test_compat_relsurv_against_R(expected, colrec, slopop, column, method, scale):
    # rs.surv(Surv(time, stat) ~ 1 and ~ sex, ratetable = slopop, method, conf.type, add.times); tolerance 1e-9
    numbers = expected("relsurv_colrec_overall_sex")
    for by, key in (((), "overall"), (("sex",), "by_sex")):
        rows = numbers[key][method][scale]
        ours = net_survival(colrec(by), slopop, method=method, at=numbers["times"], ci=scale, compat="relsurv").frame
        for mine, theirs in (("estimate", "surv"), ("lower", "lower"), ("upper", "upper"), ("n_risk", "n_risk")):
            np.testing.assert_allclose(ours[mine], column(rows, theirs), rtol=1e-9)
        if scale != "log-log":
            np.testing.assert_allclose(ours["se_log"], column(rows, "se_log"), rtol=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("method", ["pohar-perme", "ederer2", "ederer1"])
def test_compat_relsurv_with_us_table_against_R(expected, colrec, reference, column, method):
    # rs.surv(..., ratetable = survexp.us, add.times): the year moves on (mistaken) birthdays; tolerance 1e-9
    from survival.lifetables import read_life_table

    rows = expected("relsurv_colrec_survexpus")["overall"][method]["log"]
    times = [row["time"] for row in rows]
    for table in (us_life_table(), read_life_table(reference / "survival" / "data" / "survexp_us.csv")):
        ours = net_survival(colrec(), table, method=method, at=times, compat="relsurv").frame
        np.testing.assert_allclose(ours["estimate"], column(rows, "surv"), rtol=1e-9)
        np.testing.assert_allclose(ours["se_log"], column(rows, "se_log"), rtol=1e-9)


@pytest.mark.shared
def test_compat_relsurv_full_curve_against_R(expected, colrec, slopop):
    # rs.surv(Surv(time, stat) ~ 1)$surv, $std.err at all 3059 times; tolerance 1e-11
    numbers = expected("pp_full_curve_colrec")
    curve = relsurv_curves([colrec()], slopop, method="pohar-perme")[0]
    np.testing.assert_array_equal(curve.end, numbers["time"])
    np.testing.assert_allclose(curve.survival, numbers["surv"], rtol=1e-11)
    np.testing.assert_allclose(np.sqrt(curve.variance), numbers["std_err"], rtol=1e-11)


@pytest.mark.shared
@pytest.mark.parametrize(("precision", "key"), [(0.1, "p01"), (30.0, "p30")])
def test_compat_relsurv_precision_against_R(expected, colrec, slopop, column, precision, key):
    # rs.surv(..., precision = .1 and 30), no add.times; tolerance 1e-10
    rows = expected("relsurv_precision")[key]
    curve = relsurv_curves([colrec()], slopop, method="pohar-perme", precision=precision)[0]
    ours = curve.at(np.array([row["time"] for row in rows]))
    np.testing.assert_allclose(ours["estimate"], column(rows, "surv"), rtol=1e-10)


@pytest.mark.shared
def test_default_is_relsurv_without_its_fault(expected, colrec, slopop, column):
    # the sizes by which relsurv's running mean moves it (see survival.net.estimators), at 1, 3, 5, 10 years
    rows = expected("relsurv_colrec_overall_sex")["overall"]["pohar-perme"]["log"]
    wanted = {row["time"]: row["surv"] for row in rows}
    times = [365.241, 1095.723, 1826.205, 3652.41]
    ours = net_survival(colrec(), slopop, at=times).frame["estimate"].to_numpy()
    assert (np.abs(ours - [wanted[time] for time in times]) < [1e-6, 3e-6, 2e-5, 2e-4]).all()


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["ederer", "conditional", "hakulinen"])
def test_expected_survival_against_R(expected, colrec, slopop, column, kind):
    # survexp(~ 1, ratetable = slopop and survexp.us, method = kind, times); tolerance 1e-8
    ours_kind = {"ederer": "ederer1", "conditional": "ederer2", "hakulinen": "hakulinen"}[kind]
    for name, table in (("slopop", slopop), ("us", us_life_table())):
        rows = expected("expected_survival")[name][kind]
        days, survival = expected_survival(colrec(), table, kind=ours_kind)
        ours = np.exp(np.interp([row["time"] for row in rows], days, np.log(survival)))
        np.testing.assert_allclose(ours, column(rows, "surv"), rtol=1e-8)


@pytest.mark.shared
@pytest.mark.parametrize("key", ["ind_h_own_slopop", "ind_h_own_us", "ind_h_5y_slopop"])
def test_individual_hazards_against_R(expected, colrec, slopop, key):
    # survexp(method = "individual.h") of patients to their own time, at most 3652 days, or to 1826 days; tolerance 1e-10
    table = us_life_table() if key.endswith("us") else slopop
    whole = colrec()
    for i, wanted in list(enumerate(expected("expected_survival")[key]))[::5]:
        one = whole.take(np.array([i]))
        until = 1826.0 if "5y" in key else min(float(one.time[0]), 3652.0)
        _, survival = expected_survival(one, table, kind="ederer1", until=until)
        assert -np.log(survival[-1]) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.shared
def test_hakulinen_against_R(expected, colrec, slopop, column):
    # survfit / survexp(method = "hakulinen"), potential time to the last exit for the dead; tolerance 1e-8
    numbers = expected("hakulinen_survexp")
    for by, rows in (((), numbers["overall"]), (("sex",), [*numbers["by_sex"]["1"], *numbers["by_sex"]["2"]])):
        times = list(dict.fromkeys(row["time"] for row in rows))
        ours = net_survival(colrec(by), slopop, method="hakulinen", at=times).frame
        np.testing.assert_allclose(ours["estimate"], column(rows, "surv"), rtol=1e-8)
        np.testing.assert_allclose(ours["se_log"], column(rows, "se_log"), rtol=1e-8)


@pytest.mark.shared
@pytest.mark.parametrize(("method", "key"), [("pohar-perme", "icss1_pp"), ("ederer2", "icss1_e2")])
def test_age_standardised_against_R(expected, colrec, slopop, column, method, key):
    # sum(w * S_g), sqrt(sum(w^2 * SE_g^2)) of rs.surv by age group; tolerance 1e-9
    rows = expected("agestd_overall")[key]
    for scale in ("plain", "log"):
        ours = net_survival(
            colrec(),
            slopop,
            method=method,
            at=[row["time"] for row in rows],
            standard=standard("icss1"),
            compat="relsurv",
            ci=scale,
        ).frame
        for mine, theirs in (("estimate", "surv"), ("se", "se"), ("lower", f"lower_{scale}")):
            np.testing.assert_allclose(ours[mine], column(rows, theirs), rtol=1e-9)


@pytest.mark.shared
def test_crude_probability_against_R(expected, colrec, slopop):
    # cmp.rel(Surv(time, stat) ~ 1, ratetable = slopop, tau = 3652.41, add.times); tolerance 1e-7, areas 1e-6
    numbers = expected("crude_prob_overall")["overall"]
    result = crude_death(colrec(), slopop, at=numbers["times"], ci="plain")
    for mine, theirs in (("estimate", "est"), ("other_estimate", "est_pop")):
        np.testing.assert_allclose(result.frame[mine], numbers[theirs], rtol=1e-7)
    for mine, theirs in (("se", "var"), ("other_se", "var_pop")):
        np.testing.assert_allclose(result.frame[mine] ** 2, numbers[theirs], rtol=1e-7)
    lost = result.extra["years_lost"][0]
    np.testing.assert_allclose([lost["cancer"], lost["other"]], [numbers["area"], numbers["area_pop"]], rtol=1e-6)


@pytest.mark.shared
def test_log_rank_type_test_against_R(expected, colrec, slopop):
    # rs.diff(Surv(time, stat) ~ sex, ratetable = slopop); tolerance 1e-9
    numbers = expected("rsdiff")["sex"]
    ours = compare_net_survival(colrec(("sex",)), slopop)
    assert ours["chisq"] == pytest.approx(numbers["test"][0][0], rel=1e-9)
    assert ours["p"] == pytest.approx(numbers["p"][0][0], rel=1e-9)
    assert ours["statistic"][0] == pytest.approx(numbers["zh"][0][0], rel=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("transform", ["hazard", "lifetable"])
@pytest.mark.parametrize(("method", "short"), [("pohar-perme", "pp"), ("ederer2", "e2")])
@pytest.mark.parametrize("data", ["colrec", "sire"])
def test_compat_popepi_against_R(expected, colrec, slopop, dataset, data, method, short, transform):
    # survtab(FUT ~ 1, breaks = list(FUT = 0:120 / 12), surv.method, relsurv.method); tolerance 1e-11
    numbers = expected(f"popepi_{data}_cohort")[f"{transform}_{short}"]
    if data == "colrec":
        cohort, table = colrec(), slopop
    else:
        frame, rates = dataset("sire"), dataset("popmort")
        frame = frame[frame["dg_date"] < frame["ex_date"]].assign(sex=2).reset_index(drop=True)
        table = build_life_table(
            pd.DataFrame(
                {
                    "year": rates["year"],
                    "age": rates["agegroup"],
                    "sex": rates["sex"] + 1,
                    "annual_prob": -np.expm1(-rates["haz"]),
                }
            )
        )
        cohort = build_cohort(
            frame,
            entry="dg_date",
            exit="ex_date",
            event="status",
            event_codes=(1, 2),
            age="dg_age",
            age_unit="years",
            sex="sex",
        )
    ours = net_survival(
        cohort,
        table,
        method=method,
        at=numbers["Tstop"],
        at_unit="years",
        compat="popepi",
        transform=transform,
        ci="log-log",
    ).frame
    for mine, theirs in (
        ("estimate", f"r.{short}"),
        ("se", f"SE.r.{short}"),
        ("lower", f"r.{short}.lo"),
        ("upper", f"r.{short}.hi"),
    ):
        np.testing.assert_allclose(ours[mine], numbers[theirs], rtol=1e-11)


@pytest.mark.shared
def test_popepi_observed_and_by_cause_against_R(expected, dataset):
    # survtab(surv.type = "surv.obs", "surv.cause", "cif.obs"), surv.method = "hazard" and "lifetable"; tolerance 1e-11
    numbers, frame = expected("popepi_sire_cohort"), dataset("sire")
    frame = frame[frame["dg_date"] < frame["ex_date"]].reset_index(drop=True)
    followup = build_followup(frame, entry="dg_date", exit="ex_date", event="status", event_codes=(1, 2))
    months = np.array(numbers["cause"]["surv.int"]) - 1
    hazard = popepi_observed(followup, (1, 2)).iloc[months]
    table = popepi_observed(followup, transform="lifetable").iloc[months]
    pairs = [
        (hazard["estimate"], numbers["cause"]["surv.obs"]),
        (hazard["se"], numbers["cause"]["SE.surv.obs"]),
        (hazard["survival_1"], numbers["cause"]["surv.obs.canD"]),
        (hazard["se_1"], numbers["cause"]["SE.surv.obs.canD"]),
        (hazard["survival_2"], numbers["cause"]["surv.obs.othD"]),
        (hazard["se_2"], numbers["cause"]["SE.surv.obs.othD"]),
        (hazard["cif_1"], numbers["cif"]["CIF_canD"]),
        (hazard["cif_2"], numbers["cif"]["CIF_othD"]),
        (table["n"], numbers["obs_lifetable"]["n"]),
        (table["estimate"], numbers["obs_lifetable"]["surv.obs"]),
        (table["se"], numbers["obs_lifetable"]["SE.surv.obs"]),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)


def test_conditional_net_survival_is_a_ratio(persons, table):
    whole = net_survival(persons(), table, at=[365, 1826]).frame
    given = net_survival(persons(), table, at=[100, 1826], given=365).frame
    assert np.isnan(given["estimate"].iloc[0])
    assert given["estimate"].iloc[1] == pytest.approx(whole["estimate"].iloc[1] / whole["estimate"].iloc[0])
    assert given["se_log"].iloc[1] ** 2 == pytest.approx(whole["se_log"].iloc[1] ** 2 - whole["se_log"].iloc[0] ** 2)


def test_deaths_on_the_day_of_diagnosis_count(persons, cohort_frame, life_table_frame):
    frame = cohort_frame(50, seed=2)
    frame.loc[:4, ["time", "event"]] = [0, 1]
    immortal = build_life_table(life_table_frame(hazard=0.0))
    net = net_survival(persons(frame=frame), immortal, at=[0, 365]).frame
    observed = kaplan_meier(build_followup(frame, time="time", event="event"), at=[0, 365]).frame
    np.testing.assert_allclose(net["estimate"], observed["estimate"], rtol=1e-12)
    assert net["estimate"].iloc[0] == pytest.approx(0.9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("late", [False, True])
def test_net_equals_observed_when_nobody_dies_of_other_causes(persons, cohort_frame, life_table_frame, method, late):
    immortal = build_life_table(life_table_frame(hazard=0.0))
    frame = cohort_frame(300, seed=4, late=late)
    net = net_survival(persons(frame=frame, late=late), immortal, method=method, at=[365, 1826, 3000]).frame
    followup = build_followup(frame, time="time", event="event", entry="entry" if late else None)
    observed = kaplan_meier(followup, at=[365, 1826, 3000]).frame
    np.testing.assert_allclose(net["estimate"], observed["estimate"], rtol=1e-12)


@given(st.integers(1, 60), st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_compiled_and_plain_sums_agree(persons, cohort_frame, table, n, seed, late, split):
    frame = cohort_frame(n, seed=seed, late=late)
    frame["time"] = np.where(frame["sex"] == 1, frame["time"], frame["time"] + 0.25)
    cohort = persons(frame=frame, late=late)
    compiled = pohar_perme(cohort, table, split=split, engine="numba")
    plain = pohar_perme(cohort, table, split=split, engine="numpy")
    np.testing.assert_array_equal(compiled.n_risk, plain.n_risk)
    np.testing.assert_allclose(compiled.survival, plain.survival, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(compiled.variance, plain.variance, rtol=1e-10)
    np.testing.assert_allclose(compiled.effective, plain.effective, rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_rows_and_threads_change_nothing(persons, cohort_frame, table, method):
    frame = cohort_frame(500, seed=3)
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    at = [365, 1826]
    plain = net_survival(persons(frame=frame, by=("site",)), table, method=method, at=at, threads=1)
    again = net_survival(persons(frame=frame, by=("site",)), table, method=method, at=at, threads=4)
    pd.testing.assert_frame_equal(plain.frame, again.frame, check_exact=True)
    other = net_survival(persons(frame=shuffled, by=("site",)), table, method=method, at=at)
    pd.testing.assert_frame_equal(plain.frame, other.frame, rtol=1e-12)


def test_groups_are_what_they_are_alone(persons, cohort_frame, table):
    frame = cohort_frame(500, seed=6)
    together = net_survival(persons(frame=frame, by=("site",)), table, at=[1000]).frame
    assert together["n_risk"].sum() == net_survival(persons(frame=frame), table, at=[1000]).frame["n_risk"].sum()
    for site, row in together.groupby("site"):
        alone = net_survival(persons(frame=frame[frame["site"] == site].reset_index(drop=True)), table, at=[1000])
        assert alone.frame["estimate"].iloc[0] == pytest.approx(row["estimate"].iloc[0], rel=1e-12)


def test_asking_for_more_times_changes_nothing(persons, table):
    one = net_survival(persons(), table, at=[1000.25]).frame["estimate"].iloc[0]
    many = net_survival(persons(), table, at=[10.5, 500, 1000.25, 1200]).frame
    assert many["estimate"].iloc[2] == one


def test_crude_probabilities_add_up_to_the_dead(persons, cohort_frame, table):
    frame = cohort_frame(400, seed=8)
    crude = crude_death(persons(frame=frame), table, at=[1500]).frame.iloc[0]
    observed = kaplan_meier(build_followup(frame, time="time", event="event"), at=[1500]).frame["estimate"].iloc[0]
    assert crude["estimate"] + crude["other_estimate"] == pytest.approx(1 - observed, rel=1e-10)


def test_window_of_everything_is_the_cohort_and_weights_run_from_diagnosis(persons, table):
    whole = persons()
    at = [500, 2000]
    open_window = net_survival(window(whole, "1900", "2100"), table, at=at).frame
    pd.testing.assert_frame_equal(open_window, net_survival(whole, table, at=at).frame)
    period = window(whole, "2000-01-01", "2004-12-31")
    assert period.entry is not None and (period.time > period.entry).all()
    assert dict(period.excluded)["no follow-up within the calendar window"] == whole.n - period.n
    # the weight of a late entrant at entry is the one it would have had, had it been watched from diagnosis
    late = int(np.argmax(period.entry))
    one = period.take(np.array([late]))
    watched = replace(one, entry=None)
    entered, full = pohar_perme(one, table), pohar_perme(watched, table)
    shared = full.end > one.entry[0]
    assert (entered.n_risk[entered.end > one.entry[0]] == full.n_risk[shared]).all()


def test_windows_side_by_side_share_no_death(persons):
    whole = persons()
    first, second = window(whole, None, "1999-06-30"), window(whole, "1999-06-30", None)
    assert first.event.sum() + second.event.sum() == whole.event.sum()


def test_individual_weights_with_the_cohort_as_standard_change_nothing(persons, table):
    whole = persons(600, seed=11)
    name = standard("icss1")
    group = name.group(whole.age / 365.241)
    shares = tuple(np.bincount(group, minlength=5) / whole.n)
    own = replace(name, weights=shares)
    plain = net_survival(whole, table, at=[1500]).frame["estimate"].iloc[0]
    weighted = net_survival(whole, table, at=[1500], standard=own, weighting="individual").frame["estimate"].iloc[0]
    assert weighted == pytest.approx(plain, rel=1e-12)


def test_an_empty_age_group_is_never_renormalised(persons, cohort_frame, table):
    frame = cohort_frame(300, seed=12)
    frame = frame[frame["age"] < 75].reset_index(drop=True)
    for weighting in ("traditional", "individual"):
        result = net_survival(persons(frame=frame), table, at=[365], standard=standard("icss1"), weighting=weighting)
        assert result.frame["estimate"].isna().all()
        assert any("75+" in sentence and "no persons" in sentence for sentence in result.warnings)
