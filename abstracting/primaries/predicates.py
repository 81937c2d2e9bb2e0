"""The ideas that rules of multiple primaries are made of: one named predicate each, over two tumors.

A predicate answers True, False or None; None means that what would decide is missing (a side, a part of a date), so the
rule may or may not hold. `reads` names what it looks at, for the facts shown with a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abstracting.primaries.codes import CodeSet, CodeTable, has_pair, successions
from abstracting.primaries.tumors import Tumor, is_later, more_days_apart, on_same_day, years_apart

RIGHT, LEFT = "1", "2"

Truth = bool | None


@dataclass(frozen=True, slots=True)
class Predicate:
    """A named test of two tumors; `takes` are the kinds of its arguments: codes, table, number, word, organs."""

    name: str
    test: Callable[..., Truth]
    takes: tuple[str, ...]
    reads: tuple[str, ...]
    optional: int = 0


PREDICATES: dict[str, Predicate] = {}


def predicate(
    *takes: str, reads: Sequence[str] = (), optional: int = 0
) -> Callable[[Callable[..., Truth]], Callable[..., Truth]]:
    """Registers a function of two tumors under its own name; the last `optional` arguments may be left out."""

    def register(test: Callable[..., Truth]) -> Callable[..., Truth]:
        PREDICATES[test.__name__] = Predicate(test.__name__, test, takes, tuple(reads), optional)
        return test

    return register


@predicate()
def never(a: Tumor, b: Tumor) -> Truth:
    """Never: the rule needs more than codes tell (one lesion or several, biopsies, treatment)."""
    return False


# --- morphology -------------------------------------------------------------------------------------------------------


@predicate("number", reads=("histology",), optional=1)
def same_histology(a: Tumor, b: Tumor, digits: int = 4) -> Truth:
    """The histologies agree in their first digits, all four unless told otherwise."""
    return a.histology[:digits] == b.histology[:digits]


@predicate(reads=("morphology",))
def same_morphology(a: Tumor, b: Tumor) -> Truth:
    """Histology and behavior are the same."""
    return a.morphology == b.morphology


@predicate("codes", reads=("morphology",))
def both(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """Both morphologies are in a set."""
    return codes.has_morphology(a) and codes.has_morphology(b)


@predicate("codes", reads=("morphology",))
def one_in(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """At least one morphology is in a set."""
    return codes.has_morphology(a) or codes.has_morphology(b)


@predicate("codes", "codes", reads=("morphology",))
def one_each(a: Tumor, b: Tumor, some: CodeSet, others: CodeSet) -> Truth:
    """One morphology is in one set and the other in another."""
    return (some.has_morphology(a) and others.has_morphology(b)) or (
        some.has_morphology(b) and others.has_morphology(a)
    )


@predicate("codes", "table", reads=("histology",))
def nos_and_specific(a: Tumor, b: Tumor, codes: CodeSet, table: CodeTable) -> Truth:
    """One histology is an unspecific one of a set, the other more specific by a table."""
    return any(
        nos.histology in codes and (row := table.row(nos)) is not None and other.histology in row
        for nos, other in ((a, b), (b, a))
    )


@predicate("codes", reads=("behavior",))
def both_behave(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """Both behaviors are in a set."""
    return a.behavior in codes and b.behavior in codes


@predicate("codes", reads=("behavior",))
def one_behaves(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """At least one behavior is in a set."""
    return a.behavior in codes or b.behavior in codes


@predicate("codes", "codes", reads=("behavior",))
def behaviors(a: Tumor, b: Tumor, some: CodeSet, others: CodeSet) -> Truth:
    """One behavior is in one set and the other in another."""
    return (a.behavior in some and b.behavior in others) or (b.behavior in some and a.behavior in others)


# --- tables of the manuals --------------------------------------------------------------------------------------------


@predicate("table", reads=("site",))
def has_table(a: Tumor, b: Tumor, table: CodeTable) -> Truth:
    """There is a table for both sites."""
    return table.part(a) is not None and table.part(b) is not None


@predicate("table", reads=("site",))
def one_table(a: Tumor, b: Tumor, table: CodeTable) -> Truth:
    """The same table holds for both sites."""
    one, other = table.part(a), table.part(b)
    return one is not None and other is not None and (one is other or one.rows == other.rows)


@predicate("table", "codes", reads=("morphology",), optional=1)
def in_table(a: Tumor, b: Tumor, table: CodeTable, further: CodeSet | None = None) -> Truth:
    """Both morphologies stand in a table (or in a further set of codes)."""
    return all(
        table.row(tumor) is not None or (further is not None and further.has_morphology(tumor)) for tumor in (a, b)
    )


@predicate("table", reads=("morphology",))
def one_in_table(a: Tumor, b: Tumor, table: CodeTable) -> Truth:
    """Exactly one of the morphologies stands in a table."""
    return (table.row(a) is None) != (table.row(b) is None)


@predicate("table", "codes", reads=("morphology",), optional=1)
def same_row(a: Tumor, b: Tumor, table: CodeTable, further: CodeSet | None = None) -> Truth:
    """Both morphologies stand on one row of a table; what only the further set has counts as one row."""
    one, other = table.row(a), table.row(b)
    if further is not None and (one is None or other is None):
        return one is None and other is None and further.has_morphology(a) and further.has_morphology(b)
    return one is not None and other is not None and not one.isdisjoint(other)


# --- sites ------------------------------------------------------------------------------------------------------------


@predicate("number", reads=("site",), optional=1)
def same_site(a: Tumor, b: Tumor, characters: int = 4) -> Truth:
    """The sites agree in their first characters, all four unless told otherwise."""
    return a.site[:characters] == b.site[:characters]


@predicate("codes", reads=("site",))
def sites_both(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """Both sites are in a set."""
    return codes.has_site(a) and codes.has_site(b)


@predicate("codes", "codes", reads=("site",))
def sites_each(a: Tumor, b: Tumor, some: CodeSet, others: CodeSet) -> Truth:
    """One site is in one set and the other in another."""
    return (some.has_site(a) and others.has_site(b)) or (some.has_site(b) and others.has_site(a))


@predicate("codes", reads=("site",))
def one_site(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """At least one site is in a set."""
    return codes.has_site(a) or codes.has_site(b)


@predicate("codes", reads=("site",))
def first_site(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """The site of the tumor given first is in a set."""
    return codes.has_site(a)


@predicate("organs", reads=("site",))
def one_organ(a: Tumor, b: Tumor, organs: tuple[CodeSet, ...]) -> Truth:
    """Both sites belong to the same one of several organs."""
    return any(organ.has_site(a) and organ.has_site(b) for organ in organs)


@predicate("organs", reads=("site",))
def only_one_in(a: Tumor, b: Tumor, organs: tuple[CodeSet, ...]) -> Truth:
    """For one of several organs, exactly one of the two sites belongs to it."""
    return any(organ.has_site(a) != organ.has_site(b) for organ in organs)


# --- sides ------------------------------------------------------------------------------------------------------------


def _sides_known(a: Tumor, b: Tumor) -> bool:
    return a.laterality in (RIGHT, LEFT) and b.laterality in (RIGHT, LEFT)


@predicate(reads=("laterality",))
def opposite_sides(a: Tumor, b: Tumor) -> Truth:
    """One tumor is right and the other left; None unless both are coded right or left."""
    return a.laterality != b.laterality if _sides_known(a, b) else None


@predicate(reads=("laterality",))
def same_side(a: Tumor, b: Tumor) -> Truth:
    """Both tumors are right or both left; None unless both are coded right or left."""
    return a.laterality == b.laterality if _sides_known(a, b) else None


@predicate("codes", reads=("laterality",))
def sides_among(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """Both lateralities are in a set of codes."""
    return a.laterality in codes and b.laterality in codes


@predicate("codes", reads=("laterality",))
def one_side(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """At least one laterality is in a set of codes."""
    return a.laterality in codes or b.laterality in codes


@predicate(reads=("laterality",))
def side_blank(a: Tumor, b: Tumor) -> Truth:
    """At least one laterality is not coded."""
    return not a.laterality or not b.laterality


@predicate("codes", reads=("laterality",))
def different_sides(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """The lateralities differ; None unless both are in a set of codes."""
    return a.laterality != b.laterality if a.laterality in codes and b.laterality in codes else None


@predicate(reads=("laterality",))
def same_laterality(a: Tumor, b: Tumor) -> Truth:
    """The lateralities are coded alike."""
    return a.laterality == b.laterality


# --- dates ------------------------------------------------------------------------------------------------------------


@predicate(reads=("date",))
def same_day(a: Tumor, b: Tumor) -> Truth:
    """Both were diagnosed on one day; None when a part of a date is missing and the others agree."""
    return on_same_day(a, b)


@predicate("number", reads=("date",))
def days_apart(a: Tumor, b: Tumor, days: int) -> Truth:
    """The diagnoses lie more than a number of days apart."""
    return more_days_apart(a, b, days)


@predicate("number", reads=("date",))
def within_days(a: Tumor, b: Tumor, days: int) -> Truth:
    """The diagnoses lie at most a number of days apart."""
    apart = more_days_apart(a, b, days)
    return None if apart is None else not apart


@predicate("number", reads=("date",))
def full_years_apart(a: Tumor, b: Tumor, years: int) -> Truth:
    """The diagnoses lie a number of years or more apart."""
    return years_apart(a, b, years)


def _later(a: Tumor, b: Tumor, holds: Callable[[Tumor], bool]) -> Truth:
    later = is_later(a, b)
    if later is None:
        return None
    return holds(a) if later else bool(is_later(b, a)) and holds(b)


@predicate("codes", reads=("date", "morphology"))
def later(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """The tumor diagnosed later has a morphology of a set; False on the same day, None when the order is not known."""
    return _later(a, b, codes.has_morphology)


@predicate("codes", reads=("date", "behavior"))
def later_behaves(a: Tumor, b: Tumor, codes: CodeSet) -> Truth:
    """The tumor diagnosed later has a behavior of a set; False on the same day, None when the order is not known."""
    return _later(a, b, lambda tumor: tumor.behavior in codes)


# --- blood diseases ---------------------------------------------------------------------------------------------------


@predicate("word", reads=("date", "histology"))
def succession(a: Tumor, b: Tumor, edition: str) -> Truth:
    """The later histology counts as the earlier disease by an edition's pairs, in either order on the same day."""
    order = is_later(a, b)
    if order is None:
        return None
    orders = [(b, a)] if order else [(a, b)] if is_later(b, a) else [(a, b), (b, a)]
    return any(
        early.histology in first and late.histology in second
        for early, late in orders
        for first, second in successions(edition)
    )


@predicate(reads=("morphology", "year"))
def same_disease(a: Tumor, b: Tumor) -> Truth:
    """The database of blood diseases counts the two as one, seen from each in its year."""
    return a.morphology == b.morphology or (has_pair("same", a, b) and has_pair("same", b, a))


def _chronic_then_acute(chronic: Tumor, acute: Tumor) -> bool:
    return has_pair("turns_into", chronic, acute) and has_pair("comes_from", acute, chronic)


@predicate(reads=("morphology", "year"))
def transformation(a: Tumor, b: Tumor) -> Truth:
    """One disease is known to turn into the other."""
    return _chronic_then_acute(a, b) or _chronic_then_acute(b, a)


@predicate(reads=("date", "morphology", "year"))
def chronic_then_acute(a: Tumor, b: Tumor) -> Truth:
    """The later disease is one that the earlier is known to turn into."""
    order = is_later(a, b)
    if order is None:
        return None
    if order:
        return _chronic_then_acute(b, a)
    return bool(is_later(b, a)) and _chronic_then_acute(a, b)
