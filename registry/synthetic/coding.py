"""How the true tumour is coded: dates with unknown parts, confirmation, laterality, grade, stage, nodes, size.

Every function takes the tumours as true values and gives columns keyed by item number. The values follow the rules of
their time: grade 440 up to 2017 and 3843/3844 from 2018; summary stage 760 (to 2000), 759 (2001 to 2003, 2016, 2017),
3020 (2004 to 2015), 764 (from 2018); T, N, M as 880 to 970 (2004 to 2015) and 1001 to 1014 (from 2018); EOD 772 to 776
from 2018.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from registry.synthetic.calendar import UNKNOWN_DAY, UNKNOWN_MONTH, coded, year_of
from registry.synthetic.streams import choose, stream
from registry.synthetic.tables import read, schema_rows, schemas, site_groups, tumor_types

# histologies that may be known without a microscope, with the usual confirmation and how often
CLINICAL = {"8000": ("7", 0.75), "8170": ("7", 0.40), "9530": ("7", 0.55), "9380": ("7", 0.50), "9732": ("5", 0.06)}
IMPLIED_GRADE = {
    "1": "8331 9187 9511",
    "2": "8249 8332 9083 9243 9372",
    "3": "8631 8634",
    "4": "8020 8021 8805 9062 9082 9392 9401 9451 9505 9512",
    "5": "9700 9701 9702 9705 9708 9709 9714 9716 9717 9718 9719 9724 9726 9729 9827 9834 9837",
    "6": "9728 9737 9738 9823 9833 9836",
    "8": "9948",
}
B_CELL = ((9670, 9699), (9811, 9818))
BOTH_SIDES = "C569"
WITHOUT_NODES = "C589"  # the placenta's schemas know no nodes


def spread(values: np.ndarray, table: dict[str, str], default: str = "") -> np.ndarray:
    """Gives the table's value of each code; unknown codes give the default."""
    codes, index = np.unique(values.astype(str), return_inverse=True)
    return np.array([table.get(c, default) for c in codes], dtype=object)[index]


@lru_cache(maxsize=1)
def _implied() -> dict[str, str]:
    return {h: grade for grade, text in IMPLIED_GRADE.items() for h in text.split()}


def code_tumors(seed: int, tumors: pd.DataFrame, confirmation: np.ndarray) -> pd.DataFrame:
    """Gives the coded items of every tumour, in the order of `tumors`; `confirmation` is that of `code_confirmation`."""
    year = year_of(tumors.diagnosis.to_numpy())
    out: dict[str, np.ndarray] = {
        "400": tumors.site.to_numpy(),
        "522": tumors.histology.to_numpy(),
        "523": tumors.behavior.to_numpy(),
        "380": np.array([f"{s:02d}" for s in range(100)], dtype=object)[tumors.sequence.to_numpy()],
        "230": np.array([f"{a:03d}" for a in range(121)], dtype=object)[tumors.age.to_numpy()],
        "390": coded(tumors.diagnosis.to_numpy(), diagnosis_precision(seed, tumors)),
        "490": confirmation,
        "410": code_laterality(seed, tumors, year),
    }
    out |= code_grade(seed, tumors, year)
    out |= code_stage(tumors, year)
    out |= code_size(seed, tumors, year)
    out |= code_eod(seed, tumors, year)
    out |= code_tnm(seed, tumors, year)
    out |= code_metastases(seed, tumors, year)
    out |= code_receptors(seed, tumors, year)
    return pd.DataFrame(out)


def diagnosis_precision(seed: int, tumors: pd.DataFrame) -> np.ndarray:
    """Gives how much of the diagnosis date is known: the day is unknown in 3 %, the month in 1 %; at death all is known."""
    draw = stream(seed, "diagnosis precision").random(len(tumors))
    out = np.select([draw < 0.01, draw < 0.04], [UNKNOWN_MONTH, UNKNOWN_DAY], 0)
    return np.where(tumors.source == 1, out, 0)


