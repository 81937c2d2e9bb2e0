"""The two flags of the record that speak of research and not of follow-up, each with what it stops and what it does not.

No Patient Contact Flag (1854): 1 says that the patient may not be contacted for research.
Reporting Facility Restriction Flag (1856): any code above 00 restricts research releases of what the facility reported; it
never restricts routine surveillance submission. Source: NAACCR data dictionary, items 1854 and 1856.
"""

from __future__ import annotations

from collections.abc import Mapping

from abstracting.values import clean

NO_CONTACT = "1"
NO_RESTRICTION = frozenset({"", "00"})


def may_contact_for_research(person: Mapping[str, str]) -> bool:
    """Whether a study may contact the patient: not with flag 1854; the registry's own do-not-send says nothing of it."""
    return clean(person.get("1854")) != NO_CONTACT


def may_release_for_research(tumor: Mapping[str, str]) -> bool:
    """Whether an abstract may go into a research release: not with flag 1856."""
    return clean(tumor.get("1856")) in NO_RESTRICTION
