"""The tables: sources' accounts (`PatientRecord`, `Abstract`) and the registry's knowledge (`Patient`, `Tumor`)."""

from registry.models import desk, followup, practice, state  # noqa: F401  (its tables belong to the metadata)
from registry.models.audit import AccessLog, ChainHead, Revision
from registry.models.base import Base, now
from registry.models.consolidation import ConsolidationChoice, OpenValue
from registry.models.documents import LOADING, READY, REMOVED, Document, ImportBatch, ImportChange, ImportReject
from registry.models.edits import EditFinding, EditOverride, WorklistEntry
from registry.models.facilities import UNSPECIFIED, Facility, Physician, Source
from registry.models.linkage import (
    LinkageDecision,
    LinkagePair,
    LinkageRun,
    RowHome,
    TumorDecision,
    TumorPair,
)
from registry.models.people import Patient, PatientRecord
from registry.models.tumors import STATUSES, Abstract, AbstractText, Treatment, Tumor
from registry.models.work import Disclosure, Job, PopulationArea, SavedList

__all__ = [
    "LOADING",
    "READY",
    "REMOVED",
    "STATUSES",
    "UNSPECIFIED",
    "Abstract",
    "AbstractText",
    "AccessLog",
    "Base",
    "ChainHead",
    "ConsolidationChoice",
    "Disclosure",
    "Document",
    "EditFinding",
    "EditOverride",
    "Facility",
    "ImportBatch",
    "ImportChange",
    "ImportReject",
    "Job",
    "LinkageDecision",
    "LinkagePair",
    "LinkageRun",
    "OpenValue",
    "Patient",
    "PatientRecord",
    "Physician",
    "PopulationArea",
    "Revision",
    "RowHome",
    "SavedList",
    "Source",
    "Treatment",
    "Tumor",
    "TumorDecision",
    "TumorPair",
    "WorklistEntry",
    "now",
]
