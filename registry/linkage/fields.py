"""A frame of persons made ready for comparison: each field as numbers, each distinct text once with its forms.

Text work is done once per distinct value, never per record or per pair; pairs are then compared by compiled kernels over
the arrays of `Persons`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.linkage import text

FIELDS = ("first", "middle", "last", "suffix", "maiden", "sex", "dob", "ssn", "address", "city", "zip", "phone", "mrn")
ALIASES: dict[str, str] = {
    "firstname": "first", "givenname": "first", "given": "first", "namefirst": "first", "forename": "first",
    "middlename": "middle", "namemiddle": "middle", "secondname": "middle",
    "lastname": "last", "surname": "last", "namelast": "last", "familyname": "last",
    "namesuffix": "suffix", "maidenname": "maiden", "namemaiden": "maiden", "namebirthsurname": "maiden",
    "birthsurname": "maiden",
    "gender": "sex", "dateofbirth": "dob", "birthdate": "dob", "birthday": "dob",
    "socialsecuritynumber": "ssn", "socsecid": "ssn", "street": "address", "addrcurrentnostreet": "address",
    "suburb": "city", "town": "city", "addrcurrentcity": "city", "postcode": "zip", "postalcode": "zip", "zipcode": "zip",
    "addrcurrentpostalcode": "zip", "telephone": "phone", "phonenumber": "phone", "medicalrecordnumber": "mrn",
}  # fmt: skip
"""Field by other names that a column may carry, written without spaces, points and underscores."""

LONGEST = 40
"""Letters of a value that are compared; the rest still counts for being the same."""

Persons = namedtuple("Persons", "codes values text")
"""Records ready for kernels, and the distinct values of all their fields, each kind behind the other, names first.

`codes` (records, columns): the place of each value (-1 missing), or the number itself (suffix, sex, parts of the date; 0
unknown). `values`: a record of `VALUE` per distinct value. `text`: the letters of all values as bytes.
"""

VALUE = np.dtype(
    [
        ("hash", np.uint64),  # of the whole value
        ("start", np.int64),  # of its letters in `text`
        ("length", np.int32),
        ("letters", np.uint32),  # which occur, as bits
        ("phonetic", np.uint64),  # hash of a name's NYSIIS code, of an address that of its street
        *((f"root{k}", np.uint64) for k in range(4)),  # of a name: hashes of the formal names that it may stand for
    ],
    align=True,
)

COLUMNS = tuple(
    "first first_one middle last last_a last_b maiden suffix sex year month day dob ssn address city zip phone mrn".split()
)
(
    FIRST_CODE,
    FIRST_ONE_CODE,
    MIDDLE_CODE,
    LAST_CODE,
    LAST_A_CODE,
    LAST_B_CODE,
    MAIDEN_CODE,
    SUFFIX_CODE,
    SEX_CODE,
    YEAR_CODE,
    MONTH_CODE,
    DAY_CODE,
    DOB_CODE,
    SSN_CODE,
    ADDRESS_CODE,
    CITY_CODE,
    ZIP_CODE,
    PHONE_CODE,
    MRN_CODE,
) = range(len(COLUMNS))

PLACES = [k for k, name in enumerate(COLUMNS) if name not in ("suffix", "sex", "year", "month", "day")]
"""Columns whose code is the place of a value."""


def field_of(column: str) -> str | None:
    """Gives the field that a column's name means, None where it is none."""
    plain = "".join(c for c in column.casefold() if c.isalnum())
    return plain if plain in FIELDS else ALIASES.get(plain)


