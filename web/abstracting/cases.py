"""What is done with one case beside its fields: steps, remarks, questions to physicians, one printed page, comparison."""

from __future__ import annotations

from flask import flash, redirect, request, url_for

from abstracting.codes.morphology import label as morphology_label
from registry import records
from registry.abstracting import comparison, numbering, queries, treatment
from registry.abstracting import page as desk
from registry.abstracting import status as steps
from registry.abstracting.coding import Coding
from registry.errors import RegistryError
from registry.models import now
from registry.models.desk import CaseNote
from registry.views import abstract as views
from registry.views.patient import IDENTIFYING
from web.abstracting.base import blueprint
from web.meanings import date_text, site_text
from web.pages import actor, log_read, page, reading, render, writing


@page(blueprint, "/abstracts/<int:abstract_id>/status", permission="cases.edit", methods=("POST",))
def status(abstract_id: int):
    """Takes a step; what stands against it is told on the editor's page."""
    target = request.form.get("target", "")
    try:
        with writing() as session:
            views.find(session, actor(), abstract_id)
            steps.take(session, actor(), abstract_id, target, why=request.form.get("why", "").strip())
    except RegistryError as fault:
        if fault.code != "usage":
            raise
        flash(f"{fault.message[0].upper()}{fault.message[1:]}.", "error")
    else:
        flash(f"The case is {target}.", "success")
    return redirect(url_for("editor.edit", abstract_id=abstract_id), 303)


@page(blueprint, "/abstracts/<int:abstract_id>/notes", permission="cases.edit", methods=("POST",))
def note(abstract_id: int):
    """Adds a remark; a case may wait for what it says."""
    text = request.form.get("text", "").strip()[:500]
    if not text:
        raise RegistryError("usage", "the remark is empty", hint="write something")
    with writing() as session:
        views.find(session, actor(), abstract_id)
        waiting = request.form.get("waiting") == "1"
        session.add(CaseNote(abstract_id=abstract_id, text=text, waiting=waiting, who=actor().username))
    return redirect(url_for("editor.edit", abstract_id=abstract_id), 303)


@page(blueprint, "/abstracts/<int:abstract_id>/notes/<int:note_id>/done", permission="cases.edit", methods=("POST",))
def note_done(abstract_id: int, note_id: int):
    """What a case waited for has arrived."""
    with writing() as session:
        views.find(session, actor(), abstract_id)
        found = session.get(CaseNote, note_id)
        if found is None or found.abstract_id != abstract_id:
            raise RegistryError("not-found", f"there is no remark {note_id}")
        found.done_at = now()
    return redirect(url_for("editor.edit", abstract_id=abstract_id), 303)


@page(blueprint, "/abstracts/<int:abstract_id>/ask", permission="cases.edit")
def ask(abstract_id: int):
    """The form of a question to a physician."""
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
        physician = queries.proposed(session, views.find(session, actor(), abstract_id))
    log_read("abstract", patient_id=view.patient_id, abstract=abstract_id)
    return render("abstracting/ask.html", view=view, physician=physician)


@page(blueprint, "/abstracts/<int:abstract_id>/ask", permission="cases.edit", methods=("POST",))
def ask_send(abstract_id: int):
    """Asks; the letter stands ready to print."""
    item = request.form.get("item", "")
    with writing() as session:
        abstract = views.find(session, actor(), abstract_id)
        asked = queries.ask(
            session,
            actor(),
            abstract,
            request.form.get("question", ""),
            addressee=request.form.get("addressee", ""),
            item=int(item) if item.isdigit() and len(item) < 6 else None,
        )
    flash("Asked. The letter can be printed here.", "success")
    return redirect(url_for("abstracting.query", query_id=asked.id), 303)


@page(blueprint, "/queries/<int:query_id>", permission="cases.edit")
def query(query_id: int):
    """One question: its letter, its reminders, its answer."""
    with reading() as session:
        found = queries.find(session, actor(), query_id)
        line = queries.line(found)
        items = records.all_items(found.abstract)
        facility = found.abstract.facility.name if found.abstract.facility else ""
        physician = found.physician
    log_read("query", patient_id=line.patient_id, query=query_id)
    return render(
        "abstracting/query.html",
        line=line,
        items=items,
        facility=facility,
        physician=physician,
        date_text=date_text,
        site_text=site_text,
    )


