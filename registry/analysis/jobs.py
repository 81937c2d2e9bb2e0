"""Jobs of analysis, by the names that `registry.jobs.KINDS` knows; the work itself is in modules of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.db import Store

Report = Callable[[float, str], None]


def snapshot(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Brings the snapshot up to the store."""
    from registry.analysis.snapshot import refresh

    made = refresh(store, report)
    return {"version": made.version, "tumors": made.tumors}


def survival(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Computes one survival analysis."""
    from registry.analysis.survival_desk import run_job

    return run_job(store, parameters, report)


def report(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Makes the annual survival report."""
    from registry.analysis.reports import run_job

    return run_job(store, parameters, report)
