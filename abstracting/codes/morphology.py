"""Morphology: the histology and behavior codes of ICD-O-3, with the years in which a code holds where that is known.

A code is valid when the list of NAACCR v26 has it; IARC's ICD-O-3.2 has a few more, which `edition="icdo32"` accepts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from abstracting.codes.sources import read_codes
from abstracting.codes.system import CodeSystem, plain
from abstracting.values import whole_number

BEHAVIORS = {
    "0": "Benign",
    "1": "Uncertain or borderline",
    "2": "In situ",
    "3": "Malignant, primary site",
    "6": "Malignant, metastatic site",
    "9": "Malignant, primary or metastatic unknown",
}

EDITIONS = ("naaccr26", "icdo32")


@dataclass(frozen=True, slots=True)
class Morphology:
    """One code: `8140/3` with its term, the lists it is in, its years and the sites that the term names.

    `first` and `last` are diagnosis years (None: no bound known), `instead` the code to use outside them, `sites` codes
    (`C649`), groups (`C50`) and ranges (`C310-C313`).
    """

    code: str
    label: str
    editions: frozenset[str]
    first: int | None = None
    last: int | None = None
    instead: str = ""
    sites: tuple[str, ...] = ()

    @property
    def histology(self) -> str:
        return self.code[:4]

    @property
    def behavior(self) -> str:
        return self.code[5]

    def holds_in(self, year: int | None) -> bool | None:
        """Tells whether the code holds for a diagnosis year; None when the year is unknown and a bound exists."""
        if self.first is None and self.last is None:
            return True
        if year is None:
            return None
        return (self.first is None or year >= self.first) and (self.last is None or year <= self.last)


@cache
def morphologies() -> dict[str, Morphology]:
    """Gives every code (`8140/3`) with its facts, in order."""
    found = {}
    for row in read_codes("morphology.csv"):
        code = f"{row['histology']}/{row['behavior']}"
        editions = {name for name, column in (("naaccr26", "naaccr"), ("icdo32", "icdo32")) if row[column]}
        found[code] = Morphology(
            code,
            row["label"],
            frozenset(editions),
            whole_number(row["first"]),
            whole_number(row["last"]),
            row["instead"],
            tuple(row["sites"].split()),
        )
    return found


_SHAPE = re.compile(r"M?(\d{4})(\d)\d?\Z")


def normalise(text: str) -> str:
    """Gives `8140/3` for `8140/3`, `M8140/3`, `M-81403` and `8140/33` (with grade); other shapes lose their signs."""
    bare = plain(text)
    match = _SHAPE.match(bare)
    return f"{match[1]}/{match[2]}" if match else bare


_WORDS = {
    "ca": "carcinoma",
    "adenoca": "adenocarcinoma",
    "adenoca.": "adenocarcinoma",
    "scc": "squamous cell carcinoma",
    "bcc": "basal cell carcinoma",
    "rcc": "renal cell carcinoma",
    "hcc": "hepatocellular carcinoma",
    "tcc": "transitional cell carcinoma",
    "dcis": "intraductal noninfiltrating",
    "idc": "invasive no special type",
    "ilc": "lobular carcinoma",
    "lcis": "lobular in situ",
    "gist": "gastrointestinal stromal",
    "gbm": "glioblastoma",
    "dlbcl": "diffuse large b",
    "cll": "chronic lymphocytic leukemia",
    "cml": "chronic myeloid leukemia",
    "aml": "acute myeloid leukemia",
    "all": "lymphoblastic leukemia",
    "mds": "myelodysplastic",
    "mpn": "myeloproliferative",
    "net": "neuroendocrine tumor",
    "nec": "neuroendocrine carcinoma",
    "nsclc": "non small cell",
    "sclc": "small cell carcinoma",
    "leukaemia": "leukemia",
    "tumour": "tumor",
    "oat": "small cell",
}

_ALIASES = {
    "8500/3": ("Ductal carcinoma, NOS", "Infiltrating duct carcinoma"),
    "8500/2": ("Ductal carcinoma in situ",),
    "8520/2": ("Lobular carcinoma in situ",),
    "8720/3": ("Melanoma, NOS",),
    "9440/3": ("Glioblastoma multiforme",),
    "9680/3": ("Large B-cell lymphoma, diffuse",),
    "9732/3": ("Myeloma",),
    "8936/3": ("Gastrointestinal stromal sarcoma",),
    "8249/3": ("Atypical carcinoid",),
    "8240/3": ("Carcinoid",),
    "8312/3": ("Renal cell carcinoma", "Hypernephroma"),
    "8170/3": ("Hepatoma",),
}


@cache
def morphology() -> CodeSystem:
    """Gives the code system of histology with behavior, as `8140/3`."""
    codes = {code: entry.label for code, entry in morphologies().items()}
    return CodeSystem("morphology", "morphology", codes, "histology/behavior, as 8140/3", normalise, _WORDS, _ALIASES)


@cache
def histology() -> CodeSystem:
    """Gives the code system of histology alone: each four-digit code with its malignant term, or the nearest."""
    labels: dict[str, str] = {}
    for behavior in "320169":
        for entry in morphologies().values():
            if entry.behavior == behavior:
                labels.setdefault(entry.histology, entry.label)
    return CodeSystem("histology", "histology", dict(sorted(labels.items())), "four digits, as 8140", plain, _WORDS)


@cache
def behavior() -> CodeSystem:
    """Gives the code system of behavior."""
    return CodeSystem("behavior", "behavior", BEHAVIORS, "one digit, as 3")


def find(histology: str | None, behavior: str | None) -> Morphology | None:
    """Gives the facts of a histology with its behavior, None when neither list has it."""
    return morphologies().get(f"{histology}/{behavior}")


def is_valid(histology: str | None, behavior: str | None, *, edition: str = "naaccr26") -> bool:
    """Tells whether a histology exists with this behavior in one edition of the list."""
    entry = find(histology, behavior)
    return entry is not None and edition in entry.editions


def behaviors_of(histology: str | None) -> tuple[str, ...]:
    """Gives the behaviors with which a histology is listed."""
    return tuple(entry.behavior for entry in morphologies().values() if entry.histology == histology)


def label(histology: str | None, behavior: str | None) -> str:
    """Gives the term of a histology with its behavior; a behavior that is not listed leans on the malignant term."""
    entry = find(histology, behavior)
    if entry is not None:
        return entry.label
    term = _by_histology().label(histology)
    return f"{term}, {BEHAVIORS[behavior].lower()}" if term and behavior in BEHAVIORS else term


def _by_histology() -> CodeSystem:
    return histology()
