"""Running edits over the whole store, one facility or some patients: part by part, each kept in short transactions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select

from abstracting.edits.batch import BatchResult, PersonKey, check_frame
from abstracting.edits.indicators import indicators
from abstracting.edits.patients import BETWEEN_PATIENTS
from abstracting.edits.results import FAIL, OVERRIDDEN, EditResult
from abstracting.edits.summary import EditReport
from registry.db import Store
from registry.edits.evaluation import CANREG_BASIS, Kept, applies, keep_results, set_of_file, site_set
from registry.edits.files import items_read
from registry.edits.upkeep import compare_with_others, failing, patients_of_import
from registry.models import Abstract, EditFinding, Facility, Patient, PatientRecord
from registry.models import edits as states

PATIENTS_AT_ONCE = 20_000
NAMED_AT_ONCE = 5_000
"""Patients that one query names by number: SQLite takes no more than 32,766 values."""

ROWS_A_TRANSACTION = 2_000
PERSON, TUMOR, ABSTRACT = "person", "tumor", "abstract"

Report = Callable[[float, str], Any]


def run_batch(
    store: Store,
    report: Report = lambda share, message: None,
    *,
    name: str = "all",
    rules: Path | None = None,
    today: dt.date | None = None,
    facility: str = "",
    patients: Sequence[int] | None = None,
    keep: int | None = 1000,
) -> EditReport:
    """Evaluates all abstracts of the store, one facility's, or some patients', keeps the results and gives the report.

    `keep` limits the findings listed in the report. Each part is written in transactions of its own, so that nobody waits.
    Edits between patients need all of them, and those between a patient's tumors the abstracts of every facility.
    """
    edits = set_of_file(name, rules, 0, today) if rules else site_set(store.settings, name, today=today)
    if facility:
        # one facility's abstracts do not show all tumors of a patient
        edits = edits.without(*(rule.id for rule in edits.between))
    elif patients is not None:
        edits = edits.without(*(rule.id for rule in edits.between if rule.between == BETWEEN_PATIENTS))
    summary = EditReport(edits, keep=keep)
    persons: dict[PersonKey, str] = {}
    small: list[pd.DataFrame] = []
    evaluated = frozenset(rule.id for rule in edits.rules)
    with store.reading() as session:
        last = session.scalar(select(Patient.id).order_by(Patient.id.desc()).limit(1)) or 0
    for done, frame in _frames(store, items_read(edits), facility, patients):
        result = check_frame(frame, edits=edits, patient=PERSON, tumor=TUMOR, whole=True, persons=persons)
        result = _judged_by_layout(result)
        _write(store, frame, result, evaluated, summary)
        small.append(frame.drop_duplicates(TUMOR)[[PERSON, *(n for n in _INDICATOR_COLUMNS if n in frame)]])
        report(min(done / max(last, 1), 1.0), f"{summary.records:,} abstracts")
    if small:
        whole = pd.concat(small).fillna("")
        summary.indicators = indicators(whole, today=edits.today, patient=PERSON)
    return summary


_INDICATOR_COLUMNS = ("20", "240", "380", "390", "400", "500", "1750", "1760")


def _frames(
    store: Store, wanted: frozenset[int], facility: str, patients: Sequence[int] | None
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Gives (last patient's id, frame) of the abstracts, all of a patient in one frame."""
    names = frozenset({CANREG_BASIS, *(str(number) for number in wanted)})
    after = 0
    left = None if patients is None else sorted(set(patients))
    while True:
        with store.reading() as session:
            among: Any = PatientRecord.patient_id.is_not(None)
            if left is None:
                of_store = select(Patient.id).where(Patient.id > after).order_by(Patient.id).limit(PATIENTS_AT_ONCE)
                ids = list(session.scalars(of_store))
            else:
                ids, left = left[:NAMED_AT_ONCE], left[NAMED_AT_ONCE:]
                among = PatientRecord.patient_id.in_(ids)
            if not ids:
                return
            query = (
                select(
                    PatientRecord.patient_id,
                    Abstract.tumor_id,
                    Abstract.id,
                    PatientRecord.items,
                    Abstract.items,
                    PatientRecord.patient_id_number,
                    Abstract.tumor_record_number,
                    Facility.number,
                )
                .join(PatientRecord, Abstract.record_id == PatientRecord.id)
                .outerjoin(Facility, Abstract.facility_id == Facility.id)
                .where(PatientRecord.patient_id > after, PatientRecord.patient_id <= ids[-1], among)
                .order_by(PatientRecord.patient_id, Abstract.id)
            )
            if facility:
                query = query.where(Facility.number == facility)
            frame = _frame(session.execute(query), names)
        after = ids[-1]
        if len(frame):
            yield after, frame


