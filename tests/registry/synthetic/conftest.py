"""One small and one large registry for all tests of the room; both are made once."""

from __future__ import annotations

import pandas as pd
import pytest

from registry.synthetic import SyntheticRegistry, make


@pytest.fixture(scope="session")
def small() -> SyntheticRegistry:
    return make(patients=2_000, seed=7)


@pytest.fixture(scope="session")
def large() -> SyntheticRegistry:
    """As large as the registry of the promises: 20,000 patients."""
    return make(patients=20_000, seed=11, text=False)


@pytest.fixture(scope="session")
def flat(large: SyntheticRegistry) -> pd.DataFrame:
    return large.flat()
