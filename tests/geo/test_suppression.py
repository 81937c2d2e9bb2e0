"""Suppression is real: attacks by subtraction and by linear programming get nothing back.

The attackers here are written apart from the module: they see only the masked tables, never the counts behind them.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from geo.errors import GeoError
from geo.suppression import ALL, DERIVED, SuppressionRule, attack_tables, mask_hidden, protect_tables


def records(seed: int, *, counties: int = 6, ages: int = 1, mean: float = 25) -> pd.DataFrame:
    """Invented counts by county, sex and age."""
    rng = np.random.default_rng(seed)
    level = {c: mean * np.exp(rng.normal(0, 1)) for c in range(counties)}
    rows = [
        (f"c{c}", s, f"a{a}", float(rng.poisson(level[c] / ages)))
        for c, s, a in product(range(counties), "MF", range(ages))
    ]
    return pd.DataFrame(rows, columns=["county", "sex", "age", "cases"])


def table_with_margins(counts: pd.DataFrame, dimensions: list[str]) -> pd.DataFrame:
    parts = []
    for size in range(len(dimensions) + 1):
        for kept in map(list, combinations(dimensions, size)):
            part = counts.groupby(kept, as_index=False)["cases"].sum() if kept else counts[["cases"]].sum().to_frame().T
            parts.append(part.assign(**{d: ALL for d in dimensions if d not in kept}))
    return pd.concat(parts, ignore_index=True)[[*dimensions, "cases"]]


def masked(tables, protection) -> list[pd.DataFrame]:
    return [mask_hidden(table, hidden) for table, hidden in zip(tables, protection.hidden)]


def cells_of(published: list[pd.DataFrame], dimensions: list[str]) -> dict[tuple, float | None]:
    cells: dict[tuple, float | None] = {}
    for table in published:
        for _, row in table.iterrows():
            key = tuple(row[d] if d in table.columns else ALL for d in dimensions)
            cells[key] = None if row["suppressed"] else float(row["cases"])
    return cells


def attack_by_subtraction(published: list[pd.DataFrame], dimensions: list[str]) -> dict[tuple, float]:
    """Every hidden cell that follows from a margin and its other parts, again and again until nothing follows."""
    cells = cells_of(published, dimensions)
    bases = [sorted({key[d] for key in cells} - {ALL}) for d in range(len(dimensions))]
    found: dict[tuple, float] = {}
    changed = True
    while changed:
        changed = False
        for key in list(cells):
            for d in range(len(dimensions)):
                if key[d] != ALL:
                    continue
                family = [key, *[(*key[:d], base, *key[d + 1 :]) for base in bases[d]]]
                if any(member not in cells for member in family):
                    continue
                unknown = [member for member in family if cells[member] is None]
                if len(unknown) == 1:
                    parts = sum(cells[member] or 0 for member in family[1:] if member != unknown[0])
                    value = parts if unknown[0] == key else cells[key] - parts
                    cells[unknown[0]] = found[unknown[0]] = value
                    changed = True
    return found


def attack_by_programming(published: list[pd.DataFrame], dimensions: list[str]) -> dict[tuple, tuple[float, float]]:
    """The bounds of every hidden cell, over all counts of 0 or more that have the visible sums."""
    cells = cells_of(published, dimensions)
    bases = [sorted({key[d] for key in cells} - {ALL}) or [ALL] for d in range(len(dimensions))]
    atoms = list(product(*bases))
    rows = {key: np.array([all(k in (ALL, a) for k, a in zip(key, atom)) for atom in atoms], float) for key in cells}
    visible = [key for key, value in cells.items() if value is not None]
    equal, sums = np.array([rows[key] for key in visible]), np.array([cells[key] for key in visible])
    bounds = {}
    for key, value in cells.items():
        if value is None:
            ends = []
            for sign in (1, -1):
                result = linprog(sign * rows[key], A_eq=equal if len(visible) else None,
                                 b_eq=sums if len(visible) else None, method="highs")  # fmt: skip
                ends.append(sign * result.fun if result.status == 0 else np.inf)
            bounds[key] = (ends[0], ends[1])
    return bounds


def test_a_naive_release_is_broken_by_both_attacks():
    # the attackers work: hiding only the small cells gives them back
    table = table_with_margins(
        pd.DataFrame({"county": ["a", "a", "b", "b"], "sex": list("MFMF"), "cases": [3.0, 40, 50, 60]}),
        ["county", "sex"],
    )
    naive = mask_hidden(table, (table["cases"] < 16).to_numpy())
    assert attack_by_subtraction([naive], ["county", "sex"]) == {("a", "M"): 3}
    assert attack_by_programming([naive], ["county", "sex"])[("a", "M")] == pytest.approx((3, 3))


@pytest.mark.parametrize("seed", range(8))
def test_no_attack_gets_a_hidden_cell_back(seed):
    table = table_with_margins(records(seed), ["county", "sex"])
    protection = protect_tables([table])
    published = masked([table], protection)
    assert table.loc[table["cases"] < 16].index.isin(np.flatnonzero(protection.hidden[0])).all()
    assert attack_by_subtraction(published, ["county", "sex"]) == {}
    bounds = attack_by_programming(published, ["county", "sex"])
    small = {tuple(row[:2]) for row, p in zip(table.to_numpy(), protection.primary[0]) if p}
    for key, (low, high) in bounds.items():
        assert high - low >= (15 if key in small else 1) - 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_tables_that_share_margins_do_not_help_each_other(seed):
    # one table by county and sex, another by county and age, a third by age alone
    counts = records(seed, counties=5, ages=3, mean=60)
    tables = [
        table_with_margins(counts, ["county", "sex"]),
        table_with_margins(counts, ["county", "age"]),
        counts.groupby("age", as_index=False)["cases"].sum(),
    ]
    protection = protect_tables(tables)
    published = masked(tables, protection)
    dimensions = ["age", "county", "sex"]
    assert attack_by_subtraction(published, dimensions) == {}
    small = {
        k for keys, flags in zip(protection.publication.keys, protection.primary) for k, p in zip(keys, flags) if p
    }
    for key, (low, high) in attack_by_programming(published, dimensions).items():
        assert high - low >= (15 if key in small else 1) - 1e-6


def test_the_same_cell_is_hidden_in_every_table():
    counts = records(1)
    tables = [table_with_margins(counts, ["county", "sex"]), counts.groupby("county", as_index=False)["cases"].sum()]
    protection = protect_tables(tables)
    first = dict(zip(protection.publication.keys[0], protection.hidden[0]))
    assert all(first[key] == flag for key, flag in zip(protection.publication.keys[1], protection.hidden[1]))


def test_groups_that_only_subtraction_gives_are_protected():
    # all ages and ages 0-64 are published, 65 and over is not: the difference is 4 in county a, 30 in county b
    table = pd.DataFrame(
        {"county": ["a", "a", "b", "b"], "age": [ALL, "0-64", ALL, "0-64"], "cases": [104.0, 100, 90, 60]}
    )
    with pytest.raises(GeoError, match="contradict") as error:
        protect_tables([table])
    assert "levels" in error.value.hint
    protection = protect_tables([table], levels={"age": {"everyone": ["0-64", "65+"]}})
    assert protection.hidden[0].tolist() == [False, True, False, False]


def test_secret_tables_are_protected_without_being_published():
    # periods that overlap: 2016-2020 less 2015-2019 plus the year 2015 ...
    years = pd.DataFrame({"year": ["2015", "2016", "2017"], "cases": [20.0, 5, 30]})
    periods = pd.DataFrame({"year": ["2015-2017", "2015", "2017"], "cases": [55.0, 20, 30]})
    levels = {"year": {"2015-2017": ["2015", "2016", "2017"]}}
    protection = protect_tables([periods], secret=[years], levels=levels)
    assert protection.hidden[0].any()
    found = attack_tables([periods, years], [protection.hidden[0], np.ones(3, bool)], levels=levels)
    row = found[found["cell"] == "year 2016"].iloc[0]
    assert row["upper"] - row["lower"] >= 15


def test_public_cells_that_cannot_be_hidden_any_more():
    table = pd.DataFrame({"sex": ["M", "F", ALL], "cases": [40.0, 5, 45], "fixed": [True, False, True]})
    with pytest.raises(GeoError, match="sex F") as error:
        protect_tables([table])
    assert error.value.exit_code == 4
    assert error.value.code == "suppression"


@pytest.mark.parametrize("zeros_hidden,hidden", [(True, [True, True]), (False, [False, True])])
def test_zeros_follow_the_rule(zeros_hidden, hidden):
    table = pd.DataFrame({"county": ["a", "b"], "cases": [0.0, 3.0]})
    rule = SuppressionRule(zeros_hidden=zeros_hidden)
    assert protect_tables([table], rule=rule).hidden[0].tolist() == hidden


@pytest.mark.parametrize("seed", range(4))
def test_zeros_shown_and_the_attacker_knows_it(seed):
    counts = records(seed, mean=8)
    table = table_with_margins(counts, ["county", "sex"])
    protection = protect_tables([table], rule=SuppressionRule(threshold=6, zeros_hidden=False))
    assert not protection.hidden[0][table["cases"] == 0].any()
    found = attack_tables([table], protection.hidden, zeros_hidden=False)
    assert (found["upper"] - found["lower"] >= 1 - 1e-6).all()
    assert (found["lower"] >= 1 - 1e-6).all()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 60), min_size=8, max_size=8), st.integers(2, 20))
def test_any_table_any_threshold(counts, threshold):
    frame = pd.DataFrame(
        {"county": np.repeat(list("abcd"), 2), "sex": list("MF") * 4, "cases": np.array(counts, float)}
    )
    table = table_with_margins(frame, ["county", "sex"])
    protection = protect_tables([table], rule=SuppressionRule(threshold=threshold))
    published = masked([table], protection)
    small = {tuple(row[:2]) for row, p in zip(table.to_numpy(), protection.primary[0]) if p}
    for key, (low, high) in attack_by_programming(published, ["county", "sex"]).items():
        assert high - low >= (threshold - 1 if key in small else 1) - 1e-6


def test_a_wider_interval_hides_more():
    table = table_with_margins(records(2), ["county", "sex"])
    hidden = [int(protect_tables([table], rule=SuppressionRule(width=w)).hidden[0].sum()) for w in (1, 15, 60)]
    assert hidden[0] <= hidden[1] < hidden[2]


def test_nothing_small_nothing_hidden():
    table = table_with_margins(records(0, mean=5000), ["county", "sex"])
    assert not protect_tables([table]).hidden[0].any()


def test_masking_removes_every_derived_figure():
    frame = pd.DataFrame({"county": ["a", "b"], **{name: [1.0, 2.0] for name in DERIVED}, "population": [10, 20]})
    found = mask_hidden(frame, np.array([True, False]))
    assert found.loc[0, list(DERIVED)].isna().all()
    assert found.loc[1, list(DERIVED)].notna().all()
    assert found["population"].tolist() == [10, 20]
    strict = mask_hidden(frame.assign(other=5), np.array([True, False]), keep=["county", "population"])
    assert strict.loc[0].drop(["county", "population", "suppressed"]).isna().all()
    assert found["suppressed"].tolist() == [True, False]


@pytest.mark.parametrize(
    "tables,says",
    [
        ([pd.DataFrame({"sex": ["M", "F", ALL], "cases": [1, 2, 9]})], "contradict"),
        ([pd.DataFrame({"sex": ["M"], "cases": [1]}), pd.DataFrame({"sex": ["M"], "cases": [2]})], "1 and 2"),
        ([pd.DataFrame({"sex": ["M"], "cases": ["x"]})], "no figures"),
        ([pd.DataFrame({"sex": ["M"]})], "no column"),
    ],
)
def test_tables_that_cannot_be(tables, says):
    with pytest.raises(GeoError, match=says):
        protect_tables(tables)
