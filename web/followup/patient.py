"""One patient: next steps with their chance, what was tried, calls and looks into the record, holds, annual review."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, request, url_for

from abstracting.values import parse_date
from registry.followup import annual, holds
from registry.followup import chart as services
from registry.followup.contact import REVIEW
from registry.followup.desk import read_reply
from registry.followup.letters_text import LANGUAGES
from registry.followup.replies import OUTCOMES, log_attempt, read_day
from registry.followup.sources import SOURCES
from web.followup import blueprint
from web.followup.base import choice, now_standing
from web.pages import actor, log_read, page, reading, render, settings, writing

ON_A_SHEET = 6
"""So many tumors are reviewed on the printed page; more are named."""

COURSES_ON_A_SHEET = (8, 6)
"""So many treatments of a tumor are printed: of up to four tumors, of more."""

LOGGED = ("chart", "phone", "physician", "patient", "contact", "hospital")
"""Ways that may be logged as done by telephone or in person; death files come through their own page."""


@page(blueprint, "/patients/<int:patient_id>", permission="followup")
def patient(patient_id: int):
    """The page of one patient."""
    who = actor()
    with reading() as db:
        chosen = choice(db)
        standing = now_standing(db, chosen)
        view = services.chart(db, patient_id, facility_id=who.facility_id)
        person = standing.person(patient_id)
        held = holds.holds(db, [patient_id]).get(patient_id, [])
        reviews = annual.annual_review(view.patient, facility_id=who.facility_id)
        own = _own_contact(view.patient) if who.facility_id is not None else None
        items = view.patient.items if own is None else own
    log_read("follow-up page", patient_id=patient_id)
    words = [h.kind.title if who.facility_id is None else holds.public_reason(h) for h in held]
    return render(
        "followup/patient.html",
        chosen=chosen,
        standing=standing,
        view=view,
        person=person,
        items=items,
        held=list(dict.fromkeys(words)),
        reviews=reviews,
        sources=SOURCES,
        logged=LOGGED,
        outcomes=OUTCOMES,
        hold_kinds=[kind for kind in holds.hold_kinds().values() if kind.kept],
        languages=LANGUAGES,
        today=date.today(),
        written=annual.WRITTEN,
        dates=annual.DATES,
    )


def _own_contact(patient) -> dict[str, str]:
    """The person's items as the facility's own accounts tell them."""
    facility_id = actor().facility_id
    merged: dict[str, str] = {}
    for record in patient.records:
        if any(abstract.facility_id == facility_id for abstract in record.abstracts):
            for number, value in record.items.items():
                merged.setdefault(number, value)
    return merged


def _back(patient_id: int):
    return redirect(url_for("followup.patient", patient_id=patient_id), 303)


@page(blueprint, "/patients/<int:patient_id>/log", permission="followup", methods=("POST",))
def log_contact(patient_id: int):
    """Writes a call, a look into the record or a visit down, with what it told."""
    form, who, today = request.form, actor(), date.today()
    with writing() as db:
        chosen = choice(db)
        standing = now_standing(db, chosen)
        services.chart(db, patient_id, facility_id=who.facility_id)
        person = standing.person(patient_id)
        reply = read_reply({name: form.get(name, "") for name in form}, today=today)
        _, effect = log_attempt(
            db,
            patient_id,
            form.get("source", ""),
            reply,
            who=who.username,
            facility_id=who.facility_id if who.facility_id is not None else chosen.facility_id,
            group=standing.group(person) if person else None,
            today=today,
        )
    if effect.fate == REVIEW:
        flash(f"Waits for a review: {effect.reason}. Nothing was changed.", "warning")
    else:
        flash("Written down." if not reply.seen else f"Written down: {effect.fate}.", "success")
    return _back(patient_id)


@page(blueprint, "/patients/<int:patient_id>/hold", permission="followup", methods=("POST",))
def hold(patient_id: int):
    """Sets a hold that somebody asked for, or lifts one with a reason."""
    form, who = request.form, actor()
    with writing() as db:
        view = services.chart(db, patient_id, facility_id=who.facility_id)
        if form.get("lift", "").isdigit():
            if int(form["lift"]) not in {found.id for found in view.holds}:
                return _back(patient_id)
            holds.lift_hold(db, int(form["lift"]), who=who.username, why=form.get("why", ""))
            flash("The hold is lifted; its history stays.", "success")
        else:
            holds.set_hold(
                db, patient_id, form.get("kind", ""), who=who.username, reason=form.get("reason", "").strip()
            )
            flash("The hold is in force.", "success")
    return _back(patient_id)


@page(blueprint, "/patients/<int:patient_id>/profile", permission="followup", methods=("POST",))
def profile(patient_id: int):
    """Keeps language and e-mail address of a patient."""
    form, who = request.form, actor()
    with writing() as db:
        services.chart(db, patient_id, facility_id=who.facility_id)
        services.save_profile(
            db,
            patient_id,
            language=form.get("language", ""),
            email=form.get("email", ""),
            note=form.get("note", ""),
            who=who.username,
        )
    flash("Kept.", "success")
    return _back(patient_id)


@page(blueprint, "/patients/<int:patient_id>/contacts", permission="followup", methods=("POST",))
def contacts(patient_id: int):
    """Adds somebody who can tell of the patient, or ends one."""
    form, who = request.form, actor()
    with writing() as db:
        services.chart(db, patient_id, facility_id=who.facility_id)
        if form.get("drop", "").isdigit():
            services.drop_person(db, patient_id, int(form["drop"]), who=who.username)
            flash("The contact is ended.", "success")
        else:
            services.save_person(db, patient_id, form.to_dict(), who=who.username)
            flash("The contact is kept.", "success")
    return _back(patient_id)


@page(blueprint, "/patients/<int:patient_id>/review", permission="followup")
def review_sheet(patient_id: int):
    """The annual review as one printable page."""
    who = actor()
    with reading() as db:
        view = services.chart(db, patient_id, facility_id=who.facility_id)
        reviews = annual.annual_review(view.patient, facility_id=who.facility_id)
        items = view.patient.items if who.facility_id is None else _own_contact(view.patient)
    log_read("annual review", patient_id=patient_id)
    heard = parse_date(items.get("1750")).earliest
    return render(
        "followup/sheet.html",
        view=view,
        shown=reviews[:ON_A_SHEET],
        others=reviews[ON_A_SHEET:],
        most=COURSES_ON_A_SHEET[len(reviews) > 4],
        tried=[a for a in view.attempts if a.sent_on is not None and (heard is None or a.sent_on > heard)],
        outcomes=OUTCOMES,
        items=items,
        sources=SOURCES,
        today=date.today(),
        by=settings().registry_name,
    )


@page(blueprint, "/patients/<int:patient_id>/review", permission="followup", methods=("POST",))
def save_review(patient_id: int):
    """Writes the review of one tumor."""
    form, who, today = request.form, actor(), date.today()
    values = {number: form.get(f"item-{number}", "").strip() for number in annual.WRITTEN if f"item-{number}" in form}
    for number in annual.DATES & set(values):
        values[number] = read_day(values[number], today=today) if values[number] else ""
    with writing() as db:
        view = services.chart(db, patient_id, facility_id=who.facility_id)
        own = {str(abstract.id): abstract for abstract in services.own_abstracts(view.patient, who.facility_id)}
        abstract = own.get(form.get("abstract", ""))
        if abstract is None:
            flash("That abstract is not one of this patient, or not yours.", "warning")
            return _back(patient_id)
        changed = {n: v for n, v in values.items() if v != abstract.items.get(str(n), "")}
        annual.save_review(db, abstract.id, changed, note=form.get("function", ""), who=who.username, today=today)
    flash("The review is written.", "success")
    return _back(patient_id)
