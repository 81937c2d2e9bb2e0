"""Electronic pathology reports, reportable and not, with the codes behind the words as truth.

The reports carry the demographics as the sending facility wrote them, so they can be matched; a sixth of them are of
benign, reactive or otherwise not reportable findings of the same patients and must be screened out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from registry.synthetic.marks import WATERMARK
from registry.synthetic.registry import SyntheticRegistry
from registry.synthetic.streams import stream
from registry.synthetic.tables import read

NOT_REPORTABLE = (
    ("Skin of back, shave biopsy", "basal cell carcinoma, nodular type, margins clear"),
    ("Skin of hand, excision", "squamous cell carcinoma of skin, well differentiated, margins clear"),
    ("Colon, polypectomy", "tubular adenoma, no high grade dysplasia and no malignancy identified"),
    ("Breast, core biopsy", "fibroadenoma; no atypia or malignancy"),
    ("Prostate, needle biopsy", "benign prostatic tissue with chronic inflammation; no tumor seen"),
    ("Thyroid, fine needle aspiration", "benign follicular nodule; negative for malignant cells"),
    ("Lymph node, neck, excision", "reactive follicular hyperplasia; no evidence of lymphoma"),
    ("Uterus, hysterectomy", "leiomyoma; proliferative endometrium without hyperplasia"),
    ("Skin of arm, excision", "compound nevus, completely excised"),
    ("Stomach, biopsy", "chronic gastritis, negative for dysplasia and malignancy"),
)
SHARE_NOT_REPORTABLE = 1 / 6
HEDGES = ("", "", "", "consistent with ", "compatible with ")


def reports(made: SyntheticRegistry, *, years: int = 5) -> Iterator[dict]:
    """Gives the reports of the last `years` of diagnosis, oldest first.

    Each is a dict: id, facility, record, patient {as written}, collected (YYYYMMDD), reported, text, reportable, and
    `codes` (primarySite, histology, behavior, laterality, grade; empty where not reportable).
    """
    frame = made.abstracts
    last = made.truth["years"][1]
    texts = frame["2570"].to_numpy() if "2570" in frame else np.full(len(frame), "")
    # one report per tumour and laboratory: those whose specimen was read there
    recent = np.array([d[:4] > str(last - years) for d in frame["390"]]) & (texts != "")
    rows = np.flatnonzero(recent)
    rows = rows[np.lexsort((frame.record.to_numpy()[rows], frame["390"].to_numpy()[rows].astype(str)))]
    random = stream(made.seed, "documents")
    record = made.records.set_index("record")
    groups = made.true_tumors.group.to_numpy()
    phrases = read("phrases.csv").set_index("group")
    extra = random.random(len(rows)) < SHARE_NOT_REPORTABLE
    kind = random.integers(0, len(NOT_REPORTABLE), len(rows))
    hedge = random.integers(0, len(HEDGES), len(rows))
    number = 0
    columns = (
        "record",
        "tumor",
        "540",
        "400",
        "522",
        "523",
        "410",
        "440",
        "3844",
        "490",
        "390",
        "580",
        "2570",
        "2580",
        "2590",
        "756",
        "820",
        "830",
    )
    for row, more, other, softer in zip(
        frame.iloc[rows][list(columns)].itertuples(index=False, name=None), extra, kind, hedge
    ):
        item = dict(zip(columns, row))
        words = phrases.loc[groups[item["tumor"]]]
        number += 1
        yield {
            **_head(made, number, item, record.loc[item["record"]]),
            "text": _full_text(item, words, HEDGES[softer]),
            "reportable": True,
            "codes": {
                "primarySite": item["400"],
                "histology": item["522"],
                "behavior": item["523"],
                "laterality": item["410"],
                "grade": item["440"] or item["3844"],
            },
        }
        if more:
            number += 1
            specimen, diagnosis = NOT_REPORTABLE[other]
            text = f"SPECIMEN: {specimen}\nFINAL DIAGNOSIS: {diagnosis}.\nCOMMENT: {WATERMARK}"
            yield {
                **_head(made, number, item, record.loc[item["record"]]),
                "text": text,
                "reportable": False,
                "codes": {},
            }


def _head(made: SyntheticRegistry, number: int, item: dict, person) -> dict:
    return {
        "id": f"EP{made.seed % 10000:04d}{number:08d}",
        "facility": item["540"],
        "record": item["record"],
        "patient": {
            k: person[k]
            for k in ("first", "middle", "last", "suffix", "sex", "dob", "ssn", "address", "city", "zip", "mrn")
        },
        "collected": item["390"],
        "reported": item["580"],
    }


def _full_text(item: dict, words, hedge: str) -> str:
    """Gives a report in sections: specimen, history, gross, microscopic, final diagnosis, comment."""
    place, kind = item["2580"], item["2590"]
    size = f" measuring {int(item['756']) / 10:.1f} cm in greatest dimension" if item["756"] not in ("", "999") else ""
    nodes = ""
    if item["830"] not in ("", "99", "00"):
        nodes = f"\nLYMPH NODES: {int(item['820'])} of {int(item['830'])} nodes contain tumor."
    method = "Cytologic smears show" if item["490"] == "2" else "Sections show"
    return (
        f"SPECIMEN: {place}, {words.biopsy}\n"
        f"CLINICAL HISTORY: {words.complaint}. Imaging: {words.picture}.\n"
        f"GROSS: Received labeled with the patient's name is tissue of the {place}{size}.\n"
        f"MICROSCOPIC: {method} a neoplasm of the {place}.{nodes}\n"
        f"FINAL DIAGNOSIS: {place}: {hedge}{kind}.\n"
        f"COMMENT: {WATERMARK}"
    )


def report_lines(made: SyntheticRegistry, *, years: int = 5) -> Iterator[str]:
    """Gives the reports as JSON lines."""
    for report in reports(made, years=years):
        yield json.dumps(report, ensure_ascii=False) + "\n"
