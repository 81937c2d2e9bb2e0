"""Asking for a correction of the last contact or the vital status: what may not be set back by hand, a person decides."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, request, url_for

from registry.errors import RegistryError
from registry.followup import by_hand
from registry.followup.contact import LAST_CONTACT, VITAL_STATUS
from registry.views import abstract as views
from web.editor import blueprint
from web.pages import actor, log_read, page, reading, render, writing


@page(blueprint, "/<int:abstract_id>/last-contact", permission="cases.edit")
def correct(abstract_id: int):
    """What stands, and the form that asks for another day or status with its reason."""
    return _form(abstract_id, {})


@page(blueprint, "/<int:abstract_id>/last-contact", permission="cases.edit", methods=("POST",))
def ask_correction(abstract_id: int):
    """Puts the correction before a person; a fault loses nothing that was typed."""
    told = {name: request.form.get(name, "").strip() for name in ("day", "status", "why")}
    try:
        with writing() as session:
            abstract = views.find(session, actor(), abstract_id)
            by_hand.ask(
                session, abstract, day=told["day"], vital_status=told["status"], why=told["why"], who=actor().username
            )
    except RegistryError as fault:
        if fault.code not in ("item-value", "usage", "conflict"):
            raise
        return _form(abstract_id, told, fault=f"{fault.message}. {fault.hint}.", status=422)
    flash(
        "Asked: the correction waits on the page Review of follow-up. The record stays as it is until then.", "success"
    )
    return redirect(url_for("editor.edit", abstract_id=abstract_id), 303)


def _form(abstract_id: int, told: dict[str, str], *, fault: str = "", status: int = 200):
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
    log_read("abstract", patient_id=view.patient_id, abstract=abstract_id)
    return render(
        "editor/correction.html",
        status=status,
        view=view,
        told={"day": view.items.get(LAST_CONTACT, ""), "status": view.items.get(VITAL_STATUS, "1"), "why": ""} | told,
        stands=(view.items.get(LAST_CONTACT, ""), view.items.get(VITAL_STATUS, "")),
        fault=fault,
        today=date.today(),
    )