def code_confirmation(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> np.ndarray:
    """Gives diagnostic confirmation (490): microscopic but for the few histologies that may be known without."""
    random = stream(seed, "confirmation")
    size = len(tumors)
    histology, draw = tumors.histology.to_numpy(), random.random(size)
    out = np.select([draw < 0.94, draw < 0.985], ["1", "2"], "4").astype(object)
    number = histology.astype(int)
    immune = (number >= 9590) & (year >= 2010) & (tumors.behavior == "3").to_numpy() & (random.random(size) < 0.4)
    out[immune] = "3"
    alone = (tumors.sequence % 60 == 0).to_numpy()
    clinical = random.random(size)
    for code, (value, share) in CLINICAL.items():
        out[(histology == code) & (clinical < share) & alone & (tumors.behavior != "2").to_numpy()] = value
    # a lymphoma or an unknown tumour is not "seen" or "clinical only" here; imaging may show it
    out[(histology == "8000") & (out == "7") & (random.random(size) < 0.3)] = "8"
    out[(tumors.source == 7).to_numpy()] = "9"
    out[(tumors.source == 6).to_numpy()] = "1"
    return out


@lru_cache(maxsize=1)
def paired_sites() -> dict[str, int]:
    """Gives the paired organs with the first year of the rule."""
    return {row.site: int(row.year_min or 0) for row in read("paired_sites.csv").itertuples()}


def code_laterality(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> np.ndarray:
    """Gives laterality (410): a side for paired organs, 0 for all others."""
    random = stream(seed, "laterality")
    since = spread(tumors.site.to_numpy(), {k: str(v) for k, v in paired_sites().items()}, "9999").astype(int)
    out = np.where(random.random(len(tumors)) < 0.51, "2", "1").astype(object)
    draw, stage = random.random(len(tumors)), tumors.stage.to_numpy()
    site = tumors.site.to_numpy()
    wide = np.isin(stage, (3, 4, 7, 9))
    out[(site == BOTH_SIDES) & wide & (draw < 0.15)] = "4"
    out[(site != BOTH_SIDES) & np.isin(stage, (7, 9)) & (draw < 0.03)] = "9"
    out[np.isin(site, ("C443", "C445")) & (stage == 1) & (draw > 0.97)] = "5"
    out[(draw > 0.985) & (stage == 1) & (out != "5")] = "3"
    out[(tumors.source == 7).to_numpy()] = "9"
    return np.where(year >= since, out, "0")


def code_grade(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> dict[str, np.ndarray]:
    """Gives grade as 440 (to 2017) and 3843 with 3844 (from 2018, codes valid in every schema the tumour can have)."""
    random = stream(seed, "grade")
    size = len(tumors)
    number, behavior = tumors.histology.to_numpy().astype(int), tumors.behavior.to_numpy()
    stage = tumors.stage.to_numpy()
    # later stages are less differentiated
    late = np.isin(stage, (3, 4, 7))
    mix = np.where(late[:, None], [[0.08, 0.32, 0.42, 0.02, 0.16]], [[0.24, 0.42, 0.18, 0.01, 0.15]])
    drawn = np.array(list("12349"), dtype=object)[
        (mix.cumsum(axis=1) < random.random(size)[:, None]).sum(axis=1).clip(0, 4)
    ]
    old = np.where(number >= 9590, "9", drawn)
    implied = spread(tumors.histology.to_numpy(), _implied())
    old = np.where(implied != "", implied, old)
    for low, high in B_CELL:
        old = np.where((number >= low) & (number <= high), "6", old)
    unknown = (behavior != "3") | (tumors.source == 7).to_numpy()
    old = np.where(unknown, "9", old).astype(object)
    types = tumor_types()
    out = {"440": np.where(year < 2018, old, "")}
    for item, column in (("3843", "grade_clin"), ("3844", "grade_path")):
        codes = types[column].to_numpy()[tumors.row.to_numpy()]
        same = stream(seed, f"grade {item}").random(size) < 0.8
        new = np.full(size, "", dtype=object)
        for text in np.unique(codes.astype(str)):
            mine = codes == text
            if text == "":
                continue
            value = drawn if set("123") <= set(text) else np.full(size, "9" if "9" in text else text[0], dtype=object)
            if "4" not in text:
                value = np.where(value == "4", "3" if "3" in text else text[0], value)
            if "9" in text:
                value = np.where(unknown & (tumors.source == 7).to_numpy() | ~same, "9", value)
            if "H" in text and "L" in text:
                value = np.where(behavior == "2", np.where(value == "3", "H", np.where(value == "9", "9", "L")), value)
            new[mine] = value[mine]
        out[item] = np.where(year >= 2018, new, "")
    return out


def code_stage(tumors: pd.DataFrame, year: np.ndarray) -> dict[str, np.ndarray]:
    """Gives summary stage in the item of its time."""
    stage = np.array(list("0123456789"), dtype=object)[tumors.stage.to_numpy()]
    return {
        "760": np.where(year <= 2000, np.where(stage == "8", "", stage), ""),
        "759": np.where(((year >= 2001) & (year <= 2003)) | (year == 2016) | (year == 2017), stage, ""),
        "3020": np.where((year >= 2004) & (year <= 2015), stage, ""),
        "764": np.where(year >= 2018, stage, ""),
    }


def has_nodes(tumors: pd.DataFrame) -> np.ndarray:
    """Tells for which tumours regional nodes are examined at all."""
    group = tumors.group.to_numpy()
    solid = (site_groups().staging.to_numpy() == "solid")[group] & (site_groups().nodes.to_numpy() == 1)[group]
    solid &= tumors.site.to_numpy() != WITHOUT_NODES
    return solid & ~np.isin(tumors.stage.to_numpy(), (8, 9)) & (tumors.source == 1).to_numpy()


def code_nodes(seed: int, tumors: pd.DataFrame, operated: np.ndarray) -> dict[str, np.ndarray]:
    """Gives regional nodes positive (820) and examined (830), in keeping with stage and operation."""
    random = stream(seed, "nodes")
    size, stage = len(tumors), tumors.stage.to_numpy()
    examined = np.minimum(1 + random.poisson(np.where(np.isin(stage, (0,)), 1.5, 9.0)), 60)
    positive = np.minimum(1 + random.poisson(1.8, size), examined)
    dissected = random.random(size) < np.select([stage == 0, stage == 1, stage == 7], [0.2, 0.65, 0.4], 0.9)
    dissected &= operated | (random.random(size) < 0.08)  # without an operation a node is at most aspirated
    examined = np.where(operated, examined, 1)
    positive = np.minimum(positive, examined)
    involved = np.isin(stage, (3, 4)) | ((stage == 7) & (random.random(size) < 0.6))
    positive = np.where(involved, positive, 0)
    number = np.array([f"{n:02d}" for n in range(100)], dtype=object)
    known = has_nodes(tumors)
    return {
        "820": np.where(known, np.where(dissected, number[positive], "98"), "99"),
        "830": np.where(known, np.where(dissected, number[examined], "00"), "99"),
    }


def code_size(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> dict[str, np.ndarray]:
    """Gives tumour size summary (756) in millimetres from 2016; 999 where there is none."""
    random = stream(seed, "size")
    group, stage = tumors.group.to_numpy(), tumors.stage.to_numpy()
    middle = site_groups()["size"].to_numpy()[group]
    growth = np.select([stage == 0, stage == 1, stage == 7], [0.6, 0.85, 1.4], 1.2)
    size = np.clip(np.maximum(middle, 1) * growth * np.exp(0.5 * random.standard_normal(len(group))), 1, 400).astype(
        int
    )
    solid = (site_groups().staging.to_numpy() != "lymphoma")[group] & (middle > 0) & (stage != 9)
    solid &= ~tumors.site.str.startswith(("C42", "C77", "C76", "C80")).to_numpy() & (tumors.source == 1).to_numpy()
    solid &= random.random(len(group)) > 0.06
    solid &= (schemas()[1]["size"] == "1").to_numpy()[schema_rows(tumors.row.to_numpy(), year)]
    text = np.array([f"{n:03d}" for n in range(401)], dtype=object)[size]
    return {"756": np.where(year >= 2016, np.where(solid, text, "999"), "")}


@lru_cache(maxsize=1)
def _eod() -> dict[tuple[str, str, str], np.ndarray]:
    frame = read("eod.csv.gz")
    columns = ["primary_tumor", "regional_nodes", "mets"]
    return {key: part[columns].to_numpy() for key, part in frame.groupby(["schema", "behavior", "stage"])}


def code_eod(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> dict[str, np.ndarray]:
    """Gives schema (3800), discriminators (3926, 3927) and EOD (772, 774, 776) from 2018: codes that derive the stage.

    Blank where the schema has no way to the stage, and for tumours known from a death certificate.
    """
    random = stream(seed, "eod")
    size = len(tumors)
    table = schemas()[1]
    row = schema_rows(tumors.row.to_numpy(), year)
    schema = table.schema.to_numpy()[row]
    known = (year >= 2018) & (schema != "") & (tumors.source != 7).to_numpy()
    out = {item: np.full(size, "", dtype=object) for item in ("772", "774", "776")}
    behavior, stage = tumors.behavior.to_numpy(), tumors.stage.to_numpy().astype(str)
    pick = random.random(size)
    for i in np.flatnonzero(known):
        ways = _eod().get((schema[i], behavior[i], stage[i]))
        if ways is not None:
            out["772"][i], out["774"][i], out["776"][i] = ways[int(pick[i] * len(ways))]
    for item, column in (("3800", "schema_id"), ("3926", "discriminator_1"), ("3927", "discriminator_2")):
        out[item] = np.where(known, table[column].to_numpy()[row], "").astype(object)
    return out


def code_tnm(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> dict[str, np.ndarray]:
    """Gives T, N, M and group, clinical and pathological, for solid tumours; simplified, true to the stage.

    2016 and 2017 stay blank: their codes differ by schema, and open tables give no categories.
    """
    random = stream(seed, "tnm")
    size, stage = len(tumors), tumors.stage.to_numpy()
    group = tumors.group.to_numpy()
    names = site_groups().group.to_numpy()[group]
    fit = (site_groups().staging.to_numpy() == "solid")[group] & ~np.isin(names, ("brain", "kaposi", "skin"))
    fit &= (tumors.source == 1).to_numpy() & (tumors.histology.to_numpy().astype(int) < 9590)
    low = random.random(size) < 0.6
    t = np.select(
        [stage == 0, stage == 1, stage == 2, stage == 3, stage == 4, stage == 7],
        ["IS", np.where(low, "1", "2"), np.where(low, "3", "4"), np.where(low, "2", "1"), np.where(low, "3", "4"), "3"],
        "X",
    ).astype(object)
    far = (stage == 7) & (random.random(size) < 0.55)
    n = np.select([np.isin(stage, (0, 1, 2)), np.isin(stage, (3, 4)) | far, stage == 7], ["0", "1", "0"], "X").astype(
        object
    )
    m = np.where(stage == 7, "1", "0").astype(object)
    number = np.select(
        [stage == 0, (stage == 1) & (t == "1"), stage == 1, np.isin(stage, (2, 3, 4)), stage == 7],
        ["0", "1", "2", "3", "4"],
        "99",
    ).astype(object)
    path = random.random(size) < np.select([stage == 7, stage == 9], [0.15, 0.0], 0.65)
    older, newer = fit & (year >= 2004) & (year < 2016), fit & (year >= 2018)
    out = {}
    for item, value in zip(("940", "950", "960", "970"), (t, n, m, number)):
        out[item] = np.where(older, value, "")
    for item, value in zip(("880", "890", "900", "910"), (t, n, m, number)):
        out[item] = np.where(older & path, value, "")
    is_ = t == "IS"
    clinical = (np.where(is_, "pTis", "cT" + t), "cN" + n, np.where(m == "1", "cM1", "cM0"), number)
    for item, value in zip(("1001", "1002", "1003", "1004"), clinical):
        out[item] = np.where(newer, value, "")
    pathological = (
        np.where(is_, "pTis", "pT" + t),
        np.where(is_, "cN0", "pN" + n),
        np.where(m == "1", "cM1", "cM0"),
        number,
    )
    for item, value in zip(("1011", "1012", "1013", "1014"), pathological):
        out[item] = np.where(newer & path, value, "")
    return out


def code_metastases(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> dict[str, np.ndarray]:
    """Gives metastases at diagnosis (1112 bone, 1113 brain, 1114 nodes, 1115 liver, 1116 lung, 1117 other) from 2016."""
    group, stage = tumors.group.to_numpy(), tumors.stage.to_numpy()
    names = site_groups().group.to_numpy()[group]
    fit = (site_groups().staging.to_numpy() == "solid")[group] & ~np.isin(names, ("brain", "kaposi"))
    fit &= (tumors.source == 1).to_numpy() & (year >= 2016)
    out = {}
    for item, share in (("1112", 0.35), ("1113", 0.12), ("1114", 0.2), ("1115", 0.35), ("1116", 0.3), ("1117", 0.25)):
        own = (item == "1115") & (names == "liver")
        there = (stage == 7) & ~own & (stream(seed, f"metastases {item}").random(len(group)) < share)
        out[item] = np.where(fit, np.where(stage == 9, "9", np.where(there, "1", "0")), "")
    return out


def code_receptors(seed: int, tumors: pd.DataFrame, year: np.ndarray) -> dict[str, np.ndarray]:
    """Gives estrogen (3827), progesterone (3915) and HER2 (3855) of breast carcinomas from 2018."""
    random = stream(seed, "receptors")
    names = site_groups().group.to_numpy()[tumors.group.to_numpy()]
    fit = (names == "breast") & (tumors.histology.to_numpy().astype(int) <= 8700) & (year >= 2018)
    fit &= (tumors.source == 1).to_numpy()
    size = len(tumors)
    estrogen = random.random(size) < 0.82
    progesterone = np.where(estrogen, random.random(size) < 0.83, random.random(size) < 0.03)
    her2 = random.random(size) < 0.15
    invasive = (tumors.behavior == "3").to_numpy()
    return {
        "3827": np.where(fit, np.where(estrogen, "1", "0"), ""),
        "3915": np.where(fit, np.where(progesterone, "1", "0"), ""),
        "3855": np.where(fit, np.where(invasive, np.where(her2, "1", "0"), "9"), ""),
    }


def code_from(random: np.random.Generator, codes: tuple[str, ...], weights: tuple[float, ...], size: int) -> np.ndarray:
    """Gives codes drawn with the given weights."""
    return np.array(codes, dtype=object)[choose(random, np.array(weights), size)]
