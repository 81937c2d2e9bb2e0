"""Groups of a survival analysis: what they are called, in which order they stand, and how rows fall into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd

from registry.analysis.survival_request import GROUPINGS, RECODE, SEXES, STAGES, Request
from registry.errors import RegistryError
from registry.exchange.tables import item_number
from registry.items import known

MOST_GROUPS = 80
UNKNOWN, BLANK = "Unknown", "Blank"
SPAN = 5
"""Years of diagnosis in one group."""

RACES = (
    ("White", ("01",)),
    ("Black", ("02",)),
    ("American Indian or Alaska Native", ("03",)),
    (
        "Asian or Pacific Islander",
        tuple(f"{n:02d}" for n in (*range(4, 18), *range(20, 29), *range(30, 33), 96, 97)),
    ),
    ("Other", ("98",)),
    (UNKNOWN, ("99", "88", "")),
)
"""Race 1 (item 160) in the groups that US registries publish."""


@dataclass(frozen=True)
class Part:
    """One column of groups: its title, the snapshot's column, and the label and place of each value."""

    title: str
    column: str
    label: Callable[[pd.Series, Request, pd.DataFrame], tuple[pd.Series, list[str]]]


@dataclass(frozen=True)
class Grouped:
    """Rows in groups: each row's group, the groups' labels in order, their labels by each grouping, notes for a reader."""

    number: np.ndarray
    labels: list[str]
    margins: list[tuple[str, ...]]
    notes: list[str]


