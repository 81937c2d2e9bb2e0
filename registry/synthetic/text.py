"""Text that agrees with the codes: what a registrar would have typed from the chart, in this project's own wording.

The sentences are built from the same true values as the codes, from phrases of the site group and short preferred
terms; every block of a reported tumour begins with date and place. Four wordings per block keep records from being
copies of each other. Secondary reports carry only what that facility saw.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry.synthetic.calendar import coded
from registry.synthetic.marks import WATERMARK
from registry.synthetic.mortality import NEVER
from registry.synthetic.streams import stream
from registry.synthetic.tables import read, site_groups, terms

SIDES = {"1": "right ", "2": "left ", "3": "", "4": "bilateral ", "5": "midline "}
GRADES = {
    "1": "well differentiated",
    "2": "moderately differentiated",
    "3": "poorly differentiated",
    "4": "undifferentiated",
}
EXTENT = {
    0: "in situ, no invasion seen",
    1: "confined to the organ of origin",
    2: "grows directly into adjacent tissue, nodes not involved",
    3: "regional nodes involved, no direct extension",
    4: "direct extension and regional nodes involved",
    7: "distant disease present",
    8: "non-malignant tumor, extent not staged",
    9: "extent cannot be determined from the record",
}
CHEMO = {"02": "single agent chemotherapy", "03": "multi-agent chemotherapy"}


def plain(term: str) -> str:
    """Gives a preferred term as running text: `Adenocarcinoma, NOS` becomes `adenocarcinoma`."""
    text = term.replace(", NOS", "")
    return text[:1].lower() + text[1:] if not text[:2].isupper() else text


def dates(days: np.ndarray) -> np.ndarray:
    """Gives MM/DD/YYYY texts; blank for NEVER."""
    known = days < NEVER
    texts = coded(days, present=known)
    return np.array([f"{t[4:6]}/{t[6:]}/{t[:4]}" if t else "" for t in texts], dtype=object)


def spelled(texts: np.ndarray) -> np.ndarray:
    """Gives coded dates as MM/DD/YYYY, MM/YYYY or YYYY: text knows no more of a date than its code."""
    return np.array(["/".join(p for p in (t[4:6], t[6:8], t[:4]) if p) for t in texts], dtype=object)


def describe(tumors: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Gives the words of each tumour: organ, side, histology, grade, size, nodes, extent and its group's phrases."""
    words = terms()
    group = site_groups().group.to_numpy()[tumors.group.to_numpy()]
    phrases = read("phrases.csv").set_index("group").loc[group].reset_index(drop=True)
    site = tumors.site.to_numpy()
    kinds, index = np.unique((tumors.histology + "/" + tumors.behavior).to_numpy().astype(str), return_inverse=True)
    organs, where = np.unique(site.astype(str), return_inverse=True)
    grade = np.where(items["440"].to_numpy() != "", items["440"].to_numpy(), items["3844"].to_numpy())
    size = items["756"].to_numpy()
    out = phrases.assign(
        organ=np.array([plain(words.get(o, "site not specified")) for o in organs], dtype=object)[where],
        histology=np.array([plain(words.get(k, "neoplasm")) for k in kinds], dtype=object)[index],
        side=[SIDES.get(x, "") for x in items["410"]],
        grade=[GRADES.get(x, "") for x in grade],
        size=[f"{int(x)} mm" if x not in ("", "999") else "" for x in size],
        extent=[EXTENT[x] for x in tumors.stage],
    )
    out["place"] = out.side + out.organ
    return out


def write_texts(
    seed: int,
    tumors: pd.DataFrame,
    items: pd.DataFrame,
    starts: dict[str, np.ndarray],
    reports: pd.DataFrame,
    facilities: pd.DataFrame,
) -> dict[str, np.ndarray]:
    """Gives the text items (2520 to 2690) of every report."""
    words = describe(tumors, items)
    where = reports.tumor.to_numpy()
    name = facilities.name.to_numpy()[reports.facility.to_numpy()]
    day = tumors.diagnosis.to_numpy()[where]
    class_ = reports.class_of_case.to_numpy()
    seen = np.isin(class_, ("00", "10", "11", "12", "13", "14", "38", "40"))  # diagnosed here
    alive = (tumors.source.to_numpy() == 1)[where]
    micro = np.isin(items["490"].to_numpy(), ("1", "2", "3", "4"))[where]
    style = stream(seed, "text style").integers(0, 4, (len(where), 4))
    first = reports.first_contact.to_numpy()
    known = spelled(items["390"].to_numpy())[where]
    stamp = np.where(seen, known, dates(first))
    w = {c: words[c].to_numpy()[where] for c in words}
    sex = np.where(tumors.sex.to_numpy()[where] == 0, "male", "female")
    age = tumors.age.to_numpy()[where]
    who = np.array([f"{a}-year-old {s}" for a, s in zip(age, sex)], dtype=object)
    out: dict[str, np.ndarray] = {}

    def fill(item: str, texts: list[str], where_: np.ndarray) -> None:
        out[item] = np.where(where_, np.array(texts, dtype=object), "")

    fill(
        "2520",
        [_exam(*row) for row in zip(style[:, 0], stamp, name, who, w["complaint"], w["exam"])],
        alive & (class_ != "43"),
    )
    fill(
        "2530",
        [_imaging(*row) for row in zip(style[:, 1], stamp, name, w["imaging"], w["picture"], w["place"], w["size"])],
        alive & seen,
    )
    fill(
        "2540",
        [f"{d} {n}: {s}, {p}." for d, n, s, p in zip(stamp, name, w["scope"], w["place"])],
        alive & seen & (w["scope"] != ""),
    )
    fill("2550", [f"{d} {n}: {x}." for d, n, x in zip(stamp, name, w["lab"])], alive & seen)
    operation = reports.here_surgery.to_numpy()
    path = micro & (seen | (class_ == "43") | operation)
    numbers = [f"SP{abs(int(d)) % 90000 + 10000}-{t % 1000:03d}" for d, t in zip(day, where)]
    nodes = np.array(_node_words(items, where), dtype=object)
    begin = dates(np.where(operation, starts["surgery"][where], NEVER))
    procedure = np.where(operation, w["resection"], w["biopsy"])
    read = np.where(operation, begin, stamp)
    removed = np.where(operation, nodes, "")  # nodes are counted by whoever removed them
    blocks = zip(
        style[:, 2], read, name, numbers, w["place"], w["histology"], w["grade"], w["size"], removed, procedure
    )
    out["2570"] = np.where(path, np.array([_pathology(*row) for row in blocks], dtype=object), "")
    fill(
        "2560",
        [
            f"{d} {n}: {r}; findings: tumor of the {p}, {e}."
            for d, n, r, p, e in zip(begin, name, w["resection"], w["place"], w["extent"])
        ],
        operation,
    )
    fill("2610", [f"{d} {n}: {r}, {p}." for d, n, r, p in zip(begin, name, w["resection"], w["place"])], operation)
    out |= _treatment_words(items, starts, reports, where, name)
    out["2580"] = np.array([p[:100].strip() for p in w["place"]], dtype=object)
    out["2590"] = np.array(
        [f"{h}{', ' + g if g else ''}"[:100].strip() for h, g in zip(w["histology"], w["grade"])], dtype=object
    )
    fill(
        "2600",
        [_staging(*row) for row in zip(style[:, 3], stamp, name, w["extent"], w["size"], nodes)],
        alive & (class_ != "43"),
    )
    out["2690"] = np.where(seen, np.array([n[:60].strip() for n in name], dtype=object), "")
    remark = np.select(
        [class_ == "49", class_ == "38"], [" Known from the death certificate alone.", " Found at autopsy."], ""
    )
    out["2680"] = np.array([WATERMARK + r for r in remark], dtype=object)
    return out