@page(blueprint, "/queries/<int:query_id>", permission="cases.edit", methods=("POST",))
def query_step(query_id: int):
    """Reminds, answers or closes."""
    step = request.form.get("step", "")
    with writing() as session:
        found = queries.find(session, actor(), query_id)
        if step == "remind":
            queries.remind(session, actor(), found)
        elif step == "answer":
            queries.answer(session, actor(), found, request.form.get("answer", ""))
        elif step == "close":
            queries.close(session, actor(), found)
        else:
            raise RegistryError("usage", "choose to remind, to answer or to close")
    return redirect(url_for("abstracting.query", query_id=query_id), 303)


@page(blueprint, "/abstracts/<int:abstract_id>/page", permission="cases.read")
def visual(abstract_id: int):
    """The case on one page, for the tumor board and for print."""
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
        living = desk.living_abstract(session, views.find(session, actor(), abstract_id), view.items)
    log_read("abstract", patient_id=view.patient_id, abstract=abstract_id)
    identified = actor().identifies(view.patient_id)
    items = view.items if identified else {n: v for n, v in view.items.items() if n not in IDENTIFYING}
    texts = [(n, v) for n, v in sorted(items.items()) if records.is_text(n)] if identified else []
    return render(
        "abstracting/visual.html",
        view=view,
        items=items,
        sections=desk.form(items),
        living=living,
        treatments=treatment.lines(items),
        term=morphology_label(items.get(522), items.get(523)),
        coding=Coding.of(items),
        texts=texts,
        identified=identified,
        date_text=date_text,
        site_text=site_text,
    )


@page(blueprint, "/patients/<int:patient_id>/tumors", permission="cases.read")
def compare(patient_id: int):
    """The tumors of a patient side by side, with the multiple-primary verdict of each pair and its rule."""
    with reading() as session:
        found = comparison.compare(session, actor(), patient_id)
    log_read("tumor comparison", patient_id=patient_id)
    return render(
        "abstracting/compare.html", found=found, patient_id=patient_id, date_text=date_text, site_text=site_text
    )


@page(blueprint, "/abstracts/<int:abstract_id>/sequence", permission="cases.edit")
def sequence(abstract_id: int):
    """What renumbering the patient's tumors would change, and every renumbering that can be taken back, newest first."""
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
        abstract = views.find(session, actor(), abstract_id)
        lines = numbering.plan(session, view.patient_id, abstract.facility_id, central=actor().facility_id is None)
        runs = numbering.runs(session, view.patient_id, only=actor().facility_id)
    log_read("abstract", patient_id=view.patient_id, abstract=abstract_id)
    return render(
        "abstracting/sequence.html", view=view, lines=lines, runs=runs, date_text=date_text, site_text=site_text
    )


@page(blueprint, "/abstracts/<int:abstract_id>/sequence", permission="cases.edit", methods=("POST",))
def sequence_step(abstract_id: int):
    """Renumbers, or takes renumberings back to the one named, newest first."""
    step = request.form.get("step", "")
    with writing() as session:
        abstract = views.find(session, actor(), abstract_id)
        patient = abstract.record.patient
        who, facility = actor(), abstract.facility_id
        if step == "renumber":
            count = len(numbering.plan(session, patient.id, facility, central=who.facility_id is None))
            numbering.renumber(session, patient, facility, who=who.username, central=who.facility_id is None)
            flash(f"{count} numbers changed; this can be taken back below.", "success")
        elif step == "undo":
            run = request.form.get("run", "")
            count = numbering.undo(
                session, patient.id, facility, who=who.username, run=run, central=who.facility_id is None
            )
            flash(f"{count} numbers are as they were.", "success")
        else:
            raise RegistryError("usage", "choose to renumber or to take it back")
    return redirect(url_for("abstracting.sequence", abstract_id=abstract_id), 303)
