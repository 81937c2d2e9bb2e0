"""From the tree of an expression to a test that answers for one record and for a whole file.

Truth is True, False or None for one record, and an int8 array of TRUE, FALSE and UNKNOWN for a file. The same readers and
predicates serve both, so that the editor and a batch never disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from abstracting.edits import language
from abstracting.edits.language import (
    And,
    Blank,
    Call,
    Codes,
    Compare,
    LanguageError,
    Literal,
    Member,
    Name,
    Node,
    Not,
    Or,
)
from abstracting.edits.predicates import PREDICATES, Predicate
from abstracting.edits.records import EditRecord
from abstracting.edits.terms import DATE, TODAY, Columns, Term, join, term
from abstracting.recodes.columns import Factor
from abstracting.values import FALSE, TRUE, UNKNOWN, PartialDate, all_of, any_of, negate

Truth = bool | None
Scalar = Callable[[EditRecord], Truth]
Column = Callable[[Columns], np.ndarray]

_CODED = {True: TRUE, False: FALSE, None: UNKNOWN}


@dataclass(frozen=True, slots=True)
class Test:
    """A compiled expression: `of` one record, `column` of a file.

    `items` are those it reads, in order; `context` are items that decide beside them, such as those that choose a schema.
    """

    of: Scalar
    column: Column
    items: tuple[int, ...]
    context: tuple[int, ...] = ()


def compile_text(text: str, lists: Mapping[str, Codes]) -> Test:
    """Gives the test of an expression; what the language does not know is a `LanguageError`."""
    return compile_tree(language.parse(text, is_name), lists)


def is_name(word: str) -> bool:
    """Tells whether a word is read from a record: a term, `#number` or an XML id."""
    return term(word) is not None


def compile_tree(node: Node, lists: Mapping[str, Codes]) -> Test:
    if isinstance(node, And | Or):
        return _junction([compile_tree(part, lists) for part in node.parts], isinstance(node, And))
    if isinstance(node, Not):
        return opposite(compile_tree(node.of, lists))
    if isinstance(node, Blank):
        return _blank(_term(node.value), node.given)
    if isinstance(node, Member):
        return _member(node, lists)
    if isinstance(node, Compare):
        return _compare(node)
    return _call(node)


def opposite(test: Test) -> Test:
    """Gives the test that holds where this one does not."""
    return Test(
        lambda record: negate(test.of(record)),
        lambda columns: _flip(test.column(columns)),
        test.items,
        test.context,
    )


def implies(condition: Test, requirement: Test) -> Test:
    """Gives the test "where the condition holds, the requirement does", three-valued."""

    def of(record: EditRecord) -> Truth:
        applies = condition.of(record)
        if applies is False:
            return True
        required = requirement.of(record)
        return required if applies or required else None

    def column(columns: Columns) -> np.ndarray:
        applies = condition.column(columns)
        if (applies == FALSE).all():
            return np.full(columns.size, TRUE, dtype=np.int8)
        return _or(_flip(applies), requirement.column(columns))

    return Test(
        of, column, _joined(condition.items, requirement.items), _joined(condition.context, requirement.context)
    )


# --- logic on columns -------------------------------------------------------------------------------------------------

# false < unknown < true is the order in which "and" is the least and "or" the greatest
_TO_RANK = np.array([0, 2, 1], dtype=np.int8)
_FROM_RANK = np.array([FALSE, UNKNOWN, TRUE], dtype=np.int8)


def _rank(truth: np.ndarray) -> np.ndarray:
    return _TO_RANK[truth]


def _or(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _FROM_RANK[np.maximum(_rank(a), _rank(b))]


def _and(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _FROM_RANK[np.minimum(_rank(a), _rank(b))]


def _flip(truth: np.ndarray) -> np.ndarray:
    return np.where(truth == UNKNOWN, UNKNOWN, 1 - truth).astype(np.int8)


def _joined(*items: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(number for part in items for number in part))


def _junction(tests: list[Test], is_and: bool) -> Test:
    scalars = tuple(test.of for test in tests)
    decide, stop = (all_of, FALSE) if is_and else (any_of, TRUE)
    combine = _and if is_and else _or

    def of(record: EditRecord) -> Truth:
        return decide(scalar(record) for scalar in scalars)

    def column(columns: Columns) -> np.ndarray:
        truth = tests[0].column(columns)
        for test in tests[1:]:
            if (truth == stop).all():
                break
            truth = combine(truth, test.column(columns))
        return truth

    return Test(of, column, _joined(*(test.items for test in tests)), _joined(*(test.context for test in tests)))


# --- leaves -----------------------------------------------------------------------------------------------------------


def _term(value: language.Value) -> Term:
    found = term(value.text) if isinstance(value, Name) else None
    if found is None:
        raise LanguageError(f"{value.text!r} is nothing that can be read from a record")
    return found


def spread(factor: Factor, ask: Callable[[Any], Truth]) -> np.ndarray:
    """Gives the truth of every row, asked once for each distinct value."""
    answers = np.array([_CODED[ask(value)] for value in factor.values], dtype=np.int8)
    return answers[factor.codes]


def remembered(key: object, make: Column) -> Column:
    """A column that is worked out once for a file, however many rules share it."""

    def column(columns: Columns) -> np.ndarray:
        found = columns.memo.get(key)
        if found is None:
            found = columns.memo[key] = make(columns)
        return found

    return column


def _blank(wanted: Term, given: bool) -> Test:
    def of(record: EditRecord) -> Truth:
        if not record.is_carried(wanted.items):
            return None
        return any(record.items.get(number) for number in wanted.items) is given

    def column(columns: Columns) -> np.ndarray:
        if not columns.is_carried(wanted.items):
            return np.full(columns.size, UNKNOWN, dtype=np.int8)
        filled = np.zeros(columns.size, dtype=bool)
        for number in wanted.items:
            filled |= spread(columns.item(number), bool) == TRUE
        return np.where(filled == given, TRUE, FALSE).astype(np.int8)

    return Test(of, remembered(("blank", wanted.name, given), column), wanted.items)


def of_code(wanted: Term, key: object, ask: Callable[[Any], Truth]) -> Test:
    """A test of one term's value, unknown where it is missing."""

    def asked(value: Any) -> Truth:
        return None if value is None else ask(value)

    return Test(
        lambda record: asked(wanted.of(record)),
        remembered((wanted.name, key), lambda columns: spread(columns.term(wanted), asked)),
        wanted.items,
    )


