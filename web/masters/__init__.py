"""The masters: physicians, facilities, declared areas, and the physicians and contacts on a patient's cases."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flask import Blueprint, flash, g, redirect, request, url_for

from abstracting.codes import places
from registry import masters, records
from registry.errors import RegistryError
from registry.views import abstract as abstracts
from registry.views import lists
from registry.views import masters as views
from web import meanings
from web.lists.definitions import as_address
from web.navigation import Entry
from web.pages import actor, log_read, page, paging, reading, render, render_list, writing
from web.tables import Column, Table

blueprint = Blueprint("masters", __name__, url_prefix="/masters")
navigation = [
    Entry(
        "Physicians and facilities",
        "masters.physicians",
        group="Registry",
        icon="person-vcard",
        permission="cases.read",
        keys="g m",
        words="masters npi hospital specialty population-based areas counties completeness",
    )
]


def _abstracts_at(*conditions: str) -> str:
    return url_for("lists.cases", **as_address(lists.Definition(conditions, unit="abstracts")))


@page(blueprint, "/", permission="cases.read", twins=True)
def physicians():
    """The physicians, searched by name, NPI, number or specialty."""
    text, show = request.args.get("text", "")[:80], request.args.get("show", "active")
    asked = paging()
    with reading() as session:
        rows, more, total = views.physicians(session, text=text, show=show, page=asked.page, size=asked.size)
    g.list_at = ("masters.physicians", {"text": text, "show": show})

    def open_row(row: views.PhysicianLine) -> str:
        return url_for("masters.physician", number=row.id)

    columns = [
        Column("name", "Physician", lambda r: r.name, link=open_row),
        Column("specialty", "Specialty", lambda r: r.specialty),
        Column("npi", "NPI", lambda r: r.npi, kind="code"),
        Column("warning", "To check", lambda r: "check digit" if r.warning else ""),
        Column("number", "Own number", lambda r: r.number, kind="code"),
        Column("city", "City", lambda r: r.city),
        Column("phone", "Phone", lambda r: r.phone),
        Column("active", "Active", lambda r: "yes" if r.active else "no"),
    ]
    table = Table(
        "physicians", "Physicians", columns, rows, asked, more=more, total=total, row_link=open_row,
        empty="No physician matches. Physicians are added here, or when a file names one.",
    )  # fmt: skip
    return render_list("masters/physicians.html", table, text=text, show=show)


@page(blueprint, "/physicians/<int:number>", permission="cases.read")
def physician(number: int):
    """One physician, with the cases in each role."""
    with reading() as session:
        found = views.physician(session, actor(), number)
    return _physician(found.row, found)


@page(blueprint, "/physicians/new", permission="masters")
def new_physician():
    """A blank form."""
    return _physician(SimpleNamespace(id=None, active=True), None)


def _physician(row: Any, found: views.PhysicianPage | None, *, fault: str = "", status: int = 200):
    roles = [(role, many, _abstracts_at(*at) if many else "") for role, many, at in (found.roles if found else ())]
    return render(
        "masters/physician.html",
        status=status,
        row=row,
        name=found.line.name if found else "New physician",
        warning=masters.npi_warning(getattr(row, "npi", "") or ""),
        roles=roles,
        fault=fault,
        editable=actor().may("masters"),
    )


@page(blueprint, "/physicians", permission="masters", methods=("POST",))
def add_physician():
    """Makes a physician."""
    return _save_physician(None)


@page(blueprint, "/physicians/<int:number>", permission="masters", methods=("POST",))
def save_physician(number: int):
    """Changes a physician."""
    return _save_physician(number)


def _version() -> int | None:
    text = request.form.get("version", "")
    return int(text) if text.isdigit() else None


def _save_physician(number: int | None):
    form = request.form
    try:
        with writing() as session:
            row = masters.save_physician(session, form, who=actor().username, number=number, version=_version())
            made, npi = row.id, row.npi or ""
    except RegistryError as error:
        if error.code not in ("item-value", "conflict"):
            raise
        typed = SimpleNamespace(id=number, version_id=form.get("version", ""), **_typed(masters.PHYSICIAN_FIELDS))
        return _physician(typed, None, fault=f"{error.message}. {error.hint}.", status=422)
    if warning := masters.npi_warning(npi):
        flash(f"Saved, but {warning}.", "warning")
    else:
        flash("Saved.", "success")
    return redirect(url_for("masters.physician", number=made), 303)


def _typed(names: tuple[str, ...]) -> dict[str, Any]:
    flags = ("active", "accredited")
    return {name: bool(request.form.get(name)) if name in flags else request.form.get(name, "") for name in names}


# --- facilities -----------------------------------------------------------------------------------------------------------


@page(blueprint, "/facilities", permission="cases.read", twins=True)
def facilities():
    """The facilities with both identifiers."""
    asked = paging()
    with reading() as session:
        rows = views.facilities(session)
        counts = views.abstracts_by_facility(session, actor())

    def open_row(row: Any) -> str:
        return url_for("masters.facility", number=row.id)

    columns = [
        Column("name", "Facility", lambda r: r.name, link=open_row, sort=True),
        Column("number", "Number (540)", lambda r: r.number, kind="code", sort=True),
        Column("npi", "NPI (545)", lambda r: r.npi or "", kind="code"),
        Column("warning", "To check", lambda r: "check digit" if masters.npi_warning(r.npi or "") else ""),
        Column("city", "City", lambda r: r.city or ""),
        Column("state", "State", lambda r: r.state or ""),
        Column("kind", "Kind", lambda r: r.kind),
        Column("abstracts", "Abstracts", lambda r: counts.get(r.id, 0), kind="number", sort=True,
               link=lambda r: _abstracts_at(f"facility={r.number}") if counts.get(r.id) else ""),
        Column("active", "Active", lambda r: "yes" if r.active else "no"),
    ]  # fmt: skip
    table = Table.of("facilities", "Facilities", columns, rows, asked, row_link=open_row,
                     empty="No facility yet. Facilities are added here, or when a file names one.")  # fmt: skip
    return render_list("masters/facilities.html", table)


@page(blueprint, "/facilities/<int:number>", permission="cases.read")
def facility(number: int):
    """One facility."""
    with reading() as session:
        return _facility(views.facility(session, number))


@page(blueprint, "/facilities/new", permission="settings")
def new_facility():
    """A blank form."""
    return _facility(SimpleNamespace(id=None, kind="hospital", active=True, accredited=False))


def _facility(row: Any, *, fault: str = "", status: int = 200):
    county = getattr(row, "county", "") or ""
    return render(
        "masters/facility.html",
        status=status,
        row=row,
        warning=masters.npi_warning(getattr(row, "npi", "") or ""),
        county=places.county_label(places.state_of_fips(county[:2]), county[2:]),
        fault=fault,
        editable=actor().may("settings"),
    )


@page(blueprint, "/facilities", permission="settings", methods=("POST",))
def add_facility():
    """Makes a facility."""
    return _save_facility(None)


@page(blueprint, "/facilities/<int:number>", permission="settings", methods=("POST",))
def save_facility(number: int):
    """Changes a facility."""
    return _save_facility(number)


def _save_facility(number: int | None):
    form = request.form
    try:
        with writing() as session:
            row = masters.save_facility(session, form, who=actor().username, number=number, version=_version())
            made, npi = row.id, row.npi or ""
    except RegistryError as error:
        if error.code not in ("item-value", "conflict"):
            raise
        typed = _typed((*masters.FACILITY_FIELDS, "number"))
        row = SimpleNamespace(id=number, version_id=form.get("version", ""), **typed)
        return _facility(row, fault=f"{error.message}. {error.hint}.", status=422)
    warning = masters.npi_warning(npi)
    flash(f"Saved, but {warning}." if warning else "Saved.", "warning" if warning else "success")
    return redirect(url_for("masters.facility", number=made), 303)


# --- declared areas -------------------------------------------------------------------------------------------------------


@page(blueprint, "/areas", permission="cases.read", twins=True)
def areas():
    """The counties and years declared population-based, with their completeness."""
    return _areas()


def _areas(*, fault: str = "", typed: dict[str, str] | None = None):
    asked = paging()
    g.list_at = ("masters.areas", {"sort": asked.sort} if asked.sort else {})
    with reading() as session:
        rows = views.areas(session)
    columns = [
        Column("county", "County", lambda r: r.county, kind="code", sort=True),
        Column("name", "Name", lambda r: r.name, sort=True),
        Column("state", "State", lambda r: r.state),
        Column("from", "From", lambda r: r.year_from, sort=True),
        Column("to", "To", lambda r: r.year_to, sort=True),
        Column("completeness", "Completeness", lambda r: f"{r.completeness:.1%}", sort=True),
        Column("cases", "Cases", lambda r: "show", link=lambda r: url_for(
            "lists.cases", where=[f"county={r.county}", f"year={r.year_from}-{r.year_to}"])),
        Column("who", "Declared by", lambda r: r.declared_by),
        Column("at", "When", lambda r: r.declared_at, kind="moment"),
    ]  # fmt: skip
    table = Table.of("population-based-areas", "Declared areas", columns, rows, asked,
                     empty="No county is declared population-based: no incidence rate is computed.")  # fmt: skip
    return render_list(
        "masters/areas.html",
        table,
        rows=rows,
        fault=fault,
        typed=typed or {},
        editable=actor().may("settings"),
        states=[(code, text) for code, text in places.state().codes.items() if places.state_fips(code)],
    )


@page(blueprint, "/areas", permission="settings", methods=("POST",))
def declare():
    """Declares counties population-based."""
    form = request.form
    try:
        with writing() as session:
            made = masters.declare(
                session,
                masters.counties_of(form.get("counties", "")),
                year_from=_whole(form.get("year_from", ""), "the first year"),
                year_to=_whole(form.get("year_to", ""), "the last year"),
                completeness=_percent(form.get("completeness", "")),
                who=actor().username,
            )
            count = len(made)
    except RegistryError as error:
        if error.code != "item-value":
            raise
        response = _areas(fault=f"{error.message}. {error.hint}.", typed=dict(form))
        response.status_code = 422
        return response
    flash(f"{count} {'county is' if count == 1 else 'counties are'} declared population-based.", "success")
    return redirect(url_for("masters.areas"), 303)


def _whole(text: str, what: str) -> int:
    if not text.strip().isdigit():
        raise RegistryError("item-value", f"{what} is no number", hint="give four digits")
    return int(text)


def _percent(text: str) -> float:
    try:
        return float(text.replace("%", "").replace(",", ".")) / 100
    except ValueError as error:
        raise RegistryError("item-value", "the completeness is no number", hint="give percent, as 97") from error


@page(blueprint, "/areas/<int:number>/withdraw", permission="settings", methods=("POST",))
def withdraw(number: int):
    """Withdraws a declaration."""
    with writing() as session:
        masters.withdraw(session, number, who=actor().username, why=request.form.get("why", "").strip()[:500])
    flash("Withdrawn: no rate is computed there any more.", "success")
    return redirect(url_for("masters.areas"), 303)


# --- one patient ------------------------------------------------------------------------------------------------------------


@page(blueprint, "/patients/<int:patient_id>", permission="cases.read")
def patient(patient_id: int):
    """The physicians and follow-up contacts on a person's cases."""
    with reading() as session:
        found = views.patient(session, actor(), patient_id)
        choices = views.choices(session) if actor().may("cases.edit") else []
    log_read("contacts of a patient", patient_id=patient_id)
    return _patient(found, choices)