def choose_columns(columns: list[str], mapping: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """Gives the columns of each field: named ones by `mapping` (column to field), others by their names.

    Several columns of one field are joined with a blank. Unknown fields and columns are errors.
    """
    mapping = dict(mapping or {})
    unknown = [f"{c}={f}" for c, f in mapping.items() if f not in FIELDS]
    if unknown:
        raise RegistryError(
            "usage", f"no field of this name: {', '.join(unknown)}", hint=f"fields: {', '.join(FIELDS)}"
        )
    absent = [c for c in mapping if c not in columns]
    if absent:
        raise RegistryError(
            "usage", f"no column of this name: {', '.join(absent)}", hint=f"columns: {', '.join(columns)}"
        )
    taken: dict[str, list[str]] = {}
    for column in columns:
        if column in mapping:
            taken.setdefault(mapping[column], []).append(column)
    named = set(taken)
    for column in columns:
        field = field_of(column)
        if column not in mapping and field is not None and field not in named:
            taken.setdefault(field, [])
            if not taken[field]:
                taken[field].append(column)
    return taken


@dataclass(frozen=True)
class _Column:
    """One field before it is joined to its table: code per record into `values`."""

    codes: np.ndarray
    values: list[str]


def _column(frame: pd.DataFrame, columns: list[str]) -> _Column:
    if not columns:
        return _Column(np.full(len(frame), -1, dtype=np.int32), [])
    series = frame[columns[0]]
    if len(columns) > 1:
        series = frame[columns].fillna("").astype(str).agg(" ".join, axis=1).str.strip()
    codes, values = pd.factorize(series, use_na_sentinel=True)
    return _Column(codes.astype(np.int32), ["" if v is None else str(v).strip() for v in values])


def _mapped(column: _Column, function: Callable[[str], int]) -> np.ndarray:
    table = np.array([*(function(v) for v in column.values), 0], dtype=np.int32)
    return table[column.codes]


class _Values:
    """The distinct values of all fields, kind after kind; texts are let go as soon as their arrays are made."""

    def __init__(self) -> None:
        self.size = 0
        self.pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, kind: _Kind) -> int:
        """Takes a kind's values and gives the place of its first one."""
        values = list(kind.index)
        shown = [v[:LONGEST] if v.isascii() else "".join(_byte(c) for c in v[:LONGEST]) for v in values]
        text = np.frombuffer("".join(shown).encode("latin-1"), dtype=np.uint8)
        self.pieces.append((hash_texts(values), text, np.array([len(v) for v in shown], dtype=np.int64)))
        base, self.size = self.size, self.size + len(values)
        return base

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        hashed, text, lengths = (np.concatenate(part) for part in zip(*self.pieces))
        values = np.zeros(len(hashed), dtype=VALUE)
        values["hash"], values["length"] = hashed, lengths
        values["start"][1:] = np.cumsum(lengths)[:-1]
        occurs = np.zeros(len(hashed), dtype=np.uint32)
        letters = np.uint32(1) << (text % 32).astype(np.uint32)
        np.bitwise_or.at(occurs, np.repeat(np.arange(len(hashed)), lengths), letters)
        values["letters"] = occurs
        return values, text


class _Kind:
    """The distinct values of one kind, filled from one field or several."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}

    def codes(self, column: _Column, forms: list[str]) -> np.ndarray:
        """Gives the record's code of each form, -1 where the form is empty."""
        index = self.index
        own = [index.setdefault(f, len(index)) if f else -1 for f in forms]
        return np.array([*own, -1], dtype=np.int32)[column.codes]


