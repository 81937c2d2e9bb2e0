"""How names, streets and numbers are brought to one form before they are compared, and their phonetic codes.

NYSIIS follows Taft (1970), Name Search Techniques, New York State Identification and Intelligence System; Soundex follows
Russell's patents of 1918 and 1922 in the form of the National Archives.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

SUFFIXES = {
    **dict.fromkeys(("SR", "SENIOR", "I"), 1),
    **dict.fromkeys(("JR", "JUNIOR", "II", "2ND"), 2),
    **dict.fromkeys(("III", "3RD"), 3),
    **dict.fromkeys(("IV", "4TH"), 4),
    **dict.fromkeys(("V", "5TH"), 5),
}
"""Generation by suffix: what follows a name to tell a father from a son. Junior and II are one generation, Sr and I too."""

TITLES = frozenset("MR MRS MS MISS DR REV PROF MD PHD ESQ DDS RN".split())
NO_NAME = frozenset(
    "UNKNOWN UNK UNKN NONE NA NFN NLN NMN NOTGIVEN NONAME BABY BABYBOY BABYGIRL INFANT BOY GIRL".split()
    + "MALE FEMALE TEST X XX XXX".split()
)
"""What stands where a name is not known: it is missing, never a name that agrees with itself."""

STREET_WORDS = {
    "STREET": "ST", "STR": "ST", "AVENUE": "AVE", "AV": "AVE", "ROAD": "RD", "DRIVE": "DR", "LANE": "LN", "COURT": "CT",
    "BOULEVARD": "BLVD", "TERRACE": "TER", "PLACE": "PL", "CIRCLE": "CIR", "CIRCUIT": "CIR", "CRESCENT": "CRES",
    "HIGHWAY": "HWY", "PARKWAY": "PKWY", "SQUARE": "SQ", "TRAIL": "TRL", "NORTH": "N", "SOUTH": "S", "EAST": "E", "WEST": "W",
    "APARTMENT": "APT", "UNIT": "APT", "SUITE": "APT", "STE": "APT", "MOUNT": "MT", "SAINT": "ST", "FORT": "FT",
}  # fmt: skip
NO_ADDRESS = frozenset("UNKNOWN UNK NONE HOMELESS NA".split())
_SPACES = re.compile(r"[\s\-/,]+")
_LETTERS = re.compile(r"[\W\d_]+")
_DIGITS = re.compile(r"\D+")
_WORDS = re.compile(r"[^\w]+")


def fold(text: str) -> str:
    """Gives a text in capitals without accents; letters that have no plain form stay."""
    if text.isascii():
        return text.upper()
    plain = text.replace("ß", "ss").replace("ø", "o").replace("Ø", "O").replace("ł", "l").replace("Ł", "L")
    plain = plain.replace("æ", "ae").replace("Æ", "AE").replace("đ", "d").replace("Đ", "D")
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c)).upper()


def name_words(text: str) -> list[str]:
    """Gives the words of a name without titles, points and apostrophes; nothing where it is no name."""
    words = [_LETTERS.sub("", w) for w in _SPACES.split(fold(text))]
    words = [w for w in words if w and w not in TITLES]
    return [] if "".join(words) in NO_NAME else words


def name_key(text: str) -> str:
    """Gives a name's letters joined: `O'Brien-Smith` is `OBRIENSMITH`."""
    return "".join(name_words(text))


def surname(text: str) -> tuple[str, str, str, int]:
    """Gives a surname joined, its first and last part where it is double, and the generation written behind it (0 none)."""
    bare = fold(text).replace(".", "")
    words = [w for w in _SPACES.split(bare) if w]
    generation = SUFFIXES.get(words[-1], 0) if len(words) > 1 else 0
    words = name_words(" ".join(words[:-1]) if generation else text)
    joined = "".join(words)
    parts = [w for w in words if len(w) > 2]
    if len(parts) < 2:
        return joined, "", "", generation
    return joined, parts[0], parts[-1], generation


def suffix(text: str) -> int:
    """Gives the generation (1 the elder, 2 the younger, …) that a suffix tells, 0 where it tells none."""
    return SUFFIXES.get(_WORDS.sub("", fold(text)), 0)


def street(text: str) -> str:
    """Gives an address in one form: capitals, the usual short words, no punctuation."""
    words = [STREET_WORDS.get(w, w) for w in _WORDS.sub(" ", fold(text)).split()]
    joined = " ".join(words)
    return "" if joined in NO_ADDRESS else joined


def street_sound(address: str) -> str:
    """Gives how the beginning of a street's name sounds, for an address in one form; its number says nothing."""
    letters = _LETTERS.sub("", address)
    return nysiis(letters[:6])


def digits(text: str) -> str:
    """Gives a text's digits."""
    return text if text.isdigit() else _DIGITS.sub("", text)


def social_security(text: str) -> str:
    """Gives the digits of a social security number; fillers (one digit repeated, 123456789, all unknown) are missing."""
    number = digits(text)
    if len(number) < 4 or len(set(number)) == 1 or number in ("123456789", "987654321"):
        return ""
    if len(number) == 9 and (number[:5] in ("00000", "99999") and number[5:] != "0000"):
        return number[5:]  # the last four alone, filled up
    return number


def postal(text: str) -> str:
    """Gives a postal code: the first five digits of a US code, the whole of any other; fillers are missing."""
    code = _WORDS.sub("", fold(text))
    if code.isdigit():
        code = code[:5]
        if len(set(code)) == 1 and code[0] in "089":
            return ""
    return code


def phone(text: str) -> str:
    """Gives the last ten digits of a telephone number; fillers are missing."""
    number = digits(text)[-10:]
    return "" if len(number) < 6 or len(set(number)) == 1 else number


def number_key(text: str) -> str:
    """Gives a record number in one form; fillers are missing."""
    key = _WORDS.sub("", fold(text)).lstrip("0")
    return "" if set(key) in (set(), {"9"}, {"8"}) or key in ("UNK", "UNKNOWN", "NONE") else key


def birth(text: str) -> tuple[int, int, int]:
    """Gives year, month and day of a date of birth as written (YYYYMMDD with unknown parts, dashes allowed); 0 is unknown."""
    plain = text.strip().replace("-", "").replace("/", "").replace(".0", "")
    year = int(plain[:4]) if plain[:4].isdigit() and len(plain) >= 4 else 0
    month = int(plain[4:6]) if len(plain) >= 6 and plain[4:6].isdigit() else 0
    day = int(plain[6:8]) if len(plain) >= 8 and plain[6:8].isdigit() else 0
    if year in (9999, 8888):
        year = 0
    return year, 0 if month in (88, 99) else month, 0 if day in (88, 99) else day


SEXES = {"1": 1, "M": 1, "MALE": 1, "2": 2, "F": 2, "FEMALE": 2}


def sex(text: str) -> int:
    """Gives 1 male, 2 female, 0 for any other answer: it neither agrees nor disagrees."""
    return SEXES.get(text.strip().upper(), 0)


def soundex(name: str) -> str:
    """Gives the Soundex code of a name in capitals: a letter and three digits."""
    groups = {c: d for d, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1) for c in letters}
    if not name:
        return ""
    code, last = name[0], groups.get(name[0])
    for letter in name[1:]:
        digit = groups.get(letter)
        if digit and digit != last:
            code += str(digit)
        if letter not in "HW":  # H and W do not part two letters of one group
            last = digit
    return (code + "000")[:4]


_NYSIIS_STARTS = (("MAC", "MCC"), ("KN", "NN"), ("K", "C"), ("PH", "FF"), ("PF", "FF"), ("SCH", "SSS"))
_NYSIIS_ENDS = (("EE", "Y"), ("IE", "Y"), ("DT", "D"), ("RT", "D"), ("RD", "D"), ("NT", "D"), ("ND", "D"))
_VOWELS = frozenset("AEIOU")


def nysiis(name: str) -> str:
    """Gives the NYSIIS code of a name in capitals."""
    if not name:
        return ""
    for old, new in _NYSIIS_STARTS:
        if name.startswith(old):
            name = new + name[len(old) :]
            break
    for old, new in _NYSIIS_ENDS:
        if name.endswith(old):
            name = name[: -len(old)] + new
            break
    key, i, size = name[0], 1, len(name)
    letters = list(name)
    while i < size:
        here, rest = letters[i], "".join(letters[i : i + 3])
        if rest.startswith("EV"):
            letters[i : i + 2] = ["A", "F"]
        elif here in _VOWELS:
            letters[i] = "A"
        elif here in "QZM":
            letters[i] = {"Q": "G", "Z": "S", "M": "N"}[here]
        elif rest.startswith("KN"):
            letters[i] = "N"
        elif here == "K":
            letters[i] = "C"
        elif rest == "SCH":
            letters[i : i + 3] = ["S", "S", "S"]
        elif rest.startswith("PH"):
            letters[i : i + 2] = ["F", "F"]
        elif here == "H" and (letters[i - 1] not in _VOWELS or (i + 1 < size and letters[i + 1] not in _VOWELS)):
            letters[i] = letters[i - 1]
        elif here == "W" and letters[i - 1] in _VOWELS:
            letters[i] = "A"
        if letters[i] != key[-1]:
            key += letters[i]
        i += 1
    if len(key) > 1 and key[-1] == "S":
        key = key[:-1]
    if key.endswith("AY"):
        key = key[:-2] + "Y"
    return key[:-1] if len(key) > 1 and key[-1] == "A" else key


@lru_cache(maxsize=1)
def nicknames() -> dict[str, tuple[str, ...]]:
    """Gives the formal names that each given name may stand for, itself included (`data/nicknames.csv`)."""
    found: dict[str, list[str]] = {}
    with files("registry.linkage").joinpath("data/nicknames.csv").open(encoding="utf-8") as handle:
        for row in csv.reader(line for line in handle if not line.startswith("#")):
            formal, *shorts = (cell.strip() for cell in row)
            for name in (formal, *shorts):
                found.setdefault(name, []).append(formal)
    return {name: tuple(dict.fromkeys(roots)) for name, roots in found.items()}