def _member(node: Member, lists: Mapping[str, Codes]) -> Test:
    wanted = _term(node.value)
    codes = node.codes
    if codes is None:
        if node.name not in lists:
            raise LanguageError(f"there is no list @{node.name}")
        codes = lists[node.name]
        if not (codes.single or codes.ranges or codes.beginnings):
            # a list that only a site can fill: nothing can be said until it does
            return of_code(wanted, codes, lambda value: None)
    return of_code(wanted, codes, lambda value: str(value) in codes)


_NUMERIC: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_ANY: dict[str, Callable[[Any, Any], bool]] = {"=": lambda a, b: a == b, "!=": lambda a, b: a != b}


def _as_number(value: Any) -> int | None:
    if value is None or isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else None


def _compare(node: Compare) -> Test:
    numeric = node.sign in _NUMERIC
    hold = _NUMERIC.get(node.sign) or _ANY[node.sign]
    read: Callable[[Any], Any] = _as_number if numeric else lambda value: None if value is None else str(value)

    def ask(left: Any, right: Any) -> Truth:
        a, b = read(left), read(right)
        return None if a is None or b is None else hold(a, b)

    left = _term(node.left)
    if left.is_date:
        raise LanguageError(f"{left.name} is a date: use precedes(), not_after() or dates_agree()")
    if isinstance(node.right, Literal):
        text = node.right.text
        if numeric and not text.isdigit():
            raise LanguageError(f"{text!r} is no number to compare with")
        return of_code(left, (node.sign, text), lambda value: ask(value, text))
    right = _term(node.right)

    def column(columns: Columns) -> np.ndarray:
        places, pairs = join([columns.term(left), columns.term(right)], columns.size)
        return np.array([_CODED[ask(*pair)] for pair in pairs], dtype=np.int8)[places]

    return Test(
        lambda record: ask(left.of(record), right.of(record)),
        remembered((left.name, node.sign, right.name), column),
        _joined(left.items, right.items),
    )


SPECIAL: dict[str, Callable[[Call], Test]] = {}
"""Predicates that need more of a record than the values of their terms, by name; see `schemas.py`."""


def _call(node: Call) -> Test:
    if node.predicate in SPECIAL:
        return SPECIAL[node.predicate](node)
    named = PREDICATES.get(node.predicate)
    if named is None:
        raise LanguageError(f"there is no predicate {node.predicate}()")
    repeated = len(named.arguments) == 1 and named.blanks
    if len(node.arguments) != len(named.arguments) and not repeated:
        raise LanguageError(f"{named.name}() takes {', '.join(named.arguments)}")
    reads = [_argument(named, place, value) for place, value in enumerate(node.arguments)]
    items = _joined(*(what.items for what in reads if isinstance(what, Term)))
    key = (named.name, *(what if isinstance(what, str) else (what.name,) for what in reads))
    return Test(_scalar_call(named, reads), remembered(key, _column_call(named, reads)), items)


def _argument(named: Predicate, place: int, value: language.Value) -> Term | str:
    """What a predicate reads at a place: a date where it asks for one, an item's text for a date elsewhere."""
    if isinstance(value, Literal):
        if place in named.dates:
            raise LanguageError(f"argument {place + 1} of {named.name}() is a date")
        return value.text
    wanted = _term(value)
    if place in named.dates:
        if not wanted.is_date and len(wanted.items) == 1 and wanted.reader == "code":
            return Term(f"date of {wanted.name}", DATE, wanted.items)
        if not wanted.is_date:
            raise LanguageError(f"argument {place + 1} of {named.name}() is a date")
    elif wanted.is_date:
        return Term(f"text of {wanted.name}", "code", wanted.items)
    return wanted


def _scalar_call(named: Predicate, reads: list[Any]) -> Scalar:
    ask, blanks = named.ask, named.blanks

    def of(record: EditRecord) -> Truth:
        values = [what if type(what) is str else what.of(record) for what in reads]
        if not blanks and None in values:
            return None
        return ask(*values)

    return of


def _column_call(named: Predicate, reads: list[Any]) -> Column:
    def column(columns: Columns) -> np.ndarray:
        if named.ask_columns is not None:
            given = [columns.date(what) if what.is_date else _numbers(columns.term(what)) for what in reads]
            return named.ask_columns(*given)
        read = [what for what in reads if isinstance(what, Term)]
        places, keys = join([columns.term(what) for what in read], columns.size)
        answers = np.empty(len(keys), dtype=np.int8)
        for at, key in enumerate(keys):
            values = iter(key)
            full = [what if isinstance(what, str) else next(values) for what in reads]
            answers[at] = UNKNOWN if not named.blanks and None in full else _CODED[named.ask(*full)]
        return answers[places]

    return column


def _numbers(factor: Factor) -> np.ndarray:
    """A term's whole numbers, -1 where there is none."""
    return np.array([-1 if value is None else int(value) for value in factor.values], dtype=np.int64)[factor.codes]


def set_today(record: EditRecord, today: PartialDate) -> None:
    """Tells a record the day of the check."""
    record.memo[TODAY] = today
