"""What the first map of a local statistic after a start would wait for: esda and the libraries below it, four seconds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.warming import Step


def steps() -> tuple[Step, ...]:
    """Gives the parts of the warm-up from the lowest library up, so that a page that is asked for waits for one of them."""
    libraries = ("sklearn.neighbors", "sklearn.cluster", "libpysal.cg", "libpysal.graph", "esda")
    return (*(lambda name=name: import_module(name) for name in libraries), _statistics)


def _statistics() -> None:
    """Examines a made-up row of five areas."""
    import numpy as np
    from scipy import sparse

    import registry.analysis.rates_local  # noqa: F401
    from geo.local import local_statistics

    beside = sparse.diags_array([np.ones(4), np.ones(4)], offsets=[-1, 1]).tocsr()
    local_statistics(list("abcde"), beside, values=np.array([1.0, 2.0, 3.0, 5.0, 4.0]), permutations=0)
