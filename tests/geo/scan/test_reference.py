"""Against SaTScan 10.3.2: every cluster of every recorded run.

Same members and centre, LLR to 1e-5, expected to 0.01, radius and relative risk as printed, and p within Monte Carlo
error: |p1 - p2| <= 3 sqrt(2 p (1-p) / 1000) + 0.002. The settings are read from the run's own record.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geo.scan import scan

pytestmark = pytest.mark.shared

NAMES = (
    "nc_sids74_high",
    "nhumberside_bernoulli_high",
    "nm_spacetime_high",
    "nm_spatial_high",
    "ny_leukemia_floor_high",
    "penn_lung_adj_high",
    "scotland_lip_high",
)
ANALYSIS = {1: "spatial", 2: "temporal", 3: "space-time", 4: "prospective"}
MODEL = {0: "poisson", 1: "bernoulli", 2: "stp"}
RATES = {1: "high", 2: "low", 3: "both"}


@pytest.mark.parametrize("name", NAMES)
def test_equals_satscan(reference: Path, name: str) -> None:
    folder = reference / "geo" / "expected"
    run = json.loads((folder / f"{name}.json").read_text())
    settings = run["parameters"]
    files = {key: folder / path for key, path in run["files"].items()}
    result = scan(
        files["cas"],
        files.get("pop"),
        files["geo"],
        controls=files.get("ctl"),
        model=MODEL[settings.get("ModelType", 0)],
        analysis=ANALYSIS[settings["AnalysisType"]],
        rates=RATES[settings["ScanAreas"]],
        max_share=settings["MaxSpatialSizeInPopulationAtRisk"] / 100,
    )
    assert len(result.clusters) == run["n_clusters"]
    for ours, theirs in zip(result.clusters, run["clusters"]):
        p = theirs["P_VALUE"]
        assert ours.center == theirs["LOC_ID"]
        assert set(ours.members) == set(theirs["members"])
        assert ours.observed == theirs["OBSERVED"]
        assert ours.llr == pytest.approx(theirs["LLR"], abs=1e-5)
        assert ours.expected == pytest.approx(theirs["EXPECTED"], abs=0.01)
        assert ours.relative_risk == pytest.approx(theirs["REL_RISK"], abs=0.0051)
        assert ours.radius_km == pytest.approx(theirs["RADIUS"], abs=0.0051)
        assert ours.population == pytest.approx(theirs["POPULATION"], abs=0.0051)
        assert ours.p_value == pytest.approx(p, abs=3 * (2 * p * (1 - p) / 1000) ** 0.5 + 0.002)
        if "space-time" in ANALYSIS[settings["AnalysisType"]]:
            assert ours.start == "-".join(f"{int(x):02d}" for x in theirs["START_DATE"].split("/"))
            assert ours.end == "-".join(f"{int(x):02d}" for x in theirs["END_DATE"].split("/"))


@pytest.mark.parametrize("name", ["nm_spatial_high", "scotland_lip_high"])
def test_simulated_maxima_have_the_same_distribution(reference: Path, name: str) -> None:
    # the run's record keeps the 100 largest of 999 maxima: ours must have about as many above their median
    folder = reference / "geo" / "expected"
    run = json.loads((folder / f"{name}.json").read_text())
    files = {key: folder / path for key, path in run["files"].items()}
    ours = scan(files["cas"], files["pop"], files["geo"]).maxima
    fiftieth = run["sim_llr_max_sorted_desc"][49]
    assert abs((ours >= fiftieth).sum() - 50) <= 3 * (2 * 50 * 0.95) ** 0.5


def test_fever_permutation_scan_has_as_many_clusters_as_published(reference: Path) -> None:
    # rsatscan 1.0.7, vignette: NYCfever, prospective, 1 day, at most 7 days and 3 km: "There were 3 clusters
    # identified. There were 0 clusters with p < .05."
    import pandas as pd

    folder = reference / "geo" / "data"
    cases = pd.read_csv(folder / "rsatscan_NYCfevercas.csv", dtype=str).set_axis(["id", "cases", "date"], axis=1)
    points = pd.read_csv(folder / "rsatscan_NYCfevergeo.csv", dtype=str).set_axis(["id", "lat", "lon"], axis=1)
    result = scan(
        cases, None, points, model="stp", analysis="prospective", start="2001/11/1", end="2001/11/24",
        time_unit="day", max_time=7, max_radius=3,
    )  # fmt: skip
    assert result.total_cases == 194
    assert len(result.clusters) == 3
    assert all(one.p_value >= 0.05 and one.end == "2001-11-24" and one.radius_km <= 3 for one in result.clusters)
