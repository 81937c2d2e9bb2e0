"""What the first survival analysis after a start would wait for: libraries, compiled kernels, the life table, the engine.

Kernels are compiled once for an installation and kept on disk by numba; here they are only read. No answer is computed and
nothing of the registry is read but the head of its snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.db import Store
    from registry.warming import Step


def steps(store: Store) -> tuple[Step, ...]:
    """Gives the parts of the warm-up, each a second or less, so that a page that is asked for waits for no more."""
    return (_frames, _engine, lambda: _snapshot(store), _kernels, _estimators)


def _frames() -> None:
    import registry.analysis.survival_cohort  # noqa: F401


def _engine() -> None:
    import ibis  # noqa: F401


def _snapshot(store: Store) -> None:
    """Opens the snapshot as an analysis does; where there is none yet, the engine alone."""
    from registry.analysis.cohort import connect, open_cohort
    from registry.analysis.snapshot import current

    if (found := current(store)) is not None and found.tumors:
        open_cohort(found).source.count().execute()
    else:
        connect()


def _kernels() -> None:
    import importlib.util

    # where numba is absent the estimators go their plain way, and there is nothing to read
    if importlib.util.find_spec("numba") is not None:
        importlib.import_module("survival.net.kernel")


def _estimators() -> None:
    """Estimates on a few made-up persons: observed, net and by cause, with their tests."""
    import numpy as np
    import pandas as pd

    import registry.analysis.survival  # noqa: F401
    from survival.competing.gray import gray_test
    from survival.frames import build_followup
    from survival.kaplan_meier import kaplan_meier
    from survival.lifetables import us_life_table
    from survival.logrank import compare_survival
    from survival.net.analysis import net_survival
    from survival.net.cohort import build_cohort

    rows = pd.DataFrame(
        {
            "time": [30.0, 200.0, 400.0, 800.0, 30.0, 250.0, 420.0, 900.0],
            "event": [1, 0, 1, 0, 0, 1, 1, 1],
            "age": np.linspace(18_000, 27_000, 8),
            "sex": ["1", "2"] * 4,
            "date": [15_000.0] * 8,
            "group": [0, 0, 0, 0, 1, 1, 1, 1],
        }
    )
    cohort = build_cohort(rows, time="time", event="event", age="age", sex="sex", date="date", by=["group"])
    net_survival(cohort, us_life_table(), at=[1.0], at_unit="years")
    follow_up = build_followup(rows, time="time", event="event", by=["group"])
    kaplan_meier(follow_up, quantiles=(0.5,))
    compare_survival(follow_up)
    gray_test(follow_up, cause=1)
