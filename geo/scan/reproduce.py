"""The SaTScan settings that repeat a scan, as the text of a parameter file.

Names and codes of the settings follow SaTScan 10; our random numbers differ from SaTScan's, so p-values agree within
Monte Carlo error only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.scan.clusters import OVERLAP

if TYPE_CHECKING:
    from geo.scan.result import ScanResult

ANALYSIS = {"spatial": 1, "temporal": 2, "space-time": 3, "prospective": 4, "prospective-temporal": 6}
MODEL = {"poisson": 0, "bernoulli": 1, "stp": 2}
RATES = {"high": 1, "low": 2, "both": 3}
UNIT = {None: 0, "year": 1, "month": 2, "day": 3}
PENALTY = {"none": 0, "medium": 1, "strong": 2}


def _day(text: str | None, default: str) -> str:
    return "/".join(str(int(part)) for part in (text or default).split("-"))


def satscan_settings(result: ScanResult) -> str:
    """Gives the text of a parameter file: sections and settings, with the file names left to the user."""
    p = result.parameters
    timed = p["analysis"] != "spatial"
    sections: dict[str, list[tuple[str, object]]] = {
        "Input": [
            ("CaseFile", "cases.cas"),
            ("ControlFile", "controls.ctl" if p["model"] == "bernoulli" else ""),
            ("PrecisionCaseTimes", UNIT[p["date_precision"]]),
            ("StartDate", _day(result.start, "2000-01-01")),
            ("EndDate", _day(result.end, "2000-12-31")),
            ("PopulationFile", "population.pop" if p["model"] == "poisson" else ""),
            ("CoordinatesFile", "coordinates.geo"),
            ("CoordinatesType", 1 if p["coordinates"] == "lat,lon" else 0),
        ],
        "Analysis": [
            ("AnalysisType", ANALYSIS[p["analysis"]]),
            ("ModelType", MODEL[p["model"]]),
            ("ScanAreas", RATES[p["rates"]]),
            ("TimeAggregationUnits", UNIT[p["time_unit"]] if timed else 0),
            ("TimeAggregation", p["time_length"] if timed else 1),
        ],
        "Output": [("ResultsFile", "results.txt")],
        "Spatial Window": [
            ("MaxSpatialSizeInPopulationAtRisk", f"{100 * p['max_share']:g}"),
            ("UseDistanceFromCenterOption", "y" if p["max_radius"] is not None else "n"),
            ("MaxSpatialSizeInDistanceFromCenter", "1" if p["max_radius"] is None else f"{p['max_radius']:g}"),
            ("SpatialWindowShapeType", 1 if p["shape"] == "elliptic" else 0),
            ("NonCompactnessPenalty", PENALTY[p["penalty"]]),
        ],
        "Temporal Window": [
            ("MaxTemporalSizeInterpretation", 1 if timed and p["max_time"] >= 1 else 0),
            ("MaxTemporalSize", f"{p['max_time'] if p['max_time'] >= 1 else 100 * p['max_time']:g}" if timed else 50),
            ("IncludeClusters", 1 if p["analysis"].startswith("prospective") else 0),
        ],
        "Cluster Restrictions": [
            ("RiskLimitHighClusters", "n"),
            ("MinimumCasesInHighRateClusters", p["min_cases"]),
        ],
        "Inference": [
            ("PValueReportType", 2 if p["stop_after"] else 1),
            ("EarlyTerminationThreshold", p["stop_after"] or 50),
            ("MonteCarloReps", p["replicates"]),
        ],
        "Spatial Output": [
            ("ReportHierarchicalClusters", "y"),
            ("CriteriaForReportingSecondaryClusters", OVERLAP[p["overlap"]]),
            ("ReportGiniClusters", "y" if p["gini"] else "n"),
        ],
    }
    if p["shape"] == "elliptic":
        sections["Elliptic Scan"] = [
            ("EllipseShapes", ",".join(f"{s:g}" for s, _ in p["ellipses"])),
            ("EllipseAngles", ",".join(str(a) for _, a in p["ellipses"])),
        ]
    lines = [f"; seed {result.seed} here; SaTScan draws other random numbers"]
    for name, settings in sections.items():
        lines += [f"[{name}]", *(f"{key}={value}" for key, value in settings), ""]
    return "\n".join(lines)