@dataclass(frozen=True)
class Grouping:
    """How rows fall into groups, by up to two columns; without any, all are one group."""

    parts: tuple[Part, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The snapshot's columns that are needed."""
        return tuple(part.column for part in self.parts)

    @property
    def title(self) -> str:
        """What the groups are."""
        return " and ".join(part.title for part in self.parts)

    def of(self, frame: pd.DataFrame, request: Request) -> Grouped:
        """Gives the rows of a frame in groups; more than `MOST_GROUPS` are an error."""
        if not self.parts:
            return Grouped(np.zeros(len(frame), dtype=np.int64), ["All persons"], [()], [])
        codes, orders, notes = [], [], []
        for part in self.parts:
            labels, order = part.label(frame[part.column], request, frame)
            place = {label: n for n, label in enumerate(order)}
            codes.append(labels.map(place).to_numpy(dtype=np.int64))
            orders.append(order)
        if "summary_stage" in self.columns:
            notes += stage_breaks(frame["year_of_diagnosis"])
        number = codes[0] if len(codes) == 1 else codes[0] * len(orders[1]) + codes[1]
        used, group = np.unique(number, return_inverse=True)
        if len(used) > MOST_GROUPS:
            raise RegistryError(
                "selection",
                f"{len(used)} groups by {self.title.lower()} are more than {MOST_GROUPS}",
                hint="narrow the selection or group by something coarser",
                exit_code=2,
            )
        if len(orders) == 1:
            margins = [(orders[0][n],) for n in used]
        else:
            margins = [(orders[0][n // len(orders[1])], orders[1][n % len(orders[1])]) for n in used]
        names = [", ".join((first, *(label.lower() for label in rest))) for first, *rest in margins]
        return Grouped(group.astype(np.int64), names, margins, notes)


def grouping(request: Request) -> Grouping:
    """Gives the grouping of a request."""
    return Grouping(tuple(_part(name) for name in request.by))


def stage_breaks(years: pd.Series) -> list[str]:
    """Gives a note where the definition of stage changed within the years of diagnosis."""
    from abstracting.recodes.stage import breaks_between

    known_years = pd.to_numeric(years, errors="coerce").dropna()
    if known_years.empty:
        return []
    changed = breaks_between(int(known_years.min()), int(known_years.max()))
    if not changed:
        return []
    text = "; ".join(f"{year}: {what}" for year, what in changed.items())
    return [f"The definition of stage changed within these years ({text})."]


def title_of(name: str) -> str:
    """Gives the title of a grouping or an item."""
    if name in GROUPINGS:
        return GROUPINGS[name]
    item = known(item_number(name) or 0)
    return item.name.replace("--", ": ") if item else name


def _part(name: str) -> Part:
    ready = {
        "sex": Part("Sex", "sex", _mapped(SEXES, ["Male", "Female", "Other or unknown"], "Other or unknown")),
        "stage": Part("Stage", "summary_stage", _mapped(STAGES | {"8": "Not applicable"}, [], UNKNOWN)),
        "age": Part("Age at diagnosis", "age_at_diagnosis", _ages),
        "period": Part("Years of diagnosis", "year_of_diagnosis", _periods),
        "race": Part("Race", "race1", _mapped({c: label for label, cs in RACES for c in cs}, [], UNKNOWN)),
        "site": Part("Site", f"{RECODE}_label", _by_size),
        "county": Part("County", "county_geoid", _counties),
    }
    return ready[name] if name in ready else _item_part(name)


def _mapped(labels: dict[str, str], order: list[str], rest: str):
    names = order or list(dict.fromkeys([*labels.values(), rest]))

    def label(column: pd.Series, request: Request, frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
        text = column.astype("string").str.strip()
        found = text.map({k: v for k, v in labels.items() if k}).astype("object")
        return found.where(found.notna(), rest), names

    return label


def age_bounds(frame: pd.DataFrame) -> tuple[int, ...]:
    """Gives the first ages of groups: those of the standard that all cancers here share, else the usual five."""
    from survival.errors import SurvivalError
    from survival.selection import Columns, default_standard
    from survival.standards import LOWER_AGES

    try:
        return default_standard(frame, Columns(topography="primarySite", histology="histologicTypeIcdO3")).lower
    except SurvivalError:
        return LOWER_AGES


def _ages(column: pd.Series, request: Request, frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    lower = age_bounds(frame)
    names = [f"0–{lower[0] - 1}", *(f"{a}–{b - 1}" for a, b in pairwise(lower)), f"{lower[-1]}+", UNKNOWN]
    age = pd.to_numeric(column, errors="coerce").astype("float64")
    place = np.searchsorted(np.asarray(lower), age.fillna(-1), side="right")
    place = np.where(age.isna(), len(names) - 1, place)
    return pd.Series(np.array(names, dtype=object)[place], index=column.index), names


def _periods(column: pd.Series, request: Request, frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    year = pd.to_numeric(column, errors="coerce").astype("float64")
    first = request.year_from if request.year_from is not None else (int(year.min()) if year.notna().any() else 0)
    last = request.year_to if request.year_to is not None else (int(year.max()) if year.notna().any() else 0)
    starts = list(range(first, last + 1, SPAN)) or [first]
    names = [f"{a}–{min(a + SPAN - 1, last)}" if a < last else f"{a}" for a in starts] + [UNKNOWN]
    place = np.clip((year.fillna(first) - first) // SPAN, 0, len(starts) - 1).astype(int)
    place = np.where(year.isna(), len(starts), place)
    return pd.Series(np.array(names, dtype=object)[place], index=column.index), names


def _by_size(column: pd.Series, request: Request, frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    text = column.astype("string").fillna("").str.strip()
    found = text.where(text != "", UNKNOWN).astype("object")
    sizes = found.value_counts()
    order = sorted(sizes.index, key=lambda label: (label == UNKNOWN, -sizes[label], label))
    return found, order


@cache
def county_name(geoid: str) -> str:
    """Gives a county of five digits in words."""
    from abstracting.codes.places import county_label, state_of_fips

    return county_label(state_of_fips(geoid[:2]), geoid[2:]) or geoid


def _counties(column: pd.Series, request: Request, frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    text = column.astype("string").fillna("")
    names = {value: county_name(value) if value else UNKNOWN for value in text.unique()}
    return _by_size(text.map(names), request, frame)


def _item_part(name: str) -> Part:
    from abstracting.naaccr import items
    from registry.analysis.cohort import column_of

    number = item_number(name)
    assert number is not None
    codes = {**items.codes(number, "250"), **items.codes(number)}

    def label(column: pd.Series, request: Request, frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
        text = column.astype("string").fillna("").str.strip()
        values = sorted(text.unique())
        names = {v: (f"{v} {codes[v]}" if v in codes else v) if v else BLANK for v in values}
        found = text.map(names).astype("object")
        return found, [names[v] for v in values if v] + ([BLANK] if "" in names else [])

    return Part(title_of(name), column_of(name), label)
