"""Decision tables made ready to run: each column knows which rows a value fits, as the bits of one integer.

The first matching row of a table is the lowest bit left after the columns' integers are joined with `&`. Both the
integers and the rows found are remembered, so a case that looks like an earlier one costs a dictionary look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from abstracting.staging.cells import Endpoint, Span, is_number, parse_endpoint, parse_input_cell, single
from abstracting.staging.model import CONTEXT_KEYS, ENDPOINT, INPUT, Table

# free text in an input must not make the memory grow without end: a memo of this size starts again
MEMO_LIMIT = 5_000

Context = Mapping[str, str | None]


class RowMasks:
    """One INPUT column: for a value, the rows whose cell holds it (bit i is row i)."""

    __slots__ = ("_everywhere", "_memo", "_numeric", "_open", "_single", "_textual", "key", "references")

    def __init__(self, key: str, cells: Iterable[str | None]):
        self.key = key
        rows: dict[str | None, list[int]] = {}
        for index, cell in enumerate(cells):
            rows.setdefault(cell, []).append(index)
        self._everywhere = 0
        self._single: dict[str, int] = {}
        self._numeric: list[tuple[float, float, bool, int]] = []
        self._textual: list[tuple[str, str, int]] = []
        self._open: list[tuple[Span, int]] = []
        by_span: dict[Span, int] = {}
        for cell, indexes in rows.items():
            mask = bits(indexes)
            spans = parse_input_cell(cell)
            if spans is None:
                self._everywhere |= mask
                continue
            for span in spans:
                by_span[span] = by_span.get(span, 0) | mask
        for span, mask in by_span.items():
            self._place(span, mask)
        self.references = tuple(dict.fromkeys(key for span, _ in self._open for key in span.references))
        self._memo: dict[object, int] = {}

    def _place(self, span: Span, mask: int) -> None:
        if span.references:
            self._open.append((span, mask))
        elif span.low == span.high:
            self._single[span.low] = self._single.get(span.low, 0) | mask
        elif is_number(span.low) and is_number(span.high):
            decimal = "." in span.low or "." in span.high
            self._numeric.append((single(span.low), single(span.high), decimal, mask))
        else:
            self._textual.append((span.low, span.high, mask))

    def rows(self, value: str | None, context: Context) -> int:
        """Gives the rows that hold the value (None counts as blank), references read from the context."""
        text = value or ""
        memo_key: object = text
        if self.references:
            memo_key = (text, *[context.get(key) for key in self.references])
        mask = self._memo.get(memo_key)
        if mask is None:
            mask = self._compute(text, context)
            if len(self._memo) >= MEMO_LIMIT:
                self._memo.clear()
            self._memo[memo_key] = mask
        return mask

    def _compute(self, value: str, context: Context) -> int:
        mask = self._everywhere | self._single.get(value, 0)
        if self._numeric and is_number(value):
            number, decimal = single(value), "." in value
            for low, high, allows_decimal, rows in self._numeric:
                if low <= number <= high and (allows_decimal or not decimal):
                    mask |= rows
        for first, last, rows in self._textual:
            if len(first) == len(value) and first <= value <= last:
                mask |= rows
        for span, rows in self._open:
            if span.resolved(context).contains(value):
                mask |= rows
        return mask


def bits(indexes: Sequence[int]) -> int:
    """Gives the integer whose set bits are the indexes, which must rise."""
    marks = bytearray((indexes[-1] >> 3) + 1 if indexes else 0)
    for index in indexes:
        marks[index >> 3] |= 1 << (index & 7)
    return int.from_bytes(marks, "little")


def lowest(mask: int) -> int | None:
    """Gives the index of the lowest set bit, or None for 0."""
    return (mask & -mask).bit_length() - 1 if mask else None


def positions(mask: int) -> Iterable[int]:
    """Gives the indexes of the set bits, lowest first."""
    while mask:
        lowest_bit = mask & -mask
        yield lowest_bit.bit_length() - 1
        mask ^= lowest_bit


class DecisionTable:
    """A table ready to run. `row(context)` gives the first matching row, `endpoints(row)` what it does."""

    __slots__ = (
        "_all",
        "_endpoint_columns",
        "_endpoints",
        "_memo",
        "_only",
        "columns",
        "id",
        "keys",
        "output_keys",
        "table",
    )

    def __init__(self, table: Table):
        self.table = table
        self.id = table.id
        self.columns = tuple(RowMasks(c.key, c.cells) for c in table.columns if c.kind == INPUT)
        self._endpoint_columns = tuple(c for c in table.columns if c.kind == ENDPOINT)
        self.output_keys = tuple(column.key for column in self._endpoint_columns)
        # everything that decides the row: the columns' own keys, then the keys their cells refer to
        self.keys = tuple(
            dict.fromkeys([*(c.key for c in self.columns), *(key for c in self.columns for key in c.references)])
        )
        self._only = self.keys[0] if len(self.keys) == 1 else ""
        self._all = (1 << table.size) - 1
        self._memo: dict[str | tuple[str | None, ...] | None, int | None] = {}
        self._endpoints: dict[int, tuple[Endpoint, ...]] = {}

    @property
    def input_keys(self) -> tuple[str, ...]:
        """The keys of the INPUT columns, in order."""
        return tuple(column.key for column in self.columns)

    @property
    def extra_keys(self) -> tuple[str, ...]:
        """The keys that cells refer to as `{{key}}`, without those the engine supplies itself."""
        named = [key for column in self.columns for key in column.references]
        for column in self._endpoint_columns:
            for cell in dict.fromkeys(column.cells):
                key = parse_endpoint(cell, column.key).refers_to
                if key is not None:
                    named.append(key)
        return tuple(key for key in dict.fromkeys(named) if key not in CONTEXT_KEYS)

    def jumps(self) -> tuple[str, ...]:
        """Gives the tables that rows of this one jump to."""
        cells = dict.fromkeys((cell, c.key) for c in self._endpoint_columns for cell in c.cells)
        endpoints = (parse_endpoint(cell, key) for cell, key in cells if cell and cell.lstrip().startswith("JUMP"))
        return tuple(dict.fromkeys(e.value for e in endpoints if e.kind == "JUMP" and e.value))

    def row(self, context: Context) -> int | None:
        """Gives the index of the first row whose every INPUT column holds the context's value, or None."""
        # most tables have one key, whose value alone then serves
        values = context.get(self._only) if self._only else tuple(map(context.get, self.keys))
        try:
            return self._memo[values]
        except KeyError:
            found = lowest(self.rows(context))
            if len(self._memo) >= MEMO_LIMIT:
                self._memo.clear()
            self._memo[values] = found
            return found

    def rows(self, context: Context, keys: Iterable[str] | None = None) -> int:
        """Gives all matching rows as bits; with `keys`, only the columns of these keys are looked at."""
        wanted = None if keys is None else set(keys)
        mask = self._all
        for column in self.columns:
            if not mask:
                break
            if wanted is None or column.key in wanted:
                mask &= column.rows(context.get(column.key), context)
        return mask

    def endpoints(self, row: int) -> tuple[Endpoint, ...]:
        """Gives the endpoints of a row in column order."""
        found = self._endpoints.get(row)
        if found is None:
            found = tuple(parse_endpoint(c.cells[row], c.key) for c in self._endpoint_columns)
            self._endpoints[row] = found
        return found
