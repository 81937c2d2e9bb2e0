"""Which schema a tumor is staged with: site, histology and, where these leave several, discriminators.

Rule: the engine specification of the staging packages, section "schema selection".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from abstracting.staging.cells import Span, parse_input_cell
from abstracting.staging.decisions import MEMO_LIMIT, RowMasks, bits, positions
from abstracting.staging.model import HISTOLOGY, HISTOLOGY_TABLE, INPUT, SITE, SITE_TABLE, Schema, Table

_ABSENT = object()


class ValidCodes:
    """The codes a table lists for a key: its single values and its integer ranges, zero-padded to the low end."""

    def __init__(self, table: Table, key: str):
        spans: dict[Span, None] = {}
        for column in table.columns:
            if column.kind == INPUT and column.key == key:
                for cell in dict.fromkeys(column.cells):
                    spans.update(dict.fromkeys(parse_input_cell(cell) or ()))
        self.single = frozenset(span.low for span in spans if span.low == span.high)
        # kept as ranges: a table may not make us spell out a million codes
        self.ranges = tuple(
            (int(span.low), int(span.high), len(span.low))
            for span in spans
            if span.low != span.high and _is_whole(span.low) and _is_whole(span.high)
        )

    def __contains__(self, code: str) -> bool:
        if code in self.single:
            return True
        if not _is_whole(code):
            return False
        number = int(code)
        return any(low <= number <= high and code == str(number).zfill(width) for low, high, width in self.ranges)


def _is_whole(text: str) -> bool:
    # the length keeps int() from work without end on hostile input
    return text.isascii() and text.isdecimal() and len(text) <= 18


class SchemaSelection:
    """The selection tables of all schemas laid end to end as one: each row belongs to one schema."""

    def __init__(self, schemas: Mapping[str, Schema], tables: Mapping[str, Table]):
        self.sites = ValidCodes(tables[SITE_TABLE], SITE)
        self.histologies = ValidCodes(tables[HISTOLOGY_TABLE], HISTOLOGY)
        self._schema_ids: list[str] = list(schemas)
        self._row_schema: list[int] = []
        cells: dict[str, list[str | None]] = {}
        for number, schema in enumerate(schemas.values()):
            table = tables[schema.selection_table]
            start = len(self._row_schema)
            self._row_schema += [number] * table.size
            for column in table.columns:
                if column.kind == INPUT:
                    whole = cells.setdefault(column.key, [])
                    # a table without this column lets every value pass
                    whole += [None] * (start - len(whole))
                    whole += column.cells
        self._masks = tuple(RowMasks(key, column) for key, column in cells.items())
        size = len(self._row_schema)
        # rows of later tables, which lack the column altogether
        self._beyond = {key: bits(range(len(column), size)) for key, column in cells.items()}
        self._all = (1 << size) - 1
        references = (key for masks in self._masks for key in masks.references)
        self.keys = tuple(dict.fromkeys([SITE, HISTOLOGY, *(m.key for m in self._masks), *references]))
        self._memo: dict[tuple[object, ...], tuple[str, ...]] = {}

    @property
    def discriminators(self) -> tuple[str, ...]:
        """The keys besides site and histology that decide between schemas somewhere in the algorithm."""
        return tuple(masks.key for masks in self._masks if masks.key not in (SITE, HISTOLOGY))

    def is_valid_site(self, site: str) -> bool:
        return site in self.sites

    def is_valid_histology(self, histology: str) -> bool:
        return histology in self.histologies

    def lookup(self, request: Mapping[str, str | None]) -> tuple[str, ...]:
        """Gives the ids of all schemas that fit, in the algorithm's order.

        Only keys present in the request are looked at: a present None or "" is compared as blank, an absent key is
        not compared, so a missing discriminator gives several schemas and a wrong one none. Site or histology alone
        is allowed for browsing, but not together with any other non-empty value. Values are not trimmed.
        """
        site, histology = request.get(SITE), request.get(HISTOLOGY)
        if not site or not histology:
            if site is None and histology is None:
                return ()
            if any(value for key, value in request.items() if key not in (SITE, HISTOLOGY)):
                return ()
        memo_key = tuple([request.get(key, _ABSENT) for key in self.keys])
        found = self._memo.get(memo_key)
        if found is None:
            found = self._search(site, histology, request)
            if len(self._memo) >= MEMO_LIMIT:
                self._memo.clear()
            self._memo[memo_key] = found
        return found

    def _search(self, site: str | None, histology: str | None, request: Mapping[str, str | None]) -> tuple[str, ...]:
        if site is not None and site not in self.sites:
            return ()
        if histology is not None and histology not in self.histologies:
            return ()
        mask = self._all
        for masks in self._masks:
            if masks.key in request:
                mask &= masks.rows(request[masks.key], request) | self._beyond[masks.key]
        return self._schemas_of(positions(mask))

    def _schemas_of(self, rows: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._schema_ids[number] for number in dict.fromkeys(self._row_schema[row] for row in rows))
