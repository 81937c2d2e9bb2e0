"""All edits over a whole file at once: column by column, each distinct value once, two processes where it pays.

    result = check_frame(frame, patient="patient", tumor="tumor")     # item numbers as columns, one row a record
    result.counts                                                     # a row an edit: evaluated, failed, overridden, …
    result.findings                                                   # a row a finding: row, rule, edit, severity, …
    for row, found in result.details(): ...                           # the same with messages and values

Rows of one `patient` are records of one person; rows of one `tumor` are accounts of one tumor, of which the first stands
for the tumor in the edits between records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abstracting.edits.engine import EditSet, edit_set
from abstracting.edits.expressions import spread
from abstracting.edits.patients import BETWEEN_PATIENTS, person_key
from abstracting.edits.records import EditRecord
from abstracting.edits.results import FAIL, OVERRIDDEN, EditResult, result_of
from abstracting.edits.rules import Rule
from abstracting.edits.terms import Columns
from abstracting.values import FALSE, TRUE, UNKNOWN

Progress = Callable[[float, str], None]
PersonKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Failures:
    """The rows at which one rule fails and those of them that a person let stand."""

    rows: np.ndarray
    overridden: np.ndarray
    evaluated: int


@dataclass(frozen=True)
class BatchResult:
    """What a set of edits says of a file.

    `counts` has one row an edit: rule, edit, category, level, severity, evaluated, passed, failed, overridden,
    not_evaluable. `findings` has one row a finding, in order of the rows: row (place in the file), rule, edit, category,
    severity, outcome (`fail` or `overridden`).
    """

    edits: EditSet
    frame: pd.DataFrame
    counts: pd.DataFrame
    findings: pd.DataFrame
    groups: Mapping[int, tuple[int, ...]]

    @property
    def passes(self) -> bool:
        """Whether every record passes OncoRegistry checks."""
        return not (self.findings["outcome"] == FAIL).any()

    def record(self, row: int) -> EditRecord:
        """Gives one record of the file, by place."""
        return EditRecord(dict(zip(self.frame.columns, self.frame.iloc[row])))

    def details(self) -> Iterator[tuple[int, EditResult]]:
        """Gives every finding with its row, message, values and fingerprint."""
        values = self.frame.to_numpy(dtype=object)
        columns = list(self.frame.columns)
        read: dict[int, EditRecord] = {}

        def record(row: int) -> EditRecord:
            if row not in read:
                if len(read) > 1000:
                    read.clear()
                read[row] = EditRecord(dict(zip(columns, values[row])))
            return read[row]

        for row, rule_id, outcome in zip(self.findings["row"], self.findings["rule"], self.findings["outcome"]):
            rule = self.edits.rule(rule_id)
            others = [record(other) for other in self.groups.get(row, ()) if other != row] if rule.between else []
            yield row, result_of(rule, outcome, record(row), others)


def check_frame(
    frame: pd.DataFrame,
    *,
    edits: EditSet | None = None,
    patient: str | None = None,
    tumor: str | None = None,
    whole: bool = False,
    persons: dict[PersonKey, str] | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Gives what a set of edits (all of them unless given) says of a frame with item numbers or XML ids as columns.

    `patient` and `tumor` name the columns with the keys of persons and of tumors; without `patient`, item 20 is the key
    where the frame has it. An item that the frame does not have is not carried: edits that need it are not evaluable,
    unless the records are `whole`: then it is blank.
    `persons` keeps who was seen, for a file that comes in several frames (a patient's rows always in one of them).
    """
    edits = edits or edit_set("all")
    frame = frame.reset_index(drop=True)
    columns = Columns(frame, edits.today, whole=whole)
    bad = _failing_items(edits, columns)
    found: dict[str, _Failures] = {}
    for at, rule in enumerate(edits.of_record):
        found[rule.id] = _judge(rule, columns, edits, bad)
        if progress is not None and at % 20 == 0:
            progress(0.9 * at / len(edits.of_record), rule.id)
    groups: dict[int, tuple[int, ...]] = {}
    if edits.between:
        key = (
            patient
            if patient is not None
            else next((name for name in ("20", 20, "patientIdNumber") if name in frame), None)
        )
        groups = _groups(frame, key, tumor)
        found |= _judge_between(edits, frame, columns, groups, key, {} if persons is None else persons)
    if progress is not None:
        progress(1.0, "")
    return BatchResult(edits, frame, _counts(edits, found, len(frame)), _findings(edits, found), groups)


def _failing_items(edits: EditSet, columns: Columns) -> dict[str, np.ndarray]:
    """The rows at which each gate fails, for gates that fail at all."""
    gates = dict.fromkeys(gate for several in edits.gates.values() for gate in several)
    failing = {}
    for gate in gates:
        if gate.test is not None:
            rows = gate.test.column(columns) == FALSE
            if rows.any():
                failing[gate.id] = rows
    return failing


def _gated(rule: Rule, edits: EditSet, bad: Mapping[str, np.ndarray]) -> np.ndarray | None:
    blocked = [bad[gate.id] for gate in edits.gates.get(rule.id, ()) if gate.id in bad]
    return np.logical_or.reduce(blocked) if blocked else None


def _judge(rule: Rule, columns: Columns, edits: EditSet, bad: Mapping[str, np.ndarray]) -> _Failures:
    assert rule.test is not None
    truth = rule.test.column(columns)
    blocked = _gated(rule, edits, bad)
    failing = truth == FALSE
    known = truth != UNKNOWN
    if blocked is not None:
        failing = failing & ~blocked
        known = known & ~blocked
    rows = np.flatnonzero(failing)
    return _Failures(rows, _let_stand(rule, columns, rows), int(known.sum()))