def _frame(rows: Iterable[Any], names: frozenset[str]) -> pd.DataFrame:
    fixed: dict[str, list[Any]] = {PERSON: [], TUMOR: [], ABSTRACT: []}
    columns: dict[str, list[str]] = {}
    for size, (person, tumor, abstract, of_person, of_tumor, number, tumor_number, facility) in enumerate(rows):
        fixed[PERSON].append(person)
        fixed[TUMOR].append(tumor)
        fixed[ABSTRACT].append(abstract)
        items = {"20": number, "60": tumor_number, "540": facility or "", **of_person, **of_tumor}
        for name, value in items.items():
            if name in names and value:
                column = columns.get(name)
                if column is None:
                    column = columns[name] = []
                column.extend([""] * (size - len(column)))
                column.append(value)
    size = len(fixed[PERSON])
    for column in columns.values():
        column.extend([""] * (size - len(column)))
    return pd.DataFrame({**fixed, **{name: columns[name] for name in sorted(columns)}})


def _write(
    store: Store, frame: pd.DataFrame, result: BatchResult, evaluated: frozenset[str], summary: EditReport
) -> None:
    """Keeps what a part of the store gave, abstracts in short transactions, and adds it to the report as it was kept."""
    by_abstract: dict[int, list[EditResult]] = {}
    abstracts = frame[ABSTRACT].tolist()
    for row, found in result.details():
        by_abstract.setdefault(abstracts[row], []).append(found)
    for start in range(0, len(abstracts), ROWS_A_TRANSACTION):
        part = abstracts[start : start + ROWS_A_TRANSACTION]
        with store.writing() as session:
            keep_results(session, [Kept(number, by_abstract.get(number, [])) for number in part], evaluated)
    with store.reading() as session:
        let_stand = set(
            session.execute(
                select(EditFinding.abstract_id, EditFinding.rule).where(
                    EditFinding.state == states.OVERRIDDEN, EditFinding.abstract_id.in_(list(by_abstract))
                )
            )
            .tuples()
            .all()
        )
    summary.add(_as_kept(result, abstracts, let_stand), patients=frame[PERSON].nunique(), first_row=summary.records + 1)


def _judged_by_layout(result: BatchResult) -> BatchResult:
    """The result without findings of rules that do not judge records of the CanReg layout."""
    if CANREG_BASIS not in result.frame:
        return result
    of_canreg = (result.frame[CANREG_BASIS] != "").to_numpy()
    rules = result.findings["rule"].unique()
    out = {rule for rule in rules if not applies(result.edits, rule, True)}
    dropped = result.findings["rule"].isin(out).to_numpy() & of_canreg[result.findings["row"].to_numpy()]
    return BatchResult(result.edits, result.frame, result.counts, result.findings[~dropped], result.groups)


def _as_kept(result: BatchResult, abstracts: list[int], let_stand: set[tuple[int, str]]) -> BatchResult:
    """The result with the outcomes that the store's reviews give."""
    findings = result.findings.copy()
    findings["outcome"] = [
        OVERRIDDEN if (abstracts[row], rule) in let_stand else FAIL
        for row, rule in zip(findings["row"], findings["rule"])
    ]
    counts = result.counts.copy()
    stand = findings[findings["outcome"] == OVERRIDDEN].groupby("rule").size()
    failing = findings.groupby("rule").size()
    counts["overridden"] = counts["rule"].map(stand).fillna(0).astype(int)
    counts["failed"] = counts["rule"].map(failing).fillna(0).astype(int) - counts["overridden"]
    return BatchResult(result.edits, result.frame, counts, findings, result.groups)


def run_job(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Runs the job "edits"; the result is the report without its findings.

    Parameters: `name` (the set) and `facility`; or for some patients, `patients` (their numbers) and `batch` (an import).
    """
    patients = _patients(store, parameters)
    done = run_batch(
        store,
        report,
        name=parameters.get("name", "all"),
        facility=parameters.get("facility", ""),
        patients=patients,
        keep=0,
    ).as_dict()
    if patients is not None:
        compare_with_others(store, patients)
        with store.reading() as session:
            # the run did not ask the edits between patients: what the comparison left open counts too
            done["failed"] = failing(session, patients)
    return {key: value for key, value in done.items() if key not in ("findings", "findings_left_out")} | {
        "edits": [row for row in done["edits"] if row["failed"] or row["overridden"]]
    }


def _patients(store: Store, parameters: dict[str, Any]) -> list[int] | None:
    if "batch" not in parameters and "patients" not in parameters:
        return None
    found = set(parameters.get("patients", ()))
    if "batch" in parameters:
        with store.reading() as session:
            found |= patients_of_import(session, parameters["batch"])
    return sorted(found)
