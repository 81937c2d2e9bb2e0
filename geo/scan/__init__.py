"""The spatial, temporal and space-time scan statistic (Kulldorff): where and when cases lie closer than chance explains.

Everything here is loaded at first use, so that importing `geo` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geo.scan.analysis import scan
    from geo.scan.power import Experiment, detection_power, known_window_power, least_risk
    from geo.scan.result import Cluster, ScanResult

__all__ = ["Cluster", "Experiment", "ScanResult", "detection_power", "known_window_power", "least_risk", "scan"]

_HOMES = {
    "scan": "geo.scan.analysis",
    "detection_power": "geo.scan.power",
    "known_window_power": "geo.scan.power",
    "least_risk": "geo.scan.power",
    "Experiment": "geo.scan.power",
    "Cluster": "geo.scan.result",
    "ScanResult": "geo.scan.result",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
