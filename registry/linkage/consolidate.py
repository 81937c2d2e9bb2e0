"""The registry's knowledge from the sources' accounts, as the whole store asks for it; the work is in `registry.consolidation`.

Nothing of an account is ever overwritten: moving an account to another person or tumor and refreshing both restores what
was. The result does not depend on the order in which accounts came.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from registry.consolidation import refreshing
from registry.consolidation.refreshing import ACTION, consolidate_patient, consolidate_tumor, refresh_patient
from registry.consolidation.rules import RuleSet
from registry.models import Tumor

__all__ = ["consolidate_patient", "consolidate_tumor", "refresh_patient", "refresh_tumor"]


def refresh_tumor(
    session: Session, tumor: Tumor, *, who: str, why: str = "", rules: RuleSet | None = None, action: str = ACTION
) -> Mapping[str, list[str]]:
    """Writes what a tumor's accounts say now and gives the changes; pairs of abstracts are compared again if they changed."""
    from registry.linkage.tumors import recompare

    changed = refreshing.refresh_tumor(session, tumor, who=who, why=why, rules=rules, action=action)
    recompare(session, [abstract.id for abstract in tumor.abstracts])
    return changed
