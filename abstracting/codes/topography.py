"""Primary site: the 330 topography codes of ICD-O-3 and the groups that their first three characters name."""

from __future__ import annotations

import re
from functools import cache

from abstracting.codes.sources import read_codes
from abstracting.codes.system import CodeSystem, plain

CODES: dict[str, str] = {row["code"]: row["label"] for row in read_codes("topography.csv")}

# three characters that have one code only carry its name
GROUPS: dict[str, str] = {
    "C00": "Lip",
    "C02": "Tongue, other parts",
    "C03": "Gum",
    "C04": "Floor of mouth",
    "C05": "Palate",
    "C06": "Mouth, other parts",
    "C08": "Major salivary glands, other",
    "C09": "Tonsil",
    "C10": "Oropharynx",
    "C11": "Nasopharynx",
    "C13": "Hypopharynx",
    "C14": "Lip, oral cavity and pharynx, other",
    "C15": "Esophagus",
    "C16": "Stomach",
    "C17": "Small intestine",
    "C18": "Colon",
    "C21": "Anus and anal canal",
    "C22": "Liver and intrahepatic bile ducts",
    "C24": "Biliary tract, other parts",
    "C25": "Pancreas",
    "C26": "Digestive organs, other",
    "C30": "Nasal cavity and middle ear",
    "C31": "Accessory sinuses",
    "C32": "Larynx",
    "C34": "Bronchus and lung",
    "C38": "Heart, mediastinum and pleura",
    "C39": "Respiratory system, ill-defined",
    "C40": "Bones and joints of limbs",
    "C41": "Bones and joints, other",
    "C42": "Blood and bone marrow, spleen",
    "C44": "Skin",
    "C47": "Peripheral and autonomic nerves",
    "C48": "Retroperitoneum and peritoneum",
    "C49": "Soft tissue",
    "C50": "Breast",
    "C51": "Vulva",
    "C53": "Cervix uteri",
    "C54": "Corpus uteri",
    "C57": "Female genital organs, other",
    "C60": "Penis",
    "C62": "Testis",
    "C63": "Male genital organs, other",
    "C67": "Bladder",
    "C68": "Urinary organs, other",
    "C69": "Eye and adnexa",
    "C70": "Meninges",
    "C71": "Brain",
    "C72": "Spinal cord and cranial nerves",
    "C74": "Adrenal gland",
    "C75": "Endocrine glands, other",
    "C76": "Ill-defined sites",
    "C77": "Lymph nodes",
}

_SHAPE = re.compile(r"C?(\d{3})\Z")


def normalise(text: str) -> str:
    """Gives `C509` for `C50.9`, `c509` and `509`; what has another shape comes back without its signs."""
    bare = plain(text)
    match = _SHAPE.match(bare)
    return f"C{match[1]}" if match else bare


_WORDS = {
    "gej": "esophagogastric junction",
    "uoq": "upper outer",
    "uiq": "upper inner",
    "loq": "lower outer",
    "liq": "lower inner",
    "rul": "upper lobe",
    "lul": "upper lobe",
    "rml": "middle lobe",
    "rll": "lower lobe",
    "lll": "lower lobe",
    "cup": "unknown primary",
    "kidney": "kidney",
    "ge": "gastric",
    "marrow": "marrow",
    "ovarian": "ovary",
    "prostatic": "prostate",
    "cervical": "cervix",
    "rectal": "rectum",
    "gastric": "stomach",
    "pancreatic": "pancreas",
    "pulmonary": "lung",
    "renal": "kidney",
    "hepatic": "liver",
}


@cache
def topography() -> CodeSystem:
    """Gives the code system of primary sites."""
    return CodeSystem("topography", "primary site", CODES, "C and three digits, as C509", normalise, _WORDS)


def group_of(code: str) -> str:
    """Gives the three characters of a site that name its organ."""
    return code[:3]


def group_label(code: str) -> str:
    """Gives the name of a site's organ, empty for what is no site."""
    three = code[:3]
    if three in GROUPS:
        return GROUPS[three]
    return next((label for site, label in CODES.items() if site.startswith(three) and len(three) == 3), "")
