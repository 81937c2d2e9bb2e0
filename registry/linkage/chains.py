"""What follows from pairs that are matches: A is B and B is C, so A is C; unless A and C are relatives.

Records of one person form a chain in which two may share too little to be found by themselves: they follow from the record
between. A record without a given name may lie between twins, though: pairs are therefore joined surest first, and one that
would bring relatives together is left to a person.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from registry.linkage import score
from registry.linkage.compare import pattern_of
from registry.linkage.fields import Persons
from registry.linkage.model import Model
from registry.linkage.score import RULE_NAMES, Frequencies, weigh_pair

APART = sum(1 << RULE_NAMES.index(name) for name in ("suffix", "given-name", "twin", "birth", "sex"))
"""Conflicts that keep two records of one chain apart; numbers and surnames are explained by the record between."""
LARGEST = 200
"""Records that one person may have by chain; beyond, pairs are left to a person."""


class Chains(NamedTuple):
    """`refused` marks pairs that would join relatives; the others are pairs that follow, with the record between.

    `left`, `right`, `through` are places; `weight` is that of the weakest pair between.
    """

    refused: np.ndarray
    left: np.ndarray
    right: np.ndarray
    through: np.ndarray
    weight: np.ndarray


def follow(
    p: Persons, a: np.ndarray, b: np.ndarray, weight: np.ndarray, model: Model, f: Frequencies, left: int
) -> Chains:
    """Gives what follows from matches `a[k]`, `b[k]` of one frame, surest first.

    `left` is how many records belong to the first of two files (0: one file); pairs follow only across two.
    """
    nodes, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    x, y = places[: len(a)].astype(np.int64), places[len(a) :].astype(np.int64)
    refused = np.zeros(len(a), dtype=np.bool_)
    found, between = _follow(
        p.codes,
        p.values,
        p.text,
        nodes.astype(np.int64),
        x,
        y,
        weight,
        model.weights,
        *f,
        left,
        APART,
        LARGEST,
        refused,
    )
    return Chains(refused, found[:, 0], found[:, 1], found[:, 2], between)


@njit(cache=True, nogil=True)
def _root(parent, x: int) -> int:
    while parent[x] != x:
        parent[x] = parent[parent[x]]
        x = parent[x]
    return x


@njit(cache=True, nogil=True)
def _follow(
    pc,
    pv,
    pt,
    nodes,
    x,
    y,
    weight,
    weights,
    given,
    surname,
    other,
    usual,
    household,
    lifted,
    left,
    apart,
    largest,
    refused,
):
    size = len(nodes)
    parent, follower, last, members = np.arange(size), np.full(size, -1), np.arange(size), np.ones(size, np.int64)
    out, between, count = np.empty((1024, 3), np.int64), np.empty(1024, np.float64), 0
    row = np.empty(len(weights), dtype=np.float64)
    for k in range(len(x)):
        one, two = _root(parent, x[k]), _root(parent, y[k])
        if one == two:
            continue
        if members[one] + members[two] > largest:
            refused[k] = True
            continue
        i = one
        while i >= 0 and not refused[k] and members[one] * members[two] > 1:
            j = two
            while j >= 0:
                u, v = nodes[i], nodes[j]
                pattern = pattern_of(pc, pv, pt, u, pc, pv, pt, v)
                bits = weigh_pair(
                    pc, pv, u, pc, pv, v, pattern, weights, given, surname, other, usual, household, lifted, row
                )
                if bits & apart:
                    refused[k] = True
                    break
                j = follower[j]
            i = follower[i]
        if refused[k]:
            continue
        i = one
        while i >= 0:
            j = two
            while j >= 0:
                u, v = min(nodes[i], nodes[j]), max(nodes[i], nodes[j])
                own = (i == x[k] and j == y[k]) or (i == y[k] and j == x[k])
                if not own and (left == 0 or (u < left) != (v < left)):
                    if count == len(out):
                        out = np.concatenate((out, np.empty_like(out)))
                        between = np.concatenate((between, np.empty_like(between)))
                    out[count, 0], out[count, 1] = u, v
                    # the end of the joining pair that is neither of the two
                    out[count, 2] = nodes[y[k]] if i == x[k] or j == x[k] else nodes[x[k]]
                    between[count] = weight[k]
                    count += 1
                j = follower[j]
            i = follower[i]
        follower[last[one]] = two
        last[one] = last[two]
        members[one] += members[two]
        parent[two] = one
    return out[:count], between[:count]


CHAIN = "chain"


def conflict_names(bits: int, refused: bool) -> str:
    """Gives the names of a pair's conflicts, joined by blanks; `chain` where it would bring relatives together."""
    return " ".join([*score.conflict_names(bits), *([CHAIN] if refused else [])])
