"""The language of rules: small, closed and three-valued; a text becomes a tree, and nothing is ever executed as code.

    expression = alternative {"or" alternative}          alternative = factor {"and" factor}
    factor     = "not" factor | "(" expression ")" | test
    test       = value comparison value                  behavior = 3      positive <= examined      age < 20
               | value ["not"] "in" codes                site not in [C510-C589, C44*]      histology in @lymphoma
               | value "is" ("blank" | "given")          grade is given
               | predicate "(" [value {"," value}] ")"   before(birth, diagnosis)
    value      = term | #number | XML id | code | 'code'
    comparison = "=" | "!=" | "<" | "<=" | ">" | ">="
    codes      = "[" code {[","] code} "]" | @list       a code, a range C510-C589, a beginning C44*

A word that is no term and no XML id is a code; quotes make one of any text. Ranges compare texts of the bounds' length,
so `C510-C589` holds C534 and never C5. A blank value makes every test on it unknown except `is blank` and `is given`.
`<` and its kin compare numbers; `=` and `!=` compare codes as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_RESERVED = frozenset({"and", "or", "not", "in", "is", "blank", "given"})

_TOKEN = re.compile(
    r"\s*(?:(?P<sign><=|>=|!=|=|<|>|\(|\)|\[|\]|,)|(?P<list>@\w+)|(?P<item>#\d+)|'(?P<quoted>[^']*)'"
    r"|(?P<word>[A-Za-z0-9_.+*\-]+))"
)


class LanguageError(ValueError):
    """A text that is no expression of the language; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Name:
    """Something to be read from a record: a term, an XML id or `#number`."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A code as written."""

    text: str


Value = Name | Literal


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes: single ones, ranges with both ends, and beginnings."""

    single: frozenset[str]
    ranges: tuple[tuple[str, str], ...]
    beginnings: tuple[str, ...]

    def __contains__(self, code: object) -> bool:
        if not isinstance(code, str):
            return False
        return (
            code in self.single
            or any(len(code) == len(low) and low <= code <= high for low, high in self.ranges)
            or (bool(self.beginnings) and code.startswith(self.beginnings))
        )


@dataclass(frozen=True, slots=True)
class Member:
    """Is the value in the codes? `name` is that of the list, "" for codes written in place."""

    value: Value
    codes: Codes | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Compare:
    left: Value
    sign: str
    right: Value


@dataclass(frozen=True, slots=True)
class Blank:
    """Is the value missing? `given` asks the opposite."""

    value: Value
    given: bool


@dataclass(frozen=True, slots=True)
class Call:
    predicate: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: Node


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


Node = Member | Compare | Blank | Call | Not | And | Or


def read_codes(entries: list[str]) -> Codes:
    """Gives the set that code entries stand for; a range of unequal lengths is a `LanguageError`."""
    single, ranges, beginnings = set(), [], []
    for entry in entries:
        low, dash, high = entry.partition("-")
        if entry.endswith("*"):
            beginnings.append(entry[:-1])
        elif dash and low and high:
            if len(low) != len(high) or low > high:
                raise LanguageError(f"the range {entry} needs two bounds of one length, the lower first")
            ranges.append((low, high))
        else:
            single.add(entry)
    return Codes(frozenset(single), tuple(ranges), tuple(beginnings))


def parse(text: str, is_name: Callable[[str], bool]) -> Node:
    """Gives the tree of an expression; `is_name` tells which words are read from a record, the others are codes."""
    return _Parser(text, is_name).whole()


def names_in(node: Node) -> tuple[str, ...]:
    """Gives what an expression reads from a record, in the order of writing, each once."""
    found: dict[str, None] = {}

    def visit(part: Node | Value) -> None:
        if isinstance(part, Name):
            found[part.text] = None
        elif isinstance(part, And | Or):
            for one in part.parts:
                visit(one)
        elif isinstance(part, Not):
            visit(part.of)
        elif isinstance(part, Member | Blank):
            visit(part.value)
        elif isinstance(part, Compare):
            visit(part.left)
            visit(part.right)
        elif isinstance(part, Call):
            for argument in part.arguments:
                visit(argument)

    visit(node)
    return tuple(found)


class _Parser:
    def __init__(self, text: str, is_name: Callable[[str], bool]):
        self.text, self.is_name = text, is_name
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                place = len(text) - len(text[at:].lstrip()) + 1
                raise LanguageError(f"{text[at:].strip()[:20]!r} is not understood (character {place})")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind], match.start(kind) + 1))
            at = match.end()
        self.at = 0

    def whole(self) -> Node:
        if not self.tokens:
            raise LanguageError("the expression is empty")
        node = self.either()
        if self.at < len(self.tokens):
            raise LanguageError(f"{self._where()} is too much")
        return node

    def either(self) -> Node:
        parts = [self.both()]
        while self._takes("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self) -> Node:
        parts = [self.factor()]
        while self._takes("and"):
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def factor(self) -> Node:
        if self._takes("not"):
            return Not(self.factor())
        if self._takes("("):
            node = self.either()
            self._expects(")")
            return node
        return self.test()

    def test(self) -> Node:
        kind, text, _ = self._peek()
        if kind == "word" and self._peek(1)[1] == "(" and self._peek(1)[0] == "sign":
            return self.call(text)
        value = self.value()
        if self._takes("is"):
            given = self._takes("given")
            if not given:
                self._expects("blank")
            return Blank(value, given)
        negated = self._takes("not")
        if self._takes("in"):
            member = self.member(value)
            return Not(member) if negated else member
        kind, sign, _ = self._peek()
        if negated or kind != "sign" or sign not in COMPARISONS:
            raise LanguageError(f"a comparison, `in` or `is` is expected before {self._where()}")
        self.at += 1
        return Compare(value, sign, self.value())

    def call(self, predicate: str) -> Node:
        self.at += 2
        arguments: list[Value] = []
        while not self._takes(")"):
            if arguments:
                self._expects(",")
            arguments.append(self.value())
        return Call(predicate, tuple(arguments))

    def member(self, value: Value) -> Member:
        kind, text, _ = self._peek()
        if kind == "list":
            self.at += 1
            return Member(value, None, text[1:])
        self._expects("[")
        entries: list[str] = []
        while not self._takes("]"):
            self._takes(",")
            kind, text, _ = self._peek()
            if kind not in ("word", "quoted"):
                raise LanguageError(f"a code is expected before {self._where()}")
            entries.append(text)
            self.at += 1
        return Member(value, read_codes(entries))

    def value(self) -> Value:
        kind, text, _ = self._peek()
        if kind not in ("word", "item", "quoted") or (kind == "word" and text in _RESERVED):
            raise LanguageError(f"a value is expected before {self._where()}")
        self.at += 1
        if kind == "quoted":
            return Literal(text)
        return Name(text) if kind == "item" or self.is_name(text) else Literal(text)

    def _peek(self, ahead: int = 0) -> tuple[str, str, int]:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else ("end", "", len(self.text) + 1)

    def _takes(self, text: str) -> bool:
        kind, found, _ = self._peek()
        if found == text and kind in ("word", "sign"):
            self.at += 1
            return True
        return False

    def _expects(self, text: str) -> None:
        if not self._takes(text):
            raise LanguageError(f"{text!r} is expected before {self._where()}")

    def _where(self) -> str:
        kind, text, place = self._peek()
        return "the end" if kind == "end" else f"{text!r} (character {place})"
