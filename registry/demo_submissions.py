"""The demo's flow of a state: files of three hospitals come in, are linked with what is known, and some pairs are decided.

The files hold what second hospitals say of cases that the registry has already, with their own spelling of names, their own
addresses and their own part of the treatment. The program links what is sure; of the rest a person of the demo decides a
few as the truth of the synthetic registry says, and leaves the others to whoever opens the review.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from registry.db import Store
from registry.models import PatientRecord
from registry.models.linkage import WAITING, LinkagePair

HOSPITALS = 3
LATEST, CHANGED = 24, 16
"""So many of the latest second reports of each hospital come in, and so many whose persons are written most differently."""

LINKED = 2
"""So many pairs a person of the demo links; one more is linked by two, one kept apart, one left to the second reviewer."""

WHO, SECOND_WHO = "administrator", "registrar"
KINDS = ("academic center", "hospital")


def compile_ahead() -> subprocess.Popen[bytes]:
    """Starts compiling the linkage on another core, while files are still written and read; wait for it before linking."""
    command = [sys.executable, "-m", "registry.linkage.index"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bring_in(store: Store, made: Any, files: Path) -> str:
    """Writes, imports and links the hospitals' files and decides some pairs; says what came of it."""
    from registry.exchange.documents import keep
    from registry.exchange.formats import open_reader
    from registry.exchange.importer import run_import
    from registry.linkage import runs
    from registry.synthetic.writing import write_submissions_xml

    # the registry is compared with itself first: the model is learned, and families of the registry show in the review
    waiting = runs.link_registry(store, who=WHO)["review"]
    rows = linked = 0
    for facility, chosen in _latest(made):
        path = files / f"submission-{facility}.xml.gz"
        write_submissions_xml(made, path, version=made.version, workers=1, chosen=chosen, registry_id=facility)
        reader = open_reader([path])
        document = keep(store, path, kind=reader.format, who=WHO)
        report = run_import(store, reader, name=path.name, who=WHO, document_id=document, edits=False, link=True)
        rows += report.tumors.rows_in
        linked += report.linkage.get("automatic", 0)
        waiting += report.linkage.get("review", 0)
    decided = _decide(store, made)
    return f"{rows:,} reports, {linked:,} linked, {waiting:,} to review, {decided} decided"


def _latest(made: Any) -> list[tuple[str, np.ndarray]]:
    """The hospitals with the most second reports, and which rows of `made.abstracts` each sends."""
    abstracts = made.abstracts
    hospitals = set(made.facilities.facility[made.facilities.kind.isin(KINDS)])
    second = abstracts[~abstracts.main & abstracts["540"].isin(hospitals)]
    sizes = second["540"].value_counts()
    largest = sorted(sizes.index, key=lambda facility: (-sizes[facility], facility))[:HOSPITALS]
    # the truth tells in words what was changed in a record of a person: the more words, the less alike it is
    slips = {record: len(words) for record, words in zip(made.records["record"], made.records["changes"])}
    found = []
    for facility in sorted(largest):
        own = second[second["540"] == facility].sort_values(["580", "tumor"], kind="stable")
        rows = sorted(own.index, key=lambda row: -slips[own["record"].at[row]])
        chosen = {*own.index[-LATEST:], *rows[:CHANGED]}
        found.append((facility, np.isin(np.arange(len(abstracts)), sorted(chosen))))
    return found


def _decide(store: Store, made: Any) -> int:
    """Decides some waiting pairs by the truth, the surest first, and asks a second reviewer about one."""
    from registry.linkage import decisions, tumors

    person_of = {(f, n): p for f, n, p in made.abstracts[["540", "20", "person"]].itertuples(index=False)}

    def person(record: PatientRecord) -> int | None:
        if record.source.registry_id == made.registry_id:
            return int(record.patient_id_number) - 1
        return person_of.get((record.source.facility_number, record.patient_id_number))

    done = {"linked": 0, "two looked": 0, "apart": 0, "asked": 0}
    with store.writing() as session:
        query = select(LinkagePair).where(LinkagePair.state == WAITING)
        pairs = list(session.scalars(query.order_by(LinkagePair.score.desc(), LinkagePair.id)))
        for pair in pairs:
            session.refresh(pair)
            if pair.state != WAITING:
                continue
            same, hard = person(pair.left) == person(pair.right), bool(pair.conflicts)
            if same and not hard and done["linked"] < LINKED:
                decisions.link(session, pair, who=WHO, why="the hospital confirmed name and birth date by telephone")
                done["linked"] += 1
            elif same and hard and not done["two looked"]:
                decisions.ask_second(session, pair.id, who=SECOND_WHO, why="one chart has a typing error, I think")
                decisions.link(session, pair, who=WHO, why="both charts name the same physician and the same operation")
                done["two looked"] += 1
            elif hard and not done["asked"]:
                decisions.ask_second(session, pair.id, who=SECOND_WHO, why="please look at both charts")
                done["asked"] += 1
            elif not same and not done["apart"]:
                decisions.never(session, pair, who=WHO, why="two persons: the hospital has charts of both")
                done["apart"] += 1
            tumors.compare(session, pair.left.patient_id, who=WHO)
    return sum(done.values()) - done["asked"]
