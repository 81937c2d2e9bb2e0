"""Commands of follow-up: who is due, the rates, letters and death files."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import click

DAY = click.DateTime(formats=["%Y-%m-%d", "%Y%m%d"])


@click.group()
def followup() -> None:
    """Annual follow-up of every living patient: due list, rates, letters, death files."""


def _common(command: Any) -> Any:
    for option in (
        click.option("--facility", default="", help="only patients of this facility (number, item 540)"),
        click.option("--as-of", type=DAY, help="the day on which to look, as 2025-06-30 (today)"),
        click.option("--rule-set", default="coc", show_default=True, help="rule set by name; a wrong one lists them"),
        click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table"),
    ):
        command = option(command)
    return command


def _day(as_of: datetime | None) -> date:
    return as_of.date() if as_of else date.today()


@followup.command()
@_common
@click.option("--list", "view", default="open", show_default=True, help="due, lost, overdue, open, month, not-followed")
@click.option("--month", default="", help="with --list month: the month, as 2025-06 (this month)")
def due(facility: str, as_of: datetime | None, rule_set: str, as_json: bool, view: str, month: str) -> None:
    """List the patients to follow, one line each, longest unheard first."""
    from registry import config
    from registry.db import open_store
    from registry.followup import lists, rules

    day, chosen = _day(as_of), rules.rule_set(rule_set)
    wanted = lists.read_month(month) if month else None
    with open_store(config.load()).reading() as session:
        clinic = lists.facility(session, facility) if facility else None
        found = lists.followed(session, chosen, as_of=day, facility_id=clinic.id if clinic else None)
    rows = lists.select_view(found, "month" if month else view, as_of=day, month=wanted)
    if as_json:
        counts = {name: len(lists.select_view(found, name, as_of=day)) for name in ("due", "lost", "overdue", "open")}
        document = {
            "as_of": day.isoformat(),
            "rule_set": chosen.id,
            "facility": facility,
            "list": "month" if month else view,
            "counts": counts,
            "rows": [_line(person) for person in rows],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{'patient':>9}  {'status':<12} {'last contact':<12} {'due':<12} name")
    for person in rows:
        contact, due_day = person.last_contact or "unknown", person.due_day or ""
        name = f"{person.name_last}, {person.name_first}"
        click.echo(f"{person.patient_id:>9}  {person.status:<12} {contact:<12} {due_day!s:<12} {name}")
    click.echo(f"{len(rows):,} patients")


def _line(person: Any) -> dict[str, Any]:
    return {
        "patient_id": person.patient_id,
        "name_last": person.name_last,
        "name_first": person.name_first,
        "facility": person.facility,
        "status": person.status,
        "reason": person.reason,
        "date_of_last_contact": person.last_contact,
        "due": person.due_day.isoformat() if person.due_day else None,
        "cases": [case.abstract_id for case in person.followed],
    }


@followup.command()
@_common
@click.option("--unit", type=click.Choice(["case", "patient"]), help="count only cases, or only patients (both)")
@click.option("--forecast", is_flag=True, help="add what each rate will be by month if nobody is heard of")
def rates(
    facility: str, as_of: datetime | None, rule_set: str, as_json: bool, unit: str | None, forecast: bool
) -> None:
    """Compute the follow-up rates: A eligible, B dead, C living, D current, E lost; (B + D) / A against the target."""
    from registry import config
    from registry.db import open_store
    from registry.followup import lists, rules
    from registry.followup import rates as formulas

    day, chosen = _day(as_of), rules.rule_set(rule_set)
    with open_store(config.load()).reading() as session:
        clinic = lists.facility(session, facility) if facility else None
        number = clinic.id if clinic else None
        found = lists.followed(session, chosen, as_of=day, facility_id=number)
        reference = lists.reference_date(session, number)
    rows = []
    for counted in (unit,) if unit else (formulas.CASE, formulas.PATIENT):
        ahead = lists.forecast(found, chosen, as_of=day, reference=reference, unit=counted) if forecast else {}
        for rate in formulas.rates(found, chosen, as_of=day, reference=reference, unit=counted):
            rows.append(_rate(rate, ahead.get(rate.test.id)))
    if as_json:
        document = {
            "as_of": day.isoformat(),
            "rule_set": chosen.id,
            "facility": facility,
            "reference_date": reference.isoformat() if reference else None,
            "tests": rows,
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{chosen.title} on {day}")
    click.echo(f"{'test':<30} {'by':<8}" + "".join(f"{letter:>8}" for letter in "ABCDE") + "    rate  target  needed")
    for row in rows:
        share = f"{row['rate']:.1%}" if row["rate"] is not None else "–"
        letters = "".join(f"{row[letter]:>8,}" for letter in "ABCDE")
        click.echo(f"{row['title']:<30} {row['unit']:<8}{letters} {share:>7} {row['target']:>7.0%} {row['needed']:>7,}")
        for month in row.get("forecast", []):
            then = f"{month['rate']:.1%}" if month["rate"] is not None else "–"
            click.echo(f"{'':<30} {month['on']}: {then:>7}, {month['needed']:,} needed")


def _rate(rate: Any, ahead: Any) -> dict[str, Any]:
    row = {
        "test": rate.test.id,
        "title": rate.test.title,
        "unit": rate.unit,
        **{letter: getattr(rate, letter.lower()) for letter in "ABCDE"},
        "rate": rate.rate,
        "target": rate.test.target,
        "met": rate.met,
        "needed": rate.needed,
    }
    if ahead is not None:
        row["forecast"] = [{"on": f.on.isoformat(), "rate": f.rate, "needed": f.needed} for f in ahead]
    return row


@followup.command()
@_common
@click.option("--list", "view", default="due", show_default=True, help="for whom: due, lost, overdue, open, month")
@click.option("--test", default="", help="instead of a list: the patients whose contacts reach the target of this test")
@click.option("--unit", type=click.Choice(["case", "patient"]), default="case", help="with --test: how the test counts")
@click.option("--source", default="", help="physician, patient, contact or hospital (the likeliest way for each)")
@click.option("--pdf", type=click.Path(dir_okay=False), help="write the letters to this file")
@click.option("--mailing-list", type=click.Path(dir_okay=False), help="write the addresses to this file (CSV)")
@click.option("--posted", is_flag=True, help="mark them as posted today")
@click.option("--purpose", default="letters of follow-up", help="why; kept in the log")
def letters(
    facility: str,
    as_of: datetime | None,
    rule_set: str,
    as_json: bool,
    view: str,
    test: str,
    unit: str,
    source: str,
    pdf: str | None,
    mailing_list: str | None,
    posted: bool,
    purpose: str,
) -> None:
    """Make letters, one a patient, into the outbox; write them as one PDF with barcodes, and their mailing list.

    Whoever is held (a death, a possible death, a wish), abroad, or has a letter on its way gets none, with the reason.
    """
    import getpass
    from pathlib import Path

    from registry import audit, config
    from registry.db import open_store
    from registry.errors import RegistryError
    from registry.followup import letters as services
    from registry.followup import lists, rules, runs
    from registry.followup.printing import letters_pdf
    from registry.followup.printing import mailing_list as addresses
    from registry.followup.standing import standing

    settings = config.load()
    store, who = open_store(settings), getpass.getuser()
    day, chosen = _day(as_of), rules.rule_set(rule_set)
    with store.writing() as session:
        clinic = lists.facility(session, facility) if facility else None
        found = standing(session, chosen, as_of=day, facility_id=clinic.id if clinic else None)
        if test:
            plan = found.plans.get((test, unit))
            if plan is None:
                known = ", ".join(t.id for t in chosen.tests)
                raise RegistryError("usage", f"no test {test!r} in rule set {chosen.id}", hint=f"known: {known}")
            people, limit = [reach.person for reach in plan.order], plan.contacts
            title = f"{plan.contacts} to reach {plan.rate.test.target:.0%}"
        else:
            people, title, limit = found.view(view), lists.VIEWS[view][0], None
        made = services.make_letters(
            session,
            found,
            people,
            who=who,
            title=title,
            registry_name=settings.registry_name,
            source=source,
            limit=limit,
        )
        if made.run_id is not None:
            run = services.open_run(session, made.run_id)
            going = runs.to_print(session, run)
            if pdf:
                Path(pdf).write_bytes(
                    letters_pdf(going, services.sender(session, settings.registry_name, run.facility_id), on=day)
                )
            if mailing_list:
                Path(mailing_list).write_text("\ufeff" + addresses(going), encoding="utf-8")
            if posted:
                services.mark_posted(session, run, who=who)
            audit.log_access(
                session, "letters printed", who=who, purpose=purpose, detail={"run": run.id, "letters": len(going)}
            )
    document = {
        "run": made.run_id,
        "letters": len(made.letters),
        "skipped": [{"patient_id": skip.patient_id, "reason": skip.reason} for skip in made.skipped],
    }
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"run {made.run_id}: {len(made.letters):,} letters" if made.run_id else "no letter was made")
    reasons: dict[str, int] = {}
    for skip in made.skipped:
        reasons[skip.reason] = reasons.get(skip.reason, 0) + 1
    for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1]):
        click.echo(f"  without a letter: {count:,} {reason}")


@followup.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--layout",
    default="state",
    show_default=True,
    help="state, ije, ssa, ndi, csv, encounters, or a layout of your own",
)
@click.option("--map", "mapping", multiple=True, help="COLUMN=FIELD for a column with another name (repeat for more)")
@click.option("--facility", default="", help="the facility whose encounters these are (number, item 540)")
@click.option("--redisclosure", default="", help="free, state, ssa, ndi, ndi-shared (the layout's own)")
@click.option("--exact", is_flag=True, help="match by number, birth date and whole name alone, without the linkage")
@click.option("--dry-run", is_flag=True, help="match and report, write nothing")
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def deaths(
    file: str,
    layout: str,
    mapping: tuple[str, ...],
    facility: str,
    redisclosure: str,
    exact: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Match a death file or an encounter list with the registry; what is sure is written, the rest waits for a review.

    Exit 1 when rows were rejected; every row is accounted for and every acceptance can be taken back.
    """
    import getpass
    import sys
    from pathlib import Path

    from registry import config
    from registry.db import open_store
    from registry.errors import RegistryError
    from registry.followup import lists, matching, passive

    pairs = dict(pair.rpartition("=")[::2] for pair in mapping)
    if any(not column or not name for column, name in pairs.items()):
        raise RegistryError("usage", "--map needs COLUMN=FIELD", hint="as --map 'Died on=dod'")
    store = open_store(config.load())
    with store.reading() as session:
        clinic = lists.facility(session, facility) if facility else None
    report = passive.load_file(
        store,
        Path(file),
        layout,
        who=getpass.getuser(),
        mapping=pairs,
        facility_id=clinic.id if clinic else None,
        rule=redisclosure,
        matcher=matching.exact if exact else matching.probabilistic,
        dry_run=dry_run,
    ).as_dict()
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        words = {
            "accepted": "taken: sure, and written",
            "review": "wait for a review",
            "known": "say nothing new",
            "unmatched": "speak of nobody here",
            "left_out": "left out by the layout (no contact, withdrawn)",
            "rejected": "rejected",
        }
        click.echo(f"{report['rows_in']:,} rows" + (" (this file was matched before)" if report["again"] else ""))
        for fate, text in words.items():
            click.echo(f"{report[fate]:>9,}  {text}")
        for reason in report["reasons"][:20]:
            click.echo(f"  row {reason['row']}: {reason['message']} [{reason['code']}]")
    sys.exit(1 if report["rejected"] else 0)
