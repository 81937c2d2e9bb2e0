"""Edits in the store: evaluated on save, on import and in batch, overridden with a reason, reported.

    from registry.edits import run_on_abstract, run_batch, override, counts
    with store.writing() as session:
        records.save(session, abstract_id, {400: "C509"}, who=who)
        findings = run_on_abstract(session, session.get(Abstract, abstract_id))     # [EditFinding], the open ones
    override(session, abstract_id, "MOR01", who=who, reason="seen on the slide, Dr. N. confirms")

An override holds for the values it was given for: a changed value opens the edit again. A record without open findings
"passes OncoRegistry checks"; these are not the NAACCR edits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.edits.batch import run_batch, run_job
    from registry.edits.evaluation import check_abstract, run_on_abstract, run_on_patient, site_set
    from registry.edits.external import import_report
    from registry.edits.overrides import override, withdraw
    from registry.edits.reports import cases, counts, findings_of, report

_PLACES = {
    "check_abstract": "registry.edits.evaluation",
    "run_batch": "registry.edits.batch",
    "run_job": "registry.edits.batch",
    "run_on_abstract": "registry.edits.evaluation",
    "run_on_patient": "registry.edits.evaluation",
    "site_set": "registry.edits.evaluation",
    "import_report": "registry.edits.external",
    "override": "registry.edits.overrides",
    "withdraw": "registry.edits.overrides",
    "cases": "registry.edits.reports",
    "counts": "registry.edits.reports",
    "findings_of": "registry.edits.reports",
    "report": "registry.edits.reports",
}

__all__ = [
    "cases",
    "check_abstract",
    "counts",
    "findings_of",
    "import_report",
    "override",
    "report",
    "run_batch",
    "run_job",
    "run_on_abstract",
    "run_on_patient",
    "site_set",
    "withdraw",
]


def __getattr__(name: str) -> Any:
    # numpy and pandas are imported on first use only, so that the command line starts at once
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
