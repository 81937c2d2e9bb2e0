"""Conditions of rules as data: texts such as `one_each(polyp, 8140)` in lists, read once into small trees.

    "not same_site(3)"                  a predicate with arguments, modifiers before it
    ["a", "b"]                          all of them
    ["a", ["b", ["c", "d"]]]            a and (b or (c and d)): lists alternate between all and any

    "not $name"                         a condition that the group gives a name to

Modifiers, the one nearest the predicate first: `not`; `surely` (unknown counts as no); `possibly` (unknown counts as yes);
`unknown` (the answer is not known). Logic is three-valued: all of true and unknown is unknown, with one false it is false.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from abstracting.primaries.codes import code_set, tables
from abstracting.primaries.predicates import PREDICATES, Predicate, Truth
from abstracting.primaries.tumors import Tumor
from abstracting.values import negate

_TEXT = re.compile(
    r"(?P<modifiers>(?:(?:not|surely|possibly|unknown) )*)(?P<name>\$?\w+)(?:\((?P<arguments>[^()]*)\))?"
)

MODIFIERS: dict[str, Callable[[Truth], Truth]] = {
    "not": negate,
    "surely": lambda truth: truth is True,
    "possibly": lambda truth: truth is not False,
    "unknown": lambda truth: truth is None,
}

_ARGUMENTS: dict[str, Callable[[str], Any]] = {
    "codes": code_set,
    "table": lambda text: tables()[text],
    "number": int,
    "word": str,
    "organs": lambda text: tuple(code_set(part.strip()) for part in text.split(";")),
}


@dataclass(frozen=True, slots=True)
class Test:
    """One predicate with its arguments and modifiers."""

    text: str
    predicate: Predicate
    arguments: tuple[Any, ...]
    modifiers: tuple[Callable[[Truth], Truth], ...]

    def truth(self, a: Tumor, b: Tumor) -> Truth:
        answer = self.predicate.test(a, b, *self.arguments)
        for modify in self.modifiers:
            answer = modify(answer)
        return answer

    def tests(self) -> tuple[Test, ...]:
        return (self,)


@dataclass(frozen=True, slots=True)
class All:
    """Every one of several conditions; without any it holds."""

    parts: tuple[Condition, ...]

    def truth(self, a: Tumor, b: Tumor) -> Truth:
        answer: Truth = True
        for part in self.parts:
            found = part.truth(a, b)
            if found is False:
                return False
            if found is None:
                answer = None
        return answer

    def tests(self) -> tuple[Test, ...]:
        return tuple(test for part in self.parts for test in part.tests())


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of several conditions."""

    parts: tuple[Condition, ...]

    def truth(self, a: Tumor, b: Tumor) -> Truth:
        answer: Truth = False
        for part in self.parts:
            found = part.truth(a, b)
            if found is True:
                return True
            if found is None:
                answer = None
        return answer

    def tests(self) -> tuple[Test, ...]:
        return tuple(test for part in self.parts for test in part.tests())


@dataclass(frozen=True, slots=True)
class Modified:
    """A named condition with modifiers before it."""

    part: Condition
    modifiers: tuple[Callable[[Truth], Truth], ...]

    def truth(self, a: Tumor, b: Tumor) -> Truth:
        answer = self.part.truth(a, b)
        for modify in self.modifiers:
            answer = modify(answer)
        return answer

    def tests(self) -> tuple[Test, ...]:
        return self.part.tests()


Condition = Test | All | AnyOf | Modified


def read_condition(written: object, terms: Mapping[str, object], *, any_of: bool = False) -> Condition:
    """Reads a text or nested lists of texts, with `terms` for names; a fault of writing is a ValueError that names it."""
    if isinstance(written, str):
        return _read_text(written, terms)
    if not isinstance(written, Sequence):
        raise ValueError(f"a condition is a text or a list, not {written!r}")
    parts = tuple(read_condition(part, terms, any_of=not any_of) for part in written)
    return AnyOf(parts) if any_of else All(parts)


def _read_text(text: str, terms: Mapping[str, object]) -> Condition:
    shape = _TEXT.fullmatch(text)
    if shape is None:
        raise ValueError(f"{text!r} is no condition")
    modifiers = tuple(MODIFIERS[word] for word in reversed(shape["modifiers"].split()))
    if shape["name"].startswith("$"):
        name = shape["name"][1:]
        if name not in terms:
            raise ValueError(f"{text!r} names no condition of the group")
        return Modified(read_condition(terms[name], terms), modifiers)
    return _read_test(text, shape["name"], shape["arguments"], modifiers)


def _read_test(text: str, name: str, written: str | None, modifiers: tuple[Callable[[Truth], Truth], ...]) -> Test:
    if name not in PREDICATES:
        raise ValueError(f"{text!r} names no predicate")
    known = PREDICATES[name]
    given = [] if written is None else [part.strip() for part in written.split(",")]
    if not len(known.takes) - known.optional <= len(given) <= len(known.takes):
        raise ValueError(f"{text!r} has {len(given)} arguments, {name} takes {len(known.takes)}")
    try:
        arguments = tuple(_read_argument(kind, part) for kind, part in zip(known.takes, given, strict=False))
    except (KeyError, ValueError) as error:
        raise ValueError(f"{text!r} names what is not in the tables: {error}") from None
    return Test(text, known, arguments, modifiers)


@lru_cache(maxsize=1024)
def _read_argument(kind: str, text: str) -> Any:
    return _ARGUMENTS[kind](text)
