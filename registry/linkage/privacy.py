"""Linkage between registries that may not show each other names: keyed tokens and keyed Bloom filters of persons.

    encoded = encode(frame, id="patient", key=key)          # each registry, with one secret key
    link_encoded(encoded, theirs)                           # a third party, without the key

A token is an HMAC of facts in one form (NYSIIS of names, birth date, number, home); equal tokens mean equal facts. A filter
holds the pairs of letters of given name and surname and the places of the birth date's digits, each under several HMAC
positions, so that likeness survives typing errors (Schnell, Bachteler and Reiher 2009, cryptographic long-term keys). It is
hardened: balanced to a constant number of ones (Schnell and Borgs 2016) under a keyed permutation, and folded by XOR when
asked. Missing facts give no token and no letters.

Attacks. Without the key, guessing names is as hard as guessing the key: no dictionary of names can be hashed. What remains
is counting: an encoded file of many persons shows which token or which pattern of bits is frequent, and frequent values of
frequent fields (the commonest surname with the commonest given name) can be guessed from public name lists (Kuzu 2011,
Niedermeyer 2014, Christen 2018: pattern mining needs many records under one key). Against it: record-level filters over
several fields, positions from one HMAC per pair of letters rather than double hashing, balance, folding, a fresh key for
every exchange. Tokens of rare combinations show nothing but that two records agree; no token is of one name alone. Whoever
has the key can test guesses: it stays with the registries, never with the party that links. Encoded files are still personal
data; they are kept no longer than the linkage needs.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.linkage import text
from registry.linkage.fields import choose_columns
from registry.linkage.match import checked_ids

BITS = 1024
LEAST_KEY = 16
"""Bytes of a key at least."""
POSITIONS = {"first": 14, "last": 12, "dob": 14, "sex": 8}
"""HMAC positions of each pair of letters or digit: the given name counts most, as it alone tells twins apart."""
TOKENS = ("number", "names", "surname_birth", "given_birth", "swapped_birth", "home")
LARGEST = 60
"""Records that share a token at most; a token of more says nothing."""
MATCH, MATCH_FOLDED, WITH_NUMBER, REVIEW = 0.95, 0.93, 0.80, 0.80
"""Likeness (Dice) of filters: a match by itself (folding lowers it), a match with the same number, a pair to review.

