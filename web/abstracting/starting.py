"""Starting a case: the class of case by questions, the forced search, and the form that begins it."""

from __future__ import annotations

from flask import flash, redirect, request, url_for

from registry import records
from registry.abstracting import class_of_case as classes
from registry.abstracting import copying, derived, starting
from registry.errors import RegistryError
from registry.linkage import runs
from registry.views import abstract as views
from registry.views.labels import label
from web.abstracting.base import blueprint
from web.meanings import choices
from web.pages import actor, log_read, log_search, page, reading, render, store, writing
from web.sealed import seal, unseal


@page(blueprint, "/class-of-case", permission="cases.read")
def class_of_case():
    """One question at a time until the class is certain; the answers stand in the address, the case may be named."""
    given = {name: value for name in classes.QUESTIONS if (value := request.args.get(name, ""))}
    progress = classes.decide(given)
    keep = {name: value[:4000] for name in ("abstract", "case", "kind") if (value := request.args.get(name, ""))}
    abstract = keep.get("abstract", "")
    open_question = progress.question
    answers = open_question.answers if open_question else ()
    return render(
        "abstracting/class.html",
        progress=progress,
        links=[
            (url_for("abstracting.class_of_case", **keep, **progress.answers, **{open_question.name: answer}), text)
            for answer, text in answers
        ],
        again=url_for("abstracting.class_of_case", **keep),
        told=classes.told(progress.answers),
        label=label("610", progress.code) if progress.code else "",
        flag=classes.accredited_flag(progress.code) if progress.code else "",
        contact=classes.contact_question(progress.code or ""),
        abstract=int(abstract) if abstract.isdigit() and len(abstract) < 10 else None,
        sealed=keep.get("case", ""),
        kind=keep.get("kind", starting.NEW_PATIENT),
    )


@page(blueprint, "/abstracts/<int:abstract_id>/class", permission="cases.edit", methods=("POST",))
def class_write(abstract_id: int):
    """Writes the class that the questions gave into the abstract, with what follows from it (2152)."""
    code = request.form.get("class", "")
    if code not in choices(610):
        raise RegistryError("usage", f"{code!r} is no class of case", hint="answer the questions again")
    with writing() as session:
        abstract = views.find(session, actor(), abstract_id)
        accredited = bool(abstract.facility and abstract.facility.accredited)
        items = records.all_items(abstract) | {610: code}
        changes = {610: code} | derived.consequences(items, [610], accredited=accredited)
        records.save(session, abstract_id, changes, who=actor().username, why="class of case by questions")
    flag = classes.accredited_flag(code, accredited=accredited)
    flash(f"Class of case {code} is written, with the CoC flag {flag or 'blank'}.", "success")
    return redirect(url_for("editor.edit", abstract_id=abstract_id, _anchor="item-580"), 303)


@page(blueprint, "/start", permission="cases.edit")
def start():
    """The search that comes before every new case."""
    return render("abstracting/start.html", asked=starting.Person(), found=None, fault="")


@page(blueprint, "/start", permission="cases.edit", methods=("POST",))
def find():
    """Who might be meant; the answer carries what was asked, sealed, to the next step."""
    asked = _person()
    facility = _facility()
    from registry.linkage import standing  # it brings the compiled kernels, which most pages do without

    try:
        likely = standing.likely(store(), starting.fields_of(asked)) if asked.is_enough else []
        with reading() as session:
            found = starting.search(session, actor(), asked, facility_id=facility, likely=likely)
    except RegistryError as fault:
        if fault.code != "usage":
            raise
        return render("abstracting/start.html", status=422, asked=asked, found=None, fault=f"{fault.message}.")
    log_search("search before a case", len(found))
    return render(
        "abstracting/start.html",
        asked=asked,
        found=found,
        fault="",
        token=_token(asked),
        person_values=vars(asked),
        seal=seal,
    )


@page(blueprint, "/start/<kind>", permission="cases.edit")
def begin_form(kind: str):
    """The few items with which a case begins."""
    given = _given()
    return _begin(kind, given, {}, "")


