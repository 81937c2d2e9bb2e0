"""Letters: made for a list or a plan, looked over, printed as one PDF with its mailing list, posted; templates with preview."""

from __future__ import annotations

from collections import Counter
from datetime import date

from flask import Response, flash, redirect, request, url_for
from werkzeug.exceptions import NotFound

from registry.followup import letters as services
from registry.followup import letters_text as texts
from registry.followup import lists as due_lists
from registry.followup import mail, runs
from registry.followup.sources import SOURCES
from registry.followup.standing import Standing
from registry.followup.status import Person
from web.followup import blueprint
from web.followup.base import choice, now_standing
from web.pages import actor, log_read, page, paging, reading, render, settings, store, writing

A_PAGE = 200
"""So many letters are shown at a time; their texts stand on the page."""

CHANNELS = (services.LETTER, services.EMAIL)


@page(blueprint, "/letters", permission="followup")
def letters():
    """The runs, newest first, and for whom letters can be made."""
    with reading() as db:
        chosen = choice(db)
        found = now_standing(db, chosen)
        rows = runs.list_runs(db, facility_id=actor().facility_id)
    return render(
        "followup/letters.html",
        chosen=chosen,
        standing=found,
        runs=rows,
        sources=[SOURCES[name] for name in texts.LETTER_SOURCES],
        mail=mail.load_mail(settings()),
    )


@page(blueprint, "/letters", permission="followup", methods=("POST",))
def make_letters():
    """Makes a run of letters for a list, or for the patients whose contacts reach a target."""
    form = request.form
    channel = form.get("channel", services.LETTER)
    with writing() as db:
        chosen = choice(db)
        found = now_standing(db, chosen)
        people, title, limit = _wanted(found)
        made = services.make_letters(
            db,
            found,
            people,
            who=actor().username,
            title=title,
            registry_name=settings().registry_name,
            source=form.get("source", ""),
            channel=channel if channel in CHANNELS else services.LETTER,
            see_deaths=actor().facility_id is None,
            limit=limit,
        )
    if made.run_id is None:
        reasons = Counter(skip.reason for skip in made.skipped)
        words = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(4)) or "nobody is on that list"
        flash(f"No letter was made: {words}.", "warning")
        return redirect(url_for("followup.letters"), 303)
    return redirect(url_for("followup.run", run_id=made.run_id), 303)


def _wanted(found: Standing) -> tuple[list[Person], str, int | None]:
    """For whom, under which title, and how many letters at most."""
    form = request.form
    if form.get("test"):
        plan = found.plans.get((form["test"], form.get("unit", "case")))
        if plan is None:
            raise NotFound
        test = plan.rate.test
        people = [reach.person for reach in plan.order]
        return people, f"{plan.contacts} to reach {test.target:.0%}: {test.title}", plan.contacts
    if form.get("patient", "").isdigit():
        wanted = int(form["patient"])
        return [person for person in found.people if person.patient_id == wanted], "One patient", None
    name = form.get("list", "open")
    month = due_lists.read_month(form["month"]) if form.get("month") else None
    view = "month" if month else name
    title = f"Due in {month:%B %Y}" if month else due_lists.VIEWS.get(view, ("", ""))[0]
    return found.view(view, month), title, None


