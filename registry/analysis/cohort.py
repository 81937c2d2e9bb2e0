"""Cohorts: conditions on the snapshot as one Ibis expression, with each exclusion counted and the definition in words.

The same expression runs on DuckDB (default) and, by configuration, on Spark. Selection and counting happen in the engine;
only counts, or the few columns a method needs, reach Python.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from abstracting.codes.places import OUTSIDE_STATE, UNKNOWN_COUNTY, state_fips
from registry.analysis.snapshot import Snapshot
from registry.errors import RegistryError
from registry.exchange.tables import item_number
from registry.items import known
from registry.selection import Condition

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = {
    "site": "primarySite",
    "histology": "histologicTypeIcdO3",
    "behavior": "behaviorCodeIcdO3",
    "year": "year_of_diagnosis",
    "county": "county_geoid",
    "state": "addrAtDxState",
    "stage": "summary_stage",
    "age": "age_at_diagnosis",
    "sequence": "sequenceNumberCentral",
    "sex": "sex",
    "race": "race1",
    "vital": "vitalStatus",
    "recode": "site_recode_2008",
}
"""Names in conditions by column of the snapshot (as in `registry.selection.ALIASES`, and the derived columns)."""

OF_ABSTRACTS = {"facility": "facility", "class": "class_of_case", "accession": "accession", "status": "status"}
NUMERIC = {"year_of_diagnosis", "age_at_diagnosis"}

BASAL_SQUAMOUS = [str(n) for n in range(8000, 8111)]
GENITAL_SKIN = "C510 C511 C512 C518 C519 C529 C600 C601 C602 C608 C609 C632".split()
CNS = [f"C{n}" for n in (*range(700, 730), 751, 752, 753)]


@dataclass(frozen=True)
class Step:
    """One line of a selection flow: what was left out, how many, how many remain."""

    text: str
    excluded: int
    remaining: int


@dataclass(frozen=True)
class Filter:
    """One condition of a cohort, not yet evaluated; a `silent` one has no line in the flow when it excludes nothing."""

    text: str
    keeps: Any
    silent: bool = False


@dataclass(frozen=True)
class Cohort:
    """A selection of tumors: the whole lazy table, the filters on it, and the definition in words.

    Nothing is read before it is asked for; all steps of the flow are counted by one query.
    """

    source: ir.Table
    snapshot: Snapshot
    filters: tuple[Filter, ...] = field(default=())
    words: tuple[str, ...] = field(default=())
    engine: str = "duckdb"

    @property
    def table(self) -> ir.Table:
        """The selected tumors as a lazy table."""
        return self.source.filter([f.keeps for f in self.filters]) if self.filters else self.source

    @property
    def definition(self) -> str:
        """The case definition in one sentence."""
        return "; ".join(self.words) or "all tumors"

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The flow: how many tumors each filter excluded, in order, and how many remained."""
        counts = [self.source.count().name("n0")]
        kept = None
        for number, one in enumerate(self.filters, 1):
            kept = one.keeps if kept is None else kept & one.keeps
            counts.append(kept.sum().fill_null(0).name(f"n{number}"))
        row = self.source.aggregate(counts).execute().iloc[0]
        before = int(row["n0"])
        steps = [Step("tumors in the registry", 0, before)]
        for number, one in enumerate(self.filters, 1):
            after = int(row[f"n{number}"])
            if not (one.silent and after == before):
                steps.append(Step(one.text, before - after, after))
            before = after
        return tuple(steps)

    def count(self) -> int:
        """How many tumors the cohort holds."""
        return self.steps[-1].remaining

    def keep(self, text: str, keeps: Callable[[ir.Table], Any], *, silent: bool = False) -> Cohort:
        """Keeps the rows for which `keeps` is true (a missing value is false); `text` names those left out."""
        one = Filter(text, keeps(self.source).fill_null(False), silent)
        return replace(self, filters=(*self.filters, one))

    def describe(self, *words: str) -> Cohort:
        """Adds to the definition in words."""
        return replace(self, words=(*self.words, *words))


_local = threading.local()