On 26,951 synthetic records with families and twins: precision 0.9995 at recall 0.972; folded 0.9996 at 0.968. No twins.
"""


def encode(
    frame: pd.DataFrame, *, id: str, key: bytes, mapping: Mapping[str, str] | None = None, fold: bool = False
) -> pd.DataFrame:
    """Gives each record as id, tokens (hex, empty where a fact is missing) and filter (hex); `key` is shared and secret.

    Rows keep their order; `fold` halves the filter by XOR, which hides more and tells less.
    """
    if len(key) < LEAST_KEY:
        raise RegistryError("usage", f"the key has {len(key)} bytes", hint=f"at least {LEAST_KEY}, drawn at random")
    ids = checked_ids(frame, id, "the file")
    chosen = choose_columns([c for c in frame.columns if c != id], mapping)
    value = {
        field: frame[columns].fillna("").astype(str).agg(" ".join, axis=1).str.strip().tolist()
        for field, columns in chosen.items()
    }
    none = [""] * len(frame)
    fields = [value.get(f, none) for f in ("first", "last", "dob", "sex", "ssn", "address", "zip")]
    token, place = _tokens(key), _places(key)
    order = np.random.default_rng(int.from_bytes(_mac(key, "order")[:8])).permutation(2 * BITS)
    rows = []
    for first, last, dob, sex, ssn, address, code in zip(*fields):
        given, surname = text.name_key(first), text.name_key(last)
        born = "".join(f"{part:02d}" for part in text.birth(dob)) if dob else ""
        whole = born if len(born) == 8 and "00" not in (born[4:6], born[6:]) else ""
        root = text.nicknames().get(given, (given,))[0]
        sounds = text.nysiis(root), text.nysiis(surname)
        number = text.social_security(ssn)
        facts = {
            "number": (number if len(number) == 9 else "",),
            "names": (*sounds, born[:4]),
            "surname_birth": (sounds[1], whole),
            "given_birth": (sounds[0], whole),
            "swapped_birth": (*sorted((text.nysiis(given), sounds[1])), "".join(sorted((born[4:6], born[6:])))),
            "home": (text.street(address), text.postal(code), sounds[0]),
        }
        bits = np.zeros(BITS, dtype=bool)
        for field, form in (("first", given), ("last", surname)):
            bits[[p for gram in _grams(form) for p in place(field, gram)]] = True
        bits[[p for k, digit in enumerate(born) for p in place("dob", f"{k}{digit}")]] = True
        if known := text.sex(sex):
            bits[list(place("sex", str(known)))] = True
        rows.append([*(token(name, parts) for name, parts in facts.items()), _hardened(bits, order, fold)])
    out = pd.DataFrame(rows, columns=[*TOKENS, "filter"], dtype=object)
    out.insert(0, "id", ids)
    return out


def link_encoded(left: pd.DataFrame, right: pd.DataFrame | None = None) -> pd.DataFrame:
    """Gives pairs of encoded records: left, right, likeness (Dice of the filters), verdict, tokens that agree.

    Pairs are compared that agree in any token. A pair is a match when its filters are nearly the same, or like and the
    number is the same; what is like enough otherwise is for review, where twins stay. One file is linked with itself.
    """
    one = right is None
    other = left if right is None else right
    for frame in (left, other):
        missing = [c for c in ("id", *TOKENS, "filter") if c not in frame.columns]
        if missing:
            raise RegistryError(
                "usage", f"no encoded file: {', '.join(missing)} missing", hint="write it with --encode"
            )
    mine, theirs = _filters(left), _filters(other)
    if mine.shape[1] != theirs.shape[1]:
        raise RegistryError("usage", "one file is folded and the other is not", hint="encode both alike")
    agree: dict[tuple[int, int], list[str]] = {}
    for name in TOKENS:
        places: dict[str, list[int]] = {}
        for row, token in enumerate(other[name].fillna("").tolist()):
            if token:
                places.setdefault(token, []).append(row)
        for row, token in enumerate(left[name].fillna("").tolist()):
            found = places.get(token, ()) if token else ()
            for partner in found if len(found) <= LARGEST else ():
                if not one or row < partner:
                    agree.setdefault((row, partner), []).append(name)
    columns = ["left", "right", "likeness", "verdict", "tokens"]
    if not agree:
        return pd.DataFrame(columns=columns)
    a, b = np.array(list(agree), dtype=np.int64).T
    ones = np.array([bin(n).count("1") for n in range(256)], dtype=np.uint16)
    x, y = mine[a], theirs[b]
    both = ones[x & y].sum(axis=1)
    likeness = 2.0 * both / np.maximum(ones[x].sum(axis=1) + ones[y].sum(axis=1), 1)
    number = np.array(["number" in names for names in agree.values()])
    least = MATCH_FOLDED if mine.shape[1] * 8 == BITS else MATCH
    sure = (likeness >= least) | (number & (likeness >= WITH_NUMBER))
    kept = np.flatnonzero(sure | (likeness >= REVIEW) | number)
    kept = kept[np.lexsort((b[kept], a[kept], -likeness[kept]))]
    tokens = list(agree.values())
    return pd.DataFrame(
        {
            "left": left["id"].to_numpy()[a[kept]],
            "right": other["id"].to_numpy()[b[kept]],
            "likeness": likeness[kept].round(4),
            "verdict": np.where(sure[kept], "match", "review"),
            "tokens": [" ".join(tokens[k]) for k in kept],
        },
        columns=columns,
    )


def _mac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()


def _tokens(key: bytes) -> Callable[[str, tuple[str, ...]], str]:
    secrets = {name: _mac(key, f"token {name}") for name in TOKENS}

    def token(name: str, parts: tuple[str, ...]) -> str:
        return _mac(secrets[name], "\x1f".join(parts)).hex()[:32] if all(parts) else ""

    return token


def _places(key: bytes) -> Callable[[str, str], tuple[int, ...]]:
    @lru_cache(maxsize=100_000)
    def place(field: str, gram: str) -> tuple[int, ...]:
        digest = hmac.new(key, f"bits {field} {gram}".encode(), hashlib.sha256).digest()
        return tuple(int.from_bytes(digest[2 * k : 2 * k + 2]) % BITS for k in range(POSITIONS[field]))

    return place


def _grams(name: str) -> set[str]:
    padded = f"_{name}_"
    return {padded[k : k + 2] for k in range(len(padded) - 1)} if name else set()


def _hardened(bits: np.ndarray, order: np.ndarray, fold: bool) -> str:
    """Gives a filter with its complement behind it, in the key's order; folded, one half is laid over the other."""
    balanced = np.concatenate([bits, ~bits])[order]
    return np.packbits(balanced[:BITS] ^ balanced[BITS:] if fold else balanced).tobytes().hex()


def _filters(frame: pd.DataFrame) -> np.ndarray:
    try:
        return np.array([list(bytes.fromhex(f)) for f in frame["filter"]], dtype=np.uint8).reshape(len(frame), -1)
    except (TypeError, ValueError) as error:
        raise RegistryError("usage", f"a filter is no text of hexadecimal digits: {error}") from error
