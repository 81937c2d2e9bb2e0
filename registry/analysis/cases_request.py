"""Which cases an analysis of the area counts: site, sex, ages, years, behavior; what the atlas and a scan both ask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from registry.analysis.address import Reader, to_pairs
from registry.analysis.survival_request import site_codes, site_label, sites

OLDEST = 85
"""The first age of the open group: an upper bound of the age asked for ends at it."""

SEXES = {"": "Both sexes", "1": "Male", "2": "Female"}
BEHAVIORS = {
    "malignant": "Malignant",
    "in situ": "In situ",
    "benign CNS": "Benign and borderline, brain and CNS",
}


@dataclass(frozen=True, kw_only=True)
class CasesRequest:
    """The cases asked for; every site, both sexes, all ages and the latest years where nothing is chosen."""

    site: str = ""
    sex: str = ""
    age_from: int | None = None
    age_to: int | None = None
    year_from: int | None = None
    year_to: int | None = None
    behavior: str = "malignant"

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the site recode; none for all sites."""
        return site_codes(self.site) if self.site else ()

    @property
    def only_sex(self) -> str:
        """The sex that a sex-specific site has (1 male, 2 female), else nothing."""
        heads = {code[:2] for code in self.codes}
        return {frozenset({"27"}): "2", frozenset({"28"}): "1"}.get(frozenset(heads), "")

    @property
    def sex_in_force(self) -> str:
        """The sex of cases and population: that of the site where it has one."""
        return self.only_sex or self.sex

    @property
    def all_ages(self) -> bool:
        return not self.age_from and self.age_to is None

    def with_changes(self, **changes: Any) -> Self:
        """Gives the same request with other choices."""
        return replace(self, **changes)

    def pairs(self) -> list[tuple[str, str]]:
        """Gives the choices that are not defaults as pairs of an address, in the order of the fields."""
        return to_pairs(self)

    @property
    def key(self) -> str:
        """The choices as one text, the same for equal requests."""
        return "&".join(f"{name}={value}" for name, value in self.pairs())

    def ages_in_words(self) -> str:
        """The ages, as `ages 50 and over`."""
        if self.all_ages:
            return "all ages"
        if self.age_to is None:
            return f"ages {self.age_from} and over"
        return f"ages {self.age_from or 0} to {self.age_to}"

    def title(self, years: tuple[int, int] | None = None) -> str:
        """What is counted, in a line."""
        parts = [site_label(self.site), *self._kinds(), SEXES[self.sex_in_force].lower(), self.ages_in_words()]
        if years:
            parts.append(f"{years[0]}–{years[1]}" if years[0] != years[1] else f"{years[0]}")
        return ", ".join(parts)

    def _kinds(self) -> list[str]:
        """What distinguishes the cases beside site, sex, ages and years, in words."""
        return [BEHAVIORS[self.behavior].lower()] if self.behavior != "malignant" else []


def read_cases(read: Reader) -> dict[str, Any]:
    """Gives the fields of `CasesRequest` that an address has; faults are left with the reader."""
    found = read.choice("site", ("", *sites()), "site")
    found |= read.choice("sex", SEXES, "sex") | read.choice("behavior", BEHAVIORS, "behavior")
    for name, (low, high) in _WHOLE.items():
        found |= read.whole(name, low, high, name.replace("_", " "))
    _check_together(found, read.faults)
    return found


_WHOLE = {"age_from": (0, 120), "age_to": (0, 120), "year_from": (1900, 2100), "year_to": (1900, 2100)}


def _check_together(found: dict[str, Any], faults: list[str]) -> None:
    low, high = found.get("age_from"), found.get("age_to")
    if high is not None and high >= OLDEST:
        found["age_to"] = high = None
    if low == 0:
        found["age_from"] = low = None
    if low is not None and low % 5:
        faults.append(f"ages go by groups of five: from {low - low % 5} or {low - low % 5 + 5}, not {low}")
    if high is not None and high % 5 != 4:
        faults.append(f"ages go by groups of five: to {high - high % 5 + 4}, not {high}")
    if low is not None and low > OLDEST:
        faults.append(f"the oldest group begins at {OLDEST}")
    if low is not None and high is not None and low > high:
        faults.append("the ages end before they begin")
    first, last = found.get("year_from"), found.get("year_to")
    if first is not None and last is not None and first > last:
        faults.append("the years end before they begin")
