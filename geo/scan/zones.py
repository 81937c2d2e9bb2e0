"""Which locations join a window, in which order: circles and ellipses around every location.

A location joins with its distance to the centre; equal distances are ordered by the lesser first coordinate, then the next.
Latitude and longitude lie on a sphere of 6367 km radius, in three dimensions. An ellipse of shape s (long over short
axis) and angle a is a circle after shrinking the direction a by s; its radius is the short half axis.
Elliptic windows: Kulldorff, Huang, Pickle, Duczmal, Statistics in Medicine 25 (2006) 3929-3943.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from geo.errors import GeoError

EARTH_RADIUS = 6367.0
SHAPES = ((1.5, 4), (2.0, 6), (3.0, 9), (4.0, 12), (5.0, 15))  # long over short axis, number of angles in half a turn
PENALTIES = {"none": 0.0, "medium": 0.5, "strong": 1.0}
MOST_MEMORY = 2_000_000_000  # bytes of all lists together
CHUNK = 256


@dataclass(frozen=True)
class Ellipse:
    """The form of a window: `shape` 1 is a circle; `angle` of the long axis in radians, anticlockwise from x."""

    shape: float = 1.0
    angle: float = 0.0

    def penalty(self, power: float) -> float:
        """The non-compactness penalty (4s / (s + 1)^2)^power, by which the statistic is multiplied."""
        return (4.0 * self.shape / (self.shape + 1.0) ** 2) ** power


def ellipses(shape: str, shapes: Sequence[tuple[float, int]] = SHAPES) -> tuple[Ellipse, ...]:
    """Gives the forms to be scanned: the circle, for `elliptic` followed by every shape and angle."""
    forms = [Ellipse()]
    if shape == "elliptic":
        forms += [Ellipse(s, math.pi * k / angles) for s, angles in shapes for k in range(angles)]
    return tuple(forms)


@dataclass(frozen=True)
class Zones:
    """Lists of locations by distance: list i is `order[starts[i]:starts[i + 1]]` around `centre[i]` with `form[i]`."""

    order: np.ndarray
    starts: np.ndarray
    centre: np.ndarray
    form: np.ndarray
    penalty: np.ndarray

    def members(self, i: int, length: int) -> np.ndarray:
        return self.order[self.starts[i] : self.starts[i] + length].astype(np.int64)


def positions(points: np.ndarray, latlon: bool) -> np.ndarray:
    """Gives coordinates whose straight-line distances order the locations: (n, 2), or (n, 3) in km on the sphere."""
    if not latlon:
        return np.ascontiguousarray(points, float)
    lat, lon = np.radians(points[:, 0]), np.radians(points[:, 1])
    return EARTH_RADIUS * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def along_sphere(chord: float) -> float:
    """Gives the distance in km on the sphere's surface of two points a straight `chord` apart."""
    return 2.0 * EARTH_RADIUS * math.asin(min(1.0, chord / (2.0 * EARTH_RADIUS)))


def squeeze(xy: np.ndarray, form: Ellipse) -> np.ndarray:
    """Gives the plane in which the ellipse is a circle with the short half axis as radius."""
    if form.shape == 1.0:
        return xy
    along = np.array([math.cos(form.angle), math.sin(form.angle)])
    return xy - np.outer(xy @ along, along) * (1.0 - 1.0 / form.shape)


def build_zones(
    place: np.ndarray, measure: np.ndarray, forms: Sequence[Ellipse], *, power: float, largest: float,
    radius: float | None, threads: int = 1,
) -> Zones:  # fmt: skip
    """Gives all lists, cut where the summed `measure` would exceed `largest` or the distance `radius`.

    place: (n, 2 or 3) from `positions`; radius: in its units (a chord on the sphere).
    """
    n = len(place)
    small = np.uint16 if n <= np.iinfo(np.uint16).max else np.int32
    # rank of each location among equal distances
    by_place = np.lexsort(place.T[::-1])
    jobs = [(form, first) for form in forms for first in range(0, n, CHUNK)]
    pools: list[list[np.ndarray]] = []
    used = 0

    def work(job: tuple[Ellipse, int]) -> list[np.ndarray]:
        form, first = job
        flat = squeeze(place, form)
        where = flat[by_place]
        lists = []
        for centre in range(first, min(first + CHUNK, n)):
            distance = np.sqrt(((where - flat[centre]) ** 2).sum(axis=1))
            order = np.argsort(distance)
            sorted_distance = distance[order]
            if (sorted_distance[1:] == sorted_distance[:-1]).any():
                order = np.argsort(distance, kind="stable")
            members = by_place[order]
            keep = int(np.searchsorted(np.cumsum(measure[members]), largest, side="right"))
            if radius is not None:
                keep = min(keep, int(np.searchsorted(sorted_distance, radius, side="right")))
            lists.append(members[:keep].astype(small))
        return lists

    with ThreadPoolExecutor(max(1, threads)) as pool:
        for found in pool.map(work, jobs):
            used += sum(one.nbytes for one in found)
            if used > MOST_MEMORY:
                raise GeoError(
                    "scan-size",
                    f"{n} locations with {len(forms)} forms of window need more than {MOST_MEMORY / 1e9:g} GB",
                    hint="lower --max-share, give --max-radius, or take circular windows",
                )
            pools.append(found)
    lists = [one for found in pools for one in found]
    starts = np.concatenate([[0], np.cumsum([one.size for one in lists])]).astype(np.int64)
    return Zones(
        order=np.concatenate(lists) if lists else np.zeros(0, small),
        starts=starts,
        centre=np.tile(np.arange(n), len(forms)),
        form=np.repeat(np.arange(len(forms)), n),
        penalty=np.repeat([form.penalty(power) for form in forms], n),
    )
