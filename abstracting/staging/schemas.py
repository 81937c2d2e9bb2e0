"""Staging in the words of a record: NAACCR items in, schema, site-specific items, valid codes and derived items out.

A record is any mapping from item numbers (as text or whole number) or XML ids to coded values; blanks count as missing.
The algorithm follows the year of diagnosis (`data/eras.csv`): Collaborative Stage for 2004-2015, TNM 2.1 for 2016-2017,
EOD public from 2018; the pediatric algorithm runs beside it for the young.

What open data cannot derive is listed in `data/not_derivable.csv` and given by `not_derivable()`: EOD T, N, M and stage
group (785, 815, 795, 818) and the AJCC categories and groups of the 8th edition. They stay as a person coded them.
"""

from __future__ import annotations

import csv
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from abstracting.staging.algorithms import Algorithm
from abstracting.staging.discriminators import SchemaChoice, choose_schema
from abstracting.staging.engine import Engine
from abstracting.staging.inquiry import ValidCode, label_of, valid_codes
from abstracting.staging.library import load_algorithm
from abstracting.staging.model import SUCCESSORS, YEAR, Input, Schema
from abstracting.staging.results import MULTIPLE_MATCHING_SCHEMAS, NO_MATCHING_SCHEMA, StagingResult

# Any for the key: a mapping is asked with numbers and with texts
Record = Mapping[Any, object]

DATE_OF_DIAGNOSIS, AGE_AT_DIAGNOSIS = 390, 230
PEDIATRIC = "pediatric"
# the oldest age that the pediatric selection tables name; older patients have no pediatric stage
LAST_PEDIATRIC_AGE = 39
# the schema for everything that is not a tumor of the young: no stage at all
NOT_PEDIATRIC = "adult_other_non_pediatric"

_SITE_SPECIFIC_FACTOR = re.compile(r"ssf\d+")
_YEAR = re.compile(r"(\d{4})")


@dataclass(frozen=True, slots=True)
class Era:
    """The years of diagnosis that an algorithm stages."""

    algorithm: str
    first_year: int
    last_year: int | None

    def holds(self, year: int) -> bool:
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)


@dataclass(frozen=True, slots=True)
class ItemFault:
    """An item whose code its schema does not allow."""

    item: int | None
    key: str
    value: str
    table: str
    used_for_staging: bool


@dataclass(frozen=True, slots=True)
class RecordStaging:
    """The staging of one record.

    `derived` holds item number (text) to value for every output that has an item and a value; `result` has all outputs
    with errors and the path. `inputs` are what was sent. `pediatric` is the same from the pediatric algorithm, where it
    applies.
    """

    choice: SchemaChoice
    result: StagingResult
    inputs: dict[str, str | None]
    derived: dict[str, str] = field(default_factory=dict)
    pediatric: RecordStaging | None = None

    @property
    def all_derived(self) -> dict[str, str]:
        """The derived items of the main and the pediatric algorithm together."""
        return self.derived | (self.pediatric.derived if self.pediatric else {})


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("abstracting.staging").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


@cache
def eras() -> tuple[Era, ...]:
    """Gives the algorithms by year of diagnosis."""
    return tuple(
        Era(row["algorithm"], int(row["first_year"]), int(row["last_year"]) if row["last_year"] else None)
        for row in _rows("eras.csv")
    )


@cache
def not_derivable() -> dict[str, str]:
    """Gives the reason by item number (text) for staging items that no open table derives."""
    return {row["item"]: row["reason"] for row in _rows("not_derivable.csv")}


def value_of(record: Record, item: int | None, xml_id: str | None = None) -> str:
    """Gives a record's value for an item as stripped text, "" when missing; a replaced item's value serves too."""
    for key in (None if item is None else str(item), item, xml_id):
        value = None if key is None else record.get(key)
        if value is not None and (text := str(value).strip()):
            return text
    for old, new in SUCCESSORS.items():
        if new == item:
            return value_of(record, old)
    return ""


def year_of(record: Record) -> str:
    """Gives the year of diagnosis as four digits, "" when it is missing."""
    found = _YEAR.match(value_of(record, DATE_OF_DIAGNOSIS, "dateOfDiagnosis"))
    return found[1] if found else ""


def ssdi_items(schema: Schema, year: int | None = None) -> tuple[Input, ...]:
    """Gives the site-specific inputs of a schema for a year: those marked SSDI, and the factors of CS and TNM."""
    return tuple(
        entry
        for entry in schema.inputs
        if entry.is_marked("SSDI", year)
        or (_SITE_SPECIFIC_FACTOR.fullmatch(entry.key) and not entry.is_marked("UNDEFINED_SSF"))
    )


