"""Map classes and colours."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.classes import METHODS, make_classes
from geo.errors import GeoError
from geo.palettes import DIVERGING, PALETTES, SEQUENTIAL, channels, palette


def within(values: np.ndarray, first: list[int]) -> float:
    """Sum of squares within the parts that begin at the given places."""
    return sum(((part - part.mean()) ** 2).sum() for part in np.split(values, first) if len(part))


@pytest.mark.parametrize("seed,count", [(1, 2), (2, 3), (3, 4)])
def test_natural_breaks_have_the_least_squares(seed, count):
    values = np.sort(np.random.default_rng(seed).gamma(2, 10, 14).round(1))
    best = min(within(values, list(cut)) for cut in combinations(range(1, len(values)), count - 1))
    classes = make_classes(values, method="natural", count=count)
    groups = classes.assign(values)
    assert sum(((values[groups == k] - values[groups == k].mean()) ** 2).sum() for k in set(groups)) == pytest.approx(
        best
    )


def test_natural_breaks_of_weighted_values():
    values = [1.0] * 50 + [2.0] * 3 + [10.0] * 40 + [11.0] * 5 + [50.0]
    assert make_classes(values, method="natural", count=3).bounds == (1.0, 10.0, 50.0, 50.0)
    assert make_classes(values, method="natural", count=3).assign(np.array([2, 10, 11, 50])).tolist() == [0, 1, 1, 2]


def test_quantiles_hold_equal_numbers():
    classes = make_classes(np.arange(100.0), count=5)
    assert np.bincount(classes.assign(np.arange(100.0))).tolist() == [20] * 5


def test_equal_steps_and_fixed_bounds():
    assert make_classes([0.0, 10], method="equal", count=4).bounds == (0, 2.5, 5, 7.5, 10)
    classes = make_classes([], method="fixed", bounds=[0, 10, 20])
    assert classes.assign(np.array([-5, 0, 9.99, 10, 25, np.nan])).tolist() == [0, 0, 0, 1, 1, -1]
    assert classes.labels(digits=0) == ["0 – <10", "10 – 20"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 2)), min_size=1, max_size=60),
    st.sampled_from(METHODS[:3]),
    st.integers(1, 9),
)
def test_every_value_falls_into_the_class_that_holds_it(values, method, count):
    classes = make_classes(values, method=method, count=count)
    assert 1 <= len(classes) <= count
    found = classes.assign(np.array(values))
    for value, k in zip(values, found):
        assert classes.bounds[k] <= value <= classes.bounds[k + 1] or k == len(classes) - 1
    if method != "equal":
        assert set(found) == set(range(len(classes)))


@pytest.mark.parametrize(
    "values,options",
    [
        ([np.nan], {}),
        ([], {"method": "natural"}),
        ([1, 2], {"count": 10}),
        ([1, 2], {"method": "fixed"}),
        ([1, 2], {"method": "fixed", "bounds": [2, 1]}),
        ([1, 2], {"method": "jenks"}),
    ],
)
def test_classes_that_cannot_be_made(values, options):
    with pytest.raises(GeoError):
        make_classes(values, **options)


# Machado GM, Oliveira MM, Fernandes LAF. IEEE Trans Vis Comput Graph 2009;15:1291-8, full severity
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour: str, vision: str) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as it is seen."""
    rgb = np.array(channels(colour)) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("count", [3, 5, 7])
def test_classes_can_be_told_apart_with_any_colour_vision(name, vision, count):
    seen = [lab(colour, vision) for colour in palette(name, count)]
    # neighbouring classes differ by at least 7 CIE units: three times what is just noticeable
    assert min(np.linalg.norm(a - b) for a, b in pairwise(seen)) > 7
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 7


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_sequential_palettes_darken(name):
    light = [lab(colour, "normal")[0] for colour in palette(name, 7)]
    assert all(b < a for a, b in pairwise(light))


def test_palettes_by_name_and_count():
    assert all(len(palette(name, count)) == count for name in PALETTES for count in range(1, 10))
    assert palette("rdbu", 9) == list(DIVERGING["rdbu"])
    for wrong in (("jet", 5), ("blues", 10)):
        with pytest.raises(GeoError):
            palette(*wrong)