def connect(engine: str = "duckdb") -> Any:
    """Gives this thread's connection to the analytic engine."""
    import ibis

    if engine == "spark":
        from survival.counts import connect as connect_engine

        return connect_engine("spark")
    if not hasattr(_local, "duckdb"):
        _local.duckdb = ibis.duckdb.connect(threads=2)
    return _local.duckdb


def open_cohort(snapshot: Snapshot, *, facility: str = "", engine: str = "duckdb") -> Cohort:
    """Gives all tumors of a snapshot, or those of which one facility has an abstract."""
    if snapshot.tumors == 0:
        raise RegistryError("no-cases", "the registry holds no tumors yet", hint="import a file first")
    cohort = Cohort(_table(snapshot.tumor_files, snapshot.version, engine), snapshot, engine=engine)
    if facility:
        own = _table(snapshot.abstract_files, snapshot.version, engine)
        ids = own.filter(own.facility == facility).select("tumor_id").distinct()
        cohort = cohort.keep(f"no abstract of facility {facility}", lambda t: t.tumor_id.isin(ids.tumor_id))
        cohort = cohort.describe(f"tumors abstracted by facility {facility}")
    return cohort


def _table(files: str, version: str, engine: str) -> ir.Table:
    """Gives the lazy table of Parquet files; kept for the thread while the data version stays, since opening costs most."""
    kept: dict[tuple[str, str, str], ir.Table] = _local.__dict__.setdefault("tables", {})
    key = (files, version, engine)
    if key not in kept:
        for old in [k for k in kept if k[0] == files]:
            del kept[old]
        kept[key] = connect(engine).read_parquet(files, **_options(engine))
    return kept[key]


def _options(engine: str) -> dict[str, Any]:
    # spans may hold different items: a column that a file lacks is missing there
    return {"union_by_name": True} if engine == "duckdb" else {"mergeSchema": True}


def apply(cohort: Cohort, conditions: Iterable[Condition]) -> Cohort:
    """Applies conditions (see `registry.selection`), each a step of the flow and a part of the definition."""
    snapshot, engine = cohort.snapshot, cohort.engine
    for condition in conditions:
        cohort = cohort.keep(f"not {condition}", lambda t, c=condition: predicate(t, c, snapshot, engine=engine))
        cohort = cohort.describe(str(condition))
    return cohort


def predicate(table: ir.Table, condition: Condition, snapshot: Snapshot, *, engine: str = "duckdb") -> Any:
    """Gives the expression of one condition on the snapshot's columns, in the engine that holds the table."""
    import ibis

    if condition.name in OF_ABSTRACTS:
        own = _table(snapshot.abstract_files, snapshot.version, engine)
        inside = _compare(own[OF_ABSTRACTS[condition.name]], condition, numeric=False)
        ids = own.filter(inside).select("tumor_id").distinct()
        return table.tumor_id.isin(ids.tumor_id)
    name = column_of(condition.name)
    if name not in table.columns:
        return ibis.literal(condition.operator == "!=")
    return _compare(table[name], condition, numeric=name in NUMERIC)


def column_of(name: str) -> str:
    """Gives the snapshot's column of a name, item number or XML id."""
    from abstracting.naaccr.items import analysis_column

    if name in COLUMNS:
        return COLUMNS[name]
    number = item_number(name)
    if number is None:
        return name
    item = known(number)
    return item.id if item is not None and item.source != "base" else analysis_column(number)


def _compare(column: Any, condition: Condition, *, numeric: bool) -> Any:
    def value(text: str) -> Any:
        if not numeric:
            return text
        if not text.lstrip("-").isdigit():
            raise RegistryError("selection", f"{text!r} is no number", exit_code=2)
        return int(text)

    if condition.operator == ">=":
        return column >= value(condition.parts[0])
    if condition.operator == "<=":
        return column <= value(condition.parts[0])
    hit = None
    for part in condition.parts:
        low, dash, high = part.partition("-")
        if part.endswith("*"):
            one = column.cast("string").startswith(part[:-1])
        elif dash and low and high:
            one = (column >= value(low)) & (column <= value(high))
        else:
            one = column == value(part)
        hit = one if hit is None else hit | one
    return hit if condition.operator == "=" else ~hit.fill_null(False)