class StagingDesk:
    """Stages records with the embedded algorithms, or with those a site gives.

    `algorithms` replaces embedded ones by name, for example `{"eod_public": read_package("eod_public-3.4.zip")}`.
    """

    def __init__(self, algorithms: Mapping[str, Algorithm] | None = None, *, current_year: int | None = None):
        self._given = dict(algorithms or {})
        self._current_year = current_year
        self._engines: dict[str, Engine] = {}

    def engine(self, name: str) -> Engine:
        """Gives the engine of an algorithm, loaded when first asked for."""
        engine = self._engines.get(name)
        if engine is None:
            algorithm = self._given.get(name) or load_algorithm(name)
            engine = self._engines[name] = Engine(algorithm, current_year=self._current_year)
        return engine

    def algorithm_for(self, year: int | None) -> str | None:
        """Gives the algorithm's name for a year of diagnosis; the newest for an unknown year, None for early ones."""
        if year is None or year == 9999:
            return eras()[-1].algorithm
        return next((era.algorithm for era in eras() if era.holds(year)), None)

    def schema_for(self, record: Record, *, year: int | None = None, algorithm: str | None = None) -> SchemaChoice:
        """Gives the schema of a record, or the discriminators that are missing with their choices.

        `year` and `algorithm` are taken from the date of diagnosis when not given.
        """
        if algorithm is None:
            text = year_of(record)
            year = int(text) if year is None and text else year
            algorithm = self.algorithm_for(year)
            if algorithm is None:
                return SchemaChoice("", "", reason=f"no algorithm stages tumors diagnosed in {year}")
        engine = self.engine(algorithm)
        request = {key: self._input_value(record, engine, key) for key in engine.algorithm.selection.keys}
        return choose_schema(engine, request)

    def schema(self, choice: SchemaChoice) -> Schema | None:
        """Gives the chosen schema itself, None when none is chosen."""
        return self.engine(choice.algorithm).algorithm.schema(choice.schema_id) if choice.schema_id else None

    def inputs_of(self, record: Record, schema: Schema) -> dict[str, str | None]:
        """Gives a record's values as inputs of a schema; blanks are left out, so that defaults apply."""
        found: dict[str, str | None] = {}
        for entry in schema.inputs:
            value = year_of(record) if entry.key == YEAR else value_of(record, entry.item, entry.xml_id)
            if value:
                found[entry.key] = value
        return found

    def valid_codes(self, schema: Schema, item: int | str, record: Record | None = None) -> tuple[ValidCode, ...]:
        """Gives the codes that an item may hold in a schema; with a record, those its other items allow."""
        entry = schema.input_for(item)
        if entry is None:
            return ()
        context = None if record is None else self.inputs_of(record, schema)
        return valid_codes(self.engine(schema.algorithm), schema.id, entry.key, context)

    def label(self, schema: Schema, item: int | str, value: str) -> str:
        """Gives the short text for an item's code in a schema, "" where there is none."""
        entry = schema.input_for(item)
        return "" if entry is None else label_of(self.engine(schema.algorithm), schema.id, entry.key, value)

    def is_code_valid(self, schema: Schema, item: int | str, value: str) -> bool:
        """Tells whether an item may hold a code in a schema; False for an item the schema does not have."""
        entry = schema.input_for(item)
        return entry is not None and self.engine(schema.algorithm).is_code_valid(schema.id, entry.key, value)

    def check_record(self, record: Record, schema: Schema) -> tuple[ItemFault, ...]:
        """Gives the items of a record whose code the schema does not allow; blanks are never faults here."""
        engine = self.engine(schema.algorithm)
        inputs = self.inputs_of(record, schema)
        context: dict[str, str | None] = {**inputs, **engine.constants}
        return tuple(
            ItemFault(entry.item, entry.key, value, table.id, entry.used_for_staging)
            for entry, table, _ in engine.plan(schema.id).inputs
            if (value := inputs.get(entry.key)) and table is not None and table.row(context) is None
        )

    def stage_record(self, record: Record, year: int | None = None) -> RecordStaging:
        """Gives the staging of a record: schema, derived items, errors and path; pediatric beside it for the young."""
        choice = self.schema_for(record, year=year)
        main = self._stage(record, choice)
        # the pediatric tables read what the main algorithm has just derived, such as the summary grade
        layers: list[Any] = [main.derived, record]
        pediatric = self._stage_pediatric(ChainMap(*layers))
        return main if pediatric is None else RecordStaging(choice, main.result, main.inputs, main.derived, pediatric)

    def _stage(self, record: Record, choice: SchemaChoice) -> RecordStaging:
        schema = self.schema(choice)
        if schema is None:
            outcome = MULTIPLE_MATCHING_SCHEMAS if choice.candidates else NO_MATCHING_SCHEMA
            return RecordStaging(choice, StagingResult(outcome), {})
        inputs = self.inputs_of(record, schema)
        result = self.engine(choice.algorithm).stage(inputs)
        derived = {
            str(entry.item): value
            for entry in schema.outputs
            if entry.item is not None and (value := result.output.get(entry.key))
        }
        return RecordStaging(choice, result, inputs, derived)

    def _stage_pediatric(self, record: Record) -> RecordStaging | None:
        """Gives the pediatric staging, None for the old, the unknown age, years before 2018 and adult tumors."""
        age, year = value_of(record, AGE_AT_DIAGNOSIS, "ageAtDiagnosis"), year_of(record)
        if not (age.isdecimal() and int(age) <= LAST_PEDIATRIC_AGE and year):
            return None
        if self.algorithm_for(int(year)) != eras()[-1].algorithm:
            return None
        choice = self.schema_for(record, algorithm=PEDIATRIC)
        if choice.schema_id in (None, NOT_PEDIATRIC):
            return None
        return self._stage(record, choice)

    def _input_value(self, record: Record, engine: Engine, key: str) -> str:
        if key == YEAR:
            return year_of(record)
        item = engine.items_by_key.get(key)
        return value_of(record, *item) if item else ""


@cache
def desk() -> StagingDesk:
    """Gives the desk of the embedded algorithms, which all parts of a program share."""
    return StagingDesk()


def schema_for(record: Record, *, year: int | None = None) -> SchemaChoice:
    """Gives the schema of a record from the embedded algorithms, see `StagingDesk.schema_for`."""
    return desk().schema_for(record, year=year)


def stage_record(record: Record, year: int | None = None) -> RecordStaging:
    """Gives the staging of a record from the embedded algorithms, see `StagingDesk.stage_record`."""
    return desk().stage_record(record, year)
