"""Invented names: built from syllables, never taken from a list of people.

The inventories are the same for every seed (a name is a constant of the project); how often each occurs follows a
Zipf-Mandelbrot law, so that linkage meets common and rare names as in life: 40,000 surnames, 1,200 given names per sex
whose fashion drifts with the year of birth.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from registry.synthetic.streams import choose, stream

SURNAMES, GIVEN, TOWNS, STREETS = 40_000, 1_200, 3_000, 2_500
_ONSETS = "b br c ch cl d dr f fl g gl gr h j k kr l m n p pl pr qu r s sh sk sl st t th tr v w z".split()
_VOWELS = "a e i o u ae ai ea ei ia ie oa ou".split()
_CODAS = ["", "", "", "l", "m", "n", "r", "s", "t", "d", "k", "nd", "rk", "lt", "st", "ng", "rn", "x"]
_SURNAME_ENDS = """
    berk dahl dorn fell gast grove hart holm kamp lund mire moor nock ombe quist rand shaw stead tarn vale wick wold zell
""".split()
_LATIN_ENDS = "arra enda ibar olaz umera andez oqui uelo iste arba".split()
_MALE_ENDS = "bert dan dor fred gar kas lan mund nik rek ron rus tan ton vin wald zor bram".split()
_FEMALE_ENDS = "bella dora elle essa etta ia ilda ine issa la lia lyn na nora ora ria sena yra".split()
_TOWN_ENDS = ["ville", "ton", "port", " Springs", " Beach", " Park", " Key", "field", " Harbor", "mont"]
STREET_TYPES = np.array(["St", "Ave", "Rd", "Dr", "Ln", "Ct", "Blvd", "Way", "Ter", "Pl"], dtype=object)


def _stems(random: np.random.Generator, size: int, syllables: int) -> list[str]:
    parts = []
    for i in range(syllables):
        onset = random.choice(_ONSETS, size) if i == 0 or syllables > 1 else np.full(size, "")
        vowel = random.choice(_VOWELS[:5] if i else _VOWELS, size)
        coda = random.choice(_CODAS if i == syllables - 1 else _CODAS[:9], size)
        parts.append([a + b + c for a, b, c in zip(onset, vowel, coda)])
    return ["".join(p) for p in zip(*parts)]


def _distinct(stage: str, size: int, ends: list[str], syllables: tuple[int, ...]) -> np.ndarray:
    random = stream(0, f"names/{stage}")
    out: dict[str, None] = {}
    while len(out) < size:
        for count in syllables:
            for stem, end in zip(_stems(random, size, count), random.choice(ends, size)):
                name = (stem + end).capitalize() if not end.startswith(" ") else stem.capitalize() + end
                if 4 <= len(name) <= 18:
                    out.setdefault(name)
    return stream(0, f"order/{stage}").permutation(np.array(list(out), dtype=object)[:size])


@lru_cache(maxsize=1)
def surnames() -> np.ndarray:
    """Gives 40,000 invented surnames, the most frequent first."""
    plain = _distinct("surname", SURNAMES - 8_000, [*_SURNAME_ENDS, "", "", "", "er", "ov", "ell"], (1, 2))
    latin = _distinct("latin surname", 8_000, _LATIN_ENDS, (1, 2))
    both = np.array(list(dict.fromkeys([*plain, *latin])), dtype=object)
    return stream(0, "order/all surnames").permutation(both)


@lru_cache(maxsize=2)
def given_names(sex: int) -> np.ndarray:
    """Gives 1,200 invented given names of a sex (0 male, 1 female); no name is in both lists."""
    return _distinct(f"given {sex}", GIVEN, _FEMALE_ENDS if sex else _MALE_ENDS, (1,))


@lru_cache(maxsize=1)
def towns() -> np.ndarray:
    return _distinct("town", TOWNS, _TOWN_ENDS, (1, 2))


@lru_cache(maxsize=1)
def streets() -> np.ndarray:
    return _distinct("street", STREETS, ["", "wood", "brook", "hill", "mead"], (1, 2))


def _law(size: int, offset: float, power: float) -> np.ndarray:
    return (np.arange(size) + offset) ** -power


def draw_surnames(random: np.random.Generator, size: int) -> np.ndarray:
    """Gives surnames with life-like frequencies (the most frequent about 1 in 130)."""
    names = surnames()
    return names[choose(random, _law(len(names), 12.0, 0.95), size)]


def draw_given(random: np.random.Generator, sex: np.ndarray, birth_year: np.ndarray) -> np.ndarray:
    """Gives given names by sex; the list of favourites moves on every 15 years."""
    rank = choose(random, _law(GIVEN, 6.0, 1.0), len(sex))
    index = (rank + 45 * ((birth_year - 1900) // 15)) % GIVEN
    return np.where(sex == 1, given_names(1)[index], given_names(0)[index])


@lru_cache(maxsize=4096)
def nickname(name: str) -> str:
    """Gives the short form of a given name: its first three letters with -y or -ie."""
    return name[:3] + ("ie" if len(name) % 2 else "y")
