"""The synthetic registry: a seeded state registry with known truth, made without a store.

    from registry.synthetic import make, florida_population
    made = make(patients=20_000, seed=1)
    made.patients, made.tumors, made.abstracts      # frames keyed by item number ("400"), all values as coded text
    made.truth, made.pairs, made.facilities, made.physicians, made.population

No record is a person: see `registry.synthetic.marks` for the reserved number ranges, the invented names and the
watermark, and for the check that proves it record by record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.synthetic.incidence import case_counts
    from registry.synthetic.population import florida_population
    from registry.synthetic.registry import SyntheticRegistry, make, make_records

_PLACES = {
    "make": "registry.synthetic.registry",
    "make_records": "registry.synthetic.registry",
    "SyntheticRegistry": "registry.synthetic.registry",
    "florida_population": "registry.synthetic.population",
    "case_counts": "registry.synthetic.incidence",
}

__all__ = ["SyntheticRegistry", "case_counts", "florida_population", "make", "make_records"]


def __getattr__(name: str) -> Any:
    # numpy and pandas are imported on first use only, so that the command line starts at once
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
