"""The registry's knowledge from the sources' accounts, as the whole store asks for it; the work is in `registry.consolidation`.

Nothing of an account is ever overwritten: moving an account to another person or tumor and refreshing both restores what
was. The result does not depend on the order in which accounts came.
"""

from __future__ import annotations

from registry.consolidation.refreshing import consolidate_patient, consolidate_tumor, refresh_patient, refresh_tumor

__all__ = ["consolidate_patient", "consolidate_tumor", "refresh_patient", "refresh_tumor"]