def _treatment_words(
    items: pd.DataFrame, starts: dict[str, np.ndarray], reports: pd.DataFrame, where: np.ndarray, name: np.ndarray
) -> dict[str, np.ndarray]:
    """Gives the text of radiation (2620), chemotherapy (2640), hormones (2650) and immunotherapy (2660) given here."""
    agents = [CHEMO.get(x, "chemotherapy") for x in items["1390"].to_numpy()[where]]
    out = {}
    for item, kind, phrase in (
        ("2620", "radiation", "radiation therapy to the region of the primary"),
        ("2640", "chemo", ""),
        ("2650", "hormone", "hormone therapy begun"),
        ("2660", "immune", "immunotherapy begun"),
    ):
        here = reports[f"here_{kind}"].to_numpy()
        begin = dates(np.where(here, starts[kind][where], NEVER))
        texts = [f"{d} {n}: {phrase or a}." for d, n, a in zip(begin, name, agents)]
        out[item] = np.where(here, np.array(texts, dtype=object), "")
    return out


def _node_words(items: pd.DataFrame, where: np.ndarray) -> list[str]:
    texts = []
    for positive, examined in zip(items["820"].to_numpy(), items["830"].to_numpy()):
        if examined in ("99", "00"):
            texts.append("")
        else:
            texts.append(f"{int(positive)} of {int(examined)} nodes positive")
    return [texts[i] for i in where]


def _exam(style: int, day: str, place: str, who: str, complaint: str, exam: str) -> str:
    return (
        f"{day} {place}: {who} with {complaint}. Exam: {exam}.",
        f"{day} {place}: {who} presents for {complaint}. On examination {exam}.",
        f"{day} {place}: H&P: {who}. Complaint: {complaint}. PE: {exam}.",
        f"{day} {place}: {who}, {complaint}; {exam}.",
    )[style]


def _imaging(style: int, day: str, place: str, study: str, picture: str, organ: str, size: str) -> str:
    extent = f", {size}" if size else ""
    return (
        f"{day} {place}: {study}: {picture}, {organ}{extent}.",
        f"{day} {place}: {study} shows {picture} ({organ}){extent}.",
        f"{day} {place}: {study}. Impression: {picture}{extent}; region: {organ}.",
        f"{day} {place}: {study} with {picture}{extent}. Location {organ}.",
    )[style]


def _pathology(style, day, place, number, organ, histology, grade, size, nodes, procedure) -> str:
    kind = f"{histology}, {grade}" if grade else histology
    size = f" Size {size}." if size else ""
    nodes = f" {nodes}." if nodes else ""
    return (
        f"{day} {place} {number}: {organ}, {procedure}: {kind}.{size}{nodes}",
        f"{day} {place} {number}: Final diagnosis: {kind}. Site: {organ}.{size}{nodes}",
        f"{day} {place} {number}: Specimen: {organ} ({procedure}). Diagnosis: {kind}.{size}{nodes}",
        f"{day} {place} {number}: {procedure} of {organ} shows {kind}.{nodes}{size}",
    )[style]


def _staging(style: int, day: str, place: str, extent: str, size: str, nodes: str) -> str:
    rest = "; ".join(x for x in (size, nodes) if x)
    rest = f" ({rest})" if rest else ""
    return (
        f"{day} {place}: Extent of tumor: {extent}{rest}.",
        f"{day} {place}: Extent: {extent}{rest}.",
        f"{day} {place}: By imaging and pathology, {extent}{rest}.",
        f"{day} {place}: {extent[:1].upper()}{extent[1:]}{rest}.",
    )[style]
