"""The spatial, temporal and space-time scan statistic (Kulldorff): where and when cases lie closer than chance explains.

`scan` and `detection_power` are loaded at first use, so that importing `geo` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geo.scan.analysis import scan
    from geo.scan.power import detection_power
    from geo.scan.result import Cluster, ScanResult

__all__ = ["Cluster", "ScanResult", "detection_power", "scan"]

_HOMES = {
    "scan": "geo.scan.analysis",
    "detection_power": "geo.scan.power",
    "Cluster": "geo.scan.result",
    "ScanResult": "geo.scan.result",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