@page(blueprint, "/letters/<int:run_id>", permission="followup")
def run(run_id: int):
    """One run: its letters, who got none and why, and what can be done with it."""
    with reading() as db:
        found = services.open_run(db, run_id, facility_id=actor().facility_id)
        view = runs.view_run(db, found, see_deaths=actor().facility_id is None)
    log_read("letter run", run=run_id)
    number = paging().page
    return render(
        "followup/run.html",
        run=view,
        shown=view.letters[(number - 1) * A_PAGE : number * A_PAGE],
        number=number,
        pages=-(-len(view.letters) // A_PAGE),
        most=A_PAGE,
        sources=SOURCES,
        mail=mail.load_mail(settings()),
    )


@page(blueprint, "/letters/<int:run_id>/letters.pdf", permission="followup")
def run_pdf(run_id: int):
    """The letters of a run as one PDF; what a reason holds by now is not in it."""
    from registry.followup.printing import letters_pdf

    with reading() as db:
        found = services.open_run(db, run_id, facility_id=actor().facility_id)
        going = runs.to_print(db, found)
        by = services.sender(db, settings().registry_name, found.facility_id)
        content = letters_pdf(going, by, on=date.today()) if going else b""
    if not content:
        raise NotFound
    log_read("letters printed", run=run_id, letters=len(going))
    return _file(content, "application/pdf", f"letters-{run_id}.pdf", inline=True)


@page(blueprint, "/letters/<int:run_id>/mailing.csv", permission="followup")
def run_mailing(run_id: int):
    """The addresses of a run."""
    from registry.followup.printing import mailing_list

    with reading() as db:
        found = services.open_run(db, run_id, facility_id=actor().facility_id)
        content = "\ufeff" + mailing_list(runs.to_print(db, found))
    log_read("mailing list", run=run_id)
    return _file(content.encode(), "text/csv; charset=utf-8", f"mailing-{run_id}.csv")


def _file(content: bytes, kind: str, name: str, *, inline: bool = False) -> Response:
    response = Response(content, content_type=kind)
    how = "inline" if inline else "attachment"
    response.headers["Content-Disposition"] = f'{how}; filename="{name}"'
    return response


@page(blueprint, "/letters/<int:run_id>/posted", permission="followup", methods=("POST",))
def post_run(run_id: int):
    """Marks the letters of a run as posted today, or hands its e-mails to the mail server."""
    with writing() as db:
        found = services.open_run(db, run_id, facility_id=actor().facility_id)
        posted = services.mark_posted(db, found, who=actor().username)
    sent = mail.send_run(store(), run_id, who=actor().username)
    words = [f"{posted} letters are marked as posted" if posted else "", sent.words]
    flash("; ".join(word for word in words if word).capitalize() + ".", "success" if not sent.failed else "warning")
    return redirect(url_for("followup.run", run_id=run_id), 303)


@page(blueprint, "/letters/<int:run_id>/take-back", permission="followup", methods=("POST",))
def take_back_run(run_id: int):
    """Takes back what was not answered of a run."""
    with writing() as db:
        found = services.open_run(db, run_id, facility_id=actor().facility_id)
        count = services.take_back(db, found, who=actor().username, why=request.form.get("why", "").strip())
    flash(f"{count} letters were taken back; their patients are on the list again.", "success")
    return redirect(url_for("followup.run", run_id=run_id), 303)


# ---- templates ---------------------------------------------------------------------------------------------------------


@page(blueprint, "/templates", permission="followup")
def templates():
    """The letters by way and language: which are the registry's own."""
    with reading() as db:
        chosen = choice(db)
        number = chosen.facility.number if chosen.facility else ""
        rows = {
            source: {code: texts.letter_text(db, source, code, number) for code in texts.LANGUAGES}
            for source in texts.LETTER_SOURCES
        }
    return render("followup/templates.html", chosen=chosen, rows=rows, languages=texts.LANGUAGES, sources=SOURCES)


@page(blueprint, "/templates/<source>/<language>", permission="followup")
def template(source: str, language: str):
    """One letter to edit, with its preview beside it."""
    with reading() as db:
        chosen = choice(db)
        text = _text(db, source, language, chosen)
    return _template_page(chosen, text, [])


def _text(db, source: str, language: str, chosen) -> texts.LetterText:
    if source not in texts.LETTER_SOURCES or language not in texts.LANGUAGES:
        raise NotFound
    return texts.letter_text(db, source, language, chosen.facility.number if chosen.facility else "")


def _template_page(chosen, text: texts.LetterText, faults: list[str], status: int = 200):
    preview = None if texts.check_text(text.source, text.subject, text.body) else texts.render(text, texts.SAMPLE)
    return render(
        "followup/template.html",
        block="preview",
        status=status,
        chosen=chosen,
        text=text,
        faults=faults or texts.check_text(text.source, text.subject, text.body),
        preview=preview,
        names=texts.names_for(text.source),
        languages=texts.LANGUAGES,
        source=SOURCES[text.source],
    )


@page(blueprint, "/templates/<source>/<language>", permission="followup", methods=("POST",))
def save_template(source: str, language: str):
    """Saves a letter, or shows its preview; a fault saves nothing and is named."""
    form = request.form
    with writing() as db:
        chosen = choice(db)
        kept = _text(db, source, language, chosen)
        number = chosen.facility.number if chosen.facility else ""
        if form.get("do") == "drop" and kept.own:
            texts.drop_text(db, source, language, kept.facility_number, who=actor().username)
            flash("The shipped letter is in force again.", "success")
            return redirect(url_for("followup.template", source=source, language=language), 303)
        typed = texts.LetterText(source, language, form.get("subject", ""), form.get("body", ""), number)
        faults = texts.check_text(source, typed.subject, typed.body.replace("\r\n", "\n"))
        if faults or form.get("do") == "preview":
            return _template_page(chosen, typed, faults, 200 if form.get("do") == "preview" else 422)
        texts.save_text(db, typed, who=actor().username)
    flash("The letter is saved and in force for the next run.", "success")
    return redirect(url_for("followup.templates"), 303)
