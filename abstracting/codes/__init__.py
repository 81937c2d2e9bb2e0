"""Code systems as types: topography, morphology, FIPS county, ICD, surgery.

`SYSTEMS` names the closed lists by what they hold; each value gives its `CodeSystem` when called. Counties and surgery
codes depend on more than the code: see `places.county` and `surgery.surgery_table`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abstracting.codes.system import CodeSystem

# name → module and function
SYSTEMS = {
    "topography": ("topography", "topography"),
    "morphology": ("morphology", "morphology"),
    "histology": ("morphology", "histology"),
    "behavior": ("morphology", "behavior"),
    "laterality": ("laterality", "laterality"),
    "state": ("places", "state"),
}

# NAACCR items whose codes these systems hold
ITEMS = {
    "400": "topography",
    "522": "histology",
    "523": "behavior",
    "410": "laterality",
    "80": "state",
    "1820": "state",
}


def code_system(name: str) -> CodeSystem:
    """Gives one of `SYSTEMS`; another name is an error that lists them."""
    if name not in SYSTEMS:
        from abstracting.errors import AbstractingError

        raise AbstractingError("code-system", f"there is no code system {name!r}", hint="one of: " + ", ".join(SYSTEMS))
    module, function = SYSTEMS[name]
    return getattr(import_module(f"{__name__}.{module}"), function)()