@page(blueprint, "/start/<kind>", permission="cases.edit", methods=("POST",))
def begin(kind: str):
    """Begins the case and opens it; what was typed stays when something is missing."""
    given = _given()
    items = {n: request.form.get(f"item-{n}", "").strip().upper() for n in starting.ASKED}
    facility = request.form.get("facility", "")
    asked = starting.CaseStart(
        kind,
        int(facility) if facility.isdigit() else actor().facility_id or 0,
        starting.Person(**given["person"]),
        {n: value for n, value in items.items() if value},
        given.get("patient"),
        given.get("tumor"),
        given.get("copy"),
        {int(n): value for n, value in given.get("answers", {}).items()},
    )
    if faults := starting.faults(asked):
        return _begin(kind, given, items, "; ".join(faults), status=422)
    with writing() as session:
        done = starting.begin(session, actor(), asked)
    if done.created:
        # a new account of a person is compared with the registry like one that a file brings
        runs.after_begin(store(), done.abstract_id, who=actor().username)
        flash(f"Case begun: accession {done.accession}, sequence {done.sequence}.", "success")
    else:
        flash("This facility already has an abstract of this tumor: here it is.", "info")
    return redirect(url_for("editor.edit", abstract_id=done.abstract_id, _anchor="item-500"), 303)


@page(blueprint, "/abstracts/<int:abstract_id>/copy", permission="cases.edit")
def copy(abstract_id: int):
    """What the next primary of this patient begins with, item by item, and the items that a person decides."""
    with reading() as session:
        abstract = views.find(session, actor(), abstract_id)
        view = views.load(session, actor(), abstract_id)
        lines = copying.proposed(records.all_items(abstract), starting.copy_home(session))
        fault = starting.copy_fault(session)
    log_read("abstract", patient_id=view.patient_id, abstract=abstract_id)
    return render("abstracting/copy.html", view=view, lines=lines, fault=fault)


@page(blueprint, "/abstracts/<int:abstract_id>/copy", permission="cases.edit", methods=("POST",))
def copy_begin(abstract_id: int):
    """Takes the answers along to the form that begins the next primary."""
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
        abstract = views.find(session, actor(), abstract_id)
        lines = copying.proposed(records.all_items(abstract), starting.copy_home(session))
    asked = {line.item for line in lines if line.policy == copying.ASK}
    answers = {n: value for n in asked if (value := request.form.get(f"item-{n}", "").strip()[:200])}
    person = starting.Person(view.items.get(2230, ""), view.items.get(2240, ""))
    token = _token(person, patient=view.patient_id, copy=abstract_id, answers=answers)
    return redirect(url_for("abstracting.begin_form", kind=starting.NEW_PRIMARY, case=token), 303)


def _begin(kind: str, given: dict, items: dict[int, str], fault: str, status: int = 200):
    if kind not in starting.KINDS:
        raise RegistryError("not-found", f"there is no way {kind!r} to begin a case")
    with reading() as session:
        facilities = starting.facilities(session, actor())
    code = request.args.get("class", "") or items.get(610, "")
    items = {610: code, 2300: given["person"].get("mrn", "")} | {n: v for n, v in items.items() if v}
    return render(
        "abstracting/begin.html",
        status=status,
        kind=kind,
        title=starting.KINDS[kind],
        person=starting.Person(**given["person"]),
        token=request.values.get("case", ""),
        items=items,
        fault=fault,
        facilities=facilities,
        contact=classes.contact_question(code),
        found_with_codes=[(code, f"{code} {text}") for code, text in choices(501).items()],
        classes_with_codes=[(code, f"{code} {text}") for code, text in choices(610).items()],
    )


def _person() -> starting.Person:
    get = request.form.get

    def value(name: str, length: int = 40) -> str:
        return get(name, "").strip()[:length]

    born = value("born").replace("-", "").replace("/", "")
    if len(born) == 8 and born[:2] <= "12" and not born.startswith(("19", "20", "18")):
        born = born[4:] + born[:4]
    return starting.Person(
        value("last"), value("first"), value("birth_surname"), born, value("ssn").replace("-", "")[:9], value("mrn", 15)
    )


def _facility() -> int | None:
    text = request.values.get("facility", "")
    return int(text) if text.isdigit() else actor().facility_id


def _token(person: starting.Person, **more: object) -> str:
    return seal({"person": vars(person)} | more)


def _given() -> dict:
    given = unseal(request.values.get("case", ""))
    if not isinstance(given, dict) or "person" not in given:
        raise RegistryError("usage", "a case begins with a search", hint="search for the person first")
    return given