@dataclass(frozen=True)
class CaseDefinition:
    """What counts as an incident case; the defaults are the registry's default definition."""

    behavior: str = "malignant"
    rules: str = "seer"
    death_certificate_only: bool = True
    autopsy_only: bool = True
    residents_of: str = ""


def incident_cases(cohort: Cohort, definition: CaseDefinition | None = None) -> Cohort:
    """Applies the incidence case definition: residents, behavior, skin, primaries, DCO; unknown age, sex, county counted.

    Malignant by the SEER behavior recode (in situ bladder counted as malignant); no basal or squamous skin except genital;
    benign and borderline tumors of the CNS are a definition of their own (`behavior="benign CNS"`).
    """
    definition = definition or CaseDefinition()
    if definition.residents_of:
        state = definition.residents_of
        cohort = cohort.keep(f"not resident in {state} at diagnosis", lambda t: t[COLUMNS["state"]] == state)
        cohort = cohort.describe(f"residents of {state} at diagnosis")
    if definition.behavior == "malignant":
        cohort = cohort.keep("not malignant (SEER behavior recode)", lambda t: t.behavior_recode == "3")
        cohort = cohort.describe("malignant by the SEER behavior recode, in situ bladder counted as malignant")
    elif definition.behavior == "in situ":
        cohort = cohort.keep("not in situ", lambda t: t.behavior_recode == "2").describe("in situ")
    elif definition.behavior == "benign CNS":
        cohort = cohort.keep(
            "not a benign or borderline tumor of the CNS",
            lambda t: t[COLUMNS["behavior"]].isin(["0", "1"]) & t[COLUMNS["site"]].isin(CNS),
        ).describe("benign and borderline tumors of the brain and CNS")
    cohort = cohort.keep(
        "basal or squamous cell skin cancer, not genital",
        lambda t: (
            ~(
                t[COLUMNS["site"]].startswith("C44")
                & (t[COLUMNS["histology"]] >= BASAL_SQUAMOUS[0])
                & (t[COLUMNS["histology"]] <= BASAL_SQUAMOUS[-1])
            )
        ),
        silent=True,
    ).describe("no basal or squamous skin cancer except genital")
    if definition.rules == "iarc":
        cohort = cohort.keep("not a primary by the IARC rules", lambda t: t.iarc_indicator == "1")
        cohort = cohort.describe("primaries by IARC rules")
    else:
        cohort = cohort.describe("all primaries by SEER rules")
    source = "typeOfReportingSource"
    if source in cohort.source.columns:
        for wanted, code, text in (
            (definition.death_certificate_only, "7", "death certificate only"),
            (definition.autopsy_only, "6", "autopsy only"),
        ):
            if not wanted:
                cohort = cohort.keep(text, lambda t, c=code: t[source].fill_null("") != c).describe(f"without {text}")
            else:
                cohort = cohort.describe(f"with {text}")
    cohort = cohort.keep("age at diagnosis unknown", lambda t: t.age_at_diagnosis.notnull())
    cohort = cohort.keep("sex neither male nor female", lambda t: t.sex.isin(["1", "2"]))
    return cohort.keep("county at diagnosis unknown", has_county)


def has_county(table: ir.Table) -> Any:
    """Gives whether a tumor has a county: 999 (unknown) and 998 (outside the state, county not known) of a state are none."""
    county = table[COLUMNS["county"]]
    # told by their ends: a tenth of the query's time less than by cutting the code
    return (county.length() == 5) & ~county.endswith(UNKNOWN_COUNTY) & ~county.endswith(OUTSIDE_STATE)


def in_state(cohort: Cohort, state: str) -> Cohort:
    """Keeps tumors whose county at diagnosis lies in a state (postal code)."""
    prefix = state_fips(state)
    return cohort.keep(f"county not in {state}", lambda t: t.county_geoid.startswith(prefix))


def choices(cohort: Cohort, column: str) -> Sequence[tuple[str, int]]:
    """Gives the values of a column with their counts, most frequent first, for a menu."""
    table = cohort.table
    counted = table.group_by(table[column]).agg(n=table.count()).execute()
    pairs = [
        (str(value), int(n)) for value, n in zip(counted[column], counted["n"]) if value is not None and value == value
    ]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
