"""The patient page: tumors, abstracts side by side, treatments, time line, history."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, request, url_for

from registry.security.permissions import Refused
from registry.views import decisions as linkage
from registry.views import patient as views
from registry.views import timeline
from web import identity
from web.meanings import date_text, morphology_text, site_text
from web.pages import actor, log_read, page, reading, render
from web.patients.lanes import draw

blueprint = Blueprint("patients", __name__, url_prefix="/patients")

SHORTEST_PURPOSE = 8


@page(blueprint, "/<int:patient_id>", permission="cases.read")
def show(patient_id: int):
    """The page of one person."""
    with reading() as session:
        if (now := views.standing(session, patient_id)) != patient_id:
            return redirect(url_for("patients.show", patient_id=now), 303)
        view = views.load(session, actor(), patient_id)
        made_of = linkage.composition(session, actor(), patient_id)
    log_read("patient page", patient_id=patient_id)
    return render(
        "patients/show.html",
        view=view,
        made_of=made_of,
        shown=shown,
        event_lines=[event_line(e) for e in view.events],
        identified=_identified(view.id),
    )


@page(blueprint, "/<int:patient_id>/time-line", permission="cases.read")
def time_line(patient_id: int):
    """Everything that happened to the record in order of time: care, letters, files, imports, linkage, saves."""
    asked = [kind for kind in request.args.get("kinds", "").split(",") if kind in timeline.KINDS]
    with reading() as session:
        line = timeline.load(session, actor(), patient_id)
    log_read("time line", patient_id=patient_id)
    moments = line.of(asked)
    return render(
        "patients/time_line.html",
        view=line.person,
        line=line,
        moments=moments,
        kinds=timeline.KINDS,
        asked=asked,
        toggled=lambda kind: ",".join(k for k in timeline.KINDS if (k in asked) != (k == kind)),
        drawing=draw(moments, timeline.KINDS),
        words=moment_words,
        place=moment_place,
    )


def moment_words(moment: timeline.Moment) -> str:
    """What an event of the time line says beside its title."""
    from web.meanings import meaning

    codes = [
        f"{site_text(v) if n == 400 else morphology_text(v, '') if n == 522 else v} {meaning(n, v)}".strip()
        for n, v in moment.codes
    ]
    return ", ".join(part for part in (*codes, moment.detail) if part)


PLACES = {
    "abstract": ("editor.edit", "abstract_id", "cases.read"),
    "batch": ("imports.show", "batch_id", "import"),
    "decision": ("linkage.pair", "pair_id", "cases.read"),
    "tumor-pair": ("linkage.tumor", "pair_id", "cases.read"),
    "follow-up": ("followup.patient", "patient_id", "followup"),
    "file": ("followup.file", "file_id", "followup"),
}
"""Pages of what an event is about, with the permission that they need."""


def moment_place(moment: timeline.Moment) -> str:
    """The address of what an event is about, empty where this reader may not open it."""
    kind, number = moment.about or ("", 0)
    if kind not in PLACES or not actor().may(PLACES[kind][2]):
        return ""
    endpoint, argument, _ = PLACES[kind]
    return url_for(endpoint, **{argument: number})


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