def _let_stand(rule: Rule, columns: Columns, rows: np.ndarray) -> np.ndarray:
    if rule.override is None or rule.override.number not in columns.carries or not len(rows):
        return np.zeros(len(rows), dtype=bool)
    passes = spread(columns.item(rule.override.number), rule.override.passes) == TRUE
    return passes[rows]


# --- between records --------------------------------------------------------------------------------------------------


def _groups(frame: pd.DataFrame, patient: Any, tumor: str | None) -> dict[int, tuple[int, ...]]:
    """For each row that stands for a tumor of a patient with several: the rows of all of them."""
    if patient is None or not len(frame):
        return {}
    keys = frame[patient].to_numpy(dtype=object)
    known = np.array([value is not None and value == value and str(value) != "" for value in keys])
    first = np.ones(len(frame), dtype=bool) if tumor is None else ~frame[tumor].duplicated().to_numpy()
    rows = np.flatnonzero(known & first)
    places, _ = pd.factorize(keys[rows])
    order = np.argsort(places, kind="stable")
    sorted_rows, sorted_places = rows[order], places[order]
    starts = np.flatnonzero(np.r_[True, sorted_places[1:] != sorted_places[:-1]]) if len(rows) else np.array([], int)
    groups = {}
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(sorted_rows)]):
        if stop - start > 1:
            members = tuple(sorted_rows[start:stop].tolist())
            groups.update(dict.fromkeys(members, members))
    return groups


def _judge_between(
    edits: EditSet,
    frame: pd.DataFrame,
    columns: Columns,
    groups: Mapping[int, tuple[int, ...]],
    patient: Any,
    persons: dict[PersonKey, str],
) -> dict[str, _Failures]:
    values, names = frame.to_numpy(dtype=object), list(frame.columns)
    failing: dict[str, list[int]] = {rule.id: [] for rule in edits.between}
    evaluated = dict.fromkeys(failing, 0)
    for members in dict.fromkeys(groups.values()):
        records = [
            EditRecord(dict(zip(names, values[row])), None if columns.whole else columns.carries) for row in members
        ]
        records = [edits.prepared(record) for record in records]
        for rule in edits.between:
            if rule.between == BETWEEN_PATIENTS:
                continue
            for row, truth in zip(members, edits.ask_between(rule, records)):
                evaluated[rule.id] += truth is not None
                if truth is False:
                    failing[rule.id].append(row)
    for rule in edits.between:
        if rule.between == BETWEEN_PATIENTS and patient is not None:
            failing[rule.id], evaluated[rule.id] = _one_person_twice(frame, columns, patient, persons)
    found = {}
    for rule in edits.between:
        rows = np.array(sorted(failing[rule.id]), dtype=np.int64)
        found[rule.id] = _Failures(rows, _let_stand(rule, columns, rows), evaluated[rule.id])
    return found


_PERSON = (240, 225, 220, 2230, 2240)


def _one_person_twice(
    frame: pd.DataFrame, columns: Columns, patient: Any, persons: dict[PersonKey, str]
) -> tuple[list[int], int]:
    """The first row of every patient whose birth date, sex and sounding names are those of another patient before."""
    names = {name: number for name in frame.columns if (number := columns.number(name)) in _PERSON}
    first = frame.drop_duplicates(patient)
    rows, evaluated = [], 0
    keys = first[patient].astype(str).tolist()
    for row, own, values in zip(first.index.tolist(), keys, first[list(names)].to_numpy(dtype=object)):
        key = person_key(EditRecord(dict(zip(names.values(), values))))
        if key is None:
            continue
        evaluated += 1
        if persons.setdefault(key, own) != own:
            rows.append(row)
    return rows, evaluated


# --- tables -----------------------------------------------------------------------------------------------------------


def _counts(edits: EditSet, found: Mapping[str, _Failures], size: int) -> pd.DataFrame:
    rows = []
    for rule in edits.rules:
        one = found[rule.id]
        overridden = int(one.overridden.sum())
        rows.append(
            (
                rule.id,
                rule.edit,
                rule.category,
                rule.level,
                rule.severity,
                one.evaluated,
                one.evaluated - len(one.rows),
                len(one.rows) - overridden,
                overridden,
                size - one.evaluated,
            )
        )
    names = [
        "rule",
        "edit",
        "category",
        "level",
        "severity",
        "evaluated",
        "passed",
        "failed",
        "overridden",
        "not_evaluable",
    ]
    return pd.DataFrame(rows, columns=names)


def _findings(edits: EditSet, found: Mapping[str, _Failures]) -> pd.DataFrame:
    some = [(rule, found[rule.id]) for rule in edits.rules if len(found[rule.id].rows)]
    lengths = [len(one.rows) for _, one in some]

    def repeated(values: Sequence[str]) -> np.ndarray:
        return np.repeat(np.array(values, dtype=object), lengths)

    table = pd.DataFrame(
        {
            "row": np.concatenate([one.rows for _, one in some]) if some else np.array([], dtype=np.int64),
            "rule": repeated([rule.id for rule, _ in some]),
            "edit": repeated([rule.edit for rule, _ in some]),
            "category": repeated([rule.category for rule, _ in some]),
            "severity": repeated([rule.severity for rule, _ in some]),
            "outcome": (
                np.where(np.concatenate([one.overridden for _, one in some]), OVERRIDDEN, FAIL)
                if some
                else np.array([], dtype=object)
            ),
        }
    )
    return table.sort_values("row", kind="stable", ignore_index=True)


def check_records(records: Sequence[Mapping[Any, str]], *, edits: EditSet | None = None) -> BatchResult:
    """Gives `check_frame` of records given as mappings; what a record lacks is blank."""
    return check_frame(pd.DataFrame(list(records)).fillna(""), edits=edits)
