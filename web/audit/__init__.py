"""The audit pages: whether the chains are sound, who changed and who read what, and the access report of a patient."""

from __future__ import annotations

from flask import Blueprint, request, url_for

from registry import audit as chain
from registry.views import patient as patients
from registry.views import trail
from web.navigation import Entry
from web.pages import actor, page, paging, reading, render, render_list, store
from web.tables import Column, Table

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
navigation = [
    Entry("Audit", "audit.index", "Registry", "shield-check", "audit", keys="g a", words="chain history access"),
]


@page(blueprint, "/", permission="audit")
def index():
    """The chains: their lengths, and on request whether every link holds."""
    checked = request.args.get("verify") == "1"
    with reading() as session:
        found = trail.chains(session)
    findings = chain.verify(store()) if checked else []
    return render("audit/index.html", chains=found, checked=checked, findings=findings)


@page(blueprint, "/changes", permission="audit", twins=True)
def changes():
    """Revisions by chain, account and row."""
    asked = paging()
    picked = {"chain": request.args.get("chain", ""), "who": request.args.get("who", "")}
    row = request.args.get("row", "")
    with reading() as session:
        rows, more = trail.revisions(
            session, **picked, row=int(row) if row.isdigit() else None, page=asked.page, size=asked.size
        )
        names, chains = trail.accounts_named(session), [found.name for found in trail.chains(session)]
    columns = [
        Column("at", "When", lambda r: r.at, kind="moment"),
        Column("who", "Who", lambda r: r.who),
        Column("chain", "Chain", lambda r: r.chain),
        Column("number", "Link", lambda r: r.number, kind="number"),
        Column("row", "Row", lambda r: r.row_id, kind="number"),
        Column("action", "Action", lambda r: r.action),
        Column("items", "Items", lambda r: ", ".join(str(number) for number, _, _ in r.changes[:12])),
        Column("why", "Why", lambda r: r.why),
    ]
    table = Table("changes", "Changes", columns, rows, asked, more=more, empty="No change matches.")
    return render_list("audit/changes.html", table, picked={**picked, "row": row}, names=names, chains=chains)


@page(blueprint, "/reads", permission="audit", twins=True)
def reads():
    """The log of reads of identified data."""
    asked = paging()
    who, patient = request.args.get("who", ""), request.args.get("patient", "")
    with reading() as session:
        rows, more = trail.accesses(
            session, who=who, patient_id=int(patient) if patient.isdigit() else None, page=asked.page, size=asked.size
        )
        names = trail.accounts_named(session)
    columns = [
        Column("at", "When", lambda r: r.at, kind="moment"),
        Column("who", "Who", lambda r: r.who),
        Column("what", "What", lambda r: r.what),
        Column("patient", "Patient", lambda r: r.patient_id, kind="number", link=_report_link),
        Column("purpose", "Purpose", lambda r: r.purpose),
        Column("number", "Link", lambda r: r.number, kind="number"),
    ]
    table = Table("reads", "Reads", columns, rows, asked, more=more, empty="Nothing was read.")
    return render_list("audit/reads.html", table, who=who, patient=patient, names=names)


def _report_link(row: trail.Access) -> str:
    return url_for("audit.patient", patient_id=row.patient_id) if row.patient_id else ""


@page(blueprint, "/sign-ins", permission="audit", twins=True)
def sign_ins():
    """Attempts to sign in."""
    asked = paging()
    with reading() as session:
        rows, more = trail.sign_ins(session, page=asked.page, size=asked.size)
    columns = [
        Column("at", "When", lambda r: r.at, kind="moment"),
        Column("username", "Name", lambda r: r.username),
        Column("address", "From", lambda r: r.address, kind="code"),
        Column("outcome", "Outcome", lambda r: r.outcome),
    ]
    table = Table("sign-ins", "Sign-ins", columns, rows, asked, more=more, empty="Nobody signed in yet.")
    return render_list("audit/sign_ins.html", table)


@page(blueprint, "/patients/<int:patient_id>", permission="audit")
def patient(patient_id: int):
    """The access report of one patient, made to be printed."""
    with reading() as session:
        view = patients.load(session, actor(), patient_id)
        found = trail.report(session, patient_id)
    return render("audit/patient.html", view=view, report=found)
