"""Files from outside, row by row: layouts as data, delimited and fixed width, and the reason for every row not taken."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from abstracting.values import parse_date
from registry.errors import RegistryError
from registry.exchange.tables import decode

DEATHS, ENCOUNTERS = "deaths", "encounters"
DELIMITERS = ",;\t|"
LONGEST_LINE = 20_000
MOST_LINES = 50
"""How many lines one row of a delimited file may go over."""

FOLDER = "layouts"
DATES = ("dod", "dob", "date")
NOT_CUT = (*DATES, "ssn")
"""Fields of which a part would say something else than the whole."""

LENGTHS = {"cause": 4, "certificate": 40, "icd_revision": 1, "facility": 10, "certifier": 120, "state": 2}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One layout: what kind of news, how its fields are found, its codes and its redisclosure rule.

    `positions` gives the spans of a field, each its first position (from 1) and length; `instead` the field that is read where
    another is blank; `constants` what every row says.
    """

    id: str
    title: str
    kind: str
    form: str
    code: str
    central: str
    rule: str
    needs: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    positions: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    length: int = 0
    dates: str = "YYYYMMDD"
    skip: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    contact: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One row that was read: its number in the file (from 1, the header not counted) and its fields."""

    number: int
    fields: Mapping[str, str]

    @property
    def day(self) -> str:
        """The coded day of death or of the encounter."""
        return self.fields.get("dod") or self.fields.get("date", "")


@dataclass(frozen=True)
class Fault:
    """A row that is not taken and why; `kept_out` where the layout leaves it out on purpose."""

    number: int
    code: str
    message: str
    kept_out: bool = False


@cache
def _shipped() -> dict[str, Layout]:
    return _read((files("registry.followup") / "data" / "layouts.toml").read_text(encoding="utf-8"), "layouts.toml")


def layouts(home: Path | None = None) -> dict[str, Layout]:
    """Gives the layouts by name: the shipped ones, and a registry's own from its data folder over them."""
    found = dict(_shipped())
    folder = home / FOLDER if home is not None else None
    if folder is not None and folder.is_dir():
        for path in sorted(folder.glob("*.toml")):
            found |= _read(path.read_text(encoding="utf-8"), str(path))
    return found


def layout(name: str, home: Path | None = None) -> Layout:
    """Gives a layout by name; an unknown one is an error that lists those there are."""
    found = layouts(home)
    if name not in found:
        raise RegistryError("file-format", f"no layout {name!r}", hint=f"known: {', '.join(found)}")
    return found[name]


def _read(text: str, where: str) -> dict[str, Layout]:
    try:
        rows = tomllib.loads(text)["layout"]
        return {row["id"]: _layout(row) for row in rows}
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise RegistryError("file-format", f"the layout cannot be read: {error}", where=where) from error


def _layout(row: dict[str, Any]) -> Layout:
    values = dict(row)
    values["needs"] = tuple(values["needs"])
    values["columns"] = {name: tuple(names) for name, names in values.get("columns", {}).items()}
    values["positions"] = {name: _spans(numbers) for name, numbers in values.get("positions", {}).items()}
    return Layout(**values)