def _name_forms(names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Gives the phonetic hash and the hashes of up to four formal names of each name."""
    roots, known = np.zeros((len(names), 4), dtype=np.uint64), text.nicknames()
    found = [(i, known[v]) for i, v in enumerate(names) if v in known]
    formal = sorted({name for _, of in found for name in of})
    hashes = dict(zip(formal, hash_texts(formal)))
    for i, of in found:
        for k, name in enumerate(of[:4]):
            roots[i, k] = hashes[name]
    return hash_texts([text.nysiis(v) for v in names]), roots


def _byte(letter: str) -> str:
    """A letter of any script as one byte: kernels compare bytes, and two letters of one script rarely share one."""
    return letter if ord(letter) < 128 else chr(128 + ord(letter) % 128)


def hash_texts(values: list[str]) -> np.ndarray:
    """Gives a stable 64-bit hash of each text, never 0."""
    if not values:
        return np.zeros(0, dtype=np.uint64)
    return pd.util.hash_array(np.array(values, dtype=object), categorize=False) | np.uint64(1)


def prepare(frame: pd.DataFrame, columns: Mapping[str, list[str]] | None = None) -> Persons:
    """Gives the records of a frame ready for comparison.

    `columns` names the frame's columns of each field (`choose_columns`); values are text, missing ones empty or NA.
    """
    chosen = dict(columns) if columns is not None else choose_columns(list(frame.columns))

    def column(field: str) -> _Column:
        return _column(frame, chosen.get(field, []))

    codes = np.full((len(frame), len(COLUMNS)), -1, dtype=np.int32)
    values = _Values()
    names = _Kind()
    given = column("first")
    words = [text.name_words(v) for v in given.values]
    codes[:, FIRST_CODE] = names.codes(given, ["".join(w) for w in words])
    codes[:, FIRST_ONE_CODE] = names.codes(given, [w[0] if len(w) > 1 else "" for w in words])
    behind = names.codes(given, ["".join(w[1:]) for w in words])
    for field, place in (("middle", MIDDLE_CODE), ("maiden", MAIDEN_CODE)):
        one = column(field)
        codes[:, place] = names.codes(one, [text.name_key(v) for v in one.values])
    codes[:, MIDDLE_CODE] = np.where(codes[:, MIDDLE_CODE] < 0, behind, codes[:, MIDDLE_CODE])
    last = column("last")
    parts = [text.surname(v) for v in last.values]
    for k, place in enumerate((LAST_CODE, LAST_A_CODE, LAST_B_CODE)):
        codes[:, place] = names.codes(last, [p[k] for p in parts])
    written, told = (
        np.array([*(p[3] for p in parts), 0], dtype=np.int32)[last.codes],
        _mapped(column("suffix"), text.suffix),
    )
    codes[:, SUFFIX_CODE] = np.where(told == 0, written, told)
    codes[:, SEX_CODE] = _mapped(column("sex"), text.sex)
    values.add(names)
    phonetic, roots = _name_forms(list(names.index))
    del names, words, parts
    births = column("dob")
    parsed = [text.birth(v) for v in births.values]
    for k, place in enumerate((YEAR_CODE, MONTH_CODE, DAY_CODE)):
        codes[:, place] = np.array([*(b[k] for b in parsed), 0], dtype=np.int32)[births.codes]
    dates = _Kind()
    found = dates.codes(births, [f"{y:04d}{m:02d}{d:02d}" if y or m or d else "" for y, m, d in parsed])
    codes[:, DOB_CODE] = _behind(found, values.add(dates))
    for field, place, form in (
        ("ssn", SSN_CODE, text.social_security), ("address", ADDRESS_CODE, text.street), ("city", CITY_CODE, text.name_key),
        ("zip", ZIP_CODE, text.postal), ("phone", PHONE_CODE, text.phone), ("mrn", MRN_CODE, text.number_key),
    ):  # fmt: skip
        one, kind = column(field), _Kind()
        found = kind.codes(one, [form(v) for v in one.values])
        if field == "address":
            streets = [text.street_sound(v) for v in kind.index]
        codes[:, place] = _behind(found, values.add(kind))
        if field == "address":
            first_street = values.size - len(streets)
    table, letters = values.arrays()
    table["phonetic"][: len(phonetic)] = phonetic
    table["phonetic"][first_street : first_street + len(streets)] = hash_texts(streets)
    for k in range(4):
        table[f"root{k}"][: len(roots)] = roots[:, k]
    return Persons(codes, table, letters)


def prepare_records(records: Sequence[Mapping[str, str | None]]) -> Persons:
    """Gives records written as `{field: text}` ready for comparison; keys that are no field are errors."""
    unknown = sorted({key for record in records for key in record} - set(FIELDS))
    if unknown:
        raise RegistryError(
            "usage", f"no field of this name: {', '.join(unknown)}", hint=f"fields: {', '.join(FIELDS)}"
        )
    # pandas tells texts apart only up to a zero byte
    rows = [{f: "" if r.get(f) is None else str(r[f]).replace("\0", "") for f in FIELDS} for r in records]
    return prepare(pd.DataFrame(rows, columns=list(FIELDS), dtype=object))


def joined(parts: Sequence[tuple[Persons, np.ndarray]]) -> Persons:
    """Gives the records of several, those marked true, as one; values that no record has any more are let go."""
    codes, values, texts, base, letters = [], [], [], 0, 0
    for people, kept in parts:
        own = people.codes[kept]
        own[:, PLACES] = np.where(own[:, PLACES] >= 0, own[:, PLACES] + base, -1)
        table = people.values.copy()
        table["start"] += letters
        codes.append(own), values.append(table), texts.append(people.text)
        base, letters = base + len(table), letters + len(people.text)
    if not codes:
        return prepare_records([])
    own, table, text_ = np.concatenate(codes), np.concatenate(values), np.concatenate(texts)
    used = np.unique(own[:, PLACES])
    used = used[used >= 0]
    own[:, PLACES] = np.where(own[:, PLACES] >= 0, np.searchsorted(used, own[:, PLACES]), -1)
    table = table[used]
    lengths = table["length"].astype(np.int64)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    text_ = text_[np.repeat(table["start"] - begins, lengths) + np.arange(int(lengths.sum()))]
    table["start"] = begins
    return Persons(own, table, text_)


def _behind(codes: np.ndarray, base: int) -> np.ndarray:
    return np.where(codes >= 0, codes + base, -1)