def _patient(
    found: views.PatientContacts, choices: list[views.PhysicianLine], *, fault: str = "", at: int = 0, status: int = 200
):
    identified = actor().identifies(found.patient_id)
    return render(
        "masters/patient.html",
        status=status,
        view=found,
        choices=choices,
        identified=identified,
        editable=actor().may("cases.edit") and identified,
        fault=fault,
        fault_at=at,
        typed=request.form if fault else {},
        length=meanings.length,
    )


@page(blueprint, "/cases/<int:abstract_id>", permission="cases.edit", methods=("POST",))
def save_case(abstract_id: int):
    """Saves the roles and the contact of one abstract, as a revision of it."""
    with reading() as session:
        row = abstracts.find(session, actor(), abstract_id)
        patient_id, before = row.record.patient_id, dict(row.items)
    try:
        with writing() as session:
            abstracts.find(session, actor(), abstract_id)
            changes = _changes(session, before)
            saved = records.save(
                session,
                abstract_id,
                changes,
                who=actor().username,
                why="physicians and contacts",
                expected_version=_version(),
            )
    except RegistryError as error:
        if error.code not in ("item-value", "conflict"):
            raise
        with reading() as session:
            found, choices = views.patient(session, actor(), patient_id), views.choices(session)
        return _patient(found, choices, fault=f"{error.message}. {error.hint}.", at=abstract_id, status=422)
    count = len(saved.changes)
    flash(
        f"Saved: {count} {'item' if count == 1 else 'items'} changed." if count else "Nothing had changed.", "success"
    )
    return redirect(url_for("masters.patient", patient_id=patient_id, _anchor=f"case-{abstract_id}"), 303)


def _changes(session: Any, before: dict[str, str]) -> dict[int, str]:
    """Reads the form: a role's field names a physician by NPI or number, and both items of the role follow from it."""
    changes: dict[int, str] = {}
    for place, (own, npi) in enumerate(views.PHYSICIAN_ITEMS):
        name = f"role-{place}"
        if name not in request.form:
            continue
        key = request.form[name].split(" ")[0].strip()
        was = next((v for v in (before.get(npi, ""), before.get(own, "")) if v not in views.NOBODY), "")
        if key == was:
            continue
        if not key:
            changes[int(own)] = changes[int(npi)] = ""
            continue
        found = views.find_physician(session, key)
        changes[int(own)], changes[int(npi)] = found.number or "", found.npi or ""
    for number in views.CONTACT_ITEMS:
        if f"item-{number}" in request.form:
            changes[number] = request.form[f"item-{number}"].strip()
    return changes