def _spans(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    """Spans of `first, length, first, length, …`; an odd count or a place before the first position is no layout."""
    if not numbers or len(numbers) % 2 or min(numbers) < 1:
        raise TypeError(f"positions are pairs of first position and length, not {numbers}")
    return tuple(zip(map(int, numbers[::2]), map(int, numbers[1::2])))


def read_file(
    path: Path, found: Layout, *, mapping: Mapping[str, str] | None = None, today: date | None = None
) -> Iterator[Row | Fault]:
    """Gives each row of a file or the fault for which it is not taken; a file that is no such table is an error.

    `mapping` names the field of columns with other names (column to field).
    """
    today = today or date.today()
    text, _encoding = decode(path)
    if found.form == "fixed" and not text.strip():
        raise RegistryError("not-a-table", "the file is empty", where=str(path))
    if found.form == "fixed" and mapping:
        raise RegistryError(
            "column-map", f"the layout {found.id} has positions, no columns that could be named", where=str(path)
        )
    lines = _fixed(text, found) if found.form == "fixed" else _delimited(text, found, mapping or {}, str(path))
    for number, fields in lines:
        yield _checked(number, fields, found, today) if isinstance(fields, dict) else Fault(number, "row", fields)


def _fixed(text: str, found: Layout) -> Iterator[tuple[int, dict[str, str] | str]]:
    ends = {name: max(start + size - 1 for start, size in spans) for name, spans in found.positions.items()}
    needed = max(end for name, end in ends.items() if name in (*found.needs, "last"))
    # only line ends part the rows: a form feed or a separator inside a name does not
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if not line.strip():
            continue
        if fault := _line_fault(line, found, needed):
            yield number, fault
            continue
        yield (
            number,
            {name: _field(_columns(line, found.length), name, spans) for name, spans in found.positions.items()},
        )


def _columns(line: str, length: int) -> str | bytes:
    """The line as what its positions count: characters, or the bytes of UTF-8 where only these come to the layout's length."""
    told = line.encode()
    return told if len(told) == length != len(line) else line


def _line_fault(line: str, found: Layout, needed: int) -> str:
    """Why a line is not of the layout: too short for what it needs, too long, or ended inside a date or number."""
    length = len(_columns(line, found.length))
    if length < needed or length > LONGEST_LINE:
        return f"the line has {length} positions, the layout needs {needed} to {found.length}"
    if found.length and len(line.rstrip()) > found.length and length > found.length:
        return f"the line has {length} positions, the layout ends at {found.length}: is it of another layout?"
    for name in NOT_CUT:
        for start, size in found.positions.get(name, ()):
            if start <= length < start + size - 1:
                return f"the line ends at position {length} inside {name} ({start} to {start + size - 1})"
    return ""


def _field(line: str | bytes, name: str, spans: tuple[tuple[int, int], ...]) -> str:
    """A field of a line; of a date in several spans the parts after a blank one do not count."""
    parts = []
    for start, size in spans:
        cut = line[start - 1 : start - 1 + size]
        part = (cut.decode(errors="replace") if isinstance(cut, bytes) else cut).strip()
        if not part and name in DATES:
            break
        parts.append(part)
    return "".join(parts) if name in DATES else " ".join(part for part in parts if part)


def _delimited(
    text: str, found: Layout, mapping: Mapping[str, str], where: str
) -> Iterator[tuple[int, dict[str, str] | str]]:
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    if not head.strip() or head.count(delimiter) == 0:
        raise RegistryError(
            "not-a-table",
            "the file has no header with several columns",
            where=where,
            hint="lines of fixed positions need a layout that says so",
        )
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    titles, at = _record(lines, 0, delimiter, range(0))
    places = _places(titles, found, mapping, where)
    number = 0
    while at < len(lines):
        cells, at = _record(lines, at, delimiter, places.values(), len(titles))
        if not any(cell.strip() for cell in cells):
            continue
        number += 1
        if sum(map(len, cells)) > LONGEST_LINE:
            yield number, f"the row is longer than {LONGEST_LINE:,} characters"
        elif len(cells) != len(titles):
            yield number, f"the row has {len(cells)} cells, the header {len(titles)}"
        else:
            yield number, {name: cells[place].strip() for name, place in places.items()}


def _record(
    lines: list[str], at: int, delimiter: str, read: Collection[int], width: int | None = None
) -> tuple[list[str], int]:
    """Gives the cells of the record that begins at a line, and the line of the next one.

    A quotation mark that is never closed must not swallow the rows below it: a record goes over several lines only where
    it then has the header's width, its quotation is sound, and no cell that is `read` holds the break.
    """
    line = lines[at]
    if line.count('"') % 2 and width is not None:
        more = csv.reader((f"{text}\n" for text in lines[at : at + MOST_LINES]), delimiter=delimiter, strict=True)
        try:
            cells = next(more)
        except csv.Error:
            cells = []
        if len(cells) == width and not any("\n" in cells[place] for place in read):
            return cells, at + more.line_num
    if len(line) > LONGEST_LINE:
        return [line], at + 1
    return next(csv.reader([line], delimiter=delimiter), []), at + 1


def _plain(title: str) -> str:
    return re.sub(r"[\s_.\-]+", " ", title.strip().strip("\ufeff").lower())


def _places(titles: list[str], found: Layout, mapping: Mapping[str, str], where: str) -> dict[str, int]:
    plain = [_plain(title) for title in titles]
    unknown = [f"{c}={f}" for c, f in mapping.items() if f not in found.columns or _plain(c) not in plain]
    if unknown:
        raise RegistryError("column-map", f"no such column or field: {', '.join(unknown)}", where=where)
    named = {field: plain.index(_plain(column)) for column, field in mapping.items()}
    for name, titles_of in found.columns.items():
        place = next((plain.index(_plain(t)) for t in titles_of if _plain(t) in plain), None)
        if place is not None:
            named.setdefault(name, place)
    missing = [name for name in found.needs if name not in named]
    if missing or not ({"last", "ssn", "mrn"} & set(named)):
        lacks = ", ".join(missing) or "a name or a number"
        raise RegistryError(
            "not-a-table",
            f"no column for {lacks}",
            where=where,
            hint="name it with --map COLUMN=FIELD, or choose another layout",
        )
    return named


_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


def _checked(number: int, fields: dict[str, str], found: Layout, today: date) -> Row | Fault:
    for name, reasons in found.skip.items():
        if reason := reasons.get(fields.get(name, "")):
            return Fault(number, "left-out", reason, kept_out=True)
    if unreadable := next((n for n, value in fields.items() if _UNREADABLE.search(value)), ""):
        return Fault(number, "encoding", f"{unreadable} holds characters that no encoding known here gives")
    for name, other in found.instead.items():
        fields[name] = fields.get(name, "") or fields.pop(other, "")
    fields |= found.constants
    for name in DATES:
        if name in fields:
            fields[name] = _date(fields[name], found.dates)
    if set(re.sub(r"\D", "", fields.get("ssn", ""))) in ({"0"}, {"9"}):
        fields["ssn"] = ""
    which = "dod" if found.kind == DEATHS else "date"
    day = parse_date(fields.get(which))
    if day.fault or day.earliest is None:
        return Fault(
            number, "date", f"{fields.get(which, '')!r} is no day of {'death' if which == 'dod' else 'the encounter'}"
        )
    if day.earliest > today:
        return Fault(number, "date", f"the day {fields[which]} lies in the future")
    born = parse_date(fields.get("dob"))
    if born.earliest is not None and day.latest is not None and day.latest < born.earliest:
        return Fault(number, "date", f"the day {fields[which]} lies before birth ({fields['dob']})")
    if not (fields.get("last") or fields.get("ssn") or fields.get("mrn")):
        return Fault(number, "person", "neither a name nor a number")
    fields["cause"] = fields.get("cause", "").replace(".", "").upper()
    for name, longest in LENGTHS.items():
        if len(fields.get(name, "")) > longest:
            return Fault(number, "length", f"{name} {fields[name][:20]!r} is longer than {longest}")
    if found.contact:
        kind = fields.get("kind", "").strip().lower().replace(" ", "-")
        if kind not in found.contact:
            return Fault(
                number, "kind", f"the kind {fields.get('kind', '')!r} is neither a contact nor none of the layout"
            )
        if not found.contact[kind]:
            return Fault(number, "no-contact", f"a {kind} is no contact", kept_out=True)
    return Row(number, fields)


def _date(text: str, form: str) -> str:
    digits = re.sub(r"\D", "", text)
    if form == "MMDDYYYY" and len(digits) == 8:
        digits = digits[4:] + digits[:4]
        # positions that are not known are zero in this file
        return digits[:4] if digits[4:6] == "00" else digits[:6] if digits[6:] == "00" else digits
    if form == "YYYYMMDD" and re.fullmatch(r"\d{4}(9999|\d\d99)", digits):
        # a month or a day that is not known is 99 in vital records
        return digits[:6].removesuffix("99")
    if match := re.fullmatch(r"\s*(\d{1,2})/(\d{1,2})/(\d{4})\s*", text):
        return f"{match[3]}{int(match[1]):02d}{int(match[2]):02d}"
    return digits if re.fullmatch(r"[\d\s\-/]*", text) else text
