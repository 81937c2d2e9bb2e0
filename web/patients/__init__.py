"""The patient page: tumors, abstracts side by side, treatments, time line, history."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, request, url_for

from registry.security.permissions import Refused
from registry.views import patient as views
from web import identity
from web.meanings import date_text, morphology_text, site_text
from web.pages import actor, log_read, page, reading, render

blueprint = Blueprint("patients", __name__, url_prefix="/patients")

SHORTEST_PURPOSE = 8


@page(blueprint, "/<int:patient_id>", permission="cases.read")
def show(patient_id: int):
    """The page of one person."""
    with reading() as session:
        view = views.load(session, actor(), patient_id)
    log_read("patient page", patient_id=patient_id)
    return render(
        "patients/show.html",
        view=view,
        shown=shown,
        event_lines=[event_line(e) for e in view.events],
        identified=_identified(view.id),
    )


@page(blueprint, "/<int:patient_id>.json", permission="cases.read")
def show_json(patient_id: int):
    """The same for programs: items by number, masked like the page."""
    with reading() as session:
        view = views.load(session, actor(), patient_id)
    log_read("patient page", patient_id=patient_id, form="json")
    open_ = _identified(patient_id)
    tumors = [
        {
            "id": tumor.id,
            "items": _items(tumor.items, open_),
            "abstracts": [
                {"id": a.id, "facility": a.facility, "status": a.status, "items": _items(a.items, open_)}
                for a in tumor.abstracts
            ],
        }
        for tumor in view.tumors
    ]
    return jsonify(id=view.id, items=_items(view.items, open_), tumors=tumors)


@page(blueprint, "/<int:patient_id>/identity", permission="cases.reveal", methods=("POST",))
def reveal(patient_id: int):
    """Opens the person's identity to this session after a purpose was given; the purpose is logged."""
    purpose = request.form.get("purpose", "").strip()
    if len(purpose) < SHORTEST_PURPOSE:
        raise Refused("An identity is opened for a purpose: write it in a few words.", hint="Go back and give one.")
    with reading() as session:
        views.load(session, actor(), patient_id)
    log_read("identity opened", patient_id=patient_id, purpose=purpose)
    identity.reveal(patient_id)
    flash("The identity is open to you for half an hour; your purpose was logged.", "success")
    return redirect(url_for("patients.show", patient_id=patient_id), 303)


def _identified(patient_id: int) -> bool:
    return actor().identifies(patient_id)


def _items(items: dict[int, str], identified: bool) -> dict[str, str]:
    return {str(n): v for n, v in sorted(items.items()) if identified or n not in views.IDENTIFYING}


def shown(number: int, value: str, identified: bool) -> str:
    """A value as this reader may see it: a birth date keeps its year, other identifying items are hidden."""
    if identified or number not in views.IDENTIFYING or not value:
        return value
    return value[:4] if number == 240 else "···"


def event_line(event: views.Event) -> tuple[str, str, str, str]:
    """One event for the time line."""
    from web.meanings import meaning

    parts = []
    for number, value in event.codes:
        label = meaning(number, value)
        plain = site_text(value) if number == 400 else morphology_text(value, "") if number == 522 else value
        parts.append(f"{plain} {label}".strip())
    return date_text(event.date), event.title, ", ".join(parts), event.kind
