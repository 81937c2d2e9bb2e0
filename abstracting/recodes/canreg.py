"""The checks of CanReg5 on one tumor, as that program runs them, its faults included: for comparison, not for use.

The rules stand in TABLE form so that a difference to the corrected edits can be seen line by line. Known faults kept:
grades of 9712 and 9714 contradict each other, behavior 3 of 9084 in men never fires.
Source: IARC Technical Report 42 as CanReg5 implements it, as facts; tables `iarc_families` and `iarc_morphologies`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from abstracting.recodes import sources
from abstracting.values import is_blank, whole_number

OK, RARE, QUERY, INVALID, MISSING = "OK", "Rare", "Query", "Invalid", "Missing"


def codes(text: str) -> frozenset[int]:
    """Gives the numbers of a cell of blank-separated codes and `a-b` ranges."""
    return frozenset(number for low, high in sources.split_ranges(text) for number in range(int(low), int(high) + 1))


@dataclass(frozen=True, slots=True)
class CanregTumor:
    """What the checks read: site (`C509`), morphology (4 digits), behaviour, sex, age in years, grade, IARC basis."""

    site: str
    morphology: str
    behavior: str
    sex: str
    age: int | None
    grade: str
    basis: str


# --- tables -----------------------------------------------------------------------------------------------------------

# histology → the grade it implies
IMPLIED_GRADES = (
    ("1", codes("8331 9187 9511")),
    ("2", codes("8249 8332 9083 9243 9372")),
    ("3", codes("8631 8634")),
    ("4", codes("8020-8021 8805 9062 9082 9392 9401 9451 9505 9512")),
    ("5", codes("9702 9705 9708-9709 9716-9719 9724 9726 9729 9827 9834 9837")),
    ("58", codes("9700-9719")),
    ("457", codes("9714")),
    ("6", codes("9670-9699 9712 9728 9737-9738 9811-9818 9823 9833 9836")),
    ("8", codes("9948")),
)
_LINEAGE_GRADES, _FIRST_HEMATOPOIETIC = "5678", 9590

# histologies that need no microscope, and the sites where that holds (empty: anywhere)
WITHOUT_MICROSCOPE = (
    (codes("8000 8150-8154 8170 8270-8281 8800 8960 9050 9100 9140 9350 9380 9384 9500 9510 9530-9539 9590"), ()),
    (codes("9732 9761 9800"), ()),
    (codes("8720"), ("C69", "C44")),
)
_NOT_MICROSCOPIC = frozenset("012349")


@dataclass(frozen=True, slots=True)
class AgeRule:
    """Ages that are rare: `is_rare` of the age, for these sites (empty: any) and histologies (None: any)."""

    is_rare: Callable[[int], bool]
    sites: tuple[str, ...] = ()
    histologies: frozenset[int] | None = None

    def fires(self, tumor: CanregTumor) -> bool:
        number = whole_number(tumor.morphology)
        return (
            tumor.age is not None
            and self.is_rare(tumor.age)
            and (not self.sites or tumor.site.startswith(self.sites))
            and (self.histologies is None or number in self.histologies)
        )


_ALL = codes("0-9999")

AGE_SITE = (
    AgeRule(lambda age: age < 5, ("C53", "C61")),
    AgeRule(lambda age: age < 20, ("C15", "C19", "C20", "C21", "C23", "C24", "C384", "C50", "C53", "C54", "C55")),
)
AGE_HISTOLOGY = (
    AgeRule(lambda age: age <= 25, (), codes("9730 9823 9890")),
    AgeRule(lambda age: age >= 15, (), codes("8910 8960-8962 8970 8981 8991 9072 9470 9490 9500 9687")),
    AgeRule(lambda age: age < 15, (), codes("9724 9732 9823")),
)
AGE_SITE_HISTOLOGY = (
    AgeRule(lambda age: age < 40, ("C61",), codes("8140-8149")),
    AgeRule(lambda age: age < 20, ("C17",), codes("0-9589")),
    AgeRule(lambda age: age < 20, ("C33", "C34", "C18"), _ALL - codes("8240-8249")),
    AgeRule(lambda age: age > 5, ("C69",), codes("9510 9512")),
    AgeRule(lambda age: age < 15 or age > 45, ("C58",), codes("9100")),
)

_FEMALE_SITES, _MALE_SITES = ("C51", "C52", "C53", "C54", "C55", "C56", "C57", "C58"), ("C60", "C61", "C62", "C63")
_FEMALE_FAMILIES, _MALE_FAMILIES = frozenset(range(22, 27)), frozenset({27, 28})
_NEVER_IN_SITU = ("C40", "C41", "C42", "C47", "C49", "C70", "C71", "C72")


@cache
def _families() -> dict[tuple[str, int], tuple[str, ...]]:
    return {
        (row["mode"], int(row["family"])): tuple(row["sites"].split()) for row in sources.read_rows("iarc_families.csv")
    }


@cache
def _morphologies() -> dict[str, tuple[str, int]]:
    return {
        row["morphology"]: (row["mode"], int(row["family"] or 0)) for row in sources.read_rows("iarc_morphologies.csv")
    }


@cache
def _topographies() -> frozenset[str]:
    from abstracting.codes.topography import CODES

    return frozenset(CODES)


# --- checks -----------------------------------------------------------------------------------------------------------


def _basis(tumor: CanregTumor) -> str:
    if tumor.basis not in _NOT_MICROSCOPIC:
        return OK
    number = whole_number(tumor.morphology)
    allowed = any(
        number in histologies and (not sites or tumor.site.startswith(sites))
        for histologies, sites in WITHOUT_MICROSCOPE
    )
    return OK if allowed else QUERY


def _grade(tumor: CanregTumor) -> str:
    if tumor.behavior != "3":
        return OK if is_blank(tumor.grade) or tumor.grade == "9" else INVALID
    if is_blank(tumor.grade):
        return MISSING
    if tumor.grade == "9":
        return OK
    number = whole_number(tumor.morphology) or 0
    if tumor.grade in _LINEAGE_GRADES and number < _FIRST_HEMATOPOIETIC:
        return INVALID
    # every line that names the histology must agree, also where two of them contradict each other
    return OK if all(tumor.grade in grades for grades, of in IMPLIED_GRADES if number in of) else INVALID


def _age(rules: Iterable[AgeRule]) -> Callable[[CanregTumor], str]:
    return lambda tumor: RARE if any(rule.fires(tumor) for rule in rules) else OK


def _age_with_morphology(rules: Iterable[AgeRule]) -> Callable[[CanregTumor], str]:
    check = _age(rules)
    return lambda tumor: check(tumor) if len(tumor.morphology) == 4 else INVALID


def _sex_site(tumor: CanregTumor) -> str:
    sites = {"1": _FEMALE_SITES, "2": _MALE_SITES}.get(tumor.sex)
    return INVALID if sites is not None and tumor.site.startswith(sites) else OK


def _sex_morphology(tumor: CanregTumor) -> str:
    if tumor.morphology not in _morphologies():
        return INVALID
    mode, family = _morphologies()[tumor.morphology]
    families = {"1": _FEMALE_FAMILIES, "2": _MALE_FAMILIES}.get(tumor.sex, frozenset())
    return RARE if mode == "must" and family in families else OK


def _morphology(tumor: CanregTumor) -> str:
    return OK if tumor.morphology in _morphologies() else INVALID


def _topography(tumor: CanregTumor) -> str:
    return OK if tumor.site in _topographies() else INVALID


def _site_morphology(tumor: CanregTumor) -> str:
    if tumor.morphology not in _morphologies():
        return INVALID
    mode, family = _morphologies()[tumor.morphology]
    if mode == "any":
        return OK
    inside = tumor.site.startswith(_families()[mode, family])
    return OK if inside == (mode == "must") else RARE


def _site_behavior(tumor: CanregTumor) -> str:
    return RARE if tumor.behavior == "2" and tumor.site.startswith(_NEVER_IN_SITU) else OK


CHECKS: dict[str, Callable[[CanregTumor], str]] = {
    "Basis": _basis,
    "Grade": _grade,
    "AgeTopography": _age(AGE_SITE),
    "AgeMorphology": _age_with_morphology(AGE_HISTOLOGY),
    "AgeTopographyMorphology": _age_with_morphology(AGE_SITE_HISTOLOGY),
    "SexTopography": _sex_site,
    "SexMorphology": _sex_morphology,
    "Morphology": _morphology,
    "Topography": _topography,
    "TopographyMorphology": _site_morphology,
    "TopographyBehaviour": _site_behavior,
}


def canreg_checks(tumor: CanregTumor) -> dict[str, str]:
    """Gives the verdict of every check: `OK`, `Rare`, `Query`, `Invalid` or `Missing`."""
    return {name: check(tumor) for name, check in CHECKS.items()}
