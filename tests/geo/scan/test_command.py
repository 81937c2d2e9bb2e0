"""The commands `geo scan` and `geo lisa` from files to JSON, with their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from geo.commands import geo
from geo.errors import GeoError


@pytest.fixture
def files(tmp_path: Path, make_map) -> dict[str, str]:
    tables = make_map(2, locations=10, cases=80, years=(2001, 2002, 2003))
    frames = {
        "cases": tables.cases, "population": tables.population, "coordinates": tables.coordinates,
        "controls": tables.controls,
    }  # fmt: skip
    for name, frame in frames.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return {name: str(tmp_path / f"{name}.csv") for name in frames}


def run(*arguments: str) -> str:
    result = CliRunner().invoke(geo, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def scan_options(files: dict[str, str], *names: str) -> list[str]:
    return [part for name in names for part in (f"--{name}", files[name])]


def test_every_option_of_the_contract(files) -> None:
    document = json.loads(
        run(
            "scan", *scan_options(files, "cases", "population", "coordinates"), "--model", "poisson", "--analysis",
            "space-time", "--shape", "elliptic", "--max-share", "0.4", "--rates", "both", "--replicates", "99", "--seed", "3",
            "--threads", "2", "--start", "2001", "--end", "2003-12-31", "--time-unit", "year", "--time-length", "1",
            "--max-time", "0.5", "--covariates", "none", "--json",
        )
    )  # fmt: skip
    assert document["replicates"] == 99 and document["seed"] == 3
    assert document["parameters"]["shape"] == "elliptic" and document["parameters"]["covariates"] == []
    assert document["clusters"][0]["rank"] == 1


@pytest.mark.parametrize("model", ["bernoulli", "stp"])
def test_other_models(files, model: str) -> None:
    names = ("cases", "coordinates", "controls") if model == "bernoulli" else ("cases", "coordinates")
    text = run(
        "scan",
        *scan_options(files, *names),
        "--model",
        model,
        "--analysis",
        "space-time",
        "--replicates",
        "19",
        "--json",
    )
    assert json.loads(text)["parameters"]["model"] == model


def test_table_and_settings(files) -> None:
    options = scan_options(files, "cases", "population", "coordinates")
    table = run("scan", *options, "--replicates", "19")
    assert "not evidence of a cause" in table and table.splitlines()[0].split()[:2] == ["rank", "centre"]
    assert "MonteCarloReps=19" in run("scan", *options, "--replicates", "19", "--settings")


def test_faults_become_errors_of_the_room(files) -> None:
    with pytest.raises(GeoError) as error:
        CliRunner().invoke(
            geo, ["scan", *scan_options(files, "cases", "coordinates")], catch_exceptions=False, standalone_mode=False
        )
    assert error.value.exit_code == 2
    with pytest.raises(GeoError, match="--ellipses"):
        CliRunner().invoke(
            geo, ["scan", *scan_options(files, "cases", "population", "coordinates"), "--ellipses", "x"],
            catch_exceptions=False, standalone_mode=False,
        )  # fmt: skip


def test_lisa(tmp_path: Path) -> None:
    ids = [f"{i:02d}" for i in range(12)]
    data = pd.DataFrame({"id": ids, "cases": [9, 8, 9, 1, 2, 1, 3, 1, 2, 1, 2, 1], "pop": 100, "x": range(12), "y": 0})
    data.to_csv(tmp_path / "data.csv", index=False)
    pairs = pd.DataFrame({"a": ids[:-1], "b": ids[1:]})
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    common = ("lisa", "--data", str(tmp_path / "data.csv"), "--pairs", str(tmp_path / "pairs.csv"))
    document = json.loads(run(*common, "--tango", "2", "--json"))
    assert [row["id"] for row in document["areas"]] == ids
    assert document["overall"]["moran_i"] > 0.3 and document["tango"]["p_value"] < 0.2
    assert "Moran's I" in run(*common, "--value", "cases")
    pd.DataFrame({"a": ["00"], "b": ["77"]}).to_csv(tmp_path / "pairs.csv", index=False)
    with pytest.raises(GeoError, match="77"):
        CliRunner().invoke(geo, list(common), catch_exceptions=False, standalone_mode=False)


def test_lisa_from_polygons(tmp_path: Path) -> None:
    import geopandas
    from shapely.geometry import box

    ids = [f"{i:02d}" for i in range(9)]
    shapes = geopandas.GeoDataFrame(
        {"fips": ids}, geometry=[box(i % 3, i // 3, i % 3 + 1, i // 3 + 1) for i in range(9)], crs=4326
    )
    shapes.to_file(tmp_path / "areas.geojson", driver="GeoJSON")
    pd.DataFrame({"id": ids, "rate": range(9)}).to_csv(tmp_path / "data.csv", index=False)
    common = (
        "lisa",
        "--data",
        str(tmp_path / "data.csv"),
        "--areas",
        str(tmp_path / "areas.geojson"),
        "--value",
        "rate",
    )
    document = json.loads(run(*common, "--area-id", "fips", "--json"))
    assert [row["neighbours"] for row in document["areas"]] == [3, 5, 3, 5, 8, 5, 3, 5, 3]
    with pytest.raises(GeoError, match="no column 'id'"):
        CliRunner().invoke(geo, list(common), catch_exceptions=False, standalone_mode=False)
