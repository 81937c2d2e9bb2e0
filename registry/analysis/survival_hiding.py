"""Which groups are hidden when some are small: so many that no total less the groups shown gives the size of one.

Every total that another page can show counts as known: all persons, and of two crossed groupings each group of either. A
line of such a total with a small group in it hides at least two groups that together hold twice the minimum: then the small
one may have any size that a small group can have. As in secondary suppression of tables (Hundepool et al., Statistical
Disclosure Control, Wiley 2012, chapter 4), the smallest groups are taken first.

What somebody learns who compares selections by other conditions is beyond one result and its totals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_COUNTED = re.compile(r"^([\d,]+)(?: of [\d,]+)?( persons| tumors)(?: \(\d+%\))?")


def hide(sizes: Sequence[int], margins: Sequence[tuple[str, ...]], minimum: int) -> frozenset[int]:
    """Gives the places of the groups to hide; `margins` are the labels of each group, one a grouping."""
    small = {place for place, size in enumerate(sizes) if size < minimum}
    if not small:
        return frozenset()
    lines = _lines(margins)
    # first each line by itself: what it hides does then not depend on the other grouping
    hidden = set().union(small, *(_more(line, sizes, small, minimum) for line in lines))
    while more := set().union(*(_more(line, sizes, hidden, minimum) for line in lines)):
        hidden |= more
    return frozenset(hidden)


def _lines(margins: Sequence[tuple[str, ...]]) -> list[list[int]]:
    """Gives the groups that belong to each total: of every label of every grouping where there are two, and of all."""
    found: dict[tuple[int, str], list[int]] = {}
    for place, labels in enumerate(margins):
        for part, label in enumerate(labels if len(labels) > 1 else ()):
            found.setdefault((part, label), []).append(place)
    return [*found.values(), list(range(len(margins)))]


def _more(line: list[int], sizes: Sequence[int], hidden: set[int], minimum: int) -> set[int]:
    """Gives the groups of a line that must be hidden beside those that are."""
    inside = [place for place in line if place in hidden]
    rest = sorted((place for place in line if place not in hidden), key=lambda place: (sizes[place], place))
    held, count, more = sum(sizes[place] for place in inside), len(inside), set()
    for place in rest:
        if not count or (count > 1 and held >= 2 * minimum):
            break
        more.add(place)
        held, count = held + sizes[place], count + 1
    return more


def veil(sentence: str, minimum: int) -> str:
    """Gives a sentence that begins with a count under the minimum without that count."""
    found = _COUNTED.match(sentence)
    if found is None or int(found[1].replace(",", "")) >= minimum:
        return sentence
    return f"Fewer than {minimum}{found[2]}{sentence[found.end() :]}"
